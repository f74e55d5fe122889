/* Appending to the last increment.
 *
 *   payload: what units committed   --seal-->  out: one record   --write-->  file   --fsync-->  disk
 *
 * Everything that a turn committed is one record and one write. Between write and disk stands one fsync at a time, in
 * the background:
 *
 *   everysec  No write waits longer than a second for the end of its fsync, as far as the disk allows: the next one
 *             begins a second after the last, less the time that the last one took. While one is under way a write
 *             might stand still behind it: it is put off, but is in the file within a second.
 *   always    Replies are held until an fsync that began behind the write of their effects is over. What comes
 *             meanwhile gathers in the payload and goes with the next write: one fsync serves all of it. When an fsync
 *             is over, its clients are about to send again: the next one waits for them for a part of the time that an
 *             fsync takes, lest the clients fall into groups that wait for each other.
 *   no        The kernel writes back when it likes.
 *
 * A write that fails is cut off again, and tried again with what comes; writes of clients are refused meanwhile. With
 * `always` the server ends: a reply that was promised cannot be given. Nothing is ever counted as durable that an
 * fsync has not covered.
 *
 * Invariants: out holds a record from out_from to its end, of which out_at - out_from bytes are in the file; payload is
 * sealed only when out is empty; durable_log <= written_log; durable_size <= size. */
#include "persist/aof_impl.h"

#include "base/clock.h"
#include "base/mem.h"
#include "sys/background.h"
#include "sys/files.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
    SECOND_US = 1000 * 1000,
    POSTPONE_MAX_US = 900 * 1000, /* so that it is written within a second, when the turn is a long one */
    LOG_ERROR_EVERY_US = 30 * SECOND_US,
    TOOK_MAX_US = 500 * 1000, /* of an fsync that the next one begins earlier for */
    RETRY_US = 100 * 1000,
    GATHER_MIN_US = 50,
    GATHER_MAX_US = 2000,
    HEAD_ROOM = AOF_RECORD_HEAD_MAX + 32, /* of a record's head and the time */
    PAYLOAD_KEPT = 1024 * 1024 /* bytes of an empty buffer that are not given back */
};

/* Also for as long as replies wait that `always` promised to keep, when the policy has changed. */
static bool is_always(const struct aof *a)
{
    return *a->config.fsync == AOF_FSYNC_ALWAYS || a->durable_log < a->promised_log;
}

/* ---- what units commit ---- */

static size_t payload_len(const struct aof *a)
{
    return a->payload.len == 0 ? 0 : a->payload.len - HEAD_ROOM;
}

static void payload_begin(struct aof *a)
{
    if (a->payload.len > 0) return;
    buf_reserve(&a->payload, HEAD_ROOM);
    a->payload.len = HEAD_ROOM;
}

static void commit(void *arg, const struct effect_batch *batch)
{
    struct aof *a = arg;
    payload_begin(a);
    if (a->payload_units == 0) a->payload_s = batch->now_ms / 1000;
    buf_append_slice(&a->payload, batch->wire);
    a->payload_units++;
    a->payload_log_end = batch->offset + batch->wire.len;
}

void aof_note_offset(struct aof *a)
{
    if (!*a->config.checksum) return; /* a file of Redis's own form is wanted */
    payload_begin(a);
    buf_appendf(&a->payload, "#OFF:%llu\r\n", (unsigned long long)engine_log_offset(a->engine));
    a->payload_log_end = engine_log_offset(a->engine);
}

static size_t held_bytes(void *arg)
{
    const struct aof *a = arg;
    return a->payload.cap + a->out.cap;
}

void aof_append_on(struct aof *a)
{
    aof_append_off(a);
    a->sink = (struct effect_sink){.name = "aof", .arg = a, .commit = commit, .memory = held_bytes};
    engine_sink_add(a->engine, &a->sink);
    a->sink_added = true;
}

void aof_append_off(struct aof *a)
{
    if (a->sink_added) engine_sink_remove(a->engine, &a->sink);
    a->sink_added = false;
}

bool aof_everything_written(const struct aof *a)
{
    return payload_len(a) == 0 && a->out.len == 0;
}

size_t aof_buffer_bytes(const struct aof *a)
{
    return payload_len(a) + (a->out.len > 0 ? a->out.len - a->out_at : 0);
}

/* ---- failures ---- */

static void gate(struct aof *a)
{
    int err = a->write_error != 0 ? a->write_error : a->sync_error;
    snprintf(a->p->aof_error, sizeof(a->p->aof_error), "%s", err == 0 ? "" : strerror(err));
    persist_disk_gate(a->p);
}

