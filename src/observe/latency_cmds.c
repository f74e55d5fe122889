/* LATENCY: what the monitor saw, as data, as a drawing and in words; and the distribution of each command's run times.
 */
#include "base/buf.h"
#include "engine/command_lookup.h"
#include "engine/histogram.h"
#include "observe/observe_impl.h"
#include "observe/server_cmds.h"

#include <stdio.h>

void cmd_latency_latest(struct ctx *ctx)
{
    const struct latency_monitor *m = &observe_of(ctx->engine)->latency;
    reply_array(ctx->reply, m->count);
    for (int i = 0; i < m->count; i++) {
        struct latency_sample samples[LATENCY_SAMPLES];
        const struct latency_sample *last = &samples[latency_samples(m->events[i], samples) - 1];
        reply_array(ctx->reply, 4);
        reply_bulk_cstr(ctx->reply, m->events[i]->name);
        reply_int(ctx->reply, (int64_t)last->unix_s);
        reply_int(ctx->reply, (int64_t)last->ms);
        reply_int(ctx->reply, (int64_t)m->events[i]->max_ms);
    }
}

void cmd_latency_history(struct ctx *ctx)
{
    const struct latency_event *event = latency_find(&observe_of(ctx->engine)->latency, arg(ctx, 2));
    struct latency_sample samples[LATENCY_SAMPLES];
    int n = event == NULL ? 0 : latency_samples(event, samples);
    reply_array(ctx->reply, n);
    for (int i = 0; i < n; i++) {
        reply_array(ctx->reply, 2);
        reply_int(ctx->reply, (int64_t)samples[i].unix_s);
        reply_int(ctx->reply, (int64_t)samples[i].ms);
    }
}

void cmd_latency_reset(struct ctx *ctx)
{
    struct latency_monitor *m = &observe_of(ctx->engine)->latency;
    int removed = 0;
    if (ctx->argc == 2) {
        removed = m->count;
        latency_clear(m);
    }
    for (int i = 2; i < ctx->argc; i++)
        removed += latency_remove(m, arg(ctx, i));
    reply_int(ctx->reply, removed);
}

/* --- the drawing: a column per sample, four rows of three levels; below, how long ago --- */

enum { GRAPH_COLUMNS = 80, GRAPH_ROWS = 4, GRAPH_LEVELS = 3, AGE_ROWS = 3 };

static void age_text(char out[AGE_ROWS + 1], uint64_t seconds)
{
    if (seconds < 60)
        snprintf(out, AGE_ROWS + 1, "%us", (unsigned)seconds);
    else if (seconds < 3600)
        snprintf(out, AGE_ROWS + 1, "%um", (unsigned)(seconds / 60));
    else if (seconds < 24 * 3600)
        snprintf(out, AGE_ROWS + 1, "%uh", (unsigned)(seconds / 3600));
    else
        snprintf(out, AGE_ROWS + 1, "%ud", (unsigned)(seconds / (24 * 3600) > 99 ? 99 : seconds / (24 * 3600)));
}

static void graph_draw(struct buf *out, const struct latency_sample *samples, int n, uint64_t low, uint64_t high,
                       uint64_t now_s)
{
    static const char marks[GRAPH_LEVELS] = {'_', 'o', '#'};
    for (int row = GRAPH_ROWS - 1; row >= 0; row--) {
        for (int i = 0; i < n; i++) {
            uint64_t span = high - low;
            int level = span == 0 ? 0 : (int)((samples[i].ms - low) * (GRAPH_ROWS * GRAPH_LEVELS - 1) / span);
            int at = level / GRAPH_LEVELS;
            buf_append_char(out, at == row ? marks[level % GRAPH_LEVELS] : at > row ? '|' : ' ');
        }
        buf_append_char(out, '\n');
    }
    buf_appendf(out, "%*s\n", n, "");
    for (int row = 0; row < AGE_ROWS; row++) {
        bool any = false;
        struct buf line = BUF_INIT;
        for (int i = 0; i < n; i++) {
            char age[AGE_ROWS + 1] = "";
            age_text(age, now_s > samples[i].unix_s ? now_s - samples[i].unix_s : 0);
            char c = strlen(age) > (size_t)row ? age[row] : ' ';
            any |= c != ' ';
            buf_append_char(&line, c);
        }
        if (any) {
            buf_append_slice(out, buf_slice(&line));
            buf_append_char(out, '\n');
        }
        buf_deinit(&line);
    }
}

void cmd_latency_graph(struct ctx *ctx)
{
    const struct latency_event *event = latency_find(&observe_of(ctx->engine)->latency, arg(ctx, 2));
    if (event == NULL) {
        reply_errorf(ctx->reply, "ERR No samples available for event '%.*s'",
                     (int)(arg(ctx, 2).len > 128 ? 128 : arg(ctx, 2).len), arg(ctx, 2).ptr);
        return;
    }
    struct latency_sample samples[LATENCY_SAMPLES];
    int n = latency_samples(event, samples), first = n > GRAPH_COLUMNS ? n - GRAPH_COLUMNS : 0;
    uint64_t low = samples[first].ms, high = low;
    for (int i = first; i < n; i++) {
        low = samples[i].ms < low ? samples[i].ms : low;
        high = samples[i].ms > high ? samples[i].ms : high;
    }
    struct buf out = BUF_INIT;
    buf_appendf(&out, "%s - high %llu ms, low %llu ms (all time high %llu ms)\n", event->name, (unsigned long long)high,
                (unsigned long long)low, (unsigned long long)event->max_ms);
    for (int i = 0; i < GRAPH_COLUMNS; i++)
        buf_append_char(&out, '-');
    buf_append_char(&out, '\n');
    graph_draw(&out, samples + first, n - first, low, high, engine_wall_us(ctx->engine) / 1000000);
    reply_verbatim(ctx->reply, "txt", buf_slice(&out));
    buf_deinit(&out);
}

