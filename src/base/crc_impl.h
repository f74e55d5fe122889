/* Ways to crc64 that depend on the processor; only crc*.c include this. */
#ifndef CAIRN_BASE_CRC_IMPL_H
#define CAIRN_BASE_CRC_IMPL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Whether crc64_fold runs on this processor. A load. */
bool crc64_folds(void);
/* crc64, one way and the other. */
uint64_t crc64_fold(uint64_t crc, const void *ptr, size_t len);
uint64_t crc64_by_tables(uint64_t crc, const void *ptr, size_t len);

#endif
