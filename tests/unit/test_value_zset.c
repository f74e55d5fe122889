/* Sorted sets against a sorted array: both forms, limits that change in between, every bit of the scores, and the
 * packed form that files hold. CAIRN_MODEL_STEPS: how long the model test is. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/prng.h"
#include "ds/listpack.h"
#include "value/zset.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static const struct hash_seed seed = {1, 2};
static const struct value_limits plain = {.seed = &seed, .zset_listpack_entries = 128, .zset_listpack_value = 64};
static const struct value_limits none = {.seed = &seed};

#define KEY SLICE("z")

static const char *encoding(const struct record *r)
{
    return record_encoding_name(r);
}

/* ---- the oracle ---- */

enum { ORACLE_MAX = 600, MEMBER_MAX = 100 };

struct element {
    char text[MEMBER_MAX];
    size_t len;
    double score;
};
struct oracle {
    struct element e[ORACLE_MAX];
    size_t len;
};

static struct slice member_of(const struct element *e)
{
    return slice_of(e->text, e->len);
}

static int element_cmp(const struct element *e, double score, struct slice member)
{
    if (e->score != score) return e->score < score ? -1 : 1;
    return slice_cmp(member_of(e), member);
}

static size_t oracle_find(const struct oracle *o, struct slice member)
{
    size_t i = 0;
    while (i < o->len && !slice_eq(member_of(&o->e[i]), member)) i++;
    return i;
}

static void oracle_cut(struct oracle *o, size_t from, size_t count)
{
    memmove(o->e + from, o->e + from + count, (o->len - from - count) * sizeof o->e[0]);
    o->len -= count;
}

static void oracle_put(struct oracle *o, struct slice member, double score)
{
    size_t i = oracle_find(o, member);
    if (i < o->len && o->e[i].score == score) return;
    if (i < o->len) oracle_cut(o, i, 1);
    for (i = 0; i < o->len && element_cmp(&o->e[i], score, member) < 0;) i++;
    memmove(o->e + i + 1, o->e + i, (o->len - i) * sizeof o->e[0]);
    memcpy(o->e[i].text, member.ptr, member.len);
    o->e[i].len = member.len;
    o->e[i].score = score;
    o->len++;
}

static void assert_item(const struct zset_item *item, const struct element *e)
{
    assert_true(slice_eq(item->member, member_of(e)));
    assert_memory_equal(&item->score, &e->score, sizeof e->score); /* -0.0 is not 0.0 here */
}

static void assert_same(const struct record *r, const struct oracle *o)
{
    struct zset_place place;
    struct zset_item item;
    record_check(r);
    assert_int_equal(zset_len(r), o->len);
    zset_seek_rank(r, 0, &place);
    for (size_t i = 0; i < o->len; i++) {
        assert_true(zset_next(&place, &item));
        assert_item(&item, &o->e[i]);
    }
    assert_false(zset_next(&place, &item));
    zset_seek_rank(r, o->len == 0 ? 0 : o->len - 1, &place);
    for (size_t i = o->len; i-- > 0;) {
        assert_true(zset_prev(&place, &item));
        assert_item(&item, &o->e[i]);
    }
    assert_false(zset_prev(&place, &item));
    struct scoretree_item items[SCORETREE_TAKE_MAX];
    for (int up = 0; up < 2; up++) {
        size_t n, done = 0;
        zset_seek_rank(r, up || o->len == 0 ? 0 : o->len - 1, &place);
        while ((n = zset_take(&place, up, o->len - done, items)) > 0)
            for (size_t i = 0; i < n; i++, done++) {
                struct zset_item one = {items[i].member, items[i].score};
                assert_item(&one, &o->e[up ? done : o->len - 1 - done]);
            }
        assert_int_equal(done, o->len);
    }
}

struct expected { /* what a callback has to see */
    const struct element *e;
    int step;
    size_t seen;
};

static void expect_next(void *arg, struct slice member, double score)
{
    struct expected *x = arg;
    struct zset_item item = {member, score};
    assert_item(&item, x->e);
    x->e += x->step;
    x->seen++;
}

/* ---- single cases ---- */

