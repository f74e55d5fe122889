/* Snapshots with a disk that fails: whatever goes wrong, the file of that name is the old one or the new one, whole;
 * nothing else is left behind, and who asked is told. Further: the child process, save points, damaged files, what a
 * file's version can hold. */
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
#include "persist/persist_feature.h"
#include "persist/persist_shell.h"
#include "persist/progress.h"

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { OPERATIONS_MAX = 200, WAIT_STEPS = 2000, STEP_US = 5000, FLIP_STEP = 7 };

static const struct feature *const features[] = {&cmd_feature, &observe_feature, &persist_feature};

struct rig {
    struct fixture fx;
    struct files_faulty faulty;
    struct persist_shell shell;
    char folder[64];
};

static void rig_init(struct rig *rig)
{
    test_folder_make(rig->folder, sizeof(rig->folder), "snapshot");
    if (chdir(rig->folder) < 0) abort();
    fixture_init(&rig->fx, features, (int)ARRAY_LEN(features));
    files_faulty_init(&rig->faulty, &files_posix, FAULT_NONE, 0, 0);
    rig->shell = (struct persist_shell){.files = &rig->faulty.files};
    fixture_config(&rig->fx, "enable-debug-command", "yes");
    fixture_config(&rig->fx, "save", "");
    persist_set_shell(rig->fx.engine, &rig->shell);
}

static void rig_deinit(struct rig *rig)
{
    fixture_deinit(&rig->fx);
    if (chdir("/") < 0) abort();
    test_folder_remove(rig->folder);
}

static const char *run(struct rig *rig, const char *line)
{
    return fixture_run(&rig->fx, line);
}

static void fill(struct rig *rig)
{
    run(rig, "DEBUG POPULATE 200 key 100");
    run(rig, "RPUSH list a b c");
    run(rig, "SADD set 1 2 3");
    run(rig, "HSET hash a 1 b 2");
    run(rig, "ZADD zset 1 a 2.5 b");
    run(rig, "XADD stream 1-1 a b");
    run(rig, "SET later x PX 1000000");
}

static void read_file(struct buf *out, const char *path)
{
    buf_clear(out);
    assert_true(file_read_all(&files_posix, path, out));
}

/* Names in the folder beside dump.rdb. */
static int others(void)
{
    int n = 0;
    DIR *dir = opendir(".");
    for (const struct dirent *entry; (entry = readdir(dir)) != NULL;)
        n += entry->d_name[0] != '.' && strcmp(entry->d_name, "dump.rdb") != 0;
    closedir(dir);
    return n;
}

static void digest(struct rig *rig, char out[64])
{
    snprintf(out, 64, "%s", run(rig, "DEBUG DIGEST"));
}

/* ---- */

static void what_is_saved_is_loaded(void **state)
{
    (void)state;
    struct rig rig;
    char before[64], after[64];
    rig_init(&rig);
    fill(&rig);
    digest(&rig, before);
    assert_string_equal(run(&rig, "DEBUG RELOAD"), "OK");
    digest(&rig, after);
    assert_string_equal(before, after);
    run(&rig, "FLUSHALL");
    bool stopped;
    assert_true(persist_load(rig.fx.engine, &stopped));
    digest(&rig, after);
    assert_string_equal(before, after);
    assert_int_equal(others(), 0);
    rig_deinit(&rig);
}

static void a_failing_disk_leaves_the_old_file(void **state)
{
    (void)state;
    struct rig rig;
    struct buf old = BUF_INIT, now = BUF_INIT;
    int fail_at = 0;
    rig_init(&rig);
    fill(&rig);
    assert_string_equal(run(&rig, "SAVE"), "OK");
    read_file(&old, "dump.rdb");
    run(&rig, "SET new value");
    do {
        files_faulty_init(&rig.faulty, &files_posix, FAULT_ONCE, ++fail_at, ENOSPC);
        const char *reply = run(&rig, "SAVE");
        assert_int_equal(others(), 0);
        if (strcmp(reply, "OK") == 0) { /* what failed was advice to the kernel, and no more */
            read_file(&old, "dump.rdb");
            run(&rig, "APPEND new value");
            continue;
        }
        assert_string_equal(reply, "(error) ERR");
        read_file(&now, "dump.rdb");
        if (now.len == old.len)
            assert_memory_equal(now.data, old.data, old.len);
        else
            assert_int_equal(fail_at, rig.faulty.count); /* renamed, but the folder could not be made durable */
    } while (rig.faulty.failed && fail_at < OPERATIONS_MAX);
    assert_true(fail_at > 4 && fail_at < OPERATIONS_MAX);
    buf_deinit(&old);
    buf_deinit(&now);
    rig_deinit(&rig);
}

