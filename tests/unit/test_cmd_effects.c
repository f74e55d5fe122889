/* What each write command puts into the log, compared with what redis-server 7.0.15 writes to its append-only file. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "engine_fixture.h"

#include "base/compiler.h"
#include "base/prng.h"
#include "cmd/cmd_feature.h"
#include "observe/observe_feature.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct feature *const features[] = {&cmd_feature, &observe_feature};

static int setup(void **state)
{
    static struct fixture fx;
    fixture_init(&fx, features, ARRAY_LEN(features));
    *state = &fx;
    return 0;
}

static int teardown(void **state)
{
    fixture_deinit(*state);
    return 0;
}

struct step {
    const char *line, *reply, *log; /* line "+n": n ms go by. log NULL: not looked at */
};

static void steps_run(struct fixture *fx, const struct step *steps)
{
    for (const struct step *s = steps; s->line != NULL; s++) {
        if (s->line[0] == '+') {
            fixture_sleep_ms(fx, (uint64_t)atoi(s->line + 1));
            continue;
        }
        const char *reply = fixture_run(fx, s->line);
        if (s->reply != NULL && strcmp(reply, s->reply) != 0)
            fail_msg("%s: reply %s, expected %s", s->line, reply, s->reply);
        const char *log = fixture_log(fx);
        if (s->log != NULL && strcmp(log, s->log) != 0) fail_msg("%s: log %s, expected %s", s->line, log, s->log);
    }
}

/* The clock stands at 1000000000 ms. */
#define T1S "1000001000"
#define T100S "1000100000"

static void test_strings(void **state)
{
    static const struct step steps[] = {
        {"set a 1", "OK", "SELECT 0; set a 1"},
        {"set a 1 ex 100", "OK", "SET a 1 PXAT " T100S},
        {"set a 1 px 100 nx", "nil", ""},
        {"set a 1 xx keepttl", "OK", "set a 1 xx keepttl"},
        {"set a 1 EXAT 1999999999 get", "\"1\"", "SET a 1 PXAT 1999999999000"},
        {"set a 1 PXAT 1999999999000 nx get", "\"1\"", ""},
        {"set b 1 get PX 1000 nx", "nil", "SET b 1 PXAT " T1S},
        {"set b 1 xX pX 100000 GeT", "\"1\"", "SET b 1 PXAT " T100S},
        {"set a 2 get", "\"1\"", "set a 2"},
        {"set a 3 get get", "\"2\"", "set a 3"},
        {"set a 3 keepttl get", "\"3\"", "set a 3 keepttl"},
        {"set a 4 ifeq x", "nil", ""},
        {"set a 4 ifeq x get", "\"3\"", ""},
        {"set a 4 ifeq 3", "OK", "set a 4"},
        {"set a 5 get ifeq 4 ex 1", "\"4\"", "SET a 5 PXAT " T1S},
        {"set none 5 ifeq 4", "nil", ""},
        {"setex a 100 v", "OK", "SET a v PXAT " T100S},
        {"psetex a 1000 v", "OK", "SET a v PXAT " T1S},
        {"setnx a v", "0", ""},
        {"setnx c v", "1", "setnx c v"},
        {"getset a w", "\"v\"", "SET a w"},
        {"getset newk w", "nil", "SET newk w"},
        {"getdel a", "\"w\"", "DEL a"},
        {"getdel a", "nil", ""},
        {"getex b", "\"1\"", ""},
        {"getex b ex 100", "\"1\"", "PEXPIREAT b " T100S},
        {"getex b exat 1999999999", "\"1\"", "PEXPIREAT b 1999999999000"},
        {"getex b pxat 1999999999000", "\"1\"", "PEXPIREAT b 1999999999000"},
        {"getex b persist", "\"1\"", "PERSIST b"},
        {"getex b persist", "\"1\"", ""},
        {"getex b exat 1", "\"1\"", "DEL b"},
        {"append a x", "1", "append a x"},
        {"append a y", "2", "append a y"},
        {"setrange a 0 ab", "2", "setrange a 0 ab"},
        {"setrange a 5 \"\"", "2", ""},
        {"setrange q 5 \"\"", "0", ""},
        {"incr n", "1", "incr n"},
        {"decr n", "0", "decr n"},
        {"incrby n 5", "5", "incrby n 5"},
        {"decrby n 5", "0", "decrby n 5"},
        {"incrbyfloat n 1.5", "\"1.5\"", "SET n 1.5 KEEPTTL"},
        {"incrby n 1", "(error) ERR value is not an integer or out of range", ""},
        {"mset x 1 y 2", "OK", "mset x 1 y 2"},
        {"mset x 1 y", "(error) ERR wrong number of arguments for 'mset' command", ""},
        {"msetnx x 1 z 2", "0", ""},
        {"msetnx z 2 zz 3", "1", "msetnx z 2 zz 3"},
        {"msetex 2 x 1 y 2", "1", "MULTI; SET x 1; SET y 2; EXEC"},
        {"msetex 1 x 1 ex 100", "1", "SET x 1 PXAT " T100S},
        {"msetex 1 x 2 keepttl xx", "1", "SET x 2 KEEPTTL"},
        {"msetex 1 x 2 nx", "0", ""},
        {"msetex 1 x 2 3", "(error) ERR syntax error", ""},
        {"delifeq x 3", "0", ""},
        {"delifeq x 2", "1", "DEL x"},
        {"delex x", "0", ""},
        {"set x 5 ifne 6", "OK", "set x 5"},
        {"set x 6 ifne 5", "nil", ""},
        {"set x 6 get ifdne 0000000000000000", "\"5\"", "set x 6"},
        {"delex x ifeq 3", "0", ""},
        {"delex x ifne 3", "1", "DEL x"},
        {"set x 5 ex 100 ifdne 0000000000000000", "OK", "SET x 5 PXAT " T100S},
        {"delex x", "1", "DEL x"},
        {"bitfield bits overflow fail incrby u4 0 100", "[nil]", "bitfield bits overflow fail incrby u4 0 100"},
        {"bitfield bits overflow fail incrby u4 0 100", "[nil]", ""},
        {"pfadd hll a", "1", "pfadd hll a"},
        {"pfcount hll", "1", "pfcount hll"},
        {"pfcount hll", "1", ""},
        {0}};
    steps_run(*state, steps);
}

