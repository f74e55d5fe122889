/* The set: its forms, one member at a time, walking, and the row of the type. set_impl.h has the picture.
 *
 *   empty -> intset -> listpack -> table        (an intset of too many goes straight to a table)
 *
 * Forms only grow: removing never leads back, as OBJECT ENCODING shows. The rules are those of Redis 7.2: integers stay
 * an intset up to set-max-intset-entries; any other member makes a listpack up to set-max-listpack-entries members of
 * set-max-listpack-value bytes; what is beyond is a table. */
#include "value/set.h"

#include "value/set_impl.h"
#include "value/value_ops.h"

enum { LISTPACK_ROOM_MAX = 64 * 1024 }; /* what is reserved at once; a larger listpack grows into its size */

/* ---- members of tables */

static void *member_new(struct slice text)
{
    char *member = mem_alloc(member_size(text.len)), *at = member + 1;
    uint64_t len = text.len;
    if (likely(len < MEMBER_LONG)) {
        *member = (char)len;
    } else {
        *member = (char)MEMBER_LONG;
        memcpy(at, &len, sizeof(len));
        at += sizeof(len);
    }
    if (len > 0) memcpy(at, text.ptr, len);
    return member;
}

void member_free(void *member)
{
    mem_free_sized(member, member_size(member_text(member).len));
}

static void member_drop(void *arg, void *member)
{
    (void)arg;
    member_free(member);
}

static bool member_equals(const void *member, const void *key)
{
    return slice_eq(member_text(member), *(const struct slice *)key);
}

static uint64_t member_hash(const void *arg, const void *member)
{
    return hash_slice(arg, member_text(member));
}

static const struct table_type member_table = {.equals = member_equals, .hash = member_hash};

/* The salt comes from what is in it first: who copies a set by walking it and adding what comes must not meet the same
 * order in the new one, though it may stand under the old one's key and at its address. */
static struct set_table *set_table_new(const struct hash_seed *seed, uint64_t salt, size_t expected)
{
    struct set_table *t = mem_alloc(sizeof(*t));
    table_init(&t->members, &member_table, seed);
    table_set_salt(&t->members, (uint32_t)(salt ^ salt >> 32));
    t->seed = seed;
    if (expected > 0) table_reserve(&t->members, expected);
    return t;
}

static void set_table_free(struct set_table *t)
{
    table_clear(&t->members, member_drop, NULL);
    mem_free_sized(t, sizeof(*t));
}

void set_table_insert(struct set_table *t, uint64_t hash, struct slice member)
{
    table_insert(&t->members, hash, member_new(member));
}

bool set_table_add(struct set_table *t, uint64_t hash, struct slice member)
{
    if (table_find(&t->members, hash, &member) != NULL) return false;
    set_table_insert(t, hash, member);
    return true;
}

/* ---- forms */

struct record *set_new(struct slice key)
{
    return record_new_object(key, TYPE_SET, SET_EMPTY, NULL);
}

static void free_object(struct record *r)
{
    switch (set_encoding(r)) {
    case SET_EMPTY: break;
    case SET_INTSET: intset_free(record_object(r)); break;
    case SET_LISTPACK: listpack_free(record_object(r)); break;
    case SET_TABLE: set_table_free(record_object(r)); break;
    }
}

void set_clear(struct record *r)
{
    free_object(r);
    set_put(r, SET_EMPTY, NULL);
}

/* Of the members that a small set has. */
static uint64_t salt_of(const struct record *r, const struct hash_seed *seed)
{
    struct set_iter it;
    struct slice member;
    uint64_t salt = 1;
    set_iter_init(&it, r);
    while (set_iter_next(&it, &member)) salt += hash_slice(seed, member);
    return salt;
}

struct set_table *set_to_table(struct record *r, size_t more, const struct value_limits *limits)
{
    struct set_table *t = set_table_new(limits->seed, salt_of(r, limits->seed), set_len(r) + more);
    struct set_iter it;
    struct slice member;
    set_iter_init(&it, r);
    while (set_iter_next(&it, &member)) set_table_insert(t, set_hash(t, member), member);
    free_object(r);
    set_put(r, SET_TABLE, t);
    return t;
}

static inline bool listpack_may_hold(size_t count, size_t longest, const struct value_limits *limits)
{
    return (int64_t)count <= limits->set_listpack_entries && (int64_t)longest <= limits->set_listpack_value;
}

static size_t longest_text(const struct intset *set)
{
    char text[NUM_I64_TEXT_MAX];
    int first = i64_to_text(text, intset_min(set)), last = i64_to_text(text, intset_max(set));
    return (size_t)(first > last ? first : last);
}

