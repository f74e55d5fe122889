/* The listpack: strings and integers packed into one block, as RDB files and DUMP payloads hold it.
 *
 *      size, u32   len, u16   entry ...  0xff            all integers little-endian, but see 13-bit
 *
 * size counts every byte of the block. len is 65535 when there are that many entries or more, or when nobody counted.
 *
 *      entry:  first byte   content                            back length
 *              0xxxxxxx                      0..127
 *              10llllll     string           length 0..63
 *              110xxxxx x8                   13-bit integer, the high bits in the first byte
 *              1110llll l8  string           length 0..4095, the high bits in the first byte
 *              11110000     l32 string       any length
 *              11110001..   i16, i24, i32, i64 (0xf1 to 0xf4)
 *
 * The back length is the number of bytes of all before it in the entry, in groups of 7 bits, the highest group first;
 * bit 7 says that a group stands to the left. So the list can be walked from its end. A peculiarity of the format:
 * sizes of 2^14 - 1, 2^21 - 1 and 2^28 - 1 take one group more than they need.
 *
 * Writers choose the shortest form; readers accept all, also a digit string that is not stored as an integer. Nothing
 * here repairs a block: what comes from outside goes through listpack_validate, and the rest trusts it.
 *
 * Every change is one splice() and writing into the gap. The block is asked for in sizes that the allocator would
 * reserve anyway, and given back when half of it is empty: appending reallocates rarely and small lists carry no
 * slack of their own. */
#include "ds/listpack.h"

#include "base/mem.h"

#include <assert.h>

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "the format is read and written by plain copies");

enum {
    HEADER_SIZE = 6,
    END = 0xff,
    END_SIZE = 1,
    LEN_UNKNOWN = 65535,
    TEXT6_MAX = 63,
    TEXT12_MAX = 4095,
    INT13_MAX = 4095,
    INT24_MAX = (1 << 23) - 1,
    ENTRY_SIZE_MIN = 2,
    HEAD_MAX = 9, /* bytes before the text of a string, or all of an integer */
    BACK_MAX = 5,
    SLACK_MIN = 64, /* less than this is not worth a reallocation */
};
_Static_assert(LISTPACK_SIZE_EMPTY == HEADER_SIZE + END_SIZE && LISTPACK_LEN_KNOWN_MAX == LEN_UNKNOWN - 1,
               "the header says the same");

enum { /* first bytes */
       TEXT6 = 0x80,
       INT13 = 0xc0,
       TEXT12 = 0xe0,
       TEXT32 = 0xf0,
       INT16 = 0xf1,
       INT24 = 0xf2,
       INT32 = 0xf3,
       INT64 = 0xf4 };

/* ---- header */

static const uint8_t *bytes_of(const struct listpack *lp)
{
    return (const uint8_t *)lp;
}

static uint8_t *bytes_mut(struct listpack *lp)
{
    return (uint8_t *)lp;
}

static uint32_t load32(const uint8_t *p)
{
    uint32_t v;
    memcpy(&v, p, sizeof v);
    return v;
}

static uint32_t size_of(const struct listpack *lp)
{
    return load32(bytes_of(lp));
}

static unsigned header_len(const struct listpack *lp)
{
    uint16_t v;
    memcpy(&v, bytes_of(lp) + 4, sizeof v);
    return v;
}

static void header_write(struct listpack *lp, size_t size, size_t len)
{
    uint32_t size32 = (uint32_t)size;
    uint16_t len16 = (uint16_t)(len < LEN_UNKNOWN ? len : LEN_UNKNOWN);
    memcpy(bytes_mut(lp), &size32, sizeof size32);
    memcpy(bytes_mut(lp) + 4, &len16, sizeof len16);
}

static void assert_entry(const struct listpack *lp, uint32_t pos)
{
    assert(pos >= HEADER_SIZE && pos < size_of(lp) - END_SIZE);
    (void)lp;
    (void)pos;
}

/* ---- back length */

static unsigned back_size(uint32_t size)
{
    if (size <= 127) return 1;
    return 2 + (size >= (1u << 14) - 1) + (size >= (1u << 21) - 1) + (size >= (1u << 28) - 1);
}

static unsigned back_write(uint8_t *p, uint32_t size)
{
    unsigned n = back_size(size);
    for (unsigned i = n; i-- > 0; size >>= 7) p[i] = (uint8_t)((size & 127) | (i > 0 ? 128 : 0));
    return n;
}

/* The size that ends right before p. */
static uint32_t back_read(const uint8_t *p)
{
    uint32_t size = 0;
    for (unsigned shift = 0;; shift += 7) {
        uint8_t b = *--p;
        size |= (uint32_t)(b & 127) << shift;
        if (b < 128) return size;
    }
}

