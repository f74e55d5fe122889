/* A keyspace record: key, expiry, access clock and value in one allocation.
 *
 *   header (8 bytes: type and encoding, flags, 24-bit clock, key length, inline value length)
 *   [48-bit expiry, Unix ms] [long key length] key bytes, then the value: inline bytes (up to RECORD_INLINE_MAX), an
 *   integer, a reference to a blob, or a pointer to the object of a collection type.
 *
 * A record has one owner (the store's table, or whoever detached it). Functions that may move it take it as `owned` and
 * return it again, perhaps at another address: the caller puts the new address back into the table (store_replace). */
#ifndef CAIRN_VALUE_RECORD_H
#define CAIRN_VALUE_RECORD_H

#include "base/compiler.h"
#include "base/slice.h"

enum value_type { TYPE_STRING, TYPE_LIST, TYPE_SET, TYPE_ZSET, TYPE_HASH, TYPE_STREAM, TYPE_COUNT };
/* Longer values leave the record for a blob. Keys are shorter than 4 GB: the caller refuses longer ones. */
enum { RECORD_INLINE_MAX = 1000, RECORD_CLOCK_BITS = 24 };

struct record; /* opaque */

const char *value_type_name(enum value_type t); /* "string", "list", "set", "zset", "hash", "stream" */

enum value_type record_type(const struct record *r);
struct slice record_key(const struct record *r);                                    /* view */
bool record_key_eq(const struct record *r, struct slice key);                       /* the test of a table look-up */
uint64_t record_expire_ms(const struct record *r);                                  /* Unix ms; 0: never. O(1) */
struct record *record_set_expire(struct record *owned_r, uint64_t unix_ms) must_use; /* 0 removes it */
/* The earliest expiry among the elements of a collection, Unix ms; 0: none has one. O(1) */
uint64_t record_parts_expire_ms(const struct record *r);
/* When something of it has to go, the earlier of the two expiries; 0: never. O(1) */
uint64_t record_due_ms(const struct record *r);
uint32_t record_clock(const struct record *r); /* 24 bits, LRU or LFU as the policy says */
void record_set_clock(struct record *r, uint32_t clock);
/* One bit that belongs to the owner of the record (the store's time index); stays while the record keeps its key. */
bool record_mark(const struct record *r);
void record_set_mark(struct record *r, bool mark);
/* The same value, expiry and clock under another key. NULL: no room for a long key; r is as it was. */
struct record *record_rekey(struct record *owned_r, struct slice key) must_use;
/* A deep copy under key, without expiry; the bytes of a large string stay shared until one of the two is changed.
 * NULL as above. */
struct record *record_dup(const struct record *r, struct slice key) must_use;
void record_free(struct record *owned_r);
/* Batch prefetch of the inside of collections: record_prefetch for all, then record_prefetch_element with what it
 * returned. The element is a member or a field, or a guess. */
uint64_t record_prefetch(const struct record *r, struct slice element);
void record_prefetch_element(const struct record *r, uint64_t hash);
size_t record_len(const struct record *r); /* elements of a collection, 1 for a string; O(1) */
/* Work that freeing takes, in allocations: 1 for strings, number of nodes or elements for collections. */
size_t record_free_effort(const struct record *r);
/* Bytes held; collections are estimated from `samples` elements (0: all). */
size_t record_mem(const struct record *r, size_t samples);
const char *record_encoding_name(const struct record *r); /* as OBJECT ENCODING says */
void record_check(const struct record *r);                /* asserts the invariants */

#endif