static void a_death_at_any_point_leaves_a_whole_file(void **state)
{
    (void)state;
    for (int fail_at = 1, failed = 1; failed; fail_at++) {
        struct rig rig;
        rig_init(&rig);
        fill(&rig);
        assert_string_equal(run(&rig, "SAVE"), "OK");
        run(&rig, "SET new value");
        files_faulty_init(&rig.faulty, &files_posix, FAULT_CRASH, fail_at, EIO);
        (void)run(&rig, "SAVE");
        failed = rig.faulty.failed;
        files_faulty_init(&rig.faulty, &files_posix, FAULT_NONE, 0, 0);
        assert_string_equal(run(&rig, "DEBUG RELOAD NOSAVE"), "OK");
        assert_int_equal(strtol(run(&rig, "DBSIZE"), NULL, 10) - (run(&rig, "GET new")[0] == '"'), 206);
        rig_deinit(&rig);
    }
}

static void short_writes_are_continued(void **state)
{
    (void)state;
    struct rig rig;
    char before[64], after[64];
    rig_init(&rig);
    run(&rig, "SET a b");
    run(&rig, "RPUSH list a b c");
    digest(&rig, before);
    files_faulty_init(&rig.faulty, &files_posix, FAULT_SHORT, 0, 0);
    assert_string_equal(run(&rig, "DEBUG RELOAD"), "OK");
    digest(&rig, after);
    assert_string_equal(before, after);
    rig_deinit(&rig);
}

static const char *info_field(struct rig *rig, const char *name)
{
    const char *text = run(rig, "INFO persistence"), *at = strstr(text, name);
    return at == NULL ? "" : at + strlen(name) + 1;
}

static void wait_for_child(struct rig *rig)
{
    for (int i = 0; i < WAIT_STEPS && info_field(rig, "rdb_bgsave_in_progress")[0] == '1'; i++) {
        nanosleep(&(struct timespec){0, STEP_US * 1000L}, NULL);
        fixture_sleep_ms(&rig->fx, STEP_US / 1000);
        engine_cron(rig->fx.engine);
    }
    assert_int_equal(info_field(rig, "rdb_bgsave_in_progress")[0], '0');
}

static void the_child_saves_what_was_there(void **state)
{
    (void)state;
    struct rig rig;
    char before[64], after[64];
    rig_init(&rig);
    fill(&rig);
    digest(&rig, before);
    assert_string_equal(run(&rig, "BGSAVE"), "Background saving started");
    run(&rig, "SET behind it");
    assert_string_equal(run(&rig, "BGSAVE"), "(error) ERR Background save already in progress");
    assert_string_equal(run(&rig, "SAVE"), "(error) ERR Background save already in progress");
    wait_for_child(&rig);
    assert_int_equal(strtol(info_field(&rig, "rdb_changes_since_last_save"), NULL, 10), 1);
    assert_string_equal(run(&rig, "DEBUG RELOAD NOSAVE"), "OK");
    digest(&rig, after);
    assert_string_equal(before, after);
    rig_deinit(&rig);
}

