/* The real files. Each function is one system call, repeated while signals interrupt it. */
#include "sys/files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define RETRY(call)                            \
    ({                                         \
        __typeof__(call) rc_;                  \
        do rc_ = (call);                       \
        while (rc_ < 0 && errno == EINTR);     \
        rc_;                                   \
    })

static int posix_open(void *arg, const char *path, int flags, mode_t mode)
{
    (void)arg;
    return RETRY(open(path, flags | O_CLOEXEC, mode));
}

static int posix_close(void *arg, int fd)
{
    (void)arg;
    /* On Linux the descriptor is gone even when a signal interrupts: never again. */
    return close(fd) < 0 && errno != EINTR ? -1 : 0;
}

static ssize_t posix_read(void *arg, int fd, void *ptr, size_t len)
{
    (void)arg;
    return RETRY(read(fd, ptr, len));
}

static ssize_t posix_pread(void *arg, int fd, void *ptr, size_t len, uint64_t offset)
{
    (void)arg;
    return RETRY(pread(fd, ptr, len, (off_t)offset));
}

static ssize_t posix_write(void *arg, int fd, const void *ptr, size_t len)
{
    (void)arg;
    return RETRY(write(fd, ptr, len));
}

static ssize_t posix_writev(void *arg, int fd, const struct iovec *iov, int count)
{
    (void)arg;
    return RETRY(writev(fd, iov, count));
}

static int posix_fsync(void *arg, int fd)
{
    (void)arg;
    return RETRY(fsync(fd));
}

static int posix_fdatasync(void *arg, int fd)
{
    (void)arg;
    return RETRY(fdatasync(fd));
}

static int posix_ftruncate(void *arg, int fd, uint64_t len)
{
    (void)arg;
    return RETRY(ftruncate(fd, (off_t)len));
}

static int posix_sync_range(void *arg, int fd, uint64_t offset, uint64_t len)
{
    (void)arg;
    return RETRY(sync_file_range(fd, (off_t)offset, (off_t)len, SYNC_FILE_RANGE_WRITE));
}

static int posix_allocate(void *arg, int fd, uint64_t offset, uint64_t len)
{
    (void)arg;
    return RETRY(fallocate(fd, FALLOC_FL_KEEP_SIZE, (off_t)offset, (off_t)len));
}

static int posix_drop_cache(void *arg, int fd, uint64_t offset, uint64_t len)
{
    (void)arg;
    errno = posix_fadvise(fd, (off_t)offset, (off_t)len, POSIX_FADV_DONTNEED);
    return errno ? -1 : 0;
}

static void info_from_stat(struct file_info *out, const struct stat *st)
{
    *out = (struct file_info){
        .size = (uint64_t)st->st_size,
        .mtime_ms = (int64_t)st->st_mtim.tv_sec * 1000 + st->st_mtim.tv_nsec / 1000000,
        .mode = st->st_mode & 07777,
        .is_dir = S_ISDIR(st->st_mode),
    };
}

static int posix_info(void *arg, int fd, struct file_info *out)
{
    (void)arg;
    struct stat st;
    if (fstat(fd, &st) < 0) return -1;
    info_from_stat(out, &st);
    return 0;
}

static int posix_path_info(void *arg, const char *path, struct file_info *out)
{
    (void)arg;
    struct stat st;
    if (stat(path, &st) < 0) return -1;
    info_from_stat(out, &st);
    return 0;
}

static int posix_rename(void *arg, const char *from, const char *to)
{
    (void)arg;
    return rename(from, to);
}

static int posix_unlink(void *arg, const char *path)
{
    (void)arg;
    return unlink(path);
}

static int posix_mkdir(void *arg, const char *path, mode_t mode)
{
    (void)arg;
    return mkdir(path, mode);
}

static int posix_rmdir(void *arg, const char *path)
{
    (void)arg;
    return rmdir(path);
}

static int posix_fsync_dir(void *arg, const char *path)
{
    (void)arg;
    int fd = RETRY(open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (fd < 0) return -1;
    int rc = RETRY(fsync(fd));
    /* Some file systems (those of FUSE, some of networks) cannot sync a folder and say so: then there is nothing to
     * wait for. */
    if (rc < 0 && (errno == EINVAL || errno == EBADF)) rc = 0;
    int err = errno;
    close(fd);
    errno = err;
    return rc;
}

static int posix_list(void *arg, const char *path, void (*visit)(void *visit_arg, const char *name), void *visit_arg)
{
    (void)arg;
    DIR *dir = opendir(path);
    if (!dir) return -1;
    struct dirent *entry;
    while ((errno = 0, entry = readdir(dir)) != NULL) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) continue;
        visit(visit_arg, entry->d_name);
    }
    int err = errno;
    closedir(dir);
    errno = err;
    return err ? -1 : 0;
}

static const struct file_ops posix_ops = {
    .open = posix_open,
    .close = posix_close,
    .read = posix_read,
    .pread = posix_pread,
    .write = posix_write,
    .writev = posix_writev,
    .fsync = posix_fsync,
    .fdatasync = posix_fdatasync,
    .ftruncate = posix_ftruncate,
    .sync_range = posix_sync_range,
    .allocate = posix_allocate,
    .drop_cache = posix_drop_cache,
    .info = posix_info,
    .path_info = posix_path_info,
    .rename = posix_rename,
    .unlink = posix_unlink,
    .mkdir = posix_mkdir,
    .rmdir = posix_rmdir,
    .fsync_dir = posix_fsync_dir,
    .list = posix_list,
};

const struct files files_posix = {&posix_ops, NULL};
