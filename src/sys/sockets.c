/* Sockets. Addresses become text in the form of CLIENT LIST: a v6 address in brackets, a unix socket as its path and
 * port 0. */
#include "sys/sockets.h"

#include <arpa/inet.h>
#include <errno.h>
#include <grp.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

union address {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
    struct sockaddr_un un;
    struct sockaddr_storage storage;
};

/* Closes fd (-1: none), describes errno and keeps it. */
static int fail(int fd, char err[SOCKET_ERROR_MAX], const char *what)
{
    int saved_errno = errno;
    snprintf(err, SOCKET_ERROR_MAX, "%s: %s", what, strerror(saved_errno));
    if (fd >= 0) close(fd);
    errno = saved_errno;
    return -1;
}

static int fail_text(char err[SOCKET_ERROR_MAX], const char *text, int code)
{
    snprintf(err, SOCKET_ERROR_MAX, "%s", text);
    errno = code;
    return -1;
}

/* The addresses of host; NULL with err and errno. */
static struct addrinfo *resolve(const char *host, int port, int family, int flags, char err[SOCKET_ERROR_MAX])
{
    char service[16];
    snprintf(service, sizeof(service), "%d", port);
    struct addrinfo hints = {.ai_family = family, .ai_socktype = SOCK_STREAM, .ai_flags = flags | AI_NUMERICSERV};
    struct addrinfo *list = NULL;
    int rc = getaddrinfo(host, service, &hints, &list);
    if (rc == 0) return list;
    if (rc == EAI_SYSTEM) fail(-1, err, "getaddrinfo");
    else fail_text(err, gai_strerror(rc), EADDRNOTAVAIL);
    return NULL;
}

/* -------------------------------------------------------------------------------------------------------- listening */

static int listen_at(const struct addrinfo *at, int backlog, char err[SOCKET_ERROR_MAX])
{
    int on = 1;
    int fd = socket(at->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) return fail(-1, err, "socket");
    if (at->ai_family == AF_INET6 && setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on)) < 0)
        return fail(fd, err, "setsockopt");
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0) return fail(fd, err, "setsockopt SO_REUSEADDR");
    if (bind(fd, at->ai_addr, at->ai_addrlen) < 0) return fail(fd, err, "bind");
    if (listen(fd, backlog) < 0) return fail(fd, err, "listen");
    return fd;
}

int socket_listen_tcp(const char *addr, int port, int backlog, char err[SOCKET_ERROR_MAX])
{
    bool all_v4 = strcmp(addr, "*") == 0, all_v6 = strcmp(addr, "::*") == 0;
    int family = all_v4 ? AF_INET : all_v6 ? AF_INET6 : AF_UNSPEC;
    struct addrinfo *list = resolve(all_v4 || all_v6 ? NULL : addr, port, family, AI_PASSIVE, err);
    int fd = -1;
    for (struct addrinfo *at = list; at && fd < 0; at = at->ai_next) fd = listen_at(at, backlog, err);
    int saved_errno = errno;
    if (list) freeaddrinfo(list);
    errno = saved_errno;
    return fd;
}

bool socket_error_is_unavailable(int err)
{
    switch (err) {
    case EADDRNOTAVAIL:
    case EAFNOSUPPORT:
    case EPFNOSUPPORT:
    case EPROTONOSUPPORT:
    case ESOCKTNOSUPPORT:
    case ENOPROTOOPT: return true;
    default: return false;
    }
}

static bool unix_address(union address *addr, const char *path)
{
    size_t len = strlen(path);
    *addr = (union address){.un.sun_family = AF_UNIX};
    if (len >= sizeof(addr->un.sun_path)) return false;
    memcpy(addr->un.sun_path, path, len + 1);
    return true;
}

