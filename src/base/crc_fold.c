/* crc64 by carry-less multiplication, on x86-64.
 *
 * Bit i of 16 bytes is the coefficient of x^(127-i), so the low word L stands for L x^64 and the high word H for H.
 * What stands D bits further to the front counts (L x^64 + H) x^D, and modulo P that is L (x^(D+64) mod P) +
 * H (x^D mod P): two products of 64 by 64 bits, which fit into 16 bytes again. So 16 bytes are carried forward over any
 * distance and added to those that stand there. The product of two reflected words comes out reflected one bit too low,
 * which is a factor of x: the constants are x^(D+63) and x^(D-1) mod P, reflected.
 *
 * Four lanes of 16 bytes go over the data side by side (D = 512), since a product takes several cycles and the
 * processor makes one per cycle; then they are carried into the last, and that over what is left (D = 128).
 *
 * The check of the last 16 bytes is (L x^64 + H) x^64 mod P. A product carries L over 64 bits more, and leaves V x^64 +
 * W; then V x^64 mod P comes by Barrett's way: the quotient q = V + [V m / x^64], where x^64 + m = [x^128 / P], and the
 * remainder is q P in its lowest 64 bits. */
#include "base/crc_impl.h"

#ifdef __x86_64__
#include <immintrin.h>
#include <string.h>

#define WITH_PCLMUL __attribute__((target("pclmul,sse2")))

bool crc64_folds(void)
{
    return __builtin_cpu_supports("pclmul");
}

WITH_PCLMUL static inline __m128i carry(__m128i x, __m128i by, __m128i to)
{
    __m128i low = _mm_clmulepi64_si128(x, by, 0x00), high = _mm_clmulepi64_si128(x, by, 0x11);
    return _mm_xor_si128(_mm_xor_si128(low, high), to);
}

WITH_PCLMUL static inline uint64_t reduce(__m128i x)
{
    const __m128i x_127 = _mm_cvtsi64_si128(0x381d0015c96f4444), m = _mm_cvtsi64_si128(0x1f367d194d77cfbb),
                  p = _mm_cvtsi64_si128((long long)0x95ac9329ac4bc9b5u);
    __m128i vw = _mm_xor_si128(_mm_clmulepi64_si128(x, x_127, 0x00), _mm_srli_si128(x, 8));
    uint64_t v = (uint64_t)_mm_cvtsi128_si64(vw), w = (uint64_t)_mm_cvtsi128_si64(_mm_srli_si128(vw, 8));
    uint64_t vm = (uint64_t)_mm_cvtsi128_si64(_mm_clmulepi64_si128(vw, m, 0x00));
    __m128i qp = _mm_clmulepi64_si128(_mm_cvtsi64_si128((long long)(v ^ vm << 1)), p, 0x00);
    uint64_t low = (uint64_t)_mm_cvtsi128_si64(qp), high = (uint64_t)_mm_cvtsi128_si64(_mm_srli_si128(qp, 8));
    return w ^ high << 1 ^ low >> 63;
}

/* Fewer than 16 bytes: behind zeros, which change nothing, they make one piece. Where there are fewer than 8, crc
 * reaches beyond them. */
WITH_PCLMUL static inline uint64_t fold_short(uint64_t crc, const unsigned char *p, size_t len)
{
    unsigned char piece[16] = {0};
    uint64_t beyond = len < sizeof(crc) ? crc >> 8 * len : 0;
    memcpy(piece + sizeof(piece) - len, p, len);
    /* crc, moved to where the bytes begin; what is beyond them falls off the end */
    __m128i begin = _mm_loadu_si128((const __m128i *)(const void *)piece);
    unsigned char moved[32] = {0};
    memcpy(moved + sizeof(piece) - len, &crc, sizeof(crc));
    return reduce(_mm_xor_si128(begin, _mm_loadu_si128((const __m128i *)(const void *)moved))) ^ beyond;
}

/* x, and behind it fewer than 16 bytes: the front of x goes into a piece of its own, behind zeros. */
WITH_PCLMUL static inline __m128i fold_tail(__m128i x, __m128i by_128, const unsigned char *p, size_t len)
{
    unsigned char bytes[48] = {0};
    _mm_storeu_si128((__m128i *)(void *)(bytes + 16), x);
    memcpy(bytes + 32, p, len);
    return carry(_mm_loadu_si128((const __m128i *)(const void *)(bytes + len)), by_128,
                 _mm_loadu_si128((const __m128i *)(const void *)(bytes + 16 + len)));
}

WITH_PCLMUL uint64_t crc64_fold(uint64_t crc, const void *ptr, size_t len)
{
    if (len < sizeof(__m128i)) return len == 0 ? crc : fold_short(crc, ptr, len);
    const __m128i *at = ptr, *end = at + len / sizeof(*at);
    const __m128i by_512 = _mm_set_epi64x((long long)0xf49784a634f014e4u, (long long)0xaf86efb16d9ab4fbu);
    const __m128i by_128 = _mm_set_epi64x((long long)0x381d0015c96f4444u, (long long)0xd9d7be7d505da32cu);
    __m128i last = _mm_xor_si128(_mm_loadu_si128(at++), _mm_cvtsi64_si128((long long)crc));
    if (end - at >= 3) {
        __m128i a = last, b = _mm_loadu_si128(at), c = _mm_loadu_si128(at + 1), d = _mm_loadu_si128(at + 2);
        for (at += 3; end - at >= 4; at += 4) {
            a = carry(a, by_512, _mm_loadu_si128(at));
            b = carry(b, by_512, _mm_loadu_si128(at + 1));
            c = carry(c, by_512, _mm_loadu_si128(at + 2));
            d = carry(d, by_512, _mm_loadu_si128(at + 3));
        }
        last = carry(carry(carry(a, by_128, b), by_128, c), by_128, d);
    }
    for (; at < end; at++) last = carry(last, by_128, _mm_loadu_si128(at));
    if (len % sizeof(*at) != 0) last = fold_tail(last, by_128, (const unsigned char *)at, len % sizeof(*at));
    return reduce(last);
}

#else

bool crc64_folds(void)
{
    return false;
}

uint64_t crc64_fold(uint64_t crc, const void *ptr, size_t len)
{
    (void)crc, (void)ptr, (void)len;
    __builtin_unreachable();
}

#endif
