/* Deleting with a say in what groups keep: XDELEX, XACKDEL. */
#include "cmd/stream_cmds.h"

#include "cmd/stream_impl.h"

struct delex {
    enum stream_refs refs;
    struct stream_ids ids;
};

static bool fail(struct ctx *ctx, const char *message)
{
    reply_error(ctx->reply, slice_cstr(message));
    return false;
}

/* IDS numids id ... at argument *i; moves it to the last ID. */
static bool ids_find(struct ctx *ctx, int *i, int *first, int *count)
{
    int64_t n;
    if (*i + 1 >= ctx->argc || arg_i64(ctx, *i + 1, &n) != ST_OK || n <= 0)
        return fail(ctx, "ERR Number of IDs must be a positive integer");
    if (n > ctx->argc - *i - 2) return fail(ctx, "ERR The `numids` parameter must match the number of arguments");
    *first = *i + 2;
    *count = (int)n;
    *i += 1 + (int)n;
    return true;
}

/* Options and IDs, in any order, from argument `from` on. */
static bool delex_parse(struct ctx *ctx, int from, struct delex *d)
{
    int first = 0, count = 0;
    d->refs = STREAM_REFS_KEEP;
    for (int i = from; i < ctx->argc; i++) {
        if (stream_refs_parse(arg(ctx, i), &d->refs)) continue;
        if (first > 0 || !slice_is(arg(ctx, i), "ids")) {
            if (first > 0 && first + count == i)
                return fail(ctx, "ERR The `numids` parameter must match the number of arguments");
            reply_syntax(ctx);
            return false;
        }
        if (!ids_find(ctx, &i, &first, &count)) return false;
    }
    if (first == 0) {
        reply_syntax(ctx);
        return false;
    }
    return arg_stream_ids(ctx, first, count, &d->ids);
}

enum { NOT_FOUND = -1, DELETED = 1, STILL_REFERENCED = 2 };

/* The reply for an ID; *changed: entry or references went. */
static int delete_one(struct record *r, struct stream_id id, enum stream_refs refs, bool *changed)
{
    if (refs == STREAM_REFS_DROP) {
        *changed |= stream_drop_refs(r, id) > 0;
    } else if (refs == STREAM_REFS_ACKED && stream_has(r, id) && stream_is_referenced(r, id)) {
        return STILL_REFERENCED;
    }
    bool deleted = stream_delete(r, id);
    *changed |= deleted;
    return deleted ? DELETED : NOT_FOUND;
}

static void delete_all(struct ctx *ctx, const struct delex *d, struct record *r, struct stream_group *g, bool acks)
{
    int64_t gone = 0;
    bool changed = false;
    reply_array(ctx->reply, d->ids.count);
    for (int i = 0; i < d->ids.count; i++) {
        struct stream_id id = d->ids.ids[i];
        int result = NOT_FOUND;
        bool acked = g != NULL && stream_pending_remove(g, id);
        changed |= acked;
        if (r != NULL && (acked || !acks || d->refs == STREAM_REFS_DROP)) {
            uint64_t before = stream_len(r);
            if (acks && !acked)
                changed |= stream_drop_refs(r, id) > 0; /* not ours to delete */
            else
                result = delete_one(r, id, d->refs, &changed);
            gone += stream_len(r) < before;
            if (acked && result == NOT_FOUND) result = DELETED; /* what was left of it */
        }
        reply_int(ctx->reply, result);
    }
    if (gone > 0)
        key_changed(ctx, arg(ctx, 1), EV_STREAM, "xdel");
    else if (changed)
        data_changed(ctx);
}

void cmd_xdelex(struct ctx *ctx)
{
    struct delex d;
    struct record *r;
    if (!collection_find(ctx, ctx_key(ctx, 1), FOR_WRITE, TYPE_STREAM, &r) || !delex_parse(ctx, 2, &d)) return;
    delete_all(ctx, &d, r, NULL, false);
    stream_ids_free(&d.ids);
}

void cmd_xackdel(struct ctx *ctx)
{
    struct delex d;
    struct record *r;
    if (!collection_find(ctx, ctx_key(ctx, 1), FOR_WRITE, TYPE_STREAM, &r) || !delex_parse(ctx, 3, &d)) return;
    delete_all(ctx, &d, r, r == NULL ? NULL : stream_group_find(r, arg(ctx, 2)), true);
    stream_ids_free(&d.ids);
}
