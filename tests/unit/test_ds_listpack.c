/* The listpack: bytes as redis-server 7.0.15 dumps them, borders of every form, a model test against an array of
 * texts, and blocks that are not listpacks. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/mem.h"
#include "base/num.h"
#include "base/prng.h"
#include "ds/listpack.h"

#include <stdio.h>
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
enum { EFFORT = 5 };
#endif

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

static void assert_bytes(const struct listpack *lp, const char *hex)
{
    uint8_t want[256];
    size_t n = unhex(hex, want);
    listpack_check(lp);
    assert_int_equal(listpack_size(lp), n);
    assert_memory_equal(listpack_bytes(lp).ptr, want, n);
}

static void assert_text(const struct listpack *lp, uint32_t pos, struct slice want)
{
    char scratch[NUM_I64_TEXT_MAX];
    assert_int_not_equal(pos, 0);
    struct slice got = listpack_text(lp, pos, scratch);
    assert_int_equal(got.len, want.len);
    assert_true(slice_eq(got, want));
    assert_true(listpack_equals(lp, pos, want));
}

/* ---- bytes */

/* Field "f" and this value, from DUMP of a hash. */
static const struct golden {
    const char *value, *hex;
} goldens[] = {
    {"0", "0c00000002008166020001ff"},
    {"127", "0c00000002008166027f01ff"},
    {"128", "0d0000000200816602c08002ff"},
    {"-1", "0d0000000200816602dfff02ff"},
    {"-4096", "0d0000000200816602d00002ff"},
    {"4095", "0d0000000200816602cfff02ff"},
    {"-4097", "0e0000000200816602f1ffef03ff"},
    {"4096", "0e0000000200816602f1001003ff"},
    {"32767", "0e0000000200816602f1ff7f03ff"},
    {"-32768", "0e0000000200816602f1008003ff"},
    {"32768", "0f0000000200816602f200800004ff"},
    {"-32769", "0f0000000200816602f2ff7fff04ff"},
    {"8388607", "0f0000000200816602f2ffff7f04ff"},
    {"-8388608", "0f0000000200816602f200008004ff"},
    {"8388608", "100000000200816602f30000800005ff"},
    {"-8388609", "100000000200816602f3ffff7fff05ff"},
    {"2147483647", "100000000200816602f3ffffff7f05ff"},
    {"-2147483648", "100000000200816602f30000008005ff"},
    {"2147483648", "140000000200816602f4000000800000000009ff"},
    {"-2147483649", "140000000200816602f4ffffff7fffffffff09ff"},
    {"9223372036854775807", "140000000200816602f4ffffffffffffff7f09ff"},
    {"-9223372036854775808", "140000000200816602f4000000000000008009ff"},
    {"", "0c00000002008166028001ff"},
    {"9223372036854775808", "1f0000000200816602933932323333373230333638353437373538303814ff"},
    {"-9223372036854775809", "200000000200816602942d3932323333373230333638353437373538303915ff"},
    {"-0", "0e0000000200816602822d3003ff"},
    {"+1", "0e0000000200816602822b3103ff"},
    {"01", "0e000000020081660282303103ff"},
    {" 1", "0e000000020081660282203103ff"},
    {"00", "0e000000020081660282303003ff"},
};

static void test_golden_values(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(goldens); i++) {
        struct slice text = slice_cstr(goldens[i].value);
        int64_t number;
        bool is_number = slice_to_i64(text, &number) == ST_OK;
        struct listpack *lp = listpack_append(listpack_append(listpack_new(0), SLICE("f")), text);
        assert_bytes(lp, goldens[i].hex);
        uint32_t pos = listpack_last(lp);
        struct listpack_value value = listpack_get(lp, pos);
        assert_int_equal(value.is_number, is_number);
        assert_text(lp, pos, text);
        assert_int_equal(listpack_find(lp, listpack_first(lp), text, 0), pos);
        assert_int_equal(listpack_find(lp, listpack_first(lp), text, 1), 0);
        assert_int_equal(pos + listpack_entry_size(text) + 1, listpack_size(lp));
        if (is_number) {
            assert_true(value.number == number);
            lp = listpack_replace(lp, pos, SLICE("something else"));
            lp = listpack_replace_i64(lp, pos, number);
            assert_bytes(lp, goldens[i].hex);
            assert_int_equal(listpack_entry_size_i64(number), listpack_entry_size(text));
            assert_false(listpack_equals(lp, pos, SLICE("1234")));
        }
        listpack_free(lp);
    }
    struct listpack *lp = listpack_new(100);
    assert_bytes(lp, "070000000000ff");
    lp = listpack_shrink(lp);
    assert_bytes(lp, "070000000000ff");
    listpack_free(lp);
}

