/* The record: key, expiry, clock and value in one allocation. record_impl.h has the picture.
 *
 * A change of shape (expiry comes or goes, the value gets longer or shorter) stays in place while the total keeps its
 * size class: with a 16-byte key and a 16-byte value the slack of the 48-byte class holds the expiry for nothing.
 * Otherwise the record moves at once, also when it shrinks: the invariant that header and size class agree is worth
 * more than a saved copy of some hundred bytes. */
#include "value/record.h"

#include "base/mem.h"
#include "value/record_impl.h"
#include "value/value_ops.h"

/* Up to here memory is taken or the process dies; a record is larger only by a key that a client made so. */
enum { RECORD_SURE_MAX = 64 * 1024 };

enum failure { DIES, RETURNS_NULL };

static struct record *record_alloc(size_t total, enum failure failure)
{
    size_t size = mem_good_size(total);
    return likely(size <= RECORD_SURE_MAX) || failure == DIES ? mem_alloc(size) : mem_try_alloc(size);
}

static inline bool same_class(size_t a, size_t b)
{
    return a == b || mem_good_size(a) == mem_good_size(b);
}

struct record *record_new(struct slice key, enum value_type type, unsigned encoding, size_t value_len)
{
    assert(type < TYPE_COUNT && encoding < 16 && value_len <= RECORD_INLINE_MAX && key.len <= UINT32_MAX);
    bool is_long = key.len >= RECORD_KEY_LONG;
    size_t prefix = is_long ? sizeof(uint32_t) : 0;
    struct record *r = record_alloc(RECORD_HEADER + prefix + key.len + value_len, RETURNS_NULL);
    if (unlikely(r == NULL)) return NULL;
    *r = (struct record){
        .tag = (uint8_t)(type | encoding << 4),
        .key_len = is_long ? RECORD_KEY_LONG : (uint8_t)key.len,
        .value_len = (uint16_t)value_len,
    };
    if (unlikely(is_long)) {
        uint32_t len = (uint32_t)key.len;
        memcpy(r->body, &len, sizeof(len));
    }
    if (key.len > 0) memcpy(r->body + prefix, key.ptr, key.len);
    return r;
}

struct record *record_new_object(struct slice key, enum value_type type, unsigned encoding, void *owned_object)
{
    struct record *r = record_new(key, type, encoding, RECORD_POINTER);
    if (likely(r != NULL)) record_set_object(r, owned_object);
    return r;
}

/* Moves key and `keep` value bytes to where the new expiry size and value length want them. The fields of the new
 * header are the caller's to set. */
static struct record *record_reform(struct record *r, size_t expire_size, size_t value_len, size_t keep,
                                    enum failure failure)
{
    size_t old_total = record_total(r), old_expire = record_expire_size(r->flags), key_size = record_key_size(r);
    size_t total = RECORD_HEADER + expire_size + key_size + value_len;
    if (likely(same_class(old_total, total))) {
        if (expire_size != old_expire) memmove(r->body + expire_size, r->body + old_expire, key_size + keep);
        return r;
    }
    struct record *moved = record_alloc(total, failure);
    if (unlikely(moved == NULL)) return NULL;
    memcpy(moved, r, RECORD_HEADER);
    memcpy(moved->body + expire_size, r->body + old_expire, key_size + keep);
    if (expire_size != 0 && expire_size == old_expire) memcpy(moved->body, r->body, expire_size);
    mem_free_sized(r, mem_good_size(old_total));
    return moved;
}

struct record *record_reshape(struct record *owned_r, enum value_type type, unsigned encoding, size_t value_len,
                              size_t keep, bool keep_expire)
{
    assert(type < TYPE_COUNT && encoding < 16 && value_len <= RECORD_INLINE_MAX);
    if (keep > owned_r->value_len) keep = owned_r->value_len;
    if (keep > value_len) keep = value_len;
    unsigned stay = keep_expire ? RECORD_HAS_EXPIRE | RECORD_WIDE_EXPIRE | RECORD_MARK : RECORD_MARK;
    unsigned flags = owned_r->flags & stay;
    struct record *r = record_reform(owned_r, record_expire_size(flags), value_len, keep, RETURNS_NULL);
    if (unlikely(r == NULL)) return NULL;
    r->tag = (uint8_t)(type | encoding << 4);
    r->flags = (uint8_t)flags;
    r->value_len = (uint16_t)value_len;
    return r;
}

enum value_type record_type(const struct record *r)
{
    return (enum value_type)(r->tag & 15);
}

struct slice record_key(const struct record *r)
{
    const char *at = r->body + record_expire_size(r->flags);
    if (likely(r->key_len != RECORD_KEY_LONG)) return slice_of(at, r->key_len);
    uint32_t len;
    memcpy(&len, at, sizeof(len));
    return slice_of(at + sizeof(len), len);
}

bool record_key_eq(const struct record *r, struct slice key)
{
    struct slice own = record_key(r);
    return slice_eq(own, key);
}

uint64_t record_expire_ms(const struct record *r)
{
    if (!(r->flags & RECORD_HAS_EXPIRE)) return 0;
    uint32_t low, high = 0;
    memcpy(&low, r->body, 4);
    memcpy(&high, r->body + 4, (r->flags & RECORD_WIDE_EXPIRE) ? 4 : 2);
    return (uint64_t)high << 32 | low;
}

