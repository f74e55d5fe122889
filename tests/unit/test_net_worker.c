/* A worker in this process, its clients at the other ends of socket pairs; everything once with each backend of the
 * loop. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "engine_fixture.h"

#include "base/clock.h"
#include "base/compiler.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/prng.h"
#include "cmd/cmd_feature.h"
#include "engine/blocking.h"
#include "engine/command_meta.h"
#include "engine/ctx.h"
#include "engine/feature.h"
#include "net/net_feature.h"
#include "net/worker.h"
#include "observe/observe_feature.h"
#include "value/string.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { CLIENTS_MAX = 400, PATIENCE_US = 20 * 1000 * 1000, MB = 1024 * 1024 };

struct client {
    int fd;         /* -1: closed */
    struct buf got; /* what was received and not looked at yet */
    bool eof;       /* the server closed */
};

struct rig {
    struct fixture fx;
    struct loop *loop;
    struct worker *worker;
    struct client clients[CLIENTS_MAX];
    int count;
};

/* TPOP key timeout: takes the string, or waits for it. */
static bool value_take(struct ctx *ctx, struct store_key key)
{
    char scratch[STRING_SCRATCH];
    struct record *r = ctx_find(ctx, key, FOR_WRITE);
    if (r == NULL) return false;
    reply_bulk(ctx->reply, string_view(r, scratch));
    ctx_delete(ctx, key, false);
    key_changed(ctx, key.name, EV_STRING, "tpop");
    return true;
}

static void reply_timed_out(struct ctx *ctx)
{
    reply_null(ctx->reply);
}

static void cmd_tpop(struct ctx *ctx)
{
    static const struct blocking_kind kind = {.serve = value_take, .timed_out = reply_timed_out};
    int64_t timeout_ms;
    assert_int_equal(arg_i64(ctx, 2, &timeout_ms), ST_OK);
    if (!value_take(ctx, ctx_key(ctx, 1))) ctx_block(ctx, &kind, (int[]){1}, 1, (uint64_t)timeout_ms);
}

static const struct command test_commands[] = {
    {COMMAND(GROUP_STRING, "tpop", cmd_tpop, 3, CMD_WRITE | CMD_BLOCKING, 0), ONE_KEY(KEY_RW)},
    {.name = NULL},
};
static const struct command *const test_tables[] = {test_commands, NULL};
static const struct feature test_feature = {.name = "test", .tables = test_tables};
static const struct feature *const features[] = {&net_feature, &cmd_feature, &observe_feature, &test_feature};

static int setup(void **state)
{
    static struct rig rig;
    const char *backend = *state;
    struct loop *loop = loop_new(backend);
    if (loop == NULL) {
        *state = NULL;
        return 0;
    }
    memset(&rig, 0, sizeof(rig));
    fixture_init(&rig.fx, features, ARRAY_LEN(features));
    rig.loop = loop;
    rig.worker = worker_new(rig.fx.engine, loop);
    *state = &rig;
    return 0;
}

static int teardown(void **state)
{
    struct rig *rig = *state;
    if (rig == NULL) return 0;
    for (int i = 0; i < rig->count; i++) {
        if (rig->clients[i].fd >= 0) close(rig->clients[i].fd);
        buf_deinit(&rig->clients[i].got);
    }
    worker_free(rig->worker);
    loop_free(rig->loop);
    assert_int_equal(session_count(rig->fx.engine), 1); /* the fixture's own */
    fixture_deinit(&rig->fx);
    return 0;
}

#define RIG()                                                                                                          \
    struct rig *rig = *state;                                                                                          \
    if (rig == NULL) skip()

static struct client *client_new(struct rig *rig)
{
    int pair[2];
    assert_true(rig->count < CLIENTS_MAX);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
    assert_non_null(worker_adopt(rig->worker, pair[0], true));
    struct client *c = &rig->clients[rig->count++];
    *c = (struct client){.fd = pair[1], .got = BUF_INIT};
    return c;
}

static void turn(struct rig *rig)
{
    assert_true(worker_turn(rig->worker, 1000));
}

