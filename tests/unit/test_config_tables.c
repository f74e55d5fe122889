/* The directives of the whole server, registered as the server does it: what the suites of Redis demand of the set,
 * what special values mean, and how those that their owners hold in another form follow CONFIG SET. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/mem.h"
#include "engine/config.h"
#include "engine/engine.h"
#include "engine/engine_config.h"
#include "engine/feature.h"
#include "net/net_config.h"
#include "net/net_feature.h"
#include "server/server_config.h"
#include "persist/persist_feature.h"
#include "server/server_feature.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { TEXT_MAX = 1024, PATH_MAX_LEN = 1024, NAMES_MAX = 400 };

struct rig {
    struct logger log;
    struct config *config;
    struct engine *engine;
    struct store_options store;
};

static int setup(void **state)
{
    static const struct feature *const features[] = {&net_feature, &server_feature, &persist_feature};
    struct rig *r = mem_zalloc(sizeof(*r));
    struct buf err = BUF_INIT;
    logger_init(&r->log);
    r->log.level = LOG_NOTHING;
    r->config = config_new();
    struct engine_options options = {
        .features = features, .feature_count = 3, .log = &r->log, .now_us = 1000000, .config = r->config};
    r->engine = engine_new(&options);
    r->store = (struct store_options){.databases = 16, .partitions = 1};
    bool ok = config_load(r->config, NULL, 0, NULL, &err) && config_start(r->config, &err) &&
              engine_start(r->engine, &r->store, &err);
    buf_deinit(&err);
    *state = r;
    return ok ? 0 : -1;
}

static int teardown(void **state)
{
    struct rig *r = *state;
    engine_free(r->engine);
    config_free(r->config);
    mem_free(r);
    return 0;
}

static const char *get(struct rig *r, const char *name)
{
    static char answer[TEXT_MAX];
    struct buf out = BUF_INIT;
    if (!config_value(r->config, slice_cstr(name), &out)) fail_msg("%s is unknown", name);
    snprintf(answer, sizeof(answer), "%s", out.len > 0 ? buf_cstr(&out) : "");
    buf_deinit(&out);
    return answer;
}

/* "" or the error; allowed as a client that protected configs are open to. */
static const char *set(struct rig *r, const char *name, const char *value)
{
    static char answer[TEXT_MAX];
    struct buf err = BUF_INIT;
    struct slice pair[2] = {slice_cstr(name), slice_cstr(value)};
    bool ok = config_set(r->config, pair, 2, true, false, &err);
    snprintf(answer, sizeof(answer), "%s", ok ? "" : buf_cstr(&err));
    buf_deinit(&err);
    return answer;
}

struct names {
    const char *at[NAMES_MAX];
    int count;
};

static void name_seen(void *arg, const char *name, struct slice value)
{
    (void)value;
    struct names *n = arg;
    assert_in_range(n->count, 0, NAMES_MAX - 1);
    n->at[n->count++] = name;
}

/* Those that Redis 7.0 shows and that cannot be set. A new directive that cannot be set must be hidden. */
static bool is_immutable_in_redis(const char *name)
{
    static const char *const known[] = {
        "aclfile", "always-show-logo", "aof_rewrite_cpulist", "appenddirname", "appendfilename", "bgsave_cpulist",
        "bio_cpulist", "cluster-config-file", "cluster-enabled", "cluster-port", "daemonize", "databases",
        "disable-thp", "enable-debug-command", "enable-module-command", "enable-protected-configs", "io-threads",
        "io-threads-do-reads", "logfile", "pidfile", "rdbchecksum", "replicaof", "server_cpulist", "set-proc-title",
        "slaveof", "socket-mark-id", "supervised", "syslog-enabled", "syslog-facility", "syslog-ident", "tcp-backlog",
        "unixsocket", "unixsocketperm"};
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
        if (strcmp(known[i], name) == 0) return true;
    return false;
}

static void every_listed_name_accepts_its_own_value(void **state)
{
    struct rig *r = *state;
    struct names all = {.count = 0};
    config_get(r->config, &SLICE("*"), 1, name_seen, &all);
    assert_in_range(all.count, 192, NAMES_MAX);
    for (int i = 0; i < all.count; i++) {
        char value[TEXT_MAX];
        snprintf(value, sizeof(value), "%s", get(r, all.at[i]));
        const char *error = set(r, all.at[i], value);
        if (is_immutable_in_redis(all.at[i]))
            assert_non_null(strstr(error, "can't set immutable config"));
        else if (error[0] != '\0')
            fail_msg("%s", error);
        assert_string_equal(get(r, all.at[i]), value);
    }
}

