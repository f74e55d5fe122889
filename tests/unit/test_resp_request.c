/* The request parser: against the naive one of request_reference.h on whole, cut and random input, and the contracts
 * that a transcript does not show (memory, blocks of their own, many requests at a time). */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "request_reference.h"

static const struct request_limits OPEN_LIMITS = {512u * 1024 * 1024, true};
static const struct request_limits CLOSED_LIMITS = {512u * 1024 * 1024, false};

/* MEM_FIRST: a blob of 1 MB with its header, rounded to the next size of jemalloc (1.25 MB), and the rest. */
enum { ARGV_ROOM = 16, MEM_FIRST = 1300 * 1024 };

static void assert_same(struct slice wire, const struct request_limits *limits, struct cuts cuts,
                        const struct buf *expected)
{
    struct buf got = BUF_INIT;
    drive(wire, limits, &cuts, &got);
    if (!slice_eq(buf_slice(&got), buf_slice(expected)))
        fail_msg("cut at %zu, pieces of %zu:\nexpected %s\n     got %s", cuts.first, cuts.piece_max,
                 buf_cstr((struct buf *)expected), buf_cstr(&got));
    buf_deinit(&got);
}

/* The wire gives this transcript whole, cut in two at each byte, and byte by byte. */
static void assert_all_cuts(struct slice wire, const struct request_limits *limits, const struct buf *expected)
{
    struct cuts cuts = {.piece_max = SIZE_MAX, .argv_room = ARGV_ROOM};
    prng_init(&cuts.chance, 1);
    for (size_t at = 1; at <= wire.len; at++) {
        cuts.first = at;
        cuts.piece_max = wire.len;
        assert_same(wire, limits, cuts, expected);
    }
    cuts.first = 0;
    for (size_t piece = 1; piece <= 3; piece++) {
        cuts.piece_max = piece;
        assert_same(wire, limits, cuts, expected);
    }
    cuts.argv_room = 0;
    assert_same(wire, limits, cuts, expected);
}

static void assert_like_reference(struct slice wire, const struct request_limits *limits)
{
    struct buf expected = BUF_INIT;
    reference_parse(wire, limits, &expected);
    assert_all_cuts(wire, limits, &expected);
    buf_deinit(&expected);
}

/* What the wire must give, written down by hand (arguments joined by '|'): the reference parser is tested with it
 * too. */
struct sample {
    const char *wire;
    size_t len;
    const char *requests; /* one per line, "!text" for an error */
};

#define W(wire, requests) {"" wire, sizeof(wire) - 1, requests}

