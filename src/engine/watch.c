/* Watched keys. A watch is in the ring of its key and in that of its session. */
#include "engine/watch.h"

#include "base/mem.h"
#include "engine/session_impl.h"

struct watched_key {
    struct list_link of_key, of_session;
    struct session *session;
    struct keyring_entry *entry;
};

void watch_add(struct watch_table *w, struct session *s, int db, struct store_key key)
{
    struct keyring_entry *entry = keyring_get(&w->keys, db, key);
    list_for(link, &entry->ring) if (list_entry(link, struct watched_key, of_key)->session == s) return;
    struct watched_key *wk = mem_alloc(sizeof(*wk));
    wk->session = s;
    wk->entry = entry;
    list_push_back(&entry->ring, &wk->of_key);
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
        list_remove(&wk->of_key);
        list_remove(&wk->of_session);
        keyring_drop_if_empty(&w->keys, wk->entry);
        mem_free(wk);
    }
    s->watch_count = 0;
    w->sessions--;
}

static void entry_touch(struct keyring_entry *entry)
{
    list_for(link, &entry->ring) list_entry(link, struct watched_key, of_key)->session->txn.stale = true;
}

void watch_touch(struct watch_table *w, int db, struct store_key key)
{
    struct keyring_entry *entry = keyring_find(&w->keys, db, key);
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

struct db_change {
    const struct store *store;
    int with;
    uint64_t now_ms;
};

static void touch_if_living(void *arg, struct keyring_entry *entry)
{
    const struct db_change *c = arg;
    struct store_key key = keyring_key(entry);
    if (key_lives(c->store, entry->db, key, c->now_ms) || (c->with >= 0 && key_lives(c->store, c->with, key, c->now_ms)))
        entry_touch(entry);
}

void watch_touch_db(struct watch_table *w, const struct store *store, int db, int with, uint64_t now_ms)
{
    struct db_change change = {store, with, now_ms};
    keyring_each(&w->keys, db, touch_if_living, &change);
}

bool watch_expired(const struct session *s, const struct store *store, uint64_t now_ms)
{
    list_for(link, &s->watches)
    {
        const struct keyring_entry *entry = list_entry(link, struct watched_key, of_session)->entry;
        const struct record *r = store_find(store, entry->db, keyring_key(entry));
        uint64_t expire = r == NULL ? 0 : record_expire_ms(r);
        if (expire != 0 && expire <= now_ms)
            return true;
    }
    return false;
}
