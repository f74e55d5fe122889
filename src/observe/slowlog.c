/* The slow log: the last slow commands with their arguments, cut to a readable size; secrets are blanked. */
#include "base/mem.h"
#include "base/num.h"
#include "engine/config.h"
#include "observe/observe_impl.h"
#include "observe/server_cmds.h"

#include <stdio.h>

enum { SLOWLOG_GET_DEFAULT = 10, NOTE_MAX = 64 };

void slowlog_init(struct slowlog *log)
{
    list_init(&log->entries);
}

static void entry_free(struct slowlog_entry *entry)
{
    mem_free(entry->argv);
    mem_free(entry->client);
    mem_free(entry->client_name);
    mem_free(entry);
}

static void trim(struct slowlog *log, size_t max)
{
    while (log->count > max) {
        struct slowlog_entry *oldest = list_entry(log->entries.prev, struct slowlog_entry, link);
        list_remove(&oldest->link);
        entry_free(oldest);
        log->count--;
    }
}

void slowlog_clear(struct slowlog *log)
{
    trim(log, 0);
}

/* Is i one of the `count` arguments behind a word that stands at `from` or later? */
static bool is_behind(const struct ctx *ctx, int i, int from, struct slice word, int count)
{
    for (int at = from; at < i; at++)
        if (slice_eq_nocase(arg(ctx, at), word))
            return i <= at + count;
    return false;
}

/* Arguments that nobody shall read later: passwords, and values of directives that are secrets. */
static bool is_secret(const struct ctx *ctx, int i)
{
    struct slice command = slice_cstr(ctx->command->name);
    if (slice_is(command, "auth"))
        return i >= 1;
    if (slice_is(command, "hello"))
        return is_behind(ctx, i, 2, SLICE("auth"), 2);
    if (slice_is(command, "migrate"))
        return is_behind(ctx, i, 6, SLICE("auth"), 1) || is_behind(ctx, i, 6, SLICE("auth2"), 2);
    if (slice_is(command, "config|set"))
        return i >= 3 && i % 2 == 1 && config_item_sensitive(engine_config(ctx->engine), arg(ctx, i - 1));
    if (slice_is(command, "acl|setuser"))
        return i >= 2;
    return false;
}

/* Writes argument i as the log keeps it to at; returns its length, at most SLOWLOG_ARG_BYTES_MAX + NOTE_MAX. */
static size_t argument_write(const struct ctx *ctx, int i, char *at)
{
    struct slice text = is_secret(ctx, i) ? SLICE("(redacted)") : arg(ctx, i);
    if (text.len <= SLOWLOG_ARG_BYTES_MAX) {
        memcpy(at, text.ptr, text.len);
        return text.len;
    }
    memcpy(at, text.ptr, SLOWLOG_ARG_BYTES_MAX);
    int note = snprintf(at + SLOWLOG_ARG_BYTES_MAX, NOTE_MAX, "... (%zu more bytes)", text.len - SLOWLOG_ARG_BYTES_MAX);
    return SLOWLOG_ARG_BYTES_MAX + (size_t)note;
}

static void arguments_copy(struct slowlog_entry *entry, const struct ctx *ctx)
{
    int argc = ctx->argc > SLOWLOG_ARGS_MAX ? SLOWLOG_ARGS_MAX : ctx->argc;
    char text[SLOWLOG_ARGS_MAX * (SLOWLOG_ARG_BYTES_MAX + NOTE_MAX)];
    size_t lens[SLOWLOG_ARGS_MAX], len = 0;
    for (int i = 0; i < argc; i++) {
        if (i == SLOWLOG_ARGS_MAX - 1 && ctx->argc > SLOWLOG_ARGS_MAX)
            lens[i] = (size_t)snprintf(text + len, NOTE_MAX, "... (%d more arguments)", ctx->argc - i);
        else
            lens[i] = argument_write(ctx, i, text + len);
        len += lens[i];
    }
    entry->argc = argc;
    entry->argv = mem_alloc((size_t)argc * sizeof(struct slice) + len);
    char *at = (char *)(entry->argv + argc);
    memcpy(at, text, len);
    for (int i = 0; i < argc; at += lens[i], i++)
        entry->argv[i] = slice_of(at, lens[i]);
}

void slowlog_add(struct slowlog *log, size_t max, const struct ctx *ctx, uint64_t usec)
{
    if (max == 0) {
        trim(log, 0);
        return;
    }
    struct peer_info peer;
    session_describe(ctx->session, &peer);
    struct slowlog_entry *entry = mem_zalloc(sizeof(*entry));
    entry->id = log->next_id++;
    entry->usec = usec;
    entry->unix_s = engine_wall_us(ctx->engine) / 1000000;
    entry->client = mem_strdup(peer.addr);
    entry->client_name = mem_strdup(session_name(ctx->session));
    arguments_copy(entry, ctx);
    list_push_front(&log->entries, &entry->link);
    log->count++;
    trim(log, max);
}

/* --- commands --- */

void cmd_slowlog_get(struct ctx *ctx)
{
    const struct slowlog *log = &observe_of(ctx->engine)->slowlog;
    int64_t count = SLOWLOG_GET_DEFAULT;
    if (ctx->argc > 3) {
        reply_subcommand_syntax(ctx);
        return;
    }
    if (ctx->argc == 3 && (arg_i64(ctx, 2, &count) != ST_OK || count < -1)) {
        reply_error(ctx->reply, SLICE("ERR count should be greater than or equal to -1"));
        return;
    }
    if (count < 0 || (uint64_t)count > log->count)
        count = (int64_t)log->count;
    reply_array(ctx->reply, count);
    list_for(link, &log->entries) {
        if (count-- == 0)
            break;
        const struct slowlog_entry *entry = list_entry(link, struct slowlog_entry, link);
        reply_array(ctx->reply, 6);
        reply_int(ctx->reply, (int64_t)entry->id);
        reply_int(ctx->reply, (int64_t)entry->unix_s);
        reply_int(ctx->reply, (int64_t)entry->usec);
        reply_array(ctx->reply, entry->argc);
        for (int i = 0; i < entry->argc; i++)
            reply_bulk(ctx->reply, entry->argv[i]);
        reply_bulk_cstr(ctx->reply, entry->client);
        reply_bulk_cstr(ctx->reply, entry->client_name);
    }
}

void cmd_slowlog_len(struct ctx *ctx)
{
    reply_int(ctx->reply, (int64_t)observe_of(ctx->engine)->slowlog.count);
}

void cmd_slowlog_reset(struct ctx *ctx)
{
    slowlog_clear(&observe_of(ctx->engine)->slowlog);
    reply_ok(ctx->reply);
}

void cmd_slowlog_help(struct ctx *ctx)
{
    static const char *const lines[] = {
        "GET [<count>]",
        "    The newest <count> entries (10 when not given, all for -1), newest first. Each is an array:",
        "    id, Unix time, microseconds, arguments, address of the client, name of the client.",
        "LEN",
        "    Number of entries.",
        "RESET",
        "    Removes all entries.",
        NULL};
    reply_help(ctx, lines);
}
