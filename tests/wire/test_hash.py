"""Hashes: fields and values, counters, chance, walking in steps. Expiry of fields is in test_hash_expire.py."""
import os
import random

import pytest

from resp import Reply
from script import LISTS, Mismatch, split_args

SCRIPTS = r"""
# hset and hget
HSET h a 1
HSET h a 1 b 2 c 3
HSET h a x a y
HGET h {a|b|c|d|""}
HSET h "" empty
HSET h {BYTES} {BYTES}
% HGETALL h
HGET h {BYTES}
HLEN h
HSET h a
HSET h a 1 b
HSET h
HSET
HGET h
HGET h a b
HGET none a
HLEN none
HLEN
HLEN h x
TYPE h
OBJECT ENCODING h

# hmset, hsetnx
HMSET h a 1 b 2
HMSET h a
HMSET h a 1 b
HMSET h
HSETNX h a 9
HSETNX h new 9
HSETNX h new 10
HSETNX other a ""
HSETNX other a x
HSETNX h a
HSETNX h a b c
HGETALL other
% HGETALL h

# hmget
HSET h a 1 b "" c 3
HMGET h a b c d a
HMGET none a b
HMGET h
HMGET
HMGET h ""

# hdel
HSET h a 1 b 2 c 3
HDEL h x
HDEL h a a x
HDEL none a
HDEL h
HDEL h b c d
EXISTS h
HDEL h a

# hexists, hstrlen, hkeys, hvals
HSET h a 1 b "" big 123456789012 neg -5 f 1.50
HEXISTS h {a|b|x|""}
HEXISTS none a
HEXISTS h
HEXISTS h a b
HSTRLEN h {a|b|big|neg|f|x}
HSTRLEN none a
HSTRLEN h
% HKEYS h
% HVALS h
HKEYS none
HVALS none
HGETALL none
HKEYS
HVALS h x
HGETALL
HGETALL h x

# small hashes keep their order
HSET h z 1 a 2 m 3
HGETALL h
HSET h a 9
HDEL h z
HSET h z 1
HGETALL h
HKEYS h
HVALS h

# wrong type
SET s v
HSET s a 1
HSET s a
HMSET s a 1
HSETNX s a 1
HGET s a
HMGET s a b
HGETALL s
HKEYS s
HVALS s
HLEN s
HDEL s a
HEXISTS s a
HSTRLEN s a
HINCRBY s a 1
HINCRBY s a x
HINCRBYFLOAT s a 1
HINCRBYFLOAT s a x
HSCAN s 0
HSCAN s x
HRANDFIELD s
HRANDFIELD s 1
HRANDFIELD s x
HRANDFIELD s 1 WITHVALUES
GET s

# hincrby
HINCRBY h n {NUM}
HSET h n {NUM}
HINCRBY h n {1|-1|0}
HSET h m 10
HINCRBY h m 5
HINCRBY h m 9223372036854775807
HINCRBY h m -9223372036854775808
HGET h m
HINCRBY h new 3
HINCRBY fresh new 3
HINCRBY fresh2 new x
EXISTS fresh2
HINCRBY h
HINCRBY h n
HINCRBY h n 1 2
HGET h n

# hincrbyfloat
HINCRBYFLOAT h n {FLOAT}
HGET h n
HINCRBYFLOAT h n2 3.0
HINCRBYFLOAT h n2 0.1
HINCRBYFLOAT h n2 -3.1
HGET h n2
HSET h n3 5.0e3
HINCRBYFLOAT h n3 2.0e2
HINCRBYFLOAT fresh a inf
HINCRBYFLOAT fresh a nan
HINCRBYFLOAT fresh a x
EXISTS fresh
HSET h t text
HINCRBYFLOAT h t 1
HSET h n5 " 11"
HINCRBYFLOAT h n5 1
HSET h n5 "11 "
HINCRBYFLOAT h n5 1
HINCRBY h n5 1
HINCRBYFLOAT h
HINCRBYFLOAT h n
HINCRBYFLOAT h n 1 2

# hincrbyfloat of every text
HSET h f {FLOAT}
HINCRBYFLOAT h f 1
HINCRBYFLOAT h f 0

# hincrbyfloat beyond the largest
HSET h f 1e4932
HINCRBYFLOAT h f 1e4932
HINCRBYFLOAT h f -1e4932
HGET h f

# hrandfield
HSET h a 1
HRANDFIELD h
HRANDFIELD h {0|1|5}
HRANDFIELD h {0|1|5} WITHVALUES
HRANDFIELD h {-1|-5}
HRANDFIELD h {-1|-3} withvalues
HRANDFIELD none
HRANDFIELD none {0|1|-1|x}
HRANDFIELD none {0|1|-1} WITHVALUES
HRANDFIELD h 1 VALUES
HRANDFIELD h 1 WITHVALUES x
HRANDFIELD h x VALUES
HRANDFIELD
HRANDFIELD none {NUM}
HRANDFIELD none {NUM} WITHVALUES
HRANDFIELD none 4611686018427387903 WITHVALUES
HRANDFIELD none 4611686018427387904 WITHVALUES
HRANDFIELD none -4611686018427387903 WITHVALUES
HRANDFIELD none -4611686018427387904 WITHVALUES
HSET h b 2 c 3
% HRANDFIELD h 100
HRANDFIELD h 0 WITHVALUES

# hscan
HSET h a 1 b 2 ab 3 num 12
HSCAN h 0
HSCAN h 0 COUNT 1
HSCAN h 0 MATCH a*
HSCAN h 0 MATCH a* COUNT 100
HSCAN h 0 MATCH * MATCH b
HSCAN none 0
HSCAN none 5
HSCAN h {NUM}
HSCAN h 0 COUNT {NUM}
HSCAN h 0 COUNT
HSCAN h 0 MATCH
HSCAN h 0 x
HSCAN h
HSCAN
HSCAN h 0 TYPE hash

# hscan novalues  [newer]
HSET h a 1 b 2 -> :2
HSCAN h 0 NOVALUES -> *[$'0', *[$'a', $'b']]
HSCAN h 0 novalues MATCH b COUNT 3 -> *[$'0', *[$'b']]

# encodings
. CONFIG SET hash-max-listpack-entries 4
. CONFIG SET hash-max-listpack-value 8
HSET h a 1 b 2 c 3 d 4
OBJECT ENCODING h
HSET h a 12345678
OBJECT ENCODING h
HSET h e 5
OBJECT ENCODING h
HDEL h a b c d
OBJECT ENCODING h
HSET v a 123456789
OBJECT ENCODING v
HSET w 123456789 a
OBJECT ENCODING w
HSET x a 1
HINCRBYFLOAT x a 0.123456789
HSET x b 123456789
OBJECT ENCODING x
. CONFIG SET hash-max-listpack-entries 512
. CONFIG SET hash-max-listpack-value 64

# other commands on hashes
HSET h a 1 b 2
EXPIRE h 100
COPY h c
% HGETALL c
HSET h a 9
HGET c a
RENAME h r
% HGETALL r
TTL r
MOVE r 1
EXISTS r
SELECT 1
% HGETALL r
TYPE r
DEL r
SELECT 0
GET c
APPEND c x
INCR c
SET c v
GET c
HSET d a 1
UNLINK d
EXISTS d

# in a transaction
MULTI
HSET h a 1
HINCRBY h a 5
HGETALL h
HDEL h a
EXISTS h
HGET h
EXEC
MULTI
HSET h a 1
HSET h b
HGETALL h
EXEC
"""


