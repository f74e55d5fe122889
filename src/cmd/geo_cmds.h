/* The handlers of the commands of this family and their table. */
#ifndef CAIRN_CMD_GEO_CMDS_H
#define CAIRN_CMD_GEO_CMDS_H

#include "engine/command.h"

struct ctx;

extern const struct command geo_commands[]; /* ends with a nameless one; geo_table.c */

#endif
