/* The configuration at start: lines and quotes, includes, the command line in its forms, and the reports of what is
 * wrong. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/mem.h"
#include "base/prng.h"
#include "base/version.h"
#include "engine/config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { ARGS_MAX = 12, PATH_MAX_LEN = 256, TEXT_MAX = 1024 };

static bool set_save(void *arg, const struct config_input *in, struct buf *value, struct buf *err)
{
    (void)arg;
    if (in->argc % 2 != 0) {
        buf_append_slice(err, SLICE("Invalid save parameters"));
        return false;
    }
    if (in->append && in->argc > 0) buf_append_slice(value, in->current);
    for (int i = 0; i < in->argc; i++) {
        if (value->len > 0) buf_append_char(value, ' ');
        buf_append_slice(value, in->argv[i]);
    }
    return true;
}

static bool apply_counted(void *arg, struct buf *err)
{
    (void)err;
    ++*(int *)arg;
    return true;
}

static const struct config_enum ends[] = {{"default", 0}, {"now", 1}, {"force", 2}, {NULL, 0}};

static const struct config_item items[] = {
    {CONFIG_ITEM_INT("hz", 0, "10", 0, 500), .alias = "hertz", .apply = apply_counted},
    {CONFIG_ITEM_INT("port", CONFIG_IMMUTABLE, "6379", 0, 65535), .apply = apply_counted},
    {CONFIG_ITEM_STRING("pass", 0, "")},
    {CONFIG_ITEM_BOOL("later", CONFIG_INERT, "no")},
    {CONFIG_ITEM_BOOL("later-too", CONFIG_INERT, "no")},
    {CONFIG_ITEM_FLAGS("end", 0, "default", ends)},
    {CONFIG_ITEM_SPECIAL("save", CONFIG_MULTI_ARG, "3600 1", set_save)},
    {.name = "rename-command", .flags = CONFIG_FILE_ONLY, .min = 2, .max = 2},
    {.name = "gone", .flags = CONFIG_IGNORED},
};

struct start {
    struct config *config;
    struct buf err;
    int applied;
    bool ok;
};

static void start_init(struct start *s)
{
    *s = (struct start){.config = config_new()};
    config_register(s->config, items, (int)(sizeof(items) / sizeof(items[0])), &s->applied);
}

static void start_deinit(struct start *s)
{
    config_free(s->config);
    buf_deinit(&s->err);
}

static void load_args(struct start *s, const char *path, const char *const *args)
{
    char *argv[ARGS_MAX] = {NULL};
    int argc = 0;
    for (; args != NULL && args[argc] != NULL; argc++) argv[argc] = mem_strdup(args[argc]);
    start_init(s);
    s->ok = config_load(s->config, path, argc, argv, &s->err);
    assert_true(s->ok == (s->err.len == 0));
    for (int i = 0; i < argc; i++) mem_free(argv[i]);
}

#define LOAD_ARGS(s, ...) load_args(s, NULL, (const char *const[]){__VA_ARGS__, NULL})

/* A file of the test's own, in a folder of the test's own. */
static char folder[PATH_MAX_LEN];

static const char *file_with(const char *name, const char *text, size_t len)
{
    static char path[PATH_MAX_LEN + 32];
    snprintf(path, sizeof(path), "%s/%s", folder, name);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    if (len > 0) assert_int_equal(fwrite(text, 1, len, f), len);
    fclose(f);
    return path;
}

static void load_text(struct start *s, const char *text)
{
    load_args(s, file_with("test.conf", text, strlen(text)), NULL);
}

static const char *value(struct start *s, const char *name)
{
    static char answer[TEXT_MAX];
    struct buf out = BUF_INIT;
    assert_true(config_value(s->config, slice_cstr(name), &out));
    snprintf(answer, sizeof(answer), "%s", buf_cstr(&out));
    buf_deinit(&out);
    return answer;
}

static void takes(const char *text, const char *name, const char *expected)
{
    struct start s;
    load_text(&s, text);
    if (!s.ok) fail_msg("%s: %s", text, buf_cstr(&s.err));
    assert_string_equal(value(&s, name), expected);
    start_deinit(&s);
}

static void reported(struct start *s, int line, const char *shown, const char *reason)
{
    char report[TEXT_MAX];
    snprintf(report, sizeof(report),
             "\n*** FATAL CONFIG FILE ERROR (Redis " CAIRN_REDIS_VERSION
             ") ***\nReading the configuration file, at line %d\n>>> '%s'\n%s\n",
             line, shown, reason);
    assert_false(s->ok);
    assert_string_equal(buf_cstr(&s->err), report);
    start_deinit(s);
}

