/* The folder of the append-only file: manifest, parts, garbage; and the way there from the single file of old.
 *
 * The manifest is replaced as a whole, and only when every file that it names is on disk under its name, the folder
 * synced: whatever it names can be opened after a power cut. Files that it names no more are deleted afterwards. */
#include "persist/aof_impl.h"

#include "base/mem.h"
#include "sys/background.h"
#include "sys/files.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

enum { FILE_MODE = 0644, FOLDER_MODE = 0755 };

const struct files *aof_files(const struct aof *a)
{
    return a->p->shell->files;
}

void aof_path(const struct aof *a, const char *name, struct buf *out)
{
    buf_clear(out);
    buf_appendf(out, "%s/%s", *a->config.dir, name);
}

static void manifest_path(const struct aof *a, struct buf *out)
{
    buf_clear(out);
    buf_appendf(out, "%s/%s.manifest", *a->config.dir, *a->config.file);
}

void aof_temp_increment(const struct aof *a, struct buf *out)
{
    buf_clear(out);
    buf_appendf(out, AOF_TEMP_PREFIX "%s.incr", *a->config.file);
}

bool aof_part_size(const struct aof *a, const char *name, uint64_t *size)
{
    struct buf path = BUF_INIT;
    struct file_info info = {0};
    aof_path(a, name, &path);
    bool ok = path_info(aof_files(a), buf_cstr(&path), &info) == 0;
    if (!ok)
        log_warning(engine_log(a->engine), "Unable to obtain the AOF file %s length. stat: %s", name, strerror(errno));
    buf_deinit(&path);
    *size = ok ? info.size : 0;
    return ok;
}

void aof_count_sizes(struct aof *a)
{
    const struct aof_manifest *m = &a->manifest;
    uint64_t size = 0;
    a->other_size = 0;
    if (m->base.name != NULL) (void)aof_part_size(a, m->base.name, &a->other_size);
    for (size_t i = 0; i + 1 < m->increment_count; i++, a->other_size += size)
        (void)aof_part_size(a, m->increments[i].name, &size);
}

static bool folder_sync(struct aof *a)
{
    if (path_fsync_dir(aof_files(a), *a->config.dir) == 0) return true;
    log_warning(engine_log(a->engine), "Fail to fsync AOF directory %s: %s.", *a->config.dir, strerror(errno));
    return false;
}

bool aof_folder_make(struct aof *a)
{
    const char *dir = *a->config.dir;
    if (path_mkdir(aof_files(a), dir, FOLDER_MODE) < 0) {
        if (errno == EEXIST) return true;
        log_warning(engine_log(a->engine), "Can't open or create append-only dir %s: %s", dir, strerror(errno));
        return false;
    }
    if (path_fsync_dir(aof_files(a), ".") == 0) return true;
    log_warning(engine_log(a->engine), "Fail to fsync the folder of AOF directory %s: %s.", dir, strerror(errno));
    return false;
}

/* ---- the manifest ---- */

bool aof_manifest_install(struct aof *a, struct aof_manifest *owned_m)
{
    struct buf path = BUF_INIT, text = BUF_INIT;
    manifest_path(a, &path);
    aof_manifest_format(owned_m, &text);
    bool ok = folder_sync(a);
    if (ok && !file_write_atomic(aof_files(a), buf_cstr(&path), buf_slice(&text), FILE_MODE)) {
        log_warning(engine_log(a->engine), "Error trying to write the AOF manifest file %s: %s", buf_cstr(&path),
                    strerror(errno));
        ok = false;
    }
    buf_deinit(&path);
    buf_deinit(&text);
    if (ok) {
        aof_manifest_deinit(&a->manifest);
        a->manifest = *owned_m;
        aof_manifest_init(owned_m);
    } else {
        aof_manifest_deinit(owned_m);
    }
    return ok;
}

static bool manifest_read(struct aof *a, const char *path, struct slice text)
{
    struct buf err = BUF_INIT;
    int line = 0;
    aof_manifest_deinit(&a->manifest);
    bool ok = aof_manifest_parse(&a->manifest, text, &line, &err);
    if (!ok && line == 0)
        log_warning(engine_log(a->engine), "%s", buf_cstr(&err));
    else if (!ok)
        log_warning(engine_log(a->engine),
                    "\n*** FATAL AOF MANIFEST FILE ERROR ***\nReading the manifest file %s, at line %d\n>>> %s", path,
                    line, buf_cstr(&err));
    buf_deinit(&err);
    return ok;
}

