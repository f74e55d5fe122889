/* The engine's directives: memory, keyspace, limits of commands, statistics, switches of dangerous commands. */
#include "engine/engine_config.h"

#include "base/num.h"
#include "engine/engine_impl.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

enum { HZ_MIN = 1, HZ_MAX = 500 };

static const struct config_enum policies[] = {{"volatile-lru", MAXMEMORY_LRU | MAXMEMORY_VOLATILE},
                                              {"volatile-lfu", MAXMEMORY_LFU | MAXMEMORY_VOLATILE},
                                              {"volatile-random", MAXMEMORY_RANDOM | MAXMEMORY_VOLATILE},
                                              {"volatile-ttl", MAXMEMORY_TTL | MAXMEMORY_VOLATILE},
                                              {"allkeys-lru", MAXMEMORY_LRU},
                                              {"allkeys-lfu", MAXMEMORY_LFU},
                                              {"allkeys-random", MAXMEMORY_RANDOM},
                                              {"noeviction", MAXMEMORY_NOEVICTION},
                                              {NULL, 0}};

static const struct config_enum enable_for[] = {{"no", ENABLE_NO},
                                                {"yes", ENABLE_YES},
                                                {"local", ENABLE_LOCAL},
                                                {NULL, 0}};

/* --- effects --- */

static bool apply_maxmemory(void *owner, struct buf *err)
{
    (void)err;
    struct engine *e = owner;
    engine_arm(e, GATE_MEMORY, *e->cfg_maxmemory > 0);
    if (e->store != NULL)
        (void)engine_evict(e);
    return true;
}

static bool apply_slow(void *owner, struct buf *err)
{
    (void)err;
    engine_ticks_calibrate(owner);
    return true;
}

static bool apply_hz(void *owner, struct buf *err)
{
    (void)err;
    struct engine *e = owner;
    int64_t hz = *config_bind_i64(e->config, "hz");
    config_store_i64(e->config, "hz", hz < HZ_MIN ? HZ_MIN : hz > HZ_MAX ? HZ_MAX : hz);
    return true;
}

void engine_limits_update(struct engine *e)
{
    const struct {
        int64_t *at;
        const char *name;
    } limits[] = {
        {&e->limits.hash_listpack_entries, "hash-max-listpack-entries"},
        {&e->limits.hash_listpack_value, "hash-max-listpack-value"},
        {&e->limits.set_intset_entries, "set-max-intset-entries"},
        {&e->limits.set_listpack_entries, "set-max-listpack-entries"},
        {&e->limits.set_listpack_value, "set-max-listpack-value"},
        {&e->limits.zset_listpack_entries, "zset-max-listpack-entries"},
        {&e->limits.zset_listpack_value, "zset-max-listpack-value"},
        {&e->limits.list_listpack_size, "list-max-listpack-size"},
        {&e->limits.list_compress_depth, "list-compress-depth"},
        {&e->limits.stream_node_max_bytes, "stream-node-max-bytes"},
        {&e->limits.stream_node_max_entries, "stream-node-max-entries"},
        {&e->limits.hll_sparse_max_bytes, "hll-sparse-max-bytes"},
    };
    for (size_t i = 0; i < ARRAY_LEN(limits); i++)
        *limits[i].at = *config_bind_i64(e->config, limits[i].name);
}

static bool apply_limits(void *owner, struct buf *err)
{
    (void)err;
    engine_limits_update(owner);
    return true;
}

/* --- latency-tracking-info-percentiles --- */

static bool set_percentiles(void *owner, const struct config_input *in, struct buf *value, struct buf *err)
{
    (void)owner;
    for (int i = 0; i < in->argc; i++) {
        double v;
        if (slice_to_double(in->argv[i], &v) != ST_OK || i == LATENCY_PERCENTILES_MAX) {
            buf_append_slice(err, SLICE("Invalid latency-tracking-info-percentiles parameters"));
            return false;
        }
        if (v < 0 || v > 100) {
            buf_append_slice(err, SLICE("latency-tracking-info-percentiles parameters should sit between [0.0,100.0]"));
            return false;
        }
        char text[NUM_DOUBLE_TEXT_MAX];
        int len = double_to_text(text, v);
        if (i > 0)
            buf_append_char(value, ' ');
        buf_append(value, text, (size_t)len);
    }
    return true;
}

