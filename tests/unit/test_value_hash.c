/* Hashes: the forms and what leads from one to the other, expiries of fields, chance, payloads, memory, and a model
 * test against plain arrays of numbered fields while the limits change. */
#include "value/hash.h"

#include "base/mem.h"
#include "base/prng.h"
#include "ds/listpack.h"
#include "value/value_ops.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#define KEY SLICE("a key")

static const struct hash_seed seed = {1, 2};

static struct value_limits limits_of(int64_t entries, int64_t value)
{
    return (struct value_limits){.seed = &seed, .hash_listpack_entries = entries, .hash_listpack_value = value};
}

#define LIMITS_DEFAULT limits_of(512, 64)

static bool sizes_are_real(void)
{
    return strncmp(mem_allocator_name(), "jemalloc", 8) == 0;
}

static void expect(const struct record *r, const char *field, const char *value)
{
    char scratch[NUM_I64_TEXT_MAX];
    struct slice found;
    assert_true(hash_get(r, slice_cstr(field), 0, scratch, &found));
    assert_true(slice_eq(found, slice_cstr(value)));
}

static void expect_form(const struct record *r, const char *name)
{
    record_check(r);
    assert_string_equal(record_encoding_name(r), name);
}

static struct slice text_of(char scratch[32], const char *prefix, long n)
{
    return slice_of(scratch, (size_t)snprintf(scratch, 32, "%s%ld", prefix, n));
}

static void fill(struct record *r, long from, long to, const struct value_limits *limits)
{
    char field[32], value[32];
    for (long i = from; i < to; i++)
        assert_true(hash_set(r, text_of(field, "f", i), text_of(value, "v", i), 0, limits));
}

static void forms_and_their_borders(void **state)
{
    (void)state;
    struct value_limits limits = LIMITS_DEFAULT;
    char field[32], big[3000];
    memset(big, 'x', sizeof(big));
    struct record *r = hash_new(KEY);
    expect_form(r, "listpack");
    assert_int_equal(hash_len(r), 0);
    fill(r, 0, 512, &limits);
    expect_form(r, "listpack");
    assert_false(hash_set(r, SLICE("f3"), SLICE("other"), 0, &limits));
    expect_form(r, "listpack");
    fill(r, 512, 513, &limits);
    expect_form(r, "hashtable");
    assert_int_equal(hash_len(r), 513);
    expect(r, "f3", "other");
    expect(r, "f512", "v512");
    for (long i = 0; i < 513; i++) assert_true(hash_delete(r, text_of(field, "f", i), 0));
    assert_int_equal(hash_len(r), 0);
    expect_form(r, "hashtable");
    record_free(r);

    r = hash_new(KEY);
    hash_set(r, SLICE("f"), slice_of(big, 64), 0, &limits);
    expect_form(r, "listpack");
    hash_set(r, SLICE("f"), slice_of(big, 65), 0, &limits);
    expect_form(r, "hashtable");
    record_free(r);

    r = hash_new(KEY);
    hash_set(r, slice_of(big, 65), SLICE("v"), 0, &limits);
    expect_form(r, "hashtable");
    record_free(r);

    /* a change of the limits shows with the next set */
    r = hash_new(KEY);
    fill(r, 0, 10, &limits);
    struct value_limits less = limits_of(5, 64);
    hash_set(r, SLICE("f1"), SLICE("w"), 0, &less);
    expect_form(r, "hashtable");
    record_free(r);
}

static void numbers_and_odd_texts(void **state)
{
    (void)state;
    static const char *const texts[] = {"", "0", "-0", "+1", "007", "1", " 1", "1e3", "-1", "9223372036854775807",
                                        "9223372036854775808", "-9223372036854775808", "18446744073709551615", "x"};
    for (int large = 0; large < 2; large++) {
        struct value_limits limits = limits_of(large ? 0 : 512, 64);
        struct record *r = hash_new(KEY);
        for (size_t i = 0; i < ARRAY_LEN(texts); i++)
            assert_true(hash_set(r, slice_cstr(texts[i]), slice_cstr(texts[i]), 0, &limits));
        for (size_t i = 0; i < ARRAY_LEN(texts); i++) expect(r, texts[i], texts[i]);
        expect_form(r, large ? "hashtable" : "listpack");
        assert_int_equal(hash_len(r), ARRAY_LEN(texts));
        record_free(r);
    }
}

