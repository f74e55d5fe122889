/* SORT and SORT_RO: the elements of a list, set or sorted set in order, or what keys named after them hold; to the
 * client or into a list. */
#include "cmd/sort_cmds.h"

#include "base/mem.h"
#include "cmd/collection.h"
#include "cmd/sort_elements.h"
#include "value/list.h"

struct sort_options {
    struct sort_order order;
    struct sort_pattern by;
    bool unsorted; /* BY names one key for all: the order of the collection */
    int64_t offset, count;
    int store;     /* argument of the destination; 0: none */
    int gets;      /* number of GET options */
    struct sort_pattern *patterns;
};

static bool limit_parse(struct ctx *ctx, int i, struct sort_options *o)
{
    if (arg_i64(ctx, i + 1, &o->offset) == ST_OK && arg_i64(ctx, i + 2, &o->count) == ST_OK) return true;
    reply_status(ctx->reply, ST_NOT_INT);
    return false;
}

/* Replies the error itself; the patterns are the caller's to free in any case. */
static bool sort_options_parse(struct ctx *ctx, bool read_only, struct sort_options *o)
{
    *o = (struct sort_options){.count = -1};
    for (int i = 2; i < ctx->argc; i++) {
        struct slice word = arg(ctx, i);
        int behind = ctx->argc - 1 - i;
        if (slice_is(word, "asc")) {
            o->order.descending = false;
        } else if (slice_is(word, "desc")) {
            o->order.descending = true;
        } else if (slice_is(word, "alpha")) {
            o->order.alpha = true;
        } else if (slice_is(word, "limit") && behind >= 2) {
            if (!limit_parse(ctx, i, o)) return false;
            i += 2;
        } else if (slice_is(word, "store") && behind >= 1 && !read_only) {
            o->store = ++i;
        } else if (slice_is(word, "by") && behind >= 1) {
            o->by = sort_pattern_parse(arg(ctx, ++i));
            o->order.by = &o->by;
            o->unsorted = o->unsorted || o->by.constant;
        } else if (slice_is(word, "get") && behind >= 1) {
            o->patterns = mem_realloc(o->patterns, ((size_t)o->gets + 1) * sizeof(*o->patterns));
            o->patterns[o->gets++] = sort_pattern_parse(arg(ctx, ++i));
        } else {
            reply_syntax(ctx);
            return false;
        }
    }
    return true;
}

/* The elements that LIMIT lets through, among `len`. */
struct window {
    size_t first, count;
};

static struct window window_of(const struct sort_options *o, size_t len)
{
    size_t first = o->offset < 0 ? 0 : (uint64_t)o->offset < len ? (size_t)o->offset : len;
    size_t left = len - first;
    return (struct window){first, o->count < 0 || (uint64_t)o->count > left ? left : (size_t)o->count};
}

/* --- the result: one element, or what the GET options name, one after the other --- */

static void reply_value(struct ctx *ctx, const struct sort_value *value)
{
    if (value->blob != NULL)
        reply_bulk_blob(ctx->reply, value->blob);
    else
        reply_bulk(ctx->reply, value->text);
}

static void reply_result(struct ctx *ctx, const struct sort_options *o, const struct sort_element *items, size_t count)
{
    struct buf name = BUF_INIT;
    struct sort_value value;
    reply_array(ctx->reply, (int64_t)(count * (size_t)(o->gets > 0 ? o->gets : 1)));
    for (size_t i = 0; i < count; i++) {
        if (o->gets == 0) reply_bulk(ctx->reply, items[i].text);
        for (int g = 0; g < o->gets; g++) {
            if (sort_pattern_find(ctx, &o->patterns[g], items[i].text, &name, &value))
                reply_value(ctx, &value);
            else
                reply_null(ctx->reply);
        }
    }
    buf_deinit(&name);
}

static void store_result(struct ctx *ctx, const struct sort_options *o, const struct sort_element *items, size_t count)
{
    struct store_key key = ctx_key(ctx, o->store);
    struct record *list = key.name.len > KEY_LEN_MAX ? NULL : list_new(key.name);
    const struct value_limits *limits = ctx_limits(ctx);
    struct buf name = BUF_INIT;
    struct sort_value value;
    if (list == NULL) {
        reply_status(ctx->reply, ST_NO_MEMORY);
        return;
    }
    for (size_t i = 0; i < count; i++) {
        if (o->gets == 0) list_push(list, LIST_TAIL, items[i].text, limits);
        for (int g = 0; g < o->gets; g++) {
            bool found = sort_pattern_find(ctx, &o->patterns[g], items[i].text, &name, &value);
            list_push(list, LIST_TAIL, found ? value.text : SLICE(""), limits);
        }
    }
    buf_deinit(&name);
    int64_t stored = (int64_t)list_len(list);
    collection_store(ctx, key, list, EV_LIST, "sortstore");
    reply_int(ctx->reply, stored);
}

/* --- the commands --- */

/* False: something is no number, and the error is replied. */
static bool elements_in_order(struct ctx *ctx, const struct sort_options *o, const struct record *r,
                              struct sort_elements *e, struct window *window)
{
    size_t len = r == NULL ? 0 : record_len(r);
    *window = window_of(o, len);
    if (o->unsorted) {
        bool reverse = o->order.descending && r != NULL && record_type(r) != TYPE_SET;
        sort_elements_take(e, r, window->first, window->count, reverse);
        window->first = 0;
        return true;
    }
    sort_elements_take(e, r, 0, len, false);
    if (!sort_elements_weigh(e, ctx, &o->order)) {
        reply_error(ctx->reply, SLICE("ERR One or more scores can't be converted into double"));
        return false;
    }
    sort_elements_order(e, &o->order, window->count == 0 ? 0 : window->first + window->count);
    return true;
}

static void sort(struct ctx *ctx, struct sort_options *o)
{
    struct record *r = ctx_find(ctx, ctx_key(ctx, 1), FOR_READ);
    enum value_type type = r == NULL ? TYPE_LIST : record_type(r);
    if (type != TYPE_LIST && type != TYPE_SET && type != TYPE_ZSET) {
        reply_status(ctx->reply, ST_WRONG_TYPE);
        return;
    }
    o->order.bytes = o->store != 0;
    o->order.positionless = o->store != 0 && type == TYPE_SET;
    if (o->unsorted && type == TYPE_SET && o->store != 0) {
        /* Sets have no order, and what is stored must be the same on every server. */
        o->unsorted = false;
        o->order.alpha = true;
        o->order.by = NULL;
    }
    struct sort_elements e;
    struct window window;
    if (elements_in_order(ctx, o, r, &e, &window)) {
        const struct sort_element *items = window.count == 0 ? NULL : e.items + window.first;
        if (o->store != 0)
            store_result(ctx, o, items, window.count);
        else
            reply_result(ctx, o, items, window.count);
    }
    sort_elements_drop(&e);
}

static void sort_parsed(struct ctx *ctx, bool read_only)
{
    struct sort_options o;
    if (sort_options_parse(ctx, read_only, &o)) sort(ctx, &o);
    mem_free(o.patterns);
}

void cmd_sort(struct ctx *ctx)
{
    sort_parsed(ctx, false);
}

void cmd_sort_ro(struct ctx *ctx)
{
    sort_parsed(ctx, true);
}