bool aof_manifest_load(struct aof *a)
{
    struct buf path = BUF_INIT, text = BUF_INIT;
    struct file_info info;
    manifest_path(a, &path);
    const char *name = buf_cstr(&path);
    bool ok = true;
    if (path_info(aof_files(a), name, &info) < 0 && errno == ENOENT) {
        log_debug(engine_log(a->engine), "The AOF manifest file %s doesn't exist", name);
        aof_manifest_deinit(&a->manifest);
    } else if (!file_read_all(aof_files(a), name, &text)) {
        log_warning(engine_log(a->engine), "Fatal error: can't open the AOF manifest file %s for reading: %s", name,
                    strerror(errno));
        ok = false;
    } else {
        ok = manifest_read(a, name, buf_slice(&text));
    }
    buf_deinit(&path);
    buf_deinit(&text);
    return ok;
}

/* ---- what is no longer needed ---- */

struct closing {
    const struct files *files;
    int fd;
};

static void close_run(void *arg)
{
    struct closing *c = arg;
    (void)file_close(c->files, c->fd);
    mem_free(c);
}

/* The name goes at once, so that it can be given anew; the bytes, which may be many, when the last descriptor is
 * closed. */
void aof_unlink_later(struct aof *a, const char *path)
{
    struct background *bg = a->p->shell->background;
    int fd = bg == NULL ? -1 : file_open(aof_files(a), path, O_RDONLY, 0);
    (void)path_unlink(aof_files(a), path);
    if (fd < 0) return;
    struct closing *c = mem_alloc(sizeof(*c));
    *c = (struct closing){aof_files(a), fd};
    bg_submit(bg, BG_CLOSE_FILE, close_run, c);
}

void aof_collect_garbage(struct aof *a)
{
    struct buf path = BUF_INIT;
    if (a->manifest.history_count == 0 || *a->config.disable_gc) return;
    for (size_t i = 0; i < a->manifest.history_count; i++) {
        if (aof_manifest_in_use(&a->manifest, a->manifest.history[i].name)) continue; /* a hand wrote it twice */
        log_notice(engine_log(a->engine), "Removing the history file %s in the background",
                   a->manifest.history[i].name);
        aof_path(a, a->manifest.history[i].name, &path);
        aof_unlink_later(a, buf_cstr(&path));
    }
    buf_deinit(&path);
    struct aof_manifest m;
    aof_manifest_dup(&m, &a->manifest);
    aof_manifest_forget_history(&m);
    (void)!aof_manifest_install(a, &m); /* what it still names is not missed: history is never read */
}

/* ---- from the single file of old ---- */

/* False: nobody can tell, and the log says why. Whoever then began anew would hide the data. */
static bool path_there(const struct aof *a, const char *path, bool *there)
{
    struct file_info info;
    *there = path_info(aof_files(a), path, &info) == 0;
    if (*there || errno == ENOENT) {
        *there = *there && !info.is_dir;
        return true;
    }
    log_warning(engine_log(a->engine), "Can't tell whether there is an AOF file %s: %s", path, strerror(errno));
    return false;
}

static bool upgrade_wanted(const struct aof *a, bool *wanted)
{
    const struct aof_manifest *m = &a->manifest;
    struct buf moved = BUF_INIT;
    bool old_there, moved_there = true;
    *wanted = false;
    if (m->increment_count > 0 || (m->base.name != NULL && strcmp(m->base.name, *a->config.file) != 0)) return true;
    if (!path_there(a, *a->config.file, &old_there)) return false;
    aof_path(a, *a->config.file, &moved);
    /* with a base, an upgrade was begun, and the file moved or not */
    bool ok = m->base.name == NULL || path_there(a, buf_cstr(&moved), &moved_there);
    *wanted = old_there && (m->base.name == NULL || !moved_there);
    buf_deinit(&moved);
    return ok;
}

/* The manifest comes first: when the power fails before the file is moved, it is moved at the next start. */
bool aof_upgrade(struct aof *a)
{
    struct buf moved = BUF_INIT;
    struct aof_manifest m;
    struct logger *log = engine_log(a->engine);
    const char *file = *a->config.file, *dir = *a->config.dir;
    bool wanted;
    if (!upgrade_wanted(a, &wanted)) return false;
    if (!wanted) return true;
    if (!aof_folder_make(a)) return false;
    aof_manifest_dup(&m, &a->manifest);
    if (m.base.name == NULL) aof_manifest_adopt_base(&m, file);
    if (!aof_manifest_install(a, &m)) return false;
    aof_path(a, file, &moved);
    bool ok = path_rename(aof_files(a), file, buf_cstr(&moved)) == 0;
    if (!ok)
        log_warning(log, "Error trying to move the old AOF file %s into dir %s: %s", file, dir, strerror(errno));
    ok = ok && folder_sync(a) && path_fsync_dir(aof_files(a), ".") == 0;
    if (ok) log_notice(log, "Successfully migrated an old-style AOF file (%s) into the AOF directory (%s).", file, dir);
    buf_deinit(&moved);
    return ok;
}

