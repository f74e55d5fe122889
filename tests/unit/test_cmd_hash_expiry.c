/* Expiry of hash fields in a whole engine: events and their order, the log, what a tick removes and how much of it at a
 * time, pauses, loading, transactions. */
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
#include <stdlib.h>
#include <string.h>

static const struct feature *const features[] = {&cmd_feature, &observe_feature};

static int setup(void **state)
{
    static struct fixture fx;
    fixture_init(&fx, features, ARRAY_LEN(features));
    *state = &fx;
    return 0;
}

static int teardown(void **state)
{
    fixture_deinit(*state);
    return 0;
}

struct events {
    struct event_listener listener;
    char text[4096];
};

static void note(void *arg, int db, struct slice key, enum event_class cls, const char *event)
{
    struct events *e = arg;
    size_t len = strlen(e->text);
    (void)cls;
    snprintf(e->text + len, sizeof(e->text) - len, "%s%s:%.*s", len > 0 ? " " : "", event, (int)key.len, key.ptr);
    assert_int_equal(db, 0);
}

struct step {
    const char *line, *events, *log; /* line "+n": n ms go by, "tick": the engine's */
};

static void steps_run(struct fixture *fx, const struct step *steps)
{
    struct events events = {.listener = {.classes = EV_GENERIC | EV_HASH | EV_EXPIRED, .event = note}};
    events.listener.arg = &events;
    engine_listener_add(fx->engine, &events.listener);
    for (const struct step *s = steps; s->line != NULL; s++) {
        events.text[0] = '\0';
        if (s->line[0] == '+') {
            fixture_sleep_ms(fx, (uint64_t)atoi(s->line + 1));
            continue;
        }
        if (strcmp(s->line, "tick") == 0)
            engine_tick(fx->engine, 1000);
        else
            fixture_run(fx, s->line);
        if (strcmp(events.text, s->events) != 0)
            fail_msg("%s: events %s, expected %s", s->line, events.text, s->events);
        const char *log = fixture_log(fx);
        if (s->log != NULL && strcmp(log, s->log) != 0) fail_msg("%s: log %s, expected %s", s->line, log, s->log);
    }
    engine_listener_remove(&events.listener);
}

/* The clock stands at 1000000000 ms. */
static void events_and_log(void **state)
{
    static const struct step steps[] = {
        {"hset h a 1 b 2", "hset:h", "SELECT 0; hset h a 1 b 2"},
        {"hsetnx h c 3", "hset:h", "hsetnx h c 3"},
        {"hincrby h c 3", "hincrby:h", "hincrby h c 3"},
        {"hincrbyfloat h c 0.5", "hincrbyfloat:h", "HSET h c 6.5"},
        {"hexpire h 100 fields 2 a x", "hexpire:h", "HPEXPIREAT h 1000100000 FIELDS 1 a"},
        {"hincrbyfloat h a 0.5", "hincrbyfloat:h", "HSETEX h KEEPTTL FIELDS 1 a 1.5"},
        {"hexpire h 100 nx fields 2 a x", "", ""},
        {"hpersist h fields 2 a b", "hpersist:h", "HPERSIST h FIELDS 1 a"},
        {"hgetex h fields 2 a b", "", ""},
        {"hgetex h px 50 fields 2 a x", "hexpire:h", "HPEXPIREAT h 1000000050 FIELDS 1 a"},
        {"hgetex h persist fields 2 a b", "hpersist:h", "HPERSIST h FIELDS 1 a"},
        {"hsetex h px 50 fields 2 a 1 d 2", "hset:h hexpire:h", "hsetex h PXAT 1000000050 fields 2 a 1 d 2"},
        {"hsetex h fields 1 e 1", "hset:h", "hsetex h fields 1 e 1"},
        {"hsetex h px 0 fields 2 e 1 f 1", "hdel:h", "HDEL h e"},
        {"+49", "", ""},
        {"hget h a", "", ""},
        {"+1", "", ""},
        {"hget h a", "hexpired:h", "HDEL h a d"},
        {"hgetdel h fields 1 b", "hdel:h", "HDEL h b"},
        {"hexpireat h 1 fields 2 c x", "hdel:h del:h", "HDEL h c"},
        {"exists h", "", ""},
        {"hsetex h px 10 fields 1 a 1", "hset:h hexpire:h", "hsetex h PXAT 1000000060 fields 1 a 1"},
        {"+10", "", ""},
        {"exists h", "hexpired:h del:h", "HDEL h a"},
        {"hsetex h px 10 fields 1 a 1", "hset:h hexpire:h", NULL},
        {"hset h stays 1", "hset:h", NULL},
        {"+26", "", ""},
        {"tick", "hexpired:h", "HDEL h a"},
        {"hpexpire h 5 fields 1 stays", "hexpire:h", NULL},
        {"+26", "", ""},
        {"tick", "hexpired:h del:h", "HDEL h stays"},
        {"hset h a 1", "hset:h", NULL},
        {"hpexpire h 5 fields 1 a", "hexpire:h", NULL},
        {"pexpire h 4", "expire:h", NULL},
        {"+26", "", ""},
        {"tick", "expired:h", "DEL h"},
        {"hgetdel h fields 1 a", "", ""},
        {"hset h a 1", "hset:h", NULL},
        {"hgetdel h fields 1 a", "hdel:h del:h", "HDEL h a"},
        {"hsetex h px 0 fields 1 a 1", "", ""},
        {NULL, NULL, NULL},
    };
    steps_run(*state, steps);
}

