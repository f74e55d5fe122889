/* Elements to be sorted. They are copied, with a NUL behind each: looking up what BY and GET name may remove expired
 * keys, lists give some elements through a buffer, and strtod and strcoll want the NUL.
 *
 * Where few of many are wanted (LIMIT), a heap of those best so far is kept and only it is sorted. */
#include "cmd/sort_elements.h"

#include "base/mem.h"
#include "value/list.h"
#include "value/set.h"
#include "value/zset.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

enum {
    HEAP_RATIO = 4,        /* a heap is used when no more than one of so many elements is wanted */
    TEXT_EXPECTED = 16,    /* bytes of an element, for the first allocation only */
    NUMBER_TEXT_MAX = 256, /* longer texts are copied to the heap for strtod */
};

/* --- taking --- */

static void take(struct sort_elements *e, struct slice text)
{
    buf_append_slice(&e->texts, text);
    buf_append_char(&e->texts, '\0');
    e->items[e->count] = (struct sort_element){.text = {NULL, text.len}, .position = e->count};
    e->count++;
}

static void take_list(struct sort_elements *e, const struct record *r, size_t first, size_t count, bool reverse)
{
    struct slice text;
    int64_t index = reverse ? -1 - (int64_t)first : (int64_t)first;
    struct list_iter *it = list_iter_new(r, index, reverse);
    while (count-- > 0 && list_iter_next(it, &text)) take(e, text);
    list_iter_free(it);
}

static void take_set(struct sort_elements *e, const struct record *r, size_t first, size_t count)
{
    struct set_iter it;
    struct slice text;
    set_iter_init(&it, r);
    while (first-- > 0) (void)set_iter_next(&it, &text);
    while (count-- > 0 && set_iter_next(&it, &text)) take(e, text);
}

static void take_zset(struct sort_elements *e, const struct record *r, size_t first, size_t count, bool reverse)
{
    struct zset_place place;
    struct zset_item item;
    zset_seek_rank(r, reverse ? record_len(r) - 1 - first : first, &place);
    while (count-- > 0 && (reverse ? zset_prev(&place, &item) : zset_next(&place, &item))) take(e, item.member);
}

void sort_elements_take(struct sort_elements *e, const struct record *r, size_t first, size_t count, bool reverse)
{
    *e = (struct sort_elements){.texts = BUF_INIT, .values = BUF_INIT};
    if (count == 0) return;
    e->items = mem_alloc(count * sizeof(*e->items));
    buf_reserve(&e->texts, count * TEXT_EXPECTED);
    switch (record_type(r)) {
    case TYPE_LIST: take_list(e, r, first, count, reverse); break;
    case TYPE_SET: take_set(e, r, first, count); break;
    default: take_zset(e, r, first, count, reverse); break;
    }
    const char *at = e->texts.data;
    for (size_t i = 0; i < e->count; i++) {
        e->items[i].text.ptr = at;
        at += e->items[i].text.len + 1;
    }
}

void sort_elements_drop(struct sort_elements *e)
{
    mem_free(e->items);
    buf_deinit(&e->texts);
    buf_deinit(&e->values);
}

/* --- weighing --- */

/* As strtod reads it: spaces in front and no digits at all are fine, numbers that a double cannot hold are not. The
 * text has a NUL behind it. */
static bool number_of_text(struct slice text, double *out)
{
    int64_t integer;
    if (slice_to_i64(text, &integer) == ST_OK) {
        *out = (double)integer;
        return true;
    }
    char *end;
    errno = 0;
    *out = strtod(text.ptr, &end);
    return *end == '\0' && errno != ERANGE && !isnan(*out);
}

static bool number_of_value(struct slice text, double *out)
{
    char few[NUMBER_TEXT_MAX], *copy = text.len < sizeof(few) ? few : mem_alloc(text.len + 1);
    memcpy(copy, text.ptr, text.len);
    copy[text.len] = '\0';
    bool ok = number_of_text(slice_of(copy, text.len), out);
    if (copy != few) mem_free(copy);
    return ok;
}

