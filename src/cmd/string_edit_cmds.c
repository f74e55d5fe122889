/* Commands that look into strings or change a part of them: APPEND, the ranges, the counters, LCS. */
#include "cmd/string_cmds.h"

#include "base/mem.h"
#include "cmd/cmd_impl.h"
#include "cmd/lcs.h"
#include "value/string.h"

#include <math.h>

/* --- lengths and parts --- */

void cmd_strlen(struct ctx *ctx)
{
    struct record *r;
    enum status st = ctx_find_type(ctx, ctx_key(ctx, 1), FOR_READ, TYPE_STRING, &r);
    if (st != ST_OK)
        reply_status(ctx->reply, st);
    else
        reply_int(ctx->reply, r == NULL ? 0 : (int64_t)string_len(r));
}

/* Offsets count from the end when negative; what lies outside is cut off. */
static struct slice range_of(struct slice s, int64_t start, int64_t end)
{
    int64_t len = (int64_t)s.len;
    if (start < 0 && end < 0 && start > end) return SLICE("");
    if (start < 0) start += len;
    if (end < 0) end += len;
    if (start < 0) start = 0;
    if (end < 0) end = 0;
    if (end >= len) end = len - 1;
    if (start > end || len == 0) return SLICE("");
    return slice_of(s.ptr + start, (size_t)(end - start + 1));
}

void cmd_getrange(struct ctx *ctx)
{
    int64_t start, end;
    enum status st = arg_i64(ctx, 2, &start);
    if (st == ST_OK) st = arg_i64(ctx, 3, &end);
    struct record *r = NULL;
    if (st == ST_OK) st = ctx_find_type(ctx, ctx_key(ctx, 1), FOR_READ, TYPE_STRING, &r);
    if (st != ST_OK) {
        reply_status(ctx->reply, st);
        return;
    }
    char scratch[STRING_SCRATCH];
    reply_bulk(ctx->reply, r == NULL ? SLICE("") : range_of(string_view(r, scratch), start, end));
}

void cmd_substr(struct ctx *ctx)
{
    cmd_getrange(ctx);
}

/* --- growing --- */

static bool length_ok(struct ctx *ctx, size_t len, size_t more)
{
    size_t total;
    if (!__builtin_add_overflow(len, more, &total) && (int64_t)total >= 0 &&
        (int64_t)total <= *cmd_config(ctx)->bulk_max)
        return true;
    reply_status(ctx->reply, ST_STRING_TOO_LONG);
    return false;
}

/* Puts a record that was made for an absent key into place; NULL: there was no memory. */
static bool insert_or_reply(struct ctx *ctx, struct store_key key, struct record *owned_r)
{
    if (owned_r == NULL) {
        reply_status(ctx->reply, ST_NO_MEMORY);
        return false;
    }
    ctx_insert(ctx, key, owned_r);
    return true;
}

/* The same for what became of a record that was there. */
static bool change_or_reply(struct ctx *ctx, struct store_key key, struct record_change before, struct record *owned_r)
{
    if (owned_r == NULL) {
        reply_status(ctx->reply, ST_NO_MEMORY);
        return false;
    }
    ctx_change_end(ctx, key, before, owned_r);
    return true;
}

static bool key_fits(struct ctx *ctx, struct store_key key)
{
    if (likely(key.name.len <= KEY_LEN_MAX)) return true;
    reply_status(ctx->reply, ST_NO_MEMORY);
    return false;
}

void cmd_append(struct ctx *ctx)
{
    struct store_key key = ctx_key(ctx, 1);
    struct slice tail = arg(ctx, 2);
    struct record *r;
    enum status st = ctx_find_type(ctx, key, FOR_WRITE, TYPE_STRING, &r);
    size_t len = tail.len;
    if (st != ST_OK) {
        reply_status(ctx->reply, st);
        return;
    }
    if (r == NULL) {
        if (!key_fits(ctx, key) || !insert_or_reply(ctx, key, string_new(key.name, tail))) return;
    } else {
        if (!length_ok(ctx, string_len(r), tail.len)) return;
        len += string_len(r);
        struct record_change before = ctx_change_begin(r);
        if (!change_or_reply(ctx, key, before, string_append(r, tail))) return;
    }
    key_changed(ctx, key.name, EV_STRING, "append");
    reply_int(ctx->reply, (int64_t)len);
}

/* A new string with `bytes` behind `offset` zeros. */
static struct record *padded_new(struct slice key, size_t offset, struct slice bytes)
{
    struct record *r = string_new_text(key, SLICE(""));
    if (r == NULL) return NULL;
    struct record *written = string_write(r, offset, bytes);
    if (written == NULL) record_free(r);
    return written;
}

