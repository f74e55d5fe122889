/* The large form of a list: a chain of nodes, and a tree over those between the ends.
 *
 *      head                                               tail
 *       n <-> n <-> n <-> n <-> n <-> n <-> n <-> n <-> n <-> n
 *             \_________ struct list_inner: counts __________/
 *
 * The first and the last node stay outside the tree: a push or a pop touches one node and the length, and the tree
 * learns of a node only when it stops being an end. They are never compressed either. With list-compress-depth d > 0,
 * the d nodes at either end are plain bytes and those between are compressed as far as that saves something; a change
 * decompresses the nodes that it works on, and chain_settle restores the rule. Reading changes nothing: it expands
 * into memory of its own. */
#include "value/list_impl.h"

#include "base/mem.h"

#include <assert.h>

enum { ROOM_START_MIN = 64, CHAIN_DEPTH_MAX = UINT16_MAX };

struct list_chain *chain_new(const struct value_limits *limits)
{
    struct list_chain *c = mem_zalloc(sizeof *c);
    int64_t depth = limits->list_compress_depth;
    c->limit = list_limit_of(limits->list_listpack_size);
    c->depth = depth < 0 ? 0 : depth > CHAIN_DEPTH_MAX ? CHAIN_DEPTH_MAX : (uint32_t)depth;
    return c;
}

void chain_free(struct list_chain *owned_c)
{
    for (struct list_node *n = owned_c->head, *next; n != NULL; n = next) {
        next = n->next;
        node_free(n);
    }
    list_tree_free(owned_c->root);
    mem_free_sized(owned_c, sizeof *owned_c);
}

struct list_chain *chain_dup(const struct list_chain *c)
{
    struct list_chain *copy = mem_zalloc(sizeof *copy);
    copy->limit = c->limit;
    copy->depth = c->depth;
    for (const struct list_node *n = c->head; n != NULL; n = n->next) chain_link(copy, copy->tail, node_dup(n));
    return copy;
}

/* ---- linking */

static void leave_tree(struct list_chain *c, struct list_node *n)
{
    if (n->parent != NULL) list_tree_remove(&c->root, n);
}

void chain_link(struct list_chain *c, struct list_node *prev, struct list_node *owned_n)
{
    struct list_node *n = owned_n, *next = prev != NULL ? prev->next : c->head;
    n->prev = prev;
    n->next = next;
    if (prev != NULL) prev->next = n;
    if (next != NULL) next->prev = n;
    if (prev == NULL) c->head = n;
    if (next == NULL) c->tail = n;
    /* Whoever is no end any more goes into the tree. */
    if (prev != NULL && next != NULL)
        list_tree_insert(&c->root, n);
    else if (prev == NULL && next != NULL && next != c->tail)
        list_tree_insert(&c->root, next);
    else if (next == NULL && prev != NULL && prev != c->head)
        list_tree_insert(&c->root, prev);
    c->nodes++;
    c->len += n->count;
}

void chain_unlink(struct list_chain *c, struct list_node *n)
{
    leave_tree(c, n);
    if (n->prev != NULL)
        n->prev->next = n->next;
    else
        c->head = n->next;
    if (n->next != NULL)
        n->next->prev = n->prev;
    else
        c->tail = n->prev;
    if (c->head != NULL) {
        leave_tree(c, c->head);
        leave_tree(c, c->tail);
    }
    n->prev = n->next = NULL;
    c->nodes--;
    c->len -= n->count;
}

void chain_recount(struct list_chain *c, struct list_node *n, int64_t change)
{
    if (change == 0) return;
    c->len += (size_t)change;
    if (n->parent != NULL) list_tree_recount(n, change);
}

struct list_node *chain_find(const struct list_chain *c, size_t index, size_t *offset)
{
    assert(index < c->len);
    *offset = index;
    if (index < c->head->count) return c->head;
    size_t before_tail = c->len - c->tail->count;
    if (index >= before_tail) {
        *offset -= before_tail;
        return c->tail;
    }
    *offset -= c->head->count;
    return list_tree_find(c->root, offset);
}

/* ---- compression */

static bool is_outer(const struct list_chain *c, const struct list_node *n)
{
    const struct list_node *from_head = c->head, *from_tail = c->tail;
    for (uint32_t i = 0; i < c->depth && from_head != NULL; i++) {
        if (from_head == n || from_tail == n) return true;
        from_head = from_head->next;
        from_tail = from_tail->prev;
    }
    return from_head == NULL;
}

enum { SETTLE_REACH = 8 }; /* a change adds or opens no more nodes than this */

static void settle_inner(struct list_chain *c, struct list_node *n)
{
    for (int i = 0; i < SETTLE_REACH && n != NULL; i++, n = n->next) {
        if (!is_outer(c, n)) node_compress(n);
    }
}

