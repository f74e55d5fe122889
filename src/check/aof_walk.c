/* The bytes of an append-only file: commands in RESP form, annotation lines, and records with a checksum
 * (persist/aof_record.h). A record is checked as a whole before its commands are looked at, and its end is a place to
 * go on from only when all of it was good. Commands without a record are what Redis wrote.
 *
 * Texts and offsets of errors are those of redis-check-aof where that has them. */
#include "check/aof_walk.h"

#include "base/num.h"
#include "sys/files.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

enum { WINDOW_STEP = 256 * 1024, NUMBER_LINE_MAX = 128, PROGRESS_BYTES = 16 * 1024 * 1024, WORD_MAX = 5 };

void aof_walk_init(struct aof_walk *w, const struct check *c, const char *name, int fd, uint64_t size, uint64_t from)
{
    *w = (struct aof_walk){.c = c, .name = name, .fd = fd, .size = size, .ok_up_to = from, .line = 1, .base = from,
                           .cut_record = UINT64_MAX};
}

void aof_walk_deinit(struct aof_walk *w)
{
    buf_deinit(&w->window);
    buf_deinit(&w->error);
}

static uint64_t offset(const struct aof_walk *w)
{
    return w->base + w->at;
}

static bool fail_at(struct aof_walk *w, uint64_t at, const char *fmt, ...) printf_like(3, 4);
static bool fail_at(struct aof_walk *w, uint64_t at, const char *fmt, ...)
{
    va_list ap;
    w->error_at = at;
    buf_clear(&w->error);
    va_start(ap, fmt);
    buf_vappendf(&w->error, fmt, ap);
    va_end(ap);
    return false;
}

/* Bytes that are there to look at, as many as `len` if the file has them. */
static size_t look(struct aof_walk *w, size_t len)
{
    size_t have = w->window.len - w->at;
    if (have >= len || w->at_end) return have;
    buf_consume(&w->window, w->at);
    w->base += w->at;
    w->at = 0;
    while (have < len) {
        buf_reserve(&w->window, WINDOW_STEP);
        ssize_t got = file_read(w->c->files, w->fd, w->window.data + have, w->window.cap - have);
        if (got < 0) (void)fail_at(w, w->base + have, "reading failed: %s", strerror(errno));
        if (got <= 0) {
            w->at_end = true;
            break;
        }
        have += (size_t)got;
        w->window.len = have;
    }
    return have;
}

static const char *here(const struct aof_walk *w)
{
    return w->window.data + w->at;
}

/* "<prefix><number>\r\n". False without an error: the file ends there. */
static bool take_number(struct aof_walk *w, char prefix, int64_t *out)
{
    char text[NUMBER_LINE_MAX + 3] = "", *digits = text + 1, *end;
    uint64_t begin = offset(w);
    size_t have = look(w, NUMBER_LINE_MAX);
    if (have == 0) return false;
    if (have > NUMBER_LINE_MAX) have = NUMBER_LINE_MAX;
    memcpy(text, here(w), have);
    if (text[0] != prefix) return fail_at(w, begin, "Expected prefix '%c', got: '%c'", prefix, text[0]);
    end = digits + (*digits == '-');
    while (isdigit((unsigned char)*end)) end++;
    if (end[0] != '\r' || end[1] != '\n')
        return fail_at(w, begin, "Expected \\r\\n, got: %02x%02x", (unsigned char)end[0], (unsigned char)end[1]);
    if (slice_to_i64(slice_of(digits, (size_t)(end - digits)), out) != ST_OK)
        return fail_at(w, begin, "Expected a number behind '%c'", prefix);
    w->at += (size_t)(end - text) + 2;
    w->line++;
    return true;
}

/* Goes over the bytes of an argument and its line end; the first ones come back in word. */
static bool take_bytes(struct aof_walk *w, uint64_t len, char word[WORD_MAX + 1])
{
    uint64_t begin = offset(w), left = len + 2;
    w->data_at = begin;
    if (left > w->size - begin)
        return fail_at(w, begin, "Expected to read %llu bytes, got %llu bytes", (unsigned long long)left,
                       (unsigned long long)(w->size - begin));
    memset(word, 0, WORD_MAX + 1);
    size_t have = look(w, left < WORD_MAX + 2 ? (size_t)left : WORD_MAX + 2);
    memcpy(word, here(w), len < WORD_MAX ? (size_t)len : WORD_MAX);
    while (left > 2) {
        have = look(w, left < WINDOW_STEP ? (size_t)left : WINDOW_STEP);
        size_t step = have < left - 2 ? have : (size_t)left - 2;
        if (step == 0) break;
        w->at += step;
        left -= step;
    }
    if (look(w, 2) < 2)
        return fail_at(w, begin, "Expected to read %llu bytes, got %llu bytes", (unsigned long long)len + 2,
                       (unsigned long long)(w->base + w->window.len - begin));
    const unsigned char *end = (const unsigned char *)here(w);
    if (end[0] != '\r' || end[1] != '\n') return fail_at(w, begin, "Expected \\r\\n, got: %02x%02x", end[0], end[1]);
    w->at += 2;
    w->line++;
    return true;
}

static bool take_argument(struct aof_walk *w, char word[WORD_MAX + 1], uint64_t *len)
{
    int64_t number;
    uint64_t begin = offset(w);
    if (!take_number(w, '$', &number)) return false;
    if (number < 0)
        return fail_at(w, begin, "Expected to read string of %lld bytes, which is not in the suitable range",
                       (long long)number);
    *len = (uint64_t)number;
    return take_bytes(w, *len, word);
}

