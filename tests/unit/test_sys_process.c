/* The process: what the machine says of it, its title, signals, and the reports of crashing children. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/buf.h"
#include "sys/crash.h"
#include "sys/files.h"
#include "sys/process.h"
#include "sys/signals.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#undef assert /* cmocka's would catch what the children are to die of */
#define assert(e) ((e) ? (void)0 : __assert_fail(#e, __FILE__, __LINE__, __func__))

static void test_measurements(void **state)
{
    (void)state;
    assert_true(process_total_memory() > 64u << 20);
    assert_true(process_rss() > 1u << 20);
    assert_true(process_private_dirty() > 4096);
    struct process_times t;
    process_times_read(&t);
    assert_true(t.user_s + t.system_s > 0);
    struct buf text = BUF_INIT;
    process_uname(&text);
    assert_memory_equal(buf_cstr(&text), "Linux ", 6);
    buf_clear(&text);
    process_executable("sub/server", &text);
    char cwd[1024], want[1100];
    assert_non_null(getcwd(cwd, sizeof(cwd)));
    snprintf(want, sizeof(want), "%s/sub/server", cwd);
    assert_string_equal(buf_cstr(&text), want);
    buf_clear(&text);
    process_executable("/usr/bin/x", &text);
    assert_string_equal(buf_cstr(&text), "/usr/bin/x");
    buf_clear(&text);
    process_executable("cairn-server", &text);
    assert_int_equal(buf_cstr(&text)[0], '/');
    buf_deinit(&text);
    (void)process_thp_is_always();
    (void)process_overcommit_is_enabled();
    assert_true(process_somaxconn() > 0);
}

static void test_limits(void **state)
{
    (void)state;
    struct rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
    assert_int_equal(process_raise_open_files(10), limit.rlim_cur);
    uint64_t now = process_raise_open_files(limit.rlim_cur + 1);
    assert_true(now >= limit.rlim_cur && now <= limit.rlim_cur + 1);
    assert_true(process_raise_open_files(UINT64_MAX / 2) >= now);
    int score, again;
    assert_true(process_oom_score_adj_read(&score));
    if (process_oom_score_adj_write(score + 1)) {
        assert_true(process_oom_score_adj_read(&again));
        assert_int_equal(again, score + 1);
        (void)!process_oom_score_adj_write(score);
    }
    assert_false(process_oom_score_adj_write(5000));
    (void)process_disable_thp();
}

static void test_cpu_lists(void **state)
{
    (void)state;
    static const char *const good[] = {"0", "0,2", "1-3", "0-7:2", " 0 , 1 ", "0-3,8-11:3,15"};
    static const char *const bad[] = {"", ",", "a", "1,", "3-1", "1-", "1:0", "0-4:", "1 2", "-1",
                                      "99999", "1-99999", "0x1"};
    for (size_t i = 0; i < ARRAY_LEN(good); i++) assert_true(process_cpu_list_is_valid(good[i]));
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) assert_false(process_cpu_list_is_valid(bad[i]));
    cpu_set_t before, now;
    sched_getaffinity(0, sizeof(before), &before);
    int cpu = 0;
    while (!CPU_ISSET(cpu, &before)) cpu++;
    char list[16];
    snprintf(list, sizeof(list), "%d", cpu);
    assert_true(process_set_affinity(list));
    sched_getaffinity(0, sizeof(now), &now);
    assert_int_equal(CPU_COUNT(&now), 1);
    sched_setaffinity(0, sizeof(before), &before);
    assert_false(process_set_affinity("x"));
    assert_int_equal(errno, EINVAL);
}

static void test_pidfile(void **state)
{
    (void)state;
    char path[64], want[32];
    snprintf(path, sizeof(path), "/tmp/cairn_test_%d.pid", (int)getpid());
    assert_true(pidfile_write(path));
    struct buf got = BUF_INIT;
    assert_true(file_read_all(&files_posix, path, &got));
    snprintf(want, sizeof(want), "%d\n", (int)getpid());
    assert_string_equal(buf_cstr(&got), want);
    buf_deinit(&got);
    pidfile_remove(path);
    assert_int_equal(access(path, F_OK), -1);
    assert_false(pidfile_write("/no/such/folder/pid"));
}

