/* A hierarchical time wheel whose entries shrink as they come nearer.
 *
 * Time is counted in ticks of 16 ms; a tick has 5 bytes, and there is one level of 256 slots for each byte. An entry
 * lies at the level of the highest byte in which its tick differs from the wheel's, in the slot that this byte names:
 * the bytes above are the wheel's own, the byte itself is the slot's number, and only the bytes below have to be
 * stored.
 *
 *   level  slot lasts   the level reaches   bytes per entry (48-bit hash + lower bytes of the tick)
 *     0    16 ms        4 s                 6
 *     1    4.1 s        17 min              7
 *     2    17 min       3.1 days            8
 *     3    3.1 days     2.2 years           9
 *     4    2.2 years    500 years           10
 *
 * When the wheel's tick enters a slot of level 1 or above, the slot is unpacked into the levels below; a slot of
 * level 0 is delivered. A slot is a list of chunks (64 to 512 bytes, each twice the one before, so that a slot of few
 * entries is cheap); only the first chunk has room. Entries are taken out one at a time from the front, so that
 * stopping at any entry leaves everything whole.
 *
 *   chunk  | next: 48 bits | log2(size): 4 | used: 12 | entries, packed ...
 *
 * Empty stretches are skipped with a bitmap per level. A sweep and a clock that steps back use one mechanism: the
 * ring of levels as it is steps aside as `leaving`, a new ring takes its place, and the entries are carried over one
 * by one; while that lasts, both rings deliver.
 *
 * Rejected: a heap or tree of entries (16 bytes and more each, cache misses of O(log n)); asking the owner for the
 * exact time at each unpacking (saves 1 to 4 bytes, costs a cache miss per entry and level).
 *
 * Invariants (wheel_check): no slot before the wheel's tick is in use; at level 1 and above the slot that the tick is
 * in is in use only while it is being unpacked; bitmaps, lengths and byte counts are exact; an empty ring has no
 * levels. */
#include "ds/wheel.h"

#include "base/mem.h"

#include <assert.h>
#include <string.h>

enum {
    SLOTS = 256,
    HASH_BYTES = 6,
    CHUNK_LOG2_MIN = 6,
    CHUNK_LOG2_MAX = 9,
    STEP_BACK_TICKS = 4, /* smaller steps back of the clock are sat out */
};

struct wheel_chunk {
    uint64_t link;
    uint8_t entries[];
};

#define CHUNK_ONE_USED ((uint64_t)1 << 52)

struct wheel_level {
    uint64_t occupied[SLOTS / 64];
    struct wheel_chunk *slots[SLOTS];
};

struct wheel_entry {
    uint64_t hash, tick;
};

/* ----------------------------------------------------------------------------------------------------------- chunks */

static inline struct wheel_chunk *chunk_next(const struct wheel_chunk *c)
{
    return (struct wheel_chunk *)(uintptr_t)(c->link & 0xffffffffffff);
}
static inline unsigned chunk_log2(const struct wheel_chunk *c)
{
    return (unsigned)(c->link >> 48) & 15;
}
static inline unsigned chunk_used(const struct wheel_chunk *c)
{
    return (unsigned)(c->link >> 52);
}
static inline unsigned chunk_room(const struct wheel_chunk *c, unsigned level) /* entries, used or not */
{
    return ((1u << chunk_log2(c)) - (unsigned)sizeof *c) / (HASH_BYTES + level);
}
static struct wheel_chunk *chunk_new(struct wheel_ring *r, struct wheel_chunk *next)
{
    unsigned log2 = next == NULL ? CHUNK_LOG2_MIN : chunk_log2(next);
    if (next != NULL && log2 < CHUNK_LOG2_MAX) log2++;
    struct wheel_chunk *c = mem_alloc((size_t)1 << log2);
    c->link = (uint64_t)(uintptr_t)next | (uint64_t)log2 << 48;
    r->mem += (size_t)1 << log2;
    return c;
}

static struct wheel_chunk *chunk_free(struct wheel_ring *r, struct wheel_chunk *c) /* returns the next */
{
    struct wheel_chunk *next = chunk_next(c);
    r->mem -= (size_t)1 << chunk_log2(c);
    mem_free(c);
    return next;
}

