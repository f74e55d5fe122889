/* What the engine tells about itself: INFO's text, counters, slow commands, plain getters. */
#include "base/clock.h"
#include "base/mem.h"
#include "engine/engine_impl.h"
#include "engine/session_impl.h"

#include <assert.h>

/* --- tick counter --- */

uint64_t engine_ticks_ns(const struct engine *e, uint64_t ticks)
{
    return (uint64_t)((double)ticks * e->ns_per_tick);
}

void engine_ticks_calibrate(struct engine *e)
{
    uint64_t us = clock_mono_us() - e->tick_ratio_mono_us, ticks = clock_ticks() - e->tick_ratio_ticks;
    if (us > 0 && ticks > 0)
        e->ns_per_tick = (double)us * 1000 / (double)ticks;
    int64_t slow = *e->cfg_slowlog_slower_than, latency = *e->cfg_latency_threshold * 1000;
    int64_t us_min = slow < 0 ? INT64_MAX : slow;
    if (latency > 0 && latency < us_min)
        us_min = latency;
    e->slow_ticks =
        us_min == INT64_MAX || e->ns_per_tick <= 0 ? UINT64_MAX : (uint64_t)((double)us_min * 1000 / e->ns_per_tick);
}

void engine_observe_slow(struct engine *e, struct ctx *ctx, const struct command_entry *entry, uint64_t usec)
{
    for (int i = 0; i < e->feature_count; i++)
        if (e->features[i].feature->slow != NULL)
            e->features[i].feature->slow(e, e->features[i].state, ctx, entry, usec);
}

bool engine_latency_watched(const struct engine *e)
{
    return *e->cfg_latency_threshold > 0;
}

void engine_latency_event(struct engine *e, const char *event, uint64_t usec)
{
    int64_t threshold_ms = *e->cfg_latency_threshold;
    if (threshold_ms <= 0 || usec / 1000 < (uint64_t)threshold_ms)
        return;
    for (int i = 0; i < e->feature_count; i++)
        if (e->features[i].feature->latency != NULL)
            e->features[i].feature->latency(e, e->features[i].state, event, usec / 1000);
}

/* --- INFO --- */

static bool section_wanted(const struct info_section *sec, const struct slice *names, int count)
{
    if (count == 0)
        return sec->in_default;
    for (int i = 0; i < count; i++) {
        if (slice_eq_nocase(names[i], slice_cstr(sec->name)) || slice_is(names[i], "everything"))
            return true;
        if ((slice_is(names[i], "default") && sec->in_default) || (slice_is(names[i], "all") && sec->in_all))
            return true;
    }
    return false;
}

/* The section of that name which some feature from number `at` on writes. */
static const struct info_section *section_written(const struct engine *e, const char *name, int *at)
{
    for (; *at < e->feature_count; ++*at) {
        const struct feature *f = e->features[*at].feature;
        for (int k = 0; k < f->info_count; k++)
            if (f->info[k].write != NULL && strcmp(f->info[k].name, name) == 0)
                return &f->info[k];
    }
    return NULL;
}

/* Whether a feature before number `at` kept a place for the section. */
static bool section_placed_before(const struct engine *e, const char *name, int at)
{
    for (int i = 0; i < at; i++)
        for (int k = 0; k < e->features[i].feature->info_count; k++)
            if (strcmp(e->features[i].feature->info[k].name, name) == 0)
                return true;
    return false;
}

bool engine_info(struct engine *e, const struct slice *sections, int count, struct buf *out)
{
    bool any = false;
    for (int i = 0; i < e->feature_count; i++) {
        const struct feature *f = e->features[i].feature;
        for (int k = 0; k < f->info_count; k++) {
            const struct info_section *sec = &f->info[k];
            int writer = i;
            if (!section_wanted(sec, sections, count) || section_placed_before(e, sec->name, i))
                continue;
            if (sec->write == NULL && (sec = section_written(e, sec->name, &writer)) == NULL)
                continue;
            if (any)
                buf_append(out, "\r\n", 2);
            any = true;
            buf_appendf(out, "# %s\r\n", sec->title);
            sec->write(e, e->features[writer].state, out);
        }
    }
    return any;
}