/* ZADD z -3 -7 1 a 2.5 b 1e20 12345 */
static void test_golden_zset(void **state)
{
    (void)state;
    const char *hex = "250000000800dff902dffd02816102010181620283322e3504f13930038531652b323006ff";
    const struct listpack_value values[] = {
        {.number = -7, .is_number = true}, {.text = SLICE("-3")}, {.text = SLICE("a")}, {.text = SLICE("1")},
        {.text = SLICE("b")}, {.text = SLICE("2.5")}, {.text = SLICE("12345")}, {.text = SLICE("1e+20")},
    };
    struct listpack *lp = listpack_append_many(listpack_new(0), values, ARRAY_LEN(values));
    assert_bytes(lp, hex);
    struct listpack *other = listpack_dup(lp);
    assert_bytes(other, hex);
    other = listpack_delete_range(other, listpack_seek(other, 2), 4);
    assert_int_equal(listpack_len(other), 4);
    other = listpack_insert_many(other, listpack_seek(other, 2), values + 2, 4);
    assert_bytes(other, hex);
    other = listpack_delete_many(other, (uint32_t[]){listpack_seek(other, 0), listpack_seek(other, 4)}, 2, 2);
    assert_int_equal(listpack_len(other), 4);
    assert_text(other, listpack_seek(other, 0), SLICE("a"));
    assert_text(other, listpack_seek(other, -1), SLICE("1e+20"));
    listpack_free(other);
    other = listpack_from_bytes(listpack_bytes(lp));
    struct listpack *tail;
    other = listpack_split(other, listpack_seek(other, 6), &tail);
    assert_int_equal(listpack_len(other), 6);
    assert_int_equal(listpack_len(tail), 2);
    other = listpack_merge(other, tail);
    assert_bytes(other, hex);
    listpack_free(other);
    listpack_free(lp);
}

/* Bytes around a text of n times 'a', from DUMP. At 2^14 - 1 and 2^21 - 1 the back length is one byte longer. */
static const struct border {
    size_t len;
    const char *head, *back;
} borders[] = {
    {63, "bf", "40"},
    {64, "e040", "42"},
    {125, "e07d", "7f"},
    {126, "e07e", "0180"},
    {127, "e07f", "0181"},
    {4095, "efff", "2081"},
    {4096, "f000100000", "2085"},
    {16377, "f0f93f0000", "7ffe"},
    {16378, "f0fa3f0000", "00ffff"},
    {16379, "f0fb3f0000", "018080"},
    {2097145, "f0f9ff1f00", "7ffffe"},
    {2097146, "f0faff1f00", "00ffffff"},
    {2097147, "f0fbff1f00", "01808080"},
};

