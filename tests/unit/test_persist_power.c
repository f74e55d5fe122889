/* Power cuts: snapshots and the append-only file write to files that keep a journal (files_power.h); then the power is
 * cut behind each operation, a server is started on what the disk may hold, and its data is compared with what was
 * acknowledged at that point.
 *
 * CAIRN_POWER_FACTOR (1) is how many images are made of each point. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "files_power.h"
#include "persist_steps.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { STEPS = 60, POINTS = 80, FSYNC_US = 3000, KILLED_AT = 31 };

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

static void folder_make(const char *path)
{
    if (mkdir(path, 0700) < 0) abort();
}

static void rig_init(struct rig *rig, const char *aof_policy, const char *preamble)
{
    *rig = (struct rig){.aof_policy = aof_policy, .preamble = preamble};
    test_folder_make(rig->base, sizeof(rig->base), "power");
    snprintf(rig->work, sizeof(rig->work), "%s/work", rig->base);
    snprintf(rig->image, sizeof(rig->image), "%s/image", rig->base);
    folder_make(rig->work);
    folder_make(rig->image);
    rig->quick_ops = *files_posix.ops;
    rig->quick_ops.fsync = rig->quick_ops.fdatasync = sync_nothing;
    rig->quick_ops.fsync_dir = sync_no_folder;
    rig->quick = (struct files){&rig->quick_ops, files_posix.arg};
    files_power_init(&rig->power, &rig->quick, rig->work);
}

static void rig_deinit(struct rig *rig)
{
    files_power_deinit(&rig->power);
    test_folder_remove(rig->base);
}

/* ---- cuts ---- */

struct expected {
    int64_t promised, most; /* steps */
};

static void try_image(struct rig *rig, const struct power_cut *cut, struct expected expected)
{
    struct step_server s;
    char what[128];
    test_folder_remove(rig->image);
    folder_make(rig->image);
    files_power_image(&rig->power, cut, rig->image);
    bool started = step_server_start(&s, rig->image, &rig->quick, rig->aof_policy, rig->preamble);
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
    step_server_stop(&s);
}

