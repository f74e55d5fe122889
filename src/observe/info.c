/* INFO: its sections, one writer each. Fields and their order are Redis's, so that monitors that read by position find
 * them; what belongs to a part that does not exist here (replicas, snapshots, scripts) has the value that an idle Redis
 * shows. */
#include "base/crc.h"
#include "base/mem.h"
#include "base/num.h"
#include "base/version.h"
#include "engine/blocking.h"
#include "engine/command_lookup.h"
#include "engine/config.h"
#include "engine/engine_config.h"
#include "engine/errorstats.h"
#include "engine/histogram.h"
#include "observe/observe_impl.h"
#include "observe/server_cmds.h"

#include <inttypes.h>
#include <stdlib.h>

#define U64(name, value)     buf_appendf(out, name ":%" PRIu64 "\r\n", (uint64_t)(value))
#define I64(name, value)     buf_appendf(out, name ":%" PRId64 "\r\n", (int64_t)(value))
#define TEXT(name, value)    buf_appendf(out, name ":%s\r\n", (value))
#define F2(name, value)      buf_appendf(out, name ":%.2f\r\n", (double)(value))
#define F6(name, value)      buf_appendf(out, name ":%.6f\r\n", (double)(value))
#define PERCENT(name, value) buf_appendf(out, name ":%.2f%%\r\n", (double)(value))

/* Fields that say nothing yet: names with a space between them. */
static void zeros(struct buf *out, const char *names)
{
    for (; *names != '\0'; names++)
        if (*names == ' ')
            buf_append(out, ":0\r\n", 4);
        else
            buf_append_char(out, *names);
    buf_append(out, ":0\r\n", 4);
}

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
    buf_appendf(out, "redis_build_id:%016" PRIx64 "\r\n",
                crc64(0, CAIRN_VERSION CAIRN_GIT_SHA1, sizeof(CAIRN_VERSION CAIRN_GIT_SHA1)));
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
    uint64_t blocked = 0; /* those that CLIENT PAUSE holds back included */
    for (struct session *s = session_next(e, NULL); s != NULL; s = session_next(e, s))
        blocked += session_blocked(s);
    U64("connected_clients", session_count(e));
    zeros(out, "cluster_connections");
    config_field(e, "maxclients", "maxclients", out);
    U64("client_recent_max_input_buffer", st->client_recent_max_input);
    U64("client_recent_max_output_buffer", st->client_recent_max_output);
    U64("blocked_clients", blocked);
    zeros(out, "tracking_clients pubsub_clients");
    U64("watching_clients", engine_watching_sessions(e));
    zeros(out, "clients_in_timeout_table");
    U64("total_watched_keys", engine_watched_keys(e));
    U64("total_blocking_keys", engine_blocking_keys(e));
    zeros(out, "total_blocking_keys_on_nokey");
}

