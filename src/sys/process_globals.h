/* The writable state that the process itself has: what a signal handler must reach, which gets no parameter, and the
 * memory of the title, which the kernel gave. Private to sys/; everything else is passed. */
#ifndef CAIRN_SYS_PROCESS_GLOBALS_H
#define CAIRN_SYS_PROCESS_GLOBALS_H

#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>

struct loop;
struct crash_options;

struct process_globals {
    volatile sig_atomic_t stop_signal;         /* the last of SIGTERM and SIGINT that nobody has taken yet, or 0 */
    volatile sig_atomic_t stopping;            /* a stop signal was taken: another SIGINT ends the process at once */
    const char *_Atomic temp_file;             /* removed when the process ends at once; NULL: none */
    struct loop *_Atomic wake;                 /* woken when a stop signal comes */
    const struct crash_options *_Atomic crash; /* NULL: no report */
    atomic_int crash_depth;                    /* reports begun: a crash inside the report makes it 2 */
    atomic_int crash_thread;                   /* the thread that writes it */
    char **environment;                        /* where environ was moved to */
    char *title;                               /* the area of argv and environ, title_size bytes; NULL before init */
    size_t title_size;
};

extern struct process_globals process_globals;

#endif
