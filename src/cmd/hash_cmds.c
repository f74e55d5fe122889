/* Hashes: setting, getting, counting. Field expiry is in hash_expire_cmds.c, walking and chance in hash_walk_cmds.c. */
#include "cmd/hash_cmds.h"

#include "cmd/collection.h"
#include "cmd/hash_shared.h"

#include <math.h>

bool hash_find(struct ctx *ctx, struct store_key key, enum access access, struct record **out)
{
    return collection_find(ctx, key, access, TYPE_HASH, out);
}

/* The hash under key, made if there is none; NULL: the error is replied. */
struct record *hash_find_or_create(struct ctx *ctx, struct store_key key)
{
    struct record *r;
    if (!hash_find(ctx, key, FOR_WRITE, &r)) return NULL;
    return likely(r != NULL) ? r : collection_create(ctx, key, hash_new);
}

/* --- setting --- */

bool hash_set_arg(struct ctx *ctx, struct record *r, int i, bool keep_expiry)
{
    struct slice field = arg(ctx, i), value = arg(ctx, i + 1);
    const struct value_limits *limits = ctx_limits(ctx);
    struct blob *blob = unlikely(value.len >= BULK_BIG) ? arg_take_blob(ctx, i + 1) : NULL;
    if (unlikely(blob != NULL)) return hash_set_blob(r, field, blob, ctx->hide_ms, keep_expiry, limits);
    return keep_expiry ? hash_update(r, field, value, ctx->hide_ms, limits)
                       : hash_set(r, field, value, ctx->hide_ms, limits);
}

/* Returns false when an error was replied. */
static bool hset(struct ctx *ctx, int64_t *added)
{
    if (ctx->argc % 2 != 0) {
        reply_wrong_arity(ctx);
        return false;
    }
    struct store_key key = ctx_key(ctx, 1);
    struct record *r = hash_find_or_create(ctx, key);
    if (unlikely(r == NULL)) return false;
    uint64_t parts_ms = record_parts_expire_ms(r);
    *added = 0;
    for (int i = 2; i < ctx->argc; i += 2) {
        hash_prefetch_args(ctx, r, 2, i, 2);
        *added += hash_set_arg(ctx, r, i, false);
    }
    ctx_parts_changed(ctx, key, r, parts_ms);
    key_changed(ctx, key.name, EV_HASH, "hset");
    return true;
}

void cmd_hset(struct ctx *ctx)
{
    int64_t added;
    if (hset(ctx, &added)) reply_int(ctx->reply, added);
}

void cmd_hmset(struct ctx *ctx)
{
    int64_t added;
    if (hset(ctx, &added)) reply_ok(ctx->reply);
}

void cmd_hsetnx(struct ctx *ctx)
{
    struct store_key key = ctx_key(ctx, 1);
    struct record *r = hash_find_or_create(ctx, key);
    char scratch[NUM_I64_TEXT_MAX];
    struct slice value;
    if (r == NULL) return;
    if (hash_get(r, arg(ctx, 2), ctx->hide_ms, scratch, &value)) {
        reply_int(ctx->reply, 0);
        return;
    }
    uint64_t parts_ms = record_parts_expire_ms(r);
    (void)hash_set_arg(ctx, r, 2, false);
    ctx_parts_changed(ctx, key, r, parts_ms);
    key_changed(ctx, key.name, EV_HASH, "hset");
    reply_int(ctx->reply, 1);
}

void cmd_hdel(struct ctx *ctx)
{
    struct store_key key = ctx_key(ctx, 1);
    struct record *r;
    int64_t deleted = 0;
    if (!hash_find(ctx, key, FOR_WRITE, &r)) return;
    if (r != NULL) {
        uint64_t parts_ms = record_parts_expire_ms(r);
        for (int i = 2; i < ctx->argc; i++) {
            hash_prefetch_args(ctx, r, 2, i, 1);
            deleted += hash_delete(r, arg(ctx, i), ctx->hide_ms);
        }
        ctx_parts_changed(ctx, key, r, parts_ms);
    }
    if (deleted > 0) {
        key_changed(ctx, key.name, EV_HASH, "hdel");
        (void)collection_drop_if_empty(ctx, key, r);
    }
    reply_int(ctx->reply, deleted);
}

/* --- getting --- */

/* By reference, if it lies in a block; small values do not pay for the question. */
static void reply_large(struct ctx *ctx, const struct record *r, struct slice field, struct slice value)
{
    struct blob *blob = hash_blob(r, field, ctx->hide_ms);
    if (blob != NULL)
        reply_bulk_blob(ctx->reply, blob);
    else
        reply_bulk(ctx->reply, value);
}

void hash_reply_field(struct ctx *ctx, const struct record *r, struct slice field)
{
    char scratch[NUM_I64_TEXT_MAX];
    struct slice value;
    if (r == NULL || !hash_get(r, field, ctx->hide_ms, scratch, &value))
        reply_null(ctx->reply);
    else if (unlikely(value.len >= REPLY_BY_REFERENCE_MIN))
        reply_large(ctx, r, field, value);
    else
        reply_bulk(ctx->reply, value);
}

void cmd_hget(struct ctx *ctx)
{
    struct record *r;
    if (hash_find(ctx, ctx_key(ctx, 1), FOR_READ, &r)) hash_reply_field(ctx, r, arg(ctx, 2));
}

