/* Bit kernels for x86-64 with AVX2; elsewhere there are none. Whether the CPU has AVX2 is asked at run time: the
 * program is built for the oldest one. Counting: "Faster Population Counts Using AVX2 Instructions", Mula, Kurz and
 * Lemire, 2016. */
#include "ds/bits_impl.h"

#ifdef __x86_64__

#include <immintrin.h>

#define AVX2 __attribute__((target("avx2,popcnt")))

/* Ones of each 64-bit lane: a table of 16 answers tells those of each half byte, SAD adds up eight bytes. */
AVX2 static inline __m256i lane_counts(__m256i v)
{
    const __m256i table = _mm256_setr_epi8(0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4, 0, 1, 1, 2, 1, 2, 2, 3, 1, 2,
                                           2, 3, 2, 3, 3, 4);
    const __m256i low = _mm256_set1_epi8(0x0f);
    __m256i a = _mm256_shuffle_epi8(table, _mm256_and_si256(v, low));
    __m256i b = _mm256_shuffle_epi8(table, _mm256_and_si256(_mm256_srli_epi16(v, 4), low));
    return _mm256_sad_epu8(_mm256_add_epi8(a, b), _mm256_setzero_si256());
}

#define AT(i) _mm256_loadu_si256((const __m256i *)(const void *)p + (i))

AVX2 static uint64_t count_avx2(const uint8_t *p, size_t n)
{
    uint64_t count = 0;
    if (n >= 16 * sizeof(__m256i)) {
        __m256i total = _mm256_setzero_si256(), ones = total, twos = total, fours = total, eights = total, sixteens;
        for (; n >= 16 * sizeof(__m256i); n -= 16 * sizeof(__m256i), p += 16 * sizeof(__m256i)) {
            BITS_HARLEY_SEAL(__m256i, AT);
            total = _mm256_add_epi64(total, lane_counts(sixteens));
        }
        total = _mm256_slli_epi64(total, 4);
        total = _mm256_add_epi64(total, _mm256_slli_epi64(lane_counts(eights), 3));
        total = _mm256_add_epi64(total, _mm256_slli_epi64(lane_counts(fours), 2));
        total = _mm256_add_epi64(total, _mm256_slli_epi64(lane_counts(twos), 1));
        total = _mm256_add_epi64(total, lane_counts(ones));
        uint64_t lanes[4];
        _mm256_storeu_si256((__m256i *)(void *)lanes, total);
        count = lanes[0] + lanes[1] + lanes[2] + lanes[3];
    }
    for (; n >= 8; n -= 8, p += 8) {
        uint64_t w;
        memcpy(&w, p, 8);
        count += (uint64_t)__builtin_popcountll(w);
    }
    for (; n > 0; n--, p++) count += (uint64_t)__builtin_popcount(*p);
    return count;
}

AVX2 static void fold_avx2(enum bits_fold op, uint8_t *d, const uint8_t *a, const uint8_t *b, size_t n)
{
    BITS_FOLD_BODY(op, d, a, b, n);
}

AVX2 static void once_avx2(uint8_t *once, uint8_t *more, const uint8_t *y, size_t n)
{
    BITS_ONCE_BODY(n);
}

const struct bits_kernels *bits_vector(void)
{
    static const struct bits_kernels avx2 = {count_avx2, fold_avx2, once_avx2};
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("popcnt") ? &avx2 : NULL;
}

#else

const struct bits_kernels *bits_vector(void)
{
    return NULL;
}

#endif
