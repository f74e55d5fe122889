/* The directives of parts that do not exist yet: persistence, replication, cluster, scripts, access lists. They are
 * accepted, checked, stored and listed; a part that comes takes its rows along. */
#ifndef CAIRN_SERVER_FUTURE_CONFIG_H
#define CAIRN_SERVER_FUTURE_CONFIG_H

#include "engine/config.h"

/* To be registered with the registry itself as the owner. */
extern const struct config_item future_config_items[];
extern const int future_config_item_count;

#endif