int socket_listen_unix(const char *path, mode_t perm, const char *group, int backlog, char err[SOCKET_ERROR_MAX])
{
    union address addr;
    if (!unix_address(&addr, path)) return fail_text(err, "unix socket path too long", ENAMETOOLONG);
    struct group *gr = NULL;
    if (group && *group && !(gr = getgrnam(group))) return fail_text(err, "no such group", EINVAL);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) return fail(-1, err, "socket");
    unlink(path);
    /* Nobody can connect before listen: the rights are set in time. */
    if (bind(fd, &addr.any, sizeof(addr.un)) < 0) return fail(fd, err, "bind");
    if (gr && chown(path, (uid_t)-1, gr->gr_gid) < 0) return fail(fd, err, "chown");
    if (perm && chmod(path, perm) < 0) return fail(fd, err, "chmod");
    if (listen(fd, backlog) < 0) return fail(fd, err, "listen");
    return fd;
}

/* ------------------------------------------------------------------------------------------------------- connecting */

static bool bind_source(int fd, int family, const char *source, char err[SOCKET_ERROR_MAX])
{
    struct addrinfo *list = resolve(source, 0, family, AI_PASSIVE, err);
    if (!list) return false;
    bool ok = false;
    for (struct addrinfo *at = list; at && !ok; at = at->ai_next) ok = bind(fd, at->ai_addr, at->ai_addrlen) == 0;
    if (!ok) fail(-1, err, "bind");
    int saved_errno = errno;
    freeaddrinfo(list);
    errno = saved_errno;
    return ok;
}

static int connect_to(const struct addrinfo *at, const char *source, char err[SOCKET_ERROR_MAX])
{
    int fd = socket(at->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) return fail(-1, err, "socket");
    if (source && *source && !bind_source(fd, at->ai_family, source, err)) {
        int saved_errno = errno;
        close(fd);
        errno = saved_errno;
        return -1;
    }
    if (connect(fd, at->ai_addr, at->ai_addrlen) < 0 && errno != EINPROGRESS) return fail(fd, err, "connect");
    return fd;
}

int socket_connect_tcp(const char *host, int port, const char *source, char err[SOCKET_ERROR_MAX])
{
    struct addrinfo *list = resolve(host, port, AF_UNSPEC, 0, err);
    int fd = -1;
    for (struct addrinfo *at = list; at && fd < 0; at = at->ai_next) fd = connect_to(at, source, err);
    int saved_errno = errno;
    if (list) freeaddrinfo(list);
    errno = saved_errno;
    return fd;
}

int socket_connect_unix(const char *path, char err[SOCKET_ERROR_MAX])
{
    union address addr;
    if (!unix_address(&addr, path)) return fail_text(err, "unix socket path too long", ENAMETOOLONG);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) return fail(-1, err, "socket");
    if (connect(fd, &addr.any, sizeof(addr.un)) < 0) return fail(fd, err, "connect");
    return fd;
}

static int wait_for(int fd, short events, int timeout_ms)
{
    struct pollfd p = {.fd = fd, .events = events};
    int rc;
    do rc = poll(&p, 1, timeout_ms);
    while (rc < 0 && errno == EINTR);
    return rc;
}

int socket_wait_readable(int fd, int timeout_ms)
{
    return wait_for(fd, POLLIN, timeout_ms);
}

int socket_wait_writable(int fd, int timeout_ms)
{
    return wait_for(fd, POLLOUT, timeout_ms);
}

int socket_connect_finish(int fd, int timeout_ms)
{
    int rc = wait_for(fd, POLLOUT, timeout_ms);
    if (rc < 0) return -1;
    int err = rc == 0 ? ETIMEDOUT : 0;
    socklen_t len = sizeof(err);
    if (rc > 0 && getsockopt(fd, SOL_SOCKET, SO_ERROR, &err, &len) < 0) return -1;
    errno = err;
    return err ? -1 : 0;
}

/* ---------------------------------------------------------------------------------------------------------- options */

static bool set_int(int fd, int level, int option, int value)
{
    return setsockopt(fd, level, option, &value, sizeof(value)) == 0;
}

bool socket_set_nonblocking(int fd, bool on)
{
    int value = on;
    return ioctl(fd, FIONBIO, &value) == 0;
}

bool socket_set_nodelay(int fd, bool on)
{
    return set_int(fd, IPPROTO_TCP, TCP_NODELAY, on);
}

