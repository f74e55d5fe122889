/* The directives of parts that do not exist yet. */
#include "server/future_config.h"

#include "base/num.h"
#include "engine/config.h"

#include <ctype.h>
#include <limits.h>
#include <string.h>

enum { HOST_NAME_MAX_LEN = 256, BACKLOG_BYTES_MIN = 16 * 1024 };

static bool no(struct buf *err, const char *why)
{
    buf_append(err, why, strlen(why));
    return false;
}

/* --- replicaof --- */

static bool set_replicaof(void *owner, const struct config_input *in, struct buf *value, struct buf *err)
{
    (void)owner;
    int64_t port;
    if (in->argc == 0 || (in->argc == 2 && slice_is(in->argv[0], "no") && slice_is(in->argv[1], "one")))
        return true;
    if (in->argc != 2)
        return no(err, "wrong number of arguments");
    if (slice_to_i64(in->argv[1], &port) != ST_OK || port < 0 || port > 65535)
        return no(err, "Invalid master port");
    buf_append_slice(value, in->argv[0]);
    buf_append_char(value, ' ');
    buf_append_i64(value, port);
    return true;
}

/* --- repl-backlog-size: less than its minimum is raised to it --- */

static bool apply_backlog(void *owner, struct buf *err)
{
    (void)err;
    if (*config_bind_i64(owner, "repl-backlog-size") < BACKLOG_BYTES_MIN)
        config_store_i64(owner, "repl-backlog-size", BACKLOG_BYTES_MIN);
    return true;
}

/* --- checks --- */

static bool check_host_name(void *owner, const char *text, int64_t number, struct buf *err)
{
    (void)owner;
    (void)number;
    if (strlen(text) >= HOST_NAME_MAX_LEN) {
        buf_appendf(err, "Hostnames must be less than %d characters", HOST_NAME_MAX_LEN);
        return false;
    }
    for (const char *at = text; *at != '\0'; at++)
        if (!isalnum((unsigned char)*at) && *at != '-' && *at != '.')
            return no(err, "Hostnames may only contain alphanumeric characters, hyphens or dots");
    return true;
}

static bool check_sentinel(void *owner, const char *text, int64_t number, struct buf *err)
{
    (void)owner;
    (void)text;
    (void)number;
    return no(err, "sentinel directive while not in sentinel mode");
}

/* --- the table --- */

static const struct config_enum diskless_load[] = {{"disabled", 0}, {"on-empty-db", 1}, {"swapdb", 2}, {NULL, 0}};
static const struct config_enum channels[] = {{"allchannels", 1}, {"resetchannels", 0}, {NULL, 0}};
static const struct config_enum endpoints[] = {{"ip", 0}, {"hostname", 1}, {"unknown-endpoint", 2}, {NULL, 0}};
static const struct config_enum on_propagation_error[] = {{"ignore", 0},
                                                          {"panic", 1},
                                                          {"panic-on-replicas", 2},
                                                          {NULL, 0}};
enum {
    LATER = CONFIG_INERT,
    FIXED = CONFIG_INERT | CONFIG_IMMUTABLE,
    NEW_FIXED = CONFIG_INERT | CONFIG_IMMUTABLE | CONFIG_HIDDEN, /* Redis 7.0 does not list it */
    TEST_ONLY = CONFIG_INERT | CONFIG_HIDDEN,
    SECRET = CONFIG_INERT | CONFIG_SENSITIVE,
    OTHER_NAME = CONFIG_ALIAS_HIDDEN
};

