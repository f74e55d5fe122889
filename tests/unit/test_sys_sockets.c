/* Listeners of every family, connections to them, and how their addresses read. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "sys/sockets.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

static char err[SOCKET_ERROR_MAX];

static int port_of(int fd)
{
    char host[SOCKET_ADDR_TEXT_MAX];
    int port = 0;
    assert_true(socket_local_address(fd, host, &port));
    return port;
}

static int accept_one(int listener)
{
    assert_int_equal(socket_wait_readable(listener, 2000), 1);
    int fd = accept(listener, NULL, NULL);
    assert_true(fd >= 0);
    return fd;
}

static int option(int fd, int level, int name)
{
    int value = -1;
    socklen_t len = sizeof(value);
    assert_int_equal(getsockopt(fd, level, name, &value, &len), 0);
    return value;
}

static void check_tcp(const char *listen_at, const char *connect_to, const char *text_prefix)
{
    int listener = socket_listen_tcp(listen_at, 0, 511, err);
    assert_true(listener >= 0);
    int port = port_of(listener);
    assert_true(port > 0);
    int client = socket_connect_tcp(connect_to, port, NULL, err);
    assert_true(client >= 0);
    assert_int_equal(socket_connect_finish(client, 2000), 0);
    int server = accept_one(listener);
    char text[SOCKET_ADDR_TEXT_MAX], want[SOCKET_ADDR_TEXT_MAX];
    snprintf(want, sizeof(want), "%s:%d", text_prefix, port);
    assert_int_equal(socket_peer_text(client, text), (int)strlen(want));
    assert_string_equal(text, want);
    socket_local_text(server, text);
    assert_string_equal(text, want);
    socket_local_text(client, want);
    socket_peer_text(server, text);
    assert_string_equal(text, want);
    assert_true(socket_is_loopback(server));
    assert_false(socket_is_unix(server));
    assert_true(socket_set_nodelay(server, true));
    assert_int_equal(option(server, IPPROTO_TCP, TCP_NODELAY), 1);
    assert_true(socket_set_keepalive(server, 300));
    assert_int_equal(option(server, SOL_SOCKET, SO_KEEPALIVE), 1);
    assert_int_equal(option(server, IPPROTO_TCP, TCP_KEEPIDLE), 300);
    assert_int_equal(option(server, IPPROTO_TCP, TCP_KEEPINTVL), 100);
    assert_int_equal(option(server, IPPROTO_TCP, TCP_KEEPCNT), 3);
    assert_true(socket_set_keepalive(server, 1));
    assert_int_equal(option(server, IPPROTO_TCP, TCP_KEEPINTVL), 1);
    assert_true(socket_set_keepalive(server, 0));
    assert_int_equal(option(server, SOL_SOCKET, SO_KEEPALIVE), 0);
    assert_true(socket_set_mark(server, 0));
    assert_true(socket_set_nonblocking(server, true));
    assert_true(socket_set_timeout(server, 1500));
    close(client);
    close(server);
    /* the same port again */
    assert_int_equal(socket_listen_tcp(listen_at, port, 511, err), -1);
    assert_string_equal(err, "bind: Address already in use");
    assert_int_equal(errno, EADDRINUSE);
    close(listener);
    int again = socket_listen_tcp(listen_at, port, 511, err); /* at once, though connections linger */
    assert_true(again >= 0);
    close(again);
}

static bool have_v6(void)
{
    int fd = socket_listen_tcp("::1", 0, 1, err);
    if (fd >= 0) close(fd);
    else print_message("no v6 here: %s\n", err);
    return fd >= 0;
}

static bool localhost_is_v6(void)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *list = NULL;
    assert_int_equal(getaddrinfo("localhost", NULL, &hints, &list), 0);
    bool v6 = list->ai_family == AF_INET6;
    freeaddrinfo(list);
    return v6;
}

static void test_tcp_v4(void **state)
{
    (void)state;
    check_tcp("127.0.0.1", "127.0.0.1", "127.0.0.1");
    check_tcp("*", "127.0.0.1", "127.0.0.1");
    /* By name: a host may give localhost an IPv6 address too, and put that first. */
    bool v6 = localhost_is_v6();
    check_tcp(v6 ? "::1" : "127.0.0.1", "localhost", v6 ? "[::1]" : "127.0.0.1");
}

