/* The configuration at start: file, includes, standard input and command line.
 *
 * Command-line options are turned into lines and put behind the file's text, so that both have one syntax and one
 * numbering:
 *
 *   file text \n  standard input \n  \n  option "value" "value"  \n  option "value" ...
 *
 * A line is words between spaces. "..." knows \n \r \t \a \b \xHH and \c for any other c; '...' knows \' only; a
 * closing quote ends its word. A line that begins with # is a comment. */
#include "engine/config_impl.h"

#include "base/mem.h"
#include "base/version.h"

#include <ctype.h>
#include <errno.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { INCLUDE_DEPTH_MAX = 16, PATH_TEXT_MAX = 4096 };

/* --- lines and words --- */

struct slice config_trim(struct slice line)
{
    while (line.len > 0 && isspace((unsigned char)line.ptr[0]))
        line = slice_of(line.ptr + 1, line.len - 1);
    while (line.len > 0 && isspace((unsigned char)line.ptr[line.len - 1]))
        line.len--;
    return line;
}

bool config_next_line(struct slice *rest, struct slice *line)
{
    if (rest->len == 0)
        return false;
    const char *end = memchr(rest->ptr, '\n', rest->len);
    size_t len = end == NULL ? rest->len : (size_t)(end - rest->ptr);
    *line = slice_of(rest->ptr, len);
    len += end != NULL;
    *rest = slice_of(rest->ptr + len, rest->len - len);
    return true;
}

void config_words_deinit(struct config_words *w)
{
    mem_free(w->argv);
    buf_deinit(&w->storage);
    *w = (struct config_words){.argv = NULL};
}

