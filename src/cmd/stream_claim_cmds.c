/* Pending entries change hands: XCLAIM and XAUTOCLAIM.
 *
 * A claim is logged as a claim of what was really taken, with absolute times: the log's reader has neither our clock
 * nor needs to know what was idle for how long. */
#include "cmd/stream_cmds.h"

#include "base/mem.h"
#include "cmd/stream_impl.h"

#include <assert.h>

struct claim {
    struct slice key;
    struct record *stream;
    struct stream_group *group;
    struct stream_consumer *consumer;
    bool consumer_created;
    int64_t min_idle;
    uint64_t delivered_ms;
    int64_t retry_count; /* -1: counted up */
    bool force, just_id;
    struct stream_id last_id;
    bool has_last_id;
    int64_t claimed;
};

static bool is_idle(const struct ctx *ctx, const struct claim *c, const struct stream_pending *p)
{
    return c->min_idle <= 0 || (int64_t)(ctx->now_ms - p->delivered_ms) >= c->min_idle;
}

/* The entry is the consumer's now; the log says so. */
static void take(struct ctx *ctx, struct claim *c, struct stream_id id)
{
    bool is_new = stream_pending_find(c->group, id) == NULL;
    struct stream_pending *p = stream_pending_give(c->group, id, c->consumer);
    p->delivered_ms = c->delivered_ms;
    if (is_new) p->deliveries = 1; /* forced */
    if (c->retry_count >= 0)
        p->deliveries = (uint64_t)c->retry_count;
    else if (!c->just_id)
        p->deliveries++;
    stream_consumer_active(c->consumer, (int64_t)ctx->now_ms);
    stream_effect_claim(ctx, c->key, c->group, id, p);
    data_changed(ctx);
    c->claimed++;
}

static void reply_taken(struct ctx *ctx, const struct claim *c, struct stream_id id)
{
    struct stream_reader it;
    size_t pairs;
    if (c->just_id) {
        reply_stream_id(ctx->reply, id);
        return;
    }
    stream_reader_init(&it, c->stream, id, id, false);
    bool is_there = stream_reader_next(&it, &id, &pairs);
    assert(is_there);
    if (is_there) reply_stream_entry(ctx->reply, &it, id, pairs);
}

/* The entry is not in the stream any more: nobody can be given it. A claim of it does the same to the log's reader. */
static void forget(struct ctx *ctx, const struct claim *c, struct stream_id id, const struct stream_pending *p)
{
    stream_effect_claim(ctx, c->key, c->group, id, p);
    stream_pending_remove(c->group, id);
    data_changed(ctx);
}

/* What happened beside the claims is logged where no claim tells it. */
static void claim_end(struct ctx *ctx, const struct claim *c)
{
    if (c->consumer_created && c->claimed == 0) stream_effect_consumer(ctx, c->key, c->group, c->consumer);
}

/* ---- XCLAIM */

static bool claim_number(struct ctx *ctx, int i, const char *error, int64_t *out)
{
    if (arg_i64(ctx, i, out) == ST_OK) return true;
    reply_error(ctx->reply, slice_cstr(error));
    return false;
}

/* Options from argument i on. */
static bool claim_options(struct ctx *ctx, int i, struct claim *c)
{
    int64_t delivered = -1;
    for (; i < ctx->argc; i++) {
        struct slice word = arg(ctx, i);
        bool valued = i + 1 < ctx->argc;
        if (slice_is(word, "force")) {
            c->force = true;
        } else if (slice_is(word, "justid")) {
            c->just_id = true;
        } else if (valued && slice_is(word, "idle")) {
            if (!claim_number(ctx, ++i, "ERR Invalid IDLE option argument for XCLAIM", &delivered)) return false;
            if (__builtin_sub_overflow((int64_t)ctx->now_ms, delivered, &delivered)) delivered = -1;
        } else if (valued && slice_is(word, "time")) {
            if (!claim_number(ctx, ++i, "ERR Invalid TIME option argument for XCLAIM", &delivered)) return false;
        } else if (valued && slice_is(word, "retrycount")) {
            if (!claim_number(ctx, ++i, "ERR Invalid RETRYCOUNT option argument for XCLAIM", &c->retry_count))
                return false;
        } else if (valued && slice_is(word, "lastid")) {
            if (!arg_stream_id(ctx, ++i, 0, &c->last_id)) return false;
            c->has_last_id = true;
        } else {
            reply_errorf(ctx->reply, "ERR Unrecognized XCLAIM option '%.*s'", word.len > 512 ? 512 : (int)word.len,
                         word.ptr);
            return false;
        }
    }
    /* Times to come would make an entry idle for less than nothing. */
    c->delivered_ms = delivered < 0 || delivered > (int64_t)ctx->now_ms ? ctx->now_ms : (uint64_t)delivered;
    return true;
}

/* LASTID moves the group forwards. A claim out of the log of a delivery (forced, of the very ID that the group came to)
 * is counted as one: the counter of entries read follows without being logged. */
static bool claim_last_id(struct claim *c, const struct stream_id *ids, int count)
{
    if (!c->has_last_id || !stream_id_less(stream_group_last_id(c->group), c->last_id)) return false;
    if (c->force && c->just_id && count == 1 && stream_id_eq(ids[0], c->last_id))
        stream_group_advance(c->stream, c->group, c->last_id);
    else
        stream_group_set(c->group, c->last_id, stream_group_entries_read(c->group));
    return true;
}

