/* Commands that wait for keys. The commands of this test live on string records: TPOP takes a whole value, TMOVE hands
 * it on to another key, TSEE waits for any change, deletion included. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "engine_fixture.h"

#include "base/compiler.h"
#include "base/prng.h"
#include "cmd/cmd_feature.h"
#include "engine/blocking.h"
#include "engine/command_meta.h"
#include "engine/feature.h"
#include "observe/observe_feature.h"
#include "value/string.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { KEYS_MAX = 16 };

/* --- the commands --- */

static void reply_timed_out(struct ctx *ctx)
{
    reply_null_array(ctx->reply);
}

/* False: there is none. */
static bool value_take(struct ctx *ctx, struct store_key key)
{
    char scratch[STRING_SCRATCH];
    struct record *r = ctx_find(ctx, key, FOR_WRITE);
    if (r == NULL) return false;
    reply_array(ctx->reply, 2);
    reply_bulk(ctx->reply, key.name);
    reply_bulk(ctx->reply, string_view(r, scratch));
    ctx_delete(ctx, key, false);
    key_changed(ctx, key.name, EV_LIST, "tpop");
    effect_words(ctx, SLICE("TAKE"), key.name);
    return true;
}

static const struct blocking_kind take_kind = {.serve = value_take, .timed_out = reply_timed_out};

static void wait_for_keys(struct ctx *ctx, const struct blocking_kind *kind, int first, int last)
{
    int keys[KEYS_MAX], count = 0;
    int64_t timeout_ms;
    assert_int_equal(arg_i64(ctx, ctx->argc - 1, &timeout_ms), ST_OK);
    for (int i = first; i <= last; i++) keys[count++] = i;
    if (!ctx_may_block(ctx)) {
        reply_timed_out(ctx);
        return;
    }
    ctx_block(ctx, kind, keys, count, (uint64_t)timeout_ms);
}

static void cmd_tpop(struct ctx *ctx)
{
    for (int i = 1; i < ctx->argc - 1; i++)
        if (value_take(ctx, ctx_key(ctx, i))) return;
    wait_for_keys(ctx, &take_kind, 1, ctx->argc - 2);
}

/* TMOVE from to timeout */
static bool value_move(struct ctx *ctx, struct store_key key)
{
    char scratch[STRING_SCRATCH];
    struct store_key to = ctx_key(ctx, 2);
    struct record *r = ctx_find(ctx, key, FOR_WRITE);
    if (r == NULL) return false;
    ctx_delete(ctx, to, false);
    ctx_insert(ctx, to, string_new(to.name, string_view(r, scratch)));
    ctx_delete(ctx, key, false);
    key_changed(ctx, key.name, EV_LIST, "tpop");
    key_changed(ctx, to.name, EV_LIST, "tpush");
    reply_ok(ctx->reply);
    return true;
}

static const struct blocking_kind move_kind = {.serve = value_move, .timed_out = reply_timed_out};

static void cmd_tmove(struct ctx *ctx)
{
    if (!value_move(ctx, ctx_key(ctx, 1))) wait_for_keys(ctx, &move_kind, 1, 1);
}

/* TSEE key timeout: never there at once. */
static bool change_see(struct ctx *ctx, struct store_key key)
{
    struct record *r = ctx_find(ctx, key, FOR_PEEK);
    reply_simple(ctx->reply, r == NULL ? SLICE("gone") : SLICE("there"));
    return true;
}

static const struct blocking_kind see_kind = {.serve = change_see,
                                              .timed_out = reply_timed_out,
                                              .wakes_on_delete = true};

static void cmd_tsee(struct ctx *ctx)
{
    wait_for_keys(ctx, &see_kind, 1, 1);
}

static const struct command test_commands[] = {
    {COMMAND(GROUP_LIST, "tpop", cmd_tpop, -3, CMD_WRITE | CMD_BLOCKING, ACL_LIST), KEY_POSITIONS(1, -2, 1)},
    {COMMAND(GROUP_LIST, "tmove", cmd_tmove, 4, CMD_WRITE | CMD_BLOCKING, ACL_LIST), KEY_POSITIONS(1, 2, 1)},
    {COMMAND(GROUP_LIST, "tsee", cmd_tsee, 3, CMD_BLOCKING, ACL_LIST), KEY_POSITIONS(1, 1, 1)},
    {.name = NULL},
};
static const struct command *const test_tables[] = {test_commands, NULL};
static const struct feature test_feature = {.name = "test", .tables = test_tables};
static const struct feature *const features[] = {&cmd_feature, &observe_feature, &test_feature};

