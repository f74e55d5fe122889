/* Sets: intset, listpack or table inside the record of type TYPE_SET. The record never moves when the set changes. A
 * set that became empty is valid here; the caller removes its key. Members are any bytes; those that are canonical
 * integers may come back through a scratch buffer. */
#ifndef CAIRN_VALUE_SET_H
#define CAIRN_VALUE_SET_H

#include "base/num.h"
#include "base/prng.h"
#include "ds/table.h"
#include "value/limits.h"
#include "value/record.h"

/* empty; its first members choose the form. NULL: no room for a long key */
struct record *set_new(struct slice key) must_use;
size_t set_len(const struct record *r);            /* O(1) */
bool set_add(struct record *r, struct slice member, const struct value_limits *limits); /* false: was a member */
bool set_remove(struct record *r, struct slice member);                                 /* false: was none */
bool set_contains(const struct record *r, struct slice member);
/* A member, each equally likely; the set is not empty. View of r or of scratch, valid until r changes. */
struct slice set_random(const struct record *r, struct prng *prng, char scratch[NUM_I64_TEXT_MAX]);

/* Every member once; r does not change meanwhile. The slice is valid until the next call. */
struct set_iter { /* private */
    const struct record *r;
    size_t pos;
    struct table_iter table;
    char scratch[NUM_I64_TEXT_MAX];
};
void set_iter_init(struct set_iter *it, const struct record *r);
bool set_iter_next(struct set_iter *it, struct slice *member);

/* As table_scan: cursor 0 starts, 0 is the end; small sets come at once. */
uint64_t set_scan(const struct record *r, uint64_t cursor, void (*visit)(void *arg, struct slice member), void *arg);

#endif
