/* The event loop, run once over each backend that this kernel gives. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "sys/loop.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static const char *backend = "epoll";

enum { OUT_MAX = LOOP_COMPLETIONS_MAX };

struct rig {
    struct loop *loop;
    struct completion out[OUT_MAX];
    int n;
};

static int rig_setup(void **state)
{
    struct rig *rig = calloc(1, sizeof(*rig));
    rig->loop = loop_new(backend);
    assert_non_null(rig->loop);
    *state = rig;
    return 0;
}

static int rig_teardown(void **state)
{
    struct rig *rig = *state;
    loop_free(rig->loop);
    free(rig);
    return 0;
}

/* A loop may come back early with nothing: three times nothing is nothing. */
static int patient_wait(struct rig *rig, int64_t timeout_us, int max)
{
    rig->n = 0;
    for (int i = 0; i < 3 && rig->n == 0; i++) rig->n = loop_wait(rig->loop, timeout_us, rig->out, max);
    return rig->n;
}

/* One turn; waits at most 2 s, which only a failing test uses up. */
static int turn(struct rig *rig)
{
    return patient_wait(rig, 2000000, OUT_MAX);
}

static void no_turn(struct rig *rig)
{
    patient_wait(rig, 10000, OUT_MAX);
    if (rig->n) print_message("unexpected: kind %d, err %d\n", (int)rig->out[0].kind, rig->out[0].err);
    assert_int_equal(rig->n, 0);
}

static struct completion *find(struct rig *rig, enum io_kind kind, struct stream *s)
{
    for (int i = 0; i < rig->n; i++)
        if (rig->out[i].kind == kind && rig->out[i].stream == s) return &rig->out[i];
    return NULL;
}

/* Turns until the completion comes. */
static struct completion *await_io(struct rig *rig, enum io_kind kind, struct stream *s)
{
    for (int i = 0; i < 100; i++) {
        if (turn(rig) == 0) break;
        struct completion *c = find(rig, kind, s);
        if (c) return c;
    }
    fail_msg("no completion of kind %d came", (int)kind);
    return NULL;
}

static void assert_data(const struct completion *c, const char *text)
{
    assert_int_equal(c->kind, IO_DATA);
    assert_int_equal(c->data.len, strlen(text));
    assert_memory_equal(c->data.ptr, text, strlen(text));
}

static void pair(int fds[2])
{
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
}

/* A TCP connection through the loopback device: [0] stays with the test, [1] is for the loop. */
static void tcp_pair(int fds[2])
{
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in addr = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(addr);
    assert_int_equal(bind(listener, (struct sockaddr *)&addr, len), 0);
    assert_int_equal(listen(listener, 10), 0);
    assert_int_equal(getsockname(listener, (struct sockaddr *)&addr, &len), 0);
    fds[0] = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(connect(fds[0], (struct sockaddr *)&addr, len), 0);
    fds[1] = accept(listener, NULL, NULL);
    assert_true(fds[1] >= 0);
    close(listener);
}

static void put(int fd, const char *text)
{
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
}

static int64_t send_bytes(struct rig *rig, struct stream *s, const char *ptr, size_t len)
{
    struct iovec iov = {(void *)(uintptr_t)ptr, len};
    return stream_send(rig->loop, s, &iov, 1);
}

/* Sends everything, whichever way the backend answers. */
static void send_all(struct rig *rig, struct stream *s, const char *ptr, size_t len)
{
    while (len) {
        int64_t n = send_bytes(rig, s, ptr, len);
        if (n == SEND_PENDING) n = (int64_t)await_io(rig, IO_SENT, s)->n;
        assert_true(n >= 0);
        ptr += n;
        len -= (size_t)n;
    }
}

/* What the other end gets: a send may go out with the next turn only. */
static ssize_t peer_read(struct rig *rig, int fd, char *text, size_t size)
{
    struct completion out[LOOP_COMPLETIONS_MIN];
    struct pollfd ready = {.fd = fd, .events = POLLIN};
    for (int i = 0; i < 200 && poll(&ready, 1, 0) == 0; i++)
        assert_int_equal(loop_wait(rig->loop, 10000, out, LOOP_COMPLETIONS_MIN), 0);
    return read(fd, text, size);
}

/* ------------------------------------------------------------------------------------------------------------------ */

static void test_new(void **state)
{
    (void)state;
    assert_null(loop_new("kqueue"));
    assert_int_equal(errno, EINVAL);
    struct loop *loop = loop_new("auto");
    assert_non_null(loop);
    assert_true(strlen(loop_backend(loop)) > 0);
    loop_free(loop);
    loop = loop_new(backend);
    assert_string_equal(loop_backend(loop), backend);
    loop_free(loop);
    loop_free(NULL);
}

