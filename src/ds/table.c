/* The hash table: linear hashing over small segments that each grow by sixths.
 *
 *   hash, most significant bit first:  | level or level + 1 bits | 11 bits place | 3 extra bits | ... not stored
 *                                        segment                   bucket, tag
 *
 *   directory entry (8 bytes)          segment: 1 to 64 buckets in one allocation (1..8, 10, 12, 14, 16, 20, ...: the
 *   | extra, len | address | n |  -->  size classes of the allocator, so that nothing is lost to rounding)
 *
 *   bucket (64 bytes)   8 tags | 3 bit planes: state of each slot | overflow | epoch | 8 references of 48 bits
 *
 * A segment is the set of elements whose hashes share their first bits: an interval of the hash. Its buckets divide
 * the interval evenly, in order: home = place * n / 2^11. An element that finds its home full goes to one of the next
 * buckets of the segment (round the end to the first), at most 6 further; its state says how far it is from home, and
 * the home counts what lives elsewhere, so that a search knows when it has seen all. There are no tombstones: when a
 * slot becomes free, an element that was displaced from that bucket moves back.
 *
 * Growth has two parts, and neither looks at more than two segments at a time:
 *  - A segment that is full gets the next size (an 1/8 to 1/4 more), one that is sparse the size before.
 *  - Linear hashing keeps about 128 elements per segment on average: for every 128 inserted one segment is halved, in
 *    the order of the hash. The entries of halved segments go to a second directory, twice as long, that replaces the
 *    first at the end of the round. So directories are never copied.
 * Because each segment chooses its size by its own load, those still to be halved (up to twice as full) and those
 * already halved have the same fill, about 0.86, at any size of the table: linear hashing alone would need long
 * chains for the former, and extendible hashing of whole segments swings between half full and full.
 *
 * Neither part has to read the records as a rule: home and tag together tell the 11 bits of the place (a bucket of 8
 * or more spans at most 256 values of it), and 3 more bits lie in the alignment bits of the reference. Halving takes
 * one of the three, merging gives one back; only when none is left does halving compute hashes again, records
 * prefetched: one call of type->hash per element and four doublings. The extra bits also serve to avoid looks at
 * wrong records.
 *
 * Hashes so bad that more elements share a place than 7 buckets hold go to the stash, a plain array that is searched
 * element by element. With a keyed hash it stays empty.
 *
 * The order of the hash is what makes table_scan simple: a cursor is a position in the hash's upper 48 bits. A call
 * visits all elements whose hash lies in the interval of one home bucket that contains the cursor, and returns the
 * interval's end. Calls thus cover [0, 2^48) without a gap, whatever sizes the intervals have at the time of each; an
 * element has the same hash all the time, so the call that passes over it visits it.
 *
 * Invariants (table_check): an element is in the segment and within 6 buckets of the home that its hash says; home
 * counts are exact; entry_len sums up to len - stash_len; a segment in use has 8 buckets or more unless it is the
 * only one; an element in the stash has its home's stash flag set. */
#include "ds/table.h"

#include "base/mem.h"
#include "ds/table_impl.h"

#include <assert.h>

enum {
    GROW_NUM = 15, GROW_DEN = 2,   /* elements per bucket at which a segment grows: 7.5 of 8 */
    SPARSE_DEN = 2,                /* a segment less than 1 / 2 full does not grow for a clustered hash */
    PREFETCH_AHEAD = 12,           /* records in flight when hashes are computed again */
};

const struct bucket table_no_bucket __attribute__((aligned(64))) = {.epoch = 0};

/* ------------------------------------------------------------------------------------------------- segment sizes */

static const uint8_t segment_sizes[] = {1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 14, 16, 20, 24, 28, 32, 40, 48, 56, 64};

static unsigned size_above(unsigned n) /* 0: none */
{
    for (unsigned i = 0; i < ARRAY_LEN(segment_sizes); i++)
        if (segment_sizes[i] > n) return segment_sizes[i];
    return 0;
}

