/* The io_uring backend. A turn is one system call: io_uring_enter hands in all sends of the turn before and waits for
 * what arrives.
 *
 *     receive   one multishot request per stream; the kernel picks a buffer of the ring of buffers for each piece
 *     buffers   [ 16 KB ][ 16 KB ] ...   given back to the kernel by the next turn; more are added when they run out
 *     sends     small ones are copied into the arena [ reply | reply | ..... ] and submitted together. They never wait
 *               in the kernel (MSG_DONTWAIT), so that the arena is free after the call, and they only report failure.
 *               What a full socket did not take goes to the stream's backlog. Large ones are sent at once, as with
 *               epoll.
 *     readiness one-shot polls, armed again after each event, which makes them level triggered: full sockets, pipes,
 *               listeners, paused streams (hang-up), and streams that read a large value into the owner's memory
 *
 * No request ever points into memory of the owner: cancelling is never a matter of safety, and stream_close needs not
 * wait.
 *
 * Invariants:
 *   - A stream's struct lives until all its requests (base.armed) have completed and the completion queue was seen
 *     empty.
 *   - One send of a stream is in the arena at a time: if a second could follow a first that failed, bytes would change
 *     places.
 *   - One IO_DATA from the buffers per stream and turn (what stream_read_into promises to order); later pieces are
 *     deferred.
 *   - A descriptor with a request is closed by the kernel only when the request ends: streams are shut down first, and
 *     unwatching enters the kernel, so that an address can be bound again at once.
 *
 * The ring belongs to the thread that made it (SINGLE_ISSUER); completions are run in our own calls (DEFER_TASKRUN).
 * Needs Linux 6.1; what the kernel refuses (old, seccomp, sysctl) fails loop_uring_new. */
#include "sys/loop_impl.h"

#include "base/clock.h"
#include "base/mem.h"

#include <assert.h>
#include <errno.h>
#include <liburing.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    SQ_ENTRIES = 1024,
    CQ_ENTRIES = 8192,
    BUFFER_BYTES = LOOP_READ_MAX,
    /* not a power of two: small requests shall not all fall into one set of the cache */
    BUFFER_STRIDE = BUFFER_BYTES + 64,
    BUFFERS_MAX = 512,
    BUFFERS_STEP = 64,
    BUFFER_GROUP = 0,
    SEND_ARENA_BYTES = 256 * 1024,
    SEND_COPY_MAX = 16 * 1024,        /* what is larger pays for its own system call */
    SENDS_MAX = 1024,                 /* in the arena at a time */
    BULK_INTO_MIN = 64 * 1024,        /* who asks stream_read_into for so much sends large values */
    BULK_READ_MIN = 8 * 1024,         /* and has ceased to when a read gives less than this */
    READ_ARENA_BYTES = 256 * 1024,    /* of reads after a poll */
    LINGER_US = 10 * 1000 * 1000,     /* so long a closed stream may still send what was accepted from its owner */
    LINGER_CHECK_US = 1000 * 1000,
    COMPLETIONS_PER_EVENT = 3
};

/* Requests of a stream in the kernel: base.armed. */
enum { ARM_RECV = 1, ARM_POLL_IN = 2, ARM_POLL_OUT = 4, ARM_POLL_HUP = 8, ARM_ALL = 15, RECV_CANCELLED = 16 };

enum {
    /* the last direct send was short: the next one would find no room */
    STREAM_FULL = STREAM_BACKEND_FLAG,
    STREAM_EOF_TOLD = STREAM_BACKEND_FLAG << 1,     /* a hang-up was reported while paused */
    STREAM_TODO = STREAM_BACKEND_FLAG << 2,         /* in loop->todo */
    STREAM_SENT_OWED = STREAM_BACKEND_FLAG << 3,    /* in loop->owed: IO_SENT comes when the arena was taken */
    STREAM_STARVED = STREAM_BACKEND_FLAG << 4,      /* in loop->starved */
    /* sends large values: read after polls, straight into the owner's memory */
    STREAM_BULK = STREAM_BACKEND_FLAG << 5
};

/* What few streams have. */
struct stream_extra {
    char *held;          /* arrived while the stream was paused */
    size_t held_len;
    char *backlog;       /* accepted from the owner, not yet by the socket */
    size_t backlog_at, backlog_len;
    uint64_t linger_end_us;
};

struct uring_stream {
    struct stream base;
    char *into_ptr; /* stream_read_into: where the next bytes go */
    size_t into_len;
    struct uring_stream *next; /* in loop->todo, loop->starved or loop->closed */
    struct stream_extra *extra;
    uint32_t send_round; /* == loop->send_round: a send of it is in the arena */
    uint32_t data_turn;  /* == loop->turn: has had its IO_DATA of this turn */
    uint32_t into_at;    /* then: which completion says what came to into_ptr and may still grow, or INTO_NONE */
};
_Static_assert(sizeof(struct uring_stream) <= 64, "idle connections must stay small");

enum { INTO_NONE = UINT32_MAX };

struct watch {
    struct watch *next;
    void *user;
    int fd;
    int accept_max; /* 0: plain */
    bool armed, closed;
};

struct queued_send {
    struct uring_stream *stream;
    uint32_t at, len; /* in the arena */
};

struct deferred {
    struct uring_stream *stream;
    int res;
    unsigned flags;
};

struct uring_loop {
    struct loop base;
    struct io_uring ring;
    uint32_t turn, send_round;

    struct io_uring_buf_ring *buffer_ring;
    char *buffers[BUFFERS_MAX / BUFFERS_STEP];
    int buffer_count;
    uint16_t used[BUFFERS_MAX]; /* handed out in this turn or deferred */
    int used_count;
    bool buffers_short;

    char *send_arena;
    uint32_t send_arena_used;
    int send_count;
    struct queued_send sends[SENDS_MAX];

    struct uring_stream *owed[SENDS_MAX]; /* STREAM_SENT_OWED: as many at most as there are sends in the arena */
    int owed_count;

    char *read_arena;
    size_t read_arena_used;

