/* Small hashes: field, value, ... or field, value, expiry, ... in a listpack.
 *
 * With expiries the due fields are the first ones: to know whether anything is due takes a look at one entry, and what
 * is due is removed in one piece. A field that gets another expiry moves to its place; among equal times it comes to
 * stand behind the others. */
#include "base/mem.h"
#include "value/hash_impl.h"

enum {
    DRAW_BATCH = 64,
    MOVE_STACK_MAX = 256,
    GROUP_OVERHEAD_MAX = 64, /* more than the lengths around a group's entries and its expiry take */
};

static inline struct listpack *pack_of(const struct record *r)
{
    return record_object(r);
}

static inline uint32_t group_of(const struct record *r)
{
    return hash_form(r) == HASH_PACK_EX ? 3 : 2;
}

static inline uint64_t expiry_at(const struct listpack *lp, uint32_t pos)
{
    return (uint64_t)listpack_get(lp, pos).number;
}

size_t hash_pack_len(const struct record *r)
{
    return listpack_len(pack_of(r)) / group_of(r);
}

uint64_t hash_pack_first_expiry(const struct record *r)
{
    if (hash_form(r) != HASH_PACK_EX) return 0;
    uint32_t pos = listpack_seek(pack_of(r), 2);
    return pos == 0 ? 0 : expiry_at(pack_of(r), pos);
}

static bool anything_due(const struct record *r, uint64_t now_ms)
{
    uint64_t first_ms = hash_pack_first_expiry(r);
    return first_ms != 0 && first_ms <= now_ms;
}

size_t hash_pack_due(const struct record *r, uint64_t now_ms)
{
    const struct listpack *lp = pack_of(r);
    size_t count = 0;
    if (!anything_due(r, now_ms)) return 0;
    for (uint32_t pos = listpack_seek(lp, 2); pos != 0; count++) {
        uint64_t expire_ms = expiry_at(lp, pos);
        if (expire_ms == 0 || expire_ms > now_ms) break;
        for (int i = 0; i < 3 && pos != 0; i++) pos = listpack_next(lp, pos);
    }
    return count;
}

/* ---- one field ---- */

static inline uint32_t find(const struct record *r, struct slice field)
{
    const struct listpack *lp = pack_of(r);
    return listpack_find(lp, listpack_first(lp), field, group_of(r) - 1);
}

/* The expiry of the field at pos. */
static inline uint64_t field_expiry(const struct record *r, uint32_t pos)
{
    const struct listpack *lp = pack_of(r);
    return hash_form(r) == HASH_PACK ? 0 : expiry_at(lp, listpack_next(lp, listpack_next(lp, pos)));
}

static inline bool field_due(const struct record *r, uint32_t pos, uint64_t now_ms)
{
    uint64_t expire_ms = field_expiry(r, pos);
    return unlikely(expire_ms != 0) && expire_ms <= now_ms;
}

static inline uint32_t find_live(const struct record *r, struct slice field, uint64_t now_ms)
{
    uint32_t pos = find(r, field);
    return pos == 0 || field_due(r, pos, now_ms) ? 0 : pos;
}

bool hash_pack_get(const struct record *r, struct slice field, uint64_t now_ms, char scratch[NUM_I64_TEXT_MAX],
              struct slice *value)
{
    uint32_t pos = find_live(r, field, now_ms);
    if (pos == 0) return false;
    *value = listpack_text(pack_of(r), listpack_next(pack_of(r), pos), scratch);
    return true;
}

/* Removes the group at pos. */
static void remove_at(struct record *r, uint32_t pos)
{
    record_set_object(r, listpack_delete_range(pack_of(r), pos, group_of(r)));
    hash_flag_expiry(r, hash_pack_first_expiry(r) != 0);
}

static bool append(struct record *r, struct slice field, struct slice value)
{
    const struct listpack_value group[3] = {{.text = field}, {.text = value}, {.is_number = true}};
    struct listpack *lp = listpack_append_many(pack_of(r), group, group_of(r));
    if (lp == NULL) return false;
    record_set_object(r, lp);
    return true;
}

