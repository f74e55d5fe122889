/* Signals that ask the server to stop. The handler only leaves a mark and wakes the loop; everything else is done by
 * the owner of the loop when it takes the mark. */
#include "sys/signals.h"

#include "sys/crash.h"
#include "sys/process_globals.h"

#include <unistd.h>

static void on_stop_signal(int sig)
{
    if (process_globals.stopping && sig == SIGINT) {
        static const char text[] = "You insist... exiting now.\n";
        const struct crash_options *crash = atomic_load(&process_globals.crash);
        if (crash) log_raw(crash->log, text, sizeof(text) - 1);
        const char *file = atomic_load(&process_globals.temp_file);
        if (file) unlink(file);
        _exit(1);
    }
    process_globals.stop_signal = sig;
    struct loop *wake = atomic_load(&process_globals.wake);
    if (wake) loop_wake(wake);
}

void signals_install(struct loop *wake)
{
    atomic_store(&process_globals.wake, wake);
    signal(SIGHUP, SIG_IGN);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGCHLD, SIG_DFL); /* whoever started us may have it ignored: then nobody would learn how a child ended */
    struct sigaction act = {.sa_handler = on_stop_signal};
    sigemptyset(&act.sa_mask);
    sigaction(SIGTERM, &act, NULL);
    sigaction(SIGINT, &act, NULL);
}

int signals_take_stop(void)
{
    int sig = process_globals.stop_signal;
    if (sig) {
        process_globals.stopping = 1;
        process_globals.stop_signal = 0;
    }
    return sig;
}

bool signals_stop_waits(void)
{
    return process_globals.stop_signal != 0;
}

void signals_stop_abandoned(void)
{
    process_globals.stopping = 0;
}

void signals_temp_file(const char *path)
{
    atomic_store(&process_globals.temp_file, path);
}

void signals_uninstall(void)
{
    static const int all[] = {SIGTERM, SIGINT, SIGHUP, SIGPIPE};
    for (size_t i = 0; i < ARRAY_LEN(all); i++) signal(all[i], SIG_DFL);
    atomic_store(&process_globals.wake, NULL);
    process_globals.stop_signal = process_globals.stopping = 0;
}