    struct uring_stream *todo;                   /* something to do before the next wait */
    struct uring_stream *starved, **starved_end; /* wait for a buffer, oldest first */
    struct uring_stream *closed;
    bool lingering; /* one of them still sends */
    char *spent;                                 /* held data that was handed out in this turn */
    struct deferred *deferred;
    int deferred_count, deferred_cap;
    struct watch *watches, *closed_watches;
    size_t streams; /* open ones */
};

/* user_data: a pointer and in its low bits what for. */
enum tag { TAG_RECV, TAG_POLL_IN, TAG_POLL_OUT, TAG_POLL_HUP, TAG_SEND, TAG_WATCH, TAG_WAKE, TAG_NONE, TAG_MASK = 7 };

struct batch {
    struct completion *out;
    int count, max;
};

static struct uring_loop *uring_of(struct loop *loop)
{
    return container_of(loop, struct uring_loop, base);
}

static struct uring_stream *stream_of(struct stream *s)
{
    return container_of(s, struct uring_stream, base);
}

static void flags_set(struct uring_stream *s, unsigned flags)
{
    s->base.flags |= (uint16_t)flags;
}

static void flags_clear(struct uring_stream *s, unsigned flags)
{
    s->base.flags &= (uint16_t)~flags;
}

static bool has_room(const struct batch *batch)
{
    return batch->count + COMPLETIONS_PER_EVENT <= batch->max;
}

static struct completion *emit(struct batch *batch, enum io_kind kind, struct uring_stream *s)
{
    assert(batch->count < batch->max);
    struct completion *c = &batch->out[batch->count++];
    *c = (struct completion){.kind = kind, .fd = -1};
    if (s) {
        c->user = s->base.user;
        c->stream = &s->base;
    }
    return c;
}

static struct io_uring_sqe *sqe_get(struct uring_loop *loop)
{
    struct io_uring_sqe *sqe;
    while (!(sqe = io_uring_get_sqe(&loop->ring))) io_uring_submit(&loop->ring);
    return sqe;
}

/* Behind io_uring_prep_*, some of which clear user_data. */
static void sqe_tag(struct io_uring_sqe *sqe, const void *ptr, enum tag tag)
{
    sqe->user_data = (uintptr_t)ptr | tag;
}

static void cancel(struct uring_loop *loop, const void *ptr, enum tag tag)
{
    struct io_uring_sqe *sqe = sqe_get(loop);
    io_uring_prep_cancel64(sqe, (uintptr_t)ptr | tag, 0);
    sqe_tag(sqe, NULL, TAG_NONE);
}

static struct stream_extra *extra_of(struct uring_stream *s)
{
    if (!s->extra) s->extra = mem_zalloc(sizeof(*s->extra));
    return s->extra;
}

static void extra_free(struct uring_stream *s)
{
    if (!s->extra) return;
    mem_free(s->extra->held);
    mem_free(s->extra->backlog);
    mem_free(s->extra);
    s->extra = NULL;
}

static bool has_held(const struct uring_stream *s)
{
    return s->extra && s->extra->held_len > 0;
}

static bool has_backlog(const struct uring_stream *s)
{
    return s->extra && s->extra->backlog_at < s->extra->backlog_len;
}

static void todo_push(struct uring_loop *loop, struct uring_stream *s)
{
    if (s->base.flags & STREAM_TODO) return;
    if (s->base.flags & STREAM_STARVED) return; /* one link serves both lists; it comes here from that one */
    flags_set(s, STREAM_TODO);
    s->next = loop->todo;
    loop->todo = s;
}

/* --------------------------------------------------------------------------------------------------------- buffers */

static char *buffer_at(const struct uring_loop *loop, unsigned id)
{
    return loop->buffers[id / BUFFERS_STEP] + (size_t)(id % BUFFERS_STEP) * BUFFER_STRIDE;
}

/* To the kernel, as the at-th of those that the next advance makes known to it. */
static void buffer_give(struct uring_loop *loop, unsigned id, int at)
{
    int mask = io_uring_buf_ring_mask(BUFFERS_MAX);
    io_uring_buf_ring_add(loop->buffer_ring, buffer_at(loop, id), BUFFER_BYTES, (unsigned short)id, mask, at);
}

static void buffers_recycle(struct uring_loop *loop)
{
    for (int i = 0; i < loop->used_count; i++) {
#ifdef CAIRN_DEBUG
        memset(buffer_at(loop, loop->used[i]), 0x5a, BUFFER_BYTES); /* whoever kept a slice too long shall see it */
#endif
        buffer_give(loop, loop->used[i], i);
    }
    if (loop->used_count) io_uring_buf_ring_advance(loop->buffer_ring, loop->used_count);
    loop->used_count = 0;
}

static void buffers_grow(struct uring_loop *loop)
{
    loop->buffers_short = false;
    if (loop->buffer_count == BUFFERS_MAX) return;
    loop->buffers[loop->buffer_count / BUFFERS_STEP] = mem_alloc_aligned(4096, (size_t)BUFFERS_STEP * BUFFER_STRIDE);
    for (int i = 0; i < BUFFERS_STEP; i++) buffer_give(loop, (unsigned)(loop->buffer_count + i), i);
    io_uring_buf_ring_advance(loop->buffer_ring, BUFFERS_STEP);
    loop->buffer_count += BUFFERS_STEP;
}

/* ------------------------------------------------------------------------------------------------- what is armed */

static void arm_recv(struct uring_loop *loop, struct uring_stream *s)
{
    struct io_uring_sqe *sqe = sqe_get(loop);
    io_uring_prep_recv_multishot(sqe, s->base.fd, NULL, 0, 0);
    sqe->flags |= IOSQE_BUFFER_SELECT;
    sqe->buf_group = BUFFER_GROUP;
    sqe_tag(sqe, s, TAG_RECV);
    s->base.armed |= ARM_RECV;
}

static void arm_poll(struct uring_loop *loop, struct uring_stream *s, uint16_t arm, unsigned events)
{
    enum tag tag = arm == ARM_POLL_IN ? TAG_POLL_IN : arm == ARM_POLL_OUT ? TAG_POLL_OUT : TAG_POLL_HUP;
    if (s->base.armed & arm) return;
    struct io_uring_sqe *sqe = sqe_get(loop);
    io_uring_prep_poll_add(sqe, s->base.fd, events);
    sqe_tag(sqe, s, tag);
    s->base.armed |= arm;
}

