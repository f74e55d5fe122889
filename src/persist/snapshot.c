/* Snapshots.
 *
 * A snapshot is written under a temporary name, temp-<pid of the writer>.rdb, so that whoever reaps a child that was
 * killed knows what to remove. What changed while a child wrote is still unsaved afterwards: dirty_at_start is taken
 * off the count then, and not the whole of it. */
#include "persist/snapshot.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/num.h"
#include "engine/config.h"
#include "persist/aof.h"
#include "persist/persist_impl.h"
#include "persist/rdb_disk.h"
#include "sys/files.h"
#include "sys/signals.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { TEMP_NAME_MAX = 64 };

static int64_t now_s(const struct persist *p)
{
    return (int64_t)(engine_now_ms(p->engine) / 1000);
}

void snapshot_init(struct persist *p)
{
    p->snapshot = (struct snapshot){
        .last_ok = true, .last_save_s = now_s(p), .last_try_s = 0, .start_s = -1, .last_duration_s = -1};
}

void snapshot_deinit(struct persist *p)
{
    mem_free(p->snapshot.points);
}

void snapshot_points_parse(struct persist *p)
{
    struct snapshot *s = &p->snapshot;
    struct slice rest = slice_cstr(*p->config.save);
    int64_t numbers[2];
    int have = 0;
    s->point_count = 0;
    while (rest.len > 0) {
        const char *space = memchr(rest.ptr, ' ', rest.len);
        size_t len = space == NULL ? rest.len : (size_t)(space - rest.ptr);
        if (slice_to_i64(slice_of(rest.ptr, len), &numbers[have]) == ST_OK && ++have == 2) {
            s->points = mem_realloc(s->points, (size_t)(s->point_count + 1) * sizeof(*s->points));
            s->points[s->point_count++] = (struct save_point){numbers[0], numbers[1]};
            have = 0;
        }
        rest = space == NULL ? SLICE("") : slice_of(space + 1, rest.len - len - 1);
    }
}

/* ---- what writes are told ---- */

void persist_disk_gate(struct persist *p)
{
    char text[256];
    if (*p->config.stop_writes && p->snapshot.point_count > 0 && !p->snapshot.last_ok) {
        engine_set_disk_error(p->engine,
                              "MISCONF Redis is configured to save RDB snapshots, but it's currently unable to persist "
                              "to disk. Commands that may modify the data set are disabled, because this instance is "
                              "configured to report errors during writes if RDB snapshotting fails "
                              "(stop-writes-on-bgsave-error option). Please check the Redis logs for details about "
                              "the RDB error.");
    } else if (p->aof_error[0] != '\0') {
        snprintf(text, sizeof(text), "MISCONF Errors writing to the AOF file: %s", p->aof_error);
        engine_set_disk_error(p->engine, text);
    } else {
        engine_set_disk_error(p->engine, NULL);
    }
}

/* ---- writing ---- */

static void temp_name(char out[TEMP_NAME_MAX], pid_t pid)
{
    snprintf(out, TEMP_NAME_MAX, "temp-%d.rdb", (int)pid);
}

/* With the folder, which CONFIG SET may have changed and somebody may have moved. */
static void tell_failure(struct persist *p, const char *why)
{
    char folder[PATH_MAX];
    if (getcwd(folder, sizeof(folder)) == NULL) snprintf(folder, sizeof(folder), "a folder that is gone");
    log_warning(engine_log(p->engine), "Write error saving DB on disk: %s (in %s)", why, folder);
}

/* In the child, or in the server itself. */
static bool write_file(struct persist *p, struct child_report *report)
{
    char temp[TEMP_NAME_MAX];
    struct buf err = BUF_INIT;
    temp_name(temp, getpid());
    if (report == NULL) signals_temp_file(temp);
    bool ok = rdb_disk_replace(p->engine, p->shell->files, temp, *p->config.file, report, &err);
    if (ok)
        log_notice(engine_log(p->engine), "DB saved on disk");
    else
        tell_failure(p, buf_cstr(&err));
    if (report == NULL) signals_temp_file(NULL);
    buf_deinit(&err);
    return ok;
}

static void succeeded(struct persist *p, uint64_t dirty_saved)
{
    struct snapshot *s = &p->snapshot;
    struct engine_stats *stats = engine_stats(p->engine);
    stats->dirty -= dirty_saved < stats->dirty ? dirty_saved : stats->dirty;
    s->last_save_s = now_s(p);
    s->last_ok = true;
    s->failures = 0;
    s->saves++;
    persist_disk_gate(p);
}

/* A save in the foreground that fails tells its client; writes go on. */
bool snapshot_save(struct persist *p)
{
    if (p->shell == NULL || !write_file(p, NULL)) return false;
    succeeded(p, engine_stats(p->engine)->dirty);
    return true;
}

static bool child_run(void *arg, struct child_report *report)
{
    return write_file(arg, report);
}

