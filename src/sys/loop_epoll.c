/* The epoll backend: level triggered, so that nothing is lost when a turn leaves work for the next one.
 *
 *     events    [ done | left over for the next turn ]      filled by one epoll_wait, worked off before the next
 *     arena     [ stream 7 .. | stream 9 ....... |          ]  reset each turn; each read starts on a cache line
 *
 * What keeps system calls away from the hot path: one recv per ready stream; sends are tried at once; EPOLLOUT is armed
 * when a send pends and disarmed when it fires in vain; EPOLLIN is disarmed for a paused stream only when data does
 * arrive.
 *
 * Invariants: s->armed is what the kernel watches (0: the descriptor is not in the epoll set). The events that are left
 * over are worked off before epoll_wait is asked again, which is fair to all and keeps a stream from being read twice
 * in a turn. A closed stream is unlinked from left-over events before it is freed. A close removes the descriptor from
 * the set explicitly: a forked child may hold a duplicate of it, and then close() alone would leave the registration
 * behind.
 *
 * Rejected: edge triggering (each read would need a second one to see EAGAIN), a send buffer in the loop (the owner has
 * one). */
#include "sys/loop_impl.h"

#include "base/mem.h"

#include <assert.h>
#include <errno.h>
#include <sys/epoll.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
    EVENTS_MAX = 512,           /* of one epoll_wait: 6 KB of events */
    ARENA_ALIGN = 64,           /* a cache line: a request never shares one with another connection's */
    COMPLETIONS_PER_EVENT = 3   /* IO_SENT and two IO_DATA */
};

enum {
    STREAM_FULL = STREAM_BACKEND_FLAG,         /* the last send was short: the next one would find no room */
    STREAM_EOF_TOLD = STREAM_BACKEND_FLAG << 1 /* a hang-up was reported while paused */
};

struct epoll_stream {
    struct stream base;
    char *into_ptr; /* stream_read_into: where the next bytes go */
    size_t into_len;
    struct epoll_stream *next_closed;
};
_Static_assert(sizeof(struct epoll_stream) <= 48, "idle connections must stay small");

struct watch {
    struct watch *next;
    void *user;
    int fd;
    int accept_max; /* 0: plain */
    bool closed;
};

struct epoll_loop {
    struct loop base;
    int epoll_fd;
    bool no_pwait2; /* the kernel refused epoll_pwait2: whole milliseconds only */
    int event_next, event_count;
    char *arena;
    size_t arena_used;
    struct epoll_stream *closed_streams; /* freed by the next turn */
    struct watch *watches, *closed_watches;
    size_t streams; /* open ones */
    struct epoll_event events[EVENTS_MAX];
};

/* epoll_event.data: a stream; a watch with its lowest bit set; the wake-up; nothing (the stream was closed
 * meanwhile). */
enum { TAG_NONE = 0, TAG_WATCH_BIT = 1, TAG_WAKE = 2 };

struct batch {
    struct completion *out;
    int count, max;
};

static struct epoll_loop *epoll_of(struct loop *loop)
{
    return container_of(loop, struct epoll_loop, base);
}

static struct epoll_stream *stream_of(struct stream *s)
{
    return container_of(s, struct epoll_stream, base);
}

static void flags_set(struct epoll_stream *s, unsigned flags)
{
    s->base.flags |= (uint16_t)flags;
}

static void flags_clear(struct epoll_stream *s, unsigned flags)
{
    s->base.flags &= (uint16_t)~flags;
}

static struct completion *emit(struct batch *batch, enum io_kind kind, struct epoll_stream *s)
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

/* ------------------------------------------------------------------------------------------------ what is armed */

static bool stream_arm(struct epoll_loop *loop, struct epoll_stream *s, uint32_t events)
{
    if (s->base.armed == events) return true;
    int op = s->base.armed == 0 ? EPOLL_CTL_ADD : events == 0 ? EPOLL_CTL_DEL : EPOLL_CTL_MOD;
    struct epoll_event ev = {.events = events, .data.u64 = (uintptr_t)s};
    if (epoll_ctl(loop->epoll_fd, op, s->base.fd, &ev) < 0) return false;
    s->base.armed = (uint16_t)events;
    return true;
}

