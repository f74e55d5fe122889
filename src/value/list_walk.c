/* Reading lists: runs of elements, searching, the iterator. */
#include "value/list.h"

#include "base/mem.h"
#include "value/list_impl.h"
#include "value/record_impl.h"

enum { RUN_MAX = 64 };

/* Where a walk stands: a node (NULL in a packed list) open for reading, and a position in its listpack. */
struct walk {
    const struct list_node *node;
    struct node_view view;
    uint32_t pos; /* 0: the listpack is read, or the element of a plain node is */
    bool backward, plain_left;
};

static void walk_enter(struct walk *w, const struct list_node *n, int64_t offset)
{
    w->node = n;
    node_view_open(&w->view, n);
    w->plain_left = w->view.lp == NULL;
    w->pos = w->view.lp != NULL ? listpack_seek(w->view.lp, offset) : 0;
}

static void walk_start(struct walk *w, const struct record *r, size_t index, bool backward)
{
    *w = (struct walk){.backward = backward};
    if (record_encoding(r) == LIST_PACKED) {
        w->view.lp = record_object(r);
        w->pos = listpack_seek(w->view.lp, (int64_t)index);
        return;
    }
    size_t offset;
    const struct list_node *n = chain_find(record_object(r), index, &offset);
    walk_enter(w, n, (int64_t)offset);
}

/* The next node, when this one is read; false: there is none. */
static bool walk_on(struct walk *w)
{
    const struct list_node *next = w->node == NULL ? NULL : w->backward ? w->node->prev : w->node->next;
    node_view_close(&w->view);
    w->view = (struct node_view){0};
    w->node = next;
    if (next == NULL) return false;
    walk_enter(w, next, w->backward ? -1 : 0);
    return true;
}

static size_t fill_backward(const struct listpack *lp, uint32_t *pos, struct listpack_value *values, size_t max)
{
    size_t n = 0;
    for (; n < max && *pos != 0; *pos = listpack_prev(lp, *pos)) values[n++] = listpack_get(lp, *pos);
    return n;
}

/* Up to max elements; at least one, unless the list is read. */
static struct list_run walk_read(struct walk *w, struct listpack_value *values, size_t max)
{
    while (w->pos == 0 && !w->plain_left) {
        if (!walk_on(w)) return (struct list_run){values, 0, NULL};
    }
    if (w->plain_left) {
        w->plain_left = false;
        values[0] = (struct listpack_value){.text = w->view.element};
        return (struct list_run){values, 1, w->view.blob};
    }
    size_t n = w->backward ? fill_backward(w->view.lp, &w->pos, values, max)
                           : listpack_read_many(w->view.lp, &w->pos, values, max);
    return (struct list_run){values, n, NULL};
}

void list_each(const struct record *r, size_t index, size_t count, bool backward,
               bool (*visit)(void *arg, const struct list_run *run), void *arg)
{
    struct listpack_value values[RUN_MAX];
    struct walk w;
    if (index >= list_len(r) || count == 0) return;
    walk_start(&w, r, index, backward);
    while (count > 0) {
        struct list_run run = walk_read(&w, values, count < RUN_MAX ? count : RUN_MAX);
        if (run.count == 0 || !visit(arg, &run)) break;
        count -= run.count;
    }
    node_view_close(&w.view);
}

struct list_run list_peek(const struct record *r, enum list_end end, struct listpack_value *value)
{
    const struct listpack *lp;
    if (record_encoding(r) == LIST_PACKED) {
        lp = record_object(r);
    } else {
        const struct list_chain *c = record_object(r);
        const struct list_node *n = end == LIST_HEAD ? c->head : c->tail;
        assert(n->lzf_size == 0);
        if (unlikely(n->kind == NODE_PLAIN)) {
            value->is_number = false;
            value->text = blob_slice(n->block);
            return (struct list_run){value, 1, n->block};
        }
        lp = node_listpack(n);
    }
    *value = listpack_get(lp, end == LIST_HEAD ? listpack_first(lp) : listpack_last(lp));
    return (struct list_run){value, 1, NULL};
}

/* ---- searching */

struct list_needle list_needle_of(struct slice element)
{
    struct list_needle needle = {.text = element};
    needle.is_number = slice_to_i64(element, &needle.number) == ST_OK;
    return needle;
}

struct search {
    struct list_needle needle;
    size_t index;
    bool backward;
    bool (*found)(void *arg, size_t index);
    void *arg;
};

static bool search_run(void *arg, const struct list_run *run)
{
    struct search *s = arg;
    for (size_t i = 0; i < run->count; i++) {
        if (list_needle_is(&s->needle, &run->values[i]) && !s->found(s->arg, s->index)) return false;
        s->index += s->backward ? SIZE_MAX : 1;
    }
    return true;
}

void list_find(const struct record *r, struct slice element, bool backward, size_t max_looks,
               bool (*found)(void *arg, size_t index), void *arg)
{
    size_t len = list_len(r);
    struct search s = {list_needle_of(element), backward ? len - 1 : 0, backward, found, arg};
    if (len > 0) list_each(r, s.index, max_looks, backward, search_run, &s);
}

/* ---- the iterator */

struct list_iter {
    struct walk walk;
    bool empty;
    char scratch[NUM_I64_TEXT_MAX];
};

struct list_iter *list_iter_new(const struct record *r, int64_t index, bool backward)
{
    struct list_iter *it = mem_alloc(sizeof *it);
    size_t len = list_len(r), at = index >= 0 ? (size_t)index : len + (size_t)index; /* wraps to something too large */
    it->empty = at >= len;
    if (!it->empty) walk_start(&it->walk, r, at, backward);
    return it;
}

bool list_iter_next(struct list_iter *it, struct slice *element)
{
    struct listpack_value v;
    if (it->empty) return false;
    struct list_run run = walk_read(&it->walk, &v, 1);
    if (run.count == 0) {
        it->empty = true;
        return false;
    }
    *element = v.is_number ? slice_of(it->scratch, (size_t)i64_to_text(it->scratch, v.number)) : v.text;
    return true;
}

void list_iter_free(struct list_iter *it)
{
    if (!it->empty) node_view_close(&it->walk.view);
    mem_free(it);
}
