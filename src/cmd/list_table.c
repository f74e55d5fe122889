/* The commands of this family: their records. Handlers: list_cmds.h. */
#include "cmd/list_cmds.h"

const struct command list_commands[] = {{0}};
