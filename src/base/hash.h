/* Keyed hashing of byte strings: SipHash-1-3 with a secret seed per process, so that chosen keys cannot pile up in one
 * bucket. Source: Aumasson and Bernstein, "SipHash: a fast short-input PRF", 2012. */
#ifndef CAIRN_BASE_HASH_H
#define CAIRN_BASE_HASH_H

#include "base/slice.h"

struct hash_seed {
    uint64_t k0, k1;
};

uint64_t hash_bytes(const struct hash_seed *seed, const void *ptr, size_t len);

static inline uint64_t hash_slice(const struct hash_seed *seed, struct slice s)
{
    return hash_bytes(seed, s.ptr, s.len);
}

#endif
