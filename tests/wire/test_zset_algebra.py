"""Unions, intersections and differences of sorted sets: arguments, scores, forms; random ones, the same to both servers."""
import os
import random

import pytest

from script import Mismatch, Step

SCRIPTS = r"""
# algebra
before: DEL d
before: ZADD z1 1 a 2 b 3 c 3 17
before: ZADD z2 10 b 20 c 30 d
before: SADD s1 a b x
before: SADD s2 1 17 33
before: SET str v
after: ZRANGE d 0 -1 WITHSCORES
{ZUNION|ZINTER|ZDIFF} 1 {z1|s1|missing|str} {|WITHSCORES}
{ZUNION|ZINTER|ZDIFF} 2 {z1|s1|missing} {z1|z2|s1|s2|missing|str} {|WITHSCORES}
{ZUNION|ZINTER|ZDIFF} 3 z1 z2 {z1|z2|s1|s2|missing} WITHSCORES
{ZUNIONSTORE|ZINTERSTORE|ZDIFFSTORE} d 1 {z1|s1|missing|str}
{ZUNIONSTORE|ZINTERSTORE|ZDIFFSTORE} d 2 {z1|s1|missing} {z1|z2|s1|s2|missing|str}
{ZUNIONSTORE|ZINTERSTORE|ZDIFFSTORE} d 2 z1 z2 {WITHSCORES|LIMIT 1|foo}
{ZUNION|ZINTER|ZDIFF} {0|-1|2|3|x|""|1.0|+1|9223372036854775807|9223372036854775808|-9223372036854775808} z1 {|WITHSCORES}
{ZUNIONSTORE|ZINTERSTORE|ZDIFFSTORE} d {0|-1|2|3|x|9223372036854775807} z1
{ZUNION|ZINTER} 2 z1 z2 WEIGHTS {1 2|2 -1|inf 1|inf -inf|0 0|1|1 2 3|x 1|1 x|nan 1|0x10 1e3} {|WITHSCORES}
{ZUNION|ZINTER} 2 z1 z2 AGGREGATE {SUM|MIN|MAX|sum|mIn|foo|COUNT} WITHSCORES
{ZUNION|ZINTER} 2 z1 z2 AGGREGATE
{ZUNION|ZINTER} 2 z1 z2 WEIGHTS
{ZUNION|ZINTER} 2 z1 z2 WEIGHTS 1 2 WEIGHTS 3 4 AGGREGATE MIN AGGREGATE MAX WITHSCORES WITHSCORES
{ZUNION|ZINTER} 2 z1 s1 WEIGHTS 2 3 AGGREGATE {SUM|MIN|MAX} WITHSCORES
{ZUNION|ZINTER} 1 z1 WEIGHTS 1 foo
{ZUNIONSTORE|ZINTERSTORE} d 2 z1 z2 WEIGHTS 2 3 AGGREGATE {MIN|MAX}
{ZUNIONSTORE|ZINTERSTORE} d 2 z1 str WEIGHTS x
ZDIFF 2 z1 z2 WEIGHTS 1 2
ZDIFF 2 z1 z2 AGGREGATE MIN
ZDIFF 3 z1 z2 z1
ZDIFF 2 missing str
ZINTER 2 missing str
ZINTERCARD 2 z1 z2
ZINTERCARD 2 z1 {z1|s1|s2|missing|str} {|LIMIT 0|LIMIT 1|LIMIT 100}
ZINTERCARD 2 z1 z2 LIMIT {-1|x|""|9223372036854775808}
ZINTERCARD 2 z1 z2 {LIMIT|LIMIT 1 LIMIT 0|LIMIT 0 LIMIT 1|WITHSCORES|LIMIT 1 foo}
ZINTERCARD {0|-1|x|3} z1 z2
ZUNION
ZUNION 1
ZUNIONSTORE d 1
ZINTERCARD 1

# destinations
before: DEL z1 z2
before: ZADD z1 1 a 2 b 3 c
before: ZADD z2 10 b 20 c 30 d
before: SET str v
after: ZRANGE z1 0 -1 WITHSCORES
after: TYPE str
after: EXISTS z1 z2 str
{ZUNIONSTORE|ZINTERSTORE|ZDIFFSTORE} z1 2 z1 z2
{ZUNIONSTORE|ZINTERSTORE|ZDIFFSTORE} z1 2 z2 z1
{ZUNIONSTORE|ZINTERSTORE|ZDIFFSTORE} z1 2 z1 z1
{ZUNIONSTORE|ZINTERSTORE|ZDIFFSTORE} str 2 z1 z2
{ZUNIONSTORE|ZINTERSTORE|ZDIFFSTORE} str 2 missing missing
{ZUNIONSTORE|ZINTERSTORE|ZDIFFSTORE} str 2 z1 str
{ZUNIONSTORE|ZINTERSTORE|ZDIFFSTORE} missing 1 missing

# infinities
ZADD i inf a -inf b inf c -inf d 0 e
ZADD j inf a -inf b -inf c inf d 0 e
{ZUNION|ZINTER} 2 i j WITHSCORES
{ZUNION|ZINTER} 2 i j WEIGHTS {0 1|-1 1|inf -inf|0 inf|inf 0} WITHSCORES
{ZUNION|ZINTER} 2 i j WEIGHTS inf inf AGGREGATE {MIN|MAX} WITHSCORES
ZDIFF 1 i WITHSCORES

# sums in the order of sizes
ZADD a 0.1 m
ZADD b 0.2 m 5 x
ZADD c 0.3 m 5 x 6 y
{ZUNION|ZINTER} 3 {a b c|c b a|b c a|c a b} WITHSCORES
{ZUNION|ZINTER} 3 a a b WEIGHTS 1e16 1 1 WITHSCORES

# forms of results
CONFIG SET zset-max-listpack-entries 3 zset-max-listpack-value 8
ZADD a 1 m 2 n 3 o
ZADD b 1 m 2 p 3 "longer than eight"
ZUNIONSTORE d 2 a a
OBJECT ENCODING d
ZUNIONSTORE d 2 a b
OBJECT ENCODING d
ZINTERSTORE d 2 a b
OBJECT ENCODING d
ZDIFFSTORE d 2 b a
OBJECT ENCODING d
GEOSEARCHSTORE d b FROMLONLAT -179.99 -85.05 BYRADIUS 10 km
OBJECT ENCODING d
CONFIG SET zset-max-listpack-entries 128 zset-max-listpack-value 64
"""

