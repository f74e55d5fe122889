/* The append-only file on a disk that fails: whatever was acknowledged with `always` is there after a restart, a
 * transaction is there whole or not at all, and a damaged file is refused or cut with the place in the log. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/mem.h"
#include "cmd/cmd_feature.h"
#include "engine_fixture.h"
#include "files_faulty.h"
#include "persist_steps.h"
#include "observe/observe_feature.h"
#include "persist/aof_record.h"
#include "persist/persist_feature.h"
#include "persist/persist_shell.h"
#include "sys/background.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { OPERATIONS_MAX = 120, STEPS = 12 };
#define INCREMENT "appendonlydir/appendonly.aof.1.incr.aof"

static const struct feature *const features[] = {&cmd_feature, &observe_feature, &persist_feature};

struct rig {
    struct fixture fx;
    struct files_faulty faulty;
    struct persist_shell shell;
    bool died;
};

static char folder[64];

static void folder_make(void)
{
    test_folder_make(folder, sizeof(folder), "aof");
    if (chdir(folder) < 0) abort();
}

static void folder_remove(void)
{
    if (chdir("/") < 0) abort();
    test_folder_remove(folder);
}

static void die(void *arg)
{
    ((struct rig *)arg)->died = true;
}

static void rig_init(struct rig *rig, const char *policy, enum fault_mode mode, int fail_at)
{
    rig->died = false;
    fixture_init(&rig->fx, features, (int)ARRAY_LEN(features));
    files_faulty_init(&rig->faulty, &files_posix, mode, fail_at, ENOSPC);
    rig->shell = (struct persist_shell){.arg = rig, .files = &rig->faulty.files, .die = die};
    fixture_config(&rig->fx, "save", "");
    fixture_config(&rig->fx, "appendonly", "yes");
    fixture_config(&rig->fx, "appendfsync", policy);
    persist_set_shell(rig->fx.engine, &rig->shell);
}

static bool start(struct rig *rig)
{
    bool stopped;
    return persist_load(rig->fx.engine, &stopped) && !stopped;
}

static void turn(struct rig *rig, uint64_t ms)
{
    fixture_sleep_ms(&rig->fx, ms);
    engine_turn_end(rig->fx.engine);
}

static long number(struct rig *rig, const char *key)
{
    char line[64];
    snprintf(line, sizeof(line), "GET %s", key);
    const char *reply = fixture_run(&rig->fx, line);
    return strcmp(reply, "nil") == 0 ? 0 : strtol(reply + (reply[0] == '"'), NULL, 10);
}

/* Returns how many steps were acknowledged. */
static int steps(struct rig *rig)
{
    int acked = 0;
    for (int i = 1; i <= STEPS && !rig->died; i++) {
        const char *reply = fixture_run(&rig->fx, "INCR n");
        bool refused = strstr(reply, "MISCONF") != NULL;
        fixture_run(&rig->fx, "MULTI");
        fixture_run(&rig->fx, "INCR a");
        fixture_run(&rig->fx, "INCR b");
        fixture_run(&rig->fx, "EXEC");
        turn(rig, 200);
        if (!refused && !rig->died && session_replies_may_go(rig->fx.client.session)) acked = i;
        if (refused) break;
    }
    return acked;
}

/* whole: the server has cut off whatever did not go out whole */
static void check_after(int acked, int at, bool whole)
{
    struct rig rig;
    rig_init(&rig, "always", FAULT_NONE, 0);
    if (whole) fixture_config(&rig.fx, "aof-load-truncated", "no");
    if (!start(&rig)) fail_msg("no start after a fault at operation %d", at);
    if (number(&rig, "n") < acked) fail_msg("fault at %d: %d acknowledged, %ld there", at, acked, number(&rig, "n"));
    assert_int_equal(number(&rig, "a"), number(&rig, "b"));
    assert_true(number(&rig, "n") - number(&rig, "a") <= 1);
    fixture_deinit(&rig.fx);
}

static void faults(const char *policy, enum fault_mode mode)
{
    bool reached_end = false;
    for (int at = 1; at < OPERATIONS_MAX && !reached_end; at++) {
        struct rig rig;
        folder_make();
        rig_init(&rig, policy, mode, at);
        int acked = start(&rig) ? steps(&rig) : 0;
        if (!rig.faulty.failed) assert_int_equal(acked, STEPS);
        if (strcmp(policy, "always") != 0) {
            acked = 0; /* nothing was promised */
            if (!rig.died) (void)!persist_shutdown(rig.fx.engine, 0);
        }
        reached_end = !rig.faulty.failed;
        fixture_deinit(&rig.fx);
        check_after(acked, at, mode != FAULT_CRASH && strcmp(policy, "always") == 0);
        folder_remove();
    }
    assert_true(reached_end);
}

static void always_and_one_fault(void **state)
{
    (void)state;
    faults("always", FAULT_ONCE);
}

static void always_and_a_crash(void **state)
{
    (void)state;
    faults("always", FAULT_CRASH);
}

static void everysec_and_one_fault(void **state)
{
    (void)state;
    faults("everysec", FAULT_ONCE);
}

static void short_writes(void **state)
{
    (void)state;
    struct rig rig;
    folder_make();
    rig_init(&rig, "always", FAULT_SHORT, 0);
    assert_true(start(&rig));
    assert_int_equal(steps(&rig), STEPS);
    fixture_deinit(&rig.fx);
    check_after(STEPS, 0, true);
    folder_remove();
}

