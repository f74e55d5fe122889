/* Streams against a naive list of entries and groups. CAIRN_MODEL_STEPS makes it longer. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/mem.h"
#include "base/prng.h"
#include "ds/listpack.h"
#include "value/stream.h"

#include <stdio.h>
#include <stdlib.h>

enum { ENTRIES_MAX = 4000, PENDING_MAX = 4000, GROUPS = 3, CONSUMERS = 4 };

struct entry {
    struct stream_id id;
    unsigned shape; /* the fields and values follow from it */
};
struct pending {
    struct stream_id id;
    unsigned consumer;
    uint64_t delivered_ms, deliveries;
};
struct group {
    struct stream_id last_id;
    struct pending pending[PENDING_MAX];
    size_t len;
    bool exists, has_consumer[CONSUMERS];
};
struct model {
    struct record *r;
    struct entry entries[ENTRIES_MAX];
    size_t len;
    struct stream_id last, max_deleted;
    uint64_t added;
    struct group groups[GROUPS];
    struct value_limits limits;
    struct prng prng;
};

static uint64_t below(struct model *m, uint64_t n)
{
    return prng_below(&m->prng, n);
}

/* ---- entries */

enum { PAIRS_MAX = 4, TEXT_MAX = 40 };

static size_t shape_pairs(unsigned shape, char texts[2 * PAIRS_MAX][TEXT_MAX], struct slice *out)
{
    size_t pairs = 1 + shape % PAIRS_MAX;
    for (size_t i = 0; i < pairs; i++) {
        int len = snprintf(texts[2 * i], TEXT_MAX, "field%u-%zu", shape / 4 % 3, i);
        out[2 * i] = slice_of(texts[2 * i], (size_t)len);
        if (shape % 3 == 0)
            len = snprintf(texts[2 * i + 1], TEXT_MAX, "%d", (int)(shape * 77) - 5000);
        else
            len = snprintf(texts[2 * i + 1], TEXT_MAX, "%.*s", (int)(shape % 30), "abcdefghijklmnopqrstuvwxyzabcdef");
        out[2 * i + 1] = slice_of(texts[2 * i + 1], (size_t)len);
    }
    return pairs;
}

static void expect_entry(struct stream_reader *it, size_t pairs, const struct entry *e)
{
    char texts[2 * PAIRS_MAX][TEXT_MAX];
    struct slice want[2 * PAIRS_MAX], field, value;
    assert_int_equal(pairs, shape_pairs(e->shape, texts, want));
    for (size_t i = 0; i < pairs; i++) {
        stream_reader_pair(it, &field, &value);
        assert_true(slice_eq(field, want[2 * i]) && slice_eq(value, want[2 * i + 1]));
    }
}

static void add(struct model *m)
{
    char texts[2 * PAIRS_MAX][TEXT_MAX];
    struct slice pairs[2 * PAIRS_MAX];
    struct stream_id id = m->last;
    if (m->len == ENTRIES_MAX) return;
    if (below(m, 3) == 0)
        id = (struct stream_id){id.ms + 1 + below(m, 1000), below(m, 5)};
    else
        assert_true(stream_id_increment(&id));
    struct entry e = {id, (unsigned)(below(m, 4) == 0 ? below(m, 1000) : 13)};
    size_t count = shape_pairs(e.shape, texts, pairs);
    assert_true(stream_append(m->r, id, pairs, count, &m->limits));
    m->entries[m->len++] = e;
    m->last = id;
    m->added++;
}

static size_t lower(const struct model *m, struct stream_id id)
{
    size_t i = 0;
    while (i < m->len && stream_id_less(m->entries[i].id, id)) i++;
    return i;
}

static struct stream_id some_id(struct model *m)
{
    if (m->len > 0 && below(m, 4) > 0) return m->entries[below(m, m->len)].id;
    return (struct stream_id){below(m, m->last.ms + 2), below(m, 6)};
}

static void forget(struct model *m, size_t i)
{
    memmove(m->entries + i, m->entries + i + 1, (m->len - i - 1) * sizeof(struct entry));
    m->len--;
}

static void cut(struct model *m)
{
    struct stream_id id = some_id(m);
    size_t i = lower(m, id);
    bool was_there = i < m->len && stream_id_eq(m->entries[i].id, id);
    assert_int_equal(stream_has(m->r, id), was_there);
    assert_int_equal(stream_delete(m->r, id), was_there);
    if (!was_there) return;
    forget(m, i);
    if (stream_id_less(m->max_deleted, id)) m->max_deleted = id;
}

