/* One file of an append-only file, command by command: where it is sound up to, and what is wrong behind. */
#ifndef CAIRN_CHECK_AOF_WALK_H
#define CAIRN_CHECK_AOF_WALK_H

#include "base/buf.h"
#include "check/check.h"
#include "persist/aof_record.h"

struct aof_walk {
    const struct check *c;
    const char *name; /* as reports call it */
    int fd;
    uint64_t size;
    bool truncate;    /* stop at the first annotation of a time behind `timestamp` */
    int64_t timestamp;

    /* what came out */
    uint64_t ok_up_to; /* complete commands and transactions, and complete records, up to here */
    uint64_t line;     /* that is being read, from 1 */
    struct buf error;  /* what stopped it, or empty */
    uint64_t error_at;
    bool stopped;      /* at a time behind `timestamp`: what is before `cut` stays */
    uint64_t cut;
    uint64_t cut_record; /* where the record begins that is cut in two; else UINT64_MAX */
    struct aof_record record; /* that one */

    /* the state */
    struct buf window;
    size_t at;        /* of the next byte within the window */
    uint64_t base;    /* offset of the window's first byte */
    bool at_end;      /* nothing is left in the file */
    uint64_t data_at; /* where the last argument began */
    bool in_multi;
    uint64_t record_head, record_begin, record_end; /* of the record that is being read; end 0: none */
};

/* The file stands at `from`, behind an RDB preamble if it has one. */
void aof_walk_init(struct aof_walk *w, const struct check *c, const char *name, int fd, uint64_t size, uint64_t from);
void aof_walk_deinit(struct aof_walk *w);
void aof_walk_run(struct aof_walk *w);

#endif
