/* Whole commands: bytes of a connection (RESP or inline) go through parser, gates and handlers of an engine in this
 * process. Two sessions share them: a command that begins with a small letter is the second one's. No crash, one reply
 * for each command, a sound store and a well-formed log at the end. Byte 0 says how fast time goes, and whether memory
 * is scarce. */
#include "base/buf.h"
#include "base/log.h"
#include "base/mem.h"
#include "cmd/cmd_feature.h"
#include "engine/config.h"
#include "engine/effects.h"
#include "engine/engine.h"
#include "engine/feature.h"
#include "observe/observe_feature.h"
#include "resp/reply_reader.h"
#include "value/string.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum {
    COMMANDS_MAX = 200,
    OFFSET_DIGITS_MAX = 4,
    LCS_CELLS_MAX = 1000 * 1000,
    SESSIONS = 2,
    MEMORY_ROOM = 32 * 1024, /* until the limit */
    SPEED = 0x3F,            /* of time, in byte 0: 400 us a command for each */
    SCARCE = 0x40,           /* a limit; any key may be evicted */
    SCARCE_VOLATILE = 0x80   /* a limit; only keys with an expiry may */
};

struct user {
    struct session *session;
    struct reply reply;
    bool waits, silent; /* for the reply of a command that blocked, which CLIENT REPLY forbids */
};

struct bench { /* one engine with its surroundings */
    struct engine *engine;
    struct config *config;
    struct logger log; /* says nothing */
    struct user users[SESSIONS];
    struct effect_sink sink;
    struct buf wire;
    uint64_t now_us;
};

static void sink_commit(void *arg, const struct effect_batch *batch)
{
    struct bench *b = arg;
    if (batch->count < 1) abort();
    buf_append_slice(&b->wire, batch->wire);
}

static void bench_open(struct bench *b)
{
    static const struct feature *const features[] = {&cmd_feature, &observe_feature};
    struct store_options store = {.databases = 16, .partitions = 1, .seed = {3, 4}, .now_ms = 1000000};
    struct buf err = BUF_INIT;
    *b = (struct bench){.config = config_new(), .now_us = 1000000000, .log = {.level = LOG_NOTHING, .fd = -1}};
    struct engine_options options = {.store = store,
                                     .features = features,
                                     .feature_count = ARRAY_LEN(features),
                                     .log = &b->log,
                                     .prng_seed = 1,
                                     .now_us = b->now_us,
                                     .mono_us = b->now_us,
                                     .config = b->config};
    b->engine = engine_new(&options);
    if (!config_load(b->config, NULL, 0, NULL, &err) || !config_start(b->config, &err) ||
        !config_set_internal(b->config, "proto-max-bulk-len", SLICE("1mb"), &err) ||
        !engine_start(b->engine, &store, &err)) {
        fprintf(stderr, "%s\n", buf_cstr(&err));
        abort();
    }
    b->sink = (struct effect_sink){.name = "fuzz", .arg = b, .commit = sink_commit};
    engine_sink_add(b->engine, &b->sink);
}

static void user_come(struct bench *b, struct user *u)
{
    u->waits = false;
    reply_init(&u->reply, NULL);
    u->session = session_open(b->engine, NULL, NULL, &u->reply, 0);
}

static void user_go(struct user *u)
{
    session_close(u->session);
    reply_deinit(&u->reply);
}

static void setting(struct bench *b, const char *name, const char *value)
{
    struct buf err = BUF_INIT;
    if (!config_set_internal(b->config, name, slice_cstr(value), &err)) abort();
    buf_deinit(&err);
}

static void memory_limit(struct bench *b, uint8_t options)
{
    char limit[32] = "0";
    if (options & (SCARCE | SCARCE_VOLATILE)) snprintf(limit, sizeof(limit), "%zu", mem_used() + MEMORY_ROOM);
    setting(b, "maxmemory-policy", options & SCARCE_VOLATILE ? "volatile-ttl" : "allkeys-random");
    setting(b, "maxmemory", limit);
}

/* Counts whole values, and dies on anything else. */
static int values_in(struct slice wire)
{
    struct reply_tree tree;
    struct reply_node *node;
    enum reader_result result;
    int count = 0;
    reply_tree_init(&tree);
    while ((result = reply_tree_next(&tree, &wire, &node)) == READER_ITEM) {
        reply_node_free(node);
        count++;
    }
    if (result == READER_ERROR || wire.len != 0) abort();
    reply_tree_deinit(&tree);
    return count;
}

static int replies_take(struct user *u)
{
    size_t len = (size_t)reply_pending_bytes(&u->reply);
    char *wire = malloc(len + 1);
    reply_check(&u->reply);
    if (reply_copy_out(&u->reply, wire, len) != len) abort();
    reply_consume(&u->reply, len);
    int count = values_in(slice_of(wire, len));
    free(wire);
    return count;
}