/* --- the tests --- */

struct world {
    struct fixture fx;
    struct fixture_client c[4];
};

static int setup(void **state)
{
    static struct world w;
    fixture_init(&w.fx, features, ARRAY_LEN(features));
    for (size_t i = 0; i < ARRAY_LEN(w.c); i++) fixture_client_open(&w.fx, &w.c[i]);
    *state = &w;
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;
    for (size_t i = 0; i < ARRAY_LEN(w->c); i++)
        if (w->c[i].session != NULL) fixture_client_close(&w->c[i]);
    assert_int_equal(engine_blocked_sessions(w->fx.engine), 0);
    assert_int_equal(engine_blocking_keys(w->fx.engine), 0);
    store_check(engine_store(w->fx.engine));
    fixture_deinit(&w->fx);
    return 0;
}

#define RUN(line, text) assert_string_equal(fixture_run(&w->fx, line), text)
#define RUN_AS(i, line, text) assert_string_equal(fixture_run_as(&w->fx, &w->c[i], line), text)
#define GOT(i, text) assert_string_equal(fixture_replies(&w->fx, &w->c[i]), text)
#define LOGGED(text) assert_string_equal(fixture_log(&w->fx), text)
#define WAITING(n) assert_int_equal(engine_blocked_sessions(w->fx.engine), n)

static void test_present_key_does_not_block(void **state)
{
    struct world *w = *state;
    RUN("set k v", "OK");
    RUN_AS(0, "tpop k 0", "[\"k\", \"v\"]");
    LOGGED("SELECT 0; set k v; TAKE k");
    WAITING(0);
}

static void test_first_come_first_served(void **state)
{
    struct world *w = *state;
    for (int i = 0; i < 4; i++) RUN_AS(i, "tpop k 0", "(blocked)");
    WAITING(4);
    assert_int_equal(engine_blocking_keys(w->fx.engine), 1);
    assert_true(session_blocked(w->c[2].session));
    for (int i = 0; i < 4; i++) {
        char line[32], reply[32], log[64];
        snprintf(line, sizeof(line), "set k v%d", i);
        snprintf(reply, sizeof(reply), "[\"k\", \"v%d\"]", i);
        snprintf(log, sizeof(log), "%sset k v%d; TAKE k", i == 0 ? "SELECT 0; " : "", i);
        RUN(line, "OK");
        for (int k = 0; k < 4; k++) GOT(k, k == i ? reply : "");
        LOGGED(log); /* who feeds comes first, and they are no transaction */
        WAITING(3 - i);
        assert_false(session_blocked(w->c[i].session));
    }
    RUN("exists k", "0");
    RUN("set k left", "OK");
    RUN("get k", "\"left\"");
}

static void test_served_after_exec(void **state)
{
    struct world *w = *state;
    RUN_AS(0, "tpop k 0", "(blocked)");
    RUN("multi", "OK");
    RUN("set k a", "QUEUED");
    RUN("append k b", "QUEUED");
    RUN("set other 1", "QUEUED");
    GOT(0, "");
    RUN("exec", "[OK, 2, OK]");
    GOT(0, "[\"k\", \"ab\"]");
    LOGGED("SELECT 0; MULTI; set k a; append k b; set other 1; EXEC; TAKE k");
}

static void test_exec_that_takes_it_back(void **state)
{
    struct world *w = *state;
    RUN_AS(0, "tpop k 0", "(blocked)");
    RUN("multi", "OK");
    RUN("set k a", "QUEUED");
    RUN("del k", "QUEUED");
    RUN("exec", "[OK, 1]");
    GOT(0, "");
    WAITING(1);
    RUN("set k b", "OK");
    GOT(0, "[\"k\", \"b\"]");
}

static void test_no_blocking_in_multi(void **state)
{
    struct world *w = *state;
    RUN_AS(0, "multi", "OK");
    RUN_AS(0, "tpop k 0", "QUEUED");
    RUN_AS(0, "tpop k l 100", "QUEUED");
    RUN_AS(0, "exec", "[nil, nil]");
    WAITING(0);
    LOGGED("");
}

