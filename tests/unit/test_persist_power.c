/* Power cuts: snapshots and the append-only file write to files that keep a journal (files_power.h); then the power is
 * cut behind each operation, a server is started on what the disk may hold, and its data is compared with what was
 * acknowledged at that point.
 *
 * The data tells how many steps were done: the steps go round four kinds, each with a key of its own. CAIRN_POWER_FACTOR
 * (1) is how many images are made of each point. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "cmd/cmd_feature.h"
#include "engine_fixture.h"
#include "files_power.h"
#include "observe/observe_feature.h"
#include "persist/persist_feature.h"
#include "persist/persist_shell.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { KINDS = 4, STEPS = 60, VALUE_MAX = 5000, WAIT_STEPS = 2000, WAIT_US = 2000, POINTS = 80 };

static const struct feature *const features[] = {&cmd_feature, &observe_feature, &persist_feature};

struct server {
    struct fixture fx;
    struct persist_shell shell;
};

struct rig {
    char base[64], work[80], image[80];
    struct files_power power;
    struct file_ops quick_ops; /* of servers on images: no sync, which would only cost time */
    struct files quick;
    const char *aof_policy; /* NULL: no append-only file */
    const char *preamble;
};

static int sync_nothing(void *arg, int fd)
{
    return 0;
}
static int sync_no_folder(void *arg, const char *path)
{
    return 0;
}

static void shell_run(const char *fmt, const char *a, const char *b)
{
    char command[256];
    snprintf(command, sizeof(command), fmt, a, b);
    if (system(command) != 0) abort();
}

static bool server_start(struct server *s, const struct rig *rig, const char *folder, const struct files *files)
{
    bool stopped = false;
    if (chdir(folder) < 0) abort();
    fixture_init(&s->fx, features, (int)ARRAY_LEN(features));
    s->shell = (struct persist_shell){.files = files};
    fixture_config(&s->fx, "save", "");
    if (rig->aof_policy != NULL) {
        fixture_config(&s->fx, "appendfsync", rig->aof_policy);
        fixture_config(&s->fx, "aof-use-rdb-preamble", rig->preamble);
        fixture_config(&s->fx, "appendonly", "yes");
    }
    /* Loading sets where the log goes on: nobody may listen yet. */
    engine_sink_remove(s->fx.engine, &s->fx.sink);
    persist_set_shell(s->fx.engine, &s->shell);
    return persist_load(s->fx.engine, &stopped) && !stopped;
}

static void server_stop(struct server *s)
{
    engine_sink_add(s->fx.engine, &s->fx.sink);
    fixture_deinit(&s->fx);
    if (chdir("/") < 0) abort();
}

static void rig_init(struct rig *rig, const char *aof_policy, const char *preamble)
{
    *rig = (struct rig){.aof_policy = aof_policy, .preamble = preamble};
    snprintf(rig->base, sizeof(rig->base), "/tmp/power-XXXXXX");
    if (mkdtemp(rig->base) == NULL) abort();
    snprintf(rig->work, sizeof(rig->work), "%s/work", rig->base);
    snprintf(rig->image, sizeof(rig->image), "%s/image", rig->base);
    shell_run("mkdir %s %s", rig->work, rig->image);
    rig->quick_ops = *files_posix.ops;
    rig->quick_ops.fsync = rig->quick_ops.fdatasync = sync_nothing;
    rig->quick_ops.fsync_dir = sync_no_folder;
    rig->quick = (struct files){&rig->quick_ops, files_posix.arg};
    files_power_init(&rig->power, &rig->quick, rig->work);
}

static void rig_deinit(struct rig *rig)
{
    files_power_deinit(&rig->power);
    shell_run("rm -r %s%s", rig->base, "");
}

/* ---- steps ---- */

static size_t value_len(int64_t step)
{
    return (size_t)(step * 997 % VALUE_MAX);
}

