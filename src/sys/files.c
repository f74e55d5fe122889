/* What is made of several file operations. */
#include "sys/files.h"

#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

enum { READ_STEP_BYTES = 64 * 1024 };

bool file_write_all(const struct files *f, int fd, const void *ptr, size_t len, size_t *written)
{
    struct iovec iov = {(void *)(uintptr_t)ptr, len};
    return file_writev_all(f, fd, &iov, 1, written);
}

bool file_writev_all(const struct files *f, int fd, struct iovec *iov, int count, size_t *written)
{
    size_t total = 0;
    bool ok = true;
    while (count > 0) {
        if (iov->iov_len == 0) {
            iov++;
            count--;
            continue;
        }
        ssize_t n = count == 1 ? file_write(f, fd, iov->iov_base, iov->iov_len)
                               : file_writev(f, fd, iov, count < 1024 ? count : 1024);
        if (n <= 0) {
            if (n == 0) errno = EIO;
            ok = false;
            break;
        }
        total += (size_t)n;
        size_t left = (size_t)n;
        while (count > 0 && left >= iov->iov_len) {
            left -= iov->iov_len;
            iov++;
            count--;
        }
        if (left) {
            iov->iov_base = (char *)iov->iov_base + left;
            iov->iov_len -= left;
        }
    }
    if (written) *written = total;
    return ok;
}

ssize_t file_read_full(const struct files *f, int fd, void *ptr, size_t len)
{
    size_t got = 0;
    while (got < len) {
        ssize_t n = file_read(f, fd, (char *)ptr + got, len - got);
        if (n < 0) return -1;
        if (n == 0) break;
        got += (size_t)n;
    }
    return (ssize_t)got;
}

static int close_keeping_errno(const struct files *f, int fd)
{
    int err = errno;
    int rc = file_close(f, fd);
    errno = err;
    return rc;
}

bool file_read_all(const struct files *f, const char *path, struct buf *out)
{
    int fd = file_open(f, path, O_RDONLY, 0);
    if (fd < 0) return false;
    struct file_info info;
    ssize_t n = file_info(f, fd, &info);
    if (n == 0 && info.is_dir) {
        errno = EISDIR;
        n = -1;
    }
    /* Files of /proc say that they are empty: the size is only a hint. */
    if (n == 0) buf_reserve(out, info.size + 1);
    while (n >= 0) {
        if (out->cap - out->len == 0) buf_reserve(out, READ_STEP_BYTES);
        n = file_read(f, fd, out->data + out->len, out->cap - out->len);
        if (n <= 0) break;
        out->len += (size_t)n;
    }
    close_keeping_errno(f, fd);
    return n == 0;
}

static bool write_and_sync(const struct files *f, const char *path, struct slice bytes, mode_t mode)
{
    int fd = file_open(f, path, O_WRONLY | O_CREAT | O_EXCL, mode);
    if (fd < 0) return false;
    bool ok = file_write_all(f, fd, bytes.ptr, bytes.len, NULL) && file_fsync(f, fd) == 0;
    if (close_keeping_errno(f, fd) < 0 && ok) return false;
    return ok;
}

bool file_write_atomic(const struct files *f, const char *path, struct slice bytes, mode_t mode)
{
    struct buf temp = BUF_INIT;
    buf_appendf(&temp, "%s.%d.tmp", path, (int)getpid());
    const char *temp_path = buf_cstr(&temp);
    (void)path_unlink(f, temp_path); /* left by a crash of a process with our id */
    bool ok = write_and_sync(f, temp_path, bytes, mode) && path_rename(f, temp_path, path) == 0;
    if (ok) {
        ok = path_fsync_parent(f, path) == 0;
    } else {
        int err = errno;
        (void)path_unlink(f, temp_path);
        errno = err;
    }
    int err = errno;
    buf_deinit(&temp);
    errno = err;
    return ok;
}

bool path_exists(const struct files *f, const char *path)
{
    struct file_info info;
    return path_info(f, path, &info) == 0;
}

int path_fsync_parent(const struct files *f, const char *path)
{
    const char *slash = strrchr(path, '/');
    if (!slash) return path_fsync_dir(f, ".");
    if (slash == path) return path_fsync_dir(f, "/");
    char *dir = mem_dup(path, (size_t)(slash - path));
    int rc = path_fsync_dir(f, dir);
    int err = errno;
    mem_free(dir);
    errno = err;
    return rc;
}
