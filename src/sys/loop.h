/* The event loop, shaped by completions: "these bytes have arrived in this buffer", "so many bytes were sent". Two
 * backends of equal rank stand behind it: epoll (loop_epoll.c) and io_uring (loop_uring.c).
 *
 * One thread owns a loop: the one that made it, after any fork into the background. A turn: n = loop_wait(loop,
 * timeout, out, max); handle the n completions; submit sends; again. Received data lies in the loop's own memory and
 * stays valid until the next loop_wait(): the owner may collect the requests of all connections first and run them as
 * one batch. A loop_wait reads each ready stream once, with no second read after a short one, and leaves streams for
 * the next turn when there is no more room. Sends may reach the kernel with the next loop_wait only.
 *
 * Streams are closed by stream_close(); completions of a closed stream that are already in `out` must be ignored by the
 * owner (stream_close does not touch arrays it handed out; memory of a stream is freed by a later loop_wait). The same
 * holds for completions of a descriptor that was unwatched. One stream can have two completions in a batch (IO_SENT
 * before IO_DATA, or the two pieces of a read that filled the memory of stream_read_into and went on into the
 * arena). */
#ifndef CAIRN_SYS_LOOP_H
#define CAIRN_SYS_LOOP_H

#include "base/compiler.h"
#include "base/slice.h"

#include <sys/uio.h>

struct loop;   /* opaque */
struct stream; /* opaque: one connected socket (or pipe) */

enum io_kind {
    IO_DATA,      /* data: what arrived (in the arena, or in the memory given by stream_read_into) */
    IO_EOF,       /* the peer closed its side; sending may still be possible */
    IO_ERROR,     /* err: errno; the stream is dead, a pending send is over, only stream_close is left to do */
    IO_SENT,      /* n: bytes of the pending send that went out (the send is over; submit the rest). n is 0 when
                   * there is room again but nothing was taken yet */
    IO_CONNECTED, /* a stream_connect came through (err 0) or failed (err; the stream is dead) */
    IO_ACCEPT,    /* fd: a new connection of the listening watch `user`; err: accept failed, fd is the listener */
    IO_READABLE,  /* fd: a plain watched descriptor is readable (signalfd, pipe, eventfd, listener) */
    IO_WAKE       /* loop_wake was called from another thread or a signal handler; several calls may give one */
};

struct completion {
    enum io_kind kind;
    int err;               /* errno or 0 */
    int fd;                /* IO_ACCEPT, IO_READABLE */
    void *user;            /* of the stream or watch */
    struct stream *stream; /* NULL for watches and IO_WAKE */
    struct slice data;     /* IO_DATA; the bytes are the owner's to overwrite until the next loop_wait */
    size_t n;              /* IO_SENT */
};

enum {
    LOOP_ARENA_BYTES = 512 * 1024,
    LOOP_READ_MAX = 16 * 1024,           /* one read takes at most this into the arena, and always finds room for it */
    /* one read takes at most this into the memory of stream_read_into: others wait no longer */
    LOOP_READ_INTO_MAX = 1024 * 1024,
    LOOP_COMPLETIONS_MAX = 1024,         /* a good `max` for loop_wait */
    LOOP_COMPLETIONS_MIN = 4,            /* the least `max` */
    LOOP_SEND_VECTORS_MAX = 1024         /* of one stream_send; what is beyond is not sent */
};

/* "auto", "epoll", "io_uring"; NULL with errno when it cannot be had (old kernel, forbidden, not built in). */
struct loop *loop_new(const char *backend);
void loop_free(struct loop *loop);          /* the owner has closed all streams */
const char *loop_backend(const struct loop *loop); /* "epoll", "io_uring" */

/* timeout_us: -1 for ever, 0 poll. Returns the number of completions; 0 on timeout, on a signal, and now and then
 * earlier, when the backend had to do something for itself. */
int loop_wait(struct loop *loop, int64_t timeout_us, struct completion *out, int max);
void loop_wake(struct loop *loop); /* from any thread, and async-signal-safe */

/* Streams. The descriptor becomes non-blocking and is owned by the stream. Reading starts at once. NULL with errno: fd
 * is still the caller's. */
struct stream *stream_open(struct loop *loop, int fd, void *user);
/* The same for a descriptor whose non-blocking connect was begun: IO_CONNECTED comes first. */
struct stream *stream_connect(struct loop *loop, int fd, void *user);
/* Ends a pending send and closes the descriptor; what stream_send took before (returned as sent) still goes out. */
void stream_close(struct loop *loop, struct stream *s);
int stream_fd(const struct stream *s);
void *stream_user(const struct stream *s);
void stream_set_user(struct stream *s, void *user);
/* No more IO_DATA from the next loop_wait on; a hang-up is still reported once (IO_EOF, IO_ERROR). Unread bytes may lie
 * before it: after stream_read_resume they come as IO_DATA, and IO_EOF comes again. Both cost a system call only when
 * data arrived while paused. */
void stream_read_pause(struct loop *loop, struct stream *s);
void stream_read_resume(struct loop *loop, struct stream *s);
/* The next bytes go to ptr (at most len) instead of the arena; ends by itself when len bytes came, or by len = 0. */
void stream_read_into(struct loop *loop, struct stream *s, char *ptr, size_t len);

enum { SEND_PENDING = -1 };
/* Sends iov. Returns the bytes sent at once (maybe fewer than asked: then call again, which may pend), SEND_PENDING
 * when the result will come as IO_SENT (the bytes must stay until then, the iov array need not; one send at a time), or
 * -errno-1 (<= -2) when the stream is dead. A send that fails later comes as IO_ERROR. */
int64_t stream_send(struct loop *loop, struct stream *s, const struct iovec *iov, int count);
bool stream_send_pending(const struct stream *s);

/* Plain descriptors, level triggered, not owned. accept_mode: the loop accepts (accept4, non-blocking, close-on-exec)
 * up to accept_max connections per turn and reports IO_ACCEPT for each; errors of accept come as IO_ACCEPT with err
 * (EMFILE comes each turn until a descriptor is free: the owner unwatches for a while). False with errno when fd cannot
 * be watched. */
bool loop_watch(struct loop *loop, int fd, void *user, bool accept_mode, int accept_max);
void loop_unwatch(struct loop *loop, int fd);

#endif
