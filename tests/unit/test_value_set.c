/* Sets: the forms and what leads from one to the other, chance, several sets at once, payloads, and a model test
 * against plain arrays of numbered members while the limits change. */
#include "value/set.h"

#include "base/mem.h"
#include "base/prng.h"
#include "ds/intset.h"
#include "ds/listpack.h"
#include "value/set_impl.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#define KEY SLICE("a key")

static const struct hash_seed seed = {1, 2};

static struct value_limits limits_of(int64_t intset, int64_t listpack, int64_t value)
{
    return (struct value_limits){
        .seed = &seed, .set_intset_entries = intset, .set_listpack_entries = listpack, .set_listpack_value = value};
}

#define LIMITS_DEFAULT limits_of(512, 128, 64)

/* The C library's allocator, of sanitizer builds, has other size classes. */
static bool sizes_are_real(void)
{
    return strncmp(mem_allocator_name(), "jemalloc", 8) == 0;
}

static struct slice text_of(char scratch[32], const char *prefix, long n)
{
    return slice_of(scratch, (size_t)snprintf(scratch, 32, "%s%ld", prefix, n));
}

static struct record *numbered(const char *prefix, long from, long to, const struct value_limits *limits)
{
    char scratch[32];
    struct record *r = set_new(KEY);
    for (long i = from; i < to; i++) assert_true(set_add(r, text_of(scratch, prefix, i), limits));
    return r;
}

static void forms_and_their_borders(void **state)
{
    struct value_limits l = LIMITS_DEFAULT;
    char scratch[32];
    static const char long_text[65] = "1234567890123456789012345678901234567890123456789012345678901234";
    struct record *r = set_new(KEY);
    assert_int_equal(set_len(r), 0);
    record_check(r);
    assert_false(set_contains(r, SLICE("x")));
    assert_false(set_remove(r, SLICE("x")));
    for (long i = 0; i < 512; i++) assert_true(set_add(r, text_of(scratch, "", i), &l));
    assert_string_equal(record_encoding_name(r), "intset");
    assert_false(set_add(r, SLICE("511"), &l));
    assert_true(set_contains(r, SLICE("0")));
    assert_false(set_contains(r, SLICE("00")));
    assert_true(set_add(r, SLICE("512"), &l));
    assert_string_equal(record_encoding_name(r), "hashtable");
    assert_int_equal(set_len(r), 513);
    record_check(r);
    record_free(r);

    r = numbered("", 0, 127, &l);
    assert_true(set_add(r, SLICE("+1"), &l));
    assert_string_equal(record_encoding_name(r), "listpack");
    assert_false(set_add(r, SLICE("5"), &l));
    assert_true(set_add(r, SLICE("500"), &l));
    assert_string_equal(record_encoding_name(r), "hashtable");
    record_free(r);

    r = numbered("", 0, 128, &l);
    assert_true(set_add(r, SLICE("text"), &l));
    assert_string_equal(record_encoding_name(r), "hashtable");
    record_free(r);

    r = set_new(KEY);
    assert_true(set_add(r, slice_of(long_text, 64), &l));
    assert_string_equal(record_encoding_name(r), "listpack");
    assert_true(set_remove(r, slice_of(long_text, 64)));
    assert_int_equal(set_len(r), 0);
    assert_true(set_add(r, slice_of(long_text, 65), &l));
    assert_string_equal(record_encoding_name(r), "hashtable");
    record_check(r);
    record_free(r);
}

static void small_limits(void **state)
{
    struct value_limits none = limits_of(0, 0, 0), one_int = limits_of(1, 0, 64), short_only = limits_of(512, 128, 2);
    struct record *r = set_new(KEY);
    assert_true(set_add(r, SLICE("1"), &none));
    assert_string_equal(record_encoding_name(r), "hashtable");
    record_free(r);
    r = set_new(KEY);
    assert_true(set_add(r, SLICE("1"), &one_int));
    assert_string_equal(record_encoding_name(r), "intset");
    assert_true(set_add(r, SLICE("2"), &one_int));
    assert_string_equal(record_encoding_name(r), "hashtable");
    record_free(r);
    r = set_new(KEY);
    assert_true(set_add(r, SLICE("-12345"), &short_only));
    assert_true(set_add(r, SLICE("x"), &short_only)); /* the integer is too long for a listpack */
    assert_string_equal(record_encoding_name(r), "hashtable");
    record_free(r);
}

