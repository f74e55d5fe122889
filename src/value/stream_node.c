/* One node of a stream: its form (the picture is in stream_impl.h), building, changing, and judging bytes from outside.
 *
 * Appending to a node changes two places: the count in the head, and the end. Nothing moves but when the count needs a
 * byte more, so positions of entries are stable while only flags change. */
#include "value/stream_impl.h"

enum { PAIRS_ON_STACK = 64, ENTRY_FIXED = 3 };

/* ---- reading */

static int64_t number_at(const struct listpack *lp, uint32_t *pos)
{
    struct listpack_value v;
    bool is_there = listpack_read(lp, pos, &v);
    assert(is_there);
    (void)is_there;
    int64_t n = v.number;
    if (unlikely(!v.is_number) && slice_to_i64(v.text, &n) != ST_OK) n = 0; /* digits kept as text by another writer */
    return n;
}

static uint32_t skip(const struct listpack *lp, uint32_t pos, uint64_t count)
{
    for (; count > 0 && pos != 0; count--) pos = listpack_next(lp, pos);
    return pos;
}

void stream_head_read(const struct listpack *lp, struct stream_head *h)
{
    uint32_t pos = listpack_first(lp);
    h->live = number_at(lp, &pos);
    h->deleted = number_at(lp, &pos);
    h->fields = (uint32_t)number_at(lp, &pos);
    h->first_field = h->fields > 0 ? pos : 0;
    h->first_entry = skip(lp, pos, (uint64_t)h->fields + 1);
}

void stream_entry_read(const struct listpack *lp, uint32_t *pos, struct stream_id node_id, uint32_t head_fields,
                     struct stream_entry *e)
{
    int64_t flags = number_at(lp, pos);
    e->id.ms = node_id.ms + (uint64_t)number_at(lp, pos);
    e->id.seq = node_id.seq + (uint64_t)number_at(lp, pos);
    e->deleted = flags & ENTRY_DELETED;
    e->same_fields = flags & ENTRY_SAME_FIELDS;
    e->pairs = e->same_fields ? head_fields : (uint32_t)number_at(lp, pos);
}

uint32_t stream_entry_skip(const struct listpack *lp, uint32_t pos, const struct stream_entry *e)
{
    return skip(lp, pos, (e->same_fields ? e->pairs : 2 * (uint64_t)e->pairs) + 1);
}

uint32_t stream_entry_before(const struct listpack *lp, uint32_t pos)
{
    uint32_t at = pos == listpack_end(lp) ? listpack_last(lp) : listpack_prev(lp, pos);
    uint32_t read = at;
    int64_t elements = number_at(lp, &read);
    if (elements == 0) return 0; /* what ends the head */
    for (; elements > 0; elements--) at = listpack_prev(lp, at);
    return at;
}

/* ---- building */

static struct listpack_value number(int64_t n)
{
    return (struct listpack_value){.number = n, .is_number = true};
}

static struct listpack_value text(struct slice s)
{
    return (struct listpack_value){.text = s};
}

/* A head without entries: counts 0. NULL: the fields are too large. */
struct listpack *stream_node_new(const struct slice *pairs, size_t count, size_t reserve)
{
    struct listpack *lp = listpack_new(reserve);
    struct listpack_value head[ENTRY_FIXED] = {number(0), number(0), number((int64_t)count)};
    lp = listpack_append_many(lp, head, ENTRY_FIXED);
    assert(lp != NULL);
    for (size_t i = 0; i < count; i++) {
        struct listpack *grown = listpack_append(lp, pairs[2 * i]);
        if (grown == NULL) {
            listpack_free(lp);
            return NULL;
        }
        lp = grown;
    }
    struct listpack *ended = listpack_append_i64(lp, 0);
    if (ended == NULL) listpack_free(lp);
    return ended;
}

static bool has_fields(const struct listpack *lp, const struct slice *pairs, size_t count)
{
    uint32_t pos = listpack_first(lp);
    number_at(lp, &pos);
    number_at(lp, &pos);
    if ((uint64_t)number_at(lp, &pos) != count) return false;
    for (size_t i = 0; i < count; i++) {
        struct listpack_value v;
        uint32_t here = pos;
        listpack_read(lp, &pos, &v);
        if (v.is_number ? !listpack_equals(lp, here, pairs[2 * i]) : !slice_eq(v.text, pairs[2 * i])) return false;
    }
    return true;
}

static struct listpack *replace_number(struct listpack *lp, uint32_t pos, int64_t n)
{
    struct listpack *changed = listpack_replace_i64(lp, pos, n);
    assert(changed != NULL); /* NODE_SIZE_MAX keeps a distance from the largest size */
    return changed;
}

/* The elements of an entry; returns how many. */
static size_t entry_build(struct listpack_value *out, bool same_fields, struct stream_id delta,
                          const struct slice *pairs, size_t count)
{
    size_t n = 0;
    out[n++] = number(same_fields ? ENTRY_SAME_FIELDS : 0);
    out[n++] = number((int64_t)delta.ms);
    out[n++] = number((int64_t)delta.seq);
    if (!same_fields) out[n++] = number((int64_t)count);
    for (size_t i = 0; i < count; i++) {
        if (!same_fields) out[n++] = text(pairs[2 * i]);
        out[n++] = text(pairs[2 * i + 1]);
    }
    out[n] = number((int64_t)n);
    return n + 1;
}

