/* One execution of a command: what a handler sees. Made on the stack by the engine, gone when the command is over.
 *
 * A handler has five beats: fetch, work, changed, effect (only if the log should not get the command as it came),
 * reply. */
#ifndef CAIRN_ENGINE_CTX_H
#define CAIRN_ENGINE_CTX_H

#include "base/compiler.h"
#include "base/slice.h"
#include "base/status.h"
#include "resp/reply.h"
#include "store/store.h"
#include "value/limits.h"
#include "value/record.h"

struct engine;
struct session;
struct command;
struct request;

struct ctx {
    struct engine *engine;
    struct session *session;        /* never NULL in a handler; an internal session when no client stands behind */
    const struct command *command;
    const struct slice *argv;       /* immutable; valid until the command is over */
    int argc;
    int db;
    struct reply *reply;
    struct store *store;
    uint64_t now_ms;                /* frozen: the same during a transaction or script */
    uint64_t hide_ms;               /* what expired by then is not seen: now_ms, or 0 while a log is loaded */
    /* private to engine/ */
    struct request *request;
    uint64_t first_hash;
    int hashed_arg;                 /* the argument that first_hash is of, 0: none */
    bool changed, effect_given, effect_slot_used, effect_suppressed, nested, blocked;
    int effect_slot;
};

/* Limits of small forms, and the tables' seed: what functions of value/ ask for. */
const struct value_limits *ctx_limits(const struct ctx *ctx);

/* Arguments. */
static inline struct slice arg(const struct ctx *ctx, int i)
{
    return ctx->argv[i];
}
must_use enum status arg_i64(const struct ctx *ctx, int i, int64_t *out);       /* ST_NOT_INT */
/* The block of argument i, with a reference for the caller, when it was received into one (large values); else NULL. */
struct blob *arg_take_blob(struct ctx *ctx, int i) must_use;

/* Keys. Hashing is done once per key: for the first key by the batch. */
static inline struct store_key ctx_key(const struct ctx *ctx, int i) /* of argument i */
{
    return likely(i == ctx->hashed_arg) ? (struct store_key){ctx->argv[i], ctx->first_hash}
                                        : store_key(ctx->store, ctx->argv[i]);
}
struct store_key ctx_key_of(const struct ctx *ctx, struct slice name);

enum access {
    FOR_READ,     /* counts keyspace hits and misses; notifies keymiss */
    FOR_WRITE,    /* no counting */
    FOR_META,     /* like FOR_READ, but leaves the access clock alone (TTL, TYPE) */
    FOR_PEEK      /* neither counts, nor touches the clock, nor tells listeners (OBJECT, WATCH, DEBUG) */
};
/* The record under key, or NULL: absent or expired (an expired one is removed here, in a unit of its own; so are due
 * fields of a hash, unless they are many: then its verbs hide them). Valid until the next mutation of the keyspace. */
struct record *ctx_find_hashed(struct ctx *ctx, int db, struct slice name, uint64_t hash, enum access access);
static inline struct record *ctx_find(struct ctx *ctx, struct store_key key, enum access access)
{
    return ctx_find_hashed(ctx, ctx->db, key.name, key.hash, access);
}
/* The same in a database other than the session's. */
static inline struct record *ctx_find_in(struct ctx *ctx, int db, struct store_key key, enum access access)
{
    return ctx_find_hashed(ctx, db, key.name, key.hash, access);
}
/* ST_OK with *out NULL when absent; ST_WRONG_TYPE. */
must_use static inline enum status ctx_find_type(struct ctx *ctx, struct store_key key, enum access access,
                                                 enum value_type type, struct record **out)
{
    *out = ctx_find(ctx, key, access);
    return *out == NULL || record_type(*out) == type ? ST_OK : ST_WRONG_TYPE;
}

/* Changes. Each tells the watchers and blocked clients through key_changed, which the handler calls with the event's
 * name; these do the store's bookkeeping only. */
void ctx_insert(struct ctx *ctx, struct store_key key, struct record *owned_r); /* absent before; stamps the clock */
void ctx_insert_in(struct ctx *ctx, int db, struct store_key key, struct record *owned_r);
/* Puts the record in the place of whatever stands under its key, or of nothing; large old values are freed in the
 * background. True: there was something. */
bool ctx_overwrite(struct ctx *ctx, struct store_key key, struct record *owned_r);
/* r was changed by value functions that may move it (strings): before = ctx_change_begin(r) taken before, then
 * ctx_change_end with what they returned. */
