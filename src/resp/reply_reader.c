/* The reply parser. Two states: before or in a line (bulk_left == 0), and in a bulk's bytes. A line or bulk that lies
 * whole in the input is given out in place; else its pieces gather in `kept`.
 *
 * levels[] holds, for each open aggregate, how many elements it still lacks. An element is counted off when it
 * begins, so an aggregate whose last element is an aggregate closes together with it. Attributes are no elements:
 * they are not counted. */
#include "resp/reply_reader.h"

#include "base/mem.h"
#include "base/num.h"

#include <assert.h>
#include <math.h>

enum {
    CRLF = 2,
    KEPT_IDLE_MAX = 64 * 1024, /* larger buffers are not kept between items */
    ITEMS_FIRST = 4
};

void reply_reader_init(struct reply_reader *r)
{
    memset(r, 0, sizeof *r);
}

void reply_reader_deinit(struct reply_reader *r)
{
    buf_deinit(&r->kept);
    memset(r, 0, sizeof *r);
}

size_t reply_reader_mem(const struct reply_reader *r)
{
    return r->kept.cap;
}

static enum reader_result refuse(struct reply_reader *r, const char *why)
{
    r->error = why;
    return READER_ERROR;
}

static void advance(struct slice *in, size_t n)
{
    in->ptr += n;
    in->len -= n;
}

static void kept_drop(struct reply_reader *r)
{
    r->drop_kept = false;
    if (r->kept.cap > KEPT_IDLE_MAX) buf_deinit(&r->kept);
    else buf_clear(&r->kept);
}

/* Counts the item off and opens or closes aggregates; fills depth and last. */
static bool place(struct reply_reader *r, struct reply_item *item, bool aggregate)
{
    bool attribute = item->type == REPLY_ATTRIBUTE, closed_attribute = attribute;
    item->depth = (uint8_t)r->depth;
    if (!attribute && r->depth > 0) r->levels[r->depth - 1].left--;
    if (aggregate && item->integer > 0) {
        if (r->depth == READER_DEPTH_MAX) return false;
        r->levels[r->depth++] = (struct reply_level){item->integer, attribute};
        return true;
    }
    while (r->depth > 0 && r->levels[r->depth - 1].left == 0) closed_attribute = r->levels[--r->depth].attribute;
    item->last = r->depth == 0 && !closed_attribute;
    return true;
}

static enum reader_result finish(struct reply_reader *r, struct reply_item *item, bool aggregate)
{
    return place(r, item, aggregate) ? READER_ITEM : refuse(r, "too deeply nested reply");
}

static enum reader_result finish_bulk(struct reply_reader *r, struct reply_item *item, const char *bytes, size_t len)
{
    if (bytes[len] != '\r' || bytes[len + 1] != '\n') return refuse(r, "bulk without its line end");
    item->text = slice_of(bytes, len);
    if (item->type == REPLY_VERBATIM) {
        if (len < 4 || bytes[3] != ':') return refuse(r, "malformed verbatim string");
        memcpy(item->ext, bytes, sizeof item->ext);
        item->text = slice_of(bytes + 4, len - 4);
    }
    return finish(r, item, false);
}

static enum reader_result read_bulk(struct reply_reader *r, struct slice *in, struct reply_item *item,
                                    struct slice length)
{
    int64_t len;
    if (slice_to_i64(length, &len) != ST_OK || len < -1 || len > READER_BULK_MAX ||
        (len < 0 && item->type != REPLY_BULK))
        return refuse(r, "invalid bulk length");
    if (len < 0) {
        item->null = true;
        return finish(r, item, false);
    }
    size_t whole = (size_t)len + CRLF;
    if (in->len >= whole) {
        const char *bytes = in->ptr;
        advance(in, whole);
        return finish_bulk(r, item, bytes, (size_t)len);
    }
    kept_drop(r);
    r->bulk = *item;
    r->bulk_left = whole - in->len;
    buf_append_slice(&r->kept, *in);
    advance(in, in->len);
    return READER_MORE;
}

