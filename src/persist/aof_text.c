/* The data set as commands: the base of an append-only file with aof-use-rdb-preamble no. The forms are Redis's:
 *
 *   string  SET            list  RPUSH        set  SADD        sorted set  ZADD       (64 elements in a command)
 *   hash    HMSET, and HPEXPIREAT for each field that has an expiry
 *   stream  XADD for each entry, XSETID, then for each group XGROUP CREATE, XGROUP CREATECONSUMER, XCLAIM ... FORCE;
 *           what is pending though its entry was deleted can be claimed only while there is one: it is added, and
 *           deleted (XDEL, XTRIM) behind the groups
 *   a key's expiry  PEXPIREAT
 *
 * The commands go out in records (aof_record.h) of some ten kilobytes, and an empty one is the end: a base may be the
 * last part, and is never torn. */
#include "base/mem.h"
#include "base/num.h"
#include "persist/aof_impl.h"
#include "sys/files.h"
#include "value/hash.h"
#include "value/list.h"
#include "value/set.h"
#include "value/stream.h"
#include "value/string.h"
#include "value/zset.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
    ITEMS_PER_COMMAND = 64, /* as in Redis */
    RECORD_BYTES = 64 * 1024,
    WRITE_BACK_BYTES = 4 * 1024 * 1024,
    SCAN_STEP = 1024,
    FILE_MODE = 0644
};

struct text {
    struct aof *aof;
    struct child_report *report;
    int fd, error; /* errno; 0: none */
    struct buf bytes;
    uint64_t written, begun; /* bytes; those that the kernel was told to write back */
    uint64_t keys;
    char time[32]; /* an annotation in front of everything; none: time_len 0 */
    size_t time_len;
};

/* ---- output ---- */

static void record_out(struct text *t)
{
    char head[AOF_RECORD_HEAD_MAX];
    const struct files *files = aof_files(t->aof);
    if (t->error != 0) return;
    size_t n = *t->aof->config.checksum ? (size_t)aof_record_head(head, buf_slice(&t->bytes), t->written) : 0;
    struct iovec iov[3] = {{t->time, t->time_len}, {head, n}, {t->bytes.data, t->bytes.len}};
    if (!file_writev_all(files, t->fd, iov, 3, NULL)) t->error = errno;
    t->written += t->time_len + n + t->bytes.len;
    t->time_len = 0;
    buf_clear(&t->bytes);
    if (*t->aof->config.incremental_fsync && t->written - t->begun >= WRITE_BACK_BYTES) {
        (void)file_sync_range(files, t->fd, t->begun, t->written - t->begun);
        t->begun = t->written;
    }
}

static void out_flush(struct text *t)
{
    if (t->bytes.len > 0) record_out(t);
}

static void head(struct text *t, char kind, size_t n)
{
    buf_append_char(&t->bytes, kind);
    buf_append_i64(&t->bytes, (int64_t)n);
    buf_append(&t->bytes, "\r\n", 2);
}

/* Between commands only, so that none of them stands in two records. */
static void command(struct text *t, size_t words)
{
    if (t->bytes.len >= RECORD_BYTES) out_flush(t);
    head(t, '*', words);
}

static void word(struct text *t, struct slice s)
{
    head(t, '$', s.len);
    buf_append_slice(&t->bytes, s);
    buf_append(&t->bytes, "\r\n", 2);
}

static void word_i64(struct text *t, int64_t v)
{
    char digits[NUM_I64_TEXT_MAX];
    word(t, slice_of(digits, (size_t)i64_to_text(digits, v)));
}

static void word_u64(struct text *t, uint64_t v)
{
    char digits[NUM_I64_TEXT_MAX];
    word(t, slice_of(digits, (size_t)u64_to_text(digits, v)));
}

static void word_id(struct text *t, struct stream_id id)
{
    char digits[STREAM_ID_TEXT_MAX];
    word(t, stream_id_text(digits, id));
}

/* Commands with up to so many elements each: the head of a new one where the last is full. */
struct series {
    struct text *t;
    const char *name;
    struct slice key;
    size_t left, in_command, words; /* elements; words of each */
};

