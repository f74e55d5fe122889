/* Walking over the keyspace: SCAN, KEYS, RANDOMKEY.
 *
 * A walk only collects; what has expired is removed, or replied about, when it is over. */
#include "cmd/generic_cmds.h"

#include "base/glob.h"
#include "base/mem.h"
#include "cmd/cmd_impl.h"
#include "cmd/collection.h"
#include "engine/args.h"
#include "value/hash.h"

enum {
    SCAN_COUNT_DEFAULT = 10,
    KEYS_SCAN_STEP = 1024, /* records per call of store_scan: spreads the cost of a call, nothing else */
    RANDOM_MISSES_MAX = 100 /* as often RANDOMKEY may hit upon a key that has expired and stays */
};

struct collected {
    struct record **records;
    size_t count, room;
};

static void collect(void *arg, struct record *r)
{
    struct collected *c = arg;
    if (c->count == c->room) {
        c->room = c->room == 0 ? 32 : c->room * 2;
        c->records = mem_realloc(c->records, c->room * sizeof(struct record *));
    }
    c->records[c->count++] = r;
}

static bool expired(const struct ctx *ctx, const struct record *r)
{
    uint64_t due_ms = record_due_ms(r), expire_ms = record_expire_ms(r);
    if (due_ms == 0 || due_ms > ctx->now_ms) return false;
    /* Otherwise a part of it is due: of a hash that has no other fields nothing is left. */
    return (expire_ms != 0 && expire_ms <= ctx->now_ms) || hash_all_due(r, ctx->now_ms);
}

/* --- SCAN --- */

struct scan_options {
    int64_t count;
    struct slice pattern; /* ptr NULL: all keys */
    int type;             /* enum value_type; -1: all */
};

/* As strtoul would read it, besides leading spaces: a sign may stand in front, and no digits at all are 0. */
bool scan_cursor_parse(struct slice text, uint64_t *out)
{
    bool negative = text.len > 1 && text.ptr[0] == '-';
    size_t i = negative || (text.len > 1 && text.ptr[0] == '+') ? 1 : 0;
    uint64_t v = 0;
    for (; i < text.len; i++) {
        if (text.ptr[i] < '0' || text.ptr[i] > '9' || __builtin_mul_overflow(v, (uint64_t)10, &v) ||
            __builtin_add_overflow(v, (uint64_t)(text.ptr[i] - '0'), &v))
            return false;
    }
    *out = negative ? 0 - v : v;
    return true;
}

static int type_by_name(struct slice name)
{
    for (int t = 0; t < TYPE_COUNT; t++)
        if (slice_eq_nocase(name, slice_cstr(value_type_name((enum value_type)t)))) return t;
    return -1;
}

