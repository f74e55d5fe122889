/* Hashes: the facade, which alone follows the form, and the changes from one to the next. hash_impl.h has the picture.
 */
#include "value/hash.h"

#include "base/blob.h"
#include "base/mem.h"
#include "value/hash_impl.h"
#include "value/value_ops.h"

static inline struct hash_large *large_of(const struct record *r)
{
    return record_object(r);
}

static inline bool is_large(const struct record *r)
{
    return hash_form(r) == HASH_LARGE;
}

struct record *hash_new(struct slice key)
{
    struct listpack *lp = listpack_new(0);
    struct record *r = record_new_object(key, TYPE_HASH, HASH_PACK, lp);
    if (r == NULL) listpack_free(lp);
    return r;
}

size_t hash_len(const struct record *r)
{
    return is_large(r) ? table_len(&large_of(r)->table) : hash_pack_len(r);
}

size_t hash_len_live(const struct record *r, uint64_t now_ms)
{
    return hash_len(r) - hash_due(r, now_ms, SIZE_MAX);
}

size_t hash_due(const struct record *r, uint64_t now_ms, size_t max)
{
    uint64_t first_ms = record_parts_expire_ms(r);
    if (likely(first_ms == 0 || first_ms > now_ms)) return 0;
    if (is_large(r)) return hash_large_due(large_of(r), now_ms, max);
    size_t due = hash_pack_due(r, now_ms);
    return due < max ? due : max;
}

bool hash_all_due(const struct record *r, uint64_t now_ms)
{
    return is_large(r) ? hash_large_all_due(large_of(r), now_ms) : hash_pack_due(r, now_ms) == hash_pack_len(r);
}

/* Who copies a hash to another key by walking it must not meet its order again: that would fill one segment of the new
 * table after the other. */
static struct hash_large *large_new(const struct record *r, size_t count, const struct value_limits *limits)
{
    return hash_large_new(limits->seed, (uint32_t)hash_slice(limits->seed, record_key(r)), count);
}

static void enlarge(struct record *r, const struct value_limits *limits)
{
    struct hash_large *h = large_new(r, hash_pack_len(r) + 1, limits);
    struct listpack *lp = record_object(r);
    struct hash_iter it;
    struct hash_item item;
    hash_iter_init(&it, r, 0);
    while (hash_iter_next(&it, &item)) hash_large_add(h, &item);
    listpack_free(lp);
    hash_set_form(r, HASH_LARGE, h);
}

/* ---- one field ---- */

bool hash_get(const struct record *r, struct slice field, uint64_t now_ms, char scratch[NUM_I64_TEXT_MAX],
              struct slice *value)
{
    return is_large(r) ? hash_large_get(large_of(r), field, now_ms, value)
                       : hash_pack_get(r, field, now_ms, scratch, value);
}

static bool put(struct record *r, const struct hash_put *p, const struct value_limits *limits)
{
    bool is_new;
    if (!is_large(r)) {
        if (hash_pack_put(r, p, limits, &is_new)) return is_new;
        enlarge(r, limits);
    }
    is_new = hash_large_put(large_of(r), p);
    hash_flag_expiry(r, large_of(r)->expiry != NULL);
    return is_new;
}

void hash_prefetch(const struct record *r, const struct slice *fields, size_t count, size_t stride)
{
    enum { CACHED_LEN = 4096 }; /* a table of so few is in the cache anyway, and hashing twice costs more */
    if (is_large(r) && table_len(&large_of(r)->table) > CACHED_LEN)
        hash_large_prefetch(large_of(r), fields, count, stride);
}

struct blob *hash_blob(const struct record *r, struct slice field, uint64_t now_ms)
{
    return is_large(r) ? hash_large_blob(large_of(r), field, now_ms) : NULL;
}

bool hash_set_blob(struct record *r, struct slice field, struct blob *owned_value, uint64_t now_ms, bool keep_expiry,
                   const struct value_limits *limits)
{
    bool is_new =
        put(r, &(struct hash_put){field, blob_slice(owned_value), now_ms, keep_expiry, owned_value}, limits);
    blob_unref(owned_value);
    return is_new;
}

bool hash_set(struct record *r, struct slice field, struct slice value, uint64_t now_ms,
              const struct value_limits *limits)
{
    return put(r, &(struct hash_put){field, value, now_ms, false, NULL}, limits);
}

bool hash_update(struct record *r, struct slice field, struct slice value, uint64_t now_ms,
                 const struct value_limits *limits)
{
    return put(r, &(struct hash_put){field, value, now_ms, true, NULL}, limits);
}

