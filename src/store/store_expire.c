/* The time index: finds what is due without sampling.
 *
 * What counts is record_due_ms: the record's own expiry, or the first one among its elements (hash fields), whichever
 * is earlier; below it is called the expiry. Each partition has a wheel of (hash, due time) entries that knows no
 * removal and is not told when an expiry moves later or goes. The record decides: an entry that comes due looks it up
 * by its hash, and
 *   no record, or none with an expiry     the entry is stale and forgotten
 *   the expiry is later                   an entry for that time is put in
 *   the expiry is reached                 the record is offered to the engine
 *
 * Invariant: a record with an expiry has an entry that comes due no later than wheel_round_ms(expiry). So an entry is
 * put in when an expiry comes into being or moves to an earlier tick, and SET ... EX on a key over and over, each time
 * later, costs the index nothing.
 *
 * Stale entries pile up only where expiries are shortened or dropped again and again. When there are more than twice as
 * many entries as records with an expiry, a sweep keeps one good entry for each record. "Has one already" is the
 * record's mark, compared with the partition's phase, which a sweep flips at its start: no pass to clear the marks is
 * needed. A record that gets an entry outside of the sweep is marked as done too. Between sweeps all marks agree with
 * the phase (but for records whose entry is due now, and delivery marks them). When the clock steps back the wheel
 * gives a sweep up and the marks are mixed: it is done once more leniently, keeping each entry that may be the only
 * one. */
#include "store/store_impl.h"

enum {
    STALE_FACTOR = 2,
    STALE_EXTRA = 1024,      /* entries that are not worth a sweep */
    STALE_URGENT = 2,        /* so many times over the limit, inserts help to sweep: cron does not keep up */
    STALE_URGENT_STEP = 32,  /* entries swept by such an insert */
    DUE_BATCH = 16,
};
/* Year 2248: a clock that says more is wrong, and the wheel cannot tell times from 2527 on apart. */
static const uint64_t NOW_MAX_MS = (uint64_t)1 << 43;

/* ---- entries ---- */

static size_t stale_limit(const struct partition *p)
{
    return STALE_FACTOR * p->indexed_len + STALE_EXTRA;
}

static bool sweep(const struct store *store, struct partition *p, size_t budget);

static void index_insert(struct store *store, struct partition *p, uint64_t hash, struct record *r, uint64_t due_ms)
{
    wheel_insert(&p->wheel, hash, due_ms);
    record_set_mark(r, p->phase);
    uint64_t tick_ms = wheel_round_ms(due_ms);
    if (tick_ms < store->next_due_ms) store->next_due_ms = tick_ms;
}

static uint64_t first_of(struct expiries x)
{
    return x.whole_ms == 0 || (x.parts_ms != 0 && x.parts_ms < x.whole_ms) ? x.parts_ms : x.whole_ms;
}

void index_note(struct store *store, struct partition *p, uint64_t hash, struct record *r, struct expiries old,
                struct expiries new)
{
    uint64_t old_ms = first_of(old), new_ms = first_of(new);
    p->expire_sum += new.whole_ms;
    p->expire_sum -= old.whole_ms;
    p->volatile_len += new.whole_ms != 0;
    p->volatile_len -= old.whole_ms != 0;
    p->parts_len += new.parts_ms != 0;
    p->parts_len -= old.parts_ms != 0;
    p->indexed_len += new_ms != 0;
    p->indexed_len -= old_ms != 0;
    if (new_ms == 0) return;
    if (old_ms != 0 && wheel_round_ms(new_ms) >= wheel_round_ms(old_ms)) return;
    index_insert(store, p, hash, r, new_ms);
    if (unlikely(wheel_len(&p->wheel) > STALE_URGENT * stale_limit(p))) sweep(store, p, STALE_URGENT_STEP);
}

static inline bool hash_agrees(const struct partition *p, const struct record *r, uint64_t hash)
{
    uint64_t own = p->table.type->hash(p->table.arg, r);
    return ((own ^ hash) & WHEEL_HASH_MASK) == 0;
}

/* ---- the sweep ---- */

struct sweep_visit {
    struct partition *p;
    uint64_t now_ms, hash, due_ms;
    bool wanted;
};

