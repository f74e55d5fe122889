/* The codec of sets: an intset or a listpack as its bytes, else the members one by one. */
#include "ds/intset.h"
#include "persist/rdb_value_impl.h"
#include "value/set.h"

#include <assert.h>

static uint8_t set_codec_type(const struct record *r, int version)
{
    enum set_form form;
    struct slice bytes;
    if (!set_packed(r, &form, &bytes)) return RDB_SET;
    if (form == SET_FORM_INTSET) return RDB_SET_INTSET;
    return version >= RDB_VERSION ? RDB_SET_LISTPACK : RDB_SET;
}

static void set_codec_write(struct rdb_writer *w, const struct record *r, uint8_t type)
{
    enum set_form form;
    struct slice bytes;
    if (type != RDB_SET) {
        if (set_packed(r, &form, &bytes)) rdb_write_string(w, bytes);
        return;
    }
    struct set_iter it;
    struct slice member;
    rdb_write_len(w, set_len(r));
    set_iter_init(&it, r);
    while (set_iter_next(&it, &member)) rdb_write_string(w, member);
}

static bool read_member(struct rdb_reader *r, struct rdb_elements *all, struct rdb_element *e)
{
    (void)all;
    return rdb_read_string(r, e->first);
}

static bool add_member(struct rdb_reader *r, struct rdb_elements *all, const struct rdb_element *e)
{
    if (set_add(all->made, buf_slice(e->first), all->load->limits)) return true;
    return rdb_fail(r, "a member of a set twice");
}

static struct record *read_members(struct rdb_reader *r, struct slice key, const struct rdb_load *load)
{
    uint64_t count;
    if (!rdb_read_count(r, 1, &count) || count == 0) return NULL;
    struct rdb_elements all = {.load = load, .read = read_member, .add = add_member};
    all.made = set_new(key);
    if (all.made == NULL) return rdb_no_room(r, key);
    set_expect(all.made, rdb_expected(r, 1, count), load->limits);
    bool ok = rdb_read_elements(r, count, &all);
    assert(ok == !r->failed);
    (void)ok;
    return rdb_value_made(r, all.made);
}

static bool intset_is_empty(struct slice bytes)
{
    static const char four_zeros[4];
    return bytes.len == 8 && memcmp(bytes.ptr + 4, four_zeros, 4) == 0 && intset_validate(bytes, true);
}

struct record *rdb_set_read(struct rdb_reader *r, uint8_t type, struct slice key, const struct rdb_load *load)
{
    struct slice bytes;
    if (type == RDB_SET) return read_members(r, key, load);
    if (!rdb_read_view(r, &r->spare, &bytes)) return NULL;
    bool is_intset = type == RDB_SET_INTSET;
    if (is_intset ? intset_is_empty(bytes) : rdb_listpack_is_empty(bytes)) return NULL;
    struct record *made =
        set_from_packed(key, is_intset ? SET_FORM_INTSET : SET_FORM_LISTPACK, bytes, load->limits);
    if (made == NULL) (void)rdb_fail(r, "Set %s integrity check failed.", is_intset ? "intset" : "listpack");
    return made;
}

const struct rdb_codec rdb_set_codec = {.type = set_codec_type, .write = set_codec_write};
