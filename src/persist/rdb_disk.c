/* Writing an RDB file. The kernel is told every 4 MB to begin writing back, so that the fsync at the end does not find
 * gigabytes waiting; afterwards the file's pages are given up, since nobody is going to read them soon. */
#include "persist/rdb_disk.h"

#include "base/clock.h"
#include "base/mem.h"
#include "engine/engine.h"
#include "persist/child.h"
#include "persist/persist_impl.h"
#include "persist/progress.h"
#include "persist/rdb_file.h"
#include "persist/rdb_format.h"
#include "store/store.h"
#include "sys/files.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { WRITE_BACK_BYTES = 4 * 1024 * 1024, PROGRESS_KEYS = 1024, FILE_MODE = 0644 };

struct target {
    struct engine *engine;
    const struct files *files;
    struct child_report *report; /* NULL: the server itself writes, and is the one that tells the log */
    struct progress told;
    uint64_t keys_total;
    int fd, error;
    bool write_back;
    uint64_t written, begun; /* bytes; those that the kernel was told to write back */
    int64_t key_delay;
    uint64_t delayed_keys;
};

static bool sink(void *arg, const void *ptr, size_t len)
{
    struct target *t = arg;
    if (!file_write_all(t->files, t->fd, ptr, len, NULL)) {
        t->error = errno;
        return false;
    }
    t->written += len;
    if (t->write_back && t->written - t->begun >= WRITE_BACK_BYTES) {
        (void)file_sync_range(t->files, t->fd, t->begun, t->written - t->begun);
        t->begun = t->written;
    }
    return true;
}

/* rdb-key-save-delay, for tests: microseconds for each key; below zero: one for each so many keys. */
static void delay(struct target *t)
{
    int64_t us = t->key_delay;
    if (us < 0 && ++t->delayed_keys % (uint64_t)-us != 0) return;
    if (us < 0) us = 1;
    struct timespec left = {(time_t)(us / 1000000), (long)(us % 1000000) * 1000};
    while (nanosleep(&left, &left) != 0 && errno == EINTR) continue;
}

static bool progress(void *arg, uint64_t keys)
{
    struct target *t = arg;
    struct progress_text so_far;
    if (t->report != NULL)
        child_keys(t->report, keys);
    else if (progress_due(&t->told, clock_mono_us(), keys, t->keys_total, &so_far))
        progress_log_keys(engine_log(t->engine), "RDB", keys, t->keys_total, &so_far);
    if (t->key_delay != 0) delay(t);
    return true;
}

static uint64_t idle_s(void *arg, uint32_t clock)
{
    return engine_clock_idle_s(((struct target *)arg)->engine, clock);
}

static uint8_t frequency(void *arg, uint32_t clock)
{
    return (uint8_t)engine_clock_frequency(((struct target *)arg)->engine, clock);
}

/* The lowest version that holds the data, or the cap when that is lower: then the writer meets what it cannot hold. */
static int file_version(struct engine *e)
{
    const struct store *store = engine_store(e);
    int64_t cap = *persist_config(e)->target_version;
    int version = RDB_VERSION;
    for (int db = 0; db < store_databases(store); db++)
        if (store_parts_len(store, db) > 0) version = RDB_VERSION_FIELD_TTL;
    return version < cap ? version : (int)cap;
}

/* The writer has met a key that the version cannot hold. */
static void tell_refused(struct slice key, int version, struct buf *err)
{
    enum { KEY_SHOWN_MAX = 128 };
    if (key.len > KEY_SHOWN_MAX) key.len = KEY_SHOWN_MAX;
    buf_append_slice(err, SLICE("key "));
    buf_append_repr(err, key);
    buf_appendf(err, " needs RDB version %d, but rdb-target-version is %d", RDB_VERSION_FIELD_TTL, version);
}

static bool write_store(struct target *t, bool aof_base, struct buf *err)
{
    struct engine *e = t->engine;
    const struct persist_config *config = persist_config(e);
    struct buf refused = BUF_INIT;
    struct rdb_writer w;
    const struct rdb_save save = {
        .now_ms = engine_now_ms(e),
        .memory_used = mem_used(),
        .aof_base = aof_base,
        .functions = buf_slice(&persist_of(e)->functions),
        .clocks = engine_policy_is_lru(e) ? RDB_CLOCKS_IDLE
                  : engine_policy_is_lfu(e) ? RDB_CLOCKS_FREQUENCY
                                            : RDB_CLOCKS_NONE,
        .idle_s = idle_s,
        .frequency = frequency,
        .progress = progress,
        .progress_keys = t->key_delay != 0 ? 1 : PROGRESS_KEYS,
        .arg = t,
    };
    rdb_writer_init(&w, file_version(e), sink, t);
    w.compress = *config->compression != 0;
    w.checksum = *config->checksum != 0;
    if (t->report != NULL) child_keys(t->report, 0);
    bool ok = rdb_save_store(&w, engine_store(e), &save, &refused);
    if (!ok && t->error != 0)
        buf_appendf(err, "%s", strerror(t->error));
    else if (!ok)
        tell_refused(buf_slice(&refused), w.version, err);
    rdb_writer_deinit(&w);
    buf_deinit(&refused);
    return ok;
}

bool rdb_disk_write(struct engine *e, const struct files *files, const char *path, bool aof_base,
                    struct child_report *report, struct buf *err)
{
    const struct persist_config *config = persist_config(e);
    struct target t = {.engine = e,
                       .files = files,
                       .report = report,
                       .write_back = *config->incremental_fsync != 0,
                       .keys_total = store_len_all(engine_store(e)),
                       .key_delay = *config->key_save_delay};
    progress_begin(&t.told, clock_mono_us());
    t.fd = file_open(files, path, O_WRONLY | O_CREAT | O_TRUNC, FILE_MODE);
    if (t.fd < 0) {
        buf_appendf(err, "%s: %s", path, strerror(errno));
        return false;
    }
    bool ok = write_store(&t, aof_base, err);
    if (ok && file_fsync(files, t.fd) < 0) {
        buf_appendf(err, "fsync: %s", strerror(errno));
        ok = false;
    }
    if (ok) (void)file_drop_cache(files, t.fd, 0, 0);
    (void)file_close(files, t.fd);
    if (!ok) (void)path_unlink(files, path);
    return ok;
}

bool rdb_disk_replace(struct engine *e, const struct files *files, const char *temp, const char *path,
                      struct child_report *report, struct buf *err)
{
    if (!rdb_disk_write(e, files, temp, false, report, err)) return false;
    if (path_rename(files, temp, path) < 0) {
        buf_appendf(err, "rename to %s: %s", path, strerror(errno));
        (void)path_unlink(files, temp);
        return false;
    }
    if (path_fsync_parent(files, path) < 0) {
        buf_appendf(err, "fsync of the folder: %s", strerror(errno));
        return false;
    }
    return true;
}
