/* The handlers of the commands on keys of any type and their table. */
#ifndef CAIRN_CMD_GENERIC_CMDS_H
#define CAIRN_CMD_GENERIC_CMDS_H

#include "engine/command.h"

struct ctx;

extern const struct command generic_commands[]; /* ends with a nameless one; generic_table.c */

void cmd_copy(struct ctx *ctx);
void cmd_del(struct ctx *ctx);
void cmd_exists(struct ctx *ctx);
void cmd_expire(struct ctx *ctx);
void cmd_expireat(struct ctx *ctx);
void cmd_expiretime(struct ctx *ctx);
void cmd_keys(struct ctx *ctx);
void cmd_move(struct ctx *ctx);
void cmd_object_encoding(struct ctx *ctx);
void cmd_object_freq(struct ctx *ctx);
void cmd_object_help(struct ctx *ctx);
void cmd_object_idletime(struct ctx *ctx);
void cmd_object_refcount(struct ctx *ctx);
void cmd_persist(struct ctx *ctx);
void cmd_pexpire(struct ctx *ctx);
void cmd_pexpireat(struct ctx *ctx);
void cmd_pexpiretime(struct ctx *ctx);
void cmd_pttl(struct ctx *ctx);
void cmd_randomkey(struct ctx *ctx);
void cmd_rename(struct ctx *ctx);
void cmd_renamenx(struct ctx *ctx);
void cmd_scan(struct ctx *ctx);
void cmd_touch(struct ctx *ctx);
void cmd_ttl(struct ctx *ctx);
void cmd_type(struct ctx *ctx);
void cmd_unlink(struct ctx *ctx);

#endif