def test_script(pair, script, script_proto):
    with pair.compare(script_proto) as comparison:
        comparison.run(script)


SHAPES = {"listpack": 100, "hashtable": 700}


def fill(conn, key, shape, size=None):
    """A hash of this form; its fields by name."""
    fields = {"f%d" % i: "v%d" % i for i in range(size or SHAPES[shape])}
    conn.call("DEL", key)
    conn.call("HSET", key, *[word for pair in fields.items() for word in pair])
    return fields


def scan(conn, key, *options):
    cursor, seen, calls = b"0", [], 0
    while True:
        reply = conn.call("HSCAN", key, cursor, *options)
        cursor = reply.value[0].value
        seen += [r.text for r in reply.value[1].value]
        calls += 1
        if cursor == b"0":
            return seen, calls


@pytest.mark.parametrize("shape", list(SHAPES))
def test_hscan_gives_all(pair, shape):
    with pair.ours.conn() as conn:
        fields = fill(conn, "h", shape, 5000 if shape == "hashtable" else None)
        for options in ([], ["COUNT", "1"], ["COUNT", "100"], ["COUNT", "1000000"]):
            seen, calls = scan(conn, "h", *options)
            assert dict(zip(seen[::2], seen[1::2])) == fields
            assert shape == "hashtable" or (calls == 1 and len(seen) == 2 * len(fields))
        seen, _ = scan(conn, "h", "MATCH", "*7")
        assert set(seen[::2]) == {f for f in fields if f.endswith("7")}
        assert scan(conn, "h", "MATCH", "nothing*", "COUNT", "50")[0] == []


