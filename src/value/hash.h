/* Hashes: fields with values, each field with an expiry of its own if wanted; listpack or table inside the record of
 * type TYPE_HASH. The record never moves when the hash changes. A hash that became empty is valid here; the caller
 * removes its key.
 *
 * A field whose time has come (expiry <= now_ms) is hidden from every verb that takes now_ms. */
#ifndef CAIRN_VALUE_HASH_H
#define CAIRN_VALUE_HASH_H

#include "base/num.h"
#include "base/prng.h"
#include "ds/table.h"
#include "value/limits.h"
#include "value/record.h"

struct record *hash_new(struct slice key) must_use; /* empty. NULL: no room for a long key */
size_t hash_len(const struct record *r);            /* fields, due ones that nobody reaped included; O(1) */
/* The value of a field: a view of r, or of scratch; valid until r changes. False: no such field. */
bool hash_get(const struct record *r, struct slice field, uint64_t now_ms, char scratch[NUM_I64_TEXT_MAX],
              struct slice *value);
/* Sets a field, without expiry afterwards. True: it is new. */
bool hash_set(struct record *r, struct slice field, struct slice value, uint64_t now_ms,
              const struct value_limits *limits);
bool hash_delete(struct record *r, struct slice field, uint64_t now_ms); /* false: no such field */

/* Every field once; r does not change meanwhile. Slices are valid until the next call. expire_ms 0: none. */
struct hash_item {
    struct slice field, value;
    uint64_t expire_ms;
};
struct hash_iter { /* private */
    const struct record *r;
    uint64_t now_ms;
    uint32_t pos;
    struct table_iter table;
    char field[NUM_I64_TEXT_MAX], value[NUM_I64_TEXT_MAX];
};
void hash_iter_init(struct hash_iter *it, const struct record *r, uint64_t now_ms); /* now_ms 0: due ones too */
bool hash_iter_next(struct hash_iter *it, struct hash_item *item);

#endif
