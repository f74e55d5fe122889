/* The commands about the server, run by an engine in this process: no sockets, a clock that the test turns, a host that
 * writes down what it was asked for. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/buf.h"
#include "base/mem.h"
#include "cmd/cmd_feature.h"
#include "engine/config.h"
#include "engine/engine.h"
#include "engine/feature.h"
#include "observe/observe_feature.h"
#include "persist/persist_feature.h"
#include "resp/reply.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

/* --- the rig --- */

enum { REPLY_MAX = 256 * 1024 };

struct rig {
    struct config *config;
    struct engine *engine;
    struct session *session;
    struct reply reply;
    struct logger log;
    uint64_t now_us;
    char text[REPLY_MAX]; /* the last reply */
    /* what the host was asked for */
    uint32_t shutdown_flags;
    int shutdowns, rewrites;
    uint64_t slept_us;
    char crashed[32];
    bool aborts;
};

static bool host_shutdown(void *arg, uint32_t flags)
{
    struct rig *rig = arg;
    rig->shutdown_flags = flags;
    rig->shutdowns++;
    return true;
}

static bool host_shutdown_abort(void *arg)
{
    return ((struct rig *)arg)->aborts;
}

static void host_sleep(void *arg, uint64_t us)
{
    ((struct rig *)arg)->slept_us += us;
    if (us < 20000) /* really, for the tests of what is measured */
        nanosleep(&(struct timespec){0, (long)us * 1000}, NULL);
}

static void host_crash(void *arg, const char *kind)
{
    struct rig *rig = arg;
    snprintf(rig->crashed, sizeof(rig->crashed), "%s", kind);
}

static void host_process(void *arg, struct process_facts *out)
{
    (void)arg;
    *out = (struct process_facts){.rss_bytes = 64 * 1024 * 1024, .total_memory_bytes = 1ull << 34, .user_s = 1.5};
}

static void host_facts(void *arg, struct host_facts *out)
{
    (void)arg;
    *out = (struct host_facts){.os = "Linux test", .executable = "/bin/x", .pid = 42, .tcp_port = 6379};
}

static void host_listeners(void *arg, struct buf *out)
{
    (void)arg;
    buf_append_slice(out, SLICE("listener0:name=tcp,bind=127.0.0.1,port=6379\r\n"));
}

static void peer_describe(void *peer, struct peer_info *out)
{
    (void)peer;
    snprintf(out->addr, sizeof(out->addr), "127.0.0.1:5000");
    out->total_mem = 1000;
}

static const struct session_peer_ops peer_ops = {.describe = peer_describe};

static void rig_time(struct rig *rig, uint64_t ms)
{
    rig->now_us += ms * 1000;
    engine_set_time(rig->engine, rig->now_us, rig->now_us);
}

static struct rig *rig_new(const struct host_info *host)
{
    static const struct feature *const features[] = {&cmd_feature, &observe_feature, &persist_feature};
    char *argv[] = {"--enable-debug-command", "yes"};
    struct rig *rig = mem_zalloc(sizeof(*rig));
    struct buf err = BUF_INIT;
    logger_init(&rig->log);
    rig->log.level = LOG_NOTHING;
    rig->now_us = 1700000000000000;
    rig->config = config_new();
    struct engine_options options = {.features = features,
                                     .feature_count = 3,
                                     .log = &rig->log,
                                     .host = {.arg = rig,
                                              .shutdown = host_shutdown,
                                              .shutdown_abort = host_shutdown_abort,
                                              .sleep_us = host_sleep,
                                              .crash = host_crash},
                                     .prng_seed = 1,
                                     .now_us = rig->now_us,
                                     .mono_us = rig->now_us,
                                     .config = rig->config};
    rig->engine = engine_new(&options);
    if (!config_load(rig->config, NULL, 2, argv, &err) || !config_start(rig->config, &err))
        fail_msg("%s", buf_cstr(&err));
    struct store_options store = {.databases = 16, .partitions = 1, .now_ms = rig->now_us / 1000};
    if (!engine_start(rig->engine, &store, &err))
        fail_msg("%s", buf_cstr(&err));
    observe_set_host(rig->engine, host);
    reply_init(&rig->reply, NULL);
    rig->session = session_open(rig->engine, &peer_ops, rig, &rig->reply, 0);
    engine_batch_begin(rig->engine);
    return rig;
}

