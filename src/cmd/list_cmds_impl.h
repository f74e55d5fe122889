/* What the handlers of lists share. */
#ifndef CAIRN_CMD_LIST_CMDS_IMPL_H
#define CAIRN_CMD_LIST_CMDS_IMPL_H

#include "cmd/collection.h"
#include "value/list.h"

/* LEFT or RIGHT; replies the error itself. */
bool arg_list_end(struct ctx *ctx, int i, enum list_end *out);
/* Replies one element, or each of several. */
void reply_run(struct reply *r, const struct list_run *run);
/* Replies `count` elements from an end on, without an array's head. */
void reply_elements(struct ctx *ctx, const struct record *r, enum list_end end, size_t count);
/* `count` elements were replied: they go, with the events of it; the key goes with the last one. */
void list_popped(struct ctx *ctx, struct store_key key, struct record *r, enum list_end end, size_t count);

/* One element from one list to another (or the same one), and its reply. src is not empty; dst may be NULL. False: no
 * memory for a long key, and the error is replied. */
bool list_move(struct ctx *ctx, struct store_key src_key, struct record *src, enum list_end from,
               struct store_key dst_key, struct record *dst, enum list_end to);

/* The arguments of LMPOP from numkeys on; replies the error itself. */
struct mpop_args {
    int first_key, keys;
    enum list_end end;
    int64_t count;
};
bool mpop_args_parse(struct ctx *ctx, int numkeys_arg, struct mpop_args *out);
/* Pops and replies key and elements, and says so to the log. */
void mpop_take(struct ctx *ctx, struct store_key key, struct record *r, enum list_end end, int64_t count);
/* Takes from the first key that has a list. True: it replied, if only an error. */
bool mpop_try(struct ctx *ctx, const struct mpop_args *args);

#endif
