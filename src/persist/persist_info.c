/* INFO persistence. Fields and their order are Redis's. */
#include "engine/feature.h"
#include "persist/aof.h"
#include "persist/persist_impl.h"

#include <inttypes.h>

static void u64(struct buf *out, const char *name, uint64_t value)
{
    buf_appendf(out, "%s:%" PRIu64 "\r\n", name, value);
}

static void i64(struct buf *out, const char *name, int64_t value)
{
    buf_appendf(out, "%s:%" PRId64 "\r\n", name, value);
}

static void text(struct buf *out, const char *name, const char *value)
{
    buf_appendf(out, "%s:%s\r\n", name, value);
}

static void write_child(struct buf *out, const struct child_facts *c)
{
    u64(out, "current_cow_peak", c->cow_peak);
    u64(out, "current_cow_size", c->cow_bytes);
    u64(out, "current_cow_size_age", c->cow_age_s);
    buf_appendf(out, "current_fork_perc:%.2f\r\n", c->percent);
    u64(out, "current_save_keys_processed", c->keys_done);
    u64(out, "current_save_keys_total", c->keys_total);
}

static void write_rdb(struct buf *out, const struct persist *p)
{
    const struct snapshot *s = &p->snapshot;
    bool saving = child_kind(p->child) == CHILD_SNAPSHOT;
    u64(out, "rdb_changes_since_last_save", engine_stats(p->engine)->dirty);
    u64(out, "rdb_bgsave_in_progress", saving);
    i64(out, "rdb_last_save_time", s->last_save_s);
    text(out, "rdb_last_bgsave_status", s->last_ok ? "ok" : "err");
    i64(out, "rdb_last_bgsave_time_sec", s->last_duration_s);
    i64(out, "rdb_current_bgsave_time_sec", saving ? (int64_t)(engine_now_ms(p->engine) / 1000) - s->start_s : -1);
    u64(out, "rdb_saves", s->saves);
    u64(out, "rdb_saves_consecutive_failures", s->failures);
    u64(out, "rdb_last_cow_size", child_last_cow(p->child, CHILD_SNAPSHOT));
    u64(out, "rdb_last_load_keys_expired", p->load.last_expired);
    u64(out, "rdb_last_load_keys_loaded", p->load.last_loaded);
}

static void write_loading(struct buf *out, const struct persist *p)
{
    const struct load *l = &p->load;
    uint64_t total = l->total_bytes, done = l->loaded_bytes < total ? l->loaded_bytes : total;
    uint64_t seconds = (engine_now_ms(p->engine) - l->start_ms) / 1000;
    u64(out, "loading_start_time", l->start_ms / 1000);
    u64(out, "loading_total_bytes", total);
    u64(out, "loading_rdb_used_mem", l->writer_memory);
    u64(out, "loading_loaded_bytes", done);
    buf_appendf(out, "loading_loaded_perc:%.2f\r\n", total == 0 ? 0 : (double)done * 100 / (double)total);
    u64(out, "loading_eta_seconds",
        done == 0 ? 1 : (uint64_t)((double)seconds * (double)(total - done) / (double)done));
}

static void write_persistence(struct engine *e, void *state, struct buf *out)
{
    const struct persist *p = state;
    struct child_facts child;
    (void)e;
    child_facts(p->child, &child);
    u64(out, "loading", p->load.active);
    u64(out, "async_loading", 0);
    write_child(out, &child);
    write_rdb(out, p);
    aof_info(p->aof, out);
    u64(out, "module_fork_in_progress", 0);
    u64(out, "module_fork_last_cow_size", 0);
    aof_info_more(p->aof, out);
    if (p->load.active) write_loading(out, p);
}

const struct info_section persist_info = {"persistence", "Persistence", true, true, write_persistence};