static void rig_free(struct rig *rig)
{
    session_close(rig->session);
    engine_free(rig->engine);
    config_free(rig->config);
    reply_deinit(&rig->reply);
    mem_free(rig);
}

/* Runs a line (words in quotes may have escapes); returns the wire text of the reply. */
static const char *run(struct rig *rig, const char *line)
{
    struct submission sub = {.session = rig->session};
    assert_true(request_split_line(slice_cstr(line), &sub.request.argv, &sub.request.argc));
    engine_prepare(rig->engine, &sub, 1);
    (void)engine_run(rig->engine, &sub);
    size_t len = reply_copy_out(&rig->reply, rig->text, REPLY_MAX - 1);
    rig->text[len] = '\0';
    reply_clear(&rig->reply);
    request_split_free(sub.request.argv, sub.request.argc);
    return rig->text;
}

#define assert_reply(rig, line, text) assert_string_equal(run(rig, line), text)
#define assert_has(rig, line, part)                                     \
    do {                                                                \
        if (strstr(run(rig, line), part) == NULL)                       \
            fail_msg("%s: no \"%s\" in:\n%s", line, part, (rig)->text); \
    } while (0)
#define assert_lacks(rig, line, part)                                \
    do {                                                             \
        if (strstr(run(rig, line), part) != NULL)                    \
            fail_msg("%s: \"%s\" in:\n%s", line, part, (rig)->text); \
    } while (0)

/* --- INFO --- */

static void test_info_sections(void **state)
{
    (void)state;
    const struct host_info host = {.process = host_process, .host = host_facts, .listeners = host_listeners};
    struct rig *rig = rig_new(&host);
    assert_has(rig, "INFO", "# Server\r\nredis_version:7.4.0\r\n");
    const char *const defaults[] = {"Server", "Clients", "Memory",     "Persistence", "Stats",   "Replication",
                                    "CPU",    "Modules", "Errorstats", "Cluster",     "Keyspace"};
    const char *at = rig->text;
    for (size_t i = 0; i < ARRAY_LEN(defaults); i++) {
        char title[32];
        snprintf(title, sizeof(title), "# %s\r\n", defaults[i]);
        at = strstr(at, title);
        if (at == NULL)
            fail_msg("no %s, or not in its place", defaults[i]);
    }
    assert_lacks(rig, "INFO", "# Commandstats");
    assert_has(rig, "INFO all", "# Commandstats");
    assert_has(rig, "INFO everything", "# Latencystats");
    assert_lacks(rig, "INFO SERVER cpu", "# Clients");
    assert_has(rig, "INFO SERVER cpu", "\r\n\r\n# CPU\r\n");
    assert_reply(rig, "INFO nosuch", "$0\r\n\r\n");
    assert_has(rig, "INFO server", "os:Linux test\r\n");
    assert_has(rig, "INFO server", "process_id:42\r\n");
    assert_has(rig, "INFO server", "listener0:name=tcp,bind=127.0.0.1,port=6379\r\n");
    assert_has(rig, "INFO memory", "used_memory_rss:67108864\r\n");
    assert_has(rig, "INFO memory", "total_system_memory_human:16.00G\r\n");
    assert_has(rig, "INFO cpu", "used_cpu_user:1.500000\r\n");
    assert_has(rig, "INFO clients", "connected_clients:1\r\n");
    rig_time(rig, 90061000);
    assert_has(rig, "INFO server", "uptime_in_seconds:90061\r\nuptime_in_days:1\r\n");
    rig_free(rig);
}

