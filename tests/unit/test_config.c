/* The registry with a table of its own: types, names, CONFIG GET, and CONFIG SET with its refusals and rollbacks. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/mem.h"
#include "base/prng.h"
#include "engine/config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct owner {
    int applied, refuse_apply; /* refuse_apply: the next so many calls fail */
    int64_t seen;              /* value of "number" at the last apply */
    struct config *config;
};

static bool apply_number(void *arg, struct buf *err)
{
    struct owner *o = arg;
    o->applied++;
    o->seen = *config_bind_i64(o->config, "number");
    if (o->refuse_apply > 0) {
        o->refuse_apply--;
        buf_append_slice(err, SLICE("apply says no"));
        return false;
    }
    return true;
}

static bool check_even(void *arg, const char *text, int64_t number, struct buf *err)
{
    (void)arg;
    (void)text;
    if (number % 2 == 0) return true;
    buf_append_slice(err, SLICE("odd"));
    return false;
}

static bool set_joined(void *arg, const struct config_input *in, struct buf *value, struct buf *err)
{
    (void)arg;
    (void)err;
    if (in->append) buf_append_slice(value, in->current);
    for (int i = 0; i < in->argc; i++) {
        if (value->len > 0) buf_append_char(value, '+');
        buf_append_slice(value, in->argv[i]);
    }
    return true;
}

static const struct config_enum colours[] = {{"red", 1}, {"green", 2}, {NULL, 0}};
static const struct config_enum parts[] = {{"none", 0}, {"head", 1}, {"tail", 2}, {NULL, 0}};

static const struct config_item items[] = {
    {CONFIG_ITEM_BOOL("flag", 0, "no")},
    {CONFIG_ITEM_INT("number", 0, "5", -10, 100), .alias = "old-number", .apply = apply_number},
    {CONFIG_ITEM_INT("even", 0, "2", 0, 100), .check = check_even},
    {CONFIG_ITEM_INT("fixed", CONFIG_IMMUTABLE, "1", 0, 9)},
    {CONFIG_ITEM_INT("guarded", CONFIG_PROTECTED, "1", 0, 9)},
    {CONFIG_ITEM_INT("unlisted", CONFIG_HIDDEN, "1", 0, 9)},
    {CONFIG_ITEM_INT("not-now", CONFIG_DENY_LOADING, "1", 0, 9)},
    {CONFIG_ITEM_INT("restless", CONFIG_VOLATILE, "5", 0, 9), .apply = apply_number},
    {CONFIG_ITEM_BYTES("size", 0, "1kb", 10, INT64_MAX)},
    {CONFIG_ITEM_BYTES("big", CONFIG_UNSIGNED, "0", 0, INT64_MAX)},
    {.name = "share", .type = CONFIG_PERCENT_OR_BYTES, .fallback = "0"},
    {.name = "mode", .type = CONFIG_OCTAL, .fallback = "700", .max = 0777},
    {CONFIG_ITEM_STRING("text", CONFIG_SENSITIVE, "abc")},
    {CONFIG_ITEM_ENUM("colour", 0, "red", colours)},
    {CONFIG_ITEM_FLAGS("pieces", 0, "none", parts)},
    {CONFIG_ITEM_SPECIAL("list", CONFIG_MULTI_ARG, "a b", set_joined)},
};

static int setup(void **state)
{
    struct owner *o = mem_zalloc(sizeof(*o));
    o->config = config_new();
    config_register(o->config, items, (int)(sizeof(items) / sizeof(items[0])), o);
    *state = o;
    return 0;
}

static int teardown(void **state)
{
    struct owner *o = *state;
    config_free(o->config);
    mem_free(o);
    return 0;
}

enum { PAIRS_MAX = 8, TEXT_MAX = 512 };

/* Sets "name value name value" given as a NULL-ended list; returns "" or the error. */
static const char *set(struct owner *o, bool privileged, bool loading, const char *const *words)
{
    static char answer[TEXT_MAX];
    struct slice pairs[PAIRS_MAX * 2];
    int count = 0;
    for (; words[count] != NULL; count++) pairs[count] = slice_cstr(words[count]);
    struct buf err = BUF_INIT;
    bool ok = config_set(o->config, pairs, count, privileged, loading, &err);
    snprintf(answer, sizeof(answer), "%s", ok ? "" : buf_cstr(&err));
    assert_true(ok == (err.len == 0));
    buf_deinit(&err);
    return answer;
}

