/* The worker's turn. Order within one: data in, batch, woken sessions, time's work, replies out, graves. */
#include "net/conn_impl.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "engine/config.h"
#include "net/net_config.h"
#include "sys/sockets.h"

#include <assert.h>
#include <unistd.h>

enum { CHUNKS_KEPT = 256, ALONE_MS = 100 };

struct worker *worker_new(struct engine *e, struct loop *loop)
{
    struct worker *w = mem_zalloc(sizeof(*w));
    struct config *c = engine_config(e);
    w->engine = e;
    w->loop = loop;
    w->chunks = chunk_pool_new(CHUNKS_KEPT);
    list_init(&w->conns);
    list_init(&w->dirty);
    list_init(&w->held);
    list_init(&w->woken);
    list_init(&w->graveyard);
    w->cfg_timeout = config_bind_i64(c, "timeout");
    w->cfg_keepalive = config_bind_i64(c, "tcp-keepalive");
    w->cfg_maxclients = config_bind_i64(c, "maxclients");
    w->cfg_protected = config_bind_i64(c, "protected-mode");
    w->cfg_query_limit = config_bind_i64(c, "client-query-buffer-limit");
    w->cfg_bulk_max = config_bind_i64(c, "proto-max-bulk-len");
    w->cfg_hz = config_bind_i64(c, "hz");
    w->cfg_maxmemory = config_bind_i64(c, "maxmemory");
    w->cfg_maxmemory_clients = config_bind_i64(c, "maxmemory-clients");
    w->cfg_port = config_bind_i64(c, "port");
    w->cfg_backlog = config_bind_i64(c, "tcp-backlog");
    w->cfg_unix_perm = config_bind_i64(c, "unixsocketperm");
    w->output_normal = net_output_limit(c, OUTPUT_NORMAL);
    w->cfg_accept_max = config_bind_i64(c, "max-new-connections-per-cycle");
    w->cfg_mark = config_bind_i64(c, "socket-mark-id");
    w->cfg_unixsocket = config_bind_str(c, "unixsocket");
    w->cfg_unixgroup = config_bind_str(c, "unixsocketgroup");
    return w;
}

static void bury(struct worker *w)
{
    while (!list_empty(&w->graveyard))
        conn_free(list_entry(w->graveyard.next, struct conn, link));
}

void worker_free(struct worker *w)
{
    worker_unlisten(w);
    list_for_safe(link, &w->conns) conn_close_soon(list_entry(link, struct conn, link));
    bury(w);
    chunk_pool_free(w->chunks);
    mem_free(w);
}

struct conn *worker_adopt(struct worker *w, int fd, bool unix_socket)
{
    struct conn *c = conn_open(w, fd, unix_socket);
    if (c == NULL)
        close(fd);
    return c;
}

static void completion_handle(struct worker *w, const struct completion *done)
{
    if (done->kind == IO_ACCEPT) {
        listener_accept(w, done->user, done->fd, done->err);
        return;
    }
    if (done->stream == NULL)
        return;
    struct conn *c = done->user;
    if (c->dead)
        return;
    switch (done->kind) {
    case IO_DATA: conn_data(c, done->data); break;
    case IO_SENT:
        reply_consume(&c->reply, done->n);
        c->net_out += done->n;
        c->idle_since_ms = engine_now_ms(w->engine);
        engine_stats(w->engine)->net_output_bytes += done->n;
        conn_mark_dirty(c);
        break;
    case IO_EOF:
        /* Requests of this turn that are still in the batch run first: their effects were asked for. */
        worker_run_batch(w);
        log_verbose(engine_log(w->engine), "Client closed connection id=%llu",
                    (unsigned long long)session_id(c->session));
        conn_close_soon(c);
        break;
    case IO_ERROR:
        worker_run_batch(w);
        conn_close_soon(c);
        break;
    default: break;
    }
}

static int64_t wait_us(const struct worker *w, int64_t max_wait_us)
{
    if (!list_empty(&w->dirty) || !list_empty(&w->woken))
        return 0;
    uint64_t now = w->turn_end_us, tick = engine_tick_due_us(w->engine);
    uint64_t at = tick < w->next_cron_us ? tick : w->next_cron_us;
    int64_t us = at > now ? (int64_t)(at - now) : 0;
    return us < max_wait_us ? us : max_wait_us;
}

static void list_move_all(struct list_link *to, struct list_link *from)
{
    while (!list_empty(from)) {
        struct list_link *link = from->next;
        list_remove(link);
        list_push_back(to, link);
    }
}

static void write_all(struct worker *w)
{
    /* A connection that has more to send than its share puts itself back: it is met again in the next turn. */
    struct list_link round;
    list_init(&round);
    if (unlikely(!list_empty(&w->held)) && w->held_at != engine_durable(w->engine))
        list_move_all(&round, &w->held);
    w->held_at = engine_durable(w->engine);
    list_move_all(&round, &w->dirty);
    while (!list_empty(&round))
        conn_write(list_entry(round.next, struct conn, dirty_link));
}