static const struct sample SAMPLES[] = {
    W("*1\r\n$4\r\nPING\r\n", "PING\n"),
    W("*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$12\r\nhello, world\r\n*2\r\n$3\r\nGET\r\n$1\r\nk\r\n",
      "SET|k|hello, world\nGET|k\n"),
    W("*2\r\n$3\r\nGET\r\n$0\r\n\r\n", "GET|\n"),
    W("*1\r\n$4\r\nPI\r\n\r\n", "PI\r\n\n"),
    W("*1\rX$4\rXPINGXX*1\r\n$4\r\nPING\r\n", "PING\nPING\n"),
    W("*1\r\n$4\r\nPINGPI*1\r\n$4\r\nPING\r\n", "PING\nPING\n"),
    W("*1\r\n$4\r\r\nPIN\r\n", "\nPIN\n"),
    W("*0\r\n*-1\r\n*-5\r\n*-9223372036854775808\r\n\r\n\n   \r\nPING\r\n", "PING\n"),
    W("*+1\r\n", "!ERR Protocol error: invalid multibulk length"),
    W("*01\r\n", "!ERR Protocol error: invalid multibulk length"),
    W("* 1\r\n", "!ERR Protocol error: invalid multibulk length"),
    W("*1 \r\n", "!ERR Protocol error: invalid multibulk length"),
    W("*\r\n", "!ERR Protocol error: invalid multibulk length"),
    W("*-\r\n", "!ERR Protocol error: invalid multibulk length"),
    W("*-0\r\n", "!ERR Protocol error: invalid multibulk length"),
    W("*1x\r\n", "!ERR Protocol error: invalid multibulk length"),
    W("*0x1\r\n", "!ERR Protocol error: invalid multibulk length"),
    W("*1\n\r\n", "!ERR Protocol error: invalid multibulk length"),
    W("*2147483648\r\n", "!ERR Protocol error: invalid multibulk length"),
    W("*4294967296\r\n", "!ERR Protocol error: invalid multibulk length"),
    W("*9223372036854775808\r\n", "!ERR Protocol error: invalid multibulk length"),
    W("*2147483647\r\n$4\r\nPING\r\n", ""),
    W("*1048577\r\n$4\r\nPING\r\n", ""),
    W("*1\n$4\nPING\n", ""),
    W("*1\r", ""),
    W("*1\0\r\n$4\r\nPING\r\n", ""),
    W("*1\r\n\0" "4\r\nPING\r\n", ""),
    W("*1\r\nx", ""),
    W("PING\r\n*1\r\nx4\r\nPING\r\n", "PING\n!ERR Protocol error: expected '$', got 'x'"),
    W("*1\r\n\r4\r\n", "!ERR Protocol error: expected '$', got '\r'"),
    W("*1\r\n\xff" "4\r\n", "!ERR Protocol error: expected '$', got '\xff'"),
    W("*1\r\r\n$4\r\nPING\r\n", "!ERR Protocol error: expected '$', got '\n'"),
    W("*1\r\n$+4\r\n", "!ERR Protocol error: invalid bulk length"),
    W("*1\r\n$04\r\n", "!ERR Protocol error: invalid bulk length"),
    W("*1\r\n$00\r\n", "!ERR Protocol error: invalid bulk length"),
    W("*1\r\n$ 4\r\n", "!ERR Protocol error: invalid bulk length"),
    W("*1\r\n$\r\n", "!ERR Protocol error: invalid bulk length"),
    W("*1\r\n$-1\r\n", "!ERR Protocol error: invalid bulk length"),
    W("*1\r\n$-0\r\n", "!ERR Protocol error: invalid bulk length"),
    W("*1\r\n$4x\r\n", "!ERR Protocol error: invalid bulk length"),
    W("*1\r\n$0123\r\n", "!ERR Protocol error: invalid bulk length"),
    W("*1\r\n$536870913\r\n", "!ERR Protocol error: invalid bulk length"),
    W("*1\r\n$9223372036854775808\r\n", "!ERR Protocol error: invalid bulk length"),
    W("*1\r\n$536870912\r\nPING", ""),
    /* inline */
    W("PING\n", "PING\n"),
    W("\n\r\n\n\nPING\r\n", "PING\n"),
    W("\rPING\r\nPING\r\r\n", "PING\nPING\n"),
    W("  SET\tk  v \r\n", "SET|k|v\n"),
    W("ECHO a\rb\r\n", "ECHO|a|b\n"),
    W("ECHO\x0b" "a\x0c" "b \x0b\x0c x\r\n", "ECHO\x0b" "a\x0c" "b|x\n"),
    W("$4\r\nPING\r\n", "$4\nPING\n"),
    W("ECHO \"\"\r\nECHO ''\r\n\"\"\r\n", "ECHO|\nECHO|\n\n"),
    W("ECHO a\"b c\"\r\n", "ECHO|ab c\n"),
    W("ECHO \"\\x41\\n\\r\\t\\b\\a\\q\\\"\\\\\\x4g\\x4\"\r\n", "ECHO|A\n\r\t\b\aq\"\\x4gx4\n"),
    W("ECHO '\\'\\n\"' \"it's\"\tb\r\n", "ECHO|'\\n\"|it's|b\n"),
    W("ECHO a\\\"b\" x\r\n", "ECHO|a\\b|x\n"),
    W("ECHO \"a\"\x0b'b'\r\n", "ECHO|a|b\n"),
    W("PING\r\nECHO \"a\r\n", "PING\n!ERR Protocol error: unbalanced quotes in request"),
    W("ECHO \"a\"b\r\n", "!ERR Protocol error: unbalanced quotes in request"),
    W("ECHO 'a'b\r\n", "!ERR Protocol error: unbalanced quotes in request"),
    W("ECHO 'a\\'\r\n", "!ERR Protocol error: unbalanced quotes in request"),
    W("ECHO \"a\\\r\n", "!ERR Protocol error: unbalanced quotes in request"),
    W("PING a\0b\r\n", ""),
    W("PING \"\0\"\r\n", ""),
    W("\0\r\nPING\r\n", ""),
};

