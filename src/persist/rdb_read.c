/* The reader of RDB's elements.
 *
 *   window.data .. crc_from .. at .. end
 *                  |           |     bytes that are there and not read yet
 *                  |           read, not in the checksum yet
 *                  in the checksum
 *
 * Whoever reads does not trust: a length is compared with what is left where that is known (memory), and a string from
 * a file grows in steps as its bytes arrive, so that a broken length costs a failed read and not gigabytes. */
#include "persist/rdb_io.h"

#include "base/crc.h"
#include "base/mem.h"
#include "base/num.h"
#include "persist/rdb_format.h"

#include <errno.h>
#include <liblzf/lzf.h>
#include <string.h>

enum {
    READ_WINDOW = 256 * 1024,
    STRING_STEP = 4 * 1024 * 1024,    /* the most that is taken for a string before its bytes are there */
    LZF_RATIO_MAX = 264,              /* 3 bytes give at most 264 */
    EXPECTED_UNKNOWN_MAX = 64 * 1024, /* elements that room is made for while the size of the source is not known */
};

void rdb_reader_init(struct rdb_reader *r, ssize_t (*fill)(void *arg, void *ptr, size_t len), void *arg)
{
    *r = (struct rdb_reader){.fill = fill, .arg = arg, .version = RDB_VERSION, .checksum = true};
    buf_reserve(&r->window, READ_WINDOW);
    r->at = r->end = r->crc_from = r->window.data;
}

void rdb_reader_init_memory(struct rdb_reader *r, struct slice bytes)
{
    *r = (struct rdb_reader){.version = RDB_VERSION, .checksum = true, .base = bytes.len};
    r->at = bytes.ptr;
    r->end = r->at + bytes.len;
    r->crc_from = r->at;
}

void rdb_reader_deinit(struct rdb_reader *r)
{
    buf_deinit(&r->window);
    buf_deinit(&r->scratch);
    buf_deinit(&r->spare);
    for (int i = 0; i < RDB_AHEAD; i++) {
        buf_deinit(&r->ahead[i][0]);
        buf_deinit(&r->ahead[i][1]);
    }
    buf_deinit(&r->error);
}

uint64_t rdb_reader_offset(const struct rdb_reader *r)
{
    return r->base - (uint64_t)(r->end - r->at);
}

/* Bytes that can still come. */
static uint64_t left_max(const struct rdb_reader *r)
{
    if (r->fill == NULL) return (uint64_t)(r->end - r->at);
    if (r->size == 0) return UINT64_MAX;
    uint64_t offset = rdb_reader_offset(r);
    return r->size > offset ? r->size - offset : 0;
}

static void crc_catch_up(struct rdb_reader *r)
{
    if (r->checksum && r->at > r->crc_from) r->crc = crc64(r->crc, r->crc_from, (size_t)(r->at - r->crc_from));
    r->crc_from = r->at;
}

uint64_t rdb_reader_crc(struct rdb_reader *r)
{
    crc_catch_up(r);
    return r->checksum ? r->crc : 0;
}

bool rdb_fail(struct rdb_reader *r, const char *fmt, ...)
{
    if (r->failed) return false;
    r->failed = true;
    r->error_at = rdb_reader_offset(r);
    r->base = r->error_at; /* the window ends here: nobody reads on */
    r->end = r->at;
    va_list ap;
    va_start(ap, fmt);
    buf_vappendf(&r->error, fmt, ap);
    va_end(ap);
    return false;
}

static bool fail_at_end(struct rdb_reader *r, ssize_t got)
{
    if (got < 0) {
        r->error_errno = errno;
        return rdb_fail(r, "reading failed: %s", strerror(errno));
    }
    bool failed = rdb_fail(r, "the data ends inside of an element");
    r->at_end = true;
    return failed;
}

/* Bytes of the window that are not read yet, at least `len` of them (len <= READ_WINDOW). */
static bool window_need(struct rdb_reader *r, size_t len)
{
    size_t have = (size_t)(r->end - r->at);
    if (likely(have >= len)) return true;
    if (r->failed) return false;
    if (r->fill == NULL) return fail_at_end(r, 0);
    crc_catch_up(r);
    if (have > 0) memmove(r->window.data, r->at, have);
    r->at = r->crc_from = r->window.data;
    r->end = r->at + have;
    while (have < len) {
        ssize_t got = r->fill(r->arg, r->window.data + have, READ_WINDOW - have);
        if (got <= 0) return fail_at_end(r, got);
        have += (size_t)got;
        r->end += got;
        r->base += (uint64_t)got;
    }
    return true;
}

bool rdb_read(struct rdb_reader *r, void *out, size_t len)
{
    size_t have = (size_t)(r->end - r->at);
    if (likely(have >= len) || len <= READ_WINDOW) {
        if (!window_need(r, len)) return false;
        if (len > 0) memcpy(out, r->at, len);
        r->at += len;
        return true;
    }
    if (r->failed) return false;
    if (r->fill == NULL) return fail_at_end(r, 0);
    memcpy(out, r->at, have);
    r->at += have;
    crc_catch_up(r);
    for (char *to = (char *)out + have; have < len;) {
        ssize_t got = r->fill(r->arg, to, len - have);
        if (got <= 0) return fail_at_end(r, got);
        if (r->checksum) r->crc = crc64(r->crc, to, (size_t)got);
        r->base += (uint64_t)got;
        have += (size_t)got;
        to += got;
    }
    return true;
}

