/* SipHash-1-3: one round per 8-byte word, three to finish. The words are read little-endian. */
#include "base/hash.h"

#include "base/compiler.h"

#include <endian.h>

static inline uint64_t load64(const unsigned char *p)
{
    uint64_t v;
    memcpy(&v, p, sizeof v);
    return le64toh(v);
}

static inline uint64_t load32(const unsigned char *p)
{
    uint32_t v;
    memcpy(&v, p, sizeof v);
    return le32toh(v);
}

/* The last 0 to 7 bytes as a little-endian number, without reading past them: two loads that overlap cover 4 to 7
 * bytes, three bytes (first, middle, last) cover 1 to 3. */
static inline uint64_t load_tail(const unsigned char *p, size_t len)
{
    if (len >= 4) return load32(p) | load32(p + len - 4) << (8 * (len - 4));
    if (len == 0) return 0;
    return (uint64_t)p[0] | (uint64_t)p[len >> 1] << (8 * (len >> 1)) | (uint64_t)p[len - 1] << (8 * (len - 1));
}

#define ROTL(x, n) ((x) << (n) | (x) >> (64 - (n)))
#define SIP_ROUND(a, b, c, d)                             \
    do {                                                  \
        a += b, b = ROTL(b, 13), b ^= a, a = ROTL(a, 32); \
        c += d, d = ROTL(d, 16), d ^= c;                  \
        a += d, d = ROTL(d, 21), d ^= a;                  \
        c += b, b = ROTL(b, 17), b ^= c, c = ROTL(c, 32); \
    } while (0)

uint64_t hash_bytes(const struct hash_seed *seed, const void *ptr, size_t len)
{
    uint64_t a = seed->k0 ^ 0x736f6d6570736575u, b = seed->k1 ^ 0x646f72616e646f6du;
    uint64_t c = seed->k0 ^ 0x6c7967656e657261u, d = seed->k1 ^ 0x7465646279746573u;
    const unsigned char *p = ptr;
    size_t left = len;
    for (; left >= 8; p += 8, left -= 8) {
        uint64_t word = load64(p);
        d ^= word;
        SIP_ROUND(a, b, c, d);
        a ^= word;
    }
    uint64_t last = (uint64_t)len << 56 | load_tail(p, left);
    d ^= last;
    SIP_ROUND(a, b, c, d);
    a ^= last;
    c ^= 0xff;
    SIP_ROUND(a, b, c, d);
    SIP_ROUND(a, b, c, d);
    SIP_ROUND(a, b, c, d);
    return a ^ b ^ c ^ d;
}
