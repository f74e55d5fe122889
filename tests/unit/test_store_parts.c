/* The time index and what expires inside of records: fields of hashes, on a clock that the test moves. A model of times
 * says what has to be gone when, whatever happened to the hashes meanwhile. */
#include "store/store.h"

#include "value/hash.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

enum { KEYS = 60, FIELDS = 12, DATABASES = 2, STEP = 3, TICK_MS = 16 };
static const uint64_t START_MS = 1700000000000;

struct hash {
    bool exists[FIELDS];
    uint64_t field_ms[FIELDS], key_ms;
};

struct world {
    struct store *store;
    struct prng prng;
    struct value_limits limits;
    uint64_t now_ms;
    struct hash dbs[DATABASES][KEYS];
    size_t offered;
    bool leave;
};

static size_t below(struct world *w, size_t n)
{
    return prng_below(&w->prng, n);
}

static struct slice text_of(char scratch[32], const char *prefix, size_t i)
{
    return slice_of(scratch, (size_t)snprintf(scratch, 32, "%s%zu", prefix, i));
}

static void due(void *arg, int db, struct record *r)
{
    struct world *w = arg;
    struct slice name = record_key(r);
    struct store_key key = store_key(w->store, name);
    uint64_t parts_ms = record_parts_expire_ms(r), whole_ms = record_expire_ms(r);
    assert_true(record_due_ms(r) != 0 && record_due_ms(r) <= w->now_ms);
    w->offered++;
    if (w->leave) return;
    if (whole_ms == 0 || whole_ms > w->now_ms) {
        assert_true(parts_ms <= w->now_ms);
        assert_in_range(hash_reap(r, w->now_ms, STEP, NULL, NULL), 1, STEP);
        store_parts_changed(w->store, db, key, r, parts_ms);
        if (hash_len(r) > 0) return;
    }
    record_free(store_remove(w->store, db, key));
}

static void catch_up(struct world *w, size_t budget)
{
    size_t steps = 0;
    while (store_expire_step(w->store, w->now_ms, budget, due, w) >= budget) assert_true(++steps < 1000000);
    assert_true(store_next_due_ms(w->store, w->now_ms) > w->now_ms);
}

static bool is_past(const struct world *w, uint64_t ms)
{
    return ms != 0 && ms <= w->now_ms;
}

/* The model follows the clock: what is past is gone. */
static void settle(struct world *w)
{
    for (int db = 0; db < DATABASES; db++) {
        for (size_t k = 0; k < KEYS; k++) {
            struct hash *h = &w->dbs[db][k];
            size_t left = 0;
            for (size_t f = 0; f < FIELDS; f++) {
                if (is_past(w, h->field_ms[f]) || is_past(w, h->key_ms)) h->exists[f] = false;
                if (!h->exists[f]) h->field_ms[f] = 0;
                left += h->exists[f];
            }
            if (left == 0) h->key_ms = 0;
        }
    }
}

static bool exists(const struct hash *h)
{
    for (size_t f = 0; f < FIELDS; f++)
        if (h->exists[f]) return true;
    return false;
}

static void compare(struct world *w)
{
    char name[32], field[32];
    store_check(w->store);
    for (int db = 0; db < DATABASES; db++) {
        size_t with_parts = 0, len = 0;
        for (size_t k = 0; k < KEYS; k++) {
            const struct hash *h = &w->dbs[db][k];
            struct record *r = store_find(w->store, db, store_key(w->store, text_of(name, "k", k)));
            bool parts = false;
            assert_int_equal(r != NULL, exists(h));
            if (r == NULL) continue;
            assert_true(record_expire_ms(r) == h->key_ms);
            for (size_t f = 0; f < FIELDS; f++) {
                uint64_t ms = 0;
                assert_int_equal(hash_expiry(r, text_of(field, "f", f), 0, &ms), h->exists[f]);
                assert_true(ms == h->field_ms[f]);
                parts |= ms != 0;
            }
            len++;
            with_parts += parts;
        }
        assert_int_equal(store_len(w->store, db), len);
        assert_int_equal(store_parts_len(w->store, db), with_parts);
    }
}

static uint64_t some_time(struct world *w)
{
    return w->now_ms + 1 + (below(w, 5) == 0 ? below(w, 100000) : below(w, 400));
}

static void change_field(struct world *w, int db, size_t k)
{
    char name[32], field[32];
    struct hash *h = &w->dbs[db][k];
    struct store_key key = store_key(w->store, text_of(name, "k", k));
    struct record *r = store_find(w->store, db, key);
    size_t f = below(w, FIELDS);
    if (r == NULL) {
        r = hash_new(key.name);
        store_insert(w->store, db, key, r);
    }
    uint64_t parts_ms = record_parts_expire_ms(r);
    if (!h->exists[f] || below(w, 3) == 0) {
        hash_set(r, text_of(field, "f", f), SLICE("v"), 0, &w->limits);
        h->exists[f] = true;
        h->field_ms[f] = 0;
    } else if (below(w, 4) == 0) {
        assert_true(hash_delete(r, text_of(field, "f", f), 0));
        h->exists[f] = false;
        h->field_ms[f] = 0;
    } else {
        h->field_ms[f] = below(w, 5) == 0 ? 0 : some_time(w);
        assert_true(hash_set_expiry(r, text_of(field, "f", f), 0, h->field_ms[f], &w->limits));
    }
    store_parts_changed(w->store, db, key, r, parts_ms);
    if (hash_len(r) == 0) record_free(store_remove(w->store, db, key));
    if (!exists(h)) h->key_ms = 0;
}

