/* What values are told by configuration: up to where small forms go, and the seed of the tables of large ones. */
#ifndef CAIRN_VALUE_LIMITS_H
#define CAIRN_VALUE_LIMITS_H

#include "base/hash.h"

#include <stdint.h>

/* Numbers as the directives of the same names give them; counts in elements, the others in bytes. */
struct value_limits {
    const struct hash_seed *seed; /* borrowed for the life of every value that was made with it */
    int64_t hash_listpack_entries, hash_listpack_value;
    int64_t set_intset_entries, set_listpack_entries, set_listpack_value;
    int64_t zset_listpack_entries, zset_listpack_value;
    int64_t list_listpack_size; /* -1..-5: 4 KB to 64 KB for a node; above 0: elements */
    int64_t list_compress_depth;
    int64_t stream_node_max_bytes, stream_node_max_entries; /* 0: no limit */
    int64_t hll_sparse_max_bytes;
};

#endif
