/* Keyspace events of the commands on sets and of SORT, in their order, as redis-server 7.0.15 sends them; and that a
 * failing command leaves nothing behind. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "engine_fixture.h"

#include "base/compiler.h"
#include "cmd/cmd_feature.h"
#include "engine/notify.h"
#include "observe/observe_feature.h"

#include <stdio.h>
#include <string.h>

static const struct feature *const features[] = {&cmd_feature, &observe_feature};

struct rig {
    struct fixture fx;
    struct event_listener listener;
    char events[512]; /* "srem s, del s" since the last look */
};

static void note_event(void *arg, int db, struct slice key, enum event_class cls, const char *event)
{
    struct rig *rig = arg;
    size_t at = strlen(rig->events);
    assert_int_equal(db, 0);
    assert_int_equal(cls == EV_LIST, strcmp(event, "sortstore") == 0 || strcmp(event, "rpush") == 0);
    assert_int_equal(cls == EV_GENERIC, strcmp(event, "del") == 0);
    snprintf(rig->events + at, sizeof rig->events - at, "%s%s %.*s", at > 0 ? ", " : "", event, (int)key.len, key.ptr);
}

static int setup(void **state)
{
    static struct rig rig;
    rig = (struct rig){.listener = {.classes = EV_SET | EV_GENERIC | EV_STRING | EV_LIST, .event = note_event}};
    fixture_init(&rig.fx, features, ARRAY_LEN(features));
    rig.listener.arg = &rig;
    engine_listener_add(rig.fx.engine, &rig.listener);
    *state = &rig;
    return 0;
}

static int teardown(void **state)
{
    struct rig *rig = *state;
    engine_listener_remove(&rig->listener);
    fixture_deinit(&rig->fx);
    return 0;
}

struct step {
    const char *line, *reply, *events; /* reply NULL: of no interest here */
};

static void steps_run(struct rig *rig, const struct step *steps)
{
    for (const struct step *s = steps; s->line != NULL; s++) {
        rig->events[0] = '\0';
        const char *reply = fixture_run(&rig->fx, s->line);
        if (s->reply != NULL) assert_string_equal(reply, s->reply);
        if (strcmp(rig->events, s->events) != 0) fail_msg("%s: %s, not %s", s->line, rig->events, s->events);
    }
}

static void test_events(void **state)
{
    static const struct step steps[] = {
        {"SADD a 1 2 3", "3", "sadd a"},
        {"SADD a 1 2", "0", ""},
        {"SADD b 2 3 4", "3", "sadd b"},
        {"SREM a nothing", "0", ""},
        {"SMOVE a b nothing", "0", ""},
        {"SMOVE a b 1", "1", "srem a, sadd b"},
        {"SMOVE a b 2", "1", "srem a"},
        {"SMOVE b b 2", "1", ""},
        {"SMOVE a new 3", "1", "srem a, del a, sadd new"},
        {"SET d v", "OK", "set d"},
        {"SUNIONSTORE d b b", "4", "sunionstore d"},
        {"SINTERSTORE d nothing b", "0", "del d"},
        {"SINTERSTORE d nothing b", "0", ""},
        {"SDIFFSTORE d b nothing", "4", "sdiffstore d"},
        {"SINTERSTORE d d b", "4", "sinterstore d"},
        {"SPOP b", NULL, "spop b"},
        {"SPOP b 2", NULL, "spop b"},
        {"SPOP b 0", "[]", ""},
        {"SPOP b 10", NULL, "spop b, del b"},
        {"SPOP b", "nil", ""},
        {"SADD e 1", "1", "sadd e"},
        {"SPOP e", "\"1\"", "spop e, del e"},
        {"SADD e 1 2 3", "3", "sadd e"},
        {"SREM e 1 2 3 4", "3", "srem e, del e"},
        {"SRANDMEMBER d 2", NULL, ""},
        {0},
    };
    steps_run(*state, steps);
}

static void test_events_of_sort(void **state)
{
    static const struct step steps[] = {
        {"RPUSH l 3 1 2", "3", "rpush l"},
        {"SORT l", NULL, ""},
        {"SORT l STORE m", "3", "sortstore m"},
        {"SORT nothing STORE m", "0", "del m"},
        {"SORT nothing STORE m", "0", ""},
        {"SORT l STORE l", "3", "sortstore l"},
        {"SORT l LIMIT 5 5 STORE l", "0", "del l"},
        {0},
    };
    struct rig *rig = *state;
    steps_run(rig, steps);
    assert_string_equal(fixture_log(&rig->fx), "SELECT 0; RPUSH l 3 1 2; SORT l STORE m; SORT nothing STORE m; "
                                               "SORT l STORE l; SORT l LIMIT 5 5 STORE l");
}

static void test_failures_leave_nothing(void **state)
{
    static const struct step steps[] = {
        {"SET str v", "OK", "set str"},
        {"SADD a x", "1", "sadd a"},
        {"SUNIONSTORE d a str", "(error) WRONGTYPE Operation against a key holding the wrong kind of value", ""},
        {"SMOVE a str x", "(error) WRONGTYPE Operation against a key holding the wrong kind of value", ""},
        {"SPOP a -1", "(error) ERR value is out of range, must be positive", ""},
        {"SORT a STORE d", "(error) ERR One or more scores can't be converted into double", ""},
        {"EXISTS d", "0", ""},
        {"SMEMBERS a", "[\"x\"]", ""},
        {0},
    };
    struct rig *rig = *state;
    steps_run(rig, steps);
    assert_string_equal(fixture_log(&rig->fx), "SELECT 0; SET str v; SADD a x");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_events, setup, teardown),
        cmocka_unit_test_setup_teardown(test_events_of_sort, setup, teardown),
        cmocka_unit_test_setup_teardown(test_failures_leave_nothing, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
