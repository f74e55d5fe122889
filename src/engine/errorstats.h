/* Counts of error replies by their code ("ERR", "WRONGTYPE", ...), for INFO errorstats. Bounded: when ERRORSTATS_MAX
 * codes are known (scripts can make codes up), further ones are not told apart. */
#ifndef CAIRN_ENGINE_ERRORSTATS_H
#define CAIRN_ENGINE_ERRORSTATS_H

#include "base/slice.h"

enum { ERRORSTATS_MAX = 128, ERRORSTATS_CODE_MAX = 32 };

struct errorstats {
    int count;
    struct errorstat {
        uint8_t len;
        char code[ERRORSTATS_CODE_MAX];
        uint64_t n;
    } * entries; /* ERRORSTATS_MAX of them, or NULL while there was no error */
};

void errorstats_add(struct errorstats *es, struct slice error_text); /* "ERR syntax error" counts under ERR */
void errorstats_reset(struct errorstats *es);
void errorstats_deinit(struct errorstats *es);

#endif
