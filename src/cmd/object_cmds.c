/* OBJECT: a look inside a value. */
#include "cmd/generic_cmds.h"

#include "cmd/cmd_impl.h"
#include "engine/config.h"
#include "value/string.h"

enum { SHARED_INT_MAX = 9999, SHARED_REFCOUNT = INT32_MAX }; /* what clients know of the numbers that Redis shares */

/* The record of argument 2; replies nil and returns NULL when there is none. */
static struct record *object_or_reply(struct ctx *ctx)
{
    struct record *r = ctx_find(ctx, ctx_key(ctx, 2), FOR_PEEK);
    if (r == NULL) reply_null(ctx->reply);
    return r;
}

void cmd_object_encoding(struct ctx *ctx)
{
    const struct record *r = object_or_reply(ctx);
    if (r != NULL) reply_bulk_cstr(ctx->reply, record_encoding_name(r));
}

/* Numbers are not shared under a memory limit whose policy needs a clock for each value. */
static bool policy_shares_integers(struct ctx *ctx)
{
    if (*cmd_config(ctx)->maxmemory == 0) return true;
    const char *policy = config_enum_name(engine_config(ctx->engine), "maxmemory-policy");
    return strstr(policy, "lru") == NULL && strstr(policy, "lfu") == NULL;
}

void cmd_object_refcount(struct ctx *ctx)
{
    const struct record *r = object_or_reply(ctx);
    int64_t v;
    if (r == NULL) return;
    bool shared = record_type(r) == TYPE_STRING && string_int(r, &v) && v >= 0 && v <= SHARED_INT_MAX &&
                  policy_shares_integers(ctx);
    reply_int(ctx->reply, shared ? SHARED_REFCOUNT : 1);
}

void cmd_object_idletime(struct ctx *ctx)
{
    const struct record *r = object_or_reply(ctx);
    if (r == NULL) return;
    if (engine_policy_is_lfu(ctx->engine))
        reply_error(ctx->reply,
                    SLICE("ERR An LFU maxmemory policy is selected, idle time not tracked. Please note that when "
                          "switching between policies at runtime LRU and LFU data will take some time to adjust."));
    else
        reply_int(ctx->reply, (int64_t)engine_clock_idle_s(ctx->engine, record_clock(r)));
}

void cmd_object_freq(struct ctx *ctx)
{
    const struct record *r = object_or_reply(ctx);
    if (r == NULL) return;
    if (!engine_policy_is_lfu(ctx->engine))
        reply_error(ctx->reply, SLICE("ERR An LFU maxmemory policy is not selected, access frequency not tracked. "
                                      "Please note that when switching between policies at runtime LRU and LFU data "
                                      "will take some time to adjust."));
    else
        reply_int(ctx->reply, engine_clock_frequency(ctx->engine, record_clock(r)));
}

void cmd_object_help(struct ctx *ctx)
{
    static const char *const lines[] = {
        "ENCODING <key>",
        "    Names the representation of the value in memory.",
        "FREQ <key>",
        "    Tells the access frequency counter of the key (LFU policies only).",
        "IDLETIME <key>",
        "    Tells for how many seconds nobody has accessed the key.",
        "REFCOUNT <key>",
        "    Tells how many references to the value there are.",
        NULL,
    };
    reply_help(ctx, lines);
}
