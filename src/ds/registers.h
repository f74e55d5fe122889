/* Arrays of 6-bit registers, four in three bytes with the lowest bits first: the dense form of a HyperLogLog. In plain
 * arrays a register takes a byte. Runs on vector instructions where the CPU has them. */
#ifndef CAIRN_DS_REGISTERS_H
#define CAIRN_DS_REGISTERS_H

#include <stddef.h>
#include <stdint.h>

enum { REGISTER_BITS = 6, REGISTER_MAX = 63 };

static inline unsigned register_get(const uint8_t *packed, size_t i)
{
    size_t at = i * REGISTER_BITS / 8;
    unsigned shift = i * REGISTER_BITS & 7, bits = packed[at];
    if (shift > 8 - REGISTER_BITS) bits |= (unsigned)packed[at + 1] << 8;
    return bits >> shift & REGISTER_MAX;
}
void register_set(uint8_t *packed, size_t i, unsigned value);

/* max[i] becomes the larger of itself and the packed register; count is a multiple of 4. */
void registers_max(uint8_t *max, const uint8_t *packed, size_t count);
/* values (each 0 to 63) in packed form; count is a multiple of 4. */
void registers_pack(uint8_t *packed, const uint8_t *values, size_t count);
/* How many of the values are 0, 1, ... 63. */
void registers_histogram(uint32_t histogram[REGISTER_MAX + 1], const uint8_t *values, size_t count);

#endif
