/* Unions, intersections and differences of sorted sets: replied, stored, or counted. */
#include "base/mem.h"
#include "cmd/collection.h"
#include "cmd/zset_args.h"
#include "cmd/zset_cmds.h"
#include "value/zset_algebra.h"

enum operation { UNION, INTER, DIFF };

struct algebra {
    enum operation operation;
    struct zset_source *sources; /* ours */
    size_t count;
    enum zset_aggregate aggregate;
    bool with_scores;
};

/* --- arguments --- */

/* The number of sources in argument `at`, and their keys behind it. */
static bool sources_parse(struct ctx *ctx, int at, struct algebra *a)
{
    int64_t count;
    if (arg_i64(ctx, at, &count) != ST_OK) {
        reply_status(ctx->reply, ST_NOT_INT);
        return false;
    }
    if (count < 1) {
        reply_errorf(ctx->reply, "ERR at least 1 input key is needed for '%s' command", ctx->command->name);
        return false;
    }
    if (count > ctx->argc - 1 - at) {
        reply_syntax(ctx);
        return false;
    }
    a->count = (size_t)count;
    a->sources = mem_alloc(a->count * sizeof *a->sources);
    for (int i = 0; i < count; i++) {
        const struct record *r = ctx_find(ctx, ctx_key(ctx, at + 1 + i), FOR_READ);
        if (r != NULL && record_type(r) != TYPE_ZSET && record_type(r) != TYPE_SET) {
            reply_status(ctx->reply, ST_WRONG_TYPE);
            return false;
        }
        a->sources[i] = (struct zset_source){.r = r, .weight = 1};
    }
    return true;
}

static bool weights_parse(struct ctx *ctx, struct algebra *a, int first)
{
    for (size_t i = 0; i < a->count; i++)
        if (slice_to_double(arg(ctx, first + (int)i), &a->sources[i].weight) != ST_OK) {
            reply_error(ctx->reply, SLICE("ERR weight value is not a float"));
            return false;
        }
    return true;
}

static bool aggregate_parse(struct slice word, enum zset_aggregate *out)
{
    if (slice_is(word, "sum")) *out = ZSET_SUM;
    else if (slice_is(word, "min")) *out = ZSET_MIN;
    else if (slice_is(word, "max")) *out = ZSET_MAX;
    else return false;
    return true;
}

/* The words from argument i on. */
static bool options_parse(struct ctx *ctx, struct algebra *a, int i, bool stores)
{
    bool combines = a->operation != DIFF;
    for (; i < ctx->argc; i++) {
        struct slice word = arg(ctx, i);
        size_t left = (size_t)(ctx->argc - 1 - i);
        if (combines && slice_is(word, "weights") && left >= a->count) {
            if (!weights_parse(ctx, a, i + 1)) return false;
            i += (int)a->count;
        } else if (combines && slice_is(word, "aggregate") && left >= 1 &&
                   aggregate_parse(arg(ctx, i + 1), &a->aggregate)) {
            i++;
        } else if (!stores && slice_is(word, "withscores")) {
            a->with_scores = true;
        } else {
            reply_syntax(ctx);
            return false;
        }
    }
    return true;
}

/* --- answers --- */

static void compute(struct ctx *ctx, const struct algebra *a, struct zset_items *out)
{
    if (a->operation == UNION) zset_union(a->sources, a->count, a->aggregate, ctx_limits(ctx), out);
    if (a->operation == INTER) zset_inter(a->sources, a->count, a->aggregate, out);
    if (a->operation == DIFF) zset_diff(a->sources, a->count, out);
    zset_items_sort(out);
}

static void reply_items(struct ctx *ctx, const struct algebra *a, const struct zset_items *items)
{
    if (a->with_scores)
        reply_scored_array(ctx->reply, items->len);
    else
        reply_array(ctx->reply, (int64_t)items->len);
    for (size_t i = 0; i < items->len; i++) {
        if (a->with_scores)
            reply_scored_item(ctx->reply, items->item[i].member, items->item[i].score);
        else
            reply_bulk(ctx->reply, items->item[i].member);
    }
}

static void store_items(struct ctx *ctx, const struct zset_items *items, const char *event)
{
    struct store_key to = ctx_key(ctx, 1);
    struct record *r = to.name.len <= KEY_LEN_MAX ? zset_build(to.name, items, ctx_limits(ctx)) : NULL;
    if (r == NULL) {
        reply_status(ctx->reply, ST_NO_MEMORY);
        return;
    }
    collection_store(ctx, to, r, EV_ZSET, event);
    reply_int(ctx->reply, (int64_t)items->len);
}

/* event: of the command that stores; NULL: it replies. */
static void algebra(struct ctx *ctx, enum operation operation, const char *event)
{
    struct algebra a = {.operation = operation};
    struct zset_items items = {0};
    int numkeys = event == NULL ? 1 : 2;
    if (sources_parse(ctx, numkeys, &a) && options_parse(ctx, &a, numkeys + 1 + (int)a.count, event != NULL)) {
        compute(ctx, &a, &items);
        if (event == NULL)
            reply_items(ctx, &a, &items);
        else
            store_items(ctx, &items, event);
    }
    zset_items_deinit(&items);
    mem_free(a.sources);
}

void cmd_zunion(struct ctx *ctx)
{
    algebra(ctx, UNION, NULL);
}

void cmd_zinter(struct ctx *ctx)
{
    algebra(ctx, INTER, NULL);
}

void cmd_zdiff(struct ctx *ctx)
{
    algebra(ctx, DIFF, NULL);
}

void cmd_zunionstore(struct ctx *ctx)
{
    algebra(ctx, UNION, "zunionstore");
}

void cmd_zinterstore(struct ctx *ctx)
{
    algebra(ctx, INTER, "zinterstore");
}

void cmd_zdiffstore(struct ctx *ctx)
{
    algebra(ctx, DIFF, "zdiffstore");
}

static bool limit_parse(struct ctx *ctx, int i, int64_t *limit)
{
    for (; i < ctx->argc; i += 2) {
        if (i + 1 >= ctx->argc || !slice_is(arg(ctx, i), "limit")) {
            reply_syntax(ctx);
            return false;
        }
        if (!arg_count(ctx, i + 1, 0, INT64_MAX, "ERR LIMIT can't be negative", limit)) return false;
    }
    return true;
}

void cmd_zintercard(struct ctx *ctx)
{
    struct algebra a = {.operation = INTER};
    int64_t limit = 0;
    if (sources_parse(ctx, 1, &a) && limit_parse(ctx, 2 + (int)a.count, &limit))
        reply_int(ctx->reply, (int64_t)zset_inter_count(a.sources, a.count, (size_t)limit));
    mem_free(a.sources);
}
