/* Cyclic redundancy checks. Both start from 0, change nothing at the end, and go on from an earlier result. */
#ifndef CAIRN_BASE_CRC_H
#define CAIRN_BASE_CRC_H

#include <stddef.h>
#include <stdint.h>

/* CRC-64/Jones (polynomial ad93d23594c935a9, reflected): RDB files and DUMP. "123456789" gives e9c6d914c4b8d9ca. */
uint64_t crc64(uint64_t crc, const void *ptr, size_t len);
/* CRC-16/XMODEM (polynomial 1021): cluster slots. "123456789" gives 31c3. */
uint16_t crc16(uint16_t crc, const void *ptr, size_t len);

#endif