bool rdb_read_byte(struct rdb_reader *r, uint8_t *out)
{
    if (!window_need(r, 1)) return false;
    *out = (uint8_t)*r->at++;
    return true;
}

bool rdb_read_u16(struct rdb_reader *r, uint16_t *out)
{
    return rdb_read(r, out, sizeof(*out));
}

bool rdb_read_u32(struct rdb_reader *r, uint32_t *out)
{
    return rdb_read(r, out, sizeof(*out));
}

bool rdb_read_u64(struct rdb_reader *r, uint64_t *out)
{
    return rdb_read(r, out, sizeof(*out));
}

bool rdb_read_double(struct rdb_reader *r, double *out)
{
    return rdb_read(r, out, sizeof(*out));
}

bool rdb_read_text_double(struct rdb_reader *r, double *out)
{
    uint8_t len;
    char text[256];
    if (!rdb_read_byte(r, &len)) return false;
    if (len >= 253) {
        *out = len == 253 ? __builtin_nan("") : len == 254 ? __builtin_inf() : -__builtin_inf();
        return true;
    }
    if (!rdb_read(r, text, len)) return false;
    if (slice_to_double(slice_of(text, len), out) != ST_OK) return rdb_fail(r, "bad text of a score");
    return true;
}

/* A length, or (special) the number of a special form of a string. */
static bool read_prefix(struct rdb_reader *r, uint64_t *out, bool *special)
{
    uint8_t first, second;
    uint32_t word;
    *special = false;
    if (!rdb_read_byte(r, &first)) return false;
    switch (first >> 6) {
    case 0: *out = first; return true;
    case 1:
        if (!rdb_read_byte(r, &second)) return false;
        *out = (uint64_t)(first & 63) << 8 | second;
        return true;
    case 3:
        *special = true;
        *out = first & 63;
        return true;
    default: break;
    }
    if (first == 0x80) {
        if (!rdb_read_u32(r, &word)) return false;
        *out = __builtin_bswap32(word);
        return true;
    }
    if (first != 0x81) return rdb_fail(r, "bad prefix 0x%02x of a length", first);
    if (!rdb_read_u64(r, out)) return false;
    *out = __builtin_bswap64(*out);
    return true;
}

bool rdb_read_len(struct rdb_reader *r, uint64_t *out)
{
    bool special;
    if (!read_prefix(r, out, &special)) return false;
    return special ? rdb_fail(r, "a string where a length belongs") : true;
}

bool rdb_read_count(struct rdb_reader *r, size_t element_size, uint64_t *out)
{
    if (!rdb_read_len(r, out)) return false;
    if (*out > left_max(r) / element_size)
        return rdb_fail(r, "%llu elements, but the data ends before", (unsigned long long)*out);
    return true;
}

size_t rdb_expected(const struct rdb_reader *r, size_t element_size, uint64_t count)
{
    uint64_t left = left_max(r), most = left == UINT64_MAX ? EXPECTED_UNKNOWN_MAX : left / element_size;
    return (size_t)(count < most ? count : most);
}

/* ---- strings ---- */

static bool read_integer(struct rdb_reader *r, uint64_t form, struct buf *out)
{
    char text[NUM_I64_TEXT_MAX];
    int8_t v8;
    int16_t v16;
    int32_t v32;
    if (form == RDB_INT8) {
        if (!rdb_read(r, &v8, 1)) return false;
        v32 = v8;
    } else if (form == RDB_INT16) {
        if (!rdb_read(r, &v16, 2)) return false;
        v32 = v16;
    } else if (!rdb_read(r, &v32, 4)) {
        return false;
    }
    buf_append(out, text, (size_t)i64_to_text(text, v32));
    return true;
}

/* Appends len bytes, never taking much more room than bytes have arrived. */
static bool read_bytes(struct rdb_reader *r, uint64_t len, struct buf *out)
{
    if (len > left_max(r)) return fail_at_end(r, 0);
    while (len > 0) {
        size_t step = len < STRING_STEP ? (size_t)len : STRING_STEP;
        buf_reserve(out, step);
        if (!rdb_read(r, out->data + out->len, step)) return false;
        out->len += step;
        len -= step;
    }
    return true;
}

static bool read_lzf_lengths(struct rdb_reader *r, uint64_t *packed, uint64_t *len)
{
    if (!rdb_read_len(r, packed) || !rdb_read_len(r, len)) return false;
    if (*packed == 0 || *len == 0 || *len > UINT32_MAX || *packed > UINT32_MAX || *len / LZF_RATIO_MAX > *packed)
        return rdb_fail(r, "bad lengths of a compressed string");
    return true;
}

