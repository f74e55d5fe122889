/* Changes inside a chain: at an index, of a range, of all equal elements.
 *
 * A node that would become too large is split; the halves of a split are never merged at once, because two neighbours
 * only become one when together they fill no more than three quarters of a node. */
#include "value/list_impl.h"

#include "base/mem.h"

#include <assert.h>

static uint32_t position(struct listpack *lp, size_t offset)
{
    uint32_t pos = listpack_seek(lp, (int64_t)offset);
    return pos != 0 ? pos : listpack_end(lp);
}

/* What node_close does, with the counts above. */
static void put_back(struct list_chain *c, struct list_node *n, struct listpack *lp)
{
    int64_t before = n->count;
    node_close(n, lp);
    chain_recount(c, n, (int64_t)n->count - before);
}

/* The elements from offset (neither 0 nor the end) on become a node of their own behind n. */
static struct list_node *split(struct list_chain *c, struct list_node *n, size_t offset)
{
    struct listpack *rest, *lp = node_open(n);
    lp = listpack_split(lp, position(lp, offset), &rest);
    put_back(c, n, lp);
    struct list_node *behind = node_new_packed(rest);
    chain_link(c, n, behind);
    return behind;
}

/* An element of n has grown, perhaps. */
static void split_if_large(struct list_chain *c, struct list_node *n)
{
    if (n->count > 1 && n->size > c->limit.bytes) (void)split(c, n, n->count / 2);
}

static bool may_merge(const struct list_chain *c, const struct list_node *a, const struct list_node *b)
{
    if (a == NULL || b == NULL || a->kind != NODE_PACKED || b->kind != NODE_PACKED) return false;
    return a->size + b->size <= c->limit.bytes / 4 * 3 && (size_t)a->count + b->count <= c->limit.elements / 4 * 3;
}

/* b, behind a, becomes part of a. */
static void merge(struct list_chain *c, struct list_node *a, struct list_node *b)
{
    chain_unlink(c, b);
    struct listpack *rest = node_take_listpack(b);
    node_decompress(a);
    struct listpack *lp = listpack_merge(node_open(a), rest);
    put_back(c, a, lp);
}

/* n (may be NULL) has lost elements. */
static void merge_around(struct list_chain *c, struct list_node *n)
{
    if (n == NULL) return;
    if (may_merge(c, n->prev, n)) {
        n = n->prev;
        merge(c, n, n->next);
    }
    if (may_merge(c, n, n->next)) merge(c, n, n->next);
    chain_settle(c, n);
}

/* A node of its own for the element stands behind `prev`. */
static struct list_node *link_single(struct list_chain *c, struct list_node *prev, struct slice element)
{
    struct list_node *n;
    if (element.len > c->limit.bytes) {
        n = node_new_plain(element);
    } else {
        struct listpack *lp = listpack_new(LISTPACK_SIZE_EMPTY + listpack_entry_size(element));
        lp = listpack_append(lp, element);
        assert(lp != NULL);
        n = node_new_packed(lp);
    }
    chain_link(c, prev, n);
    return n;
}

/* Whether the element may become another one of n. */
static bool takes(const struct list_chain *c, const struct list_node *n, size_t size)
{
    return n != NULL && n->kind == NODE_PACKED && !list_exceeds(&c->limit, n->size + size, n->count + 1u);
}

static void insert_in(struct list_chain *c, struct list_node *n, size_t offset, struct slice element)
{
    node_decompress(n);
    struct listpack *lp = node_open(n);
    lp = listpack_insert(lp, position(lp, offset), element);
    assert(lp != NULL);
    put_back(c, n, lp);
    chain_settle(c, n);
}

void chain_insert(struct list_chain *c, struct list_node *n, size_t offset, struct slice element)
{
    bool large = element.len > c->limit.bytes;
    size_t size = large ? 0 : listpack_entry_size(element);
    if (!large && takes(c, n, size)) {
        insert_in(c, n, offset, element);
    } else if (!large && offset == 0 && takes(c, n->prev, size)) {
        insert_in(c, n->prev, n->prev->count, element);
    } else if (!large && offset == n->count && takes(c, n->next, size)) {
        insert_in(c, n->next, 0, element);
    } else if (offset == 0 || offset == n->count) {
        chain_settle(c, link_single(c, offset == 0 ? n->prev : n, element));
    } else if (large) {
        node_decompress(n);
        (void)split(c, n, offset);
        chain_settle(c, link_single(c, n, element));
    } else {
        node_decompress(n);
        struct list_node *behind = split(c, n, n->count / 2 > 0 ? n->count / 2 : 1);
        struct list_node *to = offset <= n->count ? n : behind;
        if (to == behind) offset -= n->count;
        if (takes(c, to, size))
            insert_in(c, to, offset, element);
        else /* a node of two elements, or one of one large one: what is left has a border there */
            chain_insert(c, to, offset, element);
        chain_settle(c, n);
    }
}