static void client_send(struct rig *rig, struct client *c, const char *bytes, size_t len)
{
    while (len > 0) {
        ssize_t n = send(c->fd, bytes, len, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (n < 0) {
            assert_int_equal(errno, EAGAIN);
            turn(rig);
            continue;
        }
        bytes += n;
        len -= (size_t)n;
    }
}

static void client_say(struct rig *rig, struct client *c, const char *text)
{
    client_send(rig, c, text, strlen(text));
}

/* Takes what lies ready. */
static void client_receive(struct client *c)
{
    static char room[64 * 1024];
    for (;;) {
        ssize_t n = recv(c->fd, room, sizeof(room), MSG_DONTWAIT);
        if (n < 0 && errno == EAGAIN) return;
        if (n <= 0) {
            c->eof = true;
            return;
        }
        buf_append(&c->got, room, (size_t)n);
    }
}

/* Turns until so many bytes have come, or the server has closed. */
static void client_await(struct rig *rig, struct client *c, size_t len)
{
    uint64_t end = clock_mono_us() + PATIENCE_US;
    while (c->got.len < len && !c->eof) {
        turn(rig);
        client_receive(c);
        if (clock_mono_us() > end) fail_msg("%zu bytes of %zu came", c->got.len, len);
    }
}

static void client_expect(struct rig *rig, struct client *c, const char *text)
{
    client_await(rig, c, strlen(text));
    assert_string_equal(buf_cstr(&c->got), text);
    buf_clear(&c->got);
}

/* What came before the server closed. */
static void client_expect_close(struct rig *rig, struct client *c, const char *text)
{
    client_await(rig, c, SIZE_MAX);
    assert_string_equal(buf_cstr(&c->got), text);
    buf_clear(&c->got);
}

static void turns(struct rig *rig, int count)
{
    for (int i = 0; i < count; i++) assert_true(worker_turn(rig->worker, 0));
}

static void clients_gone(struct rig *rig, size_t left)
{
    uint64_t end = clock_mono_us() + PATIENCE_US;
    while (session_count(rig->fx.engine) != left + 1) {
        turn(rig);
        assert_true(clock_mono_us() < end);
    }
}

static void client_close(struct client *c)
{
    close(c->fd);
    c->fd = -1;
    buf_deinit(&c->got);
}

/* --- the tests --- */

static void test_many_at_once(void **state)
{
    RIG();
    enum { MANY = 300 };
    for (int i = 0; i < MANY; i++) client_new(rig);
    for (int round = 0; round < 3; round++) {
        char text[128];
        for (int i = 0; i < MANY; i++) {
            snprintf(text, sizeof(text), "SET key:%d v%d\r\nINCR count\r\nGET key:%d\r\n", i, i, i);
            client_say(rig, &rig->clients[i], text);
        }
        for (int i = 0; i < MANY; i++) {
            struct client *c = &rig->clients[i];
            int count, value, size;
            char more;
            snprintf(text, sizeof(text), "+OK\r\n:1\r\n$%d\r\nv%d\r\n", snprintf(text, sizeof(text), "v%d", i), i);
            client_await(rig, c, strlen(text));
            turns(rig, 1);
            client_receive(c);
            assert_int_equal(sscanf(buf_cstr(&c->got), "+OK :%d $%d v%d %c", &count, &size, &value, &more), 3);
            assert_int_equal(value, i);
            assert_true(count >= 1 && count <= MANY * (round + 1));
            buf_clear(&c->got);
        }
        snprintf(text, sizeof(text), "\"%d\"", MANY * (round + 1));
        assert_string_equal(fixture_run(&rig->fx, "get count"), text);
    }
}

static void test_pipeline_beyond_a_batch(void **state)
{
    RIG();
    enum { COMMANDS = 5000, MANY_ARGS = 10000 };
    struct client *c = client_new(rig);
    struct buf in = BUF_INIT, out = BUF_INIT;
    for (int i = 1; i <= COMMANDS; i++) {
        buf_appendf(&in, "*2\r\n$4\r\nINCR\r\n$1\r\nn\r\n");
        buf_appendf(&out, ":%d\r\n", i);
    }
    /* More arguments than there is room for in a batch; and several that together are too many. */
    for (int k = 0; k < 5; k++) {
        int count = k == 2 ? MANY_ARGS : 1500;
        buf_appendf(&in, "*%d\r\n$6\r\nEXISTS\r\n", count + 1);
        for (int i = 0; i < count; i++) buf_appendf(&in, "$1\r\n%c\r\n", i % 2 ? 'n' : 'x');
        buf_appendf(&out, ":%d\r\n", count / 2);
    }
    buf_appendf(&in, "PING\r\n");
    buf_appendf(&out, "+PONG\r\n");
    client_send(rig, c, in.data, in.len);
    client_expect(rig, c, buf_cstr(&out));
    buf_deinit(&in);
    buf_deinit(&out);
}

static const char script[] = "*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$5\r\nhello\r\n"
                             "get k\r\n\r\n*0\r\n"
                             "*3\r\n$6\r\nAPPEND\r\n$1\r\nk\r\n$2\r\n\r\n\r\n"
                             "*2\r\n$6\r\nSTRLEN\r\n$1\r\nk\r\n"
                             "NONSENSE\r\n"
                             "*1\r\n$5\r\nMULTI\r\n*2\r\n$3\r\nGET\r\n$1\r\nk\r\n*1\r\n$4\r\nEXEC\r\n";
static const char script_replies[] = "+OK\r\n$5\r\nhello\r\n:7\r\n:7\r\n"
                                     "-ERR unknown command 'NONSENSE', with args beginning with: \r\n"
                                     "+OK\r\n+QUEUED\r\n*1\r\n$7\r\nhello\r\n\r\n";

static void test_split_over_turns(void **state)
{
    RIG();
    struct client *c = client_new(rig);
    size_t len = sizeof(script) - 1;
    for (size_t i = 0; i < len; i++) {
        client_send(rig, c, &script[i], 1);
        turns(rig, 1);
    }
    client_expect(rig, c, script_replies);
    struct prng prng;
    prng_init(&prng, 3);
    for (int round = 0; round < 50; round++) {
        for (size_t at = 0; at < len;) {
            size_t n = 1 + prng_below(&prng, 40);
            if (n > len - at) n = len - at;
            client_send(rig, c, &script[at], n);
            if (prng_below(&prng, 3) > 0) turns(rig, 1);
            at += n;
        }
        client_expect(rig, c, script_replies);
    }
}

static char *big_value(size_t len, uint64_t seed)
{
    char *bytes = malloc(len);
    struct prng prng;
    prng_init(&prng, seed);
    for (size_t i = 0; i < len; i++) bytes[i] = (char)('a' + prng_below(&prng, 26));
    return bytes;
}

static void test_large_values_in_pieces(void **state)
{
    RIG();
    static const size_t sizes[] = {16 * 1024 - 1, 16 * 1024, 16 * 1024 + 1, 100000, 3 * MB + 17};
    struct client *c = client_new(rig), *other = client_new(rig);
    struct prng prng;
    prng_init(&prng, 9);
    for (size_t k = 0; k < ARRAY_LEN(sizes); k++) {
        size_t len = sizes[k];
        char *value = big_value(len, k);
        struct buf in = BUF_INIT;
        buf_appendf(&in, "*3\r\n$3\r\nSET\r\n$3\r\nbig\r\n$%zu\r\n", len);
        buf_append(&in, value, len);
        /* What stands behind it belongs to the next requests, though it may come with the same read. */
        buf_appendf(&in, "\r\n*2\r\n$3\r\nGET\r\n$3\r\nbig\r\nPING\r\n");
        for (size_t at = 0; at < in.len;) {
            size_t n = 1 + prng_below(&prng, prng_below(&prng, 4) == 0 ? 10 : 50000);
            if (n > in.len - at) n = in.len - at;
            client_send(rig, c, in.data + at, n);
            at += n;
            turns(rig, 1);
            if (prng_below(&prng, 8) == 0) {
                client_say(rig, other, "PING\r\n");
                client_expect(rig, other, "+PONG\r\n");
            }
        }
        buf_clear(&in);
        buf_appendf(&in, "+OK\r\n$%zu\r\n", len);
        buf_append(&in, value, len);
        buf_appendf(&in, "\r\n+PONG\r\n");
        client_await(rig, c, in.len);
        assert_int_equal(c->got.len, in.len);
        assert_memory_equal(c->got.data, in.data, in.len);
        buf_clear(&c->got);
        buf_deinit(&in);
        free(value);
    }
}

static void test_two_large_arguments(void **state)
{
    RIG();
    struct client *c = client_new(rig);
    size_t len = 200000;
    char *value = big_value(len, 4);
    struct buf in = BUF_INIT;
    buf_appendf(&in, "*5\r\n$4\r\nMSET\r\n$1\r\na\r\n$%zu\r\n", len);
    buf_append(&in, value, len);
    buf_appendf(&in, "\r\n$1\r\nb\r\n$%zu\r\n", len);
    buf_append(&in, value, len);
    buf_appendf(&in, "\r\nSTRLEN b\r\nSTRLEN a\r\n");
    client_send(rig, c, in.data, in.len);
    client_expect(rig, c, "+OK\r\n:200000\r\n:200000\r\n");
    buf_deinit(&in);
    free(value);
}

static void test_client_goes_in_the_middle(void **state)
{
    RIG();
    static const char *const parts[] = {"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$100000\r\nabc", "*3\r\n$3\r\nSE", "GET", "*",
                                        "*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$10\r\nabc", ""};
    for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
        for (int wait = 0; wait < 2; wait++) {
            struct client *c = client_new(rig);
            client_say(rig, c, "INCR done\r\n");
            client_say(rig, c, parts[i]);
            if (wait) turns(rig, 2);
            client_close(c);
            clients_gone(rig, 0);
        }
    }
    /* What had arrived whole was done. */
    assert_string_equal(fixture_run(&rig->fx, "get done"), "\"12\"");
    assert_string_equal(fixture_run(&rig->fx, "exists k"), "0");
    /* With answers that nobody takes. */
    fixture_run(&rig->fx, "setrange big 3000000 x");
    struct client *c = client_new(rig);
    for (int i = 0; i < 20; i++) client_say(rig, c, "GET big\r\n");
    turns(rig, 3);
    client_close(c);
    clients_gone(rig, 0);
}

