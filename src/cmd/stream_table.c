/* The commands on streams: their records. Handlers: stream_cmds.h. */
#include "cmd/stream_cmds.h"

#include "engine/command_keys.h"
#include "engine/command_meta.h"

#define STREAM(name, run, arity, flags) COMMAND(GROUP_STREAM, name, run, arity, flags, ACL_STREAM)
#define READ (CMD_READONLY | CMD_PARTITION_SAFE)
#define WRITE (CMD_WRITE | CMD_PARTITION_SAFE)
#define GROW (WRITE | CMD_DENYOOM) /* may need more memory */

#define TRIM                                                                                                           \
    ARG("trim", ARG_BLOCK, OPTIONAL,                                                                                   \
        CHILDREN(ARG("strategy", ARG_ONEOF,                                                                            \
                     CHILDREN(TOKEN("maxlen", "MAXLEN"), TOKEN("minid", "MINID", SINCE("6.2.0")))),                    \
                 ARG("operator", ARG_ONEOF, OPTIONAL, CHILDREN(TOKEN("equal", "="), TOKEN("approximately", "~"))),     \
                 ARG("threshold", ARG_STRING), ARG("count", ARG_INTEGER, AFTER("LIMIT"), SINCE("6.2.0"), OPTIONAL)))
#define REFERENCES                                                                                                     \
    ARG("condition", ARG_ONEOF, OPTIONAL,                                                                              \
        CHILDREN(TOKEN("keepref", "KEEPREF"), TOKEN("delref", "DELREF"), TOKEN("acked", "ACKED")))
#define IDS ARG("ids", ARG_BLOCK, AFTER("IDS"), CHILDREN(ARG("numids", ARG_INTEGER), ARG("id", ARG_STRING, MULTIPLE)))

/* The keys are the first half of what follows STREAMS. The options before it are walked and not searched, since a
 * group or a consumer may have that name. */
static int xread_keys(const struct slice *argv, int argc, struct key_ref *out, int max)
{
    int i = 1;
    while (i < argc && !slice_is(argv[i], "streams")) {
        if (slice_is(argv[i], "count") || slice_is(argv[i], "block"))
            i += 2;
        else if (slice_is(argv[i], "group"))
            i += 3;
        else
            i++;
    }
    int count = i < argc ? (argc - i - 1) / 2 : 0;
    if (count == 0) return KEYS_INVALID_ARGS;
    for (int k = 0; k < count && k < max; k++) out[k] = (struct key_ref){i + 1 + k, KEY_RO | KEY_ACCESS};
    return count;
}

/* clang-format off: a table, one command after the other in the order of their names */
static const struct command xgroup_subcommands[] = {
    {STREAM("xgroup|create", cmd_xgroup_create, -5, GROW), KEY_AT(2, KEY_RW | KEY_INSERT),
     DOCS("5.0.0", "O(1)", "Creates a consumer group."), HISTORY({"7.0.0", "`ENTRIESREAD`."}),
     ARGS(KEY_ARG("key"), ARG("groupname", ARG_STRING),
          ARG("id", ARG_ONEOF, CHILDREN(ARG("id", ARG_STRING), TOKEN("new_id", "$"))),
          TOKEN("mkstream", "MKSTREAM", OPTIONAL), ARG("entries_read", ARG_INTEGER, AFTER("ENTRIESREAD"), OPTIONAL))},
    {STREAM("xgroup|createconsumer", cmd_xgroup_createconsumer, 5, GROW), KEY_AT(2, KEY_RW | KEY_INSERT),
     DOCS("6.2.0", "O(1)", "Creates a consumer in a group."),
     ARGS(KEY_ARG("key"), ARG("groupname", ARG_STRING), ARG("consumername", ARG_STRING))},
    {STREAM("xgroup|delconsumer", cmd_xgroup_delconsumer, 5, WRITE), KEY_AT(2, KEY_RW | KEY_DELETE),
     DOCS("5.0.0", "O(N) in the number of its pending messages", "Removes a consumer from its group."),
     ARGS(KEY_ARG("key"), ARG("groupname", ARG_STRING), ARG("consumername", ARG_STRING))},
    {STREAM("xgroup|destroy", cmd_xgroup_destroy, 4, WRITE), KEY_AT(2, KEY_RW | KEY_DELETE),
     DOCS("5.0.0", "O(N) in the number of pending messages", "Removes a consumer group."),
     ARGS(KEY_ARG("key"), ARG("groupname", ARG_STRING))},
    {STREAM("xgroup|help", cmd_xgroup_help, 2, CMD_LOADING | CMD_STALE),
     DOCS("5.0.0", "O(1)", "Lists the subcommands.")},
    {STREAM("xgroup|setid", cmd_xgroup_setid, -5, WRITE), KEY_AT(2, KEY_RW | KEY_UPDATE),
     DOCS("5.0.0", "O(1)", "Sets the ID that a consumer group has last delivered."),
     HISTORY({"7.0.0", "`ENTRIESREAD`."}),
     ARGS(KEY_ARG("key"), ARG("groupname", ARG_STRING),
          ARG("id", ARG_ONEOF, CHILDREN(ARG("id", ARG_STRING), TOKEN("new_id", "$"))),
          ARG("entries_read", ARG_INTEGER, AFTER("ENTRIESREAD"), OPTIONAL))},
    {0}};