bool hash_pack_put(struct record *r, const struct hash_put *put, const struct value_limits *limits, bool *is_new)
{
    size_t longest = put->field.len > put->value.len ? put->field.len : put->value.len;
    if ((uint64_t)longest > (uint64_t)limits->hash_listpack_value ||
        !listpack_fits(pack_of(r), put->field.len + put->value.len + GROUP_OVERHEAD_MAX))
        return false;
    uint32_t pos = find(r, put->field);
    size_t len = hash_pack_len(r) + (pos == 0);
    if (len > (uint64_t)limits->hash_listpack_entries) return false;
    uint64_t expire_ms = pos == 0 ? 0 : field_expiry(r, pos);
    bool due = expire_ms != 0 && expire_ms <= put->now_ms;
    *is_new = pos == 0 || due;
    if (pos != 0 && (expire_ms == 0 || (put->keep_expiry && !due))) {
        struct listpack *lp = pack_of(r);
        lp = listpack_replace(lp, listpack_next(lp, pos), put->value);
        if (lp == NULL) return false;
        record_set_object(r, lp);
        return true;
    }
    if (pos != 0) remove_at(r, pos);
    bool fits = append(r, put->field, put->value);
    assert(fits);
    return fits;
}

bool hash_pack_delete(struct record *r, struct slice field, uint64_t now_ms)
{
    uint32_t pos = find_live(r, field, now_ms);
    if (pos == 0) return false;
    remove_at(r, pos);
    return true;
}

bool hash_pack_expiry(const struct record *r, struct slice field, uint64_t now_ms, uint64_t *expire_ms)
{
    uint32_t pos = find_live(r, field, now_ms);
    if (pos == 0) return false;
    *expire_ms = field_expiry(r, pos);
    return true;
}

/* ---- expiries ---- */

/* Pairs become triples. False: too large. */
static bool widen(struct record *r)
{
    struct listpack *pairs = pack_of(r), *lp = listpack_new(listpack_size(pairs) + listpack_len(pairs) * 3 / 2);
    for (uint32_t pos = listpack_first(pairs); pos != 0;) {
        struct listpack_value group[3] = {[2] = {.is_number = true}};
        (void)listpack_read(pairs, &pos, &group[0]);
        (void)listpack_read(pairs, &pos, &group[1]);
        struct listpack *grown = listpack_append_many(lp, group, 3);
        if (grown == NULL) {
            listpack_free(lp);
            return false;
        }
        lp = grown;
    }
    listpack_free(pairs);
    hash_set_form(r, HASH_PACK_EX, lp);
    return true;
}

/* Where a triple with this expiry belongs. */
static uint32_t place_for(const struct listpack *lp, uint64_t expire_ms)
{
    if (expire_ms == 0) return listpack_end(lp);
    for (uint32_t pos = listpack_first(lp); pos != 0;) {
        uint32_t at = listpack_next(lp, listpack_next(lp, pos));
        uint64_t other = expiry_at(lp, at);
        if (other == 0 || other > expire_ms) return pos;
        pos = listpack_next(lp, at);
    }
    return listpack_end(lp);
}

static struct listpack_value entry_copy(struct listpack_value v, char **room)
{
    if (!v.is_number && v.text.len > 0) {
        memcpy(*room, v.text.ptr, v.text.len);
        v.text.ptr = *room;
        *room += v.text.len;
    }
    return v;
}

/* The triple at pos gets another expiry and moves. Never too large: listpack_fits was asked before. */
static struct listpack *move_triple(struct listpack *lp, uint32_t pos, uint64_t expire_ms)
{
    struct listpack_value group[3] = {[2] = {.number = (int64_t)expire_ms, .is_number = true}};
    uint32_t next = pos;
    (void)listpack_read(lp, &next, &group[0]);
    (void)listpack_read(lp, &next, &group[1]);
    char stack[MOVE_STACK_MAX], *room = stack, *heap = NULL;
    size_t bytes = group[0].text.len + group[1].text.len;
    if (bytes > sizeof(stack)) room = heap = mem_alloc(bytes);
    group[0] = entry_copy(group[0], &room);
    group[1] = entry_copy(group[1], &room);
    lp = listpack_delete_range(lp, pos, 3);
    lp = listpack_insert_many(lp, place_for(lp, expire_ms), group, 3);
    assert(lp != NULL);
    mem_free(heap);
    return lp;
}

