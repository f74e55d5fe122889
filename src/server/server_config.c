/* The directives of the process. Their effects are in start.c, but for `dir`: relative names on the lines behind it
 * start there. */
#include "server/server_config.h"

#include "base/log.h"
#include "base/num.h"
#include "engine/engine.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { DIR_TEXT_MAX = 4096, OOM_SCORE_LIMIT = 2000 };

/* --- dir: lives in the process, has no default --- */

static bool set_dir(void *owner, const struct config_input *in, struct buf *value, struct buf *err)
{
    (void)owner;
    buf_append_slice(value, in->argv[0]);
    if (chdir(buf_cstr(value)) == 0)
        return true;
    buf_appendf(err, "%s", strerror(errno));
    return false;
}

static void get_dir(void *owner, struct buf *out)
{
    (void)owner;
    char path[DIR_TEXT_MAX];
    if (getcwd(path, sizeof(path)) != NULL)
        buf_append(out, path, strlen(path));
}

/* --- oom-score-adj-values --- */

static bool set_oom_scores(void *owner, const struct config_input *in, struct buf *value, struct buf *err)
{
    (void)owner;
    if (in->argc != OOM_SCORE_VALUES) {
        buf_append_slice(err, SLICE("wrong number of arguments"));
        return false;
    }
    for (int i = 0; i < in->argc; i++) {
        int64_t v;
        if (slice_to_i64(in->argv[i], &v) != ST_OK || v < -OOM_SCORE_LIMIT || v > OOM_SCORE_LIMIT) {
            buf_appendf(err, "Invalid oom-score-adj-values, elements must be between -%d and %d.", OOM_SCORE_LIMIT,
                        OOM_SCORE_LIMIT);
            return false;
        }
        if (i > 0)
            buf_append_char(value, ' ');
        buf_append_i64(value, v);
    }
    return true;
}

void config_oom_score_values(struct config *c, int out[OOM_SCORE_VALUES])
{
    const char *text = *config_bind_str(c, "oom-score-adj-values");
    char *end;
    for (int i = 0; i < OOM_SCORE_VALUES; i++, text = end)
        out[i] = (int)strtol(text, &end, 10);
}

/* --- checks --- */

static bool check_title(void *owner, const char *text, int64_t number, struct buf *err)
{
    (void)owner;
    (void)number;
    static const char *const fields[] = {"title",    "listen-addr", "server-mode", "port",
                                         "tls-port", "unixsocket",  "config-file"};
    bool ok = text[0] != '\0';
    for (const char *open = strchr(text, '{'); ok && open != NULL; open = strchr(open + 1, '{')) {
        const char *close = strchr(open, '}');
        size_t len = close == NULL ? 0 : (size_t)(close - open - 1);
        ok = false;
        for (size_t i = 0; i < ARRAY_LEN(fields); i++)
            ok |= slice_eq(slice_of(open + 1, len), slice_cstr(fields[i]));
    }
    if (!ok)
        buf_append_slice(err, SLICE("template format is invalid or contains unknown variables"));
    return ok;
}

static bool check_shutdown(void *owner, const char *text, int64_t number, struct buf *err)
{
    (void)owner;
    (void)text;
    if ((number & SHUTDOWN_SAVE) == 0 || (number & SHUTDOWN_NOSAVE) == 0)
        return true;
    buf_append_slice(err, SLICE("shutdown options SAVE and NOSAVE can't be used simultaneously"));
    return false;
}

/* --- the table --- */

static const struct config_enum log_levels[] = {{"debug", LOG_DEBUG},     {"verbose", LOG_VERBOSE},
                                                {"notice", LOG_NOTICE},   {"warning", LOG_WARNING},
                                                {"nothing", LOG_NOTHING}, {NULL, 0}};
static const struct config_enum facilities[] = {{"user", 0},   {"local0", 1}, {"local1", 2}, {"local2", 3},
                                                {"local3", 4}, {"local4", 5}, {"local5", 6}, {"local6", 7},
                                                {"local7", 8}, {NULL, 0}};
static const struct config_enum supervision[] = {{"upstart", SUPERVISED_UPSTART},
                                                 {"systemd", SUPERVISED_SYSTEMD},
                                                 {"auto", SUPERVISED_AUTO},
                                                 {"no", SUPERVISED_NO},
                                                 {NULL, 0}};
static const struct config_enum oom_modes[] = {{"no", OOM_SCORE_NO},
                                               {"yes", OOM_SCORE_RELATIVE},
                                               {"relative", OOM_SCORE_RELATIVE},
                                               {"absolute", OOM_SCORE_ABSOLUTE},
                                               {NULL, 0}};
