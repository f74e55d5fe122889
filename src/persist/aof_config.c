/* The directives of the append-only file. */
#include "persist/aof_impl.h"

#include "persist/persist_config.h"

#include <limits.h>
#include <string.h>

static bool no(struct buf *err, const char *why)
{
    buf_append(err, why, strlen(why));
    return false;
}

static bool check_file(void *owner, const char *text, int64_t number, struct buf *err)
{
    (void)owner;
    (void)number;
    if (text[0] == '\0') return no(err, "appendfilename can't be empty");
    return strchr(text, '/') == NULL || no(err, "appendfilename can't be a path, just a filename");
}

static bool check_dir(void *owner, const char *text, int64_t number, struct buf *err)
{
    (void)owner;
    (void)number;
    if (text[0] == '\0') return no(err, "appenddirname can't be empty");
    return strchr(text, '/') == NULL || no(err, "appenddirname can't be a path, just a dirname");
}

static const struct config_enum fsync_policies[] = {{"everysec", AOF_FSYNC_EVERYSEC},
                                                    {"always", AOF_FSYNC_ALWAYS},
                                                    {"no", AOF_FSYNC_NO},
                                                    {NULL, 0}};

const struct config_item aof_config_items[] = {
    {CONFIG_ITEM_BOOL("appendonly", CONFIG_DENY_LOADING, "no")},
    {CONFIG_ITEM_STRING("appendfilename", CONFIG_IMMUTABLE, "appendonly.aof"), .check = check_file},
    {CONFIG_ITEM_STRING("appenddirname", CONFIG_IMMUTABLE, "appendonlydir"), .check = check_dir},
    {CONFIG_ITEM_ENUM("appendfsync", 0, "everysec", fsync_policies)},
    {CONFIG_ITEM_BOOL("no-appendfsync-on-rewrite", 0, "no")},
    {CONFIG_ITEM_INT("auto-aof-rewrite-percentage", 0, "100", 0, INT_MAX)},
    {CONFIG_ITEM_BYTES("auto-aof-rewrite-min-size", 0, "64mb", 0, LLONG_MAX)},
    {CONFIG_ITEM_BOOL("aof-load-truncated", 0, "yes")},
    {CONFIG_ITEM_BYTES("aof-load-corrupt-tail-max-size", 0, "0", 0, LLONG_MAX)},
    {CONFIG_ITEM_BOOL("aof-use-rdb-preamble", 0, "yes")},
    {CONFIG_ITEM_BOOL("aof-timestamp-enabled", 0, "no")},
    {CONFIG_ITEM_BOOL("aof-rewrite-incremental-fsync", 0, "yes")},
    {CONFIG_ITEM_STRING("aof_rewrite_cpulist", CONFIG_IMMUTABLE | CONFIG_ALIAS_HIDDEN, ""),
     .alias = "aof-rewrite-cpulist"},
    {CONFIG_ITEM_BOOL("aof-disable-auto-gc", 0, "no")},
    {CONFIG_ITEM_BOOL("aof-checksum", CONFIG_HIDDEN, "yes")}, /* ours: records with a checksum (aof_record.h) */
};
const int aof_config_item_count = (int)ARRAY_LEN(aof_config_items);

/* Turning it off is stopping; on, beginning with a rewrite. At the start aof_start looks at it. */
static bool change_appendonly(void *arg, struct buf *err)
{
    struct aof *a = arg;
    if (!a->started) return true;
    bool on = *a->config.appendonly != 0;
    return on == (a->state != AOF_OFF) || aof_switch(a, on, engine_in_exec(a->engine), err);
}

/* What was kept while it was off goes when it is on again. */
static bool change_gc(void *arg, struct buf *err)
{
    struct aof *a = arg;
    (void)err;
    if (a->started && a->p->shell != NULL) aof_collect_garbage(a);
    return true;
}

void aof_bind(struct aof *a)
{
    struct config *c = engine_config(a->engine);
    a->config = (struct aof_config){
        .appendonly = config_bind_i64(c, "appendonly"),
        .fsync = config_bind_i64(c, "appendfsync"),
        .no_fsync_on_rewrite = config_bind_i64(c, "no-appendfsync-on-rewrite"),
        .rewrite_percent = config_bind_i64(c, "auto-aof-rewrite-percentage"),
        .rewrite_min_size = config_bind_i64(c, "auto-aof-rewrite-min-size"),
        .load_truncated = config_bind_i64(c, "aof-load-truncated"),
        .corrupt_tail_max = config_bind_i64(c, "aof-load-corrupt-tail-max-size"),
        .rdb_preamble = config_bind_i64(c, "aof-use-rdb-preamble"),
        .timestamps = config_bind_i64(c, "aof-timestamp-enabled"),
        .incremental_fsync = config_bind_i64(c, "aof-rewrite-incremental-fsync"),
        .disable_gc = config_bind_i64(c, "aof-disable-auto-gc"),
        .checksum = config_bind_i64(c, "aof-checksum"),
        .file = config_bind_str(c, "appendfilename"),
        .dir = config_bind_str(c, "appenddirname"),
        .cpu_list = config_bind_str(c, "aof_rewrite_cpulist"),
    };
    config_on_change(c, "appendonly", change_appendonly, a);
    config_on_change(c, "aof-disable-auto-gc", change_gc, a);
}
