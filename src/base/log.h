/* The log. A logger is passed like any other state. Writing never blocks on memory and never fails the caller.
 * A line: "<pid>:<role> <dd Mon yyyy hh:mm:ss.mmm> <. - * #> <text>\n". */
#ifndef CAIRN_BASE_LOG_H
#define CAIRN_BASE_LOG_H

#include "base/compiler.h"
#include "base/slice.h"

enum log_level { LOG_DEBUG, LOG_VERBOSE, LOG_NOTICE, LOG_WARNING, LOG_NOTHING };

struct logger {
    enum log_level level;
    int fd;             /* open file or standard output; -1: none */
    bool to_syslog;     /* also to syslog(3), opened by log_syslog_open() */
    char role;          /* 'M' primary, 'S' replica, 'C' child, 'X' sentinel */
    char path[1024];    /* file to open for each line (so that logrotate works), "" for fd */
};

void logger_init(struct logger *log); /* notice, standard output, role 'M' */
void log_line(struct logger *log, enum log_level level, const char *fmt, ...) printf_like(3, 4);
/* Writes text as it is, without prefix: logos, crash reports. Async-signal-safe. */
void log_raw(struct logger *log, const char *text, size_t len);

/* Opens syslog(3) for the process. ident is kept by reference; facility: user, local0 to local7, in any case; false:
 * unknown. Include <syslog.h> nowhere else: its LOG_* names are ours too. */
bool log_syslog_open(const char *ident, const char *facility);

#define log_debug(log, ...) log_line((log), LOG_DEBUG, __VA_ARGS__)
#define log_verbose(log, ...) log_line((log), LOG_VERBOSE, __VA_ARGS__)
#define log_notice(log, ...) log_line((log), LOG_NOTICE, __VA_ARGS__)
#define log_warning(log, ...) log_line((log), LOG_WARNING, __VA_ARGS__)

#endif
