/* Records in RDB's form: one codec per type, in rdb_<type>.c. */
#ifndef CAIRN_PERSIST_RDB_VALUE_H
#define CAIRN_PERSIST_RDB_VALUE_H

#include "persist/rdb_io.h"
#include "value/limits.h"
#include "value/record.h"

/* The type byte under which the record's value is written with w->version; RDB_TYPE_NONE: that version cannot hold it
 * (field expiries below 12). */
uint8_t rdb_value_type(const struct record *r, int version);
/* The value, without type byte and key. `type` is what rdb_value_type said. */
void rdb_value_write(struct rdb_writer *w, const struct record *r, uint8_t type);

struct rdb_load {
    const struct value_limits *limits;
    uint64_t now_ms;
    bool keep_due_fields; /* false: fields of hashes whose time has come are left out (a primary's load) */
};
bool rdb_type_known(uint8_t type); /* one that rdb_value_read has something to say about */
/* Reads a value and makes its record. NULL with nothing failed: the collection is empty, which an old bug could write;
 * it is skipped. NULL and r->failed: damaged, or a type that is not known. Everything is validated before use. */
struct record *rdb_value_read(struct rdb_reader *r, uint8_t type, struct slice key,
                              const struct rdb_load *load) must_use;

#endif
