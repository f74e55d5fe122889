/* Entries of streams: adding, reading, taking away. Reading on as entries come is in stream_read_cmds.c, groups in
 * stream_group_cmds.c and stream_claim_cmds.c. */
#include "cmd/stream_cmds.h"

#include "cmd/stream_impl.h"

/* ---- replies */

void reply_stream_id(struct reply *r, struct stream_id id)
{
    char text[STREAM_ID_TEXT_MAX];
    reply_bulk(r, stream_id_text(text, id));
}

void reply_stream_entry(struct reply *r, struct stream_reader *it, struct stream_id id, size_t pairs)
{
    reply_array(r, 2);
    reply_stream_id(r, id);
    reply_array(r, 2 * (int64_t)pairs);
    for (; pairs > 0; pairs--) {
        struct slice field, value;
        stream_reader_pair(it, &field, &value);
        reply_bulk(r, field);
        reply_bulk(r, value);
    }
}

size_t reply_stream_range(struct reply *r, const struct record *stream, struct stream_id start, struct stream_id end,
                          int64_t count, bool backwards)
{
    struct reply_mark mark = reply_defer(r);
    struct stream_reader it;
    struct stream_id id;
    size_t pairs, n = 0;
    stream_reader_init(&it, stream, start, end, backwards);
    for (; (count == 0 || n < (size_t)count) && stream_reader_next(&it, &id, &pairs); n++)
        reply_stream_entry(r, &it, id, pairs);
    reply_defer_array(r, mark, (int64_t)n);
    return n;
}

struct stream_id stream_top_id(const struct record *r)
{
    struct stream_reader it;
    struct stream_id id;
    size_t pairs;
    stream_reader_init(&it, r, STREAM_ID_MIN, STREAM_ID_MAX, true);
    return stream_reader_next(&it, &id, &pairs) ? id : STREAM_ID_MIN;
}

/* ---- XADD */

/* The ID of the next entry; false: it would not be greater than the last. */
static bool next_id(const struct ctx *ctx, const struct stream_options *o, struct stream_id last, struct stream_id *id)
{
    *id = o->id;
    if (o->id_kind == STREAM_ID_AUTO) {
        *id = (struct stream_id){ctx->now_ms, 0};
        if (ctx->now_ms > last.ms) return true;
        *id = last;
        return stream_id_increment(id);
    }
    if (o->id_kind == STREAM_ID_AUTO_SEQ && id->ms == last.ms) {
        *id = last;
        return id->seq++ != UINT64_MAX;
    }
    return stream_id_less(last, *id);
}

/* The stream to add to, made when it is not there. NULL: replied. */
static struct record *stream_to_add_to(struct ctx *ctx, const struct stream_options *o, struct store_key key,
                                       bool *is_new)
{
    struct record *r;
    if (!collection_find(ctx, key, FOR_WRITE, TYPE_STREAM, &r)) return NULL;
    *is_new = r == NULL;
    if (r != NULL) return r;
    if (!o->no_mkstream) return collection_create(ctx, key, stream_new);
    reply_null(ctx->reply);
    return NULL;
}

static bool add_entry(struct ctx *ctx, const struct stream_options *o, struct record *r, struct stream_id *id)
{
    const char *error = NULL;
    struct stream_id last = stream_last_id(r);
    const struct slice *pairs = ctx->argv + o->id_arg + 1;
    size_t count = (size_t)(ctx->argc - o->id_arg - 1) / 2;
    if (stream_id_eq(last, STREAM_ID_MAX))
        error = "ERR The stream has exhausted the last possible ID, unable to add more items";
    else if (!next_id(ctx, o, last, id))
        error = "ERR The ID specified in XADD is equal or smaller than the target stream top item";
    else if (!stream_append(r, *id, pairs, count, ctx_limits(ctx)))
        error = "ERR Elements are too large to be stored";
    if (likely(error == NULL)) return true;
    reply_error(ctx->reply, slice_cstr(error));
    return false;
}

void cmd_xadd(struct ctx *ctx)
{
    struct stream_options o;
    if (!stream_options_parse(ctx, true, &o)) return;
    int words = ctx->argc - o.id_arg - 1;
    if (words < 2 || words % 2 == 1) {
        reply_wrong_arity(ctx);
        return;
    }
    if (o.id_kind == STREAM_ID_GIVEN && stream_id_is_zero(o.id)) {
        reply_error(ctx->reply, SLICE("ERR The ID specified in XADD must be greater than 0-0"));
        return;
    }
    struct store_key key = ctx_key(ctx, 1);
    struct stream_id id;
    bool is_new;
    struct record *r = stream_to_add_to(ctx, &o, key, &is_new);
    if (r == NULL) return;
    if (!add_entry(ctx, &o, r, &id)) {
        if (is_new) ctx_delete(ctx, key, false);
        return;
    }
    key_changed(ctx, key.name, EV_STREAM, "xadd");
    if (o.trim.by != STREAM_TRIM_NONE && stream_trim(r, &o.trim) > 0)
        key_event(ctx, ctx->db, key.name, EV_STREAM, "xtrim");
    if (o.id_kind != STREAM_ID_GIVEN || o.approx_arg != 0) stream_effect_trimmed(ctx, &o, r, &id);
    reply_stream_id(ctx->reply, id);
}

/* ---- taking away */

void cmd_xtrim(struct ctx *ctx)
{
    struct stream_options o;
    if (!stream_options_parse(ctx, false, &o)) return;
    struct store_key key = ctx_key(ctx, 1);
    struct record *r;
    if (!collection_find(ctx, key, FOR_WRITE, TYPE_STREAM, &r)) return;
    uint64_t gone = r == NULL ? 0 : stream_trim(r, &o.trim);
    if (gone > 0) {
        key_changed(ctx, key.name, EV_STREAM, "xtrim");
        if (o.approx_arg != 0) stream_effect_trimmed(ctx, &o, r, NULL);
    }
    reply_int(ctx->reply, (int64_t)gone);
}

