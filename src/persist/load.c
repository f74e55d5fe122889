/* Loading an RDB file into the engine.
 *
 * At the start the sockets listen already: every so many bytes (loading-process-events-interval-bytes) the loop takes a
 * turn, in which the engine refuses whatever may not run yet. A file that is damaged ends the load; what was read of it
 * is not used, since nobody can tell what is missing. */
#include "persist/load.h"

#include "base/clock.h"
#include "engine/config.h"
#include "persist/persist_impl.h"
#include "persist/rdb_file.h"
#include "persist/rdb_format.h"
#include "sys/files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

enum { MEGABYTE = 1024 * 1024, STATUS_MAX = 160 };

/* ---- the state ---- */

void load_begin(struct persist *p, uint64_t total_bytes, bool serve)
{
    struct load *l = &p->load;
    l->active = true;
    l->serves = serve && p->shell != NULL && p->shell->serve != NULL;
    l->stopped = false;
    l->total_bytes = total_bytes;
    l->loaded_bytes = l->keys = l->writer_memory = l->delayed_keys = 0;
    l->start_ms = engine_now_ms(p->engine);
    progress_begin(&l->told, clock_mono_us());
    engine_set_loading(p->engine, true);
}

void load_end(struct persist *p)
{
    p->load.active = false;
    engine_set_loading(p->engine, false);
}

static void tell_log(struct persist *p)
{
    const struct load *l = &p->load;
    struct progress_text so_far;
    if (!progress_due(&p->load.told, clock_mono_us(), l->loaded_bytes, l->total_bytes, &so_far)) return;
    log_notice(engine_log(p->engine), "Loading: %.0f%% (%llu of %llu MB, %llu keys), about %.0f seconds left",
               so_far.percent, (unsigned long long)l->loaded_bytes / MEGABYTE,
               (unsigned long long)l->total_bytes / MEGABYTE, (unsigned long long)l->keys, so_far.seconds_left);
}

bool load_progress(struct persist *p, uint64_t bytes, uint64_t keys)
{
    struct load *l = &p->load;
    l->loaded_bytes = bytes;
    l->keys = keys;
    tell_log(p);
    if (l->serves && !p->shell->serve(p->shell->arg)) l->stopped = true;
    return !l->stopped;
}

/* ---- what the reader of the file asks for ---- */

struct rdb_source {
    struct persist *p;
    struct rdb_reader *reader;
    const struct rdb_loaded *so_far;
    ssize_t (*fill)(void *arg, void *ptr, size_t len); /* the reader's own */
    void *fill_arg;
    uint64_t before; /* bytes of files read before this one */
    uint64_t next;   /* offset at which it is time for a turn, inside of a value or not */
    bool announced;
};

static void announce(struct rdb_source *s, const struct rdb_loaded *file)
{
    struct logger *log = engine_log(s->p->engine);
    if (s->announced) return;
    s->announced = true;
    s->p->load.writer_memory = file->memory_used;
    if (file->version[0] != '\0') log_notice(log, "Loading RDB produced by version %s", file->version);
    if (file->ctime_s != 0)
        log_notice(log, "RDB age %lld seconds",
                   (long long)(engine_now_ms(s->p->engine) / 1000) - (long long)file->ctime_s);
    if (file->memory_used != 0)
        log_notice(log, "RDB memory usage when created %.2f Mb", (double)file->memory_used / MEGABYTE);
    if (file->aof_base) log_notice(log, "RDB is base AOF");
}

static bool progress(void *arg, uint64_t offset, const struct rdb_loaded *so_far)
{
    struct rdb_source *s = arg;
    announce(s, so_far);
    s->next = offset + (uint64_t)*s->p->config.load_step_bytes;
    return load_progress(s->p, s->before + offset, so_far->keys);
}

/* A value of gigabytes must not leave clients without an answer: the loop takes its turns while more of it is read,
 * too. The value is in no database yet, so nobody can meet it. */
static ssize_t fill_and_serve(void *arg, void *ptr, size_t len)
{
    struct rdb_source *s = arg;
    uint64_t offset = rdb_reader_offset(s->reader), step = (uint64_t)*s->p->config.load_step_bytes;
    if (offset >= s->next && !progress(s, offset, s->so_far)) {
        errno = ECANCELED;
        return -1;
    }
    return s->fill(s->fill_arg, ptr, len < step ? len : step);
}

