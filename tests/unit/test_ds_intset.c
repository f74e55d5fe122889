/* The intset: bytes as redis-server 7.0.15 dumps them, the borders of the widths, a model test against an array, and
 * blocks that are not intsets. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/mem.h"
#include "base/prng.h"
#include "ds/intset.h"

#include <stdio.h>
#include <string.h>

static size_t unhex(const char *hex, uint8_t *out)
{
    size_t n = strlen(hex) / 2;
    for (size_t i = 0; i < n; i++) {
        unsigned v;
        assert_int_equal(sscanf(hex + 2 * i, "%2x", &v), 1);
        out[i] = (uint8_t)v;
    }
    return n;
}

static void assert_bytes(const struct intset *set, const char *hex)
{
    uint8_t want[128];
    size_t n = unhex(hex, want);
    intset_check(set);
    assert_int_equal(intset_size(set), n);
    assert_memory_equal(intset_bytes(set).ptr, want, n);
}

/* The value of DUMP after SADD with these. */
static const struct golden {
    int64_t members[4];
    size_t len;
    const char *hex;
} goldens[] = {
    {{3, 1, 2}, 3, "0200000003000000010002000300"},
    {{-5, 300, 7}, 3, "0200000003000000fbff07002c01"},
    {{1, 70000, -70000}, 3, "040000000300000090eefeff0100000070110100"},
    {{5, INT64_MAX, INT64_MIN, 0}, 4,
     "0800000004000000000000000000008000000000000000000500000000000000ffffffffffffff7f"},
    {{32767, -32768}, 2, "02000000020000000080ff7f"},
    {{32768}, 1, "040000000100000000800000"},
    {{-32769}, 1, "0400000001000000ff7fffff"},
    {{INT32_MAX, INT32_MIN}, 2, "040000000200000000000080ffffff7f"},
    {{(int64_t)INT32_MAX + 1}, 1, "08000000010000000000008000000000"},
    {{(int64_t)INT32_MIN - 1}, 1, "0800000001000000ffffff7fffffffff"},
};

static void test_golden(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(goldens); i++) {
        struct intset *set = intset_new();
        bool added;
        for (int round = 0; round < 2; round++) {
            for (size_t k = 0; k < goldens[i].len; k++) {
                set = intset_add(set, goldens[i].members[k], &added);
                assert_int_equal(added, round == 0);
                intset_check(set);
            }
            assert_bytes(set, goldens[i].hex);
        }
        struct intset *other = intset_from_bytes(intset_bytes(set));
        assert_bytes(other, goldens[i].hex);
        intset_free(other);
        intset_free(set);
    }
}

static void test_width_stays(void **state)
{
    (void)state;
    bool removed;
    struct intset *set = intset_add(intset_add(intset_add(intset_new(), 70000, NULL), 1, NULL), 2, NULL);
    assert_int_equal(intset_width(set), 4);
    set = intset_remove(set, 70000, &removed);
    assert_true(removed);
    assert_bytes(set, "04000000020000000100000002000000");
    set = intset_remove(set, INT64_MAX, &removed);
    assert_false(removed);
    set = intset_remove(intset_remove(set, 1, NULL), 2, NULL);
    assert_bytes(set, "0400000000000000");
    assert_false(intset_contains(set, 0));
    intset_free(set);
    set = intset_new();
    assert_bytes(set, "0200000000000000");
    intset_free(set);
}

enum { MODEL_MAX = 400, STEPS = 60000 };

static size_t model_seek(const int64_t *model, size_t len, int64_t value)
{
    size_t at = 0;
    while (at < len && model[at] < value) at++;
    return at;
}

static void model_check(const struct intset *set, const int64_t *model, size_t len)
{
    intset_check(set);
    assert_int_equal(intset_len(set), len);
    for (size_t i = 0; i < len; i++) assert_true(intset_get(set, i) == model[i]);
    if (len > 0) assert_true(intset_min(set) == model[0] && intset_max(set) == model[len - 1]);
    assert_true(intset_mem(set) >= intset_size(set));
}