static bool unpack(struct rdb_reader *r, char *to, uint64_t len)
{
    unsigned got = lzf_decompress(r->scratch.data, (unsigned)r->scratch.len, to, (unsigned)len);
    return got == len ? true : rdb_fail(r, "a compressed string cannot be unpacked");
}

static bool read_lzf(struct rdb_reader *r, struct buf *out)
{
    uint64_t packed, len;
    buf_clear(&r->scratch);
    if (!read_lzf_lengths(r, &packed, &len) || !read_bytes(r, packed, &r->scratch)) return false;
    buf_reserve(out, (size_t)len);
    if (!unpack(r, out->data + out->len, len)) return false;
    out->len += (size_t)len;
    return true;
}

static bool read_special(struct rdb_reader *r, uint64_t form, struct buf *out)
{
    if (form <= RDB_INT32) return read_integer(r, form, out);
    return form == RDB_LZF ? read_lzf(r, out) : rdb_fail(r, "unknown form %u of a string", (unsigned)form);
}

bool rdb_read_string(struct rdb_reader *r, struct buf *out)
{
    uint64_t len;
    bool special;
    buf_clear(out);
    if (!read_prefix(r, &len, &special)) return false;
    return special ? read_special(r, len, out) : read_bytes(r, len, out);
}

static bool read_plain_view(struct rdb_reader *r, uint64_t len, struct buf *spare, struct slice *out)
{
    bool in_one_piece = r->fill == NULL ? len <= (uint64_t)(r->end - r->at) : len <= READ_WINDOW / 4;
    if (likely(in_one_piece)) {
        if (!window_need(r, (size_t)len)) return false;
        *out = slice_of(r->at, (size_t)len);
        r->at += len;
        return true;
    }
    buf_clear(spare);
    if (!read_bytes(r, len, spare)) return false;
    *out = buf_slice(spare);
    return true;
}

bool rdb_read_view(struct rdb_reader *r, struct buf *spare, struct slice *out)
{
    uint64_t len;
    bool special;
    if (!read_prefix(r, &len, &special)) return false;
    if (likely(!special)) return read_plain_view(r, len, spare, out);
    buf_clear(spare);
    if (!read_special(r, len, spare)) return false;
    *out = buf_slice(spare);
    return true;
}

/* `len` bytes that stand there plainly, or are compressed, as a blob. */
static struct blob *read_plain_blob(struct rdb_reader *r, uint64_t len)
{
    struct blob *blob = NULL;
    struct buf text = BUF_INIT;
    uint64_t left = left_max(r);
    if (len <= left && (left != UINT64_MAX || len <= STRING_STEP)) {
        blob = blob_new((size_t)len, (size_t)len);
        if (rdb_read(r, blob_bytes_mut(blob), (size_t)len)) return blob;
        blob_unref(blob);
        return NULL;
    }
    if (read_bytes(r, len, &text)) {
        blob = blob_new(text.len, text.len);
        memcpy(blob_bytes_mut(blob), text.data, text.len);
    }
    buf_deinit(&text);
    return blob;
}

static struct blob *unpack_blob(struct rdb_reader *r, uint64_t len)
{
    struct blob *blob = blob_new((size_t)len, (size_t)len);
    if (unpack(r, blob_bytes_mut(blob), len)) return blob;
    blob_unref(blob);
    return NULL;
}

bool rdb_read_view_or_blob(struct rdb_reader *r, struct buf *spare, size_t large, struct slice *out,
                           struct blob **blob)
{
    uint64_t len, packed;
    bool special;
    *blob = NULL;
    if (!read_prefix(r, &len, &special)) return false;
    if (!special && len < large) return read_plain_view(r, len, spare, out);
    if (!special) {
        *blob = read_plain_blob(r, len);
    } else if (len != RDB_LZF) {
        buf_clear(spare);
        if (!read_special(r, len, spare)) return false;
        *out = buf_slice(spare);
        return true;
    } else {
        buf_clear(&r->scratch);
        if (!read_lzf_lengths(r, &packed, &len) || !read_bytes(r, packed, &r->scratch)) return false;
        if (len < large) {
            buf_clear(spare);
            buf_reserve(spare, (size_t)len);
            if (!unpack(r, spare->data, len)) return false;
            spare->len = (size_t)len;
            *out = buf_slice(spare);
            return true;
        }
        *blob = unpack_blob(r, len);
    }
    if (*blob != NULL) *out = blob_slice(*blob);
    return *blob != NULL;
}

bool rdb_skip_string(struct rdb_reader *r)
{
    uint64_t len, packed;
    bool special;
    if (!read_prefix(r, &len, &special)) return false;
    if (special && len == RDB_LZF) {
        if (!read_lzf_lengths(r, &packed, &len)) return false;
        len = packed;
    } else if (special) {
        if (len > RDB_INT32) return rdb_fail(r, "unknown form %u of a string", (unsigned)len);
        len = (uint64_t)1 << len;
    }
    while (len > 0) {
        size_t step = len < READ_WINDOW ? (size_t)len : READ_WINDOW;
        if (!window_need(r, step)) return false;
        r->at += step;
        len -= step;
    }
    return true;
}
