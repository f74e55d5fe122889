/* The reply writer: the one place that knows RESP2 from RESP3. A struct reply is a queue of output bytes: of a
 * socket, of a capture (scripts, tests), or of nothing (a muted sink drops everything at the cost of a branch).
 *
 * Memory: chunks of REPLY_CHUNK_SIZE from a pool that the worker's connections share; an idle reply holds none. Large
 * values are queued by reference (struct blob). A deferred length takes the bytes it needs and no padding. */
#ifndef CAIRN_RESP_REPLY_H
#define CAIRN_RESP_REPLY_H

#include "base/blob.h"
#include "base/compiler.h"
#include "base/slice.h"
#include "base/status.h"

#include <stdarg.h>
#include <sys/uio.h>

enum { REPLY_CHUNK_SIZE = 16 * 1024, REPLY_BY_REFERENCE_MIN = 16 * 1024, REPLY_ERROR_MAX = 1024 };

struct chunk_pool; /* free chunks for the replies of one thread */
struct chunk_pool *chunk_pool_new(uint32_t chunks_max); /* keeps at most so many free ones */
void chunk_pool_free(struct chunk_pool *pool);
void chunk_pool_trim(struct chunk_pool *pool);          /* frees those that were not used since the last call */
size_t chunk_pool_mem(const struct chunk_pool *pool);   /* bytes of its free chunks */

struct reply_chunk; /* opaque */

struct reply {
    char *pos, *end;               /* room in the last chunk; both NULL when there is none */
    struct reply_chunk *head, *tail;
    struct chunk_pool *pool;       /* may be NULL: plain allocations */
    uint64_t queued;               /* bytes put in since init; wraps never */
    uint64_t consumed;             /* bytes taken out by reply_consume, reply_clear and reply_splice */
    size_t chunk_mem;              /* bytes of the chunks, blobs excluded */
    uint32_t chunks, blobs;        /* elements of the queue; those of them that are blobs */
    void (*on_error)(void *arg, struct slice text); /* told each error text ("ERR ..."), muted or not; may be NULL */
    void *on_error_arg;
    uint8_t protocol;              /* 2 or 3 */
    bool muted;                    /* CLIENT REPLY OFF, no client: nothing is queued */
};

void reply_init(struct reply *r, struct chunk_pool *pool); /* protocol 2 */
void reply_deinit(struct reply *r);
void reply_clear(struct reply *r); /* drops what is queued, returns chunks */

/* Scalars. */
void reply_simple(struct reply *r, struct slice text);       /* +text; CR and LF in it are sent as spaces */
static inline void reply_ok(struct reply *r);
void reply_int(struct reply *r, int64_t v);                  /* :v */
void reply_bulk(struct reply *r, struct slice s);            /* $len */
/* n bulks: the text at first, the one `stride` bytes behind it, and so on. */
void reply_bulks(struct reply *r, const struct slice *first, size_t stride, size_t n);
void reply_bulk_cstr(struct reply *r, const char *text);
void reply_bulk_int(struct reply *r, int64_t v);             /* the digits as a bulk */
void reply_bulk_blob(struct reply *r, struct blob *b);       /* by reference when large; takes its own reference */
void reply_bulkf(struct reply *r, const char *fmt, ...) printf_like(2, 3);
static inline void reply_null(struct reply *r);              /* $-1 or _ */
void reply_null_array(struct reply *r);                      /* *-1 or _ */
void reply_double(struct reply *r, double v);                /* bulk or ,v */
void reply_long_double_bulk(struct reply *r, long double v); /* INCRBYFLOAT's text, a bulk in both protocols */
void reply_bool(struct reply *r, bool v);                    /* :0/:1 or #t/#f */
void reply_big_number(struct reply *r, struct slice digits); /* bulk or ( */
void reply_verbatim(struct reply *r, const char ext[4], struct slice text); /* bulk or =len ext:text; ext: 3 letters */
void reply_raw(struct reply *r, struct slice wire);          /* bytes that are RESP already */

/* Errors: text includes the code ("ERR ..."), not the '-'. Line ends at its end are dropped, other CR and LF sent as
 * spaces. */
void reply_status(struct reply *r, enum status st);          /* ST_OK: +OK, else the table's text */
void reply_error(struct reply *r, struct slice text);
void reply_errorf(struct reply *r, const char *fmt, ...) printf_like(2, 3); /* cut at REPLY_ERROR_MAX bytes */

