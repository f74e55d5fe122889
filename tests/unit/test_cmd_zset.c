/* Keyspace events of the commands on sorted sets, in their order, as redis-server 7.0.15 sends them; and that a failing
 * command leaves nothing behind. */
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
    char events[512]; /* "zadd z, del z" since the last look */
};

static void note_event(void *arg, int db, struct slice key, enum event_class cls, const char *event)
{
    struct rig *rig = arg;
    size_t at = strlen(rig->events);
    assert_int_equal(db, 0);
    assert_true(cls == EV_ZSET || cls == EV_GENERIC || cls == EV_STRING);
    assert_int_equal(cls == EV_ZSET, event[0] == 'z' || strncmp(event, "geo", 3) == 0);
    snprintf(rig->events + at, sizeof rig->events - at, "%s%s %.*s", at > 0 ? ", " : "", event, (int)key.len, key.ptr);
}

static int setup(void **state)
{
    static struct rig rig;
    rig = (struct rig){.listener = {.classes = EV_ZSET | EV_GENERIC | EV_STRING, .event = note_event}};
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
        {"ZADD z 1 a 2 b 3 c", "3", "zadd z"},
        {"ZADD z 1 a", "0", ""},
        {"ZADD z 4 a", "0", "zadd z"},
        {"ZADD z NX 5 a", "0", ""},
        {"ZADD z XX 5 nothing", "0", ""},
        {"ZADD z INCR 1 a", "\"5\"", "zincr z"},
        {"ZADD z INCR 0 a", "\"5\"", ""},
        {"ZADD z GT INCR -1 a", "nil", ""},
        {"ZINCRBY z 1 d", "\"1\"", "zincr z"},
        {"ZREM z nothing", "0", ""},
        {"ZREM z a d", "2", "zrem z"},
        {"ZRANGESTORE y z 0 0", "1", "zrangestore y"},
        {"ZRANGESTORE y z 5 9", "0", "del y"},
        {"ZRANGESTORE y z 5 9", "0", ""},
        {"SET s x", "OK", "set s"},
        {"ZRANGESTORE s z 0 -1", "2", "zrangestore s"},
        {"ZREMRANGEBYRANK s 5 9", "0", ""},
        {"ZREMRANGEBYRANK s 0 0", "1", "zremrangebyrank s"},
        {"ZREMRANGEBYSCORE s 3 3", "1", "zremrangebyscore s, del s"},
        {"ZREMRANGEBYLEX z - [b", "1", "zremrangebylex z"},
        {"ZREM z c", "1", "zrem z, del z"},
        {"EXISTS z y s", "0", ""},
        {0},
    };
    steps_run(*state, steps);
}

static void test_events_of_pops_algebra_and_geo(void **state)
{
    static const struct step steps[] = {
        {"ZADD z 1 a 2 b 3 c 4 d 5 e 6 f", NULL, "zadd z"},
        {"ZPOPMIN z", NULL, "zpopmin z"},
        {"ZPOPMAX z 2", NULL, "zpopmax z"},
        {"ZPOPMIN z 0", NULL, ""},
        {"ZPOPMIN none", NULL, ""},
        {"ZMPOP 2 none z MIN", NULL, "zpopmin z"},
        {"BZPOPMIN z 0", NULL, "zpopmin z"},
        {"ZPOPMAX z 9", NULL, "zpopmax z, del z"},
        {"ZADD z 1 a 2 b 3 c", NULL, "zadd z"},
        {"ZMPOP 1 z MAX COUNT 9", NULL, "zpopmax z, del z"},
        {"ZADD z 1 a", NULL, "zadd z"},
        {"BZMPOP 0 1 z MAX", NULL, "zpopmax z, del z"},
        {"ZADD z 1 a", NULL, "zadd z"},
        {"BZPOPMAX z 0", NULL, "zpopmax z, del z"},
        {"ZADD x 1 a 2 b", NULL, "zadd x"},
        {"ZADD y 3 b 4 c", NULL, "zadd y"},
        {"ZUNIONSTORE d 2 x y", NULL, "zunionstore d"},
        {"ZINTERSTORE d 2 x y", NULL, "zinterstore d"},
        {"ZDIFFSTORE d 2 x y", NULL, "zdiffstore d"},
        {"ZDIFFSTORE d 2 x x", NULL, "del d"},
        {"ZDIFFSTORE d 2 x x", NULL, ""},
        {"ZUNIONSTORE x 1 x", NULL, "zunionstore x"},
        {"GEOADD g 13 38 p 15 37 c", NULL, "zadd g"},
        {"GEOADD g 13 38 p", NULL, ""},
        {"GEOSEARCHSTORE d g FROMLONLAT 15 37 BYRADIUS 1 km", NULL, "geosearchstore d"},
        {"GEOSEARCHSTORE d g FROMLONLAT 15 37 BYRADIUS 1 m STOREDIST", NULL, "geosearchstore d"},
        {"GEOSEARCHSTORE d g FROMLONLAT 1 1 BYRADIUS 1 m", NULL, "del d"},
        {"GEORADIUS g 15 37 1 km STORE d", NULL, "georadiusstore d"},
        {"GEORADIUSBYMEMBER g c 1 km STOREDIST d", NULL, "georadiusstore d"},
        {"GEORADIUS none 15 37 1 km STORE d", NULL, "del d"},
        {0},
    };
    steps_run(*state, steps);
}

static void test_failures_leave_nothing(void **state)
{
    static const struct step steps[] = {
        {"ZADD z 1 a x b", "(error) ERR value is not a valid float", ""},
        {"ZADD z INCR nan a", "(error) ERR value is not a valid float", ""},
        {"ZADD z XX 1 a", "0", ""},
        {"ZADD z XX INCR 1 a", "nil", ""},
        {"ZINCRBY z x a", "(error) ERR value is not a valid float", ""},
        {"EXISTS z", "0", ""},
        {"ZADD z inf a", "1", "zadd z"},
        {"ZINCRBY z -inf a", "(error) ERR resulting score is not a number (NaN)", ""},
        {"ZSCORE z a", "\"inf\"", ""},
        {0},
    };
    struct rig *rig = *state;
    steps_run(rig, steps);
    assert_string_equal(fixture_log(&rig->fx), "SELECT 0; ZADD z inf a");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_events, setup, teardown),
        cmocka_unit_test_setup_teardown(test_events_of_pops_algebra_and_geo, setup, teardown),
        cmocka_unit_test_setup_teardown(test_failures_leave_nothing, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
