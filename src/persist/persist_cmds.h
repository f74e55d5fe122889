/* The handlers of the commands of persistence and their table. */
#ifndef CAIRN_PERSIST_PERSIST_CMDS_H
#define CAIRN_PERSIST_PERSIST_CMDS_H

#include "engine/command.h"

struct ctx;

extern const struct command persist_commands[]; /* ends with a nameless one; persist_table.c */

void cmd_bgrewriteaof(struct ctx *ctx);
void cmd_dump(struct ctx *ctx);
void cmd_restore(struct ctx *ctx);
void cmd_save(struct ctx *ctx);
void cmd_bgsave(struct ctx *ctx);
void cmd_lastsave(struct ctx *ctx);

#endif