static void test_echo(void **state)
{
    struct rig *rig = *state;
    int fds[2], user = 0;
    tcp_pair(fds);
    struct stream *s = stream_open(rig->loop, fds[1], &user);
    assert_int_equal(stream_fd(s), fds[1]);
    no_turn(rig);
    put(fds[0], "hello");
    assert_int_equal(turn(rig), 1);
    assert_data(&rig->out[0], "hello");
    assert_ptr_equal(rig->out[0].user, &user);
    assert_ptr_equal(rig->out[0].stream, s);
    stream_set_user(s, rig);
    assert_ptr_equal(stream_user(s), rig);
    struct iovec iov[3] = {{"wor", 3}, {"", 0}, {"ld", 2}};
    int64_t n = stream_send(rig->loop, s, iov, 3);
    if (n == SEND_PENDING) n = (int64_t)await_io(rig, IO_SENT, s)->n;
    assert_int_equal(n, 5);
    assert_false(stream_send_pending(s));
    char text[8];
    assert_int_equal(peer_read(rig, fds[0], text, sizeof(text)), 5);
    assert_memory_equal(text, "world", 5);
    close(fds[0]);
    assert_non_null(await_io(rig, IO_EOF, s));
    no_turn(rig); /* the end is told once */
    stream_close(rig->loop, s);
}

static void test_many_streams_one_turn(void **state)
{
    struct rig *rig = *state;
    enum { STREAMS = 200 };
    int peers[STREAMS];
    struct stream *s[STREAMS];
    for (int i = 0; i < STREAMS; i++) {
        int fds[2];
        pair(fds);
        peers[i] = fds[0];
        s[i] = stream_open(rig->loop, fds[1], (void *)(intptr_t)i);
    }
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < STREAMS; i++) {
            char text[48];
            snprintf(text, sizeof(text), "message %d of %d", round, i);
            put(peers[i], text);
        }
        int got = 0;
        while (got < STREAMS) {
            assert_true(turn(rig) > 0);
            /* All slices of one turn are valid together. */
            for (int k = 0; k < rig->n; k++, got++) {
                char text[48];
                snprintf(text, sizeof(text), "message %d of %d", round, (int)(intptr_t)rig->out[k].user);
                assert_data(&rig->out[k], text);
            }
        }
        assert_int_equal(got, STREAMS);
    }
    for (int i = 0; i < STREAMS; i++) {
        stream_close(rig->loop, s[i]);
        close(peers[i]);
    }
    no_turn(rig);
}

/* More data than the arena holds: every stream gets its turn, none is starved by those before it. */
static void test_arena_full(void **state)
{
    struct rig *rig = *state;
    enum { STREAMS = 100, BYTES = 64 * 1024 };
    int peers[STREAMS];
    struct stream *s[STREAMS];
    size_t got[STREAMS] = {0};
    int turns_until_first[STREAMS] = {0};
    char *chunk = malloc(BYTES);
    for (int i = 0; i < STREAMS; i++) {
        int fds[2];
        pair(fds);
        peers[i] = fds[0];
        memset(chunk, 'a' + i % 26, BYTES);
        assert_int_equal(write(peers[i], chunk, BYTES), BYTES);
        s[i] = stream_open(rig->loop, fds[1], (void *)(intptr_t)i);
    }
    size_t total = 0;
    int turns = 0;
    while (total < (size_t)STREAMS * BYTES) {
        assert_true(turn(rig) > 0);
        turns++;
        size_t this_turn = 0;
        for (int k = 0; k < rig->n; k++) {
            struct completion *c = &rig->out[k];
            int i = (int)(intptr_t)c->user;
            assert_int_equal(c->kind, IO_DATA);
            assert_true(c->data.len <= LOOP_READ_MAX);
            for (size_t b = 0; b < c->data.len; b += 997) assert_int_equal(c->data.ptr[b], 'a' + i % 26);
            assert_int_equal(c->data.ptr[c->data.len - 1], 'a' + i % 26);
            if (got[i] == 0) turns_until_first[i] = turns;
            got[i] += c->data.len;
            this_turn += c->data.len;
        }
        assert_true(this_turn < (size_t)STREAMS * BYTES); /* there is a limit, and all fit under it twice */
        total += this_turn;
    }
    for (int i = 0; i < STREAMS; i++) {
        assert_int_equal(got[i], BYTES);
        assert_true(turns_until_first[i] <= 2 * (STREAMS * LOOP_READ_MAX / LOOP_ARENA_BYTES + 1));
        stream_close(rig->loop, s[i]);
        close(peers[i]);
    }
    free(chunk);
}

