/* The engine: features, time, requests, periodic work.
 *
 * The path of a request: engine_prepare (look-up, hash, prefetch of the bucket) and engine_prefetch (record, and where
 * in a collection the command will look) run over
 * the whole batch, then engine_run for each submission in order: arity, gates, unit, handler, commit, statistics. One
 * reading of the tick counter per command: the end of one is the beginning of the next. */
#include "engine/engine_impl.h"

#include "base/clock.h"
#include "base/mem.h"
#include "engine/session_impl.h"
#include "engine/txn.h"

#include <assert.h>
#include <ctype.h>

static void bind_config(struct engine *e)
{
    struct config *c = e->config;
    const struct {
        const int64_t **at;
        const char *name;
    } numbers[] = {
        {&e->cfg_maxmemory, "maxmemory"},
        {&e->cfg_maxmemory_policy, "maxmemory-policy"},
        {&e->cfg_maxmemory_samples, "maxmemory-samples"},
        {&e->cfg_eviction_tenacity, "maxmemory-eviction-tenacity"},
        {&e->cfg_lazy_expire, "lazyfree-lazy-expire"},
        {&e->cfg_lazy_eviction, "lazyfree-lazy-eviction"},
        {&e->cfg_lazy_server_del, "lazyfree-lazy-server-del"},
        {&e->cfg_latency_tracking, "latency-tracking"},
        {&e->cfg_slowlog_slower_than, "slowlog-log-slower-than"},
        {&e->cfg_latency_threshold, "latency-monitor-threshold"},
        {&e->cfg_lfu_log_factor, "lfu-log-factor"},
        {&e->cfg_lfu_decay_time, "lfu-decay-time"},
        {&e->cfg_expire_effort, "active-expire-effort"},
    };
    for (size_t i = 0; i < ARRAY_LEN(numbers); i++)
        *numbers[i].at = config_bind_i64(c, numbers[i].name);
    e->cfg_requirepass = config_bind_str(c, "requirepass");
}

struct engine *engine_new(const struct engine_options *options)
{
    struct engine *e = mem_zalloc(sizeof(*e));
    e->host = options->host;
    e->log = options->log;
    e->config = options->config;
    prng_init(&e->prng, options->prng_seed);
    prng_hex(&e->prng, e->run_id, 40);
    list_init(&e->sessions);
    list_init(&e->sinks);
    list_init(&e->listeners);
    list_init(&e->postponed);
    blocking_init(&e->blocking);
    e->active_expire = true;
    e->durable = UINT64_MAX;
    e->unit.logged_db = -1;
    e->armed = GATE_PROTECTED;
    engine_set_time(e, options->now_us, options->mono_us);
    e->start_ms = e->now_ms;
    e->start_mono_us = e->mono_us;
    e->tick_ratio_mono_us = clock_mono_us();
    e->tick_ratio_ticks = clock_ticks();
    config_register(e->config, engine_config_items, engine_config_item_count, e);
    bind_config(e);
    assert(options->feature_count <= FEATURES_MAX);
    for (int i = 0; i < options->feature_count; i++) {
        const struct feature *f = options->features[i];
        if (f->config_count > 0 && f->init == NULL)
            config_register(e->config, f->config, f->config_count, e);
        void *state = f->init == NULL ? NULL : f->init(e);
        if (f->config_count > 0 && f->init != NULL)
            config_register(e->config, f->config, f->config_count, state == NULL ? (void *)e : state);
        e->features[e->feature_count++] = (struct feature_slot){f, state};
    }
    return e;
}

static void commands_register(struct engine *e)
{
    const struct command *tables[FEATURES_MAX * 8];
    size_t n = 0;
    for (int i = 0; i < e->feature_count; i++)
        for (const struct command *const *t = e->features[i].feature->tables; t != NULL && *t != NULL; t++) {
            assert(n < ARRAY_LEN(tables));
            tables[n++] = *t;
        }
    e->index = command_index_new(tables, n);
    e->command_count = command_index_count(e->index);
    e->command_stats = mem_zalloc(e->command_count * sizeof(*e->command_stats) + 1);
    for (uint32_t i = 0; i < e->command_count; i++) {
        struct command_entry *entry = command_index_at(e->index, i);
        entry->gates = gates_of_command(entry->command);
    }
}