static void joined_requests(struct slice wire, struct buf *out)
{
    struct request_parser p;
    request_parser_init(&p);
    struct slice argv[ARGV_ROOM], error;
    struct request req;
    enum request_result result;
    while ((result = request_parse(&p, &wire, &OPEN_LIMITS, argv, ARGV_ROOM, &req, &error)) == REQUEST_READY) {
        for (int i = 0; i < req.argc; i++) {
            if (i > 0) buf_append_char(out, '|');
            buf_append_slice(out, req.argv[i]);
        }
        buf_append_char(out, '\n');
        request_release(&req);
    }
    if (result == REQUEST_ERROR) {
        buf_append_char(out, '!');
        buf_append_slice(out, error);
    }
    request_parser_deinit(&p);
}

static void test_samples(void **state)
{
    for (size_t i = 0; i < sizeof SAMPLES / sizeof SAMPLES[0]; i++) {
        struct slice wire = slice_of(SAMPLES[i].wire, SAMPLES[i].len);
        struct buf got = BUF_INIT;
        joined_requests(wire, &got);
        assert_string_equal(buf_cstr(&got), SAMPLES[i].requests);
        buf_deinit(&got);
        assert_like_reference(wire, &OPEN_LIMITS);
    }
}

static void test_unauthenticated(void **state)
{
    static const struct sample samples[] = {
        W("*10\r\n$4\r\nPING\r\n", ""),
        W("*11\r\n$4\r\nPING\r\n", "!ERR Protocol error: unauthenticated multibulk length"),
        W("*1\r\n$16384\r\nPING\r\n", ""),
        W("*1\r\n$16385\r\nPING\r\n", "!ERR Protocol error: unauthenticated bulk length"),
        W("*1\r\n$536870913\r\n", "!ERR Protocol error: invalid bulk length"),
        W("*3000000000\r\n", "!ERR Protocol error: invalid multibulk length"),
    };
    for (size_t i = 0; i < sizeof samples / sizeof samples[0]; i++) {
        struct buf got = BUF_INIT;
        struct cuts cuts = {.piece_max = 100, .argv_room = ARGV_ROOM};
        prng_init(&cuts.chance, 1);
        drive(slice_of(samples[i].wire, samples[i].len), &CLOSED_LIMITS, &cuts, &got);
        struct buf expected = BUF_INIT;
        if (samples[i].requests[0] == '!') note_error(&expected, slice_cstr(samples[i].requests + 1));
        assert_string_equal(buf_cstr(&got), buf_cstr(&expected));
        buf_deinit(&got);
        buf_deinit(&expected);
        assert_like_reference(slice_of(samples[i].wire, samples[i].len), &CLOSED_LIMITS);
    }
    struct buf many = BUF_INIT; /* inline commands have no such limit */
    for (int i = 0; i < 1000; i++) buf_appendf(&many, "a ");
    buf_appendf(&many, "\r\n");
    assert_like_reference(buf_slice(&many), &CLOSED_LIMITS);
    buf_deinit(&many);
}

