/* The inside of the registry; only the config*.c files of engine/ include it. */
#ifndef CAIRN_ENGINE_CONFIG_IMPL_H
#define CAIRN_ENGINE_CONFIG_IMPL_H

#include "engine/config.h"

struct config_hook {
    struct config_hook *next;
    bool (*fn)(void *arg, struct buf *err);
    void *arg;
};

struct config_entry {
    const struct config_item *item;
    void *owner;
    int64_t number, fallback_number;
    const char *text;          /* owned, NUL-terminated, never NULL */
    char *fallback_text;
    size_t text_len, fallback_len;
    struct config_hook *hooks;
    bool configured;           /* the file or the command line gave it */
};

struct config_name {
    const char *name;
    struct config_entry *entry;
    bool hidden;
};

struct config_table { /* what one config_register brought; entries never move, since values are bound */
    struct config_table *next;
    int count;
    struct config_entry entries[];
};

/* The words of a line; they point into storage. */
struct config_words {
    struct slice *argv;
    int argc, cap;
    struct buf storage;
};

struct config_line { /* of a CONFIG_FILE_ONLY directive */
    struct config_line *next;
    const struct config_entry *entry;
    int number;
    char *raw;
    struct config_words words;
};

struct config {
    struct config_table *tables, **tables_end; /* in order of registration */
    struct config_name *names;                 /* sorted, case ignored */
    int name_count, name_cap;
    struct config_line *lines, **lines_end;
    char *path;
    bool loaded;
};

enum config_assign { CONFIG_REFUSED, CONFIG_SAME, CONFIG_CHANGED };

const struct config_name *config_find(const struct config *c, struct slice name); /* NULL: unknown */
/* Reads the arguments and stores the value; append as in struct config_input. */
enum config_assign config_assign(struct config_entry *entry, int argc, const struct slice *argv, bool append,
                                 struct buf *err);
void config_text_store(struct config_entry *entry, struct slice text);
struct config_entry *config_entry_named(const struct config *c, const char *name); /* dies on an unknown one */
bool config_is_value(const struct config_name *name);                             /* not a line of the file only */
bool config_is_default(const struct config_entry *entry);
void config_print(const struct config_entry *entry, struct buf *out); /* as CONFIG GET */

/* config_file.c */
bool config_words_split(struct config_words *w, struct slice line); /* false: unbalanced quotes */
void config_words_deinit(struct config_words *w);
struct slice config_trim(struct slice line);
bool config_next_line(struct slice *rest, struct slice *line); /* takes a line, without its end, off the front */

#endif
