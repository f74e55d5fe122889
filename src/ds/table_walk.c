/* What looks at many elements of a table: scan, each, random, drain, statistics, the check of the invariants. */
#include "base/mem.h"
#include "ds/table_impl.h"

#include <assert.h>

/* ------------------------------------------------------------------------------------------------------------ scan */

/* Visits the elements whose home is s->home, wherever they live. */
static void visit_home(const struct table *t, const struct spot *s, void (*visit)(void *arg, void *record), void *arg)
{
    const struct bucket *buckets = entry_buckets(*s->entry), *home = buckets + s->home, *b = home;
    unsigned elsewhere = bucket_displaced(home), at = s->home;
    for (unsigned distance = 0;; distance++) {
        unsigned here = bucket_at_distance(b, distance);
        if (distance > 0) elsewhere -= (unsigned)__builtin_popcount(here);
        while (here != 0) visit(arg, ref_record(slot_ref(b, mask_next(&here))));
        if (elsewhere == 0) break;
        at = bucket_wrap(at + 1, s->n);
        b = buckets + at;
    }
    if ((home->overflow & OVERFLOW_STASH) == 0) return;
    for (uint32_t i = 0; i < t->stash_len; i++) {
        struct spot other = table_spot(t, t->stash[i].hash);
        if (other.entry == s->entry && other.home == s->home) visit(arg, t->stash[i].record);
    }
}

uint64_t table_scan(const struct table *t, uint64_t cursor, void (*visit)(void *arg, void *record), void *arg)
{
    if (t->len == 0) return 0;
    struct spot s = table_spot(t, cursor << (64 - TABLE_CURSOR_BITS));
    visit_home(t, &s, visit, arg);
    uint64_t end = ((uint64_t)s.segment << PLACE_BITS) + place_first(s.home + 1, s.n);
    return end << (TABLE_CURSOR_BITS - PLACE_BITS - s.depth) & (((uint64_t)1 << TABLE_CURSOR_BITS) - 1);
}

void table_each(const struct table *t, void (*visit)(void *arg, void *record), void *arg)
{
    for (size_t k = 0, count = table_segments(t); k < count; k++) {
        uint64_t entry = *table_segment(t, k);
        const struct bucket *buckets = entry_buckets(entry);
        for (unsigned i = 0, n = entry_n(entry); i < n; i++) {
            if (i + 1 < n)
                for (unsigned next = bucket_used(buckets + i + 1); next != 0;)
                    prefetch_read(ref_record(slot_ref(buckets + i + 1, mask_next(&next))));
            for (unsigned used = bucket_used(buckets + i); used != 0;)
                visit(arg, ref_record(slot_ref(buckets + i, mask_next(&used))));
        }
    }
    for (uint32_t i = 0; i < t->stash_len; i++) visit(arg, t->stash[i].record);
}

/* Moves to a bucket, and has its records fetched while the caller looks at the first of them. */
static unsigned iter_enter(struct table_iter *it)
{
    uint64_t entry = *table_segment(it->t, it->segment);
    const struct bucket *b = entry_buckets(entry) + it->bucket;
    unsigned used = bucket_used(b);
    for (unsigned ahead = used; ahead != 0;) prefetch_read(ref_record(slot_ref(b, mask_next(&ahead))));
    if (it->bucket + 1 < entry_n(entry)) prefetch_read(b + 1);
    return used;
}

void table_iter_init(struct table_iter *it, const struct table *t)
{
    *it = (struct table_iter){.t = t};
    if (table_segments(t) > 0) it->used = iter_enter(it);
}

void *table_iter_next(struct table_iter *it)
{
    const struct table *t = it->t;
    while (it->segment < table_segments(t)) {
        uint64_t entry = *table_segment(t, it->segment);
        if (likely(it->used != 0))
            return ref_record(slot_ref(entry_buckets(entry) + it->bucket, mask_next(&it->used)));
        if (++it->bucket == entry_n(entry)) it->bucket = 0, it->segment++;
        if (it->segment < table_segments(t)) it->used = iter_enter(it);
    }
    return it->stash < t->stash_len ? t->stash[it->stash++].record : NULL;
}

/* ---------------------------------------------------------------------------------------------------------- random */

/* Rejection on two levels gives each element the same chance: a segment is taken in proportion to its elements, then
 * one of its slots. A segment holds a quarter of SEGMENT_LEN_MAX on average and is 3/5 full or more while the table
 * shrinks by erasing. After a table_reserve for far more than came, this is slow in the ratio of the two. */