static enum reader_result read_bulk_rest(struct reply_reader *r, struct slice *in, struct reply_item *item)
{
    size_t n = in->len < r->bulk_left ? in->len : r->bulk_left;
    buf_append(&r->kept, in->ptr, n);
    advance(in, n);
    r->bulk_left -= n;
    if (r->bulk_left > 0) return READER_MORE;
    *item = r->bulk;
    r->drop_kept = true;
    return finish_bulk(r, item, r->kept.data, r->kept.len - CRLF);
}

static enum reader_result read_aggregate(struct reply_reader *r, struct reply_item *item, struct slice count)
{
    bool pairs = item->type == REPLY_MAP || item->type == REPLY_ATTRIBUTE;
    int64_t most = pairs ? READER_ELEMENTS_MAX / 2 : READER_ELEMENTS_MAX;
    if (slice_to_i64(count, &item->integer) != ST_OK || item->integer < -1 || item->integer > most ||
        (item->integer < 0 && item->type != REPLY_ARRAY))
        return refuse(r, "invalid number of elements");
    item->null = item->integer < 0;
    item->integer = item->null ? 0 : pairs ? item->integer * 2 : item->integer;
    return finish(r, item, true);
}

static bool is_digits(struct slice s)
{
    if (s.len > 0 && (*s.ptr == '-' || *s.ptr == '+')) s = slice_of(s.ptr + 1, s.len - 1);
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] < '0' || s.ptr[i] > '9') return false;
    }
    return s.len > 0;
}

static bool read_double(struct slice s, double *out)
{
    if (slice_is(s, "nan") || slice_is(s, "-nan")) {
        *out = (double)NAN;
        return true;
    }
    return slice_to_double(s, out) == ST_OK;
}

/* A line without its end. */
static enum reader_result read_line(struct reply_reader *r, struct slice *in, struct slice line,
                                    struct reply_item *item)
{
    if (line.len == 0) return refuse(r, "empty line");
    struct slice rest = slice_of(line.ptr + 1, line.len - 1);
    *item = (struct reply_item){.type = (enum reply_type)(unsigned char)line.ptr[0], .text = rest};
    switch (item->type) {
    case REPLY_SIMPLE:
    case REPLY_ERROR:
        break;
    case REPLY_INT:
        if (slice_to_i64(rest, &item->integer) != ST_OK) return refuse(r, "invalid integer");
        break;
    case REPLY_BULK:
    case REPLY_BULK_ERROR:
    case REPLY_VERBATIM:
        item->text = slice_of("", 0);
        return read_bulk(r, in, item, rest);
    case REPLY_NULL:
        if (rest.len > 0) return refuse(r, "invalid null");
        item->null = true;
        break;
    case REPLY_BOOL:
        if (rest.len != 1 || (*rest.ptr != 't' && *rest.ptr != 'f')) return refuse(r, "invalid boolean");
        item->integer = *rest.ptr == 't';
        break;
    case REPLY_DOUBLE:
        if (!read_double(rest, &item->number)) return refuse(r, "invalid double");
        break;
    case REPLY_BIG_NUMBER:
        if (!is_digits(rest)) return refuse(r, "invalid big number");
        break;
    case REPLY_ARRAY:
    case REPLY_MAP:
    case REPLY_SET:
    case REPLY_ATTRIBUTE:
    case REPLY_PUSH:
        item->text = slice_of("", 0);
        return read_aggregate(r, item, rest);
    default:
        return refuse(r, "unknown type byte");
    }
    return finish(r, item, false);
}

enum reader_result reply_reader_next(struct reply_reader *r, struct slice *input, struct reply_item *item)
{
    if (r->error) return READER_ERROR;
    if (r->drop_kept) kept_drop(r);
    if (input->len == 0) return READER_MORE;
    if (r->bulk_left > 0) return read_bulk_rest(r, input, item);

    const char *newline = memchr(input->ptr, '\n', input->len);
    size_t n = newline ? (size_t)(newline + 1 - input->ptr) : input->len;
    if (r->kept.len + n > READER_LINE_MAX) return refuse(r, "too long line");
    struct slice line = slice_of(input->ptr, n);
    if (!newline || r->kept.len > 0) {
        buf_append_slice(&r->kept, line);
        line = buf_slice(&r->kept);
    }
    advance(input, n);
    if (!newline) return READER_MORE;
    if (line.len < CRLF || line.ptr[line.len - CRLF] != '\r') return refuse(r, "line without its '\\r'");
    r->drop_kept = line.ptr == r->kept.data;
    line.len -= CRLF;
    return read_line(r, input, line, item);
}

