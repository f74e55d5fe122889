/* DEBUG: aids for tests. A table of subcommands; each knows how many arguments it takes. */
#include "base/glob.h"
#include "base/mem.h"
#include "base/num.h"
#include "base/prng.h"
#include "engine/config.h"
#include "observe/observe_impl.h"
#include "observe/server_cmds.h"
#include "value/string.h"

#include <stdio.h>

static struct observe *state_of(struct ctx *ctx)
{
    return observe_of(ctx->engine);
}

static bool is_on(struct slice text)
{
    int64_t v;
    return slice_to_i64(text, &v) == ST_OK && v != 0;
}

/* --- time and the process --- */

static void debug_sleep(struct ctx *ctx)
{
    const struct engine_host *host = engine_host(ctx->engine);
    double seconds;
    if (slice_to_double(arg(ctx, 2), &seconds) == ST_OK && seconds > 0 && seconds < 1e9 && host->sleep_us != NULL)
        host->sleep_us(host->arg, (uint64_t)(seconds * 1e6));
    reply_ok(ctx->reply);
}

static void debug_log(struct ctx *ctx)
{
    log_warning(engine_log(ctx->engine), "DEBUG LOG: %.*s", (int)arg(ctx, 2).len, arg(ctx, 2).ptr);
    reply_ok(ctx->reply);
}

static void crash(struct ctx *ctx, const char *kind)
{
    const struct engine_host *host = engine_host(ctx->engine);
    if (host->crash == NULL)
        reply_error(ctx->reply, SLICE("ERR this server cannot crash on demand"));
    else
        host->crash(host->arg, kind);
}

static void debug_segfault(struct ctx *ctx)
{
    crash(ctx, "segfault");
}

static void debug_assert(struct ctx *ctx)
{
    crash(ctx, "assert");
}

static void debug_panic(struct ctx *ctx)
{
    crash(ctx, "panic");
}

static void debug_oom(struct ctx *ctx)
{
    crash(ctx, "oom");
}

static void debug_set_active_expire(struct ctx *ctx)
{
    engine_set_active_expire(ctx->engine, is_on(arg(ctx, 2)));
    reply_ok(ctx->reply);
}

static void debug_pause_cron(struct ctx *ctx)
{
    engine_set_cron_paused(ctx->engine, is_on(arg(ctx, 2)));
    reply_ok(ctx->reply);
}

static void debug_set_disable_deny_scripts(struct ctx *ctx)
{
    state_of(ctx)->scripts_may_all = is_on(arg(ctx, 2));
    reply_ok(ctx->reply);
}

static void debug_change_repl_id(struct ctx *ctx)
{
    prng_hex(engine_prng(ctx->engine), state_of(ctx)->replication_id, 40);
    reply_ok(ctx->reply);
}

static void debug_config_rewrite_force_all(struct ctx *ctx)
{
    const struct engine_host *host = engine_host(ctx->engine);
    struct buf err = BUF_INIT;
    if (host->config_rewrite == NULL || config_file_path(engine_config(ctx->engine))[0] == '\0')
        reply_error(ctx->reply,
                    SLICE("ERR CONFIG-REWRITE-FORCE-ALL failed: The server is running without a config file"));
    else if (host->config_rewrite(host->arg, true, &err))
        reply_ok(ctx->reply);
    else
        reply_errorf(ctx->reply, "ERR CONFIG-REWRITE-FORCE-ALL failed: %s", buf_cstr(&err));
    buf_deinit(&err);
}

/* --- data --- */

static void reply_hex(struct ctx *ctx, const unsigned char digest[DIGEST_SIZE])
{
    char text[2 * DIGEST_SIZE + 1];
    for (int i = 0; i < DIGEST_SIZE; i++)
        snprintf(text + 2 * i, 3, "%02x", digest[i]);
    reply_simple(ctx->reply, slice_of(text, 2 * DIGEST_SIZE));
}

static void debug_digest(struct ctx *ctx)
{
    unsigned char digest[DIGEST_SIZE];
    digest_all(ctx->store, digest);
    reply_hex(ctx, digest);
}

