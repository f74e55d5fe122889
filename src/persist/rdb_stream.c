/* The codec of streams.
 *
 *   nodes | (id:16, as a string | listpack, as a string) ...
 *   entries | last id | [2: first id | greatest deleted id | entries ever added]
 *   groups | (name | last id | [2: entries read] | pending | (id:16 | time:8 | deliveries) ...
 *             consumers | (name | seen:8 | [3: active:8] | pending | id:16 ...) ...) ...
 *
 * Lengths, counters and the two halves of an id are RDB lengths; id:16 is two big endian numbers; times are Unix ms.
 * [2] stands in STREAM_LISTPACKS_2 and 3, [3] in 3 alone. Each pending entry of a group is one of exactly one of its
 * consumers. */
#include "base/mem.h"
#include "persist/rdb_value_impl.h"
#include "value/stream.h"

#include <stdlib.h>

enum { ID_BYTES = 16, PENDING_BYTES_MIN = ID_BYTES + 8 + 1 };

static uint8_t stream_codec_type(const struct record *r, int version)
{
    (void)r;
    return version >= RDB_VERSION ? RDB_STREAM_LISTPACKS_3 : RDB_STREAM_LISTPACKS_2;
}

/* ---- writing */

static void id_to_bytes(char out[ID_BYTES], struct stream_id id)
{
    uint64_t halves[2] = {__builtin_bswap64(id.ms), __builtin_bswap64(id.seq)};
    memcpy(out, halves, ID_BYTES);
}

static void write_id(struct rdb_writer *w, struct stream_id id)
{
    rdb_write_len(w, id.ms);
    rdb_write_len(w, id.seq);
}

static void write_id_bytes(struct rdb_writer *w, struct stream_id id)
{
    char bytes[ID_BYTES];
    id_to_bytes(bytes, id);
    rdb_write(w, bytes, sizeof(bytes));
}

static void write_nodes(struct rdb_writer *w, const struct record *r)
{
    struct stream_node_at at = stream_nodes(r);
    struct stream_id id;
    struct slice bytes;
    char id_bytes[ID_BYTES];
    rdb_write_len(w, stream_node_count(r));
    while (stream_node_next(&at, &id, &bytes)) {
        id_to_bytes(id_bytes, id);
        rdb_write_string(w, slice_of(id_bytes, sizeof(id_bytes)));
        rdb_write_string(w, bytes);
    }
}

static void write_pending(struct rdb_writer *w, const struct stream_group *g, const struct stream_consumer *c)
{
    struct stream_pending_at at = stream_pending_from(g, c, STREAM_ID_MIN);
    struct stream_pending *pending;
    struct stream_id id;
    rdb_write_len(w, c == NULL ? stream_group_pending(g) : stream_consumer_pending(c));
    while (stream_pending_next(&at, &id, &pending)) {
        write_id_bytes(w, id);
        if (c != NULL) continue;
        rdb_write_u64(w, pending->delivered_ms);
        rdb_write_len(w, pending->deliveries);
    }
}

static void write_group(struct rdb_writer *w, const struct stream_group *g, bool active)
{
    rdb_write_string(w, stream_group_name(g));
    write_id(w, stream_group_last_id(g));
    rdb_write_len(w, (uint64_t)stream_group_entries_read(g));
    write_pending(w, g, NULL);
    rdb_write_len(w, stream_consumer_count(g));
    for (size_t i = 0; i < stream_consumer_count(g); i++) {
        const struct stream_consumer *c = stream_consumer_at(g, i);
        rdb_write_string(w, stream_consumer_name(c));
        rdb_write_u64(w, stream_consumer_seen_ms(c));
        if (active) rdb_write_u64(w, (uint64_t)stream_consumer_active_ms(c));
        write_pending(w, g, c);
    }
}