/* Lines around the limit, for each kind of line. */
static void test_long_lines(void **state)
{
    static const char *const starts[] = {"", "*", "*1\r\n$", "*1\r\n", "\"", "\x00"};
    static const char *const ends[] = {"\n", "\r\n", ""};
    struct cuts cuts = {.piece_max = 9000, .argv_room = ARGV_ROOM};
    for (size_t s = 0; s < sizeof starts / sizeof starts[0]; s++) {
        for (size_t e = 0; e < 3; e++) {
            for (size_t len = 65530; len < 65542; len++) {
                struct buf wire = BUF_INIT, expected = BUF_INIT;
                buf_append(&wire, starts[s], s == 5 ? 1 : strlen(starts[s]));
                size_t head = s == 2 || s == 3 ? 4 : 0;
                while (wire.len < head + len) buf_append_char(&wire, '1');
                buf_append(&wire, ends[e], strlen(ends[e]));
                reference_parse(buf_slice(&wire), &OPEN_LIMITS, &expected);
                prng_init(&cuts.chance, len);
                cuts.piece_max = 9000;
                assert_same(buf_slice(&wire), &OPEN_LIMITS, cuts, &expected);
                cuts.piece_max = 200000;
                cuts.first = wire.len;
                assert_same(buf_slice(&wire), &OPEN_LIMITS, cuts, &expected);
                cuts.first = 0;
                buf_deinit(&wire);
                buf_deinit(&expected);
            }
        }
    }
}

/* A stream of requests of many shapes, some of them broken. */
static void random_wire(struct prng *g, struct buf *wire)
{
    static const char words[] = "PING\t \"\"''\\x41\\n ab\x0b";
    int requests = (int)prng_below(g, 12);
    for (int i = 0; i < requests; i++) {
        size_t at = wire->len;
        switch (prng_below(g, 8)) {
        case 0:
            for (uint64_t n = prng_below(g, 30); n > 0; n--)
                buf_append_char(wire, words[prng_below(g, sizeof words - 1)]);
            buf_appendf(wire, prng_below(g, 2) ? "\r\n" : "\n");
            break;
        case 1: buf_appendf(wire, "*%d\r\n", -(int)prng_below(g, 3)); break;
        default: {
            uint64_t argc = prng_below(g, 30) == 0 ? prng_below(g, 3000) : 1 + prng_below(g, 6);
            buf_appendf(wire, "*%d\r\n", (int)argc);
            for (; argc > 0; argc--) {
                uint64_t len_max = prng_below(g, 40) == 0 ? 60000 : prng_below(g, 2) ? 12 : 1200;
                uint64_t len = prng_below(g, len_max);
                buf_appendf(wire, "$%d\r\n", (int)len);
                for (; len > 0; len--) buf_append_char(wire, (char)prng_u64(g));
                buf_appendf(wire, "\r\n");
            }
        }
        }
        if (prng_below(g, 40) == 0 && wire->len > at)
            wire->data[at + prng_below(g, wire->len - at)] = (char)prng_u64(g);
    }
    if (prng_below(g, 4) == 0 && wire->len > 0) wire->len -= prng_below(g, wire->len);
}

static void test_random(void **state)
{
    for (uint64_t seed = 0; seed < 500; seed++) {
        struct prng g;
        prng_init(&g, seed);
        struct buf wire = BUF_INIT, expected = BUF_INIT;
        random_wire(&g, &wire);
        const struct request_limits limits = {prng_below(&g, 4) ? OPEN_LIMITS.bulk_max : 500, prng_below(&g, 4) > 0};
        reference_parse(buf_slice(&wire), &limits, &expected);
        static const size_t pieces[] = {7, 50, 4000, 16384, 1000000};
        for (size_t i = 0; i < sizeof pieces / sizeof pieces[0]; i++) {
            struct cuts cuts = {.chance = g, .piece_max = pieces[i], .argv_room = (int)prng_below(&g, 8)};
            assert_same(buf_slice(&wire), &limits, cuts, &expected);
        }
        buf_deinit(&wire);
        buf_deinit(&expected);
    }
}