static void test_borders(void **state)
{
    (void)state;
    char *text = mem_alloc(1 << 22);
    memset(text, 'a', 1 << 22);
    for (size_t i = 0; i < ARRAY_LEN(borders); i++) {
        uint8_t head[8], back[8];
        size_t head_len = unhex(borders[i].head, head), back_len = unhex(borders[i].back, back);
        struct slice a = slice_of(text, borders[i].len);
        struct listpack *lp = listpack_append(listpack_append(listpack_new(0), SLICE("before")), a);
        lp = listpack_append(lp, SLICE("after"));
        listpack_check(lp);
        uint32_t pos = listpack_seek(lp, 1);
        const char *p = listpack_bytes(lp).ptr + pos;
        assert_memory_equal(p, head, head_len);
        assert_memory_equal(p + head_len + a.len, back, back_len);
        assert_int_equal(listpack_entry_size(a), head_len + a.len + back_len);
        assert_text(lp, pos, a);
        assert_text(lp, listpack_next(lp, pos), SLICE("after"));
        assert_text(lp, listpack_prev(lp, pos), SLICE("before"));
        assert_int_equal(listpack_prev(lp, listpack_last(lp)), pos);
        assert_int_equal(listpack_find(lp, listpack_first(lp), a, 0), pos);
        assert_int_equal(listpack_find(lp, listpack_first(lp), slice_of(text, a.len - 1), 0), 0);
        lp = listpack_delete(lp, pos);
        listpack_check(lp);
        assert_int_equal(listpack_len(lp), 2);
        listpack_free(lp);
    }
    assert_int_equal(listpack_entry_size(slice_of(text, 268435449)), 268435454 + 4);
    assert_int_equal(listpack_entry_size(slice_of(text, 268435450)), 268435455 + 5);
    assert_int_equal(listpack_entry_size(slice_of(text, 268435451)), 268435456 + 5);
    mem_free(text);
}

static void test_too_large(void **state)
{
    (void)state;
    struct listpack *lp = listpack_append(listpack_new(0), SLICE("x"));
    /* What is refused is not read. */
    struct slice huge = slice_of("", LISTPACK_SIZE_MAX), wide = slice_of("", (size_t)1 << 40);
    struct listpack_value values[] = {{.text = slice_of("", LISTPACK_SIZE_MAX / 2)}, {.text = huge}};
    assert_null(listpack_append(lp, huge));
    assert_null(listpack_prepend(lp, wide));
    assert_null(listpack_replace(lp, listpack_first(lp), slice_of("", LISTPACK_SIZE_MAX - 10)));
    assert_null(listpack_insert_many(lp, listpack_end(lp), values, 2));
    assert_true(listpack_fits(lp, LISTPACK_SIZE_MAX - 10));
    assert_false(listpack_fits(lp, LISTPACK_SIZE_MAX - 9));
    assert_false(listpack_fits(lp, SIZE_MAX));
    assert_bytes(lp, "0a0000000100817802ff");
    listpack_free(lp);
}

static void test_many_entries(void **state)
{
    (void)state;
    struct listpack *lp = listpack_new(0);
    for (int i = 0; i < 70000; i++) {
        lp = listpack_append_i64(lp, i);
        size_t told = (uint8_t)listpack_bytes(lp).ptr[4] | (unsigned)(uint8_t)listpack_bytes(lp).ptr[5] << 8;
        assert_int_equal(told, i + 1 < 65535 ? i + 1 : 65535);
    }
    listpack_check(lp);
    assert_int_equal(listpack_len(lp), 70000);
    for (int i = 0; i < 70000; i += 6999) {
        assert_int_equal(listpack_get(lp, listpack_seek(lp, i)).number, i);
        assert_int_equal(listpack_get(lp, listpack_seek(lp, i - 70000)).number, i);
    }
    assert_int_equal(listpack_seek(lp, 70000), 0);
    assert_int_equal(listpack_seek(lp, -70001), 0);
    assert_int_equal(listpack_get(lp, listpack_find(lp, listpack_first(lp), SLICE("69999"), 0)).number, 69999);
    struct listpack *other = listpack_dup(lp);
    lp = listpack_delete_range(lp, listpack_seek(lp, 30000), SIZE_MAX);
    listpack_check(lp);
    assert_int_equal(listpack_len(lp), 30000);
    assert_int_equal(listpack_bytes(lp).ptr[5], (char)(30000 >> 8)); /* counted again */
    struct listpack *tail;
    other = listpack_split(other, listpack_seek(other, 30000), &tail);
    assert_true(slice_eq(listpack_bytes(other), listpack_bytes(lp)));
    assert_int_equal(listpack_len(tail), 40000);
    listpack_free(lp);
    lp = listpack_merge(other, tail);
    listpack_check(lp);
    assert_int_equal(listpack_len(lp), 70000);
    uint32_t positions[3] = {listpack_seek(lp, 1), listpack_seek(lp, 2), listpack_seek(lp, 69999)};
    lp = listpack_delete_many(lp, positions, 3, 1);
    listpack_check(lp);
    assert_int_equal(listpack_len(lp), 69997);
    assert_int_equal(listpack_get(lp, listpack_seek(lp, 1)).number, 3);
    assert_int_equal(listpack_get(lp, listpack_last(lp)).number, 69998);
    listpack_free(lp);
}

