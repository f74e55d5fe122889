/* Expiry of single fields: HEXPIRE and its family, HTTL and its family, HPERSIST, and the commands that get or set
 * values on the way, HGETEX, HSETEX, HGETDEL.
 *
 * A time that is past deletes the field at once. The log gets what was done to which fields: HPEXPIREAT with an
 * absolute time, HDEL, HPERSIST. */
#include "base/mem.h"
#include "cmd/collection.h"
#include "cmd/hash_cmds.h"
#include "cmd/hash_shared.h"

#define NO_FIELDS "ERR Mandatory argument FIELDS is missing or not at the right position"
#define FIELDS_MISMATCH "ERR The `numfields` parameter must match the number of arguments"

/* --- arguments --- */

/* The fields are the last arguments. */
struct field_args {
    int at, count;
};

/* FIELDS <count> <field>... from argument i on; replies the error itself, bad_count when the count is none. */
static bool field_args_parse(struct ctx *ctx, int i, const char *bad_count, struct field_args *out)
{
    int64_t count;
    if (i >= ctx->argc || !slice_is(arg(ctx, i), "fields")) {
        reply_error(ctx->reply, SLICE(NO_FIELDS));
        return false;
    }
    if (i + 1 >= ctx->argc) {
        reply_error(ctx->reply, SLICE(FIELDS_MISMATCH));
        return false;
    }
    if (!arg_count(ctx, i + 1, 1, INT64_MAX, bad_count, &count)) return false;
    *out = (struct field_args){i + 2, ctx->argc - i - 2};
    if (count == out->count) return true;
    reply_error(ctx->reply, SLICE(FIELDS_MISMATCH));
    return false;
}

/* An expiry in argument i, to Unix ms; replies the error itself. */
static bool field_expiry_parse(struct ctx *ctx, int i, int64_t unit_ms, bool absolute, uint64_t *ms)
{
    int64_t v;
    if (arg_i64(ctx, i, &v) != ST_OK) {
        reply_status(ctx->reply, ST_NOT_INT);
        return false;
    }
    if (v < 0) {
        reply_error(ctx->reply, SLICE("ERR invalid expire time, must be >= 0"));
        return false;
    }
    if (!i64_mul(v, unit_ms, &v) || (!absolute && !i64_add(v, (int64_t)ctx->now_ms, &v)) ||
        (uint64_t)v >= HASH_EXPIRE_MAX_MS) {
        reply_errorf(ctx->reply, "ERR invalid expire time in '%s' command", ctx->command->name);
        return false;
    }
    *ms = (uint64_t)v;
    return true;
}

/* EX, PX, EXAT or PXAT. */
struct expiry_word {
    int64_t unit_ms;
    bool absolute;
};

static bool expiry_word(struct slice word, struct expiry_word *out)
{
    bool ex = slice_is(word, "ex"), exat = slice_is(word, "exat");
    if (!ex && !exat && !slice_is(word, "px") && !slice_is(word, "pxat")) return false;
    *out = (struct expiry_word){ex || exat ? 1000 : 1, word.len == 4};
    return true;
}

/* --- effects --- */

/* The words of an effect on some of the fields that a command names: those go behind the `head` words. */
struct words {
    struct slice *at, few[32];
    int head, count;
};

static void words_init(struct words *w, const struct field_args *fields, int head)
{
    size_t most = (size_t)head + (size_t)fields->count;
    w->at = most <= ARRAY_LEN(w->few) ? w->few : mem_alloc(most * sizeof(struct slice));
    w->head = w->count = head;
}

static void words_add(struct words *w, struct slice field)
{
    w->at[w->count++] = field;
}

static int words_fields(const struct words *w)
{
    return w->count - w->head;
}

static void words_deinit(struct words *w)
{
    if (w->at != w->few) mem_free(w->at);
}

enum { HEAD_MAX = 6 }; /* HPEXPIREAT key ms NX FIELDS n */

/* What was done to the fields in w, of which there is one at least: tells watchers, listeners and the log. `condition`
 * (len 0: none) is repeated there. The key goes with its last field. */
enum fields_done { FIELDS_DELETED, FIELDS_EXPIRING, FIELDS_PERSISTED };

