/* Finding, walking and checking a scoretree; the structure is explained in scoretree.c. */
#include "base/mem.h"
#include "ds/scoretree_impl.h"

/* ----------------------------------------------------------------------------------------------------------- bounds */

bool scoretree_precedes(double score, const uint8_t *text, const struct scoretree_bound *bound)
{
    if (bound->by != SCORETREE_BY_MEMBER) {
        if (score != bound->score) return score < bound->score;
        if (bound->by == SCORETREE_BY_SCORE) return bound->past;
    }
    int order = slice_cmp(text_member(text), bound->member);
    return order < 0 || (order == 0 && bound->past);
}

/* Children of n whose first element precedes the bound. */
static unsigned inner_lower(const struct inner *n, const struct scoretree_bound *bound)
{
    unsigned low = 0, high = n->len;
    while (low < high) {
        unsigned mid = (low + high) / 2;
        double score = n->score[mid];
        bool precedes;
        if (bound->by != SCORETREE_BY_MEMBER && score != bound->score)
            precedes = score < bound->score;
        else if (bound->by == SCORETREE_BY_SCORE)
            precedes = bound->past;
        else
            precedes = scoretree_precedes(score, leaf_text(leftmost_leaf(n->child[mid], n->level - 1u), 0), bound);
        if (precedes)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

static unsigned leaf_lower(const struct leaf *l, const struct scoretree_bound *bound)
{
    unsigned low = 0, high = l->len;
    while (low < high) {
        unsigned mid = (low + high) / 2;
        if (scoretree_precedes(leaf_score(l, mid), leaf_text(l, mid), bound))
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

void scoretree_descend(const struct scoretree *t, const struct scoretree_bound *bound, struct leaf **leaf,
                       unsigned *pos)
{
    void *node = t->root;
    for (unsigned level = t->height; level > 0; level--) {
        const struct inner *n = node;
        unsigned i = inner_lower(n, bound);
        if (i > 0) i--;
        node = n->child[i];
        if (level == 1)
            leaf_prefetch(node);
        else
            for (size_t at = 0; at < offsetof(struct inner, child); at += 64) prefetch_read((const char *)node + at);
    }
    *leaf = node;
    *pos = leaf_lower(*leaf, bound);
}

size_t scoretree_rank_at(const struct leaf *l, unsigned pos)
{
    size_t rank = pos;
    const void *child = l;
    for (const struct inner *n = l->parent; n != NULL; child = n, n = n->parent)
        rank += inner_sum(n, child_index(n, child));
    return rank;
}

/* ----------------------------------------------------------------------------------------------------------- places */

size_t scoretree_seek(const struct scoretree *t, const struct scoretree_bound *bound, struct scoretree_place *place)
{
    struct leaf *l = NULL;
    unsigned pos = 0;
    size_t rank = 0;
    if (t->root != NULL) {
        scoretree_descend(t, bound, &l, &pos);
        rank = scoretree_rank_at(l, pos);
    }
    if (place == NULL) return rank;
    if (l != NULL && pos == l->len) {
        l = l->next == 0 ? NULL : leaf_by_id(t, l->next);
        pos = 0;
    }
    *place = (struct scoretree_place){t, l, pos};
    return rank;
}

void scoretree_seek_rank(const struct scoretree *t, size_t rank, struct scoretree_place *place)
{
    *place = (struct scoretree_place){t, NULL, 0};
    if (rank >= scoretree_len(t)) return;
    const void *node = t->root;
    for (unsigned level = t->height; level > 0; level--) {
        const struct inner *n = node;
        unsigned i = 0;
        while (rank >= n->count[i]) rank -= n->count[i++];
        node = n->child[i];
    }
    leaf_prefetch(node);
    place->leaf = node;
    place->pos = (unsigned)rank;
}

static void item_at(const struct leaf *l, unsigned pos, struct scoretree_item *out)
{
    out->member = text_member(leaf_text(l, pos));
    out->score = leaf_score(l, pos);
}

/* A walk fetches one line of the next leaf per element: the whole of it by the time it gets there, and not much if it
 * ends before. */
static inline void prefetch_ahead(const struct leaf *l, unsigned step)
{
    if (step < LEAF_BYTES_MAX / 64) prefetch_read((const char *)l + 64 * step);
}

bool scoretree_next(struct scoretree_place *place, struct scoretree_item *out)
{
    const struct leaf *l = place->leaf;
    if (l == NULL) return false;
    item_at(l, place->pos, out);
    if (l->next != 0) prefetch_ahead(leaf_by_id(place->t, l->next), place->pos);
    if (++place->pos < l->len) return true;
    place->leaf = l->next == 0 ? NULL : leaf_by_id(place->t, l->next);
    place->pos = 0;
    return true;
}

bool scoretree_prev(struct scoretree_place *place, struct scoretree_item *out)
{
    const struct leaf *l = place->leaf;
    if (l == NULL) return false;
    item_at(l, place->pos, out);
    if (l->prev != 0) prefetch_ahead(leaf_by_id(place->t, l->prev), l->len - 1u - place->pos);
    if (place->pos-- > 0) return true;
    l = l->prev == 0 ? NULL : leaf_by_id(place->t, l->prev);
    place->leaf = l;
    place->pos = l == NULL ? 0 : l->len - 1u;
    return true;
}

_Static_assert((int)SCORETREE_TAKE_MAX >= (int)LEAF_LEN_MAX, "a leaf at once");

/* `wanted` elements of the leaf with this id, and perhaps more behind it, will be read: the head, then the lines in
 * which its arrays and texts probably are. */
static void prefetch_leaf(const struct scoretree *t, uint32_t id, size_t wanted)
{
    enum { LINES_MAX = 24, HEAD_LINES = 8 };
    if (id == 0) return;
    const char *l = (const char *)leaf_by_id(t, id);
    size_t lines = HEAD_LINES + wanted;
    if (lines > LINES_MAX) lines = LINES_MAX;
    for (size_t i = 0; i < lines; i++) prefetch_read(l + 64 * i);
}

size_t scoretree_take(struct scoretree_place *place, bool up, size_t wanted,
                      struct scoretree_item out[SCORETREE_TAKE_MAX])
{
    const struct leaf *l = place->leaf;
    if (l == NULL || wanted == 0) return 0;
    const uint8_t *order = leaf_order(l);
    const uint16_t *offsets = leaf_offsets(l);
    const double *scores = leaf_scores(l);
    unsigned pos = place->pos, here = up ? l->len - pos : pos + 1;
    uint32_t beyond = up ? l->next : l->prev;
    bool last = wanted >= here;
    if (!last) here = (unsigned)wanted;
    if (wanted > here) prefetch_leaf(place->t, beyond, wanted - here);
    for (unsigned i = 0; i < here; i++) {
        unsigned slot = order[up ? pos + i : pos - i];
        out[i].member = text_member((const uint8_t *)l + offsets[slot]);
        out[i].score = scores[slot];
    }
    if (last) {
        l = beyond == 0 ? NULL : leaf_by_id(place->t, beyond);
        place->leaf = l;
        place->pos = up || l == NULL ? 0 : l->len - 1u;
    } else {
        place->pos = up ? pos + here : pos - here;
    }
    return here;
}

bool scoretree_random(const struct scoretree *t, struct prng *prng, struct scoretree_item *out)
{
    struct scoretree_place place;
    if (scoretree_len(t) == 0) return false;
    scoretree_seek_rank(t, prng_below(prng, scoretree_len(t)), &place);
    return scoretree_next(&place, out);
}

struct scan {
    const struct scoretree *t;
    scoretree_fn *fn;
    void *arg;
};

static void scan_visit(void *arg, void *record)
{
    const struct scan *s = arg;
    const struct leaf *l = ref_leaf(s->t, record);
    unsigned slot = ref_slot(record);
    s->fn(s->arg, text_member(leaf_slot_text(l, slot)), leaf_scores(l)[slot]);
}

uint64_t scoretree_scan(const struct scoretree *t, uint64_t cursor, scoretree_fn *fn, void *arg)
{
    struct scan s = {t, fn, arg};
    return table_scan(&t->index, cursor, scan_visit, &s);
}

/* ---------------------------------------------------------------------------------------------------------- insight */

size_t scoretree_mem(const struct scoretree *t)
{
    return t->bytes + directory_mem(t) + table_mem(&t->index);
}

struct check {
    const struct leaf *last; /* the leaf before the one at hand */
    size_t bytes;
};

static bool ref_is(void *arg, void *record)
{
    return arg == record;
}

static void check_element(const struct scoretree *t, const struct leaf *l, unsigned pos, struct check *c)
{
    const uint8_t *text = leaf_text(l, pos);
    unsigned slot = leaf_order(l)[pos], at = leaf_offsets(l)[slot];
    assert(slot < l->cap && (l->used >> slot & 1) != 0);
    assert(at >= leaf_data_start(l) && at + text_size(text) <= l->data_end);
    assert(text[0] == TEXT_LONG || text[0] <= MEMBER_INLINE_MAX);
    if (text[0] == TEXT_LONG) {
        assert(text_long(text)->len > MEMBER_INLINE_MAX);
        c->bytes += mem_usable(text_long(text));
    }
    void *ref = ref_make(l->id, slot);
    const void *found = table_find_if(&t->index, hash_slice(t->seed, text_member(text)), ref_is, ref);
    assert(found == ref);
    const struct leaf *before = pos > 0 ? l : c->last;
    if (before == NULL) return;
    struct scoretree_item item;
    item_at(before, pos > 0 ? pos - 1 : before->len - 1u, &item);
    struct scoretree_bound bound = scoretree_by_both(item.score, item.member, true);
    assert(!scoretree_precedes(leaf_score(l, pos), text, &bound));
    (void)at; /* read by asserts only, as much here is */
    (void)bound;
    (void)found;
}

static size_t check_leaf(const struct scoretree *t, const struct leaf *l, struct check *c)
{
    assert(leaf_by_id(t, l->id) == l && l->len > 0 && l->len <= l->cap && l->cap <= LEAF_LEN_MAX);
    assert(leaf_slots_used(l) <= l->cap && l->data_end <= l->size && (unsigned)__builtin_popcountll(l->used) == l->len);
    assert(l->prev == (c->last == NULL ? 0 : c->last->id));
    assert(c->last == NULL ? t->first == l->id : c->last->next == l->id);
    unsigned live = 0;
    for (unsigned i = 0; i < l->len; i++) {
        live += text_size(leaf_text(l, i));
        check_element(t, l, i, c);
    }
    assert(live == leaf_live(l));
    (void)live;
    c->last = l;
    c->bytes += l->size;
    return l->len;
}

static size_t check_node(const struct scoretree *t, const void *node, const struct inner *parent, unsigned level,
                         struct check *c)
{
    const struct inner *n = node;
    assert((level == 0 ? ((const struct leaf *)node)->parent : n->parent) == parent);
    (void)parent;
    if (level == 0) return check_leaf(t, node, c);
    assert(n->level == level && n->len > 0 && n->len <= INNER_LEN_MAX);
    size_t sum = 0;
    for (unsigned i = 0; i < n->len; i++) {
        assert(n->score[i] == leaf_score(leftmost_leaf(n->child[i], level - 1), 0));
        size_t count = check_node(t, n->child[i], n, level - 1, c);
        assert(count == n->count[i]);
        sum += count;
    }
    c->bytes += sizeof *n;
    return sum;
}

void scoretree_check(const struct scoretree *t)
{
    struct check c = {0};
    size_t count = t->root == NULL ? 0 : check_node(t, t->root, NULL, t->height, &c);
    assert(count == scoretree_len(t) && c.bytes == t->bytes);
    if (t->root == NULL) assert(t->height == 0 && t->chunks == NULL && t->first == 0 && t->last == 0);
    else assert(t->last == c.last->id && c.last->next == 0);
    if (t->height > 0) assert(((const struct inner *)t->root)->len > 1);
    table_check(&t->index);
    (void)count;
}