/* ------------------------------------------------------------------------------------------------------------- ring */

static inline unsigned tick_byte(uint64_t tick, unsigned level)
{
    return (unsigned)(tick >> 8 * level) & 0xff;
}
static inline bool level_occupied(const struct wheel_level *l, unsigned slot)
{
    return l != NULL && (l->occupied[slot / 64] >> slot % 64 & 1);
}
static int level_first(const struct wheel_level *l) /* first slot in use; -1: none */
{
    if (l == NULL) return -1;
    for (int i = 0; i < SLOTS / 64; i++)
        if (l->occupied[i] != 0) return i * 64 + __builtin_ctzll(l->occupied[i]);
    return -1;
}

static void ring_release(struct wheel_ring *r) /* frees everything */
{
    for (unsigned level = 0; level < WHEEL_LEVELS; level++) {
        struct wheel_level *l = r->levels[level];
        for (int slot; (slot = level_first(l)) >= 0;) {
            while (l->slots[slot] != NULL) l->slots[slot] = chunk_free(r, l->slots[slot]);
            l->occupied[slot / 64] &= ~((uint64_t)1 << slot % 64);
        }
        if (l != NULL) r->mem -= mem_good_size(sizeof *l);
        mem_free(l);
        r->levels[level] = NULL;
    }
    r->len = 0;
    assert(r->mem == 0);
}

static void ring_put(struct wheel_ring *r, uint64_t hash, uint64_t tick)
{
    unsigned level = 0, slot = tick_byte(r->tick, 0);
    if (tick > r->tick) {
        level = (63 - (unsigned)__builtin_clzll(tick ^ r->tick)) / 8;
        slot = tick_byte(tick, level);
    }
    struct wheel_level *l = r->levels[level];
    if (unlikely(l == NULL)) {
        l = r->levels[level] = mem_zalloc(sizeof *l);
        r->mem += mem_good_size(sizeof *l);
    }
    struct wheel_chunk *c = l->slots[slot];
    if (c == NULL || chunk_used(c) == chunk_room(c, level)) c = l->slots[slot] = chunk_new(r, c);
    uint8_t *at = c->entries + chunk_used(c) * (HASH_BYTES + level);
    hash >>= 16;
    memcpy(at, &hash, HASH_BYTES);
    for (unsigned i = 0; i < level; i++) at[HASH_BYTES + i] = (uint8_t)(tick >> 8 * i);
    c->link += CHUNK_ONE_USED;
    l->occupied[slot / 64] |= (uint64_t)1 << slot % 64;
    r->len++;
}

/* Reads entry number i of a chunk. */
static struct wheel_entry ring_read(const struct wheel_ring *r, unsigned level, unsigned slot,
                                    const struct wheel_chunk *c, unsigned i)
{
    const uint8_t *at = c->entries + i * (HASH_BYTES + level);
    struct wheel_entry e = {0, (r->tick >> 8 * level & ~(uint64_t)0xff) | slot};
    memcpy(&e.hash, at, HASH_BYTES);
    e.hash <<= 16;
    for (unsigned k = level; k-- > 0;) e.tick = e.tick << 8 | at[HASH_BYTES + k];
    return e;
}

/* Takes one entry out of a slot that is in use. Releases the ring's memory with the last one. */
static struct wheel_entry ring_take(struct wheel_ring *r, unsigned level, unsigned slot)
{
    struct wheel_level *l = r->levels[level];
    struct wheel_chunk *c = l->slots[slot];
    struct wheel_entry e = ring_read(r, level, slot, c, chunk_used(c) - 1);
    c->link -= CHUNK_ONE_USED;
    if (chunk_used(c) == 0) {
        l->slots[slot] = chunk_free(r, c);
        if (l->slots[slot] == NULL) l->occupied[slot / 64] &= ~((uint64_t)1 << slot % 64);
    }
    if (--r->len == 0) ring_release(r);
    return e;
}

/* The level whose slot the tick has entered but which is not unpacked to the end; 0: none. */
static unsigned ring_unpacking(const struct wheel_ring *r)
{
    unsigned level = WHEEL_LEVELS - 1;
    while (level > 0 && !level_occupied(r->levels[level], tick_byte(r->tick, level))) level--;
    return level;
}

