/* The intset: a sorted array of integers in one block, as RDB files and DUMP payloads hold it.
 *
 *      width, u32   len, u32   member ...            all little-endian; width is 2, 4 or 8 bytes per member
 *
 * Members ascend and differ. The width is that of the widest member ever added, so a value that does not fit into it is
 * no member, and when it is added it is smaller or larger than all others: widening never has to search. */
#include "ds/intset.h"

#include "base/mem.h"

#include <assert.h>

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "the format is read and written by plain copies");

enum { HEADER_SIZE = 8,
       SLACK_MIN = 64 /* less than this is not worth a reallocation */ };

/* ---- header and members */

static const uint8_t *bytes_of(const struct intset *set)
{
    return (const uint8_t *)set;
}

static uint8_t *bytes_mut(struct intset *set)
{
    return (uint8_t *)set;
}

static uint32_t load32(const uint8_t *p)
{
    uint32_t v;
    memcpy(&v, p, sizeof v);
    return v;
}

static void header_write(struct intset *set, unsigned width, size_t len)
{
    uint32_t header[2] = {width, (uint32_t)len};
    memcpy(bytes_mut(set), header, sizeof header);
}

static unsigned width_for(int64_t value)
{
    if (value >= INT16_MIN && value <= INT16_MAX) return 2;
    return value >= INT32_MIN && value <= INT32_MAX ? 4 : 8;
}

static int64_t member_read(const uint8_t *members, unsigned width, size_t index)
{
    int64_t wide;
    int32_t v;
    int16_t narrow;
    const uint8_t *p = members + index * width;
    switch (width) {
    case 2: memcpy(&narrow, p, sizeof narrow); return narrow;
    case 4: memcpy(&v, p, sizeof v); return v;
    default: memcpy(&wide, p, sizeof wide); return wide;
    }
}

static void member_write(uint8_t *members, unsigned width, size_t index, int64_t value)
{
    memcpy(members + index * width, &value, width);
}

/* The number of members smaller than value. The loop's branch is a conditional move; `width` is a constant where it
 * is inlined. */
static inline size_t lower_bound(const uint8_t *members, unsigned width, size_t len, int64_t value)
{
    size_t base = 0;
    while (len > 0) {
        size_t half = len / 2;
        base = member_read(members, width, base + half) < value ? base + len - half : base;
        len = half;
    }
    return base;
}

size_t intset_seek(const struct intset *set, int64_t value)
{
    const uint8_t *members = bytes_of(set) + HEADER_SIZE;
    size_t len = intset_len(set);
    switch (intset_width(set)) {
    case 2: return lower_bound(members, 2, len, value);
    case 4: return lower_bound(members, 4, len, value);
    default: return lower_bound(members, 8, len, value);
    }
}

/* ---- the whole */

static struct intset *block_alloc(size_t size)
{
    return mem_alloc(mem_good_size(size));
}

struct intset *intset_new(void)
{
    struct intset *set = block_alloc(HEADER_SIZE);
    header_write(set, 2, 0);
    return set;
}

struct intset *intset_from_bytes(struct slice bytes)
{
    assert(intset_validate(bytes, false));
    struct intset *set = block_alloc(bytes.len);
    memcpy(set, bytes.ptr, bytes.len);
    return set;
}

struct intset *intset_dup(const struct intset *set)
{
    return intset_from_bytes(intset_bytes(set));
}

void intset_free(struct intset *set)
{
    mem_free(set);
}

size_t intset_len(const struct intset *set)
{
    return load32(bytes_of(set) + 4);
}

unsigned intset_width(const struct intset *set)
{
    return load32(bytes_of(set));
}

size_t intset_size(const struct intset *set)
{
    return HEADER_SIZE + intset_len(set) * intset_width(set);
}

struct slice intset_bytes(const struct intset *set)
{
    return slice_of(set, intset_size(set));
}

size_t intset_mem(const struct intset *set)
{
    return mem_usable(set);
}

/* ---- members */

/* Room for len members of this width; NULL: too many. */
static struct intset *block_grow(struct intset *set, unsigned width, size_t len)
{
    size_t size = HEADER_SIZE + len * width;
    if (size > INTSET_SIZE_MAX) return NULL;
    return size <= mem_usable(set) ? set : mem_realloc(set, mem_good_size(size));
}

