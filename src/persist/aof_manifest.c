/* The manifest of a multi-part append-only file. Whatever a hand may have written is checked: this file decides which
 * data is loaded. */
#include "persist/aof_manifest.h"

#include "base/mem.h"
#include "base/num.h"

#include <stdio.h>
#include <string.h>

/* "file ", " seq ", " type x\n" and digits; numbers that leave room for later ones */
enum { REST_OF_LINE = 64 };
#define SEQ_MAX (INT64_MAX / 2)

static const char kind_letters[] = {[AOF_PART_BASE] = 'b', [AOF_PART_HISTORY] = 'h', [AOF_PART_INCREMENT] = 'i'};

static char *text_new(struct slice s)
{
    char *text = mem_alloc(s.len + 1);
    if (s.len > 0) memcpy(text, s.ptr, s.len);
    text[s.len] = '\0';
    return text;
}

void aof_manifest_init(struct aof_manifest *m)
{
    *m = (struct aof_manifest){0};
}

static void parts_free(struct aof_part *parts, size_t count)
{
    for (size_t i = 0; i < count; i++) mem_free(parts[i].name);
    mem_free(parts);
}

void aof_manifest_deinit(struct aof_manifest *m)
{
    mem_free(m->base.name);
    parts_free(m->history, m->history_count);
    parts_free(m->increments, m->increment_count);
    aof_manifest_init(m);
}

static void part_push(struct aof_part **parts, size_t *count, struct aof_part owned_part)
{
    *parts = mem_realloc(*parts, (*count + 1) * sizeof(**parts));
    (*parts)[(*count)++] = owned_part;
}

/* The latest stands first, as Redis has it. */
static void history_add(struct aof_manifest *m, struct aof_part owned_part)
{
    owned_part.kind = AOF_PART_HISTORY;
    part_push(&m->history, &m->history_count, owned_part);
    memmove(m->history + 1, m->history, (m->history_count - 1) * sizeof(*m->history));
    m->history[0] = owned_part;
}

static void part_add(struct aof_manifest *m, struct aof_part owned_part)
{
    if (owned_part.kind == AOF_PART_BASE)
        m->base = owned_part;
    else if (owned_part.kind == AOF_PART_HISTORY)
        part_push(&m->history, &m->history_count, owned_part);
    else
        part_push(&m->increments, &m->increment_count, owned_part);
}

static struct aof_part part_dup(const struct aof_part *part)
{
    return (struct aof_part){text_new(slice_cstr(part->name)), part->seq, part->kind};
}

void aof_manifest_dup(struct aof_manifest *to, const struct aof_manifest *from)
{
    aof_manifest_init(to);
    to->base_seq = from->base_seq;
    to->increment_seq = from->increment_seq;
    if (from->base.name != NULL) part_add(to, part_dup(&from->base));
    for (size_t i = 0; i < from->history_count; i++) part_add(to, part_dup(&from->history[i]));
    for (size_t i = 0; i < from->increment_count; i++) part_add(to, part_dup(&from->increments[i]));
}

/* --- text --- */

