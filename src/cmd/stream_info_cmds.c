/* XINFO: what there is to know of a stream, its groups and consumers. */
#include "cmd/stream_cmds.h"

#include "cmd/stream_impl.h"

enum { FULL_COUNT_DEFAULT = 10 };

static void reply_name(struct ctx *ctx, const char *name)
{
    reply_bulk_cstr(ctx->reply, name);
}

static void reply_entries_read(struct ctx *ctx, const struct stream_group *g)
{
    reply_name(ctx, "entries-read");
    if (stream_group_entries_read(g) == STREAM_ENTRIES_READ_UNKNOWN)
        reply_null(ctx->reply);
    else
        reply_int(ctx->reply, stream_group_entries_read(g));
}

static void reply_lag(struct ctx *ctx, const struct record *r, const struct stream_group *g)
{
    uint64_t lag;
    reply_name(ctx, "lag");
    if (stream_group_lag(r, g, &lag))
        reply_int(ctx->reply, (int64_t)lag);
    else
        reply_null(ctx->reply);
}

static void reply_named_id(struct ctx *ctx, const char *name, struct stream_id id)
{
    reply_name(ctx, name);
    reply_stream_id(ctx->reply, id);
}

static void reply_named_int(struct ctx *ctx, const char *name, int64_t n)
{
    reply_name(ctx, name);
    reply_int(ctx->reply, n);
}

/* ---- STREAM */

static void reply_stream_facts(struct ctx *ctx, const struct record *r)
{
    int64_t nodes = (int64_t)stream_node_count(r);
    reply_named_int(ctx, "length", (int64_t)stream_len(r));
    reply_named_int(ctx, "radix-tree-keys", nodes);
    reply_named_int(ctx, "radix-tree-nodes", nodes + 1);
    reply_named_id(ctx, "last-generated-id", stream_last_id(r));
    reply_named_id(ctx, "max-deleted-entry-id", stream_max_deleted_id(r));
    reply_named_int(ctx, "entries-added", (int64_t)stream_entries_added(r));
    reply_named_id(ctx, "recorded-first-entry-id", stream_first_id(r));
}

static void reply_edge(struct ctx *ctx, const char *name, const struct record *r, bool last)
{
    struct stream_reader it;
    struct stream_id id;
    size_t pairs;
    reply_name(ctx, name);
    stream_reader_init(&it, r, STREAM_ID_MIN, STREAM_ID_MAX, last);
    if (stream_reader_next(&it, &id, &pairs))
        reply_stream_entry(ctx->reply, &it, id, pairs);
    else
        reply_null(ctx->reply);
}

/* Up to count pending entries (0: all); those of one consumer without its name. */
static void reply_pel(struct ctx *ctx, const struct stream_group *g, const struct stream_consumer *c, int64_t count)
{
    size_t all = c != NULL ? stream_consumer_pending(c) : stream_group_pending(g);
    size_t shown = count > 0 && (uint64_t)count < all ? (size_t)count : all;
    struct stream_pending_at at = stream_pending_from(g, c, STREAM_ID_MIN);
    struct stream_id id;
    struct stream_pending *p;
    reply_named_int(ctx, "pel-count", (int64_t)all);
    reply_name(ctx, "pending");
    reply_array(ctx->reply, (int64_t)shown);
    for (; shown > 0 && stream_pending_next(&at, &id, &p); shown--) {
        reply_array(ctx->reply, c != NULL ? 3 : 4);
        reply_stream_id(ctx->reply, id);
        if (c == NULL) reply_bulk(ctx->reply, stream_consumer_name(p->consumer));
        reply_int(ctx->reply, (int64_t)p->delivered_ms);
        reply_int(ctx->reply, (int64_t)p->deliveries);
    }
}

static void reply_group_full(struct ctx *ctx, const struct record *r, const struct stream_group *g, int64_t count)
{
    reply_map(ctx->reply, 7);
    reply_name(ctx, "name");
    reply_bulk(ctx->reply, stream_group_name(g));
    reply_named_id(ctx, "last-delivered-id", stream_group_last_id(g));
    reply_entries_read(ctx, g);
    reply_lag(ctx, r, g);
    reply_pel(ctx, g, NULL, count);
    reply_name(ctx, "consumers");
    reply_array(ctx->reply, (int64_t)stream_consumer_count(g));
    for (size_t i = 0; i < stream_consumer_count(g); i++) {
        const struct stream_consumer *c = stream_consumer_at(g, i);
        reply_map(ctx->reply, 5);
        reply_name(ctx, "name");
        reply_bulk(ctx->reply, stream_consumer_name(c));
        reply_named_int(ctx, "seen-time", (int64_t)stream_consumer_seen_ms(c));
        reply_named_int(ctx, "active-time", stream_consumer_active_ms(c));
        reply_pel(ctx, g, c, count);
    }
}

