/* Connections: bytes to requests, replies to bytes.
 *
 *   IO_DATA -> request_parse -> worker's batch -> engine_run -> reply queue -> one writev at the end of the turn
 *
 * A session that waits (a blocking command, CLIENT PAUSE) stops its connection: reading is paused and requests that are
 * already parsed are copied to the pending queue; they run when the session wakes. A connection dies in two steps,
 * marked dead at once and freed at the end of the turn, so that nothing in a batch points to freed memory. */
#include "net/conn_impl.h"

#include "base/log.h"
#include "base/mem.h"
#include "engine/config.h"
#include "net/net_config.h"
#include "sys/sockets.h"

#include <assert.h>
#include <stdio.h>
#include <unistd.h>

size_t conn_mem(const struct conn *c)
{
    return mem_usable(c) + request_parser_mem(&c->parser) + reply_mem(&c->reply) + session_mem(c->session);
}

static void describe(void *peer, struct peer_info *out)
{
    struct conn *c = peer;
    out->fd = stream_fd(c->stream);
    socket_peer_text(out->fd, out->addr);
    socket_local_text(out->fd, out->laddr);
    out->qbuf = request_parser_used(&c->parser);
    size_t held = request_parser_mem(&c->parser);
    out->qbuf_free = held > out->qbuf ? held - out->qbuf : 0;
    out->out_bytes = reply_pending_bytes(&c->reply);
    out->out_chunks = c->reply.chunks;
    out->out_mem = reply_mem(&c->reply);
    out->out_buf = REPLY_CHUNK_SIZE;
    out->total_mem = conn_mem(c);
    out->net_in = c->net_in;
    out->net_out = c->net_out;
    out->readable = !c->paused;
    out->writable = stream_send_pending(c->stream);
}

static void wake(void *peer)
{
    struct conn *c = peer;
    if (!list_linked(&c->woken_link))
        list_push_back(&c->worker->woken, &c->woken_link);
}

static bool output_full(void *peer)
{
    const struct conn *c = peer;
    uint64_t limit = c->worker->output_normal->hard_bytes;
    return limit > 0 && reply_pending_bytes(&c->reply) >= limit;
}

static const struct session_peer_ops conn_peer_ops = {describe, wake, output_full};

struct conn *conn_open(struct worker *w, int fd, bool unix_socket)
{
    struct conn *c = mem_zalloc(sizeof(*c));
    c->worker = w;
    c->stream = stream_open(w->loop, fd, c);
    if (c->stream == NULL) {
        mem_free(c);
        return NULL;
    }
    c->pending_tail = &c->pending;
    c->idle_since_ms = engine_now_ms(w->engine);
    list_init(&c->dirty_link);
    list_init(&c->woken_link);
    request_parser_init(&c->parser);
    reply_init(&c->reply, w->chunks);
    c->session = session_open(w->engine, &conn_peer_ops, c, &c->reply, unix_socket ? SESSION_UNIX_SOCKET : 0);
    list_push_back(&w->conns, &c->link);
    w->conn_count++;
    return c;
}

static void pending_clear(struct conn *c)
{
    while (c->pending != NULL) {
        struct pending_request *p = c->pending;
        c->pending = p->next;
        args_free(p->args);
        mem_free(p);
    }
    c->pending_tail = &c->pending;
}

void conn_close_soon(struct conn *c)
{
    if (c->dead)
        return;
    c->dead = c->closing = true;
    list_remove(&c->dirty_link);
    list_remove(&c->link);
    list_push_back(&c->worker->graveyard, &c->link);
}

void conn_free(struct conn *c)
{
    list_remove(&c->link);
    list_remove(&c->dirty_link);
    list_remove(&c->woken_link);
    pending_clear(c);
    stream_close(c->worker->loop, c->stream);
    session_close(c->session);
    request_parser_deinit(&c->parser);
    reply_deinit(&c->reply);
    c->worker->conn_count--;
    mem_free(c);
}

void conn_mark_dirty(struct conn *c)
{
    if (!c->dead && !list_linked(&c->dirty_link))
        list_push_back(&c->worker->dirty, &c->dirty_link);
}

/* --- in --- */

static void pending_push(struct conn *c, const struct request *req)
{
    struct pending_request *p = mem_alloc(sizeof(*p));
    p->next = NULL;
    p->args = args_copy(req->argc, req->argv);
    *c->pending_tail = p;
    c->pending_tail = &p->next;
}

static void reading_pause(struct conn *c, bool pause)
{
    if (c->paused == pause)
        return;
    c->paused = pause;
    if (pause)
        stream_read_pause(c->worker->loop, c->stream);
    else
        stream_read_resume(c->worker->loop, c->stream);
}

/* A long pipeline of large replies: what is sent while it is in the cache makes room for the next, where waiting for
 * the end of the turn would have the kernel read it back from memory. Not behind a write: replies that confirm one
 * follow its way into the log. And not where a limit would count them together. */
