/* The inside of the server; only the files of server/ include it. */
#ifndef CAIRN_SERVER_SERVER_IMPL_H
#define CAIRN_SERVER_SERVER_IMPL_H

#include "base/log.h"
#include "engine/config.h"
#include "engine/engine.h"
#include "net/worker.h"
#include "observe/host_info.h"
#include "persist/persist_shell.h"
#include "server/server.h"
#include "sys/background.h"
#include "sys/crash.h"
#include "sys/loop.h"

struct server {
    struct logger log;
    struct config *config;
    struct engine *engine;
    struct loop *loop;
    struct worker *worker;
    struct background *background;
    struct crash_options crash;
    struct buf program;   /* absolute path of the executable */
    struct buf os;        /* "Linux 6.1.0 x86_64" */
    struct host_info host_info;
    struct persist_shell persist_shell;
    bool stop, stopping;  /* SHUTDOWN or a signal asked for it; the exit code is exit_code */
    const char *supervised_by; /* "systemd", "upstart"; NULL: nobody */
    bool oom_score_changed; /* by us, from oom_score_before */
    int oom_score_before;
    int exit_code;
    uint64_t open_files;
};

extern const struct feature *const server_features[]; /* wiring.c */
extern const int server_feature_count;

/* start.c: what is said and set before the first connection. */
void start_logger(struct server *s);
bool start_process(struct server *s);       /* daemonize, pidfile, limits, title, affinity; false: exit */
void start_announce(struct server *s);
bool start_load(struct server *s);          /* the data; false: exit, with s->exit_code */
void start_ready(struct server *s);
void start_title(struct server *s);
void start_child(struct server *s, const char *title); /* in a forked child: title, OOM score, crash report */
bool start_hooks(struct server *s);         /* run-time effects of CONFIG SET */

/* host.c: what the engine and INFO ask of the process. */
struct engine_host host_for_engine(struct server *s);
void host_info_install(struct server *s);
void host_persist_install(struct server *s);

/* shutdown.c */
/* Saves what must be saved and marks the server as to be stopped; false: it goes on. flags: enum shutdown_flag. */
bool shutdown_prepare(struct server *s, uint32_t flags);
void shutdown_take_signal(struct server *s); /* SIGTERM and SIGINT, when one came */
bool shutdown_abort(struct server *s);       /* calls a signal's wish off; false: there was none */
void shutdown_finish(struct server *s);      /* after the last turn: replies out, pid file */

#endif
