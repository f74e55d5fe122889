/* Commands on keys of any type: deleting, looking, renaming, copying. Expiry is in expire_cmds.c, walking in
 * scan_cmds.c. */
#include "cmd/generic_cmds.h"

#include "cmd/cmd_impl.h"

/* --- deleting and looking --- */

static void delete_keys(struct ctx *ctx, bool lazy)
{
    int64_t deleted = 0;
    for (int i = 1; i < ctx->argc; i++) {
        struct store_key key = ctx_key(ctx, i);
        if (ctx_find(ctx, key, FOR_PEEK) == NULL) continue; /* what has expired does not count */
        ctx_delete(ctx, key, lazy);
        key_changed(ctx, key.name, EV_GENERIC, "del");
        deleted++;
    }
    reply_int(ctx->reply, deleted);
}

void cmd_del(struct ctx *ctx)
{
    delete_keys(ctx, *cmd_config(ctx)->lazy_user_del != 0);
}

void cmd_unlink(struct ctx *ctx)
{
    delete_keys(ctx, true);
}

void cmd_exists(struct ctx *ctx)
{
    int64_t found = 0;
    for (int i = 1; i < ctx->argc; i++) found += ctx_find(ctx, ctx_key(ctx, i), FOR_META) != NULL;
    reply_int(ctx->reply, found);
}

/* Touches even for a session that asked not to (CLIENT NO-TOUCH). */
void cmd_touch(struct ctx *ctx)
{
    uint32_t no_touch = session_flags(ctx->session) & SESSION_NO_TOUCH;
    int64_t found = 0;
    session_set_flags(ctx->session, 0, no_touch);
    for (int i = 1; i < ctx->argc; i++) found += ctx_find(ctx, ctx_key(ctx, i), FOR_READ) != NULL;
    session_set_flags(ctx->session, no_touch, 0);
    reply_int(ctx->reply, found);
}

void cmd_type(struct ctx *ctx)
{
    const struct record *r = ctx_find(ctx, ctx_key(ctx, 1), FOR_META);
    reply_simple(ctx->reply, r == NULL ? SLICE("none") : slice_cstr(value_type_name(record_type(r))));
}

/* --- another name, another database --- */

/* Inserts a record that was taken from elsewhere, without making it look freshly used. */
static void insert_moved(struct ctx *ctx, int db, struct store_key key, struct record *owned_r)
{
    uint32_t clock = record_clock(owned_r);
    ctx_insert_in(ctx, db, key, owned_r);
    record_set_clock(owned_r, clock);
}

static void rename_key(struct ctx *ctx, bool only_if_absent)
{
    struct store_key from = ctx_key(ctx, 1), to = ctx_key(ctx, 2);
    if (ctx_find(ctx, from, FOR_WRITE) == NULL) {
        reply_status(ctx->reply, ST_NO_SUCH_KEY);
        return;
    }
    bool same = slice_eq(from.name, to.name);
    bool taken = same || ctx_find(ctx, to, FOR_WRITE) != NULL;
    if (same || (taken && only_if_absent)) {
        if (only_if_absent)
            reply_int(ctx->reply, 0);
        else
            reply_ok(ctx->reply);
        return;
    }
    struct record *r = store_remove(ctx->store, ctx->db, from);
    struct record *renamed = to.name.len <= KEY_LEN_MAX ? record_rekey(r, to.name) : NULL;
    if (renamed == NULL) {
        store_insert(ctx->store, ctx->db, from, r);
        reply_status(ctx->reply, ST_NO_MEMORY);
        return;
    }
    if (taken) ctx_delete(ctx, to, *cmd_config(ctx)->lazy_server_del != 0);
    insert_moved(ctx, ctx->db, to, renamed);
    key_changed(ctx, from.name, EV_GENERIC, "rename_from");
    key_changed(ctx, to.name, EV_GENERIC, "rename_to");
    if (only_if_absent)
        reply_int(ctx->reply, 1);
    else
        reply_ok(ctx->reply);
}

void cmd_rename(struct ctx *ctx)
{
    rename_key(ctx, false);
}

void cmd_renamenx(struct ctx *ctx)
{
    rename_key(ctx, true);
}

void cmd_move(struct ctx *ctx)
{
    int to;
    if (!arg_db(ctx, 2, &to)) return;
    if (to == ctx->db) {
        reply_status(ctx->reply, ST_SAME_OBJECT);
        return;
    }
    struct store_key key = ctx_key(ctx, 1);
    if (ctx_find(ctx, key, FOR_WRITE) == NULL || ctx_find_in(ctx, to, key, FOR_WRITE) != NULL) {
        reply_int(ctx->reply, 0);
        return;
    }
    insert_moved(ctx, to, key, store_remove(ctx->store, ctx->db, key));
    key_changed(ctx, key.name, EV_GENERIC, "move_from");
    key_changed_in(ctx, to, key.name, EV_GENERIC, "move_to");
    reply_int(ctx->reply, 1);
}

struct copy_options {
    int db;
    bool replace;
};

static bool copy_options_parse(struct ctx *ctx, struct copy_options *o)
{
    o->db = ctx->db;
    for (int i = 3; i < ctx->argc; i++) {
        if (slice_is(arg(ctx, i), "replace")) {
            o->replace = true;
        } else if (slice_is(arg(ctx, i), "db") && i + 1 < ctx->argc) {
            if (!arg_db(ctx, ++i, &o->db)) return false;
        } else {
            reply_syntax(ctx);
            return false;
        }
    }
    return true;
}

void cmd_copy(struct ctx *ctx)
{
    struct copy_options o = {0};
    if (!copy_options_parse(ctx, &o)) return;
    struct store_key from = ctx_key(ctx, 1), to = ctx_key(ctx, 2);
    if (o.db == ctx->db && slice_eq(from.name, to.name)) {
        reply_status(ctx->reply, ST_SAME_OBJECT);
        return;
    }
    if (ctx_find(ctx, from, FOR_READ) == NULL) {
        reply_int(ctx->reply, 0);
        return;
    }
    bool taken = ctx_find_in(ctx, o.db, to, FOR_WRITE) != NULL;
    if (taken && !o.replace) {
        reply_int(ctx->reply, 0);
        return;
    }
    const struct record *r = store_find(ctx->store, ctx->db, from);
    uint64_t expire_ms = record_expire_ms(r);
    struct record *copy = to.name.len <= KEY_LEN_MAX ? record_dup(r, to.name) : NULL;
    if (copy == NULL) {
        reply_status(ctx->reply, ST_NO_MEMORY);
        return;
    }
    if (expire_ms != 0) copy = record_set_expire(copy, expire_ms);
    if (taken) ctx_delete_in(ctx, o.db, to, *cmd_config(ctx)->lazy_server_del != 0);
    ctx_insert_in(ctx, o.db, to, copy);
    key_changed_in(ctx, o.db, to.name, EV_GENERIC, "copy_to");
    reply_int(ctx->reply, 1);
}
