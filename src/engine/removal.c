/* What the server removes on its own: keys that have expired or are evicted, fields of hashes that have expired. Each
 * removal is a unit. When a command comes upon what is due (before >= 0), the removal's effect goes in front of that
 * command's: on a replica it must be gone before the command runs. */
#include "base/mem.h"
#include "base/num.h"
#include "engine/engine_impl.h"
#include "engine/session_impl.h"
#include "value/hash.h"

#include <assert.h>

/* Up to so many due fields go when a command looks the hash up; of more it sees nothing either, but if it only reads
 * they are left to the ticks, so that it does not pay for them. A command that writes has them removed, so many at a
 * time: who runs it from the log would still see what the log did not remove. */
enum { PARTS_AT_ONCE = 128 };

static void effect_record(struct engine *e, int db, int argc, const struct slice *words, int before)
{
    struct args *a = args_copy(argc, words);
    if (before >= 0)
        unit_effect_insert(e, before, db, argc, a->argv, a);
    else
        unit_effect_append(e, db, argc, a->argv, a);
}

static void key_remove(struct engine *e, int db, struct store_key key, bool lazy, enum event_class cls,
                       const char *event, int before)
{
    unit_begin(e);
    struct record *r = store_remove(e->store, db, key);
    assert(r != NULL);
    struct slice name = record_key(r);
    if (unit_recording(e)) {
        struct slice words[2] = {lazy ? SLICE("UNLINK") : SLICE("DEL"), name};
        effect_record(e, db, 2, words, before);
    }
    if (cls == EV_EXPIRED)
        watch_touch_expired(&e->watches, db, key);
    else
        watch_touch(&e->watches, db, key);
    blocking_key_changed(e, db, key);
    event_send(e, db, name, cls, event);
    if (cls == EV_HASH)
        event_send(e, db, name, EV_GENERIC, "del");
    engine_free_record(e, r, lazy);
    unit_commit(e);
}

void engine_expire_key(struct engine *e, int db, struct record *r)
{
    struct store_key key = store_key(e->store, record_key(r));
    e->stats.expired_keys++;
    key_remove(e, db, key, *e->cfg_lazy_expire != 0, EV_EXPIRED, "expired", -1);
}

void engine_evict_key(struct engine *e, int db, struct record *r)
{
    struct store_key key = store_key(e->store, record_key(r));
    e->stats.evicted_keys++;
    key_remove(e, db, key, *e->cfg_lazy_eviction != 0, EV_EVICTED, "evicted", -1);
}

/* ---- parts ---- */

/* The words of HDEL, collected while the fields go: their bytes lie in `text`, one behind the other. */
struct reaped {
    struct buf text;
    size_t lens[PARTS_AT_ONCE];
    int count;
};

static void reaped_add(void *arg, const struct hash_item *item)
{
    struct reaped *reaped = arg;
    buf_append_slice(&reaped->text, item->field);
    reaped->lens[reaped->count++] = item->field.len;
}

static void reaped_record(struct engine *e, int db, struct slice key, struct reaped *reaped, int before)
{
    struct slice words[2 + PARTS_AT_ONCE] = {SLICE("HDEL"), key};
    const char *at = buf_slice(&reaped->text).ptr;
    for (int i = 0; i < reaped->count; i++) {
        words[2 + i] = slice_of(at, reaped->lens[i]);
        at += reaped->lens[i];
    }
    effect_record(e, db, 2 + reaped->count, words, before);
    buf_deinit(&reaped->text);
}

/* Removes up to `max` due fields, and the key with the last one. True: it is gone. */
static bool parts_remove(struct engine *e, int db, struct store_key key, struct record *r, uint64_t now_ms, size_t max,
                         int before)
{
    bool recording = unit_recording(e);
    struct reaped reaped = {.text = BUF_INIT};
    uint64_t parts_ms = record_parts_expire_ms(r);
    assert(max <= PARTS_AT_ONCE);
    unit_begin(e);
    e->stats.expired_subkeys += hash_reap(r, now_ms, max, recording ? reaped_add : NULL, &reaped);
    store_parts_changed(e->store, db, key, r, parts_ms);
    if (recording)
        reaped_record(e, db, record_key(r), &reaped, before);
    watch_touch(&e->watches, db, key);
    event_send(e, db, key.name, EV_HASH, "hexpired");
    bool gone = hash_len(r) == 0;
    if (gone) {
        r = store_remove(e->store, db, key);
        blocking_key_changed(e, db, key);
        event_send(e, db, record_key(r), EV_GENERIC, "del");
    }
    /* Freed last: key may be the record's own. */
    if (gone)
        engine_free_record(e, r, false);
    unit_commit(e);
    return gone;
}

void engine_expire_parts(struct engine *e, int db, struct record *r)
{
    assert(record_type(r) == TYPE_HASH);
    (void)parts_remove(e, db, store_key(e->store, record_key(r)), r, e->now_ms, EXPIRE_PARTS_STEP, -1);
}

static struct record *ctx_expire_parts(struct ctx *ctx, int db, struct store_key key, struct record *r)
{
    struct engine *e = ctx->engine;
    bool many = hash_due(r, ctx->hide_ms, PARTS_AT_ONCE + 1) > PARTS_AT_ONCE;
    if (many && hash_all_due(r, ctx->hide_ms)) {
        e->stats.expired_subkeys += hash_len(r);
        key_remove(e, db, key, true, EV_HASH, "hexpired", ctx->effect_slot);
        return NULL;
    }
    if (many && !(ctx->command->flags & CMD_WRITE))
        return r;
    while (hash_due(r, ctx->hide_ms, 1) > 0)
        if (parts_remove(e, db, key, r, ctx->hide_ms, PARTS_AT_ONCE, ctx->effect_slot))
            return NULL;
    return r;
}

struct record *ctx_expire(struct ctx *ctx, int db, struct store_key key, struct record *r)
{
    struct engine *e = ctx->engine;
    uint64_t whole_ms = record_expire_ms(r);
    bool whole = whole_ms != 0 && whole_ms <= ctx->hide_ms;
    /* During a pause nothing is removed: what has expired is only not seen. (Commands that write wait then.) */
    if (e->pause != PAUSE_NONE && !(ctx->command->flags & CMD_WRITE))
        return whole || hash_all_due(r, ctx->hide_ms) ? NULL : r;
    if (ctx->command->flags & CMD_TOUCHES_ARBITRARY_KEYS && !ctx->nested)
        e->unit.separate = true;
    int effects = e->unit.count;
    if (whole) {
        e->stats.expired_keys++;
        key_remove(e, db, key, *e->cfg_lazy_expire != 0, EV_EXPIRED, "expired", ctx->effect_slot);
        r = NULL;
    } else {
        r = ctx_expire_parts(ctx, db, key, r);
    }
    if (ctx->effect_slot >= 0)
        ctx->effect_slot += e->unit.count - effects;
    return r;
}
