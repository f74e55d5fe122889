/* SHA-1 and SHA-256, FIPS 180-4. Both take blocks of 64 bytes, read as big-endian words, and end with a bit 1, zeros,
 * and the length in bits as the last 8 bytes of a block; so they share the bookkeeping and differ in the
 * compression. */
#include "base/sha.h"

#include <endian.h>

static inline uint32_t rotl(uint32_t x, int n)
{
    return x << n | x >> (32 - n);
}

static inline uint32_t rotr(uint32_t x, int n)
{
    return x >> n | x << (32 - n);
}

static void load_words(uint32_t w[16], const unsigned char *block)
{
    for (int i = 0; i < 16; i++) {
        uint32_t word;
        memcpy(&word, block + 4 * i, sizeof word);
        w[i] = be32toh(word);
    }
}

static void store_words(unsigned char *out, const uint32_t *h, int words)
{
    for (int i = 0; i < words; i++) {
        uint32_t word = htobe32(h[i]);
        memcpy(out + 4 * i, &word, sizeof word);
    }
}

typedef void compress_fn(uint32_t *h, const unsigned char *block);

static void take(uint32_t *h, uint64_t *total, unsigned char *block, compress_fn *compress, const void *ptr, size_t len)
{
    const unsigned char *p = ptr;
    size_t held = *total % SHA_BLOCK;
    *total += len;
    if (held > 0) {
        size_t fill = SHA_BLOCK - held < len ? SHA_BLOCK - held : len;
        memcpy(block + held, p, fill);
        p += fill;
        len -= fill;
        if (held + fill < SHA_BLOCK) return;
        compress(h, block);
    }
    for (; len >= SHA_BLOCK; p += SHA_BLOCK, len -= SHA_BLOCK) compress(h, p);
    if (len > 0) memcpy(block, p, len);
}

static void finish(uint32_t *h, uint64_t total, unsigned char *block, compress_fn *compress)
{
    size_t held = total % SHA_BLOCK;
    block[held++] = 0x80;
    if (held > SHA_BLOCK - 8) {
        memset(block + held, 0, SHA_BLOCK - held);
        compress(h, block);
        held = 0;
    }
    memset(block + held, 0, SHA_BLOCK - 8 - held);
    uint64_t bits = htobe64(total * 8);
    memcpy(block + SHA_BLOCK - 8, &bits, sizeof bits);
    compress(h, block);
}

static void sha1_compress(uint32_t *h, const unsigned char *block)
{
    uint32_t w[80], a = h[0], b = h[1], c = h[2], d = h[3], e = h[4];
    load_words(w, block);
    for (int i = 16; i < 80; i++) w[i] = rotl(w[i - 3] ^ w[i - 8] ^ w[i - 14] ^ w[i - 16], 1);
    for (int i = 0; i < 80; i++) {
        uint32_t f, k;
        if (i < 20) {
            f = (b & c) | (~b & d), k = 0x5a827999;
        } else if (i < 40) {
            f = b ^ c ^ d, k = 0x6ed9eba1;
        } else if (i < 60) {
            f = (b & c) | (b & d) | (c & d), k = 0x8f1bbcdc;
        } else {
            f = b ^ c ^ d, k = 0xca62c1d6;
        }
        uint32_t next = rotl(a, 5) + f + e + k + w[i];
        e = d, d = c, c = rotl(b, 30), b = a, a = next;
    }
    h[0] += a, h[1] += b, h[2] += c, h[3] += d, h[4] += e;
}

void sha1_init(struct sha1 *s)
{
    *s = (struct sha1){.h = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0}};
}

void sha1_update(struct sha1 *s, const void *ptr, size_t len)
{
    take(s->h, &s->len, s->block, sha1_compress, ptr, len);
}

void sha1_final(struct sha1 *s, unsigned char out[SHA1_SIZE])
{
    finish(s->h, s->len, s->block, sha1_compress);
    store_words(out, s->h, 5);
}

