/* The keyspace: databases of partitions, each a table of records and a time index.
 *
 *   store -> dbs[i] -> keyspace { parts[0] {table, wheel}, parts[1] ... }        SWAPDB exchanges two pointers, FLUSHDB
 * takes one away
 *
 * hash of a key:  | 48 bits: the table's place and tag, the index's entry | 16 bits: the partition |
 *
 * Invariants (store_check): a record is in the partition that its key's hash says; counts and sums are those of the
 * records; a record with an expiry has an index entry that comes due no later than it (store_expire.c). */
#include "store/store.h"

#include "base/mem.h"
#include "store/store_impl.h"

/* ---- the table's view of a record ---- */

static bool record_equals(const void *record, const void *key)
{
    return record_key_eq(record, *(const struct slice *)key);
}

static uint64_t record_hash(const void *arg, const void *record)
{
    return hash_slice(arg, record_key(record));
}

static const struct table_type record_table = {.equals = record_equals, .hash = record_hash};

/* ---- life ---- */

struct store *store_new(const struct store_options *options)
{
    int partitions = options->partitions;
    assert(options->databases >= 1);
    assert(partitions >= 1 && partitions <= PARTITIONS_MAX && (partitions & (partitions - 1)) == 0);
    struct store *store = mem_zalloc(sizeof(*store) + (size_t)options->databases * sizeof(store->dbs[0]));
    store->seed = options->seed;
    store->databases = options->databases;
    store->partitions = partitions;
    store->now_ms = options->now_ms;
    store->next_due_ms = UINT64_MAX;
    return store;
}

static void record_free_visit(void *arg, void *record)
{
    (void)arg;
    record_free(record);
}

void keyspace_free(struct keyspace *owned_ks)
{
    if (owned_ks == NULL) return;
    for_partitions(p, owned_ks)
    {
        table_clear(&p->table, record_free_visit, NULL);
        wheel_deinit(&p->wheel);
    }
    mem_free(owned_ks);
}

void store_free(struct store *store)
{
    for (int db = 0; db < store->databases; db++) keyspace_free(store->dbs[db]);
    mem_free(store);
}

int store_databases(const struct store *store)
{
    return store->databases;
}

static struct keyspace *keyspace_for_insert(struct store *store, int db)
{
    struct keyspace *ks = store_keyspace(store, db);
    if (likely(ks != NULL)) return ks;
    ks = mem_zalloc(sizeof(*ks) + (size_t)store->partitions * sizeof(ks->parts[0]));
    ks->seed = store->seed;
    ks->partitions = store->partitions;
    for_partitions(p, ks)
    {
        table_init(&p->table, &record_table, &ks->seed);
        table_set_salt(&p->table, (uint32_t)db); /* databases have different orders: see table_set_salt */
        wheel_init(&p->wheel, store->now_ms);
    }
    store->dbs[db] = ks;
    return ks;
}

/* ---- look-up ---- */

const struct hash_seed *store_seed(const struct store *store)
{
    return &store->seed;
}

struct store_key store_key(const struct store *store, struct slice name)
{
    return (struct store_key){name, hash_slice(&store->seed, name)};
}

void store_prefetch(const struct store *store, int db, uint64_t hash)
{
    struct keyspace *ks = store_keyspace(store, db);
    if (likely(ks != NULL)) table_prefetch_bucket(&keyspace_part(ks, hash)->table, hash);
}

void store_prefetch_record(const struct store *store, int db, uint64_t hash)
{
    struct keyspace *ks = store_keyspace(store, db);
    if (unlikely(ks == NULL)) return;
    const struct partition *p = keyspace_part(ks, hash);
    if (p->last_hash != hash) table_prefetch_record(&p->table, hash);
}

const struct record *store_candidate(const struct store *store, int db, uint64_t hash)
{
    struct keyspace *ks = store_keyspace(store, db);
    if (unlikely(ks == NULL)) return NULL;
    const struct partition *p = keyspace_part(ks, hash);
    return p->last_hash == hash && p->last != NULL ? p->last : table_candidate(&p->table, hash);
}

struct record *store_find_hashed(const struct store *store, int db, struct slice name, uint64_t hash)
{
    struct keyspace *ks = store_keyspace(store, db);
    if (unlikely(ks == NULL)) return NULL;
    struct partition *p = keyspace_part(ks, hash);
    if (p->last_hash == hash && p->last != NULL && record_key_eq(p->last, name)) return p->last;
    struct record *r = table_find(&p->table, hash, &name);
    p->last = r;
    p->last_hash = hash;
    return r;
}