static void step_do(struct server *s, int64_t step)
{
    char line[VALUE_MAX + 64];
    switch (step % KINDS) {
    case 0: fixture_run(&s->fx, "INCR n"); break;
    case 1:
        snprintf(line, sizeof(line), "RPUSH l %lld", (long long)step);
        fixture_run(&s->fx, line);
        break;
    case 2: {
        int at = snprintf(line, sizeof(line), "SET s %lld:", (long long)step);
        memset(line + at, 'x', value_len(step));
        line[(size_t)at + value_len(step)] = '\0';
        fixture_run(&s->fx, line);
        break;
    }
    default:
        fixture_run(&s->fx, "MULTI");
        fixture_run(&s->fx, "INCR a");
        fixture_run(&s->fx, "HSET h b 1");
        fixture_run(&s->fx, "INCR b");
        fixture_run(&s->fx, "EXEC");
    }
}

static int64_t number(struct server *s, const char *line)
{
    const char *text = fixture_run(&s->fx, line);
    return strcmp(text, "nil") == 0 ? 0 : strtoll(text + (text[0] == '"'), NULL, 10);
}

/* How many of `steps` steps are of a kind. */
static int64_t count_of(int64_t steps, int64_t kind)
{
    return steps / KINDS + (kind < steps % KINDS);
}

/* The number of steps that the server's data holds; -1: it is not what any number of steps makes. */
static int64_t steps_there(struct server *s)
{
    int64_t n = number(s, "GET n"), l = number(s, "LLEN l"), a = number(s, "GET a"), b = number(s, "GET b");
    int64_t size = number(s, "STRLEN s"), last = number(s, "GET s");
    int64_t set = size == 0 ? 0 : last / KINDS + 1, steps = n + l + a + set;
    char digits[24];
    if (a != b || (a > 0) != (number(s, "HLEN h") == 1)) return -1;
    if (size > 0 && (size_t)size != value_len(last) + (size_t)snprintf(digits, sizeof(digits), "%lld:", (long long)last))
        return -1;
    const int64_t have[KINDS] = {n, l, set, a};
    for (int64_t kind = 0; kind < KINDS; kind++)
        if (count_of(steps, kind) != have[kind]) return -1;
    return steps;
}

/* ---- cuts ---- */

struct expected {
    int64_t promised, most; /* steps */
};

static void try_image(struct rig *rig, const struct power_cut *cut, struct expected expected)
{
    struct server s;
    char what[128];
    shell_run("rm -rf %s && mkdir %s", rig->image, rig->image);
    files_power_image(&rig->power, cut, rig->image);
    bool started = server_start(&s, rig, rig->image, &rig->quick);
    int64_t there = started ? steps_there(&s) : -2;
    if (there < expected.promised || there > expected.most) {
        print_message("cut behind operation %zu, before %s; names %d, bytes %d, sector %d, seed %llu: %lld steps there "
                      "(-1: no number of steps, -2: no start), promised %lld, done %lld\n",
                      cut->operations, files_power_describe(&rig->power, cut->operations, what), (int)cut->names,
                      (int)cut->bytes, cut->sector, (unsigned long long)cut->seed, (long long)there,
                      (long long)expected.promised, (long long)expected.most);
        print_message("the image: %s\n", rig->image);
        fail();
    }
    server_stop(&s);
}

static void try_all_cuts(struct rig *rig, int64_t promised_before, int64_t done)
{
    static const struct power_cut variants[] = {
        {0, POWER_NAMES_SYNCED, POWER_BYTES_SYNCED, 512, 0}, {0, POWER_NAMES_ALL, POWER_BYTES_ALL, 512, 0},
        {0, POWER_NAMES_ALL, POWER_BYTES_SYNCED, 512, 0},    {0, POWER_NAMES_SYNCED, POWER_BYTES_TORN, 512, 0},
        {0, POWER_NAMES_ALL, POWER_BYTES_TORN, 4096, 0},     {0, POWER_NAMES_SOME, POWER_BYTES_HOLES, 512, 0},
        {0, POWER_NAMES_SOME, POWER_BYTES_HOLES, 4096, 0},   {0, POWER_NAMES_SOME, POWER_BYTES_SYNCED, 512, 0},
    };
    const char *factor_text = getenv("CAIRN_POWER_FACTOR");
    int factor = factor_text != NULL ? atoi(factor_text) : 1;
    size_t count = files_power_operations(&rig->power), stride = 1 + count / (size_t)(POINTS * factor);
    for (size_t at = 0; at <= count; at += stride) {
        const struct expected expected = {files_power_marked(&rig->power, at, promised_before), done};
        for (size_t v = 0; v < ARRAY_LEN(variants) * (size_t)factor; v++) {
            if (factor == 1 && v > 2 && (v + at) % 3 != 0) continue; /* of the random ones, some at each point */
            struct power_cut cut = variants[v % ARRAY_LEN(variants)];
            cut.operations = at;
            cut.seed = at * 1000 + v;
            try_image(rig, &cut, expected);
        }
    }
}

