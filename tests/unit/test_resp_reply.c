/* The reply writer: the bytes of each function in RESP2 and RESP3, and the queue (chunk borders, deferred heads,
 * blobs, splicing, consuming) against a plain buffer. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/prng.h"
#include "resp/reply.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static void assert_wire(struct reply *r, struct slice expected)
{
    reply_check(r);
    assert_int_equal(reply_pending_bytes(r), expected.len);
    char *got = malloc(expected.len + 1);
    assert_int_equal(reply_copy_out(r, got, expected.len + 1), expected.len);
    if (memcmp(got, expected.ptr, expected.len) != 0) {
        size_t at = 0;
        while (got[at] == expected.ptr[at]) at++;
        fail_msg("differs at %zu: expected %.60s, got %.60s", at, expected.ptr + at, got + at);
    }
    free(got);
}

/* ------------------------------------------------------------------------------------------------ golden bytes */

static void write_simple(struct reply *r) { reply_simple(r, SLICE("PONG")); }
static void write_simple_lines(struct reply *r) { reply_simple(r, SLICE("a\r\nb\n")); }
static void write_ok(struct reply *r) { reply_ok(r); }
static void write_ints(struct reply *r)
{
    static const int64_t values[] = {0, 1, 9, 10, 42, 99, 100, 12345, -1, -10, INT64_MAX, INT64_MIN};
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) reply_int(r, values[i]);
}
static void write_bulk(struct reply *r)
{
    reply_bulk(r, SLICE("hello"));
    reply_bulk(r, SLICE(""));
    reply_bulk(r, slice_of(NULL, 0));
    reply_bulk(r, SLICE("a\r\n\0b"));
    reply_bulk_cstr(r, "0123456789");
}
static void write_bulk_int(struct reply *r) { reply_bulk_int(r, -120), reply_bulk_int(r, 7); }
static void write_bulkf(struct reply *r)
{
    reply_bulkf(r, "%d-%s", 5, "x");
    reply_bulkf(r, "%300d", 1);
}
static void write_null(struct reply *r) { reply_null(r); }
static void write_null_array(struct reply *r) { reply_null_array(r); }
static void write_doubles(struct reply *r)
{
    static const double values[] = {0.1, 3, -1.5, 1e100, INFINITY, -INFINITY};
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) reply_double(r, values[i]);
}
static void write_long_double(struct reply *r) { reply_long_double_bulk(r, 10.5L); }
static void write_bools(struct reply *r) { reply_bool(r, true), reply_bool(r, false); }
static void write_big_number(struct reply *r) { reply_big_number(r, SLICE("1234567999999999999999999999999999999")); }
static void write_verbatim(struct reply *r)
{
    reply_verbatim(r, "txt", SLICE("Some string"));
    reply_verbatim(r, "mkd", SLICE(""));
}
static void write_raw(struct reply *r) { reply_raw(r, SLICE("$1\r\nx\r\n")); }
static void write_status(struct reply *r) { reply_status(r, ST_OK), reply_status(r, ST_SYNTAX); }
static void write_error(struct reply *r) { reply_error(r, SLICE("ERR a\r\nb 'x'\r\n")); }
static void write_errorf(struct reply *r) { reply_errorf(r, "ERR no '%s' in %d", "k\n", 7); }
static void write_array(struct reply *r) { reply_array(r, 0), reply_array(r, 123456); }
static void write_map(struct reply *r) { reply_map(r, 0), reply_map(r, 7); }
static void write_set(struct reply *r) { reply_set(r, 3); }
static void write_push(struct reply *r) { reply_push(r, 3); }
static void write_attribute(struct reply *r) { reply_attribute(r, 1); }
static void write_deferred(struct reply *r)
{
    struct reply_mark array = reply_defer(r);
    reply_int(r, 1);
    struct reply_mark map = reply_defer(r);
    struct reply_mark set = reply_defer(r);
    reply_int(r, 2);
    reply_defer_set(r, set, 1);
    reply_int(r, 3);
    reply_defer_map(r, map, 1);
    reply_defer_array(r, array, 2);
}
static void write_deferred_empty(struct reply *r)
{
    reply_int(r, 5);
    reply_defer_array(r, reply_defer(r), 0);
    reply_defer_array(r, reply_defer(r), 0);
}