static void run_model(uint64_t seed, size_t len_max, unsigned bits_max)
{
    int64_t model[MODEL_MAX];
    size_t len = 0;
    struct prng p;
    prng_init(&p, seed);
    struct intset *set = intset_new();
    for (int step = 0; step < STEPS; step++) {
        int64_t value = (int64_t)(prng_u64(&p) >> (64 - bits_max) >> prng_below(&p, bits_max));
        if (prng_below(&p, 2)) value = (int64_t)(0 - (uint64_t)value);
        if (len > 0 && prng_below(&p, 2)) value = model[prng_below(&p, len)];
        size_t at = model_seek(model, len, value);
        bool in = at < len && model[at] == value, changed;
        assert_int_equal(intset_contains(set, value), in);
        assert_int_equal(intset_seek(set, value), at);
        if (len < len_max && prng_below(&p, 5) < 3) {
            set = intset_add(set, value, &changed);
            assert_int_equal(changed, !in);
            if (!in) {
                memmove(model + at + 1, model + at, (len - at) * sizeof model[0]);
                model[at] = value;
                len++;
            }
        } else {
            set = intset_remove(set, value, &changed);
            assert_int_equal(changed, in);
            if (in) memmove(model + at, model + at + 1, (--len - at) * sizeof model[0]);
        }
        model_check(set, model, len);
        if (step % 1000 == 0) {
            struct intset *copy = intset_dup(set);
            model_check(copy, model, len);
            intset_free(set);
            set = copy;
        }
        if (step % 20000 == 19999) { /* begin again with narrow members */
            intset_free(set);
            set = intset_new();
            len = 0;
        }
    }
    intset_free(set);
}

static void test_model(void **state)
{
    (void)state;
    run_model(1, 20, 64);
    run_model(2, 10, 18);
    run_model(3, 50, 34);
    run_model(4, 400, 10);
}

static void test_random(void **state)
{
    (void)state;
    size_t drawn[10] = {0};
    struct prng p;
    prng_init(&p, 1);
    struct intset *set = intset_new();
    for (int i = 9; i >= 0; i--) set = intset_add(set, i, NULL);
    for (int i = 0; i < 20000; i++) drawn[intset_random(set, &p)]++;
    for (int i = 0; i < 10; i++) assert_in_range(drawn[i], 2000 - 220, 2000 + 220);
    set = intset_remove_at(set, 3);
    assert_false(intset_contains(set, 3));
    assert_int_equal(intset_len(set), 9);
    intset_free(set);
}

static bool valid_hex(const char *hex, bool deep)
{
    uint8_t bytes[128];
    size_t len = unhex(hex, bytes);
    uint8_t *copy = mem_alloc(len); /* of exactly its size, so that the sanitizer sees a read behind it */
    memcpy(copy, bytes, len);
    bool ok = intset_validate(slice_of(copy, len), deep);
    mem_free(copy);
    return ok;
}

static void test_validate(void **state)
{
    (void)state;
    assert_false(intset_validate(slice_of(NULL, 0), true));
    assert_false(valid_hex("02000000000000", true));
    assert_true(valid_hex("0200000000000000", true));
    assert_true(valid_hex("0200000002000000ffff0000", true));
    assert_false(valid_hex("02000000020000000000ffff", true)); /* descends */
    assert_true(valid_hex("02000000020000000000ffff", false));
    assert_false(valid_hex("020000000200000001000100", true)); /* twice */
    assert_false(valid_hex("020000000200000001000200ff", true));
    assert_false(valid_hex("0200000002000000010002", true));
    assert_false(valid_hex("0300000000000000", true));
    assert_false(valid_hex("0000000000000000", true));
    assert_false(valid_hex("1000000000000000", true));
    assert_false(valid_hex("0200000000000080", true)); /* len * width is 2^32 */
    assert_false(valid_hex("0800000000000020", true));
    assert_true(valid_hex("0800000001000000ffffff7fffffffff", true));
    assert_false(valid_hex("0800000001000000ffffff7fffffff", false));
}

int main(void)
{
    mem_thread_init();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_golden), cmocka_unit_test(test_width_stays), cmocka_unit_test(test_model),
        cmocka_unit_test(test_random), cmocka_unit_test(test_validate),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