/* ---- */

static void wait_for_child(struct server *s)
{
    for (int i = 0; i < WAIT_STEPS; i++) {
        const char *info = fixture_run(&s->fx, "INFO persistence");
        if (strstr(info, "rdb_bgsave_in_progress:1") == NULL && strstr(info, "aof_rewrite_in_progress:1") == NULL &&
            strstr(info, "aof_rewrite_scheduled:1") == NULL)
            return;
        nanosleep(&(struct timespec){0, WAIT_US * 1000L}, NULL);
        fixture_sleep_ms(&s->fx, WAIT_US / 1000);
        engine_cron(s->fx.engine);
        engine_turn_end(s->fx.engine);
    }
    fail();
}

/* Snapshots: what SAVE acknowledged is there, or a later snapshot. */
static void snapshots_outlive_a_cut(void **state)
{
    (void)state;
    struct rig rig;
    struct server s;
    rig_init(&rig, NULL, NULL);
    assert_true(server_start(&s, &rig, rig.work, &rig.power.files));
    int64_t step = 0;
    for (int save = 0; save < 4; save++) {
        for (int i = 0; i < 7; i++) step_do(&s, step++);
        if (save % 2 == 0) {
            assert_string_equal(fixture_run(&s.fx, "SAVE"), "OK");
        } else {
            assert_string_equal(fixture_run(&s.fx, "BGSAVE"), "Background saving started");
            wait_for_child(&s);
        }
        files_power_mark(&rig.power, step);
    }
    server_stop(&s);
    try_all_cuts(&rig, 0, step);
    rig_deinit(&rig);
}

static void append_only(const char *policy, const char *preamble)
{
    struct rig rig;
    struct server s;
    rig_init(&rig, policy, preamble);
    assert_true(server_start(&s, &rig, rig.work, &rig.power.files));
    for (int64_t step = 0; step < STEPS; step++) {
        step_do(&s, step);
        engine_turn_end(s.fx.engine);
        if (session_replies_may_go(s.fx.client.session) && strcmp(policy, "always") == 0)
            files_power_mark(&rig.power, step + 1);
        if (step % 20 == 10) {
            assert_memory_equal(fixture_run(&s.fx, "BGREWRITEAOF"), "Background", 10);
            if (step > 30) step_do(&s, ++step); /* while it is under way */
            engine_turn_end(s.fx.engine);
            wait_for_child(&s);
        }
        fixture_sleep_ms(&s.fx, 100);
        engine_cron(s.fx.engine);
    }
    if (strcmp(policy, "always") == 0)
        assert_int_equal(files_power_marked(&rig.power, files_power_operations(&rig.power), 0), STEPS);
    server_stop(&s);
    try_all_cuts(&rig, 0, STEPS);
    rig_deinit(&rig);
}

static void always_outlives_a_cut(void **state)
{
    (void)state;
    append_only("always", "yes");
}

static void always_with_a_base_of_commands(void **state)
{
    (void)state;
    append_only("always", "no");
}

/* Whatever is lost, what is there is a prefix. */
static void everysec_keeps_a_prefix(void **state)
{
    (void)state;
    append_only("everysec", "yes");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(snapshots_outlive_a_cut),
        cmocka_unit_test(always_outlives_a_cut),
        cmocka_unit_test(always_with_a_base_of_commands),
        cmocka_unit_test(everysec_keeps_a_prefix),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
