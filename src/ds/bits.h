/* Bits of byte strings, as bitmaps number them: bit 0 is the highest bit of byte 0. Counting, searching and combining
 * run on vector instructions where the CPU has them. All functions are pure; nothing is allocated. */
#ifndef CAIRN_DS_BITS_H
#define CAIRN_DS_BITS_H

#include "base/slice.h"

/* Ones in s. O(n), about as fast as memory can be read. */
uint64_t bits_count(struct slice s);
/* Ones from bit `first` to bit `last`, both included; last is inside of s. */
uint64_t bits_count_range(struct slice s, uint64_t first, uint64_t last);
/* The first bit from `first` to `last` that equals `bit`, or -1; last is inside of s. */
int64_t bits_find(struct slice s, uint64_t first, uint64_t last, bool bit);

/* X is the first source, Y are the others; sources that are too short are continued with zeros. */
enum bits_op {
    BITS_AND,
    BITS_OR,
    BITS_XOR,
    BITS_NOT,   /* not X; one source */
    BITS_DIFF,  /* in X and in no Y; two sources or more, as for the next two */
    BITS_DIFF1, /* in a Y and not in X */
    BITS_ANDOR, /* in X and in a Y */
    BITS_ONE,   /* in exactly one source */
};
/* len bytes of the sources combined. dst overlaps no source, but may be the first one where bits_in_place says so. */
void bits_combine(enum bits_op op, char *dst, size_t len, const struct slice *sources, size_t count);
static inline bool bits_in_place(enum bits_op op)
{
    return op != BITS_DIFF1 && op != BITS_ANDOR;
}

/* A field of 1 to 64 bits, the highest first. What is read behind the end of s is 0. */
uint64_t bits_load(struct slice s, uint64_t offset, unsigned width);
/* The field lies inside of the bytes. */
void bits_store(char *bytes, uint64_t offset, unsigned width, uint64_t value);

#endif
