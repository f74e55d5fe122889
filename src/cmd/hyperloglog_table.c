/* The commands of this family: their records. Handlers: hyperloglog_cmds.h. */
#include "cmd/hyperloglog_cmds.h"

const struct command hyperloglog_commands[] = {{0}};