/* The least that must be watched for what the stream waits for. */
static uint32_t stream_events_wanted(const struct epoll_stream *s)
{
    unsigned flags = s->base.flags;
    if (flags & (STREAM_DEAD | STREAM_CLOSED)) return 0;
    if (flags & STREAM_CONNECTING) return EPOLLOUT;
    uint32_t out = flags & STREAM_SENDING ? EPOLLOUT : 0;
    if (flags & STREAM_EOF) return out;
    if (flags & STREAM_PAUSED) return out | (flags & STREAM_EOF_TOLD ? 0 : EPOLLRDHUP);
    return out | EPOLLIN | EPOLLRDHUP;
}

static int socket_error(int fd)
{
    int err = 0;
    socklen_t len = sizeof(err);
    return getsockopt(fd, SOL_SOCKET, SO_ERROR, &err, &len) < 0 ? 0 : err;
}

static void stream_die(struct epoll_loop *loop, struct epoll_stream *s, struct batch *batch, enum io_kind kind, int err)
{
    flags_set(s, STREAM_DEAD);
    flags_clear(s, STREAM_SENDING | STREAM_CONNECTING);
    stream_arm(loop, s, 0);
    emit(batch, kind, s)->err = err;
}

/* ------------------------------------------------------------------------------------------------------ reading */

static void stream_took(struct epoll_stream *s, struct batch *batch, char *ptr, size_t len)
{
    emit(batch, IO_DATA, s)->data = slice_of(ptr, len);
}

/* Reads into the owner's memory and, when that can be filled, on into the arena: the tail of a large value and the
 * request behind it come in one call. */
static ssize_t read_through(struct epoll_loop *loop, struct epoll_stream *s, size_t *into_room)
{
    bool capped = s->into_len > LOOP_READ_INTO_MAX;
    *into_room = capped ? LOOP_READ_INTO_MAX : s->into_len;
    struct iovec iov[2] = {{s->into_ptr, *into_room}, {loop->arena + loop->arena_used, LOOP_READ_MAX}};
    return readv(s->base.fd, iov, capped ? 1 : 2);
}

static ssize_t read_arena(struct epoll_loop *loop, struct epoll_stream *s)
{
    char *at = loop->arena + loop->arena_used;
    if (likely(!(s->base.flags & STREAM_NO_SOCKET))) {
        ssize_t n = recv(s->base.fd, at, LOOP_READ_MAX, 0);
        if (n >= 0 || errno != ENOTSOCK) return n;
        flags_set(s, STREAM_NO_SOCKET);
    }
    return read(s->base.fd, at, LOOP_READ_MAX);
}

static void stream_read(struct epoll_loop *loop, struct epoll_stream *s, struct batch *batch)
{
    size_t into_room = 0;
    ssize_t n = unlikely(s->into_len) ? read_through(loop, s, &into_room) : read_arena(loop, s);
    if (unlikely(n <= 0)) {
        if (n == 0) {
            flags_set(s, STREAM_EOF);
            stream_arm(loop, s, stream_events_wanted(s));
            emit(batch, IO_EOF, s);
        } else if (errno != EAGAIN && errno != EINTR) {
            stream_die(loop, s, batch, IO_ERROR, errno);
        }
        return;
    }
    size_t len = (size_t)n;
    if (into_room) {
        size_t part = len < into_room ? len : into_room;
        stream_took(s, batch, s->into_ptr, part);
        s->into_ptr += part;
        s->into_len -= part;
        len -= part;
        if (len == 0) return;
    }
    stream_took(s, batch, loop->arena + loop->arena_used, len);
    loop->arena_used += (len + ARENA_ALIGN - 1) & ~(size_t)(ARENA_ALIGN - 1);
}

/* ------------------------------------------------------------------------------------------------------- events */

static void on_connect_event(struct epoll_loop *loop, struct epoll_stream *s, struct batch *batch)
{
    int err = socket_error(s->base.fd);
    if (err) {
        stream_die(loop, s, batch, IO_CONNECTED, err);
        return;
    }
    flags_clear(s, STREAM_CONNECTING);
    stream_arm(loop, s, stream_events_wanted(s));
    emit(batch, IO_CONNECTED, s);
}

static void on_paused_hangup(struct epoll_loop *loop, struct epoll_stream *s, struct batch *batch, uint32_t events)
{
    if (events & EPOLLERR) {
        int err = socket_error(s->base.fd);
        stream_die(loop, s, batch, IO_ERROR, err ? err : ECONNRESET);
    } else if (!(s->base.flags & STREAM_EOF_TOLD)) {
        flags_set(s, STREAM_EOF_TOLD);
        stream_arm(loop, s, stream_events_wanted(s));
        emit(batch, IO_EOF, s);
    } else if (s->base.flags & STREAM_SENDING) {
        stream_die(loop, s, batch, IO_ERROR, EPIPE);
    } else {
        stream_arm(loop, s, 0);
    }
}

