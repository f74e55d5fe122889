"""Several sets: SINTER, SUNION, SDIFF, what counts and what stores."""
import random

import pytest

SCRIPTS = r"""
# sinter sunion sdiff
SADD i1 1 2 3 4
SADD i2 3 4 5
SADD w1 a b c 3
SADD w2 b c d 4
% {SINTER|SUNION|SDIFF} {i1|i2|w1|w2|missing} {i1|i2|w1|w2|missing} {i1|w2|missing}
% {SINTER|SUNION|SDIFF} {i1|w1|missing}
% {SINTER|SUNION|SDIFF} i1 i1
SINTER
SUNION
SDIFF

# stores
SADD i1 1 2 3 4
SADD i2 3 4 5
SADD w1 a b c 3
SADD w2 b c d 4
before: SADD dst old
after: % SMEMBERS dst
{SINTERSTORE|SUNIONSTORE|SDIFFSTORE} dst {i1|w1|missing|dst} {i2|w2|missing|dst}
{SINTERSTORE|SUNIONSTORE|SDIFFSTORE} dst {i1|w1|missing|dst}
{SINTERSTORE|SUNIONSTORE|SDIFFSTORE} fresh missing i1
clear:
before: SET dst v EX 1000
after: TYPE dst
after: TTL dst
{SINTERSTORE|SUNIONSTORE|SDIFFSTORE} dst i1 i2
{SINTERSTORE|SUNIONSTORE|SDIFFSTORE} dst missing
clear:
SINTERSTORE dst
SUNIONSTORE
SDIFFSTORE dst

# wrong types come before everything
SET str v
SADD s a
{SINTER|SUNION|SDIFF} {str|s|missing} {str|s|missing}
{SINTERSTORE|SUNIONSTORE|SDIFFSTORE} dst {str|s|missing} {str|s|missing}
{SINTERSTORE|SUNIONSTORE|SDIFFSTORE} dst missing str
EXISTS dst
SADD dst keep
SINTERSTORE dst str s
SMEMBERS dst
SUNIONSTORE str s
TYPE str

# sintercard
SADD a 1 2 3 4 5
SADD b 3 4 5 6
SADD w 3 x
SINTERCARD 1 a
SINTERCARD 2 a b
SINTERCARD 3 a b w
SINTERCARD 2 a missing
SINTERCARD 2 a b LIMIT {0|1|2|3|100|9223372036854775807}
SINTERCARD 2 a b limit 2 LIMIT 1
SINTERCARD {NUM} a b
SINTERCARD 2 a b LIMIT {NUM}
SINTERCARD 3 a b
SINTERCARD 2 a b c
SINTERCARD 2 a b LIMIT
SINTERCARD 2 a b LIMIT 1 x
SINTERCARD 2 a b NONSENSE 1
SINTERCARD 1
SINTERCARD
SET str v
SINTERCARD 2 missing str
SINTERCARD 2 str missing LIMIT -1

# sunioncard and sdiffcard  [newer]
SADD a 1 2 3 4 5 -> :5
SADD b 3 4 5 6 -> :4
SADD w 3 x -> :2
SUNIONCARD 1 a -> :5
SUNIONCARD 2 a b -> :6
SUNIONCARD 3 a b w -> :7
SUNIONCARD 3 a b w LIMIT 3 -> :3
SUNIONCARD 3 a b w LIMIT 0 -> :7
SUNIONCARD 3 a b w LIMIT 100 -> :7
SUNIONCARD 2 a b APPROX -> :6
SUNIONCARD 2 a b APPROX LIMIT 4 -> :4
SUNIONCARD 2 missing a -> :5
SUNIONCARD 1 missing -> :0
SDIFFCARD 1 a -> :5
SDIFFCARD 2 a b -> :2
SDIFFCARD 2 a b LIMIT 1 -> :1
SDIFFCARD 2 a b LIMIT 0 -> :2
SDIFFCARD 2 b a -> :1
SDIFFCARD 2 a a -> :0
SDIFFCARD 2 missing a -> :0
SDIFFCARD 2 a missing -> :5
SDIFFCARD 2 a b APPROX -> -'ERR syntax error'
SUNIONCARD 0 a -> -'ERR numkeys should be greater than 0'
SDIFFCARD x a -> -'ERR numkeys should be greater than 0'
SUNIONCARD 2 a -> -"ERR Number of keys can't be greater than number of args"
SDIFFCARD 2 a -> -"ERR Number of keys can't be greater than number of args"
SUNIONCARD 1 a LIMIT -1 -> -"ERR LIMIT can't be negative"
SDIFFCARD 1 a LIMIT x -> -"ERR LIMIT can't be negative"
SUNIONCARD 1 a LIMIT -> -'ERR syntax error'
SDIFFCARD 1 a b -> -'ERR syntax error'
SET str v -> +'OK'
SUNIONCARD 2 a str -> -'WRONGTYPE Operation against a key holding the wrong kind of value'
SDIFFCARD 2 missing str -> -'WRONGTYPE Operation against a key holding the wrong kind of value'
"""


