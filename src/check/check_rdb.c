/* An RDB file, read through to its end by the loader's reader with no store behind it: each value is decoded, checked
 * and dropped. The report has the form that redis-check-rdb gave it. */
#include "check/check.h"
#include "persist/rdb_file.h"
#include "persist/rdb_format.h"
#include "sys/files.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

enum { PROGRESS_BYTES = 16 * 1024 * 1024, TYPES = 26, MEGABYTE = 1024 * 1024, KEY_SHOWN_MAX = 1024 };

static const char *const type_names[TYPES] = {
    [RDB_STRING] = "string",
    [RDB_LIST] = "list-linked",
    [RDB_SET] = "set-hashtable",
    [RDB_ZSET] = "zset-v1",
    [RDB_HASH] = "hash-hashtable",
    [RDB_ZSET_2] = "zset-v2",
    [6] = "module-pre-release",
    [RDB_MODULE_2] = "module-value",
    [RDB_HASH_ZIPMAP] = "hash-zipmap",
    [RDB_LIST_ZIPLIST] = "list-ziplist",
    [RDB_SET_INTSET] = "set-intset",
    [RDB_ZSET_ZIPLIST] = "zset-ziplist",
    [RDB_HASH_ZIPLIST] = "hash-ziplist",
    [RDB_LIST_QUICKLIST] = "quicklist",
    [RDB_STREAM_LISTPACKS] = "stream",
    [RDB_HASH_LISTPACK] = "hash-listpack",
    [RDB_ZSET_LISTPACK] = "zset-listpack",
    [RDB_LIST_QUICKLIST_2] = "quicklist-v2",
    [RDB_STREAM_LISTPACKS_2] = "stream-v2",
    [RDB_SET_LISTPACK] = "set-listpack",
    [RDB_STREAM_LISTPACKS_3] = "stream-v3",
    [RDB_HASH_2_VALKEY] = "hash-hashtable-v2",
    [RDB_HASH_METADATA] = "hash-hashtable-md",
    [RDB_HASH_LISTPACK_EX] = "hash-listpack-md",
};

static const char *const doing_names[] = {
    [RDB_DOING_START] = "start",        [RDB_DOING_TYPE] = "read-type",           [RDB_DOING_AUX] = "read-aux",
    [RDB_DOING_EXPIRE] = "read-expire", [RDB_DOING_NUMBER] = "read-len",          [RDB_DOING_KEY] = "read-key",
    [RDB_DOING_MODULE] = "read-module-aux", [RDB_DOING_FUNCTION] = "read-function",
    [RDB_DOING_VALUE] = "read-object-value",
    [RDB_DOING_CHECKSUM] = "check-sum",
};

struct checking {
    const struct check *c;
    struct rdb_reader *r;
    struct rdb_loaded *found;
    int fd;
    uint64_t keys[TYPES], bytes[TYPES]; /* of each type */
    uint64_t key_begin;                 /* offset behind the key before */
};

static ssize_t fill(void *arg, void *ptr, size_t len)
{
    struct checking *k = arg;
    return file_read(k->c->files, k->fd, ptr, len);
}

static void print_text(FILE *out, struct slice text)
{
    size_t shown = text.len < KEY_SHOWN_MAX ? text.len : KEY_SHOWN_MAX;
    for (size_t i = 0; i < shown; i++) {
        unsigned char ch = (unsigned char)text.ptr[i];
        if (ch >= ' ' && ch != 127)
            fputc(ch, out);
        else
            fprintf(out, "\\x%02x", ch);
    }
    if (shown < text.len) fprintf(out, "... (%zu bytes)", text.len);
}

static void at(const struct checking *k)
{
    check_progress_end(k->c);
    fprintf(k->c->out, "[offset %llu] ", (unsigned long long)rdb_reader_offset(k->r));
}

static void aux(void *arg, struct slice name, struct slice value)
{
    struct checking *k = arg;
    at(k);
    fputs("AUX FIELD ", k->c->out);
    print_text(k->c->out, name);
    fputs(" = '", k->c->out);
    print_text(k->c->out, value);
    fputs("'\n", k->c->out);
}

static void database(void *arg, uint64_t db)
{
    struct checking *k = arg;
    at(k);
    fprintf(k->c->out, "Selecting DB ID %llu\n", (unsigned long long)db);
}

static void key_read(void *arg)
{
    struct checking *k = arg;
    int type = k->found->type;
    k->keys[type]++;
    k->bytes[type] += rdb_reader_offset(k->r) - k->key_begin;
    k->key_begin = rdb_reader_offset(k->r);
}

static bool progress(void *arg, uint64_t offset, const struct rdb_loaded *so_far)
{
    (void)so_far;
    struct checking *k = arg;
    check_progress(k->c, offset, k->r->size);
    return true;
}

