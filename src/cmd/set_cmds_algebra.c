/* Several sets: SINTER, SUNION, SDIFF, and the forms that count or store. Every key is looked at before anything else,
 * so a wrong type is an error even where another set decides the result. */
#include "base/mem.h"
#include "cmd/collection.h"
#include "cmd/set_cmds.h"
#include "value/set.h"

enum { KEYS_ON_STACK = 16 };

struct operands {
    size_t count;
    const struct record **sets; /* NULL: absent, an empty set */
    const struct record *few[KEYS_ON_STACK];
};

/* The sets of `count` keys from argument `first` on. False: one is no set, and the error is replied. */
static bool operands_find(struct ctx *ctx, int first, size_t count, struct operands *o)
{
    o->count = count;
    o->sets = count <= KEYS_ON_STACK ? o->few : mem_alloc(count * sizeof(*o->sets));
    for (size_t i = 0; i < count; i++) {
        struct record *r;
        if (!collection_find(ctx, ctx_key(ctx, first + (int)i), FOR_READ, TYPE_SET, &r)) {
            if (o->sets != o->few) mem_free(o->sets);
            return false;
        }
        o->sets[i] = r;
    }
    return true;
}

static void operands_drop(struct operands *o)
{
    if (o->sets != o->few) mem_free(o->sets);
}

enum operation { INTER, UNION, DIFF };

static size_t operate(const struct ctx *ctx, enum operation operation, const struct operands *o, size_t limit,
                      set_visit *visit, void *arg)
{
    const struct value_limits *limits = ctx_limits(ctx);
    switch (operation) {
    case INTER: return set_inter(o->sets, o->count, limit, visit, arg);
    case UNION: return set_union(o->sets, o->count, limit, limits, visit, arg);
    case DIFF: return set_diff(o->sets, o->count, limit, limits, visit, arg);
    }
    return 0;
}

/* --- to the client --- */

static void reply_member(void *arg, struct slice member)
{
    reply_bulk(arg, member);
}

static void members_of(struct ctx *ctx, enum operation operation)
{
    struct operands o;
    if (!operands_find(ctx, 1, (size_t)ctx->argc - 1, &o)) return;
    struct reply_mark mark = reply_defer(ctx->reply);
    size_t found = operate(ctx, operation, &o, 0, reply_member, ctx->reply);
    reply_defer_set(ctx->reply, mark, (int64_t)found);
    operands_drop(&o);
}

void cmd_sinter(struct ctx *ctx)
{
    members_of(ctx, INTER);
}

void cmd_sunion(struct ctx *ctx)
{
    members_of(ctx, UNION);
}

void cmd_sdiff(struct ctx *ctx)
{
    members_of(ctx, DIFF);
}

/* --- numkeys key [key ...] [LIMIT limit]; SUNIONCARD knows APPROX, which permits an estimate: ours is exact --- */

static void count_of(struct ctx *ctx, enum operation operation)
{
    int64_t keys, limit = 0;
    if (!arg_count(ctx, 1, 1, INT64_MAX, "ERR numkeys should be greater than 0", &keys)) return;
    if (keys > ctx->argc - 2) {
        reply_error(ctx->reply, SLICE("ERR Number of keys can't be greater than number of args"));
        return;
    }
    for (int i = 2 + (int)keys; i < ctx->argc; i++) {
        if (slice_is(arg(ctx, i), "limit") && i + 1 < ctx->argc) {
            if (!arg_count(ctx, ++i, 0, INT64_MAX, "ERR LIMIT can't be negative", &limit)) return;
        } else if (operation != UNION || !slice_is(arg(ctx, i), "approx")) {
            reply_syntax(ctx);
            return;
        }
    }
    struct operands o;
    if (!operands_find(ctx, 2, (size_t)keys, &o)) return;
    reply_int(ctx->reply, (int64_t)operate(ctx, operation, &o, (size_t)limit, NULL, NULL));
    operands_drop(&o);
}

void cmd_sintercard(struct ctx *ctx)
{
    count_of(ctx, INTER);
}

void cmd_sunioncard(struct ctx *ctx)
{
    count_of(ctx, UNION);
}

void cmd_sdiffcard(struct ctx *ctx)
{
    count_of(ctx, DIFF);
}

/* --- to another key --- */

struct destination {
    struct record *r;
    const struct value_limits *limits;
};

static void add_member(void *arg, struct slice member)
{
    const struct destination *d = arg;
    (void)set_add(d->r, member, d->limits);
}

/* The result, NULL where there is no memory for a long key. */
static struct record *result_new(const struct ctx *ctx, enum operation operation, const struct operands *o,
                                 struct slice name)
{
    struct destination d = {NULL, ctx_limits(ctx)};
    if (name.len > KEY_LEN_MAX) return NULL;
    if (operation == UNION) return set_union_new(name, o->sets, o->count, d.limits);
    d.r = set_new(name);
    if (d.r != NULL) (void)operate(ctx, operation, o, 0, add_member, &d);
    return d.r;
}

static void store_of(struct ctx *ctx, enum operation operation, const char *event)
{
    struct operands o;
    struct store_key key = ctx_key(ctx, 1);
    if (!operands_find(ctx, 2, (size_t)ctx->argc - 2, &o)) return;
    struct record *r = result_new(ctx, operation, &o, key.name);
    operands_drop(&o);
    if (r == NULL) {
        reply_status(ctx->reply, ST_NO_MEMORY);
        return;
    }
    int64_t stored = (int64_t)set_len(r);
    collection_store(ctx, key, r, EV_SET, event);
    reply_int(ctx->reply, stored);
}

void cmd_sinterstore(struct ctx *ctx)
{
    store_of(ctx, INTER, "sinterstore");
}

void cmd_sunionstore(struct ctx *ctx)
{
    store_of(ctx, UNION, "sunionstore");
}

void cmd_sdiffstore(struct ctx *ctx)
{
    store_of(ctx, DIFF, "sdiffstore");
}