OPS = int(os.environ.get("CAIRN_WIRE_RANDOM", "2500"))
SOURCES = ("z1", "z2", "z3", "s1", "s2", "missing", "str")
SCORES = ("0", "1", "-1", "inf", "-inf", "0.1", "0.2", "0.3", "3", "1e300", "-1e300", "2.5")
WEIGHTS = ("1", "2", "0", "inf", "-1", "0.5", "-inf", "1e308")


def test_script(pair, script, script_proto):
    with pair.compare(script_proto) as comparison:
        comparison.run(script)


class Generator:
    def __init__(self, seed):
        self.rng = random.Random(seed)

    def member(self):
        return self.rng.choice(("m%d", "%d")) % self.rng.randrange(self.rng.choice((15, 15, 400)))

    def score(self):
        return self.rng.choice((self.rng.choice(SCORES), str(self.rng.randrange(9)), repr(self.rng.uniform(-1, 1))))

    def filling(self):
        r, count = self.rng, self.rng.choice((1, 5, 12, 12, 150, 600))
        if r.random() < 0.6:
            return ["ZADD", r.choice(SOURCES[:3]), *[x for _ in range(count) for x in (self.score(), self.member())]]
        return ["SADD", r.choice(SOURCES[3:5]), *[self.member() for _ in range(count)]]

    def operation(self):
        r, n = self.rng, self.rng.randint(1, 4)
        name = r.choice(("ZUNION", "ZINTER", "ZDIFF"))
        count = str(n) if r.random() < 0.97 else r.choice(("0", str(n + 1), str(n - 1), "x"))
        words = [count, *[r.choice(SOURCES[:5] if r.random() < 0.8 else SOURCES) for _ in range(n)]]
        if r.random() < 0.15:
            return ["ZINTERCARD", *words, *r.choice(([], ["LIMIT", str(r.randrange(4))]))]
        if r.random() < 0.4:
            words += ["WEIGHTS", *[r.choice(WEIGHTS) for _ in range(n if r.random() < 0.97 else n - 1)]]
        if r.random() < 0.4:
            words += ["AGGREGATE", r.choice(("SUM", "MIN", "MAX"))]
        if r.random() < 0.5:
            return [name + "STORE", r.choice(("d", "d", "z1", "z2", "str")), *words]
        return [name, *words, *r.choice(([], ["WITHSCORES"]))]

    def command(self):
        shape = self.rng.random()
        if shape < 0.15:
            return self.filling()
        if shape < 0.75:
            return self.operation()
        if shape < 0.95:
            return self.rng.choice((["ZRANGE", "d", "0", "-1", "WITHSCORES"], ["OBJECT", "ENCODING", "d"],
                                    ["ZRANGE", "z1", "0", "-1", "WITHSCORES"]))
        return ["DEL", self.rng.choice(SOURCES)] if shape < 0.98 else ["SET", "str", "x"]


@pytest.mark.parametrize("seed", range(3))
def test_random_algebra(pair, proto, seed):
    generator = Generator(seed * 2 + proto)
    history = []
    with pair.compare(proto) as comparison:
        for _ in range(OPS):
            command = generator.command()
            line = " ".join(command)[:300]
            history = history[-15:] + [line]
            comparison.step(Step("command", line, args=[a.encode() for a in command]))
            if comparison.mismatches:
                raise Mismatch("%s\nafter:\n%s" % ("\n".join(comparison.mismatches), "\n".join(history)))


def test_large_sets(pair, proto):
    a, b = pair.both(proto)
    with a, b:
        for conn in (a, b):
            for at in range(0, 20000, 1000):
                conn.call("ZADD", "x", *[w for i in range(at, at + 1000) for w in (str(i * 7919 % 5000), "m%d" % i)])
                conn.call("ZADD", "y", *[w for i in range(at, at + 1000) for w in (str(i % 100), "m%d" % (i * 3))])
        for command in (["ZUNIONSTORE", "d", "2", "x", "y"], ["ZINTERSTORE", "d", "2", "x", "y", "AGGREGATE", "MAX"],
                        ["ZDIFFSTORE", "d", "2", "x", "y"], ["ZUNIONSTORE", "d", "3", "x", "y", "d"]):
            assert a.call(*command) == b.call(*command)
            assert a.call("ZRANGE", "d", "0", "-1", "WITHSCORES") == b.call("ZRANGE", "d", "0", "-1", "WITHSCORES")
            assert a.call("OBJECT", "ENCODING", "d") == b.call("OBJECT", "ENCODING", "d")
