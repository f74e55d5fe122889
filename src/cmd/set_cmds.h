/* The handlers of the commands on sets and their table. */
#ifndef CAIRN_CMD_SET_CMDS_H
#define CAIRN_CMD_SET_CMDS_H

#include "engine/command.h"

struct ctx;

extern const struct command set_commands[]; /* ends with a nameless one; set_table.c */

void cmd_sadd(struct ctx *ctx);
void cmd_scard(struct ctx *ctx);
void cmd_sdiff(struct ctx *ctx);
void cmd_sdiffcard(struct ctx *ctx);
void cmd_sdiffstore(struct ctx *ctx);
void cmd_sinter(struct ctx *ctx);
void cmd_sintercard(struct ctx *ctx);
void cmd_sinterstore(struct ctx *ctx);
void cmd_sismember(struct ctx *ctx);
void cmd_smembers(struct ctx *ctx);
void cmd_smismember(struct ctx *ctx);
void cmd_smove(struct ctx *ctx);
void cmd_spop(struct ctx *ctx);
void cmd_srandmember(struct ctx *ctx);
void cmd_srem(struct ctx *ctx);
void cmd_sscan(struct ctx *ctx);
void cmd_sunion(struct ctx *ctx);
void cmd_sunioncard(struct ctx *ctx);
void cmd_sunionstore(struct ctx *ctx);

#endif
