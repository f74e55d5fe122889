/* Whole commands: bytes of a connection (RESP or inline) go through parser, gates and handlers of an engine in this
 * process. No crash, one reply for each command, a sound store and a well-formed log at the end; byte 0 says how fast
 * time goes. */
#include "base/buf.h"
#include "cmd/cmd_feature.h"
#include "engine/config.h"
#include "engine/effects.h"
#include "engine/engine.h"
#include "engine/feature.h"
#include "observe/observe_feature.h"
#include "resp/reply_reader.h"

#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { COMMANDS_MAX = 200, OFFSET_DIGITS_MAX = 4 };

struct bench { /* one engine with its surroundings */
    struct engine *engine;
    struct config *config;
    struct session *session;
    struct reply reply;
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
    *b = (struct bench){.config = config_new(), .now_us = 1000000000};
    struct engine_options options = {.store = store,
                                     .features = features,
                                     .feature_count = ARRAY_LEN(features),
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

static void session_begin(struct bench *b)
{
    reply_init(&b->reply, NULL);
    b->session = session_open(b->engine, NULL, NULL, &b->reply, 0);
}

static void session_end(struct bench *b)
{
    session_close(b->session);
    reply_deinit(&b->reply);
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

static int replies_take(struct bench *b)
{
    size_t len = (size_t)reply_pending_bytes(&b->reply);
    char *wire = malloc(len + 1);
    if (reply_copy_out(&b->reply, wire, len) != len) abort();
    reply_consume(&b->reply, len);
    int count = values_in(slice_of(wire, len));
    free(wire);
    return count;
}

/* What only costs time: huge strings, and what is quadratic in them; CONFIG changes more than this engine. */
static bool too_dear(const struct request *req)
{
    struct slice name = req->argv[0];
    return (slice_is(name, "setrange") && req->argc > 2 && req->argv[2].len > OFFSET_DIGITS_MAX) ||
           slice_is(name, "config") || slice_is(name, "shutdown");
}

/* False: the connection is over. */
static bool command_run(struct bench *b, struct request *req)
{
    const uint32_t silent = SESSION_REPLY_OFF | SESSION_REPLY_SKIP_NEXT | SESSION_REPLY_SKIP_THIS;
    struct submission sub = {.session = b->session, .request = *req};
    uint32_t before = session_flags(b->session);
    engine_batch_begin(b->engine);
    engine_prepare(b->engine, &sub, 1);
    engine_prefetch(b->engine, &sub, 1);
    enum submit_result result = engine_run(b->engine, &sub);
    *req = sub.request;
    int replies = replies_take(b);
    if (replies > 1) abort();
    if (replies == 0 && result == SUBMIT_DONE && !((before | session_flags(b->session)) & silent)) abort();
    if (result == SUBMIT_POSTPONED) engine_unpause(b->engine);
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
    engine_unpause(b->engine);
    session_begin(b);
    command_run(b, &req);
    session_end(b);
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
    session_begin(b);
    request_parser_init(&parser);
    bool open = true;
    for (int i = 0; open && i < COMMANDS_MAX; i++) {
        if (request_parse(&parser, &in, &limits, space, 64, &req, &error) != REQUEST_READY) break;
        if (!too_dear(&req)) open = command_run(b, &req);
        request_release(&req);
        b->now_us += data[0] * 100;
        engine_set_time(b->engine, b->now_us, b->now_us);
        if (i % 16 == 15) engine_tick(b->engine, 1000);
    }
    request_parser_deinit(&parser);
    store_check(engine_store(b->engine));
    (void)values_in(buf_slice(&b->wire));
    session_end(b);
    bench_clear(b);
    return 0;
}