static void fields_changed(struct ctx *ctx, struct store_key key, struct record *r, struct words *w,
                           enum fields_done done, uint64_t ms, struct slice condition)
{
    static const char *const events[] = {"hdel", "hexpire", "hpersist"};
    static const char *const commands[] = {"HDEL", "HPEXPIREAT", "HPERSIST"};
    struct number_word ms_word, count_word;
    struct slice head[HEAD_MAX] = {{0}};
    int n = 0;
    head[n++] = slice_cstr(commands[done]);
    head[n++] = key.name;
    if (done == FIELDS_EXPIRING) {
        head[n++] = number_word(&ms_word, ms);
        if (condition.len > 0) head[n++] = condition;
    }
    if (done != FIELDS_DELETED) {
        head[n++] = SLICE("FIELDS");
        head[n++] = number_word(&count_word, (uint64_t)words_fields(w));
    }
    struct slice *words = w->at + w->head - n;
    memcpy(words, head, (size_t)n * sizeof(*words));
    key_changed(ctx, key.name, EV_HASH, events[done]);
    effect_as(ctx, n + words_fields(w), words);
    if (done == FIELDS_DELETED) (void)collection_drop_if_empty(ctx, key, r);
}

/* --- HEXPIRE --- */

enum condition { COND_NONE, COND_NX, COND_XX, COND_GT, COND_LT };

static enum condition condition_of(struct slice word)
{
    return slice_is(word, "nx")   ? COND_NX
           : slice_is(word, "xx") ? COND_XX
           : slice_is(word, "gt") ? COND_GT
           : slice_is(word, "lt") ? COND_LT
                                  : COND_NONE;
}

/* A field without expiry counts as one that stays for ever. */
static bool condition_holds(enum condition c, uint64_t old_ms, uint64_t new_ms)
{
    switch (c) {
    case COND_NX: return old_ms == 0;
    case COND_XX: return old_ms != 0;
    case COND_GT: return old_ms != 0 && new_ms > old_ms;
    case COND_LT: return old_ms == 0 || new_ms < old_ms;
    default: return true;
    }
}

enum { REPLY_NO_FIELD = -2, REPLY_NO_EXPIRY = -1, REPLY_REFUSED = 0, REPLY_DONE = 1, REPLY_DELETED = 2 };

/* The field gets the expiry, or goes if that is past. False: there is no such field. */
static bool field_expire(struct ctx *ctx, struct record *r, struct slice field, uint64_t ms)
{
    if (ms <= ctx->hide_ms) return hash_delete(r, field, ctx->hide_ms);
    return hash_set_expiry(r, field, ctx->hide_ms, ms, ctx_limits(ctx));
}

static void hexpire(struct ctx *ctx, int64_t unit_ms, bool absolute)
{
    struct store_key key = ctx_key(ctx, 1);
    struct field_args fields;
    struct record *r;
    uint64_t ms;
    if (!hash_find(ctx, key, FOR_WRITE, &r) || !field_expiry_parse(ctx, 2, unit_ms, absolute, &ms)) return;
    enum condition condition = condition_of(arg(ctx, 3));
    int i = condition == COND_NONE ? 3 : 4;
    if (!field_args_parse(ctx, i, "ERR Parameter `numFields` should be greater than 0", &fields)) return;
    struct words changed;
    words_init(&changed, &fields, HEAD_MAX);
    uint64_t parts_ms = r == NULL ? 0 : record_parts_expire_ms(r), old_ms;
    bool past = ms <= ctx->hide_ms;
    reply_array(ctx->reply, fields.count);
    for (int k = 0; k < fields.count; k++) {
        struct slice field = arg(ctx, fields.at + k);
        if (r == NULL || !hash_expiry(r, field, ctx->hide_ms, &old_ms)) {
            reply_int(ctx->reply, REPLY_NO_FIELD);
        } else if (!condition_holds(condition, old_ms, ms)) {
            reply_int(ctx->reply, REPLY_REFUSED);
        } else {
            (void)field_expire(ctx, r, field, ms);
            words_add(&changed, field);
            reply_int(ctx->reply, past ? REPLY_DELETED : REPLY_DONE);
        }
    }
    if (words_fields(&changed) > 0) {
        ctx_parts_changed(ctx, key, r, parts_ms);
        fields_changed(ctx, key, r, &changed, past ? FIELDS_DELETED : FIELDS_EXPIRING, ms,
                       condition == COND_NONE ? SLICE("") : arg(ctx, 3));
    }
    words_deinit(&changed);
}

