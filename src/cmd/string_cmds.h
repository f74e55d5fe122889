/* The handlers of the commands on strings and their table. */
#ifndef CAIRN_CMD_STRING_CMDS_H
#define CAIRN_CMD_STRING_CMDS_H

#include "engine/command.h"

struct ctx;

extern const struct command string_commands[]; /* ends with a nameless one; string_table.c */

void cmd_append(struct ctx *ctx);
void cmd_decr(struct ctx *ctx);
void cmd_decrby(struct ctx *ctx);
void cmd_delex(struct ctx *ctx);
void cmd_delifeq(struct ctx *ctx);
void cmd_digest(struct ctx *ctx);
void cmd_get(struct ctx *ctx);
void cmd_getdel(struct ctx *ctx);
void cmd_getex(struct ctx *ctx);
void cmd_getrange(struct ctx *ctx);
void cmd_getset(struct ctx *ctx);
void cmd_incr(struct ctx *ctx);
void cmd_incrby(struct ctx *ctx);
void cmd_incrbyfloat(struct ctx *ctx);
void cmd_lcs(struct ctx *ctx);
void cmd_mget(struct ctx *ctx);
void cmd_mset(struct ctx *ctx);
void cmd_msetex(struct ctx *ctx);
void cmd_msetnx(struct ctx *ctx);
void cmd_psetex(struct ctx *ctx);
void cmd_set(struct ctx *ctx);
void cmd_setex(struct ctx *ctx);
void cmd_setnx(struct ctx *ctx);
void cmd_setrange(struct ctx *ctx);
void cmd_strlen(struct ctx *ctx);
void cmd_substr(struct ctx *ctx);

#endif
