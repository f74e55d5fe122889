/* Effects: what committed writes did, as commands, in execution order. The sinks (append-only file, replication
 * backlog, a recorder for tests) get each unit once, already encoded, with its offset in the log. */
#ifndef CAIRN_ENGINE_EFFECTS_H
#define CAIRN_ENGINE_EFFECTS_H

#include "base/list.h"
#include "base/slice.h"

struct effect {
    int db;
    int argc;
    const struct slice *argv; /* as it came, or as the handler said by effect_as */
};

struct effect_batch {
    const struct effect *effects; /* count of them; without SELECT, MULTI and EXEC */
    int count;
    struct slice wire;            /* RESP: SELECT where the database changes, MULTI ... EXEC around several effects */
    uint64_t offset;              /* of wire's first byte in the log */
    uint64_t now_ms;
};

struct effect_sink {
    struct list_link link;        /* zero; used by the engine */
    const char *name;
    void *arg;
    void (*commit)(void *arg, const struct effect_batch *batch); /* all memory is borrowed */
    size_t (*memory)(void *arg);  /* bytes of effects that it still holds; NULL: none */
};

#endif
