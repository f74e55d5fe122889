/* The handlers of the commands on lists and their table. */
#ifndef CAIRN_CMD_LIST_CMDS_H
#define CAIRN_CMD_LIST_CMDS_H

#include "engine/command.h"

struct ctx;

extern const struct command list_commands[]; /* ends with a nameless one; list_table.c */

void cmd_blmove(struct ctx *ctx);
void cmd_blmpop(struct ctx *ctx);
void cmd_blpop(struct ctx *ctx);
void cmd_brpop(struct ctx *ctx);
void cmd_brpoplpush(struct ctx *ctx);
void cmd_lindex(struct ctx *ctx);
void cmd_linsert(struct ctx *ctx);
void cmd_llen(struct ctx *ctx);
void cmd_lmove(struct ctx *ctx);
void cmd_lmpop(struct ctx *ctx);
void cmd_lpop(struct ctx *ctx);
void cmd_lpos(struct ctx *ctx);
void cmd_lpush(struct ctx *ctx);
void cmd_lpushx(struct ctx *ctx);
void cmd_lrange(struct ctx *ctx);
void cmd_lrem(struct ctx *ctx);
void cmd_lset(struct ctx *ctx);
void cmd_ltrim(struct ctx *ctx);
void cmd_rpop(struct ctx *ctx);
void cmd_rpoplpush(struct ctx *ctx);
void cmd_rpush(struct ctx *ctx);
void cmd_rpushx(struct ctx *ctx);

#endif
