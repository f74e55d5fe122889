/* The request parser. Two ways lead to a request:
 *
 *   input ──> parse_whole ────────────────────────> request: slices into the input   (nothing allocated or copied)
 *                 │ not whole, or anything unusual
 *                 └──> hold_feed: LINE > (BULK_LINE > BODY)* > request->hold         (piecewise, copies, names errors)
 *
 * parse_whole knows only what well-behaved clients send and gives up on all else, so that every rule of refusal
 * stands once, in hold_feed. Giving up starts again from the first byte of the request, once per request; from then
 * on the hold goes on where the input ended, so a request costs O(bytes) however small its pieces are.
 *
 * A hold keeps the bytes of finished arguments packed one behind the other, and behind them the part of a header line
 * or of an inline command that has come:   bytes: [arg 0][arg 1]...[arg n][line so far]
 * While bytes may still move, the ptr of such an argument is its offset; hold_finish makes it an address. Arguments
 * of BULK_BIG and more lie in blobs. Everything grows with what has arrived, never with what was announced.
 *
 * Details that follow Redis on purpose: a header ends at '\r' and the byte behind it, whatever that is; so does a
 * bulk; a NUL in a header line or an inline command hides the line's end, which leaves the line to grow until it is
 * too long. */
#include "resp/request.h"

#include "base/mem.h"
#include "base/num.h"
#include "base/status.h"

#include <assert.h>
#include <limits.h>
#include <stdio.h>

enum {
    SMALL_LEN_DIGITS = 3,            /* parse_whole's longest length */
    ARGS_FIRST = 8,                  /* first room for arguments, and for their bytes */
    BYTES_FIRST = 128,
    GROWTH_DOUBLES_TO = 1024 * 1024, /* then by a quarter */
    BLOB_WHOLE_MAX = 1024 * 1024,    /* larger blobs grow as their bytes come */
    BULK_END = 2                     /* the bytes behind a bulk */
};

enum hold_state { HOLD_LINE, HOLD_BULK_LINE, HOLD_BODY, HOLD_BLOB, HOLD_DONE, HOLD_FAILED };

struct hold_blob {
    int arg;
    struct blob *blob;
};

struct request_hold {
    enum hold_state state;
    bool line_cr;      /* the line's '\r' has come, the byte behind it has not */
    bool line_dead;    /* a NUL has come: the line has no end */
    int argc;          /* finished arguments */
    int announced;     /* arguments there will be */
    int argv_room;
    struct slice *argv;
    char *bytes;
    size_t len, room;  /* of bytes; len does not count the line */
    size_t line_len;   /* bytes of the line so far, without line_cr's */
    size_t body_len;   /* the bulk being read */
    size_t body_got;   /* 0 .. body_len + BULK_END */
    size_t wire_bytes; /* of the request so far */
    struct hold_blob *blobs; /* by arg; the last one is the one being read in HOLD_BLOB */
    int blob_count, blob_room;
    struct slice error;
    char error_text[48];
};

/* What a step of the machine says: go on, wait for input, request complete, complete but empty, refused. */
enum step { STEP_ON, STEP_MORE, STEP_READY, STEP_EMPTY, STEP_FAILED };

/* ------------------------------------------------------------------------------------------------ quoting */

/* isspace() of the C locale, which depends on nothing. */
static bool is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

static char escape_value(char c)
{
    switch (c) {
    case 'n': return '\n';
    case 'r': return '\r';
    case 't': return '\t';
    case 'b': return '\b';
    case 'a': return '\a';
    default: return c;
    }
}

/* The quoted part whose opening quote lies before p: its bytes go to *out. NULL: no closing quote, or no space behind
 * it. */
static const char *quoted_part(const char *p, const char *end, char quote, char **out)
{
    for (char *w = *out;; p++) {
        if (p == end) return NULL;
        if (*p == quote) {
            *out = w;
            p++;
            return p == end || is_space(*p) ? p : NULL;
        }
        if (*p == '\\' && quote == '"' && end - p > 3 && p[1] == 'x' && hex_digit(p[2]) >= 0 && hex_digit(p[3]) >= 0) {
            *w++ = (char)(hex_digit(p[2]) * 16 + hex_digit(p[3]));
            p += 3;
        } else if (*p == '\\' && quote == '"' && end - p > 1) {
            *w++ = escape_value(*++p);
        } else if (*p == '\\' && quote == '\'' && end - p > 1 && p[1] == '\'') {
            *w++ = *++p;
        } else {
            *w++ = *p;
        }
    }
}