#define SET(o, ...) set(o, false, false, (const char *const[]){__VA_ARGS__, NULL})

static const char *get(struct owner *o, const char *name)
{
    static char answer[TEXT_MAX];
    struct buf out = BUF_INIT;
    assert_true(config_value(o->config, slice_cstr(name), &out));
    snprintf(answer, sizeof(answer), "%s", buf_cstr(&out));
    buf_deinit(&out);
    return answer;
}

#define FAILED(name, reason) "ERR CONFIG SET failed (possibly related to argument '" name "') - " reason

static void defaults_are_set_and_nothing_is_called(void **state)
{
    struct owner *o = *state;
    assert_string_equal(get(o, "flag"), "no");
    assert_string_equal(get(o, "number"), "5");
    assert_string_equal(get(o, "size"), "1024");
    assert_string_equal(get(o, "mode"), "700");
    assert_string_equal(get(o, "pieces"), "none");
    assert_string_equal(get(o, "list"), "a+b");
    assert_int_equal(o->applied, 0);
    assert_ptr_equal(config_owner(o->config, "old-number"), o);
    assert_int_equal(*config_bind_i64(o->config, "mode"), 0700);
    assert_string_equal(*config_bind_str(o->config, "text"), "abc");
    assert_string_equal(config_enum_name(o->config, "colour"), "red");
}

static void values_are_read_as_redis_reads_them(void **state)
{
    struct owner *o = *state;
    static const struct {
        const char *name, *value, *error, *shown;
    } cases[] = {
        {"flag", "YES", "", "yes"},
        {"flag", "1", FAILED("flag", "argument must be 'yes' or 'no'"), "yes"},
        {"number", "-10", "", "-10"},
        {"number", "101", FAILED("number", "argument must be between -10 and 100 inclusive"), "-10"},
        {"number", "1 ", FAILED("number", "argument couldn't be parsed into an integer"), "-10"},
        {"number", "", FAILED("number", "argument couldn't be parsed into an integer"), "-10"},
        {"even", "3", FAILED("even", "odd"), "2"},
        {"size", "2mb", "", "2097152"},
        {"size", "9", FAILED("size", "argument must be between 10 and 9223372036854775807 inclusive"), "2097152"},
        {"size", "9223372036854775808",
         FAILED("size", "argument must be between 10 and 9223372036854775807 inclusive"), "2097152"},
        {"size", "10xb", FAILED("size", "argument must be a memory value"), "2097152"},
        {"big", "9223372036854775808", "", "9223372036854775807"},
        {"big", "", "", "0"},
        {"share", "5%", "", "5%"},
        {"share", "101%", FAILED("share", "percentage argument must be less or equal to 100"), "5%"},
        {"share", "-5", FAILED("share", "argument must be a memory or percent value"), "5%"},
        {"share", "1kb", "", "1024"},
        {"mode", "8", FAILED("mode", "argument couldn't be parsed as an octal number"), "700"},
        {"mode", "1000", FAILED("mode", "argument must be between 0 and 777 inclusive"), "700"},
        {"text", "", "", ""},
        {"colour", "GREEN", "", "green"},
        {"colour", "blue", FAILED("colour", "argument(s) must be one of the following: red, green"), "green"},
        {"pieces", "tail head", "", "head tail"},
        {"pieces", "tail  head", FAILED("pieces", "argument(s) must be one of the following: none, head, tail"),
         "head tail"},
        {"pieces", "none", "", "none"},
        {"list", "x  y", "", "x+y"},
        {"list", "", "", ""},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_string_equal(SET(o, cases[i].name, cases[i].value), cases[i].error);
        assert_string_equal(get(o, cases[i].name), cases[i].shown);
    }
}

static void texts_may_hold_any_byte(void **state)
{
    struct owner *o = *state;
    struct slice pair[2] = {SLICE("text"), SLICE("a\0b")};
    struct buf out = BUF_INIT;
    assert_true(config_set(o->config, pair, 2, false, false, &out));
    assert_true(config_value(o->config, SLICE("TEXT"), &out));
    assert_true(slice_eq(buf_slice(&out), pair[1]));
    buf_deinit(&out);
}

