/* THE hash table: keyspace, large hashes, large sets. It holds references to records that contain their own key and
 * owns none of them.
 *
 * Rules for callers
 *  - A record is 8-byte aligned (what mem_alloc returns is) and lies in the lower 48 bits of the address space.
 *  - `hash` is a keyed, well mixed 64-bit hash of the record's key. Only its upper 48 bits are used here
 *    (TABLE_HASH_MASK), the most significant first; whoever spreads keys over several tables takes the low 16 bits.
 *  - Lookups never write, so that readers pay for no growth and a forked child dirties no page. insert, erase and drain
 *    grow and shrink the table: at most two small segments (some hundred elements) per call, whatever its size.
 *  - Growing and shrinking may call type->hash for other records than the one that the call is about.
 *  - No function may be called from inside a callback of the same table, except lookups.
 *
 * Memory: 64-byte buckets of 8 slots, about 9.4 bytes per element on average over all sizes; nothing but struct table
 * when empty. struct table may be moved in memory (swapped, copied to a new place); its fields are private. */
#ifndef CAIRN_DS_TABLE_H
#define CAIRN_DS_TABLE_H

#include "base/compiler.h"
#include "base/prng.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TABLE_HASH_MASK (~(uint64_t)0xffff)

struct table_type {
    bool (*equals)(const void *record, const void *key); /* key: what the caller gave to table_find */
    uint64_t (*hash)(const void *arg, const void *record);
};

struct table_stash_item;

struct table { /* private */
    const struct table_type *type;
    const void *arg;
    uint64_t *segments, *segments_next; /* directories of this round and of the next one */
    size_t len;
    size_t split; /* segments below it are already halved and live in segments_next */
    struct table_stash_item *stash;
    uint32_t stash_len, stash_cap;
    uint8_t level; /* this round began with 2^level segments */
    uint32_t salt;
};

void table_init(struct table *t, const struct table_type *type, const void *arg); /* allocates nothing */
void table_deinit(struct table *t); /* frees the table's own memory; the records are the caller's affair */
/* For an empty table: gives its elements another order. Two tables with the same hash and salt have the same order, and
 * copying one into the other, element by element as they are walked, fills it from one end: that takes quadratic time,
 * unless there was a table_reserve. With different salts it is as good as random. 0 is the order of the hash itself. */
static inline void table_set_salt(struct table *t, uint32_t salt)
{
    t->salt = salt;
}
static inline uint32_t table_salt(const struct table *t)
{
    return t->salt;
}
static inline size_t table_len(const struct table *t)
{
    return t->len;
}

/* ---- one element; O(1) ---- */
void *table_find(const struct table *t, uint64_t hash, const void *key);    /* view, or NULL */
/* The first record whose stored hash bits agree with `hash` (at least log2(len) + 3 of them) and for which fn says
 * true, or NULL. For indexes that keep a hash instead of the key. */
void *table_find_if(const struct table *t, uint64_t hash, bool (*fn)(void *arg, void *record), void *arg);
void table_insert(struct table *t, uint64_t hash, void *record); /* the caller knows that the key is absent */
/* The record of a key has moved. false: old_record is not there; it is only compared, so it may be freed already. */
bool table_replace(struct table *t, uint64_t hash, const void *old_record, void *new_record);
bool table_erase(struct table *t, uint64_t hash, const void *record);   /* by address; the record itself is not read */
void *table_erase_key(struct table *t, uint64_t hash, const void *key); /* by key; the record, the caller's, or NULL */

/* ---- a batch: prefetch all buckets, then all records, then execute ---- */
void table_prefetch_bucket(const struct table *t, uint64_t hash);
void table_prefetch_record(const struct table *t, uint64_t hash); /* of the first candidate; touches the bucket */
void *table_candidate(const struct table *t, uint64_t hash); /* that one, unread: perhaps another record; or NULL */

/* ---- many elements ---- */
/* Visits the elements of about one bucket (0 to some 8) and returns the cursor to go on with, 0 at the end; starts
 * with 0. The cursor takes 48 bits and keeps no state in the table. An element that is present from the first call to
 * the last is visited at least once, whatever is inserted and erased between the calls; it may be visited twice. Any
 * 48-bit number is a valid cursor. */
enum { TABLE_CURSOR_BITS = 48 };
uint64_t table_scan(const struct table *t, uint64_t cursor, void (*visit)(void *arg, void *record), void *arg);
/* Visits every element once, in the order of table_scan, records prefetched. The callback may free the record if the
 * caller then calls table_deinit and nothing else. */
void table_each(const struct table *t, void (*visit)(void *arg, void *record), void *arg);
/* The same, one after the other: table_iter_next gives the next record, NULL behind the last. The table does not change
 * meanwhile. */
struct table_iter { /* private */
    const struct table *t;
    size_t segment;
    unsigned bucket, used; /* slots of the bucket that are still to come */
    uint32_t stash;
};
void table_iter_init(struct table_iter *it, const struct table *t);
void *table_iter_next(struct table_iter *it);
/* A uniformly chosen element; NULL when empty. Expected O(1). */
void *table_random(const struct table *t, struct prng *prng);
/* Removes elements and hands each to fn (which may free it) until the table is empty or about `budget` steps are
 * done; returns true when it is empty. The table is whole between calls. fn == NULL only forgets. */
bool table_drain(struct table *t, size_t budget, void (*fn)(void *arg, void *record), void *arg);
void table_clear(struct table *t, void (*fn)(void *arg, void *record), void *arg); /* all at once; t stays usable */
void table_reserve(struct table *t, size_t len);   /* for loaders: room for len elements; not incremental */

/* ---- snapshot epoch of the bucket that `hash` belongs to: kept here, given a meaning by the store. Starts at 0;
 * when a segment is rebuilt its buckets get the smallest epoch among those they come from. ---- */
uint32_t table_epoch(const struct table *t, uint64_t hash);
void table_set_epoch(struct table *t, uint64_t hash, uint32_t epoch); /* t is not empty */

/* ---- insight ---- */
struct table_stats {
    size_t segments, buckets, slots;
    size_t len, displaced, stashed;   /* elements: all, outside of their home bucket, in the stash for bad hashes */
    unsigned longest_probe;           /* cache lines for the farthest element */
    size_t by_probe[8];               /* elements found in the 1st, 2nd, ... line */
    size_t mem;
};
void table_stats(const struct table *t, struct table_stats *out); /* O(n) */
size_t table_mem(const struct table *t);          /* bytes beyond struct table; O(segments) */
void table_check(const struct table *t);          /* asserts every invariant; O(n), calls type->hash */

#endif
