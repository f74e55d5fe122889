/* The commands of this family: their records. Handlers: sort_cmds.h. */
#include "cmd/sort_cmds.h"

const struct command sort_commands[] = {{0}};
