/* Values in RDB's form: what is written is read back with the same content, in the form that the limits want, for every
 * type, size and version; old forms are read; what is cut off or broken is refused or is a whole value of another
 * content, and never more than that. CAIRN_TEST_ROUNDS multiplies the random part. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/mem.h"
#include "base/prng.h"
#include "persist/rdb_format.h"
#include "persist/rdb_value.h"
#include "value/hash.h"
#include "value/list.h"
#include "value/set.h"
#include "value/stream.h"
#include "value/string.h"
#include "value/zset.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define KEY SLICE("key")
enum { NOW_MS = 1000000 };

static const struct hash_seed seed = {1, 2};
static const struct value_limits limits = {
    .seed = &seed,
    .hash_listpack_entries = 32,
    .hash_listpack_value = 64,
    .set_intset_entries = 64,
    .set_listpack_entries = 32,
    .set_listpack_value = 64,
    .zset_listpack_entries = 32,
    .zset_listpack_value = 64,
    .list_listpack_size = -1,
    .stream_node_max_bytes = 4096,
    .stream_node_max_entries = 20,
};
static const struct rdb_load load = {.limits = &limits, .now_ms = NOW_MS};

/* ---- content as text, in an order of its own */

static void text_add(struct buf *lines, struct slice a, struct slice b, double score, uint64_t number)
{
    buf_append_repr(lines, a);
    buf_append_char(lines, ' ');
    buf_append_repr(lines, b);
    buf_appendf(lines, " %.17g %llu\n", score, (unsigned long long)number);
}

