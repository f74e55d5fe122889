/* DUMP and RESTORE: one value as a payload that other servers of the family read.
 *
 *   type byte, value, version (2 bytes), crc64 of all before (8 bytes) */
#include "persist/persist_cmds.h"

#include "base/crc.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/num.h"
#include "engine/engine.h"
#include "persist/persist_impl.h"
#include "persist/rdb_file.h"
#include "persist/rdb_format.h"

/* The lowest version, under the configured cap, that can hold the value; 0: the cap is too low for it. */
static int dump_version(const struct ctx *ctx, const struct record *r)
{
    int64_t cap = *persist_config(ctx->engine)->target_version;
    int version = cap < RDB_VERSION ? (int)cap : RDB_VERSION;
    if (rdb_value_type(r, version) == RDB_TYPE_NONE) version = RDB_VERSION_FIELD_TTL;
    return version <= cap ? version : 0;
}

static void dump(struct rdb_writer *w, const struct record *r, int version)
{
    uint8_t type = rdb_value_type(r, version);
    w->compress = true;
    rdb_write_byte(w, type);
    rdb_value_write(w, r, type);
    rdb_write_u16(w, (uint16_t)version);
    rdb_write_u64(w, rdb_writer_crc(w));
}

void cmd_dump(struct ctx *ctx)
{
    struct record *r = ctx_find(ctx, ctx_key(ctx, 1), FOR_READ);
    if (r == NULL) {
        reply_null(ctx->reply);
        return;
    }
    int version = dump_version(ctx, r);
    if (version == 0) {
        reply_error(ctx->reply, SLICE("ERR fields with an expiry need RDB version 12; rdb-target-version is lower"));
        return;
    }
    struct rdb_writer w;
    rdb_writer_init_memory(&w, version);
    dump(&w, r, version);
    reply_bulk(ctx->reply, buf_slice(&w.pending));
    rdb_writer_deinit(&w);
}

/* --- RESTORE --- */

struct restore_options {
    bool replace, absolute;
    int64_t idle_s, frequency; /* -1: not given */
};

static bool restore_options_parse(struct ctx *ctx, struct restore_options *o)
{
    *o = (struct restore_options){.idle_s = -1, .frequency = -1};
    for (int i = 4; i < ctx->argc; i++) {
        struct slice word = arg(ctx, i);
        bool valued = i + 1 < ctx->argc;
        enum status st = ST_OK;
        if (slice_is(word, "replace")) {
            o->replace = true;
        } else if (slice_is(word, "absttl")) {
            o->absolute = true;
        } else if (slice_is(word, "idletime") && valued && o->frequency < 0) {
            st = arg_i64(ctx, ++i, &o->idle_s);
            if (st == ST_OK && o->idle_s < 0) {
                reply_error(ctx->reply, SLICE("ERR Invalid IDLETIME value, must be >= 0"));
                return false;
            }
        } else if (slice_is(word, "freq") && valued && o->idle_s < 0) {
            st = arg_i64(ctx, ++i, &o->frequency);
            if (st == ST_OK && (o->frequency < 0 || o->frequency > 255)) {
                reply_error(ctx->reply, SLICE("ERR Invalid FREQ value, must be >= 0 and <= 255"));
                return false;
            }
        } else {
            st = ST_SYNTAX;
        }
        if (st != ST_OK) {
            reply_status(ctx->reply, st);
            return false;
        }
    }
    return true;
}

/* The time when the key expires; 0: never. Replies the error itself. */
static bool restore_expiry(struct ctx *ctx, const struct restore_options *o, uint64_t *unix_ms)
{
    int64_t ttl;
    enum status st = arg_i64(ctx, 2, &ttl);
    if (st != ST_OK) {
        reply_status(ctx->reply, st);
        return false;
    }
    if (ttl < 0) {
        reply_error(ctx->reply, SLICE("ERR Invalid TTL value, must be >= 0"));
        return false;
    }
    *unix_ms = (uint64_t)ttl;
    if (ttl != 0 && !o->absolute) *unix_ms += ctx->now_ms; /* two times 63 bits: fits */
    if (*unix_ms > INT64_MAX) *unix_ms = INT64_MAX;        /* later ones are before 1970 in files */
    return true;
}

