"""Random commands on streams and groups, the same to both servers, every reply compared; the limits of nodes change
meanwhile."""
import os
import random

import pytest

from script import Mismatch, Step
from test_effects import commands

OPS = int(os.environ.get("CAIRN_WIRE_RANDOM", "2500"))

KEYS = [b"s", b"s", b"s", b"t"]
GROUPS = [b"g", b"g", b"h"]
CONSUMERS = [b"c", b"c", b"d"]


class Generator:
    def __init__(self, seed):
        self.rng = random.Random(seed)
        self.top = 1

    def key(self):
        return self.rng.choice(KEYS) if self.rng.random() < 0.98 else self.rng.choice((b"missing", b"text"))

    def group(self):
        return self.rng.choice(GROUPS) if self.rng.random() < 0.98 else b"nogroup"

    def consumer(self):
        return self.rng.choice(CONSUMERS)

    def id(self):
        shape, r = self.rng.random(), self.rng
        if shape < 0.02:
            return r.choice((b"x", b"", b"1-", b"*", b"+", b"-", b"18446744073709551615-18446744073709551615", b"0-0", b"0"))
        if shape < 0.1:
            return b"%d" % r.randrange(self.top + 3)
        low = 0 if shape < 0.3 else max(0, self.top - 30)
        return b"%d-%d" % (r.randrange(low, self.top + 2), r.randrange(4))

    def bound(self, usual):
        shape = self.rng.random()
        if shape < 0.4:
            return usual
        return (b"(" if shape < 0.55 else b"") + self.id()

    def ids(self):
        return [self.id() for _ in range(self.rng.choice((1, 1, 2, 5)))]

    def new_id(self):
        self.top += self.rng.choice((0, 0, 1, 1, 5))
        return self.rng.choice((b"%d-*" % self.top, b"%d-%d" % (self.top, self.rng.randrange(5))))

    def count(self):
        return b"%d" % self.rng.choice((0, 1, 1, 2, 3, 10, -1))

    def some(self, *words):
        return list(words) if self.rng.random() < 0.3 else []

    def pairs(self):
        r = self.rng
        names = r.choice(((b"a", b"b"), (b"a", b"b"), (b"a",), (b"12", b"a", b"c")))
        return [w for n in names for w in (n, r.choice((b"1", b"x" * r.randrange(40), b"-77", b"1234567890123", b"")))]

    def trim(self):
        r = self.rng
        strategy = r.choice(([b"MAXLEN"], [b"MAXLEN", b"="], [b"MAXLEN", b"~"]))
        if r.random() < 0.4:
            return [b"MINID", *strategy[1:], self.id(), *(self.some(b"LIMIT", b"5") if strategy[1:] == [b"~"] else [])]
        return [*strategy, b"%d" % r.randrange(20, 60), *(self.some(b"LIMIT", b"5") if strategy[1:] == [b"~"] else [])]

    def command(self):
        r, k, g, c = self.rng, self.key, self.group, self.consumer
        return r.choice([
            lambda: [b"XADD", k(), self.new_id(), *self.pairs()],
            lambda: [b"XADD", k(), self.new_id(), *self.pairs()],
            lambda: [b"XADD", k(), self.new_id(), *self.pairs()],
            lambda: [b"XADD", k(), *(self.trim() if r.random() < 0.1 else []), self.new_id(), *self.pairs()],
            lambda: [b"XDEL", k(), *self.ids()],
            lambda: [b"XTRIM", k(), *self.trim()] if r.random() < 0.1 else [b"XLEN", k()],
            lambda: [b"XRANGE", k(), self.bound(b"-"), self.bound(b"+"), *self.some(b"COUNT", self.count())],
            lambda: [b"XREVRANGE", k(), self.bound(b"+"), self.bound(b"-"), *self.some(b"COUNT", self.count())],
            lambda: [b"XREAD", *self.some(b"COUNT", self.count()), b"STREAMS", k(), k(), self.id(), b"$"],
            lambda: [b"XREADGROUP", b"GROUP", g(), c(), *self.some(b"COUNT", self.count()), *self.some(b"NOACK"),
                     b"STREAMS", k(), r.choice((b">", b">", b">", self.id()))],
            lambda: [b"XREADGROUP", b"GROUP", g(), c(), b"COUNT", b"3", b"STREAMS", k(), b">"],
            lambda: [b"XACK", k(), g(), *self.ids()],
            lambda: [b"XCLAIM", k(), g(), c(), b"0", *self.ids(), *self.some(b"FORCE"), *self.some(b"JUSTID"),
                     *self.some(b"RETRYCOUNT", b"3"), *(self.some(b"LASTID", self.id()) if r.random() < 0.2 else [])],
            lambda: [b"XAUTOCLAIM", k(), g(), c(), b"0", self.bound(b"-"), *self.some(b"COUNT", b"2"), *self.some(b"JUSTID")],
            lambda: [b"XPENDING", k(), g()],
            lambda: [b"XPENDING", k(), g(), self.bound(b"-"), self.bound(b"+"), b"20", *self.some(c())],
            lambda: [b"XINFO", b"GROUPS", k()],
            lambda: [b"XINFO", b"STREAM", k(), *self.some(b"FULL")],
            lambda: [b"XINFO", b"CONSUMERS", k(), g()],
            lambda: [b"XGROUP", b"SETID", k(), g(), r.choice((b"$", b"0", self.id())),
                     *self.some(b"ENTRIESREAD", b"%d" % r.randrange(-1, 20))] if r.random() < 0.2 else [b"PING"],
            lambda: self.rare(),
        ])()

    def rare(self):
        r, k, g = self.rng, self.key, self.group
        return r.choice([
            lambda: [b"CONFIG", b"SET", b"stream-node-max-entries", r.choice((b"3", b"10", b"100", b"0"))],
            lambda: [b"CONFIG", b"SET", b"stream-node-max-bytes", r.choice((b"60", b"300", b"4096", b"0"))],
            lambda: [b"XSETID", k(), self.id(), *self.some(b"ENTRIESADDED", b"%d" % r.randrange(5000))],
            lambda: [b"COPY", b"s", b"t", b"REPLACE"],
            lambda: [b"DEL", b"t"],
            lambda: [b"XTRIM", k(), b"MAXLEN", b"0"],
            lambda: [b"XGROUP", b"DESTROY", k(), g()],
        ])()


