/* A B+tree by 128-bit ids.
 *
 *   inner (1,024 bytes)                            leaf (64 bytes to 2 KB, in powers of two)
 *   | len, level |                                 | prev, next | len, capacity, size of the block |
 *   | lower bound of each child's ids   x 42 |     | ids    x capacity |
 *   | child                             x 42 |     | values x capacity |
 *
 * A bound need not be an id that is there: removing leaves it as it is. The bound of the first child is not looked at:
 * smaller ids go there, too. No node knows its parent; what must change the nodes above walks down with a path.
 * A leaf grows by moving to a block of twice the size, and shrinks likewise; a full one is halved, but behind the end
 * of the tree a new one begins, so that ascending ids fill their leaves. Neighbours under one parent are merged when
 * they fit into three quarters of a leaf.
 *
 * Rejected: a radix tree, as Redis has it (a node per byte where ids differ: about 40 bytes per pending entry and
 * index, where this takes 16 and the value); a sorted array (inserts in the middle of large ones).
 *
 * Invariants (idtree_check): ids ascend over all leaves; all ids of child i are >= bound i and < bound i + 1; leaves
 * are linked in order; no node is empty; len and bytes are exact. */
#include "ds/idtree.h"

#include "base/mem.h"

#include <assert.h>
#include <string.h>

enum {
    LEAF_BYTES_MIN = 64,
    LEAF_BYTES_MAX = 2048,
    INNER_LEN_MAX = 42, /* makes struct inner 1,024 bytes */
    INNER_MERGE_LEN = 30,
    HEIGHT_MAX = 10, /* 42^9 leaves: far more than memory can hold */
};

struct idtree_leaf {
    struct idtree_leaf *prev, *next;
    uint16_t len, cap, size;
    uint16_t unused;
    struct id128 ids[]; /* then the values */
};

struct inner {
    uint32_t len, level; /* level 1: the children are leaves */
    uint64_t unused;
    struct id128 bound[INNER_LEN_MAX];
    void *child[INNER_LEN_MAX];
};
_Static_assert(sizeof(struct inner) == 1024, "fills a size class");

/* The way from the root to a leaf: which child was taken at each inner node. Kept from the root on: written from the
 * other end, gcc 12 takes what descend() writes for unchanged (-O1, ipa-modref). */
struct step {
    struct inner *node;
    unsigned index;
};
struct path {
    unsigned height;
    struct step way[HEIGHT_MAX];
};

static struct step *path_at(struct path *path, unsigned level) /* level 1: the parent of the leaf */
{
    assert(level > 0 && level <= path->height);
    return &path->way[path->height - level];
}

static unsigned capacity(const struct idtree *t, unsigned size)
{
    return (unsigned)((size - sizeof(struct idtree_leaf)) / (sizeof(struct id128) + t->value_size));
}

static char *leaf_value(const struct idtree *t, const struct idtree_leaf *l, unsigned pos)
{
    return (char *)(uintptr_t)(l->ids + l->cap) + (size_t)pos * t->value_size;
}

/* ---- searching */