/* ---- opening ---- */

static int part_open(struct aof *a, const char *name, int flags)
{
    struct buf path = BUF_INIT;
    aof_path(a, name, &path);
    int fd = file_open(aof_files(a), buf_cstr(&path), O_WRONLY | O_APPEND | O_CREAT | flags, FILE_MODE);
    if (fd < 0)
        log_warning(engine_log(a->engine), "Can't open the append-only file %s: %s", name, strerror(errno));
    buf_deinit(&path);
    return fd;
}

/* What an earlier process wrote may not be on disk yet. */
static bool last_open(struct aof *a)
{
    const char *name = a->manifest.increments[a->manifest.increment_count - 1].name;
    struct file_info info;
    int fd = part_open(a, name, 0);
    if (fd < 0) return false;
    if (file_info(aof_files(a), fd, &info) < 0 || file_fdatasync(aof_files(a), fd) < 0) {
        log_warning(engine_log(a->engine), "Can't open the append-only file %s: %s", name, strerror(errno));
        (void)file_close(aof_files(a), fd);
        return false;
    }
    log_notice(engine_log(a->engine), "Opening AOF incr file %s on server start", name);
    aof_file_switch(a, fd, info.size);
    return true;
}

static bool first_base_make(struct aof *a, struct aof_manifest *m)
{
    struct buf path = BUF_INIT, err = BUF_INIT;
    bool rdb = aof_base_is_rdb(a);
    const char *name = aof_manifest_add_base(m, *a->config.file, rdb);
    aof_path(a, name, &path);
    log_notice(engine_log(a->engine), "Creating AOF base file %s on server start", name);
    bool ok = aof_base_write(a, buf_cstr(&path), rdb, NULL, &err);
    if (!ok) log_warning(engine_log(a->engine), "Can't write the AOF base file %s: %s", name, buf_cstr(&err));
    buf_deinit(&path);
    buf_deinit(&err);
    return ok;
}

static bool first_open(struct aof *a)
{
    struct aof_manifest m;
    aof_manifest_dup(&m, &a->manifest);
    if (m.base.name == NULL && !first_base_make(a, &m)) {
        aof_manifest_deinit(&m);
        return false;
    }
    const char *name = aof_manifest_add_increment(&m, *a->config.file);
    log_notice(engine_log(a->engine), "Creating AOF incr file %s on server start", name);
    int fd = part_open(a, name, O_TRUNC);
    if (fd < 0) {
        aof_manifest_deinit(&m);
        return false;
    }
    if (!aof_manifest_install(a, &m)) {
        (void)file_close(aof_files(a), fd);
        return false;
    }
    aof_file_switch(a, fd, 0);
    return true;
}

bool aof_open_at_start(struct aof *a)
{
    if (!aof_folder_make(a)) return false;
    bool fresh = a->manifest.increment_count == 0;
    if (fresh ? !first_open(a) : !last_open(a)) return false;
    aof_append_on(a);
    if (fresh) aof_note_offset(a);
    aof_collect_garbage(a);
    return true;
}

bool aof_open_next(struct aof *a, bool temporary)
{
    struct buf name = BUF_INIT;
    struct aof_manifest m;
    aof_manifest_dup(&m, &a->manifest);
    if (temporary)
        aof_temp_increment(a, &name);
    else
        buf_append_slice(&name, slice_cstr(aof_manifest_add_increment(&m, *a->config.file)));
    log_notice(engine_log(a->engine), "Creating AOF incr file %s on background rewrite", buf_cstr(&name));
    int fd = part_open(a, buf_cstr(&name), O_TRUNC);
    bool ok = fd >= 0;
    if (ok && !temporary)
        ok = aof_manifest_install(a, &m);
    else
        aof_manifest_deinit(&m);
    if (ok) {
        aof_file_switch(a, fd, 0);
        aof_append_on(a);
        aof_note_offset(a);
    } else if (fd >= 0) {
        (void)file_close(aof_files(a), fd);
    }
    buf_deinit(&name);
    return ok;
}