bool socket_set_keepalive(int fd, int interval_s)
{
    if (interval_s <= 0) return set_int(fd, SOL_SOCKET, SO_KEEPALIVE, 0);
    int between = interval_s / 3 > 0 ? interval_s / 3 : 1;
    return set_int(fd, SOL_SOCKET, SO_KEEPALIVE, 1) && set_int(fd, IPPROTO_TCP, TCP_KEEPIDLE, interval_s) &&
           set_int(fd, IPPROTO_TCP, TCP_KEEPINTVL, between) && set_int(fd, IPPROTO_TCP, TCP_KEEPCNT, 3);
}

bool socket_set_mark(int fd, uint32_t mark)
{
    return mark == 0 || setsockopt(fd, SOL_SOCKET, SO_MARK, &mark, sizeof(mark)) == 0;
}

bool socket_set_timeout(int fd, int timeout_ms)
{
    struct timeval tv = {timeout_ms / 1000, timeout_ms % 1000 * 1000};
    return setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv)) == 0 &&
           setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof(tv)) == 0;
}

/* -------------------------------------------------------------------------------------------------------- addresses */

static bool address_read(int fd, bool peer, union address *addr)
{
    socklen_t len = sizeof(*addr);
    memset(addr, 0, sizeof(*addr));
    return (peer ? getpeername(fd, &addr->any, &len) : getsockname(fd, &addr->any, &len)) == 0;
}

/* The path that the listening side is bound to: only one end of the connection has it. */
static void unix_path(int fd, bool peer, union address *addr, char host[SOCKET_ADDR_TEXT_MAX])
{
    if (addr->un.sun_path[0] == '\0') address_read(fd, !peer, addr);
    snprintf(host, SOCKET_ADDR_TEXT_MAX, "%.*s", (int)sizeof(addr->un.sun_path), addr->un.sun_path);
}

static bool address_parts(int fd, bool peer, char host[SOCKET_ADDR_TEXT_MAX], int *port)
{
    union address addr;
    *port = 0;
    snprintf(host, SOCKET_ADDR_TEXT_MAX, "?");
    if (!address_read(fd, peer, &addr)) return false;
    switch (addr.any.sa_family) {
    case AF_INET:
        *port = ntohs(addr.v4.sin_port);
        return inet_ntop(AF_INET, &addr.v4.sin_addr, host, SOCKET_ADDR_TEXT_MAX) != NULL;
    case AF_INET6:
        *port = ntohs(addr.v6.sin6_port);
        return inet_ntop(AF_INET6, &addr.v6.sin6_addr, host, SOCKET_ADDR_TEXT_MAX) != NULL;
    case AF_UNIX: unix_path(fd, peer, &addr, host); return true;
    default: return false;
    }
}

static int address_text(int fd, bool peer, char out[SOCKET_ADDR_TEXT_MAX])
{
    char host[SOCKET_ADDR_TEXT_MAX];
    int port;
    bool known = address_parts(fd, peer, host, &port);
    bool v6 = known && host[0] != '/' && strchr(host, ':');
    int len = snprintf(out, SOCKET_ADDR_TEXT_MAX, v6 ? "[%.110s]:%d" : "%.110s:%d", host, port);
    return len;
}

int socket_peer_text(int fd, char out[SOCKET_ADDR_TEXT_MAX])
{
    return address_text(fd, true, out);
}

int socket_local_text(int fd, char out[SOCKET_ADDR_TEXT_MAX])
{
    return address_text(fd, false, out);
}

bool socket_peer_address(int fd, char host[SOCKET_ADDR_TEXT_MAX], int *port)
{
    return address_parts(fd, true, host, port);
}

bool socket_local_address(int fd, char host[SOCKET_ADDR_TEXT_MAX], int *port)
{
    return address_parts(fd, false, host, port);
}

bool socket_is_unix(int fd)
{
    union address addr;
    return address_read(fd, false, &addr) && addr.any.sa_family == AF_UNIX;
}

bool socket_is_loopback(int fd)
{
    union address addr;
    if (!address_read(fd, true, &addr)) return false;
    switch (addr.any.sa_family) {
    case AF_UNIX: return true;
    case AF_INET: return ntohl(addr.v4.sin_addr.s_addr) >> 24 == 127;
    case AF_INET6: return IN6_IS_ADDR_LOOPBACK(&addr.v6.sin6_addr);
    default: return false;
    }
}
