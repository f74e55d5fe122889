/* Blocked sessions: rings of waits per key, a heap of time-outs, a queue of keys that became ready.
 *
 *   keyring (db, key) -> wait -> wait -> ...      FIFO
 *                         |
 *   blocked_command (one per session): its copy of the arguments, its waits, its place in the heap
 *
 * A key becomes ready when key_changed names it. Serving happens when no unit is open; it opens units of its own, which
 * may make further keys ready (a list that moves on to another list): the loop ends when the queue is empty. */
#include "engine/blocking_impl.h"

#include "base/clock.h"
#include "base/mem.h"
#include "engine/engine_impl.h"
#include "engine/session_impl.h"

#include <assert.h>

struct wait {
    struct list_link of_key;
    struct keyring_entry *entry;
    struct blocked_command *command;
};

struct blocked_command {
    struct heap_node timeout;
    struct session *session;
    const struct blocking_kind *kind;
    const struct command *command;
    struct args *args;
    int db;
    int wait_count;
    struct wait waits[];
};

void blocking_init(struct blocking *b)
{
    *b = (struct blocking){0};
    list_init(&b->ready);
    heap_init(&b->timeouts);
}

void blocking_deinit(struct blocking *b)
{
    keyring_deinit(&b->keys);
    heap_deinit(&b->timeouts);
}

bool ctx_may_block(const struct ctx *ctx)
{
    return !ctx->nested && !(ctx->session->flags & SESSION_INTERNAL);
}

void ctx_block(struct ctx *ctx, const struct blocking_kind *kind, const int *key_args, int key_count,
               uint64_t timeout_ms)
{
    assert(ctx_may_block(ctx) && ctx->session->blocked_command == NULL);
    struct engine *e = ctx->engine;
    struct session *s = ctx->session;
    struct blocked_command *bc = mem_alloc(sizeof(*bc) + (size_t)key_count * sizeof(struct wait));
    *bc = (struct blocked_command){
        .session = s, .kind = kind, .command = ctx->command, .args = args_copy(ctx->argc, ctx->argv), .db = ctx->db};
    for (int i = 0; i < key_count; i++) {
        struct keyring_entry *entry = keyring_get(&e->blocking.keys, ctx->db, ctx_key(ctx, key_args[i]));
        if (entry->ready_link.next == NULL)
            list_init(&entry->ready_link);
        bool again = false;
        list_for(link, &entry->ring) again |= list_entry(link, struct wait, of_key)->command == bc;
        if (again)
            continue; /* the same key twice is one wait */
        struct wait *w = &bc->waits[bc->wait_count++];
        w->entry = entry;
        w->command = bc;
        list_push_back(&entry->ring, &w->of_key);
    }
    if (timeout_ms > 0) {
        heap_set(&e->blocking.timeouts, &bc->timeout, ctx->now_ms + timeout_ms);
        engine_tick_by(e, ctx->now_ms + timeout_ms);
    }
    s->blocked_command = bc;
    s->blocked = true;
    e->blocking.sessions++;
    e->blocking.wake_on_delete += kind->wakes_on_delete;
}

/* Takes the session out of all rings; the copy of its command stays with the caller. */
static struct blocked_command *detach(struct session *s)
{
    struct engine *e = s->engine;
    struct blocked_command *bc = s->blocked_command;
    for (int i = 0; i < bc->wait_count; i++) {
        list_remove(&bc->waits[i].of_key);
        if (list_empty(&bc->waits[i].entry->ring)) {
            list_remove(&bc->waits[i].entry->ready_link);
            keyring_drop_if_empty(&e->blocking.keys, bc->waits[i].entry);
        }
    }
    heap_remove(&e->blocking.timeouts, &bc->timeout);
    s->blocked_command = NULL;
    s->blocked = false;
    e->blocking.sessions--;
    e->blocking.wake_on_delete -= bc->kind->wakes_on_delete;
    return bc;
}

static void command_free(struct blocked_command *bc)
{
    args_free(bc->args);
    mem_free(bc);
}

static void wake(struct session *s)
{
    if (s->ops != NULL && s->ops->wake != NULL)
        s->ops->wake(s->peer);
}

void blocking_forget(struct session *s)
{
    if (s->blocked_command != NULL)
        command_free(detach(s));
}

static void ctx_of_blocked(struct ctx *ctx, struct engine *e, const struct blocked_command *bc)
{
    ctx_init(ctx, e, bc->session, bc->command, bc->args->argc, bc->args->argv);
    ctx->db = bc->db;
}

/* A command that waited was counted when it came; whether it failed shows only now. */
static void count_failure(struct engine *e, const struct blocked_command *bc, uint64_t errors_before)
{
    const struct command_entry *container;
    if (likely(e->call_errors == errors_before))
        return;
    const struct command_entry *entry = command_index_resolve(e->index, bc->args->argv, bc->args->argc, &container);
    if (entry != NULL)
        e->command_stats[entry->id].failed++;
}

