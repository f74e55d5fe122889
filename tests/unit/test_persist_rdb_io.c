/* The elements of RDB's form: what is written is read back, from memory and from a source of small pieces; what is cut
 * off or broken is noticed. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/crc.h"
#include "base/mem.h"
#include "base/num.h"
#include "base/prng.h"
#include "persist/rdb_io.h"

#include <string.h>

struct piecewise {
    struct slice bytes;
    size_t at, step;
};

static ssize_t fill(void *arg, void *ptr, size_t len)
{
    struct piecewise *p = arg;
    size_t n = p->bytes.len - p->at;
    if (n > len) n = len;
    if (n > p->step) n = p->step;
    memcpy(ptr, p->bytes.ptr + p->at, n);
    p->at += n;
    return (ssize_t)n;
}

static bool gather(void *arg, const void *ptr, size_t len)
{
    buf_append(arg, ptr, len);
    return true;
}

static const uint64_t lengths[] = {0, 1, 63, 64, 16383, 16384, UINT32_MAX, (uint64_t)UINT32_MAX + 1, UINT64_MAX};

static struct slice sample(struct prng *prng, struct buf *out, int i)
{
    static const char *const texts[] = {"", "0", "-1", "127", "128", "-32769", "2147483647", "2147483648", "007", "+1",
                                        "12345678901234567890", "a", "-0"};
    if ((size_t)i < ARRAY_LEN(texts)) return slice_cstr(texts[i]);
    buf_clear(out);
    size_t len = prng_below(prng, i % 50 == 0 ? 700000 : 300);
    bool dull = prng_below(prng, 2) == 0;
    for (size_t k = 0; k < len; k++) buf_append_char(out, dull ? 'x' : (char)prng_below(prng, 256));
    return buf_slice(out);
}

static void write_all(struct rdb_writer *w)
{
    struct prng prng;
    struct buf text = BUF_INIT;
    prng_init(&prng, 1);
    for (size_t i = 0; i < ARRAY_LEN(lengths); i++) rdb_write_len(w, lengths[i]);
    for (int i = 0; i < 200; i++) rdb_write_string(w, sample(&prng, &text, i));
    rdb_write_i64(w, INT64_MIN);
    rdb_write_double(w, -0.0);
    rdb_write_u16(w, 11);
    buf_deinit(&text);
}

/* False at the first failure. How strings are read depends on their number. */
static bool read_all(struct rdb_reader *r)
{
    struct prng prng;
    struct buf text = BUF_INIT, got = BUF_INIT;
    bool ok = true;
    prng_init(&prng, 1);
    for (size_t i = 0; ok && i < ARRAY_LEN(lengths); i++) {
        uint64_t v;
        ok = rdb_read_len(r, &v);
        if (ok) assert_true(v == lengths[i]);
    }
    for (int i = 0; ok && i < 200; i++) {
        struct slice want = sample(&prng, &text, i), view;
        struct blob *blob;
        switch (i % 4) {
        case 0:
            ok = rdb_read_string(r, &got);
            if (ok) assert_true(slice_eq(buf_slice(&got), want));
            break;
        case 1:
            ok = rdb_read_view(r, &got, &view);
            if (ok) assert_true(slice_eq(view, want));
            break;
        case 2:
            ok = rdb_read_view_or_blob(r, &got, 1000, &view, &blob);
            if (ok) assert_true(slice_eq(view, want));
            assert_true(!ok || (blob != NULL) == (want.len >= 1000));
            blob_unref(blob);
            break;
        default: ok = rdb_skip_string(r); break;
        }
    }
    double d = 1;
    uint16_t version = 0;
    ok = ok && rdb_read_string(r, &got) && rdb_read_double(r, &d) && rdb_read_u16(r, &version);
    if (ok) assert_true(d == 0 && __builtin_signbit(d) && version == 11);
    buf_deinit(&text);
    buf_deinit(&got);
    return ok;
}