/* ---- reading an entry */

/* Bytes of its first byte, length and content, without the back length. */
static uint32_t entry_size(const uint8_t *p)
{
    uint8_t b = p[0];
    if (b < TEXT6) return 1;
    if (b < INT13) return 1 + (b & TEXT6_MAX);
    if (b < TEXT12) return 2;
    if (b < TEXT32) return 2 + ((b & 15u) << 8 | p[1]);
    switch (b) {
    case TEXT32: return 5 + load32(p + 1);
    case INT16: return 3;
    case INT24: return 4;
    case INT32: return 5;
    default: assert(b == INT64); return 9;
    }
}

static uint32_t entry_step(const uint8_t *p)
{
    uint32_t size = entry_size(p);
    return size + back_size(size);
}

static bool entry_is_text(uint8_t first)
{
    return (first >= TEXT6 && first < INT13) || (first >= TEXT12 && first <= TEXT32);
}

static struct slice entry_text(const uint8_t *p)
{
    unsigned head = p[0] < INT13 ? 1 : p[0] < TEXT32 ? 2 : 5;
    return slice_of(p + head, entry_size(p) - head);
}

static int64_t entry_number(const uint8_t *p)
{
    uint8_t b = p[0];
    int64_t wide;
    int32_t v;
    int16_t narrow;
    if (b < TEXT6) return b;
    if (b < TEXT12) {
        v = (b & 31) << 8 | p[1];
        return v > INT13_MAX ? v - 2 * (INT13_MAX + 1) : v;
    }
    switch (b) {
    case INT16: memcpy(&narrow, p + 1, sizeof narrow); return narrow;
    case INT24:
        v = p[1] | p[2] << 8 | p[3] << 16;
        return v > INT24_MAX ? v - 2 * (INT24_MAX + 1) : v;
    case INT32: memcpy(&v, p + 1, sizeof v); return v;
    default: memcpy(&wide, p + 1, sizeof wide); return wide;
    }
}

static struct listpack_value entry_value(const uint8_t *p)
{
    if (entry_is_text(p[0])) return (struct listpack_value){.text = entry_text(p)};
    return (struct listpack_value){.number = entry_number(p), .is_number = true};
}

/* ---- making an entry */

_Static_assert(HEAD_MAX == sizeof((struct listpack_entry *)0)->head, "the header says the same");

static void encode_number(struct listpack_entry *e, int64_t v)
{
    uint64_t bits = (uint64_t)v;
    unsigned width;
    e->text = (struct slice){NULL, 0};
    if (v >= 0 && v <= 127) {
        e->head[0] = (uint8_t)v;
        e->head_len = 1;
        return;
    }
    if (v >= -INT13_MAX - 1 && v <= INT13_MAX) {
        e->head[0] = (uint8_t)(INT13 | (bits >> 8 & 31));
        e->head[1] = (uint8_t)bits;
        e->head_len = 2;
        return;
    }
    if (v >= INT16_MIN && v <= INT16_MAX) {
        e->head[0] = INT16;
        width = 2;
    } else if (v >= -INT24_MAX - 1 && v <= INT24_MAX) {
        e->head[0] = INT24;
        width = 3;
    } else if (v >= INT32_MIN && v <= INT32_MAX) {
        e->head[0] = INT32;
        width = 4;
    } else {
        e->head[0] = INT64;
        width = 8;
    }
    memcpy(e->head + 1, &bits, sizeof bits);
    e->head_len = (uint8_t)(1 + width);
}

static bool text_number(struct slice text, int64_t *out)
{
    return text.len < NUM_I64_TEXT_MAX && slice_to_i64(text, out) == ST_OK;
}

static void encode_text(struct listpack_entry *e, struct slice text)
{
    int64_t number;
    if (text_number(text, &number)) {
        encode_number(e, number);
        return;
    }
    e->text = text;
    if (text.len <= TEXT6_MAX) {
        e->head[0] = (uint8_t)(TEXT6 | text.len);
        e->head_len = 1;
    } else if (text.len <= TEXT12_MAX) {
        e->head[0] = (uint8_t)(TEXT12 | text.len >> 8);
        e->head[1] = (uint8_t)text.len;
        e->head_len = 2;
    } else { /* a length that does not fit into 32 bits is refused before this is written */
        uint32_t len32 = (uint32_t)text.len;
        e->head[0] = TEXT32;
        memcpy(e->head + 1, &len32, sizeof len32);
        e->head_len = 5;
    }
}

static void encode_value(struct listpack_entry *e, const struct listpack_value *value)
{
    if (value->is_number) {
        encode_number(e, value->number);
    } else {
        encode_text(e, value->text);
    }
}

