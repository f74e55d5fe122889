/* The inside of the engine; only the files of engine/ include it. */
#ifndef CAIRN_ENGINE_ENGINE_IMPL_H
#define CAIRN_ENGINE_ENGINE_IMPL_H

#include "base/buf.h"
#include "base/list.h"
#include "engine/args.h"
#include "engine/blocking_impl.h"
#include "engine/command.h"
#include "engine/command_lookup.h"
#include "engine/config.h"
#include "engine/ctx.h"
#include "engine/effects.h"
#include "engine/engine.h"
#include "engine/errorstats.h"
#include "engine/feature.h"
#include "engine/histogram.h"
#include "engine/notify.h"
#include "engine/watch.h"
#include "value/limits.h"

enum {
    FEATURES_MAX = 32,
    TICK_EXPIRE_BUDGET = 64,     /* index entries per look at the clock */
    EXPIRE_PARTS_STEP = 32,      /* fields of a hash that go with one of them */
    TICK_MAX_SLEEP_US = 100 * 1000,
    TXN_QUEUE_MAX = 1024 * 1024, /* commands of one transaction */
    DISK_ERROR_MAX = 512,
    ELEMENT_PREFETCH_MIN = 4     /* commands at once from which looking ahead for elements pays */
};

/* Gates, in Redis's order of evaluation. A command has a mask of the gates that concern it; the engine and each session
 * have a mask of the gates that are armed; a gate runs only where the two meet. */
enum gate {
    GATE_PROTECTED = 1 << 0,  /* DEBUG, MODULE: enabled by configuration */
    GATE_AUTH = 1 << 1,
    GATE_NO_MULTI = 1 << 2,
    GATE_ACL = 1 << 3,
    GATE_CLUSTER = 1 << 4,
    GATE_MEMORY = 1 << 5,
    GATE_DISK = 1 << 6,
    GATE_REPLICAS = 1 << 7,
    GATE_READONLY = 1 << 8,
    GATE_SUBSCRIBER = 1 << 9,
    GATE_STALE = 1 << 10,
    GATE_LOADING = 1 << 11,
    GATE_BUSY = 1 << 12,
    GATE_PAUSE = 1 << 13,
    GATE_QUEUE = 1 << 14
};

enum gate_verdict { GATE_PASS, GATE_REJECTED, GATE_POSTPONED, GATE_TAKEN };

struct pending_effect {
    int db;
    int argc;
    const struct slice *argv;
    void *owned; /* memory of argv when it was copied; NULL: borrowed from the request */
};

/* A slot is empty (argc 0) while its command runs, and stays so when nothing is to be logged. */
struct kept_queue { /* arguments of transactions that effects of the open unit may refer to */
    struct kept_queue *next;
    struct queued_command *queue;
    int count;
};

struct unit {
    int depth;
    int count, cap;
    struct pending_effect *effects;
    bool separate; /* the effects have nothing to do with one another: no MULTI around them */
    struct kept_queue *kept;
    int64_t logged_db; /* database that the log is in; -1: unknown, SELECT first */
    struct buf wire;
};

struct command_stats {
    uint64_t calls, rejected, failed, ticks;
    struct histogram *latency; /* NULL until the first call */
};

/* maxmemory-policy, as bits. */
enum maxmemory_policy {
    MAXMEMORY_NOEVICTION = 0,
    MAXMEMORY_LRU = 1,
    MAXMEMORY_LFU = 2,
    MAXMEMORY_RANDOM = 4,
    MAXMEMORY_TTL = 8,
    MAXMEMORY_VOLATILE = 16
};

enum pause_mode { PAUSE_NONE, PAUSE_WRITES, PAUSE_ALL };

struct feature_slot {
    const struct feature *feature;
    void *state;
};

struct rate { /* a counter's speed, from samples taken by cron */
    uint64_t last_count, last_mono_us;
    double per_sec;
};

struct engine {
    struct engine_host host;
    struct logger *log;
    struct config *config;
    struct store *store;
    struct value_limits limits; /* complete from engine_start on */
    struct prng prng;
    char run_id[41];

    uint64_t wall_us, mono_us, now_ms;
    uint64_t start_ms, start_mono_us;
    uint32_t lru_clock; /* 24 bits, as the policy wants it */
    uint64_t tick_due_us; /* monotonic: engine_tick has something to do */

    struct feature_slot features[FEATURES_MAX];
    int feature_count;

    struct command_index *index;
    uint32_t command_count;
    struct command_stats *command_stats; /* by id */
    uint32_t armed;

    struct list_link sessions;
    size_t session_count;
    uint64_t next_session_id;
    struct session *internal; /* for expiry, cron and whatever has no client */
    struct reply internal_reply;
    struct session *current;  /* whose command runs */

    struct unit unit;
    struct list_link sinks;
    int sink_count;
    uint64_t log_offset;
    bool in_exec; /* a transaction runs */
    uint64_t durable; /* log offset up to which effects are safe; UINT64_MAX: replies wait for nothing */
    bool alone; /* one client is the only one at work */
    bool loading;
    char disk_error[DISK_ERROR_MAX]; /* what writes are told while GATE_DISK is armed */