static void a_failed_child_stops_writes(void **state)
{
    (void)state;
    struct rig rig;
    rig_init(&rig);
    fixture_config(&rig.fx, "save", "900 1");
    files_faulty_init(&rig.faulty, &files_posix, FAULT_ONCE, 2, ENOSPC);
    assert_string_equal(run(&rig, "BGSAVE"), "Background saving started");
    wait_for_child(&rig);
    assert_memory_equal(info_field(&rig, "rdb_last_bgsave_status"), "err", 3);
    assert_memory_equal(run(&rig, "SET a b"), "(error) MISCONF ", 16);
    assert_memory_equal(run(&rig, "PING"), "(error) MISCONF ", 16);
    assert_string_equal(run(&rig, "GET a"), "nil");
    fixture_config(&rig.fx, "stop-writes-on-bgsave-error", "no");
    assert_string_equal(run(&rig, "SET a b"), "OK");
    fixture_config(&rig.fx, "stop-writes-on-bgsave-error", "yes");
    files_faulty_init(&rig.faulty, &files_posix, FAULT_NONE, 0, 0);
    assert_memory_equal(run(&rig, "SET a b"), "(error) MISCONF ", 16);
    assert_string_equal(run(&rig, "SAVE"), "OK");
    assert_string_equal(run(&rig, "SET a b"), "OK");
    assert_int_equal(others(), 0);
    rig_deinit(&rig);
}

static void a_child_that_is_cancelled_leaves_nothing(void **state)
{
    (void)state;
    struct rig rig;
    rig_init(&rig);
    fill(&rig);
    fixture_config(&rig.fx, "rdb-key-save-delay", "100000");
    assert_string_equal(run(&rig, "BGSAVE CANCEL"),
                        "(error) ERR Background saving is currently not in progress or scheduled");
    assert_string_equal(run(&rig, "BGSAVE"), "Background saving started");
    for (int i = 0; i < WAIT_STEPS && others() == 0; i++) nanosleep(&(struct timespec){0, STEP_US * 1000L}, NULL);
    assert_int_equal(others(), 1);
    assert_string_equal(run(&rig, "BGSAVE CANCEL"), "Background saving cancelled");
    assert_int_equal(others(), 0);
    assert_memory_equal(info_field(&rig, "rdb_last_bgsave_status"), "ok", 2);
    rig_deinit(&rig);
}

static void points_save_by_themselves(void **state)
{
    (void)state;
    struct rig rig;
    rig_init(&rig);
    fixture_config(&rig.fx, "save", "10 2");
    run(&rig, "SET a 1");
    fixture_sleep_ms(&rig.fx, 20000);
    engine_cron(rig.fx.engine);
    assert_int_equal(info_field(&rig, "rdb_bgsave_in_progress")[0], '0');
    run(&rig, "SET b 1");
    engine_cron(rig.fx.engine);
    assert_int_equal(info_field(&rig, "rdb_bgsave_in_progress")[0], '1');
    wait_for_child(&rig);
    assert_int_equal(strtol(info_field(&rig, "rdb_changes_since_last_save"), NULL, 10), 0);
    assert_int_equal(strtol(info_field(&rig, "rdb_saves"), NULL, 10), 1);
    rig_deinit(&rig);
}

static void a_version_that_cannot_hold_the_data_is_not_written(void **state)
{
    (void)state;
    struct rig rig;
    struct buf file = BUF_INIT;
    rig_init(&rig);
    run(&rig, "HSET h f v");
    assert_string_equal(run(&rig, "SAVE"), "OK");
    read_file(&file, "dump.rdb");
    assert_memory_equal(file.data, "REDIS0011", 9);
    run(&rig, "HPEXPIRE h 1000000 FIELDS 1 f");
    assert_string_equal(run(&rig, "SAVE"), "OK");
    read_file(&file, "dump.rdb");
    assert_memory_equal(file.data, "REDIS0012", 9);
    fixture_config(&rig.fx, "rdb-target-version", "10");
    assert_string_equal(run(&rig, "SAVE"), "(error) ERR");
    assert_int_equal(others(), 0);
    run(&rig, "HPERSIST h FIELDS 1 f");
    assert_string_equal(run(&rig, "SAVE"), "OK");
    read_file(&file, "dump.rdb");
    assert_memory_equal(file.data, "REDIS0010", 9);
    buf_deinit(&file);
    rig_deinit(&rig);
}