void cmd_hexpire(struct ctx *ctx)
{
    hexpire(ctx, 1000, false);
}

void cmd_hpexpire(struct ctx *ctx)
{
    hexpire(ctx, 1, false);
}

void cmd_hexpireat(struct ctx *ctx)
{
    hexpire(ctx, 1000, true);
}

void cmd_hpexpireat(struct ctx *ctx)
{
    hexpire(ctx, 1, true);
}

/* --- HTTL, HPERSIST --- */

#define BAD_COUNT "ERR Number of fields must be a positive integer"

/* Seconds are rounded up. */
static void hash_reply_expiry(struct ctx *ctx, int64_t unit_ms, bool absolute)
{
    struct field_args fields;
    struct record *r;
    if (!hash_find(ctx, ctx_key(ctx, 1), FOR_READ, &r) || !field_args_parse(ctx, 2, BAD_COUNT, &fields)) return;
    reply_array(ctx->reply, fields.count);
    for (int k = 0; k < fields.count; k++) {
        uint64_t ms;
        if (r == NULL || !hash_expiry(r, arg(ctx, fields.at + k), ctx->hide_ms, &ms))
            reply_int(ctx->reply, REPLY_NO_FIELD);
        else if (ms == 0)
            reply_int(ctx->reply, REPLY_NO_EXPIRY);
        else
            reply_int(ctx->reply, ((int64_t)(absolute ? ms : ms - ctx->now_ms) + unit_ms - 1) / unit_ms);
    }
}

void cmd_httl(struct ctx *ctx)
{
    hash_reply_expiry(ctx, 1000, false);
}

void cmd_hpttl(struct ctx *ctx)
{
    hash_reply_expiry(ctx, 1, false);
}

void cmd_hexpiretime(struct ctx *ctx)
{
    hash_reply_expiry(ctx, 1000, true);
}

void cmd_hpexpiretime(struct ctx *ctx)
{
    hash_reply_expiry(ctx, 1, true);
}

/* True: the field had an expiry and lost it. */
static bool field_persist(struct ctx *ctx, struct record *r, struct slice field)
{
    uint64_t ms;
    return hash_expiry(r, field, ctx->hide_ms, &ms) && ms != 0 &&
           hash_set_expiry(r, field, ctx->hide_ms, 0, ctx_limits(ctx));
}

void cmd_hpersist(struct ctx *ctx)
{
    struct store_key key = ctx_key(ctx, 1);
    struct field_args fields;
    struct record *r;
    uint64_t ms;
    if (!hash_find(ctx, key, FOR_WRITE, &r) || !field_args_parse(ctx, 2, BAD_COUNT, &fields)) return;
    struct words changed;
    words_init(&changed, &fields, HEAD_MAX);
    uint64_t parts_ms = r == NULL ? 0 : record_parts_expire_ms(r);
    reply_array(ctx->reply, fields.count);
    for (int k = 0; k < fields.count; k++) {
        struct slice field = arg(ctx, fields.at + k);
        if (r == NULL || !hash_expiry(r, field, ctx->hide_ms, &ms)) {
            reply_int(ctx->reply, REPLY_NO_FIELD);
        } else if (!field_persist(ctx, r, field)) {
            reply_int(ctx->reply, REPLY_NO_EXPIRY);
        } else {
            words_add(&changed, field);
            reply_int(ctx->reply, REPLY_DONE);
        }
    }
    if (words_fields(&changed) > 0) {
        ctx_parts_changed(ctx, key, r, parts_ms);
        fields_changed(ctx, key, r, &changed, FIELDS_PERSISTED, 0, SLICE(""));
    }
    words_deinit(&changed);
}

/* --- getting with a side effect --- */

enum getting { GET_ONLY, GET_DELETING, GET_EXPIRING, GET_PERSISTING };