static void values_of_all_sizes(void **state)
{
    (void)state;
    struct value_limits limits = limits_of(0, 64);
    static const size_t sizes[] = {0, 1, 13, 14, 15, 255, 256, 257, 1023, 1024, 1025, 5000, 1024, 3, 70000, 70001, 0};
    char *bytes = mem_alloc(80000), scratch[NUM_I64_TEXT_MAX];
    memset(bytes, 'q', 80000);
    struct record *r = hash_new(KEY);
    struct slice fields[] = {SLICE("f"), slice_of(bytes, 255), slice_of(bytes, 256), slice_of(bytes, 60000)}, found;
    for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
        for (size_t f = 0; f < ARRAY_LEN(fields); f++) {
            memcpy(bytes + 60000, &i, sizeof(i) < sizes[i] ? sizeof(i) : sizes[i]);
            struct slice value = slice_of(bytes + 60000 - (sizes[i] > 20000 ? 60000 : 0), sizes[i]);
            assert_int_equal(hash_set(r, fields[f], value, 0, &limits), i == 0);
            record_check(r);
            assert_true(hash_get(r, fields[f], 0, scratch, &found));
            assert_true(slice_eq(found, value));
            assert_true(hash_set_expiry(r, fields[f], 0, i % 3 * 1000, &limits));
            record_check(r);
            assert_true(hash_get(r, fields[f], 0, scratch, &found));
            assert_true(slice_eq(found, value));
        }
        struct record *copy = record_dup(r, SLICE("copy"));
        record_check(copy);
        assert_int_equal(hash_len(copy), 4);
        record_free(copy);
    }
    record_free(r);
    mem_free(bytes);
}

static void expiries(void **state)
{
    (void)state;
    for (int large = 0; large < 2; large++) {
        struct value_limits limits = limits_of(large ? 2 : 512, 64);
        struct record *r = hash_new(KEY);
        char scratch[NUM_I64_TEXT_MAX];
        struct slice value;
        uint64_t ms;
        fill(r, 0, 4, &limits);
        assert_true(record_parts_expire_ms(r) == 0);
        assert_true(hash_set_expiry(r, SLICE("f0"), 10, 0, &limits));
        expect_form(r, large ? "hashtable" : "listpack");
        assert_true(hash_set_expiry(r, SLICE("f2"), 10, 200, &limits));
        assert_true(hash_set_expiry(r, SLICE("f1"), 10, 100, &limits));
        assert_false(hash_set_expiry(r, SLICE("none"), 10, 100, &limits));
        expect_form(r, large ? "hashtable" : "listpackex");
        assert_true(record_parts_expire_ms(r) == 100 && record_due_ms(r) == 100);
        r = record_set_expire(r, 50);
        assert_true(record_due_ms(r) == 50);
        r = record_set_expire(r, 0);
        assert_true(hash_expiry(r, SLICE("f1"), 99, &ms) && ms == 100);
        assert_false(hash_expiry(r, SLICE("f1"), 100, &ms));
        assert_false(hash_get(r, SLICE("f1"), 100, scratch, &value));
        assert_true(hash_get(r, SLICE("f1"), 0, scratch, &value));
        assert_false(hash_delete(r, SLICE("f1"), 100));
        assert_int_equal(hash_len(r), 4);
        assert_int_equal(hash_len_live(r, 99), 4);
        assert_int_equal(hash_len_live(r, 150), 3);
        assert_int_equal(hash_len_live(r, 200), 2);
        /* a value that is kept up, one that is replaced, one that was due and is new */
        assert_false(hash_update(r, SLICE("f2"), SLICE("kept"), 150, &limits));
        assert_true(hash_expiry(r, SLICE("f2"), 150, &ms) && ms == 200);
        assert_true(hash_update(r, SLICE("f1"), SLICE("new"), 150, &limits));
        assert_true(hash_expiry(r, SLICE("f1"), 150, &ms) && ms == 0);
        assert_false(hash_set(r, SLICE("f2"), SLICE("replaced"), 150, &limits));
        assert_true(hash_expiry(r, SLICE("f2"), 150, &ms) && ms == 0);
        assert_true(record_parts_expire_ms(r) == 0);
        expect_form(r, large ? "hashtable" : "listpackex");
        /* reaping */
        for (int i = 0; i < 4; i++) {
            char field[32];
            assert_true(hash_set_expiry(r, text_of(field, "f", i), 0, 100 + (unsigned)i, &limits));
        }
        assert_int_equal(hash_reap(r, 99, 10, NULL, NULL), 0);
        assert_int_equal(hash_reap(r, 102, 2, NULL, NULL), 2);
        assert_true(record_parts_expire_ms(r) == 102);
        assert_int_equal(hash_reap(r, 102, 2, NULL, NULL), 1);
        expect(r, "f3", "v3");
        assert_int_equal(hash_reap(r, 103, 2, NULL, NULL), 1);
        assert_int_equal(hash_len(r), 0);
        record_check(r);
        record_free(r);
    }
}

