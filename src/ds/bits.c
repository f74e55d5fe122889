/* Bits of byte strings.
 *
 * The long loops are kernels (bits_impl.h). Combining goes through blocks of BLOCK bytes: all sources are folded into
 * one block of the result while it is in the first-level cache, so that n sources cost n reads and one write of memory,
 * not 2n reads and n writes. */
#include "ds/bits.h"

#include "base/compiler.h"
#include "ds/bits_impl.h"

#include <assert.h>
#include <endian.h>

enum { BLOCK = 8 * 1024, WORD_BITS = 64 };

/* ---- portable kernels ---- */

static inline uint64_t word_at(const uint8_t *p)
{
    uint64_t w;
    memcpy(&w, p, sizeof(w));
    return w;
}

static inline uint64_t word_count(uint64_t w)
{
    w -= (w >> 1) & 0x5555555555555555ull;
    w = (w & 0x3333333333333333ull) + ((w >> 2) & 0x3333333333333333ull);
    w = (w + (w >> 4)) & 0x0f0f0f0f0f0f0f0full;
    return (w * 0x0101010101010101ull) >> 56;
}

#define WORD_AT(i) word_at(p + 8 * (i))

static uint64_t count_portable(const uint8_t *p, size_t n)
{
    uint64_t count = 0, ones = 0, twos = 0, fours = 0, eights = 0, sixteens;
    for (; n >= 16 * sizeof(uint64_t); n -= 16 * sizeof(uint64_t), p += 16 * sizeof(uint64_t)) {
        BITS_HARLEY_SEAL(uint64_t, WORD_AT);
        count += 16 * word_count(sixteens);
    }
    count += 8 * word_count(eights) + 4 * word_count(fours) + 2 * word_count(twos) + word_count(ones);
    for (; n >= 8; n -= 8, p += 8) count += word_count(word_at(p));
    for (; n > 0; n--, p++) count += word_count(*p);
    return count;
}

static void fold_portable(enum bits_fold op, uint8_t *d, const uint8_t *a, const uint8_t *b, size_t n)
{
    BITS_FOLD_BODY(op, d, a, b, n);
}

static void once_portable(uint8_t *once, uint8_t *more, const uint8_t *y, size_t n)
{
    BITS_ONCE_BODY(n);
}

const struct bits_kernels bits_portable = {count_portable, fold_portable, once_portable};

static const struct bits_kernels *kernels(void)
{
    const struct bits_kernels *vector = bits_vector();
    return vector != NULL ? vector : &bits_portable;
}

/* ---- counting and searching ---- */

static inline const uint8_t *bytes_of(struct slice s)
{
    return (const uint8_t *)s.ptr;
}

uint64_t bits_count(struct slice s)
{
    return kernels()->count(bytes_of(s), s.len);
}

/* The bits of byte `at` that lie in the range. */
static inline uint8_t mask_of(size_t at, uint64_t first, uint64_t last)
{
    unsigned mask = 0xff;
    if (at == first >> 3) mask &= 0xffu >> (first & 7);
    if (at == last >> 3) mask &= 0xffu << (7 - (last & 7));
    return (uint8_t)mask;
}

uint64_t bits_count_range(struct slice s, uint64_t first, uint64_t last)
{
    if (first > last) return 0;
    size_t from = first >> 3, to = last >> 3;
    assert(to < s.len);
    uint64_t count = word_count((uint8_t)(s.ptr[from] & mask_of(from, first, last)));
    if (from == to) return count;
    count += word_count((uint8_t)(s.ptr[to] & mask_of(to, first, last)));
    return count + bits_count(slice_of(s.ptr + from + 1, to - from - 1));
}

static inline int64_t bit_in_byte(size_t at, unsigned byte)
{
    return (int64_t)(at * 8) + __builtin_clz(byte) - 24;
}

int64_t bits_find(struct slice s, uint64_t first, uint64_t last, bool bit)
{
    if (first > last) return -1;
    size_t at = first >> 3, to = last >> 3;
    assert(to < s.len);
    const uint8_t *p = bytes_of(s);
    uint64_t flip = bit ? 0 : ~0ull; /* turns what is looked for into ones */
    unsigned byte = (uint8_t)(p[at] ^ flip) & mask_of(at, first, last);
    if (byte != 0) return bit_in_byte(at, byte);
    if (at == to) return -1;
    at++;
    while (at + 32 <= to && word_at(p + at) == flip && word_at(p + at + 8) == flip && word_at(p + at + 16) == flip &&
           word_at(p + at + 24) == flip)
        at += 32;
    for (; at + 8 <= to; at += 8) {
        uint64_t word = be64toh(word_at(p + at)) ^ flip;
        if (word != 0) return (int64_t)(at * 8) + __builtin_clzll(word);
    }
    for (; at <= to; at++) {
        byte = (uint8_t)(p[at] ^ flip) & mask_of(at, first, last);
        if (byte != 0) return bit_in_byte(at, byte);
    }
    return -1;
}

/* ---- combining ---- */

