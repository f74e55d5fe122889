/* The journal, and the images that it allows. An image is found by going through the journal once: every file has the
 * bytes that readers see and those that are safe, every folder the names that are seen and those that are safe. */
#include "files_power.h"

#include "base/mem.h"
#include "base/prng.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    OPERATIONS_MAX = 64 * 1024,
    BYTES_MAX = 256 * 1024 * 1024,
    PATH_MAX_LEN = 96,
    NODES_MAX = 1024,
    POWER_FDS_MAX = 1024,
    NAMES_MAX = 256
};

enum op_kind {
    OP_CREATE, OP_WRITE, OP_TRUNCATE, OP_FSYNC_BEGIN, OP_FSYNC, OP_RENAME, OP_UNLINK, OP_MKDIR, OP_FSYNC_DIR, OP_MARK
};
static const char *const op_names[] = {"create", "write",  "truncate", "begin of fsync",  "fsync",
                                       "rename", "unlink", "mkdir",    "fsync of folder", "mark"};
enum { NODE_FOLDER = -2, NODE_NONE = -1 };

struct op {
    enum op_kind kind;
    int node;
    uint64_t offset, len; /* of a write or a truncation */
    size_t bytes;         /* where they are */
    int64_t value;        /* of a mark */
    char path[PATH_MAX_LEN], to[PATH_MAX_LEN];
};

struct power_journal {
    pthread_mutex_t lock;
    size_t count, bytes_used;
    int nodes;
    struct op ops[OPERATIONS_MAX];
    char bytes[BYTES_MAX];
};

struct power_fd {
    int node_plus_1; /* 0: not one of ours */
    bool append;
};

/* ---- names ---- */

/* As the root's folder calls it; "" for the root itself. False: outside. */
static bool inside(const struct files_power *p, const char *path, char out[PATH_MAX_LEN])
{
    size_t root = strlen(p->root);
    if (path[0] == '/') {
        if (strncmp(path, p->root, root) != 0 || (path[root] != '/' && path[root] != '\0')) return false;
        path += root;
        while (*path == '/') path++;
    }
    while (path[0] == '.' && path[1] == '/') path += 2;
    if (strcmp(path, ".") == 0) path = "";
    size_t len = strlen(path);
    if (len >= PATH_MAX_LEN) abort();
    memcpy(out, path, len + 1);
    while (len > 0 && out[len - 1] == '/') out[--len] = '\0';
    return true;
}

struct names {
    struct {
        char path[PATH_MAX_LEN];
        int node;
    } of[NAMES_MAX];
    int count;
};

static int name_find(const struct names *n, const char *path)
{
    for (int i = 0; i < n->count; i++)
        if (strcmp(n->of[i].path, path) == 0) return i;
    return -1;
}

static void name_remove(struct names *n, const char *path)
{
    int i = name_find(n, path);
    if (i >= 0) n->of[i] = n->of[--n->count];
}

static void name_set(struct names *n, const char *path, int node)
{
    name_remove(n, path);
    if (n->count == NAMES_MAX) abort();
    snprintf(n->of[n->count].path, PATH_MAX_LEN, "%s", path);
    n->of[n->count++].node = node;
}

static bool is_in_folder(const char *path, const char *folder)
{
    const char *slash = strrchr(path, '/');
    size_t len = slash == NULL ? 0 : (size_t)(slash - path);
    return strlen(folder) == len && strncmp(path, folder, len) == 0;
}

static bool changes_names(const struct op *op)
{
    return op->kind == OP_CREATE || op->kind == OP_RENAME || op->kind == OP_UNLINK || op->kind == OP_MKDIR;
}

static void name_apply(struct names *n, const struct op *op)
{
    switch (op->kind) {
    case OP_CREATE: name_set(n, op->path, op->node); break;
    case OP_MKDIR: name_set(n, op->path, NODE_FOLDER); break;
    case OP_UNLINK: name_remove(n, op->path); break;
    case OP_RENAME:
        name_remove(n, op->path);
        name_set(n, op->to, op->node);
        break;
    default: break;
    }
}