/* ---- the model */

enum { MODEL_MAX = 60 };

struct model {
    struct listpack *lp;
    struct slice texts[2 * MODEL_MAX + 2];
    size_t len;
};

static struct slice random_text(struct prng *p)
{
    static const size_t sizes[] = {0, 1, 2, 5, 12, 62, 63, 64, 65, 124, 125, 126, 127, 128, 300, 4095, 4096, 16378};
    char number[NUM_I64_TEXT_MAX];
    if (prng_below(p, 2) == 0) {
        int64_t v = (int64_t)(prng_u64(p) >> prng_below(p, 64));
        if (prng_below(p, 2)) v = (int64_t)(0 - (uint64_t)v);
        int len = i64_to_text(number, v);
        return slice_of(mem_dup(number, (size_t)len), (size_t)len);
    }
    size_t len = sizes[prng_below(p, prng_below(p, 10) == 0 ? ARRAY_LEN(sizes) : 7)];
    char *text = mem_alloc(len + 1);
    for (size_t i = 0; i < len; i++) text[i] = (char)(len < 3 ? "0129-ab"[prng_below(p, 7)] : 'a' + (char)(i & 3));
    if (len > 0) text[prng_below(p, len)] = (char)prng_u64(p);
    return slice_of(text, len);
}

static void model_check(const struct model *m)
{
    listpack_check(m->lp);
    assert_int_equal(listpack_len(m->lp), m->len);
    uint32_t pos = listpack_first(m->lp), read = pos, before = 0;
    struct listpack_value value;
    for (size_t i = 0; i < m->len; i++) {
        assert_text(m->lp, pos, m->texts[i]);
        assert_int_equal(listpack_prev(m->lp, pos), before);
        assert_true(listpack_read(m->lp, &read, &value));
        if (!value.is_number) assert_true(slice_eq(value.text, m->texts[i]));
        before = pos;
        pos = listpack_next(m->lp, pos);
        assert_int_equal(read, pos);
    }
    assert_int_equal(pos, 0);
    assert_false(listpack_read(m->lp, &read, &value));
    assert_int_equal(listpack_last(m->lp), before);
}

static void model_insert(struct model *m, size_t at, struct slice owned_text)
{
    memmove(m->texts + at + 1, m->texts + at, (m->len - at) * sizeof m->texts[0]);
    m->texts[at] = owned_text;
    m->len++;
}

static void model_delete(struct model *m, size_t at)
{
    mem_free((void *)m->texts[at].ptr);
    m->len--;
    memmove(m->texts + at, m->texts + at + 1, (m->len - at) * sizeof m->texts[0]);
}

static void step_insert(struct model *m, struct prng *p)
{
    size_t at = prng_below(p, m->len + 1);
    uint32_t pos = at == m->len ? listpack_end(m->lp) : listpack_seek(m->lp, (int64_t)at);
    struct slice text = random_text(p);
    int64_t number;
    bool is_number = slice_to_i64(text, &number) == ST_OK && prng_below(p, 2);
    unsigned way = (unsigned)prng_below(p, 4);
    if (way == 0) at = 0;
    if (way == 1) at = m->len;
    if (way == 2 && at == 0) way = 3;
    switch (way) {
    case 0: m->lp = is_number ? listpack_prepend_i64(m->lp, number) : listpack_prepend(m->lp, text); break;
    case 1: m->lp = is_number ? listpack_append_i64(m->lp, number) : listpack_append(m->lp, text); break;
    case 2:
        pos = listpack_seek(m->lp, (int64_t)at - 1);
        m->lp = is_number ? listpack_insert_after_i64(m->lp, pos, number) : listpack_insert_after(m->lp, pos, text);
        break;
    default: m->lp = is_number ? listpack_insert_i64(m->lp, pos, number) : listpack_insert(m->lp, pos, text); break;
    }
    assert_non_null(m->lp);
    model_insert(m, at, text);
}

