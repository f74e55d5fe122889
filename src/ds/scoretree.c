/* The scoretree: a counted B+tree over (score, member), elements inline in the leaves, members indexed by a table.
 *
 *   inner (1,024 bytes)                        leaf (one block of exactly a size class, 80 bytes to 2 KB)
 *   | parent | len, level |                    | parent | used slots | id, next, prev | sizes |
 *   | score of the first below, x 42 |         | offset of the text, by slot   2 bytes each |
 *   | child   x 42 |                           | score, by slot                8            |
 *   | elements below, x 42 |                   | slot, by position             1            |
 *                                              | texts: length, member; in order of arrival |
 *   index: hash of member -> | id of leaf | slot |          directory: id of leaf -> address
 *
 * An element keeps its slot as long as it stays in its leaf: an insert shifts one byte per element and touches no index
 * entry but its own. And since the index names a leaf by its id, a leaf can move to a block of another size class
 * whenever it grows or shrinks: it is always nearly full in bytes even if it has room for twice the elements. Only
 * splitting and merging change index entries: one or two per insert in random order, and none in ascending or
 * descending order (the outermost leaf is not halved, a new one begins). Members of more than 127 bytes live in blocks
 * of their own.
 *
 * Everything that starts from an element goes up through the parents and compares nothing: rank adds up the counts to
 * the left. What starts from a bound comes down; an inner node compares its own scores, and reads the first element
 * below a child only if the scores are equal.
 *
 * Why (bytes per element with members of 15 B, 1 M in random order, jemalloc's classes):
 *  - An allocation {score, length, member} per element takes 24, that is 32; the index 9.4; a leaf of 8-byte
 *    references at a fill of 0.69, the mean of halved nodes, 11.6: 53. 48 would need 6-byte references at 0.9.
 *  - Elements inline in leaves of one fixed size: 27 / 0.69 + 9.4 = 48.5; and references by address forbid moving it.
 *  - This: 41.3 (index 9.6); 38.2 built in ascending order; 43 after as many updates; 49 when a random half is gone.
 * Time is that of cache misses (1 M elements, ns, on a busy machine; tests/bench/bench_scoretree.c): insert 740, update
 * 1,380, score 330, rank 590, 100 elements from some rank 1,290, each further one 6. Hence scores by slot (by position,
 * an insert had to move them, and a look-up to find the position first) and the prefetches.
 * Rejected as well: parents of leaves found by descending (compares members for equal scores, at each level); an
 * index that keeps only the leaf and searches it by member (the table must be able to hash an entry again).
 *
 * Invariants (scoretree_check): order is strict over all leaves; counts and first scores of inner nodes are exact;
 * no node is empty; an index entry per element, with its leaf's id and its slot; `dead` and `used` are exact. */
#include "ds/scoretree.h"

#include "base/mem.h"
#include "ds/scoretree_impl.h"

/* ----------------------------------------------------------------------------------------------------------- index */

static bool index_equals(const void *record, const void *key)
{
    const struct member_key *k = key;
    const struct leaf *l = ref_leaf(k->t, record);
    unsigned slot = ref_slot(record);
    prefetch_read(leaf_offsets(l) + slot); /* while the head comes */
    prefetch_read(leaf_scores(l) + slot);  /* these two for what the caller does next, while the text comes */
    prefetch_read(leaf_order(l));
    return slice_eq(text_member(leaf_slot_text(l, slot)), k->member);
}

static uint64_t index_hash(const void *arg, const void *record)
{
    const struct scoretree *t = arg;
    return hash_slice(t->seed, text_member(leaf_slot_text(ref_leaf(t, record), ref_slot(record))));
}

static const struct table_type index_type = {index_equals, index_hash};

void scoretree_init(struct scoretree *t, const struct hash_seed *seed)
{
    *t = (struct scoretree){.seed = seed};
    table_init(&t->index, &index_type, t);
}

static void *index_find(const struct scoretree *t, uint64_t hash, struct slice member)
{
    struct member_key key = {t, member};
    return table_find(&t->index, hash, &key);
}

static void long_member_free(struct scoretree *t, const uint8_t *text)
{
    if (likely(text[0] != TEXT_LONG)) return;
    struct long_member *m = text_long(text);
    t->bytes -= mem_usable(m);
    mem_free(m);
}