static bool fail(struct buf *err, const char *why)
{
    buf_append_slice(err, slice_cstr(why));
    return false;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* Takes the character behind a backslash at *i within double quotes. */
static char unescape(struct slice line, size_t *i)
{
    char c = line.ptr[*i];
    if (c == 'x' && *i + 2 < line.len && hex_digit(line.ptr[*i + 1]) >= 0 && hex_digit(line.ptr[*i + 2]) >= 0) {
        *i += 2;
        return (char)(hex_digit(line.ptr[*i - 1]) << 4 | hex_digit(line.ptr[*i]));
    }
    switch (c) {
    case 'n': return '\n';
    case 'r': return '\r';
    case 't': return '\t';
    case 'b': return '\b';
    case 'a': return '\a';
    default: return c;
    }
}

/* The next word of the line from *at on; false: a quote is not closed, or stands inside of a word. */
static bool word_take(struct slice line, size_t *at, struct buf *word)
{
    size_t i = *at;
    char quote = line.ptr[i] == '"' || line.ptr[i] == '\'' ? line.ptr[i] : '\0';
    buf_clear(word);
    for (i += quote != '\0'; i < line.len; i++) {
        char c = line.ptr[i];
        if (quote == '\0' && (c == ' ' || c == '\t')) break;
        if (quote != '\0' && c == quote) {
            *at = i + 1;
            return *at == line.len || line.ptr[*at] == ' ' || line.ptr[*at] == '\t';
        }
        if (c == '\\' && i + 1 < line.len && (quote == '"' || (quote == '\'' && line.ptr[i + 1] == '\''))) {
            i++;
            c = quote == '"' ? unescape(line, &i) : '\'';
        }
        buf_append_char(word, c);
    }
    *at = i;
    return quote == '\0';
}

/* It must fit into a line again, however it is quoted there. */
static bool name_fits(struct slice name)
{
    struct buf quoted = BUF_INIT;
    buf_append_repr(&quoted, name);
    bool fits = quoted.len < AOF_MANIFEST_LINE_MAX - REST_OF_LINE;
    buf_deinit(&quoted);
    return fits;
}

static bool value_take(struct aof_part *part, bool *has_kind, struct slice key, struct slice value, struct buf *err)
{
    if (slice_eq_nocase(key, SLICE("file"))) {
        if (value.len > 0 && (memchr(value.ptr, '/', value.len) != NULL || memchr(value.ptr, '\0', value.len) != NULL))
            return fail(err, "File can't be a path, just a filename");
        if (!name_fits(value)) return fail(err, "File name is too long");
        mem_free(part->name);
        part->name = text_new(value);
    } else if (slice_eq_nocase(key, SLICE("seq"))) {
        if (slice_to_i64(value, &part->seq) != ST_OK) part->seq = 0;
    } else if (slice_eq_nocase(key, SLICE("type"))) {
        const char *found = value.len == 1 ? memchr(kind_letters, value.ptr[0], sizeof(kind_letters)) : NULL;
        if (found == NULL) return fail(err, "Unknown AOF file type");
        part->kind = (enum aof_part_kind)(found - kind_letters);
        *has_kind = true;
    }
    return true; /* words that are not known are for later versions */
}

/* Pairs of a key and a value. */
static bool line_parse(struct slice line, struct aof_part *part, struct buf *err)
{
    struct buf key = BUF_INIT, value = BUF_INIT;
    bool ok = true, has_kind = false, is_key = true;
    size_t at = 0;
    while (ok && at < line.len) {
        if (line.ptr[at] == ' ' || line.ptr[at] == '\t') {
            at++;
            continue;
        }
        ok = word_take(line, &at, is_key ? &key : &value) || fail(err, "Invalid AOF manifest file format");
        if (ok && !is_key) ok = value_take(part, &has_kind, buf_slice(&key), buf_slice(&value), err);
        is_key = !is_key;
    }
    bool numbered = part->seq > 0 && part->seq <= SEQ_MAX;
    if (ok && (!is_key || part->name == NULL || part->name[0] == '\0' || !numbered || !has_kind))
        ok = fail(err, "Invalid AOF manifest file format");
    buf_deinit(&key);
    buf_deinit(&value);
    return ok;
}

static bool part_fits(const struct aof_manifest *m, const struct aof_part *part, struct buf *err)
{
    if (part->kind == AOF_PART_BASE && m->base.name != NULL)
        return fail(err, "Found duplicate base file information");
    if (part->kind == AOF_PART_INCREMENT && part->seq <= m->increment_seq)
        return fail(err, "Found a non-monotonic sequence number");
    return true;
}

static bool line_take(struct aof_manifest *m, struct slice line, struct buf *err)
{
    struct aof_part part = {0};
    if (!line_parse(line, &part, err) || !part_fits(m, &part, err)) {
        mem_free(part.name);
        return false;
    }
    if (part.kind == AOF_PART_BASE) m->base_seq = part.seq;
    if (part.kind == AOF_PART_INCREMENT) m->increment_seq = part.seq;
    part_add(m, part);
    return true;
}

bool aof_manifest_parse(struct aof_manifest *m, struct slice text, int *line, struct buf *err)
{
    aof_manifest_init(m);
    *line = 0;
    bool ok = text.len > 0 || fail(err, "Found an empty AOF manifest");
    while (ok && text.len > 0) {
        const char *end = memchr(text.ptr, '\n', text.len);
        size_t len = end == NULL ? text.len : (size_t)(end - text.ptr);
        struct slice one = slice_of(text.ptr, len);
        text = slice_of(text.ptr + len + (end != NULL), text.len - len - (end != NULL));
        ++*line;
        if (len > 0 && one.ptr[0] == '#') continue;
        if (end == NULL || len >= AOF_MANIFEST_LINE_MAX) {
            ok = fail(err, "The AOF manifest file contains too long line");
            break;
        }
        if (one.len > 0 && one.ptr[one.len - 1] == '\r') one.len--;
        ok = line_take(m, one, err);
    }
    if (!ok) aof_manifest_deinit(m);
    return ok;
}

static bool needs_quotes(const char *name)
{
    for (; *name != '\0'; name++)
        if (*name <= ' ' || *name == '"' || *name == '\'' || *name == '\\' || *name == 127) return true;
    return false;
}

static void part_format(const struct aof_part *part, struct buf *out)
{
    buf_append_slice(out, SLICE("file "));
    if (needs_quotes(part->name))
        buf_append_repr(out, slice_cstr(part->name));
    else
        buf_append_slice(out, slice_cstr(part->name));
    buf_appendf(out, " seq %lld type %c\n", (long long)part->seq, kind_letters[part->kind]);
}

void aof_manifest_format(const struct aof_manifest *m, struct buf *out)
{
    if (m->base.name != NULL) part_format(&m->base, out);
    for (size_t i = 0; i < m->history_count; i++) part_format(&m->history[i], out);
    for (size_t i = 0; i < m->increment_count; i++) part_format(&m->increments[i], out);
}

/* --- changes --- */

static char *part_name(const char *file, int64_t seq, const char *kind, const char *format)
{
    struct buf name = BUF_INIT;
    buf_appendf(&name, "%s.%lld.%s.%s", file, (long long)seq, kind, format);
    char *text = text_new(buf_slice(&name));
    buf_deinit(&name);
    return text;
}

static bool is_one_of(const struct aof_part *parts, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(parts[i].name, name) == 0) return true;
    return false;
}

