/* Consumer groups: who was given what, and how far a group has come.
 *
 * A pending entry lives in its group's tree; the consumer that has it keeps the ID alone. Groups and consumers are
 * arrays of pointers sorted by name: there are few of them, they are looked up by name, and listed in that order. */
#include "value/stream_impl.h"

/* ---- sorted arrays of things with a name */

/* Where the name is, or would be. */
#define NAMED_SEARCH(array, count, wanted, found)                                                                      \
    uint32_t low_ = 0, high_ = (count);                                                                                \
    (found) = false;                                                                                                   \
    while (low_ < high_) {                                                                                             \
        uint32_t middle_ = (low_ + high_) / 2;                                                                         \
        int order_ = slice_cmp(slice_of((array)[middle_]->name, (array)[middle_]->name_len), (wanted));                \
        if (order_ == 0) (found) = true;                                                                               \
        if (order_ < 0) {                                                                                              \
            low_ = middle_ + 1;                                                                                        \
        } else {                                                                                                       \
            high_ = middle_;                                                                                           \
        }                                                                                                              \
    }                                                                                                                  \
    return low_

static uint32_t group_search(const struct stream *s, struct slice name, bool *found)
{
    NAMED_SEARCH(s->groups, s->group_count, name, *found);
}

static uint32_t consumer_search(const struct stream_group *g, struct slice name, bool *found)
{
    NAMED_SEARCH(g->consumers, g->consumer_count, name, *found);
}

/* Arrays of pointers grow by doubling from 1: room follows from the count. */
static void *array_insert(void *array, uint32_t count, uint32_t at, void *item)
{
    if ((count & (count - 1)) == 0) array = mem_realloc(array, (count == 0 ? 1 : 2 * (size_t)count) * sizeof(void *));
    void **items = array;
    memmove(items + at + 1, items + at, (count - at) * sizeof(void *));
    items[at] = item;
    return array;
}

static void *array_remove(void *array, uint32_t count, uint32_t at)
{
    void **items = array;
    memmove(items + at, items + at + 1, (count - at - 1) * sizeof(void *));
    if (count == 1) {
        mem_free(array);
        return NULL;
    }
    return ((count - 1) & (count - 2)) == 0 ? mem_realloc(array, (count - 1) * sizeof(void *)) : array;
}

/* ---- groups */

size_t stream_group_count(const struct record *r)
{
    return stream_of(r)->group_count;
}

struct stream_group *stream_group_at(const struct record *r, size_t i)
{
    assert(i < stream_of(r)->group_count);
    return stream_of(r)->groups[i];
}

struct stream_group *stream_group_find(const struct record *r, struct slice name)
{
    const struct stream *s = stream_of(r);
    bool found;
    uint32_t at = group_search(s, name, &found);
    return found ? s->groups[at] : NULL;
}

static struct stream_group *group_new(struct slice name, struct stream_id last_id, int64_t entries_read)
{
    struct stream_group *g = mem_alloc(sizeof(*g) + name.len);
    *g = (struct stream_group){.last_id = last_id, .entries_read = entries_read, .name_len = (uint32_t)name.len};
    idtree_init(&g->pending, sizeof(struct stream_pending));
    if (name.len > 0) memcpy(g->name, name.ptr, name.len);
    return g;
}

struct stream_group *stream_group_create(struct record *r, struct slice name, struct stream_id last_id,
                                         int64_t entries_read)
{
    struct stream *s = stream_of(r);
    bool found;
    uint32_t at = group_search(s, name, &found);
    if (found) return NULL;
    struct stream_group *g = group_new(name, last_id, entries_read);
    s->groups = array_insert(s->groups, s->group_count++, at, g);
    return g;
}

static void consumer_free(struct stream_consumer *c)
{
    idtree_clear(&c->pending);
    mem_free(c);
}

static void group_free(struct stream_group *g)
{
    for (uint32_t i = 0; i < g->consumer_count; i++) consumer_free(g->consumers[i]);
    mem_free(g->consumers);
    idtree_clear(&g->pending);
    mem_free(g);
}

