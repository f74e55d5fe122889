"""The ZRANGE family: by rank, by score, by member, in both directions, with limits, stored and removed."""
SCRIPTS = r"""
# zrange by rank
ZADD z 1 a 2 b 3 c 4 d 5 e
{ZRANGE|ZREVRANGE} z {0|1|-1|-2|-100|5|3} {0|1|-1|-2|-100|5|100} {|WITHSCORES}
ZRANGE z {0|-2|2} {-1|1|100} REV {|WITHSCORES}
{ZRANGE|ZREVRANGE} z {NUM} 2
{ZRANGE|ZREVRANGE} z -2 {NUM}

# zrange by score
ZADD z 1 a 2 b 2 bb 3 c 4.5 d inf e -inf f
{ZRANGEBYSCORE|ZREVRANGEBYSCORE} z {-inf|1|(1|2|(2|3|10|+inf} {-inf|1|(1|2|(2|4.5|(4.5|+inf|(inf} {|WITHSCORES}
ZRANGE z {-inf|1|(2|+inf} {-inf|1|(2|4.5|+inf} BYSCORE {|REV} {|WITHSCORES}
ZRANGEBYSCORE z {NUM} 5
ZRANGEBYSCORE z {FLOAT} {FLOAT}
ZREVRANGEBYSCORE z {FLOAT} 1
ZRANGEBYSCORE z {(|((1|[1|(|(nan|"( 1"|" 1"|(""} 5
ZRANGE z {(|((1|[1|(|(nan|"( 1"|" 1"|(""} 5 BYSCORE

# zrange by member
ZADD z 0 a 0 b 0 c 0 "" 0 abc 0 \x00 0 ab
{ZRANGEBYLEX|ZREVRANGEBYLEX} z {-|+|[|(|[a|(a|[b|(abc|[zz} {-|+|[|(|[a|(a|[b|(abc|[zz}
ZRANGE z {-|+|[a|(abc} {-|+|[a|(abc} BYLEX {|REV}
{ZRANGEBYLEX|ZREVRANGEBYLEX} z {a|""|x|+a|--|*} {+|-}
ZRANGEBYLEX z - {a|""|x|+a|--|*}
ZRANGEBYLEX z "[\x00" "(a\xff"

# zrange limit
ZADD z 1 a 2 b 3 c 4 d 5 e
ZRANGEBYSCORE z {-inf|(1|7} {+inf|(5|0} LIMIT {0|1|4|5|100|-1|9223372036854775807|-9223372036854775808} {0|1|2|100|-1|-7|9223372036854775807}
ZREVRANGEBYSCORE z {+inf|(5} {-inf|(1} LIMIT {0|1|4|5|100|-1|9223372036854775807|-9223372036854775808} {0|1|2|100|-1|-7|9223372036854775807}
ZRANGE z 2 +inf BYSCORE LIMIT {0|1|-1} {1|-1|2} WITHSCORES
ZRANGE z +inf 2 BYSCORE REV LIMIT {0|1|-1} {1|-1|2} WITHSCORES
ZRANGEBYLEX z - + LIMIT {0|1|4|5|-1} {0|1|100|-1}
ZREVRANGEBYLEX z + - LIMIT {0|1|4|5|-1} {0|1|100|-1}
ZRANGEBYSCORE z 0 9 LIMIT {NUM} 1
ZRANGEBYSCORE z 0 9 LIMIT 0 {NUM}
ZRANGEBYSCORE z 0 9 LIMIT 1 1 LIMIT 2 2

# zrange options that don't go together
before: DEL z
before: ZADD z 1 a 2 b 3 c
ZRANGE z 0 -1 {REV|BYLEX|BYSCORE|WITHSCORES|LIMIT 0 1|LIMIT 0 -1|LIMIT 0|LIMIT|foo|""} {|REV|BYLEX|BYSCORE|WITHSCORES|LIMIT 0 1|LIMIT x 1}
ZRANGE z - + {REV|BYLEX|BYSCORE|WITHSCORES|LIMIT 0 1} {|REV|BYLEX|BYSCORE|WITHSCORES|LIMIT 0 1|LIMIT x 1}
{ZREVRANGE|ZRANGEBYSCORE|ZREVRANGEBYSCORE} z 0 1 {REV|BYLEX|BYSCORE|WITHSCORES|LIMIT 0 1|LIMIT 0 -1|LIMIT 0|LIMIT|foo} {|REV|WITHSCORES|BYSCORE|LIMIT 0 1}
{ZRANGEBYLEX|ZREVRANGEBYLEX} z - + {REV|BYLEX|BYSCORE|WITHSCORES|LIMIT 0 1|LIMIT 0|LIMIT|foo}
ZRANGE z a b
ZRANGE z 0 b LIMIT 0 1
ZRANGE z (1 2
ZRANGE z 0
ZRANGE z
ZRANGE
ZRANGEBYSCORE z 0
ZRANGEBYLEX z -
ZREVRANGE z 0

# zrange other keys
SET s text
{ZRANGE|ZREVRANGE|ZRANGEBYSCORE|ZREVRANGEBYSCORE} {s|missing} {0|x} 1
{ZRANGE|ZREVRANGE|ZRANGEBYSCORE|ZREVRANGEBYSCORE} {s|missing} 0 1 {WITHSCORES|LIMIT 0 1|foo}
{ZRANGEBYLEX|ZREVRANGEBYLEX} {s|missing} {-|x} +
ZRANGESTORE d {s|missing} {0|x} 1
ZREMRANGEBYRANK {s|missing} {0|x} 1
ZREMRANGEBYSCORE {s|missing} {0|x} 1
ZREMRANGEBYLEX {s|missing} {-|x} +
EXISTS d

# zrangestore
before: DEL z d
before: ZADD z 1 a 2 b 3.25 c inf d -inf e
before: SET d old EX 1000
after: TYPE d
after: TTL d
. after: ZRANGE d 0 -1 WITHSCORES
ZRANGESTORE d z {0|1|-2|9} {-1|0|2}
ZRANGESTORE d z {0|1} {-1|2} REV
ZRANGESTORE d z {-inf|(1|5} {+inf|(3.25} BYSCORE {|LIMIT 1 2|LIMIT 0 0|LIMIT -1 5|LIMIT 1 -1}
ZRANGESTORE d z {+inf|(inf} {-inf|(1} BYSCORE REV {|LIMIT 1 2|LIMIT 0 0}
ZRANGESTORE d z - + BYLEX {|LIMIT 1 2}
ZRANGESTORE d z + - BYLEX REV LIMIT 1 2
ZRANGESTORE d missing 0 -1
ZRANGESTORE z z 1 2
ZRANGESTORE d z 0 -1 {WITHSCORES|LIMIT 0 1|foo|REV REV|BYLEX}
ZRANGESTORE d z 0
ZRANGESTORE d z

# zrangestore what is stored
ZADD z 1 a 2 b 3.25 c inf d -inf e -0 f
ZRANGESTORE d z 1 3 REV
ZRANGE d 0 -1 WITHSCORES
ZRANGESTORE z z (1 +inf BYSCORE LIMIT 0 1
ZRANGE z 0 -1 WITHSCORES
ZRANGESTORE z z 5 6
EXISTS z

# zremrange
before: DEL z
before: ZADD z 1 a 2 b 2 bb 3 c 4.5 d
after: ZRANGE z 0 -1
after: EXISTS z
ZREMRANGEBYRANK z {0|1|-1|-2|-100|5|3} {0|1|-1|-2|-100|5|100}
ZREMRANGEBYSCORE z {-inf|1|(1|2|(2|5} {-inf|2|(2|4.5|(4.5|+inf}
ZREMRANGEBYRANK z {NUM} 2
ZREMRANGEBYSCORE z {FLOAT} +inf
ZREMRANGEBYSCORE z {(1|((1|[1} {x|5}
clear:
before: DEL z
before: ZADD z 0 a 0 b 0 c 0 ab
after: ZRANGE z 0 -1
ZREMRANGEBYLEX z {-|+|[a|(a|[ab} {-|+|[a|(b|[c|(zz}
ZREMRANGEBYLEX z {a|""|x} +
"""


