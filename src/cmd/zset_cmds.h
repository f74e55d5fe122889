/* The handlers of the commands on sorted sets and their table. */
#ifndef CAIRN_CMD_ZSET_CMDS_H
#define CAIRN_CMD_ZSET_CMDS_H

#include "engine/command.h"

struct ctx;

extern const struct command zset_commands[]; /* ends with a nameless one; zset_table.c */

void cmd_bzmpop(struct ctx *ctx);
void cmd_bzpopmax(struct ctx *ctx);
void cmd_bzpopmin(struct ctx *ctx);
void cmd_zadd(struct ctx *ctx);
void cmd_zcard(struct ctx *ctx);
void cmd_zcount(struct ctx *ctx);
void cmd_zdiff(struct ctx *ctx);
void cmd_zdiffstore(struct ctx *ctx);
void cmd_zincrby(struct ctx *ctx);
void cmd_zinter(struct ctx *ctx);
void cmd_zintercard(struct ctx *ctx);
void cmd_zinterstore(struct ctx *ctx);
void cmd_zlexcount(struct ctx *ctx);
void cmd_zmpop(struct ctx *ctx);
void cmd_zmscore(struct ctx *ctx);
void cmd_zpopmax(struct ctx *ctx);
void cmd_zpopmin(struct ctx *ctx);
void cmd_zrandmember(struct ctx *ctx);
void cmd_zrange(struct ctx *ctx);
void cmd_zrangebylex(struct ctx *ctx);
void cmd_zrangebyscore(struct ctx *ctx);
void cmd_zrangestore(struct ctx *ctx);
void cmd_zrank(struct ctx *ctx);
void cmd_zrem(struct ctx *ctx);
void cmd_zremrangebylex(struct ctx *ctx);
void cmd_zremrangebyrank(struct ctx *ctx);
void cmd_zremrangebyscore(struct ctx *ctx);
void cmd_zrevrange(struct ctx *ctx);
void cmd_zrevrangebylex(struct ctx *ctx);
void cmd_zrevrangebyscore(struct ctx *ctx);
void cmd_zrevrank(struct ctx *ctx);
void cmd_zscan(struct ctx *ctx);
void cmd_zscore(struct ctx *ctx);
void cmd_zunion(struct ctx *ctx);
void cmd_zunionstore(struct ctx *ctx);

#endif
