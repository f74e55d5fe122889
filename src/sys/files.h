/* Files, through one table of functions, so that tests can fail the n-th operation or cut the power. Everything that
 * persistence does to the disk goes through a `struct files` that its owner passes down; files_posix is the real one.
 *
 * All operations follow POSIX: 0, a count or a descriptor on success, -1 with errno on failure; they never return
 * EINTR. Descriptors are close-on-exec. */
#ifndef CAIRN_SYS_FILES_H
#define CAIRN_SYS_FILES_H

#include "base/buf.h"
#include "base/compiler.h"
#include "base/slice.h"

#include <sys/types.h>
#include <sys/uio.h>

struct file_info {
    uint64_t size;
    int64_t mtime_ms;
    mode_t mode;
    bool is_dir;
};

struct file_ops {
    int (*open)(void *arg, const char *path, int flags, mode_t mode);
    int (*close)(void *arg, int fd);
    ssize_t (*read)(void *arg, int fd, void *ptr, size_t len);
    ssize_t (*pread)(void *arg, int fd, void *ptr, size_t len, uint64_t offset);
    ssize_t (*write)(void *arg, int fd, const void *ptr, size_t len);
    ssize_t (*writev)(void *arg, int fd, const struct iovec *iov, int count);
    int (*fsync)(void *arg, int fd);
    int (*fdatasync)(void *arg, int fd);
    int (*ftruncate)(void *arg, int fd, uint64_t len);
    int (*sync_range)(void *arg, int fd, uint64_t offset, uint64_t len); /* starts write-back, makes nothing durable */
    int (*allocate)(void *arg, int fd, uint64_t offset, uint64_t len);   /* reserves blocks, keeps the size */
    int (*drop_cache)(void *arg, int fd, uint64_t offset, uint64_t len); /* len 0: to the end */
    int (*info)(void *arg, int fd, struct file_info *out);
    int (*path_info)(void *arg, const char *path, struct file_info *out);
    int (*rename)(void *arg, const char *from, const char *to);
    int (*unlink)(void *arg, const char *path);
    int (*mkdir)(void *arg, const char *path, mode_t mode);
    int (*rmdir)(void *arg, const char *path);
    int (*fsync_dir)(void *arg, const char *path);
    /* Calls visit for each name but "." and "..", in no order; visit must not change the directory. */
    int (*list)(void *arg, const char *path, void (*visit)(void *visit_arg, const char *name), void *visit_arg);
};

struct files {
    const struct file_ops *ops;
    void *arg;
};

extern const struct files files_posix;

/* ------------------------------------------------------------------------------------- one call of the table each */

must_use static inline int file_open(const struct files *f, const char *path, int flags, mode_t mode)
{
    return f->ops->open(f->arg, path, flags, mode);
}
static inline int file_close(const struct files *f, int fd)
{
    return f->ops->close(f->arg, fd);
}
must_use static inline ssize_t file_read(const struct files *f, int fd, void *ptr, size_t len)
{
    return f->ops->read(f->arg, fd, ptr, len);
}
must_use static inline ssize_t file_pread(const struct files *f, int fd, void *ptr, size_t len, uint64_t offset)
{
    return f->ops->pread(f->arg, fd, ptr, len, offset);
}
must_use static inline ssize_t file_write(const struct files *f, int fd, const void *ptr, size_t len)
{
    return f->ops->write(f->arg, fd, ptr, len);
}
must_use static inline ssize_t file_writev(const struct files *f, int fd, const struct iovec *iov, int count)
{
    return f->ops->writev(f->arg, fd, iov, count);
}
must_use static inline int file_fsync(const struct files *f, int fd)
{
    return f->ops->fsync(f->arg, fd);
}
must_use static inline int file_fdatasync(const struct files *f, int fd)
{
    return f->ops->fdatasync(f->arg, fd);
}
must_use static inline int file_truncate(const struct files *f, int fd, uint64_t len)
{
    return f->ops->ftruncate(f->arg, fd, len);
}
static inline int file_sync_range(const struct files *f, int fd, uint64_t offset, uint64_t len)
{
    return f->ops->sync_range(f->arg, fd, offset, len);
}
static inline int file_allocate(const struct files *f, int fd, uint64_t offset, uint64_t len)
{
    return f->ops->allocate(f->arg, fd, offset, len);
}
static inline int file_drop_cache(const struct files *f, int fd, uint64_t offset, uint64_t len)
{
    return f->ops->drop_cache(f->arg, fd, offset, len);
}
must_use static inline int file_info(const struct files *f, int fd, struct file_info *out)
{
    return f->ops->info(f->arg, fd, out);
}
must_use static inline int path_info(const struct files *f, const char *path, struct file_info *out)
{
    return f->ops->path_info(f->arg, path, out);
}
must_use static inline int path_rename(const struct files *f, const char *from, const char *to)
{
    return f->ops->rename(f->arg, from, to);
}
static inline int path_unlink(const struct files *f, const char *path)
{
    return f->ops->unlink(f->arg, path);
}
must_use static inline int path_mkdir(const struct files *f, const char *path, mode_t mode)
{
    return f->ops->mkdir(f->arg, path, mode);
}
static inline int path_rmdir(const struct files *f, const char *path)
{
    return f->ops->rmdir(f->arg, path);
}
must_use static inline int path_fsync_dir(const struct files *f, const char *path)
{
    return f->ops->fsync_dir(f->arg, path);
}
must_use static inline int path_list(const struct files *f, const char *path,
                                     void (*visit)(void *visit_arg, const char *name), void *visit_arg)
{
    return f->ops->list(f->arg, path, visit, visit_arg);
}

/* ------------------------------------------------------------------------------------------- made of several calls */

/* Write everything or fail (errno); short writes are continued. *written, if given, counts the bytes that went out
 * either way. */
must_use bool file_write_all(const struct files *f, int fd, const void *ptr, size_t len, size_t *written);
/* changes iov */
must_use bool file_writev_all(const struct files *f, int fd, struct iovec *iov, int count, size_t *written);
/* Reads until len bytes came or the file ended: the count, or -1. */
must_use ssize_t file_read_full(const struct files *f, int fd, void *ptr, size_t len);
/* Appends the whole file to out. */
must_use bool file_read_all(const struct files *f, const char *path, struct buf *out);
/* Replaces the file: a temporary one beside it, fsync, rename, fsync of the folder. Afterwards, and after a crash at
 * any point, the path holds the old content or the new one. On failure the old one is there still and the temporary
 * file is gone if that was possible; when only the last fsync failed, the new one is there but may be lost by a power
 * cut. */
must_use bool file_write_atomic(const struct files *f, const char *path, struct slice bytes, mode_t mode);
must_use bool path_exists(const struct files *f, const char *path);
/* fsync of the folder that holds path. */
must_use int path_fsync_parent(const struct files *f, const char *path);

#endif
