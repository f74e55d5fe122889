/* Numbers: extremes, refusals, and random round trips against the C library. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/num.h"
#include "base/prng.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static void i64_reads(const char *text, int64_t want)
{
    int64_t got = 77;
    assert_int_equal(slice_to_i64(slice_cstr(text), &got), ST_OK);
    assert_true(got == want);
}

static void test_i64_accepts(void **state)
{
    (void)state;
    i64_reads("0", 0);
    i64_reads("7", 7);
    i64_reads("-1", -1);
    i64_reads("1234567890", 1234567890);
    i64_reads("9223372036854775807", INT64_MAX);
    i64_reads("-9223372036854775808", INT64_MIN);
    i64_reads("999999999999999999", 999999999999999999);
}

static void test_i64_refuses(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",    "-",   "+1",  " 1",  "1 ",  "01",  "-0",  "-01",  "00",
        "1.0", "1e3", "0x1", "abc", "1a",  "--1", "/",   ":",    "9223372036854775808",
        "-9223372036854775809", "18446744073709551616", "99999999999999999999", "100000000000000000000",
        "-18446744073709551617", "999999999999999999999999999999999999999999999999",
    };
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        int64_t v = 42;
        if (slice_to_i64(slice_cstr(bad[i]), &v) != ST_NOT_INT) fail_msg("accepted \"%s\"", bad[i]);
    }
    int64_t v;
    assert_int_equal(slice_to_i64(slice_of("1\0", 2), &v), ST_NOT_INT);
    assert_int_equal(slice_to_i64(slice_of(NULL, 0), &v), ST_NOT_INT);
}

static void test_u64(void **state)
{
    (void)state;
    uint64_t v;
    assert_int_equal(slice_to_u64(SLICE("18446744073709551615"), &v), ST_OK);
    assert_true(v == UINT64_MAX);
    assert_int_equal(slice_to_u64(SLICE("10000000000000000000"), &v), ST_OK);
    assert_true(v == 10000000000000000000u);
    assert_int_equal(slice_to_u64(SLICE("18446744073709551616"), &v), ST_NOT_INT);
    assert_int_equal(slice_to_u64(SLICE("99999999999999999999"), &v), ST_NOT_INT);
    assert_int_equal(slice_to_u64(SLICE("-1"), &v), ST_NOT_INT);
    assert_int_equal(slice_to_u64(SLICE("1844674407370955161a"), &v), ST_NOT_INT);
}

static void i64_round_trip(int64_t v)
{
    char want[32], got[NUM_I64_TEXT_MAX];
    int want_len = snprintf(want, sizeof want, "%" PRId64, v);
    assert_int_equal(i64_to_text(got, v), want_len);
    assert_memory_equal(got, want, (size_t)want_len);
    i64_reads(want, v);
    uint64_t u = (uint64_t)v, back;
    want_len = snprintf(want, sizeof want, "%" PRIu64, u);
    assert_int_equal(u64_to_text(got, u), want_len);
    assert_memory_equal(got, want, (size_t)want_len);
    assert_int_equal(slice_to_u64(slice_cstr(want), &back), ST_OK);
    assert_true(back == u);
}

static void test_integers_round_trip(void **state)
{
    (void)state;
    static const int64_t edges[] = {0, 9, 10, 99, 100, 999, 1000, 9999, 10000, 99999, 100000, INT32_MAX, INT32_MIN,
                                    INT64_MAX, INT64_MAX - 1, INT64_MIN, INT64_MIN + 1};
    for (size_t i = 0; i < ARRAY_LEN(edges); i++) i64_round_trip(edges[i]);
    for (uint64_t p = 1, i = 0; i < 20; i++, p *= 10) {
        i64_round_trip((int64_t)p);
        i64_round_trip((int64_t)(p - 1));
        i64_round_trip(-(int64_t)(p / 2));
    }
    struct prng rng;
    prng_init(&rng, 1);
    for (int i = 0; i < 100000; i++) i64_round_trip((int64_t)(prng_u64(&rng) >> prng_below(&rng, 64)));
}

static void test_bytes(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        uint64_t bytes;
    } good[] = {
        {"0", 0},           {"12", 12},        {"12b", 12},        {"1k", 1000},
        {"1K", 1000},       {"1kb", 1024},     {"1KB", 1024},      {"3m", 3000000},
        {"3mb", 3145728},   {"2g", 2000000000}, {"2GB", 2147483648}, {"007mB", 7340032},
        {"18446744073709551615", UINT64_MAX},
    };
    static const char *const bad[] = {"", "b", "kb", "-1", "-1kb", "+1", " 1", "1 kb", "1.5gb", "1tb", "1kbb",
                                      "18446744073709551616", "18446744073709551615k", "17179869184gb"};
    uint64_t v;
    for (size_t i = 0; i < ARRAY_LEN(good); i++) {
        assert_int_equal(slice_to_bytes(slice_cstr(good[i].text), &v), ST_OK);
        assert_true(v == good[i].bytes);
    }
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        if (slice_to_bytes(slice_cstr(bad[i]), &v) != ST_NOT_INT) fail_msg("accepted \"%s\"", bad[i]);
    }
}

static void double_reads(const char *text, double want)
{
    double got = 77;
    if (slice_to_double(slice_cstr(text), &got) != ST_OK) fail_msg("refused \"%s\"", text);
    assert_memory_equal(&got, &want, sizeof got);
}

static void test_double_reads(void **state)
{
    (void)state;
    double_reads("0", 0);
    double_reads("-0", -0.0);
    double_reads("+1", 1);
    double_reads("1.", 1);
    double_reads(".5", 0.5);
    double_reads("-.5", -0.5);
    double_reads("00012", 12);
    double_reads("0.1", 0.1);
    double_reads("3.14159265358979", 3.14159265358979);
    double_reads("123456789012345678", 123456789012345678.0);
    double_reads("1e5", 1e5);
    double_reads("1E-7", 1e-7);
    double_reads("0x10", 16);
    double_reads("0x1p3", 8);
    double_reads("inf", INFINITY);
    double_reads("-Inf", -INFINITY);
    double_reads("+INFINITY", INFINITY);
    double_reads("5e-324", 5e-324);
    double_reads("1e-310", 1e-310);
    double_reads("1.7976931348623157e308", 1.7976931348623157e308);
    char long_text[3000];
    memset(long_text, '0', sizeof long_text);
    long_text[1] = '.';
    long_text[sizeof long_text - 2] = '\0';
    double_reads(long_text, 0);
    long_text[0] = '1';
    double_reads(long_text, 1);
}

static void test_double_refuses(void **state)
{
    (void)state;
    static const char *const bad[] = {"",    " 1",  "1 ",   "\t1",  "nan", "-nan",  "NaN(1)", ".",     "+",  "-",
                                      "1e",  "1.2.3", "abc", "1,5", "0x",  "infin", "1e400",  "-1e400", "1e-400"};
    double v;
    long double lv;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        if (slice_to_double(slice_cstr(bad[i]), &v) != ST_NOT_FLOAT) fail_msg("accepted \"%s\"", bad[i]);
        if (strchr(bad[i], '4') != NULL) continue; /* a long double holds 1e400 */
        if (slice_to_long_double(slice_cstr(bad[i]), &lv) != ST_NOT_FLOAT) fail_msg("accepted \"%s\"", bad[i]);
    }
    assert_int_equal(slice_to_double(slice_of("1\0", 2), &v), ST_NOT_FLOAT);
    assert_int_equal(slice_to_double(slice_of("1\0002", 3), &v), ST_NOT_FLOAT);
    assert_int_equal(slice_to_double(slice_of("\0", 1), &v), ST_NOT_FLOAT);
    assert_int_equal(slice_to_long_double(slice_of("1\0", 2), &lv), ST_NOT_FLOAT);
    assert_int_equal(slice_to_long_double(SLICE("1e5000"), &lv), ST_NOT_FLOAT);
    assert_int_equal(slice_to_long_double(SLICE("1e-5000"), &lv), ST_NOT_FLOAT);
}