static bool rename_line(void *arg, int argc, const struct slice *argv, struct buf *err)
{
    struct engine *e = arg;
    if (argc != 3) {
        buf_append_slice(err, SLICE("wrong number of arguments"));
        return false;
    }
    switch (command_index_rename(e->index, argv[1], argv[2])) {
    case COMMAND_RENAMED: return true;
    case COMMAND_RENAME_NO_SUCH: buf_append_slice(err, SLICE("No such command in rename-command")); return false;
    case COMMAND_RENAME_EXISTS: buf_append_slice(err, SLICE("Target command name already exists")); return false;
    }
    return false;
}

bool engine_start(struct engine *e, const struct store_options *store, struct buf *err)
{
    e->store = store_new(store);
    e->limits.seed = store_seed(e->store);
    engine_limits_update(e);
    commands_register(e);
    if (!config_each_line(e->config, "rename-command", rename_line, e, err))
        return false;
    engine_arm(e, GATE_MEMORY, *e->cfg_maxmemory > 0);
    reply_init(&e->internal_reply, NULL);
    e->internal_reply.muted = true;
    e->internal = session_open(e, NULL, NULL, &e->internal_reply, SESSION_INTERNAL);
    for (int i = 0; i < e->feature_count; i++) {
        const struct feature *f = e->features[i].feature;
        if (f->start != NULL && !f->start(e, e->features[i].state, err))
            return false;
    }
    e->stats.memory_startup = mem_used();
    return true;
}

void engine_free(struct engine *e)
{
    assert(e->session_count == 0);
    for (int i = e->feature_count - 1; i >= 0; i--)
        if (e->features[i].feature->stop != NULL)
            e->features[i].feature->stop(e, e->features[i].state);
    if (e->internal != NULL) {
        session_close(e->internal);
        reply_deinit(&e->internal_reply);
    }
    keyring_deinit(&e->watches.keys);
    blocking_deinit(&e->blocking);
    errorstats_deinit(&e->errors);
    unit_deinit(e);
    for (uint32_t i = 0; i < e->command_count; i++)
        mem_free(e->command_stats[i].latency);
    mem_free(e->command_stats);
    if (e->index != NULL)
        command_index_free(e->index);
    if (e->store != NULL)
        store_free(e->store);
    mem_free(e);
}

/* --- time --- */

void engine_set_time(struct engine *e, uint64_t wall_us, uint64_t mono_us)
{
    e->wall_us = wall_us;
    e->mono_us = mono_us;
    e->now_ms = wall_us / 1000;
    e->lru_clock = (uint32_t)(e->now_ms / 1000) & 0xFFFFFF;
}

/* --- requests --- */

void ctx_init(struct ctx *ctx, struct engine *e, struct session *s, const struct command *cmd, int argc,
              const struct slice *argv)
{
    *ctx = (struct ctx){.engine = e,
                        .session = s,
                        .command = cmd,
                        .argv = argv,
                        .argc = argc,
                        .db = s->db,
                        .reply = s->reply,
                        .store = e->store,
                        .now_ms = e->now_ms,
                        .hide_ms = e->loading ? 0 : e->now_ms,
                        .effect_slot = -1};
}

static inline bool same_ends(struct slice x, struct slice y, size_t n)
{
    return memcmp(x.ptr, y.ptr, n) == 0 && memcmp(x.ptr + x.len - n, y.ptr + y.len - n, n) == 0;
}

/* Equality of words that come in rows: short ones and, as keys differ at their ends, most long ones are decided by a
 * few loads. */
static inline bool word_again(struct slice x, struct slice y)
{
    if (x.len != y.len)
        return false;
    if (x.len >= 8)
        return same_ends(x, y, 8) && (x.len <= 16 || memcmp(x.ptr + 8, y.ptr + 8, x.len - 16) == 0);
    return x.len >= 4 ? same_ends(x, y, 4) : slice_eq(x, y);
}

/* The command's entry, NULL: unknown. A pipeline often says the same command again, which `before` has found then. */
static inline const struct command_entry *entry_find(struct engine *e, const struct request *req,
                                                     const struct submission *before)
{
    const struct command_entry *container;
    if (before != NULL && before->entry != NULL && before->entry->parent == NULL &&
        before->entry->subcommand_count == 0 && word_again(req->argv[0], before->request.argv[0]))
        return before->entry;
    return command_index_resolve(e->index, req->argv, req->argc, &container);
}