void cmd_setrange(struct ctx *ctx)
{
    struct store_key key = ctx_key(ctx, 1);
    struct slice bytes = arg(ctx, 3);
    int64_t offset;
    enum status st = arg_i64(ctx, 2, &offset);
    if (st == ST_OK && offset < 0) st = ST_OFFSET_RANGE;
    struct record *r = NULL;
    if (st == ST_OK) st = ctx_find_type(ctx, key, FOR_WRITE, TYPE_STRING, &r);
    if (st != ST_OK) {
        reply_status(ctx->reply, st);
        return;
    }
    size_t len = r == NULL ? 0 : string_len(r);
    if (bytes.len == 0) {
        reply_int(ctx->reply, (int64_t)len);
        return;
    }
    if (!length_ok(ctx, (size_t)offset, bytes.len)) return;
    if (r == NULL) {
        if (!key_fits(ctx, key) || !insert_or_reply(ctx, key, padded_new(key.name, (size_t)offset, bytes))) return;
    } else {
        struct record_change before = ctx_change_begin(r);
        if (!change_or_reply(ctx, key, before, string_write(r, (size_t)offset, bytes))) return;
    }
    key_changed(ctx, key.name, EV_STRING, "setrange");
    size_t end = (size_t)offset + bytes.len;
    reply_int(ctx->reply, (int64_t)(end > len ? end : len));
}

/* --- counters --- */

static enum status record_to_i64(const struct record *r, int64_t *out)
{
    if (string_int(r, out)) return ST_OK;
    char scratch[STRING_SCRATCH];
    return slice_to_i64(string_view(r, scratch), out);
}

static void increment(struct ctx *ctx, int64_t by)
{
    struct store_key key = ctx_key(ctx, 1);
    struct record *r;
    int64_t v = 0;
    enum status st = ctx_find_type(ctx, key, FOR_WRITE, TYPE_STRING, &r);
    if (st == ST_OK && r != NULL) st = record_to_i64(r, &v);
    if (st == ST_OK && !i64_add(v, by, &v)) st = ST_OVERFLOW;
    if (unlikely(st != ST_OK)) {
        reply_status(ctx->reply, st);
        return;
    }
    if (r == NULL) {
        if (!key_fits(ctx, key) || !insert_or_reply(ctx, key, string_new_int(key.name, v))) return;
    } else {
        struct record_change before = ctx_change_begin(r);
        if (!change_or_reply(ctx, key, before, string_put_int(r, v, true))) return;
    }
    key_changed(ctx, key.name, EV_STRING, "incrby");
    reply_int(ctx->reply, v);
}

void cmd_incr(struct ctx *ctx)
{
    increment(ctx, 1);
}

void cmd_decr(struct ctx *ctx)
{
    increment(ctx, -1);
}

void cmd_incrby(struct ctx *ctx)
{
    int64_t by;
    enum status st = arg_i64(ctx, 2, &by);
    if (st != ST_OK)
        reply_status(ctx->reply, st);
    else
        increment(ctx, by);
}

void cmd_decrby(struct ctx *ctx)
{
    int64_t by;
    enum status st = arg_i64(ctx, 2, &by);
    if (st == ST_OK && by == INT64_MIN) st = ST_DECR_OVERFLOW; /* has no opposite */
    if (st != ST_OK)
        reply_status(ctx->reply, st);
    else
        increment(ctx, -by);
}

void cmd_incrbyfloat(struct ctx *ctx)
{
    struct store_key key = ctx_key(ctx, 1);
    struct record *r;
    long double v = 0, by;
    char scratch[STRING_SCRATCH], text[NUM_LONG_DOUBLE_TEXT_MAX];
    enum status st = ctx_find_type(ctx, key, FOR_WRITE, TYPE_STRING, &r);
    if (st == ST_OK && r != NULL) st = slice_to_long_double(string_view(r, scratch), &v);
    if (st == ST_OK) st = slice_to_long_double(arg(ctx, 2), &by);
    if (st == ST_OK) {
        v += by;
        if (!isfinite(v)) st = ST_NAN_INF;
    }
    if (st != ST_OK) {
        reply_status(ctx->reply, st);
        return;
    }
    struct slice sum = slice_of(text, (size_t)long_double_to_text(text, v));
    if (r == NULL) {
        if (!key_fits(ctx, key) || !insert_or_reply(ctx, key, string_new_text(key.name, sum))) return;
    } else {
        struct record_change before = ctx_change_begin(r);
        if (!change_or_reply(ctx, key, before, string_put_text(r, sum, true))) return;
    }
    key_changed(ctx, key.name, EV_STRING, "incrbyfloat");
    /* The result, not the increment: another machine may round differently. */
    effect_words(ctx, SLICE("SET"), key.name, sum, SLICE("KEEPTTL"));
    reply_bulk(ctx->reply, sum);
}

/* --- LCS --- */

