/* The start: logger, process settings, what the log says until "Ready to accept connections", and the hooks of run-time
 * changes. Tools and test suites wait for some of these lines; their wording is Redis's. */
#include "server/server_impl.h"

#include "base/mem.h"
#include "base/version.h"
#include "net/net_config.h"
#include "persist/persist_feature.h"
#include "server/server_config.h"
#include "sys/process.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { OPEN_FILES_RESERVED = 32 };

static const char logo[] = "\n"
                           "            __\n"
                           "           (__)             Cairn %s (Redis %s compatible) %d bit\n"
                           "          (____)\n"
                           "         (______)           Running in %s mode\n"
                           "        __(____)__          Port: %d\n"
                           "       (__________)         PID: %ld\n"
                           "      (____________)\n"
                           "     (______________)\n"
                           "\n";

static int64_t number(const struct server *s, const char *name)
{
    return *config_bind_i64(s->config, name);
}

static const char *text(const struct server *s, const char *name)
{
    return *config_bind_str(s->config, name);
}

void start_logger(struct server *s)
{
    s->log.level = (enum log_level)number(s, "loglevel");
    snprintf(s->log.path, sizeof(s->log.path), "%s", text(s, "logfile"));
    if (number(s, "syslog-enabled")) {
        struct buf facility = BUF_INIT;
        (void)config_value(s->config, SLICE("syslog-facility"), &facility);
        s->log.to_syslog = log_syslog_open(text(s, "syslog-ident"), buf_cstr(&facility));
        buf_deinit(&facility);
    }
}

static bool logfile_opens(struct server *s)
{
    if (s->log.path[0] == '\0')
        return true;
    FILE *f = fopen(s->log.path, "a");
    if (f == NULL) {
        fprintf(stderr, "Can't open the log file: %s: %s\n", s->log.path, strerror(errno));
        return false;
    }
    fclose(f);
    return true;
}

/* Upstart waits until the process stops itself, and lets it go on then. */
static bool supervised_by_upstart(struct server *s, bool asked)
{
    if (!process_under_upstart()) {
        if (asked)
            log_warning(&s->log, "upstart supervision requested, but UPSTART_JOB not found");
        return false;
    }
    log_notice(&s->log, "supervised by upstart, will stop to signal readiness.");
    raise(SIGSTOP);
    unsetenv("UPSTART_JOB");
    return true;
}

static void supervise(struct server *s)
{
    int64_t mode = number(s, "supervised");
    bool automatic = mode == SUPERVISED_AUTO;
    if ((mode == SUPERVISED_SYSTEMD || automatic) && process_under_systemd())
        s->supervised_by = "systemd";
    else if (mode == SUPERVISED_SYSTEMD)
        log_warning(&s->log, "systemd supervision requested or auto-detected, but NOTIFY_SOCKET not found");
    else if ((mode == SUPERVISED_UPSTART || automatic) && supervised_by_upstart(s, !automatic))
        s->supervised_by = "upstart";
}

static void open_files_raise(struct server *s)
{
    uint64_t wanted = (uint64_t)number(s, "maxclients") + OPEN_FILES_RESERVED;
    s->open_files = process_raise_open_files(wanted);
    if (s->open_files >= wanted)
        return;
    char digits[24];
    uint64_t clients = s->open_files > OPEN_FILES_RESERVED ? s->open_files - OPEN_FILES_RESERVED : 1;
    int n = snprintf(digits, sizeof(digits), "%llu", (unsigned long long)clients);
    log_warning(&s->log,
                "You requested maxclients of %lld requiring at least %llu max file descriptors. The system allows "
                "%llu; maxclients has been reduced to %s. Raise it with 'ulimit -n'.",
                (long long)number(s, "maxclients"), (unsigned long long)wanted, (unsigned long long)s->open_files,
                digits);
    struct buf err = BUF_INIT;
    config_set_internal(s->config, "maxclients", slice_of(digits, (size_t)n), &err);
    buf_deinit(&err);
}

