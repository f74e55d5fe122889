/* The inside of a session; only the files of engine/ include it. */
#ifndef CAIRN_ENGINE_SESSION_IMPL_H
#define CAIRN_ENGINE_SESSION_IMPL_H

#include "engine/args.h"
#include "engine/session.h"

struct queued_command {
    const struct command_entry *entry;
    struct args *args;
};

/* MULTI ... EXEC. broken: a command could not be queued, EXEC must abort. stale: a watched key changed. */
struct transaction {
    bool open, broken, stale;
    uint32_t flags; /* of all queued commands together */
    int count, cap;
    struct queued_command *queue;
    size_t bytes;
};

struct watched_key;     /* watch.c */
struct blocked_command; /* blocking.c */

struct session {
    struct list_link link; /* in engine->sessions */
    struct engine *engine;
    const struct session_peer_ops *ops;
    void *peer;
    struct reply *reply;
    uint64_t id;
    uint32_t flags;
    uint32_t armed; /* gates */
    int db;
    bool doomed, postponed, blocked;
    struct list_link postponed_link; /* in engine->postponed */
    struct list_link watches;        /* of struct watched_key */
    int watch_count;
    struct transaction txn;
    struct blocked_command *blocked_command; /* NULL: not blocked on keys */
    uint64_t created_ms, last_active_ms;
    uint64_t commands;
    uint64_t log_offset; /* end of the last effects that a command of this session made */
    const struct command *last_command;
    uint8_t name_len;
    char *name, *lib_name, *lib_ver; /* NULL: not set */
    char *user;                      /* NULL: not authenticated */
};

#endif
