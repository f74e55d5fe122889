"""BITFIELD and BITFIELD_RO."""
import random

import pytest

SCRIPTS = r"""
# get
SET k "\x00\xff\x12\x34\x56\x78\x9a\xbc\xde\xf0"
BITFIELD k GET {u1|u5|u8|i8|u16|i16|u63|i64|i1} {0|1|7|8|11|70|79|80|1000|#0|#1|#3}
BITFIELD missing GET u8 0 GET i8 5
EXISTS missing
BITFIELD k
BITFIELD missing
SET n 12345
BITFIELD n GET u8 0 GET u8 #1
OBJECT ENCODING n
BITFIELD_RO k GET u8 8 GET i8 8
BITFIELD_RO k
BITFIELD_RO k GET u8 0 OVERFLOW WRAP
BITFIELD_RO k OVERFLOW SAT GET u8 0
BITFIELD k get U8 0
BITFIELD k GeT u8 0

# set and incrby
BITFIELD k SET u8 0 255 GET u8 0
BITFIELD k SET i5 100 1 GET u4 0
STRLEN k
BITFIELD k INCRBY u2 100 1 OVERFLOW SAT INCRBY u2 102 1
BITFIELD k INCRBY u2 100 1 OVERFLOW SAT INCRBY u2 102 1
BITFIELD k INCRBY u2 100 1 OVERFLOW SAT INCRBY u2 102 1
BITFIELD k INCRBY u2 100 1 OVERFLOW SAT INCRBY u2 102 1
BITFIELD k OVERFLOW FAIL INCRBY u2 102 1
BITFIELD k SET u8 #3 7 SET u8 #3 8 INCRBY u8 #3 -9
GET k
SET t v EX 1000
BITFIELD t SET u8 0 65
TTL t
SET i 5
BITFIELD i SET u8 #0 54
OBJECT ENCODING i
GET i
BITFIELD new OVERFLOW FAIL INCRBY u8 0 300
EXISTS new
STRLEN new
BITFIELD new2 OVERFLOW FAIL INCRBY u8 0 300 GET u8 0 SET u2 100 1
STRLEN new2
BITFIELD new3 SET u8 0 0 SET u8 #1 300

# overflow
BITFIELD k {|OVERFLOW WRAP|OVERFLOW SAT|OVERFLOW FAIL} SET {u8|i8|u1|i1|u63|i64} 0 {0|1|-1|127|128|-128|-129|255|256|4294967296|9223372036854775807|-4611686018427387904|9223372036854775808|x}
BITFIELD k {OVERFLOW WRAP|OVERFLOW SAT|OVERFLOW FAIL} SET u8 0 10 INCRBY u8 0 {1|-11|245|246|-10|1000|-1000|9223372036854775807|-9223372036854775808}
BITFIELD k {OVERFLOW WRAP|OVERFLOW SAT|OVERFLOW FAIL} SET i8 0 -10 INCRBY i8 0 {1|-118|-119|137|138|1000|-1000|9223372036854775807|-9223372036854775808}
BITFIELD k {OVERFLOW WRAP|OVERFLOW SAT|OVERFLOW FAIL} SET i64 3 -10 INCRBY i64 3 {1|-9223372036854775798|-9223372036854775799|9223372036854775807|-9223372036854775808}
BITFIELD k {OVERFLOW WRAP|OVERFLOW SAT|OVERFLOW FAIL} SET i64 3 10 INCRBY i64 3 {1|9223372036854775797|9223372036854775798|9223372036854775807|-9223372036854775808}
BITFIELD k {OVERFLOW WRAP|OVERFLOW SAT|OVERFLOW FAIL} SET u63 5 10 INCRBY u63 5 {1|-10|-11|9223372036854775797|9223372036854775798|9223372036854775807|-9223372036854775808}
BITFIELD k {OVERFLOW WRAP|OVERFLOW SAT|OVERFLOW FAIL} SET i1 0 0 INCRBY i1 0 {1|-1|2|-2}
BITFIELD k {OVERFLOW WRAP|OVERFLOW SAT|OVERFLOW FAIL} SET u1 0 1 INCRBY u1 0 {1|-1|2|-2}
BITFIELD k OVERFLOW SAT SET u8 0 300 OVERFLOW WRAP SET u8 0 300 OVERFLOW FAIL SET u8 0 300 SET u8 0 5 OVERFLOW SAT

# saturation far below  [newer]
BITFIELD k OVERFLOW SAT SET i8 0 -9223372036854775808 GET i8 0 -> *[:0, :-128]
BITFIELD k OVERFLOW SAT SET i1 0 -9223372036854775808 GET i1 0 -> *[:-1, :-1]
BITFIELD k OVERFLOW SAT SET i64 0 -9223372036854775808 GET i64 0 -> *[:-9223372036854775808, :-9223372036854775808]

# errors
BITFIELD k GET {u64|u0|i0|i65|x8|u|i|""|8|u08|u8x|U8|u-1|"u 8"|u99999999999999999999} 0
BITFIELD k GET u8 {NUM}
BITFIELD k GET u8 {#|#-1|#x|##1|"# 1"|#536870911|#536870912|#4294967295|4294967295|4294967296}
BITFIELD k SET u8 {4294967296|-1|#536870912|x} 1
BITFIELD k SET u8 0 {abc|1.5|""|9223372036854775808}
BITFIELD k INCRBY u8 0 {abc|1.5|""|9223372036854775808}
BITFIELD k {GET|SET|INCRBY|OVERFLOW|FOO}
BITFIELD k {GET u8|SET u8|SET u8 0|INCRBY u8 0|FOO u8 0|FOO u8 0 1}
BITFIELD k GET u8 0 {GET|SET|BAD|OVERFLOW}
BITFIELD k OVERFLOW {foo|""|FAILS}
BITFIELD k SET u8 0 x GET u8 0 FOO
BITFIELD k GET u8 0 SET x8 0 1
EXISTS k
BITFIELD
BITFIELD_RO
BITFIELD_RO k SET u8 0 1
BITFIELD_RO k INCRBY u8 0 1
BITFIELD_RO k GET u8 0 SET u8 0 1
BITFIELD_RO k SET u8 0 x
ZADD l 1 a
BITFIELD l
BITFIELD l GET u8 0
BITFIELD l SET u8 0 1
BITFIELD l GET u8 0 FOO
BITFIELD_RO l SET u8 0 1
BITFIELD_RO l GET u8 0

# offsets that overflow
BITFIELD k GET u8 #2305843009213693952
BITFIELD k GET u63 #9223372036854775807
BITFIELD k SET u8 #2305843009213693952 1
"""


