/* SAVE, BGSAVE, LASTSAVE. */
#include "persist/persist_cmds.h"
#include "persist/persist_impl.h"

/* A bare "ERR", as Redis says; the log knows why. */
static void reply_failed(struct ctx *ctx)
{
    reply_error(ctx->reply, SLICE("ERR"));
}

void cmd_save(struct ctx *ctx)
{
    struct persist *p = persist_of(ctx->engine);
    if (child_kind(p->child) == CHILD_SNAPSHOT)
        reply_error(ctx->reply, SLICE("ERR Background save already in progress"));
    else if (snapshot_save(p))
        reply_ok(ctx->reply);
    else
        reply_failed(ctx);
}

/* Inside of a transaction it is always put off: half of one must not be saved. */
static void start(struct ctx *ctx, bool schedule)
{
    struct persist *p = persist_of(ctx->engine);
    bool busy = child_kind(p->child) != CHILD_NONE;
    if (child_kind(p->child) == CHILD_SNAPSHOT) {
        reply_error(ctx->reply, SLICE("ERR Background save already in progress"));
    } else if (ctx->nested || (busy && schedule)) {
        p->snapshot.scheduled = true;
        reply_simple(ctx->reply, SLICE("Background saving scheduled"));
    } else if (busy) {
        reply_error(ctx->reply, SLICE("ERR Another child process is active (AOF?): can't BGSAVE right now. Use BGSAVE "
                                      "SCHEDULE in order to schedule a BGSAVE whenever possible."));
    } else if (snapshot_start(p)) {
        reply_simple(ctx->reply, SLICE("Background saving started"));
    } else {
        reply_failed(ctx);
    }
}

static void cancel(struct ctx *ctx)
{
    struct persist *p = persist_of(ctx->engine);
    if (child_kind(p->child) == CHILD_SNAPSHOT) {
        log_notice(engine_log(ctx->engine), "Background saving will be aborted due to user request");
        snapshot_cancel(p);
        reply_simple(ctx->reply, SLICE("Background saving cancelled"));
    } else if (p->snapshot.scheduled) {
        p->snapshot.scheduled = false;
        reply_simple(ctx->reply, SLICE("Scheduled background saving cancelled"));
    } else {
        reply_error(ctx->reply, SLICE("ERR Background saving is currently not in progress or scheduled"));
    }
}

/* BGSAVE [SCHEDULE|CANCEL] */
void cmd_bgsave(struct ctx *ctx)
{
    bool schedule = ctx->argc == 2 && slice_is(arg(ctx, 1), "schedule");
    if (ctx->argc == 1 || schedule)
        start(ctx, schedule);
    else if (ctx->argc == 2 && slice_is(arg(ctx, 1), "cancel"))
        cancel(ctx);
    else
        reply_syntax(ctx);
}

void cmd_lastsave(struct ctx *ctx)
{
    reply_int(ctx->reply, persist_of(ctx->engine)->snapshot.last_save_s);
}
