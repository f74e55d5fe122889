/* What the files of persist/ share; only they include this. */
#ifndef CAIRN_PERSIST_PERSIST_IMPL_H
#define CAIRN_PERSIST_PERSIST_IMPL_H

#include "engine/ctx.h"
#include "engine/engine.h"
#include "persist/child.h"
#include "persist/load.h"
#include "persist/persist_shell.h"
#include "persist/snapshot.h"

struct aof;
struct info_section;

/* Directives, bound once. */
struct persist_config {
    const int64_t *target_version; /* rdb-target-version */
    const int64_t *compression, *checksum, *incremental_fsync, *key_save_delay, *key_load_delay;
    const int64_t *stop_writes, *relaxed_version, *load_step_bytes;
    const int64_t *lazy_server_del;
    const char *const *save, *const *file, *const *cpu_list;
};
const struct persist_config *persist_config(struct engine *e);
bool persist_skips_checksum(struct engine *e); /* DEBUG SET-SKIP-CHECKSUM-VALIDATION */

/* The state of the feature. */
struct persist {
    struct engine *engine;
    struct persist_config config;
    const struct persist_shell *shell; /* NULL: there is no disk */
    struct child *child;
    struct snapshot snapshot;
    struct load load;
    struct aof *aof;
    struct buf functions; /* libraries of the file that was loaded, as in struct rdb_loaded: saved again as they came */
    bool skip_checksum, save_at_turn_end;
    char aof_error[128]; /* what writes to the append-only file fail with; "": nothing */
};
struct persist *persist_of(struct engine *e);

/* persist_config.c */
void persist_config_bind(struct persist *p); /* when all features have registered theirs */

/* persist_info.c */
extern const struct info_section persist_info;

/* persist_debug.c: DEBUG's subcommands of this folder; false: it is none of them. */
bool persist_debug(struct ctx *ctx, void *state);
void persist_flush_all(struct ctx *ctx); /* the log is not told */

#endif