/* Writes the text of a new element to buf, which has TEXT_SIZE_MAX bytes. */
static void text_make(struct scoretree *t, struct slice member, uint8_t *buf)
{
    if (likely(member.len <= MEMBER_INLINE_MAX)) {
        buf[0] = (uint8_t)member.len;
        if (member.len > 0) memcpy(buf + 1, member.ptr, member.len);
        return;
    }
    struct long_member *m = mem_alloc(sizeof *m + member.len);
    m->len = member.len;
    memcpy(m->bytes, member.ptr, member.len);
    t->bytes += mem_usable(m);
    buf[0] = TEXT_LONG;
    memcpy(buf + 1, &m, sizeof m);
}

/* ---------------------------------------------------------------------------------- counts and scores on the way up */

static double leaf_first_score(const struct leaf *l)
{
    return leaf_score(l, 0);
}

/* The leaf has `delta` elements more, and perhaps another first score. */
static void path_update(struct leaf *l, size_t delta)
{
    const void *child = l;
    bool leftmost = l->len > 0;
    for (struct inner *n = l->parent; n != NULL; child = n, n = n->parent) {
        unsigned i = child_index(n, child);
        n->count[i] += delta;
        if (leftmost) n->score[i] = leaf_first_score(l);
        leftmost = leftmost && i == 0;
    }
}

/* The first child of n is another one. */
static void path_update_first(struct inner *n)
{
    double score = n->score[0];
    for (struct inner *up = n->parent; up != NULL; n = up, up = up->parent) {
        unsigned i = child_index(up, n);
        up->score[i] = score;
        if (i > 0) return;
    }
}

/* ----------------------------------------------------------------------------------------------------- inner nodes */

static void set_parent(void *child, struct inner *parent) /* of a leaf or an inner node: it is the first field */
{
    memcpy(child, &parent, sizeof parent);
}

static struct inner *inner_new(struct scoretree *t, unsigned level)
{
    struct inner *n = mem_alloc(sizeof *n);
    n->parent = NULL;
    n->len = 0;
    n->level = (uint16_t)level;
    t->bytes += sizeof *n;
    return n;
}

static void inner_free(struct scoretree *t, struct inner *n)
{
    t->bytes -= sizeof *n;
    mem_free_sized(n, sizeof *n);
}

/* Moves the children from i on to the end of another node. The counts above are the caller's affair. */
static void inner_move(struct inner *from, unsigned i, struct inner *to)
{
    unsigned count = from->len - i, at = to->len;
    assert(at + count <= INNER_LEN_MAX);
    memcpy(to->child + at, from->child + i, count * sizeof *to->child);
    memcpy(to->count + at, from->count + i, count * sizeof *to->count);
    memcpy(to->score + at, from->score + i, count * sizeof *to->score);
    for (unsigned k = at; k < at + count; k++) set_parent(to->child[k], to);
    to->len = (uint16_t)(at + count);
    from->len = (uint16_t)i;
}

static void inner_put(struct inner *n, unsigned i, void *child, size_t count, double score)
{
    unsigned rest = n->len - i;
    assert(n->len < INNER_LEN_MAX);
    memmove(n->child + i + 1, n->child + i, rest * sizeof *n->child);
    memmove(n->count + i + 1, n->count + i, rest * sizeof *n->count);
    memmove(n->score + i + 1, n->score + i, rest * sizeof *n->score);
    n->child[i] = child;
    n->count[i] = count;
    n->score[i] = score;
    n->len++;
    set_parent(child, n);
}

/* Adds to the counts of all nodes above. */
static void node_path_add(const struct inner *n, size_t delta)
{
    for (struct inner *up = n->parent; up != NULL; n = up, up = up->parent) up->count[child_index(up, n)] += delta;
}

static unsigned level_below(const struct scoretree *t, const struct inner *parent)
{
    return parent == NULL ? t->height : parent->level - 1u;
}

static size_t node_sum(const void *node, unsigned level)
{
    if (level == 0) return ((const struct leaf *)node)->len;
    const struct inner *n = node;
    return inner_sum(n, n->len);
}

/* Puts a child without elements behind (or before) next_to in their parent, which is split if it is full, and comes to
 * be if next_to is the root. Whoever then moves elements into it corrects the counts. */
