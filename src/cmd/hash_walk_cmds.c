/* Hashes as a whole: HGETALL, HKEYS, HVALS, HSCAN, HRANDFIELD. */
#include "cmd/hash_cmds.h"

#include "base/glob.h"
#include "cmd/collection.h"
#include "cmd/hash_shared.h"

#include <inttypes.h>

/* --- everything --- */

void cmd_hgetall(struct ctx *ctx)
{
    struct record *r;
    if (!hash_find(ctx, ctx_key(ctx, 1), FOR_READ, &r)) return;
    reply_map(ctx->reply, r == NULL ? 0 : (int64_t)hash_len_live(r, ctx->hide_ms));
    if (r == NULL) return;
    struct hash_iter it;
    struct hash_item item;
    hash_iter_init(&it, r, ctx->hide_ms);
    while (hash_iter_next(&it, &item)) {
        reply_bulk(ctx->reply, item.field);
        reply_bulk(ctx->reply, item.value);
    }
}

static void reply_column(struct ctx *ctx, bool values)
{
    struct record *r;
    if (!hash_find(ctx, ctx_key(ctx, 1), FOR_READ, &r)) return;
    reply_array(ctx->reply, r == NULL ? 0 : (int64_t)hash_len_live(r, ctx->hide_ms));
    if (r == NULL) return;
    struct hash_iter it;
    struct hash_item item;
    hash_iter_init(&it, r, ctx->hide_ms);
    while (hash_iter_next(&it, &item)) reply_bulk(ctx->reply, values ? item.value : item.field);
}

void cmd_hkeys(struct ctx *ctx)
{
    reply_column(ctx, false);
}

void cmd_hvals(struct ctx *ctx)
{
    reply_column(ctx, true);
}

/* --- HSCAN --- */

enum { SCAN_EMPTY_STEPS = 10 }; /* so many times COUNT calls at most, if they find nothing */

struct scan_walk {
    struct ctx *ctx;
    const struct scan_args *args;
    int64_t visited, replied;
};

static void scan_visit(void *arg, const struct hash_item *item)
{
    struct scan_walk *w = arg;
    w->visited++;
    if (w->args->pattern.ptr != NULL && !glob_match(w->args->pattern, item->field, false)) return;
    reply_bulk(w->ctx->reply, item->field);
    if (!w->args->flag) reply_bulk(w->ctx->reply, item->value);
    w->replied += w->args->flag ? 1 : 2;
}

/* The cursor is known only behind the elements, but is replied before them: its digits are put in front of a deferred
 * array by walking first into a reply of its own. */
void cmd_hscan(struct ctx *ctx)
{
    struct scan_args args;
    struct record *r;
    if (!scan_args_parse(ctx, "novalues", &args) || !hash_find(ctx, ctx_key(ctx, 1), FOR_READ, &r)) return;
    struct reply *out = ctx->reply, elements;
    struct scan_walk w = {.ctx = ctx, .args = &args};
    uint64_t cursor = args.cursor;
    reply_init(&elements, out->pool);
    elements.protocol = out->protocol;
    elements.muted = out->muted;
    ctx->reply = &elements;
    if (r != NULL) {
        int64_t steps = args.count > INT64_MAX / SCAN_EMPTY_STEPS ? INT64_MAX : args.count * SCAN_EMPTY_STEPS;
        do cursor = hash_scan(r, cursor, ctx->hide_ms, scan_visit, &w);
        while (cursor != 0 && w.visited < args.count && --steps > 0);
    }
    ctx->reply = out;
    struct number_word word;
    reply_array(out, 2);
    reply_bulk(out, number_word(&word, r == NULL ? 0 : cursor));
    reply_array(out, w.replied);
    reply_splice(out, &elements);
    reply_deinit(&elements);
}

/* --- HRANDFIELD --- */

enum { DRAW_BATCH = 4096 }; /* fields between two looks at the limit of the reply */

struct random_reply {
    struct reply *reply;
    bool with_values;
};

static void random_visit(void *arg, const struct hash_item *item)
{
    const struct random_reply *w = arg;
    if (w->with_values && w->reply->protocol == 3) reply_array(w->reply, 2);
    reply_bulk(w->reply, item->field);
    if (w->with_values) reply_bulk(w->reply, item->value);
}

static void randfield_count(struct ctx *ctx, int64_t count, bool with_values)
{
    struct random_reply w = {ctx->reply, with_values};
    struct prng *prng = engine_prng(ctx->engine);
    struct record *r;
    if (!hash_find(ctx, ctx_key(ctx, 1), FOR_READ, &r)) return;
    uint64_t wanted = count < 0 ? 0 - (uint64_t)count : (uint64_t)count;
    size_t live = r == NULL ? 0 : hash_len_live(r, ctx->hide_ms);
    if (live == 0) wanted = 0;
    if (count > 0 && wanted > live) wanted = live;
    reply_array(ctx->reply, (int64_t)wanted * (with_values && ctx->reply->protocol == 2 ? 2 : 1));
    if (wanted == 0) return;
    if (count > 0) {
        hash_sample(r, ctx->hide_ms, prng, wanted, random_visit, &w);
        return;
    }
    for (uint64_t batch; wanted > 0 && !session_output_full(ctx->session); wanted -= batch) {
        batch = wanted < DRAW_BATCH ? wanted : DRAW_BATCH;
        hash_draw(r, ctx->hide_ms, prng, batch, random_visit, &w);
    }
}

static void randfield_one(struct ctx *ctx)
{
    struct random_reply w = {ctx->reply, false};
    struct record *r;
    if (!hash_find(ctx, ctx_key(ctx, 1), FOR_READ, &r)) return;
    if (r == NULL || hash_all_due(r, ctx->hide_ms))
        reply_null(ctx->reply);
    else
        hash_draw(r, ctx->hide_ms, engine_prng(ctx->engine), 1, random_visit, &w);
}

void cmd_hrandfield(struct ctx *ctx)
{
    int64_t count;
    if (ctx->argc == 2) {
        randfield_one(ctx);
        return;
    }
    enum status st = arg_i64(ctx, 2, &count);
    if (st == ST_OK && count == INT64_MIN) {
        reply_errorf(ctx->reply, "ERR value is out of range, value must between %" PRId64 " and %" PRId64, -INT64_MAX,
                     INT64_MAX);
        return;
    }
    bool with_values = ctx->argc == 4 && slice_is(arg(ctx, 3), "withvalues");
    if (st == ST_OK && ctx->argc > 3 && !with_values) st = ST_SYNTAX;
    if (st == ST_OK && with_values && (count < -(INT64_MAX / 2) || count > INT64_MAX / 2)) st = ST_RANGE;
    if (st != ST_OK)
        reply_status(ctx->reply, st);
    else
        randfield_count(ctx, count, with_values);
}
