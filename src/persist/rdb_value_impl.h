/* The codecs of the types; for rdb_*.c only. A new type is a file and a row in rdb_value.c. What they say of broken
 * packed values are Redis's words ("Hash ziplist integrity check failed."): people look for them in logs. */
#ifndef CAIRN_PERSIST_RDB_VALUE_IMPL_H
#define CAIRN_PERSIST_RDB_VALUE_IMPL_H

#include "persist/rdb_format.h"
#include "persist/rdb_value.h"

struct rdb_codec {
    uint8_t (*type)(const struct record *r, int version);
    void (*write)(struct rdb_writer *w, const struct record *r, uint8_t type);
};

extern const struct rdb_codec rdb_string_codec, rdb_list_codec, rdb_set_codec, rdb_zset_codec, rdb_hash_codec,
    rdb_stream_codec;

/* As rdb_value_read, for the type bytes of each value type. */
typedef struct record *rdb_value_reader(struct rdb_reader *r, uint8_t type, struct slice key,
                                        const struct rdb_load *load);
rdb_value_reader rdb_string_read, rdb_list_read, rdb_set_read, rdb_zset_read, rdb_hash_read, rdb_stream_read;

/* ---- rdb_old.c: packed forms that servers before 7.0 wrote. Each element is shown; false: the bytes are no such thing
 * (checked whole, never read beyond), or `each` said so. Elements are views of the bytes or of the call's own. ---- */
typedef bool rdb_old_each(void *arg, struct slice element);
must_use bool rdb_ziplist_each(struct slice bytes, rdb_old_each *each, void *arg);
/* field, value, field, ...; an empty one is broken: no server wrote it */
must_use bool rdb_zipmap_each(struct slice bytes, rdb_old_each *each, void *arg);

/* ---- collections element by element. Large ones are read ahead: each element's place in its table is on the way to
 * the cache while the next ones are read. ---- */
struct rdb_element {
    struct buf *first, *second;
    double score;
    uint64_t expire_ms;
};
struct rdb_elements {
    struct record *made;
    const struct rdb_load *load;
    uint8_t type;
    uint64_t base; /* of expiries */
    bool (*read)(struct rdb_reader *r, struct rdb_elements *all, struct rdb_element *e); /* false: failed */
    bool (*add)(struct rdb_reader *r, struct rdb_elements *all, const struct rdb_element *e); /* the same */
};
must_use bool rdb_read_elements(struct rdb_reader *r, uint64_t count, struct rdb_elements *all);

/* A whole listpack without entries. */
bool rdb_listpack_is_empty(struct slice bytes);
/* What a reader of elements returns: the record; or NULL, and it is freed, when it is empty or reading failed. */
struct record *rdb_value_made(struct rdb_reader *r, struct record *owned_made) must_use;
/* Fails for a record that could not be made. */
struct record *rdb_no_room(struct rdb_reader *r, struct slice key);

#endif