#define BLANKS_50 "                                                  "
#define BLANKS_49 "                                                 "
#define BULK_300 "$300\r\n" BLANKS_50 BLANKS_50 BLANKS_50 BLANKS_50 BLANKS_50 BLANKS_49 "1\r\n"
#define G(write, resp2, resp3) {#write, write, {"" resp2, sizeof(resp2) - 1}, {"" resp3, sizeof(resp3) - 1}}
#define G_BOTH(write, wire) G(write, wire, wire)

static const struct golden {
    const char *name;
    void (*write)(struct reply *r);
    struct slice resp2, resp3;
} GOLDEN[] = {
    G_BOTH(write_simple, "+PONG\r\n"),
    G_BOTH(write_simple_lines, "+a  b \r\n"),
    G_BOTH(write_ok, "+OK\r\n"),
    G_BOTH(write_ints, ":0\r\n:1\r\n:9\r\n:10\r\n:42\r\n:99\r\n:100\r\n:12345\r\n:-1\r\n:-10\r\n"
                       ":9223372036854775807\r\n:-9223372036854775808\r\n"),
    G_BOTH(write_bulk, "$5\r\nhello\r\n$0\r\n\r\n$0\r\n\r\n$5\r\na\r\n\0b\r\n$10\r\n0123456789\r\n"),
    G_BOTH(write_bulk_int, "$4\r\n-120\r\n$1\r\n7\r\n"),
    G_BOTH(write_bulkf, "$3\r\n5-x\r\n" BULK_300),
    G(write_null, "$-1\r\n", "_\r\n"),
    G(write_null_array, "*-1\r\n", "_\r\n"),
    G(write_doubles, "$3\r\n0.1\r\n$1\r\n3\r\n$4\r\n-1.5\r\n$6\r\n1e+100\r\n$3\r\ninf\r\n$4\r\n-inf\r\n",
      ",0.1\r\n,3\r\n,-1.5\r\n,1e+100\r\n,inf\r\n,-inf\r\n"),
    G_BOTH(write_long_double, "$4\r\n10.5\r\n"),
    G(write_bools, ":1\r\n:0\r\n", "#t\r\n#f\r\n"),
    G(write_big_number, "$37\r\n1234567999999999999999999999999999999\r\n",
      "(1234567999999999999999999999999999999\r\n"),
    G(write_verbatim, "$11\r\nSome string\r\n$0\r\n\r\n", "=15\r\ntxt:Some string\r\n=4\r\nmkd:\r\n"),
    G_BOTH(write_raw, "$1\r\nx\r\n"),
    G_BOTH(write_status, "+OK\r\n-ERR syntax error\r\n"),
    G_BOTH(write_error, "-ERR a  b 'x'\r\n"),
    G_BOTH(write_errorf, "-ERR no 'k ' in 7\r\n"),
    G_BOTH(write_array, "*0\r\n*123456\r\n"),
    G(write_map, "*0\r\n*14\r\n", "%0\r\n%7\r\n"),
    G(write_set, "*3\r\n", "~3\r\n"),
    G(write_push, "*3\r\n", ">3\r\n"),
    G(write_attribute, "", "|1\r\n"),
    G(write_deferred, "*2\r\n:1\r\n*2\r\n*1\r\n:2\r\n:3\r\n", "*2\r\n:1\r\n%1\r\n~1\r\n:2\r\n:3\r\n"),
    G_BOTH(write_deferred_empty, ":5\r\n*0\r\n*0\r\n"),
};
enum { GOLDEN_COUNT = sizeof GOLDEN / sizeof GOLDEN[0] };

static void test_golden(void **state)
{
    for (size_t i = 0; i < GOLDEN_COUNT; i++) {
        for (uint8_t protocol = 2; protocol <= 3; protocol++) {
            struct reply r;
            reply_init(&r, NULL);
            r.protocol = protocol;
            GOLDEN[i].write(&r);
            assert_wire(&r, protocol == 2 ? GOLDEN[i].resp2 : GOLDEN[i].resp3);
            reply_deinit(&r);
        }
    }
}