static void scores_keep_every_bit(void **state)
{
    static const double scores[] = {-INFINITY, -1.7976931348623157e308, -1e22,  -4611686018427387905.0, -3, -0.1,
                                    -5e-324,   -0.0,                    5e-324, 0.1,  0.30000000000000004, 1,
                                    9007199254740993.0, 4611686018427387904.0, 9223372036854775808.0, 1e300, INFINITY};
    struct record *r = zset_new(KEY);
    struct oracle *o = calloc(1, sizeof *o);
    for (size_t i = 0; i < ARRAY_LEN(scores); i++) {
        char name[8];
        int len = snprintf(name, sizeof name, "m%zu", i);
        assert_int_equal(zset_put(r, slice_of(name, (size_t)len), scores[i], NULL, &plain), ZSET_ADDED);
        oracle_put(o, slice_of(name, (size_t)len), scores[i]);
    }
    assert_string_equal(encoding(r), "listpack");
    assert_same(r, o);
    assert_int_equal(zset_put(r, SLICE("m7"), 0.0, NULL, &plain), ZSET_SAME); /* equal to -0.0, which stays */
    zset_settle(r, &none);
    assert_string_equal(encoding(r), "skiplist");
    assert_same(r, o);
    assert_int_equal(zset_put(r, SLICE("m7"), 0.0, NULL, &plain), ZSET_SAME);
    zset_settle(r, &plain);
    assert_string_equal(encoding(r), "listpack");
    assert_same(r, o);
    record_free(r);
    free(o);
    (void)state;
}

static void members_that_look_like_numbers(void **state)
{
    static const char *const names[] = {"", "-0", "+1", "007", "1", "-1", "9223372036854775807", "9223372036854775808",
                                        "-9223372036854775808", "1.0", " 1", "0"};
    for (int tree = 0; tree < 2; tree++) {
        struct record *r = zset_new(KEY);
        struct oracle *o = calloc(1, sizeof *o);
        for (size_t i = 0; i < ARRAY_LEN(names); i++) {
            assert_int_equal(zset_put(r, slice_cstr(names[i]), 7, NULL, tree ? &none : &plain), ZSET_ADDED);
            oracle_put(o, slice_cstr(names[i]), 7);
        }
        assert_same(r, o);
        double old = 0;
        assert_int_equal(zset_put(r, SLICE("007"), 8, &old, &plain), ZSET_UPDATED);
        assert_true(old == 7);
        size_t rank;
        assert_true(zset_rank(r, SLICE("007"), true, &rank) && rank == 0);
        assert_false(zset_remove(r, SLICE("+0")));
        record_free(r);
        free(o);
    }
    (void)state;
}

static void limits_choose_the_form(void **state)
{
    char name[80];
    struct record *r = zset_new(KEY);
    memset(name, 'x', sizeof name);
    assert_int_equal(zset_put(r, slice_of(name, 64), 1, NULL, &plain), ZSET_ADDED);
    assert_string_equal(encoding(r), "listpack");
    assert_int_equal(zset_put(r, slice_of(name, 65), 1, NULL, &plain), ZSET_ADDED);
    assert_string_equal(encoding(r), "skiplist");
    assert_true(zset_remove(r, slice_of(name, 65)));
    assert_string_equal(encoding(r), "skiplist");
    zset_settle(r, &plain);
    assert_string_equal(encoding(r), "listpack");
    for (int i = 1; i < 128; i++) {
        int len = snprintf(name, sizeof name, "%d", i);
        zset_put(r, slice_of(name, (size_t)len), i % 5, NULL, &plain);
    }
    assert_string_equal(encoding(r), "listpack");
    assert_int_equal(zset_put(r, SLICE("5"), 17, NULL, &none), ZSET_UPDATED); /* no new element: stays */
    assert_string_equal(encoding(r), "listpack");
    zset_put(r, SLICE("129"), 0, NULL, &plain);
    assert_string_equal(encoding(r), "skiplist");
    zset_settle(r, &plain);
    assert_string_equal(encoding(r), "skiplist");
    assert_int_equal(zset_remove_ranks(r, 0, 1, NULL, NULL), 1);
    zset_settle(r, &plain);
    assert_string_equal(encoding(r), "listpack");
    assert_int_equal(record_free_effort(r), 1);
    record_free(r);
    (void)state;
}

static struct listpack *packed(const char *const *texts, size_t count)
{
    struct listpack *lp = listpack_new(0);
    for (size_t i = 0; i < count; i++) lp = listpack_append(lp, slice_cstr(texts[i]));
    return lp;
}

