/* The inside of streams; only the files of value/ include it.
 *
 * A node is a listpack:
 *
 *   head    live entries | deleted entries | n fields | field ... | 0
 *   entry   flags | ms - node's ms | seq - node's seq | n values ...                            | elements
 *   or      flags | ms - node's ms | seq - node's seq | n pairs  | field value field value ...  | elements
 *
 * The first form (SAMEFIELDS) is for entries that have the fields of the head, which are those of the node's first
 * entry. `elements` is the number of elements of the entry before it: the way back. A deleted entry keeps its bytes and
 * has a flag; with the last live entry the node goes. The differences of IDs are modulo 2^64. */
#ifndef CAIRN_VALUE_STREAM_IMPL_H
#define CAIRN_VALUE_STREAM_IMPL_H

#include "base/mem.h"
#include "ds/listpack.h"
#include "value/record_impl.h"
#include "value/stream.h"

enum { ENTRY_DELETED = 1, ENTRY_SAME_FIELDS = 2 };

struct stream {
    struct idtree nodes; /* ID of the node -> struct listpack *, owned */
    uint64_t length, entries_added;
    struct stream_id first_id, last_id, max_deleted_id;
    struct stream_group **groups; /* by name; owned */
    uint32_t group_count;
    uint32_t nodes_dropped; /* wraps */
};

/* Where an entry is in its node. Entries stay where they are while they have their node and its head its size. */
struct stream_place {
    struct id128 node;
    uint32_t entry, first_entry, nodes_dropped; /* entry 0: not known */
};

struct stream_group {
    struct stream_id last_id;
    int64_t entries_read;
    struct stream_place place; /* of the entry given last */
    struct idtree pending; /* ID -> struct stream_pending */
    struct stream_consumer **consumers; /* by name; owned */
    uint32_t consumer_count, name_len;
    char name[];
};

struct stream_consumer {
    uint64_t seen_ms;
    int64_t active_ms;
    struct idtree pending; /* a set of IDs, each one also in the group's tree with this consumer */
    uint32_t name_len;
    char name[];
};

static inline struct stream *stream_of(const struct record *r)
{
    return record_object(r);
}
static inline struct id128 id_key(struct stream_id id)
{
    return (struct id128){id.ms, id.seq};
}
static inline struct stream_id key_id(struct id128 key)
{
    return (struct stream_id){key.high, key.low};
}
static inline struct listpack *node_at(const struct stream *s, struct idtree_at at)
{
    struct listpack *lp;
    memcpy(&lp, idtree_value(&s->nodes, at), sizeof(lp));
    return lp;
}
static inline void node_put(struct stream *s, struct idtree_at at, struct listpack *lp)
{
    memcpy(idtree_value(&s->nodes, at), &lp, sizeof(lp));
}

/* ---- stream_node.c */

/* The head of a node. */
struct stream_head {
    int64_t live, deleted;
    uint32_t fields;     /* how many */
    uint32_t first_field; /* position; 0: there are none */
    uint32_t first_entry; /* position; 0: there is none */
};
void stream_head_read(const struct listpack *lp, struct stream_head *h);
/* The fixed part of an entry; *pos moves from the flags to what follows (the values, or the first field). */
struct stream_entry {
    struct stream_id id;
    uint32_t pairs;
    bool deleted, same_fields;
};
void stream_entry_read(const struct listpack *lp, uint32_t *pos, struct stream_id node_id, uint32_t head_fields,
                     struct stream_entry *e);
/* From behind the fixed part to the next entry; 0: it was the last. */
uint32_t stream_entry_skip(const struct listpack *lp, uint32_t pos, const struct stream_entry *e);
/* The entry that ends before this position (of an entry, or listpack_end); 0: that is the head. */
uint32_t stream_entry_before(const struct listpack *lp, uint32_t pos);
struct listpack *stream_node_new(const struct slice *pairs, size_t count, size_t reserve);
/* NULL: too large. */
struct listpack *stream_node_append(struct listpack *lp, struct stream_id node_id, struct stream_id id,
                             const struct slice *pairs, size_t count);
/* Entries count as deleted from now on. */
struct listpack *stream_node_recount(struct listpack *lp, int64_t live, int64_t deleted);
struct listpack *stream_entry_mark(struct listpack *lp, uint32_t pos); /* the flag alone */

/* ---- stream_group.c */
void stream_groups_free(struct stream *s);
void stream_groups_copy(struct stream *s, const struct stream *from);
size_t stream_groups_mem(const struct stream *s);
size_t stream_groups_effort(const struct stream *s);
void stream_groups_check(const struct stream *s);

/* ---- stream.c */
void stream_first_id_learn(struct stream *s);
void stream_node_drop(struct stream *s, struct idtree_at at); /* lengths are the caller's */

#endif
