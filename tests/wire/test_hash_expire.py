"""Expiry of hash fields, which the oracle does not have: expectations from the documentation of Redis 7.4 and 8."""
import copy
import random
import re
import time

import pytest

from harness import SLOW, info, wait_for

SCRIPTS = r"""
# hexpire and its replies  [newer]
HEXPIRE none 10 FIELDS 2 a b -> *[:-2, :-2]
EXISTS none -> :0
HSET h a 1 b 2 c 3 -> :3
HEXPIRE h 100 FIELDS 2 a x -> *[:1, :-2]
HTTL h FIELDS 3 a b x -> *[:100, :-1, :-2]
HEXPIRE h 0 FIELDS 3 b b x -> *[:2, :-2, :-2]
HEXISTS h b -> :0
HPEXPIRE h 0 FIELDS 1 a -> *[:2]
HEXPIREAT h 1 FIELDS 1 c -> *[:2]
EXISTS h -> :0
HSET h a 1 -> :1
HPEXPIREAT h 99999999999999 FIELDS 1 a -> -"ERR invalid expire time in 'hpexpireat' command"
HPEXPIREAT h 70368744177663 FIELDS 1 a -> *[:1]
HPEXPIRETIME h FIELDS 1 a -> *[:70368744177663]
HEXPIRETIME h FIELDS 2 a b -> *[:70368744178, :-2]
HPEXPIREAT h 0 FIELDS 1 a -> *[:2]
EXISTS h -> :0

# conditions  [newer]
HSET h a 1 b 2 -> :2
HEXPIRE h 100 XX FIELDS 2 a b -> *[:0, :0]
HEXPIRE h 100 GT FIELDS 2 a b -> *[:0, :0]
HEXPIRE h 100 NX FIELDS 1 a -> *[:1]
HEXPIRE h 200 NX FIELDS 2 a b -> *[:0, :1]
HEXPIRE h 150 GT FIELDS 2 a b -> *[:1, :0]
HEXPIRE h 120 LT FIELDS 3 a b c -> *[:1, :1, :-2]
HEXPIRE h 50 XX FIELDS 1 a -> *[:1]
HTTL h FIELDS 2 a b -> *[:50, :120]
HPERSIST h FIELDS 1 a -> *[:1]
HEXPIRE h 50 LT FIELDS 1 a -> *[:1]
HEXPIREAT h 1 NX FIELDS 1 a -> *[:0]
HEXPIREAT h 1 GT FIELDS 1 a -> *[:0]
HEXPIREAT h 1 LT FIELDS 1 a -> *[:2]
HKEYS h -> *[$'b']

# conditions are not compatible with one another  [newer]
HSET h a 1 -> :1
HEXPIRE h 100 NX XX FIELDS 1 a -> -'ERR Mandatory argument FIELDS is missing or not at the right position'
HEXPIRE h 100 ZZ FIELDS 1 a -> -'ERR Mandatory argument FIELDS is missing or not at the right position'

# bad arguments of hexpire  [newer]
HSET h a 1 -> :1
{HEXPIRE|HPEXPIRE|HEXPIREAT|HPEXPIREAT} h x FIELDS 1 a -> -'ERR value is not an integer or out of range'
{HEXPIRE|HPEXPIRE|HEXPIREAT|HPEXPIREAT} h 9223372036854775808 FIELDS 1 a -> -'ERR value is not an integer or out of range'
{HEXPIRE|HPEXPIRE|HEXPIREAT|HPEXPIREAT} h -1 FIELDS 1 a -> -'ERR invalid expire time, must be >= 0'
HEXPIRE h {9223372036854775807|9223372036854775|281474976710656} FIELDS 1 a -> -"ERR invalid expire time in 'hexpire' command"
HPEXPIRE h {9223372036854775807|70368744177664} FIELDS 1 a -> -"ERR invalid expire time in 'hpexpire' command"
HEXPIREAT h {9223372036854775807|70368744178} FIELDS 1 a -> -"ERR invalid expire time in 'hexpireat' command"
HEXPIRE h 10 FIELDS 0 a -> -'ERR Parameter `numFields` should be greater than 0'
HEXPIRE h 10 FIELDS {-1|x|9223372036854775808} a -> -'ERR Parameter `numFields` should be greater than 0'
HEXPIRE h 10 FIELDS {2|9223372036854775807} a -> -'ERR The `numfields` parameter must match the number of arguments'
HEXPIRE h 10 FIELDS 1 a b -> -'ERR The `numfields` parameter must match the number of arguments'
HEXPIRE h 10 NX FIELDS 1 -> -'ERR The `numfields` parameter must match the number of arguments'
HEXPIRE h 10 NX 1 a -> -'ERR Mandatory argument FIELDS is missing or not at the right position'
HEXPIRE h 10 1 a b -> -'ERR Mandatory argument FIELDS is missing or not at the right position'
HEXPIRE h 10 FIELDS 1 -> -"ERR wrong number of arguments for 'hexpire' command"
HEXPIRE h -> -"ERR wrong number of arguments for 'hexpire' command"
HTTL h FIELDS -> -"ERR wrong number of arguments for 'httl' command"
{HTTL|HPTTL|HEXPIRETIME|HPEXPIRETIME|HPERSIST|HGETDEL} h FIELDS {0|-1|x} a -> -'ERR Number of fields must be a positive integer'
{HTTL|HPTTL|HEXPIRETIME|HPEXPIRETIME|HPERSIST|HGETDEL} h FIELDS 2 a -> -'ERR The `numfields` parameter must match the number of arguments'
{HTTL|HPTTL|HEXPIRETIME|HPEXPIRETIME|HPERSIST|HGETDEL} h FIELDS 1 a b -> -'ERR The `numfields` parameter must match the number of arguments'
{HTTL|HPTTL|HEXPIRETIME|HPEXPIRETIME|HPERSIST|HGETDEL} h FIELD 1 a -> -'ERR Mandatory argument FIELDS is missing or not at the right position'
HTTL h FIELDS 1 a -> *[:-1]

# wrong type  [newer]
SET s v -> +'OK'
{HEXPIRE|HPEXPIRE|HEXPIREAT|HPEXPIREAT} s 10 FIELDS 1 a -> -'WRONGTYPE Operation against a key holding the wrong kind of value'
{HTTL|HPTTL|HEXPIRETIME|HPEXPIRETIME|HPERSIST|HGETEX|HGETDEL} s FIELDS 1 a -> -'WRONGTYPE Operation against a key holding the wrong kind of value'
HSETEX s FIELDS 1 a 1 -> -'WRONGTYPE Operation against a key holding the wrong kind of value'

# no such key  [newer]
{HTTL|HPTTL|HEXPIRETIME|HPEXPIRETIME|HPERSIST} none FIELDS 2 a b -> *[:-2, :-2]
EXISTS none -> :0

# hpersist  [newer]
HSET h a 1 b 2 -> :2
HEXPIRE h 100 FIELDS 1 a -> *[:1]
OBJECT ENCODING h -> $'listpackex'
HPERSIST h FIELDS 4 a a b x -> *[:1, :-1, :-1, :-2]
HTTL h FIELDS 1 a -> *[:-1]
OBJECT ENCODING h -> $'listpackex'

# what drops an expiry and what keeps it  [newer]
HSET h a 1 b 1 c 1 d 1 e 1 -> :5
HEXPIRE h 100 FIELDS 5 a b c d e -> *[:1, :1, :1, :1, :1]
HSET h a 2 -> :0
HSETNX h b 2 -> :0
HINCRBY h c 2 -> :3
HINCRBYFLOAT h d 0.5 -> $'1.5'
HMSET h e 2 -> +'OK'
HTTL h FIELDS 5 a b c d e -> *[:-1, :100, :100, :100, :-1]

# hgetex  [newer]
HSET h a 1 b 2 -> :2
HGETEX h FIELDS 3 a x b -> *[$'1', {null}, $'2']
HGETEX none FIELDS 1 a -> *[{null}]
HGETEX none EX 10 FIELDS 1 a -> *[{null}]
EXISTS none -> :0
HTTL h FIELDS 1 a -> *[:-1]
HGETEX h EX 100 FIELDS 2 a x -> *[$'1', {null}]
HTTL h FIELDS 2 a b -> *[:100, :-1]
HGETEX h PX 50000 FIELDS 1 a -> *[$'1']
HTTL h FIELDS 1 a -> *[:50]
HGETEX h FIELDS 1 a -> *[$'1']
HTTL h FIELDS 1 a -> *[:50]
HGETEX h PERSIST FIELDS 2 a b -> *[$'1', $'2']
HTTL h FIELDS 1 a -> *[:-1]
HGETEX h EXAT 9999999999 FIELDS 1 a -> *[$'1']
HEXPIRETIME h FIELDS 1 a -> *[:9999999999]
HGETEX h PXAT 9999999999001 FIELDS 1 a -> *[$'1']
HPEXPIRETIME h FIELDS 1 a -> *[:9999999999001]
HGETEX h PXAT 1 FIELDS 2 a a -> *[$'1', {null}]
HGETEX h EX 0 FIELDS 1 b -> *[$'2']
EXISTS h -> :0

# bad arguments of hgetex  [newer]
HSET h a 1 -> :1
HGETEX h -> -"ERR wrong number of arguments for 'hgetex' command"
HGETEX h FIELDS 1 -> -"ERR wrong number of arguments for 'hgetex' command"
HGETEX h {XFIELDX 1 a|PXAT 1 1|PERSIST 1 FIELDS 1 a|KEEPTTL FIELDS 1 a|EX 100 PERSIST FIELDS 1 a} -> -'ERR Mandatory argument FIELDS is missing or not at the right position'
HGETEX h FIELDS 2 a -> -'ERR The `numfields` parameter must match the number of arguments'
HGETEX h FIELDS {0|-1|9223372036854775808} a -> -'ERR Number of fields must be a positive integer'
HGETEX h {EX|EXAT|PX|PXAT} {bla|9223372036854775808} FIELDS 1 a -> -'ERR value is not an integer or out of range'
HGETEX h {EX|EXAT|PX|PXAT} -1 FIELDS 1 a -> -'ERR invalid expire time, must be >= 0'
HGETEX h {EX|EXAT|PX|PXAT} 281474976710656 FIELDS 1 a -> -"ERR invalid expire time in 'hgetex' command"
HTTL h FIELDS 1 a -> *[:-1]

# hgetdel  [newer]
HSET h a 1 b 2 c 3 -> :3
HGETDEL h FIELDS 3 a x a -> *[$'1', {null}, {null}]
HGETDEL none FIELDS 1 a -> *[{null}]
HLEN h -> :2
HGETDEL h FIELDS 2 b c -> *[$'2', $'3']
EXISTS h -> :0

# hsetex  [newer]
HSETEX h FIELDS 2 a 1 b 2 -> :1
HSETEX h FIELDS 1 a 11 -> :1
HGET h a -> $'11'
HSETEX h FNX FIELDS 2 a x c x -> :0
HSETEX h FXX FIELDS 2 a x c x -> :0
HSETEX none FXX FIELDS 1 a x -> :0
EXISTS none -> :0
HSETEX h FNX EX 100 FIELDS 2 c 3 d 4 -> :1
HSETEX h FXX PX 50000 FIELDS 2 a 1 c 3 -> :1
HTTL h FIELDS 4 a b c d -> *[:50, :-1, :50, :100]
HSETEX h KEEPTTL FIELDS 2 a 5 new 6 -> :1
HTTL h FIELDS 2 a new -> *[:50, :-1]
HGET h a -> $'5'
HSETEX h FIELDS 1 a 6 -> :1
HTTL h FIELDS 1 a -> *[:-1]
HSETEX h EXAT 9999999999 FIELDS 1 a 1 -> :1
HEXPIRETIME h FIELDS 1 a -> *[:9999999999]
HSETEX h PXAT 9999999999001 FXX FIELDS 1 a 1 -> :1
HPEXPIRETIME h FIELDS 1 a -> *[:9999999999001]
HSETEX h EX 0 FIELDS 2 a 1 nothing 1 -> :1
HEXISTS h a -> :0
HEXISTS h nothing -> :0
HSETEX fresh PXAT 1 FIELDS 2 a 1 b 2 -> :1
EXISTS fresh -> :0
DEL h -> :1
HSETEX h EX 100 FIELDS 2 a 1 a 2 -> :1
HGETALL h -> {map}

# hsetex on condition of the key  [newer]
HSETEX h XX FIELDS 1 a 1 -> :0
EXISTS h -> :0
HSETEX h NX FIELDS 1 a 1 -> :1
HSETEX h NX FIELDS 1 b 1 -> :0
HSETEX h XX FNX FIELDS 1 b 1 -> :1
HLEN h -> :2

# bad arguments of hsetex  [newer]
HSETEX h -> -"ERR wrong number of arguments for 'hsetex' command"
HSETEX h fields {2 a b|2 a b c|2 a b c d e|3 a b c d|3 a b c d e f g|1 a b unknown|9 a b} -> -"ERR wrong number of arguments for 'hsetex' command"
HSETEX h fields {0|-1|x|9223372036854775808} a b -> -'ERR invalid number of fields'
HSETEX h {fxx fxx|fxx fnx|fnx fxx|fnx fnx} EX 100 fields 1 a b -> -'ERR Only one of FXX or FNX arguments can be specified'
HSETEX h {EX 100 PX 1000|PX 100 EXAT 9999999999|KEEPTTL EX 100|EX 100 KEEPTTL|KEEPTTL KEEPTTL|PXAT 10 PXAT 10} fields 1 a b -> -'ERR Only one of EX, PX, EXAT, PXAT or KEEPTTL arguments can be specified'
HSETEX h {EX|PX|EXAT|PXAT} fields 1 a b -> -'ERR value is not an integer or out of range'
HSETEX h {EX|PX|EXAT|PXAT} -1 fields 1 a b -> -'ERR invalid expire time, must be >= 0'
HSETEX h {EX|PX|EXAT|PXAT} 281474976710656 fields 1 a b -> -"ERR invalid expire time in 'hsetex' command"
HSETEX h BOGUS FIELDS 1 a b -> -'ERR unknown argument: BOGUS'
HSETEX h PERSIST FIELDS 1 a b -> -'ERR unknown argument: PERSIST'
HSETEX h FNX EX 100 KEEP a -> -'ERR unknown argument: KEEP'
HSETEX h FNX FNX a b -> -'ERR Only one of FXX or FNX arguments can be specified'
HSETEX h FNX NX EX 100 -> -'ERR missing FIELDS argument'
HSETEX h FNX NX KEEPTTL FIELDS -> -"ERR wrong number of arguments for 'hsetex' command"
HSETEX h FNX NX XX FIELDS -> -'ERR Only one of XX or NX arguments can be specified'
HSETEX h FNX NX XX a b -> -'ERR Only one of XX or NX arguments can be specified'
EXISTS h -> :0

# forms  [newer]
. CONFIG SET hash-max-listpack-entries 4
HSET h a 1 b 2 c 3 -> :3
HEXPIRE h 100 FIELDS 1 b -> *[:1]
OBJECT ENCODING h -> $'listpackex'
HSET h d 4 e 5 -> :2
OBJECT ENCODING h -> $'hashtable'
HTTL h FIELDS 2 a b -> *[:-1, :100]
COPY h c -> :1
HTTL c FIELDS 2 a b -> *[:-1, :100]
RENAME c r -> +'OK'
HTTL r FIELDS 2 a b -> *[:-1, :100]
. CONFIG SET hash-max-listpack-entries 512

# small hashes are ordered by expiry  [newer]
HSET h a 1 b 2 c 3 d 4 -> :4
HEXPIRE h 300 FIELDS 1 c -> *[:1]
HEXPIRE h 200 FIELDS 1 d -> *[:1]
HEXPIRE h 250 FIELDS 1 a -> *[:1]
HKEYS h -> *[$'d', $'a', $'c', $'b']
HPERSIST h FIELDS 1 a -> *[:1]
HKEYS h -> *[$'d', $'c', $'b', $'a']
HSET h d 5 -> :0
HKEYS h -> *[$'c', $'b', $'a', $'d']

# in a transaction  [newer]
MULTI -> +'OK'
HSETEX h PX 60000 FIELDS 1 a 1 -> +'QUEUED'
HGETEX h PERSIST FIELDS 1 a -> +'QUEUED'
HTTL h FIELDS 1 a -> +'QUEUED'
HPEXPIREAT h 1 FIELDS 1 a -> +'QUEUED'
EXISTS h -> +'QUEUED'
EXEC -> *[:1, *[$'1'], *[:-1], *[:2], :0]
"""