bool aof_manifest_in_use(const struct aof_manifest *m, const char *name)
{
    return (m->base.name != NULL && strcmp(m->base.name, name) == 0) ||
           is_one_of(m->increments, m->increment_count, name);
}

/* The next number whose name is free: history may stand alone, and its numbers count for nothing when it is read. */
static struct aof_part part_next(const struct aof_manifest *m, const char *file, int64_t last_seq,
                                 enum aof_part_kind kind, const char *word, const char *format)
{
    struct aof_part part = {NULL, last_seq, kind};
    do {
        mem_free(part.name);
        part.name = part_name(file, ++part.seq, word, format);
    } while (aof_manifest_in_use(m, part.name) || is_one_of(m->history, m->history_count, part.name));
    return part;
}

static void base_to_history(struct aof_manifest *m)
{
    if (m->base.name == NULL) return;
    history_add(m, m->base);
    m->base.name = NULL;
}

const char *aof_manifest_add_base(struct aof_manifest *m, const char *file, bool rdb)
{
    base_to_history(m);
    m->base = part_next(m, file, m->base_seq, AOF_PART_BASE, "base", rdb ? "rdb" : "aof");
    m->base_seq = m->base.seq;
    return m->base.name;
}

void aof_manifest_adopt_base(struct aof_manifest *m, const char *name)
{
    base_to_history(m);
    m->base_seq = 1;
    m->base = (struct aof_part){text_new(slice_cstr(name)), 1, AOF_PART_BASE};
}

const char *aof_manifest_add_increment(struct aof_manifest *m, const char *file)
{
    struct aof_part part = part_next(m, file, m->increment_seq, AOF_PART_INCREMENT, "incr", "aof");
    m->increment_seq = part.seq;
    part_add(m, part);
    return part.name;
}

void aof_manifest_increments_to_history(struct aof_manifest *m, size_t keep_last)
{
    size_t going = m->increment_count > keep_last ? m->increment_count - keep_last : 0;
    for (size_t i = 0; i < going; i++) history_add(m, m->increments[i]);
    m->increment_count -= going;
    if (going > 0) memmove(m->increments, m->increments + going, m->increment_count * sizeof(*m->increments));
}

void aof_manifest_forget_history(struct aof_manifest *m)
{
    parts_free(m->history, m->history_count);
    m->history = NULL;
    m->history_count = 0;
}