bool hash_delete(struct record *r, struct slice field, uint64_t now_ms)
{
    if (!is_large(r)) return hash_pack_delete(r, field, now_ms);
    bool found = hash_large_delete(large_of(r), field, now_ms);
    hash_flag_expiry(r, large_of(r)->expiry != NULL);
    return found;
}

bool hash_expiry(const struct record *r, struct slice field, uint64_t now_ms, uint64_t *expire_ms)
{
    return is_large(r) ? hash_large_expiry(large_of(r), field, now_ms, expire_ms)
                       : hash_pack_expiry(r, field, now_ms, expire_ms);
}

bool hash_set_expiry(struct record *r, struct slice field, uint64_t now_ms, uint64_t expire_ms,
                     const struct value_limits *limits)
{
    assert(expire_ms < HASH_EXPIRE_MAX_MS);
    bool found;
    if (!is_large(r)) {
        if (hash_pack_set_expiry(r, field, now_ms, expire_ms, &found)) return found;
        enlarge(r, limits);
    }
    found = hash_large_set_expiry(large_of(r), field, now_ms, expire_ms);
    hash_flag_expiry(r, large_of(r)->expiry != NULL);
    return found;
}

/* ---- many ---- */

void hash_iter_init(struct hash_iter *it, const struct record *r, uint64_t now_ms)
{
    it->r = r;
    it->now_ms = now_ms;
    if (is_large(r))
        table_iter_init(&it->table, &large_of(r)->table);
    else
        it->pos = listpack_first(record_object(r));
}

bool hash_iter_next(struct hash_iter *it, struct hash_item *item)
{
    return is_large(it->r) ? hash_large_iter_next(it, item) : hash_pack_iter_next(it, item);
}

uint64_t hash_scan(const struct record *r, uint64_t cursor, uint64_t now_ms, hash_fn *fn, void *arg)
{
    if (is_large(r)) return hash_large_scan(large_of(r), cursor, now_ms, fn, arg);
    struct hash_iter it;
    struct hash_item item;
    hash_iter_init(&it, r, now_ms);
    while (hash_iter_next(&it, &item)) fn(arg, &item);
    return 0;
}

void hash_draw(const struct record *r, uint64_t now_ms, struct prng *prng, size_t count, hash_fn *fn, void *arg)
{
    if (is_large(r))
        hash_large_draw(large_of(r), now_ms, prng, count, fn, arg);
    else
        hash_pack_draw(r, now_ms, prng, count, fn, arg);
}

/* One pass: each field is taken with the chance that its share of what is still wanted demands (Knuth's algorithm S).
 */
void hash_sample(const struct record *r, uint64_t now_ms, struct prng *prng, size_t count, hash_fn *fn, void *arg)
{
    enum { PASS_SHARE = 3 }; /* for less than a third of a table, drawing is cheaper than walking */
    size_t left = hash_len_live(r, now_ms);
    if (count > left) count = left;
    if (is_large(r) && count < left / PASS_SHARE) {
        hash_large_sample(large_of(r), now_ms, prng, count, fn, arg);
        return;
    }
    struct hash_iter it;
    struct hash_item item;
    hash_iter_init(&it, r, now_ms);
    for (; count > 0 && hash_iter_next(&it, &item); left--) {
        if (count < left && prng_below(prng, left) >= count) continue;
        fn(arg, &item);
        count--;
    }
}

size_t hash_reap(struct record *r, uint64_t now_ms, size_t max, hash_fn *fn, void *arg)
{
    if (!is_large(r)) return hash_pack_reap(r, now_ms, max, fn, arg);
    size_t count = hash_large_reap(large_of(r), now_ms, max, fn, arg);
    hash_flag_expiry(r, large_of(r)->expiry != NULL);
    return count;
}

/* ---- payloads ---- */

bool hash_packed(const struct record *r, struct slice *bytes, bool *triples)
{
    if (is_large(r)) return false;
    *bytes = listpack_bytes(record_object(r));
    *triples = hash_form(r) == HASH_PACK_EX;
    return true;
}

/* What a walk over the entries of a payload has to tell. */
struct packed_check {
    uint32_t group;
    size_t count;
    uint64_t last_ms;
};

static bool packed_entry(void *arg, struct listpack_value value, size_t index)
{
    struct packed_check *c = arg;
    c->count = index + 1;
    if (c->group != 3 || index % 3 != 2) return true;
    if (!value.is_number || value.number < 0 || (uint64_t)value.number >= HASH_EXPIRE_MAX_MS) return false;
    uint64_t order = value.number == 0 ? UINT64_MAX : (uint64_t)value.number;
    bool in_order = order >= c->last_ms;
    c->last_ms = order;
    return in_order;
}

