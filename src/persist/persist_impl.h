/* What the files of persist/ share; only they include this. */
#ifndef CAIRN_PERSIST_PERSIST_IMPL_H
#define CAIRN_PERSIST_PERSIST_IMPL_H

#include "engine/ctx.h"
#include "engine/engine.h"

/* Directives, bound once. */
struct persist_config {
    const int64_t *target_version; /* rdb-target-version */
    const int64_t *lazy_server_del;
};
const struct persist_config *persist_config(struct engine *e);
bool persist_skips_checksum(struct engine *e); /* DEBUG SET-SKIP-CHECKSUM-VALIDATION */

#endif
