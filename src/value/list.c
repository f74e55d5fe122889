/* Lists: which form, and the row of the type.
 *
 *   PACKED   one listpack, within list-max-listpack-size
 *   CHAINED  a chain of nodes (list_chain.c)
 *
 * A packed list is changed into a chain before it takes what would exceed the limit, counting the bytes of the new
 * elements without what a listpack adds; a chain goes back when a shrinking command leaves one node of no more than
 * half the limit, so that a list at the border does not change back and forth. */
#include "value/list.h"

#include "base/mem.h"
#include "value/list_impl.h"
#include "value/record_impl.h"
#include "value/value_ops.h"

enum {
    PACKED_BYTES_MAX = 8192, /* of a listpack that is limited by elements */
    PACKED_START = 24,       /* the first allocation: a few short elements */
};

struct list_limit list_limit_of(int64_t list_listpack_size)
{
    if (likely(list_listpack_size < 0)) {
        unsigned level = list_listpack_size < -5 ? 4 : (unsigned)(-list_listpack_size - 1);
        return (struct list_limit){(size_t)4096 << level, SIZE_MAX};
    }
    return (struct list_limit){PACKED_BYTES_MAX, list_listpack_size == 0 ? 1 : (size_t)list_listpack_size};
}

static inline bool is_chained(const struct record *r)
{
    return record_encoding(r) == LIST_CHAINED;
}
static inline struct listpack *packed_of(const struct record *r)
{
    return record_object(r);
}
static inline struct list_chain *chain_of(const struct record *r)
{
    return record_object(r);
}
static void object_put(struct record *r, enum list_encoding encoding, const void *object)
{
    r->tag = (uint8_t)(TYPE_LIST | (unsigned)encoding << 4);
    record_set_object(r, object);
}

/* ---- forms */

static struct list_chain *make_chain(struct record *r, const struct value_limits *limits)
{
    struct listpack *lp = packed_of(r);
    struct list_chain *c = chain_new(limits);
    if (listpack_len(lp) > 0)
        chain_link(c, NULL, node_new_packed(lp));
    else
        listpack_free(lp);
    object_put(r, LIST_CHAINED, c);
    return c;
}

/* Before `count` elements of `bytes` come. */
static inline void before_growth(struct record *r, size_t bytes, size_t count, const struct value_limits *limits)
{
    if (is_chained(r)) return;
    struct list_limit limit = list_limit_of(limits->list_listpack_size);
    const struct listpack *lp = packed_of(r);
    if (unlikely(list_exceeds(&limit, listpack_size(lp) + bytes, listpack_len(lp) + count)))
        (void)make_chain(r, limits);
}

/* part: 1, or 2 when the command makes lists smaller. */
static void pack_if_small(struct record *r, const struct value_limits *limits, size_t part)
{
    if (!is_chained(r)) return;
    struct list_chain *c = chain_of(r);
    if (likely(c->nodes > 1)) return;
    struct list_limit limit = list_limit_of(limits->list_listpack_size);
    struct list_node *n = c->head;
    struct listpack *lp;
    if (n == NULL) {
        lp = listpack_new(0);
    } else {
        if (n->kind != NODE_PACKED || list_exceeds(&limit, n->size * part, n->count * part)) return;
        chain_unlink(c, n);
        lp = node_take_listpack(n);
    }
    chain_free(c);
    object_put(r, LIST_PACKED, lp);
}

/* ---- whole */

struct record *list_new(struct slice key)
{
    struct listpack *lp = listpack_new(PACKED_START);
    struct record *r = record_new_object(key, TYPE_LIST, LIST_PACKED, lp);
    if (unlikely(r == NULL)) listpack_free(lp);
    return r;
}

size_t list_len(const struct record *r)
{
    return is_chained(r) ? chain_of(r)->len : listpack_len(packed_of(r));
}

/* ---- the ends */

static inline void push_one(struct record *r, enum list_end end, struct slice element)
{
    if (is_chained(r)) {
        chain_push(chain_of(r), end, element);
        return;
    }
    struct listpack *lp = packed_of(r);
    struct listpack *grown = end == LIST_HEAD ? listpack_prepend(lp, element) : listpack_append(lp, element);
    assert(grown != NULL); /* the limits are far below the largest listpack */
    if (grown != lp) record_set_object(r, grown);
}

