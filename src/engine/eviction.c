/* Memory limit: access clocks and eviction by sampling.
 *
 * Clock of a record, 24 bits: with an LRU policy (and with none) the time of the last access in seconds, modulo 2^24;
 * with an LFU policy 16 bits of minutes and 8 bits of a logarithmic access counter, which decays with time. (Morris
 * counting; the parameters lfu-log-factor and lfu-decay-time mean what they mean in Redis.)
 *
 * Eviction takes the worst of maxmemory-samples random records of each database, until the limit holds or the time
 * budget of one call is spent. */
#include "engine/engine_impl.h"

#include "base/clock.h"
#include "base/mem.h"

enum { LFU_NEW = 5, EVICT_STEP_US = 50, EVICT_RANDOM_TRIES = 64, EVICT_WALK_RECORDS = 128 };

static bool policy_is(const struct engine *e, int64_t bits)
{
    return (*e->cfg_maxmemory_policy & bits) != 0;
}

static uint32_t minutes_now(const struct engine *e)
{
    return (uint32_t)(e->now_ms / 60000) & 0xFFFF;
}

uint32_t engine_clock_new(const struct engine *e)
{
    return policy_is(e, MAXMEMORY_LFU) ? minutes_now(e) << 8 | LFU_NEW : e->lru_clock;
}

static uint32_t lfu_decayed(const struct engine *e, uint32_t clock)
{
    uint32_t counter = clock & 0xFF, elapsed = (minutes_now(e) - (clock >> 8)) & 0xFFFF;
    uint32_t periods = *e->cfg_lfu_decay_time > 0 ? elapsed / (uint32_t)*e->cfg_lfu_decay_time : 0;
    return periods > counter ? 0 : counter - periods;
}

uint32_t engine_clock_touch(struct engine *e, uint32_t old)
{
    if (!policy_is(e, MAXMEMORY_LFU))
        return e->lru_clock;
    uint32_t counter = lfu_decayed(e, old);
    if (counter < 255) {
        double base = counter > LFU_NEW ? counter - LFU_NEW : 0;
        if (prng_double(&e->prng) < 1.0 / (base * (double)*e->cfg_lfu_log_factor + 1))
            counter++;
    }
    return minutes_now(e) << 8 | counter;
}

uint32_t engine_clock_frequency(const struct engine *e, uint32_t clock)
{
    return lfu_decayed(e, clock);
}

uint64_t engine_clock_idle_s(const struct engine *e, uint32_t clock)
{
    return (e->lru_clock - clock) & 0xFFFFFF;
}

uint32_t engine_clock_of_idle(const struct engine *e, uint64_t idle_s)
{
    if (policy_is(e, MAXMEMORY_LFU))
        return engine_clock_new(e);
    return (e->lru_clock - (uint32_t)(idle_s < 0xFFFFFF ? idle_s : 0xFFFFFF)) & 0xFFFFFF;
}

uint32_t engine_clock_of_frequency(const struct engine *e, uint8_t frequency)
{
    return policy_is(e, MAXMEMORY_LFU) ? minutes_now(e) << 8 | frequency : engine_clock_new(e);
}

bool engine_policy_is_lru(const struct engine *e)
{
    return policy_is(e, MAXMEMORY_LRU);
}

/* Higher is a better victim. */
static uint64_t badness(const struct engine *e, const struct record *r)
{
    if (policy_is(e, MAXMEMORY_TTL))
        return UINT64_MAX - record_expire_ms(r);
    if (policy_is(e, MAXMEMORY_LFU))
        return 255 - lfu_decayed(e, record_clock(r));
    return engine_clock_idle_s(e, record_clock(r));
}

struct volatile_search {
    struct engine *e;
    struct record *victim;
    uint64_t worst;
};

static void volatile_visit(void *arg, struct record *r)
{
    struct volatile_search *search = arg;
    if (record_expire_ms(r) == 0)
        return;
    uint64_t b = badness(search->e, r) + 1;
    if (b > search->worst) {
        search->worst = b;
        search->victim = r;
    }
}

