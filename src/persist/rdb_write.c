/* The writer of RDB's elements. Small pieces gather in a buffer; what is larger than it goes past it. */
#include "persist/rdb_io.h"

#include "base/crc.h"
#include "base/mem.h"
#include "base/num.h"
#include "persist/rdb_format.h"

#include <liblzf/lzf.h>
#include <string.h>

enum {
    WRITE_BUFFER = 64 * 1024,
    COMPRESS_MIN = 21,                 /* shorter strings are never compressed */
    COMPRESS_SAVES_MIN = 4,            /* what must be won for it */
    COMPRESS_MAX = 1024 * 1024 * 1024, /* LZF counts in 32 bits */
};

void rdb_writer_init(struct rdb_writer *w, int version, bool (*sink)(void *arg, const void *ptr, size_t len), void *arg)
{
    *w = (struct rdb_writer){.sink = sink, .arg = arg, .version = version, .compress = true, .checksum = true};
    if (sink != NULL) buf_reserve(&w->pending, WRITE_BUFFER);
}

void rdb_writer_init_memory(struct rdb_writer *w, int version)
{
    rdb_writer_init(w, version, NULL, NULL);
}

void rdb_writer_deinit(struct rdb_writer *w)
{
    buf_deinit(&w->pending);
    buf_deinit(&w->scratch);
}

static void hand_on(struct rdb_writer *w, const void *ptr, size_t len)
{
    if (w->checksum) w->crc = crc64(w->crc, ptr, len);
    if (!w->failed && len > 0 && !w->sink(w->arg, ptr, len)) w->failed = true;
}

static void hand_on_pending(struct rdb_writer *w)
{
    hand_on(w, w->pending.data, w->pending.len);
    buf_clear(&w->pending);
}

bool rdb_writer_flush(struct rdb_writer *w)
{
    if (w->sink != NULL) hand_on_pending(w);
    return !w->failed;
}

uint64_t rdb_writer_crc(const struct rdb_writer *w)
{
    return w->checksum ? crc64(w->crc, w->pending.data, w->pending.len) : 0;
}

void rdb_write(struct rdb_writer *w, const void *ptr, size_t len)
{
    w->written += len;
    if (w->sink == NULL || w->pending.len + len <= WRITE_BUFFER) {
        buf_append(&w->pending, ptr, len);
        return;
    }
    hand_on_pending(w);
    if (len >= WRITE_BUFFER)
        hand_on(w, ptr, len);
    else
        buf_append(&w->pending, ptr, len);
}

void rdb_write_byte(struct rdb_writer *w, uint8_t byte)
{
    rdb_write(w, &byte, 1);
}

void rdb_write_len(struct rdb_writer *w, uint64_t len)
{
    uint8_t bytes[9];
    size_t n;
    if (len < 1 << 6) {
        bytes[0] = (uint8_t)len;
        n = 1;
    } else if (len < 1 << 14) {
        bytes[0] = (uint8_t)(0x40 | len >> 8);
        bytes[1] = (uint8_t)len;
        n = 2;
    } else if (len <= UINT32_MAX) {
        uint32_t big = __builtin_bswap32((uint32_t)len);
        bytes[0] = 0x80;
        memcpy(bytes + 1, &big, 4);
        n = 5;
    } else {
        uint64_t big = __builtin_bswap64(len);
        bytes[0] = 0x81;
        memcpy(bytes + 1, &big, 8);
        n = 9;
    }
    rdb_write(w, bytes, n);
}

/* An integer in RDB's packed form; false: it needs more than 32 bits. */
static bool write_packed_i64(struct rdb_writer *w, int64_t v)
{
    uint8_t bytes[5];
    int32_t low = (int32_t)v;
    if (v != low) return false;
    size_t size = v == (int8_t)v ? 1 : v == (int16_t)v ? 2 : 4;
    bytes[0] = (uint8_t)(0xc0 | (size == 1 ? RDB_INT8 : size == 2 ? RDB_INT16 : RDB_INT32));
    memcpy(bytes + 1, &low, size);
    rdb_write(w, bytes, 1 + size);
    return true;
}

static void write_raw(struct rdb_writer *w, struct slice text)
{
    rdb_write_len(w, text.len);
    if (text.len > 0) rdb_write(w, text.ptr, text.len);
}

static bool write_compressed(struct rdb_writer *w, struct slice text)
{
    size_t room = text.len - COMPRESS_SAVES_MIN;
    buf_clear(&w->scratch);
    buf_reserve(&w->scratch, room);
    unsigned len = lzf_compress(text.ptr, (unsigned)text.len, w->scratch.data, (unsigned)room);
    if (len == 0) return false;
    rdb_write_byte(w, 0xc0 | RDB_LZF);
    rdb_write_len(w, len);
    rdb_write_len(w, text.len);
    rdb_write(w, w->scratch.data, len);
    return true;
}

void rdb_write_string(struct rdb_writer *w, struct slice text)
{
    int64_t v;
    if (text.len <= 11 && slice_to_i64(text, &v) == ST_OK && write_packed_i64(w, v)) return;
    if (w->compress && text.len >= COMPRESS_MIN && text.len <= COMPRESS_MAX && write_compressed(w, text)) return;
    write_raw(w, text);
}

void rdb_write_i64(struct rdb_writer *w, int64_t v)
{
    char text[NUM_I64_TEXT_MAX];
    if (!write_packed_i64(w, v)) write_raw(w, slice_of(text, (size_t)i64_to_text(text, v)));
}

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "numbers are written as they stand in memory");

void rdb_write_u16(struct rdb_writer *w, uint16_t v)
{
    rdb_write(w, &v, sizeof(v));
}

void rdb_write_u32(struct rdb_writer *w, uint32_t v)
{
    rdb_write(w, &v, sizeof(v));
}

void rdb_write_u64(struct rdb_writer *w, uint64_t v)
{
    rdb_write(w, &v, sizeof(v));
}

void rdb_write_double(struct rdb_writer *w, double v)
{
    rdb_write(w, &v, sizeof(v));
}