void list_push(struct record *r, enum list_end end, struct slice element, const struct value_limits *limits)
{
    before_growth(r, element.len, 1, limits);
    push_one(r, end, element);
}

void list_push_blob(struct record *r, enum list_end end, struct blob *owned_element,
                    const struct value_limits *limits)
{
    before_growth(r, blob_slice(owned_element).len, 1, limits);
    if (is_chained(r) && chain_push_blob(chain_of(r), end, owned_element)) return;
    push_one(r, end, blob_slice(owned_element));
    blob_unref(owned_element);
}

void list_push_many(struct record *r, enum list_end end, const struct slice *elements, size_t count,
                    const struct value_limits *limits)
{
    size_t bytes = 0;
    for (size_t i = 0; i < count; i++) bytes += elements[i].len;
    before_growth(r, bytes, count, limits);
    for (size_t i = 0; i < count; i++) push_one(r, end, elements[i]);
}

void list_drop(struct record *r, enum list_end end, size_t count, const struct value_limits *limits)
{
    assert(count <= list_len(r));
    if (count == 0) return;
    if (is_chained(r)) {
        chain_drop(chain_of(r), end, count);
        pack_if_small(r, limits, 2);
        return;
    }
    struct listpack *lp = packed_of(r);
    uint32_t pos = end == LIST_HEAD ? listpack_first(lp)
                   : count == 1     ? listpack_last(lp)
                                    : listpack_seek(lp, -(int64_t)count);
    record_set_object(r, listpack_delete_range(lp, pos, count));
}

/* ---- inside */

void list_set(struct record *r, size_t index, struct slice element, const struct value_limits *limits)
{
    assert(index < list_len(r));
    before_growth(r, element.len, 1, limits);
    if (is_chained(r)) {
        size_t offset;
        struct list_chain *c = chain_of(r);
        struct list_node *n = chain_find(c, index, &offset);
        chain_replace(c, n, offset, element);
        pack_if_small(r, limits, 2);
        return;
    }
    struct listpack *lp = packed_of(r);
    lp = listpack_replace(lp, listpack_seek(lp, (int64_t)index), element);
    assert(lp != NULL);
    record_set_object(r, lp);
}

/* Entries before pos. */
static size_t offset_of(const struct listpack *lp, uint32_t pos)
{
    size_t offset = 0;
    for (uint32_t p = listpack_first(lp); p != pos; p = listpack_next(lp, p)) offset++;
    return offset;
}

static bool chain_insert_at_pivot(struct list_chain *c, struct slice pivot, bool before, struct slice element)
{
    for (struct list_node *n = c->head; n != NULL; n = n->next) {
        struct node_view view;
        size_t offset = 0;
        node_view_open(&view, n);
        uint32_t pos = view.lp != NULL ? listpack_find(view.lp, listpack_first(view.lp), pivot, 0)
                                       : (uint32_t)slice_eq(view.element, pivot);
        if (pos != 0 && view.lp != NULL) offset = offset_of(view.lp, pos);
        node_view_close(&view);
        if (pos == 0) continue;
        chain_insert(c, n, before ? offset : offset + 1, element);
        return true;
    }
    return false;
}

bool list_insert(struct record *r, struct slice pivot, bool before, struct slice element,
                 const struct value_limits *limits)
{
    before_growth(r, element.len, 1, limits); /* also when the pivot is missing: one pass must do */
    if (is_chained(r)) return chain_insert_at_pivot(chain_of(r), pivot, before, element);
    struct listpack *lp = packed_of(r);
    uint32_t pos = listpack_find(lp, listpack_first(lp), pivot, 0);
    if (pos == 0) return false;
    lp = before ? listpack_insert(lp, pos, element) : listpack_insert_after(lp, pos, element);
    assert(lp != NULL);
    record_set_object(r, lp);
    return true;
}

void list_delete(struct record *r, size_t start, size_t count, const struct value_limits *limits)
{
    assert(start <= list_len(r) && count <= list_len(r) - start);
    if (count == 0) return;
    if (is_chained(r)) {
        chain_delete(chain_of(r), start, count);
        pack_if_small(r, limits, 2);
        return;
    }
    struct listpack *lp = packed_of(r);
    record_set_object(r, listpack_delete_range(lp, listpack_seek(lp, (int64_t)start), count));
}