/* ---- recording ---- */

static struct op *op_new(struct power_journal *j, enum op_kind kind, int node)
{
    if (j->count == OPERATIONS_MAX) abort();
    struct op *op = &j->ops[j->count];
    *op = (struct op){.kind = kind, .node = node};
    return op;
}

static void record(struct files_power *p, enum op_kind kind, int node, const char *path, const char *to)
{
    struct power_journal *j = p->journal;
    char from_inside[PATH_MAX_LEN] = "", to_inside[PATH_MAX_LEN] = "";
    if (path != NULL && !inside(p, path, from_inside)) return;
    if (to != NULL && !inside(p, to, to_inside)) return;
    pthread_mutex_lock(&j->lock);
    struct op *op = op_new(j, kind, node);
    memcpy(op->path, from_inside, PATH_MAX_LEN);
    memcpy(op->to, to_inside, PATH_MAX_LEN);
    j->count++;
    pthread_mutex_unlock(&j->lock);
}

static void record_bytes(struct files_power *p, enum op_kind kind, int node, uint64_t offset, const void *ptr,
                         size_t len)
{
    struct power_journal *j = p->journal;
    pthread_mutex_lock(&j->lock);
    struct op *op = op_new(j, kind, node);
    if (j->bytes_used + len > BYTES_MAX) abort();
    op->offset = offset;
    op->len = len;
    op->bytes = j->bytes_used;
    if (ptr != NULL) {
        memcpy(j->bytes + j->bytes_used, ptr, len);
        j->bytes_used += len;
    }
    j->count++;
    pthread_mutex_unlock(&j->lock);
}

static int node_of_path(const struct files_power *p, const char *path)
{
    static const struct names none;
    struct names *n = mem_alloc(sizeof(*n));
    char name[PATH_MAX_LEN];
    *n = none;
    if (!inside(p, path, name)) abort();
    for (size_t i = 0; i < p->journal->count; i++) name_apply(n, &p->journal->ops[i]);
    int i = name_find(n, name), node = i < 0 ? NODE_NONE : n->of[i].node;
    mem_free(n);
    return node;
}

static struct power_fd *fd_of(struct files_power *p, int fd)
{
    if (fd < 0 || fd >= POWER_FDS_MAX) abort();
    return p->fds[fd].node_plus_1 == 0 ? NULL : &p->fds[fd];
}

static int power_open(void *arg, const char *path, int flags, mode_t mode)
{
    struct files_power *p = arg;
    char name[PATH_MAX_LEN];
    bool was = path_exists(p->under, path), ours = inside(p, path, name);
    int fd = file_open(p->under, path, flags, mode);
    if (fd >= 0 && fd_of(p, fd) != NULL) p->fds[fd].node_plus_1 = 0; /* closed past us, as a child may */
    if (fd < 0 || !ours || (flags & O_ACCMODE) == O_RDONLY) return fd;
    int node = was ? node_of_path(p, path) : NODE_NONE;
    if (!was) {
        node = __atomic_fetch_add(&p->journal->nodes, 1, __ATOMIC_SEQ_CST);
        if (node >= NODES_MAX) abort();
        record(p, OP_CREATE, node, path, NULL);
    }
    if (node < 0) abort(); /* a file that the journal does not know */
    if (was && (flags & O_TRUNC)) record_bytes(p, OP_TRUNCATE, node, 0, NULL, 0);
    p->fds[fd] = (struct power_fd){node + 1, (flags & O_APPEND) != 0};
    return fd;
}

static int power_close(void *arg, int fd)
{
    struct files_power *p = arg;
    struct power_fd *f = fd_of(p, fd);
    if (f != NULL) f->node_plus_1 = 0;
    return file_close(p->under, fd);
}

static uint64_t write_offset(int fd, const struct power_fd *f)
{
    struct stat st;
    if (f->append && fstat(fd, &st) == 0) return (uint64_t)st.st_size;
    return (uint64_t)lseek(fd, 0, SEEK_CUR);
}