static void child_add(struct scoretree *t, void *next_to, bool before, void *child, double score)
{
    struct inner *n;
    memcpy(&n, next_to, sizeof n);
    unsigned level = level_below(t, n);
    if (n == NULL) {
        n = inner_new(t, level + 1);
        inner_put(n, 0, next_to, node_sum(next_to, level), leaf_first_score(leftmost_leaf(next_to, level)));
        t->root = n;
        t->height++;
    }
    unsigned i = child_index(n, next_to) + (before ? 0 : 1);
    if (unlikely(n->len == INNER_LEN_MAX)) {
        unsigned mid = i == INNER_LEN_MAX ? INNER_LEN_MAX - 1u : i == 0 ? 1u : INNER_LEN_MAX / 2u;
        struct inner *right = inner_new(t, n->level);
        child_add(t, n, false, right, n->score[mid]);
        inner_move(n, mid, right);
        size_t moved = inner_sum(right, right->len);
        node_path_add(n, (size_t)0 - moved);
        node_path_add(right, moved);
        if (i > mid) {
            n = right;
            i -= mid;
        }
    }
    inner_put(n, i, child, 0, score);
    if (i == 0) path_update_first(n);
}

/* Takes a child without elements out of its parent; a parent that has none left goes, too. */
static void child_drop(struct scoretree *t, const void *child, struct inner *n)
{
    if (n == NULL) {
        t->root = NULL;
        t->height = 0;
        return;
    }
    unsigned i = child_index(n, child), rest = n->len - i - 1u;
    memmove(n->child + i, n->child + i + 1, rest * sizeof *n->child);
    memmove(n->count + i, n->count + i + 1, rest * sizeof *n->count);
    memmove(n->score + i, n->score + i + 1, rest * sizeof *n->score);
    n->len--;
    if (n->len == 0) {
        child_drop(t, n, n->parent);
        inner_free(t, n);
    } else if (i == 0) {
        path_update_first(n);
    }
}

/* n lost a child: joins it with a sibling if both are small; a root with one child gives way to that. */
static void inner_settle(struct scoretree *t, struct inner *n)
{
    for (struct inner *up; n != NULL && (up = n->parent) != NULL; n = up) {
        unsigned i = child_index(up, n);
        struct inner *left = i > 0 ? up->child[i - 1] : NULL, *right = i + 1u < up->len ? up->child[i + 1] : NULL;
        if (right != NULL && n->len + right->len <= INNER_MERGE_LEN) {
            left = n;
        } else if (left != NULL && left->len + n->len <= INNER_MERGE_LEN) {
            right = n;
            i--;
        } else {
            return;
        }
        inner_move(right, 0, left);
        up->count[i] += up->count[i + 1];
        child_drop(t, right, up);
        inner_free(t, right);
    }
    while (t->height > 0 && ((struct inner *)t->root)->len == 1) {
        struct inner *root = t->root;
        t->root = root->child[0];
        set_parent(t->root, NULL);
        t->height--;
        inner_free(t, root);
    }
}

/* ---------------------------------------------------------------------------------------------------------- leaves */

static void leaf_link(struct scoretree *t, struct leaf *l, uint32_t prev, uint32_t next)
{
    l->prev = prev;
    l->next = next;
    if (prev != 0)
        leaf_by_id(t, prev)->next = l->id;
    else
        t->first = l->id;
    if (next != 0)
        leaf_by_id(t, next)->prev = l->id;
    else
        t->last = l->id;
}

/* Unlinks and frees a leaf without elements, whose count above is 0. Its parent is returned (NULL: none is left). */
static void leaf_drop(struct scoretree *t, struct leaf *l)
{
    uint32_t prev = l->prev, next = l->next;
    struct inner *parent = l->parent;
    bool last_of_parent = parent != NULL && parent->len == 1;
    if (prev != 0)
        leaf_by_id(t, prev)->next = next;
    else
        t->first = next;
    if (next != 0)
        leaf_by_id(t, next)->prev = prev;
    else
        t->last = prev;
    struct inner *settle = parent;
    while (last_of_parent) { /* child_drop frees it, and those above that it leaves empty */
        settle = settle->parent;
        last_of_parent = settle != NULL && settle->len == 1;
    }
    child_drop(t, l, parent);
    leaf_free(t, l);
    if (t->root == NULL)
        directory_free(t);
    else
        inner_settle(t, settle);
}