static unsigned size_below(unsigned n) /* n > 1 */
{
    unsigned i = 0;
    while (segment_sizes[i + 1] < n) i++;
    return segment_sizes[i];
}

/* Elements up to which n buckets are used. Few buckets may fill up: every slot is within reach of every home. */
static inline unsigned size_limit(unsigned n)
{
    return n <= PROBE_MAX ? n * BUCKET_SLOTS : n * GROW_NUM / GROW_DEN;
}

static unsigned size_least(const struct table *t)
{
    return table_segments(t) > 1 ? SEGMENT_BUCKETS_EXACT : 1;
}

/* The size to build a segment of len elements with, so that some can still come. */
static unsigned size_for(const struct table *t, unsigned len)
{
    unsigned n = size_least(t), want = len < 32 ? len : len + len / 32;
    while (n < SEGMENT_BUCKETS_MAX && size_limit(n) < want) n = size_above(n);
    return n;
}

/* ---------------------------------------------------------------------------------------------- life and directory */

void table_init(struct table *t, const struct table_type *type, const void *arg)
{
    *t = (struct table){.type = type, .arg = arg};
}

void table_free_buckets(uint64_t entry)
{
    if (!entry_is_empty(entry)) mem_free(entry_buckets(entry));
}

static uint64_t *directory_new(unsigned level)
{
    return mem_alloc(sizeof(uint64_t) << level);
}

void table_deinit(struct table *t)
{
    for (size_t k = 0, count = table_segments(t); k < count; k++) table_free_buckets(*table_segment(t, k));
    mem_free(t->segments);
    mem_free(t->segments_next);
    mem_free(t->stash);
    *t = (struct table){.type = t->type, .arg = t->arg, .salt = t->salt};
}

void table_halve_round(struct table *t)
{
    assert(t->split == 0 && t->level > 0);
    t->segments_next = t->segments;
    t->level--;
    t->segments = directory_new(t->level);
    t->split = (size_t)1 << t->level;
}

void table_end_round(struct table *t)
{
    if (t->split < (size_t)1 << t->level) return;
    mem_free(t->segments);
    t->segments = t->segments_next;
    t->segments_next = NULL;
    t->level++;
    t->split = 0;
}

/* ---------------------------------------------------------------------------------------------------------- search */

struct hit {
    void *record; /* NULL: not found */
    struct spot spot;
    unsigned bucket, slot;
    uint32_t stash; /* index, if bucket is IN_STASH */
};
enum { IN_STASH = 0xffff };

typedef bool match_fn(const void *context, const void *record);

/* Stored bits that can be compared: bits which were shifted in at a halving are not known. */
static inline unsigned extra_mask(unsigned known)
{
    return (1u << EXTRA_BITS) - (1u << (EXTRA_BITS - known));
}

static bool search_stash(const struct table *t, uint64_t hash, match_fn *match, const void *context, struct hit *out)
{
    for (uint32_t i = 0; i < t->stash_len; i++) {
        if (((t->stash[i].hash ^ hash) & TABLE_HASH_MASK) != 0 || !match(context, t->stash[i].record)) continue;
        out->record = t->stash[i].record;
        out->bucket = IN_STASH;
        out->stash = i;
        return true;
    }
    return false;
}

