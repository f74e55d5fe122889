/* The store's plain operations: look-up, change, whole databases, scan, random keys, two stores side by side. */
#include "store/store.h"

#include "value/string.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

enum { DATABASES = 4, PARTITIONS = 8 };

static struct store *new_store(void)
{
    const struct store_options options = {.databases = DATABASES, .partitions = PARTITIONS, .seed = {1, 2}};
    struct store *store = store_new(&options);
    store_unit_open(store);
    return store;
}

static void end_store(struct store *store)
{
    store_check(store);
    store_unit_close(store);
    store_free(store);
}

static struct store_key numbered(const struct store *store, char name[32], size_t i)
{
    return store_key(store, slice_of(name, (size_t)snprintf(name, 32, "key:%zu", i)));
}

static void put(struct store *store, int db, const char *name, const char *value, uint64_t expire_ms)
{
    struct store_key key = store_key(store, slice_cstr(name));
    struct record *r = store_find(store, db, key);
    if (r == NULL) {
        store_insert(store, db, key, record_set_expire(string_new(key.name, slice_cstr(value)), expire_ms));
        return;
    }
    uint64_t old_ms = record_expire_ms(r);
    struct record *changed = record_set_expire(string_put(r, slice_cstr(value), false), expire_ms);
    store_replace(store, db, key, r, old_ms, changed);
}

static void put_many(struct store *store, int db, size_t from, size_t to)
{
    char name[32];
    for (size_t i = from; i < to; i++) {
        struct store_key key = numbered(store, name, i);
        store_insert(store, db, key, string_new_int(key.name, (int64_t)i));
    }
}

static void remove_key(struct store *store, int db, const char *name)
{
    struct record *r = store_remove(store, db, store_key(store, slice_cstr(name)));
    assert_non_null(r);
    record_free(r);
}

static bool holds(const struct store *store, int db, const char *name, const char *value)
{
    char scratch[STRING_SCRATCH];
    struct record *r = store_find(store, db, store_key(store, slice_cstr(name)));
    return r != NULL && slice_eq(string_view(r, scratch), slice_cstr(value));
}

static void keys_come_and_go(void **state)
{
    struct store *store = new_store();
    assert_int_equal(store_databases(store), DATABASES);
    assert_int_equal(store_len(store, 0), 0);
    assert_null(store_find(store, 0, store_key(store, SLICE("a"))));
    assert_null(store_remove(store, 0, store_key(store, SLICE("a"))));
    put(store, 0, "a", "1", 0);
    put(store, 0, "", "empty key", 5000);
    put(store, 1, "a", "other", 0);
    assert_true(holds(store, 0, "a", "1"));
    assert_true(holds(store, 0, "", "empty key"));
    assert_true(holds(store, 1, "a", "other"));
    assert_int_equal(store_len(store, 0), 2);
    assert_int_equal(store_volatile_len(store, 0), 1);
    put(store, 0, "a", "a value that needs another size class than before, surely", 7000);
    assert_int_equal(store_volatile_len(store, 0), 2);
    assert_int_equal(store_avg_ttl_ms(store, 0, 1000), 5000);
    store_check(store);
    struct store_key key = store_key(store, SLICE("a"));
    struct record *r = store_set_expire(store, 0, key, store_find(store, 0, key), 0);
    assert_ptr_equal(r, store_find(store, 0, key));
    assert_int_equal(store_volatile_len(store, 0), 1);
    remove_key(store, 0, "a");
    remove_key(store, 0, "");
    assert_int_equal(store_len(store, 0), 0);
    assert_int_equal(store_volatile_len(store, 0), 0);
    assert_int_equal(store_avg_ttl_ms(store, 0, 1000), 0);
    assert_int_equal(store_len(store, 1), 1);
    store_prefetch(store, 1, key.hash);
    store_prefetch_record(store, 1, key.hash);
    store_prefetch(store, 3, key.hash);
    store_prefetch_record(store, 3, key.hash);
    end_store(store);
}

static void databases_swap_with_their_expiries(void **state)
{
    struct store *store = new_store();
    put(store, 0, "zero", "0", 100);
    put(store, 2, "two", "2", 0);
    store_swap(store, 0, 2);
    assert_true(holds(store, 2, "zero", "0"));
    assert_true(holds(store, 0, "two", "2"));
    assert_int_equal(store_volatile_len(store, 2), 1);
    assert_int_equal(store_volatile_len(store, 0), 0);
    store_swap(store, 2, 3);
    store_swap(store, 1, 1);
    assert_true(holds(store, 3, "zero", "0"));
    assert_int_equal(store_len(store, 2), 0);
    end_store(store);
}

static void a_detached_database_lives_on(void **state)
{
    struct store *store = new_store();
    put_many(store, 0, 0, 5000);
    put(store, 0, "volatile", "x", 1000);
    struct store_detached *d = store_detach(store, 0), *nothing = store_detach(store, 3);
    assert_int_equal(store_len(store, 0), 0);
    assert_int_equal(store_volatile_len(store, 0), 0);
    assert_int_equal(store_detached_len(d), 5001);
    put(store, 0, "new", "1", 0);
    end_store(store);
    size_t steps = 1;
    for (; !store_detached_free_step(d, 10); steps++) {
        assert_true(store_detached_len(d) <= 5001 - steps);
    }
    assert_true(steps >= 400);
    assert_int_equal(store_detached_len(nothing), 0);
    assert_true(store_detached_free_step(nothing, 1));
}

struct scan_set {
    uint8_t *seen;
    size_t size, visits;
};