/* `printf 'PING\r\n' | nc -N host port`: the end comes with the requests, and the answers are wanted. */
static void test_half_closed(void **state)
{
    RIG();
    for (int i = 0; i < 20; i++) {
        struct client *c = client_new(rig);
        turns(rig, i % 3);
        client_say(rig, c, "PING\r\nSET k v\r\nGET k\r\n");
        assert_int_equal(shutdown(c->fd, SHUT_WR), 0);
        client_expect_close(rig, c, "+PONG\r\n+OK\r\n$1\r\nv\r\n");
        client_close(c);
    }
    clients_gone(rig, 0);
}

static void test_slow_reader(void **state)
{
    RIG();
    size_t len = 20 * MB;
    struct client *c = client_new(rig), *other = client_new(rig);
    char *value = big_value(len, 1);
    struct buf in = BUF_INIT;
    buf_appendf(&in, "*3\r\n$3\r\nSET\r\n$3\r\nbig\r\n$%zu\r\n", len);
    client_send(rig, other, in.data, in.len);
    client_send(rig, other, value, len);
    client_say(rig, other, "\r\n");
    client_expect(rig, other, "+OK\r\n");
    turns(rig, 3);
    size_t before = mem_used();
    client_say(rig, c, "GET big\r\nGET big\r\nPING\r\n");
    for (int i = 0; i < 100; i++) {
        client_say(rig, other, "PING\r\n");
        client_expect(rig, other, "+PONG\r\n");
    }
    assert_true(mem_used() < before + 2 * MB); /* large values are sent from where they lie */
    /* It goes on when it reads; the value that it is being sent may change meanwhile. */
    client_say(rig, other, "SET big small\r\n");
    client_expect(rig, other, "+OK\r\n");
    buf_clear(&in);
    for (int i = 0; i < 2; i++) {
        buf_appendf(&in, "$%zu\r\n", len);
        buf_append(&in, value, len);
        buf_appendf(&in, "\r\n");
    }
    buf_appendf(&in, "+PONG\r\n");
    client_await(rig, c, in.len);
    assert_int_equal(c->got.len, in.len);
    assert_memory_equal(c->got.data, in.data, in.len);
    buf_deinit(&in);
    free(value);
}