/* An empty leaf beside l, for elements that need `data` bytes of text; score: of the first of them. */
static struct leaf *leaf_add(struct scoretree *t, struct leaf *l, bool before, unsigned len, unsigned data,
                             double score)
{
    struct leaf *made = leaf_new(t, len, data);
    if (before)
        leaf_link(t, made, l->prev, l->id);
    else
        leaf_link(t, made, l->id, l->next);
    child_add(t, l, before, made, score);
    return made;
}

/* Halves a leaf. The half where a text of `data` bytes is to come has room for it (if one was to be had). */
static void leaf_split(struct scoretree *t, struct leaf **leaf, unsigned *pos, unsigned data)
{
    struct leaf *l = *leaf;
    unsigned mid = l->len / 2u, moved = l->len - mid, moved_data = 0;
    bool to_right = *pos > mid;
    for (unsigned i = mid; i < l->len; i++) moved_data += text_size(leaf_text(l, i));
    struct leaf *right = leaf_add(t, l, false, moved + (to_right ? 1 : 0), moved_data + (to_right ? data : 0),
                                  leaf_score(l, mid));
    leaf_move(t, l, mid, right);
    path_update(l, (size_t)0 - moved);
    path_update(right, moved);
    leaf_renumber(t, l);
    l = leaf_rebuild(t, l, to_right ? 0 : 1, to_right ? 0 : data);
    *leaf = to_right ? right : l;
    if (to_right) *pos -= mid;
}

/* Makes room for a text of `data` bytes at a position; both may become others. */
static void leaf_make_room(struct scoretree *t, struct leaf **leaf, unsigned *pos, unsigned data, double score)
{
    for (;;) {
        struct leaf *l = *leaf;
        if (likely(leaf_has_room(l, data))) return;
        if (l->len < LEAF_LEN_MAX) {
            unsigned slots = leaf_slots_used(l), cap = slots > l->len ? slots : l->len + 1u;
            unsigned need = leaf_need(cap, leaf_live(l) + data);
            if (need <= LEAF_BYTES_MAX || l->len == 0) {
                *leaf = leaf_rebuild(t, l, 1, data);
                continue;
            }
        }
        bool at_end = *pos == l->len && l->next == 0, at_start = *pos == 0 && l->prev == 0;
        if (at_end || at_start) {
            *leaf = leaf_add(t, l, at_start, 1, data, score);
            *pos = 0;
            return;
        }
        leaf_split(t, leaf, pos, data);
    }
}

static bool leaves_fit(const struct leaf *left, const struct leaf *right)
{
    unsigned len = left->len + right->len;
    return len <= LEAF_MERGE_LEN && leaf_need(len, leaf_live(left) + leaf_live(right)) <= LEAF_MERGE_BYTES;
}

/* Joins l with the sibling before or behind it if that makes one good leaf. */
static bool leaf_merge(struct scoretree *t, struct leaf *l)
{
    struct inner *n = l->parent;
    unsigned i = child_index(n, l);
    struct leaf *left = i > 0 ? n->child[i - 1] : NULL, *right = i + 1u < n->len ? n->child[i + 1] : NULL;
    if (right != NULL && leaves_fit(l, right))
        left = l;
    else if (left != NULL && leaves_fit(left, l))
        right = l;
    else
        return false;
    unsigned moved = right->len;
    left = leaf_rebuild(t, left, moved, leaf_live(right));
    leaf_move(t, right, 0, left);
    path_update(left, moved);
    path_update(right, (size_t)0 - moved);
    leaf_drop(t, right);
    return true;
}

/* l lost elements: drops it, joins it with a sibling, or gives it a smaller block. */
static void leaf_settle(struct scoretree *t, struct leaf *l)
{
    if (l->len == 0) {
        leaf_drop(t, l);
        return;
    }
    if (l->parent != NULL && l->len < LEAF_MERGE_LEN / 2 && leaf_merge(t, l)) return;
    if (leaf_need(l->len, leaf_live(l)) >= l->size * 3u / 4u) return;
    leaf_renumber(t, l);
    leaf_rebuild(t, l, 0, 0);
}

/* ---------------------------------------------------------------------------------------------------------- insert */

