/* The reply reader: trees of written-down replies, cut at each byte; what it refuses; its limits; random bytes. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/prng.h"
#include "resp/reply.h"
#include "resp/reply_reader.h"

#include <stdio.h>
#include <stdlib.h>

static void print_node(struct buf *out, const struct reply_node *node)
{
    if (node->attribute) {
        buf_appendf(out, "{");
        print_node(out, node->attribute);
        buf_appendf(out, "}");
    }
    if (node->null) {
        buf_appendf(out, "%cnull", node->type);
        return;
    }
    switch (node->type) {
    case REPLY_INT:
    case REPLY_BOOL: buf_appendf(out, "%c%lld", node->type, (long long)node->integer); return;
    case REPLY_DOUBLE: buf_appendf(out, ",%g", node->number); return;
    case REPLY_VERBATIM: buf_appendf(out, "=%s:", node->ext); break;
    case REPLY_ARRAY:
    case REPLY_MAP:
    case REPLY_SET:
    case REPLY_PUSH:
    case REPLY_ATTRIBUTE:
        buf_appendf(out, "%c(", node->type);
        for (int64_t i = 0; i < node->integer; i++) {
            if (i > 0) buf_append_char(out, ' ');
            print_node(out, &node->items[i]);
        }
        buf_append_char(out, ')');
        return;
    default: buf_append_char(out, (char)node->type);
    }
    assert_int_equal(node->text.ptr[node->text.len], 0);
    buf_append_repr(out, node->text);
}

/* All replies of the wire, one per line; "!why" at the end when it was refused. Pieces lie in blocks of exactly their
 * size. */
static void read_all(struct slice wire, size_t first, size_t piece, struct buf *out)
{
    struct reply_tree t;
    reply_tree_init(&t);
    enum reader_result result = READER_MORE;
    for (size_t pos = 0; pos < wire.len && result != READER_ERROR;) {
        size_t n = first > 0 ? first : piece;
        if (n > wire.len - pos) n = wire.len - pos;
        first = 0;
        char *block = malloc(n);
        memcpy(block, wire.ptr + pos, n);
        struct slice in = slice_of(block, n);
        struct reply_node *node;
        while ((result = reply_tree_next(&t, &in, &node)) == READER_ITEM) {
            print_node(out, node);
            buf_append_char(out, '\n');
            reply_node_free(node);
        }
        if (result == READER_MORE) assert_int_equal(in.len, 0);
        free(block);
        pos += n;
    }
    if (result == READER_ERROR) buf_appendf(out, "!%s", t.reader.error);
    reply_tree_deinit(&t);
}

static const struct sample {
    struct slice wire;
    const char *tree;
} SAMPLES[] = {
#define W(wire, tree) {{"" wire, sizeof(wire) - 1}, tree}
    W("+OK\r\n+\r\n-ERR no\r\n:0\r\n:-42\r\n", "+\"OK\"\n+\"\"\n-\"ERR no\"\n:0\n:-42\n"),
    W("$5\r\nhel\r\n\r\n$0\r\n\r\n$-1\r\n", "$\"hel\\r\\n\"\n$\"\"\n$null\n"),
    W("*0\r\n*-1\r\n*2\r\n:1\r\n*1\r\n$1\r\na\r\n:5\r\n", "*()\n*null\n*(:1 *($\"a\"))\n:5\n"),
    W("_\r\n#t\r\n#f\r\n,1.5\r\n,inf\r\n,-inf\r\n,nan\r\n(-123\r\n",
      "_null\n#1\n#0\n,1.5\n,inf\n,-inf\n,nan\n(\"-123\"\n"),
    W("!8\r\nERR a\r\nb\r\n=8\r\ntxt:some\r\n=4\r\nmkd:\r\n", "!\"ERR a\\r\\nb\"\n=txt:\"some\"\n=mkd:\"\"\n"),
    W("%2\r\n+a\r\n:1\r\n+b\r\n~2\r\n:2\r\n:3\r\n%0\r\n", "%(+\"a\" :1 +\"b\" ~(:2 :3))\n%()\n"),
    W(">2\r\n+message\r\n+x\r\n:1\r\n", ">(+\"message\" +\"x\")\n:1\n"),
    W("|1\r\n+ttl\r\n:5\r\n$1\r\na\r\n:1\r\n", "{|(+\"ttl\" :5)}$\"a\"\n:1\n"),
    W("*2\r\n|1\r\n+k\r\n*1\r\n:5\r\n:1\r\n|0\r\n:2\r\n", "*({|(+\"k\" *(:5))}:1 {|()}:2)\n"),
    W("|1\r\n+a\r\n|1\r\n+b\r\n:1\r\n:2\r\n*1\r\n*1\r\n:3\r\n", "{|(+\"a\" {|(+\"b\" :1)}:2)}*(*(:3))\n"),
    W("|1\r\n+a\r\n:1\r\n|1\r\n+b\r\n:2\r\n+x\r\n", "{|(+\"b\" :2)}+\"x\"\n"),
    W("*3\r\n*2\r\n:1\r\n:2\r\n*0\r\n*1\r\n*1\r\n:3\r\n", "*(*(:1 :2) *() *(*(:3)))\n"),
    /* unfinished */
    W("*2\r\n:1\r\n", ""),
    W("*2\r\n:1\r\n*3\r\n|2\r\n+a\r\n:1\r\n+b\r\n*2\r\n:5\r\n", ""),
    W("|1\r\n+a\r\n:1\r\n", ""),
    W("$10\r\nabc", ""),
    W("*2147483647\r\n$2147483647\r\nab", ""),
    /* refused */
    W(":1\r\n:x\r\n", ":1\n!invalid integer"),
    W(":\r\n", "!invalid integer"),
    W(":01\r\n", "!invalid integer"),
    W("+a\n", "!line without its '\\r'"),
    W("\n", "!line without its '\\r'"),
    W("\r\n", "!empty line"),
    W("hello\r\n", "!unknown type byte"),
    W("$?\r\n", "!invalid bulk length"),
    W("$-2\r\n", "!invalid bulk length"),
    W("!-1\r\n", "!invalid bulk length"),
    W("$2147483648\r\n", "!invalid bulk length"),
    W("$1\r\nabc", "!bulk without its line end"),
    W("*?\r\n", "!invalid number of elements"),
    W("*-2\r\n", "!invalid number of elements"),
    W("%-1\r\n", "!invalid number of elements"),
    W("*2147483648\r\n", "!invalid number of elements"),
    W("%2147483647\r\n", "!invalid number of elements"),
    W("#x\r\n", "!invalid boolean"),
    W("#\r\n", "!invalid boolean"),
    W("_x\r\n", "!invalid null"),
    W(",x\r\n", "!invalid double"),
    W("(1x\r\n", "!invalid big number"),
    W("(\r\n", "!invalid big number"),
    W("=3\r\nabc\r\n", "!malformed verbatim string"),
    W("=5\r\nabcde\r\n", "!malformed verbatim string"),
#undef W
};

