/* See persist_steps.h. */
#include "persist_steps.h"

#include "cmd/cmd_feature.h"
#include "observe/observe_feature.h"
#include "persist/persist_feature.h"
#include "sys/background.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { KINDS = 4, VALUE_MAX = 5000, WAIT_STEPS = 2000, WAIT_US = 2000 };

static const struct feature *const features[] = {&cmd_feature, &observe_feature, &persist_feature};

enum { TMPDIR_MAX = 40 };

void test_folder_make(char *out, size_t size, const char *name)
{
    const char *tmp = getenv("TMPDIR");
    snprintf(out, size, "%s/%s-XXXXXX", tmp != NULL && strlen(tmp) < TMPDIR_MAX ? tmp : "/tmp", name);
    if (mkdtemp(out) == NULL) abort();
}

static int remove_one(const char *path, const struct stat *info, int type, struct FTW *ftw)
{
    return remove(path);
}

void test_folder_remove(const char *path)
{
    if (nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS) != 0) abort();
}

static void die(void *arg)
{
    ((struct step_server *)arg)->died = true;
}

static bool start(struct step_server *s, const char *folder, const struct files *files, const char *aof_policy,
                  const char *preamble, struct background *background)
{
    bool stopped = false;
    if (chdir(folder) < 0) abort();
    fixture_init(&s->fx, features, (int)ARRAY_LEN(features));
    s->background = background;
    s->shell = (struct persist_shell){.arg = s, .files = files, .die = die, .background = background};
    s->died = false;
    fixture_config(&s->fx, "save", "");
    if (aof_policy != NULL) {
        fixture_config(&s->fx, "appendfsync", aof_policy);
        fixture_config(&s->fx, "aof-use-rdb-preamble", preamble);
        fixture_config(&s->fx, "appendonly", "yes");
    }
    /* Loading sets where the log goes on: nobody may listen yet. */
    engine_sink_remove(s->fx.engine, &s->fx.sink);
    persist_set_shell(s->fx.engine, &s->shell);
    return persist_load(s->fx.engine, &stopped) && !stopped;
}

bool step_server_start(struct step_server *s, const char *folder, const struct files *files, const char *aof_policy,
                       const char *preamble)
{
    return start(s, folder, files, aof_policy, preamble, NULL);
}

bool step_server_start_threaded(struct step_server *s, const char *folder, const struct files *files,
                                const char *aof_policy, const char *preamble)
{
    return start(s, folder, files, aof_policy, preamble, bg_new(NULL));
}

void step_server_stop(struct step_server *s)
{
    engine_sink_add(s->fx.engine, &s->fx.sink);
    fixture_deinit(&s->fx);
    if (s->background != NULL) bg_free(s->background);
    if (chdir("/") < 0) abort();
}

bool step_server_wait_for_child(struct step_server *s)
{
    for (int i = 0; i < WAIT_STEPS; i++) {
        const char *info = fixture_run(&s->fx, "INFO persistence");
        if (strstr(info, "rdb_bgsave_in_progress:1") == NULL && strstr(info, "aof_rewrite_in_progress:1") == NULL &&
            strstr(info, "aof_rewrite_scheduled:1") == NULL)
            return true;
        nanosleep(&(struct timespec){0, WAIT_US * 1000L}, NULL);
        fixture_sleep_ms(&s->fx, WAIT_US / 1000);
        engine_cron(s->fx.engine);
        engine_turn_end(s->fx.engine);
    }
    return false;
}

/* ---- steps ---- */

static size_t value_len(int64_t step)
{
    return (size_t)(step * 997 % VALUE_MAX);
}

bool step_do(struct step_server *s, int64_t step)
{
    char line[VALUE_MAX + 64];
    const char *reply;
    switch (step % KINDS) {
    case 0: reply = fixture_run(&s->fx, "INCR n"); break;
    case 1:
        snprintf(line, sizeof(line), "RPUSH l %lld", (long long)step);
        reply = fixture_run(&s->fx, line);
        break;
    case 2: {
        int at = snprintf(line, sizeof(line), "SET s %lld:", (long long)step);
        memset(line + at, 'x', value_len(step));
        line[(size_t)at + value_len(step)] = '\0';
        reply = fixture_run(&s->fx, line);
        break;
    }
    default:
        fixture_run(&s->fx, "MULTI");
        fixture_run(&s->fx, "INCR a");
        fixture_run(&s->fx, "HSET h b 1");
        fixture_run(&s->fx, "INCR b");
        reply = fixture_run(&s->fx, "EXEC");
    }
    return reply[0] != '(';
}

static int64_t number(struct step_server *s, const char *line)
{
    const char *text = fixture_run(&s->fx, line);
    return strcmp(text, "nil") == 0 ? 0 : strtoll(text + (text[0] == '"'), NULL, 10);
}

/* How many of `steps` steps are of a kind. */
static int64_t count_of(int64_t steps, int64_t kind)
{
    return steps / KINDS + (kind < steps % KINDS);
}

int64_t steps_there(struct step_server *s)
{
    int64_t n = number(s, "GET n"), l = number(s, "LLEN l"), a = number(s, "GET a"), b = number(s, "GET b");
    int64_t size = number(s, "STRLEN s"), last = number(s, "GET s");
    int64_t set = size == 0 ? 0 : last / KINDS + 1, steps = n + l + a + set;
    char digits[24];
    if (a != b || (a > 0) != (number(s, "HLEN h") == 1)) return -1;
    int head = snprintf(digits, sizeof(digits), "%lld:", (long long)last);
    if (size > 0 && (size_t)size != value_len(last) + (size_t)head) return -1;
    const int64_t have[KINDS] = {n, l, set, a};
    for (int64_t kind = 0; kind < KINDS; kind++)
        if (count_of(steps, kind) != have[kind]) return -1;
    return steps;
}
