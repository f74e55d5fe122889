"""Waiting for streams: XREAD and XREADGROUP with BLOCK, what wakes them, what they are given, what the log gets."""
import time

import pytest

from harness import wait_for
from test_effects import logged, same, show    # noqa: F401 (a fixture)
from test_list_blocking import Blocked, logs_of, play

# See test_list_blocking.py for the language.
SCENARIOS = {
    "all that wait are served": """
        a> XREAD BLOCK 0 STREAMS s $
        b> XREAD BLOCK 0 STREAMS s 0
        c> XREAD COUNT 1 BLOCK 0 STREAMS s 5
        XADD s 3-1 f v
        b?
        XADD s 5-1 f v
        a> XREAD BLOCK 0 STREAMS s $
        XADD s 6-1 f v
        a?
        a> XREAD BLOCK 0 STREAMS s $
        XADD s 7-1 f v
        a?
    """,
    "a dollar is what it was": """
        XADD s 5-0 f v
        a> XREAD BLOCK 0 STREAMS s $
        DEL s
        XADD s 3-0 f v
        XADD s 6-0 f v
        a?
        XADD s 7-0 f v
        a> XREAD BLOCK 0 STREAMS s t $ $
        DEL s
        XADD t 1-0 f v
        a?
    """,
    "several streams": """
        a> XREAD BLOCK 0 STREAMS x y z 0 0 0
        XADD y 1-1 a b
        a?
        a> XREAD BLOCK 0 STREAMS x y z $ $ $
        XADD z 1-1 a b
        a?
        XREAD BLOCK 0 STREAMS x y z 0 0 0
    """,
    "a transaction is one": """
        a> XREAD BLOCK 0 STREAMS s $
        MULTI
        XADD s 1-1 a b
        XADD s 2-1 a b
        XDEL s 1-1
        EXEC
        a?
        MULTI
        XREAD BLOCK 0 STREAMS s $
        XREAD BLOCK 10 STREAMS nothing 0
        XREAD BLOCK 0 STREAMS s 0
        EXEC
    """,
    "readers without a group do not mind": """
        a> XREAD BLOCK 0 STREAMS s 0
        SET s x
        DEL s
        RPUSH s a
        FLUSHALL
        XGROUP CREATE s g $ MKSTREAM
        XGROUP DESTROY s g
        XADD s 1-1 a b
        a?
    """,
    "feeding by other names": """
        a> XREAD BLOCK 0 STREAMS s 0
        XADD t 1-1 a b
        RENAME t s
        a?
        DEL s
        a> XREAD BLOCK 0 STREAMS s 0
        XADD t 1-1 a b
        COPY t s
        a?
        DEL s
        a> XREAD BLOCK 0 STREAMS s 0
        SELECT 1
        XADD s 1-1 a b
        SWAPDB 0 1
        a?
        SELECT 0
    """,
    "one of a group is served": """
        XGROUP CREATE s g $ MKSTREAM
        XGROUP CREATECONSUMER s g alice
        XGROUP CREATECONSUMER s g bob
        a> XREADGROUP GROUP g alice BLOCK 0 STREAMS s >
        b> XREADGROUP GROUP g bob COUNT 1 BLOCK 0 STREAMS s >
        XADD s 1-1 a 1
        a?
        a> XREADGROUP GROUP g alice BLOCK 0 STREAMS s >
        MULTI
        XADD s 2-1 a 2
        XADD s 3-1 a 3
        EXEC
        b? a?
        XPENDING s g
    """,
    "without acknowledgement": """
        XGROUP CREATE s g $ MKSTREAM
        XGROUP CREATECONSUMER s g alice
        a> XREADGROUP GROUP g alice NOACK BLOCK 0 STREAMS s >
        XADD s 1-1 a 1
        a?
        XPENDING s g
        XINFO GROUPS s
    """,
    "history does not wait": """
        XGROUP CREATE s g $ MKSTREAM
        XREADGROUP GROUP g alice BLOCK 0 STREAMS s 0
        XADD s 1-1 a 1
        XREADGROUP GROUP g alice BLOCK 0 STREAMS s >
        XREADGROUP GROUP g alice BLOCK 0 STREAMS s 0
    """,
    "the key is deleted": """
        XADD s 666 f v
        XGROUP CREATE s g $
        XGROUP CREATECONSUMER s g c
        a> XREADGROUP GROUP g c BLOCK 0 STREAMS s >
        b> XREADGROUP GROUP g c BLOCK 0 STREAMS s >
        DEL s
        a? b?
    """,
    "the key becomes something else": """
        XADD s 666 f v
        XGROUP CREATE s g $
        XGROUP CREATECONSUMER s g c
        a> XREADGROUP GROUP g c BLOCK 0 STREAMS s >
        SET s val
        a?
        DEL s
        XADD s 666 f v
        XGROUP CREATE s g $
        XGROUP CREATECONSUMER s g c
        a> XREADGROUP GROUP g c BLOCK 0 STREAMS s >
        MULTI
        DEL s
        SADD s e
        EXEC
        a?
    """,
    "the database is flushed": """
        XADD s 666 f v
        XGROUP CREATE s g $
        XGROUP CREATECONSUMER s g c
        a> XREADGROUP GROUP g c BLOCK 0 STREAMS s >
        FLUSHALL
        a?
    """,
    "the databases are swapped": """
        XADD s 666 f v
        XGROUP CREATE s g $
        XGROUP CREATECONSUMER s g c
        a> XREADGROUP GROUP g c BLOCK 0 STREAMS s >
        SWAPDB 0 4
        a?
        XADD s 666 f v
        XGROUP CREATE s g $
        XGROUP CREATECONSUMER s g c
        a> XREADGROUP GROUP g c BLOCK 0 STREAMS s >
        SELECT 3
        RPUSH s x
        SWAPDB 0 3
        a?
    """,
    "the group goes": """
        XGROUP CREATE s g $ MKSTREAM
        XGROUP CREATECONSUMER s g c
        a> XREADGROUP GROUP g c BLOCK 0 STREAMS s >
        XGROUP DESTROY s g
        a?
    """,
    "renamed over": """
        XGROUP CREATE s g $ MKSTREAM
        XGROUP CREATECONSUMER s g c
        a> XREADGROUP GROUP g c BLOCK 0 STREAMS s >
        XGROUP CREATE t g $ MKSTREAM
        XGROUP CREATECONSUMER t g c
        XADD t 100-0 f v
        RENAME t s
        a?
        a> XREADGROUP GROUP g c BLOCK 0 STREAMS s >
        XADD t 100-1 f v
        RENAME t s
        a?
    """,
    "what does not wake": """
        XADD s 1-1 a 1
        XADD s 2-1 a 2
        XGROUP CREATE s g $
        XGROUP CREATECONSUMER s g c
        XGROUP CREATECONSUMER s g d
        a> XREADGROUP GROUP g c BLOCK 0 STREAMS s >
        XDEL s 1-1
        XTRIM s MAXLEN 0
        XSETID s 5-0
        XGROUP CREATE s h 0
        XGROUP DELCONSUMER s g d
        XGROUP SETID s g 3-1
        XADD s 6-1 a 6
        a?
    """,
    "time is over": """
        XGROUP CREATE s g $ MKSTREAM
        a> XREAD BLOCK 20 STREAMS s $
        b> XREADGROUP GROUP g c BLOCK 20 STREAMS s >
        a? b?
        XADD s 1-1 a 1
    """,
    "expired": """
        XGROUP CREATE s g $ MKSTREAM
        XGROUP CREATECONSUMER s g c
        a> XREADGROUP GROUP g c BLOCK 0 STREAMS s >
        PEXPIRE s 1
        a?
    """,
}


