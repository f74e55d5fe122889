/* The codec of lists: node by node, a listpack as its bytes, a large element as it is. */
#include "persist/rdb_value_impl.h"
#include "value/list.h"

static uint8_t list_codec_type(const struct record *r, int version)
{
    (void)r, (void)version;
    return RDB_LIST_QUICKLIST_2;
}

static void write_node(void *arg, struct slice bytes, bool packed)
{
    struct rdb_writer *w = arg;
    rdb_write_len(w, packed ? RDB_NODE_PACKED : RDB_NODE_PLAIN);
    rdb_write_string(w, bytes);
}

static void list_codec_write(struct rdb_writer *w, const struct record *r, uint8_t type)
{
    (void)type;
    rdb_write_len(w, list_nodes(r));
    list_each_node(r, write_node, w);
}

struct pushing {
    struct record *made;
    const struct rdb_load *load;
};

static bool push_each(void *arg, struct slice element)
{
    struct pushing *p = arg;
    list_push(p->made, LIST_TAIL, element, p->load->limits);
    return true;
}

static bool read_ziplist(struct rdb_reader *r, struct pushing *p)
{
    struct slice bytes;
    if (!rdb_read_view(r, &r->spare, &bytes)) return false;
    return rdb_ziplist_each(bytes, push_each, p) ? true : rdb_fail(r, "List ziplist integrity check failed.");
}

static bool read_element(struct rdb_reader *r, struct pushing *p)
{
    struct slice element;
    return rdb_read_view(r, &r->spare, &element) && push_each(p, element);
}

/* One string after the other, each an element or a ziplist. */
static struct record *read_each(struct rdb_reader *r, uint64_t count, struct slice key, const struct rdb_load *load,
                                bool (*read)(struct rdb_reader *r, struct pushing *p))
{
    struct pushing p = {list_new(key), load};
    if (p.made == NULL) return rdb_no_room(r, key);
    while (count > 0 && read(r, &p)) count--;
    return rdb_value_made(r, p.made);
}

static bool read_node(struct rdb_reader *r, struct slice *bytes, bool *packed)
{
    uint64_t kind;
    if (!rdb_read_len(r, &kind)) return false;
    if (kind != RDB_NODE_PLAIN && kind != RDB_NODE_PACKED)
        return rdb_fail(r, "unknown kind %llu of a list's node", (unsigned long long)kind);
    *packed = kind == RDB_NODE_PACKED;
    if (!rdb_read_view(r, &r->spare, bytes)) return false;
    return bytes->len > 0 ? true : rdb_fail(r, "a node of a list without bytes");
}

/* Most lists are one node: its bytes become the list. */
static struct record *read_single_node(struct rdb_reader *r, struct slice key, const struct rdb_load *load)
{
    struct slice bytes;
    bool packed;
    struct record *made;
    if (!read_node(r, &bytes, &packed)) return NULL;
    if (packed) {
        made = list_from_packed(key, bytes, load->limits);
        if (made == NULL) (void)rdb_fail(r, "List listpack integrity check failed.");
        return rdb_value_made(r, made);
    }
    made = list_new(key);
    if (made == NULL) return rdb_no_room(r, key);
    list_push(made, LIST_TAIL, bytes, load->limits);
    return made;
}

static struct record *read_nodes(struct rdb_reader *r, uint64_t count, struct slice key, const struct rdb_load *load)
{
    struct slice bytes;
    bool packed;
    if (count == 1) return read_single_node(r, key, load);
    struct record *made = list_new(key);
    if (made == NULL) return rdb_no_room(r, key);
    for (; count > 0 && read_node(r, &bytes, &packed); count--)
        if (!list_load_node(made, bytes, packed, load->limits)) {
            (void)rdb_fail(r, "List listpack integrity check failed.");
            break;
        }
    list_load_end(made, load->limits);
    return rdb_value_made(r, made);
}

struct record *rdb_list_read(struct rdb_reader *r, uint8_t type, struct slice key, const struct rdb_load *load)
{
    uint64_t count = 1;
    if (type != RDB_LIST_ZIPLIST && (!rdb_read_count(r, 1, &count) || count == 0)) return NULL;
    if (type == RDB_LIST_QUICKLIST_2) return read_nodes(r, count, key, load);
    return read_each(r, count, key, load, type == RDB_LIST ? read_element : read_ziplist);
}

const struct rdb_codec rdb_list_codec = {.type = list_codec_type, .write = list_codec_write};
