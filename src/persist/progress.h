/* How far long work is, for the log: every few seconds, with an estimate of what is left. */
#ifndef CAIRN_PERSIST_PROGRESS_H
#define CAIRN_PERSIST_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

struct logger;

struct progress {
    uint64_t start_us, told_us;
};

struct progress_text {
    double percent, seconds_left;
};

enum { PROGRESS_EVERY_US = 5 * 1000 * 1000 };

void progress_begin(struct progress *p, uint64_t mono_us);
/* True: it is time for a line, which `out` is for; the next one is due PROGRESS_EVERY_US later. */
bool progress_due(struct progress *p, uint64_t mono_us, uint64_t done, uint64_t total, struct progress_text *out);
/* The line of work that goes from key to key: "RDB: 37% (370 of 1000 keys), about 12 seconds left". */
void progress_log_keys(struct logger *log, const char *what, uint64_t keys, uint64_t total,
                       const struct progress_text *text);

#endif
