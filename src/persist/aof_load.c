/* Loading an append-only file: the base, then the increments, as commands of an internal session.
 *
 *   window  [ commands that are parsed ... | what was read ahead ]
 *            |-- batch: run together, with their keys fetched ahead --|
 *
 * Bytes within a record (aof_record.h) are checked before anything of them runs. What stands outside of records is
 * Redis's, and is taken as Redis takes it.
 *
 * A file may end in the middle: of a command, a record, a transaction. If it is the last one and aof-load-truncated
 * says so, it is cut at the end of the last whole unit. A broken record is the same case when no later one tells that
 * it was on disk: then the power failed before an fsync, and nobody was promised what it holds. Everything else is
 * damage, and ends the load with its place. */
#include "persist/aof_impl.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/num.h"
#include "engine/command_lookup.h"
#include "persist/rdb_file.h"
#include "persist/rdb_format.h"
#include "sys/files.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>

enum { BATCH = 64, READ_STEP = 256 * 1024, ANNOTATIONS_TOLD_MAX = 10, MAGIC_SIZE = 5 };

enum part_result { PART_OK, PART_EMPTY, PART_TRUNCATED, PART_FAILED, PART_STOPPED };

struct part {
    struct aof *aof;
    struct logger *log;
    const char *name;
    bool is_last;
    int fd;
    uint64_t file_size;
    struct buf window;
    size_t at;         /* within the window: what comes next */
    uint64_t base;     /* offset of the window's start in the file */
    bool at_end;       /* the file was read to its end */
    uint64_t record_end; /* offset behind the record that is being taken; 0: outside of records */
    uint64_t good;     /* offset behind the last whole unit */
    uint64_t next_progress, progress_before, keys_seen;
    bool has_offset;
    uint64_t log_offset; /* of the log, behind what was taken */
    uint64_t good_log_offset; /* of the log, at `good` */
    bool has_records;
    int annotations_told;
    uint64_t failed;     /* commands that replied an error */
    struct session *session;
    struct reply reply;
    struct aof_args args;
    int count;
    struct {
        struct submission sub;
        int first_arg; /* in args, whose memory may move while a batch is gathered */
        uint64_t end, log_end; /* offsets behind it: in the file, in the log */
    } batch[BATCH];
};

static uint64_t offset(const struct part *l)
{
    return l->base + l->at;
}

/* Everything in front of here is whole. */
static void note_good(struct part *l, uint64_t at, uint64_t log_offset)
{
    l->good = at;
    l->good_log_offset = log_offset;
}

static struct slice ahead(const struct part *l)
{
    struct slice rest = slice_of(l->window.data + l->at, l->window.len - l->at);
    if (l->record_end != 0 && rest.len > l->record_end - offset(l)) rest.len = (size_t)(l->record_end - offset(l));
    return rest;
}

/* ---- input ---- */

/* Reads on, until `wanted` bytes are ahead or the file ends. No command may refer to the window. False: errno. */
static bool window_fill(struct part *l, uint64_t wanted)
{
    buf_consume(&l->window, l->at);
    l->base += l->at;
    l->at = 0;
    while (!l->at_end && l->window.len < wanted) {
        uint64_t left = l->file_size - (l->base + l->window.len), step = wanted - l->window.len;
        if (step < READ_STEP) step = READ_STEP;
        if (step > left) step = left + 1; /* one more: the file may have grown */
        buf_reserve(&l->window, (size_t)step);
        ssize_t n = file_read(aof_files(l->aof), l->fd, l->window.data + l->window.len, (size_t)step);
        if (n < 0) return false;
        l->at_end = n == 0;
        l->window.len += (size_t)n;
        if (l->base + l->window.len > l->file_size) l->file_size = l->base + l->window.len;
    }
    return true;
}

/* ---- failures ---- */

static enum part_result bad_format(struct part *l, uint64_t at, const char *what)
{
    log_warning(l->log, "AOF %s: %s at offset %" PRIu64, l->name, what, at);
    log_warning(l->log,
                "Bad file format reading the append only file %s: make a backup of your AOF file, then use "
                "./redis-check-aof --fix <filename.manifest>",
                l->name);
    return PART_FAILED;
}

