/* The commands of this family: their records. Handlers: geo_cmds.h. */
#include "cmd/geo_cmds.h"

const struct command geo_commands[] = {{0}};
