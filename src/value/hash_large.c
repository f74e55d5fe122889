/* Large hashes: a table of entries, one allocation for each field.
 *
 *   entry  | flags, value length's high bits | field length | value length | [node] [long length] field, value
 *
 * The header takes 3 bytes, so that a field of 14 bytes and a value of 15 fit 32. Fields from 256 bytes on have their
 * length in 8 bytes of their own; values above VALUE_INLINE_MAX are in a blob, and its address is what stands there.
 * A field with an expiry has a node of the heap at offset 8: the heap knows the time. What is not in the heap costs
 * nothing, and a look-up asks the heap only when something in it is due.
 *
 * Invariants (hash_large_check): an entry's allocation is of the size class of entry_total; the heap holds exactly the
 * entries with ENTRY_EXPIRES; it exists only while there are any.
 * Rejected: the time in the entry instead of the heap (the same bytes, and the earliest would not be known); a wheel
 * per hash (some kilobytes each). */
#include "base/blob.h"
#include "base/hash.h"
#include "base/mem.h"
#include "value/hash_impl.h"

enum entry_flags { ENTRY_EXPIRES = 1, ENTRY_LONG_FIELD = 2, ENTRY_BLOB = 4, ENTRY_VALUE_SHIFT = 5 };
enum {
    ENTRY_HEADER = 3,
    NODE_OFFSET = 8,
    FIELD_LONG = 256,
    VALUE_INLINE_MAX = 1024,
    DRAW_MISSES_MAX = 64, /* due fields that a draw hits upon in a row before it counts instead */
};

struct hash_entry {
    uint8_t flags; /* enum entry_flags; from ENTRY_VALUE_SHIFT on the value length's bits 8 to 10 */
    uint8_t field_len;
    uint8_t value_len;
    char body[];
};
_Static_assert(sizeof(struct hash_entry) == ENTRY_HEADER, "the header is 3 bytes");
_Static_assert(VALUE_INLINE_MAX < 1 << (8 + 8 - ENTRY_VALUE_SHIFT), "inline lengths fit their bits");

/* ---- entries ---- */

static inline size_t field_offset(unsigned flags)
{
    return ((flags & ENTRY_EXPIRES) ? NODE_OFFSET + sizeof(struct heap_node) : ENTRY_HEADER) +
           ((flags & ENTRY_LONG_FIELD) ? sizeof(size_t) : 0);
}

static inline struct slice entry_field(const struct hash_entry *e)
{
    const char *at = (const char *)e + field_offset(e->flags);
    if (likely(!(e->flags & ENTRY_LONG_FIELD))) return slice_of(at, e->field_len);
    size_t len;
    memcpy(&len, at - sizeof(len), sizeof(len));
    return slice_of(at, len);
}

static inline struct slice entry_stored(const struct hash_entry *e) /* the value's bytes, or the blob's address */
{
    struct slice field = entry_field(e);
    return slice_of(field.ptr + field.len, e->value_len | (size_t)(e->flags >> ENTRY_VALUE_SHIFT) << 8);
}

static inline struct blob *entry_blob(const struct hash_entry *e)
{
    struct blob *b;
    memcpy(&b, entry_stored(e).ptr, sizeof(b));
    return b;
}

static inline struct slice entry_value(const struct hash_entry *e)
{
    return unlikely(e->flags & ENTRY_BLOB) ? blob_slice(entry_blob(e)) : entry_stored(e);
}

static inline size_t entry_total(const struct hash_entry *e)
{
    struct slice stored = entry_stored(e);
    return (size_t)(stored.ptr + stored.len - (const char *)e);
}

static inline struct heap_node *entry_node(struct hash_entry *e)
{
    return (struct heap_node *)(void *)((char *)e + NODE_OFFSET);
}

static inline const struct heap_node *entry_node_const(const struct hash_entry *e)
{
    return (const struct heap_node *)(const void *)((const char *)e + NODE_OFFSET);
}

static inline struct hash_entry *node_entry(struct heap_node *node)
{
    return (struct hash_entry *)(void *)((char *)node - NODE_OFFSET);
}

