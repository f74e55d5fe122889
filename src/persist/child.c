/* The background child.
 *
 * Its reports come through a pipe that the parent reads without waiting; a message is smaller than PIPE_BUF, so it
 * comes whole. The memory that was copied because parent or child wrote to it is measured by the child, as the kernel
 * counts it (private dirty pages); that costs time in proportion to the memory, so it is done no more often than once
 * a second, and takes no more than a hundredth of the child's time.
 *
 * The child closes all descriptors that it inherits: else a client's connection would stay open as long as it runs, and
 * a port taken if the parent dies. */
#include "persist/child.h"

#include "base/clock.h"
#include "base/compiler.h"
#include "base/mem.h"
#include "engine/engine.h"
#include "persist/persist_shell.h"
#include "persist/progress.h"
#include "store/store.h"
#include "sys/process.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

enum { REPORT_EVERY_US = 1000 * 1000, COW_COST_FACTOR = 100, MEGABYTE = 1024 * 1024 };

struct message {
    uint64_t keys, cow_bytes, cow_peak, mono_us;
};

struct child {
    struct engine *engine;
    struct child_job job;
    pid_t pid;
    int pipe_fd; /* -1: none */
    uint64_t start_us, keys_total;
    struct progress told;
    struct message last; /* zero: nothing came yet */
    uint64_t last_cow[CHILD_AOF + 1];
};

struct child_report {
    int fd;
    uint64_t sent_us, measured_us, measure_cost_us;
    uint64_t keys, cow_bytes, cow_peak, cow_sum, cow_samples;
};

struct child *child_new(struct engine *e)
{
    struct child *c = mem_zalloc(sizeof(*c));
    c->engine = e;
    c->pipe_fd = -1;
    return c;
}

/* ---- in the child ---- */

static void measure(struct child_report *r)
{
    uint64_t start = clock_mono_us();
    r->cow_bytes = process_private_dirty();
    if (r->cow_bytes > r->cow_peak) r->cow_peak = r->cow_bytes;
    r->cow_sum += r->cow_bytes;
    r->cow_samples++;
    r->measured_us = clock_mono_us();
    r->measure_cost_us = r->measured_us - start;
}

static void send_report(struct child_report *r, bool at_end)
{
    uint64_t now = clock_mono_us();
    if (at_end || r->measured_us == 0 || now - r->measured_us >= r->measure_cost_us * COW_COST_FACTOR) measure(r);
    struct message m = {r->keys, r->cow_bytes, r->cow_peak, clock_mono_us()};
    (void)!write(r->fd, &m, sizeof(m)); /* a full pipe loses a report, and nothing else */
    r->sent_us = m.mono_us;
}

void child_keys(struct child_report *r, uint64_t keys)
{
    r->keys = keys;
    if (clock_mono_us() - r->sent_us >= REPORT_EVERY_US) send_report(r, false);
}

static void close_inherited(int keep)
{
    if (keep > STDERR_FILENO + 1) (void)close_range(STDERR_FILENO + 1, (unsigned)keep - 1, 0);
    (void)close_range((unsigned)keep + 1, ~0u, 0);
}

/* A child that outlived its server would put its file in the place of one that a restarted server wrote since. */
static void die_with(pid_t parent)
{
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != parent) _exit(1);
}

static _Noreturn void child_main(struct child *c, const struct persist_shell *shell, int fd, pid_t parent)
{
    struct child_report report = {.fd = fd};
    struct logger *log = engine_log(c->engine);
    die_with(parent);
    close_inherited(fd);
    log->role = 'C';
    if (shell->in_child != NULL) shell->in_child(shell->arg, c->job.title);
    if (c->job.cpu_list != NULL && c->job.cpu_list[0] != '\0') (void)process_set_affinity(c->job.cpu_list);
    bool ok = c->job.run(c->job.arg, &report);
    send_report(&report, true);
    log_notice(log, "Fork CoW for %s: current %llu MB, peak %llu MB, average %llu MB", c->job.what,
               (unsigned long long)report.cow_bytes / MEGABYTE, (unsigned long long)report.cow_peak / MEGABYTE,
               (unsigned long long)(report.cow_sum / report.cow_samples / MEGABYTE));
    _exit(ok ? 0 : 1);
}

