/* Sets and chance. A choice of few out of many is drawn, with a note of what was drawn before; a choice of many is made
 * in one walk, where each member is taken with the probability wanted / remaining (Knuth, TAOCP 2, 3.4.2 S). Both give
 * each choice the same probability, and neither ever costs more than a walk over the set. */
#include "value/set_impl.h"

enum {
    DRAW_RATIO = 8,       /* of a table: below len / 8, drawing with its cache misses is cheaper than the walk */
    DRAW_AT_ONCE = 16,    /* members fetched together */
    POSITIONS_AT_ONCE = 512,
};

struct slice set_random(const struct record *r, struct prng *prng, char scratch[NUM_I64_TEXT_MAX])
{
    switch (set_encoding(r)) {
    case SET_INTSET: return slice_of(scratch, (size_t)i64_to_text(scratch, intset_random(set_intset(r), prng)));
    case SET_LISTPACK: return listpack_text(set_listpack(r), listpack_random(set_listpack(r), 1, prng), scratch);
    case SET_TABLE: return member_text(table_random(&set_table(r)->members, prng));
    default: assert(false); return SLICE("");
    }
}

/* ---- with repetitions */

static void draw_listpack(const struct listpack *lp, size_t count, struct prng *prng, set_visit *visit, void *arg)
{
    uint32_t positions[POSITIONS_AT_ONCE];
    char scratch[NUM_I64_TEXT_MAX];
    while (count > 0) {
        size_t n = count < POSITIONS_AT_ONCE ? count : POSITIONS_AT_ONCE;
        listpack_random_many(lp, 1, prng, positions, n);
        for (size_t i = 0; i < n; i++) visit(arg, listpack_text(lp, positions[i], scratch));
        count -= n;
    }
}

static void draw_table(const struct table *t, size_t count, struct prng *prng, set_visit *visit, void *arg)
{
    const void *members[DRAW_AT_ONCE];
    while (count > 0) {
        size_t n = count < DRAW_AT_ONCE ? count : DRAW_AT_ONCE;
        for (size_t i = 0; i < n; i++) prefetch_read(members[i] = table_random(t, prng));
        for (size_t i = 0; i < n; i++) visit(arg, member_text(members[i]));
        count -= n;
    }
}

void set_draw(const struct record *r, size_t count, struct prng *prng, set_visit *visit, void *arg)
{
    char scratch[NUM_I64_TEXT_MAX];
    switch (set_encoding(r)) {
    case SET_LISTPACK: draw_listpack(set_listpack(r), count, prng, visit, arg); break;
    case SET_TABLE: draw_table(&set_table(r)->members, count, prng, visit, arg); break;
    default:
        for (; count > 0; count--) visit(arg, set_random(r, prng, scratch));
    }
}

/* ---- different ones */

/* What was drawn, as numbers above 0: open addressing in at least twice the room. */
struct drawn {
    uintptr_t *slots;
    size_t mask;
};

static struct drawn drawn_new(size_t count)
{
    struct drawn d = {.mask = 15};
    while (d.mask < 2 * count) d.mask = d.mask * 2 + 1;
    d.slots = mem_zalloc((d.mask + 1) * sizeof(*d.slots));
    return d;
}

static bool drawn_add(struct drawn *d, uintptr_t what)
{
    uint64_t mixed = (uint64_t)what * 0x9e3779b97f4a7c15u;
    size_t at = (size_t)(mixed >> 20) & d->mask;
    for (; d->slots[at] != 0; at = (at + 1) & d->mask)
        if (d->slots[at] == what) return false;
    d->slots[at] = what;
    return true;
}

/* Fills `out` with `count` different members of a table, count < its length. */
static void table_sample(const struct table *t, size_t count, struct prng *prng, void **out)
{
    size_t found = 0, left = table_len(t);
    if (count < left / DRAW_RATIO) {
        struct drawn d = drawn_new(count);
        while (found < count) {
            void *member = table_random(t, prng);
            if (drawn_add(&d, (uintptr_t)member)) out[found++] = member;
        }
        mem_free(d.slots);
        return;
    }
    struct table_iter it;
    table_iter_init(&it, t);
    for (; found < count; left--) {
        void *member = table_iter_next(&it);
        if (prng_below(prng, left) < count - found) out[found++] = member;
    }
}

/* The same of an intset, by index. */
static void intset_sample(const struct intset *set, size_t count, struct prng *prng, size_t *out)
{
    size_t found = 0, len = intset_len(set);
    if (count < len / DRAW_RATIO) {
        struct drawn d = drawn_new(count);
        while (found < count) {
            size_t at = prng_below(prng, len);
            if (drawn_add(&d, at + 1)) out[found++] = at;
        }
        mem_free(d.slots);
        return;
    }
    for (size_t at = 0; found < count; at++)
        if (prng_below(prng, len - at) < count - found) out[found++] = at;
}