static void expect_range(struct model *m, struct stream_id start, struct stream_id end)
{
    struct stream_reader it;
    struct stream_id id;
    size_t pairs, i = lower(m, start), first = i;
    stream_reader_init(&it, m->r, start, end, false);
    for (; i < m->len && !stream_id_less(end, m->entries[i].id); i++) {
        assert_true(stream_reader_next(&it, &id, &pairs));
        assert_true(stream_id_eq(id, m->entries[i].id));
        if (i % 3 != 0) expect_entry(&it, pairs, &m->entries[i]);
        if (i - first > 200) return;
    }
    assert_false(stream_reader_next(&it, &id, &pairs));
    stream_reader_init(&it, m->r, start, end, true);
    while (i > first) {
        i--;
        assert_true(stream_reader_next(&it, &id, &pairs));
        assert_true(stream_id_eq(id, m->entries[i].id));
        if (i % 3 != 0) expect_entry(&it, pairs, &m->entries[i]);
    }
    assert_false(stream_reader_next(&it, &id, &pairs));
}

/* ---- groups */

static const struct slice group_names[GROUPS] = {{"beta", 4}, {"alpha", 5}, {"", 0}};
static const struct slice consumer_names[CONSUMERS] = {{"z", 1}, {"a", 1}, {"mm", 2}, {"m", 1}};

static size_t pending_find(const struct group *g, struct stream_id id)
{
    size_t i = 0;
    while (i < g->len && stream_id_less(g->pending[i].id, id)) i++;
    return i;
}

static bool is_pending(const struct group *g, size_t i, struct stream_id id)
{
    return i < g->len && stream_id_eq(g->pending[i].id, id);
}

static void pending_cut(struct group *g, size_t i)
{
    memmove(g->pending + i, g->pending + i + 1, (g->len - i - 1) * sizeof(struct pending));
    g->len--;
}

static struct stream_group *the_group(struct model *m, unsigned k)
{
    struct group *g = &m->groups[k];
    struct stream_group *real = stream_group_find(m->r, group_names[k]);
    assert_int_equal(real != NULL, g->exists);
    if (real != NULL) return real;
    real = stream_group_create(m->r, group_names[k], STREAM_ID_MIN, 0);
    assert_non_null(real);
    assert_null(stream_group_create(m->r, group_names[k], STREAM_ID_MIN, 0));
    *g = (struct group){.exists = true};
    return real;
}

static struct stream_consumer *the_consumer(struct group *g, struct stream_group *real, unsigned k)
{
    struct stream_consumer *c = stream_consumer_find(real, consumer_names[k]);
    assert_int_equal(c != NULL, g->has_consumer[k]);
    if (c != NULL) return c;
    g->has_consumer[k] = true;
    return stream_consumer_create(real, consumer_names[k], 5);
}

static void give(struct model *m, struct group *g, struct stream_group *real, struct stream_id id)
{
    unsigned k = (unsigned)below(m, CONSUMERS);
    struct stream_consumer *c = the_consumer(g, real, k);
    size_t i = pending_find(g, id);
    if (!is_pending(g, i, id)) {
        if (g->len == PENDING_MAX) return;
        memmove(g->pending + i + 1, g->pending + i, (g->len - i) * sizeof(struct pending));
        g->pending[i] = (struct pending){.id = id};
        g->len++;
    }
    struct stream_pending *p = stream_pending_give(real, id, c);
    assert_int_equal(p->deliveries, g->pending[i].deliveries);
    assert_int_equal(p->delivered_ms, g->pending[i].delivered_ms);
    g->pending[i].consumer = k;
    p->delivered_ms = g->pending[i].delivered_ms = below(m, 1000);
    p->deliveries = ++g->pending[i].deliveries;
}

static void group_step(struct model *m)
{
    unsigned k = (unsigned)below(m, GROUPS);
    struct group *g = &m->groups[k];
    struct stream_group *real = the_group(m, k);
    uint64_t what = below(m, 100);
    struct stream_id id = g->len > 0 && below(m, 3) > 0 ? g->pending[below(m, g->len)].id : some_id(m);
    if (what < 50) {
        give(m, g, real, below(m, 2) ? some_id(m) : id);
    } else if (what < 95) {
        size_t i = pending_find(g, id);
        bool was_there = is_pending(g, i, id);
        assert_int_equal(stream_pending_remove(real, id), was_there);
        if (was_there) pending_cut(g, i);
    } else if (what < 98) {
        unsigned c = (unsigned)below(m, CONSUMERS);
        size_t dropped = 0;
        for (size_t i = g->len; i > 0; i--)
            if (g->has_consumer[c] && g->pending[i - 1].consumer == c) pending_cut(g, i - 1), dropped++;
        if (g->has_consumer[c])
            assert_int_equal(stream_consumer_remove(real, stream_consumer_find(real, consumer_names[c])), dropped);
        g->has_consumer[c] = false;
    } else if (what == 98 && below(m, 5) == 0) {
        stream_group_remove(m->r, real);
        g->exists = false;
    } else {
        g->last_id = some_id(m);
        stream_group_set(real, g->last_id, STREAM_ENTRIES_READ_UNKNOWN);
    }
}

