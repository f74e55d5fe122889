/* A binary min-heap of 64-bit keys, usually times. The node lies in the owner's struct and knows its place, so that
 * it can be removed or moved in O(log n). The heap owns only its array. */
#ifndef CAIRN_DS_HEAP_H
#define CAIRN_DS_HEAP_H

#include "base/compiler.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct heap_node {
    size_t pos; /* place in the heap + 1; 0: in no heap. Zero it before first use */
};

struct heap_entry {
    uint64_t key;
    struct heap_node *node;
};

struct heap { /* private */
    struct heap_entry *entries;
    size_t len, cap;
};

void heap_init(struct heap *h);   /* allocates nothing */
void heap_deinit(struct heap *h); /* the nodes are left as they are */
static inline size_t heap_len(const struct heap *h)
{
    return h->len;
}
static inline bool heap_contains(const struct heap_node *node)
{
    return node->pos != 0;
}
/* Puts the node in, or moves it to a new key if it is in already. O(log n). */
void heap_set(struct heap *h, struct heap_node *node, uint64_t key);
void heap_remove(struct heap *h, struct heap_node *node);      /* allowed when it is in no heap */
static inline struct heap_node *heap_min(const struct heap *h) /* view, or NULL. O(1) */
{
    return h->len == 0 ? NULL : h->entries[0].node;
}
static inline uint64_t heap_min_key(const struct heap *h) /* UINT64_MAX when empty */
{
    return h->len == 0 ? UINT64_MAX : h->entries[0].key;
}
uint64_t heap_key(const struct heap *h, const struct heap_node *node);
/* The owner's struct was copied to another place; only node->pos of the new place is read. O(1) */
void heap_moved(struct heap *h, struct heap_node *node);
/* Nodes with keys up to this one; counts to `max` at most. O(result) */
size_t heap_count_until(const struct heap *h, uint64_t key, size_t max);
bool heap_all_until(const struct heap *h, uint64_t key); /* no key is larger; O(n), but a larger one is soon found */
static inline size_t heap_mem(const struct heap *h)          /* bytes beyond struct heap */
{
    return h->cap * sizeof(*h->entries);
}
void heap_check(const struct heap *h);

#endif
