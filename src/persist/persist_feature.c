/* The feature of this folder: its state, and what happens at the start, by the clock, and at the end. */
#include "persist/persist_feature.h"

#include "base/clock.h"
#include "base/mem.h"
#include "engine/config.h"
#include "persist/aof.h"
#include "persist/persist_cmds.h"
#include "persist/persist_config.h"
#include "persist/persist_impl.h"

static const struct command *const tables[] = {persist_commands, NULL};

static void *feature_init(struct engine *e)
{
    struct persist *p = mem_zalloc(sizeof(*p));
    p->engine = e;
    config_register(engine_config(e), persist_config_items, persist_config_item_count, p);
    config_register(engine_config(e), aof_config_items, aof_config_item_count, p);
    p->child = child_new(e);
    p->aof = aof_new(p);
    snapshot_init(p);
    return p;
}

static bool feature_start(struct engine *e, void *state, struct buf *err)
{
    struct persist *p = state;
    (void)e;
    (void)err;
    persist_config_bind(p);
    aof_bind(p->aof);
    return true;
}

static void feature_cron(struct engine *e, void *state)
{
    struct persist *p = state;
    if (engine_cron_paused(e)) return;
    child_poll(p->child);
    snapshot_cron(p);
    aof_cron(p->aof);
}

static void feature_turn_end(struct engine *e, void *state)
{
    struct persist *p = state;
    (void)e;
    aof_turn_end(p->aof);
    if (unlikely(p->save_at_turn_end)) {
        p->save_at_turn_end = false;
        (void)snapshot_save(p);
    }
}

/* With save points an emptied data set is saved before the client hears of it, so that a crash does not bring it back;
 * but not at once: the command may stand in the middle of a transaction. */
static void feature_flushed_all(struct engine *e, void *state)
{
    struct persist *p = state;
    if (engine_loading(e)) return;
    snapshot_cancel(p);
    p->save_at_turn_end = p->snapshot.point_count > 0;
}

static void feature_reset_stats(struct engine *e, void *state)
{
    struct persist *p = state;
    (void)e;
    p->snapshot.saves = 0;
    aof_reset_stats(p->aof);
}

static void feature_stop(struct engine *e, void *state)
{
    struct persist *p = state;
    (void)e;
    child_free(p->child);
    aof_free(p->aof);
    snapshot_deinit(p);
    buf_deinit(&p->functions);
    mem_free(p);
}

const struct feature persist_feature = {
    .name = "persist",
    .tables = tables,
    .info = &persist_info,
    .info_count = 1,
    .init = feature_init,
    .start = feature_start,
    .cron = feature_cron,
    .turn_end = feature_turn_end,
    .flushed_all = feature_flushed_all,
    .debug = persist_debug,
    .reset_stats = feature_reset_stats,
    .stop = feature_stop,
};

struct persist *persist_of(struct engine *e)
{
    return engine_feature_state(e, &persist_feature);
}

const struct persist_config *persist_config(struct engine *e)
{
    return &persist_of(e)->config;
}

bool persist_skips_checksum(struct engine *e)
{
    return persist_of(e)->skip_checksum;
}

void persist_set_shell(struct engine *e, const struct persist_shell *shell)
{
    persist_of(e)->shell = shell;
}

/* ---- start and end ---- */

bool persist_load(struct engine *e, bool *stopped)
{
    struct persist *p = persist_of(e);
    uint64_t start_us = clock_mono_us();
    snapshot_clean(p);
    if (!aof_start(p->aof, stopped)) return false;
    if (*stopped || aof_wanted(p->aof)) return true;
    enum load_result result = load_rdb_file(p, 0, true);
    *stopped = result == LOAD_STOPPED;
    if (result == LOAD_OK)
        log_notice(engine_log(e), "DB loaded from disk: %.3f seconds", (double)(clock_mono_us() - start_us) / 1e6);
    if (result == LOAD_FAILED) log_warning(engine_log(e), "Fatal error loading the DB, check server logs. Exiting.");
    return result != LOAD_FAILED;
}

static bool final_save(struct persist *p, uint32_t flags)
{
    struct logger *log = engine_log(p->engine);
    bool wanted = p->snapshot.point_count > 0 ? !(flags & SHUTDOWN_NOSAVE) : (flags & SHUTDOWN_SAVE) != 0;
    if (!wanted) return true;
    log_notice(log, "Saving the final RDB snapshot before exiting.");
    if (snapshot_save(p)) return true;
    if (flags & SHUTDOWN_FORCE) {
        log_warning(log, "Error trying to save the DB, but the exit is forced.");
        return true;
    }
    log_warning(log, "Error trying to save the DB, can't exit.");
    return false;
}

bool persist_shutdown(struct engine *e, uint32_t flags)
{
    struct persist *p = persist_of(e);
    if (p->load.active) return true; /* half of the data: nothing of it is to be saved */
    if (child_kind(p->child) == CHILD_SNAPSHOT) {
        log_warning(engine_log(e), "There is a child saving an .rdb. Killing it!");
        snapshot_cancel(p);
    }
    if (!aof_finish(p->aof, (flags & SHUTDOWN_FORCE) != 0)) return false;
    return final_save(p, flags);
}
