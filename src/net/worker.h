/* A worker: one thread's event loop with its listeners and connections, feeding the engine.
 *
 * A turn: wait; parse all requests that have arrived; run them as batches (look-up and prefetch across connections,
 * then in arrival order); write every connection's replies once; time's work. */
#ifndef CAIRN_NET_WORKER_H
#define CAIRN_NET_WORKER_H

#include "base/slice.h"
#include "engine/engine.h"
#include "sys/loop.h"

struct worker; /* opaque */
struct buf;

struct worker *worker_new(struct engine *e, struct loop *loop);
void worker_free(struct worker *w); /* closes all connections and listeners */

/* Opens what the configuration names (bind, port, unixsocket). On failure the reason is in err, errno is that of the
 * socket, and nothing stays open. */
bool worker_listen(struct worker *w, struct buf *err);
/* CONFIG SET bind/port: the new sockets are opened before the old ones are closed; on failure the old ones stay. */
bool worker_relisten(struct worker *w, struct buf *err);
void worker_unlisten(struct worker *w);
int worker_listener_count(const struct worker *w);
/* "tcp,bind=127.0.0.1,port=6379" per listener, for INFO and the start-up log. */
void worker_listeners_text(const struct worker *w, struct buf *out);

/* Takes over a connected socket as a client (tests; accepted ones come by themselves). NULL when it was refused and
 * closed. */
struct conn;
struct conn *worker_adopt(struct worker *w, int fd, bool unix_socket);

/* One turn of at most max_wait_us. Returns false when the loop is broken. */
bool worker_turn(struct worker *w, int64_t max_wait_us);
/* Tries to write what is queued for all clients, for at most ms: before the process ends. */
void worker_flush(struct worker *w, int ms);
/* Every 1000/hz ms: idle time-outs, buffer limits, shrinking. */
void worker_cron(struct worker *w);

#endif