void hash_expect(struct record *r, size_t count, const struct value_limits *limits)
{
    assert(hash_len(r) == 0);
    if (is_large(r) || (int64_t)count <= limits->hash_listpack_entries) return;
    listpack_free(record_object(r));
    hash_set_form(r, HASH_LARGE, large_new(r, count, limits));
}

bool hash_load(struct record *r, const struct hash_item *item, const struct value_limits *limits)
{
    if (is_large(r)) {
        bool added = hash_large_load(large_of(r), item);
        hash_flag_expiry(r, large_of(r)->expiry != NULL);
        return added;
    }
    char scratch[NUM_I64_TEXT_MAX];
    struct slice value;
    if (hash_pack_get(r, item->field, 0, scratch, &value)) return false;
    (void)hash_set(r, item->field, item->value, 0, limits);
    if (item->expire_ms != 0) (void)hash_set_expiry(r, item->field, 0, item->expire_ms, limits);
    return true;
}

struct record *hash_from_packed(struct slice key, struct slice bytes, bool triples, const struct value_limits *limits)
{
    struct packed_check c = {.group = triples ? 3 : 2};
    if (!listpack_validate(bytes, true, packed_entry, &c) || c.count == 0 || c.count % c.group != 0) return NULL;
    struct listpack *lp = listpack_from_bytes(bytes);
    struct record *r = record_new_object(key, TYPE_HASH, triples ? HASH_PACK_EX : HASH_PACK, lp);
    if (r == NULL) {
        listpack_free(lp);
        return NULL;
    }
    hash_flag_expiry(r, hash_pack_first_expiry(r) != 0);
    if (!listpack_distinct(lp, c.group, limits->seed)) {
        record_free(r);
        return NULL;
    }
    if ((int64_t)(c.count / c.group) > limits->hash_listpack_entries) enlarge(r, limits);
    return r;
}

/* ---- the row of the type ---- */

static void ops_free(struct record *r)
{
    if (is_large(r))
        hash_large_free(large_of(r));
    else
        listpack_free(record_object(r));
}

static void ops_own(struct record *copy)
{
    if (is_large(copy))
        record_set_object(copy, hash_large_dup(large_of(copy)));
    else
        record_set_object(copy, listpack_dup(record_object(copy)));
}

static size_t ops_mem(const struct record *r, size_t samples)
{
    return is_large(r) ? hash_large_mem(large_of(r), samples) : listpack_mem(record_object(r));
}

static size_t ops_free_effort(const struct record *r)
{
    return is_large(r) ? table_len(&large_of(r)->table) : 1;
}

static const char *ops_encoding_name(const struct record *r)
{
    static const char *const names[] = {
        [HASH_PACK] = "listpack", [HASH_PACK_EX] = "listpackex", [HASH_LARGE] = "hashtable"};
    return names[hash_form(r)];
}

static uint64_t ops_parts_expire_ms(const struct record *r)
{
    return is_large(r) ? hash_large_first_expiry(large_of(r)) : hash_pack_first_expiry(r);
}

static uint64_t ops_prefetch(const struct record *r, struct slice element)
{
    if (!is_large(r)) {
        record_prefetch_object(r);
        return 0;
    }
    uint64_t hash = hash_slice(large_of(r)->table.arg, element);
    table_prefetch_bucket(&large_of(r)->table, hash);
    return hash;
}

static void ops_prefetch_element(const struct record *r, uint64_t hash)
{
    if (is_large(r)) table_prefetch_record(&large_of(r)->table, hash);
}

static void ops_check(const struct record *r)
{
    assert(hash_form(r) <= HASH_LARGE);
    assert(((r->flags & RECORD_PARTS_EXPIRE) != 0) == (ops_parts_expire_ms(r) != 0));
    if (is_large(r))
        hash_large_check(large_of(r));
    else
        hash_pack_check(r);
}

const struct value_ops hash_ops = {
    .name = "hash",
    .len = hash_len,
    .free = ops_free,
    .own = ops_own,
    .mem = ops_mem,
    .free_effort = ops_free_effort,
    .encoding_name = ops_encoding_name,
    .prefetch = ops_prefetch,
    .prefetch_element = ops_prefetch_element,
    .parts_expire_ms = ops_parts_expire_ms,
    .check = ops_check,
};
