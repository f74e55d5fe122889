/* The tables of codecs: by value type for writing, by type byte for reading. */
#include "persist/rdb_value_impl.h"

#include <assert.h>

static const struct rdb_codec *const codecs[TYPE_COUNT] = {
    [TYPE_STRING] = &rdb_string_codec,
};

static struct record *(*const readers[])(struct rdb_reader *r, uint8_t type, struct slice key,
                                         const struct rdb_load *load) = {
    [RDB_STRING] = rdb_string_read,
};

uint8_t rdb_value_type(const struct record *r, int version)
{
    const struct rdb_codec *codec = codecs[record_type(r)];
    assert(codec != NULL);
    return codec->type(r, version);
}

void rdb_value_write(struct rdb_writer *w, const struct record *r, uint8_t type)
{
    assert(type != RDB_TYPE_NONE);
    codecs[record_type(r)]->write(w, r, type);
}

struct record *rdb_value_read(struct rdb_reader *r, uint8_t type, struct slice key, const struct rdb_load *load)
{
    if (type < ARRAY_LEN(readers) && readers[type] != NULL) return readers[type](r, type, key, load);
    (void)rdb_fail(r, "unknown type %u of a value", type);
    return NULL;
}