static void double_prints(double v, const char *want)
{
    char got[NUM_DOUBLE_TEXT_MAX];
    assert_int_equal(double_to_text(got, v), (int)strlen(want));
    assert_string_equal(got, want);
}

static void test_double_prints(void **state)
{
    (void)state;
    double_prints(0, "0");
    double_prints(-0.0, "-0");
    double_prints(3, "3");
    double_prints(-3, "-3");
    double_prints(0.1, "0.1");
    double_prints(1.1, "1.1");
    double_prints(-2.5, "-2.5");
    double_prints(0.1 + 0.2, "0.30000000000000004");
    double_prints(13.361389338970184, "13.361389338970184");
    double_prints(1.0 / 3, "0.3333333333333333");
    double_prints(1e-6, "0.000001");
    double_prints(1e-7, "1e-7");
    double_prints(1.5e-7, "1.5e-7");
    double_prints(1e17, "100000000000000000");
    double_prints(9007199254740992, "9007199254740992");
    double_prints(-0x1p62, "-4611686018427387904");
    double_prints(1e20, "1e+20");
    double_prints(-1e20, "-1e+20");
    double_prints(1.5e300, "1.5e+300");
    double_prints(5e-324, "5e-324");
    double_prints(2.2250738585072014e-308, "2.2250738585072014e-308");
    double_prints(2.225073858507201e-308, "2.225073858507201e-308");
    double_prints(-1.7976931348623157e308, "-1.7976931348623157e+308");
    double_prints(INFINITY, "inf");
    double_prints(-INFINITY, "-inf");
    double_prints(NAN, "nan");
}

