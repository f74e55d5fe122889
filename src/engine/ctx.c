/* What handlers do with the keyspace and the log, in terms of one execution. */
#include "base/mem.h"
#include "base/num.h"
#include "engine/engine_impl.h"
#include "engine/session_impl.h"

#include <assert.h>
#include <ctype.h>
#include <stdio.h>

enum {
    LAZY_FREE_EFFORT_MIN = 64,       /* below, freeing is cheaper than handing it to another thread */
    STALLING_FREE_EFFORT_MIN = 8192, /* from here on nobody is made to wait for it, whatever the configuration says */
};

enum status arg_i64(const struct ctx *ctx, int i, int64_t *out)
{
    return slice_to_i64(ctx->argv[i], out);
}

struct blob *arg_take_blob(struct ctx *ctx, int i)
{
    return ctx->request == NULL ? NULL : request_take_blob(ctx->request, i);
}

struct store_key ctx_key_of(const struct ctx *ctx, struct slice name)
{
    return store_key(ctx->store, name);
}

/* --- look-up and expiry --- */

void event_send(struct engine *e, int db, struct slice key, enum event_class cls, const char *event)
{
    list_for(link, &e->listeners) {
        struct event_listener *l = list_entry(link, struct event_listener, link);
        if (l->classes & (uint32_t)cls)
            l->event(l->arg, db, key, cls, event);
    }
}

static void *words_copy(int argc, const struct slice *argv, const struct slice **copied)
{
    struct args *a = args_copy(argc, argv);
    *copied = a->argv;
    return a;
}

struct record *ctx_find_hashed(struct ctx *ctx, int db, struct slice name, uint64_t hash, enum access access)
{
    struct engine *e = ctx->engine;
    struct record *r = store_find_hashed(ctx->store, db, name, hash);
    if (r != NULL) {
        uint64_t due_ms = record_due_ms(r);
        if (unlikely(due_ms != 0 && due_ms <= ctx->hide_ms))
            r = ctx_expire(ctx, db, (struct store_key){name, hash}, r);
    }
    if (access == FOR_READ || access == FOR_META) {
        if (r != NULL) {
            e->stats.keyspace_hits++;
        } else {
            e->stats.keyspace_misses++;
            if (unlikely(!list_empty(&e->listeners)))
                event_send(e, db, name, EV_KEY_MISS, "keymiss");
        }
    }
    if (r != NULL && access <= FOR_WRITE && !(ctx->session->flags & SESSION_NO_TOUCH)) {
        uint32_t old = record_clock(r), touched = engine_clock_touch(e, old);
        if (touched != old)
            record_set_clock(r, touched);
    }
    return r;
}

/* --- changes --- */

void ctx_insert(struct ctx *ctx, struct store_key key, struct record *owned_r)
{
    ctx_insert_in(ctx, ctx->db, key, owned_r);
}

void ctx_insert_in(struct ctx *ctx, int db, struct store_key key, struct record *owned_r)
{
    record_set_clock(owned_r, engine_clock_new(ctx->engine));
    store_insert(ctx->store, db, key, owned_r);
    if (unlikely(!list_empty(&ctx->engine->listeners)))
        event_send(ctx->engine, db, key.name, EV_NEW, "new");
}

bool ctx_overwrite(struct ctx *ctx, struct store_key key, struct record *owned_r)
{
    struct record *old = store_remove(ctx->store, ctx->db, key);
    if (old == NULL) {
        ctx_insert(ctx, key, owned_r);
        return false;
    }
    engine_free_record(ctx->engine, old, *ctx->engine->cfg_lazy_server_del != 0);
    record_set_clock(owned_r, engine_clock_new(ctx->engine));
    store_insert(ctx->store, ctx->db, key, owned_r);
    return true;
}

const struct value_limits *ctx_limits(const struct ctx *ctx)
{
    return &ctx->engine->limits;
}

void ctx_change_end(struct ctx *ctx, struct store_key key, struct record_change before, struct record *owned_r)
{
    store_replace(ctx->store, ctx->db, key, before.old, before.old_expire_ms, owned_r);
}

bool ctx_delete_in(struct ctx *ctx, int db, struct store_key key, bool lazy)
{
    struct record *r = store_remove(ctx->store, db, key);
    if (r == NULL)
        return false;
    engine_free_record(ctx->engine, r, lazy);
    return true;
}

bool ctx_delete(struct ctx *ctx, struct store_key key, bool lazy)
{
    return ctx_delete_in(ctx, ctx->db, key, lazy);
}

struct record *ctx_set_expire(struct ctx *ctx, struct store_key key, struct record *r, uint64_t unix_ms)
{
    return store_set_expire(ctx->store, ctx->db, key, r, unix_ms);
}

static __attribute__((noinline)) void waiting_tell(struct ctx *ctx, int db, struct slice key)
{
    struct engine *e = ctx->engine;
    struct store_key hashed = store_key(ctx->store, key);
    watch_touch(&e->watches, db, hashed);
    blocking_key_changed(e, db, hashed);
}

static inline void key_touched_in(struct ctx *ctx, int db, struct slice key)
{
    struct engine *e = ctx->engine;
    ctx->changed = true;
    e->stats.dirty++;
    if (unlikely(e->watches.keys.count + e->blocking.keys.count > 0))
        waiting_tell(ctx, db, key);
}

void key_touched(struct ctx *ctx, struct slice key)
{
    key_touched_in(ctx, ctx->db, key);
}

void key_changed_in(struct ctx *ctx, int db, struct slice key, enum event_class cls, const char *event)
{
    key_touched_in(ctx, db, key);
    if (unlikely(!list_empty(&ctx->engine->listeners)))
        event_send(ctx->engine, db, key, cls, event);
}

