/* Register kernels for x86-64 with AVX2: 32 registers, 24 packed bytes, at a time.
 *
 * A half of a vector holds 12 packed bytes. They are spread so that each 32-bit lane has three of them, which are four
 * registers; shifts and masks give each its byte. Packing goes the same way back. The last group is left out: loads and
 * stores of halves touch 16 bytes for 12. */
#include "ds/registers_impl.h"

#ifdef __x86_64__

#include <immintrin.h>

#define AVX2 __attribute__((target("avx2")))

enum { GROUP = 32, HALF_BYTES = 12, GROUP_BYTES = 24 };

AVX2 static size_t max_avx2(uint8_t *max, const uint8_t *packed, size_t count)
{
    const __m256i spread = _mm256_setr_epi8(0, 1, 2, -1, 3, 4, 5, -1, 6, 7, 8, -1, 9, 10, 11, -1, 0, 1, 2, -1, 3, 4, 5,
                                            -1, 6, 7, 8, -1, 9, 10, 11, -1);
    size_t i = 0;
    for (; i + 2 * GROUP <= count; i += GROUP, packed += GROUP_BYTES) {
        __m128i low = _mm_loadu_si128((const __m128i *)(const void *)packed);
        __m128i high = _mm_loadu_si128((const __m128i *)(const void *)(packed + HALF_BYTES));
        __m256i x = _mm256_shuffle_epi8(_mm256_inserti128_si256(_mm256_castsi128_si256(low), high, 1), spread);
        __m256i a = _mm256_and_si256(x, _mm256_set1_epi32(0x3f));
        __m256i b = _mm256_and_si256(_mm256_slli_epi32(x, 2), _mm256_set1_epi32(0x3f00));
        __m256i c = _mm256_and_si256(_mm256_slli_epi32(x, 4), _mm256_set1_epi32(0x3f0000));
        __m256i d = _mm256_and_si256(_mm256_slli_epi32(x, 6), _mm256_set1_epi32(0x3f000000));
        __m256i values = _mm256_or_si256(_mm256_or_si256(a, b), _mm256_or_si256(c, d));
        __m256i *to = (__m256i *)(void *)(max + i);
        _mm256_storeu_si256(to, _mm256_max_epu8(_mm256_loadu_si256(to), values));
    }
    return i;
}

AVX2 static size_t pack_avx2(uint8_t *packed, const uint8_t *values, size_t count)
{
    const __m256i squeeze = _mm256_setr_epi8(0, 1, 2, 4, 5, 6, 8, 9, 10, 12, 13, 14, -1, -1, -1, -1, 0, 1, 2, 4, 5, 6,
                                             8, 9, 10, 12, 13, 14, -1, -1, -1, -1);
    size_t i = 0;
    for (; i + 2 * GROUP <= count; i += GROUP, packed += GROUP_BYTES) {
        __m256i x = _mm256_loadu_si256((const __m256i *)(const void *)(values + i));
        __m256i a = _mm256_and_si256(x, _mm256_set1_epi32(0x3f));
        __m256i b = _mm256_and_si256(_mm256_srli_epi32(x, 2), _mm256_set1_epi32(0xfc0));
        __m256i c = _mm256_and_si256(_mm256_srli_epi32(x, 4), _mm256_set1_epi32(0x3f000));
        __m256i d = _mm256_and_si256(_mm256_srli_epi32(x, 6), _mm256_set1_epi32(0xfc0000));
        __m256i y = _mm256_shuffle_epi8(_mm256_or_si256(_mm256_or_si256(a, b), _mm256_or_si256(c, d)), squeeze);
        _mm_storeu_si128((__m128i *)(void *)packed, _mm256_castsi256_si128(y));
        _mm_storeu_si128((__m128i *)(void *)(packed + HALF_BYTES), _mm256_extracti128_si256(y, 1));
    }
    return i;
}

const struct registers_kernels *registers_vector(void)
{
    static const struct registers_kernels avx2 = {max_avx2, pack_avx2};
    return __builtin_cpu_supports("avx2") ? &avx2 : NULL;
}

#else

const struct registers_kernels *registers_vector(void)
{
    return NULL;
}

#endif