static void try_all_cuts(struct rig *rig, int64_t promised_before, int64_t done)
{
    static const struct power_cut variants[] = {
        {0, POWER_NAMES_SYNCED, POWER_BYTES_SYNCED, 512, 0}, {0, POWER_NAMES_ALL, POWER_BYTES_ALL, 512, 0},
        {0, POWER_NAMES_ALL, POWER_BYTES_SYNCED, 512, 0},    {0, POWER_NAMES_SYNCED, POWER_BYTES_TORN, 512, 0},
        {0, POWER_NAMES_ALL, POWER_BYTES_TORN, 4096, 0},     {0, POWER_NAMES_SOME, POWER_BYTES_HOLES, 512, 0},
        {0, POWER_NAMES_SOME, POWER_BYTES_HOLES, 4096, 0},   {0, POWER_NAMES_SOME, POWER_BYTES_SYNCED, 512, 0},
        {0, POWER_NAMES_ANY, POWER_BYTES_SYNCED, 512, 0},    {0, POWER_NAMES_ANY, POWER_BYTES_HOLES, 512, 0},
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

/* Snapshots: what SAVE acknowledged is there, or a later snapshot. */
static void snapshots_outlive_a_cut(void **state)
{
    (void)state;
    struct rig rig;
    struct step_server s;
    rig_init(&rig, NULL, NULL);
    assert_true(step_server_start(&s, rig.work, &rig.power.files, rig.aof_policy, rig.preamble));
    int64_t step = 0;
    for (int save = 0; save < 4; save++) {
        for (int i = 0; i < 7; i++) step_do(&s, step++);
        if (save % 2 == 0) {
            assert_string_equal(fixture_run(&s.fx, "SAVE"), "OK");
        } else {
            assert_string_equal(fixture_run(&s.fx, "BGSAVE"), "Background saving started");
            assert_true(step_server_wait_for_child(&s));
        }
        files_power_mark(&rig.power, step);
    }
    step_server_stop(&s);
    try_all_cuts(&rig, 0, step);
    rig_deinit(&rig);
}

static void start_at_work(struct rig *rig, struct step_server *s, bool threaded)
{
    assert_true((threaded ? step_server_start_threaded : step_server_start)(s, rig->work, &rig->power.files,
                                                                             rig->aof_policy, rig->preamble));
}

static void append_only(const char *policy, const char *preamble, bool threaded)
{
    struct rig rig;
    struct step_server s;
    rig_init(&rig, policy, preamble);
    rig.power.fsync_delay_us = threaded ? FSYNC_US : 0;
    start_at_work(&rig, &s, threaded);
    for (int64_t step = 0; step < STEPS; step++) {
        step_do(&s, step);
        engine_turn_end(s.fx.engine);
        if (session_replies_may_go(s.fx.client.session) && strcmp(policy, "always") == 0)
            files_power_mark(&rig.power, step + 1);
        if (step % 17 == 7 && step < 50) { /* halfway between two fsyncs of everysec */
            assert_memory_equal(fixture_run(&s.fx, "BGREWRITEAOF"), "Background", 10);
            if (step % 2 == 1) step_do(&s, ++step); /* while it is under way */
            engine_turn_end(s.fx.engine);
            assert_true(step_server_wait_for_child(&s));
        }
        if (step == KILLED_AT) { /* what was written and not synced is there, and the power is still on */
            step_server_stop(&s);
            start_at_work(&rig, &s, threaded);
        }
        usleep(2 * rig.power.fsync_delay_us);
        fixture_sleep_ms(&s.fx, 100);
        engine_cron(s.fx.engine);
    }
    if (strcmp(policy, "always") == 0)
        assert_int_equal(files_power_marked(&rig.power, files_power_operations(&rig.power), 0), STEPS);
    step_server_stop(&s);
    try_all_cuts(&rig, 0, STEPS);
    rig_deinit(&rig);
}

static void always_outlives_a_cut(void **state)
{
    (void)state;
    append_only("always", "yes", false);
}

static void always_with_a_base_of_commands(void **state)
{
    (void)state;
    append_only("always", "no", false);
}

/* Whatever is lost, what is there is a prefix. */
static void everysec_keeps_a_prefix(void **state)
{
    (void)state;
    append_only("everysec", "yes", false);
}

/* With fsyncs that end some time later, when more was written, to other files too. */
static void everysec_in_threads_keeps_a_prefix(void **state)
{
    (void)state;
    append_only("everysec", "yes", true);
}

/* What a killed server wrote and did not sync is synced by the next one, before a record of its own says so. */
static void what_a_killed_server_left(void **state)
{
    (void)state;
    enum { LEFT = 12, SEEDS = 40 };
    struct rig rig;
    struct step_server s;
    int64_t step = 0;
    rig_init(&rig, "everysec", "yes");
    start_at_work(&rig, &s, false);
    for (; step < LEFT; step++) {
        step_do(&s, step);
        engine_turn_end(s.fx.engine);
    }
    step_server_stop(&s);
    start_at_work(&rig, &s, false);
    size_t before = files_power_operations(&rig.power);
    step_do(&s, step++);
    engine_turn_end(s.fx.engine);
    const struct expected expected = {LEFT, step};
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        struct power_cut cut = {before + 1, POWER_NAMES_ALL, POWER_BYTES_HOLES, 512, seed};
        try_image(&rig, &cut, expected);
    }
    step_server_stop(&s);
    rig_deinit(&rig);
}

/* The single file of old, which Redis left: it is moved, and goes on. */
static void an_upgrade_outlives_a_cut(void **state)
{
    (void)state;
    enum { BEFORE = 10, AFTER = 30 };
    struct rig rig;
    struct step_server s;
    struct buf old = BUF_INIT;
    int64_t step = 0;
    rig_init(&rig, "always", "yes");
    assert_true(step_server_start(&s, rig.image, &rig.quick, rig.aof_policy, rig.preamble));
    while (step < BEFORE) step_do(&s, step++);
    engine_turn_end(s.fx.engine);
    assert_true(file_read_all(&rig.quick, "appendonlydir/appendonly.aof.1.incr.aof", &old));
    step_server_stop(&s);
    if (chdir(rig.work) < 0) abort();
    assert_true(file_write_atomic(&rig.power.files, "appendonly.aof", buf_slice(&old), 0644));
    buf_deinit(&old);
    files_power_mark(&rig.power, BEFORE);
    assert_true(step_server_start(&s, rig.work, &rig.power.files, rig.aof_policy, rig.preamble));
    for (; step < AFTER; step++) {
        step_do(&s, step);
        engine_turn_end(s.fx.engine);
        assert_true(session_replies_may_go(s.fx.client.session));
        files_power_mark(&rig.power, step + 1);
    }
    step_server_stop(&s);
    try_all_cuts(&rig, 0, AFTER);
    rig_deinit(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(snapshots_outlive_a_cut),
        cmocka_unit_test(always_outlives_a_cut),
        cmocka_unit_test(what_a_killed_server_left),
        cmocka_unit_test(an_upgrade_outlives_a_cut),
        cmocka_unit_test(always_with_a_base_of_commands),
        cmocka_unit_test(everysec_keeps_a_prefix),
        cmocka_unit_test(everysec_in_threads_keeps_a_prefix),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