static ssize_t power_write(void *arg, int fd, const void *ptr, size_t len)
{
    struct files_power *p = arg;
    struct power_fd *f = fd_of(p, fd);
    uint64_t offset = f == NULL ? 0 : write_offset(fd, f);
    ssize_t n = file_write(p->under, fd, ptr, len);
    if (f != NULL && n > 0) record_bytes(p, OP_WRITE, f->node_plus_1 - 1, offset, ptr, (size_t)n);
    return n;
}

static ssize_t power_writev(void *arg, int fd, const struct iovec *iov, int count)
{
    ssize_t sum = 0;
    for (int i = 0; i < count; i++) {
        ssize_t n = power_write(arg, fd, iov[i].iov_base, iov[i].iov_len);
        if (n < 0) return sum > 0 ? sum : n;
        sum += n;
        if ((size_t)n < iov[i].iov_len) break;
    }
    return sum;
}

static ssize_t power_read(void *arg, int fd, void *ptr, size_t len)
{
    return file_read(((struct files_power *)arg)->under, fd, ptr, len);
}
static ssize_t power_pread(void *arg, int fd, void *ptr, size_t len, uint64_t offset)
{
    return file_pread(((struct files_power *)arg)->under, fd, ptr, len, offset);
}

static int power_fsync(void *arg, int fd)
{
    struct files_power *p = arg;
    struct power_fd *f = fd_of(p, fd);
    if (f != NULL) record(p, OP_FSYNC_BEGIN, f->node_plus_1 - 1, NULL, NULL);
    if (p->fsync_delay_us > 0) usleep(p->fsync_delay_us);
    if (f != NULL) record(p, OP_FSYNC, f->node_plus_1 - 1, NULL, NULL);
    return 0; /* the real one would only cost time */
}

static int power_ftruncate(void *arg, int fd, uint64_t len)
{
    struct files_power *p = arg;
    struct power_fd *f = fd_of(p, fd);
    int ok = file_truncate(p->under, fd, len);
    if (f != NULL && ok == 0) record_bytes(p, OP_TRUNCATE, f->node_plus_1 - 1, len, NULL, 0);
    return ok;
}

static int power_range(void *arg, int fd, uint64_t offset, uint64_t len)
{
    return 0;
}
static int power_info(void *arg, int fd, struct file_info *out)
{
    return file_info(((struct files_power *)arg)->under, fd, out);
}
static int power_path_info(void *arg, const char *path, struct file_info *out)
{
    return path_info(((struct files_power *)arg)->under, path, out);
}

static int power_rename(void *arg, const char *from, const char *to)
{
    struct files_power *p = arg;
    int node = node_of_path(p, from), ok = path_rename(p->under, from, to);
    if (ok == 0) record(p, OP_RENAME, node, from, to);
    return ok;
}
static int power_unlink(void *arg, const char *path)
{
    struct files_power *p = arg;
    int ok = path_unlink(p->under, path);
    if (ok == 0) record(p, OP_UNLINK, NODE_NONE, path, NULL);
    return ok;
}
static int power_mkdir(void *arg, const char *path, mode_t mode)
{
    struct files_power *p = arg;
    int ok = path_mkdir(p->under, path, mode);
    if (ok == 0) record(p, OP_MKDIR, NODE_FOLDER, path, NULL);
    return ok;
}
static int power_rmdir(void *arg, const char *path)
{
    struct files_power *p = arg;
    int ok = path_rmdir(p->under, path);
    if (ok == 0) record(p, OP_UNLINK, NODE_NONE, path, NULL);
    return ok;
}
static int power_fsync_dir(void *arg, const char *path)
{
    record(arg, OP_FSYNC_DIR, NODE_NONE, path, NULL);
    return 0;
}
static int power_list(void *arg, const char *path, void (*visit)(void *visit_arg, const char *name), void *visit_arg)
{
    return path_list(((struct files_power *)arg)->under, path, visit, visit_arg);
}