/* The next argument of a line, unquoted to out (which may be the line itself: nothing gets longer). 1: found, *pos is
 * behind it; 0: the line has ended; -1: unbalanced quotes. */
static int line_next(const char **pos, const char *end, char *out, size_t *len)
{
    const char *p = *pos;
    char *w = out;
    while (p < end && is_space(*p)) p++;
    if (p == end) return 0;
    for (; p < end && *p != ' ' && *p != '\n' && *p != '\r' && *p != '\t'; p++) {
        if (*p == '"' || *p == '\'') {
            p = quoted_part(p + 1, end, *p, &w);
            if (!p) return -1;
            break;
        }
        *w++ = *p;
    }
    *len = (size_t)(w - out);
    *pos = p;
    return 1;
}

bool request_split_line(struct slice line, struct slice **args, int *count)
{
    struct slice *list = NULL;
    int n = 0, room = 0, got;
    char *scratch = mem_alloc(line.len);
    const char *pos = line.ptr, *end = line.len > 0 ? line.ptr + line.len : line.ptr;
    size_t len;
    while ((got = line_next(&pos, end, scratch, &len)) > 0) {
        if (n == room) {
            room = room == 0 ? ARGS_FIRST : room * 2;
            list = mem_realloc(list, (size_t)room * sizeof *list);
        }
        list[n++] = slice_of(mem_dup(scratch, len), len);
    }
    mem_free(scratch);
    if (got < 0) {
        request_split_free(list, n);
        list = NULL;
        n = 0;
    }
    *args = list;
    *count = n;
    return got == 0;
}

void request_split_free(struct slice *args, int count)
{
    for (int i = 0; i < count; i++) mem_free((char *)args[i].ptr);
    mem_free(args);
}

/* ------------------------------------------------------------------------------------------------ the hold's memory */

static struct request_hold *hold_new(void)
{
    return mem_zalloc(sizeof(struct request_hold));
}

static void hold_free(struct request_hold *h)
{
    for (int i = 0; i < h->blob_count; i++) blob_unref(h->blobs[i].blob);
    mem_free(h->blobs);
    mem_free(h->bytes);
    mem_free(h->argv);
    mem_free(h);
}

static enum step hold_fail(struct request_hold *h, struct slice text)
{
    h->state = HOLD_FAILED;
    h->error = text;
    return STEP_FAILED;
}

static enum step hold_no_memory(struct request_hold *h)
{
    return hold_fail(h, status_text(ST_NO_MEMORY));
}

/* Room for n elements of size bytes in *ptr, of which *room is the present room; false when memory is out. */
static bool room_grow(void **ptr, size_t *room, size_t n, size_t size, size_t first)
{
    if (n <= *room) return true;
    size_t grown = *room * size < GROWTH_DOUBLES_TO ? *room * 2 : *room + *room / 4;
    if (grown < n) grown = n;
    if (grown < first) grown = first;
    void *p = mem_try_realloc(*ptr, grown * size);
    if (!p) return false;
    *ptr = p;
    *room = grown;
    return true;
}

static bool hold_room_bytes(struct request_hold *h, size_t n)
{
    void *p = h->bytes;
    bool ok = room_grow(&p, &h->room, n, 1, BYTES_FIRST);
    h->bytes = p;
    return ok;
}

static bool hold_room_arg(struct request_hold *h)
{
    void *p = h->argv;
    size_t room = (size_t)h->argv_room;
    bool ok = room_grow(&p, &room, (size_t)h->argc + 1, sizeof *h->argv, ARGS_FIRST);
    h->argv = p;
    h->argv_room = room > INT_MAX ? INT_MAX : (int)room;
    return ok;
}

/* An argument of len bytes that lies at the end of bytes, or in the last blob. */
static bool hold_add_arg(struct request_hold *h, size_t len)
{
    if (!hold_room_arg(h)) return false;
    h->argv[h->argc++] = slice_of((const char *)(uintptr_t)h->len, len);
    return true;
}

static void hold_finish(struct request_hold *h, struct request *out)
{
    int next_blob = 0;
    for (int i = 0; i < h->argc; i++) {
        if (next_blob < h->blob_count && h->blobs[next_blob].arg == i) {
            h->argv[i] = blob_slice(h->blobs[next_blob++].blob);
        } else {
            h->argv[i].ptr = h->argv[i].len == 0 ? "" : h->bytes + (uintptr_t)h->argv[i].ptr;
        }
    }
    h->state = HOLD_DONE;
    *out = (struct request){h->argc, h->argv, h->wire_bytes, h};
}

