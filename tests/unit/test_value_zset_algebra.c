/* Building sorted sets from arrays, and their algebra, against plain loops. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/prng.h"
#include "value/set.h"
#include "value/zset_algebra.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static const struct hash_seed seed = {1, 2};
static const struct value_limits plain = {.seed = &seed,
                                          .zset_listpack_entries = 128,
                                          .zset_listpack_value = 64,
                                          .set_intset_entries = 64,
                                          .set_listpack_entries = 32,
                                          .set_listpack_value = 64};

enum { MEMBERS = 1500, SOURCES_MAX = 4, NAME_MAX = 24 };

static double random_score(struct prng *prng)
{
    static const double odd[] = {0, -0.0, 1, INFINITY, -INFINITY, 1e300, -1e300, 5e-324, 0.1};
    uint64_t shape = prng_below(prng, 10);
    if (shape < 3) return odd[prng_below(prng, sizeof odd / sizeof odd[0])];
    if (shape < 6) return (double)prng_below(prng, 20) - 10;
    return (prng_double(prng) - 0.5) * pow(10, (double)prng_below(prng, 30) - 15);
}

/* Some members are integers, which small sets hand out through a scratch buffer. */
static struct slice name_of(int member, char out[NAME_MAX])
{
    int len = snprintf(out, NAME_MAX, member % 3 == 0 ? "%d" : "member:%d", member);
    return slice_of(out, (size_t)len);
}

/* ---- building ---- */

static void check_build(const struct zset_items *items, const struct value_limits *limits)
{
    struct record *r = zset_build(SLICE("z"), items, limits);
    struct zset_place place;
    struct zset_item got;
    assert_non_null(r);
    record_check(r);
    assert_int_equal(zset_len(r), items->len);
    zset_seek_rank(r, 0, &place);
    for (size_t i = 0; i < items->len; i++) {
        double score;
        assert_true(zset_next(&place, &got));
        assert_true(slice_eq(got.member, items->item[i].member));
        assert_true(got.score == items->item[i].score);
        assert_true(zset_score(r, items->item[i].member, &score) && score == got.score);
        if (i == 0) continue;
        double before = items->item[i - 1].score;
        assert_true(before < got.score ||
                    (before == got.score && slice_cmp(items->item[i - 1].member, items->item[i].member) < 0));
    }
    const struct value_limits *l = limits;
    bool small = (int64_t)items->len <= l->zset_listpack_entries;
    for (size_t i = 0; i < items->len; i++) small &= (int64_t)items->item[i].member.len <= l->zset_listpack_value;
    assert_string_equal(record_encoding_name(r), small ? "listpack" : "skiplist");
    record_free(r);
}

static void test_build(void **state)
{
    static const size_t lens[] = {0, 1, 2, 127, 128, 129, 199, 200, 1000, 20000};
    struct prng prng;
    (void)state;
    prng_init(&prng, 1);
    for (int round = 0; round < 30; round++) {
        struct zset_items items = {0};
        bool few_scores = prng_below(&prng, 4) == 0;
        size_t len = lens[prng_below(&prng, 10)];
        for (size_t i = 0; i < len; i++) {
            char name[NAME_MAX];
            double score = few_scores ? (double)prng_below(&prng, 3) : random_score(&prng);
            assert_int_equal(zset_items_add(&items, name_of((int)i, name), score, true), i);
        }
        if (prng_below(&prng, 5) == 0) {
            static char longer[5000];
            zset_items_add(&items, slice_of(longer, sizeof longer), 1, true);
        }
        zset_items_sort(&items);
        zset_items_sort(&items); /* what is sorted stays */
        check_build(&items, &plain);
        zset_items_deinit(&items);
    }
}

static void test_texts(void **state)
{
    struct member_texts texts = {0};
    char name[NAME_MAX];
    struct slice kept[2000];
    (void)state;
    for (int i = 0; i < 2000; i++) kept[i] = member_texts_keep(&texts, name_of(i, name));
    for (int i = 0; i < 2000; i++) assert_true(slice_eq(kept[i], name_of(i, name)));
    assert_int_equal(member_texts_keep(&texts, SLICE("")).len, 0);
    member_texts_deinit(&texts);
}

/* ---- algebra ---- */

struct model { /* one source */
    bool has[MEMBERS];
    double score[MEMBERS];
    size_t len;
};

static struct record *random_source(struct prng *prng, struct model *m)
{
    static const int sizes[] = {0, 1, 5, 60, 300, MEMBERS};
    bool zset = prng_below(prng, 3) > 0, numbers = prng_below(prng, 3) == 0;
    *m = (struct model){0};
    if (prng_below(prng, 10) == 0) return NULL;
    struct record *r = zset ? zset_new(SLICE("z")) : set_new(SLICE("s"));
    int size = sizes[prng_below(prng, 6)];
    for (int i = 0; i < size; i++) {
        int member = (int)prng_below(prng, (uint64_t)size * 2 < MEMBERS ? (uint64_t)size * 2 : MEMBERS);
        char name[NAME_MAX];
        if (numbers) member -= member % 3;
        if (m->has[member]) continue;
        m->has[member] = true;
        m->len++;
        m->score[member] = zset ? random_score(prng) : 1;
        if (zset)
            zset_put(r, name_of(member, name), m->score[member], NULL, &plain);
        else
            set_add(r, name_of(member, name), &plain);
    }
    return r;
}

static double naive_combine(double a, double b, enum zset_aggregate how)
{
    if (how == ZSET_MIN) return b < a ? b : a;
    if (how == ZSET_MAX) return b > a ? b : a;
    return isnan(a + b) ? 0 : a + b;
}

