/* The time wheel against a plain list of entries. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/mem.h"
#include "base/prng.h"
#include "ds/wheel.h"

#include <string.h>

#define START_MS 1700000000123u

/* Entry number i has the hash (i + 1) << 16. */
struct model {
    struct wheel wheel;
    struct prng prng;
    uint64_t now, due[5000];
    bool in[5000], early_allowed;
    unsigned count, live;
    size_t delivered;
};

static uint64_t hash_of(unsigned i)
{
    return (uint64_t)(i + 1) << 16 | 0x1234; /* the low bits are not kept */
}

static void model_init(struct model *m, uint64_t seed)
{
    memset(m, 0, sizeof *m);
    prng_init(&m->prng, seed);
    m->now = START_MS;
    wheel_init(&m->wheel, m->now);
}

static void model_insert(struct model *m, uint64_t due)
{
    unsigned i = m->count < ARRAY_LEN(m->due) ? m->count++ : (unsigned)prng_below(&m->prng, m->count);
    if (m->in[i]) return;
    m->in[i] = true;
    m->live++;
    m->due[i] = due;
    wheel_insert(&m->wheel, hash_of(i), due);
}

static void due(void *arg, uint64_t hash, uint64_t due_ms)
{
    struct model *m = arg;
    unsigned i = (unsigned)(hash >> 16) - 1;
    assert_true((hash & 0xffff) == 0 && i < m->count && m->in[i]);
    m->delivered++;
    if (m->due[i] > m->now) { /* not yet: in again, as the owner does */
        assert_true(m->early_allowed);
        wheel_insert(&m->wheel, hash, m->due[i]);
        return;
    }
    assert_true(due_ms <= m->now || m->early_allowed);
    m->in[i] = false;
    m->live--;
    if (prng_below(&m->prng, 4) == 0) { /* the callback may insert */
        m->in[i] = true;
        m->live++;
        m->due[i] = m->now + 1 + prng_below(&m->prng, 100000);
        wheel_insert(&m->wheel, hash, m->due[i]);
    }
}

/* Nothing is left that is due a tick or longer, and the loop would not sleep too long. */
static void model_caught_up(struct model *m)
{
    uint64_t next = wheel_next_due_ms(&m->wheel, m->now), first = UINT64_MAX;
    for (unsigned i = 0; i < m->count; i++) {
        if (!m->in[i]) continue;
        assert_true(m->due[i] + WHEEL_TICK_MS > m->now);
        if (m->due[i] < first) first = m->due[i];
    }
    assert_int_equal(wheel_len(&m->wheel), m->live);
    assert_true(next <= wheel_round_ms(first) || (first == UINT64_MAX && m->live == 0));
    if (m->live == 0) assert_int_equal(wheel_mem(&m->wheel), 0);
    if (!m->early_allowed && m->live > 0) assert_true(next > m->now || next >= first);
}

static uint64_t random_ttl(struct prng *p)
{
    static const uint64_t scale[] = {1,       20,       300,        5000,        60000,
                                     1000000, 90000000, 3000000000, 70000000000, 4000000000000};
    return prng_below(p, scale[prng_below(p, ARRAY_LEN(scale))] + 1);
}

static void model_advance(struct model *m)
{
    size_t budget = prng_below(&m->prng, 5) == 0 ? 1 : 1 + prng_below(&m->prng, 300);
    for (int guard = 0;; guard++) {
        size_t before = m->delivered;
        bool done = wheel_advance(&m->wheel, m->now, budget, due, m);
        assert_true(m->delivered - before <= budget);
        if (prng_below(&m->prng, 20) == 0) wheel_check(&m->wheel);
        if (done) break;
        assert_true(guard < 200000);
        if (prng_below(&m->prng, 4) == 0) model_insert(m, m->now + random_ttl(&m->prng)); /* between the portions */
        if (prng_below(&m->prng, 10) == 0) m->now += prng_below(&m->prng, 40);
    }
    if (m->early_allowed) { /* a small step back of the clock is sat out */
        m->now += 5 * WHEEL_TICK_MS;
        while (!wheel_advance(&m->wheel, m->now, budget, due, m)) {}
    }
    model_caught_up(m);
}

static bool keep_all(void *arg, uint64_t hash, uint64_t due_ms)
{
    struct model *m = arg;
    unsigned i = (unsigned)(hash >> 16) - 1;
    assert_true(m->in[i]);
    if (!m->early_allowed) assert_int_equal(due_ms, wheel_round_ms(m->due[i]));
    return true;
}

static bool keep_even(void *arg, uint64_t hash, uint64_t due_ms)
{
    struct model *m = arg;
    unsigned i = (unsigned)(hash >> 16) - 1;
    keep_all(m, hash, due_ms);
    if (i % 2 == 0) return true;
    m->in[i] = false;
    m->live--;
    return false;
}

