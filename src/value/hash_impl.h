/* The inside of hashes, for the files of value/ only.
 *
 *   PACK      a listpack of field, value, ...
 *   PACK_EX   a listpack of field, value, expiry, ...: ascending by expiry, those without (0) at the end. A hash that
 *             once had a field with an expiry stays in this form.
 *   LARGE     struct hash_large: a table of entries, and a heap of those with an expiry as long as there are any
 *
 * The record's value bytes are the pointer to the listpack or the hash_large. Forms change only in this order. */
#ifndef CAIRN_VALUE_HASH_IMPL_H
#define CAIRN_VALUE_HASH_IMPL_H

#include "ds/heap.h"
#include "ds/listpack.h"
#include "ds/table.h"
#include "value/hash.h"
#include "value/record_impl.h"

enum hash_form { HASH_PACK, HASH_PACK_EX, HASH_LARGE };

struct hash_large {
    struct table table; /* of struct hash_entry; its arg is the seed */
    struct heap *expiry; /* NULL: no field has one */
};

/* How a value is put under a field. */
struct hash_put {
    struct slice field, value;
    uint64_t now_ms;
    bool keep_expiry;
    struct blob *blob; /* may be NULL: holds the value; a reference to it is taken where it is kept */
};

static inline enum hash_form hash_form(const struct record *r)
{
    return (enum hash_form)record_encoding(r);
}
static inline void hash_set_form(struct record *r, enum hash_form form, const void *object)
{
    r->tag = (uint8_t)(TYPE_HASH | (unsigned)form << 4);
    record_set_object(r, object);
}
static inline void hash_flag_expiry(struct record *r, bool any)
{
    r->flags = (uint8_t)(any ? r->flags | RECORD_PARTS_EXPIRE : r->flags & ~RECORD_PARTS_EXPIRE);
}

/* hash_pack.c: the two listpack forms */
size_t hash_pack_len(const struct record *r);
size_t hash_pack_due(const struct record *r, uint64_t now_ms);
uint64_t hash_pack_first_expiry(const struct record *r); /* 0: none */
bool hash_pack_get(const struct record *r, struct slice field, uint64_t now_ms, char scratch[NUM_I64_TEXT_MAX],
              struct slice *value);
/* False: it has no room for it, nothing was done, the hash has to become large. */
bool hash_pack_put(struct record *r, const struct hash_put *put, const struct value_limits *limits, bool *is_new);
bool hash_pack_delete(struct record *r, struct slice field, uint64_t now_ms);
bool hash_pack_expiry(const struct record *r, struct slice field, uint64_t now_ms, uint64_t *expire_ms);
/* False as hash_pack_put; *found false: no such field, nothing was done. */
bool hash_pack_set_expiry(struct record *r, struct slice field, uint64_t now_ms, uint64_t expire_ms, bool *found);
bool hash_pack_iter_next(struct hash_iter *it, struct hash_item *item);
void hash_pack_draw(const struct record *r, uint64_t now_ms, struct prng *prng, size_t count, hash_fn *fn, void *arg);
size_t hash_pack_reap(struct record *r, uint64_t now_ms, size_t max, hash_fn *fn, void *arg);
void hash_pack_check(const struct record *r);

/* hash_large.c */
/* salt: what gives tables of different hashes different orders (table_set_salt) */
struct hash_large *hash_large_new(const struct hash_seed *seed, uint32_t salt, size_t len_expected) must_use;
void hash_large_free(struct hash_large *owned_h);
struct hash_large *hash_large_dup(const struct hash_large *h) must_use;
bool hash_large_get(const struct hash_large *h, struct slice field, uint64_t now_ms, struct slice *value);
void hash_large_prefetch(const struct hash_large *h, const struct slice *fields, size_t count, size_t stride);
struct blob *hash_large_blob(const struct hash_large *h, struct slice field, uint64_t now_ms);
bool hash_large_put(struct hash_large *h, const struct hash_put *put); /* true: the field is new */
void hash_large_add(struct hash_large *h, const struct hash_item *item); /* the field is absent */
bool hash_large_load(struct hash_large *h, const struct hash_item *item); /* false: the field is present */
bool hash_large_delete(struct hash_large *h, struct slice field, uint64_t now_ms);
bool hash_large_expiry(const struct hash_large *h, struct slice field, uint64_t now_ms, uint64_t *expire_ms);
bool hash_large_set_expiry(struct hash_large *h, struct slice field, uint64_t now_ms, uint64_t expire_ms);
bool hash_large_iter_next(struct hash_iter *it, struct hash_item *item);
uint64_t hash_large_scan(const struct hash_large *h, uint64_t cursor, uint64_t now_ms, hash_fn *fn, void *arg);
void hash_large_draw(const struct hash_large *h, uint64_t now_ms, struct prng *prng, size_t count,
                     hash_fn *fn, void *arg);
/* count is far below the number of fields */
void hash_large_sample(const struct hash_large *h, uint64_t now_ms, struct prng *prng, size_t count,
                     hash_fn *fn, void *arg);
size_t hash_large_reap(struct hash_large *h, uint64_t now_ms, size_t max, hash_fn *fn, void *arg);
size_t hash_large_mem(const struct hash_large *h, size_t samples);
void hash_large_check(const struct hash_large *h);

static inline size_t hash_large_due(const struct hash_large *h, uint64_t now_ms, size_t max)
{
    return h->expiry == NULL ? 0 : heap_count_until(h->expiry, now_ms, max);
}
static inline bool hash_large_all_due(const struct hash_large *h, uint64_t now_ms)
{
    size_t len = table_len(&h->table);
    return len == (h->expiry == NULL ? 0 : heap_len(h->expiry)) && (len == 0 || heap_all_until(h->expiry, now_ms));
}
static inline uint64_t hash_large_first_expiry(const struct hash_large *h)
{
    return h->expiry == NULL ? 0 : heap_min_key(h->expiry);
}

#endif
