/* A session: what a client is to the engine (user, database, protocol, transaction, watches, blocking). It has no
 * socket: the connection that owns it is seen through struct session_peer. A session is never freed inside a command:
 * it is doomed, and its owner reaps it when it next looks (session_doomed). */
#ifndef CAIRN_ENGINE_SESSION_H
#define CAIRN_ENGINE_SESSION_H

#include "base/list.h"
#include "base/slice.h"
#include "resp/reply.h"

struct engine;
struct session; /* opaque */

enum session_flags {
    SESSION_AUTHENTICATED = 1 << 0,
    SESSION_NO_EVICT = 1 << 1,
    SESSION_NO_TOUCH = 1 << 2,
    SESSION_REPLY_OFF = 1 << 3,
    SESSION_REPLY_SKIP_NEXT = 1 << 4, /* CLIENT REPLY SKIP was the last command: the next one's reply is dropped */
    SESSION_CLOSE_AFTER_REPLY = 1 << 5,
    SESSION_UNIX_SOCKET = 1 << 6,
    SESSION_INTERNAL = 1 << 7,        /* no client: never listed, never paused */
    SESSION_MONITOR = 1 << 8,
    SESSION_REPLY_SKIP_THIS = 1 << 9  /* the reply of the command that runs now is dropped */
};

/* What CLIENT LIST says of the connection; filled by the peer. */
struct peer_info {
    char addr[128], laddr[128];
    int fd;
    size_t qbuf, qbuf_free;       /* unfinished request bytes, room */
    size_t argv_mem;
    size_t out_buf, out_peak;     /* rbs, rbp: size of the fixed part of the output buffer */
    size_t out_bytes;             /* obl */
    size_t out_chunks, out_mem;   /* oll, omem */
    size_t total_mem;             /* tot-mem of the connection */
    uint64_t net_in, net_out;     /* bytes */
    bool readable, writable;      /* events=rw */
};

struct session_peer_ops {
    void (*describe)(void *peer, struct peer_info *out);
    /* The session can go on (unblocked, unpaused) or is doomed: look at it in this turn. Must not run commands inside
     * the call. */
    void (*wake)(void *peer);
    /* The reply is beyond a limit at which the peer is given up. NULL: it has none. */
    bool (*output_full)(void *peer);
};

/* reply: where the session's answers go; it belongs to the peer and lives as long as the session. Fires the limit
 * checks. */
struct session *session_open(struct engine *engine, const struct session_peer_ops *ops, void *peer, struct reply *reply,
                             uint32_t flags);
void session_close(struct session *s); /* by the owner, never inside a command: unwatches, unblocks, frees */

uint64_t session_id(const struct session *s);
int session_db(const struct session *s);
uint32_t session_flags(const struct session *s);
bool session_doomed(const struct session *s);
/* blocked on keys or postponed by CLIENT PAUSE: its owner must not submit */
bool session_blocked(const struct session *s);
/* A reply without end may end here: nobody will get it (CLIENT REPLY, or beyond the peer's limit). */
bool session_output_full(const struct session *s);
bool session_authenticated(const struct session *s);
struct reply *session_reply(const struct session *s);
void session_doom(struct session *s);           /* the owner will be woken and shall close it */
/* Time of the last command or bytes, for idle time-outs and CLIENT LIST. */
void session_touch(struct session *s, uint64_t now_ms);
uint64_t session_last_active_ms(const struct session *s);
bool session_in_multi(const struct session *s);
size_t session_mem(const struct session *s);    /* queue, watches, names */
void session_set_flags(struct session *s, uint32_t set, uint32_t clear);
void session_select(struct session *s, int db); /* db is in range */
void session_authenticate(struct session *s, const char *user);
void session_deauthenticate(struct session *s); /* back to how a new session starts */
const char *session_user(const struct session *s); /* "default" */
const char *session_name(const struct session *s); /* "" when not set; so the next two */
const char *session_lib_name(const struct session *s);
const char *session_lib_ver(const struct session *s);
void session_set_name(struct session *s, struct slice name); /* checked by the caller; empty unsets */
void session_set_lib(struct session *s, bool version, struct slice text);
int session_txn_len(const struct session *s);   /* queued commands; -1: not in MULTI */
int session_watch_count(const struct session *s);
uint64_t session_created_ms(const struct session *s);
uint64_t session_commands(const struct session *s);
const char *session_last_command(const struct session *s); /* "client|list"; "NULL" when none yet */
void session_describe(const struct session *s, struct peer_info *out); /* zeros when there is no peer */
/* Back to the state of a new connection (RESET): transaction, watches, database, name, protocol, reply mode,
 * authentication. */
void session_reset(struct session *s);

/* Iterates over all sessions with a client, oldest first: s = session_next(e, NULL); ... Not across commands. */
struct session *session_next(struct engine *e, struct session *after);
struct session *session_by_id(struct engine *e, uint64_t id); /* O(n) */
size_t session_count(const struct engine *e);

#endif