/* ------------------------------------------------------------------------------------------------ trees */

static void node_clear(struct reply_node *node)
{
    int64_t items = node->items ? node->integer : 0;
    mem_free((char *)node->text.ptr);
    for (int64_t i = 0; i < items; i++) node_clear(&node->items[i]);
    mem_free(node->items);
    reply_node_free(node->attribute);
}

void reply_node_free(struct reply_node *node)
{
    if (!node) return;
    node_clear(node);
    mem_free(node);
}

void reply_tree_init(struct reply_tree *t)
{
    memset(t, 0, sizeof *t);
    reply_reader_init(&t->reader);
}

void reply_tree_deinit(struct reply_tree *t)
{
    /* An aggregate under construction has fewer nodes than it will; from here it has what it has. */
    for (int d = t->depth; d > 0; d--) {
        struct reply_tree_level *level = &t->levels[d];
        level->node->integer = level->filled;
        reply_node_free(level->attribute);
        if (level->node->type == REPLY_ATTRIBUTE) reply_node_free(level->node);
    }
    reply_node_free(t->levels[0].attribute);
    reply_node_free(t->root);
    reply_reader_deinit(&t->reader);
    memset(t, 0, sizeof *t);
}

/* A node for the item: an element of the open aggregate, or the root, or an attribute that stands alone. */
static struct reply_node *node_add(struct reply_tree *t, const struct reply_item *item)
{
    struct reply_tree_level *level = &t->levels[t->depth];
    struct reply_node *node;
    if (item->type == REPLY_ATTRIBUTE || t->depth == 0) {
        node = mem_alloc(sizeof *node);
        if (item->type != REPLY_ATTRIBUTE) t->root = node;
    } else {
        if (level->filled == level->room) {
            level->room = level->room == 0 ? ITEMS_FIRST : level->room * 2;
            if (level->room > level->node->integer) level->room = level->node->integer;
            level->node->items = mem_realloc(level->node->items, (size_t)level->room * sizeof *node);
        }
        node = &level->node->items[level->filled++];
    }
    *node = (struct reply_node){.type = item->type, .null = item->null};
    node->integer = item->integer;
    node->number = item->number;
    memcpy(node->ext, item->ext, sizeof item->ext);
    node->text = slice_of(mem_dup(item->text.ptr, item->text.len), item->text.len);
    if (item->type != REPLY_ATTRIBUTE) {
        node->attribute = level->attribute;
        level->attribute = NULL;
    }
    return node;
}

/* The attribute waits for the next node of its level. */
static void attribute_keep(struct reply_tree *t, struct reply_node *attribute)
{
    reply_node_free(t->levels[t->depth].attribute);
    t->levels[t->depth].attribute = attribute;
}

static bool is_aggregate(enum reply_type type)
{
    return type == REPLY_ARRAY || type == REPLY_MAP || type == REPLY_SET || type == REPLY_PUSH ||
           type == REPLY_ATTRIBUTE;
}

enum reader_result reply_tree_next(struct reply_tree *t, struct slice *input, struct reply_node **out)
{
    struct reply_item item;
    enum reader_result result;
    while ((result = reply_reader_next(&t->reader, input, &item)) == READER_ITEM) {
        assert(item.depth == t->depth);
        struct reply_node *node = node_add(t, &item);
        if (is_aggregate(item.type) && item.integer > 0) {
            t->levels[++t->depth] = (struct reply_tree_level){.node = node};
            continue;
        }
        if (item.type == REPLY_ATTRIBUTE) attribute_keep(t, node);
        while (t->depth > 0 && t->levels[t->depth].filled == t->levels[t->depth].node->integer) {
            node = t->levels[t->depth--].node;
            if (node->type == REPLY_ATTRIBUTE) attribute_keep(t, node);
        }
        if (item.last) {
            *out = t->root;
            t->root = NULL;
            return READER_ITEM;
        }
    }
    return result;
}