void aof_die(struct aof *a)
{
    const struct persist_shell *shell = a->p->shell;
    a->dead = true;
    if (shell->die != NULL)
        shell->die(shell->arg);
    else
        exit(1);
}

void aof_errors_forget(struct aof *a)
{
    if (a->write_error != 0) log_warning(engine_log(a->engine), "AOF reopen, just ignore the last error.");
    if (a->sync_error != 0)
        log_warning(engine_log(a->engine), "AOF reopen, just ignore the AOF fsync error in bio job");
    a->write_error = a->sync_error = 0;
    gate(a);
}

/* ---- fsync ---- */

static void sync_do(struct aof_sync *s)
{
    uint64_t start = clock_mono_us();
    s->error = file_fdatasync(s->shell->files, s->fd) < 0 ? errno : 0;
    s->took_us = clock_mono_us() - start;
    atomic_store_explicit(&s->done, true, memory_order_release); /* s is the owner's again */
}

static void sync_run(void *arg)
{
    struct aof_sync *s = arg;
    const struct persist_shell *shell = s->shell;
    sync_do(s);
    if (shell->wake != NULL) shell->wake(shell->arg); /* for replies that wait, or a write that was put off */
}

static void synced(struct aof *a, uint64_t log_end, uint64_t size)
{
    a->durable_log = log_end;
    a->durable_size = size;
    if (a->sync_error == 0) return;
    a->sync_error = 0;
    log_notice(engine_log(a->engine), "AOF fsync error looks solved. A rewrite makes sure that nothing is missing.");
    a->rewrite_scheduled = true; /* what an fsync failed on may be lost, though a later one succeeds */
    gate(a);
}

static void sync_failed(struct aof *a, int err)
{
    struct logger *log = engine_log(a->engine);
    if (is_always(a)) {
        log_warning(log, "Can't persist AOF for fsync error when the AOF fsync policy is 'always': %s. Exiting...",
                    strerror(err));
        aof_die(a);
        return;
    }
    if (a->sync_error == 0) log_warning(log, "Fail to fsync the AOF file: %s", strerror(err));
    a->sync_error = err;
    gate(a);
}

/* After an fsync its clients come again, and are waited for; but not by one that is alone. Where an fsync takes next to
 * nothing (a file system in memory), it is not worth the look at the clock. */
static void gather_begin(struct aof *a)
{
    bool worth = is_always(a) && !engine_alone(a->engine) && a->sync.units > 1 && a->sync.took_us >= GATHER_MIN_US;
    uint64_t wait_us = a->sync.took_us / 2 < GATHER_MAX_US ? a->sync.took_us / 2 : GATHER_MAX_US;
    a->gather_units = a->sync.units + a->payload_units;
    a->gather_until_us = worth ? clock_mono_us() + wait_us : 0;
}

static void sync_take(struct aof *a)
{
    if (!a->syncing || !atomic_load_explicit(&a->sync.done, memory_order_acquire)) return;
    a->syncing = false;
    if (is_always(a)) engine_latency_event(a->engine, "aof-fsync-always", a->sync.took_us);
    if (a->sync.error != 0) {
        sync_failed(a, a->sync.error);
        return;
    }
    if (a->sync.generation == a->generation) synced(a, a->sync.log_end, a->sync.size);
    gather_begin(a);
}

static void sync_begin(struct aof *a)
{
    struct background *bg = a->p->shell->background;
    a->sync.shell = a->p->shell;
    a->sync.fd = a->fd;
    a->sync.generation = a->generation;
    a->sync.log_end = a->written_log;
    a->sync.size = a->size;
    a->sync.units = is_always(a) ? a->unsynced_units : 0;
    a->sync.error = 0;
    atomic_store_explicit(&a->sync.done, false, memory_order_relaxed);
    a->syncing = true;
    a->unsynced_units = 0;
    a->synced_us = engine_mono_us(a->engine);
    /* A client by itself would wait for two threads to wake each other besides. */
    if (bg == NULL || (is_always(a) && engine_alone(a->engine)))
        sync_do(&a->sync);
    else
        bg_submit(bg, BG_FSYNC, sync_run, &a->sync);
    sync_take(a);
}

/* everysec, or after an error: when the next fsync begins, that it may end within the second of what came right behind
 * the last. */
