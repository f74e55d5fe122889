/* Log lines. Each is one write(2) of a buffer on the stack, to a file opened for appending, so that lines of several
 * processes and threads do not mix. A line that can't be written is lost: there is nobody to tell. */
#include "base/log.h"

#include "base/log_impl.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

enum { LOG_TEXT_MAX = 4096,
       LOG_PREFIX_MAX = 64 };

void logger_init(struct logger *log)
{
    *log = (struct logger){.level = LOG_NOTICE, .fd = STDOUT_FILENO, .role = 'M'};
}

void log_raw(struct logger *log, const char *text, size_t len)
{
    int saved_errno = errno;
    bool own = log->path[0] != '\0';
    int fd = own ? open(log->path, O_APPEND | O_CREAT | O_WRONLY | O_CLOEXEC, 0644) : log->fd;
    while (fd >= 0 && len > 0) {
        ssize_t written = write(fd, text, len);
        if (written < 0 && errno == EINTR) continue;
        if (written <= 0) break;
        text += written;
        len -= (size_t)written;
    }
    if (own && fd >= 0) close(fd);
    errno = saved_errno;
}

/* "<pid>:<role> 22 Nov 2026 18:40:01.123 * " */
static size_t prefix_write(char *out, const struct logger *log, enum log_level level)
{
    struct timeval now;
    struct tm tm;
    gettimeofday(&now, NULL);
    localtime_r(&now.tv_sec, &tm);
    size_t len = (size_t)snprintf(out, LOG_PREFIX_MAX, "%d:%c ", (int)getpid(), log->role);
    len += strftime(out + len, LOG_PREFIX_MAX - len, "%d %b %Y %H:%M:%S", &tm);
    len += (size_t)snprintf(out + len, LOG_PREFIX_MAX - len, ".%03d %c ", (int)(now.tv_usec / 1000), ".-*#"[level]);
    return len;
}

void log_line(struct logger *log, enum log_level level, const char *fmt, ...)
{
    if (level < log->level || level >= LOG_NOTHING) return;
    int saved_errno = errno;
    char line[LOG_PREFIX_MAX + LOG_TEXT_MAX + 1];
    size_t prefix = prefix_write(line, log, level);
    va_list ap;
    va_start(ap, fmt);
    errno = saved_errno; /* for %m */
    int want = vsnprintf(line + prefix, LOG_TEXT_MAX, fmt, ap);
    va_end(ap);
    size_t len = want < 0 ? 0 : want < LOG_TEXT_MAX ? (size_t)want
                                                    : LOG_TEXT_MAX - 1;
    if (log->to_syslog) {
        line[prefix + len] = '\0';
        syslog_write((int)level, line + prefix);
    }
    line[prefix + len] = '\n';
    log_raw(log, line, prefix + len + 1);
    errno = saved_errno;
}
