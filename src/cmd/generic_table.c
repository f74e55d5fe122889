/* The commands on keys of any type: their records. Handlers: generic_cmds.h. */
#include "cmd/generic_cmds.h"

#include "engine/command_meta.h"

#define GENERIC(name, run, arity, flags) COMMAND(GROUP_GENERIC, name, run, arity, flags, ACL_KEYSPACE)
#define READ (CMD_READONLY | CMD_PARTITION_SAFE)
#define WRITE (CMD_WRITE | CMD_PARTITION_SAFE)
#define ANYTIME (CMD_LOADING | CMD_STALE | CMD_PARTITION_SAFE)

#define EXPIRE_CONDITION                                                                                               \
    ARG("condition", ARG_ONEOF, SINCE("7.0.0"), OPTIONAL,                                                              \
        CHILDREN(TOKEN("nx", "NX"), TOKEN("xx", "XX"), TOKEN("gt", "GT"), TOKEN("lt", "LT")))
#define EXPIRE_HISTORY HISTORY({"7.0.0", "The conditions `NX`, `XX`, `GT` and `LT`."})

/* clang-format off: a table, one command after the other in the order of their names */
static const struct command object_subcommands[] = {
    {GENERIC("object|encoding", cmd_object_encoding, 3, READ), KEY_AT(2, KEY_RO),
     DOCS("2.2.3", "O(1)", "Names the internal representation of a value."), TIPS("nondeterministic_output"),
     ARGS(KEY_ARG("key"))},
    {GENERIC("object|freq", cmd_object_freq, 3, READ), KEY_AT(2, KEY_RO),
     DOCS("4.0.0", "O(1)", "Returns the access frequency counter of a key."), TIPS("nondeterministic_output"),
     ARGS(KEY_ARG("key"))},
    {GENERIC("object|help", cmd_object_help, 2, ANYTIME), DOCS("6.2.0", "O(1)", "Lists the subcommands.")},
    {GENERIC("object|idletime", cmd_object_idletime, 3, READ), KEY_AT(2, KEY_RO),
     DOCS("2.2.3", "O(1)", "Returns the seconds since a key was last accessed."), TIPS("nondeterministic_output"),
     ARGS(KEY_ARG("key"))},
    {GENERIC("object|refcount", cmd_object_refcount, 3, READ), KEY_AT(2, KEY_RO),
     DOCS("2.2.3", "O(1)", "Returns the reference count of a value."), TIPS("nondeterministic_output"),
     ARGS(KEY_ARG("key"))},
    {0}};