static void reply_stream_full(struct ctx *ctx, const struct record *r, int64_t count)
{
    reply_map(ctx->reply, 9);
    reply_stream_facts(ctx, r);
    reply_name(ctx, "entries");
    reply_stream_range(ctx->reply, r, STREAM_ID_MIN, STREAM_ID_MAX, count, false);
    reply_name(ctx, "groups");
    reply_array(ctx->reply, (int64_t)stream_group_count(r));
    for (size_t i = 0; i < stream_group_count(r); i++) reply_group_full(ctx, r, stream_group_at(r, i), count);
}

static bool full_parse(struct ctx *ctx, bool *full, int64_t *count)
{
    *full = ctx->argc > 3;
    *count = FULL_COUNT_DEFAULT;
    if (ctx->argc == 3) return true;
    bool with_count = ctx->argc == 6 && slice_is(arg(ctx, 4), "count");
    if (!slice_is(arg(ctx, 3), "full") || (ctx->argc != 4 && !with_count)) {
        reply_errorf(ctx->reply, "ERR unknown subcommand or wrong number of arguments for '%.*s'. Try XINFO HELP.",
                     arg(ctx, 1).len > 128 ? 128 : (int)arg(ctx, 1).len, arg(ctx, 1).ptr);
        return false;
    }
    if (!with_count) return true;
    enum status st = arg_i64(ctx, 5, count);
    if (st != ST_OK) reply_status(ctx->reply, st);
    if (*count < 0) *count = FULL_COUNT_DEFAULT;
    return st == ST_OK;
}

/* NULL: replied. */
static const struct record *info_stream(struct ctx *ctx)
{
    struct record *r;
    if (!collection_find(ctx, ctx_key(ctx, 2), FOR_READ, TYPE_STREAM, &r)) return NULL;
    if (r == NULL) reply_status(ctx->reply, ST_NO_SUCH_KEY);
    return r;
}

void cmd_xinfo_stream(struct ctx *ctx)
{
    bool full;
    int64_t count;
    const struct record *r = info_stream(ctx);
    if (r == NULL || !full_parse(ctx, &full, &count)) return;
    if (full) {
        reply_stream_full(ctx, r, count);
        return;
    }
    reply_map(ctx->reply, 10);
    reply_stream_facts(ctx, r);
    reply_named_int(ctx, "groups", (int64_t)stream_group_count(r));
    reply_edge(ctx, "first-entry", r, false);
    reply_edge(ctx, "last-entry", r, true);
}

/* ---- GROUPS, CONSUMERS, HELP */

void cmd_xinfo_groups(struct ctx *ctx)
{
    const struct record *r = info_stream(ctx);
    if (r == NULL) return;
    reply_array(ctx->reply, (int64_t)stream_group_count(r));
    for (size_t i = 0; i < stream_group_count(r); i++) {
        const struct stream_group *g = stream_group_at(r, i);
        reply_map(ctx->reply, 6);
        reply_name(ctx, "name");
        reply_bulk(ctx->reply, stream_group_name(g));
        reply_named_int(ctx, "consumers", (int64_t)stream_consumer_count(g));
        reply_named_int(ctx, "pending", (int64_t)stream_group_pending(g));
        reply_named_id(ctx, "last-delivered-id", stream_group_last_id(g));
        reply_entries_read(ctx, g);
        reply_lag(ctx, r, g);
    }
}

static int64_t since(const struct ctx *ctx, int64_t ms)
{
    int64_t passed = (int64_t)ctx->now_ms - ms;
    return passed < 0 ? 0 : passed;
}

void cmd_xinfo_consumers(struct ctx *ctx)
{
    const struct record *r = info_stream(ctx);
    if (r == NULL) return;
    struct slice name = arg(ctx, 3), key = arg(ctx, 2);
    const struct stream_group *g = stream_group_find(r, name);
    if (g == NULL) {
        reply_errorf(ctx->reply, "NOGROUP No such consumer group '%.*s' for key name '%.*s'", (int)name.len, name.ptr,
                     (int)key.len, key.ptr);
        return;
    }
    reply_array(ctx->reply, (int64_t)stream_consumer_count(g));
    for (size_t i = 0; i < stream_consumer_count(g); i++) {
        const struct stream_consumer *c = stream_consumer_at(g, i);
        int64_t active = stream_consumer_active_ms(c);
        reply_map(ctx->reply, 4);
        reply_name(ctx, "name");
        reply_bulk(ctx->reply, stream_consumer_name(c));
        reply_named_int(ctx, "pending", (int64_t)stream_consumer_pending(c));
        reply_named_int(ctx, "idle", since(ctx, (int64_t)stream_consumer_seen_ms(c)));
        reply_named_int(ctx, "inactive", active == STREAM_NEVER_ACTIVE ? active : since(ctx, active));
    }
}

void cmd_xinfo_help(struct ctx *ctx)
{
    static const char *const lines[] = {
        "CONSUMERS <key> <group>",
        "    Lists the consumers of a group.",
        "GROUPS <key>",
        "    Lists the groups of a stream.",
        "STREAM <key> [FULL [COUNT <count>]]",
        "    Describes a stream; FULL: with entries, groups and what is pending.",
        NULL,
    };
    reply_help(ctx, lines);
}