static void assert_reads(struct slice wire, size_t first, size_t piece, const char *tree)
{
    struct buf got = BUF_INIT;
    read_all(wire, first, piece, &got);
    assert_string_equal(buf_cstr(&got), tree);
    buf_deinit(&got);
}

static void test_samples(void **state)
{
    for (size_t i = 0; i < sizeof SAMPLES / sizeof SAMPLES[0]; i++) {
        const struct sample *s = &SAMPLES[i];
        for (size_t first = 1; first <= s->wire.len; first++) assert_reads(s->wire, first, s->wire.len, s->tree);
        for (size_t piece = 1; piece <= 4; piece++) assert_reads(s->wire, 0, piece, s->tree);
    }
}

static void test_depth(void **state)
{
    struct buf wire = BUF_INIT;
    for (int i = 0; i < READER_DEPTH_MAX; i++) buf_appendf(&wire, "*1\r\n");
    size_t full = wire.len;
    buf_appendf(&wire, ":1\r\n");
    struct buf got = BUF_INIT;
    read_all(buf_slice(&wire), 0, 7, &got);
    assert_memory_equal(got.data, "*(*(*(", 6);
    wire.len = full;
    buf_appendf(&wire, "*0\r\n*1\r\n"); /* an empty one opens nothing */
    buf_clear(&got);
    read_all(buf_slice(&wire), 0, 1000, &got);
    assert_memory_equal(got.data, "*(*(*(", 6);
    wire.len = full;
    buf_appendf(&wire, "*1\r\n:1\r\n");
    assert_reads(buf_slice(&wire), 0, 7, "!too deeply nested reply");
    buf_deinit(&wire);
    buf_deinit(&got);
}

static void test_items(void **state)
{
    struct reply_reader r;
    struct reply_item item;
    reply_reader_init(&r);
    struct slice in = SLICE("*2\r\n|1\r\n+k\r\n:1\r\n+x\r\n%1\r\n:1\r\n*0\r\n$3\r\nabc\r\n|0\r\n_\r\n");
    static const struct {
        char type;
        int depth;
        bool last;
    } expected[] = {
        {'*', 0, false}, {'|', 1, false}, {'+', 2, false}, {':', 2, false}, {'+', 1, false}, {'%', 1, false},
        {':', 2, false}, {'*', 2, true}, {'$', 0, true}, {'|', 0, false}, {'_', 0, true},
    };
    const char *end = in.ptr + in.len;
    for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++) {
        assert_int_equal(reply_reader_next(&r, &in, &item), READER_ITEM);
        assert_int_equal(item.type, expected[i].type);
        assert_int_equal(item.depth, expected[i].depth);
        assert_int_equal(item.last, expected[i].last);
        if (item.type == '$') assert_true(item.text.ptr < end && item.text.ptr > end - 20); /* in place */
    }
    assert_int_equal(reply_reader_next(&r, &in, &item), READER_MORE);
    assert_int_equal(reply_reader_mem(&r), 0);
    reply_reader_deinit(&r);
}