static void write_memory(struct engine *e, void *state, struct buf *out)
{
    struct memory_facts m;
    memory_facts_read(e, &m);
    const struct engine_host *host = engine_host(e);
    uint64_t total = observe_process(state).total_memory_bytes;
    const struct observe *o = state;
    int64_t maxmemory = *o->maxmemory;
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
    zeros(out, "used_memory_lua used_memory_vm_eval");
    TEXT("used_memory_lua_human", "0B");
    zeros(out, "used_memory_scripts_eval number_of_cached_scripts number_of_functions "
               "number_of_libraries used_memory_vm_functions used_memory_vm_total");
    TEXT("used_memory_vm_total_human", "0B");
    zeros(out, "used_memory_functions used_memory_scripts");
    TEXT("used_memory_scripts_human", "0B");
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
    U64("mem_not_counted_for_evict", m.log);
    zeros(out, "mem_replication_backlog mem_total_replication_buffers mem_clients_slaves");
    U64("mem_clients_normal", m.clients);
    zeros(out, "mem_cluster_links");
    U64("mem_aof_buffer", m.log);
    TEXT("mem_allocator", mem_allocator_name());
    zeros(out, "mem_overhead_db_hashtable_rehashing active_defrag_running");
    U64("lazyfree_pending_objects", host->background_pending == NULL ? 0 : host->background_pending(host->arg));
    U64("lazyfreed_objects", engine_stats(e)->lazyfreed_objects);
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
    zeros(out, "total_net_repl_input_bytes total_net_repl_output_bytes");
    F2("instantaneous_input_kbps", st->input_kbps);
    F2("instantaneous_output_kbps", st->output_kbps);
    TEXT("instantaneous_input_repl_kbps", "0.00");
    TEXT("instantaneous_output_repl_kbps", "0.00");
    U64("rejected_connections", st->rejected_connections);
    zeros(out, "sync_full sync_partial_ok sync_partial_err");
    U64("expired_keys", st->expired_keys);
    U64("expired_subkeys", st->expired_subkeys);
    TEXT("expired_stale_perc", "0.00");
    U64("expired_time_cap_reached_count", st->expired_time_cap_reached);
    U64("expire_cycle_cpu_milliseconds", st->expire_cycle_us / 1000);
    U64("evicted_keys", st->evicted_keys);
    U64("evicted_clients", st->evicted_clients);
    zeros(out, "evicted_scripts total_eviction_exceeded_time current_eviction_exceeded_time");
    U64("keyspace_hits", st->keyspace_hits);
    U64("keyspace_misses", st->keyspace_misses);
    zeros(out, "pubsub_channels pubsub_patterns pubsubshard_channels");
    U64("latest_fork_usec", st->fork_us);
    U64("total_forks", st->forks);
    zeros(out, "migrate_cached_sockets slave_expires_tracked_keys active_defrag_hits "
               "active_defrag_misses active_defrag_key_hits active_defrag_key_misses "
               "total_active_defrag_time current_active_defrag_time tracking_total_keys "
               "tracking_total_items tracking_total_prefixes");
    U64("unexpected_error_replies", st->unexpected_errors);
    U64("total_error_replies", st->error_replies);
    zeros(out, "dump_payload_sanitizations");
    U64("total_reads_processed", st->reads);
    U64("total_writes_processed", st->writes);
    zeros(out, "io_threaded_reads_processed io_threaded_writes_processed");
    U64("client_query_buffer_limit_disconnections", st->query_limit_disconnections);
    U64("client_output_buffer_limit_disconnections", st->output_limit_disconnections);
    zeros(out, "reply_buffer_shrinks reply_buffer_expands");
    U64("eventloop_cycles", st->loop_cycles);
    U64("eventloop_duration_sum", st->loop_us);
    U64("eventloop_duration_cmd_sum", st->loop_command_us);
    U64("instantaneous_eventloop_cycles_per_sec", st->loop_cycles_per_sec);
    U64("instantaneous_eventloop_duration_usec", st->loop_us_per_cycle);
    zeros(out, "acl_access_denied_auth acl_access_denied_cmd acl_access_denied_key "
               "acl_access_denied_channel");
}

static void write_replication(struct engine *e, void *state, struct buf *out)
{
    const struct observe *o = state;
    TEXT("role", "master");
    zeros(out, "connected_slaves");
    TEXT("master_failover_state", "no-failover");
    TEXT("master_replid", o->replication_id);
    TEXT("master_replid2", "0000000000000000000000000000000000000000");
    zeros(out, "master_repl_offset");
    TEXT("second_repl_offset", "-1");
    zeros(out, "repl_backlog_active");
    config_field(e, "repl_backlog_size", "repl-backlog-size", out);
    zeros(out, "repl_backlog_first_byte_offset repl_backlog_histlen");
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

static void write_latencystats(struct engine *e, void *state, struct buf *out)
{
    (void)state;
    const struct command_index *index = engine_commands(e);
    double percentiles[LATENCY_PERCENTILES_MAX];
    int n = config_latency_percentiles(engine_config(e), percentiles);
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
    zeros(out, "cluster_enabled");
}

static void write_keyspace(struct engine *e, void *state, struct buf *out)
{
    (void)state;
    const struct store *store = engine_store(e);
    for (int db = 0; db < store_databases(store); db++)
        if (store_len(store, db) > 0)
            buf_appendf(out, "db%d:keys=%zu,expires=%zu,avg_ttl=%" PRIu64 ",subexpiry=%zu\r\n", db,
                        store_len(store, db), store_volatile_len(store, db),
                        store_avg_ttl_ms(store, db, engine_now_ms(e)), store_parts_len(store, db));
}

const struct info_section info_sections[INFO_SECTIONS] = {
    /* name, title, in the default set, in "all" */
    {"server", "Server", true, true, write_server},
    {"clients", "Clients", true, true, write_clients},
    {"memory", "Memory", true, true, write_memory},
    {"persistence", "Persistence", true, true, NULL}, /* the place of what persist/ writes */
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