def test_script(pair, script, script_proto):
    with pair.compare(script_proto) as comparison:
        comparison.run(script)


def members(reply):
    texts = [r.text for r in reply.value]
    assert len(texts) == len(set(texts))
    return set(texts)


def random_set(rng, universe):
    kind = rng.randrange(5)
    if kind == 0:
        return {str(rng.randrange(-universe, universe)) for _ in range(rng.randrange(1, 300))}
    if kind == 1:
        return {"w%d" % rng.randrange(100) for _ in range(rng.randrange(1, 60))}
    size = rng.choice((1, 100, 1000, 5000))
    return {str(rng.randrange(universe)) if rng.random() < 0.5 else "w%d" % rng.randrange(universe)
            for _ in range(rng.randrange(1, size + 1))}


@pytest.mark.parametrize("seed", range(3))
def test_against_python(pair, seed):
    """Sets of all forms and sizes, up to eight of them, the same one several times."""
    rng = random.Random(seed)
    with pair.ours.conn() as conn:
        model = {"missing": set()}
        for i in range(7):
            model["s%d" % i] = random_set(rng, rng.choice((200, 2000)))
            conn.call("SADD", "s%d" % i, *model["s%d" % i])
        for _ in range(120):
            keys = [rng.choice(sorted(model)) for _ in range(rng.randrange(1, 9))]
            if rng.random() < 0.8:
                keys = [k for k in keys if k != "missing"] or ["s0"]
            sets = [model[k] for k in keys]
            expected = {"SINTER": set.intersection(*sets), "SUNION": set.union(*sets), "SDIFF": sets[0].difference(*sets[1:])}
            for name, want in expected.items():
                assert members(conn.call(name, *keys)) == want
                assert conn.call(name + "STORE", "dst", *keys).value == len(want)
                assert members(conn.call("SMEMBERS", "dst")) == want
                assert conn.call("EXISTS", "dst").value == bool(want)
                if name == "SINTER" or not pair.is_oracle:
                    limit = rng.randrange(20)
                    count = conn.call(name + "CARD", len(keys), *keys, "LIMIT", limit).value
                    assert count == (min(limit, len(want)) if limit else len(want))


@pytest.mark.cairn_only
def test_results_take_the_smallest_form(ours):
    def form():
        return ours.call("OBJECT", "ENCODING", "dst").text
    ours.call("SADD", "large", *range(1000), "x")
    ours.call("SADD", "large2", *range(995, 2000), "x")
    ours.call("SADD", "numbers", *range(100))
    ours.call("SADD", "words", "a", "b", "x")
    ours.call("SINTERSTORE", "dst", "large", "large2")
    assert form() == "listpack"
    ours.call("SINTERSTORE", "dst", "large", "numbers")
    assert form() == "intset"
    ours.call("SUNIONSTORE", "dst", "large", "large2")
    assert form() == "hashtable"
    ours.call("SUNIONSTORE", "dst", "numbers", "words")
    assert form() == "listpack"
    ours.call("SUNIONSTORE", "dst", "numbers", "numbers")
    assert form() == "intset"
    ours.call("SDIFFSTORE", "dst", "words", "large")
    assert form() == "listpack"


def test_the_destination_is_an_operand(pair):
    with pair.ours.conn() as conn:
        conn.call("SADD", "a", *range(1000))
        conn.call("SADD", "b", *range(500, 1500))
        assert conn.call("SUNIONSTORE", "a", "a", "b").value == 1500
        assert conn.call("SINTERSTORE", "a", "b", "a").value == 1000
        assert conn.call("SDIFFSTORE", "a", "a", "b").value == 0
        assert conn.call("EXISTS", "a").value == 0
