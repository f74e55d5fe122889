/* What the geo commands share: positions, units and lengths as arguments name them, and replies with them. Only the
 * files of cmd/ include this. */
#ifndef CAIRN_CMD_GEO_ARGS_H
#define CAIRN_CMD_GEO_ARGS_H

#include "cmd/cmd_impl.h"
#include "value/geohash.h"

/* Each replies the error itself. */
bool arg_geo_point(struct ctx *ctx, int i, struct geo_point *out);   /* arguments i and i + 1: longitude, latitude */
bool arg_geo_unit(struct ctx *ctx, int i, double *metres);           /* M, KM, FT, MI */
/* `error` is for what is no number. */
bool arg_geo_length(struct ctx *ctx, int i, const char *error, double *out);

void reply_geo_point(struct reply *reply, struct geo_point p);
void reply_geo_distance(struct reply *reply, double distance);       /* four decimals */

#endif