static void test_info_counts(void **state)
{
    (void)state;
    struct rig *rig = rig_new(NULL);
    run(rig, "SET a 1");
    run(rig, "SET b 1 EX 1000");
    run(rig, "GET a");
    run(rig, "GET missing");
    run(rig, "NOSUCH");
    run(rig, "INCR a b");
    run(rig, "SWAPDB a b");
    assert_has(rig, "INFO keyspace", "db0:keys=2,expires=1,avg_ttl=");
    assert_has(rig, "INFO stats", "keyspace_hits:1\r\nkeyspace_misses:1\r\n");
    assert_has(rig, "INFO errorstats", "errorstat_ERR:count=3\r\n");
    assert_has(rig, "INFO commandstats",
               "cmdstat_incr:calls=0,usec=0,usec_per_call=0.00,rejected_calls=1,failed_calls=0\r\n");
    assert_has(rig, "INFO commandstats", "rejected_calls=0,failed_calls=1\r\n");
    assert_has(rig, "INFO latencystats", "latency_percentiles_usec_set:p50=");
    assert_has(rig, "INFO latencystats", ",p99.9=");
    assert_reply(rig, "CONFIG RESETSTAT", "+OK\r\n");
    assert_has(rig, "INFO stats", "keyspace_hits:0\r\n");
    assert_reply(rig, "INFO errorstats", "$14\r\n# Errorstats\r\n\r\n");
    rig_free(rig);
}

/* --- CONFIG --- */

static void test_config(void **state)
{
    (void)state;
    struct rig *rig = rig_new(NULL);
    assert_reply(rig, "CONFIG GET slowlog-max-len", "*2\r\n$15\r\nslowlog-max-len\r\n$3\r\n128\r\n");
    assert_reply(rig, "CONFIG GET nosuch", "*0\r\n");
    assert_reply(rig, "CONFIG SET slowlog-max-len 7 hz 20", "+OK\r\n");
    assert_has(rig, "CONFIG GET slowlog-*-len", "$1\r\n7\r\n");
    assert_reply(rig, "CONFIG SET hz 1 x", "-ERR syntax error\r\n");
    assert_has(rig, "CONFIG SET nosuch 1", "-ERR Unknown option or number of arguments for CONFIG SET - 'nosuch'");
    assert_reply(rig, "CONFIG REWRITE", "-ERR The server is running without a config file\r\n");
    assert_has(rig, "CONFIG HELP", "CONFIG <subcommand> [<arg> [value] [opt] ...]. Subcommands are:");
    assert_has(rig, "CONFIG SET enable-protected-configs yes", "-ERR CONFIG SET failed");
    rig_free(rig);
}

/* --- COMMAND --- */

