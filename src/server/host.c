/* What the engine asks of the process it lives in. */
#include "server/server_impl.h"

#include "base/mem.h"
#include "sys/files.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

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

static void shut_down(void *arg, uint32_t flags)
{
    struct server *s = arg;
    (void)flags; /* SAVE, NOSAVE, NOW, FORCE: there is nothing to save or to wait for yet */
    s->stop = true;
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
                                .sleep_us = sleep_us,
                                .config_rewrite = config_rewrite,
                                .crash = crash};
}
