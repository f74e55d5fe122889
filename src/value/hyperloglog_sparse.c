/* The sparse form of a HyperLogLog: finding a register, and the bytes that set it.
 *
 * The bytes must come out as those of Redis, since values travel between the two and are compared by digests. So the
 * rules are its rules: the run that covers the register is split into up to three, and then, from the run in front of
 * it on, equal neighbours are joined as long as five looks last. */
#include "value/hyperloglog_impl.h"

#include <assert.h>
#include <string.h>

enum { MERGE_STEPS = 5, OPCODE_MAX = 2, TAIL_MAX = MERGE_STEPS * OPCODE_MAX + 1, SPLIT_MAX = 5 };
_Static_assert((int)OPCODE_MAX + (int)SPLIT_MAX + (int)TAIL_MAX <= (int)SPARSE_EDIT_MAX, "an edit fits");

/* ---- finding ---- */

static const uint64_t EVERY_01 = 0x0101010101010101ull;

/* The registers that eight opcodes of one byte cover. False: there is an XZERO among the bytes. */
static inline bool eight_spans(const uint8_t *p, uint32_t *sum)
{
    uint64_t word;
    memcpy(&word, p, sizeof(word));
    if ((~word >> 1) & word & (EVERY_01 << 6)) return false;
    uint64_t is_val = word >> 7 & EVERY_01;
    uint64_t spans = word & (EVERY_01 * 0x3f ^ is_val * 0x3c); /* two bits of VAL, six of ZERO */
    uint64_t pairs = (spans & 0x00ff00ff00ff00ffull) + (spans >> 8 & 0x00ff00ff00ff00ffull);
    *sum = (uint32_t)(pairs * 0x0001000100010001ull >> 48) + 8;
    return true;
}

bool sparse_find(const uint8_t *p, size_t len, struct sparse_start from, uint32_t index, struct sparse_place *out)
{
    size_t at = from.at, prev = from.at;
    uint32_t first = from.first, sum;
    for (;;) {
        if (at + 8 <= len && eight_spans(p + at, &sum) && first + sum <= index) {
            first += sum;
            at += 8;
            prev = at - 1;
            continue;
        }
        struct sparse_op op;
        if (!sparse_op_at(p, len, at, &op)) return false;
        if (index < first + op.span) {
            *out = (struct sparse_place){at, prev, first, op};
            return true;
        }
        prev = at;
        at += op.size;
        first += op.span;
    }
}

/* ---- setting ---- */

static size_t put_zeros(uint8_t *to, uint32_t span)
{
    if (span == 0) return 0;
    if (span <= SPARSE_ZERO_MAX) {
        to[0] = (uint8_t)(span - 1);
        return 1;
    }
    to[0] = (uint8_t)(0x40 | (span - 1) >> 8);
    to[1] = (uint8_t)(span - 1);
    return 2;
}

static size_t put_value(uint8_t *to, unsigned value, uint32_t span)
{
    if (span == 0) return 0;
    *to = (uint8_t)(0x80 | (value - 1) << 2 | (span - 1));
    return 1;
}

static size_t put_run(uint8_t *to, unsigned value, uint32_t span)
{
    return value == 0 ? put_zeros(to, span) : put_value(to, value, span);
}

/* Joins neighbours of equal value; returns the new length. */
static size_t merge_neighbours(uint8_t *p, size_t len)
{
    size_t at = 0;
    struct sparse_op op, next;
    for (int steps = MERGE_STEPS; steps > 0 && sparse_op_at(p, len, at, &op); steps--) {
        bool joins = op.value != 0 && sparse_op_at(p, len, at + 1, &next) && next.value == op.value &&
                     op.span + next.span <= SPARSE_RUN_MAX;
        if (!joins) {
            at += op.size;
            continue;
        }
        put_value(p + at, op.value, op.span + next.span);
        memmove(p + at + 1, p + at + 2, len - at - 2);
        len--; /* and the joined one may join the next */
    }
    return len;
}

void sparse_edit_make(const uint8_t *p, size_t len, const struct sparse_place *place, uint32_t index, unsigned value,
                      struct sparse_edit *out)
{
    const struct sparse_op *op = &place->op;
    size_t end = place->at + op->size, before = place->at - place->prev, n = before;
    size_t tail = len - end < TAIL_MAX ? len - end : TAIL_MAX;
    assert(value > op->value && value <= SPARSE_VALUE_MAX && before <= OPCODE_MAX);
    memcpy(out->bytes, p + place->prev, before);
    n += put_run(out->bytes + n, op->value, index - place->first);
    n += put_value(out->bytes + n, value, 1);
    n += put_run(out->bytes + n, op->value, place->first + op->span - 1 - index);
    out->growth = (int)(n - before) - op->size;
    memcpy(out->bytes + n, p + end, tail);
    out->at = place->prev;
    out->old_len = before + op->size + tail;
    out->new_len = merge_neighbours(out->bytes, n + tail);
}