/* Several requests may be ready and unreleased at a time, whichever way they were parsed. */
static void test_many_outstanding(void **state)
{
    enum { N = 500 };
    struct request_parser p;
    request_parser_init(&p);
    struct request ready[N];
    static struct slice argv[N][2];
    char wire[64];
    struct slice error;
    for (int i = 0; i < N; i++) {
        int len = snprintf(wire, sizeof wire, "*2\r\n$4\r\nECHO\r\n$6\r\n%06d\r\n", i);
        struct slice first = slice_of(wire, (size_t)(i % (len - 1)) + 1);
        struct slice second = slice_of(wire + first.len, (size_t)len - first.len);
        assert_int_equal(request_parse(&p, &first, &OPEN_LIMITS, argv[i], 2, &ready[i], &error), REQUEST_MORE);
        assert_int_equal(request_parser_used(&p), (i % (len - 1)) + 1);
        assert_int_equal(request_parse(&p, &second, &OPEN_LIMITS, argv[i], 2, &ready[i], &error), REQUEST_READY);
        assert_int_equal(ready[i].wire_bytes, len);
        memset(wire, 0xee, sizeof wire);
    }
    for (int i = 0; i < N; i++) {
        snprintf(wire, sizeof wire, "%06d", i);
        assert_true(slice_eq(ready[i].argv[1], slice_cstr(wire)));
        request_release(&ready[i]);
        request_release(&ready[i]); /* once more does nothing */
    }
    request_parser_deinit(&p);
}

static void test_fast_path_borrows(void **state)
{
    struct request_parser p;
    request_parser_init(&p);
    const char wire[] = "*2\r\n$4\r\nECHO\r\n$5\r\nhello\r\nPING x\r\n";
    struct slice in = slice_of(wire, sizeof wire - 1), argv[2], error;
    struct request req;
    assert_int_equal(request_parse(&p, &in, &OPEN_LIMITS, argv, 2, &req, &error), REQUEST_READY);
    assert_ptr_equal(req.argv, argv);
    assert_ptr_equal(req.argv[1].ptr, wire + 18);
    assert_null(req.hold);
    assert_int_equal(request_parse(&p, &in, &OPEN_LIMITS, argv, 2, &req, &error), REQUEST_READY);
    assert_ptr_equal(req.argv[1].ptr, wire + 30);
    assert_null(req.hold);
    assert_int_equal(request_parse(&p, &in, &OPEN_LIMITS, argv, 2, &req, &error), REQUEST_MORE);
    assert_null(p.partial);
    assert_int_equal(request_parser_mem(&p), 0);
    assert_int_equal(request_parser_used(&p), 0);
}

static enum request_result feed(struct request_parser *p, const void *bytes, size_t len, struct request *req)
{
    struct slice in = slice_of(bytes, len), error;
    enum request_result result = request_parse(p, &in, &OPEN_LIMITS, NULL, 0, req, &error);
    if (result != REQUEST_READY) assert_int_equal(in.len, 0);
    return result;
}

/* What is announced costs nothing before it comes. */
static void test_announced_is_free(void **state)
{
    static const char *const heads[] = {"*2147483647\r\n", "*2147483647\r\n$3\r\n", "*2147483647\r\n$10000\r\n"};
    struct request req;
    for (size_t i = 0; i < 3; i++) {
        struct request_parser p;
        request_parser_init(&p);
        assert_int_equal(feed(&p, heads[i], strlen(heads[i]), &req), REQUEST_MORE);
        assert_true(request_parser_mem(&p) < 1024);
        assert_int_equal(request_parser_used(&p), strlen(heads[i]));
        request_parser_deinit(&p);
    }
    struct request_parser p;
    request_parser_init(&p);
    const char *half_gigabyte = "*1\r\n$536870912\r\n";
    assert_int_equal(feed(&p, half_gigabyte, strlen(half_gigabyte), &req), REQUEST_MORE);
    assert_true(request_parser_mem(&p) < MEM_FIRST);
    request_parser_deinit(&p);
}

/* Memory stays within a factor of what has come. */
static void test_memory_follows_arrival(void **state)
{
    struct request_parser p;
    request_parser_init(&p);
    struct request req;
    assert_int_equal(feed(&p, "*1000000\r\n", 10, &req), REQUEST_MORE);
    for (int i = 0; i < 999999; i++) {
        assert_int_equal(feed(&p, "$1\r\nx\r\n", 7, &req), REQUEST_MORE);
        if (i % 1000 == 0) assert_true(request_parser_mem(&p) < 6 * request_parser_used(&p) + 1024);
    }
    assert_int_equal(feed(&p, "$1\r\nx\r\n", 7, &req), REQUEST_READY);
    assert_int_equal(req.argc, 1000000);
    assert_int_equal(req.wire_bytes, 10 + 7000000);
    assert_true(slice_eq(req.argv[999999], SLICE("x")));
    assert_null(request_take_blob(&req, 999999));
    request_release(&req);
    request_parser_deinit(&p);
}

