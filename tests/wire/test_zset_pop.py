"""Sorted sets: popping the lowest and the highest; the same random pops to both servers."""
import os
import random

import pytest

from script import Mismatch, Step

SCRIPTS = r"""
# pops
before: DEL z
before: ZADD z 1 a 2 b 2 c 3.5 d inf e -inf f 7 17
after: ZRANGE z 0 -1 WITHSCORES
{ZPOPMIN|ZPOPMAX} z
{ZPOPMIN|ZPOPMAX} z {0|1|2|6|7|8|9223372036854775807}
{ZPOPMIN|ZPOPMAX} z {-1|x|""|1.5|9223372036854775808|-9223372036854775808|+1}
{ZPOPMIN|ZPOPMAX} z 1 1
{ZPOPMIN|ZPOPMAX} missing
{ZPOPMIN|ZPOPMAX} missing {0|1|-1|x}
{ZPOPMIN|ZPOPMAX}
ZMPOP 1 z {MIN|MAX|min|Max|foo|""}
ZMPOP 1 z {MIN|MAX} COUNT {1|2|7|100|0|-1|x|9223372036854775807|9223372036854775808}
ZMPOP {0|-1|x|2|3|1|""|9223372036854775807} z MIN
ZMPOP {1|2|3} missing z {MIN|MAX}
ZMPOP 2 missing z MIN COUNT 2
ZMPOP 1 missing MIN
ZMPOP 1 missing foo
ZMPOP 1 z
ZMPOP 1 z MIN {MAX|COUNT|foo|COUNT 1 COUNT 1|COUNT 1 foo|FOO 1}
ZMPOP 1
BZPOPMIN z 0
BZPOPMAX missing z 0
{BZPOPMIN|BZPOPMAX} z {x|-1|nan|""}
{BZPOPMIN|BZPOPMAX} missing 0.001
{BZPOPMIN|BZPOPMAX} z
BZMPOP 0 1 z {MIN|MAX|foo}
BZMPOP 0 1 z {MIN|MAX} COUNT {1|3|0|x}
BZMPOP {x|-1|0.001} {0|1|2|x} z {MIN|foo} {|COUNT 0|COUNT 1}
BZMPOP 0.001 1 missing {MIN|foo|MIN COUNT|MIN COUNT 0}
BZMPOP 0 1 z

# pops of other types
SET s v
RPUSH l 1
ZADD z 1 a
{ZPOPMIN|ZPOPMAX} {s|l}
{ZPOPMIN|ZPOPMAX} s {0|1|-1|x}
ZMPOP 1 s MIN
ZMPOP 1 s foo
ZMPOP 1 s MIN COUNT 0
ZMPOP 2 s z MIN
ZMPOP 2 missing s MIN
{BZPOPMIN|BZPOPMAX} s 0
{BZPOPMIN|BZPOPMAX} s z 0
{BZPOPMIN|BZPOPMAX} missing s 0
{BZPOPMIN|BZPOPMAX} s x
BZMPOP 0 1 s MIN
BZMPOP 0 2 s z MIN
BZMPOP 0 2 missing s MIN
BZMPOP 0 2 z s MIN

# pops until nothing is left
ZADD z 1 a 2 b 3 c
ZPOPMIN z 2
TYPE z
ZPOPMAX z
EXISTS z
ZADD z 1 a 2 b 3 c
ZPOPMAX z 3
EXISTS z
ZADD z 1 a
ZMPOP 1 z MIN COUNT 3
EXISTS z
ZADD z 1 a
BZPOPMIN z 0
EXISTS z
"""

OPS = int(os.environ.get("CAIRN_WIRE_RANDOM", "2500"))


def test_script(pair, script, script_proto):
    with pair.compare(script_proto) as comparison:
        comparison.run(script)


@pytest.mark.parametrize("seed", range(2))
def test_random_pops(pair, proto, seed):
    r = random.Random(seed * 2 + proto)
    history = []

    def member():
        return r.choice(("%d", "m%d", "a longer member, so that some sets are trees and not small any more: %d")
                        if r.random() < 0.2 else ("m%d", "%d")) % r.randrange(100)

    with pair.compare(proto) as comparison:
        for _ in range(OPS):
            key = r.choice("abc")
            command = r.choice([
                lambda: ["ZADD", key] + [x for _ in range(r.choice((1, 5, 30)))
                                         for x in (r.choice(("1", "2", "-inf", "0.5", str(r.randrange(50)))), member())],
                lambda: ["ZADD", key, "1", member(), "2", member(), "3", member()],
                lambda: [r.choice(("ZPOPMIN", "ZPOPMAX")), key],
                lambda: [r.choice(("ZPOPMIN", "ZPOPMAX")), key, str(r.randrange(12))],
                lambda: ["ZMPOP", "2", r.choice("abc"), key, r.choice(("MIN", "MAX")), "COUNT", str(r.randrange(1, 9))],
                lambda: [r.choice(("BZPOPMIN", "BZPOPMAX")), *"abc", "0.001"],    # the oracle takes 100 ms for its 1
                lambda: ["BZMPOP", "0.001", "3", *"bca", r.choice(("MIN", "MAX"))],
                lambda: ["ZRANGE", key, "0", "-1", "WITHSCORES"],
                lambda: ["ZCARD", key],
            ])()
            line = " ".join(command)
            history = history[-20:] + [line]
            comparison.step(Step("command", line, args=[a.encode() for a in command]))
            if comparison.mismatches:
                raise Mismatch("%s\nafter:\n%s" % ("\n".join(comparison.mismatches), "\n".join(history)))
