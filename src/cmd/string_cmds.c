/* Reading and storing whole strings: GET, SET and their families. Changes inside a string are in string_edit_cmds.c.
 *
 * SET without options is the hottest write there is: find, put in place or insert, nothing else. What options need is
 * looked at only when there are some. */
#include "cmd/string_cmds.h"

#include "base/mem.h"
#include "base/xxh3.h"
#include "cmd/cmd_impl.h"
#include "value/string.h"

static void reply_string(struct ctx *ctx, const struct record *r)
{
    struct blob *blob = string_blob(r);
    if (blob != NULL) {
        reply_bulk_blob(ctx->reply, blob);
        return;
    }
    char scratch[STRING_SCRATCH];
    reply_bulk(ctx->reply, string_view(r, scratch));
}

/* The value that a command is about to replace, for its reply, which comes after nothing can fail any more. */
struct old_value {
    bool present;
    struct blob *blob; /* with a reference of its own; NULL: the bytes are in text */
    size_t len;
    char text[RECORD_INLINE_MAX];
};

static void old_value_take(struct old_value *old, const struct record *r)
{
    old->present = r != NULL;
    old->blob = NULL;
    if (r == NULL) return;
    struct blob *blob = string_blob(r);
    if (blob != NULL) {
        old->blob = blob_ref(blob);
        return;
    }
    char scratch[STRING_SCRATCH];
    struct slice view = string_view(r, scratch);
    memcpy(old->text, view.ptr, view.len);
    old->len = view.len;
}

static void old_value_reply(struct ctx *ctx, struct old_value *old)
{
    if (!old->present)
        reply_null(ctx->reply);
    else if (old->blob != NULL)
        reply_bulk_blob(ctx->reply, old->blob);
    else
        reply_bulk(ctx->reply, slice_of(old->text, old->len));
}

static void old_value_drop(struct old_value *old)
{
    blob_unref(old->blob);
    old->blob = NULL;
}

/* The string under the key of argument 1, for reading; replies nil or the error itself and returns NULL. */
static struct record *string_or_reply(struct ctx *ctx, struct store_key key)
{
    struct record *r;
    enum status st = ctx_find_type(ctx, key, FOR_READ, TYPE_STRING, &r);
    if (st != ST_OK)
        reply_status(ctx->reply, st);
    else if (r == NULL)
        reply_null(ctx->reply);
    return st == ST_OK ? r : NULL;
}

/* Stores argument i under key, where r (or nothing, NULL) was found. expire_ms: 0 keeps the old expiry or drops it, as
 * keep_expire says. False: no memory, and the error is replied. */
static inline bool value_store(struct ctx *ctx, struct store_key key, struct record *r, int i, bool keep_expire,
                               uint64_t expire_ms)
{
    struct slice value = arg(ctx, i);
    struct blob *blob = unlikely(value.len >= BULK_BIG) ? arg_take_blob(ctx, i) : NULL;
    if (r != NULL && likely(record_type(r) == TYPE_STRING)) {
        struct record_change before = ctx_change_begin(r);
        bool keep = keep_expire || expire_ms != 0; /* the room of the old expiry serves for the new one */
        struct record *put = blob != NULL ? string_put_blob(r, blob, keep) : string_put(r, value, keep);
        if (unlikely(put == NULL)) goto no_memory;
        ctx_change_end(ctx, key, before, put);
        if (expire_ms != 0) (void)ctx_set_expire(ctx, key, put, expire_ms);
        return true;
    }
    if (unlikely(key.name.len > KEY_LEN_MAX)) {
        blob_unref(blob);
        goto no_memory;
    }
    if (r != NULL && keep_expire && expire_ms == 0) expire_ms = record_expire_ms(r);
    bool collection = r != NULL;
    r = blob != NULL ? string_new_blob(key.name, blob) : string_new(key.name, value);
    if (unlikely(r == NULL)) goto no_memory;
    if (expire_ms != 0) r = record_set_expire(r, expire_ms);
    if (unlikely(collection))
        (void)ctx_overwrite(ctx, key, r);
    else
        ctx_insert(ctx, key, r);
    return true;
no_memory:
    reply_status(ctx->reply, ST_NO_MEMORY);
    return false;
}

void cmd_get(struct ctx *ctx)
{
    struct record *r = string_or_reply(ctx, ctx_key(ctx, 1));
    if (r != NULL) reply_string(ctx, r);
}