static void test_large(void **state)
{
    /* A large bulk in pieces leaves no buffer behind; a line without end is refused. */
    static char block[100000];
    memset(block, 'x', sizeof block);
    struct reply_reader r;
    struct reply_item item;
    reply_reader_init(&r);
    struct slice in = SLICE("$1000000000\r\n");
    assert_int_equal(reply_reader_next(&r, &in, &item), READER_MORE);
    assert_true(reply_reader_mem(&r) < 1000);
    reply_reader_deinit(&r);
    reply_reader_init(&r);
    in = SLICE("$1000000\r\n");
    assert_int_equal(reply_reader_next(&r, &in, &item), READER_MORE);
    for (int i = 0; i < 10; i++) {
        in = slice_of(block, sizeof block);
        assert_int_equal(reply_reader_next(&r, &in, &item), READER_MORE);
    }
    in = SLICE("\r\n+OK\r\n");
    assert_int_equal(reply_reader_next(&r, &in, &item), READER_ITEM);
    assert_int_equal(item.text.len, 1000000);
    assert_int_equal(reply_reader_next(&r, &in, &item), READER_ITEM);
    assert_int_equal(reply_reader_mem(&r), 0);
    in = SLICE("+");
    assert_int_equal(reply_reader_next(&r, &in, &item), READER_MORE);
    enum reader_result result = READER_MORE;
    for (int i = 0; i < 11 && result == READER_MORE; i++) {
        in = slice_of(block, sizeof block);
        result = reply_reader_next(&r, &in, &item);
    }
    assert_int_equal(result, READER_ERROR);
    assert_string_equal(r.error, "too long line");
    assert_int_equal(reply_reader_next(&r, &in, &item), READER_ERROR);
    reply_reader_deinit(&r);
}

/* What the writer writes, the reader reads. */
static void test_writer_to_reader(void **state)
{
    static const char *const trees[] = {
        "*(+\"a\" $null *null $\"1.5\" :1 *(+\"k\" :2) *(:3) $\"text\" $\"77\")\n-\"ERR x\"\n",
        "*(+\"a\" _null _null ,1.5 #1 %(+\"k\" :2) ~(:3) =txt:\"text\" (\"77\")\n-\"ERR x\"\n",
    };
    for (uint8_t protocol = 2; protocol <= 3; protocol++) {
        struct reply r;
        reply_init(&r, NULL);
        r.protocol = protocol;
        struct reply_mark mark = reply_defer(&r);
        reply_simple(&r, SLICE("a"));
        reply_null(&r);
        reply_null_array(&r);
        reply_double(&r, 1.5);
        reply_bool(&r, true);
        reply_map(&r, 1);
        reply_simple(&r, SLICE("k"));
        reply_int(&r, 2);
        reply_set(&r, 1);
        reply_int(&r, 3);
        reply_verbatim(&r, "txt", SLICE("text"));
        reply_big_number(&r, SLICE("77"));
        reply_defer_array(&r, mark, 9);
        reply_error(&r, SLICE("ERR x"));
        char wire[500];
        size_t len = reply_copy_out(&r, wire, sizeof wire);
        for (size_t piece = 1; piece < len; piece++) assert_reads(slice_of(wire, len), 0, piece, trees[protocol - 2]);
        reply_deinit(&r);
    }
}

/* Changed and cut samples: the same result whole and in pieces, nothing lost, nothing overrun. */
static void test_random(void **state)
{
    struct prng g;
    prng_init(&g, 42);
    for (int round = 0; round < 20000; round++) {
        struct buf wire = BUF_INIT, whole = BUF_INIT;
        for (uint64_t n = 1 + prng_below(&g, 4); n > 0; n--)
            buf_append_slice(&wire, SAMPLES[prng_below(&g, 17)].wire);
        for (uint64_t n = prng_below(&g, 3); n > 0; n--)
            wire.data[prng_below(&g, wire.len)] = "+-:$*_#,(!=%~|>\r\n0129x"[prng_below(&g, 22)];
        read_all(buf_slice(&wire), 0, wire.len, &whole);
        assert_reads(buf_slice(&wire), 0, 1 + prng_below(&g, 9), buf_cstr(&whole));
        buf_deinit(&wire);
        buf_deinit(&whole);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_samples),  cmocka_unit_test(test_depth),            cmocka_unit_test(test_items),
        cmocka_unit_test(test_large),    cmocka_unit_test(test_writer_to_reader), cmocka_unit_test(test_random),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
