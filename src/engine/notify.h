/* Listeners of keyspace events: whoever wants to know what happened to which key (pub/sub notifications, client-side
 * caching). */
#ifndef CAIRN_ENGINE_NOTIFY_H
#define CAIRN_ENGINE_NOTIFY_H

#include "base/list.h"
#include "base/slice.h"
#include "engine/ctx.h"

struct event_listener {
    struct list_link link; /* zero; used by the engine */
    uint32_t classes;      /* of enum event_class; may be changed at any time */
    void *arg;
    void (*event)(void *arg, int db, struct slice key, enum event_class cls, const char *event);
};

void engine_listener_add(struct engine *e, struct event_listener *listener);
void engine_listener_remove(struct event_listener *listener);

#endif
