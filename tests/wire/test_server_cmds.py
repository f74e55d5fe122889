"""TIME, LOLWUT, MEMORY, DEBUG, SHUTDOWN and other commands on the server itself."""
import signal
import time

import pytest

from resp import Disconnected, error
from harness import wait_for

SCRIPTS = r"""
# arguments
TIME x
MEMORY
MEMORY BAD
MEMORY USAGE
MEMORY USAGE missing
MEMORY USAGE missing SAMPLES 5
SET k v
MEMORY USAGE k
MEMORY USAGE k SAMPLES 0
MEMORY USAGE k SAMPLES {NUM}
MEMORY USAGE k SAMPLES
MEMORY USAGE k BAD 5
MEMORY HELP
LOLWUT VERSION abc

# lastsave  [needs=lastsave]
LASTSAVE x

# debug
DEBUG
DEBUG BAD
DEBUG SLEEP 0
DEBUG SLEEP
DEBUG ERROR "MYERR some text"
DEBUG LOG "a line"
DEBUG OBJECT
DEBUG OBJECT missing
DEBUG SET-ACTIVE-EXPIRE {0|1}
DEBUG SET-ACTIVE-EXPIRE
DEBUG DIGEST
DEBUG DIGEST-VALUE missing
DEBUG JMAP
DEBUG HELP
DEBUG POPULATE
DEBUG POPULATE abc
DEBUG POPULATE 10
% KEYS *
GET key:3
DEBUG POPULATE 5 pre 10
GET pre:4
DEBUG POPULATE 3 pre 2
GET pre:1
GET pre:0
DBSIZE

# shutdown arguments
SHUTDOWN BAD
SHUTDOWN NOSAVE SAVE
SHUTDOWN NOSAVE BAD
SHUTDOWN SAVE NOSAVE
SHUTDOWN ABORT
SHUTDOWN ABORT NOSAVE
SHUTDOWN NOW NOW BAD
"""


def test_script(pair, script, script_proto):
    with pair.compare(script_proto) as comparison:
        comparison.run(script)


def test_time(ours, ours3):
    for conn in (ours, ours3):
        reply = conn.call("TIME")
        assert reply.kind == "*" and [r.kind for r in reply.value] == ["$", "$"]
        seconds, micros = (int(r.value) for r in reply.value)
        assert abs(seconds + micros / 1e6 - time.time()) < 5 and 0 <= micros < 1000000


def test_lolwut(pair, proto):
    """Drawn text that ends by naming the version; verbatim in RESP3."""
    with pair.ours.conn(proto) as conn:
        for arguments in ((), ("VERSION", "5"), ("VERSION", "5", "10", "2", "2"), ("VERSION", "6"), ("VERSION", "999")):
            reply = conn.call("LOLWUT", *arguments)
            assert reply.kind == ("$" if proto == 2 else "="), arguments
            assert b"ver. " in reply.value
        assert "not an integer" in conn.call("LOLWUT", "VERSION", "5", "abc").text


def test_memory_usage_follows_size(ours):
    for size in (1, 100, 1000, 10000, 100000):
        ours.call("SET", "k", "x" * size)
        usage = ours.call("MEMORY", "USAGE", "k").value
        assert size <= usage <= size * 1.35 + 120


def test_debug_object(ours):
    ours.call("SET", "k", "v")
    text = ours.call("DEBUG", "OBJECT", "k").text
    words = text.split(" ")
    assert words[0] == "Value" and words[1].startswith("at:0x")
    fields = dict(w.split(":") for w in words[1:])
    assert fields["encoding"] == "embstr" and fields["refcount"] == "1"
    assert {"serializedlength", "lru", "lru_seconds_idle"} <= set(fields)