/* shared (may be NULL) holds the value already. */
static inline void entry_write_value(struct hash_entry *e, struct slice value, struct blob *shared)
{
    bool as_blob = value.len > VALUE_INLINE_MAX;
    size_t stored = as_blob ? sizeof(struct blob *) : value.len;
    unsigned flags = e->flags & (ENTRY_EXPIRES | ENTRY_LONG_FIELD);
    e->flags = (uint8_t)(flags | (as_blob ? ENTRY_BLOB : 0) | stored >> 8 << ENTRY_VALUE_SHIFT);
    e->value_len = (uint8_t)stored;
    char *at = (char *)e + field_offset(e->flags) + entry_field(e).len;
    if (unlikely(as_blob)) {
        struct blob *b = shared != NULL ? blob_ref(shared) : blob_new(value.len, value.len);
        if (shared == NULL) memcpy(blob_bytes_mut(b), value.ptr, value.len);
        memcpy(at, &b, sizeof(b));
    } else if (value.len > 0) {
        memcpy(at, value.ptr, value.len);
    }
}

static inline size_t total_for(unsigned flags, size_t field_len, size_t value_len)
{
    return field_offset(flags) + field_len + (value_len > VALUE_INLINE_MAX ? sizeof(struct blob *) : value_len);
}

/* A node is in no heap yet. */
static struct hash_entry *entry_new(struct slice field, struct slice value, struct blob *shared, bool expires)
{
    unsigned flags = (expires ? ENTRY_EXPIRES : 0) | (field.len >= FIELD_LONG ? ENTRY_LONG_FIELD : 0);
    struct hash_entry *e = mem_alloc(mem_good_size(total_for(flags, field.len, value.len)));
    e->flags = (uint8_t)flags;
    e->field_len = (uint8_t)field.len;
    if (expires) *entry_node(e) = (struct heap_node){0};
    char *at = (char *)e + field_offset(flags);
    if (unlikely(flags & ENTRY_LONG_FIELD)) memcpy(at - sizeof(field.len), &field.len, sizeof(field.len));
    if (field.len > 0) memcpy(at, field.ptr, field.len);
    entry_write_value(e, value, shared);
    return e;
}

/* It is in no heap any more. */
static void entry_free(struct hash_entry *e)
{
    if (unlikely(e->flags & ENTRY_BLOB)) blob_unref(entry_blob(e));
    mem_free_sized(e, mem_good_size(entry_total(e)));
}

static bool entry_equals(const void *record, const void *key)
{
    return slice_eq(entry_field(record), *(const struct slice *)key);
}

static uint64_t entry_hash(const void *arg, const void *record)
{
    return hash_slice(arg, entry_field(record));
}

static const struct table_type entry_table = {.equals = entry_equals, .hash = entry_hash};

/* ---- life ---- */

struct hash_large *hash_large_new(const struct hash_seed *seed, uint32_t salt, size_t len_expected)
{
    struct hash_large *h = mem_alloc(sizeof(*h));
    h->expiry = NULL;
    table_init(&h->table, &entry_table, seed);
    table_set_salt(&h->table, salt);
    table_reserve(&h->table, len_expected);
    return h;
}

static void expiry_free(struct hash_large *h)
{
    if (h->expiry == NULL) return;
    heap_deinit(h->expiry);
    mem_free(h->expiry);
    h->expiry = NULL;
}

static void free_visit(void *arg, void *record)
{
    (void)arg;
    entry_free(record);
}

void hash_large_free(struct hash_large *owned_h)
{
    expiry_free(owned_h);
    table_each(&owned_h->table, free_visit, NULL);
    table_deinit(&owned_h->table);
    mem_free(owned_h);
}

/* ---- expiry ---- */

static inline uint64_t entry_expiry(const struct hash_large *h, const struct hash_entry *e)
{
    return (e->flags & ENTRY_EXPIRES) ? heap_key(h->expiry, entry_node_const(e)) : 0;
}

static inline bool anything_due(const struct hash_large *h, uint64_t now_ms)
{
    return unlikely(h->expiry != NULL) && heap_min_key(h->expiry) <= now_ms;
}

static inline bool entry_due(const struct hash_large *h, const struct hash_entry *e, uint64_t now_ms)
{
    return unlikely(anything_due(h, now_ms)) && (e->flags & ENTRY_EXPIRES) && entry_expiry(h, e) <= now_ms;
}

static void expiry_put(struct hash_large *h, struct hash_entry *e, uint64_t expire_ms)
{
    if (h->expiry == NULL) {
        h->expiry = mem_alloc(sizeof(*h->expiry));
        heap_init(h->expiry);
    }
    heap_set(h->expiry, entry_node(e), expire_ms);
}

