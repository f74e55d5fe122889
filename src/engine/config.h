/* The configuration registry: every directive of every feature, its value, and its four doors: the file, the command
 * line, CONFIG SET and CONFIG GET/REWRITE.
 *
 * A feature declares its directives in a const table (struct config_item) and reads values through pointers bound once
 * (config_bind_*), so that a read costs a load. Values live in the registry, those of CONFIG_SPECIAL as canonical text;
 * an owner that wants a special one in another form makes it in apply. Booleans, enums and flags are stored as int64_t.
 * Names ignore case, aliases work everywhere. */
#ifndef CAIRN_ENGINE_CONFIG_H
#define CAIRN_ENGINE_CONFIG_H

#include "base/buf.h"
#include "base/compiler.h"
#include "base/slice.h"

struct config; /* opaque: the registry */

enum config_type {
    CONFIG_BOOL,             /* yes|no */
    CONFIG_INT,              /* decimal, min..max */
    CONFIG_OCTAL,            /* unixsocketperm */
    CONFIG_BYTES,            /* memory units: 1kb, 1m, ... */
    CONFIG_PERCENT_OR_BYTES, /* "5%" is stored as -5 */
    CONFIG_STRING,
    CONFIG_ENUM,             /* one of enums[] */
    /* several of enums[], space-separated: shutdown-on-sigterm; the one of value 0 stands for none */
    CONFIG_FLAGS,
    CONFIG_SPECIAL           /* canonical text, made by the set callback */
};

enum config_flags {
    CONFIG_IMMUTABLE = 1 << 0,    /* file and command line only */
    CONFIG_PROTECTED = 1 << 1,    /* CONFIG SET only when enable-protected-configs allows */
    CONFIG_SENSITIVE = 1 << 2,    /* value never logged; redacted in the slow log */
    CONFIG_HIDDEN = 1 << 3,       /* not in CONFIG GET * (exact name still answers) */
    CONFIG_MULTI_ARG = 1 << 4,    /* several arguments on a line; a single one is split at spaces */
    CONFIG_DENY_LOADING = 1 << 5,
    CONFIG_VOLATILE = 1 << 6,     /* CONFIG SET applies even when the value is the same */
    CONFIG_DEBUG = 1 << 7,        /* for tests */
    CONFIG_INERT = 1 << 8,        /* accepted, stored, listed; belongs to a part that does not exist yet */
    /* not a value: include, loadmodule, rename-command, user; min..max limits the number of arguments */
    CONFIG_FILE_ONLY = 1 << 9,
    CONFIG_IGNORED = 1 << 10,     /* deprecated: accepted in the file and dropped */
    CONFIG_ALIAS_HIDDEN = 1 << 11, /* the alias is not in CONFIG GET * */
    CONFIG_UNSIGNED = 1 << 12     /* CONFIG_BYTES: what is above INT64_MAX is cut to it, not refused */
};

struct config_enum {
    const char *name;
    int64_t value;
};

/* What the set callback of a CONFIG_SPECIAL item gets. */
struct config_input {
    struct slice current; /* canonical text in force */
    bool append;          /* an earlier line of the file or the command line gave the directive: `save` adds to it */
    int argc;             /* without the directive's name; empty words between spaces are dropped */
    const struct slice *argv;
};

/* What the rewrite callback gets. */
struct config_output {
    const char *name;
    struct slice value, fallback; /* canonical texts */
    bool force;                   /* write what is at its default, too */
};

struct config_item {
    const char *name, *alias;         /* alias may be NULL */
    enum config_type type;
    uint32_t flags;
    const char *fallback;             /* default, as text as in a file; NULL: none (CONFIG_SPECIAL: always rewritten) */
    int64_t min, max;                 /* CONFIG_INT, CONFIG_OCTAL, CONFIG_BYTES */
    const struct config_enum *enums;  /* ends with {NULL, 0} */
    /* Called before the value changes (may veto) and after it changed (makes it effective; may fail: the old value
     * comes back and apply is called again). owner: what the table was registered with. On failure the reason goes to
     * err. text is the value as it came, number its value (0 for texts). A CONFIG_FILE_ONLY item's check gets the whole
     * line as text and the number of its words. */
    bool (*check)(void *owner, const char *text, int64_t number, struct buf *err);
    bool (*apply)(void *owner, struct buf *err);
    /* CONFIG_SPECIAL. set makes the canonical text, or refuses. */
    bool (*set)(void *owner, const struct config_input *in, struct buf *value, struct buf *err);
    /* NULL: the stored text. An item with get keeps its value outside (dir): set makes it effective at once, and is
     * called again with the old one to go back. */
    void (*get)(void *owner, struct buf *out);
    /* whole "name value\n" lines for the file; NULL: "name text" */
    void (*rewrite)(const struct config_output *out, struct buf *lines);
};

/* Rows of a table. */
#define CONFIG_ITEM_BOOL(n, f, d) .name = n, .type = CONFIG_BOOL, .flags = (f), .fallback = d
#define CONFIG_ITEM_INT(n, f, d, lo, hi) \
    .name = n, .type = CONFIG_INT, .flags = (f), .fallback = d, .min = lo, .max = hi