static int member_of(struct slice name)
{
    char text[NAME_MAX] = "";
    memcpy(text, name.ptr, name.len);
    return atoi(name.len > 7 && text[0] == 'm' ? text + 7 : text);
}

static void check_items(struct zset_items *items, const bool *has, const double *score)
{
    static bool seen[MEMBERS];
    memset(seen, 0, sizeof seen);
    size_t expected = 0;
    for (int i = 0; i < MEMBERS; i++) expected += has[i];
    assert_int_equal(items->len, expected);
    for (size_t i = 0; i < items->len; i++) {
        int member = member_of(items->item[i].member);
        assert_true(has[member] && !seen[member]);
        seen[member] = true;
        assert_true(items->item[i].score == score[member]);
    }
    zset_items_sort(items);
    check_build(items, &plain);
    zset_items_deinit(items);
}

struct round {
    struct model models[SOURCES_MAX];
    struct zset_source sources[SOURCES_MAX];
    size_t order[SOURCES_MAX]; /* smallest first, else as they stand */
    size_t count;
    enum zset_aggregate how;
};

static void check_union(const struct round *r)
{
    static bool has[MEMBERS];
    static double score[MEMBERS];
    struct zset_source sources[SOURCES_MAX];
    struct zset_items items = {0};
    memset(has, 0, sizeof has);
    for (size_t i = 0; i < r->count; i++) {
        const struct model *m = &r->models[r->order[i]];
        for (int k = 0; k < MEMBERS; k++) {
            if (!m->has[k]) continue;
            double product = m->score[k] * r->sources[r->order[i]].weight;
            if (isnan(product)) product = 0;
            score[k] = has[k] ? naive_combine(score[k], product, r->how) : product;
            has[k] = true;
        }
    }
    memcpy(sources, r->sources, sizeof sources);
    zset_union(sources, r->count, r->how, &plain, &items);
    check_items(&items, has, score);
}

static void check_inter(const struct round *r)
{
    static bool has[MEMBERS];
    static double score[MEMBERS];
    struct zset_source sources[SOURCES_MAX];
    struct zset_items items = {0};
    size_t common = 0;
    for (int k = 0; k < MEMBERS; k++) {
        has[k] = true;
        for (size_t i = 0; i < r->count; i++) has[k] &= r->models[i].has[k];
        common += has[k];
        for (size_t i = 0; has[k] && i < r->count; i++) {
            double product = r->models[r->order[i]].score[k] * r->sources[r->order[i]].weight;
            if (i == 0)
                score[k] = isnan(product) ? 0 : product;
            else
                score[k] = naive_combine(score[k], product, r->how);
        }
    }
    memcpy(sources, r->sources, sizeof sources);
    zset_inter(sources, r->count, r->how, &items);
    check_items(&items, has, score);
    assert_int_equal(zset_inter_count(sources, r->count, 0), common);
    assert_int_equal(zset_inter_count(sources, r->count, 3), common < 3 ? common : 3);
}

static void check_diff(const struct round *r)
{
    static bool has[MEMBERS];
    struct zset_items items = {0};
    for (int k = 0; k < MEMBERS; k++) {
        has[k] = r->models[0].has[k];
        for (size_t i = 1; i < r->count; i++) has[k] &= !r->models[i].has[k];
    }
    zset_diff(r->sources, r->count, &items);
    check_items(&items, has, r->models[0].score);
}

static void test_algebra(void **state)
{
    static const double weights[] = {1, 1, 2, 0, -1, 0.1, INFINITY, -INFINITY};
    static struct round r;
    const char *more = getenv("CAIRN_MODEL_STEPS");
    int rounds = more != NULL ? atoi(more) / 20 : 500;
    struct prng prng;
    (void)state;
    prng_init(&prng, 2);
    for (int i = 0; i < rounds; i++) {
        r.count = 1 + prng_below(&prng, SOURCES_MAX);
        r.how = (enum zset_aggregate)prng_below(&prng, 3);
        for (size_t k = 0; k < r.count; k++) {
            r.sources[k] = (struct zset_source){.r = random_source(&prng, &r.models[k]),
                                                .weight = weights[prng_below(&prng, 8)]};
            size_t at = k;
            for (; at > 0 && r.models[r.order[at - 1]].len > r.models[k].len; at--) r.order[at] = r.order[at - 1];
            r.order[at] = k;
        }
        check_union(&r);
        check_inter(&r);
        check_diff(&r);
        for (size_t k = 0; k < r.count; k++)
            if (r.sources[k].r != NULL) record_free((struct record *)(uintptr_t)r.sources[k].r);
    }
}

/* A source may be given twice. */
static void test_same_source(void **state)
{
    struct record *z = zset_new(SLICE("z"));
    struct zset_source two[2] = {{.r = z, .weight = 2}, {.r = z, .weight = 3}};
    struct zset_items items = {0};
    (void)state;
    zset_put(z, SLICE("17"), 10, NULL, &plain);
    zset_union(two, 2, ZSET_SUM, &plain, &items);
    assert_true(items.len == 1 && items.item[0].score == 50 && slice_eq(items.item[0].member, SLICE("17")));
    zset_items_deinit(&items);
    zset_inter(two, 2, ZSET_MAX, &items);
    assert_true(items.len == 1 && items.item[0].score == 30);
    zset_items_deinit(&items);
    zset_diff(two, 2, &items);
    assert_int_equal(items.len, 0);
    record_free(z);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_build),
        cmocka_unit_test(test_texts),
        cmocka_unit_test(test_algebra),
        cmocka_unit_test(test_same_source),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
