/* The hash table against a naive oracle: an array that says for each id whether it is in. Hashes are good, and as bad
 * as can be. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/mem.h"
#include "base/prng.h"
#include "ds/table.h"
#include "ds/table_impl.h"

#include <math.h>
#include <string.h>

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#endif
#ifdef SANITIZED
enum { EFFORT = 1 };
#else
enum { EFFORT = 4 };
#endif

struct rec {
    uint64_t id;
    uint32_t seen;
};

typedef uint64_t hash_fn(uint64_t id);

static uint64_t hash_good(uint64_t id)
{
    id = (id + 0x9e3779b97f4a7c15u) * 0xbf58476d1ce4e5b9u;
    id = (id ^ id >> 31) * 0x94d049bb133111ebu;
    return id ^ id >> 29;
}
static uint64_t hash_equal(uint64_t id)
{
    (void)id;
    return 0x123456789abcdef0;
}
static uint64_t hash_top_bits(uint64_t id) /* 16 values, spread over segments */
{
    return hash_good(id) & 0xf000000000000000;
}
static uint64_t hash_low_bits(uint64_t id) /* all in the first segment */
{
    return hash_good(id) >> 40;
}
static uint64_t hash_ones(uint64_t id) /* all at the end of the last segment: probing wraps round */
{
    return hash_good(id) | 0xfffffff000000000;
}
static uint64_t hash_counter(uint64_t id)
{
    return id << 48;
}
static uint64_t hash_ascending(uint64_t id) /* good, but they come in their order */
{
    return id << 46 | hash_good(id) >> 18;
}
static uint64_t hash_half(uint64_t id) /* half are good, the others collide in clusters of 100 */
{
    return id & 1 ? hash_good(id) : hash_good(id / 200);
}

static uint64_t rec_hash(const void *arg, const void *record)
{
    hash_fn *fn = *(hash_fn *const *)arg;
    return fn(((const struct rec *)record)->id);
}
static bool rec_equals(const void *record, const void *key)
{
    return ((const struct rec *)record)->id == *(const uint64_t *)key;
}
static const struct table_type type = {rec_equals, rec_hash};

static struct rec *rec_new(uint64_t id)
{
    struct rec *r = mem_zalloc(sizeof *r);
    r->id = id;
    return r;
}
static void rec_free(void *arg, void *record)
{
    if (arg != NULL) ++*(size_t *)arg;
    mem_free(record);
}
static void rec_see(void *arg, void *record)
{
    (void)arg;
    ((struct rec *)record)->seen++;
}

/* ------------------------------------------------------------------------------------------------------------ model */

struct model {
    struct table table;
    hash_fn *hash;
    struct rec **in; /* by id; NULL: absent */
    size_t universe, len;
    struct prng prng;
};

static void model_init(struct model *m, hash_fn *hash, size_t universe, uint64_t seed)
{
    m->hash = hash;
    m->universe = universe;
    m->len = 0;
    m->in = mem_zalloc(universe * sizeof *m->in);
    prng_init(&m->prng, seed);
    table_init(&m->table, &type, &m->hash);
}
static void model_deinit(struct model *m)
{
    for (size_t i = 0; i < m->universe; i++) mem_free(m->in[i]);
    mem_free(m->in);
    table_deinit(&m->table);
}
static void model_insert(struct model *m, uint64_t id)
{
    m->in[id] = rec_new(id);
    m->len++;
    table_insert(&m->table, m->hash(id), m->in[id]);
}
static void model_erase(struct model *m, uint64_t id)
{
    struct rec *r = m->in[id];
    if (id & 1) {
        assert_true(table_erase(&m->table, m->hash(id), r));
        assert_false(table_erase(&m->table, m->hash(id), r));
    } else {
        assert_ptr_equal(table_erase_key(&m->table, m->hash(id), &id), r);
        assert_null(table_erase_key(&m->table, m->hash(id), &id));
    }
    m->in[id] = NULL;
    m->len--;
    mem_free(r);
}
static void model_replace(struct model *m, uint64_t id)
{
    struct rec *fresh = rec_new(id), *old = m->in[id];
    if (old == NULL) {
        assert_false(table_replace(&m->table, m->hash(id), fresh, fresh));
        mem_free(fresh);
        return;
    }
    mem_free(old); /* as after a realloc: only its address is compared */
    assert_true(table_replace(&m->table, m->hash(id), old, fresh));
    m->in[id] = fresh;
}
static bool same_id(void *arg, void *record)
{
    return ((struct rec *)record)->id == *(uint64_t *)arg;
}
static void model_compare(struct model *m)
{
    assert_int_equal(table_len(&m->table), m->len);
    table_check(&m->table);
    for (uint64_t id = 0; id < m->universe; id++)
        assert_ptr_equal(table_find(&m->table, m->hash(id), &id), m->in[id]);
}
/* Every element exactly once by a scan without changes and by table_each. */
static void model_scan(struct model *m)
{
    for (size_t i = 0; i < m->universe; i++)
        if (m->in[i] != NULL) m->in[i]->seen = 0;
    uint64_t cursor = 0;
    do {
        cursor = table_scan(&m->table, cursor, rec_see, NULL);
        assert_true(cursor >> TABLE_CURSOR_BITS == 0);
    } while (cursor != 0);
    for (size_t i = 0; i < m->universe; i++)
        if (m->in[i] != NULL) assert_int_equal(m->in[i]->seen, 1);
    table_each(&m->table, rec_see, NULL);
    for (size_t i = 0; i < m->universe; i++)
        if (m->in[i] != NULL) assert_int_equal(m->in[i]->seen, 2);
}