static void crash_sections(void *arg, int fd)
{
    struct server *s = arg;
    struct buf info = BUF_INIT;
    crash_print(fd, "\n------ INFO OUTPUT ------\n");
    engine_info(s->engine, &SLICE("everything"), 1, &info);
    for (size_t at = 0; at < info.len; at += 2048)
        crash_print(fd, "%.*s", (int)(info.len - at < 2048 ? info.len - at : 2048), info.data + at);
    crash_print(fd, "\n------ CLIENT AND COMMAND ------\n%s\n", engine_current_command(s->engine));
}

bool start_process(struct server *s)
{
    if (!logfile_opens(s))
        return false;
    log_notice(&s->log, "oO0OoO0OoO0Oo Redis is starting oO0OoO0OoO0Oo");
    log_notice(&s->log, "Redis version=%s, bits=%d, commit=%s, modified=%s, pid=%ld, just started (Cairn %s)",
               CAIRN_REDIS_VERSION, (int)sizeof(void *) * 8, CAIRN_GIT_SHA1, CAIRN_GIT_DIRTY, (long)getpid(),
               CAIRN_VERSION);
    if (config_file_path(s->config)[0] == '\0')
        log_warning(
            &s->log,
            "Warning: no config file specified, using the default config. In order to specify a config file use %s "
            "/path/to/redis.conf",
            buf_cstr(&s->program));
    else
        log_notice(&s->log, "Configuration loaded");
    supervise(s);
    if (number(s, "daemonize") && s->supervised_by == NULL && !process_daemonize()) {
        log_warning(&s->log, "Can't run in the background: %s", strerror(errno));
        return false;
    }
    const char *pidfile = text(s, "pidfile");
    if (number(s, "daemonize") && pidfile[0] == '\0') {
        pidfile = "/var/run/redis.pid";
        struct buf err = BUF_INIT;
        config_set_internal(s->config, "pidfile", slice_cstr(pidfile), &err);
        buf_deinit(&err);
    }
    if (pidfile[0] != '\0' && !pidfile_write(pidfile))
        log_warning(&s->log, "Failed to write PID file: %s", strerror(errno));
    s->crash = (struct crash_options){
        .log = &s->log,
        .title = "Cairn " CAIRN_VERSION,
        .help = "Please report this crash with the whole text above, and with how to bring it about.\n",
        .pidfile = pidfile[0] != '\0' ? pidfile : NULL,
        .sections = crash_sections,
        .arg = s};
    crash_install(&s->crash, number(s, "crash-log-enabled") != 0);
    open_files_raise(s);
    if (number(s, "disable-thp") && process_thp_is_always() && !process_disable_thp())
        log_warning(&s->log, "Failed to disable THP: %s", strerror(errno));
    if (text(s, "server-cpulist")[0] != '\0' && !process_set_affinity(text(s, "server-cpulist")))
        log_warning(&s->log, "Can't set the CPU affinity to '%s': %s", text(s, "server-cpulist"), strerror(errno));
    return true;
}

static void inert_named(void *arg, const char *name)
{
    struct buf *list = arg;
    buf_appendf(list, "%s%s", list->len > 0 ? ", " : "", name);
}

void start_announce(struct server *s)
{
    bool tty = s->log.path[0] == '\0' && !s->log.to_syslog && isatty(STDOUT_FILENO);
    if (tty || number(s, "always-show-logo")) {
        char shown[sizeof(logo) + 256];
        int n = snprintf(shown, sizeof(shown), logo, CAIRN_VERSION, CAIRN_REDIS_VERSION, (int)sizeof(void *) * 8,
                         "standalone", (int)number(s, "port"), (long)getpid());
        log_raw(&s->log, shown, (size_t)n);
    } else {
        log_notice(&s->log, "Running mode=standalone, port=%lld.", (long long)number(s, "port"));
    }
    int backlog = (int)number(s, "tcp-backlog"), limit = process_somaxconn();
    if (limit >= 0 && limit < backlog)
        log_warning(&s->log,
                    "WARNING: The TCP backlog setting of %d cannot be enforced because /proc/sys/net/core/somaxconn is "
                    "set to the lower value of %d.",
                    backlog, limit);
    if (!process_overcommit_is_enabled())
        log_warning(&s->log,
                    "WARNING: vm.overcommit_memory is not 1: with little memory left, the kernel may refuse the fork "
                    "of a background save, even where it would fit. 'sysctl vm.overcommit_memory=1' allows it.");
    struct buf list = BUF_INIT;
    config_each_inert(s->config, inert_named, &list);
    if (list.len > 0)
        log_notice(&s->log, "These directives are accepted but have no effect yet: %s", buf_cstr(&list));
    buf_deinit(&list);
    log_notice(&s->log, "Server initialized");
}

