/* What this folder brings along: the commands on strings, keys of any type, connections and transactions. */
#ifndef CAIRN_CMD_CMD_FEATURE_H
#define CAIRN_CMD_CMD_FEATURE_H

#include "engine/feature.h"

extern const struct feature cmd_feature;

#endif