static void send_early(struct conn *c)
{
    const struct output_limit *limit = c->worker->output_normal;
    if (limit->hard_bytes > 0 || limit->soft_bytes > 0)
        return;
    if (reply_pending_bytes(&c->reply) >= SEND_EARLY_MIN && !stream_send_pending(c->stream) &&
        engine_log_offset(c->worker->engine) == c->worker->turn_offset)
        conn_write(c);
}

static void result_handle(struct conn *c, enum submit_result result, const struct request *req)
{
    switch (result) {
    case SUBMIT_DONE: break;
    case SUBMIT_POSTPONED:
        pending_push(c, req);
        reading_pause(c, true);
        break;
    case SUBMIT_BLOCKED: reading_pause(c, true); break;
    case SUBMIT_CLOSE: c->closing = true; break;
    }
    /* What is over its limit is closed without a word, whether or not the socket would have taken it. */
    if (unlikely(reply_pending_bytes(&c->reply) > REPLY_CHUNK_SIZE)) {
        if (!conn_limits_ok(c))
            return;
        send_early(c);
    }
    conn_mark_dirty(c);
}

static int window(int count, int at)
{
    return count - at < PREFETCH_WINDOW ? count - at : PREFETCH_WINDOW;
}

/* Runs the batch in arrival order. While one window runs, the buckets of the next one are on their way. */
void worker_run_batch(struct worker *w)
{
    int count = w->batch_count;
    engine_prepare(w->engine, w->batch, window(count, 0));
    for (int at = 0; at < count; at += PREFETCH_WINDOW) {
        int n = window(count, at), next = at + PREFETCH_WINDOW;
        engine_prefetch(w->engine, &w->batch[at], n);
        if (next < count)
            engine_prepare(w->engine, &w->batch[next], window(count, next));
        for (int i = at; i < at + n; i++) {
            struct submission *sub = &w->batch[i];
            struct conn *c = w->batch_conns[i];
            if (likely(!c->closing)) {
                if (unlikely(c->paused && (c->pending != NULL || session_blocked(c->session))))
                    pending_push(c, &sub->request);
                else
                    result_handle(c, engine_run(w->engine, sub), &sub->request);
            }
            request_release(&sub->request);
        }
    }
    w->batch_count = 0;
    w->args_used = 0;
}

static void protocol_error(struct conn *c, struct slice text)
{
    worker_run_batch(c->worker); /* answers to what came before go out first */
    if (c->closing)
        return;
    if (c->pending != NULL || session_blocked(c->session)) {
        c->refused = true;
        return;
    }
    char addr[SOCKET_ADDR_TEXT_MAX];
    socket_peer_text(stream_fd(c->stream), addr);
    log_verbose(engine_log(c->worker->engine), "Protocol error from client %s: %.*s. Closing it", addr,
                (int)(text.len > 256 ? 256 : text.len), text.ptr);
    reply_error(&c->reply, text);
    c->closing = true;
    conn_mark_dirty(c);
}

static bool query_limit_ok(struct conn *c)
{
    size_t held = request_parser_mem(&c->parser);
    struct engine_stats *st = engine_stats(c->worker->engine);
    if (held > st->client_recent_max_input)
        st->client_recent_max_input = held;
    if (likely(held <= (size_t)*c->worker->cfg_query_limit))
        return true;
    char addr[SOCKET_ADDR_TEXT_MAX];
    socket_peer_text(stream_fd(c->stream), addr);
    log_warning(engine_log(c->worker->engine),
                "Closing client that reached max query buffer length: id=%llu addr=%s qbuf=%zu",
                (unsigned long long)session_id(c->session), addr, held);
    st->query_limit_disconnections++;
    conn_close_soon(c);
    return false;
}

/* A large value goes straight into its final block. */
static void aim_reads(struct conn *c)
{
    char *ptr;
    size_t room;
    if (likely(c->parser.partial == NULL && c->into == NULL))
        return;
    if (c->parser.partial != NULL && !query_limit_ok(c))
        return;
    if (request_want(&c->parser, &ptr, &room)) {
        if (ptr != c->into)
            stream_read_into(c->worker->loop, c->stream, ptr, room);
        c->into = ptr;
    } else if (c->into != NULL) {
        stream_read_into(c->worker->loop, c->stream, NULL, 0);
        c->into = NULL;
    }
}

void conn_data(struct conn *c, struct slice data)
{
    struct worker *w = c->worker;
    if (unlikely(w->speaker != c)) {
        w->speaker = c;
        w->speaker_since_ms = engine_now_ms(w->engine);
    }
    c->net_in += data.len;
    c->idle_since_ms = engine_now_ms(w->engine);
    engine_stats(w->engine)->net_input_bytes += data.len;
    engine_stats(w->engine)->reads++;
    if (c->closing || c->refused)
        return;
    /* Bytes that lie where they belong already; what a stream delivers behind them in the same turn comes from the
     * arena. */
    if (c->into != NULL && data.ptr == c->into) {
        request_fill(&c->parser, data.len);
        c->into += data.len;
        data.len = 0;
    }
    do {
        if (w->batch_count == BATCH_MAX || w->args_used > ARGS_ROOM - 64)
            worker_run_batch(w);
        if (unlikely(c->closing))
            return;
        struct submission *sub = &w->batch[w->batch_count];
        struct request_limits limits = {(uint64_t)*w->cfg_bulk_max, session_authenticated(c->session)};
        struct slice error;
        enum request_result r = request_parse(&c->parser, &data, &limits, &w->args[w->args_used],
                                              ARGS_ROOM - w->args_used, &sub->request, &error);
        if (r == REQUEST_ERROR) {
            protocol_error(c, error);
            return;
        }
        if (r == REQUEST_MORE)
            break;
        if (sub->request.argv == &w->args[w->args_used])
            w->args_used += sub->request.argc;
        sub->session = c->session;
        w->batch_conns[w->batch_count++] = c;
        /* What may change the rules for the bytes behind it must run before they are parsed. */
        if (unlikely(!limits.authenticated))
            worker_run_batch(w);
    } while (data.len > 0);

    aim_reads(c);
}