/* Adds a value that is outside of what the width can hold, and so stands at one end. */
static struct intset *add_wider(struct intset *set, int64_t value)
{
    unsigned width = intset_width(set), wider = width_for(value);
    size_t len = intset_len(set), first = value < 0 ? 1 : 0;
    set = block_grow(set, wider, len + 1);
    if (set == NULL) return NULL;
    uint8_t *members = bytes_mut(set) + HEADER_SIZE;
    for (size_t i = len; i-- > 0;) member_write(members, wider, first + i, member_read(members, width, i));
    member_write(members, wider, first == 1 ? 0 : len, value);
    header_write(set, wider, len + 1);
    return set;
}

static bool is_member(const struct intset *set, size_t index, int64_t value)
{
    return index < intset_len(set) && intset_get(set, index) == value;
}

struct intset *intset_add(struct intset *set, int64_t value, bool *added)
{
    bool ignored;
    unsigned width = intset_width(set);
    size_t len = intset_len(set);
    if (added == NULL) added = &ignored;
    *added = false;
    if (width_for(value) > width) {
        set = add_wider(set, value);
        *added = set != NULL;
        return set;
    }
    size_t at = len == 0 || intset_max(set) < value ? len : intset_seek(set, value);
    if (is_member(set, at, value)) return set;
    set = block_grow(set, width, len + 1);
    if (set == NULL) return NULL;
    uint8_t *members = bytes_mut(set) + HEADER_SIZE;
    memmove(members + (at + 1) * width, members + at * width, (len - at) * width);
    member_write(members, width, at, value);
    header_write(set, width, len + 1);
    *added = true;
    return set;
}

struct intset *intset_remove(struct intset *set, int64_t value, bool *removed)
{
    size_t at = intset_seek(set, value);
    bool found = is_member(set, at, value);
    if (removed != NULL) *removed = found;
    return found ? intset_remove_at(set, at) : set;
}

struct intset *intset_remove_at(struct intset *set, size_t index)
{
    unsigned width = intset_width(set);
    size_t len = intset_len(set);
    uint8_t *members = bytes_mut(set) + HEADER_SIZE;
    assert(index < len);
    memmove(members + index * width, members + (index + 1) * width, (len - index - 1) * width);
    header_write(set, width, len - 1);
    size_t size = intset_size(set), usable = mem_usable(set);
    if (usable < SLACK_MIN || size > usable / 2) return set;
    return mem_realloc(set, mem_good_size(size));
}

bool intset_contains(const struct intset *set, int64_t value)
{
    return width_for(value) <= intset_width(set) && is_member(set, intset_seek(set, value), value);
}

int64_t intset_get(const struct intset *set, size_t index)
{
    assert(index < intset_len(set));
    return member_read(bytes_of(set) + HEADER_SIZE, intset_width(set), index);
}

int64_t intset_random(const struct intset *set, struct prng *prng)
{
    return intset_get(set, prng_below(prng, intset_len(set)));
}

int64_t intset_min(const struct intset *set)
{
    return intset_get(set, 0);
}

int64_t intset_max(const struct intset *set)
{
    return intset_get(set, intset_len(set) - 1);
}

/* ---- bytes from outside */

bool intset_validate(struct slice bytes, bool deep)
{
    const uint8_t *start = (const uint8_t *)bytes.ptr;
    if (bytes.len < HEADER_SIZE || bytes.len > INTSET_SIZE_MAX) return false;
    uint32_t width = load32(start), len = load32(start + 4);
    if (width != 2 && width != 4 && width != 8) return false;
    if ((uint64_t)len * width != bytes.len - HEADER_SIZE) return false;
    for (size_t i = 1; deep && i < len; i++) {
        if (member_read(start + HEADER_SIZE, width, i - 1) >= member_read(start + HEADER_SIZE, width, i)) return false;
    }
    return true;
}

void intset_check(const struct intset *set)
{
    bool valid = intset_validate(intset_bytes(set), true);
    assert(valid && intset_size(set) <= mem_usable(set));
    (void)valid;
}