static enum part_result read_failed(struct part *l)
{
    log_warning(l->log, "Unrecoverable error reading the append only file %s: %s", l->name, strerror(errno));
    return PART_FAILED;
}

static bool cut(struct part *l)
{
    struct buf path = BUF_INIT;
    aof_path(l->aof, l->name, &path);
    int fd = file_open(aof_files(l->aof), buf_cstr(&path), O_WRONLY, 0);
    bool ok = fd >= 0 && file_truncate(aof_files(l->aof), fd, l->good) == 0 && file_fsync(aof_files(l->aof), fd) == 0;
    if (!ok) log_warning(l->log, "Error truncating the AOF file %s: %s", l->name, strerror(errno));
    if (fd >= 0) (void)file_close(aof_files(l->aof), fd);
    buf_deinit(&path);
    return ok;
}

/* The file ends too early: everything behind `good` goes, where that is allowed. */
static enum part_result truncated(struct part *l)
{
    if (session_in_multi(l->session))
        log_warning(l->log, "Revert incomplete MULTI/EXEC transaction in AOF file %s", l->name);
    if (*l->aof->config.load_truncated && l->is_last) {
        log_warning(l->log, "!!! Warning: short read while loading the AOF file %s!!!", l->name);
        log_warning(l->log, "AOF %s loaded anyway because aof-load-truncated is enabled", l->name);
        log_warning(l->log, "!!! Truncating the AOF %s at offset %" PRIu64 " !!!", l->name, l->good);
        if (cut(l)) return PART_TRUNCATED;
    }
    log_warning(l->log, "AOF %s: the last whole unit ends at offset %" PRIu64 " of %" PRIu64, l->name, l->good,
                l->file_size);
    if (*l->aof->config.load_truncated && !l->is_last) return PART_TRUNCATED;
    log_warning(l->log,
                "Unexpected end of file reading the append only file %s. You can: 1) Make a backup of your AOF file, "
                "then use ./redis-check-aof --fix <filename.manifest>. 2) Alternatively you can set the "
                "'aof-load-truncated' configuration option to yes and restart the server.",
                l->name);
    return PART_FAILED;
}

enum { SCAN_STEP = 256 * 1024 };

/* Goes on to the next place where a head may begin, with all of the head in the window; false: there is none. */
static bool head_find(struct part *l, bool *ok)
{
    static const char word[] = "#CRC:";
    enum { WORD = sizeof(word) - 1 };
    for (;;) {
        if (l->window.len - l->at < SCAN_STEP && !(*ok = window_fill(l, SCAN_STEP))) return false;
        struct slice in = slice_of(l->window.data + l->at, l->window.len - l->at);
        const char *found = in.len == 0 ? NULL : memmem(in.ptr, in.len, word, WORD);
        if (found != NULL) {
            l->at += (size_t)(found - in.ptr);
            if (l->window.len - l->at < AOF_RECORD_HEAD_MAX) *ok = window_fill(l, AOF_RECORD_HEAD_MAX);
            return *ok;
        }
        if (l->at_end) return false;
        l->at += in.len - (WORD - 1); /* it may begin in what is left */
    }
}

/* A whole record that begins here, and says that more than `broken` bytes of the file were on disk. */
static bool record_tells(struct part *l, uint64_t broken, bool *ok)
{
    struct aof_record record;
    uint64_t number;
    const char *at = l->window.data + l->at;
    size_t room = l->window.len - l->at;
    const char *line_end = memchr(at, '\r', room < AOF_RECORD_HEAD_MAX ? room : AOF_RECORD_HEAD_MAX);
    if (line_end == NULL || aof_line_parse(slice_of(at, (size_t)(line_end - at)), &record, &number) != AOF_LINE_RECORD)
        return false;
    uint64_t head = (uint64_t)(line_end - at) + 2, left = l->file_size - offset(l);
    if (record.durable <= broken || head > left || record.len > left - head) return false;
    if (room < head + record.len && !(*ok = window_fill(l, head + record.len))) return false;
    at = l->window.data + l->at;
    return l->window.len - l->at >= head + record.len &&
           aof_record_matches(&record, slice_of(at + head, (size_t)record.len));
}