@pytest.mark.parametrize("name", list(SCENARIOS))
def test_scenario(pair, proto, name):
    ours, theirs = play(pair.ours, proto, SCENARIOS[name]), play(pair.oracle, proto, SCENARIOS[name])
    assert len(ours) == len(theirs)
    for a, b in zip(ours, theirs):
        assert a == b


# FIFO within a group: 7.0 serves what waits longest; a served reader's new wait is behind the others in both.
@pytest.mark.cairn_only
@pytest.mark.parametrize("name", list(SCENARIOS))
def test_log_of_scenario(pair, logged, name):    # noqa: F811
    mine, theirs = logs_of(pair, logged, SCENARIOS[name])
    # 7.0 does not make a consumer that waits for the first time.
    mine = [c for c in mine if c[1][:2] != [b"XGROUP", b"CREATECONSUMER"] or c in theirs]
    assert len(mine) == len(theirs) and all(map(same, mine, theirs)), "ours:\n%s\noracle:\n%s" % (show(mine), show(theirs))


@pytest.mark.parametrize("how", [[], ["TIMEOUT"], ["ERROR"]])
@pytest.mark.parametrize("command", ["XREAD BLOCK 0 STREAMS s $", "XREADGROUP GROUP g c BLOCK 0 STREAMS s >"])
def test_unblock(pair, proto, command, how):
    replies = []
    for server in (pair.ours, pair.oracle):
        with Blocked(server, proto) as clients:
            clients.main.call("XGROUP", "CREATE", "s", "g", "$", "MKSTREAM")
            clients.ask("a", "CLIENT", "ID", waits=False)
            number = clients.read("a").value
            clients.ask("a", *command.split())
            replies.append([clients.main.call("CLIENT", "UNBLOCK", number, *how), clients.read("a"),
                            clients.main.call("CLIENT", "UNBLOCK", number, *how)])
            clients.main.call("FLUSHALL")
    assert replies[0] == replies[1]


