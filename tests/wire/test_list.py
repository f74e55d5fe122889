"""Lists that do not wait: every command with its options and errors, both forms, the borders between them."""
import pytest

from script import Step

SCRIPTS = r"""
# push and pop
before: DEL l
before: RPUSH l a b 3 c d
after: LRANGE l 0 -1
{LPUSH|RPUSH|LPUSHX|RPUSHX} {l|missing} {x|12|""} 
{LPUSH|RPUSH|LPUSHX|RPUSHX} {l|missing} x y 007 -0 +1 z
{LPUSH|RPUSH|LPUSHX|RPUSHX} l
{LPUSH|RPUSH|LPUSHX|RPUSHX}
{LPOP|RPOP} {l|missing}
{LPOP|RPOP} {l|missing} {NUM}
{LPOP|RPOP} l 1 2
{LPOP|RPOP} l {0|1|2|4|5|6|100}

# an emptied list is gone
RPUSH l a b c
LPOP l 3
EXISTS l
TYPE l
RPUSH l a
RPOP l
EXISTS l
RPUSH l a a
LREM l 0 a
EXISTS l
RPUSH l a b
LTRIM l 5 1
EXISTS l
LPUSH l x
LMOVE l m LEFT LEFT
EXISTS l m

# wrong type
SET s text
{LPUSH|RPUSH|LPUSHX|RPUSHX} s x
{LPOP|RPOP|LLEN} s
{LPOP|RPOP} s {0|1|-1|x}
LINDEX s {0|x}
LINSERT s {BEFORE|foo} a b
LSET s {0|x} a
{LRANGE|LTRIM} s {0|x} 1
LREM s {1|x} a
LPOS s {a|x} RANK {0|1}
LMOVE s {l|s} LEFT LEFT
RPOPLPUSH s l
RPUSH l a
LMOVE l s LEFT LEFT
RPOPLPUSH l s
LRANGE l 0 -1
LMPOP 2 l s LEFT
RPUSH l a
LMPOP 2 s l LEFT
LMPOP 3 missing s l LEFT
{BLPOP|BRPOP} {s|missing s|l s|s l} 1
BLMPOP 1 2 s l LEFT
BLMOVE s l LEFT LEFT 1
BRPOPLPUSH s l 1

# reading
before: DEL l
before: RPUSH l a b 3 c d ""
LLEN {l|missing}
LLEN
LLEN l l
LINDEX {l|missing} {NUM}
LINDEX l {-7|-6|-5|-2|2|3|4|5|6}
LRANGE l {0|1|-1|-3|-100|5|6|100} {0|1|-1|-3|-100|5|6|100}
LRANGE {l|missing} {NUM} 3
LRANGE {l|missing} 1 {NUM}
LRANGE l 0
LRANGE l 0 1 2

# lpos
before: DEL l
before: RPUSH l a b 3 a c 3 a "" b a
LPOS {l|missing} {a|b|3|""|none}
LPOS l a RANK {1|2|3|4|5|-1|-2|-4|-5|0|x|9223372036854775807|-9223372036854775807|-9223372036854775808}
LPOS {l|missing} {a|3|none} COUNT {0|1|2|10|-1|x}
LPOS l a RANK {1|2|-1|-2|9} COUNT {0|1|2} {|MAXLEN 0|MAXLEN 1|MAXLEN 5|MAXLEN 100}
LPOS l a {MAXLEN|COUNT} {NUM}
LPOS l a maxlen 4 rank -1 count 0
LPOS l a RANK
LPOS l a RANK 1 COUNT
LPOS l a RANK 1 RANK 2
LPOS l a COUNT 1 COUNT 0
LPOS l a foo 1
LPOS l

# linsert, lset, lrem, ltrim
before: DEL l
before: RPUSH l a b 3 a c 3 a
after: LRANGE l 0 -1
LINSERT {l|missing} {BEFORE|after|between} {a|3|none|c} {x|5}
LINSERT l BEFORE a
LINSERT l BEFORE a b c
LSET {l|missing} {NUM} x
LSET l {-8|-7|-1|0|6|7} {x|12|""}
LSET l 0
LREM {l|missing} {NUM} a
LREM l {0|1|2|-1|-2|3|4|-4} {a|3|none}
LREM l 1
LTRIM l {0|1|-1|-3|-100|5|6|7|100} {0|1|-1|-3|-100|5|6|100}
LTRIM {l|missing} {NUM} 3
LTRIM {l|missing} 1 {NUM}
LTRIM l 1

# moving
before: DEL l m
before: RPUSH l a b 3
before: RPUSH m x
after: LRANGE l 0 -1
after: LRANGE m 0 -1
LMOVE {l|m|missing} {l|m|missing2} {LEFT|right} {left|RIGHT}
LMOVE l m {foo|LEFT} {LEFT|foo}
LMOVE l m LEFT
LMOVE l m LEFT LEFT LEFT
RPOPLPUSH {l|m|missing} {l|m|missing2}
RPOPLPUSH l
BLMOVE {l|m} {l|m|missing2} {LEFT|RIGHT} {LEFT|RIGHT} {0|1|-1|x}
BRPOPLPUSH {l|m} {l|m|missing2} {0|1|-1|x}
LMPOP {0|1|2|3|-1|x|99999999999999999999} l {LEFT|RIGHT|foo}
LMPOP 2 {l|missing} {m|l} {LEFT|right} {|COUNT 1|COUNT 2|COUNT 10|COUNT 0|COUNT -1|COUNT x|COUNT|COUNT 1 COUNT 1|foo|foo 1}
LMPOP 1 missing LEFT COUNT 5
LMPOP 2 l LEFT
LMPOP 9223372036854775807 l LEFT
BLMPOP {0.1|x|-1} {1|0|x} l {LEFT|foo} {|COUNT 2|COUNT 0}
BLMPOP 0 2 missing l RIGHT {|COUNT 2|COUNT 9223372036854775807|COUNT 9223372036854775808}
{BLPOP|BRPOP} {l|missing l|l m|m l} {0|0.5|-1|x|1e3|99999999999999999999|nan|inf}
{BLPOP|BRPOP} l

# a transaction answers at once
MULTI
BLPOP missing 0
BRPOP missing missing2 0
BLMPOP 0 1 missing LEFT
BLMOVE missing l LEFT LEFT 0
BRPOPLPUSH missing l 0
RPUSH l a b c
BLPOP missing l 0
BLMPOP 0 2 missing l LEFT COUNT 5
EXEC

# expiry and other keys' commands
RPUSH l a b
EXPIRE l 1000
LPUSH l c
~2 TTL l
COPY l m
LRANGE m 0 -1
TTL m
RENAME l n
~2 TTL n
LRANGE n 0 -1
MOVE n 1
EXISTS n
SELECT 1
LRANGE n 0 -1
SET n x
GET n
LPUSH n x

# forms  [newer]
CONFIG SET list-max-listpack-size 4 -> +'OK'
RPUSH l a b c d -> :4
OBJECT ENCODING l -> $'listpack'
RPUSH l e -> :5
OBJECT ENCODING l -> $'quicklist'
RPOP l -> $'e'
OBJECT ENCODING l -> $'quicklist'
LPOP l -> $'a'
OBJECT ENCODING l -> $'quicklist'
LPOP l -> $'b'
OBJECT ENCODING l -> $'listpack'
CONFIG SET list-max-listpack-size -2 -> +'OK'
DEL l -> :1
RPUSH l a b -> :2
OBJECT ENCODING l -> $'listpack'
CONFIG SET list-max-listpack-size 1 -> +'OK'
OBJECT ENCODING l -> $'listpack'
LSET l 0 c -> +'OK'
OBJECT ENCODING l -> $'quicklist'
CONFIG SET list-max-listpack-size -2 -> +'OK'
LSET l 0 d -> +'OK'
OBJECT ENCODING l -> $'listpack'
"""