/* A small `out` leaves streams for the next turns; one that is closed while it waits there is forgotten. */
static void test_left_over_then_closed(void **state)
{
    struct rig *rig = *state;
    enum { STREAMS = 20 };
    int peers[STREAMS];
    struct stream *s[STREAMS];
    bool seen[STREAMS] = {false};
    for (int i = 0; i < STREAMS; i++) {
        int fds[2];
        pair(fds);
        peers[i] = fds[0];
        put(peers[i], "x");
        s[i] = stream_open(rig->loop, fds[1], (void *)(intptr_t)i);
    }
    patient_wait(rig, 1000000, LOOP_COMPLETIONS_MIN);
    assert_true(rig->n >= 1 && rig->n <= LOOP_COMPLETIONS_MIN);
    for (int k = 0; k < rig->n; k++) seen[(intptr_t)rig->out[k].user] = true;
    int closed = 0;
    for (int i = 0; i < STREAMS; i += 2) {
        stream_close(rig->loop, s[i]);
        s[i] = NULL;
        closed++;
    }
    for (int quiet = 0; quiet < 2;) {
        patient_wait(rig, 20000, LOOP_COMPLETIONS_MIN);
        if (rig->n == 0) quiet++;
        for (int k = 0; k < rig->n; k++) {
            int i = (int)(intptr_t)rig->out[k].user;
            assert_true(i % 2 == 1);
            assert_false(seen[i]);
            seen[i] = true;
        }
    }
    for (int i = 0; i < STREAMS; i++) {
        if (i % 2 == 1) assert_true(seen[i]);
        if (s[i]) stream_close(rig->loop, s[i]);
        close(peers[i]);
    }
}

static void test_pause_resume(void **state)
{
    struct rig *rig = *state;
    int fds[2];
    pair(fds);
    struct stream *s = stream_open(rig->loop, fds[1], NULL);
    stream_read_pause(rig->loop, s);
    stream_read_pause(rig->loop, s);
    no_turn(rig);
    put(fds[0], "later");
    no_turn(rig);
    no_turn(rig);
    stream_read_resume(rig->loop, s);
    assert_data(await_io(rig, IO_DATA, s), "later");
    stream_read_pause(rig->loop, s);
    stream_read_resume(rig->loop, s);
    put(fds[0], "again");
    assert_data(await_io(rig, IO_DATA, s), "again");
    stream_close(rig->loop, s);
    close(fds[0]);
}

static void hangup_while_paused(struct rig *rig, int fds[2], bool half)
{
    struct stream *s = stream_open(rig->loop, fds[1], NULL);
    no_turn(rig);
    stream_read_pause(rig->loop, s);
    put(fds[0], "unread");
    no_turn(rig);
    if (half) shutdown(fds[0], SHUT_WR);
    else close(fds[0]);
    assert_non_null(await_io(rig, IO_EOF, s));
    no_turn(rig);
    stream_read_resume(rig->loop, s);
    assert_data(await_io(rig, IO_DATA, s), "unread");
    if (!find(rig, IO_EOF, s)) assert_non_null(await_io(rig, IO_EOF, s));
    no_turn(rig);
    if (half) {
        send_all(rig, s, "answer", 6);
        char text[8];
        assert_int_equal(peer_read(rig, fds[0], text, sizeof(text)), 6);
        close(fds[0]);
    }
    stream_close(rig->loop, s);
}

static void test_hangup_while_paused(void **state)
{
    int fds[2];
    pair(fds);
    hangup_while_paused(*state, fds, false);
    pair(fds);
    hangup_while_paused(*state, fds, true);
    tcp_pair(fds);
    hangup_while_paused(*state, fds, false);
    tcp_pair(fds);
    hangup_while_paused(*state, fds, true);
}

static void test_reset_while_paused(void **state)
{
    struct rig *rig = *state;
    int fds[2];
    tcp_pair(fds);
    struct stream *s = stream_open(rig->loop, fds[1], NULL);
    stream_read_pause(rig->loop, s);
    no_turn(rig);
    struct linger hard = {1, 0};
    setsockopt(fds[0], SOL_SOCKET, SO_LINGER, &hard, sizeof(hard));
    close(fds[0]);
    struct completion *c = await_io(rig, IO_ERROR, s);
    assert_int_equal(c->err, ECONNRESET);
    no_turn(rig);
    assert_true(send_bytes(rig, s, "x", 1) <= -2 || stream_send_pending(s));
    stream_close(rig->loop, s);
}

static void test_big_send(void **state)
{
    struct rig *rig = *state;
    enum { BYTES = 8 * 1024 * 1024 };
    char *data = malloc(BYTES), *got = malloc(BYTES);
    for (size_t i = 0; i < BYTES; i++) data[i] = (char)(i * 2654435761u >> 13);
    int fds[2];
    tcp_pair(fds);
    struct stream *s = stream_open(rig->loop, fds[1], NULL);
    size_t sent = 0, received = 0;
    int pends = 0;
    while (received < BYTES) {
        while (sent < BYTES && !stream_send_pending(s)) {
            size_t half = (BYTES - sent + 1) / 2;
            struct iovec iov[2] = {{data + sent, half}, {data + sent + half, BYTES - sent - half}};
            int64_t n = stream_send(rig->loop, s, iov, 2);
            if (n == SEND_PENDING) {
                assert_true(stream_send_pending(s));
                pends++;
                break;
            }
            assert_true(n > 0);
            sent += (size_t)n;
        }
        rig->n = loop_wait(rig->loop, 0, rig->out, OUT_MAX); /* full: maybe nothing */
        struct completion *c = find(rig, IO_SENT, s);
        if (c) sent += c->n;
        ssize_t n = recv(fds[0], got + received, BYTES - received, MSG_DONTWAIT);
        if (n > 0) received += (size_t)n;
    }
    assert_true(pends > 0);
    assert_int_equal(sent, BYTES);
    assert_memory_equal(data, got, BYTES);
    no_turn(rig);
    /* What comes after a long send is as quick as before. */
    put(fds[0], "ping");
    assert_data(await_io(rig, IO_DATA, s), "ping");
    no_turn(rig);
    stream_close(rig->loop, s);
    close(fds[0]);
    free(data);
    free(got);
}

