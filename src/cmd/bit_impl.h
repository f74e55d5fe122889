/* What the commands on bits share: bitmap_cmds.c and bitfield_cmds.c. */
#ifndef CAIRN_CMD_BIT_IMPL_H
#define CAIRN_CMD_BIT_IMPL_H

#include "cmd/cmd_impl.h"

/* A bit's offset in argument i. width > 0: "#n" counts in fields of so many bits. Replies the error itself. */
bool bit_offset_arg(struct ctx *ctx, int i, unsigned width, uint64_t *out);
/* The string r under key (NULL: absent, one is made) as writable bytes, at least len of them. *grown: the value was
 * made or got longer. NULL: no memory, and the error is replied. */
char *bits_for_write(struct ctx *ctx, struct store_key key, struct record *r, size_t len, bool *grown);

#endif