/* Bytes with the back length. Anything beyond LISTPACK_SIZE_MAX only has to stay beyond it. */
static size_t encoded_step(const struct listpack_entry *e)
{
    if (e->text.len >= LISTPACK_SIZE_MAX) return (size_t)LISTPACK_SIZE_MAX + 1;
    uint32_t size = e->head_len + (uint32_t)e->text.len;
    return size + back_size(size);
}

static uint8_t *encoded_write(const struct listpack_entry *e, uint8_t *p)
{
    memcpy(p, e->head, e->head_len);
    p += e->head_len;
    if (e->text.len > 0) memcpy(p, e->text.ptr, e->text.len);
    p += e->text.len;
    return p + back_write(p, e->head_len + (uint32_t)e->text.len);
}

/* ---- the whole */

static struct listpack *block_alloc(size_t size)
{
    return mem_alloc(mem_good_size(size));
}

static struct listpack *block_trim(struct listpack *lp, size_t size)
{
    size_t usable = mem_usable(lp);
    if (usable < SLACK_MIN || size > usable / 2) return lp;
    return mem_realloc(lp, mem_good_size(size));
}

struct listpack *listpack_new(size_t size_expected)
{
    size_t size = size_expected;
    if (size < LISTPACK_SIZE_EMPTY) size = LISTPACK_SIZE_EMPTY;
    if (size > LISTPACK_SIZE_MAX) size = LISTPACK_SIZE_MAX;
    struct listpack *lp = block_alloc(size);
    listpack_init(lp);
    return lp;
}

/* Writes down the number of entries again as soon as it must fit. */
static void len_relearn(struct listpack *lp)
{
    size_t size = size_of(lp);
    if (header_len(lp) != LEN_UNKNOWN || size > LISTPACK_SIZE_EMPTY + LEN_UNKNOWN * ENTRY_SIZE_MIN) return;
    header_write(lp, size, listpack_len(lp));
}

struct listpack *listpack_from_bytes(struct slice bytes)
{
    assert(listpack_validate(bytes, false, NULL, NULL));
    struct listpack *lp = block_alloc(bytes.len);
    memcpy(lp, bytes.ptr, bytes.len);
    len_relearn(lp);
    return lp;
}

struct listpack *listpack_dup(const struct listpack *lp)
{
    return listpack_from_bytes(listpack_bytes(lp));
}

void listpack_free(struct listpack *lp)
{
    mem_free(lp);
}

size_t listpack_len(const struct listpack *lp)
{
    size_t len = header_len(lp);
    if (len != LEN_UNKNOWN) return len;
    const uint8_t *p = bytes_of(lp) + HEADER_SIZE;
    for (len = 0; *p != END; p += entry_step(p)) len++;
    return len;
}

size_t listpack_size(const struct listpack *lp)
{
    return size_of(lp);
}

struct slice listpack_bytes(const struct listpack *lp)
{
    return slice_of(lp, size_of(lp));
}

size_t listpack_mem(const struct listpack *lp)
{
    return mem_usable(lp);
}

struct listpack *listpack_shrink(struct listpack *lp)
{
    size_t good = mem_good_size(size_of(lp));
    return good < mem_usable(lp) ? mem_realloc(lp, good) : lp;
}

bool listpack_fits(const struct listpack *lp, size_t size_more)
{
    return size_more <= LISTPACK_SIZE_MAX - size_of(lp);
}

size_t listpack_entry_size(struct slice text)
{
    struct listpack_entry e;
    encode_text(&e, text);
    return encoded_step(&e);
}

size_t listpack_entry_size_i64(int64_t number)
{
    struct listpack_entry e;
    encode_number(&e, number);
    return encoded_step(&e);
}

/* ---- walking */

uint32_t listpack_first(const struct listpack *lp)
{
    return size_of(lp) == LISTPACK_SIZE_EMPTY ? 0 : HEADER_SIZE;
}

uint32_t listpack_end(const struct listpack *lp)
{
    return size_of(lp) - END_SIZE;
}

/* `pos` may be the end. */
static uint32_t pos_before(const struct listpack *lp, uint32_t pos)
{
    if (pos == HEADER_SIZE) return 0;
    uint32_t size = back_read(bytes_of(lp) + pos);
    return pos - size - back_size(size);
}

uint32_t listpack_last(const struct listpack *lp)
{
    return pos_before(lp, listpack_end(lp));
}

static uint32_t pos_behind(const struct listpack *lp, uint32_t pos)
{
    assert_entry(lp, pos);
    return pos + entry_step(bytes_of(lp) + pos);
}