static void cancel_recv(struct uring_loop *loop, struct uring_stream *s)
{
    if (!(s->base.armed & ARM_RECV) || s->base.armed & RECV_CANCELLED) return;
    cancel(loop, s, TAG_RECV);
    s->base.armed |= RECV_CANCELLED;
}

static bool reads_by_poll(const struct uring_stream *s)
{
    return s->base.flags & (STREAM_NO_SOCKET | STREAM_BULK);
}

static void settle_reading(struct uring_loop *loop, struct uring_stream *s)
{
    unsigned flags = s->base.flags;
    if (flags & (STREAM_EOF | STREAM_STARVED)) return;
    if (flags & STREAM_PAUSED) {
        /* A receive that is armed is left alone until data does arrive. */
        if (!(s->base.armed & ARM_RECV) && !(flags & STREAM_EOF_TOLD)) arm_poll(loop, s, ARM_POLL_HUP, POLLRDHUP);
    } else if (reads_by_poll(s)) {
        if (s->base.armed & ARM_RECV) cancel_recv(loop, s);
        else arm_poll(loop, s, ARM_POLL_IN, POLLIN | POLLRDHUP);
    } else if (!(s->base.armed & (ARM_RECV | ARM_POLL_IN))) {
        arm_recv(loop, s);
    }
}

/* Arms what the stream waits for and has not armed yet. */
static void settle(struct uring_loop *loop, struct uring_stream *s)
{
    unsigned flags = s->base.flags;
    if (flags & STREAM_DEAD || s->base.fd < 0) return;
    if (flags & STREAM_CONNECTING) {
        arm_poll(loop, s, ARM_POLL_OUT, POLLOUT);
        return;
    }
    bool waits_for_room = has_backlog(s) || (flags & STREAM_SENDING && !(flags & STREAM_SENT_OWED));
    if (waits_for_room) arm_poll(loop, s, ARM_POLL_OUT, POLLOUT);
    if (!(flags & STREAM_CLOSED)) settle_reading(loop, s);
}

static int socket_error(int fd)
{
    int err = 0;
    socklen_t len = sizeof(err);
    return getsockopt(fd, SOL_SOCKET, SO_ERROR, &err, &len) < 0 ? 0 : err;
}

static void stream_die(struct uring_stream *s, struct batch *batch, enum io_kind kind, int err)
{
    flags_set(s, STREAM_DEAD);
    flags_clear(s, STREAM_SENDING | STREAM_CONNECTING | STREAM_SENT_OWED);
    extra_free(s);
    if (!(s->base.flags & STREAM_CLOSED)) emit(batch, kind, s)->err = err;
}

/* ------------------------------------------------------------------------------------------------------- receiving */

/* Whether a stream may have (more) data in this turn. */
static bool may_deliver(const struct uring_loop *loop, const struct uring_stream *s)
{
    return s->data_turn != loop->turn || (s->into_at != INTO_NONE && s->into_len > 0);
}

static void no_more_this_turn(const struct uring_loop *loop, struct uring_stream *s)
{
    s->data_turn = loop->turn;
    s->into_at = INTO_NONE;
}

/* len bytes have come to the owner's memory: a completion of its own, or behind those of the one before. */
static void into_advance(struct uring_loop *loop, struct uring_stream *s, struct batch *batch, size_t len)
{
    if (s->data_turn == loop->turn) {
        batch->out[s->into_at].data.len += len;
    } else {
        emit(batch, IO_DATA, s)->data = slice_of(s->into_ptr, len);
        s->data_turn = loop->turn;
        s->into_at = (uint32_t)batch->count - 1;
    }
    s->into_ptr += len;
    s->into_len -= len;
}

static void deliver(struct uring_loop *loop, struct uring_stream *s, struct batch *batch, char *data, size_t len)
{
    size_t part = len < s->into_len ? len : s->into_len;
    if (part) {
        memcpy(s->into_ptr, data, part);
        into_advance(loop, s, batch, part);
    }
    if (len > part) {
        emit(batch, IO_DATA, s)->data = slice_of(data + part, len - part);
        no_more_this_turn(loop, s);
    }
}

static void hold(struct uring_stream *s, const char *data, size_t len)
{
    struct stream_extra *x = extra_of(s);
    x->held = mem_realloc(x->held, x->held_len + len);
    memcpy(x->held + x->held_len, data, len);
    x->held_len += len;
}

static void stream_ended(struct uring_stream *s, struct batch *batch)
{
    flags_set(s, STREAM_EOF);
    if (s->base.flags & STREAM_PAUSED) {
        if (s->base.flags & STREAM_EOF_TOLD) return;
        flags_set(s, STREAM_EOF_TOLD);
    }
    emit(batch, IO_EOF, s);
}

static void on_recv_failed(struct uring_loop *loop, struct uring_stream *s, struct batch *batch, int err)
{
    switch (err) {
    case ENOBUFS:
        loop->buffers_short = true;
        if (s->base.flags & (STREAM_TODO | STREAM_STARVED)) break; /* comes to its turn there */
        flags_set(s, STREAM_STARVED);
        s->next = NULL;
        *loop->starved_end = s;
        loop->starved_end = &s->next;
        break;
    case ECANCELED:
    case EINTR:
    case EAGAIN: settle(loop, s); break;
    case ENOTSOCK:
        flags_set(s, STREAM_NO_SOCKET);
        settle(loop, s);
        break;
    default: stream_die(s, batch, IO_ERROR, err);
    }
}

/* What a multishot receive says; its buffer stays used until the next turn. */
static void on_recv(struct uring_loop *loop, struct uring_stream *s, struct batch *batch, int res, unsigned flags)
{
    bool has_buffer = flags & IORING_CQE_F_BUFFER;
    unsigned id = flags >> IORING_CQE_BUFFER_SHIFT;
    if (!(flags & IORING_CQE_F_MORE)) s->base.armed &= (uint16_t)~(ARM_RECV | RECV_CANCELLED);
    if (has_buffer) loop->used[loop->used_count++] = (uint16_t)id;
    if (s->base.flags & (STREAM_CLOSED | STREAM_DEAD)) return;
    if (res > 0) {
        if (s->base.flags & STREAM_PAUSED) {
            hold(s, buffer_at(loop, id), (size_t)res);
            cancel_recv(loop, s);
        } else {
            deliver(loop, s, batch, buffer_at(loop, id), (size_t)res);
        }
        if (!(flags & IORING_CQE_F_MORE)) settle(loop, s);
    } else if (res == 0) {
        stream_ended(s, batch);
    } else {
        on_recv_failed(loop, s, batch, -res);
    }
}