/* ---- chance ---- */

struct tally {
    size_t seen[64], count;
};

static void tally_field(void *arg, const struct hash_item *item)
{
    struct tally *t = arg;
    t->seen[strtoul(item->field.ptr + 1, NULL, 10) % 64]++;
    t->count++;
}

static void chance_is_fair(void **state)
{
    (void)state;
    enum { FIELDS = 24, DUE = 8, ROUNDS = 4000 };
    struct prng prng;
    prng_init(&prng, 7);
    for (int form = 0; form < 3; form++) {
        struct value_limits limits = limits_of(form == 2 ? 0 : 512, 64);
        struct record *r = hash_new(KEY);
        char field[32];
        fill(r, 0, FIELDS, &limits);
        size_t first = form == 0 ? 0 : DUE;
        for (size_t i = 0; i < first; i++)
            hash_set_expiry(r, text_of(field, "f", (long)i), 0, 5, &limits);
        size_t live = FIELDS - first;
        struct tally drawn = {0}, sampled = {0}, few = {0}, single = {0};
        hash_draw(r, 5, &prng, ROUNDS * live, tally_field, &drawn);
        for (int i = 0; i < ROUNDS; i++) {
            hash_sample(r, 5, &prng, live / 2, tally_field, &sampled);
            hash_sample(r, 5, &prng, 2, tally_field, &few);
        }
        for (size_t i = 0; i < ROUNDS * live; i++) hash_draw(r, 5, &prng, 1, tally_field, &single);
        assert_int_equal(sampled.count, ROUNDS * (live / 2));
        for (size_t i = 0; i < FIELDS; i++) {
            if (i < first) {
                assert_int_equal(drawn.seen[i] + sampled.seen[i] + few.seen[i] + single.seen[i], 0);
                continue;
            }
            assert_in_range(drawn.seen[i], ROUNDS * 8 / 10, ROUNDS * 12 / 10);
            assert_in_range(single.seen[i], ROUNDS * 8 / 10, ROUNDS * 12 / 10);
            assert_in_range(sampled.seen[i], ROUNDS * 4 / 10, ROUNDS * 6 / 10);
            assert_in_range(few.seen[i], ROUNDS * 2 / live * 7 / 10, ROUNDS * 2 / live * 13 / 10);
        }
        struct tally all = {0};
        hash_sample(r, 5, &prng, 1000, tally_field, &all);
        for (size_t i = 0; i < FIELDS; i++) assert_int_equal(all.seen[i], i >= first);
        record_free(r);
    }
}

/* ---- payloads ---- */

