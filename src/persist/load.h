/* Loading: the state that INFO shows while it goes on, other clients served with -LOADING, and the log's lines. */
#ifndef CAIRN_PERSIST_LOAD_H
#define CAIRN_PERSIST_LOAD_H

#include "base/buf.h"
#include "base/compiler.h"
#include "persist/progress.h"

#include <stdbool.h>
#include <stdint.h>

struct persist;
struct rdb_loaded;
struct rdb_reader;

struct load {
    bool active;
    bool serves;          /* the loop takes turns meanwhile */
    bool stopped;         /* the server is to stop: the load ended for it */
    uint64_t total_bytes, loaded_bytes, keys;
    uint64_t writer_memory; /* what the writer's memory was, as the file says */
    uint64_t start_ms, delayed_keys;
    struct progress told;
    uint64_t last_loaded, last_expired; /* keys of the last RDB file */
};

/* Commands are refused with -LOADING from here to load_end. serve: clients are answered meanwhile; only at the start,
 * when no command runs. */
void load_begin(struct persist *p, uint64_t total_bytes, bool serve);
/* So many bytes are read, so many keys are there: serves, and tells the log now and then. False: the server is to
 * stop. */
bool load_progress(struct persist *p, uint64_t bytes, uint64_t keys);
void load_end(struct persist *p);

enum load_flags {
    LOAD_MERGE = 1,       /* keys that are there already are replaced */
    LOAD_KEEP_EXPIRED = 2 /* the commands behind it decide about them: the base of an append-only file */
};
/* An RDB file, or what stands in front of an append-only file, into the store. `out` is the caller's to deinit. False:
 * the log says why and where. */
must_use bool load_rdb(struct persist *p, struct rdb_reader *r, const char *name, unsigned flags,
                       struct rdb_loaded *out);

enum load_result { LOAD_OK, LOAD_NO_FILE, LOAD_FAILED, LOAD_STOPPED };
/* The file that the configuration names; nothing else is said of its absence. */
enum load_result load_rdb_file(struct persist *p, unsigned flags, bool serve);

#endif