void key_changed(struct ctx *ctx, struct slice key, enum event_class cls, const char *event)
{
    key_changed_in(ctx, ctx->db, key, cls, event);
}

void key_ready(struct ctx *ctx, struct slice key)
{
    if (ctx->engine->blocking.keys.count > 0)
        blocking_key_changed(ctx->engine, ctx->db, store_key(ctx->store, key));
}

void data_changed(struct ctx *ctx)
{
    ctx->changed = true;
    ctx->engine->stats.dirty++;
}

void key_event(struct ctx *ctx, int db, struct slice key, enum event_class cls, const char *event)
{
    if (!list_empty(&ctx->engine->listeners))
        event_send(ctx->engine, db, key, cls, event);
}

void db_changing(struct ctx *ctx, int db, int with)
{
    ctx->changed = true;
    watch_touch_db(&ctx->engine->watches, ctx->store, db, with, ctx->now_ms);
    blocking_db_changed(ctx->engine, db);
}

void engine_listener_add(struct engine *e, struct event_listener *listener)
{
    list_push_back(&e->listeners, &listener->link);
}

void engine_listener_remove(struct event_listener *listener)
{
    list_remove(&listener->link);
}

/* --- freeing --- */

static void free_record_later(void *arg)
{
    record_free(arg);
}

void engine_free_record(struct engine *e, struct record *owned_r, bool lazy)
{
    size_t least = lazy ? LAZY_FREE_EFFORT_MIN : STALLING_FREE_EFFORT_MIN;
    if (e->host.run_later != NULL && record_free_effort(owned_r) > least) {
        e->stats.lazyfreed_objects++;
        e->host.run_later(e->host.arg, free_record_later, owned_r);
        return;
    }
    record_free(owned_r);
}

static void free_detached_later(void *arg)
{
    while (!store_detached_free_step(arg, 1024)) {
    }
}

void engine_free_detached(struct engine *e, struct store_detached *owned_d, bool lazy)
{
    size_t keys = store_detached_len(owned_d);
    if (lazy && e->host.run_later != NULL && keys > 0) {
        e->stats.lazyfreed_objects += keys;
        e->host.run_later(e->host.arg, free_detached_later, owned_d);
        return;
    }
    free_detached_later(owned_d);
}

/* --- effects --- */

void effect_as_in(struct ctx *ctx, int db, int argc, const struct slice *argv)
{
    ctx->effect_given = true;
    if (!unit_recording(ctx->engine))
        return;
    const struct slice *copied;
    void *owned = words_copy(argc, argv, &copied);
    if (!ctx->effect_slot_used && ctx->effect_slot >= 0) {
        unit_effect_set(ctx->engine, ctx->effect_slot, db, argc, copied, owned);
        ctx->effect_slot_used = true;
    } else {
        unit_effect_append(ctx->engine, db, argc, copied, owned);
    }
}

void effect_as(struct ctx *ctx, int argc, const struct slice *argv)
{
    effect_as_in(ctx, ctx->db, argc, argv);
}

bool effects_wanted(const struct ctx *ctx)
{
    return unit_recording(ctx->engine);
}

void effect_none(struct ctx *ctx)
{
    ctx->effect_suppressed = true;
}

void effect_verbatim(struct ctx *ctx)
{
    ctx->changed = true;
}

/* --- replies --- */

void reply_wrong_arity(struct ctx *ctx)
{
    reply_errorf(ctx->reply, "ERR wrong number of arguments for '%s' command", ctx->command->name);
}

void reply_syntax(struct ctx *ctx)
{
    reply_status(ctx->reply, ST_SYNTAX);
}

static void container_name(const struct ctx *ctx, char out[64])
{
    const char *name = ctx->command->name;
    size_t n = 0;
    for (; name[n] != '\0' && name[n] != '|' && n < 63; n++)
        out[n] = (char)toupper((unsigned char)name[n]);
    out[n] = '\0';
}

void reply_unknown_subcommand(struct ctx *ctx)
{
    char name[64];
    container_name(ctx, name);
    reply_errorf(ctx->reply, "ERR unknown subcommand '%.128s'. Try %s HELP.", ctx->argv[1].ptr, name);
}

void reply_help(struct ctx *ctx, const char *const *lines)
{
    char name[64];
    container_name(ctx, name);
    int n = 0;
    while (lines[n] != NULL)
        n++;
    reply_array(ctx->reply, n + 3);
    char head[160];
    int len = snprintf(head, sizeof(head), "%s <subcommand> [<arg> [value] [opt] ...]. Subcommands are:", name);
    reply_simple(ctx->reply, slice_of(head, (size_t)len));
    for (int i = 0; i < n; i++)
        reply_simple(ctx->reply, slice_cstr(lines[i]));
    reply_simple(ctx->reply, SLICE("HELP"));
    reply_simple(ctx->reply, SLICE("    Prints this help."));
}

bool ctx_expire_arg(struct ctx *ctx, int i, int64_t unit_ms, bool absolute, bool allow_nonpositive, uint64_t *unix_ms)
{
    int64_t v;
    enum status st = arg_i64(ctx, i, &v);
    if (st != ST_OK) {
        reply_status(ctx->reply, st);
        return false;
    }
    if (v <= 0 && !allow_nonpositive)
        goto invalid;
    if (!i64_mul(v, unit_ms, &v) || (!absolute && !i64_add(v, (int64_t)ctx->now_ms, &v)))
        goto invalid;
    /* The record keeps 48 bits: the year 10889. Redis takes any 63-bit time; later than that is for ever in both. */
    if (v < 0)
        v = 1;
    *unix_ms = (uint64_t)v;
    return true;
invalid:
    reply_errorf(ctx->reply, "ERR invalid expire time in '%s' command", ctx->command->name);
    return false;
}