static void test_several_keys(void **state)
{
    struct world *w = *state;
    RUN_AS(0, "tpop a b c 0", "(blocked)");
    RUN_AS(1, "tpop c b b c b 0", "(blocked)");
    RUN_AS(2, "tpop b 0", "(blocked)");
    assert_int_equal(engine_blocking_keys(w->fx.engine), 3);
    /* Both become ready in one unit: who became ready first counts, not the order of the arguments. */
    RUN("multi", "OK");
    RUN("set c 1", "QUEUED");
    RUN("set a 2", "QUEUED");
    RUN("exec", "[OK, OK]");
    GOT(0, "[\"c\", \"1\"]");
    GOT(1, "");
    RUN("get a", "\"2\"");
    assert_int_equal(engine_blocking_keys(w->fx.engine), 2);
    RUN("set b 3", "OK");
    GOT(1, "[\"b\", \"3\"]");
    GOT(2, "");
    RUN("set b 4", "OK");
    GOT(2, "[\"b\", \"4\"]");
    WAITING(0);
}

static void test_mset_serves_many(void **state)
{
    struct world *w = *state;
    RUN_AS(0, "tpop a 0", "(blocked)");
    RUN_AS(1, "tpop b 0", "(blocked)");
    RUN_AS(2, "tpop a b 0", "(blocked)");
    RUN("mset b 1 a 2 c 3", "OK");
    GOT(1, "[\"b\", \"1\"]");
    GOT(0, "[\"a\", \"2\"]");
    GOT(2, "");
    LOGGED("SELECT 0; mset b 1 a 2 c 3; TAKE b; TAKE a");
}

static void test_databases(void **state)
{
    struct world *w = *state;
    RUN_AS(0, "select 3", "OK");
    RUN_AS(0, "tpop k 0", "(blocked)");
    RUN("set k zero", "OK");
    GOT(0, "");
    RUN("move k 3", "1");
    GOT(0, "[\"k\", \"zero\"]");
    LOGGED("SELECT 0; set k zero; move k 3; SELECT 3; TAKE k");
    RUN_AS(0, "tpop k 0", "(blocked)");
    RUN("set other v", "OK");
    RUN("rename other k", "OK");
    GOT(0, "");
    RUN("copy k k db 3", "1");
    GOT(0, "[\"k\", \"v\"]");
}

static void test_expired_is_not_served(void **state)
{
    struct world *w = *state;
    RUN_AS(0, "tpop k 0", "(blocked)");
    /* A key that is born dead wakes nobody. */
    RUN("set k v pxat 1", "OK");
    GOT(0, "");
    WAITING(1);
    RUN("exists k", "0");
    RUN("set k v", "OK");
    GOT(0, "[\"k\", \"v\"]");
}

static void test_timeout_to_the_millisecond(void **state)
{
    struct world *w = *state;
    struct engine *e = w->fx.engine;
    RUN_AS(0, "tpop k 50", "(blocked)");
    RUN_AS(1, "tpop k 20", "(blocked)");
    RUN_AS(2, "tpop k l 2000", "(blocked)");
    RUN_AS(3, "tpop k 0", "(blocked)");
    assert_int_equal(engine_tick(e, 1000), engine_mono_us(e) + 20000);
    fixture_sleep_ms(&w->fx, 19);
    assert_int_equal(engine_tick(e, 1000), engine_mono_us(e) + 1000);
    GOT(1, "");
    fixture_sleep_ms(&w->fx, 1);
    assert_int_equal(engine_tick(e, 1000), engine_mono_us(e) + 30000);
    GOT(1, "nil");
    GOT(0, "");
    fixture_sleep_ms(&w->fx, 30);
    assert_int_equal(engine_tick(e, 1000), engine_mono_us(e) + 100000); /* not later than that */
    GOT(0, "nil");
    WAITING(2);
    fixture_sleep_ms(&w->fx, 1949);
    engine_tick(e, 1000);
    GOT(2, "");
    fixture_sleep_ms(&w->fx, 1);
    engine_tick(e, 1000);
    GOT(2, "nil");
    assert_int_equal(engine_blocking_keys(e), 1);
    fixture_sleep_ms(&w->fx, 1000000);
    engine_tick(e, 1000);
    GOT(3, "");
    RUN("set k v", "OK");
    GOT(3, "[\"k\", \"v\"]");
    /* Whoever was served in time is not told again. */
    RUN_AS(0, "tpop k 10", "(blocked)");
    RUN("set k w", "OK");
    GOT(0, "[\"k\", \"w\"]");
    fixture_sleep_ms(&w->fx, 20);
    engine_tick(e, 1000);
    GOT(0, "");
}

