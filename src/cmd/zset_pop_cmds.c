/* Sorted sets: popping the lowest or the highest, at once or when there is something. What was popped from one of
 * several keys, or after a wait, goes into the log as a ZPOPMIN or ZPOPMAX of that key. */
#include "base/mem.h"
#include "cmd/collection.h"
#include "cmd/zset_args.h"
#include "cmd/zset_cmds.h"
#include "engine/blocking.h"

/* --- popping --- */

static void reply_flat(void *arg, struct slice member, double score)
{
    struct reply *reply = arg;
    reply_bulk(reply, member);
    reply_double(reply, score);
}

static void reply_pair(void *arg, struct slice member, double score)
{
    reply_array(arg, 2);
    reply_flat(arg, member, score);
}

/* Pops `count` elements, which are there, and tells so; fn replies each. The key goes with the last one. */
static void pop(struct ctx *ctx, struct store_key key, struct record *r, bool highest, size_t count, zset_fn *fn)
{
    zset_pop(r, highest, count, fn, ctx->reply);
    key_changed(ctx, key.name, EV_ZSET, highest ? "zpopmax" : "zpopmin");
    collection_drop_if_empty(ctx, key, r);
}

static struct slice pop_word(bool highest)
{
    return highest ? SLICE("ZPOPMAX") : SLICE("ZPOPMIN");
}

static size_t at_most(int64_t count, size_t len)
{
    return (uint64_t)count < len ? (size_t)count : len;
}

/* --- ZPOPMIN, ZPOPMAX --- */

static void zpop(struct ctx *ctx, bool highest)
{
    struct store_key key = ctx_key(ctx, 1);
    struct record *r;
    int64_t count = 1;
    if (ctx->argc > 3) {
        reply_syntax(ctx);
        return;
    }
    bool counted = ctx->argc == 3;
    if (counted && !arg_count(ctx, 2, 0, INT64_MAX, "ERR value is out of range, must be positive", &count)) return;
    if (!collection_find(ctx, key, FOR_WRITE, TYPE_ZSET, &r)) return;
    size_t n = r == NULL ? 0 : at_most(count, zset_len(r));
    if (n == 0) {
        reply_array(ctx->reply, 0);
    } else if (counted && ctx->reply->protocol != 2) {
        reply_array(ctx->reply, (int64_t)n);
        pop(ctx, key, r, highest, n, reply_pair);
    } else {
        reply_array(ctx->reply, (int64_t)(2 * n));
        pop(ctx, key, r, highest, n, reply_flat);
    }
}

void cmd_zpopmin(struct ctx *ctx)
{
    zpop(ctx, false);
}

void cmd_zpopmax(struct ctx *ctx)
{
    zpop(ctx, true);
}

/* --- ZMPOP --- */

struct zmpop {
    int first_key, keys;
    bool highest;
    int64_t count;
};

/* The arguments from numkeys on. */
static bool zmpop_parse(struct ctx *ctx, int i, struct zmpop *out)
{
    int64_t keys;
    if (!arg_count(ctx, i, 1, INT64_MAX, "ERR numkeys should be greater than 0", &keys)) return false;
    if (keys >= ctx->argc - 1 - i) {
        reply_syntax(ctx);
        return false;
    }
    int where = i + 1 + (int)keys;
    *out = (struct zmpop){i + 1, (int)keys, slice_is(arg(ctx, where), "max"), 1};
    bool counted = ctx->argc == where + 3 && slice_is(arg(ctx, where + 1), "count");
    if ((!out->highest && !slice_is(arg(ctx, where), "min")) || (!counted && ctx->argc != where + 1)) {
        reply_syntax(ctx);
        return false;
    }
    return !counted || arg_count(ctx, where + 2, 1, INT64_MAX, "ERR count should be greater than 0", &out->count);
}

/* Key and elements. r is not empty. */
static void zmpop_take(struct ctx *ctx, struct store_key key, struct record *r, const struct zmpop *m)
{
    struct number_word word;
    size_t n = at_most(m->count, zset_len(r));
    reply_array(ctx->reply, 2);
    reply_bulk(ctx->reply, key.name);
    reply_array(ctx->reply, (int64_t)n);
    pop(ctx, key, r, m->highest, n, reply_pair);
    effect_words(ctx, pop_word(m->highest), key.name, number_word(&word, n));
}

