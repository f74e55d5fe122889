/* Rewriting: a child writes the data as a new base, while the parent appends to a new increment.
 *
 *   start:  increment n+1 is opened and named in the manifest; fork
 *   done:   the child's file becomes base m+1, everything before increment n+1 history, in one new manifest
 *   failed: nothing; the increments go on counting. One that was scheduled is tried again (limited()).
 *
 * While the file is being turned on (WAITING), the increment has a temporary name and no manifest knows of it: only the
 * first base makes it count. */
#include "base/clock.h"
#include "base/mem.h"
#include "persist/aof_impl.h"
#include "persist/rdb_disk.h"
#include "sys/files.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { TEMP_NAME_MAX = 64, FAILURES_TOLERATED = 3, LIMIT_MINUTES_MAX = 60 };

static int64_t now_s(const struct aof *a)
{
    return (int64_t)(engine_now_ms(a->engine) / 1000);
}

struct aof *aof_new(struct persist *p)
{
    struct aof *a = mem_zalloc(sizeof(*a));
    a->p = p;
    a->engine = p->engine;
    a->fd = -1;
    a->rewrite_ok = true;
    a->rewrite_start_s = a->rewrite_took_s = -1;
    aof_manifest_init(&a->manifest);
    return a;
}

void aof_free(struct aof *a)
{
    if (a->started) aof_append_off(a);
    if (a->started) aof_file_close(a);
    aof_manifest_deinit(&a->manifest);
    buf_deinit(&a->payload);
    buf_deinit(&a->out);
    mem_free(a);
}

bool aof_wanted(const struct aof *a)
{
    return *a->config.appendonly != 0;
}

/* ---- the base ---- */

/* Commands cannot hold libraries of functions while there is nobody to run them; an RDB file keeps them. */
bool aof_base_is_rdb(const struct aof *a)
{
    return *a->config.rdb_preamble != 0 || a->p->functions.len > 0;
}

bool aof_base_write(struct aof *a, const char *path, bool rdb, struct child_report *report, struct buf *err)
{
    if (rdb) return rdb_disk_write(a->engine, aof_files(a), path, true, report, err);
    return aof_text_write(a, path, report, err);
}

static void temp_names(char temp[TEMP_NAME_MAX], char done[TEMP_NAME_MAX], pid_t pid)
{
    snprintf(temp, TEMP_NAME_MAX, AOF_TEMP_PREFIX "rewriteaof-%d.aof", (int)pid);
    snprintf(done, TEMP_NAME_MAX, AOF_TEMP_PREFIX "rewriteaof-bg-%d.aof", (int)pid);
}

static bool child_run(void *arg, struct child_report *report)
{
    struct aof *a = arg;
    struct logger *log = engine_log(a->engine);
    char temp[TEMP_NAME_MAX], done[TEMP_NAME_MAX];
    struct buf err = BUF_INIT;
    temp_names(temp, done, getpid());
    bool ok = aof_base_write(a, temp, a->rewrite_rdb, report, &err);
    if (!ok) {
        log_warning(log, "Write error writing append only file on disk: %s", buf_cstr(&err));
    } else if (path_rename(aof_files(a), temp, done) < 0) {
        log_warning(log, "Error moving temp append only file on the final destination: %s", strerror(errno));
        (void)path_unlink(aof_files(a), temp);
        ok = false;
    } else {
        log_notice(log, "Successfully created the temporary AOF base file %s", done);
    }
    buf_deinit(&err);
    return ok;
}

/* ---- the end of a rewrite ---- */

static bool rename_logged(struct aof *a, const char *what, const char *from, const char *from_name, const char *name)
{
    struct buf to = BUF_INIT;
    struct logger *log = engine_log(a->engine);
    aof_path(a, name, &to);
    bool ok = path_rename(aof_files(a), from, buf_cstr(&to)) == 0;
    if (ok)
        log_notice(log, "Successfully renamed the temporary AOF %s file %s into %s", what, from_name, name);
    else
        log_warning(log, "Error trying to rename the temporary AOF %s file %s into %s: %s", what, from_name, name,
                    strerror(errno));
    buf_deinit(&to);
    return ok;
}

/* The temporary increment gets its name in m. */
static bool name_increment(struct aof *a, struct aof_manifest *m)
{
    struct buf temp = BUF_INIT, path = BUF_INIT;
    aof_temp_increment(a, &temp);
    aof_path(a, buf_cstr(&temp), &path);
    bool ok = rename_logged(a, "incr", buf_cstr(&path), buf_cstr(&temp),
                            aof_manifest_add_increment(m, *a->config.file));
    buf_deinit(&temp);
    buf_deinit(&path);
    return ok;
}

