/* Records and commands of an append-only file: form and check. */
#include "persist/aof_record.h"

#include "base/crc.h"
#include "base/mem.h"
#include "base/num.h"

#include <string.h>

enum { COMMAND_ARGS_MAX = 1024 * 1024 * 1024, NUMBER_LINE_MAX = 24 };
#define BULK_MAX ((uint64_t)1 << 40)

/* "<length> <durable>", in what the checksum covers too. */
static size_t lengths_text(char *out, uint64_t len, uint64_t durable)
{
    size_t n = (size_t)u64_to_text(out, len);
    out[n++] = ' ';
    return n + (size_t)u64_to_text(out + n, durable);
}

static uint64_t record_crc(struct slice bytes, uint64_t durable)
{
    char text[2 * NUM_I64_TEXT_MAX];
    size_t n = lengths_text(text, bytes.len, durable);
    return crc64(crc64(0, bytes.ptr, bytes.len), text, n);
}

int aof_record_head(char out[AOF_RECORD_HEAD_MAX], struct slice bytes, uint64_t durable)
{
    static const char digits[16] = "0123456789abcdef";
    uint64_t crc = record_crc(bytes, durable);
    char *at = mempcpy(out, "#CRC:", 5);
    at += u64_to_text(at, bytes.len);
    *at++ = ' ';
    for (int shift = 60; shift >= 0; shift -= 4) *at++ = digits[crc >> shift & 15];
    *at++ = ' ';
    at += u64_to_text(at, durable);
    at = mempcpy(at, "\r\n", 2);
    return (int)(at - out);
}

bool aof_record_matches(const struct aof_record *record, struct slice bytes)
{
    return bytes.len == record->len && record_crc(bytes, record->durable) == record->crc;
}

static bool take_hex(struct slice text, uint64_t *out)
{
    uint64_t value = 0;
    if (text.len != 16) return false;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        int digit = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
        if (digit < 0) return false;
        value = value << 4 | (uint64_t)digit;
    }
    *out = value;
    return true;
}

static bool parse_head(struct slice text, struct aof_record *record)
{
    const char *end = text.ptr + text.len, *first = memchr(text.ptr, ' ', text.len);
    if (first == NULL) return false;
    const char *second = memchr(first + 1, ' ', (size_t)(end - first - 1));
    return second != NULL && slice_to_u64(slice_of(text.ptr, (size_t)(first - text.ptr)), &record->len) == ST_OK &&
           take_hex(slice_of(first + 1, (size_t)(second - first - 1)), &record->crc) &&
           slice_to_u64(slice_of(second + 1, (size_t)(end - second - 1)), &record->durable) == ST_OK;
}

static bool begins(struct slice line, const char *word)
{
    size_t len = strlen(word);
    return line.len >= len && memcmp(line.ptr, word, len) == 0;
}

static struct slice behind(struct slice line, size_t n)
{
    return slice_of(line.ptr + n, line.len - n);
}

/* One letter away from the word. */
static bool resembles(struct slice line, const char *word)
{
    size_t len = strlen(word), differ = 0;
    if (line.len < len) return false;
    for (size_t i = 0; i < len; i++) differ += line.ptr[i] != word[i];
    return differ == 1;
}

enum aof_line aof_line_parse(struct slice line, struct aof_record *record, uint64_t *number)
{
    if (begins(line, "#CRC:")) return parse_head(behind(line, 5), record) ? AOF_LINE_RECORD : AOF_LINE_BAD;
    if (begins(line, "#OFF:")) return slice_to_u64(behind(line, 5), number) == ST_OK ? AOF_LINE_OFFSET : AOF_LINE_BAD;
    if (begins(line, "#TS:")) return slice_to_u64(behind(line, 4), number) == ST_OK ? AOF_LINE_TIME : AOF_LINE_OTHER;
    /* A letter that changed must not make a head a line that is skipped, and its record bytes without a checksum. */
    if (resembles(line, "#CRC:") || resembles(line, "#OFF:")) return AOF_LINE_BAD;
    return AOF_LINE_OTHER;
}

/* ---- commands ---- */

static void args_push(struct aof_args *args, struct slice arg)
{
    if (args->count == args->cap) {
        args->cap = args->cap == 0 ? 256 : args->cap * 2;
        args->argv = mem_realloc(args->argv, (size_t)args->cap * sizeof(*args->argv));
    }
    args->argv[args->count++] = arg;
}