static void scan_mark(void *arg, struct record *r)
{
    struct scan_set *set = arg;
    int64_t i;
    set->visits++;
    assert_true(string_int(r, &i));
    assert_true(i >= 0 && (size_t)i < set->size);
    if (set->seen[i] < 255) set->seen[i]++;
}

static void scan_sees_all_that_stays(void **state)
{
    enum { STAY = 2000, COME = 30000 };
    struct prng prng;
    prng_init(&prng, 3);
    for (int round = 0; round < 6; round++) {
        struct store *store = new_store();
        struct scan_set set = {calloc(1, STAY + COME), STAY + COME, 0};
        char name[32];
        put_many(store, 0, 0, STAY);
        size_t come = STAY;
        if (round % 2 == 1) put_many(store, 0, STAY, come = STAY + COME); /* shrinks during the scan */
        uint64_t cursor = 0;
        size_t calls = 0;
        do {
            cursor = store_scan(store, 0, cursor, round < 4 ? 10 : 100, scan_mark, &set);
            calls++;
            char text[24]; /* through a client, as text */
            snprintf(text, sizeof text, "%llu", (unsigned long long)cursor);
            assert_true(strtoull(text, NULL, 10) == cursor);
            for (int i = 0; i < 60; i++) {
                if (round % 2 == 0 && come < STAY + COME) {
                    put_many(store, 0, come, come + 1);
                    come++;
                } else if (round % 2 == 1 && come > STAY) {
                    record_free(store_remove(store, 0, numbered(store, name, --come)));
                }
            }
        } while (cursor != 0);
        for (size_t i = 0; i < STAY; i++) assert_true(set.seen[i] >= 1);
        assert_true(calls > 10);
        free(set.seen);
        end_store(store);
    }
}

static void scan_of_what_rests_is_exact(void **state)
{
    struct store *store = new_store();
    struct scan_set set = {calloc(1, 1000), 1000, 0};
    assert_int_equal(store_scan(store, 0, 0, 10, scan_mark, &set), 0);
    assert_int_equal(store_scan(store, 0, UINT64_MAX, 10, scan_mark, &set), 0);
    put_many(store, 0, 0, 1000);
    assert_int_equal(store_scan(store, 0, 0, SIZE_MAX, scan_mark, &set), 0);
    assert_int_equal(set.visits, 1000);
    for (size_t i = 0; i < 1000; i++) assert_int_equal(set.seen[i], 1);
    /* Cursors that nobody gave out end, now or later. */
    struct prng prng;
    prng_init(&prng, 1);
    for (int i = 0; i < 2000; i++) {
        uint64_t cursor = prng_u64(&prng) >> prng_below(&prng, 64);
        for (int calls = 0; cursor != 0; calls++) {
            cursor = store_scan(store, 0, cursor, 100, scan_mark, &set);
            assert_true(calls < 1000);
        }
    }
    /* A call does about what it is asked to. */
    set.visits = 0;
    assert_true(store_scan(store, 0, 0, 10, scan_mark, &set) != 0);
    assert_true(set.visits >= 10 && set.visits < 70);
    free(set.seen);
    end_store(store);
}

static void random_is_fair(void **state)
{
    enum { KEYS = 300, PICKS = 300000 };
    struct store *store = new_store();
    struct prng prng;
    prng_init(&prng, 4);
    assert_null(store_random(store, 0, &prng));
    put_many(store, 0, 0, KEYS);
    static int counts[KEYS];
    for (int i = 0; i < PICKS; i++) {
        int64_t k;
        assert_true(string_int(store_random(store, 0, &prng), &k));
        counts[k]++;
    }
    double chi2 = 0, expected = (double)PICKS / KEYS;
    for (int i = 0; i < KEYS; i++) chi2 += (counts[i] - expected) * (counts[i] - expected) / expected;
    assert_true(chi2 < 420); /* 299 degrees of freedom: 24.5 standard deviation, 5 of them */
    end_store(store);
}

static void reserve_and_statistics(void **state)
{
    struct store *store = new_store();
    struct store_stats stats;
    store_stats(store, 0, &stats);
    assert_int_equal(stats.slots, 0);
    assert_int_equal(store_overhead(store, 0), 0);
    store_reserve(store, 0, 0);
    store_reserve(store, 0, 10000);
    put_many(store, 0, 0, 10000);
    put(store, 0, "v", "1", 1000);
    store_stats(store, 0, &stats);
    assert_true(stats.slots >= 10001);
    assert_int_equal(stats.index_entries, 1);
    assert_true(stats.longest_chain >= 1);
    assert_true(store_overhead(store, 0) >= stats.table_bytes + stats.index_bytes);
    end_store(store);
}

static void two_stores_do_not_know_each_other(void **state)
{
    const struct store_options options = {.databases = 1, .partitions = 1, .seed = {7, 7}};
    struct store *a = new_store(), *b = store_new(&options);
    store_unit_open(b);
    put(a, 0, "k", "a", 0);
    put(b, 0, "k", "b", 50);
    assert_true(holds(a, 0, "k", "a"));
    assert_true(holds(b, 0, "k", "b"));
    assert_true(store_key(a, SLICE("k")).hash != store_key(b, SLICE("k")).hash);
    end_store(a);
    assert_true(holds(b, 0, "k", "b"));
    end_store(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_come_and_go),
        cmocka_unit_test(databases_swap_with_their_expiries),
        cmocka_unit_test(a_detached_database_lives_on),
        cmocka_unit_test(scan_sees_all_that_stays),
        cmocka_unit_test(scan_of_what_rests_is_exact),
        cmocka_unit_test(random_is_fair),
        cmocka_unit_test(reserve_and_statistics),
        cmocka_unit_test(two_stores_do_not_know_each_other),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
