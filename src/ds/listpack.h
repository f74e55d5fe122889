/* A list of short strings and integers in one block of memory, for small collections: no pointers, 2 bytes beside a
 * string of up to 63 bytes, integers in 2 to 11 bytes. The block is byte for byte what RDB files and DUMP payloads
 * hold, so that saving and loading copy it (loading after listpack_validate).
 *
 * Ownership: a struct listpack is one block from mem_alloc, owned by the caller. Functions that may move it take it
 * and return it; where they refuse (NULL: it would exceed LISTPACK_SIZE_MAX), the block is unchanged and still the
 * caller's. Slices given to a function must not point into the block that it changes.
 *
 * Positions are byte offsets, never 0: they survive the moving of the block. A change keeps those before its place;
 * 0 is "no entry". Text that is an integer as slice_to_i64 knows it is stored as one and comes back as one. Changes
 * cost O(bytes behind the place), walking O(1) per step; an entry is found in O(n). */
#ifndef CAIRN_DS_LISTPACK_H
#define CAIRN_DS_LISTPACK_H

#include "base/compiler.h"
#include "base/hash.h"
#include "base/num.h"
#include "base/prng.h"
#include "base/slice.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    LISTPACK_SIZE_MAX = 1 << 30, /* no block grows beyond it, none larger is valid */
    LISTPACK_SIZE_EMPTY = 7,
    LISTPACK_LEN_KNOWN_MAX = 65534, /* beyond it the entries have to be counted */
};

struct listpack;

struct listpack_value { /* one entry, as it is stored */
    struct slice text;  /* of a string */
    int64_t number;     /* of an integer */
    bool is_number;
};

/* ---- the whole ---- */
struct listpack *listpack_new(size_t size_expected) must_use; /* bytes to reserve; 0: as few as possible */
struct listpack *listpack_dup(const struct listpack *lp) must_use;
/* A block from bytes that listpack_validate has accepted. */
struct listpack *listpack_from_bytes(struct slice bytes) must_use;
void listpack_free(struct listpack *lp);                   /* NULL is allowed */
size_t listpack_len(const struct listpack *lp);            /* entries; O(1) up to LISTPACK_LEN_KNOWN_MAX, then O(n) */
size_t listpack_size(const struct listpack *lp);           /* bytes, header and end included; O(1) */
struct slice listpack_bytes(const struct listpack *lp);    /* view of the block, for writers of payloads */
size_t listpack_mem(const struct listpack *lp);            /* bytes allocated */
struct listpack *listpack_shrink(struct listpack *lp) must_use; /* gives back reserved memory */
/* Whether `size_more` bytes can be added; bytes that an entry will take, its own and those around it. */
bool listpack_fits(const struct listpack *lp, size_t size_more);
size_t listpack_entry_size(struct slice text);
size_t listpack_entry_size_i64(int64_t number);

/* ---- walking: 0 behind the last entry and before the first ---- */
uint32_t listpack_first(const struct listpack *lp);
uint32_t listpack_last(const struct listpack *lp);
uint32_t listpack_next(const struct listpack *lp, uint32_t pos);
uint32_t listpack_prev(const struct listpack *lp, uint32_t pos);
uint32_t listpack_end(const struct listpack *lp); /* where append inserts; no entry is there */
/* From the nearer end; -1 is the last entry. 0: out of range. */
uint32_t listpack_seek(const struct listpack *lp, int64_t index);
/* Reads the entry and moves *pos to the next one; false (and nothing read) if *pos is 0. */
bool listpack_read(const struct listpack *lp, uint32_t *pos, struct listpack_value *out);
/* The same for up to max entries; returns how many. Slightly cheaper for each. */
size_t listpack_read_many(const struct listpack *lp, uint32_t *pos, struct listpack_value *out, size_t max);

/* ---- entries ---- */
struct listpack_value listpack_get(const struct listpack *lp, uint32_t pos); /* view: valid until lp changes */
/* The entry as text: a view of lp, or of `scratch` for an integer. */
struct slice listpack_text(const struct listpack *lp, uint32_t pos, char scratch[NUM_I64_TEXT_MAX]);
bool listpack_equals(const struct listpack *lp, uint32_t pos, struct slice text);
/* The first entry equal to `text` among the one at `from`, the one skip + 1 behind it, and so on; 0: none. From
 * listpack_first with skip 1: the fields of field-value pairs. `from` may be 0. */
uint32_t listpack_find(const struct listpack *lp, uint32_t from, struct slice text, uint32_t skip);

/* Whether no two groups of `group` entries begin with the same text. O(n). */
bool listpack_distinct(const struct listpack *lp, uint32_t group, const struct hash_seed *seed);

