/* What the record needs to know of a type: one row per type, in value_ops.c. A new type is its own files and a row. */
#ifndef CAIRN_VALUE_VALUE_OPS_H
#define CAIRN_VALUE_VALUE_OPS_H

#include "value/record.h"

struct value_ops {
    const char *name; /* as TYPE says */
    size_t (*len)(const struct record *r);       /* elements; NULL: no collection */
    /* The rest is NULL as long as the type has no values. */
    void (*free)(struct record *r);              /* frees what hangs off the value bytes; the record goes afterwards */
    /* copy's value bytes are another record's: make what they point to its own */
    void (*own)(struct record *copy);
    size_t (*mem)(const struct record *r, size_t samples); /* bytes beside the record's own */
    size_t (*free_effort)(const struct record *r);
    const char *(*encoding_name)(const struct record *r);
    /* Where RECORD_PARTS_EXPIRE is set: the earliest expiry among the elements. NULL: they have none. */
    uint64_t (*parts_expire_ms)(const struct record *r);
    void (*check)(const struct record *r);
    /* Both may be NULL. Fetches what a look-up of the element will read first, and returns its hash ... */
    uint64_t (*prefetch)(const struct record *r, struct slice element);
    void (*prefetch_element)(const struct record *r, uint64_t hash); /* ... and then what it reads next */
};

const struct value_ops *value_ops(enum value_type type);

extern const struct value_ops string_ops, list_ops, set_ops, zset_ops, hash_ops, stream_ops;

#endif