static void expiry_drop(struct hash_large *h, struct hash_entry *e)
{
    if (!(e->flags & ENTRY_EXPIRES)) return;
    heap_remove(h->expiry, entry_node(e));
    if (heap_len(h->expiry) == 0) expiry_free(h);
}

/* ---- one field ---- */

static inline uint64_t field_hash(const struct hash_large *h, struct slice field)
{
    return hash_slice(h->table.arg, field);
}

static inline struct hash_entry *find(const struct hash_large *h, uint64_t hash, struct slice field)
{
    return table_find(&h->table, hash, &field);
}

static inline struct hash_entry *find_live(const struct hash_large *h, struct slice field, uint64_t now_ms)
{
    struct hash_entry *e = find(h, field_hash(h, field), field);
    return e == NULL || entry_due(h, e, now_ms) ? NULL : e;
}

bool hash_large_get(const struct hash_large *h, struct slice field, uint64_t now_ms, struct slice *value)
{
    const struct hash_entry *e = find_live(h, field, now_ms);
    if (e == NULL) return false;
    *value = entry_value(e);
    return true;
}

void hash_large_prefetch(const struct hash_large *h, const struct slice *fields, size_t count, size_t stride)
{
    uint64_t hashes[HASH_PREFETCH_MAX];
    assert(count <= HASH_PREFETCH_MAX);
    for (size_t i = 0; i < count; i++) {
        hashes[i] = field_hash(h, fields[i * stride]);
        table_prefetch_bucket(&h->table, hashes[i]);
    }
    for (size_t i = 0; i < count; i++) table_prefetch_record(&h->table, hashes[i]);
}

struct blob *hash_large_blob(const struct hash_large *h, struct slice field, uint64_t now_ms)
{
    const struct hash_entry *e = find_live(h, field, now_ms);
    return e != NULL && (e->flags & ENTRY_BLOB) ? entry_blob(e) : NULL;
}

static void add(struct hash_large *h, uint64_t hash, const struct hash_item *item)
{
    struct hash_entry *e = entry_new(item->field, item->value, NULL, item->expire_ms != 0);
    table_insert(&h->table, hash, e);
    if (item->expire_ms != 0) expiry_put(h, e, item->expire_ms);
}

void hash_large_add(struct hash_large *h, const struct hash_item *item)
{
    add(h, field_hash(h, item->field), item);
}

bool hash_large_load(struct hash_large *h, const struct hash_item *item)
{
    uint64_t hash = field_hash(h, item->field);
    if (find(h, hash, item->field) != NULL) return false;
    add(h, hash, item);
    return true;
}

/* The entry gets another shape: the new one takes its place in the table and, if both have one, in the heap. */
static void entry_supersede(struct hash_large *h, uint64_t hash, struct hash_entry *old, struct hash_entry *e)
{
    if (old->flags & e->flags & ENTRY_EXPIRES) {
        *entry_node(e) = *entry_node(old);
        heap_moved(h->expiry, entry_node(e));
    } else {
        expiry_drop(h, old);
    }
    bool found = table_replace(&h->table, hash, old, e);
    assert(found);
    (void)found;
    entry_free(old);
}

bool hash_large_put(struct hash_large *h, const struct hash_put *put)
{
    uint64_t hash = field_hash(h, put->field);
    struct hash_entry *old = find(h, hash, put->field);
    if (old == NULL) {
        table_insert(&h->table, hash, entry_new(put->field, put->value, put->blob, false));
        return true;
    }
    bool due = entry_due(h, old, put->now_ms), expires = (old->flags & ENTRY_EXPIRES) && put->keep_expiry && !due;
    size_t total = total_for(old->flags, put->field.len, put->value.len), old_total = entry_total(old);
    if (expires == ((old->flags & ENTRY_EXPIRES) != 0) &&
        (total == old_total || mem_good_size(total) == mem_good_size(old_total))) {
        if (unlikely(old->flags & ENTRY_BLOB)) blob_unref(entry_blob(old));
        entry_write_value(old, put->value, put->blob);
    } else {
        entry_supersede(h, hash, old, entry_new(put->field, put->value, put->blob, expires));
    }
    return due;
}

static void entry_remove(struct hash_large *h, uint64_t hash, struct hash_entry *e)
{
    expiry_drop(h, e);
    bool found = table_erase(&h->table, hash, e);
    assert(found);
    (void)found;
    entry_free(e);
}

