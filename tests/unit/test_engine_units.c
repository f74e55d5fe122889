/* Units, the log of effects and its readers; engines side by side; memory limit; pauses. What each command writes into
 * the log is in test_cmd_effects.c. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "engine_fixture.h"

#include "base/compiler.h"
#include "base/mem.h"
#include "cmd/cmd_feature.h"
#include "engine/command_meta.h"
#include "engine/ctx.h"
#include "engine/feature.h"
#include "observe/observe_feature.h"
#include "value/string.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- commands that say their effects in every way --- */

static void touch(struct ctx *ctx)
{
    key_changed(ctx, arg(ctx, 1), EV_GENERIC, "touched");
    reply_ok(ctx->reply);
}

static void cmd_tsame(struct ctx *ctx) /* as it came */
{
    touch(ctx);
}

static void cmd_tmany(struct ctx *ctx) /* several words in its place, one of them in another database */
{
    char text[] = "volatile";
    effect_words(ctx, SLICE("ONE"), arg(ctx, 1));
    effect_words(ctx, SLICE("TWO"), slice_cstr(text));
    effect_as_in(ctx, 5, 1, (struct slice[]){SLICE("THREE")});
    memset(text, 'x', sizeof(text) - 1); /* the log has its own copy */
    touch(ctx);
}

static void cmd_tnone(struct ctx *ctx) /* changed, and not logged */
{
    effect_none(ctx);
    touch(ctx);
}

static void cmd_tverbatim(struct ctx *ctx) /* logged, though no key changed */
{
    effect_verbatim(ctx);
    reply_ok(ctx->reply);
}

static void cmd_tfail(struct ctx *ctx) /* nothing changed */
{
    reply_status(ctx->reply, ST_SYNTAX);
}

static const struct command test_commands[] = {
    {COMMAND(GROUP_GENERIC, "tsame", cmd_tsame, -2, CMD_WRITE, 0), ONE_KEY(KEY_RW)},
    {COMMAND(GROUP_GENERIC, "tmany", cmd_tmany, -2, CMD_WRITE, 0), ONE_KEY(KEY_RW)},
    {COMMAND(GROUP_GENERIC, "tnone", cmd_tnone, -2, CMD_WRITE, 0), ONE_KEY(KEY_RW)},
    {COMMAND(GROUP_GENERIC, "tverbatim", cmd_tverbatim, -1, CMD_WRITE, 0)},
    {COMMAND(GROUP_GENERIC, "tfail", cmd_tfail, -1, CMD_WRITE, 0)},
    {.name = NULL},
};
static const struct command *const test_tables[] = {test_commands, NULL};
static const struct feature test_feature = {.name = "test", .tables = test_tables};
static const struct feature *const features[] = {&cmd_feature, &observe_feature, &test_feature};

static int setup(void **state)
{
    static struct fixture fx;
    fixture_init(&fx, features, ARRAY_LEN(features));
    *state = &fx;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fx = *state;
    store_check(engine_store(fx->engine));
    fixture_deinit(fx);
    return 0;
}

#define RUN(line, text) assert_string_equal(fixture_run(fx, line), text)
#define RUN_AS(c, line, text) assert_string_equal(fixture_run_as(fx, c, line), text)
#define LOGGED(text) assert_string_equal(fixture_log(fx), text)

/* --- effects --- */

static void test_kinds_of_effects(void **state)
{
    struct fixture *fx = *state;
    RUN("tsame k a b", "OK");
    LOGGED("SELECT 0; tsame k a b");
    RUN("tmany k", "OK");
    LOGGED("MULTI; ONE k; TWO volatile; SELECT 5; THREE; EXEC");
    RUN("tnone k", "OK");
    RUN("tfail", "(error) ERR syntax error");
    LOGGED("");
    RUN("tverbatim", "OK");
    LOGGED("SELECT 0; tverbatim");
    RUN("multi", "OK");
    RUN("tnone k", "QUEUED");
    RUN("tmany k", "QUEUED");
    RUN("tfail", "QUEUED");
    RUN("tsame k", "QUEUED");
    RUN("exec", "[OK, OK, (error) ERR syntax error, OK]");
    LOGGED("MULTI; ONE k; TWO volatile; SELECT 5; THREE; SELECT 0; tsame k; EXEC");
    RUN("multi", "OK");
    RUN("tnone k", "QUEUED");
    RUN("exec", "[OK]");
    LOGGED("");
}