/* Whether a record further on tells that what stands at offset `broken` was on disk. Reads the rest of the file, a
 * piece at a time. Who cannot read it must not cut it off. */
static bool was_durable(struct part *l, uint64_t broken)
{
    bool ok = true;
    l->record_end = 0;
    while (head_find(l, &ok)) {
        if (record_tells(l, broken, &ok)) return true;
        if (!ok) break;
        l->at++;
    }
    return !ok;
}

/* A record that is not what it says. Nothing of it was run. */
static enum part_result broken(struct part *l, uint64_t at, const char *what)
{
    uint64_t tail = l->file_size > at ? l->file_size - at : 0;
    if (!l->is_last) return bad_format(l, at, what);
    bool small = tail <= (uint64_t)*l->aof->config.corrupt_tail_max;
    if (!small && was_durable(l, at)) return bad_format(l, at, what);
    log_warning(l->log, "AOF %s: %s at offset %" PRIu64 ", in a part that no fsync had covered", l->name, what, at);
    return truncated(l);
}

/* ---- commands ---- */

static enum part_result unknown(struct part *l, const struct request *request, uint64_t end)
{
    log_warning(l->log, "Unknown command '%.*s' reading the append only file %s (command ends at offset %" PRIu64 ")",
                (int)(request->argv[0].len < 128 ? request->argv[0].len : 128), request->argv[0].ptr, l->name, end);
    return PART_FAILED;
}

/* Nothing that changes data is the administrator's: whoever put DEBUG or SHUTDOWN into the file means no good. */
static enum part_result not_for_logs(struct part *l, const struct submission *sub, uint64_t end)
{
    log_warning(l->log, "Command '%.*s' has no place in the append only file %s (it ends at offset %" PRIu64 ")",
                (int)sub->entry->full_name.len, sub->entry->full_name.ptr, l->name, end);
    return PART_FAILED;
}

static bool is_for_logs(const struct command *cmd)
{
    return (cmd->flags & CMD_WRITE) != 0 || (cmd->flags & (CMD_ADMIN | CMD_PROTECTED)) == 0;
}

/* What follows a SELECT that fails would go into another database. */
static bool selects_in_vain(struct part *l, const struct request *request, uint64_t end)
{
    int64_t db;
    int databases = store_databases(engine_store(l->aof->engine));
    if (request->argc != 2 || !slice_is(request->argv[0], "select")) return false;
    if (slice_to_i64(request->argv[1], &db) == ST_OK && db >= 0 && db < databases) return false;
    int shown = (int)(request->argv[1].len < 32 ? request->argv[1].len : 32);
    log_warning(l->log, "A SELECT that ends at offset %" PRIu64 " of the AOF file %s names database '%.*s'", end,
                l->name, shown, request->argv[1].ptr);
    log_warning(l->log, "The directive databases says that there are only %d.", databases);
    return true;
}

static void resolve(struct part *l)
{
    struct submission subs[BATCH];
    for (int i = 0; i < l->count; i++) {
        l->batch[i].sub.request.argv = l->args.argv + l->batch[i].first_arg;
        subs[i] = l->batch[i].sub;
    }
    engine_prepare(l->aof->engine, subs, l->count);
    engine_prefetch(l->aof->engine, subs, l->count);
    for (int i = 0; i < l->count; i++) {
        /* a command that was renamed stands in the file under its own name */
        if (subs[i].entry == NULL || subs[i].entry->name.len == 0)
            subs[i].entry =
                command_index_find_declared(engine_commands(l->aof->engine), subs[i].request.argv[0]);
        l->batch[i].sub = subs[i];
    }
}