static const struct file_ops power_ops = {
    .open = power_open,
    .close = power_close,
    .read = power_read,
    .pread = power_pread,
    .write = power_write,
    .writev = power_writev,
    .fsync = power_fsync,
    .fdatasync = power_fsync,
    .ftruncate = power_ftruncate,
    .sync_range = power_range,
    .allocate = power_range,
    .drop_cache = power_range,
    .info = power_info,
    .path_info = power_path_info,
    .rename = power_rename,
    .unlink = power_unlink,
    .mkdir = power_mkdir,
    .rmdir = power_rmdir,
    .fsync_dir = power_fsync_dir,
    .list = power_list,
};

void files_power_init(struct files_power *p, const struct files *under, const char *root)
{
    pthread_mutexattr_t attr;
    *p = (struct files_power){.under = under, .root = root};
    p->fds = mem_zalloc(POWER_FDS_MAX * sizeof(*p->fds));
    p->files = (struct files){&power_ops, p};
    p->journal =
        mmap(NULL, sizeof(*p->journal), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (p->journal == MAP_FAILED) abort();
    pthread_mutexattr_init(&attr);
    pthread_mutexattr_setpshared(&attr, PTHREAD_PROCESS_SHARED);
    pthread_mutex_init(&p->journal->lock, &attr);
}

void files_power_deinit(struct files_power *p)
{
    munmap(p->journal, sizeof(*p->journal));
    mem_free(p->fds);
}

size_t files_power_operations(const struct files_power *p)
{
    return p->journal->count;
}

void files_power_mark(struct files_power *p, int64_t value)
{
    pthread_mutex_lock(&p->journal->lock);
    op_new(p->journal, OP_MARK, NODE_NONE)->value = value;
    p->journal->count++;
    pthread_mutex_unlock(&p->journal->lock);
}

int64_t files_power_marked(const struct files_power *p, size_t operations, int64_t before)
{
    for (size_t i = operations; i > 0; i--)
        if (p->journal->ops[i - 1].kind == OP_MARK) return p->journal->ops[i - 1].value;
    return before;
}

const char *files_power_describe(const struct files_power *p, size_t operation, char out[128])
{
    if (operation >= p->journal->count) return "the end";
    const struct op *op = &p->journal->ops[operation];
    snprintf(out, 128, "%s %.40s %.40s (file %d, %llu bytes at %llu)", op_names[op->kind], op->path, op->to, op->node,
             (unsigned long long)op->len, (unsigned long long)op->offset);
    return out;
}

/* ---- images ---- */

struct node {
    struct buf seen, begun, safe; /* begun: what the fsync under way covers */
};

struct disk {
    struct node nodes[NODES_MAX];
    struct names seen, safe;
    const struct op *pending[OPERATIONS_MAX]; /* changes of names that no sync has covered, in order */
    size_t pending_count;
};

static void bytes_set_len(struct buf *b, uint64_t len)
{
    if (len > b->len) {
        buf_reserve(b, len - b->len);
        memset(b->data + b->len, 0, len - b->len);
    }
    b->len = len;
}

/* A file that comes from another folder has its new name when the new folder is safe. */
static bool covered(const struct op *op, const char *folder)
{
    return is_in_folder(op->kind == OP_RENAME ? op->to : op->path, folder);
}

static void folder_sync(struct disk *d, const char *folder)
{
    size_t left = 0;
    for (size_t i = 0; i < d->pending_count; i++) {
        if (covered(d->pending[i], folder))
            name_apply(&d->safe, d->pending[i]);
        else
            d->pending[left++] = d->pending[i];
    }
    d->pending_count = left;
}

static void disk_apply(struct disk *d, const struct power_journal *j, const struct op *op)
{
    struct node *node = op->node >= 0 ? &d->nodes[op->node] : NULL;
    if (changes_names(op)) {
        name_apply(&d->seen, op);
        d->pending[d->pending_count++] = op;
    }
    switch (op->kind) {
    case OP_WRITE:
        if (op->offset + op->len > node->seen.len) bytes_set_len(&node->seen, op->offset + op->len);
        memcpy(node->seen.data + op->offset, j->bytes + op->bytes, op->len);
        break;
    case OP_TRUNCATE: bytes_set_len(&node->seen, op->offset); break;
    case OP_FSYNC_BEGIN:
        buf_clear(&node->begun);
        buf_append_slice(&node->begun, buf_slice(&node->seen));
        break;
    case OP_FSYNC:
        buf_clear(&node->safe);
        buf_append_slice(&node->safe, buf_slice(&node->begun));
        break;
    case OP_FSYNC_DIR: folder_sync(d, op->path); break;
    default: break;
    }
}

static void torn(const struct node *node, const struct power_cut *cut, struct prng *rng, struct buf *out)
{
    uint64_t sector = (uint64_t)cut->sector, seen = node->seen.len, safe = node->safe.len, size = seen;
    if (seen > safe) {
        uint64_t first = safe / sector, last = seen / sector;
        size = (first + prng_below(rng, (uint32_t)(last - first + 2))) * sector;
        if (size < safe) size = safe;
        if (size > seen) size = seen;
    }
    buf_append_slice(out, slice_of(node->safe.data, safe < size ? safe : size));
    bytes_set_len(out, size);
    for (uint64_t at = 0; at < size; at += sector) {
        uint64_t len = size - at < sector ? size - at : sector;
        bool came = cut->bytes == POWER_BYTES_TORN || prng_below(rng, 2) == 0;
        if (came) memcpy(out->data + at, node->seen.data + at, len);
    }
}

static void image_file(const char *folder, const char *path, const struct node *node, const struct power_cut *cut,
                       struct prng *rng)
{
    char full[256];
    struct buf bytes = BUF_INIT;
    snprintf(full, sizeof(full), "%s/%s", folder, path);
    if (cut->bytes == POWER_BYTES_SYNCED)
        buf_append_slice(&bytes, buf_slice(&node->safe));
    else if (cut->bytes == POWER_BYTES_ALL)
        buf_append_slice(&bytes, buf_slice(&node->seen));
    else
        torn(node, cut, rng, &bytes);
    int fd = open(full, O_WRONLY | O_CREAT | O_TRUNC, 0644); /* fails when its folder did not make it */
    if (fd >= 0 && bytes.len > 0 && write(fd, bytes.data, bytes.len) != (ssize_t)bytes.len) abort();
    if (fd >= 0) close(fd);
    buf_deinit(&bytes);
}

void files_power_image(const struct files_power *p, const struct power_cut *cut, const char *folder)
{
    static const struct disk empty;
    struct disk *d = mem_alloc(sizeof(*d));
    struct prng rng;
    char full[256];
    *d = empty;
    prng_init(&rng, cut->seed);
    for (size_t i = 0; i < cut->operations; i++) disk_apply(d, p->journal, &p->journal->ops[i]);
    size_t come_true = cut->names == POWER_NAMES_SYNCED ? 0
                       : cut->names == POWER_NAMES_ANY  ? 0
                       : cut->names == POWER_NAMES_ALL  ? d->pending_count
                                                        : prng_below(&rng, (uint32_t)d->pending_count + 1);
    for (size_t i = 0; i < come_true; i++) name_apply(&d->safe, d->pending[i]);
    for (size_t i = 0; i < d->pending_count && cut->names == POWER_NAMES_ANY; i++)
        if (prng_below(&rng, 2) == 0) name_apply(&d->safe, d->pending[i]);
    for (int i = 0; i < d->safe.count; i++) {
        snprintf(full, sizeof(full), "%s/%s", folder, d->safe.of[i].path);
        if (d->safe.of[i].node == NODE_FOLDER && mkdir(full, 0755) < 0) abort();
    }
    for (int i = 0; i < d->safe.count; i++)
        if (d->safe.of[i].node >= 0)
            image_file(folder, d->safe.of[i].path, &d->nodes[d->safe.of[i].node], cut, &rng);
    for (int i = 0; i < NODES_MAX; i++) {
        buf_deinit(&d->nodes[i].seen);
        buf_deinit(&d->nodes[i].begun);
        buf_deinit(&d->nodes[i].safe);
    }
    mem_free(d);
}
