/* Private to ds/scoretree*.c: the layout of nodes and what reads it. The picture is in scoretree.c. */
#ifndef CAIRN_DS_SCORETREE_IMPL_H
#define CAIRN_DS_SCORETREE_IMPL_H

#include "base/compiler.h"
#include "ds/scoretree.h"

#include <assert.h>

enum {
    LEAF_LEN_MAX = 64,      /* bits of leaf->used, and of a slot's number in a reference: 6 */
    LEAF_BYTES_MAX = 2048,  /* a leaf that would need more is split */
    LEAF_MERGE_LEN = 40,    /* two siblings with no more elements together become one ... */
    LEAF_MERGE_BYTES = 1280, /* ... if they need no more than this */
    INNER_LEN_MAX = 42,     /* makes struct inner 1,024 bytes */
    INNER_MERGE_LEN = 26,
    MEMBER_INLINE_MAX = 127,
    CHUNK_BITS = 9,
    CHUNK_IDS = 1 << CHUNK_BITS,
    SLOT_BITS = 6,
};

struct inner {
    struct inner *parent; /* first, as in struct leaf */
    uint16_t len, level;  /* level 1: the children are leaves */
    double score[INNER_LEN_MAX]; /* of the first element below each child */
    void *child[INNER_LEN_MAX];
    size_t count[INNER_LEN_MAX]; /* elements below each child */
};
_Static_assert(sizeof(struct inner) == 1024, "fills a size class");

struct leaf {
    struct inner *parent;
    uint64_t used;            /* slots */
    uint32_t id, next, prev;  /* ids, 0: none */
    uint16_t size;            /* of the block */
    uint16_t data_end, dead;  /* end of the texts; bytes of texts removed */
    uint8_t len, cap;         /* elements; room in the arrays */
    /* uint16_t offset[cap], aligned double score[cap], uint8_t order[cap], texts */
};
enum { LEAF_HEAD = 40 };
_Static_assert(sizeof(struct leaf) == LEAF_HEAD, "the arrays follow, aligned");

/* Text: one byte of length and the member; or TEXT_LONG and the address of a struct long_member. */
enum { TEXT_LONG = 255, TEXT_LONG_SIZE = 1 + sizeof(void *), TEXT_SIZE_MAX = 1 + MEMBER_INLINE_MAX };

struct long_member {
    size_t len;
    char bytes[];
};

static inline unsigned leaf_scores_start(unsigned cap)
{
    return LEAF_HEAD + ((2 * cap + 7) & ~7u);
}
static inline uint16_t *leaf_offsets(const struct leaf *l) /* by slot */
{
    return (uint16_t *)(uintptr_t)((const char *)l + LEAF_HEAD);
}
static inline double *leaf_scores(const struct leaf *l) /* by slot */
{
    return (double *)(uintptr_t)((const char *)l + leaf_scores_start(l->cap));
}
static inline uint8_t *leaf_order(const struct leaf *l) /* slots by position */
{
    return (uint8_t *)(leaf_scores(l) + l->cap);
}
static inline unsigned leaf_data_start(const struct leaf *l)
{
    return leaf_scores_start(l->cap) + 9u * l->cap;
}
static inline unsigned leaf_live(const struct leaf *l) /* bytes of texts in use */
{
    return l->data_end - leaf_data_start(l) - l->dead;
}
static inline uint8_t *leaf_slot_text(const struct leaf *l, unsigned slot)
{
    return (uint8_t *)(uintptr_t)l + leaf_offsets(l)[slot];
}
static inline uint8_t *leaf_text(const struct leaf *l, unsigned pos)
{
    return leaf_slot_text(l, leaf_order(l)[pos]);
}
static inline double leaf_score(const struct leaf *l, unsigned pos)
{
    return leaf_scores(l)[leaf_order(l)[pos]];
}
static inline unsigned leaf_pos(const struct leaf *l, unsigned slot)
{
    const uint8_t *order = leaf_order(l), *at = memchr(order, (int)slot, l->len);
    assert(at != NULL);
    return (unsigned)(at - order);
}