def test_script(pair, script, script_proto):
    """{null} is the protocol's null, {map} its map of one field."""
    words = {"{null}": "null", "{map}": "%[$'a', $'2']"} if script_proto == 3 else \
        {"{null}": "null-bulk", "{map}": "*[$'a', $'2']"}
    run = copy.copy(script)
    run.lines = [re.sub(r"\{(null|map)\}", lambda m: words[m.group()], line) for line in script.lines]
    with pair.compare(script_proto) as comparison:
        comparison.run(run)


pytestmark = pytest.mark.cairn_only


@pytest.fixture(params=["listpackex", "hashtable"])
def form(request, pair):
    """Small or large hashes."""
    with pair.ours.conn() as conn:
        conn.call("CONFIG", "SET", "hash-max-listpack-entries", 512 if request.param == "listpackex" else 0)
        yield request.param
        conn.call("CONFIG", "SET", "hash-max-listpack-entries", 512)
        conn.call("DEBUG", "SET-ACTIVE-EXPIRE", "1")


def texts(reply):
    return [r.text for r in reply.value]


def ints(reply):
    return [r.value for r in reply.value]


def subexpiry(conn):
    line = info(conn, "keyspace").get("db0", "subexpiry=0")
    return int(line.rpartition("subexpiry=")[2])