static void on_stream_event(struct epoll_loop *loop, struct epoll_stream *s, struct batch *batch, uint32_t events)
{
    if (unlikely(s->base.flags & (STREAM_DEAD | STREAM_CONNECTING))) {
        if (s->base.flags & STREAM_CONNECTING) on_connect_event(loop, s, batch);
        else stream_arm(loop, s, 0);
        return;
    }
    if (events & EPOLLOUT && !(events & EPOLLERR)) {
        bool owed = s->base.flags & STREAM_SENDING;
        flags_clear(s, STREAM_SENDING | STREAM_FULL);
        if (owed) {
            emit(batch, IO_SENT, s); /* EPOLLOUT stays armed: the rest is likely to pend again */
        } else {
            stream_arm(loop, s, stream_events_wanted(s));
        }
    }
    if (!(events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR))) return;
    if (unlikely(s->base.flags & STREAM_EOF)) {
        if (events & (EPOLLHUP | EPOLLERR)) {
            int err = socket_error(s->base.fd);
            stream_die(loop, s, batch, IO_ERROR, err ? err : EPIPE);
        }
    } else if (unlikely(s->base.flags & STREAM_PAUSED)) {
        if (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) on_paused_hangup(loop, s, batch, events);
        else stream_arm(loop, s, stream_events_wanted(s));
    } else {
        stream_read(loop, s, batch);
    }
}

static void accept_all(struct watch *w, struct batch *batch)
{
    for (int i = 0; i < w->accept_max && batch->count < batch->max; i++) {
        int fd = accept4(w->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0) {
            if (errno == EAGAIN) return;
            /* What happened to one connection before it was taken; the next may be well. */
            if (errno == EINTR || errno == ECONNABORTED || errno == EPROTO) continue;
        }
        struct completion *c = emit(batch, IO_ACCEPT, NULL);
        c->user = w->user;
        c->fd = fd < 0 ? w->fd : fd;
        c->err = fd < 0 ? errno : 0;
        if (fd < 0) return;
    }
}

static void on_watch_event(struct watch *w, struct batch *batch)
{
    if (w->accept_max > 0) {
        accept_all(w, batch);
        return;
    }
    struct completion *c = emit(batch, IO_READABLE, NULL);
    c->user = w->user;
    c->fd = w->fd;
}

/* True when the event was worked off; false leaves it for the next turn. */
static bool on_event(struct epoll_loop *loop, const struct epoll_event *ev, struct batch *batch)
{
    uint64_t tag = ev->data.u64;
    if (batch->count + COMPLETIONS_PER_EVENT > batch->max) return false;
    if (unlikely(tag & TAG_WATCH_BIT)) {
        on_watch_event((struct watch *)(uintptr_t)(tag & ~(uint64_t)TAG_WATCH_BIT), batch);
    } else if (unlikely(tag == TAG_WAKE)) {
        loop_wake_taken(&loop->base);
        emit(batch, IO_WAKE, NULL);
    } else if (likely(tag != TAG_NONE)) {
        if (LOOP_ARENA_BYTES - loop->arena_used < LOOP_READ_MAX) return false;
        on_stream_event(loop, (struct epoll_stream *)(uintptr_t)tag, batch, ev->events);
    }
    return true;
}

/* --------------------------------------------------------------------------------------------------------- turn */

static bool event_is_stale(const struct epoll_event *ev)
{
    uint64_t tag = ev->data.u64;
    if (tag == TAG_NONE || tag == TAG_WAKE) return false;
    if (tag & TAG_WATCH_BIT) return ((struct watch *)(uintptr_t)(tag & ~(uint64_t)TAG_WATCH_BIT))->closed;
    return ((struct epoll_stream *)(uintptr_t)tag)->base.flags & STREAM_CLOSED;
}

static void reap(struct epoll_loop *loop)
{
    if (likely(!loop->closed_streams && !loop->closed_watches)) return;
    for (int i = loop->event_next; i < loop->event_count; i++)
        if (event_is_stale(&loop->events[i])) loop->events[i].data.u64 = TAG_NONE;
    for (struct epoll_stream *s = loop->closed_streams, *next; s; s = next) {
        next = s->next_closed;
        mem_free_sized(s, sizeof(*s));
    }
    for (struct watch *w = loop->closed_watches, *next; w; w = next) {
        next = w->next;
        mem_free_sized(w, sizeof(*w));
    }
    loop->closed_streams = NULL;
    loop->closed_watches = NULL;
}