static void stream_codec_write(struct rdb_writer *w, const struct record *r, uint8_t type)
{
    write_nodes(w, r);
    rdb_write_len(w, stream_len(r));
    write_id(w, stream_last_id(r));
    write_id(w, stream_first_id(r));
    write_id(w, stream_max_deleted_id(r));
    rdb_write_len(w, stream_entries_added(r));
    rdb_write_len(w, stream_group_count(r));
    for (size_t i = 0; i < stream_group_count(r); i++)
        write_group(w, stream_group_at(r, i), type == RDB_STREAM_LISTPACKS_3);
}

/* ---- reading: entries */

static struct stream_id id_of_bytes(const char bytes[ID_BYTES])
{
    uint64_t halves[2];
    memcpy(halves, bytes, ID_BYTES);
    return (struct stream_id){__builtin_bswap64(halves[0]), __builtin_bswap64(halves[1])};
}

static bool read_id(struct rdb_reader *r, struct stream_id *out)
{
    return rdb_read_len(r, &out->ms) && rdb_read_len(r, &out->seq);
}

static bool read_id_bytes(struct rdb_reader *r, struct stream_id *out)
{
    char bytes[ID_BYTES];
    if (!rdb_read(r, bytes, sizeof(bytes))) return false;
    *out = id_of_bytes(bytes);
    return true;
}

static bool read_nodes(struct rdb_reader *r, struct record *made)
{
    uint64_t count;
    struct slice bytes;
    if (!rdb_read_count(r, 2, &count)) return false;
    for (; count > 0; count--) {
        if (!rdb_read_view(r, &r->spare, &bytes)) return false;
        if (bytes.len != ID_BYTES) return rdb_fail(r, "an ID of %zu bytes of a stream's node", bytes.len);
        struct stream_id id = id_of_bytes(bytes.ptr);
        if (!rdb_read_view(r, &r->spare, &bytes)) return false;
        if (!stream_load_node(made, id, bytes)) return rdb_fail(r, "Stream listpack integrity check failed.");
    }
    return true;
}

/* Old servers did not count: as many were added as there are. */
static bool read_facts(struct rdb_reader *r, uint8_t type, struct record *made)
{
    uint64_t entries, added;
    struct stream_id last, first, deleted = STREAM_ID_MIN;
    if (!rdb_read_len(r, &entries) || !read_id(r, &last)) return false;
    added = entries;
    if (type != RDB_STREAM_LISTPACKS &&
        (!read_id(r, &first) || !read_id(r, &deleted) || !rdb_read_len(r, &added)))
        return false;
    if (entries != stream_len(made))
        return rdb_fail(r, "a stream of %llu entries that says it has %llu", (unsigned long long)stream_len(made),
                        (unsigned long long)entries);
    return stream_load_end(made, last, added, deleted) ? true : rdb_fail(r, "the IDs of a stream are not in order");
}

/* ---- reading: groups */

/* A pending entry of the group that is being read; its consumer follows. */
struct pending {
    struct stream_id id;
    uint64_t delivered_ms, deliveries;
    bool taken;
};

static int pending_cmp(const void *a, const void *b)
{
    const struct pending *x = a, *y = b;
    return stream_id_less(x->id, y->id) ? -1 : stream_id_less(y->id, x->id);
}

/* *items is an array of *count, which ascends; made in a buffer, and so only as long as what was read. */
static bool read_pending(struct rdb_reader *r, struct buf *items, uint64_t *count)
{
    bool sorted = true;
    struct stream_id before = STREAM_ID_MIN;
    buf_clear(items);
    if (!rdb_read_count(r, PENDING_BYTES_MIN, count)) return false;
    for (uint64_t i = 0; i < *count; i++) {
        struct pending p = {.taken = false};
        if (!read_id_bytes(r, &p.id) || !rdb_read_u64(r, &p.delivered_ms) || !rdb_read_len(r, &p.deliveries))
            return false;
        sorted = sorted && (i == 0 || stream_id_less(before, p.id));
        before = p.id;
        buf_append(items, &p, sizeof(p));
    }
    if (sorted) return true;
    struct pending *all = (struct pending *)(void *)items->data;
    qsort(all, (size_t)*count, sizeof(*all), pending_cmp);
    for (uint64_t i = 1; i < *count; i++)
        if (stream_id_eq(all[i - 1].id, all[i].id)) return rdb_fail(r, "a pending entry of a group twice");
    return true;
}

