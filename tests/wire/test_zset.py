"""Sorted sets by member: ZADD with every combination of options, removing, asking, scanning, chance."""
import collections

import pytest

SCRIPTS = r"""
# zadd options on a missing key
before: DEL z
after: ZRANGE z 0 -1 WITHSCORES
after: EXISTS z
ZADD z {|NX|XX|GT|LT|CH|INCR} {|NX|XX|GT|LT|CH|INCR} 1 a
ZADD z {nx|xx|Gt|lT} {ch|INCR} {|NX|XX|GT|LT|CH|INCR} 1 a
ZADD z {NX|XX|GT|LT|CH|INCR} {|GT|LT|CH} 1 a 2 b
ZADD z {|NX|XX|CH|INCR} 1 a 2 a
ZADD z 1 a 1 a 2 a 1 a
ZADD z 1
ZADD z NX
ZADD z NX 1
ZADD z NX XX
ZADD z 1 a 2
ZADD z 1 a NX
ZADD z INCR 1 a 2
ZADD z NX XX INCR GT 1 a x b
ZADD z foo 1 a
ZADD z 1 a x b
ZADD z x a 1 b
ZADD z "" a

# zadd options on members that are there
before: DEL z
before: ZADD z 1 a 5 b 9 c
after: ZRANGE z 0 -1 WITHSCORES
ZADD z {|NX|XX|GT|LT} {|CH|INCR} {0|1|2|-1|5|8.5|-inf} {a|b|c|d}
ZADD z {|NX|XX|GT|LT} {|CH} 5 a 5 b 5 c 5 d
ZADD z {|NX|XX|GT|LT} {XX|NX|GT|LT} {|CH|INCR} 6 b
ZADD z CH 9 a 1 c 5 b 7 b 5 b
ZINCRBY z {0|1|-1|100|0.1|-8.5|inf|-inf|1e300} {a|b|c|d}

# zadd on a tree
before: DEL z
before: ZADD z 1 a 5 b 9 c 3 "a member that is longer than the sixty-four bytes of a small sorted set"
after: ZRANGE z 0 -1 WITHSCORES
after: OBJECT ENCODING z
ZADD z {|NX|XX|GT|LT} {|CH|INCR} {0|1|2|-1|5|8.5|-inf} {a|b|c|d}
ZADD z {|NX|XX|GT|LT} {|CH} 5 a 5 b 5 c 5 d
ZINCRBY z {0|1|-1|100|-8.5|inf|-inf|1e300} {a|b|c|d}
ZREM z a c "a member that is longer than the sixty-four bytes of a small sorted set"

# zadd score texts
before: DEL z
after: ZSCORE z a
after: ZRANGE z 0 -1 WITHSCORES
ZADD z {FLOAT} a
ZADD z {NUM} a
ZADD z INCR {FLOAT} a
ZINCRBY z {FLOAT} a

# zadd sums that are no numbers
ZADD z inf a -inf b 1 c
ZINCRBY z -inf a
ZINCRBY z inf a
ZINCRBY z inf b
ZADD z INCR -inf a
ZADD z INCR XX -inf a
ZADD z INCR GT -inf a
ZADD z INCR LT -inf a
ZADD z INCR NX -inf a
ZINCRBY z 1.7e308 c
ZINCRBY z 1.7e308 c
ZRANGE z 0 -1 WITHSCORES

# zadd zero and minus zero
ZADD z -0 a
ZSCORE z a
ZADD z CH 0 a
ZSCORE z a
ZADD z 0 b
ZADD z CH -0 b
ZRANGE z 0 -1 WITHSCORES
ZINCRBY z 0 a
ZINCRBY z -0 a

# zset members of any bytes
before: DEL z
after: ZRANGE z 0 -1
ZADD z 1 {BYTES} 2 x
ZADD z 1 {NUM}
ZADD z 1 007 1 7 1 +7 1 -7 1 7.0 1 9223372036854775807 1 9223372036854775808 1 -9223372036854775808 1 ""
ZADD z 1 -0 1 0 1 "" 1 -

# zset wrong type
before: SET s text
ZADD s {|NX|XX|INCR} 1 a
ZADD s x a
ZADD s 1
ZADD s NX XX 1 a
ZINCRBY s 1 a
ZINCRBY s x a
ZREM s a
ZCARD s
ZSCORE s a
ZMSCORE s a b
ZRANK s a
ZREVRANK s a
ZCOUNT s {0|x} 1
ZLEXCOUNT s {-|x} +
ZRANDMEMBER s
ZRANDMEMBER s {1|x|0}
ZRANDMEMBER s 1 {WITHSCORES|foo}
ZSCAN s 0
ZSCAN s x
ZSCAN s 0 COUNT x
GET s

# zset on a missing key
ZREM z a
ZCARD z
ZSCORE z a
ZMSCORE z a b
ZRANK z a
ZREVRANK z a
ZCOUNT z 0 1
ZLEXCOUNT z - +
ZRANDMEMBER z
ZRANDMEMBER z {1|0|-1|x}
ZRANDMEMBER z 1 WITHSCORES
ZSCAN z 0
ZSCAN z {NUM}
ZSCAN z 0 COUNT x
ZSCAN z 0 MATCH
EXISTS z

# zset number of arguments
ZADD
ZADD z
ZADD z 1
ZINCRBY z 1
ZINCRBY z 1 a b
ZREM z
ZCARD
ZCARD z z
ZSCORE z
ZSCORE z a b
ZMSCORE z
ZRANK z
ZCOUNT z 1
ZCOUNT z 1 2 3
ZLEXCOUNT z -
ZRANDMEMBER
ZRANDMEMBER z 1 WITHSCORES x
ZSCAN z

# zrem until nothing is left
ZADD z 1 a 2 b 3 c
ZREM z a nothing a
ZCARD z
ZREM z b c b
EXISTS z
TYPE z

# zscore zmscore zrank
ZADD z 1 a 2.5 b 2.5 c -7 d inf e
ZSCORE z {a|b|c|d|e|f|""}
ZMSCORE z a f d "" e
{ZRANK|ZREVRANK} z {a|b|c|d|e|f|""}

# zcount zlexcount
ZADD z 1 a 2 b 2 c 3 d inf e -inf f
ZCOUNT z {-inf|1|(1|2|(2|3|10|+inf} {-inf|1|(1|2|(2|3|(3|+inf|(inf}
ZCOUNT z {NUM} 5
ZCOUNT z 0 {FLOAT}
ZCOUNT z {(|((1|[1|(|(nan|( 1} 5
DEL z
ZADD z 0 a 0 b 0 c 0 "" 0 abc 0 \x00
ZLEXCOUNT z {-|+|[|(|[a|(a|[b|(abc|[zz} {-|+|[|(|[a|(a|[b|(abc|[zz}
ZLEXCOUNT z {a|""|x|+a|--|*} +

# zrandmember arguments
ZADD z 1 a 2 b 3 c
% ZRANDMEMBER z 3
% ZRANDMEMBER z 100
% ZRANDMEMBER z 3 WITHSCORES
ZRANDMEMBER z 0
ZRANDMEMBER z 0 WITHSCORES
ZRANDMEMBER z {+1|01|""|x|1.0|9223372036854775808|-9223372036854775808|-9223372036854775809}
ZRANDMEMBER z {x|4611686018427387904|-4611686018427387904|9223372036854775807|-9223372036854775807} WITHSCORES
ZRANDMEMBER z {1|x|-9223372036854775808} {foo|""}
ZRANDMEMBER z WITHSCORES
% ZRANDMEMBER z 9223372036854775807
ZREM z b c
ZRANDMEMBER z
ZRANDMEMBER z 1
ZRANDMEMBER z -3
ZRANDMEMBER z -3 WITHSCORES

# zscan of a small set
ZADD z 1 a 2 b 3.5 c inf ab
ZSCAN z 0
ZSCAN z 0 MATCH a*
ZSCAN z 0 MATCH * COUNT 1
ZSCAN z 0 MATCH nothing
ZSCAN z 0 COUNT {NUM}
ZSCAN z {NUM}
ZSCAN z 0 {MATCH|COUNT|foo}
ZSCAN z 0 COUNT 5 foo
ZSCAN z 0 COUNT 5 COUNT 6 MATCH b MATCH a
ZSCAN z 17

# zset encoding
CONFIG SET zset-max-listpack-entries 4 zset-max-listpack-value 8
ZADD z 1 a 2 b 3 c 4 12345678
OBJECT ENCODING z
ZADD z 5 a 6 b
OBJECT ENCODING z
ZADD z 5 e
OBJECT ENCODING z
ZREM z e a
OBJECT ENCODING z
ZADD y 1 123456789
OBJECT ENCODING y
ZADD x 1 a
OBJECT ENCODING x
ZADD x 1 123456789
OBJECT ENCODING x
ZRANGE x 0 -1 WITHSCORES
CONFIG SET zset-max-listpack-entries 0
ZADD w 1 a
OBJECT ENCODING w
ZADD x 1 b
CONFIG SET zset-max-listpack-entries 128 zset-max-listpack-value 64
ZRANGESTORE y z 0 -1
OBJECT ENCODING y
COPY z v
OBJECT ENCODING v
ZRANGE v 0 -1 WITHSCORES
ZADD v 0 x
ZRANGE z 0 -1

# zrank with score  [newer proto=2]
ZADD z 1 a 2.5 b -> :2
ZRANK z b WITHSCORE -> *[:1, $'2.5']
ZREVRANK z b withscore -> *[:0, $'2.5']
ZRANK z c WITHSCORE -> null-array
ZRANK y c WITHSCORE -> null-array
ZRANK z b -> :1
ZRANK z b WITHSCORES -> -'ERR syntax error'
ZRANK z b WITHSCORE x -> -"ERR wrong number of arguments for 'zrank' command"

# zrank with score in resp3  [newer proto=3]
ZADD z 1 a 2.5 b -> :2
ZRANK z b WITHSCORE -> *[:1, ,'2.5']
ZREVRANK z a withscore -> *[:1, ,'1']
ZRANK z c WITHSCORE -> null
ZRANK y c WITHSCORE -> null

# zscan without scores  [newer]
ZADD z 1 a 2.5 b -> :2
ZSCAN z 0 NOSCORES -> *[$'0', *[$'a', $'b']]
ZSCAN z 0 MATCH a noscores COUNT 5 -> *[$'0', *[$'a']]
ZSCAN z 0 NOSCORES NOSCORES -> *[$'0', *[$'a', $'b']]

# shortest score texts  [newer proto=2]
ZADD z 1.1 a 0.1 b 1e20 c 3.0000000000000004 d 1e-7 e 123456789012345678 f -0 g -> :7
ZSCORE z a -> $'1.1'
ZSCORE z b -> $'0.1'
ZSCORE z c -> $'1e+20'
ZSCORE z d -> $'3.0000000000000004'
ZSCORE z e -> $'1e-7'
ZSCORE z f -> $'123456789012345680'
ZSCORE z g -> $'-0'
ZINCRBY z 0.2 b -> $'0.30000000000000004'
ZSCAN z 0 MATCH a -> *[$'0', *[$'a', $'1.1']]
"""


