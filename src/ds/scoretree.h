/* THE large sorted set: members (byte strings, each once) with a score, ordered by score, then by the member's bytes.
 * A counted B+tree with the elements inline in its leaves, and an index from member to element (ds/table.h).
 *
 * Rules for callers
 *  - Scores are never NaN (asserted). -0.0 equals 0.0. Infinities are allowed.
 *  - struct scoretree must not be moved in memory; its fields are private. The seed is borrowed for its whole life.
 *  - A member given to a function does not point into the same tree. Slices handed out are views, and places stay
 *    valid, until the tree changes.
 *  - No function that changes the tree may be called from inside one of its callbacks.
 *
 * Cost: O(1) by member for score; O(log n) for the rest, unless said. Ranks count from 0, lowest score first. */
#ifndef CAIRN_DS_SCORETREE_H
#define CAIRN_DS_SCORETREE_H

#include "base/hash.h"
#include "base/prng.h"
#include "base/slice.h"
#include "ds/table.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct scoretree { /* private */
    struct table index;
    const struct hash_seed *seed;
    void *root;           /* leaf if height is 0, else inner; NULL when empty */
    uintptr_t **chunks;   /* directory: id of a leaf -> its address */
    size_t bytes;         /* of leaves, inner nodes and long members */
    uint32_t ids, free_id; /* ids given out so far, + 1; list of those free again */
    uint32_t first, last; /* ids of the outermost leaves */
    unsigned height;
};

struct scoretree_item {
    struct slice member; /* view */
    double score;
};

typedef void scoretree_fn(void *arg, struct slice member, double score);

void scoretree_init(struct scoretree *t, const struct hash_seed *seed); /* allocates nothing */
void scoretree_deinit(struct scoretree *t);                             /* O(n); leaves an empty tree */
/* Frees elements until the tree is empty or about `budget` of them are done; true when it is empty. Between the calls
 * nothing but drain, deinit and mem may be called. */
bool scoretree_drain(struct scoretree *t, size_t budget);
static inline size_t scoretree_len(const struct scoretree *t) /* O(1) */
{
    return table_len(&t->index);
}

/* ---- by member ---- */
enum scoretree_change { SCORETREE_SAME, SCORETREE_ADDED, SCORETREE_UPDATED };
/* Adds the member or gives it this score. If it was there, *old (may be NULL) is the score it had. */
enum scoretree_change scoretree_insert(struct scoretree *t, struct slice member, double score, double *old);
bool scoretree_score(const struct scoretree *t, struct slice member, double *score);
bool scoretree_remove(struct scoretree *t, struct slice member);
/* reverse: the highest score has rank 0. */
bool scoretree_rank(const struct scoretree *t, struct slice member, bool reverse, size_t *rank);

/* Batch prefetch: for all members the bucket of the index, with the hash that it returns the element. */
uint64_t scoretree_prefetch(const struct scoretree *t, struct slice member);
void scoretree_prefetch_element(const struct scoretree *t, uint64_t hash);

/* ---- building from sorted input: O(1) each ---- */
void scoretree_reserve(struct scoretree *t, size_t len); /* room in the index for len elements */
/* Adds behind the last element. false, and nothing done: it belongs elsewhere, or the member is present. */
must_use bool scoretree_append(struct scoretree *t, struct slice member, double score);
/* Several, in their order: returns how many were added before the first that is refused. */
size_t scoretree_append_many(struct scoretree *t, const struct scoretree_item *items, size_t count);
/* For elements that come in ascending or descending order, mostly: O(1) then. false, and nothing done: the member is
 * present. */
must_use bool scoretree_load(struct scoretree *t, struct slice member, double score);
void scoretree_dup(struct scoretree *to, const struct scoretree *from); /* to: initialised and empty; O(n) */

/* ---- bounds: a point between two elements ---- */
struct scoretree_bound {
    enum { SCORETREE_BY_SCORE, SCORETREE_BY_MEMBER, SCORETREE_BY_BOTH } by;
    bool past; /* the elements equal to the bound lie before it, too: seek finds > instead of >= */
    double score;
    struct slice member;
};
static inline struct scoretree_bound scoretree_by_score(double score, bool past)
{
    return (struct scoretree_bound){.by = SCORETREE_BY_SCORE, .past = past, .score = score};
}
/* For trees in which all scores are equal; in others the result is some place, without meaning. */
static inline struct scoretree_bound scoretree_by_member(struct slice member, bool past)
{
    return (struct scoretree_bound){.by = SCORETREE_BY_MEMBER, .past = past, .member = member};
}
static inline struct scoretree_bound scoretree_by_both(double score, struct slice member, bool past)
{
    return (struct scoretree_bound){.by = SCORETREE_BY_BOTH, .past = past, .score = score, .member = member};
}

/* ---- places and walks ---- */
struct scoretree_place { /* private; an element, or outside */
    const struct scoretree *t;
    const void *leaf;
    unsigned pos;
};
/* Finds the first element behind the bound and returns its rank; len, and a place outside, if there is none. place may
 * be NULL: the elements between two bounds are as many as the difference of their ranks. */
size_t scoretree_seek(const struct scoretree *t, const struct scoretree_bound *bound, struct scoretree_place *place);
void scoretree_seek_rank(const struct scoretree *t, size_t rank, struct scoretree_place *place); /* >= len: outside */
/* Gives the element at the place and moves on, up or down; false: outside. O(1). */
bool scoretree_next(struct scoretree_place *place, struct scoretree_item *out);
bool scoretree_prev(struct scoretree_place *place, struct scoretree_item *out);
/* Gives the next elements, up or down, as many as one step can: at most `wanted` (which also says how far ahead to
 * fetch) and SCORETREE_TAKE_MAX. 0: outside. */
enum { SCORETREE_TAKE_MAX = 64 };
size_t scoretree_take(struct scoretree_place *place, bool up, size_t wanted,
                      struct scoretree_item out[SCORETREE_TAKE_MAX]);
bool scoretree_random(const struct scoretree *t, struct prng *prng, struct scoretree_item *out); /* uniform */
/* In the order of the index; cursors and what they guarantee: table_scan. */
uint64_t scoretree_scan(const struct scoretree *t, uint64_t cursor, scoretree_fn *fn, void *arg);

/* ---- removal of many: fn (may be NULL) sees each before it goes. O(log n) per leaf, O(1) per element ---- */
size_t scoretree_remove_ranks(struct scoretree *t, size_t from, size_t count, scoretree_fn *fn, void *arg);
/* from: the first that goes is behind it; to: so is the first that stays. Returns how many went. */
size_t scoretree_remove_range(struct scoretree *t, const struct scoretree_bound *from,
                              const struct scoretree_bound *to, scoretree_fn *fn, void *arg);
/* The lowest (or highest) `count`, outermost first. */
size_t scoretree_pop(struct scoretree *t, bool highest, size_t count, scoretree_fn *fn, void *arg);

/* ---- insight ---- */
size_t scoretree_mem(const struct scoretree *t);  /* bytes beyond struct scoretree; O(segments of the index) */
void scoretree_check(const struct scoretree *t);  /* asserts every invariant; O(n) */

#endif
