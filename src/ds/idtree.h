/* An ordered map from 128-bit ids to small values of one size: a B+tree with the ids, and the values beside them,
 * packed into its leaves. Made for ids that mostly come in ascending order: adding behind the last costs no descent and
 * leaves full leaves behind; taking away from the front frees whole leaves. Small maps are one small block.
 *
 * Values are bytes of the tree's `value_size` (a multiple of 8, or 0: a set of ids); what they refer to is the
 * caller's. Pointers to values and places (struct idtree_at) are valid until the tree changes. struct idtree may be
 * moved, but not copied. All operations on one id are O(log n), steps to a neighbour O(1). */
#ifndef CAIRN_DS_IDTREE_H
#define CAIRN_DS_IDTREE_H

#include "base/compiler.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct id128 {
    uint64_t high, low;
};

static inline bool id128_less(struct id128 a, struct id128 b)
{
    return a.high < b.high || (a.high == b.high && a.low < b.low);
}
static inline bool id128_eq(struct id128 a, struct id128 b)
{
    return a.high == b.high && a.low == b.low;
}

enum { IDTREE_VALUE_MAX = 64 };

struct idtree_leaf;

struct idtree { /* private */
    void *root; /* NULL: empty; a leaf while height is 0 */
    struct idtree_leaf *first, *last;
    size_t len, bytes;
    uint16_t value_size, height;
};

void idtree_init(struct idtree *t, unsigned value_size);
void idtree_clear(struct idtree *t); /* frees all; it is empty and usable afterwards */
/* As clear, but no more than about `budget` entries; true when it is empty. Between the calls only this may be used. */
bool idtree_drain(struct idtree *t, size_t budget) must_use;
/* Adds all of `from` (same value size, all its ids behind those of t), values copied as bytes. */
void idtree_copy(struct idtree *t, const struct idtree *from);

static inline size_t idtree_len(const struct idtree *t)
{
    return t->len;
}
static inline size_t idtree_mem(const struct idtree *t) /* bytes allocated, without struct idtree. O(1) */
{
    return t->bytes;
}

/* The value of an id, or NULL. In a set: not NULL when it is there, and nothing to read. */
void *idtree_find(const struct idtree *t, struct id128 id);
/* The value of an id, added (its bytes zero) when it was not there: *added says so. */
void *idtree_put(struct idtree *t, struct id128 id, bool *added);
bool idtree_remove(struct idtree *t, struct id128 id); /* false: was not there */

/* A place: an entry, or behind the ends (leaf NULL). */
struct idtree_at {
    struct idtree_leaf *leaf;
    unsigned pos;
};

static inline bool idtree_at_valid(struct idtree_at at)
{
    return at.leaf != NULL;
}
struct idtree_at idtree_first(const struct idtree *t);
struct idtree_at idtree_last(const struct idtree *t);
struct idtree_at idtree_from(const struct idtree *t, struct id128 id);  /* the first that is not less */
struct idtree_at idtree_up_to(const struct idtree *t, struct id128 id); /* the last that is not greater */
struct idtree_at idtree_next(struct idtree_at at);
struct idtree_at idtree_prev(struct idtree_at at);
struct id128 idtree_id(struct idtree_at at);
void *idtree_value(const struct idtree *t, struct idtree_at at);

void idtree_check(const struct idtree *t); /* asserts the invariants; O(n) */

#endif
