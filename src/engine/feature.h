/* A feature: what a folder above engine/ brings along. server/wiring.c lists them in order. */
#ifndef CAIRN_ENGINE_FEATURE_H
#define CAIRN_ENGINE_FEATURE_H

#include "base/buf.h"
#include "base/slice.h"

struct engine;
struct ctx;
struct command_entry;
struct command;
struct config_item;
struct session;

/* A section of INFO: `write` appends "field:value\r\n" lines to out. Sections print in registration order; one without
 * `write` keeps the place for a later feature's section of that name. */
struct info_section {
    const char *name;      /* "server", as asked for */
    const char *title;     /* "Server", as printed after "# " */
    bool in_default;       /* in INFO without arguments */
    bool in_all;           /* in INFO all */
    void (*write)(struct engine *e, void *state, struct buf *out);
};

struct feature {
    const char *name;
    /* command tables (each ends with a nameless command); the list ends with NULL */
    const struct command *const *tables;
    const struct config_item *config;
    int config_count;
    const struct info_section *info;
    int info_count;
    /* the feature's state; before the configuration is loaded; may be NULL */
    void *(*init)(struct engine *e);
    bool (*start)(struct engine *e, void *state, struct buf *err); /* after it; may be NULL */
    void (*cron)(struct engine *e, void *state);   /* every 1000/hz ms */
    /* Once per turn of the loop, after its commands and before their replies are sent; may be NULL. */
    void (*turn_end)(struct engine *e, void *state);
    /* A command took longer than the slow log's or the latency monitor's threshold; its arguments are still valid. */
    void (*slow)(struct engine *e, void *state, const struct ctx *ctx, const struct command_entry *entry,
                 uint64_t usec);
    /* Something else than a command took `ms`, as long as the latency monitor's threshold or longer; may be NULL. */
    void (*latency)(struct engine *e, void *state, const char *event, uint64_t ms);
    void (*flushed_all)(struct engine *e, void *state);             /* FLUSHALL; may be NULL */
    /* DEBUG's subcommands that it does not know itself; true: this feature answered. May be NULL. */
    bool (*debug)(struct ctx *ctx, void *state);
    void (*reset_stats)(struct engine *e, void *state); /* CONFIG RESETSTAT */
    void (*stop)(struct engine *e, void *state);   /* frees the state */
};

#endif
