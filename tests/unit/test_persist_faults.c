/* A disk that fails: the n-th operation of the append-only file, of a rewrite or of a snapshot fails once, or the
 * process dies there. Whatever happens, the server that starts next has all that was acknowledged, in whole steps, and
 * nothing that was not asked for. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "files_faulty.h"
#include "persist_steps.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { STEPS_BEFORE = 10, STEPS = 40, REWRITE_AT = 20, SAVE_AT = 30, OPERATIONS_MAX = 2000, RETRY_MS = 1100 };

struct rig {
    char folder[64];
    struct file_ops quick_ops;
    struct files quick; /* without syncs, which would only cost time */
    struct files_faulty faulty;
};

static int sync_nothing(void *arg, int fd)
{
    return 0;
}
static int sync_no_folder(void *arg, const char *path)
{
    return 0;
}

static void rig_init(struct rig *rig)
{
    test_folder_make(rig->folder, sizeof(rig->folder), "faults");
    rig->quick_ops = *files_posix.ops;
    rig->quick_ops.fsync = rig->quick_ops.fdatasync = sync_nothing;
    rig->quick_ops.fsync_dir = sync_no_folder;
    rig->quick = (struct files){&rig->quick_ops, files_posix.arg};
    files_faulty_init(&rig->faulty, &rig->quick, FAULT_NONE, 0, 0);
}

static void rig_deinit(struct rig *rig)
{
    test_folder_remove(rig->folder);
}

struct outcome {
    int64_t done, acked;
};

/* One command and the end of the turn, in which it is written. */
static void step(struct step_server *s, struct outcome *o)
{
    bool ok = step_do(s, o->done);
    if (ok) o->done++;
    engine_turn_end(s->fx.engine);
    if (ok && !s->died && session_replies_may_go(s->fx.client.session)) o->acked = o->done;
    fixture_sleep_ms(&s->fx, ok ? 100 : RETRY_MS);
    engine_cron(s->fx.engine);
}

static void work(struct step_server *s, struct outcome *o)
{
    for (int i = STEPS_BEFORE; i < STEPS && !s->died; i++) {
        step(s, o);
        if (i == REWRITE_AT) fixture_run(&s->fx, "BGREWRITEAOF");
        if (i == SAVE_AT) fixture_run(&s->fx, "SAVE");
        if (i == REWRITE_AT && !s->died) assert_true(step_server_wait_for_child(s));
    }
}

/* A server on the folder has the acknowledged steps and no other ones than were done. */
static void check_folder(struct rig *rig, const struct outcome *o, const char *policy)
{
    struct step_server s;
    bool started = step_server_start(&s, rig->folder, &rig->quick, policy, "yes");
    int64_t there = started ? steps_there(&s) : -2;
    if (there < o->acked || there > o->done) {
        print_message("%s, operation %d, mode %d, error %d: %lld steps there (-1: no number of steps, -2: no start), "
                      "%lld acknowledged, %lld done; %s\n",
                      policy, rig->faulty.fail_at, (int)rig->faulty.mode, rig->faulty.err, (long long)there,
                      (long long)o->acked, (long long)o->done, rig->folder);
        fail();
    }
    step_server_stop(&s);
}

/* Whether the fault was reached. */
static bool try_fault(const char *policy, enum fault_mode mode, int fail_at, int err)
{
    struct rig rig;
    struct step_server s;
    struct outcome o = {0};
    rig_init(&rig);
    assert_true(step_server_start(&s, rig.folder, &rig.faulty.files, policy, "yes"));
    while (o.done < STEPS_BEFORE) step(&s, &o);
    files_faulty_init(&rig.faulty, &rig.quick, mode, fail_at, err);
    work(&s, &o);
    bool reached = rig.faulty.failed;
    if (!s.died) assert_int_equal(steps_there(&s), o.done);
    step_server_stop(&s);
    if (strcmp(policy, "always") != 0) o.acked = reached || mode == FAULT_CRASH ? 0 : STEPS;
    check_folder(&rig, &o, policy);
    rig_deinit(&rig);
    return reached;
}

static void try_all(const char *policy, enum fault_mode mode, int err)
{
    int fail_at = 1;
    while (fail_at < OPERATIONS_MAX && try_fault(policy, mode, fail_at, err)) fail_at++;
    assert_true(fail_at > STEPS && fail_at < OPERATIONS_MAX);
}

/* ---- turning it on and off ---- */

static void turn_on(struct step_server *s, struct outcome *o, bool in_transaction)
{
    for (int tries = 0; tries < 2 && !s->died; tries++) {
        if (in_transaction) fixture_run(&s->fx, "MULTI");
        bool ok = fixture_run(&s->fx, "CONFIG SET appendonly yes")[0] != '(';
        if (in_transaction) fixture_run(&s->fx, "EXEC");
        engine_turn_end(s->fx.engine);
        if (ok) break;
    }
    if (s->died) return;
    assert_true(step_server_wait_for_child(s));
    if (!s->died) o->acked = o->done;
}

