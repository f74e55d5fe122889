/* Glob patterns: corners as redis-server answers them, a recursive model, and patterns made to take long. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/compiler.h"
#include "base/glob.h"
#include "base/prng.h"

#include <stdlib.h>

static const struct {
    const char *pattern, *text;
    bool nocase, match;
} cases[] = {
    {"", "", false, true},           {"", "a", false, false},         {"*", "", false, true},
    {"***", "", false, true},        {"?", "", false, false},         {"a", "", false, false},
    {"*", "anything", false, true},  {"h?llo", "hello", false, true}, {"h?llo", "hllo", false, false},
    {"h*llo", "heeeello", false, true}, {"*a*b*", "xxaxxbxx", false, true}, {"*a*b", "xxaxxbxx", false, false},
    {"a**b", "ab", false, true},     {"*aab", "aaaab", false, true},  {"a*a", "a", false, false},
    {"[abc]", "b", false, true},     {"[abc]", "d", false, false},    {"[^abc]", "d", false, true},
    {"[^abc]", "a", false, false},   {"[a-c]", "b", false, true},     {"[c-a]", "b", false, true},
    {"[a-c]x", "bx", false, true},   {"[]", "a", false, false},       {"[^]", "a", false, true},
    {"[a", "a", false, true},        {"[a", "b", false, false},       {"[^a", "b", false, true},
    {"[", "[", false, false},        {"[", "a", false, false},        {"[^", "a", false, true},
    {"[a-", "-", false, true},       {"[a-]", "]", false, true},      {"[a-]", "`", false, true},
    {"[a-]", "-", false, false},     {"[\\]]", "]", false, true},     {"[\\^a]", "^", false, true},
    {"[\\-a]", "-", false, true},    {"[a\\", "\\", false, true},     {"\\*", "*", false, true},
    {"\\*", "a", false, false},      {"\\", "\\", false, true},       {"a\\", "a\\", false, true},
    {"\\a", "a", false, true},       {"\\\\", "\\", false, true},     {"\\[a]", "[a]", false, true},
    {"ABC", "abc", true, true},      {"ABC", "abc", false, false},    {"\\ABC", "abc", true, true},
    {"[A-C]", "b", true, true},      {"[\\A]", "a", true, false},     {"[^\\A]", "a", true, true},
    {"[Z-a]", "_", true, false},     {"[Z-a]", "_", false, true},     {"a-b", "a-b", false, true},
    {"[\x80-\xff]", "\xc3", false, true}, {"[a-\xff]", "A", false, true}, {"[a-\xff]", "z", false, false},
};

static void test_cases(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        bool got = glob_match(slice_cstr(cases[i].pattern), slice_cstr(cases[i].text), cases[i].nocase);
        if (got != cases[i].match) fail_msg("\"%s\" and \"%s\": %d", cases[i].pattern, cases[i].text, got);
    }
}

static void test_binary(void **state)
{
    (void)state;
    assert_true(glob_match(slice_of("a\0?", 3), slice_of("a\0\0", 3), false));
    assert_true(glob_match(slice_of("*\0", 2), slice_of("\0\0\0", 3), false));
    assert_false(glob_match(slice_of("a", 1), slice_of("a\0", 2), false));
    assert_true(glob_match(slice_of(NULL, 0), slice_of(NULL, 0), false));
    assert_false(glob_match(slice_of(NULL, 0), slice_of("a", 1), false));
}

/* Letters, `?` and `*` only, by the definition. */
static bool model(const char *p, size_t p_len, const char *t, size_t t_len)
{
    if (p_len == 0) return t_len == 0;
    if (*p == '*') {
        for (size_t skip = 0; skip <= t_len; skip++) {
            if (model(p + 1, p_len - 1, t + skip, t_len - skip)) return true;
        }
        return false;
    }
    return t_len > 0 && (*p == '?' || *p == *t) && model(p + 1, p_len - 1, t + 1, t_len - 1);
}

static void test_model(void **state)
{
    (void)state;
    struct prng rng;
    prng_init(&rng, 8);
    for (int i = 0; i < 200000; i++) {
        char pattern[8], text[8];
        size_t p_len = prng_below(&rng, sizeof pattern + 1), t_len = prng_below(&rng, sizeof text + 1);
        for (size_t k = 0; k < p_len; k++) pattern[k] = "ab**?"[prng_below(&rng, 5)];
        for (size_t k = 0; k < t_len; k++) text[k] = "ab"[prng_below(&rng, 2)];
        bool got = glob_match(slice_of(pattern, p_len), slice_of(text, t_len), false);
        assert_int_equal(got, model(pattern, p_len, text, t_len));
    }
}

/* Any bytes at the end of their own allocations: nothing is read behind them. */
static void test_any_bytes(void **state)
{
    (void)state;
    struct prng rng;
    prng_init(&rng, 9);
    for (int i = 0; i < 100000; i++) {
        size_t p_len = prng_below(&rng, 9), t_len = prng_below(&rng, 5);
        char *pattern = malloc(p_len + 1), *text = malloc(t_len + 1);
        for (size_t k = 0; k < p_len; k++) pattern[k + 1] = "ab[]^-\\*?"[prng_below(&rng, 9)];
        for (size_t k = 0; k < t_len; k++) text[k + 1] = "ab[]^-\\*?"[prng_below(&rng, 9)];
        struct slice p = slice_of(pattern + 1, p_len), t = slice_of(text + 1, t_len);
        bool got = glob_match(p, t, false);
        if (glob_is_literal(p)) assert_int_equal(got, slice_eq(p, t));
        free(pattern);
        free(text);
    }
}

static void test_long_patterns_end(void **state)
{
    (void)state;
    enum { STARS = 2000, TEXT = 20000 };
    char *pattern = malloc(2 * STARS + 1), *text = malloc(TEXT);
    for (size_t i = 0; i < STARS; i++) memcpy(pattern + 2 * i, "*a", 2);
    pattern[2 * STARS] = 'b';
    memset(text, 'a', TEXT);
    assert_false(glob_match(slice_of(pattern, 2 * STARS + 1), slice_of(text, TEXT), false));
    assert_true(glob_match(slice_of(pattern, 2 * STARS), slice_of(text, TEXT), false));
    memset(pattern, '*', 2 * STARS);
    assert_false(glob_match(slice_of(pattern, 2 * STARS + 1), slice_of(text, TEXT), false));
    free(pattern);
    free(text);
}

static void test_literal(void **state)
{
    (void)state;
    assert_true(glob_is_literal(SLICE("")));
    assert_true(glob_is_literal(SLICE("user:1000]^-")));
    assert_true(glob_is_literal(slice_of("a\0b", 3)));
    assert_false(glob_is_literal(SLICE("a*")));
    assert_false(glob_is_literal(SLICE("a?")));
    assert_false(glob_is_literal(SLICE("[a")));
    assert_false(glob_is_literal(SLICE("a\\")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cases),     cmocka_unit_test(test_binary),            cmocka_unit_test(test_model),
        cmocka_unit_test(test_any_bytes), cmocka_unit_test(test_long_patterns_end), cmocka_unit_test(test_literal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
