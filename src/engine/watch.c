/* Watched keys: a small chained hash of keys, each with a ring of watches; a watch is in the ring of its key and in that of its session.
 *
 *   buckets[] -> watch_entry (db, key) -> watched_key <-> watched_key ...
 *                                             ^ also in session->watches */
#include "engine/watch.h"

#include "base/mem.h"
#include "engine/session_impl.h"

struct watch_entry {
    struct watch_entry *next;
    uint64_t hash;
    int db;
    struct list_link watchers;
    size_t len;
    char key[];
};

struct watched_key {
    struct list_link of_key, of_session;
    struct session *session;
    struct watch_entry *entry;
};

enum { WATCH_BUCKETS_MIN = 16 };

static struct watch_entry **entry_place(struct watch_table *w, int db, struct store_key key)
{
    struct watch_entry **at = &w->buckets[(key.hash ^ (uint64_t)db) & (w->bucket_count - 1)];
    while (*at != NULL &&
           !((*at)->hash == key.hash && (*at)->db == db && slice_eq(slice_of((*at)->key, (*at)->len), key.name)))
        at = &(*at)->next;
    return at;
}

static void grow(struct watch_table *w)
{
    size_t old_count = w->bucket_count;
    struct watch_entry **old = w->buckets;
    w->bucket_count = old_count == 0 ? WATCH_BUCKETS_MIN : old_count * 2;
    w->buckets = mem_zalloc(w->bucket_count * sizeof(*w->buckets));
    for (size_t i = 0; i < old_count; i++)
        for (struct watch_entry *e = old[i], *next; e != NULL; e = next) {
            next = e->next;
            struct watch_entry **at = &w->buckets[(e->hash ^ (uint64_t)e->db) & (w->bucket_count - 1)];
            e->next = *at;
            *at = e;
        }
    mem_free(old);
}

void watch_table_deinit(struct watch_table *w)
{
    mem_free(w->buckets);
    *w = (struct watch_table){0};
}

void watch_add(struct watch_table *w, struct session *s, int db, struct store_key key)
{
    if (w->count >= w->bucket_count)
        grow(w);
    struct watch_entry **at = entry_place(w, db, key), *entry = *at;
    if (entry == NULL) {
        entry = mem_alloc(sizeof(*entry) + key.name.len);
        *entry = (struct watch_entry){.hash = key.hash, .db = db, .len = key.name.len};
        if (key.name.len > 0)
            memcpy(entry->key, key.name.ptr, key.name.len);
        list_init(&entry->watchers);
        *at = entry;
        w->count++;
    }
    list_for(link, &entry->watchers) if (list_entry(link, struct watched_key, of_key)->session == s) return;
    struct watched_key *wk = mem_alloc(sizeof(*wk));
    wk->session = s;
    wk->entry = entry;
    list_push_back(&entry->watchers, &wk->of_key);
    list_push_back(&s->watches, &wk->of_session);
    if (s->watch_count++ == 0)
        w->sessions++;
}

void watch_clear(struct watch_table *w, struct session *s)
{
    if (s->watch_count == 0)
        return;
    list_for_safe(link, &s->watches)
    {
        struct watched_key *wk = list_entry(link, struct watched_key, of_session);
        struct watch_entry *entry = wk->entry;
        list_remove(&wk->of_key);
        list_remove(&wk->of_session);
        mem_free(wk);
        if (list_empty(&entry->watchers)) {
            struct watch_entry **at =
                entry_place(w, entry->db, (struct store_key){slice_of(entry->key, entry->len), entry->hash});
            *at = entry->next;
            mem_free(entry);
            w->count--;
        }
    }
    s->watch_count = 0;
    w->sessions--;
}

static void entry_touch(struct watch_entry *entry)
{
    list_for(link, &entry->watchers) list_entry(link, struct watched_key, of_key)->session->txn.stale = true;
}

void watch_touch(struct watch_table *w, int db, struct store_key key)
{
    if (w->count == 0)
        return;
    struct watch_entry *entry = *entry_place(w, db, key);
    if (entry != NULL)
        entry_touch(entry);
}

static bool key_lives(const struct store *store, int db, struct store_key key, uint64_t now_ms)
{
    const struct record *r = store_find(store, db, key);
    if (r == NULL)
        return false;
    uint64_t expire = record_expire_ms(r);
    return expire == 0 || expire > now_ms;
}

void watch_touch_db(struct watch_table *w, const struct store *store, int db, int with, uint64_t now_ms)
{
    if (w->count == 0)
        return;
    for (size_t i = 0; i < w->bucket_count; i++)
        for (struct watch_entry *entry = w->buckets[i]; entry != NULL; entry = entry->next) {
            if (entry->db != db)
                continue;
            struct store_key key = {slice_of(entry->key, entry->len), entry->hash};
            if (key_lives(store, db, key, now_ms) || (with >= 0 && key_lives(store, with, key, now_ms)))
                entry_touch(entry);
        }
}

bool watch_expired(const struct session *s, const struct store *store, uint64_t now_ms)
{
    list_for(link, &s->watches)
    {
        const struct watch_entry *entry = list_entry(link, struct watched_key, of_session)->entry;
        struct store_key key = {slice_of(entry->key, entry->len), entry->hash};
        const struct record *r = store_find(store, entry->db, key);
        uint64_t expire = r == NULL ? 0 : record_expire_ms(r);
        if (expire != 0 && expire <= now_ms)
            return true;
    }
    return false;
}