void chain_settle(struct list_chain *c, struct list_node *n)
{
    if (likely(c->depth == 0)) return;
    struct list_node *from_head = c->head, *from_tail = c->tail;
    for (uint32_t i = 0; i < c->depth && from_head != NULL; i++) {
        node_decompress(from_head);
        node_decompress(from_tail);
        from_head = from_head->next;
        from_tail = from_tail->prev;
    }
    settle_inner(c, from_head);
    for (int i = 1; i < SETTLE_REACH && from_tail != NULL; i++) {
        if (from_tail->prev != NULL) from_tail = from_tail->prev;
    }
    settle_inner(c, from_tail);
    if (n != NULL) settle_inner(c, n->prev != NULL ? n->prev : n);
}

/* ---- the ends */

static struct list_node *end_node(const struct list_chain *c, enum list_end end)
{
    return end == LIST_HEAD ? c->head : c->tail;
}

static void link_at_end(struct list_chain *c, enum list_end end, struct list_node *owned_n)
{
    struct list_node *old = end_node(c, end);
    chain_link(c, end == LIST_HEAD ? NULL : c->tail, owned_n);
    if (old != NULL) node_shrink(old);
    chain_settle(c, NULL);
}

/* A new node begins with half of what the one beside it came to: long lists of small nodes waste nothing, and others
 * grow twice. */
static struct list_node *node_beside(const struct list_chain *c, const struct list_node *old, size_t need,
                                     enum list_end end)
{
    size_t room = old != NULL && old->kind == NODE_PACKED ? old->size / 2 : 0;
    if (room > c->limit.bytes / 4) room = c->limit.bytes / 4;
    if (room < ROOM_START_MIN) room = ROOM_START_MIN;
    return node_new(room > need ? room : need, end);
}

void chain_push(struct list_chain *c, enum list_end end, struct slice element)
{
    struct list_node *n = end_node(c, end);
    if (unlikely(element.len > c->limit.bytes)) {
        link_at_end(c, end, node_new_plain(element));
        return;
    }
    struct listpack_entry e;
    size_t size = listpack_entry_make(&e, element);
    if (likely(n != NULL && n->kind == NODE_PACKED && !list_exceeds(&c->limit, n->size + size, n->count + 1u))) {
        node_push(n, end, &e, size, c->limit.bytes);
        c->len++;
        return;
    }
    n = node_beside(c, n, LISTPACK_SIZE_EMPTY + size, end);
    node_push(n, end, &e, size, c->limit.bytes);
    link_at_end(c, end, n);
}

bool chain_push_blob(struct list_chain *c, enum list_end end, struct blob *owned_element)
{
    if (blob_slice(owned_element).len <= c->limit.bytes) return false;
    link_at_end(c, end, node_new_blob(owned_element));
    return true;
}

void chain_drop(struct list_chain *c, enum list_end end, size_t count)
{
    while (count > 0) {
        struct list_node *n = end_node(c, end);
        if (count < n->count) {
            node_drop(n, end, (uint32_t)count);
            c->len -= count;
            return;
        }
        count -= n->count;
        chain_unlink(c, n);
        node_free(n);
        chain_settle(c, NULL);
    }
}

/* ---- the rest */

size_t chain_mem(const struct list_chain *c, size_t samples)
{
    size_t sum = 0, seen = 0;
    for (const struct list_node *n = c->head; n != NULL; n = n->next) {
        sum += node_mem(n);
        if (++seen == samples) break;
    }
    if (seen > 0) sum = (size_t)((double)sum / (double)seen * (double)c->nodes);
    return mem_good_size(sizeof *c) + sum + list_tree_mem(c->root);
}

void chain_check(const struct list_chain *c)
{
    size_t len = 0, nodes = 0;
    for (const struct list_node *n = c->head; n != NULL; n = n->next, nodes++) {
        node_check(n);
        len += n->count;
        assert(n->prev != NULL ? n->prev->next == n : c->head == n);
        assert(n->next != NULL || c->tail == n);
        assert((n->parent == NULL) == (n == c->head || n == c->tail));
        if (c->depth == 0 || is_outer(c, n))
            assert(n->lzf_size == 0);
        else
            assert(n->lzf_size != 0 || n->stubborn || n->size < 48);
        assert(n->count == 1 || n->size <= c->limit.bytes + c->limit.bytes / 4 || n->kind == NODE_PACKED);
    }
    assert(len == c->len && nodes == c->nodes);
    assert((c->head == NULL) == (c->tail == NULL) && (c->root == NULL) == (c->nodes < 3));
    size_t below = list_tree_check(c->root);
    assert(c->nodes < 3 || below == c->len - c->head->count - c->tail->count);
    (void)below;
}