struct reader {
    struct effect_sink sink;
    struct buf wire;
    uint64_t next; /* offset of what is to come */
    int batches, effects;
};

static void reader_commit(void *arg, const struct effect_batch *batch)
{
    struct reader *r = arg;
    if (r->batches > 0) assert_int_equal(batch->offset, r->next);
    r->next = batch->offset + batch->wire.len;
    r->batches++;
    r->effects += batch->count;
    for (int i = 0; i < batch->count; i++) assert_true(batch->effects[i].argc > 0);
    buf_append_slice(&r->wire, batch->wire);
}

static void test_readers_and_offsets(void **state)
{
    struct fixture *fx = *state;
    struct reader late = {.wire = BUF_INIT};
    late.sink = (struct effect_sink){.name = "late", .arg = &late, .commit = reader_commit};
    assert_int_equal(engine_log_offset(fx->engine), 0);
    RUN("set a 1", "OK");
    uint64_t offset = engine_log_offset(fx->engine);
    assert_int_equal(offset, fx->wire.len);
    LOGGED("SELECT 0; set a 1");
    engine_sink_add(fx->engine, &late.sink);
    RUN("set a 2", "OK");
    RUN("set a 3", "OK");
    LOGGED("SELECT 0; set a 2; set a 3"); /* one log for all: the newcomer has to be told the database */
    const char *seen = "*2\r\n$6\r\nSELECT\r\n$1\r\n0\r\n*3\r\n$3\r\nset\r\n$1\r\na\r\n$1\r\n2\r\n"
                       "*3\r\n$3\r\nset\r\n$1\r\na\r\n$1\r\n3\r\n";
    assert_string_equal(buf_cstr(&late.wire), seen);
    assert_int_equal(late.next, offset + strlen(seen));
    assert_int_equal(late.next, engine_log_offset(fx->engine));
    assert_int_equal(late.batches, 2);
    RUN("multi", "OK");
    RUN("set a 4", "QUEUED");
    RUN("del a", "QUEUED");
    RUN("exec", "[OK, 1]");
    assert_int_equal(late.batches, 3);
    assert_int_equal(late.effects, 4);
    engine_sink_remove(fx->engine, &late.sink);
    RUN("set a 5", "OK");
    assert_int_equal(late.batches, 3);
    /* Without readers there is no log. */
    engine_sink_remove(fx->engine, &fx->sink);
    offset = engine_log_offset(fx->engine);
    RUN("set a 6", "OK");
    RUN("multi", "OK");
    RUN("set a 7", "QUEUED");
    RUN("tmany a", "QUEUED");
    RUN("exec", "[OK, OK]");
    assert_int_equal(engine_log_offset(fx->engine), offset);
    engine_sink_add(fx->engine, &fx->sink);
    fixture_log(fx);
    RUN("set a 8", "OK");
    LOGGED("SELECT 0; set a 8");
    buf_deinit(&late.wire);
}

static void test_large_effects(void **state)
{
    struct fixture *fx = *state;
    size_t len = 3 * 1024 * 1024;
    char *value = malloc(len);
    memset(value, 'v', len);
    for (int i = 0; i < 3; i++) {
        struct slice argv[] = {SLICE("set"), SLICE("k"), slice_of(value, len)};
        assert_string_equal(fixture_run_argv(fx, &fx->client, 3, argv), "OK");
        assert_true(fx->wire.len > len && fx->wire.len < len + 100);
        buf_clear(&fx->wire);
    }
    free(value);
}

