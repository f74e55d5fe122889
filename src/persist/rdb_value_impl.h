/* The codecs of the types; for rdb_*.c only. A new type is a file and a row in rdb_value.c. */
#ifndef CAIRN_PERSIST_RDB_VALUE_IMPL_H
#define CAIRN_PERSIST_RDB_VALUE_IMPL_H

#include "persist/rdb_format.h"
#include "persist/rdb_value.h"

struct rdb_codec {
    uint8_t (*type)(const struct record *r, int version);
    void (*write)(struct rdb_writer *w, const struct record *r, uint8_t type);
};

extern const struct rdb_codec rdb_string_codec;

/* As rdb_value_read, for the type bytes of each value type. */
struct record *rdb_string_read(struct rdb_reader *r, uint8_t type, struct slice key, const struct rdb_load *load);

#endif
