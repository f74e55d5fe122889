/* Transactions.
 *
 * Commands are queued after all gates passed, so that errors of names, arity and rights are told when they are queued
 * and break the transaction; what fails while EXEC runs is that command's own reply. EXEC is one unit: its effects
 * enter the log between MULTI and EXEC, and its time stands still. */
#include "engine/txn.h"

#include "base/mem.h"
#include "engine/engine_impl.h"
#include "engine/session_impl.h"

static void queue_free(struct transaction *t)
{
    for (int i = 0; i < t->count; i++)
        args_free(t->queue[i].args);
    t->count = 0;
    t->bytes = 0;
    t->flags = 0;
}

void txn_begin(struct ctx *ctx)
{
    struct session *s = ctx->session;
    if (s->txn.open) {
        reply_status(ctx->reply, ST_MULTI_NESTED);
        return;
    }
    s->txn.open = true;
    s->armed |= GATE_QUEUE | GATE_NO_MULTI;
    reply_ok(ctx->reply);
}

void txn_unwatch(struct session *s)
{
    watch_clear(&s->engine->watches, s);
    s->txn.stale = false;
}

void txn_discard(struct session *s)
{
    queue_free(&s->txn);
    s->txn.open = s->txn.broken = false;
    s->armed &= ~(uint32_t)(GATE_QUEUE | GATE_NO_MULTI);
    txn_unwatch(s);
}

bool txn_open(const struct session *s)
{
    return s->txn.open;
}

bool txn_stale(const struct session *s)
{
    return s->txn.stale;
}

void txn_break(struct session *s)
{
    if (s->txn.open)
        s->txn.broken = true;
}

void txn_queue(struct ctx *ctx, const struct command_entry *entry)
{
    struct transaction *t = &ctx->session->txn;
    if (t->count == TXN_QUEUE_MAX) {
        t->broken = true;
        reply_error(ctx->reply, SLICE("ERR too many commands in one transaction"));
        return;
    }
    if (t->count == t->cap) {
        t->cap = t->cap == 0 ? 8 : t->cap * 2;
        t->queue = mem_realloc(t->queue, (size_t)t->cap * sizeof(*t->queue));
    }
    /* After the first failure EXEC cannot run, so nothing more needs to be kept. */
    if (!t->broken && !t->stale) {
        struct args *args = args_copy(ctx->argc, ctx->argv);
        t->queue[t->count++] = (struct queued_command){entry, args};
        t->bytes += args->bytes;
        t->flags |= entry->command->flags;
    }
    reply_simple(ctx->reply, SLICE("QUEUED"));
}

static void exec_queue(struct ctx *ctx)
{
    struct engine *e = ctx->engine;
    struct session *s = ctx->session;
    struct transaction *t = &s->txn;
    struct queued_command *queue = t->queue;
    int count = t->count;

    /* The session leaves the transaction first: commands in the queue see it as it is outside. */
    t->queue = NULL;
    t->count = t->cap = 0;
    t->bytes = 0;
    txn_discard(s);

    reply_array(ctx->reply, count);
    e->in_exec = true;
    for (int i = 0; i < count; i++) {
        struct ctx nested;
        ctx_init(&nested, e, s, queue[i].entry->command, queue[i].args->argc, queue[i].args->argv);
        nested.now_ms = ctx->now_ms;
        nested.hide_ms = ctx->hide_ms;
        nested.nested = true;
        enum gate_verdict verdict =
            gates_check(e, s, &nested, queue[i].entry, queue[i].entry->gates & (e->armed | s->armed) & GATE_ACL);
        if (verdict == GATE_PASS)
            engine_call(e, &nested, queue[i].entry);
    }
    e->in_exec = false;
    /* Effects refer to the arguments until the unit is committed: EXEC's own unit is the outermost or a script's. */
    unit_keep_queue(e, queue, count);
}

void txn_exec(struct ctx *ctx)
{
    struct session *s = ctx->session;
    if (!s->txn.open) {
        reply_status(ctx->reply, ST_EXEC_WITHOUT_MULTI);
        return;
    }
    if (s->watch_count > 0 && watch_expired(s, ctx->store, ctx->now_ms))
        s->txn.stale = true;
    if (s->txn.broken) {
        txn_discard(s);
        reply_status(ctx->reply, ST_EXECABORT);
    } else if (s->txn.stale) {
        txn_discard(s);
        reply_null_array(ctx->reply);
    } else {
        exec_queue(ctx);
    }
}

void txn_watch(struct ctx *ctx, struct store_key key)
{
    struct session *s = ctx->session;
    if (s->txn.stale)
        return; /* the transaction fails anyway */
    bool lives = ctx_find(ctx, key, FOR_PEEK) != NULL;
    watch_add(&ctx->engine->watches, s, ctx->db, key, !lives && store_find(ctx->store, ctx->db, key) != NULL);
}

bool engine_in_exec(const struct engine *e)
{
    return e->in_exec;
}
