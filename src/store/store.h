/* The keyspace: databases, each an array of partitions (a table and a time index each), holding records.
 *
 * The store knows nothing of commands, clients and propagation. Mutators assert that a unit is open (store_unit_open),
 * so that no write goes past the log. Expired records stay findable until the engine removes them: the engine decides
 * (a primary deletes and propagates, a replica only hides).
 *
 * Keys are hashed once: struct store_key carries the hash through prefetch, look-up and insert. */
#ifndef CAIRN_STORE_STORE_H
#define CAIRN_STORE_STORE_H

#include "base/hash.h"
#include "base/prng.h"
#include "base/slice.h"
#include "value/record.h"

struct store; /* opaque: all databases */

struct store_options {
    int databases;             /* >= 1 */
    int partitions;            /* per database; power of two, <= 256 */
    struct hash_seed seed;
    uint64_t now_ms;           /* time at the start, a hint for the time index; 0: unknown */
};

struct store *store_new(const struct store_options *options) must_use;
void store_free(struct store *store);
int store_databases(const struct store *store);
const struct hash_seed *store_seed(const struct store *store); /* as long as the store */

struct store_key {
    struct slice name;
    uint64_t hash;
};
struct store_key store_key(const struct store *store, struct slice name);

/* Batch prefetch: call store_prefetch for all keys of a batch, then store_prefetch_record for all, then look up. */
void store_prefetch(const struct store *store, int db, uint64_t hash);
void store_prefetch_record(const struct store *store, int db, uint64_t hash);
/* The record that was prefetched, for prefetching on from there: probably, not surely, that of the key. Or NULL. */
const struct record *store_candidate(const struct store *store, int db, uint64_t hash);

/* O(1). NULL: absent. An expired record is returned: compare record_expire_ms with now. The result is valid until the
 * next mutation. */
struct record *store_find_hashed(const struct store *store, int db, struct slice name, uint64_t hash);
/* Inline, here and above: a struct of three words goes through memory at each call, its parts through registers. */
static inline struct record *store_find(const struct store *store, int db, struct store_key key)
{
    return store_find_hashed(store, db, key.name, key.hash);
}

/* Units: the engine brackets every write; nesting counts. */
void store_unit_open(struct store *store);
void store_unit_close(struct store *store);

/* Mutators. */
/* The key is absent. Puts the record's expiry into the time index. */
void store_insert(struct store *store, int db, struct store_key key, struct record *owned_r);
/* `old_r` was found under key and has become owned_r (maybe the same address) by a function of value/; another record
 * takes a key over by store_remove and store_insert. Tells expiry counts and the time index of a changed expiry:
 * old_expire_ms is what record_expire_ms said before. */
void store_replace(struct store *store, int db, struct store_key key, struct record *old_r, uint64_t old_expire_ms,
                   struct record *owned_r);
/* Sets (or clears with 0) the expiry of a found record; returns its address, which may have changed. */
struct record *store_set_expire(struct store *store, int db, struct store_key key, struct record *r, uint64_t unix_ms);
/* Elements of a found record have got or lost expiries of their own: old_parts_ms is what record_parts_expire_ms said
 * before. To be told before the record is removed. */
void store_parts_changed(struct store *store, int db, struct store_key key, struct record *r, uint64_t old_parts_ms);
/* The caller owns the result. NULL: absent. */
struct record *store_remove(struct store *store, int db, struct store_key key) must_use;

size_t store_len(const struct store *store, int db);           /* keys, expired ones that still stand included; O(1) */
size_t store_len_all(const struct store *store);               /* of all databases; O(databases) */
size_t store_volatile_len(const struct store *store, int db);  /* keys with an expiry; O(1) */
size_t store_parts_len(const struct store *store, int db);     /* keys with elements that have one; O(1) */
uint64_t store_avg_ttl_ms(const struct store *store, int db, uint64_t now_ms); /* mean time left; 0: none. O(1) */

void store_swap(struct store *store, int a, int b);            /* SWAPDB; O(1) */

/* Emptying. The detached keyspace is freed at the caller's leisure, in another thread too. O(partitions). */
struct store_detached; /* opaque */
struct store_detached *store_detach(struct store *store, int db) must_use;
size_t store_detached_len(const struct store_detached *d);
/* Frees about budget records; true: all are gone, and d too. d may outlive the store, and each call may come from
 * another thread. */
bool store_detached_free_step(struct store_detached *d, size_t budget);

/* SCAN: visits about `count` records (at least one bucket) from cursor; returns the next one, 0 at the end. Redis's
 * guarantee holds. A visitor must not mutate: it collects. Expired records are visited. */
uint64_t store_scan(const struct store *store, int db, uint64_t cursor, size_t count,
                    void (*visit)(void *arg, struct record *r), void *arg);
/* Visits every record once, prefetched; the store does not change meanwhile. */
void store_each(const struct store *store, int db, void (*visit)(void *arg, struct record *r), void *arg);
struct record *store_random(const struct store *store, int db, struct prng *prng); /* uniform; NULL when empty */

/* Expiry by the time index. Calls due(arg, db, r) for records whose time has come (record_due_ms: their own, or that of
 * an element), at most `budget` index entries; `due` removes the record or due elements of it (inside a unit of the
 * engine's), or leaves it (it is offered again after STORE_EXPIRE_RETRY_MS; who means to leave them all, as a replica
 * does, had better not call). A record that got shorter and still has due elements is offered again at once, as far as
 * the budget goes: `due` may work in small steps. `due` may use the store,
 * but for store_swap, store_detach and this function. Returns the entries worked on: fewer than budget means that
 * nothing else is due. An entry comes at most 16 ms after its time. */
enum { STORE_EXPIRE_RETRY_MS = 100 };
size_t store_expire_step(struct store *store, uint64_t now_ms, size_t budget,
                         void (*due)(void *arg, int db, struct record *r), void *arg);
/* Lower bound of the next due time, now or earlier when there is work left; UINT64_MAX: none. O(1) */
uint64_t store_next_due_ms(const struct store *store, uint64_t now_ms);

/* A bounded piece of housekeeping (tables grow and shrink by themselves; the time index is swept of stale entries);
 * returns true when more is waiting. Called from cron. */
bool store_step(struct store *store, size_t budget);
void store_reserve(struct store *store, int db, size_t keys);

size_t store_overhead(const struct store *store, int db); /* bytes beside the records: tables, index. O(len / 128) */
struct store_stats {
    size_t table_bytes, index_bytes, index_entries, buckets, slots, longest_chain;
};
void store_stats(const struct store *store, int db, struct store_stats *out); /* O(len) */
void store_check(const struct store *store);                   /* slow: asserts every invariant */

#endif