/* A session that waited goes on with the requests that were kept for it. */
void conn_run_woken(struct conn *c)
{
    list_remove(&c->woken_link);
    if (c->dead)
        return;
    if (session_doomed(c->session)) {
        if (session_flags(c->session) & SESSION_CLOSE_AFTER_REPLY) {
            c->closing = true;
            conn_mark_dirty(c);
        } else {
            conn_close_soon(c);
        }
        return;
    }
    while (c->pending != NULL && !c->closing && !session_blocked(c->session)) {
        struct pending_request *p = c->pending;
        struct submission sub = {.session = c->session, .request = {.argc = p->args->argc, .argv = p->args->argv}};
        engine_prepare(c->worker->engine, &sub, 1);
        enum submit_result result = engine_run(c->worker->engine, &sub);
        if (result == SUBMIT_POSTPONED)
            break; /* stays the first */
        c->pending = p->next;
        if (c->pending == NULL)
            c->pending_tail = &c->pending;
        result_handle(c, result, &sub.request);
        args_free(p->args);
        mem_free(p);
    }
    if (c->pending == NULL && !session_blocked(c->session) && !c->closing) {
        reading_pause(c, false);
        if (unlikely(c->refused)) {
            c->refused = false;
            conn_data(c, slice_of(NULL, 0)); /* the parser says again what is wrong */
        }
    }
    conn_mark_dirty(c);
}

/* --- out --- */

bool conn_limits_ok(struct conn *c)
{
    struct worker *w = c->worker;
    const struct output_limit *limit = w->output_normal;
    uint64_t bytes = reply_pending_bytes(&c->reply);
    bool hard = limit->hard_bytes > 0 && bytes >= limit->hard_bytes,
         soft = limit->soft_bytes > 0 && bytes >= limit->soft_bytes;
    uint64_t now = engine_now_ms(w->engine);
    if (!soft)
        c->soft_limit_since_ms = 0;
    else if (c->soft_limit_since_ms == 0 || c->soft_limit_since_ms > now) /* the clock may step back */
        c->soft_limit_since_ms = now;
    if (!hard && !(soft && now - c->soft_limit_since_ms > limit->soft_seconds * 1000))
        return true;
    char addr[SOCKET_ADDR_TEXT_MAX];
    socket_peer_text(stream_fd(c->stream), addr);
    log_warning(engine_log(w->engine), "Client id=%llu addr=%s closed for overcoming of output buffer limits.",
                (unsigned long long)session_id(c->session), addr);
    engine_stats(w->engine)->output_limit_disconnections++;
    conn_close_soon(c);
    return false;
}

void conn_write(struct conn *c)
{
    struct worker *w = c->worker;
    struct engine_stats *st = engine_stats(w->engine);
    struct iovec iov[SEND_IOV_MAX];
    uint64_t sent = 0;
    list_remove(&c->dirty_link);
    if (unlikely(!session_replies_may_go(c->session))) {
        list_push_back(&w->held, &c->dirty_link);
        return;
    }
    if (unlikely(reply_pending_bytes(&c->reply) > st->client_recent_max_output))
        st->client_recent_max_output = reply_pending_bytes(&c->reply);
    while (reply_pending(&c->reply) && !stream_send_pending(c->stream)) {
        int n = reply_iov(&c->reply, iov, SEND_IOV_MAX);
        int64_t r = stream_send(w->loop, c->stream, iov, n);
        st->writes++;
        if (r == SEND_PENDING)
            break;
        if (r < SEND_PENDING) {
            conn_close_soon(c);
            return;
        }
        reply_consume(&c->reply, (size_t)r);
        sent += (uint64_t)r;
        if (sent >= SEND_BYTES_MAX && reply_pending(&c->reply)) {
            list_push_back(&w->dirty, &c->dirty_link); /* the others first; goes on in the next turn */
            break;
        }
    }
    if (sent > 0) {
        c->net_out += sent;
        st->net_output_bytes += sent;
        c->idle_since_ms = engine_now_ms(w->engine);
    }
    if (!reply_pending(&c->reply)) {
        if (c->closing)
            conn_close_soon(c);
    } else if (reply_pending_bytes(&c->reply) > REPLY_CHUNK_SIZE) {
        (void)conn_limits_ok(c);
    }
}