static void test_output_limit(void **state)
{
    RIG();
    struct client *c = client_new(rig), *other = client_new(rig);
    fixture_config(&rig->fx, "client-output-buffer-limit", "normal 2mb 0 0");
    client_say(rig, other, "SETRANGE big 99999 x\r\n");
    client_expect(rig, other, ":100000\r\n");
    size_t before = mem_used();
    struct buf in = BUF_INIT;
    for (int i = 0; i < 500; i++) buf_appendf(&in, "GETRANGE big 0 9999\r\nGET big\r\n");
    client_send(rig, c, in.data, in.len);
    for (int i = 0; i < 20; i++) {
        turns(rig, 1);
        assert_true(mem_used() < before + 8 * MB);
    }
    clients_gone(rig, 1);
    assert_int_equal(engine_stats(rig->fx.engine)->output_limit_disconnections, 1);
    client_say(rig, other, "PING\r\n");
    client_expect(rig, other, "+PONG\r\n");
    buf_deinit(&in);
}

static void test_quit_in_a_pipeline(void **state)
{
    RIG();
    struct client *c = client_new(rig);
    client_say(rig, c, "SET a 1\r\nQUIT\r\nSET b 1\r\nPING\r\n");
    client_expect_close(rig, c, "+OK\r\n+OK\r\n");
    assert_string_equal(fixture_run(&rig->fx, "exists a b"), "1");
    clients_gone(rig, 0);
}

