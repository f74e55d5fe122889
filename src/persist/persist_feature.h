/* Persistence as a feature: DUMP, RESTORE, snapshots, the append-only file. */
#ifndef CAIRN_PERSIST_PERSIST_FEATURE_H
#define CAIRN_PERSIST_PERSIST_FEATURE_H

#include "engine/feature.h"

extern const struct feature persist_feature;

#endif