/* Whether the command before it has the same first key, as commands on a queue or a counter do. */
static inline bool key_is_again(const struct submission *sub, const struct submission *before, struct slice key)
{
    return before != NULL && before->hashed && before->session->db == sub->session->db &&
           word_again(key, before->request.argv[before->entry->command->first_key]);
}

void engine_prepare(struct engine *e, struct submission *subs, int count)
{
    for (int i = 0; i < count; i++) {
        struct submission *sub = &subs[i];
        const struct submission *before = i > 0 ? sub - 1 : NULL;
        sub->hashed = sub->again = false;
        sub->entry = entry_find(e, &sub->request, before);
        if (sub->entry == NULL)
            continue;
        int first = sub->entry->command->first_key;
        if (first <= 0 || first >= sub->request.argc)
            continue;
        struct slice key = sub->request.argv[first];
        sub->hashed = true;
        sub->again = key_is_again(sub, before, key);
        if (sub->again) {
            sub->hash = before->hash;
            continue;
        }
        sub->hash = store_key(e->store, key).hash;
        store_prefetch(e->store, sub->session->db, sub->hash);
    }
}

/* The collection in which a command will look for an element: fetches where it begins to. Where the key itself stands
 * for the element, the place is the same for all. */
static void element_prepare(struct engine *e, struct submission *sub)
{
    int element = sub->entry->command->element;
    if (element == 0 || element >= sub->request.argc || (sub->again && element == sub->entry->command->first_key))
        return;
    sub->inside = store_candidate(e->store, sub->session->db, sub->hash);
    if (sub->inside != NULL)
        sub->element_hash = record_prefetch(sub->inside, sub->request.argv[element]);
}

void engine_prefetch(struct engine *e, struct submission *subs, int count)
{
    for (int i = 0; i < count; i++)
        if (subs[i].hashed && !subs[i].again)
            store_prefetch_record(e->store, subs[i].session->db, subs[i].hash);
    if (count < ELEMENT_PREFETCH_MIN)
        return;
    for (int i = 0; i < count; i++) {
        subs[i].inside = NULL;
        if (subs[i].hashed)
            element_prepare(e, &subs[i]);
    }
    for (int i = 0; i < count; i++)
        if (subs[i].inside != NULL)
            record_prefetch_element(subs[i].inside, subs[i].element_hash);
}

/* EXEC itself may not run: the transaction is over, and the reply says why. */
static void reject_transaction(struct session *s, struct slice error)
{
    struct buf text = BUF_INIT;
    size_t code = error.len > 4 && memcmp(error.ptr, "ERR ", 4) == 0 ? 4 : 0;
    buf_append_slice(&text, SLICE("EXECABORT Transaction discarded because of: "));
    buf_append(&text, error.ptr + code, error.len - code);
    txn_discard(s);
    reply_error(s->reply, buf_slice(&text));
    buf_deinit(&text);
}

void engine_reject(struct engine *e, struct session *s, const struct command_entry *entry, struct slice error)
{
    if (entry != NULL)
        e->command_stats[entry->id].rejected++;
    if (entry != NULL && entry->command->flags & CMD_RUNS_QUEUE) {
        reject_transaction(s, error);
        return;
    }
    txn_break(s);
    reply_error(s->reply, error);
}

/* The words a web browser begins with, which a page could make it send here: whoever says them is no client. */
static bool speaks_http(const struct request *req)
{
    return slice_is(req->argv[0], "post") || slice_is(req->argv[0], "host:");
}

static void refuse_http(struct engine *e, struct session *s)
{
    struct peer_info info;
    session_describe(s, &info);
    log_warning(e->log,
                "Possible SECURITY ATTACK detected. A client sent POST or Host: as a command, as a web page that "
                "reaches for this port would. Connection from %s aborted.",
                info.addr);
    session_doom(s);
}

