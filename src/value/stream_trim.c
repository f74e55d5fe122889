/* Trimming from the old end, and what groups say about it.
 *
 * Whole nodes go first; exact trimming then marks entries of the node at the border. Entries that a group still needs
 * (STREAM_REFS_ACKED) are passed over one by one, so a stream may stay longer than asked for; approximate trimming
 * stops at a node that has one: so what it left can be had again by exact trimming to that length or ID. */
#include "value/stream_impl.h"

struct trimming {
    struct record *record;
    struct stream *stream;
    const struct stream_trim *how;
    uint64_t gone;
    bool first_known; /* first_id is right already */
};

bool stream_is_referenced(const struct record *r, struct stream_id id)
{
    const struct stream *s = stream_of(r);
    for (uint32_t i = 0; i < s->group_count; i++) {
        const struct stream_group *g = s->groups[i];
        if (stream_id_less(g->last_id, id) || idtree_find(&g->pending, id_key(id)) != NULL) return true;
    }
    return false;
}

size_t stream_drop_refs(struct record *r, struct stream_id id)
{
    const struct stream *s = stream_of(r);
    size_t dropped = 0;
    for (uint32_t i = 0; i < s->group_count; i++) dropped += stream_pending_remove(s->groups[i], id);
    return dropped;
}

static bool is_over(const struct trimming *t)
{
    return t->how->by == STREAM_TRIM_MAXLEN && t->stream->length <= t->how->max_len;
}

/* Whether the whole node is to go; last: of its live entries. */
static bool node_is_due(const struct trimming *t, struct idtree_at at, int64_t live)
{
    if (t->how->by == STREAM_TRIM_MAXLEN) return t->stream->length - (uint64_t)live >= t->how->max_len;
    const struct listpack *lp = node_at(t->stream, at);
    struct stream_head h;
    stream_head_read(lp, &h);
    uint32_t entry = listpack_end(lp);
    while ((entry = stream_entry_before(lp, entry)) != 0) {
        struct stream_entry e;
        uint32_t pos = entry;
        stream_entry_read(lp, &pos, key_id(idtree_id(at)), h.fields, &e);
        if (!e.deleted) return stream_id_less(e.id, t->how->min_id);
    }
    return true;
}

static bool entry_is_due(const struct trimming *t, struct stream_id id, uint64_t marked)
{
    if (t->how->by == STREAM_TRIM_MAXLEN) return t->stream->length - marked > t->how->max_len;
    return stream_id_less(id, t->how->min_id);
}

static void node_drop_refs(const struct trimming *t, struct idtree_at at)
{
    const struct listpack *lp = node_at(t->stream, at);
    struct stream_head h;
    struct stream_entry e;
    stream_head_read(lp, &h);
    for (uint32_t pos = h.first_entry; pos != 0; pos = stream_entry_skip(lp, pos, &e)) {
        stream_entry_read(lp, &pos, key_id(idtree_id(at)), h.fields, &e);
        if (!e.deleted) stream_drop_refs(t->record, e.id);
    }
}

/* Marks what is due at the beginning of the first node; not all of its live entries are. */
static void node_trim(struct trimming *t, struct idtree_at at)
{
    struct stream *s = t->stream;
    struct listpack *lp = node_at(s, at);
    struct stream_head h;
    struct stream_entry e;
    uint64_t marked = 0;
    stream_head_read(lp, &h);
    for (uint32_t pos = h.first_entry; pos != 0; pos = stream_entry_skip(lp, pos, &e)) {
        uint32_t entry = pos;
        stream_entry_read(lp, &pos, key_id(idtree_id(at)), h.fields, &e);
        if (e.deleted) continue;
        if (!entry_is_due(t, e.id, marked)) {
            s->first_id = e.id;
            t->first_known = true;
            break;
        }
        if (t->how->refs == STREAM_REFS_DROP) stream_drop_refs(t->record, e.id);
        lp = stream_entry_mark(lp, entry); /* as many bytes as before: pos stays */
        marked++;
    }
    assert(marked < (uint64_t)h.live);
    lp = stream_node_recount(lp, h.live - (int64_t)marked, h.deleted + (int64_t)marked);
    node_put(s, at, lp);
    s->length -= marked;
    t->gone += marked;
}

/* Whether no group needs any of the node's live entries. */
static bool node_is_free(const struct trimming *t, struct idtree_at at)
{
    const struct listpack *lp = node_at(t->stream, at);
    struct stream_head h;
    struct stream_entry e;
    stream_head_read(lp, &h);
    for (uint32_t pos = h.first_entry; pos != 0; pos = stream_entry_skip(lp, pos, &e)) {
        stream_entry_read(lp, &pos, key_id(idtree_id(at)), h.fields, &e);
        if (!e.deleted && stream_is_referenced(t->record, e.id)) return false;
    }
    return true;
}

/* From the oldest node on, as long as whole nodes go; then, if it must be exact, entries of the next one. */
static void trim(struct trimming *t)
{
    struct stream *s = t->stream;
    for (;;) {
        struct idtree_at at = idtree_first(&s->nodes);
        if (!idtree_at_valid(at) || is_over(t)) return;
        struct stream_head h;
        stream_head_read(node_at(s, at), &h);
        if (t->how->limit > 0 && t->gone + (uint64_t)h.live > t->how->limit) return;
        if (!node_is_due(t, at, h.live)) {
            if (!t->how->approx) node_trim(t, at);
            return;
        }
        if (t->how->refs == STREAM_REFS_ACKED && !node_is_free(t, at)) return;
        if (t->how->refs == STREAM_REFS_DROP) node_drop_refs(t, at);
        stream_node_drop(s, at);
        s->length -= (uint64_t)h.live;
        t->gone += (uint64_t)h.live;
    }
}

/* Exact, but for what a group needs. */
static void trim_acked(struct trimming *t)
{
    struct stream_reader it;
    struct stream_id id, from = STREAM_ID_MIN;
    size_t pairs;
    stream_reader_init(&it, t->record, from, STREAM_ID_MAX, false);
    while (!is_over(t) && stream_reader_next(&it, &id, &pairs)) {
        if (!entry_is_due(t, id, 0)) return;
        if (stream_is_referenced(t->record, id)) continue;
        stream_delete(t->record, id);
        t->gone++;
        from = id;
        stream_reader_init(&it, t->record, from, STREAM_ID_MAX, false);
    }
}

uint64_t stream_trim(struct record *r, const struct stream_trim *how)
{
    struct trimming t = {r, stream_of(r), how, 0, false};
    if (how->by == STREAM_TRIM_NONE) return 0;
    if (how->refs == STREAM_REFS_ACKED && !how->approx) {
        trim_acked(&t);
    } else {
        trim(&t);
    }
    if (t.gone > 0 && !t.first_known) stream_first_id_learn(t.stream);
    return t.gone;
}