bool start_load(struct server *s)
{
    bool stopped = false;
    if (!persist_load(s->engine, &stopped))
        return false;
    if (!stopped)
        return true;
    if (!s->stop) /* else it was SHUTDOWN, which has told */
        log_warning(&s->log, "Received shutdown signal during loading, exiting now.");
    shutdown_finish(s);
    return false;
}

void start_ready(struct server *s)
{
    struct buf listeners = BUF_INIT;
    worker_listeners_text(s->worker, &listeners);
    struct slice rest = buf_slice(&listeners);
    while (rest.len > 0) {
        const char *end = memchr(rest.ptr, '\r', rest.len), *colon = memchr(rest.ptr, ':', rest.len);
        log_notice(&s->log, "Listening on %.*s", (int)(end - colon - 1), colon + 1);
        rest = slice_of(end + 2, rest.len - (size_t)(end + 2 - rest.ptr));
    }
    buf_deinit(&listeners);
    if (number(s, "port") > 0)
        log_notice(&s->log, "Ready to accept connections tcp");
    if (text(s, "unixsocket")[0] != '\0')
        log_notice(&s->log, "Ready to accept connections unix");
    if (s->supervised_by != NULL)
        (void)process_notify("STATUS=Ready to accept connections\nREADY=1\n");
}

/* --- title --- */

static bool template_value(const struct server *s, struct slice name, struct buf *out)
{
    const char *sock = text(s, "unixsocket");
    int64_t port = number(s, "port");
    if (slice_eq(name, SLICE("title")))
        buf_append_slice(out, slice_cstr(buf_cstr((struct buf *)&s->program)));
    else if (slice_eq(name, SLICE("port")))
        buf_append_i64(out, port);
    else if (slice_eq(name, SLICE("tls-port")))
        buf_append_i64(out, 0);
    else if (slice_eq(name, SLICE("unixsocket")))
        buf_append_slice(out, slice_cstr(sock));
    else if (slice_eq(name, SLICE("config-file")))
        buf_append_slice(out, slice_cstr(config_file_path(s->config)));
    else if (slice_eq(name, SLICE("server-mode")))
        return true; /* standalone: empty, as in Redis */
    else if (slice_eq(name, SLICE("listen-addr"))) {
        int count;
        const char *const *binds = net_bind_addresses(s->config, &count);
        if (port > 0)
            buf_appendf(out, "%s:%lld", count > 0 ? binds[0] : "*", (long long)port);
        else
            buf_append_slice(out, slice_cstr(sock));
    } else
        return false;
    return true;
}

void start_title(struct server *s)
{
    if (!number(s, "set-proc-title"))
        return;
    struct buf title = BUF_INIT;
    const char *at = text(s, "proc-title-template");
    while (*at != '\0') {
        const char *close = *at == '{' ? strchr(at, '}') : NULL;
        if (close != NULL && template_value(s, slice_of(at + 1, (size_t)(close - at - 1)), &title))
            at = close + 1;
        else
            buf_append_char(&title, *at++);
    }
    while (title.len > 0 && title.data[title.len - 1] == ' ')
        title.len--;
    process_title_set(buf_cstr(&title));
    buf_deinit(&title);
}

/* --- run-time changes --- */

static bool relisten(struct server *s, struct buf *err, const char *failure)
{
    struct buf reason = BUF_INIT;
    bool ok = worker_relisten(s->worker, &reason);
    if (ok) {
        start_title(s);
    } else {
        log_warning(&s->log, "%s", buf_cstr(&reason));
        buf_append_slice(err, slice_cstr(failure));
    }
    buf_deinit(&reason);
    return ok;
}