static void debug_digest_value(struct ctx *ctx)
{
    reply_array(ctx->reply, ctx->argc - 2);
    for (int i = 2; i < ctx->argc; i++) {
        unsigned char digest[DIGEST_SIZE] = {0};
        const struct record *r = ctx_find(ctx, ctx_key(ctx, i), FOR_PEEK);
        if (r != NULL)
            digest_value(r, digest);
        reply_hex(ctx, digest);
    }
}

static void debug_object(struct ctx *ctx)
{
    const struct record *r = ctx_find(ctx, ctx_key(ctx, 2), FOR_PEEK);
    if (r == NULL) {
        reply_status(ctx->reply, ST_NO_SUCH_KEY);
        return;
    }
    char text[256];
    int len = snprintf(text, sizeof(text),
                       "Value at:%p refcount:1 encoding:%s serializedlength:%zu lru:%u lru_seconds_idle:%llu",
                       (const void *)r, record_encoding_name(r), debug_serialized_len(r), record_clock(r),
                       (unsigned long long)engine_clock_idle_s(ctx->engine, record_clock(r)));
    reply_simple(ctx->reply, slice_of(text, (size_t)len));
}

static bool populate_one(struct ctx *ctx, struct slice prefix, int64_t i, char *padded, int64_t size, struct buf *name)
{
    char value[32];
    int len = snprintf(value, sizeof(value), "value:%lld", (long long)i);
    buf_clear(name);
    buf_append_slice(name, prefix);
    buf_appendf(name, ":%lld", (long long)i);
    struct store_key key = ctx_key_of(ctx, buf_slice(name));
    if (ctx_find(ctx, key, FOR_PEEK) != NULL)
        return true;
    struct slice text = slice_of(value, (size_t)len);
    if (padded != NULL) {
        memcpy(padded, value, (size_t)(size < len ? size : len));
        text = slice_of(padded, (size_t)size);
    }
    struct record *r = string_new(key.name, text);
    if (r == NULL)
        return false;
    ctx_insert(ctx, key, r);
    key_changed(ctx, key.name, (enum event_class)0, "set"); /* watchers only: listeners are not told, as in Redis */
    return true;
}

/* DEBUG POPULATE count [prefix] [size]: prefix:0, prefix:1, ... hold value:0, value:1, ..., cut or padded with zero
 * bytes to size. Keys that exist are left alone; nothing of it is logged. */
static void debug_populate(struct ctx *ctx)
{
    int64_t count, size = 0;
    struct slice prefix = ctx->argc > 3 ? arg(ctx, 3) : SLICE("key");
    if (arg_i64(ctx, 2, &count) != ST_OK || count < 0 ||
        (ctx->argc > 4 && (arg_i64(ctx, 4, &size) != ST_OK || size < 0))) {
        reply_status(ctx->reply, ST_RANGE_POSITIVE);
        return;
    }
    if (size > *state_of(ctx)->bulk_max) {
        reply_status(ctx->reply, ST_STRING_TOO_LONG);
        return;
    }
    char *padded = NULL;
    if (size > 0) {
        int64_t len = size < 32 ? 32 : size;
        padded = mem_try_alloc((size_t)len);
        if (padded == NULL) {
            reply_status(ctx->reply, ST_NO_MEMORY);
            return;
        }
        memset(padded, 0, (size_t)len);
    }
    struct engine_stats *stats = engine_stats(ctx->engine);
    uint64_t dirty = stats->dirty;
    struct buf name = BUF_INIT;
    bool ok = true;
    store_reserve(ctx->store, ctx->db, store_len(ctx->store, ctx->db) + (count < (1 << 24) ? (size_t)count : 1 << 24));
    for (int64_t i = 0; i < count && ok; i++)
        ok = populate_one(ctx, prefix, i, padded, size, &name);
    stats->dirty = dirty;
    effect_none(ctx);
    mem_free(padded);
    buf_deinit(&name);
    reply_status(ctx->reply, ok ? ST_OK : ST_NO_MEMORY);
}

