/* Units and the log of effects.
 *
 * A unit is what becomes visible and durable at once: one command, one transaction, one expired key. Units nest; only
 * the outermost commit hands the effects on. Each command reserves its slot before it runs, so that effects of nested
 * calls stand behind it, and lazily expired keys (a unit of their own inside the command) are put in front of it: on a
 * replica the key must be gone before the command runs.
 *
 * Without sinks nothing is recorded and a unit costs two increments. Invariant: depth 0 <=> count 0. */
#include "engine/engine_impl.h"
#include "engine/session_impl.h"

#include "base/mem.h"
#include "base/num.h"

#include <assert.h>
#include <string.h>

enum { WIRE_KEPT = 1024 * 1024 }; /* bytes of an empty buffer that are not given back */

void unit_begin(struct engine *e)
{
    e->unit.depth++;
    store_unit_open(e->store);
}

static void effects_room(struct unit *u)
{
    if (u->count < u->cap)
        return;
    u->cap = u->cap == 0 ? 8 : u->cap * 2;
    u->effects = mem_realloc(u->effects, (size_t)u->cap * sizeof(*u->effects));
}

int unit_slot_reserve(struct engine *e)
{
    if (!unit_recording(e))
        return -1;
    effects_room(&e->unit);
    e->unit.effects[e->unit.count] = (struct pending_effect){0};
    return e->unit.count++;
}

void unit_effect_set(struct engine *e, int slot, int db, int argc, const struct slice *argv, void *owned)
{
    assert(slot >= 0 && slot < e->unit.count && e->unit.effects[slot].argc == 0);
    e->unit.effects[slot] = (struct pending_effect){db, argc, argv, owned};
}

void unit_effect_append(struct engine *e, int db, int argc, const struct slice *argv, void *owned)
{
    effects_room(&e->unit);
    e->unit.effects[e->unit.count++] = (struct pending_effect){db, argc, argv, owned};
}

void unit_effect_insert(struct engine *e, int at, int db, int argc, const struct slice *argv, void *owned)
{
    effects_room(&e->unit);
    struct unit *u = &e->unit;
    memmove(&u->effects[at + 1], &u->effects[at], (size_t)(u->count - at) * sizeof(*u->effects));
    u->effects[at] = (struct pending_effect){db, argc, argv, owned};
    u->count++;
}

/* A head, "$<n>\r\n", takes no more than this, with the line end behind the bytes that follow it. */
enum { WIRE_HEAD_MAX = 1 + NUM_I64_TEXT_MAX + 2 + 2 };

static char *wire_head(char *at, char kind, size_t n)
{
    *at++ = kind;
    if (likely(n < 10))
        *at++ = (char)('0' + n);
    else
        at += u64_to_text(at, n);
    return mempcpy(at, "\r\n", 2);
}

/* Every write pays for this: the room is asked for once, and filled without looking at it again. */
static void wire_command(struct buf *b, int argc, const struct slice *argv)
{
    size_t room = WIRE_HEAD_MAX * ((size_t)argc + 1);
    for (int i = 0; i < argc; i++)
        room += argv[i].len;
    buf_reserve(b, room);
    char *at = wire_head(b->data + b->len, '*', (size_t)argc);
    for (int i = 0; i < argc; i++) {
        at = wire_head(at, '$', argv[i].len);
        if (likely(argv[i].len > 0))
            at = mempcpy(at, argv[i].ptr, argv[i].len);
        at = mempcpy(at, "\r\n", 2);
    }
    b->len = (size_t)(at - b->data);
    assert(b->len <= b->cap);
}

static void wire_select(struct engine *e, int db)
{
    if (e->unit.logged_db == db)
        return;
    char digits[NUM_I64_TEXT_MAX];
    struct slice words[2] = {SLICE("SELECT"), slice_of(digits, (size_t)i64_to_text(digits, db))};
    wire_command(&e->unit.wire, 2, words);
    e->unit.logged_db = db;
}

/* Several effects are wrapped in MULTI and EXEC; the database is selected before MULTI where the first effect needs
 * it. */
static void wire_encode(struct engine *e, const struct pending_effect *effects, int count)
{
    struct buf *wire = &e->unit.wire;
    buf_clear(wire);
    wire_select(e, effects[0].db);
    if (count > 1)
        wire_command(wire, 1, &SLICE("MULTI"));
    for (int i = 0; i < count; i++) {
        wire_select(e, effects[i].db);
        wire_command(wire, effects[i].argc, effects[i].argv);
    }
    if (count > 1)
        wire_command(wire, 1, &SLICE("EXEC"));
}