/* The first slot in use: those of a lower level come before all of a higher one. False: the ring is empty. */
static bool ring_first(const struct wheel_ring *r, unsigned *level, unsigned *slot)
{
    for (*level = 0; *level < WHEEL_LEVELS; ++*level) {
        int first = level_first(r->levels[*level]);
        if (first < 0) continue;
        *slot = (unsigned)first;
        return true;
    }
    return false;
}

static uint64_t ring_slot_start(const struct wheel_ring *r, unsigned level, unsigned slot)
{
    return ((r->tick >> 8 * level & ~(uint64_t)0xff) | slot) << 8 * level;
}

/* Delivers what is due and unpacks what is entered until the ring's tick is `now`. False: the budget has ended. */
static bool ring_advance(struct wheel_ring *r, uint64_t now, size_t *budget,
                         void (*due_fn)(void *arg, uint64_t hash, uint64_t due_ms), void *arg)
{
    while (r->tick <= now) {
        unsigned level = ring_unpacking(r), slot = tick_byte(r->tick, level);
        if (level == 0 && !level_occupied(r->levels[0], slot)) {
            uint64_t start = ring_first(r, &level, &slot) ? ring_slot_start(r, level, slot) : UINT64_MAX;
            assert(start > r->tick);
            r->tick = start <= now ? start : now;
            if (start > now) return true;
            continue;
        }
        if (*budget == 0) return false;
        --*budget;
        struct wheel_entry e = ring_take(r, level, slot);
        if (level == 0) {
            due_fn(arg, e.hash, e.tick * WHEEL_TICK_MS);
        } else {
            ring_put(r, e.hash, e.tick);
        }
    }
    return true; /* the clock is behind */
}

/* ------------------------------------------------------------------------------------------------------------ wheel */

static inline uint64_t tick_floor(uint64_t ms)
{
    uint64_t tick = ms / WHEEL_TICK_MS;
    return tick < WHEEL_TICK_MAX ? tick : WHEEL_TICK_MAX;
}

void wheel_init(struct wheel *w, uint64_t now_ms)
{
    *w = (struct wheel){.ring.tick = tick_floor(now_ms)};
}

void wheel_clear(struct wheel *w)
{
    ring_release(&w->ring);
    ring_release(&w->leaving);
    w->filtering = false;
}

void wheel_deinit(struct wheel *w)
{
    wheel_clear(w);
}

void wheel_insert(struct wheel *w, uint64_t hash, uint64_t due_ms)
{
    ring_put(&w->ring, hash, wheel_round_ms(due_ms) / WHEEL_TICK_MS);
}

/* The ring steps aside and a new one begins at `tick`. */
static void wheel_turn_over(struct wheel *w, uint64_t tick)
{
    assert(w->leaving.len == 0);
    w->leaving = w->ring;
    w->ring = (struct wheel_ring){.tick = tick};
}

/* Carries entries over from leaving to ring, the next to come due first; keep_fn == NULL keeps all. What lies in the
 * slot of leaving's own tick was due when it was put there, or the clock has since stepped back: its time is not
 * known exactly, so it is kept without asking, and due at once unless this is a sweep. */
static void wheel_carry(struct wheel *w, size_t *budget, bool (*keep_fn)(void *arg, uint64_t hash, uint64_t due_ms),
                        void *arg)
{
    unsigned level, slot;
    for (; *budget > 0 && ring_first(&w->leaving, &level, &slot); --*budget) {
        struct wheel_entry e = ring_take(&w->leaving, level, slot);
        if (e.tick <= w->leaving.tick) {
            ring_put(&w->ring, e.hash, w->filtering ? e.tick : 0);
        } else if (keep_fn == NULL || keep_fn(arg, e.hash, e.tick * WHEEL_TICK_MS)) {
            ring_put(&w->ring, e.hash, e.tick);
        }
    }
    if (w->leaving.len == 0) w->filtering = false;
}

static void ring_follow_back(struct wheel_ring *r, uint64_t now)
{
    if (r->len == 0 && r->tick > now) r->tick = now;
}