/* everysec: an error refuses writes, and is over when the disk is well again; nothing is lost. */
static void errors_are_told_and_end(void **state)
{
    (void)state;
    struct rig rig;
    folder_make();
    rig_init(&rig, "everysec", FAULT_NONE, 0);
    assert_true(start(&rig));
    fixture_run(&rig.fx, "INCR n");
    turn(&rig, 10);
    rig.faulty.mode = FAULT_ONCE;
    rig.faulty.fail_at = rig.faulty.count + 1; /* the write */
    fixture_run(&rig.fx, "INCR n");
    turn(&rig, 10);
    assert_non_null(strstr(fixture_run(&rig.fx, "INCR n"), "MISCONF Errors writing to the AOF file: No space left"));
    usleep(110 * 1000);
    turn(&rig, 10);
    assert_string_equal(fixture_run(&rig.fx, "INCR n"), "3");
    turn(&rig, 10);
    rig.faulty.fail_at = rig.faulty.count + 1; /* the fsync */
    turn(&rig, 1500);
    assert_non_null(strstr(fixture_run(&rig.fx, "INCR n"), "MISCONF"));
    turn(&rig, 1500);
    assert_string_equal(fixture_run(&rig.fx, "INCR n"), "4");
    assert_true(persist_shutdown(rig.fx.engine, 0));
    fixture_deinit(&rig.fx);
    rig_init(&rig, "always", FAULT_NONE, 0);
    assert_true(start(&rig));
    assert_int_equal(number(&rig, "n"), 4);
    fixture_deinit(&rig.fx);
    folder_remove();
}

/* What was acknowledged and waits for room on the disk must not go with the server, unless somebody insists. */
static void the_end_waits_for_the_disk(void **state)
{
    (void)state;
    for (int forced = 0; forced <= 1; forced++) {
        struct rig rig;
        folder_make();
        rig_init(&rig, "everysec", FAULT_NONE, 0);
        assert_true(start(&rig));
        fixture_run(&rig.fx, "INCR n");
        rig.faulty.mode = FAULT_CRASH;
        rig.faulty.fail_at = rig.faulty.count; /* all from here on */
        turn(&rig, 10);
        assert_false(persist_shutdown(rig.fx.engine, 0));
        assert_false(persist_shutdown(rig.fx.engine, SHUTDOWN_NOSAVE));
        if (!forced) rig.faulty.mode = FAULT_NONE;
        assert_true(persist_shutdown(rig.fx.engine, forced ? SHUTDOWN_FORCE : 0));
        fixture_deinit(&rig.fx);
        rig_init(&rig, "always", FAULT_NONE, 0);
        assert_true(start(&rig));
        assert_int_equal(number(&rig, "n"), !forced);
        fixture_deinit(&rig.fx);
        folder_remove();
    }
}

/* ---- everysec and a slow disk ---- */

/* A disk whose fsyncs end when the test says so. */
struct slow_disk {
    struct file_ops ops;
    struct files files;
    atomic_int begun, ended; /* fsyncs of data */
    atomic_int may_end;
};

static int slow_fdatasync(void *arg, int fd)
{
    struct slow_disk *d = arg;
    int number = atomic_fetch_add(&d->begun, 1) + 1;
    while (atomic_load(&d->may_end) < number) usleep(1000);
    atomic_fetch_add(&d->ended, 1);
    return fdatasync(fd);
}

static void slow_start(struct rig *rig, struct slow_disk *disk, const char *policy, int may_end)
{
    *disk = (struct slow_disk){.ops = *files_posix.ops, .may_end = may_end};
    disk->ops.fdatasync = slow_fdatasync;
    disk->files = (struct files){&disk->ops, disk};
    folder_make();
    rig_init(rig, policy, FAULT_NONE, 0);
    rig->shell.files = &disk->files;
    rig->shell.background = bg_new(NULL);
    assert_true(start(rig));
}

/* Of a rig with a background. */
static void stop_with_threads(struct rig *rig)
{
    assert_true(persist_shutdown(rig->fx.engine, 0));
    fixture_deinit(&rig->fx);
    bg_free(rig->shell.background);
}

static uint64_t increment_size(void)
{
    struct file_info info;
    assert_int_equal(path_info(&files_posix, INCREMENT, &info), 0);
    return info.size;
}

static void wait_for(atomic_int *count, int wanted)
{
    for (int ms = 0; atomic_load(count) < wanted; ms++) {
        if (ms > 20000) fail_msg("%d, not %d", atomic_load(count), wanted);
        usleep(1000);
    }
}

/* A write that comes while an fsync runs is in the file within a second, and the next fsync begins early enough to end
 * within one. */
