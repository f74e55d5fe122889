/* Sorted sets: the facade over the small form (zset_pack.c) and the tree (ds/scoretree.h), and the row of the type.
 *
 * A set starts small, turns into a tree by the first element that the limits do not allow, and goes back only where a
 * command has built a whole new set (zset_settle). Both ways keep every bit of the scores. */
#include "value/zset.h"

#include "base/mem.h"
#include "value/value_ops.h"
#include "value/zset_impl.h"

#include <stdlib.h>

_Static_assert((int)ZSET_SAME == (int)SCORETREE_SAME && (int)ZSET_ADDED == (int)SCORETREE_ADDED &&
                   (int)ZSET_UPDATED == (int)SCORETREE_UPDATED,
               "the tree's answers are ours");

struct record *zset_new(struct slice key)
{
    struct listpack *lp = listpack_new(0);
    struct record *r = record_new_object(key, TYPE_ZSET, ZSET_PACK, lp);
    if (unlikely(r == NULL)) listpack_free(lp);
    return r;
}

size_t zset_len(const struct record *r)
{
    return zset_is_pack(r) ? listpack_len(zset_pack(r)) / 2 : scoretree_len(zset_tree(r));
}

/* ---- the two forms ---- */

struct zset_tree *zset_tree_new(const struct hash_seed *seed)
{
    struct zset_tree *t = mem_alloc(sizeof *t);
    t->seed = seed;
    scoretree_init(&t->tree, seed);
    return t;
}

static void set_form(struct record *r, enum zset_encoding encoding, void *owned_object)
{
    r->tag = (uint8_t)(TYPE_ZSET | (unsigned)encoding << 4);
    record_set_object(r, owned_object);
}

void zset_to_tree(struct record *r, const struct value_limits *limits)
{
    struct listpack *lp = zset_pack(r);
    struct zset_tree *t = zset_tree_new(limits->seed);
    scoretree_reserve(&t->tree, listpack_len(lp) / 2 + 1);
    for (uint32_t pos = listpack_first(lp); pos != 0;) {
        char scratch[NUM_I64_TEXT_MAX];
        struct zset_item item;
        pack_next(lp, &pos, scratch, &item);
        bool added = scoretree_append(&t->tree, item.member, item.score);
        assert(added);
        (void)added;
    }
    listpack_free(lp);
    set_form(r, ZSET_TREE, t);
}

/* NULL: an element is too large for the small form. */
static struct listpack *tree_to_pack(const struct scoretree *t, uint64_t member_max)
{
    struct listpack *lp = listpack_new(0), *grown = lp;
    struct scoretree_place place;
    struct scoretree_item item;
    scoretree_seek_rank(t, 0, &place);
    while (grown != NULL && scoretree_next(&place, &item)) {
        grown = item.member.len <= member_max ? pack_append(lp, item.member, item.score) : NULL;
        if (grown != NULL) lp = grown;
    }
    if (grown != NULL) return listpack_shrink(lp);
    listpack_free(lp);
    return NULL;
}

static void tree_free(struct record *r)
{
    scoretree_deinit(zset_tree(r));
    mem_free_sized(record_object(r), sizeof(struct zset_tree));
}

static bool pack_allowed(const struct listpack *lp, const struct value_limits *limits)
{
    if ((int64_t)(listpack_len(lp) / 2) > limits->zset_listpack_entries) return false;
    for (uint32_t pos = listpack_first(lp); pos != 0; pos = listpack_next(lp, listpack_next(lp, pos))) {
        char scratch[NUM_I64_TEXT_MAX];
        if ((int64_t)listpack_text(lp, pos, scratch).len > limits->zset_listpack_value) return false;
    }
    return true;
}

void zset_settle(struct record *r, const struct value_limits *limits)
{
    if (zset_is_pack(r)) {
        if (pack_allowed(zset_pack(r), limits))
            record_set_object(r, listpack_shrink(zset_pack(r)));
        else
            zset_to_tree(r, limits);
        return;
    }
    if (limits->zset_listpack_value < 0 || (int64_t)zset_len(r) > limits->zset_listpack_entries) return;
    struct listpack *lp = tree_to_pack(zset_tree(r), (uint64_t)limits->zset_listpack_value);
    if (lp == NULL) return;
    tree_free(r);
    set_form(r, ZSET_PACK, lp);
}

/* ---- by member ---- */

enum zset_change zset_put(struct record *r, struct slice member, double score, double *old,
                          const struct value_limits *limits)
{
    assert(score == score);
    if (zset_is_pack(r)) return pack_put(r, member, score, old, limits);
    return (enum zset_change)scoretree_insert(zset_tree(r), member, score, old);
}