static void series_next(struct series *s)
{
    if (s->in_command == 0) {
        size_t now = s->left < ITEMS_PER_COMMAND ? s->left : ITEMS_PER_COMMAND;
        command(s->t, 2 + now * s->words);
        word(s->t, slice_cstr(s->name));
        word(s->t, s->key);
        s->in_command = now;
    }
    s->in_command--;
    s->left--;
}

/* ---- values ---- */

static void write_string(struct text *t, const struct record *r)
{
    char scratch[STRING_SCRATCH];
    command(t, 3);
    word(t, SLICE("SET"));
    word(t, record_key(r));
    word(t, string_view(r, scratch));
}

static void write_list(struct text *t, const struct record *r)
{
    struct series s = {t, "RPUSH", record_key(r), list_len(r), 0, 1};
    struct list_iter *it = list_iter_new(r, 0, false);
    struct slice element;
    while (list_iter_next(it, &element)) {
        series_next(&s);
        word(t, element);
    }
    list_iter_free(it);
}

static void write_set(struct text *t, const struct record *r)
{
    struct series s = {t, "SADD", record_key(r), set_len(r), 0, 1};
    struct set_iter it;
    struct slice member;
    set_iter_init(&it, r);
    while (set_iter_next(&it, &member)) {
        series_next(&s);
        word(t, member);
    }
}

static void write_zset(struct text *t, const struct record *r)
{
    struct series s = {t, "ZADD", record_key(r), zset_len(r), 0, 2};
    struct zset_place place;
    struct zset_item item;
    char score[NUM_DOUBLE_TEXT_MAX];
    zset_seek_rank(r, 0, &place);
    while (zset_next(&place, &item)) {
        series_next(&s);
        word(t, slice_of(score, (size_t)double_to_text(score, item.score)));
        word(t, item.member);
    }
}

static void write_field_expiry(struct text *t, struct slice key, const struct hash_item *item)
{
    command(t, 6);
    word(t, SLICE("HPEXPIREAT"));
    word(t, key);
    word_u64(t, item->expire_ms);
    word(t, SLICE("FIELDS"));
    word_i64(t, 1);
    word(t, item->field);
}

static void write_hash(struct text *t, const struct record *r)
{
    struct series s = {t, "HMSET", record_key(r), hash_len(r), 0, 2};
    struct hash_iter it;
    struct hash_item item;
    hash_iter_init(&it, r, 0);
    while (hash_iter_next(&it, &item)) {
        series_next(&s);
        word(t, item.field);
        word(t, item.value);
    }
    if (record_parts_expire_ms(r) == 0) return;
    hash_iter_init(&it, r, 0);
    while (hash_iter_next(&it, &item))
        if (item.expire_ms != 0) write_field_expiry(t, record_key(r), &item);
}

/* ---- streams ---- */

/* Pending IDs whose entries are gone, ascending, each once. */
struct dead {
    struct stream_id *ids;
    size_t count, at;
};

static int dead_order(const void *a, const void *b)
{
    const struct stream_id *x = a, *y = b;
    return stream_id_less(*x, *y) ? -1 : stream_id_less(*y, *x);
}

static void dead_collect(const struct record *r, struct buf *ids, struct dead *out)
{
    for (size_t i = 0; i < stream_group_count(r); i++) {
        struct stream_pending_at at = stream_pending_from(stream_group_at(r, i), NULL, STREAM_ID_MIN);
        struct stream_pending *pending;
        struct stream_id id;
        while (stream_pending_next(&at, &id, &pending))
            if (!stream_has(r, id)) buf_append(ids, &id, sizeof(id));
    }
    *out = (struct dead){.ids = (struct stream_id *)(void *)ids->data};
    size_t all = ids->len / sizeof(*out->ids);
    if (all > 1) qsort(out->ids, all, sizeof(*out->ids), dead_order);
    for (size_t i = 0; i < all; i++) {
        struct stream_id id = out->ids[i];
        if (out->count == 0 || stream_id_less(out->ids[out->count - 1], id)) out->ids[out->count++] = id;
    }
}

