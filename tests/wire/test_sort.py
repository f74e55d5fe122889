"""SORT and SORT_RO."""
import random
import time

import pytest

from script import Mismatch

SCRIPTS = r"""
# lists by number
RPUSH l 3 1 2 10 -5 0
SORT l
SORT_RO l
SORT l {ASC|DESC|ALPHA|ALPHA DESC|DESC ASC|ASC DESC|desc alpha}
SORT l BY nosort {|ASC|DESC}
SORT l BY nosort {|DESC} LIMIT {0|1|4|100|-1} {0|1|2|100|-1}
SORT l {|DESC} LIMIT {0|1|2|5|6|7|100|-1|-100} {0|1|2|6|100|-1|-100}
SORT l LIMIT {0|9223372036854775807|-9223372036854775808} {0|9223372036854775807|-9223372036854775808}
SORT l LIMIT 0 1 LIMIT 1 2
SORT missing {|DESC|ALPHA|BY x|BY x_*|GET x_*|LIMIT 0 10}
SORT_RO missing

# equal numbers are ordered by their text
RPUSH l 1 1.0 01 1e0 +1 " 1" 0x1 1.00
SORT l {|DESC}
RPUSH z 0 -0 "" 0.0
SORT z {|DESC}
RPUSH big 9007199254740993 9007199254740992 9007199254740994 9223372036854775807 9223372036854775806
SORT big {|DESC}

# numbers as strtod reads them
before: DEL n
before: RPUSH n 7 -7
after: SORT n
RPUSH n {""|" 1"|0x10|inf|+inf|-inf|infinity|-INFINITY|1e3|.5|5.|+1|-0|0x1p3|1e308|007}
RPUSH n {"1 "|nan|-nan|1e|abc|1abc|--1|-|.|"1\n"}

// Not asked of the oracle: once it has met such a number, it takes others for one too (errno is never cleared).
# numbers out of range
RPUSH n 1 1e400
SORT n -> -"ERR One or more scores can't be converted into double"
RPUSH m 1 1e-320
SORT m -> -"ERR One or more scores can't be converted into double"
RPUSH o 1 1e308
SORT o

# what is no number
RPUSH l 1 x 2
SORT l
SORT l DESC LIMIT 0 1
SORT l STORE dst
EXISTS dst
SORT l ALPHA
SORT l BY nosort
RPUSH k 1 2
SET w_1 x
SORT k BY w_*
SORT k BY w_* ALPHA
SORT k BY w_* STORE dst
EXISTS dst

# alpha
RPUSH l b a B A "" aa ab "a b" Z z _ ~ "\xff" "\x01" 10 9
SORT l ALPHA {|DESC} {|LIMIT 2 5|LIMIT 0 1|LIMIT 15 3}
SORT l ALPHA STORE dst
LRANGE dst 0 -1
RPUSH twins x y x y x
SORT twins ALPHA {|DESC}

# sets and sorted sets
SADD i 30 4 100
SORT i {|DESC|ALPHA}
SORT i BY nosort {|DESC} {|LIMIT 1 1}
SADD s 5 3 1 x
SORT s {|ALPHA|ALPHA DESC}
SORT s BY nosort STORE dst
LRANGE dst 0 -1
SORT s BY nosort DESC STORE dst
LRANGE dst 0 -1
SORT i BY nosort LIMIT 1 2 STORE dst
LRANGE dst 0 -1
% SORT s BY nosort
ZADD z 1 c 2 b 3 a 4 10
SORT z {|ALPHA|ALPHA DESC}
SORT z BY nosort {|ASC|DESC} {|LIMIT 0 2|LIMIT 1 2|LIMIT 3 5|LIMIT 4 1|LIMIT -1 2|LIMIT 1 -1}
SORT z BY nosort DESC LIMIT 1 2 STORE dst
LRANGE dst 0 -1
ZADD numbers 3 1 2 2 1 3
SORT numbers {|DESC}

# by
RPUSH l 3 1 2 10
MSET w_3 30 w_1 9 w_10 "" x3x 1 x1x 2
HSET h_1 f a g 7
HSET h_3 f z g 5
SET h_2 str
SORT l BY w_* {|DESC}
SORT l BY w_* ALPHA {|DESC}
SORT l BY nosuch_* {|DESC|ALPHA|ALPHA DESC}
SORT l BY x*x {|DESC}
SORT l BY h_*->g {|DESC|ALPHA|DESC ALPHA}
SORT l BY h_*->nope
SORT l BY h_*->
SORT l BY *
SORT l BY **
SORT l BY {""|#|w_|w_->g}
SORT l BY w_* BY h_*->g
SORT l BY w_* BY nosort
SORT l BY nosort BY w_*

# get
RPUSH l 3 1 2 10
MSET w_3 30 w_1 9 w_10 "" str v
HSET h_1 f a g 7
HSET h_3 f z g 5
SET h_2 str
SET arrow->1 found
SET "arrow->1->f" no
RPUSH w_2 list
SORT l GET {#|w_*|h_*->f|h_*->nope|h_*->|w_*->f|str|l|""|**|arrow->*|arrow->*->f|h_*->f->g|*}
SORT l GET # GET w_* GET h_*->f GET # GET x GET w_*
SORT l BY nosort GET w_* GET # LIMIT 1 2
SORT l GET # GET h_*->g STORE dst
LRANGE dst 0 -1
SORT_RO l BY w_* GET # DESC

# store
RPUSH l 3 1 2
SORT l STORE dst
LRANGE dst 0 -1
TYPE dst
SORT l STORE a STORE b
EXISTS a
LRANGE b 0 -1
SET dst v EX 100
SORT l DESC STORE dst
TTL dst
LRANGE dst 0 -1
SORT missing STORE dst
EXISTS dst
SORT missing STORE dst
SET dst v
SORT l LIMIT 5 5 STORE dst
EXISTS dst
SORT l STORE l
LRANGE l 0 -1
SORT l GET # GET # STORE l
LRANGE l 0 -1
SORT l GET nothing_* STORE dst
LRANGE dst 0 -1

# errors
RPUSH l 1
SET str v
HSET hash f v
SORT
SORT_RO
SORT l {STORE|BY|GET|LIMIT|LIMIT 1|FOO|"" x|NOSORT}
SORT_RO l STORE x
SORT l LIMIT {a|1|""|9223372036854775808} {b|1x|-|1.5}
SORT {str|hash} {|BY nosort|STORE x|FOO|LIMIT a b}
SORT str STORE
COMMAND GETKEYS SORT l BY w_* GET x STORE dst STORE dst2

# in transactions
RPUSH l 3 1 2
MULTI
SORT l STORE l
LRANGE l 0 -1
SORT l BY
EXEC
LRANGE l 0 -1
"""


