/* Lists: pushing, popping, reading and changing. Moving between lists is in list_move_cmds.c, waiting for elements in
 * list_block_cmds.c. */
#include "cmd/list_cmds.h"

#include "cmd/list_cmds_impl.h"

/* ---- replies */

void reply_run(struct reply *r, const struct list_run *run)
{
    if (unlikely(run->blob != NULL)) {
        reply_bulk_blob(r, run->blob);
        return;
    }
    const struct listpack_value *v = run->values, *end = v + run->count;
    while (v < end) {
        const struct listpack_value *texts = v;
        while (v < end && !v->is_number) v++;
        reply_bulks(r, &texts->text, sizeof *texts, (size_t)(v - texts));
        for (; v < end && v->is_number; v++) reply_bulk_int(r, v->number);
    }
}

static bool reply_run_to(void *arg, const struct list_run *run)
{
    reply_run(arg, run);
    return true;
}

void reply_elements(struct ctx *ctx, const struct record *r, enum list_end end, size_t count)
{
    list_each(r, end == LIST_HEAD ? 0 : list_len(r) - 1, count, end == LIST_TAIL, reply_run_to, ctx->reply);
}

/* ---- pushing */

static void push(struct ctx *ctx, enum list_end end, bool only_existing)
{
    struct record *r;
    struct store_key key = ctx_key(ctx, 1);
    if (!collection_find(ctx, key, FOR_WRITE, TYPE_LIST, &r)) return;
    if (r == NULL) {
        if (only_existing) {
            reply_int(ctx->reply, 0);
            return;
        }
        r = collection_create(ctx, key, list_new);
        if (unlikely(r == NULL)) return;
    }
    struct blob *blob = NULL;
    if (unlikely(ctx->argc == 3 && arg(ctx, 2).len >= BULK_BIG)) blob = arg_take_blob(ctx, 2);
    if (unlikely(blob != NULL))
        list_push_blob(r, end, blob, ctx_limits(ctx));
    else if (likely(ctx->argc == 3))
        list_push(r, end, arg(ctx, 2), ctx_limits(ctx));
    else
        list_push_many(r, end, ctx->argv + 2, (size_t)ctx->argc - 2, ctx_limits(ctx));
    key_changed(ctx, key.name, EV_LIST, end == LIST_HEAD ? "lpush" : "rpush");
    reply_int(ctx->reply, (int64_t)list_len(r));
}

void cmd_lpush(struct ctx *ctx)
{
    push(ctx, LIST_HEAD, false);
}

void cmd_rpush(struct ctx *ctx)
{
    push(ctx, LIST_TAIL, false);
}

void cmd_lpushx(struct ctx *ctx)
{
    push(ctx, LIST_HEAD, true);
}

void cmd_rpushx(struct ctx *ctx)
{
    push(ctx, LIST_TAIL, true);
}

/* ---- popping */

void list_popped(struct ctx *ctx, struct store_key key, struct record *r, enum list_end end, size_t count)
{
    list_drop(r, end, count, ctx_limits(ctx));
    key_changed(ctx, key.name, EV_LIST, end == LIST_HEAD ? "lpop" : "rpop");
    (void)collection_drop_if_empty(ctx, key, r);
}

static void pop_count(struct ctx *ctx, enum list_end end)
{
    int64_t count;
    struct record *r;
    struct store_key key = ctx_key(ctx, 1);
    if (arg_i64(ctx, 2, &count) != ST_OK || count < 0) {
        reply_status(ctx->reply, ST_RANGE_POSITIVE);
        return;
    }
    if (!collection_find(ctx, key, FOR_WRITE, TYPE_LIST, &r)) return;
    if (r == NULL) {
        reply_null_array(ctx->reply);
        return;
    }
    size_t n = (uint64_t)count < list_len(r) ? (size_t)count : list_len(r);
    reply_array(ctx->reply, (int64_t)n);
    if (n == 0) return;
    reply_elements(ctx, r, end, n);
    list_popped(ctx, key, r, end, n);
}

static void pop(struct ctx *ctx, enum list_end end)
{
    struct record *r;
    if (unlikely(ctx->argc > 2)) {
        if (ctx->argc > 3)
            reply_wrong_arity(ctx);
        else
            pop_count(ctx, end);
        return;
    }
    struct store_key key = ctx_key(ctx, 1);
    if (!collection_find(ctx, key, FOR_WRITE, TYPE_LIST, &r)) return;
    if (r == NULL) {
        reply_null(ctx->reply);
        return;
    }
    struct listpack_value value;
    struct list_run run = list_peek(r, end, &value);
    reply_run(ctx->reply, &run);
    list_popped(ctx, key, r, end, 1);
}

