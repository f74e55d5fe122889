"""Random commands on sorted sets, the same to both servers, every reply compared; limits of the small form change
meanwhile."""
import os
import random

import pytest

from script import LISTS, Mismatch, Step, split_args

OPS = int(os.environ.get("CAIRN_WIRE_RANDOM", "2500"))

SCORES = [split_args(t)[0] for t in LISTS["FLOAT"]]
KEYS = [b"a", b"b", b"c"]
LONG = b"a member of more than the sixty-four bytes that a small sorted set may have in it: "


class Generator:
    def __init__(self, seed):
        self.rng = random.Random(seed)

    def key(self):
        return self.rng.choice(KEYS) if self.rng.random() < 0.97 else self.rng.choice((b"missing", b"text"))

    def member(self):
        shape, n = self.rng.random(), self.rng.randrange(60)
        if shape < 0.01:
            return LONG + b"%d" % n
        if shape < 0.3:
            return b"%d" % (n - 20)
        if shape < 0.4:
            return self.rng.choice((b"", b"+1", b"007", b"-0", b"1.0", b"\xff", b"\x00", b"a\r\n"))
        return b"m%d" % n

    def score(self):
        shape = self.rng.random()
        if shape < 0.05:
            return self.rng.choice(SCORES)
        if shape < 0.6:
            return b"%d" % self.rng.randrange(10)
        return repr(self.rng.uniform(-10, 10)).encode()

    def bound(self):
        shape = self.rng.random()
        if shape < 0.15:
            return self.rng.choice((b"-inf", b"+inf", b"inf"))
        return (b"(" if shape < 0.4 else b"") + self.score()

    def lex(self):
        shape = self.rng.random()
        if shape < 0.2:
            return self.rng.choice((b"-", b"+", b"x"))
        return (b"[" if shape < 0.6 else b"(") + self.member()

    def rank(self):
        return b"%d" % self.rng.randrange(-30, 40)

    def limit(self):
        if self.rng.random() < 0.5:
            return []
        return ["LIMIT", b"%d" % self.rng.randrange(-1, 20), b"%d" % self.rng.randrange(-2, 10)]

    def some(self, *words):
        return [w for w in words if self.rng.random() < 0.3]

    def pairs(self):
        return [x for _ in range(self.rng.choice((1, 1, 2, 5))) for x in (self.score(), self.member())]

    def range(self, store=False):
        by = self.rng.choice(([], [], ["BYSCORE"], ["BYSCORE"], ["BYLEX"]))
        bound = self.bound if by == ["BYSCORE"] else self.lex if by else self.rank
        limit = self.limit() if by or self.rng.random() < 0.1 else []
        scores = [] if store or (by == ["BYLEX"] and self.rng.random() < 0.95) else self.some("WITHSCORES")
        return [bound(), bound(), *by, *self.some("REV"), *limit, *scores]

    def command(self):
        r, k, m = self.rng, self.key, self.member
        return r.choice([
            lambda: ["ZADD", k(), *self.some("NX", "XX", "CH"), *self.pairs()],
            lambda: ["ZADD", k(), *self.some("GT", "LT", "CH"), *self.pairs()],
            lambda: ["ZADD", k(), *self.pairs()],
            lambda: ["ZADD", k(), "INCR", *self.some("GT", "LT", "NX", "XX"), self.score(), m()],
            lambda: ["ZINCRBY", k(), self.score(), m()],
            lambda: ["ZREM", k(), m(), m(), m()],
            lambda: [r.choice(("ZCARD", "TYPE")), k()],
            lambda: ["ZSCORE", k(), m()],
            lambda: ["ZMSCORE", k(), m(), m(), m()],
            lambda: [r.choice(("ZRANK", "ZREVRANK")), k(), m()],
            lambda: ["ZCOUNT", k(), self.bound(), self.bound()],
            lambda: ["ZRANGE", k(), *self.range()],
            lambda: ["ZRANGE", k(), "0", "-1", "WITHSCORES"],
            lambda: ["ZREVRANGE", k(), self.rank(), self.rank(), *self.some("WITHSCORES")],
            lambda: [r.choice(("ZRANGEBYSCORE", "ZREVRANGEBYSCORE")), k(), self.bound(), self.bound(),
                     *self.some("WITHSCORES"), *self.limit()],
            lambda: ["ZRANGESTORE", r.choice(KEYS), k(), *self.range(True)],
            lambda: ["ZREMRANGEBYRANK", k(), b"%d" % r.randrange(50), b"%d" % r.randrange(40)],
            lambda: ["ZREMRANGEBYSCORE", k(), self.bound(), self.bound()] if r.random() < 0.3 else ["PING"],
            lambda: ["OBJECT", "ENCODING", k()],
            lambda: ["COPY", k(), r.choice(KEYS), "REPLACE"] if r.random() < 0.3 else ["PING"],
            lambda: ["DEL", k()] if r.random() < 0.2 else ["PING"],
            lambda: ["CONFIG", "SET", "zset-max-listpack-entries", r.choice(("0", "5", "128", "128"))],
            lambda: ["SET", "text", "x"],
        ])()


def without_lex(command):
    """By member only where all scores are equal, for else the answer is nobody's promise."""
    return b"BYLEX" not in command


@pytest.mark.parametrize("seed", range(3))
def test_random_zset_commands(pair, proto, seed):
    generator = Generator(seed * 2 + proto)
    history = []
    with pair.compare(proto) as comparison:
        for _ in range(OPS):
            command = [a if isinstance(a, bytes) else a.encode() for a in generator.command()]
            if not without_lex(command):
                continue
            line = " ".join(repr(a)[1:] for a in command)
            history = history[-25:] + [line]
            comparison.step(Step("command", line, args=command))
            if comparison.mismatches:
                raise Mismatch("%s\nafter:\n%s" % ("\n".join(comparison.mismatches), "\n".join(history)))
        for key in KEYS:
            comparison.step(Step("command", "ZRANGE", args=[b"ZRANGE", key, b"0", b"-1", b"WITHSCORES"]))
        comparison.step(Step("command", "CONFIG", args=[b"CONFIG", b"SET", b"zset-max-listpack-entries", b"128"]))
        comparison.check()


@pytest.mark.parametrize("seed", range(2))
def test_random_members_of_one_score(pair, proto, seed):
    generator = Generator(100 + seed * 2 + proto)
    r = generator.rng
    with pair.compare(proto) as comparison:
        for _ in range(OPS // 2):
            command = r.choice([
                lambda: ["ZADD", "z", "0", generator.member(), "0", generator.member()],
                lambda: ["ZREM", "z", generator.member()],
                lambda: ["ZLEXCOUNT", "z", generator.lex(), generator.lex()],
                lambda: ["ZRANGE", "z", generator.lex(), generator.lex(), "BYLEX", *generator.some("REV"),
                         *generator.limit()],
                lambda: [r.choice(("ZRANGEBYLEX", "ZREVRANGEBYLEX")), "z", generator.lex(), generator.lex(),
                         *generator.limit()],
                lambda: ["ZREMRANGEBYLEX", "z", generator.lex(), generator.lex()] if r.random() < 0.2 else ["PING"],
                lambda: ["ZRANGESTORE", "y", "z", generator.lex(), generator.lex(), "BYLEX", *generator.limit()],
                lambda: ["ZRANGE", "y", "0", "-1"],
            ])()
            command = [a if isinstance(a, bytes) else a.encode() for a in command]
            comparison.step(Step("command", " ".join(repr(a)[1:] for a in command), args=command))
            comparison.check()
