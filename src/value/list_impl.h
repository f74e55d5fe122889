/* The inside of lists, for the files of value/ only. The picture of the large form is in list_chain.c. */
#ifndef CAIRN_VALUE_LIST_IMPL_H
#define CAIRN_VALUE_LIST_IMPL_H

#include "base/blob.h"
#include "ds/listpack.h"
#include "value/list.h"

/* What the pointer of the record points to. */
enum list_encoding { LIST_PACKED, LIST_CHAINED };

/* What a listpack, alone or as a node, may hold; one with a single element may be larger. */
struct list_limit {
    size_t bytes, elements;
};
struct list_limit list_limit_of(int64_t list_listpack_size);
static inline bool list_exceeds(const struct list_limit *limit, size_t bytes, size_t elements)
{
    return bytes > limit->bytes || elements > limit->elements;
}

/* ---- list_node.c: one node */

enum node_kind { NODE_PACKED, NODE_PLAIN };

struct list_node {
    struct list_inner *parent;     /* NULL: the first or the last node, which stand outside the tree */
    struct list_node *prev, *next;
    /* Packed: an allocation of `room` bytes, in which the listpack lies `gap` bytes behind the start. Plain: a struct
     * blob, one element too large for a listpack. Compressed, whichever it was: lzf_size bytes of LZF. */
    void *block;
    size_t size;                   /* of the listpack or the element, uncompressed */
    uint32_t count;                /* elements */
    uint32_t gap, room;            /* 0 when plain or compressed */
    uint32_t lzf_size;             /* 0: not compressed */
    uint8_t kind;
    bool stubborn;                 /* compressing it was tried in vain; until it changes */
};

struct list_node *node_new(size_t room, enum list_end filled_from) must_use; /* an empty listpack */
struct list_node *node_new_packed(struct listpack *owned_lp) must_use;
struct list_node *node_new_plain(struct slice element) must_use;
struct list_node *node_new_blob(struct blob *owned_element) must_use;
struct list_node *node_dup(const struct list_node *n) must_use; /* unlinked */
void node_free(struct list_node *owned_n);
struct listpack *node_take_listpack(struct list_node *owned_n) must_use; /* its listpack, as an allocation of its own */
static inline struct listpack *node_listpack(const struct list_node *n) /* view; packed, not compressed */
{
    return (struct listpack *)((char *)n->block + n->gap);
}
/* The listpack at the start of its block, where the functions that may move it want it; then what they returned. */
struct listpack *node_open(struct list_node *n) must_use;
void node_close(struct list_node *n, struct listpack *lp);
/* In place, mostly; uncompressed packed nodes. room_max: what the block may grow to without need. */
void node_push(struct list_node *n, enum list_end end, const struct listpack_entry *e, size_t e_size, size_t room_max);
void node_drop(struct list_node *n, enum list_end end, uint32_t count);
void node_shrink(struct list_node *n);     /* gives back room that is worth it */
void node_compress(struct list_node *n);   /* if it is large enough and gets smaller */
void node_decompress(struct list_node *n);
size_t node_mem(const struct list_node *n);
void node_check(const struct list_node *n);

/* A node's content for reading, whatever its form; nothing is changed in the node. */
struct node_view {
    const struct listpack *lp;     /* NULL: plain */
    struct slice element;          /* of a plain node */
    struct blob *blob;             /* whose bytes these are, if any */
    void *scratch;
};
void node_view_open(struct node_view *view, const struct list_node *n);
void node_view_close(struct node_view *view);

/* ---- list_tree.c: the nodes between the first and the last one, with counts. See there. */

enum { INNER_LEN_MAX = 31, INNER_MERGE_LEN = 20 };

struct list_inner {
    struct list_inner *parent;
    uint16_t len, level;           /* level 1: the children are nodes of the list */
    size_t count[INNER_LEN_MAX];   /* elements below each child */
    void *child[INNER_LEN_MAX];
};
_Static_assert(sizeof(struct list_inner) == 512, "fills a size class");

/* n is linked to its neighbours already, and at least one of them is in the tree, or the tree is empty. */
void list_tree_insert(struct list_inner **root, struct list_node *n);
void list_tree_remove(struct list_inner **root, struct list_node *n);
void list_tree_recount(struct list_node *n, int64_t change); /* n->count has changed by that */
struct list_node *list_tree_find(const struct list_inner *root, size_t *index); /* index becomes one of the node */
size_t list_tree_mem(const struct list_inner *root);
void list_tree_free(struct list_inner *root);                /* not the nodes */
size_t list_tree_check(const struct list_inner *root);       /* returns the elements */

/* ---- list_chain.c, list_chain_edit.c: all nodes */

struct list_chain {
    size_t len, nodes;
    struct list_node *head, *tail;
    struct list_inner *root;       /* NULL: nothing between them */
    struct list_limit limit;       /* of a node, as configured when the chain was made */
    uint32_t depth;                /* nodes at either end that stay uncompressed; 0: all */
};

struct list_chain *chain_new(const struct value_limits *limits) must_use;
void chain_free(struct list_chain *owned_c);
struct list_chain *chain_dup(const struct list_chain *c) must_use;
size_t chain_mem(const struct list_chain *c, size_t samples);
void chain_check(const struct list_chain *c);
void chain_link(struct list_chain *c, struct list_node *prev, struct list_node *owned_n); /* prev NULL: in front */
void chain_unlink(struct list_chain *c, struct list_node *n);                            /* the caller's afterwards */
void chain_recount(struct list_chain *c, struct list_node *n, int64_t change);
/* Compresses and decompresses after a change around n (may be NULL) that added no more than a few nodes. */
void chain_settle(struct list_chain *c, struct list_node *n);
/* The node of an element, and the element's index in it. index < len. */
struct list_node *chain_find(const struct list_chain *c, size_t index, size_t *offset);
void chain_push(struct list_chain *c, enum list_end end, struct slice element);
bool chain_push_blob(struct list_chain *c, enum list_end end, struct blob *owned_element); /* false: not that large */
void chain_drop(struct list_chain *c, enum list_end end, size_t count);
void chain_insert(struct list_chain *c, struct list_node *n, size_t offset, struct slice element); /* at that place */
void chain_replace(struct list_chain *c, struct list_node *n, size_t offset, struct slice element);
void chain_delete(struct list_chain *c, size_t start, size_t count);
size_t chain_erase(struct list_chain *c, struct slice element, size_t max, bool from_tail);

/* Deletes up to max equal elements, the first or the last ones. The listpack may become empty. */
struct listpack *list_erase_packed(struct listpack *lp, struct slice element, size_t max, bool from_tail,
                                   size_t *erased) must_use;

/* Whether a value of a listpack is this element; made once per search. */
struct list_needle {
    struct slice text;
    int64_t number;
    bool is_number;
};
struct list_needle list_needle_of(struct slice element);
static inline bool list_needle_is(const struct list_needle *needle, const struct listpack_value *v)
{
    if (v->is_number) return needle->is_number && needle->number == v->number;
    return slice_eq(v->text, needle->text);
}

#endif