static uint64_t sync_due_us(const struct aof *a)
{
    return a->synced_us + SECOND_US - (a->sync.took_us < TOOK_MAX_US ? a->sync.took_us : TOOK_MAX_US);
}

/* Nothing is left for the disk to do. After an error something is, whatever was written since: only an fsync that
 * succeeds ends it. */
static bool is_synced(const struct aof *a)
{
    return a->durable_size >= a->size && a->sync_error == 0;
}

static void sync_if_due(struct aof *a)
{
    if (a->syncing || a->dead || is_synced(a)) return;
    bool due = is_always(a);
    if (!due && (*a->config.fsync == AOF_FSYNC_EVERYSEC || a->sync_error != 0)) {
        due = engine_mono_us(a->engine) >= sync_due_us(a);
        if (!due) engine_wake_at(a->engine, sync_due_us(a));
    }
    bool unwanted = !is_always(a) && *a->config.no_fsync_on_rewrite && child_kind(a->p->child) != CHILD_NONE;
    if (due && !unwanted) sync_begin(a);
}

/* Waits for what is under way, and sees to the rest here. */
static bool sync_now(struct aof *a)
{
    struct background *bg = a->p->shell->background;
    if (a->syncing && bg != NULL) bg_drain(bg, BG_FSYNC);
    sync_take(a);
    if (is_synced(a)) return true;
    if (file_fdatasync(aof_files(a), a->fd) < 0) {
        sync_failed(a, errno);
        return false;
    }
    synced(a, a->written_log, a->size);
    return true;
}

/* ---- writing ---- */

/* What a record says to be on disk already. With `no` nobody knows, and the kernel has half a minute: all of it, so
 * that a broken record is never taken for a torn one. */
static uint64_t durable_said(const struct aof *a)
{
    return *a->config.fsync == AOF_FSYNC_NO ? a->size : a->durable_size;
}

/* The time, once a second, and the head of a record. The time stands outside, where tools look for it that know nothing
 * of records. */
static size_t head_make(struct aof *a, char head[HEAD_ROOM], struct slice bytes)
{
    size_t n = 0;
    if (*a->config.timestamps && (a->payload_s > a->time_written_s || a->time_written_s == 0)) {
        if (a->payload_units == 0) a->payload_s = engine_now_ms(a->engine) / 1000;
        a->time_written_s = a->payload_s;
        n = (size_t)snprintf(head, HEAD_ROOM, "#TS:%llu\r\n", (unsigned long long)a->payload_s);
    }
    return *a->config.checksum ? n + (size_t)aof_record_head(head + n, bytes, durable_said(a)) : n;
}

/* The head stands right before the bytes, wherever that is in the room kept for it. */
static void seal(struct aof *a)
{
    char head[HEAD_ROOM];
    size_t head_len = head_make(a, head, slice_of(a->payload.data + HEAD_ROOM, payload_len(a)));
    struct buf spare = a->out;
    a->out = a->payload;
    a->payload = spare;
    a->out_from = a->out_at = HEAD_ROOM - head_len;
    memcpy(a->out.data + a->out_from, head, head_len);
    a->out_log_end = a->payload_log_end;
    a->out_units = a->payload_units;
    a->payload_units = 0;
    a->postponed_us = 0;
}

static void empty_out(struct aof *a)
{
    if (a->out.cap > PAYLOAD_KEPT) buf_deinit(&a->out);
    a->out.len = 0;
    a->written_log = a->out_log_end;
    a->unsynced_units += a->out_units;
}

/* The file is shorter now: an fsync, also one that is under way, tells nothing of what comes behind its new end. */
static void size_fell(struct aof *a, uint64_t size)
{
    a->size = size;
    if (a->durable_size > size) a->durable_size = size;
    if (a->sync.size > size) a->sync.size = size;
    if (a->ahead_size > size) a->ahead_size = size;
}

/* What went out of a record that did not go out whole is cut off, so that the file ends with a whole one. */
static bool cut_back(struct aof *a)
{
    bool told = a->cut_wanted;
    a->cut_wanted = file_truncate(aof_files(a), a->fd, a->size - (a->out_at - a->out_from)) != 0;
    if (!a->cut_wanted) {
        size_fell(a, a->size - (a->out_at - a->out_from));
        a->out_at = a->out_from;
        return true;
    }
    int err = errno;
    if (!told) /* it is tried again ten times a second */
        log_warning(engine_log(a->engine),
                    "Could not remove short write from the append-only file.  Redis may refuse to load the AOF the "
                    "next time it starts.  ftruncate: %s",
                    strerror(err));
    errno = err;
    return false;
}