static void refuses(const char *text, int line, const char *shown, const char *reason)
{
    struct start s;
    load_text(&s, text);
    reported(&s, line, shown, reason);
}

static void lines_are_words_between_spaces(void **state)
{
    takes("hz 20\n", "hz", "20");
    takes("  \t HZ\t 20  \r\n", "hz", "20");
    takes("# hz 5\n\n   # hz 6\nhz 7", "hz", "7");
    takes("hertz 7\n", "hz", "7");
    takes("hz 7\nhz 8\n", "hz", "8");
    takes("pass #x\n", "pass", "#x");
    takes("gone 1\nhz 4\n", "hz", "4");
    takes("", "hz", "10");
    takes("end now force", "end", "now force");
    takes("end \"now force\"", "end", "now force");
}

static void quotes_and_escapes(void **state)
{
    takes("pass \"a b\"\n", "pass", "a b");
    takes("pass 'a \"b'\n", "pass", "a \"b");
    takes("pass 'it\\'s \\n'\n", "pass", "it's \\n");
    takes("pass \"\\x41\\n\\t\\r\\b\\a\\q\\\"\\\\\"\n", "pass", "A\n\t\r\b\aq\"\\");
    takes("pass \"\\x4g\"\n", "pass", "x4g");
    takes("pass a\\nb\n", "pass", "a\\nb");
    takes("pass \"\"\n", "pass", "");
    takes("pass ''\n", "pass", "");
    takes("pass ab\"c d\"\n", "pass", "abc d");
    takes("\"hz\" \"3\"\n", "hz", "3");
    refuses("pass \"a\n", 1, "pass \"a", "Unbalanced quotes in configuration line");
    refuses("pass 'a\\'\n", 1, "pass 'a\\'", "Unbalanced quotes in configuration line");
    refuses("pass \"a\"b\n", 1, "pass \"a\"b", "Unbalanced quotes in configuration line");
}

static void what_is_wrong_is_told_with_line_and_reason(void **state)
{
    refuses("hz 1\n\n  port abc  \n", 3, "port abc", "argument couldn't be parsed into an integer");
    refuses("hz", 1, "hz", "wrong number of arguments");
    refuses("hz 1 2", 1, "hz 1 2", "wrong number of arguments");
    refuses("hz 501", 1, "hz 501", "argument must be between 0 and 500 inclusive");
    refuses("nothing 1", 1, "nothing 1", "Bad directive or wrong number of arguments");
    refuses("gone", 1, "gone", "Bad directive or wrong number of arguments");
    refuses("include", 1, "include", "Bad directive or wrong number of arguments");
    refuses("rename-command a", 1, "rename-command a", "Bad directive or wrong number of arguments");
    refuses("end", 1, "end", "argument(s) must be one of the following: default, now, force");
    refuses("save 1", 1, "save 1", "Invalid save parameters");
    struct start s;
    load_args(&s, "/no/such/file.conf", NULL);
    assert_false(s.ok);
    assert_string_equal(buf_cstr(&s.err),
                        "Fatal error, can't open config file '/no/such/file.conf': No such file or directory");
    start_deinit(&s);
}

static void save_lines_add_up(void **state)
{
    takes("save 1 2\nsave 3 4\n", "save", "1 2 3 4");
    takes("save \"1 2 3 4\"\n", "save", "1 2 3 4");
    takes("save 1 2\nsave ''\n", "save", "");
    takes("save ''\nsave 5 6\n", "save", "5 6");
}

static void files_include_files(void **state)
{
    char text[TEXT_MAX];
    struct start s;
    file_with("inc_a.conf", "hz 33\n", 6);
    file_with("inc_b.conf", "\nhz zz\n", 7);
    snprintf(text, sizeof(text), "include %s/inc_a*.conf\ninclude %s/none*.conf\npass x\n", folder, folder);
    takes(text, "hz", "33");
    takes(text, "pass", "x");
    snprintf(text, sizeof(text), "port 1\nport 2\nport 3\ninclude %s/inc_b.conf\n", folder);
    load_text(&s, text);
    reported(&s, 2, "hz zz", "argument couldn't be parsed into an integer");
    snprintf(text, sizeof(text), "include %s/none.conf\n", folder);
    load_text(&s, text);
    assert_false(s.ok);
    assert_non_null(strstr(buf_cstr(&s.err), "Fatal error, can't open config file '"));
    start_deinit(&s);
    snprintf(text, sizeof(text), "include %s/test.conf\n", folder); /* includes itself */
    load_text(&s, text);
    assert_false(s.ok);
    assert_non_null(strstr(buf_cstr(&s.err), "too many nested includes"));
    start_deinit(&s);
}

