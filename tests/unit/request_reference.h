/* A naive request parser to compare the real one with, and a driver that feeds the real one piece by piece. Both
 * write what they found into a transcript; the transcripts of the same bytes must be equal, however the bytes were
 * cut. */
#ifndef TESTS_REQUEST_REFERENCE_H
#define TESTS_REQUEST_REFERENCE_H

#include "base/buf.h"
#include "base/mem.h"
#include "base/num.h"
#include "base/prng.h"
#include "resp/request.h"

#include <ctype.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

static void note_arg(struct buf *out, struct slice arg)
{
    buf_appendf(out, "%zu:", arg.len);
    buf_append_slice(out, arg);
}

static void note_head(struct buf *out, int argc, size_t wire)
{
    buf_appendf(out, "\n[%d, %zu bytes]", argc, wire);
}

static void note_error(struct buf *out, struct slice text)
{
    buf_appendf(out, "\nERROR ");
    buf_append_slice(out, text);
}

/* The line at s[pos..], up to `ending`: 1 found (*stop is the ending's index), 0 not yet, -1 too long. */
static int reference_line(struct slice s, size_t pos, char ending, size_t *stop)
{
    size_t extra = ending == '\r';
    for (size_t i = pos; i < s.len && i - pos <= REQUEST_INLINE_MAX && s.ptr[i] != '\0'; i++) {
        if (s.ptr[i] != ending) continue;
        *stop = i;
        return i + extra < s.len;
    }
    return s.len - pos > REQUEST_INLINE_MAX ? -1 : 0;
}

static bool reference_inline(struct slice line, struct buf *args, int *argc)
{
    size_t i = 0;
    for (;;) {
        while (i < line.len && isspace((unsigned char)line.ptr[i])) i++;
        if (i == line.len) return true;
        struct buf word = BUF_INIT;
        char quote = 0;
        for (;; i++) {
            char c = i < line.len ? line.ptr[i] : '\0';
            bool more = i + 1 < line.len, end = i >= line.len;
            if (end && quote) {
                buf_deinit(&word);
                return false;
            }
            if (!quote) {
                if (end || c == ' ' || c == '\t' || c == '\r' || c == '\n') break;
                if (c == '"' || c == '\'') quote = c;
                else buf_append_char(&word, c);
            } else if (c == quote) {
                i++;
                if (i < line.len && !isspace((unsigned char)line.ptr[i])) {
                    buf_deinit(&word);
                    return false;
                }
                break;
            } else if (quote == '\'') {
                if (c == '\\' && more && line.ptr[i + 1] == '\'') c = line.ptr[++i];
                buf_append_char(&word, c);
            } else if (c == '\\' && i + 3 < line.len && line.ptr[i + 1] == 'x' &&
                       isxdigit((unsigned char)line.ptr[i + 2]) && isxdigit((unsigned char)line.ptr[i + 3])) {
                char hex[3] = {line.ptr[i + 2], line.ptr[i + 3], 0};
                buf_append_char(&word, (char)strtol(hex, NULL, 16));
                i += 3;
            } else if (c == '\\' && more) {
                char e = line.ptr[++i];
                const char *known = strchr("n\nr\rt\tb\ba\a", e);
                buf_append_char(&word, isalpha((unsigned char)e) && known ? known[1] : e);
            } else {
                buf_append_char(&word, c);
            }
        }
        note_arg(args, buf_slice(&word));
        buf_deinit(&word);
        (*argc)++;
    }
}

static void reference_parse(struct slice s, const struct request_limits *limits, struct buf *out)
{
    size_t pos = 0, stop;
    struct buf args = BUF_INIT;
    while (pos < s.len) {
        size_t start = pos;
        int argc = 0, got;
        buf_clear(&args);
        if (s.ptr[pos] != '*') {
            got = reference_line(s, pos, '\n', &stop);
            if (got < 0) note_error(out, SLICE("ERR Protocol error: too big inline request"));
            if (got <= 0) break;
            size_t len = stop - pos;
            if (len > 0 && s.ptr[stop - 1] == '\r') len--;
            if (!reference_inline(slice_of(s.ptr + pos, len), &args, &argc)) {
                note_error(out, SLICE("ERR Protocol error: unbalanced quotes in request"));
                break;
            }
            pos = stop + 1;
        } else {
            int64_t count, len;
            got = reference_line(s, pos, '\r', &stop);
            if (got < 0) note_error(out, SLICE("ERR Protocol error: too big mbulk count string"));
            if (got <= 0) break;
            if (slice_to_i64(slice_of(s.ptr + pos + 1, stop - pos - 1), &count) != ST_OK || count > INT_MAX) {
                note_error(out, SLICE("ERR Protocol error: invalid multibulk length"));
                break;
            }
            if (count > 10 && !limits->authenticated) {
                note_error(out, SLICE("ERR Protocol error: unauthenticated multibulk length"));
                break;
            }
            pos = stop + 2;
            for (; argc < count; argc++) {
                got = reference_line(s, pos, '\r', &stop);
                if (got < 0) note_error(out, SLICE("ERR Protocol error: too big bulk count string"));
                if (got <= 0) break;
                got = -1;
                if (s.ptr[pos] != '$') {
                    buf_appendf(out, "\nERROR ERR Protocol error: expected '$', got '%c'", s.ptr[pos]);
                    break;
                }
                if (slice_to_i64(slice_of(s.ptr + pos + 1, stop - pos - 1), &len) != ST_OK || len < 0 ||
                    (uint64_t)len > limits->bulk_max) {
                    note_error(out, SLICE("ERR Protocol error: invalid bulk length"));
                    break;
                }
                if (len > 16384 && !limits->authenticated) {
                    note_error(out, SLICE("ERR Protocol error: unauthenticated bulk length"));
                    break;
                }
                got = 0;
                pos = stop + 2;
                if (s.len - pos < (size_t)len + 2) break;
                note_arg(&args, slice_of(s.ptr + pos, (size_t)len));
                pos += (size_t)len + 2;
                got = 1;
            }
            if (count > 0 && got <= 0) break;
        }
        if (argc == 0) continue;
        note_head(out, argc, pos - start);
        buf_append_slice(out, buf_slice(&args));
    }
    buf_deinit(&args);
}

