/* The algebra of sorted sets and sets. Intersections and differences ask the sources, which all find a member in O(1)
 * or are small. A union needs to know what it has already: an index of the members met so far, by open addressing,
 * without those of the last (largest) source, which only asks. */
#include "value/zset_algebra.h"

#include "base/mem.h"
#include "value/set.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>

/* ---- one source ---- */

static size_t source_len(const struct zset_source *s)
{
    if (s->r == NULL) return 0;
    return record_type(s->r) == TYPE_ZSET ? zset_len(s->r) : set_len(s->r);
}

static bool source_score(const struct zset_source *s, struct slice member, double *score)
{
    if (s->r == NULL) return false;
    if (record_type(s->r) == TYPE_ZSET) return zset_score(s->r, member, score);
    *score = 1;
    return set_contains(s->r, member);
}

static double weighted(const struct zset_source *s, double score)
{
    double product = s->weight * score;
    return isnan(product) ? 0 : product;
}

struct walk { /* over the elements of a source */
    bool is_zset, passing; /* passing: the member last given is overwritten by the next */
    struct zset_place place;
    struct set_iter iter;
};

static void walk_init(struct walk *w, const struct zset_source *s)
{
    w->is_zset = s->r == NULL || record_type(s->r) == TYPE_ZSET;
    if (!w->is_zset)
        set_iter_init(&w->iter, s->r);
    else if (s->r != NULL)
        zset_seek_rank(s->r, 0, &w->place);
}

static bool walk_next(struct walk *w, struct zset_item *out)
{
    if (w->is_zset) {
        if (!zset_next(&w->place, out)) return false;
        w->passing = out->member.ptr == w->place.scratch;
        return true;
    }
    out->score = 1;
    if (!set_iter_next(&w->iter, &out->member)) return false;
    w->passing = out->member.ptr == w->iter.scratch;
    return true;
}

/* ---- all sources ---- */

static int source_cmp(const void *a, const void *b)
{
    const struct zset_source *x = a, *y = b;
    size_t x_len = source_len(x), y_len = source_len(y);
    if (x_len != y_len) return x_len < y_len ? -1 : 1;
    return x->place < y->place ? -1 : 1;
}

/* Smallest first; those of one size stay in their order, since sums of doubles depend on it. */
static void sources_sort(struct zset_source *sources, size_t count)
{
    for (size_t i = 0; i < count; i++) sources[i].place = i;
    qsort(sources, count, sizeof *sources, source_cmp);
}

static double combine(double a, double b, enum zset_aggregate aggregate)
{
    if (aggregate == ZSET_MIN) return b < a ? b : a;
    if (aggregate == ZSET_MAX) return b > a ? b : a;
    double sum = a + b;
    return isnan(sum) ? 0 : sum;
}

/* ---- union ---- */

struct index_slot {
    uint32_t hash;
    uint32_t item; /* number + 1; 0: free */
};
struct index { /* of items by member */
    const struct hash_seed *seed;
    struct zset_items *items;
    struct index_slot *slots;
    size_t size, used; /* size: a power of two */
};

static void index_grow(struct index *x, size_t size)
{
    struct index_slot *slots = mem_zalloc(size * sizeof *slots);
    for (size_t i = 0; i < x->size; i++) {
        if (x->slots[i].item == 0) continue;
        size_t at = x->slots[i].hash & (size - 1);
        while (slots[at].item != 0) at = (at + 1) & (size - 1);
        slots[at] = x->slots[i];
    }
    mem_free(x->slots);
    x->slots = slots;
    x->size = size;
}

/* The slot of the member, or the free one where it belongs. */
static struct index_slot *index_find(const struct index *x, struct slice member, uint32_t hash)
{
    size_t at = hash & (x->size - 1);
    for (; x->slots[at].item != 0; at = (at + 1) & (x->size - 1))
        if (x->slots[at].hash == hash && slice_eq(x->items->item[x->slots[at].item - 1].member, member)) break;
    return &x->slots[at];
}

/* Elements on their way into the union: first their slots are fetched from memory, then the items and the members that
 * they lead to, then they are looked up. */
enum { AHEAD = 16 };
struct batch {
    struct zset_item item[AHEAD];
    uint32_t hash[AHEAD];
    size_t len;
};

static void batch_fill(struct batch *b, struct index *x, struct walk *w, const struct zset_source *s)
{
    for (b->len = 0; b->len < AHEAD && walk_next(w, &b->item[b->len]); b->len++) {
        struct zset_item *item = &b->item[b->len];
        if (w->passing) item->member = member_texts_keep(&x->items->texts, item->member);
        item->score = weighted(s, item->score);
        b->hash[b->len] = (uint32_t)hash_slice(x->seed, item->member);
        prefetch_read(&x->slots[b->hash[b->len] & (x->size - 1)]);
    }
    for (size_t i = 0; i < b->len; i++) {
        const struct index_slot *slot = &x->slots[b->hash[i] & (x->size - 1)];
        if (slot->item != 0) prefetch_read(&x->items->item[slot->item - 1]);
    }
    for (size_t i = 0; i < b->len; i++) {
        const struct index_slot *slot = &x->slots[b->hash[i] & (x->size - 1)];
        if (slot->hash == b->hash[i] && slot->item != 0) prefetch_read(x->items->item[slot->item - 1].member.ptr);
    }
}