static void prepared_for_many(void **state)
{
    struct value_limits l = LIMITS_DEFAULT;
    struct slice numbers[600];
    struct slice words[] = {SLICE("abcde"), SLICE("fghij"), SLICE("klmno"), SLICE("pqrst"), SLICE("uvwxy")};
    for (size_t i = 0; i < ARRAY_LEN(numbers); i++) numbers[i] = SLICE("7");
    struct record *r = set_new(KEY);
    set_prepare(r, numbers, 512, &l);
    assert_string_equal(record_encoding_name(r), "intset");
    record_check(r);
    set_prepare(r, numbers, 513, &l);
    assert_string_equal(record_encoding_name(r), "hashtable");
    record_free(r);
    r = set_new(SLICE("twelve bytes"));
    set_prepare(r, words, ARRAY_LEN(words), &l);
    for (size_t i = 0; i < ARRAY_LEN(words); i++) assert_true(set_add(r, words[i], &l));
    assert_string_equal(record_encoding_name(r), "listpack");
    if (sizes_are_real()) assert_true(record_mem(r, 0) <= 80);
    record_free(r);
}

static void members_of_any_bytes(void **state)
{
    static const size_t lengths[] = {0, 1, 2, 63, 64, 65, 253, 254, 255, 256, 70000};
    struct value_limits small = LIMITS_DEFAULT, none = limits_of(0, 0, 0);
    char *bytes = malloc(70000);
    memset(bytes, '\xff', 70000);
    for (int form = 0; form < 2; form++) {
        struct record *r = set_new(KEY);
        for (size_t i = 0; i < ARRAY_LEN(lengths); i++) {
            assert_true(set_add(r, slice_of(bytes, lengths[i]), form ? &none : &small));
            assert_false(set_add(r, slice_of(bytes, lengths[i]), form ? &none : &small));
            record_check(r);
        }
        struct record *copy = record_dup(r, SLICE("copy"));
        record_free(r);
        assert_int_equal(set_len(copy), ARRAY_LEN(lengths));
        for (size_t i = 0; i < ARRAY_LEN(lengths); i++) {
            assert_true(set_contains(copy, slice_of(bytes, lengths[i])));
            assert_true(set_remove(copy, slice_of(bytes, lengths[i])));
            assert_false(set_contains(copy, slice_of(bytes, lengths[i])));
        }
        assert_int_equal(set_len(copy), 0);
        record_free(copy);
    }
    free(bytes);
}

/* ---- chance */

struct counts {
    unsigned of[4096];
    size_t visits;
};

static void count_visit(void *arg, struct slice member)
{
    struct counts *c = arg;
    int64_t n;
    if (member.len > 0 && member.ptr[0] == 'm') member.ptr++, member.len--;
    assert_int_equal(slice_to_i64(member, &n), ST_OK);
    assert_true(n >= 0 && n < (int64_t)ARRAY_LEN(c->of));
    c->of[n]++;
    c->visits++;
}

/* Chi squared of `n` counts that should be equal: its mean is n - 1, its deviation sqrt(2n). */
static double chi_squared(const unsigned *of, size_t n, double expected)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++) sum += (of[i] - expected) * (of[i] - expected) / expected;
    return sum;
}

static void every_member_as_likely(void **state)
{
    static const struct {
        const char *prefix;
        long len;
    } sets[] = {{"", 100}, {"m", 100}, {"m", 300}, {"m", 1000}};
    struct value_limits l = LIMITS_DEFAULT;
    struct prng prng;
    prng_init(&prng, 7);
    for (size_t s = 0; s < ARRAY_LEN(sets); s++) {
        size_t n = (size_t)sets[s].len, few = n / 20, many = n * 2 / 3;
        struct record *r = numbered(sets[s].prefix, 0, sets[s].len, &l);
        struct counts *c = calloc(5, sizeof(*c));
        for (size_t i = 0; i < 100 * n; i++) {
            char scratch[NUM_I64_TEXT_MAX];
            count_visit(&c[0], set_random(r, &prng, scratch));
        }
        set_draw(r, 100 * n, &prng, count_visit, &c[1]);
        for (size_t i = 0; i < 2000; i++) set_sample(r, few, &prng, count_visit, &c[2]);
        for (size_t i = 0; i < 200; i++) set_sample(r, many, &prng, count_visit, &c[3]);
        for (size_t i = 0; i < 400; i++) {
            struct record *copy = record_dup(r, KEY);
            set_pop(copy, few, &prng, count_visit, &c[4]);
            assert_int_equal(set_len(copy), n - few);
            record_free(copy);
        }
        size_t visits[] = {100 * n, 100 * n, 2000 * few, 200 * many, 400 * few};
        for (size_t i = 0; i < 5; i++) {
            assert_int_equal(c[i].visits, visits[i]);
            double limit = (double)n + 6 * __builtin_sqrt(2.0 * (double)n);
            assert_true(chi_squared(c[i].of, n, (double)visits[i] / (double)n) < limit);
        }
        free(c);
        record_free(r);
    }
}

