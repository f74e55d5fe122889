/* Files whose n-th operation fails: each function counts, fails when it is time, and else calls on. */
#include "files_faulty.h"

#include <errno.h>

enum { SHORT_BYTES = 3 };

static bool fails(struct files_faulty *f)
{
    f->count++;
    if (f->mode != FAULT_ONCE && f->mode != FAULT_CRASH) return false;
    if (f->count == f->fail_at || (f->mode == FAULT_CRASH && f->count > f->fail_at)) {
        f->failed = true;
        errno = f->err;
        return true;
    }
    return false;
}

#define FAULTY(f, call) (fails(f) ? -1 : file_##call)

static int faulty_open(void *arg, const char *path, int flags, mode_t mode)
{
    struct files_faulty *f = arg;
    return FAULTY(f, open(&f->under, path, flags, mode));
}
static int faulty_close(void *arg, int fd)
{
    struct files_faulty *f = arg;
    return file_close(&f->under, fd);
}
static size_t cut(const struct files_faulty *f, size_t len)
{
    return f->mode == FAULT_SHORT && len > SHORT_BYTES ? SHORT_BYTES : len;
}
static ssize_t faulty_read(void *arg, int fd, void *ptr, size_t len)
{
    struct files_faulty *f = arg;
    return FAULTY(f, read(&f->under, fd, ptr, cut(f, len)));
}
static ssize_t faulty_pread(void *arg, int fd, void *ptr, size_t len, uint64_t offset)
{
    struct files_faulty *f = arg;
    return FAULTY(f, pread(&f->under, fd, ptr, cut(f, len), offset));
}
static ssize_t faulty_write(void *arg, int fd, const void *ptr, size_t len)
{
    struct files_faulty *f = arg;
    if (fails(f)) {
        int err = errno;
        if (f->count == f->fail_at && len / 2 > 0) (void)!file_write(&f->under, fd, ptr, len / 2);
        errno = err;
        return -1;
    }
    return file_write(&f->under, fd, ptr, cut(f, len));
}
static ssize_t faulty_writev(void *arg, int fd, const struct iovec *iov, int count)
{
    struct files_faulty *f = arg;
    if (f->mode == FAULT_SHORT) return faulty_write(arg, fd, iov->iov_base, iov->iov_len);
    return FAULTY(f, writev(&f->under, fd, iov, count));
}
static int faulty_fsync(void *arg, int fd)
{
    struct files_faulty *f = arg;
    return FAULTY(f, fsync(&f->under, fd));
}
static int faulty_fdatasync(void *arg, int fd)
{
    struct files_faulty *f = arg;
    return FAULTY(f, fdatasync(&f->under, fd));
}
static int faulty_ftruncate(void *arg, int fd, uint64_t len)
{
    struct files_faulty *f = arg;
    return FAULTY(f, truncate(&f->under, fd, len));
}
static int faulty_sync_range(void *arg, int fd, uint64_t offset, uint64_t len)
{
    struct files_faulty *f = arg;
    return FAULTY(f, sync_range(&f->under, fd, offset, len));
}
static int faulty_allocate(void *arg, int fd, uint64_t offset, uint64_t len)
{
    struct files_faulty *f = arg;
    return FAULTY(f, allocate(&f->under, fd, offset, len));
}
static int faulty_drop_cache(void *arg, int fd, uint64_t offset, uint64_t len)
{
    struct files_faulty *f = arg;
    return FAULTY(f, drop_cache(&f->under, fd, offset, len));
}
static int faulty_info(void *arg, int fd, struct file_info *out)
{
    struct files_faulty *f = arg;
    return FAULTY(f, info(&f->under, fd, out));
}
static int faulty_path_info(void *arg, const char *path, struct file_info *out)
{
    struct files_faulty *f = arg;
    return fails(f) ? -1 : path_info(&f->under, path, out);
}
static int faulty_rename(void *arg, const char *from, const char *to)
{
    struct files_faulty *f = arg;
    return fails(f) ? -1 : path_rename(&f->under, from, to);
}
static int faulty_unlink(void *arg, const char *path)
{
    struct files_faulty *f = arg;
    return fails(f) ? -1 : path_unlink(&f->under, path);
}
static int faulty_mkdir(void *arg, const char *path, mode_t mode)
{
    struct files_faulty *f = arg;
    return fails(f) ? -1 : path_mkdir(&f->under, path, mode);
}
static int faulty_rmdir(void *arg, const char *path)
{
    struct files_faulty *f = arg;
    return fails(f) ? -1 : path_rmdir(&f->under, path);
}
static int faulty_fsync_dir(void *arg, const char *path)
{
    struct files_faulty *f = arg;
    return fails(f) ? -1 : path_fsync_dir(&f->under, path);
}
static int faulty_list(void *arg, const char *path, void (*visit)(void *visit_arg, const char *name), void *visit_arg)
{
    struct files_faulty *f = arg;
    return fails(f) ? -1 : path_list(&f->under, path, visit, visit_arg);
}

static const struct file_ops faulty_ops = {
    .open = faulty_open,
    .close = faulty_close,
    .read = faulty_read,
    .pread = faulty_pread,
    .write = faulty_write,
    .writev = faulty_writev,
    .fsync = faulty_fsync,
    .fdatasync = faulty_fdatasync,
    .ftruncate = faulty_ftruncate,
    .sync_range = faulty_sync_range,
    .allocate = faulty_allocate,
    .drop_cache = faulty_drop_cache,
    .info = faulty_info,
    .path_info = faulty_path_info,
    .rename = faulty_rename,
    .unlink = faulty_unlink,
    .mkdir = faulty_mkdir,
    .rmdir = faulty_rmdir,
    .fsync_dir = faulty_fsync_dir,
    .list = faulty_list,
};

void files_faulty_init(struct files_faulty *f, const struct files *under, enum fault_mode mode, int fail_at, int err)
{
    *f = (struct files_faulty){.under = *under, .mode = mode, .fail_at = fail_at, .err = err};
    f->files = (struct files){&faulty_ops, f};
}
