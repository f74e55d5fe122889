/* An append-only file: a single one as before Redis 7.0, or all parts that a manifest names. Only the end of the last
 * part may be cut off; damage further up cannot be mended without losing what was acknowledged behind it. */
#include "base/buf.h"
#include "check/aof_walk.h"
#include "check/check.h"
#include "persist/aof_manifest.h"
#include "sys/files.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

enum { MANIFEST_PEEK = 64 * 1024 };

struct part {
    const struct check *c;
    const struct check_aof_options *options;
    const char *path, *name; /* to open; to call it by */
    bool last;
    const char *kind; /* "BASE ", "INCR " or "" */
    int fd;
    uint64_t size;
};

enum part_result { PART_VALID, PART_EMPTY, PART_CUT, PART_BAD };

static bool open_part(struct part *p)
{
    struct file_info info;
    int flags = p->options->fix || p->options->truncate ? O_RDWR : O_RDONLY;
    p->fd = file_open(p->c->files, p->path, flags, 0);
    if (p->fd < 0 || file_info(p->c->files, p->fd, &info) < 0) {
        fprintf(p->c->out, "Cannot open file %s: %s, aborting...\n", p->path, strerror(errno));
        if (p->fd >= 0) (void)file_close(p->c->files, p->fd);
        return false;
    }
    p->size = info.size;
    return true;
}

static bool begins_as_rdb(const struct part *p)
{
    char magic[6] = "";
    return file_pread(p->c->files, p->fd, magic, sizeof(magic), 0) > 0 &&
           (memcmp(magic, "REDIS", 5) == 0 || memcmp(magic, "VALKEY", 6) == 0);
}

static bool skip_to(const struct part *p, uint64_t offset)
{
    return lseek(p->fd, (off_t)offset, SEEK_SET) == (off_t)offset;
}

static bool preamble(const struct part *p, uint64_t *end)
{
    *end = 0;
    if (!begins_as_rdb(p)) return true;
    bool ok = check_rdb(p->c, p->name, p->fd, p->size, end) && skip_to(p, *end);
    fprintf(p->c->out, ok ? "RDB preamble is OK, proceeding with AOF tail...\n"
                          : "RDB preamble of AOF file is not sane, aborting.\n");
    return ok;
}

static bool agreed(const struct check *c)
{
    char answer[8] = "";
    fputs("Continue? [y/N]: ", c->out);
    fflush(c->out);
    if (fgets(answer, sizeof(answer), c->in) == NULL) answer[0] = '\0';
    if (answer[0] == 'y' || answer[0] == 'Y') return true;
    fputs("Aborting...\n", c->out);
    return false;
}

static bool shorten(const struct part *p, uint64_t len)
{
    if (file_truncate(p->c->files, p->fd, len) == 0 && file_fsync(p->c->files, p->fd) == 0) return true;
    fprintf(p->c->out, "Failed to truncate AOF %s: %s\n", p->name, strerror(errno));
    return false;
}

/* A record that keeps only its first bytes gets a head that says so. */
static bool shorten_record(const struct part *p, const struct aof_walk *w)
{
    struct buf bytes = BUF_INIT;
    char head[AOF_RECORD_HEAD_MAX];
    size_t len = (size_t)(w->cut - w->record_begin);
    buf_reserve(&bytes, len);
    bool ok = file_pread(p->c->files, p->fd, bytes.data, len, w->record_begin) == (ssize_t)len;
    bytes.len = ok ? len : 0;
    int head_len = aof_record_head(head, buf_slice(&bytes), w->record.durable);
    ok = ok && shorten(p, w->record_head) && skip_to(p, w->record_head) &&
         file_write_all(p->c->files, p->fd, head, (size_t)head_len, NULL) &&
         file_write_all(p->c->files, p->fd, bytes.data, len, NULL) && file_fsync(p->c->files, p->fd) == 0;
    buf_deinit(&bytes);
    return ok;
}