void cmd_lpop(struct ctx *ctx)
{
    pop(ctx, LIST_HEAD);
}

void cmd_rpop(struct ctx *ctx)
{
    pop(ctx, LIST_TAIL);
}

/* ---- reading */

void cmd_llen(struct ctx *ctx)
{
    struct record *r;
    if (!collection_find(ctx, ctx_key(ctx, 1), FOR_READ, TYPE_LIST, &r)) return;
    reply_int(ctx->reply, r == NULL ? 0 : (int64_t)list_len(r));
}

/* An index that may count from the tail; false: it is outside. */
static bool index_within(int64_t index, size_t len, size_t *out)
{
    *out = index >= 0 ? (size_t)index : len + (size_t)index; /* wraps to something too large */
    return *out < len;
}

void cmd_lindex(struct ctx *ctx)
{
    struct record *r;
    int64_t index;
    size_t at;
    if (!collection_find(ctx, ctx_key(ctx, 1), FOR_READ, TYPE_LIST, &r)) return;
    if (r == NULL) {
        reply_null(ctx->reply);
        return;
    }
    enum status st = arg_i64(ctx, 2, &index);
    if (st != ST_OK)
        reply_status(ctx->reply, st);
    else if (!index_within(index, list_len(r), &at))
        reply_null(ctx->reply);
    else
        list_each(r, at, 1, false, reply_run_to, ctx->reply);
}

/* start and stop of a range (arguments 2 and 3), cut to the list: *count elements from *start on, perhaps none. */
struct range {
    int64_t start, stop;
};

static bool range_parse(struct ctx *ctx, struct range *out)
{
    enum status st = arg_i64(ctx, 2, &out->start);
    if (st == ST_OK) st = arg_i64(ctx, 3, &out->stop);
    if (likely(st == ST_OK)) return true;
    reply_status(ctx->reply, st);
    return false;
}

static size_t range_cut(const struct range *range, size_t len, size_t *start)
{
    int64_t n = (int64_t)len, from = range->start, to = range->stop;
    if (from < 0) from += n;
    if (to < 0) to += n;
    if (from < 0) from = 0;
    if (to >= n) to = n - 1;
    *start = (size_t)from;
    return from > to ? 0 : (size_t)(to - from) + 1;
}

void cmd_lrange(struct ctx *ctx)
{
    struct range range;
    struct record *r;
    size_t start;
    if (!range_parse(ctx, &range)) return;
    if (!collection_find(ctx, ctx_key(ctx, 1), FOR_READ, TYPE_LIST, &r)) return;
    size_t count = r == NULL ? 0 : range_cut(&range, list_len(r), &start);
    reply_array(ctx->reply, (int64_t)count);
    if (count > 0) list_each(r, start, count, false, reply_run_to, ctx->reply);
}

/* ---- LPOS */

struct lpos {
    struct reply *reply;
    uint64_t skip;  /* matches that do not count yet */
    int64_t left;   /* to be found */
    int64_t found;
    bool several;
};

static bool lpos_found(void *arg, size_t index)
{
    struct lpos *p = arg;
    if (p->skip > 0) {
        p->skip--;
        return true;
    }
    p->found++;
    reply_int(p->reply, (int64_t)index);
    return --p->left > 0;
}

/* Options from argument 3 on; replies the error itself. */
static bool lpos_parse(struct ctx *ctx, int64_t *rank, int64_t *count, int64_t *maxlen)
{
    for (int i = 3; i < ctx->argc; i++) {
        bool valued = i + 1 < ctx->argc;
        struct slice word = arg(ctx, i);
        enum status st = ST_OK;
        if (valued && slice_is(word, "rank")) {
            st = arg_i64(ctx, ++i, rank);
            if (st == ST_OK && *rank == INT64_MIN) {
                reply_error(ctx->reply, SLICE("ERR value is out of range, value must between -9223372036854775807 and "
                                              "9223372036854775807"));
                return false;
            }
            if (st == ST_OK && *rank == 0) {
                reply_error(ctx->reply, SLICE("ERR RANK can't be zero: use 1 to start from the first match, 2 from the "
                                              "second ... or use negative to start from the end of the list"));
                return false;
            }
        } else if (valued && slice_is(word, "count")) {
            if (!arg_count(ctx, ++i, 0, INT64_MAX, "ERR COUNT can't be negative", count)) return false;
        } else if (valued && slice_is(word, "maxlen")) {
            if (!arg_count(ctx, ++i, 0, INT64_MAX, "ERR MAXLEN can't be negative", maxlen)) return false;
        } else {
            st = ST_SYNTAX;
        }
        if (st != ST_OK) {
            reply_status(ctx->reply, st);
            return false;
        }
    }
    return true;
}