/* "<kind><number>\r\n" at *at. */
static enum aof_take number_take(struct slice in, uint64_t *at, char kind, uint64_t *out)
{
    if (*at >= in.len) return AOF_TAKE_MORE;
    if (in.ptr[*at] != kind) return AOF_TAKE_BAD;
    size_t room = in.len - *at;
    const char *line = in.ptr + *at, *end = memchr(line, '\n', room < NUMBER_LINE_MAX ? room : NUMBER_LINE_MAX);
    if (end == NULL) return room >= NUMBER_LINE_MAX ? AOF_TAKE_BAD : AOF_TAKE_MORE;
    size_t len = (size_t)(end - line);
    if (len < 3 || line[len - 1] != '\r' || slice_to_u64(slice_of(line + 1, len - 2), out) != ST_OK)
        return AOF_TAKE_BAD;
    *at += len + 1;
    return AOF_TAKE_READY;
}

static enum aof_take bulk_take(struct slice in, uint64_t *at, struct aof_args *args, uint64_t *missing)
{
    uint64_t len;
    enum aof_take take = number_take(in, at, '$', &len);
    if (take != AOF_TAKE_READY) return take;
    if (len > BULK_MAX) return AOF_TAKE_BAD;
    if (in.len - *at < len + 2) {
        *missing = len + 2 - (in.len - *at);
        return AOF_TAKE_MORE;
    }
    const char *bytes = in.ptr + *at;
    if (bytes[len] != '\r' || bytes[len + 1] != '\n') {
        *at += len;
        return AOF_TAKE_BAD;
    }
    args_push(args, slice_of(bytes, len));
    *at += len + 2;
    return AOF_TAKE_READY;
}

enum aof_take aof_command_take(struct slice in, struct aof_args *args, int *argc, uint64_t *used, uint64_t *missing)
{
    uint64_t count = 0, at = 0;
    int before = args->count;
    *missing = 0;
    enum aof_take take = number_take(in, &at, '*', &count);
    if (take == AOF_TAKE_READY && (count == 0 || count > COMMAND_ARGS_MAX)) take = AOF_TAKE_BAD;
    for (uint64_t i = 0; i < count && take == AOF_TAKE_READY; i++) take = bulk_take(in, &at, args, missing);
    *used = at;
    *argc = args->count - before;
    if (take != AOF_TAKE_READY) args->count = before;
    return take;
}

/* ---- records that Redis has cut ---- */

/* The line at the front of `in`, with its end; 0: none. *kind: what it is. */
static size_t annotation_take(struct slice in, enum aof_line *kind, struct aof_record *record)
{
    uint64_t number;
    const char *end = memchr(in.ptr, '\n', in.len < AOF_ANNOTATION_LINE_MAX ? in.len : AOF_ANNOTATION_LINE_MAX);
    if (end == NULL || end[-1] != '\r') return 0;
    size_t len = (size_t)(end - in.ptr);
    *kind = aof_line_parse(slice_of(in.ptr, len - 1), record, &number);
    return len + 1;
}

static bool whole_record_begins(const struct aof_record *record, struct slice in)
{
    return record->len <= in.len && aof_record_matches(record, slice_of(in.ptr, (size_t)record->len));
}

/* Behind times, which stand outside of records. */
static bool head_begins(struct slice in)
{
    enum aof_line kind = AOF_LINE_TIME;
    struct aof_record record;
    while (kind == AOF_LINE_TIME) {
        size_t len = in.len > 0 && in.ptr[0] == '#' ? annotation_take(in, &kind, &record) : 0;
        if (len == 0) return false;
        in = behind(in, len);
    }
    return kind == AOF_LINE_RECORD;
}

bool aof_record_was_shortened(const struct aof_record *record, struct slice rest, bool whole_end)
{
    struct aof_args args = {0};
    if (rest.len > record->len && head_begins(behind(rest, (size_t)record->len))) return false; /* it has its length */
    bool shortened = false;
    for (uint64_t at = 0, used, missing; at != record->len;) {
        struct slice in = behind(rest, (size_t)at);
        bool beyond = at > record->len;
        const struct aof_record ends_here = {at, record->crc, record->durable};
        if ((in.len == 0 || in.ptr[0] == '#') && aof_record_matches(&ends_here, slice_of(rest.ptr, (size_t)at)))
            break; /* the length in the head is what is wrong */
        if (in.len == 0) {
            shortened = beyond || (whole_end && at > 0);
            break;
        }
        if (in.ptr[0] == '#') {
            enum aof_line kind;
            struct aof_record other;
            size_t len = annotation_take(in, &kind, &other);
            if (len == 0 || kind == AOF_LINE_BAD) break;
            if (kind == AOF_LINE_RECORD) {
                shortened = at > 0 && (beyond || whole_record_begins(&other, behind(in, len)));
                break;
            }
            at += len;
            continue;
        }
        int argc;
        args.count = 0;
        enum aof_take take = aof_command_take(in, &args, &argc, &used, &missing);
        if (take == AOF_TAKE_MORE) shortened = beyond;
        if (take != AOF_TAKE_READY) break;
        at += used;
    }
    mem_free(args.argv);
    return shortened;
}