static int poll_kernel(struct epoll_loop *loop, int64_t timeout_us)
{
    if (timeout_us > 0 && !loop->no_pwait2) {
        struct timespec ts = {timeout_us / 1000000, timeout_us % 1000000 * 1000};
        int n = epoll_pwait2(loop->epoll_fd, loop->events, EVENTS_MAX, &ts, NULL);
        if (n >= 0 || (errno != ENOSYS && errno != EPERM)) return n;
        loop->no_pwait2 = true;
    }
    int64_t ms = timeout_us < 0 ? -1 : (timeout_us + 999) / 1000;
    return epoll_wait(loop->epoll_fd, loop->events, EVENTS_MAX, ms > INT32_MAX ? INT32_MAX : (int)ms);
}

static int epoll_loop_wait(struct loop *base, int64_t timeout_us, struct completion *out, int max)
{
    struct epoll_loop *loop = epoll_of(base);
    reap(loop);
#ifdef CAIRN_DEBUG
    memset(loop->arena, 0x5a, loop->arena_used); /* whoever kept a slice too long shall see it */
#endif
    loop->arena_used = 0;
    if (loop->event_next == loop->event_count) {
        int n = poll_kernel(loop, timeout_us);
        loop->event_next = 0;
        loop->event_count = n < 0 ? 0 : n; /* EINTR; nothing else can come from a valid set */
    }
    struct batch batch = {out, 0, max};
    for (; loop->event_next < loop->event_count; loop->event_next++)
        if (!on_event(loop, &loop->events[loop->event_next], &batch)) break;
    return batch.count;
}

/* ------------------------------------------------------------------------------------------------------ streams */

static struct stream *epoll_stream_open(struct loop *base, int fd, void *user, bool connecting)
{
    struct epoll_loop *loop = epoll_of(base);
    int on = 1;
    if (ioctl(fd, FIONBIO, &on) < 0) return NULL;
    struct epoll_stream *s = mem_zalloc(sizeof(*s));
    s->base.user = user;
    s->base.fd = fd;
    s->base.flags = connecting ? STREAM_CONNECTING : 0;
    if (!stream_arm(loop, s, stream_events_wanted(s))) {
        int err = errno;
        mem_free_sized(s, sizeof(*s));
        errno = err;
        return NULL;
    }
    loop->streams++;
    return &s->base;
}

static void epoll_stream_close(struct loop *base, struct stream *stream)
{
    struct epoll_loop *loop = epoll_of(base);
    struct epoll_stream *s = stream_of(stream);
    stream_arm(loop, s, 0);
    if (!(s->base.flags & STREAM_NO_SOCKET)) shutdown(s->base.fd, SHUT_RDWR); /* the peer shall see it, child or not */
    close(s->base.fd);
    s->base.fd = -1;
    s->base.flags = STREAM_CLOSED;
    s->next_closed = loop->closed_streams;
    loop->closed_streams = s;
    loop->streams--;
}

static void epoll_stream_read_pause(struct loop *loop, struct stream *s)
{
    (void)loop;
    (void)s; /* disarmed when data arrives */
}

static void epoll_stream_read_resume(struct loop *base, struct stream *stream)
{
    struct epoll_stream *s = stream_of(stream);
    flags_clear(s, STREAM_EOF_TOLD);
    uint32_t wanted = stream_events_wanted(s);
    if ((s->base.armed & wanted) != wanted) stream_arm(epoll_of(base), s, wanted);
}

static void epoll_stream_read_into(struct loop *loop, struct stream *stream, char *ptr, size_t len)
{
    (void)loop;
    struct epoll_stream *s = stream_of(stream);
    s->into_ptr = ptr;
    s->into_len = len;
}

static ssize_t send_now(struct epoll_stream *s, const struct iovec *iov, int count)
{
    int fd = s->base.fd;
    if (likely(!(s->base.flags & STREAM_NO_SOCKET))) {
        struct msghdr msg = {.msg_iov = (struct iovec *)(uintptr_t)iov, .msg_iovlen = (size_t)count};
        ssize_t n = count == 1 ? send(fd, iov->iov_base, iov->iov_len, MSG_NOSIGNAL) : sendmsg(fd, &msg, MSG_NOSIGNAL);
        if (n >= 0 || errno != ENOTSOCK) return n;
        flags_set(s, STREAM_NO_SOCKET);
    }
    return writev(fd, iov, count);
}