def test_script(pair, script, script_proto):
    with pair.compare(script_proto) as comparison:
        comparison.run(script)


def test_expired_keys_count_as_absent(pair):
    for conn in pair.both():
        with conn:
            conn.call("DEBUG", "SET-ACTIVE-EXPIRE", "0")
            conn.many([("RPUSH", "l", 1, 2, 3), ("SET", "w_1", 9), ("SET", "w_2", 5, "PX", 1), ("SET", "w_3", 7)])
            conn.call("SET", "gone", 1, "PX", 1)
            time.sleep(0.02)
            reply = conn.call("SORT", "l", "BY", "w_*", "GET", "#", "GET", "w_*")
            assert [r.plain() for r in reply.value] == [b"2", None, b"3", b"7", b"1", b"9"]
            conn.call("DEBUG", "SET-ACTIVE-EXPIRE", "1")


@pytest.mark.parametrize("seed", range(3))
def test_against_python(pair, seed):
    """Large ones: the parts that LIMIT asks for are those of the whole."""
    rng = random.Random(seed)
    with pair.ours.conn() as conn:
        numbers = [rng.choice((rng.randrange(-50, 50), rng.randrange(10**6), round(rng.uniform(-5, 5), 3)))
                   for _ in range(rng.choice((50, 3000)))]
        words = ["%s%d" % (rng.choice("abc"), rng.randrange(3000)) for _ in numbers]
        conn.call("RPUSH", "n", *numbers)
        conn.call("RPUSH", "w", *words)
        conn.call("MSET", *[x for w in set(words) for x in ("weight:" + w, int(w[1:]) % 97)])
        by_number = sorted((str(n) for n in numbers), key=lambda t: (float(t), t.encode()))
        by_word = sorted(words)
        by_weight = sorted(words, key=lambda w: (int(w[1:]) % 97, w))
        for _ in range(60):
            first, count = rng.randrange(0, len(words) + 5), rng.choice((0, 1, 5, 50, len(words)))
            for want, command in ((by_number, ["SORT", "n"]), (by_word, ["SORT", "w", "ALPHA"]),
                                  (by_weight, ["SORT", "w", "BY", "weight:*"])):
                for desc in (False, True):
                    ordered = want[::-1] if desc else want
                    reply = conn.call(*command, *(["DESC"] if desc else []), "LIMIT", first, count)
                    assert [r.text for r in reply.value] == ordered[first:first + count]


