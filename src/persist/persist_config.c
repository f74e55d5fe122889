/* The directives of persistence. */
#include "base/num.h"
#include "engine/config.h"
#include "persist/persist_config.h"
#include "persist/persist_impl.h"
#include "persist/rdb_format.h"

#include <limits.h>
#include <string.h>

static bool no(struct buf *err, const char *why)
{
    buf_append(err, why, strlen(why));
    return false;
}

/* --- save: pairs of seconds and changes; lines of a file add up, an empty one clears --- */

static bool set_save(void *owner, const struct config_input *in, struct buf *value, struct buf *err)
{
    (void)owner;
    if (in->argc == 0)
        return true;
    if (in->argc % 2 != 0)
        return no(err, "Invalid save parameters");
    if (in->append)
        buf_append_slice(value, in->current);
    for (int i = 0; i < in->argc; i++) {
        int64_t v;
        if (slice_to_i64(in->argv[i], &v) != ST_OK || v < (i % 2 == 0) || v > INT_MAX)
            return no(err, "Invalid save parameters");
        if (value->len > 0)
            buf_append_char(value, ' ');
        buf_append_i64(value, v);
    }
    return true;
}

static void rewrite_save(const struct config_output *out, struct buf *lines)
{
    if (out->value.len == 0)
        buf_appendf(lines, "%s \"\"\n", out->name);
    int words = 0;
    size_t start = 0;
    for (size_t i = 0; i <= out->value.len && out->value.len > 0; i++) {
        if (i < out->value.len && out->value.ptr[i] != ' ')
            continue;
        buf_appendf(lines, words % 2 == 0 ? "%s %.*s" : "%s%.*s\n", words % 2 == 0 ? out->name : " ", (int)(i - start),
                    out->value.ptr + start);
        words++;
        start = i + 1;
    }
}

static bool change_save(void *arg, struct buf *err)
{
    (void)err;
    snapshot_points_parse(arg);
    persist_disk_gate(arg);
    return true;
}

static bool change_stop_writes(void *arg, struct buf *err)
{
    (void)err;
    persist_disk_gate(arg);
    return true;
}

static bool check_dbfilename(void *owner, const char *text, int64_t number, struct buf *err)
{
    (void)owner;
    (void)number;
    return strchr(text, '/') == NULL || no(err, "dbfilename can't be a path, just a filename");
}

static const struct config_enum sanitize[] = {{"no", 0}, {"yes", 1}, {"clients", 2}, {NULL, 0}};
static const struct config_enum version_check[] = {{"strict", 0}, {"relaxed", 1}, {NULL, 0}};

enum { TEST_ONLY = CONFIG_HIDDEN };

const struct config_item persist_config_items[] = {
    {CONFIG_ITEM_SPECIAL("save", CONFIG_MULTI_ARG, "3600 1 300 100 60 10000", set_save), .rewrite = rewrite_save},
    {CONFIG_ITEM_STRING("dbfilename", CONFIG_PROTECTED, "dump.rdb"), .check = check_dbfilename},
    {CONFIG_ITEM_BOOL("rdbcompression", 0, "yes")},
    {CONFIG_ITEM_BOOL("rdbchecksum", CONFIG_IMMUTABLE, "yes")},
    {CONFIG_ITEM_BOOL("rdb-del-sync-files", CONFIG_INERT, "no")}, /* of replication */
    {CONFIG_ITEM_BOOL("rdb-save-incremental-fsync", 0, "yes")},
    {CONFIG_ITEM_INT("rdb-target-version", 0, "12", RDB_VERSION_MIN_WRITTEN, RDB_VERSION_READ_MAX)},
    {CONFIG_ITEM_INT("rdb-key-save-delay", TEST_ONLY, "0", INT_MIN, INT_MAX)},
    {CONFIG_ITEM_ENUM("rdb-version-check", 0, "strict", version_check)},
    {CONFIG_ITEM_INT("key-load-delay", TEST_ONLY, "0", INT_MIN, INT_MAX)},
    {CONFIG_ITEM_INT("loading-process-events-interval-bytes", TEST_ONLY, "2097152", 1024, INT_MAX)},
    {CONFIG_ITEM_STRING("bgsave_cpulist", CONFIG_IMMUTABLE | CONFIG_ALIAS_HIDDEN, ""), .alias = "bgsave-cpulist"},
    {CONFIG_ITEM_BOOL("stop-writes-on-bgsave-error", 0, "yes")},
    /* What comes from outside is always validated whole: there is no way to say less. */
    {CONFIG_ITEM_ENUM("sanitize-dump-payload", 0, "no", sanitize)},
};
const int persist_config_item_count = (int)ARRAY_LEN(persist_config_items);

void persist_config_bind(struct persist *p)
{
    struct config *c = engine_config(p->engine);
    p->config = (struct persist_config){
        .target_version = config_bind_i64(c, "rdb-target-version"),
        .compression = config_bind_i64(c, "rdbcompression"),
        .checksum = config_bind_i64(c, "rdbchecksum"),
        .incremental_fsync = config_bind_i64(c, "rdb-save-incremental-fsync"),
        .key_save_delay = config_bind_i64(c, "rdb-key-save-delay"),
        .key_load_delay = config_bind_i64(c, "key-load-delay"),
        .stop_writes = config_bind_i64(c, "stop-writes-on-bgsave-error"),
        .relaxed_version = config_bind_i64(c, "rdb-version-check"),
        .load_step_bytes = config_bind_i64(c, "loading-process-events-interval-bytes"),
        .lazy_server_del = config_bind_i64(c, "lazyfree-lazy-server-del"),
        .save = config_bind_str(c, "save"),
        .file = config_bind_str(c, "dbfilename"),
        .cpu_list = config_bind_str(c, "bgsave_cpulist"),
    };
    snapshot_points_parse(p);
    config_on_change(c, "save", change_save, p);
    config_on_change(c, "stop-writes-on-bgsave-error", change_stop_writes, p);
}