def stat(conn, name="expired_subkeys"):
    return int(info(conn, "stats")[name])


def test_due_fields_are_not_seen(pair, form, proto):
    """By any command, from the moment on, whether or not somebody removes them."""
    for active in (0, 1):
        with pair.ours.conn(proto) as conn:
            conn.call("DEBUG", "SET-ACTIVE-EXPIRE", active)
            conn.call("DEL", "h", "all")
            for i in range(10):
                conn.call("HSET", "h", "f%d" % i, i)
            assert ints(conn.call("HPEXPIRE", "h", 20, "FIELDS", 5, *["f%d" % i for i in range(5)])) == [1] * 5
            assert conn.call("OBJECT", "ENCODING", "h").text == form
            conn.call("HSETEX", "all", "PX", 20, "FIELDS", 2, "a", 1, "b", 2)
            time.sleep(0.025)
            assert conn.call("HGET", "h", "f1").value is None
            assert conn.call("HEXISTS", "h", "f1").value == 0
            assert conn.call("HSTRLEN", "h", "f1").value == 0
            assert conn.call("HLEN", "h").value == 5
            assert sorted(texts(conn.call("HKEYS", "h"))) == ["f5", "f6", "f7", "f8", "f9"]
            assert sorted(texts(conn.call("HVALS", "h"))) == list("56789")
            assert sorted(texts(conn.call("HSCAN", "h", 0, "COUNT", 100).value[1])[::2]) == ["f5", "f6", "f7", "f8", "f9"]
            assert len(conn.call("HRANDFIELD", "h", 100).value) == 5
            assert all(t >= "f5" for t in texts(conn.call("HRANDFIELD", "h", -50)))
            assert ints(conn.call("HTTL", "h", "FIELDS", 2, "f1", "f6")) == [-2, -1]
            assert ints(conn.call("HPERSIST", "h", "FIELDS", 1, "f1")) == [-2]
            assert ints(conn.call("HEXPIRE", "h", 10, "FIELDS", 1, "f1")) == [-2]
            assert conn.call("HDEL", "h", "f1").value == 0
            assert conn.call("HINCRBY", "h", "f1", 3).value == 3
            assert ints(conn.call("HTTL", "h", "FIELDS", 1, "f1")) == [-1]
            assert conn.call("HSETNX", "h", "f2", "again").value == 1
            assert conn.call("EXISTS", "all").value == 0
            assert conn.call("TYPE", "all").text == "none"
            assert conn.call("HSETEX", "all", "FXX", "FIELDS", 1, "a", 1).value == 0
            assert conn.call("SET", "all", "v", "NX").text == "OK"