/* Each function with each little room left in the chunk, and with the blob's small chunk behind. */
static void test_chunk_borders(void **state)
{
    struct chunk_pool *pool = chunk_pool_new(4);
    static char filler[REPLY_CHUNK_SIZE * 2];
    memset(filler, '.', sizeof filler);
    for (size_t i = 0; i < GOLDEN_COUNT; i++) {
        struct slice golden = GOLDEN[i].resp3;
        for (size_t left = 0; left <= 500; left += left < 100 ? 1 : 17) {
            size_t fill = REPLY_CHUNK_SIZE - left;
            struct reply r;
            reply_init(&r, pool);
            r.protocol = 3;
            reply_raw(&r, slice_of(filler, fill));
            GOLDEN[i].write(&r);
            struct buf expected = BUF_INIT;
            buf_append(&expected, filler, fill);
            buf_append_slice(&expected, golden);
            assert_wire(&r, buf_slice(&expected));
            buf_deinit(&expected);
            reply_deinit(&r);
        }
    }
    chunk_pool_free(pool);
}

static void test_idle_holds_nothing(void **state)
{
    struct chunk_pool *pool = chunk_pool_new(2);
    struct reply r;
    reply_init(&r, pool);
    assert_int_equal(reply_mem(&r), 0);
    assert_false(reply_pending(&r));
    reply_ok(&r);
    assert_int_equal(reply_mem(&r), REPLY_CHUNK_SIZE);
    assert_int_equal(reply_chunks(&r), 1);
    reply_consume(&r, 2);
    assert_wire(&r, SLICE("K\r\n"));
    reply_consume(&r, 3);
    assert_int_equal(reply_mem(&r), 0);
    assert_int_equal(reply_chunks(&r), 0);
    reply_check(&r);
    static char filler[REPLY_CHUNK_SIZE * 5];
    size_t empty_pool = chunk_pool_mem(pool) - REPLY_CHUNK_SIZE;
    reply_raw(&r, slice_of(filler, sizeof filler));
    assert_int_equal(chunk_pool_mem(pool), empty_pool);
    reply_clear(&r);
    assert_int_equal(chunk_pool_mem(pool), empty_pool + 2 * REPLY_CHUNK_SIZE); /* no more than it may */
    assert_int_equal(r.queued, 5 + sizeof filler);
    assert_false(reply_pending(&r));
    reply_deinit(&r);
    chunk_pool_free(pool);
}

static void test_muted(void **state)
{
    struct reply r;
    reply_init(&r, NULL);
    reply_int(&r, 1);
    for (size_t i = 0; i < GOLDEN_COUNT; i++) {
        r.muted = true;
        GOLDEN[i].write(&r);
        r.muted = false;
    }
    struct blob *b = blob_new(REPLY_BY_REFERENCE_MIN, REPLY_BY_REFERENCE_MIN);
    r.muted = true;
    reply_bulk_blob(&r, b);
    r.muted = false;
    assert_false(blob_shared(b));
    blob_unref(b);
    assert_wire(&r, SLICE(":1\r\n"));
    struct reply capture;
    reply_init(&capture, NULL);
    reply_ok(&capture);
    r.muted = true;
    reply_splice(&r, &capture);
    assert_false(reply_pending(&capture));
    assert_wire(&r, SLICE(":1\r\n"));
    reply_deinit(&capture);
    reply_deinit(&r);
}

static void note_text(void *arg, struct slice text)
{
    buf_append_slice(arg, text);
    buf_append_char(arg, '|');
}

static void test_errors_are_told(void **state)
{
    struct buf told = BUF_INIT;
    struct reply r;
    reply_init(&r, NULL);
    r.on_error = note_text;
    r.on_error_arg = &told;
    reply_status(&r, ST_OK);
    reply_status(&r, ST_SYNTAX);
    reply_error(&r, SLICE("ERR x\r\n"));
    r.muted = true;
    reply_errorf(&r, "WRONGTYPE %d", 1);
    r.muted = false;
    assert_string_equal(buf_cstr(&told), "ERR syntax error|ERR x|WRONGTYPE 1|");
    assert_wire(&r, SLICE("+OK\r\n-ERR syntax error\r\n-ERR x\r\n"));
    reply_clear(&r);
    reply_errorf(&r, "ERR %2000d", 1);
    assert_int_equal(reply_pending_bytes(&r), 1 + REPLY_ERROR_MAX + 2);
    reply_deinit(&r);
    buf_deinit(&told);
}