static void claim_one(struct ctx *ctx, struct claim *c, struct stream_id id)
{
    const struct stream_pending *p = stream_pending_find(c->group, id);
    if (!stream_has(c->stream, id)) {
        if (p != NULL) forget(ctx, c, id, p);
        return;
    }
    if (p == NULL ? !c->force : !is_idle(ctx, c, p)) return;
    take(ctx, c, id);
    reply_taken(ctx, c, id);
}

static int ids_count(const struct ctx *ctx, int first)
{
    struct stream_id id;
    int i = first;
    while (i < ctx->argc && stream_id_parse(arg(ctx, i), 0, false, &id)) i++;
    return i - first;
}

void cmd_xclaim(struct ctx *ctx)
{
    struct claim c = {.key = arg(ctx, 1), .retry_count = -1};
    struct stream_ids ids;
    c.group = stream_group_fetch(ctx, 1, 2, &c.stream);
    if (c.group == NULL) return;
    if (!claim_number(ctx, 4, "ERR Invalid min-idle-time argument for XCLAIM", &c.min_idle)) return;
    int count = ids_count(ctx, 5);
    if (!claim_options(ctx, 5 + count, &c) || !arg_stream_ids(ctx, 5, count, &ids)) return;
    bool moved = claim_last_id(&c, ids.ids, count);
    if (moved) data_changed(ctx);
    c.consumer = stream_consumer_fetch(ctx, c.key, c.group, arg(ctx, 3), &c.consumer_created);
    struct reply_mark mark = reply_defer(ctx->reply);
    for (int i = 0; i < count; i++) claim_one(ctx, &c, ids.ids[i]);
    reply_defer_array(ctx->reply, mark, c.claimed);
    claim_end(ctx, &c);
    if (moved && c.claimed == 0) stream_effect_group_id(ctx, c.key, c.group);
    stream_ids_free(&ids);
}

/* ---- XAUTOCLAIM */

enum { COUNT_DEFAULT = 100, ATTEMPTS_PER_COUNT = 10, COUNT_MAX_SHIFT = 4 };

static bool autoclaim_options(struct ctx *ctx, struct claim *c, int64_t *count)
{
    *count = COUNT_DEFAULT;
    for (int i = 6; i < ctx->argc; i++) {
        if (i + 1 < ctx->argc && slice_is(arg(ctx, i), "count")) {
            /* As many as can be multiplied by what is looked at for each. */
            if (arg_i64(ctx, ++i, count) != ST_OK || *count < 1 || *count > INT64_MAX >> COUNT_MAX_SHIFT) {
                reply_error(ctx->reply, SLICE("ERR COUNT must be > 0"));
                return false;
            }
        } else if (slice_is(arg(ctx, i), "justid")) {
            c->just_id = true;
        } else {
            reply_syntax(ctx);
            return false;
        }
    }
    return true;
}

struct id_list {
    struct stream_id *ids;
    size_t len, cap;
};

static void id_list_add(struct id_list *l, struct stream_id id)
{
    if (l->len == l->cap) {
        l->cap = l->cap == 0 ? 16 : 2 * l->cap;
        l->ids = mem_realloc(l->ids, l->cap * sizeof(*l->ids));
    }
    l->ids[l->len++] = id;
}

/* Goes through the pending entries from `start` on; where to go on comes back (0-0: through). */
static struct stream_id autoclaim(struct ctx *ctx, struct claim *c, struct stream_id start, int64_t count,
                                  struct id_list *taken, struct id_list *gone)
{
    struct stream_id id = start;
    struct stream_pending *p;
    int64_t attempts = count * ATTEMPTS_PER_COUNT;
    struct stream_pending_at at = stream_pending_from(c->group, NULL, start);
    for (; attempts > 0 && count > 0 && stream_pending_next(&at, &id, &p); attempts--) {
        if (!stream_has(c->stream, id)) {
            forget(ctx, c, id, p);
            id_list_add(gone, id);
            count--;
            at = stream_pending_from(c->group, NULL, id);
        } else if (is_idle(ctx, c, p)) {
            take(ctx, c, id); /* it is pending already: `at` stays valid */
            id_list_add(taken, id);
            count--;
        }
    }
    return stream_pending_next(&at, &id, &p) ? id : STREAM_ID_MIN;
}

void cmd_xautoclaim(struct ctx *ctx)
{
    struct claim c = {.key = arg(ctx, 1), .retry_count = -1, .delivered_ms = ctx->now_ms};
    struct stream_id start;
    struct id_list taken = {0}, gone = {0};
    int64_t count;
    if (!claim_number(ctx, 4, "ERR Invalid min-idle-time argument for XAUTOCLAIM", &c.min_idle)) return;
    if (!arg_stream_start(ctx, 5, &start) || !autoclaim_options(ctx, &c, &count)) return;
    c.group = stream_group_fetch(ctx, 1, 2, &c.stream);
    if (c.group == NULL) return;
    c.consumer = stream_consumer_fetch(ctx, c.key, c.group, arg(ctx, 3), &c.consumer_created);
    struct stream_id next = autoclaim(ctx, &c, start, count, &taken, &gone);
    claim_end(ctx, &c);
    reply_array(ctx->reply, 3);
    reply_stream_id(ctx->reply, next);
    reply_array(ctx->reply, (int64_t)taken.len);
    for (size_t i = 0; i < taken.len; i++) reply_taken(ctx, &c, taken.ids[i]);
    reply_array(ctx->reply, (int64_t)gone.len);
    for (size_t i = 0; i < gone.len; i++) reply_stream_id(ctx->reply, gone.ids[i]);
    mem_free(taken.ids);
    mem_free(gone.ids);
}