static bool change_port(void *arg, struct buf *err)
{
    return relisten(arg, err, "Unable to listen on this port. Check server logs.");
}

static bool change_bind(void *arg, struct buf *err)
{
    return relisten(arg, err, "Failed to bind to specified addresses.");
}

static bool change_title(void *arg, struct buf *err)
{
    (void)err;
    start_title(arg);
    return true;
}

static bool change_loglevel(void *arg, struct buf *err)
{
    (void)err;
    struct server *s = arg;
    s->log.level = (enum log_level)number(s, "loglevel");
    return true;
}

static bool change_maxclients(void *arg, struct buf *err)
{
    struct server *s = arg;
    uint64_t wanted = (uint64_t)number(s, "maxclients") + OPEN_FILES_RESERVED;
    s->open_files = process_raise_open_files(wanted);
    if (s->open_files >= wanted)
        return true;
    buf_appendf(err, "The operating system is not able to handle the specified number of clients, try with %lld",
                (long long)s->open_files - OPEN_FILES_RESERVED);
    return false;
}

static bool change_crash_log(void *arg, struct buf *err)
{
    (void)err;
    struct server *s = arg;
    crash_install(&s->crash, number(s, "crash-log-enabled") != 0);
    return true;
}

static int clamp_score(int score)
{
    return score < -1000 ? -1000 : score > 1000 ? 1000 : score;
}

/* oom-score-adj: `relative` adds to what the process was given at its start, which `no` brings back. Whoever never asks
 * for it keeps what others wrote. */
static bool change_oom_score(void *arg, struct buf *err)
{
    struct server *s = arg;
    enum oom_score_mode mode = (enum oom_score_mode)number(s, "oom-score-adj");
    if (mode == OOM_SCORE_NO && !s->oom_score_changed)
        return true;
    if (!s->oom_score_changed && !process_oom_score_adj_read(&s->oom_score_before))
        s->oom_score_before = 0;
    int values[OOM_SCORE_VALUES];
    config_oom_score_values(s->config, values);
    int score = mode == OOM_SCORE_NO ? s->oom_score_before
                                     : values[0] + (mode == OOM_SCORE_RELATIVE ? s->oom_score_before : 0);
    score = clamp_score(score);
    if (!process_oom_score_adj_write(score)) {
        log_warning(&s->log, "Unable to write oom_score_adj: %s", strerror(errno));
        buf_append_slice(err, SLICE("Failed to set current oom_score_adj. Check server logs."));
        return false;
    }
    s->oom_score_changed = mode != OOM_SCORE_NO;
    return true;
}

void start_child(struct server *s, const char *title)
{
    struct buf text = BUF_INIT;
    int values[OOM_SCORE_VALUES];
    enum oom_score_mode mode = (enum oom_score_mode)number(s, "oom-score-adj");
    if (number(s, "set-proc-title")) {
        buf_appendf(&text, "%s ", title);
        (void)template_value(s, SLICE("listen-addr"), &text);
        process_title_set(buf_cstr(&text));
    }
    buf_deinit(&text);
    s->crash.pidfile = NULL; /* the server lives when its child crashes */
    if (mode == OOM_SCORE_NO)
        return;
    config_oom_score_values(s->config, values);
    (void)!process_oom_score_adj_write(
        clamp_score(values[2] + (mode == OOM_SCORE_RELATIVE ? s->oom_score_before : 0)));
}

bool start_hooks(struct server *s)
{
    struct buf ignored = BUF_INIT; /* it is in the log */
    (void)change_oom_score(s, &ignored);
    buf_deinit(&ignored);
    config_on_change(s->config, "oom-score-adj", change_oom_score, s);
    config_on_change(s->config, "oom-score-adj-values", change_oom_score, s);
    config_on_change(s->config, "bind", change_bind, s);
    config_on_change(s->config, "port", change_port, s);
    config_on_change(s->config, "proc-title-template", change_title, s);
    config_on_change(s->config, "loglevel", change_loglevel, s);
    config_on_change(s->config, "maxclients", change_maxclients, s);
    config_on_change(s->config, "crash-log-enabled", change_crash_log, s);
    return true;
}