/* A group is given some entries: those behind its last one. */
static void news_step(struct model *m)
{
    unsigned k = (unsigned)below(m, GROUPS);
    struct group *g = &m->groups[k];
    struct stream_group *real = the_group(m, k);
    struct stream_id start = g->last_id, id;
    struct stream_reader it;
    size_t pairs;
    if (below(m, 20) == 0) { /* far back */
        start = g->last_id = some_id(m);
        stream_group_set(real, start, STREAM_ENTRIES_READ_UNKNOWN);
    }
    assert_true(stream_id_increment(&start));
    size_t i = lower(m, start), count = 1 + below(m, 12);
    stream_reader_init_news(&it, m->r, real);
    for (; count > 0 && i < m->len; count--, i++) {
        assert_true(stream_reader_next(&it, &id, &pairs));
        assert_true(stream_id_eq(id, m->entries[i].id));
        stream_group_advance(m->r, real, id);
        stream_reader_remember(&it, real);
        if (i % 2 == 0) expect_entry(&it, pairs, &m->entries[i]);
        g->last_id = id;
    }
    if (i == m->len) assert_false(stream_reader_next(&it, &id, &pairs));
}

static void expect_pending(const struct pending *want, struct stream_id id, const struct stream_pending *p)
{
    assert_true(stream_id_eq(id, want->id));
    assert_int_equal(p->delivered_ms, want->delivered_ms);
    assert_int_equal(p->deliveries, want->deliveries);
    assert_true(slice_eq(stream_consumer_name(p->consumer), consumer_names[want->consumer]));
}

static void expect_groups(struct model *m)
{
    for (unsigned k = 0; k < GROUPS; k++) {
        const struct group *g = &m->groups[k];
        struct stream_group *real = stream_group_find(m->r, group_names[k]);
        assert_int_equal(real != NULL, g->exists);
        if (real == NULL) continue;
        struct stream_id id;
        struct stream_pending *p;
        struct stream_pending_at at = stream_pending_from(real, NULL, STREAM_ID_MIN);
        for (size_t i = 0; i < g->len; i++) {
            assert_true(stream_pending_next(&at, &id, &p));
            expect_pending(&g->pending[i], id, p);
        }
        assert_false(stream_pending_next(&at, &id, &p));
        for (unsigned c = 0; c < CONSUMERS; c++) {
            const struct stream_consumer *consumer = stream_consumer_find(real, consumer_names[c]);
            assert_int_equal(consumer != NULL, g->has_consumer[c]);
            if (consumer == NULL) continue;
            at = stream_pending_from(real, consumer, STREAM_ID_MIN);
            for (size_t i = 0; i < g->len; i++) {
                if (g->pending[i].consumer != c) continue;
                assert_true(stream_pending_next(&at, &id, &p));
                expect_pending(&g->pending[i], id, p);
            }
            assert_false(stream_pending_next(&at, &id, &p));
        }
    }
}

/* ---- trimming */

static bool model_referenced(const struct model *m, struct stream_id id)
{
    for (unsigned k = 0; k < GROUPS; k++) {
        const struct group *g = &m->groups[k];
        if (g->exists && (stream_id_less(g->last_id, id) || is_pending(g, pending_find(g, id), id))) return true;
    }
    return false;
}

static void model_drop_refs(struct model *m, struct stream_id id)
{
    for (unsigned k = 0; k < GROUPS; k++) {
        struct group *g = &m->groups[k];
        size_t i = pending_find(g, id);
        if (g->exists && is_pending(g, i, id)) pending_cut(g, i);
    }
}