void cmd_hmget(struct ctx *ctx)
{
    struct record *r;
    if (!hash_find(ctx, ctx_key(ctx, 1), FOR_READ, &r)) return;
    reply_array(ctx->reply, ctx->argc - 2);
    for (int i = 2; i < ctx->argc; i++) {
        if (r != NULL) hash_prefetch_args(ctx, r, 2, i, 1);
        hash_reply_field(ctx, r, arg(ctx, i));
    }
}

void cmd_hlen(struct ctx *ctx)
{
    struct record *r;
    if (hash_find(ctx, ctx_key(ctx, 1), FOR_READ, &r))
        reply_int(ctx->reply, r == NULL ? 0 : (int64_t)hash_len_live(r, ctx->hide_ms));
}

/* *found with a value that is empty otherwise. False: an error was replied. */
static bool field_find(struct ctx *ctx, char scratch[NUM_I64_TEXT_MAX], bool *found, struct slice *value)
{
    struct record *r;
    if (!hash_find(ctx, ctx_key(ctx, 1), FOR_READ, &r)) return false;
    *found = r != NULL && hash_get(r, arg(ctx, 2), ctx->hide_ms, scratch, value);
    return true;
}

void cmd_hexists(struct ctx *ctx)
{
    char scratch[NUM_I64_TEXT_MAX];
    struct slice value;
    bool found;
    if (field_find(ctx, scratch, &found, &value)) reply_int(ctx->reply, found);
}

void cmd_hstrlen(struct ctx *ctx)
{
    char scratch[NUM_I64_TEXT_MAX];
    struct slice value;
    bool found;
    if (field_find(ctx, scratch, &found, &value)) reply_int(ctx->reply, found ? (int64_t)value.len : 0);
}

/* --- counting --- */

/* What stands in the field before it is counted; *r NULL: no key. False: an error was replied. */
static bool counter_find(struct ctx *ctx, struct store_key key, char scratch[NUM_I64_TEXT_MAX], struct record **r,
                         bool *found, struct slice *value)
{
    if (!hash_find(ctx, key, FOR_WRITE, r)) return false;
    *found = *r != NULL && hash_get(*r, arg(ctx, 2), ctx->hide_ms, scratch, value);
    return true;
}

/* The new value goes in; the field's expiry stays. */
static bool counter_store(struct ctx *ctx, struct store_key key, struct record *r, struct slice value,
                          const char *event)
{
    if (r == NULL) r = collection_create(ctx, key, hash_new);
    if (r == NULL) return false;
    uint64_t parts_ms = record_parts_expire_ms(r);
    hash_update(r, arg(ctx, 2), value, ctx->hide_ms, ctx_limits(ctx));
    ctx_parts_changed(ctx, key, r, parts_ms);
    key_changed(ctx, key.name, EV_HASH, event);
    return true;
}

void cmd_hincrby(struct ctx *ctx)
{
    struct store_key key = ctx_key(ctx, 1);
    struct record *r;
    struct slice value;
    char scratch[NUM_I64_TEXT_MAX], text[NUM_I64_TEXT_MAX];
    int64_t by, v = 0;
    bool found;
    if (arg_i64(ctx, 3, &by) != ST_OK) {
        reply_status(ctx->reply, ST_NOT_INT);
        return;
    }
    if (!counter_find(ctx, key, scratch, &r, &found, &value)) return;
    if (found && slice_to_i64(value, &v) != ST_OK) {
        reply_error(ctx->reply, SLICE("ERR hash value is not an integer"));
        return;
    }
    if (!i64_add(v, by, &v)) {
        reply_status(ctx->reply, ST_OVERFLOW);
        return;
    }
    if (counter_store(ctx, key, r, slice_of(text, (size_t)i64_to_text(text, v)), "hincrby")) reply_int(ctx->reply, v);
}

/* The log gets the result: another machine may round differently. It has to keep the field's expiry there too. */
static void hincrbyfloat_effect(struct ctx *ctx, struct store_key key, struct slice value, bool expires)
{
    struct slice field = arg(ctx, 2);
    if (expires)
        effect_words(ctx, SLICE("HSETEX"), key.name, SLICE("KEEPTTL"), SLICE("FIELDS"), SLICE("1"), field, value);
    else
        effect_words(ctx, SLICE("HSET"), key.name, field, value);
}

void cmd_hincrbyfloat(struct ctx *ctx)
{
    struct store_key key = ctx_key(ctx, 1);
    struct record *r;
    struct slice value;
    char scratch[NUM_I64_TEXT_MAX], text[NUM_LONG_DOUBLE_TEXT_MAX];
    long double by, v = 0;
    bool found;
    enum status st = slice_to_long_double(arg(ctx, 3), &by);
    if (st != ST_OK) {
        reply_status(ctx->reply, st);
        return;
    }
    if (!isfinite(by)) {
        reply_error(ctx->reply, SLICE("ERR value is NaN or Infinity"));
        return;
    }
    if (!counter_find(ctx, key, scratch, &r, &found, &value)) return;
    if (found && slice_to_long_double(value, &v) != ST_OK) {
        reply_error(ctx->reply, SLICE("ERR hash value is not a float"));
        return;
    }
    v += by;
    if (!isfinite(v)) {
        reply_status(ctx->reply, ST_NAN_INF);
        return;
    }
    uint64_t expire_ms = 0;
    if (found) (void)hash_expiry(r, arg(ctx, 2), ctx->hide_ms, &expire_ms);
    struct slice sum = slice_of(text, (size_t)long_double_to_text(text, v));
    if (!counter_store(ctx, key, r, sum, "hincrbyfloat")) return;
    hincrbyfloat_effect(ctx, key, sum, expire_ms != 0);
    reply_bulk(ctx->reply, sum);
}
