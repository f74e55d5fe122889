"""Waiting for sorted sets: who is served, in which order, with what, and what the log gets."""
import time

import pytest

from harness import wait_for
from test_effects import logged, same, show    # noqa: F401 (a fixture)
from test_list_blocking import Blocked, logs_of, play

# The language is that of test_list_blocking.
SCENARIOS = {
    "first come first served": """
        a> BZPOPMIN z 0
        b> BZPOPMAX z 0
        c> BZPOPMIN z 0
        ZADD z 1 one 2 two
        a? b?
        ZADD z 3 three 4 four
        c?
        ZRANGE z 0 -1 WITHSCORES
    """,
    "several keys": """
        a> BZPOPMIN x y z 0
        b> BZPOPMAX z y 0
        ZADD z 1 one
        a?
        ZADD y 2 two
        b?
        KEYS *
    """,
    "the same key twice": """
        a> BZPOPMIN z z y z 0
        ZADD z 1 one 2 two
        a?
        a> BZPOPMAX n n 0.02
        a?
        ZCARD z
    """,
    "several at once": """
        a> BZMPOP 0 2 x z MIN COUNT 2
        b> BZMPOP 0 1 z MAX COUNT 10
        c> BZMPOP 0 1 z MAX
        ZADD z 1 a 2 b 3 c 4 d
        a? b?
        ZADD z 5 e 6 f
        c?
        ZRANGE z 0 -1
    """,
    "order of the keys of a transaction": """
        a> BZPOPMIN x y 0
        MULTI
        ZADD y 1 one
        ZADD x 2 two
        EXEC
        a?
        ZRANGE x 0 -1
        ZRANGE y 0 -1
    """,
    "a transaction is one": """
        a> BZPOPMIN z 0
        MULTI
        ZADD z 5 five
        ZADD z 1 one
        ZINCRBY z -10 five
        EXEC
        a?
        ZRANGE z 0 -1 WITHSCORES
        a> BZPOPMIN y 0
        MULTI
        ZADD y 1 one
        DEL y
        EXEC
        ZADD y 2 two
        a?
    """,
    "every command that makes one": """
        a> BZPOPMIN z 0
        ZINCRBY z 5 m
        a?
        a> BZPOPMIN z 0
        GEOADD z 13 38 Palermo
        a?
        ZADD src 1 a 2 b
        a> BZPOPMIN z 0
        ZUNIONSTORE z 1 src
        a?
        DEL z
        a> BZPOPMIN z 0
        ZINTERSTORE z 2 src src
        a?
        DEL z
        a> BZPOPMIN z 0
        ZDIFFSTORE z 2 src none
        a?
        DEL z
        a> BZPOPMIN z 0
        ZRANGESTORE z src 0 -1
        a?
        DEL z
        a> BZPOPMIN z 0
        GEOSEARCHSTORE z src FROMLONLAT -179.99 -85.05 BYRADIUS 100 km
        a?
        DEL z
        a> BZPOPMIN z 0
        RENAME src z
        a?
        COPY z copied
        a> BZPOPMIN z2 0
        COPY z z2
        a?
        a> BZPOPMIN k 0
        SELECT 1
        ZADD k 5 five
        MOVE k 0
        a?
        SELECT 0
    """,
    "other types do not wake": """
        a> BZPOPMIN z 0
        SET z x
        DEL z
        SADD z a
        DEL z
        RPUSH z 1
        RENAME z l
        SADD s a b
        SUNIONSTORE z s
        DEL z
        ZADD z 1 a
        a?
    """,
    "a set and a list under one name": """
        a> BZPOPMIN k 0
        b> BLPOP k 0
        RPUSH k 1
        b?
        ZADD k 1 a
        a?
    """,
    "replaced in a transaction": """
        a> BZMPOP 0 1 z MIN
        MULTI
        ZADD z 1 a
        DEL z
        SET z x
        EXEC
        DEL z
        ZADD z 2 b
        a?
    """,
    "time is over": """
        a> BZPOPMIN z 0.02
        b> BZPOPMAX z 0.02
        c> BZMPOP 0.02 1 z MIN
        a? b? c?
        ZADD z 1 a
        ZCARD z
    """,
    "at once": """
        ZADD z 1 a 2 b 3 c 4 d 5 e 6 f
        BZPOPMIN none z 0
        BZPOPMAX z none 0
        BZMPOP 0 2 none z MAX COUNT 2
        BZMPOP 0 2 none z MIN
        BZMPOP 0 1 z MIN COUNT 100
        EXISTS z
    """,
    "within a transaction": """
        MULTI
        BZPOPMIN z 0
        BZPOPMAX z 0
        BZMPOP 0 1 z MIN
        ZADD z 1 a 2 b 3 c
        BZPOPMIN z 0
        BZMPOP 0 1 z MAX
        BZPOPMAX z 0
        BZPOPMAX z 0
        EXEC
        EXISTS z
    """,
    "members that are numbers": """
        a> BZPOPMIN z 0
        b> BZMPOP 0 1 z MAX COUNT 2
        ZADD z 1.5 12 inf 007 -inf +1
        a? b?
        EXISTS z
    """,
}