/* "ERR unknown command 'foo', with args beginning with: 'a' 'b' " */
static void reject_unknown(struct engine *e, struct session *s, const struct request *req)
{
    const struct command_entry *container = NULL;
    (void)command_index_resolve(e->index, req->argv, req->argc, &container);
    struct buf text = BUF_INIT;
    if (container != NULL) {
        buf_appendf(&text, "ERR unknown subcommand '%.*s'. Try ",
                    (int)(req->argv[1].len > 128 ? 128 : req->argv[1].len), req->argv[1].ptr);
        for (size_t i = 0; i < container->name.len; i++)
            buf_append_char(&text, (char)toupper((unsigned char)container->name.ptr[i]));
        buf_append_slice(&text, SLICE(" HELP."));
    } else {
        struct slice name = req->argv[0];
        buf_appendf(&text, "ERR unknown command '%.*s', with args beginning with: ",
                    (int)(name.len > 128 ? 128 : name.len), name.ptr);
        size_t shown = 0;
        for (int i = 1; i < req->argc && shown < 128; i++) {
            size_t room = 128 - shown, len = req->argv[i].len < room ? req->argv[i].len : room;
            buf_appendf(&text, "'%.*s' ", (int)len, req->argv[i].ptr);
            shown += len + 3;
        }
    }
    engine_reject(e, s, NULL, buf_slice(&text));
    buf_deinit(&text);
}

static void reject_arity(struct engine *e, struct session *s, const struct command_entry *entry)
{
    struct buf text = BUF_INIT;
    buf_appendf(&text, "ERR wrong number of arguments for '%.*s' command", (int)entry->full_name.len,
                entry->full_name.ptr);
    engine_reject(e, s, entry, buf_slice(&text));
    buf_deinit(&text);
}

/* What is replayed from a file was counted when it came. */
static bool is_replayed(const struct engine *e)
{
    return unlikely(e->loading) && e->current != NULL && (e->current->flags & SESSION_INTERNAL) != 0;
}

static void account(struct engine *e, struct ctx *ctx, const struct command_entry *entry, uint64_t ticks,
                    uint64_t errors)
{
    if (is_replayed(e))
        return;
    struct command_stats *stats = &e->command_stats[entry->id];
    stats->calls++;
    stats->ticks += ticks;
    stats->failed += errors > 0;
    e->stats.commands++;
    if (*e->cfg_latency_tracking) {
        if (unlikely(stats->latency == NULL))
            stats->latency = mem_zalloc(sizeof(*stats->latency));
        histogram_add(stats->latency, engine_ticks_ns(e, ticks));
    }
    if (unlikely(ticks > e->slow_ticks) && (ctx->session == NULL || ctx->session->blocked_command == NULL))
        engine_observe_slow(e, ctx, entry, engine_ticks_ns(e, ticks) / 1000);
}

void engine_call(struct engine *e, struct ctx *ctx, const struct command_entry *entry)
{
    uint64_t errors_before = e->call_errors;
    uint64_t start = ctx->nested ? clock_ticks() : e->last_ticks;
    ctx->effect_slot = unit_slot_reserve(e);
    ctx->command = entry->command;
    entry->command->run(ctx);
    if (ctx->effect_slot >= 0 && ctx->changed && !ctx->effect_given && !ctx->effect_suppressed)
        unit_effect_set(e, ctx->effect_slot, ctx->db, ctx->argc, ctx->argv, NULL);
    uint64_t end = clock_ticks();
    account(e, ctx, entry, end - start, e->call_errors - errors_before);
    if (ctx->nested)
        e->call_errors = errors_before; /* a failure inside EXEC is that command's, not EXEC's */
    e->last_ticks = end;
}

/* CLIENT REPLY SKIP drops one reply, OFF all. */
static void reply_mode_begin(struct session *s)
{
    if (likely(!(s->flags & (SESSION_REPLY_OFF | SESSION_REPLY_SKIP_NEXT))))
        return;
    s->reply->muted = true;
    if (s->flags & SESSION_REPLY_SKIP_NEXT)
        s->flags = (s->flags & ~(uint32_t)SESSION_REPLY_SKIP_NEXT) | SESSION_REPLY_SKIP_THIS;
}

void engine_reply_mode_end(struct session *s)
{
    if (likely(!s->reply->muted) || s->blocked) /* the reply is still to come */
        return;
    s->flags &= ~(uint32_t)SESSION_REPLY_SKIP_THIS;
    s->reply->muted = (s->flags & (SESSION_REPLY_OFF | SESSION_INTERNAL)) != 0;
}