static void defer(struct uring_loop *loop, struct uring_stream *s, int res, unsigned flags)
{
    if (loop->deferred_count == loop->deferred_cap) {
        loop->deferred_cap = loop->deferred_cap ? loop->deferred_cap * 2 : 64;
        loop->deferred = mem_realloc(loop->deferred, (size_t)loop->deferred_cap * sizeof(*loop->deferred));
    }
    loop->deferred[loop->deferred_count++] = (struct deferred){s, res, flags};
}

/* Pieces left from the turn before: one per stream again, or as many as go into the owner's memory; the others stay in
 * order. */
static void deferred_run(struct uring_loop *loop, struct batch *batch)
{
    int kept = 0;
    for (int i = 0; i < loop->deferred_count; i++) {
        struct deferred d = loop->deferred[i];
        /* What was held while the stream was paused is older and comes first. */
        bool waits = has_held(d.stream) && !(d.stream->base.flags & STREAM_PAUSED);
        if (has_room(batch) && may_deliver(loop, d.stream) && !waits) {
            on_recv(loop, d.stream, batch, d.res, d.flags);
        } else {
            loop->deferred[kept++] = d;
            no_more_this_turn(loop, d.stream); /* what comes behind a kept piece is kept as well */
        }
    }
    loop->deferred_count = kept;
}

/* A read after a poll: pipes, and large values straight into the owner's memory. */
static void read_now(struct uring_loop *loop, struct uring_stream *s, struct batch *batch)
{
    if (READ_ARENA_BYTES - loop->read_arena_used < LOOP_READ_MAX) {
        settle(loop, s); /* the poll will find it ready again */
        return;
    }
    char *arena = loop->read_arena + loop->read_arena_used;
    bool capped = s->into_len > LOOP_READ_INTO_MAX;
    size_t into_room = capped ? LOOP_READ_INTO_MAX : s->into_len;
    struct iovec iov[2] = {{s->into_ptr, into_room}, {arena, LOOP_READ_MAX}};
    ssize_t n = into_room ? readv(s->base.fd, iov, capped ? 1 : 2) : read(s->base.fd, arena, LOOP_READ_MAX);
    if (n == 0) {
        stream_ended(s, batch);
        return;
    }
    if (n < 0) {
        if (errno == EAGAIN || errno == EINTR) settle(loop, s);
        else stream_die(s, batch, IO_ERROR, errno);
        return;
    }
    size_t len = (size_t)n, part = len < into_room ? len : into_room;
    if (len < BULK_READ_MIN && s->into_len == 0) flags_clear(s, STREAM_BULK);
    if (part) into_advance(loop, s, batch, part);
    if (len > part) {
        no_more_this_turn(loop, s);
        emit(batch, IO_DATA, s)->data = slice_of(arena, len - part);
        loop->read_arena_used += (len - part + 63) & ~(size_t)63;
    }
    todo_push(loop, s); /* is armed when the owner had its say about where the next bytes go */
}

static void on_poll_in(struct uring_loop *loop, struct uring_stream *s, struct batch *batch, int res)
{
    s->base.armed &= (uint16_t)~ARM_POLL_IN;
    if (s->base.flags & (STREAM_CLOSED | STREAM_DEAD | STREAM_EOF)) return;
    if (res < 0 || s->base.flags & STREAM_PAUSED) settle(loop, s);
    else if (!may_deliver(loop, s)) todo_push(loop, s);
    else read_now(loop, s, batch);
}

static void on_poll_hup(struct uring_stream *s, struct batch *batch, int res)
{
    s->base.armed &= (uint16_t)~ARM_POLL_HUP;
    unsigned flags = s->base.flags;
    /* One that is read meanwhile hears of the end from its receive. */
    if (res < 0 || !(flags & STREAM_PAUSED)) return;
    if (flags & (STREAM_CLOSED | STREAM_DEAD | STREAM_EOF | STREAM_EOF_TOLD)) return;
    if (res & POLLERR) {
        int err = socket_error(s->base.fd);
        stream_die(s, batch, IO_ERROR, err ? err : ECONNRESET);
    } else {
        flags_set(s, STREAM_EOF_TOLD);
        emit(batch, IO_EOF, s);
    }
}

/* --------------------------------------------------------------------------------------------------------- sending */

static void backlog_append(struct uring_stream *s, const char *data, size_t len)
{
    struct stream_extra *x = extra_of(s);
    assert(x->backlog == NULL);
    x->backlog = mem_dup(data, len);
    x->backlog_at = 0;
    x->backlog_len = len;
}

/* A send of the arena did not go out as a whole: -errno, or how much did. */
static void on_send_failed(struct uring_loop *loop, const struct queued_send *send, struct batch *batch, int res)
{
    struct uring_stream *s = send->stream;
    if (s->base.flags & STREAM_DEAD) return;
    if (res == -ENOTSOCK) {
        flags_set(s, STREAM_NO_SOCKET);
    } else if (res < 0 && res != -EAGAIN && res != -EINTR) {
        stream_die(s, batch, IO_ERROR, -res);
        return;
    }
    uint32_t sent = res > 0 ? (uint32_t)res : 0;
    if (sent >= send->len) return;
    backlog_append(s, loop->send_arena + send->at + sent, send->len - sent);
    settle(loop, s);
}

static ssize_t send_now(struct uring_stream *s, const struct iovec *iov, int count)
{
    if (!(s->base.flags & STREAM_NO_SOCKET)) {
        struct msghdr msg = {.msg_iov = (struct iovec *)(uintptr_t)iov, .msg_iovlen = (size_t)count};
        ssize_t n = sendmsg(s->base.fd, &msg, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n >= 0 || errno != ENOTSOCK) return n;
        flags_set(s, STREAM_NO_SOCKET);
    }
    return writev(s->base.fd, iov, count);
}