static void test_million_empty(void **state)
{
    static const char *const empties[] = {"\r\n", "\n", "*0\r\n", "*-1\r\n", " \r\n"};
    for (size_t e = 0; e < 5; e++) {
        struct buf wire = BUF_INIT;
        for (int i = 0; i < 1000000; i++) buf_append(&wire, empties[e], strlen(empties[e]));
        struct request_parser p;
        request_parser_init(&p);
        struct request req;
        assert_int_equal(feed(&p, wire.data, wire.len, &req), REQUEST_MORE);
        assert_int_equal(request_parser_mem(&p), 0);
        buf_deinit(&wire);
    }
}

/* A large bulk through request_want, in reads of the given size. */
static void fill_big(size_t len, size_t read_max)
{
    struct request_parser p;
    request_parser_init(&p);
    struct request req;
    char head[64];
    int head_len = snprintf(head, sizeof head, "*2\r\n$3\r\nabc\r\n$%zu\r\n", len);
    assert_int_equal(feed(&p, head, (size_t)head_len, &req), REQUEST_MORE);
    size_t done = 0;
    enum request_result result = REQUEST_MORE;
    while (result == REQUEST_MORE) {
        char *ptr;
        size_t room;
        assert_true(request_want(&p, &ptr, &room));
        assert_true(room > 0 && done + room <= len + 2);
        if (room > read_max) room = read_max;
        for (size_t i = 0; i < room; i++) ptr[i] = done + i < len ? (char)((done + i) * 7) : '\r';
        request_fill(&p, room);
        done += room;
        assert_true(request_parser_mem(&p) < 2 * done + MEM_FIRST);
        result = feed(&p, NULL, 0, &req);
    }
    assert_int_equal(result, REQUEST_READY);
    assert_int_equal(done, len + 2);
    assert_int_equal(req.argv[1].len, len);
    for (size_t i = 0; i < len; i++) {
        if (req.argv[1].ptr[i] != (char)(i * 7)) fail_msg("byte %zu", i);
    }
    assert_null(request_take_blob(&req, 0));
    struct blob *b = request_take_blob(&req, 1);
    assert_non_null(b);
    assert_ptr_equal(blob_slice(b).ptr, req.argv[1].ptr);
    request_release(&req);
    assert_false(blob_shared(b));
    assert_int_equal(blob_slice(b).len, len);
    blob_unref(b);
    request_parser_deinit(&p);
}

static void test_big_bulks(void **state)
{
    fill_big(BULK_BIG, 1000);
    fill_big(BULK_BIG, SIZE_MAX);
    fill_big(1024 * 1024 - 2, 70000);
    fill_big(1024 * 1024, 70001);
    fill_big(5 * 1024 * 1024 + 3, 99999);
    fill_big(9 * 1024 * 1024, SIZE_MAX);
    /* Smaller ones, and bulks of whole requests, have no block of their own and want nothing. */
    struct request_parser p;
    request_parser_init(&p);
    struct request req;
    char *ptr;
    size_t room;
    assert_false(request_want(&p, &ptr, &room));
    assert_int_equal(feed(&p, "*1\r\n$16383\r\n", 12, &req), REQUEST_MORE);
    assert_false(request_want(&p, &ptr, &room));
    request_parser_deinit(&p);
}