    struct watch_table watches;
    struct blocking blocking;
    struct list_link listeners; /* struct event_listener */
    struct errorstats errors;
    uint64_t call_errors; /* error replies since the current call began */

    enum pause_mode pause;
    uint64_t pause_until_ms;
    struct list_link postponed; /* sessions whose next request waits for the end of a pause */

    bool active_expire;          /* DEBUG SET-ACTIVE-EXPIRE */
    bool cron_paused;            /* DEBUG PAUSE-CRON */
    bool evicting;
    uint64_t evict_cursor;       /* where the walk for records with an expiry stands */
    bool evict_more;             /* over the limit with victims left: the ticks go on */
    size_t free_pending;         /* records handed to the background and not freed yet: engine's estimate */

    struct engine_stats stats;
    struct rate ops_rate, in_rate, out_rate, cycle_rate;
    /* The tick counter against the monotonic clock, so that a command costs one reading of the former. */
    uint64_t last_ticks, tick_ratio_mono_us, tick_ratio_ticks;
    double ns_per_tick;
    uint64_t slow_ticks; /* the smaller of the two slow thresholds; UINT64_MAX: none */

    /* Bound configuration. */
    const int64_t *cfg_maxmemory, *cfg_maxmemory_policy, *cfg_maxmemory_samples, *cfg_eviction_tenacity;
    const int64_t *cfg_lazy_expire, *cfg_lazy_eviction, *cfg_lazy_server_del;
    const int64_t *cfg_latency_tracking, *cfg_slowlog_slower_than, *cfg_latency_threshold;
    const int64_t *cfg_lfu_log_factor, *cfg_lfu_decay_time;
    const int64_t *cfg_expire_effort;
    const char *const *cfg_requirepass;
};

/* unit.c */
void unit_begin(struct engine *e);
void unit_commit(struct engine *e);
int unit_slot_reserve(struct engine *e);
void unit_effect_set(struct engine *e, int slot, int db, int argc, const struct slice *argv, void *owned);
void unit_effect_append(struct engine *e, int db, int argc, const struct slice *argv, void *owned);
void unit_effect_insert(struct engine *e, int at, int db, int argc, const struct slice *argv, void *owned);
static inline bool unit_recording(const struct engine *e)
{
    return e->sink_count > 0 && !e->loading; /* what is loaded has been in a log already */
}
void unit_deinit(struct engine *e);
struct queued_command;
/* Takes a run transaction's queue; it is freed when nothing refers to the arguments any more. */
void unit_keep_queue(struct engine *e, struct queued_command *owned_queue, int count);

/* gates.c */
uint32_t gates_of_command(const struct command *cmd);
enum gate_verdict gates_check(struct engine *e, struct session *s, struct ctx *ctx, const struct command_entry *entry,
                              uint32_t gates);
void engine_arm(struct engine *e, enum gate gate, bool on);

/* engine.c */
void ctx_init(struct ctx *ctx, struct engine *e, struct session *s, const struct command *cmd, int argc,
              const struct slice *argv);
/* Runs the command of ctx inside the open unit: statistics, effects. */
void engine_call(struct engine *e, struct ctx *ctx, const struct command_entry *entry);
void engine_tick_by(struct engine *e, uint64_t unix_ms); /* not later than that */
/* The command is over, and with it what CLIENT REPLY SKIP meant; not yet when the session is blocked. */
void engine_reply_mode_end(struct session *s);
void engine_reject(struct engine *e, struct session *s, const struct command_entry *entry, struct slice error);

uint64_t engine_ticks_ns(const struct engine *e, uint64_t ticks);
void engine_ticks_calibrate(struct engine *e);
void engine_observe_slow(struct engine *e, struct ctx *ctx, const struct command_entry *entry, uint64_t usec);

/* engine_config.c */
struct config_item;
extern const struct config_item engine_config_items[];
extern const int engine_config_item_count;
void engine_limits_update(struct engine *e); /* reads the directives again */

/* eviction.c: frees memory until used <= maxmemory; false: could not. */
bool evict_for_memory(struct engine *e);
uint32_t engine_clock_touch(struct engine *e, uint32_t old);          /* clock after an access */

/* removal.c: the server's own deletions, each a unit. r is in db. */
void engine_expire_key(struct engine *e, int db, struct record *r);
void engine_evict_key(struct engine *e, int db, struct record *r);
/* A bounded part of the due elements of r, which has some. */
void engine_expire_parts(struct engine *e, int db, struct record *r);
/* A record that a command looked up, and something of it is due: returns what the command may see of it. */
struct record *ctx_expire(struct ctx *ctx, int db, struct store_key key, struct record *r);
/* ctx.c: tells the listeners. */
void event_send(struct engine *e, int db, struct slice key, enum event_class cls, const char *event);

#endif