/* main() has called process_title_init. */
static void test_title(void **state)
{
    (void)state;
    assert_non_null(getenv("PATH")); /* the environment was moved, not lost */
    process_title_set("a title *:6379");
    struct buf got = BUF_INIT;
    assert_true(file_read_all(&files_posix, "/proc/self/cmdline", &got));
    assert_string_equal(buf_cstr(&got), "a title *:6379");
    char *longer = malloc(100000);
    memset(longer, 't', 99999);
    longer[99999] = '\0';
    process_title_set(longer);
    free(longer);
    buf_clear(&got);
    assert_true(file_read_all(&files_posix, "/proc/self/cmdline", &got));
    assert_int_equal(buf_cstr(&got)[0], 't');
    process_title_set("x");
    buf_clear(&got);
    assert_true(file_read_all(&files_posix, "/proc/self/cmdline", &got));
    assert_string_equal(buf_cstr(&got), "x");
    assert_non_null(getenv("PATH"));
    buf_deinit(&got);
}

static void test_notify(void **state)
{
    (void)state;
    unsetenv("NOTIFY_SOCKET");
    assert_false(process_under_systemd());
    assert_false(process_notify("READY=1"));
    struct sockaddr_un addr = {.sun_family = AF_UNIX};
    int len = snprintf(addr.sun_path + 1, sizeof(addr.sun_path) - 1, "cairn-test-%d", (int)getpid());
    int fd = socket(AF_UNIX, SOCK_DGRAM, 0);
    socklen_t addr_len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)len);
    assert_int_equal(bind(fd, (struct sockaddr *)&addr, addr_len), 0);
    char name[128], text[64];
    snprintf(name, sizeof(name), "@%s", addr.sun_path + 1);
    setenv("NOTIFY_SOCKET", name, 1);
    assert_true(process_under_systemd());
    assert_true(process_notify("READY=1\nSTATUS=Ready to accept connections\n"));
    ssize_t n = recv(fd, text, sizeof(text), MSG_DONTWAIT);
    assert_int_equal(n, 43);
    assert_memory_equal(text, "READY=1\n", 8);
    close(fd);
    assert_false(process_notify("READY=1"));
    setenv("NOTIFY_SOCKET", "not a path", 1);
    assert_false(process_notify("READY=1"));
    unsetenv("NOTIFY_SOCKET");
}

static void test_stop_signals(void **state)
{
    (void)state;
    struct loop *loop = loop_new("auto");
    struct completion out[8];
    signals_install(loop);
    assert_int_equal(signals_take_stop(), 0);
    raise(SIGHUP);
    raise(SIGPIPE);
    assert_int_equal(loop_wait(loop, 1000, out, 8), 0);
    raise(SIGTERM);
    assert_true(signals_stop_waits());
    assert_int_equal(loop_wait(loop, 1000000, out, 8), 1);
    assert_int_equal(out[0].kind, IO_WAKE);
    assert_int_equal(signals_take_stop(), SIGTERM);
    assert_int_equal(signals_take_stop(), 0);
    raise(SIGTERM); /* once more does not hurt */
    assert_int_equal(signals_take_stop(), SIGTERM);
    pid_t child = fork();
    if (child == 0) {
        raise(SIGINT); /* who insists */
        _exit(77);
    }
    int status;
    waitpid(child, &status, 0);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 1);
    signals_stop_abandoned();
    raise(SIGINT);
    assert_int_equal(signals_take_stop(), SIGINT);
    signals_uninstall();
    loop_free(loop);
}

static void test_fork(void **state)
{
    (void)state;
    signals_install(NULL);
    uint64_t us = 0;
    pid_t child = process_fork(&us);
    if (child == 0) {
        raise(SIGINT); /* ignored */
        raise(SIGTERM);
        _exit(77);
    }
    assert_true(us > 0);
    int status;
    waitpid(child, &status, 0);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM);
    signals_uninstall();
}