static bool scan_options_parse(struct ctx *ctx, struct scan_options *o)
{
    for (int i = 2; i < ctx->argc; i += 2) {
        struct slice word = arg(ctx, i);
        bool valued = i + 1 < ctx->argc;
        enum status st = ST_OK;
        if (valued && slice_is(word, "count")) {
            st = arg_i64(ctx, i + 1, &o->count);
            if (st == ST_OK && o->count < 1) st = ST_SYNTAX;
        } else if (valued && slice_is(word, "match")) {
            o->pattern = arg(ctx, i + 1);
            if (slice_eq(o->pattern, SLICE("*"))) o->pattern.ptr = NULL;
        } else if (valued && slice_is(word, "type")) {
            o->type = type_by_name(arg(ctx, i + 1));
            if (o->type < 0) {
                struct slice name = arg(ctx, i + 1);
                reply_errorf(ctx->reply, "ERR unknown type name '%.*s'", (int)(name.len < 128 ? name.len : 128),
                             name.ptr);
                return false;
            }
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

/* Keeps the records that match; those among them that have expired are put behind the others. Returns how many others
 * there are. */
static size_t scan_filter(const struct ctx *ctx, const struct scan_options *o, struct collected *c)
{
    size_t kept = 0, live = 0;
    for (size_t i = 0; i < c->count; i++) {
        struct record *r = c->records[i];
        if ((o->type >= 0 && (int)record_type(r) != o->type) ||
            (o->pattern.ptr != NULL && !glob_match(o->pattern, record_key(r), false)))
            continue;
        c->records[kept] = r;
        if (!expired(ctx, r)) {
            c->records[kept] = c->records[live];
            c->records[live++] = r;
        }
        kept++;
    }
    c->count = kept;
    return live;
}

/* Their names are copied first: a removal frees the record, and one that was seen twice must not be read again. */
static void remove_expired(struct ctx *ctx, struct record *const *records, size_t count)
{
    struct slice *names = mem_alloc(count * sizeof(*names));
    for (size_t i = 0; i < count; i++) names[i] = record_key(records[i]);
    struct args *copied = args_copy((int)count, names);
    mem_free(names);
    for (int i = 0; i < copied->argc; i++) (void)ctx_find(ctx, ctx_key_of(ctx, copied->argv[i]), FOR_PEEK);
    args_free(copied);
}

void cmd_scan(struct ctx *ctx)
{
    uint64_t cursor;
    struct scan_options o = {.count = SCAN_COUNT_DEFAULT, .type = -1};
    if (!scan_cursor_parse(arg(ctx, 1), &cursor)) {
        reply_status(ctx->reply, ST_INVALID_CURSOR);
        return;
    }
    if (!scan_options_parse(ctx, &o)) return;
    struct collected c = {0};
    cursor = store_scan(ctx->store, ctx->db, cursor, (size_t)o.count, collect, &c);
    size_t live = scan_filter(ctx, &o, &c);
    struct number_word word;
    reply_array(ctx->reply, 2);
    reply_bulk(ctx->reply, number_word(&word, cursor));
    reply_array(ctx->reply, (int64_t)live);
    for (size_t i = 0; i < live; i++) reply_bulk(ctx->reply, record_key(c.records[i]));
    if (c.count > live) remove_expired(ctx, c.records + live, c.count - live);
    mem_free(c.records);
}

/* --- KEYS, RANDOMKEY --- */

struct keys_walk {
    struct ctx *ctx;
    struct slice pattern;
    bool all;
    int64_t count;
};

static void keys_visit(void *arg, struct record *r)
{
    struct keys_walk *w = arg;
    struct slice key = record_key(r);
    if (expired(w->ctx, r) || (!w->all && !glob_match(w->pattern, key, false))) return;
    reply_bulk(w->ctx->reply, key);
    w->count++;
}

void cmd_keys(struct ctx *ctx)
{
    struct keys_walk w = {ctx, arg(ctx, 1), slice_eq(arg(ctx, 1), SLICE("*")), 0};
    struct reply_mark mark = reply_defer(ctx->reply);
    if (glob_is_literal(w.pattern)) {
        struct record *r = store_find(ctx->store, ctx->db, ctx_key(ctx, 1));
        if (r != NULL) keys_visit(&w, r);
    } else {
        uint64_t cursor = 0;
        do
            cursor = store_scan(ctx->store, ctx->db, cursor, KEYS_SCAN_STEP, keys_visit, &w);
        while (cursor != 0);
    }
    reply_defer_array(ctx->reply, mark, w.count);
}

void cmd_randomkey(struct ctx *ctx)
{
    for (int misses = 0; misses < RANDOM_MISSES_MAX;) {
        struct record *r = store_random(ctx->store, ctx->db, engine_prng(ctx->engine));
        if (r == NULL) break;
        if (!expired(ctx, r)) {
            reply_bulk(ctx->reply, record_key(r));
            return;
        }
        /* Looking for it removes it, but not while clients are paused: then a number of misses is the end. */
        size_t before = store_len(ctx->store, ctx->db);
        (void)ctx_find(ctx, ctx_key_of(ctx, record_key(r)), FOR_PEEK);
        misses += store_len(ctx->store, ctx->db) == before;
    }
    reply_null(ctx->reply);
}