static inline unsigned text_size(const uint8_t *text)
{
    return text[0] == TEXT_LONG ? (unsigned)TEXT_LONG_SIZE : 1u + text[0];
}
static inline struct long_member *text_long(const uint8_t *text)
{
    struct long_member *m;
    memcpy(&m, text + 1, sizeof m);
    return m;
}
static inline struct slice text_member(const uint8_t *text)
{
    if (likely(text[0] != TEXT_LONG)) return slice_of(text + 1, text[0]);
    const struct long_member *m = text_long(text);
    return slice_of(m->bytes, m->len);
}

/* What the index stores: | id of the leaf, 32 bits | slot, 6 bits | 000 |. */
static inline void *ref_make(uint32_t id, unsigned slot)
{
    return (void *)(((uintptr_t)id << SLOT_BITS | slot) << 3);
}
static inline unsigned ref_slot(const void *ref)
{
    return (uintptr_t)ref >> 3 & (LEAF_LEN_MAX - 1);
}
static inline struct leaf *leaf_by_id(const struct scoretree *t, uint32_t id)
{
    return (struct leaf *)t->chunks[id >> CHUNK_BITS][id & (CHUNK_IDS - 1)];
}
static inline struct leaf *ref_leaf(const struct scoretree *t, const void *ref)
{
    return leaf_by_id(t, (uint32_t)((uintptr_t)ref >> (3 + SLOT_BITS)));
}

static inline unsigned child_index(const struct inner *n, const void *child)
{
    unsigned i = 0;
    while (n->child[i] != child) i++;
    return i;
}
static inline size_t inner_sum(const struct inner *n, unsigned len) /* elements below the first len children */
{
    size_t sum = 0;
    for (unsigned i = 0; i < len; i++) sum += n->count[i];
    return sum;
}
static inline const struct leaf *leftmost_leaf(const void *node, unsigned level)
{
    for (; level > 0; level--) node = ((const struct inner *)node)->child[0];
    return node;
}

/* The member as it is looked for in the index. */
struct member_key {
    const struct scoretree *t;
    struct slice member;
};

/* Finds the leaf and the position (len of the leaf: behind its last) where the bound lies; the tree is not empty. */
void scoretree_descend(const struct scoretree *t, const struct scoretree_bound *bound, struct leaf **leaf,
                       unsigned *pos);
/* Elements before a position of a leaf. */
size_t scoretree_rank_at(const struct leaf *l, unsigned pos);
static inline void leaf_prefetch(const struct leaf *l) /* all that a search by score reads in a full leaf */
{
    for (unsigned line = 0; line < 13; line++) prefetch_read((const char *)l + 64 * line);
}
bool scoretree_precedes(double score, const uint8_t *text, const struct scoretree_bound *bound);

/* ---- scoretree_leaf.c ---- */
unsigned leaf_need(unsigned cap, unsigned data); /* bytes for `cap` slots and `data` bytes of texts */
unsigned leaf_slots_used(const struct leaf *l);  /* the highest + 1 */
struct leaf *leaf_new(struct scoretree *t, unsigned len, unsigned data); /* empty, with room and an id, not linked */
void leaf_free(struct scoretree *t, struct leaf *l);                     /* gives back the id; not its long members */
/* Moves the leaf to a block that is right for its elements and `len` and `data` more; slots stay. */
struct leaf *leaf_rebuild(struct scoretree *t, struct leaf *l, unsigned len, unsigned data);
void leaf_renumber(struct scoretree *t, struct leaf *l); /* gives the elements the lowest slots, in the index, too */
bool leaf_has_room(const struct leaf *l, unsigned data);
unsigned leaf_put(struct leaf *l, unsigned pos, const uint8_t *text, double score); /* has room; returns the slot */
void leaf_cut(struct leaf *l, unsigned pos, unsigned count);
/* Moves the elements from pos on to the end of another leaf that has room, in the index, too. */
void leaf_move(struct scoretree *t, struct leaf *from, unsigned pos, struct leaf *to);
void directory_free(struct scoretree *t);
size_t directory_mem(const struct scoretree *t);

#endif
