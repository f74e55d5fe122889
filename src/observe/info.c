/* INFO: its sections, one writer each. Fields and their order are Redis's, so that monitors that read by position find them; what belongs
 * to a part that does not exist here (replicas, snapshots, scripts) has the value that an idle Redis shows. */
#include "base/crc.h"
#include "base/mem.h"
#include "base/num.h"
#include "base/version.h"
#include "engine/command_lookup.h"
#include "engine/config.h"
#include "engine/errorstats.h"
#include "engine/histogram.h"
#include "observe/observe_impl.h"
#include "observe/server_cmds.h"

#include <inttypes.h>
#include <stdlib.h>

#define U64(name, value) buf_appendf(out, name ":%" PRIu64 "\r\n", (uint64_t)(value))
#define I64(name, value) buf_appendf(out, name ":%" PRId64 "\r\n", (int64_t)(value))
#define TEXT(name, value) buf_appendf(out, name ":%s\r\n", (value))
#define F2(name, value) buf_appendf(out, name ":%.2f\r\n", (double)(value))
#define F6(name, value) buf_appendf(out, name ":%.6f\r\n", (double)(value))
#define PERCENT(name, value) buf_appendf(out, name ":%.2f%%\r\n", (double)(value))
/* fields that say nothing yet */
#define CONSTANT(text) buf_append_slice(out, SLICE(text))

static void human(struct buf *out, const char *name, uint64_t bytes)
{
    char text[32];
    int len = bytes_to_human(text, bytes);
    buf_appendf(out, "%s:%.*s\r\n", name, len, text);
}

static void config_field(struct engine *e, const char *field, const char *directive, struct buf *out)
{
    buf_appendf(out, "%s:", field);
    observe_config_text(e, directive, out);
    buf_append(out, "\r\n", 2);
}

static void write_server(struct engine *e, void *state, struct buf *out)
{
    struct host_facts host = observe_host(state);
    uint64_t up_s = (engine_now_ms(e) - engine_start_ms(e)) / 1000;
    const char *config_file = config_file_path(engine_config(e));
    TEXT("redis_version", CAIRN_REDIS_VERSION);
    TEXT("redis_git_sha1", CAIRN_GIT_SHA1);
    TEXT("redis_git_dirty", CAIRN_GIT_DIRTY);
    buf_appendf(out, "redis_build_id:%016" PRIx64 "\r\n", crc64(0, CAIRN_VERSION CAIRN_GIT_SHA1, sizeof(CAIRN_VERSION CAIRN_GIT_SHA1)));
    TEXT("redis_mode", "standalone");
    TEXT("server_name", "cairn");
    TEXT("cairn_version", CAIRN_VERSION);
    TEXT("os", host.os);
    U64("arch_bits", sizeof(void *) * 8);
    TEXT("monotonic_clock", "POSIX clock_gettime");
    TEXT("multiplexing_api", host.multiplexing_api);
    TEXT("atomicvar_api", "c11-builtin");
    buf_appendf(out, "gcc_version:%d.%d.%d\r\n", __GNUC__, __GNUC_MINOR__, __GNUC_PATCHLEVEL__);
    I64("process_id", host.pid);
    TEXT("process_supervised", host.supervised[0] == '\0' ? "no" : host.supervised);
    TEXT("run_id", engine_run_id(e));
    I64("tcp_port", host.tcp_port);
    U64("server_time_usec", engine_wall_us(e));
    U64("uptime_in_seconds", up_s);
    U64("uptime_in_days", up_s / (24 * 3600));
    config_field(e, "hz", "hz", out);
    config_field(e, "configured_hz", "hz", out);
    U64("lru_clock", engine_lru_clock(e));
    TEXT("executable", host.executable);
    TEXT("config_file", config_file == NULL ? "" : config_file);
    U64("io_threads_active", host.io_threads > 0);
    const struct observe *o = state;
    if (o->host != NULL && o->host->listeners != NULL)
        o->host->listeners(o->host->arg, out);
}