/* The first position whose id is not less. */
static unsigned leaf_search(const struct idtree_leaf *l, struct id128 id)
{
    unsigned low = 0, high = l->len;
    while (low < high) {
        unsigned middle = (low + high) / 2;
        if (id128_less(l->ids[middle], id)) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static unsigned inner_search(const struct inner *n, struct id128 id)
{
    unsigned low = 1, high = n->len;
    while (low < high) {
        unsigned middle = (low + high) / 2;
        if (id128_less(id, n->bound[middle])) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    return low - 1;
}

static struct idtree_leaf *leaf_of(const struct idtree *t, struct id128 id)
{
    void *node = t->root;
    for (unsigned level = t->height; level > 0; level--) {
        struct inner *n = node;
        node = n->child[inner_search(n, id)];
    }
    return node;
}

static struct idtree_leaf *descend(const struct idtree *t, struct id128 id, struct path *path)
{
    void *node = t->root;
    unsigned height = t->height;
    path->height = height;
    for (unsigned depth = 0; depth < height; depth++) {
        struct inner *n = node;
        unsigned i = inner_search(n, id);
        path->way[depth] = (struct step){n, i};
        node = n->child[i];
    }
    return node;
}

void *idtree_find(const struct idtree *t, struct id128 id)
{
    if (t->len == 0) return NULL;
    const struct idtree_leaf *l = leaf_of(t, id);
    unsigned pos = leaf_search(l, id);
    if (pos == l->len || !id128_eq(l->ids[pos], id)) return NULL;
    return t->value_size > 0 ? leaf_value(t, l, pos) : (char *)(uintptr_t)&l->ids[pos];
}

/* ---- nodes */

static struct idtree_leaf *leaf_new(struct idtree *t, unsigned size)
{
    struct idtree_leaf *l = mem_alloc(size);
    *l = (struct idtree_leaf){.cap = (uint16_t)capacity(t, size), .size = (uint16_t)size};
    t->bytes += size;
    return l;
}

static void leaf_free(struct idtree *t, struct idtree_leaf *l)
{
    t->bytes -= l->size;
    mem_free_sized(l, l->size);
}

static struct inner *inner_new(struct idtree *t, unsigned level)
{
    struct inner *n = mem_alloc(sizeof(*n));
    n->len = 0;
    n->level = level;
    n->unused = 0;
    t->bytes += sizeof(*n);
    return n;
}

static void inner_free(struct idtree *t, struct inner *n)
{
    t->bytes -= sizeof(*n);
    mem_free_sized(n, sizeof(*n));
}

static void leaf_copy(const struct idtree *t, struct idtree_leaf *to, unsigned at, const struct idtree_leaf *from,
                      unsigned pos, unsigned count)
{
    memcpy(to->ids + at, from->ids + pos, count * sizeof(struct id128));
    memcpy(leaf_value(t, to, at), leaf_value(t, from, pos), (size_t)count * t->value_size);
}

/* Puts `l` where its neighbours and the tree's ends look for it. */
static void leaf_link(struct idtree *t, struct idtree_leaf *l)
{
    if (l->prev != NULL) {
        l->prev->next = l;
    } else {
        t->first = l;
    }
    if (l->next != NULL) {
        l->next->prev = l;
    } else {
        t->last = l;
    }
}

static void child_set(struct idtree *t, struct path *path, unsigned level, void *child)
{
    if (level > t->height) {
        t->root = child;
    } else {
        const struct step *s = path_at(path, level);
        s->node->child[s->index] = child;
    }
}

/* Moves the leaf at the end of the path to a block of another size. */
static struct idtree_leaf *leaf_resize(struct idtree *t, struct path *path, struct idtree_leaf *l, unsigned size)
{
    struct idtree_leaf *moved = leaf_new(t, size);
    assert(moved->cap >= l->len);
    leaf_copy(t, moved, 0, l, 0, l->len);
    moved->len = l->len;
    moved->prev = l->prev;
    moved->next = l->next;
    leaf_link(t, moved);
    child_set(t, path, 1, moved);
    leaf_free(t, l);
    return moved;
}

/* ---- adding */

static void inner_insert(struct inner *n, unsigned at, struct id128 bound, void *child)
{
    assert(n->len < INNER_LEN_MAX && at <= n->len);
    memmove(n->bound + at + 1, n->bound + at, (n->len - at) * sizeof(n->bound[0]));
    memmove(n->child + at + 1, n->child + at, (n->len - at) * sizeof(n->child[0]));
    n->bound[at] = bound;
    n->child[at] = child;
    n->len++;
}

static void inner_move_tail(struct inner *from, unsigned at, struct inner *to)
{
    unsigned count = from->len - at;
    memcpy(to->bound + to->len, from->bound + at, count * sizeof(to->bound[0]));
    memcpy(to->child + to->len, from->child + at, count * sizeof(to->child[0]));
    to->len += count;
    from->len = at;
}

static void root_grow(struct idtree *t, struct id128 bound, void *right)
{
    struct inner *root = inner_new(t, t->height + 1u);
    root->bound[0] = (struct id128){0, 0};
    root->child[0] = t->root;
    root->bound[1] = bound;
    root->child[1] = right;
    root->len = 2;
    t->root = root;
    t->height++;
    assert(t->height < HEIGHT_MAX);
}

/* `child` comes right behind the one that the path leads through. */
static void insert_behind(struct idtree *t, struct path *path, struct id128 bound, void *child)
{
    for (unsigned level = 1; level <= t->height; level++) {
        struct inner *n = path_at(path, level)->node;
        unsigned at = path_at(path, level)->index + 1;
        if (n->len < INNER_LEN_MAX) {
            inner_insert(n, at, bound, child);
            return;
        }
        struct inner *right = inner_new(t, level);
        if (at == n->len) { /* at the end: as for leaves, the left one stays full */
            inner_insert(right, 0, bound, child);
        } else {
            inner_move_tail(n, INNER_LEN_MAX / 2, right);
            if (at <= n->len) {
                inner_insert(n, at, bound, child);
            } else {
                inner_insert(right, at - n->len, bound, child);
            }
        }
        bound = right->bound[0];
        child = right;
    }
    root_grow(t, bound, child);
}

/* Makes room in a full leaf for an entry at *pos; the leaf and position to use come back. */
static struct idtree_leaf *leaf_make_room(struct idtree *t, struct idtree_leaf *l, struct id128 id, unsigned *pos)
{
    struct path path;
    struct idtree_leaf *found = descend(t, id, &path);
    assert(found == l);
    (void)found;
    if (l->size < LEAF_BYTES_MAX) return leaf_resize(t, &path, l, l->size * 2u);
    bool at_end = l->next == NULL && *pos == l->len;
    struct idtree_leaf *right = leaf_new(t, at_end ? LEAF_BYTES_MAX / 8 : LEAF_BYTES_MAX);
    unsigned keep = at_end ? l->len : l->len / 2u;
    leaf_copy(t, right, 0, l, keep, l->len - keep);
    right->len = (uint16_t)(l->len - keep);
    l->len = (uint16_t)keep;
    right->prev = l;
    right->next = l->next;
    l->next = right;
    leaf_link(t, right);
    insert_behind(t, &path, at_end ? id : right->ids[0], right);
    if (*pos < keep || (*pos == keep && !at_end)) return l;
    *pos -= keep;
    return right;
}

static void *leaf_insert(struct idtree *t, struct idtree_leaf *l, unsigned pos, struct id128 id)
{
    unsigned behind = l->len - pos;
    char *value = leaf_value(t, l, pos);
    if (behind > 0) {
        memmove(l->ids + pos + 1, l->ids + pos, behind * sizeof(l->ids[0]));
        memmove(value + t->value_size, value, (size_t)behind * t->value_size);
    }
    l->ids[pos] = id;
    memset(value, 0, t->value_size);
    l->len++;
    t->len++;
    return value;
}

void *idtree_put(struct idtree *t, struct id128 id, bool *added)
{
    *added = true;
    if (t->len == 0) {
        struct idtree_leaf *l = leaf_new(t, LEAF_BYTES_MIN);
        if (l->cap == 0) {
            leaf_free(t, l);
            l = leaf_new(t, LEAF_BYTES_MIN * 2);
        }
        t->root = t->first = t->last = l;
        return leaf_insert(t, l, 0, id);
    }
    struct idtree_leaf *l = t->last;
    unsigned pos = l->len;
    if (!id128_less(l->ids[l->len - 1], id)) {
        l = leaf_of(t, id);
        pos = leaf_search(l, id);
        if (pos < l->len && id128_eq(l->ids[pos], id)) {
            *added = false;
            return leaf_value(t, l, pos);
        }
    }
    if (unlikely(l->len == l->cap)) l = leaf_make_room(t, l, id, &pos);
    return leaf_insert(t, l, pos, id);
}

void idtree_copy(struct idtree *t, const struct idtree *from)
{
    assert(t->value_size == from->value_size);
    for (struct idtree_at at = idtree_first(from); idtree_at_valid(at); at = idtree_next(at)) {
        bool added;
        void *value = idtree_put(t, idtree_id(at), &added);
        assert(added);
        memcpy(value, idtree_value(from, at), t->value_size);
    }
}

/* ---- removing */

static void inner_remove(struct inner *n, unsigned at)
{
    n->len--;
    memmove(n->bound + at, n->bound + at + 1, (n->len - at) * sizeof(n->bound[0]));
    memmove(n->child + at, n->child + at + 1, (n->len - at) * sizeof(n->child[0]));
}

/* The node of this level on the path has few children: joins it with a neighbour if they fit. */
static void inner_merge(struct idtree *t, struct path *path, unsigned level)
{
    struct inner *parent = path_at(path, level + 1)->node;
    unsigned i = path_at(path, level + 1)->index;
    if (i + 1 == parent->len) {
        if (i == 0) return;
        i--;
    }
    struct inner *left = parent->child[i], *right = parent->child[i + 1];
    if (left->len + right->len > INNER_MERGE_LEN) return;
    right->bound[0] = parent->bound[i + 1]; /* was not looked at as the bound of a first child */
    inner_move_tail(right, 0, left);
    inner_free(t, right);
    inner_remove(parent, i + 1);
}

/* Takes child `at` out of the parent of the leaves, and what becomes empty or small above. */
static void child_remove(struct idtree *t, struct path *path, unsigned at)
{
    path_at(path, 1)->index = at;
    for (unsigned level = 1; level <= t->height; level++) {
        struct inner *n = path_at(path, level)->node;
        inner_remove(n, path_at(path, level)->index);
        if (n->len > 0) {
            if (level < t->height && n->len <= INNER_MERGE_LEN / 2) inner_merge(t, path, level);
            break;
        }
        inner_free(t, n);
    }
    while (t->height > 0) {
        struct inner *root = t->root;
        if (root->len > 1) break;
        t->root = root->child[0];
        t->height--;
        inner_free(t, root);
    }
}

static void leaf_unlink(struct idtree *t, struct idtree_leaf *l)
{
    if (l->prev != NULL) {
        l->prev->next = l->next;
    } else {
        t->first = l->next;
    }
    if (l->next != NULL) {
        l->next->prev = l->prev;
    } else {
        t->last = l->prev;
    }
    leaf_free(t, l);
}

static bool leaf_merge(struct idtree *t, struct path *path, struct idtree_leaf *l)
{
    if (t->height == 0) return false;
    struct inner *parent = path_at(path, 1)->node;
    unsigned i = path_at(path, 1)->index;
    if (i + 1 == parent->len) {
        if (i == 0) return false;
        i--;
    }
    struct idtree_leaf *left = parent->child[i], *right = parent->child[i + 1];
    unsigned len = left->len + (unsigned)right->len;
    if (len > capacity(t, LEAF_BYTES_MAX) * 3 / 4) return false;
    (void)l;
    path_at(path, 1)->index = i;
    unsigned size = left->size;
    while (capacity(t, size) < len) size *= 2;
    if (size > left->size) left = leaf_resize(t, path, left, size);
    leaf_copy(t, left, left->len, right, 0, right->len);
    left->len = (uint16_t)len;
    leaf_unlink(t, right);
    child_remove(t, path, i + 1);
    return true;
}

/* A leaf that lost entries: goes, joins a neighbour, or moves to a smaller block. */
static void leaf_shrunk(struct idtree *t, struct path *path, struct idtree_leaf *l)
{
    if (l->len == 0) {
        if (t->height == 0) {
            t->root = t->first = t->last = NULL;
            leaf_free(t, l);
            return;
        }
        leaf_unlink(t, l);
        child_remove(t, path, path_at(path, 1)->index);
        return;
    }
    if (l->len <= capacity(t, LEAF_BYTES_MAX) / 4 && leaf_merge(t, path, l)) return;
    unsigned half = l->size / 2u;
    if (half >= LEAF_BYTES_MIN && l->len <= capacity(t, half) * 3 / 4) leaf_resize(t, path, l, half);
}

bool idtree_remove(struct idtree *t, struct id128 id)
{
    if (t->len == 0) return false;
    struct path path;
    struct idtree_leaf *l = descend(t, id, &path);
    unsigned pos = leaf_search(l, id);
    if (pos == l->len || !id128_eq(l->ids[pos], id)) return false;
    unsigned behind = l->len - pos - 1u;
    char *value = leaf_value(t, l, pos);
    memmove(l->ids + pos, l->ids + pos + 1, behind * sizeof(l->ids[0]));
    memmove(value, value + t->value_size, (size_t)behind * t->value_size);
    l->len--;
    t->len--;
    leaf_shrunk(t, &path, l);
    return true;
}

/* ---- the whole */

void idtree_init(struct idtree *t, unsigned value_size)
{
    assert(value_size % 8 == 0 && value_size <= IDTREE_VALUE_MAX);
    *t = (struct idtree){.value_size = (uint16_t)value_size};
}

/* Frees leaves from the last to the first, and the inner nodes with the last of their children. */
bool idtree_drain(struct idtree *t, size_t budget)
{
    while (t->len > 0) {
        struct path path;
        struct idtree_leaf *l = descend(t, (struct id128){UINT64_MAX, UINT64_MAX}, &path);
        t->len -= l->len;
        budget = budget > l->len ? budget - l->len : 0;
        l->len = 0;
        leaf_shrunk(t, &path, l);
        if (budget == 0) break;
    }
    return t->len == 0;
}

void idtree_clear(struct idtree *t)
{
    bool is_empty = idtree_drain(t, SIZE_MAX);
    assert(is_empty && t->bytes == 0);
    (void)is_empty;
}

/* ---- places */

struct idtree_at idtree_first(const struct idtree *t)
{
    return (struct idtree_at){t->first, 0};
}

struct idtree_at idtree_last(const struct idtree *t)
{
    return (struct idtree_at){t->last, t->last == NULL ? 0 : t->last->len - 1u};
}

struct idtree_at idtree_from(const struct idtree *t, struct id128 id)
{
    if (t->len == 0) return (struct idtree_at){NULL, 0};
    struct idtree_leaf *l = leaf_of(t, id);
    unsigned pos = leaf_search(l, id);
    return pos < l->len ? (struct idtree_at){l, pos} : (struct idtree_at){l->next, 0};
}

struct idtree_at idtree_up_to(const struct idtree *t, struct id128 id)
{
    if (t->len == 0) return (struct idtree_at){NULL, 0};
    struct idtree_leaf *l = leaf_of(t, id);
    unsigned pos = leaf_search(l, id);
    if (pos < l->len && id128_eq(l->ids[pos], id)) return (struct idtree_at){l, pos};
    return pos > 0 ? (struct idtree_at){l, pos - 1} : idtree_prev((struct idtree_at){l, 0});
}

struct idtree_at idtree_next(struct idtree_at at)
{
    if (at.pos + 1 < at.leaf->len) return (struct idtree_at){at.leaf, at.pos + 1};
    return (struct idtree_at){at.leaf->next, 0};
}

struct idtree_at idtree_prev(struct idtree_at at)
{
    if (at.pos > 0) return (struct idtree_at){at.leaf, at.pos - 1};
    struct idtree_leaf *l = at.leaf->prev;
    return (struct idtree_at){l, l == NULL ? 0 : l->len - 1u};
}

struct id128 idtree_id(struct idtree_at at)
{
    return at.leaf->ids[at.pos];
}

void *idtree_value(const struct idtree *t, struct idtree_at at)
{
    return leaf_value(t, at.leaf, at.pos);
}

/* ---- check */

struct checked {
    const struct idtree_leaf *leaf; /* the last one seen */
    size_t len, bytes;
};

static void check_node(const struct idtree *t, const void *node, unsigned level, const struct id128 *low,
                       const struct id128 *high, struct checked *c)
{
    if (level == 0) {
        const struct idtree_leaf *l = node;
        assert(l->len > 0 && l->len <= l->cap && l->cap == capacity(t, l->size) && l->prev == c->leaf);
        assert(c->leaf == NULL ? t->first == l : c->leaf->next == l);
        for (unsigned i = 0; i < l->len; i++) {
            assert(i == 0 || id128_less(l->ids[i - 1], l->ids[i]));
            assert(low == NULL || !id128_less(l->ids[i], *low));
            assert(high == NULL || id128_less(l->ids[i], *high));
        }
        c->leaf = l;
        c->len += l->len;
        c->bytes += l->size;
        return;
    }
    const struct inner *n = node;
    assert(n->level == level && n->len > 0 && n->len <= INNER_LEN_MAX);
    c->bytes += sizeof(*n);
    for (unsigned i = 0; i < n->len; i++) {
        const struct id128 *until = i + 1 < n->len ? &n->bound[i + 1] : high;
        assert(i < 2 || id128_less(n->bound[i - 1], n->bound[i]));
        check_node(t, n->child[i], level - 1, i == 0 ? low : &n->bound[i], until, c);
    }
}

void idtree_check(const struct idtree *t)
{
    struct checked c = {0};
    assert((t->len == 0) == (t->root == NULL));
    if (t->root != NULL) check_node(t, t->root, t->height, NULL, NULL, &c);
    assert(c.leaf == t->last && c.len == t->len && c.bytes == t->bytes);
    assert(t->root != NULL || (t->first == NULL && t->height == 0));
    (void)c;
}