/* Steps of random operations; `fill` in 0..100 drifts, so that the table grows and shrinks. */
static void model_run(struct model *m, size_t steps, size_t compares)
{
    unsigned fill = 50;
    for (size_t step = 0; step < steps; step++) {
        if (step % (m->universe * 2 + 1) == 0) fill = (unsigned)prng_below(&m->prng, 101);
        uint64_t id = prng_below(&m->prng, m->universe);
        unsigned op = (unsigned)prng_below(&m->prng, 100);
        assert_ptr_equal(table_find(&m->table, m->hash(id), &id), m->in[id]);
        assert_ptr_equal(table_find_if(&m->table, m->hash(id), same_id, &id), m->in[id]);
        if (op < 5) {
            model_replace(m, id);
        } else if (op < 10) {
            struct rec *r = table_random(&m->table, &m->prng);
            assert_int_equal(r == NULL, m->len == 0);
            if (r != NULL) assert_ptr_equal(r, m->in[r->id]);
        } else if (op < 15) {
            table_prefetch_bucket(&m->table, m->hash(id));
            table_prefetch_record(&m->table, m->hash(id));
        } else if (m->in[id] == NULL) {
            if (prng_below(&m->prng, 100) < fill) model_insert(m, id);
        } else if (prng_below(&m->prng, 100) >= fill) {
            model_erase(m, id);
        }
        if (step % (steps / compares + 1) == 0) model_compare(m);
    }
    model_compare(m);
    model_scan(m);
    /* and down to nothing */
    for (size_t id = 0; id < m->universe; id++) {
        if (m->in[id] != NULL) model_erase(m, id);
        if (id % (m->universe / 8 + 1) == 0) table_check(&m->table);
    }
    assert_int_equal(table_len(&m->table), 0);
    assert_int_equal(table_mem(&m->table), 0);
    table_check(&m->table);
}

static void test_model(void **state)
{
    (void)state;
    static const struct {
        hash_fn *hash;
        size_t universe, steps;
    } runs[] = {
        {hash_good, 3, 3000},       {hash_good, 40, 20000},      {hash_good, 400, 40000},
        {hash_good, 5000, 200000},  {hash_good, 60000, 400000},  {hash_equal, 6, 3000},
        {hash_equal, 300, 20000},   {hash_top_bits, 1500, 20000}, {hash_low_bits, 1500, 20000},
        {hash_ones, 3000, 40000},   {hash_counter, 3000, 60000}, {hash_half, 1500, 40000},
    };
    for (size_t i = 0; i < ARRAY_LEN(runs); i++) {
        struct model m;
        model_init(&m, runs[i].hash, runs[i].universe, 1000 + i);
        size_t steps = runs[i].steps * EFFORT;
        model_run(&m, steps, runs[i].universe > 1000 ? 12 : 200);
        model_deinit(&m);
    }
}

/* Every step checked, at sizes where segments are tiny. */
static void test_model_small_steps(void **state)
{
    (void)state;
    struct model m;
    model_init(&m, hash_good, 350, 7);
    for (uint64_t id = 0; id < 350; id++) {
        model_insert(&m, id);
        table_check(&m.table);
    }
    for (uint64_t id = 0; id < 350; id++) {
        model_erase(&m, (id * 101) % 350);
        table_check(&m.table);
    }
    model_deinit(&m);
}