static void everysec_is_a_second(void **state)
{
    (void)state;
    struct rig rig;
    struct slow_disk disk;
    slow_start(&rig, &disk, "everysec", 0);
    uint64_t size = increment_size();

    turn(&rig, 2000);
    fixture_run(&rig.fx, "INCR n");
    turn(&rig, 10); /* written, and an fsync begins */
    wait_for(&disk.begun, 1);
    assert_true(increment_size() > size);
    size = increment_size();
    fixture_run(&rig.fx, "INCR n");
    turn(&rig, 10);
    turn(&rig, 500);
    assert_int_equal(increment_size(), size); /* put off */
    turn(&rig, 400);
    assert_true(increment_size() > size);

    usleep(300 * 1000);
    atomic_store(&disk.may_end, 1); /* after 0.3 s of the real clock at least */
    bg_drain(rig.shell.background, BG_FSYNC);
    turn(&rig, 10);
    wait_for(&disk.begun, 2); /* at once: the last one began 0.9 s ago */
    atomic_store(&disk.may_end, 2);
    bg_drain(rig.shell.background, BG_FSYNC);
    fixture_run(&rig.fx, "INCR n");
    turn(&rig, 10);
    turn(&rig, 480);
    assert_int_equal(atomic_load(&disk.begun), 2); /* however long it took */
    turn(&rig, 510);
    wait_for(&disk.begun, 3);
    fixture_run(&rig.fx, "INCR n");
    usleep(300 * 1000);
    atomic_store(&disk.may_end, 3);
    bg_drain(rig.shell.background, BG_FSYNC);
    turn(&rig, 10);
    turn(&rig, 400);
    assert_int_equal(atomic_load(&disk.begun), 3);
    turn(&rig, 290); /* 0.7 s after it began: the last one took 0.3 */
    wait_for(&disk.begun, 4);
    atomic_store(&disk.may_end, 100);
    stop_with_threads(&rig);
    rig_init(&rig, "always", FAULT_NONE, 0);
    assert_true(start(&rig));
    assert_int_equal(number(&rig, "n"), 4);
    fixture_deinit(&rig.fx);
    folder_remove();
}

/* A rewrite that nobody asked for begins when the file before is on disk, not with clients waiting for that. */
static void a_rewrite_lets_the_disk_go_first(void **state)
{
    (void)state;
    struct rig rig;
    struct slow_disk disk;
    slow_start(&rig, &disk, "everysec", 100);
    turn(&rig, 10);
    bg_drain(rig.shell.background, BG_FSYNC);
    turn(&rig, 10);
    int begun = atomic_load(&disk.begun);
    atomic_store(&disk.may_end, begun);
    fixture_run(&rig.fx, "INCR n");
    turn(&rig, 10);
    fixture_config(&rig.fx, "auto-aof-rewrite-min-size", "1");
    fixture_config(&rig.fx, "auto-aof-rewrite-percentage", "1");
    for (int i = 0; i < 3; i++) {
        engine_cron(rig.fx.engine);
        wait_for(&disk.begun, begun + 1);
        turn(&rig, 10);
        assert_non_null(strstr(fixture_run(&rig.fx, "INFO persistence"), "aof_rewrite_in_progress:0"));
    }
    fixture_run(&rig.fx, "INCR n"); /* others do not wait */
    atomic_store(&disk.may_end, 100);
    bg_drain(rig.shell.background, BG_FSYNC);
    turn(&rig, 10);
    engine_cron(rig.fx.engine);
    assert_non_null(strstr(fixture_run(&rig.fx, "INFO persistence"), "aof_rewrite_in_progress:1"));
    stop_with_threads(&rig);
    rig_init(&rig, "always", FAULT_NONE, 0);
    assert_true(start(&rig));
    assert_int_equal(number(&rig, "n"), 2);
    fixture_deinit(&rig.fx);
    folder_remove();
}

/* Who was to wait for the disk waits, though the policy is another one meanwhile; and no longer than before. */
static void promises_and_a_policy(const char *policy)
{
    struct rig rig;
    struct slow_disk disk;
    slow_start(&rig, &disk, "always", 100);
    turn(&rig, 10);
    bg_drain(rig.shell.background, BG_FSYNC);
    turn(&rig, 10);
    int ended = atomic_load(&disk.ended);
    atomic_store(&disk.may_end, ended);
    fixture_run(&rig.fx, "INCR n");
    turn(&rig, 10);
    wait_for(&disk.begun, ended + 1);
    struct fixture_client other;
    fixture_client_open(&rig.fx, &other);
    assert_string_equal(fixture_run_as(&rig.fx, &other, "INCR n"), "2"); /* waits for the next fsync */
    turn(&rig, 10);
    fixture_config(&rig.fx, "appendfsync", policy);
    turn(&rig, 10);
    assert_false(session_replies_may_go(rig.fx.client.session));
    assert_false(session_replies_may_go(other.session));
    atomic_store(&disk.may_end, ended + 1);
    bg_drain(rig.shell.background, BG_FSYNC);
    turn(&rig, 10);
    assert_true(session_replies_may_go(rig.fx.client.session));
    assert_false(session_replies_may_go(other.session));
    wait_for(&disk.begun, ended + 2);
    atomic_store(&disk.may_end, ended + 2);
    bg_drain(rig.shell.background, BG_FSYNC);
    turn(&rig, 10);
    assert_true(session_replies_may_go(other.session));
    assert_string_equal(fixture_run_as(&rig.fx, &other, "INCR n"), "3");
    turn(&rig, 10);
    assert_true(session_replies_may_go(other.session)); /* no longer promised */
    atomic_store(&disk.may_end, 100);
    fixture_client_close(&other);
    stop_with_threads(&rig);
    folder_remove();
}

static void promises_outlive_the_policy(void **state)
{
    (void)state;
    promises_and_a_policy("no");
    promises_and_a_policy("everysec");
}

/* A write that fails with bytes out that nobody told of, and cannot be cut off: they go before the next ones come. */
static void a_cut_is_made_up_for(void **state)
{
    (void)state;
    struct rig rig;
    folder_make();
    rig_init(&rig, "everysec", FAULT_NONE, 0);
    assert_true(start(&rig));
    fixture_run(&rig.fx, "INCR n");
    turn(&rig, 10);
    fixture_run(&rig.fx, "INCR n");
    rig.faulty.mode = FAULT_CRASH;
    rig.faulty.fail_at = rig.faulty.count + 1; /* the write, and the cut behind it */
    turn(&rig, 10);
    rig.faulty.mode = FAULT_NONE;
    usleep(110 * 1000);
    turn(&rig, 10);
    assert_string_equal(fixture_run(&rig.fx, "INCR n"), "3");
    assert_true(persist_shutdown(rig.fx.engine, 0));
    fixture_deinit(&rig.fx);
    rig_init(&rig, "always", FAULT_NONE, 0);
    assert_true(start(&rig));
    assert_int_equal(number(&rig, "n"), 3);
    fixture_deinit(&rig.fx);
    folder_remove();
}