/* Puts a text at a position; returns its reference, which is not in the index yet. */
static void *element_put(struct scoretree *t, struct leaf *l, unsigned pos, const uint8_t *text, double score)
{
    leaf_make_room(t, &l, &pos, text_size(text), score);
    unsigned slot = leaf_put(l, pos, text, score);
    path_update(l, 1);
    return ref_make(l->id, slot);
}

static bool element_precedes(const struct leaf *l, unsigned pos, const struct scoretree_bound *bound)
{
    return scoretree_precedes(leaf_score(l, pos), leaf_text(l, pos), bound);
}

/* Where an element belongs; the tree is not empty. Whatever comes in ascending order is found at once. */
static void place_of(const struct scoretree *t, const struct scoretree_bound *bound, struct leaf **l, unsigned *pos)
{
    *l = leaf_by_id(t, t->last);
    *pos = (*l)->len;
    if (!element_precedes(*l, *pos - 1, bound)) scoretree_descend(t, bound, l, pos);
}

static void root_make(struct scoretree *t, unsigned data)
{
    struct leaf *l = leaf_new(t, 1, data);
    t->root = l;
    t->first = t->last = l->id;
}

static void element_add(struct scoretree *t, uint64_t hash, struct leaf *l, unsigned pos, struct slice member,
                        double score)
{
    uint8_t text[TEXT_SIZE_MAX];
    text_make(t, member, text);
    if (t->root == NULL) {
        root_make(t, text_size(text));
        l = t->root;
        pos = 0;
    }
    table_insert(&t->index, hash, element_put(t, l, pos, text, score));
}

/* Removes the elements from the leaf, but not from the index. */
static void element_cut(struct scoretree *t, struct leaf *l, unsigned pos, unsigned count)
{
    leaf_cut(l, pos, count);
    path_update(l, (size_t)0 - count);
    leaf_settle(t, l);
}

/* Whether the element can have the score without changing places with a neighbour. */
static bool stays_in_place(const struct scoretree *t, const struct leaf *l, unsigned pos,
                           const struct scoretree_bound *bound)
{
    if (pos > 0) {
        if (!element_precedes(l, pos - 1, bound)) return false;
    } else if (l->prev != 0) {
        const struct leaf *prev = leaf_by_id(t, l->prev);
        if (!element_precedes(prev, prev->len - 1u, bound)) return false;
    }
    if (pos + 1u < l->len) return !element_precedes(l, pos + 1, bound);
    return l->next == 0 || !element_precedes(leaf_by_id(t, l->next), 0, bound);
}

/* The element is put in its new place before it leaves the old one: so at no time an index entry names a slot that
 * another element could be given. */
static void element_move(struct scoretree *t, uint64_t hash, struct slice member, const struct leaf *l, unsigned pos,
                         const struct scoretree_bound *bound)
{
    uint8_t text[TEXT_SIZE_MAX];
    memcpy(text, leaf_text(l, pos), text_size(leaf_text(l, pos)));
    struct leaf *to;
    unsigned to_pos;
    place_of(t, bound, &to, &to_pos);
    void *made = element_put(t, to, to_pos, text, bound->score), *old = index_find(t, hash, member);
    bool found = table_replace(&t->index, hash, old, made);
    assert(found);
    (void)found;
    struct leaf *from = ref_leaf(t, old);
    element_cut(t, from, leaf_pos(from, ref_slot(old)), 1);
}

enum scoretree_change scoretree_insert(struct scoretree *t, struct slice member, double score, double *old)
{
    assert(score == score);
    uint64_t hash = hash_slice(t->seed, member);
    const void *ref = index_find(t, hash, member);
    struct scoretree_bound bound = scoretree_by_both(score, member, false);
    struct leaf *l = NULL;
    unsigned pos = 0;
    if (ref == NULL) {
        if (t->root != NULL) place_of(t, &bound, &l, &pos);
        element_add(t, hash, l, pos, member, score);
        return SCORETREE_ADDED;
    }
    l = ref_leaf(t, ref);
    pos = leaf_pos(l, ref_slot(ref));
    double was = leaf_score(l, pos);
    if (old != NULL) *old = was;
    if (was == score) return SCORETREE_SAME;
    if (stays_in_place(t, l, pos, &bound)) {
        leaf_scores(l)[ref_slot(ref)] = score;
        if (pos == 0) path_update(l, 0);
    } else {
        element_move(t, hash, member, l, pos, &bound);
    }
    return SCORETREE_UPDATED;
}