bool zset_remove(struct record *r, struct slice member)
{
    if (!zset_is_pack(r)) return scoretree_remove(zset_tree(r), member);
    uint32_t pos = pack_find(zset_pack(r), member);
    if (pos != 0) pack_remove(r, pos, 1);
    return pos != 0;
}

bool zset_score(const struct record *r, struct slice member, double *score)
{
    if (!zset_is_pack(r)) return scoretree_score(zset_tree(r), member, score);
    uint32_t pos = pack_find(zset_pack(r), member);
    if (pos != 0) *score = pack_score(zset_pack(r), pos);
    return pos != 0;
}

bool zset_rank(const struct record *r, struct slice member, bool reverse, size_t *rank)
{
    if (!zset_is_pack(r)) return scoretree_rank(zset_tree(r), member, reverse, rank);
    uint32_t pos = pack_find(zset_pack(r), member);
    if (pos == 0) return false;
    size_t below = pack_rank(zset_pack(r), pos);
    *rank = reverse ? zset_len(r) - 1 - below : below;
    return true;
}

/* ---- walking ---- */

void zset_seek_rank(const struct record *r, size_t rank, struct zset_place *place)
{
    place->r = r;
    if (!zset_is_pack(r))
        scoretree_seek_rank(zset_tree(r), rank, &place->tree);
    else
        place->pos = rank < zset_len(r) ? listpack_seek(zset_pack(r), 2 * (int64_t)rank) : 0;
}

size_t zset_seek(const struct record *r, const struct scoretree_bound *bound, struct zset_place *place)
{
    if (place != NULL) place->r = r;
    if (!zset_is_pack(r)) return scoretree_seek(zset_tree(r), bound, place == NULL ? NULL : &place->tree);
    size_t rank;
    uint32_t pos = pack_seek(zset_pack(r), bound, &rank);
    if (place != NULL) place->pos = pos;
    return rank;
}

static bool tree_step(struct zset_place *place, struct zset_item *out, bool up)
{
    struct scoretree_item item;
    if (!(up ? scoretree_next(&place->tree, &item) : scoretree_prev(&place->tree, &item))) return false;
    *out = (struct zset_item){item.member, item.score};
    return true;
}

bool zset_next(struct zset_place *place, struct zset_item *out)
{
    if (!zset_is_pack(place->r)) return tree_step(place, out, true);
    if (place->pos == 0) return false;
    pack_next(zset_pack(place->r), &place->pos, place->scratch, out);
    return true;
}

bool zset_prev(struct zset_place *place, struct zset_item *out)
{
    if (!zset_is_pack(place->r)) return tree_step(place, out, false);
    if (place->pos == 0) return false;
    pack_prev(zset_pack(place->r), &place->pos, place->scratch, out);
    return true;
}

size_t zset_take(struct zset_place *place, bool up, size_t wanted, struct scoretree_item out[SCORETREE_TAKE_MAX])
{
    struct zset_item item;
    if (likely(!zset_is_pack(place->r))) return scoretree_take(&place->tree, up, wanted, out);
    if (wanted == 0 || !(up ? zset_next(place, &item) : zset_prev(place, &item))) return 0;
    out[0] = (struct scoretree_item){item.member, item.score};
    return 1;
}

/* ---- many at once ---- */

/* Shows `count` elements from a place on, up or down. */
static void show(const struct record *r, size_t from, size_t count, bool up, zset_fn *fn, void *arg)
{
    struct zset_place place;
    struct zset_item item;
    if (fn == NULL || count == 0) return;
    zset_seek_rank(r, from, &place);
    while (count-- > 0 && (up ? zset_next(&place, &item) : zset_prev(&place, &item))) fn(arg, item.member, item.score);
}

static size_t pack_remove_ranks(struct record *r, size_t from, size_t count, bool up, zset_fn *fn, void *arg)
{
    size_t len = zset_len(r);
    if (from >= len) return 0;
    if (count > len - from) count = len - from;
    if (count == 0) return 0;
    show(r, up ? from : from + count - 1, count, up, fn, arg);
    pack_remove(r, listpack_seek(zset_pack(r), 2 * (int64_t)from), count);
    return count;
}

size_t zset_remove_ranks(struct record *r, size_t from, size_t count, zset_fn *fn, void *arg)
{
    if (zset_is_pack(r)) return pack_remove_ranks(r, from, count, true, fn, arg);
    return scoretree_remove_ranks(zset_tree(r), from, count, fn, arg);
}

size_t zset_remove_range(struct record *r, const struct scoretree_bound *from, const struct scoretree_bound *to,
                         zset_fn *fn, void *arg)
{
    size_t first = zset_seek(r, from, NULL), end = zset_seek(r, to, NULL);
    return end > first ? zset_remove_ranks(r, first, end - first, fn, arg) : 0;
}