static void table_text(struct buf *out, const char *title, size_t slots, size_t len, const struct store_stats *stats)
{
    buf_appendf(out, "[%s]\n", title);
    buf_append_slice(out, SLICE("Hash table 0 stats (main hash table):\n"));
    if (len == 0) {
        buf_append_slice(out, SLICE("No stats available for empty dictionaries\n"));
        return;
    }
    buf_appendf(out, " table size: %zu\n number of elements: %zu\n", slots, len);
    if (stats != NULL)
        buf_appendf(out, " buckets: %zu\n max chain length: %zu\n bytes: %zu\n", stats->buckets, stats->longest_chain,
                    stats->table_bytes);
}

static void debug_htstats(struct ctx *ctx)
{
    int64_t db;
    if (arg_i64(ctx, 2, &db) != ST_OK) {
        reply_status(ctx->reply, ST_NOT_INT);
        return;
    }
    if (db < 0 || db >= store_databases(ctx->store)) {
        reply_error(ctx->reply, SLICE("ERR Out of range database"));
        return;
    }
    struct store_stats stats;
    struct buf out = BUF_INIT;
    store_stats(ctx->store, (int)db, &stats);
    table_text(&out, "Dictionary HT", stats.slots, store_len(ctx->store, (int)db), &stats);
    table_text(&out, "Expires HT", stats.index_entries, store_volatile_len(ctx->store, (int)db), NULL);
    reply_verbatim(ctx->reply, "txt", buf_slice(&out));
    buf_deinit(&out);
}

static void debug_htstats_key(struct ctx *ctx)
{
    if (ctx_find(ctx, ctx_key(ctx, 2), FOR_PEEK) == NULL)
        reply_status(ctx->reply, ST_NO_SUCH_KEY);
    else
        reply_error(ctx->reply,
                    SLICE("ERR The value stored at the specified key is not represented using an hash table"));
}

enum { STRINGMATCH_MAX = 64 * 1024 * 1024 };

/* DEBUG STRINGMATCH-LEN len pattern: does the pattern match len times the letter a? */
static void debug_stringmatch_len(struct ctx *ctx)
{
    int64_t len;
    if (arg_i64(ctx, 2, &len) != ST_OK || len < 0 || len > STRINGMATCH_MAX) {
        reply_status(ctx->reply, ST_RANGE_POSITIVE);
        return;
    }
    char *text = mem_alloc((size_t)len);
    memset(text, 'a', (size_t)len);
    reply_int(ctx->reply, glob_match(arg(ctx, 3), slice_of(text, (size_t)len), false));
    mem_free(text);
}

/* --- replies --- */

static void debug_error(struct ctx *ctx)
{
    reply_error(ctx->reply, arg(ctx, 2));
}

static void protocol_numbers(struct reply *reply)
{
    for (int i = 0; i < 3; i++)
        reply_int(reply, i);
}

static void protocol_string(struct reply *reply)
{
    reply_bulk_cstr(reply, "Hello World");
}

static void protocol_integer(struct reply *reply)
{
    reply_int(reply, 12345);
}

static void protocol_double(struct reply *reply)
{
    reply_double(reply, 3.141);
}

static void protocol_null(struct reply *reply)
{
    reply_null(reply);
}

static void protocol_array(struct reply *reply)
{
    reply_array(reply, 3);
    protocol_numbers(reply);
}

static void protocol_set(struct reply *reply)
{
    reply_set(reply, 3);
    protocol_numbers(reply);
}

static void protocol_map(struct reply *reply)
{
    reply_map(reply, 3);
    for (int i = 0; i < 3; i++) {
        reply_int(reply, i);
        reply_bool(reply, i == 1);
    }
}

static void protocol_attrib(struct reply *reply)
{
    if (reply->protocol >= 3) {
        reply_attribute(reply, 1);
        reply_bulk_cstr(reply, "key-popularity");
        reply_array(reply, 2);
        reply_bulk_cstr(reply, "key:123");
        reply_int(reply, 90);
    }
    reply_bulk_cstr(reply, "Some real reply following the attribute");
}

static void protocol_push(struct reply *reply)
{
    if (reply->protocol < 3) {
        reply_error(reply, SLICE("ERR RESP2 is not supported by this command"));
        return;
    }
    reply_push(reply, 2);
    reply_bulk_cstr(reply, "server-cpu-usage");
    reply_int(reply, 42);
    reply_bulk_cstr(reply, "Some real reply following the push reply");
}

