/* Leaves of the scoretree: one block each, its layout in scoretree.c, and the directory that finds a leaf by its id.
 *
 * The directory is an array of chunks of 512 addresses, so that growing never copies more than one chunk and the short
 * array of chunks. The first chunk grows by doubling, for small trees. A free entry holds the next free id, shifted
 * left, with the lowest bit set. Id 0 is none, so that no reference is NULL. */
#include "base/mem.h"
#include "ds/scoretree_impl.h"

enum { FIRST_CHUNK_IDS = 8 };

/* ------------------------------------------------------------------------------------------------------- directory */

static uintptr_t *directory_entry(const struct scoretree *t, uint32_t id)
{
    return &t->chunks[id >> CHUNK_BITS][id & (CHUNK_IDS - 1)];
}

static size_t first_chunk_ids(uint32_t ids) /* room that the first chunk has when `ids` are in use */
{
    size_t room = FIRST_CHUNK_IDS;
    while (room < ids && room < CHUNK_IDS) room *= 2;
    return room;
}

static size_t chunks_room(size_t chunks)
{
    size_t room = 1;
    while (room < chunks) room *= 2;
    return room;
}

static uint32_t directory_add(struct scoretree *t)
{
    if (t->free_id != 0) {
        uint32_t id = t->free_id;
        t->free_id = (uint32_t)(*directory_entry(t, id) >> 1);
        return id;
    }
    if (t->chunks == NULL) {
        t->chunks = mem_alloc(sizeof *t->chunks);
        t->chunks[0] = mem_alloc(FIRST_CHUNK_IDS * sizeof **t->chunks);
        t->chunks[0][0] = 1;
        t->ids = 1;
    }
    uint32_t id = t->ids++;
    assert(id != UINT32_MAX);
    size_t chunk = id >> CHUNK_BITS;
    if (chunk == 0) {
        size_t room = first_chunk_ids(id);
        if (id == room) t->chunks[0] = mem_realloc(t->chunks[0], 2 * room * sizeof **t->chunks);
    } else if ((id & (CHUNK_IDS - 1)) == 0) {
        if (chunks_room(chunk) == chunk) t->chunks = mem_realloc(t->chunks, 2 * chunk * sizeof *t->chunks);
        t->chunks[chunk] = mem_alloc(CHUNK_IDS * sizeof **t->chunks);
    }
    return id;
}

static size_t directory_chunks(const struct scoretree *t)
{
    return ((size_t)t->ids + CHUNK_IDS - 1) >> CHUNK_BITS;
}

void directory_free(struct scoretree *t)
{
    for (size_t i = 0, n = directory_chunks(t); i < n; i++) mem_free(t->chunks[i]);
    mem_free(t->chunks);
    t->chunks = NULL;
    t->ids = t->free_id = 0;
}

size_t directory_mem(const struct scoretree *t)
{
    size_t chunks = directory_chunks(t);
    if (chunks == 0) return 0;
    size_t first = chunks > 1 ? (size_t)CHUNK_IDS : first_chunk_ids(t->ids);
    return mem_good_size(chunks_room(chunks) * sizeof *t->chunks) + mem_good_size(first * sizeof **t->chunks) +
           (chunks - 1) * mem_good_size(CHUNK_IDS * sizeof **t->chunks);
}

/* ---------------------------------------------------------------------------------------------------------- blocks */

unsigned leaf_need(unsigned cap, unsigned data)
{
    return leaf_scores_start(cap) + 9 * cap + data;
}

unsigned leaf_slots_used(const struct leaf *l)
{
    return l->used == 0 ? 0 : 64 - (unsigned)__builtin_clzll(l->used);
}

static unsigned max_of(unsigned a, unsigned b)
{
    return a > b ? a : b;
}

/* A block for len elements and at least `slots` slots. What the allocator's size class leaves over is shared out
 * between slots and texts. */
static struct leaf *block_new(struct scoretree *t, unsigned len, unsigned data, unsigned slots)
{
    assert(len > 0 && len <= LEAF_LEN_MAX);
    unsigned least = max_of(len, slots), need = leaf_need(least, data), size = (unsigned)mem_good_size(need);
    unsigned cap = max_of(least, len + (size - leaf_need(len, data)) / (11 + data / len));
    if (cap > LEAF_LEN_MAX) cap = LEAF_LEN_MAX;
    while (cap > least && leaf_need(cap, data) > size) cap--;
    struct leaf *l = mem_alloc(size);
    *l = (struct leaf){.size = (uint16_t)size, .cap = (uint8_t)cap};
    l->data_end = (uint16_t)leaf_data_start(l);
    t->bytes += size;
    return l;
}

static void block_free(struct scoretree *t, struct leaf *l)
{
    t->bytes -= l->size;
    mem_free_sized(l, l->size);
}

struct leaf *leaf_new(struct scoretree *t, unsigned len, unsigned data)
{
    struct leaf *l = block_new(t, len, data, 0);
    l->id = directory_add(t);
    *directory_entry(t, l->id) = (uintptr_t)l;
    return l;
}