/* ---- in the parent ---- */

int child_start(struct child *c, const struct persist_shell *shell, const struct child_job *job, pid_t *pid)
{
    int ends[2];
    uint64_t fork_us = 0;
    if (c->pid != 0) return EEXIST;
    if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) < 0) return errno;
    c->job = *job;
    c->last = (struct message){0};
    c->start_us = engine_mono_us(c->engine);
    c->keys_total = store_len_all(engine_store(c->engine));
    progress_begin(&c->told, c->start_us);
    pid_t parent = getpid();
    *pid = process_fork(&fork_us);
    if (*pid == 0) child_main(c, shell, ends[1], parent);
    int err = errno;
    close(ends[1]);
    if (*pid < 0) {
        close(ends[0]);
        return err;
    }
    c->pid = *pid;
    c->pipe_fd = ends[0];
    engine_stats(c->engine)->forks++;
    engine_stats(c->engine)->fork_us = fork_us;
    engine_latency_event(c->engine, "fork", fork_us);
    return 0;
}

enum child_kind child_kind(const struct child *c)
{
    return c->pid == 0 ? CHILD_NONE : c->job.kind;
}

pid_t child_pid(const struct child *c)
{
    return c->pid;
}

static void take_reports(struct child *c)
{
    struct message m;
    while (read(c->pipe_fd, &m, sizeof(m)) == (ssize_t)sizeof(m)) c->last = m;
}

static void tell_log(struct child *c)
{
    struct progress_text so_far;
    if (progress_due(&c->told, engine_mono_us(c->engine), c->last.keys, c->keys_total, &so_far))
        progress_log_keys(engine_log(c->engine), c->job.what, c->last.keys, c->keys_total, &so_far);
}

static void forget(struct child *c)
{
    take_reports(c);
    close(c->pipe_fd);
    c->pipe_fd = -1;
    c->pid = 0;
    c->last_cow[c->job.kind] = c->last.cow_peak;
}

static void ended(struct child *c, int status, bool killed)
{
    int by_signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
    struct child_end end = {.pid = c->pid,
                            .ok = WIFEXITED(status) && WEXITSTATUS(status) == 0,
                            .by_signal = by_signal,
                            .killed = killed || by_signal == SIGUSR1};
    forget(c);
    c->job.done(c->job.arg, &end);
}

static int reap_now(struct child *c)
{
    int status = 0;
    (void)kill(c->pid, SIGUSR1);
    (void)kill(c->pid, SIGCONT); /* one that was stopped would never see it */
    while (waitpid(c->pid, &status, 0) < 0 && errno == EINTR) continue;
    return status;
}

void child_kill(struct child *c)
{
    if (c->pid != 0) ended(c, reap_now(c), true);
}

void child_free(struct child *c)
{
    if (c->pid != 0) {
        (void)reap_now(c);
        forget(c);
    }
    mem_free(c);
}

void child_poll(struct child *c)
{
    int status = 0;
    if (c->pid == 0) return;
    take_reports(c);
    pid_t got = waitpid(c->pid, &status, WNOHANG);
    if (got == 0 || (got < 0 && errno == EINTR)) {
        tell_log(c);
        return;
    }
    ended(c, got < 0 ? W_EXITCODE(1, 0) : status, false);
}

/* ---- facts ---- */

void child_facts(const struct child *c, struct child_facts *out)
{
    *out = (struct child_facts){0};
    if (c->pid == 0) return;
    uint64_t now = engine_mono_us(c->engine);
    out->keys_done = c->last.keys;
    out->keys_total = c->keys_total;
    out->cow_bytes = c->last.cow_bytes;
    out->cow_peak = c->last.cow_peak;
    out->cow_age_s = c->last.mono_us == 0 || now < c->last.mono_us ? 0 : (now - c->last.mono_us) / 1000000;
    out->percent = c->keys_total == 0 ? 0 : (double)c->last.keys / (double)c->keys_total * 100;
    out->running_s = (now - c->start_us) / 1000000;
}

uint64_t child_last_cow(const struct child *c, enum child_kind kind)
{
    return c->last_cow[kind];
}
