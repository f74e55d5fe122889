/* The kernels of registers.c that a vector unit can do; registers_x86.c has them. They return how many registers they
 * did, from the first on, and leave the rest to the portable loops. */
#ifndef CAIRN_DS_REGISTERS_IMPL_H
#define CAIRN_DS_REGISTERS_IMPL_H

#include "ds/registers.h"

struct registers_kernels {
    size_t (*max)(uint8_t *max, const uint8_t *packed, size_t count);
    size_t (*pack)(uint8_t *packed, const uint8_t *values, size_t count);
};
const struct registers_kernels *registers_vector(void); /* NULL: none for this CPU */

void registers_max_portable(uint8_t *max, const uint8_t *packed, size_t count);
void registers_pack_portable(uint8_t *packed, const uint8_t *values, size_t count);

#endif