/* Who sleeps until the time that engine_tick said must hear of a wait that ends before. */
static void test_timeout_moves_the_next_tick(void **state)
{
    struct world *w = *state;
    struct engine *e = w->fx.engine;
    assert_int_equal(engine_tick(e, 1000), engine_mono_us(e) + 100000);
    RUN_AS(0, "tpop k 200", "(blocked)");
    RUN_AS(1, "tpop k 0", "(blocked)");
    assert_int_equal(engine_tick_due_us(e), engine_mono_us(e) + 100000);
    fixture_sleep_ms(&w->fx, 10);
    RUN_AS(2, "tpop k 7", "(blocked)");
    assert_int_equal(engine_tick_due_us(e), engine_mono_us(e) + 7000);
    RUN_AS(3, "tpop k 9", "(blocked)");
    assert_int_equal(engine_tick_due_us(e), engine_mono_us(e) + 7000);
    RUN("client pause 5 write", "OK");
    assert_int_equal(engine_tick_due_us(e), engine_mono_us(e) + 5000);
    fixture_sleep_ms(&w->fx, 5);
    assert_int_equal(engine_tick(e, 1000), engine_mono_us(e) + 2000);
    assert_int_equal(engine_tick_due_us(e), engine_mono_us(e) + 2000);
}

static void test_unblock(void **state)
{
    struct world *w = *state;
    RUN_AS(0, "tpop k l 0", "(blocked)");
    RUN_AS(1, "tpop k 100", "(blocked)");
    assert_false(session_unblock(w->c[2].session, UNBLOCK_ERROR));
    assert_true(session_unblock(w->c[0].session, UNBLOCK_TIMEOUT));
    assert_true(session_unblock(w->c[1].session, UNBLOCK_ERROR));
    assert_false(session_unblock(w->c[1].session, UNBLOCK_ERROR));
    GOT(0, "nil");
    GOT(1, "(error) UNBLOCKED client unblocked via CLIENT UNBLOCK");
    WAITING(0);
    RUN("set k v", "OK");
    RUN("exists k", "1");
    RUN_AS(0, "get k", "\"v\"");
}

static void test_client_unblock(void **state)
{
    struct world *w = *state;
    char line[64];
    RUN_AS(0, "tpop k 0", "(blocked)");
    snprintf(line, sizeof(line), "client unblock %d error", (int)session_id(w->c[0].session));
    RUN(line, "1");
    GOT(0, "(error) UNBLOCKED client unblocked via CLIENT UNBLOCK");
    RUN(line, "0");
    RUN_AS(0, "tpop k 0", "(blocked)");
    snprintf(line, sizeof(line), "client unblock %d", (int)session_id(w->c[0].session));
    RUN(line, "1");
    GOT(0, "nil");
    LOGGED("");
}

static void test_close_while_blocked(void **state)
{
    struct world *w = *state;
    RUN_AS(0, "tpop k l 500", "(blocked)");
    RUN_AS(1, "tpop k 0", "(blocked)");
    fixture_client_close(&w->c[0]);
    w->c[0].session = NULL;
    WAITING(1);
    assert_int_equal(engine_blocking_keys(w->fx.engine), 1);
    fixture_sleep_ms(&w->fx, 1000);
    engine_tick(w->fx.engine, 1000);
    RUN("set k v", "OK");
    GOT(1, "[\"k\", \"v\"]");
    /* The last one to wait for a key that is waited for and gone. */
    RUN_AS(1, "tpop k 0", "(blocked)");
    fixture_client_close(&w->c[1]);
    w->c[1].session = NULL;
    assert_int_equal(engine_blocking_keys(w->fx.engine), 0);
    RUN("set k v", "OK");
}

