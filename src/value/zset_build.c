/* Building sorted sets. Long arrays are sorted by the digits of their scores (a radix sort, least digit first, 11 bits
 * at a time; digits that all scores share cost nothing), and only runs of equal scores by comparing members. */
#include "value/zset_build.h"

#include "base/mem.h"
#include "value/zset_impl.h"

#include <stdlib.h>

enum { BLOCK_SIZE = 4096, RADIX_LEN_MIN = 200, DIGIT_BITS = 11, DIGITS = 1 << DIGIT_BITS };
enum { DIGIT_COUNT = (64 + DIGIT_BITS - 1) / DIGIT_BITS }; /* all bits of a score */

/* ---- texts ---- */

struct member_block {
    struct member_block *next;
    char bytes[];
};

struct slice member_texts_keep(struct member_texts *t, struct slice member)
{
    if (member.len > t->room) {
        size_t size = sizeof(struct member_block) + (member.len > BLOCK_SIZE / 4 ? member.len : BLOCK_SIZE);
        struct member_block *b = mem_alloc(size);
        b->next = t->blocks;
        t->blocks = b;
        t->pos = b->bytes;
        t->room = size - sizeof *b;
    }
    char *at = t->pos;
    if (member.len > 0) memcpy(at, member.ptr, member.len);
    t->pos += member.len;
    t->room -= member.len;
    return slice_of(at, member.len);
}

void member_texts_deinit(struct member_texts *t)
{
    while (t->blocks != NULL) {
        struct member_block *b = t->blocks;
        t->blocks = b->next;
        mem_free(b);
    }
    *t = (struct member_texts){0};
}

/* ---- items ---- */

size_t zset_items_add(struct zset_items *items, struct slice member, double score, bool passing)
{
    if (items->len == items->cap) {
        items->cap = items->cap == 0 ? 64 : 2 * items->cap;
        items->item = mem_realloc(items->item, items->cap * sizeof *items->item);
    }
    if (passing) member = member_texts_keep(&items->texts, member);
    items->item[items->len] = (struct zset_item){member, score};
    return items->len++;
}

void zset_items_deinit(struct zset_items *items)
{
    mem_free(items->item);
    member_texts_deinit(&items->texts);
    *items = (struct zset_items){0};
}

static int item_cmp(const void *a, const void *b)
{
    const struct zset_item *x = a, *y = b;
    if (x->score != y->score) return x->score < y->score ? -1 : 1;
    return slice_cmp(x->member, y->member);
}

struct ranked {
    uint64_t key; /* orders as the score does */
    size_t index;
};

static uint64_t score_key(double score)
{
    double plain = score + 0.0; /* both zeros are equal */
    uint64_t bits;
    memcpy(&bits, &plain, sizeof bits);
    return bits >> 63 ? ~bits : bits | 1ull << 63;
}

/* Sorts by the digit, from one array into the other. False: all have the same, and nothing was done. */
static bool digit_sort(const struct ranked *from, struct ranked *to, size_t len, unsigned digit)
{
    unsigned shift = digit * DIGIT_BITS;
    size_t starts[DIGITS] = {0};
    for (size_t i = 0; i < len; i++) starts[from[i].key >> shift & (DIGITS - 1)]++;
    if (starts[from[0].key >> shift & (DIGITS - 1)] == len) return false;
    size_t sum = 0;
    for (size_t d = 0; d < DIGITS; d++) {
        size_t count = starts[d];
        starts[d] = sum;
        sum += count;
    }
    for (size_t i = 0; i < len; i++) to[starts[from[i].key >> shift & (DIGITS - 1)]++] = from[i];
    return true;
}

static void sort_equal_runs(struct zset_item *item, size_t len)
{
    for (size_t from = 0, to; from < len; from = to) {
        for (to = from + 1; to < len && item[to].score == item[from].score;) to++;
        if (to - from > 1) qsort(item + from, to - from, sizeof *item, item_cmp);
    }
}

static void radix_sort(struct zset_items *items)
{
    size_t len = items->len;
    struct ranked *work = mem_alloc(2 * len * sizeof *work), *a = work, *b = work + len;
    for (size_t i = 0; i < len; i++) a[i] = (struct ranked){score_key(items->item[i].score), i};
    for (unsigned digit = 0; digit < DIGIT_COUNT; digit++)
        if (digit_sort(a, b, len, digit)) {
            struct ranked *sorted = b;
            b = a;
            a = sorted;
        }
    struct zset_item *item = mem_alloc(items->cap * sizeof *item);
    for (size_t i = 0; i < len; i++) item[i] = items->item[a[i].index];
    mem_free(items->item);
    mem_free(work);
    items->item = item;
    sort_equal_runs(item, len);
}

static bool is_sorted(const struct zset_items *items)
{
    for (size_t i = 1; i < items->len; i++)
        if (item_cmp(&items->item[i - 1], &items->item[i]) > 0) return false;
    return true;
}

void zset_items_sort(struct zset_items *items)
{
    if (is_sorted(items)) return;
    if (items->len >= RADIX_LEN_MIN)
        radix_sort(items);
    else
        qsort(items->item, items->len, sizeof *items->item, item_cmp);
}

/* ---- sets ---- */

static bool fits_pack(const struct zset_items *items, const struct value_limits *limits)
{
    if ((int64_t)items->len > limits->zset_listpack_entries) return false;
    for (size_t i = 0; i < items->len; i++)
        if ((int64_t)items->item[i].member.len > limits->zset_listpack_value) return false;
    return true;
}

static void append_many(struct scoretree *t, const struct zset_item *item, size_t count)
{
    enum { BATCH = 64 };
    struct scoretree_item batch[BATCH];
    scoretree_reserve(t, scoretree_len(t) + count);
    for (size_t n; count > 0; item += n, count -= n) {
        n = count < BATCH ? count : BATCH;
        for (size_t i = 0; i < n; i++) batch[i] = (struct scoretree_item){item[i].member, item[i].score};
        size_t added = scoretree_append_many(t, batch, n);
        assert(added == n);
        (void)added;
    }
}

struct record *zset_build(struct slice key, const struct zset_items *sorted, const struct value_limits *limits)
{
    struct record *r = zset_new(key);
    if (unlikely(r == NULL)) return NULL;
    size_t done = 0;
    if (fits_pack(sorted, limits))
        for (struct listpack *lp; done < sorted->len; done++) {
            lp = pack_append(zset_pack(r), sorted->item[done].member, sorted->item[done].score);
            if (lp == NULL) break;
            record_set_object(r, lp);
        }
    if (done == sorted->len) {
        record_set_object(r, listpack_shrink(zset_pack(r)));
        return r;
    }
    zset_to_tree(r, limits);
    append_many(zset_tree(r), sorted->item + done, sorted->len - done);
    return r;
}
