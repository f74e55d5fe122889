/* The handlers of the commands of transactions and their table. */
#ifndef CAIRN_CMD_TRANSACTION_CMDS_H
#define CAIRN_CMD_TRANSACTION_CMDS_H

#include "engine/command.h"

struct ctx;

extern const struct command transaction_commands[]; /* ends with a nameless one; transaction_table.c */

void cmd_discard(struct ctx *ctx);
void cmd_exec(struct ctx *ctx);
void cmd_multi(struct ctx *ctx);
void cmd_unwatch(struct ctx *ctx);
void cmd_watch(struct ctx *ctx);

#endif