const struct config_item future_config_items[] = {
    /* replication */
    {CONFIG_ITEM_SPECIAL("replicaof", FIXED | CONFIG_MULTI_ARG, "", set_replicaof), .alias = "slaveof"},
    {CONFIG_ITEM_STRING("masterauth", SECRET | OTHER_NAME, ""), .alias = "primaryauth"},
    {CONFIG_ITEM_STRING("masteruser", SECRET | OTHER_NAME, ""), .alias = "primaryuser"},
    {CONFIG_ITEM_BOOL("replica-serve-stale-data", LATER, "yes"), .alias = "slave-serve-stale-data"},
    {CONFIG_ITEM_BOOL("replica-read-only", LATER, "yes"), .alias = "slave-read-only"},
    {CONFIG_ITEM_BOOL("replica-lazy-flush", LATER, "no"), .alias = "slave-lazy-flush"},
    {CONFIG_ITEM_BOOL("replica-ignore-maxmemory", LATER, "yes"), .alias = "slave-ignore-maxmemory"},
    {CONFIG_ITEM_BOOL("replica-ignore-disk-write-errors", LATER, "no")},
    {CONFIG_ITEM_BOOL("replica-announced", LATER, "yes")},
    {CONFIG_ITEM_STRING("replica-announce-ip", LATER, ""), .alias = "slave-announce-ip"},
    {CONFIG_ITEM_INT("replica-announce-port", LATER, "0", 0, 65535), .alias = "slave-announce-port"},
    {CONFIG_ITEM_INT("replica-priority", LATER, "100", 0, INT_MAX), .alias = "slave-priority"},
    {CONFIG_ITEM_BYTES("replica-full-sync-buffer-limit", LATER, "0", 0, LLONG_MAX)},
    {CONFIG_ITEM_BYTES("repl-backlog-size", LATER, "1mb", 1, LLONG_MAX), .apply = apply_backlog},
    {CONFIG_ITEM_INT("repl-backlog-ttl", LATER, "3600", 0, LONG_MAX)},
    {CONFIG_ITEM_BOOL("repl-disable-tcp-nodelay", LATER, "no")},
    {CONFIG_ITEM_BOOL("repl-diskless-sync", LATER, "yes")},
    {CONFIG_ITEM_INT("repl-diskless-sync-delay", LATER, "5", 0, INT_MAX)},
    {CONFIG_ITEM_INT("repl-diskless-sync-max-replicas", LATER, "0", 0, INT_MAX)},
    {CONFIG_ITEM_ENUM("repl-diskless-load", LATER | CONFIG_DENY_LOADING, "disabled", diskless_load)},
    {CONFIG_ITEM_INT("repl-ping-replica-period", LATER, "10", 1, INT_MAX), .alias = "repl-ping-slave-period"},
    {CONFIG_ITEM_INT("repl-timeout", LATER, "60", 1, INT_MAX)},
    {CONFIG_ITEM_BOOL("repl-mptcp", LATER, "no")},
    {CONFIG_ITEM_BOOL("dual-channel-replication-enabled", LATER, "no")},
    {CONFIG_ITEM_INT("min-replicas-to-write", LATER, "0", 0, INT_MAX), .alias = "min-slaves-to-write"},
    {CONFIG_ITEM_INT("min-replicas-max-lag", LATER, "10", 0, INT_MAX), .alias = "min-slaves-max-lag"},
    {CONFIG_ITEM_ENUM("propagation-error-behavior", LATER, "ignore", on_propagation_error)},
    /* cluster */
    {CONFIG_ITEM_BOOL("cluster-enabled", FIXED, "no")},
    {CONFIG_ITEM_STRING("cluster-config-file", FIXED, "nodes.conf")},
    {CONFIG_ITEM_INT("cluster-port", FIXED, "0", 0, 65535)},
    {CONFIG_ITEM_INT("cluster-databases", NEW_FIXED, "1", 1, INT_MAX)},
    {CONFIG_ITEM_INT("cluster-node-timeout", LATER, "15000", 0, LLONG_MAX)},
    {CONFIG_ITEM_INT("cluster-ping-interval", TEST_ONLY, "0", 0, LLONG_MAX)},
    {CONFIG_ITEM_STRING("cluster-announce-ip", LATER, "")},
    {CONFIG_ITEM_STRING("cluster-announce-hostname", LATER, ""), .check = check_host_name},
    {CONFIG_ITEM_STRING("cluster-announce-human-nodename", LATER, "")},
    {CONFIG_ITEM_STRING("cluster-announce-client-ipv4", LATER, "")},
    {CONFIG_ITEM_STRING("cluster-announce-client-ipv6", LATER, "")},
    {CONFIG_ITEM_INT("cluster-announce-port", LATER, "0", 0, 65535)},
    {CONFIG_ITEM_INT("cluster-announce-tls-port", LATER, "0", 0, 65535)},
    {CONFIG_ITEM_INT("cluster-announce-bus-port", LATER, "0", 0, 65535)},
    {CONFIG_ITEM_INT("cluster-announce-client-port", LATER, "0", 0, 65535)},
    {CONFIG_ITEM_INT("cluster-announce-client-tls-port", LATER, "0", 0, 65535)},
    {CONFIG_ITEM_ENUM("cluster-preferred-endpoint-type", LATER, "ip", endpoints)},
    {CONFIG_ITEM_BOOL("cluster-replica-no-failover", LATER, "no"), .alias = "cluster-slave-no-failover"},
    {CONFIG_ITEM_INT("cluster-replica-validity-factor", LATER, "10", 0, INT_MAX),
     .alias = "cluster-slave-validity-factor"},
    {CONFIG_ITEM_INT("cluster-migration-barrier", LATER, "1", 0, INT_MAX)},
    {CONFIG_ITEM_INT("cluster-manual-failover-timeout", LATER, "5000", 1, INT_MAX)},
    {CONFIG_ITEM_BOOL("cluster-allow-replica-migration", LATER, "yes")},
    {CONFIG_ITEM_BOOL("cluster-allow-reads-when-down", LATER, "no")},
    {CONFIG_ITEM_BOOL("cluster-allow-pubsubshard-when-down", LATER, "yes")},
    {CONFIG_ITEM_BOOL("cluster-require-full-coverage", LATER, "yes")},
    {CONFIG_ITEM_BOOL("cluster-slot-stats-enabled", LATER, "no")},
    {CONFIG_ITEM_BYTES("cluster-link-sendbuf-limit", LATER | CONFIG_UNSIGNED, "0", 0, LLONG_MAX)},
    {CONFIG_ITEM_INT("cluster-blacklist-ttl", LATER, "60", 0, LONG_MAX)},
    {.name = "sentinel", .flags = CONFIG_FILE_ONLY, .check = check_sentinel},
    /* access lists, modules, scripts */
    {CONFIG_ITEM_STRING("aclfile", FIXED, "")},
    {CONFIG_ITEM_ENUM("acl-pubsub-default", LATER, "resetchannels", channels)},
    {CONFIG_ITEM_INT("acllog-max-len", LATER, "128", 0, LONG_MAX)},
    {.name = "user", .flags = CONFIG_FILE_ONLY | CONFIG_SENSITIVE, .min = 1},
    {.name = "loadmodule", .flags = CONFIG_FILE_ONLY, .min = 1},
    {CONFIG_ITEM_BOOL("lua-enable-deprecated-api", TEST_ONLY | CONFIG_IMMUTABLE, "no")},
    /* clients and statistics of other parts */
    {CONFIG_ITEM_INT("tracking-table-max-keys", LATER, "1000000", 0, LONG_MAX)},
    {CONFIG_ITEM_INT("client-default-resp", TEST_ONLY, "2", 2, 3)},
    {CONFIG_ITEM_STRING("req-res-logfile", TEST_ONLY | CONFIG_IMMUTABLE, "")},
    {CONFIG_ITEM_STRING("locale-collate", LATER, "")},
    {CONFIG_ITEM_STRING("availability-zone", LATER, "")},
    {CONFIG_ITEM_BOOL("import-mode", LATER, "no")},
    {CONFIG_ITEM_BOOL("extended-redis-compatibility", LATER, "no")},
    {CONFIG_ITEM_INT("commandlog-request-larger-than", LATER, "1048576", -1, LLONG_MAX)},
    {CONFIG_ITEM_INT("commandlog-large-request-max-len", LATER, "128", 0, LONG_MAX)},
    {CONFIG_ITEM_INT("commandlog-reply-larger-than", LATER, "1048576", -1, LLONG_MAX)},
    {CONFIG_ITEM_INT("commandlog-large-reply-max-len", LATER, "128", 0, LONG_MAX)},
    /* defragmentation */
    {CONFIG_ITEM_BOOL("activedefrag", LATER, "no")},
    {CONFIG_ITEM_INT("active-defrag-cycle-min", LATER, "1", 1, 99)},
    {CONFIG_ITEM_INT("active-defrag-cycle-max", LATER, "25", 1, 99)},
    {CONFIG_ITEM_INT("active-defrag-cycle-us", LATER, "500", 0, 100000)},
    {CONFIG_ITEM_INT("active-defrag-threshold-lower", LATER, "10", 0, 1000)},
    {CONFIG_ITEM_INT("active-defrag-threshold-upper", LATER, "100", 0, 1000)},
    {CONFIG_ITEM_BYTES("active-defrag-ignore-bytes", LATER, "100mb", 1, LLONG_MAX)},
    {CONFIG_ITEM_INT("active-defrag-max-scan-fields", LATER, "1000", 1, LONG_MAX)},
};
const int future_config_item_count = (int)ARRAY_LEN(future_config_items);
