/* The small form of a sorted set: a listpack of pairs, ascending by score, then by the member's bytes. It is byte for
 * byte the payload of RDB type ZSET_LISTPACK.
 *
 * A score stands there as the shortest text that reads back as the same double, so every bit of it is kept ("-0",
 * "inf", 17 digits); texts that are integers become integers of the listpack, as members do. Finding a member compares
 * no scores, finding a place reads scores only and members where scores are equal. What is appended in ascending order
 * is put in place without a search. */
#include "base/mem.h"
#include "value/zset_impl.h"

static double score_of(struct listpack_value value)
{
    if (value.is_number) return (double)value.number;
    double score;
    enum status st = slice_to_double(value.text, &score);
    assert(st == ST_OK);
    (void)st;
    return score;
}

static int member_cmp(const struct listpack *lp, uint32_t pos, struct slice member)
{
    char scratch[NUM_I64_TEXT_MAX];
    return slice_cmp(listpack_text(lp, pos, scratch), member);
}

/* As scoretree_precedes. */
static bool precedes(const struct listpack *lp, uint32_t pos, double score, const struct scoretree_bound *bound)
{
    if (bound->by != SCORETREE_BY_MEMBER) {
        if (score != bound->score) return score < bound->score;
        if (bound->by == SCORETREE_BY_SCORE) return bound->past;
    }
    int order = member_cmp(lp, pos, bound->member);
    return order < 0 || (order == 0 && bound->past);
}

uint32_t pack_find(const struct listpack *lp, struct slice member)
{
    return listpack_find(lp, listpack_first(lp), member, 1);
}

double pack_score(const struct listpack *lp, uint32_t pos)
{
    return score_of(listpack_get(lp, listpack_next(lp, pos)));
}

size_t pack_rank(const struct listpack *lp, uint32_t pos)
{
    size_t rank = 0;
    for (uint32_t at = listpack_first(lp); at != pos; rank++) at = listpack_next(lp, listpack_next(lp, at));
    return rank;
}

static uint32_t lower_from(const struct listpack *lp, uint32_t pos, const struct scoretree_bound *bound, size_t *rank)
{
    while (pos != 0) {
        uint32_t member = pos;
        struct listpack_value score;
        pos = listpack_next(lp, pos);
        (void)listpack_read(lp, &pos, &score);
        if (!precedes(lp, member, score_of(score), bound)) return member;
        ++*rank;
    }
    return 0;
}

uint32_t pack_seek(const struct listpack *lp, const struct scoretree_bound *bound, size_t *rank)
{
    *rank = 0;
    return lower_from(lp, listpack_first(lp), bound, rank);
}

static void read_item(const struct listpack *lp, uint32_t *pos, char *scratch, struct zset_item *out)
{
    struct listpack_value member, score;
    (void)listpack_read(lp, pos, &member);
    (void)listpack_read(lp, pos, &score);
    out->member = member.is_number ? slice_of(scratch, (size_t)i64_to_text(scratch, member.number)) : member.text;
    out->score = score_of(score);
}

void pack_next(const struct listpack *lp, uint32_t *pos, char scratch[NUM_I64_TEXT_MAX], struct zset_item *out)
{
    read_item(lp, pos, scratch, out);
}

void pack_prev(const struct listpack *lp, uint32_t *pos, char scratch[NUM_I64_TEXT_MAX], struct zset_item *out)
{
    uint32_t at = *pos;
    read_item(lp, &at, scratch, out);
    at = listpack_prev(lp, *pos);
    *pos = at == 0 ? 0 : listpack_prev(lp, at);
}

/* ---- changes ---- */

/* A member and its score as two entries. */
struct pair {
    struct listpack_value values[2];
    char text[NUM_DOUBLE_TEXT_MAX];
};

static void pair_make(struct pair *pair, struct slice member, double score)
{
    size_t len = (size_t)double_to_text(pair->text, score);
    pair->values[0] = (struct listpack_value){.text = member};
    pair->values[1] = (struct listpack_value){.text = slice_of(pair->text, len)};
}

struct listpack *pack_append(struct listpack *lp, struct slice member, double score)
{
    struct pair pair;
    pair_make(&pair, member, score);
    return listpack_append_many(lp, pair.values, 2);
}

static uint32_t place_of(const struct listpack *lp, uint32_t from, const struct scoretree_bound *bound)
{
    uint32_t last = listpack_last(lp);
    size_t rank = 0;
    if (last == 0 || precedes(lp, listpack_prev(lp, last), score_of(listpack_get(lp, last)), bound))
        return listpack_end(lp);
    return lower_from(lp, from, bound, &rank);
}