static void test_protocol_error_in_a_pipeline(void **state)
{
    RIG();
    struct client *c = client_new(rig);
    client_say(rig, c, "SET a 1\r\n*1\r\n!\r\nSET b 1\r\n");
    client_expect_close(rig, c, "+OK\r\n-ERR Protocol error: expected '$', got '!'\r\n");
    assert_string_equal(fixture_run(&rig->fx, "exists a b"), "1");
    clients_gone(rig, 0);
}

static void test_killed_in_the_batch(void **state)
{
    RIG();
    struct client *killer = client_new(rig), *victim = client_new(rig);
    char text[64];
    int id;
    client_say(rig, victim, "CLIENT ID\r\n");
    client_await(rig, victim, 4);
    assert_int_equal(sscanf(buf_cstr(&victim->got), ":%d", &id), 1);
    buf_clear(&victim->got);
    snprintf(text, sizeof(text), "CLIENT KILL ID %d\r\nSET after 1\r\n", id);
    client_say(rig, killer, text);
    client_say(rig, victim, "INCR x\r\nINCR x\r\n*3\r\n$3\r\nSET");
    client_expect(rig, killer, ":1\r\n+OK\r\n");
    client_await(rig, victim, SIZE_MAX); /* all of its answers or none, as the turn had it */
    clients_gone(rig, 1);
    /* It kills itself: told so, then closed. */
    client_say(rig, killer, "CLIENT ID\r\n");
    client_await(rig, killer, 4);
    assert_int_equal(sscanf(buf_cstr(&killer->got), ":%d", &id), 1);
    buf_clear(&killer->got);
    snprintf(text, sizeof(text), "CLIENT KILL ID %d SKIPME no\r\nSET never 1\r\n", id);
    client_say(rig, killer, text);
    client_expect_close(rig, killer, ":1\r\n");
    clients_gone(rig, 0);
    assert_string_equal(fixture_run(&rig->fx, "exists after never"), "1");
}

