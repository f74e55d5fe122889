/* The handlers of the commands of this family and their table. */
#ifndef CAIRN_CMD_LIST_CMDS_H
#define CAIRN_CMD_LIST_CMDS_H

#include "engine/command.h"

struct ctx;

extern const struct command list_commands[]; /* ends with a nameless one; list_table.c */

#endif