/* ------------------------------------------------------------------------------------------------------------- scan */

/* What is in from the first call to the last is seen, while the table grows or shrinks by a large factor in between. */
static void scan_run(hash_fn *hash, size_t universe, uint64_t seed)
{
    struct model m;
    model_init(&m, hash, universe, seed);
    bool *stays = mem_zalloc(universe * sizeof *stays);
    unsigned start = (unsigned)prng_below(&m.prng, 101), target = (unsigned)prng_below(&m.prng, 101);
    for (uint64_t id = 0; id < universe; id++) {
        if (prng_below(&m.prng, 100) < start) model_insert(&m, id);
        stays[id] = m.in[id] != NULL && prng_below(&m.prng, 100) < 30;
    }
    size_t churn = prng_below(&m.prng, 200), calls = 0;
    uint64_t cursor = 0;
    do {
        cursor = table_scan(&m.table, cursor, rec_see, NULL);
        assert_true(++calls < 40 * universe + 100);
        for (size_t i = 0; i < churn; i++) {
            uint64_t id = prng_below(&m.prng, universe);
            if (stays[id]) continue;
            bool want = prng_below(&m.prng, 100) < target;
            if (want && m.in[id] == NULL) model_insert(&m, id);
            if (!want && m.in[id] != NULL) model_erase(&m, id);
        }
    } while (cursor != 0);
    for (uint64_t id = 0; id < universe; id++)
        if (stays[id]) assert_true(m.in[id]->seen > 0);
    table_check(&m.table);
    mem_free(stays);
    model_deinit(&m);
}

static void test_scan_guarantee(void **state)
{
    (void)state;
    for (uint64_t i = 0; i < 15 * EFFORT; i++) {
        scan_run(hash_good, 1 + i * 40 % 3000, i);
        scan_run(hash_half, 1 + i * 30 % 600, i);
        scan_run(hash_ones, 1 + i * 7 % 300, i);
    }
}

static void test_scan_any_cursor(void **state)
{
    (void)state;
    struct model m;
    model_init(&m, hash_good, 1000, 3);
    assert_int_equal(table_scan(&m.table, 12345, rec_see, NULL), 0);
    for (uint64_t id = 0; id < 1000; id++) model_insert(&m, id);
    for (int i = 0; i < 10000; i++) {
        uint64_t cursor = prng_u64(&m.prng), next = table_scan(&m.table, cursor, rec_see, NULL);
        assert_true(next == 0 || (next > (cursor & 0xffffffffffff) && next >> 48 == 0));
    }
    model_deinit(&m);
}

/* ----------------------------------------------------------------------------------------------------------- random */

/* Chi square over all elements; also when most of a large table was erased in an order that leaves it lopsided. */
static void random_run(size_t universe, size_t keep, hash_fn *hash)
{
    struct model m;
    model_init(&m, hash, universe, universe + keep);
    for (uint64_t id = 0; id < universe; id++) model_insert(&m, id);
    for (uint64_t id = keep; id < universe; id++) model_erase(&m, id);
    size_t draws = keep * 200 * EFFORT / 4;
    for (size_t i = 0; i < draws; i++) ((struct rec *)table_random(&m.table, &m.prng))->seen++;
    double expected = (double)draws / (double)keep, chi = 0;
    for (uint64_t id = 0; id < keep; id++) {
        double d = m.in[id]->seen - expected;
        chi += d * d / expected;
    }
    double freedom = (double)keep - 1;
    assert_true(fabs(chi - freedom) < 5 * sqrt(2 * freedom) + 1);
    model_deinit(&m);
}

static void test_random_uniform(void **state)
{
    (void)state;
    random_run(3, 3, hash_good);
    random_run(100, 100, hash_good);
    random_run(2000, 2000, hash_good);
    random_run(20000, 1500, hash_good);
    random_run(20000, 5, hash_good);
    random_run(1000, 1000, hash_half);
    random_run(300, 300, hash_equal);
}

/* --------------------------------------------------------------------------------------------------- the other verbs
 * */

static bool count_and_refuse(void *arg, void *record)
{
    (void)record;
    ++*(size_t *)arg;
    return false;
}

