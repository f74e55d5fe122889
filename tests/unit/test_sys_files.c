/* Files: the POSIX instance, what is made of several calls, and the atomic write with each of its operations
 * failing. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "files_faulty.h"
#include "sys/files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct rig {
    char dir[64], path[128];
};

static const struct files *const posix = &files_posix;

static int rig_setup(void **state)
{
    struct rig *rig = calloc(1, sizeof(*rig));
    strcpy(rig->dir, "/tmp/cairn_test_files_XXXXXX");
    assert_non_null(mkdtemp(rig->dir));
    snprintf(rig->path, sizeof(rig->path), "%s/file", rig->dir);
    *state = rig;
    return 0;
}

static void remove_entry(void *arg, const char *name)
{
    char path[512];
    snprintf(path, sizeof(path), "%s/%s", (const char *)arg, name);
    (void)path_unlink(posix, path);
}

static int rig_teardown(void **state)
{
    struct rig *rig = *state;
    assert_int_equal(path_list(posix, rig->dir, remove_entry, rig->dir), 0);
    assert_int_equal(path_rmdir(posix, rig->dir), 0);
    free(rig);
    return 0;
}

static void assert_content(const char *path, const char *want)
{
    struct buf got = BUF_INIT;
    assert_true(file_read_all(posix, path, &got));
    assert_int_equal(got.len, strlen(want));
    if (got.len) assert_memory_equal(got.data, want, got.len);
    buf_deinit(&got);
}

static void count_entry(void *arg, const char *name)
{
    (void)name;
    ++*(int *)arg;
}

static int entries(const char *dir)
{
    int n = 0;
    assert_int_equal(path_list(posix, dir, count_entry, &n), 0);
    return n;
}

static void test_posix(void **state)
{
    struct rig *rig = *state;
    char text[32], other[160];
    int fd = file_open(posix, rig->path, O_RDWR | O_CREAT, 0640);
    assert_true(fd >= 0);
    assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
    assert_int_equal(file_write(posix, fd, "hello ", 6), 6);
    struct iovec iov[2] = {{"wor", 3}, {"ld", 2}};
    assert_int_equal(file_writev(posix, fd, iov, 2), 5);
    assert_int_equal(file_fsync(posix, fd), 0);
    assert_int_equal(file_fdatasync(posix, fd), 0);
    (void)file_sync_range(posix, fd, 0, 11);
    (void)file_allocate(posix, fd, 0, 65536);
    (void)file_drop_cache(posix, fd, 0, 0);
    assert_int_equal(file_pread(posix, fd, text, sizeof(text), 6), 5);
    assert_memory_equal(text, "world", 5);
    struct file_info info;
    assert_int_equal(file_info(posix, fd, &info), 0);
    assert_int_equal(info.size, 11);
    assert_false(info.is_dir);
    assert_true(info.mtime_ms > 1000000000000);
    assert_int_equal(file_truncate(posix, fd, 5), 0);
    assert_int_equal(file_close(posix, fd), 0);
    assert_content(rig->path, "hello");
    snprintf(other, sizeof(other), "%s/sub", rig->dir);
    assert_int_equal(path_mkdir(posix, other, 0755), 0);
    assert_int_equal(path_info(posix, other, &info), 0);
    assert_true(info.is_dir);
    assert_int_equal(entries(rig->dir), 2);
    assert_int_equal(path_fsync_dir(posix, other), 0);
    struct buf got = BUF_INIT;
    assert_false(file_read_all(posix, other, &got));
    assert_int_equal(errno, EISDIR);
    assert_int_equal(path_rmdir(posix, other), 0);
    assert_int_equal(path_rename(posix, rig->path, other), 0);
    assert_false(path_exists(posix, rig->path));
    assert_true(path_exists(posix, other));
    assert_int_equal(path_unlink(posix, other), 0);
    assert_int_equal(path_unlink(posix, other), -1);
    assert_int_equal(errno, ENOENT);
    assert_int_equal(path_list(posix, other, count_entry, &fd), -1);
    assert_false(file_read_all(posix, rig->path, &got));
    assert_int_equal(errno, ENOENT);
    /* a file that says it is empty and is not */
    assert_true(file_read_all(posix, "/proc/self/status", &got));
    assert_true(got.len > 100);
    buf_deinit(&got);
}

