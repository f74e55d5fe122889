/* The handlers of the commands of this family and their table. */
#ifndef CAIRN_CMD_HASH_CMDS_H
#define CAIRN_CMD_HASH_CMDS_H

#include "engine/command.h"

struct ctx;

extern const struct command hash_commands[]; /* ends with a nameless one; hash_table.c */

#endif