static void write_clients(struct engine *e, void *state, struct buf *out)
{
    (void)state;
    const struct engine_stats *st = engine_stats(e);
    uint64_t blocked = 0;
    for (struct session *s = session_next(e, NULL); s != NULL; s = session_next(e, s))
        blocked += session_blocked(s);
    U64("connected_clients", session_count(e));
    CONSTANT("cluster_connections:0\r\n");
    config_field(e, "maxclients", "maxclients", out);
    U64("client_recent_max_input_buffer", st->client_recent_max_input);
    U64("client_recent_max_output_buffer", st->client_recent_max_output);
    U64("blocked_clients", blocked);
    CONSTANT("tracking_clients:0\r\npubsub_clients:0\r\n");
    U64("watching_clients", engine_watching_sessions(e));
    CONSTANT("clients_in_timeout_table:0\r\n");
    U64("total_watched_keys", engine_watched_keys(e));
    CONSTANT("total_blocking_keys:0\r\ntotal_blocking_keys_on_nokey:0\r\n");
}

static void write_memory(struct engine *e, void *state, struct buf *out)
{
    struct memory_facts m;
    memory_facts_read(e, &m);
    const struct engine_host *host = engine_host(e);
    uint64_t total = observe_process(state).total_memory_bytes;
    int64_t maxmemory = observe_config_i64(e, "maxmemory", 0);
    U64("used_memory", m.used);
    human(out, "used_memory_human", m.used);
    U64("used_memory_rss", m.rss);
    human(out, "used_memory_rss_human", m.rss);
    U64("used_memory_peak", m.peak);
    human(out, "used_memory_peak_human", m.peak);
    PERCENT("used_memory_peak_perc", m.peak_percent);
    U64("used_memory_overhead", m.overhead);
    U64("used_memory_startup", m.startup);
    U64("used_memory_dataset", m.dataset);
    PERCENT("used_memory_dataset_perc", m.dataset_percent);
    U64("allocator_allocated", m.allocator.allocated);
    U64("allocator_active", m.allocator.active);
    U64("allocator_resident", m.allocator.resident);
    U64("allocator_muzzy", m.allocator.muzzy);
    U64("total_system_memory", total);
    human(out, "total_system_memory_human", total);
    CONSTANT("used_memory_lua:0\r\nused_memory_vm_eval:0\r\nused_memory_lua_human:0B\r\nused_memory_scripts_eval:0\r\n"
             "number_of_cached_scripts:0\r\nnumber_of_functions:0\r\nnumber_of_libraries:0\r\nused_memory_vm_functions:0\r\n"
             "used_memory_vm_total:0\r\nused_memory_vm_total_human:0B\r\nused_memory_functions:0\r\nused_memory_scripts:0\r\n"
             "used_memory_scripts_human:0B\r\n");
    U64("maxmemory", maxmemory);
    human(out, "maxmemory_human", (uint64_t)maxmemory);
    config_field(e, "maxmemory_policy", "maxmemory-policy", out);
    F2("allocator_frag_ratio", m.allocator.frag_ratio);
    I64("allocator_frag_bytes", m.allocator.frag_bytes);
    F2("allocator_rss_ratio", m.allocator.rss_ratio);
    I64("allocator_rss_bytes", m.allocator.rss_bytes);
    F2("rss_overhead_ratio", m.rss_overhead_ratio);
    I64("rss_overhead_bytes", m.rss_overhead_bytes);
    F2("mem_fragmentation_ratio", m.fragmentation_ratio);
    I64("mem_fragmentation_bytes", m.fragmentation_bytes);
    CONSTANT("mem_not_counted_for_evict:0\r\nmem_replication_backlog:0\r\nmem_total_replication_buffers:0\r\nmem_clients_slaves:0\r\n");
    U64("mem_clients_normal", m.clients);
    CONSTANT("mem_cluster_links:0\r\nmem_aof_buffer:0\r\n");
    TEXT("mem_allocator", mem_allocator_name());
    CONSTANT("mem_overhead_db_hashtable_rehashing:0\r\nactive_defrag_running:0\r\n");
    U64("lazyfree_pending_objects", host->background_pending == NULL ? 0 : host->background_pending(host->arg));
    U64("lazyfreed_objects", engine_stats(e)->lazyfreed_objects);
}

