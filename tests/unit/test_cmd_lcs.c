/* LCS: against a plain recursion on small strings, and the examples of the command's documentation. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/prng.h"
#include "cmd/lcs.h"

static uint32_t plain_length(struct slice a, struct slice b)
{
    if (a.len == 0 || b.len == 0) return 0;
    struct slice a1 = slice_of(a.ptr, a.len - 1), b1 = slice_of(b.ptr, b.len - 1);
    if (a.ptr[a1.len] == b.ptr[b1.len]) return plain_length(a1, b1) + 1;
    uint32_t x = plain_length(a1, b), y = plain_length(a, b1);
    return x > y ? x : y;
}

/* Runs go backwards, do not overlap, are equal in both strings and add up to the length. */
static void check(struct slice a, struct slice b, uint32_t expected)
{
    struct lcs l;
    uint32_t len, total = 0;
    size_t a_end = a.len, b_end = b.len;
    assert_true(lcs_length(a, b, &len));
    assert_int_equal(len, expected);
    assert_true(lcs_find(a, b, &l));
    assert_int_equal(l.len, expected);
    for (size_t i = 0; i < l.run_count; i++) {
        struct lcs_run r = l.runs[i];
        assert_true(r.len > 0 && r.a_start + r.len <= a_end && r.b_start + r.len <= b_end);
        assert_memory_equal(a.ptr + r.a_start, b.ptr + r.b_start, r.len);
        a_end = r.a_start;
        b_end = r.b_start;
        total += r.len;
    }
    assert_int_equal(total, expected);
    lcs_deinit(&l);
}

static void test_random(void **state)
{
    (void)state;
    struct prng p;
    prng_init(&p, 3);
    for (int i = 0; i < 3000; i++) {
        char a[9], b[9];
        size_t n = prng_below(&p, 9), m = prng_below(&p, 9);
        for (size_t j = 0; j < n; j++) a[j] = (char)('a' + prng_below(&p, 3));
        for (size_t j = 0; j < m; j++) b[j] = (char)('a' + prng_below(&p, 3));
        check(slice_of(a, n), slice_of(b, m), plain_length(slice_of(a, n), slice_of(b, m)));
    }
}

static void test_example(void **state)
{
    (void)state;
    struct lcs l;
    assert_true(lcs_find(SLICE("ohmytext"), SLICE("mynewtext"), &l));
    assert_int_equal(l.len, 6);
    assert_int_equal(l.run_count, 2);
    assert_int_equal(l.runs[0].a_start, 4);
    assert_int_equal(l.runs[0].b_start, 5);
    assert_int_equal(l.runs[0].len, 4);
    assert_int_equal(l.runs[1].a_start, 2);
    assert_int_equal(l.runs[1].b_start, 0);
    assert_int_equal(l.runs[1].len, 2);
    lcs_deinit(&l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_random), cmocka_unit_test(test_example)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