/* Whether the element at pos, which has the score `was`, can have the bound's without changing places. */
static bool stays_in_place(const struct listpack *lp, uint32_t pos, double was, const struct scoretree_bound *bound)
{
    if (bound->score > was) {
        uint32_t next = listpack_next(lp, listpack_next(lp, pos));
        return next == 0 || !precedes(lp, next, pack_score(lp, next), bound);
    }
    uint32_t score = listpack_prev(lp, pos);
    return score == 0 || precedes(lp, listpack_prev(lp, score), score_of(listpack_get(lp, score)), bound);
}

/* Puts a pair whose member is not there; no element before `from` may belong behind it. NULL: too large. */
static struct listpack *insert(struct listpack *lp, uint32_t from, struct slice member, double score)
{
    struct scoretree_bound bound = scoretree_by_both(score, member, false);
    struct pair pair;
    pair_make(&pair, member, score);
    return listpack_insert_many(lp, place_of(lp, from, &bound), pair.values, 2);
}

static void put_in_tree(struct record *r, struct slice member, double score, const struct value_limits *limits)
{
    zset_to_tree(r, limits);
    (void)scoretree_insert(zset_tree(r), member, score, NULL);
}

static void update(struct record *r, uint32_t pos, double was, struct slice member, double score,
                   const struct value_limits *limits)
{
    struct listpack *lp = zset_pack(r), *changed;
    struct scoretree_bound bound = scoretree_by_both(score, member, false);
    if (stays_in_place(lp, pos, was, &bound)) {
        struct pair pair;
        pair_make(&pair, member, score);
        changed = listpack_replace(lp, listpack_next(lp, pos), pair.values[1].text);
    } else {
        uint32_t from = score > was ? pos : listpack_first(lp);
        lp = listpack_delete_range(lp, pos, 2);
        record_set_object(r, lp);
        changed = insert(lp, from, member, score);
    }
    if (unlikely(changed == NULL))
        put_in_tree(r, member, score, limits);
    else
        record_set_object(r, changed);
}

enum zset_change pack_put(struct record *r, struct slice member, double score, double *old,
                          const struct value_limits *limits)
{
    struct listpack *lp = zset_pack(r);
    uint32_t pos = pack_find(lp, member);
    if (pos != 0) {
        double was = pack_score(lp, pos);
        if (old != NULL) *old = was;
        if (was == score) return ZSET_SAME;
        update(r, pos, was, member, score, limits);
        return ZSET_UPDATED;
    }
    bool small = (int64_t)(listpack_len(lp) / 2) < limits->zset_listpack_entries &&
                 (limits->zset_listpack_value >= 0 && member.len <= (uint64_t)limits->zset_listpack_value);
    lp = small ? insert(lp, listpack_first(lp), member, score) : NULL;
    if (lp != NULL)
        record_set_object(r, lp);
    else
        put_in_tree(r, member, score, limits);
    return ZSET_ADDED;
}

void pack_remove(struct record *r, uint32_t pos, size_t count)
{
    record_set_object(r, listpack_delete_range(zset_pack(r), pos, 2 * count));
}

/* ---- chance ---- */

static void visit(const struct listpack *lp, const uint32_t *positions, size_t count, zset_fn *fn, void *arg)
{
    for (size_t i = 0; i < count; i++) {
        char scratch[NUM_I64_TEXT_MAX];
        uint32_t pos = positions[i];
        struct zset_item item;
        pack_next(lp, &pos, scratch, &item);
        fn(arg, item.member, item.score);
    }
}

size_t pack_sample(const struct listpack *lp, struct prng *prng, size_t count, zset_fn *fn, void *arg)
{
    size_t len = listpack_len(lp) / 2;
    if (count > len) count = len;
    uint32_t *positions = mem_alloc(count * sizeof *positions);
    count = listpack_sample(lp, 2, prng, positions, count);
    visit(lp, positions, count, fn, arg);
    mem_free(positions);
    return count;
}

void pack_draw(const struct listpack *lp, struct prng *prng, size_t count, zset_fn *fn, void *arg)
{
    enum { BATCH = 256 };
    uint32_t positions[BATCH];
    while (count > 0) {
        size_t now = count < BATCH ? count : BATCH;
        listpack_random_many(lp, 2, prng, positions, now);
        visit(lp, positions, now, fn, arg);
        count -= now;
    }
}

/* ---- insight ---- */

void pack_check(const struct listpack *lp)
{
    listpack_check(lp);
    assert(listpack_len(lp) % 2 == 0);
    uint32_t pos = listpack_first(lp);
    char scratch[2][NUM_I64_TEXT_MAX];
    struct zset_item item, before;
    for (size_t i = 0; pos != 0; i++, before = item) {
        uint32_t at = pos;
        pack_next(lp, &pos, scratch[i % 2], &item);
        assert(item.score == item.score && pack_find(lp, item.member) == at);
        if (i > 0)
            assert(before.score < item.score ||
                   (before.score == item.score && slice_cmp(before.member, item.member) < 0));
        (void)at;
        (void)before;
    }
}