static void test_paused_goes_on_in_order(void **state)
{
    RIG();
    struct client *boss = client_new(rig), *c = client_new(rig), *gone = client_new(rig);
    client_say(rig, boss, "CLIENT PAUSE 100000 WRITE\r\n");
    client_expect(rig, boss, "+OK\r\n");
    client_say(rig, c, "GET k\r\nSET k a\r\nGET k\r\nAPPEND k b\r\n");
    client_say(rig, gone, "SET k gone\r\nSET k gone\r\n");
    client_expect(rig, c, "$-1\r\n");
    client_say(rig, c, "GET k\r\nSET k ");
    turns(rig, 3);
    client_say(rig, c, "last\r\nGET k\r\n");
    turns(rig, 3);
    client_receive(c);
    assert_int_equal(c->got.len, 0);
    client_close(gone); /* what was postponed goes with it */
    clients_gone(rig, 2);
    client_say(rig, boss, "EXISTS k\r\nCLIENT UNPAUSE\r\n");
    client_expect(rig, boss, ":0\r\n+OK\r\n");
    client_expect(rig, c, "+OK\r\n$1\r\na\r\n:2\r\n$2\r\nab\r\n+OK\r\n$4\r\nlast\r\n");
    /* A pause that ends by itself. */
    client_say(rig, boss, "CLIENT PAUSE 20 WRITE\r\n");
    client_expect(rig, boss, "+OK\r\n");
    client_say(rig, c, "INCR n\r\nINCR n\r\nGET n\r\n");
    client_expect(rig, c, ":1\r\n:2\r\n$1\r\n2\r\n");
    /* One pause right after the other. */
    client_say(rig, boss, "CLIENT PAUSE 100000 ALL\r\n");
    client_expect(rig, boss, "+OK\r\n");
    client_say(rig, c, "INCR n\r\nCLIENT UNPAUSE\r\nINCR n\r\n");
    turns(rig, 3);
    engine_unpause(rig->fx.engine);
    client_expect(rig, c, ":3\r\n+OK\r\n:4\r\n");
}

static void test_kill_of_a_paused_one(void **state)
{
    RIG();
    struct client *boss = client_new(rig), *c = client_new(rig);
    client_say(rig, boss, "CLIENT PAUSE 100000 WRITE\r\n");
    client_expect(rig, boss, "+OK\r\n");
    client_say(rig, c, "SET k a\r\nSET k b\r\n");
    turns(rig, 3);
    client_say(rig, boss, "CLIENT KILL TYPE normal SKIPME yes\r\nCLIENT UNPAUSE\r\nEXISTS k\r\n");
    client_expect(rig, boss, ":2\r\n+OK\r\n:0\r\n"); /* the fixture's own session is a normal one, too */
    client_expect_close(rig, c, "");
    clients_gone(rig, 1);
}

/* The error belongs behind the answers to what came before it, though these have to wait. */
static void test_protocol_error_behind_a_pause(void **state)
{
    RIG();
    struct client *boss = client_new(rig), *c = client_new(rig);
    client_say(rig, boss, "CLIENT PAUSE 100000 WRITE\r\n");
    client_expect(rig, boss, "+OK\r\n");
    client_say(rig, c, "SET k a\r\n*1\r\n!\r\nSET k b\r\n");
    turns(rig, 3);
    client_receive(c);
    assert_int_equal(c->got.len, 0);
    client_say(rig, boss, "CLIENT UNPAUSE\r\n");
    client_expect(rig, boss, "+OK\r\n");
    client_expect_close(rig, c, "+OK\r\n-ERR Protocol error: expected '$', got '!'\r\n");
    assert_string_equal(fixture_run(&rig->fx, "get k"), "\"a\"");
}