static void step_delete(struct model *m, struct prng *p)
{
    size_t at = prng_below(p, m->len), count = prng_below(p, 5);
    if (prng_below(p, 50) == 0) count = m->len;
    m->lp = listpack_delete_range(m->lp, listpack_seek(m->lp, (int64_t)at), count);
    for (; count > 0 && at < m->len; count--) model_delete(m, at);
}

static void step_delete_many(struct model *m, struct prng *p)
{
    uint32_t positions[4], group = m->len % 2 == 0 ? 2 : 1;
    size_t n = listpack_sample(m->lp, group, p, positions, prng_below(p, 4)), index[4], at = 0;
    for (size_t i = 0; i < n; i++) {
        while (listpack_seek(m->lp, (int64_t)at) != positions[i]) at++;
        index[i] = at;
    }
    m->lp = listpack_delete_many(m->lp, positions, n, group);
    for (size_t i = n; i-- > 0;) {
        for (uint32_t k = 0; k < group; k++) model_delete(m, index[i]);
    }
}

static void step_replace(struct model *m, struct prng *p)
{
    size_t at = prng_below(p, m->len);
    struct slice text = random_text(p);
    m->lp = listpack_replace(m->lp, listpack_seek(m->lp, (int64_t)at - (int64_t)m->len), text);
    mem_free((void *)m->texts[at].ptr);
    m->texts[at] = text;
}

static void step_find(const struct model *m, struct prng *p)
{
    size_t skip = prng_below(p, 3), from = prng_below(p, m->len);
    struct slice text = prng_below(p, 4) ? m->texts[prng_below(p, m->len)] : random_text(p);
    uint32_t want = 0;
    for (size_t i = from; i < m->len && want == 0; i += skip + 1) {
        if (slice_eq(m->texts[i], text)) want = listpack_seek(m->lp, (int64_t)i);
    }
    uint32_t start = listpack_seek(m->lp, (int64_t)from);
    assert_int_equal(listpack_find(m->lp, start, text, (uint32_t)skip), want);
    bool ours = false;
    for (size_t i = 0; i < m->len; i++) ours |= m->texts[i].ptr == text.ptr;
    if (!ours) mem_free((void *)text.ptr);
}

static void step_whole(struct model *m, struct prng *p)
{
    struct listpack *other = listpack_dup(m->lp), *tail;
    size_t at = prng_below(p, m->len + 1);
    other = listpack_split(other, at == m->len ? listpack_end(other) : listpack_seek(other, (int64_t)at), &tail);
    listpack_check(other);
    listpack_check(tail);
    assert_int_equal(listpack_len(other), at);
    other = listpack_shrink(listpack_merge(other, tail));
    assert_true(slice_eq(listpack_bytes(other), listpack_bytes(m->lp)));
    assert_true(listpack_mem(other) >= listpack_size(other));
    listpack_free(m->lp);
    m->lp = other;
}

static void test_model(void **state)
{
    (void)state;
    struct prng p;
    prng_init(&p, 11);
    struct model m = {.lp = listpack_new(0)};
    for (int step = 0; step < 20000 * EFFORT; step++) {
        unsigned way = (unsigned)prng_below(&p, 16);
        if (m.len == 0 || (way < 6 && m.len < MODEL_MAX)) {
            step_insert(&m, &p);
        } else if (way < 7) {
            step_delete(&m, &p);
        } else if (way < 8) {
            step_delete_many(&m, &p);
        } else if (way < 11) {
            step_replace(&m, &p);
        } else if (way < 15) {
            step_find(&m, &p);
        } else {
            step_whole(&m, &p);
        }
        model_check(&m);
        assert_int_equal(listpack_seek(m.lp, (int64_t)m.len), 0);
        assert_int_equal(listpack_seek(m.lp, -(int64_t)m.len - 1), 0);
        assert_int_equal(listpack_seek(m.lp, INT64_MIN), 0);
        assert_int_equal(listpack_seek(m.lp, INT64_MAX), 0);
    }
    while (m.len > 0) model_delete(&m, 0);
    listpack_free(m.lp);
}