def test_gone_within_100_ms(pair, form):
    """Without any access: from DBSIZE, INFO keyspace and memory."""
    with pair.ours.conn() as conn:
        conn.call("CONFIG", "RESETSTAT")
        conn.call("HSET", "h", *[w for i in range(20) for w in ("f%d" % i, "v")])
        conn.call("HSETEX", "short", "PX", 50, "FIELDS", 2, "a", 1, "b", 2)
        conn.call("HPEXPIRE", "h", 50, "FIELDS", 10, *["f%d" % i for i in range(10)])
        assert subexpiry(conn) == 2 and conn.call("DBSIZE").value == 2
        time.sleep(0.05 + 0.1 * SLOW + 0.02)
        assert conn.call("DBSIZE").value == 1
        assert subexpiry(conn) == 0
        assert stat(conn) == 12


def test_moments_that_differ(pair, form):
    """Each field goes at its own time, and earlier or later ones that were set first do not matter."""
    with pair.ours.conn() as conn:
        now = int(time.time() * 1000)
        for i in range(8):
            conn.call("HSETEX", "h", "PXAT", now + 100000, "FIELDS", 1, "f%d" % i, i)
        for i in (5, 2, 7, 0):
            conn.call("HPEXPIREAT", "h", now + int((200 + 100 * i) * SLOW), "FIELDS", 1, "f%d" % i)
        conn.call("HPERSIST", "h", "FIELDS", 1, "f0")
        time.sleep(0.2 * SLOW + 0.25 * SLOW)
        assert sorted(texts(conn.call("HKEYS", "h"))) == ["f0", "f1", "f3", "f4", "f5", "f6", "f7"]
        time.sleep(0.4 * SLOW)
        assert sorted(texts(conn.call("HKEYS", "h"))) == ["f0", "f1", "f3", "f4", "f6", "f7"]
        assert subexpiry(conn) == 1


