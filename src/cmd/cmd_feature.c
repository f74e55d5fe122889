/* The feature of this folder, and the few helpers that its handlers share. */
#include "cmd/cmd_feature.h"

#include "base/mem.h"
#include "cmd/bitmap_cmds.h"
#include "cmd/cmd_impl.h"
#include "cmd/connection_cmds.h"
#include "cmd/generic_cmds.h"
#include "cmd/geo_cmds.h"
#include "cmd/hash_cmds.h"
#include "cmd/hyperloglog_cmds.h"
#include "cmd/list_cmds.h"
#include "cmd/set_cmds.h"
#include "cmd/sort_cmds.h"
#include "cmd/stream_cmds.h"
#include "cmd/string_cmds.h"
#include "cmd/transaction_cmds.h"
#include "cmd/zset_cmds.h"
#include "engine/config.h"

#include <stdint.h>

static const struct command *const tables[] = {
    string_commands,  bitmap_commands,      list_commands, set_commands,    hash_commands,       zset_commands,
    geo_commands,     hyperloglog_commands, stream_commands, generic_commands, sort_commands, connection_commands,
    transaction_commands, NULL};

static void *feature_init(struct engine *e)
{
    (void)e;
    return mem_zalloc(sizeof(struct cmd_config));
}

/* Bound when the server starts: by then every feature has registered its directives. */
static bool feature_start(struct engine *e, void *state, struct buf *err)
{
    struct config *config = engine_config(e);
    (void)err;
    *(struct cmd_config *)state = (struct cmd_config){
        .bulk_max = config_bind_i64(config, "proto-max-bulk-len"),
        .lazy_expire = config_bind_i64(config, "lazyfree-lazy-expire"),
        .lazy_user_del = config_bind_i64(config, "lazyfree-lazy-user-del"),
        .lazy_server_del = config_bind_i64(config, "lazyfree-lazy-server-del"),
        .maxmemory = config_bind_i64(config, "maxmemory"),
    };
    return true;
}

static void feature_stop(struct engine *e, void *state)
{
    (void)e;
    mem_free(state);
}

const struct feature cmd_feature = {
    .name = "cmd",
    .tables = tables,
    .init = feature_init,
    .start = feature_start,
    .stop = feature_stop,
};

const struct cmd_config *cmd_config(const struct ctx *ctx)
{
    return engine_feature_state(ctx->engine, &cmd_feature);
}

bool arg_int(struct ctx *ctx, int i, int *out)
{
    int64_t v;
    enum status st = arg_i64(ctx, i, &v);
    if (st != ST_OK) {
        reply_status(ctx->reply, st);
        return false;
    }
    if (v < INT32_MIN || v > INT32_MAX) {
        reply_errorf(ctx->reply, "ERR value is out of range, value must between %d and %d", INT32_MIN, INT32_MAX);
        return false;
    }
    *out = (int)v;
    return true;
}

bool arg_db(struct ctx *ctx, int i, int *out)
{
    if (!arg_int(ctx, i, out)) return false;
    if (*out < 0 || *out >= store_databases(ctx->store)) {
        reply_status(ctx->reply, ST_DB_RANGE);
        return false;
    }
    return true;
}

bool expire_option_take(const struct ctx *ctx, int *i, struct expire_option *o)
{
    struct slice word = arg(ctx, *i);
    struct expire_option got = {.at = *i + 1};
    if (slice_is(word, "ex"))
        got.unit_ms = 1000;
    else if (slice_is(word, "px"))
        got.unit_ms = 1;
    else if (slice_is(word, "exat"))
        got.unit_ms = 1000, got.absolute = true;
    else if (slice_is(word, "pxat"))
        got.unit_ms = 1, got.absolute = true;
    else
        return false;
    /* The same word twice is allowed, and the last one counts. */
    if (got.at >= ctx->argc || (o->at != 0 && (o->unit_ms != got.unit_ms || o->absolute != got.absolute))) return false;
    *o = got;
    *i = got.at;
    return true;
}