void stream_group_remove(struct record *r, struct stream_group *owned_g)
{
    struct stream *s = stream_of(r);
    bool found;
    uint32_t at = group_search(s, stream_group_name(owned_g), &found);
    assert(found && s->groups[at] == owned_g);
    s->groups = array_remove(s->groups, s->group_count--, at);
    group_free(owned_g);
}

struct slice stream_group_name(const struct stream_group *g)
{
    return slice_of(g->name, g->name_len);
}

struct stream_id stream_group_last_id(const struct stream_group *g)
{
    return g->last_id;
}

int64_t stream_group_entries_read(const struct stream_group *g)
{
    return g->entries_read;
}

void stream_group_set(struct stream_group *g, struct stream_id last_id, int64_t entries_read)
{
    g->last_id = last_id;
    g->entries_read = entries_read;
    g->place.entry = 0; /* it may be behind the ID now */
}

/* ---- how far a group has come
 *
 * entries_added counts up, and from the front entries go in order: so at both ends of the stream it is known how many
 * came before. In between a group counts what it is given, which is right as long as nothing was deleted behind the
 * place where it stands: max_deleted_id says how far deletions reached. Where no count is sure, it is unknown. */

/* Whether something may have been taken out of the middle at or behind this ID. */
static bool has_holes_from(const struct stream *s, struct stream_id id)
{
    if (s->length == 0 || stream_id_less(s->max_deleted_id, s->first_id)) return false;
    return !stream_id_less(s->max_deleted_id, id);
}

int64_t stream_entries_up_to(const struct record *r, struct stream_id id)
{
    const struct stream *s = stream_of(r);
    int64_t added = (int64_t)s->entries_added;
    if (added == 0) return 0;
    if (s->length == 0 && !stream_id_less(s->last_id, id)) return added;
    if (stream_id_eq(id, s->last_id)) return added;
    if (stream_id_less(s->last_id, id) || !stream_id_less(s->max_deleted_id, s->first_id))
        return STREAM_ENTRIES_READ_UNKNOWN;
    if (stream_id_less(id, s->first_id)) return added - (int64_t)s->length;
    if (stream_id_eq(id, s->first_id)) return added - (int64_t)s->length + 1;
    return STREAM_ENTRIES_READ_UNKNOWN;
}

void stream_group_advance(const struct record *r, struct stream_group *g, struct stream_id id)
{
    const struct stream *s = stream_of(r);
    bool counts = g->entries_read != STREAM_ENTRIES_READ_UNKNOWN && !stream_id_less(g->last_id, s->first_id) &&
                  !has_holes_from(s, g->last_id);
    if (counts) {
        g->entries_read++;
    } else if (s->entries_added > 0) {
        g->entries_read = stream_entries_up_to(r, id);
    }
    g->last_id = id;
}

bool stream_group_lag(const struct record *r, const struct stream_group *g, uint64_t *lag)
{
    const struct stream *s = stream_of(r);
    int64_t read = g->entries_read;
    *lag = 0;
    if (s->entries_added == 0 || s->length == 0) return true;
    *lag = s->length;
    if (stream_id_less(g->last_id, s->first_id) && stream_id_less(s->max_deleted_id, s->first_id)) return true;
    if (read == STREAM_ENTRIES_READ_UNKNOWN || has_holes_from(s, g->last_id))
        read = stream_entries_up_to(r, g->last_id);
    if (read == STREAM_ENTRIES_READ_UNKNOWN) return false;
    *lag = s->entries_added - (uint64_t)read;
    return true;
}

/* ---- consumers */

size_t stream_consumer_count(const struct stream_group *g)
{
    return g->consumer_count;
}

struct stream_consumer *stream_consumer_at(const struct stream_group *g, size_t i)
{
    assert(i < g->consumer_count);
    return g->consumers[i];
}

