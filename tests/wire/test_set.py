"""Sets: members of one set, chance, walking in steps. Several sets are in test_set_algebra.py."""
import os
import random

import pytest

from resp import Reply
from script import Mismatch

SCRIPTS = r"""
# sadd and srem
SADD s a b c a
SADD s a b c
SADD s d "" {BYTES}
SCARD s
% SMEMBERS s
SISMEMBER s {BYTES}
SREM s nothing
SREM s a a b
SREM s ""
SCARD s
SREM s c d {BYTES}
EXISTS s
SREM s x
SADD s
SREM s
SADD
SCARD
SCARD s x

# numbers as members
SADD s {NUM}
SCARD s
% SMEMBERS s
SISMEMBER s {NUM}
SREM s 9223372036854775807 -9223372036854775808 1 +1
SMISMEMBER s {NUM}
SADD i 1 2 3
SISMEMBER i {NUM}
SADD i 70000
SADD i 9223372036854775807 -9223372036854775808
SMISMEMBER i 70000 9223372036854775807 -9223372036854775808 9223372036854775808 2 4
SMEMBERS i
SREM i {NUM}
SMEMBERS i

# asking
SADD s a b 1
SMISMEMBER s a x 1 01 a
SMISMEMBER missing a b
SMISMEMBER s
SISMEMBER s
SISMEMBER s a b
SISMEMBER missing a
SMEMBERS missing
SMEMBERS s x
SCARD missing

# smove
SADD s a b c
SADD t c d
SMOVE s t a
SMOVE s t c
SMOVE s t nothing
SMOVE s fresh b
EXISTS s
SMOVE s t x
SMOVE t t c
SMOVE t t nothing
% SMEMBERS t
SMEMBERS fresh
SMOVE missing s x
SMOVE missing missing x
EXISTS missing s
SET str v
SMOVE t str nothing
SMOVE t str c
SMOVE str t c
SMOVE str str c
SMOVE missing str c
SMOVE t fresh
SMOVE t fresh c d

# spop and srandmember: what does not depend on chance
SADD one x
SRANDMEMBER one
SRANDMEMBER one 1
SRANDMEMBER one 5
SRANDMEMBER one -3
SRANDMEMBER one 0
SRANDMEMBER one -0
SRANDMEMBER missing
SRANDMEMBER missing {0|1|-1|9223372036854775807|-9223372036854775808|abc|1.5}
SRANDMEMBER one {9223372036854775807|-9223372036854775808|9223372036854775808|abc|""| 1}
SRANDMEMBER one 1 1
SRANDMEMBER
SPOP one 0
SPOP one -1
SPOP one {-9223372036854775808|9223372036854775808|abc|""|1.5}
SPOP missing -1
SPOP missing {0|1|9223372036854775807|abc}
SPOP missing
SPOP one 1 1
SPOP
SPOP one
EXISTS one
SADD one x
SPOP one 1
EXISTS one
SADD many 1 2 3 4 5 6 7
% SRANDMEMBER many 100
% SRANDMEMBER many 7
% SPOP many 9223372036854775807
EXISTS many
SADD many a b c d e f g
% SRANDMEMBER many 7
% SPOP many 7
EXISTS many

# sscan of small sets
SADD i 1 2 3
SADD l a b 3
SSCAN i 0
SSCAN i 0 COUNT 1
SSCAN i 0 MATCH 2
SSCAN i 5
SSCAN missing 0
SSCAN missing 77 COUNT
SSCAN missing 0 COUNT 0
SSCAN missing 0 NONSENSE
SSCAN i {x|""|-1|1x|99999999999999999999}
SSCAN missing {x|""|-1|1x}
SSCAN i 0 COUNT {NUM}
SSCAN i 0 COUNT
SSCAN i 0 MATCH
SSCAN i 0 NOVALUES
SSCAN i 0 MATCH * COUNT 10 match 1 count 2
SSCAN i
SET str v
SSCAN str 0
SSCAN str x
SSCAN str 0 NONSENSE

# wrong types
SET str v
SADD set a
before: SET str v
SADD str a
SREM str a
SISMEMBER str a
SMISMEMBER str a
SCARD str
SMEMBERS str
SPOP str
SPOP str 0
SPOP str 1
SPOP str -1
SPOP str abc
SRANDMEMBER str
SRANDMEMBER str 0
SRANDMEMBER str 1
SRANDMEMBER str abc
GET set
INCR set
APPEND set x
clear:
TYPE set
SET set v
TYPE set

# keys of sets
SADD s a b c
EXPIRE s 100
SADD s d
~3 TTL s
SREM s a
~3 TTL s
COPY s t
% SMEMBERS t
TTL t
SADD t z
SISMEMBER s z
RENAME t u
% SMEMBERS u
MOVE u 1
SELECT 1
SADD u y
% SMEMBERS u
SELECT 0
DEL s u
DBSIZE

# in transactions
MULTI
SADD s 1 2 3
SPOP s 5
SCARD s
SADD s x
SMOVE s t x
EXEC
EXISTS s t
WATCH t
SADD t x
MULTI
PING
EXEC
WATCH t
b: SADD t y
MULTI
PING
EXEC
WATCH t
b: SREM t x y
MULTI
PING
EXEC

# random members of newer servers  [newer]
SADD s a -> :1
SRANDMEMBER s -9223372036854775807 -> -'ERR value is out of range'
"""