/* ------------------------------------------------------------------------------------------------ lines, piece by
 * piece */

static void take(struct request_hold *h, struct slice *in, size_t n)
{
    in->ptr += n;
    in->len -= n;
    h->wire_bytes += n;
}

/* Index of the first `ending` or NUL in the first n bytes, or n. */
static size_t find_ending(const char *p, size_t n, char ending)
{
    for (size_t i = 0; i < n; i++) {
        if (p[i] == ending || p[i] == '\0') return i;
    }
    return n;
}

/* Makes room even for nothing, so that bytes is an address. */
static bool line_keep(struct request_hold *h, const char *p, size_t n)
{
    if (!hold_room_bytes(h, h->len + h->line_len + n + 1)) return false;
    if (n > 0) memcpy(h->bytes + h->len + h->line_len, p, n);
    h->line_len += n;
    return true;
}

/* Takes the rest of the current line, up to and with its ending ('\n'; or '\r' and one byte more). STEP_READY: it is
 * in *line, in the input or behind the arguments of bytes, where it stays until something is added. */
static enum step line_take(struct request_hold *h, struct slice *in, char ending, struct slice too_long,
                           struct slice *line)
{
    size_t extra = ending == '\r'; /* bytes of the ending behind its first */
    size_t before = h->line_len;
    if (!h->line_cr) {
        size_t room = REQUEST_INLINE_MAX + 1 - before;
        size_t n = in->len < room ? in->len : room;
        size_t i = h->line_dead ? n : find_ending(in->ptr, n, ending);
        if (i < n && in->ptr[i] == '\0') {
            h->line_dead = true;
            i = n;
        }
        if (i == room) return hold_fail(h, too_long);
        if (i + extra < n && before == 0) {
            *line = slice_of(in->ptr, i);
            take(h, in, i + 1 + extra);
            return STEP_READY;
        }
        if (!line_keep(h, in->ptr, i)) return hold_no_memory(h);
        take(h, in, i);
        if (in->len == 0) return STEP_MORE;
        take(h, in, 1);
        h->line_cr = true;
    }
    if (in->len < extra) return STEP_MORE;
    take(h, in, extra);
    *line = slice_of(h->bytes + h->len, h->line_len);
    h->line_cr = false;
    h->line_len = 0;
    return STEP_READY;
}

/* An inline command: its words are unquoted in place, at the start of bytes. */
static enum step inline_split(struct request_hold *h, struct slice line)
{
    if (line.len > 0 && line.ptr[line.len - 1] == '\r') line.len--;
    if (line.len == 0) return STEP_EMPTY;
    if (line.ptr != h->bytes && !line_keep(h, line.ptr, line.len)) return hold_no_memory(h);
    h->line_len = 0;
    const char *pos = h->bytes, *end = h->bytes + line.len;
    size_t len;
    int got;
    while ((got = line_next(&pos, end, h->bytes + h->len, &len)) > 0) {
        if (!hold_add_arg(h, len)) return hold_no_memory(h);
        h->len += len;
    }
    if (got < 0) return hold_fail(h, SLICE("ERR Protocol error: unbalanced quotes in request"));
    return h->argc > 0 ? STEP_READY : STEP_EMPTY;
}

/* ------------------------------------------------------------------------------------------------ the machine */

static enum step feed_line(struct request_hold *h, struct slice *in, const struct request_limits *limits)
{
    struct slice line;
    char first = h->line_len > 0 ? h->bytes[0] : in->ptr[0];
    if (first != '*') {
        enum step s = line_take(h, in, '\n', SLICE("ERR Protocol error: too big inline request"), &line);
        return s == STEP_READY ? inline_split(h, line) : s;
    }
    enum step s = line_take(h, in, '\r', SLICE("ERR Protocol error: too big mbulk count string"), &line);
    if (s != STEP_READY) return s;
    int64_t count;
    if (slice_to_i64(slice_of(line.ptr + 1, line.len - 1), &count) != ST_OK || count > REQUEST_ARGS_MAX)
        return hold_fail(h, SLICE("ERR Protocol error: invalid multibulk length"));
    if (count > REQUEST_UNAUTH_ARGS_MAX && !limits->authenticated)
        return hold_fail(h, SLICE("ERR Protocol error: unauthenticated multibulk length"));
    if (count <= 0) return STEP_EMPTY;
    h->announced = (int)count;
    h->state = HOLD_BULK_LINE;
    return STEP_ON;
}

