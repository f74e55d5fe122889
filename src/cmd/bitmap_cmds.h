/* The handlers of the commands on strings as arrays of bits and their table. */
#ifndef CAIRN_CMD_BITMAP_CMDS_H
#define CAIRN_CMD_BITMAP_CMDS_H

#include "engine/command.h"

struct ctx;

extern const struct command bitmap_commands[]; /* ends with a nameless one; bitmap_table.c */

void cmd_bitcount(struct ctx *ctx);
void cmd_bitfield(struct ctx *ctx);
void cmd_bitfield_ro(struct ctx *ctx);
void cmd_bitop(struct ctx *ctx);
void cmd_bitpos(struct ctx *ctx);
void cmd_getbit(struct ctx *ctx);
void cmd_setbit(struct ctx *ctx);

#endif
