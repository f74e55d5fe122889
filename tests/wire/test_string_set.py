"""SET with every combination of options, and the commands that are SET with one option built in."""
SCRIPTS = r"""
# set plain
SET k v
GET k
SET k ""
GET k
SET "" empty-key
GET ""
SET k v2 GET
GET k
SET fresh v GET
GET fresh

# set binary and odd bytes
before: DEL {BYTES}
SET {BYTES} {BYTES}
GET {BYTES}
EXISTS {BYTES}
STRLEN {BYTES}

# set conditions on a missing key
before: DEL k
after: GET k
after: ~200 PTTL k
SET k v {|NX|XX|GET|KEEPTTL} {|NX|XX|GET|KEEPTTL}
SET k v {nx|xX|get} {|EX 100|px 100000|eXaT <s+100>|pxat <ms+100000>|keepTTL}
SET k v {EX 100|PX 100000|EXAT <s+100>|PXAT <ms+100000>|KEEPTTL} {NX|XX|GET}
SET k v NX GET {|EX 10|KEEPTTL}
SET k v XX GET {|EX 10|KEEPTTL}

# set conditions on a key that exists
before: SET k old
after: GET k
after: ~200 PTTL k
SET k v {|NX|XX|GET|KEEPTTL} {|NX|XX|GET|KEEPTTL}
SET k v {NX|XX|GET} {|EX 100|PX 100000|EXAT <s+100>|PXAT <ms+100000>|KEEPTTL}
SET k v {EX 100|PX 100000|EXAT <s+100>|PXAT <ms+100000>|KEEPTTL} {NX|XX|GET}
SET k v NX GET {|EX 10|KEEPTTL}
SET k v GET XX {|EX 10|KEEPTTL}

# set conditions on a key with a time to live
before: SET k old EX 1000
after: GET k
after: ~1500 PTTL k
SET k v {|NX|XX|GET|KEEPTTL} {|NX|XX|GET|KEEPTTL}
SET k v {NX|XX|GET} {|EX 100|PX 100000|EXAT <s+100>|PXAT <ms+100000>|KEEPTTL}

# set expiry options exclude each other
before: SET k old
after: ~200 PTTL k
SET k v {EX 100|PX 100000|EXAT <s+100>|PXAT <ms+100000>|KEEPTTL} {EX 100|PX 100000|EXAT <s+100>|PXAT <ms+100000>|KEEPTTL}
SET k v NX XX
SET k v XX NX
SET k v NX NX
SET k v XX XX
SET k v GET GET
SET k v EX 10 NX EX 10

# set expiry numbers
before: SET k old
after: EXISTS k
after: ~1500 PTTL k
SET k v {EX|PX|EXAT|PXAT} {TIME}
SET k v {EX|PX|EXAT|PXAT} {9223372036854775|9223372036854776|9223372036854774807|9223372036854000|4611686018427387904}

# set in the past
before: SET k old
after: EXISTS k
after: GET k
SET k v EXAT <s-10>
SET k v PXAT <ms-10>
SET k v EXAT 1
SET k v PXAT 1
SET k v PXAT 1 GET
SET k v PXAT 1 NX
SET k v PXAT 1 XX
SET k v PXAT 1 XX GET
SET k v PXAT 1 NX GET
clear:
DEL k
SET k v PXAT 1 GET
SET k v PXAT 1 XX
GET k

# set syntax errors
after: GET k
SET
SET k
SET k v EX
SET k v PX
SET k v EXAT
SET k v PXAT
SET k v EX 10 PX
SET k v BAD
SET k v ""
SET k v NX BAD
SET k v EX NX
SET k v EX 10 10
SET k v KEEPTTL 10
SET k v GET k
SET k v N
SET k v NXX
SET k v EXX 10
SET k v PERSIST
SET k v "EX " 10

# set then short expiry
SET k v PX 30
GET k
sleep: 45
GET k
EXISTS k
TTL k
SET k v PX 30
SET k v2 KEEPTTL
sleep: 45
GET k
SET k v PX 30
SET k v2
sleep: 45
GET k

# setnx
SETNX k v
SETNX k w
GET k
SETNX
SETNX k
SETNX k v w
SET t v PX 20
sleep: 35
SETNX t new
TTL t

# setex and psetex
before: SET k old
after: GET k
after: ~1500 PTTL k
{SETEX|PSETEX} k 100000 v
{SETEX|PSETEX} k {TIME} v
clear:
SETEX
SETEX k 10
SETEX k 10 v extra
PSETEX
PSETEX k 10
PSETEX k 10 v extra
SETEX k v 10

# getset
GETSET k v
GETSET k w
GET k
EXPIRE k 100
GETSET k x
TTL k
GETSET
GETSET k
GETSET k v w

# getdel
GETDEL k
SET k v
GETDEL k
EXISTS k
GETDEL k
GETDEL
GETDEL k k2
SET k v EX 100
GETDEL k
TTL k

# getex options
before: SET k v EX 1000
after: ~1500 PTTL k
GETEX k
GETEX k PERSIST
GETEX k {EX 100|PX 100000|EXAT <s+100>|PXAT <ms+100000>}
GETEX k {ex 100|persist}
GETEX k {EXAT|PXAT} 1
GETEX k {EX|PX|EXAT|PXAT} {TIME}
GETEX k {EX|PX|EXAT|PXAT}
GETEX k {EX 100|PERSIST|PX 100} {EX 100|PERSIST|PX 100}
GETEX k KEEPTTL
GETEX k NX
GETEX k GET
GETEX k EX 10 BAD
GETEX k PERSIST 1

# getex on missing key and arity
GETEX k
GETEX k EX 10
GETEX k PERSIST
GETEX k EX abc
GETEX k BAD
GETEX
EXISTS k
SET k v
GETEX k EXAT <s-1>
EXISTS k

# strings meet another type  [needs=lpush]
before: DEL l
before: RPUSH l a
after: TYPE l
SET l v GET
SET l v NX GET
SET l v XX GET
SET l v
SET l v EX 10 GET
GETSET l v
GETDEL l
GETEX l
GETEX l PERSIST
GETEX l EX 10
SETNX l v
SETEX l 10 v
GET l
MGET l l
STRLEN l
APPEND l x
SETRANGE l 0 x
SETRANGE l 0 ""
SETRANGE l 0
GETRANGE l 0 1
INCR l
INCRBYFLOAT l 1
LCS l l
MSETNX l 1 m 2
MSET l 1
"""


def test_script(pair, script, script_proto):
    with pair.compare(script_proto) as comparison:
        comparison.run(script)