/* False when the stream died. */
static bool backlog_send(struct uring_stream *s, struct batch *batch)
{
    struct stream_extra *x = s->extra;
    struct iovec rest = {x->backlog + x->backlog_at, x->backlog_len - x->backlog_at};
    ssize_t n = send_now(s, &rest, 1);
    if (n < 0 && errno != EAGAIN && errno != EINTR) {
        stream_die(s, batch, IO_ERROR, errno);
        return false;
    }
    if (n > 0) x->backlog_at += (size_t)n;
    if (!has_backlog(s)) {
        mem_free(x->backlog);
        x->backlog = NULL;
        x->backlog_at = x->backlog_len = 0;
    }
    return true;
}

static void on_poll_out(struct uring_loop *loop, struct uring_stream *s, struct batch *batch, int res)
{
    s->base.armed &= (uint16_t)~ARM_POLL_OUT;
    if (s->base.flags & STREAM_DEAD || s->base.fd < 0) return;
    if (s->base.flags & STREAM_CONNECTING) {
        if (s->base.flags & STREAM_CLOSED) return;
        int err = res < 0 ? -res : socket_error(s->base.fd);
        if (err) {
            stream_die(s, batch, IO_CONNECTED, err);
            return;
        }
        flags_clear(s, STREAM_CONNECTING);
        emit(batch, IO_CONNECTED, s);
    } else {
        if (has_backlog(s) && !backlog_send(s, batch)) return;
        if (!has_backlog(s) && s->base.flags & STREAM_SENDING) {
            flags_clear(s, STREAM_SENDING | STREAM_FULL | STREAM_SENT_OWED);
            emit(batch, IO_SENT, s);
        }
    }
    settle(loop, s);
}

static int64_t send_pend(struct uring_loop *loop, struct uring_stream *s)
{
    flags_set(s, STREAM_SENDING);
    settle(loop, s);
    return SEND_PENDING;
}

static int64_t send_direct(struct uring_loop *loop, struct uring_stream *s, const struct iovec *iov, int count,
                           size_t total)
{
    if (s->base.flags & STREAM_FULL) return send_pend(loop, s);
    ssize_t n;
    do n = send_now(s, iov, count);
    while (n < 0 && errno == EINTR);
    if (n < 0) {
        if (errno == EAGAIN) return send_pend(loop, s);
        flags_set(s, STREAM_DEAD);
        return -(int64_t)errno - 1;
    }
    if ((size_t)n < total) flags_set(s, STREAM_FULL);
    return n;
}

static int64_t send_queue(struct uring_loop *loop, struct uring_stream *s, const struct iovec *iov, int count,
                           size_t total)
{
    char *at = loop->send_arena + loop->send_arena_used, *end = at;
    for (int i = 0; i < count; i++) {
        memcpy(end, iov[i].iov_base, iov[i].iov_len);
        end += iov[i].iov_len;
    }
    struct queued_send *q = &loop->sends[loop->send_count++];
    *q = (struct queued_send){s, loop->send_arena_used, (uint32_t)total};
    struct io_uring_sqe *sqe = sqe_get(loop);
    /* MSG_WAITALL makes a short send a failure, and only failures are reported. */
    io_uring_prep_send(sqe, s->base.fd, at, total, MSG_NOSIGNAL | MSG_DONTWAIT | MSG_WAITALL);
    sqe->flags |= IOSQE_CQE_SKIP_SUCCESS;
    sqe->user_data = (uint64_t)(q - loop->sends) << 3 | TAG_SEND;
    loop->send_arena_used += (uint32_t)((total + 63) & ~(size_t)63);
    s->send_round = loop->send_round;
    return (int64_t)total;
}

static int64_t uring_stream_send(struct loop *base, struct stream *stream, const struct iovec *iov, int count)
{
    struct uring_loop *loop = uring_of(base);
    struct uring_stream *s = stream_of(stream);
    if (s->base.flags & STREAM_DEAD) return -(int64_t)EPIPE - 1;
    if (s->send_round == loop->send_round) {
        /* How the one before ends is known after the next call to the kernel. */
        flags_set(s, STREAM_SENDING | STREAM_SENT_OWED);
        loop->owed[loop->owed_count++] = s;
        return SEND_PENDING;
    }
    if (has_backlog(s) || s->base.flags & STREAM_CONNECTING) return send_pend(loop, s);
    size_t total = 0;
    for (int i = 0; i < count; i++) total += iov[i].iov_len;
    bool room = total <= SEND_ARENA_BYTES - loop->send_arena_used && loop->send_count < SENDS_MAX;
    bool queue = room && total > 0 && total <= SEND_COPY_MAX && !(s->base.flags & (STREAM_NO_SOCKET | STREAM_FULL));
    return queue ? send_queue(loop, s, iov, count, total) : send_direct(loop, s, iov, count, total);
}

/* --------------------------------------------------------------------------------------------------------- watches */

static void watch_arm(struct uring_loop *loop, struct watch *w)
{
    struct io_uring_sqe *sqe = sqe_get(loop);
    io_uring_prep_poll_add(sqe, w->fd, POLLIN);
    sqe_tag(sqe, w, TAG_WATCH);
    w->armed = true;
}

static void accept_all(struct watch *w, struct batch *batch)
{
    for (int i = 0; i < w->accept_max && has_room(batch); i++) {
        int fd = accept4(w->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0) {
            if (errno == EAGAIN) return;
            if (errno == EINTR || errno == ECONNABORTED || errno == EPROTO) continue;
        }
        struct completion *c = emit(batch, IO_ACCEPT, NULL);
        c->user = w->user;
        c->fd = fd < 0 ? w->fd : fd;
        c->err = fd < 0 ? errno : 0;
        if (fd < 0) return;
    }
}

static void on_watch(struct uring_loop *loop, struct watch *w, struct batch *batch)
{
    w->armed = false;
    if (w->closed) return;
    if (w->accept_max > 0) {
        accept_all(w, batch);
    } else {
        struct completion *c = emit(batch, IO_READABLE, NULL);
        c->user = w->user;
        c->fd = w->fd;
    }
    watch_arm(loop, w);
}