static void test_keys(void **state)
{
    static const struct step steps[] = {
        {"mset x 1 y 2 z 3 zz 4 n 5", "OK", NULL},
        {"del x y", "2", "del x y"},
        {"del x nope", "0", ""},
        {"unlink z nope", "1", "unlink z nope"},
        {"expire zz 100", "1", "PEXPIREAT zz " T100S},
        {"expire zz 100 NX", "0", ""},
        {"pexpire zz 1000 xx", "1", "PEXPIREAT zz " T1S " xx"},
        {"expireat zz 1999999999", "1", "PEXPIREAT zz 1999999999000"},
        {"pexpireat zz 1999999999000 gt", "0", ""},
        {"pexpireat zz 1999999999001 gt", "1", "pexpireat zz 1999999999001 gt"},
        {"persist zz", "1", "persist zz"},
        {"persist zz", "0", ""},
        {"expire zz -1", "1", "DEL zz"},
        {"set zz 1", "OK", NULL},
        {"pexpireat zz 1", "1", "DEL zz"},
        {"set zz 1", "OK", NULL},
        {"rename zz zy", "OK", "rename zz zy"},
        {"rename zy zy", "OK", ""},
        {"renamenx zy zz", "1", "renamenx zy zz"},
        {"renamenx zz n", "0", ""},
        {"copy n n2", "1", "copy n n2"},
        {"copy n n2", "0", ""},
        {"copy n n2 replace", "1", "copy n n2 replace"},
        {"copy n n2 db 1", "1", "copy n n2 db 1"},
        {"set mt 1 ex 100", "OK", NULL},
        {"move mt 1", "1", "move mt 1"},
        {"move mt 1", "0", ""},
        {"touch n", "1", ""},
        {"swapdb 2 3", "OK", "swapdb 2 3"},
        {"select 3", "OK", ""},
        {"flushdb", "OK", "SELECT 3; flushdb"},
        {"flushdb async", "OK", "flushdb async"},
        {"select 1", "OK", ""},
        {"pttl mt", "100000", ""},
        {"set q 1", "OK", "SELECT 1; set q 1"},
        {"set q 2", "OK", "set q 2"},
        {"flushall", "OK", "flushall"},
        {0}};
    steps_run(*state, steps);
}