/* --------------------------------------------------------------------------------------------------------- reports */

struct report {
    struct buf text;
    int status;
};

static void sections(void *arg, int fd)
{
    if (arg && strcmp(arg, "crash again") == 0) raise(SIGBUS);
    if (arg && strcmp(arg, "crash thrice") == 0) raise(SIGSEGV), raise(SIGSEGV);
    crash_print(fd, "\n------ INFO OUTPUT ------\n%s\n", arg ? (char *)arg : "nothing");
}

/* Runs fn in a child that logs into a file, and reads the file. */
static struct report run_child(void (*fn)(void), const char *arg, bool handlers)
{
    char path[64];
    snprintf(path, sizeof(path), "/tmp/cairn_test_%d.log", (int)getpid());
    pid_t child = fork();
    if (child == 0) {
        setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
        struct logger log;
        logger_init(&log);
        strcpy(log.path, path);
        struct crash_options options = {.log = &log, .title = "Cairn 0.0", .help = "Send it in."};
        options.sections = sections;
        options.arg = (void *)(uintptr_t)arg;
        crash_install(&options, handlers);
        fn();
        crash_uninstall();
        _exit(77);
    }
    struct report r = {BUF_INIT, 0};
    waitpid(child, &r.status, 0);
    (void)!file_read_all(&files_posix, path, &r.text);
    unlink(path);
    return r;
}

static int times(struct report *r, const char *what)
{
    int n = 0;
    for (const char *at = buf_cstr(&r->text); (at = strstr(at, what)); at += strlen(what)) n++;
    return n;
}

static void assert_report(struct report *r, int sig, const char *const *wanted)
{
    assert_true(WIFSIGNALED(r->status));
    assert_int_equal(WTERMSIG(r->status), sig);
    for (; *wanted; wanted++) {
        if (times(r, *wanted) != 1)
            fail_msg("'%s' stands %d times in:\n%s", *wanted, times(r, *wanted), buf_cstr(&r->text));
    }
    buf_deinit(&r->text);
}

#define WANT(...) ((const char *const[]){__VA_ARGS__, NULL})
#define START "=== REDIS BUG REPORT START: Cut & paste starting from here ==="
#define END "=== REDIS BUG REPORT END. Make sure to include from START to END. ==="

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { CRASH_SIGNAL = SIGABRT }; /* the others are the sanitizer's */
#else
enum { CRASH_SIGNAL = SIGSEGV };
#endif

static void do_crash(void)
{
    raise(CRASH_SIGNAL);
}

static void do_segfault(void)
{
    *(volatile int *)(uintptr_t)16 = 1;
}

__attribute__((noinline)) static int overflow(volatile int depth)
{
    volatile char frame[4096];
    frame[depth % 4096] = 1;
    return depth < 0 ? 0 : overflow(depth + 1) + frame[0];
}

static void do_overflow(void)
{
    overflow(1);
}

__attribute__((noinline)) static void do_assert(void)
{
    assert(1 == 2);
}

static void do_panic(void)
{
    crash_panic("src/x/file.c", 12, "cannot be: %d", 42);
}

static void do_stall(void)
{
    watchdog_kick(100000);
    watchdog_kick(30);
    struct timespec start, now;
    clock_gettime(CLOCK_MONOTONIC, &start);
    do clock_gettime(CLOCK_MONOTONIC, &now);
    while ((now.tv_sec - start.tv_sec) * 1000 + (now.tv_nsec - start.tv_nsec) / 1000000 < 200);
    watchdog_kick(0);
    _exit(5);
}

