/* The tree over a list's nodes: which node holds the element of an index.
 *
 *                 [ 500 | 730 | 120 ]                level 2: elements below each child
 *                  /       |       \
 *      [124|130|126|120] [..]     [..]               level 1
 *        |   |   |   |
 *        n - n - n - n - ...                         struct list_node, linked to its neighbours
 *
 * A B+tree whose keys are implied: a child's first index is the sum of the counts to its left. The first and the last
 * node of a list are not in it, so pushing and popping change no count. A full inner node is split where the new child
 * comes to stand if that is an end (a list that grows at its end leaves full nodes behind), else in the middle; two
 * siblings that have become small are merged. */
#include "value/list_impl.h"

#include "base/mem.h"

#include <assert.h>

static unsigned child_index(const struct list_inner *inner, const void *child)
{
    if (inner->child[inner->len - 1] == child) return inner->len - 1u;
    unsigned i = 0;
    while (inner->child[i] != child) i++;
    return i;
}

static size_t inner_sum(const struct list_inner *inner)
{
    size_t sum = 0;
    for (unsigned i = 0; i < inner->len; i++) sum += inner->count[i];
    return sum;
}

static struct list_inner *inner_new(unsigned level)
{
    struct list_inner *inner = mem_alloc(sizeof *inner);
    inner->parent = NULL;
    inner->len = 0;
    inner->level = (uint16_t)level;
    return inner;
}

static void child_adopt(struct list_inner *inner, unsigned i)
{
    if (inner->level == 1)
        ((struct list_node *)inner->child[i])->parent = inner;
    else
        ((struct list_inner *)inner->child[i])->parent = inner;
}

static void inner_put(struct list_inner *inner, unsigned i, void *child, size_t count)
{
    assert(inner->len < INNER_LEN_MAX && i <= inner->len);
    memmove(&inner->child[i + 1], &inner->child[i], (inner->len - i) * sizeof inner->child[0]);
    memmove(&inner->count[i + 1], &inner->count[i], (inner->len - i) * sizeof inner->count[0]);
    inner->child[i] = child;
    inner->count[i] = count;
    inner->len++;
    child_adopt(inner, i);
}

static void inner_cut(struct list_inner *inner, unsigned i)
{
    inner->len--;
    memmove(&inner->child[i], &inner->child[i + 1], (inner->len - i) * sizeof inner->child[0]);
    memmove(&inner->count[i], &inner->count[i + 1], (inner->len - i) * sizeof inner->count[0]);
}

/* The children from `at` on move behind those of `to`. */
static void inner_move(struct list_inner *from, unsigned at, struct list_inner *to)
{
    for (unsigned i = at; i < from->len; i++) inner_put(to, to->len, from->child[i], from->count[i]);
    from->len = (uint16_t)at;
}

static void count_up(struct list_inner *inner, int64_t change)
{
    for (const void *child = inner; (inner = inner->parent) != NULL; child = inner)
        inner->count[child_index(inner, child)] += (size_t)change;
}

static void inner_insert(struct list_inner **root, struct list_inner *inner, unsigned i, void *child, size_t count);

/* Makes room in a full inner node for a child at *i; returns where that is to stand. */
static struct list_inner *inner_split(struct list_inner **root, struct list_inner *inner, unsigned *i)
{
    if (inner->parent == NULL) {
        struct list_inner *top = inner_new(inner->level + 1u);
        inner_put(top, 0, inner, inner_sum(inner));
        *root = top;
    }
    unsigned keep = *i == inner->len || *i == 0 ? *i : inner->len / 2u;
    /* The new node gets its place while it is empty: a parent that is split itself then counts right. */
    struct list_inner *right = inner_new(inner->level);
    inner_insert(root, inner->parent, child_index(inner->parent, inner) + 1, right, 0);
    inner_move(inner, keep, right);
    int64_t moved = (int64_t)inner_sum(right);
    count_up(inner, -moved);
    count_up(right, moved);
    if (*i < keep || (*i == keep && keep < INNER_LEN_MAX)) return inner;
    *i -= keep;
    return right;
}