def test_script(pair, script, script_proto):
    with pair.compare(script_proto) as comparison:
        comparison.run(script)


@pytest.mark.parametrize("seed", range(3))
def test_random(pair, proto, seed):
    rng = random.Random(seed)
    ours, oracle = pair.both(proto)
    keys = ("a", "b")

    def operation():
        signed = rng.random() < 0.5
        width = rng.choice((1, 2, 7, 8, 9, 31, 32, 33, 63, 64 if signed else 63, rng.randrange(1, 64)))
        field = "%s%d" % ("i" if signed else "u", width)
        offset = rng.choice(("%d", "#%d")) % rng.randrange(60)
        number = rng.choice((rng.randrange(-300, 300), rng.randrange(-2**63, 2**63), 2**63 - 1, -2**63,
                             2**(width - 1), 2**(width - 1) - 1, -2**(width - 1)))
        # The oracle takes what lies 2**63 below a field for something above it.
        number = max(-2**62, min(2**63 - 1, number))
        kind = rng.randrange(4)
        if kind == 0:
            return "OVERFLOW", rng.choice(("WRAP", "SAT", "FAIL"))
        if kind == 1:
            return "GET", field, offset
        return rng.choice(("SET", "INCRBY")), field, offset, number

    for _ in range(1500):
        key = rng.choice(keys)
        words = [word for _ in range(rng.randrange(1, 6)) for word in operation()]
        command = ("BITFIELD", key, *words)
        if rng.random() < 0.02:
            command = ("SET", key, rng.randbytes(rng.randrange(40)))
        assert ours.call(*command) == oracle.call(*command), command
        assert ours.call("GET", key) == oracle.call("GET", key), command
    ours.close()
    oracle.close()
