/* DEBUG DIGEST: a fingerprint of the data set that two servers with the same data share, whatever the order, encoding
 * or history of their keys.
 *
 * Each key gives SHA-1(database, key, SHA-1 of the value, whether it expires), and the sum is the exclusive or of
 * these. A value's digest is of what commands see: for strings the bytes. A collection type adds a function here that
 * mixes its elements likewise. */
#include "base/num.h"
#include "base/sha.h"
#include "observe/observe_impl.h"
#include "value/hash.h"
#include "value/list.h"
#include "value/set.h"
#include "value/stream.h"
#include "value/string.h"
#include "value/zset.h"

_Static_assert((int)DIGEST_SIZE == (int)SHA1_SIZE, "a digest is a SHA-1");

static void update_framed(struct sha1 *s, struct slice part)
{
    uint64_t len = part.len; /* so that no two parts can be cut differently */
    sha1_update(s, &len, sizeof(len));
    if (part.len > 0)
        sha1_update(s, part.ptr, part.len);
}

static void digest_string(const struct record *r, struct sha1 *s)
{
    char scratch[STRING_SCRATCH];
    update_framed(s, string_view(r, scratch));
}

/* Fields have no order: the exclusive or of their digests. */
static void digest_hash(const struct record *r, struct sha1 *s)
{
    unsigned char sum[DIGEST_SIZE] = {0}, one[DIGEST_SIZE];
    struct hash_iter it;
    struct hash_item item;
    hash_iter_init(&it, r, 0);
    while (hash_iter_next(&it, &item)) {
        struct sha1 field;
        sha1_init(&field);
        update_framed(&field, item.field);
        update_framed(&field, item.value);
        sha1_update(&field, &item.expire_ms, sizeof(item.expire_ms));
        sha1_final(&field, one);
        for (int i = 0; i < DIGEST_SIZE; i++)
            sum[i] ^= one[i];
    }
    sha1_update(s, sum, sizeof(sum));
}

/* In their order, which is the same in every form. */
static void digest_zset(const struct record *r, struct sha1 *s)
{
    struct zset_place place;
    struct zset_item item;
    char text[NUM_DOUBLE_TEXT_MAX];
    zset_seek_rank(r, 0, &place);
    while (zset_next(&place, &item)) {
        update_framed(s, item.member);
        update_framed(s, slice_of(text, (size_t)double_to_text(text, item.score)));
    }
}

static void digest_list(const struct record *r, struct sha1 *s)
{
    struct list_iter *it = list_iter_new(r, 0, false);
    struct slice element;
    while (list_iter_next(it, &element))
        update_framed(s, element);
    list_iter_free(it);
}

/* An element of a collection without order: into the exclusive or of all. */
static void mix_element(unsigned char sum[DIGEST_SIZE], struct slice element)
{
    unsigned char digest[DIGEST_SIZE];
    struct sha1 s;
    sha1_init(&s);
    update_framed(&s, element);
    sha1_final(&s, digest);
    for (int i = 0; i < DIGEST_SIZE; i++)
        sum[i] ^= digest[i];
}

static void digest_set(const struct record *r, struct sha1 *s)
{
    unsigned char sum[DIGEST_SIZE] = {0};
    struct set_iter it;
    struct slice member;
    set_iter_init(&it, r);
    while (set_iter_next(&it, &member))
        mix_element(sum, member);
    sha1_update(s, sum, sizeof(sum));
}

static void update_id(struct sha1 *s, struct stream_id id)
{
    sha1_update(s, &id.ms, sizeof(id.ms));
    sha1_update(s, &id.seq, sizeof(id.seq));
}

static void digest_group(const struct stream_group *g, struct sha1 *s)
{
    struct stream_pending_at at = stream_pending_from(g, NULL, STREAM_ID_MIN);
    struct stream_pending *p;
    struct stream_id id;
    update_framed(s, stream_group_name(g));
    update_id(s, stream_group_last_id(g));
    for (size_t i = 0; i < stream_consumer_count(g); i++)
        update_framed(s, stream_consumer_name(stream_consumer_at(g, i)));
    while (stream_pending_next(&at, &id, &p)) {
        update_id(s, id);
        update_framed(s, stream_consumer_name(p->consumer));
    }
}

/* Entries and groups in their order, but for times and counts: they are of the server, or are not logged. */
static void digest_stream(const struct record *r, struct sha1 *s)
{
    struct stream_reader it;
    struct stream_id id;
    struct slice field, value;
    size_t pairs;
    update_id(s, stream_last_id(r));
    stream_reader_init(&it, r, STREAM_ID_MIN, STREAM_ID_MAX, false);
    while (stream_reader_next(&it, &id, &pairs)) {
        update_id(s, id);
        for (; pairs > 0; pairs--) {
            stream_reader_pair(&it, &field, &value);
            update_framed(s, field);
            update_framed(s, value);
        }
    }
    for (size_t i = 0; i < stream_group_count(r); i++)
        digest_group(stream_group_at(r, i), s);
}

void digest_value(const struct record *r, unsigned char out[DIGEST_SIZE])
{
    static void (*const of_type[TYPE_COUNT])(const struct record *r, struct sha1 *s) = {
        [TYPE_STRING] = digest_string,
        [TYPE_LIST] = digest_list,
        [TYPE_ZSET] = digest_zset,
        [TYPE_SET] = digest_set,
        [TYPE_HASH] = digest_hash,
        [TYPE_STREAM] = digest_stream,
    };
    struct sha1 s;
    sha1_init(&s);
    update_framed(&s, slice_cstr(value_type_name(record_type(r))));
    if (of_type[record_type(r)] != NULL)
        of_type[record_type(r)](r, &s);
    sha1_update(&s, record_expire_ms(r) != 0 ? "!" : "", record_expire_ms(r) != 0);
    sha1_final(&s, out);
}

struct mix {
    int db;
    unsigned char sum[DIGEST_SIZE];
};

static void mix_record(void *arg, struct record *r)
{
    struct mix *mix = arg;
    unsigned char value[DIGEST_SIZE], key[DIGEST_SIZE];
    struct sha1 s;
    uint32_t db = (uint32_t)mix->db;
    digest_value(r, value);
    sha1_init(&s);
    sha1_update(&s, &db, sizeof(db));
    update_framed(&s, record_key(r));
    sha1_update(&s, value, sizeof(value));
    sha1_final(&s, key);
    for (int i = 0; i < DIGEST_SIZE; i++)
        mix->sum[i] ^= key[i];
}

void digest_all(struct store *store, unsigned char out[DIGEST_SIZE])
{
    struct mix mix = {0};
    for (mix.db = 0; mix.db < store_databases(store); mix.db++) {
        uint64_t cursor = 0;
        do {
            cursor = store_scan(store, mix.db, cursor, 1024, mix_record, &mix);
        } while (cursor != 0);
    }
    memcpy(out, mix.sum, DIGEST_SIZE);
}

/* The length of a string in RDB's form: integers of up to 32 bits are packed, other bytes get a length of 1, 2, 5 or 9
 * bytes. */
size_t debug_serialized_len(const struct record *r)
{
    char scratch[STRING_SCRATCH];
    if (record_type(r) != TYPE_STRING)
        return record_mem(r, 0);
    struct slice text = string_view(r, scratch);
    int64_t v;
    if (text.len <= 11 && slice_to_i64(text, &v) == ST_OK && v == (int32_t)v)
        return v == (int8_t)v ? 2 : v == (int16_t)v ? 3 : 5;
    return text.len + (text.len < 64 ? 1 : text.len < 16384 ? 2 : text.len <= UINT32_MAX ? 5 : 9);
}