static void test_command(void **state)
{
    (void)state;
    struct rig *rig = rig_new(NULL);
    assert_reply(
        rig, "COMMAND INFO get nosuch",
        "*2\r\n*10\r\n$3\r\nget\r\n:2\r\n*2\r\n+readonly\r\n+fast\r\n:1\r\n:1\r\n:1\r\n*3\r\n+@read\r\n+@string\r\n+@"
        "fast"
        "\r\n*0\r\n*1\r\n*6\r\n$5\r\nflags\r\n*2\r\n+RO\r\n+access\r\n$12\r\nbegin_search\r\n*4\r\n$4\r\ntype\r\n$5\r\n"
        "index\r\n$4\r\nspec\r\n*2\r\n$5\r\nindex\r\n:1\r\n$9\r\nfind_keys\r\n*4\r\n$4\r\ntype\r\n$5\r\nrange\r\n$4\r\n"
        "spec\r\n*6\r\n$7\r\nlastkey\r\n:0\r\n$7\r\nkeystep\r\n:1\r\n$5\r\nlimit\r\n:0\r\n*0\r\n$-1\r\n");
    int count = atoi(run(rig, "COMMAND COUNT") + 1);
    assert_int_equal(count, atoi(run(rig, "COMMAND") + 1));
    assert_int_equal(count * 2, atoi(run(rig, "COMMAND DOCS") + 1));
    assert_true(atoi(run(rig, "COMMAND LIST") + 1) > count);
    assert_reply(rig, "COMMAND LIST FILTERBY PATTERN client|getn*", "*1\r\n$14\r\nclient|getname\r\n");
    assert_reply(rig, "COMMAND LIST FILTERBY MODULE x", "*0\r\n");
    assert_reply(rig, "COMMAND LIST FILTERBY ACLCAT nosuch", "*0\r\n");
    assert_has(rig, "COMMAND LIST FILTERBY ACLCAT transaction", "$5\r\nmulti\r\n");
    assert_reply(rig, "COMMAND LIST FILTERBY BAD x", "-ERR syntax error\r\n");
    assert_reply(rig, "COMMAND LIST BAD", "-ERR syntax error\r\n");
    assert_reply(rig, "COMMAND GETKEYS MSET a 1 b 2", "*2\r\n$1\r\na\r\n$1\r\nb\r\n");
    assert_reply(rig, "COMMAND GETKEYS PING x", "-ERR The command has no key arguments\r\n");
    assert_reply(rig, "COMMAND GETKEYS NOSUCH x", "-ERR Invalid command specified\r\n");
    assert_reply(rig, "COMMAND GETKEYSANDFLAGS GETDEL a", "*1\r\n*2\r\n$1\r\na\r\n*3\r\n+RW\r\n+access\r\n+delete\r\n");
    assert_reply(rig, "COMMAND DOCS nosuch", "*0\r\n");
    assert_has(rig, "COMMAND DOCS substr",
               "$9\r\ndoc_flags\r\n*1\r\n+deprecated\r\n$16\r\ndeprecated_since\r\n$5\r\n2.0.0\r\n");
    run(rig, "HELLO 3");
    assert_has(rig, "COMMAND DOCS copy", "$5\r\nflags\r\n~1\r\n+optional\r\n");
    rig_free(rig);
}

static void test_keys_beyond_the_stack(void **state)
{
    (void)state;
    struct rig *rig = rig_new(NULL);
    struct buf line = BUF_INIT;
    buf_append_slice(&line, SLICE("COMMAND GETKEYS DEL"));
    for (int i = 0; i < 500; i++)
        buf_appendf(&line, " k%d", i);
    assert_has(rig, buf_cstr(&line), "$4\r\nk499\r\n");
    assert_int_equal(atoi(rig->text + 1), 500);
    buf_deinit(&line);
    rig_free(rig);
}

/* --- slow log and latency --- */

static void test_slowlog(void **state)
{
    (void)state;
    struct rig *rig = rig_new(NULL);
    assert_reply(rig, "SLOWLOG LEN", ":0\r\n");
    run(rig, "CONFIG SET slowlog-log-slower-than 0");
    run(rig, "CLIENT SETNAME me");
    run(rig, "SLOWLOG RESET");
    struct buf line = BUF_INIT;
    buf_append_slice(&line, SLICE("SET k "));
    for (int i = 0; i < 200; i++)
        buf_append_char(&line, 'x');
    run(rig, buf_cstr(&line));
    assert_has(rig, "SLOWLOG GET 1", "... (72 more bytes)\r\n$14\r\n127.0.0.1:5000\r\n$2\r\nme\r\n");
    buf_clear(&line);
    buf_append_slice(&line, SLICE("MGET"));
    for (int i = 0; i < 40; i++)
        buf_appendf(&line, " %d", i);
    run(rig, buf_cstr(&line));
    assert_has(rig, "SLOWLOG GET 1", "*32\r\n$4\r\nMGET\r\n");
    assert_has(rig, "SLOWLOG GET 2", "$2\r\n29\r\n$23\r\n... (10 more arguments)\r\n");
    run(rig, "CONFIG SET requirepass secret");
    assert_lacks(rig, "SLOWLOG GET 1", "secret");
    assert_non_null(strstr(rig->text, "(redacted)"));
    run(rig, "AUTH secret");
    assert_lacks(rig, "SLOWLOG GET 1", "secret");
    run(rig, "HELLO 2 AUTH default secret SETNAME visible");
    assert_lacks(rig, "SLOWLOG GET 1", "secret");
    assert_non_null(strstr(rig->text, "visible"));
    run(rig, "CONFIG SET slowlog-max-len 3");
    run(rig, "PING");
    assert_reply(rig, "SLOWLOG LEN", ":3\r\n");
    assert_int_equal(atoi(run(rig, "SLOWLOG GET -1") + 1), 3);
    assert_reply(rig, "SLOWLOG GET -2", "-ERR count should be greater than or equal to -1\r\n");
    assert_reply(rig, "SLOWLOG GET 1 2",
                 "-ERR unknown subcommand or wrong number of arguments for 'GET'. Try SLOWLOG HELP.\r\n");
    run(rig, "CONFIG SET slowlog-log-slower-than -1");
    assert_reply(rig, "SLOWLOG RESET", "+OK\r\n");
    assert_reply(rig, "SLOWLOG LEN", ":0\r\n");
    buf_deinit(&line);
    rig_free(rig);
}

