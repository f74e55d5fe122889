/* A stream as a whole: its entries in nodes under a tree, and the facts that outlive them.
 *
 * Adding goes to the last node until that has stream-node-max-entries (deleted ones count) or would reach
 * stream-node-max-bytes with the texts of the entry; then a new node begins, with as much room reserved as the one
 * before it used: no reallocation on the way, no slack afterwards. Deleting marks; a node goes with its last live
 * entry.
 *
 * Invariants (stream_check): lengths and counts are exact; every node has a live entry and starts with its own ID; IDs
 * ascend and none is greater than last_id; first_id is that of the first live entry. */
#include "value/stream.h"

#include "value/stream_impl.h"
#include "value/value_ops.h"

enum {
    NODE_SLACK = 64,        /* the numbers around an entry, and the counts of the head, fit into it */
    ELEMENT_OVERHEAD = 11,  /* bytes of a listpack beside a text, at most */
    RESERVE_MAX = 64 * 1024,
};

/* ---- IDs */

bool stream_id_increment(struct stream_id *id)
{
    if (id->ms == UINT64_MAX && id->seq == UINT64_MAX) return false;
    if (++id->seq == 0) id->ms++;
    return true;
}

bool stream_id_decrement(struct stream_id *id)
{
    if (stream_id_is_zero(*id)) return false;
    if (id->seq-- == 0) id->ms--;
    return true;
}

struct slice stream_id_text(char out[STREAM_ID_TEXT_MAX], struct stream_id id)
{
    int len = u64_to_text(out, id.ms);
    out[len++] = '-';
    len += u64_to_text(out + len, id.seq);
    return slice_of(out, (size_t)len);
}

/* ---- facts */

static void stream_init(struct stream *s)
{
    *s = (struct stream){0};
    idtree_init(&s->nodes, sizeof(struct listpack *));
}

struct record *stream_new(struct slice key)
{
    struct stream *s = mem_alloc(sizeof(*s));
    stream_init(s);
    struct record *r = record_new_object(key, TYPE_STREAM, 0, s);
    if (r == NULL) mem_free(s);
    return r;
}

uint64_t stream_len(const struct record *r)
{
    return stream_of(r)->length;
}

uint64_t stream_entries_added(const struct record *r)
{
    return stream_of(r)->entries_added;
}

struct stream_id stream_last_id(const struct record *r)
{
    return stream_of(r)->last_id;
}

struct stream_id stream_first_id(const struct record *r)
{
    return stream_of(r)->first_id;
}

struct stream_id stream_max_deleted_id(const struct record *r)
{
    return stream_of(r)->max_deleted_id;
}

size_t stream_node_count(const struct record *r)
{
    return idtree_len(&stream_of(r)->nodes);
}

void stream_set_last_id(struct record *r, struct stream_id id)
{
    stream_of(r)->last_id = id;
}

void stream_set_entries_added(struct record *r, uint64_t n)
{
    stream_of(r)->entries_added = n;
}

void stream_set_max_deleted_id(struct record *r, struct stream_id id)
{
    stream_of(r)->max_deleted_id = id;
}

/* ---- adding */

static size_t texts_len(const struct slice *pairs, size_t count)
{
    size_t sum = 0;
    for (size_t i = 0; i < 2 * count; i++) {
        if (pairs[i].len > LISTPACK_SIZE_MAX) return SIZE_MAX;
        sum += pairs[i].len;
    }
    return sum;
}

/* Whether an entry with so many bytes of texts goes into the node. */
static bool node_takes(const struct listpack *lp, size_t texts, size_t need, const struct value_limits *limits)
{
    size_t size = listpack_size(lp);
    if (size + need > LISTPACK_SIZE_MAX - NODE_SLACK) return false;
    if (limits->stream_node_max_bytes > 0 && size + texts >= (size_t)limits->stream_node_max_bytes) return false;
    if (limits->stream_node_max_entries <= 0) return true;
    uint32_t pos = listpack_first(lp);
    struct listpack_value live, deleted;
    listpack_read(lp, &pos, &live);
    listpack_read(lp, &pos, &deleted);
    return live.number + deleted.number < limits->stream_node_max_entries;
}

static bool append_to_last(struct stream *s, struct idtree_at at, struct stream_id id, const struct slice *pairs,
                           size_t count)
{
    struct listpack *lp = node_at(s, at), *grown = stream_node_append(lp, key_id(idtree_id(at)), id, pairs, count);
    if (grown == NULL) return false;
    if (grown != lp) node_put(s, at, grown);
    return true;
}

