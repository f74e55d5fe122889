/* What commands do to sessions: names, authentication, protocol, CLIENT KILL, REPLY and PAUSE, RESET, QUIT; and the
 * sizes of strings. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "engine_fixture.h"

#include "base/compiler.h"
#include "cmd/cmd_feature.h"

#include <string.h>

static const struct feature *const features[] = {&cmd_feature};

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

#define EXPECT(line, reply) assert_string_equal(fixture_run(fx, line), reply)
#define EXPECT_AS(client, line, reply) assert_string_equal(fixture_run_as(fx, client, line), reply)

static void test_names(void **state)
{
    struct fixture *fx = *state;
    EXPECT("client getname", "nil");
    EXPECT("client setname bob", "OK");
    EXPECT("client getname", "\"bob\"");
    EXPECT("client setname \"a b\"", "(error) ERR Client names cannot contain spaces, newlines or special characters.");
    EXPECT("client setname \"\"", "OK");
    EXPECT("client getname", "nil");
    EXPECT("client setinfo lib-name x", "OK");
    EXPECT("client setinfo lib-ver \"1 2\"",
           "(error) ERR lib-ver cannot contain spaces, newlines or special characters.");
    EXPECT("client setinfo bad x", "(error) ERR Unrecognized option 'bad'");
    const char *info = fixture_run(fx, "client info");
    assert_non_null(strstr(info, " flags=N db=0 sub=0 psub=0 ssub=0 multi=-1 "));
    assert_non_null(strstr(info, " cmd=client|info user=default redir=-1 resp=2 lib-name=x lib-ver=\\n"));
}

static void test_authentication(void **state)
{
    struct fixture *fx = *state;
    struct fixture_client c;
    EXPECT(
        "auth x",
        "(error) ERR AUTH <password> called without any password configured for the default user. Are you sure your "
        "configuration is correct?");
    EXPECT("auth default x", "OK");
    fixture_config(fx, "requirepass", "secret");
    EXPECT("ping", "PONG");
    fixture_client_open(fx, &c);
    EXPECT_AS(&c, "ping", "(error) NOAUTH Authentication required.");
    EXPECT_AS(&c, "auth wrong", "(error) WRONGPASS invalid username-password pair or user is disabled.");
    EXPECT_AS(&c, "auth secre", "(error) WRONGPASS invalid username-password pair or user is disabled.");
    EXPECT_AS(&c, "auth nobody secret", "(error) WRONGPASS invalid username-password pair or user is disabled.");
    EXPECT_AS(&c, "auth a b c", "(error) ERR syntax error");
    assert_non_null(strstr(fixture_run_as(fx, &c, "hello 3"), "(error) NOAUTH HELLO must be called"));
    EXPECT_AS(&c, "exec", "(error) EXECABORT Transaction discarded because of: NOAUTH Authentication required.");
    assert_non_null(strstr(fixture_run_as(fx, &c, "hello 3 auth default secret setname me"), "\"proto\": 3, "));
    EXPECT_AS(&c, "client getname", "\"me\"");
    EXPECT_AS(&c, "reset", "RESET");
    EXPECT_AS(&c, "ping", "(error) NOAUTH Authentication required.");
    EXPECT_AS(&c, "auth default secret", "OK");
    EXPECT_AS(&c, "client getname", "nil");
    EXPECT_AS(&c, "quit", "OK (close)");
    fixture_client_close(&c);
}

static void test_hello(void **state)
{
    struct fixture *fx = *state;
    EXPECT("hello 1", "(error) NOPROTO unsupported protocol version");
    EXPECT("hello x", "(error) ERR Protocol version is not an integer or out of range");
    EXPECT("hello 2 auth x", "(error) ERR Syntax error in HELLO option 'auth'");
    assert_memory_equal(fixture_run(fx, "hello"), "[\"server\", \"redis\", ", 20);
    assert_memory_equal(fixture_run(fx, "hello 3"), "{\"server\": \"redis\", ", 20);
    EXPECT("get nothing", "nil");
    EXPECT("lcs a b idx", "{\"matches\": [], \"len\": 0}");
    assert_memory_equal(fixture_run(fx, "hello 2"), "[\"server\", \"redis\", ", 20);
    EXPECT("lcs a b idx", "[\"matches\", [], \"len\", 0]");
}

static void test_kill(void **state)
{
    struct fixture *fx = *state;
    struct fixture_client a, b;
    fixture_client_open(fx, &a);
    fixture_client_open(fx, &b);
    EXPECT("client kill id 99", "0");
    EXPECT("client kill 1.2.3.4:5", "(error) ERR No such client");
    EXPECT("client kill user nobody", "(error) ERR No such user 'nobody'");
    EXPECT("client kill maxage 1000", "0");
    EXPECT_AS(&a, "client id", "2");
    EXPECT("client kill id 2", "1");
    assert_true(session_doomed(a.session));
    assert_null(strstr(fixture_run(fx, "client list"), "id=2 "));
    EXPECT("client kill id 2", "0");
    fixture_sleep_ms(fx, 2000);
    EXPECT("client kill maxage 2 skipme yes", "1");
    assert_true(session_doomed(b.session));
    EXPECT("client kill id 1 skipme yes", "0");
    EXPECT("client kill id 1 skipme no", "1 (close)");
    fixture_client_close(&a);
    fixture_client_close(&b);
}

static void test_reply_modes(void **state)
{
    struct fixture *fx = *state;
    EXPECT("client reply skip", "");
    EXPECT("ping", "");
    EXPECT("ping", "PONG");
    EXPECT("client reply off", "");
    EXPECT("ping", "");
    EXPECT("nonsense", "");
    EXPECT("client reply skip", "");
    EXPECT("client reply on", "OK");
    EXPECT("ping", "PONG");
    EXPECT("client reply bad", "(error) ERR syntax error");
}

static void test_pause(void **state)
{
    struct fixture *fx = *state;
    struct fixture_client other;
    fixture_client_open(fx, &other);
    EXPECT("set k v px 50", "OK");
    EXPECT("client pause 1000 write", "OK");
    EXPECT_AS(&other, "set k w", "(postponed)");
    EXPECT_AS(&other, "get k", "\"v\"");
    fixture_sleep_ms(fx, 100);
    fixture_log(fx);
    EXPECT_AS(&other, "get k", "nil");
    EXPECT_AS(&other, "randomkey", "nil");
    EXPECT_AS(&other, "scan 0", "[\"0\", []]");
    assert_string_equal(fixture_log(fx), ""); /* seen as gone, but not removed */
    EXPECT("client unpause", "OK");
    EXPECT_AS(&other, "get k", "nil");
    assert_string_equal(fixture_log(fx), "DEL k");
    EXPECT("client pause -1", "(error) ERR timeout is negative");
    EXPECT("client pause x", "(error) ERR timeout is not an integer or out of range");
    EXPECT("client pause 9223372036854775807", "OK");
    EXPECT("ping", "PONG");
    fixture_client_close(&other);
}

