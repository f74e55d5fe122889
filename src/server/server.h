/* A whole server in one object: configuration, engine, loop, worker, background threads. main.c makes one; tests may
 * make several. */
#ifndef CAIRN_SERVER_SERVER_H
#define CAIRN_SERVER_SERVER_H

#include "base/buf.h"

struct server; /* opaque */

/* argv as main got it, options already sorted out: path of the configuration file ("-": standard input, NULL: none) and
 * the directives behind it. On failure NULL; the text for standard error is in err. */
struct server *server_new(const char *program, const char *config_path, int argc, char **argv, struct buf *err);
/* Opens the sockets, logs the start, serves until it is asked to stop. Returns the exit code. */
int server_run(struct server *s);
void server_free(struct server *s);

#endif
