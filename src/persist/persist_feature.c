/* The feature of this folder: its directives and commands. */
#include "persist/persist_feature.h"

#include "base/mem.h"
#include "engine/config.h"
#include "persist/persist_cmds.h"
#include "persist/persist_impl.h"
#include "persist/rdb_format.h"

struct persist {
    struct persist_config config;
    bool skip_checksum;
};

static const struct command *const tables[] = {persist_commands, NULL};

static const struct config_item items[] = {
    {CONFIG_ITEM_INT("rdb-target-version", 0, "12", RDB_VERSION_MIN_WRITTEN, RDB_VERSION_READ_MAX)},
};

static void *feature_init(struct engine *e)
{
    (void)e;
    return mem_zalloc(sizeof(struct persist));
}

static bool feature_start(struct engine *e, void *state, struct buf *err)
{
    struct persist *p = state;
    struct config *config = engine_config(e);
    (void)err;
    p->config = (struct persist_config){
        .target_version = config_bind_i64(config, "rdb-target-version"),
        .lazy_server_del = config_bind_i64(config, "lazyfree-lazy-server-del"),
    };
    return true;
}

static void feature_stop(struct engine *e, void *state)
{
    (void)e;
    mem_free(state);
}

const struct feature persist_feature = {
    .name = "persist",
    .tables = tables,
    .config = items,
    .config_count = (int)ARRAY_LEN(items),
    .init = feature_init,
    .start = feature_start,
    .stop = feature_stop,
};

const struct persist_config *persist_config(struct engine *e)
{
    return &((struct persist *)engine_feature_state(e, &persist_feature))->config;
}

bool persist_skips_checksum(struct engine *e)
{
    return ((struct persist *)engine_feature_state(e, &persist_feature))->skip_checksum;
}
