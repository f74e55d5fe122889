/* Intersection, union and difference. Members are walked in batches, each hashed once: all tables share a seed, so the
 * hash of a member is the same in every set. */
#include "value/set_impl.h"

#include <stdlib.h>

enum {
    SETS_ON_STACK = 16,
    UNION_DIRECT_MAX = 4, /* more sets than this, and the union keeps a set of what it has seen */
    LISTPACK_PER_LOOKUP = 32, /* entries of a listpack that are compared in the time of a look-up in a table */
};

/* ---- batches */

bool set_batch_read(struct set_batch *b, struct set_iter *it, const struct hash_seed *seed)
{
    unsigned n = 0;
    for (; n < SET_BATCH && set_iter_next(it, &b->members[n]); n++) {
        if (b->members[n].ptr != it->scratch) continue;
        memcpy(b->scratch[n], it->scratch, sizeof(it->scratch));
        b->members[n].ptr = b->scratch[n];
    }
    b->count = n;
    if (seed != NULL)
        for (unsigned i = 0; i < n; i++) b->hashes[i] = hash_slice(seed, b->members[i]);
    return n > 0;
}

static inline unsigned next_of(unsigned *mask)
{
    unsigned i = (unsigned)__builtin_ctz(*mask);
    *mask &= *mask - 1;
    return i;
}

void set_batch_prefetch(const struct set_batch *b, const struct set_table *t, unsigned mask)
{
    for (unsigned m = mask; m != 0;) table_prefetch_bucket(&t->members, b->hashes[next_of(&m)]);
    for (unsigned m = mask; m != 0;) table_prefetch_record(&t->members, b->hashes[next_of(&m)]);
}

/* Those of the mask that r contains. */
static unsigned batch_contained(const struct set_batch *b, unsigned mask, const struct record *r)
{
    unsigned found = 0;
    if (set_encoding(r) == SET_TABLE) {
        const struct set_table *t = set_table(r);
        set_batch_prefetch(b, t, mask);
        while (mask != 0) {
            unsigned i = next_of(&mask);
            found |= (unsigned)set_table_contains(t, b->hashes[i], b->members[i]) << i;
        }
        return found;
    }
    while (mask != 0) {
        unsigned i = next_of(&mask);
        found |= (unsigned)set_contains(r, b->members[i]) << i;
    }
    return found;
}

/* ---- the result, as far as it goes */

struct result {
    set_visit *visit;
    void *arg;
    size_t found, limit;
};

static struct result result_of(set_visit *visit, void *arg, size_t limit)
{
    return (struct result){visit, arg, 0, limit == 0 ? SIZE_MAX : limit};
}

/* False: the limit is reached. */
static bool result_put(struct result *result, const struct set_batch *b, unsigned mask)
{
    while (mask != 0 && result->found < result->limit) {
        unsigned i = next_of(&mask);
        if (result->visit != NULL) result->visit(result->arg, b->members[i]);
        result->found++;
    }
    return result->found < result->limit;
}

static unsigned batch_mask(const struct set_batch *b)
{
    return (1u << b->count) - 1;
}

/* The seed, if one of them is a table and hashes are wanted. */
static const struct hash_seed *seed_of(const struct record *const *sets, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (sets[i] != NULL && set_encoding(sets[i]) == SET_TABLE) return set_table(sets[i])->seed;
    return NULL;
}

/* The members of `from` that none (or all, if `in`) of the others contain. False: the limit is reached. */
static bool filter(const struct record *from, const struct record *const *others, size_t count, bool in,
                   struct result *result)
{
    const struct hash_seed *seed = seed_of(others, count);
    struct set_batch b;
    struct set_iter it;
    set_iter_init(&it, from);
    while (set_batch_read(&b, &it, seed)) {
        unsigned mask = batch_mask(&b);
        for (size_t i = 0; i < count && mask != 0; i++) {
            if (others[i] == NULL) continue;
            unsigned found = batch_contained(&b, mask, others[i]);
            mask &= in ? found : ~found;
        }
        if (!result_put(result, &b, mask)) return false;
    }
    return true;
}

/* ---- intersection: the smallest is walked, the others are asked, the cheaper and smaller first */

/* Of looking for a member, in look-ups of a table. */
static size_t ask_cost(const struct record *r)
{
    return set_encoding(r) == SET_LISTPACK ? 1 + set_len(r) / LISTPACK_PER_LOOKUP : 1;
}

static int by_len(const void *a, const void *b)
{
    size_t x = set_len(*(const struct record *const *)a), y = set_len(*(const struct record *const *)b);
    return (x > y) - (x < y);
}

static int by_cost(const void *a, const void *b)
{
    size_t x = ask_cost(*(const struct record *const *)a), y = ask_cost(*(const struct record *const *)b);
    return x != y ? (x > y) - (x < y) : by_len(a, b);
}

size_t set_inter(const struct record *const *sets, size_t count, size_t limit, set_visit *visit, void *arg)
{
    const struct record *few[SETS_ON_STACK], **sorted = few;
    struct result result = result_of(visit, arg, limit);
    for (size_t i = 0; i < count; i++)
        if (sets[i] == NULL) return 0;
    if (count > SETS_ON_STACK) sorted = mem_alloc(count * sizeof(*sorted));
    memcpy(sorted, sets, count * sizeof(*sorted));
    qsort(sorted, count, sizeof(*sorted), by_len);
    qsort(sorted + 1, count - 1, sizeof(*sorted), by_cost);
    (void)filter(sorted[0], sorted + 1, count - 1, true, &result);
    if (sorted != few) mem_free(sorted);
    return result.found;
}