static void test_blob(void **state)
{
    struct reply r;
    reply_init(&r, NULL);
    size_t sizes[] = {0, 5, REPLY_BY_REFERENCE_MIN - 1, REPLY_BY_REFERENCE_MIN, 300000};
    struct buf expected = BUF_INIT;
    for (size_t i = 0; i < 5; i++) {
        struct blob *b = blob_new(sizes[i], sizes[i]);
        memset(blob_bytes_mut(b), 'a' + (int)i, sizes[i]);
        reply_bulk_blob(&r, b);
        buf_appendf(&expected, "$%zu\r\n", sizes[i]);
        buf_append_slice(&expected, blob_slice(b));
        buf_appendf(&expected, "\r\n");
        assert_int_equal(blob_shared(b), i >= 3);
        if (i == 4) {
            size_t shared = reply_mem(&r);
            blob_unref(b);
            assert_int_equal(reply_mem(&r) - shared, blob_mem(b)); /* now only the queue keeps it: count it */
        } else {
            blob_unref(b);
        }
        reply_check(&r);
    }
    assert_wire(&r, buf_slice(&expected));
    /* The iovecs say the same, and blobs are in them by address. */
    struct iovec iov[64];
    int n = reply_iov(&r, iov, 64);
    struct buf sent = BUF_INIT;
    size_t largest = 0;
    for (int i = 0; i < n; i++) {
        buf_append(&sent, iov[i].iov_base, iov[i].iov_len);
        if (iov[i].iov_len > largest) largest = iov[i].iov_len;
    }
    assert_true(slice_eq(buf_slice(&sent), buf_slice(&expected)));
    assert_int_equal(largest, 300000);
    assert_int_equal(reply_iov(&r, iov, 2), 2);
    buf_deinit(&sent);
    buf_deinit(&expected);
    reply_deinit(&r);
}

/* A pipeline of large values takes a small chunk between two of them, not a whole one. */
static void test_blob_pipeline_is_lean(void **state)
{
    struct reply r;
    reply_init(&r, NULL);
    struct blob *b = blob_new(20000, 20000);
    memset(blob_bytes_mut(b), 'x', 20000);
    for (int i = 0; i < 100; i++) reply_bulk_blob(&r, b);
    assert_true(reply_mem(&r) < REPLY_CHUNK_SIZE + 100 * 700);
    reply_deinit(&r);
    assert_false(blob_shared(b));
    blob_unref(b);
}

/* Deferred heads of every width with content that ends at and around the chunk's end, small and over several chunks. */
static void test_deferred_sizes(void **state)
{
    static char filler[REPLY_CHUNK_SIZE * 4];
    memset(filler, 'f', sizeof filler);
    static const size_t before[] = {0, 1, 100, 16000, 16340, 16344, 16345, 16384};
    static const size_t content[] = {0, 1, 30, 383, 16000, 16336, 16344, 16352, 16400, 50000};
    static const int64_t counts[] = {0, 12, 345, 1000000007};
    for (size_t i = 0; i < 8; i++) {
        for (size_t k = 0; k < 10; k++) {
            for (size_t m = 0; m < 4; m++) {
                struct reply r;
                struct buf expected = BUF_INIT;
                reply_init(&r, NULL);
                reply_raw(&r, slice_of(filler, before[i]));
                struct reply_mark outer = reply_defer(&r);
                reply_int(&r, 1);
                struct reply_mark inner = reply_defer(&r);
                reply_raw(&r, slice_of(filler, content[k]));
                reply_defer_array(&r, inner, counts[m]);
                reply_check(&r);
                reply_int(&r, 2);
                reply_defer_array(&r, outer, counts[3 - m]);
                reply_int(&r, 3);
                buf_append(&expected, filler, before[i]);
                buf_appendf(&expected, "*%lld\r\n:1\r\n*%lld\r\n", (long long)counts[3 - m], (long long)counts[m]);
                buf_append(&expected, filler, content[k]);
                buf_appendf(&expected, ":2\r\n:3\r\n");
                assert_wire(&r, buf_slice(&expected));
                buf_deinit(&expected);
                reply_deinit(&r);
            }
        }
    }
}