void cmd_mget(struct ctx *ctx)
{
    reply_array(ctx->reply, ctx->argc - 1);
    for (int i = 1; i < ctx->argc; i++) {
        struct record *r;
        if (ctx_find_type(ctx, ctx_key(ctx, i), FOR_READ, TYPE_STRING, &r) != ST_OK || r == NULL)
            reply_null(ctx->reply);
        else
            reply_string(ctx, r);
    }
}

/* --- conditions on the old value: SET, DELEX --- */

/* IFEQ, IFNE: the value that it must have, or must not; IFDEQ, IFDNE: the digest. */
struct string_condition {
    int at; /* argument with what to compare with; 0: no condition */
    bool differs, digest;
};

/* Takes the condition at argument i with its operand behind it. False: there is none, or none that may stand beside one
 * that was taken before. */
static bool condition_take(const struct ctx *ctx, int i, struct string_condition *c)
{
    static const struct {
        struct slice word;
        bool differs, digest;
    } conditions[] = {{{"ifeq", 4}, false, false},
                      {{"ifne", 4}, true, false},
                      {{"ifdeq", 5}, false, true},
                      {{"ifdne", 5}, true, true}};
    for (size_t k = 0; k < ARRAY_LEN(conditions); k++) {
        if (!slice_eq_nocase(arg(ctx, i), conditions[k].word)) continue;
        bool is_other = c->at != 0 && (c->differs != conditions[k].differs || c->digest != conditions[k].digest);
        if (i + 1 >= ctx->argc || is_other) return false;
        *c = (struct string_condition){i + 1, conditions[k].differs, conditions[k].digest};
        return true;
    }
    return false;
}

/* A digest of the right length, whatever it is made of; replies the error itself. */
static bool condition_digest_ok(struct ctx *ctx, const struct string_condition *c)
{
    if (!c->digest || arg(ctx, c->at).len == XXH3_HEX_LEN) return true;
    reply_errorf(ctx->reply, "ERR digest must be exactly %d hexadecimal characters", XXH3_HEX_LEN);
    return false;
}

static bool condition_holds(const struct ctx *ctx, const struct string_condition *c, const struct record *r)
{
    char scratch[STRING_SCRATCH], hex[XXH3_HEX_LEN];
    struct slice value = string_view(r, scratch);
    if (!c->digest) return slice_eq(value, arg(ctx, c->at)) != c->differs;
    xxh3_hex(value, hex);
    return slice_eq_nocase(slice_of(hex, sizeof(hex)), arg(ctx, c->at)) != c->differs;
}

/* --- SET --- */

struct set_options {
    bool nx, xx, get, keep_expire;
    struct string_condition condition;
    struct expire_option expire;
};

static bool set_options_parse(struct ctx *ctx, struct set_options *o)
{
    for (int i = 3; i < ctx->argc; i++) {
        struct slice word = arg(ctx, i);
        if (slice_is(word, "nx") && !o->xx && o->condition.at == 0) {
            o->nx = true;
        } else if (slice_is(word, "xx") && !o->nx && o->condition.at == 0) {
            o->xx = true;
        } else if (!o->nx && !o->xx && condition_take(ctx, i, &o->condition)) {
            i++;
        } else if (slice_is(word, "get")) {
            o->get = true;
        } else if (slice_is(word, "keepttl") && o->expire.at == 0) {
            o->keep_expire = true;
        } else if (o->keep_expire || !expire_option_take(ctx, &i, &o->expire)) {
            reply_syntax(ctx);
            return false;
        }
    }
    return true;
}

static bool set_condition_holds(const struct ctx *ctx, const struct set_options *o, const struct record *r)
{
    if (o->nx) return r == NULL;
    if (o->xx) return r != NULL;
    if (o->condition.at == 0) return true;
    if (r == NULL) return o->condition.differs;
    return condition_holds(ctx, &o->condition, r);
}

/* The log gets absolute times, and neither GET nor a comparison, which held. */
static void set_effect(struct ctx *ctx, const struct set_options *o, uint64_t expire_ms)
{
    if (o->expire.at != 0) {
        struct number_word ms;
        effect_words(ctx, SLICE("SET"), arg(ctx, 1), arg(ctx, 2), SLICE("PXAT"), number_word(&ms, expire_ms));
        return;
    }
    if (!o->get && o->condition.at == 0) return;
    struct slice *words = mem_alloc((size_t)ctx->argc * sizeof(*words));
    int count = 0;
    for (int i = 0; i < ctx->argc; i++) {
        if (i >= 3 && slice_is(arg(ctx, i), "get")) continue;
        if (i >= 3 && condition_take(ctx, i, &(struct string_condition){0})) {
            i++;
            continue;
        }
        words[count++] = arg(ctx, i);
    }
    effect_as(ctx, count, words);
    mem_free(words);
}

