/* The directives of sockets and connections, and those of their values that need a form of their own. */
#ifndef CAIRN_NET_NET_CONFIG_H
#define CAIRN_NET_NET_CONFIG_H

#include "engine/config.h"

#include <stdint.h>

struct net_settings; /* bind addresses and output limits, parsed; the owner with which the table must be registered */

extern const struct config_item net_config_items[];
extern const int net_config_item_count;

struct net_settings *net_settings_new(struct config *c); /* c outlives it */
void net_settings_free(struct net_settings *s);

enum output_class { OUTPUT_NORMAL, OUTPUT_REPLICA, OUTPUT_PUBSUB };
enum { OUTPUT_CLASSES = 3, BIND_ADDRESSES_MAX = 16 };
enum io_backend { IO_BACKEND_AUTO, IO_BACKEND_EPOLL, IO_BACKEND_URING };

struct output_limit {
    uint64_t hard_bytes, soft_bytes, soft_seconds; /* 0: none */
};

/* Views of the settings, valid until the next change of the directive; behind config_start. The look-up costs a binary
 * search. */
const struct output_limit *net_output_limit(const struct config *c, enum output_class cls);
const char *const *net_bind_addresses(const struct config *c, int *count);

#endif