static bool adopt(struct aof *a, const char *base)
{
    struct aof_manifest m;
    aof_manifest_dup(&m, &a->manifest);
    const char *name = aof_manifest_add_base(&m, *a->config.file, a->rewrite_rdb);
    bool ok = rename_logged(a, "base", base, base, name) && (a->state != AOF_WAITING || name_increment(a, &m));
    if (!ok) {
        aof_manifest_deinit(&m);
        return false;
    }
    aof_manifest_increments_to_history(&m, a->fd >= 0 ? 1 : 0);
    if (!aof_manifest_install(a, &m)) return false;
    aof_count_sizes(a);
    a->base_size = a->other_size + a->size;
    if (a->state == AOF_WAITING) a->state = AOF_ON;
    aof_collect_garbage(a);
    return true;
}

static void drop_temp_increment(struct aof *a)
{
    struct buf name = BUF_INIT, path = BUF_INIT;
    aof_temp_increment(a, &name);
    log_notice(engine_log(a->engine), "Removing the temp incr aof file %s in the background", buf_cstr(&name));
    aof_path(a, buf_cstr(&name), &path);
    aof_append_off(a);
    aof_file_close(a);
    aof_unlink_later(a, buf_cstr(&path));
    buf_deinit(&name);
    buf_deinit(&path);
}

static void rewrite_ended(struct aof *a, bool ok, bool counts)
{
    a->rewrite_took_s = now_s(a) - a->rewrite_start_s;
    a->rewrite_start_s = -1;
    bool was_scheduled = a->rewrite_was_scheduled;
    a->rewrite_was_scheduled = false;
    if (ok) {
        a->rewrite_ok = true;
        a->rewrite_failures = 0;
        return;
    }
    if (counts) {
        a->rewrite_ok = false;
        a->rewrite_failures++;
        a->rewrite_scheduled = a->rewrite_scheduled || was_scheduled; /* it is still wanted */
    }
    if (a->state != AOF_WAITING) return;
    if (a->fd >= 0) drop_temp_increment(a);
    a->rewrite_scheduled = true; /* it is still to be turned on */
}

static void child_done(void *arg, const struct child_end *end)
{
    struct aof *a = arg;
    struct logger *log = engine_log(a->engine);
    char temp[TEMP_NAME_MAX], done[TEMP_NAME_MAX];
    temp_names(temp, done, end->pid);
    bool ok = end->ok;
    if (ok) {
        log_notice(log, "Background AOF rewrite terminated with success");
        ok = adopt(a, done);
        if (ok) log_notice(log, "Background AOF rewrite finished successfully");
    } else if (end->by_signal != 0) {
        log_warning(log, "Background AOF rewrite terminated by signal %d", end->by_signal);
    } else {
        log_warning(log, "Background AOF rewrite terminated with error");
    }
    (void)path_unlink(aof_files(a), temp);
    (void)path_unlink(aof_files(a), done);
    rewrite_ended(a, ok, !end->killed);
}

/* ---- its beginning ---- */

/* What was last must be on disk before a manifest names one behind it, whose bytes may reach the disk earlier: a part
 * that is torn with others behind it is no prefix. With `no` that may take long, and nothing is promised. */
static bool last_is_complete(struct aof *a)
{
    if (*a->config.fsync != AOF_FSYNC_NO) return aof_flush_and_sync(a);
    aof_flush(a, true);
    return aof_everything_written(a);
}

static bool increment_begin(struct aof *a)
{
    if (!aof_folder_make(a)) return false;
    if (a->state == AOF_OFF) return true;
    if (a->fd >= 0 && !last_is_complete(a)) {
        log_warning(engine_log(a->engine), "Can't rewrite the AOF while it can't be written to");
        return false;
    }
    if (!aof_open_next(a, a->state == AOF_WAITING)) return false;
    if (a->state == AOF_ON) aof_count_sizes(a);
    return true;
}

