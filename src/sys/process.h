/* The process and the machine below it: what a server asks of Linux once at its start, or shows in INFO. */
#ifndef CAIRN_SYS_PROCESS_H
#define CAIRN_SYS_PROCESS_H

#include "base/buf.h"
#include "base/compiler.h"
#include "base/slice.h"

#include <sys/types.h>

/* The parent ends with 0, the child leads a session of its own, and standard input, output and error are /dev/null.
 * False: errno. */
must_use bool process_daemonize(void);
must_use bool pidfile_write(const char *path); /* "<pid>\n" */
void pidfile_remove(const char *path);

/* The title that ps shows. `init` comes first in main, before environ is looked at by others: it moves the environment
 * away, since a title may be longer than the command line was. The arguments in argv stay valid (they become
 * copies). */
void process_title_init(int argc, char **argv);
void process_title_set(const char *title); /* cut where the room ends; nothing without init */

/* Raises the limit of open files towards `wanted` as far as the system lets it. Returns the limit that holds now. */
uint64_t process_raise_open_files(uint64_t wanted);
bool process_disable_thp(void);                          /* transparent huge pages, for this process */
bool process_thp_is_always(void);                        /* the machine's setting is "always" */
bool process_overcommit_is_enabled(void);                /* vm.overcommit_memory is 1 */
int process_somaxconn(void);                             /* the system's limit of a listen backlog, or -1 */
must_use bool process_oom_score_adj_read(int *out);
must_use bool process_oom_score_adj_write(int value);
/* "0,2-4,8-15:2": numbers, ranges, ranges with a step. The calling thread and those that it starts later. */
bool process_set_affinity(const char *list);
bool process_cpu_list_is_valid(const char *list);

uint64_t process_total_memory(void);                     /* of the machine, bytes */
uint64_t process_rss(void);                              /* of this process, bytes */
/* bytes of memory that only this process has: the copies of a forked child; slow */
uint64_t process_private_dirty(void);
struct process_times {
    double user_s, system_s, children_user_s, children_system_s, thread_user_s, thread_system_s;
};
/* of the process, its ended children, and the calling thread */
void process_times_read(struct process_times *out);

/* fork, with the time it took in the parent. In the child, signals to stop and SIGUSR1 are at their defaults, and
 * none that is sent to it is lost; but SIGINT (typed at the terminal, meant for the parent) is ignored. */
pid_t process_fork(uint64_t *fork_us);

/* Tells the service manager, when one listens: "READY=1\nSTATUS=...". False when none listens or it cannot be
 * reached. */
bool process_notify(const char *state);
bool process_under_systemd(void);                        /* NOTIFY_SOCKET is set */
bool process_under_upstart(void);                        /* UPSTART_JOB is set */

void process_executable(const char *argv0, struct buf *out); /* absolute path */
void process_uname(struct buf *out);                     /* "Linux 6.1.0 x86_64" */

#endif