static enum part_result truncate_to_time(const struct part *p, const struct aof_walk *w)
{
    FILE *out = p->c->out;
    long long timestamp = (long long)p->options->timestamp;
    if (w->cut == 0) {
        fprintf(out, "AOF %s has nothing before timestamp %lld, aborting...\n", p->name, timestamp);
        return PART_BAD;
    }
    if (!p->last) {
        fprintf(out,
                "Failed to truncate AOF %s to timestamp %lld to offset %llu because it is not the last file.\n"
                "If you insist, please delete all files after this file according to the manifest file and delete the "
                "corresponding records in manifest file manually. Then re-run redis-check-aof.\n",
                p->path, timestamp, (unsigned long long)w->cut);
        return PART_BAD;
    }
    bool ok = w->cut_record != UINT64_MAX ? shorten_record(p, w) : shorten(p, w->cut);
    if (!ok) return PART_BAD;
    fprintf(out, "Successfully truncated AOF %s to timestamp %lld\n", p->name, timestamp);
    return PART_CUT;
}

static enum part_result fix(const struct part *p, uint64_t ok_up_to)
{
    FILE *out = p->c->out;
    if (!p->last) {
        fprintf(out, "Failed to truncate AOF %s because it is not the last file\n", p->name);
        return PART_BAD;
    }
    fprintf(out, "This will shrink the AOF %s from %llu bytes, with %llu bytes, to %llu bytes\n", p->name,
            (unsigned long long)p->size, (unsigned long long)(p->size - ok_up_to), (unsigned long long)ok_up_to);
    if (!p->options->yes && !agreed(p->c)) return PART_BAD;
    if (!shorten(p, ok_up_to)) return PART_BAD;
    fprintf(out, "Successfully truncated AOF %s\n", p->name);
    return PART_CUT;
}

static enum part_result judge(const struct part *p, const struct aof_walk *w)
{
    FILE *out = p->c->out;
    bool whole = w->ok_up_to == p->size;
    if (w->stopped) return truncate_to_time(p, w);
    if (p->options->truncate && whole) {
        fprintf(out, "Truncate nothing in AOF %s to timestamp %lld\n", p->name, (long long)p->options->timestamp);
        return PART_VALID;
    }
    if (w->error.len > 0)
        fprintf(out, "0x%16llx: %.*s\n", (unsigned long long)w->error_at, (int)w->error.len, w->error.data);
    fprintf(out, "AOF analyzed: filename=%s, size=%llu, ok_up_to=%llu, ok_up_to_line=%llu, diff=%llu\n", p->name,
            (unsigned long long)p->size, (unsigned long long)w->ok_up_to, (unsigned long long)w->line,
            (unsigned long long)(p->size - w->ok_up_to));
    if (whole) return PART_VALID;
    if (p->options->fix) return fix(p, w->ok_up_to);
    fprintf(out, "AOF %s is not valid. Use the --fix option to try fixing it.\n", p->name);
    return PART_BAD;
}

static enum part_result walk_part(struct part *p)
{
    struct aof_walk w;
    uint64_t begin;
    if (p->size == 0) return PART_EMPTY;
    if (!preamble(p, &begin)) return PART_BAD;
    aof_walk_init(&w, p->c, p->name, p->fd, p->size, begin);
    w.truncate = p->options->truncate;
    w.timestamp = p->options->timestamp;
    aof_walk_run(&w);
    enum part_result result = judge(p, &w);
    aof_walk_deinit(&w);
    return result;
}

/* The part is open; it is closed. */
static bool check_open_part(struct part *p)
{
    enum part_result result = walk_part(p);
    if (result == PART_VALID) fprintf(p->c->out, "%sAOF %s is valid\n", p->kind, p->name);
    if (result == PART_EMPTY) fprintf(p->c->out, "%sAOF %s is empty\n", p->kind, p->name);
    (void)file_close(p->c->files, p->fd);
    return result != PART_BAD;
}

/* ---- several parts ---- */

static void part_path(struct buf *path, const char *manifest, const char *name)
{
    const char *slash = strrchr(manifest, '/');
    buf_clear(path);
    if (slash != NULL) buf_append(path, manifest, (size_t)(slash + 1 - manifest));
    buf_append_slice(path, slice_cstr(name));
}

