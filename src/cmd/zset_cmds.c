/* Sorted sets by member: adding, removing, asking, choosing at random, scanning. Ranges are in zset_range_cmds.c. */
#include "cmd/zset_cmds.h"

#include "base/glob.h"
#include "base/mem.h"
#include "cmd/collection.h"
#include "cmd/zset_args.h"

#include <math.h>

/* Members that stand in every step-th argument from `first` on: when i is the first of some, fetches what looking them
 * up will read. */
static void members_ahead(const struct ctx *ctx, const struct record *r, int first, int i, int step)
{
    enum { AHEAD = 16 };
    uint64_t hashes[AHEAD];
    int n = 0;
    if ((i - first) % (AHEAD * step) != 0 || i + step >= ctx->argc) return;
    for (int at = i; n < AHEAD && at < ctx->argc; at += step) hashes[n++] = record_prefetch(r, arg(ctx, at));
    for (int k = 0; k < n; k++) record_prefetch_element(r, hashes[k]);
}

/* --- ZADD, ZINCRBY --- */

struct zadd_options {
    bool nx, xx, gt, lt, ch, incr;
};

struct zadd_result {
    int64_t added, updated;
    bool processed; /* the last pair was not left alone by a condition */
    double score;   /* of the last pair */
};

/* Takes the options from argument 2 on; returns the position of the first score. */
static int zadd_options_take(const struct ctx *ctx, struct zadd_options *o)
{
    int i = 2;
    for (; i < ctx->argc; i++) {
        struct slice word = arg(ctx, i);
        if (word.len > 0 && (word.ptr[0] == '-' || (word.ptr[0] >= '0' && word.ptr[0] <= '9'))) break;
        if (slice_is(word, "nx")) o->nx = true;
        else if (slice_is(word, "xx")) o->xx = true;
        else if (slice_is(word, "gt")) o->gt = true;
        else if (slice_is(word, "lt")) o->lt = true;
        else if (slice_is(word, "ch")) o->ch = true;
        else if (slice_is(word, "incr")) o->incr = true;
        else break;
    }
    return i;
}

static bool zadd_options_ok(struct ctx *ctx, const struct zadd_options *o, int words)
{
    const char *error = NULL;
    if (words == 0 || words % 2 != 0)
        error = "ERR syntax error";
    else if (o->nx && o->xx)
        error = "ERR XX and NX options at the same time are not compatible";
    else if ((o->gt && (o->nx || o->lt)) || (o->lt && o->nx))
        error = "ERR GT, LT, and/or NX options at the same time are not compatible";
    else if (o->incr && words > 2)
        error = "ERR INCR option supports a single increment-element pair";
    if (error == NULL) return true;
    reply_error(ctx->reply, slice_cstr(error));
    return false;
}

/* Puts one pair as the options want it. False: the sum would be NaN. */
static bool zadd_put(struct record *r, struct slice member, double score, const struct zadd_options *o,
                     const struct value_limits *limits, struct zadd_result *result)
{
    if (o->nx || o->xx || o->gt || o->lt || o->incr) {
        double was;
        bool present = zset_score(r, member, &was);
        result->processed = present ? !o->nx : !o->xx;
        if (!result->processed) return true;
        if (present && o->incr) score += was;
        if (isnan(score)) return false;
        result->processed = !present || !((o->gt && score <= was) || (o->lt && score >= was));
        if (!result->processed) return true;
    }
    result->score = score;
    enum zset_change change = zset_put(r, member, score, NULL, limits);
    result->added += change == ZSET_ADDED;
    result->updated += change == ZSET_UPDATED;
    return true;
}

static void zadd_reply(struct ctx *ctx, const struct zadd_options *o, const struct zadd_result *result)
{
    if (!o->incr)
        reply_int(ctx->reply, result->added + (o->ch ? result->updated : 0));
    else if (result->processed)
        reply_double(ctx->reply, result->score);
    else
        reply_null(ctx->reply);
}

/* The pairs of score and member from argument `first` on; scores[] has them parsed. */
static void zadd_pairs(struct ctx *ctx, int first, const double *scores, const struct zadd_options *o)
{
    struct store_key key = ctx_key(ctx, 1);
    const struct value_limits *limits = ctx_limits(ctx);
    struct zadd_result result = {0};
    struct record *r;
    if (!collection_find(ctx, key, FOR_WRITE, TYPE_ZSET, &r)) return;
    if (r == NULL && !o->xx && (r = collection_create(ctx, key, zset_new)) == NULL) return;
    for (int i = first; r != NULL && i < ctx->argc; i += 2) {
        members_ahead(ctx, r, first + 1, i + 1, 2);
        if (unlikely(!zadd_put(r, arg(ctx, i + 1), *scores++, o, limits, &result))) {
            reply_error(ctx->reply, SLICE("ERR resulting score is not a number (NaN)"));
            return;
        }
    }
    if (result.added + result.updated > 0) key_changed(ctx, key.name, EV_ZSET, o->incr ? "zincr" : "zadd");
    zadd_reply(ctx, o, &result);
}

