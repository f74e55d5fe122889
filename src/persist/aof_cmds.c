/* BGREWRITEAOF, DEBUG's subcommands, and what INFO says of the append-only file. */
#include "base/num.h"
#include "persist/aof_impl.h"
#include "persist/persist_cmds.h"

#include <inttypes.h>

void cmd_bgrewriteaof(struct ctx *ctx)
{
    struct persist *p = persist_of(ctx->engine);
    struct aof *a = p->aof;
    if (child_kind(p->child) == CHILD_AOF) {
        reply_error(ctx->reply, SLICE("ERR Background append only file rewriting already in progress"));
    } else if (child_kind(p->child) != CHILD_NONE || ctx->nested) {
        a->rewrite_scheduled = true;
        a->rewrite_failures = 0; /* who asks by hand need not wait */
        reply_simple(ctx->reply, SLICE("Background append only file rewriting scheduled"));
    } else if (aof_rewrite(a)) {
        reply_simple(ctx->reply, SLICE("Background append only file rewriting started"));
    } else {
        reply_error(ctx->reply, SLICE("ERR Can't execute an AOF background rewriting. Please check the server logs for "
                                      "more information."));
    }
}

/* The data in memory goes only for files that are there and hold all of it: not in the middle of a transaction, whose
 * first half is in no file yet. The manifest in force stays, when the one on disk is none. */
static bool loadable(struct aof *a)
{
    struct aof_manifest before;
    if (engine_in_exec(a->engine)) return false;
    if (a->state == AOF_ON) aof_flush(a, true);
    if (a->state == AOF_ON && !aof_everything_written(a)) return false;
    aof_manifest_dup(&before, &a->manifest);
    bool ok = aof_manifest_load(a) && (a->manifest.base.name != NULL || a->manifest.increment_count > 0);
    aof_manifest_deinit(ok ? &before : &a->manifest);
    if (!ok) a->manifest = before;
    return ok;
}

/* DEBUG LOADAOF: what is on disk takes the place of what is in memory. */
static void debug_loadaof(struct ctx *ctx)
{
    static const struct slice failure = SLICE("ERR Error trying to load the AOF files, check server logs.");
    struct persist *p = persist_of(ctx->engine);
    struct aof *a = p->aof;
    bool empty;
    if (engine_loading(ctx->engine)) {
        reply_status(ctx->reply, ST_LOADING);
        return;
    }
    if (p->shell == NULL) {
        reply_error(ctx->reply, SLICE("ERR"));
        return;
    }
    if (!loadable(a)) {
        reply_error(ctx->reply, failure);
        return;
    }
    persist_flush_all(ctx);
    effect_none(ctx);
    if (aof_load(a, false, &empty) != LOAD_OK) {
        log_warning(engine_log(ctx->engine), "What was loaded by DEBUG LOADAOF is not whole. Exiting...");
        aof_die(a); /* the next rewrite would put the part that was loaded in the place of all of it */
        reply_error(ctx->reply, failure);
        return;
    }
    aof_size_refresh(a);
    engine_stats(ctx->engine)->dirty = 0;
    log_warning(engine_log(ctx->engine), "Append Only File loaded by DEBUG LOADAOF");
    reply_ok(ctx->reply);
}

static void debug_flush_sleep(struct ctx *ctx)
{
    int64_t us;
    if (arg_i64(ctx, 2, &us) != ST_OK || us < 0) {
        reply_status(ctx->reply, ST_NOT_INT);
        return;
    }
    persist_of(ctx->engine)->aof->flush_sleep_us = (uint64_t)us;
    reply_ok(ctx->reply);
}

bool aof_debug(struct ctx *ctx)
{
    if (slice_is(arg(ctx, 1), "loadaof") && ctx->argc == 2)
        debug_loadaof(ctx);
    else if (slice_is(arg(ctx, 1), "aof-flush-sleep") && ctx->argc == 3)
        debug_flush_sleep(ctx);
    else
        return false;
    return true;
}

/* ---- INFO ---- */

static void i64(struct buf *out, const char *name, int64_t value)
{
    buf_appendf(out, "%s:%" PRId64 "\r\n", name, value);
}

static void text(struct buf *out, const char *name, bool ok)
{
    buf_appendf(out, "%s:%s\r\n", name, ok ? "ok" : "err");
}

void aof_reset_stats(struct aof *a)
{
    a->rewrites = a->delayed_fsyncs = 0;
}

void aof_info(const struct aof *a, struct buf *out)
{
    bool running = child_kind(a->p->child) == CHILD_AOF;
    i64(out, "aof_enabled", a->state != AOF_OFF);
    i64(out, "aof_rewrite_in_progress", running);
    i64(out, "aof_rewrite_scheduled", a->rewrite_scheduled);
    i64(out, "aof_last_rewrite_time_sec", a->rewrite_took_s);
    i64(out, "aof_current_rewrite_time_sec",
        running ? (int64_t)(engine_now_ms(a->engine) / 1000) - a->rewrite_start_s : -1);
    text(out, "aof_last_bgrewrite_status", a->rewrite_ok);
    i64(out, "aof_rewrites", (int64_t)a->rewrites);
    i64(out, "aof_rewrites_consecutive_failures", (int64_t)a->rewrite_failures);
    text(out, "aof_last_write_status", a->write_error == 0 && a->sync_error == 0);
    i64(out, "aof_last_cow_size", (int64_t)child_last_cow(a->p->child, CHILD_AOF));
}

void aof_info_more(const struct aof *a, struct buf *out)
{
    if (a->state == AOF_OFF) return;
    i64(out, "aof_current_size", (int64_t)(a->other_size + a->size));
    i64(out, "aof_base_size", (int64_t)a->base_size);
    i64(out, "aof_pending_rewrite", 0);
    i64(out, "aof_buffer_length", (int64_t)aof_buffer_bytes(a));
    i64(out, "aof_pending_bio_fsync", a->syncing);
    i64(out, "aof_delayed_fsync", (int64_t)a->delayed_fsyncs);
}