static void an_emptied_data_set_is_saved_behind_the_turn(void **state)
{
    (void)state;
    struct rig rig;
    rig_init(&rig);
    fill(&rig);
    fixture_config(&rig.fx, "save", "900 1");
    assert_string_equal(run(&rig, "SAVE"), "OK");
    run(&rig, "MULTI");
    run(&rig, "FLUSHALL");
    run(&rig, "SET a b");
    assert_string_equal(run(&rig, "EXEC"), "[OK, OK]");
    engine_turn_end(rig.fx.engine);
    assert_string_equal(run(&rig, "DEBUG RELOAD NOSAVE"), "OK");
    assert_string_equal(run(&rig, "KEYS *"), "[\"a\"]");
    rig_deinit(&rig);
}

static void write_file(struct slice bytes)
{
    FILE *f = fopen("dump.rdb", "w");
    if (f == NULL || fwrite(bytes.ptr, 1, bytes.len, f) != bytes.len || fclose(f) != 0) abort();
}

static void damage_is_found(void **state)
{
    (void)state;
    struct rig rig;
    struct buf file = BUF_INIT;
    rig_init(&rig);
    fill(&rig);
    assert_string_equal(run(&rig, "SAVE"), "OK");
    read_file(&file, "dump.rdb");
    for (size_t i = 0; i < file.len; i += FLIP_STEP) {
        file.data[i] ^= (char)(1 << i % 8);
        write_file(buf_slice(&file));
        file.data[i] ^= (char)(1 << i % 8);
        assert_memory_equal(run(&rig, "DEBUG RELOAD NOSAVE"), "(error) ERR Error trying to load the RDB", 40);
        write_file(slice_of(file.data, i));
        assert_memory_equal(run(&rig, "DEBUG RELOAD NOSAVE"), "(error) ERR Error trying to load the RDB", 40);
    }
    write_file(buf_slice(&file));
    assert_string_equal(run(&rig, "DEBUG RELOAD NOSAVE"), "OK");
    assert_string_equal(run(&rig, "DBSIZE"), "206");
    assert_memory_equal(run(&rig, "DEBUG RELOAD NOSAVE NOFLUSH"), "(error) ERR Error trying to load the RDB", 40);
    assert_string_equal(run(&rig, "DEBUG RELOAD NOSAVE NOFLUSH MERGE"), "OK");
    buf_deinit(&file);
    rig_deinit(&rig);
}

static void progress_is_told_now_and_then(void **state)
{
    (void)state;
    enum { SECOND_US = 1000 * 1000 };
    struct progress p;
    struct progress_text text;
    progress_begin(&p, SECOND_US);
    assert_false(progress_due(&p, 5 * SECOND_US, 10, 100, &text));
    assert_true(progress_due(&p, 6 * SECOND_US, 10, 100, &text));
    assert_float_equal(text.percent, 10, 0.01);
    assert_float_equal(text.seconds_left, 45, 0.01);
    assert_false(progress_due(&p, 10 * SECOND_US, 50, 100, &text));
    assert_true(progress_due(&p, 11 * SECOND_US, 50, 100, &text));
    assert_float_equal(text.seconds_left, 10, 0.01);
    assert_true(progress_due(&p, 21 * SECOND_US, 100, 100, &text));
    assert_float_equal(text.seconds_left, 0, 0.01);
    assert_true(progress_due(&p, 31 * SECOND_US, 0, 0, &text));
    assert_float_equal(text.percent, 0, 0.01);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_saved_is_loaded),
        cmocka_unit_test(a_failing_disk_leaves_the_old_file),
        cmocka_unit_test(a_death_at_any_point_leaves_a_whole_file),
        cmocka_unit_test(short_writes_are_continued),
        cmocka_unit_test(the_child_saves_what_was_there),
        cmocka_unit_test(a_failed_child_stops_writes),
        cmocka_unit_test(a_child_that_is_cancelled_leaves_nothing),
        cmocka_unit_test(points_save_by_themselves),
        cmocka_unit_test(a_version_that_cannot_hold_the_data_is_not_written),
        cmocka_unit_test(an_emptied_data_set_is_saved_behind_the_turn),
        cmocka_unit_test(damage_is_found),
        cmocka_unit_test(progress_is_told_now_and_then),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
