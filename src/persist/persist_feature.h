/* Persistence as a feature: DUMP, RESTORE, snapshots, the append-only file; and what the server calls at its start and
 * end. */
#ifndef CAIRN_PERSIST_PERSIST_FEATURE_H
#define CAIRN_PERSIST_PERSIST_FEATURE_H

#include "engine/feature.h"

#include <stdint.h>

extern const struct feature persist_feature;

/* Loads what the configuration names; the shell is set, sockets listen. False: the log says why, the server ends with
 * an error. *stopped: the shell's serve ended it, which is no error. */
bool persist_load(struct engine *e, bool *stopped);
/* Before the server ends: a child that writes is ended, what must be saved is saved. flags: enum shutdown_flag. False:
 * that failed, and the server goes on. */
bool persist_shutdown(struct engine *e, uint32_t flags);

#endif
