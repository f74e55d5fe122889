/* The reply writer: a chain of chunks, the oldest byte in front.
 *
 *   head ──> [sent|bytes    ] ──> [blob's bytes] ──> [bytes   |room] <── tail
 *                 ^start    ^filled                           ^pos  ^end
 *
 * A chunk is bytes of its own or a reference to a blob (no room then). pos is the fill of the tail; its `filled` is
 * brought up to date only when another chunk is put behind it (tail_seal).
 *
 * Chunk sizes: REPLY_CHUNK_SIZE, from the pool; behind a blob a small one, because what follows a large value is
 * usually a few bytes; and exact ones that a deferred head makes when the chunk it belongs into is full.
 *
 * Deferred heads: nothing is left free for them. When the length is known, the bytes behind the mark move aside,
 * inside their chunk if it has room for the head, else into a chunk of their own behind it. At most one chunk moves,
 * about what writing it had cost. Rejected: room of a fixed size with blanks or zeros in it (clients refuse both),
 * and a chunk of its own for each head (a pipeline of short replies would take a chunk each). */
#include "resp/reply.h"

#include "base/mem.h"
#include "base/num.h"

#include <assert.h>
#include <stdio.h>

struct reply_chunk {
    struct reply_chunk *next;
    struct blob *blob;   /* NULL: bytes of its own, in data */
    const char *start;   /* first byte to send */
    const char *filled;  /* end of the bytes; stale in the tail */
    size_t size;         /* of the allocation */
    char data[];
};

struct chunk_pool {
    struct reply_chunk *free;
    uint32_t count, max;
    uint32_t idle; /* the fewest free ones since the last trim: so many were not needed */
};

enum {
    SMALL_CHUNK_SIZE = 512,
    HEAD_MAX = 1 + NUM_I64_TEXT_MAX + 2, /* "*-9223372036854775808\r\n" and less */
    SPLICE_COPY_MAX = 2048               /* up to here splicing copies: a short capture costs no chunk */
};
_Static_assert(sizeof(struct reply_chunk) + 2 * HEAD_MAX < SMALL_CHUNK_SIZE, "a head fits into any chunk");

/* ------------------------------------------------------------------------------------------------ chunks and pool */

struct chunk_pool *chunk_pool_new(uint32_t chunks_max)
{
    struct chunk_pool *pool = mem_alloc(sizeof *pool);
    *pool = (struct chunk_pool){.max = chunks_max};
    return pool;
}

void chunk_pool_free(struct chunk_pool *pool)
{
    if (!pool) return;
    while (pool->free) {
        struct reply_chunk *c = pool->free;
        pool->free = c->next;
        mem_free_sized(c, REPLY_CHUNK_SIZE);
    }
    mem_free(pool);
}

void chunk_pool_trim(struct chunk_pool *pool)
{
    for (; pool->idle > 0; pool->idle--, pool->count--) {
        struct reply_chunk *c = pool->free;
        pool->free = c->next;
        mem_free_sized(c, REPLY_CHUNK_SIZE);
    }
    pool->idle = pool->count;
}

size_t chunk_pool_mem(const struct chunk_pool *pool)
{
    return sizeof *pool + (size_t)pool->count * REPLY_CHUNK_SIZE;
}

static struct reply_chunk *chunk_new(struct reply *r, size_t size)
{
    struct chunk_pool *pool = r->pool;
    struct reply_chunk *c;
    if (size == REPLY_CHUNK_SIZE && pool && pool->free) {
        c = pool->free;
        pool->free = c->next;
        if (--pool->count < pool->idle) pool->idle = pool->count;
    } else {
        c = mem_alloc(size);
    }
    c->next = NULL;
    c->blob = NULL;
    c->start = c->filled = c->data;
    c->size = size;
    r->chunks++;
    r->chunk_mem += size;
    return c;
}

static void chunk_free(struct reply *r, struct reply_chunk *c)
{
    struct chunk_pool *pool = r->pool;
    r->chunks--;
    r->chunk_mem -= c->size;
    if (c->blob) {
        r->blobs--;
        blob_unref(c->blob);
    }
    if (c->size == REPLY_CHUNK_SIZE && pool && pool->count < pool->max) {
        c->next = pool->free;
        pool->free = c;
        pool->count++;
    } else {
        mem_free_sized(c, c->size);
    }
}

