/* The scoretree against a sorted array, with its check() after each step. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/mem.h"
#include "base/prng.h"
#include "ds/scoretree.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static const struct hash_seed seed = {11, 22};

/* ---------------------------------------------------------------------------------------------------------- oracle */

struct entry {
    double score;
    size_t len;
    char *text;
};
struct model {
    struct scoretree t;
    struct entry *entries;
    size_t len, cap;
};

static struct slice entry_member(const struct entry *e)
{
    return slice_of(e->text, e->len);
}

static int entry_cmp(const struct entry *e, double score, struct slice member)
{
    if (e->score != score) return e->score < score ? -1 : 1;
    return slice_cmp(entry_member(e), member);
}

static size_t model_lower(const struct model *m, double score, struct slice member)
{
    size_t low = 0, high = m->len;
    while (low < high) {
        size_t mid = (low + high) / 2;
        if (entry_cmp(&m->entries[mid], score, member) < 0)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

static size_t model_find(const struct model *m, struct slice member) /* len: absent */
{
    size_t i = 0;
    while (i < m->len && !slice_eq(entry_member(&m->entries[i]), member)) i++;
    return i;
}

static struct entry model_cut(struct model *m, size_t i)
{
    struct entry e = m->entries[i];
    memmove(m->entries + i, m->entries + i + 1, (m->len - i - 1) * sizeof e);
    m->len--;
    return e;
}

static void model_put(struct model *m, struct entry e)
{
    if (m->len == m->cap) {
        m->cap = m->cap == 0 ? 64 : 2 * m->cap;
        m->entries = realloc(m->entries, m->cap * sizeof e);
    }
    size_t i = model_lower(m, e.score, entry_member(&e));
    memmove(m->entries + i + 1, m->entries + i, (m->len - i) * sizeof e);
    m->entries[i] = e;
    m->len++;
}

static void model_init(struct model *m)
{
    *m = (struct model){0};
    scoretree_init(&m->t, &seed);
}

static void model_free(struct model *m)
{
    for (size_t i = 0; i < m->len; i++) free(m->entries[i].text);
    free(m->entries);
    scoretree_deinit(&m->t);
    assert_int_equal(scoretree_mem(&m->t), 0);
    scoretree_check(&m->t);
}

/* ------------------------------------------------------------------------------------------- the same done to both */

static void both_insert(struct model *m, struct slice member, double score)
{
    double old = -77;
    enum scoretree_change change = scoretree_insert(&m->t, member, score, &old);
    size_t i = model_find(m, member);
    if (i == m->len) {
        assert_int_equal(change, SCORETREE_ADDED);
        assert_true(old == -77);
        struct entry e = {score, member.len, malloc(member.len + 1)};
        if (member.len > 0) memcpy(e.text, member.ptr, member.len);
        model_put(m, e);
        return;
    }
    assert_true(old == m->entries[i].score);
    assert_int_equal(change, old == score ? SCORETREE_SAME : SCORETREE_UPDATED);
    if (old == score) return;
    struct entry e = model_cut(m, i);
    e.score = score;
    model_put(m, e);
}

static void both_remove(struct model *m, struct slice member)
{
    size_t i = model_find(m, member);
    assert_int_equal(scoretree_remove(&m->t, member), i < m->len);
    if (i < m->len) free(model_cut(m, i).text);
}

struct expect {
    struct model *m;
    size_t at, seen;
    bool backward;
};

static void expect_next(void *arg, struct slice member, double score)
{
    struct expect *x = arg;
    const struct entry *e = &x->m->entries[x->at];
    assert_true(e->score == score && slice_eq(entry_member(e), member));
    x->seen++;
    x->at += x->backward ? (size_t)-1 : 1;
}

static void model_cut_range(struct model *m, size_t from, size_t count)
{
    for (size_t i = 0; i < count; i++) free(model_cut(m, from).text);
}

static void both_remove_ranks(struct model *m, size_t from, size_t count)
{
    struct expect x = {m, from, 0, false};
    size_t want = from >= m->len ? 0 : count < m->len - from ? count : m->len - from;
    assert_int_equal(scoretree_remove_ranks(&m->t, from, count, expect_next, &x), want);
    assert_int_equal(x.seen, want);
    model_cut_range(m, from, want);
}

static void both_pop(struct model *m, bool highest, size_t count)
{
    size_t want = count < m->len ? count : m->len;
    struct expect x = {m, highest ? m->len - 1 : 0, 0, highest};
    assert_int_equal(scoretree_pop(&m->t, highest, count, expect_next, &x), want);
    assert_int_equal(x.seen, want);
    model_cut_range(m, highest ? m->len - want : 0, want);
}

/* Rank of the first element behind the bound, by looking at all. */
static size_t model_seek(const struct model *m, const struct scoretree_bound *b)
{
    size_t i = 0;
    for (; i < m->len; i++) {
        const struct entry *e = &m->entries[i];
        int order;
        if (b->by == SCORETREE_BY_SCORE)
            order = e->score < b->score ? -1 : e->score > b->score;
        else if (b->by == SCORETREE_BY_MEMBER)
            order = slice_cmp(entry_member(e), b->member);
        else
            order = entry_cmp(e, b->score, b->member);
        if (order > 0 || (order == 0 && !b->past)) break;
    }
    return i;
}

static void same_item(const struct entry *e, const struct scoretree_item *item)
{
    assert_true(e->score == item->score);
    assert_true(slice_eq(entry_member(e), item->member));
}

static void both_seek(struct model *m, const struct scoretree_bound *b)
{
    struct scoretree_place place, back;
    struct scoretree_item item;
    size_t rank = scoretree_seek(&m->t, b, &place);
    assert_int_equal(rank, model_seek(m, b));
    assert_int_equal(rank, scoretree_seek(&m->t, b, NULL));
    back = place;
    for (size_t i = rank; i < rank + 100 && i < m->len; i++) {
        assert_true(scoretree_next(&place, &item));
        same_item(&m->entries[i], &item);
    }
    if (rank + 100 >= m->len) assert_false(scoretree_next(&place, &item));
    if (rank == m->len) {
        assert_false(scoretree_prev(&back, &item));
        return;
    }
    for (size_t i = rank + 1; i-- > 0;) {
        assert_true(scoretree_prev(&back, &item));
        same_item(&m->entries[i], &item);
    }
    assert_false(scoretree_prev(&back, &item));
}

static void both_agree_at(struct model *m, size_t i)
{
    const struct entry *e = &m->entries[i];
    size_t rank;
    double score;
    struct scoretree_place place;
    struct scoretree_item item;
    assert_true(scoretree_rank(&m->t, entry_member(e), false, &rank));
    assert_int_equal(rank, i);
    assert_true(scoretree_rank(&m->t, entry_member(e), true, &rank));
    assert_int_equal(rank, m->len - 1 - i);
    assert_true(scoretree_score(&m->t, entry_member(e), &score));
    assert_true(score == e->score);
    scoretree_seek_rank(&m->t, i, &place);
    assert_true(scoretree_next(&place, &item));
    same_item(e, &item);
}

static void both_agree(struct model *m)
{
    struct scoretree_place place;
    struct scoretree_item item;
    assert_int_equal(scoretree_len(&m->t), m->len);
    scoretree_check(&m->t);
    scoretree_seek_rank(&m->t, 0, &place);
    for (size_t i = 0; i < m->len; i++) {
        assert_true(scoretree_next(&place, &item));
        same_item(&m->entries[i], &item);
        both_agree_at(m, i);
    }
    assert_false(scoretree_next(&place, &item));
    scoretree_seek_rank(&m->t, m->len, &place);
    assert_false(scoretree_prev(&place, &item));
}

/* ----------------------------------------------------------------------------------------------------------- random */

struct shape {
    uint64_t members, scores;
    unsigned text_max;   /* longest filling of a member */
    unsigned steps, target; /* grows to about target, shrinks, grows, ... */
    unsigned bulk;       /* one step of so many removes a range */
};

static struct slice random_member(struct prng *p, const struct shape *shape, char *buf)
{
    uint64_t i = prng_below(p, shape->members);
    int head = snprintf(buf, 32, "%llu", (unsigned long long)(i * 2654435761u % shape->members));
    unsigned fill = shape->text_max == 0 ? 0 : (unsigned)(i * 40503u % (shape->text_max + 1));
    memset(buf + head, (int)(i & 0xff), fill);
    return slice_of(buf, (size_t)head + fill);
}

static double random_score(struct prng *p, const struct shape *shape)
{
    uint64_t i = prng_below(p, shape->scores);
    if (shape->scores > 50 && i == 0) return (double)INFINITY;
    if (shape->scores > 50 && i == 1) return -(double)INFINITY;
    if (i == 2) return -0.0;
    if (i == 3) return 0.0;
    return ((double)i - (double)shape->scores / 2) / 4;
}

static struct scoretree_bound random_bound(struct prng *p, const struct shape *shape, char *buf)
{
    bool past = prng_below(p, 2) == 1;
    uint64_t kind = prng_below(p, shape->scores == 1 ? 3 : 2);
    struct slice member = random_member(p, shape, buf);
    if (kind == 0) return scoretree_by_score(random_score(p, shape), past);
    return kind == 1 ? scoretree_by_both(random_score(p, shape), member, past) : scoretree_by_member(member, past);
}

static void random_bulk(struct prng *p, struct model *m, const struct shape *shape)
{
    char buf[2][1100];
    struct scoretree_bound from = random_bound(p, shape, buf[0]), to = random_bound(p, shape, buf[1]);
    switch (prng_below(p, 4)) {
    case 0: both_remove_ranks(m, prng_below(p, m->len + 2), prng_below(p, 100)); return;
    case 1: both_pop(m, false, prng_below(p, 80)); return;
    case 2: both_pop(m, true, prng_below(p, 80)); return;
    default: break;
    }
    size_t first = model_seek(m, &from), end = model_seek(m, &to);
    if (end > first + 300) return;
    struct expect x = {m, first, 0, false};
    size_t want = end > first ? end - first : 0;
    assert_int_equal(scoretree_remove_range(&m->t, &from, &to, expect_next, &x), want);
    assert_int_equal(x.seen, want);
    model_cut_range(m, first, want);
}

static void run_model(uint64_t start, const struct shape *shape)
{
    struct prng p;
    struct model m;
    char buf[1100];
    bool grow = true;
    prng_init(&p, start);
    model_init(&m);
    for (unsigned step = 0; step < shape->steps; step++) {
        if (m.len > shape->target) grow = false;
        if (m.len < shape->target / 8) grow = true;
        unsigned chance = (unsigned)prng_below(&p, 100);
        if (chance < (grow ? 75u : 25u)) {
            both_insert(&m, random_member(&p, shape, buf), random_score(&p, shape));
        } else if (chance < 85) {
            both_remove(&m, random_member(&p, shape, buf));
            if (!grow && m.len > 0) {
                struct slice member = entry_member(&m.entries[prng_below(&p, m.len)]);
                memcpy(buf, member.ptr, member.len);
                both_remove(&m, slice_of(buf, member.len));
            }
        } else if (chance < 97) {
            struct scoretree_bound b = random_bound(&p, shape, buf);
            both_seek(&m, &b);
        } else if (shape->bulk > 0 && prng_below(&p, shape->bulk) == 0) {
            random_bulk(&p, &m, shape);
        }
        scoretree_check(&m.t);
        assert_int_equal(scoretree_len(&m.t), m.len);
        if (m.len > 0) both_agree_at(&m, prng_below(&p, m.len));
        if (step % 512 == 0) both_agree(&m);
    }
    both_agree(&m);
    model_free(&m);
}

static void test_model_mixed(void **state)
{
    (void)state;
    run_model(1, &(struct shape){3000, 400, .text_max = 20, .steps = 6000, .target = 1200, .bulk = 5});
}
static void test_model_equal_scores(void **state)
{
    (void)state;
    run_model(2, &(struct shape){2000, 1, .text_max = 5, .steps = 5000, .target = 900, .bulk = 5});
    run_model(3, &(struct shape){2000, 6, .text_max = 5, .steps = 4000, .target = 900, .bulk = 8});
}
static void test_model_small(void **state)
{
    (void)state;
    run_model(4, &(struct shape){300, 100, .text_max = 0, .steps = 20000, .target = 100, .bulk = 1});
}
static void test_model_long_members(void **state)
{
    (void)state;
    run_model(5, &(struct shape){900, 60, .text_max = 1000, .steps = 5000, .target = 400, .bulk = 5});
    run_model(6, &(struct shape){3000, 60, .text_max = 124, .steps = 5000, .target = 900, .bulk = 5});
}
static void test_model_deep(void **state) /* few checks, so that there can be three levels of inner nodes */
{
    (void)state;
    struct scoretree t;
    struct prng p;
    char buf[32];
    prng_init(&p, 7);
    scoretree_init(&t, &seed);
    for (unsigned i = 0; i < 200000; i++) {
        int len = snprintf(buf, sizeof buf, "m%u", (unsigned)prng_below(&p, 120000));
        scoretree_insert(&t, slice_of(buf, (size_t)len), (double)prng_below(&p, 1000000), NULL);
        if (i % 20000 == 0) scoretree_check(&t);
    }
    scoretree_check(&t);
    while (scoretree_len(&t) > 0) {
        for (unsigned i = 0; i < 9000 && scoretree_len(&t) > 0; i++) {
            struct scoretree_item item;
            scoretree_random(&t, &p, &item);
            memcpy(buf, item.member.ptr, item.member.len);
            assert_true(scoretree_remove(&t, slice_of(buf, item.member.len)));
        }
        scoretree_remove_ranks(&t, scoretree_len(&t) / 3, 5000, NULL, NULL);
        scoretree_check(&t);
    }
    scoretree_deinit(&t);
}

/* ----------------------------------------------------------------------------------------------------------- orders */

static void test_monotone(void **state)
{
    (void)state;
    for (int way = 0; way < 4; way++) {
        struct model m;
        char buf[32];
        model_init(&m);
        for (int i = 0; i < 3000; i++) {
            int n = way == 0 ? i : way == 1 ? -i : i % 2 == 0 ? i : -i;
            int len = snprintf(buf, sizeof buf, "m%07d", 1000000 + n);
            both_insert(&m, slice_of(buf, (size_t)len), way == 3 ? 1 : n);
            if (i % 16 == 0) scoretree_check(&m.t);
        }
        both_agree(&m);
        for (int i = 0; m.len > 0; i++) {
            size_t at = way == 0 ? 0 : way == 1 ? m.len - 1 : way == 2 ? m.len / 2 : i % 2 == 0 ? 0 : m.len - 1;
            int len = snprintf(buf, sizeof buf, "%.*s", (int)m.entries[at].len, m.entries[at].text);
            both_remove(&m, slice_of(buf, (size_t)len));
            if (i % 16 == 0) scoretree_check(&m.t);
        }
        assert_int_equal(scoretree_mem(&m.t), 0);
        model_free(&m);
    }
}

/* One element crosses the whole tree in steps and in leaps, so that it stops on each side of each border of leaves. */
static void test_update_across_borders(void **state)
{
    (void)state;
    struct model m;
    char buf[32];
    model_init(&m);
    for (int i = 0; i < 400; i++) {
        int len = snprintf(buf, sizeof buf, "m%05d", i);
        both_insert(&m, slice_of(buf, (size_t)len), 10 * i);
    }
    for (int i = -1; i <= 401; i++) {
        both_insert(&m, SLICE("mover"), 10 * i + 5);
        scoretree_check(&m.t);
        both_insert(&m, SLICE("mover"), 10 * i + 10);
        both_agree_at(&m, model_find(&m, SLICE("mover")));
        both_insert(&m, SLICE("mover"), (double)(i % 2 == 0 ? -INFINITY : INFINITY));
        scoretree_check(&m.t);
    }
    both_agree(&m);
    model_free(&m);
}

static void test_ranges_at_borders(void **state)
{
    (void)state;
    for (size_t count = 1; count < 200; count += 9) {
        for (size_t from = 0; from < 300; from += 31) {
            struct model m;
            char buf[32];
            model_init(&m);
            for (int i = 0; i < 300; i++) {
                int len = snprintf(buf, sizeof buf, "m%05d", i * 7919 % 300);
                both_insert(&m, slice_of(buf, (size_t)len), i * 7919 % 300 / 3);
            }
            both_remove_ranks(&m, from, count);
            both_agree(&m);
            both_remove_ranks(&m, 0, SIZE_MAX);
            both_agree(&m);
            model_free(&m);
        }
    }
}

/* ------------------------------------------------------------------------------------------------------ odd members */

static void test_odd_members(void **state)
{
    (void)state;
    struct model m;
    model_init(&m);
    char *big = malloc(65536);
    memset(big, 'x', 65536);
    static const size_t lens[] = {0, 1, 126, 127, 128, 129, 254, 255, 256, 65535, 65536};
    for (int round = 0; round < 3; round++) {
        for (size_t i = 0; i < ARRAY_LEN(lens); i++) {
            both_insert(&m, slice_of(big, lens[i]), round == 1 ? (double)(i % 3) : 0);
            scoretree_check(&m.t);
        }
        both_insert(&m, slice_of("\0", 1), 0);
        both_insert(&m, slice_of("\0\0", 2), 0);
        both_insert(&m, slice_of("\xff\0\xff", 3), -0.0);
        both_agree(&m);
    }
    both_insert(&m, SLICE("nowhere"), -0.0);
    both_insert(&m, SLICE("nowhere"), 0.0);
    double score;
    size_t rank;
    assert_false(scoretree_score(&m.t, SLICE("absent"), &score));
    assert_false(scoretree_rank(&m.t, SLICE("absent"), true, &rank));
    struct scoretree copy;
    scoretree_init(&copy, &seed);
    scoretree_dup(&copy, &m.t);
    scoretree_check(&copy);
    for (size_t i = 0; i < ARRAY_LEN(lens); i++) both_remove(&m, slice_of(big, lens[i]));
    both_agree(&m);
    assert_int_equal(scoretree_len(&copy), m.len + ARRAY_LEN(lens));
    scoretree_deinit(&copy);
    free(big);
    model_free(&m);
}

static void test_empty(void **state)
{
    (void)state;
    struct scoretree t;
    struct prng p;
    struct scoretree_item item;
    struct scoretree_place place;
    double score;
    prng_init(&p, 1);
    scoretree_init(&t, &seed);
    scoretree_check(&t);
    struct scoretree_bound bound = scoretree_by_score(1, true);
    assert_int_equal(scoretree_seek(&t, &bound, &place), 0);
    assert_false(scoretree_next(&place, &item));
    assert_false(scoretree_random(&t, &p, &item));
    assert_false(scoretree_remove(&t, SLICE("a")));
    assert_false(scoretree_score(&t, SLICE("a"), &score));
    assert_int_equal(scoretree_pop(&t, true, 3, NULL, NULL), 0);
    assert_int_equal(scoretree_pop(&t, false, 3, NULL, NULL), 0);
    assert_int_equal(scoretree_remove_range(&t, &bound, &bound, NULL, NULL), 0);
    assert_int_equal(scoretree_scan(&t, 0, NULL, NULL), 0);
    assert_int_equal(scoretree_mem(&t), 0);
    assert_true(scoretree_drain(&t, 1));
    scoretree_deinit(&t);
}

/* ----------------------------------------------------------------------------------------- append, scan, drain, ... */

static void fill(struct scoretree *t, unsigned from, unsigned to)
{
    char buf[32];
    for (unsigned i = from; i < to; i++) {
        int len = snprintf(buf, sizeof buf, "member:%08u", i);
        assert_true(scoretree_append(t, slice_of(buf, (size_t)len), i / 4));
    }
}

static void test_append(void **state)
{
    (void)state;
    struct scoretree t, copy;
    scoretree_init(&t, &seed);
    scoretree_init(&copy, &seed);
    scoretree_reserve(&t, 10000);
    fill(&t, 0, 10000);
    scoretree_check(&t);
    assert_false(scoretree_append(&t, SLICE("a"), 3));
    assert_false(scoretree_append(&t, SLICE("member:00009999"), 1e9));
    assert_false(scoretree_append(&t, SLICE("member:00000007"), 1e9));
    scoretree_check(&t);
    assert_int_equal(scoretree_len(&t), 10000);
    scoretree_dup(&copy, &t);
    scoretree_check(&copy);
    assert_int_equal(scoretree_remove_ranks(&t, 0, SIZE_MAX, NULL, NULL), 10000);
    assert_int_equal(scoretree_mem(&t), 0);
    struct scoretree_place place;
    struct scoretree_item item;
    scoretree_seek_rank(&copy, 4321, &place);
    assert_true(scoretree_next(&place, &item));
    assert_true(slice_eq(item.member, SLICE("member:00004321")) && item.score == 1080);
    scoretree_deinit(&t);
    scoretree_deinit(&copy);
}

/* All of them, or those before the first that is not behind the last. */
static void test_append_many(void **state)
{
    enum { COUNT = 1000 };
    static char names[COUNT][16];
    struct scoretree_item items[COUNT];
    struct scoretree t;
    (void)state;
    for (int i = 0; i < COUNT; i++)
        items[i] = (struct scoretree_item){slice_of(names[i], (size_t)snprintf(names[i], 16, "m:%04d", i)), i / 3};
    for (size_t bad = 1; bad < 40; bad++) {
        struct scoretree_item kept = items[bad];
        for (int how = 0; how < 2; how++) {
            items[bad] = how == 0 ? (struct scoretree_item){items[bad - 1].member, 1e9} /* present */
                                  : (struct scoretree_item){kept.member, -1};           /* elsewhere */
            scoretree_init(&t, &seed);
            assert_int_equal(scoretree_append_many(&t, items, COUNT), bad);
            items[bad] = kept;
            assert_int_equal(scoretree_append_many(&t, items + bad, COUNT - bad), COUNT - bad);
            assert_int_equal(scoretree_append_many(&t, items, 0), 0);
            scoretree_check(&t);
            assert_int_equal(scoretree_len(&t), COUNT);
            scoretree_deinit(&t);
        }
    }
}

static void mark(void *arg, struct slice member, double score)
{
    char buf[32] = {0};
    memcpy(buf, member.ptr + 7, 8);
    unsigned i = (unsigned)strtoul(buf, NULL, 10);
    assert_true(score == i / 4);
    ((uint8_t *)arg)[i] = 1;
}

static void test_scan_through_changes(void **state) /* what is there all the time is seen */
{
    (void)state;
    struct scoretree t;
    struct prng p;
    static uint8_t seen[6000];
    memset(seen, 0, sizeof seen);
    prng_init(&p, 3);
    scoretree_init(&t, &seed);
    fill(&t, 0, 2000);
    uint64_t cursor = 0;
    unsigned next = 2000, calls = 0;
    do {
        cursor = scoretree_scan(&t, cursor, mark, seen);
        if (++calls < 200) {
            fill(&t, next, next + 20);
            next += 20;
        } else if (scoretree_len(&t) > 2100) {
            scoretree_remove_ranks(&t, 2000 + prng_below(&p, 50), 30, NULL, NULL);
        }
    } while (cursor != 0);
    for (unsigned i = 0; i < 2000; i++) assert_int_equal(seen[i], 1);
    scoretree_check(&t);
    scoretree_deinit(&t);
}

static void test_random_is_uniform(void **state)
{
    (void)state;
    struct scoretree t;
    struct prng p;
    unsigned hits[200] = {0};
    prng_init(&p, 9);
    scoretree_init(&t, &seed);
    fill(&t, 0, 200);
    for (int i = 0; i < 100000; i++) {
        struct scoretree_item item;
        size_t rank;
        assert_true(scoretree_random(&t, &p, &item));
        assert_true(scoretree_rank(&t, item.member, false, &rank));
        hits[rank]++;
    }
    for (unsigned i = 0; i < 200; i++) assert_in_range(hits[i], 380, 640); /* 500 and 6 sigma */
    scoretree_deinit(&t);
}

static void test_drain(void **state)
{
    (void)state;
    struct scoretree t;
    scoretree_init(&t, &seed);
    fill(&t, 0, 20000);
    char *big = malloc(1000);
    memset(big, 'z', 1000);
    scoretree_insert(&t, slice_of(big, 1000), 17, NULL);
    free(big);
    unsigned calls = 0;
    size_t mem = scoretree_mem(&t);
    while (!scoretree_drain(&t, 500)) {
        calls++;
        assert_true(scoretree_mem(&t) <= mem);
        mem = scoretree_mem(&t);
    }
    assert_in_range(calls, 40, 200);
    assert_int_equal(scoretree_mem(&t), 0);
    scoretree_check(&t);
    fill(&t, 0, 100); /* usable again */
    scoretree_check(&t);
    assert_false(scoretree_drain(&t, 10));
    scoretree_deinit(&t); /* from the middle */
}

/* Ascending, descending and mixed order give the same tree; a member that is there is refused. */
static void loading_takes_any_order(void **state)
{
    (void)state;
    enum { COUNT = 3000 };
    static const struct hash_seed seed = {1, 2};
    for (int order = 0; order < 3; order++) {
        struct scoretree t;
        struct scoretree_place place;
        struct scoretree_item item;
        char text[32];
        scoretree_init(&t, &seed);
        scoretree_reserve(&t, COUNT);
        for (int i = 0; i < COUNT; i++) {
            int n = order == 0 ? i : order == 1 ? COUNT - 1 - i : i * 1237 % COUNT;
            struct slice member = slice_of(text, (size_t)snprintf(text, sizeof(text), "m%05d", n));
            assert_true(scoretree_load(&t, member, n / 3));
            assert_false(scoretree_load(&t, member, i));
        }
        scoretree_check(&t);
        scoretree_seek_rank(&t, 0, &place);
        for (int i = 0; i < COUNT; i++) {
            assert_true(scoretree_next(&place, &item));
            snprintf(text, sizeof(text), "m%05d", i);
            assert_true(slice_eq(item.member, slice_cstr(text)) && item.score == (double)(i / 3));
        }
        scoretree_deinit(&t);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(loading_takes_any_order),
        cmocka_unit_test(test_empty),
        cmocka_unit_test(test_odd_members),
        cmocka_unit_test(test_append),
        cmocka_unit_test(test_append_many),
        cmocka_unit_test(test_monotone),
        cmocka_unit_test(test_update_across_borders),
        cmocka_unit_test(test_ranges_at_borders),
        cmocka_unit_test(test_scan_through_changes),
        cmocka_unit_test(test_random_is_uniform),
        cmocka_unit_test(test_drain),
        cmocka_unit_test(test_model_mixed),
        cmocka_unit_test(test_model_equal_scores),
        cmocka_unit_test(test_model_small),
        cmocka_unit_test(test_model_long_members),
        cmocka_unit_test(test_model_deep),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
