/* The engine: keyspace, sessions, command table, configuration, statistics. No sockets, files or threads: a shell
 * (net/, server/) feeds it requests and time. Several engines can live in one process. */
#ifndef CAIRN_ENGINE_ENGINE_H
#define CAIRN_ENGINE_ENGINE_H

#include "base/log.h"
#include "base/prng.h"
#include "engine/session.h"
#include "resp/request.h"
#include "store/store.h"

struct engine; /* opaque */
struct config;
struct command;
struct command_entry;
struct feature;
struct effect_sink;
struct value_limits;
struct command_index;
struct ctx;
struct buf;
struct list_link;

enum shutdown_flag { SHUTDOWN_SAVE = 1, SHUTDOWN_NOSAVE = 2, SHUTDOWN_NOW = 4, SHUTDOWN_FORCE = 8 };

/* What the engine asks of the outside; every function may be NULL. */
struct engine_host {
    void *arg;
    /* in a background thread (lazy free); NULL: at once, inline */
    void (*run_later)(void *arg, void (*fn)(void *fn_arg), void *fn_arg);
    size_t (*background_pending)(void *arg);                              /* jobs of run_later not done yet */
    /* SHUTDOWN: whatever must be saved before is saved, and the server stops after this turn; false: it cannot be, and
     * nothing stops. enum shutdown_flag */
    bool (*shutdown)(void *arg, uint32_t flags);
    bool (*shutdown_abort)(void *arg);
    void (*sleep_us)(void *arg, uint64_t us);                             /* DEBUG SLEEP: really stalls */
    bool (*config_rewrite)(void *arg, bool force_all, struct buf *err);   /* writes the file */
    void (*crash)(void *arg, const char *kind);                           /* DEBUG SEGFAULT, PANIC, ASSERT, OOM */
};

struct engine_options {
    struct store_options store;       /* databases, partitions, seed */
    const struct feature *const *features;
    int feature_count;
    struct logger *log;               /* lives longer than the engine */
    struct engine_host host;
    uint64_t prng_seed;
    uint64_t now_us, mono_us;         /* start time: wall, monotonic */
    /* owned by the caller; features' items are registered into it by engine_register_config */
    struct config *config;
};

/* Features are registered in two steps, because the number of databases comes from the configuration:
 * engine_new (registers config items) -> the caller loads the configuration -> engine_start (store, commands,
 * gates). */
struct engine *engine_new(const struct engine_options *options);
bool engine_start(struct engine *e, const struct store_options *store, struct buf *err);
void engine_free(struct engine *e);

/* One request on its way through the engine. net fills session and request; the engine the rest. */
struct submission {
    struct session *session;
    struct request request;
    const struct command_entry *entry; /* NULL: unknown command */
    uint64_t hash;                     /* of the first key, when hashed */
    uint64_t element_hash;             /* of its element, between the steps of prefetching */
    const struct record *inside;
    bool hashed, again;                /* again: the key is that of the command before it in the batch */
};

/* Time of this turn: wall and monotonic. Called before the batch of each turn, and by cron. */
void engine_set_time(struct engine *e, uint64_t wall_us, uint64_t mono_us);
uint64_t engine_now_ms(const struct engine *e);

/* Batch: prepare looks the commands up and prefetches the buckets of the first keys; prefetch the records; run executes
 * one, in order. For each submission exactly one reply is queued (none when muted, or later when it blocks). */
enum submit_result {
    SUBMIT_DONE,
    /* the command ran and the session waits for its answer: run nothing more of it until it is woken */
    SUBMIT_BLOCKED,
    SUBMIT_POSTPONED, /* nothing ran (CLIENT PAUSE): keep the request, run it again when the session is woken */
    SUBMIT_CLOSE    /* close after the reply was sent (QUIT, SHUTDOWN, doomed) */
};
void engine_batch_begin(struct engine *e); /* before the first run of a turn: starts the stop-watch */
void engine_prepare(struct engine *e, struct submission *subs, int count);
void engine_prefetch(struct engine *e, struct submission *subs, int count);
enum submit_result engine_run(struct engine *e, struct submission *sub);

/* Periodic work. engine_tick: due keys, blocked clients' time-outs, table steps, pauses; bounded (about budget_us);
 * returns the monotonic time in us until which nothing is due (the loop's timeout), at most 100 ms ahead. */
uint64_t engine_tick(struct engine *e, uint64_t budget_us);
/* The same time; earlier than engine_tick said when something has come since that ends before (a wait, a pause).
 * O(1) */
uint64_t engine_tick_due_us(const struct engine *e);
/* A turn is wanted at this monotonic time, or before. */
void engine_wake_at(struct engine *e, uint64_t mono_us);
bool engine_in_exec(const struct engine *e); /* a transaction runs */
void engine_cron(struct engine *e); /* every 1000/hz ms: features' ticks, samples of rates */

/* Access for features. */
struct store *engine_store(struct engine *e);
struct config *engine_config(struct engine *e);
struct logger *engine_log(struct engine *e);
struct prng *engine_prng(struct engine *e);
const struct engine_host *engine_host(const struct engine *e);
struct engine_stats *engine_stats(struct engine *e);
void *engine_feature_state(struct engine *e, const struct feature *f); /* what f->init returned */
const char *engine_current_command(const struct engine *e); /* full name of what runs now, "none" between commands */
uint64_t engine_start_ms(const struct engine *e);
const char *engine_run_id(const struct engine *e); /* 40 hex digits */
struct command_index *engine_commands(struct engine *e);
/* Features in registration order, with their states; NULL behind the last. */
const struct feature *engine_feature(const struct engine *e, int i, void **state);
bool engine_info(struct engine *e, const struct slice *sections, int count, struct buf *out); /* INFO's text */

