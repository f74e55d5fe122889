/* The feature: state of the slow log, the latency monitor and the effect recorder; what happens when a command was
 * slow. */
#include "observe/observe_feature.h"

#include "base/mem.h"
#include "base/prng.h"
#include "engine/command_lookup.h"
#include "engine/config.h"
#include "observe/observe_impl.h"
#include "observe/server_cmds.h"

static void *observe_init(struct engine *e)
{
    struct observe *o = mem_zalloc(sizeof(*o));
    o->engine = e;
    slowlog_init(&o->slowlog);
    prng_hex(engine_prng(e), o->replication_id, 40);
    return o;
}

static void observe_stop(struct engine *e, void *state)
{
    struct observe *o = state;
    (void)e;
    effects_record_stop(o);
    buf_deinit(&o->recorded);
    slowlog_clear(&o->slowlog);
    latency_clear(&o->latency);
    mem_free(o);
}

/* Bound when the server starts: by then every feature has registered its directives. */
static bool observe_start(struct engine *e, void *state, struct buf *err)
{
    struct observe *o = state;
    struct config *c = engine_config(e);
    (void)err;
    o->slowlog_slower_than_us = config_bind_i64(c, "slowlog-log-slower-than");
    o->slowlog_max_len = config_bind_i64(c, "slowlog-max-len");
    o->latency_threshold_ms = config_bind_i64(c, "latency-monitor-threshold");
    o->lazy_user_flush = config_bind_i64(c, "lazyfree-lazy-user-flush");
    o->maxmemory = config_bind_i64(c, "maxmemory");
    o->protected_configs = config_bind_i64(c, "enable-protected-configs");
    o->bulk_max = config_bind_i64(c, "proto-max-bulk-len");
    return true;
}

/* The engine calls this above the smaller of the two thresholds, so each has its own test here. */
static void observe_slow(struct engine *e, void *state, const struct ctx *ctx, const struct command_entry *entry,
                         uint64_t usec)
{
    struct observe *o = state;
    int64_t slower_than = *o->slowlog_slower_than_us, threshold_ms = *o->latency_threshold_ms;
    if (slower_than >= 0 && usec >= (uint64_t)slower_than && !(entry->command->flags & CMD_SKIP_SLOWLOG))
        slowlog_add(&o->slowlog, (size_t)*o->slowlog_max_len, ctx, usec);
    if (threshold_ms > 0 && usec / 1000 >= (uint64_t)threshold_ms)
        latency_add(&o->latency, entry->command->flags & CMD_FAST ? "fast-command" : "command",
                    engine_wall_us(e) / 1000000, usec / 1000);
}

static void observe_latency(struct engine *e, void *state, const char *event, uint64_t ms)
{
    latency_add(&((struct observe *)state)->latency, event, engine_wall_us(e) / 1000000, ms);
}

static const struct command *const tables[] = {server_commands, NULL};

const struct feature observe_feature = {
    .name = "observe",
    .tables = tables,
    .info = info_sections,
    .info_count = INFO_SECTIONS,
    .init = observe_init,
    .start = observe_start,
    .slow = observe_slow,
    .latency = observe_latency,
    .stop = observe_stop,
};

struct observe *observe_of(struct engine *e)
{
    return engine_feature_state(e, &observe_feature);
}

void observe_set_host(struct engine *e, const struct host_info *host)
{
    observe_of(e)->host = host;
}

struct process_facts observe_process(const struct observe *o)
{
    struct process_facts facts = {0};
    if (o->host != NULL && o->host->process != NULL)
        o->host->process(o->host->arg, &facts);
    return facts;
}

struct host_facts observe_host(const struct observe *o)
{
    struct host_facts facts = {0};
    if (o->host != NULL && o->host->host != NULL)
        o->host->host(o->host->arg, &facts);
    const char **texts[] = {&facts.os, &facts.executable, &facts.supervised, &facts.multiplexing_api};
    for (size_t i = 0; i < ARRAY_LEN(texts); i++)
        if (*texts[i] == NULL)
            *texts[i] = "";
    return facts;
}

void observe_config_text(struct engine *e, const char *name, struct buf *out)
{
    (void)config_value(engine_config(e), slice_cstr(name), out);
}

void reply_subcommand_syntax(struct ctx *ctx)
{
    const char *full = ctx->command->name;
    char name[32];
    size_t n = 0;
    for (; full[n] != '\0' && full[n] != '|' && n < sizeof(name) - 1; n++)
        name[n] = full[n] >= 'a' && full[n] <= 'z' ? (char)(full[n] - 'a' + 'A') : full[n];
    struct slice sub = arg(ctx, 1);
    reply_errorf(ctx->reply, "ERR unknown subcommand or wrong number of arguments for '%.*s'. Try %.*s HELP.",
                 (int)(sub.len > 128 ? 128 : sub.len), sub.ptr, (int)n, name);
}
