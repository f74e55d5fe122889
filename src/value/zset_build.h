/* Making a sorted set from elements collected elsewhere: an array is sorted once and appended in order, instead of
 * finding a place for each. */
#ifndef CAIRN_VALUE_ZSET_BUILD_H
#define CAIRN_VALUE_ZSET_BUILD_H

#include "value/zset.h"

/* Copies of members that their source is about to overwrite. */
struct member_texts { /* private; {0} is empty */
    struct member_block *blocks;
    char *pos;
    size_t room;
};
struct slice member_texts_keep(struct member_texts *t, struct slice member) must_use; /* valid until deinit */
void member_texts_deinit(struct member_texts *t);

struct zset_items { /* {0} is empty */
    struct zset_item *item;
    size_t len, cap;
    struct member_texts texts;
};
/* Adds an element and returns its index. passing: the member's text does not last, so it is copied. */
size_t zset_items_add(struct zset_items *items, struct slice member, double score, bool passing);
void zset_items_sort(struct zset_items *items); /* by score, then by member */
void zset_items_deinit(struct zset_items *items);

/* A set of elements that are sorted, and of which no two have the same member. NULL: no room for a long key. */
struct record *zset_build(struct slice key, const struct zset_items *sorted,
                          const struct value_limits *limits) must_use;

#endif