static void test_killed_is_not_served(void **state)
{
    struct world *w = *state;
    char line[64];
    RUN_AS(0, "tpop k 10", "(blocked)");
    RUN_AS(1, "tpop k 0", "(blocked)");
    snprintf(line, sizeof(line), "client kill id %d", (int)session_id(w->c[0].session));
    RUN(line, "1");
    /* It is freed at the end of the turn; nobody would read what it is given until then. */
    RUN("set k v", "OK");
    GOT(0, "");
    GOT(1, "[\"k\", \"v\"]");
    RUN_AS(1, "tpop k 0", "(blocked)");
    snprintf(line, sizeof(line), "client kill id %d", (int)session_id(w->c[1].session));
    RUN(line, "1");
    RUN("set k w", "OK");
    RUN("get k", "\"w\"");
    fixture_sleep_ms(&w->fx, 20);
    engine_tick(w->fx.engine, 1000);
    GOT(0, "");
}

static void test_deletions(void **state)
{
    struct world *w = *state;
    RUN("mset a 1 b 2 c 3 d 4", "OK");
    RUN_AS(0, "tsee a 0", "(blocked)");
    RUN("del a", "1");
    GOT(0, "gone");
    RUN_AS(0, "tsee a 0", "(blocked)");
    RUN("set a 1", "OK");
    GOT(0, "there");

    RUN_AS(0, "tsee a 0", "(blocked)");
    RUN_AS(1, "tpop x 0", "(blocked)");
    RUN("flushdb", "OK");
    GOT(0, "gone");
    GOT(1, "");
    fixture_log(&w->fx);

    RUN_AS(0, "tsee a 0", "(blocked)");
    RUN_AS(2, "select 2", "OK");
    RUN_AS(2, "set x two", "OK");
    RUN("swapdb 0 2", "OK");
    GOT(1, "[\"x\", \"two\"]");
    GOT(0, "gone");
    LOGGED("SELECT 2; set x two; SELECT 0; swapdb 0 2; TAKE x");

    RUN("set a 1 px 10", "OK");
    RUN_AS(0, "tsee a 0", "(blocked)");
    fixture_sleep_ms(&w->fx, 30);
    engine_tick(w->fx.engine, 1000);
    GOT(0, "gone");
}

static void test_chain(void **state)
{
    struct world *w = *state;
    RUN_AS(0, "tpop c 0", "(blocked)");
    RUN_AS(1, "tmove b c 0", "(blocked)");
    RUN_AS(2, "tmove a b 0", "(blocked)");
    RUN_AS(3, "tpop a b c 0", "(blocked)");
    RUN("set a v", "OK");
    GOT(2, "OK");
    GOT(1, "OK");
    GOT(0, "[\"c\", \"v\"]");
    GOT(3, "");
    LOGGED("SELECT 0; set a v; tmove a b 0; tmove b c 0; TAKE c");
    RUN("set c w", "OK");
    GOT(3, "[\"c\", \"w\"]");
}

static void test_ring_of_moves(void **state)
{
    struct world *w = *state;
    /* Two that move to each other's key: each is served once, then nobody waits. */
    RUN_AS(0, "tmove a b 0", "(blocked)");
    RUN_AS(1, "tmove b a 0", "(blocked)");
    RUN("set a v", "OK");
    GOT(0, "OK");
    GOT(1, "OK");
    RUN("get a", "\"v\"");
    RUN("exists b", "0");
}

static void test_reply_modes(void **state)
{
    struct world *w = *state;
    RUN_AS(0, "client reply skip", "");
    RUN_AS(0, "tpop k 0", "(blocked)");
    RUN_AS(1, "client reply off", "");
    RUN_AS(1, "tpop k 0", "(blocked)");
    RUN_AS(2, "client reply skip", "");
    RUN_AS(2, "tpop k 10", "(blocked)");
    RUN("set k v", "OK");
    GOT(0, ""); /* the skipped reply is that of the command, whenever it comes */
    RUN("set k w", "OK");
    GOT(1, "");
    fixture_sleep_ms(&w->fx, 20);
    engine_tick(w->fx.engine, 1000);
    GOT(2, "");
    RUN_AS(0, "ping", "PONG");
    RUN_AS(1, "ping", "");
    RUN_AS(2, "ping", "PONG");
}

/* Wakes are told once, when the session can go on. */
struct peer {
    struct session *session;
    int wakes;
    bool was_blocked;
};

static void peer_wake(void *arg)
{
    struct peer *p = arg;
    p->wakes++;
    p->was_blocked = session_blocked(p->session);
}

