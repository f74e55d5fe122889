/* What the handlers of all collection types share: finding the value, making and removing it, scan and timeout
 * arguments. Only the files of cmd/ include this. */
#ifndef CAIRN_CMD_COLLECTION_H
#define CAIRN_CMD_COLLECTION_H

#include "cmd/cmd_impl.h"

/* The record of this type under key, NULL when absent. False: it is of another type, and the error is replied. */
static inline bool collection_find(struct ctx *ctx, struct store_key key, enum access access, enum value_type type,
                                   struct record **out)
{
    enum status st = ctx_find_type(ctx, key, access, type, out);
    if (likely(st == ST_OK)) return true;
    reply_status(ctx->reply, st);
    return false;
}
/* A new, empty record stands under key (absent before). NULL: no memory for a long key, and the error is replied. */
struct record *collection_create(struct ctx *ctx, struct store_key key, struct record *(*new_record)(struct slice key));
/* After elements went, and key_changed told so: removes the key if nothing is left, with the event "del". True: it is
 * gone. */
bool collection_drop_if_empty(struct ctx *ctx, struct store_key key, struct record *r);
/* The result of a *STORE command takes the place of whatever was there, with this event. NULL or an empty record (which
 * is freed): the key is deleted, with "del" if there was one. Whether something changed is told to the engine. */
void collection_store(struct ctx *ctx, struct store_key key, struct record *owned_r, enum event_class cls,
                      const char *event);

/* Cursor (argument 2) and options of HSCAN, SSCAN and ZSCAN. `flag` (may be NULL) is the type's own word, NOVALUES or
 * NOSCORES. Replies the error itself. */
struct scan_args {
    uint64_t cursor;
    int64_t count;
    struct slice pattern; /* ptr NULL: all */
    bool flag;
};
bool scan_args_parse(struct ctx *ctx, const char *flag, struct scan_args *out);
bool scan_cursor_parse(struct slice text, uint64_t *out); /* as SCAN reads it */

/* The timeout of blocking commands in argument i: seconds with a fraction, 0 for ever; in ms, rounded up. Replies the
 * error itself. */
bool arg_timeout_ms(struct ctx *ctx, int i, uint64_t *ms);

/* A count or length argument that must lie within min..max; replies `message` ("ERR ...") itself. */
bool arg_count(struct ctx *ctx, int i, int64_t min, int64_t max, const char *message, int64_t *out);

#endif
