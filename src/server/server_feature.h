/* What the server itself brings along: the directives of the process, and those of parts to come. */
#ifndef CAIRN_SERVER_SERVER_FEATURE_H
#define CAIRN_SERVER_SERVER_FEATURE_H

#include "engine/feature.h"

extern const struct feature server_feature;

#endif