static char *chunk_end(struct reply_chunk *c)
{
    return c->blob ? NULL : (char *)c + c->size;
}

/* ------------------------------------------------------------------------------------------------ the chain */

static void tail_seal(struct reply *r)
{
    if (r->tail && !r->tail->blob) r->tail->filled = r->pos;
}

/* Makes c, which is linked already, the place to write. */
static void tail_open(struct reply *r, struct reply_chunk *c)
{
    r->tail = c;
    r->pos = c->blob ? NULL : (char *)c->filled;
    r->end = chunk_end(c);
}

static void tail_add(struct reply *r, struct reply_chunk *c)
{
    tail_seal(r);
    if (r->tail) r->tail->next = c;
    else r->head = c;
    tail_open(r, c);
}

static void tail_add_room(struct reply *r)
{
    tail_add(r, chunk_new(r, r->tail && r->tail->blob ? SMALL_CHUNK_SIZE : REPLY_CHUNK_SIZE));
}

static size_t tail_room(const struct reply *r)
{
    return (size_t)(r->end - r->pos);
}

/* Appends bytes across as many chunks as they need. */
static void put(struct reply *r, const char *ptr, size_t len)
{
    if (r->muted) return;
    r->queued += len;
    while (len > 0) {
        size_t room = tail_room(r);
        if (room == 0) {
            tail_add_room(r);
            continue;
        }
        size_t n = len < room ? len : room;
        memcpy(r->pos, ptr, n);
        r->pos += n;
        ptr += n;
        len -= n;
    }
}

void reply_init(struct reply *r, struct chunk_pool *pool)
{
    *r = (struct reply){.pool = pool, .protocol = 2};
}

static void chain_free(struct reply *r)
{
    while (r->head) {
        struct reply_chunk *c = r->head;
        r->head = c->next;
        chunk_free(r, c);
    }
    r->tail = NULL;
    r->pos = r->end = NULL;
}

void reply_clear(struct reply *r)
{
    chain_free(r);
    r->consumed = r->queued;
}

void reply_deinit(struct reply *r)
{
    reply_clear(r);
}

/* ------------------------------------------------------------------------------------------------ heads */

/* "<kind><n>\r\n" at out; the byte behind it. out has HEAD_MAX bytes. */
static inline char *head_write(char *out, char kind, int64_t n)
{
    *out++ = kind;
    if (likely((uint64_t)n < 10)) {
        *out++ = (char)('0' + n);
    } else if (likely((uint64_t)n < 100)) {
        *out++ = (char)('0' + n / 10);
        *out++ = (char)('0' + n % 10);
    } else {
        out += i64_to_text(out, n);
    }
    *out++ = '\r';
    *out++ = '\n';
    return out;
}

static void put_head(struct reply *r, char kind, int64_t n)
{
    if (likely(tail_room(r) >= HEAD_MAX && !r->muted)) {
        char *behind = head_write(r->pos, kind, n);
        r->queued += (uint64_t)(behind - r->pos);
        r->pos = behind;
        return;
    }
    char head[HEAD_MAX];
    put(r, head, (size_t)(head_write(head, kind, n) - head));
}

/* Text on a line of its own kind, in which CR and LF become spaces. */
static void put_line(struct reply *r, char kind, struct slice text)
{
    put(r, &kind, 1);
    while (text.len > 0) {
        char part[256];
        size_t n = text.len < sizeof part ? text.len : sizeof part;
        for (size_t i = 0; i < n; i++) part[i] = text.ptr[i] == '\r' || text.ptr[i] == '\n' ? ' ' : text.ptr[i];
        put(r, part, n);
        text = slice_of(text.ptr + n, text.len - n);
    }
    put(r, "\r\n", 2);
}

/* ------------------------------------------------------------------------------------------------ scalars */

void reply_simple(struct reply *r, struct slice text)
{
    put_line(r, '+', text);
}

void reply_int(struct reply *r, int64_t v)
{
    put_head(r, ':', v);
}

