/* syslog(3)'s header and ours both define LOG_DEBUG, so the two meet only through plain integers. */
#ifndef CAIRN_BASE_LOG_IMPL_H
#define CAIRN_BASE_LOG_IMPL_H

void syslog_write(int level, const char *text); /* level: an enum log_level below LOG_NOTHING */

#endif