def test_a_large_hash_goes_in_steps(pair):
    """A hundred thousand fields that are due together: hidden at once, removed soon, and nobody waits long."""
    fields = 100000
    with pair.ours.conn() as conn:
        at = int(time.time() * 1000) + int(3000 * SLOW)
        conn.call("CONFIG", "RESETSTAT")
        for begin in range(0, fields, 1000):
            names = ["f%d" % i for i in range(begin, begin + 1000)]
            conn.call("HSETEX", "h", "PXAT", at, "FIELDS", 1000, *[w for n in names for w in (n, "v")])
        conn.call("HSET", "h", "stays", "1")
        assert conn.call("HLEN", "h").value == fields + 1, "they expired while being written: raise CAIRN_WIRE_SLOW"
        time.sleep(max(0, at / 1000 - time.time()) + 0.005)
        worst, deadline = 0, time.time() + 8 * SLOW
        while stat(conn) < fields and time.time() < deadline:
            begin = time.monotonic()
            assert conn.call("HGET", "h", "f99").value is None
            assert conn.call("HLEN", "h").value == 1
            worst = max(worst, time.monotonic() - begin)
            time.sleep(0.001)
        assert stat(conn) == fields
        assert worst < 0.25 * SLOW
        assert texts(conn.call("HGETALL", "h")) == ["stays", "1"]