bool wheel_advance(struct wheel *w, uint64_t now_ms, size_t budget,
                   void (*due_fn)(void *arg, uint64_t hash, uint64_t due_ms), void *arg)
{
    uint64_t now = tick_floor(now_ms);
    ring_follow_back(&w->ring, now);
    if (w->leaving.len > 0 && w->leaving.tick > now + STEP_BACK_TICKS) w->filtering = false;
    if (w->leaving.len == 0 && w->ring.tick > now + STEP_BACK_TICKS) wheel_turn_over(w, now);
    bool done = ring_advance(&w->ring, now, &budget, due_fn, arg);
    if (w->leaving.len == 0) return done;
    done = ring_advance(&w->leaving, now, &budget, due_fn, arg) && done;
    if (w->filtering) return done;
    wheel_carry(w, &budget, NULL, NULL);
    if (w->leaving.len > 0 || w->ring.tick > now + STEP_BACK_TICKS) return false;
    return ring_advance(&w->ring, now, &budget, due_fn, arg) && done;
}

static uint64_t ring_next(const struct wheel_ring *r)
{
    unsigned level, slot;
    if (r->len == 0) return UINT64_MAX;
    if (ring_unpacking(r) > 0) return r->tick;
    ring_first(r, &level, &slot);
    return ring_slot_start(r, level, slot);
}

uint64_t wheel_next_due_ms(const struct wheel *w, uint64_t now_ms)
{
    if (w->leaving.len > 0 && !w->filtering) return now_ms;
    uint64_t next = ring_next(&w->ring), leaving = ring_next(&w->leaving);
    if (leaving < next) next = leaving;
    if (w->ring.tick > tick_floor(now_ms) + STEP_BACK_TICKS && wheel_len(w) > 0) return now_ms;
    return next == UINT64_MAX ? UINT64_MAX : next * WHEEL_TICK_MS;
}

bool wheel_filter(struct wheel *w, size_t budget, bool (*keep_fn)(void *arg, uint64_t hash, uint64_t due_ms), void *arg)
{
    if (w->leaving.len == 0) {
        wheel_turn_over(w, w->ring.tick);
        w->filtering = true;
    }
    bool sweeping = w->filtering;
    wheel_carry(w, &budget, keep_fn, arg);
    return sweeping && w->leaving.len == 0;
}

/* ------------------------------------------------------------------------------------------------------------ check */

static void check_slot(const struct wheel_ring *r, unsigned level, unsigned slot, size_t *len, size_t *mem)
{
    const struct wheel_level *l = r->levels[level];
    assert(level_occupied(l, slot) == (l->slots[slot] != NULL));
    for (const struct wheel_chunk *c = l->slots[slot]; c != NULL; c = chunk_next(c)) {
        assert(chunk_used(c) > 0 && chunk_used(c) <= chunk_room(c, level));
        assert(c == l->slots[slot] || chunk_used(c) == chunk_room(c, level));
        assert(slot >= tick_byte(r->tick, level));
        for (unsigned i = 0; i < chunk_used(c); i++) {
            struct wheel_entry e = ring_read(r, level, slot, c, i);
            assert(e.tick >= ring_slot_start(r, level, slot) && e.tick <= WHEEL_TICK_MAX);
            assert((e.tick ^ r->tick) >> 8 * (level + 1) == 0);
        }
        *len += chunk_used(c);
        *mem += (size_t)1 << chunk_log2(c);
    }
}

static void check_ring(const struct wheel_ring *r)
{
    size_t len = 0, mem = 0;
    for (unsigned level = 0; level < WHEEL_LEVELS; level++) {
        if (r->levels[level] == NULL) continue;
        mem += mem_good_size(sizeof *r->levels[level]);
        for (unsigned slot = 0; slot < SLOTS; slot++) check_slot(r, level, slot, &len, &mem);
    }
    assert(len == r->len && mem == r->mem);
    assert(len > 0 || mem == 0);
}

void wheel_check(const struct wheel *w)
{
    check_ring(&w->ring);
    check_ring(&w->leaving);
    assert(!w->filtering || w->leaving.len > 0);
}