/* Looks at each record that the entry may be of (one, but for hashes that agree in 48 bits). */
static bool sweep_record(void *arg, void *record)
{
    struct sweep_visit *v = arg;
    struct record *r = record;
    uint64_t expire_ms = record_due_ms(r);
    if (expire_ms == 0 || (record_mark(r) == v->p->phase && !v->p->lenient)) return false;
    /* A record that was offered and left has its entry later than its expiry. */
    if (expire_ms > v->now_ms && v->due_ms > wheel_round_ms(expire_ms)) return false;
    if (!hash_agrees(v->p, r, v->hash)) return false;
    record_set_mark(r, v->p->phase);
    v->wanted = true;
    return false;
}

static bool sweep_entry(void *arg, uint64_t hash, uint64_t due_ms)
{
    struct sweep_visit *v = arg;
    v->hash = hash;
    v->due_ms = due_ms;
    v->wanted = false;
    table_find_if(&v->p->table, hash, sweep_record, v);
    return v->wanted;
}

/* Returns true when there is nothing to sweep (any more). */
static bool sweep(const struct store *store, struct partition *p, size_t budget)
{
    if (p->indexed_len == 0) {
        wheel_clear(&p->wheel);
        p->sweeping = p->lenient = false;
        return true;
    }
    if (!p->sweeping) {
        if (wheel_len(&p->wheel) <= stale_limit(p)) return true;
        p->sweeping = true;
        p->phase = !p->phase;
    } else if (!wheel_filtering(&p->wheel)) {
        p->lenient = true;
    }
    struct sweep_visit v = {.p = p, .now_ms = store->now_ms};
    if (!wheel_filter(&p->wheel, budget, sweep_entry, &v)) return false;
    p->sweeping = p->lenient = false;
    return true;
}

bool store_step(struct store *store, size_t budget)
{
    bool more = false;
    for (int db = 0; db < store->databases; db++) {
        struct keyspace *ks = store->dbs[db];
        if (ks == NULL) continue;
        for_partitions(p, ks)
        {
            if (!p->sweeping && wheel_len(&p->wheel) <= stale_limit(p)) continue;
            if (more) return true;
            more = !sweep(store, p, budget);
        }
    }
    return more;
}

/* ---- expiry ---- */

/* Entries that have come due, looked up together so that their cache misses overlap. */
struct due_batch {
    struct partition *p;
    size_t len;
    uint64_t hashes[DUE_BATCH];
};

static void due_collect(void *arg, uint64_t hash, uint64_t due_ms)
{
    struct due_batch *batch = arg;
    (void)due_ms;
    assert(batch->len < DUE_BATCH);
    batch->hashes[batch->len++] = hash;
    table_prefetch_bucket(&batch->p->table, hash);
}

struct due_visit {
    struct store *store;
    struct partition *p;
    uint64_t hash;
    struct record *same; /* the record to look for by address */
};

/* True for a record whose time has come. One whose expiry moved later gets an entry for it on the way. */
static bool is_due(void *arg, void *record)
{
    struct due_visit *v = arg;
    struct record *r = record;
    uint64_t expire_ms = record_due_ms(r);
    if (expire_ms == 0 || !hash_agrees(v->p, r, v->hash)) return false;
    if (expire_ms <= v->store->now_ms) return true;
    index_insert(v->store, v->p, v->hash, r, expire_ms);
    return false;
}

static bool is_same(void *arg, void *record)
{
    return record == ((struct due_visit *)arg)->same;
}

struct due_call {
    void (*due)(void *arg, int db, struct record *r);
    void *arg;
    int db;
};

/* A record that stands after it was offered gets its next entry. True: it is due again at once. */
static bool due_left(struct store *store, const struct due_visit *v, size_t len_before)
{
    struct record *r = v->same;
    uint64_t due_ms = record_due_ms(r);
    if (due_ms == 0) return false;
    bool again = due_ms <= store->now_ms && record_len(r) != len_before;
    if (again)
        due_ms = store->now_ms - store->now_ms % WHEEL_TICK_MS; /* the wheel would round it up */
    else if (due_ms <= store->now_ms)
        due_ms = store->now_ms + STORE_EXPIRE_RETRY_MS;
    index_insert(store, v->p, v->hash, r, due_ms);
    return again;
}