struct stream_consumer *stream_consumer_find(const struct stream_group *g, struct slice name)
{
    bool found;
    uint32_t at = consumer_search(g, name, &found);
    return found ? g->consumers[at] : NULL;
}

static struct stream_consumer *consumer_new(struct slice name, uint64_t seen_ms)
{
    struct stream_consumer *c = mem_alloc(sizeof(*c) + name.len);
    *c = (struct stream_consumer){
        .seen_ms = seen_ms, .active_ms = STREAM_NEVER_ACTIVE, .name_len = (uint32_t)name.len};
    idtree_init(&c->pending, 0);
    if (name.len > 0) memcpy(c->name, name.ptr, name.len);
    return c;
}

struct stream_consumer *stream_consumer_create(struct stream_group *g, struct slice name, uint64_t seen_ms)
{
    bool found;
    uint32_t at = consumer_search(g, name, &found);
    if (found) return NULL;
    struct stream_consumer *c = consumer_new(name, seen_ms);
    g->consumers = array_insert(g->consumers, g->consumer_count++, at, c);
    return c;
}

size_t stream_consumer_remove(struct stream_group *g, struct stream_consumer *owned_c)
{
    bool found;
    uint32_t at = consumer_search(g, stream_consumer_name(owned_c), &found);
    size_t pending = idtree_len(&owned_c->pending);
    assert(found && g->consumers[at] == owned_c);
    for (struct idtree_at p = idtree_first(&owned_c->pending); idtree_at_valid(p); p = idtree_next(p))
        idtree_remove(&g->pending, idtree_id(p));
    g->consumers = array_remove(g->consumers, g->consumer_count--, at);
    consumer_free(owned_c);
    return pending;
}

struct slice stream_consumer_name(const struct stream_consumer *c)
{
    return slice_of(c->name, c->name_len);
}

uint64_t stream_consumer_seen_ms(const struct stream_consumer *c)
{
    return c->seen_ms;
}

int64_t stream_consumer_active_ms(const struct stream_consumer *c)
{
    return c->active_ms;
}

void stream_consumer_seen(struct stream_consumer *c, uint64_t now_ms)
{
    c->seen_ms = now_ms;
}

void stream_consumer_active(struct stream_consumer *c, int64_t now_ms)
{
    c->active_ms = now_ms;
}

/* ---- pending entries */

size_t stream_group_pending(const struct stream_group *g)
{
    return idtree_len(&g->pending);
}

size_t stream_consumer_pending(const struct stream_consumer *c)
{
    return idtree_len(&c->pending);
}

struct stream_pending *stream_pending_find(const struct stream_group *g, struct stream_id id)
{
    return idtree_find(&g->pending, id_key(id));
}

struct stream_pending *stream_pending_give(struct stream_group *g, struct stream_id id, struct stream_consumer *c)
{
    bool added, own_added;
    struct stream_pending *p = idtree_put(&g->pending, id_key(id), &added);
    if (!added) {
        if (p->consumer == c) return p;
        idtree_remove(&p->consumer->pending, id_key(id));
    }
    p->consumer = c;
    idtree_put(&c->pending, id_key(id), &own_added);
    assert(own_added);
    return p;
}

bool stream_pending_remove(struct stream_group *g, struct stream_id id)
{
    const struct stream_pending *p = idtree_find(&g->pending, id_key(id));
    if (p == NULL) return false;
    idtree_remove(&p->consumer->pending, id_key(id));
    idtree_remove(&g->pending, id_key(id));
    return true;
}

struct stream_pending_at stream_pending_from(const struct stream_group *g, const struct stream_consumer *c,
                                             struct stream_id id)
{
    return (struct stream_pending_at){g, c, idtree_from(c != NULL ? &c->pending : &g->pending, id_key(id))};
}

bool stream_pending_next(struct stream_pending_at *at, struct stream_id *id, struct stream_pending **pending)
{
    if (!idtree_at_valid(at->at)) return false;
    struct id128 key = idtree_id(at->at);
    *id = key_id(key);
    *pending = at->consumer == NULL ? idtree_value(&at->group->pending, at->at) : idtree_find(&at->group->pending, key);
    at->at = idtree_next(at->at);
    return true;
}