static void sample_intset(const struct intset *set, size_t count, struct prng *prng, set_visit *visit, void *arg)
{
    size_t few[64], *indexes = count <= ARRAY_LEN(few) ? few : mem_alloc(count * sizeof(*indexes));
    char scratch[NUM_I64_TEXT_MAX];
    intset_sample(set, count, prng, indexes);
    for (size_t i = 0; i < count; i++)
        visit(arg, slice_of(scratch, (size_t)i64_to_text(scratch, intset_get(set, indexes[i]))));
    if (indexes != few) mem_free(indexes);
}

/* The members that `members` names, fetched ahead. */
static void visit_members(void *const *members, size_t count, set_visit *visit, void *arg)
{
    for (size_t i = 0; i < count; i++) {
        if (i + DRAW_AT_ONCE < count) prefetch_read(members[i + DRAW_AT_ONCE]);
        visit(arg, member_text(members[i]));
    }
}

static void visit_all(const struct record *r, set_visit *visit, void *arg)
{
    struct set_iter it;
    struct slice member;
    set_iter_init(&it, r);
    while (set_iter_next(&it, &member)) visit(arg, member);
}

void set_sample(const struct record *r, size_t count, struct prng *prng, set_visit *visit, void *arg)
{
    size_t left = set_len(r);
    if (count >= left) {
        visit_all(r, visit, arg);
        return;
    }
    if (set_encoding(r) == SET_TABLE) {
        void **members = mem_alloc(count * sizeof(*members));
        table_sample(&set_table(r)->members, count, prng, members);
        visit_members(members, count, visit, arg);
        mem_free(members);
        return;
    }
    if (set_encoding(r) == SET_INTSET) {
        sample_intset(set_intset(r), count, prng, visit, arg);
        return;
    }
    struct set_iter it;
    struct slice member;
    set_iter_init(&it, r);
    for (; count > 0 && set_iter_next(&it, &member); left--) {
        if (prng_below(prng, left) >= count) continue;
        visit(arg, member);
        count--;
    }
}

/* ---- and away with them */

static void pop_table(struct set_table *t, size_t count, struct prng *prng, set_visit *visit, void *arg)
{
    void *one, **members = count == 1 ? &one : mem_alloc(count * sizeof(*members));
    if (count == 1)
        one = table_random(&t->members, prng);
    else
        table_sample(&t->members, count, prng, members);
    visit_members(members, count, visit, arg);
    for (size_t i = 0; i < count; i++) {
        if (i + DRAW_AT_ONCE < count) prefetch_read(members[i + DRAW_AT_ONCE]);
        (void)table_erase(&t->members, set_hash(t, member_text(members[i])), members[i]);
        member_free(members[i]);
    }
    if (members != &one) mem_free(members);
}

static void pop_listpack(struct record *r, size_t count, struct prng *prng, set_visit *visit, void *arg)
{
    struct listpack *lp = record_object(r);
    char scratch[NUM_I64_TEXT_MAX];
    uint32_t few[16], *positions = count <= ARRAY_LEN(few) ? few : mem_alloc(count * sizeof(*positions));
    size_t found = listpack_sample(lp, 1, prng, positions, count);
    for (size_t i = 0; i < found; i++) visit(arg, listpack_text(lp, positions[i], scratch));
    record_set_object(r, listpack_delete_many(lp, positions, found, 1));
    if (positions != few) mem_free(positions);
}

/* What stays is written to a new block: appending the greatest costs nothing, removing here and there would. */
static void pop_intset(struct record *r, size_t count, struct prng *prng, set_visit *visit, void *arg)
{
    struct intset *set = record_object(r), *stays = count == 1 ? NULL : intset_new();
    char scratch[NUM_I64_TEXT_MAX];
    size_t len = intset_len(set);
    if (count == 1) {
        size_t at = prng_below(prng, len);
        visit(arg, slice_of(scratch, (size_t)i64_to_text(scratch, intset_get(set, at))));
        record_set_object(r, intset_remove_at(set, at));
        return;
    }
    for (size_t i = 0; i < len; i++) {
        int64_t number = intset_get(set, i);
        if (prng_below(prng, len - i) >= count) {
            struct intset *grown = intset_add(stays, number, NULL);
            assert(grown != NULL); /* it is smaller than the one it comes from */
            stays = grown;
            continue;
        }
        count--;
        visit(arg, slice_of(scratch, (size_t)i64_to_text(scratch, number)));
    }
    intset_free(set);
    record_set_object(r, stays);
}

void set_pop(struct record *r, size_t count, struct prng *prng, set_visit *visit, void *arg)
{
    if (count >= set_len(r)) {
        visit_all(r, visit, arg);
        set_clear(r);
        return;
    }
    if (count == 0) return;
    if (set_encoding(r) == SET_TABLE)
        pop_table(set_table(r), count, prng, visit, arg);
    else if (set_encoding(r) == SET_LISTPACK)
        pop_listpack(r, count, prng, visit, arg);
    else
        pop_intset(r, count, prng, visit, arg);
}