static void test_model(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 60; seed++) {
        struct model *m = mem_alloc(sizeof *m);
        model_init(m, seed);
        bool backward = seed % 3 == 2;
        for (int step = 0; step < 300; step++) {
            for (uint64_t n = prng_below(&m->prng, 40); n > 0; n--) {
                uint64_t ttl = random_ttl(&m->prng);
                model_insert(m, ttl == 0 ? m->now - prng_below(&m->prng, 1000) : m->now + ttl);
            }
            m->now += prng_below(&m->prng, 8) == 0 ? random_ttl(&m->prng) % 100000000000 : prng_below(&m->prng, 50);
            if (backward && prng_below(&m->prng, 20) == 0) {
                uint64_t back = random_ttl(&m->prng);
                m->now -= back < m->now - 1000000 ? back : 500000;
                m->early_allowed = true;
            }
            if (prng_below(&m->prng, 6) == 0)
                wheel_filter(&m->wheel, 1 + prng_below(&m->prng, 300), step % 5 ? keep_all : keep_even, m);
            model_advance(m);
        }
        wheel_check(&m->wheel);
        wheel_deinit(&m->wheel);
        mem_free(m);
    }
}

/* ------------------------------------------------------------------------------------------------------ single facts
 * */

struct log {
    size_t len;
    uint64_t hash, due;
};

static void note(void *arg, uint64_t hash, uint64_t due_ms)
{
    struct log *l = arg;
    l->len++;
    l->hash = hash;
    l->due = due_ms;
}

/* For each TTL: not a millisecond early, and within a tick. */
static void test_exact_times(void **state)
{
    (void)state;
    for (uint64_t ttl = 0; ttl < (uint64_t)1 << 42; ttl += ttl / 3 + 1) {
        struct wheel w;
        struct log l = {0};
        uint64_t due_ms = START_MS + ttl, round = wheel_round_ms(due_ms);
        wheel_init(&w, START_MS);
        wheel_insert(&w, 0xabcdef0123456789, due_ms);
        assert_true(wheel_next_due_ms(&w, START_MS) <= round);
        if (round > START_MS + WHEEL_TICK_MS) assert_true(wheel_advance(&w, round - 1, SIZE_MAX, note, &l));
        assert_int_equal(l.len, 0);
        assert_true(wheel_advance(&w, round, SIZE_MAX, note, &l));
        assert_int_equal(l.len, 1);
        assert_true(l.hash == 0xabcdef0123450000);
        assert_true(l.due <= round);
        assert_int_equal(wheel_mem(&w), 0);
        assert_true(wheel_next_due_ms(&w, round) == UINT64_MAX);
    }
}

/* Sleeping exactly as long as the wheel says leads through the levels to the entry. */
static void test_sleep(void **state)
{
    (void)state;
    struct wheel w;
    struct log l = {0};
    uint64_t now = START_MS, due_ms = START_MS + 5000000000;
    int wakes = 0;
    wheel_init(&w, now);
    wheel_insert(&w, (uint64_t)7 << 16, due_ms);
    while (l.len == 0) {
        uint64_t next = wheel_next_due_ms(&w, now);
        assert_true(next > now);
        now = next;
        wheel_advance(&w, now, 100, note, &l);
        assert_true(++wakes < 10);
    }
    assert_true(now >= due_ms && now < due_ms + WHEEL_TICK_MS);
    wheel_deinit(&w);
}

static void test_extreme_times(void **state)
{
    (void)state;
    struct wheel w;
    struct log l = {0};
    wheel_init(&w, 0);
    wheel_insert(&w, (uint64_t)1 << 16, 0);
    wheel_insert(&w, (uint64_t)2 << 16, UINT64_MAX);
    wheel_insert(&w, (uint64_t)3 << 16, INT64_MAX);
    wheel_check(&w);
    assert_true(wheel_advance(&w, 0, SIZE_MAX, note, &l));
    assert_int_equal(l.len, 1);
    assert_true(wheel_advance(&w, WHEEL_TICK_MAX * WHEEL_TICK_MS - 1, SIZE_MAX, note, &l));
    assert_int_equal(l.len, 1);
    assert_true(wheel_advance(&w, UINT64_MAX, SIZE_MAX, note, &l));
    assert_int_equal(l.len, 3);
    wheel_deinit(&w);
}

