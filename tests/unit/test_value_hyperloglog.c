/* HyperLogLogs: a model of plain registers beside random operations; the sparse opcodes against their expansion;
 * damaged values. What the bytes are is compared with redis-server by tests/wire/test_hyperloglog.py. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/prng.h"
#include "ds/registers_impl.h"
#include "value/hyperloglog.h"
#include "value/hyperloglog_impl.h"
#include "value/string.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static struct value_limits limits = {.hll_sparse_max_bytes = 3000};

static struct slice bytes_of(const struct record *r)
{
    static char scratch[STRING_SCRATCH];
    return string_view(r, scratch);
}

static struct record *hll_of(const void *bytes, size_t len)
{
    struct record *r = string_new_text(SLICE("k"), SLICE(""));
    return string_write(r, 0, slice_of(bytes, len));
}

/* The registers of either form; false: damaged. */
static bool expand(const struct record *r, uint8_t registers[HLL_REGISTERS])
{
    struct slice s = bytes_of(r);
    const uint8_t *p = (const uint8_t *)s.ptr + HLL_HEADER;
    if (hll_is_dense(r)) {
        for (size_t i = 0; i < HLL_REGISTERS; i++) registers[i] = (uint8_t)register_get(p, i);
        return true;
    }
    size_t at = 0, i = 0;
    struct sparse_op op;
    for (; sparse_op_at(p, s.len - HLL_HEADER, at, &op); at += op.size) {
        if (i + op.span > HLL_REGISTERS) return false;
        memset(registers + i, op.value, op.span);
        i += op.span;
    }
    return i == HLL_REGISTERS && at == s.len - HLL_HEADER;
}

static void test_registers(void **state)
{
    (void)state;
    struct prng p;
    prng_init(&p, 1);
    uint8_t *values = malloc(HLL_REGISTERS), *max = malloc(HLL_REGISTERS), *expected = malloc(HLL_REGISTERS);
    uint8_t *packed = malloc(HLL_REGISTERS * REGISTER_BITS / 8), *again = malloc(HLL_REGISTERS * REGISTER_BITS / 8);
    for (int round = 0; round < 60; round++) {
        size_t count = round == 0 ? HLL_REGISTERS : 4 * (1 + prng_below(&p, HLL_REGISTERS / 4));
        size_t bytes = count * REGISTER_BITS / 8;
        uint32_t histogram[REGISTER_MAX + 1], plain[REGISTER_MAX + 1] = {0};
        for (size_t i = 0; i < count; i++) {
            values[i] = (uint8_t)prng_below(&p, REGISTER_MAX + 1);
            max[i] = (uint8_t)prng_below(&p, REGISTER_MAX + 1);
            expected[i] = values[i] > max[i] ? values[i] : max[i];
            plain[values[i]]++;
        }
        memset(packed, 0xa5, bytes);
        for (size_t i = 0; i < count; i++) register_set(packed, i, values[i]);
        for (size_t i = 0; i < count; i++) assert_int_equal(register_get(packed, i), values[i]);
        registers_pack(again, values, count);
        assert_memory_equal(again, packed, bytes);
        registers_pack_portable(again, values, count);
        assert_memory_equal(again, packed, bytes);
        uint8_t *portable = malloc(count);
        memcpy(portable, max, count);
        registers_max(max, packed, count);
        registers_max_portable(portable, packed, count);
        assert_memory_equal(max, expected, count);
        assert_memory_equal(portable, expected, count);
        registers_histogram(histogram, values, count);
        assert_memory_equal(histogram, plain, sizeof(plain));
        free(portable);
    }
    free(values), free(max), free(expected), free(packed), free(again);
}