static struct record *load(const char *const *texts, size_t count)
{
    struct listpack *lp = packed(texts, count);
    struct record *r = zset_new_packed(KEY, listpack_bytes(lp), &plain);
    listpack_free(lp);
    return r;
}

static void packed_bytes_are_checked(void **state)
{
    struct record *r = load((const char *const[]){"b", "2", "a", "-inf", "7", "1e+20"}, 6); /* not in order */
    assert_non_null(r);
    assert_int_equal(zset_len(r), 3);
    record_check(r);
    double score;
    assert_true(zset_score(r, SLICE("7"), &score) && score == 1e20);
    struct record *again = zset_new_packed(KEY, zset_packed(r), &plain);
    assert_non_null(again);
    assert_true(slice_eq(zset_packed(r), zset_packed(again)));
    record_free(again);
    again = zset_new_packed(KEY, zset_packed(r), &none);
    assert_string_equal(encoding(again), "skiplist");
    assert_null(zset_packed(again).ptr);
    record_free(again);
    record_free(r);
    assert_null(load((const char *const[]){"b", "2", "a"}, 3));
    assert_null(load((const char *const[]){"b", "x"}, 2));
    assert_null(load((const char *const[]){"b", "nan"}, 2));
    assert_null(load((const char *const[]){"b", "1", "b", "2"}, 4));
    assert_null(zset_new_packed(KEY, SLICE("garbage"), &plain));
    (void)state;
}

static void copies_are_deep(void **state)
{
    for (int tree = 0; tree < 2; tree++) {
        struct record *r = zset_new(KEY);
        for (int i = 0; i < 50; i++) {
            char name[8];
            int len = snprintf(name, sizeof name, "%d", i);
            zset_put(r, slice_of(name, (size_t)len), -i, NULL, tree ? &none : &plain);
        }
        struct record *copy = record_dup(r, SLICE("other"));
        assert_true(zset_remove(r, SLICE("3")));
        assert_true(record_mem(r, 0) > 0);
        record_free(r);
        record_check(copy);
        assert_int_equal(zset_len(copy), 50);
        double score;
        assert_true(zset_score(copy, SLICE("3"), &score) && score == -3);
        record_free(copy);
    }
    (void)state;
}

struct tally {
    int counts[200], calls;
    double last;
};

static void count_score(void *arg, struct slice member, double score)
{
    struct tally *t = arg;
    (void)member;
    t->counts[(int)score]++;
    t->calls++;
    assert_true(score > t->last);
    t->last = score;
}

static void count_any(void *arg, struct slice member, double score)
{
    ((struct tally *)arg)->last = -1;
    count_score(arg, member, score);
}

static void samples_are_uniform(void **state)
{
    struct prng prng;
    prng_init(&prng, 5);
    for (int tree = 0; tree < 2; tree++) {
        struct record *r = zset_new(KEY);
        for (int i = 0; i < 100; i++) {
            char name[8];
            int len = snprintf(name, sizeof name, "%d", i);
            zset_put(r, slice_of(name, (size_t)len), i, NULL, tree ? &none : &plain);
        }
        static const size_t wanted[] = {1, 10, 33, 34, 60, 99};
        for (size_t w = 0; w < ARRAY_LEN(wanted); w++) {
            struct tally t = {.calls = 0};
            for (int round = 0; round < 2000; round++) {
                t.last = -1;
                assert_int_equal(zset_sample(r, &prng, wanted[w], count_score, &t), wanted[w]);
            }
            assert_int_equal(t.calls, 2000 * (int)wanted[w]);
            double mean = 20 * (double)wanted[w];
            for (int i = 0; i < 100; i++) assert_true(fabs(t.counts[i] - mean) < 6 * sqrt(mean));
        }
        struct tally all = {.last = -1};
        assert_int_equal(zset_sample(r, &prng, 1000, count_score, &all), 100);
        struct tally drawn = {.calls = 0};
        zset_draw(r, &prng, 100000, count_any, &drawn);
        for (int i = 0; i < 100; i++) assert_true(fabs(drawn.counts[i] - 1000.0) < 200);
        record_free(r);
    }
    (void)state;
}

/* ---- the model test ---- */

struct run {
    struct record *r;
    struct oracle *o;
    struct prng prng;
    struct value_limits limits;
    bool equal_scores;
};