static enum part_result batch_run(struct part *l)
{
    struct engine *e = l->aof->engine;
    enum part_result result = PART_OK;
    if (l->count == 0) return PART_OK;
    engine_batch_begin(e);
    resolve(l);
    for (int i = 0; i < l->count && result == PART_OK; i++) {
        uint64_t errors = engine_stats(e)->error_replies;
        if (l->batch[i].sub.entry == NULL) {
            result = unknown(l, &l->batch[i].sub.request, l->batch[i].end);
            break;
        }
        if (!is_for_logs(l->batch[i].sub.entry->command)) {
            result = not_for_logs(l, &l->batch[i].sub, l->batch[i].end);
            break;
        }
        if (selects_in_vain(l, &l->batch[i].sub.request, l->batch[i].end)) {
            result = PART_FAILED;
            break;
        }
        (void)engine_run(e, &l->batch[i].sub);
        if (unlikely(engine_stats(e)->error_replies != errors) && l->failed++ == 0)
            log_warning(l->log, "A command that ends at offset %" PRIu64 " of the append only file %s failed",
                        l->batch[i].end, l->name);
        if (!session_in_multi(l->session)) note_good(l, l->batch[i].end, l->batch[i].log_end);
    }
    l->count = 0;
    l->args.count = 0;
    return result;
}

static bool report(struct part *l)
{
    struct persist *p = l->aof->p;
    if (offset(l) < l->next_progress) return true;
    l->next_progress = offset(l) + (uint64_t)*p->config.load_step_bytes;
    const struct store *store = engine_store(p->engine);
    uint64_t keys = 0;
    for (int db = 0; db < store_databases(store); db++) keys += store_len(store, db);
    return load_progress(p, l->progress_before + offset(l), keys);
}

/* Runs what is gathered, then reads on for at least `missing` bytes more. */
static enum part_result more(struct part *l, uint64_t missing)
{
    enum part_result result = batch_run(l);
    if (result != PART_OK) return result;
    if (!report(l)) return PART_STOPPED;
    uint64_t have = l->window.len - l->at;
    if (l->at_end) return truncated(l);
    if (!window_fill(l, have + (missing == 0 ? 1 : missing))) return read_failed(l);
    return l->window.len == have ? truncated(l) : PART_OK;
}

static enum part_result take_command(struct part *l)
{
    uint64_t used, missing;
    int argc, first = l->args.count;
    enum aof_take take = aof_command_take(ahead(l), &l->args, &argc, &used, &missing);
    if (take == AOF_TAKE_MORE && l->record_end != 0)
        return bad_format(l, offset(l), "a command that goes beyond its record");
    if (take == AOF_TAKE_MORE) return more(l, missing);
    if (take == AOF_TAKE_BAD) {
        uint64_t start = offset(l), at = start + used;
        enum part_result result = batch_run(l); /* for the place where the last whole unit ends */
        if (result != PART_OK) return result;
        /* where sectors reached the disk out of order, there are zeros before later bytes */
        if (l->record_end == 0 && (l->has_records || *ahead(l).ptr == '\0'))
            return broken(l, start, "bytes that are no command");
        uint64_t tail = l->file_size - l->good;
        if (l->is_last && tail <= (uint64_t)*l->aof->config.corrupt_tail_max && *l->aof->config.load_truncated)
            return truncated(l);
        return bad_format(l, at, "bytes that are no command");
    }
    l->at += used;
    l->log_offset += used;
    l->batch[l->count].first_arg = first;
    l->batch[l->count].sub = (struct submission){.session = l->session, .request = {.argc = argc, .wire_bytes = used}};
    l->batch[l->count].end = offset(l);
    l->batch[l->count].log_end = l->log_offset;
    return ++l->count == BATCH ? batch_run(l) : PART_OK;
}

/* ---- annotations ---- */

/* A record that does not hold what it says: Redis may have cut it, and gone on behind. */
static enum part_result bad_record(struct part *l, uint64_t head_at, const struct aof_record *record, const char *what)
{
    uint64_t left = l->file_size - offset(l), wanted = record->len < left ? record->len : left;
    if (!window_fill(l, wanted + AOF_RECORD_LOOK_BEHIND)) return read_failed(l);
    bool whole_end = l->at_end && l->is_last && *l->aof->config.load_truncated;
    if (!aof_record_was_shortened(record, ahead(l), whole_end)) return broken(l, head_at, what);
    log_warning(l->log,
                "AOF %s: the record at offset %" PRIu64 " was shortened, and whole commands follow: they are taken as "
                "Redis takes them, without a checksum",
                l->name, head_at);
    return PART_OK;
}