/* How many significant digits a text has, zeros at either end not counted. */
static int significant_digits(const char *text)
{
    int digits = 0, zeros = 0;
    for (; *text != '\0' && *text != 'e'; text++) {
        if (*text == '0') {
            if (digits > 0) zeros++;
        } else if (*text >= '1' && *text <= '9') {
            digits += zeros + 1;
            zeros = 0;
        }
    }
    return digits;
}

static void double_round_trip(double v)
{
    char text[NUM_DOUBLE_TEXT_MAX], shorter[64];
    int len = double_to_text(text, v);
    assert_int_equal(len, (int)strlen(text));
    double_reads(text, v);
    bool integer = fabs(v) <= 0x1p62 && v == floor(v); /* printed in full */
    int digits = significant_digits(text);
    if (integer || digits < 2) return;
    snprintf(shorter, sizeof shorter, "%.*e", digits - 2, v);
    if (strtod(shorter, NULL) == v) fail_msg("%s is not the shortest text of %s", text, shorter);
}

/* Of all texts with so many digits it is the nearest to the number: what printf gives. */
static void double_is_nearest(double v)
{
    char text[NUM_DOUBLE_TEXT_MAX], printed[64];
    double_to_text(text, v);
    int digits = significant_digits(text);
    snprintf(printed, sizeof printed, "%.*e", digits - 1, v);
    const char *a = text, *b = printed;
    while (*a == '-' || *a == '0' || *a == '.') a++;
    for (; digits > 0; digits--, a++, b++) {
        if (*a == '.') a++;
        if (*b == '-') b++;
        if (*b == '.') b++;
        if (*a != *b) fail_msg("%s, where printf says %s", text, printed);
    }
}

static void test_doubles_are_nearest(void **state)
{
    (void)state;
    struct prng rng;
    prng_init(&rng, 11);
    for (int i = 0; i < 300000; i++) {
        double v = (prng_double(&rng) + 1e-3) * pow(10, (double)prng_below(&rng, 24) - 7);
        double_is_nearest(v);
        double_is_nearest(nextafter(floor(v) + 0.5, 1e300));
        double_is_nearest(ldexp(1 + (double)prng_below(&rng, 1000), (int)prng_below(&rng, 60) - 40) + 0x1p-44);
    }
    for (int e = -7; e < 17; e++)
        for (int k = -3; k <= 3; k++) {
            char power[16];
            snprintf(power, sizeof power, "1e%d", e);
            double v = strtod(power, NULL);
            for (int step = 0; step < abs(k); step++) v = nextafter(v, k < 0 ? 0 : 1e300);
            double_is_nearest(v);
            double_round_trip(v);
        }
}

static void test_doubles_round_trip(void **state)
{
    (void)state;
    struct prng rng;
    prng_init(&rng, 2);
    for (int i = 0; i < 200000; i++) {
        uint64_t bits = prng_u64(&rng);
        double v;
        memcpy(&v, &bits, sizeof v);
        if (isfinite(v)) double_round_trip(v);
    }
    for (int i = 0; i < 200000; i++) {
        int64_t digits = (int64_t)(prng_u64(&rng) >> prng_below(&rng, 64));
        double_round_trip((double)digits / pow(10, (double)prng_below(&rng, 25)));
    }
    for (int exponent = -1074; exponent < 1024; exponent++) {
        double v = ldexp(1, exponent);
        double_round_trip(v);
        double_round_trip(nextafter(v, 0));
        double_round_trip(-nextafter(v, INFINITY));
    }
}

