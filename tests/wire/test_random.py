"""Random commands over few keys, the same to both servers, every reply compared."""
import os
import random

import pytest

from script import LISTS, Mismatch, Step, split_args

OPS = int(os.environ.get("CAIRN_WIRE_RANDOM", "2500"))

KEYS = [b"a", b"b", b"c", b"d", b"", b"key with space", b"\x00\xff\r\n"]
NUMBERS = [split_args(t)[0] for t in LISTS["NUM"]]
FLOATS = [split_args(t)[0] for t in LISTS["FLOAT"]]


class Generator:
    def __init__(self, seed):
        self.rng = random.Random(seed)

    def key(self):
        return self.rng.choice(KEYS[:4] if self.rng.random() < 0.9 else KEYS)

    def value(self):
        shape = self.rng.random()
        if shape < 0.4:
            return b"%d" % self.rng.randrange(-1000, 1000)
        if shape < 0.5:
            return self.rng.choice(NUMBERS + FLOATS)
        if shape < 0.9:
            return bytes(self.rng.choice(b"abcxyz \x00\xff\r\n01") for _ in range(self.rng.randrange(60)))
        return self.rng.choice((b"x", b"ab")) * self.rng.randrange(3000)

    def number(self):
        return self.rng.choice(NUMBERS) if self.rng.random() < 0.3 else b"%d" % self.rng.randrange(-20, 100)

    def ttl(self):
        """Far enough not to expire meanwhile, and never twice the same, so that GT and LT have one answer."""
        if self.rng.random() < 0.9:
            return b"%d" % self.rng.randrange(100000, 10**8)
        return self.rng.choice((b"0", b"-1", b"abc", b"-5000"))

    def options(self, *choices):
        return [self.rng.choice(choices) for _ in range(self.rng.choice((0, 0, 1, 1, 2)))]

    def set_options(self):
        out = []
        for option in self.options("NX", "XX", "GET", "KEEPTTL", "EX", "PX"):
            out.append(option)
            if option in ("EX", "PX"):
                out.append(self.ttl())
        return out

    def command(self):
        r, k, v, n = self.rng, self.key, self.value, self.number
        return r.choice([
            lambda: ["SET", k(), v(), *self.set_options()],
            lambda: ["SET", k(), v()],
            lambda: ["GET", k()],
            lambda: ["MGET", k(), k(), k()],
            lambda: ["MSET", k(), v(), k(), v()],
            lambda: ["MSETNX", k(), v(), k(), v()],
            lambda: ["APPEND", k(), v()],
            lambda: ["STRLEN", k()],
            lambda: ["SETRANGE", k(), b"%d" % r.randrange(-2, 200), v()],
            lambda: [r.choice(("GETRANGE", "SUBSTR")), k(), n(), n()],
            lambda: [r.choice(("INCR", "DECR")), k()],
            lambda: [r.choice(("INCRBY", "DECRBY")), k(), n()],
            lambda: ["INCRBYFLOAT", k(), r.choice(FLOATS) if r.random() < 0.5 else n()],
            lambda: ["GETSET", k(), v()],
            lambda: ["GETDEL", k()],
            lambda: ["GETEX", k(), *r.choice(([], ["PERSIST"], ["EX", self.ttl()], ["PX", self.ttl()], ["BAD"]))],
            lambda: ["SETNX", k(), v()],
            lambda: ["SETEX", k(), self.ttl(), v()],
            lambda: ["PSETEX", k(), self.ttl(), v()],
            lambda: ["LCS", k(), k(), *self.options("LEN", "IDX", "WITHMATCHLEN")],
            lambda: [r.choice(("DEL", "UNLINK", "EXISTS", "TOUCH")), k(), k()],
            lambda: ["TYPE", k()],
            lambda: ["OBJECT", "ENCODING", k()],
            lambda: [r.choice(("EXPIRE", "PEXPIRE")), k(), self.ttl(), *self.options("NX", "XX", "GT", "LT")],
            lambda: [r.choice(("TTL", "PTTL", "EXPIRETIME", "PEXPIRETIME")), k()],
            lambda: ["PERSIST", k()],
            lambda: [r.choice(("RENAME", "RENAMENX")), k(), k()],
            lambda: ["COPY", k(), k(), *r.choice(([], ["REPLACE"], ["DB", b"%d" % r.randrange(4)]))],
            lambda: ["MOVE", k(), b"%d" % r.randrange(3)],
            lambda: ["SELECT", b"%d" % r.choice((0, 0, 0, 1, 2))],
            lambda: ["DBSIZE"],
            lambda: ["KEYS", r.choice((b"*", b"?", b"[a-c]", b"*e*", b"[^a]"))],
            lambda: ["SWAPDB", b"0", b"%d" % r.randrange(3)] if r.random() < 0.3 else ["PING"],
            lambda: ["FLUSHDB"] if r.random() < 0.1 else ["DBSIZE"],
            lambda: [r.choice(("MULTI", "EXEC", "EXEC", "DISCARD"))],
            lambda: ["WATCH", k()],
            lambda: ["UNWATCH"],
            lambda: ["NOSUCH", k()] if r.random() < 0.1 else ["ECHO", v()],
            lambda: r.choice((["GET"], ["SET", k()], ["MSET", k()], ["INCRBY", k()])) if r.random() < 0.2 else ["GET", k()],
        ])()


@pytest.mark.parametrize("seed", range(4))
def test_random_commands(pair, proto, seed):
    generator = Generator(seed * 2 + proto)
    history, queueing = [], set()
    with pair.compare(proto) as comparison:
        for _ in range(OPS):
            conn = generator.rng.choice("aaab")
            command = [a if isinstance(a, bytes) else a.encode() for a in generator.command()]
            name = command[0].upper()
            if name == b"KEYS" and conn in queueing:
                continue        # the order of its elements inside EXEC's reply is nobody's promise
            if name == b"MULTI":
                queueing.add(conn)
            elif name in (b"EXEC", b"DISCARD"):
                queueing.discard(conn)
            line = conn + ": " + " ".join(repr(a)[1:] for a in command)
            history = history[-25:] + [line]
            comparison.step(Step("command", line, conn=conn, args=command, unordered=name == b"KEYS",
                                 tolerance=1500 if b"TTL" in name or b"TIME" in name or name == b"EXEC" else 0))
            if comparison.mismatches:
                raise Mismatch("%s\nafter:\n%s" % ("\n".join(comparison.mismatches), "\n".join(history)))
        comparison.step(Step("command", "EXEC", args=[b"EXEC"], tolerance=1500))
        comparison.step(Step("command", "b: EXEC", conn="b", args=[b"EXEC"], tolerance=1500))
        for db in (b"0", b"1", b"2", b"3"):
            comparison.step(Step("command", "SELECT", args=[b"SELECT", db]))
            comparison.step(Step("command", "KEYS", args=[b"KEYS", b"*"], unordered=True))
            comparison.step(Step("command", "MGET", args=[b"MGET"] + KEYS))
        comparison.check()
