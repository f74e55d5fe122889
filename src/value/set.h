/* Sets: intset, listpack or table inside the record of type TYPE_SET. The record never moves when the set changes. A
 * set that became empty is valid here; the caller removes its key. Members are any bytes; those that are canonical
 * integers may come back through a scratch buffer.
 *
 * The small forms are what RDB files hold: set_packed shows their bytes, set_from_packed makes a set from such bytes.
 */
#ifndef CAIRN_VALUE_SET_H
#define CAIRN_VALUE_SET_H

#include "base/num.h"
#include "base/prng.h"
#include "ds/table.h"
#include "value/limits.h"
#include "value/record.h"

/* ---- one member */

/* empty; its first members choose the form. NULL: no room for a long key */
struct record *set_new(struct slice key) must_use;
size_t set_len(const struct record *r);            /* O(1) */
/* These are about to be added: a set that has to change its form for so many does it now, an empty one takes its form
 * by the first. count > 0. */
void set_prepare(struct record *r, const struct slice *members, size_t count, const struct value_limits *limits);
bool set_add(struct record *r, struct slice member, const struct value_limits *limits); /* false: was a member */
/* About so many members of unknown text are about to be added to an empty set: what will be a table is one now. */
void set_expect(struct record *r, size_t count, const struct value_limits *limits);
bool set_remove(struct record *r, struct slice member);                                 /* false: was none */
bool set_contains(const struct record *r, struct slice member);

/* ---- all members */

typedef void set_visit(void *arg, struct slice member); /* the slice is valid during the call */

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
uint64_t set_scan(const struct record *r, uint64_t cursor, set_visit *visit, void *arg);

/* ---- chance; each member, and each choice of several, is equally likely (set_random.c) */

/* A member of a set that is not empty. View of r or of scratch, valid until r changes. */
struct slice set_random(const struct record *r, struct prng *prng, char scratch[NUM_I64_TEXT_MAX]);
/* `count` draws from a set that is not empty, repetitions possible. */
void set_draw(const struct record *r, size_t count, struct prng *prng, set_visit *visit, void *arg);
/* `count` different members, or all. O(min(count, len)) for tables. */
void set_sample(const struct record *r, size_t count, struct prng *prng, set_visit *visit, void *arg);
/* The same, and they leave the set: each is visited before it goes. */
void set_pop(struct record *r, size_t count, struct prng *prng, set_visit *visit, void *arg);

/* ---- several sets (set_algebra.c); NULL among them: an empty one. count > 0.
 * Each member of the result is visited once (visit NULL: only counted), at most `limit` of them (0: all); they return
 * how many. */

size_t set_inter(const struct record *const *sets, size_t count, size_t limit, set_visit *visit, void *arg);
size_t set_union(const struct record *const *sets, size_t count, size_t limit, const struct value_limits *limits,
                 set_visit *visit, void *arg);
size_t set_diff(const struct record *const *sets, size_t count, size_t limit, const struct value_limits *limits,
                set_visit *visit, void *arg);
/* The union as a set of its own. NULL: no room for a long key. */
struct record *set_union_new(struct slice key, const struct record *const *sets, size_t count,
                             const struct value_limits *limits) must_use;

/* ---- files and payloads */

enum set_form { SET_FORM_INTSET, SET_FORM_LISTPACK };
/* The bytes of a small set: a view, valid until r changes. False: it is a table (or empty), to be walked. */
bool set_packed(const struct record *r, enum set_form *form, struct slice *bytes);
/* A set from bytes of outside, which are looked at in depth; one that is too large for the limits becomes a table.
 * NULL: they are no such set (a duplicate, an empty set, a broken block), or no room for a long key. */
struct record *set_from_packed(struct slice key, enum set_form form, struct slice bytes,
                               const struct value_limits *limits) must_use;

#endif