/* The short road of reading agrees with the C library. */
static void test_decimals_read_as_strtod(void **state)
{
    (void)state;
    struct prng rng;
    prng_init(&rng, 3);
    for (int i = 0; i < 200000; i++) {
        char text[40];
        size_t len = 0, digits = 1 + prng_below(&rng, 20);
        size_t point = prng_below(&rng, digits + 1);
        if (prng_below(&rng, 2)) text[len++] = '-';
        for (size_t k = 0; k < digits; k++) {
            if (k == point) text[len++] = '.';
            text[len++] = (char)('0' + prng_below(&rng, 10));
        }
        text[len] = '\0';
        double_reads(text, strtod(text, NULL));
    }
}

static void long_double_prints(long double v, const char *want)
{
    char got[NUM_LONG_DOUBLE_TEXT_MAX];
    assert_int_equal(long_double_to_text(got, v), (int)strlen(want));
    assert_string_equal(got, want);
}

static void test_long_double(void **state)
{
    (void)state;
    long_double_prints(0, "0");
    long_double_prints(-0.0L, "0");
    long_double_prints(-1e-30L, "0");
    long_double_prints(10.5L + 0.1L, "10.6");
    long_double_prints(3.0L, "3");
    long_double_prints(100, "100");
    long_double_prints(-5000.25L, "-5000.25");
    long_double_prints(1e20L, "100000000000000000000");
    long_double_prints(0.00000000000000001L, "0.00000000000000001");
    long_double_prints(INFINITY, "inf");
    long_double_prints(-INFINITY, "-inf");
    char text[NUM_LONG_DOUBLE_TEXT_MAX];
    long double v;
    assert_int_equal(slice_to_long_double(SLICE("1.1897314953572317650e4932"), &v), ST_OK);
    int len = long_double_to_text(text, -v);
    assert_int_equal(len, 4934);
    assert_int_equal(slice_to_long_double(SLICE("1e400"), &v), ST_OK);
    assert_int_equal(slice_to_long_double(SLICE("3.0e3"), &v), ST_OK);
    assert_true(v == 3000);
    memset(text, '1', sizeof text);
    text[0] = '0';
    text[1] = '.';
    assert_int_equal(slice_to_long_double(slice_of(text, sizeof text - 1), &v), ST_OK);
    assert_int_equal(slice_to_long_double(slice_of(text, sizeof text), &v), ST_NOT_FLOAT);
}

static void human_prints(uint64_t bytes, const char *want)
{
    char got[32];
    assert_int_equal(bytes_to_human(got, bytes), (int)strlen(want));
    assert_string_equal(got, want);
}

static void test_human(void **state)
{
    (void)state;
    human_prints(0, "0B");
    human_prints(1023, "1023B");
    human_prints(1024, "1.00K");
    human_prints(1572864, "1.50M");
    human_prints(1ull << 30, "1.00G");
    human_prints(1ull << 40, "1.00T");
    human_prints(1ull << 50, "1.00P");
    human_prints(UINT64_MAX, "16384.00P");
}

static void test_checked_arithmetic(void **state)
{
    (void)state;
    int64_t v;
    assert_true(i64_add(INT64_MAX, -1, &v) && v == INT64_MAX - 1);
    assert_false(i64_add(INT64_MAX, 1, &v));
    assert_false(i64_add(INT64_MIN, -1, &v));
    assert_true(i64_mul(-4, INT64_MAX / 4, &v));
    assert_false(i64_mul(INT64_MIN, -1, &v));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_i64_accepts),
        cmocka_unit_test(test_i64_refuses),
        cmocka_unit_test(test_u64),
        cmocka_unit_test(test_integers_round_trip),
        cmocka_unit_test(test_bytes),
        cmocka_unit_test(test_double_reads),
        cmocka_unit_test(test_double_refuses),
        cmocka_unit_test(test_double_prints),
        cmocka_unit_test(test_doubles_round_trip),
        cmocka_unit_test(test_doubles_are_nearest),
        cmocka_unit_test(test_decimals_read_as_strtod),
        cmocka_unit_test(test_long_double),
        cmocka_unit_test(test_human),
        cmocka_unit_test(test_checked_arithmetic),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
