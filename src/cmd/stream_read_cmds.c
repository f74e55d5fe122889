/* XREAD and XREADGROUP: what came behind an ID, of several streams at once, now or as soon as something comes.
 *
 * A command that waits is kept with its IDs as they were when it came ("$" and "+" resolved), and simply tried again
 * when one of its keys changed. A group's reader also wakes, with an error, when the key or the group goes. */
#include "cmd/stream_cmds.h"

#include "base/mem.h"
#include "cmd/stream_impl.h"
#include "engine/blocking.h"

enum { SOURCES_FEW = 8 };

struct source {
    struct store_key key;
    struct record *stream; /* NULL: there is none */
    struct stream_group *group;
    struct stream_consumer *consumer;
    struct stream_id after;
    bool is_new; /* ">": what the group has not been given yet */
    bool is_frozen; /* the ID stands for another text ("$", "+") */
    bool consumer_created;
};

struct reading {
    int64_t count; /* 0: all */
    bool is_group, is_blocking, no_ack;
    uint64_t timeout_ms;
    int group_arg, keys_arg, sources_count;
    struct source *sources, few[SOURCES_FEW];
};

static bool fail(struct ctx *ctx, const char *message)
{
    reply_error(ctx->reply, slice_cstr(message));
    return false;
}

static bool status_fail(struct ctx *ctx, enum status st)
{
    reply_status(ctx->reply, st);
    return false;
}

/* ---- options */

static bool timeout_parse(struct ctx *ctx, int i, struct reading *a)
{
    int64_t ms, end;
    if (arg_i64(ctx, i, &ms) != ST_OK) return status_fail(ctx, ST_NOT_INTEGER_TIMEOUT);
    if (ms < 0) return status_fail(ctx, ST_TIMEOUT_NEGATIVE);
    if (!i64_add(ms, (int64_t)ctx->now_ms, &end)) return status_fail(ctx, ST_TIMEOUT_RANGE);
    a->timeout_ms = (uint64_t)ms;
    a->is_blocking = true;
    return true;
}

static bool keys_parse(struct ctx *ctx, int i, struct reading *a)
{
    int words = ctx->argc - i - 1;
    a->keys_arg = i + 1;
    a->sources_count = words / 2;
    if (words % 2 == 0) return true;
    return fail(ctx, "ERR Unbalanced XREAD list of streams: for each stream key an ID or '$' must be specified.");
}

static bool options_parse(struct ctx *ctx, struct reading *a)
{
    for (int i = 1; i < ctx->argc && a->keys_arg == 0; i++) {
        struct slice word = arg(ctx, i);
        int more = ctx->argc - i - 1;
        if (more > 0 && slice_is(word, "block")) {
            if (!timeout_parse(ctx, ++i, a)) return false;
        } else if (more > 0 && slice_is(word, "count")) {
            enum status st = arg_i64(ctx, ++i, &a->count);
            if (st != ST_OK) return status_fail(ctx, st);
            if (a->count < 0) a->count = 0;
        } else if (more > 0 && slice_is(word, "streams")) {
            if (!keys_parse(ctx, i, a)) return false;
        } else if (more > 1 && slice_is(word, "group")) {
            if (!a->is_group)
                return fail(ctx, "ERR The GROUP option is only supported by XREADGROUP. You called XREAD instead.");
            a->group_arg = i + 1;
            i += 2;
        } else if (slice_is(word, "noack")) {
            if (!a->is_group)
                return fail(ctx, "ERR The NOACK option is only supported by XREADGROUP. You called XREAD instead.");
            a->no_ack = true;
        } else {
            return status_fail(ctx, ST_SYNTAX);
        }
    }
    if (a->keys_arg == 0) return status_fail(ctx, ST_SYNTAX);
    if (a->is_group && a->group_arg == 0) return fail(ctx, "ERR Missing GROUP option for XREADGROUP");
    return true;
}

/* ---- sources */