/* The bytes behind a head are read and checked before anything of them runs. */
static enum part_result enter_record(struct part *l, uint64_t head_at, const struct aof_record *record)
{
    enum part_result result = batch_run(l);
    if (result != PART_OK) return result;
    uint64_t left = l->file_size > offset(l) ? l->file_size - offset(l) : 0;
    if (record->len > left) return bad_record(l, head_at, record, "a record that is not whole");
    if (l->window.len - l->at < record->len && !window_fill(l, record->len)) return read_failed(l);
    if (l->window.len - l->at < record->len) return bad_record(l, head_at, record, "a record that is not whole");
    if (!aof_record_matches(record, slice_of(l->window.data + l->at, (size_t)record->len)))
        return bad_record(l, head_at, record, "a record with a wrong checksum");
    l->has_records = true;
    l->record_end = record->len == 0 ? 0 : offset(l) + record->len;
    return report(l) ? PART_OK : PART_STOPPED;
}

static void tell_unknown(struct part *l, uint64_t at, struct slice line)
{
    if (l->annotations_told++ < ANNOTATIONS_TOLD_MAX)
        log_warning(l->log, "Unknown annotation '%.*s' at offset %" PRIu64 " of the append only file %s",
                    (int)(line.len < 32 ? line.len : 32), line.ptr, at, l->name);
}

static enum part_result take_annotation(struct part *l)
{
    struct slice in = ahead(l);
    struct aof_record record;
    uint64_t number, at = offset(l);
    const char *end = memchr(in.ptr, '\n', in.len < AOF_ANNOTATION_LINE_MAX ? in.len : AOF_ANNOTATION_LINE_MAX);
    if (end == NULL && (in.len >= AOF_ANNOTATION_LINE_MAX || l->record_end != 0)) {
        static const char what[] = "an annotation line without an end";
        enum part_result result = batch_run(l);
        if (result != PART_OK) return result;
        return l->record_end == 0 && l->has_records ? broken(l, at, what) : bad_format(l, at, what);
    }
    if (end == NULL) return more(l, 0);
    size_t len = (size_t)(end - in.ptr);
    bool whole = len > 0 && in.ptr[len - 1] == '\r';
    struct slice line = slice_of(in.ptr, whole ? len - 1 : len);
    enum aof_line kind = aof_line_parse(line, &record, &number);
    if (kind == AOF_LINE_RECORD && (!whole || l->record_end != 0)) kind = AOF_LINE_BAD;
    if (kind == AOF_LINE_BAD) {
        enum part_result result = batch_run(l);
        return result != PART_OK ? result : broken(l, at, "a broken annotation line");
    }
    if (kind == AOF_LINE_OTHER) tell_unknown(l, at, line);
    l->at += len + 1;
    if (kind == AOF_LINE_OFFSET) {
        l->has_offset = true;
        l->log_offset = number;
    }
    return kind == AOF_LINE_RECORD ? enter_record(l, at, &record) : PART_OK;
}

/* ---- one part ---- */

static enum part_result take_all(struct part *l)
{
    enum part_result result = PART_OK;
    while (result == PART_OK) {
        if (l->record_end != 0 && offset(l) == l->record_end) {
            l->record_end = 0;
            result = batch_run(l);
            if (!session_in_multi(l->session)) note_good(l, offset(l), l->log_offset);
            continue;
        }
        struct slice in = ahead(l);
        if (in.len == 0) {
            result = batch_run(l);
            if (result == PART_OK && !window_fill(l, 1)) result = read_failed(l);
            if (result != PART_OK || l->window.len > l->at) continue;
            return session_in_multi(l->session) ? truncated(l) : PART_OK;
        }
        result = in.ptr[0] == '#' ? take_annotation(l) : take_command(l);
    }
    return result;
}

static ssize_t rdb_fill(void *arg, void *ptr, size_t len)
{
    struct part *l = arg;
    return file_read(aof_files(l->aof), l->fd, ptr, len);
}