static void samples_do_not_repeat(void **state)
{
    static const char *const prefixes[] = {"", "m"};
    struct value_limits l = LIMITS_DEFAULT;
    struct prng prng;
    prng_init(&prng, 8);
    for (size_t p = 0; p < ARRAY_LEN(prefixes); p++)
        for (long len = 1; len < 3000; len = len * 2 + 1)
            for (size_t count = 0; count <= (size_t)len + 1; count = count * 2 + 1) {
                struct record *r = numbered(prefixes[p], 0, len, &l);
                size_t expected = count < (size_t)len ? count : (size_t)len;
                struct counts *c = calloc(1, sizeof(*c));
                set_sample(r, count, &prng, count_visit, c);
                assert_int_equal(c->visits, expected);
                for (size_t i = 0; i < ARRAY_LEN(c->of); i++) assert_true(c->of[i] <= 1);
                memset(c, 0, sizeof(*c));
                set_pop(r, count, &prng, count_visit, c);
                record_check(r);
                assert_int_equal(c->visits, expected);
                assert_int_equal(set_len(r), (size_t)len - expected);
                for (long i = 0; i < len; i++) {
                    char scratch[32];
                    assert_int_equal(set_contains(r, text_of(scratch, prefixes[p], i)), c->of[i] == 0);
                }
                free(c);
                record_free(r);
            }
}

/* ---- payloads */

static void bytes_of_small_sets(void **state)
{
    struct value_limits l = LIMITS_DEFAULT, none = limits_of(0, 0, 0);
    enum set_form form;
    struct slice bytes;
    struct record *r = numbered("m", 0, 100, &l);
    assert_true(set_packed(r, &form, &bytes));
    assert_int_equal(form, SET_FORM_LISTPACK);
    struct record *same = set_from_packed(KEY, form, bytes, &l), *table = set_from_packed(KEY, form, bytes, &none);
    assert_int_equal(set_len(same), 100);
    assert_string_equal(record_encoding_name(table), "hashtable");
    assert_int_equal(set_inter((const struct record *const[]){r, same, table}, 3, 0, NULL, NULL), 100);
    assert_false(set_packed(table, &form, &bytes));
    record_free(same);
    record_free(table);
    record_free(r);

    r = numbered("", -5, 5, &l);
    assert_true(set_packed(r, &form, &bytes));
    assert_int_equal(form, SET_FORM_INTSET);
    same = set_from_packed(KEY, form, bytes, &l);
    assert_int_equal(set_len(same), 10);
    record_free(same);
    assert_null(set_from_packed(KEY, SET_FORM_LISTPACK, bytes, &l));
    assert_null(set_from_packed(KEY, SET_FORM_INTSET, slice_of(bytes.ptr, bytes.len - 1), &l));
    record_free(r);

    struct listpack *twice = listpack_append(listpack_append(listpack_new(0), SLICE("a")), SLICE("a"));
    assert_null(set_from_packed(KEY, SET_FORM_LISTPACK, listpack_bytes(twice), &l));
    listpack_free(twice);
    struct listpack *empty = listpack_new(0);
    assert_null(set_from_packed(KEY, SET_FORM_LISTPACK, listpack_bytes(empty), &l));
    listpack_free(empty);
    struct intset *no_numbers = intset_new();
    assert_null(set_from_packed(KEY, SET_FORM_INTSET, intset_bytes(no_numbers), &l));
    intset_free(no_numbers);
}

static void memory_of_large_sets(void **state)
{
    struct value_limits l = LIMITS_DEFAULT;
    struct record *r = numbered("member-of-", 10000, 60000, &l); /* 15 bytes each */
    size_t all = record_mem(r, 0), guess = record_mem(r, 5);
    if (sizes_are_real()) assert_true(all / 50000 <= 32);
    assert_int_equal(all, guess);
    assert_int_equal(record_free_effort(r), 50000);
    record_free(r);
}

