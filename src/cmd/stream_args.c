/* What the arguments of stream commands say: IDs, ranges, trimming. */
#include "cmd/stream_impl.h"

#include "base/mem.h"

static const char invalid_id[] = "ERR Invalid stream ID specified as stream command argument";

/* Unlike other numbers these may have a plus and zeros in front. */
static bool digits_parse(struct slice text, uint64_t *out)
{
    uint64_t v = 0;
    size_t i = text.len > 1 && text.ptr[0] == '+';
    if (text.len == 0 || text.len > 100) return false;
    for (; i < text.len; i++) {
        unsigned digit = (unsigned)(unsigned char)text.ptr[i] - '0';
        if (digit > 9 || __builtin_mul_overflow(v, (uint64_t)10, &v) || __builtin_add_overflow(v, (uint64_t)digit, &v))
            return false;
    }
    *out = v;
    return true;
}

static struct slice split_id(struct slice text, struct slice *seq)
{
    const char *dash = text.len == 0 ? NULL : memchr(text.ptr, '-', text.len);
    *seq = (struct slice){NULL, 0};
    if (dash == NULL) return text;
    *seq = slice_of(dash + 1, (size_t)(text.ptr + text.len - dash - 1));
    return slice_of(text.ptr, (size_t)(dash - text.ptr));
}

bool stream_id_parse(struct slice text, uint64_t missing_seq, bool special, struct stream_id *out)
{
    if (text.len == 1 && (text.ptr[0] == '-' || text.ptr[0] == '+')) {
        *out = text.ptr[0] == '-' ? STREAM_ID_MIN : STREAM_ID_MAX;
        return special;
    }
    struct slice seq, ms = split_id(text, &seq);
    out->seq = missing_seq;
    return digits_parse(ms, &out->ms) && (seq.ptr == NULL || digits_parse(seq, &out->seq));
}

static bool id_or_error(struct ctx *ctx, struct slice text, uint64_t missing_seq, bool special, struct stream_id *out)
{
    if (likely(stream_id_parse(text, missing_seq, special, out))) return true;
    reply_error(ctx->reply, slice_cstr(invalid_id));
    return false;
}

bool arg_stream_id(struct ctx *ctx, int i, uint64_t missing_seq, struct stream_id *out)
{
    return id_or_error(ctx, arg(ctx, i), missing_seq, false, out);
}

bool arg_stream_id_special(struct ctx *ctx, int i, uint64_t missing_seq, struct stream_id *out)
{
    return id_or_error(ctx, arg(ctx, i), missing_seq, true, out);
}

/* ---- ranges */

static bool bound_parse(struct ctx *ctx, int i, uint64_t missing_seq, struct stream_id *out, bool *excluded)
{
    struct slice text = arg(ctx, i);
    *excluded = text.len > 1 && text.ptr[0] == '(';
    if (*excluded) return id_or_error(ctx, slice_of(text.ptr + 1, text.len - 1), missing_seq, false, out);
    return id_or_error(ctx, text, missing_seq, true, out);
}

static bool start_exclude(struct ctx *ctx, bool excluded, struct stream_id *start)
{
    if (!excluded || stream_id_increment(start)) return true;
    reply_error(ctx->reply, SLICE("ERR invalid start ID for the interval"));
    return false;
}

bool arg_stream_start(struct ctx *ctx, int i, struct stream_id *start)
{
    bool excluded;
    return bound_parse(ctx, i, 0, start, &excluded) && start_exclude(ctx, excluded, start);
}

bool arg_stream_range(struct ctx *ctx, int start_arg, int end_arg, struct stream_id *start, struct stream_id *end)
{
    bool start_excluded, end_excluded;
    if (!bound_parse(ctx, start_arg, 0, start, &start_excluded) || !start_exclude(ctx, start_excluded, start) ||
        !bound_parse(ctx, end_arg, UINT64_MAX, end, &end_excluded))
        return false;
    if (!end_excluded || stream_id_decrement(end)) return true;
    reply_error(ctx->reply, SLICE("ERR invalid end ID for the interval"));
    return false;
}

bool arg_stream_ids(struct ctx *ctx, int first, int count, struct stream_ids *out)
{
    out->count = count;
    out->ids = count <= (int)ARRAY_LEN(out->few) ? out->few : mem_alloc((size_t)count * sizeof(*out->ids));
    for (int i = 0; i < count; i++) {
        if (arg_stream_id(ctx, first + i, 0, &out->ids[i])) continue;
        stream_ids_free(out);
        return false;
    }
    return true;
}

void stream_ids_free(struct stream_ids *ids)
{
    if (ids->ids != ids->few) mem_free(ids->ids);
}

/* ---- trimming */

bool stream_refs_parse(struct slice word, enum stream_refs *out)
{
    if (slice_is(word, "keepref"))
        *out = STREAM_REFS_KEEP;
    else if (slice_is(word, "delref"))
        *out = STREAM_REFS_DROP;
    else if (slice_is(word, "acked"))
        *out = STREAM_REFS_ACKED;
    else
        return false;
    return true;
}