static void option_gives(const char *const *args, const char *name, const char *expected)
{
    struct start s;
    load_args(&s, NULL, args);
    if (!s.ok) fail_msg("%s", buf_cstr(&s.err));
    assert_string_equal(value(&s, name), expected);
    start_deinit(&s);
}

#define OPTION(name, expected, ...) option_gives((const char *const[]){__VA_ARGS__, NULL}, name, expected)

static void the_command_line_has_many_forms(void **state)
{
    OPTION("hz", "20", "--hz", "20");
    OPTION("hz", "20", "--hz 20");
    OPTION("hz", "20", "--HZ", "20");
    OPTION("hz", "20", "hz", "20"); /* without a file in front main would take it for one */
    OPTION("hz", "21", "--hz", "20", "--hz", "21");
    OPTION("pass", "--x", "--pass", "--x");
    OPTION("hz", "12", "--pass", "--hz", "--hz", "12");
    OPTION("pass", "a b", "--pass", "a b");
    OPTION("pass", "a b", "--pass \"a b\"");
    OPTION("pass", "\"a b\"", "--pass", "\"a b\"");
    OPTION("pass", "it's", "--pass", "it's");
    OPTION("pass", "a\nhz 44", "--pass", "a\nhz 44");
    OPTION("pass", "", "--pass", "", "--hz", "3");
    OPTION("pass", "x", "--pass ", "x");
    OPTION("end", "now force", "--end", "now", "force");
    OPTION("end", "now force", "--end", "now force", "--hz", "3");
    OPTION("hz", "3", "--", "hz", "3");
    OPTION("save", "1 2", "--save", "1", "2");
    OPTION("save", "1 2 3 4", "--save", "1 2 3 4");
    OPTION("save", "1 2 3 4", "--save", "1", "2", "--save", "3", "4");
    OPTION("save", "", "--save", "");
    OPTION("save", "", "--save", "--hz", "3");
    OPTION("hz", "3", "--save", "--hz", "3");
    OPTION("save", "", "--hz", "3", "--save");
    OPTION("save", "3600 1", "--hz", "3");
}

static void wrong_options_are_told_like_lines(void **state)
{
    struct start s;
    LOAD_ARGS(&s, "--hz", "1", "2");
    reported(&s, 2, "hz \"1\" \"2\"", "wrong number of arguments");
    LOAD_ARGS(&s, "--port", "1", "--hz");
    reported(&s, 3, "hz", "wrong number of arguments");
    LOAD_ARGS(&s, "--hz=20");
    reported(&s, 2, "hz=20", "Bad directive or wrong number of arguments");
    LOAD_ARGS(&s, "-hz", "1");
    reported(&s, 2, "\"-hz\" \"1\"", "Bad directive or wrong number of arguments");
    LOAD_ARGS(&s, "--pass", "--x", "y");
    reported(&s, 2, "pass \"--x\" \"y\"", "wrong number of arguments");
    load_args(&s, file_with("test.conf", "hz 1\nport 2\n", 12), (const char *const[]){"--hz", "x", NULL});
    reported(&s, 4, "hz \"x\"", "argument couldn't be parsed into an integer");
}

static void options_come_behind_the_file(void **state)
{
    struct start s;
    const char *const args[] = {"--hz", "6", "--save", "7", "8", NULL};
    load_args(&s, file_with("test.conf", "hz 5\npass x\nsave 1 2", 20), args);
    assert_true(s.ok);
    assert_string_equal(value(&s, "hz"), "6");
    assert_string_equal(value(&s, "pass"), "x");
    assert_string_equal(value(&s, "save"), "1 2 7 8");
    assert_int_equal(config_file_path(s.config)[0], '/');
    assert_int_equal(s.applied, 0);
    assert_true(config_start(s.config, &s.err));
    assert_int_equal(s.applied, 1); /* hz is configured, port is not */
    start_deinit(&s);
}

static bool line_seen(void *arg, int argc, const struct slice *argv, struct buf *err)
{
    for (int i = 0; i < argc; i++) buf_appendf(arg, "%.*s|", (int)argv[i].len, argv[i].ptr);
    if (!slice_eq(argv[1], SLICE("bad"))) return true;
    buf_append_slice(err, SLICE("No such command in rename-command"));
    return false;
}

