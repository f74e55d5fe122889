/* Bits: every kernel and every function against loops over single bits. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/prng.h"
#include "ds/bits.h"
#include "ds/bits_impl.h"

#include <stdlib.h>

enum { ROOM = 40000 };

static bool bit_at(struct slice s, uint64_t i)
{
    return i / 8 < s.len && ((uint8_t)s.ptr[i / 8] >> (7 - i % 8) & 1);
}

/* Bytes with few, many, no or only ones, so that searches run far. */
static void fill(struct prng *p, char *to, size_t n)
{
    unsigned shape = prng_below(p, 5);
    for (size_t i = 0; i < n; i++) {
        unsigned byte = prng_below(p, 256);
        bool keep = prng_below(p, 200) == 0;
        unsigned usual = shape == 0 || shape == 2 ? 0 : shape == 1 || shape == 3 ? 0xff : byte;
        to[i] = (char)(shape >= 2 && keep ? byte : usual);
    }
}

static uint64_t naive_count(struct slice s, uint64_t first, uint64_t last)
{
    uint64_t count = 0;
    for (uint64_t i = first; i <= last && i < s.len * 8; i++) count += bit_at(s, i);
    return count;
}

static void test_count_and_find(void **state)
{
    (void)state;
    static char room[ROOM];
    struct prng p;
    prng_init(&p, 1);
    for (int round = 0; round < 3000; round++) {
        size_t len = 1 + prng_below(&p, round % 50 == 0 ? 5000 : 200), skew = prng_below(&p, 32);
        fill(&p, room + skew, len);
        struct slice s = slice_of(room + skew, len);
        assert_int_equal(bits_count(s), naive_count(s, 0, len * 8));
        assert_int_equal(bits_portable.count((uint8_t *)s.ptr, len), naive_count(s, 0, len * 8));
        for (int i = 0; i < 10; i++) {
            uint64_t last = prng_below(&p, (uint32_t)len * 8), first = prng_below(&p, (uint32_t)last + 1);
            assert_int_equal(bits_count_range(s, first, last), naive_count(s, first, last));
            for (int bit = 0; bit < 2; bit++) {
                uint64_t at = first;
                while (at <= last && bit_at(s, at) != bit) at++;
                assert_int_equal(bits_find(s, first, last, bit), at <= last ? (int64_t)at : -1);
            }
        }
        assert_int_equal(bits_count_range(s, 1, 0), 0);
        assert_int_equal(bits_find(s, 1, 0, true), -1);
    }
    assert_int_equal(bits_count(slice_of(room, 0)), 0);
}

static bool naive_bit(enum bits_op op, const struct slice *s, size_t count, uint64_t i)
{
    bool x = bit_at(s[0], i), all = x;
    size_t ones = 0, others = 0;
    for (size_t k = 0; k < count; k++) {
        bool bit = bit_at(s[k], i);
        ones += bit;
        if (k > 0) others += bit;
        all = all && bit;
    }
    switch (op) {
    case BITS_AND: return all;
    case BITS_OR: return ones > 0;
    case BITS_XOR: return ones % 2;
    case BITS_NOT: return !x;
    case BITS_DIFF: return x && others == 0;
    case BITS_DIFF1: return !x && others > 0;
    case BITS_ANDOR: return x && others > 0;
    default: return ones == 1;
    }
}

static void test_combine(void **state)
{
    (void)state;
    struct prng p;
    prng_init(&p, 2);
    char *room[6], *to = malloc(ROOM);
    for (int i = 0; i < 6; i++) room[i] = malloc(ROOM);
    for (int round = 0; round < 1500; round++) {
        enum bits_op op = (enum bits_op)prng_below(&p, BITS_ONE + 1);
        size_t count = op == BITS_NOT ? 1 : 1 + prng_below(&p, 6), len = 0;
        if (op >= BITS_DIFF && op <= BITS_ANDOR && count < 2) count = 2;
        uint32_t max = round % 100 == 0 ? ROOM - 40 : 150;
        struct slice s[6];
        bool same = prng_below(&p, 2);
        for (size_t i = 0; i < count; i++) {
            size_t skew = prng_below(&p, 33), n = same && i > 0 ? len : prng_below(&p, max);
            fill(&p, room[i] + skew, n);
            s[i] = slice_of(room[i] + skew, n);
            if (n > len) len = n;
        }
        bool in_place = bits_in_place(op) && s[0].len == len && prng_below(&p, 3) == 0;
        char *dst = in_place ? room[0] + (s[0].ptr - room[0]) : to + prng_below(&p, 30);
        char *expected = calloc(1, len + 1);
        for (uint64_t i = 0; i < len * 8; i++)
            if (naive_bit(op, s, count, i)) expected[i / 8] |= (char)(1 << (7 - i % 8));
        bits_combine(op, dst, len, s, count);
        assert_memory_equal(dst, expected, len);
        free(expected);
    }
    for (int i = 0; i < 6; i++) free(room[i]);
    free(to);
}

static void test_kernels_agree(void **state)
{
    (void)state;
    const struct bits_kernels *v = bits_vector();
    if (v == NULL) skip();
    struct prng p;
    prng_init(&p, 3);
    static uint8_t x[3000], y[3000], a[2][3000], b[2][3000];
    for (int round = 0; round < 2000; round++) {
        size_t n = prng_below(&p, 2900), skew = prng_below(&p, 40);
        fill(&p, (char *)x + skew, n);
        fill(&p, (char *)y, n);
        assert_int_equal(v->count(x + skew, n), bits_portable.count(x + skew, n));
        for (int op = FOLD_AND; op <= FOLD_NOT; op++) {
            v->fold((enum bits_fold)op, a[0], x + skew, y, n);
            bits_portable.fold((enum bits_fold)op, a[1], x + skew, y, n);
            assert_memory_equal(a[0], a[1], n);
        }
        for (int k = 0; k < 2; k++) memcpy(a[k], y, n), memcpy(b[k], a[0], n);
        v->once(a[0], b[0], x + skew, n);
        bits_portable.once(a[1], b[1], x + skew, n);
        assert_memory_equal(a[0], a[1], n);
        assert_memory_equal(b[0], b[1], n);
    }
}

static void test_fields(void **state)
{
    (void)state;
    struct prng p;
    prng_init(&p, 4);
    for (int round = 0; round < 20000; round++) {
        size_t len = 8 + prng_below(&p, 40);
        char *bytes = malloc(len), *before = malloc(len); /* of their own, so that a sanitizer sees more */
        fill(&p, bytes, len);
        memcpy(before, bytes, len);
        unsigned width = 1 + prng_below(&p, 64);
        uint64_t offset = prng_below(&p, (uint32_t)(len * 8 + 20)), expected = 0, value = prng_u64(&p);
        struct slice s = slice_of(bytes, len);
        for (unsigned i = 0; i < width; i++) expected = expected << 1 | bit_at(s, offset + i);
        assert_true(bits_load(s, offset, width) == expected);
        if (offset + width <= len * 8) {
            bits_store(bytes, offset, width, value);
            assert_true(bits_load(s, offset, width) == (width == 64 ? value : value & ((1ull << width) - 1)));
            for (uint64_t i = 0; i < len * 8; i++)
                if (i < offset || i >= offset + width) assert_int_equal(bit_at(s, i), bit_at(slice_of(before, len), i));
        }
        free(bytes);
        free(before);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_count_and_find), cmocka_unit_test(test_combine),
                                       cmocka_unit_test(test_kernels_agree), cmocka_unit_test(test_fields)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
