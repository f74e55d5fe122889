/* The loop's front: chooses a backend and passes calls on to it. What does not differ between backends (waking, a
 * stream's plain fields) is done here. */
#include "sys/loop.h"

#include "sys/loop_impl.h"

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

static const struct {
    const char *name;
    struct loop *(*create)(int wake_fd);
} backends[] = {
    {"io_uring", loop_uring_new},
    {"epoll", loop_epoll_new},
};

struct loop *loop_new(const char *backend)
{
    int wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (wake_fd < 0) return NULL;
    bool any = strcmp(backend, "auto") == 0;
    int err = EINVAL;
    for (size_t i = 0; i < ARRAY_LEN(backends); i++) {
        if (!any && strcmp(backend, backends[i].name) != 0) continue;
        struct loop *loop = backends[i].create(wake_fd);
        if (loop) return loop;
        err = errno;
    }
    close(wake_fd);
    errno = err;
    return NULL;
}

void loop_free(struct loop *loop)
{
    if (!loop) return;
    int wake_fd = loop->wake_fd;
    loop->ops->destroy(loop);
    close(wake_fd);
}

const char *loop_backend(const struct loop *loop)
{
    return loop->ops->name;
}

int loop_wait(struct loop *loop, int64_t timeout_us, struct completion *out, int max)
{
    assert(max >= LOOP_COMPLETIONS_MIN);
    return loop->ops->wait(loop, timeout_us, out, max);
}

void loop_wake(struct loop *loop)
{
    if (atomic_exchange_explicit(&loop->wake_posted, true, memory_order_acq_rel)) return;
    int saved_errno = errno;
    uint64_t one = 1;
    /* cannot fail but by EAGAIN, when it is readable anyway */
    ssize_t ignored = write(loop->wake_fd, &one, sizeof(one));
    (void)ignored;
    errno = saved_errno;
}

struct stream *stream_open(struct loop *loop, int fd, void *user)
{
    return loop->ops->open(loop, fd, user, false);
}

struct stream *stream_connect(struct loop *loop, int fd, void *user)
{
    return loop->ops->open(loop, fd, user, true);
}

void stream_close(struct loop *loop, struct stream *s)
{
    assert(!(s->flags & STREAM_CLOSED));
    loop->ops->close(loop, s);
}

int stream_fd(const struct stream *s)
{
    return s->fd;
}

void *stream_user(const struct stream *s)
{
    return s->user;
}

void stream_set_user(struct stream *s, void *user)
{
    s->user = user;
}

void stream_read_pause(struct loop *loop, struct stream *s)
{
    if (s->flags & STREAM_PAUSED) return;
    s->flags |= STREAM_PAUSED;
    loop->ops->read_pause(loop, s);
}

void stream_read_resume(struct loop *loop, struct stream *s)
{
    if (!(s->flags & STREAM_PAUSED)) return;
    s->flags &= (uint16_t)~STREAM_PAUSED;
    loop->ops->read_resume(loop, s);
}

void stream_read_into(struct loop *loop, struct stream *s, char *ptr, size_t len)
{
    loop->ops->read_into(loop, s, ptr, len);
}

int64_t stream_send(struct loop *loop, struct stream *s, const struct iovec *iov, int count)
{
    assert(count > 0 && !(s->flags & (STREAM_SENDING | STREAM_CLOSED)));
    return loop->ops->send(loop, s, iov, count < LOOP_SEND_VECTORS_MAX ? count : LOOP_SEND_VECTORS_MAX);
}

bool stream_send_pending(const struct stream *s)
{
    return s->flags & STREAM_SENDING;
}

bool loop_watch(struct loop *loop, int fd, void *user, bool accept_mode, int accept_max)
{
    return loop->ops->watch(loop, fd, user, accept_mode, accept_max);
}

void loop_unwatch(struct loop *loop, int fd)
{
    loop->ops->unwatch(loop, fd);
}
