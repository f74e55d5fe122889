/* The report that a crash, a failed assertion or a stalled loop leaves in the log. */
#ifndef CAIRN_SYS_CRASH_H
#define CAIRN_SYS_CRASH_H

#include "base/compiler.h"
#include "base/log.h"

#include <stdbool.h>

struct crash_options {
    struct logger *log;
    const char *title;                     /* "Cairn 0.1.0": who crashed */
    const char *help;                      /* what to do with the report, printed behind it; or NULL */
    const char *pidfile;                   /* removed at the end; or NULL */
    /* Prints further sections (INFO, the current command) with crash_print. It runs in the signal handler of a broken
     * process: what it calls may crash again, and then the report ends there; a report that hangs is ended after 10 s.
     * Or NULL. */
    void (*sections)(void *arg, int fd);
    void *arg;
};

/* Borrows options until crash_uninstall. handlers: also takes SIGSEGV, SIGBUS, SIGFPE, SIGILL and SIGABRT
 * (crash-log-enabled); without it only assertions and the watchdog report. Call it again to change. The process ends by
 * the signal that it got. */
void crash_install(const struct crash_options *options, bool handlers);
void crash_uninstall(void);

void crash_print(int fd, const char *fmt, ...) printf_like(2, 3); /* up to 4 KB at a time; no allocation */

/* A failed assertion; assert() comes here too. Reports, then aborts. */
noreturn_fn void crash_assert_failed(const char *expr, const char *file, int line);
/* Something that must never be: the text is formatted like printf. */
noreturn_fn void crash_panic(const char *file, int line, const char *fmt, ...) printf_like(3, 4);

/* The watchdog: a stack trace is logged when nobody has called it again within period_ms. 0 turns it off. Crash options
 * must be installed. */
void watchdog_kick(int period_ms);

#endif
