/* Sorted sets: members with scores, ordered by score, then by the member's bytes; listpack or tree (ds/scoretree.h)
 * inside the record of type TYPE_ZSET. The record never moves when the set changes. A set that became empty is valid
 * here; the caller removes its key. Scores are never NaN. Ranks count from 0, lowest score first. */
#ifndef CAIRN_VALUE_ZSET_H
#define CAIRN_VALUE_ZSET_H

#include "base/num.h"
#include "base/prng.h"
#include "ds/scoretree.h"
#include "value/limits.h"
#include "value/record.h"

struct record *zset_new(struct slice key) must_use; /* empty. NULL: no room for a long key */
size_t zset_len(const struct record *r);            /* O(1) */

enum zset_change { ZSET_SAME, ZSET_ADDED, ZSET_UPDATED };
/* Adds the member or gives it this score; *old (may be NULL) is the score it had. */
enum zset_change zset_put(struct record *r, struct slice member, double score, double *old,
                          const struct value_limits *limits);
bool zset_remove(struct record *r, struct slice member);
/* Loading: about `count` elements come into a new set, what will be a tree is one now; then each, quickest in ascending
 * or descending order. False: the member is there already. */
void zset_expect(struct record *r, size_t count, const struct value_limits *limits);
bool zset_load(struct record *r, struct slice member, double score, const struct value_limits *limits) must_use;
bool zset_score(const struct record *r, struct slice member, double *score);
bool zset_rank(const struct record *r, struct slice member, bool reverse, size_t *rank);
/* After a command has built a whole new set: the small form again where the limits allow it. */
void zset_settle(struct record *r, const struct value_limits *limits);

/* ---- walking; r does not change meanwhile ---- */
struct zset_item {
    struct slice member; /* view of r, or of the place's scratch: valid until the next call with this place */
    double score;
};
struct zset_place { /* private; an element, or outside */
    const struct record *r;
    uint32_t pos;
    struct scoretree_place tree;
    char scratch[NUM_I64_TEXT_MAX];
};
void zset_seek_rank(const struct record *r, size_t rank, struct zset_place *place); /* >= len: outside */
/* The first element behind a bound (ds/scoretree.h has the bounds: by score, or by member where all scores are equal);
 * returns its rank, len when there is none. place may be NULL. Elements between two bounds: the difference of ranks. */
size_t zset_seek(const struct record *r, const struct scoretree_bound *bound, struct zset_place *place);
/* Gives the element at the place and moves on, up or down; false: outside. */
bool zset_next(struct zset_place *place, struct zset_item *out);
bool zset_prev(struct zset_place *place, struct zset_item *out);
/* As scoretree_take, for long walks: the next elements at one go, at most `wanted`; 0: outside. Valid as above. */
size_t zset_take(struct zset_place *place, bool up, size_t wanted, struct scoretree_item out[SCORETREE_TAKE_MAX]);

/* ---- many at once: fn (may be NULL) sees each before it goes ---- */
typedef void zset_fn(void *arg, struct slice member, double score);
size_t zset_remove_ranks(struct record *r, size_t from, size_t count, zset_fn *fn, void *arg);
size_t zset_remove_range(struct record *r, const struct scoretree_bound *from, const struct scoretree_bound *to,
                         zset_fn *fn, void *arg);
size_t zset_pop(struct record *r, bool highest, size_t count, zset_fn *fn, void *arg); /* outermost first */

/* An element, each equally likely; the set is not empty. scratch is for members that are integers. */
struct zset_item zset_random(const struct record *r, struct prng *prng, char scratch[NUM_I64_TEXT_MAX]);
/* As table_scan: cursor 0 starts, 0 is the end; small sets come at once. */
uint64_t zset_scan(const struct record *r, uint64_t cursor, zset_fn *fn, void *arg);
/* `count` draws, each uniform, repetitions possible; the set is not empty. */
void zset_draw(const struct record *r, struct prng *prng, size_t count, zset_fn *fn, void *arg);
/* Up to `count` different elements, every subset equally likely, ascending. Returns how many. O(len) at most. */
size_t zset_sample(const struct record *r, struct prng *prng, size_t count, zset_fn *fn, void *arg);

/* ---- the small form as files hold it: pairs in a listpack ---- */
struct slice zset_packed(const struct record *r); /* view; ptr NULL: r is a tree */
/* From bytes of any origin, in the form that the limits want. NULL: they are no sorted set (bad bytes, a score that is
 * no number, a member twice). */
struct record *zset_new_packed(struct slice key, struct slice bytes, const struct value_limits *limits) must_use;

#endif
