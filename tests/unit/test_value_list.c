/* Lists: forms and their borders, the ends, changes inside, payloads; and a model test: random changes against an array
 * of byte strings, with node sizes and compression depths that change on the way. */
#include "value/list.h"

#include "base/blob.h"
#include "base/mem.h"
#include "base/prng.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#define KEY SLICE("a list")

static const struct value_limits usual = {.list_listpack_size = -2};

static struct record *make(void)
{
    struct record *r = list_new(KEY);
    assert_non_null(r);
    return r;
}

static const char *encoding(const struct record *r)
{
    return record_encoding_name(r);
}

struct text {
    char bytes[32];
    int len;
};

static struct text number_text(const char *prefix, int i)
{
    struct text t;
    t.len = snprintf(t.bytes, sizeof t.bytes, "%s%d", prefix, i);
    return t;
}

static struct slice slice_text(const struct text *t)
{
    return slice_of(t->bytes, (size_t)t->len);
}

static bool index_is(const struct record *r, int64_t index, struct slice expected)
{
    struct slice have;
    struct list_iter *it = list_iter_new(r, index, false);
    bool equal = list_iter_next(it, &have) && slice_eq(have, expected);
    list_iter_free(it);
    return equal;
}

static struct slice large(char fill, size_t len)
{
    static char bytes[128 * 1024];
    assert_true(len <= sizeof bytes);
    memset(bytes, fill, len);
    return slice_of(bytes, len);
}

/* ---- cases */

static void ends(void **state)
{
    struct record *r = make();
    struct listpack_value v;
    assert_int_equal(list_len(r), 0);
    list_push(r, LIST_TAIL, SLICE("b"), &usual);
    list_push(r, LIST_HEAD, SLICE("12"), &usual);
    list_push(r, LIST_TAIL, SLICE(""), &usual);
    assert_int_equal(list_len(r), 3);
    assert_string_equal(encoding(r), "listpack");
    assert_true(list_peek(r, LIST_HEAD, &v).count == 1 && v.is_number && v.number == 12);
    assert_true(index_is(r, 1, SLICE("b")) && index_is(r, -1, SLICE("")) && index_is(r, -3, SLICE("12")));
    assert_false(index_is(r, 3, SLICE("")) || index_is(r, -4, SLICE("")) || index_is(r, INT64_MIN, SLICE("")));
    list_drop(r, LIST_TAIL, 2, &usual);
    list_drop(r, LIST_HEAD, 1, &usual);
    assert_int_equal(record_len(r), 0);
    record_check(r);
    record_free(r);
}

static void forms_by_bytes(void **state)
{
    struct record *r = make();
    for (int i = 0; list_len(r) == 0 || encoding(r)[0] == 'l'; i++) list_push(r, LIST_TAIL, large('x', 100), &usual);
    assert_int_equal(list_len(r), 80); /* 79 * 103 + 7 + 100 exceeds 8192 */
    record_check(r);
    list_drop(r, LIST_HEAD, 39, &usual);
    list_drop(r, LIST_TAIL, 1, &usual);
    assert_string_equal(encoding(r), "quicklist"); /* one node, but more than half */
    list_drop(r, LIST_TAIL, 1, &usual);
    assert_string_equal(encoding(r), "listpack");
    assert_int_equal(list_len(r), 39);
    list_push(r, LIST_HEAD, large('y', 8193), &usual);
    assert_string_equal(encoding(r), "quicklist");
    record_check(r);
    list_drop(r, LIST_HEAD, 1, &usual);
    assert_string_equal(encoding(r), "listpack");
    record_free(r);
}