static void point_to_values(struct sort_elements *e)
{
    const char *at = e->values.data;
    for (size_t i = 0; i < e->count; i++) {
        if (e->items[i].by.ptr == NULL) continue;
        e->items[i].by.ptr = at;
        at += e->items[i].by.len + 1;
    }
}

/* What has no value weighs nothing: 0, or before every text. */
static bool weigh_by(struct sort_elements *e, struct ctx *ctx, const struct sort_order *order)
{
    struct buf name = BUF_INIT;
    struct sort_value value;
    bool ok = true;
    for (size_t i = 0; ok && i < e->count; i++) {
        struct sort_element *item = &e->items[i];
        bool found = sort_pattern_find(ctx, order->by, item->text, &name, &value);
        if (!order->alpha) {
            item->number = 0;
            ok = !found || number_of_value(value.text, &item->number);
            continue;
        }
        item->by = found ? slice_of("", value.text.len) : slice_of(NULL, 0);
        if (!found) continue;
        buf_append_slice(&e->values, value.text);
        buf_append_char(&e->values, '\0');
    }
    buf_deinit(&name);
    if (order->alpha) point_to_values(e);
    return ok;
}

bool sort_elements_weigh(struct sort_elements *e, struct ctx *ctx, const struct sort_order *order)
{
    bool ok = true;
    if (order->by != NULL) return weigh_by(e, ctx, order);
    for (size_t i = 0; ok && !order->alpha && i < e->count; i++)
        ok = number_of_text(e->items[i].text, &e->items[i].number);
    return ok;
}

/* --- ordering --- */

static int compare_texts(const struct sort_order *order, struct slice a, struct slice b)
{
    int diff = order->bytes ? 0 : strcoll(a.ptr, b.ptr);
    return diff != 0 ? diff : slice_cmp(a, b);
}

static int compare_by(const struct sort_order *order, const struct sort_element *a, const struct sort_element *b)
{
    if (a->by.ptr == NULL || b->by.ptr == NULL) return (a->by.ptr != NULL) - (b->by.ptr != NULL);
    return compare_texts(order, a->by, b->by);
}

/* Never 0 for two elements: those that weigh the same are ordered by their bytes (numbers, and what is stored of a
 * set), or stay in the order of the collection. */
static int compare(const void *left, const void *right, void *arg)
{
    const struct sort_element *a = left, *b = right;
    const struct sort_order *order = arg;
    int diff;
    if (!order->alpha)
        diff = a->number != b->number ? (a->number > b->number) - (a->number < b->number) : slice_cmp(a->text, b->text);
    else if (order->by != NULL)
        diff = compare_by(order, a, b);
    else
        diff = compare_texts(order, a->text, b->text);
    if (diff == 0 && order->positionless) diff = slice_cmp(a->text, b->text);
    if (diff == 0) return a->position < b->position ? -1 : 1;
    return order->descending ? (diff < 0) - (diff > 0) : diff;
}

/* The heap's first is the last in the order. */
static void heap_sink(struct sort_element *heap, size_t count, size_t at, struct sort_order *order)
{
    struct sort_element moving = heap[at];
    for (size_t child; (child = 2 * at + 1) < count; at = child) {
        if (child + 1 < count && compare(&heap[child + 1], &heap[child], order) > 0) child++;
        if (compare(&heap[child], &moving, order) < 0) break;
        heap[at] = heap[child];
    }
    heap[at] = moving;
}

static void select_first(struct sort_elements *e, struct sort_order *order, size_t wanted)
{
    for (size_t i = wanted / 2; i-- > 0;) heap_sink(e->items, wanted, i, order);
    for (size_t i = wanted; i < e->count; i++) {
        if (compare(&e->items[i], &e->items[0], order) > 0) continue;
        struct sort_element out = e->items[0];
        e->items[0] = e->items[i];
        e->items[i] = out;
        heap_sink(e->items, wanted, 0, order);
    }
}

void sort_elements_order(struct sort_elements *e, const struct sort_order *order, size_t wanted)
{
    struct sort_order own = *order;
    size_t sorted = e->count;
    if (wanted == 0) return;
    if (wanted < e->count / HEAP_RATIO) {
        select_first(e, &own, wanted);
        sorted = wanted;
    }
    qsort_r(e->items, sorted, sizeof(*e->items), compare, &own);
}