/* A disk on which a write puts some bytes out and fails, and may refuse to cut them off. */
struct full_disk {
    struct file_ops ops;
    struct files files;
    bool is_full, cuts_fail;
    ssize_t room;
    int syncs;
};

static ssize_t full_write(void *arg, int fd, const void *ptr, size_t len)
{
    struct full_disk *d = arg;
    if (!d->is_full) return write(fd, ptr, len);
    errno = ENOSPC;
    if (d->room == 0) return -1;
    ssize_t n = write(fd, ptr, (size_t)d->room);
    d->room = 0;
    return n;
}

static int full_truncate(void *arg, int fd, uint64_t size)
{
    const struct full_disk *d = arg;
    errno = ENOSPC;
    return d->cuts_fail ? -1 : ftruncate(fd, (off_t)size);
}

static int full_fdatasync(void *arg, int fd)
{
    ((struct full_disk *)arg)->syncs++;
    return fdatasync(fd);
}

/* An fsync may have covered the front of a record that is cut off later: what is written there then is not on disk by
 * that. */
static void what_is_cut_off_is_not_durable(void **state)
{
    (void)state;
    struct rig rig;
    struct full_disk disk = {.ops = *files_posix.ops};
    disk.ops.write = full_write;
    disk.ops.ftruncate = full_truncate;
    disk.ops.fdatasync = full_fdatasync;
    disk.files = (struct files){&disk.ops, &disk};
    folder_make();
    rig_init(&rig, "everysec", FAULT_NONE, 0);
    rig.shell.files = &disk.files;
    assert_true(start(&rig));
    turn(&rig, 2000);
    uint64_t whole = increment_size();

    disk.is_full = disk.cuts_fail = true;
    disk.room = 200;
    char value[300];
    memset(value, 'v', sizeof(value));
    struct slice set[] = {SLICE("SET"), SLICE("k"), slice_of(value, sizeof(value))};
    fixture_run_argv(&rig.fx, &rig.fx.client, 3, set);
    turn(&rig, 10);
    assert_int_equal(increment_size(), whole + 200);
    int syncs = disk.syncs;
    turn(&rig, 2000); /* too early for another try to write, by the real clock */
    assert_int_equal(disk.syncs, syncs + 1);
    disk.cuts_fail = false;
    usleep(110 * 1000);
    turn(&rig, 10);
    assert_int_equal(increment_size(), whole);

    disk.is_full = false;
    usleep(110 * 1000);
    turn(&rig, 10);
    uint64_t size = increment_size();
    assert_true(size > whole + 300);
    fixture_run(&rig.fx, "INCR n");
    turn(&rig, 10);
    struct buf file = BUF_INIT;
    struct aof_record record;
    uint64_t number;
    assert_true(file_read_all(&files_posix, INCREMENT, &file));
    const char *line = file.data + size, *end = memchr(line, '\r', file.len - size);
    assert_non_null(end);
    assert_int_equal(aof_line_parse(slice_of(line, (size_t)(end - line)), &record, &number), AOF_LINE_RECORD);
    assert_int_equal(record.durable, whole);
    buf_deinit(&file);
    assert_true(persist_shutdown(rig.fx.engine, 0));
    fixture_deinit(&rig.fx);
    folder_remove();
}

/* ---- always and a client by itself ---- */

struct watched_disk {
    struct file_ops ops;
    struct files files;
    atomic_int here, elsewhere; /* fsyncs of data in the test's thread, and in another */
    pthread_t thread;
};

static int watched_fdatasync(void *arg, int fd)
{
    struct watched_disk *d = arg;
    atomic_fetch_add(pthread_equal(pthread_self(), d->thread) ? &d->here : &d->elsewhere, 1);
    return fdatasync(fd);
}

/* The fsync of a client that is alone is over when the turn ends; with others about, it never holds up the turn. */
static void alone_or_not(void **state)
{
    (void)state;
    struct rig rig;
    struct watched_disk disk = {.ops = *files_posix.ops, .thread = pthread_self()};
    disk.ops.fdatasync = watched_fdatasync;
    disk.files = (struct files){&disk.ops, &disk};
    folder_make();
    rig_init(&rig, "always", FAULT_NONE, 0);
    rig.shell.files = &disk.files;
    rig.shell.background = bg_new(NULL);
    assert_true(start(&rig));
    atomic_store(&disk.here, 0);

    engine_set_alone(rig.fx.engine, true);
    fixture_run(&rig.fx, "INCR n");
    turn(&rig, 1);
    assert_int_equal(atomic_load(&disk.here), 1);
    assert_true(session_replies_may_go(rig.fx.client.session));

    engine_set_alone(rig.fx.engine, false);
    fixture_run(&rig.fx, "INCR n");
    turn(&rig, 1);
    assert_int_equal(atomic_load(&disk.here), 1);
    bg_drain(rig.shell.background, BG_FSYNC);
    assert_int_equal(atomic_load(&disk.elsewhere), 1);
    turn(&rig, 1);
    assert_true(session_replies_may_go(rig.fx.client.session));

    stop_with_threads(&rig);
    folder_remove();
}

