/* The codec of hashes.
 *
 *   HASH             fields | field | value | ...
 *   HASH_LISTPACK    a listpack of field, value, ...
 *   HASH_METADATA    first expiry:8 | fields | expiry | field | value | ...     expiry: 0, or 1 behind the first one
 *   HASH_LISTPACK_EX first expiry:8 | a listpack of field, value, expiry, ...   by expiry; 0, at the end: none
 *   HASH_2 (Valkey)  fields | field | value | expiry:8 | ...                    expiry: -1, or its time
 *
 * Times are Unix ms. Version 11 holds hashes in which no field has an expiry at the moment: such triples are written as
 * pairs. */
#include "ds/listpack.h"
#include "persist/rdb_value_impl.h"
#include "value/hash.h"

#include <assert.h>

static bool packed_as(const struct record *r, bool wanted_triples, struct slice *bytes)
{
    bool triples;
    return hash_packed(r, bytes, &triples) && triples == wanted_triples;
}

static uint8_t hash_codec_type(const struct record *r, int version)
{
    struct slice bytes;
    bool triples;
    bool expires = record_parts_expire_ms(r) != 0, packed = hash_packed(r, &bytes, &triples);
    if (!expires) return packed ? RDB_HASH_LISTPACK : RDB_HASH;
    if (version < RDB_VERSION_FIELD_TTL) return RDB_TYPE_NONE;
    return packed ? RDB_HASH_LISTPACK_EX : RDB_HASH_METADATA;
}

/* Triples without any expiry, as pairs. */
static void write_as_pairs(struct rdb_writer *w, const struct record *r)
{
    struct listpack *lp = listpack_new(0);
    struct hash_iter it;
    struct hash_item item;
    hash_iter_init(&it, r, 0);
    while (hash_iter_next(&it, &item)) {
        const struct listpack_value pair[2] = {{.text = item.field}, {.text = item.value}};
        struct listpack *grown = listpack_append_many(lp, pair, 2);
        if (grown == NULL) break; /* cannot be: it is shorter than the triples */
        lp = grown;
    }
    rdb_write_string(w, listpack_bytes(lp));
    listpack_free(lp);
}

static void write_fields(struct rdb_writer *w, const struct record *r, uint64_t first_ms)
{
    struct hash_iter it;
    struct hash_item item;
    rdb_write_len(w, hash_len(r));
    hash_iter_init(&it, r, 0);
    while (hash_iter_next(&it, &item)) {
        if (first_ms != 0) rdb_write_len(w, item.expire_ms == 0 ? 0 : item.expire_ms - first_ms + 1);
        rdb_write_string(w, item.field);
        rdb_write_string(w, item.value);
    }
}

static void hash_codec_write(struct rdb_writer *w, const struct record *r, uint8_t type)
{
    struct slice bytes;
    uint64_t first_ms = record_parts_expire_ms(r);
    if (first_ms != 0) rdb_write_u64(w, first_ms);
    if (type == RDB_HASH || type == RDB_HASH_METADATA)
        write_fields(w, r, first_ms);
    else if (packed_as(r, type == RDB_HASH_LISTPACK_EX, &bytes))
        rdb_write_string(w, bytes);
    else
        write_as_pairs(w, r);
}

/* ---- reading */

static bool expiry_ok(struct rdb_reader *r, uint64_t expire_ms)
{
    if (expire_ms < HASH_EXPIRE_MAX_MS) return true;
    return rdb_fail(r, "a field's expiry %llu is too far away", (unsigned long long)expire_ms);
}

/* What stands before a field (HASH_METADATA). */
static bool read_expiry_before(struct rdb_reader *r, uint64_t first_ms, uint64_t *expire_ms)
{
    if (!rdb_read_len(r, expire_ms) || *expire_ms == 0) return !r->failed;
    if (*expire_ms > HASH_EXPIRE_MAX_MS) return expiry_ok(r, *expire_ms);
    *expire_ms += first_ms - 1;
    if (*expire_ms == 0) *expire_ms = 1;
    return expiry_ok(r, *expire_ms);
}

/* What stands behind a value (HASH_2). */
static bool read_expiry_behind(struct rdb_reader *r, uint64_t *expire_ms)
{
    int64_t stored;
    if (!rdb_read(r, &stored, sizeof(stored))) return false;
    if (stored < -1) return rdb_fail(r, "a field's expiry %lld", (long long)stored);
    *expire_ms = stored < 0 ? 0 : stored == 0 ? 1 : (uint64_t)stored;
    if (*expire_ms >= HASH_EXPIRE_MAX_MS) *expire_ms = HASH_EXPIRE_MAX_MS - 1; /* Valkey's limit is a later one */
    return true;
}