/* What approximate trimming left is taken from the stream: how much it may take is said by its nodes. */
static void model_trim(struct model *m, const struct stream_trim *t, uint64_t gone)
{
    uint64_t left = gone, i = 0;
    while (i < m->len && (t->approx ? left > 0 : true)) {
        struct stream_id id = m->entries[i].id;
        bool due = t->by == STREAM_TRIM_MAXLEN ? m->len > t->max_len : stream_id_less(id, t->min_id);
        if (!due) break;
        if (t->refs == STREAM_REFS_ACKED && model_referenced(m, id)) {
            assert_false(t->approx);
            i++;
            continue;
        }
        if (t->refs == STREAM_REFS_DROP) model_drop_refs(m, id);
        if (t->refs == STREAM_REFS_ACKED && !t->approx && stream_id_less(m->max_deleted, id)) m->max_deleted = id;
        forget(m, i);
        left--;
    }
    assert_int_equal(left, 0);
}

static void trim(struct model *m)
{
    struct stream_trim t = {.by = below(m, 2) ? STREAM_TRIM_MAXLEN : STREAM_TRIM_MINID,
                            .approx = below(m, 2),
                            .refs = (enum stream_refs)below(m, 3),
                            .max_len = m->len - below(m, m->len / 4 + 1) + below(m, 3),
                            .min_id = m->len > 0 ? m->entries[below(m, m->len / 4 + 1)].id : STREAM_ID_MIN,
                            .limit = 0};
    if (t.approx && below(m, 2)) t.limit = below(m, 30);
    size_t before = m->len;
    uint64_t gone = stream_trim(m->r, &t);
    if (t.limit > 0) assert_true(gone <= t.limit);
    assert_int_equal(stream_len(m->r), before - gone);
    model_trim(m, &t, gone);
}

/* ---- the whole */

static void expect_facts(const struct model *m)
{
    assert_int_equal(stream_len(m->r), m->len);
    assert_int_equal(stream_entries_added(m->r), m->added);
    assert_true(stream_id_eq(stream_last_id(m->r), m->last));
    assert_true(stream_id_eq(stream_max_deleted_id(m->r), m->max_deleted));
    assert_true(stream_id_eq(stream_first_id(m->r), m->len > 0 ? m->entries[0].id : STREAM_ID_MIN));
}

/* Saves by the verbs for it into another stream. */
static struct record *reloaded(const struct record *r)
{
    struct record *copy = stream_new(SLICE("copy"));
    struct stream_node_at at = stream_nodes(r);
    struct stream_id id;
    struct slice bytes;
    size_t nodes = 0;
    for (; stream_node_next(&at, &id, &bytes); nodes++) {
        assert_true(stream_load_node(copy, id, bytes));
        assert_false(stream_load_node(copy, id, bytes));
    }
    assert_int_equal(nodes, stream_node_count(r));
    assert_true(stream_load_end(copy, stream_last_id(r), stream_entries_added(r), stream_max_deleted_id(r)));
    return copy;
}

static void swap_for(struct model *m, struct record *other)
{
    record_check(other);
    record_free(m->r);
    m->r = other;
}

static void run_model(uint64_t seed, unsigned steps)
{
    struct model *m = mem_zalloc(sizeof(*m));
    prng_init(&m->prng, seed);
    m->limits.stream_node_max_entries = seed % 2 == 0 ? 7 : 300; /* 300: the counts of a head need two bytes */
    m->limits.stream_node_max_bytes = seed % 2 == 0 ? 300 : 0;
    m->r = stream_new(SLICE("key"));
    for (unsigned step = 0; step < steps; step++) {
        unsigned growing = step / 1000 % 2 == 0 ? 60 : 25;
        uint64_t what = below(m, 100);
        if (what < growing)
            add(m);
        else if (what < growing + 15)
            cut(m);
        else if (what < growing + 17)
            trim(m);
        else if (what < growing + 25)
            news_step(m);
        else
            group_step(m);
        struct stream_id a = some_id(m), b = some_id(m);
        if (step % 8 == 0) expect_range(m, a, b);
        if (step % 16 == 0) record_check(m->r);
        if (step % 100 == 0) expect_groups(m);
        expect_facts(m);
        if (step % 5000 == 4999) swap_for(m, record_dup(m->r, SLICE("dup")));
    }
    expect_range(m, STREAM_ID_MIN, STREAM_ID_MAX);
    expect_groups(m);
    assert_true(record_mem(m->r, 0) > 0 && record_free_effort(m->r) > 0);
    struct record *copy = reloaded(m->r);
    memset(m->groups, 0, sizeof(m->groups));
    swap_for(m, copy);
    expect_range(m, STREAM_ID_MIN, STREAM_ID_MAX);
    record_free(m->r);
    mem_free(m);
}

