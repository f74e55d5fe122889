/* Observation: INFO, CONFIG, COMMAND, MEMORY, SLOWLOG, LATENCY, DEBUG and the other commands about the server itself.
 */
#ifndef CAIRN_OBSERVE_OBSERVE_FEATURE_H
#define CAIRN_OBSERVE_OBSERVE_FEATURE_H

#include "engine/feature.h"
#include "observe/host_info.h"

extern const struct feature observe_feature;

#endif