/* Statistics of a command by id, for INFO and LATENCY HISTOGRAM. latency is NULL before the first call. */
struct histogram;
struct command_usage {
    uint64_t calls, usec, rejected, failed;
    const struct histogram *latency;
};
void engine_command_usage(const struct engine *e, uint32_t id, struct command_usage *out);
void engine_latency_reset(struct engine *e, int32_t id); /* -1: all */
/* For LATENCY: the loop stood still that long for an event ("fork", as Redis names them); features are told of what is
 * above the monitor's threshold. */
void engine_latency_event(struct engine *e, const char *event, uint64_t usec);
bool engine_latency_watched(const struct engine *e); /* the monitor is on: it is worth to read the clock */
struct errorstats;
const struct errorstats *engine_errorstats(const struct engine *e);
void engine_reset_stats(struct engine *e);

/* CLIENT PAUSE. A later end never becomes earlier by another pause, and all-mode stays while it lasts. */
void engine_pause(struct engine *e, uint64_t until_ms, bool all);
void engine_unpause(struct engine *e);
/* DEBUG's switches. */
void engine_set_active_expire(struct engine *e, bool on);
void engine_set_cron_paused(struct engine *e, bool on);
bool engine_cron_paused(const struct engine *e);
uint64_t engine_watched_keys(const struct engine *e);
uint64_t engine_watching_sessions(const struct engine *e);
/* A unit of work outside any command (loading test data, cron): fn gets a context of the internal session. */
void engine_run_internal(struct engine *e, int db, void (*fn)(struct ctx *ctx, void *arg), void *arg);

void engine_sink_add(struct engine *e, struct effect_sink *sink);
void engine_sink_remove(struct engine *e, struct effect_sink *sink);
/* Bytes that the sinks hold: no data, so that no key is evicted for them. */
size_t engine_sinks_memory(const struct engine *e);
uint64_t engine_log_offset(const struct engine *e); /* bytes of effects committed since start, or as set */
/* Where the log goes on that was loaded; nothing happens when a sink is there already, which follows it. */
void engine_set_log_offset(struct engine *e, uint64_t offset);

/* Durability. Replies to a session whose last effects end behind `offset` are held back by the worker until a later
 * offset is told; UINT64_MAX (the start): nothing is held. The last call of a turn comes before its replies are sent
 * (feature.turn_end), or from the turn that loop_wake began. */
void engine_set_durable(struct engine *e, uint64_t offset);
uint64_t engine_durable(const struct engine *e);
/* One client has been the only one to send requests for a while: whatever makes it wait makes nobody else wait. Told
 * by the worker before each engine_turn_end. */
void engine_set_alone(struct engine *e, bool alone);
bool engine_alone(const struct engine *e);
bool session_replies_may_go(const struct session *s);
void engine_turn_end(struct engine *e); /* called by the worker once per turn, before replies are written */
/* While data is loaded: commands are refused with -LOADING but for those that may run then, nothing expires, and
 * internal sessions (whoever loads) pass every gate. */
void engine_set_loading(struct engine *e, bool on);
bool engine_loading(const struct engine *e);
/* Writes are refused with this text ("MISCONF ..."); NULL: no more. */
void engine_set_disk_error(struct engine *e, const char *text);

/* Frees in the background when it is large (lazy), else at once. */
void engine_free_record(struct engine *e, struct record *owned_r, bool lazy);

void engine_free_detached(struct engine *e, struct store_detached *owned_d, bool lazy);

const struct value_limits *engine_limits(const struct engine *e); /* of small forms */

/* FLUSHALL emptied everything: features are told, behind the command's change and before its reply. */
void engine_flushed_all(struct engine *e);

/* Access clock of a record, for OBJECT. */
uint64_t engine_clock_idle_s(const struct engine *e, uint32_t clock);
uint32_t engine_clock_frequency(const struct engine *e, uint32_t clock);
/* The other way round, for records that come from files; what the policy has no use for gives a fresh clock. */
uint32_t engine_clock_of_idle(const struct engine *e, uint64_t idle_s);
uint32_t engine_clock_of_frequency(const struct engine *e, uint8_t frequency);
uint32_t engine_clock_new(const struct engine *e);
bool engine_policy_is_lru(const struct engine *e);
bool engine_policy_is_lfu(const struct engine *e);
uint64_t engine_mono_us(const struct engine *e);
uint64_t engine_wall_us(const struct engine *e);
uint32_t engine_lru_clock(const struct engine *e);
/* frees memory down to maxmemory, e.g. after CONFIG SET maxmemory; false: could not */
bool engine_evict(struct engine *e);

/* Counters that INFO prints; written by the layer that owns the fact. */
struct engine_stats {
    uint64_t commands, connections, rejected_connections, expired_keys, evicted_keys, keyspace_hits, keyspace_misses;
    uint64_t expired_subkeys; /* fields of hashes */
    uint64_t net_input_bytes, net_output_bytes, reads, writes, error_replies, unexpected_errors;
    uint64_t expired_time_cap_reached, expire_cycle_us, lazyfreed_objects, evicted_clients;
    uint64_t query_limit_disconnections, output_limit_disconnections;
    uint64_t client_recent_max_input, client_recent_max_output;
    uint64_t loop_cycles, loop_us, loop_command_us, loop_cron_us, loop_max_us;
    double ops_per_sec, input_kbps, output_kbps, loop_cycles_per_sec, loop_us_per_cycle;
    size_t memory_peak, memory_startup;
    uint64_t memory_peak_time_ms;
    uint64_t dirty;                   /* changes since the last save */
    uint64_t forks, fork_us;          /* background children; how long the last fork took */
};

#endif
