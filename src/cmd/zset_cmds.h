/* The handlers of the commands of this family and their table. */
#ifndef CAIRN_CMD_ZSET_CMDS_H
#define CAIRN_CMD_ZSET_CMDS_H

#include "engine/command.h"

struct ctx;

extern const struct command zset_commands[]; /* ends with a nameless one; zset_table.c */

#endif
