/* Strings and their records: encodings, changes in place, expiry beside them, and a model test against plain byte
 * strings. */
#include "value/string.h"

#include "base/mem.h"
#include "base/num.h"
#include "base/prng.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#define KEY SLICE("a key")

static void assert_value(const struct record *r, struct slice expected)
{
    char scratch[STRING_SCRATCH];
    struct slice have = string_view(r, scratch);
    assert_int_equal(have.len, expected.len);
    if (expected.len > 0) assert_memory_equal(have.ptr, expected.ptr, expected.len);
    assert_int_equal(string_len(r), expected.len);
    record_check(r);
}

static void assert_slice(struct slice have, struct slice expected)
{
    assert_int_equal(have.len, expected.len);
    if (expected.len > 0) assert_memory_equal(have.ptr, expected.ptr, expected.len);
}

static struct slice filled(char fill, size_t len)
{
    static char bytes[64 * 1024];
    assert_true(len <= sizeof bytes);
    memset(bytes, fill, len);
    return slice_of(bytes, len);
}

static void fields_are_independent(void **state)
{
    struct record *r = string_new(KEY, SLICE("value"));
    assert_int_equal(record_type(r), TYPE_STRING);
    assert_string_equal(value_type_name(record_type(r)), "string");
    assert_int_equal(record_clock(r), 0);
    assert_int_equal(record_expire_ms(r), 0);
    record_set_clock(r, 0xABCDEF);
    r = record_set_expire(r, 1700000000123);
    assert_int_equal(record_clock(r), 0xABCDEF);
    assert_int_equal(record_expire_ms(r), 1700000000123);
    assert_slice(record_key(r), KEY);
    assert_true(record_key_eq(r, KEY));
    assert_false(record_key_eq(r, SLICE("a kez")));
    assert_false(record_key_eq(r, SLICE("a ke")));
    assert_value(r, SLICE("value"));
    r = record_set_expire(r, 5);
    assert_int_equal(record_expire_ms(r), 5);
    r = record_set_expire(r, 0);
    assert_int_equal(record_expire_ms(r), 0);
    assert_value(r, SLICE("value"));
    assert_int_equal(record_free_effort(r), 1);
    assert_int_equal(record_mem(r, 0), mem_usable(r));
    record_free(r);
}

static void expiry_at_its_limits(void **state)
{
    static const uint64_t times[] = {1, 255, UINT32_MAX, 1ull << 32, (1ull << 48) - 1, 1ull << 48, INT64_MAX,
                                     UINT64_MAX};
    for (size_t i = 0; i < ARRAY_LEN(times); i++) {
        for (size_t j = 0; j < ARRAY_LEN(times); j++) {
            struct record *r = record_set_expire(string_new(KEY, SLICE("12345678")), times[i]);
            assert_true(record_expire_ms(r) == times[i]);
            r = record_set_expire(r, times[j]);
            assert_true(record_expire_ms(r) == times[j]);
            assert_value(r, SLICE("12345678"));
            r = string_put(r, SLICE("x"), true);
            assert_true(record_expire_ms(r) == times[j]);
            r = record_set_expire(r, 0);
            assert_int_equal(record_expire_ms(r), 0);
            assert_value(r, SLICE("x"));
            record_free(r);
        }
    }
}

static void keys_of_all_lengths(void **state)
{
    static const size_t lengths[] = {0, 1, 7, 8, 254, 255, 256, 1000, 65535, 65536};
    for (size_t i = 0; i < ARRAY_LEN(lengths); i++) {
        char *key = malloc(lengths[i] + 1);
        memset(key, 'k', lengths[i]);
        struct slice name = slice_of(key, lengths[i]);
        struct record *r = string_new(name, SLICE("some value"));
        r = record_set_expire(r, 77);
        assert_slice(record_key(r), name);
        assert_value(r, SLICE("some value"));
        for (size_t j = 0; j < ARRAY_LEN(lengths); j++) {
            char *other = malloc(lengths[j] + 1);
            memset(other, 'o', lengths[j]);
            record_set_clock(r, (uint32_t)j);
            r = record_rekey(r, slice_of(other, lengths[j]));
            assert_slice(record_key(r), slice_of(other, lengths[j]));
            assert_int_equal(record_expire_ms(r), 77);
            assert_int_equal(record_clock(r), j);
            assert_value(r, SLICE("some value"));
            free(other);
        }
        r = string_put_int(r, -5, true);
        assert_value(r, SLICE("-5"));
        record_free(r);
        free(key);
    }
}