/* Takes from the first key that has something. True: it replied, if only an error. */
static bool zmpop_try(struct ctx *ctx, const struct zmpop *m)
{
    for (int i = 0; i < m->keys; i++) {
        struct store_key key = ctx_key(ctx, m->first_key + i);
        struct record *r;
        if (!collection_find(ctx, key, FOR_WRITE, TYPE_ZSET, &r)) return true;
        if (r == NULL) continue;
        zmpop_take(ctx, key, r, m);
        return true;
    }
    return false;
}

void cmd_zmpop(struct ctx *ctx)
{
    struct zmpop m;
    if (zmpop_parse(ctx, 1, &m) && !zmpop_try(ctx, &m)) reply_null_array(ctx->reply);
}

/* --- waiting --- */

static void reply_nothing(struct ctx *ctx)
{
    reply_null_array(ctx->reply);
}

/* The sorted set that a waiting command was woken for; NULL: it is gone, or something else. */
static struct record *served_zset(struct ctx *ctx, struct store_key key)
{
    struct record *r = ctx_find(ctx, key, FOR_WRITE);
    return r != NULL && record_type(r) == TYPE_ZSET ? r : NULL;
}

static void wait_for(struct ctx *ctx, const struct blocking_kind *kind, int first, int count, uint64_t timeout_ms)
{
    if (!ctx_may_block(ctx)) {
        reply_nothing(ctx);
        return;
    }
    int few[8] = {0}, *keys = count <= (int)ARRAY_LEN(few) ? few : mem_alloc((size_t)count * sizeof *keys);
    for (int i = 0; i < count; i++) keys[i] = first + i;
    ctx_block(ctx, kind, keys, count, timeout_ms);
    if (keys != few) mem_free(keys);
}

static void bzpop_take(struct ctx *ctx, struct store_key key, struct record *r, bool highest)
{
    reply_array(ctx->reply, 3);
    reply_bulk(ctx->reply, key.name);
    pop(ctx, key, r, highest, 1, reply_flat);
    effect_words(ctx, pop_word(highest), key.name);
}

static bool serve_bzpop(struct ctx *ctx, struct store_key key, bool highest)
{
    struct record *r = served_zset(ctx, key);
    if (r == NULL) return false;
    bzpop_take(ctx, key, r, highest);
    return true;
}

static bool serve_bzpopmin(struct ctx *ctx, struct store_key key)
{
    return serve_bzpop(ctx, key, false);
}

static bool serve_bzpopmax(struct ctx *ctx, struct store_key key)
{
    return serve_bzpop(ctx, key, true);
}

static const struct blocking_kind bzpopmin_kind = {.serve = serve_bzpopmin, .timed_out = reply_nothing};
static const struct blocking_kind bzpopmax_kind = {.serve = serve_bzpopmax, .timed_out = reply_nothing};

static void bzpop(struct ctx *ctx, bool highest)
{
    uint64_t timeout_ms;
    if (!arg_timeout_ms(ctx, ctx->argc - 1, &timeout_ms)) return;
    for (int i = 1; i < ctx->argc - 1; i++) {
        struct store_key key = ctx_key(ctx, i);
        struct record *r;
        if (!collection_find(ctx, key, FOR_WRITE, TYPE_ZSET, &r)) return;
        if (r == NULL) continue;
        bzpop_take(ctx, key, r, highest);
        return;
    }
    wait_for(ctx, highest ? &bzpopmax_kind : &bzpopmin_kind, 1, ctx->argc - 2, timeout_ms);
}

void cmd_bzpopmin(struct ctx *ctx)
{
    bzpop(ctx, false);
}

void cmd_bzpopmax(struct ctx *ctx)
{
    bzpop(ctx, true);
}

static bool serve_bzmpop(struct ctx *ctx, struct store_key key)
{
    struct zmpop m;
    struct record *r = served_zset(ctx, key);
    if (r == NULL || !zmpop_parse(ctx, 2, &m)) return false;
    zmpop_take(ctx, key, r, &m);
    return true;
}

static const struct blocking_kind bzmpop_kind = {.serve = serve_bzmpop, .timed_out = reply_nothing};

void cmd_bzmpop(struct ctx *ctx)
{
    uint64_t timeout_ms;
    struct zmpop m;
    /* An error in the arguments comes before one in the timeout. */
    if (!zmpop_parse(ctx, 2, &m) || !arg_timeout_ms(ctx, 1, &timeout_ms)) return;
    if (!zmpop_try(ctx, &m)) wait_for(ctx, &bzmpop_kind, m.first_key, m.keys, timeout_ms);
}
