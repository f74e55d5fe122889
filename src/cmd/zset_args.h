/* What the commands on sorted sets share: ranges as arguments name them, and replies with scores. Only the files of
 * cmd/ include this. */
#ifndef CAIRN_CMD_ZSET_ARGS_H
#define CAIRN_CMD_ZSET_ARGS_H

#include "cmd/cmd_impl.h"
#include "value/zset.h"

/* The elements behind `from` that are not behind `to`; none where they are the wrong way round. */
struct zset_range {
    struct scoretree_bound from, to;
};
/* Scores in two arguments: "1.5", "(1.5" without it, "-inf", "+inf". Replies the error itself. */
bool zset_range_by_score(struct ctx *ctx, int min_arg, int max_arg, struct zset_range *out);
/* Members in two arguments: "[a", "(a" without it, "-" and "+" for all. Replies the error itself. The slices are those
 * of the arguments. */
bool zset_range_by_member(struct ctx *ctx, int min_arg, int max_arg, struct zset_range *out);
/* The ranks of what the range has of r: the first, and how many. O(log n). */
size_t zset_range_ranks(const struct record *r, const struct zset_range *range, size_t *first);

/* Ranks as ZRANGE takes them, negative ones from the end, of a set of `len`: how many, and the first. */
size_t zset_rank_range(size_t len, int64_t start, int64_t stop, size_t *first);

/* ---- replies ---- */
/* n elements with their scores: pairs in RESP3, one after the other in RESP2. Then n times reply_scored_item. */
void reply_scored_array(struct reply *reply, size_t n);
void reply_scored_item(struct reply *reply, struct slice member, double score);
/* An array of `count` elements from a rank on, down if reverse: then `first` is the highest. */
void reply_zset_elements(struct reply *reply, const struct record *r, size_t first, size_t count, bool reverse,
                         bool with_scores);

#endif