/* A key found expired is deleted in front of the command that found it, also when several are, in several databases. */
static void test_expired_keys_come_first(void **state)
{
    struct fixture *fx = *state;
    RUN("set a 1 px 5", "OK");
    RUN("set b 1 px 5", "OK");
    fixture_sleep_ms(fx, 10);
    fixture_log(fx);
    RUN("mset b 2 a 2", "OK");
    const char *log = fixture_log(fx);
    if (strcmp(log, "MULTI; DEL b; DEL a; mset b 2 a 2; EXEC") != 0)
        assert_string_equal(log, "MULTI; DEL a; DEL b; mset b 2 a 2; EXEC");
    RUN("set a 1 px 5", "OK");
    fixture_sleep_ms(fx, 10);
    fixture_log(fx);
    RUN("multi", "OK");
    RUN("set b 1", "QUEUED");
    RUN("incr a", "QUEUED");
    RUN("exec", "[OK, 1]");
    LOGGED("MULTI; set b 1; DEL a; incr a; EXEC");
}

static void test_two_engines(void **state)
{
    (void)state;
    struct fixture *fx = malloc(2 * sizeof(*fx));
    for (int i = 0; i < 2; i++) fixture_init(&fx[i], features, ARRAY_LEN(features));
    fixture_config(&fx[1], "maxmemory-policy", "allkeys-lfu");
    for (int round = 0; round < 200; round++) {
        char line[64], text[64];
        for (int i = 0; i < 2; i++) {
            snprintf(line, sizeof(line), "set key:%d %d px 1000", round, i);
            assert_string_equal(fixture_run(&fx[i], line), "OK");
        }
        fixture_sleep_ms(&fx[1], 20); /* time goes on in one of them only */
        engine_tick(fx[0].engine, 1000);
        engine_tick(fx[1].engine, 1000);
        for (int i = 0; i < 2; i++) {
            snprintf(line, sizeof(line), "get key:%d", round);
            snprintf(text, sizeof(text), "\"%d\"", i);
            assert_string_equal(fixture_run(&fx[i], line), text);
        }
        if (round == 50) {
            assert_string_equal(fixture_run(&fx[0], "multi"), "OK");
            assert_string_equal(fixture_run(&fx[1], "incr key:0"), "1"); /* it had expired there */
            assert_string_equal(fixture_run(&fx[0], "incr key:0"), "QUEUED");
            assert_string_equal(fixture_run(&fx[0], "exec"), "[1]");
        }
    }
    assert_string_equal(fixture_run(&fx[0], "dbsize"), "200");
    assert_true(atoi(fixture_run(&fx[1], "dbsize")) < 60);
    assert_string_equal(fixture_run(&fx[0], "config get maxmemory-policy"), "[\"maxmemory-policy\", \"noeviction\"]");
    for (int i = 0; i < 2; i++) {
        store_check(engine_store(fx[i].engine));
        fixture_deinit(&fx[i]);
    }
    free(fx);
}

/* --- the memory limit --- */

enum { KEYS = 2000, VALUE = 1000 };

static void fill(struct fixture *fx, const char *options)
{
    static char line[VALUE + 64];
    for (int i = 0; i < KEYS; i++) {
        int n = snprintf(line, sizeof(line), "set key:%d ", i);
        memset(line + n, 'v', VALUE);
        line[n + VALUE] = '\0';
        if (options != NULL) snprintf(line + n + VALUE, 32, " %s %d", options, 1000 + i);
        RUN(line, "OK");
    }
    buf_deinit(&fx->wire);
}

/* Sets a limit so much below what is used, and then the policy: the commands to come have to do the work. */
static size_t limit_set(struct fixture *fx, size_t below, const char *policy)
{
    char text[32];
    size_t limit = mem_used() - below;
    fixture_config(fx, "maxmemory-policy", "noeviction");
    snprintf(text, sizeof(text), "%zu", limit);
    fixture_config(fx, "maxmemory", text);
    fixture_config(fx, "maxmemory-policy", policy);
    return limit;
}

/* Commands that may grow run until they are let through. */
static int evicted_until_it_fits(struct fixture *fx, size_t limit)
{
    for (int i = 0; i < 1000 && mem_used() > limit; i++) {
        fixture_run(fx, "append x y");
        buf_deinit(&fx->wire);
    }
    assert_true(mem_used() <= limit + limit / 50);
    return (int)engine_stats(fx->engine)->evicted_keys;
}

static int keys_left(struct fixture *fx, int from, int to)
{
    int left = 0;
    for (int i = from; i < to; i++) {
        char line[32];
        snprintf(line, sizeof(line), "exists key:%d", i);
        left += atoi(fixture_run(fx, line));
    }
    return left;
}