static void payloads(void **state)
{
    (void)state;
    struct value_limits limits = LIMITS_DEFAULT;
    struct slice bytes;
    bool triples;
    struct record *r = hash_new(KEY);
    fill(r, 0, 3, &limits);
    assert_true(hash_packed(r, &bytes, &triples) && !triples);
    struct record *again = hash_from_packed(SLICE("b"), bytes, false, &limits);
    assert_non_null(again);
    expect(again, "f2", "v2");
    record_check(again);
    record_free(again);
    assert_null(hash_from_packed(SLICE("b"), slice_of(bytes.ptr, bytes.len - 1), false, &limits));
    assert_null(hash_from_packed(SLICE("b"), bytes, true, &limits)); /* 6 entries are 2 triples, but not numbers */

    hash_set_expiry(r, SLICE("f1"), 0, 77, &limits);
    assert_true(hash_packed(r, &bytes, &triples) && triples);
    again = hash_from_packed(SLICE("b"), bytes, true, &limits);
    assert_non_null(again);
    expect_form(again, "listpackex");
    assert_true(record_parts_expire_ms(again) == 77);
    record_free(again);
    record_free(r);

    const struct {
        bool triples;
        struct listpack_value entries[6];
        int count;
    } bad[] = {
        {false, {{.text = SLICE("a")}, {.text = SLICE("1")}, {.text = SLICE("a")}, {.text = SLICE("2")}}, 4},
        {false, {{.text = SLICE("a")}, {.text = SLICE("1")}, {.text = SLICE("b")}}, 3},
        {false, {{.text = SLICE("")}}, 0},
        {true, {{.text = SLICE("a")}, {.text = SLICE("1")}, {.text = SLICE("x")}}, 3},
        {true, {{.text = SLICE("a")}, {.text = SLICE("1")}, {.number = -1, .is_number = true}}, 3},
        {true, {{.text = SLICE("a")}, {.text = SLICE("1")}, {.number = INT64_MAX, .is_number = true}}, 3},
        {true, {{.text = SLICE("a")}, {.text = SLICE("1")}, {.number = 0, .is_number = true},
                {.text = SLICE("b")}, {.text = SLICE("1")}, {.number = 5, .is_number = true}}, 6},
        {true, {{.text = SLICE("a")}, {.text = SLICE("1")}, {.number = 6, .is_number = true},
                {.text = SLICE("b")}, {.text = SLICE("1")}, {.number = 5, .is_number = true}}, 6},
    };
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct listpack *lp = listpack_new(0);
        if (bad[i].count > 0) lp = listpack_append_many(lp, bad[i].entries, (size_t)bad[i].count);
        assert_null(hash_from_packed(SLICE("b"), listpack_bytes(lp), bad[i].triples, &limits));
        listpack_free(lp);
    }

    r = hash_new(KEY);
    fill(r, 0, 513, &limits);
    assert_false(hash_packed(r, &bytes, &triples));
    record_free(r);
}

static void memory_of_a_large_one(void **state)
{
    (void)state;
    enum { FIELDS = 100000 };
    if (!sizes_are_real()) return;
    struct value_limits limits = LIMITS_DEFAULT;
    mem_thread_init();
    size_t before = mem_used();
    struct record *r = hash_new(KEY);
    char field[32], value[32];
    for (long i = 0; i < FIELDS; i++) {
        snprintf(field, sizeof(field), "field:%08ld", i);
        snprintf(value, sizeof(value), "value:%08ld", i);
        hash_set(r, slice_of(field, 14), slice_of(value, 14), 0, &limits);
    }
    double each = (double)(mem_used() - before) / FIELDS;
    print_message("bytes per field of 14 + 14: %.1f\n", each);
    assert_true(each < 48);
    double told = (double)record_mem(r, 0) / FIELDS;
    assert_true(told > each * 0.95 && told < each * 1.05);
    record_free(r);
    mem_thread_exit();
}

/* ---- the model ---- */

enum { FIELDS = 300 };

struct entry {
    bool exists;
    uint64_t expire_ms;
    struct slice value;
};

struct model {
    struct record *r;
    struct entry fields[FIELDS];
    struct prng prng;
    struct value_limits limits;
    uint64_t now_ms;
    char bytes[4096];
    size_t seen[FIELDS];
};

static size_t below(struct model *m, size_t n)
{
    return prng_below(&m->prng, n);
}