/* Counts above the place are the caller's affair. */
static void inner_insert(struct list_inner **root, struct list_inner *inner, unsigned i, void *child, size_t count)
{
    if (inner->len == INNER_LEN_MAX) inner = inner_split(root, inner, &i);
    inner_put(inner, i, child, count);
}

void list_tree_insert(struct list_inner **root, struct list_node *n)
{
    struct list_inner *inner;
    unsigned i = 0;
    if (n->prev != NULL && n->prev->parent != NULL) {
        inner = n->prev->parent;
        i = child_index(inner, n->prev) + 1;
    } else if (n->next != NULL && n->next->parent != NULL) {
        inner = n->next->parent;
        i = child_index(inner, n->next);
    } else {
        assert(*root == NULL);
        inner = *root = inner_new(1);
    }
    inner_insert(root, inner, i, n, n->count);
    count_up(n->parent, n->count);
}

/* Merges a small inner node with a neighbour. */
static void inner_merge(struct list_inner *inner)
{
    struct list_inner *parent = inner->parent;
    if (parent == NULL || parent->len < 2) return;
    unsigned at = child_index(parent, inner);
    if (at > 0) at--;
    struct list_inner *left = parent->child[at], *right = parent->child[at + 1];
    if (left->len + right->len > INNER_MERGE_LEN) return;
    inner_move(right, 0, left);
    parent->count[at] += parent->count[at + 1];
    inner_cut(parent, at + 1);
    mem_free_sized(right, sizeof *right);
}

void list_tree_remove(struct list_inner **root, struct list_node *n)
{
    struct list_inner *inner = n->parent;
    const void *child = n;
    count_up(inner, -(int64_t)n->count);
    n->parent = NULL;
    for (;;) {
        inner_cut(inner, child_index(inner, child));
        if (inner->len > 0) break;
        struct list_inner *empty = inner;
        inner = inner->parent;
        child = empty;
        if (inner == NULL) *root = NULL;
        mem_free_sized(empty, sizeof *empty);
        if (inner == NULL) return;
    }
    while (inner != NULL) {
        struct list_inner *parent = inner->parent;
        if (inner->len <= INNER_MERGE_LEN / 2) inner_merge(inner);
        inner = parent;
    }
    while ((*root)->len == 1 && (*root)->level > 1) {
        struct list_inner *top = *root;
        *root = top->child[0];
        (*root)->parent = NULL;
        mem_free_sized(top, sizeof *top);
    }
}

void list_tree_recount(struct list_node *n, int64_t change)
{
    n->parent->count[child_index(n->parent, n)] += (size_t)change;
    count_up(n->parent, change);
}

struct list_node *list_tree_find(const struct list_inner *root, size_t *index)
{
    for (const struct list_inner *inner = root;;) {
        unsigned i = 0;
        for (; *index >= inner->count[i]; i++) {
            *index -= inner->count[i];
            assert(i + 1u < inner->len);
        }
        if (inner->level == 1) return inner->child[i];
        inner = inner->child[i];
    }
}

size_t list_tree_mem(const struct list_inner *root)
{
    if (root == NULL) return 0;
    size_t sum = sizeof *root;
    for (unsigned i = 0; root->level > 1 && i < root->len; i++) sum += list_tree_mem(root->child[i]);
    return sum;
}

void list_tree_free(struct list_inner *root)
{
    if (root == NULL) return;
    for (unsigned i = 0; root->level > 1 && i < root->len; i++) list_tree_free(root->child[i]);
    mem_free_sized(root, sizeof *root);
}

size_t list_tree_check(const struct list_inner *root)
{
    size_t sum = 0;
    if (root == NULL) return 0;
    assert(root->len > 0 && root->len <= INNER_LEN_MAX);
    assert(root->parent != NULL || root->level == 1 || root->len > 1);
    for (unsigned i = 0; i < root->len; i++) {
        size_t below;
        if (root->level == 1) {
            const struct list_node *n = root->child[i];
            below = n->count;
            assert(n->parent == root && (i == 0 || n->prev == root->child[i - 1]));
        } else {
            const struct list_inner *inner = root->child[i];
            assert(inner->parent == root && inner->level + 1 == root->level);
            below = list_tree_check(inner);
        }
        assert(root->count[i] == below);
        sum += below;
    }
    return sum;
}