/* A member that is no integer comes: the intset is one no longer. */
static void intset_leave(struct record *r, struct slice member, const struct value_limits *limits)
{
    const struct intset *set = set_intset(r);
    size_t len = intset_len(set), longest = len > 0 ? longest_text(set) : 0;
    if (!listpack_may_hold(len + 1, longest > member.len ? longest : member.len, limits)) {
        (void)set_to_table(r, 1, limits);
        return;
    }
    struct listpack *lp = listpack_new(LISTPACK_SIZE_EMPTY + len * 4 + listpack_entry_size(member));
    for (size_t i = 0; lp != NULL && i < len; i++) {
        struct listpack *grown = listpack_append_i64(lp, intset_get(set, i));
        if (unlikely(grown == NULL)) listpack_free(lp);
        lp = grown;
    }
    if (unlikely(lp == NULL)) {
        (void)set_to_table(r, 1, limits);
        return;
    }
    intset_free(record_object(r));
    set_put(r, SET_LISTPACK, lp);
}

/* Bytes to reserve for so many members: 2 beside each of a usual length. */
static size_t listpack_room(size_t count, size_t bytes)
{
    size_t room = LISTPACK_SIZE_EMPTY + 2 * count + bytes;
    return room < LISTPACK_ROOM_MAX ? room : LISTPACK_ROOM_MAX;
}

/* An empty set takes the form for `count` members of which this is the first and `bytes` the sum of lengths. */
static void form_choose(struct record *r, struct slice first, size_t count, size_t bytes,
                        const struct value_limits *limits)
{
    int64_t number;
    if ((int64_t)count <= limits->set_intset_entries && slice_to_i64(first, &number) == ST_OK)
        set_put(r, SET_INTSET, intset_new());
    else if (listpack_may_hold(count, first.len, limits))
        set_put(r, SET_LISTPACK, listpack_new(listpack_room(count, bytes)));
    else
        set_put(r, SET_TABLE, set_table_new(limits->seed, hash_slice(limits->seed, first), 0));
}

void set_prepare(struct record *r, const struct slice *members, size_t count, const struct value_limits *limits)
{
    enum set_encoding encoding = set_encoding(r);
    if (encoding == SET_EMPTY) {
        size_t bytes = 0;
        for (size_t i = 0; i < count && (int64_t)count <= limits->set_listpack_entries; i++)
            if ((int64_t)members[i].len <= limits->set_listpack_value) bytes += members[i].len;
        form_choose(r, members[0], count, bytes, limits);
    } else if ((encoding == SET_INTSET && (int64_t)count > limits->set_intset_entries) ||
               (encoding == SET_LISTPACK && (int64_t)count > limits->set_listpack_entries)) {
        (void)set_to_table(r, 0, limits);
    }
}

void set_expect(struct record *r, size_t count, const struct value_limits *limits)
{
    assert(set_encoding(r) == SET_EMPTY);
    if ((int64_t)count > limits->set_intset_entries && (int64_t)count > limits->set_listpack_entries)
        set_put(r, SET_TABLE, set_table_new(limits->seed, limits->seed->k0 + count, count));
}

/* ---- one member */

size_t set_len(const struct record *r)
{
    switch (set_encoding(r)) {
    case SET_EMPTY: return 0;
    case SET_INTSET: return intset_len(set_intset(r));
    case SET_LISTPACK: return listpack_len(set_listpack(r));
    case SET_TABLE: return table_len(&set_table(r)->members);
    }
    return 0;
}

static bool listpack_add(struct record *r, struct slice member, const struct value_limits *limits)
{
    struct listpack *lp = record_object(r);
    if (listpack_find(lp, listpack_first(lp), member, 0) != 0) return false;
    if (likely(listpack_may_hold(listpack_len(lp) + 1, member.len, limits))) {
        struct listpack *grown = listpack_append(lp, member);
        if (likely(grown != NULL)) {
            record_set_object(r, grown);
            return true;
        }
    }
    struct set_table *t = set_to_table(r, 1, limits);
    set_table_insert(t, set_hash(t, member), member);
    return true;
}

static bool intset_add_member(struct record *r, struct slice member, const struct value_limits *limits)
{
    int64_t number;
    bool added;
    if (slice_to_i64(member, &number) != ST_OK) {
        intset_leave(r, member, limits);
        return set_add(r, member, limits);
    }
    struct intset *set = intset_add(record_object(r), number, &added);
    if (unlikely(set == NULL)) {
        struct set_table *t = set_to_table(r, 1, limits);
        return set_table_add(t, set_hash(t, member), member);
    }
    record_set_object(r, set);
    if (added && unlikely((int64_t)intset_len(set) > limits->set_intset_entries)) (void)set_to_table(r, 0, limits);
    return added;
}