void reply_bulk(struct reply *r, struct slice s)
{
    if (likely(tail_room(r) >= HEAD_MAX + 2 + s.len && !r->muted)) {
        char *p = head_write(r->pos, '$', (int64_t)s.len);
        if (likely(s.len > 0)) memcpy(p, s.ptr, s.len);
        p += s.len;
        *p++ = '\r';
        *p++ = '\n';
        r->queued += (uint64_t)(p - r->pos);
        r->pos = p;
        return;
    }
    put_head(r, '$', (int64_t)s.len);
    put(r, s.ptr, s.len);
    put(r, "\r\n", 2);
}

/* Inline for the lengths that most elements of collections have; reads and writes nothing outside of them. */
static inline char *copy_short(char *to, const char *from, size_t len)
{
    if (len >= 16 && len <= 128) {
        for (size_t i = 0; i + 16 <= len; i += 16) memcpy(to + i, from + i, 16);
        memcpy(to + len - 16, from + len - 16, 16);
    } else if (len >= 4 && len < 16) {
        if (len >= 8) {
            memcpy(to, from, 8);
            memcpy(to + len - 8, from + len - 8, 8);
        } else {
            memcpy(to, from, 4);
            memcpy(to + len - 4, from + len - 4, 4);
        }
    } else if (len > 0) {
        memcpy(to, from, len);
    }
    return to + len;
}

void reply_bulks(struct reply *r, const struct slice *first, size_t stride, size_t n)
{
    if (r->muted) return;
    char *p = r->pos;
    for (const char *at = (const char *)first; n > 0; n--, at += stride) {
        const struct slice *s = (const void *)at;
        if (unlikely((size_t)(r->end - p) < HEAD_MAX + 2 + s->len)) {
            r->queued += (uint64_t)(p - r->pos);
            r->pos = p;
            reply_bulk(r, *s);
            p = r->pos;
            continue;
        }
        p = copy_short(head_write(p, '$', (int64_t)s->len), s->ptr, s->len);
        *p++ = '\r';
        *p++ = '\n';
    }
    r->queued += (uint64_t)(p - r->pos);
    r->pos = p;
}

void reply_bulk_cstr(struct reply *r, const char *text)
{
    reply_bulk(r, slice_cstr(text));
}

void reply_bulk_int(struct reply *r, int64_t v)
{
    char digits[NUM_I64_TEXT_MAX];
    reply_bulk(r, slice_of(digits, (size_t)i64_to_text(digits, v)));
}

void reply_bulk_blob(struct reply *r, struct blob *b)
{
    struct slice s = blob_slice(b);
    if (s.len < REPLY_BY_REFERENCE_MIN || r->muted) {
        reply_bulk(r, s);
        return;
    }
    put_head(r, '$', (int64_t)s.len);
    struct reply_chunk *c = chunk_new(r, sizeof *c);
    c->blob = blob_ref(b);
    c->start = s.ptr;
    c->filled = s.ptr + s.len;
    r->blobs++;
    r->queued += s.len;
    tail_add(r, c);
    put(r, "\r\n", 2);
}

void reply_bulkf(struct reply *r, const char *fmt, ...)
{
    char text[256], *longer = NULL;
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    assert(n >= 0);
    size_t len = (size_t)n;
    if (len >= sizeof text) {
        longer = mem_alloc(len + 1);
        va_start(ap, fmt);
        vsnprintf(longer, len + 1, fmt, ap);
        va_end(ap);
    }
    reply_bulk(r, slice_of(longer ? longer : text, len));
    mem_free(longer);
}

void reply_null_array(struct reply *r)
{
    if (r->protocol == 2) reply_short(r, "*-1\r\n", 5);
    else reply_short(r, "_\r\n", 3);
}

void reply_double(struct reply *r, double v)
{
    char text[NUM_DOUBLE_TEXT_MAX];
    struct slice s = slice_of(text, (size_t)double_to_text(text, v));
    if (r->protocol == 2) reply_bulk(r, s);
    else put_line(r, ',', s);
}

void reply_long_double_bulk(struct reply *r, long double v)
{
    char text[NUM_LONG_DOUBLE_TEXT_MAX];
    reply_bulk(r, slice_of(text, (size_t)long_double_to_text(text, v)));
}

void reply_bool(struct reply *r, bool v)
{
    const char *text = r->protocol == 2 ? (v ? ":1\r\n" : ":0\r\n") : (v ? "#t\r\n" : "#f\r\n");
    reply_short(r, text, 4);
}

