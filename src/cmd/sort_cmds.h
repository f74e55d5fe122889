/* The handlers of the commands that sort and their table. */
#ifndef CAIRN_CMD_SORT_CMDS_H
#define CAIRN_CMD_SORT_CMDS_H

#include "engine/command.h"

struct ctx;

extern const struct command sort_commands[]; /* ends with a nameless one; sort_table.c */

void cmd_sort(struct ctx *ctx);
void cmd_sort_ro(struct ctx *ctx);

#endif