static void forms_by_elements(void **state)
{
    const struct value_limits limits = {.list_listpack_size = 4};
    const struct slice five[] = {SLICE("1"), SLICE("2"), SLICE("3"), SLICE("4"), SLICE("5")};
    struct record *r = make();
    list_push_many(r, LIST_TAIL, five, 4, &limits);
    assert_string_equal(encoding(r), "listpack");
    list_push_many(r, LIST_TAIL, five, 1, &limits);
    assert_string_equal(encoding(r), "quicklist");
    assert_int_equal(list_nodes(r), 2);
    list_delete(r, 2, 1, &limits);
    record_check(r);
    list_erase(r, SLICE("1"), 1, false, &limits);
    list_drop(r, LIST_TAIL, list_len(r) - 2, &limits);
    assert_string_equal(encoding(r), "listpack");
    record_free(r);
    r = make();
    list_push_many(r, LIST_HEAD, five, 5, &limits);
    assert_string_equal(encoding(r), "quicklist");
    assert_true(index_is(r, 0, SLICE("5")) && index_is(r, 4, SLICE("1")));
    record_free(r);
}

/* Whichever way a queue runs, its nodes stay full and its elements in order. */
static void queues(void **state)
{
    for (int direction = 0; direction < 2; direction++) {
        enum list_end in = direction == 0 ? LIST_HEAD : LIST_TAIL, out = in == LIST_HEAD ? LIST_TAIL : LIST_HEAD;
        struct record *r = make();
        int first = 0, last = 0;
        for (int i = 0; i < 60000; i++) {
            struct text t = number_text("element ", last);
            list_push(r, in, slice_text(&t), &usual);
            last++;
            if (i % 3 == 2 || i > 30000) {
                t = number_text("element ", first);
                assert_true(index_is(r, out == LIST_HEAD ? 0 : -1, slice_text(&t)));
                list_drop(r, out, 1, &usual);
                first++;
            }
        }
        assert_int_equal(list_len(r), last - first);
        record_check(r);
        assert_true(list_nodes(r) < 80);
        record_free(r);
    }
}

static void large_elements(void **state)
{
    struct record *r = make();
    list_push(r, LIST_TAIL, SLICE("a"), &usual);
    list_push(r, LIST_TAIL, SLICE("b"), &usual);
    list_push(r, LIST_TAIL, SLICE("c"), &usual);
    assert_true(list_insert(r, SLICE("b"), true, large('m', 100000), &usual));
    assert_false(list_insert(r, SLICE("none"), true, SLICE("x"), &usual));
    record_check(r);
    assert_true(index_is(r, 1, large('m', 100000)) && index_is(r, 2, SLICE("b")));
    list_set(r, 3, large('n', 9000), &usual);
    record_check(r);
    assert_true(index_is(r, 3, large('n', 9000)));
    list_set(r, 1, SLICE("small"), &usual);
    list_set(r, 3, SLICE("small too"), &usual);
    record_check(r);
    assert_true(index_is(r, 1, SLICE("small")) && index_is(r, -1, SLICE("small too")));
    assert_int_equal(list_erase(r, SLICE("small"), SIZE_MAX, false, &usual), 1);
    assert_int_equal(list_len(r), 3);
    record_free(r);
}

static void blobs_are_kept(void **state)
{
    struct record *r = make();
    struct listpack_value v;
    struct blob *blob = blob_new(10000, 10000);
    memset(blob_bytes_mut(blob), 'b', 10000);
    list_push_blob(r, LIST_TAIL, blob_ref(blob), &usual);
    list_push_blob(r, LIST_HEAD, blob_ref(blob), &usual);
    assert_ptr_equal(list_peek(r, LIST_TAIL, &v).blob, blob);
    record_check(r);
    record_free(r);
    assert_false(blob_shared(blob));
    const struct value_limits wide = {.list_listpack_size = -4};
    r = make();
    for (int i = 0; i < 5; i++) list_push_blob(r, LIST_TAIL, blob_ref(blob), &wide); /* fit into listpacks here */
    assert_false(blob_shared(blob));
    assert_true(list_peek(r, LIST_TAIL, &v).blob == NULL && v.text.len == 10000);
    record_check(r);
    record_free(r);
    blob_unref(blob);
}