void reply_big_number(struct reply *r, struct slice digits)
{
    if (r->protocol == 2) reply_bulk(r, digits);
    else put_line(r, '(', digits);
}

void reply_verbatim(struct reply *r, const char ext[4], struct slice text)
{
    if (r->protocol == 2) {
        reply_bulk(r, text);
        return;
    }
    put_head(r, '=', (int64_t)text.len + 4);
    put(r, ext, 3);
    put(r, ":", 1);
    put(r, text.ptr, text.len);
    put(r, "\r\n", 2);
}

void reply_raw(struct reply *r, struct slice wire)
{
    put(r, wire.ptr, wire.len);
}

/* ------------------------------------------------------------------------------------------------ errors */

void reply_error(struct reply *r, struct slice text)
{
    while (text.len > 0 && (text.ptr[text.len - 1] == '\n' || text.ptr[text.len - 1] == '\r')) text.len--;
    if (r->on_error) r->on_error(r->on_error_arg, text);
    put_line(r, '-', text);
}

void reply_errorf(struct reply *r, const char *fmt, ...)
{
    char text[REPLY_ERROR_MAX + 1];
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    assert(n >= 0);
    reply_error(r, slice_of(text, n < REPLY_ERROR_MAX ? (size_t)n : REPLY_ERROR_MAX));
}

void reply_status(struct reply *r, enum status st)
{
    if (st == ST_OK) reply_ok(r);
    else reply_error(r, status_text(st));
}

/* ------------------------------------------------------------------------------------------------ aggregates */

void reply_array(struct reply *r, int64_t n)
{
    put_head(r, '*', n);
}

void reply_map(struct reply *r, int64_t pairs)
{
    put_head(r, r->protocol == 2 ? '*' : '%', r->protocol == 2 ? pairs * 2 : pairs);
}

void reply_set(struct reply *r, int64_t n)
{
    put_head(r, r->protocol == 2 ? '*' : '~', n);
}

void reply_push(struct reply *r, int64_t n)
{
    put_head(r, r->protocol == 2 ? '*' : '>', n);
}

void reply_attribute(struct reply *r, int64_t pairs)
{
    if (r->protocol != 2) put_head(r, '|', pairs);
}

/* ------------------------------------------------------------------------------------------------ deferred heads */

struct reply_mark reply_defer(struct reply *r)
{
    if (r->muted) return (struct reply_mark){NULL, 0};
    if (tail_room(r) == 0) tail_add_room(r);
    return (struct reply_mark){r->tail, (size_t)(r->pos - r->tail->data)};
}

/* The bytes of c from `at` on become a chunk of their own behind c, with n free bytes in front; where those are. */
static char *chunk_split(struct reply *r, struct reply_chunk *c, char *at, size_t n)
{
    tail_seal(r);
    size_t rest = (size_t)(c->filled - at);
    bool was_tail = c == r->tail;
    size_t size = was_tail ? REPLY_CHUNK_SIZE : sizeof *c + n + rest;
    if (sizeof *c + n + rest > size) size = sizeof *c + n + rest;
    struct reply_chunk *moved = chunk_new(r, size);
    memcpy(moved->data + n, at, rest);
    moved->filled = moved->data + n + rest;
    c->filled = at;
    moved->next = c->next;
    c->next = moved;
    if (was_tail) tail_open(r, moved);
    return moved->data;
}

/* Puts the head at the mark, moving what was written behind the mark. */
static void defer_resolve(struct reply *r, struct reply_mark m, char kind, int64_t n)
{
    struct reply_chunk *c = m.chunk;
    if (!c) return;
    char head[HEAD_MAX];
    size_t len = (size_t)(head_write(head, kind, n) - head);
    bool is_tail = c == r->tail;
    char *at = c->data + m.offset, *filled = is_tail ? r->pos : (char *)c->filled;
    assert(!c->blob && at >= c->start && at <= filled);
    if ((size_t)(chunk_end(c) - filled) >= len) {
        memmove(at + len, at, (size_t)(filled - at));
        if (is_tail) r->pos += len;
        else c->filled += len;
    } else {
        at = chunk_split(r, c, at, len);
    }
    memcpy(at, head, len);
    r->queued += len;
}

void reply_defer_array(struct reply *r, struct reply_mark m, int64_t n)
{
    defer_resolve(r, m, '*', n);
}

