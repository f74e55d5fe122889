/* Leaves of the scoretree: one block each, its layout in scoretree.c, and the directory that finds a leaf by its id.
 *
 * The directory is an array of chunks of 512 addresses, so that growing never copies more than one chunk and the short
 * array of chunks. The first chunk grows by doubling, for small trees. A free entry holds the next free id, shifted
 * left, with the lowest bit set. Id 0 is none, so that no reference is NULL. */
#include "base/mem.h"
#include "ds/scoretree_impl.h"

enum { FIRST_CHUNK_IDS = 8 };

static unsigned round_up_4(unsigned n)
{
    return (n + 3) & ~3u;
}

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

unsigned leaf_need(unsigned len, unsigned data, unsigned slots)
{
    return LEAF_HEAD + 2 * round_up_4(slots > len ? slots : len) + 9 * len + data;
}

unsigned leaf_slots_used(const struct leaf *l)
{
    return l->used == 0 ? 0 : 64 - (unsigned)__builtin_clzll(l->used);
}

/* A block for len elements, with what the allocator's size class leaves over shared out between slots and texts. */
static struct leaf *block_new(struct scoretree *t, unsigned len, unsigned data, unsigned slots)
{
    assert(len > 0 && len <= LEAF_LEN_MAX);
    unsigned need = leaf_need(len, data, slots);
    unsigned size = (unsigned)mem_good_size(need);
    unsigned cap = len + (size - need) / (11 + data / len);
    if (cap > LEAF_LEN_MAX) cap = LEAF_LEN_MAX;
    while (cap > len && leaf_need(cap, data, slots) > size) cap--;
    struct leaf *l = mem_alloc(size);
    *l = (struct leaf){.size = (uint16_t)size, .cap = (uint8_t)cap};
    l->slots = (uint8_t)round_up_4(slots > cap ? slots : cap);
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
    struct leaf *l = block_new(t, len, data, len);
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
    memcpy(leaf_scores(to), leaf_scores(l), l->len * sizeof(double));
    memcpy(leaf_order(to), leaf_order(l), l->len);
    if (l->dead == 0) {
        unsigned size = leaf_live(l), was = leaf_data_start(l), is = to->data_end;
        memcpy((char *)to + is, (const char *)l + was, size);
        unsigned both = l->slots < to->slots ? l->slots : to->slots; /* of free slots any value will do */
        for (unsigned i = 0; i < both; i++) leaf_offsets(to)[i] = (uint16_t)(leaf_offsets(l)[i] - was + is);
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
    assert(leaf_has_room(l, size) && pos <= l->len && slot < l->slots);
    double *scores = leaf_scores(l);
    uint8_t *order = leaf_order(l);
    memmove(scores + pos + 1, scores + pos, (l->len - pos) * sizeof *scores);
    memmove(order + pos + 1, order + pos, l->len - pos);
    scores[pos] = score;
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
    double *scores = leaf_scores(l);
    uint8_t *order = leaf_order(l);
    assert(pos + count <= l->len);
    for (unsigned i = pos; i < pos + count; i++) {
        l->dead = (uint16_t)(l->dead + text_size(leaf_text(l, i)));
        l->used &= ~((uint64_t)1 << order[i]);
    }
    unsigned rest = l->len - pos - count;
    memmove(scores + pos, scores + pos + count, rest * sizeof *scores);
    memmove(order + pos, order + pos + count, rest);
    l->len = (uint8_t)(l->len - count);
}

void leaf_move(struct scoretree *t, struct leaf *from, unsigned pos, struct leaf *to)
{
    uint64_t hashes[LEAF_LEN_MAX];
    uint8_t slots[LEAF_LEN_MAX];
    for (unsigned i = pos; i < from->len; i++) {
        const uint8_t *text = leaf_text(from, i);
        hashes[i] = hash_slice(t->seed, text_member(text));
        table_prefetch_bucket(&t->index, hashes[i]);
        slots[i] = (uint8_t)leaf_put(to, to->len, text, leaf_scores(from)[i]);
    }
    for (unsigned i = pos; i < from->len; i++) {
        bool found = table_replace(&t->index, hashes[i], ref_make(from->id, leaf_order(from)[i]),
                                   ref_make(to->id, slots[i]));
        assert(found);
        (void)found;
    }
    leaf_cut(from, pos, from->len - pos);
}
