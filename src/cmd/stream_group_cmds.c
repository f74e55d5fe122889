/* Consumer groups: XGROUP, and what is pending in them: XACK, XPENDING. */
#include "cmd/stream_cmds.h"

#include "cmd/stream_impl.h"

/* ---- finding */

struct stream_group *stream_group_fetch(struct ctx *ctx, int key_arg, int group_arg, struct record **r)
{
    struct store_key key = ctx_key(ctx, key_arg);
    if (!collection_find(ctx, key, ctx->command->flags & CMD_WRITE ? FOR_WRITE : FOR_READ, TYPE_STREAM, r)) return NULL;
    struct slice name = arg(ctx, group_arg);
    struct stream_group *g = *r == NULL ? NULL : stream_group_find(*r, name);
    if (g == NULL)
        reply_errorf(ctx->reply, "NOGROUP No such key '%.*s' or consumer group '%.*s'", (int)key.name.len,
                     key.name.ptr, (int)name.len, name.ptr);
    return g;
}

struct stream_consumer *stream_consumer_fetch(struct ctx *ctx, struct slice key, struct stream_group *g,
                                              struct slice name, bool *created)
{
    struct stream_consumer *c = stream_consumer_find(g, name);
    *created = c == NULL;
    if (c == NULL) {
        c = stream_consumer_create(g, name, ctx->now_ms);
        data_changed(ctx);
        key_event(ctx, ctx->db, key, EV_STREAM, "xgroup-createconsumer");
    }
    stream_consumer_seen(c, ctx->now_ms);
    return c;
}

/* The stream that an XGROUP subcommand is about. NULL with *ok: there is none. */
static struct record *xgroup_stream(struct ctx *ctx, bool *ok)
{
    struct record *r;
    *ok = collection_find(ctx, ctx_key(ctx, 2), FOR_WRITE, TYPE_STREAM, &r);
    return *ok ? r : NULL;
}

static void reply_needs_key(struct ctx *ctx)
{
    reply_error(ctx->reply, SLICE("ERR The XGROUP subcommand requires the key to exist. Note that for CREATE you may "
                                  "want to use the MKSTREAM option to create an empty stream automatically."));
}

/* Stream and group of an XGROUP subcommand; NULL: replied. */
static struct stream_group *xgroup_fetch(struct ctx *ctx, struct record **r)
{
    bool ok;
    *r = xgroup_stream(ctx, &ok);
    if (*r == NULL) {
        if (ok) reply_needs_key(ctx);
        return NULL;
    }
    struct slice name = arg(ctx, 3), key = arg(ctx, 2);
    struct stream_group *g = stream_group_find(*r, name);
    if (g == NULL)
        reply_errorf(ctx->reply, "NOGROUP No such consumer group '%.*s' for key name '%.*s'", (int)name.len, name.ptr,
                     (int)key.len, key.ptr);
    return g;
}

/* ---- XGROUP */

/* The entries are as they were: watchers of the key are not told. */
static void group_changed(struct ctx *ctx, struct slice key, const char *event)
{
    data_changed(ctx);
    key_event(ctx, ctx->db, key, EV_STREAM, event);
}

struct xgroup_options {
    bool make_stream;
    int64_t entries_read;
};

static void reply_subcommand_syntax(struct ctx *ctx)
{
    struct slice name = arg(ctx, 1);
    reply_errorf(ctx->reply, "ERR unknown subcommand or wrong number of arguments for '%.*s'. Try XGROUP HELP.",
                 name.len > 128 ? 128 : (int)name.len, name.ptr);
}

static bool xgroup_options_parse(struct ctx *ctx, bool is_create, struct xgroup_options *o)
{
    int argc_max = is_create ? 8 : 7;
    *o = (struct xgroup_options){.entries_read = STREAM_ENTRIES_READ_UNKNOWN};
    for (int i = 5; i < ctx->argc; i++) {
        if (ctx->argc <= argc_max && is_create && slice_is(arg(ctx, i), "mkstream")) {
            o->make_stream = true;
            continue;
        }
        if (ctx->argc > argc_max || i + 1 == ctx->argc || !slice_is(arg(ctx, i), "entriesread")) {
            reply_subcommand_syntax(ctx);
            return false;
        }
        enum status st = arg_i64(ctx, ++i, &o->entries_read);
        if (st != ST_OK) {
            reply_status(ctx->reply, st);
            return false;
        }
        if (o->entries_read < 0 && o->entries_read != STREAM_ENTRIES_READ_UNKNOWN) {
            reply_error(ctx->reply, SLICE("ERR value for ENTRIESREAD must be positive or -1"));
            return false;
        }
    }
    return true;
}