static bool read_consumer(struct rdb_reader *r, uint8_t type, struct stream_group *g, struct pending *all,
                          uint64_t all_count)
{
    uint64_t seen_ms, active_ms, count;
    struct slice name;
    struct pending wanted = {.taken = false};
    if (!rdb_read_view(r, &r->spare, &name)) return false;
    struct stream_consumer *c = stream_consumer_create(g, name, 0);
    if (c == NULL) return rdb_fail(r, "Duplicate stream consumer detected");
    if (!rdb_read_u64(r, &seen_ms)) return false;
    active_ms = seen_ms;
    if (type == RDB_STREAM_LISTPACKS_3 && !rdb_read_u64(r, &active_ms)) return false;
    stream_consumer_seen(c, seen_ms);
    stream_consumer_active(c, (int64_t)active_ms < 0 ? STREAM_NEVER_ACTIVE : (int64_t)active_ms);
    if (!rdb_read_count(r, ID_BYTES, &count)) return false;
    for (; count > 0; count--) {
        if (!read_id_bytes(r, &wanted.id)) return false;
        struct pending *p = all_count == 0 ? NULL : bsearch(&wanted, all, (size_t)all_count, sizeof(*all), pending_cmp);
        if (p == NULL || p->taken) return rdb_fail(r, "a consumer's entry that is not pending in its group");
        p->taken = true;
        struct stream_pending *given = stream_pending_give(g, p->id, c);
        given->delivered_ms = p->delivered_ms;
        given->deliveries = p->deliveries;
    }
    return true;
}

static bool read_group(struct rdb_reader *r, uint8_t type, struct record *made, struct buf *items)
{
    struct slice name;
    struct stream_id last;
    uint64_t read, pending, consumers;
    if (!rdb_read_view(r, &r->spare, &name)) return false;
    struct stream_group *g = stream_group_create(made, name, STREAM_ID_MIN, STREAM_ENTRIES_READ_UNKNOWN);
    if (g == NULL) return rdb_fail(r, "a group of a stream twice");
    if (!read_id(r, &last)) return false;
    if (type == RDB_STREAM_LISTPACKS)
        read = (uint64_t)stream_entries_up_to(made, last);
    else if (!rdb_read_len(r, &read))
        return false;
    stream_group_set(g, last, (int64_t)read < 0 ? STREAM_ENTRIES_READ_UNKNOWN : (int64_t)read);
    if (!read_pending(r, items, &pending) || !rdb_read_count(r, 1, &consumers)) return false;
    struct pending *all = (struct pending *)(void *)items->data;
    for (; consumers > 0; consumers--)
        if (!read_consumer(r, type, g, all, pending)) return false;
    if (stream_group_pending(g) != pending) return rdb_fail(r, "a pending entry that no consumer has");
    return true;
}

static bool read_stream(struct rdb_reader *r, uint8_t type, struct record *made)
{
    uint64_t groups;
    struct buf items = BUF_INIT;
    bool ok = read_nodes(r, made) && read_facts(r, type, made) && rdb_read_count(r, 1, &groups);
    for (; ok && groups > 0; groups--) ok = read_group(r, type, made, &items);
    buf_deinit(&items);
    return ok;
}

/* An empty stream is a stream. */
struct record *rdb_stream_read(struct rdb_reader *r, uint8_t type, struct slice key, const struct rdb_load *load)
{
    (void)load;
    struct record *made = stream_new(key);
    if (made == NULL) return rdb_no_room(r, key);
    if (read_stream(r, type, made)) return made;
    record_free(made);
    return NULL;
}

const struct rdb_codec rdb_stream_codec = {.type = stream_codec_type, .write = stream_codec_write};