/* The removal stands in front of what a command did, together with it. */
static void in_front_of_the_command(void **state)
{
    static const struct step steps[] = {
        {"hset h stays 1", "hset:h", NULL},
        {"hsetex h px 10 fields 1 a 1", "hset:h hexpire:h", NULL},
        {"+10", "", ""},
        {"hset h b 1", "hexpired:h hset:h", "MULTI; HDEL h a; hset h b 1; EXEC"},
        {"hsetex g px 10 fields 1 a 1", "hset:g hexpire:g", NULL},
        {"+10", "", ""},
        {"hset g b 1", "hexpired:g del:g hset:g", "MULTI; HDEL g a; hset g b 1; EXEC"},
        {"hsetex h px 10 fields 1 a 1", "hset:h hexpire:h", NULL},
        {"hsetex g px 10 fields 1 a 1", "hset:g hexpire:g", NULL},
        {"+10", "", ""},
        {"rename h g", "hexpired:h hexpired:g rename_from:h rename_to:g",
         "MULTI; HDEL h a; HDEL g a; rename h g; EXEC"},
        {"hsetex k px 10 fields 1 a 1", "hset:k hexpire:k", NULL},
        {"+10", "", ""},
        {"keys *", "", ""},
        {"scan 0", "hexpired:k del:k", "HDEL k a"},
        {NULL, NULL, NULL},
    };
    steps_run(*state, steps);
}

static void fill(struct fixture *fx, const char *key, size_t fields, unsigned px)
{
    char line[200];
    for (size_t i = 0; i < fields; i++) {
        snprintf(line, sizeof(line), "hsetex %s px %u fields 1 f%zu v", key, px, i);
        fixture_run(fx, line);
    }
    (void)fixture_log(fx);
}

static void expect(struct fixture *fx, const char *line, const char *reply)
{
    const char *got = fixture_run(fx, line);
    if (strcmp(got, reply) != 0) fail_msg("%s: %s, expected %s", line, got, reply);
}

/* Who reads a hash of very many due fields sees none of them, and does not pay for their removal. Who writes to it has
 * them removed: in the log they must be gone before. */
