/* Sorted sets by range: of ranks, of scores, of members. All commands of the ZRANGE family are one, with some of the
 * options given beforehand. What they reply is counted first (two descents), so that offsets cost nothing. */
#include "cmd/collection.h"
#include "cmd/zset_args.h"
#include "cmd/zset_cmds.h"

enum range_by { BY_ANY, BY_RANK, BY_SCORE, BY_MEMBER }; /* ANY: options may say so, else by rank */
enum range_order { ORDER_ANY, ORDER_UP, ORDER_DOWN };   /* ANY: options may say so, else up */

struct zrange {
    int key, min; /* arguments; the upper bound and the options follow the lower one */
    bool store;
    enum range_by by;
    enum range_order order;
    bool with_scores, limited;
    int64_t offset, limit; /* limit < 0: all */
    struct zset_range range;
    int64_t start, stop; /* by rank */
};

/* LIMIT takes two arguments at i. */
static bool limit_take(struct ctx *ctx, int i, struct zrange *z)
{
    if (arg_i64(ctx, i, &z->offset) != ST_OK || arg_i64(ctx, i + 1, &z->limit) != ST_OK) {
        reply_status(ctx->reply, ST_NOT_INT);
        return false;
    }
    z->limited = true;
    return true;
}

static bool options_take(struct ctx *ctx, struct zrange *z)
{
    bool any_order = z->order == ORDER_ANY;
    for (int i = z->min + 2; i < ctx->argc; i++) {
        struct slice word = arg(ctx, i);
        if (!z->store && slice_is(word, "withscores")) {
            z->with_scores = true;
        } else if (slice_is(word, "limit") && i + 2 < ctx->argc) {
            if (!limit_take(ctx, i + 1, z)) return false;
            i += 2;
        } else if (any_order && z->order == ORDER_ANY && slice_is(word, "rev")) {
            z->order = ORDER_DOWN;
        } else if (z->by == BY_ANY && slice_is(word, "bylex")) {
            z->by = BY_MEMBER;
        } else if (z->by == BY_ANY && slice_is(word, "byscore")) {
            z->by = BY_SCORE;
        } else {
            reply_syntax(ctx);
            return false;
        }
    }
    if (z->by == BY_ANY) z->by = BY_RANK;
    if (z->order == ORDER_ANY) z->order = ORDER_UP;
    return true;
}

static bool options_agree(struct ctx *ctx, const struct zrange *z)
{
    if (z->by == BY_RANK && z->limited && z->limit != -1)
        reply_error(ctx->reply, SLICE("ERR syntax error, LIMIT is only supported in combination with either BYSCORE or "
                                      "BYLEX"));
    else if (z->by == BY_MEMBER && z->with_scores)
        reply_error(ctx->reply, SLICE("ERR syntax error, WITHSCORES not supported in combination with BYLEX"));
    else
        return true;
    return false;
}

static bool rank_args(struct ctx *ctx, int start_arg, int stop_arg, int64_t *start, int64_t *stop)
{
    if (arg_i64(ctx, start_arg, start) == ST_OK && arg_i64(ctx, stop_arg, stop) == ST_OK) return true;
    reply_status(ctx->reply, ST_NOT_INT);
    return false;
}

/* Downwards the higher bound comes first. */
static bool bounds_take(struct ctx *ctx, struct zrange *z)
{
    bool swapped = z->order == ORDER_DOWN;
    int low = z->min + swapped, high = z->min + !swapped;
    switch (z->by) {
    case BY_SCORE: return zset_range_by_score(ctx, low, high, &z->range);
    case BY_MEMBER: return zset_range_by_member(ctx, low, high, &z->range);
    default: return rank_args(ctx, z->min, z->min + 1, &z->start, &z->stop);
    }
}

/* How many elements are wanted, and the rank of the first in the order that is wanted. */
static size_t zrange_ranks(const struct record *r, const struct zrange *z, size_t *first)
{
    size_t len = zset_len(r), low = 0, count;
    bool down = z->order == ORDER_DOWN;
    if (z->by == BY_RANK) {
        count = zset_rank_range(len, z->start, z->stop, first);
        if (count > 0 && down) *first = len - 1 - *first;
        return count;
    }
    count = zset_range_ranks(r, &z->range, &low);
    if (z->limited) {
        if (z->offset < 0 || (uint64_t)z->offset >= count) return 0;
        count -= (size_t)z->offset;
        if (!down) low += (size_t)z->offset;
        if (z->limit >= 0 && (uint64_t)z->limit < count) {
            if (down) low += count - (size_t)z->limit;
            count = (size_t)z->limit;
        }
    }
    *first = down && count > 0 ? low + count - 1 : low;
    return count;
}

static bool zrange_parse(struct ctx *ctx, struct zrange *z)
{
    return options_take(ctx, z) && options_agree(ctx, z) && bounds_take(ctx, z);
}

static void zrange(struct ctx *ctx, enum range_by by, enum range_order order)
{
    struct zrange z = {.key = 1, .min = 2, .by = by, .order = order};
    struct record *r;
    size_t first = 0, count = 0;
    if (!zrange_parse(ctx, &z)) return;
    if (!collection_find(ctx, ctx_key(ctx, z.key), FOR_READ, TYPE_ZSET, &r)) return;
    if (r != NULL) count = zrange_ranks(r, &z, &first);
    reply_zset_elements(ctx->reply, r, first, count, z.order == ORDER_DOWN, z.with_scores);
}