enum submit_result engine_run(struct engine *e, struct submission *sub)
{
    struct session *s = sub->session;
    const struct command_entry *entry = sub->entry;
    if (unlikely(s->doomed))
        return SUBMIT_CLOSE;
    reply_mode_begin(s);
    if (unlikely(entry == NULL)) {
        if (speaks_http(&sub->request)) {
            refuse_http(e, s);
            return SUBMIT_CLOSE;
        }
        reject_unknown(e, s, &sub->request);
        engine_reply_mode_end(s);
        return SUBMIT_DONE;
    }
    struct ctx ctx;
    ctx_init(&ctx, e, s, entry->command, sub->request.argc, sub->request.argv);
    ctx.request = &sub->request;
    ctx.first_hash = sub->hash;
    ctx.hashed_arg = sub->hashed ? entry->command->first_key : 0;
    s->last_command = entry->command;
    s->last_active_ms = e->now_ms;
    s->commands++;
    e->current = s;
    if (unlikely(!command_arity_ok(entry->command, sub->request.argc) || entry->command->run == NULL)) {
        reject_arity(e, s, entry);
        goto done;
    }
    uint32_t gates = entry->gates & (e->armed | s->armed);
    uint64_t logged = e->log_offset;
    unit_begin(e);
    enum gate_verdict verdict = gates == 0 ? GATE_PASS : gates_check(e, s, &ctx, entry, gates);
    if (likely(verdict == GATE_PASS))
        engine_call(e, &ctx, entry);
    unit_commit(e);
    if (e->log_offset != logged)
        s->log_offset = e->log_offset;
    if (unlikely(verdict == GATE_POSTPONED)) {
        e->current = NULL;
        return SUBMIT_POSTPONED;
    }
done:
    e->current = NULL;
    engine_reply_mode_end(s);
    if (unlikely(s->doomed || (s->flags & SESSION_CLOSE_AFTER_REPLY)))
        return SUBMIT_CLOSE;
    return s->blocked ? SUBMIT_BLOCKED : SUBMIT_DONE;
}

void engine_turn_end(struct engine *e)
{
    for (int i = 0; i < e->feature_count; i++)
        if (e->features[i].feature->turn_end != NULL)
            e->features[i].feature->turn_end(e, e->features[i].state);
}

void engine_flushed_all(struct engine *e)
{
    for (int i = 0; i < e->feature_count; i++)
        if (e->features[i].feature->flushed_all != NULL)
            e->features[i].feature->flushed_all(e, e->features[i].state);
}

void engine_batch_begin(struct engine *e)
{
    e->last_ticks = clock_ticks();
}

void engine_run_internal(struct engine *e, int db, void (*fn)(struct ctx *ctx, void *arg), void *arg)
{
    static const struct command none = {.name = ""};
    struct ctx ctx;
    ctx_init(&ctx, e, e->internal, &none, 0, NULL);
    ctx.db = db;
    unit_begin(e);
    fn(&ctx, arg);
    unit_commit(e);
}

/* --- pauses --- */

void engine_pause(struct engine *e, uint64_t until_ms, bool all)
{
    if (e->pause == PAUSE_NONE || until_ms > e->pause_until_ms)
        e->pause_until_ms = until_ms;
    if (e->pause != PAUSE_ALL)
        e->pause = all ? PAUSE_ALL : PAUSE_WRITES;
    engine_arm(e, GATE_PAUSE, true);
    engine_tick_by(e, e->pause_until_ms);
}

void engine_unpause(struct engine *e)
{
    e->pause = PAUSE_NONE;
    e->pause_until_ms = 0;
    engine_arm(e, GATE_PAUSE, false);
    list_for_safe(link, &e->postponed) {
        struct session *s = list_entry(link, struct session, postponed_link);
        list_remove(&s->postponed_link);
        s->postponed = false;
        if (s->ops != NULL && s->ops->wake != NULL)
            s->ops->wake(s->peer);
    }
}

/* --- periodic work --- */

static void expire_due(void *arg, int db, struct record *r)
{
    struct engine *e = arg;
    uint64_t whole_ms = record_expire_ms(r);
    if (whole_ms != 0 && whole_ms <= e->now_ms)
        engine_expire_key(e, db, r);
    else
        engine_expire_parts(e, db, r);
}

/* Expired keys go within a bounded time per turn; what is left is due at once in the next turn. Returns true when more
 * is due. */
static bool expire_turn(struct engine *e, uint64_t budget_us)
{
    if (!e->active_expire || e->loading || e->pause != PAUSE_NONE)
        return false;
    uint64_t start = clock_mono_us(), spent = 0;
    bool more = true;
    while (more && spent < budget_us) {
        more = store_expire_step(e->store, e->now_ms, TICK_EXPIRE_BUDGET, expire_due, e) >= TICK_EXPIRE_BUDGET;
        spent = clock_mono_us() - start;
    }
    e->stats.expire_cycle_us += spent;
    engine_latency_event(e, "expire-cycle", spent);
    if (more)
        e->stats.expired_time_cap_reached++;
    return more;
}

