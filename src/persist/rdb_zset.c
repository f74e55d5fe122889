/* The codec of sorted sets: a listpack as its bytes; else the elements, the highest score first, which is the order in
 * which other servers build theirs fastest, and ours as fast as in any. */
#include "persist/rdb_value_impl.h"
#include "value/zset.h"

#include <assert.h>

static uint8_t zset_codec_type(const struct record *r, int version)
{
    (void)version;
    return zset_packed(r).ptr != NULL ? RDB_ZSET_LISTPACK : RDB_ZSET_2;
}

static void zset_codec_write(struct rdb_writer *w, const struct record *r, uint8_t type)
{
    if (type == RDB_ZSET_LISTPACK) {
        rdb_write_string(w, zset_packed(r));
        return;
    }
    size_t left = zset_len(r), taken;
    struct zset_place place;
    struct scoretree_item items[SCORETREE_TAKE_MAX];
    rdb_write_len(w, left);
    zset_seek_rank(r, left - 1, &place);
    for (; (taken = zset_take(&place, false, left, items)) > 0; left -= taken)
        for (size_t i = 0; i < taken; i++) {
            rdb_write_string(w, items[i].member);
            rdb_write_double(w, items[i].score);
        }
}

static bool load_one(struct rdb_reader *r, struct record *made, struct slice member, double score,
                     const struct rdb_load *load)
{
    if (score != score) return rdb_fail(r, "a score of a sorted set that is no number");
    return zset_load(made, member, score, load->limits) ? true : rdb_fail(r, "a member of a sorted set twice");
}

static bool read_element(struct rdb_reader *r, struct rdb_elements *all, struct rdb_element *e)
{
    if (!rdb_read_string(r, e->first)) return false;
    return all->type == RDB_ZSET_2 ? rdb_read_double(r, &e->score) : rdb_read_text_double(r, &e->score);
}

static bool add_element(struct rdb_reader *r, struct rdb_elements *all, const struct rdb_element *e)
{
    return load_one(r, all->made, buf_slice(e->first), e->score, all->load);
}

static struct record *read_elements(struct rdb_reader *r, uint8_t type, struct slice key, const struct rdb_load *load)
{
    uint64_t count;
    if (!rdb_read_count(r, 2, &count) || count == 0) return NULL;
    struct rdb_elements all = {.load = load, .type = type, .read = read_element, .add = add_element};
    all.made = zset_new(key);
    if (all.made == NULL) return rdb_no_room(r, key);
    zset_expect(all.made, rdb_expected(r, 2, count), load->limits);
    bool ok = rdb_read_elements(r, count, &all);
    assert(ok == !r->failed);
    (void)ok;
    return rdb_value_made(r, all.made);
}

/* ---- ziplists */

struct pairs {
    struct record *made;
    const struct rdb_load *load;
    struct buf member;
    bool has_member;
};

static bool pair_each(void *arg, struct slice element)
{
    struct pairs *p = arg;
    double score;
    if (!p->has_member) {
        buf_clear(&p->member);
        buf_append_slice(&p->member, element);
        p->has_member = true;
        return true;
    }
    p->has_member = false;
    if (slice_to_double(element, &score) != ST_OK) return false;
    return zset_load(p->made, buf_slice(&p->member), score, p->load->limits);
}

static struct record *read_ziplist(struct rdb_reader *r, struct slice bytes, struct slice key,
                                   const struct rdb_load *load)
{
    struct pairs p = {.made = zset_new(key), .load = load};
    if (p.made == NULL) return rdb_no_room(r, key);
    if (!rdb_ziplist_each(bytes, pair_each, &p) || p.has_member)
        (void)rdb_fail(r, "Zset ziplist integrity check failed.");
    buf_deinit(&p.member);
    return rdb_value_made(r, p.made);
}

struct record *rdb_zset_read(struct rdb_reader *r, uint8_t type, struct slice key, const struct rdb_load *load)
{
    struct slice bytes;
    if (type == RDB_ZSET || type == RDB_ZSET_2) return read_elements(r, type, key, load);
    if (!rdb_read_view(r, &r->spare, &bytes)) return NULL;
    if (type == RDB_ZSET_ZIPLIST) return read_ziplist(r, bytes, key, load);
    if (rdb_listpack_is_empty(bytes)) return NULL;
    struct record *made = zset_new_packed(key, bytes, load->limits);
    if (made == NULL) (void)rdb_fail(r, "Zset listpack integrity check failed.");
    return made;
}

const struct rdb_codec rdb_zset_codec = {.type = zset_codec_type, .write = zset_codec_write};
