/* Lists: one listpack, or listpack nodes with O(log n) access to any index, inside the record of type TYPE_LIST. The
 * record never moves when the list changes. A list that became empty is valid here; the caller removes its key.
 * Indexes count from the head, -1 is the last element. */
#ifndef CAIRN_VALUE_LIST_H
#define CAIRN_VALUE_LIST_H

#include "base/num.h"
#include "value/limits.h"
#include "value/record.h"

enum list_end { LIST_HEAD, LIST_TAIL };

struct record *list_new(struct slice key) must_use; /* empty. NULL: no room for a long key */
size_t list_len(const struct record *r);            /* O(1) */
void list_push(struct record *r, enum list_end end, struct slice element, const struct value_limits *limits);

/* Elements from an index on, towards the tail or (backward) the head; r does not change meanwhile. The slice is valid
 * until the next call. An index outside gives nothing. */
struct list_iter;
struct list_iter *list_iter_new(const struct record *r, int64_t index, bool backward) must_use;
bool list_iter_next(struct list_iter *it, struct slice *element);
void list_iter_free(struct list_iter *it);

#endif