/* ---- an fsync that fails in the background ---- */

struct failing_disk {
    struct file_ops ops;
    struct files files;
    atomic_int failures; /* so many fsyncs of data that are not the test's thread's fail */
    pthread_t thread;
};

static int failing_fdatasync(void *arg, int fd)
{
    struct failing_disk *d = arg;
    if (pthread_equal(pthread_self(), d->thread) || atomic_load(&d->failures) == 0) return fdatasync(fd);
    atomic_fetch_sub(&d->failures, 1);
    errno = EIO;
    return -1;
}

/* The file that a rewrite has left behind: its fsync fails when there may be nothing in the new one. Writes are refused
 * until an fsync tells that the disk is well again, and not for ever. */
static void an_error_on_the_file_before_ends(void **state)
{
    (void)state;
    static const char *const policies[] = {"no", "everysec"};
    for (size_t i = 0; i < ARRAY_LEN(policies); i++) {
        struct rig rig;
        struct failing_disk disk = {.ops = *files_posix.ops, .thread = pthread_self()};
        disk.ops.fdatasync = failing_fdatasync;
        disk.files = (struct files){&disk.ops, &disk};
        folder_make();
        rig_init(&rig, policies[i], FAULT_NONE, 0);
        fixture_config(&rig.fx, "aof-checksum", "no"); /* the new file is empty */
        rig.shell.files = &disk.files;
        rig.shell.background = bg_new(NULL);
        assert_true(start(&rig));
        fixture_run(&rig.fx, "INCR n");
        turn(&rig, 10);
        bg_drain(rig.shell.background, BG_FSYNC);
        turn(&rig, 10);
        atomic_store(&disk.failures, 1);
        assert_non_null(strstr(fixture_run(&rig.fx, "BGREWRITEAOF"), "started"));
        bg_drain(rig.shell.background, BG_FSYNC);
        turn(&rig, 10);
        assert_int_equal(atomic_load(&disk.failures), 0);
        assert_non_null(strstr(fixture_run(&rig.fx, "INCR n"), "MISCONF"));
        for (int turns = 0; turns < 3; turns++) {
            turn(&rig, 1500);
            bg_drain(rig.shell.background, BG_FSYNC);
        }
        assert_string_equal(fixture_run(&rig.fx, "INCR n"), "2");
        assert_non_null(strstr(fixture_run(&rig.fx, "INFO persistence"), "aof_rewrite_scheduled:1"));
        stop_with_threads(&rig);
        folder_remove();
    }
}

/* ---- DEBUG LOADAOF ---- */

static void loadaof_takes_only_all(void **state)
{
    (void)state;
    struct rig rig;
    folder_make();
    rig_init(&rig, "always", FAULT_NONE, 0);
    fixture_config(&rig.fx, "enable-debug-command", "yes");
    assert_true(start(&rig));
    fixture_run(&rig.fx, "INCR n");
    fixture_run(&rig.fx, "MULTI");
    fixture_run(&rig.fx, "INCR n");
    fixture_run(&rig.fx, "DEBUG LOADAOF");
    fixture_run(&rig.fx, "INCR n");
    assert_non_null(strstr(fixture_run(&rig.fx, "EXEC"), "ERR Error trying to load the AOF files"));
    assert_int_equal(number(&rig, "n"), 3); /* as in the file */
    assert_string_equal(fixture_run(&rig.fx, "DEBUG LOADAOF"), "OK");
    assert_int_equal(number(&rig, "n"), 3);
    assert_int_equal(unlink("appendonlydir/appendonly.aof.manifest"), 0);
    assert_non_null(strstr(fixture_run(&rig.fx, "DEBUG LOADAOF"), "ERR Error trying to load the AOF files"));
    turn(&rig, 10);
    uint64_t size = increment_size();
    assert_non_null(strstr(fixture_run(&rig.fx, "BGREWRITEAOF"), "started"));
    assert_int_equal(increment_size(), size); /* the next one has another name */
    assert_true(persist_shutdown(rig.fx.engine, 0));
    fixture_deinit(&rig.fx);
    rig_init(&rig, "always", FAULT_NONE, 0);
    assert_true(start(&rig));
    assert_int_equal(number(&rig, "n"), 3);
    fixture_deinit(&rig.fx);
    folder_remove();
}

/* ---- what LATENCY hears ---- */

static ssize_t sluggish_write(void *arg, int fd, const void *ptr, size_t len)
{
    usleep(2000);
    return write(fd, ptr, len);
}

static int sluggish_fdatasync(void *arg, int fd)
{
    usleep(2000);
    return fdatasync(fd);
}

/* A client that is alone, with fewer requests than before: there is nobody whom its fsync should wait for. */
static void alone_waits_for_nobody(void **state)
{
    (void)state;
    struct rig rig;
    struct file_ops ops = *files_posix.ops;
    ops.fdatasync = sluggish_fdatasync;
    struct files files = {&ops, NULL};
    folder_make();
    rig_init(&rig, "always", FAULT_NONE, 0);
    rig.shell.files = &files;
    assert_true(start(&rig));
    engine_set_alone(rig.fx.engine, true);
    for (int i = 0; i < 50; i++) fixture_run(&rig.fx, "INCR n");
    turn(&rig, 1);
    assert_true(session_replies_may_go(rig.fx.client.session));
    fixture_run(&rig.fx, "INCR n");
    turn(&rig, 1);
    assert_true(session_replies_may_go(rig.fx.client.session));
    fixture_deinit(&rig.fx);
    folder_remove();
}