/* More than were ever added cannot have been read. */
static int64_t entries_read_capped(const struct record *r, int64_t entries_read)
{
    uint64_t added = stream_entries_added(r);
    return entries_read > 0 && (uint64_t)entries_read > added ? (int64_t)added : entries_read;
}

void cmd_xgroup_create(struct ctx *ctx)
{
    struct xgroup_options o;
    struct stream_id id = STREAM_ID_MIN;
    bool ok;
    if (!xgroup_options_parse(ctx, true, &o)) return;
    struct store_key key = ctx_key(ctx, 2);
    struct record *r = xgroup_stream(ctx, &ok);
    if (!ok) return;
    if (r == NULL && !o.make_stream) {
        reply_needs_key(ctx);
        return;
    }
    struct slice id_text = arg(ctx, 4);
    if (slice_eq(id_text, SLICE("$"))) {
        if (r != NULL) id = stream_last_id(r);
    } else if (!arg_stream_id(ctx, 4, 0, &id)) {
        return;
    }
    bool is_new = r == NULL;
    if (is_new && (r = collection_create(ctx, key, stream_new)) == NULL) return;
    if (stream_group_create(r, arg(ctx, 3), id, entries_read_capped(r, o.entries_read)) == NULL) {
        reply_error(ctx->reply, SLICE("BUSYGROUP Consumer Group name already exists"));
        return;
    }
    if (is_new)
        key_changed(ctx, key.name, EV_STREAM, "xgroup-create");
    else
        group_changed(ctx, key.name, "xgroup-create");
    reply_ok(ctx->reply);
}

void cmd_xgroup_setid(struct ctx *ctx)
{
    struct xgroup_options o;
    struct record *r;
    struct stream_id id;
    if (!xgroup_options_parse(ctx, false, &o)) return;
    struct stream_group *g = xgroup_fetch(ctx, &r);
    if (g == NULL) return;
    if (slice_eq(arg(ctx, 4), SLICE("$")))
        id = stream_last_id(r);
    else if (!arg_stream_id_special(ctx, 4, 0, &id))
        return;
    stream_group_set(g, id, entries_read_capped(r, o.entries_read));
    group_changed(ctx, arg(ctx, 2), "xgroup-setid");
    reply_ok(ctx->reply);
}

void cmd_xgroup_destroy(struct ctx *ctx)
{
    bool ok;
    struct record *r = xgroup_stream(ctx, &ok);
    if (r == NULL) {
        if (ok) reply_needs_key(ctx);
        return;
    }
    struct stream_group *g = stream_group_find(r, arg(ctx, 3));
    if (g != NULL) {
        stream_group_remove(r, g);
        group_changed(ctx, arg(ctx, 2), "xgroup-destroy");
        key_ready(ctx, arg(ctx, 2)); /* its readers are told */
    }
    reply_int(ctx->reply, g != NULL);
}

void cmd_xgroup_createconsumer(struct ctx *ctx)
{
    struct record *r;
    struct stream_group *g = xgroup_fetch(ctx, &r);
    if (g == NULL) return;
    bool created = stream_consumer_create(g, arg(ctx, 4), ctx->now_ms) != NULL;
    if (created) group_changed(ctx, arg(ctx, 2), "xgroup-createconsumer");
    reply_int(ctx->reply, created);
}

void cmd_xgroup_delconsumer(struct ctx *ctx)
{
    struct record *r;
    struct stream_group *g = xgroup_fetch(ctx, &r);
    if (g == NULL) return;
    struct stream_consumer *c = stream_consumer_find(g, arg(ctx, 4));
    size_t pending = 0;
    if (c != NULL) {
        pending = stream_consumer_remove(g, c);
        group_changed(ctx, arg(ctx, 2), "xgroup-delconsumer");
    }
    reply_int(ctx->reply, (int64_t)pending);
}

void cmd_xgroup_help(struct ctx *ctx)
{
    static const char *const lines[] = {
        "CREATE <key> <group> <id|$> [MKSTREAM] [ENTRIESREAD <count>]",
        "    Makes a group that is given what comes behind this ID. With MKSTREAM an absent stream is made, too.",
        "CREATECONSUMER <key> <group> <consumer>",
        "    Makes a consumer of a group.",
        "DELCONSUMER <key> <group> <consumer>",
        "    Removes a consumer and what is pending for it.",
        "DESTROY <key> <group>",
        "    Removes a group.",
        "SETID <key> <group> <id|$> [ENTRIESREAD <count>]",
        "    Says how far a group has come.",
        NULL,
    };
    reply_help(ctx, lines);
}

/* ---- XACK */