static void what_is_written_is_read(void **state)
{
    (void)state;
    struct rdb_writer w, by_sink;
    struct buf sunk = BUF_INIT;
    rdb_writer_init_memory(&w, 11);
    write_all(&w);
    rdb_writer_init(&by_sink, 11, gather, &sunk);
    write_all(&by_sink);
    assert_true(rdb_writer_flush(&by_sink));
    struct slice bytes = buf_slice(&w.pending);
    assert_true(slice_eq(buf_slice(&sunk), bytes));
    assert_true(rdb_writer_crc(&w) == crc64(0, bytes.ptr, bytes.len) && rdb_writer_crc(&by_sink) == rdb_writer_crc(&w));
    assert_true(w.written == bytes.len && by_sink.written == bytes.len);

    struct rdb_reader r;
    rdb_reader_init_memory(&r, bytes);
    assert_true(read_all(&r));
    assert_true(rdb_reader_offset(&r) == bytes.len && rdb_reader_crc(&r) == rdb_writer_crc(&w));
    rdb_reader_deinit(&r);
    static const size_t steps[] = {1, 7, 4096, 1 << 20};
    for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
        struct piecewise source = {bytes, 0, steps[i]};
        rdb_reader_init(&r, fill, &source);
        assert_true(read_all(&r));
        assert_true(rdb_reader_offset(&r) == bytes.len && rdb_reader_crc(&r) == rdb_writer_crc(&w));
        rdb_reader_deinit(&r);
    }
    rdb_writer_deinit(&w);
    rdb_writer_deinit(&by_sink);
    buf_deinit(&sunk);
}

static void what_is_cut_off_is_noticed(void **state)
{
    (void)state;
    struct rdb_writer w;
    struct prng prng;
    prng_init(&prng, 2);
    rdb_writer_init_memory(&w, 11);
    write_all(&w);
    for (int i = 0; i < 60; i++) {
        size_t len = i < 30 ? (size_t)i : prng_below(&prng, w.pending.len);
        char *exact = mem_alloc(len + 1); /* so that a read beyond is seen */
        memcpy(exact, w.pending.data, len);
        struct rdb_reader r;
        struct piecewise source = {slice_of(exact, len), 0, 100000};
        rdb_reader_init_memory(&r, slice_of(exact, len));
        assert_false(read_all(&r));
        assert_true(r.failed && r.at_end && r.error.len > 0);
        rdb_reader_deinit(&r);
        rdb_reader_init(&r, fill, &source);
        assert_false(read_all(&r));
        assert_true(r.failed && r.at_end && r.error_at <= len);
        rdb_reader_deinit(&r);
        mem_free(exact);
    }
    rdb_writer_deinit(&w);
}

static void broken_lengths_cost_nothing(void **state)
{
    (void)state;
    static const char *const broken[] = {
        "\x81\x7f\xff\xff\xff\xff\xff\xff\xff", /* a string of 2^63 bytes */
        "\x80\xff\xff\xff\xff",
        "\xc3\x05\x81\x00\x00\x00\x10\x00\x00\x00\x00zzzzz", /* 5 bytes that unpack to 64 GB */
        "\xc3\x05\x80\xff\xff\xff\xffzzzzz", /* to 4 GB: more than any 5 bytes give */
        "\xc3\x05\x44\x00zzzzz", "\xc4", "\x82", "\xc3\x00\x00",
    };
    static const size_t sizes[] = {9, 5, 16, 12, 9, 1, 1, 3};
    for (size_t i = 0; i < ARRAY_LEN(broken); i++) {
        struct slice bytes = slice_of(broken[i], sizes[i]);
        struct buf text = BUF_INIT;
        struct rdb_reader r;
        struct piecewise source = {bytes, 0, 100};
        rdb_reader_init_memory(&r, bytes);
        assert_false(rdb_read_string(&r, &text));
        assert_true(r.failed);
        rdb_reader_deinit(&r);
        rdb_reader_init(&r, fill, &source);
        assert_false(rdb_read_string(&r, &text));
        assert_false(rdb_skip_string(&r));
        rdb_reader_deinit(&r);
        rdb_reader_init_memory(&r, SLICE("\x82\1x"));
        assert_false(rdb_read_string(&r, &text));
        assert_false(rdb_read_string(&r, &text)); /* what stands behind a failure is not read */
        assert_true(r.error_at == 1 && rdb_reader_offset(&r) == 1);
        rdb_reader_deinit(&r);
        assert_true(text.cap < 16 << 20);
        buf_deinit(&text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_is_read),
        cmocka_unit_test(what_is_cut_off_is_noticed),
        cmocka_unit_test(broken_lengths_cost_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