/* A set that is filled with what a walk over another one gives, and a third one with what the second gives. */
static void copied_in_the_order_of_a_walk(void **state)
{
    struct value_limits l = LIMITS_DEFAULT;
    struct record *from = numbered("m", 0, 30000, &l);
    for (int copy = 0; copy < 3; copy++) {
        struct record *to = set_new(KEY);
        struct set_iter it;
        struct slice member;
        struct table_stats stats;
        set_iter_init(&it, from);
        while (set_iter_next(&it, &member)) {
            assert_true(set_add(to, member, &l));
            if (set_len(to) % 5000 != 0) continue;
            table_stats(&set_table(to)->members, &stats);
            assert_int_equal(stats.stashed, 0);
        }
        record_check(to);
        assert_int_equal(set_len(to), 30000);
        record_free(from);
        from = to;
    }
    record_free(from);
}

/* ---- the model: sets of numbers below MODEL_MEMBERS, some of which are written as integers, some as words */

enum { MODEL_SETS = 6, MODEL_MEMBERS = 700 };

struct model {
    struct record *r[MODEL_SETS];
    bool has[MODEL_SETS][MODEL_MEMBERS];
    struct value_limits limits;
    struct prng prng;
};

static struct slice model_text(char scratch[128], unsigned member)
{
    if (member < 300) return slice_of(scratch, (size_t)snprintf(scratch, 128, "%ld", (long)member * 1000 - 150000));
    if (member < 600) return slice_of(scratch, (size_t)snprintf(scratch, 128, "word-%u", member));
    memset(scratch, 'x', 128);
    return slice_of(scratch, (size_t)snprintf(scratch, 128, "%0*u", (int)(member - 600), member));
}

static unsigned model_member(struct slice text)
{
    char scratch[128];
    for (unsigned m = 0; m < MODEL_MEMBERS; m++)
        if (slice_eq(model_text(scratch, m), text)) return m;
    fail();
    return 0;
}

static size_t model_len(const bool has[MODEL_MEMBERS])
{
    size_t len = 0;
    for (unsigned m = 0; m < MODEL_MEMBERS; m++) len += has[m];
    return len;
}

struct seen {
    unsigned times[MODEL_MEMBERS];
    size_t visits;
};

static void seen_visit(void *arg, struct slice member)
{
    struct seen *s = arg;
    s->times[model_member(member)]++;
    s->visits++;
}

static void model_check(struct model *m, unsigned i)
{
    char scratch[128];
    struct seen walked = {0}, scanned = {0};
    struct set_iter it;
    struct slice member;
    record_check(m->r[i]);
    assert_int_equal(set_len(m->r[i]), model_len(m->has[i]));
    set_iter_init(&it, m->r[i]);
    while (set_iter_next(&it, &member)) seen_visit(&walked, member);
    uint64_t cursor = 0;
    do cursor = set_scan(m->r[i], cursor, seen_visit, &scanned);
    while (cursor != 0);
    for (unsigned x = 0; x < MODEL_MEMBERS; x++) {
        assert_int_equal(walked.times[x], m->has[i][x]);
        assert_int_equal(scanned.times[x], m->has[i][x]);
        assert_int_equal(set_contains(m->r[i], model_text(scratch, x)), m->has[i][x]);
    }
}

static void model_algebra(struct model *m)
{
    const struct record *sets[MODEL_SETS + 2];
    const bool *has[MODEL_SETS + 2];
    static const bool nothing[MODEL_MEMBERS];
    size_t count = 1 + prng_below(&m->prng, ARRAY_LEN(sets));
    size_t limit = prng_below(&m->prng, 3) > 0 ? 0 : prng_below(&m->prng, 40);
    for (size_t i = 0; i < count; i++) {
        size_t pick = prng_below(&m->prng, MODEL_SETS + 1);
        sets[i] = pick < MODEL_SETS ? m->r[pick] : NULL;
        has[i] = pick < MODEL_SETS ? m->has[pick] : nothing;
    }
    bool expected[3][MODEL_MEMBERS];
    for (unsigned x = 0; x < MODEL_MEMBERS; x++) {
        size_t in = 0;
        for (size_t i = 0; i < count; i++) in += has[i][x];
        expected[0][x] = in == count;
        expected[1][x] = in > 0;
        expected[2][x] = in == 1 && has[0][x];
    }
    for (int op = 0; op < 3; op++) {
        struct seen s = {0};
        size_t all = model_len(expected[op]), want = limit == 0 || all < limit ? all : limit;
        size_t found = op == 0   ? set_inter(sets, count, limit, seen_visit, &s)
                       : op == 1 ? set_union(sets, count, limit, &m->limits, seen_visit, &s)
                                 : set_diff(sets, count, limit, &m->limits, seen_visit, &s);
        assert_int_equal(found, want);
        assert_int_equal(s.visits, want);
        for (unsigned x = 0; x < MODEL_MEMBERS; x++) assert_true(s.times[x] <= (unsigned)expected[op][x]);
    }
    struct record *all = set_union_new(KEY, sets, count, &m->limits);
    record_check(all);
    assert_int_equal(set_len(all), model_len(expected[1]));
    char scratch[128];
    for (unsigned x = 0; x < MODEL_MEMBERS; x++)
        assert_int_equal(set_contains(all, model_text(scratch, x)), expected[1][x]);
    record_free(all);
}

