/* What INFO asks of the process and of the machine below it. The shell (server/) fills it in; a NULL function gives
 * zeros and empty texts, so that an engine can be observed without a process around it. */
#ifndef CAIRN_OBSERVE_HOST_INFO_H
#define CAIRN_OBSERVE_HOST_INFO_H

#include "base/buf.h"

struct engine;

/* Facts that change: read for each INFO that shows them. */
struct process_facts {
    uint64_t rss_bytes, total_memory_bytes;
    double user_s, system_s, children_user_s, children_system_s, thread_user_s, thread_system_s;
};

/* Facts that stay; the texts live as long as the server. NULL is as good as "". */
struct host_facts {
    const char *os;               /* "Linux 6.1.0 x86_64" */
    const char *executable;       /* absolute path */
    const char *supervised;       /* "no", "systemd", "upstart" */
    const char *multiplexing_api; /* "epoll" */
    int64_t pid;
    int tcp_port;   /* 0: none */
    int io_threads; /* workers beside the first */
};

struct host_info {
    void *arg;
    void (*process)(void *arg, struct process_facts *out);
    void (*host)(void *arg, struct host_facts *out);
    void (*listeners)(void *arg, struct buf *out); /* "listener0:name=tcp,bind=127.0.0.1,port=6379\r\n" ... */
};

/* host is borrowed and outlives the engine; NULL takes it away. Needs observe_feature among the engine's features. */
void observe_set_host(struct engine *e, const struct host_info *host);

#endif