struct record *record_set_expire(struct record *owned_r, uint64_t unix_ms)
{
    unsigned flags = owned_r->flags & ~(unsigned)(RECORD_HAS_EXPIRE | RECORD_WIDE_EXPIRE);
    if (unix_ms != 0) flags |= unix_ms >> 48 ? RECORD_HAS_EXPIRE | RECORD_WIDE_EXPIRE : RECORD_HAS_EXPIRE;
    size_t size = record_expire_size(flags);
    struct record *r = owned_r;
    if (size != record_expire_size(owned_r->flags)) {
        r = record_reform(owned_r, size, owned_r->value_len, owned_r->value_len, DIES);
        r->flags = (uint8_t)flags;
    }
    uint32_t low = (uint32_t)unix_ms, high = (uint32_t)(unix_ms >> 32);
    if (size != 0) {
        memcpy(r->body, &low, 4);
        memcpy(r->body + 4, &high, size - 4);
    }
    return r;
}

uint64_t record_parts_expire_ms(const struct record *r)
{
    return likely(!(r->flags & RECORD_PARTS_EXPIRE)) ? 0 : value_ops(record_type(r))->parts_expire_ms(r);
}

uint64_t record_due_ms(const struct record *r)
{
    if (likely(!(r->flags & (RECORD_HAS_EXPIRE | RECORD_PARTS_EXPIRE)))) return 0;
    uint64_t whole = record_expire_ms(r), parts = record_parts_expire_ms(r);
    return parts != 0 && (whole == 0 || parts < whole) ? parts : whole;
}

uint32_t record_clock(const struct record *r)
{
    return r->clock[0] | (uint32_t)r->clock[1] << 8 | (uint32_t)r->clock[2] << 16;
}

void record_set_clock(struct record *r, uint32_t clock)
{
    r->clock[0] = (uint8_t)clock;
    r->clock[1] = (uint8_t)(clock >> 8);
    r->clock[2] = (uint8_t)(clock >> 16);
}

bool record_mark(const struct record *r)
{
    return (r->flags & RECORD_MARK) != 0;
}

void record_set_mark(struct record *r, bool mark)
{
    r->flags = (uint8_t)(mark ? r->flags | RECORD_MARK : r->flags & ~RECORD_MARK);
}

/* A record of the same value bytes and clock under another key, without expiry; what the bytes point to is not
 * doubled. */
static struct record *record_copy(const struct record *r, struct slice key)
{
    struct record *copy = record_new(key, record_type(r), record_encoding(r), r->value_len);
    if (unlikely(copy == NULL)) return NULL;
    copy->flags = r->flags & (RECORD_RAW | RECORD_PARTS_EXPIRE);
    memcpy(copy->clock, r->clock, sizeof(copy->clock));
    memcpy(record_value(copy), record_value_const(r), r->value_len);
    return copy;
}

struct record *record_rekey(struct record *owned_r, struct slice key)
{
    struct record *copy = record_copy(owned_r, key);
    if (unlikely(copy == NULL)) return NULL;
    uint64_t expire_ms = record_expire_ms(owned_r);
    mem_free_sized(owned_r, mem_good_size(record_total(owned_r)));
    return expire_ms != 0 ? record_set_expire(copy, expire_ms) : copy;
}

struct record *record_dup(const struct record *r, struct slice key)
{
    struct record *copy = record_copy(r, key);
    if (likely(copy != NULL)) value_ops(record_type(r))->own(copy);
    return copy;
}

void record_free_value(struct record *r)
{
    value_ops(record_type(r))->free(r);
}

void record_free(struct record *owned_r)
{
    record_free_value(owned_r);
    mem_free_sized(owned_r, mem_good_size(record_total(owned_r)));
}

uint64_t record_prefetch(const struct record *r, struct slice element)
{
    const struct value_ops *ops = value_ops(record_type(r));
    return ops->prefetch == NULL ? 0 : ops->prefetch(r, element);
}

void record_prefetch_element(const struct record *r, uint64_t hash)
{
    const struct value_ops *ops = value_ops(record_type(r));
    if (ops->prefetch_element != NULL) ops->prefetch_element(r, hash);
}

size_t record_len(const struct record *r)
{
    const struct value_ops *ops = value_ops(record_type(r));
    return ops->len == NULL ? 1 : ops->len(r);
}

size_t record_free_effort(const struct record *r)
{
    return value_ops(record_type(r))->free_effort(r);
}

size_t record_mem(const struct record *r, size_t samples)
{
    return mem_good_size(record_total(r)) + value_ops(record_type(r))->mem(r, samples);
}

const char *record_encoding_name(const struct record *r)
{
    return value_ops(record_type(r))->encoding_name(r);
}

void record_check(const struct record *r)
{
    assert(record_type(r) < TYPE_COUNT);
    assert((r->flags & ~RECORD_FLAGS_KNOWN) == 0);
    assert(!(r->flags & RECORD_WIDE_EXPIRE) || (r->flags & RECORD_HAS_EXPIRE));
    assert(!(r->flags & RECORD_HAS_EXPIRE) || record_expire_ms(r) != 0);
    assert(!(r->flags & RECORD_WIDE_EXPIRE) == !(record_expire_ms(r) >> 48));
    assert(!(r->flags & RECORD_PARTS_EXPIRE) || record_parts_expire_ms(r) != 0);
    assert((r->key_len == RECORD_KEY_LONG) == (record_key(r).len >= RECORD_KEY_LONG));
    assert(r->value_len <= RECORD_INLINE_MAX);
    assert(mem_usable(r) >= mem_good_size(record_total(r)));
    value_ops(record_type(r))->check(r);
}