def test_script(pair, script, script_proto):
    with pair.compare(script_proto) as comparison:
        comparison.run(script)


def both_fill(pair, proto, count):
    """The same elements in both: many scores of several elements each."""
    a, b = pair.both(proto)
    for conn in (a, b):
        conn.many([("ZADD", "z", *[w for i in range(at, at + 100) for w in (str((i * 7919) % 499 / 4), "m%05d" % i)])
                   for at in range(0, count, 100)])
    return a, b


def test_ranges_of_a_large_set(pair, proto):
    a, b = both_fill(pair, proto, 6000)
    with a, b:
        for command in [
            ("ZRANGE", "z", "0", "-1", "WITHSCORES"),
            ("ZRANGE", "z", "2000", "4100"),
            ("ZREVRANGE", "z", "10", "1200", "WITHSCORES"),
            ("ZRANGEBYSCORE", "z", "(10", "90", "WITHSCORES"),
            ("ZRANGEBYSCORE", "z", "10", "(90", "LIMIT", "1500", "700"),
            ("ZREVRANGEBYSCORE", "z", "90.25", "(10.5", "LIMIT", "1500", "700"),
            ("ZREVRANGEBYSCORE", "z", "+inf", "-inf", "LIMIT", "5999", "700"),
            ("ZCOUNT", "z", "(10", "(90"),
            ("ZREMRANGEBYSCORE", "z", "50", "(90"),
            ("ZRANGE", "z", "0", "-1", "WITHSCORES"),
            ("ZREMRANGEBYRANK", "z", "-3000", "-200"),
            ("ZRANGE", "z", "0", "-1", "WITHSCORES"),
            ("ZRANGESTORE", "y", "z", "100", "300"),
            ("ZRANGE", "y", "0", "-1", "WITHSCORES"),
        ]:
            assert a.call(*command) == b.call(*command), command


def test_members_of_a_large_set(pair, proto):
    a, b = pair.both(proto)
    with a, b:
        for conn in (a, b):
            conn.many([("ZADD", "z", *[w for i in range(at, at + 100) for w in ("0", "%x" % (i * 7919))])
                       for at in range(0, 5000, 100)])
        for command in [
            ("ZRANGEBYLEX", "z", "-", "+"),
            ("ZRANGEBYLEX", "z", "[1", "(9"),
            ("ZREVRANGEBYLEX", "z", "[f", "(2", "LIMIT", "17", "1000"),
            ("ZLEXCOUNT", "z", "[1", "(9"),
            ("ZREMRANGEBYLEX", "z", "[1", "(9"),
            ("ZRANGE", "z", "0", "-1"),
        ]:
            assert a.call(*command) == b.call(*command), command