static void union_add(struct index *x, const struct zset_item *item, uint32_t hash, enum zset_aggregate aggregate,
                      bool last)
{
    struct index_slot *slot = index_find(x, item->member, hash);
    if (slot->item != 0) {
        double *sum = &x->items->item[slot->item - 1].score;
        *sum = combine(*sum, item->score, aggregate);
        return;
    }
    size_t number = zset_items_add(x->items, item->member, item->score, false);
    if (last) return; /* its members come only once */
    assert(number < UINT32_MAX);
    *slot = (struct index_slot){hash, (uint32_t)number + 1};
    x->used++;
}

static void union_add_source(struct index *x, const struct zset_source *s, enum zset_aggregate aggregate, bool last)
{
    struct walk w;
    struct batch b;
    walk_init(&w, s);
    do {
        if (x->used + AHEAD >= x->size / 2) index_grow(x, x->size * 2);
        batch_fill(&b, x, &w, s);
        for (size_t i = 0; i < b.len; i++) union_add(x, &b.item[i], b.hash[i], aggregate, last);
    } while (b.len == AHEAD);
}

/* All there is in one source needs no index. */
static void union_of_one(const struct zset_source *s, struct zset_items *out)
{
    struct walk w;
    struct zset_item item;
    walk_init(&w, s);
    while (walk_next(&w, &item)) zset_items_add(out, item.member, weighted(s, item.score), w.passing);
}

void zset_union(struct zset_source *sources, size_t count, enum zset_aggregate aggregate,
                const struct value_limits *limits, struct zset_items *out)
{
    sources_sort(sources, count);
    size_t first = 0;
    while (first < count && source_len(&sources[first]) == 0) first++;
    if (first == count) return;
    if (first + 1 == count) {
        union_of_one(&sources[first], out);
        return;
    }
    struct index x = {.seed = limits->seed, .items = out};
    size_t size = 64, len = source_len(&sources[count - 2]) + AHEAD;
    while (size / 2 <= len) size *= 2;
    index_grow(&x, size);
    for (size_t i = first; i < count; i++) union_add_source(&x, &sources[i], aggregate, i + 1 == count);
    mem_free(x.slots);
}

/* ---- intersection ---- */

/* The combined score of a member of the first source, if the others have it. A product that is no number makes a sum 0,
 * and leaves extremes alone. */
static bool inter_score(const struct zset_source *sources, size_t count, struct slice member,
                        enum zset_aggregate aggregate, double *score)
{
    for (size_t i = 1; i < count; i++) {
        double other;
        if (!source_score(&sources[i], member, &other)) return false;
        *score = combine(*score, sources[i].weight * other, aggregate);
    }
    return true;
}

void zset_inter(struct zset_source *sources, size_t count, enum zset_aggregate aggregate, struct zset_items *out)
{
    struct walk w;
    struct zset_item item;
    sources_sort(sources, count);
    if (source_len(&sources[0]) == 0) return;
    walk_init(&w, &sources[0]);
    while (walk_next(&w, &item)) {
        double score = weighted(&sources[0], item.score);
        if (inter_score(sources, count, item.member, aggregate, &score))
            zset_items_add(out, item.member, score, w.passing);
    }
}

size_t zset_inter_count(struct zset_source *sources, size_t count, size_t limit)
{
    struct walk w;
    struct zset_item item;
    size_t found = 0;
    sources_sort(sources, count);
    if (source_len(&sources[0]) == 0) return 0;
    walk_init(&w, &sources[0]);
    while ((limit == 0 || found < limit) && walk_next(&w, &item)) {
        double score = 0;
        found += inter_score(sources, count, item.member, ZSET_SUM, &score);
    }
    return found;
}

/* ---- difference ---- */

static bool in_others(const struct zset_source *sources, size_t count, struct slice member)
{
    double score;
    for (size_t i = 1; i < count; i++)
        if (source_score(&sources[i], member, &score)) return true;
    return false;
}

void zset_diff(const struct zset_source *sources, size_t count, struct zset_items *out)
{
    struct walk w;
    struct zset_item item;
    if (source_len(&sources[0]) == 0) return;
    walk_init(&w, &sources[0]);
    while (walk_next(&w, &item))
        if (!in_others(sources, count, item.member)) zset_items_add(out, item.member, item.score, w.passing);
}
