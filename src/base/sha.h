/* SHA-1 (script names, DEBUG DIGEST) and SHA-256 (ACL passwords) as FIPS 180-4 defines them. Not on any hot path.
 * init, update as often as wanted, final; a finished state must be initialised again. */
#ifndef CAIRN_BASE_SHA_H
#define CAIRN_BASE_SHA_H

#include "base/slice.h"

enum { SHA1_SIZE = 20,
       SHA256_SIZE = 32,
       SHA_BLOCK = 64 };

struct sha1 {
    uint32_t h[5];
    uint64_t len; /* bytes taken */
    unsigned char block[SHA_BLOCK];
};

struct sha256 {
    uint32_t h[8];
    uint64_t len;
    unsigned char block[SHA_BLOCK];
};

void sha1_init(struct sha1 *s);
void sha1_update(struct sha1 *s, const void *ptr, size_t len);
void sha1_final(struct sha1 *s, unsigned char out[SHA1_SIZE]);

void sha256_init(struct sha256 *s);
void sha256_update(struct sha256 *s, const void *ptr, size_t len);
void sha256_final(struct sha256 *s, unsigned char out[SHA256_SIZE]);

/* Lower-case hex digits of a whole text's digest, no NUL: 40 and 64 characters. */
void sha1_hex(struct slice text, char out[2 * SHA1_SIZE]);
void sha256_hex(struct slice text, char out[2 * SHA256_SIZE]);

#endif
