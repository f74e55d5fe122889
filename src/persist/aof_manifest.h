/* The manifest of a multi-part append-only file: which files in `appenddirname` make it up, and in which order.
 *
 *   file appendonly.aof.2.base.rdb seq 2 type b      the state to begin with; at most one
 *   file appendonly.aof.1.incr.aof seq 1 type h      history: no longer needed, to be deleted
 *   file appendonly.aof.2.incr.aof seq 2 type i      what came after, in ascending order
 *
 * Lines that begin with '#' are comments. Names with spaces are quoted as in the configuration. The format is that of
 * Redis 7.0. */
#ifndef CAIRN_PERSIST_AOF_MANIFEST_H
#define CAIRN_PERSIST_AOF_MANIFEST_H

#include "base/buf.h"
#include "base/compiler.h"
#include "base/slice.h"

enum aof_part_kind { AOF_PART_BASE, AOF_PART_HISTORY, AOF_PART_INCREMENT };

struct aof_part {
    char *name; /* within the folder; owned */
    int64_t seq;
    enum aof_part_kind kind;
};

struct aof_manifest {
    struct aof_part base; /* name NULL: there is none */
    struct aof_part *history, *increments;
    size_t history_count, increment_count;
    int64_t base_seq, increment_seq; /* the last ones that were given out */
};

enum { AOF_MANIFEST_LINE_MAX = 1024 };

void aof_manifest_init(struct aof_manifest *m);
void aof_manifest_deinit(struct aof_manifest *m);
void aof_manifest_dup(struct aof_manifest *to, const struct aof_manifest *from); /* to: not initialised yet */
/* The text of a manifest file. False: *line (from 1) and err say what is wrong; m is empty then. */
must_use bool aof_manifest_parse(struct aof_manifest *m, struct slice text, int *line, struct buf *err);
void aof_manifest_format(const struct aof_manifest *m, struct buf *out);

bool aof_manifest_in_use(const struct aof_manifest *m, const char *name); /* as base or increment */

/* A new base, as <file>.<seq>.base.rdb or .aof; the one before becomes history. Returns its name (view), which no other
 * part has. */
const char *aof_manifest_add_base(struct aof_manifest *m, const char *file, bool rdb);
/* An existing file, of before there were parts, becomes the base. */
void aof_manifest_adopt_base(struct aof_manifest *m, const char *name);
const char *aof_manifest_add_increment(struct aof_manifest *m, const char *file); /* <file>.<seq>.incr.aof */
void aof_manifest_increments_to_history(struct aof_manifest *m, size_t keep_last); /* all but the last ones */
void aof_manifest_forget_history(struct aof_manifest *m);

#endif