uint32_t listpack_next(const struct listpack *lp, uint32_t pos)
{
    uint32_t next = pos_behind(lp, pos);
    return bytes_of(lp)[next] == END ? 0 : next;
}

uint32_t listpack_prev(const struct listpack *lp, uint32_t pos)
{
    assert_entry(lp, pos);
    return pos_before(lp, pos);
}

static uint32_t seek_forward(const struct listpack *lp, uint64_t steps)
{
    uint32_t pos = listpack_first(lp);
    for (; pos != 0 && steps > 0; steps--) pos = listpack_next(lp, pos);
    return pos;
}

static uint32_t seek_back(const struct listpack *lp, uint64_t steps)
{
    uint32_t pos = listpack_last(lp);
    for (; pos != 0 && steps > 0; steps--) pos = pos_before(lp, pos);
    return pos;
}

uint32_t listpack_seek(const struct listpack *lp, int64_t index)
{
    uint64_t len = header_len(lp);
    uint64_t from_end = 0 - (uint64_t)index - 1; /* of a negative index */
    if (len == LEN_UNKNOWN) return index >= 0 ? seek_forward(lp, (uint64_t)index) : seek_back(lp, from_end);
    uint64_t at = index >= 0 ? (uint64_t)index : len - 1 - from_end; /* wraps to something too large */
    if (at >= len || (index < 0 && from_end >= len)) return 0;
    return at < len / 2 ? seek_forward(lp, at) : seek_back(lp, len - 1 - at);
}

/* Reads the entry at p; returns where the next one is. */
static inline const uint8_t *read_step(const uint8_t *p, struct listpack_value *out)
{
    uint8_t b = p[0];
    if (b >= TEXT6 && b < INT13) { /* most entries: all is known from the first byte */
        uint32_t len = b & TEXT6_MAX;
        *out = (struct listpack_value){.text = slice_of(p + 1, len)};
        return p + len + 2;
    }
    if (b >= TEXT12 && b < TEXT32) {
        uint32_t len = (b & 15u) << 8 | p[1];
        *out = (struct listpack_value){.text = slice_of(p + 2, len)};
        return p + 2 + len + (len + 2 <= 127 ? 1 : 2);
    }
    *out = entry_value(p);
    return p + entry_step(p);
}

bool listpack_read(const struct listpack *lp, uint32_t *pos, struct listpack_value *out)
{
    if (*pos == 0) return false;
    assert_entry(lp, *pos);
    const uint8_t *next = read_step(bytes_of(lp) + *pos, out);
    *pos = *next == END ? 0 : (uint32_t)(next - bytes_of(lp));
    return true;
}

size_t listpack_read_many(const struct listpack *lp, uint32_t *pos, struct listpack_value *out, size_t max)
{
    if (*pos == 0 || max == 0) return 0;
    assert_entry(lp, *pos);
    const uint8_t *p = bytes_of(lp) + *pos;
    size_t n = 0;
    while (n < max && *p != END) p = read_step(p, &out[n++]);
    *pos = *p == END ? 0 : (uint32_t)(p - bytes_of(lp));
    return n;
}

/* ---- entries */

struct listpack_value listpack_get(const struct listpack *lp, uint32_t pos)
{
    assert_entry(lp, pos);
    return entry_value(bytes_of(lp) + pos);
}

struct slice listpack_text(const struct listpack *lp, uint32_t pos, char scratch[NUM_I64_TEXT_MAX])
{
    assert_entry(lp, pos);
    const uint8_t *p = bytes_of(lp) + pos;
    if (entry_is_text(p[0])) return entry_text(p);
    int len = i64_to_text(scratch, entry_number(p));
    return slice_of(scratch, (size_t)len);
}

struct needle {
    struct slice text;
    int64_t number;
    bool is_number;
};

static struct needle needle_of(struct slice text)
{
    struct needle n = {.text = text};
    n.is_number = text_number(text, &n.number);
    return n;
}

/* Digits may also stand there as a string, if somebody else wrote the block. */
static bool entry_matches(const uint8_t *p, const struct needle *n)
{
    if (entry_is_text(p[0])) return slice_eq(entry_text(p), n->text);
    return n->is_number && entry_number(p) == n->number;
}

bool listpack_equals(const struct listpack *lp, uint32_t pos, struct slice text)
{
    assert_entry(lp, pos);
    struct needle needle = needle_of(text);
    return entry_matches(bytes_of(lp) + pos, &needle);
}