static void write_persistence(struct engine *e, void *state, struct buf *out)
{
    (void)state;
    CONSTANT("loading:0\r\nasync_loading:0\r\ncurrent_cow_peak:0\r\ncurrent_cow_size:0\r\ncurrent_cow_size_age:0\r\n"
             "current_fork_perc:0.00\r\ncurrent_save_keys_processed:0\r\ncurrent_save_keys_total:0\r\n");
    U64("rdb_changes_since_last_save", engine_stats(e)->dirty);
    CONSTANT("rdb_bgsave_in_progress:0\r\n");
    U64("rdb_last_save_time", engine_start_ms(e) / 1000);
    CONSTANT("rdb_last_bgsave_status:ok\r\nrdb_last_bgsave_time_sec:-1\r\nrdb_current_bgsave_time_sec:-1\r\nrdb_saves:0\r\n"
             "rdb_last_cow_size:0\r\nrdb_last_load_keys_expired:0\r\nrdb_last_load_keys_loaded:0\r\naof_enabled:0\r\n"
             "aof_rewrite_in_progress:0\r\naof_rewrite_scheduled:0\r\naof_last_rewrite_time_sec:-1\r\n"
             "aof_current_rewrite_time_sec:-1\r\naof_last_bgrewrite_status:ok\r\naof_rewrites:0\r\n"
             "aof_rewrites_consecutive_failures:0\r\naof_last_write_status:ok\r\naof_last_cow_size:0\r\n"
             "module_fork_in_progress:0\r\nmodule_fork_last_cow_size:0\r\n");
}

static void write_stats(struct engine *e, void *state, struct buf *out)
{
    (void)state;
    const struct engine_stats *st = engine_stats(e);
    U64("total_connections_received", st->connections);
    U64("total_commands_processed", st->commands);
    U64("instantaneous_ops_per_sec", st->ops_per_sec);
    U64("total_net_input_bytes", st->net_input_bytes);
    U64("total_net_output_bytes", st->net_output_bytes);
    CONSTANT("total_net_repl_input_bytes:0\r\ntotal_net_repl_output_bytes:0\r\n");
    F2("instantaneous_input_kbps", st->input_kbps);
    F2("instantaneous_output_kbps", st->output_kbps);
    CONSTANT("instantaneous_input_repl_kbps:0.00\r\ninstantaneous_output_repl_kbps:0.00\r\n");
    U64("rejected_connections", st->rejected_connections);
    CONSTANT("sync_full:0\r\nsync_partial_ok:0\r\nsync_partial_err:0\r\n");
    U64("expired_keys", st->expired_keys);
    CONSTANT("expired_stale_perc:0.00\r\n");
    U64("expired_time_cap_reached_count", st->expired_time_cap_reached);
    U64("expire_cycle_cpu_milliseconds", st->expire_cycle_us / 1000);
    U64("evicted_keys", st->evicted_keys);
    U64("evicted_clients", st->evicted_clients);
    CONSTANT("evicted_scripts:0\r\ntotal_eviction_exceeded_time:0\r\ncurrent_eviction_exceeded_time:0\r\n");
    U64("keyspace_hits", st->keyspace_hits);
    U64("keyspace_misses", st->keyspace_misses);
    CONSTANT("pubsub_channels:0\r\npubsub_patterns:0\r\npubsubshard_channels:0\r\nlatest_fork_usec:0\r\ntotal_forks:0\r\n"
             "migrate_cached_sockets:0\r\nslave_expires_tracked_keys:0\r\nactive_defrag_hits:0\r\nactive_defrag_misses:0\r\n"
             "active_defrag_key_hits:0\r\nactive_defrag_key_misses:0\r\ntotal_active_defrag_time:0\r\n"
             "current_active_defrag_time:0\r\ntracking_total_keys:0\r\ntracking_total_items:0\r\ntracking_total_prefixes:0\r\n");
    U64("unexpected_error_replies", st->unexpected_errors);
    U64("total_error_replies", st->error_replies);
    CONSTANT("dump_payload_sanitizations:0\r\n");
    U64("total_reads_processed", st->reads);
    U64("total_writes_processed", st->writes);
    CONSTANT("io_threaded_reads_processed:0\r\nio_threaded_writes_processed:0\r\n");
    U64("client_query_buffer_limit_disconnections", st->query_limit_disconnections);
    U64("client_output_buffer_limit_disconnections", st->output_limit_disconnections);
    CONSTANT("reply_buffer_shrinks:0\r\nreply_buffer_expands:0\r\n");
    U64("eventloop_cycles", st->loop_cycles);
    U64("eventloop_duration_sum", st->loop_us);
    U64("eventloop_duration_cmd_sum", st->loop_command_us);
    U64("instantaneous_eventloop_cycles_per_sec", st->loop_cycles_per_sec);
    U64("instantaneous_eventloop_duration_usec", st->loop_us_per_cycle);
    CONSTANT("acl_access_denied_auth:0\r\nacl_access_denied_cmd:0\r\nacl_access_denied_key:0\r\nacl_access_denied_channel:0\r\n");
}

