/* The handlers of the commands on hashes and their table. */
#ifndef CAIRN_CMD_HASH_CMDS_H
#define CAIRN_CMD_HASH_CMDS_H

#include "engine/command.h"

struct ctx;

extern const struct command hash_commands[]; /* ends with a nameless one; hash_table.c */

void cmd_hdel(struct ctx *ctx);
void cmd_hexists(struct ctx *ctx);
void cmd_hexpire(struct ctx *ctx);
void cmd_hexpireat(struct ctx *ctx);
void cmd_hexpiretime(struct ctx *ctx);
void cmd_hget(struct ctx *ctx);
void cmd_hgetall(struct ctx *ctx);
void cmd_hgetdel(struct ctx *ctx);
void cmd_hgetex(struct ctx *ctx);
void cmd_hincrby(struct ctx *ctx);
void cmd_hincrbyfloat(struct ctx *ctx);
void cmd_hkeys(struct ctx *ctx);
void cmd_hlen(struct ctx *ctx);
void cmd_hmget(struct ctx *ctx);
void cmd_hmset(struct ctx *ctx);
void cmd_hpersist(struct ctx *ctx);
void cmd_hpexpire(struct ctx *ctx);
void cmd_hpexpireat(struct ctx *ctx);
void cmd_hpexpiretime(struct ctx *ctx);
void cmd_hpttl(struct ctx *ctx);
void cmd_hrandfield(struct ctx *ctx);
void cmd_hscan(struct ctx *ctx);
void cmd_hset(struct ctx *ctx);
void cmd_hsetex(struct ctx *ctx);
void cmd_hsetnx(struct ctx *ctx);
void cmd_hstrlen(struct ctx *ctx);
void cmd_httl(struct ctx *ctx);
void cmd_hvals(struct ctx *ctx);

#endif