static bool set_store(struct ctx *ctx, const struct set_options *o, struct store_key key, struct record *r,
                      uint64_t expire_ms)
{
    if (!value_store(ctx, key, r, 2, o->keep_expire, expire_ms)) return false;
    key_changed(ctx, key.name, EV_STRING, "set");
    if (expire_ms != 0) key_event(ctx, ctx->db, key.name, EV_GENERIC, "expire");
    set_effect(ctx, o, expire_ms);
    return true;
}

static void set_with_options(struct ctx *ctx)
{
    struct set_options o = {0};
    uint64_t expire_ms = 0;
    if (!set_options_parse(ctx, &o)) return;
    if (o.expire.at != 0 && !ctx_expire_arg(ctx, o.expire.at, o.expire.unit_ms, o.expire.absolute, false, &expire_ms))
        return;

    struct store_key key = ctx_key(ctx, 1);
    struct record *r = ctx_find(ctx, key, o.get ? FOR_READ : FOR_WRITE);
    if ((o.get || o.condition.at != 0) && r != NULL && record_type(r) != TYPE_STRING) {
        reply_status(ctx->reply, ST_WRONG_TYPE);
        return;
    }
    if (r != NULL && !condition_digest_ok(ctx, &o.condition)) return;
    bool holds = set_condition_holds(ctx, &o, r);
    if (o.get) {
        struct old_value old;
        old_value_take(&old, r);
        if (!holds || set_store(ctx, &o, key, r, expire_ms)) old_value_reply(ctx, &old);
        old_value_drop(&old);
    } else if (!holds) {
        reply_null(ctx->reply);
    } else if (set_store(ctx, &o, key, r, expire_ms)) {
        reply_ok(ctx->reply);
    }
}

void cmd_set(struct ctx *ctx)
{
    if (unlikely(ctx->argc > 3)) {
        set_with_options(ctx);
        return;
    }
    struct store_key key = ctx_key(ctx, 1);
    if (!value_store(ctx, key, ctx_find(ctx, key, FOR_WRITE), 2, false, 0)) return;
    key_changed(ctx, key.name, EV_STRING, "set");
    reply_ok(ctx->reply);
}

void cmd_setnx(struct ctx *ctx)
{
    struct store_key key = ctx_key(ctx, 1);
    if (ctx_find(ctx, key, FOR_WRITE) != NULL) {
        reply_int(ctx->reply, 0);
        return;
    }
    if (!value_store(ctx, key, NULL, 2, false, 0)) return;
    key_changed(ctx, key.name, EV_STRING, "set");
    reply_int(ctx->reply, 1);
}

static void set_expiring(struct ctx *ctx, int64_t unit_ms)
{
    uint64_t expire_ms;
    if (!ctx_expire_arg(ctx, 2, unit_ms, false, false, &expire_ms)) return;
    struct store_key key = ctx_key(ctx, 1);
    if (!value_store(ctx, key, ctx_find(ctx, key, FOR_WRITE), 3, false, expire_ms)) return;
    key_changed(ctx, key.name, EV_STRING, "set");
    key_event(ctx, ctx->db, key.name, EV_GENERIC, "expire");
    struct number_word ms;
    effect_words(ctx, SLICE("SET"), arg(ctx, 1), arg(ctx, 3), SLICE("PXAT"), number_word(&ms, expire_ms));
    reply_ok(ctx->reply);
}

void cmd_setex(struct ctx *ctx)
{
    set_expiring(ctx, 1000);
}

void cmd_psetex(struct ctx *ctx)
{
    set_expiring(ctx, 1);
}

void cmd_getset(struct ctx *ctx)
{
    struct store_key key = ctx_key(ctx, 1);
    struct record *r;
    enum status st = ctx_find_type(ctx, key, FOR_READ, TYPE_STRING, &r);
    if (st != ST_OK) {
        reply_status(ctx->reply, st);
        return;
    }
    struct old_value old;
    old_value_take(&old, r);
    if (value_store(ctx, key, r, 2, false, 0)) {
        key_changed(ctx, key.name, EV_STRING, "set");
        effect_words(ctx, SLICE("SET"), arg(ctx, 1), arg(ctx, 2));
        old_value_reply(ctx, &old);
    }
    old_value_drop(&old);
}

/* --- several keys --- */

static bool pairs_ok(struct ctx *ctx)
{
    if (ctx->argc % 2 == 1) return true;
    reply_wrong_arity(ctx);
    return false;
}