static void test_splice(void **state)
{
    struct chunk_pool *pool = chunk_pool_new(10);
    static char filler[REPLY_CHUNK_SIZE * 3];
    memset(filler, 's', sizeof filler);
    static const size_t sizes[] = {0, 1, 2000, 2048, 2049, 16384, 40000};
    for (size_t i = 0; i < 7; i++) {
        for (size_t k = 0; k < 7; k++) {
            struct reply dst, src;
            struct buf expected = BUF_INIT;
            reply_init(&dst, pool);
            reply_init(&src, pool);
            reply_raw(&dst, slice_of(filler, sizes[i]));
            reply_raw(&src, slice_of(filler, sizes[k]));
            reply_splice(&dst, &src);
            reply_check(&src);
            assert_false(reply_pending(&src));
            assert_int_equal(reply_mem(&src), 0);
            reply_int(&dst, 4);
            reply_int(&src, 5); /* still usable */
            buf_append(&expected, filler, sizes[i]);
            buf_append(&expected, filler, sizes[k]);
            buf_appendf(&expected, ":4\r\n");
            assert_wire(&dst, buf_slice(&expected));
            assert_wire(&src, SLICE(":5\r\n"));
            buf_deinit(&expected);
            reply_deinit(&dst);
            reply_deinit(&src);
        }
    }
    chunk_pool_free(pool);
}

/* ------------------------------------------------------------------------------------------------ random, against a
 * buffer */

struct model {
    struct prng chance;
    struct reply r;
    struct buf expected;
};

static void write_some(struct model *m, int depth)
{
    struct prng *g = &m->chance;
    static char filler[50000];
    size_t len = (size_t)prng_below(g, prng_below(g, 4) ? 40 : prng_below(g, 4) ? 3000 : sizeof filler);
    for (size_t i = 0; i < len; i++) filler[i] = (char)prng_u64(g);
    switch (prng_below(g, 6)) {
    case 0: {
        if (depth > 5) break;
        struct reply_mark mark = reply_defer(&m->r);
        size_t at = m->expected.len;
        int64_t n = (int64_t)prng_below(g, 5);
        for (int64_t i = 0; i < n; i++) write_some(m, depth + 1);
        n *= prng_below(g, 2) ? 1 : 1000001;
        reply_defer_array(&m->r, mark, n);
        struct buf behind = BUF_INIT;
        buf_append(&behind, m->expected.data + at, m->expected.len - at);
        m->expected.len = at;
        buf_appendf(&m->expected, "*%lld\r\n", (long long)n);
        buf_append_slice(&m->expected, buf_slice(&behind));
        buf_deinit(&behind);
        break;
    }
    case 1: {
        struct blob *b = blob_new(len, len);
        if (len > 0) memcpy(blob_bytes_mut(b), filler, len);
        reply_bulk_blob(&m->r, b);
        blob_unref(b);
        buf_appendf(&m->expected, "$%zu\r\n", len);
        buf_append(&m->expected, filler, len);
        buf_appendf(&m->expected, "\r\n");
        break;
    }
    case 2: {
        struct reply capture;
        reply_init(&capture, m->r.pool);
        reply_raw(&capture, slice_of(filler, len));
        reply_splice(&m->r, &capture);
        reply_deinit(&capture);
        buf_append(&m->expected, filler, len);
        break;
    }
    case 3:
        reply_int(&m->r, (int64_t)len);
        buf_appendf(&m->expected, ":%zu\r\n", len);
        break;
    default:
        reply_bulk(&m->r, slice_of(filler, len));
        buf_appendf(&m->expected, "$%zu\r\n", len);
        buf_append(&m->expected, filler, len);
        buf_appendf(&m->expected, "\r\n");
    }
    reply_check(&m->r);
}

static void send_some(struct model *m)
{
    struct iovec iov[8];
    int n = reply_iov(&m->r, iov, 1 + (int)prng_below(&m->chance, 8));
    size_t offered = 0, pos = 0;
    for (int i = 0; i < n; i++) {
        assert_true(pos + iov[i].iov_len <= m->expected.len);
        if (memcmp(iov[i].iov_base, m->expected.data + pos, iov[i].iov_len) != 0) fail_msg("wrong bytes to send");
        pos += iov[i].iov_len;
        offered += iov[i].iov_len;
    }
    if (reply_pending(&m->r)) assert_true(offered > 0);
    size_t sent = prng_below(&m->chance, 3) == 0 ? offered : (size_t)prng_below(&m->chance, offered + 1);
    reply_consume(&m->r, sent);
    buf_consume(&m->expected, sent);
    reply_check(&m->r);
}