static void write_failed(struct aof *a, int err, size_t written, size_t wanted)
{
    struct logger *log = engine_log(a->engine);
    uint64_t now = clock_mono_us();
    bool tell = a->logged_error_us == 0 || now - a->logged_error_us > LOG_ERROR_EVERY_US;
    if (tell) {
        a->logged_error_us = now;
        if (written == 0)
            log_warning(log, "Error writing to the AOF file: %s", strerror(err));
        else
            log_warning(log, "Short write while writing to the AOF file: (nwritten=%lld, expected=%lld)",
                        (long long)written, (long long)wanted);
    }
    a->failed_us = now;
    (void)cut_back(a); /* also when nothing was told to have gone out */
    a->write_error = err;
    gate(a);
    if (!is_always(a)) return;
    log_warning(log, "Can't recover from AOF write error when the AOF fsync policy is 'always'. Exiting...");
    aof_die(a);
}

static void tell_latency(struct aof *a, uint64_t us)
{
    const char *meanwhile = a->syncing                                 ? "aof-write-pending-fsync"
                            : child_kind(a->p->child) != CHILD_NONE ? "aof-write-active-child"
                                                                       : "aof-write-alone";
    engine_latency_event(a->engine, meanwhile, us);
    engine_latency_event(a->engine, "aof-write", us);
}

/* The file ends where we think it does, so that what is appended stands behind a whole record or the part of it that we
 * know of. */
static bool end_is_known(struct aof *a)
{
    struct file_info info;
    if (likely(!a->cut_wanted)) return true;
    if (file_info(aof_files(a), a->fd, &info) == 0 && info.size == a->size) a->cut_wanted = false;
    return !a->cut_wanted || cut_back(a);
}

static bool write_out(struct aof *a)
{
    size_t written = 0;
    bool watched = engine_latency_watched(a->engine), ok = end_is_known(a);
    size_t wanted = a->out.len - a->out_at;
    uint64_t start = watched ? clock_mono_us() : 0;
    ok = ok && file_write_all(aof_files(a), a->fd, a->out.data + a->out_at, wanted, &written);
    int err = errno;
    if (watched) tell_latency(a, clock_mono_us() - start);
    a->out_at += written;
    a->size += written;
    if (!ok) {
        write_failed(a, err, written, wanted);
        return false;
    }
    empty_out(a);
    if (a->write_error != 0) {
        log_warning(engine_log(a->engine), "AOF write error looks solved, Redis can write again.");
        a->write_error = 0;
        a->logged_error_us = 0;
        gate(a);
    }
    return true;
}

static void sleep_us(uint64_t us)
{
    struct timespec left = {(time_t)(us / SECOND_US), (long)(us % SECOND_US) * 1000};
    while (us > 0 && nanosleep(&left, &left) != 0 && errno == EINTR) continue;
}

/* everysec: a write is put off while an fsync runs, for a time. */
static bool put_off(struct aof *a)
{
    if (likely(!a->syncing)) return false;
    uint64_t now = engine_mono_us(a->engine);
    if (a->postponed_us == 0) a->postponed_us = now;
    if (now - a->postponed_us < POSTPONE_MAX_US) {
        engine_wake_at(a->engine, a->postponed_us + POSTPONE_MAX_US);
        return true;
    }
    a->delayed_fsyncs++;
    log_notice(engine_log(a->engine),
               "Asynchronous AOF fsync is taking too long (disk is busy?). Writing the AOF buffer without waiting for "
               "fsync to complete, this may slow down Redis.");
    return false;
}

/* always: whoever had a part in the last fsync is waited for a little. */
static bool gathers(struct aof *a)
{
    if (a->gather_until_us == 0) return false;
    if (a->payload_units < a->gather_units && clock_mono_us() < a->gather_until_us) {
        engine_wake_at(a->engine, a->gather_until_us);
        return true;
    }
    a->gather_until_us = 0;
    return false;
}

static bool may_write(struct aof *a)
{
    if (a->write_error != 0 && clock_mono_us() - a->failed_us < RETRY_US) return false;
    if (is_always(a)) return !a->syncing && !gathers(a);
    return *a->config.fsync != AOF_FSYNC_EVERYSEC || !put_off(a);
}