static void refusals_come_before_any_change(void **state)
{
    struct owner *o = *state;
    const char *const guarded[] = {"guarded", "2", NULL}, *const loading[] = {"flag", "yes", "not-now", "2", NULL};
    assert_string_equal(SET(o, "flag", "yes", "fixed", "2"), FAILED("fixed", "can't set immutable config"));
    assert_string_equal(SET(o, "flag", "yes", "guarded", "2"), FAILED("guarded", "can't set protected config"));
    assert_string_equal(SET(o, "flag", "yes", "FLAG", "no"), FAILED("FLAG", "duplicate parameter"));
    assert_string_equal(SET(o, "flag", "yes", "wrong", "2"),
                        "ERR Unknown option or number of arguments for CONFIG SET - 'wrong'");
    assert_string_equal(set(o, false, true, loading), "LOADING Redis is loading the dataset in memory");
    assert_string_equal(get(o, "flag"), "no");
    assert_string_equal(set(o, true, false, guarded), "");
    assert_string_equal(get(o, "guarded"), "2");
}

static void one_wrong_value_rolls_all_back(void **state)
{
    struct owner *o = *state;
    assert_string_equal(SET(o, "number", "7", "text", "x", "list", "q", "EVEN", "3"), FAILED("even", "odd"));
    assert_string_equal(get(o, "number"), "5");
    assert_string_equal(get(o, "text"), "abc");
    assert_string_equal(get(o, "list"), "a+b");
    assert_int_equal(o->applied, 0);
}

static void a_failed_apply_rolls_back_and_applies_the_old_value(void **state)
{
    struct owner *o = *state;
    o->refuse_apply = 1;
    assert_string_equal(SET(o, "text", "x", "number", "7", "flag", "yes"), FAILED("number", "apply says no"));
    assert_string_equal(get(o, "text"), "abc");
    assert_string_equal(get(o, "flag"), "no");
    assert_int_equal(o->applied, 2);
    assert_int_equal(o->seen, 5);
}

static void apply_runs_on_change_only_unless_volatile(void **state)
{
    struct owner *o = *state;
    assert_string_equal(SET(o, "number", "5"), "");
    assert_int_equal(o->applied, 0);
    assert_string_equal(SET(o, "restless", "5"), "");
    assert_int_equal(o->applied, 1);
    assert_string_equal(SET(o, "number", "6", "restless", "5"), ""); /* the same function and owner: once */
    assert_int_equal(o->applied, 2);
}

struct hook {
    int calls;
    bool veto;
    struct owner *owner;
    char seen[16];
};

static bool hook_ran(void *arg, struct buf *err)
{
    struct hook *h = arg;
    h->calls++;
    snprintf(h->seen, sizeof(h->seen), "%s", get(h->owner, "text"));
    if (!h->veto) return true;
    h->veto = false;
    buf_append_slice(err, SLICE("vetoed"));
    return false;
}

static void hooks_run_once_and_may_veto(void **state)
{
    struct owner *o = *state;
    struct hook h = {.owner = o};
    config_on_change(o->config, "text", hook_ran, &h);
    config_on_change(o->config, "flag", hook_ran, &h);
    assert_string_equal(SET(o, "text", "x", "flag", "yes"), "");
    assert_int_equal(h.calls, 1);
    assert_string_equal(h.seen, "x");
    h.veto = true;
    assert_string_equal(SET(o, "number", "9", "text", "y"), FAILED("text", "vetoed"));
    assert_int_equal(h.calls, 3);
    assert_string_equal(h.seen, "x");
    assert_string_equal(get(o, "number"), "5");
    struct buf err = BUF_INIT;
    assert_true(config_set_internal(o->config, "fixed", SLICE("3"), &err));
    assert_string_equal(get(o, "fixed"), "3");
    assert_false(config_set_internal(o->config, "even", SLICE("3"), &err));
    assert_string_equal(buf_cstr(&err), "odd");
    buf_deinit(&err);
}

struct order {
    struct owner *owner;
    int64_t seen_apply;
    int calls;
};

static bool hook_looks_at_apply(void *arg, struct buf *err)
{
    struct order *order = arg;
    order->calls++;
    order->seen_apply = order->owner->seen;
    if (order->owner->seen != 9) return true;
    buf_append_slice(err, SLICE("nine"));
    return false;
}

/* A hook reads what applies made of other pairs of the same CONFIG SET, also on the way back. */
static void hooks_run_behind_all_applies(void **state)
{
    struct owner *o = *state;
    struct order order = {.owner = o};
    config_on_change(o->config, "text", hook_looks_at_apply, &order);
    assert_string_equal(SET(o, "text", "x", "number", "8"), "");
    assert_int_equal(order.seen_apply, 8);
    assert_string_equal(SET(o, "text", "y", "number", "9"), FAILED("text", "nine"));
    assert_int_equal(order.calls, 3);
    assert_int_equal(order.seen_apply, 8);
    assert_string_equal(get(o, "text"), "x");
}