def prepare(key, group):
    """Groups and their consumers, if they are not there: 7.0 makes a consumer only when it gives it something."""
    yield [b"XGROUP", b"CREATE", key, group, b"0", b"MKSTREAM"]
    for consumer in sorted(set(CONSUMERS)):
        yield [b"XGROUP", b"CREATECONSUMER", key, group, consumer]


@pytest.mark.parametrize("seed", range(4))
def test_random_stream_commands(pair, proto, seed):
    generator = Generator(seed * 2 + proto)
    history = []
    with pair.compare(proto) as comparison:
        def step(command):
            line = " ".join(repr(a)[1:] for a in command)
            history.append(line)
            comparison.step(Step("command", line, args=command))
            if comparison.mismatches:
                raise Mismatch("%s\nafter:\n%s" % ("\n".join(comparison.mismatches), "\n".join(history[-25:])))
        step([b"SET", b"text", b"x"])
        for i in range(OPS):
            command = generator.command()
            if i % 10 == 0 or command[0] in (b"COPY", b"DEL", b"XGROUP"):
                for key in sorted(set(KEYS)):
                    for group in sorted(set(GROUPS)):
                        for words in prepare(key, group):
                            step(words)
            step(command)
            if command[:2] == [b"XGROUP", b"DESTROY"] or command[0] in (b"COPY", b"DEL"):
                for key in sorted(set(KEYS)):
                    for group in sorted(set(GROUPS)):
                        for words in prepare(key, group):
                            step(words)
        for key in sorted(set(KEYS)):
            step([b"XINFO", b"STREAM", key, b"FULL", b"COUNT", b"0"])
            step([b"XREVRANGE", key, b"+", b"-"])
        step([b"CONFIG", b"SET", b"stream-node-max-entries", b"100"])
        step([b"CONFIG", b"SET", b"stream-node-max-bytes", b"4096"])
        comparison.check()


