/* The inside of the append-only file; only persist/aof*.c include it. */
#ifndef CAIRN_PERSIST_AOF_IMPL_H
#define CAIRN_PERSIST_AOF_IMPL_H

#include "engine/effects.h"
#include "persist/aof.h"
#include "persist/aof_manifest.h"
#include "persist/aof_record.h"
#include "persist/persist_impl.h"

#include <stdatomic.h>

enum aof_fsync { AOF_FSYNC_NO, AOF_FSYNC_ALWAYS, AOF_FSYNC_EVERYSEC };

/* WAITING: it was turned on, and a first rewrite makes the base; until that is done, the files do not count. */
enum aof_state { AOF_OFF, AOF_WAITING, AOF_ON };

struct aof_config {
    const int64_t *appendonly, *fsync, *no_fsync_on_rewrite, *rewrite_percent, *rewrite_min_size, *load_truncated,
        *corrupt_tail_max, *rdb_preamble, *timestamps, *incremental_fsync, *disable_gc, *checksum;
    const char *const *file, *const *dir, *const *cpu_list;
};

/* One fsync in the background. Written by the thread: error, then done. */
struct aof_sync {
    const struct persist_shell *shell;
    int fd;
    uint64_t generation;    /* of the file */
    uint64_t log_end, size; /* what it makes durable: up to here of the log, and of the file */
    uint64_t units;         /* that wait for it */
    uint64_t start_us, took_us;
    int error;
    atomic_bool done;
};

struct aof {
    struct persist *p;
    struct engine *engine;
    struct aof_config config;
    enum aof_state state;
    bool started;
    struct aof_manifest manifest; /* as it is on disk */

    /* --- appending (aof_write.c) --- */
    struct effect_sink sink;
    bool sink_added;
    int fd;                /* of the last increment; -1: none */
    uint64_t size;         /* of that file */
    uint64_t generation;   /* counts files */
    uint64_t other_size;   /* of the other parts */
    uint64_t base_size;    /* of all when they were last rewritten: growth is counted from it */
    struct buf payload;    /* committed units, behind room for a head */
    uint64_t payload_units, payload_log_end;
    struct buf out;        /* a record that is being written, from out_at on; whole when out_at == out_from */
    size_t out_at, out_from;
    uint64_t out_log_end, out_units;
    uint64_t time_written_s, payload_s; /* of the last annotation; when the payload began */
    uint64_t written_log, durable_log;
    uint64_t durable_size;   /* of the file */
    uint64_t unsynced_units; /* written, and no fsync begun since */
    struct aof_sync sync;
    bool syncing;
    uint64_t ahead_size; /* aof_sync_ahead waits for so much of the file; 0: it does not wait */
    uint64_t gather_until_us, gather_units; /* an fsync waits for more to come with it */
    uint64_t synced_us, postponed_us, delayed_fsyncs;
    uint64_t logged_error_us, failed_us;
    int write_error, sync_error;    /* errno; 0: all is well */
    _Atomic int closed_error; /* of an fsync of an increment that is done */
    uint64_t flush_sleep_us;  /* DEBUG AOF-FLUSH-SLEEP */
    uint64_t promised_log;    /* replies up to here wait for the disk, whatever the policy has become since */
    bool cut_wanted;          /* behind a failed write may stand bytes that could not be cut off */
    bool dead;                /* 'always' was broken, and nobody ended the process: nothing is acknowledged any more */

    /* --- rewriting (aof_rewrite.c) --- */
    bool rewrite_scheduled, rewrite_was_scheduled, rewrite_ok; /* was: the one that runs */
    int64_t rewrite_start_s, rewrite_took_s;
    uint64_t rewrites, rewrite_failures;
    uint64_t limit_until_s;
    int limit_minutes;
    bool rewrite_rdb; /* the form of the base that the child writes */
};

const struct files *aof_files(const struct aof *a);

/* aof_files.c: the folder, its manifest and the parts. They log failures themselves. */
void aof_path(const struct aof *a, const char *name, struct buf *out); /* replaces what is in out */
must_use bool aof_folder_make(struct aof *a);
/* Makes m the manifest on disk and in force (it takes m over); false: m is freed, nothing has changed. */
must_use bool aof_manifest_install(struct aof *a, struct aof_manifest *owned_m);
must_use bool aof_manifest_load(struct aof *a);
void aof_collect_garbage(struct aof *a);             /* history files */
must_use bool aof_upgrade(struct aof *a);            /* from the single file of old, when there is one */
/* Opens the last increment for appending or makes one; the folder and an empty base with it. */
must_use bool aof_open_at_start(struct aof *a);
/* A new increment takes the place of the one that is written to; the manifest names it. temporary: it is not named yet,
 * but will be when the first base is there. */
must_use bool aof_open_next(struct aof *a, bool temporary);
#define AOF_TEMP_PREFIX "temp-"
void aof_temp_increment(const struct aof *a, struct buf *out); /* its name */
bool aof_part_size(const struct aof *a, const char *name, uint64_t *size); /* false: the log says why, size is 0 */
void aof_count_sizes(struct aof *a); /* of all parts but the last, in other_size */

/* aof_write.c */
void aof_append_on(struct aof *a);  /* the sink is there; it forgets the database that it knew */
void aof_append_off(struct aof *a);
/* The file is another one now, of this size; the one before is made durable and closed. */
void aof_file_switch(struct aof *a, int fd, uint64_t size);
void aof_file_close(struct aof *a);
void aof_flush(struct aof *a, bool force);         /* force: now, whatever fsync is under way */
must_use bool aof_flush_and_sync(struct aof *a);   /* on disk when it returns */
/* Before an aof_flush_and_sync that need not be now. False: an fsync in the background does most of it, ask again
 * later; true: it would leave little to do, or is over. */
bool aof_sync_ahead(struct aof *a);
void aof_mark_durable(struct aof *a);              /* an empty record that says so; the last one */
bool aof_everything_written(const struct aof *a);
void aof_size_refresh(struct aof *a); /* loading may have cut the file that is appended to */
void aof_errors_forget(struct aof *a);
void aof_die(struct aof *a); /* what was promised cannot be kept: the server ends. The log says why. */
/* An annotation in front of what comes next. */
void aof_note_offset(struct aof *a);

/* aof_load.c */
must_use enum load_result aof_load(struct aof *a, bool serve, bool *empty);

/* aof_text.c: the data as commands, in records. In a child. */
must_use bool aof_text_write(struct aof *a, const char *path, struct child_report *report, struct buf *err);

/* aof_rewrite.c */
must_use bool aof_rewrite(struct aof *a);           /* starts; no child runs */
bool aof_base_is_rdb(const struct aof *a);          /* the form of a base that is written now */
must_use bool aof_base_write(struct aof *a, const char *path, bool rdb, struct child_report *report, struct buf *err);
bool aof_switch(struct aof *a, bool on, bool in_transaction, struct buf *err);

#endif