static bool check_named_part(struct part *p, struct buf *path, const char *manifest, const struct aof_part *named)
{
    bool is_base = named->kind == AOF_PART_BASE;
    part_path(path, manifest, named->name);
    p->path = buf_cstr(path);
    p->name = named->name;
    p->kind = is_base ? "BASE " : "INCR ";
    if (!open_part(p)) return false;
    if (is_base)
        fprintf(p->c->out, "Start to check BASE AOF (%s format).\n", begins_as_rdb(p) ? "RDB" : "RESP");
    return check_open_part(p);
}

static void report_manifest(const struct check *c, struct slice text, int line, struct slice why)
{
    fputs("\n*** FATAL AOF MANIFEST FILE ERROR ***\n", c->out);
    for (int i = 1; i < line; i++) {
        const char *end = memchr(text.ptr, '\n', text.len);
        if (end == NULL) break;
        text = slice_of(end + 1, text.len - (size_t)(end + 1 - text.ptr));
    }
    const char *end = memchr(text.ptr, '\n', text.len);
    size_t len = end == NULL ? text.len : (size_t)(end - text.ptr);
    if (line > 0) fprintf(c->out, "Reading the manifest file, at line %d\n>>> '%.*s'\n", line, (int)len, text.ptr);
    fprintf(c->out, "%.*s\n", (int)why.len, why.ptr);
}

static bool check_multi(const struct check *c, const char *path, struct slice text,
                        const struct check_aof_options *options)
{
    struct aof_manifest m;
    struct buf err = BUF_INIT, part_name = BUF_INIT;
    struct part p = {.c = c, .options = options};
    int line;
    fputs("Start checking Multi Part AOF\n", c->out);
    bool ok = aof_manifest_parse(&m, text, &line, &err);
    if (!ok) {
        report_manifest(c, text, line, buf_slice(&err));
        buf_deinit(&err);
        return false;
    }
    p.last = m.increment_count == 0;
    if (m.base.name != NULL) ok = check_named_part(&p, &part_name, path, &m.base);
    if (ok && m.increment_count > 0) fputs("Start to check INCR files.\n", c->out);
    for (size_t i = 0; ok && i < m.increment_count; i++) {
        p.last = i + 1 == m.increment_count;
        ok = check_named_part(&p, &part_name, path, &m.increments[i]);
    }
    if (ok) fputs("All AOF files and manifest are valid\n", c->out);
    aof_manifest_deinit(&m);
    buf_deinit(&part_name);
    buf_deinit(&err);
    return ok;
}

/* A manifest begins with "file", comments aside. */
static bool is_manifest(struct slice head)
{
    while (head.len > 0 && head.ptr[0] == '#') {
        const char *end = memchr(head.ptr, '\n', head.len);
        if (end == NULL) return false;
        head = slice_of(end + 1, head.len - (size_t)(end + 1 - head.ptr));
    }
    return head.len >= 4 && memcmp(head.ptr, "file", 4) == 0;
}

static bool check_single(const struct check *c, const char *path, const struct check_aof_options *options)
{
    struct part p = {.c = c, .options = options, .path = path, .name = path, .last = true, .kind = ""};
    fputs("Start checking Old-Style AOF\n", c->out);
    return open_part(&p) && check_open_part(&p);
}

bool check_aof_file(const struct check *c, const char *path, const struct check_aof_options *options)
{
    struct file_info info;
    struct buf text = BUF_INIT;
    int fd = file_open(c->files, path, O_RDONLY, 0);
    if (fd < 0 || file_info(c->files, fd, &info) < 0) {
        fprintf(c->out, "Cannot open file %s: %s\n", path, strerror(errno));
        if (fd >= 0) (void)file_close(c->files, fd);
        return false;
    }
    buf_reserve(&text, MANIFEST_PEEK);
    ssize_t got = info.is_dir ? -1 : file_read_full(c->files, fd, text.data, MANIFEST_PEEK);
    (void)file_close(c->files, fd);
    text.len = got > 0 ? (size_t)got : 0;
    bool ok = false, multi = is_manifest(buf_slice(&text));
    buf_clear(&text);
    if (got < 0)
        fprintf(c->out, "Cannot read file: %s\n", path);
    else if (!multi)
        ok = check_single(c, path, options);
    else if (file_read_all(c->files, path, &text))
        ok = check_multi(c, path, buf_slice(&text), options);
    buf_deinit(&text);
    return ok;
}