/* A block of the result, and the part of each source that lies in it. */
struct block {
    const struct bits_kernels *kernels;
    const struct slice *sources;
    uint8_t *to;
    size_t at, len;
};

static struct slice part_of(const struct block *b, size_t source)
{
    struct slice s = b->sources[source];
    if (s.len <= b->at) return SLICE("");
    return slice_of(s.ptr + b->at, s.len - b->at < b->len ? s.len - b->at : b->len);
}

static void block_load(const struct block *b, size_t source)
{
    struct slice part = part_of(b, source);
    if (part.len > 0 && part.ptr != (const char *)b->to) memcpy(b->to, part.ptr, part.len);
    memset(b->to + part.len, 0, b->len - part.len);
}

static void block_fold(const struct block *b, enum bits_fold op, size_t source)
{
    struct slice part = part_of(b, source);
    b->kernels->fold(op, b->to, b->to, bytes_of(part), part.len);
    if (op == FOLD_AND) memset(b->to + part.len, 0, b->len - part.len);
}

/* The first two at once, where both are long enough: saves a copy. */
static void block_start(const struct block *b, enum bits_fold op, size_t x, size_t y)
{
    struct slice part_x = part_of(b, x), part_y = part_of(b, y);
    if (part_x.len == b->len && part_y.len == b->len) {
        b->kernels->fold(op, b->to, bytes_of(part_x), bytes_of(part_y), b->len);
        return;
    }
    block_load(b, x);
    block_fold(b, op, y);
}

static void block_fold_all(const struct block *b, enum bits_fold op, size_t first, size_t count)
{
    if (count - first == 1) {
        block_load(b, first);
        return;
    }
    block_start(b, op, first, first + 1);
    for (size_t i = first + 2; i < count; i++) block_fold(b, op, i);
}

static void block_not(const struct block *b)
{
    struct slice part = part_of(b, 0);
    b->kernels->fold(FOLD_NOT, b->to, bytes_of(part), bytes_of(part), part.len);
    memset(b->to + part.len, 0xff, b->len - part.len);
}

/* (Y1 or Y2 or ...) `with` X */
static void block_others(const struct block *b, enum bits_fold with, size_t count)
{
    if (count == 2) {
        block_start(b, with, 1, 0);
        return;
    }
    block_fold_all(b, FOLD_OR, 1, count);
    block_fold(b, with, 0);
}

static void block_one(const struct block *b, size_t count)
{
    uint8_t more[BLOCK];
    block_load(b, 0);
    memset(more, 0, b->len);
    for (size_t i = 1; i < count; i++) {
        struct slice part = part_of(b, i);
        b->kernels->once(b->to, more, bytes_of(part), part.len);
    }
}

static void block_combine(const struct block *b, enum bits_op op, size_t count)
{
    switch (op) {
    case BITS_AND: block_fold_all(b, FOLD_AND, 0, count); break;
    case BITS_OR: block_fold_all(b, FOLD_OR, 0, count); break;
    case BITS_XOR: block_fold_all(b, FOLD_XOR, 0, count); break;
    case BITS_NOT: block_not(b); break;
    case BITS_DIFF: block_fold_all(b, FOLD_ANDNOT, 0, count); break;
    case BITS_DIFF1: block_others(b, FOLD_ANDNOT, count); break;
    case BITS_ANDOR: block_others(b, FOLD_AND, count); break;
    case BITS_ONE: block_one(b, count); break;
    }
}

void bits_combine(enum bits_op op, char *dst, size_t len, const struct slice *sources, size_t count)
{
    assert(count > 0);
    struct block b = {.kernels = kernels(), .sources = sources};
    for (; b.at < len; b.at += b.len) {
        b.to = (uint8_t *)dst + b.at;
        b.len = len - b.at < BLOCK ? len - b.at : BLOCK;
        block_combine(&b, op, count);
    }
}

/* ---- fields ---- */

uint64_t bits_load(struct slice s, uint64_t offset, unsigned width)
{
    assert(width >= 1 && width <= WORD_BITS);
    uint64_t at = offset >> 3;
    unsigned shift = offset & 7;
    uint8_t bytes[9] = {0}; /* a field of 64 bits touches nine */
    if (at < s.len) memcpy(bytes, s.ptr + at, s.len - at < sizeof(bytes) ? s.len - at : sizeof(bytes));
    uint64_t word = be64toh(word_at(bytes)) << shift;
    if (shift > 0) word |= (uint64_t)bytes[8] >> (8 - shift);
    return word >> (WORD_BITS - width);
}

void bits_store(char *bytes, uint64_t offset, unsigned width, uint64_t value)
{
    assert(width >= 1 && width <= WORD_BITS);
    uint8_t *p = (uint8_t *)bytes;
    while (width > 0) {
        unsigned shift = offset & 7, take = 8 - shift < width ? 8 - shift : width, low = 8 - shift - take;
        unsigned mask = ((1u << take) - 1) << low;
        unsigned part = (unsigned)(value >> (width - take)) << low;
        p[offset >> 3] = (uint8_t)((p[offset >> 3] & ~mask) | (part & mask));
        offset += take;
        width -= take;
    }
}