static void model_pop(struct model *m, unsigned i)
{
    struct seen s = {0};
    size_t len = set_len(m->r[i]), count = prng_below(&m->prng, prng_below(&m->prng, 4) ? 4 : 300);
    set_pop(m->r[i], count, &m->prng, seen_visit, &s);
    assert_int_equal(s.visits, count < len ? count : len);
    for (unsigned x = 0; x < MODEL_MEMBERS; x++) {
        assert_true(s.times[x] <= (unsigned)m->has[i][x]);
        if (s.times[x] > 0) m->has[i][x] = false;
    }
}

static void model_step(struct model *m)
{
    char scratch[128];
    unsigned i = (unsigned)prng_below(&m->prng, MODEL_SETS);
    unsigned x = (unsigned)prng_below(&m->prng, i < 2 ? 300 : i < 4 ? 600 : MODEL_MEMBERS);
    unsigned choice = (unsigned)prng_below(&m->prng, 1000);
    if (choice < 600) {
        for (unsigned n = (unsigned)prng_below(&m->prng, 8); n-- > 0; x = (x + 37) % (i < 2 ? 300 : MODEL_MEMBERS)) {
            assert_int_equal(set_add(m->r[i], model_text(scratch, x), &m->limits), !m->has[i][x]);
            m->has[i][x] = true;
        }
    } else if (choice < 900) {
        for (unsigned n = (unsigned)prng_below(&m->prng, 8); n-- > 0; x = (x + 31) % MODEL_MEMBERS) {
            assert_int_equal(set_remove(m->r[i], model_text(scratch, x)), m->has[i][x]);
            m->has[i][x] = false;
        }
    } else if (choice < 930) {
        model_pop(m, i);
    } else if (choice < 960) {
        model_algebra(m);
    } else if (choice < 980) {
        unsigned j = (unsigned)prng_below(&m->prng, MODEL_SETS);
        struct record *copy = record_dup(m->r[j], KEY);
        memcpy(m->has[i], m->has[j], sizeof(m->has[i]));
        record_free(m->r[i]);
        m->r[i] = copy;
    } else if (choice < 990) {
        static const int64_t entries[] = {0, 1, 5, 20, 128, 512, 100000}, values[] = {0, 5, 10, 64, 1000};
        m->limits = limits_of(entries[prng_below(&m->prng, ARRAY_LEN(entries))],
                              entries[prng_below(&m->prng, ARRAY_LEN(entries))],
                              values[prng_below(&m->prng, ARRAY_LEN(values))]);
    } else if (choice < 993) {
        record_free(m->r[i]);
        m->r[i] = set_new(KEY);
        memset(m->has[i], 0, sizeof(m->has[i]));
    } else {
        model_check(m, i);
    }
}

static void model_of_sets(void **state)
{
    const char *steps_text = getenv("CAIRN_MODEL_STEPS");
    unsigned long steps = steps_text != NULL ? strtoul(steps_text, NULL, 10) : 20000;
    struct model *m = calloc(1, sizeof(*m));
    m->limits = LIMITS_DEFAULT;
    prng_init(&m->prng, 42);
    for (unsigned i = 0; i < MODEL_SETS; i++) m->r[i] = set_new(KEY);
    for (unsigned long step = 0; step < steps; step++) model_step(m);
    for (unsigned i = 0; i < MODEL_SETS; i++) {
        model_check(m, i);
        record_free(m->r[i]);
    }
    free(m);
}

int main(void)
{
    mem_thread_init();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(forms_and_their_borders), cmocka_unit_test(small_limits),
        cmocka_unit_test(prepared_for_many),       cmocka_unit_test(members_of_any_bytes),
        cmocka_unit_test(every_member_as_likely),  cmocka_unit_test(samples_do_not_repeat),
        cmocka_unit_test(bytes_of_small_sets),     cmocka_unit_test(memory_of_large_sets),
        cmocka_unit_test(copied_in_the_order_of_a_walk),
        cmocka_unit_test(model_of_sets),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
