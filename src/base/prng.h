/* A seeded generator, passed to whoever needs chance; xoshiro256** (Blackman and Vigna, 2018), seeded through
 * splitmix64. Not for secrets. */
#ifndef CAIRN_BASE_PRNG_H
#define CAIRN_BASE_PRNG_H

#include <stddef.h>
#include <stdint.h>

struct prng {
    uint64_t s[4];
};

void prng_init(struct prng *p, uint64_t seed);
uint64_t prng_u64(struct prng *p);
uint64_t prng_below(struct prng *p, uint64_t n); /* uniform in [0, n), without modulo bias; n > 0 */
double prng_double(struct prng *p);              /* [0, 1) */
void prng_hex(struct prng *p, char *out, size_t chars); /* lower-case hex digits, no NUL */

/* Bytes from the system's generator, for seeds, run ids and secrets. Dies if the system has none. */
void random_secure(void *out, size_t len);

#endif
