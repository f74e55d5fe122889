"""SLOWLOG and LATENCY: arguments, and what is in the entries."""
import time

import pytest

from resp import OK

SCRIPTS = r"""
# slowlog arguments
. CONFIG SET slowlog-log-slower-than -1
. SLOWLOG RESET
SLOWLOG
SLOWLOG BAD
SLOWLOG LEN x
SLOWLOG LEN
SLOWLOG RESET x
SLOWLOG RESET
SLOWLOG GET {NUM}
SLOWLOG GET -2
SLOWLOG GET 1 2
SLOWLOG GET
SLOWLOG HELP
. CONFIG SET slowlog-log-slower-than 10000

# latency arguments
LATENCY
LATENCY BAD
LATENCY LATEST
LATENCY LATEST x
LATENCY HISTORY
LATENCY HISTORY command
LATENCY HISTORY a b
LATENCY GRAPH
LATENCY GRAPH command
LATENCY GRAPH ""
LATENCY RESET
LATENCY RESET command nosuch
LATENCY DOCTOR x
LATENCY HISTOGRAM nosuch
LATENCY HISTOGRAM "client|nosuch" ""
LATENCY HELP

# memory arguments
MEMORY STATS x
MEMORY DOCTOR x
MEMORY PURGE
MEMORY PURGE x
MEMORY MALLOC-STATS x
ROLE
ROLE x

# debug protocol
DEBUG PROTOCOL {string|integer|double|bignum|null|array|set|map|attrib|push|verbatim|true|false|STRING|nosuch}
DEBUG PROTOCOL
DEBUG ERROR "MYERR a text"
DEBUG STRUCTURE
DEBUG QUICKLIST-PACKED-THRESHOLD {10b|1kb|4gb|x}
DEBUG REPLYBUFFER {RESIZING|PEAK-RESET-TIME|x} 1
DEBUG REPLYBUFFER RESIZING
DEBUG HTSTATS 16
DEBUG HTSTATS -1
DEBUG HTSTATS-KEY missing
SET k v
DEBUG HTSTATS-KEY k
"""


def test_script(pair, script, script_proto):
    with pair.compare(script_proto) as comparison:
        comparison.run(script)


def entries(conn, *args):
    """SLOWLOG GET as [(arguments, client's name), ...]."""
    result = []
    for entry in conn.call("SLOWLOG", "GET", *args).value:
        number, at, micros, words, address, name = entry.value
        assert [v.kind for v in entry.value] == [":", ":", ":", "*", "$", "$"]
        assert micros.value >= 0 and b"127.0.0.1:" in address.value
        result.append((b" ".join(w.value for w in words.value), name.value))
    return result


LINES = [
    ("SET", "k", "x" * 128), ("SET", "k", "x" * 129), ("MGET",) + tuple("abcdefghijklmnopqrstuvwxyz01234"),
    ("MGET",) + tuple("abcdefghijklmnopqrstuvwxyz0123456789"), ("AUTH", "secret"), ("AUTH", "user", "secret"),
    ("HELLO", "2", "AUTH", "default", "secret", "SETNAME", "seen"), ("HELLO", "2", "SETNAME", "seen"),
    ("CONFIG", "SET", "hz", "10", "requirepass", ""), ("CONFIG", "GET", "hz"), ("NOSUCH", "x"), ("GET",),
    ("MULTI",), ("SET", "q", "1"), ("EXEC",),
]


def test_entries_are_the_oracles(pair):
    logs = []
    for conn in pair.both():
        assert conn.call("CONFIG", "SET", "slowlog-log-slower-than", "0", "slowlog-max-len", "128") == OK
        conn.call("CLIENT", "SETNAME", "me")
        conn.call("SLOWLOG", "RESET")
        conn.many(LINES)
        logs.append(entries(conn, "-1"))
        conn.call("CONFIG", "SET", "slowlog-log-slower-than", "10000")
        conn.close()
    assert logs[0] == logs[1]


