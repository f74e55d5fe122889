"""Waiting for lists: who is served, in which order, with what, and what the log gets."""
import glob
import os
import time

import pytest

from harness import wait_for
from test_effects import commands, logged, same, show    # noqa: F401 (a fixture)



class Blocked:
    """Several connections to one server; `ask` sends without waiting, `read` takes the reply."""

    def __init__(self, server, proto):
        self.server, self.proto, self.conns = server, proto, {}
        self.main = server.conn(proto)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for conn in (self.main, *self.conns.values()):
            conn.close()

    def blocked(self):
        text = self.main.call("INFO", "clients").value.decode()
        return int(text.split("blocked_clients:")[1].split("\r\n")[0])

    def ask(self, name, *words, waits=True):
        if name not in self.conns:
            self.conns[name] = self.server.conn(self.proto)
        before = self.blocked()
        self.conns[name].send(*words)
        if waits:
            wait_for("a blocked client", lambda: self.blocked() == before + 1)

    def read(self, name):
        return self.conns[name].read()


# Each scenario: lines `name> command` that wait, `command` on the main connection, `name?` reads. The replies of both
# servers are compared.
SCENARIOS = {
    "first come first served": """
        a> BLPOP l 0
        b> BRPOP l 0
        c> BLPOP l 0
        RPUSH l 1 2
        a? b?
        RPUSH l 3 4
        c?
        LRANGE l 0 -1
    """,
    "several keys": """
        a> BLPOP x y z 0
        b> BRPOP z y 0
        RPUSH z 1
        a?
        RPUSH y 2
        b?
        KEYS *
    """,
    "the same key twice": """
        a> BLPOP l l m l 0
        RPUSH l 1 2
        a?
        a> BLPOP n n 0.02
        a?
        LLEN l
    """,
    "order of the keys of a transaction": """
        a> BLPOP x y 0
        MULTI
        RPUSH y 1
        RPUSH x 2
        EXEC
        a?
        LRANGE x 0 -1
        LRANGE y 0 -1
    """,
    "a transaction is one": """
        a> BLPOP l 0
        MULTI
        RPUSH l 1
        RPUSH l 2
        LPUSH l 0
        EXEC
        a?
        LRANGE l 0 -1
        a> BLPOP m 0
        MULTI
        RPUSH m 1
        DEL m
        EXEC
        RPUSH m 2
        a?
    """,
    "other types do not wake": """
        a> BLPOP l 0
        SET l x
        DEL l
        SADD l a
        DEL l
        ZADD l 1 a
        RENAME l m
        SET l x
        SETEX l 100 y
        DEL l
        RPUSH l 1
        a?
    """,
    "replaced in a transaction": """
        a> BLPOP l 0
        MULTI
        RPUSH l 1
        DEL l
        SET l x
        EXEC
        DEL l
        RPUSH l 2
        a?
    """,
    "rename, copy, move, restore feed": """
        a> BLPOP l 0
        RPUSH m 1
        RENAME m l
        a?
        a> BLPOP l 0
        RPUSH m 1 2
        COPY m l
        a?
        a> BLPOP k 0
        SELECT 1
        RPUSH k 5
        MOVE k 0
        a?
        SELECT 0
        a> BLPOP s 0
        SELECT 1
        RPUSH s 7
        SWAPDB 0 1
        a?
        SWAPDB 0 1
        SELECT 0
    """,
    "linsert and friends": """
        a> BLMPOP 0 2 x l LEFT COUNT 2
        LINSERT l BEFORE a b
        LPUSHX l a
        LPUSH l a b c d
        a?
        LRANGE l 0 -1
        DEL l
        a> BLMPOP 0 2 x l RIGHT
        b> BLMPOP 0 1 x LEFT COUNT 10
        RPUSH x 1 2 3
        a? b?
    """,
    "moves": """
        a> BLMOVE l m LEFT RIGHT 0
        b> BRPOPLPUSH l m 0
        RPUSH l 1 2
        a? b?
        LRANGE m 0 -1
        a> BLMOVE l l LEFT RIGHT 0
        RPUSH l 1
        a?
        LRANGE l 0 -1
    """,
    "a chain of moves": """
        a> BLMOVE l1 l2 LEFT RIGHT 0
        b> BLMOVE l2 l3 LEFT RIGHT 0
        c> BLPOP l3 0
        RPUSH l1 x
        a? b? c?
        KEYS *
    """,
    "circles": """
        a> BRPOPLPUSH one two 0
        b> BRPOPLPUSH two one 0
        RPUSH one x
        a? b?
        LRANGE one 0 -1
        LRANGE two 0 -1
        a> BLMOVE self self LEFT RIGHT 0
        RPUSH self 1 2 3
        a?
        LRANGE self 0 -1
    """,
    "a destination of another type": """
        SET d x
        a> BLMOVE l d LEFT LEFT 0
        b> BLPOP l 0
        RPUSH l 1
        a? b?
        a> BRPOPLPUSH l d 0
        RPUSH l 1
        a?
        LRANGE l 0 -1
    """,
    "time is over": """
        a> BLPOP l 0.02
        b> BRPOP l 0.02
        c> BLMPOP 0.02 1 l LEFT
        a? b? c?
        a> BLMOVE l m LEFT LEFT 0.02
        b> BRPOPLPUSH l m 0.02
        a? b?
        RPUSH l 1
        LLEN l
    """,
    "a served client's push feeds the next": """
        a> BLPOP l 0
        b> BLMOVE l m LEFT LEFT 0
        c> BLMPOP 0 2 n m LEFT COUNT 5
        RPUSH l 1 2 3
        a? b? c?
        LRANGE l 0 -1
    """,
    "numbers and large ones": """
        a> BLPOP l 0
        b> BLMOVE l m LEFT LEFT 0
        c> BLMPOP 0 1 l LEFT COUNT 2
        RPUSH l 12 %s 007 %s
        a? b? c?
        LRANGE m 0 -1
    """ % ("x" * 20000, "y" * 9000),
}