static int64_t send_pend(struct epoll_loop *loop, struct epoll_stream *s)
{
    flags_set(s, STREAM_SENDING);
    uint32_t wanted = stream_events_wanted(s);
    if ((s->base.armed & wanted) != wanted) stream_arm(loop, s, wanted | s->base.armed);
    return SEND_PENDING;
}

static int64_t epoll_stream_send(struct loop *base, struct stream *stream, const struct iovec *iov, int count)
{
    struct epoll_loop *loop = epoll_of(base);
    struct epoll_stream *s = stream_of(stream);
    if (s->base.flags & STREAM_DEAD) return -(int64_t)EPIPE - 1;
    if (s->base.flags & (STREAM_FULL | STREAM_CONNECTING)) return send_pend(loop, s);
    ssize_t n;
    do n = send_now(s, iov, count);
    while (n < 0 && errno == EINTR);
    if (n < 0) {
        if (errno == EAGAIN) return send_pend(loop, s);
        flags_set(s, STREAM_DEAD); /* leaves the epoll set when it is closed, or when an event comes */
        return -(int64_t)errno - 1;
    }
    size_t asked = 0;
    for (int i = 0; i < count; i++) asked += iov[i].iov_len;
    if ((size_t)n < asked) flags_set(s, STREAM_FULL);
    return n;
}

/* ------------------------------------------------------------------------------------------------------ watches */

static bool epoll_watch(struct loop *base, int fd, void *user, bool accept_mode, int accept_max)
{
    struct epoll_loop *loop = epoll_of(base);
    struct watch *w = mem_alloc(sizeof(*w));
    *w = (struct watch){.next = loop->watches, .user = user, .fd = fd};
    if (accept_mode) w->accept_max = accept_max > 0 ? accept_max : 1;
    struct epoll_event ev = {.events = EPOLLIN, .data.u64 = (uintptr_t)w | TAG_WATCH_BIT};
    int on = 1;
    /* accept4 is called until it has nothing more: the listener must not block then. */
    if ((accept_mode && ioctl(fd, FIONBIO, &on) < 0) || epoll_ctl(loop->epoll_fd, EPOLL_CTL_ADD, fd, &ev) < 0) {
        int err = errno;
        mem_free_sized(w, sizeof(*w));
        errno = err;
        return false;
    }
    loop->watches = w;
    return true;
}

static void epoll_unwatch(struct loop *base, int fd)
{
    struct epoll_loop *loop = epoll_of(base);
    for (struct watch **at = &loop->watches; *at; at = &(*at)->next) {
        struct watch *w = *at;
        if (w->fd != fd) continue;
        epoll_ctl(loop->epoll_fd, EPOLL_CTL_DEL, fd, NULL);
        *at = w->next;
        w->closed = true;
        w->next = loop->closed_watches;
        loop->closed_watches = w;
        return;
    }
}

/* --------------------------------------------------------------------------------------------------------- loop */

static void epoll_destroy(struct loop *base)
{
    struct epoll_loop *loop = epoll_of(base);
    assert(loop->streams == 0);
    while (loop->watches) epoll_unwatch(base, loop->watches->fd);
    reap(loop);
    close(loop->epoll_fd);
    mem_free(loop->arena);
    mem_free(loop);
}

static const struct loop_ops epoll_ops = {
    .name = "epoll",
    .destroy = epoll_destroy,
    .wait = epoll_loop_wait,
    .open = epoll_stream_open,
    .close = epoll_stream_close,
    .read_pause = epoll_stream_read_pause,
    .read_resume = epoll_stream_read_resume,
    .read_into = epoll_stream_read_into,
    .send = epoll_stream_send,
    .watch = epoll_watch,
    .unwatch = epoll_unwatch,
};

struct loop *loop_epoll_new(int wake_fd)
{
    int epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (epoll_fd < 0) return NULL;
    /* Edge triggered: a wake-up needs no read to be taken back. */
    struct epoll_event ev = {.events = EPOLLIN | EPOLLET, .data.u64 = TAG_WAKE};
    if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, wake_fd, &ev) < 0) {
        int err = errno;
        close(epoll_fd);
        errno = err;
        return NULL;
    }
    struct epoll_loop *loop = mem_zalloc(sizeof(*loop));
    loop->base.ops = &epoll_ops;
    loop->base.wake_fd = wake_fd;
    atomic_init(&loop->base.wake_posted, false);
    loop->epoll_fd = epoll_fd;
    loop->arena = mem_alloc_aligned(4096, LOOP_ARENA_BYTES);
    return &loop->base;
}