static void test_tcp_v6(void **state)
{
    (void)state;
    if (!have_v6()) return;
    check_tcp("::1", "::1", "[::1]");
    check_tcp("::*", "::1", "[::1]");
    /* v6 alone: the same port is free for v4 */
    int six = socket_listen_tcp("::*", 0, 1, err);
    int four = socket_listen_tcp("*", port_of(six), 1, err);
    assert_true(four >= 0);
    close(six);
    close(four);
}

static void test_tcp_errors(void **state)
{
    (void)state;
    assert_int_equal(socket_listen_tcp("192.0.2.1", 0, 1, err), -1);
    assert_string_equal(err, "bind: Cannot assign requested address");
    assert_true(socket_error_is_unavailable(errno));
    assert_false(socket_error_is_unavailable(EADDRINUSE));
    assert_int_equal(socket_listen_tcp("no such host", 0, 1, err), -1);
    assert_true(strlen(err) > 0);
    assert_int_equal(socket_connect_tcp("no such host", 1, NULL, err), -1);
    assert_true(strlen(err) > 0);
    /* refused: at once or when it is finished */
    int listener = socket_listen_tcp("127.0.0.1", 0, 1, err), port = port_of(listener);
    close(listener);
    int fd = socket_connect_tcp("127.0.0.1", port, NULL, err);
    assert_true(fd < 0 || socket_connect_finish(fd, 2000) < 0);
    assert_int_equal(errno, ECONNREFUSED);
    if (fd >= 0) close(fd);
    assert_int_equal(socket_connect_tcp("127.0.0.1", port, "192.0.2.1", err), -1);
    assert_string_equal(err, "bind: Cannot assign requested address");
    char text[SOCKET_ADDR_TEXT_MAX];
    int pipes[2];
    assert_int_equal(pipe(pipes), 0);
    assert_int_equal(socket_peer_text(pipes[0], text), 3);
    assert_string_equal(text, "?:0");
    assert_false(socket_is_loopback(pipes[0]));
    assert_int_equal(socket_wait_readable(pipes[0], 1), 0);
    assert_int_equal(socket_wait_writable(pipes[1], 1000), 1);
    close(pipes[0]);
    close(pipes[1]);
}

static void test_source_address(void **state)
{
    (void)state;
    int listener = socket_listen_tcp("127.0.0.1", 0, 1, err);
    int fd = socket_connect_tcp("127.0.0.1", port_of(listener), "127.0.0.2", err);
    assert_true(fd >= 0);
    int server = accept_one(listener);
    char host[SOCKET_ADDR_TEXT_MAX];
    int port;
    assert_true(socket_peer_address(server, host, &port));
    assert_string_equal(host, "127.0.0.2");
    close(fd);
    close(server);
    close(listener);
}

static void test_unix(void **state)
{
    (void)state;
    char path[64], text[SOCKET_ADDR_TEXT_MAX], want[SOCKET_ADDR_TEXT_MAX];
    snprintf(path, sizeof(path), "/tmp/cairn_test_%d.sock", (int)getpid());
    int listener = socket_listen_unix(path, 0700, NULL, 10, err);
    assert_true(listener >= 0);
    struct stat st;
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0700);
    int client = socket_connect_unix(path, err);
    assert_true(client >= 0);
    int server = accept_one(listener);
    snprintf(want, sizeof(want), "%s:0", path);
    socket_peer_text(server, text);
    assert_string_equal(text, want);
    socket_local_text(server, text);
    assert_string_equal(text, want);
    assert_true(socket_is_unix(server));
    assert_true(socket_is_loopback(server));
    close(client);
    close(server);
    close(listener);
    /* what is left of an old server does not stand in the way */
    listener = socket_listen_unix(path, 0, "", 10, err);
    assert_true(listener >= 0);
    close(listener);
    assert_int_equal(socket_connect_unix(path, err), -1);
    assert_string_equal(err, "connect: Connection refused");
    unlink(path);
    assert_int_equal(socket_listen_unix(path, 0, "no such group of people", 10, err), -1);
    char long_path[300];
    memset(long_path, 'x', sizeof(long_path));
    long_path[299] = '\0';
    assert_int_equal(socket_listen_unix(long_path, 0, NULL, 10, err), -1);
    assert_int_equal(socket_connect_unix(long_path, err), -1);
    assert_int_equal(errno, ENAMETOOLONG);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tcp_v4),
        cmocka_unit_test(test_tcp_v6),
        cmocka_unit_test(test_tcp_errors),
        cmocka_unit_test(test_source_address),
        cmocka_unit_test(test_unix),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
