/* What is known of a command before it runs: one constant record per command, declared once in the table of its group
 * (cmd/string_table.c and its sisters, laid out with engine/command_meta.h). Everybody who asks about commands reads
 * these records: the gates, ACL, routing by keys, COMMAND and its subcommands, statistics (by the dense id of
 * engine/command_lookup.h), the CLI's help.
 *
 * Constant data only: what a running server adds (ids, renamed names, armed gates) lives in struct command_entry. */
#ifndef CAIRN_ENGINE_COMMAND_H
#define CAIRN_ENGINE_COMMAND_H

#include "base/slice.h"

struct ctx;     /* one execution; engine/ctx.h */
struct key_ref; /* engine/command_keys.h */

/* X(name, word in COMMAND INFO or NULL when it is not shown there), in the order in which COMMAND INFO lists them. */
#define CMD_FLAG_TABLE(X)                                                                                              \
    X(CMD_WRITE, "write")                       /* may change the keyspace */                                          \
    X(CMD_READONLY, "readonly")                 /* only reads keys */                                                  \
    X(CMD_DENYOOM, "denyoom")                   /* refused when memory is over the limit */                            \
    X(CMD_MODULE, "module")                     /* comes from a module */                                              \
    X(CMD_ADMIN, "admin")                                                                                              \
    X(CMD_PUBSUB, "pubsub")                     /* belongs to publish/subscribe */                                     \
    X(CMD_NOSCRIPT, "noscript")                 /* refused inside scripts */                                           \
    X(CMD_BLOCKING, "blocking")                 /* may park the client */                                              \
    X(CMD_LOADING, "loading")                   /* allowed while the data set is loaded */                             \
    X(CMD_STALE, "stale")                       /* allowed on a replica whose data is stale */                         \
    X(CMD_SKIP_MONITOR, "skip_monitor")         /* never shown to MONITOR */                                           \
    X(CMD_SKIP_SLOWLOG, "skip_slowlog")         /* never put into the slow log */                                      \
    X(CMD_ASKING, "asking")                     /* accepted on a slot that is being imported */                        \
    X(CMD_FAST, "fast")                         /* constant or logarithmic time */                                     \
    X(CMD_NO_AUTH, "no_auth")                   /* needs no authentication */                                          \
    X(CMD_MAY_REPLICATE, NULL)                  /* no write, but may be propagated */                                  \
    X(CMD_NO_MANDATORY_KEYS, "no_mandatory_keys") /* may name no key at all */                                         \
    X(CMD_NO_ASYNC_LOADING, "no_async_loading") /* refused while a replica loads beside its old data */                \
    X(CMD_NO_MULTI, "no_multi")                 /* refused inside MULTI */                                             \
    X(CMD_MOVABLEKEYS, "movablekeys")           /* first/last/step do not find all keys */                             \
    X(CMD_ALLOW_BUSY, "allow_busy")             /* allowed while a script runs for too long */                         \
    X(CMD_PROTECTED, NULL)                      /* off unless its enable-*-command config allows it */                 \
    X(CMD_TOUCHES_ARBITRARY_KEYS, NULL)         /* reaches keys that its arguments do not name */                      \
    X(CMD_PARTITION_SAFE, NULL)                 /* needs only the locks of its keys' partitions */                     \
    X(CMD_UNQUEUED, NULL)                       /* runs at once inside MULTI: EXEC, DISCARD, QUIT, ... */             \
    X(CMD_RUNS_QUEUE, NULL)                     /* runs the queued commands: EXEC; counts as all of them */            \
    X(CMD_TELLS_DISK_ERROR, NULL)               /* refused like a write when those are (MISCONF): PING */

/* The 21 categories of ACL rules, in the order of COMMAND INFO. */
#define ACL_CATEGORY_TABLE(X)                                                                                          \
    X(ACL_KEYSPACE, "keyspace")                                                                                        \
    X(ACL_READ, "read")                                                                                                \
    X(ACL_WRITE, "write")                                                                                              \
    X(ACL_SET, "set")                                                                                                  \
    X(ACL_SORTEDSET, "sortedset")                                                                                      \
    X(ACL_LIST, "list")                                                                                                \
    X(ACL_HASH, "hash")                                                                                                \
    X(ACL_STRING, "string")                                                                                            \
    X(ACL_BITMAP, "bitmap")                                                                                            \
    X(ACL_HYPERLOGLOG, "hyperloglog")                                                                                  \
    X(ACL_GEO, "geo")                                                                                                  \
    X(ACL_STREAM, "stream")                                                                                            \
    X(ACL_PUBSUB, "pubsub")                                                                                            \
    X(ACL_ADMIN, "admin")                                                                                              \
    X(ACL_FAST, "fast")                                                                                                \
    X(ACL_SLOW, "slow")                                                                                                \
    X(ACL_BLOCKING, "blocking")                                                                                        \
    X(ACL_DANGEROUS, "dangerous")                                                                                      \
    X(ACL_CONNECTION, "connection")                                                                                    \
    X(ACL_TRANSACTION, "transaction")                                                                                  \
    X(ACL_SCRIPTING, "scripting")

