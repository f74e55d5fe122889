/* What persistence asks of the process it lives in. The server gives it once, before data is loaded; without a shell
 * nothing is saved or loaded. */
#ifndef CAIRN_PERSIST_PERSIST_SHELL_H
#define CAIRN_PERSIST_PERSIST_SHELL_H

#include <stdbool.h>

struct files;
struct background;
struct engine;

struct persist_shell {
    void *arg;
    const struct files *files;
    struct background *background;  /* fsync and close in threads; NULL: at once, inline */
    void (*wake)(void *arg);        /* from any thread: the loop takes a turn now; may be NULL */
    /* While data is loaded at the start: one turn of the loop, which does not wait. False: the server is to stop. May
     * be NULL. */
    bool (*serve)(void *arg);
    /* In a forked child, before its work: title, OOM score. May be NULL. */
    void (*in_child)(void *arg, const char *title);
    /* What was promised cannot be kept: ends the process with 1. NULL: exit(1). */
    void (*die)(void *arg);
};

/* shell is borrowed and outlives the engine. Needs persist_feature among the engine's features. */
void persist_set_shell(struct engine *e, const struct persist_shell *shell);

#endif
