/* The registry: names, values, CONFIG GET.
 *
 * A value changes in two phases: assign parses, checks and stores, apply makes it effective (config_set.c). Names and
 * aliases are rows of one sorted array that point to their entry. */
#include "engine/config_impl.h"

#include "base/glob.h"
#include "base/mem.h"
#include "base/num.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

noreturn_fn static void programmer_error(const char *name, const char *what)
{
    fprintf(stderr, "Configuration table: %s: '%s'\n", what, name);
    abort();
}

static void say(struct buf *err, const char *text)
{
    buf_append(err, text, strlen(text));
}

struct config *config_new(void)
{
    struct config *c = mem_zalloc(sizeof(*c));
    c->tables_end = &c->tables;
    c->lines_end = &c->lines;
    c->path = mem_strdup("");
    return c;
}

static void entry_deinit(struct config_entry *entry)
{
    mem_free((void *)entry->text);
    mem_free(entry->fallback_text);
    while (entry->hooks != NULL) {
        struct config_hook *next = entry->hooks->next;
        mem_free(entry->hooks);
        entry->hooks = next;
    }
}

void config_free(struct config *c)
{
    while (c->tables != NULL) {
        struct config_table *next = c->tables->next;
        for (int i = 0; i < c->tables->count; i++)
            entry_deinit(&c->tables->entries[i]);
        mem_free(c->tables);
        c->tables = next;
    }
    while (c->lines != NULL) {
        struct config_line *next = c->lines->next;
        config_words_deinit(&c->lines->words);
        mem_free(c->lines->raw);
        mem_free(c->lines);
        c->lines = next;
    }
    mem_free(c->names);
    mem_free(c->path);
    mem_free(c);
}

/* --- names --- */

static int name_compare(struct slice a, const char *b)
{
    size_t len = strlen(b), common = a.len < len ? a.len : len;
    int order = common == 0 ? 0 : strncasecmp(a.ptr, b, common);
    return order != 0 ? order : (a.len > len) - (a.len < len);
}

