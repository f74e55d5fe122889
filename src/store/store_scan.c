/* Walking over the keyspace: SCAN and random keys.
 *
 * A cursor is | 8 bits: partition | 48 bits: the table's own cursor |. The partition of a key never changes and each
 * table keeps the guarantee for its own keys, so the walk over one after the other keeps it too. */
#include "base/mem.h"
#include "store/store_impl.h"

enum {
    SCAN_STEPS_PER_COUNT = 10, /* buckets looked at for each record wanted: bounds a call on a sparse table */
    SCAN_STEPS_EXTRA = 64,
};

struct scan_visit {
    void (*visit)(void *arg, struct record *r);
    void *arg;
    size_t seen;
};

static void scan_one(void *arg, void *record)
{
    struct scan_visit *v = arg;
    v->seen++;
    v->visit(v->arg, record);
}

uint64_t store_scan(const struct store *store, int db, uint64_t cursor, size_t count,
                    void (*visit)(void *arg, struct record *r), void *arg)
{
    const struct keyspace *ks = store_keyspace(store, db);
    uint64_t part = cursor >> CURSOR_PARTITION_SHIFT, at = cursor & (((uint64_t)1 << CURSOR_PARTITION_SHIFT) - 1);
    /* A cursor that no call returned ends the walk, as there is nothing behind it. */
    if (ks == NULL || part >= (uint64_t)ks->partitions) return 0;
    struct scan_visit v = {visit, arg, 0};
    size_t steps = count < (SIZE_MAX - SCAN_STEPS_EXTRA) / SCAN_STEPS_PER_COUNT
                       ? count * SCAN_STEPS_PER_COUNT + SCAN_STEPS_EXTRA
                       : SIZE_MAX;
    do {
        at = table_scan(&ks->parts[part].table, at, scan_one, &v);
        if (at == 0 && ++part == (uint64_t)ks->partitions) return 0;
    } while (v.seen < count && --steps > 0);
    return part << CURSOR_PARTITION_SHIFT | at;
}

void store_each(const struct store *store, int db, void (*visit)(void *arg, struct record *r), void *arg)
{
    const struct keyspace *ks = store_keyspace(store, db);
    struct scan_visit v = {visit, arg, 0};
    for (int i = 0; ks != NULL && i < ks->partitions; i++) table_each(&ks->parts[i].table, scan_one, &v);
}

struct record *store_random(const struct store *store, int db, struct prng *prng)
{
    const struct keyspace *ks = store_keyspace(store, db);
    size_t len = store_len(store, db);
    if (len == 0) return NULL;
    size_t pick = prng_below(prng, len);
    const struct partition *p = ks->parts;
    while (pick >= table_len(&p->table)) pick -= table_len(&p++->table);
    return table_random(&p->table, prng);
}
