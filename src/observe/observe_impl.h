/* The inside of observe/: the state behind its commands. */
#ifndef CAIRN_OBSERVE_OBSERVE_IMPL_H
#define CAIRN_OBSERVE_OBSERVE_IMPL_H

#include "base/buf.h"
#include "base/list.h"
#include "engine/ctx.h"
#include "engine/effects.h"
#include "engine/engine.h"
#include "engine/feature.h"
#include "observe/host_info.h"

enum {
    SLOWLOG_ARGS_MAX = 32, /* of an entry, the one that counts the rest included */
    SLOWLOG_ARG_BYTES_MAX = 128,
    LATENCY_EVENTS_MAX = 64,
    LATENCY_SAMPLES = 160,              /* of an event; older ones are overwritten */
    EFFECTS_KEPT_MAX = 64 * 1024 * 1024 /* DEBUG EFFECTS stops recording there */
};

/* --- slow log: newest first --- */

struct slowlog_entry {
    struct list_link link;
    uint64_t id, usec;
    uint64_t unix_s;
    int argc;
    struct slice *argv; /* one allocation with the bytes behind it */
    char *client, *client_name;
};

struct slowlog {
    struct list_link entries;
    size_t count;
    uint64_t next_id;
};

void slowlog_init(struct slowlog *log);
void slowlog_clear(struct slowlog *log);
void slowlog_add(struct slowlog *log, size_t max, const struct ctx *ctx, uint64_t usec);

/* --- latency events --- */

struct latency_sample {
    uint64_t unix_s;
    uint64_t ms; /* 0: no sample */
};

struct latency_event {
    char *name;
    uint32_t next; /* where the next sample goes */
    uint64_t max_ms;
    struct latency_sample samples[LATENCY_SAMPLES];
};

struct latency_monitor {
    struct latency_event *events[LATENCY_EVENTS_MAX];
    int count;
};

void latency_clear(struct latency_monitor *m);
void latency_add(struct latency_monitor *m, const char *event, uint64_t unix_s, uint64_t ms); /* ms > 0 */
bool latency_remove(struct latency_monitor *m, struct slice name);
const struct latency_event *latency_find(const struct latency_monitor *m, struct slice name); /* NULL: unknown */
/* The samples, oldest first; at least one. */
int latency_samples(const struct latency_event *event, struct latency_sample out[LATENCY_SAMPLES]);

/* --- the state --- */

struct observe {
    struct engine *engine;
    const struct host_info *host;
    struct slowlog slowlog;
    struct latency_monitor latency;
    char replication_id[41];
    bool scripts_may_all; /* DEBUG SET-DISABLE-DENY-SCRIPTS */
    struct effect_sink recorder;
    bool recording;
    struct buf recorded;
    /* bound directives */
    const int64_t *slowlog_slower_than_us, *slowlog_max_len, *latency_threshold_ms, *lazy_user_flush, *maxmemory;
    const int64_t *protected_configs, *bulk_max;
};

struct observe *observe_of(struct engine *e);
struct process_facts observe_process(const struct observe *o);
struct host_facts observe_host(const struct observe *o);

/* A directive's value as CONFIG GET prints it; nothing when the server has no such directive. */
void observe_config_text(struct engine *e, const char *name, struct buf *out);

/* Facts that INFO memory and MEMORY STATS share. */
struct memory_facts {
    size_t used, peak, startup, overhead, dataset, clients, db_overhead;
    size_t log; /* effects that wait for the disk */
    size_t lua, functions; /* none yet: 0 */
    double dataset_percent, peak_percent;
    struct mem_facts_allocator {
        size_t allocated, active, resident, muzzy;
        double frag_ratio, rss_ratio;
        int64_t frag_bytes, rss_bytes;
    } allocator;
    uint64_t rss;
    double rss_overhead_ratio, fragmentation_ratio;
    int64_t rss_overhead_bytes, fragmentation_bytes;
};
void memory_facts_read(struct engine *e, struct memory_facts *out);

/* The sections of INFO, in their order. */
enum { INFO_SECTIONS = 13 };
extern const struct info_section info_sections[INFO_SECTIONS];

/* DEBUG DIGEST: a mix of all keys and values that does not depend on their order. */
enum { DIGEST_SIZE = 20 };
void digest_all(struct store *store, unsigned char out[DIGEST_SIZE]);
void digest_value(const struct record *r, unsigned char out[DIGEST_SIZE]);
/* Bytes that the value would take in a snapshot, uncompressed. */
size_t debug_serialized_len(const struct record *r);

void effects_record_stop(struct observe *o);

/* "ERR unknown subcommand or wrong number of arguments for 'x'. Try DEBUG HELP." */
void reply_subcommand_syntax(struct ctx *ctx);

#endif
