/* The commands about the server itself: their records. Handlers: server_cmds.h. */
#include "observe/server_cmds.h"

#include "engine/command_meta.h"

#define SERVER(name, run, arity, flags) COMMAND(GROUP_SERVER, name, run, arity, flags, 0u)
#define ADMIN (CMD_ADMIN | CMD_NOSCRIPT | CMD_LOADING | CMD_STALE)
#define ANYTIME (CMD_LOADING | CMD_STALE | CMD_PARTITION_SAFE)
#define ABOUT_COMMANDS(name, run, arity) COMMAND(GROUP_SERVER, name, run, arity, ANYTIME, ACL_CONNECTION)

#define FLUSH_MODE                                                                                                     \
    ARG("async", ARG_ONEOF, OPTIONAL,                                                                                  \
        CHILDREN(TOKEN("async", "ASYNC", SINCE("4.0.0")), TOKEN("sync", "SYNC", SINCE("6.2.0"))))
#define FLUSH_HISTORY HISTORY({"4.0.0", "`ASYNC`."}, {"6.2.0", "`SYNC`."})

/* clang-format off: a table, one command after the other in the order of their names */
static const struct command command_subcommands[] = {
    {ABOUT_COMMANDS("command|count", cmd_command_count, 2), DOCS("2.8.13", "O(1)", "Returns the number of commands.")},
    {ABOUT_COMMANDS("command|docs", cmd_command_docs, -2),
     DOCS("7.0.0", "O(N) in the number of commands asked for", "Documents commands."),
     TIPS("nondeterministic_output_order"), ARGS(ARG("command-name", ARG_STRING, OPTIONAL_MULTIPLE))},
    {ABOUT_COMMANDS("command|getkeys", cmd_command_getkeys, -3),
     DOCS("2.8.13", "O(N) in the number of arguments", "Picks the keys out of a command with its arguments."),
     ARGS(ARG("command", ARG_STRING), ARG("arg", ARG_STRING, OPTIONAL_MULTIPLE))},
    {ABOUT_COMMANDS("command|getkeysandflags", cmd_command_getkeysandflags, -3),
     DOCS("7.0.0", "O(N) in the number of arguments",
          "Picks the keys out of a command and says what happens to them."),
     ARGS(ARG("command", ARG_STRING), ARG("arg", ARG_STRING, OPTIONAL_MULTIPLE))},
    {ABOUT_COMMANDS("command|help", cmd_command_help, 2), DOCS("5.0.0", "O(1)", "Lists the subcommands.")},
    {ABOUT_COMMANDS("command|info", cmd_command_info, -2),
     DOCS("2.8.13", "O(N) in the number of commands asked for", "Describes the given commands, or all."),
     TIPS("nondeterministic_output_order"), HISTORY({"7.0.0", "Without a name it describes all commands."}),
     ARGS(ARG("command-name", ARG_STRING, OPTIONAL_MULTIPLE))},
    {ABOUT_COMMANDS("command|list", cmd_command_list, -2),
     DOCS("7.0.0", "O(N) in the number of commands", "Lists the names of the commands that pass a filter."),
     TIPS("nondeterministic_output_order"),
     ARGS(ARG("filterby", ARG_ONEOF, AFTER("FILTERBY"), OPTIONAL,
              CHILDREN(ARG("module-name", ARG_STRING, AFTER("MODULE")), ARG("category", ARG_STRING, AFTER("ACLCAT")),
                       ARG("pattern", ARG_PATTERN, AFTER("PATTERN")))))},
    {0}};

static const struct command config_subcommands[] = {
    {SERVER("config|get", cmd_config_get, -3, ADMIN),
     DOCS("2.0.0", "O(N) in the number of directives", "Returns the directives that match, with their values."),
     HISTORY({"7.0.0", "Several patterns."}),
     ARGS(ARG("parameter", ARG_BLOCK, MULTIPLE, CHILDREN(ARG("parameter", ARG_STRING))))},
    {SERVER("config|help", cmd_config_help, 2, ANYTIME), DOCS("5.0.0", "O(1)", "Lists the subcommands.")},
    {SERVER("config|resetstat", cmd_config_resetstat, 2, ADMIN),
     DOCS("2.0.0", "O(1)", "Sets the counters of INFO back to zero."),
     TIPS("request_policy:all_nodes", "response_policy:all_succeeded")},
    {SERVER("config|rewrite", cmd_config_rewrite, 2, ADMIN),
     DOCS("2.8.0", "O(1)", "Writes the configuration in force to its file."),
     TIPS("request_policy:all_nodes", "response_policy:all_succeeded")},
    {SERVER("config|set", cmd_config_set, -4, ADMIN),
     DOCS("2.0.0", "O(N) in the number of directives", "Changes directives, all or none."),
     TIPS("request_policy:all_nodes", "response_policy:all_succeeded"),
     HISTORY({"7.0.0", "Several directives at once."}),
     ARGS(ARG("parameter_value", ARG_BLOCK, MULTIPLE,
              CHILDREN(ARG("parameter", ARG_STRING), ARG("value", ARG_STRING))))},
    {0}};