static void get_fields(struct ctx *ctx, struct store_key key, struct record *r, const struct field_args *fields,
                       enum getting getting, uint64_t ms)
{
    struct words changed;
    words_init(&changed, fields, HEAD_MAX);
    uint64_t parts_ms = r == NULL ? 0 : record_parts_expire_ms(r);
    reply_array(ctx->reply, fields->count);
    for (int k = 0; k < fields->count; k++) {
        struct slice field = arg(ctx, fields->at + k);
        hash_reply_field(ctx, r, field);
        if (r == NULL || getting == GET_ONLY) continue;
        if (getting == GET_DELETING     ? hash_delete(r, field, ctx->hide_ms)
            : getting == GET_PERSISTING ? field_persist(ctx, r, field)
                                        : field_expire(ctx, r, field, ms))
            words_add(&changed, field);
    }
    if (words_fields(&changed) > 0) {
        bool deleted = getting == GET_DELETING || (getting == GET_EXPIRING && ms <= ctx->hide_ms);
        ctx_parts_changed(ctx, key, r, parts_ms);
        fields_changed(ctx, key, r, &changed,
                       deleted                     ? FIELDS_DELETED
                       : getting == GET_PERSISTING ? FIELDS_PERSISTED
                                                   : FIELDS_EXPIRING,
                       ms, SLICE(""));
    }
    words_deinit(&changed);
}

void cmd_hgetdel(struct ctx *ctx)
{
    struct store_key key = ctx_key(ctx, 1);
    struct field_args fields;
    struct record *r;
    if (!hash_find(ctx, key, FOR_WRITE, &r) || !field_args_parse(ctx, 2, BAD_COUNT, &fields)) return;
    get_fields(ctx, key, r, &fields, GET_DELETING, 0);
}

void cmd_hgetex(struct ctx *ctx)
{
    struct store_key key = ctx_key(ctx, 1);
    struct field_args fields;
    struct expiry_word word;
    struct record *r;
    uint64_t ms = 0;
    enum getting getting = GET_ONLY;
    int i = 2;
    if (slice_is(arg(ctx, 2), "persist")) {
        getting = GET_PERSISTING;
        i = 3;
    } else if (expiry_word(arg(ctx, 2), &word)) {
        if (!field_expiry_parse(ctx, 3, word.unit_ms, word.absolute, &ms)) return;
        getting = GET_EXPIRING;
        i = 4;
    }
    if (!field_args_parse(ctx, i, BAD_COUNT, &fields) || !hash_find(ctx, key, FOR_READ, &r)) return;
    get_fields(ctx, key, r, &fields, getting, ms);
}

/* --- HSETEX --- */

struct hsetex {
    bool nx, xx, fnx, fxx, keep_expiry;
    int expiry_at; /* argument of the time; 0: none */
    uint64_t ms;
    struct field_args pairs; /* count: of arguments, two for each field */
};

static bool hsetex_refuse(struct ctx *ctx, struct slice error)
{
    reply_error(ctx->reply, error);
    return false;
}

static bool hsetex_expiry(struct ctx *ctx, int *i, const struct expiry_word *word, struct hsetex *o)
{
    if (o->keep_expiry || o->expiry_at != 0)
        return hsetex_refuse(ctx, SLICE("ERR Only one of EX, PX, EXAT, PXAT or KEEPTTL arguments can be specified"));
    if (word == NULL) {
        o->keep_expiry = true;
        return true;
    }
    if (*i + 1 >= ctx->argc) return hsetex_refuse(ctx, SLICE("ERR missing expire time"));
    o->expiry_at = ++*i;
    return field_expiry_parse(ctx, *i, word->unit_ms, word->absolute, &o->ms);
}

static bool hsetex_pairs(struct ctx *ctx, int i, struct hsetex *o)
{
    int64_t count;
    if (i + 1 < ctx->argc && !arg_count(ctx, i + 1, 1, INT32_MAX, "ERR invalid number of fields", &count)) return false;
    o->pairs = (struct field_args){i + 2, ctx->argc - i - 2};
    if (i + 1 < ctx->argc && o->pairs.count == count * 2) return true;
    reply_wrong_arity(ctx);
    return false;
}