/* ---- changes; NULL: too large, nothing done ---- */
/* The new entry comes to stand at `at`: the position of an entry (which moves back) or listpack_end. */
struct listpack *listpack_insert(struct listpack *lp, uint32_t at, struct slice text) must_use;
struct listpack *listpack_insert_i64(struct listpack *lp, uint32_t at, int64_t number) must_use;
/* The new entry is listpack_next(lp, pos). */
struct listpack *listpack_insert_after(struct listpack *lp, uint32_t pos, struct slice text) must_use;
struct listpack *listpack_insert_after_i64(struct listpack *lp, uint32_t pos, int64_t number) must_use;
struct listpack *listpack_append(struct listpack *lp, struct slice text) must_use;
struct listpack *listpack_append_i64(struct listpack *lp, int64_t number) must_use;
struct listpack *listpack_prepend(struct listpack *lp, struct slice text) must_use;
struct listpack *listpack_prepend_i64(struct listpack *lp, int64_t number) must_use;
/* Several in their order, with one growth. Texts that are integers are stored as such here too. */
struct listpack *listpack_insert_many(struct listpack *lp, uint32_t at, const struct listpack_value *values,
                                      size_t count) must_use;
struct listpack *listpack_append_many(struct listpack *lp, const struct listpack_value *values,
                                      size_t count) must_use;
/* The entry at pos gets another content; in place if it takes as many bytes as before. */
struct listpack *listpack_replace(struct listpack *lp, uint32_t pos, struct slice text) must_use;
struct listpack *listpack_replace_i64(struct listpack *lp, uint32_t pos, int64_t number) must_use;
/* What followed is at pos afterwards; if nothing did, pos is listpack_end. Never NULL. */
struct listpack *listpack_delete(struct listpack *lp, uint32_t pos) must_use;
struct listpack *listpack_delete_range(struct listpack *lp, uint32_t pos, size_t count) must_use; /* or fewer */
/* The `group` entries at each of the positions, which ascend and do not overlap, in one pass. Never NULL. */
struct listpack *listpack_delete_many(struct listpack *lp, const uint32_t *positions, size_t count,
                                      uint32_t group) must_use;
/* The entries of the other behind ours; the other is freed, unless the result would be too large (NULL). */
struct listpack *listpack_merge(struct listpack *lp, struct listpack *owned_other) must_use;
/* The entries from pos (or listpack_end) on leave for a new list, *tail. */
struct listpack *listpack_split(struct listpack *lp, uint32_t pos, struct listpack **tail) must_use;

/* ---- in place: lp lies in a larger block of the caller's, who sees to the room before and behind it ---- */
struct listpack_entry { /* an entry ready to be written; borrows its text */
    uint8_t head[9], head_len;
    struct slice text;
};
void listpack_init(struct listpack *lp); /* empty: LISTPACK_SIZE_EMPTY bytes are written */
size_t listpack_entry_make(struct listpack_entry *e, struct slice text); /* the bytes that it takes */
void listpack_put_last(struct listpack *lp, const struct listpack_entry *e);
/* The list begins earlier by the bytes of the entry afterwards; no other moves. */
struct listpack *listpack_put_first(struct listpack *lp, const struct listpack_entry *e) must_use;
struct listpack *listpack_drop_first(struct listpack *lp, size_t count) must_use; /* begins later; O(count) */
void listpack_drop_last(struct listpack *lp, size_t count);                       /* O(count) */

/* ---- chance: groups of `group` entries (1, or 2 for pairs), named by the position of the first ---- */
uint32_t listpack_random(const struct listpack *lp, uint32_t group, struct prng *prng); /* uniform; 0 when empty */
/* `count` draws, each uniform, repetitions possible. The list is not empty. O(n + count). */
void listpack_random_many(const struct listpack *lp, uint32_t group, struct prng *prng, uint32_t *positions,
                          size_t count);
/* Up to `count` different ones, every subset equally likely, in the order of the list. Returns how many. O(n). */
size_t listpack_sample(const struct listpack *lp, uint32_t group, struct prng *prng, uint32_t *positions,
                       size_t count);

/* ---- bytes from outside ---- */
/* Whether they are a listpack. Never reads beyond them. Not deep: only the header and the end are looked at. Deep:
 * every length, back length and the count too; then `entry`, if not NULL, sees each entry and may refuse it. It must
 * be deep before any other function may work on the bytes. */
bool listpack_validate(struct slice bytes, bool deep,
                       bool (*entry)(void *arg, struct listpack_value value, size_t index), void *arg);
void listpack_check(const struct listpack *lp); /* asserts that it is valid; O(n) */

#endif
