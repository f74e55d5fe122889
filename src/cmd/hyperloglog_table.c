/* The commands on HyperLogLogs: their records. Handlers: hyperloglog_cmds.h. */
#include "cmd/hyperloglog_cmds.h"

#include "engine/command_keys.h"
#include "engine/command_meta.h"

#define HYPERLOGLOG(name, run, arity, flags) COMMAND(GROUP_HYPERLOGLOG, name, run, arity, flags, ACL_HYPERLOGLOG)
#define READ (CMD_READONLY | CMD_PARTITION_SAFE)
#define WRITE (CMD_WRITE | CMD_PARTITION_SAFE)
#define GROW (WRITE | CMD_DENYOOM) /* may need more memory */

/* There need be no sources, which the specs cannot say. */
static int pfmerge_keys(const struct slice *argv, int argc, struct key_ref *out, int max)
{
    (void)argv;
    if (max > 0) out[0] = (struct key_ref){1, KEY_RW | KEY_ACCESS | KEY_INSERT};
    for (int i = 2; i < argc && i <= max; i++) out[i - 1] = (struct key_ref){i, KEY_RO | KEY_ACCESS};
    return argc - 1;
}

/* clang-format off: a table, one command after the other in the order of their names */
const struct command hyperloglog_commands[] = {
    {HYPERLOGLOG("pfadd", cmd_pfadd, -2, GROW | CMD_FAST), ONE_KEY(KEY_RW | KEY_INSERT),
     DOCS("2.8.9", "O(1) for each element", "Adds elements to a HyperLogLog."),
     ARGS(KEY_ARG("key"), ARG("element", ARG_STRING, OPTIONAL_MULTIPLE))},
    {HYPERLOGLOG("pfcount", cmd_pfcount, -2, READ | CMD_MAY_REPLICATE), KEY_POSITIONS(1, -1, 1),
     KEY_SPECS(SPEC_RANGE(1, -1, 1, KEY_RW | KEY_ACCESS,
                          NOTES("It may store the count that it has computed in the value"))),
     DOCS("2.8.9", "O(1) for one key, most often from a cache; O(N) in the number of keys otherwise",
          "Estimates how many different elements were added to HyperLogLogs."), ARGS(KEY_ARG("key", MULTIPLE))},
    {HYPERLOGLOG("pfdebug", cmd_pfdebug, 3, GROW | CMD_ADMIN), KEY_AT(2, KEY_RW | KEY_ACCESS),
     DOCS("2.8.9", "O(1), since all HyperLogLogs have the same size",
          "Shows or changes the internals of a HyperLogLog, for tests."), .doc_flags = DOC_SYSCMD,
     ARGS(ARG("subcommand", ARG_STRING), KEY_ARG("key"))},
    {HYPERLOGLOG("pfmerge", cmd_pfmerge, -2, GROW), KEY_POSITIONS(1, -1, 1),
     KEY_SPECS(SPEC_RANGE(1, 0, 1, KEY_RW | KEY_ACCESS | KEY_INSERT), SPEC_RANGE(2, -1, 1, KEY_RO | KEY_ACCESS)),
     .getkeys = pfmerge_keys, DOCS("2.8.9", "O(N) in the number of keys", "Merges HyperLogLogs into one."),
     ARGS(KEY_ARG("destkey"), KEY_ARG("sourcekey", OPTIONAL_MULTIPLE, .key_spec = 1))},
    {HYPERLOGLOG("pfselftest", cmd_pfselftest, 1, CMD_ADMIN),
     DOCS("2.8.9", "O(1), but slow", "Checks the HyperLogLog code against itself."), .doc_flags = DOC_SYSCMD},
    {0}};
/* clang-format on */