int config_latency_percentiles(struct config *c, double out[LATENCY_PERCENTILES_MAX])
{
    const char *text = *config_bind_str(c, "latency-tracking-info-percentiles");
    int count = 0;
    char *end;
    for (; count < LATENCY_PERCENTILES_MAX && *text != '\0'; text = end) {
        out[count] = strtod(text, &end);
        if (end == text)
            break;
        count++;
    }
    return count;
}

/* --- notify-keyspace-events --- */

enum { /* the order of the letters is that of CONFIG GET */
    EVENTS_GENERIC = 1 << 0,
    EVENTS_STRING = 1 << 1,
    EVENTS_LIST = 1 << 2,
    EVENTS_SET = 1 << 3,
    EVENTS_HASH = 1 << 4,
    EVENTS_ZSET = 1 << 5,
    EVENTS_EXPIRED = 1 << 6,
    EVENTS_EVICTED = 1 << 7,
    EVENTS_STREAM = 1 << 8,
    EVENTS_MODULE = 1 << 9,
    EVENTS_ALL = (1 << 10) - 1,
    EVENTS_NEW = 1 << 10,
    EVENTS_KEYSPACE = 1 << 11,
    EVENTS_KEYEVENT = 1 << 12,
    EVENTS_KEY_MISS = 1 << 13
};

static const struct {
    char letter;
    uint32_t bits;
} event_letters[] = {{'A', EVENTS_ALL},     {'g', EVENTS_GENERIC}, {'$', EVENTS_STRING},  {'l', EVENTS_LIST},
                     {'s', EVENTS_SET},     {'h', EVENTS_HASH},    {'z', EVENTS_ZSET},    {'x', EVENTS_EXPIRED},
                     {'e', EVENTS_EVICTED}, {'t', EVENTS_STREAM},  {'d', EVENTS_MODULE},  {'n', EVENTS_NEW},
                     {'K', EVENTS_KEYSPACE}, {'E', EVENTS_KEYEVENT}, {'m', EVENTS_KEY_MISS}};

static bool set_events(void *owner, const struct config_input *in, struct buf *value, struct buf *err)
{
    (void)owner;
    uint32_t bits = 0;
    for (size_t i = 0; i < in->argv[0].len; i++) {
        size_t k = 0;
        while (k < ARRAY_LEN(event_letters) && event_letters[k].letter != in->argv[0].ptr[i])
            k++;
        if (k == ARRAY_LEN(event_letters)) {
            buf_append_slice(err, SLICE("Invalid event class character. Use 'Ag$lshzxeKEtmdn'."));
            return false;
        }
        bits |= event_letters[k].bits;
    }
    /* A stands for its letters, and n goes unsaid beside it, as Redis prints it. */
    bool all = (bits & EVENTS_ALL) == EVENTS_ALL;
    for (size_t k = 0; k < ARRAY_LEN(event_letters); k++) {
        uint32_t b = event_letters[k].bits;
        bool covered = all && k > 0 && (b & (EVENTS_ALL | EVENTS_NEW));
        if ((bits & b) == b && !covered)
            buf_append_char(value, event_letters[k].letter);
    }
    return true;
}