static const struct command xinfo_subcommands[] = {
    {STREAM("xinfo|consumers", cmd_xinfo_consumers, 4, READ), KEY_AT(2, KEY_RO | KEY_ACCESS),
     DOCS("5.0.0", "O(N) in the number of consumers", "Describes the consumers of a group."),
     TIPS("nondeterministic_output"), HISTORY({"7.2.0", "The field `inactive`."}),
     ARGS(KEY_ARG("key"), ARG("groupname", ARG_STRING))},
    {STREAM("xinfo|groups", cmd_xinfo_groups, 3, READ), KEY_AT(2, KEY_RO | KEY_ACCESS),
     DOCS("5.0.0", "O(N) in the number of groups", "Describes the consumer groups of a stream."),
     HISTORY({"7.0.0", "The fields `entries-read` and `lag`."}), ARGS(KEY_ARG("key"))},
    {STREAM("xinfo|help", cmd_xinfo_help, 2, CMD_LOADING | CMD_STALE),
     DOCS("5.0.0", "O(1)", "Lists the subcommands.")},
    {STREAM("xinfo|stream", cmd_xinfo_stream, -3, READ), KEY_AT(2, KEY_RO | KEY_ACCESS),
     DOCS("5.0.0", "O(1); with FULL O(N) in what is returned", "Describes a stream."),
     HISTORY({"6.0.0", "`FULL`."}, {"7.0.0", "The counters of entries, and `entries-read` and `lag` of each group."},
             {"7.2.0", "The field `active-time`; `seen-time` is that of the last attempt."}),
     ARGS(KEY_ARG("key"),
          ARG("full", ARG_BLOCK, AFTER("FULL"), OPTIONAL,
              CHILDREN(ARG("count", ARG_INTEGER, AFTER("COUNT"), OPTIONAL))))},
    {0}};