/* Nodes of one element, so many that inner nodes of each level are split, at each place, and go away again. */
static void deep_trees(void **state)
{
    const struct value_limits limits = {.list_listpack_size = 1};
    struct prng prng;
    for (int shape = 0; shape < 4; shape++) {
        struct record *r = make();
        prng_init(&prng, (uint64_t)shape);
        for (int i = 0; i < 45000; i++) {
            struct text t = number_text("e", i);
            size_t len = list_len(r);
            if (shape < 2 || len < 3) {
                list_push(r, shape == 0 ? LIST_HEAD : LIST_TAIL, slice_text(&t), &limits);
            } else { /* in front of the second one, or of any */
                int64_t at = shape == 2 || len < 40 ? 1 : (int64_t)prng_below(&prng, 40);
                struct list_iter *it = list_iter_new(r, at, false);
                struct slice pivot;
                char copy[32];
                assert_true(list_iter_next(it, &pivot));
                memcpy(copy, pivot.ptr, pivot.len);
                pivot.ptr = copy;
                assert_true(list_insert(r, pivot, prng_below(&prng, 2) == 0, slice_text(&t), &limits));
                list_iter_free(it);
            }
            if (i % 1500 == 0) record_check(r);
        }
        record_check(r);
        while (list_len(r) > 0) {
            size_t at = prng_below(&prng, list_len(r)), count = 1 + prng_below(&prng, 900);
            if (count > list_len(r) - at) count = list_len(r) - at;
            list_delete(r, at, count, &limits);
            record_check(r);
        }
        record_free(r);
    }
}

struct nodes {
    struct record *copy;
    const struct value_limits *limits;
};

static void load_node(void *arg, struct slice bytes, bool packed)
{
    struct nodes *nodes = arg;
    assert_true(list_load_node(nodes->copy, bytes, packed, nodes->limits));
}

static void payloads(void **state)
{
    const struct value_limits limits = {.list_listpack_size = -1, .list_compress_depth = 1};
    struct record *r = make();
    for (int i = 0; i < 3000; i++) {
        struct text t = number_text(i % 2 == 0 ? "text " : "", i);
        list_push(r, LIST_TAIL, slice_text(&t), &limits);
    }
    list_push(r, LIST_TAIL, large('z', 5000), &limits);
    struct nodes nodes = {make(), &usual};
    list_each_node(r, load_node, &nodes);
    list_load_end(nodes.copy, &usual);
    record_check(nodes.copy);
    assert_int_equal(list_len(nodes.copy), 3001);
    struct list_iter *a = list_iter_new(r, -1, true), *b = list_iter_new(nodes.copy, -1, true);
    struct slice x, y;
    while (list_iter_next(a, &x)) assert_true(list_iter_next(b, &y) && slice_eq(x, y));
    assert_false(list_iter_next(b, &y));
    list_iter_free(a);
    list_iter_free(b);
    assert_false(list_load_node(nodes.copy, SLICE("\7\0\0\0\1\0\377"), true, &usual));
    record_free(nodes.copy);
    nodes.copy = make();
    assert_true(list_load_node(nodes.copy, SLICE("\7\0\0\0\0\0\377"), true, &usual));
    assert_true(list_load_node(nodes.copy, SLICE("\11\0\0\0\1\0\5\1\377"), true, &usual));
    list_load_end(nodes.copy, &usual);
    assert_string_equal(encoding(nodes.copy), "listpack");
    assert_true(index_is(nodes.copy, 0, SLICE("5")));
    record_free(nodes.copy);
    record_free(r);
}

static void compression_saves(void **state)
{
    struct value_limits limits = {.list_listpack_size = -2};
    struct record *plain = make(), *packed = make();
    for (int i = 0; i < 20000; i++) list_push(plain, LIST_TAIL, SLICE("the same text again and again"), &limits);
    limits.list_compress_depth = 2;
    for (int i = 0; i < 20000; i++) list_push(packed, LIST_HEAD, SLICE("the same text again and again"), &limits);
    record_check(packed);
    assert_true(record_mem(packed, 0) * 4 < record_mem(plain, 0));
    assert_true(index_is(packed, 10000, SLICE("the same text again and again")));
    struct record *copy = record_dup(packed, SLICE("copy"));
    record_check(copy);
    list_delete(packed, 100, 19800, &limits);
    record_check(packed);
    assert_int_equal(list_len(copy), 20000);
    record_free(copy);
    record_free(plain);
    record_free(packed);
}