/* One batch: what a reader of the log sees at once. */
static void batch_hand_on(struct engine *e, const struct pending_effect *pending, int count)
{
    struct unit *u = &e->unit;
    wire_encode(e, pending, count);
    struct effect one, *effects = count == 1 ? &one : mem_alloc((size_t)count * sizeof(*effects));
    for (int i = 0; i < count; i++)
        effects[i] = (struct effect){pending[i].db, pending[i].argc, pending[i].argv};
    struct effect_batch batch = {effects, count, buf_slice(&u->wire), e->log_offset, e->now_ms};
    list_for(link, &e->sinks) {
        struct effect_sink *sink = list_entry(link, struct effect_sink, link);
        sink->commit(sink->arg, &batch);
    }
    e->log_offset += u->wire.len;
    if (effects != &one)
        mem_free(effects);
    if (u->wire.cap > WIRE_KEPT)
        buf_deinit(&u->wire);
}

static void effects_hand_on(struct engine *e)
{
    struct unit *u = &e->unit;
    int count = 0;
    for (int i = 0; i < u->count; i++)
        if (u->effects[i].argc > 0)
            u->effects[count++] = u->effects[i];
    int at_once = u->separate ? 1 : count;
    for (int i = 0; i < count && unit_recording(e); i += at_once)
        batch_hand_on(e, u->effects + i, at_once);
    for (int i = 0; i < count; i++)
        if (u->effects[i].owned != NULL)
            mem_free(u->effects[i].owned);
    u->count = 0;
    u->separate = false;
}

static void kept_free(struct unit *u)
{
    while (u->kept != NULL) {
        struct kept_queue *k = u->kept;
        u->kept = k->next;
        for (int i = 0; i < k->count; i++)
            args_free(k->queue[i].args);
        mem_free(k->queue);
        mem_free(k);
    }
}

void unit_keep_queue(struct engine *e, struct queued_command *owned_queue, int count)
{
    struct kept_queue *k = mem_alloc(sizeof(*k));
    *k = (struct kept_queue){e->unit.kept, owned_queue, count};
    e->unit.kept = k;
}

/* Apart, so that a unit that leaves nothing behind does not pay for it. */
static __attribute__((noinline)) void unit_finish(struct engine *e)
{
    if (e->unit.count > 0)
        effects_hand_on(e);
    if (e->unit.kept != NULL)
        kept_free(&e->unit);
    if (!list_empty(&e->blocking.ready))
        blocking_serve(e);
}

void unit_commit(struct engine *e)
{
    assert(e->unit.depth > 0);
    store_unit_close(e->store);
    if (--e->unit.depth > 0)
        return;
    if (unlikely(e->unit.count > 0 || e->unit.kept != NULL || !list_empty(&e->blocking.ready)))
        unit_finish(e);
}

void unit_deinit(struct engine *e)
{
    mem_free(e->unit.effects);
    buf_deinit(&e->unit.wire);
}

void engine_sink_add(struct engine *e, struct effect_sink *sink)
{
    list_push_back(&e->sinks, &sink->link);
    e->sink_count++;
    e->unit.logged_db = -1; /* the new reader does not know the database */
}

void engine_sink_remove(struct engine *e, struct effect_sink *sink)
{
    list_remove(&sink->link);
    e->sink_count--;
}

size_t engine_sinks_memory(const struct engine *e)
{
    size_t bytes = 0;
    list_for(link, &e->sinks) {
        const struct effect_sink *sink = list_entry(link, struct effect_sink, link);
        if (sink->memory != NULL)
            bytes += sink->memory(sink->arg);
    }
    return bytes;
}

uint64_t engine_log_offset(const struct engine *e)
{
    return e->log_offset;
}

void engine_set_log_offset(struct engine *e, uint64_t offset)
{
    if (e->sink_count == 0) e->log_offset = offset;
}

void engine_set_durable(struct engine *e, uint64_t offset)
{
    e->durable = offset;
}

uint64_t engine_durable(const struct engine *e)
{
    return e->durable;
}

void engine_set_alone(struct engine *e, bool alone)
{
    e->alone = alone;
}

bool engine_alone(const struct engine *e)
{
    return e->alone;
}

bool session_replies_may_go(const struct session *s)
{
    return s->log_offset <= s->engine->durable;
}
