/* Expiry by the time index, on a clock that the test moves: every due key is offered, in time, once, whatever happened
 * to its expiry. */
#include "store/store.h"

#include "value/string.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

enum { TICK_MS = 10, LATE_MS = 100, PARTITIONS = 4 };
static const uint64_t START_MS = 1700000000000;

struct world {
    struct store *store;
    struct prng prng;
    uint64_t now_ms, latest_ms; /* the most that a key was late */
    size_t offered, steps;
    bool leave; /* due keys are left where they are */
};

static struct world *world_new(int databases, uint64_t hint_ms)
{
    const struct store_options options = {
        .databases = databases, .partitions = PARTITIONS, .seed = {5, 6}, .now_ms = hint_ms};
    struct world *w = calloc(1, sizeof *w);
    w->store = store_new(&options);
    w->now_ms = START_MS;
    prng_init(&w->prng, 11);
    store_unit_open(w->store);
    return w;
}

static void world_end(struct world *w)
{
    store_check(w->store);
    store_unit_close(w->store);
    store_free(w->store);
    free(w);
}

static void due(void *arg, int db, struct record *r)
{
    struct world *w = arg;
    uint64_t expire_ms = record_expire_ms(r);
    assert_true(expire_ms != 0 && expire_ms <= w->now_ms);
    if (w->now_ms - expire_ms > w->latest_ms) w->latest_ms = w->now_ms - expire_ms;
    w->offered++;
    if (w->leave) return;
    struct record *gone = store_remove(w->store, db, store_key(w->store, record_key(r)));
    assert_ptr_equal(gone, r);
    record_free(gone);
}

/* Until nothing is due. */
static void catch_up(struct world *w, size_t budget)
{
    size_t steps = 0;
    while (store_expire_step(w->store, w->now_ms, budget, due, w) >= budget) assert_true(++steps < 10000000);
    assert_true(store_next_due_ms(w->store, w->now_ms) > w->now_ms);
}

static struct store_key numbered(const struct world *w, char name[32], size_t i)
{
    return store_key(w->store, slice_of(name, (size_t)snprintf(name, 32, "key:%zu", i)));
}

static void set_expire(struct world *w, int db, size_t i, uint64_t expire_ms)
{
    char name[32];
    struct store_key key = numbered(w, name, i);
    struct record *r = store_find(w->store, db, key);
    if (r != NULL) {
        store_set_expire(w->store, db, key, r, expire_ms);
    } else {
        store_insert(w->store, db, key, record_set_expire(string_new_int(key.name, (int64_t)i), expire_ms));
    }
}

static void in_time_with_ticks(void **state)
{
    for (int hint = 0; hint < 2; hint++) {
        struct world *w = world_new(3, hint == 0 ? 0 : START_MS);
        size_t keys = 0;
        for (int i = 0; i < 3000; i++) {
            /* From milliseconds to an hour ahead, while time goes on. */
            uint64_t ahead = 1 + prng_below(&w->prng, (uint64_t)10 << prng_below(&w->prng, 19));
            set_expire(w, (int)prng_below(&w->prng, 3), keys++, w->now_ms + ahead);
            if (i % 3 == 0) w->now_ms += TICK_MS;
            catch_up(w, 16);
        }
        store_check(w->store);
        while (w->offered < keys) {
            w->now_ms += TICK_MS;
            catch_up(w, 16);
            assert_true(w->now_ms < START_MS + 2 * 3600 * 1000);
        }
        assert_int_equal(w->offered, keys);
        assert_true(w->latest_ms <= LATE_MS);
        assert_true(w->latest_ms < 16 + TICK_MS);
        world_end(w);
    }
}

/* The loop sleeps until the index says so, and nothing is late for it. */
static void sleeping_until_the_next(void **state)
{
    struct world *w = world_new(2, START_MS);
    size_t keys = 500, wakes = 0;
    const uint64_t range_ms = 40ull * 86400 * 1000;
    for (size_t i = 0; i < keys; i++) set_expire(w, i % 2, i, w->now_ms + 1 + prng_below(&w->prng, range_ms));
    for (;;) {
        catch_up(w, 100);
        uint64_t next_ms = store_next_due_ms(w->store, w->now_ms);
        if (next_ms == UINT64_MAX) break;
        w->now_ms = next_ms;
        wakes++;
        assert_true(wakes < 20 * keys);
    }
    assert_int_equal(w->offered, keys);
    assert_true(w->latest_ms < 16);
    world_end(w);
}

