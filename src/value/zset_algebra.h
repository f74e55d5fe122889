/* Unions, intersections and differences of sorted sets and sets. A set counts as a sorted set whose scores are all
 * 1. */
#ifndef CAIRN_VALUE_ZSET_ALGEBRA_H
#define CAIRN_VALUE_ZSET_ALGEBRA_H

#include "value/zset_build.h"

struct zset_source {
    const struct record *r; /* of type TYPE_ZSET or TYPE_SET; NULL: an empty one */
    double weight;          /* factor on its scores; a product that is no number counts as 0 */
    size_t place;           /* private */
};

/* How scores of one member become one; inf + -inf is 0. The sources are taken from the smallest to the largest. */
enum zset_aggregate { ZSET_SUM, ZSET_MIN, ZSET_MAX };

/* They append to `out` (the difference: the scores of the first source, without weight) in no useful order, and may
 * reorder the sources. Members may be views of the sources. count > 0. */
void zset_union(struct zset_source *sources, size_t count, enum zset_aggregate aggregate,
                const struct value_limits *limits, struct zset_items *out); /* O(all elements) */
void zset_inter(struct zset_source *sources, size_t count, enum zset_aggregate aggregate,
                struct zset_items *out);                                    /* O(count * smallest source) */
void zset_diff(const struct zset_source *sources, size_t count, struct zset_items *out); /* O(count * first source) */
/* Elements of the intersection, up to `limit` (0: all). */
size_t zset_inter_count(struct zset_source *sources, size_t count, size_t limit);

#endif