void cmd_xack(struct ctx *ctx)
{
    struct record *r;
    struct stream_ids ids;
    int64_t acked = 0;
    if (!collection_find(ctx, ctx_key(ctx, 1), FOR_WRITE, TYPE_STREAM, &r)) return;
    struct stream_group *g = r == NULL ? NULL : stream_group_find(r, arg(ctx, 2));
    if (g == NULL) {
        reply_int(ctx->reply, 0);
        return;
    }
    if (!arg_stream_ids(ctx, 3, ctx->argc - 3, &ids)) return;
    for (int i = 0; i < ids.count; i++) acked += stream_pending_remove(g, ids.ids[i]);
    stream_ids_free(&ids);
    if (acked > 0) data_changed(ctx);
    reply_int(ctx->reply, acked);
}

/* ---- XPENDING */

struct xpending_args {
    int64_t min_idle, count;
    struct stream_id start, end;
    int consumer_arg; /* 0: all */
};

static bool number_parse(struct ctx *ctx, int i, int64_t *out)
{
    enum status st = arg_i64(ctx, i, out);
    if (st != ST_OK) reply_status(ctx->reply, st);
    return st == ST_OK;
}

static bool xpending_parse(struct ctx *ctx, struct xpending_args *a)
{
    *a = (struct xpending_args){0};
    int first = 3;
    if (ctx->argc < 6 || ctx->argc > 9) {
        reply_syntax(ctx);
        return false;
    }
    if (slice_is(arg(ctx, 3), "idle")) {
        if (!number_parse(ctx, 4, &a->min_idle)) return false;
        if (ctx->argc < 8) {
            reply_syntax(ctx);
            return false;
        }
        first = 5;
    }
    if (!number_parse(ctx, first + 2, &a->count)) return false;
    if (ctx->argc > first + 3) a->consumer_arg = first + 3;
    return arg_stream_range(ctx, first, first + 1, &a->start, &a->end);
}

static void xpending_summary(struct ctx *ctx, const struct stream_group *g)
{
    struct stream_id first = STREAM_ID_MIN, last;
    struct stream_pending *p;
    struct stream_pending_at at = stream_pending_from(g, NULL, first);
    reply_array(ctx->reply, 4);
    reply_int(ctx->reply, (int64_t)stream_group_pending(g));
    if (!stream_pending_next(&at, &first, &p)) {
        reply_null(ctx->reply);
        reply_null(ctx->reply);
        reply_null_array(ctx->reply);
        return;
    }
    bool any = stream_pending_last(g, &last);
    (void)any;
    reply_stream_id(ctx->reply, first);
    reply_stream_id(ctx->reply, last);
    struct reply_mark mark = reply_defer(ctx->reply);
    int64_t n = 0;
    for (size_t i = 0; i < stream_consumer_count(g); i++) {
        const struct stream_consumer *c = stream_consumer_at(g, i);
        if (stream_consumer_pending(c) == 0) continue;
        reply_array(ctx->reply, 2);
        reply_bulk(ctx->reply, stream_consumer_name(c));
        reply_bulk_int(ctx->reply, (int64_t)stream_consumer_pending(c));
        n++;
    }
    reply_defer_array(ctx->reply, mark, n);
}

static void xpending_list(struct ctx *ctx, const struct stream_group *g, const struct xpending_args *a)
{
    const struct stream_consumer *only = NULL;
    struct stream_id id;
    struct stream_pending *p;
    int64_t n = 0;
    if (a->consumer_arg != 0 && (only = stream_consumer_find(g, arg(ctx, a->consumer_arg))) == NULL) {
        reply_array(ctx->reply, 0);
        return;
    }
    struct reply_mark mark = reply_defer(ctx->reply);
    struct stream_pending_at at = stream_pending_from(g, only, a->start);
    while (n < a->count && stream_pending_next(&at, &id, &p) && !stream_id_less(a->end, id)) {
        int64_t idle = (int64_t)ctx->now_ms - (int64_t)p->delivered_ms;
        if (idle < 0) idle = 0;
        if (a->min_idle > 0 && idle < a->min_idle) continue;
        reply_array(ctx->reply, 4);
        reply_stream_id(ctx->reply, id);
        reply_bulk(ctx->reply, stream_consumer_name(p->consumer));
        reply_int(ctx->reply, idle);
        reply_int(ctx->reply, (int64_t)p->deliveries);
        n++;
    }
    reply_defer_array(ctx->reply, mark, n);
}

void cmd_xpending(struct ctx *ctx)
{
    struct xpending_args a;
    struct record *r;
    bool is_summary = ctx->argc == 3;
    if (!is_summary && !xpending_parse(ctx, &a)) return;
    const struct stream_group *g = stream_group_fetch(ctx, 1, 2, &r);
    if (g == NULL) return;
    if (is_summary)
        xpending_summary(ctx, g);
    else
        xpending_list(ctx, g, &a);
}
