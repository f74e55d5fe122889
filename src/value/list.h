/* Lists: one listpack, or listpack nodes with O(log n) access to any index, inside the record of type TYPE_LIST. The
 * record never moves when the list changes. A list that became empty is valid here; the caller removes its key.
 * Slices given to a function must not point into the list that it changes. */
#ifndef CAIRN_VALUE_LIST_H
#define CAIRN_VALUE_LIST_H

#include "base/num.h"
#include "ds/listpack.h"
#include "value/limits.h"
#include "value/record.h"

struct blob;

enum list_end { LIST_HEAD, LIST_TAIL };

struct record *list_new(struct slice key) must_use; /* empty. NULL: no room for a long key */
size_t list_len(const struct record *r);            /* O(1) */

/* ---- the ends: O(1) per element, mostly without an allocation ---- */
void list_push(struct record *r, enum list_end end, struct slice element, const struct value_limits *limits);
/* The same of a blob's bytes; a list that keeps large elements apart keeps the blob. */
void list_push_blob(struct record *r, enum list_end end, struct blob *owned_element,
                    const struct value_limits *limits);
/* One after the other; the form for all of them is chosen first. */
void list_push_many(struct record *r, enum list_end end, const struct slice *elements, size_t count,
                    const struct value_limits *limits);
/* `count` elements go from an end; not more than there are. */
void list_drop(struct record *r, enum list_end end, size_t count, const struct value_limits *limits);

/* ---- reading: several elements at once, as they are stored. Views, valid until the function returns ---- */
struct list_run {
    const struct listpack_value *values;
    size_t count;
    struct blob *blob; /* of a large element, which comes alone: its bytes; else NULL */
};
/* The first or the last element of a list that is not empty; valid until r changes. */
struct list_run list_peek(const struct record *r, enum list_end end, struct listpack_value *value);
/* `count` elements (or fewer, at the end) from an index of the list on; `backward`: towards the head. visit returns
 * false to stop. O(log n + count). */
void list_each(const struct record *r, size_t index, size_t count, bool backward,
               bool (*visit)(void *arg, const struct list_run *run), void *arg);
/* Tells the index of each element equal to this one, from an end on, looking at no more than max_looks elements; found
 * returns false to stop. */
void list_find(const struct record *r, struct slice element, bool backward, size_t max_looks,
               bool (*found)(void *arg, size_t index), void *arg);

/* Elements from an index (-1 is the last one) on, towards the tail or (backward) the head; r does not change meanwhile.
 * The slice is valid until the next call. An index outside gives nothing. */
struct list_iter;
struct list_iter *list_iter_new(const struct record *r, int64_t index, bool backward) must_use;
bool list_iter_next(struct list_iter *it, struct slice *element);
void list_iter_free(struct list_iter *it);

/* ---- changes inside; indexes from 0, within the list ---- */
void list_set(struct record *r, size_t index, struct slice element, const struct value_limits *limits);
/* Before or behind the first element equal to pivot; false: there is none. */
bool list_insert(struct record *r, struct slice pivot, bool before, struct slice element,
                 const struct value_limits *limits);
void list_delete(struct record *r, size_t start, size_t count, const struct value_limits *limits);
/* Deletes up to max equal elements, the first or the last ones; returns how many. */
size_t list_erase(struct record *r, struct slice element, size_t max, bool from_tail,
                  const struct value_limits *limits);

/* ---- whole nodes, for writers and readers of payloads ---- */
/* packed: the bytes of a listpack; else one element. */
void list_each_node(const struct record *r, void (*visit)(void *arg, struct slice bytes, bool packed), void *arg);
size_t list_nodes(const struct record *r);
/* Puts a node of somebody else behind the last one, after validating it. False: it is no listpack; r is as it was. An
 * empty listpack is left out. list_load_end, after the last one, chooses the form. */
bool list_load_node(struct record *r, struct slice bytes, bool packed, const struct value_limits *limits) must_use;
void list_load_end(struct record *r, const struct value_limits *limits);
/* A list of one packed node; NULL: it is no listpack, or no room for a long key. */
struct record *list_from_packed(struct slice key, struct slice bytes, const struct value_limits *limits) must_use;

#endif
