/* The only file that includes syslog.h. */
#include "base/log_impl.h"

#include <stdbool.h>
#include <stddef.h>
#include <strings.h>
#include <syslog.h>

/* Declared in base/log.h, which this file can't include. */
bool log_syslog_open(const char *ident, const char *facility);

static const struct facility {
    const char *name;
    int value;
} facilities[] = {
    {"user", LOG_USER},
    {"local0", LOG_LOCAL0},
    {"local1", LOG_LOCAL1},
    {"local2", LOG_LOCAL2},
    {"local3", LOG_LOCAL3},
    {"local4", LOG_LOCAL4},
    {"local5", LOG_LOCAL5},
    {"local6", LOG_LOCAL6},
    {"local7", LOG_LOCAL7},
};

bool log_syslog_open(const char *ident, const char *facility)
{
    for (size_t i = 0; i < sizeof facilities / sizeof facilities[0]; i++) {
        if (strcasecmp(facility, facilities[i].name) != 0) continue;
        openlog(ident, LOG_PID | LOG_NDELAY | LOG_NOWAIT, facilities[i].value);
        return true;
    }
    return false;
}

void syslog_write(int level, const char *text)
{
    static const int priorities[] = {LOG_DEBUG, LOG_INFO, LOG_NOTICE, LOG_WARNING};
    syslog(priorities[level], "%s", text);
}
