/* A binary heap in an array; entry i has the children 2i + 1 and 2i + 2. The keys lie in the array, next to each
 * other, so that sifting touches a node only to note its new place. */
#include "ds/heap.h"

#include "base/mem.h"

#include <assert.h>

enum { HEAP_CAP_MIN = 8 };

void heap_init(struct heap *h)
{
    *h = (struct heap){NULL, 0, 0};
}

void heap_deinit(struct heap *h)
{
    mem_free(h->entries);
    heap_init(h);
}

static inline void heap_put(struct heap *h, size_t i, struct heap_entry e)
{
    h->entries[i] = e;
    e.node->pos = i + 1;
}

/* Entry e goes to place i or, while its parent there is later, above. */
static void heap_sift_up(struct heap *h, size_t i, struct heap_entry e)
{
    for (size_t parent; i > 0 && h->entries[parent = (i - 1) / 2].key > e.key; i = parent)
        heap_put(h, i, h->entries[parent]);
    heap_put(h, i, e);
}

static void heap_sift_down(struct heap *h, size_t i, struct heap_entry e)
{
    for (size_t child; (child = 2 * i + 1) < h->len; i = child) {
        if (child + 1 < h->len && h->entries[child + 1].key < h->entries[child].key) child++;
        if (h->entries[child].key >= e.key) break;
        heap_put(h, i, h->entries[child]);
    }
    heap_put(h, i, e);
}

static void heap_place(struct heap *h, size_t i, struct heap_entry e)
{
    if (i > 0 && h->entries[(i - 1) / 2].key > e.key) {
        heap_sift_up(h, i, e);
    } else {
        heap_sift_down(h, i, e);
    }
}

void heap_set(struct heap *h, struct heap_node *node, uint64_t key)
{
    struct heap_entry e = {key, node};
    if (heap_contains(node)) {
        heap_place(h, node->pos - 1, e);
        return;
    }
    if (h->len == h->cap) {
        h->cap = h->cap == 0 ? HEAP_CAP_MIN : h->cap * 2;
        h->entries = mem_realloc(h->entries, h->cap * sizeof *h->entries);
    }
    heap_sift_up(h, h->len++, e);
}

void heap_remove(struct heap *h, struct heap_node *node)
{
    if (!heap_contains(node)) return;
    size_t i = node->pos - 1;
    assert(i < h->len && h->entries[i].node == node);
    node->pos = 0;
    struct heap_entry last = h->entries[--h->len];
    if (i < h->len) heap_place(h, i, last);
    if (h->len == 0) {
        heap_deinit(h);
    } else if (h->cap > HEAP_CAP_MIN && h->len < h->cap / 4) {
        h->cap /= 2;
        h->entries = mem_realloc(h->entries, h->cap * sizeof *h->entries);
    }
}

uint64_t heap_key(const struct heap *h, const struct heap_node *node)
{
    assert(heap_contains(node));
    return h->entries[node->pos - 1].key;
}

void heap_moved(struct heap *h, struct heap_node *node)
{
    assert(heap_contains(node) && node->pos <= h->len);
    h->entries[node->pos - 1].node = node;
}

/* A walk over the top of the heap: from i to its first child, or to the next place on the right or above. */
size_t heap_count_until(const struct heap *h, uint64_t key, size_t max)
{
    size_t count = 0, i = 0;
    if (max == 0) return 0;
    for (;;) {
        if (i < h->len && h->entries[i].key <= key) {
            if (++count >= max) return max;
            i = 2 * i + 1;
            continue;
        }
        while (i > 0 && i % 2 == 0) i = (i - 1) / 2; /* a right child: back up */
        if (i == 0) return count;
        i++;
    }
}

/* Large keys are at the end, if anywhere. */
bool heap_all_until(const struct heap *h, uint64_t key)
{
    for (size_t i = h->len; i-- > 0;)
        if (h->entries[i].key > key) return false;
    return true;
}

void heap_check(const struct heap *h)
{
    assert(h->len <= h->cap);
    for (size_t i = 0; i < h->len; i++) {
        assert(h->entries[i].node->pos == i + 1);
        assert(i == 0 || h->entries[(i - 1) / 2].key <= h->entries[i].key);
    }
}
