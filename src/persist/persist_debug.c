/* DEBUG's subcommands of persistence. */
#include "base/num.h"
#include "persist/aof.h"
#include "persist/persist_impl.h"

void persist_flush_all(struct ctx *ctx)
{
    for (int db = 0; db < store_databases(ctx->store); db++) {
        db_changing(ctx, db, -1);
        engine_free_detached(ctx->engine, store_detach(ctx->store, db), false);
    }
}

/* DEBUG RELOAD [MERGE] [NOFLUSH] [NOSAVE]. The log gets nothing of it: it is the same data. */
static void debug_reload(struct ctx *ctx)
{
    struct persist *p = persist_of(ctx->engine);
    bool save = true, flush = true;
    unsigned flags = 0;
    for (int i = 2; i < ctx->argc; i++)
        if (slice_is(arg(ctx, i), "merge")) {
            flags |= LOAD_MERGE;
        } else if (slice_is(arg(ctx, i), "noflush")) {
            flush = false;
        } else if (slice_is(arg(ctx, i), "nosave")) {
            save = false;
        } else {
            reply_error(ctx->reply,
                        SLICE("ERR DEBUG RELOAD only supports the MERGE, NOFLUSH and NOSAVE options."));
            return;
        }
    if (engine_loading(ctx->engine)) {
        reply_status(ctx->reply, ST_LOADING);
        return;
    }
    if (p->shell == NULL || (save && !snapshot_save(p))) {
        reply_error(ctx->reply, SLICE("ERR"));
        return;
    }
    uint64_t dirty = engine_stats(ctx->engine)->dirty;
    if (flush) persist_flush_all(ctx);
    enum load_result result = load_rdb_file(p, flags, false);
    engine_stats(ctx->engine)->dirty = dirty;
    effect_none(ctx);
    if (result != LOAD_OK) {
        reply_error(ctx->reply, SLICE("ERR Error trying to load the RDB dump"));
        return;
    }
    log_warning(engine_log(ctx->engine), "DB reloaded by DEBUG RELOAD");
    reply_ok(ctx->reply);
}

static void debug_skip_checksum(struct ctx *ctx)
{
    int64_t on;
    persist_of(ctx->engine)->skip_checksum = slice_to_i64(arg(ctx, 2), &on) == ST_OK && on != 0;
    reply_ok(ctx->reply);
}

bool persist_debug(struct ctx *ctx, void *state)
{
    (void)state;
    if (slice_is(arg(ctx, 1), "reload"))
        debug_reload(ctx);
    else if (slice_is(arg(ctx, 1), "set-skip-checksum-validation") && ctx->argc == 3)
        debug_skip_checksum(ctx);
    else
        return aof_debug(ctx);
    return true;
}
