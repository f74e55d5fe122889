/* Reading entries in order, either way.
 *
 * Within a node an entry is found by walking: forwards from the head, backwards from the end. A reader that starts in
 * the last node, behind its middle, looks from the end: who follows the end of a stream does not walk through the node
 * again and again. */
#include "value/stream_impl.h"

void stream_reader_init(struct stream_reader *it, const struct record *r, struct stream_id start, struct stream_id end,
                        bool backwards)
{
    const struct stream *s = stream_of(r);
    it->group = NULL;
    it->stream = s;
    it->start = start;
    it->end = end;
    it->backwards = backwards;
    it->node = NULL;
    if (backwards) {
        it->at = idtree_up_to(&s->nodes, id_key(end));
        return;
    }
    it->at = idtree_up_to(&s->nodes, id_key(start)); /* the node that has it starts at or before it */
    if (!idtree_at_valid(it->at)) it->at = idtree_first(&s->nodes);
}

void stream_reader_init_news(struct stream_reader *it, const struct record *r, const struct stream_group *g)
{
    struct stream_id start = g->last_id;
    if (stream_id_increment(&start)) {
        stream_reader_init(it, r, start, STREAM_ID_MAX, false);
        it->group = g;
    } else { /* nothing can come */
        stream_reader_init(it, r, STREAM_ID_MAX, STREAM_ID_MIN, false);
    }
}

void stream_reader_remember(const struct stream_reader *it, struct stream_group *g)
{
    g->place = (struct stream_place){idtree_id(it->at), it->entry, it->first_entry, it->stream->nodes_dropped};
}

/* The entry that the group was given last, if it is in this node. */
static uint32_t remembered_entry(const struct stream_reader *it)
{
    if (it->group == NULL) return 0;
    const struct stream_place *p = &it->group->place;
    bool holds = p->nodes_dropped == it->stream->nodes_dropped && p->first_entry == it->first_entry &&
                 id128_eq(p->node, id_key(it->master));
    return holds ? p->entry : 0;
}

/* In a node that is read to its end, from the back: the position of the first entry that is not before `start`. */
static uint32_t entry_from_the_end(const struct stream_reader *it, const struct stream_head *h)
{
    uint32_t found = 0, pos = listpack_end(it->node);
    for (;;) {
        pos = stream_entry_before(it->node, pos);
        if (pos == 0) return found;
        struct stream_entry e;
        uint32_t read = pos;
        stream_entry_read(it->node, &read, it->master, h->fields, &e);
        if (!e.deleted && stream_id_less(e.id, it->start)) return found;
        found = pos;
    }
}

/* Whether the start is nearer to the end of the node than to its beginning, as far as IDs tell. */
static bool starts_late(const struct stream_reader *it)
{
    if (idtree_at_valid(idtree_next(it->at))) return false;
    struct stream_id last = it->stream->last_id;
    if (!stream_id_less(it->master, it->start)) return false;
    if (it->start.ms != it->master.ms || last.ms != it->master.ms)
        return it->start.ms > it->master.ms + (last.ms - it->master.ms) / 2;
    return it->start.seq > it->master.seq + (last.seq - it->master.seq) / 2;
}

static void node_enter(struct stream_reader *it)
{
    struct stream_head h;
    it->node = node_at(it->stream, it->at);
    it->master = key_id(idtree_id(it->at));
    stream_head_read(it->node, &h);
    it->head_count = h.fields;
    it->head_fields = h.first_field;
    it->first_entry = h.first_entry;
    it->in_entry = false;
    if (it->backwards) {
        it->entry = listpack_end(it->node);
    } else if ((it->entry = remembered_entry(it)) == 0) {
        it->entry = starts_late(it) ? entry_from_the_end(it, &h) : h.first_entry;
    }
}

/* Moves to the next entry of the node, deleted or not, and reads its fixed part; false: there is none. */
static bool entry_step(struct stream_reader *it, struct stream_entry *e)
{
    if (it->backwards) {
        it->entry = stream_entry_before(it->node, it->entry);
    } else if (it->in_entry) {
        struct stream_entry rest = {.pairs = it->left, .same_fields = it->same_fields}; /* what was not read */
        it->entry = stream_entry_skip(it->node, it->data, &rest);
    }
    if (it->entry == 0) return false;
    it->data = it->entry;
    stream_entry_read(it->node, &it->data, it->master, it->head_count, e);
    it->in_entry = true;
    it->same_fields = e->same_fields;
    it->left = e->pairs;
    return true;
}

bool stream_reader_next(struct stream_reader *it, struct stream_id *id, size_t *pairs)
{
    struct stream_entry e;
    while (it->node != NULL || idtree_at_valid(it->at)) {
        if (it->node == NULL) node_enter(it);
        if (!entry_step(it, &e)) {
            it->node = NULL;
            it->at = it->backwards ? idtree_prev(it->at) : idtree_next(it->at);
            continue;
        }
        if (unlikely(e.deleted)) continue; /* its ID says nothing about those behind it */
        bool before = stream_id_less(e.id, it->start), behind = stream_id_less(it->end, e.id);
        if (unlikely(it->backwards ? before : behind)) {
            it->node = NULL;
            it->at.leaf = NULL;
            return false;
        }
        if (before || behind) continue;
        it->field = it->head_fields;
        *id = e.id;
        *pairs = e.pairs;
        return true;
    }
    return false;
}

static struct slice element(const struct listpack *lp, uint32_t *pos, char scratch[NUM_I64_TEXT_MAX])
{
    struct listpack_value v;
    bool is_there = listpack_read(lp, pos, &v);
    assert(is_there);
    (void)is_there;
    return v.is_number ? slice_of(scratch, (size_t)i64_to_text(scratch, v.number)) : v.text;
}

void stream_reader_pair(struct stream_reader *it, struct slice *field, struct slice *value)
{
    assert(it->left > 0);
    it->left--;
    *field = element(it->node, it->same_fields ? &it->field : &it->data, it->field_text);
    *value = element(it->node, &it->data, it->value_text);
}