void aof_flush(struct aof *a, bool force)
{
    if (a->fd < 0 || a->dead || aof_everything_written(a) || (!force && !may_write(a))) return;
    if (a->flush_sleep_us > 0) sleep_us(a->flush_sleep_us);
    if (a->out.len > 0 && !write_out(a)) return;
    if (payload_len(a) == 0) return;
    seal(a);
    (void)write_out(a);
}

void aof_size_refresh(struct aof *a)
{
    struct file_info info;
    if (a->fd < 0 || file_info(aof_files(a), a->fd, &info) < 0 || info.size >= a->size) return;
    size_fell(a, info.size);
}

bool aof_flush_and_sync(struct aof *a)
{
    if (a->fd < 0) return true;
    aof_flush(a, true);
    return aof_everything_written(a) && sync_now(a);
}

bool aof_sync_ahead(struct aof *a)
{
    bool waits = *a->config.fsync == AOF_FSYNC_EVERYSEC && a->fd >= 0 && a->p->shell->background != NULL;
    if (!waits || a->sync_error != 0) return true; /* an error is told by who goes on */
    if (a->ahead_size == 0) a->ahead_size = a->size;
    if (a->durable_size >= a->ahead_size) {
        a->ahead_size = 0;
        return true;
    }
    if (!a->syncing) sync_begin(a);
    return false;
}

void aof_mark_durable(struct aof *a)
{
    char head[AOF_RECORD_HEAD_MAX];
    if (!*a->config.checksum || a->size == 0 || !aof_everything_written(a)) return;
    int n = aof_record_head(head, SLICE(""), a->size);
    size_t written = 0;
    if (file_write_all(aof_files(a), a->fd, head, (size_t)n, &written) && file_fdatasync(aof_files(a), a->fd) == 0)
        a->size += (size_t)n;
    else
        (void)!file_truncate(aof_files(a), a->fd, a->size); /* half of it would be cut off at the next start */
}

static void publish(struct aof *a)
{
    bool holds = a->dead || (is_always(a) && a->sink_added);
    if (*a->config.fsync == AOF_FSYNC_ALWAYS && a->sink_added) a->promised_log = engine_log_offset(a->engine);
    engine_set_durable(a->engine, holds ? a->durable_log : UINT64_MAX);
}

void aof_turn_end(struct aof *a)
{
    if (!a->started) return;
    sync_take(a);
    if (a->fd >= 0) {
        aof_flush(a, false);
        sync_if_due(a);
        if (atomic_load_explicit(&a->closed_error, memory_order_relaxed) != 0)
            sync_failed(a, atomic_exchange(&a->closed_error, 0));
    }
    publish(a);
}

/* ---- from one file to the next ---- */

struct closing {
    const struct files *files;
    struct aof *aof;
    int fd;
};

static void close_run(void *arg)
{
    struct closing *c = arg;
    if (file_fdatasync(c->files, c->fd) < 0) atomic_store(&c->aof->closed_error, errno);
    (void)file_close(c->files, c->fd);
    mem_free(c);
}

/* In line behind the fsync that may be under way. */
static void close_later(struct aof *a, int fd)
{
    struct background *bg = a->p->shell->background;
    struct closing *c = mem_alloc(sizeof(*c));
    *c = (struct closing){aof_files(a), a, fd};
    if (bg == NULL)
        close_run(c);
    else
        bg_submit(bg, BG_FSYNC, close_run, c);
}

void aof_file_close(struct aof *a)
{
    struct background *bg = a->p->shell->background;
    if (bg != NULL) bg_drain(bg, BG_FSYNC); /* an older file may still be closed there, which tells `a` of its errors */
    if (a->fd < 0) return;
    sync_take(a);
    (void)file_close(aof_files(a), a->fd);
    a->fd = -1;
    a->size = a->durable_size = 0;
    a->payload.len = a->out.len = 0;
    a->payload_units = a->unsynced_units = 0;
    a->cut_wanted = false;
}

void aof_file_switch(struct aof *a, int fd, uint64_t size)
{
    if (a->fd >= 0) {
        struct background *bg = a->p->shell->background;
        if (is_always(a) || bg == NULL) {
            (void)sync_now(a);
            (void)file_close(aof_files(a), a->fd);
        } else {
            close_later(a, a->fd);
        }
    }
    a->generation++;
    a->fd = fd;
    a->size = a->durable_size = size;
    a->written_log = engine_log_offset(a->engine);
    if (!a->dead) a->durable_log = a->written_log; /* else the file before may not be on disk */
    a->unsynced_units = 0;
    a->time_written_s = a->ahead_size = 0;
    a->synced_us = engine_mono_us(a->engine);
}