/* ---- units and mutators ---- */

void store_unit_open(struct store *store)
{
    store->units++;
}

void store_unit_close(struct store *store)
{
    assert(store->units > 0);
    store->units--;
}

void store_insert(struct store *store, int db, struct store_key key, struct record *owned_r)
{
    assert(store->units > 0);
    assert(record_key_eq(owned_r, key.name));
    struct partition *p = keyspace_part(keyspace_for_insert(store, db), key.hash);
    table_insert(&p->table, key.hash, owned_r);
    if (record_due_ms(owned_r) != 0)
        index_note(store, p, key.hash, owned_r, (struct expiries){0}, record_expiries(owned_r));
}

void store_replace(struct store *store, int db, struct store_key key, struct record *old_r, uint64_t old_expire_ms,
                   struct record *owned_r)
{
    assert(store->units > 0);
    assert(record_key_eq(owned_r, key.name));
    uint64_t expire_ms = record_expire_ms(owned_r);
    if (likely(old_r == owned_r && expire_ms == old_expire_ms)) return;
    struct partition *p = keyspace_part(store_keyspace(store, db), key.hash);
    if (old_r != owned_r) {
        bool found = table_replace(&p->table, key.hash, old_r, owned_r);
        assert(found);
        if (p->last == old_r) p->last = owned_r;
    }
    if (expire_ms != old_expire_ms) {
        uint64_t parts_ms = record_parts_expire_ms(owned_r);
        index_note(store, p, key.hash, owned_r, (struct expiries){old_expire_ms, parts_ms},
                   (struct expiries){expire_ms, parts_ms});
    }
}

void store_parts_changed(struct store *store, int db, struct store_key key, struct record *r, uint64_t old_parts_ms)
{
    assert(store->units > 0);
    assert(record_key_eq(r, key.name));
    struct expiries now = record_expiries(r);
    if (now.parts_ms == old_parts_ms) return;
    struct partition *p = keyspace_part(store_keyspace(store, db), key.hash);
    index_note(store, p, key.hash, r, (struct expiries){now.whole_ms, old_parts_ms}, now);
}

struct record *store_set_expire(struct store *store, int db, struct store_key key, struct record *r, uint64_t unix_ms)
{
    uint64_t old_ms = record_expire_ms(r);
    struct record *changed = record_set_expire(r, unix_ms);
    store_replace(store, db, key, r, old_ms, changed);
    return changed;
}

struct record *store_remove(struct store *store, int db, struct store_key key)
{
    assert(store->units > 0);
    struct keyspace *ks = store_keyspace(store, db);
    if (ks == NULL) return NULL;
    struct partition *p = keyspace_part(ks, key.hash);
    struct record *r = table_erase_key(&p->table, key.hash, &key.name);
    if (r == NULL) return NULL;
    if (p->last == r) p->last = NULL;
    if (record_due_ms(r) != 0) index_note(store, p, key.hash, r, record_expiries(r), (struct expiries){0});
    return r;
}

void store_reserve(struct store *store, int db, size_t keys)
{
    if (keys == 0) return;
    struct keyspace *ks = keyspace_for_insert(store, db);
    for_partitions(p, ks) table_reserve(&p->table, keys / (size_t)ks->partitions + 1);
}

/* ---- whole databases ---- */

size_t store_len(const struct store *store, int db)
{
    struct keyspace *ks = store_keyspace(store, db);
    size_t len = 0;
    if (ks != NULL) {
        for_partitions(p, ks) len += table_len(&p->table);
    }
    return len;
}

size_t store_len_all(const struct store *store)
{
    size_t sum = 0;
    for (int db = 0; db < store_databases(store); db++)
        sum += store_len(store, db);
    return sum;
}

size_t store_volatile_len(const struct store *store, int db)
{
    struct keyspace *ks = store_keyspace(store, db);
    size_t len = 0;
    if (ks != NULL) {
        for_partitions(p, ks) len += p->volatile_len;
    }
    return len;
}

size_t store_parts_len(const struct store *store, int db)
{
    struct keyspace *ks = store_keyspace(store, db);
    size_t len = 0;
    if (ks != NULL) {
        for_partitions(p, ks) len += p->parts_len;
    }
    return len;
}