/* The slow log and the latency events get a command that waited when it is served, with the time that serving took. */
static void observe_served(struct engine *e, struct ctx *ctx, uint64_t ticks)
{
    const struct command_entry *container;
    if (likely(ticks <= e->slow_ticks))
        return;
    const struct command_entry *entry = command_index_resolve(e->index, ctx->argv, ctx->argc, &container);
    if (entry != NULL)
        engine_observe_slow(e, ctx, entry, engine_ticks_ns(e, ticks) / 1000);
}

/* Ends the wait with what `answer` replies. */
static void finish(struct session *s, void (*answer)(struct ctx *ctx, const struct blocking_kind *kind))
{
    struct engine *e = s->engine;
    struct blocked_command *bc = detach(s);
    struct ctx ctx;
    ctx_of_blocked(&ctx, e, bc);
    if (!s->doomed) {
        uint64_t errors = e->call_errors;
        unit_begin(e);
        answer(&ctx, bc->kind);
        unit_commit(e);
        count_failure(e, bc, errors);
    }
    engine_reply_mode_end(s);
    command_free(bc);
    wake(s);
}

static void answer_timeout(struct ctx *ctx, const struct blocking_kind *kind)
{
    kind->timed_out(ctx);
}

static void answer_error(struct ctx *ctx, const struct blocking_kind *kind)
{
    (void)kind;
    reply_status(ctx->reply, ST_UNBLOCKED);
}

bool session_unblock(struct session *s, enum unblock_how how)
{
    if (s->blocked_command == NULL)
        return false;
    finish(s, how == UNBLOCK_ERROR ? answer_error : answer_timeout);
    return true;
}

void blocking_time_out(struct engine *e)
{
    struct heap_node *node;
    while ((node = heap_min(&e->blocking.timeouts)) != NULL && heap_min_key(&e->blocking.timeouts) <= e->now_ms)
        finish(container_of(node, struct blocked_command, timeout)->session, answer_timeout);
}

static void entry_ready(void *arg, struct keyring_entry *entry)
{
    struct blocking *b = arg;
    if (!list_linked(&entry->ready_link))
        list_push_back(&b->ready, &entry->ready_link);
}

void blocking_key_changed(struct engine *e, int db, struct store_key key)
{
    struct keyring_entry *entry = keyring_find(&e->blocking.keys, db, key);
    if (entry != NULL)
        entry_ready(&e->blocking, entry);
}

void blocking_db_changed(struct engine *e, int db)
{
    keyring_each(&e->blocking.keys, db, entry_ready, &e->blocking);
}

static bool serve_one(struct engine *e, struct wait *w)
{
    struct blocked_command *bc = w->command;
    struct session *s = bc->session;
    struct store_key key = keyring_key(w->entry);
    if (s->doomed)
        return false; /* nobody would read what it is given */
    if (!bc->kind->wakes_on_delete && store_find(e->store, bc->db, key) == NULL)
        return false;
    struct ctx ctx;
    ctx_of_blocked(&ctx, e, bc);
    unit_begin(e);
    ctx.effect_slot = unit_slot_reserve(e);
    uint64_t logged = e->log_offset;
    uint64_t errors = e->call_errors, start = clock_ticks();
    bool served = bc->kind->serve(&ctx, key);
    uint64_t ticks = clock_ticks() - start;
    count_failure(e, bc, errors);
    if (ctx.effect_slot >= 0 && ctx.changed && !ctx.effect_given && !ctx.effect_suppressed)
        unit_effect_set(e, ctx.effect_slot, ctx.db, ctx.argc, ctx.argv, NULL);
    unit_commit(e);
    if (e->log_offset != logged)
        s->log_offset = e->log_offset;
    if (served) {
        observe_served(e, &ctx, ticks);
        command_free(detach(s));
        engine_reply_mode_end(s);
        wake(s);
    }
    return served;
}

/* Whether somebody may still be served: else a key with a thousand waiting would cost a look-up for each. */
static bool worth_it(struct engine *e, int db, struct store_key key)
{
    return e->blocking.wake_on_delete > 0 || store_find(e->store, db, key) != NULL;
}

/* The ring only shrinks here: a served session's next command cannot run before this is over. With its last wait the
 * entry goes, too. */
static void serve_key(struct engine *e, struct keyring_entry *entry)
{
    struct list_link *link = entry->ring.next, *last = entry->ring.prev;
    for (bool more = worth_it(e, entry->db, keyring_key(entry)); more;) {
        struct list_link *next = link->next;
        more = link != last;
        if (serve_one(e, list_entry(link, struct wait, of_key)) && more)
            more = worth_it(e, entry->db, keyring_key(entry));
        link = next;
    }
}

void blocking_serve(struct engine *e)
{
    struct blocking *b = &e->blocking;
    if (b->serving)
        return;
    b->serving = true;
    while (!list_empty(&b->ready)) {
        struct keyring_entry *entry = list_entry(b->ready.next, struct keyring_entry, ready_link);
        list_remove(&entry->ready_link);
        serve_key(e, entry);
    }
    b->serving = false;
}

size_t engine_blocked_sessions(const struct engine *e)
{
    return e->blocking.sessions;
}

size_t engine_blocking_keys(const struct engine *e)
{
    return e->blocking.keys.count;
}