/* Looking up by a 48-bit hash alone meets the right record and hardly any other. */
static void test_find_if(void **state)
{
    (void)state;
    struct model m;
    size_t calls = 0, universe = 100000;
    model_init(&m, hash_good, universe, 5);
    for (uint64_t id = 0; id < universe; id++) model_insert(&m, id);
    for (uint64_t id = 0; id < universe; id++) {
        assert_ptr_equal(table_find_if(&m.table, m.hash(id) & TABLE_HASH_MASK, same_id, &id), m.in[id]);
        assert_null(table_find_if(&m.table, m.hash(id + universe), count_and_refuse, &calls));
    }
    assert_true(calls < universe / 10);
    model_deinit(&m);
}

static void test_drain(void **state)
{
    (void)state;
    for (size_t universe = 1; universe < 20000; universe = universe * 3 + 1) {
        hash_fn *const hashes[] = {hash_good, hash_half};
        for (size_t h = 0; h < 2; h++) {
            struct model m;
            size_t freed = 0, calls = 0;
            model_init(&m, hashes[h], universe * 2, 9);
            for (uint64_t id = 0; id < universe; id++) model_insert(&m, id);
            table_reserve(&m.table, universe * 3 / 2);
            table_check(&m.table);
            uint64_t extra = universe;
            memset(m.in, 0, universe * sizeof *m.in); /* the table frees them */
            while (!table_drain(&m.table, 37, rec_free, &freed)) {
                if (++calls % 8 == 0) table_check(&m.table);
                if (calls == 5 || calls == 20) { /* it stays usable in between */
                    struct rec *r = rec_new(extra);
                    table_insert(&m.table, m.hash(extra), r);
                    assert_ptr_equal(table_find(&m.table, m.hash(extra), &extra), r);
                    extra++;
                }
            }
            assert_int_equal(freed, extra);
            assert_int_equal(table_len(&m.table), 0);
            assert_int_equal(table_mem(&m.table), 0);
            table_check(&m.table);
            model_deinit(&m);
        }
    }
}

static void test_clear_and_reserve(void **state)
{
    (void)state;
    struct model m;
    size_t freed = 0;
    model_init(&m, hash_good, 10000, 11);
    table_reserve(&m.table, 10000);
    table_check(&m.table);
    size_t before = table_mem(&m.table);
    for (uint64_t id = 0; id < 10000; id++) model_insert(&m, id);
    table_check(&m.table);
    assert_true(table_mem(&m.table) < before * 12 / 10);
    memset(m.in, 0, 10000 * sizeof *m.in);
    table_clear(&m.table, rec_free, &freed);
    assert_int_equal(freed, 10000);
    assert_int_equal(table_mem(&m.table), 0);
    m.len = 0;
    model_run(&m, 20000, 3);
    model_deinit(&m);
}

static void test_memory(void **state)
{
    (void)state;
    struct model m;
    model_init(&m, hash_good, 100000, 13);
    assert_true(sizeof(struct table) + table_mem(&m.table) <= 128);
    double sum = 0;
    for (uint64_t id = 0; id < 100000; id++) {
        model_insert(&m, id);
        size_t mem = table_mem(&m.table);
        if (id < 8) assert_true(mem <= 64 + mem_good_size(8));
        if (id >= 1000 && id % 500 == 0) sum += (double)mem / (double)(id + 1) / 198;
    }
    assert_true(sum < 9.7);
    struct table_stats s;
    table_stats(&m.table, &s);
    assert_int_equal(s.len, 100000);
    assert_int_equal(s.stashed, 0);
    assert_int_equal(s.by_probe[0] + s.displaced, s.len);
    assert_true(s.by_probe[0] > s.len * 8 / 10);
    assert_true(s.longest_probe <= PROBE_MAX);
    for (uint64_t id = 0; id < 99000; id++) model_erase(&m, id);
    assert_true(table_mem(&m.table) < 1000 * 20); /* it shrinks */
    model_deinit(&m);
}

/* A child of fork shares the pages of a table that is only read. */
static uint64_t table_checksum(const struct table *t)
{
    uint64_t sum = hash_good(t->len + t->split);
    for (size_t k = 0; k < table_segments(t); k++) {
        uint64_t entry = *table_segment(t, k);
        sum = hash_good(sum ^ entry);
        const uint64_t *words = (const void *)entry_buckets(entry);
        for (size_t i = 0; i < entry_n(entry) * sizeof(struct bucket) / 8; i++) sum = hash_good(sum ^ words[i]);
    }
    return sum;
}

