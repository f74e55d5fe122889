/* What the handlers of this folder share; only its files include this. */
#ifndef CAIRN_CMD_CMD_IMPL_H
#define CAIRN_CMD_CMD_IMPL_H

#include "base/num.h"
#include "engine/ctx.h"
#include "engine/engine.h"
#include "engine/session.h"

/* A record counts the length of its key in 32 bits; longer keys are refused when they would be inserted. */
#define KEY_LEN_MAX ((size_t)UINT32_MAX - 1)

/* Directives that handlers read, bound once. */
struct cmd_config {
    const int64_t *bulk_max; /* proto-max-bulk-len */
    const int64_t *lazy_expire, *lazy_user_del, *lazy_server_del;
    const int64_t *maxmemory;
};
const struct cmd_config *cmd_config(const struct ctx *ctx);

/* An argument that must fit into an int; replies the error itself. */
bool arg_int(struct ctx *ctx, int i, int *out);
/* A database's number: replies the error itself. */
bool arg_db(struct ctx *ctx, int i, int *out);

/* A word of decimal digits for an effect. */
struct number_word {
    char text[NUM_I64_TEXT_MAX];
};
static inline struct slice number_word(struct number_word *w, uint64_t v)
{
    return slice_of(w->text, (size_t)u64_to_text(w->text, v));
}

/* Expiry options of SET, GETEX and MSETEX, not parsed yet: their value stands in argument `at`. */
struct expire_option {
    int at; /* 0: none */
    int64_t unit_ms;
    bool absolute;
};
/* Takes EX, PX, EXAT or PXAT at argument *i with its value behind it, and moves *i to the value. False: it is none of
 * them, or has no value, or stands beside another one. */
bool expire_option_take(const struct ctx *ctx, int *i, struct expire_option *o);

#endif