const struct command generic_commands[] = {
    {GENERIC("copy", cmd_copy, -3, CMD_WRITE | CMD_DENYOOM), KEY_POSITIONS(1, 2, 1),
     KEY_SPECS(SPEC_RANGE(1, 0, 1, KEY_RO | KEY_ACCESS), SPEC_RANGE(2, 0, 1, KEY_OW | KEY_UPDATE)),
     DOCS("6.2.0", "O(N) in the number of elements; O(1) for strings", "Copies the value of a key to another key."),
     ARGS(KEY_ARG("source"), KEY_ARG("destination", .key_spec = 1),
          ARG("destination-db", ARG_INTEGER, AFTER("DB"), OPTIONAL), TOKEN("replace", "REPLACE", OPTIONAL))},
    {GENERIC("del", cmd_del, -2, WRITE), ALL_KEYS(1, KEY_RM | KEY_DELETE),
     DOCS("1.0.0", "O(N) in the number of keys, and in the number of elements of each collection", "Deletes keys."),
     TIPS("request_policy:multi_shard", "response_policy:agg_sum"), ARGS(KEY_ARG("key", MULTIPLE))},
    {GENERIC("exists", cmd_exists, -2, READ | CMD_FAST), ALL_KEYS(1, KEY_RO),
     DOCS("1.0.0", "O(N) in the number of keys", "Counts which of the given keys exist."),
     TIPS("request_policy:multi_shard", "response_policy:agg_sum"), HISTORY({"3.0.3", "Several keys."}),
     ARGS(KEY_ARG("key", MULTIPLE))},
    {GENERIC("expire", cmd_expire, -3, WRITE | CMD_FAST), ONE_KEY(KEY_RW | KEY_UPDATE),
     DOCS("1.0.0", "O(1)", "Sets the lifetime of a key in seconds."), EXPIRE_HISTORY,
     ARGS(KEY_ARG("key"), ARG("seconds", ARG_INTEGER), EXPIRE_CONDITION)},
    {GENERIC("expireat", cmd_expireat, -3, WRITE | CMD_FAST), ONE_KEY(KEY_RW | KEY_UPDATE),
     DOCS("1.2.0", "O(1)", "Sets the Unix time in seconds at which a key expires."), EXPIRE_HISTORY,
     ARGS(KEY_ARG("key"), ARG("unix-time-seconds", ARG_UNIX_TIME), EXPIRE_CONDITION)},
    {GENERIC("expiretime", cmd_expiretime, 2, READ | CMD_FAST), ONE_KEY(KEY_RO | KEY_ACCESS),
     DOCS("7.0.0", "O(1)", "Returns the Unix time in seconds at which a key expires."), ARGS(KEY_ARG("key"))},
    {COMMAND(GROUP_GENERIC, "keys", cmd_keys, 2, CMD_READONLY, ACL_DANGEROUS | ACL_KEYSPACE),
     DOCS("1.0.0", "O(N) in the number of keys of the database", "Lists all keys that match a pattern."),
     TIPS("request_policy:all_shards", "nondeterministic_output_order"), ARGS(ARG("pattern", ARG_PATTERN))},
    {GENERIC("move", cmd_move, 3, CMD_WRITE | CMD_FAST), ONE_KEY(KEY_RW | KEY_ACCESS | KEY_UPDATE),
     DOCS("1.0.0", "O(1)", "Moves a key to another database."), ARGS(KEY_ARG("key"), ARG("db", ARG_INTEGER))},
    {CONTAINER(GROUP_GENERIC, "object", object_subcommands),
     DOCS("2.2.3", "Depends on the subcommand", "Commands that look inside the value of a key.")},
    {GENERIC("persist", cmd_persist, 2, WRITE | CMD_FAST), ONE_KEY(KEY_RW | KEY_UPDATE),
     DOCS("2.2.0", "O(1)", "Removes the expiry of a key."), ARGS(KEY_ARG("key"))},
    {GENERIC("pexpire", cmd_pexpire, -3, WRITE | CMD_FAST), ONE_KEY(KEY_RW | KEY_UPDATE),
     DOCS("2.6.0", "O(1)", "Sets the lifetime of a key in milliseconds."), EXPIRE_HISTORY,
     ARGS(KEY_ARG("key"), ARG("milliseconds", ARG_INTEGER), EXPIRE_CONDITION)},
    {GENERIC("pexpireat", cmd_pexpireat, -3, WRITE | CMD_FAST), ONE_KEY(KEY_RW | KEY_UPDATE),
     DOCS("2.6.0", "O(1)", "Sets the Unix time in milliseconds at which a key expires."), EXPIRE_HISTORY,
     ARGS(KEY_ARG("key"), ARG("unix-time-milliseconds", ARG_UNIX_TIME), EXPIRE_CONDITION)},
    {GENERIC("pexpiretime", cmd_pexpiretime, 2, READ | CMD_FAST), ONE_KEY(KEY_RO | KEY_ACCESS),
     DOCS("7.0.0", "O(1)", "Returns the Unix time in milliseconds at which a key expires."), ARGS(KEY_ARG("key"))},
    {GENERIC("pttl", cmd_pttl, 2, READ | CMD_FAST), ONE_KEY(KEY_RO | KEY_ACCESS),
     DOCS("2.6.0", "O(1)", "Returns the remaining lifetime of a key in milliseconds."),
     TIPS("nondeterministic_output"), HISTORY({"2.8.0", "-2 for a key that does not exist."}), ARGS(KEY_ARG("key"))},
    {GENERIC("randomkey", cmd_randomkey, 1, CMD_READONLY | CMD_TOUCHES_ARBITRARY_KEYS),
     DOCS("1.0.0", "O(1)", "Returns a key chosen at random."),
     TIPS("request_policy:all_shards", "response_policy:special", "nondeterministic_output")},
    {GENERIC("rename", cmd_rename, 3, WRITE), KEY_POSITIONS(1, 2, 1),
     KEY_SPECS(SPEC_RANGE(1, 0, 1, KEY_RW | KEY_ACCESS | KEY_DELETE), SPEC_RANGE(2, 0, 1, KEY_OW | KEY_UPDATE)),
     DOCS("1.0.0", "O(1), besides deleting what is replaced", "Gives a key a new name, replacing what has that name."),
     ARGS(KEY_ARG("key"), KEY_ARG("newkey", .key_spec = 1))},
    {GENERIC("renamenx", cmd_renamenx, 3, WRITE | CMD_FAST), KEY_POSITIONS(1, 2, 1),
     KEY_SPECS(SPEC_RANGE(1, 0, 1, KEY_RW | KEY_ACCESS | KEY_DELETE), SPEC_RANGE(2, 0, 1, KEY_OW | KEY_INSERT)),
     DOCS("1.0.0", "O(1)", "Gives a key a new name, provided that nothing has it."),
     HISTORY({"3.2.0", "Equal names are no error any more."}), ARGS(KEY_ARG("key"), KEY_ARG("newkey", .key_spec = 1))},
    {GENERIC("scan", cmd_scan, -2, CMD_READONLY | CMD_TOUCHES_ARBITRARY_KEYS),
     DOCS("2.8.0", "O(1) per call; O(N) for the whole walk", "Walks through the keys of a database in steps."),
     TIPS("nondeterministic_output", "request_policy:special", "response_policy:special"),
     HISTORY({"6.0.0", "`TYPE`."}),
     ARGS(ARG("cursor", ARG_INTEGER), ARG("pattern", ARG_PATTERN, AFTER("MATCH"), OPTIONAL),
          ARG("count", ARG_INTEGER, AFTER("COUNT"), OPTIONAL),
          ARG("type", ARG_STRING, AFTER("TYPE"), SINCE("6.0.0"), OPTIONAL))},
    {GENERIC("touch", cmd_touch, -2, READ | CMD_FAST), ALL_KEYS(1, KEY_RO),
     DOCS("3.2.1", "O(N) in the number of keys", "Marks keys as just accessed and counts those that exist."),
     TIPS("request_policy:multi_shard", "response_policy:agg_sum"), ARGS(KEY_ARG("key", MULTIPLE))},
    {GENERIC("ttl", cmd_ttl, 2, READ | CMD_FAST), ONE_KEY(KEY_RO | KEY_ACCESS),
     DOCS("1.0.0", "O(1)", "Returns the remaining lifetime of a key in seconds."), TIPS("nondeterministic_output"),
     HISTORY({"2.8.0", "-2 for a key that does not exist."}), ARGS(KEY_ARG("key"))},
    {GENERIC("type", cmd_type, 2, READ | CMD_FAST), ONE_KEY(KEY_RO),
     DOCS("1.0.0", "O(1)", "Returns the type of the value at a key."), ARGS(KEY_ARG("key"))},
    {GENERIC("unlink", cmd_unlink, -2, WRITE | CMD_FAST), ALL_KEYS(1, KEY_RM | KEY_DELETE),
     DOCS("4.0.0", "O(1) per key; O(N) in the number of elements in the background",
          "Deletes keys, and frees large values in the background."),
     TIPS("request_policy:multi_shard", "response_policy:agg_sum"), ARGS(KEY_ARG("key", MULTIPLE))},
    {0}};
/* clang-format on */