/* A base, or what stands in front of commands in a file of before there were parts. *end: where it ended. */
static enum part_result take_rdb(struct part *l, uint64_t *end)
{
    struct rdb_reader r;
    struct rdb_loaded loaded;
    bool is_base = l->aof->manifest.base.name != NULL && strcmp(l->name, l->aof->manifest.base.name) == 0 &&
                   strcmp(l->name, *l->aof->config.file) != 0;
    if (is_base)
        log_notice(l->log, "Reading RDB base file on AOF loading...");
    else
        log_notice(l->log, "Reading RDB preamble from AOF file...");
    rdb_reader_init(&r, rdb_fill, l);
    r.size = l->file_size;
    bool ok = load_rdb(l->aof->p, &r, l->name, LOAD_KEEP_EXPIRED, &loaded);
    *end = rdb_reader_offset(&r);
    if (ok && loaded.repl_offset >= 0) l->log_offset = (uint64_t)loaded.repl_offset;
    rdb_loaded_deinit(&loaded);
    rdb_reader_deinit(&r);
    if (l->aof->p->load.stopped) return PART_STOPPED;
    if (!ok && is_base)
        log_warning(l->log, "Error reading the RDB base file %s, AOF loading aborted", l->name);
    else if (!ok)
        log_warning(l->log, "Error reading the RDB preamble of the AOF file %s, AOF loading aborted", l->name);
    else if (*end < l->file_size)
        log_notice(l->log, "Reading the remaining AOF tail...");
    return ok ? PART_OK : PART_FAILED;
}

/* From this offset on, whatever was read before: the reader of RDB reads ahead. */
static bool read_anew(struct part *l, uint64_t at)
{
    struct buf path = BUF_INIT;
    (void)file_close(aof_files(l->aof), l->fd);
    aof_path(l->aof, l->name, &path);
    l->fd = file_open(aof_files(l->aof), buf_cstr(&path), O_RDONLY, 0);
    buf_deinit(&path);
    buf_clear(&l->window);
    l->base = l->at = 0;
    l->at_end = false;
    note_good(l, at, l->log_offset);
    if (l->fd < 0) return false;
    while (offset(l) < at) {
        if (l->at == l->window.len && (!window_fill(l, 1) || l->window.len == 0)) return false;
        uint64_t left = at - offset(l), have = l->window.len - l->at;
        l->at += have < left ? have : left;
    }
    return true;
}

static enum part_result take_content(struct part *l)
{
    uint64_t end = 0;
    if (!window_fill(l, MAGIC_SIZE)) return read_failed(l);
    bool rdb = l->window.len >= MAGIC_SIZE &&
               (memcmp(l->window.data, "REDIS", MAGIC_SIZE) == 0 || memcmp(l->window.data, "VALKE", MAGIC_SIZE) == 0);
    if (!rdb) return take_all(l);
    if (!read_anew(l, 0)) return read_failed(l);
    enum part_result result = take_rdb(l, &end);
    if (result != PART_OK) return result;
    return read_anew(l, end) ? take_all(l) : read_failed(l);
}

static bool part_open(struct part *l)
{
    struct buf path = BUF_INIT;
    aof_path(l->aof, l->name, &path);
    struct file_info info = {0};
    l->fd = file_open(aof_files(l->aof), buf_cstr(&path), O_RDONLY, 0);
    bool ok = l->fd >= 0 && file_info(aof_files(l->aof), l->fd, &info) == 0;
    if (!ok)
        log_warning(l->log, "Fatal error: can't open the append log file %s for reading: %s", l->name,
                    strerror(errno));
    l->file_size = info.size;
    buf_deinit(&path);
    return ok;
}

static void part_close(struct part *l)
{
    if (l->fd >= 0) (void)file_close(aof_files(l->aof), l->fd);
    if (l->session != NULL) {
        session_close(l->session);
        reply_deinit(&l->reply);
    }
    buf_deinit(&l->window);
    mem_free(l->args.argv);
}

/* before: bytes of the parts in front of it. */
static enum part_result part_load(struct aof *a, const char *name, bool is_last, uint64_t *before, uint64_t *log_offset)
{
    struct part *l = mem_zalloc(sizeof(*l));
    *l = (struct part){.aof = a, .log = engine_log(a->engine), .name = name, .is_last = is_last, .fd = -1,
                       .progress_before = *before, .log_offset = *log_offset, .good_log_offset = *log_offset};
    enum part_result result = PART_FAILED;
    if (part_open(l)) {
        reply_init(&l->reply, NULL);
        l->reply.muted = true;
        l->session = session_open(a->engine, NULL, NULL, &l->reply, SESSION_INTERNAL);
        result = l->file_size == 0 ? PART_EMPTY : take_content(l);
        *before += l->file_size;
        /* what was cut off is not in the log */
        *log_offset = result == PART_TRUNCATED ? l->good_log_offset : l->log_offset;
        a->p->load.loaded_bytes = *before;
        if (l->failed > 0)
            log_warning(l->log, "%" PRIu64 " commands of the append only file %s failed", l->failed, name);
    }
    part_close(l);
    mem_free(l);
    return result;
}

