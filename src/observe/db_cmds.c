/* Whole databases: DBSIZE, FLUSHDB, FLUSHALL, SWAPDB. */
#include "observe/observe_impl.h"
#include "observe/server_cmds.h"

void cmd_dbsize(struct ctx *ctx)
{
    reply_int(ctx->reply, (int64_t)store_len(ctx->store, ctx->db));
}

/* [ASYNC|SYNC]; without either the configuration decides. Replies the error itself. */
static bool flush_mode(struct ctx *ctx, bool *lazy)
{
    if (ctx->argc == 1) {
        *lazy = *observe_of(ctx->engine)->lazy_user_flush != 0;
        return true;
    }
    if (ctx->argc == 2 && (slice_is(arg(ctx, 1), "async") || slice_is(arg(ctx, 1), "sync"))) {
        *lazy = slice_is(arg(ctx, 1), "async");
        return true;
    }
    reply_syntax(ctx);
    return false;
}

static void flush(struct ctx *ctx, int db, bool lazy)
{
    db_changing(ctx, db, -1);
    engine_stats(ctx->engine)->dirty += store_len(ctx->store, db);
    engine_free_detached(ctx->engine, store_detach(ctx->store, db), lazy);
}

/* An empty database is flushed in the log too: a replica may hold keys that are gone here. */
void cmd_flushdb(struct ctx *ctx)
{
    bool lazy;
    if (!flush_mode(ctx, &lazy))
        return;
    flush(ctx, ctx->db, lazy);
    effect_verbatim(ctx);
    reply_ok(ctx->reply);
}

void cmd_flushall(struct ctx *ctx)
{
    bool lazy;
    if (!flush_mode(ctx, &lazy))
        return;
    for (int db = 0; db < store_databases(ctx->store); db++)
        flush(ctx, db, lazy);
    engine_stats(ctx->engine)->dirty++;
    engine_flushed_all(ctx->engine);
    effect_verbatim(ctx);
    reply_ok(ctx->reply);
}

void cmd_swapdb(struct ctx *ctx)
{
    int64_t a, b;
    if (arg_i64(ctx, 1, &a) != ST_OK || a != (int32_t)a) {
        reply_error(ctx->reply, SLICE("ERR invalid first DB index"));
        return;
    }
    if (arg_i64(ctx, 2, &b) != ST_OK || b != (int32_t)b) {
        reply_error(ctx->reply, SLICE("ERR invalid second DB index"));
        return;
    }
    int databases = store_databases(ctx->store);
    if (a < 0 || b < 0 || a >= databases || b >= databases) {
        reply_status(ctx->reply, ST_DB_RANGE);
        return;
    }
    if (a != b) {
        db_changing(ctx, (int)a, (int)b);
        db_changing(ctx, (int)b, (int)a);
        store_swap(ctx->store, (int)a, (int)b);
    }
    engine_stats(ctx->engine)->dirty++;
    effect_verbatim(ctx);
    reply_ok(ctx->reply);
}
