/* The commands of this family: their records. Handlers: set_cmds.h. */
#include "cmd/set_cmds.h"

const struct command set_commands[] = {{0}};