static const struct command latency_subcommands[] = {
    {SERVER("latency|doctor", cmd_latency_doctor, 2, ADMIN), DOCS("2.8.13", "O(1)", "Reports on latency in prose."),
     TIPS("nondeterministic_output", "request_policy:all_nodes", "response_policy:special")},
    {SERVER("latency|graph", cmd_latency_graph, 3, ADMIN), DOCS("2.8.13", "O(1)", "Draws the latency of an event."),
     TIPS("nondeterministic_output", "request_policy:all_nodes", "response_policy:special"),
     ARGS(ARG("event", ARG_STRING))},
    {SERVER("latency|help", cmd_latency_help, 2, ANYTIME), DOCS("2.8.13", "O(1)", "Lists the subcommands.")},
    {SERVER("latency|histogram", cmd_latency_histogram, -2, ADMIN),
     DOCS("7.0.0", "O(N) in the number of commands asked for",
          "Returns the distribution of the run times of commands."),
     TIPS("nondeterministic_output", "request_policy:all_nodes", "response_policy:special"),
     ARGS(ARG("command", ARG_STRING, OPTIONAL_MULTIPLE))},
    {SERVER("latency|history", cmd_latency_history, 3, ADMIN),
     DOCS("2.8.13", "O(1)", "Returns the latency samples of an event."),
     TIPS("nondeterministic_output", "request_policy:all_nodes", "response_policy:special"),
     ARGS(ARG("event", ARG_STRING))},
    {SERVER("latency|latest", cmd_latency_latest, 2, ADMIN),
     DOCS("2.8.13", "O(1)", "Returns the last latency sample of every event."),
     TIPS("nondeterministic_output", "request_policy:all_nodes", "response_policy:special")},
    {SERVER("latency|reset", cmd_latency_reset, -2, ADMIN),
     DOCS("2.8.13", "O(1)", "Forgets the samples of events, or of all."),
     TIPS("request_policy:all_nodes", "response_policy:agg_sum"), ARGS(ARG("event", ARG_STRING, OPTIONAL_MULTIPLE))},
    {0}};

static const struct command memory_subcommands[] = {
    {SERVER("memory|doctor", cmd_memory_doctor, 2, 0), DOCS("4.0.0", "O(1)", "Reports on memory in prose."),
     TIPS("nondeterministic_output", "request_policy:all_shards", "response_policy:special")},
    {SERVER("memory|help", cmd_memory_help, 2, ANYTIME), DOCS("4.0.0", "O(1)", "Lists the subcommands.")},
    {SERVER("memory|malloc-stats", cmd_memory_malloc_stats, 2, 0),
     DOCS("4.0.0", "Depends on how much is allocated", "Returns the allocator's own statistics."),
     TIPS("nondeterministic_output", "request_policy:all_shards", "response_policy:special")},
    {SERVER("memory|purge", cmd_memory_purge, 2, 0),
     DOCS("4.0.0", "Depends on how much is allocated", "Makes the allocator give free memory back."),
     TIPS("request_policy:all_shards", "response_policy:all_succeeded")},
    {SERVER("memory|stats", cmd_memory_stats, 2, 0), DOCS("4.0.0", "O(1)", "Says what memory is used for."),
     TIPS("nondeterministic_output", "request_policy:all_shards", "response_policy:special")},
    {SERVER("memory|usage", cmd_memory_usage, -3, CMD_READONLY | CMD_PARTITION_SAFE), KEY_AT(2, KEY_RO),
     DOCS("4.0.0", "O(N) in the number of samples", "Estimates the memory that a key and its value take."),
     ARGS(KEY_ARG("key"), ARG("count", ARG_INTEGER, AFTER("SAMPLES"), OPTIONAL))},
    {0}};

static const struct command slowlog_subcommands[] = {
    {SERVER("slowlog|get", cmd_slowlog_get, -2, CMD_ADMIN | CMD_LOADING | CMD_STALE),
     DOCS("2.2.12", "O(N) in the number of entries returned", "Returns the newest entries."),
     TIPS("request_policy:all_nodes", "nondeterministic_output"),
     HISTORY({"4.0.0", "Address and name of the client in the reply."}), ARGS(ARG("count", ARG_INTEGER, OPTIONAL))},
    {SERVER("slowlog|help", cmd_slowlog_help, 2, ANYTIME), DOCS("6.2.0", "O(1)", "Lists the subcommands.")},
    {SERVER("slowlog|len", cmd_slowlog_len, 2, CMD_ADMIN | CMD_LOADING | CMD_STALE),
     DOCS("2.2.12", "O(1)", "Returns the number of entries."),
     TIPS("request_policy:all_nodes", "response_policy:agg_sum", "nondeterministic_output")},
    {SERVER("slowlog|reset", cmd_slowlog_reset, 2, CMD_ADMIN | CMD_LOADING | CMD_STALE),
     DOCS("2.2.12", "O(N) in the number of entries", "Removes all entries."),
     TIPS("request_policy:all_nodes", "response_policy:all_succeeded")},
    {0}};