/* The one search. Inlined into each caller with its match function; writes nothing to the table. */
static inline __attribute__((always_inline)) bool search(const struct table *t, uint64_t hash, match_fn *match,
                                                         const void *context, struct hit *out)
{
    out->record = NULL;
    out->stash = 0;
    if (t->len == 0) return false;
    hash = table_hash(t, hash);
    struct spot s = table_spot(t, hash);
    const struct bucket *buckets = entry_buckets(*s.entry), *home = buckets + s.home, *b = home;
    uint8_t tag = stored_tag(s.stored);
    unsigned known = extra_mask(entry_known(*s.entry)), elsewhere = bucket_displaced(home), at = s.home;
    for (unsigned distance = 0;; distance++) {
        unsigned here = bucket_at_distance(b, distance), candidates = here & bucket_tagged(b, tag);
        while (candidates != 0) {
            unsigned slot = mask_next(&candidates);
            uint64_t ref = slot_ref(b, slot);
            if (((ref ^ s.stored) & known) != 0 || !match(context, ref_record(ref))) continue;
            out->record = ref_record(ref);
            out->spot = s;
            out->bucket = at;
            out->slot = slot;
            return true;
        }
        if (distance > 0) elsewhere -= (unsigned)__builtin_popcount(here);
        if (likely(elsewhere == 0)) break;
        at = bucket_wrap(at + 1, s.n);
        b = buckets + at;
    }
    if (likely((home->overflow & OVERFLOW_STASH) == 0)) return false;
    out->spot = s;
    return search_stash(t, hash, match, context, out);
}

struct key_context {
    bool (*equals)(const void *record, const void *key);
    const void *key;
};

static inline bool match_key(const void *context, const void *record)
{
    const struct key_context *k = context;
    return k->equals(record, k->key);
}

static inline bool match_address(const void *context, const void *record)
{
    return record == context;
}

struct fn_context {
    bool (*fn)(void *arg, void *record);
    void *arg;
};

static inline bool match_fn_call(const void *context, const void *record)
{
    const struct fn_context *f = context;
    return f->fn(f->arg, (void *)(uintptr_t)record);
}

void *table_find(const struct table *t, uint64_t hash, const void *key)
{
    struct hit hit;
    struct key_context context = {t->type->equals, key};
    search(t, hash, match_key, &context, &hit);
    return hit.record;
}

void *table_find_if(const struct table *t, uint64_t hash, bool (*fn)(void *arg, void *record), void *arg)
{
    struct hit hit;
    struct fn_context context = {fn, arg};
    search(t, hash, match_fn_call, &context, &hit);
    return hit.record;
}

void table_prefetch_bucket(const struct table *t, uint64_t hash)
{
    if (t->len == 0) return;
    struct spot s = table_spot(t, table_hash(t, hash));
    prefetch_read(entry_buckets(*s.entry) + s.home);
}

void table_prefetch_record(const struct table *t, uint64_t hash)
{
    if (t->len == 0) return;
    struct spot s = table_spot(t, table_hash(t, hash));
    const struct bucket *b = entry_buckets(*s.entry) + s.home;
    unsigned candidates = bucket_at_distance(b, 0) & bucket_tagged(b, stored_tag(s.stored));
    if (candidates != 0) {
        const char *record = ref_record(slot_ref(b, mask_next(&candidates)));
        prefetch_read(record);
        prefetch_read(record + 64); /* most records reach into a second line */
    } else if (bucket_displaced(b) != 0) {
        prefetch_read(entry_buckets(*s.entry) + bucket_wrap(s.home + 1, s.n));
    }
}

void *table_candidate(const struct table *t, uint64_t hash)
{
    if (t->len == 0) return NULL;
    struct spot s = table_spot(t, table_hash(t, hash));
    const struct bucket *b = entry_buckets(*s.entry) + s.home;
    unsigned candidates = bucket_at_distance(b, 0) & bucket_tagged(b, stored_tag(s.stored));
    return candidates == 0 ? NULL : ref_record(slot_ref(b, mask_next(&candidates)));
}

/* ------------------------------------------------------------------------------------- elements on the move: items */

/* A reference without its extra bits (48 bits) under the stored bits (14). */
struct items {
    unsigned len, known; /* known: how many extra bits of each are valid */
    uint64_t item[2 * SEGMENT_LEN_MAX];
};
enum { ITEM_SHIFT = 48 };

static inline void items_init(struct items *items) /* leaves the array: 8 KB are not to be cleared for 100 items */
{
    items->len = 0;
    items->known = EXTRA_BITS;
}