/* Index of the name, or of the place where it belongs. */
static int name_search(const struct config *c, struct slice name, bool *found)
{
    int low = 0, high = c->name_count;
    *found = false;
    while (low < high) {
        int middle = (low + high) / 2;
        int order = name_compare(name, c->names[middle].name);
        if (order == 0) {
            *found = true;
            return middle;
        }
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}

const struct config_name *config_find(const struct config *c, struct slice name)
{
    bool found;
    int at = name_search(c, name, &found);
    return found ? &c->names[at] : NULL;
}

struct config_entry *config_entry_named(const struct config *c, const char *name)
{
    const struct config_name *found = config_find(c, slice_cstr(name));
    if (found == NULL)
        programmer_error(name, "no such directive");
    return found->entry;
}

static void name_add(struct config *c, const char *name, struct config_entry *entry, bool hidden)
{
    bool found;
    int at = name_search(c, slice_cstr(name), &found);
    if (found)
        programmer_error(name, "the name is taken");
    if (c->name_count == c->name_cap) {
        c->name_cap = c->name_cap == 0 ? 64 : c->name_cap * 2;
        c->names = mem_realloc(c->names, (size_t)c->name_cap * sizeof(*c->names));
    }
    memmove(&c->names[at + 1], &c->names[at], (size_t)(c->name_count - at) * sizeof(*c->names));
    c->names[at] = (struct config_name){name, entry, hidden};
    c->name_count++;
}

/* --- reading values --- */

static bool parse_bool(struct slice text, int64_t *out, struct buf *err)
{
    *out = slice_is(text, "yes");
    if (*out || slice_is(text, "no"))
        return true;
    say(err, "argument must be 'yes' or 'no'");
    return false;
}

static void range_error(const struct config_item *item, struct buf *err)
{
    long long min = item->min, max = item->max;
    if (item->type == CONFIG_OCTAL)
        buf_appendf(err, "argument must be between %llo and %llo inclusive", (unsigned long long)min,
                    (unsigned long long)max);
    else
        buf_appendf(err, "argument must be between %lld and %lld inclusive", min, max);
}

static bool in_range(const struct config_item *item, int64_t v, struct buf *err)
{
    if (v >= item->min && v <= item->max)
        return true;
    range_error(item, err);
    return false;
}

static bool parse_octal(struct slice text, int64_t *out, struct buf *err)
{
    int64_t v = 0;
    bool ok = text.len <= 20;
    for (size_t i = 0; ok && i < text.len; i++) {
        ok = text.ptr[i] >= '0' && text.ptr[i] <= '7';
        v = v * 8 + (text.ptr[i] - '0');
    }
    *out = v;
    if (!ok)
        say(err, "argument couldn't be parsed as an octal number");
    return ok;
}

/* An empty text is 0, as in Redis: start scripts pass unset variables. */
static bool parse_bytes(struct slice text, uint64_t *out)
{
    *out = 0;
    return text.len == 0 || slice_to_bytes(text, out) == ST_OK;
}

static bool bytes_in_range(const struct config_item *item, uint64_t v, int64_t *out, struct buf *err)
{
    bool cut = v > INT64_MAX;
    *out = cut ? INT64_MAX : (int64_t)v;
    if (!cut || (item->flags & CONFIG_UNSIGNED))
        return in_range(item, *out, err);
    range_error(item, err);
    return false;
}

static bool parse_percent_or_bytes(struct slice text, int64_t *out, struct buf *err)
{
    int64_t percent;
    if (text.len > 1 && text.ptr[text.len - 1] == '%' &&
        slice_to_i64(slice_of(text.ptr, text.len - 1), &percent) == ST_OK && percent >= 0) {
        *out = -percent;
        if (percent > 100)
            say(err, "percentage argument must be less or equal to 100");
        return percent <= 100;
    }
    uint64_t bytes;
    if (parse_bytes(text, &bytes) && bytes <= INT64_MAX) {
        *out = (int64_t)bytes;
        return true;
    }
    say(err, "argument must be a memory or percent value");
    return false;
}

static const struct config_enum *enum_by_name(const struct config_enum *enums, struct slice name)
{
    for (; enums->name != NULL; enums++)
        if (slice_eq_nocase(name, slice_cstr(enums->name)))
            return enums;
    return NULL;
}

static bool parse_enum(const struct config_item *item, int argc, const struct slice *argv, int64_t *out,
                       struct buf *err)
{
    *out = 0;
    bool ok = argc > 0;
    for (int i = 0; ok && i < argc; i++) {
        const struct config_enum *found = enum_by_name(item->enums, argv[i]);
        ok = found != NULL;
        if (ok)
            *out |= found->value;
    }
    if (ok)
        return true;
    say(err, "argument(s) must be one of the following: ");
    for (const struct config_enum *e = item->enums; e->name != NULL; e++)
        buf_appendf(err, e == item->enums ? "%s" : ", %s", e->name);
    return false;
}

/* The value of a number-like type. */
static bool parse_number(const struct config_item *item, int argc, const struct slice *argv, int64_t *out,
                         struct buf *err)
{
    uint64_t bytes;
    switch (item->type) {
    case CONFIG_BOOL: return parse_bool(argv[0], out, err);
    case CONFIG_INT:
        if (slice_to_i64(argv[0], out) == ST_OK)
            return in_range(item, *out, err);
        say(err, "argument couldn't be parsed into an integer");
        return false;
    case CONFIG_OCTAL: return parse_octal(argv[0], out, err) && in_range(item, *out, err);
    case CONFIG_BYTES:
        if (parse_bytes(argv[0], &bytes))
            return bytes_in_range(item, bytes, out, err);
        say(err, "argument must be a memory value");
        return false;
    case CONFIG_PERCENT_OR_BYTES: return parse_percent_or_bytes(argv[0], out, err);
    case CONFIG_ENUM:
    case CONFIG_FLAGS: return parse_enum(item, argc, argv, out, err);
    case CONFIG_STRING:
    case CONFIG_SPECIAL: break;
    }
    return false;
}

static bool is_text(const struct config_item *item)
{
    return item->type == CONFIG_STRING || item->type == CONFIG_SPECIAL;
}

void config_text_store(struct config_entry *entry, struct slice text)
{
    char *copy = mem_dup(text.ptr, text.len);
    mem_free((void *)entry->text);
    entry->text = copy;
    entry->text_len = text.len;
}

static bool check(const struct config_entry *entry, struct slice text, int64_t number, struct buf *err)
{
    if (entry->item->check == NULL)
        return true;
    char *copy = mem_dup(text.ptr, text.len);
    bool ok = entry->item->check(entry->owner, copy, number, err);
    mem_free(copy);
    return ok;
}

static enum config_assign assign_number(struct config_entry *entry, int argc, const struct slice *argv, struct buf *err)
{
    int64_t v;
    if (!parse_number(entry->item, argc, argv, &v, err) || !check(entry, argv[0], v, err))
        return CONFIG_REFUSED;
    if (v == entry->number && !(entry->item->flags & CONFIG_VOLATILE))
        return CONFIG_SAME;
    entry->number = v;
    return CONFIG_CHANGED;
}

static enum config_assign assign_text(struct config_entry *entry, struct slice text, struct buf *err)
{
    if (!check(entry, text, 0, err))
        return CONFIG_REFUSED;
    bool same = slice_eq(text, slice_of(entry->text, entry->text_len)) && entry->item->get == NULL;
    if (same && !(entry->item->flags & CONFIG_VOLATILE))
        return CONFIG_SAME;
    config_text_store(entry, text);
    return CONFIG_CHANGED;
}

static enum config_assign assign_special(struct config_entry *entry, const struct config_input *in, struct buf *err)
{
    struct buf value = BUF_INIT;
    enum config_assign result = CONFIG_REFUSED;
    if (entry->item->set(entry->owner, in, &value, err))
        result = assign_text(entry, buf_slice(&value), err);
    buf_deinit(&value);
    return result;
}

/* Splits at single spaces. Empty words are dropped for specials, and kept for flags, which refuse them. */
static void split_at_spaces(struct config_words *w, struct slice text, bool keep_empty)
{
    size_t start = 0;
    for (size_t i = 0; i <= text.len; i++) {
        if (i < text.len && text.ptr[i] != ' ')
            continue;
        if (i > start || keep_empty) {
            if (w->argc == w->cap) {
                w->cap = w->cap == 0 ? 8 : w->cap * 2;
                w->argv = mem_realloc(w->argv, (size_t)w->cap * sizeof(*w->argv));
            }
            w->argv[w->argc++] = slice_of(text.ptr + start, i - start);
        }
        start = i + 1;
    }
}

static enum config_assign assign_words(struct config_entry *entry, int argc, const struct slice *argv, bool append,
                                       struct buf *err)
{
    if (entry->item->type == CONFIG_STRING)
        return assign_text(entry, argv[0], err);
    if (entry->item->type != CONFIG_SPECIAL)
        return assign_number(entry, argc, argv, err);
    struct config_input in = {slice_of(entry->text, entry->text_len), append, argc, argv};
    return assign_special(entry, &in, err);
}

enum config_assign config_assign(struct config_entry *entry, int argc, const struct slice *argv, bool append,
                                 struct buf *err)
{
    bool multi = entry->item->flags & CONFIG_MULTI_ARG;
    if (argc != 1 && !multi) {
        say(err, "wrong number of arguments");
        return CONFIG_REFUSED;
    }
    struct config_words w = {.argv = NULL};
    if (argc == 1 && multi) {
        split_at_spaces(&w, argv[0], entry->item->type == CONFIG_FLAGS);
        argc = w.argc;
        argv = w.argv;
    }
    enum config_assign result = assign_words(entry, argc, argv, append, err);
    config_words_deinit(&w);
    return result;
}

/* --- printing values --- */

static void print_flags(const struct config_item *item, int64_t v, struct buf *out)
{
    const char *none = "";
    size_t start = out->len;
    for (const struct config_enum *e = item->enums; e->name != NULL; e++) {
        if (e->value == 0)
            none = e->name;
        else if ((v & e->value) == e->value)
            buf_appendf(out, out->len > start ? " %s" : "%s", e->name);
    }
    if (out->len == start)
        say(out, none);
}

static const char *enum_text(const struct config_item *item, int64_t v)
{
    for (const struct config_enum *e = item->enums; e->name != NULL; e++)
        if (e->value == v)
            return e->name;
    return "unknown";
}

void config_print(const struct config_entry *entry, struct buf *out)
{
    const struct config_item *item = entry->item;
    switch (item->type) {
    case CONFIG_BOOL: say(out, entry->number ? "yes" : "no"); break;
    case CONFIG_OCTAL: buf_appendf(out, "%llo", (unsigned long long)entry->number); break;
    case CONFIG_INT:
    case CONFIG_BYTES: buf_append_i64(out, entry->number); break;
    case CONFIG_PERCENT_OR_BYTES:
        buf_append_i64(out, entry->number < 0 ? -entry->number : entry->number);
        if (entry->number < 0)
            buf_append_char(out, '%');
        break;
    case CONFIG_ENUM: say(out, enum_text(item, entry->number)); break;
    case CONFIG_FLAGS: print_flags(item, entry->number, out); break;
    case CONFIG_STRING:
    case CONFIG_SPECIAL:
        if (item->get != NULL)
            item->get(entry->owner, out);
        else
            buf_append(out, entry->text, entry->text_len);
        break;
    }
}

bool config_is_default(const struct config_entry *entry)
{
    if (is_text(entry->item))
        return entry->item->fallback != NULL &&
               slice_eq(slice_of(entry->text, entry->text_len), slice_of(entry->fallback_text, entry->fallback_len));
    return entry->number == entry->fallback_number;
}

/* --- registration --- */

static void entry_set_default(struct config_entry *entry)
{
    const struct config_item *item = entry->item;
    entry->text = mem_strdup("");
    if (item->fallback != NULL && !(item->flags & (CONFIG_FILE_ONLY | CONFIG_IGNORED))) {
        struct buf err = BUF_INIT;
        struct config_item unchecked = *item;
        unchecked.check = NULL;
        entry->item = &unchecked;
        struct slice text = slice_cstr(item->fallback);
        if (config_assign(entry, 1, &text, false, &err) == CONFIG_REFUSED)
            programmer_error(item->name, "the default does not parse");
        entry->item = item;
        buf_deinit(&err);
    }
    entry->fallback_number = entry->number;
    entry->fallback_text = mem_dup(entry->text, entry->text_len);
    entry->fallback_len = entry->text_len;
}

void config_register(struct config *c, const struct config_item *items, int count, void *owner)
{
    struct config_table *t = mem_zalloc(sizeof(*t) + (size_t)count * sizeof(t->entries[0]));
    t->count = count;
    *c->tables_end = t;
    c->tables_end = &t->next;
    for (int i = 0; i < count; i++) {
        struct config_entry *entry = &t->entries[i];
        *entry = (struct config_entry){.item = &items[i], .owner = owner};
        entry_set_default(entry);
        bool hidden = items[i].flags & (CONFIG_HIDDEN | CONFIG_FILE_ONLY | CONFIG_IGNORED);
        name_add(c, items[i].name, entry, hidden);
        if (items[i].alias != NULL)
            name_add(c, items[i].alias, entry, hidden || (items[i].flags & CONFIG_ALIAS_HIDDEN));
    }
}

void *config_owner(const struct config *c, const char *name)
{
    return config_entry_named(c, name)->owner;
}

const int64_t *config_bind_i64(struct config *c, const char *name)
{
    struct config_entry *entry = config_entry_named(c, name);
    if (is_text(entry->item))
        programmer_error(name, "not a number");
    return &entry->number;
}

const char *const *config_bind_str(struct config *c, const char *name)
{
    struct config_entry *entry = config_entry_named(c, name);
    if (!is_text(entry->item))
        programmer_error(name, "not a text");
    return &entry->text;
}

const char *config_enum_name(const struct config *c, const char *name)
{
    struct config_entry *entry = config_entry_named(c, name);
    if (entry->item->type != CONFIG_ENUM)
        programmer_error(name, "not an enum");
    return enum_text(entry->item, entry->number);
}

void config_store_i64(struct config *c, const char *name, int64_t value)
{
    *(int64_t *)config_bind_i64(c, name) = value;
}

void config_on_change(struct config *c, const char *name, bool (*fn)(void *arg, struct buf *err), void *arg)
{
    struct config_hook **end = &config_entry_named(c, name)->hooks;
    while (*end != NULL)
        end = &(*end)->next;
    *end = mem_alloc(sizeof(**end));
    **end = (struct config_hook){NULL, fn, arg};
}

bool config_start(struct config *c, struct buf *err)
{
    for (struct config_table *t = c->tables; t != NULL; t = t->next)
        for (int i = 0; i < t->count; i++) {
            struct config_entry *entry = &t->entries[i];
            const struct config_item *item = entry->item;
            bool due = item->apply != NULL && (entry->configured || item->type == CONFIG_SPECIAL);
            if (due && !item->apply(entry->owner, err))
                return false;
        }
    return true;
}

/* --- CONFIG GET --- */

/* The name under which the entry is shown: as it was typed when typed exactly, else as it is registered; NULL: no
 * pattern matches. */
static const char *shown_name(const struct config_name *name, const struct slice *patterns, int count,
                              struct buf *typed)
{
    struct slice text = slice_cstr(name->name);
    for (int i = 0; i < count; i++) {
        if (glob_is_literal(patterns[i])) {
            if (!slice_eq_nocase(patterns[i], text))
                continue;
            buf_clear(typed);
            buf_append_slice(typed, patterns[i]);
            return buf_cstr(typed);
        }
        if (!name->hidden && glob_match(patterns[i], text, true))
            return name->name;
    }
    return NULL;
}

bool config_is_value(const struct config_name *name)
{
    return !(name->entry->item->flags & (CONFIG_FILE_ONLY | CONFIG_IGNORED));
}

void config_get(struct config *c, const struct slice *patterns, int count,
                void (*emit)(void *arg, const char *name, struct slice value), void *arg)
{
    struct buf value = BUF_INIT, typed = BUF_INIT;
    for (int i = 0; i < c->name_count; i++) {
        const char *shown = config_is_value(&c->names[i]) ? shown_name(&c->names[i], patterns, count, &typed) : NULL;
        if (shown == NULL)
            continue;
        buf_clear(&value);
        config_print(c->names[i].entry, &value);
        emit(arg, shown, buf_slice(&value));
    }
    buf_deinit(&value);
    buf_deinit(&typed);
}

bool config_value(struct config *c, struct slice name, struct buf *out)
{
    const struct config_name *found = config_find(c, name);
    if (found == NULL || !config_is_value(found))
        return false;
    config_print(found->entry, out);
    return true;
}

bool config_item_sensitive(const struct config *c, struct slice name)
{
    const struct config_name *found = config_find(c, name);
    return found != NULL && (found->entry->item->flags & CONFIG_SENSITIVE);
}

void config_each_inert(struct config *c, void (*fn)(void *arg, const char *name), void *arg)
{
    for (struct config_table *t = c->tables; t != NULL; t = t->next)
        for (int i = 0; i < t->count; i++)
            if (t->entries[i].configured && (t->entries[i].item->flags & CONFIG_INERT) &&
                !config_is_default(&t->entries[i]))
                fn(arg, t->entries[i].item->name);
}
