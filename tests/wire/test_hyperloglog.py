"""HyperLogLogs: the commands, and the stored bytes, which are the same on both servers after the same commands."""
import random
import struct

import pytest

SCRIPTS = r"""
# pfadd
PFADD h
GET h
PFADD h
PFADD h a b c
PFADD h a
PFADD h ""
PFADD h "\x00" "\r\n" 12345678 123456789 "a longer element than that"
GET h
OBJECT ENCODING h
STRLEN h
TYPE h
PFDEBUG ENCODING h
PFDEBUG DECODE h
PFADD t
EXPIRE t 1000
PFADD t x y
TTL t
PFADD
ZADD l 1 a
PFADD l a
SET s text
PFADD s a
PFADD s
SET n 123
PFADD n a

# pfcount
PFCOUNT missing
PFCOUNT missing missing2
PFADD h a b c d e f g
PFADD h2 a x y z
PFCOUNT h
GET h
PFCOUNT h
PFCOUNT h h2
PFCOUNT h missing h2 h
GET h2
PFCOUNT
ZADD l 1 a
SET s text
SET n 123
PFCOUNT {l|s|n}
PFCOUNT {l|s|n} h
PFCOUNT h {l|s|n}
PFCOUNT missing {l|s|n}

# pfmerge
PFMERGE new
GET new
PFMERGE new
PFADD a 1 2 3 4 5
PFADD b 5 6 7 8 9
PFMERGE c a b
GET c
PFCOUNT c
GET c
PFMERGE c a
GET c
PFMERGE a a a b missing
GET a
PFDEBUG TODENSE b
PFMERGE c b
PFDEBUG ENCODING c
PFMERGE d a b
GET d
PFMERGE
ZADD l 1 a
SET s text
PFMERGE l a
PFMERGE a l
PFMERGE new2 s
EXISTS new2
PFMERGE s a

# pfdebug
PFADD h a b c
PFDEBUG GETREG missing
PFDEBUG FOO missing
PFDEBUG FOO h
PFDEBUG encoding h
PFDEBUG DECODE h
PFDEBUG TODENSE h
PFDEBUG TODENSE h
PFDEBUG DECODE h
PFDEBUG ENCODING h
PFDEBUG GETREG h
PFCOUNT h
PFADD g a b c
PFDEBUG GETREG g
PFDEBUG ENCODING g
PFDEBUG ENCODING
PFDEBUG ENCODING h x
ZADD l 1 a
SET s text
PFDEBUG {GETREG|DECODE|ENCODING|TODENSE|FOO} {l|s}
PFSELFTEST
PFSELFTEST x

# hll-sparse-max-bytes
CONFIG SET hll-sparse-max-bytes 30
PFADD h a b c
PFDEBUG ENCODING h
PFADD h d e f g h i j k
PFDEBUG ENCODING h
GET h
CONFIG SET hll-sparse-max-bytes 0
PFADD z a
PFDEBUG ENCODING z
GET z
PFADD y
PFDEBUG ENCODING y
CONFIG SET hll-sparse-max-bytes 3000

# what is no hyperloglog
SET x HYLL
PFCOUNT x
SET x "HYLL\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"
PFCOUNT x
SET x "HYLL\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"
PFCOUNT x
SET x "HYLL\x02\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x7f\xff"
PFCOUNT x
SET x "HYLK\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x7f\xff"
PFCOUNT x
SET x "HYLL\x01\x00\x00\x00\x05\x00\x00\x00\x00\x00\x00\x00\x7f\xff"
PFCOUNT x
SET x "HYLL\x01\x00\x00\x00\x05\x00\x00\x00\x00\x00\x00\x80\x7f\xff"
PFCOUNT x
GET x
SET x "HYLL\x00"
SETRANGE x 12303 "\x00"
PFCOUNT x
SETRANGE x 15 "\x80"
PFCOUNT x
SETRANGE x 16 "\xff\xff\xff\xff\xff\xff"
PFCOUNT x
PFCOUNT x x
SETRANGE x 15 "\x80"
PFCOUNT x
PFADD x a
APPEND x y
PFCOUNT x
PFADD x a

# corrupted
before: SET x "HYLL\x01\x00\x00\x00\x05\x00\x00\x00\x00\x00\x00\x00\x7f\xf0"
PFCOUNT x
PFCOUNT x x
PFMERGE x
PFMERGE y x
PFDEBUG GETREG x
PFDEBUG TODENSE x
PFDEBUG DECODE x
PFDEBUG ENCODING x
clear:
EXISTS y
before: SET x "HYLL\x01\x00\x00\x00\x05\x00\x00\x00\x00\x00\x00\x80\x7f\xff\x7f\xff"
PFCOUNT x
PFCOUNT x x
PFMERGE x
PFMERGE y x
PFDEBUG GETREG x
PFDEBUG TODENSE x
PFDEBUG DECODE x
clear:
before: SET x "HYLL\x01\x00\x00\x00\x05\x00\x00\x00\x00\x00\x00\x80"
PFCOUNT x
PFADD x a
PFMERGE x
PFDEBUG TODENSE x
clear:
before: SET x "HYLL\x01\x00\x00\x00\x05\x00\x00\x00\x00\x00\x00\x80\x7f\xfe\x83\x83\x83"
PFCOUNT x
PFMERGE x
PFDEBUG TODENSE x
PFDEBUG DECODE x
"""