/* All scores are parsed before anything is changed. */
static void zadd(struct ctx *ctx, int first, const struct zadd_options *o)
{
    enum { LOCAL_MAX = 32 };
    double local[LOCAL_MAX], *scores = local;
    int count = (ctx->argc - first) / 2;
    if (unlikely(count > LOCAL_MAX)) scores = mem_alloc((size_t)count * sizeof *scores);
    enum status st = ST_OK;
    for (int i = 0; i < count && st == ST_OK; i++) st = slice_to_double(arg(ctx, first + 2 * i), &scores[i]);
    if (likely(st == ST_OK))
        zadd_pairs(ctx, first, scores, o);
    else
        reply_status(ctx->reply, st);
    if (unlikely(scores != local)) mem_free(scores);
}

void cmd_zadd(struct ctx *ctx)
{
    struct zadd_options o = {0};
    int first = zadd_options_take(ctx, &o);
    if (zadd_options_ok(ctx, &o, ctx->argc - first)) zadd(ctx, first, &o);
}

void cmd_zincrby(struct ctx *ctx)
{
    zadd(ctx, 2, &(struct zadd_options){.incr = true});
}

void cmd_zrem(struct ctx *ctx)
{
    struct store_key key = ctx_key(ctx, 1);
    struct record *r;
    if (!collection_find(ctx, key, FOR_WRITE, TYPE_ZSET, &r)) return;
    int64_t removed = 0;
    for (int i = 2; r != NULL && i < ctx->argc; i++) {
        members_ahead(ctx, r, 2, i, 1);
        removed += zset_remove(r, arg(ctx, i));
    }
    if (removed > 0) {
        key_changed(ctx, key.name, EV_ZSET, "zrem");
        (void)collection_drop_if_empty(ctx, key, r);
    }
    reply_int(ctx->reply, removed);
}

/* --- asking --- */

void cmd_zcard(struct ctx *ctx)
{
    struct record *r;
    if (!collection_find(ctx, ctx_key(ctx, 1), FOR_READ, TYPE_ZSET, &r)) return;
    reply_int(ctx->reply, r == NULL ? 0 : (int64_t)zset_len(r));
}

static void reply_score_of(struct ctx *ctx, const struct record *r, struct slice member)
{
    double score;
    if (r != NULL && zset_score(r, member, &score))
        reply_double(ctx->reply, score);
    else
        reply_null(ctx->reply);
}

void cmd_zscore(struct ctx *ctx)
{
    struct record *r;
    if (collection_find(ctx, ctx_key(ctx, 1), FOR_READ, TYPE_ZSET, &r)) reply_score_of(ctx, r, arg(ctx, 2));
}

void cmd_zmscore(struct ctx *ctx)
{
    struct record *r;
    if (!collection_find(ctx, ctx_key(ctx, 1), FOR_READ, TYPE_ZSET, &r)) return;
    reply_array(ctx->reply, ctx->argc - 2);
    for (int i = 2; i < ctx->argc; i++) {
        if (r != NULL) members_ahead(ctx, r, 2, i, 1);
        reply_score_of(ctx, r, arg(ctx, i));
    }
}

static void rank_reply(struct ctx *ctx, bool reverse)
{
    bool with_score = ctx->argc > 3;
    if (ctx->argc > 4) {
        reply_wrong_arity(ctx);
        return;
    }
    if (with_score && !slice_is(arg(ctx, 3), "withscore")) {
        reply_syntax(ctx);
        return;
    }
    struct record *r;
    size_t rank;
    double score;
    if (!collection_find(ctx, ctx_key(ctx, 1), FOR_READ, TYPE_ZSET, &r)) return;
    if (r == NULL || !zset_rank(r, arg(ctx, 2), reverse, &rank)) {
        if (with_score)
            reply_null_array(ctx->reply);
        else
            reply_null(ctx->reply);
        return;
    }
    if (with_score) reply_array(ctx->reply, 2);
    reply_int(ctx->reply, (int64_t)rank);
    if (with_score && zset_score(r, arg(ctx, 2), &score)) reply_double(ctx->reply, score);
}

void cmd_zrank(struct ctx *ctx)
{
    rank_reply(ctx, false);
}

void cmd_zrevrank(struct ctx *ctx)
{
    rank_reply(ctx, true);
}

/* --- ZRANDMEMBER --- */

static void reply_member(void *arg, struct slice member, double score)
{
    (void)score;
    reply_bulk(arg, member);
}

static void reply_member_and_score(void *arg, struct slice member, double score)
{
    reply_scored_item(arg, member, score);
}