/* What a command does to a key: one of the first four, and any of the others. */
#define KEY_FLAG_TABLE(X)                                                                                              \
    X(KEY_RO, "RO")                         /* reads the value */                                                      \
    X(KEY_RW, "RW")                         /* reads and changes it */                                                 \
    X(KEY_OW, "OW")                         /* overwrites it unread */                                                 \
    X(KEY_RM, "RM")                         /* deletes it unread */                                                    \
    X(KEY_ACCESS, "access")                 /* the user learns something of the value */                               \
    X(KEY_UPDATE, "update")                 /* changes a value that may be there */                                    \
    X(KEY_INSERT, "insert")                 /* adds, and neither changes nor deletes what is there */                  \
    X(KEY_DELETE, "delete")                 /* deletes content */                                                      \
    X(KEY_NOT_KEY, "not_key")               /* no key, but routed like one */                                          \
    X(KEY_INCOMPLETE, "incomplete")         /* the command has keys that this spec misses */                           \
    X(KEY_VARIABLE_FLAGS, "variable_flags") /* some options do less than the flags say */

#define ARG_TYPE_TABLE(X)                                                                                              \
    X(ARG_STRING, "string")                                                                                            \
    X(ARG_INTEGER, "integer")                                                                                          \
    X(ARG_DOUBLE, "double")                                                                                            \
    X(ARG_KEY, "key")                                                                                                  \
    X(ARG_PATTERN, "pattern")                                                                                          \
    X(ARG_UNIX_TIME, "unix-time")                                                                                      \
    X(ARG_TOKEN, "pure-token")                                                                                         \
    X(ARG_ONEOF, "oneof")                                                                                              \
    X(ARG_BLOCK, "block")

#define COMMAND_GROUP_TABLE(X)                                                                                         \
    X(GROUP_GENERIC, "generic")                                                                                        \
    X(GROUP_STRING, "string")                                                                                          \
    X(GROUP_LIST, "list")                                                                                              \
    X(GROUP_SET, "set")                                                                                                \
    X(GROUP_SORTED_SET, "sorted-set")                                                                                  \
    X(GROUP_HASH, "hash")                                                                                              \
    X(GROUP_PUBSUB, "pubsub")                                                                                          \
    X(GROUP_TRANSACTIONS, "transactions")                                                                              \
    X(GROUP_CONNECTION, "connection")                                                                                  \
    X(GROUP_SERVER, "server")                                                                                          \
    X(GROUP_SCRIPTING, "scripting")                                                                                    \
    X(GROUP_HYPERLOGLOG, "hyperloglog")                                                                                \
    X(GROUP_CLUSTER, "cluster")                                                                                        \
    X(GROUP_SENTINEL, "sentinel")                                                                                      \
    X(GROUP_GEO, "geo")                                                                                                \
    X(GROUP_STREAM, "stream")                                                                                          \
    X(GROUP_BITMAP, "bitmap")                                                                                          \
    X(GROUP_MODULE, "module")

#define COMMAND_ENUM_NUMBER(name, word) name,
#define COMMAND_ENUM_INDEX(name, word) name##_INDEX,
#define COMMAND_ENUM_BIT(name, word) name = 1u << name##_INDEX,

enum command_flag_index { CMD_FLAG_TABLE(COMMAND_ENUM_INDEX) CMD_FLAG_COUNT };
enum command_flag { CMD_FLAG_TABLE(COMMAND_ENUM_BIT) };
enum acl_category_index { ACL_CATEGORY_TABLE(COMMAND_ENUM_INDEX) ACL_CATEGORY_COUNT };
enum acl_category { ACL_CATEGORY_TABLE(COMMAND_ENUM_BIT) };
enum key_flag_index { KEY_FLAG_TABLE(COMMAND_ENUM_INDEX) KEY_FLAG_COUNT };
enum key_flag { KEY_FLAG_TABLE(COMMAND_ENUM_BIT) };
enum arg_type { ARG_TYPE_TABLE(COMMAND_ENUM_NUMBER) ARG_TYPE_COUNT };
enum command_group { COMMAND_GROUP_TABLE(COMMAND_ENUM_NUMBER) COMMAND_GROUP_COUNT };