void *table_random(const struct table *t, struct prng *prng)
{
    if (t->len == 0) return NULL;
    if (t->stash_len > 0 && prng_below(prng, t->len) < t->stash_len)
        return t->stash[prng_below(prng, t->stash_len)].record;
    size_t segments = table_segments(t);
    uint64_t entry = *table_segment(t, 0);
    while (segments > 1) {
        entry = *table_segment(t, prng_below(prng, segments));
        if (prng_below(prng, SEGMENT_LEN_MAX) < entry_len(entry)) break;
    }
    for (;;) {
        uint64_t pick = prng_below(prng, entry_n(entry) * BUCKET_SLOTS);
        const struct bucket *b = entry_buckets(entry) + pick / BUCKET_SLOTS;
        unsigned slot = (unsigned)pick % BUCKET_SLOTS;
        if (bucket_used(b) >> slot & 1) return ref_record(slot_ref(b, slot));
    }
}

/* ----------------------------------------------------------------------------------------------------------- drain */

/* Takes up to budget elements out of a segment, the last bucket first. Returns how many. */
static size_t drain_segment(struct table *t, uint64_t *entry, size_t budget, void (*fn)(void *arg, void *record),
                            void *arg)
{
    struct bucket *buckets = entry_buckets(*entry);
    size_t taken = 0;
    for (unsigned n = entry_n(*entry), i = n; i-- > 0 && taken < budget && entry_len(*entry) > 0;) {
        while (taken < budget && bucket_used(buckets + i) != 0) {
            unsigned slot = (unsigned)__builtin_ctz(bucket_used(buckets + i));
            void *record = ref_record(slot_ref(buckets + i, slot));
            table_remove_slot(buckets, n, i, slot);
            entry_add_len(entry, -1);
            t->len--;
            taken++;
            if (fn != NULL) fn(arg, record);
        }
    }
    if (entry_len(*entry) == 0) {
        table_free_buckets(*entry);
        *entry = entry_empty();
    }
    return taken;
}

/* Elements in the stash go first. Then the segments from the last halved to the first: as a pair of halves is empty, an
 * empty segment takes its place, as if they had been merged. */
bool table_drain(struct table *t, size_t budget, void (*fn)(void *arg, void *record), void *arg)
{
    size_t done = 0;
    while (t->stash_len > 0 && done < budget) {
        void *record = t->stash[--t->stash_len].record;
        t->len--;
        done++;
        if (fn != NULL) fn(arg, record);
    }
    while (t->len > 0 && done < budget) {
        if (t->split == 0 && t->level == 0) {
            done += drain_segment(t, t->segments, budget - done, fn, arg);
            continue;
        }
        if (t->split == 0) table_halve_round(t);
        uint64_t *halves = t->segments_next + 2 * (t->split - 1);
        done += 1 + drain_segment(t, halves + 1, budget - done, fn, arg);
        if (done < budget) done += drain_segment(t, halves, budget - done, fn, arg);
        if (entry_len(halves[0]) > 0 || entry_len(halves[1]) > 0) continue;
        table_free_buckets(halves[0]);
        t->split--;
        t->segments[t->split] = entry_empty();
        if (t->split > 0) continue;
        mem_free(t->segments_next);
        t->segments_next = NULL;
    }
    if (t->len > 0) {
        table_end_round(t); /* the budget may have ended right after table_halve_round */
        return false;
    }
    table_deinit(t);
    return true;
}

void table_clear(struct table *t, void (*fn)(void *arg, void *record), void *arg)
{
    if (fn != NULL) table_each(t, fn, arg);
    table_deinit(t);
}

/* ----------------------------------------------------------------------------------------------------------- epoch */

uint32_t table_epoch(const struct table *t, uint64_t hash)
{
    if (t->segments == NULL) return 0;
    struct spot s = table_spot(t, table_hash(t, hash));
    return entry_buckets(*s.entry)[s.home].epoch;
}

void table_set_epoch(struct table *t, uint64_t hash, uint32_t epoch)
{
    struct spot s = table_spot(t, table_hash(t, hash));
    if (!entry_is_empty(*s.entry)) entry_buckets(*s.entry)[s.home].epoch = epoch;
}

/* --------------------------------------------------------------------------------------------------------- insight */