void cmd_mset(struct ctx *ctx)
{
    if (!pairs_ok(ctx)) return;
    for (int i = 1; i < ctx->argc; i += 2) {
        struct store_key key = ctx_key(ctx, i);
        if (!value_store(ctx, key, ctx_find(ctx, key, FOR_WRITE), i + 1, false, 0)) {
            if (i > 1) effect_as(ctx, i, ctx->argv); /* what was stored before memory ran out */
            return;
        }
        key_changed(ctx, key.name, EV_STRING, "set");
    }
    reply_ok(ctx->reply);
}

void cmd_msetnx(struct ctx *ctx)
{
    if (!pairs_ok(ctx)) return;
    for (int i = 1; i < ctx->argc; i += 2)
        if (ctx_find(ctx, ctx_key(ctx, i), FOR_WRITE) != NULL) {
            reply_int(ctx->reply, 0);
            return;
        }
    for (int i = 1; i < ctx->argc; i += 2) {
        struct store_key key = ctx_key(ctx, i);
        /* The same key may stand there twice. */
        if (!value_store(ctx, key, ctx_find(ctx, key, FOR_WRITE), i + 1, false, 0)) {
            if (i > 1) effect_as(ctx, i, ctx->argv);
            return;
        }
        key_changed(ctx, key.name, EV_STRING, "set");
    }
    reply_int(ctx->reply, 1);
}

struct msetex_options {
    bool nx, xx, keep_expire;
    struct expire_option expire;
};

static bool msetex_options_parse(struct ctx *ctx, int first, struct msetex_options *o)
{
    for (int i = first; i < ctx->argc; i++) {
        struct slice word = arg(ctx, i);
        if (slice_is(word, "nx") && !o->xx) {
            o->nx = true;
        } else if (slice_is(word, "xx") && !o->nx) {
            o->xx = true;
        } else if (slice_is(word, "keepttl") && o->expire.at == 0) {
            o->keep_expire = true;
        } else if (o->keep_expire || !expire_option_take(ctx, &i, &o->expire)) {
            reply_syntax(ctx);
            return false;
        }
    }
    return true;
}

/* MSETEX numkeys key value [key value ...] [NX | XX] [EX | PX | EXAT | PXAT | KEEPTTL] */
void cmd_msetex(struct ctx *ctx)
{
    int64_t pairs;
    if (arg_i64(ctx, 1, &pairs) != ST_OK || pairs <= 0 || pairs > INT32_MAX) {
        reply_error(ctx->reply, SLICE("ERR invalid numkeys value"));
        return;
    }
    if (pairs > (ctx->argc - 2) / 2) {
        reply_error(ctx->reply, SLICE("ERR wrong number of key-value pairs"));
        return;
    }
    int end = 2 + (int)pairs * 2;
    struct msetex_options o = {0};
    uint64_t expire_ms = 0;
    if (!msetex_options_parse(ctx, end, &o)) return;
    if (o.expire.at != 0 && !ctx_expire_arg(ctx, o.expire.at, o.expire.unit_ms, o.expire.absolute, false, &expire_ms))
        return;
    for (int i = 2; (o.nx || o.xx) && i < end; i += 2)
        if ((ctx_find(ctx, ctx_key(ctx, i), FOR_WRITE) != NULL) == o.nx) {
            reply_int(ctx->reply, 0);
            return;
        }
    for (int i = 2; i < end; i += 2) {
        struct store_key key = ctx_key(ctx, i);
        if (!value_store(ctx, key, ctx_find(ctx, key, FOR_WRITE), i + 1, o.keep_expire, expire_ms)) return;
        key_changed(ctx, key.name, EV_STRING, "set");
        if (expire_ms != 0) key_event(ctx, ctx->db, key.name, EV_GENERIC, "expire");
        /* One SET for each key: every reader of the log knows it. */
        struct number_word ms;
        if (expire_ms != 0)
            effect_words(ctx, SLICE("SET"), key.name, arg(ctx, i + 1), SLICE("PXAT"), number_word(&ms, expire_ms));
        else if (o.keep_expire)
            effect_words(ctx, SLICE("SET"), key.name, arg(ctx, i + 1), SLICE("KEEPTTL"));
        else
            effect_words(ctx, SLICE("SET"), key.name, arg(ctx, i + 1));
    }
    reply_int(ctx->reply, 1);
}

/* --- reading with a side effect --- */

static void effect_delete(struct ctx *ctx, struct slice key, bool lazy)
{
    effect_words(ctx, lazy ? SLICE("UNLINK") : SLICE("DEL"), key);
}