static inline uint64_t item_make(const void *record, unsigned stored)
{
    return (uint64_t)(uintptr_t)record | (uint64_t)stored << ITEM_SHIFT;
}
static inline void *item_record(uint64_t item)
{
    return (void *)(uintptr_t)(item & (((uint64_t)1 << ITEM_SHIFT) - 1));
}
static inline unsigned item_stored(uint64_t item)
{
    return (unsigned)(item >> ITEM_SHIFT);
}

/* Puts a segment's elements behind those that are in out. stored is right but for the lowest bits that are not known.
 * */
static void items_take(const struct table *t, uint64_t entry, unsigned depth, struct items *out)
{
    unsigned n = entry_n(entry), first[SEGMENT_BUCKETS_MAX];
    const struct bucket *buckets = entry_buckets(entry);
    bool exact = n >= SEGMENT_BUCKETS_EXACT;
    for (unsigned i = 0; i < n; i++) first[i] = place_first(i, n);
    for (unsigned i = 0; i < n; i++) {
        const struct bucket *b = buckets + i;
        for (unsigned used = bucket_used(b); used != 0;) {
            unsigned slot = mask_next(&used), stored;
            uint64_t ref = slot_ref(b, slot);
            if (exact) {
                unsigned from = first[bucket_wrap(i + n - slot_distance(b, slot), n)];
                unsigned place = from + (uint8_t)(b->tags[slot] - from);
                stored = place << EXTRA_BITS | (unsigned)(ref & 7);
            } else {
                stored = hash_stored(table_record_hash(t, ref_record(ref)), depth);
            }
            out->item[out->len++] = item_make(ref_record(ref), stored);
        }
    }
    unsigned known = exact ? entry_known(entry) : EXTRA_BITS;
    if (known < out->known) out->known = known;
}

/* Gives all items STORED_BITS + 1 bits of their hashes, computed from the records; the reads overlap. */
static void items_rehash(const struct table *t, struct items *items, unsigned depth)
{
    for (unsigned i = 0; i < PREFETCH_AHEAD && i < items->len; i++) prefetch_read(item_record(items->item[i]));
    for (unsigned i = 0; i < items->len; i++) {
        if (i + PREFETCH_AHEAD < items->len) prefetch_read(item_record(items->item[i + PREFETCH_AHEAD]));
        void *record = item_record(items->item[i]);
        uint64_t hash = table_record_hash(t, record);
        items->item[i] = item_make(record, (unsigned)(hash << depth >> (64 - STORED_BITS - 1)));
    }
    items->known = EXTRA_BITS + 1;
}

/* ----------------------------------------------------------------------------------------------------- stash, build */

static void stash_add(struct table *t, uint64_t hash, void *record)
{
    if (t->stash_len == t->stash_cap) {
        t->stash_cap = t->stash_cap == 0 ? 8 : t->stash_cap * 2;
        t->stash = mem_realloc(t->stash, t->stash_cap * sizeof *t->stash);
    }
    t->stash[t->stash_len++] = (struct table_stash_item){hash, record};
}

static void stash_remove(struct table *t, uint32_t i)
{
    t->stash[i] = t->stash[--t->stash_len];
    if (t->stash_len > 0) return;
    mem_free(t->stash);
    t->stash = NULL;
    t->stash_cap = 0;
}

static inline unsigned bucket_free_slot(const struct bucket *b) /* BUCKET_SLOTS: none */
{
    return (unsigned)__builtin_ctz(~bucket_used(b));
}

/* Frees a slot in bucket `at` by moving one of its elements to a later bucket of that element's own reach. Returns the
 * slot, BUCKET_SLOTS if none can move. */
static unsigned make_room(struct bucket *buckets, unsigned n, unsigned at)
{
    struct bucket *b = buckets + at;
    for (unsigned step = 1, to = at; step < PROBE_MAX; step++) {
        to = bucket_wrap(to + 1, n);
        unsigned free_slot = bucket_free_slot(buckets + to);
        if (free_slot == BUCKET_SLOTS) continue;
        for (unsigned distance = 0; distance + step < PROBE_MAX; distance++) {
            unsigned movable = bucket_at_distance(b, distance);
            if (movable == 0) continue;
            unsigned slot = mask_next(&movable);
            slot_fill(buckets + to, free_slot, distance + step, b->tags[slot], slot_ref(b, slot));
            slot_free(b, slot);
            if (distance == 0) b->overflow++;
            return slot;
        }
    }
    return BUCKET_SLOTS;
}