uint32_t listpack_find(const struct listpack *lp, uint32_t from, struct slice text, uint32_t skip)
{
    if (from == 0) return 0;
    assert_entry(lp, from);
    const struct needle needle = needle_of(text);
    /* Similar texts differ at their end: a look at the last byte saves most comparisons. An empty short string ends
     * with its first byte. */
    const uint8_t last = text.len == 0 ? TEXT6 : (uint8_t)text.ptr[text.len - 1];
    const uint8_t *p = bytes_of(lp) + from;
    uint32_t left = 0; /* entries to pass over before the next comparison */
    for (;; left = left == 0 ? skip : left - 1) {
        uint8_t b = *p;
        if (b < TEXT6) {
            if (left == 0 && needle.is_number && needle.number == b) break;
            p += 2;
        } else if (b < INT13) {
            uint32_t len = b & TEXT6_MAX;
            if (left == 0 && len == text.len && p[len] == last && slice_eq(slice_of(p + 1, len), text)) break;
            p += len + 2;
        } else if (b == END) {
            return 0;
        } else {
            if (left == 0 && entry_matches(p, &needle)) break;
            p += entry_step(p);
        }
    }
    return (uint32_t)(p - bytes_of(lp));
}

/* Equal texts have equal prints; different ones mostly different prints. */
static inline uint64_t text_print(struct listpack_value v)
{
    uint64_t head = 0, tail = 0;
    int64_t number;
    if (v.is_number) return (uint64_t)v.number * 0x9E3779B97F4A7C15u;
    const char *p = v.text.ptr;
    size_t len = v.text.len;
    if (len >= 8) {
        memcpy(&head, p, 8);
        memcpy(&tail, p + len - 8, 8);
    } else if (len >= 4) {
        memcpy(&head, p, 4);
        memcpy(&tail, p + len - 4, 4);
    } else if (len > 0) {
        head = (uint8_t)p[0] | (uint64_t)(uint8_t)p[len / 2] << 8;
        tail = (uint8_t)p[len - 1];
    }
    bool digits = len > 0 && len < NUM_I64_TEXT_MAX && (p[0] == '-' || (p[0] >= '0' && p[0] <= '9'));
    if (unlikely(digits) && slice_to_i64(v.text, &number) == ST_OK) return (uint64_t)number * 0x9E3779B97F4A7C15u;
    return (head ^ (tail << 32 | tail >> 32) ^ len << 24) * 0x9E3779B97F4A7C15u;
}

enum { PRINTS_MAX = 128 };

/* Whether the prints of the groups' first entries tell that all are different. There are no more than PRINTS_MAX. */
static bool prints_differ(const struct listpack *lp, uint32_t group)
{
    uint64_t prints[PRINTS_MAX];
    size_t count = 0;
    const uint8_t *p = bytes_of(lp) + HEADER_SIZE;
    while (*p != END) {
        uint64_t print = text_print(entry_value(p)), same = 0;
        for (size_t i = 0; i < count; i++) same |= prints[i] == print;
        if (same) return false;
        prints[count++] = print;
        for (uint32_t i = 0; i < group && *p != END; i++) p += entry_step(p);
    }
    return true;
}

/* Prints are enough for most small lists. Else each text goes through a table of positions, on the stack while it is
 * small; the hash is keyed, for the entries may be chosen by somebody who wants them to collide. */
bool listpack_distinct(const struct listpack *lp, uint32_t group, const struct hash_seed *seed)
{
    enum { SLOTS_ON_STACK = 1024 };
    size_t groups = listpack_len(lp) / group, room = 16;
    uint32_t on_stack[SLOTS_ON_STACK], *slots = on_stack;
    bool distinct = true;
    char scratch[NUM_I64_TEXT_MAX];
    if (groups < PRINTS_MAX && prints_differ(lp, group)) return true;
    while (room < 2 * groups) room *= 2;
    if (room > SLOTS_ON_STACK) slots = mem_alloc(room * sizeof(*slots));
    memset(slots, 0, room * sizeof(*slots));
    for (uint32_t pos = listpack_first(lp); pos != 0 && distinct;) {
        struct slice text = listpack_text(lp, pos, scratch);
        size_t i = hash_slice(seed, text) & (room - 1);
        while (slots[i] != 0 && !listpack_equals(lp, slots[i], text)) i = (i + 1) & (room - 1);
        distinct = slots[i] == 0;
        slots[i] = pos;
        for (uint32_t k = 0; k < group && pos != 0; k++) pos = listpack_next(lp, pos);
    }
    if (slots != on_stack) mem_free(slots);
    return distinct;
}

/* ---- changes */