static void test_short_writes(void **state)
{
    struct rig *rig = *state;
    struct files_faulty f;
    files_faulty_init(&f, posix, FAULT_SHORT, 0, 0);
    int fd = file_open(&f.files, rig->path, O_RDWR | O_CREAT, 0644);
    size_t written;
    assert_true(file_write_all(&f.files, fd, "0123456789", 10, &written));
    assert_int_equal(written, 10);
    struct iovec iov[4] = {{"abcd", 4}, {"", 0}, {"e", 1}, {"fghijkl", 7}};
    assert_true(file_writev_all(&f.files, fd, iov, 4, &written));
    assert_int_equal(written, 12);
    char text[64];
    lseek(fd, 0, SEEK_SET);
    assert_int_equal(file_read_full(&f.files, fd, text, 20), 20);
    assert_memory_equal(text, "0123456789abcdefghij", 20);
    assert_int_equal(file_read_full(&f.files, fd, text, 20), 2);
    file_close(&f.files, fd);
    assert_content(rig->path, "0123456789abcdefghijkl");
    /* many vectors at once, and a failure in the middle that says how far it came */
    fd = file_open(posix, rig->path, O_RDWR | O_TRUNC, 0644);
    enum { MANY = 3000 };
    struct iovec *many = calloc(MANY, sizeof(*many));
    for (int i = 0; i < MANY; i++) many[i] = (struct iovec){"xy", 2};
    assert_true(file_writev_all(posix, fd, many, MANY, &written));
    assert_int_equal(written, 2 * MANY);
    free(many);
    files_faulty_init(&f, posix, FAULT_ONCE, 2, ENOSPC);
    assert_true(file_write_all(&f.files, fd, "ab", 2, &written));
    assert_false(file_write_all(&f.files, fd, "ab", 2, &written));
    assert_int_equal(errno, ENOSPC);
    assert_int_equal(written, 0);
    file_close(posix, fd);
    fd = file_open(posix, rig->path, O_RDONLY, 0);
    files_faulty_init(&f, posix, FAULT_ONCE, 1, EIO);
    assert_int_equal(file_read_full(&f.files, fd, text, 20), -1);
    file_close(posix, fd);
}

static void test_write_atomic(void **state)
{
    struct rig *rig = *state;
    assert_true(file_write_atomic(posix, rig->path, SLICE("first"), 0644));
    assert_content(rig->path, "first");
    assert_true(file_write_atomic(posix, rig->path, SLICE(""), 0644));
    assert_content(rig->path, "");
    assert_int_equal(entries(rig->dir), 1);
    char missing[160];
    snprintf(missing, sizeof(missing), "%s/none/file", rig->dir);
    assert_false(file_write_atomic(posix, missing, SLICE("x"), 0644));
    assert_int_equal(errno, ENOENT);
    assert_int_equal(chdir(rig->dir), 0);
    assert_true(file_write_atomic(posix, "file", SLICE("no folder in the name"), 0644));
    assert_content(rig->path, "no folder in the name");
    assert_int_equal(chdir("/"), 0);
}

/* Every operation fails once, or is the last before a crash: the path always holds the old content or the new one. */
static void test_write_atomic_faults(void **state)
{
    struct rig *rig = *state;
    static const enum fault_mode modes[] = {FAULT_ONCE, FAULT_CRASH};
    for (size_t m = 0; m < ARRAY_LEN(modes); m++) {
        int failures = 0;
        for (int at = 1; at < 100; at++) {
            assert_true(file_write_atomic(posix, rig->path, SLICE("old content"), 0644));
            struct files_faulty f;
            files_faulty_init(&f, posix, modes[m], at, EIO);
            bool ok = file_write_atomic(&f.files, rig->path, SLICE("the new content"), 0644);
            if (!f.failed) {
                assert_true(ok);
                assert_content(rig->path, "the new content");
                assert_true(failures >= 6);
                break;
            }
            failures++;
            struct buf got = BUF_INIT;
            assert_true(file_read_all(posix, rig->path, &got));
            bool is_old = slice_eq(buf_slice(&got), SLICE("old content"));
            bool is_new = slice_eq(buf_slice(&got), SLICE("the new content"));
            assert_true(is_old || is_new);
            if (ok) assert_true(is_new); /* only removing a left-over temporary file may fail without harm */
            else assert_int_equal(errno, EIO);
            buf_deinit(&got);
            if (modes[m] == FAULT_ONCE) assert_int_equal(entries(rig->dir), 1);
        }
    }
}

static void test_read_all_faults(void **state)
{
    struct rig *rig = *state;
    assert_true(file_write_atomic(posix, rig->path, SLICE("content"), 0644));
    for (int at = 1;; at++) {
        struct files_faulty f;
        struct buf got = BUF_INIT;
        files_faulty_init(&f, posix, FAULT_ONCE, at, EIO);
        bool ok = file_read_all(&f.files, rig->path, &got);
        assert_int_equal(ok, !f.failed);
        buf_deinit(&got);
        if (ok) break;
        assert_int_equal(errno, EIO);
    }
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, rig_setup, rig_teardown)
    const struct CMUnitTest tests[] = {
        T(test_posix),
        T(test_short_writes),
        T(test_write_atomic),
        T(test_write_atomic_faults),
        T(test_read_all_faults),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
