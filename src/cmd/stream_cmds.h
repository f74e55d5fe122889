/* The handlers of the commands of this family and their table. */
#ifndef CAIRN_CMD_STREAM_CMDS_H
#define CAIRN_CMD_STREAM_CMDS_H

#include "engine/command.h"

struct ctx;

extern const struct command stream_commands[]; /* ends with a nameless one; stream_table.c */

#endif