static void report_error(const struct checking *k)
{
    FILE *out = k->c->out;
    const struct rdb_loaded *found = k->found;
    fputs("--- RDB ERROR DETECTED ---\n", out);
    fprintf(out, "[offset %llu] ", (unsigned long long)k->r->error_at);
    if (k->r->at_end)
        fputs("Unexpected EOF reading RDB file\n", out);
    else
        fprintf(out, "%.*s\n", (int)k->r->error.len, k->r->error.data);
    fprintf(out, "[additional info] While doing: %s\n", doing_names[found->doing]);
    if (found->doing == RDB_DOING_VALUE) {
        fputs("[additional info] Reading key '", out);
        print_text(out, buf_slice(&found->key));
        fputs("'\n", out);
    }
    if (found->doing == RDB_DOING_VALUE || found->doing == RDB_DOING_KEY)
        fprintf(out, "[additional info] Reading type %d (%s)\n", found->type,
                found->type < TYPES && type_names[found->type] != NULL ? type_names[found->type] : "unknown");
}

static void report_good(const struct checking *k)
{
    at(k);
    fputs(k->found->checksummed ? "Checksum OK\n"
                                : "RDB file was saved with checksum disabled: no check performed.\n", k->c->out);
    at(k);
    fputs("\\o/ RDB looks OK! \\o/\n", k->c->out);
}

static void report_counts(const struct checking *k)
{
    FILE *out = k->c->out;
    const struct rdb_loaded *found = k->found;
    uint64_t keys = found->keys + found->expired + found->empty + (found->doing == RDB_DOING_VALUE && k->r->failed);
    fprintf(out, "[info] %llu keys read\n", (unsigned long long)keys);
    fprintf(out, "[info] %llu expires\n", (unsigned long long)found->volatile_keys);
    fprintf(out, "[info] %llu already expired\n", (unsigned long long)found->expired);
    if (found->empty > 0) fprintf(out, "[info] %llu empty keys\n", (unsigned long long)found->empty);
    if (!k->c->stats) return;
    for (int i = 0; i < TYPES; i++)
        if (k->keys[i] > 0)
            fprintf(out, "[info] type %s: %llu keys, %llu bytes\n", type_names[i], (unsigned long long)k->keys[i],
                    (unsigned long long)k->bytes[i]);
}

bool check_rdb(const struct check *c, const char *name, int fd, uint64_t size, uint64_t *end)
{
    struct rdb_reader r;
    struct rdb_loaded found;
    struct checking k = {.c = c, .r = &r, .found = &found, .fd = fd};
    const struct value_limits limits = {
        .seed = &c->seed,
        .hash_listpack_entries = 512,
        .hash_listpack_value = 64,
        .set_intset_entries = 512,
        .set_listpack_entries = 128,
        .set_listpack_value = 64,
        .zset_listpack_entries = 128,
        .zset_listpack_value = 64,
        .list_listpack_size = -2,
        .stream_node_max_bytes = 4096,
        .stream_node_max_entries = 100,
        .hll_sparse_max_bytes = 3000,
    };
    const struct rdb_load_file load = {
        .value = {.limits = &limits, .now_ms = c->now_ms, .keep_due_fields = true},
        .progress = c->terminal != NULL ? progress : NULL,
        .progress_bytes = PROGRESS_BYTES,
        .key_read = c->stats ? key_read : NULL,
        .aux = aux,
        .database = database,
        .arg = &k,
    };
    fprintf(c->out, "[offset 0] Checking RDB file %s\n", name);
    rdb_reader_init(&r, fill, &k);
    r.size = size;
    bool ok = rdb_load_store(&r, NULL, &load, &found);
    *end = rdb_reader_offset(&r);
    check_progress_end(c);
    if (ok)
        report_good(&k);
    else
        report_error(&k);
    report_counts(&k);
    rdb_loaded_deinit(&found);
    rdb_reader_deinit(&r);
    return ok;
}

bool check_rdb_file(const struct check *c, const char *path)
{
    struct file_info info;
    uint64_t end = 0;
    int fd = file_open(c->files, path, O_RDONLY, 0);
    if (fd < 0 || file_info(c->files, fd, &info) < 0) {
        fprintf(stderr, "Cannot open file %s: %s\n", path, strerror(errno));
        if (fd >= 0) (void)file_close(c->files, fd);
        return false;
    }
    bool ok = check_rdb(c, path, fd, info.size, &end);
    if (ok && end < info.size)
        fprintf(c->out, "[info] %llu bytes behind the end of the data are not read\n",
                (unsigned long long)(info.size - end));
    (void)file_close(c->files, fd);
    return ok;
}

/* ---- the line that shows how far it is ---- */

void check_progress(const struct check *c, uint64_t done, uint64_t total)
{
    if (c->terminal == NULL) return;
    fprintf(c->terminal, "\rChecking: %3.0f%% (%llu of %llu MB)", total == 0 ? 0.0 : (double)done / (double)total * 100,
            (unsigned long long)(done / MEGABYTE), (unsigned long long)(total / MEGABYTE));
    fflush(c->terminal);
}

void check_progress_end(const struct check *c)
{
    if (c->terminal != NULL) fputs("\r\033[K", c->terminal);
}