/* Records with an expiry that chance does not find: they are few among many without. The walk goes on where the last
 * one ended, so that evicting all of them costs one round. */
static struct record *volatile_walk(struct engine *e, int db, uint64_t *worst)
{
    struct volatile_search search = {.e = e};
    for (int rounds = 0; search.victim == NULL && rounds < 2; rounds += e->evict_cursor == 0)
        e->evict_cursor = store_scan(e->store, db, e->evict_cursor, EVICT_WALK_RECORDS, volatile_visit, &search);
    if (search.victim == NULL || search.worst <= *worst)
        return NULL;
    *worst = search.worst;
    return search.victim;
}

static struct record *victim_in(struct engine *e, int db, uint64_t *worst)
{
    bool volatile_only = policy_is(e, MAXMEMORY_VOLATILE), by_chance = policy_is(e, MAXMEMORY_RANDOM);
    struct record *victim = NULL;
    if ((volatile_only ? store_volatile_len(e->store, db) : store_len(e->store, db)) == 0)
        return NULL;
    int64_t samples = by_chance ? 1 : *e->cfg_maxmemory_samples, got = 0;
    for (int64_t tries = 0; got < samples && tries < samples * EVICT_RANDOM_TRIES; tries++) {
        struct record *r = store_random(e->store, db, &e->prng);
        if (volatile_only && record_expire_ms(r) == 0)
            continue;
        got++;
        uint64_t b = by_chance ? 1 : badness(e, r) + 1;
        if (b > *worst) {
            *worst = b;
            victim = r;
        }
    }
    return got == 0 ? volatile_walk(e, db, worst) : victim;
}

/* maxmemory-eviction-tenacity: 50 us for each of the first ten steps, then each one 15 % more; 100: until it is
 * done. */
static uint64_t budget_us(const struct engine *e)
{
    int64_t tenacity = *e->cfg_eviction_tenacity;
    if (tenacity >= 100)
        return UINT64_MAX;
    double us = (double)(EVICT_STEP_US * (tenacity < 10 ? tenacity : 10));
    for (int64_t i = 10; i < tenacity; i++)
        us *= 1.15;
    return (uint64_t)us;
}

/* The worst of all databases is evicted. False: there is none. */
static bool evict_one(struct engine *e)
{
    struct record *victim = NULL;
    uint64_t worst = 0;
    int db = 0, databases = store_databases(e->store);
    int first = (int)prng_below(&e->prng, (uint64_t)databases);
    for (int i = 0; i < databases; i++) {
        struct record *r = victim_in(e, (first + i) % databases, &worst);
        if (r != NULL) {
            victim = r;
            db = (first + i) % databases;
        }
    }
    if (victim != NULL)
        engine_evict_key(e, db, victim);
    return victim != NULL;
}

/* A cheap look first: the sinks are asked only where the memory of all is over the limit. */
static bool over_limit(const struct engine *e, uint64_t limit)
{
    size_t used = mem_used();
    return used > limit && used - limit > engine_sinks_memory(e);
}

bool evict_for_memory(struct engine *e)
{
    uint64_t limit = (uint64_t)*e->cfg_maxmemory;
    e->evict_more = false;
    if (limit == 0 || e->pause != PAUSE_NONE || e->loading || !over_limit(e, limit))
        return true;
    if (*e->cfg_maxmemory_policy == MAXMEMORY_NOEVICTION || e->evicting)
        return false;
    e->evicting = true;
    uint64_t start = clock_mono_us(), budget = budget_us(e);
    bool some = true;
    while (some && over_limit(e, limit) && !e->evict_more) {
        some = evict_one(e);
        e->evict_more = some && over_limit(e, limit) && clock_mono_us() - start > budget;
    }
    e->evicting = false;
    engine_latency_event(e, "eviction-cycle", clock_mono_us() - start);
    /* Out of time but with victims left: the command may run, the next one and the ticks go on freeing. */
    return some;
}

bool engine_evict(struct engine *e)
{
    return evict_for_memory(e);
}

bool engine_policy_is_lfu(const struct engine *e)
{
    return policy_is(e, MAXMEMORY_LFU);
}
