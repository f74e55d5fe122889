/* The handlers of the commands of this family and their table. */
#ifndef CAIRN_CMD_HYPERLOGLOG_CMDS_H
#define CAIRN_CMD_HYPERLOGLOG_CMDS_H

#include "engine/command.h"

struct ctx;

extern const struct command hyperloglog_commands[]; /* ends with a nameless one; hyperloglog_table.c */

#endif
