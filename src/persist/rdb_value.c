/* The tables of codecs: by value type for writing, by type byte for reading. */
#include "persist/rdb_value_impl.h"

#include "ds/listpack.h"

#include <assert.h>

static const struct rdb_codec *const codecs[TYPE_COUNT] = {
    [TYPE_STRING] = &rdb_string_codec, [TYPE_LIST] = &rdb_list_codec, [TYPE_SET] = &rdb_set_codec,
    [TYPE_ZSET] = &rdb_zset_codec,     [TYPE_HASH] = &rdb_hash_codec, [TYPE_STREAM] = &rdb_stream_codec,
};

static rdb_value_reader *const readers[] = {
    [RDB_STRING] = rdb_string_read,
    [RDB_LIST] = rdb_list_read,
    [RDB_SET] = rdb_set_read,
    [RDB_ZSET] = rdb_zset_read,
    [RDB_HASH] = rdb_hash_read,
    [RDB_ZSET_2] = rdb_zset_read,
    [RDB_HASH_ZIPMAP] = rdb_hash_read,
    [RDB_LIST_ZIPLIST] = rdb_list_read,
    [RDB_SET_INTSET] = rdb_set_read,
    [RDB_ZSET_ZIPLIST] = rdb_zset_read,
    [RDB_HASH_ZIPLIST] = rdb_hash_read,
    [RDB_LIST_QUICKLIST] = rdb_list_read,
    [RDB_STREAM_LISTPACKS] = rdb_stream_read,
    [RDB_HASH_LISTPACK] = rdb_hash_read,
    [RDB_ZSET_LISTPACK] = rdb_zset_read,
    [RDB_LIST_QUICKLIST_2] = rdb_list_read,
    [RDB_STREAM_LISTPACKS_2] = rdb_stream_read,
    [RDB_SET_LISTPACK] = rdb_set_read,
    [RDB_STREAM_LISTPACKS_3] = rdb_stream_read,
    [RDB_HASH_2_VALKEY] = rdb_hash_read,
    [RDB_HASH_METADATA] = rdb_hash_read,
    [RDB_HASH_LISTPACK_EX] = rdb_hash_read,
};

uint8_t rdb_value_type(const struct record *r, int version)
{
    return codecs[record_type(r)]->type(r, version);
}

void rdb_value_write(struct rdb_writer *w, const struct record *r, uint8_t type)
{
    assert(type != RDB_TYPE_NONE);
    codecs[record_type(r)]->write(w, r, type);
}

bool rdb_type_known(uint8_t type)
{
    return (type < ARRAY_LEN(readers) && readers[type] != NULL) || type == RDB_MODULE_2;
}

struct record *rdb_value_read(struct rdb_reader *r, uint8_t type, struct slice key, const struct rdb_load *load)
{
    if (type < ARRAY_LEN(readers) && readers[type] != NULL) return readers[type](r, type, key, load);
    if (type == RDB_MODULE_2)
        (void)rdb_fail(r, "a value of a module; there are no modules here");
    else
        (void)rdb_fail(r, "unknown type %u of a value", type);
    return NULL;
}

bool rdb_read_elements(struct rdb_reader *r, uint64_t count, struct rdb_elements *all)
{
    enum { AHEAD_FROM = 512, KEEP_MAX = 64 * 1024 };
    unsigned ahead = count < AHEAD_FROM ? 1 : RDB_AHEAD;
    struct rdb_element queue[RDB_AHEAD];
    for (uint64_t i = 0; i < count + ahead; i++) {
        struct rdb_element *e = &queue[i % ahead];
        if (i >= ahead && !all->add(r, all, e)) return false;
        if (i >= count) continue;
        *e = (struct rdb_element){.first = &r->ahead[i % ahead][0], .second = &r->ahead[i % ahead][1]};
        if (unlikely(e->first->cap > KEEP_MAX)) buf_deinit(e->first);
        if (unlikely(e->second->cap > KEEP_MAX)) buf_deinit(e->second);
        if (!all->read(r, all, e)) return false;
        if (ahead > 1) (void)record_prefetch(all->made, buf_slice(e->first));
    }
    return true;
}

bool rdb_listpack_is_empty(struct slice bytes)
{
    return bytes.len == LISTPACK_SIZE_EMPTY && listpack_validate(bytes, true, NULL, NULL);
}

struct record *rdb_value_made(struct rdb_reader *r, struct record *owned_made)
{
    if (owned_made != NULL && !r->failed && record_len(owned_made) > 0) return owned_made;
    if (owned_made != NULL) record_free(owned_made);
    return NULL;
}

struct record *rdb_no_room(struct rdb_reader *r, struct slice key)
{
    (void)rdb_fail(r, "out of memory for a key of %zu bytes", key.len);
    return NULL;
}
