/* The store against a naive oracle: arrays of keys with their values and expiries, random operations, all compared
 * again and again. */
#include "store/store.h"

#include "value/string.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

enum { DATABASES = 3, KEYS = 400, VALUE_MAX = 1400, CHECK_EVERY = 100 };

struct entry {
    bool exists;
    size_t len;
    uint64_t expire_ms;
    char value[VALUE_MAX];
};

struct model {
    struct store *store;
    struct entry (*dbs)[KEYS]; /* [DATABASES] */
    struct prng prng;
    uint64_t now_ms;
    struct store_detached *detached;
    size_t seen; /* by a scan */
};

static uint64_t below(struct model *m, uint64_t n)
{
    return prng_below(&m->prng, n);
}

/* Keys of many lengths, one of them empty. */
static struct store_key key_of(const struct model *m, char name[512], size_t i)
{
    size_t len = i == 0 ? 0 : (size_t)snprintf(name, 512, "%zu:", i);
    for (size_t fill = i % 16 == 5 ? 300 : i % 40; i != 0 && len < fill; len++) name[len] = (char)i;
    return store_key(m->store, slice_of(name, len));
}

static size_t index_of(struct slice name)
{
    return name.len == 0 ? 0 : strtoul(name.ptr, NULL, 10);
}

static void compare(const struct entry *e, const struct record *r)
{
    char scratch[STRING_SCRATCH];
    struct slice value = string_view(r, scratch);
    assert_true(e->exists);
    assert_int_equal(value.len, e->len);
    if (e->len > 0) assert_memory_equal(value.ptr, e->value, e->len);
    assert_true(record_expire_ms(r) == e->expire_ms);
}

struct scan_context {
    struct model *m;
    int db;
};

static void scan_compare(void *arg, struct record *r)
{
    struct scan_context *c = arg;
    compare(&c->m->dbs[c->db][index_of(record_key(r))], r);
    c->m->seen++;
}

static void compare_all(struct model *m)
{
    char name[512];
    store_check(m->store);
    for (int db = 0; db < DATABASES; db++) {
        size_t len = 0, with_expiry = 0;
        for (size_t i = 0; i < KEYS; i++) {
            struct record *r = store_find(m->store, db, key_of(m, name, i));
            assert_int_equal(r != NULL, m->dbs[db][i].exists);
            if (r == NULL) continue;
            compare(&m->dbs[db][i], r);
            len++;
            with_expiry += m->dbs[db][i].expire_ms != 0;
        }
        assert_int_equal(store_len(m->store, db), len);
        assert_int_equal(store_volatile_len(m->store, db), with_expiry);
        struct scan_context context = {m, db};
        m->seen = 0;
        uint64_t cursor = 0;
        do cursor = store_scan(m->store, db, cursor, 1 + below(m, 50), scan_compare, &context);
        while (cursor != 0);
        assert_int_equal(m->seen, len);
        struct record *any = store_random(m->store, db, &m->prng);
        assert_int_equal(any != NULL, len > 0);
        if (any != NULL) compare(&m->dbs[db][index_of(record_key(any))], any);
    }
}

static void expire_one(void *arg, int db, struct record *r)
{
    struct model *m = arg;
    struct entry *e = &m->dbs[db][index_of(record_key(r))];
    compare(e, r);
    assert_true(e->expire_ms != 0 && e->expire_ms <= m->now_ms);
    e->exists = false;
    record_free(store_remove(m->store, db, store_key(m->store, record_key(r))));
}

static void expire_due(struct model *m)
{
    size_t budget = 1 + below(m, 50);
    while (store_expire_step(m->store, m->now_ms, budget, expire_one, m) >= budget) {}
    for (int db = 0; db < DATABASES; db++) {
        for (size_t i = 0; i < KEYS; i++) {
            const struct entry *e = &m->dbs[db][i];
            assert_false(e->exists && e->expire_ms != 0 && e->expire_ms + 16 <= m->now_ms);
        }
    }
}

static struct slice random_value(struct model *m, char *out, size_t max)
{
    size_t len = below(m, 10) == 0 ? below(m, max) : below(m, 60);
    if (below(m, 4) == 0) return slice_of(out, (size_t)snprintf(out, 24, "%d", (int)prng_u64(&m->prng)));
    for (size_t i = 0; i < len; i++) out[i] = (char)prng_u64(&m->prng);
    return slice_of(out, len);
}

static uint64_t random_expiry(struct model *m)
{
    if (below(m, 3) == 0) return 0;
    return m->now_ms + 1 + below(m, (uint64_t)100 << below(m, 16));
}

static void entry_set(struct entry *e, struct slice value)
{
    e->exists = true;
    e->len = value.len;
    memcpy(e->value, value.ptr, value.len);
}

