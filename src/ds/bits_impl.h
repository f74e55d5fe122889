/* The kernels of bits.c: one table that every C compiler builds, one for the vector unit of the CPU, if it has one.
 * They are the same functions; tests run both. */
#ifndef CAIRN_DS_BITS_IMPL_H
#define CAIRN_DS_BITS_IMPL_H

#include "ds/bits.h"

enum bits_fold { FOLD_AND, FOLD_OR, FOLD_XOR, FOLD_ANDNOT, FOLD_NOT };

struct bits_kernels {
    uint64_t (*count)(const uint8_t *p, size_t n);
    /* d[i] = x[i] op y[i]; d may be x. FOLD_ANDNOT: x and not y. FOLD_NOT: not x, y is not read. */
    void (*fold)(enum bits_fold op, uint8_t *d, const uint8_t *x, const uint8_t *y, size_t n);
    /* once: bits seen in exactly one source so far, more: in several. */
    void (*once)(uint8_t *once, uint8_t *more, const uint8_t *y, size_t n);
};

extern const struct bits_kernels bits_portable;
const struct bits_kernels *bits_vector(void); /* NULL: none for this CPU */

/* Vectors as gcc and clang write them; without a wide enough unit the compiler splits them. */
typedef uint64_t bits_vec __attribute__((vector_size(32), aligned(1), may_alias));

/* The bodies of fold and once, for a function that is compiled for one instruction set. */
#define BITS_FOLD_CASE(OP, EXPR)                                                                                       \
    case OP:                                                                                                           \
        for (; i + sizeof(bits_vec) <= n; i += sizeof(bits_vec)) {                                                     \
            bits_vec x = *(const bits_vec *)(a + i), y = *(const bits_vec *)(b + i);                                   \
            (void)y;                                                                                                   \
            *(bits_vec *)(d + i) = (EXPR);                                                                             \
        }                                                                                                              \
        for (; i < n; i++) {                                                                                           \
            uint8_t x = a[i], y = b[i];                                                                                \
            (void)y;                                                                                                   \
            d[i] = (uint8_t)(EXPR);                                                                                    \
        }                                                                                                              \
        break;

#define BITS_FOLD_BODY(op, d, a, b, n)                                                                                 \
    do {                                                                                                               \
        size_t i = 0;                                                                                                  \
        switch (op) {                                                                                                  \
            BITS_FOLD_CASE(FOLD_AND, x &y)                                                                             \
            BITS_FOLD_CASE(FOLD_OR, x | y)                                                                             \
            BITS_FOLD_CASE(FOLD_XOR, x ^ y)                                                                            \
            BITS_FOLD_CASE(FOLD_ANDNOT, x & ~y)                                                                        \
            BITS_FOLD_CASE(FOLD_NOT, ~x)                                                                               \
        }                                                                                                              \
    } while (0)

#define BITS_ONCE_STEP(type, i)                                                                                        \
    do {                                                                                                               \
        type o = *(type *)(once + (i)), m = *(type *)(more + (i)), b = *(const type *)(y + (i));                       \
        m |= o & b;                                                                                                    \
        *(type *)(more + (i)) = m;                                                                                     \
        *(type *)(once + (i)) = (type)((o ^ b) & ~m);                                                                  \
    } while (0)

#define BITS_ONCE_BODY(n)                                                                                              \
    do {                                                                                                               \
        size_t i = 0;                                                                                                  \
        for (; i + sizeof(bits_vec) <= (n); i += sizeof(bits_vec)) BITS_ONCE_STEP(bits_vec, i);                        \
        for (; i < (n); i++) BITS_ONCE_STEP(uint8_t, i);                                                               \
    } while (0)

/* Carry-save adder: three bits of one weight become one of that weight (low) and one of the next (high). */
#define BITS_CSA(high, low, a, b, c)                                                                                   \
    do {                                                                                                               \
        __typeof__(low) csa_a = (a), csa_b = (b), csa_c = (c), csa_u = csa_a ^ csa_b;                                  \
        (high) = (csa_a & csa_b) | (csa_u & csa_c);                                                                    \
        (low) = csa_u ^ csa_c;                                                                                         \
    } while (0)

/* Harley and Seal: 16 words are added up in a tree of adders, so that one slow population count serves 16 words. */
#define BITS_HARLEY_SEAL(word, at)                                                                                     \
    word twos_a, twos_b, fours_a, fours_b, eights_a, eights_b;                                                         \
    BITS_CSA(twos_a, ones, ones, at(0), at(1));                                                                        \
    BITS_CSA(twos_b, ones, ones, at(2), at(3));                                                                        \
    BITS_CSA(fours_a, twos, twos, twos_a, twos_b);                                                                     \
    BITS_CSA(twos_a, ones, ones, at(4), at(5));                                                                        \
    BITS_CSA(twos_b, ones, ones, at(6), at(7));                                                                        \
    BITS_CSA(fours_b, twos, twos, twos_a, twos_b);                                                                     \
    BITS_CSA(eights_a, fours, fours, fours_a, fours_b);                                                                \
    BITS_CSA(twos_a, ones, ones, at(8), at(9));                                                                        \
    BITS_CSA(twos_b, ones, ones, at(10), at(11));                                                                      \
    BITS_CSA(fours_a, twos, twos, twos_a, twos_b);                                                                     \
    BITS_CSA(twos_a, ones, ones, at(12), at(13));                                                                      \
    BITS_CSA(twos_b, ones, ones, at(14), at(15));                                                                      \
    BITS_CSA(fours_b, twos, twos, twos_a, twos_b);                                                                     \
    BITS_CSA(eights_b, fours, fours, fours_a, fours_b);                                                                \
    BITS_CSA(sixteens, eights, eights, eights_a, eights_b)

#endif
