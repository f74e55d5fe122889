/* xoshiro256**, seeded through splitmix64 as its authors advise, so that a seed of few bits still fills the state. */
#include "base/prng.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>

static uint64_t splitmix64(uint64_t *state)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

void prng_init(struct prng *p, uint64_t seed)
{
    for (int i = 0; i < 4; i++) p->s[i] = splitmix64(&seed);
}

static inline uint64_t rotl(uint64_t x, int n)
{
    return x << n | x >> (64 - n);
}

uint64_t prng_u64(struct prng *p)
{
    uint64_t *s = p->s, result = rotl(s[1] * 5, 7) * 9, t = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = rotl(s[3], 45);
    return result;
}

/* Lemire, "Fast random integer generation in an interval", 2019: the high half of a product is the result, and the few
 * low halves that would favour some results are drawn again. */
uint64_t prng_below(struct prng *p, uint64_t n)
{
    assert(n > 0);
    unsigned __int128 product = (unsigned __int128)prng_u64(p) * n;
    if ((uint64_t)product < n) {
        uint64_t unfair = (0 - n) % n;
        while ((uint64_t)product < unfair) product = (unsigned __int128)prng_u64(p) * n;
    }
    return (uint64_t)(product >> 64);
}

double prng_double(struct prng *p)
{
    return (double)(prng_u64(p) >> 11) * 0x1p-53;
}

void prng_hex(struct prng *p, char *out, size_t chars)
{
    uint64_t bits = 0;
    for (size_t i = 0; i < chars; i++, bits >>= 4) {
        if (i % 16 == 0) bits = prng_u64(p);
        out[i] = "0123456789abcdef"[bits & 15];
    }
}

void random_secure(void *out, size_t len)
{
    unsigned char *p = out;
    while (len > 0) {
        ssize_t got = getrandom(p, len, 0);
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) {
            perror("The system's random number generator failed");
            abort();
        }
        p += got;
        len -= (size_t)got;
    }
}