bool hash_pack_set_expiry(struct record *r, struct slice field, uint64_t now_ms, uint64_t expire_ms, bool *found)
{
    uint32_t pos = find_live(r, field, now_ms);
    *found = pos != 0;
    if (pos == 0) return true;
    if (hash_form(r) == HASH_PACK) {
        if (expire_ms == 0) return true;
        if (!widen(r)) return false;
        pos = find(r, field);
    }
    if (!listpack_fits(pack_of(r), listpack_entry_size_i64((int64_t)expire_ms))) return false;
    if (field_expiry(r, pos) != expire_ms) record_set_object(r, move_triple(pack_of(r), pos, expire_ms));
    hash_flag_expiry(r, hash_pack_first_expiry(r) != 0);
    return true;
}

/* ---- many ---- */

/* Reads the group at *pos and moves on. */
static struct hash_item item_read(const struct record *r, uint32_t *pos, char field[NUM_I64_TEXT_MAX],
                                  char value[NUM_I64_TEXT_MAX])
{
    const struct listpack *lp = pack_of(r);
    struct hash_item item = {.field = listpack_text(lp, *pos, field)};
    *pos = listpack_next(lp, *pos);
    item.value = listpack_text(lp, *pos, value);
    *pos = listpack_next(lp, *pos);
    if (hash_form(r) == HASH_PACK_EX) {
        item.expire_ms = expiry_at(lp, *pos);
        *pos = listpack_next(lp, *pos);
    }
    return item;
}

bool hash_pack_iter_next(struct hash_iter *it, struct hash_item *item)
{
    while (it->pos != 0) {
        *item = item_read(it->r, &it->pos, it->field, it->value);
        if (likely(item->expire_ms == 0 || item->expire_ms > it->now_ms)) return true;
    }
    return false;
}

static void item_give(const struct record *r, uint32_t pos, hash_fn *fn, void *arg)
{
    char field[NUM_I64_TEXT_MAX], value[NUM_I64_TEXT_MAX];
    struct hash_item item = item_read(r, &pos, field, value);
    fn(arg, &item);
}

void hash_pack_draw(const struct record *r, uint64_t now_ms, struct prng *prng, size_t count, hash_fn *fn, void *arg)
{
    const struct listpack *lp = pack_of(r);
    size_t due = hash_pack_due(r, now_ms), live = hash_pack_len(r) - due;
    if (due > 0 || count == 1) { /* the due ones are the first */
        for (; count > 0; count--)
            item_give(r, listpack_seek(lp, (int64_t)((due + prng_below(prng, live)) * group_of(r))), fn, arg);
        return;
    }
    while (count > 0) {
        uint32_t positions[DRAW_BATCH];
        size_t n = count < DRAW_BATCH ? count : DRAW_BATCH;
        listpack_random_many(lp, group_of(r), prng, positions, n);
        for (size_t i = 0; i < n; i++) item_give(r, positions[i], fn, arg);
        count -= n;
    }
}

size_t hash_pack_reap(struct record *r, uint64_t now_ms, size_t max, hash_fn *fn, void *arg)
{
    size_t count = hash_pack_due(r, now_ms);
    struct listpack *lp = pack_of(r);
    if (count > max) count = max;
    if (count == 0) return 0;
    uint32_t pos = listpack_first(lp);
    for (size_t i = 0; i < count && fn != NULL; i++) {
        item_give(r, pos, fn, arg);
        for (int k = 0; k < 3; k++) pos = listpack_next(lp, pos);
    }
    record_set_object(r, listpack_delete_range(lp, listpack_first(lp), count * 3));
    hash_flag_expiry(r, hash_pack_first_expiry(r) != 0);
    return count;
}

void hash_pack_check(const struct record *r)
{
    const struct listpack *lp = pack_of(r);
    listpack_check(lp);
    assert(listpack_len(lp) % group_of(r) == 0);
    uint64_t last_ms = 1;
    for (uint32_t pos = listpack_first(lp); pos != 0;) {
        char field[NUM_I64_TEXT_MAX], value[NUM_I64_TEXT_MAX];
        uint32_t at = pos;
        struct hash_item item = item_read(r, &pos, field, value);
        assert(find(r, item.field) == at);
        if (hash_form(r) != HASH_PACK_EX) continue;
        assert(item.expire_ms < HASH_EXPIRE_MAX_MS);
        uint64_t order = item.expire_ms == 0 ? UINT64_MAX : item.expire_ms;
        assert(order >= last_ms);
        last_ms = order;
    }
}
