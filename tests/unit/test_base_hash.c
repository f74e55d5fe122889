/* Hashing and checksums: published vectors, and a plain second implementation. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/compiler.h"
#include "base/crc.h"
#include "base/crc_impl.h"
#include "base/hash.h"
#include "base/prng.h"
#include "base/sha.h"

#include <stdlib.h>

/* ---- SipHash-1-3, byte by byte, as the paper describes it */

static uint64_t rotl(uint64_t x, int n)
{
    return x << n | x >> (64 - n);
}

static void sip_round(uint64_t v[4])
{
    v[0] += v[1];
    v[1] = rotl(v[1], 13) ^ v[0];
    v[0] = rotl(v[0], 32);
    v[2] += v[3];
    v[3] = rotl(v[3], 16) ^ v[2];
    v[0] += v[3];
    v[3] = rotl(v[3], 21) ^ v[0];
    v[2] += v[1];
    v[1] = rotl(v[1], 17) ^ v[2];
    v[2] = rotl(v[2], 32);
}

static uint64_t siphash13_plain(const struct hash_seed *seed, const unsigned char *p, size_t len)
{
    uint64_t v[4] = {seed->k0 ^ 0x736f6d6570736575, seed->k1 ^ 0x646f72616e646f6d, seed->k0 ^ 0x6c7967656e657261,
                     seed->k1 ^ 0x7465646279746573};
    for (size_t word = 0; word <= len / 8; word++) {
        uint64_t m = 0;
        for (size_t i = 0; i < 8; i++) {
            size_t at = word * 8 + i;
            if (at < len) m |= (uint64_t)p[at] << (8 * i);
        }
        if (word == len / 8) m |= (uint64_t)len << 56;
        v[3] ^= m;
        sip_round(v);
        v[0] ^= m;
    }
    v[2] ^= 0xff;
    for (int i = 0; i < 3; i++) sip_round(v);
    return v[0] ^ v[1] ^ v[2] ^ v[3];
}

/* From CPython, whose hash of bytes is SipHash-1-3; PYTHONHASHSEED=0 makes its key zero. */
static const struct {
    size_t len;
    uint64_t hash;
} zero_key_vectors[] = {
    {1, 0x68a914128e01e473u},  {2, 0x010bac45c41e3669u},  {3, 0x4d4c9a4a8ef6e0adu},  {4, 0x7cc43f98813e4dbdu},
    {5, 0x5abe2169dff36275u},  {7, 0x2f098ab0c751325au},  {8, 0xead411e67ebe2eeau},  {9, 0x75927f9d95124362u},
    {15, 0xf30eb725bb91c9eau}, {16, 0x8972188433a5c5b7u}, {17, 0x4883c49a2c009c1du}, {24, 0x31185a47af932f3au},
    {64, 0x75e05fd5bbc870c6u},
};

static void test_siphash_vectors(void **state)
{
    (void)state;
    unsigned char text[64];
    for (size_t i = 0; i < sizeof text; i++) text[i] = (unsigned char)i;
    struct hash_seed zero = {0, 0}, counting = {0x0706050403020100, 0x0f0e0d0c0b0a0908};
    for (size_t i = 0; i < ARRAY_LEN(zero_key_vectors); i++) {
        assert_true(hash_bytes(&zero, text, zero_key_vectors[i].len) == zero_key_vectors[i].hash);
    }
    assert_true(hash_bytes(&counting, NULL, 0) == 0xabac0158050fc4dcu);
}

/* Each length stands at the end of its own allocation, so that the sanitizer sees a read behind it. */
static void test_siphash_model(void **state)
{
    (void)state;
    struct prng rng;
    prng_init(&rng, 4);
    for (size_t len = 0; len < 300; len++) {
        struct hash_seed seed = {prng_u64(&rng), prng_u64(&rng)};
        unsigned char *text = malloc(len > 0 ? len : 1);
        for (size_t i = 0; i < len; i++) text[i] = (unsigned char)prng_u64(&rng);
        assert_true(hash_slice(&seed, slice_of(text, len)) == siphash13_plain(&seed, text, len));
        free(text);
    }
}

/* ---- CRC */