/* Fills the peer's window and waits until the send pends for good. */
static void fill(struct rig *rig, struct stream *s, const char *data, size_t len)
{
    for (int i = 0; i < 100; i++) {
        if (!stream_send_pending(s)) {
            int64_t n = send_bytes(rig, s, data, len);
            assert_true(n == SEND_PENDING || n > 0);
            continue;
        }
        if (patient_wait(rig, 20000, OUT_MAX) == 0) return;
    }
    fail_msg("the socket never fills up");
}

static void test_pending_send_ends(void **state)
{
    struct rig *rig = *state;
    size_t len = 4 * 1024 * 1024;
    char *data = calloc(1, len);
    int fds[2];
    /* the peer goes away */
    for (int i = 0; i < 2; i++) {
        if (i) tcp_pair(fds);
        else pair(fds);
        struct stream *s = stream_open(rig->loop, fds[1], NULL);
        fill(rig, s, data, len);
        close(fds[0]);
        bool over = false;
        for (int k = 0; k < 10 && !over; k++) {
            assert_true(turn(rig) > 0);
            if (find(rig, IO_ERROR, s) || find(rig, IO_EOF, s)) over = true;
            else if (find(rig, IO_SENT, s)) over = send_bytes(rig, s, data, 10) <= -2;
        }
        assert_true(over);
        stream_close(rig->loop, s);
    }
    /* the owner closes */
    pair(fds);
    struct stream *s = stream_open(rig->loop, fds[1], NULL);
    fill(rig, s, data, len);
    stream_close(rig->loop, s);
    no_turn(rig);
    char c;
    while (read(fds[0], &c, 1) > 0) (void)recv(fds[0], data, len, MSG_DONTWAIT);
    close(fds[0]);
    free(data);
}

static void test_read_into(void **state)
{
    struct rig *rig = *state;
    enum { VALUE = 100 * 1024 };
    char *value = calloc(1, VALUE), *want = malloc(VALUE);
    for (int i = 0; i < VALUE; i++) want[i] = (char)('A' + i % 61);
    int fds[2];
    pair(fds);
    struct stream *s = stream_open(rig->loop, fds[1], NULL);
    put(fds[0], "header");
    assert_data(await_io(rig, IO_DATA, s), "header");
    stream_read_into(rig->loop, s, value, VALUE);
    assert_int_equal(write(fds[0], want, VALUE), VALUE);
    put(fds[0], "tail");
    size_t into = 0;
    bool tail = false;
    while (!tail) {
        assert_true(turn(rig) > 0);
        for (int k = 0; k < rig->n; k++) {
            struct completion *c = &rig->out[k];
            assert_int_equal(c->kind, IO_DATA);
            if (into < VALUE) {
                assert_ptr_equal(c->data.ptr, value + into);
                into += c->data.len;
                assert_true(into <= VALUE);
            } else {
                assert_data(c, "tail");
                tail = true;
            }
        }
    }
    assert_memory_equal(value, want, VALUE);
    /* ended by the owner before it is full */
    stream_read_into(rig->loop, s, value, VALUE);
    put(fds[0], "abc");
    assert_ptr_equal(await_io(rig, IO_DATA, s)->data.ptr, value);
    assert_memory_equal(value, "abc", 3);
    stream_read_into(rig->loop, s, NULL, 0);
    put(fds[0], "def");
    struct completion *c = await_io(rig, IO_DATA, s);
    assert_data(c, "def");
    assert_true(c->data.ptr < value || c->data.ptr >= value + VALUE);
    stream_close(rig->loop, s);
    close(fds[0]);
    free(value);
    free(want);
}

