/* The commands of transactions: their records. Handlers: transaction_cmds.h. */
#include "cmd/transaction_cmds.h"

#include "engine/command_meta.h"

#define TRANSACTION(name, run, arity, flags) COMMAND(GROUP_TRANSACTIONS, name, run, arity, flags, ACL_TRANSACTION)
#define ALWAYS (CMD_NOSCRIPT | CMD_LOADING | CMD_STALE)

/* clang-format off: a table, one command after the other in the order of their names */
const struct command transaction_commands[] = {
    {TRANSACTION("discard", cmd_discard, 1, ALWAYS | CMD_UNQUEUED | CMD_FAST | CMD_ALLOW_BUSY),
     DOCS("2.0.0", "O(N) in the number of queued commands", "Drops the queued commands and ends the transaction.")},
    {TRANSACTION("exec", cmd_exec, 1, ALWAYS | CMD_UNQUEUED | CMD_RUNS_QUEUE | CMD_SKIP_SLOWLOG),
     DOCS("1.2.0", "That of the queued commands", "Runs the queued commands as one.")},
    {TRANSACTION("multi", cmd_multi, 1, ALWAYS | CMD_UNQUEUED | CMD_FAST | CMD_ALLOW_BUSY | CMD_PARTITION_SAFE),
     DOCS("1.2.0", "O(1)", "Begins a transaction: what follows is queued.")},
    {TRANSACTION("unwatch", cmd_unwatch, 1, ALWAYS | CMD_FAST | CMD_ALLOW_BUSY),
     DOCS("2.2.0", "O(1)", "Forgets all watched keys.")},
    {TRANSACTION("watch", cmd_watch, -2, ALWAYS | CMD_UNQUEUED | CMD_FAST | CMD_ALLOW_BUSY), ALL_KEYS(1, KEY_RO),
     DOCS("2.2.0", "O(1) per key", "Watches keys: EXEC does nothing when one of them changed."),
     ARGS(KEY_ARG("key", MULTIPLE))},
    {0}};
/* clang-format on */
