/* What this folder brings along: the directives of sockets and connections. */
#ifndef CAIRN_NET_NET_FEATURE_H
#define CAIRN_NET_NET_FEATURE_H

#include "engine/feature.h"

extern const struct feature net_feature;

#endif