def test_script(pair, script, script_proto):
    with pair.compare(script_proto) as comparison:
        comparison.run(script)


def encoding(conn, key):
    return conn.call("OBJECT", "ENCODING", key).text


@pytest.mark.cairn_only
def test_encodings(ours):
    """As of Redis 7.2: small sets of words are listpacks."""
    numbers = list(range(512))
    ours.call("SADD", "i", *numbers)
    assert encoding(ours, "i") == "intset"
    ours.call("SADD", "i", 512)
    assert encoding(ours, "i") == "hashtable"
    ours.call("SREM", "i", *numbers)
    assert encoding(ours, "i") == "hashtable"
    ours.call("SADD", "words", *["w%d" % i for i in range(128)])
    assert encoding(ours, "words") == "listpack"
    ours.call("SADD", "words", "w128")
    assert encoding(ours, "words") == "hashtable"
    ours.call("SADD", "mixed", 1, 2, 3)
    ours.call("SADD", "mixed", "x")
    assert encoding(ours, "mixed") == "listpack"
    ours.call("SADD", "mixed", "x" * 64)
    assert encoding(ours, "mixed") == "listpack"
    ours.call("SADD", "mixed", "x" * 65)
    assert encoding(ours, "mixed") == "hashtable"
    ours.call("SADD", "all", *range(200), "x")
    assert encoding(ours, "all") == "hashtable"


@pytest.mark.cairn_only
def test_limits_are_settings(start):
    server = start({"set-max-intset-entries": "4", "set-max-listpack-entries": "3", "set-max-listpack-value": "5"})
    with server.conn() as conn:
        conn.call("SADD", "i", 1, 2, 3, 4)
        assert encoding(conn, "i") == "intset"
        conn.call("SADD", "i", 5)
        assert encoding(conn, "i") == "hashtable"
        conn.call("SADD", "l", "a", "b", "12345")
        assert encoding(conn, "l") == "listpack"
        conn.call("SADD", "l", "d")
        assert encoding(conn, "l") == "hashtable"
        conn.call("SADD", "v", "123456")
        assert encoding(conn, "v") == "intset"
        conn.call("SADD", "v", "x")
        assert encoding(conn, "v") == "hashtable"
        conn.call("CONFIG", "SET", "set-max-listpack-entries", "128")
        conn.call("SADD", "n", "a", "b", "c", "d")
        assert encoding(conn, "n") == "listpack"


# ---- chance

SHAPES = {"intset": lambda i: "%d" % i, "listpack": lambda i: "m%d" % i, "hashtable": lambda i: "member:%d" % i}
SIZES = {"intset": 60, "listpack": 60, "hashtable": 200}


def fill(conn, key, shape, size=None):
    members = [SHAPES[shape](i) for i in range(size or SIZES[shape])]
    conn.call("DEL", key)
    conn.call("SADD", key, *members)
    return members


def assert_uniform(counts, members):
    """Chi squared of the counts within six deviations of what chance gives."""
    expected = sum(counts.values()) / len(members)
    chi = sum((counts.get(m, 0) - expected) ** 2 / expected for m in members)
    assert set(counts) <= set(members)
    assert chi < len(members) + 6 * (2 * len(members)) ** 0.5, chi