static void failed(struct persist *p)
{
    p->snapshot.last_ok = false;
    p->snapshot.failures++;
    persist_disk_gate(p);
}

/* What a child that was killed has left. */
static void temp_remove(struct persist *p, pid_t pid)
{
    char temp[TEMP_NAME_MAX];
    uint64_t start = clock_mono_us();
    temp_name(temp, pid);
    aof_unlink_later(p->aof, temp);
    engine_latency_event(p->engine, "rdb-unlink-temp-file", clock_mono_us() - start);
}

static void child_done(void *arg, const struct child_end *end)
{
    struct persist *p = arg;
    struct snapshot *s = &p->snapshot;
    struct logger *log = engine_log(p->engine);
    s->last_duration_s = now_s(p) - s->start_s;
    s->start_s = -1;
    if (end->ok) {
        log_notice(log, "Background saving terminated with success");
        succeeded(p, s->dirty_at_start);
        return;
    }
    if (end->by_signal != 0) {
        log_warning(log, "Background saving terminated by signal %d", end->by_signal);
        temp_remove(p, end->pid);
    } else {
        log_warning(log, "Background saving error");
    }
    if (!end->killed) failed(p);
}

bool snapshot_start(struct persist *p)
{
    struct snapshot *s = &p->snapshot;
    const struct child_job job = {.kind = CHILD_SNAPSHOT,
                                  .what = "RDB",
                                  .title = "redis-rdb-bgsave",
                                  .cpu_list = *p->config.cpu_list,
                                  .arg = p,
                                  .run = child_run,
                                  .done = child_done};
    pid_t pid;
    s->scheduled = false;
    s->last_try_s = now_s(p);
    if (p->shell == NULL) return false;
    int err = child_start(p->child, p->shell, &job, &pid);
    if (err != 0) {
        log_warning(engine_log(p->engine), "Can't save in background: fork: %s", strerror(err));
        failed(p);
        return false;
    }
    s->dirty_at_start = engine_stats(p->engine)->dirty;
    s->start_s = now_s(p);
    log_notice(engine_log(p->engine), "Background saving started by pid %d", (int)pid);
    return true;
}

void snapshot_cancel(struct persist *p)
{
    if (child_kind(p->child) == CHILD_SNAPSHOT) child_kill(p->child);
}

/* ---- by the clock ---- */

static bool may_try(const struct persist *p)
{
    return p->snapshot.last_ok || now_s(p) - p->snapshot.last_try_s > SNAPSHOT_RETRY_S;
}

static bool point_reached(const struct persist *p)
{
    const struct snapshot *s = &p->snapshot;
    uint64_t dirty = engine_stats(p->engine)->dirty;
    for (int i = 0; i < s->point_count; i++)
        if (dirty >= (uint64_t)s->points[i].changes && now_s(p) - s->last_save_s > s->points[i].seconds) {
            if (!may_try(p)) return false;
            log_notice(engine_log(p->engine), "%lld changes in %lld seconds. Saving...",
                       (long long)s->points[i].changes, (long long)s->points[i].seconds);
            return true;
        }
    return false;
}

void snapshot_cron(struct persist *p)
{
    if (child_kind(p->child) != CHILD_NONE || engine_loading(p->engine) || p->shell == NULL) return;
    if (point_reached(p) || (p->snapshot.scheduled && may_try(p))) (void)snapshot_start(p);
}

/* ---- what was left behind ---- */

static void collect(void *arg, const char *name)
{
    char again[TEMP_NAME_MAX];
    int pid = 0;
    if (sscanf(name, "temp-%d.rdb", &pid) != 1 || pid <= 0) return;
    temp_name(again, pid);
    if (strcmp(again, name) == 0) buf_append((struct buf *)arg, &pid, sizeof(pid));
}

/* temp-<pid>.rdb of a process that is gone. One with the same number may run elsewhere and share the folder: what was
 * written to just now stays. */
static void clean_one(struct persist *p, int pid)
{
    enum { LEFT_ALONE_MS = 60 * 1000 };
    const struct files *files = p->shell->files;
    struct file_info info;
    char name[TEMP_NAME_MAX];
    temp_name(name, pid);
    if (kill(pid, 0) == 0 || errno != ESRCH || path_info(files, name, &info) < 0) return;
    if (info.mtime_ms + LEFT_ALONE_MS > (int64_t)engine_now_ms(p->engine)) return;
    if (path_unlink(files, name) == 0)
        log_notice(engine_log(p->engine), "Removed %s, which a server that ended had not finished.", name);
}

void snapshot_clean(struct persist *p)
{
    struct buf pids = BUF_INIT;
    if (path_list(p->shell->files, ".", collect, &pids) < 0)
        log_warning(engine_log(p->engine), "Can't read the working directory: %s", strerror(errno));
    for (size_t at = 0; at < pids.len; at += sizeof(int)) {
        int pid;
        memcpy(&pid, pids.data + at, sizeof(pid));
        clean_one(p, pid);
    }
    buf_deinit(&pids);
}
