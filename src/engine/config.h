/* The configuration registry: every directive of every feature, its value, and its four doors: the file, the command line, CONFIG SET and
 * CONFIG GET/REWRITE.
 *
 * A feature declares its directives in a const table (struct config_item) and reads values through pointers bound once
 * (config_bind_*), so that a read costs a load. Values live in the registry. Booleans and enums are stored as int64_t. */
#ifndef CAIRN_ENGINE_CONFIG_H
#define CAIRN_ENGINE_CONFIG_H

#include "base/buf.h"
#include "base/compiler.h"
#include "base/slice.h"

struct config; /* opaque: the registry */

enum config_type {
    CONFIG_BOOL,    /* yes|no */
    CONFIG_INT,     /* decimal, min..max */
    CONFIG_OCTAL,   /* unixsocketperm */
    CONFIG_BYTES,   /* memory units: 1kb, 1m, ... */
    CONFIG_PERCENT_OR_BYTES, /* "5%" is stored as -5 */
    CONFIG_STRING,  /* min..max: length limits when max > 0 */
    CONFIG_ENUM,    /* one of enums[] */
    CONFIG_FLAGS,   /* several of enums[], space-separated: shutdown-on-sigterm */
    CONFIG_SPECIAL  /* set/get/rewrite callbacks own the value */
};

enum config_flags {
    CONFIG_IMMUTABLE = 1 << 0,    /* file and command line only */
    CONFIG_PROTECTED = 1 << 1,    /* CONFIG SET only when enable-protected-configs allows */
    CONFIG_SENSITIVE = 1 << 2,    /* value never logged; redacted in the slow log */
    CONFIG_HIDDEN = 1 << 3,       /* not in CONFIG GET * (exact name still answers) */
    CONFIG_MULTI_ARG = 1 << 4,    /* several arguments on a line */
    CONFIG_DENY_LOADING = 1 << 5,
    CONFIG_VOLATILE = 1 << 6,     /* CONFIG SET applies even when the value is the same */
    CONFIG_DEBUG = 1 << 7,        /* for tests */
    CONFIG_INERT = 1 << 8,        /* accepted, stored, listed; belongs to a part that does not exist yet */
    CONFIG_FILE_ONLY = 1 << 9,    /* not a value: include, loadmodule, rename-command, user */
    CONFIG_IGNORED = 1 << 10      /* deprecated: accepted in the file and dropped */
};

struct config_enum {
    const char *name;
    int64_t value;
};

struct config_item {
    const char *name, *alias;         /* alias may be NULL */
    enum config_type type;
    uint32_t flags;
    const char *fallback;             /* default, as text (CONFIG_SPECIAL: as set() takes it; NULL: none) */
    int64_t min, max;                 /* CONFIG_INT, CONFIG_BYTES, CONFIG_STRING lengths */
    const struct config_enum *enums;  /* ends with {NULL, 0} */
    /* Called before the value changes (may veto) and after it changed (makes it effective; may fail: the old value comes back and
     * apply is called again). owner: what the table was registered with. On failure the reason goes to err. */
    bool (*check)(void *owner, const char *text, int64_t number, struct buf *err);
    bool (*apply)(void *owner, struct buf *err);
    /* CONFIG_SPECIAL */
    bool (*set)(void *owner, int argc, const struct slice *argv, struct buf *err);
    void (*get)(void *owner, struct buf *out);                 /* the value as CONFIG GET prints it */
    void (*rewrite)(void *owner, const char *name, struct buf *lines); /* whole "name value\n" lines for the file; NULL: "name <get>" */
};

struct config *config_new(void);
void config_free(struct config *c);
/* Registers a table; items must outlive the registry. Defaults are set; apply/set callbacks are not called until config_start(). */
void config_register(struct config *c, const struct config_item *items, int count, void *owner);

/* Bound values: valid as long as the registry. The program dies on a wrong name or type (a programmer's error). */
const int64_t *config_bind_i64(struct config *c, const char *name);      /* BOOL, INT, OCTAL, BYTES, ENUM, FLAGS */
const char *const *config_bind_str(struct config *c, const char *name);  /* STRING; never NULL, "" when empty */

/* Start-up. Both return false with a report in err, worded like Redis's:
 *   "\n*** FATAL CONFIG FILE ERROR (Redis 7.4.0) ***\nReading the configuration file, at line 3\n>>> 'port abc'\n<reason>\n"
 * path: file, or "-" for standard input; NULL: none. argv: what follows on the command line ("--name", "value", ...; every form that Redis takes).
 * config_load may be called once, before config_start. */
bool config_load(struct config *c, const char *path, int argc, char **argv, struct buf *err);
/* Calls set/apply for everything that is configured (and the defaults of specials). */
bool config_start(struct config *c, struct buf *err);
const char *config_file_path(const struct config *c); /* absolute; "" when started without a file */

/* CONFIG GET: appends name and value pairs by callback, aliases as Redis does; patterns are globs or exact names, case ignored; each name once. */
void config_get(struct config *c, const struct slice *patterns, int count,
                void (*emit)(void *arg, const char *name, struct slice value), void *arg);
/* One value as text; false: unknown. */
bool config_value(struct config *c, struct slice name, struct buf *out);
/* CONFIG SET of several pairs, all or nothing. On failure err holds the full error text
 * ("ERR CONFIG SET failed (possibly related to argument 'x') - reason", "ERR Unknown option or number of arguments for CONFIG SET - 'x'", ...).
 * allow_protected: enable-protected-configs permits this client. */
bool config_set(struct config *c, const struct slice *pairs, int count, bool allow_protected, bool loading, struct buf *err);
/* For code: sets one value by its name, without the immutable test; dies on an unknown name. */
bool config_set_internal(struct config *c, const char *name, struct slice value, struct buf *err);
/* CONFIG REWRITE: keeps comments and order, puts changed values in place, appends new ones under the generated-by line. The text of the new file
 * is built here; the caller writes it (sys/files). false when started without a file (err). force_all: every option. */
bool config_rewrite_text(struct config *c, struct slice old_text, bool force_all, struct buf *out, struct buf *err);

/* Calls fn for each configured (not defaulted) inert directive: the start-up log names them. */
void config_each_inert(struct config *c, void (*fn)(void *arg, const char *name), void *arg);
bool config_item_sensitive(const struct config *c, struct slice name);
/* Directives collected as lines (rename-command, user, loadmodule): calls fn with the
 * arguments of each line (the directive first) in order, until it returns false; then false. */
bool config_each_line(struct config *c, const char *name, bool (*fn)(void *arg, int argc, const struct slice *argv, struct buf *err), void *arg,
                      struct buf *err);

#endif
