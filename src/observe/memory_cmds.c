/* MEMORY: what a key takes, what everything takes, and the allocator's own reports. */
#include "base/mem.h"
#include "base/num.h"
#include "observe/observe_impl.h"
#include "observe/server_cmds.h"

#include <stdio.h>

enum { SAMPLES_DEFAULT = 5, SLOT_BYTES = 8 /* a record's place in the table */ };

/* MEMORY USAGE key [SAMPLES count] */
void cmd_memory_usage(struct ctx *ctx)
{
    int64_t samples = SAMPLES_DEFAULT;
    for (int i = 3; i < ctx->argc; i += 2) {
        if (!slice_is(arg(ctx, i), "samples") || i + 1 >= ctx->argc) {
            reply_syntax(ctx);
            return;
        }
        enum status st = arg_i64(ctx, i + 1, &samples);
        if (st != ST_OK || samples < 0) {
            reply_status(ctx->reply, st != ST_OK ? st : ST_SYNTAX);
            return;
        }
    }
    const struct record *r = ctx_find(ctx, ctx_key(ctx, 2), FOR_PEEK);
    if (r == NULL)
        reply_null(ctx->reply);
    else
        reply_int(ctx->reply, (int64_t)(record_mem(r, (size_t)samples) + SLOT_BYTES));
}

static void stat_int(struct reply *reply, const char *name, int64_t value)
{
    reply_bulk_cstr(reply, name);
    reply_int(reply, value);
}

static void stat_double(struct reply *reply, const char *name, double value)
{
    reply_bulk_cstr(reply, name);
    reply_double(reply, value);
}

static int64_t reply_databases(struct ctx *ctx, size_t *keys)
{
    int64_t pairs = 0;
    *keys = 0;
    for (int db = 0; db < store_databases(ctx->store); db++) {
        size_t len = store_len(ctx->store, db);
        if (len == 0)
            continue;
        reply_bulkf(ctx->reply, "db.%d", db);
        reply_map(ctx->reply, 3);
        stat_int(ctx->reply, "overhead.hashtable.main",
                 (int64_t)store_overhead(ctx->store, db)); /* the time index included */
        stat_int(ctx->reply, "overhead.hashtable.expires", 0);
        stat_int(ctx->reply, "overhead.hashtable.slot-to-keys", 0);
        *keys += len;
        pairs++;
    }
    return pairs;
}

void cmd_memory_stats(struct ctx *ctx)
{
    struct reply *reply = ctx->reply;
    struct memory_facts m;
    memory_facts_read(ctx->engine, &m);
    struct reply_mark mark = reply_defer(reply);
    const struct {
        const char *name;
        size_t value;
    } first[] = {{"peak.allocated", m.peak},
                 {"total.allocated", m.used},
                 {"startup.allocated", m.startup},
                 {"replication.backlog", 0},
                 {"clients.slaves", 0},
                 {"clients.normal", m.clients},
                 {"cluster.links", 0},
                 {"aof.buffer", m.log},
                 {"lua.caches", m.lua},
                 {"functions.caches", m.functions}};
    for (size_t i = 0; i < ARRAY_LEN(first); i++)
        stat_int(reply, first[i].name, (int64_t)first[i].value);
    size_t keys;
    int64_t pairs = (int64_t)ARRAY_LEN(first) + reply_databases(ctx, &keys);
    size_t net = m.used > m.startup ? m.used - m.startup : 0;
    stat_int(reply, "overhead.total", (int64_t)m.overhead);
    stat_int(reply, "keys.count", (int64_t)keys);
    stat_int(reply, "keys.bytes-per-key", keys == 0 ? 0 : (int64_t)(net / keys));
    stat_int(reply, "dataset.bytes", (int64_t)m.dataset);
    stat_double(reply, "dataset.percentage", m.dataset_percent);
    stat_double(reply, "peak.percentage", m.peak_percent);
    stat_int(reply, "allocator.allocated", (int64_t)m.allocator.allocated);
    stat_int(reply, "allocator.active", (int64_t)m.allocator.active);
    stat_int(reply, "allocator.resident", (int64_t)m.allocator.resident);
    stat_double(reply, "allocator-fragmentation.ratio", m.allocator.frag_ratio);
    stat_int(reply, "allocator-fragmentation.bytes", m.allocator.frag_bytes);
    stat_double(reply, "allocator-rss.ratio", m.allocator.rss_ratio);
    stat_int(reply, "allocator-rss.bytes", m.allocator.rss_bytes);
    stat_double(reply, "rss-overhead.ratio", m.rss_overhead_ratio);
    stat_int(reply, "rss-overhead.bytes", m.rss_overhead_bytes);
    stat_double(reply, "fragmentation", m.fragmentation_ratio);
    stat_int(reply, "fragmentation.bytes", m.fragmentation_bytes);
    reply_defer_map(reply, mark, pairs + 17);
}

