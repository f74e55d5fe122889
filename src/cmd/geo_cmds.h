/* The handlers of the commands on geospatial indexes and their table. */
#ifndef CAIRN_CMD_GEO_CMDS_H
#define CAIRN_CMD_GEO_CMDS_H

#include "engine/command.h"

struct ctx;

extern const struct command geo_commands[]; /* ends with a nameless one; geo_table.c */

void cmd_geoadd(struct ctx *ctx);
void cmd_geodist(struct ctx *ctx);
void cmd_geohash(struct ctx *ctx);
void cmd_geopos(struct ctx *ctx);
void cmd_georadius(struct ctx *ctx);
void cmd_georadius_ro(struct ctx *ctx);
void cmd_georadiusbymember(struct ctx *ctx);
void cmd_georadiusbymember_ro(struct ctx *ctx);
void cmd_geosearch(struct ctx *ctx);
void cmd_geosearchstore(struct ctx *ctx);

#endif
