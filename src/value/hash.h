/* Hashes: fields with values, each field with an expiry of its own if wanted; listpack or table inside the record of
 * type TYPE_HASH. The record never moves when the hash changes. A hash that became empty is valid here; the caller
 * removes its key.
 *
 * A field whose time has come (expiry <= now_ms) is hidden from every verb that takes now_ms; now_ms 0 shows all. Who
 * changes expiries tells the store, which keeps an index of record_parts_expire_ms: see ctx_parts_begin. */
#ifndef CAIRN_VALUE_HASH_H
#define CAIRN_VALUE_HASH_H

#include "base/num.h"
#include "base/prng.h"
#include "ds/table.h"
#include "value/limits.h"
#include "value/record.h"

/* Unix ms; a field's expiry lies below it, so that it fits what payloads have room for. The year 4199. */
#define HASH_EXPIRE_MAX_MS ((uint64_t)1 << 46)

struct record *hash_new(struct slice key) must_use; /* empty. NULL: no room for a long key */
size_t hash_len(const struct record *r);            /* fields, due ones that nobody reaped included; O(1) */
size_t hash_len_live(const struct record *r, uint64_t now_ms); /* those that are not due. O(1 + due ones) */
/* Due ones, counted to max at most. O(1 + result) */
size_t hash_due(const struct record *r, uint64_t now_ms, size_t max);
bool hash_all_due(const struct record *r, uint64_t now_ms); /* nothing is left; cheap as long as that is not so */

/* ---- one field; O(1) in a table, O(n) in a listpack ---- */
/* The value of a field: a view of r, or of scratch; valid until r changes. False: no such field. */
bool hash_get(const struct record *r, struct slice field, uint64_t now_ms, char scratch[NUM_I64_TEXT_MAX],
              struct slice *value);
/* Before up to HASH_PREFETCH_MAX fields are looked up: every stride-th of the slices. So that the cache misses of a
 * large table overlap; nothing for others. */
enum { HASH_PREFETCH_MAX = 16 };
void hash_prefetch(const struct record *r, const struct slice *fields, size_t count, size_t stride);
struct blob; /* base/blob.h */
/* The block in which a large value lies, borrowed; NULL: no such field, or the value is in no block. */
struct blob *hash_blob(const struct record *r, struct slice field, uint64_t now_ms);
/* Sets a field, without expiry afterwards. True: it is new. */
bool hash_set(struct record *r, struct slice field, struct slice value, uint64_t now_ms,
              const struct value_limits *limits);
/* The same, but the expiry that the field has stays. */
bool hash_update(struct record *r, struct slice field, struct slice value, uint64_t now_ms,
                 const struct value_limits *limits);
/* Either of the two, with a value that was received into a block. */
bool hash_set_blob(struct record *r, struct slice field, struct blob *owned_value, uint64_t now_ms, bool keep_expiry,
                   const struct value_limits *limits);
bool hash_delete(struct record *r, struct slice field, uint64_t now_ms); /* false: no such field */
/* *expire_ms 0: it has none. False: no such field. */
bool hash_expiry(const struct record *r, struct slice field, uint64_t now_ms, uint64_t *expire_ms);
/* expire_ms < HASH_EXPIRE_MAX_MS; 0: none. False: no such field. */
bool hash_set_expiry(struct record *r, struct slice field, uint64_t now_ms, uint64_t expire_ms,
                     const struct value_limits *limits);

/* ---- many ---- */
struct hash_item { /* slices are valid until the next one is given; expire_ms 0: none */
    struct slice field, value;
    uint64_t expire_ms;
};
typedef void hash_fn(void *arg, const struct hash_item *item);

/* Every field once; r does not change meanwhile. */
struct hash_iter { /* private */
    const struct record *r;
    uint64_t now_ms;
    uint32_t pos;
    struct table_iter table;
    char field[NUM_I64_TEXT_MAX], value[NUM_I64_TEXT_MAX];
};
void hash_iter_init(struct hash_iter *it, const struct record *r, uint64_t now_ms);
bool hash_iter_next(struct hash_iter *it, struct hash_item *item);

/* As table_scan: cursor 0 starts, 0 is the end; small hashes come at once. */
uint64_t hash_scan(const struct record *r, uint64_t cursor, uint64_t now_ms, hash_fn *fn, void *arg);
/* `count` draws, each uniform among the fields that are not due, of which there is one at least. */
void hash_draw(const struct record *r, uint64_t now_ms, struct prng *prng, size_t count, hash_fn *fn, void *arg);
/* Different fields, each set of them equally likely: min(count, hash_len_live) of them. */
void hash_sample(const struct record *r, uint64_t now_ms, struct prng *prng, size_t count, hash_fn *fn, void *arg);
/* Removes up to `max` due fields, the earliest first; fn (may be NULL) sees each before it goes. Returns how many. */
size_t hash_reap(struct record *r, uint64_t now_ms, size_t max, hash_fn *fn, void *arg);

/* ---- payloads ---- */
/* The listpack of a small hash as files hold it: pairs, or triples of field, value and expiry (0: none; ordered by it,
 * those without at the end). False: it is not held as a listpack; walk it. */
bool hash_packed(const struct record *r, struct slice *bytes, bool *triples);
/* A hash that is loaded element by element: about `count` come, what will be a table is one now. r is new. */
void hash_expect(struct record *r, size_t count, const struct value_limits *limits);
/* expire_ms < HASH_EXPIRE_MAX_MS. False, and nothing done: the field is there already. */
bool hash_load(struct record *r, const struct hash_item *item, const struct value_limits *limits) must_use;
/* A hash from such bytes, which are copied and need not be trusted: NULL if they are no listpack, are not made of
 * pairs or triples, name a field twice, are empty, or have expiries that are none or not in order; also when a long
 * key finds no room. Of more fields than the limits allow a table is made. */
struct record *hash_from_packed(struct slice key, struct slice bytes, bool triples,
                                const struct value_limits *limits) must_use;

#endif
