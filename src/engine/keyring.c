/* A small chained hash: it holds what sessions name, not the data set. */
#include "engine/keyring.h"

#include "base/mem.h"

enum { KEYRING_BUCKETS_MIN = 16 };

static struct keyring_entry **bucket_of(const struct keyring *k, uint64_t hash, int db)
{
    return &k->buckets[(hash ^ (uint64_t)db) & (k->bucket_count - 1)];
}

static struct keyring_entry **place_of(const struct keyring *k, int db, struct store_key key)
{
    struct keyring_entry **at = bucket_of(k, key.hash, db);
    while (*at != NULL && !((*at)->hash == key.hash && (*at)->db == db && slice_eq(keyring_key(*at).name, key.name)))
        at = &(*at)->next;
    return at;
}

static void grow(struct keyring *k)
{
    struct keyring old = *k;
    k->bucket_count = old.bucket_count == 0 ? KEYRING_BUCKETS_MIN : old.bucket_count * 2;
    k->buckets = mem_zalloc(k->bucket_count * sizeof(*k->buckets));
    for (size_t i = 0; i < old.bucket_count; i++)
        for (struct keyring_entry *e = old.buckets[i], *next; e != NULL; e = next) {
            next = e->next;
            struct keyring_entry **at = bucket_of(k, e->hash, e->db);
            e->next = *at;
            *at = e;
        }
    mem_free(old.buckets);
}

void keyring_deinit(struct keyring *k)
{
    mem_free(k->buckets);
    *k = (struct keyring){0};
}

struct keyring_entry *keyring_find(const struct keyring *k, int db, struct store_key key)
{
    return k->count == 0 ? NULL : *place_of(k, db, key);
}

struct keyring_entry *keyring_get(struct keyring *k, int db, struct store_key key)
{
    if (k->count >= k->bucket_count)
        grow(k);
    struct keyring_entry **at = place_of(k, db, key), *e = *at;
    if (e != NULL)
        return e;
    e = mem_alloc(sizeof(*e) + key.name.len);
    *e = (struct keyring_entry){.hash = key.hash, .db = db, .len = (uint32_t)key.name.len};
    if (key.name.len > 0)
        memcpy(e->key, key.name.ptr, key.name.len);
    list_init(&e->ring);
    *at = e;
    k->count++;
    return e;
}

void keyring_drop_if_empty(struct keyring *k, struct keyring_entry *entry)
{
    if (!list_empty(&entry->ring))
        return;
    *place_of(k, entry->db, keyring_key(entry)) = entry->next;
    mem_free(entry);
    k->count--;
}

void keyring_each(struct keyring *k, int db, void (*fn)(void *arg, struct keyring_entry *e), void *arg)
{
    if (k->count == 0)
        return;
    for (size_t i = 0; i < k->bucket_count; i++)
        for (struct keyring_entry *e = k->buckets[i]; e != NULL; e = e->next)
            if (e->db == db)
                fn(arg, e);
}