@pytest.mark.parametrize("shape", list(SHAPES))
def test_srandmember_is_uniform(pair, shape):
    with pair.ours.conn() as conn:
        members = fill(conn, "s", shape)
        if not pair.is_oracle:
            assert encoding(conn, "s") == shape
        for arguments, rounds in (([], 6000), ([3], 2000), ([len(members) // 2], 300), ([-50], 200)):
            counts = {}
            for reply in conn.many([("SRANDMEMBER", "s", *arguments)] * rounds):
                for item in reply.value if arguments else [reply]:
                    counts[item.text] = counts.get(item.text, 0) + 1
            assert_uniform(counts, members)
        assert conn.call("SCARD", "s").value == len(members)


@pytest.mark.parametrize("shape", list(SHAPES))
@pytest.mark.parametrize("count", [None, 2, 25])
def test_spop_is_uniform(pair, shape, count):
    with pair.ours.conn() as conn:
        counts = {}
        members = [SHAPES[shape](i) for i in range(SIZES[shape])]
        commands = [("DEL", "s"), ("SADD", "s", *members), ("SPOP", "s", count) if count else ("SPOP", "s")]
        for reply in conn.many(commands * (1200 if not count else 2400 // count))[2::3]:
            for item in reply.value if count else [reply]:
                counts[item.text] = counts.get(item.text, 0) + 1
        assert_uniform(counts, members)


@pytest.mark.parametrize("shape", list(SHAPES))
def test_counts_around_the_size(pair, shape):
    """Different members, as many as asked for or as there are; popped ones are gone, others stay."""
    with pair.ours.conn() as conn:
        size = SIZES[shape]
        for count in (1, 2, size // 10, size // 2, size - 2, size - 1, size, size + 1):
            members = set(fill(conn, "s", shape))
            sampled = [r.text for r in conn.call("SRANDMEMBER", "s", count).value]
            assert len(sampled) == len(set(sampled)) == min(count, size) and set(sampled) <= members
            assert len(conn.call("SRANDMEMBER", "s", -count).value) == count
            popped = [r.text for r in conn.call("SPOP", "s", count).value]
            assert len(popped) == len(set(popped)) == min(count, size) and set(popped) <= members
            left = {r.text for r in conn.call("SMEMBERS", "s").value}
            assert left == members - set(popped)
            assert conn.call("EXISTS", "s").value == (count < size)


def test_spop_until_nothing_is_left(pair):
    with pair.ours.conn() as conn:
        members = set(fill(conn, "s", "hashtable", 3000))
        popped = [r.text for r in conn.many([("SPOP", "s")] * 1000)]
        for _ in range(20):
            popped += [r.text for r in conn.call("SPOP", "s", 100).value]
        assert len(popped) == 3000 and set(popped) == members
        assert conn.call("EXISTS", "s").value == 0


# ---- what the log and listeners get

@pytest.mark.cairn_only
def test_spop_is_logged_by_name(ours):
    """As of Redis 7.2: one SREM for up to 1024 members."""
    from test_effects import commands
    fill(ours, "s", "hashtable", 3000)
    ours.call("DEBUG", "EFFECTS", "START")
    one = ours.call("SPOP", "s").value
    few = [r.value for r in ours.call("SPOP", "s", 3).value]
    many = [r.value for r in ours.call("SPOP", "s", 2500).value]
    ours.call("SPOP", "s", 1000)
    ours.call("SADD", "t", "x")
    ours.call("SPOP", "t")
    log = commands(ours.call("DEBUG", "EFFECTS", "READ").value)
    ours.call("DEBUG", "EFFECTS", "STOP")
    assert log[0] == (0, [b"SREM", b"s", one])
    assert log[1] == (0, [b"SREM", b"s", *few])
    assert log[2] == (None, [b"MULTI"])
    assert [m for _, words in log[3:6] for m in words[2:]] == many
    assert [len(words) - 2 for _, words in log[3:6]] == [1024, 1024, 452]
    assert log[6:] == [(None, [b"EXEC"]), (0, [b"DEL", b"s"]), (0, [b"SADD", b"t", b"x"]), (0, [b"SREM", b"t", b"x"])]


# ---- walking

def scan(conn, key, *options):
    """All members that a full walk gives, and the number of calls."""
    cursor, seen, calls = b"0", [], 0
    while True:
        reply = conn.call("SSCAN", key, cursor, *options)
        cursor = reply.value[0].value
        seen += [r.text for r in reply.value[1].value]
        calls += 1
        if cursor == b"0":
            return seen, calls


@pytest.mark.parametrize("shape", list(SHAPES))
def test_sscan_gives_all(pair, shape):
    with pair.ours.conn() as conn:
        size = 5000 if shape == "hashtable" else SIZES[shape]
        members = fill(conn, "s", shape, size)
        for options in ([], ["COUNT", "1"], ["COUNT", "100"], ["COUNT", "1000000"]):
            seen, calls = scan(conn, "s", *options)
            assert set(seen) == set(members)
            assert shape == "hashtable" or (calls == 1 and len(seen) == size)
        seen, _ = scan(conn, "s", "MATCH", "*7")
        assert set(seen) == {m for m in members if m.endswith("7")}
        assert scan(conn, "s", "MATCH", "nothing*", "COUNT", "50")[0] == []


def test_sscan_while_the_set_changes(pair):
    """What stays from start to end is given, though the form changes and others come and go meanwhile."""
    rng = random.Random(5)
    with pair.ours.conn() as conn:
        for start in (100, 1000):
            conn.call("DEL", "s")
            stay = ["stay:%d" % i for i in range(start)]
            conn.call("SADD", "s", *stay)
            cursor, seen = b"0", set()
            while True:
                reply = conn.call("SSCAN", "s", cursor, "COUNT", "5")
                cursor = reply.value[0].value
                seen |= {r.text for r in reply.value[1].value}
                if cursor == b"0":
                    break
                conn.call("SADD", "s", *["come:%d" % rng.randrange(4000) for _ in range(200)])
                conn.call("SREM", "s", *["come:%d" % rng.randrange(4000) for _ in range(150)])
            assert set(stay) <= seen


# ---- random commands, both servers

MEMBERS = [b"%d" % i for i in range(-20, 200)] + [b"w%d" % i for i in range(150)] + \
          [b"", b"-0", b"007", b"+1", b"9223372036854775807", b"9223372036854775808", b"x" * 64, b"y" * 65, b"\r\n\x00"]


class Generator:
    def __init__(self, seed):
        self.rng = random.Random(seed)

    def key(self):
        return self.rng.choice([b"a", b"a", b"b", b"c", b"d", b"str"])

    def members(self, most=6):
        pool = MEMBERS if self.rng.random() < 0.6 else MEMBERS[:150]
        return [self.rng.choice(pool) for _ in range(self.rng.randrange(1, most))]

    def keys(self):
        return [self.key() for _ in range(self.rng.randrange(1, 5))]

    def command(self):
        r, k = self.rng, self.key
        return r.choice([
            lambda: ["SADD", k(), *self.members()],
            lambda: ["SADD", k(), *self.members(60)],
            lambda: ["SREM", k(), *self.members()],
            lambda: ["SREM", k(), *self.members(40)],
            lambda: ["SMOVE", k(), k(), self.members()[0]],
            lambda: ["SISMEMBER", k(), self.members()[0]],
            lambda: ["SMISMEMBER", k(), *self.members(20)],
            lambda: ["SCARD", k()],
            lambda: ["SMEMBERS", k()],
            lambda: [r.choice(("SINTER", "SUNION", "SDIFF")), *self.keys()],
            lambda: [r.choice(("SINTERSTORE", "SUNIONSTORE", "SDIFFSTORE")), k(), *self.keys()],
            lambda: ["SINTERCARD", b"%d" % r.randrange(4), *self.keys(),
                     *r.choice(([], ["LIMIT", b"%d" % r.randrange(-1, 10)]))],
            lambda: ["SPOP", k(), b"1000"] if r.random() < 0.1 else ["SCARD", k()],
            lambda: ["SRANDMEMBER", k(), b"1000"],
            lambda: ["SSCAN", k(), b"0", "COUNT", b"10000"],
            lambda: ["COPY", k(), k(), "REPLACE"] if r.random() < 0.3 else ["TYPE", k()],
            lambda: ["RENAME", k(), k()] if r.random() < 0.3 else ["EXISTS", k()],
            lambda: ["DEL", k()] if r.random() < 0.2 else ["SCARD", k()],
            lambda: ["SET", b"str", b"v"],
        ])()


def sorted_deep(reply):
    if isinstance(reply.value, list):
        return Reply(reply.kind, sorted(map(sorted_deep, reply.value), key=repr), reply.attributes)
    return reply


@pytest.mark.parametrize("seed", range(3))
def test_random_set_commands(pair, proto, seed):
    generator, history = Generator(seed * 2 + proto), []
    ours, oracle = pair.both(proto)
    with ours, oracle:
        try:
            for server in (ours, oracle):
                server.call("SET", "str", "v")
            for i in range(int(os.environ.get("CAIRN_WIRE_RANDOM", "2500"))):
                command = generator.command()
                if i % 500 == 499:
                    command = ["CONFIG", "SET", "set-max-intset-entries", b"%d" % generator.rng.choice((0, 5, 50, 512))]
                history = history[-25:] + [repr(command)]
                mine, theirs = ours.call(*command), oracle.call(*command)
                if sorted_deep(mine) != sorted_deep(theirs):
                    raise Mismatch("%r\nours %r\noracle %r\nafter\n%s" % (command, mine, theirs, "\n".join(history)))
        finally:
            for server in (ours, oracle):
                server.call("CONFIG", "SET", "set-max-intset-entries", "512")