static void test_lazy_words(void **state)
{
    static const struct step steps[] = {{"set a 1", "OK", NULL},          {"expire a -1", "1", "UNLINK a"},
                                        {"set a 1", "OK", "set a 1"},     {"getex a exat 1", "\"1\"", "UNLINK a"},
                                        {"set a 1 px 5", "OK", NULL},     {"+10", NULL, NULL},
                                        {"get a", "nil", "UNLINK a"},     {0}};
    fixture_config(*state, "lazyfree-lazy-expire", "yes");
    steps_run(*state, steps);
}

#define EXPIRED {"set e1 1 px 1", "OK", NULL}, {"+10", NULL, NULL}

/* The removal of an expired key goes into the log in front of the command that met it. */
static void test_expired_first(void **state)
{
    static const struct step steps[] = {
        {"set n 5", "OK", "SELECT 0; set n 5"},
        EXPIRED, {"get e1", "nil", "DEL e1"},
        EXPIRED, {"set e1 2", "OK", "MULTI; DEL e1; set e1 2; EXEC"},
        EXPIRED, {"set e1 2 get", "nil", "MULTI; DEL e1; set e1 2; EXEC"},
        EXPIRED, {"setnx e1 5", "1", "MULTI; DEL e1; setnx e1 5; EXEC"},
        EXPIRED, {"append e1 2", "1", "MULTI; DEL e1; append e1 2; EXEC"},
        EXPIRED, {"incr e1", "1", "MULTI; DEL e1; incr e1; EXEC"},
        EXPIRED, {"incrbyfloat e1 1", "\"1\"", "MULTI; DEL e1; SET e1 1 KEEPTTL; EXEC"},
        EXPIRED, {"mset e1 3 e2 4", "OK", "MULTI; DEL e1; mset e1 3 e2 4; EXEC"},
        EXPIRED, {"rename e2 e1", "OK", "MULTI; DEL e1; rename e2 e1; EXEC"},
        EXPIRED, {"copy n e1", "1", "MULTI; DEL e1; copy n e1; EXEC"},
        EXPIRED, {"del e1", "0", "DEL e1"},
        EXPIRED, {"expire e1 10", "0", "DEL e1"},
        EXPIRED, {"exists e1", "0", "DEL e1"},
        EXPIRED, {"getex e1 persist", "nil", "DEL e1"},
        EXPIRED, {"scan 0 count 100", "[\"0\", [\"n\"]]", "DEL e1"},
        EXPIRED, {"keys *", "[\"n\"]", ""},
        {"del n", "1", "del n"},
        {"randomkey", "nil", "DEL e1"},
        /* several at once: together, but for those that a walk happens to meet */
        {"set k1 v px 1", "OK", NULL},
        {"set k2 v px 1", "OK", NULL},
        {"+10", NULL, NULL},
        {"mget k1 k2", "[nil, nil]", "MULTI; DEL k1; DEL k2; EXEC"},
        {"set k2 v px 1", "OK", NULL},
        {"+10", NULL, NULL},
        {"multi", "OK", ""},
        {"exists k2 k2", "QUEUED", ""},
        {"exec", "[0]", "DEL k2"},
        {"set k1 v px 1", "OK", NULL},
        {"set k1 v px 1", "OK", NULL},
        {"+10", NULL, NULL},
        {"scan 0", "[\"0\", []]", "DEL k1"},
        {0}};
    steps_run(*state, steps);
}