void reply_defer_map(struct reply *r, struct reply_mark m, int64_t pairs)
{
    defer_resolve(r, m, r->protocol == 2 ? '*' : '%', r->protocol == 2 ? pairs * 2 : pairs);
}

void reply_defer_set(struct reply *r, struct reply_mark m, int64_t n)
{
    defer_resolve(r, m, r->protocol == 2 ? '*' : '~', n);
}

/* ------------------------------------------------------------------------------------------------ taking out */

void reply_splice(struct reply *dst, struct reply *src)
{
    uint64_t pending = reply_pending_bytes(src);
    if (pending == 0 || dst->muted) {
        reply_clear(src);
        return;
    }
    tail_seal(src);
    if (src->head == src->tail && !src->head->blob && pending <= SPLICE_COPY_MAX) {
        put(dst, src->head->start, pending);
        reply_clear(src);
        return;
    }
    assert(dst->pool == src->pool);
    tail_seal(dst);
    if (dst->tail) dst->tail->next = src->head;
    else dst->head = src->head;
    dst->tail = src->tail;
    dst->pos = src->pos;
    dst->end = src->end;
    dst->queued += pending;
    dst->chunks += src->chunks;
    dst->blobs += src->blobs;
    dst->chunk_mem += src->chunk_mem;
    src->head = src->tail = NULL;
    src->pos = src->end = NULL;
    src->chunks = src->blobs = 0;
    src->chunk_mem = 0;
    src->consumed = src->queued;
}

size_t reply_mem(const struct reply *r)
{
    size_t n = r->chunk_mem;
    if (r->blobs == 0) return n;
    for (const struct reply_chunk *c = r->head; c; c = c->next) {
        if (c->blob && !blob_shared(c->blob)) n += blob_mem(c->blob);
    }
    return n;
}

uint32_t reply_chunks(const struct reply *r)
{
    return r->chunks;
}

static struct slice chunk_pending(const struct reply *r, const struct reply_chunk *c)
{
    const char *filled = c == r->tail && !c->blob ? r->pos : c->filled;
    return slice_of(c->start, (size_t)(filled - c->start));
}

int reply_iov(const struct reply *r, struct iovec *iov, int max)
{
    int n = 0;
    for (const struct reply_chunk *c = r->head; c && n < max; c = c->next) {
        struct slice s = chunk_pending(r, c);
        if (s.len > 0) iov[n++] = (struct iovec){(void *)s.ptr, s.len};
    }
    return n;
}

void reply_consume(struct reply *r, size_t n)
{
    assert(n <= reply_pending_bytes(r));
    r->consumed += n;
    if (!reply_pending(r)) {
        chain_free(r);
        return;
    }
    while (n > 0) {
        struct reply_chunk *c = r->head;
        size_t len = chunk_pending(r, c).len;
        if (n < len) {
            c->start += n;
            return;
        }
        n -= len;
        r->head = c->next; /* never the tail: some byte is pending behind c */
        chunk_free(r, c);
    }
}

size_t reply_copy_out(const struct reply *r, char *out, size_t max)
{
    size_t done = 0;
    for (const struct reply_chunk *c = r->head; c && done < max; c = c->next) {
        struct slice s = chunk_pending(r, c);
        size_t n = s.len < max - done ? s.len : max - done;
        if (n > 0) memcpy(out + done, s.ptr, n);
        done += n;
    }
    return done;
}

void reply_check(const struct reply *r)
{
    uint64_t pending = 0;
    size_t mem = 0;
    uint32_t chunks = 0, blobs = 0;
    const struct reply_chunk *last = NULL;
    for (const struct reply_chunk *c = r->head; c; last = c, c = c->next) {
        pending += chunk_pending(r, c).len;
        mem += c->size;
        chunks++;
        blobs += c->blob != NULL;
    }
    assert(pending == reply_pending_bytes(r) && mem == r->chunk_mem && chunks == r->chunks && blobs == r->blobs);
    assert(last == r->tail && (r->tail || (!r->pos && !r->end)));
    assert(!r->tail || (r->tail->blob ? !r->pos && !r->end : r->pos >= r->tail->data && r->pos <= r->end));
    (void)mem, (void)chunks, (void)blobs, (void)pending, (void)last;
}
