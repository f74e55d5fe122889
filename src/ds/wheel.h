/* The expiry time index: a hierarchical time wheel of (hash, due time) entries. It finds what is due without sampling.
 *
 * There is no removal. When an entry comes due the owner asks its own record: one that is gone or has no expiry any
 * more is ignored, one whose expiry is later is put in again. So the owner need not touch the wheel when an expiry
 * moves later or vanishes; it inserts when a record gets its first expiry or an earlier one. When wheel_len exceeds
 * twice the number of keys with an expiry, a sweep (wheel_filter) drops the stale entries.
 *
 * Cost: insert O(1); an entry is moved at most 4 times before it comes due; 6 to 10 bytes per entry and slack, about
 * 9 on average. An empty wheel owns no memory. Times are Unix times in ms. An entry is never delivered before its
 * time (but see wheel_advance on clocks that step back) and becomes deliverable less than WHEEL_TICK_MS after it. */
#ifndef CAIRN_DS_WHEEL_H
#define CAIRN_DS_WHEEL_H

#include "base/compiler.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { WHEEL_TICK_MS = 16, WHEEL_LEVELS = 5 };
#define WHEEL_HASH_MASK (~(uint64_t)0xffff) /* the part of a hash that is kept: the upper 48 bits */
#define WHEEL_TICK_MAX (((uint64_t)1 << 8 * WHEEL_LEVELS) - 1) /* the year 2527; what is later comes due then */

struct wheel_level;

struct wheel_ring { /* private */
    uint64_t tick;  /* slots before it are empty */
    size_t len, mem;
    struct wheel_level *levels[WHEEL_LEVELS];
};

struct wheel { /* private */
    struct wheel_ring ring;    /* takes the inserts */
    struct wheel_ring leaving; /* what a sweep, or a step back of the clock, has still to carry over to ring */
    bool filtering;            /* leaving is being swept */
};

void wheel_init(struct wheel *w, uint64_t now_ms); /* allocates nothing */
void wheel_deinit(struct wheel *w);
void wheel_clear(struct wheel *w);                 /* forgets all entries; O(n / 60) */

void wheel_insert(struct wheel *w, uint64_t hash, uint64_t due_ms);

/* due_ms as the wheel keeps it: rounded up to a tick. What due_fn and keep_fn are given. */
static inline uint64_t wheel_round_ms(uint64_t due_ms)
{
    if (due_ms > WHEEL_TICK_MAX * WHEEL_TICK_MS) return WHEEL_TICK_MAX * WHEEL_TICK_MS;
    return (due_ms + WHEEL_TICK_MS - 1) / WHEEL_TICK_MS * WHEEL_TICK_MS;
}

/* Delivers what is due at now_ms, doing about `budget` entries' work at most (deliveries and moves between levels).
 * Returns true when it has caught up, false when the budget ended first: call again. due_fn gets the upper 48 bits of
 * the hash; it may insert into the wheel, but nothing that is due at now_ms already. now_ms may jump: far ahead costs
 * nothing extra; when it steps back by more than some ticks, the entries are carried over to the new time within the
 * budgets of the next calls, and some may be delivered early (the owner puts them in again). */
bool wheel_advance(struct wheel *w, uint64_t now_ms, size_t budget,
                   void (*due_fn)(void *arg, uint64_t hash, uint64_t due_ms), void *arg);

/* No entry becomes deliverable before this time: the loop may sleep until then. now_ms or less when there is work
 * now, UINT64_MAX when the wheel is empty. It may be earlier than the first entry's time: a slot is then to be
 * unpacked. O(1). */
uint64_t wheel_next_due_ms(const struct wheel *w, uint64_t now_ms);

/* A sweep: hands up to `budget` entries to keep_fn and drops those for which it says false. Returns true when the
 * sweep is complete (the next call starts another). Entries inserted meanwhile are not visited, nor is what is due
 * already; what comes due during a sweep is delivered as ever. An owner that can have several entries for one record
 * with the same due time marks the record when it keeps the first, and refuses the others. keep_fn may not call the
 * wheel. */
bool wheel_filter(struct wheel *w, size_t budget,
                  bool (*keep_fn)(void *arg, uint64_t hash, uint64_t due_ms), void *arg);

/* A sweep has begun and is neither complete nor given up: when the clock steps back, it is given up. */
static inline bool wheel_filtering(const struct wheel *w)
{
    return w->filtering;
}

static inline size_t wheel_len(const struct wheel *w) /* entries, stale ones included */
{
    return w->ring.len + w->leaving.len;
}
static inline size_t wheel_mem(const struct wheel *w) /* bytes beyond struct wheel */
{
    return w->ring.mem + w->leaving.mem;
}
void wheel_check(const struct wheel *w); /* asserts every invariant; O(n) */

#endif