static void test_accept_burst(void **state)
{
    struct rig *rig = *state;
    enum { CLIENTS = 50 };
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), user = 0;
    struct sockaddr_in addr = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(addr);
    assert_int_equal(bind(listener, (struct sockaddr *)&addr, len), 0);
    assert_int_equal(listen(listener, 128), 0);
    getsockname(listener, (struct sockaddr *)&addr, &len);
    assert_true(loop_watch(rig->loop, listener, &user, true, 20));
    int clients[CLIENTS];
    for (int i = 0; i < CLIENTS; i++) {
        clients[i] = socket(AF_INET, SOCK_STREAM, 0);
        assert_int_equal(connect(clients[i], (struct sockaddr *)&addr, len), 0);
    }
    int accepted = 0;
    while (accepted < CLIENTS) {
        assert_true(turn(rig) > 0);
        assert_true(rig->n <= 20);
        for (int k = 0; k < rig->n; k++) {
            assert_int_equal(rig->out[k].kind, IO_ACCEPT);
            assert_int_equal(rig->out[k].err, 0);
            assert_ptr_equal(rig->out[k].user, &user);
            struct stream *s = stream_open(rig->loop, rig->out[k].fd, NULL);
            assert_non_null(s);
            stream_close(rig->loop, s);
            accepted++;
        }
    }
    no_turn(rig);
    loop_unwatch(rig->loop, listener);
    int late = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(connect(late, (struct sockaddr *)&addr, len), 0);
    no_turn(rig);
    assert_true(loop_watch(rig->loop, listener, &user, true, 20)); /* and again */
    assert_true(turn(rig) == 1);
    assert_int_equal(rig->out[0].kind, IO_ACCEPT);
    close(rig->out[0].fd);
    loop_unwatch(rig->loop, listener);
    close(late);
    for (int i = 0; i < CLIENTS; i++) close(clients[i]);
    close(listener);
}

static void test_connect(void **state)
{
    struct rig *rig = *state;
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in addr = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(addr);
    assert_int_equal(bind(listener, (struct sockaddr *)&addr, len), 0);
    assert_int_equal(listen(listener, 128), 0);
    getsockname(listener, (struct sockaddr *)&addr, &len);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    (void)!connect(fd, (struct sockaddr *)&addr, len);
    struct stream *s = stream_connect(rig->loop, fd, NULL);
    struct completion *c = await_io(rig, IO_CONNECTED, s);
    assert_int_equal(c->err, 0);
    int peer = accept(listener, NULL, NULL);
    send_all(rig, s, "hi", 2);
    char text[4];
    assert_int_equal(peer_read(rig, peer, text, 4), 2);
    put(peer, "yo");
    assert_data(await_io(rig, IO_DATA, s), "yo");
    stream_close(rig->loop, s);
    close(peer);
    close(listener);
    /* nobody listens there any more */
    fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    int rc = connect(fd, (struct sockaddr *)&addr, len);
    if (rc < 0 && errno == EINPROGRESS) {
        s = stream_connect(rig->loop, fd, NULL);
        c = await_io(rig, IO_CONNECTED, s);
        assert_int_equal(c->err, ECONNREFUSED);
        no_turn(rig);
        stream_close(rig->loop, s);
    } else {
        close(fd);
    }
}

static void test_watch_readable(void **state)
{
    struct rig *rig = *state;
    int fds[2], user = 0;
    assert_int_equal(pipe(fds), 0);
    assert_true(loop_watch(rig->loop, fds[0], &user, false, 0));
    no_turn(rig);
    put(fds[1], "x");
    for (int i = 0; i < 3; i++) { /* level triggered */
        assert_int_equal(turn(rig), 1);
        assert_int_equal(rig->out[0].kind, IO_READABLE);
        assert_int_equal(rig->out[0].fd, fds[0]);
        assert_ptr_equal(rig->out[0].user, &user);
    }
    char c;
    assert_int_equal(read(fds[0], &c, 1), 1);
    no_turn(rig);
    loop_unwatch(rig->loop, fds[0]);
    loop_unwatch(rig->loop, fds[0]);
    put(fds[1], "x");
    no_turn(rig);
    close(fds[0]);
    close(fds[1]);
    assert_false(loop_watch(rig->loop, fds[0], NULL, false, 0));
    assert_int_equal(errno, EBADF);
}

static void test_pipe_stream(void **state)
{
    struct rig *rig = *state;
    int fds[2];
    assert_int_equal(pipe(fds), 0);
    struct stream *s = stream_open(rig->loop, fds[0], NULL);
    put(fds[1], "through a pipe");
    assert_data(await_io(rig, IO_DATA, s), "through a pipe");
    close(fds[1]);
    assert_non_null(await_io(rig, IO_EOF, s));
    stream_close(rig->loop, s);
    assert_int_equal(pipe(fds), 0);
    s = stream_open(rig->loop, fds[1], NULL);
    send_all(rig, s, "down", 4);
    char text[8];
    assert_int_equal(peer_read(rig, fds[0], text, 8), 4);
    close(fds[0]);
    assert_non_null(await_io(rig, IO_ERROR, s));
    stream_close(rig->loop, s);
}

static void *waker(void *arg)
{
    struct loop *loop = arg;
    for (int i = 0; i < 1000; i++) loop_wake(loop);
    nanosleep(&(struct timespec){0, 30000000}, NULL);
    loop_wake(loop);
    return NULL;
}

static void test_wake(void **state)
{
    struct rig *rig = *state;
    loop_wake(rig->loop);
    loop_wake(rig->loop);
    assert_int_equal(turn(rig), 1);
    assert_int_equal(rig->out[0].kind, IO_WAKE);
    no_turn(rig);
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, waker, rig->loop), 0);
    int wakes = 0;
    for (int quiet = 0; quiet < 2;) {
        int n = loop_wait(rig->loop, 60000, rig->out, OUT_MAX);
        if (n == 0) quiet++;
        wakes += n;
    }
    assert_true(wakes >= 1 && wakes <= 1001);
    pthread_join(thread, NULL);
    rig->n = loop_wait(rig->loop, 0, rig->out, OUT_MAX); /* a slow machine may send the last one late */
    no_turn(rig);
}