def test_script(pair, script, script_proto):
    with pair.compare(script_proto) as comparison:
        comparison.run(script)


def do(comparison, *words):
    args = [w if isinstance(w, bytes) else str(w).encode() for w in words]
    comparison.step(Step("command", " ".join(repr(a)[1:60] for a in args), args=args))
    comparison.check()


LARGE = [b"x" * n for n in (63, 64, 4095, 4096, 8191, 8192, 8193, 20000, 70000)]
SIZES = ["-2", "-1", "3", "0", "128"]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("depth", ["0", "1", "2"])
def test_large_elements_everywhere(pair, proto, size, depth):
    with pair.compare(proto) as c:
        do(c, "CONFIG", "SET", "list-max-listpack-size", size, "list-compress-depth", depth)
        for text in LARGE:
            do(c, "LPUSH", "l", text, "small", text)
            do(c, "RPUSH", "l", "12", text)
            do(c, "RPUSH", "l", text)
            do(c, "LPUSH", "l", text)
            do(c, "LMOVE", "l", "l", "LEFT", "RIGHT")
            do(c, "LINSERT", "l", "BEFORE", text, text + b"y")
            do(c, "LINSERT", "l", "AFTER", "small", text)
        for i in range(0, 50, 3):
            do(c, "LINDEX", "l", i)
            do(c, "LSET", "l", i, LARGE[i % len(LARGE)])
            do(c, "LSET", "l", i + 1, "tiny")
        do(c, "LRANGE", "l", "0", "-1")
        do(c, "LPOS", "l", "tiny", "COUNT", "0")
        do(c, "LREM", "l", "2", "tiny")
        do(c, "LREM", "l", "-2", LARGE[3])
        do(c, "LMOVE", "l", "l", "LEFT", "RIGHT")
        do(c, "LMOVE", "l", "m", "RIGHT", "LEFT")
        do(c, "RPOPLPUSH", "l", "m")
        do(c, "LMPOP", "2", "none", "l", "LEFT", "COUNT", "7")
        do(c, "COPY", "l", "n")
        do(c, "LTRIM", "l", "3", "-4")
        do(c, "LPOP", "l", "2")
        do(c, "LRANGE", "l", "0", "-1")
        do(c, "LRANGE", "n", "0", "-1")
        do(c, "CONFIG", "SET", "list-max-listpack-size", "-2", "list-compress-depth", "0")