@pytest.mark.parametrize("ms", ["1", "50", "300"])
def test_time_outs_are_exact(pair, ms):
    with Blocked(pair.ours, 2) as clients:
        start = time.monotonic()
        clients.ask("a", "XREAD", "BLOCK", ms, "STREAMS", "s", "$", waits=False)
        clients.read("a")
        took = time.monotonic() - start
        assert int(ms) / 1000 - 0.001 <= took < int(ms) / 1000 + 0.1


# 7.4: the last entry, and from there on.
@pytest.mark.cairn_only
def test_plus_waits_for_the_next_entry_of_an_empty_stream(pair, proto):
    with Blocked(pair.ours, proto) as clients:
        clients.ask("a", "XREAD", "BLOCK", "0", "STREAMS", "s", "+")
        clients.main.call("XADD", "s", "1-1", "a", "b")
        assert b"1-1" in repr(clients.read("a")).encode()
        clients.main.call("XDEL", "s", "1-1")
        clients.ask("a", "XREAD", "BLOCK", "0", "STREAMS", "s", "+")
        clients.main.call("XADD", "s", "2-1", "a", "b")
        clients.read("a")
        start = time.monotonic()
        clients.ask("a", "XREAD", "BLOCK", "10000", "STREAMS", "s", "+", waits=False)
        clients.read("a")
        assert time.monotonic() - start < 5


# 7.2: a woken command runs as if it came now. 7.0 looked at one of its keys, and answered with what was gone again.
@pytest.mark.cairn_only
def test_woken_commands_see_all_and_only_what_is_there(pair):
    with Blocked(pair.ours, 2) as clients:
        clients.ask("a", "XREAD", "BLOCK", "0", "STREAMS", "s", "s", "0", "0")
        clients.main.call("XADD", "s", "1-1", "a", "b")
        assert len(clients.read("a").value) == 2
        clients.ask("a", "XREAD", "BLOCK", "0", "STREAMS", "s", "t", "$", "$")
        for words in (["MULTI"], ["XADD", "s", "3-1", "a", "b"], ["XTRIM", "s", "MAXLEN", "0"], ["EXEC"]):
            clients.main.call(*words)
        assert clients.blocked() == 1
        for words in (["MULTI"], ["XADD", "s", "4-1", "a", "b"], ["XADD", "t", "4-1", "a", "b"], ["EXEC"]):
            clients.main.call(*words)
        assert [x.value[0].value for x in clients.read("a").value] == [b"s", b"t"]


# 7.2: whoever asks is known, also if there was nothing to give.
@pytest.mark.cairn_only
def test_who_waits_is_a_consumer(pair):
    with Blocked(pair.ours, 2) as clients:
        clients.main.call("XGROUP", "CREATE", "s", "g", "$", "MKSTREAM")
        clients.ask("a", "XREADGROUP", "GROUP", "g", "c", "BLOCK", "0", "STREAMS", "s", ">")
        reply = clients.main.call("XINFO", "CONSUMERS", "s", "g")
        assert [x.value for x in reply.value[0].value][:4] == [b"name", b"c", b"pending", 0]
        assert reply.value[0].value[-1].value == -1
        clients.main.call("XGROUP", "DELCONSUMER", "s", "g", "c")
        assert clients.main.call("XINFO", "CONSUMERS", "s", "g").value == []
        clients.main.call("XADD", "s", "1-1", "a", "b")
        clients.read("a")
        assert clients.main.call("XINFO", "CONSUMERS", "s", "g").value[0].value[3].value == 1


def test_failures_are_counted(pair):
    with Blocked(pair.ours, 2) as clients:
        clients.main.call("CONFIG", "RESETSTAT")
        clients.main.call("XGROUP", "CREATE", "s", "g", "$", "MKSTREAM")
        clients.ask("a", "XREADGROUP", "GROUP", "g", "c", "BLOCK", "0", "STREAMS", "s", ">")
        clients.main.call("DEL", "s")
        assert clients.read("a").is_error
        text = clients.main.call("INFO", "commandstats").value.decode()
        line = [x for x in text.splitlines() if x.startswith("cmdstat_xreadgroup:")][0]
        assert "calls=1," in line and line.endswith("failed_calls=1")


def test_many_waiting(pair):
    with Blocked(pair.ours, 2) as clients:
        clients.main.call("XGROUP", "CREATE", "s", "g", "$", "MKSTREAM")
        names = ["w%d" % i for i in range(100)]
        for name in names:
            clients.ask(name, "XREADGROUP", "GROUP", "g", name, "COUNT", "1", "BLOCK", "0", "STREAMS", "s", ">",
                        waits=False)
        wait_for("all blocked", lambda: clients.blocked() == 100)
        clients.main.call("MULTI")
        for i in range(1, 111):
            clients.main.call("XADD", "s", "%d-0" % i, "a", "b")
        clients.main.call("EXEC")
        for name in names:
            clients.read(name)
        assert clients.main.call("XPENDING", "s", "g").value[0].value == 100
        assert clients.main.call("XINFO", "GROUPS", "s").value[0].value[-1].value == 10