/* Puts one element in at its home or as near behind it as there is room; false: no room within reach. */
static inline bool place(struct bucket *buckets, unsigned n, const void *record, unsigned stored)
{
    unsigned home = place_home(stored >> EXTRA_BITS, n), at = home;
    unsigned reach = n < PROBE_MAX ? n : PROBE_MAX, distance = 0, slot;
    while ((slot = bucket_free_slot(buckets + at)) == BUCKET_SLOTS && ++distance < reach) at = bucket_wrap(at + 1, n);
    if (unlikely(slot == BUCKET_SLOTS)) {
        if (n <= PROBE_MAX) return false;
        for (distance = PROBE_MAX; slot == BUCKET_SLOTS && distance-- > 0;) {
            at = bucket_wrap(home + distance, n);
            slot = make_room(buckets, n, at);
        }
        if (slot == BUCKET_SLOTS) return false;
    }
    slot_fill(buckets + at, slot, distance, stored_tag(stored), (uint64_t)(uintptr_t)record | (stored & 7));
    if (distance > 0) buckets[home].overflow++;
    return true;
}

static struct bucket *buckets_new(unsigned n, uint32_t epoch)
{
    struct bucket *buckets = mem_alloc_aligned(sizeof *buckets, n * sizeof *buckets);
    for (unsigned i = 0; i < n; i++) buckets[i] = (struct bucket){.epoch = epoch};
    return buckets;
}

/* Whether a segment of n buckets may grow for an element that finds no room: not for a cluster in an empty desert. */
static bool may_grow(unsigned n, unsigned len)
{
    return n < SEGMENT_BUCKETS_MAX && len >= n * BUCKET_SLOTS / SPARSE_DEN;
}

/* Puts into their home all items that find room there; the others' numbers go to `left`. Returns how many those are. */
static unsigned build_homes(struct bucket *buckets, unsigned n, const struct items *items, uint16_t *left)
{
    uint8_t count[SEGMENT_BUCKETS_MAX] = {0};
    unsigned left_len = 0;
    for (unsigned i = 0; i < items->len; i++) {
        unsigned stored = item_stored(items->item[i]), home = place_home(stored >> EXTRA_BITS, n), slot = count[home];
        left[left_len] = (uint16_t)i;
        if (slot == BUCKET_SLOTS) {
            left_len++;
            continue;
        }
        count[home]++;
        slot_write(buckets + home, slot, stored_tag(stored),
                   (uint64_t)(uintptr_t)item_record(items->item[i]) | (stored & 7));
    }
    for (unsigned i = 0; i < n; i++) buckets[i].state[0] = (uint8_t)((1u << count[i]) - 1);
    return left_len;
}

/* Makes a segment of n or more buckets out of the items; those that find no room go to the stash (and their homes get
 * flagged by stash_absorb, which the caller calls as soon as the directory is right). */
static uint64_t segment_build(struct table *t, const struct items *items, unsigned n, uint32_t epoch)
{
    uint16_t left[2 * SEGMENT_LEN_MAX + 1];
    unsigned placed = items->len;
    if (items->len == 0) return entry_empty();
    struct bucket *buckets = buckets_new(n, epoch);
    unsigned left_len = build_homes(buckets, n, items, left);
    for (unsigned i = 0; i < left_len; i++) {
        uint64_t item = items->item[left[i]];
        if (likely(place(buckets, n, item_record(item), item_stored(item)))) continue;
        if (may_grow(n, items->len)) {
            mem_free(buckets);
            return segment_build(t, items, size_above(n), epoch);
        }
        stash_add(t, table_record_hash(t, item_record(item)), item_record(item));
        placed--;
    }
    return entry_make(buckets, n, placed, items->known);
}