static bool fail(struct ctx *ctx, const char *message)
{
    reply_error(ctx->reply, slice_cstr(message));
    return false;
}

static bool count_parse(struct ctx *ctx, int i, const char *negative, uint64_t *out)
{
    int64_t v;
    enum status st = arg_i64(ctx, i, &v);
    if (st != ST_OK) {
        reply_status(ctx->reply, st);
        return false;
    }
    if (v < 0) return fail(ctx, negative);
    *out = (uint64_t)v;
    return true;
}

/* MAXLEN or MINID at argument *i, its operator and threshold behind it. */
static bool strategy_parse(struct ctx *ctx, int *i, bool is_maxlen, struct stream_options *o)
{
    if (o->trim.by != STREAM_TRIM_NONE)
        return fail(ctx, "ERR syntax error, MAXLEN and MINID options at the same time are not compatible");
    o->trim.by = is_maxlen ? STREAM_TRIM_MAXLEN : STREAM_TRIM_MINID;
    struct slice next = arg(ctx, *i + 1);
    if (*i + 2 < ctx->argc && next.len == 1 && (next.ptr[0] == '~' || next.ptr[0] == '=')) {
        o->trim.approx = next.ptr[0] == '~';
        if (o->trim.approx) o->approx_arg = *i + 1;
        ++*i;
    }
    o->threshold_arg = ++*i;
    if (is_maxlen)
        return count_parse(ctx, *i, "ERR The MAXLEN argument must be >= 0.", &o->trim.max_len);
    return arg_stream_id(ctx, *i, 0, &o->trim.min_id);
}

static bool id_parse(struct ctx *ctx, int i, struct stream_options *o)
{
    struct slice text = arg(ctx, i), seq, ms = split_id(text, &seq);
    o->id_arg = i;
    o->id_kind = STREAM_ID_GIVEN;
    if (seq.len == 1 && seq.ptr[0] == '*') {
        o->id_kind = STREAM_ID_AUTO_SEQ;
        o->id.seq = 0;
        return digits_parse(ms, &o->id.ms) || fail(ctx, invalid_id);
    }
    return arg_stream_id(ctx, i, 0, &o->id);
}

enum { LIMIT_NODES = 100, LIMIT_DEFAULT = 10000, LIMIT_MAX = 1000000 };

/* How many entries approximate trimming takes away at most when nobody says it. */
static uint64_t default_limit(const struct ctx *ctx)
{
    int64_t entries = ctx_limits(ctx)->stream_node_max_entries, limit;
    if (entries <= 0 || !i64_mul(entries, LIMIT_NODES, &limit)) return entries <= 0 ? LIMIT_DEFAULT : LIMIT_MAX;
    return (uint64_t)(limit < LIMIT_MAX ? limit : LIMIT_MAX);
}

static bool options_judge(struct ctx *ctx, bool is_xadd, struct stream_options *o)
{
    if (o->limit_arg != 0 && o->trim.by == STREAM_TRIM_NONE)
        return fail(ctx, "ERR syntax error, LIMIT cannot be used without specifying a trimming strategy");
    if (!is_xadd && o->trim.by == STREAM_TRIM_NONE)
        return fail(ctx, "ERR syntax error, XTRIM must be called with a trimming strategy");
    /* Logs that other servers wrote have a LIMIT beside "=": what it limited is in the threshold already. */
    if (o->limit_arg != 0 && !o->trim.approx) {
        if (!(session_flags(ctx->session) & SESSION_INTERNAL))
            return fail(ctx, "ERR syntax error, LIMIT cannot be used without the special ~ option");
        o->trim.limit = 0;
    }
    if (o->trim.approx && o->limit_arg == 0) o->trim.limit = default_limit(ctx);
    return true;
}

bool stream_options_parse(struct ctx *ctx, bool is_xadd, struct stream_options *o)
{
    *o = (struct stream_options){.id_arg = ctx->argc};
    for (int i = 2; i < ctx->argc; i++) {
        struct slice word = arg(ctx, i);
        bool valued = i + 1 < ctx->argc;
        if (is_xadd && word.len == 1 && word.ptr[0] == '*') {
            o->id_arg = i;
            o->id_kind = STREAM_ID_AUTO;
            break;
        }
        if (valued && (slice_is(word, "maxlen") || slice_is(word, "minid"))) {
            if (!strategy_parse(ctx, &i, slice_is(word, "maxlen"), o)) return false;
        } else if (valued && slice_is(word, "limit")) {
            o->limit_arg = ++i;
            if (!count_parse(ctx, i, "ERR The LIMIT argument must be >= 0.", &o->trim.limit)) return false;
        } else if (is_xadd && slice_is(word, "nomkstream")) {
            o->no_mkstream = true;
        } else if (stream_refs_parse(word, &o->trim.refs)) {
            continue;
        } else if (is_xadd) {
            if (!id_parse(ctx, i, o)) return false;
            break;
        } else {
            reply_syntax(ctx);
            return false;
        }
    }
    return options_judge(ctx, is_xadd, o);
}