static bool append_in_new_node(struct stream *s, struct stream_id id, const struct slice *pairs, size_t count)
{
    size_t reserve = 0;
    struct idtree_at last = idtree_last(&s->nodes);
    if (idtree_at_valid(last)) {
        struct listpack *full = listpack_shrink(node_at(s, last));
        node_put(s, last, full);
        reserve = listpack_size(full);
        if (reserve > RESERVE_MAX) reserve = 0;
    }
    struct listpack *lp = stream_node_new(pairs, count, reserve);
    if (lp == NULL) return false;
    struct listpack *grown = stream_node_append(lp, id, id, pairs, count);
    if (grown == NULL) {
        listpack_free(lp);
        return false;
    }
    bool added;
    memcpy(idtree_put(&s->nodes, id_key(id), &added), &grown, sizeof(grown));
    assert(added);
    return true;
}

bool stream_append(struct record *r, struct stream_id id, const struct slice *pairs, size_t count,
                   const struct value_limits *limits)
{
    struct stream *s = stream_of(r);
    assert(stream_id_less(s->last_id, id));
    size_t texts = texts_len(pairs, count);
    if (texts > LISTPACK_SIZE_MAX || count > LISTPACK_SIZE_MAX / ELEMENT_OVERHEAD) return false;
    size_t need = texts + 2 * count * ELEMENT_OVERHEAD + NODE_SLACK;
    if (need > LISTPACK_SIZE_MAX - NODE_SLACK) return false;
    struct idtree_at last = idtree_last(&s->nodes);
    bool fits = idtree_at_valid(last) && node_takes(node_at(s, last), texts, need, limits);
    bool done = fits ? append_to_last(s, last, id, pairs, count) : append_in_new_node(s, id, pairs, count);
    if (!done) return false;
    if (s->length++ == 0) s->first_id = id;
    s->entries_added++;
    s->last_id = id;
    return true;
}

/* ---- taking away */

void stream_first_id_learn(struct stream *s)
{
    struct idtree_at at = idtree_first(&s->nodes);
    s->first_id = STREAM_ID_MIN;
    if (!idtree_at_valid(at)) return;
    const struct listpack *lp = node_at(s, at);
    struct stream_head h;
    struct stream_entry e;
    stream_head_read(lp, &h);
    for (uint32_t pos = h.first_entry; pos != 0; pos = stream_entry_skip(lp, pos, &e)) {
        stream_entry_read(lp, &pos, key_id(idtree_id(at)), h.fields, &e);
        if (e.deleted) continue;
        s->first_id = e.id;
        return;
    }
    assert(!"a node has a live entry");
}

void stream_node_drop(struct stream *s, struct idtree_at at)
{
    listpack_free(node_at(s, at));
    idtree_remove(&s->nodes, idtree_id(at));
    s->nodes_dropped++;
}

static bool find_entry(const struct record *r, struct stream_id id, struct stream_reader *it)
{
    struct stream_id found;
    size_t pairs;
    stream_reader_init(it, r, id, id, false);
    return stream_reader_next(it, &found, &pairs);
}

bool stream_has(const struct record *r, struct stream_id id)
{
    struct stream_reader it;
    return find_entry(r, id, &it);
}

bool stream_delete(struct record *r, struct stream_id id)
{
    struct stream *s = stream_of(r);
    struct stream_reader it;
    if (!find_entry(r, id, &it)) return false;
    struct listpack *lp = node_at(s, it.at);
    struct stream_head h;
    stream_head_read(lp, &h);
    if (h.live == 1) {
        stream_node_drop(s, it.at);
    } else {
        lp = stream_entry_mark(lp, it.entry);
        node_put(s, it.at, stream_node_recount(lp, h.live - 1, h.deleted + 1));
    }
    s->length--;
    if (stream_id_less(s->max_deleted_id, id)) s->max_deleted_id = id;
    if (stream_id_eq(id, s->first_id)) stream_first_id_learn(s);
    return true;
}

/* ---- loading and saving */

struct stream_node_at stream_nodes(const struct record *r)
{
    const struct stream *s = stream_of(r);
    return (struct stream_node_at){idtree_first(&s->nodes), s};
}

bool stream_node_next(struct stream_node_at *at, struct stream_id *id, struct slice *bytes)
{
    if (!idtree_at_valid(at->at)) return false;
    *id = key_id(idtree_id(at->at));
    *bytes = listpack_bytes(node_at(at->stream, at->at));
    at->at = idtree_next(at->at);
    return true;
}

bool stream_load_node(struct record *r, struct stream_id id, struct slice bytes)
{
    struct stream *s = stream_of(r);
    uint64_t entries;
    if (bytes.len > LISTPACK_SIZE_MAX - NODE_SLACK || !stream_node_validate(id, bytes, &entries)) return false;
    struct idtree_at last = idtree_last(&s->nodes);
    if (idtree_at_valid(last) && !id128_less(idtree_id(last), id_key(id))) return false;
    if (entries == 0) return true;
    struct listpack *lp = listpack_from_bytes(bytes);
    bool added;
    memcpy(idtree_put(&s->nodes, id_key(id), &added), &lp, sizeof(lp));
    s->length += entries;
    return true;
}