static void test_noeviction(void **state)
{
    struct fixture *fx = *state;
    static const char oom[] = "(error) OOM command not allowed when used memory > 'maxmemory'.";
    RUN("set k 1", "OK");
    RUN("multi", "OK");
    RUN("get k", "QUEUED");
    limit_set(fx, 1000, "noeviction");
    RUN("set k 2", "(error) OOM command not allowed when used memory > 'maxmemory'.");
    RUN("exec", "(error) EXECABORT Transaction discarded because of previous errors.");
    RUN("get k", "\"1\"");
    RUN("del k", "1");
    RUN("set k 2", oom);
    fixture_config(fx, "maxmemory", "0");
    RUN("set k 1", "OK");
    RUN("multi", "OK");
    RUN("set k 3", "QUEUED");
    limit_set(fx, 1000, "noeviction");
    /* Memory was scarce only when it was to run. */
    assert_int_equal(strncmp(fixture_run(fx, "exec"), "(error) ", 8), 0);
    RUN("get k", "\"1\"");
    RUN("exec", "(error) ERR EXEC without MULTI");
    RUN("multi", "OK");
    RUN("get k", oom); /* a queue takes memory, too */
    RUN("discard", "OK");
    fixture_config(fx, "maxmemory", "0");
    RUN("multi", "OK");
    RUN("get k", "QUEUED");
    RUN("del k", "QUEUED");
    limit_set(fx, 1000, "noeviction");
    RUN("exec", "[\"1\", 1]"); /* nothing in it needs memory */
}

static void test_allkeys_lru(void **state)
{
    struct fixture *fx = *state;
    fixture_config(fx, "maxmemory-policy", "allkeys-lru");
    fixture_config(fx, "maxmemory-samples", "10");
    fill(fx, NULL);
    fixture_sleep_ms(fx, 100 * 1000);
    for (int i = 0; i < KEYS / 2; i++) {
        char line[32];
        snprintf(line, sizeof(line), "get key:%d", i);
        fixture_run(fx, line);
    }
    size_t limit = limit_set(fx, KEYS / 4 * VALUE, "allkeys-lru");
    int evicted = evicted_until_it_fits(fx, limit);
    assert_true(evicted >= KEYS / 5 && evicted < KEYS / 2);
    assert_true(keys_left(fx, 0, KEYS / 2) > KEYS / 2 - KEYS / 50); /* those that were in use stayed */
}

static void test_volatile_ttl(void **state)
{
    struct fixture *fx = *state;
    fixture_config(fx, "maxmemory-policy", "volatile-ttl");
    fixture_config(fx, "maxmemory-samples", "10");
    fill(fx, "ex");
    size_t limit = limit_set(fx, KEYS / 4 * VALUE, "volatile-ttl");
    int evicted = evicted_until_it_fits(fx, limit);
    assert_true(evicted >= KEYS / 5 && evicted < KEYS / 2);
    assert_true(keys_left(fx, KEYS / 2, KEYS) > KEYS / 2 - KEYS / 50);
}

/* Who has nothing that may go is told so, however little is missing. */
static void test_volatile_policy_without_volatile_keys(void **state)
{
    struct fixture *fx = *state;
    fixture_config(fx, "maxmemory-policy", "volatile-lru");
    fill(fx, NULL);
    limit_set(fx, 100, "volatile-lru");
    RUN("set k 1", "(error) OOM command not allowed when used memory > 'maxmemory'.");
    assert_int_equal(engine_stats(fx->engine)->evicted_keys, 0);
    RUN("dbsize", "2000");
}

/* A few keys that may go among many that may not are found. */
static void test_few_volatile_keys(void **state)
{
    struct fixture *fx = *state;
    fixture_config(fx, "maxmemory-policy", "volatile-random");
    fill(fx, NULL);
    for (int i = 0; i < 8 * KEYS; i++) {
        char line[32];
        snprintf(line, sizeof(line), "set small:%d v", i);
        fixture_run(fx, line);
    }
    buf_deinit(&fx->wire);
    RUN("expire key:77 1000", "1");
    RUN("expire key:1234 1000", "1");
    fixture_log(fx);
    limit_set(fx, 500, "volatile-random");
    RUN("set k 1", "OK");
    assert_int_equal(engine_stats(fx->engine)->evicted_keys, 1);
    limit_set(fx, 500, "volatile-random");
    RUN("set k 2", "OK");
    assert_int_equal(engine_stats(fx->engine)->evicted_keys, 2);
    RUN("exists key:77 key:1234", "0");
    limit_set(fx, 500, "volatile-random");
    RUN("set k 3", "(error) OOM command not allowed when used memory > 'maxmemory'.");
}

