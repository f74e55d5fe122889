/* The handlers of the commands about connections and their table. */
#ifndef CAIRN_CMD_CONNECTION_CMDS_H
#define CAIRN_CMD_CONNECTION_CMDS_H

#include "engine/command.h"

struct ctx;

extern const struct command connection_commands[]; /* ends with a nameless one; connection_table.c */

void cmd_auth(struct ctx *ctx);
void cmd_client_getname(struct ctx *ctx);
void cmd_client_help(struct ctx *ctx);
void cmd_client_id(struct ctx *ctx);
void cmd_client_info(struct ctx *ctx);
void cmd_client_kill(struct ctx *ctx);
void cmd_client_list(struct ctx *ctx);
void cmd_client_no_evict(struct ctx *ctx);
void cmd_client_no_touch(struct ctx *ctx);
void cmd_client_pause(struct ctx *ctx);
void cmd_client_reply(struct ctx *ctx);
void cmd_client_setinfo(struct ctx *ctx);
void cmd_client_setname(struct ctx *ctx);
void cmd_client_unblock(struct ctx *ctx);
void cmd_client_unpause(struct ctx *ctx);
void cmd_echo(struct ctx *ctx);
void cmd_hello(struct ctx *ctx);
void cmd_ping(struct ctx *ctx);
void cmd_quit(struct ctx *ctx);
void cmd_reset(struct ctx *ctx);
void cmd_select(struct ctx *ctx);

#endif