static void test_latency(void **state)
{
    (void)state;
    struct rig *rig = rig_new(NULL);
    assert_reply(rig, "LATENCY LATEST", "*0\r\n");
    assert_reply(rig, "LATENCY GRAPH command", "-ERR No samples available for event 'command'\r\n");
    assert_reply(rig, "LATENCY HISTORY command", "*0\r\n");
    run(rig, "GET x");
    assert_has(rig, "LATENCY HISTOGRAM get",
               "*2\r\n$3\r\nget\r\n*4\r\n$5\r\ncalls\r\n:1\r\n$14\r\nhistogram_usec\r\n*2\r\n");
    assert_has(rig, "LATENCY HISTOGRAM client latency", "$17\r\nlatency|histogram\r\n");
    assert_reply(rig, "LATENCY HISTOGRAM nosuch", "*0\r\n");
    assert_reply(rig, "LATENCY RESET", ":0\r\n");
    assert_has(rig, "LATENCY DOCTOR", "monitor is off");
    run(rig, "CONFIG SET latency-monitor-threshold 3");
    assert_has(rig, "LATENCY DOCTOR", "No latency spike");
    for (int i = 0; i < 200; i++) { /* more than the ring and the drawing hold; seconds and minutes apart */
        rig_time(rig, i < 150 ? 61000 : 1000);
        run(rig, i % 2 == 0 ? "DEBUG SLEEP 0.003" : "DEBUG SLEEP 0.005");
    }
    run(rig, "DEBUG SLEEP 0.009"); /* in the same second: the slowest counts */
    assert_has(rig, "LATENCY LATEST", "*1\r\n*4\r\n$7\r\ncommand\r\n:17");
    assert_lacks(rig, "LATENCY LATEST", "\r\n:5\r\n");
    assert_int_equal(atoi(run(rig, "LATENCY HISTORY command") + 1), 160);
    assert_has(rig, "LATENCY GRAPH command", "command - high ");
    assert_has(rig, "LATENCY DOCTOR", "1. command: 160 latency spikes (average ");
    assert_reply(rig, "LATENCY RESET nosuch command", ":1\r\n");
    assert_reply(rig, "LATENCY LATEST", "*0\r\n");
    rig_free(rig);
}

/* --- databases --- */