/* ---- chance */

static void test_random(void **state)
{
    (void)state;
    enum { PAIRS = 10, ROUNDS = 20000 };
    struct prng p;
    prng_init(&p, 5);
    struct listpack *lp = listpack_new(0);
    assert_int_equal(listpack_random(lp, 1, &p), 0);
    for (int i = 0; i < PAIRS; i++) lp = listpack_append(listpack_append_i64(lp, i), SLICE("value"));
    size_t single[PAIRS] = {0}, many[PAIRS] = {0}, sampled[PAIRS] = {0};
    uint32_t positions[PAIRS + 1];
    for (int round = 0; round < ROUNDS; round++) {
        single[listpack_get(lp, listpack_random(lp, 2, &p)).number]++;
        size_t n = listpack_sample(lp, 2, &p, positions, 3);
        assert_int_equal(n, 3);
        for (size_t i = 0; i < n; i++) {
            assert_true(i == 0 || positions[i] > positions[i - 1]);
            sampled[listpack_get(lp, positions[i]).number]++;
        }
        listpack_random_many(lp, 2, &p, positions, 2);
        for (size_t i = 0; i < 2; i++) many[listpack_get(lp, positions[i]).number]++;
    }
    for (int i = 0; i < PAIRS; i++) { /* more than 5 deviations from the mean do not happen */
        assert_in_range(single[i], 2000 - 220, 2000 + 220);
        assert_in_range(many[i], 4000 - 310, 4000 + 310);
        assert_in_range(sampled[i], 6000 - 330, 6000 + 330);
    }
    assert_int_equal(listpack_sample(lp, 2, &p, positions, PAIRS + 1), PAIRS);
    assert_int_equal(listpack_sample(lp, 2, &p, positions, 0), 0);
    listpack_free(lp);
}

/* ---- bytes from outside */

/* In a block of exactly its size, so that the sanitizer sees a read behind it. */
static bool valid(const uint8_t *bytes, size_t len, bool deep)
{
    uint8_t *copy = mem_alloc(len);
    memcpy(copy, bytes, len);
    bool ok = listpack_validate(slice_of(copy, len), deep, NULL, NULL);
    mem_free(copy);
    return ok;
}

static bool valid_hex(const char *hex)
{
    uint8_t bytes[256];
    size_t len = unhex(hex, bytes);
    return valid(bytes, len, true);
}

static bool count_until(void *arg, struct listpack_value value, size_t index)
{
    size_t *limit = arg;
    (void)value;
    return index < *limit;
}

static void test_validate(void **state)
{
    (void)state;
    assert_false(listpack_validate(slice_of(NULL, 0), false, NULL, NULL));
    assert_false(valid_hex("070000000000"));
    assert_true(valid_hex("070000000000ff"));
    assert_true(valid_hex("07000000ffffff"));       /* nobody counted */
    assert_false(valid_hex("070000000100ff"));       /* a wrong count */
    assert_false(valid_hex("080000000000ff"));       /* a wrong size */
    assert_false(valid_hex("060000000000ff"));
    assert_false(valid_hex("07000000000000"));       /* no end */
    assert_false(valid_hex("080000000100ffff"));     /* an end too early */
    assert_true(valid_hex("0900000001000101ff"));
    assert_false(valid_hex("0900000001000102ff"));   /* a wrong back length */
    assert_false(valid_hex("08000000010001ff"));       /* no back length */
    assert_false(valid_hex("0a0000000100018001ff"));   /* a back length longer than needed */
    assert_false(valid_hex("090000000100f501ff"));     /* no such form */
    assert_false(valid_hex("090000000100bf01ff"));     /* behind the end */
    assert_false(valid_hex("090000000100e001ff"));
    assert_false(valid_hex("0c0000000100f0ffffffffff"));
    assert_false(valid_hex("0d0000000100f0fbffffff01ff"));
    assert_false(valid_hex("090000000100f001ff"));
    assert_false(valid_hex("080000000100e0ff"));
    struct listpack *lp = listpack_append(listpack_append(listpack_new(0), SLICE("a")), SLICE("1"));
    for (size_t limit = 0; limit <= 3; limit++) {
        assert_int_equal(listpack_validate(listpack_bytes(lp), true, count_until, &limit), limit >= 2);
    }
    listpack_free(lp);
}