def test_digest(ours):
    """40 hex digits; zeros when empty; the same for equal data however it came to be."""
    assert ours.call("DEBUG", "DIGEST").text == "0" * 40
    ours.many([("SET", "a", "1"), ("SET", "b", "xyz"), ("SET", "c", "2", "EX", "100")])
    first = ours.call("DEBUG", "DIGEST").text
    assert len(first) == 40 and int(first, 16) > 0
    ours.call("FLUSHALL")
    ours.many([("SET", "c", "1", "EX", "50"), ("INCR", "c"), ("APPEND", "b", "xy"), ("APPEND", "b", "z"), ("INCR", "a")])
    assert ours.call("DEBUG", "DIGEST").text == first
    ours.call("SET", "a", "2")
    assert ours.call("DEBUG", "DIGEST").text != first
    ours.call("SET", "d", "2")
    one, two, other = ours.call("DEBUG", "DIGEST-VALUE", "a", "d", "b").value
    assert one == two != other and len(one.value) == 40


def test_debug_sleep_stops_everyone(pair):
    with pair.ours.conn() as a, pair.ours.conn() as b:
        a.send("DEBUG", "SLEEP", "0.2")
        time.sleep(0.03)
        begin = time.monotonic()
        b.call("PING")
        assert time.monotonic() - begin > 0.1
        a.read()


@pytest.mark.parametrize("setting,answer", [("no", "-"), ("local", "+"), ("yes", "+")])
def test_debug_is_gated(start, setting, answer):
    server = start({"enable-debug-command": setting})
    with server.conn() as conn:
        reply = conn.call("DEBUG", "SLEEP", "0")
        assert reply.kind == answer
        if answer == "-":
            assert reply == error("ERR DEBUG command not allowed. If the enable-debug-command option is set to "
                                  "\"local\", you can run it from a local connection, otherwise you need to set this "
                                  "option in the configuration file, and then restart the server.")
            assert conn.call("CONFIG", "SET", "enable-debug-command", "yes").is_error


@pytest.mark.parametrize("arguments", [("NOSAVE",), ("NOW",), ("NOSAVE", "NOW", "FORCE"), (), ("nosave", "now")])
def test_shutdown(start, arguments):
    """No reply, the connection closes, exit status 0."""
    server = start()
    with server.conn() as conn, server.conn() as other:
        other.call("SET", "k", "v")
        conn.send("SHUTDOWN", *arguments)
        with pytest.raises((Disconnected, ConnectionError)):
            conn.read()
        assert other.closed()
    assert server.wait_exit() == 0
    assert "ready to exit, bye bye" in server.output()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signals_shut_down(start, number):
    server = start()
    with server.conn() as conn:
        conn.call("SET", "k", "v")
        server.signal(number)
        assert conn.closed()
    assert server.wait_exit() == 0
    output = server.output()
    assert "Received %s scheduling shutdown..." % number.name in output
    assert "ready to exit, bye bye" in output


@pytest.mark.needs("lastsave")
def test_lastsave(ours):
    reply = ours.call("LASTSAVE")
    assert reply.kind == ":" and abs(reply.value - time.time()) < 3600


def test_monotonic_stats(pair):
    with pair.ours.conn() as conn:
        from harness import info
        before = int(info(conn, "stats")["total_commands_processed"])
        conn.many([("PING",)] * 100)
        wait_for("100 more commands", lambda: int(info(conn, "stats")["total_commands_processed"]) >= before + 100)


@pytest.mark.cairn_only
def test_watchdog(start):
    """It tells of a turn that takes too long, and not of one that waits for clients."""
    server = start()
    with server.conn() as conn:
        conn.call("CONFIG", "SET", "watchdog-period", 30)
        time.sleep(0.5)
        assert "WATCHDOG" not in server.output()
        conn.call("DEBUG", "SLEEP", "0.5")
        wait_for("its report", lambda: "WATCHDOG TIMER EXPIRED" in server.output())
        conn.call("CONFIG", "SET", "watchdog-period", 0)
        conn.call("DEBUG", "SLEEP", "0.5")
        assert server.output().count("WATCHDOG TIMER EXPIRED") < 5