void cmd_lpos(struct ctx *ctx)
{
    int64_t rank = 1, count = -1, maxlen = 0;
    struct record *r;
    if (!lpos_parse(ctx, &rank, &count, &maxlen)) return;
    if (!collection_find(ctx, ctx_key(ctx, 1), FOR_READ, TYPE_LIST, &r)) return;
    struct lpos p = {.reply = ctx->reply, .several = count >= 0};
    p.skip = (rank > 0 ? (uint64_t)rank : 0 - (uint64_t)rank) - 1;
    p.left = count > 0 ? count : count == 0 ? INT64_MAX : 1;
    struct reply_mark mark = {0};
    if (p.several) mark = reply_defer(ctx->reply);
    if (r != NULL) list_find(r, arg(ctx, 2), rank < 0, maxlen == 0 ? SIZE_MAX : (size_t)maxlen, lpos_found, &p);
    if (p.several)
        reply_defer_array(ctx->reply, mark, p.found);
    else if (p.found == 0)
        reply_null(ctx->reply);
}

/* ---- changing */

void cmd_linsert(struct ctx *ctx)
{
    struct record *r;
    struct store_key key = ctx_key(ctx, 1);
    bool before = slice_is(arg(ctx, 2), "before");
    if (!before && !slice_is(arg(ctx, 2), "after")) {
        reply_syntax(ctx);
        return;
    }
    if (!collection_find(ctx, key, FOR_WRITE, TYPE_LIST, &r)) return;
    if (r == NULL) {
        reply_int(ctx->reply, 0);
    } else if (!list_insert(r, arg(ctx, 3), before, arg(ctx, 4), ctx_limits(ctx))) {
        reply_int(ctx->reply, -1);
    } else {
        key_changed(ctx, key.name, EV_LIST, "linsert");
        reply_int(ctx->reply, (int64_t)list_len(r));
    }
}

void cmd_lset(struct ctx *ctx)
{
    struct record *r;
    int64_t index;
    size_t at;
    struct store_key key = ctx_key(ctx, 1);
    if (!collection_find(ctx, key, FOR_WRITE, TYPE_LIST, &r)) return;
    enum status st = r == NULL ? ST_NO_SUCH_KEY : arg_i64(ctx, 2, &index);
    if (st == ST_OK && !index_within(index, list_len(r), &at)) st = ST_INDEX_RANGE;
    if (st == ST_OK) {
        list_set(r, at, arg(ctx, 3), ctx_limits(ctx));
        key_changed(ctx, key.name, EV_LIST, "lset");
    }
    reply_status(ctx->reply, st);
}

void cmd_ltrim(struct ctx *ctx)
{
    struct range range;
    struct record *r;
    struct store_key key = ctx_key(ctx, 1);
    if (!range_parse(ctx, &range)) return;
    if (!collection_find(ctx, key, FOR_WRITE, TYPE_LIST, &r)) return;
    if (r != NULL) {
        size_t start, len = list_len(r), keep = range_cut(&range, len, &start);
        if (keep == 0) start = 0;
        list_drop(r, LIST_TAIL, len - start - keep, ctx_limits(ctx));
        list_drop(r, LIST_HEAD, start, ctx_limits(ctx));
        key_changed(ctx, key.name, EV_LIST, "ltrim");
        if (keep == len) effect_none(ctx); /* watchers and listeners are told even so */
        (void)collection_drop_if_empty(ctx, key, r);
    }
    reply_ok(ctx->reply);
}

void cmd_lrem(struct ctx *ctx)
{
    int64_t count;
    struct record *r;
    struct store_key key = ctx_key(ctx, 1);
    enum status st = arg_i64(ctx, 2, &count);
    if (st != ST_OK) {
        reply_status(ctx->reply, st);
        return;
    }
    if (!collection_find(ctx, key, FOR_WRITE, TYPE_LIST, &r)) return;
    size_t erased = 0;
    if (r != NULL) {
        uint64_t most = count > 0 ? (uint64_t)count : count < 0 ? 0 - (uint64_t)count : SIZE_MAX;
        erased = list_erase(r, arg(ctx, 3), most, count < 0, ctx_limits(ctx));
    }
    if (erased > 0) {
        key_changed(ctx, key.name, EV_LIST, "lrem");
        (void)collection_drop_if_empty(ctx, key, r);
    }
    reply_int(ctx->reply, (int64_t)erased);
}