/* Stand-ins for those before the ID; NULL: for all that are left. */
static void write_dead(struct text *t, const struct record *r, struct dead *dead, const struct stream_id *before)
{
    for (; dead->at < dead->count && (before == NULL || stream_id_less(dead->ids[dead->at], *before)); dead->at++) {
        command(t, 5);
        word(t, SLICE("XADD"));
        word(t, record_key(r));
        word_id(t, dead->ids[dead->at]);
        word(t, SLICE("x"));
        word(t, SLICE("y"));
    }
}

static bool all_before_entries(const struct record *r, const struct dead *dead)
{
    struct stream_reader reader;
    struct stream_id first;
    size_t pairs;
    stream_reader_init(&reader, r, STREAM_ID_MIN, STREAM_ID_MAX, false);
    return !stream_reader_next(&reader, &first, &pairs) || stream_id_less(dead->ids[dead->count - 1], first);
}

/* XDEL leaves its mark, which XSETID cannot make zero again: what was only trimmed is trimmed again. */
static void write_deletions(struct text *t, const struct record *r, const struct dead *dead)
{
    if (stream_id_is_zero(stream_max_deleted_id(r)) && all_before_entries(r, dead)) {
        command(t, 4);
        word(t, SLICE("XTRIM"));
        word(t, record_key(r));
        word(t, SLICE("MAXLEN"));
        word_u64(t, stream_len(r));
        return;
    }
    struct series s = {t, "XDEL", record_key(r), dead->count, 0, 1};
    for (size_t i = 0; i < dead->count; i++) {
        series_next(&s);
        word_id(t, dead->ids[i]);
    }
}

static void write_entries(struct text *t, const struct record *r, struct dead *dead)
{
    struct stream_reader reader;
    struct stream_id id;
    struct slice field, value;
    size_t pairs;
    stream_reader_init(&reader, r, STREAM_ID_MIN, STREAM_ID_MAX, false);
    while (stream_reader_next(&reader, &id, &pairs)) {
        write_dead(t, r, dead, &id);
        command(t, 3 + 2 * pairs);
        word(t, SLICE("XADD"));
        word(t, record_key(r));
        word_id(t, id);
        for (size_t i = 0; i < pairs; i++) {
            stream_reader_pair(&reader, &field, &value);
            word(t, field);
            word(t, value);
        }
    }
    write_dead(t, r, dead, NULL);
}

/* An empty stream comes to be by an entry that is trimmed at once. */
static void write_empty_stream(struct text *t, const struct record *r)
{
    command(t, 7);
    word(t, SLICE("XADD"));
    word(t, record_key(r));
    word(t, SLICE("MAXLEN"));
    word_i64(t, 0);
    word(t, SLICE("0-1"));
    word(t, SLICE("x"));
    word(t, SLICE("y"));
}

static void write_stream_facts(struct text *t, const struct record *r)
{
    command(t, 7);
    word(t, SLICE("XSETID"));
    word(t, record_key(r));
    word_id(t, stream_last_id(r));
    word(t, SLICE("ENTRIESADDED"));
    word_u64(t, stream_entries_added(r));
    word(t, SLICE("MAXDELETEDID"));
    word_id(t, stream_max_deleted_id(r));
}

static void write_pending(struct text *t, struct slice key, const struct stream_group *g,
                          const struct stream_consumer *c)
{
    struct stream_pending_at at = stream_pending_from(g, c, STREAM_ID_MIN);
    struct stream_pending *pending;
    struct stream_id id;
    while (stream_pending_next(&at, &id, &pending)) {
        command(t, 12);
        word(t, SLICE("XCLAIM"));
        word(t, key);
        word(t, stream_group_name(g));
        word(t, stream_consumer_name(c));
        word_i64(t, 0);
        word_id(t, id);
        word(t, SLICE("TIME"));
        word_u64(t, pending->delivered_ms);
        word(t, SLICE("RETRYCOUNT"));
        word_u64(t, pending->deliveries);
        word(t, SLICE("JUSTID"));
        word(t, SLICE("FORCE"));
    }
}

