/* Packed forms of old servers, which are read and never written.
 *
 * A ziplist (lists, hashes, sorted sets before 7.0), numbers little endian but for lengths of strings:
 *
 *   bytes:4 | offset of the last entry:4 | entries:2 (65535: count them) | entry ... | ff
 *   entry   bytes of the entry before: 1, or fe and 4 | encoding | text or integer
 *           00pppppp  01pppppp qqqqqqqq  10...... 4 bytes     length of a text, big endian
 *           c0 d0 e0 f0 fe  an integer of 2, 4, 8, 3, 1 bytes;   f1 to fd: 0 to 12
 *
 * A zipmap (hashes before 2.6):
 *
 *   pairs (254 and more: count them) | length | field | length | free:1 | value | `free` unused bytes | ... | ff
 *   length  1 byte, or fe and 4 bytes little endian
 *
 * Both are walked once, with every length held against the bytes that are left. */
#include "base/num.h"
#include "persist/rdb_value_impl.h"

enum {
    ZIPLIST_HEADER = 10,
    ZIPLIST_END = 0xff,
    ZIPLIST_COUNT_MAX = 65535,
    ZIPMAP_COUNT_MAX = 254,
    WIDE_LENGTH = 0xfe, /* the length stands in the 4 bytes behind */
};

struct bytes_left {
    const uint8_t *at, *end;
};

static bool take(struct bytes_left *b, size_t len, const uint8_t **out)
{
    if ((size_t)(b->end - b->at) < len) return false;
    *out = b->at;
    b->at += len;
    return true;
}

static uint32_t little32(const uint8_t *p)
{
    return p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

/* One byte, or WIDE_LENGTH and four. */
static bool take_length(struct bytes_left *b, uint32_t *out)
{
    const uint8_t *p;
    if (!take(b, 1, &p) || *p == ZIPLIST_END) return false;
    *out = *p;
    if (*p != WIDE_LENGTH) return true;
    if (!take(b, 4, &p)) return false;
    *out = little32(p);
    return true;
}

static bool take_text(struct bytes_left *b, size_t len, struct slice *out)
{
    const uint8_t *p;
    if (!take(b, len, &p)) return false;
    *out = slice_of(p, len);
    return true;
}

/* A little endian integer with a sign, of `size` bytes. */
static bool take_integer(struct bytes_left *b, unsigned size, int64_t *out)
{
    const uint8_t *p;
    uint64_t bits = 0;
    if (!take(b, size, &p)) return false;
    for (unsigned i = 0; i < size; i++) bits |= (uint64_t)p[i] << 8 * i;
    unsigned unused = 64 - 8 * size;
    *out = (int64_t)(bits << unused) >> unused;
    return true;
}

static bool take_content(struct bytes_left *b, char scratch[NUM_I64_TEXT_MAX], struct slice *out)
{
    const uint8_t *p, *more;
    int64_t v;
    unsigned size;
    if (!take(b, 1, &p)) return false;
    switch (*p >> 6) {
    case 0: return take_text(b, *p, out);
    case 1: return take(b, 1, &more) && take_text(b, (size_t)(*p & 63) << 8 | *more, out);
    case 2: return take(b, 4, &more) && take_text(b, __builtin_bswap32(little32(more)), out);
    default: break;
    }
    switch (*p) {
    case 0xc0: size = 2; break;
    case 0xd0: size = 4; break;
    case 0xe0: size = 8; break;
    case 0xf0: size = 3; break;
    case 0xfe: size = 1; break;
    default: size = 0; break;
    }
    if (size > 0) {
        if (!take_integer(b, size, &v)) return false;
    } else if (*p >= 0xf1 && *p <= 0xfd) {
        v = *p - 0xf1;
    } else {
        return false;
    }
    *out = slice_of(scratch, (size_t)i64_to_text(scratch, v));
    return true;
}

bool rdb_ziplist_each(struct slice bytes, rdb_old_each *each, void *arg)
{
    const uint8_t *start = (const uint8_t *)bytes.ptr, *last = start + ZIPLIST_HEADER;
    if (bytes.len < ZIPLIST_HEADER + 1 || bytes.len > UINT32_MAX) return false;
    struct bytes_left b = {start + ZIPLIST_HEADER, start + bytes.len - 1};
    if (little32(start) != bytes.len || *b.end != ZIPLIST_END) return false;
    size_t count = 0, before = 0;
    for (; b.at < b.end; count++) {
        char scratch[NUM_I64_TEXT_MAX];
        struct slice element;
        uint32_t told;
        last = b.at;
        if (!take_length(&b, &told) || told != before || !take_content(&b, scratch, &element)) return false;
        if (!each(arg, element)) return false;
        before = (size_t)(b.at - last);
    }
    unsigned told = start[8] | (unsigned)start[9] << 8;
    return (told == ZIPLIST_COUNT_MAX || told == count) && little32(start + 4) == (size_t)(last - start);
}

bool rdb_zipmap_each(struct slice bytes, rdb_old_each *each, void *arg)
{
    const uint8_t *start = (const uint8_t *)bytes.ptr, *unused;
    if (bytes.len < 2 || start[bytes.len - 1] != ZIPLIST_END) return false;
    struct bytes_left b = {start + 1, start + bytes.len - 1};
    size_t count = 0;
    for (; b.at < b.end; count++) {
        struct slice field, value;
        uint32_t len;
        if (!take_length(&b, &len) || !take_text(&b, len, &field)) return false;
        if (!take_length(&b, &len) || !take(&b, 1, &unused)) return false;
        size_t slack = *unused;
        if (!take_text(&b, len, &value) || !take(&b, slack, &unused)) return false;
        if (!each(arg, field) || !each(arg, value)) return false;
    }
    return count > 0 && (*start >= ZIPMAP_COUNT_MAX || *start == count);
}