static void test_flush_and_swap(void **state)
{
    (void)state;
    struct rig *rig = rig_new(NULL);
    run(rig, "SET a 1");
    run(rig, "SELECT 1");
    run(rig, "SET b 2");
    run(rig, "DEBUG EFFECTS START");
    assert_reply(rig, "SWAPDB 0 1", "+OK\r\n");
    assert_reply(rig, "GET a", "$1\r\n1\r\n");
    assert_reply(rig, "FLUSHDB async", "+OK\r\n");
    assert_reply(rig, "DBSIZE", ":0\r\n");
    run(rig, "SELECT 0");
    assert_reply(rig, "DBSIZE", ":1\r\n");
    assert_reply(rig, "FLUSHALL", "+OK\r\n");
    assert_reply(rig, "DBSIZE", ":0\r\n");
    assert_reply(rig, "FLUSHALL sync async", "-ERR syntax error\r\n");
    assert_reply(rig, "SWAPDB x 0", "-ERR invalid first DB index\r\n");
    assert_reply(rig, "SWAPDB 0 x", "-ERR invalid second DB index\r\n");
    assert_reply(rig, "SWAPDB 0 16", "-ERR DB index is out of range\r\n");
    run(rig, "DEBUG EFFECTS READ");
    const char *body = strstr(rig->text, "\r\n") + 2;
    assert_string_equal(
        body, "*2\r\n$6\r\nSELECT\r\n$1\r\n1\r\n*3\r\n$6\r\nSWAPDB\r\n$1\r\n0\r\n$1\r\n1\r\n"
              "*2\r\n$7\r\nFLUSHDB\r\n$5\r\nasync\r\n*2\r\n$6\r\nSELECT\r\n$1\r\n0\r\n*1\r\n$8\r\nFLUSHALL\r\n\r\n");
    assert_reply(rig, "DEBUG EFFECTS READ", "$0\r\n\r\n");
    assert_reply(rig, "DEBUG EFFECTS STOP", "+OK\r\n");
    run(rig, "SET x 1");
    assert_reply(rig, "DEBUG EFFECTS READ", "$0\r\n\r\n");
    run(rig, "DEBUG EFFECTS START"); /* the engine is freed with the recorder on */
    rig_free(rig);
}

static void test_watchers_see_flush_and_swap(void **state)
{
    (void)state;
    static const char *const changes[] = {"FLUSHDB", "FLUSHALL", "SWAPDB 0 1", "DEBUG POPULATE 1 k 0", NULL};
    for (int i = 0; changes[i] != NULL; i++) {
        struct rig *rig = rig_new(NULL);
        run(rig, i == 3 ? "WATCH k:0" : "SET k:0 v");
        run(rig, "WATCH k:0");
        run(rig, changes[i]);
        run(rig, "MULTI");
        run(rig, "PING");
        assert_reply(rig, "EXEC", "*-1\r\n");
        rig_free(rig);
    }
}

/* --- DEBUG --- */

static void test_digest(void **state)
{
    (void)state;
    struct rig *rig = rig_new(NULL);
    char first[64];
    assert_reply(rig, "DEBUG DIGEST", "+0000000000000000000000000000000000000000\r\n");
    run(rig, "SET a 1");
    run(rig, "SET b xyz");
    run(rig, "SET c 2 EX 100");
    snprintf(first, sizeof(first), "%s", run(rig, "DEBUG DIGEST"));
    run(rig, "FLUSHALL");
    run(rig, "SET c 1 EX 50");
    run(rig, "INCR c");
    run(rig, "APPEND b xyz");
    run(rig, "INCR a");
    assert_reply(rig, "DEBUG DIGEST", first);
    run(rig, "PERSIST c");
    assert_true(strcmp(run(rig, "DEBUG DIGEST"), first) != 0);
    run(rig, "FLUSHALL");
    run(rig, "SELECT 1");
    run(rig, "SET a 1");
    run(rig, "SET z 1");
    const char *two = run(rig, "DEBUG DIGEST-VALUE a z none");
    assert_memory_equal(two + 4, two + 4 + 43, 43);
    assert_string_equal(two + 4 + 86, "+0000000000000000000000000000000000000000\r\n");
    rig_free(rig);
}

static void test_populate(void **state)
{
    (void)state;
    struct rig *rig = rig_new(NULL);
    run(rig, "SET key:1 mine");
    assert_reply(rig, "DEBUG POPULATE 10", "+OK\r\n");
    assert_reply(rig, "DBSIZE", ":10\r\n");
    assert_reply(rig, "GET key:1", "$4\r\nmine\r\n");
    assert_reply(rig, "GET key:9", "$7\r\nvalue:9\r\n");
    run(rig, "DEBUG POPULATE 3 cut 2");
    assert_reply(rig, "GET cut:2", "$2\r\nva\r\n");
    run(rig, "DEBUG POPULATE 2 long 2000");
    assert_reply(rig, "STRLEN long:1", ":2000\r\n");
    assert_reply(rig, "GETRANGE long:1 0 6", "$7\r\nvalue:1\r\n");
    assert_reply(rig, "DEBUG POPULATE -1", "-ERR value is out of range, must be positive\r\n");
    assert_has(rig, "DEBUG POPULATE 1 p 9223372036854775807", "-ERR string exceeds maximum allowed size");
    assert_has(rig, "DEBUG HTSTATS 0", " number of elements: 15\n");
    assert_reply(rig, "DEBUG HTSTATS 16", "-ERR Out of range database\r\n");
    rig_free(rig);
}

