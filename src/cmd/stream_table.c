/* The commands of this family: their records. Handlers: stream_cmds.h. */
#include "cmd/stream_cmds.h"

const struct command stream_commands[] = {{0}};
