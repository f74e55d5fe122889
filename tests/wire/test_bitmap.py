"""Bitmaps: SETBIT, GETBIT, BITCOUNT, BITPOS, BITOP."""
import random

import pytest

SCRIPTS = r"""
# setbit and getbit
SETBIT k 7 1
SETBIT k 7 1
SETBIT k 7 0
SETBIT k 0 1
SETBIT k 100 0
STRLEN k
GET k
GETBIT k {0|7|8|100|103|104|4294967295}
GETBIT missing 5
SET n 5
GETBIT n {0|1|2|3|4|5|6|7|8}
SETBIT n 6 1
GET n
OBJECT ENCODING n
SET n 5
SETBIT n 3 1
OBJECT ENCODING n
OBJECT ENCODING k
SET e ""
GETBIT e 0
SETBIT e 0 0
STRLEN e
SET t v EX 1000
SETBIT t 0 1
TTL t

# setbit errors
SETBIT k {NUM} 1
STRLEN k
DEL k
SETBIT k 1 {NUM}
SETBIT k {-1|abc} {2|abc}
SETBIT k 4294967296 1
SETBIT k #1 1
GETBIT k {NUM}
GETBIT k #0
SETBIT k 1
GETBIT k
ZADD l 1 a
SETBIT l 0 1
SETBIT l -1 1
SETBIT l 0 2
GETBIT l 0
GETBIT l -1

# bitcount
SET k foobar
SET e ""
SET n 1234567
before: EXISTS k
BITCOUNT {k|e|n|missing}
BITCOUNT {k|e|n} {0|1|-1|-2|5|6|100|-100} {0|1|-1|-2|5|6|100|-100} {|BYTE|BIT|bit}
BITCOUNT k {5|30|-17|47|48} {30|-1|-48|-49|47|100} BIT
BITCOUNT k 0 -1 BAD
BITCOUNT k 0
BITCOUNT k 0 1 BIT x
BITCOUNT k a b BAD
BITCOUNT k {NUM} -1
BITCOUNT k 0 {NUM}
BITCOUNT k {NUM} {9223372036854775807|-9223372036854775808} BIT
BITCOUNT
clear:
ZADD l 1 a
BITCOUNT l
BITCOUNT l 0 1

# bitcount of nothing, with bad arguments
BITCOUNT missing 0
BITCOUNT missing a b
BITCOUNT missing 0 1 BAD
ZADD l 1 a
BITCOUNT l a b
BITCOUNT l 0

# bitpos
SET k "\xff\xf0\x00"
SET z "\x00\x00\x00"
SET o "\xff\xff\xff"
SET e ""
SET n 12
BITPOS {k|z|o|e|n|missing} {0|1}
BITPOS {k|z|o|e} {0|1} {0|1|2|3|-1|-2|-4}
BITPOS {k|z|o|e} {0|1} {0|1|2|3|-1|-4} {0|1|2|3|-1|-4} {|BYTE}
BITPOS {k|z|o|e} {0|1} {0|7|8|11|12|13|-1|-24|-25|23|24} {0|12|23|24|-1|-25} BIT
BITPOS k {NUM}
BITPOS k 1 {NUM}
BITPOS k 1 0 {NUM}
BITPOS k 0 {NUM} 9223372036854775807 BIT
BITPOS k 1 a b BAD
BITPOS k 1 0 b BAD
BITPOS k 2 a
BITPOS k x a
BITPOS k 1 0 -1 BIT x
BITPOS k
ZADD l 1 a
BITPOS l 1
BITPOS l 2
BITPOS missing {0|1} 5 10 BIT

# bitpos of nothing, with bad arguments
BITPOS missing 0 a
BITPOS missing 0 0 0 BAD
BITPOS missing 0 0 0 BIT x
ZADD l 1 a
BITPOS l 0 a

# bitop
MSET a "\xaa\x00\xff\xff" b "\xcc\x0f\xff" n 123 e ""
after: GET d
BITOP {AND|OR|XOR|and|oR} d a b
BITOP {AND|OR|XOR} d {a|b|n|e|missing}
BITOP {AND|OR|XOR} d a missing b n
BITOP {AND|OR|XOR} d a a
BITOP {AND|OR|XOR} d d b
BITOP {AND|OR|XOR} d b d n
BITOP NOT d {a|b|n|d|e|missing}
clear:
BITOP NOT a a
GET a
OBJECT ENCODING d
BITOP OR d n
OBJECT ENCODING d
SET d x EX 1000
BITOP OR d a
TTL d
SET d x
BITOP OR d missing
EXISTS d
BITOP OR d missing
ZADD l 1 a
BITOP OR l a
TYPE l
GET l

# bitop errors
SET a 1
ZADD l 1 a
BITOP
BITOP AND
BITOP AND d
BITOP FOO d a
BITOP "" d a
BITOP AN d a
BITOP ANDX d a
BITOP NOT d a a
BITOP NOT d
BITOP {AND|NOT} d l
BITOP AND d a l
BITOP AND d missing l
EXISTS d
BITOP NOT l missing
EXISTS l

# bitop of many
SET a "\x0f\xf0"
BITOP OR d a a a a a a a a a a a a a a a a a a a a
BITOP XOR d a a a a a a a a a a a a a a a a a a a a a
GET d
MSET i1 1 i2 2 i3 3 i4 4 i5 5 i6 6 i7 7 i8 8 i9 9 i10 10 i11 11 i12 12 i13 13 i14 14 i15 15 i16 16 i17 17 i18 18
BITOP OR d i1 i2 i3 i4 i5 i6 i7 i8 i9 i10 i11 i12 i13 i14 i15 i16 i17 i18
GET d

# bitop of newer servers  [newer]
MSET x "\xf0\xff" y "\xaa" z "\x0f\x0f\x01" -> +'OK'
BITOP DIFF d x y z -> :3
GET d -> $'P\xf0\x00'
BITOP DIFF1 d x y z -> :3
GET d -> $'\x0f\x00\x01'
BITOP ANDOR d x y z -> :3
GET d -> $'\xa0\x0f\x00'
BITOP ONE d x y z -> :3
GET d -> $'U\xf0\x01'
BITOP one d x -> :2
GET d -> $'\xf0\xff'
BITOP DIFF d missing x -> :2
GET d -> $'\x00\x00'
BITOP DIFF1 x x y -> :2
GET x -> $'\n\x00'
BITOP ANDOR y z y -> :3
GET y -> $'\n\x00\x00'
BITOP DIFF d x -> -'ERR BITOP DIFF must be called with at least two source keys.'
BITOP diff1 d x -> -'ERR BITOP DIFF1 must be called with at least two source keys.'
BITOP ANDOR d x -> -'ERR BITOP ANDOR must be called with at least two source keys.'
BITOP ONE d missing -> :0
EXISTS d -> :0
"""