static bool hsetex_parse(struct ctx *ctx, struct hsetex *o)
{
    struct expiry_word word;
    for (int i = 2; i < ctx->argc; i++) {
        struct slice a = arg(ctx, i);
        if (slice_is(a, "fields")) return hsetex_pairs(ctx, i, o);
        if (slice_is(a, "fnx") || slice_is(a, "fxx")) {
            if (o->fnx || o->fxx)
                return hsetex_refuse(ctx, SLICE("ERR Only one of FXX or FNX arguments can be specified"));
            *(slice_is(a, "fnx") ? &o->fnx : &o->fxx) = true;
        } else if (slice_is(a, "nx") || slice_is(a, "xx")) {
            if (o->nx || o->xx)
                return hsetex_refuse(ctx, SLICE("ERR Only one of XX or NX arguments can be specified"));
            *(slice_is(a, "nx") ? &o->nx : &o->xx) = true;
        } else if (slice_is(a, "keepttl")) {
            if (!hsetex_expiry(ctx, &i, NULL, o)) return false;
        } else if (expiry_word(a, &word)) {
            if (!hsetex_expiry(ctx, &i, &word, o)) return false;
        } else {
            reply_errorf(ctx->reply, "ERR unknown argument: %.*s", (int)(a.len < 512 ? a.len : 512), a.ptr);
            return false;
        }
    }
    return hsetex_refuse(ctx, SLICE("ERR missing FIELDS argument"));
}

static bool hsetex_allowed(const struct ctx *ctx, const struct record *r, const struct hsetex *o)
{
    if ((o->nx && r != NULL) || (o->xx && r == NULL)) return false;
    if (!o->fnx && !o->fxx) return true;
    for (int k = 0; k < o->pairs.count; k += 2) {
        char scratch[NUM_I64_TEXT_MAX];
        struct slice value;
        struct slice field = arg(ctx, o->pairs.at + k);
        bool found = r != NULL && hash_get(r, field, ctx->hide_ms, scratch, &value);
        if (found != o->fxx) return false;
    }
    return true;
}

/* Fields that would be past at once: those that were there go. */
static void hsetex_past(struct ctx *ctx, struct store_key key, struct record *r, const struct hsetex *o)
{
    if (r == NULL) return;
    struct words deleted;
    words_init(&deleted, &o->pairs, HEAD_MAX);
    uint64_t parts_ms = record_parts_expire_ms(r);
    for (int k = 0; k < o->pairs.count; k += 2) {
        struct slice field = arg(ctx, o->pairs.at + k);
        if (hash_delete(r, field, ctx->hide_ms)) words_add(&deleted, field);
    }
    if (words_fields(&deleted) > 0) {
        ctx_parts_changed(ctx, key, r, parts_ms);
        fields_changed(ctx, key, r, &deleted, FIELDS_DELETED, 0, SLICE(""));
    }
    words_deinit(&deleted);
}

/* As it came, but for the time. */
static void hsetex_effect(struct ctx *ctx, const struct hsetex *o)
{
    struct number_word ms;
    struct field_args all = {0, ctx->argc};
    struct words words;
    words_init(&words, &all, 0);
    for (int i = 0; i < ctx->argc; i++) words_add(&words, arg(ctx, i));
    words.at[o->expiry_at - 1] = SLICE("PXAT");
    words.at[o->expiry_at] = number_word(&ms, o->ms);
    effect_as(ctx, words.count, words.at);
    words_deinit(&words);
}

void cmd_hsetex(struct ctx *ctx)
{
    struct store_key key = ctx_key(ctx, 1);
    struct hsetex o = {0};
    struct record *r;
    if (!hsetex_parse(ctx, &o) || !hash_find(ctx, key, FOR_WRITE, &r)) return;
    if (!hsetex_allowed(ctx, r, &o)) {
        reply_int(ctx->reply, 0);
        return;
    }
    if (o.expiry_at != 0 && o.ms <= ctx->hide_ms) {
        hsetex_past(ctx, key, r, &o);
        reply_int(ctx->reply, 1);
        return;
    }
    if (r == NULL) r = collection_create(ctx, key, hash_new);
    if (r == NULL) return;
    uint64_t parts_ms = record_parts_expire_ms(r);
    for (int k = 0; k < o.pairs.count; k += 2) {
        (void)hash_set_arg(ctx, r, o.pairs.at + k, o.keep_expiry);
        if (o.expiry_at != 0)
            (void)hash_set_expiry(r, arg(ctx, o.pairs.at + k), ctx->hide_ms, o.ms, ctx_limits(ctx));
    }
    ctx_parts_changed(ctx, key, r, parts_ms);
    key_changed(ctx, key.name, EV_HASH, "hset");
    if (o.expiry_at != 0) {
        key_event(ctx, ctx->db, key.name, EV_HASH, "hexpire");
        hsetex_effect(ctx, &o);
    }
    reply_int(ctx->reply, 1);
}