static bool is_due(const struct rdb_load *load, uint64_t expire_ms)
{
    return expire_ms != 0 && expire_ms <= load->now_ms && !load->keep_due_fields;
}

static bool read_field(struct rdb_reader *r, struct rdb_elements *all, struct rdb_element *e)
{
    if (all->type == RDB_HASH_METADATA && !read_expiry_before(r, all->base, &e->expire_ms)) return false;
    if (!rdb_read_string(r, e->first) || !rdb_read_string(r, e->second)) return false;
    return all->type != RDB_HASH_2_VALKEY || read_expiry_behind(r, &e->expire_ms);
}

static bool add_field(struct rdb_reader *r, struct rdb_elements *all, const struct rdb_element *e)
{
    const struct hash_item item = {buf_slice(e->first), buf_slice(e->second), e->expire_ms};
    if (is_due(all->load, e->expire_ms) || hash_load(all->made, &item, all->load->limits)) return true;
    return rdb_fail(r, "a field of a hash twice");
}

static struct record *read_fields(struct rdb_reader *r, uint8_t type, struct slice key, const struct rdb_load *load)
{
    uint64_t count, first_ms = 0;
    if (type == RDB_HASH_METADATA && (!rdb_read_u64(r, &first_ms) || !expiry_ok(r, first_ms))) return NULL;
    if (!rdb_read_count(r, 2, &count) || count == 0) return NULL;
    struct rdb_elements all = {.load = load, .type = type, .base = first_ms, .read = read_field, .add = add_field};
    all.made = hash_new(key);
    if (all.made == NULL) return rdb_no_room(r, key);
    hash_expect(all.made, rdb_expected(r, 2, count), load->limits);
    bool ok = rdb_read_elements(r, count, &all);
    assert(ok == !r->failed);
    (void)ok;
    return rdb_value_made(r, all.made);
}

static struct record *read_listpack(struct rdb_reader *r, bool triples, struct slice key, const struct rdb_load *load)
{
    struct slice bytes;
    uint64_t first_ms; /* for readers that do not look into the listpack */
    if (triples && !rdb_read_u64(r, &first_ms)) return NULL;
    if (!rdb_read_view(r, &r->spare, &bytes)) return NULL;
    if (rdb_listpack_is_empty(bytes)) return NULL;
    struct record *made = hash_from_packed(key, bytes, triples, load->limits);
    if (made == NULL)
        (void)rdb_fail(r, "Hash listpack integrity check failed.");
    else if (!load->keep_due_fields)
        (void)hash_reap(made, load->now_ms, SIZE_MAX, NULL, NULL);
    return rdb_value_made(r, made);
}

/* ---- old packed forms */

struct pairs {
    struct record *made;
    const struct rdb_load *load;
    struct buf field;
    bool has_field;
};

static bool pair_each(void *arg, struct slice element)
{
    struct pairs *p = arg;
    p->has_field = !p->has_field;
    if (p->has_field) {
        buf_clear(&p->field);
        buf_append_slice(&p->field, element);
        return true;
    }
    const struct hash_item item = {.field = buf_slice(&p->field), .value = element};
    return hash_load(p->made, &item, p->load->limits);
}

static struct record *read_old(struct rdb_reader *r, bool zipmap, struct slice key, const struct rdb_load *load)
{
    struct slice bytes;
    if (!rdb_read_view(r, &r->spare, &bytes)) return NULL;
    struct pairs p = {.made = hash_new(key), .load = load};
    if (p.made == NULL) return rdb_no_room(r, key);
    bool ok = zipmap ? rdb_zipmap_each(bytes, pair_each, &p) : rdb_ziplist_each(bytes, pair_each, &p);
    if (!ok || p.has_field) (void)rdb_fail(r, "%s integrity check failed.", zipmap ? "Zipmap" : "Hash ziplist");
    buf_deinit(&p.field);
    return rdb_value_made(r, p.made);
}

struct record *rdb_hash_read(struct rdb_reader *r, uint8_t type, struct slice key, const struct rdb_load *load)
{
    switch (type) {
    case RDB_HASH_LISTPACK: case RDB_HASH_LISTPACK_EX:
        return read_listpack(r, type == RDB_HASH_LISTPACK_EX, key, load);
    case RDB_HASH_ZIPMAP: case RDB_HASH_ZIPLIST: return read_old(r, type == RDB_HASH_ZIPMAP, key, load);
    case RDB_HASH_2_VALKEY:
        if (r->valkey) break;
        (void)rdb_fail(r, "a hash as only a release candidate of Redis 7.4 wrote it");
        return NULL;
    default: break;
    }
    return read_fields(r, type, key, load);
}

const struct rdb_codec rdb_hash_codec = {.type = hash_codec_type, .write = hash_codec_write};
