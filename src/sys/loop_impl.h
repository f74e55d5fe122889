/* What the front (loop.c) and the backends (loop_epoll.c, ...) share. A backend's loop and stream begin with these
 * structs. */
#ifndef CAIRN_SYS_LOOP_IMPL_H
#define CAIRN_SYS_LOOP_IMPL_H

#include "sys/loop.h"

#include <stdatomic.h>

struct loop_ops {
    const char *name;
    void (*destroy)(struct loop *loop);
    int (*wait)(struct loop *loop, int64_t timeout_us, struct completion *out, int max);
    struct stream *(*open)(struct loop *loop, int fd, void *user, bool connecting);
    void (*close)(struct loop *loop, struct stream *s);
    void (*read_pause)(struct loop *loop, struct stream *s);
    void (*read_resume)(struct loop *loop, struct stream *s);
    void (*read_into)(struct loop *loop, struct stream *s, char *ptr, size_t len);
    int64_t (*send)(struct loop *loop, struct stream *s, const struct iovec *iov, int count);
    bool (*watch)(struct loop *loop, int fd, void *user, bool accept_mode, int accept_max);
    void (*unwatch)(struct loop *loop, int fd);
};

struct loop {
    const struct loop_ops *ops;
    int wake_fd;             /* eventfd, written by loop_wake; made and closed by the front */
    atomic_bool wake_posted; /* a wake-up is on its way: further calls need no system call */
};

/* Flags of all backends. */
enum {
    STREAM_PAUSED = 1 << 0,       /* the owner wants no data */
    STREAM_SENDING = 1 << 1,      /* SEND_PENDING was returned, IO_SENT is owed */
    STREAM_CLOSED = 1 << 2,       /* waits for the next turn to be freed */
    STREAM_DEAD = 1 << 3,         /* an error was reported */
    STREAM_EOF = 1 << 4,          /* the end of input was read and reported */
    STREAM_CONNECTING = 1 << 5,   /* IO_CONNECTED is owed */
    STREAM_NO_SOCKET = 1 << 6,    /* a pipe: read and writev instead of recv and sendmsg */
    STREAM_BACKEND_FLAG = 1 << 8  /* the first flag that a backend defines for itself */
};

struct stream {
    void *user;
    int fd;
    uint16_t flags;
    uint16_t armed; /* backend: the events that the kernel watches */
};

struct loop *loop_epoll_new(int wake_fd); /* NULL with errno; wake_fd is then still the caller's */
struct loop *loop_uring_new(int wake_fd); /* the same */

/* Called by a backend when the wake-up event came, before it reports IO_WAKE. */
static inline void loop_wake_taken(struct loop *loop)
{
    /* Whoever set the flag published its work before: the exchange makes that work visible to this thread. */
    atomic_exchange_explicit(&loop->wake_posted, false, memory_order_acq_rel);
}

#endif