def test_script(pair, script, script_proto):
    with pair.compare(script_proto) as comparison:
        comparison.run(script)


def fill(conn, key, count):
    conn.many([("ZADD", key, *[x for i in range(at, min(at + 100, count)) for x in (str(i % 7), "m%d" % i)])
               for at in range(0, count, 100)])


@pytest.mark.parametrize("count", [1, 10, 3000])
def test_zscan_gives_all(pair, count):
    with pair.ours.conn() as conn:
        fill(conn, "z", 2000)
        cursor, seen = b"0", collections.Counter()
        for _ in range(4000):
            reply = conn.call("ZSCAN", "z", cursor, "COUNT", str(count))
            cursor, flat = reply.value[0].value, [x.value for x in reply.value[1].value]
            for member, score in zip(flat[::2], flat[1::2]):
                assert int(member[1:]) % 7 == int(score)
                seen[member] += 1
            if cursor == b"0":
                break
            # What is there from start to end comes, whatever else comes and goes.
            conn.call("ZADD", "z", "1", "m%d" % (7 * 10**6 + len(seen) * 7 + 1))
        assert cursor == b"0"
        assert all(b"m%d" % i in seen for i in range(2000))


def test_zscan_of_an_index_that_lost_most(pair):
    with pair.ours.conn() as conn:
        fill(conn, "z", 20000)
        conn.call("ZREMRANGEBYRANK", "z", "0", "-4")
        cursor, left = b"0", set()
        for _ in range(5000):
            cursor, items = conn.call("ZSCAN", "z", cursor).value
            cursor = cursor.value
            left.update(x.value for x in items.value[::2])
            if cursor == b"0":
                break
        assert cursor == b"0" and len(left) == 3


