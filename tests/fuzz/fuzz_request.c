/* The request parser on any bytes, cut anywhere: the same requests and the same error as the naive reference parser
 * gives.
 *
 * Input: byte 0 chooses the limits and the argv room, bytes 1-2 how the rest is cut. In the rest, "\x80<n>" stands
 * for n * 256 times 'x', so that large bulks are within the fuzzer's reach. */
#include "request_reference.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void expand(const uint8_t *data, size_t size, struct buf *out)
{
    for (size_t i = 0; i < size; i++) {
        if (data[i] == 0x80 && i + 1 < size) {
            for (size_t n = (size_t)data[++i] * 256; n > 0; n--) buf_append_char(out, 'x');
        } else {
            buf_append_char(out, (char)data[i]);
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 4) return 0;
    static const size_t pieces[] = {1, 3, 17, 100, 1000, 16384, 65536, SIZE_MAX};
    const struct request_limits limits = {data[0] & 1 ? 40000 : 512u * 1024 * 1024, (data[0] & 2) == 0};
    struct cuts cuts = {.piece_max = pieces[data[1] & 7], .argv_room = (data[0] >> 2) & 7};
    prng_init(&cuts.chance, data[2]);
    struct buf wire = BUF_INIT, expected = BUF_INIT, got = BUF_INIT;
    expand(data + 3, size - 3, &wire);
    if (cuts.piece_max <= 3 && wire.len > 20000) cuts.piece_max = 1000;
    reference_parse(buf_slice(&wire), &limits, &expected);
    drive(buf_slice(&wire), &limits, &cuts, &got);
    if (!slice_eq(buf_slice(&got), buf_slice(&expected))) {
        fprintf(stderr, "expected %s\n     got %s\n", buf_cstr(&expected), buf_cstr(&got));
        abort();
    }
    buf_deinit(&wire);
    buf_deinit(&expected);
    buf_deinit(&got);
    return 0;
}