static uint64_t crc64_plain(const unsigned char *p, size_t len)
{
    uint64_t crc = 0, poly = 0x95ac9329ac4bc9b5; /* ad93d23594c935a9 with its bits reversed */
    for (; len > 0; p++, len--) {
        crc ^= *p;
        for (int i = 0; i < 8; i++) crc = crc & 1 ? crc >> 1 ^ poly : crc >> 1;
    }
    return crc;
}

static uint16_t crc16_plain(const unsigned char *p, size_t len)
{
    unsigned crc = 0;
    for (; len > 0; p++, len--) {
        crc ^= (unsigned)*p << 8;
        for (int i = 0; i < 8; i++) crc = (crc & 0x8000 ? crc << 1 ^ 0x1021 : crc << 1) & 0xffff;
    }
    return (uint16_t)crc;
}

static void test_crc(void **state)
{
    (void)state;
    assert_true(crc64(0, "123456789", 9) == 0xe9c6d914c4b8d9cau);
    assert_int_equal(crc16(0, "123456789", 9), 0x31c3);
    assert_true(crc64(0, NULL, 0) == 0);
    struct prng rng;
    prng_init(&rng, 5);
    unsigned char text[2000];
    for (size_t i = 0; i < sizeof text; i++) text[i] = (unsigned char)prng_u64(&rng);
    for (size_t len = 0; len <= 70; len++)
        for (size_t split = 0; split <= len; split++)
            assert_true(crc64(crc64(0, text, split), text + split, len - split) == crc64_plain(text, len));
    for (size_t len = 0; len <= sizeof text; len += 1 + prng_below(&rng, 5)) {
        size_t split = len == 0 ? 0 : prng_below(&rng, len);
        assert_true(crc64(crc64(0, text, split), text + split, len - split) == crc64_plain(text, len));
        uint64_t front = crc64_by_tables(0, text, split);
        assert_true(crc64_by_tables(front, text + split, len - split) == crc64_plain(text, len));
        assert_int_equal(crc16(crc16(0, text, split), text + split, len - split), crc16_plain(text, len));
    }
}

/* ---- SHA */

static void sha_gives(struct slice text, const char *sha1, const char *sha256)
{
    char one[2 * SHA1_SIZE], two[2 * SHA256_SIZE];
    sha1_hex(text, one);
    sha256_hex(text, two);
    assert_memory_equal(one, sha1, sizeof one);
    assert_memory_equal(two, sha256, sizeof two);
}

static void test_sha_vectors(void **state)
{
    (void)state;
    sha_gives(SLICE(""), "da39a3ee5e6b4b0d3255bfef95601890afd80709",
              "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    sha_gives(SLICE("abc"), "a9993e364706816aba3e25717850c26c9cd0d89d",
              "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    sha_gives(SLICE("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"),
              "84983e441c3bd26ebaae4aa1f95129e5e54670f1",
              "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
    char *million = malloc(1000000);
    memset(million, 'a', 1000000);
    sha_gives(slice_of(million, 1000000), "34aa973cd4c4daa4f61eeb2bdbad27316534016f",
              "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
    free(million);
}

static void test_sha_pieces(void **state)
{
    (void)state;
    struct prng rng;
    prng_init(&rng, 6);
    unsigned char text[300], one[SHA1_SIZE], two[SHA256_SIZE], one_whole[SHA1_SIZE], two_whole[SHA256_SIZE];
    memset(text, 0x5a, sizeof text);
    for (size_t len = 0; len <= sizeof text; len++) {
        struct sha1 a, b;
        struct sha256 c, d;
        sha1_init(&a);
        sha1_init(&b);
        sha256_init(&c);
        sha256_init(&d);
        for (size_t at = 0; at < len;) {
            size_t piece = 1 + prng_below(&rng, len - at);
            sha1_update(&a, text + at, piece);
            sha256_update(&c, text + at, piece);
            at += piece;
        }
        sha1_update(&b, text, len);
        sha256_update(&d, text, len);
        sha1_final(&a, one);
        sha1_final(&b, one_whole);
        sha256_final(&c, two);
        sha256_final(&d, two_whole);
        assert_memory_equal(one, one_whole, sizeof one);
        assert_memory_equal(two, two_whole, sizeof two);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_siphash_vectors), cmocka_unit_test(test_siphash_model), cmocka_unit_test(test_crc),
        cmocka_unit_test(test_sha_vectors),     cmocka_unit_test(test_sha_pieces),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
