/* A data set as a file on disk, written so that a file of that name is never half of one. */
#ifndef CAIRN_PERSIST_RDB_DISK_H
#define CAIRN_PERSIST_RDB_DISK_H

#include "base/buf.h"
#include "base/compiler.h"

#include <stdbool.h>

struct child_report;
struct engine;
struct files;

/* Writes the engine's data to a new file and makes its bytes durable. False: the reason is in err, and the file is gone
 * again if that was possible. report: of the child that writes, or NULL. */
must_use bool rdb_disk_write(struct engine *e, const struct files *files, const char *path, bool aof_base,
                             struct child_report *report, struct buf *err);
/* The same under another name first; then it takes the place of `path`, and the folder is made durable. */
must_use bool rdb_disk_replace(struct engine *e, const struct files *files, const char *temp, const char *path,
                               struct child_report *report, struct buf *err);

#endif