/* The first 32 bits of the fractional parts of the cube roots of the first 64 primes. */
static const uint32_t sha256_k[64] = {
    0x428a2f98,
    0x71374491,
    0xb5c0fbcf,
    0xe9b5dba5,
    0x3956c25b,
    0x59f111f1,
    0x923f82a4,
    0xab1c5ed5,
    0xd807aa98,
    0x12835b01,
    0x243185be,
    0x550c7dc3,
    0x72be5d74,
    0x80deb1fe,
    0x9bdc06a7,
    0xc19bf174,
    0xe49b69c1,
    0xefbe4786,
    0x0fc19dc6,
    0x240ca1cc,
    0x2de92c6f,
    0x4a7484aa,
    0x5cb0a9dc,
    0x76f988da,
    0x983e5152,
    0xa831c66d,
    0xb00327c8,
    0xbf597fc7,
    0xc6e00bf3,
    0xd5a79147,
    0x06ca6351,
    0x14292967,
    0x27b70a85,
    0x2e1b2138,
    0x4d2c6dfc,
    0x53380d13,
    0x650a7354,
    0x766a0abb,
    0x81c2c92e,
    0x92722c85,
    0xa2bfe8a1,
    0xa81a664b,
    0xc24b8b70,
    0xc76c51a3,
    0xd192e819,
    0xd6990624,
    0xf40e3585,
    0x106aa070,
    0x19a4c116,
    0x1e376c08,
    0x2748774c,
    0x34b0bcb5,
    0x391c0cb3,
    0x4ed8aa4a,
    0x5b9cca4f,
    0x682e6ff3,
    0x748f82ee,
    0x78a5636f,
    0x84c87814,
    0x8cc70208,
    0x90befffa,
    0xa4506ceb,
    0xbef9a3f7,
    0xc67178f2,
};

static void sha256_compress(uint32_t *h, const unsigned char *block)
{
    uint32_t w[64], v[8];
    load_words(w, block);
    for (int i = 16; i < 64; i++) {
        uint32_t s0 = rotr(w[i - 15], 7) ^ rotr(w[i - 15], 18) ^ w[i - 15] >> 3;
        uint32_t s1 = rotr(w[i - 2], 17) ^ rotr(w[i - 2], 19) ^ w[i - 2] >> 10;
        w[i] = w[i - 16] + s0 + w[i - 7] + s1;
    }
    memcpy(v, h, sizeof v);
    for (int i = 0; i < 64; i++) {
        uint32_t s1 = rotr(v[4], 6) ^ rotr(v[4], 11) ^ rotr(v[4], 25);
        uint32_t s0 = rotr(v[0], 2) ^ rotr(v[0], 13) ^ rotr(v[0], 22);
        uint32_t t1 = v[7] + s1 + ((v[4] & v[5]) ^ (~v[4] & v[6])) + sha256_k[i] + w[i];
        uint32_t t2 = s0 + ((v[0] & v[1]) ^ (v[0] & v[2]) ^ (v[1] & v[2]));
        memmove(v + 1, v, 7 * sizeof v[0]);
        v[4] += t1;
        v[0] = t1 + t2;
    }
    for (int i = 0; i < 8; i++) h[i] += v[i];
}

void sha256_init(struct sha256 *s)
{
    *s = (struct sha256){.h = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                               0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19}};
}

void sha256_update(struct sha256 *s, const void *ptr, size_t len)
{
    take(s->h, &s->len, s->block, sha256_compress, ptr, len);
}

void sha256_final(struct sha256 *s, unsigned char out[SHA256_SIZE])
{
    finish(s->h, s->len, s->block, sha256_compress);
    store_words(out, s->h, 8);
}

static void hex_write(char *out, const unsigned char *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        out[2 * i] = "0123456789abcdef"[bytes[i] >> 4];
        out[2 * i + 1] = "0123456789abcdef"[bytes[i] & 15];
    }
}

void sha1_hex(struct slice text, char out[2 * SHA1_SIZE])
{
    struct sha1 s;
    unsigned char digest[SHA1_SIZE];
    sha1_init(&s);
    sha1_update(&s, text.ptr, text.len);
    sha1_final(&s, digest);
    hex_write(out, digest, sizeof digest);
}

void sha256_hex(struct slice text, char out[2 * SHA256_SIZE])
{
    struct sha256 s;
    unsigned char digest[SHA256_SIZE];
    sha256_init(&s);
    sha256_update(&s, text.ptr, text.len);
    sha256_final(&s, digest);
    hex_write(out, digest, sizeof digest);
}
