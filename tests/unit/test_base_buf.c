/* The growable buffer: growth, printing into it, and a model of random steps. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/prng.h"

#include <stdlib.h>

static void buf_holds(const struct buf *b, const char *want)
{
    if (!slice_eq(buf_slice(b), slice_cstr(want))) fail_msg("%.*s is not %s", (int)b->len, b->data, want);
}

static void test_append(void **state)
{
    (void)state;
    struct buf b = BUF_INIT;
    assert_int_equal(buf_slice(&b).len, 0);
    buf_append(&b, NULL, 0);
    assert_null(b.data);
    assert_string_equal(buf_cstr(&b), "");
    buf_append(&b, "ab", 2);
    buf_append_char(&b, '-');
    buf_append_i64(&b, INT64_MIN);
    buf_append_slice(&b, SLICE(" end"));
    buf_holds(&b, "ab--9223372036854775808 end");
    assert_string_equal(buf_cstr(&b), "ab--9223372036854775808 end");
    buf_consume(&b, 0);
    buf_consume(&b, 3);
    buf_holds(&b, "-9223372036854775808 end");
    buf_consume(&b, b.len);
    buf_holds(&b, "");
    buf_deinit(&b);
    assert_null(b.data);
    buf_append_char(&b, 'x');
    buf_holds(&b, "x");
    buf_deinit(&b);
    buf_deinit(&b);
}

static void test_growth(void **state)
{
    (void)state;
    enum { TOTAL = 5 * 1024 * 1024 };
    struct buf b = BUF_INIT;
    int growths = 0;
    size_t cap = 0;
    for (size_t i = 0; i < TOTAL; i++) {
        buf_append_char(&b, (char)(i * 7));
        if (b.cap == cap) continue;
        growths++;
        cap = b.cap;
    }
    assert_int_equal(b.len, TOTAL);
    assert_true(growths < 30);
    assert_true(b.cap <= TOTAL + 2 * 1024 * 1024);
    assert_true(b.cap <= mem_usable(b.data));
    for (size_t i = 0; i < TOTAL; i++) {
        if (b.data[i] != (char)(i * 7)) fail_msg("byte %zu is wrong", i);
    }
    buf_clear(&b);
    assert_int_equal(b.cap, cap);
    buf_append(&b, "abc", 3);
    buf_shrink(&b);
    assert_true(b.cap >= 3 && b.cap < 100);
    buf_holds(&b, "abc");
    buf_clear(&b);
    buf_shrink(&b);
    assert_int_equal(b.cap, 0);
    assert_null(b.data);
    buf_reserve(&b, 100000);
    assert_true(b.cap >= 100000);
    assert_int_equal(b.len, 0);
    buf_deinit(&b);
}

static void test_format(void **state)
{
    (void)state;
    struct buf b = BUF_INIT;
    buf_appendf(&b, "%s", "");
    buf_holds(&b, "");
    buf_appendf(&b, "%d:%s", 42, "x");
    buf_holds(&b, "42:x");
    /* Every length around the room that is left. */
    for (int len = 0; len < 300; len++) {
        buf_clear(&b);
        buf_shrink(&b);
        buf_append(&b, "abc", 3);
        buf_appendf(&b, "%0*d", len, 0);
        size_t want = 3 + (size_t)(len == 0 ? 1 : len);
        assert_int_equal(b.len, want);
        assert_int_equal(strspn(buf_cstr(&b) + 3, "0"), want - 3);
    }
    buf_deinit(&b);
}

static void test_repr(void **state)
{
    (void)state;
    struct buf b = BUF_INIT;
    buf_append_repr(&b, SLICE("a b\n\r\t\a\b\\\"\0\x01\x7f\xff~ "));
    buf_holds(&b, "\"a b\\n\\r\\t\\a\\b\\\\\\\"\\x00\\x01\\x7f\\xff~ \"");
    buf_clear(&b);
    buf_append_repr(&b, slice_of(NULL, 0));
    buf_holds(&b, "\"\"");
    buf_deinit(&b);
}

static void test_model(void **state)
{
    (void)state;
    enum { MODEL_MAX = 4096 };
    char model[MODEL_MAX];
    size_t len = 0;
    struct buf b = BUF_INIT;
    struct prng rng;
    prng_init(&rng, 10);
    for (int step = 0; step < 50000; step++) {
        char piece[64];
        size_t n = prng_below(&rng, sizeof piece);
        switch (prng_below(&rng, 5)) {
        case 0:
        case 1:
            if (len + n > MODEL_MAX) break;
            memset(piece, (int)step, n);
            buf_append(&b, piece, n);
            memcpy(model + len, piece, n);
            len += n;
            break;
        case 2:
            n = n < len ? n : len;
            buf_consume(&b, n);
            memmove(model, model + n, len - n);
            len -= n;
            break;
        case 3: buf_shrink(&b); break;
        case 4: buf_reserve(&b, n); break;
        }
        assert_true(b.len <= b.cap);
        assert_int_equal(b.data == NULL, b.cap == 0);
        if (!slice_eq(buf_slice(&b), slice_of(model, len))) fail_msg("step %d differs", step);
    }
    buf_deinit(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_append), cmocka_unit_test(test_growth), cmocka_unit_test(test_format),
        cmocka_unit_test(test_repr),   cmocka_unit_test(test_model),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
