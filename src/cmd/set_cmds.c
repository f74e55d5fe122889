/* Members of one set: SADD, SREM, SISMEMBER and their family, SMOVE, SSCAN. Chance is in set_cmds_random.c, several
 * sets in set_cmds_algebra.c. */
#include "cmd/set_cmds.h"

#include "base/glob.h"
#include "cmd/collection.h"
#include "value/set.h"

enum { SCAN_STEPS_PER_COUNT = 10 }; /* a table that is nearly empty ends the search after so many buckets */

/* --- changing --- */

void cmd_sadd(struct ctx *ctx)
{
    struct store_key key = ctx_key(ctx, 1);
    const struct slice *members = ctx->argv + 2;
    size_t count = (size_t)ctx->argc - 2;
    struct record *r;
    int64_t added = 0;
    if (!collection_find(ctx, key, FOR_WRITE, TYPE_SET, &r)) return;
    if (r == NULL && (r = collection_create(ctx, key, set_new)) == NULL) return;
    const struct value_limits *limits = ctx_limits(ctx);
    if (count > 1) set_prepare(r, members, count, limits);
    for (size_t i = 0; i < count; i++) added += set_add(r, members[i], limits);
    if (added > 0) key_changed(ctx, key.name, EV_SET, "sadd");
    reply_int(ctx->reply, added);
}

void cmd_srem(struct ctx *ctx)
{
    struct store_key key = ctx_key(ctx, 1);
    struct record *r;
    int64_t removed = 0;
    if (!collection_find(ctx, key, FOR_WRITE, TYPE_SET, &r)) return;
    for (int i = 2; r != NULL && i < ctx->argc && set_len(r) > 0; i++) removed += set_remove(r, arg(ctx, i));
    if (removed > 0) {
        key_changed(ctx, key.name, EV_SET, "srem");
        (void)collection_drop_if_empty(ctx, key, r);
    }
    reply_int(ctx->reply, removed);
}

/* A source that is absent decides before the type of the destination is looked at. */
void cmd_smove(struct ctx *ctx)
{
    struct store_key from_key = ctx_key(ctx, 1), to_key = ctx_key(ctx, 2);
    struct slice member = arg(ctx, 3);
    struct record *from, *to;
    if (!collection_find(ctx, from_key, FOR_WRITE, TYPE_SET, &from)) return;
    if (from == NULL) {
        reply_int(ctx->reply, 0);
        return;
    }
    if (!collection_find(ctx, to_key, FOR_WRITE, TYPE_SET, &to)) return;
    if (from == to) {
        reply_int(ctx->reply, set_contains(from, member));
        return;
    }
    if (!set_contains(from, member)) {
        reply_int(ctx->reply, 0);
        return;
    }
    if (to == NULL && (to = collection_create(ctx, to_key, set_new)) == NULL) return;
    (void)set_remove(from, member);
    key_changed(ctx, from_key.name, EV_SET, "srem");
    (void)collection_drop_if_empty(ctx, from_key, from);
    if (set_add(to, member, ctx_limits(ctx))) key_changed(ctx, to_key.name, EV_SET, "sadd");
    reply_int(ctx->reply, 1);
}

/* --- asking --- */

void cmd_sismember(struct ctx *ctx)
{
    struct record *r;
    if (!collection_find(ctx, ctx_key(ctx, 1), FOR_READ, TYPE_SET, &r)) return;
    reply_int(ctx->reply, r != NULL && set_contains(r, arg(ctx, 2)));
}

void cmd_smismember(struct ctx *ctx)
{
    struct record *r;
    if (!collection_find(ctx, ctx_key(ctx, 1), FOR_READ, TYPE_SET, &r)) return;
    reply_array(ctx->reply, ctx->argc - 2);
    for (int i = 2; i < ctx->argc; i++) reply_int(ctx->reply, r != NULL && set_contains(r, arg(ctx, i)));
}

void cmd_scard(struct ctx *ctx)
{
    struct record *r;
    if (!collection_find(ctx, ctx_key(ctx, 1), FOR_READ, TYPE_SET, &r)) return;
    reply_int(ctx->reply, r == NULL ? 0 : (int64_t)set_len(r));
}

void cmd_smembers(struct ctx *ctx)
{
    struct record *r;
    struct set_iter it;
    struct slice member;
    if (!collection_find(ctx, ctx_key(ctx, 1), FOR_READ, TYPE_SET, &r)) return;
    reply_set(ctx->reply, r == NULL ? 0 : (int64_t)set_len(r));
    if (r == NULL) return;
    set_iter_init(&it, r);
    while (set_iter_next(&it, &member)) reply_bulk(ctx->reply, member);
}

/* --- walking in steps --- */

struct scan_walk {
    struct reply members; /* apart: the cursor and their number stand before them */
    struct slice pattern;
    int64_t seen, matching;
};

static void scan_visit(void *arg, struct slice member)
{
    struct scan_walk *w = arg;
    w->seen++;
    if (w->pattern.ptr != NULL && !glob_match(w->pattern, member, false)) return;
    reply_bulk(&w->members, member);
    w->matching++;
}

/* Redis looks at the cursor, then for the key, then at the options: an absent key forgives these. */
void cmd_sscan(struct ctx *ctx)
{
    struct scan_args args;
    struct record *r;
    if (!scan_cursor_parse(arg(ctx, 2), &args.cursor)) {
        reply_status(ctx->reply, ST_INVALID_CURSOR);
        return;
    }
    if (!collection_find(ctx, ctx_key(ctx, 1), FOR_READ, TYPE_SET, &r)) return;
    if (r != NULL && !scan_args_parse(ctx, NULL, &args)) return;
    struct scan_walk w = {.pattern = r == NULL ? SLICE("") : args.pattern};
    struct number_word cursor;
    uint64_t at = r == NULL ? 0 : args.cursor, steps = 0;
    reply_init(&w.members, ctx->reply->pool);
    w.members.protocol = ctx->reply->protocol;
    w.members.muted = ctx->reply->muted;
    if (r != NULL) do
            at = set_scan(r, at, scan_visit, &w);
        while (at != 0 && w.seen < args.count && ++steps / SCAN_STEPS_PER_COUNT < (uint64_t)args.count);
    reply_array(ctx->reply, 2);
    reply_bulk(ctx->reply, number_word(&cursor, at));
    reply_array(ctx->reply, w.matching);
    reply_splice(ctx->reply, &w.members);
    reply_deinit(&w.members);
}