bool hash_large_delete(struct hash_large *h, struct slice field, uint64_t now_ms)
{
    uint64_t hash = field_hash(h, field);
    struct hash_entry *e = find(h, hash, field);
    if (e == NULL || entry_due(h, e, now_ms)) return false;
    entry_remove(h, hash, e);
    return true;
}

bool hash_large_expiry(const struct hash_large *h, struct slice field, uint64_t now_ms, uint64_t *expire_ms)
{
    const struct hash_entry *e = find_live(h, field, now_ms);
    if (e == NULL) return false;
    *expire_ms = entry_expiry(h, e);
    return true;
}

/* The same field and value without or with a node; a blob moves over. */
static struct hash_entry *entry_reshape(struct hash_large *h, uint64_t hash, struct hash_entry *old, bool expires)
{
    struct slice field = entry_field(old), stored = entry_stored(old);
    unsigned flags = (old->flags & ~(unsigned)ENTRY_EXPIRES) | (expires ? ENTRY_EXPIRES : 0);
    size_t offset = field_offset(flags);
    struct hash_entry *e = mem_alloc(mem_good_size(offset + field.len + stored.len));
    *e = (struct hash_entry){(uint8_t)flags, old->field_len, old->value_len};
    if (expires) *entry_node(e) = (struct heap_node){0};
    size_t prefix = (flags & ENTRY_LONG_FIELD) ? sizeof(size_t) : 0;
    memcpy((char *)e + offset - prefix, field.ptr - prefix, prefix + field.len + stored.len);
    old->flags &= (uint8_t)~ENTRY_BLOB;
    entry_supersede(h, hash, old, e);
    return e;
}

bool hash_large_set_expiry(struct hash_large *h, struct slice field, uint64_t now_ms, uint64_t expire_ms)
{
    uint64_t hash = field_hash(h, field);
    struct hash_entry *e = find(h, hash, field);
    if (e == NULL || entry_due(h, e, now_ms)) return false;
    bool has = (e->flags & ENTRY_EXPIRES) != 0;
    if (has != (expire_ms != 0)) e = entry_reshape(h, hash, e, expire_ms != 0);
    if (expire_ms != 0) expiry_put(h, e, expire_ms);
    return true;
}

/* ---- many ---- */

static struct hash_item item_of(const struct hash_large *h, const struct hash_entry *e)
{
    return (struct hash_item){entry_field(e), entry_value(e), entry_expiry(h, e)};
}

bool hash_large_iter_next(struct hash_iter *it, struct hash_item *item)
{
    const struct hash_large *h = record_object(it->r);
    for (const struct hash_entry *e; (e = table_iter_next(&it->table)) != NULL;) {
        if (entry_due(h, e, it->now_ms)) continue;
        *item = item_of(h, e);
        return true;
    }
    return false;
}

struct scan_visit {
    const struct hash_large *h;
    uint64_t now_ms;
    hash_fn *fn;
    void *arg;
};

static void scan_entry(void *arg, void *record)
{
    const struct scan_visit *v = arg;
    if (entry_due(v->h, record, v->now_ms)) return;
    struct hash_item item = item_of(v->h, record);
    v->fn(v->arg, &item);
}

uint64_t hash_large_scan(const struct hash_large *h, uint64_t cursor, uint64_t now_ms, hash_fn *fn, void *arg)
{
    struct scan_visit v = {h, now_ms, fn, arg};
    return table_scan(&h->table, cursor, scan_entry, &v);
}

/* Number `index` of those that are not due. */
static struct hash_entry *nth_live(const struct hash_large *h, uint64_t now_ms, size_t index)
{
    struct table_iter it;
    table_iter_init(&it, &h->table);
    struct hash_entry *e;
    do e = table_iter_next(&it);
    while (entry_due(h, e, now_ms) || index-- > 0);
    return e;
}

static struct hash_entry *random_live(const struct hash_large *h, uint64_t now_ms, struct prng *prng)
{
    for (int i = 0; i < DRAW_MISSES_MAX; i++) {
        struct hash_entry *e = table_random(&h->table, prng);
        if (likely(!entry_due(h, e, now_ms))) return e;
    }
    return nth_live(h, now_ms, prng_below(prng, table_len(&h->table) - hash_large_due(h, now_ms, SIZE_MAX)));
}