static void test_walk_removes_each_by_itself(void **state)
{
    struct fixture *fx = *state;
    const char *const walks[] = {"scan 0 count 100", "randomkey"};
    for (size_t i = 0; i < ARRAY_LEN(walks); i++) {
        fixture_run(fx, "set k1 v px 1");
        fixture_run(fx, "set k2 v px 1");
        fixture_sleep_ms(fx, 10);
        fixture_log(fx);
        fixture_run(fx, walks[i]);
        const char *log = fixture_log(fx);
        assert_true(strcmp(log, "DEL k1; DEL k2") == 0 || strcmp(log, "DEL k2; DEL k1") == 0);
    }
    fixture_run(fx, "set k1 v px 1");
    fixture_run(fx, "set k2 v px 1");
    fixture_sleep_ms(fx, 10);
    fixture_run(fx, "multi");
    fixture_run(fx, "scan 0 count 100");
    fixture_log(fx);
    fixture_run(fx, "exec");
    assert_memory_equal(fixture_log(fx), "MULTI; DEL k", 12);
}

/* A key that had expired when the watch began may go, and a dead one may come for nothing; a dead one that was alive
 * may not. */
static void test_watch_and_expired(void **state)
{
    static const struct step steps[] = {
        {"select 1", "OK", NULL}, EXPIRED, {"select 0", "OK", NULL},
        {"watch e1", "OK", NULL}, {"swapdb 0 1", "OK", NULL},
        {"get e1", "nil", NULL}, {"multi", "OK", NULL}, {"exec", "[]", NULL},
        {"set e1 v px 5", "OK", NULL}, {"watch e1", "OK", NULL}, {"+10", NULL, NULL}, {"get e1", "nil", NULL},
        {"multi", "OK", NULL}, {"exec", "nil", NULL},
        EXPIRED, {"watch e1", "OK", NULL}, {"get e1", "nil", NULL}, {"multi", "OK", NULL}, {"exec", "[]", NULL},
        EXPIRED, {"watch e1", "OK", NULL}, {"set e1 1", "OK", NULL}, {"multi", "OK", NULL}, {"exec", "nil", NULL},
        {0}};
    steps_run(*state, steps);
}

static void test_transactions(void **state)
{
    static const struct step steps[] = {
        {"multi", "OK", ""},
        {"set a 1", "QUEUED", ""},
        {"set b 2 ex 100", "QUEUED", ""},
        {"exec", "[OK, OK]", "SELECT 0; MULTI; set a 1; SET b 2 PXAT " T100S "; EXEC"},
        {"multi", "OK", ""},
        {"set a 1", "QUEUED", ""},
        {"exec", "[OK]", "set a 1"},
        {"multi", "OK", ""},
        {"get a", "QUEUED", ""},
        {"incr nn", "QUEUED", ""},
        {"exec", "[\"1\", 1]", "incr nn"},
        {"multi", "OK", ""},
        {"exec", "[]", ""},
        {"multi", "OK", ""},
        {"set a 1", "QUEUED", ""},
        {"select 1", "QUEUED", ""},
        {"set a 2", "QUEUED", ""},
        {"exec", "[OK, OK, OK]", "MULTI; set a 1; SELECT 1; set a 2; EXEC"},
        {"set a 3", "OK", "set a 3"},
        {"select 0", "OK", ""},
        {"multi", "OK", ""},
        {"mset a 1 b 2", "QUEUED", ""},
        {"del a b", "QUEUED", ""},
        {"exec", "[OK, 2]", "SELECT 0; MULTI; mset a 1 b 2; del a b; EXEC"},
        EXPIRED,
        {"multi", "OK", ""},
        {"set e1 2", "QUEUED", ""},
        {"exec", "[OK]", "MULTI; DEL e1; set e1 2; EXEC"},
        /* errors when queued abort, errors when run do not */
        {"multi", "OK", ""},
        {"set x 1", "QUEUED", ""},
        {"nope", "(error) ERR unknown command 'nope', with args beginning with: ", ""},
        {"exec", "(error) EXECABORT Transaction discarded because of previous errors.", ""},
        {"multi", "OK", ""},
        {"set x y", "QUEUED", ""},
        {"incr x", "QUEUED", ""},
        {"set z 1", "QUEUED", ""},
        {"exec", "[OK, (error) ERR value is not an integer or out of range, OK]", "MULTI; set x y; set z 1; EXEC"},
        {"multi", "OK", ""},
        {"multi", "(error) ERR MULTI calls can not be nested", ""},
        {"watch a", "(error) ERR WATCH inside MULTI is not allowed", ""},
        {"discard", "OK", ""},
        {"exec", "(error) ERR EXEC without MULTI", ""},
        {"discard", "(error) ERR DISCARD without MULTI", ""},
        {0}};
    steps_run(*state, steps);
}

