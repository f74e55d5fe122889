/* Snapshots: SAVE, BGSAVE, save points, and what a failure means for writes. */
#ifndef CAIRN_PERSIST_SNAPSHOT_H
#define CAIRN_PERSIST_SNAPSHOT_H

#include <stdbool.h>
#include <stdint.h>

struct persist;

struct save_point {
    int64_t seconds, changes;
};

enum { SNAPSHOT_RETRY_S = 5 }; /* after a failure */

struct snapshot {
    struct save_point *points;
    int point_count;
    bool scheduled; /* as soon as no child runs */
    bool last_ok;
    int64_t last_save_s, last_try_s;
    int64_t start_s, last_duration_s; /* of the one that runs, of the last in the background; -1: none */
    uint64_t saves, failures;         /* failures: since the last success */
    uint64_t dirty_at_start;
};

void snapshot_init(struct persist *p);
void snapshot_deinit(struct persist *p);
void snapshot_points_parse(struct persist *p); /* from the directive */

bool snapshot_save(struct persist *p);       /* now, here; the log says why not */
bool snapshot_start(struct persist *p);      /* in the background; no child runs */
void snapshot_cancel(struct persist *p);              /* the child, if it is writing one */
void snapshot_cron(struct persist *p);
/* Removes what a server that was killed was writing; at the start. */
void snapshot_clean(struct persist *p);

/* Writes are refused while what was asked to be saved cannot be (MISCONF). Call when anything of it changed. */
void persist_disk_gate(struct persist *p);

#endif
