/* The directives of persistence, as a table. */
#ifndef CAIRN_PERSIST_PERSIST_CONFIG_H
#define CAIRN_PERSIST_PERSIST_CONFIG_H

#include "engine/config.h"

extern const struct config_item persist_config_items[]; /* need no owner */
extern const int persist_config_item_count;

extern const struct config_item aof_config_items[]; /* aof_config.c */
extern const int aof_config_item_count;

#endif