static void an_expiry_that_moved(void **state)
{
    struct world *w = world_new(1, START_MS);
    /* later, earlier, gone, gone and back, past */
    for (size_t i = 0; i < 5; i++) set_expire(w, 0, i, START_MS + 1000);
    set_expire(w, 0, 0, START_MS + 5000);
    set_expire(w, 0, 1, START_MS + 200);
    set_expire(w, 0, 2, 0);
    set_expire(w, 0, 3, 0);
    set_expire(w, 0, 3, START_MS + 3000);
    set_expire(w, 0, 4, START_MS - 10);
    static const struct {
        uint64_t at_ms;
        size_t offered;
    } expected[] = {{0, 1}, {150, 1}, {220, 2}, {1100, 2}, {2900, 2}, {3020, 3}, {4990, 3}, {5020, 4}, {100000, 4}};
    for (size_t i = 0; i < ARRAY_LEN(expected); i++) {
        w->now_ms = START_MS + expected[i].at_ms;
        catch_up(w, 10);
        assert_int_equal(w->offered, expected[i].offered);
        store_check(w->store);
    }
    assert_int_equal(store_len(w->store, 0), 1);
    assert_int_equal(store_volatile_len(w->store, 0), 0);
    world_end(w);
}

/* Setting a later expiry over and over costs the index nothing. */
static void extending_inserts_nothing(void **state)
{
    struct world *w = world_new(1, START_MS);
    struct store_stats stats;
    for (int round = 0; round < 50; round++) {
        for (size_t i = 0; i < 100; i++) set_expire(w, 0, i, START_MS + 1000 * (uint64_t)(round + 1));
    }
    store_stats(w->store, 0, &stats);
    assert_int_equal(stats.index_entries, 100);
    world_end(w);
}

/* Shortening does leave entries behind, and the sweep takes them away, with and without cron. */
static void stale_entries_are_swept(void **state)
{
    for (int cron = 0; cron < 2; cron++) {
        struct world *w = world_new(1, START_MS);
        struct store_stats stats;
        enum { KEYS = 1000 };
        size_t most = 0;
        for (int round = 0; round < 120; round++) {
            for (size_t i = 0; i < KEYS; i++) {
                set_expire(w, 0, i, START_MS + 100000000 - (uint64_t)round * 1000);
                if (cron == 1 && i % 50 == 0) store_step(w->store, 200);
                if (i % 500 == 0) {
                    store_stats(w->store, 0, &stats);
                    if (stats.index_entries > most) most = stats.index_entries;
                }
            }
        }
        assert_true(most < (cron == 1 ? 12000 : 25000));
        while (store_step(w->store, 100)) {}
        store_stats(w->store, 0, &stats);
        assert_true(stats.index_entries <= 2 * KEYS + PARTITIONS * 1024);
        store_check(w->store);
        w->now_ms = START_MS + 100000000 - 119 * 1000 - 100;
        catch_up(w, 100);
        assert_int_equal(w->offered, 0);
        w->now_ms += 200;
        catch_up(w, 100);
        assert_int_equal(w->offered, KEYS);
        world_end(w);
    }
}

/* A sweep that is under way when expiries change must not lose one. */
static void sweeping_loses_nothing(void **state)
{
    enum { KEYS = 400 };
    struct world *w = world_new(1, START_MS);
    uint64_t expiries[KEYS] = {0};
    for (int step = 0; step < 200000; step++) {
        size_t i = prng_below(&w->prng, KEYS);
        expiries[i] = prng_below(&w->prng, 4) == 0 ? 0 : w->now_ms + 10000 + prng_below(&w->prng, 5000000);
        set_expire(w, 0, i, expiries[i]);
        if (prng_below(&w->prng, 8) == 0) store_step(w->store, 1 + prng_below(&w->prng, 40));
    }
    store_check(w->store);
    size_t expected = 0;
    for (size_t i = 0; i < KEYS; i++) expected += expiries[i] != 0;
    while (w->now_ms < START_MS + 5020000) {
        w->now_ms += 1000;
        catch_up(w, 64);
        size_t alive = 0;
        for (size_t i = 0; i < KEYS; i++) alive += expiries[i] != 0 && expiries[i] > w->now_ms - 16;
        assert_true(store_volatile_len(w->store, 0) <= alive);
    }
    assert_int_equal(w->offered, expected);
    world_end(w);
}

/* The clock steps back in the middle of sweeps and between steps of all sizes. */
static void sweeping_while_the_clock_jumps(void **state)
{
    enum { KEYS = 400 };
    for (int round = 0; round < 10; round++) {
        struct world *w = world_new(1, START_MS);
        for (int step = 0; step < 40000; step++) {
            uint64_t ahead_ms = 1 + prng_below(&w->prng, (uint64_t)1000 << prng_below(&w->prng, 16));
            set_expire(w, 0, prng_below(&w->prng, KEYS), prng_below(&w->prng, 4) == 0 ? 0 : w->now_ms + ahead_ms);
            if (prng_below(&w->prng, 8) == 0) store_step(w->store, 1 + prng_below(&w->prng, 40));
            if (prng_below(&w->prng, 50) == 0) w->now_ms += prng_below(&w->prng, 1000);
            if (prng_below(&w->prng, 200) == 0) w->now_ms -= prng_below(&w->prng, 100000);
            w->leave = prng_below(&w->prng, 10) == 0;
            if (prng_below(&w->prng, 20) == 0)
                store_expire_step(w->store, w->now_ms, 1 + prng_below(&w->prng, 100), due, w);
        }
        store_check(w->store);
        assert_true(store_volatile_len(w->store, 0) > 0);
        w->leave = false;
        for (int i = 0; i < 100; i++) {
            w->now_ms += 500000;
            catch_up(w, 1 + prng_below(&w->prng, 100));
        }
        assert_int_equal(store_volatile_len(w->store, 0), 0);
        world_end(w);
    }
}