enum arg_flag { ARG_OPTIONAL = 1, ARG_MULTIPLE = 2, ARG_MULTIPLE_TOKEN = 4 };
enum doc_flag { DOC_DEPRECATED = 1, DOC_SYSCMD = 2 };

/* Where keys stand among the arguments: begin says where the search starts, find says how it goes on. */
enum key_begin { KEY_BEGIN_INDEX, KEY_BEGIN_KEYWORD, KEY_BEGIN_UNKNOWN };
enum key_find { KEY_FIND_RANGE, KEY_FIND_KEYNUM, KEY_FIND_UNKNOWN };

struct key_spec {
    uint16_t flags;      /* enum key_flag */
    uint8_t begin, find; /* enum key_begin, enum key_find */
    union {
        int16_t index;      /* INDEX: the argument's position; the command's name is 0 */
        int16_t start_from; /* KEYWORD: search from here; negative: from the end, backwards */
    };
    union {
        struct {
            int16_t last;  /* last key, relative to the first; negative: relative to the end, -1 is the last argument */
            int16_t step;  /* distance of the keys */
            int16_t limit; /* last == -1: only the first 1/limit of the arguments are keys; 0 and 1: all */
        } range;
        struct {
            int16_t index; /* where the number of keys stands, relative to the start */
            int16_t first; /* the first key, relative to the start */
            int16_t step;
        } keynum;
    };
    const char *keyword; /* KEYWORD */
    const char *notes;   /* for COMMAND INFO, or NULL */
};

/* One argument of the syntax, as COMMAND DOCS tells it. Lists of them end with a nameless one. */
struct command_arg {
    const char *name;
    uint8_t type;     /* enum arg_type */
    uint8_t flags;    /* enum arg_flag */
    int8_t key_spec;  /* index into key_specs: of ARG_KEY, and of other arguments where it is not 0 */
    const char *token; /* the word before it, or the word itself; NULL: none */
    const char *since, *deprecated_since, *summary; /* NULL: not told */
    const struct command_arg *children; /* ONEOF, BLOCK */
};

struct command_change {
    const char *version, *text;
};

/* A table of commands is an array of these that ends with a nameless one. */
struct command {
    void (*run)(struct ctx *ctx); /* NULL: only a container of subcommands */
    uint32_t flags;               /* enum command_flag */
    uint32_t acl;                 /* enum acl_category, with those that follow from the flags */
    int16_t arity;                /* number of arguments with the name(s); negative: at least so many */
    int16_t first_key, last_key, key_step; /* of all that has fixed positions; 0 0 0: no keys, or movable ones */
    uint8_t group;                /* enum command_group */
    uint8_t element;              /* argument that names an element of the first key's value, to prefetch; 0: none */
    uint8_t key_spec_count, doc_flags;
    const char *name;             /* lower case and in full: "get", "client|list" */
    const struct key_spec *key_specs;
    const struct command *subcommands; /* ends with a nameless one; NULL: none */
    /* Finds the keys where the specs can't; see command_keys(). NULL: the specs are enough. */
    int (*getkeys)(const struct slice *argv, int argc, struct key_ref *out, int max);

    const char *since, *complexity, *summary; /* complexity may be NULL */
    const char *deprecated_since, *replaced_by; /* NULL unless doc_flags has DOC_DEPRECATED */
    const char *const *tips;               /* ends with NULL; NULL: none */
    const struct command_change *history;  /* ends with a NULL version; NULL: none */
    const struct command_arg *args;        /* ends with a NULL name; NULL: none */
};

/* Words of the bits (by index) and enums above; a flag that is not shown has an empty one. */
struct slice command_flag_word(unsigned index);
struct slice acl_category_word(unsigned index); /* without the '@' */
struct slice key_flag_word(unsigned index);
struct slice arg_type_word(unsigned type);
struct slice command_group_word(unsigned group);

/* True when argc (with the command's name, and the subcommand's) is a number of arguments that the command takes. */
static inline bool command_arity_ok(const struct command *cmd, int argc)
{
    return cmd->arity >= 0 ? argc == cmd->arity : argc >= -cmd->arity;
}

#endif