/* --- counters --- */

void engine_command_usage(const struct engine *e, uint32_t id, struct command_usage *out)
{
    assert(id < e->command_count);
    const struct command_stats *st = &e->command_stats[id];
    *out =
        (struct command_usage){st->calls, engine_ticks_ns(e, st->ticks) / 1000, st->rejected, st->failed, st->latency};
}

void engine_latency_reset(struct engine *e, int32_t id)
{
    for (uint32_t i = 0; i < e->command_count; i++)
        if (id < 0 || (uint32_t)id == i) {
            mem_free(e->command_stats[i].latency);
            e->command_stats[i].latency = NULL;
        }
}

void engine_reset_stats(struct engine *e)
{
    struct engine_stats keep = e->stats;
    e->stats = (struct engine_stats){.memory_peak = mem_used(),
                                     .memory_startup = keep.memory_startup,
                                     .memory_peak_time_ms = e->now_ms,
                                     .dirty = keep.dirty,
                                     .client_recent_max_input = keep.client_recent_max_input,
                                     .client_recent_max_output = keep.client_recent_max_output};
    e->ops_rate = e->in_rate = e->out_rate = e->cycle_rate = (struct rate){0};
    engine_latency_reset(e, -1);
    memset(e->command_stats, 0, e->command_count * sizeof(*e->command_stats));
    errorstats_reset(&e->errors);
    for (int i = 0; i < e->feature_count; i++)
        if (e->features[i].feature->reset_stats != NULL)
            e->features[i].feature->reset_stats(e, e->features[i].state);
}

/* --- getters --- */

const struct errorstats *engine_errorstats(const struct engine *e)
{
    return &e->errors;
}

const struct value_limits *engine_limits(const struct engine *e)
{
    return &e->limits;
}

uint64_t engine_now_ms(const struct engine *e)
{
    return e->now_ms;
}

uint64_t engine_mono_us(const struct engine *e)
{
    return e->mono_us;
}

uint64_t engine_wall_us(const struct engine *e)
{
    return e->wall_us;
}

uint32_t engine_lru_clock(const struct engine *e)
{
    return e->lru_clock;
}

struct store *engine_store(struct engine *e)
{
    return e->store;
}

struct config *engine_config(struct engine *e)
{
    return e->config;
}

struct logger *engine_log(struct engine *e)
{
    return e->log;
}

struct prng *engine_prng(struct engine *e)
{
    return &e->prng;
}

const struct engine_host *engine_host(const struct engine *e)
{
    return &e->host;
}

struct engine_stats *engine_stats(struct engine *e)
{
    return &e->stats;
}

struct command_index *engine_commands(struct engine *e)
{
    return e->index;
}

void *engine_feature_state(struct engine *e, const struct feature *f)
{
    for (int i = 0; i < e->feature_count; i++)
        if (e->features[i].feature == f)
            return e->features[i].state;
    return NULL;
}

const struct feature *engine_feature(const struct engine *e, int i, void **state)
{
    if (i < 0 || i >= e->feature_count)
        return NULL;
    *state = e->features[i].state;
    return e->features[i].feature;
}

const char *engine_current_command(const struct engine *e)
{
    return e->current == NULL ? "none" : session_last_command(e->current);
}

uint64_t engine_start_ms(const struct engine *e)
{
    return e->start_ms;
}

const char *engine_run_id(const struct engine *e)
{
    return e->run_id;
}

uint64_t engine_watched_keys(const struct engine *e)
{
    return e->watches.keys.count;
}

uint64_t engine_watching_sessions(const struct engine *e)
{
    return e->watches.sessions;
}

/* --- DEBUG's switches --- */

void engine_set_active_expire(struct engine *e, bool on)
{
    e->active_expire = on;
}

void engine_set_cron_paused(struct engine *e, bool on)
{
    e->cron_paused = on;
}

bool engine_cron_paused(const struct engine *e)
{
    return e->cron_paused;
}
