/* The end of a server: what must be done before it may stop, and what is done when it has. */
#include "server/server_impl.h"

#include "persist/persist_feature.h"
#include "sys/process.h"
#include "sys/signals.h"

#include <signal.h>

enum { FLUSH_AT_EXIT_MS = 200, NO_COMMANDS_MS = 3600 * 1000 /* longer than what is left to do */ };

bool shutdown_prepare(struct server *s, uint32_t flags)
{
    if (s->stop)
        return true;
    log_warning(&s->log, "User requested shutdown...");
    if (!persist_shutdown(s->engine, flags)) {
        log_warning(&s->log, "Errors trying to shut down the server. Check the logs for more information.");
        return false;
    }
    s->stop = true;
    /* The turn goes on, with commands behind SHUTDOWN: what they did would be acknowledged, and in no file. */
    engine_pause(s->engine, engine_now_ms(s->engine) + NO_COMMANDS_MS, true);
    return true;
}

void shutdown_take_signal(struct server *s)
{
    int sig = engine_cron_paused(s->engine) ? 0 : signals_take_stop();
    if (sig == 0)
        return;
    log_warning(&s->log, "Received %s scheduling shutdown...", sig == SIGINT ? "SIGINT" : "SIGTERM");
    uint32_t flags =
        (uint32_t)*config_bind_i64(s->config, sig == SIGINT ? "shutdown-on-sigint" : "shutdown-on-sigterm");
    if (!shutdown_prepare(s, flags))
        signals_stop_abandoned();
}

/* A stop that a signal asked for waits until the turn ends, or longer (DEBUG PAUSE-CRON): that long it can be called
 * off. */
bool shutdown_abort(struct server *s)
{
    if (!signals_stop_waits())
        return false;
    (void)signals_take_stop();
    signals_stop_abandoned();
    log_notice(&s->log, "Shutdown manually aborted.");
    return true;
}

void shutdown_finish(struct server *s)
{
    process_notify("STOPPING=1\n");
    worker_unlisten(s->worker);
    worker_flush(s->worker, FLUSH_AT_EXIT_MS);
    const char *pidfile = *config_bind_str(s->config, "pidfile");
    if (pidfile[0] != '\0') {
        log_notice(&s->log, "Removing the pid file.");
        pidfile_remove(pidfile);
    }
    log_warning(&s->log, "Redis is now ready to exit, bye bye...");
    s->exit_code = 0;
}