bool aof_rewrite(struct aof *a)
{
    struct logger *log = engine_log(a->engine);
    const struct child_job job = {.kind = CHILD_AOF,
                                  .what = "AOF rewrite",
                                  .title = "redis-aof-rewrite",
                                  .cpu_list = *a->config.cpu_list,
                                  .arg = a,
                                  .run = child_run,
                                  .done = child_done};
    pid_t pid;
    if (a->p->shell == NULL) return false;
    a->rewrite_rdb = aof_base_is_rdb(a);
    if (!increment_begin(a)) {
        a->rewrite_ok = false;
        a->rewrite_failures++;
        return false;
    }
    a->rewrites++;
    a->rewrite_start_s = now_s(a);
    int err = child_start(a->p->child, a->p->shell, &job, &pid);
    if (err != 0) {
        log_warning(log, "Can't rewrite append only file in background: fork: %s", strerror(err));
        rewrite_ended(a, false, true);
        return false;
    }
    a->rewrite_was_scheduled = a->rewrite_scheduled;
    a->rewrite_scheduled = false;
    log_notice(log, "Background append only file rewriting started by pid %d", (int)pid);
    return true;
}

void aof_cancel_rewrite(struct aof *a)
{
    if (child_kind(a->p->child) != CHILD_AOF) return;
    log_notice(engine_log(a->engine), "Killing running AOF rewrite child: %ld", (long)child_pid(a->p->child));
    child_kill(a->p->child);
}

/* ---- by the clock ---- */

/* After some failures in a row the next try waits, longer each time. */
static bool limited(struct aof *a)
{
    uint64_t now = (uint64_t)now_s(a);
    if (a->rewrite_failures < FAILURES_TOLERATED) {
        a->limit_until_s = 0;
        a->limit_minutes = 0;
        return false;
    }
    if (a->limit_until_s != 0) {
        if (now < a->limit_until_s) return true;
        a->limit_until_s = 0;
        return false;
    }
    a->limit_minutes = a->limit_minutes == 0 ? 1 : a->limit_minutes * 2;
    if (a->limit_minutes > LIMIT_MINUTES_MAX) a->limit_minutes = LIMIT_MINUTES_MAX;
    a->limit_until_s = now + (uint64_t)a->limit_minutes * 60;
    log_warning(engine_log(a->engine),
                "Background AOF rewrite has repeatedly failed and triggered the limit, will retry in %d minutes",
                a->limit_minutes);
    return true;
}

static bool grown(struct aof *a, int64_t *percent)
{
    uint64_t size = a->other_size + a->size, base = a->base_size == 0 ? 1 : a->base_size;
    if (a->state != AOF_ON || *a->config.rewrite_percent == 0 || size <= (uint64_t)*a->config.rewrite_min_size)
        return false;
    *percent = (int64_t)((double)size * 100 / (double)base) - 100;
    return *percent >= *a->config.rewrite_percent;
}

void aof_cron(struct aof *a)
{
    int64_t percent = 0;
    if (!a->started || engine_loading(a->engine) || child_kind(a->p->child) != CHILD_NONE) return;
    if (a->rewrite_scheduled) {
        if (!limited(a) && aof_sync_ahead(a)) (void)!aof_rewrite(a);
    } else if (grown(a, &percent) && !limited(a) && aof_sync_ahead(a)) {
        log_notice(engine_log(a->engine), "Starting automatic rewriting of AOF on %lld%% growth", (long long)percent);
        (void)!aof_rewrite(a);
    }
}

/* ---- on and off ---- */

static bool turn_on(struct aof *a, bool in_transaction, struct buf *err)
{
    struct logger *log = engine_log(a->engine);
    enum child_kind kind = child_kind(a->p->child);
    a->state = AOF_WAITING;
    if (kind == CHILD_SNAPSHOT) {
        a->rewrite_scheduled = true;
        log_notice(log, "AOF was enabled but there is already another background operation. An AOF background was "
                        "scheduled to start when possible.");
        return true;
    }
    if (in_transaction) {
        a->rewrite_scheduled = true;
        log_notice(log,
                   "AOF was enabled during a transaction. An AOF background was scheduled to start when possible.");
        return true;
    }
    if (kind == CHILD_AOF) {
        log_notice(log, "AOF was enabled but there is already an AOF rewriting in background. Stopping background AOF "
                        "and starting a rewrite now.");
        a->state = AOF_OFF;
        aof_cancel_rewrite(a);
        a->state = AOF_WAITING;
    }
    if (aof_rewrite(a)) {
        aof_errors_forget(a);
        return true;
    }
    a->state = AOF_OFF;
    a->rewrite_scheduled = false;
    log_warning(log, "Redis needs to enable the AOF but can't trigger a background AOF rewrite operation. Check the "
                     "above logs for more info about the error.");
    buf_append_slice(err, SLICE("Unable to turn on AOF. Check server logs."));
    return false;
}