def test_many_hashes_at_one_moment(pair):
    hashes = 20000
    with pair.ours.conn() as conn:
        at = int(time.time() * 1000) + int(2500 * SLOW)
        conn.many([("HSETEX", "h%d" % i, "PXAT", at, "FIELDS", 1, "f", i) for i in range(hashes)])
        assert subexpiry(conn) == hashes
        time.sleep(max(0, at / 1000 - time.time()))
        wait_for("all hashes gone", lambda: conn.call("DBSIZE").value == 0, 4)


def test_expiry_of_the_key_and_of_fields(pair, form):
    """Whichever is earlier."""
    with pair.ours.conn() as conn:
        for key_ms, field_ms, alone in [(30, 60000, 0), (60000, 30, 0), (60000, 30, 1)]:
            conn.call("DEL", "h")
            conn.call("HSET", "h", "f", 1)
            if alone:
                conn.call("HSET", "h", "g", 2)
            conn.call("HPEXPIRE", "h", field_ms, "FIELDS", 1, "f")
            conn.call("PEXPIRE", "h", key_ms)
            time.sleep(0.15 * SLOW)
            assert conn.call("DBSIZE").value == alone
            assert ints(conn.call("HTTL", "h", "FIELDS", 1, "f")) == [-2]
            if alone:
                assert conn.call("PTTL", "h").value > 30000


def test_the_index_follows_the_key(pair, form):
    """RENAME, COPY, MOVE, SWAPDB, an overwritten key, FLUSHALL."""
    with pair.ours.conn() as conn:
        at = int(time.time() * 1000) + int(600 * SLOW)
        for key in ("renamed", "copied", "moved", "swapped", "overwritten"):
            conn.call("HSET", key, "f", 1, "stays", 2)
            conn.call("HPEXPIREAT", key, at, "FIELDS", 1, "f")
        conn.call("RENAME", "renamed", "r")
        conn.call("COPY", "copied", "c")
        conn.call("MOVE", "moved", 3)
        conn.call("SET", "overwritten", "v")
        assert subexpiry(conn) == 4
        conn.call("SWAPDB", 0, 5)
        assert subexpiry(conn) == 0
        conn.call("SWAPDB", 0, 5)
        conn.call("SELECT", 7)
        conn.call("HSETEX", "flushed", "PXAT", at, "FIELDS", 1, "f", 1)
        conn.call("FLUSHDB")
        conn.call("SELECT", 0)
        time.sleep(max(0, at / 1000 - time.time()) + 0.12 * SLOW)
        assert subexpiry(conn) == 0
        for db, key in ((0, "r"), (0, "copied"), (0, "c"), (3, "moved"), (0, "swapped")):
            conn.call("SELECT", db)
            assert texts(conn.call("HGETALL", key)) == ["stays", "2"]
        assert conn.call("SELECT", 0).text == "OK" and conn.call("GET", "overwritten").text == "v"


def test_watch_notices(pair, form):
    with pair.ours.conn() as conn:
        conn.call("HSETEX", "h", "PX", 30, "FIELDS", 1, "a", 1)
        conn.call("HSET", "h", "b", 1)
        conn.call("WATCH", "h")
        time.sleep(0.15 * SLOW)
        conn.call("MULTI")
        conn.call("PING")
        assert conn.call("EXEC").value is None


