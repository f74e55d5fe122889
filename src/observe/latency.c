/* The latency monitor: per event the slowest sample of each second, in a ring; LATENCY's reports on them. */
#include "base/mem.h"
#include "observe/observe_impl.h"

#include <string.h>

void latency_clear(struct latency_monitor *m)
{
    for (int i = 0; i < m->count; i++) {
        mem_free(m->events[i]->name);
        mem_free(m->events[i]);
    }
    m->count = 0;
}

static struct latency_event *event_get(struct latency_monitor *m, const char *name)
{
    for (int i = 0; i < m->count; i++)
        if (strcmp(m->events[i]->name, name) == 0)
            return m->events[i];
    if (m->count == LATENCY_EVENTS_MAX)
        return NULL;
    struct latency_event *event = mem_zalloc(sizeof(*event));
    event->name = mem_strdup(name);
    m->events[m->count++] = event;
    return event;
}

void latency_add(struct latency_monitor *m, const char *name, uint64_t unix_s, uint64_t ms)
{
    struct latency_event *event = event_get(m, name);
    if (event == NULL)
        return;
    if (ms > event->max_ms)
        event->max_ms = ms;
    struct latency_sample *last = &event->samples[(event->next + LATENCY_SAMPLES - 1) % LATENCY_SAMPLES];
    if (last->ms > 0 && last->unix_s == unix_s) {
        if (ms > last->ms)
            last->ms = ms;
        return;
    }
    event->samples[event->next] = (struct latency_sample){unix_s, ms};
    event->next = (event->next + 1) % LATENCY_SAMPLES;
}

bool latency_remove(struct latency_monitor *m, struct slice name)
{
    for (int i = 0; i < m->count; i++)
        if (slice_eq(slice_cstr(m->events[i]->name), name)) {
            mem_free(m->events[i]->name);
            mem_free(m->events[i]);
            m->events[i] = m->events[--m->count];
            return true;
        }
    return false;
}

const struct latency_event *latency_find(const struct latency_monitor *m, struct slice name)
{
    for (int i = 0; i < m->count; i++)
        if (slice_eq(slice_cstr(m->events[i]->name), name))
            return m->events[i];
    return NULL;
}

int latency_samples(const struct latency_event *event, struct latency_sample out[LATENCY_SAMPLES])
{
    int n = 0;
    for (uint32_t i = 0; i < LATENCY_SAMPLES; i++) {
        const struct latency_sample *s = &event->samples[(event->next + i) % LATENCY_SAMPLES];
        if (s->ms > 0)
            out[n++] = *s;
    }
    return n;
}