bool stream_pending_last(const struct stream_group *g, struct stream_id *id)
{
    struct idtree_at at = idtree_last(&g->pending);
    if (!idtree_at_valid(at)) return false;
    *id = key_id(idtree_id(at));
    return true;
}

/* ---- the whole of a stream's groups */

void stream_groups_free(struct stream *s)
{
    for (uint32_t i = 0; i < s->group_count; i++) group_free(s->groups[i]);
    mem_free(s->groups);
    s->groups = NULL;
    s->group_count = 0;
}

static struct stream_group *group_copy(const struct stream_group *from)
{
    struct stream_group *g = group_new(stream_group_name(from), from->last_id, from->entries_read);
    idtree_copy(&g->pending, &from->pending); /* with the consumers of the original, for a moment */
    for (uint32_t i = 0; i < from->consumer_count; i++) {
        const struct stream_consumer *old = from->consumers[i];
        struct stream_consumer *c = consumer_new(stream_consumer_name(old), old->seen_ms);
        c->active_ms = old->active_ms;
        idtree_copy(&c->pending, &old->pending);
        g->consumers = array_insert(g->consumers, g->consumer_count++, i, c);
        for (struct idtree_at at = idtree_first(&c->pending); idtree_at_valid(at); at = idtree_next(at)) {
            struct stream_pending *p = idtree_find(&g->pending, idtree_id(at));
            p->consumer = c;
        }
    }
    return g;
}

void stream_groups_copy(struct stream *s, const struct stream *from)
{
    s->groups = NULL;
    s->group_count = 0;
    for (uint32_t i = 0; i < from->group_count; i++)
        s->groups = array_insert(s->groups, s->group_count++, i, group_copy(from->groups[i]));
}

size_t stream_groups_mem(const struct stream *s)
{
    size_t bytes = mem_usable(s->groups);
    for (uint32_t i = 0; i < s->group_count; i++) {
        const struct stream_group *g = s->groups[i];
        bytes += mem_usable(g) + mem_usable(g->consumers) + idtree_mem(&g->pending);
        for (uint32_t k = 0; k < g->consumer_count; k++)
            bytes += mem_usable(g->consumers[k]) + idtree_mem(&g->consumers[k]->pending);
    }
    return bytes;
}

enum { PENDING_PER_EFFORT = 40 }; /* entries of a leaf */

size_t stream_groups_effort(const struct stream *s)
{
    size_t effort = 0;
    for (uint32_t i = 0; i < s->group_count; i++)
        effort += 1 + s->groups[i]->consumer_count + idtree_len(&s->groups[i]->pending) / PENDING_PER_EFFORT;
    return effort;
}

static void group_check(const struct stream_group *g)
{
    size_t pending = 0;
    idtree_check(&g->pending);
    for (uint32_t i = 0; i < g->consumer_count; i++) {
        const struct stream_consumer *c = g->consumers[i];
        assert(i == 0 || slice_cmp(stream_consumer_name(g->consumers[i - 1]), stream_consumer_name(c)) < 0);
        idtree_check(&c->pending);
        pending += idtree_len(&c->pending);
        for (struct idtree_at at = idtree_first(&c->pending); idtree_at_valid(at); at = idtree_next(at)) {
            const struct stream_pending *p = idtree_find(&g->pending, idtree_id(at));
            assert(p != NULL && p->consumer == c);
            (void)p;
        }
    }
    assert(pending == idtree_len(&g->pending));
    (void)pending;
}

void stream_groups_check(const struct stream *s)
{
    for (uint32_t i = 0; i < s->group_count; i++) {
        assert(i == 0 || slice_cmp(stream_group_name(s->groups[i - 1]), stream_group_name(s->groups[i])) < 0);
        group_check(s->groups[i]);
    }
}
