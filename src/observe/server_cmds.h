/* The handlers of the commands about the server itself and their table. */
#ifndef CAIRN_OBSERVE_SERVER_CMDS_H
#define CAIRN_OBSERVE_SERVER_CMDS_H

#include "engine/command.h"

struct ctx;

extern const struct command server_commands[]; /* ends with a nameless one; server_table.c */

void cmd_command(struct ctx *ctx);
void cmd_command_count(struct ctx *ctx);
void cmd_command_docs(struct ctx *ctx);
void cmd_command_getkeys(struct ctx *ctx);
void cmd_command_getkeysandflags(struct ctx *ctx);
void cmd_command_help(struct ctx *ctx);
void cmd_command_info(struct ctx *ctx);
void cmd_command_list(struct ctx *ctx);
void cmd_config_get(struct ctx *ctx);
void cmd_config_help(struct ctx *ctx);
void cmd_config_resetstat(struct ctx *ctx);
void cmd_config_rewrite(struct ctx *ctx);
void cmd_config_set(struct ctx *ctx);
void cmd_dbsize(struct ctx *ctx);
void cmd_debug(struct ctx *ctx);
void cmd_flushall(struct ctx *ctx);
void cmd_flushdb(struct ctx *ctx);
void cmd_info(struct ctx *ctx);
void cmd_latency_doctor(struct ctx *ctx);
void cmd_latency_graph(struct ctx *ctx);
void cmd_latency_help(struct ctx *ctx);
void cmd_latency_histogram(struct ctx *ctx);
void cmd_latency_history(struct ctx *ctx);
void cmd_latency_latest(struct ctx *ctx);
void cmd_latency_reset(struct ctx *ctx);
void cmd_lolwut(struct ctx *ctx);
void cmd_memory_doctor(struct ctx *ctx);
void cmd_memory_help(struct ctx *ctx);
void cmd_memory_malloc_stats(struct ctx *ctx);
void cmd_memory_purge(struct ctx *ctx);
void cmd_memory_stats(struct ctx *ctx);
void cmd_memory_usage(struct ctx *ctx);
void cmd_role(struct ctx *ctx);
void cmd_shutdown(struct ctx *ctx);
void cmd_slowlog_get(struct ctx *ctx);
void cmd_slowlog_help(struct ctx *ctx);
void cmd_slowlog_len(struct ctx *ctx);
void cmd_slowlog_reset(struct ctx *ctx);
void cmd_swapdb(struct ctx *ctx);
void cmd_time(struct ctx *ctx);

#endif
