/* Expiry: EXPIRE and its family, TTL and its family, PERSIST. The log gets absolute times only. */
#include "cmd/generic_cmds.h"

#include "cmd/cmd_impl.h"

struct expire_options {
    bool nx, xx, gt, lt;
};

static bool expire_options_parse(struct ctx *ctx, struct expire_options *o)
{
    for (int i = 3; i < ctx->argc; i++) {
        struct slice word = arg(ctx, i);
        if (slice_is(word, "nx")) {
            o->nx = true;
        } else if (slice_is(word, "xx")) {
            o->xx = true;
        } else if (slice_is(word, "gt")) {
            o->gt = true;
        } else if (slice_is(word, "lt")) {
            o->lt = true;
        } else {
            reply_errorf(ctx->reply, "ERR Unsupported option %.*s", (int)(word.len < 512 ? word.len : 512), word.ptr);
            return false;
        }
    }
    if (o->nx && (o->xx || o->gt || o->lt)) {
        reply_error(ctx->reply, SLICE("ERR NX and XX, GT or LT options at the same time are not compatible"));
        return false;
    }
    if (o->gt && o->lt) {
        reply_error(ctx->reply, SLICE("ERR GT and LT options at the same time are not compatible"));
        return false;
    }
    return true;
}

/* A key without expiry counts as one that lives for ever. */
static bool expire_condition_holds(const struct expire_options *o, uint64_t old_ms, uint64_t new_ms)
{
    if (o->nx && old_ms != 0) return false;
    if (o->xx && old_ms == 0) return false;
    if (o->gt && (old_ms == 0 || new_ms <= old_ms)) return false;
    if (o->lt && old_ms != 0 && new_ms >= old_ms) return false;
    return true;
}

/* The log keeps the conditions; a command that is absolute and in milliseconds already goes there as it came. */
static void expire_effect(struct ctx *ctx, uint64_t expire_ms)
{
    enum { OPTIONS_MAX = 8 };
    struct slice words[3 + OPTIONS_MAX];
    struct number_word ms;
    int count = 3;
    words[0] = SLICE("PEXPIREAT");
    words[1] = arg(ctx, 1);
    words[2] = number_word(&ms, expire_ms);
    for (int i = 3; i < ctx->argc && count < 3 + OPTIONS_MAX; i++)
        words[count++] = arg(ctx, i); /* more are repetitions */
    effect_as(ctx, count, words);
}

static void expire_key(struct ctx *ctx, int64_t unit_ms, bool absolute)
{
    struct expire_options o = {0};
    uint64_t expire_ms;
    if (!expire_options_parse(ctx, &o) || !ctx_expire_arg(ctx, 2, unit_ms, absolute, true, &expire_ms)) return;
    struct store_key key = ctx_key(ctx, 1);
    struct record *r = ctx_find(ctx, key, FOR_WRITE);
    if (r == NULL || !expire_condition_holds(&o, record_expire_ms(r), expire_ms)) {
        reply_int(ctx->reply, 0);
        return;
    }
    if (expire_ms <= ctx->hide_ms) { /* in a log that is loaded, what follows may still write to the key */
        bool lazy = *cmd_config(ctx)->lazy_expire != 0;
        ctx_delete(ctx, key, lazy);
        key_changed(ctx, key.name, EV_GENERIC, "del");
        effect_words(ctx, lazy ? SLICE("UNLINK") : SLICE("DEL"), key.name);
    } else {
        (void)ctx_set_expire(ctx, key, r, expire_ms);
        key_changed(ctx, key.name, EV_GENERIC, "expire");
        if (unit_ms != 1 || !absolute) expire_effect(ctx, expire_ms);
    }
    reply_int(ctx->reply, 1);
}

void cmd_expire(struct ctx *ctx)
{
    expire_key(ctx, 1000, false);
}

void cmd_pexpire(struct ctx *ctx)
{
    expire_key(ctx, 1, false);
}

void cmd_expireat(struct ctx *ctx)
{
    expire_key(ctx, 1000, true);
}

void cmd_pexpireat(struct ctx *ctx)
{
    expire_key(ctx, 1, true);
}

/* -2: no such key; -1: it lives for ever. Seconds are rounded to the nearest. */
static void reply_expiry(struct ctx *ctx, int64_t unit_ms, bool absolute)
{
    const struct record *r = ctx_find(ctx, ctx_key(ctx, 1), FOR_META);
    uint64_t expire_ms = r == NULL ? 0 : record_expire_ms(r);
    if (expire_ms == 0) {
        reply_int(ctx->reply, r == NULL ? -2 : -1);
        return;
    }
    uint64_t ms = absolute ? expire_ms : expire_ms > ctx->now_ms ? expire_ms - ctx->now_ms : 0;
    reply_int(ctx->reply, (int64_t)(unit_ms == 1 ? ms : (ms + 500) / 1000));
}

void cmd_ttl(struct ctx *ctx)
{
    reply_expiry(ctx, 1000, false);
}

void cmd_pttl(struct ctx *ctx)
{
    reply_expiry(ctx, 1, false);
}

void cmd_expiretime(struct ctx *ctx)
{
    reply_expiry(ctx, 1000, true);
}

void cmd_pexpiretime(struct ctx *ctx)
{
    reply_expiry(ctx, 1, true);
}

void cmd_persist(struct ctx *ctx)
{
    struct store_key key = ctx_key(ctx, 1);
    struct record *r = ctx_find(ctx, key, FOR_WRITE);
    if (r == NULL || record_expire_ms(r) == 0) {
        reply_int(ctx->reply, 0);
        return;
    }
    (void)ctx_set_expire(ctx, key, r, 0);
    key_changed(ctx, key.name, EV_GENERIC, "persist");
    reply_int(ctx->reply, 1);
}
