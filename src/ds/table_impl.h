/* Inside of the table: bucket layout, packed directory entries, the way from a hash to its bucket. For table*.c only.
 * The picture and the reasons are in table.c. */
#ifndef CAIRN_DS_TABLE_IMPL_H
#define CAIRN_DS_TABLE_IMPL_H

#include "ds/table.h"

#include <string.h>
#if defined(__SSE2__)
#include <emmintrin.h>
#endif

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "references are packed by overlapping little-endian loads");

enum {
    BUCKET_SLOTS = 8,
    PROBE_MAX = 7,         /* an element lives in its home bucket or in one of the next 6 */
    PLACE_BITS = 11,       /* hash bits that choose the home bucket; their low 8 are the tag */
    EXTRA_BITS = 3,        /* further hash bits, in the alignment bits of the reference */
    STORED_BITS = PLACE_BITS + EXTRA_BITS,
    SEGMENT_BUCKETS_MAX = 64,
    SEGMENT_BUCKETS_EXACT = 8, /* from here on the home and the tag together tell all PLACE_BITS */
    SEGMENT_LEN_MAX = SEGMENT_BUCKETS_MAX * BUCKET_SLOTS,
    SEGMENT_LEN_MEAN = 128,    /* the number of segments follows from it */
    LEVEL_MAX = 48 - STORED_BITS - 1,
};
_Static_assert((1 << PLACE_BITS) / SEGMENT_BUCKETS_EXACT <= 256, "a tag must be unique within a home bucket");

enum { OVERFLOW_COUNT = 0x3f, OVERFLOW_STASH = 0x80 };
_Static_assert((PROBE_MAX - 1) * BUCKET_SLOTS <= OVERFLOW_COUNT, "every displaced element is counted");

struct bucket {
    uint8_t tags[BUCKET_SLOTS];
    uint8_t state[3];     /* bit planes, one bit per slot: 0 free, else 1 + distance from the home bucket */
    uint8_t overflow;     /* elements of this home that live in other buckets; flag: or in the stash. Behind state */
    uint32_t epoch;
    uint8_t refs[BUCKET_SLOTS][6];
};
_Static_assert(sizeof(struct bucket) == 64, "one cache line");

struct table_stash_item {
    uint64_t hash;
    void *record;
};

/* A directory entry: address of the buckets (64-byte aligned), their number, elements in them, valid extra bits. */
enum { ENTRY_LEN_SHIFT = 48, ENTRY_LEN_BITS = 10, ENTRY_KNOWN_SHIFT = 58 };
#define ENTRY_ADDRESS ((uint64_t)0x0000ffffffffffc0)

extern const struct bucket table_no_bucket; /* stands for the buckets of an empty segment; never written */

static inline uint64_t entry_make(const struct bucket *buckets, unsigned n, unsigned len, unsigned known)
{
    return (uint64_t)(uintptr_t)buckets | (n - 1) | (uint64_t)len << ENTRY_LEN_SHIFT |
           (uint64_t)known << ENTRY_KNOWN_SHIFT;
}
static inline uint64_t entry_empty(void)
{
    return entry_make(&table_no_bucket, 1, 0, EXTRA_BITS);
}
static inline struct bucket *entry_buckets(uint64_t entry)
{
    return (struct bucket *)(uintptr_t)(entry & ENTRY_ADDRESS);
}
static inline unsigned entry_n(uint64_t entry)
{
    return (unsigned)(entry & 63) + 1;
}
static inline unsigned entry_len(uint64_t entry)
{
    return (unsigned)(entry >> ENTRY_LEN_SHIFT) & ((1u << ENTRY_LEN_BITS) - 1);
}
static inline unsigned entry_known(uint64_t entry)
{
    return (unsigned)(entry >> ENTRY_KNOWN_SHIFT) & 3;
}
static inline bool entry_is_empty(uint64_t entry)
{
    return entry_buckets(entry) == &table_no_bucket;
}
static inline void entry_add_len(uint64_t *entry, int delta)
{
    *entry += (uint64_t)(int64_t)delta << ENTRY_LEN_SHIFT;
}

/* ---- slots ---- */