static struct slice random_member(struct run *x, char buf[MEMBER_MAX])
{
    uint64_t n = prng_below(&x->prng, 300);
    switch (prng_below(&x->prng, 4)) {
    case 0: return slice_of(buf, (size_t)snprintf(buf, MEMBER_MAX, "%d", (int)n - 100));
    case 1: return slice_of(buf, (size_t)snprintf(buf, MEMBER_MAX, "%0*d", (int)(n % 70) + 1, (int)n));
    default: return slice_of(buf, (size_t)snprintf(buf, MEMBER_MAX, "member:%d", (int)n));
    }
}

static double random_score(struct run *x)
{
    static const double odd[] = {-INFINITY, INFINITY, 0.0, -0.0, 1e300, 5e-324, 0.1, -1e17, 123456789012.5};
    if (x->equal_scores) return 3.5;
    if (prng_below(&x->prng, 5) == 0) return odd[prng_below(&x->prng, ARRAY_LEN(odd))];
    if (prng_below(&x->prng, 2) == 0) return (double)prng_below(&x->prng, 20);
    return (prng_double(&x->prng) - 0.5) * 100;
}

static struct scoretree_bound random_bound(struct run *x, char buf[MEMBER_MAX])
{
    bool past = prng_below(&x->prng, 2);
    if (x->equal_scores) return scoretree_by_member(random_member(x, buf), past);
    if (prng_below(&x->prng, 2) == 0) return scoretree_by_score(random_score(x), past);
    return scoretree_by_both(random_score(x), random_member(x, buf), past);
}

static size_t oracle_seek(const struct oracle *o, const struct scoretree_bound *b)
{
    for (size_t i = 0; i < o->len; i++) {
        int order = 0;
        if (b->by != SCORETREE_BY_MEMBER && o->e[i].score != b->score) order = o->e[i].score < b->score ? -1 : 1;
        else if (b->by != SCORETREE_BY_SCORE) order = slice_cmp(member_of(&o->e[i]), b->member);
        if (order > 0 || (order == 0 && !b->past)) return i;
    }
    return o->len;
}

static void step_put(struct run *x)
{
    char buf[MEMBER_MAX];
    struct slice member = random_member(x, buf);
    double score = random_score(x), old = 99;
    size_t at = oracle_find(x->o, member);
    enum zset_change expected = at == x->o->len ? ZSET_ADDED : x->o->e[at].score == score ? ZSET_SAME : ZSET_UPDATED;
    double was = at == x->o->len ? 99 : x->o->e[at].score;
    if (at == x->o->len && x->o->len == ORACLE_MAX) return;
    assert_int_equal(zset_put(x->r, member, score, &old, &x->limits), expected);
    assert_memory_equal(&old, &was, sizeof was);
    oracle_put(x->o, member, score);
}

static void step_ask(struct run *x)
{
    char buf[MEMBER_MAX];
    struct slice member = random_member(x, buf);
    size_t at = oracle_find(x->o, member), rank;
    double score;
    bool present = at < x->o->len;
    assert_int_equal(zset_score(x->r, member, &score), present);
    if (present) assert_memory_equal(&score, &x->o->e[at].score, sizeof score);
    assert_int_equal(zset_rank(x->r, member, false, &rank), present);
    if (present) assert_int_equal(rank, at);
    assert_int_equal(zset_rank(x->r, member, true, &rank), present);
    if (present) assert_int_equal(rank, x->o->len - 1 - at);
    struct scoretree_bound bound = random_bound(x, buf);
    struct zset_place place;
    struct zset_item item;
    at = oracle_seek(x->o, &bound);
    assert_int_equal(zset_seek(x->r, &bound, NULL), at);
    assert_int_equal(zset_seek(x->r, &bound, &place), at);
    struct zset_place again = place;
    assert_int_equal(zset_next(&place, &item), at < x->o->len);
    if (at < x->o->len) assert_item(&item, &x->o->e[at]);
    struct scoretree_item items[SCORETREE_TAKE_MAX];
    bool up = prng_below(&x->prng, 2);
    for (size_t n; at < x->o->len && (n = zset_take(&again, up, 1 + prng_below(&x->prng, 5), items)) > 0;)
        for (size_t i = 0; i < n; i++, up ? at++ : at--) {
            item = (struct zset_item){items[i].member, items[i].score};
            assert_item(&item, &x->o->e[at]);
        }
}

