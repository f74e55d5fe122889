/* The idtree against a sorted array, with its check() as it goes. CAIRN_MODEL_STEPS makes it longer. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/mem.h"
#include "base/prng.h"
#include "ds/idtree.h"

#include <stdlib.h>
#include <string.h>

struct entry {
    struct id128 id;
    uint64_t value;
};
struct model {
    struct idtree t;
    unsigned value_size;
    struct entry *entries;
    size_t len, cap;
};

static void value_write(const struct model *m, void *value, uint64_t v)
{
    for (unsigned i = 0; i < m->value_size; i += 8) memcpy((char *)value + i, &(uint64_t){v + i}, 8);
}

static void value_expect(const struct model *m, const void *value, uint64_t v)
{
    for (unsigned i = 0; i < m->value_size; i += 8) {
        uint64_t got;
        memcpy(&got, (const char *)value + i, 8);
        assert_int_equal(got, v + i);
    }
}

static size_t model_lower(const struct model *m, struct id128 id)
{
    size_t low = 0, high = m->len;
    while (low < high) {
        size_t mid = (low + high) / 2;
        if (id128_less(m->entries[mid].id, id)) {
            low = mid + 1;
        } else {
            high = mid;
        }
    }
    return low;
}

static bool model_has(const struct model *m, size_t i, struct id128 id)
{
    return i < m->len && id128_eq(m->entries[i].id, id);
}

static void put(struct model *m, struct id128 id, uint64_t v)
{
    size_t i = model_lower(m, id);
    bool added, is_new = !model_has(m, i, id);
    void *value = idtree_put(&m->t, id, &added);
    assert_int_equal(added, is_new);
    if (is_new) {
        if (m->len == m->cap) {
            m->cap = m->cap == 0 ? 64 : m->cap * 2;
            m->entries = mem_realloc(m->entries, m->cap * sizeof(struct entry));
        }
        memmove(m->entries + i + 1, m->entries + i, (m->len - i) * sizeof(struct entry));
        m->len++;
        for (unsigned k = 0; k < m->value_size; k++) assert_int_equal(((char *)value)[k], 0);
    } else {
        value_expect(m, value, m->entries[i].value);
    }
    m->entries[i] = (struct entry){id, v};
    value_write(m, value, v);
}

static void cut(struct model *m, struct id128 id)
{
    size_t i = model_lower(m, id);
    bool was_there = model_has(m, i, id);
    assert_int_equal(idtree_remove(&m->t, id), was_there);
    if (!was_there) return;
    memmove(m->entries + i, m->entries + i + 1, (m->len - i - 1) * sizeof(struct entry));
    m->len--;
}

static void expect_at(const struct model *m, struct idtree_at at, size_t i)
{
    assert_int_equal(idtree_at_valid(at), i < m->len);
    if (i >= m->len) return;
    assert_true(id128_eq(idtree_id(at), m->entries[i].id));
    value_expect(m, idtree_value(&m->t, at), m->entries[i].value);
}

static void look(const struct model *m, struct id128 id)
{
    size_t i = model_lower(m, id);
    bool here = model_has(m, i, id);
    void *value = idtree_find(&m->t, id);
    assert_int_equal(value != NULL, here);
    if (here) value_expect(m, value, m->entries[i].value);
    expect_at(m, idtree_from(&m->t, id), i);
    expect_at(m, idtree_up_to(&m->t, id), here ? i : i - 1);
    struct idtree_at at = idtree_from(&m->t, id);
    if (idtree_at_valid(at)) {
        expect_at(m, idtree_next(at), i + 1);
        expect_at(m, idtree_prev(at), i - 1);
    }
}

static void compare_all(const struct model *m)
{
    size_t i = 0;
    idtree_check(&m->t);
    assert_int_equal(idtree_len(&m->t), m->len);
    for (struct idtree_at at = idtree_first(&m->t); idtree_at_valid(at); at = idtree_next(at)) expect_at(m, at, i++);
    assert_int_equal(i, m->len);
    for (struct idtree_at at = idtree_last(&m->t); idtree_at_valid(at); at = idtree_prev(at)) expect_at(m, at, --i);
    assert_int_equal(i, 0);
}

static void run_model(unsigned value_size, uint64_t number, unsigned steps)
{
    struct model m = {.value_size = value_size};
    struct prng prng;
    prng_init(&prng, number);
    idtree_init(&m.t, value_size);
    uint64_t range = 3000, next = 1;
    for (unsigned step = 0; step < steps; step++) {
        unsigned phase = step / 2000 % 4; /* grows at the end, grows anywhere, shrinks from the front, shrinks */
        struct id128 id = {prng_below(&prng, range) / 7, prng_below(&prng, range) % 7};
        bool grow = prng_below(&prng, 10) < (phase < 2 ? 8u : 2u);
        if (grow && phase % 2 == 0) id = (struct id128){range + next / 5, next % 5}, next++;
        if (!grow && phase == 2 && m.len > 0) id = m.entries[0].id;
        if (!grow && phase != 2 && m.len > 0 && prng_below(&prng, 2) == 0) id = m.entries[prng_below(&prng, m.len)].id;
        if (grow) {
            put(&m, id, prng_u64(&prng));
        } else {
            cut(&m, id);
        }
        look(&m, id);
        look(&m, (struct id128){prng_below(&prng, range) / 7, prng_below(&prng, 9)});
        if (step % 16 == 0) idtree_check(&m.t);
        if (step % 1000 == 0) compare_all(&m);
    }
    struct idtree copy;
    idtree_init(&copy, value_size);
    idtree_copy(&copy, &m.t);
    idtree_check(&copy);
    assert_int_equal(idtree_len(&copy), m.len);
    while (!idtree_drain(&copy, 10)) idtree_check(&copy);
    while (m.len > 0) cut(&m, m.entries[prng_below(&prng, m.len)].id);
    compare_all(&m);
    assert_int_equal(idtree_mem(&m.t), 0);
    idtree_clear(&m.t);
    mem_free(m.entries);
}

static void test_model(void **state)
{
    (void)state;
    static const unsigned sizes[] = {0, 8, 24, 64};
    const char *more = getenv("CAIRN_MODEL_STEPS");
    unsigned steps = more == NULL ? 20000 : (unsigned)atoi(more);
    for (unsigned i = 0; i < 4; i++) run_model(sizes[i], 100 + i, steps);
}

/* Ascending ids fill the leaves: little more than ids and values. */
static void test_memory_of_ascending_ids(void **state)
{
    (void)state;
    struct idtree t;
    bool added;
    idtree_init(&t, 24);
    enum { COUNT = 100000 };
    for (uint64_t i = 1; i <= COUNT; i++) idtree_put(&t, (struct id128){i, 0}, &added);
    idtree_check(&t);
    assert_true(idtree_mem(&t) < (size_t)COUNT * 43);
    for (uint64_t i = 1; i < COUNT; i++) assert_true(idtree_remove(&t, (struct id128){i, 0}));
    idtree_check(&t);
    assert_true(idtree_mem(&t) <= 512);
    idtree_clear(&t);
    idtree_check(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_model),
        cmocka_unit_test(test_memory_of_ascending_ids),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