static bool payload_is_whole(struct ctx *ctx, struct slice payload, int *version)
{
    if (payload.len < DUMP_FOOTER_SIZE) return false;
    const char *footer = payload.ptr + payload.len - DUMP_FOOTER_SIZE;
    uint16_t stored_version;
    uint64_t stored;
    memcpy(&stored_version, footer, sizeof(stored_version));
    memcpy(&stored, footer + sizeof(stored_version), sizeof(stored));
    *version = stored_version;
    if (stored_version > RDB_VERSION_READ_MAX && stored_version != RDB_VERSION_VALKEY) return false;
    return persist_skips_checksum(ctx->engine) || crc64(0, payload.ptr, payload.len - sizeof(stored)) == stored;
}

/* The record that the payload holds; NULL: it is damaged, or holds an empty collection. Fields that are due stay: the
 * log has the payload, and has to tell when they went. */
static struct record *payload_read(struct ctx *ctx, struct slice payload, int version, struct slice key)
{
    struct rdb_reader r;
    uint8_t type;
    struct record *made = NULL;
    const struct rdb_load load = {.limits = ctx_limits(ctx), .keep_due_fields = true};
    rdb_reader_init_memory(&r, slice_of(payload.ptr, payload.len - DUMP_FOOTER_SIZE));
    r.checksum = false;
    r.version = version;
    r.valkey = version == RDB_VERSION_VALKEY;
    if (rdb_read_byte(&r, &type)) made = rdb_value_read(&r, type, key, &load);
    if (made != NULL && rdb_reader_offset(&r) != payload.len - DUMP_FOOTER_SIZE) {
        record_free(made); /* something follows the value */
        made = NULL;
    }
    if (r.failed) log_warning(engine_log(ctx->engine), "RESTORE of a bad payload: %s", buf_cstr(&r.error));
    rdb_reader_deinit(&r);
    return made;
}

static uint32_t restore_clock(const struct ctx *ctx, const struct restore_options *o)
{
    if (o->idle_s >= 0) return engine_clock_of_idle(ctx->engine, (uint64_t)o->idle_s);
    if (o->frequency >= 0) return engine_clock_of_frequency(ctx->engine, (uint8_t)o->frequency);
    return engine_clock_new(ctx->engine);
}

/* The log gets the absolute time. */
static void restore_effect(struct ctx *ctx, const struct restore_options *o, uint64_t expire_ms)
{
    if (expire_ms == 0 || o->absolute) return;
    struct slice *words = mem_alloc((size_t)(ctx->argc + 1) * sizeof(*words));
    char digits[NUM_I64_TEXT_MAX];
    memcpy(words, ctx->argv, (size_t)ctx->argc * sizeof(*words));
    words[2] = slice_of(digits, (size_t)u64_to_text(digits, expire_ms));
    words[ctx->argc] = SLICE("ABSTTL");
    effect_as(ctx, ctx->argc + 1, words);
    mem_free(words);
}

void cmd_restore(struct ctx *ctx)
{
    struct restore_options o;
    uint64_t expire_ms;
    int version;
    struct slice payload = arg(ctx, 3);
    struct store_key key = ctx_key(ctx, 1);
    if (!restore_options_parse(ctx, &o)) return;
    bool taken = ctx_find(ctx, key, FOR_WRITE) != NULL;
    if (taken && !o.replace) {
        reply_error(ctx->reply, SLICE("BUSYKEY Target key name already exists."));
        return;
    }
    if (!restore_expiry(ctx, &o, &expire_ms)) return;
    if (!payload_is_whole(ctx, payload, &version)) {
        reply_error(ctx->reply, SLICE("ERR DUMP payload version or checksum are wrong"));
        return;
    }
    struct record *r = payload_read(ctx, payload, version, key.name);
    if (r == NULL) {
        reply_error(ctx->reply, SLICE("ERR Bad data format"));
        return;
    }
    if (expire_ms != 0 && expire_ms <= ctx->hide_ms) {
        record_free(r);
        if (taken) {
            ctx_delete(ctx, key, *persist_config(ctx->engine)->lazy_server_del != 0);
            key_changed(ctx, key.name, EV_GENERIC, "del");
            effect_words(ctx, SLICE("DEL"), key.name);
        }
        reply_ok(ctx->reply);
        return;
    }
    if (expire_ms != 0) r = record_set_expire(r, expire_ms);
    (void)ctx_overwrite(ctx, key, r);
    r = ctx_find(ctx, key, FOR_PEEK);
    if (r != NULL) record_set_clock(r, restore_clock(ctx, &o));
    key_changed(ctx, key.name, EV_GENERIC, "restore");
    restore_effect(ctx, &o, expire_ms);
    reply_ok(ctx->reply);
}