/* A million entries in one millisecond come out in portions of the size asked for. */
static void test_avalanche(void **state)
{
    (void)state;
    enum { ENTRIES = 200000, PORTION = 1000 };
    struct wheel w;
    struct log l = {0};
    size_t portions = 0;
    wheel_init(&w, START_MS);
    for (uint64_t i = 0; i < ENTRIES; i++) wheel_insert(&w, i << 16, START_MS + 3600000);
    assert_true(wheel_mem(&w) < ENTRIES * 19 / 2);
    bool done;
    do {
        size_t before = l.len;
        done = wheel_advance(&w, START_MS + 3600000 + WHEEL_TICK_MS, PORTION, note, &l);
        assert_true(l.len - before <= PORTION);
        portions++;
    } while (!done);
    assert_int_equal(l.len, ENTRIES);
    assert_true(portions <= 4 * ENTRIES / PORTION + 4); /* three levels down */
    wheel_deinit(&w);
}

static void test_memory(void **state)
{
    (void)state;
    struct wheel w;
    struct prng p;
    prng_init(&p, 1);
    wheel_init(&w, START_MS);
    assert_int_equal(wheel_mem(&w), 0);
    for (uint64_t i = 0; i < 300000; i++) wheel_insert(&w, i << 16, START_MS + random_ttl(&p));
    assert_true(wheel_mem(&w) < 300000 * 12);
    wheel_check(&w);
    wheel_clear(&w);
    assert_int_equal(wheel_mem(&w), 0);
    assert_int_equal(wheel_len(&w), 0);
    wheel_insert(&w, 1, START_MS + 5);
    wheel_check(&w);
    wheel_deinit(&w);
}

static bool refuse(void *arg, uint64_t hash, uint64_t due_ms)
{
    (void)hash;
    (void)due_ms;
    ++*(size_t *)arg;
    return false;
}

static void test_filter_drops(void **state)
{
    (void)state;
    struct wheel w;
    size_t asked = 0;
    wheel_init(&w, START_MS);
    assert_true(wheel_filter(&w, 10, refuse, &asked));
    for (uint64_t i = 0; i < 1000; i++) wheel_insert(&w, i << 16, START_MS + 100 + i * i);
    for (int calls = 1; !wheel_filter(&w, 30, refuse, &asked); calls++) {
        wheel_check(&w);
        assert_int_equal(asked, calls * 30);
    }
    assert_int_equal(asked, 1000);
    assert_int_equal(wheel_len(&w), 0);
    assert_int_equal(wheel_mem(&w), 0);
    wheel_deinit(&w);
}

/* What comes due while a sweep stands still is delivered on time. */
static void test_due_during_filter(void **state)
{
    (void)state;
    struct wheel w;
    struct log l = {0};
    size_t asked = 0;
    wheel_init(&w, START_MS);
    for (uint64_t i = 0; i < 100; i++) wheel_insert(&w, i << 16, START_MS + 1000 * (i + 1));
    wheel_filter(&w, 10, refuse, &asked);
    assert_true(wheel_advance(&w, START_MS + 50000 + WHEEL_TICK_MS, SIZE_MAX, note, &l));
    assert_int_equal(l.len, 40);
    while (!wheel_filter(&w, 7, refuse, &asked)) {}
    assert_int_equal(asked, 60);
    wheel_deinit(&w);
}

/* The clock is set back by a day: entries due by the new time come at the new time. */
static void test_clock_back(void **state)
{
    (void)state;
    struct wheel w;
    struct log l = {0};
    const uint64_t day = 86400000;
    uint64_t now = START_MS + day;
    wheel_init(&w, now);
    wheel_insert(&w, (uint64_t)1 << 16, now + 1000);
    assert_true(wheel_advance(&w, now, 100, note, &l));
    now -= day;
    wheel_insert(&w, (uint64_t)2 << 16, now + 2000); /* before the wheel knows */
    while (!wheel_advance(&w, now, 100, note, &l)) {}
    assert_int_equal(l.len, 1); /* early: the owner puts it in again */
    wheel_insert(&w, l.hash, now + 2000);
    assert_true(wheel_advance(&w, now + 1999 - WHEEL_TICK_MS, 100, note, &l));
    assert_int_equal(l.len, 1);
    assert_true(wheel_advance(&w, now + 2000 + WHEEL_TICK_MS, 100, note, &l));
    assert_int_equal(l.len, 2);
    assert_true(wheel_advance(&w, now + day + 999, 100, note, &l));
    assert_int_equal(l.len, 2);
    assert_true(wheel_advance(&w, now + day + 1000 + WHEEL_TICK_MS, 100, note, &l));
    assert_int_equal(l.len, 3);
    wheel_deinit(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_model),          cmocka_unit_test(test_exact_times),
        cmocka_unit_test(test_sleep),          cmocka_unit_test(test_extreme_times),
        cmocka_unit_test(test_avalanche),      cmocka_unit_test(test_memory),
        cmocka_unit_test(test_filter_drops),   cmocka_unit_test(test_due_during_filter),
        cmocka_unit_test(test_clock_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
