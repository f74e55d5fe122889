/* The commands of this family: their records. Handlers: hash_cmds.h. */
#include "cmd/hash_cmds.h"

const struct command hash_commands[] = {{0}};