struct record_change {
    struct record *old;
    uint64_t old_expire_ms;
};
static inline struct record_change ctx_change_begin(struct record *r)
{
    return (struct record_change){r, record_expire_ms(r)};
}
void ctx_change_end(struct ctx *ctx, struct store_key key, struct record_change before, struct record *owned_r);
/* Elements of r (hash fields) may have got or lost expiries of their own: before_ms is what record_parts_expire_ms said
 * before. To be called before r is removed because it became empty. */
static inline void ctx_parts_changed(struct ctx *ctx, struct store_key key, struct record *r, uint64_t before_ms)
{
    if (unlikely(record_parts_expire_ms(r) != before_ms)) store_parts_changed(ctx->store, ctx->db, key, r, before_ms);
}
bool ctx_delete(struct ctx *ctx, struct store_key key, bool lazy);          /* false: was absent */
bool ctx_delete_in(struct ctx *ctx, int db, struct store_key key, bool lazy);
/* 0: none; its address may change */
struct record *ctx_set_expire(struct ctx *ctx, struct store_key key, struct record *r, uint64_t unix_ms);

/* Event classes as notify-keyspace-events letters name them. */
enum event_class {
    EV_GENERIC = 1 << 0, /* g */
    EV_STRING = 1 << 1,  /* $ */
    EV_LIST = 1 << 2,    /* l */
    EV_SET = 1 << 3,     /* s */
    EV_HASH = 1 << 4,    /* h */
    EV_ZSET = 1 << 5,    /* z */
    EV_EXPIRED = 1 << 6, /* x */
    EV_EVICTED = 1 << 7, /* e */
    EV_STREAM = 1 << 8,  /* t */
    EV_KEY_MISS = 1 << 9, /* m */
    EV_MODULE = 1 << 10, /* d */
    EV_NEW = 1 << 11     /* n */
};
/* The value under key changed (created and deleted included): marks the command as having changed the data set, touches
 * watchers, wakes blocked clients, tells listeners the event ("set", "expire", "del", ...). */
void key_changed(struct ctx *ctx, struct slice key, enum event_class cls, const char *event);
void key_changed_in(struct ctx *ctx, int db, struct slice key, enum event_class cls, const char *event);
/* A change of the value's bytes that is none to its users, so that there is no event (PFCOUNT puts its result in). */
void key_touched(struct ctx *ctx, struct slice key);
/* Something changed that watchers, blocked clients and listeners are not told of (what a consumer has pending). */
void data_changed(struct ctx *ctx);
/* Sessions that wait for this key are tried once more; key_changed does so, too. */
void key_ready(struct ctx *ctx, struct slice key);
/* An event without a change of the value (a second event of one change: "expire" after "set"). */
void key_event(struct ctx *ctx, int db, struct slice key, enum event_class cls, const char *event);
/* Before a whole database changes: watchers of its keys become stale. with: the database that takes its place (SWAPDB),
 * or -1 (FLUSHDB). Marks the command as a change. */
void db_changing(struct ctx *ctx, int db, int with);

/* Effects: what the log gets. Without a call, a command that changed something is logged as it came.
 * effect_as replaces that (several calls: several effects, in order); effect_none: nothing; effect_verbatim: as it
 * came, even without key_changed. */
void effect_as(struct ctx *ctx, int argc, const struct slice *argv);  /* copied */
void effect_as_in(struct ctx *ctx, int db, int argc, const struct slice *argv);
void effect_none(struct ctx *ctx);
bool effects_wanted(const struct ctx *ctx); /* false: nobody reads the log, effects need not be made up */
void effect_verbatim(struct ctx *ctx);
/* effect_words(ctx, SLICE("DEL"), key): a fixed number of slices. */
#define effect_words(ctx, ...)                                                                              \
    effect_as((ctx), (int)(sizeof((struct slice[]){__VA_ARGS__}) / sizeof(struct slice)), (struct slice[]){__VA_ARGS__})

/* Replies of common failures. */
void reply_wrong_arity(struct ctx *ctx);      /* ERR wrong number of arguments for 'x' command */
void reply_syntax(struct ctx *ctx);
void reply_unknown_subcommand(struct ctx *ctx);
/* HELP of a container: prints "<CMD> <subcommand> [<arg> [value] [opt] ...]. Subcommands are:", the lines, and HELP's
 * own two. */
void reply_help(struct ctx *ctx, const char *const *lines);

/* Options of expiring commands: `value` in `unit_ms` (1000 or 1), relative to now or absolute, to Unix ms. Replies the
 * error itself and returns false ("ERR invalid expire time in 'set' command"). allow_past: an absolute or negative time
 * is kept. */
bool ctx_expire_arg(struct ctx *ctx, int i, int64_t unit_ms, bool absolute, bool allow_nonpositive, uint64_t *unix_ms);

#endif