/* ---- union */

/* Adds the members of `from`, reporting the new ones if there is a result. False: the limit is reached. */
static bool add_all(struct record *to, const struct record *from, const struct value_limits *limits,
                    struct result *result)
{
    struct set_batch b;
    struct set_iter it;
    set_iter_init(&it, from);
    while (set_batch_read(&b, &it, set_encoding(to) == SET_TABLE ? limits->seed : NULL)) {
        unsigned added = 0;
        if (set_encoding(to) == SET_TABLE) {
            struct set_table *t = set_table(to);
            set_batch_prefetch(&b, t, batch_mask(&b));
            for (unsigned i = 0; i < b.count; i++)
                added |= (unsigned)set_table_add(t, b.hashes[i], b.members[i]) << i;
        } else {
            for (unsigned i = 0; i < b.count; i++) added |= (unsigned)set_add(to, b.members[i], limits) << i;
        }
        if (result != NULL && !result_put(result, &b, added)) return false;
    }
    return true;
}

/* Few sets: each is walked, and those before it are asked. Listpacks, which are slow to ask, come last. */
static void union_direct(const struct record *const *sets, size_t count, struct result *result)
{
    const struct record *ordered[UNION_DIRECT_MAX];
    size_t n = 0;
    for (int listpacks = 0; listpacks < 2; listpacks++)
        for (size_t i = 0; i < count; i++)
            if (sets[i] != NULL && (set_encoding(sets[i]) == SET_LISTPACK) == listpacks) ordered[n++] = sets[i];
    for (size_t i = 0; i < n; i++)
        if (!filter(ordered[i], ordered, i, false, result)) return;
}

size_t set_union(const struct record *const *sets, size_t count, size_t limit, const struct value_limits *limits,
                 set_visit *visit, void *arg)
{
    struct result result = result_of(visit, arg, limit);
    if (count <= UNION_DIRECT_MAX) {
        union_direct(sets, count, &result);
        return result.found;
    }
    struct record *seen = set_new(SLICE(""));
    bool going = true;
    for (size_t i = 0; i < count && going; i++)
        if (sets[i] != NULL) going = add_all(seen, sets[i], limits, &result);
    record_free(seen);
    return result.found;
}

static const struct record *largest(const struct record *const *sets, size_t count)
{
    const struct record *found = NULL;
    for (size_t i = 0; i < count; i++)
        if (sets[i] != NULL && (found == NULL || set_len(sets[i]) > set_len(found))) found = sets[i];
    return found;
}

/* The largest is copied if the result must be a table like it; the rest is added. */
struct record *set_union_new(struct slice key, const struct record *const *sets, size_t count,
                             const struct value_limits *limits)
{
    const struct record *most = largest(sets, count);
    bool copied = most != NULL && set_encoding(most) == SET_TABLE &&
                  (int64_t)set_len(most) > limits->set_listpack_entries &&
                  (int64_t)set_len(most) > limits->set_intset_entries;
    struct record *r = copied ? record_dup(most, key) : set_new(key);
    if (r == NULL) return NULL;
    for (size_t i = 0; i < count; i++)
        if (sets[i] != NULL && !(copied && sets[i] == most)) (void)add_all(r, sets[i], limits, NULL);
    return r;
}

/* ---- difference: of the first set, what no other contains. With many others they are asked once for all: what they
 * share with the first makes a set of its own. */

struct exclusion {
    struct record *r;
    const struct value_limits *limits;
};

static void exclude(void *arg, struct slice member)
{
    const struct exclusion *e = arg;
    (void)set_add(e->r, member, e->limits);
}

/* Whether the way round takes fewer look-ups than asking each of the others about each member. */
static bool exclusion_pays(const struct record *first, const struct record *const *others, size_t count)
{
    size_t len = set_len(first), direct = 0, around = len;
    for (size_t i = 0; i < count; i++) {
        if (others[i] == NULL) continue;
        size_t other = set_len(others[i]);
        direct += len * ask_cost(others[i]);
        around += other < len ? other * ask_cost(first) : len * ask_cost(others[i]);
    }
    return around < direct;
}

size_t set_diff(const struct record *const *sets, size_t count, size_t limit, const struct value_limits *limits,
                set_visit *visit, void *arg)
{
    struct result result = result_of(visit, arg, limit);
    const struct record *first = sets[0], *const *others = sets + 1;
    if (first == NULL) return 0;
    for (size_t i = 1; i < count; i++)
        if (sets[i] == first) return 0;
    if (!exclusion_pays(first, others, count - 1)) {
        (void)filter(first, others, count - 1, false, &result);
        return result.found;
    }
    struct exclusion e = {set_new(SLICE("")), limits};
    for (size_t i = 1; i < count; i++)
        if (sets[i] != NULL) (void)set_inter((const struct record *const[]){first, sets[i]}, 2, 0, exclude, &e);
    if (set_encoding(e.r) == SET_LISTPACK && ask_cost(e.r) > 1) (void)set_to_table(e.r, 0, limits);
    (void)filter(first, (const struct record *const[]){e.r}, 1, false, &result);
    record_free(e.r);
    return result.found;
}