def test_script(pair, script, script_proto):
    with pair.compare(script_proto) as comparison:
        comparison.run(script)


def elements(rng, count):
    shape = rng.random()
    if shape < 0.3:
        return [rng.randbytes(rng.randrange(20)) for _ in range(count)]
    return [b"%d" % rng.randrange(10 ** rng.choice((2, 4, 6, 9))) for _ in range(count)]


@pytest.mark.parametrize("limit", [3000, 3000, 200, 20000])
def test_random_bytes_are_equal(pair, limit, request):
    """Thousands of PFADD, PFMERGE and PFCOUNT; the values stay equal byte for byte."""
    rng = random.Random(request.node.name)
    ours, oracle = pair.both()
    keys = [b"a", b"b", b"c", b"d", b"e"]
    sizes = {k: rng.choice((1, 3, 30)) for k in keys}
    try:
        for conn in (ours, oracle):
            conn.call("CONFIG", "SET", "hll-sparse-max-bytes", limit)
        for _ in range(1500):
            kind = rng.random()
            key = rng.choice(keys)
            if kind < 0.75:
                command = ("PFADD", key, *elements(rng, rng.randrange(sizes[key] + 1)))
            elif kind < 0.85:
                command = ("PFCOUNT", *rng.choices(keys, k=rng.randrange(1, 4)))
            elif kind < 0.95:
                command = ("PFMERGE", *rng.choices(keys, k=rng.randrange(1, 4)))
            elif kind < 0.98:
                command = ("DEL", key)
            elif kind < 0.99:
                command = ("PFDEBUG", "TODENSE", key)
            else:
                command = ("COPY", key, rng.choice(keys), "REPLACE")
            assert ours.call(*command) == oracle.call(*command), command
            if kind >= 0.75 or rng.random() < 0.2:
                for k in keys:
                    assert ours.call("GET", k) == oracle.call("GET", k), (command, k)
        for k in keys:
            assert ours.call("GET", k) == oracle.call("GET", k)
            assert ours.call("PFCOUNT", k) == oracle.call("PFCOUNT", k)
            assert ours.call("PFDEBUG", "DECODE", k) == oracle.call("PFDEBUG", "DECODE", k)
    finally:
        for conn in (ours, oracle):
            conn.call("CONFIG", "SET", "hll-sparse-max-bytes", 3000)
            conn.close()