/* Replaces `remove` bytes at `at` by a gap of `add` bytes that the caller fills, and corrects the header. */
static struct listpack *splice(struct listpack *lp, uint32_t at, size_t remove, size_t add, int64_t len_change)
{
    size_t size = size_of(lp), len = header_len(lp);
    assert(at >= HEADER_SIZE && at < size && remove < size - at);
    if (add > LISTPACK_SIZE_MAX || size - remove + add > LISTPACK_SIZE_MAX) return NULL;
    size_t size_new = size - remove + add;
    if (size_new > mem_usable(lp)) lp = mem_realloc(lp, mem_good_size(size_new));
    uint8_t *p = bytes_mut(lp) + at;
    if (add != remove) memmove(p + add, p + remove, size - at - remove);
    if (size_new < size) lp = block_trim(lp, size_new);
    header_write(lp, size_new, len == LEN_UNKNOWN ? len : (size_t)((int64_t)len + len_change));
    return lp;
}

static struct listpack *insert_encoded(struct listpack *lp, uint32_t at, const struct listpack_entry *e)
{
    lp = splice(lp, at, 0, encoded_step(e), 1);
    if (lp != NULL) encoded_write(e, bytes_mut(lp) + at);
    return lp;
}

struct listpack *listpack_insert(struct listpack *lp, uint32_t at, struct slice text)
{
    struct listpack_entry e;
    encode_text(&e, text);
    return insert_encoded(lp, at, &e);
}

struct listpack *listpack_insert_i64(struct listpack *lp, uint32_t at, int64_t number)
{
    struct listpack_entry e;
    encode_number(&e, number);
    return insert_encoded(lp, at, &e);
}

struct listpack *listpack_insert_after(struct listpack *lp, uint32_t pos, struct slice text)
{
    return listpack_insert(lp, pos_behind(lp, pos), text);
}

struct listpack *listpack_insert_after_i64(struct listpack *lp, uint32_t pos, int64_t number)
{
    return listpack_insert_i64(lp, pos_behind(lp, pos), number);
}

struct listpack *listpack_append(struct listpack *lp, struct slice text)
{
    return listpack_insert(lp, listpack_end(lp), text);
}

struct listpack *listpack_append_i64(struct listpack *lp, int64_t number)
{
    return listpack_insert_i64(lp, listpack_end(lp), number);
}

struct listpack *listpack_prepend(struct listpack *lp, struct slice text)
{
    return listpack_insert(lp, HEADER_SIZE, text);
}

struct listpack *listpack_prepend_i64(struct listpack *lp, int64_t number)
{
    return listpack_insert_i64(lp, HEADER_SIZE, number);
}

struct listpack *listpack_insert_many(struct listpack *lp, uint32_t at, const struct listpack_value *values,
                                      size_t count)
{
    struct listpack_entry e;
    size_t size = 0;
    for (size_t i = 0; i < count; i++) {
        encode_value(&e, &values[i]);
        size += encoded_step(&e);
        if (size > LISTPACK_SIZE_MAX) return NULL;
    }
    lp = splice(lp, at, 0, size, (int64_t)count);
    if (lp == NULL) return NULL;
    uint8_t *p = bytes_mut(lp) + at;
    for (size_t i = 0; i < count; i++) {
        encode_value(&e, &values[i]);
        p = encoded_write(&e, p);
    }
    return lp;
}

struct listpack *listpack_append_many(struct listpack *lp, const struct listpack_value *values, size_t count)
{
    return listpack_insert_many(lp, listpack_end(lp), values, count);
}

static struct listpack *replace_encoded(struct listpack *lp, uint32_t pos, const struct listpack_entry *e)
{
    assert_entry(lp, pos);
    lp = splice(lp, pos, entry_step(bytes_of(lp) + pos), encoded_step(e), 0);
    if (lp != NULL) encoded_write(e, bytes_mut(lp) + pos);
    return lp;
}

struct listpack *listpack_replace(struct listpack *lp, uint32_t pos, struct slice text)
{
    struct listpack_entry e;
    encode_text(&e, text);
    return replace_encoded(lp, pos, &e);
}

struct listpack *listpack_replace_i64(struct listpack *lp, uint32_t pos, int64_t number)
{
    struct listpack_entry e;
    encode_number(&e, number);
    return replace_encoded(lp, pos, &e);
}

struct listpack *listpack_delete(struct listpack *lp, uint32_t pos)
{
    return listpack_delete_range(lp, pos, 1);
}

struct listpack *listpack_delete_range(struct listpack *lp, uint32_t pos, size_t count)
{
    const uint8_t *start = bytes_of(lp) + pos, *p = start;
    size_t found = 0;
    assert_entry(lp, pos);
    for (; found < count && *p != END; found++) p += entry_step(p);
    lp = splice(lp, pos, (size_t)(p - start), 0, -(int64_t)found);
    len_relearn(lp);
    return lp;
}