static int64_t now_us(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

static void test_timeout(void **state)
{
    struct rig *rig = *state;
    int64_t start = now_us();
    assert_int_equal(loop_wait(rig->loop, 1500, rig->out, OUT_MAX), 0);
    assert_true(now_us() - start >= 1500);
    assert_int_equal(loop_wait(rig->loop, 0, rig->out, OUT_MAX), 0);
}

/* A batch that closes streams whose completions come later in it, and reuses their descriptors. */
static void test_close_inside_batch(void **state)
{
    struct rig *rig = *state;
    enum { STREAMS = 8 };
    for (int round = 0; round < 50; round++) {
        int peers[STREAMS];
        struct stream *s[STREAMS];
        for (int i = 0; i < STREAMS; i++) {
            int fds[2];
            pair(fds);
            peers[i] = fds[0];
            put(peers[i], "bye");
            s[i] = stream_open(rig->loop, fds[1], (void *)(intptr_t)i);
        }
        assert_true(turn(rig) >= 1);
        for (int i = 0; i < STREAMS; i++) stream_close(rig->loop, s[i]);
        /* the array and the bytes are still there */
        for (int k = 0; k < rig->n; k++) assert_data(&rig->out[k], "bye");
        int fds[2];
        pair(fds);
        struct stream *fresh = stream_open(rig->loop, fds[1], NULL);
        put(fds[0], "new");
        struct completion *c = await_io(rig, IO_DATA, fresh);
        assert_int_equal(rig->n, 1);
        assert_data(c, "new");
        stream_close(rig->loop, fresh);
        close(fds[0]);
        for (int i = 0; i < STREAMS; i++) close(peers[i]);
    }
}

/* A child that holds duplicates of the descriptors must not make events of closed streams appear. */
static void test_close_with_forked_child(void **state)
{
    struct rig *rig = *state;
    int fds[2], hold[2];
    pair(fds);
    assert_int_equal(pipe(hold), 0);
    struct stream *s = stream_open(rig->loop, fds[1], NULL);
    pid_t child = fork();
    if (child == 0) {
        close(hold[1]);
        char byte;
        _exit(read(hold[0], &byte, 1) == 0 ? 0 : 1);
    }
    close(hold[0]);
    stream_close(rig->loop, s);
    char c;
    assert_int_equal(read(fds[0], &c, 1), 0); /* the end is seen, whoever else holds the descriptor */
    (void)!write(fds[0], "nobody reads this", 17);
    no_turn(rig);
    close(hold[1]);
    waitpid(child, NULL, 0);
    close(fds[0]);
}

/* Random traffic over many streams, with pauses, closings and sends, against what each peer wrote. */
static void test_model(void **state)
{
    struct rig *rig = *state;
    enum { STREAMS = 40, STEPS = 4000 };
    struct {
        struct stream *s;
        int peer;
        uint32_t wrote, got;
        bool paused;
    } m[STREAMS];
    memset(m, 0, sizeof(m));
    unsigned seed = 7;
    for (int step = 0; step < STEPS; step++) {
        int i = (int)(rand_r(&seed) % STREAMS);
        if (!m[i].s) {
            int fds[2];
            pair(fds);
            m[i].peer = fds[0];
            m[i].s = stream_open(rig->loop, fds[1], (void *)(intptr_t)i);
            m[i].wrote = m[i].got = 0;
            m[i].paused = false;
            continue;
        }
        unsigned what = rand_r(&seed) % 100;
        if (what < 60) {
            unsigned char chunk[3000];
            size_t len = rand_r(&seed) % sizeof(chunk) + 1;
            for (size_t b = 0; b < len; b++) chunk[b] = (unsigned char)((m[i].wrote + b) * 31 + (size_t)i);
            ssize_t n = send(m[i].peer, chunk, len, MSG_DONTWAIT);
            if (n > 0) m[i].wrote += (uint32_t)n;
        } else if (what < 75) {
            m[i].paused = !m[i].paused;
            if (m[i].paused) stream_read_pause(rig->loop, m[i].s);
            else stream_read_resume(rig->loop, m[i].s);
        } else if (what < 80) {
            stream_close(rig->loop, m[i].s);
            close(m[i].peer);
            m[i].s = NULL;
        } else {
            rig->n = loop_wait(rig->loop, 0, rig->out, rand_r(&seed) % 2 ? OUT_MAX : 5);
            for (int k = 0; k < rig->n; k++) {
                struct completion *c = &rig->out[k];
                int j = (int)(intptr_t)c->user;
                assert_int_equal(c->kind, IO_DATA);
                assert_ptr_equal(c->stream, m[j].s);
                for (size_t b = 0; b < c->data.len; b++)
                    assert_int_equal((unsigned char)c->data.ptr[b], (unsigned char)((m[j].got + b) * 31 + (size_t)j));
                m[j].got += (uint32_t)c->data.len;
            }
        }
    }
    for (int i = 0; i < STREAMS; i++)
        if (m[i].s && m[i].paused) stream_read_resume(rig->loop, m[i].s);
    while (patient_wait(rig, 20000, OUT_MAX) > 0)
        for (int k = 0; k < rig->n; k++) m[(intptr_t)rig->out[k].user].got += (uint32_t)rig->out[k].data.len;
    for (int i = 0; i < STREAMS; i++) {
        if (!m[i].s) continue;
        assert_int_equal(m[i].got, m[i].wrote);
        stream_close(rig->loop, m[i].s);
        close(m[i].peer);
    }
}

/* An answer goes out though the stream is closed right behind it. */
static void test_send_then_close(void **state)
{
    struct rig *rig = *state;
    int fds[2];
    tcp_pair(fds);
    struct stream *s = stream_open(rig->loop, fds[1], NULL);
    assert_int_equal(send_bytes(rig, s, "bye", 3), 3);
    stream_close(rig->loop, s);
    no_turn(rig);
    char text[8];
    assert_int_equal(read(fds[0], text, sizeof(text)), 3);
    assert_int_equal(read(fds[0], text, sizeof(text)), 0);
    close(fds[0]);
}

/* The same for a peer that is slow to read: what stream_send took is delivered, then the end. */
static void test_send_then_close_full(void **state)
{
    struct rig *rig = *state;
    enum { CHUNK = 10000 };
    char chunk[CHUNK], got[CHUNK];
    int fds[2];
    tcp_pair(fds);
    struct stream *s = stream_open(rig->loop, fds[1], NULL);
    size_t taken = 0;
    for (int i = 0; i < 5000; i++) {
        for (size_t b = 0; b < CHUNK; b++) chunk[b] = (char)((taken + b) * 7 % 251);
        int64_t n = send_bytes(rig, s, chunk, CHUNK);
        if (n == SEND_PENDING) {
            if (patient_wait(rig, 20000, OUT_MAX) == 0) break;
            assert_int_equal(rig->out[0].kind, IO_SENT);
            continue;
        }
        assert_true(n > 0);
        taken += (size_t)n;
        (void)loop_wait(rig->loop, 0, rig->out, 4);
    }
    stream_close(rig->loop, s);
    size_t received = 0;
    for (;;) {
        (void)loop_wait(rig->loop, 0, rig->out, OUT_MAX);
        ssize_t n = recv(fds[0], got, sizeof(got), MSG_DONTWAIT);
        if (n < 0) {
            assert_int_equal(errno, EAGAIN);
            continue;
        }
        if (n == 0) break;
        for (ssize_t b = 0; b < n; b++) assert_int_equal(got[b], (char)((received + (size_t)b) * 7 % 251));
        received += (size_t)n;
    }
    assert_int_equal(received, taken);
    close(fds[0]);
}

/* More streams have data at once than there may be buffers. */
static void test_more_than_buffers(void **state)
{
    struct rig *rig = *state;
    enum { STREAMS = 1200 };
    struct rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
    rlim_t before = limit.rlim_cur;
    limit.rlim_cur = limit.rlim_max < 4096 ? limit.rlim_max : 4096;
    setrlimit(RLIMIT_NOFILE, &limit);
    if (limit.rlim_cur < 2 * STREAMS + 64) return;
    static int peers[STREAMS];
    static struct stream *s[STREAMS];
    static size_t got[STREAMS];
    memset(got, 0, sizeof(got));
    for (int i = 0; i < STREAMS; i++) {
        int fds[2];
        pair(fds);
        peers[i] = fds[0];
        s[i] = stream_open(rig->loop, fds[1], (void *)(intptr_t)i);
    }
    no_turn(rig);
    size_t total = 0;
    for (int i = 0; i < STREAMS; i++) put(peers[i], "0123456789");
    for (int i = 0; i < STREAMS; i += 7) put(peers[i], "more"), total += 4;
    total += STREAMS * 10;
    while (total > 0) {
        assert_true(turn(rig) > 0);
        for (int k = 0; k < rig->n; k++) {
            assert_int_equal(rig->out[k].kind, IO_DATA);
            got[(intptr_t)rig->out[k].user] += rig->out[k].data.len;
            total -= rig->out[k].data.len;
        }
    }
    for (int i = 0; i < STREAMS; i++) {
        assert_int_equal(got[i], i % 7 ? 10 : 14);
        put(peers[i], "last words");
        if (i % 2) stream_close(rig->loop, s[i]);
        close(peers[i]);
    }
    int ends = 0;
    while (ends < STREAMS / 2) {
        assert_true(turn(rig) > 0);
        for (int k = 0; k < rig->n; k++) {
            assert_int_equal((intptr_t)rig->out[k].user % 2, 0);
            if (rig->out[k].kind != IO_EOF) continue;
            stream_close(rig->loop, rig->out[k].stream);
            ends++;
        }
    }
    limit.rlim_cur = before;
    setrlimit(RLIMIT_NOFILE, &limit);
}

static void *write_all(void *arg)
{
    struct {
        int fd;
        size_t total;
    } *w = arg;
    unsigned char chunk[70000];
    unsigned seed = 3;
    for (size_t at = 0; at < w->total;) {
        size_t len = rand_r(&seed) % sizeof(chunk) + 1;
        if (len > w->total - at) len = w->total - at;
        for (size_t b = 0; b < len; b++) chunk[b] = (unsigned char)((at + b) * 31 % 253);
        ssize_t n = write(w->fd, chunk, len);
        if (n <= 0) break;
        at += (size_t)n;
    }
    return NULL;
}

/* A long run of bytes, taken now from the arena and now into memory of every size: always in order, and where it was
 * asked for. */
static void test_read_into_model(void **state)
{
    struct rig *rig = *state;
    enum { INTO_MAX = 300000 };
    struct {
        int fd;
        size_t total;
    } w = {.total = 30 * 1000 * 1000};
    int fds[2];
    tcp_pair(fds);
    w.fd = fds[0];
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, write_all, &w), 0);
    struct stream *s = stream_open(rig->loop, fds[1], NULL);
    char *memory = malloc(INTO_MAX), *into = NULL;
    size_t into_left = 0, got = 0;
    unsigned seed = 5;
    bool paused = false;
    while (got < w.total) {
        patient_wait(rig, paused ? 1000 : 2000000, OUT_MAX);
        assert_true(rig->n > 0 || paused);
        if (paused) stream_read_resume(rig->loop, s);
        paused = false;
        for (int k = 0; k < rig->n; k++) {
            struct slice data = rig->out[k].data;
            assert_int_equal(rig->out[k].kind, IO_DATA);
            assert_true(data.len > 0);
            if (into_left) {
                assert_ptr_equal(data.ptr, into);
                assert_true(data.len <= into_left);
                into += data.len;
                into_left -= data.len;
            } else {
                assert_true(data.ptr < memory || data.ptr >= memory + INTO_MAX);
            }
            for (size_t b = 0; b < data.len; b++) {
                unsigned char want = (unsigned char)((got + b) * 31 % 253);
                if ((unsigned char)data.ptr[b] != want) fail_msg("wrong byte at %zu", got + b);
            }
            got += data.len;
            if (into_left == 0 && rand_r(&seed) % 3 == 0 && k == rig->n - 1) {
                into = memory;
                into_left = rand_r(&seed) % (rand_r(&seed) % 2 ? INTO_MAX : 2000) + 1;
                stream_read_into(rig->loop, s, into, into_left);
            }
        }
        if (rand_r(&seed) % 16 == 0) {
            paused = true;
            stream_read_pause(rig->loop, s);
        }
    }
    pthread_join(thread, NULL);
    stream_close(rig->loop, s);
    close(fds[0]);
    free(memory);
}