static inline uint64_t slot_ref(const struct bucket *b, unsigned slot) /* address | extra bits */
{
    uint64_t word; /* the two bytes before the reference come along: the load stays within the bucket */
    memcpy(&word, (const uint8_t *)b + offsetof(struct bucket, refs) - 2 + 6 * slot, sizeof word);
    return word >> 16;
}
static inline void *ref_record(uint64_t ref)
{
    return (void *)(uintptr_t)(ref & ~(uint64_t)7);
}
/* The bit planes, lowest in the lowest byte; overflow is the fourth. */
static inline uint32_t bucket_planes(const struct bucket *b)
{
    uint32_t planes;
    memcpy(&planes, b->state, sizeof planes);
    return planes;
}
static inline unsigned bucket_used(const struct bucket *b) /* mask of slots */
{
    uint32_t planes = bucket_planes(b);
    return (planes | planes >> 8 | planes >> 16) & 0xff;
}
/* Mask of the slots whose element is `distance` buckets away from home. */
static inline unsigned bucket_at_distance(const struct bucket *b, unsigned distance)
{
    unsigned state = distance + 1;
    uint32_t wanted = (0u - (state & 1)) & 0xff, same;
    wanted |= (0u - (state >> 1 & 1)) & 0xff00;
    wanted |= (0u - (state >> 2 & 1)) & 0xff0000;
    same = ~(bucket_planes(b) ^ wanted);
    return same & same >> 8 & same >> 16 & 0xff;
}
static inline unsigned slot_distance(const struct bucket *b, unsigned slot) /* of a used slot */
{
    uint32_t planes = bucket_planes(b) >> slot;
    return ((planes & 1) | (planes >> 7 & 2) | (planes >> 14 & 4)) - 1;
}
static inline unsigned bucket_displaced(const struct bucket *b) /* how many elements of this home live elsewhere */
{
    return b->overflow & OVERFLOW_COUNT;
}
static inline unsigned mask_next(unsigned *mask) /* takes the lowest slot out of a mask that is not empty */
{
    unsigned slot = (unsigned)__builtin_ctz(*mask);
    *mask &= *mask - 1;
    return slot;
}
static inline void slot_set_state(struct bucket *b, unsigned slot, unsigned state)
{
    uint32_t planes = bucket_planes(b) & ~((uint32_t)0x010101 << slot);
    planes |= ((state & 1) | (state & 2) << 7 | (state & 4) << 14) << slot;
    memcpy(b->state, &planes, sizeof planes);
}
static inline void slot_write(struct bucket *b, unsigned slot, uint8_t tag, uint64_t ref)
{
    b->tags[slot] = tag;
    memcpy(b->refs[slot], &ref, 6);
}
static inline void slot_fill(struct bucket *b, unsigned slot, unsigned distance, uint8_t tag, uint64_t ref)
{
    slot_write(b, slot, tag, ref);
    slot_set_state(b, slot, distance + 1);
}
static inline void slot_free(struct bucket *b, unsigned slot)
{
    slot_set_state(b, slot, 0);
}

#if defined(__SSE2__)
static inline unsigned bucket_tagged(const struct bucket *b, uint8_t tag) /* mask; free slots may be among them */
{
    __m128i tags = _mm_loadl_epi64((const __m128i *)(const void *)b->tags);
    return (unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(tags, _mm_set1_epi8((char)tag))) & 0xff;
}
#else
static inline unsigned bucket_tagged(const struct bucket *b, uint8_t tag)
{
    const uint64_t low7 = 0x7f7f7f7f7f7f7f7f;
    uint64_t x;
    memcpy(&x, b->tags, sizeof x);
    x ^= tag * (uint64_t)0x0101010101010101;
    x = ~(((x & low7) + low7) | x | low7); /* 0x80 in each byte that was zero, exactly */
    return (unsigned)((x >> 7) * 0x0102040810204080 >> 56);
}
#endif

/* ---- from hash to bucket ---- */

struct spot {
    uint64_t *entry;
    size_t segment;   /* its number among the segments of its depth: the first `depth` bits of the hash */
    unsigned depth;
    unsigned n, home;
    unsigned stored;  /* the next STORED_BITS of the hash */
};

static inline unsigned place_home(unsigned place, unsigned n)
{
    return place * n >> PLACE_BITS;
}
/* The first value of the PLACE_BITS whose home is `home`. */
static inline unsigned place_first(unsigned home, unsigned n)
{
    return ((home << PLACE_BITS) + n - 1) / n;
}
static inline unsigned hash_stored(uint64_t hash, unsigned depth)
{
    return (unsigned)(hash << depth >> (64 - STORED_BITS));
}
/* The hash that a table goes by: the caller's, or with a salt a product whose order has nothing to do with it. All
 * below works on such hashes. */
static inline uint64_t table_hash(const struct table *t, uint64_t hash)
{
    return (hash & TABLE_HASH_MASK) * (1 + t->salt * (uint64_t)0x9e3779b97f4a7c16); /* odd: no two become the same */
}
static inline uint64_t table_record_hash(const struct table *t, const void *record)
{
    return table_hash(t, t->type->hash(t->arg, record));
}
static inline struct spot table_spot(const struct table *t, uint64_t hash) /* segments is not NULL */
{
    struct spot s;
    size_t next = hash >> (63 - t->level); /* depth level + 1 */
    unsigned halved = next >> 1 < t->split; /* without branches: it is as good as random */
    s.segment = next >> (1 - halved);
    s.depth = t->level + halved;
    s.entry = (halved ? t->segments_next : t->segments) + s.segment;
    s.n = entry_n(*s.entry);
    s.stored = hash_stored(hash, s.depth);
    s.home = place_home(s.stored >> EXTRA_BITS, s.n);
    return s;
}
static inline uint8_t stored_tag(unsigned stored)
{
    return (uint8_t)(stored >> EXTRA_BITS);
}
static inline unsigned bucket_wrap(unsigned b, unsigned n) /* b < 2n */
{
    return b >= n ? b - n : b;
}

static inline size_t table_segments(const struct table *t)
{
    return t->segments == NULL ? 0 : ((size_t)1 << t->level) + t->split;
}
/* The k-th segment in the order of the hash. */
static inline uint64_t *table_segment(const struct table *t, size_t k)
{
    return k < 2 * t->split ? t->segments_next + k : t->segments + (k - t->split);
}

/* table.c, for table_walk.c */
void table_remove_slot(struct bucket *buckets, unsigned n, unsigned b, unsigned slot);
void table_free_buckets(uint64_t entry);
void table_halve_round(struct table *t); /* split == 0, level > 0: the same segments, as the end of the round before */
void table_end_round(struct table *t);   /* if all segments are halved, the next round begins */

#endif