/* Random sparse edits against plain registers: the opcodes always expand to them. */
static void test_sparse_model(void **state)
{
    (void)state;
    struct prng p;
    prng_init(&p, 2);
    int rounds = getenv("CAIRN_MODEL_ROUNDS") != NULL ? atoi(getenv("CAIRN_MODEL_ROUNDS")) : 40;
    for (int round = 0; round < rounds; round++) {
        uint8_t plain[HLL_REGISTERS] = {0}, got[HLL_REGISTERS], bytes[40000] = {0x7f, 0xff};
        size_t len = 2;
        uint32_t area = round % 2 ? HLL_REGISTERS : 60; /* crowded ones, too */
        for (int i = 0; i < 700; i++) {
            uint32_t index = (uint32_t)prng_below(&p, area);
            unsigned value = (unsigned)prng_below(&p, round % 3 ? 4 : SPARSE_VALUE_MAX) + 1;
            struct sparse_place place;
            assert_true(sparse_find(bytes, len, (struct sparse_start){0, 0}, index, &place));
            assert_int_equal(place.op.value, plain[index]);
            if (value <= place.op.value) continue;
            struct sparse_edit e;
            sparse_edit_make(bytes, len, &place, index, value, &e);
            memmove(bytes + e.at + e.new_len, bytes + e.at + e.old_len, len - e.at - e.old_len);
            memcpy(bytes + e.at, e.bytes, e.new_len);
            len = len - e.old_len + e.new_len;
            plain[index] = (uint8_t)value;
            size_t at = 0, n = 0;
            struct sparse_op op;
            for (; sparse_op_at(bytes, len, at, &op); at += op.size, n += op.span) memset(got + n, op.value, op.span);
            assert_int_equal(n, HLL_REGISTERS);
            assert_memory_equal(got, plain, HLL_REGISTERS);
        }
        struct sparse_place place;
        assert_false(sparse_find(bytes, len, (struct sparse_start){0, 0}, HLL_REGISTERS, &place));
    }
}

static struct slice element(char text[24], uint64_t n)
{
    memcpy(text, &n, sizeof(n));
    return slice_of(text, sizeof(n));
}

/* The estimate is near the truth and the same for both forms, and a second PFADD of an element changes nothing. */
static void test_estimates(void **state)
{
    (void)state;
    struct record *r = hll_new(SLICE("k")), *dense = hll_new(SLICE("d"));
    char text[24];
    assert_int_equal(hll_make_dense(&dense), ST_OK);
    for (uint64_t i = 1; i <= 100000; i++) {
        bool changed, also;
        struct slice e = element(text, i);
        assert_int_equal(hll_add(&r, &e, 1, &limits, &changed), ST_OK);
        assert_int_equal(hll_add(&dense, &e, 1, &limits, &also), ST_OK);
        assert_int_equal(changed, also);
        assert_int_equal(hll_add(&r, &e, 1, &limits, &changed), ST_OK);
        assert_false(changed);
        if ((i & (i - 1)) != 0) continue;
        uint64_t count, same;
        bool cached;
        assert_int_equal(hll_count(r, &count, &cached), ST_OK);
        assert_false(cached);
        assert_int_equal(hll_count(dense, &same, &cached), ST_OK);
        assert_int_equal(count, same);
        assert_true(fabs((double)count - (double)i) <= 0.04 * (double)i);
        assert_int_equal(hll_cache(&r, count), ST_OK);
        assert_int_equal(hll_count(r, &same, &cached), ST_OK);
        assert_true(cached && same == count);
        record_check(r);
    }
    assert_true(hll_is_dense(r));
    record_free(r);
    record_free(dense);
}

enum { SETS = 4 };