/* ---- the model */

enum { MODEL_MAX = 6000 };

struct model {
    struct slice e[MODEL_MAX]; /* owned */
    size_t len;
};

static struct slice copy_of(struct slice s)
{
    return slice_of(mem_dup(s.ptr, s.len), s.len);
}

static void model_insert(struct model *m, size_t at, struct slice s)
{
    memmove(&m->e[at + 1], &m->e[at], (m->len - at) * sizeof m->e[0]);
    m->e[at] = copy_of(s);
    m->len++;
}

static void model_cut(struct model *m, size_t at, size_t count)
{
    for (size_t i = at; i < at + count; i++) mem_free((void *)(uintptr_t)m->e[i].ptr);
    memmove(&m->e[at], &m->e[at + count], (m->len - at - count) * sizeof m->e[0]);
    m->len -= count;
}

static size_t model_erase(struct model *m, struct slice s, size_t max, bool from_tail)
{
    size_t erased = 0;
    for (size_t i = 0, n = m->len; i < n && erased < max; i++) {
        size_t at = from_tail ? n - 1 - i : i - erased;
        if (!slice_eq(m->e[at], s)) continue;
        model_cut(m, at, 1);
        erased++;
    }
    return erased;
}

struct collected {
    const struct model *m;
    size_t at;
    bool backward;
};

static bool compare_run(void *arg, const struct list_run *run)
{
    struct collected *c = arg;
    for (size_t i = 0; i < run->count; i++) {
        char scratch[NUM_I64_TEXT_MAX];
        struct slice s = run->values[i].text;
        if (run->values[i].is_number) s = slice_of(scratch, (size_t)i64_to_text(scratch, run->values[i].number));
        assert_true(slice_eq(s, c->m->e[c->at]));
        c->at += c->backward ? SIZE_MAX : 1;
    }
    return true;
}

static void compare(const struct record *r, const struct model *m, struct prng *prng)
{
    record_check(r);
    assert_int_equal(list_len(r), m->len);
    if (m->len == 0) return;
    bool backward = prng_below(prng, 2) == 0;
    struct collected c = {m, prng_below(prng, 4) == 0 ? prng_below(prng, m->len) : backward ? m->len - 1 : 0, backward};
    list_each(r, c.at, SIZE_MAX, backward, compare_run, &c);
    assert_true(c.at == (backward ? SIZE_MAX : m->len));
}

static struct slice random_element(struct prng *prng, char *scratch)
{
    switch (prng_below(prng, 40)) {
    case 0: return large((char)prng_below(prng, 256), 4000 + prng_below(prng, 8000));
    case 1: return large('q', 300 + prng_below(prng, 2000));
    case 2: return SLICE("");
    default: break;
    }
    if (prng_below(prng, 2) == 0)
        return slice_of(scratch, (size_t)sprintf(scratch, "%d", (int)prng_below(prng, 300) - 100));
    return slice_of(scratch, (size_t)sprintf(scratch, "a text with a number %u", (unsigned)prng_below(prng, 60)));
}

static bool found_first(void *arg, size_t index)
{
    *(size_t *)arg = index;
    return false;
}

static void random_limits(struct prng *prng, struct value_limits *limits)
{
    static const int64_t sizes[] = {-1, -2, -2, -5, 1, 2, 5, 16, 128, 0, -7};
    limits->list_listpack_size = sizes[prng_below(prng, ARRAY_LEN(sizes))];
    limits->list_compress_depth = prng_below(prng, 2) == 0 ? 0 : (int64_t)prng_below(prng, 5);
}

