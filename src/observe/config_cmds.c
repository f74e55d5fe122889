/* CONFIG: the registry's doors for clients. */
#include "base/buf.h"
#include "engine/config.h"
#include "engine/engine_config.h"
#include "observe/observe_impl.h"
#include "observe/server_cmds.h"

struct pairs {
    struct reply *reply;
    int64_t count;
};

static void emit_pair(void *arg, const char *name, struct slice value)
{
    struct pairs *pairs = arg;
    reply_bulk_cstr(pairs->reply, name);
    reply_bulk(pairs->reply, value);
    pairs->count++;
}

void cmd_config_get(struct ctx *ctx)
{
    struct pairs pairs = {ctx->reply, 0};
    struct reply_mark mark = reply_defer(ctx->reply);
    config_get(engine_config(ctx->engine), ctx->argv + 2, ctx->argc - 2, emit_pair, &pairs);
    reply_defer_map(ctx->reply, mark, pairs.count);
}

static bool is_local(const struct session *s)
{
    struct peer_info info;
    if (session_flags(s) & (SESSION_UNIX_SOCKET | SESSION_INTERNAL))
        return true;
    session_describe(s, &info);
    return strncmp(info.addr, "127.", 4) == 0 || strncmp(info.addr, "[::1]", 5) == 0;
}

static bool may_set_protected(struct ctx *ctx)
{
    int64_t enable = *observe_of(ctx->engine)->protected_configs;
    return enable == ENABLE_YES || (enable == ENABLE_LOCAL && is_local(ctx->session));
}

void cmd_config_set(struct ctx *ctx)
{
    if (ctx->argc % 2 != 0) {
        reply_syntax(ctx);
        return;
    }
    struct buf err = BUF_INIT;
    if (config_set(engine_config(ctx->engine), ctx->argv + 2, ctx->argc - 2, may_set_protected(ctx),
                   engine_loading(ctx->engine), &err))
        reply_ok(ctx->reply);
    else
        reply_error(ctx->reply, buf_slice(&err));
    buf_deinit(&err);
}

void cmd_config_resetstat(struct ctx *ctx)
{
    engine_reset_stats(ctx->engine);
    reply_ok(ctx->reply);
}

void cmd_config_rewrite(struct ctx *ctx)
{
    const struct engine_host *host = engine_host(ctx->engine);
    struct buf err = BUF_INIT;
    if (host->config_rewrite == NULL || config_file_path(engine_config(ctx->engine))[0] == '\0') {
        reply_error(ctx->reply, SLICE("ERR The server is running without a config file"));
        return;
    }
    if (host->config_rewrite(host->arg, false, &err)) {
        log_notice(engine_log(ctx->engine), "CONFIG REWRITE executed with success.");
        reply_ok(ctx->reply);
    } else {
        log_warning(engine_log(ctx->engine), "CONFIG REWRITE failed: %s", buf_cstr(&err));
        reply_errorf(ctx->reply, "ERR Rewriting config file: %s", buf_cstr(&err));
    }
    buf_deinit(&err);
}

void cmd_config_help(struct ctx *ctx)
{
    static const char *const lines[] = {"GET <pattern> [<pattern> ...]",
                                        "    Directives whose names match one of the patterns, with their values.",
                                        "SET <directive> <value> [<directive> <value> ...]",
                                        "    Changes directives at run time: all of them, or none when one is refused.",
                                        "RESETSTAT",
                                        "    Sets the counters of INFO back to zero.",
                                        "REWRITE",
                                        "    Writes the values in force to the configuration file.",
                                        NULL};
    reply_help(ctx, lines);
}