/* A blob for the bulk of body_len bytes and its ending, of which `at_hand` bytes lie in the input. */
static bool blob_start(struct request_hold *h, size_t at_hand)
{
    size_t whole = h->body_len + BULK_END;
    size_t cap = at_hand > BLOB_WHOLE_MAX ? at_hand : BLOB_WHOLE_MAX;
    if (cap > whole) cap = whole;
    void *p = h->blobs;
    size_t room = (size_t)h->blob_room;
    bool ok = room_grow(&p, &room, (size_t)h->blob_count + 1, sizeof *h->blobs, 1);
    h->blobs = p;
    h->blob_room = (int)room;
    struct blob *b = ok ? blob_try_new(0, cap) : NULL;
    if (!b) return false;
    h->blobs[h->blob_count++] = (struct hold_blob){h->argc, b};
    return true;
}

static enum step feed_bulk_line(struct request_hold *h, struct slice *in, const struct request_limits *limits)
{
    struct slice line;
    enum step s = line_take(h, in, '\r', SLICE("ERR Protocol error: too big bulk count string"), &line);
    if (s != STEP_READY) return s;
    char first = line.len > 0 ? line.ptr[0] : '\r';
    if (first != '$') {
        int n = snprintf(h->error_text, sizeof h->error_text, "ERR Protocol error: expected '$', got '%c'", first);
        return hold_fail(h, slice_of(h->error_text, (size_t)n));
    }
    int64_t len;
    struct slice digits = slice_of(line.ptr + 1, line.len - 1);
    if (slice_to_i64(digits, &len) != ST_OK || len < 0 || (uint64_t)len > limits->bulk_max)
        return hold_fail(h, SLICE("ERR Protocol error: invalid bulk length"));
    if (len > REQUEST_UNAUTH_BULK_MAX && !limits->authenticated)
        return hold_fail(h, SLICE("ERR Protocol error: unauthenticated bulk length"));
    h->body_len = (size_t)len;
    h->body_got = 0;
    h->state = HOLD_BODY;
    if (len >= BULK_BIG) {
        if (!blob_start(h, in->len)) return hold_no_memory(h);
        h->state = HOLD_BLOB;
    }
    return STEP_ON;
}

/* The argument's bytes are all there. */
static enum step arg_done(struct request_hold *h)
{
    if (!hold_add_arg(h, h->body_len)) return hold_no_memory(h);
    h->state = HOLD_BULK_LINE;
    return h->argc == h->announced ? STEP_READY : STEP_ON;
}

static enum step feed_body(struct request_hold *h, struct slice *in)
{
    if (h->body_got < h->body_len) {
        size_t n = h->body_len - h->body_got;
        if (n > in->len) n = in->len;
        if (!hold_room_bytes(h, h->len + h->body_got + n)) return hold_no_memory(h);
        memcpy(h->bytes + h->len + h->body_got, in->ptr, n);
        h->body_got += n;
        take(h, in, n);
        if (h->body_got < h->body_len) return STEP_MORE;
    }
    size_t n = h->body_len + BULK_END - h->body_got;
    if (n > in->len) n = in->len;
    h->body_got += n;
    take(h, in, n);
    if (h->body_got < h->body_len + BULK_END) return STEP_MORE;
    enum step s = arg_done(h);
    h->len += h->body_len;
    return s;
}

static enum step feed_blob(struct request_hold *h, struct slice *in)
{
    struct hold_blob *last = &h->blobs[h->blob_count - 1];
    size_t whole = h->body_len + BULK_END;
    while (h->body_got < whole && (in->len > 0 || h->body_got == blob_cap(last->blob))) {
        size_t cap = blob_cap(last->blob);
        if (h->body_got >= cap) {
            cap = whole - cap < cap ? whole : cap * 2;
            blob_set_len(last->blob, h->body_got);
            struct blob *b = blob_try_resize(last->blob, cap);
            if (!b) return hold_no_memory(h);
            last->blob = b;
        }
        if (cap > whole) cap = whole;
        size_t n = cap - h->body_got < in->len ? cap - h->body_got : in->len;
        if (n > 0) memcpy(blob_bytes_mut(last->blob) + h->body_got, in->ptr, n);
        h->body_got += n;
        take(h, in, n);
    }
    if (h->body_got < whole) return STEP_MORE;
    blob_set_len(last->blob, h->body_len);
    return arg_done(h);
}