/* ---- all parts ---- */

/* False: one of them is missing. */
static bool parts_size(const struct aof *a, uint64_t *sum)
{
    const struct aof_manifest *m = &a->manifest;
    uint64_t size = 0;
    *sum = 0;
    if (m->base.name != NULL && !aof_part_size(a, m->base.name, sum)) return false;
    for (size_t i = 0; i < m->increment_count; i++, *sum += size)
        if (!aof_part_size(a, m->increments[i].name, &size)) return false;
    return true;
}

static enum part_result load_one(struct aof *a, const struct aof_part *part, bool is_last, uint64_t *before,
                                 uint64_t *log_offset)
{
    struct logger *log = engine_log(a->engine);
    uint64_t start = clock_mono_us();
    enum part_result result = part_load(a, part->name, is_last, before, log_offset);
    if (result == PART_OK || result == PART_TRUNCATED || result == PART_EMPTY)
        log_notice(log, "DB loaded from %s file %s: %.3f seconds", part->kind == AOF_PART_BASE ? "base" : "incr",
                   part->name, (double)(clock_mono_us() - start) / 1e6);
    if (result == PART_TRUNCATED && !is_last) {
        log_warning(log, "Fatal error: the truncated file is not the last file");
        return PART_FAILED;
    }
    return result;
}

/* How many increments there are up to the last one that is not empty: a rewrite opens the next one, and when the power
 * fails then, the one before may still be torn. */
static size_t increments_with_bytes(const struct aof *a)
{
    const struct aof_manifest *m = &a->manifest;
    size_t count = m->increment_count;
    uint64_t size = 0;
    while (count > 0 && aof_part_size(a, m->increments[count - 1].name, &size) && size == 0) count--;
    return count;
}

static enum part_result load_parts(struct aof *a, uint64_t *log_offset, bool *empty)
{
    const struct aof_manifest *m = &a->manifest;
    enum part_result result = PART_OK;
    uint64_t before = 0;
    size_t filled = increments_with_bytes(a);
    *empty = true;
    if (m->base.name != NULL) {
        result = load_one(a, &m->base, filled == 0, &before, log_offset);
        *empty = result == PART_EMPTY;
        a->base_size = before;
    }
    for (size_t i = 0; i < m->increment_count && result != PART_FAILED && result != PART_STOPPED; i++) {
        result = load_one(a, &m->increments[i], i + 1 >= filled, &before, log_offset);
        *empty = *empty && result == PART_EMPTY;
    }
    return result;
}

enum load_result aof_load(struct aof *a, bool serve, bool *empty)
{
    struct persist *p = a->p;
    uint64_t dirty = engine_stats(a->engine)->dirty, start = clock_mono_us(), log_offset = 0, total;
    bool appending = a->sink_added;
    *empty = true;
    if (a->manifest.base.name == NULL && a->manifest.increment_count == 0) return LOAD_NO_FILE;
    if (!parts_size(a, &total)) return LOAD_FAILED;
    if (appending) aof_append_off(a);
    load_begin(p, total, serve);
    enum part_result result = load_parts(a, &log_offset, empty);
    load_end(p);
    engine_stats(a->engine)->dirty = dirty;
    if (!a->started) engine_set_log_offset(a->engine, log_offset);
    if (appending) aof_append_on(a);
    if (result == PART_STOPPED) return LOAD_STOPPED;
    if (result == PART_FAILED) return LOAD_FAILED;
    log_notice(engine_log(a->engine), "DB loaded from append only file: %.3f seconds",
               (double)(clock_mono_us() - start) / 1e6);
    return LOAD_OK;
}
