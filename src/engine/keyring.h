/* Keys that somebody waits for or watches: a map from (database, key) to a ring of the interested. An entry lives as
 * long as its ring has members. Costs nothing while empty. */
#ifndef CAIRN_ENGINE_KEYRING_H
#define CAIRN_ENGINE_KEYRING_H

#include "base/list.h"
#include "base/slice.h"
#include "store/store.h"

struct keyring_entry {
    struct keyring_entry *next;  /* in its bucket */
    struct list_link ring;       /* of the interested, in order of arrival */
    struct list_link ready_link; /* free for the owner; zero at first */
    uint64_t hash;
    int db;
    uint32_t len;
    char key[];
};

struct keyring {
    struct keyring_entry **buckets; /* chains; NULL while nothing was ever put in */
    size_t bucket_count, count;
};

void keyring_deinit(struct keyring *k); /* it is empty */
struct keyring_entry *keyring_find(const struct keyring *k, int db, struct store_key key);  /* or NULL. O(1) */
struct keyring_entry *keyring_get(struct keyring *k, int db, struct store_key key);         /* makes it when absent */
void keyring_drop_if_empty(struct keyring *k, struct keyring_entry *entry);
static inline struct store_key keyring_key(const struct keyring_entry *e)
{
    return (struct store_key){slice_of(e->key, e->len), e->hash};
}
/* Calls fn for every entry of a database; fn drops none. */
void keyring_each(struct keyring *k, int db, void (*fn)(void *arg, struct keyring_entry *e), void *arg);

#endif