struct listpack *listpack_delete_many(struct listpack *lp, const uint32_t *positions, size_t count, uint32_t group)
{
    if (count == 0) return lp;
    uint8_t *base = bytes_mut(lp);
    uint8_t *to = base + positions[0];
    size_t size = size_of(lp), len = header_len(lp), removed = 0;
    for (size_t i = 0; i < count; i++) {
        const uint8_t *from = base + positions[i];
        const uint8_t *until = base + (i + 1 < count ? positions[i + 1] : size);
        assert_entry(lp, positions[i]);
        for (uint32_t k = 0; k < group && *from != END; k++, removed++) from += entry_step(from);
        assert(from <= until);
        memmove(to, from, (size_t)(until - from));
        to += until - from;
    }
    size = (size_t)(to - base);
    lp = block_trim(lp, size);
    header_write(lp, size, len == LEN_UNKNOWN ? len : len - removed);
    len_relearn(lp);
    return lp;
}

struct listpack *listpack_merge(struct listpack *lp, struct listpack *owned_other)
{
    uint32_t at = listpack_end(lp);
    size_t size = size_of(owned_other) - LISTPACK_SIZE_EMPTY, len = header_len(owned_other);
    lp = splice(lp, at, 0, size, (int64_t)len);
    if (lp == NULL) return NULL;
    memcpy(bytes_mut(lp) + at, bytes_of(owned_other) + HEADER_SIZE, size);
    if (len == LEN_UNKNOWN) header_write(lp, size_of(lp), LEN_UNKNOWN);
    listpack_free(owned_other);
    return lp;
}

struct listpack *listpack_split(struct listpack *lp, uint32_t pos, struct listpack **tail)
{
    size_t size = listpack_end(lp) - pos, len = header_len(lp), moved = 0;
    for (const uint8_t *p = bytes_of(lp) + pos; *p != END; p += entry_step(p)) moved++;
    *tail = listpack_new(LISTPACK_SIZE_EMPTY + size);
    memcpy(bytes_mut(*tail) + HEADER_SIZE, bytes_of(lp) + pos, size + END_SIZE);
    header_write(*tail, LISTPACK_SIZE_EMPTY + size, moved);
    lp = splice(lp, pos, size, 0, len == LEN_UNKNOWN ? 0 : -(int64_t)moved);
    len_relearn(lp);
    return lp;
}

/* ---- in place, in a block of the caller's */

size_t listpack_entry_make(struct listpack_entry *e, struct slice text)
{
    encode_text(e, text);
    return encoded_step(e);
}

/* Adjusts the header by what came or went; where nobody knows the number, nobody counts here either. */
static void header_adjust(struct listpack *lp, int64_t size_change, int64_t len_change)
{
    size_t size = size_of(lp), len = header_len(lp);
    header_write(lp, (size_t)((int64_t)size + size_change),
                 len == LEN_UNKNOWN ? len : (size_t)((int64_t)len + len_change));
}

void listpack_init(struct listpack *lp)
{
    header_write(lp, LISTPACK_SIZE_EMPTY, 0);
    bytes_mut(lp)[HEADER_SIZE] = END;
}

void listpack_put_last(struct listpack *lp, const struct listpack_entry *e)
{
    uint8_t *at = bytes_mut(lp) + listpack_end(lp), *behind = encoded_write(e, at);
    *behind = END;
    header_adjust(lp, behind - at, 1);
}

struct listpack *listpack_put_first(struct listpack *lp, const struct listpack_entry *e)
{
    size_t step = encoded_step(e), size = size_of(lp), len = header_len(lp);
    struct listpack *grown = (struct listpack *)(bytes_mut(lp) - step);
    encoded_write(e, bytes_mut(grown) + HEADER_SIZE);
    header_write(grown, size + step, len == LEN_UNKNOWN ? len : len + 1);
    return grown;
}

struct listpack *listpack_drop_first(struct listpack *lp, size_t count)
{
    uint8_t *p = bytes_mut(lp) + HEADER_SIZE;
    size_t size = size_of(lp), len = header_len(lp), found = 0;
    for (; found < count && *p != END; found++) p += entry_step(p);
    struct listpack *rest = (struct listpack *)(p - HEADER_SIZE);
    header_write(rest, size - (size_t)(bytes_of(rest) - bytes_of(lp)), len == LEN_UNKNOWN ? len : len - found);
    len_relearn(rest);
    return rest;
}

void listpack_drop_last(struct listpack *lp, size_t count)
{
    uint32_t end = listpack_end(lp), pos = end;
    size_t found = 0;
    for (; found < count && pos != HEADER_SIZE; found++) pos = pos_before(lp, pos);
    bytes_mut(lp)[pos] = END;
    header_adjust(lp, (int64_t)pos - end, -(int64_t)found);
    len_relearn(lp);
}

