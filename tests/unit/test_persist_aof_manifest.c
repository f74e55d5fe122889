/* The manifest: what is written is read back, what a hand may have made of it is refused with its line, and what the
 * changes make of it. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/mem.h"
#include "base/prng.h"
#include "persist/aof_manifest.h"

#include <string.h>

static bool parse(struct aof_manifest *m, const char *text, int *line, struct buf *err)
{
    buf_clear(err);
    return aof_manifest_parse(m, slice_cstr(text), line, err);
}

static void good_text(void **state)
{
    (void)state;
    struct aof_manifest m;
    struct buf err = BUF_INIT, out = BUF_INIT;
    int line;
    assert_true(parse(&m,
                      "# a comment\n"
                      "file a.1.base.rdb seq 1 type b\n"
                      "file a.3.incr.aof seq 3 type h\n"
                      "seq 4 type i file 'a b.incr' what else\r\n"
                      "file \"q\\x41\\\"\" seq 9 type i\n",
                      &line, &err));
    assert_string_equal(m.base.name, "a.1.base.rdb");
    assert_int_equal(m.base_seq, 1);
    assert_int_equal(m.history_count, 1);
    assert_int_equal(m.increment_count, 2);
    assert_string_equal(m.increments[0].name, "a b.incr");
    assert_string_equal(m.increments[1].name, "qA\"");
    assert_int_equal(m.increment_seq, 9);
    aof_manifest_format(&m, &out);
    struct aof_manifest again;
    assert_true(aof_manifest_parse(&again, buf_slice(&out), &line, &err));
    assert_string_equal(again.increments[0].name, "a b.incr");
    assert_string_equal(again.increments[1].name, "qA\"");
    aof_manifest_deinit(&again);
    aof_manifest_deinit(&m);
    buf_deinit(&out);
    buf_deinit(&err);
}

static void bad_texts(void **state)
{
    (void)state;
    static const struct {
        const char *text, *why;
        int line;
    } cases[] = {
        {"", "Found an empty AOF manifest", 0},
        {"\n", "Invalid AOF manifest file format", 1},
        {"file a seq 1 type b", "The AOF manifest file contains too long line", 1},
        {"file a seq 1 type b\nfile b seq 2 type b\n", "Found duplicate base file information", 2},
        {"file a seq 2 type i\n# x\nfile b seq 2 type i\n", "Found a non-monotonic sequence number", 3},
        {"file a seq 0 type i\n", "Invalid AOF manifest file format", 1},
        {"file a seq x type i\n", "Invalid AOF manifest file format", 1},
        {"file a seq 1\n", "Invalid AOF manifest file format", 1},
        {"file a seq 1 type\n", "Invalid AOF manifest file format", 1},
        {"file a seq 1 type z\n", "Unknown AOF file type", 1},
        {"file \"\" seq 1 type b\n", "Invalid AOF manifest file format", 1},
        {"file \"a seq 1 type b\n", "Invalid AOF manifest file format", 1},
        {"file a/b seq 1 type b\n", "File can't be a path, just a filename", 1},
        {"file \"a\\x00b\" seq 1 type b\n", "File can't be a path, just a filename", 1},
    };
    struct buf err = BUF_INIT;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct aof_manifest m;
        int line = -1;
        assert_false(parse(&m, cases[i].text, &line, &err));
        assert_string_equal(buf_cstr(&err), cases[i].why);
        assert_int_equal(line, cases[i].line);
        aof_manifest_deinit(&m);
    }
    char text[AOF_MANIFEST_LINE_MAX + 100];
    memset(text, 'a', sizeof(text) - 2);
    memcpy(text, "file ", 5);
    memcpy(text + sizeof(text) - 2, "\n", 2);
    struct aof_manifest m;
    int line;
    assert_false(parse(&m, text, &line, &err));
    assert_string_equal(buf_cstr(&err), "The AOF manifest file contains too long line");
    buf_deinit(&err);
}

static void expect(const struct aof_manifest *m, const char *text)
{
    struct buf out = BUF_INIT;
    aof_manifest_format(m, &out);
    assert_string_equal(buf_cstr(&out), text);
    buf_deinit(&out);
}

static void changes(void **state)
{
    (void)state;
    struct aof_manifest m, copy;
    aof_manifest_init(&m);
    aof_manifest_adopt_base(&m, "old.aof");
    expect(&m, "file old.aof seq 1 type b\n");
    assert_string_equal(aof_manifest_add_increment(&m, "x"), "x.1.incr.aof");
    assert_string_equal(aof_manifest_add_increment(&m, "x"), "x.2.incr.aof");
    assert_string_equal(aof_manifest_add_base(&m, "x", true), "x.2.base.rdb");
    aof_manifest_increments_to_history(&m, 1);
    expect(&m, "file x.2.base.rdb seq 2 type b\nfile x.1.incr.aof seq 1 type h\nfile old.aof seq 1 type h\n"
               "file x.2.incr.aof seq 2 type i\n");
    aof_manifest_dup(&copy, &m);
    aof_manifest_forget_history(&m);
    expect(&m, "file x.2.base.rdb seq 2 type b\nfile x.2.incr.aof seq 2 type i\n");
    assert_string_equal(aof_manifest_add_increment(&m, "x"), "x.3.incr.aof");
    assert_string_equal(aof_manifest_add_base(&m, "x", false), "x.3.base.aof");
    aof_manifest_increments_to_history(&m, 0);
    assert_int_equal(m.increment_count, 0);
    expect(&copy, "file x.2.base.rdb seq 2 type b\nfile x.1.incr.aof seq 1 type h\nfile old.aof seq 1 type h\n"
                  "file x.2.incr.aof seq 2 type i\n");
    aof_manifest_deinit(&copy);
    aof_manifest_deinit(&m);
}

/* History may be all that is left of a number: what it names is to be deleted, and must not come to be in use. */
static void names_are_free(void **state)
{
    (void)state;
    struct aof_manifest m;
    struct buf err = BUF_INIT;
    int line;
    assert_true(parse(&m,
                      "file x.1.base.rdb seq 1 type h\n"
                      "file x.2.incr.aof seq 2 type h\n"
                      "file x.1.incr.aof seq 1 type h\n",
                      &line, &err));
    assert_string_equal(aof_manifest_add_base(&m, "x", true), "x.2.base.rdb");
    assert_string_equal(aof_manifest_add_increment(&m, "x"), "x.3.incr.aof");
    assert_int_equal(m.increments[0].seq, 3);
    assert_true(aof_manifest_in_use(&m, "x.2.base.rdb"));
    assert_true(aof_manifest_in_use(&m, "x.3.incr.aof"));
    assert_false(aof_manifest_in_use(&m, "x.2.incr.aof"));
    aof_manifest_deinit(&m);
    buf_deinit(&err);
}