const struct command server_commands[] = {
    {ABOUT_COMMANDS("command", cmd_command, -1), .subcommands = command_subcommands,
     DOCS("2.8.13", "O(N) in the number of commands", "Describes all commands."),
     TIPS("nondeterministic_output_order")},
    {CONTAINER(GROUP_SERVER, "config", config_subcommands),
     DOCS("2.0.0", "Depends on the subcommand", "Commands about the configuration.")},
    {COMMAND(GROUP_SERVER, "dbsize", cmd_dbsize, 1, CMD_READONLY | CMD_FAST, ACL_KEYSPACE),
     DOCS("1.0.0", "O(1)", "Returns the number of keys of the database."),
     TIPS("request_policy:all_shards", "response_policy:agg_sum")},
    {SERVER("debug", cmd_debug, -2, ADMIN | CMD_PROTECTED),
     DOCS("1.0.0", "Depends on the subcommand", "Aids for debugging."), .doc_flags = DOC_SYSCMD},
    {COMMAND(GROUP_SERVER, "flushall", cmd_flushall, -1, CMD_WRITE, ACL_DANGEROUS | ACL_KEYSPACE),
     DOCS("1.0.0", "O(N) in the number of keys of all databases", "Deletes all keys of all databases."),
     TIPS("request_policy:all_shards", "response_policy:all_succeeded"), FLUSH_HISTORY, ARGS(FLUSH_MODE)},
    {COMMAND(GROUP_SERVER, "flushdb", cmd_flushdb, -1, CMD_WRITE, ACL_DANGEROUS | ACL_KEYSPACE),
     DOCS("1.0.0", "O(N) in the number of keys of the database", "Deletes all keys of the database."),
     TIPS("request_policy:all_shards", "response_policy:all_succeeded"), FLUSH_HISTORY, ARGS(FLUSH_MODE)},
    {COMMAND(GROUP_SERVER, "info", cmd_info, -1, CMD_LOADING | CMD_STALE, ACL_DANGEROUS),
     DOCS("1.0.0", "O(1)", "Reports the state of the server."),
     TIPS("nondeterministic_output", "request_policy:all_shards", "response_policy:special"),
     HISTORY({"7.0.0", "Several sections."}), ARGS(ARG("section", ARG_STRING, OPTIONAL_MULTIPLE))},
    {CONTAINER(GROUP_SERVER, "latency", latency_subcommands),
     DOCS("2.8.13", "Depends on the subcommand", "Commands about latency spikes.")},
    {SERVER("lolwut", cmd_lolwut, -1, CMD_READONLY | CMD_FAST | CMD_PARTITION_SAFE),
     DOCS("5.0.0", NULL, "Draws a picture and tells the version."),
     ARGS(ARG("version", ARG_INTEGER, AFTER("VERSION"), OPTIONAL))},
    {CONTAINER(GROUP_SERVER, "memory", memory_subcommands),
     DOCS("4.0.0", "Depends on the subcommand", "Commands about the use of memory.")},
    {COMMAND(GROUP_SERVER, "role", cmd_role, 1, CMD_NOSCRIPT | CMD_LOADING | CMD_STALE | CMD_FAST,
             ACL_ADMIN | ACL_DANGEROUS),
     DOCS("2.8.12", "O(1)", "Returns the part of the server in replication.")},
    {SERVER("shutdown", cmd_shutdown, -1, ADMIN | CMD_NO_MULTI | CMD_ALLOW_BUSY),
     DOCS("1.0.0", "O(N) in the number of keys when it saves, else O(1)",
          "Saves the data if asked or configured to, and stops the server."),
     HISTORY({"7.0.0", "`NOW`, `FORCE` and `ABORT`."}),
     ARGS(ARG("nosave_save", ARG_ONEOF, OPTIONAL, CHILDREN(TOKEN("nosave", "NOSAVE"), TOKEN("save", "SAVE"))),
          TOKEN("now", "NOW", SINCE("7.0.0"), OPTIONAL), TOKEN("force", "FORCE", SINCE("7.0.0"), OPTIONAL),
          TOKEN("abort", "ABORT", SINCE("7.0.0"), OPTIONAL))},
    {CONTAINER(GROUP_SERVER, "slowlog", slowlog_subcommands),
     DOCS("2.2.12", "Depends on the subcommand", "Commands about the log of slow commands.")},
    {COMMAND(GROUP_SERVER, "swapdb", cmd_swapdb, 3, CMD_WRITE | CMD_FAST, ACL_DANGEROUS | ACL_KEYSPACE),
     DOCS("4.0.0", "O(N) in the number of clients that watch or wait for keys of the two", "Swaps two databases."),
     ARGS(ARG("index1", ARG_INTEGER), ARG("index2", ARG_INTEGER))},
    {SERVER("time", cmd_time, 1, ANYTIME | CMD_FAST), DOCS("2.6.0", "O(1)", "Returns the server's clock."),
     TIPS("nondeterministic_output")},
    {0}};
/* clang-format on */