static bool random_options(struct ctx *ctx, int64_t *count, bool *with_scores)
{
    *with_scores = ctx->argc > 3;
    if (arg_i64(ctx, 2, count) != ST_OK) {
        reply_status(ctx->reply, ST_NOT_INT);
    } else if (*count == INT64_MIN) {
        reply_errorf(ctx->reply, "ERR value is out of range, value must between %lld and %lld", -(long long)INT64_MAX,
                     (long long)INT64_MAX);
    } else if (ctx->argc > 4 || (ctx->argc == 4 && !slice_is(arg(ctx, 3), "withscores"))) {
        reply_syntax(ctx);
    } else if (*with_scores && (*count < -INT64_MAX / 2 || *count > INT64_MAX / 2)) {
        reply_status(ctx->reply, ST_RANGE);
    } else {
        return true;
    }
    return false;
}

static void random_one(struct ctx *ctx)
{
    struct record *r;
    char scratch[NUM_I64_TEXT_MAX];
    if (!collection_find(ctx, ctx_key(ctx, 1), FOR_READ, TYPE_ZSET, &r)) return;
    if (r == NULL)
        reply_null(ctx->reply);
    else
        reply_bulk(ctx->reply, zset_random(r, engine_prng(ctx->engine), scratch).member);
}

void cmd_zrandmember(struct ctx *ctx)
{
    int64_t count;
    bool with_scores;
    struct record *r;
    if (ctx->argc == 2) {
        random_one(ctx);
        return;
    }
    if (!random_options(ctx, &count, &with_scores)) return;
    if (!collection_find(ctx, ctx_key(ctx, 1), FOR_READ, TYPE_ZSET, &r)) return;
    size_t len = r == NULL ? 0 : zset_len(r), wanted = count < 0 ? (size_t)-count : (size_t)count;
    if (len == 0) wanted = 0;
    if (count > 0 && wanted > len) wanted = len;
    if (with_scores)
        reply_scored_array(ctx->reply, wanted);
    else
        reply_array(ctx->reply, (int64_t)wanted);
    zset_fn *fn = with_scores ? reply_member_and_score : reply_member;
    if (wanted == 0) return;
    if (count < 0)
        zset_draw(r, engine_prng(ctx->engine), wanted, fn, ctx->reply);
    else
        (void)zset_sample(r, engine_prng(ctx->engine), wanted, fn, ctx->reply);
}

/* --- ZSCAN --- */

struct zscan {
    struct reply *reply;
    const struct scan_args *args;
    int64_t seen, replied; /* elements; words in the reply */
};

static void zscan_visit(void *arg, struct slice member, double score)
{
    struct zscan *s = arg;
    char text[NUM_DOUBLE_TEXT_MAX];
    s->seen++;
    if (s->args->pattern.ptr != NULL && !glob_match(s->args->pattern, member, false)) return;
    reply_bulk(s->reply, member);
    s->replied++;
    if (s->args->flag) return;
    reply_bulk(s->reply, slice_of(text, (size_t)double_to_text(text, score))); /* text in both protocols */
    s->replied++;
}

/* The cursor stands before the elements and is known after them: they are captured. */
static void zscan_reply(struct ctx *ctx, const struct record *r, const struct scan_args *args)
{
    enum { STEPS_PER_COUNT = 10 }; /* an index that lost most of its elements is walked no further at one go */
    struct reply body;
    reply_init(&body, ctx->reply->pool);
    struct zscan s = {&body, args, 0, 0};
    struct number_word word;
    uint64_t cursor = args->cursor;
    int64_t steps = 0;
    do {
        cursor = zset_scan(r, cursor, zscan_visit, &s);
        steps++;
    } while (cursor != 0 && s.seen < args->count && steps / STEPS_PER_COUNT < args->count);
    reply_array(ctx->reply, 2);
    reply_bulk(ctx->reply, number_word(&word, cursor));
    reply_array(ctx->reply, s.replied);
    reply_splice(ctx->reply, &body);
    reply_deinit(&body);
}

void cmd_zscan(struct ctx *ctx)
{
    struct scan_args args;
    struct record *r;
    if (!scan_cursor_parse(arg(ctx, 2), &args.cursor)) {
        reply_status(ctx->reply, ST_INVALID_CURSOR);
        return;
    }
    if (!collection_find(ctx, ctx_key(ctx, 1), FOR_READ, TYPE_ZSET, &r)) return;
    if (r != NULL) { /* the options of a scan over nothing are not looked at */
        if (scan_args_parse(ctx, "noscores", &args)) zscan_reply(ctx, r, &args);
        return;
    }
    reply_array(ctx->reply, 2);
    reply_bulk(ctx->reply, SLICE("0"));
    reply_array(ctx->reply, 0);
}
