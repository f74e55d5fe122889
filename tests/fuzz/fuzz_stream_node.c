/* Bytes from outside as a node of a stream: validation reads nothing behind them, and what it accepts can be loaded,
 * walked both ways, deleted from and trimmed without breaking. Bit 0 of byte 0: the head of the listpack is made right,
 * so that more of them get past it. */
#include "value/stream.h"

#include <stdlib.h>
#include <string.h>

enum { HEADER_SIZE = 6, ENTRIES_MAX = 64 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
    if (!holds) abort();
}

/* All entries one way; the first IDs are kept. */
static uint64_t walk(const struct record *r, bool backwards, struct stream_id ids[ENTRIES_MAX])
{
    struct stream_reader it;
    struct stream_id id, last = backwards ? STREAM_ID_MAX : STREAM_ID_MIN;
    struct slice field, value;
    uint64_t n = 0, bytes = 0;
    size_t pairs;
    stream_reader_init(&it, r, STREAM_ID_MIN, STREAM_ID_MAX, backwards);
    for (; stream_reader_next(&it, &id, &pairs); n++) {
        must(n == 0 || (backwards ? stream_id_less(id, last) : stream_id_less(last, id)));
        last = id;
        if (n < ENTRIES_MAX) ids[n] = id;
        for (; pairs > 0; pairs--) {
            stream_reader_pair(&it, &field, &value);
            for (size_t i = 0; i < field.len; i++) bytes += (uint8_t)field.ptr[i]; /* all of it can be read */
            for (size_t i = 0; i < value.len; i++) bytes += (uint8_t)value.ptr[i];
        }
    }
    must(bytes < UINT64_MAX);
    return n;
}

static void change(struct record *r, const struct stream_id *ids, uint64_t len, uint8_t choice)
{
    struct stream_trim trim = {.by = STREAM_TRIM_MAXLEN, .max_len = len / 2};
    struct stream_id some = ids[choice % (len < ENTRIES_MAX ? len : ENTRIES_MAX)];
    must(stream_has(r, some) && stream_delete(r, some) && !stream_delete(r, some));
    record_check(r);
    stream_trim(r, &trim);
    must(stream_len(r) <= len / 2 || stream_len(r) == len - 1);
    record_check(r);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct stream_id id = {0, 1}, ids[ENTRIES_MAX];
    if (size < 2 + HEADER_SIZE + 1) return 0;
    uint8_t choice = data[0];
    id.ms = data[1];
    size_t len = size - 2;
    uint8_t *bytes = malloc(len); /* of its own, so that the sanitizer sees a read behind it */
    memcpy(bytes, data + 2, len);
    uint32_t size32 = (uint32_t)len;
    if (choice & 1) {
        memcpy(bytes, &size32, sizeof size32);
        bytes[len - 1] = 0xff;
        bytes[4] = bytes[5] = 0xff; /* as many as there are */
    }
    struct record *r = stream_new(SLICE("key"));
    if (stream_load_node(r, id, slice_of(bytes, len)) &&
        stream_load_end(r, STREAM_ID_MAX, stream_len(r), STREAM_ID_MIN)) {
        record_check(r);
        uint64_t n = walk(r, true, ids);
        must(n == walk(r, false, ids) && n == stream_len(r));
        if (n > 0) change(r, ids, n, choice);
    }
    record_free(r);
    free(bytes);
    return 0;
}