/* An address is free as soon as its listener is unwatched and closed. */
static void test_unwatch_frees_address(void **state)
{
    struct rig *rig = *state;
    struct sockaddr_in addr = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(addr);
    for (int i = 0; i < 5; i++) {
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        assert_int_equal(bind(fd, (struct sockaddr *)&addr, len), 0); /* from the second round on the same port */
        assert_int_equal(listen(fd, 10), 0);
        getsockname(fd, (struct sockaddr *)&addr, &len);
        assert_true(loop_watch(rig->loop, fd, NULL, true, 10));
        if (i % 2) no_turn(rig);
        loop_unwatch(rig->loop, fd);
        close(fd);
    }
}

int main(void)
{
    signal(SIGPIPE, SIG_IGN);
#define T(f) cmocka_unit_test_setup_teardown(f, rig_setup, rig_teardown)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_new),
        T(test_echo),
        T(test_many_streams_one_turn),
        T(test_arena_full),
        T(test_left_over_then_closed),
        T(test_pause_resume),
        T(test_hangup_while_paused),
        T(test_reset_while_paused),
        T(test_big_send),
        T(test_pending_send_ends),
        T(test_read_into),
        T(test_accept_burst),
        T(test_connect),
        T(test_watch_readable),
        T(test_pipe_stream),
        T(test_wake),
        T(test_timeout),
        T(test_close_inside_batch),
        T(test_close_with_forked_child),
        T(test_model),
        T(test_send_then_close),
        T(test_send_then_close_full),
        T(test_more_than_buffers),
        T(test_read_into_model),
        T(test_unwatch_frees_address),
    };
    static const char *const backends[] = {"epoll", "io_uring"};
    int failed = 0;
    for (size_t i = 0; i < ARRAY_LEN(backends); i++) {
        struct loop *probe = loop_new(backends[i]);
        if (!probe) {
            print_message("%s cannot be had here: %s\n", backends[i], strerror(errno));
            continue;
        }
        loop_free(probe);
        backend = backends[i];
        failed += cmocka_run_group_tests_name(backend, tests, NULL, NULL);
    }
    return failed;
}