static const struct config_enum shutdown_options[] = {
    {"default", 0},        {"save", SHUTDOWN_SAVE},   {"nosave", SHUTDOWN_NOSAVE},
    {"now", SHUTDOWN_NOW}, {"force", SHUTDOWN_FORCE}, {NULL, 0}};
static const struct config_enum log_formats[] = {{"legacy", 0}, {"logfmt", 1}, {NULL, 0}};
static const struct config_enum time_formats[] = {{"legacy", 0}, {"iso8601", 1}, {"milliseconds", 2}, {NULL, 0}};

enum { CPU_LIST = CONFIG_IMMUTABLE | CONFIG_ALIAS_HIDDEN };

const struct config_item server_config_items[] = {
    /* the process */
    {CONFIG_ITEM_BOOL("daemonize", CONFIG_IMMUTABLE, "no")},
    {CONFIG_ITEM_STRING("pidfile", CONFIG_IMMUTABLE, "")},
    {CONFIG_ITEM_ENUM("supervised", CONFIG_IMMUTABLE, "no", supervision)},
    {CONFIG_ITEM_SPECIAL("dir", CONFIG_PROTECTED | CONFIG_DENY_LOADING, NULL, set_dir), .get = get_dir},
    {CONFIG_ITEM_BOOL("set-proc-title", CONFIG_IMMUTABLE, "yes")},
    {CONFIG_ITEM_STRING("proc-title-template", 0, "{title} {listen-addr} {server-mode}"), .check = check_title},
    {CONFIG_ITEM_STRING("server_cpulist", CPU_LIST, ""), .alias = "server-cpulist"},
    {CONFIG_ITEM_STRING("bio_cpulist", CPU_LIST, ""), .alias = "bio-cpulist"},
    {CONFIG_ITEM_BOOL("disable-thp", CONFIG_IMMUTABLE, "yes")},
    {CONFIG_ITEM_BOOL("jemalloc-bg-thread", CONFIG_INERT, "yes")},
    {CONFIG_ITEM_ENUM("oom-score-adj", 0, "no", oom_modes)},
    {CONFIG_ITEM_SPECIAL("oom-score-adj-values", CONFIG_MULTI_ARG, "0 200 800", set_oom_scores)},
    {CONFIG_ITEM_STRING("ignore-warnings", CONFIG_INERT, "")},
    /* the log */
    {CONFIG_ITEM_STRING("logfile", CONFIG_IMMUTABLE, "")},
    {CONFIG_ITEM_ENUM("loglevel", 0, "notice", log_levels)},
    {CONFIG_ITEM_BOOL("syslog-enabled", CONFIG_IMMUTABLE, "no")},
    {CONFIG_ITEM_STRING("syslog-ident", CONFIG_IMMUTABLE, "redis")},
    {CONFIG_ITEM_ENUM("syslog-facility", CONFIG_IMMUTABLE, "local0", facilities)},
    {CONFIG_ITEM_ENUM("log-format", CONFIG_INERT, "legacy", log_formats)},
    {CONFIG_ITEM_ENUM("log-timestamp-format", CONFIG_INERT, "legacy", time_formats)},
    {CONFIG_ITEM_BOOL("always-show-logo", CONFIG_IMMUTABLE, "no")},
    /* crashes */
    {CONFIG_ITEM_BOOL("crash-log-enabled", 0, "yes")},
    {CONFIG_ITEM_BOOL("crash-memcheck-enabled", CONFIG_INERT, "yes")},
    {CONFIG_ITEM_INT("watchdog-period", CONFIG_HIDDEN, "0", 0, INT_MAX)},
    {CONFIG_ITEM_BOOL("use-exit-on-panic", CONFIG_HIDDEN | CONFIG_INERT, "no")},
    {CONFIG_ITEM_BOOL("enable-debug-assert", CONFIG_IMMUTABLE | CONFIG_HIDDEN | CONFIG_INERT, "no")},
    {CONFIG_ITEM_STRING("debug-context", CONFIG_HIDDEN | CONFIG_INERT, "")},
    /* the end: no replica to wait for yet */
    {CONFIG_ITEM_INT("shutdown-timeout", CONFIG_INERT, "10", 0, INT_MAX)},
    {CONFIG_ITEM_FLAGS("shutdown-on-sigterm", 0, "default", shutdown_options), .check = check_shutdown},
    {CONFIG_ITEM_FLAGS("shutdown-on-sigint", 0, "default", shutdown_options), .check = check_shutdown},
};
const int server_config_item_count = (int)ARRAY_LEN(server_config_items);