/* Many keys in one moment: small budgets get through, and no step does more than it may. */
static void a_crowd_in_one_second(void **state)
{
    enum { KEYS = 100000, BUDGET = 50 };
    struct world *w = world_new(1, START_MS);
    for (size_t i = 0; i < KEYS; i++) set_expire(w, 0, i, START_MS + 60000 + i % 1000);
    for (int tick = 0; tick < 5000; tick++) {
        w->now_ms += TICK_MS;
        catch_up(w, BUDGET);
    }
    w->now_ms = START_MS + 61100;
    size_t steps = 0, worked = BUDGET;
    while (worked >= BUDGET) {
        size_t before = w->offered;
        worked = store_expire_step(w->store, w->now_ms, BUDGET, due, w);
        assert_true(w->offered - before <= BUDGET);
        steps++;
    }
    assert_int_equal(w->offered, KEYS);
    assert_int_equal(store_len(w->store, 0), 0);
    assert_true(steps < 20 * KEYS / BUDGET);
    world_end(w);
}

/* A replica leaves what is due; it is offered again, and goes when it may. */
static void what_is_left_comes_again(void **state)
{
    struct world *w = world_new(1, START_MS);
    for (size_t i = 0; i < 10; i++) set_expire(w, 0, i, START_MS + 50);
    w->leave = true;
    w->now_ms += 100;
    catch_up(w, 100);
    assert_int_equal(w->offered, 10);
    catch_up(w, 100);
    assert_int_equal(w->offered, 10);
    w->now_ms += STORE_EXPIRE_RETRY_MS + 16;
    catch_up(w, 100);
    assert_int_equal(w->offered, 20);
    w->leave = false;
    w->now_ms += STORE_EXPIRE_RETRY_MS + 16;
    catch_up(w, 100);
    assert_int_equal(w->offered, 30);
    assert_int_equal(store_len(w->store, 0), 0);
    world_end(w);
}

static void the_clock_may_jump(void **state)
{
    struct world *w = world_new(1, START_MS);
    const uint64_t day_ms = 86400000;
    for (size_t i = 0; i < 1000; i++) set_expire(w, 0, i, START_MS + 1000 + prng_below(&w->prng, 30 * day_ms));
    w->now_ms += 10;
    catch_up(w, 100);
    w->now_ms -= 400 * day_ms; /* back more than a year: all is still to come */
    catch_up(w, 100);
    for (size_t i = 1000; i < 1100; i++) set_expire(w, 0, i, w->now_ms + 500);
    w->now_ms += 600;
    catch_up(w, 100);
    assert_int_equal(w->offered, 100);
    assert_true(w->latest_ms <= LATE_MS);
    w->now_ms = START_MS + 31 * day_ms;
    catch_up(w, 100);
    assert_int_equal(w->offered, 1100);
    world_end(w);
}

static void times_out_of_all_measure(void **state)
{
    struct world *w = world_new(1, START_MS);
    set_expire(w, 0, 1, 1);
    set_expire(w, 0, 2, (uint64_t)1 << 48);
    set_expire(w, 0, 3, INT64_MAX);
    set_expire(w, 0, 4, UINT64_MAX);
    catch_up(w, 10);
    assert_int_equal(w->offered, 1);
    store_check(w->store);
    w->now_ms = (uint64_t)1 << 42;
    catch_up(w, 10);
    assert_int_equal(w->offered, 1);
    for (int i = 0; i < 1000; i++) store_expire_step(w->store, UINT64_MAX, 10, due, w);
    assert_int_equal(w->offered, 1);
    catch_up(w, 10);
    assert_int_equal(store_volatile_len(w->store, 0), 3);
    assert_true(store_avg_ttl_ms(w->store, 0, w->now_ms) > 0);
    world_end(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(in_time_with_ticks),
        cmocka_unit_test(sleeping_until_the_next),
        cmocka_unit_test(an_expiry_that_moved),
        cmocka_unit_test(extending_inserts_nothing),
        cmocka_unit_test(stale_entries_are_swept),
        cmocka_unit_test(sweeping_loses_nothing),
        cmocka_unit_test(sweeping_while_the_clock_jumps),
        cmocka_unit_test(a_crowd_in_one_second),
        cmocka_unit_test(what_is_left_comes_again),
        cmocka_unit_test(the_clock_may_jump),
        cmocka_unit_test(times_out_of_all_measure),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