static void write_group(struct text *t, struct slice key, const struct stream_group *g)
{
    command(t, 7);
    word(t, SLICE("XGROUP"));
    word(t, SLICE("CREATE"));
    word(t, key);
    word(t, stream_group_name(g));
    word_id(t, stream_group_last_id(g));
    word(t, SLICE("ENTRIESREAD"));
    word_i64(t, stream_group_entries_read(g));
    for (size_t i = 0; i < stream_consumer_count(g); i++) {
        const struct stream_consumer *c = stream_consumer_at(g, i);
        command(t, 5);
        word(t, SLICE("XGROUP"));
        word(t, SLICE("CREATECONSUMER"));
        word(t, key);
        word(t, stream_group_name(g));
        word(t, stream_consumer_name(c));
        write_pending(t, key, g, c);
    }
}

static void write_stream(struct text *t, const struct record *r)
{
    struct buf ids = BUF_INIT;
    struct dead dead;
    dead_collect(r, &ids, &dead);
    if (stream_len(r) > 0 || dead.count > 0)
        write_entries(t, r, &dead);
    else
        write_empty_stream(t, r);
    if (dead.count == 0) write_stream_facts(t, r);
    for (size_t i = 0; i < stream_group_count(r); i++) write_group(t, record_key(r), stream_group_at(r, i));
    if (dead.count > 0) {
        write_deletions(t, r, &dead);
        write_stream_facts(t, r);
    }
    buf_deinit(&ids);
}

/* ---- all ---- */

static void (*const writers[TYPE_COUNT])(struct text *t, const struct record *r) = {
    [TYPE_STRING] = write_string, [TYPE_LIST] = write_list, [TYPE_SET] = write_set,
    [TYPE_ZSET] = write_zset,     [TYPE_HASH] = write_hash, [TYPE_STREAM] = write_stream};

/* rdb-key-save-delay, for tests: microseconds for each key; below zero: one for each so many keys. */
static void delay(struct text *t, int64_t us)
{
    if (us == 0 || (us < 0 && t->keys % (uint64_t)-us != 0)) return;
    if (us < 0) us = 1;
    struct timespec left = {(time_t)(us / 1000000), (long)(us % 1000000) * 1000};
    while (nanosleep(&left, &left) != 0 && errno == EINTR) continue;
}

static void visit(void *arg, struct record *r)
{
    struct text *t = arg;
    if (t->error != 0) return;
    writers[record_type(r)](t, r);
    if (record_expire_ms(r) != 0) {
        command(t, 3);
        word(t, SLICE("PEXPIREAT"));
        word(t, record_key(r));
        word_u64(t, record_expire_ms(r));
    }
    t->keys++;
    if (t->report != NULL) child_keys(t->report, t->keys);
    delay(t, *t->aof->p->config.key_save_delay);
}

static void write_all(struct text *t)
{
    const struct store *store = engine_store(t->aof->engine);
    if (*t->aof->config.timestamps)
        t->time_len = (size_t)snprintf(t->time, sizeof(t->time), "#TS:%llu\r\n",
                                       (unsigned long long)(engine_now_ms(t->aof->engine) / 1000));
    for (int db = 0; db < store_databases(store); db++) {
        if (store_len(store, db) == 0) continue;
        command(t, 2);
        word(t, SLICE("SELECT"));
        word_i64(t, db);
        uint64_t cursor = 0;
        do
            cursor = store_scan(store, db, cursor, SCAN_STEP, visit, t);
        while (cursor != 0 && t->error == 0);
    }
    out_flush(t);
    if (*t->aof->config.checksum && t->written > 0) record_out(t); /* empty: all before it is meant to be on disk */
}

bool aof_text_write(struct aof *a, const char *path, struct child_report *report, struct buf *err)
{
    const struct files *files = aof_files(a);
    struct text t = {.aof = a, .report = report};
    t.fd = file_open(files, path, O_WRONLY | O_CREAT | O_TRUNC, FILE_MODE);
    if (t.fd < 0) {
        buf_appendf(err, "%s: %s", path, strerror(errno));
        return false;
    }
    write_all(&t);
    if (t.error == 0 && file_fsync(files, t.fd) < 0) t.error = errno;
    (void)file_close(files, t.fd);
    buf_deinit(&t.bytes);
    if (t.error == 0) return true;
    buf_appendf(err, "%s", strerror(t.error));
    (void)path_unlink(files, path);
    return false;
}