/* Whoever was served or timed out has exactly one reply, and nobody else has one. */
static void users_look(struct bench *b)
{
    for (int i = 0; i < SESSIONS; i++) {
        struct user *u = &b->users[i];
        int replies = replies_take(u), expected = u->waits && !session_blocked(u->session);
        if (replies > expected || (replies < expected && !u->silent)) abort();
        u->waits = session_blocked(u->session);
    }
}

static size_t value_len(struct bench *b, struct user *u, struct slice name)
{
    struct store *store = engine_store(b->engine);
    const struct record *r = store_find(store, session_db(u->session), store_key(store, name));
    return r == NULL || record_type(r) != TYPE_STRING ? 0 : string_len(r);
}

/* What only costs time: huge strings, and what is quadratic in them; CONFIG changes more than this engine. And CLIENT
 * REPLY in a transaction: as in Redis, it takes replies out of the middle of EXEC's, which is no whole value then. */
static bool is_left_out(struct bench *b, struct user *u, const struct request *req)
{
    struct slice name = req->argv[0];
    if (slice_is(name, "setrange") || slice_is(name, "setbit"))
        return req->argc > 2 && req->argv[2].len > OFFSET_DIGITS_MAX;
    if (slice_is(name, "lcs") && req->argc > 2)
        return session_in_multi(u->session) ||
               value_len(b, u, req->argv[1]) * value_len(b, u, req->argv[2]) > LCS_CELLS_MAX;
    if (slice_is(name, "client") && req->argc > 1 && slice_is(req->argv[1], "reply"))
        return session_in_multi(u->session);
    return slice_is(name, "config") || slice_is(name, "shutdown");
}

/* False: the connection is over. */
static bool command_run(struct bench *b, struct user *u, struct request *req)
{
    const uint32_t silent = SESSION_REPLY_OFF | SESSION_REPLY_SKIP_NEXT | SESSION_REPLY_SKIP_THIS;
    struct submission sub = {.session = u->session, .request = *req};
    uint32_t before = session_flags(u->session);
    engine_batch_begin(b->engine);
    engine_prepare(b->engine, &sub, 1);
    engine_prefetch(b->engine, &sub, 1);
    enum submit_result result = engine_run(b->engine, &sub);
    if (result == SUBMIT_POSTPONED) {
        engine_unpause(b->engine);
        result = engine_run(b->engine, &sub);
    }
    *req = sub.request;
    int replies = replies_take(u);
    if (replies > 1) abort();
    if (replies == 0 && result == SUBMIT_DONE && !((before | session_flags(u->session)) & silent)) abort();
    u->waits = result == SUBMIT_BLOCKED;
    u->silent = (before | session_flags(u->session)) & silent;
    if (u->waits && replies != 0) abort();
    return result != SUBMIT_CLOSE;
}

/* The engine, which takes long to make, serves all inputs; what one leaves behind is cleared before the next. */
static struct bench *bench_shared(void)
{
    static struct bench shared;
    if (shared.engine == NULL) bench_open(&shared);
    return &shared;
}

static void bench_clear(struct bench *b)
{
    struct slice flush = SLICE("flushall");
    struct request req = {.argc = 1, .argv = &flush};
    struct user u;
    engine_unpause(b->engine);
    user_come(b, &u);
    command_run(b, &u, &req);
    user_go(&u);
    buf_clear(&b->wire);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2) return 0;
    struct bench *b = bench_shared();
    struct request_parser parser;
    struct request_limits limits = {.bulk_max = 1024 * 1024, .authenticated = true};
    struct slice in = slice_of(data + 1, size - 1), space[64], error;
    struct request req;
    for (int i = 0; i < SESSIONS; i++) user_come(b, &b->users[i]);
    memory_limit(b, data[0]);
    request_parser_init(&parser);
    for (int i = 0; i < COMMANDS_MAX; i++) {
        if (request_parse(&parser, &in, &limits, space, 64, &req, &error) != REQUEST_READY) break;
        bool second = req.argv[0].len > 0 && islower((unsigned char)req.argv[0].ptr[0]);
        users_look(b);
        if (b->users[second].waits) second = !second;
        struct user *u = &b->users[second];
        if (u->waits) {
            request_release(&req);
            break;
        }
        if (!is_left_out(b, u, &req) && !command_run(b, u, &req)) {
            user_go(u);
            user_come(b, u);
        }
        request_release(&req);
        b->now_us += (data[0] & SPEED) * 400;
        engine_set_time(b->engine, b->now_us, b->now_us);
        if (i % 16 == 15) engine_tick(b->engine, 1000);
    }
    request_parser_deinit(&parser);
    store_check(engine_store(b->engine));
    (void)values_in(buf_slice(&b->wire));
    for (int i = 0; i < SESSIONS; i++) user_go(&b->users[i]);
    if (session_count(b->engine) != 0 || engine_watched_keys(b->engine) != 0) abort();
    memory_limit(b, 0);
    bench_clear(b);
    return 0;
}
