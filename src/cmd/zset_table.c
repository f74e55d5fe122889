/* The commands of this family: their records. Handlers: zset_cmds.h. */
#include "cmd/zset_cmds.h"

const struct command zset_commands[] = {{0}};
