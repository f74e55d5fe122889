/* MULTI, EXEC, DISCARD, WATCH, UNWATCH: the work is done in engine/txn.c. */
#include "cmd/transaction_cmds.h"

#include "engine/ctx.h"
#include "engine/txn.h"

void cmd_multi(struct ctx *ctx)
{
    txn_begin(ctx);
}

void cmd_exec(struct ctx *ctx)
{
    txn_exec(ctx);
}

void cmd_discard(struct ctx *ctx)
{
    if (!txn_open(ctx->session)) {
        reply_status(ctx->reply, ST_DISCARD_WITHOUT_MULTI);
        return;
    }
    txn_discard(ctx->session);
    reply_ok(ctx->reply);
}

void cmd_watch(struct ctx *ctx)
{
    if (txn_open(ctx->session)) {
        reply_status(ctx->reply, ST_WATCH_IN_MULTI);
        return;
    }
    for (int i = 1; i < ctx->argc; i++) txn_watch(ctx, ctx_key(ctx, i));
    reply_ok(ctx->reply);
}

void cmd_unwatch(struct ctx *ctx)
{
    txn_unwatch(ctx->session);
    reply_ok(ctx->reply);
}
