/* The inside of a set, for the files of value/set*.c only.
 *
 * The encoding of the record says what its pointer is:
 *   SET_EMPTY     NULL: nothing was ever added, or all of it popped
 *   SET_INTSET    struct intset (ds/intset.h)
 *   SET_LISTPACK  struct listpack (ds/listpack.h), one entry per member
 *   SET_TABLE     struct set_table; each member is one allocation: a length byte and the text, so 15 bytes take 16 */
#ifndef CAIRN_VALUE_SET_IMPL_H
#define CAIRN_VALUE_SET_IMPL_H

#include "base/mem.h"
#include "ds/intset.h"
#include "ds/listpack.h"
#include "value/record_impl.h"
#include "value/set.h"

enum set_encoding { SET_EMPTY, SET_INTSET, SET_LISTPACK, SET_TABLE };

struct set_table {
    struct table members;
    const struct hash_seed *seed;
};

enum { MEMBER_LONG = 255 }; /* in the length byte: 8 bytes of length follow */

static inline struct slice member_text(const void *member)
{
    const char *at = member;
    uint64_t len;
    if (likely((uint8_t)*at != MEMBER_LONG)) return slice_of(at + 1, (uint8_t)*at);
    memcpy(&len, at + 1, sizeof(len));
    return slice_of(at + 1 + sizeof(len), len);
}
static inline size_t member_size(size_t len)
{
    return likely(len < MEMBER_LONG) ? 1 + len : 1 + sizeof(uint64_t) + len;
}

static inline enum set_encoding set_encoding(const struct record *r)
{
    assert(record_type(r) == TYPE_SET);
    return (enum set_encoding)record_encoding(r);
}
static inline void set_put(struct record *r, enum set_encoding encoding, void *object)
{
    r->tag = (uint8_t)(TYPE_SET | (unsigned)encoding << 4);
    record_set_object(r, object);
}
static inline const struct intset *set_intset(const struct record *r)
{
    return record_object(r);
}
static inline const struct listpack *set_listpack(const struct record *r)
{
    return record_object(r);
}
static inline struct set_table *set_table(const struct record *r)
{
    return record_object(r);
}
static inline uint64_t set_hash(const struct set_table *t, struct slice member)
{
    return hash_slice(t->seed, member);
}
static inline bool set_table_contains(const struct set_table *t, uint64_t hash, struct slice member)
{
    return table_find(&t->members, hash, &member) != NULL;
}
bool set_table_add(struct set_table *t, uint64_t hash, struct slice member);
void set_table_insert(struct set_table *t, uint64_t hash, struct slice member); /* known to be absent */
void member_free(void *member);
/* The members of r, of any form, become a table with room for `more` others. */
struct set_table *set_to_table(struct record *r, size_t more, const struct value_limits *limits);
void set_clear(struct record *r);

/* Members by sixteen, with their hashes, for look-ups in tables that are not in the cache: first all buckets are
 * fetched, then all candidates, then comes the comparing. */
enum { SET_BATCH = 16 };
struct set_batch {
    unsigned count;
    struct slice members[SET_BATCH];
    uint64_t hashes[SET_BATCH];             /* if there was a seed */
    char scratch[SET_BATCH][NUM_I64_TEXT_MAX]; /* text of integers */
};
/* False: behind the end. seed may be NULL. */
bool set_batch_read(struct set_batch *b, struct set_iter *it, const struct hash_seed *seed);
void set_batch_prefetch(const struct set_batch *b, const struct set_table *t, unsigned mask);

#endif