void cmd_zrange(struct ctx *ctx)
{
    zrange(ctx, BY_ANY, ORDER_ANY);
}

void cmd_zrevrange(struct ctx *ctx)
{
    zrange(ctx, BY_RANK, ORDER_DOWN);
}

void cmd_zrangebyscore(struct ctx *ctx)
{
    zrange(ctx, BY_SCORE, ORDER_UP);
}

void cmd_zrevrangebyscore(struct ctx *ctx)
{
    zrange(ctx, BY_SCORE, ORDER_DOWN);
}

void cmd_zrangebylex(struct ctx *ctx)
{
    zrange(ctx, BY_MEMBER, ORDER_UP);
}

void cmd_zrevrangebylex(struct ctx *ctx)
{
    zrange(ctx, BY_MEMBER, ORDER_DOWN);
}

/* Ascending, whatever the order of the range: each element then goes behind the last. */
static void copy_elements(struct ctx *ctx, struct record *to, const struct record *from, size_t low, size_t count)
{
    struct zset_place place;
    struct zset_item item;
    zset_seek_rank(from, low, &place);
    while (count-- > 0 && zset_next(&place, &item))
        (void)zset_put(to, item.member, item.score, NULL, ctx_limits(ctx));
    zset_settle(to, ctx_limits(ctx));
}

void cmd_zrangestore(struct ctx *ctx)
{
    struct zrange z = {.key = 2, .min = 3, .store = true};
    struct record *from, *result = NULL;
    size_t first = 0, count = 0;
    if (!zrange_parse(ctx, &z)) return;
    if (!collection_find(ctx, ctx_key(ctx, z.key), FOR_READ, TYPE_ZSET, &from)) return;
    if (from != NULL) count = zrange_ranks(from, &z, &first);
    struct store_key key = ctx_key(ctx, 1);
    if (count > 0) {
        result = unlikely(key.name.len > KEY_LEN_MAX) ? NULL : zset_new(key.name);
        if (unlikely(result == NULL)) {
            reply_status(ctx->reply, ST_NO_MEMORY);
            return;
        }
        copy_elements(ctx, result, from, z.order == ORDER_DOWN ? first - (count - 1) : first, count);
    }
    collection_store(ctx, key, result, EV_ZSET, "zrangestore");
    reply_int(ctx->reply, (int64_t)count);
}

/* --- counting and removing --- */

static void count_reply(struct ctx *ctx, const struct zset_range *range)
{
    struct record *r;
    size_t first;
    if (!collection_find(ctx, ctx_key(ctx, 1), FOR_READ, TYPE_ZSET, &r)) return;
    reply_int(ctx->reply, r == NULL ? 0 : (int64_t)zset_range_ranks(r, range, &first));
}

void cmd_zcount(struct ctx *ctx)
{
    struct zset_range range;
    if (zset_range_by_score(ctx, 2, 3, &range)) count_reply(ctx, &range);
}

void cmd_zlexcount(struct ctx *ctx)
{
    struct zset_range range;
    if (zset_range_by_member(ctx, 2, 3, &range)) count_reply(ctx, &range);
}

static void removed_reply(struct ctx *ctx, struct store_key key, struct record *r, size_t removed, const char *event)
{
    if (removed > 0) {
        key_changed(ctx, key.name, EV_ZSET, event);
        (void)collection_drop_if_empty(ctx, key, r);
    }
    reply_int(ctx->reply, (int64_t)removed);
}

static void remove_range(struct ctx *ctx, const struct zset_range *range, const char *event)
{
    struct store_key key = ctx_key(ctx, 1);
    struct record *r;
    if (!collection_find(ctx, key, FOR_WRITE, TYPE_ZSET, &r)) return;
    size_t removed = r == NULL ? 0 : zset_remove_range(r, &range->from, &range->to, NULL, NULL);
    removed_reply(ctx, key, r, removed, event);
}

void cmd_zremrangebyscore(struct ctx *ctx)
{
    struct zset_range range;
    if (zset_range_by_score(ctx, 2, 3, &range)) remove_range(ctx, &range, "zremrangebyscore");
}

void cmd_zremrangebylex(struct ctx *ctx)
{
    struct zset_range range;
    if (zset_range_by_member(ctx, 2, 3, &range)) remove_range(ctx, &range, "zremrangebylex");
}

void cmd_zremrangebyrank(struct ctx *ctx)
{
    struct store_key key = ctx_key(ctx, 1);
    struct record *r;
    int64_t start, stop;
    size_t first = 0;
    if (!rank_args(ctx, 2, 3, &start, &stop)) return;
    if (!collection_find(ctx, key, FOR_WRITE, TYPE_ZSET, &r)) return;
    size_t count = r == NULL ? 0 : zset_rank_range(zset_len(r), start, stop, &first);
    size_t removed = count == 0 ? 0 : zset_remove_ranks(r, first, count, NULL, NULL);
    removed_reply(ctx, key, r, removed, "zremrangebyrank");
}