static void delete_string(struct ctx *ctx, struct store_key key)
{
    ctx_delete(ctx, key, *cmd_config(ctx)->lazy_user_del != 0);
    key_changed(ctx, key.name, EV_GENERIC, "del");
    effect_delete(ctx, key.name, false);
}

void cmd_getdel(struct ctx *ctx)
{
    struct store_key key = ctx_key(ctx, 1);
    struct record *r = string_or_reply(ctx, key);
    if (r == NULL) return;
    reply_string(ctx, r);
    delete_string(ctx, key);
}

void cmd_digest(struct ctx *ctx)
{
    char scratch[STRING_SCRATCH], hex[XXH3_HEX_LEN];
    struct record *r = string_or_reply(ctx, ctx_key(ctx, 1));
    if (r == NULL) return;
    xxh3_hex(string_view(r, scratch), hex);
    reply_bulk(ctx->reply, slice_of(hex, sizeof(hex)));
}

/* DELEX key [IFEQ value | IFNE value | IFDEQ digest | IFDNE digest] */
void cmd_delex(struct ctx *ctx)
{
    struct string_condition condition = {0};
    if (ctx->argc != 2 && ctx->argc != 4) {
        reply_wrong_arity(ctx);
        return;
    }
    struct store_key key = ctx_key(ctx, 1);
    struct record *r = ctx_find(ctx, key, FOR_WRITE);
    if (r == NULL) {
        reply_int(ctx->reply, 0);
        return;
    }
    if (ctx->argc == 4) {
        if (record_type(r) != TYPE_STRING) {
            reply_error(ctx->reply, SLICE("ERR Key should be of string type if conditions are specified"));
            return;
        }
        if (!condition_take(ctx, 2, &condition)) {
            reply_error(ctx->reply, SLICE("ERR Invalid condition. Use IFEQ, IFNE, IFDEQ, or IFDNE"));
            return;
        }
        if (!condition_digest_ok(ctx, &condition)) return;
        if (!condition_holds(ctx, &condition, r)) {
            reply_int(ctx->reply, 0);
            return;
        }
    }
    delete_string(ctx, key);
    reply_int(ctx->reply, 1);
}

void cmd_delifeq(struct ctx *ctx)
{
    struct store_key key = ctx_key(ctx, 1);
    struct record *r;
    char scratch[STRING_SCRATCH];
    enum status st = ctx_find_type(ctx, key, FOR_WRITE, TYPE_STRING, &r);
    if (st != ST_OK) {
        reply_status(ctx->reply, st);
        return;
    }
    if (r == NULL || !slice_eq(string_view(r, scratch), arg(ctx, 2))) {
        reply_int(ctx->reply, 0);
        return;
    }
    delete_string(ctx, key);
    reply_int(ctx->reply, 1);
}

static void getex_expire(struct ctx *ctx, struct store_key key, struct record *r, uint64_t expire_ms)
{
    if (expire_ms <= ctx->hide_ms) {
        bool lazy = *cmd_config(ctx)->lazy_expire != 0;
        ctx_delete(ctx, key, lazy);
        key_changed(ctx, key.name, EV_GENERIC, "del");
        effect_delete(ctx, key.name, lazy);
        return;
    }
    (void)ctx_set_expire(ctx, key, r, expire_ms);
    key_changed(ctx, key.name, EV_GENERIC, "expire");
    struct number_word ms;
    effect_words(ctx, SLICE("PEXPIREAT"), key.name, number_word(&ms, expire_ms));
}

void cmd_getex(struct ctx *ctx)
{
    struct expire_option expire = {0};
    bool persist = false;
    for (int i = 2; i < ctx->argc; i++) {
        if (slice_is(arg(ctx, i), "persist") && expire.at == 0) {
            persist = true;
        } else if (persist || !expire_option_take(ctx, &i, &expire)) {
            reply_syntax(ctx);
            return;
        }
    }
    struct store_key key = ctx_key(ctx, 1);
    uint64_t expire_ms = 0;
    struct record *r = string_or_reply(ctx, key);
    if (r == NULL) return;
    if (expire.at != 0 && !ctx_expire_arg(ctx, expire.at, expire.unit_ms, expire.absolute, false, &expire_ms)) return;
    reply_string(ctx, r);
    if (expire_ms != 0) {
        getex_expire(ctx, key, r, expire_ms);
    } else if (persist && record_expire_ms(r) != 0) {
        (void)ctx_set_expire(ctx, key, r, 0);
        key_changed(ctx, key.name, EV_GENERIC, "persist");
        effect_words(ctx, SLICE("PERSIST"), key.name);
    }
}
