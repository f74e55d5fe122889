/* See engine_fixture.h. */
#include "engine_fixture.h"

#include "base/log.h"
#include "base/mem.h"
#include "engine/config.h"
#include "engine/feature.h"

#include <assert.h>
#include <stdlib.h>

static void sink_commit(void *arg, const struct effect_batch *batch)
{
    struct fixture *fx = arg;
    assert(batch->offset == fx->logged);
    fx->logged += batch->wire.len;
    buf_append_slice(&fx->wire, batch->wire);
}

void fixture_client_open(struct fixture *fx, struct fixture_client *c)
{
    reply_init(&c->reply, NULL);
    c->session = session_open(fx->engine, NULL, NULL, &c->reply, 0);
}

void fixture_client_close(struct fixture_client *c)
{
    session_close(c->session);
    reply_deinit(&c->reply);
}

void fixture_init(struct fixture *fx, const struct feature *const *features, int feature_count)
{
    struct buf err = BUF_INIT;
    struct store_options store = {.databases = 16, .partitions = 1, .seed = {1, 2}, .now_ms = FIXTURE_START_MS};
    *fx = (struct fixture){.now_ms = FIXTURE_START_MS, .config = config_new(), .log = {.level = LOG_NOTHING, .fd = -1}};
    struct engine_options options = {.store = store,
                                     .features = features,
                                     .feature_count = feature_count,
                                     .log = &fx->log,
                                     .prng_seed = 7,
                                     .now_us = fx->now_ms * 1000,
                                     .mono_us = 1000000,
                                     .config = fx->config};
    fx->engine = engine_new(&options);
    bool started = config_load(fx->config, NULL, 0, NULL, &err) && config_start(fx->config, &err) &&
                   engine_start(fx->engine, &store, &err);
    if (!started) abort();
    fx->sink = (struct effect_sink){.name = "recorder", .arg = fx, .commit = sink_commit};
    engine_sink_add(fx->engine, &fx->sink);
    fixture_client_open(fx, &fx->client);
    buf_deinit(&err);
}

void fixture_deinit(struct fixture *fx)
{
    fixture_client_close(&fx->client);
    engine_sink_remove(fx->engine, &fx->sink);
    engine_free(fx->engine);
    config_free(fx->config);
    buf_deinit(&fx->wire);
    buf_deinit(&fx->text);
}

void fixture_sleep_ms(struct fixture *fx, uint64_t ms)
{
    fx->now_ms += ms;
    engine_set_time(fx->engine, fx->now_ms * 1000, 1000000 + (fx->now_ms - FIXTURE_START_MS) * 1000);
}

void fixture_config(struct fixture *fx, const char *name, const char *value)
{
    struct buf err = BUF_INIT;
    if (!config_set_internal(fx->config, name, slice_cstr(value), &err)) abort();
    buf_deinit(&err);
}

/* --- RESP to a line of text --- */

static struct slice line_take(struct slice *in)
{
    const char *end = memmem(in->ptr, in->len, "\r\n", 2);
    assert(end != NULL);
    struct slice line = slice_of(in->ptr, (size_t)(end - in->ptr));
    *in = slice_of(end + 2, in->len - line.len - 2);
    return line;
}

static void value_print(struct buf *out, struct slice *in)
{
    struct slice line = line_take(in);
    char kind = line.ptr[0];
    struct slice rest = slice_of(line.ptr + 1, line.len - 1);
    long n = strtol(line.ptr + 1, NULL, 10);
    switch (kind) {
    case '-': buf_append_slice(out, SLICE("(error) ")); /* fall through */
    case '+':
    case ':':
    case ',':
    case '#':
    case '(': buf_append_slice(out, rest); break;
    case '_': buf_append_slice(out, SLICE("nil")); break;
    case '$':
    case '=':
        if (n < 0) {
            buf_append_slice(out, SLICE("nil"));
            break;
        }
        buf_append_repr(out, slice_of(in->ptr, (size_t)n));
        *in = slice_of(in->ptr + n + 2, in->len - (size_t)n - 2);
        break;
    case '*':
    case '~':
    case '>':
    case '%':
        if (n < 0) {
            buf_append_slice(out, SLICE("nil"));
            break;
        }
        buf_append_char(out, kind == '%' ? '{' : '[');
        for (long i = 0; i < n; i++) {
            if (i > 0) buf_append_slice(out, SLICE(", "));
            value_print(out, in);
            if (kind == '%') {
                buf_append_slice(out, SLICE(": "));
                value_print(out, in);
            }
        }
        buf_append_char(out, kind == '%' ? '}' : ']');
        break;
    default: abort();
    }
}