def test_sparse_growth_one_by_one(pair):
    """Each single element on the way from empty to dense."""
    ours, oracle = pair.both()
    for i in range(3000):
        assert ours.call("PFADD", "h", i) == oracle.call("PFADD", "h", i)
        if i % 10 == 0:
            assert ours.call("GET", "h") == oracle.call("GET", "h"), i
    assert ours.call("PFDEBUG", "ENCODING", "h").value == b"dense"
    ours.close()
    oracle.close()


def sparse(rng):
    """A sparse value that covers the registers, in opcodes as no server would choose them."""
    at, out, limit = 0, bytearray(), rng.choice((1, 4, 64, 2000))
    while at < 16384:
        left = 16384 - at
        kind = rng.randrange(3)
        if kind == 0:
            span = min(left, rng.randrange(1, min(limit, 64) + 1))
            out.append(span - 1)
        elif kind == 1:
            span = min(left, rng.randrange(1, limit + 1))
            out += struct.pack(">H", 0x4000 | (span - 1))
        else:
            span = min(left, rng.randrange(1, 5))
            out.append(0x80 | rng.choice((0, 0, 1, 5, 31)) << 2 | (span - 1))
        at += span
    return b"HYLL\x01\0\0\0" + b"\0" * 7 + b"\x80" + bytes(out)


def test_foreign_sparse_values(pair):
    """Values that are valid but in no canonical form: read, changed and merged as the oracle does."""
    rng = random.Random(7)
    ours, oracle = pair.both()
    for round in range(60):
        values = [sparse(rng), sparse(rng)]
        limit = rng.choice((3000, 100000))
        added = [elements(rng, rng.randrange(1, 5)) for _ in range(25)]
        for conn in (ours, oracle):
            conn.call("CONFIG", "SET", "hll-sparse-max-bytes", limit)
            conn.call("MSET", "a", values[0], "b", values[1])
        for command in [("PFCOUNT", "a"), ("PFCOUNT", "a", "b"), *[("PFADD", "a", *e) for e in added],
                        ("PFMERGE", "c", "a"), ("PFMERGE", "a", "b"), ("PFCOUNT", "a"), ("PFDEBUG", "TODENSE", "b"),
                        ("PFCOUNT", "b"), ("PFCOUNT", "b", "a", "c")]:
            assert ours.call(*command) == oracle.call(*command), (round, command)
            for key in "abc":
                assert ours.call("GET", key) == oracle.call("GET", key), (round, command, key)
        for conn in (ours, oracle):
            conn.call("DEL", "c")
    for conn in (ours, oracle):
        conn.call("CONFIG", "SET", "hll-sparse-max-bytes", 3000)
        conn.close()


def test_damaged_values(pair):
    """Any damage: an answer or an error, and a server that lives."""
    rng = random.Random(9)
    with pair.ours.conn() as conn:
        for round in range(400):
            value = bytearray(sparse(rng))
            for _ in range(rng.randrange(1, 6)):
                shape = rng.randrange(4)
                at = rng.randrange(16, len(value)) if len(value) > 16 else 0
                if shape == 0:
                    value[at] = rng.randrange(256)
                elif shape == 1:
                    del value[at:]
                elif shape == 2:
                    value[at:at] = rng.randbytes(3)
                else:
                    value += rng.randbytes(2)
            conn.call("SET", "x", bytes(value))
            for command in (("PFADD", "x", *elements(rng, 5)), ("PFCOUNT", "x"), ("PFCOUNT", "x", "x"),
                            ("PFMERGE", "y", "x"), ("PFMERGE", "x", "y"), ("PFDEBUG", "DECODE", "x"),
                            ("PFDEBUG", "TODENSE", "x"), ("PFADD", "x", *elements(rng, 5)), ("GET", "x")):
                reply = conn.call(*command)
                assert not reply.is_error or reply.text in (
                    "INVALIDOBJ Corrupted HLL object detected", "ERR HLL encoding is not sparse",
                    "WRONGTYPE Key is not a valid HyperLogLog string value."), (command, reply)
        assert conn.call("PING").value == b"PONG"