void store_swap(struct store *store, int a, int b)
{
    assert(store->units > 0 && !store->expiring);
    struct keyspace *ks = store_keyspace(store, a);
    store->dbs[a] = store_keyspace(store, b);
    store->dbs[b] = ks;
}

/* A detached database: its partitions are emptied from the first to the last. */
struct store_detached {
    struct keyspace *ks; /* NULL: the database was untouched */
    size_t len;
    int at;
};

struct store_detached *store_detach(struct store *store, int db)
{
    assert(store->units > 0 && !store->expiring);
    struct store_detached *d = mem_alloc(sizeof(*d));
    *d = (struct store_detached){.ks = store_keyspace(store, db), .len = store_len(store, db)};
    store->dbs[db] = NULL;
    return d;
}

size_t store_detached_len(const struct store_detached *d)
{
    return d->len;
}

bool store_detached_free_step(struct store_detached *d, size_t budget)
{
    if (d->ks != NULL) {
        while (d->at < d->ks->partitions) {
            struct partition *p = d->ks->parts + d->at;
            size_t before = table_len(&p->table);
            /* One step for the table's own affairs, so that a budget of one frees something too. */
            bool empty = table_drain(&p->table, budget + 1, record_free_visit, NULL);
            size_t freed = before - table_len(&p->table);
            d->len -= freed;
            budget -= freed < budget ? freed : budget;
            if (!empty) return false;
            wheel_clear(&p->wheel);
            d->at++;
            if (budget == 0 && d->len > 0) return false;
        }
    }
    keyspace_free(d->ks);
    mem_free(d);
    return true;
}

/* ---- insight ---- */

size_t store_overhead(const struct store *store, int db)
{
    struct keyspace *ks = store_keyspace(store, db);
    if (ks == NULL) return 0;
    size_t bytes = mem_usable(ks);
    for_partitions(p, ks) bytes += table_mem(&p->table) + wheel_mem(&p->wheel);
    return bytes;
}

void store_stats(const struct store *store, int db, struct store_stats *out)
{
    *out = (struct store_stats){0};
    struct keyspace *ks = store_keyspace(store, db);
    if (ks == NULL) return;
    for_partitions(p, ks)
    {
        struct table_stats table;
        table_stats(&p->table, &table);
        out->table_bytes += table.mem;
        out->buckets += table.buckets;
        out->slots += table.slots;
        if (table.longest_probe > out->longest_chain) out->longest_chain = table.longest_probe;
        out->index_bytes += wheel_mem(&p->wheel);
        out->index_entries += wheel_len(&p->wheel);
    }
}

/* What a walk over a partition's records adds up to. */
struct check_sums {
    struct keyspace *ks;
    const struct partition *p;
    size_t len, volatile_len, parts_len, indexed_len;
    unsigned __int128 expire_sum;
};

static void check_record(void *arg, void *record)
{
    struct check_sums *sums = arg;
    record_check(record);
    uint64_t hash = hash_slice(&sums->ks->seed, record_key(record)), expire_ms = record_expire_ms(record);
    assert(keyspace_part(sums->ks, hash) == sums->p);
    sums->len++;
    sums->volatile_len += expire_ms != 0;
    sums->expire_sum += expire_ms;
    sums->parts_len += record_parts_expire_ms(record) != 0;
    sums->indexed_len += record_due_ms(record) != 0;
}

void store_check(const struct store *store)
{
    assert(store->units >= 0);
    for (int db = 0; db < store->databases; db++) {
        struct keyspace *ks = store->dbs[db];
        if (ks == NULL) continue;
        for_partitions(p, ks)
        {
            struct check_sums sums = {.ks = ks, .p = p};
            table_check(&p->table);
            table_each(&p->table, check_record, &sums);
            assert(sums.len == table_len(&p->table));
            assert(sums.volatile_len == p->volatile_len);
            assert(sums.expire_sum == p->expire_sum);
            assert(sums.parts_len == p->parts_len);
            assert(sums.indexed_len == p->indexed_len);
            partition_check_index(p);
            if (p->last != NULL) {
                struct slice name = record_key(p->last);
                assert(table_find(&p->table, p->last_hash, &name) == p->last);
            }
        }
    }
}