static void test_wakes(void **state)
{
    static const struct session_peer_ops ops = {.wake = peer_wake};
    struct world *w = *state;
    struct fixture_client c;
    struct peer p = {0};
    reply_init(&c.reply, NULL);
    c.session = p.session = session_open(w->fx.engine, &ops, &p, &c.reply, 0);
    assert_string_equal(fixture_run_as(&w->fx, &c, "tpop a b 0"), "(blocked)");
    assert_int_equal(p.wakes, 0);
    RUN("mset a 1 b 1", "OK");
    assert_int_equal(p.wakes, 1);
    assert_false(p.was_blocked);
    assert_string_equal(fixture_run_as(&w->fx, &c, "tpop a 5"), "[\"a\", \"1\"](blocked)");
    fixture_sleep_ms(&w->fx, 5);
    engine_tick(w->fx.engine, 1000);
    assert_int_equal(p.wakes, 2);
    assert_string_equal(fixture_run_as(&w->fx, &c, "tpop a 0"), "nil(blocked)");
    session_unblock(c.session, UNBLOCK_ERROR);
    assert_int_equal(p.wakes, 3);
    assert_string_equal(fixture_run_as(&w->fx, &c, "ping"),
                        "(error) UNBLOCKED client unblocked via CLIENT UNBLOCK AND PONG");
    fixture_client_close(&c);
}

/* Many sessions, many keys, chance: each value goes to exactly one, in order of arrival per key. */
static void test_crowd(void **state)
{
    enum { CROWD = 200, ROUNDS = 4000, KEYS = 7 };
    struct world *w = *state;
    struct fixture_client *crowd = calloc(CROWD, sizeof(*crowd));
    struct prng prng;
    size_t waiting = 0;
    prng_init(&prng, 5);
    for (int i = 0; i < CROWD; i++) fixture_client_open(&w->fx, &crowd[i]);
    for (int round = 0; round < ROUNDS; round++) {
        struct fixture_client *c = &crowd[prng_below(&prng, CROWD)];
        char line[96];
        int key = (int)prng_below(&prng, KEYS);
        switch (prng_below(&prng, 8)) {
        case 0:
        case 1:
        case 2:
            if (session_blocked(c->session)) break;
            snprintf(line, sizeof(line), "tpop k%d k%d k%d %d", key, (int)prng_below(&prng, KEYS),
                     (int)prng_below(&prng, KEYS), (int)prng_below(&prng, 40));
            fixture_run_as(&w->fx, c, line);
            break;
        case 3:
            if (session_blocked(c->session)) break;
            snprintf(line, sizeof(line), "tmove k%d k%d %d", key, (key + 1 + (int)prng_below(&prng, KEYS - 1)) % KEYS,
                     (int)prng_below(&prng, 40));
            fixture_run_as(&w->fx, c, line);
            break;
        case 4:
            snprintf(line, sizeof(line), "set k%d v", key);
            fixture_run(&w->fx, line);
            break;
        case 5:
            snprintf(line, sizeof(line), "mset k%d v k%d w", key, (key + 1) % KEYS);
            fixture_run(&w->fx, line);
            break;
        case 6:
            fixture_client_close(c);
            fixture_client_open(&w->fx, c);
            break;
        default:
            fixture_sleep_ms(&w->fx, prng_below(&prng, 10));
            engine_tick(w->fx.engine, 1000);
            break;
        }
        waiting = 0;
        for (int i = 0; i < CROWD; i++) waiting += session_blocked(crowd[i].session);
        assert_int_equal(engine_blocked_sessions(w->fx.engine), waiting);
        assert_true(engine_blocking_keys(w->fx.engine) <= KEYS);
    }
    for (int i = 0; i < CROWD; i++) fixture_client_close(&crowd[i]);
    free(crowd);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_present_key_does_not_block),
        TEST(test_first_come_first_served),
        TEST(test_served_after_exec),
        TEST(test_exec_that_takes_it_back),
        TEST(test_no_blocking_in_multi),
        TEST(test_several_keys),
        TEST(test_mset_serves_many),
        TEST(test_databases),
        TEST(test_expired_is_not_served),
        TEST(test_timeout_to_the_millisecond),
        TEST(test_timeout_moves_the_next_tick),
        TEST(test_unblock),
        TEST(test_client_unblock),
        TEST(test_close_while_blocked),
        TEST(test_killed_is_not_served),
        TEST(test_deletions),
        TEST(test_chain),
        TEST(test_ring_of_moves),
        TEST(test_reply_modes),
        TEST(test_wakes),
        TEST(test_crowd),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
