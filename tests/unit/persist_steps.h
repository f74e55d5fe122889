/* A server in the test's process whose data tells how many steps it has done: the steps go round four kinds, each with
 * a key of its own, so that data which no number of steps makes is damage. For tests of persistence. */
#ifndef CAIRN_TEST_PERSIST_STEPS_H
#define CAIRN_TEST_PERSIST_STEPS_H

#include "engine_fixture.h"
#include "persist/persist_shell.h"

struct step_server {
    struct fixture fx;
    struct persist_shell shell;
    struct background *background;
    bool died; /* it would have ended the process, since it could not keep a promise */
};

/* In the folder, with what its files hold. aof_policy: appendfsync; NULL: no append-only file. preamble:
 * aof-use-rdb-preamble. False: it refuses to start (and is there to be stopped). */
bool step_server_start(struct step_server *s, const char *folder, const struct files *files, const char *aof_policy,
                       const char *preamble);
/* The same, with threads for fsync and close as a server has them. */
bool step_server_start_threaded(struct step_server *s, const char *folder, const struct files *files,
                                const char *aof_policy, const char *preamble);
void step_server_stop(struct step_server *s); /* as if it was killed */
/* The server's cron and the end of its turn, until no child runs. False: one does not end. */
bool step_server_wait_for_child(struct step_server *s);

/* A folder of the test's own: its path is in out (64 bytes are enough) then. TMPDIR says where, else /tmp. */
void test_folder_make(char *out, size_t size, const char *name);
void test_folder_remove(const char *path); /* with all that is in it */

bool step_do(struct step_server *s, int64_t step); /* false: the server refused it */
/* The number of steps that the server's data holds; -1: it is not what any number of steps makes. */
int64_t steps_there(struct step_server *s);

#endif
