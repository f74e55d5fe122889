/* Watched keys. A watch is in the ring of its key and in that of its session. */
#include "engine/watch.h"

#include "base/mem.h"
#include "engine/session_impl.h"

struct watched_key {
    struct list_link of_key, of_session;
    struct session *session;
    struct keyring_entry *entry;
    bool expired; /* what stands under the key had expired when the watch began: its going is no change */
};

void watch_add(struct watch_table *w, struct session *s, int db, struct store_key key, bool expired)
{
    struct keyring_entry *entry = keyring_get(&w->keys, db, key);
    list_for(link, &entry->ring) if (list_entry(link, struct watched_key, of_key)->session == s) return;
    struct watched_key *wk = mem_alloc(sizeof(*wk));
    wk->session = s;
    wk->entry = entry;
    wk->expired = expired;
    list_push_back(&entry->ring, &wk->of_key);
    list_push_back(&s->watches, &wk->of_session);
    if (s->watch_count++ == 0)
        w->sessions++;
}

void watch_clear(struct watch_table *w, struct session *s)
{
    if (s->watch_count == 0)
        return;
    list_for_safe(link, &s->watches) {
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

void watch_touch_expired(struct watch_table *w, int db, struct store_key key)
{
    struct keyring_entry *entry = keyring_find(&w->keys, db, key);
    if (entry == NULL)
        return;
    list_for(link, &entry->ring) {
        struct watched_key *wk = list_entry(link, struct watched_key, of_key);
        if (!wk->expired)
            wk->session->txn.stale = true;
        wk->expired = false;
    }
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

/* For a watcher a key is absent, too, if it had expired when the watch began. */
static void touch_if_changing(void *arg, struct keyring_entry *entry)
{
    const struct db_change *c = arg;
    struct store_key key = keyring_key(entry);
    bool stands = store_find(c->store, entry->db, key) != NULL;
    bool comes = c->with >= 0 && store_find(c->store, c->with, key) != NULL;
    bool comes_alive = comes && key_lives(c->store, c->with, key, c->now_ms);
    list_for(link, &entry->ring) {
        struct watched_key *wk = list_entry(link, struct watched_key, of_key);
        if (comes_alive || (stands && !wk->expired))
            wk->session->txn.stale = true;
        else
            wk->expired = comes;
    }
}

void watch_touch_db(struct watch_table *w, const struct store *store, int db, int with, uint64_t now_ms)
{
    struct db_change change = {store, with, now_ms};
    keyring_each(&w->keys, db, touch_if_changing, &change);
}

bool watch_expired(const struct session *s, const struct store *store, uint64_t now_ms)
{
    list_for(link, &s->watches) {
        const struct watched_key *wk = list_entry(link, struct watched_key, of_session);
        const struct keyring_entry *entry = wk->entry;
        const struct record *r = store_find(store, entry->db, keyring_key(entry));
        uint64_t expire = r == NULL ? 0 : record_expire_ms(r);
        if (!wk->expired && expire != 0 && expire <= now_ms)
            return true;
    }
    return false;
}