void leaf_free(struct scoretree *t, struct leaf *l)
{
    *directory_entry(t, l->id) = (uintptr_t)t->free_id << 1 | 1;
    t->free_id = l->id;
    block_free(t, l);
}

struct leaf *leaf_rebuild(struct scoretree *t, struct leaf *l, unsigned len, unsigned data)
{
    unsigned slots = leaf_slots_used(l);
    struct leaf *to = block_new(t, l->len + len, leaf_live(l) + data, slots);
    to->parent = l->parent;
    to->used = l->used;
    to->id = l->id;
    to->next = l->next;
    to->prev = l->prev;
    to->len = l->len;
    memcpy(leaf_scores(to), leaf_scores(l), slots * sizeof(double));
    memcpy(leaf_order(to), leaf_order(l), l->len);
    if (l->dead == 0) {
        unsigned size = leaf_live(l), was = leaf_data_start(l), is = to->data_end;
        memcpy((char *)to + is, (const char *)l + was, size);
        for (unsigned i = 0; i < slots; i++) /* in free slots any value will do */
            leaf_offsets(to)[i] = (uint16_t)(leaf_offsets(l)[i] - was + is);
        to->data_end = (uint16_t)(to->data_end + size);
    } else {
        for (unsigned i = 0; i < l->len; i++) {
            const uint8_t *text = leaf_text(l, i);
            leaf_offsets(to)[leaf_order(l)[i]] = to->data_end;
            memcpy((char *)to + to->data_end, text, text_size(text));
            to->data_end = (uint16_t)(to->data_end + text_size(text));
        }
    }
    *directory_entry(t, to->id) = (uintptr_t)to;
    if (l->parent != NULL)
        l->parent->child[child_index(l->parent, l)] = to;
    else if (t->root == l)
        t->root = to;
    block_free(t, l);
    return to;
}

bool leaf_has_room(const struct leaf *l, unsigned data)
{
    return l->len < l->cap && l->data_end + data <= l->size;
}

unsigned leaf_put(struct leaf *l, unsigned pos, const uint8_t *text, double score)
{
    unsigned size = text_size(text), slot = (unsigned)__builtin_ctzll(~l->used);
    assert(leaf_has_room(l, size) && pos <= l->len && slot < l->cap);
    uint8_t *order = leaf_order(l);
    memmove(order + pos + 1, order + pos, l->len - pos);
    leaf_scores(l)[slot] = score;
    order[pos] = (uint8_t)slot;
    memcpy((char *)l + l->data_end, text, size);
    leaf_offsets(l)[slot] = l->data_end;
    l->data_end = (uint16_t)(l->data_end + size);
    l->used |= (uint64_t)1 << slot;
    l->len++;
    return slot;
}

void leaf_cut(struct leaf *l, unsigned pos, unsigned count)
{
    uint8_t *order = leaf_order(l);
    assert(pos + count <= l->len);
    for (unsigned i = pos; i < pos + count; i++) {
        l->dead = (uint16_t)(l->dead + text_size(leaf_text(l, i)));
        l->used &= ~((uint64_t)1 << order[i]);
    }
    unsigned rest = l->len - pos - count;
    memmove(order + pos, order + pos + count, rest);
    l->len = (uint8_t)(l->len - count);
}

static void index_replace(struct scoretree *t, uint64_t hash, const void *old, void *ref)
{
    bool found = table_replace(&t->index, hash, old, ref);
    assert(found);
    (void)found;
}

void leaf_renumber(struct scoretree *t, struct leaf *l)
{
    uint64_t hashes[LEAF_LEN_MAX];
    uint8_t *order = leaf_order(l);
    for (unsigned i = 0; i < l->len; i++) {
        if (order[i] < l->len) continue;
        hashes[i] = hash_slice(t->seed, text_member(leaf_text(l, i)));
        table_prefetch_bucket(&t->index, hashes[i]);
    }
    for (unsigned i = 0; i < l->len; i++) {
        unsigned old = order[i], slot = (unsigned)__builtin_ctzll(~l->used);
        if (old < l->len) continue;
        index_replace(t, hashes[i], ref_make(l->id, old), ref_make(l->id, slot));
        leaf_offsets(l)[slot] = leaf_offsets(l)[old];
        leaf_scores(l)[slot] = leaf_scores(l)[old];
        l->used ^= (uint64_t)1 << slot | (uint64_t)1 << old;
        order[i] = (uint8_t)slot;
    }
}

void leaf_move(struct scoretree *t, struct leaf *from, unsigned pos, struct leaf *to)
{
    uint64_t hashes[LEAF_LEN_MAX];
    uint8_t slots[LEAF_LEN_MAX];
    for (unsigned i = pos; i < from->len; i++) {
        const uint8_t *text = leaf_text(from, i);
        hashes[i] = hash_slice(t->seed, text_member(text));
        table_prefetch_bucket(&t->index, hashes[i]);
        slots[i] = (uint8_t)leaf_put(to, to->len, text, leaf_score(from, i));
    }
    for (unsigned i = pos; i < from->len; i++)
        index_replace(t, hashes[i], ref_make(from->id, leaf_order(from)[i]), ref_make(to->id, slots[i]));
    leaf_cut(from, pos, from->len - pos);
}