/* How the driver cuts: pieces of 1..piece_max bytes. */
struct cuts {
    struct prng chance;
    size_t piece_max;
    int argv_room;
    size_t first; /* when not 0: the first piece's length */
};

enum { DRIVER_BATCH = 64 };

static void note_requests(struct buf *out, struct request *list, int count)
{
    for (int i = 0; i < count; i++) {
        note_head(out, list[i].argc, list[i].wire_bytes);
        for (int k = 0; k < list[i].argc; k++) {
            note_arg(out, list[i].argv[k]);
            struct blob *b = request_take_blob(&list[i], k);
            if (b && !slice_eq(blob_slice(b), list[i].argv[k])) abort();
            blob_unref(b);
        }
        request_release(&list[i]);
    }
}

/* All the requests of one piece, which lies in a block of exactly its size; they are looked at when the next ones
 * have been parsed. False after an error. */
static bool drive_piece(struct request_parser *p, struct slice piece, const struct request_limits *limits,
                        int argv_room, struct buf *out)
{
    char *block = malloc(piece.len > 0 ? piece.len : 1);
    if (piece.len > 0) memcpy(block, piece.ptr, piece.len);
    struct slice in = slice_of(block, piece.len), error;
    struct request ready[DRIVER_BATCH];
    struct slice *space[DRIVER_BATCH];
    int count = 0;
    enum request_result result;
    do {
        if (count == DRIVER_BATCH) {
            note_requests(out, ready, count);
            while (count > 0) free(space[--count]);
        }
        space[count] = malloc(((size_t)argv_room + 1) * sizeof *space[0]);
        result = request_parse(p, &in, limits, space[count], argv_room, &ready[count], &error);
        if (result == REQUEST_READY) count++;
        else free(space[count]);
    } while (result == REQUEST_READY);
    if (in.len != 0) abort();
    note_requests(out, ready, count);
    while (count > 0) free(space[--count]);
    free(block);
    if (result == REQUEST_ERROR) note_error(out, error);
    return result != REQUEST_ERROR;
}

/* Bytes that go into the parser's own block, as a socket read would put them there. */
static size_t drive_wanted(struct request_parser *p, struct slice rest, size_t piece)
{
    char *to;
    size_t room;
    if (!request_want(p, &to, &room)) return 0;
    if (room > piece) room = piece;
    if (room > rest.len) room = rest.len;
    if (room > 0) memcpy(to, rest.ptr, room);
    request_fill(p, room);
    return room;
}

static void drive(struct slice s, const struct request_limits *limits, struct cuts *cuts, struct buf *out)
{
    struct request_parser p;
    request_parser_init(&p);
    bool alive = true;
    size_t first = cuts->first;
    for (size_t pos = 0; alive && pos < s.len;) {
        struct slice rest = slice_of(s.ptr + pos, s.len - pos);
        size_t n = first > 0 ? first : 1 + (size_t)prng_below(&cuts->chance, cuts->piece_max);
        if (n > rest.len) n = rest.len;
        first = 0;
        size_t wanted = prng_below(&cuts->chance, 3) > 0 ? drive_wanted(&p, rest, n) : 0;
        if (wanted > 0) alive = drive_piece(&p, slice_of(NULL, 0), limits, cuts->argv_room, out);
        else alive = drive_piece(&p, slice_of(rest.ptr, n), limits, cuts->argv_room, out);
        pos += wanted > 0 ? wanted : n;
        if ((request_parser_mem(&p) > 0) != (p.partial != NULL)) abort();
    }
    request_parser_deinit(&p);
}

#endif
