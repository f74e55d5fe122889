/* The inside of a worker and its connections; only the files of net/ include it. */
#ifndef CAIRN_NET_CONN_IMPL_H
#define CAIRN_NET_CONN_IMPL_H

#include "base/list.h"
#include "engine/args.h"
#include "net/worker.h"
#include "resp/reply.h"
#include "resp/request.h"

enum {
    BATCH_MAX = 128,         /* requests that are prepared together */
    PREFETCH_WINDOW = 16,    /* requests whose memory is fetched ahead: about what a core can have in flight */
    ARGS_ROOM = 4096,        /* argument slices of a batch */
    LISTENERS_MAX = 32,
    SEND_IOV_MAX = 64,
    SEND_BYTES_MAX = 1024 * 1024, /* of one connection per turn, so that a big reply does not stall the others */
    SEND_EARLY_MIN = 64 * 1024,   /* replies to one pipeline that are sent within the turn: see send_early */
    TICK_BUDGET_US = 1000,
    EVICTED_CLIENTS_MAX = 64 /* in one look at all of them */
};

/* A request that could not run yet because its session waits; FIFO. */
struct pending_request {
    struct pending_request *next;
    struct args *args;
};

struct conn {
    struct list_link link;       /* in worker->conns */
    struct list_link dirty_link; /* in worker->dirty: has replies to write */
    struct list_link woken_link; /* in worker->woken: session can go on or is doomed */
    struct worker *worker;
    struct stream *stream;
    struct session *session;
    struct request_parser parser;
    struct reply reply;
    struct pending_request *pending, **pending_tail;
    uint64_t net_in, net_out;
    uint64_t soft_limit_since_ms; /* 0: below the soft limit */
    uint64_t idle_since_ms;       /* last bytes, in or out */
    bool closing;   /* close when the replies are written; take no more requests */
    bool dead;      /* reap at the end of the turn */
    bool paused;    /* the stream is not read */
    bool refused;   /* the parser refused what follows the pending requests: told when these have run */
    const char *into; /* where stream_read_into was told to put the next bytes; NULL: nowhere special */
};

struct listener {
    int fd;
    bool unix_socket;
    int port;
    char addr[128];
};

struct worker {
    struct engine *engine;
    struct loop *loop;
    struct chunk_pool *chunks;
    struct list_link conns, dirty, woken, graveyard;
    struct list_link held;   /* by dirty_link: replies wait until the effects they confirm are durable */
    uint64_t held_at;        /* what was durable when they were last looked at */
    uint64_t turn_offset;    /* of the log, when the turn began */
    const struct conn *speaker; /* whose data came last (not to be followed), and since when nobody else's did */
    uint64_t speaker_since_ms;
    size_t conn_count;
    struct listener listeners[LISTENERS_MAX];
    int listener_count;
    uint64_t next_cron_us;
    uint64_t turn_end_us; /* of the last turn: what the next wait counts from */

    struct submission batch[BATCH_MAX];
    struct conn *batch_conns[BATCH_MAX];
    int batch_count;
    struct slice args[ARGS_ROOM];
    int args_used;
    struct completion completions[LOOP_COMPLETIONS_MAX];

    const int64_t *cfg_timeout, *cfg_keepalive, *cfg_maxclients, *cfg_protected, *cfg_query_limit, *cfg_bulk_max,
        *cfg_hz;
    const int64_t *cfg_maxmemory, *cfg_maxmemory_clients;
    const int64_t *cfg_port, *cfg_backlog, *cfg_unix_perm, *cfg_accept_max, *cfg_mark;
    const char *const *cfg_unixsocket, *const *cfg_unixgroup;
    const struct output_limit *output_normal; /* for clients that do not subscribe */
};

/* conn.c */
struct conn *conn_open(struct worker *w, int fd, bool unix_socket);
void conn_data(struct conn *c, struct slice data);      /* parses into the worker's batch, running it when it is full */
void conn_close_soon(struct conn *c);                   /* now dead: reaped at the end of the turn */
void conn_free(struct conn *c);
void conn_run_woken(struct conn *c);
void conn_write(struct conn *c);                        /* sends what is queued, as far as the socket takes it */
void conn_mark_dirty(struct conn *c);
size_t conn_mem(const struct conn *c);                  /* of the client: buffers, session, transaction */
bool conn_limits_ok(struct conn *c);                    /* output limits; false: the connection was closed */

/* worker.c */
void worker_run_batch(struct worker *w);

/* listener.c */
void listener_accept(struct worker *w, struct listener *l, int fd, int err);

#endif