def play(server, proto, text):
    replies = []
    with Blocked(server, proto) as clients:
        for line in filter(None, map(str.strip, text.splitlines())):
            if line.endswith("?"):
                replies += [(name, clients.read(name[0])) for name in line.split()]
            elif line[1] == ">":
                clients.ask(line[0], *line[3:].split())
            else:
                reply = clients.main.call(*line.split())
                replies.append((line[:60], sorted(map(repr, reply.value)) if line == "KEYS *" else reply))
    return replies


def logs_of(pair, logged, text):
    """What a scenario leaves in our log and in the append-only file of `logged`, as commands."""
    path = glob.glob(os.path.join(logged.directory, "appendonlydir", "*.incr.aof"))[0]
    with logged.conn() as oracle:
        oracle.call("FLUSHALL")
        oracle.call("SELECT", "9")
        oracle.call("SET", "mark", "1")
    begin = os.path.getsize(path)
    play(logged, 2, text)
    with open(path, "rb") as f:
        f.seek(begin)
        theirs = commands(f.read())
    with pair.ours.conn() as ours:
        try:
            ours.call("DEBUG", "EFFECTS", "START")
            play(pair.ours, 2, text)
            mine = commands(ours.call("DEBUG", "EFFECTS", "READ").value)
        finally:
            ours.call("DEBUG", "EFFECTS", "STOP")
    return mine, theirs


@pytest.mark.parametrize("name", list(SCENARIOS))
def test_scenario(pair, proto, name):
    ours, theirs = play(pair.ours, proto, SCENARIOS[name]), play(pair.oracle, proto, SCENARIOS[name])
    for a, b in zip(ours, theirs):
        assert a == b


@pytest.mark.cairn_only
@pytest.mark.parametrize("name", list(SCENARIOS))
def test_log_of_scenario(pair, logged, name):    # noqa: F811
    mine, theirs = logs_of(pair, logged, SCENARIOS[name])
    # 7.0 writes the ends of a move that waited in small letters, 7.2 as the client did.
    mine, theirs = ([(db, [w.upper() for w in words]) for db, words in log] for log in (mine, theirs))
    assert len(mine) == len(theirs) and all(map(same, mine, theirs)), "ours:\n%s\noracle:\n%s" % (show(mine), show(theirs))


@pytest.mark.parametrize("how", [[], ["TIMEOUT"], ["ERROR"]])
@pytest.mark.parametrize("command", ["BLPOP l 0", "BRPOP l m 0", "BLMPOP 0 1 l LEFT", "BLMOVE l m LEFT LEFT 0",
                                     "BRPOPLPUSH l m 0"])
def test_unblock(pair, proto, command, how):
    replies = []
    for server in (pair.ours, pair.oracle):
        with Blocked(server, proto) as clients:
            clients.ask("a", "CLIENT", "ID", waits=False)
            number = clients.read("a").value
            clients.ask("a", *command.split())
            replies.append([clients.main.call("CLIENT", "UNBLOCK", number, *how), clients.read("a"),
                            clients.main.call("CLIENT", "UNBLOCK", number, *how)])
            clients.main.call("RPUSH", "l", "1")
            assert clients.main.call("LLEN", "l").value == 1
            clients.main.call("FLUSHALL")
    assert replies[0] == replies[1]


@pytest.mark.parametrize("seconds", ["0.001", "0.05", "0.3"])
def test_time_outs_are_exact(pair, seconds):
    with Blocked(pair.ours, 2) as clients:
        start = time.monotonic()
        clients.ask("a", "BLPOP", "l", seconds, waits=False)
        clients.read("a")
        took = time.monotonic() - start
        assert float(seconds) - 0.001 <= took < float(seconds) + 0.1


def test_closed_clients_take_nothing(pair):
    with Blocked(pair.ours, 2) as clients:
        clients.ask("a", "BLPOP", "l", "0")
        clients.ask("b", "BLPOP", "l", "0")
        clients.conns.pop("a").close()
        wait_for("one blocked client", lambda: clients.blocked() == 1)
        clients.main.call("RPUSH", "l", "x")
        assert clients.read("b").value[1].value == b"x"
        assert clients.main.call("EXISTS", "l").value == 0


def test_what_is_behind_the_wait_runs_after_it(pair, proto):
    replies = []
    for server in (pair.ours, pair.oracle):
        with Blocked(server, proto) as clients:
            clients.ask("a", "BLPOP", "l", "0")
            clients.conns["a"].send("RPUSH", "l", "own")
            clients.conns["a"].send("LRANGE", "l", "0", "-1")
            clients.main.call("RPUSH", "l", "first", "second")
            replies.append([clients.read("a") for _ in range(3)])
    assert replies[0] == replies[1]


def test_many_waiting(pair):
    with Blocked(pair.ours, 2) as clients:
        names = ["w%d" % i for i in range(100)]
        for name in names:
            clients.ask(name, "BLPOP", "l", "m", "0", waits=False)
        wait_for("all blocked", lambda: clients.blocked() == 100)
        clients.main.call("RPUSH", "l", *range(60))
        clients.main.call("RPUSH", "m", *range(60, 110))
        got = sorted(int(clients.read(name).value[1].value) for name in names)
        assert got == list(range(100))
        assert clients.main.call("LLEN", "m").value == 10