static bool try_switch(enum fault_mode mode, int fail_at, int err, int rounds)
{
    struct rig rig;
    struct step_server s;
    struct outcome o = {0};
    rig_init(&rig);
    assert_true(step_server_start(&s, rig.folder, &rig.faulty.files, NULL, NULL));
    fixture_run(&s.fx, "CONFIG SET appendfsync always");
    while (o.done < STEPS_BEFORE) step_do(&s, o.done++);
    files_faulty_init(&rig.faulty, &rig.quick, mode, fail_at, err);
    for (int round = 0; round < rounds && !s.died; round++) {
        turn_on(&s, &o, round == 0);
        for (int i = 0; i < 5 && !s.died; i++) step(&s, &o);
        if (round + 1 < rounds) fixture_run(&s.fx, "CONFIG SET appendonly no");
    }
    bool reached = rig.faulty.failed;
    step_server_stop(&s);
    check_folder(&rig, &o, "always");
    rig_deinit(&rig);
    return reached;
}

static void switching_with_one_error(void **state)
{
    (void)state;
    for (int rounds = 1; rounds <= 3; rounds += 2) {
        int fail_at = 1;
        while (fail_at < OPERATIONS_MAX && try_switch(FAULT_ONCE, fail_at, ENOSPC, rounds)) fail_at++;
        assert_true(fail_at > 10 * rounds && fail_at < OPERATIONS_MAX);
    }
}

/* ---- the single file of old ---- */

static void make_single_file(struct rig *rig, struct outcome *o)
{
    struct step_server s;
    char command[256];
    assert_true(step_server_start(&s, rig->folder, &rig->quick, "always", "yes"));
    while (o->done < STEPS_BEFORE) step(&s, o);
    step_server_stop(&s);
    snprintf(command, sizeof(command), "cd %s && mv appendonlydir/*.incr.aof appendonly.aof && rm -r appendonlydir",
             rig->folder);
    if (system(command) != 0) abort();
}

static bool try_upgrade(enum fault_mode mode, int fail_at, int err)
{
    struct rig rig;
    struct step_server s;
    struct outcome o = {0};
    rig_init(&rig);
    make_single_file(&rig, &o);
    files_faulty_init(&rig.faulty, &rig.quick, mode, fail_at, err);
    bool started = step_server_start(&s, rig.folder, &rig.faulty.files, "always", "yes");
    if (started) assert_int_equal(steps_there(&s), STEPS_BEFORE);
    for (int i = 0; started && i < 5 && !s.died; i++) step(&s, &o);
    bool reached = rig.faulty.failed;
    step_server_stop(&s);
    check_folder(&rig, &o, "always");
    rig_deinit(&rig);
    return reached;
}

static void upgrading_with_one_error(void **state)
{
    (void)state;
    int fail_at = 1;
    while (fail_at < OPERATIONS_MAX && try_upgrade(FAULT_ONCE, fail_at, EIO)) fail_at++;
    assert_true(fail_at > 20 && fail_at < OPERATIONS_MAX);
}

static void upgrading_with_a_death(void **state)
{
    (void)state;
    int fail_at = 1;
    while (fail_at < OPERATIONS_MAX && try_upgrade(FAULT_CRASH, fail_at, EIO)) fail_at++;
    assert_true(fail_at > 20 && fail_at < OPERATIONS_MAX);
}

static void always_with_one_error(void **state)
{
    (void)state;
    try_all("always", FAULT_ONCE, ENOSPC);
    try_all("always", FAULT_ONCE, EIO);
}

static void always_with_a_death(void **state)
{
    (void)state;
    try_all("always", FAULT_CRASH, EIO);
}

static void everysec_with_one_error(void **state)
{
    (void)state;
    try_all("everysec", FAULT_ONCE, ENOSPC);
}

static void everysec_with_a_death(void **state)
{
    (void)state;
    try_all("everysec", FAULT_CRASH, EIO);
}

static void short_writes_are_continued(void **state)
{
    (void)state;
    (void)try_fault("always", FAULT_SHORT, 0, 0);
    (void)try_fault("everysec", FAULT_SHORT, 0, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(always_with_one_error),  cmocka_unit_test(always_with_a_death),
        cmocka_unit_test(everysec_with_one_error), cmocka_unit_test(everysec_with_a_death),
        cmocka_unit_test(short_writes_are_continued), cmocka_unit_test(switching_with_one_error),
        cmocka_unit_test(upgrading_with_one_error), cmocka_unit_test(upgrading_with_a_death),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
