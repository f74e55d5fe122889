/* Signals that ask the server to stop, and those that it must not die of. Crashes are crash.h. */
#ifndef CAIRN_SYS_SIGNALS_H
#define CAIRN_SYS_SIGNALS_H

#include "sys/loop.h"

/* SIGTERM and SIGINT set a flag and wake the loop (may be NULL until it exists; call again to change it); SIGHUP and
 * SIGPIPE are ignored, SIGCHLD is not. Once a signal was taken, another SIGINT ends the process with 1 at once: whoever
 * types it twice means it. */
void signals_install(struct loop *wake);
/* SIGTERM or SIGINT when one came since the last call, else 0. */
int signals_take_stop(void);
/* Whether one came that was not taken yet: cheap, for long work that looks up now and then (loading). */
bool signals_stop_waits(void);
/* The stop was called off (SHUTDOWN ABORT): a later SIGINT asks again and does not end at once. */
void signals_stop_abandoned(void);
/* A file that is being written and is worth nothing unless it is finished: goes when a second SIGINT ends the process.
 * Borrowed until the next call; NULL: none. */
void signals_temp_file(const char *path);
void signals_uninstall(void); /* defaults for all; the loop is forgotten */

#endif
