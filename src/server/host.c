/* What the engine asks of the process it lives in. */
#include "server/server_impl.h"

#include "base/mem.h"
#include "sys/files.h"
#include "sys/process.h"
#include "sys/signals.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static void run_later(void *arg, void (*fn)(void *fn_arg), void *fn_arg)
{
    struct server *s = arg;
    if (s->background == NULL)
        fn(fn_arg); /* before the threads are there, and after */
    else
        bg_submit(s->background, BG_LAZY_FREE, fn, fn_arg);
}

static size_t background_pending(void *arg)
{
    struct server *s = arg;
    return s->background == NULL ? 0 : bg_pending(s->background, BG_LAZY_FREE);
}

static bool shut_down(void *arg, uint32_t flags)
{
    return shutdown_prepare(arg, flags);
}

static bool abort_shutdown(void *arg)
{
    return shutdown_abort(arg);
}

static void sleep_us(void *arg, uint64_t us)
{
    (void)arg;
    struct timespec left = {(time_t)(us / 1000000), (long)(us % 1000000) * 1000};
    while (nanosleep(&left, &left) != 0 && errno == EINTR) {
    }
}

static bool config_rewrite(void *arg, bool force_all, struct buf *err)
{
    struct server *s = arg;
    const char *path = config_file_path(s->config);
    struct buf old = BUF_INIT, fresh = BUF_INIT;
    bool ok = false;
    if (path[0] == '\0') {
        buf_append_slice(err, SLICE("The server is running without a config file"));
    } else if (!file_read_all(&files_posix, path, &old) && errno != ENOENT) {
        buf_appendf(err, "%s", strerror(errno));
    } else if (config_rewrite_text(s->config, buf_slice(&old), force_all, &fresh, err)) {
        ok = file_write_atomic(&files_posix, path, buf_slice(&fresh), 0644);
        if (!ok)
            buf_appendf(err, "%s", strerror(errno));
    }
    buf_deinit(&old);
    buf_deinit(&fresh);
    return ok;
}

static void crash(void *arg, const char *kind)
{
    (void)arg;
    if (strcmp(kind, "segfault") == 0)
        raise(SIGSEGV);
    else if (strcmp(kind, "assert") == 0)
        crash_assert_failed("1 == 2", "host.c", __LINE__);
    else if (strcmp(kind, "panic") == 0)
        crash_panic("host.c", __LINE__, "DEBUG PANIC called");
    abort();
}

struct engine_host host_for_engine(struct server *s)
{
    return (struct engine_host){.arg = s,
                                .run_later = run_later,
                                .background_pending = background_pending,
                                .shutdown = shut_down,
                                .shutdown_abort = abort_shutdown,
                                .sleep_us = sleep_us,
                                .config_rewrite = config_rewrite,
                                .crash = crash};
}

/* --- INFO --- */

static void process_facts(void *arg, struct process_facts *out)
{
    (void)arg;
    struct process_times t;
    process_times_read(&t);
    *out = (struct process_facts){.rss_bytes = process_rss(),
                                  .total_memory_bytes = process_total_memory(),
                                  .user_s = t.user_s,
                                  .system_s = t.system_s,
                                  .children_user_s = t.children_user_s,
                                  .children_system_s = t.children_system_s,
                                  .thread_user_s = t.thread_user_s,
                                  .thread_system_s = t.thread_system_s};
}

static void host_facts(void *arg, struct host_facts *out)
{
    struct server *s = arg;
    *out = (struct host_facts){.os = buf_cstr(&s->os),
                               .executable = buf_cstr(&s->program),
                               .supervised = s->supervised_by == NULL ? "no" : s->supervised_by,
                               .multiplexing_api = loop_backend(s->loop),
                               .pid = getpid(),
                               .tcp_port = (int)*config_bind_i64(s->config, "port"),
                               .io_threads = 0};
}

static void listeners(void *arg, struct buf *out)
{
    struct server *s = arg;
    worker_listeners_text(s->worker, out);
}

void host_info_install(struct server *s)
{
    process_uname(&s->os);
    s->host_info = (struct host_info){.arg = s, .process = process_facts, .host = host_facts, .listeners = listeners};
    observe_set_host(s->engine, &s->host_info);
}

/* --- persistence --- */

static void wake(void *arg)
{
    loop_wake(((struct server *)arg)->loop);
}

static bool serve(void *arg)
{
    struct server *s = arg;
    if (!worker_turn(s->worker, 0))
        return false;
    return !s->stop && !signals_stop_waits();
}

static void in_child(void *arg, const char *title)
{
    start_child(arg, title);
}

void host_persist_install(struct server *s)
{
    s->persist_shell = (struct persist_shell){.arg = s,
                                              .files = &files_posix,
                                              .background = s->background,
                                              .wake = wake,
                                              .serve = serve,
                                              .in_child = in_child};
    persist_set_shell(s->engine, &s->persist_shell);
}