static void test_exact_wire(void **state)
{
    struct fixture *fx = *state;
    fixture_run(fx, "setex k 100 v");
    assert_string_equal(buf_cstr(&fx->wire),
                        "*2\r\n$6\r\nSELECT\r\n$1\r\n0\r\n"
                        "*5\r\n$3\r\nSET\r\n$1\r\nk\r\n$1\r\nv\r\n$4\r\nPXAT\r\n$10\r\n" T100S "\r\n");
    fixture_log(fx);
    fixture_run(fx, "append k \"\\x00\\r\\n\"");
    assert_int_equal(fx->wire.len, strlen("*3\r\n$6\r\nappend\r\n$1\r\nk\r\n$3\r\n") + 5);
    assert_memory_equal(fx->wire.data + fx->wire.len - 5, "\0\r\n\r\n", 5);
}

static void test_watch(void **state)
{
    struct fixture *fx = *state;
    struct fixture_client other;
    fixture_client_open(fx, &other);
    const char *const changes[] = {"set w 2",  "del w",      "expire w 10", "append w x", "rename w v",
                                   "move w 1", "getset w 3", "incr w",      NULL};
    for (int i = 0; changes[i] != NULL; i++) {
        fixture_run(fx, "set w 1");
        fixture_run(fx, "watch w");
        fixture_run_as(fx, &other, changes[i]);
        fixture_run(fx, "multi");
        fixture_run(fx, "ping");
        assert_string_equal(fixture_run(fx, "exec"), "nil");
        fixture_run_as(fx, &other, "select 1");
        fixture_run_as(fx, &other, "del w");
        fixture_run_as(fx, &other, "select 0");
    }
    fixture_run(fx, "set w 1 px 5");
    fixture_run(fx, "watch w");
    fixture_sleep_ms(fx, 10);
    fixture_run(fx, "multi");
    assert_string_equal(fixture_run(fx, "exec"), "nil");
    fixture_run(fx, "watch w");
    fixture_run(fx, "get w");
    fixture_run(fx, "unwatch");
    fixture_run_as(fx, &other, "set w 2");
    fixture_run(fx, "multi");
    assert_string_equal(fixture_run(fx, "exec"), "[]");
    fixture_client_close(&other);
}

/* --- two engines: the log of one makes the other the same --- */

static void log_replay(struct fixture *from, struct fixture *to, struct fixture_client *c)
{
    struct request_parser parser;
    struct request_limits limits = {.bulk_max = 1 << 30, .authenticated = true};
    struct slice in = buf_slice(&from->wire), space[64], error;
    struct request req;
    request_parser_init(&parser);
    while (in.len > 0) {
        assert_int_equal(request_parse(&parser, &in, &limits, space, 64, &req, &error), REQUEST_READY);
        const char *reply = fixture_run_argv(to, c, req.argc, req.argv);
        if (strstr(reply, "(error)") != NULL)
            fail_msg("replay of %.*s: %s", (int)req.argv[0].len, req.argv[0].ptr, reply);
        request_release(&req);
    }
    request_parser_deinit(&parser);
    buf_clear(&from->wire);
}

static void same_data(struct fixture *a, struct fixture *b)
{
    char line[64], text[1024];
    for (int db = 0; db < 2; db++) {
        snprintf(line, sizeof(line), "select %d", db);
        fixture_run(a, line);
        fixture_run(b, line);
        for (int k = 0; k < 8; k++)
            for (int what = 0; what < 2; what++) {
                snprintf(line, sizeof(line), "%s k%d", what == 0 ? "get" : "pexpiretime", k);
                snprintf(text, sizeof(text), "%s", fixture_run(a, line));
                const char *other = fixture_run(b, line);
                if (strcmp(text, other) != 0) fail_msg("db %d, %s: %s and %s", db, line, text, other);
            }
    }
}