/* Whatever is parsed comes out as it went in. */
static void any_bytes(void **state)
{
    (void)state;
    static const char *const words[] = {"file", "seq", "type", "b", "i", "h", "1", "2", " ", " ", " ", "\n", "\"", "'",
                                        "\\x", "#", "a.aof", "\t", "\r\n"};
    struct prng prng;
    struct buf text = BUF_INIT, err = BUF_INIT, out = BUF_INIT, out2 = BUF_INIT;
    prng_init(&prng, 5);
    for (int round = 0; round < 20000; round++) {
        struct aof_manifest m, again;
        int line;
        buf_clear(&text);
        for (uint64_t n = prng_below(&prng, 20); n > 0; n--)
            buf_append_slice(&text, slice_cstr(words[prng_below(&prng, ARRAY_LEN(words))]));
        if (aof_manifest_parse(&m, buf_slice(&text), &line, &err)) {
            buf_clear(&out);
            buf_clear(&out2);
            aof_manifest_format(&m, &out);
            if (out.len > 0) {
                assert_true(aof_manifest_parse(&again, buf_slice(&out), &line, &err));
                aof_manifest_format(&again, &out2);
                assert_string_equal(buf_cstr(&out), buf_cstr(&out2));
                aof_manifest_deinit(&again);
            }
        }
        aof_manifest_deinit(&m);
    }
    buf_deinit(&text);
    buf_deinit(&err);
    buf_deinit(&out);
    buf_deinit(&out2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_text),
        cmocka_unit_test(bad_texts),
        cmocka_unit_test(changes),
        cmocka_unit_test(names_are_free),
        cmocka_unit_test(any_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