void cmd_xdel(struct ctx *ctx)
{
    struct store_key key = ctx_key(ctx, 1);
    struct record *r;
    struct stream_ids ids;
    int64_t gone = 0;
    if (!collection_find(ctx, key, FOR_WRITE, TYPE_STREAM, &r)) return;
    if (r == NULL) {
        reply_int(ctx->reply, 0);
        return;
    }
    if (!arg_stream_ids(ctx, 2, ctx->argc - 2, &ids)) return;
    for (int i = 0; i < ids.count; i++) gone += stream_delete(r, ids.ids[i]);
    stream_ids_free(&ids);
    if (gone > 0) key_changed(ctx, key.name, EV_STREAM, "xdel");
    reply_int(ctx->reply, gone);
}

/* ---- looking */

void cmd_xlen(struct ctx *ctx)
{
    struct record *r;
    if (!collection_find(ctx, ctx_key(ctx, 1), FOR_READ, TYPE_STREAM, &r)) return;
    reply_int(ctx->reply, r == NULL ? 0 : (int64_t)stream_len(r));
}

static bool range_count_parse(struct ctx *ctx, int64_t *count)
{
    *count = -1;
    for (int i = 4; i < ctx->argc; i += 2) {
        if (i + 1 == ctx->argc || !slice_is(arg(ctx, i), "count")) {
            reply_syntax(ctx);
            return false;
        }
        enum status st = arg_i64(ctx, i + 1, count);
        if (st != ST_OK) {
            reply_status(ctx->reply, st);
            return false;
        }
        if (*count < 0) *count = 0;
    }
    return true;
}

static void range(struct ctx *ctx, bool backwards)
{
    struct stream_id start, end;
    int64_t count;
    struct record *r;
    if (!arg_stream_range(ctx, backwards ? 3 : 2, backwards ? 2 : 3, &start, &end)) return;
    if (!range_count_parse(ctx, &count)) return;
    if (!collection_find(ctx, ctx_key(ctx, 1), FOR_READ, TYPE_STREAM, &r)) return;
    if (r == NULL)
        reply_array(ctx->reply, 0);
    else if (count == 0)
        reply_null_array(ctx->reply);
    else
        reply_stream_range(ctx->reply, r, start, end, count < 0 ? 0 : count, backwards);
}

void cmd_xrange(struct ctx *ctx)
{
    range(ctx, false);
}

void cmd_xrevrange(struct ctx *ctx)
{
    range(ctx, true);
}

/* ---- XSETID */

struct setid_args {
    struct stream_id id, max_deleted_id;
    int64_t entries_added; /* -1: not given */
    bool has_max_deleted;
};

static bool setid_parse(struct ctx *ctx, struct setid_args *a)
{
    *a = (struct setid_args){.entries_added = -1};
    if (!arg_stream_id(ctx, 2, 0, &a->id)) return false;
    for (int i = 3; i < ctx->argc; i++) {
        bool valued = i + 1 < ctx->argc;
        if (valued && slice_is(arg(ctx, i), "entriesadded")) {
            enum status st = arg_i64(ctx, ++i, &a->entries_added);
            if (st != ST_OK) {
                reply_status(ctx->reply, st);
                return false;
            }
            if (a->entries_added < 0) {
                reply_error(ctx->reply, SLICE("ERR entries_added must be positive"));
                return false;
            }
        } else if (valued && slice_is(arg(ctx, i), "maxdeletedid")) {
            if (!arg_stream_id(ctx, ++i, 0, &a->max_deleted_id)) return false;
            a->has_max_deleted = true;
            if (stream_id_less(a->id, a->max_deleted_id)) {
                reply_error(ctx->reply,
                            SLICE("ERR The ID specified in XSETID is smaller than the provided max_deleted_entry_id"));
                return false;
            }
        } else {
            reply_syntax(ctx);
            return false;
        }
    }
    return true;
}

static const char *setid_judge(const struct setid_args *a, const struct record *r)
{
    if (stream_len(r) == 0) return NULL;
    if (stream_id_less(a->id, stream_top_id(r)))
        return "ERR The ID specified in XSETID is smaller than the target stream top item";
    if (a->entries_added >= 0 && (uint64_t)a->entries_added < stream_len(r))
        return "ERR The entries_added specified in XSETID is smaller than the target stream length";
    return NULL;
}

void cmd_xsetid(struct ctx *ctx)
{
    struct setid_args a;
    struct record *r;
    struct store_key key = ctx_key(ctx, 1);
    if (!setid_parse(ctx, &a)) return;
    if (!collection_find(ctx, key, FOR_WRITE, TYPE_STREAM, &r)) return;
    if (r == NULL) {
        reply_status(ctx->reply, ST_NO_SUCH_KEY);
        return;
    }
    const char *error = setid_judge(&a, r);
    if (error != NULL) {
        reply_error(ctx->reply, slice_cstr(error));
        return;
    }
    stream_set_last_id(r, a.id);
    if (a.entries_added >= 0) stream_set_entries_added(r, (uint64_t)a.entries_added);
    if (a.has_max_deleted && !stream_id_is_zero(a.max_deleted_id)) stream_set_max_deleted_id(r, a.max_deleted_id);
    data_changed(ctx); /* the entries are as they were: watchers are not told */
    key_event(ctx, ctx->db, key.name, EV_STREAM, "xsetid");
    reply_ok(ctx->reply);
}