@pytest.mark.parametrize("size", [60, 400])
@pytest.mark.parametrize("share", [0.02, 0.3, 0.6, 0.98])
def test_zrandmember_is_fair(pair, size, share):
    with pair.ours.conn() as conn:
        fill(conn, "z", size)
        count, rounds = max(1, int(size * share)), int(100 / share)
        seen = collections.Counter()
        for reply in conn.many([("ZRANDMEMBER", "z", str(count), "WITHSCORES")] * rounds):
            flat = [x.value for x in reply.value]
            members = flat[::2]
            assert len(members) == count == len(set(members))
            assert all(int(m[1:]) % 7 == int(s) for m, s in zip(members, flat[1::2]))
            seen.update(members)
        mean = count * rounds / size
        assert len(seen) == size and max(seen.values()) < mean * 1.8 and min(seen.values()) > mean * 0.4
        reply = conn.call("ZRANDMEMBER", "z", str(-20 * size))
        drawn = collections.Counter(x.value for x in reply.value)
        assert sum(drawn.values()) == 20 * size and max(drawn.values()) < 60


def test_zrandmember_pairs_in_resp3(pair):
    with pair.ours.conn(3) as conn:
        fill(conn, "z", 5)
        reply = conn.call("ZRANDMEMBER", "z", "-7", "WITHSCORES")
        assert len(reply.value) == 7
        assert all([x.kind for x in pair_.value] == ["$", ","] for pair_ in reply.value)


def test_many_pairs_at_once(pair, proto):
    pairs = [word for i in range(5000) for word in (str((i * 7919) % 5000), "m%d" % i)]
    a, b = pair.both(proto)
    with a, b:
        for conn in (a, b):
            assert conn.call("ZADD", "z", *pairs).value == 5000
            assert conn.call("ZADD", "z", "CH", *pairs[:2000], "1", "m0", "x", "bad").is_error
            assert conn.call("ZADD", "z", "CH", *pairs, "1", "m0").value == 1
        assert a.call("ZRANGE", "z", "0", "-1", "WITHSCORES") == b.call("ZRANGE", "z", "0", "-1", "WITHSCORES")