/* ---- chance */

static size_t group_count(const struct listpack *lp, uint32_t group)
{
    assert(group > 0 && listpack_len(lp) % group == 0);
    return listpack_len(lp) / group;
}

/* Behind the group; 0 if it was the last. */
static uint32_t group_next(const struct listpack *lp, uint32_t pos, uint32_t group)
{
    for (uint32_t i = 0; i < group && pos != 0; i++) pos = listpack_next(lp, pos);
    return pos;
}

uint32_t listpack_random(const struct listpack *lp, uint32_t group, struct prng *prng)
{
    size_t groups = group_count(lp, group);
    return groups == 0 ? 0 : listpack_seek(lp, (int64_t)(prng_below(prng, groups) * group));
}

void listpack_random_many(const struct listpack *lp, uint32_t group, struct prng *prng, uint32_t *positions,
                          size_t count)
{
    size_t groups = group_count(lp, group), i = 0;
    assert(groups > 0);
    uint32_t *starts = mem_alloc(groups * sizeof *starts);
    for (uint32_t pos = listpack_first(lp); pos != 0; pos = group_next(lp, pos, group)) starts[i++] = pos;
    for (i = 0; i < count; i++) positions[i] = starts[prng_below(prng, groups)];
    mem_free(starts);
}

/* Knuth's selection sampling (TAOCP 2, 3.4.2 S): each group is taken with the probability wanted / remaining. */
size_t listpack_sample(const struct listpack *lp, uint32_t group, struct prng *prng, uint32_t *positions,
                       size_t count)
{
    size_t left = group_count(lp, group), found = 0;
    if (count > left) count = left;
    for (uint32_t pos = listpack_first(lp); found < count; pos = group_next(lp, pos, group), left--) {
        if (prng_below(prng, left) < count - found) positions[found++] = pos;
    }
    return found;
}

/* ---- bytes from outside */

/* entry_size for bytes of which only `avail` exist; 0: no entry. At least one byte exists. */
static uint64_t entry_size_checked(const uint8_t *p, size_t avail)
{
    uint8_t b = p[0];
    size_t head = b < INT13 ? 1 : b < TEXT32 ? 2 : b == TEXT32 ? 5 : 1;
    if (b > INT64 || head > avail) return 0;
    if (b == TEXT32) return 5 + (uint64_t)load32(p + 1);
    return entry_size(p);
}

/* Bytes of an entry with those that lead back over it; 0: they are not right. */
static size_t long_step_checked(const uint8_t *p, size_t avail)
{
    uint64_t size = entry_size_checked(p, avail);
    uint8_t back[BACK_MAX];
    if (size == 0 || size >= avail) return 0;
    unsigned back_len = back_write(back, (uint32_t)size);
    if (back_len > avail - size || memcmp(p + size, back, back_len) != 0) return 0;
    return (size_t)size + back_len;
}

bool listpack_validate(struct slice bytes, bool deep,
                       bool (*entry)(void *arg, struct listpack_value value, size_t index), void *arg)
{
    const uint8_t *start = (const uint8_t *)bytes.ptr;
    if (bytes.len < LISTPACK_SIZE_EMPTY || bytes.len > LISTPACK_SIZE_MAX) return false;
    if (load32(start) != bytes.len || start[bytes.len - 1] != END) return false;
    if (!deep) return true;
    const uint8_t *end = start + bytes.len - END_SIZE;
    size_t len = 0;
    for (const uint8_t *p = start + HEADER_SIZE; p < end; len++) {
        size_t avail = (size_t)(end - p);
        struct listpack_value value;
        size_t step;
        if (likely(p[0] < INT13)) { /* what most entries are: a short text, or a number up to 127 */
            size_t size = p[0] < TEXT6 ? 1 : 1 + (size_t)(p[0] & TEXT6_MAX);
            if (size >= avail || p[size] != size) return false;
            value = p[0] < TEXT6 ? (struct listpack_value){.number = p[0], .is_number = true}
                                 : (struct listpack_value){.text = slice_of(p + 1, size - 1)};
            step = size + 1;
        } else {
            step = long_step_checked(p, avail);
            if (step == 0) return false;
            value = entry_value(p);
        }
        if (entry != NULL && !entry(arg, value, len)) return false;
        p += step;
    }
    unsigned told = start[4] | start[5] << 8;
    return told == LEN_UNKNOWN || told == len;
}

void listpack_check(const struct listpack *lp)
{
    bool valid = listpack_validate(listpack_bytes(lp), true, NULL, NULL);
    assert(valid && size_of(lp) <= mem_usable(lp));
    (void)valid;
}
