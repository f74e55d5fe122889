"""Commands on keys whatever their type: deletion, existence, renaming, copying, OBJECT, TYPE."""
SCRIPTS = r"""
# del, unlink, exists, touch
MSET a 1 b 2 c 3
{EXISTS|TOUCH} a b c d a
{DEL|UNLINK} a a d
{EXISTS|TOUCH|DEL|UNLINK} missing
{EXISTS|TOUCH|DEL|UNLINK}
UNLINK b c
DBSIZE
SET t v PX 15
sleep: 30
DEL t
SET t v PX 15
sleep: 30
UNLINK t
SET t v PX 15
sleep: 30
{EXISTS|TOUCH} t
DBSIZE

# type
TYPE missing
SET k v
TYPE k
SET n 1
TYPE n
TYPE
TYPE k k
SET t v PX 15
sleep: 30
TYPE t

# rename
RENAME a b
SET a 1
RENAME a b
MGET a b
RENAME b b
RENAMENX b b
RENAMENX missing b
RENAMENX missing missing
RENAME missing missing
SET c 3 EX 100
SET d 4
RENAME c d
TTL d
GET d
SET e 5 EX 100
SET f 6
RENAME f e
TTL e
SET g 7
RENAMENX g e
RENAMENX g h
EXISTS g h
SET t v PX 15
sleep: 30
RENAME t u
SET u 1
SET t v PX 15
sleep: 30
RENAMENX u t
TTL t
RENAME
RENAME a
RENAME a b c
RENAMENX
RENAMENX a
RENAMENX a b c
RENAME h "\x00\r\n"
GET "\x00\r\n"

# copy
COPY a b
SET a v EX 100
COPY a b
MGET a b
TTL b
COPY a b
COPY a b REPLACE
SET a w
COPY a b replace
GET b
TTL b
COPY a a
COPY a a REPLACE
COPY missing missing
COPY a a DB 1
COPY a x DB 1
COPY a x DB 1 REPLACE
COPY a x REPLACE DB 1
COPY a x DB 0
COPY a a DB 0
COPY a x DB {NUM}
COPY a x DB 15
COPY a x DB 16
COPY a x DB
COPY a x BAD
COPY a x REPLACE REPLACE
COPY a x DB 1 DB 2 REPLACE
COPY
COPY a
SELECT 1
GET a
GET x
SELECT 2
GET x
SELECT 0
SET n 5
COPY n m
INCR m
MGET n m
SET big "0123456789012345678901234567890123456789012345678901234567890123456789"
COPY big big2
APPEND big2 x
STRLEN big
STRLEN big2
SET t v PX 15
sleep: 30
COPY t u
EXISTS u

# move
MOVE k 1
SET k v EX 100
MOVE k 0
MOVE k 1
EXISTS k
SELECT 1
GET k
TTL k
SET j in-1
SELECT 0
SET j in-0
MOVE j 1
GET j
MOVE j {NUM}
MOVE j 15
EXISTS j
MOVE j 16
MOVE
MOVE j
MOVE j 1 2
SET t v PX 15
sleep: 30
MOVE t 3
SELECT 3
DBSIZE
SELECT 15
GET j

# object
OBJECT
OBJECT BAD
OBJECT ENCODING
OBJECT ENCODING missing
OBJECT REFCOUNT missing
OBJECT IDLETIME missing
OBJECT FREQ missing
SET k v
OBJECT ENCODING k
OBJECT encoding k
OBJECT REFCOUNT k
OBJECT IDLETIME k
OBJECT FREQ k
OBJECT ENCODING k k
OBJECT REFCOUNT
OBJECT IDLETIME k extra
OBJECT FREQ
OBJECT HELP
OBJECT HELP me
SET t v PX 15
sleep: 30
OBJECT ENCODING t
OBJECT REFCOUNT t

# object freq under lfu
. CONFIG SET maxmemory-policy allkeys-lfu
SET k v
~2 OBJECT FREQ k
OBJECT IDLETIME k
OBJECT FREQ missing
OBJECT IDLETIME missing
. CONFIG SET maxmemory-policy noeviction
OBJECT FREQ k

# embstr limit
SET k "01234567890123456789012345678901234567890123"
OBJECT ENCODING k
SET k "012345678901234567890123456789012345678901234"
OBJECT ENCODING k
SET k short
OBJECT ENCODING k
APPEND k x
OBJECT ENCODING k
SETRANGE k 0 x
OBJECT ENCODING k
SET k ""
OBJECT ENCODING k
COPY k k2
OBJECT ENCODING k2

# types known elsewhere  [needs=lpush,hset,sadd,zadd]
RPUSH l a
HSET h f v
SADD s m
ZADD z 1 m
TYPE {l|h|s|z}
{RENAME|COPY} l l2
TYPE l2
SCAN 0 TYPE hash
"""


def test_script(pair, script, script_proto):
    with pair.compare(script_proto) as comparison:
        comparison.run(script)


def test_idletime_counts_seconds(pair):
    """OBJECT IDLETIME grows, TOUCH and GET reset it, and reading it does not."""
    import time
    with pair.ours.conn() as conn:
        conn.call("SET", "k", "v")
        time.sleep(2.1)
        idle = conn.call("OBJECT", "IDLETIME", "k").value
        assert 1 <= idle <= 3
        assert conn.call("OBJECT", "IDLETIME", "k").value >= idle
        assert conn.call("TYPE", "k").value == b"string"
        assert conn.call("TOUCH", "k").value == 1
        assert conn.call("OBJECT", "IDLETIME", "k").value <= 1


def test_randomkey(pair):
    ours, oracle = pair.both()
    for conn in (ours, oracle):
        assert conn.call("RANDOMKEY").value is None
        conn.many([("SET", "k%d" % i, "v") for i in range(40)])
        seen = {conn.call("RANDOMKEY").value for _ in range(1000)}
        assert len(seen) == 40, "RANDOMKEY misses keys"
        conn.many([("SET", "gone%d" % i, "v", "PX", "1") for i in range(40)])
        conn.call("DEBUG", "SLEEP", "0.02")
        assert all(not conn.call("RANDOMKEY").value.startswith(b"gone") for _ in range(200))
    ours.close()
    oracle.close()


def test_randomkey_is_fair(pair):
    """No key is drawn many times more often than another."""
    import collections
    with pair.ours.conn() as conn:
        conn.many([("SET", "k%d" % i, "v") for i in range(100)])
        drawn = collections.Counter(r.value for r in conn.many([("RANDOMKEY",)] * 20000))
        assert len(drawn) == 100
        assert max(drawn.values()) < 200 * 5 and min(drawn.values()) > 200 / 10, drawn.most_common(3)