bool set_add(struct record *r, struct slice member, const struct value_limits *limits)
{
    if (unlikely(set_encoding(r) == SET_EMPTY)) form_choose(r, member, 1, member.len, limits);
    switch (set_encoding(r)) {
    case SET_TABLE: return set_table_add(set_table(r), set_hash(set_table(r), member), member);
    case SET_LISTPACK: return listpack_add(r, member, limits);
    default: return intset_add_member(r, member, limits);
    }
}

static bool set_table_remove(struct set_table *t, struct slice member)
{
    void *found = table_erase_key(&t->members, set_hash(t, member), &member);
    if (found != NULL) member_free(found);
    return found != NULL;
}

bool set_remove(struct record *r, struct slice member)
{
    int64_t number;
    bool removed = false;
    switch (set_encoding(r)) {
    case SET_EMPTY: return false;
    case SET_INTSET:
        if (slice_to_i64(member, &number) == ST_OK)
            record_set_object(r, intset_remove(record_object(r), number, &removed));
        return removed;
    case SET_LISTPACK: {
        struct listpack *lp = record_object(r);
        uint32_t at = listpack_find(lp, listpack_first(lp), member, 0);
        if (at != 0) record_set_object(r, listpack_delete(lp, at));
        return at != 0;
    }
    case SET_TABLE: return set_table_remove(set_table(r), member);
    }
    return false;
}

bool set_contains(const struct record *r, struct slice member)
{
    int64_t number;
    switch (set_encoding(r)) {
    case SET_EMPTY: return false;
    case SET_INTSET: return slice_to_i64(member, &number) == ST_OK && intset_contains(set_intset(r), number);
    case SET_LISTPACK: return listpack_find(set_listpack(r), listpack_first(set_listpack(r)), member, 0) != 0;
    case SET_TABLE: return set_table_contains(set_table(r), set_hash(set_table(r), member), member);
    }
    return false;
}

/* ---- walking */

void set_iter_init(struct set_iter *it, const struct record *r)
{
    it->r = r;
    it->pos = 0;
    if (set_encoding(r) == SET_LISTPACK) it->pos = listpack_first(set_listpack(r));
    if (set_encoding(r) == SET_TABLE) table_iter_init(&it->table, &set_table(r)->members);
}

static bool iter_next_listpack(struct set_iter *it, struct slice *member)
{
    struct listpack_value value;
    uint32_t pos = (uint32_t)it->pos;
    if (!listpack_read(set_listpack(it->r), &pos, &value)) return false;
    it->pos = pos;
    *member = value.text;
    if (value.is_number) *member = slice_of(it->scratch, (size_t)i64_to_text(it->scratch, value.number));
    return true;
}

bool set_iter_next(struct set_iter *it, struct slice *member)
{
    const void *found;
    switch (set_encoding(it->r)) {
    case SET_EMPTY: return false;
    case SET_INTSET:
        if (it->pos >= intset_len(set_intset(it->r))) return false;
        *member = slice_of(it->scratch, (size_t)i64_to_text(it->scratch, intset_get(set_intset(it->r), it->pos++)));
        return true;
    case SET_LISTPACK: return iter_next_listpack(it, member);
    case SET_TABLE:
        found = table_iter_next(&it->table);
        if (found == NULL) return false;
        *member = member_text(found);
        return true;
    }
    return false;
}

struct visitor {
    set_visit *visit;
    void *arg;
};

static void scan_visit(void *arg, void *member)
{
    const struct visitor *v = arg;
    v->visit(v->arg, member_text(member));
}

uint64_t set_scan(const struct record *r, uint64_t cursor, set_visit *visit, void *arg)
{
    if (set_encoding(r) == SET_TABLE) {
        struct visitor v = {visit, arg};
        return table_scan(&set_table(r)->members, cursor, scan_visit, &v);
    }
    struct set_iter it;
    struct slice member;
    set_iter_init(&it, r);
    while (set_iter_next(&it, &member)) visit(arg, member);
    return 0;
}

/* ---- files and payloads */

bool set_packed(const struct record *r, enum set_form *form, struct slice *bytes)
{
    if (set_encoding(r) == SET_INTSET) {
        *form = SET_FORM_INTSET;
        *bytes = intset_bytes(set_intset(r));
        return true;
    }
    if (set_encoding(r) != SET_LISTPACK) return false;
    *form = SET_FORM_LISTPACK;
    *bytes = listpack_bytes(set_listpack(r));
    return true;
}