static void defaults_are_those_of_redis(void **state)
{
    struct rig *r = *state;
    static const char *const expected[][2] = {{"bind", "* -::*"},
                                              {"save", "3600 1 300 100 60 10000"},
                                              {"client-output-buffer-limit", "normal 0 0 0 slave 268435456 67108864 60 "
                                                                             "pubsub 33554432 8388608 60"},
                                              {"maxmemory-policy", "noeviction"},
                                              {"latency-tracking-info-percentiles", "50 99 99.9"},
                                              {"repl-backlog-size", "1048576"},
                                              {"lazyfree-lazy-user-flush", "no"},
                                              {"lua-time-limit", "5000"},
                                              {"hash-max-ziplist-entries", "512"},
                                              {"oom-score-adj-values", "0 200 800"},
                                              {"shutdown-on-sigterm", "default"},
                                              {"watchdog-period", "0"},
                                              {"server-cpulist", ""}};
    for (size_t i = 0; i < sizeof(expected) / sizeof(expected[0]); i++)
        assert_string_equal(get(r, expected[i][0]), expected[i][1]);
}

#define FAILED(name, reason) "ERR CONFIG SET failed (possibly related to argument '" name "') - " reason

static void special_values_and_their_refusals(void **state)
{
    struct rig *r = *state;
    static const struct {
        const char *name, *value, *error, *shown;
    } cases[] = {
        {"notify-keyspace-events", "KEg$lshzxetdmnA", "", "AKEm"},
        {"notify-keyspace-events", "nKA", "", "AK"},
        {"notify-keyspace-events", "Knm", "", "nKm"},
        {"notify-keyspace-events", "lgm", "", "glm"},
        {"notify-keyspace-events", "Kg$lshzxetd", "", "AK"},
        {"notify-keyspace-events", "Q",
         FAILED("notify-keyspace-events", "Invalid event class character. Use 'Ag$lshzxeKEtmdn'."), "AK"},
        {"notify-keyspace-events", "", "", ""},
        {"latency-tracking-info-percentiles", "33.333333 1e1 100", "", "33.333333 10 100"},
        {"latency-tracking-info-percentiles", "50.0 99.900 0.001", "", "50 99.9 0.001"},
        {"latency-tracking-info-percentiles", "101",
         FAILED("latency-tracking-info-percentiles",
                "latency-tracking-info-percentiles parameters should sit between [0.0,100.0]"),
         "50 99.9 0.001"},
        {"latency-tracking-info-percentiles", "x",
         FAILED("latency-tracking-info-percentiles", "Invalid latency-tracking-info-percentiles parameters"),
         "50 99.9 0.001"},
        {"save", "1 0", "", "1 0"},
        {"save", "0 1", FAILED("save", "Invalid save parameters"), "1 0"},
        {"save", "5", FAILED("save", "Invalid save parameters"), "1 0"},
        {"save", "", "", ""},
        {"client-output-buffer-limit", "foo 1 2 3",
         FAILED("client-output-buffer-limit", "Invalid client class specified in buffer limit configuration."),
         "normal 0 0 0 slave 268435456 67108864 60 pubsub 33554432 8388608 60"},
        {"client-output-buffer-limit", "normal 1 2",
         FAILED("client-output-buffer-limit", "Wrong number of arguments in buffer limit configuration."),
         "normal 0 0 0 slave 268435456 67108864 60 pubsub 33554432 8388608 60"},
        {"client-output-buffer-limit", "normal 1 2 -3",
         FAILED("client-output-buffer-limit",
                "Error in hard, soft or soft_seconds setting in buffer limit configuration."),
         "normal 0 0 0 slave 268435456 67108864 60 pubsub 33554432 8388608 60"},
        {"client-output-buffer-limit", "normal 1kb 2 3 replica 4 5 6", "",
         "normal 1024 2 3 slave 4 5 6 pubsub 33554432 8388608 60"},
        {"oom-score-adj-values", "1 2 3", "", "1 2 3"},
        {"oom-score-adj-values", "1", FAILED("oom-score-adj-values", "wrong number of arguments"), "1 2 3"},
        {"oom-score-adj-values", "1 2 2001",
         FAILED("oom-score-adj-values", "Invalid oom-score-adj-values, elements must be between -2000 and 2000."),
         "1 2 3"},
        {"shutdown-on-sigint", "force now save", "", "save now force"},
        {"shutdown-on-sigint", "save nosave",
         FAILED("shutdown-on-sigint", "shutdown options SAVE and NOSAVE can't be used simultaneously"),
         "save now force"},
        {"proc-title-template", "{port} {x}",
         FAILED("proc-title-template", "template format is invalid or contains unknown variables"),
         "{title} {listen-addr} {server-mode}"},
        {"proc-title-template", "{port",
         FAILED("proc-title-template", "template format is invalid or contains unknown variables"),
         "{title} {listen-addr} {server-mode}"},
        {"proc-title-template", "abc } {port}", "", "abc } {port}"},
        {"cluster-announce-hostname", "a_b",
         FAILED("cluster-announce-hostname",
                "Hostnames may only contain alphanumeric characters, hyphens or dots"),
         ""},
        {"dbfilename", "a/b", FAILED("dbfilename", "dbfilename can't be a path, just a filename"), "dump.rdb"},
        {"repl-backlog-size", "5", "", "16384"},
        {"bind", "1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17", FAILED("bind", "Too many bind addresses specified."),
         "* -::*"},
        {"bind", "", "", ""},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_string_equal(set(r, cases[i].name, cases[i].value), cases[i].error);
        assert_string_equal(get(r, cases[i].name), cases[i].shown);
    }
}