static void test_blocked_goes_on_in_order(void **state)
{
    RIG();
    struct client *boss = client_new(rig), *c = client_new(rig), *d = client_new(rig);
    client_say(rig, c, "PING\r\nTPOP k 0\r\nTPOP k 0\r\nPING\r\n");
    client_expect(rig, c, "+PONG\r\n");
    client_say(rig, c, "TPOP l 30\r\nSET done ");
    turns(rig, 3);
    client_say(rig, c, "yes\r\n");
    turns(rig, 3);
    client_say(rig, boss, "SET k 1\r\nEXISTS k\r\n");
    client_expect(rig, boss, "+OK\r\n:0\r\n");
    client_expect(rig, c, "$1\r\n1\r\n");
    client_say(rig, boss, "EXISTS done\r\nSET k 2\r\n");
    client_expect(rig, boss, ":0\r\n+OK\r\n");
    client_expect(rig, c, "$1\r\n2\r\n+PONG\r\n$-1\r\n+OK\r\n");
    /* Fed in the turn in which it blocks, with more of it behind. */
    for (int i = 0; i < 20; i++) {
        client_say(rig, c, "TPOP k 0\r\nECHO a\r\n");
        client_say(rig, d, "TPOP k 0\r\nECHO b\r\n");
        client_say(rig, boss, "SET k 1\r\n");
        client_say(rig, c, "ECHO c\r\n");
        turns(rig, i % 3);
        client_say(rig, boss, "SET k 2\r\n");
        client_expect(rig, boss, "+OK\r\n+OK\r\n");
        client_await(rig, c, strlen("$1\r\n1\r\n$1\r\na\r\n$1\r\nc\r\n"));
        client_await(rig, d, strlen("$1\r\n1\r\n$1\r\nb\r\n"));
        bool first = c->got.data[4] == '1'; /* who came first is the loop's to say */
        client_expect(rig, c, first ? "$1\r\n1\r\n$1\r\na\r\n$1\r\nc\r\n" : "$1\r\n2\r\n$1\r\na\r\n$1\r\nc\r\n");
        client_expect(rig, d, first ? "$1\r\n2\r\n$1\r\nb\r\n" : "$1\r\n1\r\n$1\r\nb\r\n");
    }
    /* Whoever goes while it waits is not served, and what it had sent behind is dropped. */
    client_say(rig, c, "TPOP k 0\r\nSET never 1\r\n");
    turns(rig, 3);
    client_close(c);
    clients_gone(rig, 2);
    client_say(rig, boss, "SET k 1\r\nEXISTS k never\r\n");
    client_expect(rig, boss, "+OK\r\n:1\r\n");
}

/* Replies to those that wrote wait until their effects are durable; those to others go, and so does what a client was
 * told before. One that is fed waits with its feeder. */
static void test_replies_wait_for_durability(void **state)
{
    RIG();
    struct engine *e = rig->fx.engine;
    struct client *writer = client_new(rig), *reader = client_new(rig), *fed = client_new(rig);
    client_say(rig, fed, "TPOP k 0\r\n");
    turns(rig, 3);
    engine_set_durable(e, engine_log_offset(e));
    client_say(rig, writer, "SET k 1\r\nSET l 2\r\nGET l\r\n");
    turns(rig, 5);
    client_say(rig, reader, "GET l\r\n");
    client_expect(rig, reader, "$1\r\n2\r\n");
    client_receive(writer);
    client_receive(fed);
    assert_true(writer->got.len == 0 && fed->got.len == 0);
    uint64_t first = engine_log_offset(e);
    client_say(rig, reader, "SET m 3\r\n");
    turns(rig, 5);
    engine_set_durable(e, first - 1); /* not all of the first yet */
    turns(rig, 5);
    client_receive(writer);
    assert_int_equal(writer->got.len, 0);
    engine_set_durable(e, first);
    client_expect(rig, writer, "+OK\r\n+OK\r\n$1\r\n2\r\n");
    client_expect(rig, fed, "$1\r\n1\r\n");
    client_receive(reader);
    assert_int_equal(reader->got.len, 0);
    client_say(rig, reader, "QUIT\r\n");
    turns(rig, 5);
    engine_set_durable(e, UINT64_MAX);
    client_expect_close(rig, reader, "+OK\r\n+OK\r\n");
    client_say(rig, writer, "SET m 4\r\n");
    turns(rig, 2);
    client_expect(rig, writer, "+OK\r\n");
    engine_set_durable(e, 0); /* one that closes while it is held */
    client_say(rig, writer, "SET m 5\r\n");
    turns(rig, 3);
    client_close(writer);
    clients_gone(rig, 1);
}

/* A client is alone when nobody else has sent anything for a while. */
static void test_alone(void **state)
{
    RIG();
    struct client *one = client_new(rig), *other = client_new(rig);
    client_say(rig, other, "PING\r\n");
    client_expect(rig, other, "+PONG\r\n");
    client_say(rig, one, "PING\r\n");
    client_expect(rig, one, "+PONG\r\n");
    assert_false(engine_alone(rig->fx.engine));
    uint64_t end = clock_mono_us() + PATIENCE_US;
    while (!engine_alone(rig->fx.engine) && clock_mono_us() < end) {
        client_say(rig, one, "PING\r\n");
        client_expect(rig, one, "+PONG\r\n");
    }
    assert_true(engine_alone(rig->fx.engine));
    client_say(rig, other, "PING\r\n");
    client_expect(rig, other, "+PONG\r\n");
    assert_false(engine_alone(rig->fx.engine));
}