static bool uring_watch(struct loop *base, int fd, void *user, bool accept_mode, int accept_max)
{
    struct uring_loop *loop = uring_of(base);
    int on = 1;
    struct pollfd probe = {.fd = fd, .events = POLLIN};
    if (poll(&probe, 1, 0) < 0) return false;
    if (probe.revents & POLLNVAL) {
        errno = EBADF;
        return false;
    }
    if (accept_mode && ioctl(fd, FIONBIO, &on) < 0) return false;
    struct watch *w = mem_alloc(sizeof(*w));
    *w = (struct watch){.next = loop->watches, .user = user, .fd = fd};
    if (accept_mode) w->accept_max = accept_max > 0 ? accept_max : 1;
    loop->watches = w;
    watch_arm(loop, w);
    return true;
}

static void uring_unwatch(struct loop *base, int fd)
{
    struct uring_loop *loop = uring_of(base);
    for (struct watch **at = &loop->watches; *at; at = &(*at)->next) {
        struct watch *w = *at;
        if (w->fd != fd) continue;
        *at = w->next;
        w->closed = true;
        w->next = loop->closed_watches;
        loop->closed_watches = w;
        cancel(loop, w, TAG_WATCH);
        /* The request holds the file: end it now, or a listener's address would stay taken. */
        io_uring_submit_and_get_events(&loop->ring);
        return;
    }
}

static void wake_arm(struct uring_loop *loop)
{
    struct io_uring_sqe *sqe = sqe_get(loop);
    io_uring_prep_poll_multishot(sqe, loop->base.wake_fd, POLLIN);
    sqe_tag(sqe, NULL, TAG_WAKE);
}

/* ------------------------------------------------------------------------------------------------------------ turn */

static void held_deliver(struct uring_loop *loop, struct uring_stream *s, struct batch *batch)
{
    struct stream_extra *x = s->extra;
    /* It is handed out in one piece and lives until the next turn; spent is a chain through its own memory. */
    size_t len = x->held_len;
    char *block = mem_alloc(sizeof(char *) + len);
    memcpy(block, &loop->spent, sizeof(char *));
    loop->spent = block;
    memcpy(block + sizeof(char *), x->held, len);
    mem_free(x->held);
    x->held = NULL;
    x->held_len = 0;
    s->data_turn = loop->turn - 1; /* pieces that wait behind it said that this turn is over */
    deliver(loop, s, batch, block + sizeof(char *), len);
    no_more_this_turn(loop, s);
}

static void spent_free(struct uring_loop *loop)
{
    while (loop->spent) {
        char *block = loop->spent;
        memcpy(&loop->spent, block, sizeof(char *));
        mem_free(block);
    }
}

/* What the owner's calls since the last turn left to do. */
static void todo_run(struct uring_loop *loop, struct batch *batch)
{
    struct uring_stream *list = loop->todo;
    loop->todo = NULL;
    for (struct uring_stream *s = list, *next; s; s = next) {
        next = s->next;
        flags_clear(s, STREAM_TODO);
        if (s->base.flags & STREAM_CLOSED) {
            s->next = loop->closed;
            loop->closed = s;
            continue;
        }
        if (!has_room(batch)) {
            todo_push(loop, s);
            continue;
        }
        if (s->base.flags & STREAM_DEAD) continue;
        if (!(s->base.flags & STREAM_PAUSED)) {
            if (has_held(s)) held_deliver(loop, s, batch);
            if (s->base.flags & STREAM_EOF_TOLD && s->base.flags & STREAM_EOF) emit(batch, IO_EOF, s);
            flags_clear(s, STREAM_EOF_TOLD);
        }
        settle(loop, s);
    }
}

/* Sends that had to wait for the one before them: called when it is known how that ended. */
static void owed_run(struct uring_loop *loop, struct batch *batch)
{
    int kept = 0;
    for (int i = 0; i < loop->owed_count; i++) {
        struct uring_stream *s = loop->owed[i];
        if (!(s->base.flags & STREAM_SENT_OWED)) continue; /* closed or dead */
        if (!has_room(batch)) {
            loop->owed[kept++] = s;
            continue;
        }
        flags_clear(s, STREAM_SENT_OWED);
        if (has_backlog(s)) continue; /* IO_SENT comes when that is out */
        flags_clear(s, STREAM_SENDING);
        emit(batch, IO_SENT, s);
    }
    loop->owed_count = kept;
}

/* Streams that found no buffer: as many as can find one now. */
static void starved_run(struct uring_loop *loop)
{
    if (likely(!loop->starved)) return;
    if (loop->buffers_short) buffers_grow(loop);
    for (int i = 0; loop->starved && i < loop->buffer_count; i++) {
        struct uring_stream *s = loop->starved;
        if (!(loop->starved = s->next)) loop->starved_end = &loop->starved;
        flags_clear(s, STREAM_STARVED);
        todo_push(loop, s);
    }
}

static void enter(struct uring_loop *loop, int64_t timeout_us)
{
    struct io_uring_cqe *cqe;
    if (timeout_us == 0) {
        io_uring_submit_and_get_events(&loop->ring);
    } else if (timeout_us < 0) {
        io_uring_submit_and_wait(&loop->ring, 1);
    } else {
        struct __kernel_timespec ts = {timeout_us / 1000000, timeout_us % 1000000 * 1000};
        io_uring_submit_and_wait_timeout(&loop->ring, &cqe, 1, &ts, NULL);
    }
}

static void on_cqe(struct uring_loop *loop, struct batch *batch, const struct io_uring_cqe *cqe)
{
    enum tag tag = cqe->user_data & TAG_MASK;
    void *ptr = (void *)(uintptr_t)(cqe->user_data & ~(uint64_t)TAG_MASK);
    struct uring_stream *s = ptr;
    switch (tag) {
    case TAG_RECV:
        if (!may_deliver(loop, s) && !(s->base.flags & STREAM_CLOSED)) defer(loop, s, cqe->res, cqe->flags);
        else on_recv(loop, s, batch, cqe->res, cqe->flags);
        break;
    case TAG_POLL_IN: on_poll_in(loop, s, batch, cqe->res); break;
    case TAG_POLL_OUT: on_poll_out(loop, s, batch, cqe->res); break;
    case TAG_POLL_HUP: on_poll_hup(s, batch, cqe->res); break;
    case TAG_SEND: on_send_failed(loop, &loop->sends[cqe->user_data >> 3], batch, cqe->res); break;
    case TAG_WATCH: on_watch(loop, ptr, batch); break;
    case TAG_WAKE:
        if (!(cqe->flags & IORING_CQE_F_MORE)) wake_arm(loop);
        loop_wake_taken(&loop->base);
        emit(batch, IO_WAKE, NULL);
        break;
    default: break;
    }
}

