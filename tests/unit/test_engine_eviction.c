/* Eviction that takes longer than one call may: maxmemory-eviction-tenacity, and the ticks that go on. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "engine_fixture.h"

#include "base/compiler.h"
#include "base/mem.h"
#include "cmd/cmd_feature.h"
#include "observe/observe_feature.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { KEYS = 2000, VALUE = 1000 };

static const struct feature *const features[] = {&cmd_feature, &observe_feature};

static int setup(void **state)
{
    struct fixture *fx = malloc(sizeof(*fx));
    fixture_init(fx, features, ARRAY_LEN(features));
    *state = fx;
    return 0;
}

static int teardown(void **state)
{
    fixture_deinit(*state);
    free(*state);
    return 0;
}

static void fill(struct fixture *fx)
{
    static char line[VALUE + 64];
    for (int i = 0; i < KEYS; i++) {
        int n = snprintf(line, sizeof(line), "set key:%d ", i);
        memset(line + n, 'v', VALUE);
        line[n + VALUE] = '\0';
        assert_string_equal(fixture_run(fx, line), "OK");
    }
    buf_deinit(&fx->wire);
}

static size_t limit_set(struct fixture *fx, size_t below)
{
    char text[32];
    size_t limit = mem_used() - below;
    snprintf(text, sizeof(text), "%zu", limit);
    fixture_config(fx, "maxmemory", text);
    return limit;
}

/* The time of one call is up long before it fits: nobody is refused, and the ticks free the rest. */
static void test_ticks_go_on_evicting(void **state)
{
    struct fixture *fx = *state;
    fixture_config(fx, "maxmemory-policy", "allkeys-random");
    fixture_config(fx, "maxmemory-eviction-tenacity", "0");
    fill(fx);
    size_t limit = limit_set(fx, KEYS / 2 * VALUE);
    assert_true(mem_used() > limit);
    assert_string_equal(fixture_run(fx, "set x y"), "OK");
    assert_true(mem_used() > limit);
    for (int i = 0; i < KEYS && mem_used() > limit; i++) {
        engine_tick(fx->engine, 1000);
        buf_deinit(&fx->wire);
    }
    assert_true(mem_used() <= limit);
    fixture_config(fx, "maxmemory-eviction-tenacity", "100");
    limit = limit_set(fx, KEYS / 4 * VALUE);
    assert_string_equal(fixture_run(fx, "set x z"), "OK");
    assert_true(mem_used() <= limit); /* at once */
}

/* While clients are paused nothing goes, and nobody is refused. */
static void test_not_during_a_pause(void **state)
{
    struct fixture *fx = *state;
    fixture_config(fx, "maxmemory-policy", "allkeys-random");
    fill(fx);
    engine_pause(fx->engine, fx->now_ms + 1000, false);
    limit_set(fx, KEYS / 2 * VALUE);
    assert_string_equal(fixture_run(fx, "exists key:1"), "1");
    engine_tick(fx->engine, 1000);
    assert_int_equal(engine_stats(fx->engine)->evicted_keys, 0);
    engine_unpause(fx->engine);
    assert_string_equal(fixture_run(fx, "set x y"), "OK");
    assert_true(engine_stats(fx->engine)->evicted_keys > 0);
}

static void sink_drops(void *arg, const struct effect_batch *batch)
{
}

static size_t sink_holds(void *arg)
{
    return *(size_t *)arg;
}

/* What the log holds for the disk is no reason to evict: to evict makes it longer. */
static void test_the_log_is_not_counted(void **state)
{
    struct fixture *fx = *state;
    size_t held = KEYS / 2 * VALUE;
    struct effect_sink sink = {.name = "slow", .arg = &held, .commit = sink_drops, .memory = sink_holds};
    engine_sink_add(fx->engine, &sink);
    fixture_config(fx, "maxmemory-policy", "allkeys-random");
    fill(fx);
    size_t limit = limit_set(fx, KEYS / 4 * VALUE);
    assert_string_equal(fixture_run(fx, "set x y"), "OK");
    assert_int_equal(engine_stats(fx->engine)->evicted_keys, 0);
    assert_true(mem_used() > limit);
    assert_non_null(strstr(fixture_run(fx, "info memory"), "mem_aof_buffer:1000000"));
    assert_non_null(strstr(fixture_run(fx, "info memory"), "mem_not_counted_for_evict:1000000"));
    held = 0;
    assert_string_equal(fixture_run(fx, "set x y"), "OK");
    assert_true(engine_stats(fx->engine)->evicted_keys > 0);
    engine_sink_remove(fx->engine, &sink);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_ticks_go_on_evicting, setup, teardown),
        cmocka_unit_test_setup_teardown(test_the_log_is_not_counted, setup, teardown),
        cmocka_unit_test_setup_teardown(test_not_during_a_pause, setup, teardown),
    };
    mem_thread_init(); /* memory is counted by thread */
    return cmocka_run_group_tests(tests, NULL, NULL);
}
