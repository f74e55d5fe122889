/* What the commands on sorted sets share. */
#include "cmd/zset_args.h"

#include "base/mem.h"

#include <math.h>
#include <stdlib.h>

/* ---- ranges ---- */

/* A bound is read as strtod reads it: also with leading spaces, empty for 0, or out of range for an infinity. */
static bool score_parse_lax(struct slice text, double *out)
{
    char local[64], *copy = text.len < sizeof local ? local : mem_try_alloc(text.len + 1), *end;
    if (copy == NULL) return false;
    if (text.len > 0) memcpy(copy, text.ptr, text.len);
    copy[text.len] = '\0';
    *out = strtod(copy, &end);
    bool ok = *end == '\0' && !isnan(*out);
    if (copy != local) mem_free(copy);
    return ok;
}

static bool score_bound(struct slice text, bool upper, struct scoretree_bound *out)
{
    bool exclusive = text.len > 0 && text.ptr[0] == '(';
    double score;
    if (exclusive) text = slice_of(text.ptr + 1, text.len - 1);
    if (slice_to_double(text, &score) != ST_OK && !score_parse_lax(text, &score)) return false;
    *out = scoretree_by_score(score, exclusive != upper);
    return true;
}

bool zset_range_by_score(struct ctx *ctx, int min_arg, int max_arg, struct zset_range *out)
{
    if (score_bound(arg(ctx, min_arg), false, &out->from) && score_bound(arg(ctx, max_arg), true, &out->to))
        return true;
    reply_status(ctx->reply, ST_MIN_MAX_NOT_FLOAT);
    return false;
}

static bool member_bound(struct slice text, bool upper, struct scoretree_bound *out)
{
    if (slice_eq(text, SLICE("-"))) {
        *out = scoretree_by_score(-INFINITY, false);
    } else if (slice_eq(text, SLICE("+"))) {
        *out = scoretree_by_score(INFINITY, true);
    } else if (text.len > 0 && (text.ptr[0] == '[' || text.ptr[0] == '(')) {
        bool exclusive = text.ptr[0] == '(';
        *out = scoretree_by_member(slice_of(text.ptr + 1, text.len - 1), exclusive != upper);
    } else {
        return false;
    }
    return true;
}

bool zset_range_by_member(struct ctx *ctx, int min_arg, int max_arg, struct zset_range *out)
{
    if (member_bound(arg(ctx, min_arg), false, &out->from) && member_bound(arg(ctx, max_arg), true, &out->to))
        return true;
    reply_error(ctx->reply, SLICE("ERR min or max not valid string range item"));
    return false;
}

size_t zset_range_ranks(const struct record *r, const struct zset_range *range, size_t *first)
{
    *first = zset_seek(r, &range->from, NULL);
    size_t end = zset_seek(r, &range->to, NULL);
    return end > *first ? end - *first : 0;
}

size_t zset_rank_range(size_t len, int64_t start, int64_t stop, size_t *first)
{
    int64_t n = (int64_t)len;
    if (start < 0) start += n;
    if (stop < 0) stop += n;
    if (start < 0) start = 0;
    if (stop >= n) stop = n - 1;
    if (start > stop) return 0;
    *first = (size_t)start;
    return (size_t)(stop - start) + 1;
}

/* ---- replies ---- */

void reply_scored_array(struct reply *reply, size_t n)
{
    reply_array(reply, (int64_t)(reply->protocol == 2 ? 2 * n : n));
}

void reply_scored_item(struct reply *reply, struct slice member, double score)
{
    if (reply->protocol != 2) reply_short(reply, "*2\r\n", 4);
    reply_bulk_inline(reply, member);
    reply_double(reply, score);
}

void reply_zset_elements(struct reply *reply, const struct record *r, size_t first, size_t count, bool reverse,
                         bool with_scores)
{
    struct zset_place place;
    struct scoretree_item items[SCORETREE_TAKE_MAX];
    if (with_scores)
        reply_scored_array(reply, count);
    else
        reply_array(reply, (int64_t)count);
    if (count == 0) return;
    zset_seek_rank(r, first, &place);
    for (size_t n; count > 0 && (n = zset_take(&place, !reverse, count, items)) > 0; count -= n) {
        for (size_t i = 0; i < n; i++) {
            if (with_scores)
                reply_scored_item(reply, items[i].member, items[i].score);
            else
                reply_bulk_inline(reply, items[i].member);
        }
    }
}