void chain_replace(struct list_chain *c, struct list_node *n, size_t offset, struct slice element)
{
    bool large = element.len > c->limit.bytes;
    if (n->count == 1) { /* the node goes with it */
        struct list_node *prev = n->prev;
        chain_unlink(c, n);
        node_free(n);
        n = link_single(c, prev, element);
        chain_settle(c, n);
        return;
    }
    node_decompress(n);
    struct listpack *lp = node_open(n);
    if (!large) {
        lp = listpack_replace(lp, position(lp, offset), element);
        assert(lp != NULL);
        put_back(c, n, lp);
        split_if_large(c, n);
        chain_settle(c, n);
        return;
    }
    put_back(c, n, listpack_delete(lp, position(lp, offset)));
    chain_insert(c, n, offset, element);
}

/* Deletes up to `count` elements of n from offset on; returns how many. n is freed when nothing is left of it. */
static size_t delete_in(struct list_chain *c, struct list_node *n, size_t offset, size_t count)
{
    if (count >= n->count - offset) count = n->count - offset;
    if (count == n->count) {
        chain_unlink(c, n);
        node_free(n);
        return count;
    }
    node_decompress(n);
    struct listpack *lp = node_open(n);
    put_back(c, n, listpack_delete_range(lp, position(lp, offset), count));
    return count;
}

void chain_delete(struct list_chain *c, size_t start, size_t count)
{
    if (count == 0) return;
    size_t offset;
    struct list_node *n = chain_find(c, start, &offset), *prev = n->prev;
    if (offset > 0) prev = n; /* some of it stays */
    while (count > 0) {
        struct list_node *next = n->next;
        count -= delete_in(c, n, offset, count);
        offset = 0;
        n = next;
    }
    /* What may stay of the first and the last node that were touched: prev, and what is behind it now. */
    merge_around(c, prev != NULL ? prev->next : c->head);
    merge_around(c, prev);
    chain_settle(c, NULL);
}

/* ---- all equal elements */

/* Positions of the matches in lp, ascending; at most `max`, of the first ones or the last ones. */
static size_t matches(const struct listpack *lp, struct slice element, size_t max, bool from_tail, uint32_t *positions)
{
    size_t found = 0;
    uint32_t pos;
    if (!from_tail) {
        for (pos = listpack_find(lp, listpack_first(lp), element, 0); pos != 0 && found < max;
             pos = listpack_find(lp, listpack_next(lp, pos), element, 0))
            positions[found++] = pos;
        return found;
    }
    struct list_needle needle = list_needle_of(element);
    for (pos = listpack_last(lp); pos != 0 && found < max; pos = listpack_prev(lp, pos)) {
        struct listpack_value v = listpack_get(lp, pos);
        if (list_needle_is(&needle, &v)) positions[found++] = pos;
    }
    for (size_t i = 0; i < found / 2; i++) {
        uint32_t swap = positions[i];
        positions[i] = positions[found - 1 - i];
        positions[found - 1 - i] = swap;
    }
    return found;
}

struct listpack *list_erase_packed(struct listpack *lp, struct slice element, size_t max, bool from_tail,
                                   size_t *erased)
{
    size_t len = listpack_len(lp);
    uint32_t *positions = mem_alloc((len < max ? len : max) * sizeof *positions);
    *erased = matches(lp, element, max, from_tail, positions);
    lp = listpack_delete_many(lp, positions, *erased, 1);
    mem_free(positions);
    return lp;
}

/* Whether something in n is equal; changes nothing. */
static bool node_has(const struct list_node *n, struct slice element)
{
    struct node_view view;
    node_view_open(&view, n);
    bool has = view.lp != NULL ? listpack_find(view.lp, listpack_first(view.lp), element, 0) != 0
                               : slice_eq(view.element, element);
    node_view_close(&view);
    return has;
}

/* Returns how many went. What is left of n may merge with its neighbour on the side that has been seen. */
static size_t erase_in(struct list_chain *c, struct list_node *n, struct slice element, size_t max, bool from_tail)
{
    size_t erased = 1;
    if (n->kind == NODE_PACKED) {
        node_decompress(n);
        struct listpack *lp = list_erase_packed(node_open(n), element, max, from_tail, &erased);
        if (listpack_len(lp) > 0) {
            put_back(c, n, lp);
            struct list_node *a = from_tail ? n : n->prev, *b = from_tail ? n->next : n;
            if (may_merge(c, a, b)) {
                merge(c, a, b);
                n = a;
            }
            chain_settle(c, n);
            return erased;
        }
        n->block = lp; /* empty: the count of the node still says what the chain knows */
        n->room = (uint32_t)listpack_mem(lp);
    }
    chain_unlink(c, n);
    node_free(n);
    chain_settle(c, NULL);
    return erased;
}

size_t chain_erase(struct list_chain *c, struct slice element, size_t max, bool from_tail)
{
    size_t erased = 0;
    for (struct list_node *n = from_tail ? c->tail : c->head, *next; n != NULL && erased < max; n = next) {
        next = from_tail ? n->prev : n->next;
        if (node_has(n, element)) erased += erase_in(c, n, element, max - erased, from_tail);
    }
    return erased;
}