static bool take_command(struct aof_walk *w)
{
    int64_t count;
    uint64_t begin = offset(w), len = 0, first_at = 0;
    char word[WORD_MAX + 1], first[WORD_MAX + 1] = "";
    bool is_multi = false, is_exec = false;
    if (!take_number(w, '*', &count)) return false;
    if (count < 1) return fail_at(w, begin, "Expected a command, got one of %lld arguments", (long long)count);
    for (int64_t i = 0; i < count; i++) {
        if (!take_argument(w, word, &len)) return false;
        if (i > 0) continue;
        memcpy(first, word, sizeof(first));
        first_at = w->data_at;
        is_multi = slice_is(slice_of(first, len < WORD_MAX ? (size_t)len : WORD_MAX), "multi") && len == 5;
        is_exec = slice_is(slice_of(first, len < WORD_MAX ? (size_t)len : WORD_MAX), "exec");
    }
    if (is_multi && w->in_multi) return fail_at(w, first_at, "Unexpected MULTI in AOF %s", w->name);
    if (is_exec && !w->in_multi) return fail_at(w, first_at, "Unexpected EXEC in AOF %s", w->name);
    if (is_multi) w->in_multi = true;
    if (is_exec) w->in_multi = false;
    return true;
}

static bool enter_record(struct aof_walk *w, uint64_t head_at, const struct aof_record *record)
{
    uint64_t begin = offset(w);
    uint64_t left = w->size - begin, wanted = record->len < left ? record->len : left;
    if (w->record_end != 0) return fail_at(w, head_at, "A record begins within another one");
    bool whole = record->len <= left && look(w, (size_t)record->len) >= record->len &&
                 aof_record_matches(record, slice_of(here(w), (size_t)record->len));
    if (!whole) {
        size_t have = look(w, (size_t)wanted + AOF_RECORD_LOOK_BEHIND);
        if (aof_record_was_shortened(record, slice_of(here(w), have), false)) return true;
    }
    if (record->len > left)
        return fail_at(w, head_at, "Expected a record of %llu bytes, got %llu bytes", (unsigned long long)record->len,
                       (unsigned long long)left);
    if (look(w, (size_t)record->len) < record->len) return fail_at(w, head_at, "The file became shorter");
    if (!whole)
        return fail_at(w, head_at, "Wrong checksum of a record of %llu bytes", (unsigned long long)record->len);
    w->record = *record;
    w->record_head = head_at;
    w->record_begin = begin;
    w->record_end = begin + record->len;
    return true;
}

/* What follows was written behind the time that was asked for. A transaction is not cut in two; a record is. */
static bool stop_at(struct aof_walk *w, uint64_t at)
{
    w->stopped = true;
    w->cut = w->in_multi ? w->ok_up_to : at;
    if (w->record_end != 0 && w->cut > w->record_begin)
        w->cut_record = w->record_head;
    else if (w->record_end != 0 && w->cut > w->record_head)
        w->cut = w->record_head;
    return false;
}

static bool take_annotation(struct aof_walk *w)
{
    uint64_t begin = offset(w), number = 0;
    struct aof_record record;
    size_t have = look(w, AOF_ANNOTATION_LINE_MAX);
    if (have > AOF_ANNOTATION_LINE_MAX) have = AOF_ANNOTATION_LINE_MAX;
    const char *end = memchr(here(w), '\n', have);
    if (end == NULL)
        return fail_at(w, begin, have < AOF_ANNOTATION_LINE_MAX ? "An annotation line without an end"
                                                                : "An annotation line that is too long");
    struct slice line = slice_of(here(w), (size_t)(end - here(w)));
    if (line.len > 0 && line.ptr[line.len - 1] == '\r') line.len--;
    enum aof_line kind = aof_line_parse(line, &record, &number);
    if (kind == AOF_LINE_BAD) return fail_at(w, begin, "A damaged annotation line");
    if (kind == AOF_LINE_TIME && w->truncate && (w->timestamp < 0 || number > (uint64_t)w->timestamp))
        return stop_at(w, begin);
    w->at += (size_t)(end + 1 - here(w));
    w->line++;
    return kind != AOF_LINE_RECORD || enter_record(w, begin, &record);
}

/* Whether all up to here is whole. */
static void note_progress(struct aof_walk *w)
{
    if (w->record_end != 0 && offset(w) == w->record_end) w->record_end = 0;
    if (w->record_end == 0 && !w->in_multi) w->ok_up_to = offset(w);
}

void aof_walk_run(struct aof_walk *w)
{
    bool ok = true;
    uint64_t next_progress = offset(w) + PROGRESS_BYTES;
    while (ok && look(w, 1) > 0) {
        if (*here(w) == '#') {
            ok = take_annotation(w);
        } else if (*here(w) == '*') {
            ok = take_command(w);
        } else {
            fprintf(w->c->out, "AOF %s format error\n", w->name);
            ok = false;
        }
        if (ok && w->record_end != 0 && offset(w) > w->record_end)
            ok = fail_at(w, w->record_head, "A command goes beyond the end of its record");
        if (ok) note_progress(w);
        if (offset(w) >= next_progress) {
            next_progress = offset(w) + PROGRESS_BYTES;
            check_progress(w->c, offset(w), w->size);
        }
    }
    if (w->in_multi && !w->stopped && w->error.len == 0 && look(w, 1) == 0)
        (void)fail_at(w, ok ? w->data_at : offset(w), "Reached EOF before reading EXEC for MULTI");
    check_progress_end(w->c);
}