static void step(struct record *r, struct model *m, struct prng *prng, const struct value_limits *limits, bool growing)
{
    char scratch[64];
    struct slice s = random_element(prng, scratch);
    size_t at = m->len == 0 ? 0 : prng_below(prng, m->len), count, where = SIZE_MAX;
    enum list_end end = prng_below(prng, 2) == 0 ? LIST_HEAD : LIST_TAIL;
    bool flag = prng_below(prng, 2) == 0;
    switch (prng_below(prng, growing ? 12 : 16)) {
    case 0: case 1: case 2: case 3: case 4: case 5:
        if (m->len == MODEL_MAX) return;
        list_push(r, end, s, limits);
        model_insert(m, end == LIST_HEAD ? 0 : m->len, s);
        return;
    case 6: case 7:
        list_find(r, s, flag, SIZE_MAX, found_first, &where);
        for (size_t i = 0; i < m->len && where == SIZE_MAX; i++) assert_false(slice_eq(m->e[i], s));
        assert_true(where == SIZE_MAX || slice_eq(m->e[where], s));
        if (m->len == MODEL_MAX || m->len == 0) return;
        struct slice pivot = copy_of(m->e[at]);
        assert_true(list_insert(r, pivot, flag, s, limits));
        for (at = 0; !slice_eq(m->e[at], pivot); at++) {}
        model_insert(m, flag ? at : at + 1, s);
        mem_free((void *)(uintptr_t)pivot.ptr);
        return;
    case 8: case 9:
        if (m->len == 0) return;
        list_set(r, at, s, limits);
        model_cut(m, at, 1);
        model_insert(m, at, s);
        return;
    case 10:
        count = prng_below(prng, 3);
        assert_int_equal(list_erase(r, s, count == 2 ? SIZE_MAX : count, flag, limits),
                         model_erase(m, s, count == 2 ? SIZE_MAX : count, flag));
        return;
    case 11:
        count = m->len < 3 ? m->len : prng_below(prng, 3);
        list_drop(r, end, count, limits);
        model_cut(m, end == LIST_HEAD ? 0 : m->len - count, count);
        return;
    case 12: case 13: case 14:
        count = prng_below(prng, m->len / 8 + 2);
        if (count > m->len - at) count = m->len - at;
        list_delete(r, at, count, limits);
        model_cut(m, at, count);
        return;
    default:
        count = prng_below(prng, m->len / 4 + 1);
        list_drop(r, end, count, limits);
        model_cut(m, end == LIST_HEAD ? 0 : m->len - count, count);
    }
}

static void run_model(uint64_t seed, int steps)
{
    static struct model m;
    struct prng prng;
    struct value_limits limits = {0};
    prng_init(&prng, seed);
    random_limits(&prng, &limits);
    struct record *r = make();
    bool growing = true;
    for (int i = 0; i < steps; i++) {
        if (prng_below(&prng, 400) == 0) growing = !growing;
        if (prng_below(&prng, 200) == 0) random_limits(&prng, &limits);
        if (m.len == 0 && prng_below(&prng, 2) == 0) growing = true;
        step(r, &m, &prng, &limits, growing);
        if (i % 16 == 0 || m.len < 50) compare(r, &m, &prng);
        if (prng_below(&prng, 500) == 0) {
            struct record *copy = record_dup(r, KEY);
            record_free(r);
            r = copy;
        }
    }
    compare(r, &m, &prng);
    model_cut(&m, 0, m.len);
    record_free(r);
}

static void model(void **state)
{
    const char *rounds = getenv("LIST_MODEL_ROUNDS");
    int n = rounds != NULL ? atoi(rounds) : 12;
    for (int i = 0; i < n; i++) run_model((uint64_t)i + 1, 3000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ends),
        cmocka_unit_test(forms_by_bytes),
        cmocka_unit_test(forms_by_elements),
        cmocka_unit_test(queues),
        cmocka_unit_test(large_elements),
        cmocka_unit_test(blobs_are_kept),
        cmocka_unit_test(deep_trees),
        cmocka_unit_test(payloads),
        cmocka_unit_test(compression_saves),
        cmocka_unit_test(model),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
