/* Blocking as the rest of the engine sees it; only the files of engine/ include it. */
#ifndef CAIRN_ENGINE_BLOCKING_IMPL_H
#define CAIRN_ENGINE_BLOCKING_IMPL_H

#include "ds/heap.h"
#include "engine/blocking.h"
#include "engine/keyring.h"

struct blocking {
    struct keyring keys;     /* rings of struct wait */
    struct list_link ready;  /* entries whose key changed since the last look */
    struct heap timeouts;    /* nodes in struct blocked_command, by Unix ms */
    size_t sessions;
    size_t wake_on_delete;   /* those of them whose kind says so */
    bool serving;
};

void blocking_init(struct blocking *b);
void blocking_deinit(struct blocking *b);
void blocking_key_changed(struct engine *e, int db, struct store_key key); /* cheap while nobody waits */
void blocking_db_changed(struct engine *e, int db);                        /* all keys of a database */
void blocking_serve(struct engine *e);                                     /* outside of units */
void blocking_forget(struct session *s);                                   /* the session closes */
void blocking_time_out(struct engine *e);                                  /* those whose time is over */
static inline uint64_t blocking_next_ms(const struct blocking *b)
{
    return heap_min_key(&b->timeouts);
}

#endif