/* Blobs among small arguments keep their places. */
static void test_blobs_among_others(void **state)
{
    struct buf wire = BUF_INIT;
    buf_appendf(&wire, "*40\r\n");
    for (int i = 0; i < 40; i++) {
        int len = i % 3 == 0 ? BULK_BIG + i : i;
        buf_appendf(&wire, "$%d\r\n", len);
        for (int k = 0; k < len; k++) buf_append_char(&wire, (char)('A' + i));
        buf_appendf(&wire, "\r\n");
    }
    struct request_parser p;
    request_parser_init(&p);
    struct request req;
    for (size_t pos = 0; pos < wire.len; pos += 5000) {
        size_t n = wire.len - pos < 5000 ? wire.len - pos : 5000;
        assert_int_equal(feed(&p, wire.data + pos, n, &req), pos + n == wire.len ? REQUEST_READY : REQUEST_MORE);
    }
    assert_int_equal(req.argc, 40);
    for (int i = 0; i < 40; i++) {
        struct blob *b = request_take_blob(&req, i);
        assert_int_equal(b != NULL, i % 3 == 0);
        blob_unref(b);
        assert_int_equal(req.argv[i].len, i % 3 == 0 ? BULK_BIG + i : i);
        for (size_t k = 0; k < req.argv[i].len; k++) assert_int_equal(req.argv[i].ptr[k], 'A' + i);
    }
    request_release(&req);
    buf_deinit(&wire);
    request_parser_deinit(&p);
}

static void test_error_stays(void **state)
{
    struct request_parser p;
    request_parser_init(&p);
    struct request req;
    struct slice in = SLICE("*1\r\n?3\r\nxx"), error = {NULL, 0};
    assert_int_equal(request_parse(&p, &in, &OPEN_LIMITS, NULL, 0, &req, &error), REQUEST_ERROR);
    assert_true(slice_eq(error, SLICE("ERR Protocol error: expected '$', got '?'")));
    in = SLICE("PING\r\n");
    assert_int_equal(request_parse(&p, &in, &OPEN_LIMITS, NULL, 0, &req, &error), REQUEST_ERROR);
    assert_true(slice_eq(error, SLICE("ERR Protocol error: expected '$', got '?'")));
    request_parser_deinit(&p);
}

static void test_split_line(void **state)
{
    struct slice *args;
    int count;
    assert_true(request_split_line(SLICE(""), &args, &count));
    assert_int_equal(count, 0);
    request_split_free(args, count);
    assert_true(request_split_line(slice_of(NULL, 0), &args, &count));
    assert_int_equal(count, 0);
    request_split_free(args, count);
    assert_true(request_split_line(SLICE(" \t\n "), &args, &count));
    assert_int_equal(count, 0);
    request_split_free(args, count);
    assert_true(request_split_line(SLICE("save \"\" 'a b' \"\\x00\\xfF\" x\"y\""), &args, &count));
    assert_int_equal(count, 5);
    assert_true(slice_eq(args[0], SLICE("save")));
    assert_string_equal(args[0].ptr, "save");
    assert_true(slice_eq(args[1], SLICE("")));
    assert_true(slice_eq(args[2], SLICE("a b")));
    assert_true(slice_eq(args[3], SLICE("\0\xff")));
    assert_true(slice_eq(args[4], SLICE("xy")));
    request_split_free(args, count);
    assert_true(request_split_line(SLICE("a b c d e f g h i j k l m n o p q r s t"), &args, &count));
    assert_int_equal(count, 20);
    request_split_free(args, count);
    assert_false(request_split_line(SLICE("a \"b"), &args, &count));
    assert_false(request_split_line(SLICE("a 'b'c"), &args, &count));
    assert_int_equal(count, 0);
    assert_null(args);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_samples),
        cmocka_unit_test(test_unauthenticated),
        cmocka_unit_test(test_long_lines),
        cmocka_unit_test(test_random),
        cmocka_unit_test(test_many_outstanding),
        cmocka_unit_test(test_fast_path_borrows),
        cmocka_unit_test(test_announced_is_free),
        cmocka_unit_test(test_memory_follows_arrival),
        cmocka_unit_test(test_million_empty),
        cmocka_unit_test(test_big_bulks),
        cmocka_unit_test(test_blobs_among_others),
        cmocka_unit_test(test_error_stays),
        cmocka_unit_test(test_split_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
