/* The background child: a forked process that writes what the memory held at the moment of the fork. At most one runs
 * at a time, be it for a snapshot or for a new append-only file.
 *
 *   parent                                  child
 *   child_start ---------- fork ----------> every descriptor but the pipe's is closed; job->run(job->arg, report)
 *   child_poll (cron)  <--- pipe ----------   child_report: keys done, memory copied on write
 *              waitpid <------------------  _exit(0: run said true; 1)
 *   job->done(job->arg, end)
 */
#ifndef CAIRN_PERSIST_CHILD_H
#define CAIRN_PERSIST_CHILD_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct engine;
struct persist_shell;
struct child;        /* opaque: the one slot */
struct child_report; /* opaque: the child's side */

enum child_kind { CHILD_NONE, CHILD_SNAPSHOT, CHILD_AOF };

struct child_end {
    pid_t pid;
    bool ok;       /* run returned true */
    int by_signal; /* that ended it; 0: none */
    bool killed;   /* by child_kill, or by its signal from elsewhere: no failure */
};

struct child_job {
    enum child_kind kind;
    const char *what;     /* "RDB", "AOF rewrite": for the log */
    const char *title;    /* of the process: "redis-rdb-bgsave" */
    const char *cpu_list; /* where it may run; "" or NULL: anywhere */
    void *arg;
    bool (*run)(void *arg, struct child_report *report); /* in the child: no threads, no sockets, no big allocations */
    void (*done)(void *arg, const struct child_end *end); /* in the parent; child_kind is CHILD_NONE again */
};

struct child *child_new(struct engine *e);
void child_free(struct child *c); /* kills what runs, without done */
/* 0, or an errno (EEXIST: one is running). The parent's log and counters are the caller's. */
int child_start(struct child *c, const struct persist_shell *shell, const struct child_job *job, pid_t *pid);
enum child_kind child_kind(const struct child *c);
pid_t child_pid(const struct child *c); /* 0: none */
/* Ends it (SIGUSR1, which is no failure), waits until it is gone, calls done. Nothing when none runs. */
void child_kill(struct child *c);
/* Takes reports and the end, and tells the log now and then how far it is. Cheap; from cron. */
void child_poll(struct child *c);

/* ---- in the child ---- */
void child_keys(struct child_report *r, uint64_t keys); /* done so far; sent about once a second */

/* ---- what INFO prints; zeros when none runs ---- */
struct child_facts {
    uint64_t keys_done, keys_total;
    uint64_t cow_bytes, cow_peak, cow_age_s;
    double percent;          /* done */
    uint64_t running_s;
};
void child_facts(const struct child *c, struct child_facts *out);
uint64_t child_last_cow(const struct child *c, enum child_kind kind); /* of the last that ended, peak */

#endif