/* Forms that a writer need not choose, but may. */
static void test_foreign_forms(void **state)
{
    (void)state;
    uint8_t bytes[64];
    /* 5 as int16, as int64, as a string, as a string with a 32-bit length */
    size_t len = unhex("1f0000000400f1050003f4050000000000000009813502f0010000003506ff", bytes);
    struct slice block = slice_of(bytes, len);
    assert_true(listpack_validate(block, true, NULL, NULL));
    struct listpack *lp = listpack_from_bytes(block);
    uint32_t pos = listpack_first(lp);
    for (int i = 0; i < 4; i++, pos = listpack_next(lp, pos)) {
        assert_text(lp, pos, SLICE("5"));
        assert_int_equal(listpack_find(lp, pos, SLICE("5"), 0), pos);
        assert_int_equal(listpack_find(lp, pos, SLICE("6"), 0), 0);
    }
    assert_int_equal(pos, 0);
    listpack_free(lp);
}

static void walk(struct slice block)
{
    struct listpack *lp = listpack_from_bytes(block);
    char scratch[NUM_I64_TEXT_MAX];
    size_t len = 0, back = 0;
    for (uint32_t pos = listpack_first(lp); pos != 0; pos = listpack_next(lp, pos), len++) {
        assert_true(listpack_equals(lp, pos, listpack_text(lp, pos, scratch)));
    }
    for (uint32_t pos = listpack_last(lp); pos != 0; pos = listpack_prev(lp, pos)) back++;
    assert_int_equal(len, back);
    assert_int_equal(len, listpack_len(lp));
    listpack_free(lp);
}

static void test_damage(void **state)
{
    (void)state;
    struct prng p;
    prng_init(&p, 3);
    for (int round = 0; round < 40 * EFFORT; round++) {
        struct listpack *lp = listpack_new(0);
        for (int i = 0; i < 12; i++) {
            struct slice text = random_text(&p);
            if (text.len < 200) lp = listpack_append(lp, text);
            mem_free((void *)text.ptr);
        }
        struct slice block = listpack_bytes(lp);
        uint8_t *bytes = mem_dup(block.ptr, block.len);
        for (size_t cut = 1; cut < block.len; cut++) {
            uint8_t end = bytes[cut - 1], size[4];
            assert_false(valid(bytes, cut, false));
            memcpy(size, bytes, 4);
            memcpy(bytes, &(uint32_t){(uint32_t)cut}, 4);
            bytes[cut - 1] = 0xff;
            if (cut >= 7) valid(bytes, cut, true);
            bytes[cut - 1] = end;
            memcpy(bytes, size, 4);
        }
        for (size_t at = 0; at < block.len; at++) {
            uint8_t was = bytes[at];
            bytes[at] = (uint8_t)prng_u64(&p);
            if (valid(bytes, block.len, true)) walk(slice_of(bytes, block.len));
            bytes[at] = was;
        }
        mem_free(bytes);
        listpack_free(lp);
    }
}