uint64_t engine_tick_due_us(const struct engine *e)
{
    return e->tick_due_us;
}

void engine_wake_at(struct engine *e, uint64_t mono_us)
{
    if (mono_us < e->tick_due_us)
        e->tick_due_us = mono_us;
}

void engine_tick_by(struct engine *e, uint64_t unix_ms)
{
    uint64_t in_ms = unix_ms > e->now_ms ? unix_ms - e->now_ms : 0;
    if (in_ms < TICK_MAX_SLEEP_US / 1000 && e->mono_us + in_ms * 1000 < e->tick_due_us)
        e->tick_due_us = e->mono_us + in_ms * 1000;
}

static uint64_t tick(struct engine *e, uint64_t budget_us)
{
    uint64_t next = e->mono_us + TICK_MAX_SLEEP_US;
    if (e->pause != PAUSE_NONE) {
        if (e->now_ms >= e->pause_until_ms) {
            engine_unpause(e);
        } else {
            uint64_t end = e->mono_us + (e->pause_until_ms - e->now_ms) * 1000;
            next = end < next ? end : next;
        }
    }
    blocking_time_out(e);
    if (blocking_next_ms(&e->blocking) != UINT64_MAX) {
        uint64_t end = e->mono_us + (blocking_next_ms(&e->blocking) - e->now_ms) * 1000;
        next = end < next ? end : next;
    }
    if (e->cron_paused)
        return next;
    bool more = expire_turn(e, budget_us);
    if (store_step(e->store, TICK_EXPIRE_BUDGET))
        more = true;
    if (e->evict_more) {
        (void)evict_for_memory(e);
        more |= e->evict_more;
    }
    if (more)
        return e->mono_us + 2 * budget_us; /* commands have half of the time */
    if (e->active_expire && !e->loading && e->pause == PAUSE_NONE) {
        uint64_t due = store_next_due_ms(e->store, e->now_ms);
        if (due != UINT64_MAX) {
            uint64_t wait_us = due > e->now_ms ? (due - e->now_ms) * 1000 : 0;
            uint64_t at = e->mono_us + (wait_us < 1000 ? 1000 : wait_us);
            next = at < next ? at : next;
        }
    }
    return next;
}

uint64_t engine_tick(struct engine *e, uint64_t budget_us)
{
    e->tick_due_us = UINT64_MAX;
    uint64_t next = tick(e, budget_us);
    if (next < e->tick_due_us) /* what a session was served for may have begun another wait */
        e->tick_due_us = next;
    return e->tick_due_us;
}

static double rate_sample(struct rate *r, uint64_t count, uint64_t mono_us)
{
    uint64_t us = mono_us - r->last_mono_us;
    if (us > 0 && count >= r->last_count) {
        double now = (double)(count - r->last_count) * 1e6 / (double)us;
        /* smooths over about 16 samples' time */
        r->per_sec = r->last_mono_us == 0 ? 0 : r->per_sec + (now - r->per_sec) / 4;
    }
    r->last_count = count;
    r->last_mono_us = mono_us;
    return r->per_sec;
}

void engine_cron(struct engine *e)
{
    struct engine_stats *st = &e->stats;
    size_t used = mem_used();
    if (used > st->memory_peak) {
        st->memory_peak = used;
        st->memory_peak_time_ms = e->now_ms;
    }
    st->ops_per_sec = rate_sample(&e->ops_rate, st->commands, e->mono_us);
    st->input_kbps = rate_sample(&e->in_rate, st->net_input_bytes, e->mono_us) / 1024;
    st->output_kbps = rate_sample(&e->out_rate, st->net_output_bytes, e->mono_us) / 1024;
    st->loop_cycles_per_sec = rate_sample(&e->cycle_rate, st->loop_cycles, e->mono_us);
    st->loop_us_per_cycle = st->loop_cycles > 0 ? (double)st->loop_us / (double)st->loop_cycles : 0;
    engine_ticks_calibrate(e);
    for (int i = 0; i < e->feature_count; i++)
        if (e->features[i].feature->cron != NULL)
            e->features[i].feature->cron(e, e->features[i].state);
}