static void slow_disks_are_told(void **state)
{
    (void)state;
    struct rig rig;
    struct file_ops ops = *files_posix.ops;
    ops.write = sluggish_write;
    ops.fdatasync = sluggish_fdatasync;
    struct files files = {&ops, NULL};
    folder_make();
    rig_init(&rig, "always", FAULT_NONE, 0);
    rig.shell.files = &files;
    assert_true(start(&rig));
    fixture_run(&rig.fx, "INCR n");
    turn(&rig, 10);
    assert_string_equal(fixture_run(&rig.fx, "LATENCY LATEST"), "[]");
    fixture_config(&rig.fx, "latency-monitor-threshold", "1");
    fixture_run(&rig.fx, "INCR n");
    turn(&rig, 10);
    const char *told = fixture_run(&rig.fx, "LATENCY LATEST");
    assert_non_null(strstr(told, "\"aof-write\""));
    assert_non_null(strstr(told, "\"aof-write-alone\""));
    assert_non_null(strstr(told, "\"aof-fsync-always\""));
    fixture_deinit(&rig.fx);
    folder_remove();
}

/* ---- damaged files ---- */

static void increment_read(struct buf *out)
{
    buf_clear(out);
    assert_true(file_read_all(&files_posix, INCREMENT, out));
}

static void increment_put(struct slice bytes)
{
    int fd = open(INCREMENT, O_WRONLY | O_TRUNC);
    assert_true(fd >= 0 && write(fd, bytes.ptr, bytes.len) == (ssize_t)bytes.len);
    close(fd);
}

/* Starts with the log in a file; the log is in *log afterwards. -1: it did not start; else n. */
static long try_start(struct buf *log)
{
    struct rig rig;
    rig_init(&rig, "always", FAULT_NONE, 0);
    rig.fx.log.level = LOG_NOTICE;
    rig.fx.log.role = 'M';
    rig.fx.log.fd = open("log", O_RDWR | O_CREAT | O_TRUNC, 0600);
    long n = start(&rig) ? number(&rig, "n") : -1;
    if (n >= 0) assert_int_equal(number(&rig, "a"), number(&rig, "b"));
    fixture_deinit(&rig.fx);
    close(rig.fx.log.fd);
    buf_clear(log);
    assert_true(file_read_all(&files_posix, "log", log));
    return n;
}

static void make_file(void)
{
    struct rig rig;
    folder_make();
    rig_init(&rig, "always", FAULT_NONE, 0);
    assert_true(start(&rig));
    assert_int_equal(steps(&rig), STEPS);
    assert_true(persist_shutdown(rig.fx.engine, 0));
    fixture_deinit(&rig.fx);
}

/* Cut anywhere, it starts with a prefix. */
static void every_cut(void **state)
{
    (void)state;
    struct buf whole = BUF_INIT, log = BUF_INIT;
    make_file();
    increment_read(&whole);
    long before = STEPS;
    for (size_t len = whole.len; len > 0; len -= len < 7 ? len : 7) {
        increment_put(slice_of(whole.data, len));
        long n = try_start(&log);
        assert_true(n >= 0 && n <= before + 1); /* one more where it ends with a whole command amid a record */
        if (n < before) before = n;
    }
    buf_deinit(&whole);
    buf_deinit(&log);
    folder_remove();
}

/* A bit flipped anywhere is told with a place near it, and never gives other data. */
static void every_flip(void **state)
{
    (void)state;
    struct buf whole = BUF_INIT, log = BUF_INIT;
    make_file();
    increment_read(&whole);
    const char *end_mark = whole.data + whole.len - 30;
    size_t end = (size_t)(end_mark - whole.data);
    for (size_t at = 0; at < end; at += 5) {
        whole.data[at] ^= (char)(1 << at % 8);
        increment_put(buf_slice(&whole));
        long n = try_start(&log);
        const char *told = strstr(buf_cstr(&log), "at offset ");
        if (told == NULL) fail_msg("flip at %zu was not found", at);
        long place = strtol(told + strlen("at offset "), NULL, 10);
        if (labs(place - (long)at) > 250) fail_msg("flip at %zu was told at %ld", at, place);
        if (n != -1) fail_msg("flip at %zu was taken for torn, though it was on disk", at);
        whole.data[at] ^= (char)(1 << at % 8);
    }
    buf_deinit(&whole);
    buf_deinit(&log);
    folder_remove();
}

static void append_text(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_APPEND | O_CREAT, 0644);
    assert_true(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text));
    close(fd);
}

/* The offset of the log is that of what is kept: two starts agree on it. */
static void a_half_transaction_has_no_offset(void **state)
{
    (void)state;
    struct rig rig;
    uint64_t offsets[3];
    make_file();
    for (int i = 0; i < 3; i++) {
        rig_init(&rig, "always", FAULT_NONE, 0);
        engine_sink_remove(rig.fx.engine, &rig.fx.sink);
        assert_true(start(&rig));
        offsets[i] = engine_log_offset(rig.fx.engine);
        engine_sink_add(rig.fx.engine, &rig.fx.sink);
        fixture_deinit(&rig.fx);
        if (i == 0) append_text(INCREMENT, "*1\r\n$5\r\nMULTI\r\n*2\r\n$4\r\nINCR\r\n$1\r\na\r\n");
    }
    assert_true(offsets[0] > 0);
    assert_int_equal(offsets[1], offsets[0]);
    assert_int_equal(offsets[2], offsets[0]);
    folder_remove();
}