static void hz_is_kept_within_what_is_possible(void **state)
{
    struct rig *r = *state;
    const int64_t *hz = config_bind_i64(r->config, "hz");
    assert_string_equal(set(r, "hz", "9999"), "");
    assert_int_equal(*hz, 500);
    assert_string_equal(set(r, "hz", "0"), "");
    assert_int_equal(*hz, 1);
}

static void net_follows_its_directives(void **state)
{
    struct rig *r = *state;
    int count;
    const char *const *binds = net_bind_addresses(r->config, &count);
    assert_int_equal(count, 2);
    assert_string_equal(binds[0], "*");
    assert_string_equal(binds[1], "-::*");
    assert_int_equal(net_output_limit(r->config, OUTPUT_PUBSUB)->hard_bytes, 32 << 20);
    assert_string_equal(set(r, "bind", "127.0.0.1 -::1 10.0.0.1"), "");
    assert_string_equal(set(r, "client-output-buffer-limit", "normal 1mb 2kb 3"), "");
    binds = net_bind_addresses(r->config, &count);
    assert_int_equal(count, 3);
    assert_string_equal(binds[2], "10.0.0.1");
    const struct output_limit *limit = net_output_limit(r->config, OUTPUT_NORMAL);
    assert_int_equal(limit->hard_bytes, 1 << 20);
    assert_int_equal(limit->soft_bytes, 2 << 10);
    assert_int_equal(limit->soft_seconds, 3);
    assert_int_equal(net_output_limit(r->config, OUTPUT_REPLICA)->soft_seconds, 60);
}

static bool refuse(void *arg, struct buf *err)
{
    bool *armed = arg;
    if (!*armed) return true;
    *armed = false;
    buf_append_slice(err, SLICE("Failed to bind to specified addresses."));
    return false;
}

static void a_veto_puts_the_parsed_form_back_too(void **state)
{
    struct rig *r = *state;
    int count;
    bool armed = true;
    config_on_change(r->config, "bind", refuse, &armed);
    assert_string_equal(set(r, "bind", "1.2.3.400"), FAILED("bind", "Failed to bind to specified addresses."));
    assert_string_equal(net_bind_addresses(r->config, &count)[0], "*");
    assert_int_equal(count, 2);
}

static void other_forms_for_readers(void **state)
{
    struct rig *r = *state;
    double p[LATENCY_PERCENTILES_MAX];
    int scores[OOM_SCORE_VALUES];
    assert_int_equal(config_latency_percentiles(r->config, p), 3);
    assert_true(p[0] == 50 && p[1] == 99 && p[2] == 99.9);
    assert_string_equal(set(r, "latency-tracking-info-percentiles", ""), "");
    assert_int_equal(config_latency_percentiles(r->config, p), 0);
    assert_string_equal(set(r, "oom-score-adj-values", "-5 6 70"), "");
    config_oom_score_values(r->config, scores);
    assert_true(scores[0] == -5 && scores[1] == 6 && scores[2] == 70);
}

static void dir_moves_the_process_and_comes_back_when_refused(void **state)
{
    struct rig *r = *state;
    char here[PATH_MAX_LEN], now[PATH_MAX_LEN];
    assert_non_null(getcwd(here, sizeof(here)));
    assert_string_equal(get(r, "dir"), here);
    struct slice pairs[4] = {SLICE("dir"), SLICE("/"), SLICE("hz"), SLICE("x")};
    struct buf err = BUF_INIT;
    assert_false(config_set(r->config, pairs, 4, true, false, &err));
    assert_string_equal(getcwd(now, sizeof(now)), here);
    assert_string_equal(set(r, "dir", "/no/such/folder"), FAILED("dir", "No such file or directory"));
    buf_clear(&err);
    assert_false(config_set(r->config, pairs, 2, false, false, &err));
    assert_string_equal(buf_cstr(&err), FAILED("dir", "can't set protected config"));
    assert_string_equal(set(r, "dir", "/"), "");
    assert_string_equal(get(r, "dir"), "/");
    assert_string_equal(set(r, "dir", here), "");
    buf_deinit(&err);
}

int main(void)
{
#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(every_listed_name_accepts_its_own_value),
        TEST(defaults_are_those_of_redis),
        TEST(special_values_and_their_refusals),
        TEST(hz_is_kept_within_what_is_possible),
        TEST(net_follows_its_directives),
        TEST(a_veto_puts_the_parsed_form_back_too),
        TEST(other_forms_for_readers),
        TEST(dir_moves_the_process_and_comes_back_when_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
