/* The handlers of the commands of this family and their table. */
#ifndef CAIRN_CMD_SET_CMDS_H
#define CAIRN_CMD_SET_CMDS_H

#include "engine/command.h"

struct ctx;

extern const struct command set_commands[]; /* ends with a nameless one; set_table.c */

#endif