static void test_debug_others(void **state)
{
    (void)state;
    struct rig *rig = rig_new(NULL);
    run(rig, "SET k v");
    assert_has(rig, "DEBUG OBJECT k", " refcount:1 encoding:embstr serializedlength:2 lru:");
    assert_reply(rig, "DEBUG OBJECT missing", "-ERR no such key\r\n");
    assert_reply(rig, "DEBUG nosuch",
                 "-ERR unknown subcommand or wrong number of arguments for 'nosuch'. Try DEBUG HELP.\r\n");
    assert_reply(rig, "DEBUG SLEEP 0.25", "+OK\r\n");
    assert_int_equal(rig->slept_us, 250000);
    run(rig, "DEBUG SEGFAULT");
    assert_string_equal(rig->crashed, "segfault");
    assert_reply(rig, "DEBUG ERROR \"MYERR text\"", "-MYERR text\r\n");
    assert_reply(rig, "DEBUG PROTOCOL push", "-ERR RESP2 is not supported by this command\r\n");
    assert_reply(rig, "DEBUG PROTOCOL map", "*6\r\n:0\r\n:0\r\n:1\r\n:1\r\n:2\r\n:0\r\n");
    assert_reply(rig, "DEBUG STRINGMATCH-LEN 1000 a*a*a*b", ":0\r\n");
    assert_reply(rig, "DEBUG STRINGMATCH-LEN 3 a*", ":1\r\n");
    assert_has(rig, "DEBUG RELOAD BAD", "-ERR DEBUG RELOAD only supports");
    char id[64];
    snprintf(id, sizeof(id), "%s", strstr(run(rig, "INFO replication"), "master_replid:"));
    assert_reply(rig, "DEBUG CHANGE-REPL-ID", "+OK\r\n");
    assert_lacks(rig, "INFO replication", id);
    run(rig, "SET gone x PX 5");
    run(rig, "DEBUG SET-ACTIVE-EXPIRE 0");
    rig_time(rig, 1000);
    (void)engine_tick(rig->engine, 1000);
    assert_reply(rig, "DBSIZE", ":2\r\n");
    run(rig, "DEBUG SET-ACTIVE-EXPIRE 1");
    (void)engine_tick(rig->engine, 1000);
    assert_reply(rig, "DBSIZE", ":1\r\n");
    run(rig, "HELLO 3");
    assert_reply(rig, "DEBUG PROTOCOL attrib",
                 "|1\r\n$14\r\nkey-popularity\r\n*2\r\n$7\r\nkey:123\r\n:90\r\n$39\r\nSome real reply following the "
                 "attribute\r\n");
    assert_reply(rig, "DEBUG PROTOCOL verbatim", "=29\r\ntxt:This is a verbatim\nstring\r\n");
    rig_free(rig);
}

/* --- the rest --- */