static bool append_hashed(struct scoretree *t, uint64_t hash, struct slice member, double score)
{
    assert(score == score);
    if (index_find(t, hash, member) != NULL) return false;
    struct scoretree_bound bound = scoretree_by_both(score, member, false);
    struct leaf *l = NULL;
    unsigned pos = 0;
    if (t->root != NULL) {
        l = leaf_by_id(t, t->last);
        pos = l->len;
        if (!element_precedes(l, pos - 1, &bound)) return false;
    }
    element_add(t, hash, l, pos, member, score);
    return true;
}

bool scoretree_append(struct scoretree *t, struct slice member, double score)
{
    return append_hashed(t, hash_slice(t->seed, member), member, score);
}

size_t scoretree_append_many(struct scoretree *t, const struct scoretree_item *items, size_t count)
{
    enum { AHEAD = 16 }; /* buckets of the index on their way from memory at a time */
    for (size_t done = 0; done < count;) {
        uint64_t hashes[AHEAD];
        size_t n = count - done < AHEAD ? count - done : AHEAD;
        for (size_t i = 0; i < n; i++) {
            hashes[i] = hash_slice(t->seed, items[done + i].member);
            table_prefetch_bucket(&t->index, hashes[i]);
        }
        for (size_t i = 0; i < n; i++, done++)
            if (!append_hashed(t, hashes[i], items[done].member, items[done].score)) return done;
    }
    return count;
}

bool scoretree_load(struct scoretree *t, struct slice member, double score)
{
    assert(score == score);
    uint64_t hash = hash_slice(t->seed, member);
    if (index_find(t, hash, member) != NULL) return false;
    struct scoretree_bound bound = scoretree_by_both(score, member, false);
    struct leaf *l = NULL;
    unsigned pos = 0;
    if (t->root != NULL) {
        l = leaf_by_id(t, t->first);
        if (element_precedes(l, 0, &bound)) place_of(t, &bound, &l, &pos);
    }
    element_add(t, hash, l, pos, member, score);
    return true;
}

void scoretree_reserve(struct scoretree *t, size_t len)
{
    table_reserve(&t->index, len);
}

void scoretree_dup(struct scoretree *to, const struct scoretree *from)
{
    struct scoretree_place place;
    struct scoretree_item item;
    assert(scoretree_len(to) == 0);
    scoretree_reserve(to, scoretree_len(from));
    scoretree_seek_rank(from, 0, &place);
    while (scoretree_next(&place, &item)) {
        bool added = scoretree_append(to, item.member, item.score);
        assert(added);
        (void)added;
    }
}

/* ----------------------------------------------------------------------------------------------- by member, removal */

uint64_t scoretree_prefetch(const struct scoretree *t, struct slice member)
{
    uint64_t hash = hash_slice(t->seed, member);
    table_prefetch_bucket(&t->index, hash);
    return hash;
}

void scoretree_prefetch_element(const struct scoretree *t, uint64_t hash)
{
    const void *ref = table_candidate(&t->index, hash);
    if (ref != NULL) leaf_prefetch(ref_leaf(t, ref));
}

bool scoretree_score(const struct scoretree *t, struct slice member, double *score)
{
    const void *ref = index_find(t, hash_slice(t->seed, member), member);
    if (ref == NULL) return false;
    const struct leaf *l = ref_leaf(t, ref);
    *score = leaf_scores(l)[ref_slot(ref)];
    return true;
}

bool scoretree_rank(const struct scoretree *t, struct slice member, bool reverse, size_t *rank)
{
    const void *ref = index_find(t, hash_slice(t->seed, member), member);
    if (ref == NULL) return false;
    const struct leaf *l = ref_leaf(t, ref);
    if (l->parent != NULL) /* its children and counts, while the order comes */
        for (size_t at = offsetof(struct inner, child); at < sizeof *l->parent; at += 64)
            prefetch_read((const char *)l->parent + at);
    size_t below = scoretree_rank_at(l, leaf_pos(l, ref_slot(ref)));
    *rank = reverse ? scoretree_len(t) - 1 - below : below;
    return true;
}