def test_a_command_that_waited_is_there_when_it_is_served(pair):
    logs = []
    for conn, waiting in zip(pair.both(), pair.both()):
        conn.call("CONFIG", "SET", "slowlog-log-slower-than", "0", "slowlog-max-len", "128")
        conn.call("SLOWLOG", "RESET")
        waiting.send("BLPOP", "waited", "0")
        deadline = time.monotonic() + 10
        while b"cmd=blpop" not in conn.call("CLIENT", "LIST").value and time.monotonic() < deadline:
            time.sleep(0.01)
        before = [e for e in entries(conn, "-1") if b"BLPOP" in repr(e).encode()]
        assert before == []
        conn.call("SLOWLOG", "RESET")
        conn.many([("MULTI",), ("RPUSH", "waited", "a"), ("SET", "other", "b"), ("EXEC",)])
        assert waiting.read().value[1].value == b"a"
        logs.append(entries(conn, "-1"))
        conn.call("CONFIG", "SET", "slowlog-log-slower-than", "10000")
        waiting.close()
        conn.close()
    assert logs[0] == logs[1]


def test_length_is_bounded(ours):
    ours.call("CONFIG", "SET", "slowlog-log-slower-than", "0", "slowlog-max-len", "5")
    try:
        ours.many([("PING",)] * 20)
        assert ours.call("SLOWLOG", "LEN").value == 5
        assert len(entries(ours, "-1")) == 5 and len(entries(ours, "2")) == 2
        ours.call("CONFIG", "SET", "slowlog-max-len", "0")
        ours.call("PING")
        assert ours.call("SLOWLOG", "LEN").value == 0
    finally:
        ours.call("CONFIG", "SET", "slowlog-log-slower-than", "10000", "slowlog-max-len", "128")


def test_slow_commands_are_events(ours, proto):
    ours.call("CONFIG", "SET", "latency-monitor-threshold", "10")
    try:
        ours.call("DEBUG", "SLEEP", "0.03")
        event, at, last, worst = ours.call("LATENCY", "LATEST").value[0].value
        assert event.value == b"command" and 30 <= last.value <= worst.value
        history = ours.call("LATENCY", "HISTORY", "command").value
        assert history[-1].value[0] == at and history[-1].value[1].value >= 30
        assert "command - high " in ours.call("LATENCY", "GRAPH", "command").text
        assert "command" in ours.call("LATENCY", "DOCTOR").text
        assert ours.call("LATENCY", "RESET", "command").value == 1
    finally:
        ours.call("CONFIG", "SET", "latency-monitor-threshold", "0")


def test_histogram(pair, proto):
    """Calls and the shape; the buckets are the oracle's, cumulative and ascending."""
    allowed = {(2**k + 2**k // 128 - 1) // 1000 for k in range(10, 64)}
    for conn in pair.both(proto):
        conn.call("CONFIG", "RESETSTAT")
        conn.many([("GET", "k")] * 50 + [("CLIENT", "ID")])
        reply = conn.call("LATENCY", "HISTOGRAM", "get", "client", "nosuch")
        assert reply.kind == ("*" if proto == 2 else "%")
        assert [r.text for r in reply.value[::2]] == ["get", "client|id"]
        fields = reply.value[1].value
        assert [f.text for f in fields[::2]] == ["calls", "histogram_usec"] and fields[1].value == 50
        pairs = [v.value for v in fields[3].value]
        assert pairs[::2] == sorted(set(pairs[::2])) and set(pairs[::2]) <= allowed
        assert pairs[1::2] == sorted(set(pairs[1::2])) and pairs[-1] == 50
        conn.close()


@pytest.mark.parametrize("empty", [True, False])
def test_memory_stats_has_the_oracles_fields(pair, proto, empty):
    names = []
    for conn in pair.both(proto):
        if not empty:
            conn.call("SET", "k", "v")
        reply = conn.call("MEMORY", "STATS")
        names.append([(k.text, v.kind) for k, v in zip(reply.value[::2], reply.value[1::2])])
        conn.close()
    assert names[0] == names[1]
