/* Lists: the commands that wait for an element. What they did goes into the log as the command that does it at once. */
#include "cmd/list_cmds.h"
#include "cmd/list_cmds_impl.h"
#include "engine/blocking.h"

#include "base/mem.h"

static void reply_nothing(struct ctx *ctx)
{
    reply_null_array(ctx->reply);
}

/* The list that a waiting command was woken for; NULL: it is gone, or no list. */
static struct record *served_list(struct ctx *ctx, struct store_key key)
{
    struct record *r = ctx_find(ctx, key, FOR_WRITE);
    return r != NULL && record_type(r) == TYPE_LIST ? r : NULL;
}

/* Waits for arguments first..first + count - 1. */
static void wait_for(struct ctx *ctx, const struct blocking_kind *kind, int first, int count, uint64_t timeout_ms)
{
    if (!ctx_may_block(ctx)) {
        kind->timed_out(ctx);
        return;
    }
    int few[8] = {0}, *keys = count <= (int)ARRAY_LEN(few) ? few : mem_alloc((size_t)count * sizeof *keys);
    for (int i = 0; i < count; i++) keys[i] = first + i;
    ctx_block(ctx, kind, keys, count, timeout_ms);
    if (keys != few) mem_free(keys);
}

/* ---- BLPOP, BRPOP */

static void pop_with_key(struct ctx *ctx, struct store_key key, struct record *r, enum list_end end)
{
    struct listpack_value value;
    struct list_run run = list_peek(r, end, &value);
    reply_array(ctx->reply, 2);
    reply_bulk(ctx->reply, key.name);
    reply_run(ctx->reply, &run);
    list_popped(ctx, key, r, end, 1);
    effect_words(ctx, end == LIST_HEAD ? SLICE("LPOP") : SLICE("RPOP"), key.name);
}

static bool serve_pop(struct ctx *ctx, struct store_key key, enum list_end end)
{
    struct record *r = served_list(ctx, key);
    if (r == NULL) return false;
    pop_with_key(ctx, key, r, end);
    return true;
}

static bool serve_blpop(struct ctx *ctx, struct store_key key)
{
    return serve_pop(ctx, key, LIST_HEAD);
}

static bool serve_brpop(struct ctx *ctx, struct store_key key)
{
    return serve_pop(ctx, key, LIST_TAIL);
}

static const struct blocking_kind blpop_kind = {.serve = serve_blpop, .timed_out = reply_nothing};
static const struct blocking_kind brpop_kind = {.serve = serve_brpop, .timed_out = reply_nothing};

static void blocking_pop(struct ctx *ctx, enum list_end end)
{
    uint64_t timeout_ms;
    if (!arg_timeout_ms(ctx, ctx->argc - 1, &timeout_ms)) return;
    for (int i = 1; i < ctx->argc - 1; i++) {
        struct record *r;
        struct store_key key = ctx_key(ctx, i);
        if (!collection_find(ctx, key, FOR_WRITE, TYPE_LIST, &r)) return;
        if (r == NULL) continue;
        pop_with_key(ctx, key, r, end);
        return;
    }
    wait_for(ctx, end == LIST_HEAD ? &blpop_kind : &brpop_kind, 1, ctx->argc - 2, timeout_ms);
}

void cmd_blpop(struct ctx *ctx)
{
    blocking_pop(ctx, LIST_HEAD);
}

void cmd_brpop(struct ctx *ctx)
{
    blocking_pop(ctx, LIST_TAIL);
}

/* ---- BLMPOP */

static bool serve_blmpop(struct ctx *ctx, struct store_key key)
{
    struct mpop_args args;
    struct record *r = served_list(ctx, key);
    if (r == NULL || !mpop_args_parse(ctx, 2, &args)) return false;
    mpop_take(ctx, key, r, args.end, args.count);
    return true;
}

static const struct blocking_kind blmpop_kind = {.serve = serve_blmpop, .timed_out = reply_nothing};

void cmd_blmpop(struct ctx *ctx)
{
    uint64_t timeout_ms;
    struct mpop_args args;
    if (!mpop_args_parse(ctx, 2, &args) || !arg_timeout_ms(ctx, 1, &timeout_ms)) return;
    if (!mpop_try(ctx, &args)) wait_for(ctx, &blmpop_kind, args.first_key, args.keys, timeout_ms);
}

/* ---- BLMOVE, BRPOPLPUSH */

/* The effect that the command has without the wait. */
static void effect_move(struct ctx *ctx)
{
    if (ctx->argc == 6)
        effect_words(ctx, SLICE("LMOVE"), arg(ctx, 1), arg(ctx, 2), arg(ctx, 3), arg(ctx, 4));
    else
        effect_words(ctx, SLICE("RPOPLPUSH"), arg(ctx, 1), arg(ctx, 2));
}

static void move_ends(struct ctx *ctx, enum list_end *from, enum list_end *to)
{
    *from = LIST_TAIL;
    *to = LIST_HEAD;
    if (ctx->argc == 6) (void)(arg_list_end(ctx, 3, from) && arg_list_end(ctx, 4, to)); /* they were right before */
}

/* src is a list. Replies, if only an error. */
static void move_from(struct ctx *ctx, struct store_key src_key, struct record *src)
{
    enum list_end from, to;
    struct record *dst;
    struct store_key dst_key = ctx_key(ctx, 2);
    move_ends(ctx, &from, &to);
    if (!collection_find(ctx, dst_key, FOR_WRITE, TYPE_LIST, &dst)) return;
    if (list_move(ctx, src_key, src, from, dst_key, dst, to)) effect_move(ctx);
}

static bool serve_move(struct ctx *ctx, struct store_key key)
{
    struct record *src = served_list(ctx, key);
    if (src == NULL) return false;
    move_from(ctx, key, src);
    return true;
}

static void move_timed_out(struct ctx *ctx)
{
    if (ctx_may_block(ctx))
        reply_null_array(ctx->reply);
    else
        reply_null(ctx->reply);
}

static const struct blocking_kind move_kind = {.serve = serve_move, .timed_out = move_timed_out};

static void blocking_move(struct ctx *ctx)
{
    uint64_t timeout_ms;
    struct record *src;
    struct store_key key = ctx_key(ctx, 1);
    if (!arg_timeout_ms(ctx, ctx->argc - 1, &timeout_ms)) return;
    if (!collection_find(ctx, key, FOR_WRITE, TYPE_LIST, &src)) return;
    if (src != NULL)
        move_from(ctx, key, src);
    else
        wait_for(ctx, &move_kind, 1, 1, timeout_ms);
}

void cmd_blmove(struct ctx *ctx)
{
    enum list_end from, to;
    if (arg_list_end(ctx, 3, &from) && arg_list_end(ctx, 4, &to)) blocking_move(ctx);
}

void cmd_brpoplpush(struct ctx *ctx)
{
    blocking_move(ctx);
}
