/* A set of integers as a sorted array in one block, 2, 4 or 8 bytes each, for small sets. The block is byte for byte
 * what RDB files and DUMP payloads hold, so that saving and loading copy it (loading after intset_validate).
 *
 * The block comes from mem_alloc and is the caller's. Functions that may move it take it and return it. A member that
 * needs more bytes widens all; nothing makes them narrow again. Finding is O(log n), changing O(n). */
#ifndef CAIRN_DS_INTSET_H
#define CAIRN_DS_INTSET_H

#include "base/compiler.h"
#include "base/prng.h"
#include "base/slice.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { INTSET_SIZE_MAX = 1 << 30 }; /* no block grows beyond it, none larger is valid */

struct intset;

struct intset *intset_new(void) must_use;
struct intset *intset_dup(const struct intset *set) must_use;
/* A block from bytes that intset_validate has accepted. */
struct intset *intset_from_bytes(struct slice bytes) must_use;
void intset_free(struct intset *set);                /* NULL is allowed */
size_t intset_len(const struct intset *set);         /* O(1) */
size_t intset_size(const struct intset *set);        /* bytes with the header; O(1) */
struct slice intset_bytes(const struct intset *set); /* view of the block, for writers of payloads */
size_t intset_mem(const struct intset *set);         /* bytes allocated */
unsigned intset_width(const struct intset *set);     /* bytes of a member: 2, 4 or 8 */

/* *added (may be NULL): it was not in yet. NULL: the block would exceed INTSET_SIZE_MAX; it is unchanged. */
struct intset *intset_add(struct intset *set, int64_t value, bool *added) must_use;
struct intset *intset_remove(struct intset *set, int64_t value, bool *removed) must_use; /* never NULL */
struct intset *intset_remove_at(struct intset *set, size_t index) must_use;              /* never NULL */
bool intset_contains(const struct intset *set, int64_t value);
size_t intset_seek(const struct intset *set, int64_t value);  /* members smaller than value */
/* Members in ascending order are intset_get(set, 0) to intset_get(set, intset_len(set) - 1). */
int64_t intset_get(const struct intset *set, size_t index);
int64_t intset_random(const struct intset *set, struct prng *prng); /* uniform; the set is not empty */
int64_t intset_min(const struct intset *set);                       /* the set is not empty */
int64_t intset_max(const struct intset *set);

/* Whether bytes from outside are an intset; never reads beyond them. Not deep: only width and sizes are looked at.
 * Deep: that the members ascend too, which must be so before any other function may work on the bytes. */
bool intset_validate(struct slice bytes, bool deep);
void intset_check(const struct intset *set); /* asserts that it is valid; O(n) */

#endif
