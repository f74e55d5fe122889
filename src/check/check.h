/* cairn-check-rdb and cairn-check-aof: what both know. Everything is read through the loader's own reader. */
#ifndef CAIRN_CHECK_CHECK_H
#define CAIRN_CHECK_CHECK_H

#include "base/compiler.h"
#include "base/hash.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct files;

struct check {
    const struct files *files;
    FILE *out, *in;      /* reports; answers to questions */
    FILE *terminal;      /* of a progress line; NULL: none is shown */
    uint64_t now_ms;
    struct hash_seed seed;
    bool stats;
};

/* Reads an RDB file from the descriptor's place on and reports what is in it. *end: so many bytes it takes. */
must_use bool check_rdb(const struct check *c, const char *name, int fd, uint64_t size, uint64_t *end);

/* A file name that the user gave, or false when it cannot be opened (said already). */
must_use bool check_rdb_file(const struct check *c, const char *path);

struct check_aof_options {
    bool fix, yes;
    bool truncate; /* to what was before `timestamp` ended */
    int64_t timestamp;
};
must_use bool check_aof_file(const struct check *c, const char *path, const struct check_aof_options *options);

/* "Checking: 42% ..." on the terminal, now and then; check_progress_end takes the line away. */
void check_progress(const struct check *c, uint64_t done, uint64_t total);
void check_progress_end(const struct check *c);

#endif