static int line_cmp(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static void lines_sort(struct buf *text)
{
    size_t count = 0;
    for (size_t i = 0; i < text->len; i++) count += text->data[i] == '\n';
    char **lines = mem_alloc((count + 1) * sizeof(*lines)), *copy = mem_alloc(text->len + 1), *at = copy;
    memcpy(copy, text->data, text->len);
    for (size_t i = 0; i < count; i++) {
        lines[i] = at;
        at = strchr(at, '\n');
        *at++ = '\0';
    }
    qsort(lines, count, sizeof(*lines), line_cmp);
    buf_clear(text);
    for (size_t i = 0; i < count; i++) buf_appendf(text, "%s\n", lines[i]);
    mem_free(lines);
    mem_free(copy);
}

static void list_text(const struct record *r, struct buf *out)
{
    struct list_iter *it = list_iter_new(r, 0, false);
    struct slice element;
    while (list_iter_next(it, &element)) text_add(out, element, SLICE(""), 0, 0);
    list_iter_free(it);
}

static void stream_text(const struct record *r, struct buf *out)
{
    struct stream_reader it;
    struct stream_id id;
    size_t pairs;
    char text[STREAM_ID_TEXT_MAX];
    stream_reader_init(&it, r, STREAM_ID_MIN, STREAM_ID_MAX, false);
    while (stream_reader_next(&it, &id, &pairs)) {
        struct slice field, value;
        text_add(out, stream_id_text(text, id), SLICE(""), 0, pairs);
        for (; pairs > 0; pairs--) {
            stream_reader_pair(&it, &field, &value);
            text_add(out, field, value, 0, 0);
        }
    }
    text_add(out, stream_id_text(text, stream_last_id(r)), SLICE("last"), 0, stream_len(r));
    text_add(out, stream_id_text(text, stream_first_id(r)), SLICE("first"), 0, stream_entries_added(r));
    text_add(out, stream_id_text(text, stream_max_deleted_id(r)), SLICE("deleted"), 0, 0);
    for (size_t i = 0; i < stream_group_count(r); i++) {
        const struct stream_group *g = stream_group_at(r, i);
        struct stream_pending_at at = stream_pending_from(g, NULL, STREAM_ID_MIN);
        struct stream_pending *p;
        text_add(out, stream_group_name(g), stream_id_text(text, stream_group_last_id(g)), 0,
                 (uint64_t)stream_group_entries_read(g));
        while (stream_pending_next(&at, &id, &p))
            text_add(out, stream_id_text(text, id), stream_consumer_name(p->consumer), (double)p->delivered_ms,
                     p->deliveries);
        for (size_t k = 0; k < stream_consumer_count(g); k++) {
            const struct stream_consumer *c = stream_consumer_at(g, k);
            text_add(out, stream_consumer_name(c), SLICE("consumer"), (double)stream_consumer_pending(c),
                     stream_consumer_seen_ms(c));
        }
    }
}

static void content(const struct record *r, struct buf *out)
{
    struct set_iter set;
    struct hash_iter hash;
    struct hash_item field;
    struct zset_place place;
    struct zset_item item;
    struct slice member;
    char scratch[STRING_SCRATCH];
    buf_clear(out);
    switch (record_type(r)) {
    case TYPE_STRING: text_add(out, string_view(r, scratch), SLICE(""), 0, 0); break;
    case TYPE_LIST: list_text(r, out); break;
    case TYPE_SET:
        set_iter_init(&set, r);
        while (set_iter_next(&set, &member)) text_add(out, member, SLICE(""), 0, 0);
        lines_sort(out);
        break;
    case TYPE_ZSET:
        zset_seek_rank(r, 0, &place);
        while (zset_next(&place, &item)) text_add(out, item.member, SLICE(""), item.score, 0);
        break;
    case TYPE_HASH:
        hash_iter_init(&hash, r, 0);
        while (hash_iter_next(&hash, &field)) text_add(out, field.field, field.value, 0, field.expire_ms);
        lines_sort(out);
        break;
    default: stream_text(r, out); break;
    }
}

/* ---- samples */

static struct slice some_text(struct prng *prng, struct buf *out, size_t len_max)
{
    buf_clear(out);
    if (prng_below(prng, 3) == 0) {
        buf_append_i64(out, (int64_t)prng_u64(prng) >> prng_below(prng, 64));
        return buf_slice(out);
    }
    size_t len = prng_below(prng, len_max + 1);
    bool dull = prng_below(prng, 2) == 0;
    for (size_t i = 0; i < len; i++) buf_append_char(out, dull ? 'x' : (char)prng_below(prng, 256));
    return buf_slice(out);
}

static struct slice number_text(char out[32], size_t i)
{
    return slice_of(out, (size_t)snprintf(out, 32, "m:%zu", i));
}

static struct record *string_make(struct prng *prng, size_t count, size_t len_max)
{
    struct buf text = BUF_INIT;
    struct slice view = some_text(prng, &text, count * len_max);
    struct record *r = string_new(KEY, view);
    buf_deinit(&text);
    return r;
}

static struct record *list_make(struct prng *prng, size_t count, size_t len_max)
{
    struct record *r = list_new(KEY);
    struct buf text = BUF_INIT;
    for (size_t i = 0; i < count; i++) list_push(r, LIST_TAIL, some_text(prng, &text, len_max), &limits);
    if (count > 100) list_push(r, LIST_TAIL, some_text(prng, &text, 300000), &limits);
    buf_deinit(&text);
    return r;
}

static struct record *intset_make(struct prng *prng, size_t count, size_t len_max)
{
    struct record *r = set_new(KEY);
    char text[NUM_I64_TEXT_MAX];
    while (set_len(r) < count) {
        int64_t v = (int64_t)prng_u64(prng) >> (len_max < 10 ? 50 : prng_below(prng, 60));
        set_add(r, slice_of(text, (size_t)i64_to_text(text, v)), &limits);
    }
    return r;
}

static struct record *set_make(struct prng *prng, size_t count, size_t len_max)
{
    struct record *r = set_new(KEY);
    struct buf text = BUF_INIT;
    char name[32];
    for (size_t i = 0; i < count / 2 + 1; i++) set_add(r, number_text(name, i), &limits);
    for (size_t i = 0; i < count / 2; i++) set_add(r, some_text(prng, &text, len_max), &limits);
    buf_deinit(&text);
    return r;
}

static struct record *zset_make(struct prng *prng, size_t count, size_t len_max)
{
    static const double odd[] = {0.0, -1.0, 1e300, -1e-300, 0.1, 1.1, 3, 4503599627370497.5};
    struct record *r = zset_new(KEY);
    struct buf text = BUF_INIT;
    for (size_t i = 0; i < count; i++) {
        double score = i % 3 == 0 ? odd[prng_below(prng, ARRAY_LEN(odd))] : (double)prng_below(prng, 1000) / 8;
        if (i == 5) score = __builtin_inf();
        if (i == 6) score = -__builtin_inf();
        zset_put(r, some_text(prng, &text, len_max), score, NULL, &limits);
    }
    buf_deinit(&text);
    return r;
}

static struct record *hash_make(struct prng *prng, size_t count, size_t len_max)
{
    struct record *r = hash_new(KEY);
    struct buf text = BUF_INIT;
    char name[32];
    for (size_t i = 0; i < count; i++)
        hash_set(r, number_text(name, i), some_text(prng, &text, len_max), 0, &limits);
    buf_deinit(&text);
    return r;
}

static struct record *hash_expiring_make(struct prng *prng, size_t count, size_t len_max)
{
    struct record *r = hash_make(prng, count, len_max);
    char name[32];
    for (size_t i = 0; i < count; i += 1 + i % 3)
        hash_set_expiry(r, number_text(name, i), 0, NOW_MS + 1 + prng_below(prng, 1u << 30), &limits);
    return r;
}

/* Once had expiries, and has none. */
static struct record *hash_persisted_make(struct prng *prng, size_t count, size_t len_max)
{
    struct record *r = hash_make(prng, count, len_max);
    hash_set_expiry(r, SLICE("m:0"), 0, NOW_MS + 5, &limits);
    hash_set_expiry(r, SLICE("m:0"), 0, 0, &limits);
    return r;
}

static struct record *stream_make(struct prng *prng, size_t count, size_t len_max)
{
    struct record *r = stream_new(KEY);
    struct buf text[2] = {BUF_INIT, BUF_INIT};
    struct stream_id id = {5, 0};
    for (size_t i = 0; i < count; i++) {
        struct slice pair[4] = {SLICE("field"), some_text(prng, &text[0], len_max), SLICE("other"),
                                some_text(prng, &text[1], 5)};
        if (prng_below(prng, 4) == 0) pair[2] = SLICE("different");
        struct stream_id before = id;
        id.ms += prng_below(prng, 3);
        id.seq++;
        assert_true(stream_append(r, id, pair, prng_below(prng, 2) + 1, &limits));
        if (prng_below(prng, 5) > 0 || !stream_delete(r, id)) continue;
        if (prng_below(prng, 2) == 0) continue;
        id = before; /* as XSETID may: the next entry can come before one that was deleted */
        stream_set_last_id(r, id);
    }
    for (unsigned k = 0; k < count % 4; k++) {
        char name[32];
        struct stream_group *g = stream_group_create(r, number_text(name, k), id, k == 0 ? -1 : (int64_t)k);
        struct stream_consumer *c[2] = {stream_consumer_create(g, SLICE("one"), 7),
                                        stream_consumer_create(g, SLICE("two"), 8)};
        stream_consumer_active(c[0], 6);
        for (size_t i = 0; i < count; i++) {
            struct stream_pending *p =
                stream_pending_give(g, (struct stream_id){prng_below(prng, 100), i}, c[prng_below(prng, 2)]);
            p->delivered_ms = NOW_MS + i;
            p->deliveries = i;
        }
    }
    buf_deinit(&text[0]);
    buf_deinit(&text[1]);
    return r;
}

static const struct sample {
    const char *name;
    struct record *(*make)(struct prng *prng, size_t count, size_t len_max);
} samples[] = {
    {"string", string_make},
    {"list", list_make},
    {"intset", intset_make},
    {"set", set_make},
    {"zset", zset_make},
    {"hash", hash_make},
    {"hash with expiries", hash_expiring_make},
    {"hash that had", hash_persisted_make},
    {"stream", stream_make},
};
static const size_t counts[] = {1, 2, 3, 7, 31, 32, 33, 64, 65, 150, 1200};

/* ---- reading and writing */

static void write_record(struct rdb_writer *w, const struct record *r, int version, uint8_t *type)
{
    *type = rdb_value_type(r, version);
    rdb_writer_init_memory(w, version);
    if (*type != RDB_TYPE_NONE) rdb_value_write(w, r, *type);
}

struct piecewise {
    struct slice bytes;
    size_t at, step;
};

static ssize_t fill(void *arg, void *ptr, size_t len)
{
    struct piecewise *p = arg;
    size_t n = p->bytes.len - p->at;
    if (n > len) n = len;
    if (n > p->step) n = p->step;
    memcpy(ptr, p->bytes.ptr + p->at, n);
    p->at += n;
    return (ssize_t)n;
}

static struct record *read_bytes(struct slice bytes, uint8_t type, size_t step, bool *failed)
{
    struct rdb_reader r;
    struct piecewise source = {bytes, 0, step};
    if (step == 0)
        rdb_reader_init_memory(&r, bytes);
    else
        rdb_reader_init(&r, fill, &source);
    if (step % 2 == 1) r.size = bytes.len;
    r.valkey = type == RDB_HASH_2_VALKEY;
    struct record *made = rdb_value_read(&r, type, KEY, &load);
    *failed = r.failed;
    if (r.failed && getenv("CAIRN_TEST_VERBOSE") != NULL)
        printf("type %u: %s at %llu\n", type, buf_cstr(&r.error), (unsigned long long)r.error_at);
    assert_true(!r.failed || (made == NULL && r.error.len > 0 && r.error_at <= bytes.len));
    if (made != NULL) {
        record_check(made);
        assert_true(slice_eq(record_key(made), KEY));
    }
    rdb_reader_deinit(&r);
    return made;
}

static void assert_reads(struct slice bytes, uint8_t type, size_t step, const struct record *want, bool same_form)
{
    struct buf a = BUF_INIT, b = BUF_INIT;
    bool failed;
    struct record *made = read_bytes(bytes, type, step, &failed);
    assert_false(failed);
    assert_non_null(made);
    content(want, &a);
    content(made, &b);
    assert_true(slice_eq(buf_slice(&a), buf_slice(&b)));
    assert_true(record_parts_expire_ms(want) == record_parts_expire_ms(made));
    if (same_form) assert_string_equal(record_encoding_name(want), record_encoding_name(made));
    record_free(made);
    buf_deinit(&a);
    buf_deinit(&b);
}

static void round_trip(void **state)
{
    (void)state;
    struct prng prng;
    prng_init(&prng, 1);
    for (size_t s = 0; s < ARRAY_LEN(samples); s++)
        for (size_t c = 0; c < ARRAY_LEN(counts) * 2; c++) {
            size_t len_max = c % 2 == 0 ? 9 : 70;
            struct record *r = samples[s].make(&prng, counts[c / 2], len_max);
            bool expires = record_parts_expire_ms(r) != 0;
            bool had = samples[s].make == hash_persisted_make;
            for (int version = 10; version <= 12; version++) {
                struct rdb_writer w;
                uint8_t type;
                write_record(&w, r, version, &type);
                assert_true((type == RDB_TYPE_NONE) == (expires && version < 12));
                if (type != RDB_TYPE_NONE) {
                    assert_reads(buf_slice(&w.pending), type, 0, r, !had);
                    assert_reads(buf_slice(&w.pending), type, 1, r, !had);
                    assert_reads(buf_slice(&w.pending), type, 100000, r, !had);
                    if (type <= RDB_STREAM_LISTPACKS_2) assert_true(version >= 10);
                    if (type == RDB_SET_LISTPACK || type == RDB_STREAM_LISTPACKS_3) assert_true(version >= 11);
                }
                rdb_writer_deinit(&w);
            }
            record_free(r);
        }
}

static unsigned rounds(void)
{
    const char *text = getenv("CAIRN_TEST_ROUNDS");
    return text == NULL ? 1 : (unsigned)atoi(text);
}

/* What comes out of damaged bytes is refused, or a whole value that can be written again. */
static void try_damaged(struct slice bytes, uint8_t type, size_t step)
{
    bool failed, failed_again;
    char *exact = mem_alloc(bytes.len + 1); /* so that a read beyond is seen */
    memcpy(exact, bytes.ptr, bytes.len);
    struct record *made = read_bytes(slice_of(exact, bytes.len), type, step, &failed);
    mem_free(exact);
    if (made == NULL) return;
    struct rdb_writer w;
    uint8_t again;
    write_record(&w, made, 12, &again);
    struct record *second = read_bytes(buf_slice(&w.pending), again, 0, &failed_again);
    assert_false(failed_again);
    assert_non_null(second);
    record_free(second);
    record_free(made);
    rdb_writer_deinit(&w);
}

static void cut_and_flip(struct prng *prng, struct slice bytes, uint8_t type)
{
    size_t cuts = bytes.len < 1500 ? bytes.len : 100;
    for (size_t i = 0; i < cuts; i++) {
        bool failed;
        size_t len = cuts == bytes.len ? i : prng_below(prng, bytes.len);
        char *exact = mem_alloc(len + 1);
        memcpy(exact, bytes.ptr, len);
        struct record *made = read_bytes(slice_of(exact, len), type, i % 2 == 0 ? 0 : 5000, &failed);
        assert_true(failed);
        assert_null(made);
        mem_free(exact);
    }
    char *copy = mem_alloc(bytes.len);
    for (unsigned i = 0; i < 250 * rounds(); i++) {
        memcpy(copy, bytes.ptr, bytes.len);
        for (size_t flips = prng_below(prng, 3) + 1; flips > 0; flips--) {
            size_t at = prng_below(prng, prng_below(prng, 2) == 0 || bytes.len < 60 ? bytes.len : 60);
            unsigned bit = 1u << prng_below(prng, 8), was = (uint8_t)copy[at];
            copy[at] = (char)(prng_below(prng, 2) == 0 ? (unsigned)prng_below(prng, 256) : was ^ bit);
        }
        try_damaged(slice_of(copy, bytes.len), type, i % 4 == 3 ? 3000 : 0);
    }
    mem_free(copy);
}

static void damage(void **state)
{
    (void)state;
    static const size_t some[] = {1, 7, 30, 66};
    struct prng prng;
    prng_init(&prng, 7);
    for (size_t s = 0; s < ARRAY_LEN(samples); s++)
        for (size_t c = 0; c < ARRAY_LEN(some); c++)
            for (int compress = 0; compress < 2; compress++) {
                struct record *r = samples[s].make(&prng, some[c], 20);
                struct rdb_writer w;
                uint8_t type = rdb_value_type(r, 12);
                rdb_writer_init_memory(&w, 12);
                w.compress = compress != 0;
                rdb_value_write(&w, r, type);
                cut_and_flip(&prng, buf_slice(&w.pending), type);
                rdb_writer_deinit(&w);
                record_free(r);
            }
}

/* ---- forms that are only read */

/* Entries of a ziplist; texts shorter than 64, integers in each of their forms. */
static void ziplist_entry(struct buf *b, size_t *before, const char *encoding, size_t encoding_len, const char *text)
{
    size_t start = b->len;
    if (*before < 254) {
        buf_append_char(b, (char)*before);
    } else {
        uint32_t wide = (uint32_t)*before;
        buf_append_char(b, (char)0xfe);
        buf_append(b, &wide, 4);
    }
    if (encoding != NULL) {
        buf_append(b, encoding, encoding_len);
    } else if (strlen(text) < 64) {
        buf_append_char(b, (char)strlen(text));
        buf_append_slice(b, slice_cstr(text));
    } else {
        buf_append_char(b, (char)(0x40 | strlen(text) >> 8));
        buf_append_char(b, (char)strlen(text));
        buf_append_slice(b, slice_cstr(text));
    }
    *before = b->len - start;
}

static char long_text[301];

static void ziplist_make(struct buf *b, const char *const *words, size_t count)
{
    size_t before = 0, last = 10;
    buf_clear(b);
    buf_append(b, "\0\0\0\0\0\0\0\0\0\0", 10);
    for (size_t i = 0; i < count; i++) {
        last = b->len;
        const char *w = words[i];
        if (strcmp(w, "7") == 0) ziplist_entry(b, &before, "\xf8", 1, NULL);
        else if (strcmp(w, "-3") == 0) ziplist_entry(b, &before, "\xfe\xfd", 2, NULL);
        else if (strcmp(w, "300") == 0) ziplist_entry(b, &before, "\xc0\x2c\x01", 3, NULL);
        else if (strcmp(w, "-70000") == 0) ziplist_entry(b, &before, "\xf0\x90\xee\xfe", 4, NULL);
        else if (strcmp(w, "100000000") == 0) ziplist_entry(b, &before, "\xd0\x00\xe1\xf5\x05", 5, NULL);
        else if (strcmp(w, "-1099511627776") == 0)
            ziplist_entry(b, &before, "\xe0\0\0\0\0\0\xff\xff\xff", 9, NULL);
        else ziplist_entry(b, &before, NULL, 0, w);
    }
    buf_append_char(b, (char)0xff);
    uint32_t size = (uint32_t)b->len, tail = (uint32_t)last;
    uint16_t told = (uint16_t)count;
    memcpy(b->data, &size, 4);
    memcpy(b->data + 4, &tail, 4);
    memcpy(b->data + 8, &told, 2);
}

static const char *const words[] = {"a", "7", "b", "-3", long_text, "300", "c", "-70000",
                                    "d", "100000000", "e", "-1099511627776"};

static void as_string(struct buf *out, struct slice bytes)
{
    struct rdb_writer w;
    rdb_writer_init_memory(&w, 11);
    w.compress = false;
    rdb_write_string(&w, bytes);
    buf_append_slice(out, buf_slice(&w.pending));
    rdb_writer_deinit(&w);
}

static void old_forms(void **state)
{
    (void)state;
    struct prng prng;
    struct buf list = BUF_INIT, payload = BUF_INIT;
    prng_init(&prng, 3);
    memset(long_text, 'l', sizeof(long_text) - 1);
    ziplist_make(&list, words, ARRAY_LEN(words));
    struct record *as_list = list_new(KEY), *twice = list_new(KEY), *as_hash = hash_new(KEY), *as_zset = zset_new(KEY);
    for (size_t i = 0; i < 2 * ARRAY_LEN(words); i++) {
        struct slice word = slice_cstr(words[i % ARRAY_LEN(words)]);
        list_push(twice, LIST_TAIL, word, &limits);
        if (i >= ARRAY_LEN(words)) continue;
        list_push(as_list, LIST_TAIL, word, &limits);
        if (i % 2 == 0) continue;
        hash_set(as_hash, slice_cstr(words[i - 1]), word, 0, &limits);
        zset_put(as_zset, slice_cstr(words[i - 1]), atof(words[i]), NULL, &limits);
    }
    as_string(&payload, buf_slice(&list));
    assert_reads(buf_slice(&payload), RDB_LIST_ZIPLIST, 0, as_list, true);
    assert_reads(buf_slice(&payload), RDB_HASH_ZIPLIST, 7, as_hash, true);
    assert_reads(buf_slice(&payload), RDB_ZSET_ZIPLIST, 0, as_zset, true);
    cut_and_flip(&prng, buf_slice(&payload), RDB_LIST_ZIPLIST);
    cut_and_flip(&prng, buf_slice(&payload), RDB_HASH_ZIPLIST);
    cut_and_flip(&prng, buf_slice(&payload), RDB_ZSET_ZIPLIST);
    buf_clear(&payload);
    buf_append_char(&payload, 2);
    as_string(&payload, buf_slice(&list));
    as_string(&payload, buf_slice(&list));
    assert_reads(buf_slice(&payload), RDB_LIST_QUICKLIST, 0, twice, true);
    cut_and_flip(&prng, buf_slice(&payload), RDB_LIST_QUICKLIST);
    record_free(as_list);
    record_free(twice);
    record_free(as_hash);
    record_free(as_zset);
    buf_deinit(&list);
    buf_deinit(&payload);
}

static void assert_hash_of(const char *bytes, size_t len, uint8_t type, const struct hash_item *items, size_t count)
{
    struct prng prng;
    struct record *want = hash_new(KEY);
    prng_init(&prng, 5);
    for (size_t i = 0; i < count; i++) assert_true(hash_load(want, &items[i], &limits));
    assert_reads(slice_of(bytes, len), type, 0, want, true);
    cut_and_flip(&prng, slice_of(bytes, len), type);
    record_free(want);
}

static void old_hashes(void **state)
{
    (void)state;
    static const struct hash_item two[] = {{SLICE("ab"), SLICE("xyz"), 0}, {SLICE("c"), SLICE(""), 0}};
    static const char zipmap[] = "\x14\x02\x02"
                                 "ab"
                                 "\x03\x02"
                                 "xyz"
                                 "!!"
                                 "\x01"
                                 "c"
                                 "\xfe\0\0\0\0\0"
                                 "\xff";
    assert_hash_of(zipmap, sizeof(zipmap) - 1, RDB_HASH_ZIPMAP, two, 2);
    static const char plain[] = "\x02\x02"
                                "ab"
                                "\x03"
                                "xyz"
                                "\x01"
                                "c"
                                "\0";
    assert_hash_of(plain, sizeof(plain) - 1, RDB_HASH, two, 2);
    static const struct hash_item expiring[] = {
        {SLICE("ab"), SLICE("xyz"), 1000001}, {SLICE("c"), SLICE(""), 0}, {SLICE("d"), SLICE("1"), 1000063}};
    static const char metadata[] = "\x41\x42\x0f\0\0\0\0\0\x03"
                                   "\x01\x02"
                                   "ab"
                                   "\x03"
                                   "xyz"
                                   "\x00\x01"
                                   "c"
                                   "\0"
                                   "\x3f\x01"
                                   "d"
                                   "\x01"
                                   "1";
    assert_hash_of(metadata, sizeof(metadata) - 1, RDB_HASH_METADATA, expiring, 3);
    static const char valkey[] = "\x03\x02"
                                 "ab"
                                 "\x03"
                                 "xyz"
                                 "\x41\x42\x0f\0\0\0\0\0"
                                 "\x01"
                                 "c"
                                 "\0"
                                 "\xff\xff\xff\xff\xff\xff\xff\xff"
                                 "\x01"
                                 "d"
                                 "\x01"
                                 "1"
                                 "\x7f\x42\x0f\0\0\0\0\0";
    assert_hash_of(valkey, sizeof(valkey) - 1, RDB_HASH_2_VALKEY, expiring, 3);
}

static void old_elements(void **state)
{
    (void)state;
    struct prng prng;
    prng_init(&prng, 5);
    static const char list[] = "\x03\x01"
                               "a"
                               "\xc0\x05"
                               "\0",
                      scores[] = "\x03\x01"
                                 "a"
                                 "\x03"
                                 "1.5"
                                 "\x01"
                                 "b"
                                 "\xfe"
                                 "\x01"
                                 "c"
                                 "\xff";
    struct record *as_list = list_new(KEY), *as_zset = zset_new(KEY);
    list_push_many(as_list, LIST_TAIL, (struct slice[]){SLICE("a"), SLICE("5"), SLICE("")}, 3, &limits);
    zset_put(as_zset, SLICE("a"), 1.5, NULL, &limits);
    zset_put(as_zset, SLICE("b"), __builtin_inf(), NULL, &limits);
    zset_put(as_zset, SLICE("c"), -__builtin_inf(), NULL, &limits);
    assert_reads(slice_of(list, sizeof(list) - 1), RDB_LIST, 0, as_list, true);
    assert_reads(slice_of(scores, sizeof(scores) - 1), RDB_ZSET, 0, as_zset, true);
    cut_and_flip(&prng, slice_of(list, sizeof(list) - 1), RDB_LIST);
    cut_and_flip(&prng, slice_of(scores, sizeof(scores) - 1), RDB_ZSET);
    record_free(as_list);
    record_free(as_zset);
}

/* ---- what is refused, and what is nothing */

struct payload {
    const char *bytes;
    size_t len;
    uint8_t type;
};
#define PAYLOAD(type, text)          \
    {                                \
        text, sizeof(text) - 1, type \
    }

static void empty_collections_are_left_out(void **state)
{
    (void)state;
    static const struct payload empty[] = {
        PAYLOAD(RDB_LIST, "\0"),
        PAYLOAD(RDB_SET, "\0"),
        PAYLOAD(RDB_ZSET, "\0"),
        PAYLOAD(RDB_ZSET_2, "\0"),
        PAYLOAD(RDB_HASH, "\0"),
        PAYLOAD(RDB_LIST_QUICKLIST, "\0"),
        PAYLOAD(RDB_LIST_QUICKLIST_2, "\0"),
        PAYLOAD(RDB_LIST_QUICKLIST_2, "\1\2\7\7\0\0\0\0\0\xff"),
        PAYLOAD(RDB_LIST_QUICKLIST_2, "\2\2\7\7\0\0\0\0\0\xff\2\7\7\0\0\0\0\0\xff"),
        PAYLOAD(RDB_LIST_QUICKLIST, "\1\x0b\x0b\0\0\0\x0a\0\0\0\0\0\xff"),
        PAYLOAD(RDB_LIST_ZIPLIST, "\x0b\x0b\0\0\0\x0a\0\0\0\0\0\xff"),
        PAYLOAD(RDB_HASH_ZIPLIST, "\x0b\x0b\0\0\0\x0a\0\0\0\0\0\xff"),
        PAYLOAD(RDB_ZSET_ZIPLIST, "\x0b\x0b\0\0\0\x0a\0\0\0\0\0\xff"),
        PAYLOAD(RDB_SET_INTSET, "\x08\2\0\0\0\0\0\0\0"),
        PAYLOAD(RDB_SET_LISTPACK, "\7\7\0\0\0\0\0\xff"),
        PAYLOAD(RDB_HASH_LISTPACK, "\7\7\0\0\0\0\0\xff"),
        PAYLOAD(RDB_ZSET_LISTPACK, "\7\7\0\0\0\0\0\xff"),
        PAYLOAD(RDB_HASH_LISTPACK_EX, "\1\0\0\0\0\0\0\0\7\7\0\0\0\0\0\xff"),
        PAYLOAD(RDB_HASH_METADATA, "\1\0\0\0\0\0\0\0\0"),
        PAYLOAD(RDB_HASH_METADATA, "\1\0\0\0\0\0\0\0\1\1\1"
                                   "f\1v"), /* due */
    };
    for (size_t i = 0; i < ARRAY_LEN(empty); i++) {
        bool failed;
        assert_null(read_bytes(slice_of(empty[i].bytes, empty[i].len), empty[i].type, i % 2, &failed));
        assert_false(failed);
    }
}

static void broken_values_are_refused(void **state)
{
    (void)state;
    static const struct payload broken[] = {
        PAYLOAD(RDB_SET, "\2\1a\1a"),
        PAYLOAD(RDB_HASH, "\2\1a\1x\1a\1y"),
        PAYLOAD(RDB_ZSET_2, "\2\1a\0\0\0\0\0\0\0\0\1a\0\0\0\0\0\0\0\0"),
        PAYLOAD(RDB_ZSET_2, "\1\1a\0\0\0\0\0\0\xf8\x7f"), /* a score that is no number */
        PAYLOAD(RDB_ZSET, "\1\1a\xfd"),
        PAYLOAD(RDB_SET, "\x81\x7f\xff\xff\xff\xff\xff\xff\xff"), /* more than there can be */
        PAYLOAD(RDB_ZSET_2, "\x80\xff\xff\xff\xff"),
        PAYLOAD(RDB_HASH, "\x80\xff\xff\xff\xff"),
        PAYLOAD(RDB_SET_INTSET, "\x0c\2\0\0\0\2\0\0\0\2\0\1\0"),     /* not in order */
        PAYLOAD(RDB_SET_LISTPACK, "\x0b\x0b\0\0\0\2\0\1\1\1\1\xff"), /* a member twice */
        PAYLOAD(RDB_SET_LISTPACK, "\x0c\x0c\0\0\0\2\0\1\1\x81"
                                  "1\2\xff"),                     /* once as a number, once as text */
        PAYLOAD(RDB_HASH_LISTPACK, "\x09\x09\0\0\0\1\0\1\1\xff"), /* a field without value */
        PAYLOAD(RDB_ZSET_LISTPACK, "\x0c\x0c\0\0\0\2\0\1\1\x81"
                                   "x\2\xff"), /* a score that is no number */
        PAYLOAD(RDB_LIST_QUICKLIST_2, "\1\3\1a"),
        PAYLOAD(RDB_LIST_QUICKLIST_2, "\1\1\0"),
        PAYLOAD(RDB_HASH_ZIPMAP, "\2\0\xff"),
        PAYLOAD(RDB_HASH_ZIPMAP, "\7\2\1f\1\0v\xff"), /* counts two */
        /* the length of the entry before, the place of the last one, the number, what ends it, the size, a lone
         * field */
        PAYLOAD(RDB_LIST_ZIPLIST, "\x11\x11\0\0\0\x0d\0\0\0\2\0\0\1v\2\1w\xff"),
        PAYLOAD(RDB_LIST_ZIPLIST, "\x11\x11\0\0\0\x0a\0\0\0\2\0\0\1v\3\1w\xff"),
        PAYLOAD(RDB_LIST_ZIPLIST, "\x11\x11\0\0\0\x0d\0\0\0\3\0\0\1v\3\1w\xff"),
        PAYLOAD(RDB_LIST_ZIPLIST, "\x11\x11\0\0\0\x0d\0\0\0\2\0\0\1v\3\1w\xfe"),
        PAYLOAD(RDB_LIST_ZIPLIST, "\x11\x12\0\0\0\x0d\0\0\0\2\0\0\1v\3\1w\xff"),
        PAYLOAD(RDB_HASH_ZIPLIST, "\x0e\x0e\0\0\0\x0a\0\0\0\1\0\0\1v\xff"),
        PAYLOAD(RDB_MODULE_2, "\1"),
        PAYLOAD(8, "\1"),
        PAYLOAD(RDB_HASH_LISTPACK_EX_PRE_GA, "\1"),
        PAYLOAD(200, "\1"),
    };
    for (size_t i = 0; i < ARRAY_LEN(broken); i++) {
        bool failed;
        struct record *made = read_bytes(slice_of(broken[i].bytes, broken[i].len), broken[i].type, 0, &failed);
        if (made != NULL || !failed) fail_msg("payload %zu was taken", i);
    }
}

/* The sound form of the broken ziplists above. */
static void a_ziplist_that_is_sound(void **state)
{
    (void)state;
    bool failed;
    struct record *r = read_bytes(SLICE("\x11\x11\0\0\0\x0d\0\0\0\2\0\0\1v\3\1w\xff"), RDB_LIST_ZIPLIST, 0, &failed);
    assert_non_null(r);
    assert_int_equal(record_len(r), 2);
    record_free(r);
}

/* ---- streams that contradict themselves */

#define NUMBER(n) "\0\0\0\0\0\0\0" n
#define PENDING(n) NUMBER(n) NUMBER("\1") NUMBER("\0") "\1"     /* ID n-1, a time, deliveries */
#define CONSUMER(name, count) "\1" name NUMBER("\0") count       /* its IDs follow */
#define ID(n) NUMBER(n) NUMBER("\1")
/* nodes, entries, IDs: last 9-1, first, deleted; added */
#define NO_ENTRIES "\0\0\x09\1\0\0\0\0\0"
#define GROUP "\1g\x09\1\0"                                      /* last ID 9-1, nothing read */

static void pending_entries_have_one_consumer(void **state)
{
    (void)state;
    static const struct {
        bool good;
        struct payload payload;
    } cases[] = {
        {true, PAYLOAD(RDB_STREAM_LISTPACKS_2, NO_ENTRIES "\1" GROUP "\2" PENDING("\1") PENDING("\2") "\2"
                       CONSUMER("a", "\1") ID("\2") CONSUMER("b", "\1") ID("\1"))},
        {true, PAYLOAD(RDB_STREAM_LISTPACKS_2, NO_ENTRIES "\1" GROUP "\2" PENDING("\2") PENDING("\1") "\1"
                       CONSUMER("a", "\2") ID("\2") ID("\1"))}, /* in any order */
        {false, PAYLOAD(RDB_STREAM_LISTPACKS_2, NO_ENTRIES "\1" GROUP "\2" PENDING("\1") PENDING("\2") "\1"
                        CONSUMER("a", "\1") ID("\1"))}, /* one has none */
        {false, PAYLOAD(RDB_STREAM_LISTPACKS_2, NO_ENTRIES "\1" GROUP "\1" PENDING("\1") "\2"
                        CONSUMER("a", "\1") ID("\1") CONSUMER("b", "\1") ID("\1"))}, /* one has two */
        {false, PAYLOAD(RDB_STREAM_LISTPACKS_2, NO_ENTRIES "\1" GROUP "\1" PENDING("\1") "\1"
                        CONSUMER("a", "\2") ID("\1") ID("\1"))},
        {false, PAYLOAD(RDB_STREAM_LISTPACKS_2, NO_ENTRIES "\1" GROUP "\1" PENDING("\1") "\1"
                        CONSUMER("a", "\2") ID("\1") ID("\2"))}, /* not one of the group */
        {false, PAYLOAD(RDB_STREAM_LISTPACKS_2, NO_ENTRIES "\1" GROUP "\2" PENDING("\1") PENDING("\1") "\1"
                        CONSUMER("a", "\1") ID("\1"))}, /* one twice */
        {false, PAYLOAD(RDB_STREAM_LISTPACKS_2, NO_ENTRIES "\1" GROUP "\0\2" CONSUMER("a", "\0") CONSUMER("a", "\0"))},
        {false, PAYLOAD(RDB_STREAM_LISTPACKS_2, NO_ENTRIES "\2" GROUP "\0\0" GROUP "\0\0")},
        {false, PAYLOAD(RDB_STREAM_LISTPACKS_2, "\0\1\x09\1\0\0\0\0\0\0")}, /* an entry in no node */
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        bool failed;
        const struct payload *p = &cases[i].payload;
        struct record *made = read_bytes(slice_of(p->bytes, p->len), p->type, 0, &failed);
        if ((made != NULL) != cases[i].good || failed == cases[i].good) fail_msg("payload %zu", i);
        if (made != NULL) record_free(made);
    }
}

/* A listpack of a sorted set that is not in order is put in order, as other servers do. */
static void disorder_is_repaired(void **state)
{
    (void)state;
    bool failed;
    struct record *r = read_bytes(SLICE("\x11\x11\0\0\0\4\0\x81"
                                        "b\2\2\1\x81"
                                        "a\2\1\1\xff"),
                                  RDB_ZSET_LISTPACK, 0, &failed);
    assert_non_null(r);
    struct buf text = BUF_INIT;
    content(r, &text);
    assert_string_equal(buf_cstr(&text), "\"a\" \"\" 1 0\n\"b\" \"\" 2 0\n");
    buf_deinit(&text);
    record_free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(round_trip),
        cmocka_unit_test(old_forms),
        cmocka_unit_test(old_hashes),
        cmocka_unit_test(old_elements),
        cmocka_unit_test(empty_collections_are_left_out),
        cmocka_unit_test(broken_values_are_refused),
        cmocka_unit_test(a_ziplist_that_is_sound),
        cmocka_unit_test(pending_entries_have_one_consumer),
        cmocka_unit_test(disorder_is_repaired),
        cmocka_unit_test(damage),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
