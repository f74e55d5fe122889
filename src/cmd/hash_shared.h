/* What the files of the hash commands share; only they include this. */
#ifndef CAIRN_CMD_HASH_SHARED_H
#define CAIRN_CMD_HASH_SHARED_H

#include "cmd/cmd_impl.h"
#include "value/hash.h"

/* The hash under key, NULL when absent. False: another type, the error is replied. */
bool hash_find(struct ctx *ctx, struct store_key key, enum access access, struct record **out);
/* The hash under key, made if there is none; the caller puts something into it. NULL: the error is replied. */
struct record *hash_find_or_create(struct ctx *ctx, struct store_key key);
/* At the beginning of a loop over fields in the arguments from `first` on, every stride-th: prefetches some, now and
 * then. */
static inline void hash_prefetch_args(const struct ctx *ctx, const struct record *r, int first, int i, int stride)
{
    int done = (i - first) / stride, left = (ctx->argc - i + stride - 1) / stride;
    if (done % HASH_PREFETCH_MAX != 0 || left < 2) return;
    hash_prefetch(r, ctx->argv + i, (size_t)(left < HASH_PREFETCH_MAX ? left : HASH_PREFETCH_MAX), (size_t)stride);
}
/* Sets the field in argument i to the value behind it. True: it is new. */
bool hash_set_arg(struct ctx *ctx, struct record *r, int i, bool keep_expiry);
/* The field's value, or null; r may be NULL. */
void hash_reply_field(struct ctx *ctx, const struct record *r, struct slice field);

#endif
