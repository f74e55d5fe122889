/* Background threads: one per kind of job, each with a queue of its own, so that a slow disk does not hold up the
 * freeing of memory. Jobs of one kind run in the order in which they were submitted. A forked child has the queues but
 * no threads: it submits nothing. */
#ifndef CAIRN_SYS_BACKGROUND_H
#define CAIRN_SYS_BACKGROUND_H

#include "base/compiler.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum bg_kind { BG_CLOSE_FILE, BG_FSYNC, BG_LAZY_FREE, BG_KINDS };

struct background;

/* cpu_list: where the threads may run (process_set_affinity), or NULL. NULL with errno when a thread cannot be
 * started. */
struct background *bg_new(const char *cpu_list);
void bg_free(struct background *owned_bg);                 /* runs what is queued, then ends the threads */
/* fn(arg) will run in the thread of that kind. Submitting and ending order memory as a mutex does. Any thread may
 * submit. */
void bg_submit(struct background *bg, enum bg_kind kind, void (*fn)(void *arg), void *arg);
size_t bg_pending(const struct background *bg, enum bg_kind kind); /* queued and running; no lock */
void bg_drain(struct background *bg, enum bg_kind kind);   /* waits until nothing of that kind is pending */

#endif
