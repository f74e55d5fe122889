/* What the handlers of all collection types share. */
#include "cmd/collection.h"

#include <math.h>

enum { SCAN_COUNT_DEFAULT = 10 };

struct record *collection_create(struct ctx *ctx, struct store_key key, struct record *(*new_record)(struct slice key))
{
    struct record *r = unlikely(key.name.len > KEY_LEN_MAX) ? NULL : new_record(key.name);
    if (unlikely(r == NULL))
        reply_status(ctx->reply, ST_NO_MEMORY);
    else
        ctx_insert(ctx, key, r);
    return r;
}

bool collection_drop_if_empty(struct ctx *ctx, struct store_key key, struct record *r)
{
    if (likely(record_len(r) > 0)) return false;
    ctx_delete(ctx, key, false);
    key_changed(ctx, key.name, EV_GENERIC, "del");
    return true;
}

void collection_store(struct ctx *ctx, struct store_key key, struct record *owned_r, enum event_class cls,
                      const char *event)
{
    if (owned_r != NULL && record_len(owned_r) > 0) {
        (void)ctx_overwrite(ctx, key, owned_r);
        key_changed(ctx, key.name, cls, event);
        return;
    }
    if (owned_r != NULL) record_free(owned_r);
    if (ctx_delete(ctx, key, *cmd_config(ctx)->lazy_server_del != 0)) key_changed(ctx, key.name, EV_GENERIC, "del");
}

bool scan_args_parse(struct ctx *ctx, const char *flag, struct scan_args *out)
{
    *out = (struct scan_args){.count = SCAN_COUNT_DEFAULT};
    if (!scan_cursor_parse(arg(ctx, 2), &out->cursor)) {
        reply_status(ctx->reply, ST_INVALID_CURSOR);
        return false;
    }
    for (int i = 3; i < ctx->argc; i++) {
        struct slice word = arg(ctx, i);
        bool valued = i + 1 < ctx->argc;
        enum status st = ST_OK;
        if (valued && slice_is(word, "count")) {
            st = arg_i64(ctx, ++i, &out->count);
            if (st == ST_OK && out->count < 1) st = ST_SYNTAX;
        } else if (valued && slice_is(word, "match")) {
            out->pattern = arg(ctx, ++i);
            if (slice_eq(out->pattern, SLICE("*"))) out->pattern.ptr = NULL;
        } else if (flag != NULL && slice_eq_nocase(word, slice_cstr(flag))) {
            out->flag = true;
        } else {
            st = ST_SYNTAX;
        }
        if (st != ST_OK) {
            reply_status(ctx->reply, st);
            return false;
        }
    }
    return true;
}

bool arg_timeout_ms(struct ctx *ctx, int i, uint64_t *ms)
{
    long double seconds;
    enum status st = slice_to_long_double(arg(ctx, i), &seconds);
    if (st != ST_OK)
        st = ST_TIMEOUT_NOT_FLOAT;
    else if (seconds < 0)
        st = ST_TIMEOUT_NEGATIVE;
    else if (ceill(seconds * 1000) > (long double)(INT64_MAX - (int64_t)ctx->now_ms))
        st = ST_TIMEOUT_RANGE;
    if (st != ST_OK) {
        reply_status(ctx->reply, st);
        return false;
    }
    *ms = (uint64_t)ceill(seconds * 1000);
    return true;
}

bool arg_count(struct ctx *ctx, int i, int64_t min, int64_t max, const char *message, int64_t *out)
{
    if (arg_i64(ctx, i, out) == ST_OK && *out >= min && *out <= max) return true;
    reply_error(ctx->reply, slice_cstr(message));
    return false;
}
