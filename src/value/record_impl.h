/* The inside of a record, for the files of value/ only.
 *
 *   offset 0      1      2..4   5        6..7
 *          type:4 flags  clock  key len  value len
 *          enc:4                (0xFF: longer)
 *   then   [expiry: 6 bytes, or 8 for times past the year 10,889] [key length: 4 bytes] key bytes, value bytes
 *
 * Nothing is aligned: fields behind the header are read through memcpy. The value is `value_len` bytes of what the
 * type's encoding says; a value that lives elsewhere leaves an 8-byte pointer here.
 *
 * Invariant: the allocation is of the size class of record_total(r). So the room of a record follows from its header
 * (no look-up in the allocator), what fits the class changes in place, and freeing may name the size. */
#ifndef CAIRN_VALUE_RECORD_IMPL_H
#define CAIRN_VALUE_RECORD_IMPL_H

#include "value/record.h"

#include <assert.h>

enum record_flags {
    RECORD_HAS_EXPIRE = 1,
    RECORD_WIDE_EXPIRE = 2, /* the expiry needs 64 bits; only together with HAS_EXPIRE */
    RECORD_RAW = 4,         /* a string that was changed in place: reported as "raw" whatever its length */
    RECORD_MARK = 8,        /* the owner's, see record_mark */
    RECORD_PARTS_EXPIRE = 16, /* elements have expiries of their own: value_ops.parts_expire_ms says the first */
    RECORD_FLAGS_KNOWN = 31,
};

enum {
    RECORD_HEADER = 8,
    RECORD_KEY_LONG = 0xFF, /* key lengths from here on stand in 4 bytes of their own */
    RECORD_POINTER = 8,     /* value_len of values that live elsewhere */
};

struct record {
    uint8_t tag; /* type in the low half, encoding in the high half */
    uint8_t flags;
    uint8_t clock[3];
    uint8_t key_len;
    uint16_t value_len;
    char body[];
};
_Static_assert(sizeof(struct record) == RECORD_HEADER, "the header is 8 bytes");
_Static_assert(RECORD_INLINE_MAX <= UINT16_MAX, "inline lengths fit 16 bits");

static inline size_t record_expire_size(unsigned flags)
{
    return (flags & RECORD_HAS_EXPIRE) ? (flags & RECORD_WIDE_EXPIRE) ? 8 : 6 : 0;
}
static inline unsigned record_encoding(const struct record *r)
{
    return r->tag >> 4;
}
/* Bytes of the length prefix and the key itself. */
static inline size_t record_key_size(const struct record *r)
{
    if (likely(r->key_len != RECORD_KEY_LONG)) return r->key_len;
    uint32_t len;
    memcpy(&len, r->body + record_expire_size(r->flags), sizeof(len));
    return sizeof(len) + (size_t)len;
}
static inline size_t record_value_offset(const struct record *r)
{
    return RECORD_HEADER + record_expire_size(r->flags) + record_key_size(r);
}
static inline char *record_value(struct record *r)
{
    return (char *)r + record_value_offset(r);
}
static inline const char *record_value_const(const struct record *r)
{
    return (const char *)r + record_value_offset(r);
}
static inline size_t record_total(const struct record *r)
{
    return record_value_offset(r) + r->value_len;
}

/* The object of a value that lives elsewhere. */
static inline void *record_object(const struct record *r)
{
    void *object;
    assert(r->value_len == RECORD_POINTER);
    memcpy(&object, record_value_const(r), sizeof(object));
    return object;
}
static inline void record_set_object(struct record *r, const void *object)
{
    assert(r->value_len == RECORD_POINTER);
    memcpy(record_value(r), &object, sizeof(object));
}

/* The beginning of a small form, or of an object. A set that is being filled has none yet: then nothing is fetched, and
 * the sums are made with numbers, since NULL may not be counted up. */
static inline void record_prefetch_object(const struct record *r)
{
    enum { LINES = 4 };
    uintptr_t object = (uintptr_t)record_object(r);
    for (uintptr_t i = 0; i < LINES; i++) prefetch_read((const void *)(object + 64 * i));
}

/* A record without expiry, clock 0, its value bytes unset. NULL: out of memory for a long key. */
struct record *record_new(struct slice key, enum value_type type, unsigned encoding, size_t value_len) must_use;
/* A record of a collection: `owned_object` belongs to it. NULL as above; the object is then still the caller's. */
struct record *record_new_object(struct slice key, enum value_type type, unsigned encoding,
                                 void *owned_object) must_use;
/* Gives the value another type, encoding and length; the first min(keep, old length) bytes of it stay, the rest is
 * unset. In place where the size class is the same. What hung off the old value is the caller's to free. RECORD_RAW is
 * cleared, RECORD_MARK stays. NULL: out of memory for a long key; r is unchanged. */
struct record *record_reshape(struct record *owned_r, enum value_type type, unsigned encoding, size_t value_len,
                              size_t keep, bool keep_expire) must_use;
/* Frees what hangs off the value, not the record. */
void record_free_value(struct record *r);

#endif