struct lcs_options {
    bool len, idx, with_match_len;
    int64_t min_match_len;
};

static bool lcs_options_parse(struct ctx *ctx, struct lcs_options *o)
{
    for (int i = 3; i < ctx->argc; i++) {
        struct slice word = arg(ctx, i);
        if (slice_is(word, "idx")) {
            o->idx = true;
        } else if (slice_is(word, "len")) {
            o->len = true;
        } else if (slice_is(word, "withmatchlen")) {
            o->with_match_len = true;
        } else if (slice_is(word, "minmatchlen") && i + 1 < ctx->argc) {
            enum status st = arg_i64(ctx, ++i, &o->min_match_len);
            if (st != ST_OK) {
                reply_status(ctx->reply, st);
                return false;
            }
        } else {
            reply_syntax(ctx);
            return false;
        }
    }
    if (o->idx && o->len) {
        reply_error(ctx->reply, SLICE("ERR If you want both the length and indexes, please just use IDX."));
        return false;
    }
    return true;
}

static void reply_lcs_text(struct ctx *ctx, const struct lcs *l, struct slice a)
{
    char *text = mem_try_alloc(l->len + 1);
    if (text == NULL) {
        reply_status(ctx->reply, ST_NO_MEMORY);
        return;
    }
    size_t at = 0;
    for (size_t i = l->run_count; i-- > 0; at += l->runs[i].len)
        memcpy(text + at, a.ptr + l->runs[i].a_start, l->runs[i].len);
    reply_bulk(ctx->reply, slice_of(text, at));
    mem_free(text);
}

static void reply_range(struct reply *r, uint32_t start, uint32_t len)
{
    reply_array(r, 2);
    reply_int(r, start);
    reply_int(r, (int64_t)start + len - 1);
}

static void reply_lcs_runs(struct ctx *ctx, const struct lcs *l, const struct lcs_options *o)
{
    int64_t shown = 0;
    reply_map(ctx->reply, 2);
    reply_bulk(ctx->reply, SLICE("matches"));
    struct reply_mark mark = reply_defer(ctx->reply);
    for (size_t i = 0; i < l->run_count; i++) {
        const struct lcs_run *run = &l->runs[i];
        if (run->len < o->min_match_len) continue;
        reply_array(ctx->reply, o->with_match_len ? 3 : 2);
        reply_range(ctx->reply, run->a_start, run->len);
        reply_range(ctx->reply, run->b_start, run->len);
        if (o->with_match_len) reply_int(ctx->reply, run->len);
        shown++;
    }
    reply_defer_array(ctx->reply, mark, shown);
    reply_bulk(ctx->reply, SLICE("len"));
    reply_int(ctx->reply, l->len);
}

void cmd_lcs(struct ctx *ctx)
{
    /* If the second one has expired it goes now, and not while the first one's record is in hand. */
    (void)ctx_find(ctx, ctx_key(ctx, 2), FOR_PEEK);
    struct record *first = ctx_find(ctx, ctx_key(ctx, 1), FOR_READ);
    struct record *second = ctx_find(ctx, ctx_key(ctx, 2), FOR_READ);
    if ((first != NULL && record_type(first) != TYPE_STRING) ||
        (second != NULL && record_type(second) != TYPE_STRING)) {
        reply_error(ctx->reply, SLICE("ERR The specified keys must contain string values"));
        return;
    }
    struct lcs_options o = {0};
    if (!lcs_options_parse(ctx, &o)) return;
    char scratch[2][STRING_SCRATCH];
    struct slice a = first == NULL ? SLICE("") : string_view(first, scratch[0]);
    struct slice b = second == NULL ? SLICE("") : string_view(second, scratch[1]);
    if (a.len >= UINT32_MAX - 1 || b.len >= UINT32_MAX - 1) {
        reply_error(ctx->reply, SLICE("ERR String too long for LCS"));
        return;
    }
    size_t bytes;
    if (__builtin_mul_overflow((a.len + 1) * sizeof(uint32_t), b.len + 1, &bytes) ||
        bytes > (size_t)*cmd_config(ctx)->bulk_max) {
        reply_error(ctx->reply,
                    SLICE("ERR Insufficient memory, transient memory for LCS exceeds proto-max-bulk-len"));
        return;
    }
    struct lcs l = {0};
    if (o.len ? !lcs_length(a, b, &l.len) : !lcs_find(a, b, &l)) {
        reply_error(ctx->reply, SLICE("ERR Insufficient memory, failed allocating transient memory for LCS"));
        return;
    }
    if (o.len)
        reply_int(ctx->reply, l.len);
    else if (o.idx)
        reply_lcs_runs(ctx, &l, &o);
    else
        reply_lcs_text(ctx, &l, a);
    lcs_deinit(&l);
}