/* Aggregates: the head, then the elements. A map of n is n key-value pairs (2n elements in RESP2). */
void reply_array(struct reply *r, int64_t n);
void reply_map(struct reply *r, int64_t pairs);
void reply_set(struct reply *r, int64_t n);
void reply_push(struct reply *r, int64_t n);                 /* > in RESP3, * in RESP2 */
void reply_attribute(struct reply *r, int64_t pairs);        /* nothing in RESP2: the caller asks protocol first */

/* Length known afterwards: mark = reply_defer(r); elements...; reply_defer_array(r, mark, n). May be nested: the mark
 * made last is resolved first, and nothing is consumed or spliced away meanwhile. Costs a move of at most one chunk. */
struct reply_mark {
    struct reply_chunk *chunk; /* NULL: nothing will be written */
    size_t offset;             /* of the head that is to come, in the chunk */
};
struct reply_mark reply_defer(struct reply *r);
void reply_defer_array(struct reply *r, struct reply_mark m, int64_t n);
void reply_defer_map(struct reply *r, struct reply_mark m, int64_t pairs);
void reply_defer_set(struct reply *r, struct reply_mark m, int64_t n);

/* Moves everything queued in src behind dst (same pool); src is empty afterwards. Copies little and links much: O(1).
 * */
void reply_splice(struct reply *dst, struct reply *src);

/* The sender's side. */
static inline bool reply_pending(const struct reply *r)
{
    return r->queued != r->consumed;
}
static inline uint64_t reply_pending_bytes(const struct reply *r)
{
    return r->queued - r->consumed;
}
size_t reply_mem(const struct reply *r);                     /* chunks, and blobs that only the queue keeps alive. O(1)
                                                              * without blobs, else O(chunks) */
uint32_t reply_chunks(const struct reply *r);
int reply_iov(const struct reply *r, struct iovec *iov, int max); /* first bytes to send; valid until consumed */
void reply_consume(struct reply *r, size_t n);               /* n bytes were sent */
size_t reply_copy_out(const struct reply *r, char *out, size_t max); /* the first max pending bytes */
void reply_check(const struct reply *r);                     /* asserts the queue's invariants: O(chunks) */

/* The shortest replies without a call, when there is room. */
static inline void reply_short(struct reply *r, const char *text, size_t len)
{
    if (likely((size_t)(r->end - r->pos) > len && !r->muted)) {
        memcpy(r->pos, text, len);
        r->pos += len;
        r->queued += len;
    } else {
        reply_raw(r, slice_of(text, len));
    }
}
/* reply_bulk without a call for what elements of collections mostly are: short, and room is left. */
static inline void reply_bulk_inline(struct reply *r, struct slice s)
{
    enum { SHORT_MAX = 99, ROOM = 8 + SHORT_MAX + 2 };
    if (unlikely(s.len > SHORT_MAX || r->end - r->pos < ROOM || r->muted)) {
        reply_bulk(r, s);
        return;
    }
    char *p = r->pos;
    uint64_t tens = s.len / 10, ones = s.len % 10, few = s.len < 10; /* "$7\r\n" or "$15\r\n", in one store */
    uint64_t digits = few ? '0' + ones : ('0' + tens) | ('0' + ones) << 8;
    uint64_t head = '$' | digits << 8 | (uint64_t)('\r' | '\n' << 8) << (few ? 16 : 24);
    memcpy(p, &head, sizeof head);
    p += few ? 4 : 5;
    if (s.len >= 8 && s.len <= 32) { /* from both ends, they may overlap */
        if (s.len >= 16) {
            memcpy(p, s.ptr, 16);
            memcpy(p + s.len - 16, s.ptr + s.len - 16, 16);
        } else {
            memcpy(p, s.ptr, 8);
            memcpy(p + s.len - 8, s.ptr + s.len - 8, 8);
        }
    } else if (s.len > 0) {
        memcpy(p, s.ptr, s.len);
    }
    p += s.len;
    memcpy(p, "\r\n", 2);
    p += 2;
    r->queued += (uint64_t)(p - r->pos);
    r->pos = p;
}
static inline void reply_ok(struct reply *r)
{
    reply_short(r, "+OK\r\n", 5);
}
static inline void reply_null(struct reply *r)
{
    if (r->protocol == 2) reply_short(r, "$-1\r\n", 5);
    else reply_short(r, "_\r\n", 3);
}

#endif