static struct slice field_name(char scratch[400], size_t i)
{
    size_t len = (size_t)snprintf(scratch, 400, i % 3 == 0 ? "%zu" : "%zu:", i);
    size_t fill = i % 29 == 1 ? 300 : i % 3 == 0 ? 0 : i % 40;
    for (; len < fill; len++) scratch[len] = 'p';
    return slice_of(scratch, len);
}

static bool is_live(const struct model *m, size_t i)
{
    const struct entry *e = &m->fields[i];
    return e->exists && (e->expire_ms == 0 || e->expire_ms > m->now_ms);
}

static struct slice some_value(struct model *m)
{
    static const char *const numbers[] = {"0", "-1", "12", "300", "70000", "-5000000000", "9223372036854775807"};
    if (below(m, 3) == 0) return slice_cstr(numbers[below(m, ARRAY_LEN(numbers))]);
    size_t len = below(m, 40) == 0 ? below(m, 3000) : below(m, 60);
    return slice_of(m->bytes + below(m, sizeof(m->bytes) - 3000), len);
}

static void one_put(struct model *m)
{
    char scratch[400];
    size_t i = below(m, FIELDS);
    bool keep = below(m, 2) == 0;
    struct slice value = some_value(m);
    bool is_new = (keep ? hash_update : hash_set)(m->r, field_name(scratch, i), value, m->now_ms, &m->limits);
    assert_int_equal(is_new, !is_live(m, i));
    if (!keep || !is_live(m, i)) m->fields[i].expire_ms = 0;
    m->fields[i].exists = true;
    m->fields[i].value = value;
}

static void one_delete(struct model *m)
{
    char scratch[400];
    size_t i = below(m, FIELDS);
    bool live = is_live(m, i);
    assert_int_equal(hash_delete(m->r, field_name(scratch, i), m->now_ms), live);
    if (live) m->fields[i].exists = false;
}

static void one_expiry(struct model *m)
{
    char scratch[400];
    size_t i = below(m, FIELDS);
    uint64_t ms = below(m, 4) == 0 ? 0 : m->now_ms + 1 + below(m, 500);
    if (below(m, 100) == 0) ms = HASH_EXPIRE_MAX_MS - 1;
    bool live = is_live(m, i);
    assert_int_equal(hash_set_expiry(m->r, field_name(scratch, i), m->now_ms, ms, &m->limits), live);
    if (live) m->fields[i].expire_ms = ms;
}

static size_t number_of(struct slice field)
{
    char digits[32] = "";
    memcpy(digits, field.ptr, field.len < 31 ? field.len : 31);
    return strtoul(digits, NULL, 10);
}

static void reaped(void *arg, const struct hash_item *item)
{
    struct model *m = arg;
    size_t i = number_of(item->field);
    assert_true(m->fields[i].exists && !is_live(m, i));
    assert_true(m->fields[i].expire_ms == item->expire_ms);
    m->fields[i].exists = false;
}

static void one_reap(struct model *m)
{
    size_t due = hash_len(m->r) - hash_len_live(m->r, m->now_ms), max = below(m, 20);
    assert_int_equal(hash_reap(m->r, m->now_ms, max, reaped, m), due < max ? due : max);
}

static void see(void *arg, const struct hash_item *item)
{
    struct model *m = arg;
    size_t i = number_of(item->field);
    assert_true(is_live(m, i));
    assert_true(slice_eq(item->value, m->fields[i].value));
    assert_true(item->expire_ms == m->fields[i].expire_ms);
    m->seen[i]++;
}