/* key-load-delay, for tests: microseconds for each key; below zero: one for each so many keys. */
static void key_read(void *arg)
{
    struct persist *p = ((struct rdb_source *)arg)->p;
    int64_t us = *p->config.key_load_delay;
    if (us == 0 || (us < 0 && ++p->load.delayed_keys % (uint64_t)-us != 0)) return;
    if (us < 0) us = 1;
    struct timespec left = {(time_t)(us / 1000000), (long)(us % 1000000) * 1000};
    while (nanosleep(&left, &left) != 0 && errno == EINTR) continue;
}

static void skipped(void *arg, struct slice key)
{
    log_notice(engine_log(((struct rdb_source *)arg)->p->engine), "rdbLoadObject skipping empty key: %.*s",
               (int)key.len, key.ptr);
}

static uint32_t clock_of(void *arg, enum rdb_clocks kind, uint64_t value)
{
    const struct engine *e = ((struct rdb_source *)arg)->p->engine;
    return kind == RDB_CLOCKS_IDLE ? engine_clock_of_idle(e, value) : engine_clock_of_frequency(e, (uint8_t)value);
}

static uint32_t clock_new(void *arg)
{
    return engine_clock_new(((struct rdb_source *)arg)->p->engine);
}

/* ---- a file ---- */

/* Whose value is damaged: what has to be saved from the file by hand stands before it. */
static void tell_key(struct logger *log, struct rdb_reader *r, const struct rdb_loaded *out)
{
    enum { KEY_SHOWN_MAX = 128 };
    struct buf key = BUF_INIT;
    struct slice name = buf_slice(&out->key);
    if (out->doing != RDB_DOING_VALUE) return;
    if (name.len > KEY_SHOWN_MAX) name.len = KEY_SHOWN_MAX;
    buf_append_repr(&key, name);
    log_warning(log, "[offset %llu] %s Reading key %s, type %d, behind %llu keys", (unsigned long long)r->error_at,
                buf_cstr(&r->error), buf_cstr(&key), out->type, (unsigned long long)out->keys);
    buf_deinit(&key);
}

static void tell_failure(struct persist *p, struct rdb_reader *r, const char *name, const struct rdb_loaded *out)
{
    struct logger *log = engine_log(p->engine);
    if (r->at_end) log_warning(log, "Short read or OOM loading DB. Unrecoverable error, aborting now.");
    log_warning(log, "Internal error in RDB reading offset %llu of %s -> %s", (unsigned long long)r->error_at, name,
                buf_cstr(&r->error));
    tell_key(log, r, out);
    log_warning(log, "Terminating server after rdb file reading failure.");
}

static void tell_success(struct persist *p, const struct rdb_loaded *out)
{
    char empty[STATUS_MAX] = "";
    if (out->empty > 0)
        snprintf(empty, sizeof(empty), ", empty keys skipped: %llu", (unsigned long long)out->empty);
    log_notice(engine_log(p->engine), "Done loading RDB, keys loaded: %llu, keys expired: %llu%s.",
               (unsigned long long)out->keys, (unsigned long long)out->expired, empty);
}

/* A module that is needed shows in its values, which are refused. What it wrote beside them says how it was set up. */
static void tell_module(struct persist *p, const struct rdb_loaded *out)
{
    if (out->module[0] != '\0')
        log_warning(engine_log(p->engine), "The file has data of the module '%s' beside its keys. There are no modules "
                                           "here: the data is skipped, and the next file that is saved lacks it.",
                    out->module);
}

/* There is nobody to run them yet; they must not be lost by that. */
static void keep_functions(struct persist *p, unsigned flags, const struct rdb_loaded *out)
{
    if (out->functions.len == 0 && (flags & LOAD_MERGE)) return;
    buf_clear(&p->functions);
    buf_append_slice(&p->functions, buf_slice(&out->functions));
    if (out->functions.len > 0)
        log_warning(engine_log(p->engine), "The file has libraries of functions: they are kept and saved again, but "
                                           "this version cannot run them.");
}