static enum step hold_feed(struct request_hold *h, struct slice *in, const struct request_limits *limits)
{
    enum step s = STEP_ON;
    while (s == STEP_ON) {
        if (in->len == 0 && h->state != HOLD_BLOB && h->state != HOLD_FAILED) return STEP_MORE;
        switch (h->state) {
        case HOLD_LINE: s = feed_line(h, in, limits); break;
        case HOLD_BULK_LINE: s = feed_bulk_line(h, in, limits); break;
        case HOLD_BODY: s = feed_body(h, in); break;
        case HOLD_BLOB: s = feed_blob(h, in); break;
        default: s = STEP_FAILED; break;
        }
    }
    return s;
}

/* ------------------------------------------------------------------------------------------------ the fast path */

/* A header's number of one to three digits, without padding, with its ending: *pos goes behind it. -1: look closer.
 * Wants six readable bytes at *pos. */
static inline int small_number(const char **pos)
{
    const unsigned char *p = (const unsigned char *)*pos;
    unsigned v = p[1] - '0';
    if (v > 9) return -1;
    if (p[2] == '\r') {
        *pos += 4;
        return (int)v;
    }
    unsigned d = p[2] - '0';
    if (v == 0 || d > 9) return -1;
    v = v * 10 + d;
    if (p[3] == '\r') {
        *pos += 5;
        return (int)v;
    }
    d = p[3] - '0';
    if (d > 9 || p[4] != '\r') return -1;
    *pos += 6;
    return (int)(v * 10 + d);
}

/* The general header, for lengths of four digits and more. -1: not whole or not plain. */
static int64_t large_number(const char **pos, const char *end)
{
    const char *p = *pos + 1;
    int64_t v = 0;
    if (p >= end || *p == '0') return -1;
    for (int digits = 0; p < end && digits < 10 && *p >= '0' && *p <= '9'; p++, digits++) v = v * 10 + (*p - '0');
    if (end - p < 2 || p == *pos + 1 || *p != '\r') return -1;
    *pos = p + 2;
    return v;
}

/* "*<n>" and its bulks, when all of them lie in the input and nothing is out of the ordinary. */
static inline enum step parse_whole(struct slice *in, const struct request_limits *limits, struct slice *argv, int room,
                                    struct request *out)
{
    enum { HEADER_MAX = 1 + SMALL_LEN_DIGITS + BULK_END };
    const char *p = in->ptr, *end = in->ptr + in->len;
    if (end - p < HEADER_MAX) return STEP_MORE;
    int64_t argc = small_number(&p);
    if (unlikely(argc < 0)) argc = large_number(&p, end);
    if (argc < 0 || argc > room || (!limits->authenticated && argc > REQUEST_UNAUTH_ARGS_MAX)) return STEP_MORE;
    uint64_t bulk_max = limits->authenticated ? limits->bulk_max : REQUEST_UNAUTH_BULK_MAX;
    if (unlikely(bulk_max > limits->bulk_max)) bulk_max = limits->bulk_max;
    for (int64_t i = 0; i < argc; i++) {
        /* The shortest bulk, "$0\r\n\r\n", is as long as the longest small header: less than that cannot be whole. */
        if (unlikely(end - p < HEADER_MAX) || *p != '$') return STEP_MORE;
        int64_t len = small_number(&p);
        if (unlikely(len < 0)) len = large_number(&p, end);
        if (unlikely(len < 0 || (uint64_t)len > bulk_max || end - p < len + BULK_END)) return STEP_MORE;
        argv[i] = slice_of(p, (size_t)len);
        p += len + BULK_END;
    }
    *out = (struct request){(int)argc, argv, (size_t)(p - in->ptr), NULL};
    in->len = (size_t)(end - p);
    in->ptr = p;
    return likely(argc > 0) ? STEP_READY : STEP_EMPTY;
}

/* An inline command without quotes that lies whole in the input. */
static enum step parse_whole_inline(struct slice *in, struct slice *argv, int room, struct request *out)
{
    size_t n = in->len < REQUEST_INLINE_MAX + 1 ? in->len : REQUEST_INLINE_MAX + 1;
    const char *start = in->ptr, *p = start, *end = start, *newline = memchr(start, '\n', n);
    if (!newline) return STEP_MORE;
    int argc = 0;
    for (end = newline; p < end;) {
        while (p < end && is_space(*p)) p++;
        if (p == end) break;
        const char *word = p;
        for (; p < end && *p != ' ' && *p != '\r' && *p != '\t'; p++) {
            if (*p == '"' || *p == '\'' || *p == '\0') return STEP_MORE;
        }
        if (argc == room) return STEP_MORE;
        argv[argc++] = slice_of(word, (size_t)(p - word));
    }
    size_t taken = (size_t)(newline + 1 - start);
    in->ptr += taken;
    in->len -= taken;
    *out = (struct request){argc, argv, taken, NULL};
    return argc > 0 ? STEP_READY : STEP_EMPTY;
}