static void segment_resize(struct table *t, const struct spot *s, unsigned n);

/* After a segment was built: stash elements that belong to it go in, for which it may have to grow; those for which
 * there is no room get their home flagged. A half that got no element of the old segment may still get some here. */
static void stash_absorb(struct table *t, const uint64_t *segment)
{
    unsigned full = SEGMENT_BUCKETS_MAX; /* a home without room: mostly that of the next one as well */
    for (uint32_t i = t->stash_len; i-- > 0;) {
        struct spot s = table_spot(t, t->stash[i].hash);
        if (s.entry != segment) continue;
        if (entry_is_empty(*s.entry)) {
            unsigned n = size_least(t);
            *s.entry = entry_make(buckets_new(n, 0), n, 0, EXTRA_BITS);
            s = table_spot(t, t->stash[i].hash);
        }
        struct bucket *buckets = entry_buckets(*s.entry);
        if (s.home != full && place(buckets, s.n, t->stash[i].record, s.stored)) {
            entry_add_len(s.entry, 1);
            stash_remove(t, i);
        } else if (may_grow(s.n, entry_len(*s.entry))) {
            segment_resize(t, &s, size_above(s.n)); /* and absorbs the rest */
            return;
        } else {
            buckets[s.home].overflow |= OVERFLOW_STASH;
            full = s.home;
        }
    }
}

/* An element of home s left its bucket: one that waits in the stash for the same home takes the room. */
static void stash_absorb_one(struct table *t, const struct spot *s)
{
    struct bucket *buckets = entry_buckets(*s->entry);
    if ((buckets[s->home].overflow & OVERFLOW_STASH) == 0) return;
    for (uint32_t i = t->stash_len; i-- > 0;) {
        struct spot other = table_spot(t, t->stash[i].hash);
        if (other.entry != s->entry || other.home != s->home) continue;
        if (!place(buckets, s->n, t->stash[i].record, other.stored)) return;
        entry_add_len(s->entry, 1);
        stash_remove(t, i);
        return;
    }
}

static uint32_t epoch_least(uint64_t entry)
{
    uint32_t epoch = UINT32_MAX;
    for (unsigned i = 0; i < entry_n(entry); i++) {
        uint32_t e = entry_buckets(entry)[i].epoch;
        if (e < epoch) epoch = e;
    }
    return epoch;
}

/* ------------------------------------------------------------------------------------------------ growth, shrinking */

static void segment_resize(struct table *t, const struct spot *s, unsigned n)
{
    struct items items;
    uint64_t old = *s->entry;
    items_init(&items);
    items_take(t, old, s->depth, &items);
    uint64_t built = segment_build(t, &items, n, epoch_least(old));
    table_free_buckets(old);
    *s->entry = built;
    if (unlikely(t->stash_len > 0)) stash_absorb(t, s->entry);
}

/* Halves the next segment in turn. */
static void table_expand(struct table *t)
{
    if (t->split == 0) t->segments_next = directory_new(t->level + 1u);
    struct items items; /* with half, 24 KB of stack */
    uint64_t old = t->segments[t->split], *halves = t->segments_next + 2 * t->split;
    items_init(&items);
    items_take(t, old, t->level, &items);
    unsigned spare = items.known == 0 ? 0 : 1; /* the stored bits become one more, at the lower end */
    if (items.known == 0) items_rehash(t, &items, t->level);

    struct items half[2];
    items_init(&half[0]);
    items_init(&half[1]);
    half[0].known = half[1].known = items.known - 1;
    for (unsigned i = 0; i < items.len; i++) {
        unsigned stored = item_stored(items.item[i]) << spare;
        struct items *to = &half[stored >> STORED_BITS];
        to->item[to->len++] = item_make(item_record(items.item[i]), stored & ((1u << STORED_BITS) - 1));
    }
    t->split++; /* from here on the new entries count, so that size_for and stash_absorb see them */
    for (unsigned side = 0; side < 2; side++)
        halves[side] = segment_build(t, &half[side], size_for(t, half[side].len), epoch_least(old));
    table_free_buckets(old);
    table_end_round(t);
    if (unlikely(t->stash_len > 0))
        for (unsigned side = 0; side < 2; side++) stash_absorb(t, halves + side);
}