bool scoretree_remove(struct scoretree *t, struct slice member)
{
    uint64_t hash = hash_slice(t->seed, member);
    const void *ref = index_find(t, hash, member);
    if (ref == NULL) return false;
    struct leaf *l = ref_leaf(t, ref);
    unsigned pos = leaf_pos(l, ref_slot(ref));
    table_erase(&t->index, hash, ref);
    long_member_free(t, leaf_text(l, pos));
    element_cut(t, l, pos, 1);
    return true;
}

/* Removes elements of one leaf that lie side by side. */
static void leaf_remove(struct scoretree *t, struct leaf *l, unsigned pos, unsigned count, scoretree_fn *fn, void *arg)
{
    uint64_t hashes[LEAF_LEN_MAX];
    for (unsigned i = 0; i < count; i++) {
        hashes[i] = hash_slice(t->seed, text_member(leaf_text(l, pos + i)));
        table_prefetch_bucket(&t->index, hashes[i]);
    }
    for (unsigned i = 0; i < count; i++) {
        const uint8_t *text = leaf_text(l, pos + i);
        if (fn != NULL) fn(arg, text_member(text), leaf_score(l, pos + i));
        table_erase(&t->index, hashes[i], ref_make(l->id, leaf_order(l)[pos + i]));
    }
    for (unsigned i = 0; i < count; i++) long_member_free(t, leaf_text(l, pos + i));
    element_cut(t, l, pos, count);
}

size_t scoretree_remove_ranks(struct scoretree *t, size_t from, size_t count, scoretree_fn *fn, void *arg)
{
    size_t len = scoretree_len(t), left;
    if (from >= len) return 0;
    if (count > len - from) count = len - from;
    for (left = count; left > 0;) {
        struct scoretree_place place;
        scoretree_seek_rank(t, from, &place);
        struct leaf *l = (struct leaf *)(uintptr_t)place.leaf;
        unsigned here = l->len - place.pos;
        if (here > left) here = (unsigned)left;
        leaf_remove(t, l, place.pos, here, fn, arg);
        left -= here;
    }
    return count;
}

size_t scoretree_remove_range(struct scoretree *t, const struct scoretree_bound *from,
                              const struct scoretree_bound *to, scoretree_fn *fn, void *arg)
{
    size_t first = scoretree_seek(t, from, NULL), end = scoretree_seek(t, to, NULL);
    return end > first ? scoretree_remove_ranks(t, first, end - first, fn, arg) : 0;
}

size_t scoretree_pop(struct scoretree *t, bool highest, size_t count, scoretree_fn *fn, void *arg)
{
    if (!highest) return scoretree_remove_ranks(t, 0, count, fn, arg);
    size_t done = 0;
    for (; done < count && t->root != NULL; done++) {
        struct leaf *l = leaf_by_id(t, t->last);
        leaf_remove(t, l, l->len - 1u, 1, fn, arg);
    }
    return done;
}

/* ---------------------------------------------------------------------------------------------------------- freeing */

/* Frees the last leaf without minding counts and scores, and the inner nodes that this empties. Returns its length. */
static size_t last_leaf_free(struct scoretree *t)
{
    void *node = t->root;
    for (unsigned level = t->height; level > 0; level--) {
        struct inner *n = node;
        node = n->child[n->len - 1u];
    }
    struct leaf *l = node;
    struct inner *n = l->parent;
    size_t count = l->len;
    for (unsigned i = 0; i < count; i++) long_member_free(t, leaf_text(l, i));
    leaf_free(t, l);
    while (n != NULL && --n->len == 0) {
        struct inner *up = n->parent;
        inner_free(t, n);
        n = up;
    }
    if (n == NULL) {
        t->root = NULL;
        t->height = 0;
    }
    return count;
}

bool scoretree_drain(struct scoretree *t, size_t budget)
{
    if (table_len(&t->index) > 0 && !table_drain(&t->index, budget, NULL, NULL)) return false;
    for (size_t done = 0; t->root != NULL; done += last_leaf_free(t))
        if (done >= budget) return false;
    directory_free(t);
    t->first = t->last = 0;
    assert(t->bytes == 0);
    return true;
}

void scoretree_deinit(struct scoretree *t)
{
    table_deinit(&t->index);
    while (!scoretree_drain(t, SIZE_MAX)) continue;
}