static void protocol_verbatim(struct reply *reply)
{
    reply_verbatim(reply, "txt", SLICE("This is a verbatim\nstring"));
}

static void protocol_true(struct reply *reply)
{
    reply_bool(reply, true);
}

static void protocol_false(struct reply *reply)
{
    reply_bool(reply, false);
}

static void protocol_bignum(struct reply *reply)
{
    reply_big_number(reply, SLICE("1234567999999999999999999999999999999"));
}

static void debug_protocol(struct ctx *ctx)
{
    static const struct {
        const char *name;
        void (*write)(struct reply *reply);
    } kinds[] = {
        {"string", protocol_string}, {"integer", protocol_integer},   {"double", protocol_double},
        {"bignum", protocol_bignum}, {"null", protocol_null},         {"array", protocol_array},
        {"set", protocol_set},       {"map", protocol_map},           {"attrib", protocol_attrib},
        {"push", protocol_push},     {"verbatim", protocol_verbatim}, {"true", protocol_true},
        {"false", protocol_false},
    };
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
        if (slice_eq_nocase(arg(ctx, 2), slice_cstr(kinds[i].name))) {
            kinds[i].write(ctx->reply);
            return;
        }
    reply_error(ctx->reply, SLICE("ERR Wrong protocol type name. Please use one of the following: "
                                  "string|integer|double|bignum|null|array|set|map|attrib|push|verbatim|true|false"));
}

/* --- what does nothing here, but is accepted --- */

static void debug_quicklist_packed_threshold(struct ctx *ctx)
{
    uint64_t bytes;
    if (slice_to_bytes(arg(ctx, 2), &bytes) != ST_OK || bytes > UINT32_MAX)
        reply_error(ctx->reply, SLICE("ERR argument must be a memory value bigger than 1 and smaller than 4gb"));
    else
        reply_ok(ctx->reply);
}

static void debug_replybuffer(struct ctx *ctx)
{
    if (slice_is(arg(ctx, 2), "peak-reset-time") || slice_is(arg(ctx, 2), "resizing"))
        reply_ok(ctx->reply);
    else
        reply_subcommand_syntax(ctx);
}

/* --- DEBUG EFFECTS: what the log would get --- */

static void effects_commit(void *arg, const struct effect_batch *batch)
{
    struct observe *o = arg;
    if (o->recorded.len + batch->wire.len <= EFFECTS_KEPT_MAX)
        buf_append_slice(&o->recorded, batch->wire);
}

void effects_record_stop(struct observe *o)
{
    if (o->recording)
        engine_sink_remove(o->engine, &o->recorder);
    o->recording = false;
}

static void debug_effects(struct ctx *ctx)
{
    struct observe *o = state_of(ctx);
    struct slice what = arg(ctx, 2);
    if (slice_is(what, "start") && !o->recording) {
        o->recorder = (struct effect_sink){.name = "debug", .arg = o, .commit = effects_commit};
        buf_clear(&o->recorded);
        engine_sink_add(ctx->engine, &o->recorder);
        o->recording = true;
        reply_ok(ctx->reply);
    } else if (slice_is(what, "start")) {
        buf_clear(&o->recorded);
        reply_ok(ctx->reply);
    } else if (slice_is(what, "stop")) {
        effects_record_stop(o);
        buf_deinit(&o->recorded);
        reply_ok(ctx->reply);
    } else if (slice_is(what, "read")) {
        reply_bulk(ctx->reply, buf_slice(&o->recorded));
        buf_clear(&o->recorded);
    } else {
        reply_subcommand_syntax(ctx);
    }
}

/* --- the table --- */