/* Adding and merging beside plain registers; how an element maps to one is taken from a dense value of its own. */
static void test_model(void **state)
{
    (void)state;
    struct prng p;
    prng_init(&p, 4);
    int steps = getenv("CAIRN_MODEL_STEPS") != NULL ? atoi(getenv("CAIRN_MODEL_STEPS")) : 2500;
    struct record *r[SETS];
    static uint8_t model[SETS][HLL_REGISTERS], got[HLL_REGISTERS], one[HLL_REGISTERS];
    static struct hll_union u;
    for (int i = 0; i < SETS; i++) r[i] = hll_new(SLICE("k"));
    for (int step = 0; step < steps; step++) {
        int k = (int)prng_below(&p, SETS);
        limits.hll_sparse_max_bytes = k == 0 ? 100 : k == 1 ? 100000 : 3000;
        if (prng_below(&p, 40) == 0) {
            int with = (int)prng_below(&p, SETS);
            hll_union_init(&u);
            assert_int_equal(hll_union_put(&u, r[k]), ST_OK);
            assert_int_equal(hll_union_put(&u, r[with]), ST_OK);
            for (int i = 0; i < HLL_REGISTERS; i++)
                if (model[with][i] > model[k][i]) model[k][i] = model[with][i];
            assert_memory_equal(u.registers, model[k], HLL_REGISTERS);
            assert_int_equal(hll_union_store(&u, &r[k], &limits), ST_OK);
        } else if (prng_below(&p, 300) == 0) {
            record_free(r[k]);
            r[k] = hll_new(SLICE("k"));
            memset(model[k], 0, HLL_REGISTERS);
        } else {
            char text[24];
            struct slice e = element(text, prng_u64(&p));
            struct record *single = hll_new(SLICE("s"));
            bool changed, grows = false;
            assert_int_equal(hll_add(&single, &e, 1, &limits, &changed), ST_OK);
            assert_true(expand(single, one));
            for (int i = 0; i < HLL_REGISTERS; i++)
                if (one[i] > model[k][i]) grows = true, model[k][i] = one[i];
            assert_int_equal(hll_add(&r[k], &e, 1, &limits, &changed), ST_OK);
            assert_int_equal(changed, grows);
            record_free(single);
        }
        assert_int_equal(hll_check(r[k]), ST_OK);
        if (step % 8 != 0) continue;
        assert_true(expand(r[k], got));
        assert_memory_equal(got, model[k], HLL_REGISTERS);
        record_check(r[k]);
    }
    limits.hll_sparse_max_bytes = 3000;
    for (int i = 0; i < SETS; i++) record_free(r[i]);
}

/* Whatever the bytes are, every call comes back with an answer or a refusal. */
static void test_damaged(void **state)
{
    (void)state;
    struct prng p;
    prng_init(&p, 5);
    for (int round = 0; round < 2000; round++) {
        uint8_t bytes[HLL_HEADER + 400] = {'H', 'Y', 'L', 'L', HLL_SPARSE, [HLL_HEADER - 1] = HLL_STALE};
        size_t len = HLL_HEADER + prng_below(&p, 400);
        for (size_t i = HLL_HEADER; i < len; i++) bytes[i] = (uint8_t)prng_u64(&p);
        struct record *r = hll_of(bytes, len);
        static struct hll_union u;
        uint8_t registers[HLL_REGISTERS];
        uint64_t count;
        bool flag, whole = expand(r, registers);
        struct buf text = BUF_INIT;
        assert_int_equal(hll_check(r), ST_OK);
        assert_int_equal(hll_count(r, &count, &flag), whole ? ST_OK : ST_HLL_CORRUPT);
        hll_union_init(&u);
        assert_int_equal(hll_union_put(&u, r), whole ? ST_OK : ST_HLL_CORRUPT);
        (void)(hll_decode(r, &text) == ST_OK);
        for (uint64_t i = 0; i < 20; i++) {
            char name[24];
            struct slice e = element(name, prng_u64(&p));
            (void)(hll_add(&r, &e, 1, &limits, &flag) == ST_OK);
        }
        (void)(hll_union_store(&u, &r, &limits) == ST_OK);
        (void)(hll_make_dense(&r) == ST_OK);
        record_check(r);
        record_free(r);
        buf_deinit(&text);
    }
}

static void test_check(void **state)
{
    (void)state;
    uint8_t bytes[HLL_DENSE_LEN + 1] = {'H', 'Y', 'L', 'L'};
    for (size_t len = 0; len <= sizeof(bytes); len += len < 20 ? 1 : 12283) {
        struct record *r = hll_of(bytes, len);
        assert_int_equal(hll_check(r), len == HLL_DENSE_LEN ? ST_OK : ST_NOT_HLL);
        record_free(r);
    }
    bytes[HLL_ENCODING_AT] = 2;
    struct record *r = hll_of(bytes, HLL_DENSE_LEN);
    assert_int_equal(hll_check(r), ST_NOT_HLL);
    record_free(r);
    r = string_new(SLICE("k"), SLICE("123"));
    assert_int_equal(hll_check(r), ST_NOT_HLL);
    record_free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_registers), cmocka_unit_test(test_sparse_model),
                                       cmocka_unit_test(test_estimates), cmocka_unit_test(test_model),
                                       cmocka_unit_test(test_damaged),   cmocka_unit_test(test_check)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