/* Merges the two segments that were halved last. */
static void table_contract(struct table *t)
{
    if (t->split == 0) table_halve_round(t);
    struct items items;
    const uint64_t *halves = t->segments_next + 2 * (t->split - 1);
    items_init(&items);
    uint32_t epoch = UINT32_MAX;
    for (unsigned side = 0; side < 2; side++) {
        unsigned from = items.len;
        items_take(t, halves[side], t->level + 1u, &items);
        for (unsigned i = from; i < items.len; i++) {
            unsigned stored = side << (STORED_BITS - 1) | item_stored(items.item[i]) >> 1;
            items.item[i] = item_make(item_record(items.item[i]), stored);
        }
        uint32_t e = epoch_least(halves[side]);
        if (e < epoch) epoch = e;
    }
    if (items.known < EXTRA_BITS) items.known++;
    t->split--;
    uint64_t old[2] = {halves[0], halves[1]};
    t->segments[t->split] = segment_build(t, &items, size_for(t, items.len), epoch);
    table_free_buckets(old[0]);
    table_free_buckets(old[1]);
    if (t->split == 0) {
        mem_free(t->segments_next);
        t->segments_next = NULL;
    }
    if (unlikely(t->stash_len > 0)) stash_absorb(t, t->segments + t->split);
}

/* -------------------------------------------------------------------------------------------------- insert, replace */

/* The segment is full, or has no room near the home: builds it anew with more buckets if that makes sense. */
static void segment_grow(struct table *t, const struct spot *s)
{
    if (entry_is_empty(*s->entry)) {
        unsigned n = size_least(t);
        *s->entry = entry_make(buckets_new(n, 0), n, 0, EXTRA_BITS);
        if (unlikely(t->stash_len > 0)) stash_absorb(t, s->entry);
    } else {
        segment_resize(t, s, size_above(s->n));
    }
}

void table_insert(struct table *t, uint64_t hash, void *record)
{
    assert(((uintptr_t)record & 7) == 0 && (uintptr_t)record >> 48 == 0);
    if (t->segments == NULL) {
        t->segments = directory_new(0);
        t->segments[0] = entry_empty();
    }
    t->len++;
    hash = table_hash(t, hash);
    for (;;) {
        struct spot s = table_spot(t, hash);
        struct bucket *buckets = entry_buckets(*s.entry);
        unsigned len = entry_len(*s.entry);
        bool room = !entry_is_empty(*s.entry) && (len < size_limit(s.n) || s.n == SEGMENT_BUCKETS_MAX);
        if (likely(room && place(buckets, s.n, record, s.stored))) {
            entry_add_len(s.entry, 1);
            break;
        }
        if (entry_is_empty(*s.entry) || may_grow(s.n, len)) {
            segment_grow(t, &s);
            continue;
        }
        buckets[s.home].overflow |= OVERFLOW_STASH;
        stash_add(t, hash, record);
        break;
    }
    if (unlikely(t->len > table_segments(t) * SEGMENT_LEN_MEAN) && t->level < LEVEL_MAX) table_expand(t);
}

bool table_replace(struct table *t, uint64_t hash, const void *old_record, void *new_record)
{
    struct hit hit;
    assert(((uintptr_t)new_record & 7) == 0 && (uintptr_t)new_record >> 48 == 0);
    if (!search(t, hash, match_address, old_record, &hit)) return false;
    if (hit.bucket == IN_STASH) {
        t->stash[hit.stash].record = new_record;
    } else {
        struct bucket *b = entry_buckets(*hit.spot.entry) + hit.bucket;
        uint64_t ref = (slot_ref(b, hit.slot) & 7) | (uint64_t)(uintptr_t)new_record;
        memcpy(b->refs[hit.slot], &ref, 6);
    }
    return true;
}