static void test_crash_report(void **state)
{
    (void)state;
    struct report r = run_child(do_crash, "the info", true);
    assert_report(&r, CRASH_SIGNAL, WANT(START, "Cairn 0.0 crashed by signal: ", ", si_code: ",
                  "------ STACK TRACE ------",
                  "------ REGISTERS ------", "------ INFO OUTPUT ------\nthe info\n", END, "Send it in."));
    if (CRASH_SIGNAL != SIGSEGV) return;
    r = run_child(do_segfault, NULL, true);
    assert_report(&r, SIGSEGV, WANT(START, "signal: 11, si_code: 1", "Accessing address: 0x10",
                  "Crashed running the instruction at: 0x",
                  END));
    r = run_child(do_overflow, NULL, true);
    assert_report(&r, SIGSEGV, WANT(START, "signal: 11,", "------ INFO OUTPUT ------", END));
}

static void test_crash_in_report(void **state)
{
    (void)state;
    if (CRASH_SIGNAL != SIGSEGV) return;
    struct report r = run_child(do_crash, "crash again", true);
    assert_report(&r, SIGBUS, WANT(START, "signal: 11", "signal: 7",
                  "Crashed running signal handler. Providing reduced version of recursive crash report.", END));
    r = run_child(do_assert, "crash again", true);
    assert_report(&r, SIGBUS, WANT(START, "ASSERTION FAILED", "Crashed running signal handler", END));
}

static void test_no_handlers(void **state)
{
    (void)state;
    struct report r = run_child(do_crash, NULL, false);
    assert_int_equal(times(&r, "REPORT"), 0);
    assert_report(&r, CRASH_SIGNAL, (const char *const[]){NULL});
}

static void test_assertion(void **state)
{
    (void)state;
    for (int handlers = 0; handlers < 2; handlers++) {
        struct report r = run_child(do_assert, NULL, handlers);
        assert_int_equal(times(&r, "crashed by signal"), 0);
        assert_report(&r, SIGABRT, WANT(START, "=== ASSERTION FAILED ===", "==> test_sys_process.c:",
                      " '1 == 2' is not true",
                      "------ STACK TRACE ------", "\ndo_assert+0x", END));
    }
    struct report r = run_child(do_panic, NULL, true);
    assert_report(&r, SIGABRT, WANT(START, "=== Guru Meditation ===", "==> file.c:12 cannot be: 42", END));
}

static void test_watchdog(void **state)
{
    (void)state;
    struct report r = run_child(do_stall, NULL, false);
    assert_true(WIFEXITED(r.status) && WEXITSTATUS(r.status) == 5);
    assert_int_equal(times(&r, "--- WATCHDOG TIMER EXPIRED ---"), 1);
    assert_int_equal(times(&r, "------ STACK TRACE ------"), 1);
    buf_deinit(&r.text);
}

static void test_daemonize(void **state)
{
    (void)state;
    int fds[2];
    assert_int_equal(pipe(fds), 0);
    pid_t child = fork();
    if (child == 0) {
        if (!process_daemonize()) _exit(2);
        int out[3] = {(int)getpid(), (int)getsid(0), isatty(0)};
        _exit(write(fds[1], out, sizeof(out)) == sizeof(out) ? 0 : 1);
    }
    int status, in[3];
    waitpid(child, &status, 0);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    assert_int_equal(read(fds[0], in, sizeof(in)), sizeof(in));
    assert_int_equal(in[0], in[1]);
    assert_int_not_equal(in[0], child);
    assert_int_equal(in[2], 0);
    close(fds[0]);
    close(fds[1]);
}

int main(int argc, char **argv)
{
    process_title_init(argc, argv);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_measurements),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_cpu_lists),
        cmocka_unit_test(test_pidfile),
        cmocka_unit_test(test_title),
        cmocka_unit_test(test_notify),
        cmocka_unit_test(test_stop_signals),
        cmocka_unit_test(test_fork),
        cmocka_unit_test(test_crash_report),
        cmocka_unit_test(test_crash_in_report),
        cmocka_unit_test(test_no_handlers),
        cmocka_unit_test(test_assertion),
        cmocka_unit_test(test_watchdog),
        cmocka_unit_test(test_daemonize),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