static void compare_walks(struct model *m)
{
    struct hash_iter it;
    struct hash_item item;
    memset(m->seen, 0, sizeof(m->seen));
    hash_iter_init(&it, m->r, m->now_ms);
    while (hash_iter_next(&it, &item)) see(m, &item);
    size_t live = 0;
    for (size_t i = 0; i < FIELDS; i++) {
        assert_int_equal(m->seen[i], is_live(m, i));
        live += is_live(m, i);
    }
    assert_int_equal(hash_len_live(m->r, m->now_ms), live);
    size_t due = hash_len(m->r) - live;
    assert_int_equal(hash_due(m->r, m->now_ms, 5), due < 5 ? due : 5);
    assert_int_equal(hash_all_due(m->r, m->now_ms), live == 0);
    uint64_t cursor = 0;
    do cursor = hash_scan(m->r, cursor, m->now_ms, see, m);
    while (cursor != 0);
    for (size_t i = 0; i < FIELDS; i++) assert_true((m->seen[i] >= 2) == is_live(m, i));
    memset(m->seen, 0, sizeof(m->seen));
    hash_sample(m->r, m->now_ms, &m->prng, live / 2, see, m);
    size_t sampled = 0;
    for (size_t i = 0; i < FIELDS; i++) {
        assert_true(m->seen[i] <= 1);
        sampled += m->seen[i];
    }
    assert_int_equal(sampled, live / 2);
    if (live > 0) hash_draw(m->r, m->now_ms, &m->prng, 5, see, m);
}

static void compare(struct model *m)
{
    uint64_t first_ms = 0;
    size_t len = 0;
    record_check(m->r);
    for (size_t i = 0; i < FIELDS; i++) {
        char name[400], scratch[NUM_I64_TEXT_MAX];
        struct slice value;
        uint64_t ms = 0;
        const struct entry *e = &m->fields[i];
        len += e->exists;
        if (e->exists && e->expire_ms != 0 && (first_ms == 0 || e->expire_ms < first_ms)) first_ms = e->expire_ms;
        bool live = is_live(m, i);
        assert_int_equal(hash_get(m->r, field_name(name, i), m->now_ms, scratch, &value), live);
        assert_int_equal(hash_expiry(m->r, field_name(name, i), m->now_ms, &ms), live);
        if (!live) continue;
        assert_true(slice_eq(value, e->value));
        assert_true(ms == e->expire_ms);
    }
    assert_true(record_parts_expire_ms(m->r) == first_ms);
    assert_int_equal(hash_len(m->r), len);
    compare_walks(m);
}

/* The copy lives on, the original is freed. */
static void one_copy(struct model *m)
{
    struct record *copy = record_dup(m->r, SLICE("another key"));
    struct slice bytes;
    bool triples;
    if (hash_packed(m->r, &bytes, &triples) && hash_len(m->r) > 0) {
        record_free(copy);
        copy = hash_from_packed(SLICE("a key"), bytes, triples, &m->limits);
        assert_non_null(copy);
    }
    record_free(m->r);
    m->r = copy;
}

static void run_model(uint64_t number, size_t steps)
{
    struct model *m = mem_zalloc(sizeof(*m));
    prng_init(&m->prng, number);
    for (size_t i = 0; i < sizeof(m->bytes); i++) m->bytes[i] = (char)('a' + below(m, 26));
    m->limits = limits_of((int64_t)below(m, 400), 64);
    m->r = hash_new(KEY);
    m->now_ms = 1000;
    for (size_t step = 0; step < steps; step++) {
        size_t what = below(m, 100);
        if (what < 45) one_put(m);
        else if (what < 60) one_delete(m);
        else if (what < 85) one_expiry(m);
        else if (what < 95) m->now_ms += below(m, 20);
        else if (what < 98) one_reap(m);
        else if (what < 99) one_copy(m);
        else m->limits = limits_of((int64_t)below(m, 400), below(m, 2) ? 64 : 4000);
        if (step % 64 == 0) compare(m);
        else record_check(m->r);
    }
    compare(m);
    record_free(m->r);
    mem_free(m);
}

static void like_the_model(void **state)
{
    (void)state;
    const char *wanted = getenv("CAIRN_MODEL_STEPS");
    size_t steps = wanted != NULL ? strtoul(wanted, NULL, 10) : 1500;
    for (uint64_t number = 1; number <= 12; number++) run_model(number, steps);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(forms_and_their_borders), cmocka_unit_test(numbers_and_odd_texts),
        cmocka_unit_test(values_of_all_sizes),     cmocka_unit_test(expiries),
        cmocka_unit_test(chance_is_fair),          cmocka_unit_test(payloads),
        cmocka_unit_test(memory_of_a_large_one),   cmocka_unit_test(like_the_model),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