def id_of(text):
    return tuple(map(int, text.split(b"-")))


@pytest.mark.cairn_only
@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("deletes", ["nothing", "the first", "any"])
def test_the_lag_is_right_or_unknown(pair, seed, deletes):
    """Where nothing went but from the front, and the group saw all from the first on, it is always known."""
    r = random.Random(seed)
    unknown = 0
    with pair.ours.conn() as conn:
        conn.call("XGROUP", "CREATE", "s", "g", "0", "MKSTREAM")
        for step in range(400):
            what = r.random()
            ids = [id_of(e.value[0].value) for e in conn.call("XRANGE", "s", "-", "+").value]
            if what < 0.4:
                conn.call("XADD", "s", "%d-*" % (1 + step // 3), "a", "b")
            elif what < 0.7:
                conn.call("XREADGROUP", "GROUP", "g", "c", "COUNT", str(r.randrange(1, 4)), "STREAMS", "s", ">")
            elif what < 0.75:
                conn.call("XTRIM", "s", "MAXLEN", str(r.randrange(30)))
            elif what < 0.85 and ids and deletes != "nothing":
                at = 0 if deletes == "the first" else r.randrange(len(ids))
                conn.call("XDEL", "s", "%d-%d" % ids[at])
            elif what < 0.87:
                conn.call("XGROUP", "DESTROY", "s", "g")
                conn.call("XGROUP", "CREATE", "s", "g", r.choice(["0", "$"]) if deletes == "any" else "0")
            group = {k.value: v.value for k, v in zip(*[iter(conn.call("XINFO", "GROUPS", "s").value[0].value)] * 2)}
            last = id_of(group[b"last-delivered-id"])
            ids = [id_of(e.value[0].value) for e in conn.call("XRANGE", "s", "-", "+").value]
            left = sum(1 for i in ids if i > last)
            assert group[b"lag"] in (None, left), (step, group, ids)
            unknown += group[b"lag"] is None
    assert unknown < (1 if deletes != "any" else 300)


def state(conn):
    """All that can be seen of the streams but what is of the moment."""
    result = [conn.call("DEBUG", "DIGEST")]
    for key in sorted(set(KEYS)):
        reply = conn.call("XINFO", "GROUPS", key)
        result.append(reply if reply.is_error else [[x.value for x in g.value] for g in reply.value])
        for group in sorted(set(GROUPS)):
            reply = conn.call("XPENDING", key, group, "-", "+", "1000")
            result.append(reply if reply.is_error else [[x.value for x in e.value[:2]] for e in reply.value])
    return result


@pytest.mark.cairn_only
@pytest.mark.parametrize("seed", range(4))
def test_the_log_makes_the_same_streams(pair, seed):
    generator = Generator(1000 + seed)
    with pair.ours.conn() as conn:
        conn.call("DEBUG", "EFFECTS", "START")
        for i in range(1500):
            words = generator.command()
            if i % 50 == 0:
                words = [b"XGROUP", b"CREATE", generator.key(), generator.group(), b"0", b"MKSTREAM"]
            if words[0] != b"CONFIG":
                conn.call(*words)
        log = commands(conn.call("DEBUG", "EFFECTS", "READ").value)
        conn.call("DEBUG", "EFFECTS", "STOP")
        before = state(conn)
        conn.call("FLUSHALL")
        for _, words in log:
            reply = conn.call(*words)
            assert not reply.is_error, (words, reply)
        assert state(conn) == before
