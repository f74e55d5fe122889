/* The reply reader on any bytes: no crash, and the same nodes whether the bytes come whole or in pieces of the size
 * that byte 0 says. */
#include "base/buf.h"
#include "resp/reply_reader.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void note_nodes(struct buf *out, const struct reply_node *node)
{
    buf_appendf(out, "%c%d%lld %g ", node->type, node->null, (long long)node->integer, node->number);
    buf_append_slice(out, node->text);
    if (node->attribute) note_nodes(out, node->attribute);
    for (int64_t i = 0; node->items && i < node->integer; i++) note_nodes(out, &node->items[i]);
}

static void read_all(const uint8_t *data, size_t size, size_t piece, struct buf *out)
{
    struct reply_tree t;
    reply_tree_init(&t);
    enum reader_result result = READER_MORE;
    for (size_t pos = 0; pos < size && result != READER_ERROR; pos += piece) {
        struct slice in = slice_of(data + pos, size - pos < piece ? size - pos : piece);
        struct reply_node *node;
        while ((result = reply_tree_next(&t, &in, &node)) == READER_ITEM) {
            note_nodes(out, node);
            reply_node_free(node);
        }
        if (result == READER_MORE && in.len != 0) abort();
    }
    if (result == READER_ERROR) buf_appendf(out, "!%s", t.reader.error);
    reply_tree_deinit(&t);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2) return 0;
    struct buf whole = BUF_INIT, pieces = BUF_INIT;
    read_all(data + 1, size - 1, size, &whole);
    read_all(data + 1, size - 1, 1 + data[0] % 40, &pieces);
    if (!slice_eq(buf_slice(&whole), buf_slice(&pieces))) abort();
    buf_deinit(&whole);
    buf_deinit(&pieces);
    return 0;
}