/* The time-out comes when it is due, not with the next tick that was planned. */
static void test_timeout_in_time(void **state)
{
    RIG();
    struct client *c = client_new(rig);
    uint64_t best = UINT64_MAX;
    for (int i = 0; i < 5; i++) {
        uint64_t start = clock_mono_us();
        client_say(rig, c, "TPOP k 5\r\n");
        while (c->got.len == 0) {
            turn(rig);
            client_receive(c);
        }
        client_expect(rig, c, "$-1\r\n");
        uint64_t us = clock_mono_us() - start;
        assert_true(us >= 4000);
        if (us < best) best = us;
    }
    assert_true(best < 50000);
}

static void test_query_limit(void **state)
{
    RIG();
    struct client *c = client_new(rig);
    fixture_config(&rig->fx, "client-query-buffer-limit", "1mb");
    client_say(rig, c, "*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$3000000\r\n");
    char *value = big_value(2 * MB, 6);
    for (int i = 0; i < 32; i++) {
        if (send(c->fd, value + i * 65536, 65536, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 && errno != EAGAIN) break;
        turns(rig, 2);
    }
    clients_gone(rig, 0);
    free(value);
}

/* Many clients, random cuts, closes in between: each gets the answers to what it asked. */
static void test_crowd(void **state)
{
    RIG();
    enum { CROWD = 40, ROUNDS = 3000 };
    struct prng prng;
    int asked[CROWD] = {0};
    prng_init(&prng, 11);
    for (int i = 0; i < CROWD; i++) client_new(rig);
    for (int round = 0; round < ROUNDS; round++) {
        int i = (int)prng_below(&prng, CROWD);
        struct client *c = &rig->clients[i];
        char text[64];
        int n = snprintf(text, sizeof(text), "*2\r\n$4\r\nECHO\r\n$8\r\n%02d-%05d\r\n", i, asked[i]++);
        size_t cut = prng_below(&prng, (uint64_t)n + 1);
        client_send(rig, c, text, cut);
        if (prng_below(&prng, 3) == 0) turns(rig, 1);
        client_send(rig, c, text + cut, (size_t)n - cut);
        if (prng_below(&prng, 5) == 0) turns(rig, 1);
        if (prng_below(&prng, 100) == 0) {
            close(c->fd);
            int pair[2];
            assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
            assert_non_null(worker_adopt(rig->worker, pair[0], true));
            c->fd = pair[1];
            buf_clear(&c->got);
            asked[i] = 0;
        }
    }
    for (int i = 0; i < CROWD; i++) {
        struct client *c = &rig->clients[i];
        client_await(rig, c, (size_t)asked[i] * 14);
        assert_int_equal(c->got.len, asked[i] * 14);
        for (int k = 0; k < asked[i]; k++) {
            char text[64];
            snprintf(text, sizeof(text), "$8\r\n%02d-%05d\r\n", i, k);
            assert_memory_equal(c->got.data + k * 14, text, 14);
        }
    }
}

int main(void)
{
#define ON(name, backend) {#name " (" backend ")", name, setup, teardown, backend}
#define TEST(name) ON(name, "epoll"), ON(name, "io_uring")
    struct CMUnitTest tests[] = {
        TEST(test_many_at_once),
        TEST(test_pipeline_beyond_a_batch),
        TEST(test_split_over_turns),
        TEST(test_large_values_in_pieces),
        TEST(test_two_large_arguments),
        TEST(test_client_goes_in_the_middle),
        TEST(test_half_closed),
        TEST(test_slow_reader),
        TEST(test_output_limit),
        TEST(test_quit_in_a_pipeline),
        TEST(test_protocol_error_in_a_pipeline),
        TEST(test_killed_in_the_batch),
        TEST(test_paused_goes_on_in_order),
        TEST(test_kill_of_a_paused_one),
        TEST(test_protocol_error_behind_a_pause),
        TEST(test_blocked_goes_on_in_order),
        TEST(test_replies_wait_for_durability),
        TEST(test_alone),
        TEST(test_timeout_in_time),
        TEST(test_query_limit),
        TEST(test_crowd),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