static void step_remove(struct run *x)
{
    char buf[MEMBER_MAX];
    struct slice member = random_member(x, buf);
    size_t at = oracle_find(x->o, member);
    assert_int_equal(zset_remove(x->r, member), at < x->o->len);
    if (at < x->o->len) oracle_cut(x->o, at, 1);
}

static void step_remove_many(struct run *x)
{
    size_t count = prng_below(&x->prng, 20), len = x->o->len;
    size_t from = prng_below(&x->prng, len + 2);
    switch (prng_below(&x->prng, 3)) {
    case 0: {
        size_t gone = from >= len ? 0 : count > len - from ? len - from : count;
        struct expected e = {x->o->e + from, 1, 0};
        assert_int_equal(zset_remove_ranks(x->r, from, count, expect_next, &e), gone);
        assert_int_equal(e.seen, gone);
        oracle_cut(x->o, from < len ? from : len, gone);
        return;
    }
    case 1: {
        bool highest = prng_below(&x->prng, 2);
        size_t gone = count < len ? count : len;
        struct expected e = {highest ? x->o->e + len - 1 : x->o->e, highest ? -1 : 1, 0};
        assert_int_equal(zset_pop(x->r, highest, count, expect_next, &e), gone);
        assert_int_equal(e.seen, gone);
        oracle_cut(x->o, highest ? len - gone : 0, gone);
        return;
    }
    default: {
        char buf[2][MEMBER_MAX];
        struct scoretree_bound a = random_bound(x, buf[0]), b = random_bound(x, buf[1]);
        size_t first = oracle_seek(x->o, &a), end = oracle_seek(x->o, &b), gone = end > first ? end - first : 0;
        if (gone > 30) return; /* keeps the set from being empty all the time */
        struct expected e = {x->o->e + first, 1, 0};
        assert_int_equal(zset_remove_range(x->r, &a, &b, expect_next, &e), gone);
        assert_int_equal(e.seen, gone);
        oracle_cut(x->o, first, gone);
    }
    }
}

static void scan_visit(void *arg, struct slice member, double score)
{
    struct run *x = arg;
    size_t at = oracle_find(x->o, member);
    assert_true(at < x->o->len && x->o->e[at].score == score);
}

static void step_whole(struct run *x)
{
    switch (prng_below(&x->prng, 4)) {
    case 0:
        x->limits.zset_listpack_entries = (int64_t)prng_below(&x->prng, 3) * 60;
        x->limits.zset_listpack_value = (int64_t)prng_below(&x->prng, 3) * 32;
        return;
    case 1: zset_settle(x->r, &x->limits); return;
    case 2: {
        struct record *copy = record_dup(x->r, SLICE("another key"));
        record_free(x->r);
        x->r = copy;
        return;
    }
    default:
        for (uint64_t cursor = 0;;) {
            cursor = zset_scan(x->r, cursor, scan_visit, x);
            if (cursor == 0) return;
        }
    }
}

static void model(uint64_t seed_of_run, bool equal_scores)
{
    const char *wanted = getenv("CAIRN_MODEL_STEPS");
    long steps = wanted == NULL ? 60000 : atol(wanted);
    struct run x = {zset_new(KEY), calloc(1, sizeof(struct oracle)), {{0}}, plain, equal_scores};
    prng_init(&x.prng, seed_of_run);
    for (long i = 0; i < steps; i++) {
        uint64_t what = prng_below(&x.prng, 100);
        if (what < 50) step_put(&x);
        else if (what < 70) step_ask(&x);
        else if (what < 90) step_remove(&x);
        else if (what < 95) step_remove_many(&x);
        else step_whole(&x);
        if (i % 8 == 0) assert_same(x.r, x.o);
    }
    assert_same(x.r, x.o);
    record_free(x.r);
    free(x.o);
}

static void model_any_scores(void **state)
{
    model(1, false);
    (void)state;
}

static void model_equal_scores(void **state)
{
    model(2, true);
    (void)state;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(scores_keep_every_bit),
        cmocka_unit_test(members_that_look_like_numbers),
        cmocka_unit_test(limits_choose_the_form),
        cmocka_unit_test(packed_bytes_are_checked),
        cmocka_unit_test(copies_are_deep),
        cmocka_unit_test(samples_are_uniform),
        cmocka_unit_test(model_any_scores),
        cmocka_unit_test(model_equal_scores),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