/* A rewrite that began and was cut short by the power: the part before the new, empty one counts as the last. */
static void a_torn_part_before_an_empty_one(void **state)
{
    (void)state;
    struct buf log = BUF_INIT;
    make_file();
    append_text(INCREMENT, "*3\r\n$3\r\nSET\r\n$1\r\nn\r\n$3\r\n9");
    append_text("appendonlydir/appendonly.aof.2.incr.aof", "");
    append_text("appendonlydir/appendonly.aof.manifest", "file appendonly.aof.2.incr.aof seq 2 type i\n");
    assert_int_equal(try_start(&log), STEPS);
    assert_non_null(strstr(buf_cstr(&log), "Truncating the AOF appendonly.aof.1.incr.aof"));
    append_text("appendonlydir/appendonly.aof.2.incr.aof", "*1\r\n$4\r\nPING\r\n");
    append_text(INCREMENT, "*3\r\n$3\r\nSET\r\n$1\r\nn\r\n$3\r\n9");
    assert_int_equal(try_start(&log), -1);
    assert_non_null(strstr(buf_cstr(&log), "the truncated file is not the last file"));
    buf_deinit(&log);
    folder_remove();
}

/* The record that tells of the disk stands megabytes behind the broken one, and across pieces of what is read. */
static void a_flip_far_from_its_witness(void **state)
{
    (void)state;
    enum { VALUE = 150001, VALUES = 20 };
    struct rig rig;
    struct buf whole = BUF_INIT, log = BUF_INIT;
    static char value[VALUE];
    memset(value, '#', sizeof(value)); /* looks like annotations */
    folder_make();
    rig_init(&rig, "no", FAULT_NONE, 0);
    assert_true(start(&rig));
    fixture_run(&rig.fx, "INCR n");
    turn(&rig, 10);
    uint64_t first = increment_size();
    for (int i = 0; i < VALUES; i++) { /* one record, by one turn */
        struct slice set[] = {SLICE("SET"), SLICE("k"), slice_of(value, sizeof(value) - (size_t)i)};
        fixture_run_argv(&rig.fx, &rig.fx.client, 3, set);
    }
    turn(&rig, 10);
    fixture_run(&rig.fx, "INCR n");
    turn(&rig, 10);
    assert_true(persist_shutdown(rig.fx.engine, 0));
    fixture_deinit(&rig.fx);
    increment_read(&whole);
    for (int witness = 0; witness <= 1; witness++) {
        whole.data[first + 2000] ^= 1;
        increment_put(slice_of(whole.data, witness ? whole.len : first + VALUE * (VALUES - 1)));
        assert_int_equal(try_start(&log), witness ? -1 : 1);
        assert_non_null(strstr(buf_cstr(&log), "at offset "));
        whole.data[first + 2000] ^= 1;
    }
    buf_deinit(&whole);
    buf_deinit(&log);
    folder_remove();
}

/* ---- records ---- */

static void shortened(void **state)
{
    (void)state;
    static const char ping[] = "*1\r\n$4\r\nPING\r\n"; /* 14 bytes */
    static const struct {
        const char *rest;
        uint64_t len;
        bool yes, yes_at_end;
    } cases[] = {
        {"", 20, false, false},
        {"PPP", 40, true, true},                      /* the last one goes beyond its end */
        {"PPP", 42, false, false},                    /* as many as there should be: they are other ones */
        {"PPP", 40 - 14, true, true},
        {"PPP*1\r\n$4", 40 - 14, true, true},         /* Redis's own torn tail */
        {"PPPx", 40 - 14, false, false},
        {"P*1\r\n$4", 30, false, false},              /* torn */
        {"PP#TS:1\r\nP", 32, true, true},
        {"PPPP", 60, false, true},                    /* as a power cut may leave it, or Redis */
        {"P#CRC:bad\r\n", 60, false, false},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct buf rest = BUF_INIT;
        for (const char *c = cases[i].rest; *c != '\0'; c++)
            if (c[0] == 'P')
                buf_append(&rest, ping, sizeof(ping) - 1);
            else
                buf_append_char(&rest, *c);
        const struct aof_record record = {cases[i].len, 1, 0};
        if (aof_record_was_shortened(&record, buf_slice(&rest), false) != cases[i].yes) fail_msg("case %zu", i);
        if (aof_record_was_shortened(&record, buf_slice(&rest), true) != cases[i].yes_at_end)
            fail_msg("case %zu at the end", i);
        buf_deinit(&rest);
    }
    /* with a length in its head that rotted, all of it is there: that is damage */
    char head[AOF_RECORD_HEAD_MAX];
    struct aof_record record;
    struct buf rest = BUF_INIT;
    uint64_t number;
    for (int i = 0; i < 3; i++) buf_append(&rest, ping, sizeof(ping) - 1);
    int n = aof_record_head(head, buf_slice(&rest), 7);
    assert_int_equal(aof_line_parse(slice_of(head, (size_t)n - 2), &record, &number), AOF_LINE_RECORD);
    record.len = 41;
    assert_false(aof_record_was_shortened(&record, buf_slice(&rest), true));
    record.len = 43;
    assert_false(aof_record_was_shortened(&record, buf_slice(&rest), true));
    buf_deinit(&rest);
}

/* The length of a record's last argument rotted so that it takes in the head behind it: whole commands, but where the
 * record should end stands our own head. */