static void debug_help(struct ctx *ctx)
{
    static const char *const lines[] = {
        "ASSERT | OOM | PANIC | SEGFAULT",
        "    Crashes the server in the way named.",
        "CHANGE-REPL-ID",
        "    Makes a new replication id.",
        "CONFIG-REWRITE-FORCE-ALL",
        "    CONFIG REWRITE that writes every directive.",
        "DIGEST",
        "    A fingerprint of all data.",
        "DIGEST-VALUE <key> [<key> ...]",
        "    Fingerprints of values.",
        "EFFECTS START|STOP|READ",
        "    Records what the log of effects gets. READ returns the bytes and forgets them.",
        "ERROR <text>",
        "    Replies with an error.",
        "HTSTATS <db>",
        "    Statistics of a database's table.",
        "HTSTATS-KEY <key>",
        "    The same of a value's table.",
        "LOG <text>",
        "    Writes a line to the log.",
        "OBJECT <key>",
        "    Address, encoding and clock of a value.",
        "PAUSE-CRON <0|1>",
        "    Stops the periodic work.",
        "POPULATE <count> [<prefix>] [<size>]",
        "    Makes <count> keys that are not logged.",
        "PROTOCOL <type>",
        "    Replies with a value of a type: string, integer, double, bignum, null, array, set, map, attrib, push,",
        "    verbatim, true, false.",
        "QUICKLIST-PACKED-THRESHOLD <size> | REPLYBUFFER <option> <value>",
        "    Accepted, without effect.",
        "RELOAD [MERGE] [NOFLUSH] [NOSAVE]",
        "    Saves the data and loads it again. MERGE: keys that are there are replaced. NOFLUSH: the data stays.",
        "    NOSAVE: the file is loaded as it is.",
        "SET-ACTIVE-EXPIRE <0|1>",
        "    Turns the removal of expired keys in the background off and on.",
        "SET-DISABLE-DENY-SCRIPTS <0|1>",
        "    Lets scripts run every command.",
        "SET-SKIP-CHECKSUM-VALIDATION <0|1>",
        "    RESTORE and the loader do not look at checksums.",
        "SLEEP <seconds>",
        "    Stalls the server.",
        "STRINGMATCH-LEN <length> <pattern>",
        "    Matches a pattern with a run of the letter a.",
        NULL};
    reply_help(ctx, lines);
}

/* What other features add. */
static bool debug_of_others(struct ctx *ctx)
{
    void *state;
    const struct feature *f;
    for (int i = 0; (f = engine_feature(ctx->engine, i, &state)) != NULL; i++)
        if (f->debug != NULL && f->debug(ctx, state))
            return true;
    return false;
}

/* argc: with DEBUG itself and the subcommand; max 0: no limit */
static const struct subcommand {
    const char *name;
    int argc_min, argc_max;
    void (*run)(struct ctx *ctx);
} subcommands[] = {
    {"help", 2, 2, debug_help},
    {"assert", 2, 0, debug_assert},
    {"change-repl-id", 2, 2, debug_change_repl_id},
    {"config-rewrite-force-all", 2, 2, debug_config_rewrite_force_all},
    {"digest", 2, 2, debug_digest},
    {"digest-value", 2, 0, debug_digest_value},
    {"effects", 3, 3, debug_effects},
    {"error", 3, 3, debug_error},
    {"htstats", 3, 4, debug_htstats},
    {"htstats-key", 3, 4, debug_htstats_key},
    {"log", 3, 3, debug_log},
    {"object", 3, 3, debug_object},
    {"oom", 2, 0, debug_oom},
    {"panic", 2, 0, debug_panic},
    {"pause-cron", 3, 3, debug_pause_cron},
    {"populate", 3, 5, debug_populate},
    {"protocol", 3, 3, debug_protocol},
    {"quicklist-packed-threshold", 3, 3, debug_quicklist_packed_threshold},
    {"replybuffer", 4, 4, debug_replybuffer},
    {"segfault", 2, 0, debug_segfault},
    {"set-active-expire", 3, 3, debug_set_active_expire},
    {"set-disable-deny-scripts", 3, 3, debug_set_disable_deny_scripts},
    {"sleep", 3, 3, debug_sleep},
    {"stringmatch-len", 4, 4, debug_stringmatch_len},
};

void cmd_debug(struct ctx *ctx)
{
    for (size_t i = 0; i < ARRAY_LEN(subcommands); i++) {
        const struct subcommand *sub = &subcommands[i];
        if (!slice_eq_nocase(arg(ctx, 1), slice_cstr(sub->name)))
            continue;
        if (ctx->argc < sub->argc_min || (sub->argc_max > 0 && ctx->argc > sub->argc_max))
            break;
        sub->run(ctx);
        return;
    }
    if (!debug_of_others(ctx))
        reply_subcommand_syntax(ctx);
}
