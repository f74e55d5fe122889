/* Arrays of 6-bit registers.
 *
 *   packed byte     0         1         2
 *   bits         11000000  22221111  33333322      (register numbers, each byte's highest bit first) */
#include "ds/registers.h"

#include "ds/registers_impl.h"

#include <assert.h>
#include <string.h>

enum { GROUP = 4, GROUP_BYTES = 3, TABLES = 4 };

void register_set(uint8_t *packed, size_t i, unsigned value)
{
    size_t at = i * REGISTER_BITS / 8;
    unsigned shift = i * REGISTER_BITS & 7;
    assert(value <= REGISTER_MAX);
    packed[at] = (uint8_t)((packed[at] & ~(REGISTER_MAX << shift)) | value << shift);
    if (shift > 8 - REGISTER_BITS) {
        unsigned over = 8 - shift;
        packed[at + 1] = (uint8_t)((packed[at + 1] & ~(REGISTER_MAX >> over)) | value >> over);
    }
}

void registers_max_portable(uint8_t *max, const uint8_t *packed, size_t count)
{
    for (size_t i = 0; i < count; i += GROUP, packed += GROUP_BYTES) {
        uint32_t bits = packed[0] | (uint32_t)packed[1] << 8 | (uint32_t)packed[2] << 16;
        for (size_t k = 0; k < GROUP; k++) {
            uint8_t value = bits >> (k * REGISTER_BITS) & REGISTER_MAX;
            max[i + k] = value > max[i + k] ? value : max[i + k];
        }
    }
}

void registers_pack_portable(uint8_t *packed, const uint8_t *values, size_t count)
{
    for (size_t i = 0; i < count; i += GROUP, packed += GROUP_BYTES) {
        uint32_t bits = 0;
        for (size_t k = 0; k < GROUP; k++) bits |= (uint32_t)(values[i + k] & REGISTER_MAX) << (k * REGISTER_BITS);
        packed[0] = (uint8_t)bits;
        packed[1] = (uint8_t)(bits >> 8);
        packed[2] = (uint8_t)(bits >> 16);
    }
}

void registers_max(uint8_t *max, const uint8_t *packed, size_t count)
{
    assert(count % GROUP == 0);
    const struct registers_kernels *vector = registers_vector();
    size_t done = vector != NULL ? vector->max(max, packed, count) : 0;
    registers_max_portable(max + done, packed + done / GROUP * GROUP_BYTES, count - done);
}

void registers_pack(uint8_t *packed, const uint8_t *values, size_t count)
{
    assert(count % GROUP == 0);
    const struct registers_kernels *vector = registers_vector();
    size_t done = vector != NULL ? vector->pack(packed, values, count) : 0;
    registers_pack_portable(packed + done / GROUP * GROUP_BYTES, values + done, count - done);
}

/* Neighbours are often equal; with a table each, one does not wait for the other's sum. */
void registers_histogram(uint32_t histogram[REGISTER_MAX + 1], const uint8_t *values, size_t count)
{
    uint32_t tables[TABLES][256];
    size_t i = 0;
    memset(tables, 0, sizeof(tables));
    for (; i + 8 <= count; i += 8) {
        uint64_t eight;
        memcpy(&eight, values + i, sizeof(eight));
        tables[0][eight & 0xff]++;
        tables[1][eight >> 8 & 0xff]++;
        tables[2][eight >> 16 & 0xff]++;
        tables[3][eight >> 24 & 0xff]++;
        tables[0][eight >> 32 & 0xff]++;
        tables[1][eight >> 40 & 0xff]++;
        tables[2][eight >> 48 & 0xff]++;
        tables[3][eight >> 56]++;
    }
    for (; i < count; i++) tables[0][values[i]]++;
    for (size_t k = 0; k <= REGISTER_MAX; k++) histogram[k] = tables[0][k] + tables[1][k] + tables[2][k] + tables[3][k];
}