static void test_random(void **state)
{
    struct chunk_pool *pool = chunk_pool_new(8);
    for (uint64_t seed = 0; seed < 200; seed++) {
        struct model m = {.expected = BUF_INIT};
        prng_init(&m.chance, seed);
        reply_init(&m.r, seed % 2 ? pool : NULL);
        for (int i = 0; i < 40; i++) {
            if (prng_below(&m.chance, 2)) write_some(&m, 0);
            else send_some(&m);
            assert_int_equal(reply_pending_bytes(&m.r), m.expected.len);
        }
        assert_wire(&m.r, buf_slice(&m.expected));
        reply_deinit(&m.r);
        buf_deinit(&m.expected);
    }
    chunk_pool_free(pool);
}

/* The same bytes, wherever in a chunk they come to lie. */
static void test_bulk_inline(void **state)
{
    char text[201];
    for (size_t i = 0; i < sizeof text; i++) text[i] = (char)i;
    struct reply a, b;
    struct chunk_pool *pool = chunk_pool_new(4);
    reply_init(&a, pool);
    reply_init(&b, pool);
    for (size_t i = 0; i < 3000; i++) {
        char *exact = malloc(i % sizeof text + 1); /* so that a sanitizer sees reads beyond the end */
        memcpy(exact, text, i % sizeof text);
        reply_bulk_inline(&a, slice_of(exact, i % sizeof text));
        reply_bulk(&b, slice_of(exact, i % sizeof text));
        free(exact);
    }
    size_t size = reply_pending_bytes(&b);
    char *expected = malloc(size);
    assert_int_equal(reply_copy_out(&b, expected, size), size);
    assert_wire(&a, slice_of(expected, size));
    free(expected);
    reply_clear(&a);
    a.muted = true;
    reply_bulk_inline(&a, SLICE("nothing"));
    assert_false(reply_pending(&a));
    reply_deinit(&a);
    reply_deinit(&b);
    chunk_pool_free(pool);
    (void)state;
}

/* Against reply_bulk, one by one: all lengths around those that are copied in some special way, across chunks. */
static void test_bulks(void **state)
{
    enum { COUNT = 600 };
    static char text[COUNT * 2];
    struct item { int before; struct slice text; int behind; } items[COUNT];
    struct reply one, many;
    reply_init(&one, NULL);
    reply_init(&many, NULL);
    for (size_t i = 0; i < sizeof text; i++) text[i] = (char)('a' + i % 26);
    for (size_t i = 0; i < COUNT; i++) {
        items[i].text = slice_of(text + i, i < 300 ? i : i * 7 % 40);
        reply_bulk(&one, items[i].text);
    }
    reply_bulks(&many, &items[0].text, sizeof items[0], 0);
    reply_bulks(&many, &items[0].text, sizeof items[0], 1);
    reply_bulks(&many, &items[1].text, sizeof items[0], COUNT - 1);
    size_t len = reply_pending_bytes(&one);
    char *expected = malloc(len);
    reply_copy_out(&one, expected, len);
    assert_wire(&many, slice_of(expected, len));
    free(expected);
    reply_clear(&many);
    many.muted = true;
    reply_bulks(&many, &items[0].text, sizeof items[0], COUNT);
    assert_int_equal(reply_pending_bytes(&many), 0);
    reply_deinit(&one);
    reply_deinit(&many);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bulk_inline),
        cmocka_unit_test(test_bulks),
        cmocka_unit_test(test_golden),
        cmocka_unit_test(test_chunk_borders),
        cmocka_unit_test(test_idle_holds_nothing),
        cmocka_unit_test(test_muted),
        cmocka_unit_test(test_errors_are_told),
        cmocka_unit_test(test_blob),
        cmocka_unit_test(test_blob_pipeline_is_lean),
        cmocka_unit_test(test_deferred_sizes),
        cmocka_unit_test(test_splice),
        cmocka_unit_test(test_random),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