/* --- CONFIG GET --- */

static void collect(void *arg, const char *name, struct slice value)
{
    buf_appendf(arg, "%s=%.*s ", name, (int)value.len, value.ptr);
}

static const char *listed(struct owner *o, int count, const char *const *patterns)
{
    static char answer[4096];
    struct slice slices[PAIRS_MAX];
    for (int i = 0; i < count; i++) slices[i] = slice_cstr(patterns[i]);
    struct buf out = BUF_INIT;
    config_get(o->config, slices, count, collect, &out);
    snprintf(answer, sizeof(answer), "%s", buf_cstr(&out));
    buf_deinit(&out);
    return answer;
}

#define GET(o, n, ...) listed(o, n, (const char *const[]){__VA_ARGS__})

static void get_takes_names_and_patterns(void **state)
{
    struct owner *o = *state;
    assert_string_equal(GET(o, 1, "nothing"), "");
    assert_string_equal(GET(o, 1, "NUMBER"), "NUMBER=5 ");
    assert_string_equal(GET(o, 1, "*num*"), "number=5 old-number=5 ");
    assert_string_equal(GET(o, 1, "[F]l?g"), "flag=no ");
    assert_string_equal(GET(o, 4, "flag", "fl*", "FLAG", "text"), "flag=no text=abc ");
    assert_string_equal(GET(o, 1, "unl*"), "");
    assert_string_equal(GET(o, 2, "unl*", "unlisted"), "unlisted=1 ");
    const char *all = GET(o, 1, "*");
    assert_null(strstr(all, "unlisted"));
    assert_non_null(strstr(all, "old-number=5"));
    assert_true(config_item_sensitive(o->config, SLICE("Text")));
    assert_false(config_item_sensitive(o->config, SLICE("flag")));
    assert_false(config_item_sensitive(o->config, SLICE("nothing")));
}

/* Random pairs against a model: an array of what each setting holds. */
static void random_sets_match_a_model(void **state)
{
    struct owner *o = *state;
    static const char *const names[] = {"flag", "number", "even", "size"};
    static const char *const values[] = {"yes", "no", "5", "6", "11", "200", "x", "1kb", "-3"};
    static const bool fits[4][9] = {{true, true, 0, 0, 0, 0, 0, 0, 0},
                                    {0, 0, true, true, true, 0, 0, 0, true},
                                    {0, 0, 0, true, 0, 0, 0, 0, 0},
                                    {0, 0, 0, 0, true, true, 0, true, 0}};
    static const char *const shown[] = {"yes", "no", "5", "6", "11", "200", "x", "1024", "-3"};
    const char *model[4] = {"no", "5", "2", "1024"};
    struct prng rng;
    prng_init(&rng, 11);
    for (int round = 0; round < 5000; round++) {
        const char *words[2 * 4 + 1] = {NULL}, *next[4];
        memcpy(next, model, sizeof(next));
        int n = 0;
        bool ok = true;
        for (int i = 0; i < 4; i++) {
            if (prng_below(&rng, 2) == 0) continue;
            size_t v = prng_below(&rng, 9);
            words[2 * n] = names[i];
            words[2 * n++ + 1] = values[v];
            ok &= fits[i][v];
            next[i] = shown[v];
        }
        words[2 * n] = NULL;
        assert_true((set(o, false, false, words)[0] == '\0') == ok);
        if (ok) memcpy(model, next, sizeof(next));
        for (int i = 0; i < 4; i++) assert_string_equal(get(o, names[i]), model[i]);
    }
}

int main(void)
{
#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(defaults_are_set_and_nothing_is_called),
        TEST(values_are_read_as_redis_reads_them),
        TEST(texts_may_hold_any_byte),
        TEST(refusals_come_before_any_change),
        TEST(one_wrong_value_rolls_all_back),
        TEST(a_failed_apply_rolls_back_and_applies_the_old_value),
        TEST(apply_runs_on_change_only_unless_volatile),
        TEST(hooks_run_once_and_may_veto),
        TEST(hooks_run_behind_all_applies),
        TEST(get_takes_names_and_patterns),
        TEST(random_sets_match_a_model),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