/* The functions on a list inside a larger block, against those on a block of its own. */
static void test_in_place(void **state)
{
    enum { ROOM = 40000, START = 20000 };
    char *block = mem_alloc(ROOM);
    struct listpack *in = (struct listpack *)(block + START), *own = listpack_new(0);
    listpack_init(in);
    char text[200];
    struct prng prng;
    prng_init(&prng, 5);
    memset(text, 'x', sizeof text);
    for (int i = 0; i < 4000; i++) {
        struct listpack_entry e;
        size_t len = listpack_len(own), size = prng_below(&prng, 200), count = 1 + prng_below(&prng, 3);
        struct slice s = size % 3 == 0 ? slice_of(text, (size_t)sprintf(text, "%d", i * 77)) : slice_of(text, size);
        bool front = prng_below(&prng, 2) == 0;
        text[0] = 'x';
        if (len > 0 && (listpack_size(in) > START / 2 || prng_below(&prng, 3) == 0)) {
            if (count > len) count = len;
            own = listpack_delete_range(own, listpack_seek(own, front ? 0 : -(int64_t)count), count);
            if (front)
                in = listpack_drop_first(in, count);
            else
                listpack_drop_last(in, count);
        } else {
            assert_int_equal(listpack_entry_make(&e, s), listpack_entry_size(s));
            own = front ? listpack_prepend(own, s) : listpack_append(own, s);
            if (front)
                in = listpack_put_first(in, &e);
            else
                listpack_put_last(in, &e);
        }
        size = listpack_size(own);
        assert_int_equal(listpack_size(in), size);
        assert_memory_equal(in, own, size);
        struct listpack *middle = (struct listpack *)(block + (ROOM - size) / 2);
        memmove(middle, in, size);
        in = middle;
    }
    mem_free(block);
    listpack_free(own);
}

static void test_read_many(void **state)
{
    struct listpack *lp = listpack_new(0);
    static char text[5000];
    memset(text, 'y', sizeof text);
    for (size_t i = 0; i < 300; i++) lp = listpack_append(lp, slice_of(text, i * i % 5000));
    for (int64_t i = 0; i < 300; i++) lp = listpack_append_i64(lp, i * i * i * i * i * i * (i % 2 == 0 ? 1 : -1));
    struct listpack_value values[64], one;
    uint32_t a = listpack_first(lp), b = a;
    size_t n, total = 0;
    while ((n = listpack_read_many(lp, &a, values, 1 + total % 64)) > 0) {
        for (size_t i = 0; i < n; i++) {
            assert_true(listpack_read(lp, &b, &one));
            assert_true(one.is_number == values[i].is_number && one.number == values[i].number);
            assert_true(one.text.ptr == values[i].text.ptr && one.text.len == values[i].text.len);
        }
        assert_int_equal(a, b);
        total += n;
    }
    assert_int_equal(total, 600);
    listpack_free(lp);
}

/* Small and large lists, texts that share their ends, numbers as such and as text. */
static void test_distinct(void **state)
{
    (void)state;
    static const struct hash_seed seed = {1, 2};
    static const size_t lens[] = {0, 1, 2, 100, 127, 128, 129, 1000};
    for (size_t l = 0; l < sizeof(lens) / sizeof(lens[0]); l++)
        for (uint32_t group = 1; group <= 3; group++) {
            struct listpack *lp = listpack_new(0);
            char text[64];
            for (size_t i = 0; i < lens[l] * group; i++) {
                int len = i % group > 0 ? 0 : snprintf(text, sizeof(text), i % 2 == 0 ? "%zu" : "begin %zu end", i);
                lp = listpack_append(lp, slice_of(text, (size_t)len));
            }
            assert_true(listpack_distinct(lp, group, &seed));
            for (size_t i = 0; i < lens[l]; i += 1 + lens[l] / 7) {
                struct listpack *twice = listpack_dup(lp);
                char scratch[NUM_I64_TEXT_MAX];
                struct slice again = listpack_text(lp, listpack_seek(lp, (int64_t)(i * group)), scratch);
                memcpy(text, again.ptr, again.len);
                twice = listpack_append(twice, slice_of(text, again.len));
                for (uint32_t k = 1; k < group; k++) twice = listpack_append(twice, SLICE("x"));
                assert_false(listpack_distinct(twice, group, &seed));
                listpack_free(twice);
            }
            listpack_free(lp);
        }
}

int main(void)
{
    mem_thread_init();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_distinct), cmocka_unit_test(test_golden_values), cmocka_unit_test(test_golden_zset),
        cmocka_unit_test(test_borders),       cmocka_unit_test(test_too_large),
        cmocka_unit_test(test_many_entries),  cmocka_unit_test(test_model),
        cmocka_unit_test(test_random),        cmocka_unit_test(test_validate),
        cmocka_unit_test(test_foreign_forms), cmocka_unit_test(test_damage),
        cmocka_unit_test(test_in_place),      cmocka_unit_test(test_read_many),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