/* True when none is left, in the queue or behind it. */
static bool cqes_run(struct uring_loop *loop, struct batch *batch)
{
    struct io_uring_cqe *cqe;
    unsigned head, seen = 0;
    io_uring_for_each_cqe(&loop->ring, head, cqe)
    {
        if (!has_room(batch)) break;
        on_cqe(loop, batch, cqe);
        seen++;
    }
    io_uring_cq_advance(&loop->ring, seen);
    return io_uring_cq_ready(&loop->ring) == 0 && !io_uring_cq_has_overflow(&loop->ring);
}

/* Ends the requests of a stream and lets the descriptor go. */
static void descriptor_close(struct uring_loop *loop, struct uring_stream *s)
{
    /* A shutdown completes the requests of a connected socket; others are cancelled. */
    bool down = !(s->base.flags & (STREAM_NO_SOCKET | STREAM_CONNECTING)) && shutdown(s->base.fd, SHUT_RDWR) == 0;
    if (!down) {
        if (s->base.armed & ARM_RECV) cancel(loop, s, TAG_RECV);
        if (s->base.armed & ARM_POLL_IN) cancel(loop, s, TAG_POLL_IN);
        if (s->base.armed & ARM_POLL_OUT) cancel(loop, s, TAG_POLL_OUT);
        if (s->base.armed & ARM_POLL_HUP) cancel(loop, s, TAG_POLL_HUP);
    }
    close(s->base.fd);
    s->base.fd = -1;
}

/* Whether a closed stream keeps its descriptor to send what was accepted from its owner. */
static bool lingers(struct uring_loop *loop, struct uring_stream *s)
{
    if (!has_backlog(s) || s->base.flags & STREAM_DEAD) return false;
    uint64_t now = clock_mono_us();
    if (s->extra->linger_end_us == 0) s->extra->linger_end_us = now + LINGER_US;
    if (now >= s->extra->linger_end_us) return false;
    loop->lingering = true;
    return true;
}

/* Streams whose owner has closed them. Called when nothing of theirs can be in the completion queue any more. */
static void closed_run(struct uring_loop *loop)
{
    if (likely(!loop->closed && !loop->closed_watches)) return;
    struct uring_stream *list = loop->closed;
    loop->closed = NULL;
    loop->lingering = false;
    for (struct uring_stream *s = list, *next; s; s = next) {
        next = s->next;
        if (s->base.fd >= 0 && !lingers(loop, s)) descriptor_close(loop, s);
        if (s->base.fd < 0 && !(s->base.armed & ARM_ALL)) {
            extra_free(s);
            mem_free_sized(s, sizeof(*s));
        } else {
            s->next = loop->closed;
            loop->closed = s;
        }
    }
    struct watch *watches = loop->closed_watches;
    loop->closed_watches = NULL;
    for (struct watch *w = watches, *next; w; w = next) {
        next = w->next;
        if (!w->armed) {
            mem_free_sized(w, sizeof(*w));
        } else {
            w->next = loop->closed_watches;
            loop->closed_watches = w;
        }
    }
}

/* One call to the kernel and what comes of it. */
static void turn_once(struct uring_loop *loop, int64_t timeout_us, struct batch *batch)
{
    deferred_run(loop, batch);
    starved_run(loop);
    todo_run(loop, batch);
    bool busy = batch->count > 0 || loop->deferred_count > 0 || loop->todo || loop->owed_count > 0 ||
                io_uring_cq_ready(&loop->ring) > 0;
    if (loop->lingering && (timeout_us < 0 || timeout_us > LINGER_CHECK_US)) timeout_us = LINGER_CHECK_US;
    enter(loop, busy ? 0 : timeout_us);
    if (!cqes_run(loop, batch)) return;
    /* Everything that was submitted is done: sends never wait in the kernel. */
    if (loop->send_count > 0) {
        loop->send_count = 0;
        loop->send_arena_used = 0;
        loop->send_round++;
    }
    owed_run(loop, batch);
    closed_run(loop);
}

static int uring_wait(struct loop *base, int64_t timeout_us, struct completion *out, int max)
{
    struct uring_loop *loop = uring_of(base);
    struct batch batch = {out, 0, max};
    loop->turn++;
    buffers_recycle(loop);
    spent_free(loop);
    loop->read_arena_used = 0;
    turn_once(loop, timeout_us, &batch);
    return batch.count; /* 0 too when only requests of closed streams ended, or receives were armed again */
}

/* --------------------------------------------------------------------------------------------------------- streams */

static struct stream *uring_stream_open(struct loop *base, int fd, void *user, bool connecting)
{
    struct uring_loop *loop = uring_of(base);
    int on = 1;
    if (ioctl(fd, FIONBIO, &on) < 0) return NULL;
    struct uring_stream *s = mem_zalloc(sizeof(*s));
    s->base.user = user;
    s->base.fd = fd;
    s->base.flags = connecting ? STREAM_CONNECTING : 0;
    s->send_round = loop->send_round - 1;
    s->data_turn = loop->turn - 1;
    settle(loop, s);
    loop->streams++;
    return &s->base;
}

/* Pieces that the owner will not get: their buffers go back. */
static void deferred_drop(struct uring_loop *loop, struct uring_stream *s)
{
    int kept = 0;
    for (int i = 0; i < loop->deferred_count; i++) {
        struct deferred d = loop->deferred[i];
        if (d.stream != s) {
            loop->deferred[kept++] = d;
            continue;
        }
        if (d.flags & IORING_CQE_F_BUFFER)
            loop->used[loop->used_count++] = (uint16_t)(d.flags >> IORING_CQE_BUFFER_SHIFT);
        if (!(d.flags & IORING_CQE_F_MORE)) s->base.armed &= (uint16_t)~(ARM_RECV | RECV_CANCELLED);
    }
    loop->deferred_count = kept;
}