/* The ID of the last live entry of a node; there is one. */
static struct stream_id node_last_id(const struct listpack *lp, struct stream_id node_id)
{
    struct stream_head h;
    struct stream_entry e;
    stream_head_read(lp, &h);
    uint32_t entry = listpack_end(lp);
    do {
        entry = stream_entry_before(lp, entry);
        uint32_t pos = entry;
        stream_entry_read(lp, &pos, node_id, h.fields, &e);
    } while (e.deleted);
    return e.id;
}

/* The greatest ID of a live entry, and whether nodes do not overlap. Deleted entries may have greater ones: XSETID can
 * put the last ID behind them. */
static bool nodes_end(const struct stream *s, struct stream_id *greatest)
{
    *greatest = STREAM_ID_MIN;
    for (struct idtree_at at = idtree_first(&s->nodes); idtree_at_valid(at); at = idtree_next(at)) {
        struct stream_id node_id = key_id(idtree_id(at));
        if (!stream_id_less(*greatest, node_id)) return false;
        *greatest = node_last_id(node_at(s, at), node_id);
    }
    return true;
}

bool stream_load_end(struct record *r, struct stream_id last_id, uint64_t entries_added,
                     struct stream_id max_deleted_id)
{
    struct stream *s = stream_of(r);
    struct stream_id greatest;
    if (!nodes_end(s, &greatest) || stream_id_less(last_id, greatest)) return false;
    s->last_id = last_id;
    s->entries_added = entries_added;
    s->max_deleted_id = max_deleted_id;
    stream_first_id_learn(s);
    return true;
}

/* ---- the row of the type */

static void stream_ops_free(struct record *r)
{
    struct stream *s = stream_of(r);
    for (struct idtree_at at = idtree_first(&s->nodes); idtree_at_valid(at); at = idtree_next(at))
        listpack_free(node_at(s, at));
    idtree_clear(&s->nodes);
    stream_groups_free(s);
    mem_free_sized(s, sizeof(*s));
}

static void stream_ops_own(struct record *copy)
{
    const struct stream *from = stream_of(copy);
    struct stream *s = mem_alloc(sizeof(*s));
    *s = *from;
    idtree_init(&s->nodes, sizeof(struct listpack *));
    idtree_copy(&s->nodes, &from->nodes);
    for (struct idtree_at at = idtree_first(&s->nodes); idtree_at_valid(at); at = idtree_next(at))
        node_put(s, at, listpack_dup(node_at(s, at)));
    stream_groups_copy(s, from);
    record_set_object(copy, s);
}

static size_t stream_ops_mem(const struct record *r, size_t samples)
{
    const struct stream *s = stream_of(r);
    size_t bytes = 0, seen = 0, nodes = idtree_len(&s->nodes);
    for (struct idtree_at at = idtree_first(&s->nodes); idtree_at_valid(at); at = idtree_next(at)) {
        if (samples > 0 && seen == samples) break;
        bytes += listpack_mem(node_at(s, at));
        seen++;
    }
    if (seen > 0 && seen < nodes) bytes = (size_t)((double)bytes / (double)seen * (double)nodes);
    return mem_usable(s) + idtree_mem(&s->nodes) + bytes + stream_groups_mem(s);
}

static size_t stream_ops_len(const struct record *r)
{
    return (size_t)stream_of(r)->length;
}

static size_t stream_ops_free_effort(const struct record *r)
{
    const struct stream *s = stream_of(r);
    return 1 + idtree_len(&s->nodes) + stream_groups_effort(s);
}

static const char *stream_ops_encoding_name(const struct record *r)
{
    (void)r;
    return "stream";
}

static uint64_t node_check(const struct stream *s, struct idtree_at at, struct stream_id *last)
{
    uint64_t entries;
    struct stream_id node_id = key_id(idtree_id(at));
    bool is_valid = stream_node_validate(node_id, listpack_bytes(node_at(s, at)), &entries);
    assert(is_valid && entries > 0 && stream_id_less(*last, node_id));
    (void)is_valid;
    *last = node_last_id(node_at(s, at), node_id);
    return entries;
}

static void stream_ops_check(const struct record *r)
{
    struct stream *s = stream_of(r);
    struct stream_id last = STREAM_ID_MIN, first = s->first_id;
    uint64_t entries = 0;
    assert(record_encoding(r) == 0);
    idtree_check(&s->nodes);
    for (struct idtree_at at = idtree_first(&s->nodes); idtree_at_valid(at); at = idtree_next(at))
        entries += node_check(s, at, &last);
    assert(entries == s->length && !stream_id_less(s->last_id, last));
    stream_first_id_learn(s);
    assert(stream_id_eq(first, s->first_id));
    (void)first;
    stream_groups_check(s);
}

const struct value_ops stream_ops = {
    .name = "stream",
    .len = stream_ops_len,
    .free = stream_ops_free,
    .own = stream_ops_own,
    .mem = stream_ops_mem,
    .free_effort = stream_ops_free_effort,
    .encoding_name = stream_ops_encoding_name,
    .check = stream_ops_check,
};