size_t zset_pop(struct record *r, bool highest, size_t count, zset_fn *fn, void *arg)
{
    if (!zset_is_pack(r)) return scoretree_pop(zset_tree(r), highest, count, fn, arg);
    size_t len = zset_len(r);
    if (count > len) count = len;
    return pack_remove_ranks(r, highest ? len - count : 0, count, !highest, fn, arg);
}

uint64_t zset_scan(const struct record *r, uint64_t cursor, zset_fn *fn, void *arg)
{
    if (!zset_is_pack(r)) return scoretree_scan(zset_tree(r), cursor, fn, arg);
    show(r, 0, zset_len(r), true, fn, arg);
    return 0;
}

/* ---- chance ---- */

struct zset_item zset_random(const struct record *r, struct prng *prng, char scratch[NUM_I64_TEXT_MAX])
{
    struct zset_item out;
    if (zset_is_pack(r)) {
        uint32_t pos = listpack_random(zset_pack(r), 2, prng);
        assert(pos != 0);
        pack_next(zset_pack(r), &pos, scratch, &out);
        return out;
    }
    struct scoretree_item item;
    bool found = scoretree_random(zset_tree(r), prng, &item);
    assert(found);
    (void)found;
    return (struct zset_item){item.member, item.score};
}

void zset_draw(const struct record *r, struct prng *prng, size_t count, zset_fn *fn, void *arg)
{
    if (zset_is_pack(r)) {
        pack_draw(zset_pack(r), prng, count, fn, arg);
        return;
    }
    while (count-- > 0) {
        char scratch[NUM_I64_TEXT_MAX];
        struct zset_item item = zset_random(r, prng, scratch);
        fn(arg, item.member, item.score);
    }
}

/* Walks over all and takes each with the chance that the rest leaves for it (Knuth, algorithm S). */
static void sample_by_walk(const struct record *r, struct prng *prng, size_t count, zset_fn *fn, void *arg)
{
    struct zset_place place;
    struct zset_item item;
    zset_seek_rank(r, 0, &place);
    for (size_t left = zset_len(r); count > 0 && zset_next(&place, &item); left--)
        if (prng_below(prng, left) < count) {
            fn(arg, item.member, item.score);
            count--;
        }
}

static int rank_cmp(const void *a, const void *b)
{
    size_t x, y;
    memcpy(&x, a, sizeof x);
    memcpy(&y, b, sizeof y);
    return (x > y) - (x < y);
}

/* Draws ranks and draws again for those that came twice; in ascending order, so that the tree is walked in one
 * direction. At most a third of all are wanted: each round leaves less than a third of its draws to the next one. */
static void sample_by_rank(const struct record *r, struct prng *prng, size_t count, zset_fn *fn, void *arg)
{
    size_t *ranks = mem_alloc(count * sizeof *ranks), have = 0, len = zset_len(r);
    while (have < count) {
        for (size_t i = have; i < count; i++) ranks[i] = prng_below(prng, len);
        qsort(ranks, count, sizeof *ranks, rank_cmp);
        have = 1;
        for (size_t i = 1; i < count; i++)
            if (ranks[i] != ranks[have - 1]) ranks[have++] = ranks[i];
    }
    for (size_t i = 0; i < count; i++) show(r, ranks[i], 1, true, fn, arg);
    mem_free(ranks);
}

size_t zset_sample(const struct record *r, struct prng *prng, size_t count, zset_fn *fn, void *arg)
{
    size_t len = zset_len(r);
    if (count >= len)
        show(r, 0, count = len, true, fn, arg);
    else if (zset_is_pack(r))
        return pack_sample(zset_pack(r), prng, count, fn, arg);
    else if (count > len / 3)
        sample_by_walk(r, prng, count, fn, arg);
    else if (count > 0)
        sample_by_rank(r, prng, count, fn, arg);
    return count;
}

/* ---- the packed form, for files ---- */

struct slice zset_packed(const struct record *r)
{
    return zset_is_pack(r) ? listpack_bytes(zset_pack(r)) : (struct slice){NULL, 0};
}

void zset_expect(struct record *r, size_t count, const struct value_limits *limits)
{
    if (!zset_is_pack(r) || (int64_t)count <= limits->zset_listpack_entries) return;
    zset_to_tree(r, limits);
    scoretree_reserve(zset_tree(r), count);
}

bool zset_load(struct record *r, struct slice member, double score, const struct value_limits *limits)
{
    if (!zset_is_pack(r)) return scoretree_load(zset_tree(r), member, score);
    double was;
    if (zset_score(r, member, &was)) return false;
    return zset_put(r, member, score, NULL, limits) == ZSET_ADDED;
}