static void test_eviction_and_transaction(void **state)
{
    struct fixture *fx = *state;
    fixture_config(fx, "maxmemory-policy", "allkeys-random");
    fill(fx, NULL);
    RUN("multi", "OK");
    RUN("set a 1", "QUEUED");
    RUN("set b 1", "QUEUED");
    fixture_log(fx);
    limit_set(fx, 100, "allkeys-random");
    RUN("exec", "[OK, OK]");
    const char *log = fixture_log(fx);
    const char *deletion = strstr(log, "DEL key:"), *change = strstr(log, "set a 1; set b 1; EXEC");
    assert_true(deletion != NULL && change != NULL && deletion < change);
}

/* --- pauses --- */

static void test_pause(void **state)
{
    struct fixture *fx = *state;
    struct fixture_client a, b;
    fixture_client_open(fx, &a);
    fixture_client_open(fx, &b);
    RUN_AS(&a, "multi", "OK");
    RUN_AS(&a, "set k a", "QUEUED");
    RUN_AS(&b, "multi", "OK");
    RUN_AS(&b, "get k", "QUEUED");
    RUN("client pause 100 write", "OK");
    RUN_AS(&b, "exec", "[nil]");
    RUN_AS(&a, "exec", "(postponed)");
    assert_true(session_blocked(a.session));
    assert_true(session_in_multi(a.session));
    LOGGED("");
    fixture_sleep_ms(fx, 99);
    assert_int_equal(engine_tick(fx->engine, 1000), engine_mono_us(fx->engine) + 1000);
    assert_true(session_blocked(a.session));
    fixture_sleep_ms(fx, 1);
    engine_tick(fx->engine, 1000);
    assert_false(session_blocked(a.session));
    RUN_AS(&a, "exec", "[OK]");
    LOGGED("SELECT 0; set k a");
    /* A skipped reply stays skipped when its command had to wait. */
    RUN("client pause 1000 all", "OK");
    RUN_AS(&b, "ping", "(postponed)");
    engine_unpause(fx->engine);
    RUN_AS(&b, "client reply skip", "");
    engine_pause(fx->engine, fx->now_ms + 50, false);
    RUN_AS(&b, "set k b", "(postponed)");
    RUN_AS(&b, "set k b", "(postponed)");
    /* A later pause makes the time longer, never shorter. */
    engine_pause(fx->engine, fx->now_ms + 80, false);
    engine_pause(fx->engine, fx->now_ms + 10, false);
    fixture_sleep_ms(fx, 79);
    engine_tick(fx->engine, 1000);
    assert_true(session_blocked(b.session));
    fixture_sleep_ms(fx, 1);
    engine_tick(fx->engine, 1000);
    RUN_AS(&b, "set k b", "");
    RUN_AS(&b, "get k", "\"b\"");
    /* Closed while it waits. */
    engine_pause(fx->engine, fx->now_ms + 50, true);
    RUN_AS(&a, "ping", "(postponed)");
    fixture_client_close(&a);
    engine_unpause(fx->engine);
    RUN_AS(&b, "ping", "PONG");
    fixture_client_close(&b);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_kinds_of_effects),
        TEST(test_readers_and_offsets),
        TEST(test_large_effects),
        TEST(test_expired_keys_come_first),
        cmocka_unit_test(test_two_engines),
        TEST(test_noeviction),
        TEST(test_allkeys_lru),
        TEST(test_volatile_ttl),
        TEST(test_volatile_policy_without_volatile_keys),
        TEST(test_few_volatile_keys),
        TEST(test_eviction_and_transaction),
        TEST(test_pause),
    };
    mem_thread_init(); /* memory is counted by thread */
    return cmocka_run_group_tests(tests, NULL, NULL);
}