static void encodings_as_reported(void **state)
{
    static const struct {
        const char *text, *encoding;
    } cases[] = {
        {"", "embstr"},      {"0", "int"},      {"-1", "int"},     {"-0", "embstr"},
        {"01", "embstr"},    {"+1", "embstr"},  {" 1", "embstr"},  {"1 ", "embstr"},
        {"1.0", "embstr"},   {"127", "int"},    {"128", "int"},    {"-128", "int"},
        {"-129", "int"},     {"65536", "int"},  {"-32769", "int"}, {"2147483648", "int"},
        {"-", "embstr"},     {"abc", "embstr"}, {"1e3", "embstr"}, {"-2147483649", "int"},
        {"9223372036854775807", "int"},
        {"9223372036854775808", "embstr"},
        {"-9223372036854775808", "int"},
        {"-9223372036854775809", "embstr"},
        {"12345678901234567890123456789012345678901234", "embstr"},
        {"123456789012345678901234567890123456789012345", "raw"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct slice text = slice_cstr(cases[i].text);
        struct record *fresh = string_new(KEY, text), *put = string_put(string_new(KEY, SLICE("before")), text, false);
        assert_string_equal(record_encoding_name(fresh), cases[i].encoding);
        assert_string_equal(record_encoding_name(put), cases[i].encoding);
        assert_value(fresh, text);
        assert_value(put, text);
        int64_t number;
        assert_int_equal(string_int(fresh, &number), string_encoding(fresh) == STRING_INT);
        record_free(fresh);
        record_free(put);
    }
    struct record *r = string_new(KEY, SLICE("10"));
    r = string_append(r, SLICE(""));
    assert_string_equal(record_encoding_name(r), "raw");
    assert_value(r, SLICE("10"));
    r = string_put(r, SLICE("10x"), true);
    assert_string_equal(record_encoding_name(r), "embstr");
    r = string_put_text(r, SLICE("10"), true);
    assert_string_equal(record_encoding_name(r), "embstr");
    assert_value(r, SLICE("10"));
    r = string_write(r, 1, SLICE("23"));
    assert_string_equal(record_encoding_name(r), "raw");
    assert_value(r, SLICE("123"));
    r = string_put_int(r, 4, true);
    assert_string_equal(record_encoding_name(r), "int");
    record_free(r);
    r = string_new_text(KEY, SLICE("7"));
    assert_string_equal(record_encoding_name(r), "embstr");
    record_free(r);
}

static void integers_count_in_place(void **state)
{
    struct record *r = string_new_int(SLICE("counter:00000000"), 0);
    assert_int_equal(mem_usable(r) >= 32, 1);
    for (int64_t v = 1; v != 0; v = (int64_t)((uint64_t)v * 2)) {
        for (int64_t d = -1; d <= 1; d++) {
            int64_t value, wanted = (int64_t)((uint64_t)v + (uint64_t)d);
            r = string_put_int(r, wanted, true);
            assert_true(string_int(r, &value));
            assert_true(value == wanted);
            char text[NUM_I64_TEXT_MAX];
            assert_value(r, slice_of(text, (size_t)i64_to_text(text, wanted)));
        }
    }
    record_free(r);
}

/* The path of SET: a value of the same size class goes where the old one was. */
static void same_class_does_not_allocate(void **state)
{
    struct record *r = string_new(SLICE("key:000000000001"), SLICE("0123456789abcdef"));
    struct record *before = r;
    for (int i = 0; i < 100; i++) {
        r = string_put(r, SLICE("fedcba9876543210"), i % 2 == 0);
        assert_ptr_equal(r, before);
    }
    size_t room = mem_good_size(8 + 16 + 16) - (8 + 16 + 16);
    if (room >= 6) {
        r = record_set_expire(r, 1700000000000);
        assert_ptr_equal(r, before);
        r = record_set_expire(r, 1700000099999);
        assert_ptr_equal(r, before);
        r = string_put(r, SLICE("0123456789abcdef"), false);
        assert_ptr_equal(r, before);
        assert_int_equal(record_expire_ms(r), 0);
    }
    assert_value(r, string_view(before, (char[STRING_SCRATCH]){0}));
    record_free(r);
}

static void large_values_are_blobs(void **state)
{
    struct record *r = string_new(KEY, filled('a', RECORD_INLINE_MAX));
    assert_null(string_blob(r));
    assert_string_equal(record_encoding_name(r), "raw");
    r = string_put(r, filled('b', RECORD_INLINE_MAX + 1), false);
    struct blob *blob = string_blob(r);
    assert_non_null(blob);
    assert_value(r, filled('b', RECORD_INLINE_MAX + 1));
    assert_true(record_mem(r, 0) > RECORD_INLINE_MAX);

    /* A reader keeps the bytes it saw while the record goes on. */
    blob_ref(blob);
    r = string_write(r, 0, SLICE("xyz"));
    assert_ptr_not_equal(string_blob(r), blob);
    assert_slice(blob_slice(blob), filled('b', RECORD_INLINE_MAX + 1));
    blob_unref(blob);
    blob = string_blob(r);
    r = string_write(r, 3, SLICE("xyz"));
    assert_ptr_equal(string_blob(r), blob);

    /* A copy shares until one of the two changes. */
    struct record *copy = record_dup(r, SLICE("other"));
    assert_slice(record_key(copy), SLICE("other"));
    assert_ptr_equal(string_blob(copy), string_blob(r));
    copy = string_append(copy, SLICE("tail"));
    assert_ptr_not_equal(string_blob(copy), string_blob(r));
    assert_int_equal(string_len(copy), RECORD_INLINE_MAX + 5);
    assert_int_equal(string_len(r), RECORD_INLINE_MAX + 1);
    record_free(copy);

    r = string_put(r, SLICE("short"), false);
    assert_null(string_blob(r));
    assert_value(r, SLICE("short"));

    struct blob *owned = blob_new(5000, 5000);
    memset(blob_bytes_mut(owned), 'c', 5000);
    r = string_put_blob(r, owned, false);
    assert_ptr_equal(string_blob(r), owned);
    owned = blob_new(3, 10);
    memcpy(blob_bytes_mut(owned), "123", 3);
    r = string_put_blob(r, owned, false);
    assert_string_equal(record_encoding_name(r), "int");
    record_free(r);

    owned = blob_new(2000, 2000);
    memset(blob_bytes_mut(owned), 'd', 2000);
    r = string_new_blob(KEY, owned);
    assert_value(r, filled('d', 2000));
    record_free(r);
    owned = blob_new(0, 0);
    r = string_new_blob(KEY, owned);
    assert_value(r, SLICE(""));
    record_free(r);
}

static void a_copy_has_no_expiry(void **state)
{
    struct record *r = record_set_expire(string_new(KEY, SLICE("5")), 1234);
    r = string_append(r, SLICE("6"));
    record_set_clock(r, 99);
    struct record *copy = record_dup(r, SLICE("copy"));
    assert_int_equal(record_expire_ms(copy), 0);
    assert_int_equal(record_expire_ms(r), 1234);
    assert_value(copy, SLICE("56"));
    assert_string_equal(record_encoding_name(copy), "raw");
    record_free(copy);
    record_free(r);
}

static void gaps_are_zero(void **state)
{
    struct record *r = string_new(KEY, SLICE("ab"));
    r = string_write(r, 5, SLICE("c"));
    assert_value(r, SLICE("ab\0\0\0c"));
    r = string_write(r, 0, SLICE(""));
    assert_value(r, SLICE("ab\0\0\0c"));
    char *bytes;
    r = string_edit(r, 8, &bytes);
    bytes[7] = 'z';
    assert_value(r, SLICE("ab\0\0\0c\0z"));
    r = string_edit(r, 0, &bytes);
    assert_value(r, SLICE("ab\0\0\0c\0z"));
    r = string_edit(r, 3000, &bytes);
    for (int i = 8; i < 3000; i++) assert_int_equal(bytes[i], 0);
    r = string_write(r, 9000, SLICE("end"));
    assert_int_equal(string_len(r), 9003);
    char scratch[STRING_SCRATCH];
    for (int i = 3000; i < 9000; i++) assert_int_equal(string_view(r, scratch).ptr[i], 0);
    record_free(r);
}

static void appending_moves_seldom(void **state)
{
    struct record *r = string_new(KEY, SLICE(""));
    const void *at = r;
    int moves = 0;
    for (int i = 0; i < 1000000; i++) {
        r = string_append(r, SLICE("x"));
        const void *now = string_blob(r) != NULL ? (void *)string_blob(r) : (void *)r;
        moves += now != at;
        at = now;
    }
    assert_int_equal(string_len(r), 1000000);
    assert_true(moves < 120);
    assert_true(record_mem(r, 0) < 2200000);
    record_free(r);
}

static void no_memory_leaves_the_record(void **state)
{
    struct record *r = record_set_expire(string_new(KEY, SLICE("as it was")), 42);
    char *bytes;
    assert_null(string_write(r, (size_t)1 << 60, SLICE("x")));
    assert_null(string_edit(r, (size_t)1 << 60, &bytes));
    assert_value(r, SLICE("as it was"));
    assert_string_equal(record_encoding_name(r), "embstr");
    r = string_put(r, filled('q', 4000), true);
    assert_null(string_write(r, (size_t)1 << 60, SLICE("x")));
    assert_value(r, filled('q', 4000));
    assert_int_equal(record_expire_ms(r), 42);
    record_free(r);
}

/* Random operations on one record against a plain copy of what it should hold. */
static void model(void **state)
{
    enum { LIMIT = 6000 };
    struct prng prng;
    prng_init(&prng, 20);
    static char oracle[2 * LIMIT], bytes[LIMIT];
    size_t len = 0;
    uint64_t expire = 0;
    struct record *r = string_new(KEY, SLICE(""));
    struct blob *held = NULL;
    char *held_bytes = NULL;
    for (int step = 0; step < 60000; step++) {
        size_t n = prng_below(&prng, 4) == 0 ? prng_below(&prng, 3000) : prng_below(&prng, 70);
        for (size_t i = 0; i < n; i++) bytes[i] = (char)prng_u64(&prng);
        bool keep = prng_below(&prng, 2) == 0;
        char *to;
        size_t at;
        switch (prng_below(&prng, 9)) {
        case 0:
            r = string_put(r, slice_of(bytes, n), keep);
            memcpy(oracle, bytes, len = n);
            if (!keep) expire = 0;
            break;
        case 1: {
            int64_t v = (int64_t)prng_u64(&prng) >> prng_below(&prng, 64);
            r = string_put_int(r, v, keep);
            len = (size_t)i64_to_text(oracle, v);
            if (!keep) expire = 0;
            break;
        }
        case 2:
            if (len + n > LIMIT) break;
            r = string_append(r, slice_of(bytes, n));
            memcpy(oracle + len, bytes, n);
            len += n;
            break;
        case 3:
            at = prng_below(&prng, 3000);
            r = string_write(r, at, slice_of(bytes, n));
            if (n == 0) break;
            if (at > len) memset(oracle + len, 0, at - len);
            memcpy(oracle + at, bytes, n);
            if (at + n > len) len = at + n;
            break;
        case 4:
            r = step % 2 ? string_edit(r, n, &to) : string_resize(r, n, &to);
            if (n > len) memset(oracle + len, 0, n - len);
            if (n > len || step % 2 == 0) len = n;
            if (len > 0) to[len / 2] = oracle[len / 2] = (char)step;
            break;
        case 5:
            expire = prng_below(&prng, 3) == 0 ? 0 : prng_u64(&prng) >> prng_below(&prng, 63);
            r = record_set_expire(r, expire);
            break;
        case 6: {
            struct record *copy = record_dup(r, slice_of(bytes, n < 400 ? n : 400));
            assert_value(copy, slice_of(oracle, len));
            if (keep) {
                struct record *other = r;
                r = copy;
                copy = other;
                expire = 0;
            }
            record_free(copy);
            break;
        }
        case 7: r = record_rekey(r, slice_of(bytes, n < 400 ? n : 400)); break;
        case 8:
            if (held != NULL) {
                assert_memory_equal(blob_slice(held).ptr, held_bytes, blob_slice(held).len);
                blob_unref(held);
                free(held_bytes);
                held = NULL;
            } else if ((held = string_blob(r)) != NULL) {
                blob_ref(held);
                held_bytes = malloc(blob_slice(held).len);
                memcpy(held_bytes, blob_slice(held).ptr, blob_slice(held).len);
            }
            break;
        }
        assert_value(r, slice_of(oracle, len));
        assert_true(record_expire_ms(r) == expire);
    }
    if (held != NULL) {
        blob_unref(held);
        free(held_bytes);
    }
    record_free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fields_are_independent),
        cmocka_unit_test(expiry_at_its_limits),
        cmocka_unit_test(keys_of_all_lengths),
        cmocka_unit_test(encodings_as_reported),
        cmocka_unit_test(integers_count_in_place),
        cmocka_unit_test(same_class_does_not_allocate),
        cmocka_unit_test(large_values_are_blobs),
        cmocka_unit_test(a_copy_has_no_expiry),
        cmocka_unit_test(gaps_are_zero),
        cmocka_unit_test(appending_moves_seldom),
        cmocka_unit_test(no_memory_leaves_the_record),
        cmocka_unit_test(model),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
