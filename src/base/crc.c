/* Table-driven checks. Tables are linear: the entry of a byte is the sum (xor) of the entries of its bits, so each
 * table of 256 is spelled out by the compiler from 8 numbers.
 *
 * crc64 goes by crc_fold.c where the processor can, and else 8 bytes a step: tables64[k][b] is what byte b adds when k
 * more bytes follow it in the step. */
#include "base/crc.h"

#include "base/compiler.h"
#include "base/crc_impl.h"

#include <endian.h>
#include <string.h>

#define BIT(b, n, c) ((b) >> (n)&1 ? (c) : 0)
#define ENTRY(b, c0, c1, c2, c3, c4, c5, c6, c7) \
    BIT(b, 0, c0) ^ BIT(b, 1, c1) ^ BIT(b, 2, c2) ^ BIT(b, 3, c3) ^ \
        BIT(b, 4, c4) ^ BIT(b, 5, c5) ^ BIT(b, 6, c6) ^ BIT(b, 7, c7)
#define ENTRIES_2(b, ...) ENTRY(b, __VA_ARGS__), ENTRY(b + 1, __VA_ARGS__)
#define ENTRIES_4(b, ...) ENTRIES_2(b, __VA_ARGS__), ENTRIES_2(b + 2, __VA_ARGS__)
#define ENTRIES_8(b, ...) ENTRIES_4(b, __VA_ARGS__), ENTRIES_4(b + 4, __VA_ARGS__)
#define ENTRIES_16(b, ...) ENTRIES_8(b, __VA_ARGS__), ENTRIES_8(b + 8, __VA_ARGS__)
#define ENTRIES_32(b, ...) ENTRIES_16(b, __VA_ARGS__), ENTRIES_16(b + 16, __VA_ARGS__)
#define ENTRIES_64(b, ...) ENTRIES_32(b, __VA_ARGS__), ENTRIES_32(b + 32, __VA_ARGS__)
#define ENTRIES_128(b, ...) ENTRIES_64(b, __VA_ARGS__), ENTRIES_64(b + 64, __VA_ARGS__)
#define TABLE(...) ENTRIES_128(0, __VA_ARGS__), ENTRIES_128(128, __VA_ARGS__)

static const uint64_t tables64[8][256] = {
    {TABLE(0x7ad870c830358979u, 0xf5b0e190606b12f2u, 0xc038e5739841b68fu, 0xab28ecb46814fe75u,
           0x7d08ff3b88be6f81u, 0xfa11fe77117cdf02u, 0xdf7adabd7a6e2d6fu, 0x95ac9329ac4bc9b5u)},
    {TABLE(0x89e99ffd73bddf69u, 0x388a19a9bfec2db9u, 0x711433537fd85b72u, 0xe22866a6ffb0b6e4u,
           0xef09eb1ea7f6fea3u, 0xf54af06e177a6e2du, 0xc1ccc68f76634f31u, 0xa8c0ab4db4510d09u)},
    {TABLE(0xf4125129ce4038beu, 0xc37d8400c417e217u, 0xada22e52d0b85745u, 0x701d7af6f9e73de1u,
           0xe03af5edf3ce7bc2u, 0xeb2ccd88bf0b64efu, 0xfd00bd4226815ab5u, 0xd1585cd715952601u)},
    {TABLE(0x8ce168638c796306u, 0x329bf69440655567u, 0x6537ed2880caaaceu, 0xca6fda510195559cu,
           0xbf8692f15bbd3853u, 0x545403b1efede3cdu, 0xa8a80763dfdbc79au, 0x7a092894e7201c5fu)},
    {TABLE(0x3504e58b9ba6dd1eu, 0x6a09cb17374dba3cu, 0xd413962e6e9b7478u, 0x837e0a0f85a17b9bu,
           0x2da5324c53d5645du, 0x5b4a6498a7aac8bau, 0xb694c9314f559174u, 0x4670b431c63cb183u)},
    {TABLE(0xe39d1389931b9354u, 0xec6301407ea0b5c3u, 0xf39f24d3a5d6f8edu, 0xcc676ff4133a62b1u,
           0xb397f9bb7ee35609u, 0x4c76d525a5513f79u, 0x98edaa4b4aa27ef2u, 0x1a8272c5cdd36e8fu)},
    {TABLE(0x62a95de6e302eff2u, 0xc552bbcdc605dfe4u, 0xa1fc51c8d49c2ca3u, 0x68a185c2f1afca2du,
           0xd1430b85e35f945au, 0x89df31589e28bbdfu, 0x38e744e264c6e4d5u, 0x71ce89c4c98dc9aau)},
    {TABLE(0x381d0015c96f4444u, 0x703a002b92de8888u, 0xe074005725bd1110u, 0xebb126fd13edb14bu,
           0xfc3b6ba97f4cf1fdu, 0xd32ff101a60e7091u, 0x8d06c450148b7249u, 0x3154aef3718177f9u)},
};

static const uint16_t table16[256] = {
    TABLE(0x1021, 0x2042, 0x4084, 0x8108, 0x1231, 0x2462, 0x48c4, 0x9188)};

uint64_t crc64_by_tables(uint64_t crc, const void *ptr, size_t len)
{
    const unsigned char *p = ptr;
    for (; len >= 8; p += 8, len -= 8) {
        uint64_t word;
        memcpy(&word, p, sizeof word);
        crc ^= le64toh(word);
        crc = tables64[7][crc & 0xff] ^ tables64[6][crc >> 8 & 0xff] ^ tables64[5][crc >> 16 & 0xff] ^
              tables64[4][crc >> 24 & 0xff] ^ tables64[3][crc >> 32 & 0xff] ^ tables64[2][crc >> 40 & 0xff] ^
              tables64[1][crc >> 48 & 0xff] ^ tables64[0][crc >> 56];
    }
    for (; len > 0; p++, len--) crc = tables64[0][(crc ^ *p) & 0xff] ^ crc >> 8;
    return crc;
}

uint64_t crc64(uint64_t crc, const void *ptr, size_t len)
{
    return likely(crc64_folds()) ? crc64_fold(crc, ptr, len) : crc64_by_tables(crc, ptr, len);
}

uint16_t crc16(uint16_t crc, const void *ptr, size_t len)
{
    const unsigned char *p = ptr;
    for (; len > 0; p++, len--) crc = (uint16_t)(crc << 8) ^ table16[crc >> 8 ^ *p];
    return crc;
}