/* --- in words --- */

static void event_report(struct buf *out, int number, const struct latency_event *event)
{
    struct latency_sample samples[LATENCY_SAMPLES];
    int n = latency_samples(event, samples);
    double sum = 0, deviation = 0;
    for (int i = 0; i < n; i++)
        sum += (double)samples[i].ms;
    double mean = sum / n;
    for (int i = 0; i < n; i++)
        deviation += (double)samples[i].ms > mean ? (double)samples[i].ms - mean : mean - (double)samples[i].ms;
    double period = (double)(samples[n - 1].unix_s - samples[0].unix_s) / (n > 1 ? n - 1 : 1);
    buf_appendf(out,
                "%d. %s: %d latency spikes (average %.0fms, mean deviation %.0fms, period %.2f sec). Worst all time "
                "event %llums.\n",
                number, event->name, n, mean, deviation / n, period, (unsigned long long)event->max_ms);
}

void cmd_latency_doctor(struct ctx *ctx)
{
    struct observe *o = observe_of(ctx->engine);
    int64_t threshold = *o->latency_threshold_ms;
    int64_t slower_than = *o->slowlog_slower_than_us;
    struct buf out = BUF_INIT;
    if (o->latency.count == 0 && threshold == 0) {
        buf_append_slice(&out,
                         SLICE(
                             "Nothing is measured: the latency monitor is off. \"CONFIG SET latency-monitor-threshold "
                             "<milliseconds>\" turns it on.\n"));
    } else if (o->latency.count == 0) {
        buf_append_slice(&out, SLICE("No latency spike was seen since the start or the last LATENCY RESET.\n"));
    } else {
        buf_append_slice(&out, SLICE("Latency spikes were seen:\n\n"));
        for (int i = 0; i < o->latency.count; i++)
            event_report(&out, i + 1, o->latency.events[i]);
        buf_append_slice(&out, SLICE("\nAdvice:\n\n"));
        if (slower_than < 0 || slower_than > threshold * 1000)
            buf_appendf(
                &out,
                "- The slow log does not name the commands behind the spikes, since it starts above them. Try \"CONFIG "
                "SET slowlog-log-slower-than %lld\".\n",
                (long long)threshold * 1000);
        buf_append_slice(
            &out, SLICE("- SLOWLOG GET lists the slowest commands with their arguments.\n"
                        "- Work on very large values takes long, and so does deleting them: UNLINK and the lazyfree "
                        "directives free them in the background.\n"));
    }
    reply_verbatim(ctx->reply, "txt", buf_slice(&out));
    buf_deinit(&out);
}

/* --- histograms --- */

/* Cumulative counts at the powers of two from 1024 ns, each told by the last microsecond that its cell covers with two
 * significant digits; those that add nothing are left out. */
static void histogram_reply(struct reply *reply, const struct command_usage *usage)
{
    reply_map(reply, 2);
    reply_bulk_cstr(reply, "calls");
    reply_int(reply, (int64_t)usage->latency->count);
    reply_bulk_cstr(reply, "histogram_usec");
    struct reply_mark mark = reply_defer(reply);
    int64_t pairs = 0;
    uint64_t before = 0;
    for (uint64_t top = 1024; before < usage->latency->count && top != 0; top <<= 1) {
        uint64_t ns = top + (top >> 7) - 1;
        uint64_t n = histogram_count_up_to_ns(usage->latency, ns);
        if (n == before)
            continue;
        reply_int(reply, (int64_t)(ns / 1000));
        reply_int(reply, (int64_t)n);
        pairs++;
        before = n;
    }
    reply_defer_map(reply, mark, pairs);
}

static int histogram_of(struct ctx *ctx, const struct command_entry *entry)
{
    struct command_usage usage;
    engine_command_usage(ctx->engine, entry->id, &usage);
    if (usage.latency == NULL || usage.latency->count == 0)
        return 0;
    reply_bulk(ctx->reply, entry->full_name);
    histogram_reply(ctx->reply, &usage);
    return 1;
}

void cmd_latency_histogram(struct ctx *ctx)
{
    const struct command_index *index = engine_commands(ctx->engine);
    struct reply_mark mark = reply_defer(ctx->reply);
    int64_t count = 0;
    if (ctx->argc == 2)
        for (unsigned id = 0; id < command_index_count(index); id++)
            count += histogram_of(ctx, command_index_entry(index, id));
    for (int i = 2; i < ctx->argc; i++) {
        const struct command_entry *entry = command_index_find_full(index, arg(ctx, i));
        if (entry == NULL)
            continue;
        count += histogram_of(ctx, entry);
        for (unsigned k = 1; k <= entry->subcommand_count; k++)
            count += histogram_of(ctx, command_index_entry(index, entry->id + k));
    }
    reply_defer_map(ctx->reply, mark, count);
}

void cmd_latency_help(struct ctx *ctx)
{
    static const char *const lines[] = {
        "DOCTOR",
        "    A report on the spikes, in words.",
        "GRAPH <event>",
        "    Draws the samples of an event.",
        "HISTOGRAM [<command> ...]",
        "    Distribution of the run times of commands, subcommands included: cumulative counts by microseconds.",
        "HISTORY <event>",
        "    Samples of an event: pairs of Unix time and milliseconds.",
        "LATEST",
        "    The last sample of every event: name, Unix time, milliseconds, all-time maximum.",
        "RESET [<event> ...]",
        "    Forgets the samples of events, or of all.",
        NULL};
    reply_help(ctx, lines);
}
