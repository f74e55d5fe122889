/* Listening sockets: opening what the configuration names, accepting, and refusing: too many clients, protected
 * mode. */
#include "net/conn_impl.h"

#include "base/buf.h"
#include "base/log.h"
#include "engine/config.h"
#include "net/net_config.h"
#include "sys/sockets.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static const char protected_text[] =
    "-DENIED Redis is running in protected mode because protected mode is enabled and no password is set for the "
    "default user. In this mode connections are only accepted from the loopback interface. To let other hosts in, do "
    "one of these on the server's host: 1) set a password with 'requirepass' (CONFIG SET requirepass, then CONFIG "
    "REWRITE to keep it); 2) turn protected mode off with CONFIG SET protected-mode no, after making sure that the "
    "port can't be reached from the internet; 3) start the server with --protected-mode no.\r\n";

static bool listener_add(struct worker *w, int fd, const char *addr, int port, bool unix_socket)
{
    if (w->listener_count == LISTENERS_MAX) {
        close(fd);
        return false;
    }
    struct listener *l = &w->listeners[w->listener_count++];
    *l = (struct listener){.fd = fd, .unix_socket = unix_socket, .port = port};
    snprintf(l->addr, sizeof(l->addr), "%s", addr);
    return loop_watch(w->loop, fd, l, true, (int)*w->cfg_accept_max);
}

static void listeners_close(struct worker *w, struct listener *list, int count)
{
    for (int i = 0; i < count; i++) {
        loop_unwatch(w->loop, list[i].fd);
        close(list[i].fd);
    }
}

static bool listen_tcp_all(struct worker *w, struct buf *err)
{
    int count, opened = 0;
    const char *const *binds = net_bind_addresses(engine_config(w->engine), &count);
    int port = (int)*w->cfg_port;
    if (port == 0)
        return true;
    for (int i = 0; i < count; i++) {
        const char *addr = binds[i];
        bool optional = addr[0] == '-';
        addr += optional;
        char reason[SOCKET_ERROR_MAX];
        int fd = socket_listen_tcp(addr, port, (int)*w->cfg_backlog, reason);
        if (fd < 0) {
            int saved = errno;
            if ((optional && saved == EADDRNOTAVAIL) || (optional && socket_error_is_unavailable(saved)))
                continue;
            log_warning(engine_log(w->engine), "Warning: Could not create server TCP listening socket %s:%d: %s", addr,
                        port, reason);
            buf_appendf(err, "Failed listening on port %d (TCP), aborting.", port);
            errno = saved;
            return false;
        }
        if (*w->cfg_mark > 0)
            (void)socket_set_mark(fd, (uint32_t)*w->cfg_mark);
        if (!listener_add(w, fd, addr, port, false)) {
            buf_appendf(err, "Failed listening on port %d (TCP), aborting.", port);
            return false;
        }
        opened++;
    }
    if (opened == 0 && count > 0) {
        buf_appendf(err, "Failed listening on port %d (TCP), aborting.", port);
        return false;
    }
    return true;
}

static bool listen_unix(struct worker *w, struct buf *err)
{
    const char *path = *w->cfg_unixsocket;
    if (path[0] == '\0')
        return true;
    char reason[SOCKET_ERROR_MAX];
    int fd = socket_listen_unix(path, (mode_t)*w->cfg_unix_perm, *w->cfg_unixgroup, (int)*w->cfg_backlog, reason);
    if (fd < 0 || !listener_add(w, fd, path, 0, true)) {
        log_warning(engine_log(w->engine), "Failed opening Unix socket: %s", fd < 0 ? reason : "too many listeners");
        buf_appendf(err, "Failed listening on %s (unix), aborting.", path);
        return false;
    }
    return true;
}

bool worker_listen(struct worker *w, struct buf *err)
{
    if (listen_tcp_all(w, err) && listen_unix(w, err))
        return true;
    int saved = errno;
    listeners_close(w, w->listeners, w->listener_count);
    w->listener_count = 0;
    errno = saved;
    return false;
}

bool worker_relisten(struct worker *w, struct buf *err)
{
    struct listener old[LISTENERS_MAX], kept_unix = {.fd = -1};
    int old_count = 0;
    for (int i = 0; i < w->listener_count; i++)
        if (w->listeners[i].unix_socket)
            kept_unix = w->listeners[i];
        else
            old[old_count++] = w->listeners[i];
    /* The old sockets close first: the same address cannot be bound twice. They are opened again when the new ones
     * fail. */
    listeners_close(w, old, old_count);
    w->listener_count = 0;
    if (kept_unix.fd >= 0) {
        loop_unwatch(w->loop, kept_unix.fd);
        listener_add(w, kept_unix.fd, kept_unix.addr, 0, true);
    }
    int first = w->listener_count;
    if (listen_tcp_all(w, err))
        return true;
    listeners_close(w, &w->listeners[first], w->listener_count - first);
    w->listener_count = first;
    for (int i = 0; i < old_count; i++) {
        char reason[SOCKET_ERROR_MAX];
        int fd = socket_listen_tcp(old[i].addr, old[i].port, (int)*w->cfg_backlog, reason);
        if (fd >= 0)
            listener_add(w, fd, old[i].addr, old[i].port, false);
    }
    return false;
}

void worker_unlisten(struct worker *w)
{
    for (int i = 0; i < w->listener_count; i++)
        if (w->listeners[i].unix_socket)
            unlink(w->listeners[i].addr);
    listeners_close(w, w->listeners, w->listener_count);
    w->listener_count = 0;
}

int worker_listener_count(const struct worker *w)
{
    return w->listener_count;
}

void worker_listeners_text(const struct worker *w, struct buf *out)
{
    for (int i = 0; i < w->listener_count; i++) {
        const struct listener *l = &w->listeners[i];
        if (l->unix_socket)
            buf_appendf(out, "listener%d:name=unix,bind=%s\r\n", i, l->addr);
        else
            buf_appendf(out, "listener%d:name=tcp,bind=%s,port=%d\r\n", i, l->addr, l->port);
    }
}

static void refuse(struct worker *w, int fd, const char *text, size_t len)
{
    ssize_t ignored = send(fd, text, len, MSG_NOSIGNAL | MSG_DONTWAIT);
    (void)ignored;
    close(fd);
    engine_stats(w->engine)->rejected_connections++;
}

void listener_accept(struct worker *w, struct listener *l, int fd, int err)
{
    if (err != 0) {
        log_warning(engine_log(w->engine), "Accepting client connection: %s", strerror(err));
        return;
    }
    struct engine_stats *st = engine_stats(w->engine);
    if (session_count(w->engine) >= (size_t)*w->cfg_maxclients) {
        static const char text[] = "-ERR max number of clients reached\r\n";
        refuse(w, fd, text, sizeof(text) - 1);
        return;
    }
    struct config *config = engine_config(w->engine);
    if (*w->cfg_protected && (*config_bind_str(config, "requirepass"))[0] == '\0' && !l->unix_socket &&
        !socket_is_loopback(fd)) {
        refuse(w, fd, protected_text, sizeof(protected_text) - 1);
        return;
    }
    if (!l->unix_socket) {
        (void)socket_set_nodelay(fd, true);
        if (*w->cfg_keepalive > 0)
            (void)socket_set_keepalive(fd, (int)*w->cfg_keepalive);
    }
    if (conn_open(w, fd, l->unix_socket) == NULL) {
        log_warning(engine_log(w->engine), "Error registering the new client: %s", strerror(errno));
        close(fd);
        return;
    }
    st->connections++;
}