/* A copy, a move to another database, or the key's own expiry. */
static void change_key(struct world *w, int db, size_t k)
{
    char name[32], other[32];
    struct store_key key = store_key(w->store, text_of(name, "k", k));
    struct record *r = store_find(w->store, db, key);
    if (r == NULL) return;
    if (below(w, 2) == 0) {
        w->dbs[db][k].key_ms = below(w, 2) == 0 ? 0 : some_time(w);
        (void)store_set_expire(w->store, db, key, r, w->dbs[db][k].key_ms);
        return;
    }
    int to_db = (int)below(w, DATABASES);
    size_t to = below(w, KEYS);
    struct store_key to_key = store_key(w->store, text_of(other, "k", to));
    if (store_find(w->store, to_db, to_key) != NULL) return;
    w->dbs[to_db][to] = w->dbs[db][k];
    if (below(w, 2) == 0) {
        r = record_rekey(store_remove(w->store, db, key), to_key.name);
        w->dbs[db][k] = (struct hash){0};
    } else {
        r = record_dup(r, to_key.name);
        w->dbs[to_db][to].key_ms = 0;
    }
    store_insert(w->store, to_db, to_key, r);
}

static void run_model(uint64_t seed, size_t steps)
{
    const struct store_options options = {
        .databases = DATABASES, .partitions = 4, .seed = {5, seed}, .now_ms = START_MS};
    struct world *w = calloc(1, sizeof(*w));
    w->store = store_new(&options);
    w->now_ms = START_MS;
    prng_init(&w->prng, seed);
    w->limits = (struct value_limits){.seed = store_seed(w->store), .hash_listpack_value = 64};
    store_unit_open(w->store);
    for (size_t step = 0; step < steps; step++) {
        w->limits.hash_listpack_entries = below(w, 2) == 0 ? 512 : 4;
        for (size_t n = below(w, 30); n > 0; n--) change_field(w, (int)below(w, DATABASES), below(w, KEYS));
        for (size_t n = below(w, 5); n > 0; n--) change_key(w, (int)below(w, DATABASES), below(w, KEYS));
        if (below(w, 50) == 0) {
            store_swap(w->store, 0, 1);
            struct hash swapped[KEYS];
            memcpy(swapped, w->dbs[0], sizeof(swapped));
            memcpy(w->dbs[0], w->dbs[1], sizeof(swapped));
            memcpy(w->dbs[1], swapped, sizeof(swapped));
        }
        w->now_ms = (w->now_ms + below(w, 60)) / TICK_MS * TICK_MS + TICK_MS; /* what is past is due, on a tick */
        settle(w);
        catch_up(w, 1 + below(w, 64));
        store_step(w->store, 64);
        compare(w);
    }
    store_unit_close(w->store);
    store_free(w->store);
    free(w);
}

static void like_the_model(void **state)
{
    (void)state;
    const char *wanted = getenv("CAIRN_MODEL_STEPS");
    size_t steps = wanted != NULL ? strtoul(wanted, NULL, 10) : 300;
    for (uint64_t seed = 1; seed <= 4; seed++) run_model(seed, steps);
}

/* A hash of many due fields comes again and again, in steps, without waiting; one that nobody works on comes later. */
static void large_ones_go_in_steps(void **state)
{
    (void)state;
    enum { MANY = 10000, BUDGET = 16 };
    const struct store_options options = {.databases = 1, .partitions = 2, .seed = {5, 6}, .now_ms = START_MS};
    struct world *w = calloc(1, sizeof(*w));
    char field[32];
    w->store = store_new(&options);
    w->now_ms = START_MS;
    w->limits = (struct value_limits){.seed = store_seed(w->store)};
    store_unit_open(w->store);
    struct store_key key = store_key(w->store, SLICE("big"));
    struct record *r = hash_new(key.name);
    for (size_t i = 0; i < MANY; i++) {
        hash_set(r, text_of(field, "f", i), SLICE("v"), 0, &w->limits);
        hash_set_expiry(r, text_of(field, "f", i), 0, START_MS + 100, &w->limits);
    }
    store_insert(w->store, 0, key, r);
    assert_int_equal(store_parts_len(w->store, 0), 1);
    w->now_ms += 99;
    assert_int_equal(store_expire_step(w->store, w->now_ms, BUDGET, due, w), 0);
    w->now_ms += 20;
    w->leave = true;
    catch_up(w, BUDGET);
    assert_int_equal(w->offered, 1);
    w->leave = false;
    w->now_ms += STORE_EXPIRE_RETRY_MS + 16;
    size_t calls = 0;
    while (store_expire_step(w->store, w->now_ms, BUDGET, due, w) >= BUDGET) {
        calls++;
        store_check(w->store);
    }
    assert_null(store_find(w->store, 0, key));
    assert_in_range(w->offered - 1, MANY / STEP, MANY / STEP + 2);
    assert_in_range(calls, MANY / STEP / BUDGET, MANY / STEP / BUDGET + 2);
    assert_int_equal(store_parts_len(w->store, 0), 0);
    store_unit_close(w->store);
    store_free(w->store);
    free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(large_ones_go_in_steps),
        cmocka_unit_test(like_the_model),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