@pytest.mark.parametrize("name", list(SCENARIOS))
def test_scenario(pair, proto, name):
    ours, theirs = play(pair.ours, proto, SCENARIOS[name]), play(pair.oracle, proto, SCENARIOS[name])
    for a, b in zip(ours, theirs):
        assert a == b


@pytest.mark.cairn_only
@pytest.mark.parametrize("name", list(SCENARIOS))
def test_log_of_scenario(pair, logged, name):    # noqa: F811
    mine, theirs = logs_of(pair, logged, SCENARIOS[name])
    assert len(mine) == len(theirs) and all(map(same, mine, theirs)), "ours:\n%s\noracle:\n%s" % (show(mine), show(theirs))


@pytest.mark.parametrize("how", [[], ["TIMEOUT"], ["ERROR"]])
@pytest.mark.parametrize("command", ["BZPOPMIN z 0", "BZPOPMAX z y 0", "BZMPOP 0 1 z MIN COUNT 2"])
def test_unblock(pair, proto, command, how):
    replies = []
    for server in (pair.ours, pair.oracle):
        with Blocked(server, proto) as clients:
            clients.ask("a", "CLIENT", "ID", waits=False)
            number = clients.read("a").value
            clients.ask("a", *command.split())
            replies.append([clients.main.call("CLIENT", "UNBLOCK", number, *how), clients.read("a"),
                            clients.main.call("CLIENT", "UNBLOCK", number, *how)])
            clients.main.call("ZADD", "z", "1", "a")
            assert clients.main.call("ZCARD", "z").value == 1
            clients.main.call("FLUSHALL")
    assert replies[0] == replies[1]


@pytest.mark.parametrize("command", ["BZPOPMIN z {}", "BZMPOP {} 1 z MAX"])
@pytest.mark.parametrize("seconds", ["0.001", "0.05", "0.3"])
def test_time_outs_are_exact(pair, command, seconds):
    with Blocked(pair.ours, 2) as clients:
        start = time.monotonic()
        clients.ask("a", *command.format(seconds).split(), waits=False)
        clients.read("a")
        took = time.monotonic() - start
        assert float(seconds) - 0.001 <= took < float(seconds) + 0.1


def test_closed_clients_take_nothing(pair):
    with Blocked(pair.ours, 2) as clients:
        clients.ask("a", "BZPOPMIN", "z", "0")
        clients.ask("b", "BZPOPMIN", "z", "0")
        clients.conns.pop("a").close()
        wait_for("one blocked client", lambda: clients.blocked() == 1)
        clients.main.call("ZADD", "z", "1", "x")
        assert clients.read("b").value[1].value == b"x"
        assert clients.main.call("EXISTS", "z").value == 0


def test_many_waiting(pair):
    with Blocked(pair.ours, 2) as clients:
        names = ["w%d" % i for i in range(100)]
        for name in names:
            clients.ask(name, "BZPOPMIN", "z", "y", "0", waits=False)
        wait_for("all blocked", lambda: clients.blocked() == 100)
        clients.main.call("ZADD", "z", *[x for i in range(60) for x in (i, "m%d" % i)])
        clients.main.call("ZADD", "y", *[x for i in range(60, 110) for x in (i, "m%d" % i)])
        got = sorted(int(clients.read(name).value[2].value) for name in names)
        assert got == list(range(100))
        assert clients.main.call("ZCARD", "y").value == 10