static int hex_value(char c)
{
    if (c >= '0' && c <= '9') return c - '0';
    c = (char)tolower((unsigned char)c);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* One escape behind a backslash at line[at]; returns the index behind it. */
static size_t unescape(struct slice line, size_t at, struct buf *out)
{
    char c = line.ptr[at];
    if (c == 'x' && at + 2 < line.len && hex_value(line.ptr[at + 1]) >= 0 && hex_value(line.ptr[at + 2]) >= 0) {
        buf_append_char(out, (char)(hex_value(line.ptr[at + 1]) * 16 + hex_value(line.ptr[at + 2])));
        return at + 3;
    }
    switch (c) {
    case 'n': c = '\n'; break;
    case 'r': c = '\r'; break;
    case 't': c = '\t'; break;
    case 'b': c = '\b'; break;
    case 'a': c = '\a'; break;
    default: break;
    }
    buf_append_char(out, c);
    return at + 1;
}

/* The quoted part that starts behind the quote before line[at]; false: it does not end, or a word goes on behind it. */
static bool quoted_part(struct slice line, size_t *at, char quote, struct buf *out)
{
    size_t i = *at;
    while (i < line.len && line.ptr[i] != quote) {
        bool escape = line.ptr[i] == '\\' && i + 1 < line.len;
        if (escape && quote == '"')
            i = unescape(line, i + 1, out);
        else if (escape && line.ptr[i + 1] == '\'') {
            buf_append_char(out, '\'');
            i += 2;
        } else
            buf_append_char(out, line.ptr[i++]);
    }
    if (i == line.len)
        return false;
    *at = i + 1;
    return *at == line.len || isspace((unsigned char)line.ptr[*at]);
}

static bool next_word(struct slice line, size_t *at, struct buf *out)
{
    while (*at < line.len && !isspace((unsigned char)line.ptr[*at])) {
        char c = line.ptr[(*at)++];
        if (c == '"' || c == '\'') {
            return quoted_part(line, at, c, out);
        }
        buf_append_char(out, c);
    }
    return true;
}

bool config_words_split(struct config_words *w, struct slice line)
{
    /* Words are collected as offsets first: storage moves while it grows. It cannot outgrow the line. */
    *w = (struct config_words){.argv = NULL};
    buf_reserve(&w->storage, line.len + 1);
    size_t at = 0;
    for (;;) {
        while (at < line.len && isspace((unsigned char)line.ptr[at]))
            at++;
        if (at == line.len)
            return true;
        size_t start = w->storage.len;
        if (!next_word(line, &at, &w->storage)) {
            config_words_deinit(w);
            return false;
        }
        if (w->argc == w->cap) {
            w->cap = w->cap == 0 ? 8 : w->cap * 2;
            w->argv = mem_realloc(w->argv, (size_t)w->cap * sizeof(*w->argv));
        }
        w->argv[w->argc++] = slice_of(w->storage.data + start, w->storage.len - start);
    }
}

/* --- reports --- */

static void report(struct buf *err, int number, struct slice line, struct slice reason)
{
    buf_appendf(err, "\n*** FATAL CONFIG FILE ERROR (Redis %s) ***\nReading the configuration file, at line %d\n>>> '",
                CAIRN_REDIS_VERSION, number);
    buf_append_slice(err, line);
    buf_append_slice(err, SLICE("'\n"));
    buf_append_slice(err, reason);
    buf_append_char(err, '\n');
}

static void absolute_path(const char *path, struct buf *out)
{
    char cwd[PATH_TEXT_MAX];
    if (path[0] != '/' && getcwd(cwd, sizeof(cwd)) != NULL)
        buf_appendf(out, "%s/", cwd);
    while (path[0] == '.' && path[1] == '/')
        path += 2;
    buf_append(out, path, strlen(path));
}

static bool stream_read_all(FILE *f, struct buf *out)
{
    char chunk[4096];
    size_t n;
    while ((n = fread(chunk, 1, sizeof(chunk), f)) > 0)
        buf_append(out, chunk, n);
    return !ferror(f);
}

static bool file_read_text(const char *path, struct buf *out, struct buf *err)
{
    FILE *f = fopen(path, "re");
    bool ok = f != NULL && stream_read_all(f, out);
    if (!ok)
        buf_appendf(err, "Fatal error, can't open config file '%s': %s", path, strerror(errno));
    if (f != NULL)
        fclose(f);
    return ok;
}

/* --- taking lines in --- */

struct loading { /* one text */
    struct config *c;
    int depth;
    int number;        /* of the line, from 1 */
    struct slice line; /* trimmed */
    struct buf reason; /* why the line is refused */
    struct buf *err;   /* the report */
};

static bool load_text(struct config *c, struct slice text, int depth, struct buf *err);

static bool refuse(struct loading *l, const char *why)
{
    buf_append(&l->reason, why, strlen(why));
    return false;
}

static bool include_one(struct loading *l, const char *path)
{
    struct buf text = BUF_INIT;
    bool ok = file_read_text(path, &text, l->err) && load_text(l->c, buf_slice(&text), l->depth + 1, l->err);
    buf_deinit(&text);
    return ok;
}

/* A pattern that matches nothing is no error, a plain name that does not exist is one. */
static bool include(struct loading *l, struct slice name)
{
    if (l->depth == INCLUDE_DEPTH_MAX)
        return refuse(l, "too many nested includes");
    char *path = mem_dup(name.ptr, name.len);
    bool ok = true;
    if (strpbrk(path, "*?[") == NULL) {
        ok = include_one(l, path);
    } else {
        glob_t found;
        if (glob(path, 0, NULL, &found) == 0) {
            for (size_t i = 0; i < found.gl_pathc && ok; i++)
                ok = include_one(l, found.gl_pathv[i]);
            globfree(&found);
        }
    }
    mem_free(path);
    return ok;
}

/* Keeps the line; takes over the words. */
static bool keep_line(struct loading *l, const struct config_entry *entry, struct config_words *owned_words)
{
    const struct config_item *item = entry->item;
    int args = owned_words->argc - 1;
    char *raw = mem_dup(l->line.ptr, l->line.len);
    bool ok = args >= item->min && (item->max == 0 || args <= item->max);
    if (!ok)
        refuse(l, "Bad directive or wrong number of arguments");
    else if (item->check != NULL)
        ok = item->check(entry->owner, raw, owned_words->argc, &l->reason);
    if (!ok) {
        mem_free(raw);
        return false;
    }
    struct config_line *line = mem_alloc(sizeof(*line));
    *line = (struct config_line){.entry = entry, .number = l->number, .raw = raw, .words = *owned_words};
    *l->c->lines_end = line;
    l->c->lines_end = &line->next;
    *owned_words = (struct config_words){.argv = NULL};
    return true;
}

static bool take_value(struct loading *l, struct config_entry *entry, const struct config_words *words)
{
    if (config_assign(entry, words->argc - 1, words->argv + 1, entry->configured, &l->reason) == CONFIG_REFUSED)
        return false;
    entry->configured = true;
    return true;
}

static bool take_line(struct loading *l, struct config_words *words)
{
    const struct config_name *found = config_find(l->c, words->argv[0]);
    bool is_include = slice_is(words->argv[0], "include");
    uint32_t flags = found == NULL ? 0 : found->entry->item->flags;
    if ((found == NULL && !is_include) || ((is_include || (flags & CONFIG_IGNORED)) && words->argc != 2))
        return refuse(l, "Bad directive or wrong number of arguments");
    if (is_include)
        return include(l, words->argv[1]);
    if (flags & CONFIG_IGNORED)
        return true;
    if (flags & CONFIG_FILE_ONLY)
        return keep_line(l, found->entry, words);
    return take_value(l, found->entry, words);
}

static bool load_text(struct config *c, struct slice text, int depth, struct buf *err)
{
    struct loading l = {.c = c, .depth = depth, .reason = BUF_INIT, .err = err};
    struct slice line;
    bool ok = true;
    while (ok && config_next_line(&text, &line)) {
        l.number++;
        l.line = config_trim(line);
        if (l.line.len == 0 || l.line.ptr[0] == '#')
            continue;
        struct config_words words;
        if (!config_words_split(&words, l.line))
            ok = refuse(&l, "Unbalanced quotes in configuration line");
        else if (words.argc > 0)
            ok = take_line(&l, &words);
        config_words_deinit(&words);
    }
    if (l.reason.len > 0) /* else the report is there: of an included file */
        report(err, l.number, l.line, buf_slice(&l.reason));
    buf_deinit(&l.reason);
    return ok;
}

/* --- the command line --- */

static bool is_option(const char *arg)
{
    return arg[0] == '-' && arg[1] == '-';
}

/* True when the option's own argument holds the name alone ("--port", not "--port 1"): what follows is its value, even
 * if that looks like an option. */
static bool is_bare_name(const char *option)
{
    struct config_words words;
    bool bare = config_words_split(&words, slice_cstr(option)) && words.argc == 1;
    config_words_deinit(&words);
    return bare;
}

static void options_text(int argc, char **argv, struct buf *out)
{
    bool wants_value = false;
    for (int i = 0; i < argc; i++) {
        if (!is_option(argv[i]) || wants_value) {
            buf_append_repr(out, slice_cstr(argv[i]));
            buf_append_char(out, ' ');
            wants_value = false;
            continue;
        }
        const char *option = argv[i] + 2;
        buf_appendf(out, "%s%s ", i == 0 ? "" : "\n", option);
        wants_value = is_bare_name(option);
        /* "--save" without a value means no snapshots at all. */
        if (wants_value && slice_is(config_trim(slice_cstr(option)), "save") &&
            (i + 1 == argc || is_option(argv[i + 1]))) {
            buf_append_slice(out, SLICE("\"\""));
            wants_value = false;
        }
    }
}

bool config_load(struct config *c, const char *path, int argc, char **argv, struct buf *err)
{
    if (c->loaded)
        abort();
    c->loaded = true;
    struct buf text = BUF_INIT;
    bool ok = true, from_stdin = path != NULL && strcmp(path, "-") == 0;
    if (argc > 0 && strcmp(argv[argc - 1], "-") == 0) {
        from_stdin = true;
        argc--;
    }
    if (path != NULL && path[0] != '\0' && strcmp(path, "-") != 0) {
        struct buf full = BUF_INIT;
        absolute_path(path, &full);
        mem_free(c->path);
        c->path = mem_dup(full.data, full.len);
        buf_deinit(&full);
        ok = file_read_text(c->path, &text, err);
        if (from_stdin && text.len > 0 && text.data[text.len - 1] != '\n')
            buf_append_char(&text, '\n');
    }
    if (ok && from_stdin && !stream_read_all(stdin, &text)) {
        buf_appendf(err, "Fatal error, can't read the configuration from standard input: %s", strerror(errno));
        ok = false;
    }
    if (argc > 0) {
        buf_append_char(&text, '\n');
        options_text(argc, argv, &text);
    }
    ok = ok && load_text(c, buf_slice(&text), 0, err);
    buf_deinit(&text);
    return ok;
}

const char *config_file_path(const struct config *c)
{
    return c->path;
}

bool config_each_line(struct config *c, const char *name,
                      bool (*fn)(void *arg, int argc, const struct slice *argv, struct buf *err), void *arg,
                      struct buf *err)
{
    const struct config_name *found = config_find(c, slice_cstr(name));
    for (struct config_line *line = c->lines; line != NULL && found != NULL; line = line->next) {
        struct buf reason = BUF_INIT;
        bool ok = line->entry != found->entry || fn(arg, line->words.argc, line->words.argv, &reason);
        if (!ok)
            report(err, line->number, slice_cstr(line->raw), buf_slice(&reason));
        buf_deinit(&reason);
        if (!ok)
            return false;
    }
    return true;
}