/* What a walk over the entries of a payload has to tell. */
struct packed_check {
    size_t count;
    bool in_order; /* as the small form is */
    struct listpack_value member, last_member;
    double last_score;
};

static bool members_ascend(const struct packed_check *c)
{
    char a[NUM_I64_TEXT_MAX], b[NUM_I64_TEXT_MAX];
    struct slice last = c->last_member.text, member = c->member.text;
    if (c->last_member.is_number) last = slice_of(a, (size_t)i64_to_text(a, c->last_member.number));
    if (c->member.is_number) member = slice_of(b, (size_t)i64_to_text(b, c->member.number));
    return slice_cmp(last, member) < 0;
}

static bool packed_entry(void *arg, struct listpack_value value, size_t index)
{
    struct packed_check *c = arg;
    double score;
    c->count = index + 1;
    if (index % 2 == 0) {
        c->member = value;
        return true;
    }
    if (value.is_number)
        score = (double)value.number;
    else if (slice_to_double(value.text, &score) != ST_OK)
        return false;
    if (index > 1 && !(score > c->last_score || (score == c->last_score && members_ascend(c)))) c->in_order = false;
    c->last_score = score;
    c->last_member = c->member;
    return true;
}

static struct record *new_of_pack(struct slice key, struct listpack *owned_lp)
{
    struct record *r = record_new_object(key, TYPE_ZSET, ZSET_PACK, owned_lp);
    if (unlikely(r == NULL)) listpack_free(owned_lp);
    return r;
}

struct record *zset_new_packed(struct slice key, struct slice bytes, const struct value_limits *limits)
{
    struct packed_check c = {.in_order = true};
    if (!listpack_validate(bytes, true, packed_entry, &c) || c.count % 2 != 0) return NULL;
    struct listpack *lp = listpack_from_bytes(bytes);
    if (c.in_order && (int64_t)(c.count / 2) <= limits->zset_listpack_entries && listpack_distinct(lp, 2, limits->seed))
        return new_of_pack(key, lp);
    struct record *r = zset_new(key);
    bool ok = r != NULL;
    if (ok) zset_expect(r, c.count / 2, limits);
    for (uint32_t pos = listpack_first(lp); ok && pos != 0;) {
        char scratch[NUM_I64_TEXT_MAX];
        struct zset_item item;
        pack_next(lp, &pos, scratch, &item);
        ok = zset_load(r, item.member, item.score, limits);
    }
    listpack_free(lp);
    if (ok) return r;
    if (r != NULL) record_free(r);
    return NULL;
}

/* ---- the row of the type ---- */

static void zset_free(struct record *r)
{
    if (zset_is_pack(r))
        listpack_free(zset_pack(r));
    else
        tree_free(r);
}

static void zset_own(struct record *copy)
{
    if (zset_is_pack(copy)) {
        record_set_object(copy, listpack_dup(zset_pack(copy)));
        return;
    }
    const struct zset_tree *from = record_object(copy);
    struct zset_tree *t = zset_tree_new(from->seed);
    scoretree_dup(&t->tree, &from->tree);
    record_set_object(copy, t);
}

static size_t zset_mem(const struct record *r, size_t samples)
{
    (void)samples; /* exact at no cost */
    if (zset_is_pack(r)) return listpack_mem(zset_pack(r));
    return mem_good_size(sizeof(struct zset_tree)) + scoretree_mem(zset_tree(r));
}

static size_t zset_free_effort(const struct record *r)
{
    return zset_is_pack(r) ? 1 : zset_len(r);
}

static const char *zset_encoding_name(const struct record *r)
{
    return zset_is_pack(r) ? "listpack" : "skiplist";
}

static void zset_check(const struct record *r)
{
    assert(record_type(r) == TYPE_ZSET && record_encoding(r) <= ZSET_TREE);
    if (zset_is_pack(r))
        pack_check(zset_pack(r));
    else
        scoretree_check(zset_tree(r));
}

static uint64_t zset_prefetch(const struct record *r, struct slice member)
{
    if (!zset_is_pack(r)) return scoretree_prefetch(zset_tree(r), member);
    record_prefetch_object(r);
    return 0;
}

static void zset_prefetch_element(const struct record *r, uint64_t hash)
{
    if (!zset_is_pack(r)) scoretree_prefetch_element(zset_tree(r), hash);
}

const struct value_ops zset_ops = {
    .name = "zset",
    .len = zset_len,
    .free = zset_free,
    .own = zset_own,
    .mem = zset_mem,
    .free_effort = zset_free_effort,
    .encoding_name = zset_encoding_name,
    .check = zset_check,
    .prefetch = zset_prefetch,
    .prefetch_element = zset_prefetch_element,
};
