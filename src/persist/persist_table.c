/* The commands of persistence: their records. Handlers: persist_cmds.h. */
#include "engine/command_meta.h"
#include "persist/persist_cmds.h"

#define RESTORE_HISTORY                                                                                                \
    HISTORY({"3.0.0", "The `REPLACE` option."}, {"5.0.0", "The `ABSTTL` option."},                                     \
            {"5.0.0", "The `IDLETIME` and `FREQ` options."})
#define RESTORE_ARGS                                                                                                   \
    ARGS(KEY_ARG("key"), ARG("ttl", ARG_INTEGER), ARG("serialized-value", ARG_STRING),                                 \
         TOKEN("replace", "REPLACE", SINCE("3.0.0"), OPTIONAL), TOKEN("absttl", "ABSTTL", SINCE("5.0.0"), OPTIONAL),   \
         ARG("seconds", ARG_INTEGER, AFTER("IDLETIME"), SINCE("5.0.0"), OPTIONAL),                                     \
         ARG("frequency", ARG_INTEGER, AFTER("FREQ"), SINCE("5.0.0"), OPTIONAL))
#define RESTORE_DOCS(summary_)                                                                                         \
    DOCS("2.6.0", "O(N) in the number of elements that the payload holds, O(N*log(N)) for sorted sets", summary_)

#define ADMIN (CMD_ADMIN | CMD_NOSCRIPT)

/* clang-format off: a table, one command after the other in the order of their names */
const struct command persist_commands[] = {
    {COMMAND(GROUP_SERVER, "bgrewriteaof", cmd_bgrewriteaof, 1, ADMIN | CMD_NO_ASYNC_LOADING, 0),
     DOCS("1.0.0", "O(1)", "Writes the append-only file anew, in the background.")},
    {COMMAND(GROUP_SERVER, "bgsave", cmd_bgsave, -1, ADMIN | CMD_NO_ASYNC_LOADING, 0),
     DOCS("1.0.0", "O(1)", "Writes a snapshot of all data to disk, in the background."),
     HISTORY({"3.2.2", "The `SCHEDULE` option."}, {"8.1.0", "The `CANCEL` option."}),
     ARGS(TOKEN("schedule", "SCHEDULE", SINCE("3.2.2"), OPTIONAL),
          TOKEN("cancel", "CANCEL", SINCE("8.1.0"), OPTIONAL))},
    {COMMAND(GROUP_GENERIC, "dump", cmd_dump, 2, CMD_READONLY | CMD_PARTITION_SAFE, ACL_KEYSPACE),
     ONE_KEY(KEY_RO | KEY_ACCESS),
     DOCS("2.6.0", "O(N) in the size of the value", "Returns the value of a key in a portable form."),
     TIPS("nondeterministic_output"), ARGS(KEY_ARG("key"))},
    {COMMAND(GROUP_SERVER, "lastsave", cmd_lastsave, 1, CMD_LOADING | CMD_STALE | CMD_FAST,
             ACL_ADMIN | ACL_DANGEROUS),
     DOCS("1.0.0", "O(1)", "Returns the Unix time of the last successful save to disk."),
     TIPS("nondeterministic_output")},
    {COMMAND(GROUP_GENERIC, "restore", cmd_restore, -4, CMD_WRITE | CMD_DENYOOM, ACL_KEYSPACE | ACL_DANGEROUS),
     ONE_KEY(KEY_OW | KEY_UPDATE), RESTORE_DOCS("Creates a key from what DUMP returned."), RESTORE_HISTORY,
     RESTORE_ARGS},
    {COMMAND(GROUP_SERVER, "restore-asking", cmd_restore, -4, CMD_WRITE | CMD_DENYOOM | CMD_ASKING,
             ACL_KEYSPACE | ACL_DANGEROUS),
     ONE_KEY(KEY_OW | KEY_UPDATE), .doc_flags = DOC_SYSCMD, .since = "3.0.0",
     .complexity = "O(N) in the number of elements that the payload holds, O(N*log(N)) for sorted sets",
     .summary = "RESTORE during the migration of a cluster's slot.", RESTORE_HISTORY, RESTORE_ARGS},
    {COMMAND(GROUP_SERVER, "save", cmd_save, 1, ADMIN | CMD_NO_ASYNC_LOADING | CMD_NO_MULTI, 0),
     DOCS("1.0.0", "O(N) in the number of all keys", "Writes a snapshot of all data to disk, and waits for it.")},
    {0}};