static void lines_are_kept_for_their_owner(void **state)
{
    struct start s;
    struct buf seen = BUF_INIT;
    load_text(&s, "rename-command get \"\"\nhz 3\nRENAME-command set 'x y'\n");
    assert_true(config_each_line(s.config, "rename-command", line_seen, &seen, &s.err));
    assert_string_equal(buf_cstr(&seen), "rename-command|get||RENAME-command|set|x y|");
    start_deinit(&s);
    load_text(&s, "hz 3\nrename-command bad x\nrename-command get y\n");
    s.ok = config_each_line(s.config, "rename-command", line_seen, &seen, &s.err);
    reported(&s, 2, "rename-command bad x", "No such command in rename-command");
    buf_deinit(&seen);
}

static void inert_named(void *arg, const char *name)
{
    buf_appendf(arg, "%s ", name);
}

static void inert_directives_are_named_when_they_were_moved(void **state)
{
    struct start s;
    struct buf names = BUF_INIT;
    load_text(&s, "later no\nlater-too yes\nhz 3\n");
    config_each_inert(s.config, inert_named, &names);
    assert_string_equal(buf_cstr(&names), "later-too ");
    buf_deinit(&names);
    start_deinit(&s);
}

/* Any bytes, quoted as Redis quotes them, come back as they were, from a file and from an option. */
static void random_values_survive_quoting(void **state)
{
    struct prng rng;
    prng_init(&rng, 3);
    for (int round = 0; round < 300; round++) {
        char bytes[64];
        size_t len = prng_below(&rng, sizeof(bytes));
        for (size_t i = 0; i < len; i++) bytes[i] = (char)(prng_below(&rng, 4) == 0 ? "\\\"'# x\n"[prng_below(&rng, 7)]
                                                                                  : (char)prng_below(&rng, 256));
        struct buf line = BUF_INIT, got = BUF_INIT;
        buf_append_slice(&line, SLICE("pass "));
        buf_append_repr(&line, slice_of(bytes, len));
        struct start s;
        load_args(&s, file_with("test.conf", line.data, line.len), NULL);
        assert_true(s.ok);
        assert_true(config_value(s.config, SLICE("pass"), &got));
        assert_true(slice_eq(buf_slice(&got), slice_of(bytes, len)));
        buf_deinit(&line);
        buf_deinit(&got);
        start_deinit(&s);
    }
}

/* Random lines: whatever comes, it is taken or reported, and the report names a line of the text. */
static void random_lines_are_taken_or_reported(void **state)
{
    static const char *const pieces[] = {"hz", "pass", "save", "end",           " ", " ",  " ",  "\n", "\n",
                                         "\"", "'",    "\\",   "x41",           "5", "60", "no", "#",  "\t",
                                         "\r", "now",  "gone", "rename-command"};
    struct prng rng;
    prng_init(&rng, 5);
    int taken = 0;
    for (int round = 0; round < 1500; round++) {
        struct buf text = BUF_INIT;
        int lines = 1;
        for (uint64_t n = prng_below(&rng, 12); n > 0; n--) {
            const char *piece = pieces[prng_below(&rng, sizeof(pieces) / sizeof(pieces[0]))];
            lines += piece[0] == '\n';
            buf_append(&text, piece, strlen(piece));
        }
        struct start s;
        load_args(&s, file_with("test.conf", text.data, text.len), NULL);
        taken += s.ok;
        const char *at = s.ok ? NULL : strstr(buf_cstr(&s.err), "at line ");
        if (!s.ok) {
            assert_non_null(at);
            assert_in_range(atoi(at + strlen("at line ")), 1, lines);
        }
        buf_deinit(&text);
        start_deinit(&s);
    }
    assert_in_range(taken, 100, 1400);
}

static int make_folder(void **state)
{
    (void)state;
    snprintf(folder, sizeof(folder), "%s", "/tmp/cairn-config-XXXXXX");
    return mkdtemp(folder) == NULL ? -1 : 0;
}

static int remove_folder(void **state)
{
    (void)state;
    static const char *const names[] = {"test.conf", "inc_a.conf", "inc_b.conf"};
    char path[PATH_MAX_LEN + 32];
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        snprintf(path, sizeof(path), "%s/%s", folder, names[i]);
        unlink(path);
    }
    return rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_are_words_between_spaces),
        cmocka_unit_test(quotes_and_escapes),
        cmocka_unit_test(what_is_wrong_is_told_with_line_and_reason),
        cmocka_unit_test(save_lines_add_up),
        cmocka_unit_test(files_include_files),
        cmocka_unit_test(the_command_line_has_many_forms),
        cmocka_unit_test(wrong_options_are_told_like_lines),
        cmocka_unit_test(options_come_behind_the_file),
        cmocka_unit_test(lines_are_kept_for_their_owner),
        cmocka_unit_test(inert_directives_are_named_when_they_were_moved),
        cmocka_unit_test(random_values_survive_quoting),
        cmocka_unit_test(random_lines_are_taken_or_reported),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