static void write_replication(struct engine *e, void *state, struct buf *out)
{
    const struct observe *o = state;
    CONSTANT("role:master\r\nconnected_slaves:0\r\nmaster_failover_state:no-failover\r\n");
    TEXT("master_replid", o->replication_id);
    CONSTANT("master_replid2:0000000000000000000000000000000000000000\r\nmaster_repl_offset:0\r\nsecond_repl_offset:-1\r\n"
             "repl_backlog_active:0\r\n");
    config_field(e, "repl_backlog_size", "repl-backlog-size", out);
    CONSTANT("repl_backlog_first_byte_offset:0\r\nrepl_backlog_histlen:0\r\n");
}

static void write_cpu(struct engine *e, void *state, struct buf *out)
{
    (void)e;
    struct process_facts p = observe_process(state);
    F6("used_cpu_sys", p.system_s);
    F6("used_cpu_user", p.user_s);
    F6("used_cpu_sys_children", p.children_system_s);
    F6("used_cpu_user_children", p.children_user_s);
    F6("used_cpu_sys_main_thread", p.thread_system_s);
    F6("used_cpu_user_main_thread", p.thread_user_s);
}

static void write_nothing(struct engine *e, void *state, struct buf *out)
{
    (void)e;
    (void)state;
    (void)out;
}

static void write_commandstats(struct engine *e, void *state, struct buf *out)
{
    (void)state;
    const struct command_index *index = engine_commands(e);
    for (unsigned id = 0; id < command_index_count(index); id++) {
        const struct command_entry *entry = command_index_entry(index, id);
        struct command_usage u;
        engine_command_usage(e, id, &u);
        if (u.calls == 0 && u.rejected == 0 && u.failed == 0)
            continue;
        buf_appendf(out,
                    "cmdstat_%.*s:calls=%" PRIu64 ",usec=%" PRIu64 ",usec_per_call=%.2f,rejected_calls=%" PRIu64
                    ",failed_calls=%" PRIu64 "\r\n",
                    (int)entry->full_name.len, entry->full_name.ptr, u.calls, u.usec,
                    u.calls == 0 ? 0 : (double)u.usec / (double)u.calls, u.rejected, u.failed);
    }
}

static int errorstat_compare(const void *a, const void *b)
{
    const struct errorstat *const *x = a, *const *y = b;
    return slice_cmp(slice_of((*x)->code, (*x)->len), slice_of((*y)->code, (*y)->len));
}