size_t table_mem(const struct table *t)
{
    if (t->segments == NULL) return 0;
    size_t mem = mem_good_size(sizeof(uint64_t) << t->level) + mem_usable(t->stash);
    if (t->segments_next != NULL) mem += mem_good_size(sizeof(uint64_t) << (t->level + 1));
    for (size_t k = 0, count = table_segments(t); k < count; k++) {
        uint64_t entry = *table_segment(t, k);
        if (!entry_is_empty(entry)) mem += entry_n(entry) * sizeof(struct bucket);
    }
    return mem;
}

void table_stats(const struct table *t, struct table_stats *out)
{
    *out = (struct table_stats){
        .segments = table_segments(t), .len = t->len, .stashed = t->stash_len, .mem = table_mem(t)};
    for (size_t k = 0; k < out->segments; k++) {
        uint64_t entry = *table_segment(t, k);
        if (entry_is_empty(entry)) continue;
        out->buckets += entry_n(entry);
        for (unsigned i = 0; i < entry_n(entry); i++)
            for (unsigned distance = 0; distance < PROBE_MAX; distance++)
                out->by_probe[distance] +=
                    (size_t)__builtin_popcount(bucket_at_distance(entry_buckets(entry) + i, distance));
    }
    out->slots = out->buckets * BUCKET_SLOTS;
    for (unsigned distance = 0; distance < PROBE_MAX; distance++) {
        if (out->by_probe[distance] > 0) out->longest_probe = distance + 1;
        if (distance > 0) out->displaced += out->by_probe[distance];
    }
}

/* One segment: every element is where its hash says, the counts are right. */
static void check_segment(const struct table *t, const uint64_t *segment, unsigned depth)
{
    uint64_t entry = *segment;
    (void)depth; /* read by asserts only, as much here is */
    unsigned n = entry_n(entry), len = 0, displaced[SEGMENT_BUCKETS_MAX] = {0};
    if (entry_is_empty(entry)) {
        assert(n == 1 && entry_len(entry) == 0);
        return;
    }
    assert(n >= SEGMENT_BUCKETS_EXACT || table_segments(t) == 1);
    unsigned known = (1u << EXTRA_BITS) - (1u << (EXTRA_BITS - entry_known(entry)));
    for (unsigned i = 0; i < n; i++) {
        const struct bucket *b = entry_buckets(entry) + i;
        for (unsigned used = bucket_used(b); used != 0; len++) {
            unsigned slot = mask_next(&used), distance = slot_distance(b, slot);
            uint64_t ref = slot_ref(b, slot), hash = table_record_hash(t, ref_record(ref));
            struct spot s = table_spot(t, hash);
            assert(s.entry == segment && s.depth == depth);
            assert(distance < PROBE_MAX && distance < n && bucket_wrap(s.home + distance, n) == i);
            assert(stored_tag(s.stored) == b->tags[slot]);
            assert(((ref ^ s.stored) & known) == 0);
            if (distance > 0) displaced[s.home]++;
        }
    }
    assert(len == entry_len(entry));
    for (unsigned i = 0; i < n; i++) assert(displaced[i] == bucket_displaced(entry_buckets(entry) + i));
}

void table_check(const struct table *t)
{
    size_t len = t->stash_len;
    for (unsigned i = 0; i < sizeof table_no_bucket; i++) assert(((const uint8_t *)&table_no_bucket)[i] == 0);
    if (t->segments == NULL) {
        assert(t->len == 0 && t->segments_next == NULL && t->split == 0 && t->level == 0);
        assert(t->stash == NULL);
        return;
    }
    assert(t->level <= LEVEL_MAX && t->split < (size_t)1 << t->level);
    assert((t->segments_next == NULL) == (t->split == 0));
    for (size_t k = 0, count = table_segments(t); k < count; k++) {
        check_segment(t, table_segment(t, k), t->level + (k < 2 * t->split ? 1u : 0u));
        len += entry_len(*table_segment(t, k));
    }
    assert(len == t->len);
    assert(t->stash_len <= t->stash_cap);
    for (uint32_t i = 0; i < t->stash_len; i++) {
        assert(((table_record_hash(t, t->stash[i].record) ^ t->stash[i].hash) & TABLE_HASH_MASK) == 0);
        struct spot s = table_spot(t, t->stash[i].hash);
        assert(!entry_is_empty(*s.entry));
        assert(entry_buckets(*s.entry)[s.home].overflow & OVERFLOW_STASH);
    }
}