/* --- in words --- */

enum {
    DOCTOR_USED_MIN = 5 * 1024 * 1024, /* below, every ratio is noise */
    DOCTOR_WASTE_MIN = 10 * 1024 * 1024
};

void cmd_memory_doctor(struct ctx *ctx)
{
    struct memory_facts m;
    memory_facts_read(ctx->engine, &m);
    struct buf out = BUF_INIT;
    if (m.used < DOCTOR_USED_MIN) {
        buf_append_slice(&out,
                         SLICE("This server is empty or uses very little memory: there is nothing to find yet.\n"));
    } else {
        if ((double)m.peak > (double)m.used * 1.5)
            buf_appendf(
                &out,
                "- Peak: memory was %.1f times what it is now, so the allocator may hold pages that it does not need. "
                "MEMORY PURGE gives them back.\n",
                (double)m.peak / (double)m.used);
        if (m.allocator.frag_ratio > 1.1 && m.allocator.frag_bytes > DOCTOR_WASTE_MIN)
            buf_appendf(&out, "- Fragmentation: the allocator's pages are %.2f times what lies in them.\n",
                        m.allocator.frag_ratio);
        if (m.allocator.rss_ratio > 1.1 && m.allocator.rss_bytes > DOCTOR_WASTE_MIN)
            buf_append_slice(
                &out, SLICE("- Free pages: the allocator has not given back all that was freed. MEMORY PURGE does.\n"));
        if (m.rss_overhead_ratio > 1.1 && m.rss_overhead_bytes > DOCTOR_WASTE_MIN)
            buf_append_slice(&out, SLICE("- Overhead: the process holds much memory beside the allocator's.\n"));
        size_t clients = session_count(ctx->engine);
        if (clients > 0 && m.clients / clients > 200 * 1024)
            buf_append_slice(
                &out,
                SLICE("- Clients: their buffers take more than 200 KB each. Look for slow readers in CLIENT LIST.\n"));
        if (out.len == 0)
            buf_append_slice(&out, SLICE("No problem with memory was found.\n"));
    }
    reply_verbatim(ctx->reply, "txt", buf_slice(&out));
    buf_deinit(&out);
}

static void append_text(void *arg, const char *text)
{
    buf_append_slice(arg, slice_cstr(text));
}

void cmd_memory_malloc_stats(struct ctx *ctx)
{
    struct buf out = BUF_INIT;
    mem_stats_text(append_text, &out);
    reply_verbatim(ctx->reply, "txt", buf_slice(&out));
    buf_deinit(&out);
}

void cmd_memory_purge(struct ctx *ctx)
{
    mem_purge();
    reply_ok(ctx->reply);
}

void cmd_memory_help(struct ctx *ctx)
{
    static const char *const lines[] = {
        "DOCTOR",
        "    Problems with memory, in words.",
        "MALLOC-STATS",
        "    The allocator's own report.",
        "PURGE",
        "    Makes the allocator give free pages back to the system.",
        "STATS",
        "    What memory is used for, as data.",
        "USAGE <key> [SAMPLES <count>]",
        "    Bytes that a key and its value take. The size of a collection is estimated from <count> of its elements",
        "    (5 when not given; 0: all are counted).",
        NULL};
    reply_help(ctx, lines);
}
