/* Sockets (not "socket.h", which would hide <sys/socket.h>): listening, connecting, options, addresses as text.
 * Functions that can fail for a user's reason (a busy port, a bad host) write the reason into `err` (SOCKET_ERROR_MAX
 * bytes, "bind: Address already in use") and leave errno; all descriptors are close-on-exec. */
#ifndef CAIRN_SYS_SOCKETS_H
#define CAIRN_SYS_SOCKETS_H

#include "base/compiler.h"
#include "base/slice.h"

#include <sys/stat.h>

enum { SOCKET_ERROR_MAX = 256, SOCKET_ADDR_TEXT_MAX = 128 };

/* Listens on addr: a v4 or v6 address, a host name (its first address that can be bound), "*" for all of v4, "::*" for
 * all of v6. A v6 socket takes no v4 connections. Port 0: the system chooses. -1 on failure. */
int socket_listen_tcp(const char *addr, int port, int backlog, char err[SOCKET_ERROR_MAX]);
/* True when the errno of a failed socket_listen_tcp says that this machine has no such address or protocol: what a
 * `bind` entry with a leading '-' forgives. */
bool socket_error_is_unavailable(int err);
/* Removes what stands at path before. perm 0: as the umask has it; group NULL or "": unchanged. */
int socket_listen_unix(const char *path, mode_t perm, const char *group, int backlog, char err[SOCKET_ERROR_MAX]);

/* Begin a connection without waiting for it (stream_connect, or socket_wait); looking up a host name does wait. source:
 * local address or NULL.
 * -1 on failure. */
int socket_connect_tcp(const char *host, int port, const char *source, char err[SOCKET_ERROR_MAX]);
int socket_connect_unix(const char *path, char err[SOCKET_ERROR_MAX]);
/* Waits until a connection that was begun is there: 0, or -1 with errno (ETIMEDOUT after timeout_ms; -1 waits for
 * ever). */
int socket_connect_finish(int fd, int timeout_ms);
/* Waits until fd is readable / writable: 1, 0 on timeout, -1 with errno. */
int socket_wait_readable(int fd, int timeout_ms);
int socket_wait_writable(int fd, int timeout_ms);

/* Options: false with errno. */
bool socket_set_nonblocking(int fd, bool on);
bool socket_set_nodelay(int fd, bool on);
/* Dead peers are found after about twice interval_s; 0 turns it off. */
bool socket_set_keepalive(int fd, int interval_s);
bool socket_set_mark(int fd, uint32_t mark);             /* SO_MARK, for routing rules; 0 does nothing */
bool socket_set_timeout(int fd, int timeout_ms);         /* of blocking sends and receives */

/* "127.0.0.1:6379", "[::1]:6379", for a unix socket "/path:0" (the path of the listening side, at both ends); "?:0"
 * when it cannot be had. Returns the length. */
int socket_peer_text(int fd, char out[SOCKET_ADDR_TEXT_MAX]);
int socket_local_text(int fd, char out[SOCKET_ADDR_TEXT_MAX]);
/* The parts: host without brackets (a path for a unix socket) and port (0 for a unix socket). False: "?" and 0. */
bool socket_peer_address(int fd, char host[SOCKET_ADDR_TEXT_MAX], int *port);
bool socket_local_address(int fd, char host[SOCKET_ADDR_TEXT_MAX], int *port);
bool socket_is_unix(int fd);
/* The peer is this machine: 127.0.0.0/8, ::1 or a unix socket. What protected mode lets in. */
bool socket_is_loopback(int fd);

#endif
