/* The bytes of a HyperLogLog, for the files hyperloglog*.c only.
 *
 *   offset 0       4           5..7     8                                    16
 *          "HYLL"  encoding    zero     cached estimate, 64 bits little-     registers
 *                  0: dense             endian; its highest bit: is stale
 *                  1: sparse
 *
 * Dense: 16,384 registers of 6 bits (ds/registers.h). Sparse: runs of registers as opcodes,
 *
 *   00xxxxxx            ZERO    x + 1 registers of value 0
 *   01xxxxxx xxxxxxxx   XZERO   x + 1 registers of value 0
 *   1vvvvvxx            VAL     x + 1 registers of value v + 1 (32 at most)
 */
#ifndef CAIRN_VALUE_HYPERLOGLOG_IMPL_H
#define CAIRN_VALUE_HYPERLOGLOG_IMPL_H

#include "ds/registers.h"
#include "value/hyperloglog.h"

enum {
    HLL_ENCODING_AT = 4,
    HLL_CACHE_AT = 8,
    HLL_HEADER = 16,
    HLL_STALE = 0x80, /* in the last byte of the estimate */
    HLL_DENSE_LEN = HLL_HEADER + HLL_REGISTERS * REGISTER_BITS / 8,
    HLL_EMPTY_LEN = HLL_HEADER + 2,
    SPARSE_ZERO_MAX = 64,
    SPARSE_XZERO_MAX = 16384,
    SPARSE_VALUE_MAX = 32,
    SPARSE_RUN_MAX = 4, /* of VAL */
    SPARSE_EDIT_MAX = 24,
};
enum hll_encoding { HLL_DENSE, HLL_SPARSE };

/* Opcodes; `at` and `len` count from the first opcode. */
struct sparse_op {
    uint32_t span;  /* registers */
    uint8_t value;  /* 0: ZERO or XZERO */
    uint8_t size;   /* bytes */
};
/* False: behind the end, or cut off there. */
static inline bool sparse_op_at(const uint8_t *p, size_t len, size_t at, struct sparse_op *op)
{
    if (at >= len) return false;
    unsigned byte = p[at];
    if (byte & 0x80) {
        *op = (struct sparse_op){(byte & 3) + 1, (uint8_t)((byte >> 2 & 31) + 1), 1};
    } else if (!(byte & 0x40)) {
        *op = (struct sparse_op){(byte & 63) + 1, 0, 1};
    } else {
        if (at + 1 >= len) return false;
        *op = (struct sparse_op){((byte & 63) << 8 | p[at + 1]) + 1, 0, 2};
    }
    return true;
}

/* Where a register stands. */
struct sparse_place {
    size_t at;        /* of the opcode that covers it */
    size_t prev;      /* of the opcode before that one; `at` when there is none */
    uint32_t first;   /* the first register that it covers */
    struct sparse_op op;
};
/* A known place to begin a search at, instead of the start: an opcode and its first register. */
struct sparse_start {
    size_t at;
    uint32_t first;
};
bool sparse_find(const uint8_t *p, size_t len, struct sparse_start from, uint32_t index, struct sparse_place *out);

/* What setting a register does to the bytes: `old_len` of them from `at` on give way to new ones. */
struct sparse_edit {
    size_t at, old_len, new_len;
    int growth; /* before neighbours were merged: what the limit is about */
    uint8_t bytes[SPARSE_EDIT_MAX];
};
void sparse_edit_make(const uint8_t *p, size_t len, const struct sparse_place *place, uint32_t index, unsigned value,
                      struct sparse_edit *out);

#endif