static void turn_off(struct aof *a)
{
    (void)!aof_flush_and_sync(a);
    aof_append_off(a);
    if (a->state == AOF_WAITING && child_kind(a->p->child) == CHILD_AOF) {
        aof_cancel_rewrite(a); /* takes the temporary increment with it */
    }
    aof_file_close(a);
    a->state = AOF_OFF;
    aof_cancel_rewrite(a);
    a->rewrite_scheduled = false;
    a->other_size = 0;
    aof_errors_forget(a);
}

bool aof_switch(struct aof *a, bool on, bool in_transaction, struct buf *err)
{
    if (on) return turn_on(a, in_transaction, err);
    turn_off(a);
    return true;
}

/* ---- start and end ---- */

enum { LEFT_ALONE_MS = 60 * 1000 };

/* temp-rewriteaof-[bg-]<pid>.aof: 0: it is another name */
static int temp_writer(const char *name)
{
    char temp[TEMP_NAME_MAX], done[TEMP_NAME_MAX];
    int pid = 0;
    if (sscanf(name, AOF_TEMP_PREFIX "rewriteaof-bg-%d.aof", &pid) != 1 &&
        sscanf(name, AOF_TEMP_PREFIX "rewriteaof-%d.aof", &pid) != 1)
        return 0;
    temp_names(temp, done, pid);
    return pid > 0 && (strcmp(name, temp) == 0 || strcmp(name, done) == 0) ? pid : 0;
}

static void collect(void *arg, const char *name)
{
    if (temp_writer(name) != 0) buf_append((struct buf *)arg, name, strlen(name) + 1);
}

/* What the child of a server that was killed has left; but not what was written to just now, maybe by another one. */
static void clean(struct aof *a)
{
    struct buf names = BUF_INIT;
    struct file_info info;
    if (path_list(aof_files(a), ".", collect, &names) < 0) return;
    for (size_t at = 0; at < names.len; at += strlen(names.data + at) + 1) {
        const char *name = names.data + at;
        bool runs = kill(temp_writer(name), 0) == 0 || errno != ESRCH;
        if (runs || path_info(aof_files(a), name, &info) < 0 ||
            info.mtime_ms + LEFT_ALONE_MS > (int64_t)engine_now_ms(a->engine))
            continue;
        if (path_unlink(aof_files(a), name) == 0)
            log_notice(engine_log(a->engine), "Removed %s, which a server that ended had not finished.", name);
    }
    buf_deinit(&names);
}

bool aof_start(struct aof *a, bool *stopped)
{
    bool empty = false;
    struct file_info info;
    *stopped = false;
    clean(a);
    /* also when it is off: a rewrite would number its files anew else, over those that are there */
    if (!aof_manifest_load(a)) return false;
    if (aof_wanted(a)) {
        a->state = AOF_ON;
        if (!aof_upgrade(a)) return false;
        enum load_result result = aof_load(a, true, &empty);
        *stopped = result == LOAD_STOPPED;
        if (result == LOAD_FAILED || *stopped) return *stopped;
        if (result == LOAD_NO_FILE && path_info(aof_files(a), *a->p->config.file, &info) == 0)
            log_warning(engine_log(a->engine),
                        "appendonly is on, but there is no append-only file yet: %s is NOT loaded. To go on with its "
                        "data, start with appendonly no, and then say CONFIG SET appendonly yes.",
                        *a->p->config.file);
        if (!aof_open_at_start(a)) return false;
        aof_count_sizes(a);
        if (a->base_size == 0) a->base_size = a->other_size;
    }
    a->started = true;
    return true;
}

bool aof_finish(struct aof *a, bool force)
{
    struct logger *log = engine_log(a->engine);
    if (!a->started) return true;
    if (child_kind(a->p->child) == CHILD_AOF) {
        if (a->state == AOF_WAITING && !force) {
            log_warning(log, "Writing initial AOF, can't exit.");
            return false;
        }
        if (a->state == AOF_WAITING) log_warning(log, "Writing initial AOF. Exit anyway.");
        log_warning(log, "There is a child rewriting the AOF. Killing it!");
        aof_cancel_rewrite(a);
    }
    if (a->state == AOF_OFF || a->fd < 0) return true;
    log_notice(log, "Calling fsync() on the AOF file.");
    bool durable = aof_flush_and_sync(a);
    if (durable)
        aof_mark_durable(a);
    else
        log_warning(log, "%s", force ? "Writes that were acknowledged can't be put on disk, but the exit is forced."
                                     : "Writes that were acknowledged can't be put on disk, can't exit.");
    aof_turn_end(a); /* what is durable now */
    return durable || force;
}