static void many_due_fields(void **state)
{
    struct fixture *fx = *state;
    fill(fx, "h", 3000, 10);
    fill(fx, "all", 3000, 10);
    fill(fx, "written", 300, 10);
    fixture_run(fx, "hset h stays 1");
    fixture_run(fx, "hset written stays 1");
    (void)fixture_log(fx);
    fixture_sleep_ms(fx, 10);
    expect(fx, "hlen h", "1");
    expect(fx, "hget h f5", "nil");
    expect(fx, "hgetall h", "[\"stays\", \"1\"]");
    expect(fx, "hrandfield h", "\"stays\"");
    expect(fx, "hrandfield h 5", "[\"stays\"]");
    assert_string_equal(fixture_log(fx), "");
    expect(fx, "type all", "none");
    assert_string_equal(fixture_log(fx), "UNLINK all");
    expect(fx, "hsetnx written f5 new", "1");
    const char *log = fixture_log(fx);
    assert_true(strncmp(log, "MULTI; HDEL written f", 21) == 0);
    assert_non_null(strstr(log, "; hsetnx written f5 new; EXEC"));
    expect(fx, "hlen written", "2");
    fixture_sleep_ms(fx, 16);
    int ticks = 0;
    do engine_tick(fx->engine, 1);
    while (++ticks < 1000 && strlen(fixture_log(fx)) > 0);
    assert_in_range(ticks, 2, 999);
    expect(fx, "hlen h", "1");
    expect(fx, "hmget h stays f5", "[\"1\", nil]");
    assert_int_equal(engine_stats(fx->engine)->expired_subkeys, 6300);
}

static void pauses_and_loading(void **state)
{
    struct fixture *fx = *state;
    fixture_run(fx, "hsetex h px 10 fields 1 a 1");
    fixture_run(fx, "hset h b 1");
    fixture_run(fx, "hsetex gone px 10 fields 1 a 1");
    (void)fixture_log(fx);
    fixture_sleep_ms(fx, 30);
    fixture_run(fx, "client pause 1000 write");
    expect(fx, "hlen h", "1");
    expect(fx, "hget h a", "nil");
    expect(fx, "exists gone", "0");
    engine_tick(fx->engine, 1000);
    expect(fx, "dbsize", "2");
    assert_string_equal(fixture_log(fx), "");
    fixture_run(fx, "client unpause");
    engine_set_loading(fx->engine, true);
    engine_tick(fx->engine, 1000);
    assert_string_equal(fixture_log(fx), "");
    engine_set_loading(fx->engine, false);
    engine_tick(fx->engine, 1000);
    expect(fx, "dbsize", "1");
    expect(fx, "hgetall h", "[\"b\", \"1\"]");
}

static void active_expiry_off(void **state)
{
    struct fixture *fx = *state;
    fixture_config(fx, "enable-debug-command", "yes");
    fixture_run(fx, "debug set-active-expire 0");
    fixture_run(fx, "hsetex h px 10 fields 1 a 1");
    fixture_run(fx, "hset h b 1");
    (void)fixture_log(fx);
    fixture_sleep_ms(fx, 100);
    engine_tick(fx->engine, 1000);
    assert_string_equal(fixture_log(fx), "");
    expect(fx, "hexists h a", "0");
    assert_string_equal(fixture_log(fx), "HDEL h a");
}

/* Within a transaction the time stands still. */
static void transactions(void **state)
{
    struct fixture *fx = *state;
    fixture_run(fx, "hset h a 1 b 2");
    fixture_run(fx, "multi");
    fixture_run(fx, "hpexpireat h 1 fields 1 a");
    fixture_run(fx, "hpexpire h 5 fields 1 b");
    fixture_run(fx, "hgetall h");
    fixture_sleep_ms(fx, 10);
    (void)fixture_log(fx);
    expect(fx, "exec", "[[2], [1], [\"b\", \"2\"]]");
    assert_string_equal(fixture_log(fx), "MULTI; HDEL h a; HPEXPIREAT h 1000000015 FIELDS 1 b; EXEC");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(events_and_log, setup, teardown),
        cmocka_unit_test_setup_teardown(in_front_of_the_command, setup, teardown),
        cmocka_unit_test_setup_teardown(many_due_fields, setup, teardown),
        cmocka_unit_test_setup_teardown(pauses_and_loading, setup, teardown),
        cmocka_unit_test_setup_teardown(active_expiry_off, setup, teardown),
        cmocka_unit_test_setup_teardown(transactions, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
