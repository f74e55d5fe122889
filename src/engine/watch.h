/* Watched keys: which sessions must be told that a key changed (WATCH). Costs nothing while nobody watches. */
#ifndef CAIRN_ENGINE_WATCH_H
#define CAIRN_ENGINE_WATCH_H

#include "engine/keyring.h"

struct session;

struct watch_table {
    struct keyring keys;
    size_t sessions; /* that watch something */
};

/* expired: something stands under the key whose time is over, and which counts as absent. Twice is once. */
void watch_add(struct watch_table *w, struct session *s, int db, struct store_key key, bool expired);
void watch_clear(struct watch_table *w, struct session *s);
void watch_touch(struct watch_table *w, int db, struct store_key key); /* its watchers' transactions are stale */
/* An expired record was removed: no news for those who began to watch, or got it by SWAPDB, when its time was over
 * already. */
void watch_touch_expired(struct watch_table *w, int db, struct store_key key);
/* The keys of db change as a whole; `with` is the database that comes in its place or -1. A key is touched when it
 * stands in either, but not when something that has expired takes the place of nothing. */
void watch_touch_db(struct watch_table *w, const struct store *store, int db, int with, uint64_t now_ms);
/* A watched key's time to live ran out since, though nobody has removed the key yet. */
bool watch_expired(const struct session *s, const struct store *store, uint64_t now_ms);

#endif
