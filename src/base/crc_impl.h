/* Ways to crc64 that depend on the processor; only crc*.c include this. */
#ifndef CAIRN_BASE_CRC_IMPL_H
#define CAIRN_BASE_CRC_IMPL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { CRC64_FOLD_BYTES = 64 }; /* a step of crc64_fold */

/* Whether crc64_fold runs on this processor. A load. */
bool crc64_folds(void);
/* Shortens len bytes (a multiple of CRC64_FOLD_BYTES, and not 0), in front of which crc stands, to 16 bytes: their
 * crc64, begun with 0, is the crc64 of all. */
void crc64_fold(uint64_t crc, const void *ptr, size_t len, unsigned char out[16]);

#endif
