"""Random commands on lists, the same to both servers, every reply compared; node sizes and compression change
meanwhile."""
import os
import random

import pytest

from script import LISTS, Mismatch, Step, split_args

OPS = int(os.environ.get("CAIRN_WIRE_RANDOM", "2500"))

KEYS = [b"a", b"b", b"c"]
NUMBERS = [split_args(t)[0] for t in LISTS["NUM"]]


class Generator:
    def __init__(self, seed):
        self.rng = random.Random(seed)

    def key(self):
        return self.rng.choice(KEYS) if self.rng.random() < 0.97 else self.rng.choice((b"missing", b"text"))

    def element(self):
        shape, n = self.rng.random(), self.rng.randrange(40)
        if shape < 0.02:
            return b"%d" % n * self.rng.choice((50, 1000, 4096, 5000, 9000))
        if shape < 0.3:
            return b"%d" % (n - 20)
        if shape < 0.4:
            return self.rng.choice((b"", b"+1", b"007", b"-0", b"1.0", b"\xff", b"\x00", b"a\r\n"))
        return b"element %d" % n

    def elements(self):
        return [self.element() for _ in range(self.rng.choice((1, 1, 1, 2, 5, 20)))]

    def index(self):
        if self.rng.random() < 0.02:
            return self.rng.choice(NUMBERS)
        return b"%d" % (self.rng.randrange(-30, 40) * self.rng.choice((1, 1, 5)))

    def end(self):
        return self.rng.choice(("LEFT", "RIGHT"))

    def some(self, *pairs):
        return [w for p in pairs if self.rng.random() < 0.4 for w in p]

    def command(self):
        r, k, e, i = self.rng, self.key, self.element, self.index
        return r.choice([
            lambda: [r.choice(("LPUSH", "RPUSH")), k(), *self.elements()],
            lambda: [r.choice(("LPUSH", "RPUSH")), k(), *self.elements()],
            lambda: [r.choice(("LPUSHX", "RPUSHX")), k(), *self.elements()],
            lambda: [r.choice(("LPOP", "RPOP")), k()],
            lambda: [r.choice(("LPOP", "RPOP")), k(), b"%d" % r.choice((0, 1, 2, 5, 30))],
            lambda: ["LLEN", k()],
            lambda: ["LINDEX", k(), i()],
            lambda: ["LRANGE", k(), i(), i()],
            lambda: ["LRANGE", k(), "0", "-1"],
            lambda: ["LINSERT", k(), r.choice(("BEFORE", "AFTER")), e(), e()],
            lambda: ["LSET", k(), i(), e()],
            lambda: ["LSET", k(), i(), e()],
            lambda: ["LREM", k(), r.choice((b"0", b"1", b"-1", b"3", b"-3")), e()],
            lambda: ["LTRIM", k(), b"%d" % r.randrange(10), b"%d" % r.randrange(-10, 0)],
            lambda: ["LTRIM", k(), i(), i()] if r.random() < 0.1 else ["PING"],
            lambda: ["LPOS", k(), e(), *self.some(("RANK", b"%d" % r.randrange(-3, 4)),
                                                  ("COUNT", b"%d" % r.randrange(3)),
                                                  ("MAXLEN", b"%d" % r.randrange(30)))],
            lambda: ["LMOVE", k(), k(), self.end(), self.end()],
            lambda: ["RPOPLPUSH", k(), k()],
            lambda: ["LMPOP", "2", k(), k(), self.end(), *self.some(("COUNT", b"%d" % r.randrange(1, 9)))],
            lambda: r.choice((["BLMPOP", "0.001", "1", r.choice(KEYS), self.end()],
                              [r.choice(("BLPOP", "BRPOP")), k(), k(), "0.001"],
                              ["BLMOVE", k(), k(), self.end(), self.end(), "0.001"])) if r.random() < 0.3 else ["PING"],
            lambda: ["COPY", k(), r.choice(KEYS), "REPLACE"] if r.random() < 0.3 else ["PING"],
            lambda: ["DEL", k()] if r.random() < 0.1 else ["PING"],
            lambda: ["CONFIG", "SET", "list-max-listpack-size", r.choice(("-2", "-2", "-1", "3", "16", "128"))],
            lambda: ["CONFIG", "SET", "list-compress-depth", r.choice(("0", "1", "3"))],
            lambda: ["SET", "text", "x"],
        ])()


@pytest.mark.parametrize("seed", range(4))
def test_random_list_commands(pair, proto, seed):
    generator = Generator(seed * 2 + proto)
    history = []
    with pair.compare(proto) as comparison:
        for _ in range(OPS):
            command = [a if isinstance(a, bytes) else a.encode() for a in generator.command()]
            line = " ".join(repr(a)[1:60] for a in command)
            history = history[-25:] + [line]
            comparison.step(Step("command", line, args=command))
            if comparison.mismatches:
                raise Mismatch("%s\nafter:\n%s" % ("\n".join(comparison.mismatches), "\n".join(history)))
        for key in KEYS:
            comparison.step(Step("command", "LRANGE", args=[b"LRANGE", key, b"0", b"-1"]))
        comparison.step(Step("command", "CONFIG", args=[b"CONFIG", b"SET", b"list-max-listpack-size", b"-2",
                                                        b"list-compress-depth", b"0"]))
        comparison.check()