def test_long_lists(pair, proto):
    with pair.compare(proto) as c:
        words = [b"element number %d" % i for i in range(3000)]
        for _ in range(4):
            do(c, "RPUSH", "l", *words)
            do(c, "LPUSH", "l", *words)
        for i in range(-30000, 30000, 777):
            do(c, "LINDEX", "l", i)
            do(c, "LRANGE", "l", i, i + 50)
        do(c, "LPOS", "l", words[1000], "COUNT", "0")
        do(c, "LPOS", "l", words[1000], "COUNT", "2", "RANK", "-2")
        do(c, "LINSERT", "l", "AFTER", words[1], "x")
        do(c, "LREM", "l", "-5", words[7])
        do(c, "LREM", "l", "0", words[8])
        do(c, "LTRIM", "l", "500", "-500")
        do(c, "LLEN", "l")
        do(c, "LRANGE", "l", "0", "-1")
        do(c, "UNLINK", "l")


@pytest.mark.cairn_only
def test_memory_of_a_long_list(pair):
    with pair.ours.conn() as conn:
        for _ in range(20):
            conn.call("LPUSH", "l", *[b"%064d" % i for i in range(1000)])
        used = conn.call("MEMORY", "USAGE", "l", "SAMPLES", "0").value
        assert 20000 * 66 < used < 20000 * 70