const struct command stream_commands[] = {
    {STREAM("xack", cmd_xack, -4, WRITE | CMD_FAST), ONE_KEY(KEY_RW | KEY_UPDATE),
     DOCS("5.0.0", "O(1) for each ID",
          "Removes messages that a consumer has processed from the group's pending entries."),
     ARGS(KEY_ARG("key"), ARG("group", ARG_STRING), ARG("id", ARG_STRING, MULTIPLE))},
    {STREAM("xackdel", cmd_xackdel, -6, WRITE | CMD_FAST), ONE_KEY(KEY_RW | KEY_DELETE),
     DOCS("8.2.0", "O(1) for each ID", "Acknowledges messages of a consumer group and deletes them from the stream."),
     ARGS(KEY_ARG("key"), ARG("group", ARG_STRING), REFERENCES, IDS)},
    {STREAM("xadd", cmd_xadd, -5, GROW | CMD_FAST),
     ONE_KEY(KEY_RW | KEY_UPDATE, NOTES("No insert, because it may also trim")),
     DOCS("5.0.0", "O(1); O(N) in the number of entries that trimming removes",
          "Adds an entry to the end of a stream, and can trim the stream."), TIPS("nondeterministic_output"),
     HISTORY({"6.2.0", "`NOMKSTREAM`, trimming by `MINID`, and `LIMIT`."}, {"7.0.0", "IDs of the form `<ms>-*`."}),
     ARGS(KEY_ARG("key"), TOKEN("nomkstream", "NOMKSTREAM", SINCE("6.2.0"), OPTIONAL), TRIM,
          ARG("id_or_auto", ARG_ONEOF, CHILDREN(TOKEN("auto_id", "*"), ARG("id", ARG_STRING))),
          ARG("field_value", ARG_BLOCK, MULTIPLE, CHILDREN(ARG("field", ARG_STRING), ARG("value", ARG_STRING))))},
    {STREAM("xautoclaim", cmd_xautoclaim, -6, WRITE | CMD_FAST), ONE_KEY(KEY_RW | KEY_DELETE),
     DOCS("6.2.0", "O(N) in COUNT", "Gives pending messages that were idle for long to another consumer."),
     TIPS("nondeterministic_output"),
     HISTORY({"7.0.0", "The reply names the deleted entries that were removed from the pending ones."}),
     ARGS(KEY_ARG("key"), ARG("group", ARG_STRING), ARG("consumer", ARG_STRING), ARG("min-idle-time", ARG_STRING),
          ARG("start", ARG_STRING), ARG("count", ARG_INTEGER, AFTER("COUNT"), OPTIONAL),
          TOKEN("justid", "JUSTID", OPTIONAL))},
    {STREAM("xclaim", cmd_xclaim, -6, WRITE | CMD_FAST), ONE_KEY(KEY_RW | KEY_UPDATE),
     DOCS("5.0.0", "O(log N) for each ID, N pending messages of the group",
          "Gives pending messages to another consumer."), TIPS("nondeterministic_output"),
     ARGS(KEY_ARG("key"), ARG("group", ARG_STRING), ARG("consumer", ARG_STRING), ARG("min-idle-time", ARG_STRING),
          ARG("id", ARG_STRING, MULTIPLE), ARG("ms", ARG_INTEGER, AFTER("IDLE"), OPTIONAL),
          ARG("unix-time-milliseconds", ARG_UNIX_TIME, AFTER("TIME"), OPTIONAL),
          ARG("count", ARG_INTEGER, AFTER("RETRYCOUNT"), OPTIONAL), TOKEN("force", "FORCE", OPTIONAL),
          TOKEN("justid", "JUSTID", OPTIONAL), ARG("id", ARG_STRING, AFTER("LASTID"), OPTIONAL))},
    {STREAM("xdel", cmd_xdel, -3, WRITE | CMD_FAST), ONE_KEY(KEY_RW | KEY_DELETE),
     DOCS("5.0.0", "O(1) for each ID", "Deletes entries of a stream."),
     ARGS(KEY_ARG("key"), ARG("id", ARG_STRING, MULTIPLE))},
    {STREAM("xdelex", cmd_xdelex, -5, WRITE | CMD_FAST), ONE_KEY(KEY_RW | KEY_DELETE),
     DOCS("8.2.0", "O(1) for each ID",
          "Deletes entries of a stream, with a choice of what becomes of their pending messages."),
     ARGS(KEY_ARG("key"), REFERENCES, IDS)},
    {CONTAINER(GROUP_STREAM, "xgroup", xgroup_subcommands),
     DOCS("5.0.0", "Depends on the subcommand", "Commands that create, change and remove consumer groups.")},
    {CONTAINER(GROUP_STREAM, "xinfo", xinfo_subcommands),
     DOCS("5.0.0", "Depends on the subcommand", "Commands that look inside streams.")},
    {STREAM("xlen", cmd_xlen, 2, READ | CMD_FAST), ONE_KEY(KEY_RO),
     DOCS("5.0.0", "O(1)", "Counts the entries of a stream."), ARGS(KEY_ARG("key"))},
    {STREAM("xpending", cmd_xpending, -3, READ), ONE_KEY(KEY_RO | KEY_ACCESS),
     DOCS("5.0.0", "O(N) in what is returned, and in what IDLE filters out",
          "Describes the pending messages of a consumer group."), TIPS("nondeterministic_output"),
     HISTORY({"6.2.0", "`IDLE` and exclusive ranges."}),
     ARGS(KEY_ARG("key"), ARG("group", ARG_STRING),
          ARG("filters", ARG_BLOCK, OPTIONAL,
              CHILDREN(ARG("min-idle-time", ARG_INTEGER, AFTER("IDLE"), SINCE("6.2.0"), OPTIONAL),
                       ARG("start", ARG_STRING), ARG("end", ARG_STRING), ARG("count", ARG_INTEGER),
                       ARG("consumer", ARG_STRING, OPTIONAL))))},
    {STREAM("xrange", cmd_xrange, -4, READ), ONE_KEY(KEY_RO | KEY_ACCESS),
     DOCS("5.0.0", "O(N) in the number of entries returned", "Returns the entries between two IDs."),
     HISTORY({"6.2.0", "Exclusive ranges."}),
     ARGS(KEY_ARG("key"), ARG("start", ARG_STRING), ARG("end", ARG_STRING),
          ARG("count", ARG_INTEGER, AFTER("COUNT"), OPTIONAL))},
    {STREAM("xread", cmd_xread, -4, CMD_READONLY | CMD_BLOCKING | CMD_MOVABLEKEYS),
     KEY_SPECS(SPEC_AFTER("STREAMS", 1, -1, 1, 2, KEY_RO | KEY_ACCESS)),
     .getkeys = xread_keys,
     DOCS("5.0.0", "O(N) in the number of entries returned",
          "Returns the entries of streams behind the given IDs, waiting for one if asked to."),
     HISTORY({"7.4.0", "The ID `+`, the last entry."}),
     ARGS(ARG("count", ARG_INTEGER, AFTER("COUNT"), OPTIONAL),
          ARG("milliseconds", ARG_INTEGER, AFTER("BLOCK"), OPTIONAL),
          ARG("streams", ARG_BLOCK, AFTER("STREAMS"),
              CHILDREN(KEY_ARG("key", MULTIPLE), ARG("id", ARG_STRING, MULTIPLE))))},
    {STREAM("xreadgroup", cmd_xreadgroup, -7, CMD_WRITE | CMD_BLOCKING | CMD_MOVABLEKEYS),
     KEY_SPECS(SPEC_AFTER("STREAMS", 4, -1, 1, 2, KEY_RO | KEY_ACCESS)),
     .getkeys = xread_keys,
     DOCS("5.0.0", "O(N) in the number of entries returned",
          "Reads streams as a consumer of a group, waiting for an entry if asked to."),
     ARGS(ARG("group_consumer", ARG_BLOCK, AFTER("GROUP"),
              CHILDREN(ARG("group", ARG_STRING), ARG("consumer", ARG_STRING))),
          ARG("count", ARG_INTEGER, AFTER("COUNT"), OPTIONAL),
          ARG("milliseconds", ARG_INTEGER, AFTER("BLOCK"), OPTIONAL), TOKEN("noack", "NOACK", OPTIONAL),
          ARG("streams", ARG_BLOCK, AFTER("STREAMS"),
              CHILDREN(KEY_ARG("key", MULTIPLE), ARG("id", ARG_STRING, MULTIPLE))))},
    {STREAM("xrevrange", cmd_xrevrange, -4, READ), ONE_KEY(KEY_RO | KEY_ACCESS),
     DOCS("5.0.0", "O(N) in the number of entries returned",
          "Returns the entries between two IDs, the last one first."), HISTORY({"6.2.0", "Exclusive ranges."}),
     ARGS(KEY_ARG("key"), ARG("end", ARG_STRING), ARG("start", ARG_STRING),
          ARG("count", ARG_INTEGER, AFTER("COUNT"), OPTIONAL))},
    {STREAM("xsetid", cmd_xsetid, -3, GROW | CMD_FAST), ONE_KEY(KEY_RW | KEY_UPDATE),
     DOCS("5.0.0", "O(1)", "Sets the last ID of a stream, for replication and the append-only file."),
     HISTORY({"7.0.0", "`ENTRIESADDED` and `MAXDELETEDID`."}),
     ARGS(KEY_ARG("key"), ARG("last-id", ARG_STRING),
          ARG("entries_added", ARG_INTEGER, AFTER("ENTRIESADDED"), SINCE("7.0.0"), OPTIONAL),
          ARG("max_deleted_entry_id", ARG_STRING, AFTER("MAXDELETEDID"), SINCE("7.0.0"), OPTIONAL))},
    {STREAM("xtrim", cmd_xtrim, -4, WRITE), ONE_KEY(KEY_RW | KEY_DELETE),
     DOCS("5.0.0", "O(N) in the number of entries removed", "Removes the oldest entries of a stream."),
     TIPS("nondeterministic_output"), HISTORY({"6.2.0", "Trimming by `MINID`, and `LIMIT`."}),
     ARGS(KEY_ARG("key"),
          ARG("trim", ARG_BLOCK,
              CHILDREN(ARG("strategy", ARG_ONEOF,
                           CHILDREN(TOKEN("maxlen", "MAXLEN"), TOKEN("minid", "MINID", SINCE("6.2.0")))),
                       ARG("operator", ARG_ONEOF, OPTIONAL, CHILDREN(TOKEN("equal", "="), TOKEN("approximately", "~"))),
                       ARG("threshold", ARG_STRING),
                       ARG("count", ARG_INTEGER, AFTER("LIMIT"), SINCE("6.2.0"), OPTIONAL))))},
    {0}};
/* clang-format on */
