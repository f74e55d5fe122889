/* Making, running and ending a server.
 *
 * Order at the start: registry of directives <- features; configuration read; process set up (daemonize before
 * threads); engine's store and commands; sockets; loop. At the end: connections get what is queued for them, then
 * everything goes in reverse. */
#include "server/server_impl.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/prng.h"
#include "engine/feature.h"
#include "sys/process.h"
#include "sys/signals.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

enum { LISTEN_RETRY_MS = 10, LISTEN_RETRY_MAX_MS = 80 };
enum { STORE_PARTITIONS = 16, TURN_MAX_WAIT_US = 100 * 1000, WATCHDOG_MIN_MS = 200 };

struct server *server_new(const char *program, const char *config_path, int argc, char **argv, struct buf *err)
{
    struct server *s = mem_zalloc(sizeof(*s));
    logger_init(&s->log);
    process_executable(program, &s->program);
    s->config = config_new();
    struct engine_options options = {.features = server_features,
                                     .feature_count = server_feature_count,
                                     .log = &s->log,
                                     .host = host_for_engine(s),
                                     .now_us = clock_wall_us(),
                                     .mono_us = clock_mono_us(),
                                     .config = s->config};
    random_secure(&options.prng_seed, sizeof(options.prng_seed));
    s->engine = engine_new(&options);
    if (!config_load(s->config, config_path, argc, argv, err) || !config_start(s->config, err)) {
        server_free(s);
        return NULL;
    }
    start_logger(s);
    return s;
}

static bool open_store(struct server *s)
{
    struct store_options store = {.databases = (int)*config_bind_i64(s->config, "databases"),
                                  .partitions = STORE_PARTITIONS};
    random_secure(&store.seed, sizeof(store.seed));
    store.now_ms = clock_wall_ms();
    struct buf err = BUF_INIT;
    bool ok = engine_start(s->engine, &store, &err);
    if (!ok) {
        log_warning(&s->log, "%s", buf_cstr(&err));
        fprintf(stderr, "%s\n", buf_cstr(&err));
    }
    buf_deinit(&err);
    return ok;
}

/* Who was killed a moment ago may hold the port still: the kernel takes io_uring's requests back by and by. */
static bool listen_soon(struct server *s, struct buf *err)
{
    for (int64_t ms = LISTEN_RETRY_MS;; ms *= 2) {
        buf_clear(err);
        if (worker_listen(s->worker, err))
            return true;
        if (errno != EADDRINUSE || ms > LISTEN_RETRY_MAX_MS)
            return false;
        (void)nanosleep(&(struct timespec){0, (long)ms * 1000000}, NULL);
    }
}

static bool open_sockets(struct server *s)
{
    s->loop = loop_new(config_enum_name(s->config, "io-backend"));
    if (s->loop == NULL) {
        log_warning(&s->log, "Failed creating the event loop. Error message: '%s'", strerror(errno));
        return false;
    }
    s->worker = worker_new(s->engine, s->loop);
    struct buf err = BUF_INIT;
    bool ok = listen_soon(s, &err);
    if (!ok)
        log_warning(&s->log, "%s", buf_cstr(&err));
    else if (worker_listener_count(s->worker) == 0) {
        log_warning(&s->log, "Configured to not listen anywhere, exiting.");
        ok = false;
    }
    buf_deinit(&err);
    return ok;
}

/* A turn that is over was not stuck. Two system calls, so only when it is wanted. Returns whether the timer runs. */
static bool watch_over(int64_t period_ms)
{
    /* A turn that only waits takes long, too. */
    watchdog_kick(period_ms == 0 ? 0 : period_ms < WATCHDOG_MIN_MS ? WATCHDOG_MIN_MS : (int)period_ms);
    return period_ms > 0;
}

int server_run(struct server *s)
{
    s->exit_code = 1;
    if (!start_process(s) || !open_store(s))
        return s->exit_code;
    s->background = bg_new(*config_bind_str(s->config, "bio-cpulist"));
    if (s->background == NULL) {
        log_warning(&s->log, "Fatal: Can't initialize Background Jobs. Error message: %s", strerror(errno));
        return s->exit_code;
    }
    start_announce(s);
    if (!open_sockets(s))
        return s->exit_code;
    signals_install(s->loop);
    host_info_install(s);
    host_persist_install(s);
    start_hooks(s);
    start_title(s);
    if (!start_load(s))
        return s->exit_code;
    start_ready(s);
    engine_stats(s->engine)->memory_startup = mem_used();
    const int64_t *watchdog_ms = config_bind_i64(s->config, "watchdog-period");
    bool watched = false;
    while (!s->stop) {
        if (!worker_turn(s->worker, TURN_MAX_WAIT_US)) {
            log_warning(&s->log, "The event loop failed: %s", strerror(errno));
            return s->exit_code;
        }
        shutdown_take_signal(s);
        if (unlikely(*watchdog_ms > 0 || watched))
            watched = watch_over(*watchdog_ms);
    }
    shutdown_finish(s);
    return s->exit_code;
}

void server_free(struct server *s)
{
    if (s->worker != NULL)
        worker_free(s->worker);
    signals_uninstall();
    crash_uninstall();
    if (s->engine != NULL)
        engine_free(s->engine); /* its features may wait for what they gave to the background */
    if (s->background != NULL)
        bg_free(s->background);
    if (s->loop != NULL)
        loop_free(s->loop); /* a thread in the background may have been about to wake it */
    config_free(s->config);
    buf_deinit(&s->program);
    buf_deinit(&s->os);
    mem_free(s);
}