struct listpack *stream_node_append(struct listpack *lp, struct stream_id node_id, struct stream_id id,
                             const struct slice *pairs, size_t count)
{
    struct listpack_value on_stack[2 * PAIRS_ON_STACK + ENTRY_FIXED + 2], *elements = on_stack;
    bool same_fields = has_fields(lp, pairs, count);
    if (count > PAIRS_ON_STACK) elements = mem_alloc((2 * count + ENTRY_FIXED + 2) * sizeof(*elements));
    struct stream_id delta = {id.ms - node_id.ms, id.seq - node_id.seq};
    size_t n = entry_build(elements, same_fields, delta, pairs, count);
    struct listpack *grown = listpack_append_many(lp, elements, n);
    if (elements != on_stack) mem_free(elements);
    if (grown == NULL) return NULL;
    uint32_t pos = listpack_first(grown), read = pos;
    int64_t live = number_at(grown, &read);
    return replace_number(grown, pos, live + 1);
}

/* ---- changing */

struct listpack *stream_node_recount(struct listpack *lp, int64_t live, int64_t deleted)
{
    uint32_t pos = listpack_first(lp);
    lp = replace_number(lp, listpack_next(lp, pos), deleted);
    return replace_number(lp, pos, live);
}

struct listpack *stream_entry_mark(struct listpack *lp, uint32_t pos)
{
    uint32_t read = pos;
    int64_t flags = number_at(lp, &read);
    return replace_number(lp, pos, flags | ENTRY_DELETED);
}

/* ---- bytes from outside */

struct judge {
    struct stream_id node_id, last_id;
    bool has_last;
    int64_t live, deleted, fields;   /* as the head says */
    int64_t seen_live, seen_deleted;
    enum {
        IN_LIVE,
        IN_DELETED,
        IN_FIELDS,
        IN_FIELD,
        IN_HEAD_END,
        IN_FLAGS,
        IN_MS,
        IN_SEQ,
        IN_PAIRS,
        IN_DATA,
        IN_COUNT,
    } at;
    int64_t left;     /* elements to come in IN_FIELD and IN_DATA */
    int64_t elements; /* of this entry so far */
    int64_t flags;
    struct stream_id id;
};

static bool small_count(int64_t n)
{
    return n >= 0 && n <= LISTPACK_SIZE_MAX;
}

static bool judge_head(struct judge *j, int64_t n)
{
    switch (j->at) {
    case IN_LIVE:
        j->live = n;
        j->at = IN_DELETED;
        return small_count(n);
    case IN_DELETED:
        j->deleted = n;
        j->at = IN_FIELDS;
        return small_count(n);
    case IN_FIELDS:
        j->fields = j->left = n;
        j->at = n == 0 ? IN_HEAD_END : IN_FIELD;
        return small_count(n);
    default: assert(j->at == IN_HEAD_END); j->at = IN_FLAGS; return n == 0;
    }
}

static bool judge_entry_end(struct judge *j, int64_t n)
{
    j->at = IN_FLAGS;
    if (n != j->elements) return false;
    if (j->flags & ENTRY_DELETED) {
        j->seen_deleted++;
    } else {
        j->seen_live++;
    }
    return true;
}

static bool judge_id(struct judge *j)
{
    bool ascends = true;
    if (!(j->flags & ENTRY_DELETED)) {
        ascends = j->has_last ? stream_id_less(j->last_id, j->id) : !stream_id_less(j->id, j->node_id);
        j->last_id = j->id;
        j->has_last = true;
    }
    if (j->flags & ENTRY_SAME_FIELDS) {
        j->left = j->fields;
        j->at = j->left == 0 ? IN_COUNT : IN_DATA;
    } else {
        j->at = IN_PAIRS;
    }
    return ascends;
}

static bool judge_entry(struct judge *j, int64_t n)
{
    if (j->at == IN_COUNT) return judge_entry_end(j, n);
    j->elements++;
    switch (j->at) {
    case IN_FLAGS:
        j->flags = n;
        j->elements = 1;
        j->at = IN_MS;
        return n >= 0 && n <= (ENTRY_DELETED | ENTRY_SAME_FIELDS);
    case IN_MS:
        j->id.ms = j->node_id.ms + (uint64_t)n;
        j->at = IN_SEQ;
        return true;
    case IN_SEQ: j->id.seq = j->node_id.seq + (uint64_t)n; return judge_id(j);
    default:
        assert(j->at == IN_PAIRS);
        j->left = 2 * n;
        j->at = n == 0 ? IN_COUNT : IN_DATA;
        return small_count(n);
    }
}

static bool judge_element(void *arg, struct listpack_value v, size_t index)
{
    struct judge *j = arg;
    (void)index;
    if (j->at == IN_FIELD || j->at == IN_DATA) {
        if (j->at == IN_DATA) j->elements++;
        if (--j->left == 0) j->at = j->at == IN_FIELD ? IN_HEAD_END : IN_COUNT;
        return true;
    }
    int64_t n = v.number;
    if (!v.is_number && slice_to_i64(v.text, &n) != ST_OK) return false;
    return j->at < IN_FLAGS ? judge_head(j, n) : judge_entry(j, n);
}

bool stream_node_validate(struct stream_id id, struct slice bytes, uint64_t *entries)
{
    struct judge j = {.node_id = id};
    if (!listpack_validate(bytes, true, judge_element, &j)) return false;
    if (j.at != IN_FLAGS || j.seen_live != j.live || j.seen_deleted != j.deleted) return false;
    *entries = (uint64_t)j.live;
    return true;
}