static const char stream_gone[] = "UNBLOCKED the stream key no longer exists";

static bool group_find(struct ctx *ctx, const struct reading *a, struct source *s, bool is_woken)
{
    struct slice name = arg(ctx, a->group_arg);
    s->group = s->stream == NULL ? NULL : stream_group_find(s->stream, name);
    if (s->group != NULL) return true;
    if (is_woken)
        return fail(ctx, s->stream == NULL
                             ? stream_gone
                             : "NOGROUP the consumer group this client was blocked on no longer exists");
    reply_errorf(ctx->reply, "NOGROUP No such key '%.*s' or consumer group '%.*s' in XREADGROUP with GROUP option",
                 (int)s->key.name.len, s->key.name.ptr, (int)name.len, name.ptr);
    return false;
}

/* "+" of XREAD: so that the last entry is what comes behind it. */
static struct stream_id before_last(const struct record *stream)
{
    struct stream_id id = STREAM_ID_MIN;
    if (stream == NULL) return id;
    if (stream_len(stream) == 0) return stream_last_id(stream);
    id = stream_top_id(stream);
    (void)stream_id_decrement(&id);
    return id;
}

static bool source_id_parse(struct ctx *ctx, const struct reading *a, int i, struct source *s)
{
    struct slice text = arg(ctx, i);
    char special = text.len == 1 ? text.ptr[0] : '\0';
    if (special == '$') {
        if (a->is_group)
            return fail(ctx, "ERR The $ ID is meaningless in the context of XREADGROUP: you want to read the history "
                             "of this consumer by specifying a proper ID, or use the > ID to get new messages. The $ "
                             "ID would just return an empty result set.");
        s->after = s->stream == NULL ? STREAM_ID_MIN : stream_last_id(s->stream);
        s->is_frozen = true;
        return true;
    }
    if (special == '>') {
        if (!a->is_group)
            return fail(ctx, "ERR The > ID can be specified only when calling XREADGROUP using the GROUP <group> "
                             "<consumer> option.");
        s->is_new = true;
        return true;
    }
    if (special == '+' && !a->is_group) {
        s->after = before_last(s->stream);
        s->is_frozen = true;
        return true;
    }
    if (!arg_stream_id(ctx, i, 0, &s->after)) return false;
    s->is_new = a->is_group && stream_id_eq(s->after, STREAM_ID_MAX); /* nobody has a history behind it */
    return true;
}

static bool sources_find(struct ctx *ctx, struct reading *a, bool is_woken)
{
    for (int i = 0; i < a->sources_count; i++) {
        struct source *s = &a->sources[i];
        *s = (struct source){.key = ctx_key(ctx, a->keys_arg + i)};
        enum status st = ctx_find_type(ctx, s->key, FOR_READ, TYPE_STREAM, &s->stream);
        if (st != ST_OK) {
            if (!is_woken) return status_fail(ctx, st);
            s->stream = NULL; /* a reader without group waits for a stream to come back */
        }
        if (a->is_group && !group_find(ctx, a, s, is_woken)) return false;
        if (!source_id_parse(ctx, a, a->keys_arg + a->sources_count + i, s)) return false;
    }
    return true;
}

static bool reading_init(struct ctx *ctx, struct reading *a, bool is_group, bool is_woken)
{
    memset(a, 0, offsetof(struct reading, few));
    a->is_group = is_group;
    a->sources = a->few;
    if (!options_parse(ctx, a)) return false;
    if (a->sources_count > SOURCES_FEW) a->sources = mem_alloc((size_t)a->sources_count * sizeof(*a->sources));
    return sources_find(ctx, a, is_woken);
}

static void reading_deinit(struct reading *a)
{
    if (a->sources != a->few) mem_free(a->sources);
}

/* ---- reading */

struct answer {
    struct reply_mark mark;
    int64_t streams;
};

