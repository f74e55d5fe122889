/* The growable buffer. Invariant: len <= cap, and data == NULL exactly while cap == 0.
 * Memory is asked for in the allocator's own sizes, so that cap is all that was reserved. */
#include "base/buf.h"

#include "base/mem.h"
#include "base/num.h"

#include <assert.h>
#include <stdio.h>

enum { BUF_DOUBLING_MAX = 1024 * 1024,
       BUF_CAP_MIN = 64 };

void buf_deinit(struct buf *b)
{
    mem_free(b->data);
    *b = BUF_INIT;
}

static size_t grown_cap(size_t need)
{
    if (need < BUF_CAP_MIN) return BUF_CAP_MIN;
    if (need >= BUF_DOUBLING_MAX) return need > SIZE_MAX - BUF_DOUBLING_MAX ? need : need + BUF_DOUBLING_MAX;
    return need * 2;
}

void buf_reserve(struct buf *b, size_t extra)
{
    assert(b->len <= b->cap);
    if (extra <= b->cap - b->len) return;
    /* A length that overflows cannot be had: ask for the impossible, and die with the usual report. */
    size_t need = extra > SIZE_MAX - b->len ? SIZE_MAX : b->len + extra;
    /* The first size is taken as it comes: it is often the last. */
    size_t cap = mem_good_size(b->cap == 0 && need >= BUF_CAP_MIN ? need : grown_cap(need));
    b->data = mem_realloc(b->data, cap);
    b->cap = cap;
}

void buf_append(struct buf *b, const void *ptr, size_t len)
{
    if (len == 0) return;
    buf_reserve(b, len);
    memcpy(b->data + b->len, ptr, len);
    b->len += len;
}

void buf_append_slice(struct buf *b, struct slice s)
{
    buf_append(b, s.ptr, s.len);
}

void buf_append_char(struct buf *b, char c)
{
    buf_reserve(b, 1);
    b->data[b->len++] = c;
}

void buf_append_i64(struct buf *b, int64_t v)
{
    buf_reserve(b, NUM_I64_TEXT_MAX);
    b->len += (size_t)i64_to_text(b->data + b->len, v);
}

void buf_vappendf(struct buf *b, const char *fmt, va_list ap)
{
    va_list again;
    va_copy(again, ap);
    /* snprintf wants room for its NUL, which is not counted. */
    buf_reserve(b, 1);
    size_t room = b->cap - b->len;
    int len = vsnprintf(b->data + b->len, room, fmt, ap);
    assert(len >= 0);
    if (len > 0 && (size_t)len >= room) {
        buf_reserve(b, (size_t)len + 1);
        vsnprintf(b->data + b->len, (size_t)len + 1, fmt, again);
    }
    if (len > 0) b->len += (size_t)len;
    va_end(again);
}

void buf_appendf(struct buf *b, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    buf_vappendf(b, fmt, ap);
    va_end(ap);
}

/* The letter behind the backslash, or 0 where the byte has no escape of its own. */
static char escape_letter(char c)
{
    switch (c) {
    case '\\': return '\\';
    case '"': return '"';
    case '\n': return 'n';
    case '\r': return 'r';
    case '\t': return 't';
    case '\a': return 'a';
    case '\b': return 'b';
    default: return 0;
    }
}

void buf_append_repr(struct buf *b, struct slice s)
{
    static const char hex[16] = "0123456789abcdef";
    buf_reserve(b, s.len > SIZE_MAX - 2 ? SIZE_MAX : s.len + 2);
    buf_append_char(b, '"');
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.ptr[i];
        char letter = escape_letter((char)c);
        if (letter != 0) {
            buf_append(b, (char[2]){'\\', letter}, 2);
        } else if (c >= 0x20 && c <= 0x7e) {
            buf_append_char(b, (char)c);
        } else {
            buf_append(b, (char[4]){'\\', 'x', hex[c >> 4], hex[c & 15]}, 4);
        }
    }
    buf_append_char(b, '"');
}

void buf_consume(struct buf *b, size_t n)
{
    assert(n <= b->len);
    if (n == 0) return;
    b->len -= n;
    memmove(b->data, b->data + n, b->len);
}

void buf_clear(struct buf *b)
{
    b->len = 0;
}

void buf_shrink(struct buf *b)
{
    if (b->len == 0) {
        buf_deinit(b);
        return;
    }
    size_t cap = mem_good_size(b->len);
    if (cap >= b->cap) return;
    b->data = mem_realloc(b->data, cap);
    b->cap = cap;
}

char *buf_cstr(struct buf *b)
{
    buf_reserve(b, 1);
    b->data[b->len] = '\0';
    return b->data;
}