def test_digest_knows_expiries(pair, form):
    with pair.ours.conn() as conn:
        for key in ("x", "y"):
            conn.call("HSET", key, "a", 1, "b", 2)
        same = lambda: len(set(texts(conn.call("DEBUG", "DIGEST-VALUE", "x", "y")))) == 1
        assert same()
        conn.call("HPEXPIREAT", "x", 9999999999999, "FIELDS", 1, "a")
        assert not same()
        conn.call("HPEXPIREAT", "y", 9999999999999, "FIELDS", 1, "a")
        assert same()
        conn.call("HPERSIST", "x", "FIELDS", 1, "a")
        conn.call("HPERSIST", "y", "FIELDS", 1, "a")
        assert same()


EFFECTS = [
    (["HSET h a 1 b 2 c 3 d 4 e 5"], ["HSET h a 1 b 2 c 3 d 4 e 5"]),
    (["HEXPIREAT h 1 FIELDS 3 a b x"], ["HDEL h a b"]),
    (["HEXPIRE h 10 XX FIELDS 2 c x"], []),
    (["HEXPIREAT h 9999999999 NX FIELDS 2 c x"], ["HPEXPIREAT h 9999999999000 NX FIELDS 1 c"]),
    (["HPEXPIREAT h 9999999999001 FIELDS 2 c d"], ["HPEXPIREAT h 9999999999001 FIELDS 2 c d"]),
    (["HPERSIST h FIELDS 3 c e x"], ["HPERSIST h FIELDS 1 c"]),
    (["HPERSIST h FIELDS 1 e"], []),
    (["HINCRBYFLOAT h d 1.5"], ["HSETEX h KEEPTTL FIELDS 1 d 5.5"]),
    (["HINCRBYFLOAT h c 1.5"], ["HSET h c 4.5"]),
    (["HINCRBY h d x", "HINCRBY h e 2"], ["HINCRBY h e 2"]),
    (["HGETEX h FIELDS 1 c", "HGETEX h PERSIST FIELDS 1 c", "HGETEX h EX 10 FIELDS 1 x"], []),
    (["HGETEX h EXAT 9999999999 FIELDS 2 c x"], ["HPEXPIREAT h 9999999999000 FIELDS 1 c"]),
    (["HGETEX h PERSIST FIELDS 2 c e"], ["HPERSIST h FIELDS 1 c"]),
    (["HGETEX h PX 0 FIELDS 2 c x"], ["HDEL h c"]),
    (["HGETDEL h FIELDS 2 d x"], ["HDEL h d"]),
    (["HGETDEL h FIELDS 1 x"], []),
    (["HSETEX h FIELDS 1 a 1"], ["HSETEX h FIELDS 1 a 1"]),
    (["HSETEX h FNX FIELDS 1 a 1"], []),
    (["HSETEX h EXAT 9999999999 FXX FIELDS 1 a 2"], ["HSETEX h PXAT 9999999999000 FXX FIELDS 1 a 2"]),
    (["HSETEX h KEEPTTL FIELDS 1 a 3"], ["HSETEX h KEEPTTL FIELDS 1 a 3"]),
    (["HSETEX h PX 0 FIELDS 2 a 3 x 1"], ["HDEL h a"]),
    (["HDEL h x", "HDEL h e x"], ["HDEL h e x"]),
    (["EXISTS h"], []),
]


def effects_of(conn, lines):
    from test_effects import commands
    conn.call("DEBUG", "EFFECTS", "START")
    try:
        for line in lines:
            conn.call(*line.split())
        return [b" ".join(words).decode() for _, words in commands(conn.call("DEBUG", "EFFECTS", "READ").value)]
    finally:
        conn.call("DEBUG", "EFFECTS", "STOP")


def test_effects(pair, form):
    with pair.ours.conn() as conn:
        for lines, expected in EFFECTS:
            assert effects_of(conn, lines) == expected, lines


def test_effects_of_relative_times(pair):
    with pair.ours.conn() as conn:
        conn.call("HSET", "h", "a", 1)
        for line in ("HEXPIRE h 100 FIELDS 1 a", "HPEXPIRE h 100000 FIELDS 1 a", "HGETEX h EX 100 FIELDS 1 a"):
            effect, = effects_of(conn, [line])
            words = effect.split()
            assert words[:2] == ["HPEXPIREAT", "h"] and words[3:] == ["FIELDS", "1", "a"]
            assert abs(int(words[2]) - time.time() * 1000 - 100000) < 5000 * SLOW
        effect, = effects_of(conn, ["HSETEX h PX 100000 FIELDS 1 a 1"])
        words = effect.split()
        assert words[:3] == ["HSETEX", "h", "PXAT"] and words[4:] == ["FIELDS", "1", "a", "1"]
        assert abs(int(words[3]) - time.time() * 1000 - 100000) < 5000 * SLOW