static void test_model(void **state)
{
    (void)state;
    const char *more = getenv("CAIRN_MODEL_STEPS");
    for (uint64_t seed = 1; seed <= 3; seed++) run_model(seed, more == NULL ? 8000 : (unsigned)atoi(more));
}

/* ---- single facts */

static const struct value_limits usual = {.stream_node_max_bytes = 4096, .stream_node_max_entries = 100};

static void append(struct record *r, uint64_t ms, const char *field, const char *value)
{
    struct slice pair[2] = {slice_cstr(field), slice_cstr(value)};
    assert_true(stream_append(r, (struct stream_id){ms, 0}, pair, 1, &usual));
}

/* The bytes that Redis 7.0.15 has for the same entries. */
static void test_node_bytes(void **state)
{
    (void)state;
    static const char bytes[] = "\x43\0\0\0\x19\0\x03\1\0\1\2\1\x81"
                                "a\2\x81"
                                "b\2\0\1\2\1\0\1\0\1\1\1\x83"
                                "foo\4\5\1\2\1\2\1\xdf\xfe\2\2\1\xc1\x2c\2\5\1\0\1\3\1\xdf\xfd\2\1\1\x81"
                                "c\2\x81"
                                "d\2\6\1\xff";
    struct record *r = stream_new(SLICE("s"));
    struct slice first[4] = {SLICE("a"), SLICE("1"), SLICE("b"), SLICE("foo")};
    struct slice second[4] = {SLICE("a"), SLICE("2"), SLICE("b"), SLICE("300")}, third[2] = {SLICE("c"), SLICE("d")};
    assert_true(stream_append(r, (struct stream_id){5, 3}, first, 2, &usual));
    assert_true(stream_append(r, (struct stream_id){7, 1}, second, 2, &usual));
    assert_true(stream_append(r, (struct stream_id){8, 0}, third, 1, &usual));
    struct stream_node_at at = stream_nodes(r);
    struct stream_id id;
    struct slice got;
    assert_true(stream_node_next(&at, &id, &got));
    assert_true(stream_id_eq(id, (struct stream_id){5, 3}));
    assert_int_equal(got.len, sizeof(bytes) - 1);
    assert_memory_equal(got.ptr, bytes, got.len);
    assert_false(stream_node_next(&at, &id, &got));
    record_free(r);
}

/* Every byte changed in every way must be refused, or leave something that can be walked. */
static void test_damaged_nodes(void **state)
{
    (void)state;
    struct record *r = stream_new(SLICE("s"));
    for (uint64_t i = 1; i <= 6; i++) append(r, i, i % 3 == 0 ? "other" : "field", i % 2 ? "value" : "12345");
    assert_true(stream_delete(r, (struct stream_id){4, 0}));
    struct stream_node_at at = stream_nodes(r);
    struct stream_id id;
    struct slice bytes;
    uint64_t entries;
    assert_true(stream_node_next(&at, &id, &bytes));
    assert_true(stream_node_validate(id, bytes, &entries));
    assert_int_equal(entries, 5);
    char *damaged = mem_dup(bytes.ptr, bytes.len);
    for (size_t i = 0; i < bytes.len; i++) {
        for (unsigned v = 0; v < 256; v++) {
            damaged[i] = (char)v;
            struct record *loaded = stream_new(SLICE("l"));
            if (stream_load_node(loaded, id, slice_of(damaged, bytes.len)) &&
                stream_load_end(loaded, STREAM_ID_MAX, 10, STREAM_ID_MIN))
                record_check(loaded);
            record_free(loaded);
        }
        damaged[i] = bytes.ptr[i];
    }
    for (size_t len = 0; len < bytes.len; len++)
        assert_false(stream_node_validate(id, slice_of(damaged, len), &entries));
    mem_free(damaged);
    record_free(r);
}

/* About 12 bytes an entry beside its texts. */
static void test_memory(void **state)
{
    (void)state;
    struct record *r = stream_new(SLICE("s"));
    enum { COUNT = 100000 };
    for (uint64_t i = 1; i <= COUNT; i++) append(r, 1700000000000u + i, "field", "valuevalue");
    assert_true(record_mem(r, 0) < (size_t)COUNT * 23);
    assert_true(record_mem(r, 5) < (size_t)COUNT * 24);
    record_free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_model),
        cmocka_unit_test(test_node_bytes),
        cmocka_unit_test(test_damaged_nodes),
        cmocka_unit_test(test_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