static void test_memory(void **state)
{
    (void)state;
    struct rig *rig = rig_new(NULL);
    assert_reply(rig, "MEMORY USAGE missing", "$-1\r\n");
    run(rig, "SET k v");
    int small = atoi(run(rig, "MEMORY USAGE k") + 1);
    assert_in_range(small, 10, 100);
    run(rig, "SETRANGE k 99999 x");
    assert_in_range(atoi(run(rig, "MEMORY USAGE k SAMPLES 0") + 1), 100000, 135000);
    assert_reply(rig, "MEMORY USAGE k SAMPLES", "-ERR syntax error\r\n");
    assert_reply(rig, "MEMORY USAGE k SAMPLES -1", "-ERR syntax error\r\n");
    assert_reply(rig, "MEMORY USAGE k SAMPLES x", "-ERR value is not an integer or out of range\r\n");
    run(rig, "FLUSHALL");
    assert_int_equal(atoi(run(rig, "MEMORY STATS") + 1), 54);
    run(rig, "SET k v");
    assert_int_equal(atoi(run(rig, "MEMORY STATS") + 1), 56);
    assert_has(rig, "MEMORY STATS", "$10\r\nkeys.count\r\n:1\r\n");
    assert_reply(rig, "MEMORY PURGE", "+OK\r\n");
    assert_has(rig, "MEMORY DOCTOR", "memory");
    rig_free(rig);
}

static void test_shutdown(void **state)
{
    (void)state;
    struct rig *rig = rig_new(NULL);
    static const char *const wrong[] = {"SHUTDOWN BAD", "SHUTDOWN SAVE NOSAVE", "SHUTDOWN NOW ABORT", NULL};
    for (int i = 0; wrong[i] != NULL; i++)
        assert_reply(rig, wrong[i], "-ERR syntax error\r\n");
    assert_reply(rig, "SHUTDOWN ABORT", "-ERR No shutdown in progress.\r\n");
    rig->aborts = true;
    assert_reply(rig, "SHUTDOWN ABORT", "+OK\r\n");
    assert_int_equal(rig->shutdowns, 0);
    assert_reply(rig, "SHUTDOWN nosave NOW now FORCE", "");
    assert_int_equal(rig->shutdowns, 1);
    assert_int_equal(rig->shutdown_flags, SHUTDOWN_NOSAVE | SHUTDOWN_NOW | SHUTDOWN_FORCE);
    rig_free(rig);
}

static void test_small_ones(void **state)
{
    (void)state;
    struct rig *rig = rig_new(NULL);
    assert_reply(rig, "TIME", "*2\r\n$10\r\n1700000000\r\n$1\r\n0\r\n");
    assert_reply(rig, "ROLE", "*3\r\n$6\r\nmaster\r\n:0\r\n*0\r\n");
    static const char *const drawings[] = {"LOLWUT",
                                           "LOLWUT VERSION 5 10 2 2",
                                           "LOLWUT VERSION 6",
                                           "LOLWUT VERSION 5 -1 -1",
                                           "LOLWUT VERSION 5 9223372036854775807 9223372036854775807",
                                           "LOLWUT BAD abc",
                                           NULL};
    for (int i = 0; drawings[i] != NULL; i++)
        assert_has(rig, drawings[i], "\nRedis ver. 7.4.0\n");
    assert_reply(rig, "LOLWUT VERSION abc", "-ERR value is not an integer or out of range\r\n");
    assert_reply(rig, "LOLWUT VERSION 5 abc", "-ERR value is not an integer or out of range\r\n");
    static const char *const helps[] = {"CONFIG HELP",  "COMMAND HELP", "MEMORY HELP", "SLOWLOG HELP",
                                        "LATENCY HELP", "DEBUG HELP",   NULL};
    for (int i = 0; helps[i] != NULL; i++)
        assert_has(rig, helps[i], "+HELP\r\n+    Print");
    rig_free(rig);
}

int main(void)
{
    mem_thread_init();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_info_sections),
        cmocka_unit_test(test_info_counts),
        cmocka_unit_test(test_config),
        cmocka_unit_test(test_command),
        cmocka_unit_test(test_keys_beyond_the_stack),
        cmocka_unit_test(test_slowlog),
        cmocka_unit_test(test_latency),
        cmocka_unit_test(test_flush_and_swap),
        cmocka_unit_test(test_watchers_see_flush_and_swap),
        cmocka_unit_test(test_digest),
        cmocka_unit_test(test_populate),
        cmocka_unit_test(test_debug_others),
        cmocka_unit_test(test_memory),
        cmocka_unit_test(test_shutdown),
        cmocka_unit_test(test_small_ones),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