static void test_string_sizes(void **state)
{
    struct fixture *fx = *state;
    const char *too_long = "(error) ERR string exceeds maximum allowed size (proto-max-bulk-len)";
    fixture_config(fx, "proto-max-bulk-len", "1mb");
    EXPECT("setrange k 1048575 x", "1048576");
    EXPECT("setrange k 1048576 x", too_long);
    EXPECT("append k x", too_long);
    EXPECT("setrange k 9223372036854775807 x", too_long);
    EXPECT("setrange k -1 x", "(error) ERR offset is out of range");
    EXPECT("strlen k", "1048576");
    EXPECT("getrange k 1048575 -1", "\"x\"");
    EXPECT("getrange k 0 2", "\"\\x00\\x00\\x00\"");
    EXPECT("object encoding k", "\"raw\"");
    EXPECT("copy k l", "1");
    EXPECT("setrange k 0 y", "1048576");
    EXPECT("getrange l 0 0", "\"\\x00\"");
    EXPECT("rename l m", "OK");
    EXPECT("getrange m 1048575 -1", "\"x\"");
    EXPECT("set m short", "OK");
    EXPECT("set m short ex 10 get", "\"short\"");
    EXPECT("getdel m", "\"short\"");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_names, setup, teardown),
        cmocka_unit_test_setup_teardown(test_authentication, setup, teardown),
        cmocka_unit_test_setup_teardown(test_hello, setup, teardown),
        cmocka_unit_test_setup_teardown(test_kill, setup, teardown),
        cmocka_unit_test_setup_teardown(test_reply_modes, setup, teardown),
        cmocka_unit_test_setup_teardown(test_pause, setup, teardown),
        cmocka_unit_test_setup_teardown(test_string_sizes, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