class Generator:
    def __init__(self, seed):
        self.rng = random.Random(seed)

    def options(self):
        r, out = self.rng, []
        for _ in range(r.randrange(4)):
            out += r.choice((["ALPHA"], ["DESC"], ["ASC"], ["LIMIT", str(r.randrange(-2, 12)), str(r.randrange(-2, 12))],
                             ["BY", r.choice(("w_*", "h_*->f", "nosort", "w_*", "none_*"))],
                             ["GET", r.choice(("#", "w_*", "h_*->f", "h_*->g", "x"))]))
        return out

    def command(self):
        r = self.rng
        key = r.choice(("l", "l2", "z", "i", "dst", "none"))
        return r.choice([
            lambda: ["SORT", key, *self.options()],
            lambda: ["SORT_RO", key, *self.options()],
            lambda: ["SORT", key, *self.options(), "STORE", r.choice(("dst", "l2"))],
            lambda: ["RPUSH", r.choice(("l", "l2")), str(r.randrange(12)), str(r.randrange(12))],
            lambda: ["LPOP", r.choice(("l", "l2")), "2"],
            lambda: ["ZADD", "z", str(r.randrange(5)), str(r.randrange(12))],
            lambda: ["SADD", "i", str(r.randrange(12))],
            lambda: ["SET", "w_%d" % r.randrange(12), str(r.randrange(30)) if r.random() < 0.9 else "text"],
            lambda: ["HSET", "h_%d" % r.randrange(12), r.choice("fg"), str(r.randrange(30))],
            lambda: ["DEL", "%s_%d" % (r.choice("hw"), r.randrange(12))],
            lambda: ["LRANGE", r.choice(("dst", "l2", "l")), "0", "-1"],
            lambda: ["DEL", key],
        ])()


@pytest.mark.parametrize("seed", range(3))
def test_random_sorts(pair, proto, seed):
    """Few enough elements that the oracle, too, leaves those of equal weight in their order."""
    generator, history = Generator(seed * 2 + proto), []
    ours, oracle = pair.both(proto)
    with ours, oracle:
        for _ in range(2500):
            command = generator.command()
            history = history[-25:] + [repr(command)]
            mine, theirs = ours.call(*command), oracle.call(*command)
            if mine != theirs:
                # Of equal weights, which nobody orders, the two may keep another order.
                if "BY" in command and "ALPHA" in command and mine.kind == theirs.kind:
                    continue
                raise Mismatch("%r\nours %r\noracle %r\nafter\n%s" % (command, mine, theirs, "\n".join(history)))
            if "STORE" in command and "BY" in command and "ALPHA" in command:
                for server in (ours, oracle):
                    server.call("DEL", "dst", "l2")


@pytest.mark.cairn_only
def test_what_is_stored_of_a_set_does_not_depend_on_its_order(pair):
    """The log has the command itself, and on another server the set has another order."""
    members = [b"m%d" % i for i in range(300)] + [b"%d" % i for i in range(300)]
    with pair.ours.conn() as conn:
        conn.call("SADD", "s", *members)
        conn.call("MSET", "w_m7", "x", "w_3", "x")
        conn.call("SORT", "s", "BY", "w_*", "ALPHA", "STORE", "list")
        stored = [r.value for r in conn.call("LRANGE", "list", "0", "-1").value]
    assert stored == sorted(set(members) - {b"m7", b"3"}) + [b"3", b"m7"]