static void random_line(struct prng *p, char out[256])
{
    static const char *const forms[] = {
        "set %k %v", "set %k %v ex 10", "set %k %v px %n get", "set %k %v nx", "set %k %v xx keepttl",
        "set %k %v ifeq %v", "setex %k 5 %v", "psetex %k %n %v", "setnx %k %v", "getset %k %v", "getdel %k",
        "getex %k", "getex %k px %n", "getex %k persist", "append %k %v", "setrange %k %n %v", "incr %k",
        "decrby %k %v", "incrbyfloat %k 0.1", "mset %k %v %k %v", "msetnx %k %v %k %v",
        "msetex 2 %k %v %k %v px %n", "msetex 1 %k %v keepttl", "delifeq %k %v", "del %k %k", "unlink %k",
        "expire %k 10", "expire %k -1", "pexpire %k %n gt", "pexpire %k %n lt", "persist %k", "rename %k %k",
        "renamenx %k %k", "copy %k %k", "copy %k %k replace", "copy %k %k db 1 replace", "move %k 1", "select 0",
        "select 1", "get %k", "exists %k", "ttl %k", "scan 0", "randomkey", "multi", "exec", "discard", "watch %k",
        "touch %k"
    };
    char *at = out;
    for (const char *f = forms[prng_below(p, ARRAY_LEN(forms))]; *f != '\0'; f++) {
        if (*f != '%') {
            *at++ = *f;
            continue;
        }
        switch (*++f) {
        case 'k': at += sprintf(at, "k%d", (int)prng_below(p, 8)); break;
        case 'n': at += sprintf(at, "%d", 1 + (int)prng_below(p, 50)); break;
        default: at += sprintf(at, "%d", (int)prng_below(p, 3)); break;
        }
    }
    *at = '\0';
}

static void test_replay_makes_the_same(void **state)
{
    struct fixture *primary = *state, copy;
    struct prng prng;
    char line[256];
    prng_init(&prng, 42);
    fixture_init(&copy, features, ARRAY_LEN(features));
    struct fixture_client log_reader;
    fixture_client_open(&copy, &log_reader);
    for (int round = 0; round < 300; round++) {
        for (int i = 0; i < 40; i++) {
            random_line(&prng, line);
            const char *reply = fixture_run(primary, line);
            if (strstr(reply, " AND ") != NULL || reply[0] == '\0') fail_msg("%s: %s", line, reply);
            if (prng_below(&prng, 4) == 0) fixture_sleep_ms(primary, prng_below(&prng, 20));
        }
        fixture_run(primary, "discard");
        /* The copy's clock stays behind: whatever goes away there goes because the log says so. */
        fixture_run(primary, "select 0");
        fixture_run(primary, "exists k0 k1 k2 k3 k4 k5 k6 k7");
        fixture_run(primary, "select 1");
        fixture_run(primary, "exists k0 k1 k2 k3 k4 k5 k6 k7");
        log_replay(primary, &copy, &log_reader);
        same_data(primary, &copy);
        buf_clear(&copy.wire);
    }
    fixture_client_close(&log_reader);
    fixture_deinit(&copy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_strings, setup, teardown),
        cmocka_unit_test_setup_teardown(test_keys, setup, teardown),
        cmocka_unit_test_setup_teardown(test_lazy_words, setup, teardown),
        cmocka_unit_test_setup_teardown(test_expired_first, setup, teardown),
        cmocka_unit_test_setup_teardown(test_walk_removes_each_by_itself, setup, teardown),
        cmocka_unit_test_setup_teardown(test_watch_and_expired, setup, teardown),
        cmocka_unit_test_setup_teardown(test_transactions, setup, teardown),
        cmocka_unit_test_setup_teardown(test_exact_wire, setup, teardown),
        cmocka_unit_test_setup_teardown(test_watch, setup, teardown),
        cmocka_unit_test_setup_teardown(test_replay_makes_the_same, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
