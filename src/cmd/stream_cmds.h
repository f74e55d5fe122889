/* The handlers of the commands on streams and their table. */
#ifndef CAIRN_CMD_STREAM_CMDS_H
#define CAIRN_CMD_STREAM_CMDS_H

#include "engine/command.h"

struct ctx;

extern const struct command stream_commands[]; /* ends with a nameless one; stream_table.c */

void cmd_xack(struct ctx *ctx);
void cmd_xackdel(struct ctx *ctx);
void cmd_xadd(struct ctx *ctx);
void cmd_xautoclaim(struct ctx *ctx);
void cmd_xclaim(struct ctx *ctx);
void cmd_xdel(struct ctx *ctx);
void cmd_xdelex(struct ctx *ctx);
void cmd_xgroup_create(struct ctx *ctx);
void cmd_xgroup_createconsumer(struct ctx *ctx);
void cmd_xgroup_delconsumer(struct ctx *ctx);
void cmd_xgroup_destroy(struct ctx *ctx);
void cmd_xgroup_help(struct ctx *ctx);
void cmd_xgroup_setid(struct ctx *ctx);
void cmd_xinfo_consumers(struct ctx *ctx);
void cmd_xinfo_groups(struct ctx *ctx);
void cmd_xinfo_help(struct ctx *ctx);
void cmd_xinfo_stream(struct ctx *ctx);
void cmd_xlen(struct ctx *ctx);
void cmd_xpending(struct ctx *ctx);
void cmd_xrange(struct ctx *ctx);
void cmd_xread(struct ctx *ctx);
void cmd_xreadgroup(struct ctx *ctx);
void cmd_xrevrange(struct ctx *ctx);
void cmd_xsetid(struct ctx *ctx);
void cmd_xtrim(struct ctx *ctx);

#endif