/* ------------------------------------------------------------------------------------------------ the interface */

void request_parser_init(struct request_parser *p)
{
    p->partial = NULL;
}

void request_parser_deinit(struct request_parser *p)
{
    if (p->partial) hold_free(p->partial);
    p->partial = NULL;
}

/* Goes on with the unfinished request, or starts one that parse_whole does not want. */
static enum step parse_piecewise(struct request_parser *p, struct slice *in, const struct request_limits *limits,
                                 struct request *out, struct slice *error)
{
    if (!p->partial) p->partial = hold_new();
    struct request_hold *h = p->partial;
    enum step s = hold_feed(h, in, limits);
    if (s == STEP_READY) {
        hold_finish(h, out);
        p->partial = NULL;
    } else if (s == STEP_EMPTY) {
        hold_free(h);
        p->partial = NULL;
    } else if (s == STEP_FAILED) {
        in->ptr += in->len;
        in->len = 0;
        *error = h->error;
    }
    assert(s == STEP_READY || s == STEP_EMPTY || in->len == 0);
    return s;
}

enum request_result request_parse(struct request_parser *p, struct slice *input, const struct request_limits *limits,
                                  struct slice *argv_space, int argv_room, struct request *out, struct slice *error)
{
    for (;;) {
        enum step s = STEP_MORE;
        if (!p->partial) {
            if (input->len == 0) return REQUEST_MORE;
            s = likely(*input->ptr == '*') ? parse_whole(input, limits, argv_space, argv_room, out)
                                           : parse_whole_inline(input, argv_space, argv_room, out);
            if (likely(s == STEP_READY)) return REQUEST_READY;
        }
        if (s == STEP_MORE) s = parse_piecewise(p, input, limits, out, error);
        switch (s) {
        case STEP_READY: return REQUEST_READY;
        case STEP_FAILED: return REQUEST_ERROR;
        case STEP_MORE: return REQUEST_MORE;
        default: break; /* an empty request */
        }
    }
}

bool request_want(struct request_parser *p, char **ptr, size_t *room)
{
    struct request_hold *h = p->partial;
    if (!h || h->state != HOLD_BLOB) return false;
    struct blob *b = h->blobs[h->blob_count - 1].blob;
    size_t whole = h->body_len + BULK_END, cap = blob_cap(b) < whole ? blob_cap(b) : whole;
    if (cap == h->body_got) return false;
    *ptr = blob_bytes_mut(b) + h->body_got;
    *room = cap - h->body_got;
    return true;
}

void request_fill(struct request_parser *p, size_t n)
{
    struct request_hold *h = p->partial;
    assert(h && h->state == HOLD_BLOB && n <= blob_cap(h->blobs[h->blob_count - 1].blob) - h->body_got);
    h->body_got += n;
    h->wire_bytes += n;
}

struct blob *request_take_blob(struct request *req, int i)
{
    struct request_hold *h = req->hold;
    if (!h) return NULL;
    int low = 0, high = h->blob_count;
    while (low < high) {
        int middle = low + (high - low) / 2;
        if (h->blobs[middle].arg < i) low = middle + 1;
        else high = middle;
    }
    return low < h->blob_count && h->blobs[low].arg == i ? blob_ref(h->blobs[low].blob) : NULL;
}

void request_release(struct request *req)
{
    if (req->hold) hold_free(req->hold);
    req->hold = NULL;
}

size_t request_parser_mem(const struct request_parser *p)
{
    const struct request_hold *h = p->partial;
    if (!h) return 0;
    size_t n = sizeof *h + h->room + (size_t)h->argv_room * sizeof *h->argv + (size_t)h->blob_room * sizeof *h->blobs;
    for (int i = 0; i < h->blob_count; i++) n += blob_mem(h->blobs[i].blob);
    return n;
}

size_t request_parser_used(const struct request_parser *p)
{
    return p->partial ? p->partial->wire_bytes : 0;
}
