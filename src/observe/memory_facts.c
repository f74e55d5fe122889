/* What memory is used for, for INFO and MEMORY STATS. */
#include "base/mem.h"
#include "observe/observe_impl.h"

enum {
    CLIENTS_SAMPLED = 128
}; /* with more, every n-th speaks for its neighbours: INFO stays short with 10,000 clients */

static size_t clients_memory(struct engine *e)
{
    size_t stride = session_count(e) / CLIENTS_SAMPLED + 1, at = 0, sum = 0;
    for (struct session *s = session_next(e, NULL); s != NULL; s = session_next(e, s), at++) {
        struct peer_info peer;
        if (at % stride != 0)
            continue;
        session_describe(s, &peer);
        sum += peer.total_mem * stride;
    }
    return sum;
}

static double ratio(double a, double b)
{
    return b > 0 ? a / b : 0;
}

void memory_facts_read(struct engine *e, struct memory_facts *out)
{
    const struct engine_stats *stats = engine_stats(e);
    struct store *store = engine_store(e);
    *out = (struct memory_facts){0};
    out->used = mem_used();
    out->peak = stats->memory_peak > out->used ? stats->memory_peak : out->used;
    out->startup = stats->memory_startup;
    out->clients = clients_memory(e);
    for (int db = 0; db < store_databases(store); db++)
        if (store_len(store, db) > 0)
            out->db_overhead += store_overhead(store, db);
    out->log = engine_sinks_memory(e);
    out->overhead = out->startup + out->clients + out->log + out->db_overhead;
    out->dataset = out->used > out->overhead ? out->used - out->overhead : 0;
    double net = out->used > out->startup ? (double)(out->used - out->startup) : 1;
    out->dataset_percent = (double)out->dataset * 100 / net;
    out->peak_percent = ratio((double)out->used * 100, (double)out->peak);

    struct mem_stats allocator;
    mem_stats_read(&allocator);
    out->allocator.allocated = allocator.allocated;
    out->allocator.active = allocator.active;
    out->allocator.resident = allocator.resident;
    out->allocator.muzzy = allocator.muzzy;
    out->allocator.frag_ratio = ratio((double)allocator.active, (double)allocator.allocated);
    out->allocator.frag_bytes = (int64_t)(allocator.active - allocator.allocated);
    out->allocator.rss_ratio = ratio((double)allocator.resident, (double)allocator.active);
    out->allocator.rss_bytes = (int64_t)(allocator.resident - allocator.active);
    out->rss = observe_process(observe_of(e)).rss_bytes;
    out->rss_overhead_ratio = ratio((double)out->rss, (double)allocator.resident);
    out->rss_overhead_bytes = (int64_t)(out->rss - allocator.resident);
    out->fragmentation_ratio = ratio((double)out->rss, (double)out->used);
    out->fragmentation_bytes = (int64_t)(out->rss - out->used);
}