/* ----------------------------------------------------------------------------------------------------------- erase */

/* An element that was displaced from bucket b moves into its free slot. Returns the bucket it came from, n if none. */
static unsigned bring_home(struct bucket *buckets, unsigned n, unsigned b, unsigned slot)
{
    if (bucket_displaced(buckets + b) == 0) return n;
    for (unsigned distance = 1, at = b;; distance++) {
        assert(distance < PROBE_MAX);
        at = bucket_wrap(at + 1, n);
        unsigned here = bucket_at_distance(buckets + at, distance);
        if (here == 0) continue;
        unsigned from = mask_next(&here);
        slot_fill(buckets + b, slot, 0, buckets[at].tags[from], slot_ref(buckets + at, from));
        slot_free(buckets + at, from);
        buckets[b].overflow--;
        return at;
    }
}

void table_remove_slot(struct bucket *buckets, unsigned n, unsigned b, unsigned slot)
{
    unsigned distance = slot_distance(buckets + b, slot);
    if (distance > 0) buckets[bucket_wrap(b + n - distance, n)].overflow--;
    slot_free(buckets + b, slot);
    while (b < n) {
        slot = bucket_free_slot(buckets + b);
        b = bring_home(buckets, n, b, slot);
    }
}

/* A segment lost an element: gives memory back where that is worth the work. */
static void table_settle(struct table *t, const struct spot *s)
{
    unsigned len = entry_len(*s->entry);
    if (t->len == 0) {
        table_deinit(t);
    } else if (t->len < (table_segments(t) - 1) * SEGMENT_LEN_MEAN / 4 * 3) {
        table_contract(t);
    } else if (s->n > size_least(t) && len < size_limit(size_below(s->n)) / 4 * 3 && t->stash_len == 0) {
        segment_resize(t, s, size_below(s->n));
    }
}

static void erase_hit(struct table *t, const struct hit *hit)
{
    const struct spot *s = &hit->spot;
    t->len--;
    if (hit->bucket == IN_STASH) {
        stash_remove(t, hit->stash);
    } else {
        table_remove_slot(entry_buckets(*s->entry), s->n, hit->bucket, hit->slot);
        entry_add_len(s->entry, -1);
        if (unlikely(t->stash_len > 0)) stash_absorb_one(t, s);
    }
    table_settle(t, s);
}

bool table_erase(struct table *t, uint64_t hash, const void *record)
{
    struct hit hit;
    if (!search(t, hash, match_address, record, &hit)) return false;
    erase_hit(t, &hit);
    return true;
}

void *table_erase_key(struct table *t, uint64_t hash, const void *key)
{
    struct hit hit;
    struct key_context context = {t->type->equals, key};
    if (!search(t, hash, match_key, &context, &hit)) return NULL;
    erase_hit(t, &hit);
    return hit.record;
}

void table_reserve(struct table *t, size_t len)
{
    if (t->segments == NULL) {
        t->segments = directory_new(0);
        t->segments[0] = entry_empty();
    }
    while (table_segments(t) * SEGMENT_LEN_MEAN < len && t->level < LEVEL_MAX) table_expand(t);
    for (size_t k = 0, count = table_segments(t); k < count; k++) {
        uint64_t *entry = table_segment(t, k);
        unsigned depth = t->level + (k < 2 * t->split ? 1u : 0u);
        size_t expected = len >> depth;
        unsigned n = size_for(t, expected < SEGMENT_LEN_MAX ? (unsigned)expected : SEGMENT_LEN_MAX);
        if (n <= entry_n(*entry) && !entry_is_empty(*entry)) continue;
        if (entry_is_empty(*entry)) {
            *entry = entry_make(buckets_new(n, 0), n, 0, EXTRA_BITS);
            if (t->stash_len > 0) stash_absorb(t, entry);
        } else {
            struct spot s = {.entry = entry, .depth = depth, .n = entry_n(*entry)};
            segment_resize(t, &s, n);
        }
    }
}