bool load_rdb(struct persist *p, struct rdb_reader *r, const char *name, unsigned flags, struct rdb_loaded *out)
{
    struct engine *e = p->engine;
    struct rdb_source s = {.p = p,
                           .reader = r,
                           .so_far = out,
                           .fill = r->fill,
                           .fill_arg = r->arg,
                           .before = p->load.loaded_bytes,
                           .next = (uint64_t)*p->config.load_step_bytes};
    const struct rdb_load_file load = {
        .value = {.limits = engine_limits(e),
                  .now_ms = engine_now_ms(e),
                  .keep_due_fields = (flags & LOAD_KEEP_EXPIRED) != 0},
        .keep_expired = (flags & LOAD_KEEP_EXPIRED) != 0,
        .allow_duplicates = (flags & LOAD_MERGE) != 0,
        .clocks = engine_policy_is_lru(e) ? RDB_CLOCKS_IDLE
                  : engine_policy_is_lfu(e) ? RDB_CLOCKS_FREQUENCY
                                            : RDB_CLOCKS_NONE,
        .clock_of = clock_of,
        .clock_new = clock_new,
        .relaxed = *p->config.relaxed_version != 0,
        .progress = progress,
        .progress_bytes = (uint64_t)*p->config.load_step_bytes,
        .key_read = *p->config.key_load_delay != 0 ? key_read : NULL,
        .skipped = skipped,
        .arg = &s,
    };
    r->checksum = *p->config.checksum != 0 && !p->skip_checksum;
    r->fill = fill_and_serve;
    r->arg = &s;
    bool ok = rdb_load_store(r, engine_store(e), &load, out);
    r->fill = s.fill;
    r->arg = s.fill_arg;
    announce(&s, out);
    p->load.last_loaded = out->keys;
    p->load.last_expired = out->expired;
    p->load.loaded_bytes = s.before + rdb_reader_offset(r);
    if (ok) {
        keep_functions(p, flags, out);
        tell_module(p, out);
        tell_success(p, out);
    } else if (!p->load.stopped) {
        tell_failure(p, r, name, out);
    }
    return ok;
}

/* ---- the configured file ---- */

struct file_source {
    const struct files *files;
    int fd;
    uint64_t size;
};

static ssize_t fill(void *arg, void *ptr, size_t len)
{
    struct file_source *f = arg;
    return file_read(f->files, f->fd, ptr, len);
}

/* Redis leaves it alone, too; but it is worth a word. */
static void tell_rest(struct persist *p, const struct rdb_reader *r)
{
    uint64_t end = rdb_reader_offset(r);
    if (end < p->load.total_bytes)
        log_warning(engine_log(p->engine), "%llu bytes follow the end of the RDB file at offset %llu: not used.",
                    (unsigned long long)(p->load.total_bytes - end), (unsigned long long)end);
}

static enum load_result load_open_file(struct persist *p, struct file_source *f, const char *name, unsigned flags)
{
    struct rdb_reader r;
    struct rdb_loaded out;
    rdb_reader_init(&r, fill, f);
    r.size = f->size;
    bool ok = load_rdb(p, &r, name, flags, &out);
    if (ok) tell_rest(p, &r);
    rdb_loaded_deinit(&out);
    rdb_reader_deinit(&r);
    return ok ? LOAD_OK : p->load.stopped ? LOAD_STOPPED : LOAD_FAILED;
}

enum load_result load_rdb_file(struct persist *p, unsigned flags, bool serve)
{
    struct logger *log = engine_log(p->engine);
    const char *name = *p->config.file;
    struct file_source f = {.files = p->shell->files};
    struct file_info info;
    f.fd = file_open(f.files, name, O_RDONLY, 0);
    if (f.fd < 0 && errno == ENOENT) return LOAD_NO_FILE;
    if (f.fd < 0 || file_info(f.files, f.fd, &info) < 0) {
        log_warning(log, "Fatal error: can't open the RDB file %s for reading: %s", name, strerror(errno));
        if (f.fd >= 0) (void)file_close(f.files, f.fd);
        return LOAD_FAILED;
    }
    f.size = info.size;
    load_begin(p, info.size, serve);
    enum load_result result = load_open_file(p, &f, name, flags);
    load_end(p);
    (void)file_close(f.files, f.fd);
    return result;
}