/* Returns true when one of them is to be offered again. */
static bool due_offer(struct store *store, const struct due_batch *batch, const struct due_call *call)
{
    struct due_visit v = {.store = store, .p = batch->p};
    bool again = false;
    for (size_t i = 0; i < batch->len; i++) table_prefetch_record(&v.p->table, batch->hashes[i]);
    for (size_t i = 0; i < batch->len; i++) {
        /* Of several due records with one hash the first is offered: each has an entry of its own. */
        v.hash = batch->hashes[i];
        v.same = table_find_if(&v.p->table, v.hash, is_due, &v);
        if (v.same == NULL) continue;
        size_t len = record_len(v.same);
        call->due(call->arg, call->db, v.same);
        if (table_find_if(&v.p->table, v.hash, is_same, &v) != NULL) again |= due_left(store, &v, len);
    }
    return again;
}

/* Returns whether the partition has caught up within the budget, and takes from that. */
static bool expire_partition(struct store *store, struct partition *p, size_t *budget, const struct due_call *call)
{
    bool caught_up = wheel_len(&p->wheel) == 0;
    while (!caught_up) {
        if (*budget == 0) return false;
        size_t most = *budget < DUE_BATCH ? *budget : DUE_BATCH;
        struct due_batch batch = {.p = p};
        caught_up = wheel_advance(&p->wheel, store->now_ms, most, due_collect, &batch);
        bool again = due_offer(store, &batch, call);
        *budget -= caught_up ? batch.len : most; /* the rest went into moves within the wheel */
        if (again) caught_up = false;
    }
    /* The wheel is not at rest during a sweep, and the loop would not sleep. */
    return !p->sweeping || (*budget > 0 && sweep(store, p, *budget));
}

static bool expire_keyspace(struct store *store, struct keyspace *ks, size_t *budget, const struct due_call *call)
{
    for (int i = 0; i < ks->partitions; i++) {
        if (!expire_partition(store, ks->parts + ks->turn, budget, call)) return false;
        ks->turn = (ks->turn + 1) & (ks->partitions - 1);
    }
    return true;
}

static uint64_t next_due_ms(const struct store *store)
{
    uint64_t next = UINT64_MAX;
    for (int db = 0; db < store->databases; db++) {
        struct keyspace *ks = store->dbs[db];
        if (ks == NULL) continue;
        for_partitions(p, ks)
        {
            uint64_t due = wheel_next_due_ms(&p->wheel, store->now_ms);
            if (due < next) next = due;
        }
    }
    return next;
}

size_t store_expire_step(struct store *store, uint64_t now_ms, size_t budget,
                         void (*due)(void *arg, int db, struct record *r), void *arg)
{
    assert(!store->expiring && budget > 0);
    if (now_ms / WHEEL_TICK_MS == store->now_ms / WHEEL_TICK_MS && now_ms < store->next_due_ms) return 0;
    struct due_call call = {.due = due, .arg = arg};
    size_t left = budget;
    store->now_ms = now_ms < NOW_MAX_MS ? now_ms : NOW_MAX_MS;
    store->expiring = true;
    bool all = true;
    for (int i = 0; i < store->databases && all; i++) {
        call.db = store->turn;
        struct keyspace *ks = store->dbs[call.db];
        all = ks == NULL || expire_keyspace(store, ks, &left, &call);
        if (all) store->turn = call.db + 1 < store->databases ? call.db + 1 : 0;
    }
    store->expiring = false;
    store->next_due_ms = all ? next_due_ms(store) : 0;
    if (!all) return budget;
    return left > 0 ? budget - left : budget - 1;
}

uint64_t store_next_due_ms(const struct store *store, uint64_t now_ms)
{
    (void)now_ms;
    return store->next_due_ms;
}

uint64_t store_avg_ttl_ms(const struct store *store, int db, uint64_t now_ms)
{
    struct keyspace *ks = store_keyspace(store, db);
    unsigned __int128 sum = 0;
    size_t len = 0;
    if (ks != NULL) {
        for_partitions(p, ks)
        {
            sum += p->expire_sum;
            len += p->volatile_len;
        }
    }
    if (len == 0) return 0;
    uint64_t mean_ms = (uint64_t)(sum / len);
    return mean_ms > now_ms ? mean_ms - now_ms : 0;
}

void partition_check_index(const struct partition *p)
{
    wheel_check(&p->wheel);
    assert(wheel_len(&p->wheel) >= p->indexed_len);
}
