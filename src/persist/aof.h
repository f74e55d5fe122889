/* The append-only file: every change of the data, as commands, in files that make up a whole (aof_manifest.h).
 *
 *   effects of committed units --> sink --> buffer --(end of the turn)--> increment --(in the background)--> fsync
 *
 * One instance belongs to the feature's state. */
#ifndef CAIRN_PERSIST_AOF_H
#define CAIRN_PERSIST_AOF_H

#include "base/buf.h"
#include "base/compiler.h"

struct aof; /* opaque */
struct config;
struct ctx;
struct persist;

struct aof *aof_new(struct persist *p);
void aof_free(struct aof *owned_a); /* closes; what is not written is lost: aof_finish comes before */
void aof_bind(struct aof *a);       /* the directives, when all features have registered theirs */

/* The server's start: what the files hold comes into the engine, and writes are appended from then on. False: the log
 * says why. *stopped: the server is to end, which is no failure. */
must_use bool aof_start(struct aof *a, bool *stopped);
bool aof_wanted(const struct aof *a); /* appendonly */

void aof_unlink_later(struct aof *a, const char *path); /* of any file: its blocks are freed in the background */
void aof_turn_end(struct aof *a); /* writes, and tells the engine what is durable */
void aof_cron(struct aof *a);     /* rewriting when it is due */

/* The server's end. False, unless forced: it must go on, since an initial rewrite is under way, or what was
 * acknowledged is not on disk. */
must_use bool aof_finish(struct aof *a, bool force);

void aof_cancel_rewrite(struct aof *a);
void aof_reset_stats(struct aof *a); /* CONFIG RESETSTAT */
void aof_info(const struct aof *a, struct buf *out);      /* fields that are always there */
void aof_info_more(const struct aof *a, struct buf *out); /* those of one that is on */
size_t aof_buffer_bytes(const struct aof *a);
bool aof_debug(struct ctx *ctx); /* DEBUG's subcommands; false: none of them */

#endif
