/* The elements that SORT works on: taken out of a collection, given what they are ordered by, ordered. Only the files
 * of cmd/ include this. */
#ifndef CAIRN_CMD_SORT_ELEMENTS_H
#define CAIRN_CMD_SORT_ELEMENTS_H

#include "base/buf.h"
#include "cmd/sort_pattern.h"

struct sort_element {
    struct slice text; /* with a NUL behind it */
    union {
        double number;
        struct slice by; /* with a NUL behind it; ptr NULL: there is no value */
    };
    size_t position; /* in the collection */
};

struct sort_order {
    const struct sort_pattern *by; /* NULL: by the elements themselves */
    bool alpha, descending;
    bool bytes; /* alpha: by bytes, whatever the locale says: the result is stored and must be the same everywhere */
    bool positionless; /* those that weigh the same are ordered by their bytes: a set has another order elsewhere */
};

struct sort_elements {
    struct sort_element *items;
    size_t count;
    struct buf texts, values; /* what the slices point into */
};

/* Copies of `count` elements of a list, set or sorted set from `first` on, in their order or (reverse; not for sets)
 * from the end. */
void sort_elements_take(struct sort_elements *e, const struct record *r, size_t first, size_t count, bool reverse);
void sort_elements_drop(struct sort_elements *e);
/* Looks up what each is ordered by. False: something is no number. */
bool sort_elements_weigh(struct sort_elements *e, struct ctx *ctx, const struct sort_order *order);
/* The first `wanted` of items are the first ones in this order afterwards; the rest is in any. */
void sort_elements_order(struct sort_elements *e, const struct sort_order *order, size_t wanted);

#endif
