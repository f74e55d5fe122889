/* The handlers of the commands on HyperLogLogs and their table. */
#ifndef CAIRN_CMD_HYPERLOGLOG_CMDS_H
#define CAIRN_CMD_HYPERLOGLOG_CMDS_H

#include "engine/command.h"

struct ctx;

extern const struct command hyperloglog_commands[]; /* ends with a nameless one; hyperloglog_table.c */

void cmd_pfadd(struct ctx *ctx);
void cmd_pfcount(struct ctx *ctx);
void cmd_pfdebug(struct ctx *ctx);
void cmd_pfmerge(struct ctx *ctx);
void cmd_pfselftest(struct ctx *ctx);

#endif
