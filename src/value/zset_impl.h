/* Private to value/zset*.c: the two forms of a sorted set. The encoding of the record says which one its pointer is. */
#ifndef CAIRN_VALUE_ZSET_IMPL_H
#define CAIRN_VALUE_ZSET_IMPL_H

#include "ds/listpack.h"
#include "value/record_impl.h"
#include "value/zset.h"

enum zset_encoding {
    ZSET_PACK, /* struct listpack: member, score, member, score, ...; ascending */
    ZSET_TREE, /* struct zset_tree */
};

struct zset_tree {
    const struct hash_seed *seed;
    struct scoretree tree;
};

static inline bool zset_is_pack(const struct record *r)
{
    return record_encoding(r) == ZSET_PACK;
}
static inline struct listpack *zset_pack(const struct record *r)
{
    assert(zset_is_pack(r));
    return record_object(r);
}
static inline struct scoretree *zset_tree(const struct record *r)
{
    assert(!zset_is_pack(r));
    return &((struct zset_tree *)record_object(r))->tree;
}

struct zset_tree *zset_tree_new(const struct hash_seed *seed) must_use;
/* Turns the small form into the tree. */
void zset_to_tree(struct record *r, const struct value_limits *limits);

/* ---- zset_pack.c: the verbs of the small form; positions are those of members ---- */
enum zset_change pack_put(struct record *r, struct slice member, double score, double *old,
                          const struct value_limits *limits);
uint32_t pack_find(const struct listpack *lp, struct slice member); /* 0: no such member */
double pack_score(const struct listpack *lp, uint32_t pos);         /* of the member at pos */
size_t pack_rank(const struct listpack *lp, uint32_t pos);
/* The first element behind the bound; *rank is its rank, or the length. */
uint32_t pack_seek(const struct listpack *lp, const struct scoretree_bound *bound, size_t *rank);
/* Reads the element at *pos and moves on, up or down. *pos is not 0. */
void pack_next(const struct listpack *lp, uint32_t *pos, char scratch[NUM_I64_TEXT_MAX], struct zset_item *out);
void pack_prev(const struct listpack *lp, uint32_t *pos, char scratch[NUM_I64_TEXT_MAX], struct zset_item *out);
void pack_remove(struct record *r, uint32_t pos, size_t count);
/* Adds behind the last element. NULL: too large. */
struct listpack *pack_append(struct listpack *lp, struct slice member, double score) must_use;
void pack_check(const struct listpack *lp);
size_t pack_sample(const struct listpack *lp, struct prng *prng, size_t count, zset_fn *fn, void *arg);
void pack_draw(const struct listpack *lp, struct prng *prng, size_t count, zset_fn *fn, void *arg);

#endif