const struct config_item engine_config_items[] = {
    /* memory */
    {CONFIG_ITEM_BYTES("maxmemory", CONFIG_UNSIGNED, "0", 0, INT64_MAX), .apply = apply_maxmemory},
    {CONFIG_ITEM_ENUM("maxmemory-policy", 0, "noeviction", policies)},
    {CONFIG_ITEM_INT("maxmemory-samples", 0, "5", 1, INT_MAX)},
    {CONFIG_ITEM_INT("maxmemory-eviction-tenacity", 0, "10", 0, 100)},
    {CONFIG_ITEM_INT("lfu-log-factor", 0, "10", 0, INT_MAX)},
    {CONFIG_ITEM_INT("lfu-decay-time", 0, "1", 0, INT_MAX)},
    {CONFIG_ITEM_BOOL("lazyfree-lazy-eviction", 0, "no")},
    {CONFIG_ITEM_BOOL("lazyfree-lazy-expire", 0, "no")},
    {CONFIG_ITEM_BOOL("lazyfree-lazy-server-del", 0, "no")},
    {CONFIG_ITEM_BOOL("lazyfree-lazy-user-del", 0, "no")},
    {CONFIG_ITEM_BOOL("lazyfree-lazy-user-flush", 0, "no")},
    /* keyspace and time */
    {CONFIG_ITEM_INT("databases", CONFIG_IMMUTABLE, "16", 1, INT_MAX)},
    {CONFIG_ITEM_INT("active-expire-effort", 0, "1", 1, 10)},
    {CONFIG_ITEM_INT("hz", 0, "10", 0, INT_MAX), .apply = apply_hz},
    {CONFIG_ITEM_BOOL("dynamic-hz", CONFIG_INERT, "yes")},
    {CONFIG_ITEM_BOOL("activerehashing", CONFIG_INERT, "yes")},
    {CONFIG_ITEM_SPECIAL("notify-keyspace-events", CONFIG_INERT, "", set_events)},
    /* requests */
    {CONFIG_ITEM_STRING("requirepass", CONFIG_SENSITIVE, "")},
    {CONFIG_ITEM_BYTES("proto-max-bulk-len", 0, "512mb", 1024 * 1024, LONG_MAX)},
    {CONFIG_ITEM_INT("busy-reply-threshold", CONFIG_INERT, "5000", 0, LONG_MAX), .alias = "lua-time-limit"},
    {CONFIG_ITEM_ENUM("enable-debug-command", CONFIG_IMMUTABLE, "no", enable_for)},
    {CONFIG_ITEM_ENUM("enable-module-command", CONFIG_IMMUTABLE, "no", enable_for)},
    {CONFIG_ITEM_ENUM("enable-protected-configs", CONFIG_IMMUTABLE, "no", enable_for)},
    {.name = "rename-command", .flags = CONFIG_FILE_ONLY, .min = 2, .max = 2},
    /* what is measured and told */
    {CONFIG_ITEM_BOOL("latency-tracking", 0, "yes")},
    {CONFIG_ITEM_SPECIAL("latency-tracking-info-percentiles", CONFIG_MULTI_ARG, "50 99 99.9", set_percentiles)},
    {CONFIG_ITEM_INT("latency-monitor-threshold", 0, "0", 0, LLONG_MAX), .apply = apply_slow},
    {CONFIG_ITEM_INT("slowlog-log-slower-than", 0, "10000", -1, LLONG_MAX), .alias = "commandlog-execution-slower-than",
     .apply = apply_slow},
    {CONFIG_ITEM_INT("slowlog-max-len", 0, "128", 0, LONG_MAX), .alias = "commandlog-slow-execution-max-len"},
    {CONFIG_ITEM_BOOL("hide-user-data-from-log", 0, "no")},
    /* encodings */
    {CONFIG_ITEM_INT("hash-max-listpack-entries", 0, "512", 0, LONG_MAX), .alias = "hash-max-ziplist-entries",
     .apply = apply_limits},
    {CONFIG_ITEM_BYTES("hash-max-listpack-value", 0, "64", 0, LONG_MAX), .alias = "hash-max-ziplist-value",
     .apply = apply_limits},
    {CONFIG_ITEM_INT("set-max-intset-entries", 0, "512", 0, LONG_MAX), .apply = apply_limits},
    {CONFIG_ITEM_INT("set-max-listpack-entries", 0, "128", 0, LONG_MAX), .apply = apply_limits},
    {CONFIG_ITEM_BYTES("set-max-listpack-value", 0, "64", 0, LONG_MAX), .apply = apply_limits},
    {CONFIG_ITEM_INT("zset-max-listpack-entries", 0, "128", 0, LONG_MAX), .alias = "zset-max-ziplist-entries",
     .apply = apply_limits},
    {CONFIG_ITEM_BYTES("zset-max-listpack-value", 0, "64", 0, LONG_MAX), .alias = "zset-max-ziplist-value",
     .apply = apply_limits},
    {CONFIG_ITEM_INT("list-max-listpack-size", 0, "-2", INT_MIN, INT_MAX), .alias = "list-max-ziplist-size",
     .apply = apply_limits},
    {CONFIG_ITEM_INT("list-compress-depth", 0, "0", 0, INT_MAX), .apply = apply_limits},
    {CONFIG_ITEM_BYTES("stream-node-max-bytes", 0, "4096", 0, LONG_MAX), .apply = apply_limits},
    {CONFIG_ITEM_INT("stream-node-max-entries", 0, "100", 0, LLONG_MAX), .apply = apply_limits},
    {CONFIG_ITEM_BYTES("hll-sparse-max-bytes", 0, "3000", 0, LONG_MAX), .apply = apply_limits},
    {.name = "list-max-ziplist-entries", .flags = CONFIG_IGNORED},
    {.name = "list-max-ziplist-value", .flags = CONFIG_IGNORED},
    {.name = "lua-replicate-commands", .flags = CONFIG_IGNORED},
};
const int engine_config_item_count = (int)ARRAY_LEN(engine_config_items);