#define CONFIG_ITEM_BYTES(n, f, d, lo, hi) \
    .name = n, .type = CONFIG_BYTES, .flags = (f), .fallback = d, .min = lo, .max = hi
#define CONFIG_ITEM_STRING(n, f, d) .name = n, .type = CONFIG_STRING, .flags = (f), .fallback = d
#define CONFIG_ITEM_ENUM(n, f, d, e) .name = n, .type = CONFIG_ENUM, .flags = (f), .fallback = d, .enums = e
#define CONFIG_ITEM_FLAGS(n, f, d, e) \
    .name = n, .type = CONFIG_FLAGS, .flags = (f) | CONFIG_MULTI_ARG, .fallback = d, .enums = e
#define CONFIG_ITEM_SPECIAL(n, f, d, s) .name = n, .type = CONFIG_SPECIAL, .flags = (f), .fallback = d, .set = s

struct config *config_new(void);
void config_free(struct config *c);
/* Registers a table; items must outlive the registry. Defaults are set (with the set callback of specials, without
 * check and apply). Dies on a name that is taken or a default that does not parse. */
void config_register(struct config *c, const struct config_item *items, int count, void *owner);
/* The owner with which the item was registered. Costs a binary search. */
void *config_owner(const struct config *c, const char *name);

/* Bound values: valid as long as the registry. The program dies on a wrong name or type (a programmer's error). */
/* BOOL, INT, OCTAL, BYTES, ENUM, FLAGS, PERCENT_OR_BYTES */
const int64_t *config_bind_i64(struct config *c, const char *name);
/* STRING, SPECIAL; never NULL, "" when empty */
const char *const *config_bind_str(struct config *c, const char *name);
/* The name of a CONFIG_ENUM's present value. */
const char *config_enum_name(const struct config *c, const char *name);

/* Start-up. Both return false with a report in err, worded like Redis's:
 *   "\n*** FATAL CONFIG FILE ERROR (Redis 7.4.0) ***\nReading the configuration file, at line 3\n>>> 'port
 * abc'\n<reason>\n" or, when a file can't be read, "Fatal error, can't open config file '/x': No such file or
 * directory". path: file, or "-" for standard input; NULL: none. argv: what follows on the command line ("--name",
 * "value", ...; every form that Redis takes; a last "-" reads standard input behind the file). config_load may be
 * called once, before config_start. */
bool config_load(struct config *c, const char *path, int argc, char **argv, struct buf *err);
/* Calls apply for everything that is configured, and for all specials. */
bool config_start(struct config *c, struct buf *err);
const char *config_file_path(const struct config *c); /* absolute; "" when started without a file */

/* CONFIG GET: calls emit for name and value, in the order of names, aliases as Redis does; patterns are globs or exact
 * names, case ignored; each name once. */
void config_get(struct config *c, const struct slice *patterns, int count,
                void (*emit)(void *arg, const char *name, struct slice value), void *arg);
/* One value as text, as CONFIG GET prints it; false: unknown. */
bool config_value(struct config *c, struct slice name, struct buf *out);
/* CONFIG SET of several pairs (count: names and values together, even), all or nothing. On failure err holds the full
 * error text ("ERR CONFIG SET failed (possibly related to argument 'x') - reason", "ERR Unknown option or number of
 * arguments for CONFIG SET - 'x'", ...). allow_protected: enable-protected-configs permits this client. */
bool config_set(struct config *c, const struct slice *pairs, int count, bool allow_protected, bool loading,
                struct buf *err);
/* For code: sets one value by its name, without the immutable test, and applies it; dies on an unknown name. err: the
 * bare reason. */
bool config_set_internal(struct config *c, const char *name, struct slice value, struct buf *err);
/* For apply: corrects a stored number (hz to what is possible); nothing is called. */
void config_store_i64(struct config *c, const char *name, int64_t value);
/* fn runs in the apply phase of CONFIG SET when the value changed, behind the applies of all items, and may veto:
 * everything is rolled back, and fn runs again with the old value. The same fn and arg for several names runs once. */
void config_on_change(struct config *c, const char *name, bool (*fn)(void *arg, struct buf *err), void *arg);
/* CONFIG REWRITE: keeps comments and order, puts changed values in place, appends new ones under the generated-by line.
 * The text of the new file is built here; the caller writes it (sys/files). false when started without a file (err).
 * force_all: every option. */
bool config_rewrite_text(struct config *c, struct slice old_text, bool force_all, struct buf *out, struct buf *err);

/* Calls fn for each inert directive that the file or the command line moved from its default: the start-up log names
 * them. */
void config_each_inert(struct config *c, void (*fn)(void *arg, const char *name), void *arg);
bool config_item_sensitive(const struct config *c, struct slice name);
/* Directives collected as lines (rename-command, user, loadmodule): calls fn with the
 * arguments of each line (the directive first) in order, until it returns false; then false, and err is the start-up
 * report of that line. */
bool config_each_line(struct config *c, const char *name,
                      bool (*fn)(void *arg, int argc, const struct slice *argv, struct buf *err), void *arg,
                      struct buf *err);

#endif