def test_effects_of_expiry(pair, form):
    """By itself, and in front of the command that comes upon it."""
    with pair.ours.conn() as conn:
        from test_effects import commands
        conn.call("HSET", "h", "a", 1, "b", 2, "c", 3)
        conn.call("HPEXPIRE", "h", 20, "FIELDS", 2, "a", "b")
        conn.call("DEBUG", "EFFECTS", "START")
        time.sleep(0.02 + 0.12 * SLOW)
        logged = [sorted(words) for _, words in commands(conn.call("DEBUG", "EFFECTS", "READ").value)]
        conn.call("DEBUG", "EFFECTS", "STOP")
        assert logged == [sorted([b"HDEL", b"h", b"a", b"b"])]
        conn.call("DEBUG", "SET-ACTIVE-EXPIRE", 0)
        conn.call("HSET", "h", "a", 1)
        conn.call("HPEXPIRE", "h", 10, "FIELDS", 1, "a")
        time.sleep(0.02)
        assert effects_of(conn, ["HSET h d 1"]) == ["MULTI", "HDEL h a", "HSET h d 1", "EXEC"]


def random_command(rng):
    """With times that are far away, past, or wrong."""
    key = rng.choice(("h", "h", "g"))
    fields = ["f%d" % rng.randrange(12) for _ in range(rng.randrange(1, 5))]
    named = ["FIELDS", len(fields), *fields]
    pairs = ["FIELDS", len(fields), *[w for f in fields for w in (f, rng.randrange(10000))]]
    at = rng.choice((1, 4102444800000 + rng.randrange(100000)))
    expiry = rng.choice(([], [], ["PXAT", at], ["EXAT", at // 1000], ["PX", 0], ["PXAT", -1], ["EX", "x"], ["KEEPTTL"]))
    return rng.choice((
        lambda: ["HSET", key, *pairs[2:]],
        lambda: ["HPEXPIREAT", key, at, *rng.choice(([], ["NX"], ["XX"], ["GT"], ["LT"])), *named],
        lambda: ["HEXPIREAT", key, at // 1000, *rng.choice(([], ["NX"], ["XX"], ["GT"], ["LT"])), *named],
        lambda: ["HPEXPIRETIME", key, *named],
        lambda: ["HEXPIRETIME", key, *named],
        lambda: ["HPERSIST", key, *named],
        lambda: ["HGETDEL", key, *named],
        lambda: ["HGETEX", key, *(expiry if expiry != ["KEEPTTL"] else ["PERSIST"]), *named],
        lambda: ["HSETEX", key, *expiry, *rng.choice(([], [], ["FNX"], ["FXX"], ["NX"], ["XX"])), *pairs],
        lambda: ["HSETEX", key, *rng.choice(([], ["FNX"], ["FXX"])), *expiry, *pairs],
        lambda: ["HINCRBY", key, fields[0], 3],
        lambda: ["HINCRBYFLOAT", key, fields[0], "0.5"],
        lambda: ["HDEL", key, *fields],
        lambda: ["HLEN", key],
        lambda: ["HGETALL", key],
        lambda: ["COPY", "h", "g", "REPLACE"],
        lambda: ["RENAME", "g", "h"],
        lambda: ["EXISTS", key],
        lambda: ["HGETEX", key, "FIELDS", len(fields) + 1, *fields],
    ))()


@pytest.mark.parametrize("seed", range(2))
def test_all_forms_answer_alike(start, seed):
    """Random commands; small hashes, large ones, and ones that become large in between."""
    rng = random.Random(seed)
    conns = [start({"hash-max-listpack-entries": limit, "enable-debug-command": "yes"}).conn(3) for limit in (512, 0, 6)]
    forms = set()
    for i in range(3000):
        command = random_command(rng)
        replies = [conn.call(*command) for conn in conns]
        if command[0] == "HGETALL":
            replies = [sorted(zip(texts(r)[::2], texts(r)[1::2])) for r in replies]
        assert all(repr(r) == repr(replies[0]) for r in replies), (i, command, replies)
        if i % 100 == 0:
            assert len({conn.call("DEBUG", "DIGEST").text for conn in conns}) == 1
            assert len({subexpiry(conn) for conn in conns}) == 1
            forms |= {conn.call("OBJECT", "ENCODING", "h").text for conn in conns}
    assert {"listpackex", "hashtable"} <= forms