static void time_work(struct worker *w, uint64_t now)
{
    if (now >= engine_tick_due_us(w->engine))
        (void)engine_tick(w->engine, TICK_BUDGET_US);
    if (now >= w->next_cron_us) {
        w->next_cron_us = now + 1000000 / (uint64_t)*w->cfg_hz;
        engine_cron(w->engine);
        worker_cron(w);
        engine_stats(w->engine)->loop_cron_us += clock_mono_us() - now;
    }
}

bool worker_turn(struct worker *w, int64_t max_wait_us)
{
    int n = loop_wait(w->loop, wait_us(w, max_wait_us), w->completions, LOOP_COMPLETIONS_MAX);
    if (n < 0)
        return false;
    struct engine_stats *st = engine_stats(w->engine);
    uint64_t start = clock_mono_us();
    engine_set_time(w->engine, clock_wall_us(), start);
    engine_batch_begin(w->engine);
    w->turn_offset = engine_log_offset(w->engine);
    for (int i = 0; i < n; i++)
        completion_handle(w, &w->completions[i]);
    worker_run_batch(w);
    while (!list_empty(&w->woken))
        conn_run_woken(list_entry(w->woken.next, struct conn, woken_link));
    uint64_t commands_end = clock_mono_us();
    st->loop_command_us += commands_end - start;
    time_work(w, commands_end);
    while (!list_empty(&w->woken))
        conn_run_woken(list_entry(w->woken.next, struct conn, woken_link));
    engine_set_alone(w->engine, engine_now_ms(w->engine) - w->speaker_since_ms >= ALONE_MS);
    engine_turn_end(w->engine);
    write_all(w);
    bury(w);
    st->loop_cycles++;
    w->turn_end_us = clock_mono_us();
    uint64_t spent = w->turn_end_us - start;
    st->loop_us += spent;
    if (spent > st->loop_max_us)
        st->loop_max_us = spent;
    return true;
}

void worker_flush(struct worker *w, int ms)
{
    uint64_t end = clock_mono_us() + (uint64_t)ms * 1000;
    bool waiting = true;
    while (waiting && clock_mono_us() < end) {
        waiting = false;
        list_for_safe(link, &w->conns) {
            struct conn *c = list_entry(link, struct conn, link);
            conn_write(c);
            if (!c->dead && reply_pending(&c->reply))
                waiting = true;
        }
        if (waiting) {
            int n = loop_wait(w->loop, 1000, w->completions, LOOP_COMPLETIONS_MAX);
            for (int i = 0; i < n; i++)
                if (w->completions[i].kind == IO_SENT || w->completions[i].kind == IO_ERROR)
                    completion_handle(w, &w->completions[i]);
        }
    }
    bury(w);
}

/* maxmemory-clients: bytes, or below zero a part of maxmemory in percent; 0: no limit. */
static uint64_t clients_limit(const struct worker *w)
{
    int64_t limit = *w->cfg_maxmemory_clients;
    return limit >= 0 ? (uint64_t)limit : (uint64_t)((double)*w->cfg_maxmemory / 100 * (double)-limit);
}

/* Those with the largest buffers and queues go until what is left fits. */
static void clients_evict(struct worker *w)
{
    uint64_t limit = clients_limit(w), used = 0;
    if (limit == 0)
        return;
    list_for(link, &w->conns) used += conn_mem(list_entry(link, struct conn, link));
    for (int evicted = 0; used > limit && evicted < EVICTED_CLIENTS_MAX; evicted++) {
        struct conn *largest = NULL;
        size_t most = 0;
        list_for(link, &w->conns) {
            struct conn *c = list_entry(link, struct conn, link);
            size_t bytes = session_flags(c->session) & SESSION_NO_EVICT ? 0 : conn_mem(c);
            if (bytes > most) {
                most = bytes;
                largest = c;
            }
        }
        if (largest == NULL)
            return;
        log_notice(engine_log(w->engine), "Evicting client: id=%llu tot-mem=%zu",
                   (unsigned long long)session_id(largest->session), most);
        engine_stats(w->engine)->evicted_clients++;
        conn_close_soon(largest);
        used -= most;
    }
}

void worker_cron(struct worker *w)
{
    uint64_t now = engine_now_ms(w->engine), timeout_ms = (uint64_t)*w->cfg_timeout * 1000;
    struct engine_stats *st = engine_stats(w->engine);
    chunk_pool_trim(w->chunks);
    st->client_recent_max_input -= st->client_recent_max_input / 8;
    st->client_recent_max_output -= st->client_recent_max_output / 8;
    list_for_safe(link, &w->conns) {
        struct conn *c = list_entry(link, struct conn, link);
        if (reply_pending_bytes(&c->reply) > REPLY_CHUNK_SIZE && !conn_limits_ok(c))
            continue;
        if (timeout_ms > 0 && !session_blocked(c->session) && now > c->idle_since_ms &&
            now - c->idle_since_ms > timeout_ms) {
            log_verbose(engine_log(w->engine), "Closing idle client");
            conn_close_soon(c);
        }
    }
    clients_evict(w);
    bury(w);
}
