/* The handlers of the commands of this family and their table. */
#ifndef CAIRN_CMD_BITMAP_CMDS_H
#define CAIRN_CMD_BITMAP_CMDS_H

#include "engine/command.h"

struct ctx;

extern const struct command bitmap_commands[]; /* ends with a nameless one; bitmap_table.c */

#endif