def test_script(pair, script, script_proto):
    with pair.compare(script_proto) as comparison:
        comparison.run(script)


def value(rng):
    size = rng.choice((0, 1, 2, 7, 8, 9, 31, 32, 33, 100, 999, 1000, 1001, 5000, 20000))
    shape = rng.random()
    if shape < 0.2:
        return b"\x00" * size
    if shape < 0.4:
        return b"\xff" * size
    if shape < 0.5:
        return b"%d" % rng.randrange(-10**9, 10**9)
    return rng.randbytes(size)


@pytest.mark.parametrize("seed", range(3))
def test_random(pair, proto, seed):
    """Any command on values of any size; the values are compared, too."""
    rng = random.Random(seed)
    ours, oracle = pair.both(proto)
    keys = [b"a", b"b", b"c", b"d"]

    def key():
        return rng.choice(keys)

    def offset():
        return rng.choice((rng.randrange(100), rng.randrange(30000), rng.randrange(200000)))

    def bound():
        return rng.choice((rng.randrange(-20, 20), rng.randrange(-9000, 9000), rng.randrange(-200000, 200000)))

    def step():
        kind = rng.randrange(7)
        if kind == 0:
            return "SET", key(), value(rng)
        if kind == 1:
            return "SETBIT", key(), offset(), rng.randrange(2)
        if kind == 2:
            return "GETBIT", key(), offset()
        if kind == 3:
            return "BITCOUNT", key(), bound(), bound(), rng.choice(("BYTE", "BIT"))
        if kind == 4:
            return "BITPOS", key(), rng.randrange(2), *[bound() for _ in range(rng.randrange(3))]
        if kind == 5:
            return "BITPOS", key(), rng.randrange(2), bound(), bound(), "BIT"
        op = rng.choice(("AND", "OR", "XOR", "NOT"))
        return "BITOP", op, key(), *[key() for _ in range(1 if op == "NOT" else rng.randrange(1, 5))]

    for _ in range(1500):
        command = step()
        assert ours.call(*command) == oracle.call(*command), command
        if command[0] == "BITOP":
            assert ours.call("GET", command[2]) == oracle.call("GET", command[2]), command
    for k in keys:
        assert ours.call("GET", k) == oracle.call("GET", k)
    ours.close()
    oracle.close()


@pytest.mark.cairn_only
@pytest.mark.parametrize("seed", range(2))
def test_random_newer_operations(pair, seed):
    rng = random.Random(seed)
    with pair.ours.conn() as conn:
        for _ in range(150):
            values = [value(rng) for _ in range(rng.randrange(2, 6))]
            size = max(map(len, values))
            for i, v in enumerate(values):
                conn.call("SET", "k%d" % i, v)
            x, *ys = [int.from_bytes(v.ljust(size, b"\x00"), "big") for v in values]
            any_y, once, more = 0, x, 0
            for y in ys:
                any_y |= y
                more |= once & y
                once = (once ^ y) & ~more
            results = {"DIFF": x & ~any_y, "DIFF1": any_y & ~x, "ANDOR": x & any_y, "ONE": once}
            op = rng.choice(list(results))
            target = rng.choice(("d", "k0", "k1"))
            assert conn.call("BITOP", op, target, *["k%d" % i for i in range(len(values))]).value == size
            got = conn.call("GET", target).value
            assert (got or b"") == results[op].to_bytes(size, "big"), (op, target)


def test_large(pair):
    """Values that are shared with replies and copies stay what they were."""
    ours, oracle = pair.both()
    for conn in (ours, oracle):
        conn.call("SETRANGE", "a", 3000000, "abc")
        conn.call("SETBIT", "b", 23000001, 1)
        conn.call("COPY", "a", "copy")
    for command in (("BITOP", "NOT", "d", "a"), ("BITOP", "OR", "d", "d", "b"), ("BITOP", "XOR", "a", "a", "b", "d"),
                    ("SETBIT", "copy", 5, 1), ("BITOP", "AND", "d", "copy", "a")):
        assert ours.call(*command) == oracle.call(*command), command
        for key in ("a", "b", "copy", "d"):
            assert ours.call("GET", key) == oracle.call("GET", key), (command, key)
            for query in (("BITCOUNT", key), ("BITPOS", key, 0), ("BITPOS", key, 1), ("BITCOUNT", key, 13, 20000013, "BIT")):
                assert ours.call(*query) == oracle.call(*query), (command, query)
    ours.close()
    oracle.close()