static void answer_stream(struct ctx *ctx, struct answer *answer, struct slice key)
{
    if (answer->streams++ == 0) answer->mark = reply_defer(ctx->reply);
    if (ctx->reply->protocol == 2) reply_array(ctx->reply, 2);
    reply_bulk(ctx->reply, key);
}

/* The group's consumer was given an entry. */
static void deliver(struct ctx *ctx, const struct reading *a, struct source *s, struct stream_id id)
{
    stream_group_advance(s->stream, s->group, id);
    if (a->no_ack) return;
    struct stream_pending *p = stream_pending_give(s->group, id, s->consumer);
    p->delivered_ms = ctx->now_ms;
    p->deliveries = 1;
    if (effects_wanted(ctx)) stream_effect_claim(ctx, s->key.name, s->group, id, p);
}

static void read_entries(struct ctx *ctx, const struct reading *a, struct source *s, struct answer *answer)
{
    struct stream_reader it;
    struct stream_id start = s->is_new ? stream_group_last_id(s->group) : s->after, id;
    size_t pairs;
    int64_t n = 0;
    if (s->stream == NULL || stream_len(s->stream) == 0 || !stream_id_less(start, stream_last_id(s->stream))) return;
    (void)stream_id_increment(&start);
    if (s->group != NULL)
        stream_reader_init_news(&it, s->stream, s->group);
    else
        stream_reader_init(&it, s->stream, start, STREAM_ID_MAX, false);
    if (!stream_reader_next(&it, &id, &pairs)) return;
    answer_stream(ctx, answer, s->key.name);
    struct reply_mark mark = reply_defer(ctx->reply);
    do {
        if (s->group != NULL) {
            deliver(ctx, a, s, id);
            stream_reader_remember(&it, s->group);
        }
        reply_stream_entry(ctx->reply, &it, id, pairs);
        n++;
    } while ((a->count == 0 || n < a->count) && stream_reader_next(&it, &id, &pairs));
    reply_defer_array(ctx->reply, mark, n);
    if (s->group == NULL) return;
    stream_consumer_active(s->consumer, (int64_t)ctx->now_ms);
    if (a->no_ack) stream_effect_group_id(ctx, s->key.name, s->group);
    data_changed(ctx);
}

/* What the consumer was given and did not acknowledge. */
static void read_history(struct ctx *ctx, const struct reading *a, struct source *s, struct answer *answer)
{
    struct stream_id start = s->after, id;
    struct stream_pending *p;
    int64_t n = 0;
    answer_stream(ctx, answer, s->key.name);
    struct reply_mark mark = reply_defer(ctx->reply);
    if (stream_id_increment(&start)) {
        struct stream_pending_at at = stream_pending_from(s->group, s->consumer, start);
        for (; (a->count == 0 || n < a->count) && stream_pending_next(&at, &id, &p); n++) {
            struct stream_reader it;
            size_t pairs;
            stream_reader_init(&it, s->stream, id, id, false);
            if (stream_reader_next(&it, &id, &pairs)) {
                reply_stream_entry(ctx->reply, &it, id, pairs);
                p->delivered_ms = ctx->now_ms;
                p->deliveries++;
            } else { /* deleted meanwhile */
                reply_array(ctx->reply, 2);
                reply_stream_id(ctx->reply, id);
                reply_null_array(ctx->reply);
            }
        }
    }
    reply_defer_array(ctx->reply, mark, n);
    if (n > 0) stream_consumer_active(s->consumer, (int64_t)ctx->now_ms);
}

static void read_source(struct ctx *ctx, const struct reading *a, struct source *s, struct answer *answer)
{
    int64_t before = answer->streams;
    if (s->group == NULL) {
        read_entries(ctx, a, s, answer);
        return;
    }
    s->consumer = stream_consumer_fetch(ctx, s->key.name, s->group, arg(ctx, a->group_arg + 1), &s->consumer_created);
    if (s->consumer_created && a->no_ack) stream_effect_consumer(ctx, s->key.name, s->group, s->consumer);
    if (s->is_new)
        read_entries(ctx, a, s, answer);
    else
        read_history(ctx, a, s, answer);
    if (s->consumer_created && !a->no_ack && (answer->streams == before || !s->is_new))
        stream_effect_consumer(ctx, s->key.name, s->group, s->consumer); /* no claim tells it */
}