static void uring_stream_close(struct loop *base, struct stream *stream)
{
    struct uring_loop *loop = uring_of(base);
    struct uring_stream *s = stream_of(stream);
    deferred_drop(loop, s);
    bool sending = !(s->base.flags & STREAM_DEAD) && (s->send_round == loop->send_round || has_backlog(s));
    s->base.flags &= STREAM_TODO | STREAM_STARVED | STREAM_DEAD | STREAM_NO_SOCKET | STREAM_CONNECTING;
    flags_set(s, STREAM_CLOSED);
    if (!sending) {
        descriptor_close(loop, s);
        extra_free(s);
    }
    loop->streams--;
    if (s->base.flags & (STREAM_TODO | STREAM_STARVED)) return; /* moves to the closed ones when it is met there */
    s->next = loop->closed;
    loop->closed = s;
}

static void uring_stream_read_pause(struct loop *loop, struct stream *s)
{
    (void)loop;
    (void)s; /* the receive is cancelled when data arrives */
}

static void uring_stream_read_resume(struct loop *base, struct stream *stream)
{
    struct uring_stream *s = stream_of(stream);
    if (!(s->base.flags & STREAM_EOF)) flags_clear(s, STREAM_EOF_TOLD);
    bool nothing_to_do = s->base.armed & ARM_RECV && !has_held(s) && !(s->base.flags & STREAM_EOF_TOLD);
    if (!nothing_to_do) todo_push(uring_of(base), s);
}

static void uring_stream_read_into(struct loop *base, struct stream *stream, char *ptr, size_t len)
{
    struct uring_stream *s = stream_of(stream);
    s->into_ptr = ptr;
    s->into_len = len;
    if (len < BULK_INTO_MIN || s->base.flags & STREAM_BULK) return;
    flags_set(s, STREAM_BULK);
    todo_push(uring_of(base), s);
}

/* ------------------------------------------------------------------------------------------------------------ loop */

static void uring_destroy(struct loop *base)
{
    struct uring_loop *loop = uring_of(base);
    assert(loop->streams == 0);
    while (loop->watches) uring_unwatch(base, loop->watches->fd);
    io_uring_submit(&loop->ring);
    io_uring_queue_exit(&loop->ring); /* all requests end: nothing points to the structs any more */
    struct uring_stream *lists[] = {loop->todo, loop->starved, loop->closed};
    for (size_t i = 0; i < ARRAY_LEN(lists); i++) {
        for (struct uring_stream *s = lists[i], *next; s; s = next) {
            next = s->next;
            if (s->base.fd >= 0) close(s->base.fd);
            extra_free(s);
            mem_free(s);
        }
    }
    for (struct watch *w = loop->closed_watches, *next; w; w = next) {
        next = w->next;
        mem_free(w);
    }
    spent_free(loop);
    for (int i = 0; i < loop->buffer_count; i += BUFFERS_STEP) mem_free(loop->buffers[i / BUFFERS_STEP]);
    mem_free(loop->buffer_ring);
    mem_free(loop->send_arena);
    mem_free(loop->read_arena);
    mem_free(loop->deferred);
    mem_free(loop);
}

static const struct loop_ops uring_ops = {
    .name = "io_uring",
    .destroy = uring_destroy,
    .wait = uring_wait,
    .open = uring_stream_open,
    .close = uring_stream_close,
    .read_pause = uring_stream_read_pause,
    .read_resume = uring_stream_read_resume,
    .read_into = uring_stream_read_into,
    .send = uring_stream_send,
    .watch = uring_watch,
    .unwatch = uring_unwatch,
};

/* 0 or -errno. */
static int ring_create(struct io_uring *ring)
{
    struct io_uring_params params = {
        .flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_SUBMIT_ALL |
                 IORING_SETUP_CQSIZE,
        .cq_entries = CQ_ENTRIES,
    };
    int rc = io_uring_queue_init_params(SQ_ENTRIES, ring, &params);
    if (rc < 0) return rc;
    unsigned needed = IORING_FEAT_NODROP | IORING_FEAT_EXT_ARG | IORING_FEAT_CQE_SKIP | IORING_FEAT_FAST_POLL;
    if ((params.features & needed) == needed) return 0;
    io_uring_queue_exit(ring);
    return -ENOSYS;
}

static int buffer_ring_create(struct uring_loop *loop)
{
    loop->buffer_ring = mem_alloc_aligned(4096, BUFFERS_MAX * sizeof(struct io_uring_buf));
    struct io_uring_buf_reg reg = {
        .ring_addr = (uintptr_t)loop->buffer_ring,
        .ring_entries = BUFFERS_MAX,
        .bgid = BUFFER_GROUP,
    };
    io_uring_buf_ring_init(loop->buffer_ring);
    return io_uring_register_buf_ring(&loop->ring, &reg, 0);
}

struct loop *loop_uring_new(int wake_fd)
{
    struct uring_loop *loop = mem_zalloc(sizeof(*loop));
    int rc = ring_create(&loop->ring);
    if (rc < 0) {
        mem_free(loop);
        errno = -rc;
        return NULL;
    }
    rc = buffer_ring_create(loop);
    if (rc < 0) {
        io_uring_queue_exit(&loop->ring);
        mem_free(loop->buffer_ring);
        mem_free(loop);
        errno = -rc;
        return NULL;
    }
    (void)io_uring_register_ring_fd(&loop->ring); /* saves a look-up in each call; not needed */
    loop->base.ops = &uring_ops;
    loop->base.wake_fd = wake_fd;
    atomic_init(&loop->base.wake_posted, false);
    loop->send_round = loop->turn = 1;
    loop->starved_end = &loop->starved;
    loop->send_arena = mem_alloc_aligned(4096, SEND_ARENA_BYTES);
    loop->read_arena = mem_alloc_aligned(4096, READ_ARENA_BYTES);
    buffers_grow(loop);
    wake_arm(loop);
    return &loop->base;
}