static void key_operation(struct model *m, int db, size_t i)
{
    char name[512], bytes[VALUE_MAX];
    struct store_key key = key_of(m, name, i);
    struct entry *e = &m->dbs[db][i];
    struct record *r = store_find(m->store, db, key), *changed;
    uint64_t old_ms = r == NULL ? 0 : record_expire_ms(r);
    struct slice value;
    if (r == NULL) {
        value = random_value(m, bytes, VALUE_MAX);
        e->expire_ms = random_expiry(m);
        entry_set(e, value);
        store_insert(m->store, db, key, record_set_expire(string_new(key.name, value), e->expire_ms));
        return;
    }
    switch (below(m, 7)) {
    case 0:
    case 1:
        value = random_value(m, bytes, VALUE_MAX);
        entry_set(e, value);
        bool keep = below(m, 2) == 0;
        changed = string_put(r, value, keep);
        if (!keep) changed = record_set_expire(changed, e->expire_ms = random_expiry(m));
        store_replace(m->store, db, key, r, old_ms, changed);
        break;
    case 2:
        value = random_value(m, bytes, 100);
        if (e->len + value.len > VALUE_MAX) break;
        memcpy(e->value + e->len, value.ptr, value.len);
        e->len += value.len;
        store_replace(m->store, db, key, r, old_ms, string_append(r, value));
        break;
    case 3:
        e->expire_ms = random_expiry(m);
        changed = store_set_expire(m->store, db, key, r, e->expire_ms);
        assert_ptr_equal(changed, store_find(m->store, db, key));
        break;
    case 4: { /* moves to another key, maybe of another database */
        size_t to = below(m, KEYS);
        int to_db = (int)below(m, DATABASES);
        char to_name[512];
        struct store_key to_key = key_of(m, to_name, to);
        if (m->dbs[to_db][to].exists) break;
        changed = record_rekey(store_remove(m->store, db, key), to_key.name);
        store_insert(m->store, to_db, to_key, changed);
        m->dbs[to_db][to] = *e;
        e->exists = false;
        break;
    }
    default:
        record_free(store_remove(m->store, db, key));
        e->exists = false;
        break;
    }
}

static void operation(struct model *m)
{
    int db = (int)below(m, DATABASES);
    switch (below(m, 400)) {
    case 0: {
        int other = (int)below(m, DATABASES);
        store_swap(m->store, db, other);
        struct entry *spare = malloc(sizeof m->dbs[0]);
        memcpy(spare, m->dbs[db], sizeof m->dbs[0]);
        memmove(m->dbs[db], m->dbs[other], sizeof m->dbs[0]);
        memcpy(m->dbs[other], spare, sizeof m->dbs[0]);
        free(spare);
        break;
    }
    case 1:
        if (m->detached != NULL || below(m, 4) != 0) break;
        m->detached = store_detach(m->store, db);
        for (size_t i = 0; i < KEYS; i++) m->dbs[db][i].exists = false;
        break;
    case 2:
        if (m->detached != NULL && store_detached_free_step(m->detached, 1 + below(m, 100))) m->detached = NULL;
        break;
    case 3:
    case 4:
    case 5:
        m->now_ms += below(m, (uint64_t)10 << below(m, 14));
        expire_due(m);
        break;
    case 6:
        if (below(m, 10) == 0) m->now_ms -= below(m, 100000);
        expire_due(m);
        break;
    case 7: store_step(m->store, 1 + below(m, 100)); break;
    default: key_operation(m, db, below(m, KEYS)); break;
    }
}

static void run(uint64_t seed, int partitions, int steps)
{
    const struct store_options options = {
        .databases = DATABASES, .partitions = partitions, .seed = {seed, 1}, .now_ms = 1700000000000};
    struct model m = {.store = store_new(&options), .now_ms = 1700000000000};
    m.dbs = calloc(DATABASES, sizeof m.dbs[0]);
    prng_init(&m.prng, seed);
    store_unit_open(m.store);
    for (int step = 0; step < steps; step++) {
        operation(&m);
        if (step % CHECK_EVERY == 0) compare_all(&m);
    }
    while (m.detached != NULL && !store_detached_free_step(m.detached, 1)) {}
    store_unit_close(m.store);
    store_free(m.store);
    free(m.dbs);
}

static void one_partition(void **state)
{
    run(1, 1, 20000);
}

static void sixteen_partitions(void **state)
{
    run(2, 16, 20000);
}

static void most_partitions(void **state)
{
    run(3, 256, 5000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_partition),
        cmocka_unit_test(sixteen_partitions),
        cmocka_unit_test(most_partitions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