/* Appends what is queued for the client, and takes it. */
static void replies_print(struct fixture *fx, struct fixture_client *c)
{
    size_t len = (size_t)reply_pending_bytes(&c->reply);
    char *wire = mem_alloc(len + 1);
    reply_check(&c->reply);
    assert(reply_copy_out(&c->reply, wire, len) == len);
    reply_consume(&c->reply, len);
    struct slice in = slice_of(wire, len);
    for (int i = 0; in.len > 0; i++) {
        if (i > 0) buf_append_slice(&fx->text, SLICE(" AND ")); /* more than one reply: no test expects it */
        value_print(&fx->text, &in);
    }
    mem_free(wire);
}

const char *fixture_run_argv(struct fixture *fx, struct fixture_client *c, int argc, const struct slice *argv)
{
    struct slice *words = mem_alloc((size_t)argc * sizeof(*words));
    memcpy(words, argv, (size_t)argc * sizeof(*words));
    struct submission sub = {.session = c->session, .request = {.argc = argc, .argv = words}};
    engine_batch_begin(fx->engine);
    engine_prepare(fx->engine, &sub, 1);
    engine_prefetch(fx->engine, &sub, 1);
    enum submit_result result = engine_run(fx->engine, &sub);
    mem_free(words);
    buf_clear(&fx->text);
    replies_print(fx, c);
    if (result == SUBMIT_CLOSE) buf_append_slice(&fx->text, SLICE(" (close)"));
    if (result == SUBMIT_POSTPONED) buf_append_slice(&fx->text, SLICE("(postponed)"));
    if (result == SUBMIT_BLOCKED) buf_append_slice(&fx->text, SLICE("(blocked)"));
    return buf_cstr(&fx->text);
}

const char *fixture_replies(struct fixture *fx, struct fixture_client *c)
{
    buf_clear(&fx->text);
    replies_print(fx, c);
    return buf_cstr(&fx->text);
}

const char *fixture_run_as(struct fixture *fx, struct fixture_client *c, const char *line)
{
    struct slice *argv;
    int argc;
    if (!request_split_line(slice_cstr(line), &argv, &argc)) abort();
    const char *text = fixture_run_argv(fx, c, argc, argv);
    request_split_free(argv, argc);
    return text;
}

const char *fixture_run(struct fixture *fx, const char *line)
{
    return fixture_run_as(fx, &fx->client, line);
}

const char *fixture_log(struct fixture *fx)
{
    buf_clear(&fx->text);
    struct slice in = buf_slice(&fx->wire);
    while (in.len > 0) {
        struct slice head = line_take(&in);
        assert(head.ptr[0] == '*');
        long argc = strtol(head.ptr + 1, NULL, 10);
        if (fx->text.len > 0) buf_append_slice(&fx->text, SLICE("; "));
        for (long i = 0; i < argc; i++) {
            struct slice size = line_take(&in);
            assert(size.ptr[0] == '$');
            size_t n = (size_t)strtol(size.ptr + 1, NULL, 10);
            if (i > 0) buf_append_char(&fx->text, ' ');
            buf_append(&fx->text, in.ptr, n);
            in = slice_of(in.ptr + n + 2, in.len - n - 2);
        }
    }
    buf_clear(&fx->wire);
    return buf_cstr(&fx->text);
}