void hash_large_draw(const struct hash_large *h, uint64_t now_ms, struct prng *prng, size_t count,
                     hash_fn *fn, void *arg)
{
    for (; count > 0; count--) {
        struct hash_item item = item_of(h, random_live(h, now_ms, prng));
        fn(arg, &item);
    }
}

/* Draws again what it had already; a small set of addresses tells. */
void hash_large_sample(const struct hash_large *h, uint64_t now_ms, struct prng *prng, size_t count,
                     hash_fn *fn, void *arg)
{
    size_t room = 4;
    while (room < 2 * count) room *= 2;
    const struct hash_entry **seen = mem_zalloc(room * sizeof(*seen));
    while (count > 0) {
        const struct hash_entry *e = random_live(h, now_ms, prng);
        size_t i = ((uintptr_t)e >> 4) * 0x9E3779B97F4A7C15u >> 20;
        for (i &= room - 1; seen[i] != NULL && seen[i] != e; i = (i + 1) & (room - 1)) {
        }
        if (seen[i] == e) continue;
        seen[i] = e;
        struct hash_item item = item_of(h, e);
        fn(arg, &item);
        count--;
    }
    mem_free(seen);
}

size_t hash_large_reap(struct hash_large *h, uint64_t now_ms, size_t max, hash_fn *fn, void *arg)
{
    size_t count = 0;
    for (; count < max && anything_due(h, now_ms); count++) {
        struct hash_entry *e = node_entry(heap_min(h->expiry));
        if (fn != NULL) {
            struct hash_item item = item_of(h, e);
            fn(arg, &item);
        }
        entry_remove(h, field_hash(h, entry_field(e)), e);
    }
    return count;
}

/* ---- the whole ---- */

struct hash_large *hash_large_dup(const struct hash_large *h)
{
    struct hash_large *copy = hash_large_new(h->table.arg, table_salt(&h->table), table_len(&h->table));
    struct table_iter it;
    table_iter_init(&it, &h->table);
    for (const struct hash_entry *e; (e = table_iter_next(&it)) != NULL;) {
        size_t size = mem_good_size(entry_total(e));
        struct hash_entry *own = mem_alloc(size);
        memcpy(own, e, entry_total(e));
        if (own->flags & ENTRY_BLOB) (void)blob_ref(entry_blob(own));
        table_insert(&copy->table, field_hash(copy, entry_field(own)), own);
        if (own->flags & ENTRY_EXPIRES) {
            *entry_node(own) = (struct heap_node){0};
            expiry_put(copy, own, entry_expiry(h, e));
        }
    }
    return copy;
}

size_t hash_large_mem(const struct hash_large *h, size_t samples)
{
    size_t seen = 0, bytes = 0;
    struct table_iter it;
    table_iter_init(&it, &h->table);
    for (const struct hash_entry *e; (samples == 0 || seen < samples) && (e = table_iter_next(&it)) != NULL; seen++) {
        bytes += mem_good_size(entry_total(e));
        if (e->flags & ENTRY_BLOB) bytes += blob_mem(entry_blob(e));
    }
    if (seen > 0) bytes = (size_t)((double)bytes / (double)seen * (double)table_len(&h->table));
    bytes += mem_good_size(sizeof(*h)) + table_mem(&h->table);
    if (h->expiry != NULL) bytes += mem_good_size(sizeof(*h->expiry)) + heap_mem(h->expiry);
    return bytes;
}

void hash_large_check(const struct hash_large *h)
{
    size_t expiring = 0;
    struct table_iter it;
    table_check(&h->table);
    table_iter_init(&it, &h->table);
    for (const struct hash_entry *e; (e = table_iter_next(&it)) != NULL;) {
        assert(mem_usable(e) >= mem_good_size(entry_total(e)));
        assert(((e->flags & ENTRY_LONG_FIELD) != 0) == (entry_field(e).len >= FIELD_LONG));
        assert(((e->flags & ENTRY_BLOB) != 0) == (entry_value(e).len > VALUE_INLINE_MAX));
        if (!(e->flags & ENTRY_EXPIRES)) continue;
        assert(h->expiry != NULL && heap_contains(entry_node_const(e)));
        expiring++;
    }
    assert(expiring == (h->expiry == NULL ? 0 : heap_len(h->expiry)));
    if (h->expiry == NULL) return;
    assert(expiring > 0);
    heap_check(h->expiry);
}
