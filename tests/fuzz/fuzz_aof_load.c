/* Any bytes as the last increment of an append-only file: loading ends with data or is refused, and what was taken is
 * sound. With bit 0 of the first byte the checksums of the records are made right first, so that the fuzzer gets behind
 * them. The files are in memory. */
#include "base/mem.h"
#include "cmd/cmd_feature.h"
#include "engine/config.h"
#include "engine/engine.h"
#include "engine/feature.h"
#include "observe/observe_feature.h"
#include "persist/aof_record.h"
#include "persist/persist_feature.h"
#include "persist/persist_shell.h"
#include "sys/files.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MANIFEST_FD = 1000, INCREMENT_FD, SINK_FD };

struct memory { /* two files that can be read, and one that takes what is written */
    struct buf increment;
    size_t manifest_at, increment_at;
};

static const char manifest[] = "file increment seq 1 type i\n";

static int mem_open(void *arg, const char *path, int flags, mode_t mode)
{
    struct memory *m = arg;
    if (flags & 3) return SINK_FD;
    if (strstr(path, "manifest") != NULL) {
        m->manifest_at = 0;
        return MANIFEST_FD;
    }
    m->increment_at = 0;
    return INCREMENT_FD;
}
static int mem_close(void *arg, int fd)
{
    return 0;
}
static ssize_t mem_read(void *arg, int fd, void *ptr, size_t len)
{
    struct memory *m = arg;
    struct slice all = fd == MANIFEST_FD ? slice_of(manifest, sizeof(manifest) - 1) : buf_slice(&m->increment);
    size_t *at = fd == MANIFEST_FD ? &m->manifest_at : &m->increment_at;
    size_t n = all.len - *at < len ? all.len - *at : len;
    if (n > 0) memcpy(ptr, all.ptr + *at, n);
    *at += n;
    return (ssize_t)n;
}
static ssize_t mem_write(void *arg, int fd, const void *ptr, size_t len)
{
    return (ssize_t)len;
}
static ssize_t mem_writev(void *arg, int fd, const struct iovec *iov, int count)
{
    return (ssize_t)iov->iov_len;
}
static int mem_fd(void *arg, int fd)
{
    return 0;
}
static int mem_truncate(void *arg, int fd, uint64_t len)
{
    if (len > ((struct memory *)arg)->increment.len) abort();
    return 0;
}
static int mem_info(void *arg, int fd, struct file_info *out)
{
    *out = (struct file_info){.size = fd == MANIFEST_FD ? sizeof(manifest) - 1 : ((struct memory *)arg)->increment.len};
    return 0;
}
static int mem_path_info(void *arg, const char *path, struct file_info *out)
{
    errno = ENOENT;
    return strchr(path, '/') == NULL ? -1 : mem_info(arg, strstr(path, "manifest") ? MANIFEST_FD : INCREMENT_FD, out);
}
static int mem_rename(void *arg, const char *from, const char *to)
{
    return 0;
}
static int mem_path(void *arg, const char *path)
{
    return 0;
}
static int mem_list(void *arg, const char *path, void (*visit)(void *visit_arg, const char *name), void *visit_arg)
{
    return 0;
}
static int mem_mkdir(void *arg, const char *path, mode_t mode)
{
    errno = EEXIST;
    return -1;
}

static const struct file_ops ops = {.open = mem_open,
                                    .close = mem_close,
                                    .read = mem_read,
                                    .write = mem_write,
                                    .writev = mem_writev,
                                    .fsync = mem_fd,
                                    .fdatasync = mem_fd,
                                    .ftruncate = mem_truncate,
                                    .info = mem_info,
                                    .path_info = mem_path_info,
                                    .rename = mem_rename,
                                    .unlink = mem_path,
                                    .mkdir = mem_mkdir,
                                    .fsync_dir = mem_path,
                                    .list = mem_list};

/* "#CRC:\n" begins a record that ends with the input or the next one: it gets its head. */
static void put_heads(struct slice in, struct buf *out)
{
    static const char mark[] = "#CRC:\n";
    size_t mark_len = sizeof(mark) - 1;
    while (in.len > 0) {
        const char *next = in.len > mark_len ? memmem(in.ptr + 1, in.len - 1, mark, mark_len) : NULL;
        size_t len = next == NULL ? in.len : (size_t)(next - in.ptr);
        struct slice piece = slice_of(in.ptr, len);
        if (len >= mark_len && memcmp(piece.ptr, mark, mark_len) == 0) {
            char head[AOF_RECORD_HEAD_MAX];
            piece = slice_of(piece.ptr + mark_len, len - mark_len);
            buf_append(out, head, (size_t)aof_record_head(head, piece, 0));
        }
        buf_append_slice(out, piece);
        in = slice_of(in.ptr + len, in.len - len);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct feature *const features[] = {&cmd_feature, &observe_feature, &persist_feature};
    struct store_options store = {.databases = 4, .partitions = 1, .seed = {3, 4}, .now_ms = 1000000};
    struct logger log = {.level = LOG_NOTHING, .fd = -1};
    struct config *config = config_new();
    struct buf err = BUF_INIT;
    struct memory memory = {.increment = BUF_INIT};
    const struct files files = {&ops, &memory};
    const struct persist_shell shell = {.files = &files};
    const struct engine_options options = {.store = store,
                                           .features = features,
                                           .feature_count = ARRAY_LEN(features),
                                           .log = &log,
                                           .prng_seed = 1,
                                           .now_us = 1000000000,
                                           .mono_us = 1000000000,
                                           .config = config};
    bool stopped;
    if (size == 0) {
        config_free(config);
        return 0;
    }
    struct slice bytes = slice_of((const char *)data + 1, size - 1);
    if (data[0] & 1)
        put_heads(bytes, &memory.increment);
    else
        buf_append_slice(&memory.increment, bytes);
    struct engine *e = engine_new(&options);
    if (!config_load(config, NULL, 0, NULL, &err) || !config_start(config, &err) ||
        !config_set_internal(config, "proto-max-bulk-len", SLICE("1mb"), &err) ||
        !config_set_internal(config, "appendonly", SLICE("yes"), &err) ||
        !config_set_internal(config, "save", SLICE(""), &err) || !engine_start(e, &store, &err))
        abort();
    persist_set_shell(e, &shell);
    (void)!persist_load(e, &stopped);
    store_check(engine_store(e));
    engine_free(e);
    config_free(config);
    buf_deinit(&memory.increment);
    buf_deinit(&err);
    return 0;
}