static void a_length_that_swallows_a_head(void **state)
{
    (void)state;
    static const char command[] = "*2\r\n$4\r\nECHO\r\n$20\r\nxxxxxxxxxxxxxxxxxxxx\r\n";
    char head[AOF_RECORD_HEAD_MAX];
    struct aof_record record;
    struct buf rest = BUF_INIT;
    uint64_t number;
    const uint64_t durable = 1234567890123; /* so that the head has 40 bytes */
    int n = aof_record_head(head, slice_cstr(command), durable);
    assert_int_equal(n, 40);
    assert_int_equal(aof_line_parse(slice_of(head, (size_t)n - 2), &record, &number), AOF_LINE_RECORD);
    for (int i = 0; i < 3; i++) {
        if (i > 0) buf_append(&rest, head, (size_t)n);
        buf_append(&rest, command, sizeof(command) - 1);
    }
    assert_true(aof_record_matches(&record, slice_of(rest.data, record.len)));
    rest.data[15] ^= 4; /* $20 to $60 */
    assert_int_equal(rest.data[15], '6');
    assert_false(aof_record_was_shortened(&record, buf_slice(&rest), false));
    assert_false(aof_record_was_shortened(&record, buf_slice(&rest), true));
    buf_deinit(&rest);
}

static void heads(void **state)
{
    (void)state;
    char head[AOF_RECORD_HEAD_MAX];
    struct aof_record record;
    uint64_t number;
    int n = aof_record_head(head, SLICE("*1\r\n$4\r\nPING\r\n"), UINT64_MAX);
    assert_true(n < AOF_RECORD_HEAD_MAX);
    assert_int_equal(aof_line_parse(slice_of(head, (size_t)n - 2), &record, &number), AOF_LINE_RECORD);
    assert_true(aof_record_matches(&record, SLICE("*1\r\n$4\r\nPING\r\n")));
    assert_false(aof_record_matches(&record, SLICE("*1\r\n$4\r\nPONG\r\n")));
    record.durable--;
    assert_false(aof_record_matches(&record, SLICE("*1\r\n$4\r\nPING\r\n")));
    assert_int_equal(aof_line_parse(SLICE("#OFF:17"), &record, &number), AOF_LINE_OFFSET);
    assert_int_equal(number, 17);
    assert_int_equal(aof_line_parse(SLICE("#OFF:x"), &record, &number), AOF_LINE_BAD);
    assert_int_equal(aof_line_parse(SLICE("#CRC:1 2 3"), &record, &number), AOF_LINE_BAD);
    assert_int_equal(aof_line_parse(SLICE("#TS:1"), &record, &number), AOF_LINE_TIME);
    assert_int_equal(aof_line_parse(SLICE("#"), &record, &number), AOF_LINE_OTHER);
}

static void commands(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum aof_take take;
        int argc;
    } cases[] = {
        {"*1\r\n$4\r\nPING\r\n", AOF_TAKE_READY, 1}, {"*2\r\n$0\r\n\r\n$1\r\na\r\n", AOF_TAKE_READY, 2},
        {"", AOF_TAKE_MORE, 0},                      {"*1\r\n$4\r\nPIN", AOF_TAKE_MORE, 0},
        {"*1\r\n$4\r\nPINGxx", AOF_TAKE_BAD, 0},     {"*0\r\n", AOF_TAKE_BAD, 0},
        {"*-1\r\n", AOF_TAKE_BAD, 0},                {"*1\n", AOF_TAKE_BAD, 0},
        {"*1\r\n:4\r\n", AOF_TAKE_BAD, 0},           {"*1\r\n$-1\r\n", AOF_TAKE_BAD, 0},
        {"PING\r\n", AOF_TAKE_BAD, 0},               {"*99999999999999999999\r\n", AOF_TAKE_BAD, 0},
        {"*1\r\n$99999999999999\r\n", AOF_TAKE_BAD, 0},
    };
    struct aof_args args = {0};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        uint64_t used, missing;
        int argc;
        args.count = 0;
        enum aof_take take = aof_command_take(slice_cstr(cases[i].text), &args, &argc, &used, &missing);
        if (take != cases[i].take) fail_msg("case %zu: %d", i, (int)take);
        if (take == AOF_TAKE_READY) assert_int_equal(argc, cases[i].argc);
        if (take == AOF_TAKE_READY) assert_int_equal(used, strlen(cases[i].text));
    }
    mem_free(args.argv);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(heads),
        cmocka_unit_test(commands),
        cmocka_unit_test(shortened),
        cmocka_unit_test(a_length_that_swallows_a_head),
        cmocka_unit_test(always_and_one_fault),
        cmocka_unit_test(always_and_a_crash),
        cmocka_unit_test(everysec_and_one_fault),
        cmocka_unit_test(short_writes),
        cmocka_unit_test(errors_are_told_and_end),
        cmocka_unit_test(the_end_waits_for_the_disk),
        cmocka_unit_test(everysec_is_a_second),
        cmocka_unit_test(a_rewrite_lets_the_disk_go_first),
        cmocka_unit_test(promises_outlive_the_policy),
        cmocka_unit_test(a_cut_is_made_up_for),
        cmocka_unit_test(what_is_cut_off_is_not_durable),
        cmocka_unit_test(alone_or_not),
        cmocka_unit_test(an_error_on_the_file_before_ends),
        cmocka_unit_test(loadaof_takes_only_all),
        cmocka_unit_test(alone_waits_for_nobody),
        cmocka_unit_test(slow_disks_are_told),
        cmocka_unit_test(a_half_transaction_has_no_offset),
        cmocka_unit_test(a_torn_part_before_an_empty_one),
        cmocka_unit_test(every_cut),
        cmocka_unit_test(every_flip),
        cmocka_unit_test(a_flip_far_from_its_witness),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
