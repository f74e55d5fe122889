/* The commands of this family: their records. Handlers: bitmap_cmds.h. */
#include "cmd/bitmap_cmds.h"

const struct command bitmap_commands[] = {{0}};