def test_hscan_while_the_hash_changes(pair):
    """What stays from start to end is given, though the form changes and others come and go meanwhile."""
    rng = random.Random(5)
    with pair.ours.conn() as conn:
        conn.call("HSET", "h", *[w for i in range(300) for w in ("stay%d" % i, "v")])
        cursor, seen, n = b"0", set(), 0
        while True:
            reply = conn.call("HSCAN", "h", cursor, "COUNT", "5")
            cursor = reply.value[0].value
            seen |= {r.text for r in reply.value[1].value[::2]}
            if cursor == b"0":
                break
            n += 1
            if n < 150:
                conn.call("HSET", "h", *[w for i in range(20) for w in ("new%d" % (n * 20 + i), "v")])
            else:
                conn.call("HDEL", "h", *["new%d" % rng.randrange(3000) for _ in range(40)])
        assert {"stay%d" % i for i in range(300)} <= seen


@pytest.mark.parametrize("shape", list(SHAPES))
def test_hrandfield_is_uniform(pair, shape):
    with pair.ours.conn() as conn:
        fields = fill(conn, "h", shape)
        for arguments, rounds in (([], 6000), ([3], 2000), ([len(fields) // 2], 300), ([-50], 200)):
            counts = {}
            for reply in conn.many([("HRANDFIELD", "h", *arguments)] * rounds):
                for item in reply.value if arguments else [reply]:
                    counts[item.text] = counts.get(item.text, 0) + 1
            expected = sum(counts.values()) / len(fields)
            chi = sum((counts.get(f, 0) - expected) ** 2 / expected for f in fields)
            assert set(counts) <= set(fields)
            assert chi < len(fields) + 6 * (2 * len(fields)) ** 0.5, chi


@pytest.mark.parametrize("shape", list(SHAPES))
def test_hrandfield_counts(pair, shape, proto):
    with pair.ours.conn(proto) as conn:
        fields = fill(conn, "h", shape)
        size = len(fields)
        for count in (1, 2, size // 4, size // 2, size - 1, size, size + 1, 10**9):
            names = [r.text for r in conn.call("HRANDFIELD", "h", count).value]
            assert len(names) == len(set(names)) == min(count, size) and set(names) <= set(fields)
            items = conn.call("HRANDFIELD", "h", count, "WITHVALUES").value
            pairs = [tuple(r.text for r in item.value) for item in items] if proto == 3 else \
                list(zip([r.text for r in items[::2]], [r.text for r in items[1::2]]))
            assert len(dict(pairs)) == len(pairs) == min(count, size)
            assert all(fields[f] == v for f, v in pairs)
        for count in (1, size, 3 * size):
            names = [r.text for r in conn.call("HRANDFIELD", "h", -count).value]
            assert len(names) == count and set(names) <= set(fields)


def test_large_values(pair):
    sizes = [0, 1, 1023, 1024, 1025, 20000, 1000000, 16384, 100000]
    with pair.ours.conn() as conn:
        for size in sizes:
            conn.call("HSET", "h", "f", b"%d" % size * (size // len(str(size)) + 1))
            value = conn.call("HGET", "h", "f").value
            assert value == b"%d" % size * (size // len(str(size)) + 1)
            assert conn.call("HSTRLEN", "h", "f").value == len(value)
            name = b"n%d" % size * (size // len(str(size)) + 1)
            assert conn.call("HSET", "h", name, value).value == 1
            assert conn.call("HMGET", "h", name, "f").value[0].value == value
        conn.call("COPY", "h", "copy")
        conn.call("DEL", "h")
        assert conn.call("HGET", "copy", "f").value == value
        assert conn.call("HLEN", "copy").value == len(sizes) + 1


def test_many_fields_at_once(pair):
    """Commands with few and with many fields on a large hash; names come twice, and some are not there."""
    rng = random.Random(3)
    with pair.ours.conn() as conn:
        model = {}
        for count in [20000] + [rng.randrange(1, 70) for _ in range(300)]:
            pairs = [("f%d" % rng.randrange(15000), "%d" % rng.randrange(10**9)) for _ in range(count)]
            added = len({f for f, _ in pairs} - set(model))
            model.update(pairs)
            assert conn.call("HSET", "h", *[w for p in pairs for w in p]).value == added
            names = ["f%d" % rng.randrange(16000) for _ in range(rng.randrange(1, 70))]
            assert texts(conn.call("HMGET", "h", *names)) == [model.get(n) for n in names]
            names = ["f%d" % rng.randrange(16000) for _ in range(rng.randrange(1, 40))]
            gone = {n for n in names if model.pop(n, None) is not None}
            assert conn.call("HDEL", "h", *names).value == len(gone)
        assert conn.call("HLEN", "h").value == len(model)


def texts(reply):
    return [None if r.value is None else r.text for r in reply.value]


def test_what_watch_notices(start):
    server = start()
    with server.conn() as conn, server.conn() as other:
        conn.call("HSET", "h", "a", "1")
        for change, noticed in ((("HSET", "h", "a", "1"), True), (("HGET", "h", "a"), False), (("HDEL", "h", "x"), False),
                                (("HSETNX", "h", "a", "2"), False), (("HINCRBY", "h", "a", "0"), True),
                                (("HDEL", "h", "a"), True)):
            conn.call("WATCH", "h")
            other.call(*change)
            conn.call("MULTI")
            conn.call("PING")
            assert (conn.call("EXEC").value is None) == noticed, change


FIELDS = [b"%d" % i for i in range(-5, 40)] + [b"w%d" % i for i in range(40)] + \
         [b"", b"-0", b"007", b"+1", b"9223372036854775807", b"9223372036854775808", b"x" * 64, b"y" * 65, b"\r\n\x00"]
NUMBERS = [split_args(t)[0] for t in LISTS["NUM"]]
FLOATS = [split_args(t)[0] for t in LISTS["FLOAT"]]


class Generator:
    def __init__(self, seed):
        self.rng = random.Random(seed)

    def key(self):
        return self.rng.choice([b"a", b"a", b"b", b"c", b"str"])

    def field(self):
        return self.rng.choice(FIELDS)

    def value(self):
        shape = self.rng.random()
        if shape < 0.5:
            return b"%d" % self.rng.randrange(-1000, 100000)
        if shape < 0.6:
            return self.rng.choice(NUMBERS + FLOATS)
        if shape < 0.99:
            return b"v" * self.rng.randrange(60)
        return b"v" * self.rng.randrange(3000)

    def pairs(self, most=6):
        return [w for _ in range(self.rng.randrange(1, most)) for w in (self.field(), self.value())]

    def fields(self, most=6):
        return [self.field() for _ in range(self.rng.randrange(1, most))]

    def command(self):
        r, k, f = self.rng, self.key, self.field
        return r.choice([
            lambda: ["HSET", k(), *self.pairs()],
            lambda: ["HSET", k(), *self.pairs(50)],
            lambda: ["HMSET", k(), *self.pairs()],
            lambda: ["HSETNX", k(), f(), self.value()],
            lambda: ["HDEL", k(), *self.fields()],
            lambda: ["HDEL", k(), *self.fields(60)],
            lambda: ["HGET", k(), f()],
            lambda: ["HMGET", k(), *self.fields(20)],
            lambda: ["HGETALL", k()],
            lambda: ["HKEYS", k()],
            lambda: ["HVALS", k()],
            lambda: ["HLEN", k()],
            lambda: ["HEXISTS", k(), f()],
            lambda: ["HSTRLEN", k(), f()],
            lambda: ["HINCRBY", k(), f(), r.choice(NUMBERS) if r.random() < 0.2 else b"%d" % r.randrange(-9, 99)],
            lambda: ["HINCRBYFLOAT", k(), f(), r.choice(FLOATS) if r.random() < 0.2 else b"%.3f" % r.uniform(-9, 99)],
            lambda: ["HSCAN", k(), b"0", "COUNT", b"10000"],
            lambda: ["HRANDFIELD", k(), b"1000", *r.choice(([], ["WITHVALUES"]))],
            lambda: ["OBJECT", "ENCODING", k()],
            lambda: ["COPY", k(), k(), "REPLACE"] if r.random() < 0.3 else ["TYPE", k()],
            lambda: ["RENAME", k(), k()] if r.random() < 0.3 else ["EXISTS", k()],
            lambda: ["DEL", k()] if r.random() < 0.2 else ["HLEN", k()],
            lambda: ["SET", b"str", b"v"],
        ])()


def canonical(command, reply):
    """Without the order, which is the hash function's affair in a table."""
    if isinstance(reply.value, dict):
        return Reply(reply.kind, sorted(reply.value.items(), key=repr))
    if not isinstance(reply.value, list):
        return reply
    if command[0] == "HSCAN":
        return Reply(reply.kind, [reply.value[0], canonical(["HGETALL"], reply.value[1])])
    items = reply.value
    if command[0] in ("HGETALL", "HRANDFIELD") and ("WITHVALUES" in command or command[0] == "HGETALL"):
        if items and not isinstance(items[0].value, list):
            items = list(zip(items[::2], items[1::2]))
    return Reply(reply.kind, sorted(items, key=repr)) if command[0] != "HMGET" else reply


@pytest.mark.parametrize("seed", range(3))
def test_random_hash_commands(pair, proto, seed):
    generator, history = Generator(seed * 2 + proto), []
    ours, oracle = pair.both(proto)
    with ours, oracle:
        try:
            for server in (ours, oracle):
                server.call("SET", "str", "v")
            for i in range(int(os.environ.get("CAIRN_WIRE_RANDOM", "2500"))):
                command = generator.command()
                if i % 500 == 499:
                    command = ["CONFIG", "SET", "hash-max-listpack-entries",
                               b"%d" % generator.rng.choice((0, 5, 50, 512))]
                history = history[-25:] + [repr(command)]
                mine, theirs = ours.call(*command), oracle.call(*command)
                if canonical(command, mine) != canonical(command, theirs):
                    raise Mismatch("%r\nours %r\noracle %r\nafter\n%s" % (command, mine, theirs, "\n".join(history)))
        finally:
            for server in (ours, oracle):
                server.call("CONFIG", "SET", "hash-max-listpack-entries", "512")
