/* The heap against an array of keys. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/mem.h"
#include "base/prng.h"
#include "ds/heap.h"

enum { NODES = 200, ABSENT = -1 };

static void check_min(const struct heap *h, const int64_t *keys)
{
    int64_t min = ABSENT;
    size_t len = 0;
    for (int i = 0; i < NODES; i++) {
        if (keys[i] == ABSENT) continue;
        len++;
        if (min == ABSENT || keys[i] < min) min = keys[i];
    }
    assert_int_equal(heap_len(h), len);
    heap_check(h);
    if (len == 0) {
        assert_null(heap_min(h));
        assert_true(heap_min_key(h) == UINT64_MAX);
    } else {
        assert_int_equal(heap_min_key(h), min);
        assert_int_equal(heap_key(h, heap_min(h)), min);
    }
}

static void test_model(void **state)
{
    (void)state;
    struct heap h;
    struct heap_node nodes[NODES] = {{0}};
    int64_t keys[NODES];
    struct prng p;
    prng_init(&p, 5);
    heap_init(&h);
    for (int i = 0; i < NODES; i++) keys[i] = ABSENT;
    for (int step = 0; step < 60000; step++) {
        int i = (int)prng_below(&p, NODES);
        unsigned phase = step / 5000 % 2 ? 30 : 70; /* grows, then shrinks */
        if (prng_below(&p, 100) < phase) {
            keys[i] = (int64_t)prng_below(&p, 50 + (uint64_t)step % 1000);
            heap_set(&h, &nodes[i], (uint64_t)keys[i]);
            assert_int_equal(heap_key(&h, &nodes[i]), keys[i]);
        } else if (prng_below(&p, 2) == 0) {
            heap_remove(&h, &nodes[i]); /* it may be in none */
            keys[i] = ABSENT;
        } else if (heap_min(&h) != NULL) {
            struct heap_node *min = heap_min(&h);
            heap_remove(&h, min);
            keys[min - nodes] = ABSENT;
        }
        size_t early = 0;
        uint64_t until = prng_below(&p, 1000);
        for (int k = 0; k < NODES; k++) {
            assert_int_equal(heap_contains(&nodes[k]), keys[k] != ABSENT);
            early += keys[k] != ABSENT && (uint64_t)keys[k] <= until;
        }
        assert_int_equal(heap_count_until(&h, until, SIZE_MAX), early);
        assert_int_equal(heap_count_until(&h, until, 7), early < 7 ? early : 7);
        assert_int_equal(heap_all_until(&h, until), early == heap_len(&h));
        check_min(&h, keys);
    }
    while (heap_min(&h) != NULL) {
        uint64_t before = heap_min_key(&h);
        heap_remove(&h, heap_min(&h));
        assert_true(heap_min_key(&h) >= before);
    }
    assert_null(h.entries);
    heap_deinit(&h);
}

static void test_moved(void **state)
{
    (void)state;
    enum { FEW = 20 };
    struct heap h;
    struct heap_node before[FEW] = {{0}}, after[FEW];
    heap_init(&h);
    assert_int_equal(heap_count_until(&h, UINT64_MAX, SIZE_MAX), 0);
    for (uint64_t i = 0; i < FEW; i++) heap_set(&h, &before[i], 100 - i);
    for (int i = 0; i < FEW; i++) {
        after[i] = before[i];
        heap_moved(&h, &after[i]);
        heap_check(&h);
    }
    for (uint64_t i = FEW; i-- > 0;) {
        assert_ptr_equal(heap_min(&h), &after[i]);
        assert_true(heap_key(&h, &after[i]) == 100 - i);
        heap_remove(&h, &after[i]);
    }
    heap_deinit(&h);
}

static void test_extreme_keys(void **state)
{
    (void)state;
    struct heap h;
    struct heap_node a = {0}, b = {0}, c = {0};
    heap_init(&h);
    heap_set(&h, &a, UINT64_MAX);
    heap_set(&h, &b, 0);
    heap_set(&h, &c, UINT64_MAX);
    assert_ptr_equal(heap_min(&h), &b);
    heap_set(&h, &b, UINT64_MAX);
    heap_set(&h, &c, 1);
    assert_ptr_equal(heap_min(&h), &c);
    heap_check(&h);
    heap_deinit(&h);
    heap_deinit(&h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_model),
        cmocka_unit_test(test_moved),
        cmocka_unit_test(test_extreme_keys),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