static void test_reading_writes_nothing(void **state)
{
    (void)state;
    struct model m;
    model_init(&m, hash_half, 5000, 17);
    for (uint64_t id = 0; id < 5000; id += 2) model_insert(&m, id);
    uint64_t before = table_checksum(&m.table), cursor = 0;
    for (uint64_t id = 0; id < 5000; id++) {
        table_prefetch_bucket(&m.table, m.hash(id));
        table_prefetch_record(&m.table, m.hash(id));
        assert_ptr_equal(table_find(&m.table, m.hash(id), &id), m.in[id]);
        table_random(&m.table, &m.prng);
    }
    while ((cursor = table_scan(&m.table, cursor, rec_see, NULL)) != 0) {}
    assert_true(table_checksum(&m.table) == before);
    model_deinit(&m);
}

static void test_epoch(void **state)
{
    (void)state;
    struct model m;
    model_init(&m, hash_good, 100000, 19);
    assert_int_equal(table_epoch(&m.table, 77), 0);
    for (uint64_t id = 0; id < 1000; id++) model_insert(&m, id);
    for (uint64_t id = 0; id < 1000; id++) table_set_epoch(&m.table, m.hash(id), 5);
    for (uint64_t id = 0; id < 1000; id++) assert_int_equal(table_epoch(&m.table, m.hash(id)), 5);
    table_set_epoch(&m.table, m.hash(3), 6);
    for (uint64_t id = 1000; id < 20000; id++) model_insert(&m, id);
    /* Growth never makes an epoch later than it was. */
    for (uint64_t id = 0; id < 1000; id++) assert_true(table_epoch(&m.table, m.hash(id)) <= 6);
    model_deinit(&m);
}

/* The struct may be moved: SWAPDB does. */
static void test_moves(void **state)
{
    (void)state;
    struct model m;
    model_init(&m, hash_good, 3000, 23);
    for (uint64_t id = 0; id < 3000; id++) model_insert(&m, id);
    struct table moved = m.table;
    memset(&m.table, 0xee, sizeof m.table);
    m.table = moved;
    memset(&moved, 0xee, sizeof moved);
    model_compare(&m);
    model_deinit(&m);
}

/* As if the elements were read from another table with the same hash. A segment that is halved may leave one half with
 * nothing but what waits in the stash. With a salt the order means nothing. */
static void test_in_the_order_of_the_hash(void **state)
{
    (void)state;
    static const uint32_t salts[] = {0, 1, 2, 12345, 0x80000000, UINT32_MAX};
    for (size_t s = 0; s < ARRAY_LEN(salts); s++) {
        struct model m;
        struct table_stats stats;
        size_t universe = EFFORT > 1 ? 100000 : 20000;
        model_init(&m, hash_ascending, universe, 37);
        table_set_salt(&m.table, salts[s]);
        for (uint64_t id = 0; id < universe; id++) {
            model_insert(&m, id);
            if (id % (universe / 8) == 0) model_compare(&m);
            if (id % 1000 != 0 || salts[s] == 0) continue;
            table_stats(&m.table, &stats);
            assert_int_equal(stats.stashed, 0);
        }
        model_compare(&m);
        for (uint64_t id = 0; id < universe; id += 3) model_erase(&m, id);
        model_compare(&m);
        model_scan(&m);
        assert_int_equal(table_salt(&m.table), salts[s]);
        model_deinit(&m);
    }
}

static void test_millions(void **state)
{
    (void)state;
    struct model m;
    size_t universe = EFFORT > 1 ? 1500000 : 60000;
    model_init(&m, hash_good, universe, 29);
    for (uint64_t id = 0; id < universe; id++) model_insert(&m, id);
    model_compare(&m);
    for (size_t i = 0; i < universe; i++) {
        uint64_t id = prng_below(&m.prng, universe);
        if (m.in[id] == NULL) {
            model_insert(&m, id);
        } else {
            model_erase(&m, id);
        }
    }
    model_compare(&m);
    model_scan(&m);
    model_deinit(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_model),
        cmocka_unit_test(test_model_small_steps),
        cmocka_unit_test(test_scan_guarantee),
        cmocka_unit_test(test_scan_any_cursor),
        cmocka_unit_test(test_random_uniform),
        cmocka_unit_test(test_find_if),
        cmocka_unit_test(test_drain),
        cmocka_unit_test(test_clear_and_reserve),
        cmocka_unit_test(test_memory),
        cmocka_unit_test(test_reading_writes_nothing),
        cmocka_unit_test(test_epoch),
        cmocka_unit_test(test_moves),
        cmocka_unit_test(test_in_the_order_of_the_hash),
        cmocka_unit_test(test_millions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