size_t list_erase(struct record *r, struct slice element, size_t max, bool from_tail,
                  const struct value_limits *limits)
{
    size_t erased;
    if (is_chained(r)) {
        erased = chain_erase(chain_of(r), element, max, from_tail);
        if (erased > 0) pack_if_small(r, limits, 2);
        return erased;
    }
    record_set_object(r, list_erase_packed(packed_of(r), element, max, from_tail, &erased));
    return erased;
}

/* ---- payloads */

void list_each_node(const struct record *r, void (*visit)(void *arg, struct slice bytes, bool packed), void *arg)
{
    if (!is_chained(r)) {
        visit(arg, listpack_bytes(packed_of(r)), true);
        return;
    }
    for (const struct list_node *n = chain_of(r)->head; n != NULL; n = n->next) {
        struct node_view view;
        node_view_open(&view, n);
        visit(arg, view.lp != NULL ? listpack_bytes(view.lp) : view.element, view.lp != NULL);
        node_view_close(&view);
    }
}

size_t list_nodes(const struct record *r)
{
    return is_chained(r) ? chain_of(r)->nodes : 1;
}

bool list_load_node(struct record *r, struct slice bytes, bool packed, const struct value_limits *limits)
{
    if (packed && !listpack_validate(bytes, true, NULL, NULL)) return false;
    struct list_chain *c = is_chained(r) ? chain_of(r) : make_chain(r, limits);
    if (packed && bytes.len == LISTPACK_SIZE_EMPTY) return true;
    chain_link(c, c->tail, packed ? node_new_packed(listpack_from_bytes(bytes)) : node_new_plain(bytes));
    chain_settle(c, NULL);
    return true;
}

void list_load_end(struct record *r, const struct value_limits *limits)
{
    pack_if_small(r, limits, 1);
}

struct record *list_from_packed(struct slice key, struct slice bytes, const struct value_limits *limits)
{
    if (!listpack_validate(bytes, true, NULL, NULL)) return NULL;
    struct listpack *lp = listpack_from_bytes(bytes);
    struct record *r = record_new_object(key, TYPE_LIST, LIST_PACKED, lp);
    if (unlikely(r == NULL)) {
        listpack_free(lp);
        return NULL;
    }
    struct list_limit limit = list_limit_of(limits->list_listpack_size);
    if (list_exceeds(&limit, listpack_size(lp), listpack_len(lp))) (void)make_chain(r, limits);
    return r;
}

/* ---- the row */

static void row_free(struct record *r)
{
    if (is_chained(r))
        chain_free(chain_of(r));
    else
        listpack_free(packed_of(r));
}

static void row_own(struct record *copy)
{
    record_set_object(copy, is_chained(copy) ? (void *)chain_dup(chain_of(copy)) : listpack_dup(packed_of(copy)));
}

static size_t row_mem(const struct record *r, size_t samples)
{
    return is_chained(r) ? chain_mem(chain_of(r), samples) : listpack_mem(packed_of(r));
}

static const char *row_encoding_name(const struct record *r)
{
    return is_chained(r) ? "quicklist" : "listpack";
}

static void row_check(const struct record *r)
{
    assert(record_encoding(r) <= LIST_CHAINED);
    if (is_chained(r))
        chain_check(chain_of(r));
    else
        listpack_check(packed_of(r));
}

static uint64_t row_prefetch(const struct record *r, struct slice element)
{
    (void)element;
    prefetch_read(record_object(r));
    return 0;
}

/* What a push or a pop reads: the end of a packed list; the nodes at both ends of a chain. */
static void row_prefetch_element(const struct record *r, uint64_t hash)
{
    (void)hash;
    if (is_chained(r)) {
        prefetch_read(chain_of(r)->head);
        prefetch_read(chain_of(r)->tail);
    } else {
        const struct listpack *lp = packed_of(r);
        prefetch_read((const char *)lp + listpack_size(lp) - 1);
    }
}

const struct value_ops list_ops = {
    .name = "list",
    .len = list_len,
    .free = row_free,
    .own = row_own,
    .mem = row_mem,
    .free_effort = list_nodes,
    .encoding_name = row_encoding_name,
    .prefetch = row_prefetch,
    .prefetch_element = row_prefetch_element,
    .check = row_check,
};