struct record *set_from_packed(struct slice key, enum set_form form, struct slice bytes,
                               const struct value_limits *limits)
{
    bool valid = form == SET_FORM_INTSET ? intset_validate(bytes, true) : listpack_validate(bytes, true, NULL, NULL);
    struct record *r = valid ? set_new(key) : NULL;
    if (r == NULL) return NULL;
    if (form == SET_FORM_INTSET)
        set_put(r, SET_INTSET, intset_from_bytes(bytes));
    else
        set_put(r, SET_LISTPACK, listpack_from_bytes(bytes));
    if (set_len(r) == 0 || (form == SET_FORM_LISTPACK && !listpack_distinct(record_object(r), 1, limits->seed))) {
        record_free(r);
        return NULL;
    }
    int64_t most = form == SET_FORM_INTSET ? limits->set_intset_entries : limits->set_listpack_entries;
    if ((int64_t)set_len(r) > most) (void)set_to_table(r, 0, limits);
    return r;
}

/* ---- the row of the type */

/* The copy's pointer is the original's. Walking a table in its order fills the copy in its order: near in memory. */
static void set_own(struct record *copy)
{
    if (set_encoding(copy) == SET_INTSET) record_set_object(copy, intset_dup(set_intset(copy)));
    if (set_encoding(copy) == SET_LISTPACK) record_set_object(copy, listpack_dup(set_listpack(copy)));
    if (set_encoding(copy) != SET_TABLE) return;
    const struct set_table *from = set_table(copy);
    struct set_table *to = set_table_new(from->seed, table_salt(&from->members), table_len(&from->members));
    struct table_iter it;
    const void *member;
    table_iter_init(&it, &from->members);
    while ((member = table_iter_next(&it)) != NULL)
        set_table_insert(to, set_hash(to, member_text(member)), member_text(member));
    record_set_object(copy, to);
}

static size_t set_table_mem(const struct set_table *t, size_t samples)
{
    struct table_iter it;
    const void *member;
    size_t len = table_len(&t->members), bytes = 0, seen = 0;
    table_iter_init(&it, &t->members);
    while ((samples == 0 || seen < samples) && (member = table_iter_next(&it)) != NULL) {
        bytes += mem_good_size(member_size(member_text(member).len));
        seen++;
    }
    if (seen > 0 && seen < len) bytes = (size_t)((double)bytes / (double)seen * (double)len);
    return mem_good_size(sizeof(*t)) + table_mem(&t->members) + bytes;
}

static size_t set_mem(const struct record *r, size_t samples)
{
    switch (set_encoding(r)) {
    case SET_EMPTY: return 0;
    case SET_INTSET: return intset_mem(set_intset(r));
    case SET_LISTPACK: return listpack_mem(set_listpack(r));
    case SET_TABLE: return set_table_mem(set_table(r), samples);
    }
    return 0;
}

static size_t set_free_effort(const struct record *r)
{
    return set_encoding(r) == SET_TABLE ? table_len(&set_table(r)->members) : 1;
}

static const char *set_encoding_name(const struct record *r)
{
    static const char *const names[] = {"intset", "intset", "listpack", "hashtable"};
    return names[set_encoding(r)];
}

static void set_check(const struct record *r)
{
    assert(record_encoding(r) <= SET_TABLE);
    switch (set_encoding(r)) {
    case SET_EMPTY: assert(record_object(r) == NULL); break;
    case SET_INTSET: intset_check(set_intset(r)); break;
    case SET_LISTPACK: {
        const struct listpack *lp = set_listpack(r);
        char scratch[NUM_I64_TEXT_MAX];
        listpack_check(lp);
        for (uint32_t at = listpack_first(lp); at != 0; at = listpack_next(lp, at))
            assert(listpack_find(lp, listpack_next(lp, at), listpack_text(lp, at, scratch), 0) == 0);
        break;
    }
    case SET_TABLE: table_check(&set_table(r)->members); break;
    }
}

static uint64_t set_prefetch(const struct record *r, struct slice element)
{
    if (set_encoding(r) != SET_TABLE) {
        record_prefetch_object(r);
        return 0;
    }
    const struct set_table *t = record_object(r);
    uint64_t hash = hash_slice(t->seed, element);
    table_prefetch_bucket(&t->members, hash);
    return hash;
}

static void set_prefetch_element(const struct record *r, uint64_t hash)
{
    const struct set_table *t = record_object(r);
    if (set_encoding(r) == SET_TABLE) table_prefetch_record(&t->members, hash);
}

const struct value_ops set_ops = {
    .name = "set",
    .len = set_len,
    .free = free_object,
    .own = set_own,
    .mem = set_mem,
    .free_effort = set_free_effort,
    .encoding_name = set_encoding_name,
    .prefetch = set_prefetch,
    .prefetch_element = set_prefetch_element,
    .check = set_check,
};