/* False: there is nothing, and no reply. */
static bool read_sources(struct ctx *ctx, const struct reading *a)
{
    struct answer answer = {0};
    for (int i = 0; i < a->sources_count; i++) read_source(ctx, a, &a->sources[i], &answer);
    if (answer.streams == 0) return false;
    if (ctx->reply->protocol == 2)
        reply_defer_array(ctx->reply, answer.mark, answer.streams);
    else
        reply_defer_map(ctx->reply, answer.mark, answer.streams);
    return true;
}

/* ---- waiting */

/* Asked first: trying to read leaves traces (the consumer was seen). */
static bool has_news(const struct reading *a)
{
    for (int i = 0; i < a->sources_count; i++) {
        const struct source *s = &a->sources[i];
        if (s->stream == NULL) continue;
        struct stream_id after = s->is_new ? stream_group_last_id(s->group) : s->after;
        if (stream_id_less(after, stream_top_id(s->stream))) return true;
    }
    return false;
}

static bool serve(struct ctx *ctx, bool is_group)
{
    struct reading a;
    bool served = !reading_init(ctx, &a, is_group, true) || (has_news(&a) && read_sources(ctx, &a));
    reading_deinit(&a);
    return served;
}

/* All keys are looked at, as if the command came now, and not only the one that changed. */
static bool serve_reader(struct ctx *ctx, struct store_key key)
{
    (void)key;
    return serve(ctx, false);
}

static bool serve_group_reader(struct ctx *ctx, struct store_key key)
{
    (void)key;
    return serve(ctx, true);
}

static void timed_out(struct ctx *ctx)
{
    reply_null_array(ctx->reply);
}

static const struct blocking_kind xread_kind = {serve_reader, timed_out, false};
static const struct blocking_kind xreadgroup_kind = {serve_group_reader, timed_out, true};

static void wait_for_keys(struct ctx *ctx, const struct reading *a)
{
    const struct slice *argv = ctx->argv;
    struct slice *frozen = mem_alloc((size_t)ctx->argc * sizeof(*frozen));
    char(*texts)[STREAM_ID_TEXT_MAX] = mem_alloc((size_t)a->sources_count * sizeof(*texts));
    int *keys = mem_alloc((size_t)a->sources_count * sizeof(*keys));
    memcpy(frozen, argv, (size_t)ctx->argc * sizeof(*frozen));
    for (int i = 0; i < a->sources_count; i++) {
        keys[i] = a->keys_arg + i;
        if (a->sources[i].is_frozen)
            frozen[keys[i] + a->sources_count] = stream_id_text(texts[i], a->sources[i].after);
    }
    ctx->argv = frozen; /* copied by ctx_block */
    ctx_block(ctx, a->is_group ? &xreadgroup_kind : &xread_kind, keys, a->sources_count, a->timeout_ms);
    ctx->argv = argv;
    mem_free(keys);
    mem_free(texts);
    mem_free(frozen);
}

static void read_now_or_wait(struct ctx *ctx, bool is_group)
{
    struct reading a;
    if (reading_init(ctx, &a, is_group, false) && !read_sources(ctx, &a)) {
        if (a.is_blocking && ctx_may_block(ctx))
            wait_for_keys(ctx, &a);
        else
            reply_null_array(ctx->reply);
    }
    reading_deinit(&a);
}

void cmd_xread(struct ctx *ctx)
{
    read_now_or_wait(ctx, false);
}

void cmd_xreadgroup(struct ctx *ctx)
{
    read_now_or_wait(ctx, true);
}