static void write_errorstats(struct engine *e, void *state, struct buf *out)
{
    (void)state;
    const struct errorstats *errors = engine_errorstats(e);
    const struct errorstat *sorted[ERRORSTATS_MAX];
    for (int i = 0; i < errors->count; i++)
        sorted[i] = &errors->entries[i];
    if (errors->count > 1)
        qsort(sorted, (size_t)errors->count, sizeof(sorted[0]), errorstat_compare);
    for (int i = 0; i < errors->count; i++) {
        buf_append_slice(out, SLICE("errorstat_"));
        for (int k = 0; k < sorted[i]->len; k++) { /* a code from a script may hold what would break the line */
            char c = sorted[i]->code[k];
            buf_append_char(out, c == ':' || c == '\r' || c == '\n' ? '_' : c);
        }
        buf_appendf(out, ":count=%" PRIu64 "\r\n", sorted[i]->n);
    }
}

enum { PERCENTILES_MAX = 16 };

static int percentiles_read(struct engine *e, double out[PERCENTILES_MAX])
{
    struct buf text = BUF_INIT;
    int n = 0;
    observe_config_text(e, "latency-tracking-info-percentiles", &text);
    for (size_t at = 0; at < text.len && n < PERCENTILES_MAX;) {
        size_t end = at;
        while (end < text.len && text.data[end] != ' ')
            end++;
        if (end > at && slice_to_double(slice_of(text.data + at, end - at), &out[n]) == ST_OK)
            n++;
        at = end + 1;
    }
    buf_deinit(&text);
    return n;
}

static void write_latencystats(struct engine *e, void *state, struct buf *out)
{
    (void)state;
    const struct command_index *index = engine_commands(e);
    double percentiles[PERCENTILES_MAX];
    int n = percentiles_read(e, percentiles);
    for (unsigned id = 0; id < command_index_count(index); id++) {
        const struct command_entry *entry = command_index_entry(index, id);
        struct command_usage u;
        engine_command_usage(e, id, &u);
        if (u.latency == NULL || u.latency->count == 0)
            continue;
        buf_appendf(out, "latency_percentiles_usec_%.*s:", (int)entry->full_name.len, entry->full_name.ptr);
        for (int i = 0; i < n; i++) {
            char name[NUM_DOUBLE_TEXT_MAX];
            double_to_text(name, percentiles[i]);
            buf_appendf(out, "%sp%s=%.3f", i == 0 ? "" : ",", name,
                        (double)histogram_percentile_ns(u.latency, percentiles[i]) / 1000);
        }
        buf_append(out, "\r\n", 2);
    }
}

static void write_cluster(struct engine *e, void *state, struct buf *out)
{
    (void)e;
    (void)state;
    CONSTANT("cluster_enabled:0\r\n");
}

static void write_keyspace(struct engine *e, void *state, struct buf *out)
{
    (void)state;
    const struct store *store = engine_store(e);
    for (int db = 0; db < store_databases(store); db++)
        if (store_len(store, db) > 0)
            buf_appendf(out, "db%d:keys=%zu,expires=%zu,avg_ttl=%" PRIu64 "\r\n", db, store_len(store, db),
                        store_volatile_len(store, db), store_avg_ttl_ms(store, db, engine_now_ms(e)));
}

const struct info_section info_sections[INFO_SECTIONS] = {
    /* name, title, in the default set, in "all" */
    {"server", "Server", true, true, write_server},
    {"clients", "Clients", true, true, write_clients},
    {"memory", "Memory", true, true, write_memory},
    {"persistence", "Persistence", true, true, write_persistence},
    {"stats", "Stats", true, true, write_stats},
    {"replication", "Replication", true, true, write_replication},
    {"cpu", "CPU", true, true, write_cpu},
    {"modules", "Modules", true, true, write_nothing},
    {"commandstats", "Commandstats", false, true, write_commandstats},
    {"errorstats", "Errorstats", true, true, write_errorstats},
    {"latencystats", "Latencystats", false, true, write_latencystats},
    {"cluster", "Cluster", true, true, write_cluster},
    {"keyspace", "Keyspace", true, true, write_keyspace},
};

/* INFO [section ...] */
void cmd_info(struct ctx *ctx)
{
    struct buf out = BUF_INIT;
    (void)engine_info(ctx->engine, ctx->argv + 1, ctx->argc - 1, &out);
    reply_verbatim(ctx->reply, "txt", buf_slice(&out));
    buf_deinit(&out);
}
