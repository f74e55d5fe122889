"""What each write puts into the log: ours as DEBUG EFFECTS records it, the oracle's as its append-only file has it.

Each group of lines runs on both servers, on one connection; then the two logs are compared, command by command, with
the database that each belongs to. SELECT itself is left out (both write it where the database changes), and times in
the far future may differ by the moment at which the two servers ran the command.
"""
import glob
import os
import re
import time

import pytest

from resp import OK

GROUPS = {
    "hash": """
        HSET h a 1 b 2
        HSET h a 1
        HMSET h c 3 d 4
        HSETNX h a 1
        HSETNX h e 5
        HINCRBY h a 5
        HINCRBY h new -3
        HINCRBY h a x
        HINCRBYFLOAT h a 1.5
        HINCRBYFLOAT h fresh 3.0e3
        HINCRBYFLOAT h a nan
        HGET h a
        HGETALL h
        HSCAN h 0
        HRANDFIELD h 2
        HDEL h x
        HDEL h a a b x
        HDEL h c d e new fresh
        HDEL h a
        HINCRBYFLOAT g f 0.1
        HINCRBYFLOAT g f 0.2
        EXPIRE g 100
        COPY g copy
        RENAME g renamed
        MOVE renamed 1
    """,
    "set": """
        SET k v
        SET k v EX 100
        SET k v PX 100000
        SET k v KEEPTTL
        SET k v EXAT 99999999999
        SET k v NX
        SET new v NX EX 100
        SET k v XX GET
        SET missing v XX
        SET k v GET
        SET k v EX 100 GET
        SETNX k v
        SETNX fresh v
        SETEX k 100 v
        PSETEX k 100000 v
        GETSET k w
        GETSET never w
        GETDEL k
        GETDEL k
    """,
    "numbers": """
        SET n 10
        INCR n
        DECR n
        INCRBY n 5
        DECRBY n 5
        INCRBYFLOAT n 1.5
        INCRBYFLOAT new 3
        EXPIRE n 100
        INCRBYFLOAT n 1.5
        INCR n
        SET s text
        INCR s
    """,
    "edit": """
        APPEND k abc
        APPEND k def
        APPEND k ""
        SETRANGE k 1 xx
        SETRANGE k 0 ""
        SETRANGE absent 0 ""
        SETRANGE absent 3 x
        GETEX k
        GETEX k EX 100
        GETEX k PERSIST
        GETEX k PERSIST
        GETEX k PXAT 99999999999999
        GETEX missing EX 10
    """,
    "many": """
        MSET a 1 b 2
        MSETNX a 1 c 2
        MSETNX d 1 e 2
        DEL a b nothing
        DEL nothing
        UNLINK d nothing
        MGET a b
        TOUCH e
    """,
    "expire": """
        SET k v
        EXPIRE k 100
        EXPIRE k 50 GT
        EXPIRE k 500 GT
        PEXPIRE k 100000
        EXPIREAT k 99999999999
        PEXPIREAT k 9999999999999
        PERSIST k
        PERSIST k
        EXPIRE missing 100
        EXPIRE k -1
        SET k v
        EXPIREAT k 1
        SET k v
        PEXPIRE k 0
        SET k v EX 100
        SET k v PXAT 1
    """,
    "names": """
        SET a 1
        RENAME a b
        RENAMENX b c
        SET d 1
        RENAMENX c d
        RENAME c c
        COPY c e
        COPY c e
        COPY c e REPLACE
        COPY c e DB 1
        MOVE c 2
        MOVE nothing 2
        SET x 1 EX 100
        RENAME x y
        COPY y z
    """,
    "databases": """
        SET a 1
        SELECT 3
        SET b 1
        FLUSHDB
        FLUSHDB ASYNC
        SWAPDB 0 3
        SWAPDB 0 0
        FLUSHALL
        FLUSHALL SYNC
        SELECT 0
    """,
    "transactions": """
        MULTI
        SET a 1
        INCR a
        GET a
        EXEC
        MULTI
        GET a
        EXEC
        MULTI
        EXEC
        MULTI
        SET a 1
        EXEC
        MULTI
        SET a 1
        DISCARD
        MULTI
        SELECT 1
        SET a 1
        SELECT 2
        SET a 2
        EXEC
        SELECT 0
        MULTI
        SET s x
        INCR s
        SET t x
        EXEC
        WATCH a
        MULTI
        SET a 9
        EXEC
    """,
    "bitmaps": """
        SETBIT k 1 1
        SETBIT k 1 1
        SETBIT k 100 0
        SETBIT k 100 0
        GETBIT k 1
        BITCOUNT k
        BITPOS k 1
        BITFIELD f SET u8 0 0
        BITFIELD f SET u8 0 0
        BITFIELD f SET u8 0 1
        BITFIELD f SET u8 0 1
        BITFIELD f GET u8 0
        BITFIELD_RO f GET u8 0
        BITFIELD missing GET u8 0
        BITFIELD f OVERFLOW FAIL INCRBY u8 0 300
        BITFIELD f INCRBY u8 0 0 INCRBY u8 0 1
        BITOP AND d k f
        BITOP AND d nothing
        BITOP AND d nothing
        EXPIRE f 1000
        BITOP NOT f k
        BITOP OR f f k
        SETBIT k -1 1
    """,
    "hyperloglogs": """
        PFADD h a b c
        PFADD h a b c
        PFADD h2
        PFADD h2
        PFCOUNT h
        PFCOUNT h
        PFCOUNT h h2
        PFCOUNT nothing
        PFADD h d
        PFMERGE m h h2
        PFMERGE m h h2
        PFMERGE e
        PFMERGE e
        PFCOUNT e
        PFDEBUG GETREG m
        PFDEBUG GETREG m
        PFDEBUG TODENSE h
        PFDEBUG TODENSE h
        PFDEBUG DECODE e
        PFSELFTEST
        SET s text
        PFADD s x
    """,
    "expired on access": """
        SET k v PX 1
        wait
        GET k
        SET k v PX 1
        wait
        SET k w
        SET k v PX 1
        wait
        INCR k
        SET k v PX 1
        wait
        MULTI
        GET k
        SET j v
        EXEC
        SET k v PX 1
        wait
        DEL k
        SET k v PX 1
        wait
        EXISTS k
    """,
    "lists": """
        RPUSH l a b c
        LPUSH l 1 2 3
        LPUSHX l x
        RPUSHX missing x
        LPOP l
        RPOP l
        LPOP l 2
        LPOP l 0
        LPOP missing
        LPOP missing 3
        RPUSH l a b c d a
        LSET l 0 x
        LSET l 100 x
        LINSERT l BEFORE b y
        LINSERT l BEFORE none y
        LREM l 0 a
        LREM l -1 b
        LREM l 0 none
        LTRIM l 0 -1
        LTRIM l 0 2
        RPUSH l a b c d e f g h i j
        LMOVE l m LEFT RIGHT
        LMOVE l l LEFT RIGHT
        LMOVE missing l LEFT RIGHT
        RPOPLPUSH l m
        RPOPLPUSH l l
        RPOPLPUSH missing l
        LMPOP 2 missing l LEFT
        LMPOP 1 l RIGHT COUNT 2
        LMPOP 1 missing LEFT
        BLPOP missing l 0
        BRPOP l 0
        BLMPOP 0 2 missing l LEFT
        BLMPOP 0 1 l RIGHT COUNT 2
        BLMOVE m n LEFT RIGHT 0
        BRPOPLPUSH m n 0
        BLPOP missing 0.01
        LMPOP 1 n LEFT COUNT 100
        LRANGE l 0 -1
        LTRIM l 5 1
        MULTI
        RPUSH l a b c d e f
        BLPOP l 0
        BLPOP missing 0
        BLMOVE l m LEFT LEFT 0
        LMPOP 1 l LEFT COUNT 2
        EXEC
    """,
    "sorted sets": """
        ZADD z 1 a 2 b 3 c
        ZADD z 1 a 2 b
        ZADD z XX CH 5 a 6 nothing
        ZADD z XX 6 nothing
        ZADD z NX 6 a 7 d
        ZADD z GT CH 1 a 100 b
        ZADD z INCR 5 a
        ZADD z INCR 0 a
        ZADD z NX INCR 5 a
        ZADD z 1 a x b
        ZINCRBY z 1.5 a
        ZINCRBY z 0 a
        ZINCRBY y 1 a
        ZREM z nothing
        ZREM z a nothing
        ZREM y a
        ZADD z 1 a 2 b 3 c 4 d 5 e 6 f 7 g 8 h
        ZREMRANGEBYRANK z 0 0
        ZREMRANGEBYRANK z 100 200
        ZREMRANGEBYSCORE z 2 (3
        ZREMRANGEBYSCORE z (50 (60
        ZRANGESTORE y z 0 2
        ZRANGESTORE y z 0 2 REV
        ZRANGESTORE y z 100 200
        ZRANGESTORE y z 100 200
        ZRANGE z 0 -1
        ZRANDMEMBER z 2
        ZSCAN z 0
        ZREMRANGEBYSCORE z -inf +inf
        ZADD z 0 a 0 b
        ZREMRANGEBYLEX z [a (b
        ZREMRANGEBYLEX z - +
    """,
    "sorted set pops and algebra": """
        ZADD z 1 a 2 b 3 c 4 d 5 e 6 f 7 g 8 h
        ZPOPMIN z
        ZPOPMAX z 2
        ZPOPMIN z 0
        ZPOPMIN nothing
        ZMPOP 2 nothing z MIN
        ZMPOP 2 nothing z MAX COUNT 2
        ZMPOP 1 z MAX COUNT 100
        ZMPOP 1 z MIN
        ZADD z 1 a 2 b 3 c
        BZPOPMIN nothing z 0
        BZPOPMAX z 0
        BZMPOP 0 1 z MIN COUNT 5
        BZPOPMIN z 0.001
        ZADD z 1 a 2 b
        MULTI
        BZPOPMIN z 0
        BZPOPMIN nothing 0
        ZPOPMIN z 5
        EXEC
        ZADD x 1 a 2 b
        ZADD y 3 b 4 c
        ZUNIONSTORE d 2 x y WEIGHTS 1 2
        ZINTERSTORE d 2 x y AGGREGATE MAX
        ZDIFFSTORE d 2 x y
        ZDIFFSTORE d 2 x x
        ZDIFFSTORE d 2 x x
        ZUNION 2 x y
        ZINTERCARD 2 x y
        ZUNIONSTORE x 2 x y
    """,
    "geo": """
        GEOADD g 13.361389 38.115556 Palermo 15.087269 37.502669 Catania
        GEOADD g 13.361389 38.115556 Palermo
        geoadd g CH xx nx 13 38 Palermo
        geoadd g CH xx 13 38 Palermo 14 38 nothing
        GEOADD g NX ch 13 39 Palermo 180 85.05112878 corner
        GEOADD g NX 13 39 Palermo
        GEOADD h XX 1 1 a
        GEOSEARCHSTORE d g FROMLONLAT 15 37 BYRADIUS 200 km STOREDIST
        GEOSEARCHSTORE d g FROMLONLAT 15 37 BYRADIUS 1 m
        GEOSEARCHSTORE d g FROMLONLAT 15 37 BYRADIUS 1 m
        GEORADIUS g 15 37 200 km STORE d
        GEORADIUS g 15 37 200 km
        GEORADIUSBYMEMBER g Palermo 200 km STOREDIST d COUNT 1
        GEOSEARCH g FROMLONLAT 15 37 BYRADIUS 200 km
        GEOPOS g Palermo
    """,
    "sets": """
        SADD s a b c a
        SADD s a b
        SREM s nothing
        SREM s a nothing
        SMOVE s t b
        SMOVE s t nothing
        SMOVE s s c
        SADD t c
        SMOVE s t c
        SADD one x
        SPOP one
        SADD one x
        SPOP one 1
        SADD many 1 2 3 4
        SPOP many 0
        SPOP many 10
        SPOP many
        SRANDMEMBER t 2
        SSCAN t 0
        SADD u c d
        SINTERSTORE dst t u
        SUNIONSTORE dst t u
        SDIFFSTORE dst t u
        SDIFFSTORE dst t t
        SDIFFSTORE dst t t
        SINTERSTORE dst missing t
        SUNIONSTORE dst dst
        SET str v
        SADD str a
        SINTERSTORE t str u
        SINTER t u
        SREM t b c
    """,
    "sort": """
        RPUSH l 3 1 2
        SORT l
        SORT l STORE m
        SORT l BY w_* GET # DESC STORE m
        SORT l BY nosort GET x_* STORE m
        SORT l LIMIT 9 9 STORE m
        SORT nothing STORE m
        RPUSH l x
        SORT l STORE m
        SORT_RO l ALPHA
    """,
    "restore": """
        RESTORE a 0 PAYLOAD
        RESTORE a 0 PAYLOAD
        RESTORE a 100000 PAYLOAD REPLACE
        RESTORE b 100000 PAYLOAD
        RESTORE c 9999999999999 PAYLOAD ABSTTL
        RESTORE d 100000 PAYLOAD IDLETIME 5
        RESTORE d 1 PAYLOAD REPLACE ABSTTL
        RESTORE d 1 PAYLOAD REPLACE ABSTTL
        RESTORE e 0 bad
        RESTORE e 0 PAYLOAD REPLACE FREQ 5
        DUMP e
    """,
    "streams": """
        XADD s 1-1 a 1
        XADD s 1-* a 2
        XADD s * a 3
        XADD s NOMKSTREAM * a 4
        XADD missing NOMKSTREAM * a 4
        XADD s 1-1 a 5
        XADD s MINID ~ 5 * a 5
        XADD s MAXLEN 3 * a 5
        XADD s MAXLEN = 3 * a 5
        XADD s MAXLEN ~ 3 * a 5
        XADD s MAXLEN ~ 1000 * a 5
        XADD s 99999999999999-* a 6
        XADD s MINID 1-2 99999999999999-5 a 6
        XTRIM s MAXLEN ~ 3
        XTRIM s MAXLEN ~ 0
        XTRIM s MAXLEN 1
        XTRIM s MAXLEN 1
        XTRIM s MINID 99999999999999-5
        XDEL s 99999999999999-5 9-9
        XDEL s 9-9
        XSETID s 100000000000000-1
        XSETID s 100000000000000-1 ENTRIESADDED 50 MAXDELETEDID 5-5
        XSETID s 1-1
    """,
    "approximate trimming of streams": """
        CONFIG SET stream-node-max-entries 2
        XADD s 1-1 a 1
        XADD s 2-1 a 1
        XADD s 3-1 a 1
        XADD s 4-1 a 1
        XADD s 5-1 a 1
        XADD s MAXLEN ~ 3 6-1 a 1
        XADD s MAXLEN ~ 3 * a 1
        XADD s MINID ~ 5 * a 1
        XADD s MINID ~ 6 NOMKSTREAM * a 1
        XTRIM s MINID ~ 6-1
        XTRIM s MAXLEN ~ 1
        XTRIM s MAXLEN ~ 1
        XTRIM s MAXLEN ~ 0
        CONFIG SET stream-node-max-entries 100
    """,
    "consumer groups": """
        XADD s 1-1 a 1
        XADD s 2-1 a 2
        XADD s 3-1 a 3
        XADD s 4-1 a 4
        XADD s 5-1 a 5
        XADD s 6-1 a 6
        XGROUP CREATE s g 0
        XGROUP CREATE s g 0
        XGROUP CREATE s h $ ENTRIESREAD 2
        XGROUP CREATE t g $ MKSTREAM
        XGROUP CREATECONSUMER s g c
        XGROUP CREATECONSUMER s g c
        XGROUP CREATECONSUMER t g c
        XGROUP CREATECONSUMER s h c
        XREADGROUP GROUP g c COUNT 2 STREAMS s >
        XREADGROUP GROUP g c COUNT 1 NOACK STREAMS s >
        XREADGROUP GROUP g new COUNT 1 STREAMS s >
        XREADGROUP GROUP g quiet COUNT 1 NOACK STREAMS s >
        XREADGROUP GROUP g c STREAMS s 0
        XREADGROUP GROUP g c COUNT 1 STREAMS s t > >
        XREADGROUP GROUP g c STREAMS s >
        XACK s g 1-1 9-9
        XACK s g 1-1
        XCLAIM s g d 0 2-1
        XCLAIM s g d 0 2-1 JUSTID
        XCLAIM s g d 0 2-1 5-1 FORCE RETRYCOUNT 7
        XCLAIM s g d 0 2-1 IDLE 1000 LASTID 6-1
        XCLAIM s g d 0 9-1 LASTID 8-1
        XCLAIM s g d 100000 2-1
        XAUTOCLAIM s g c 0 0
        XAUTOCLAIM s g c 0 0 JUSTID
        XAUTOCLAIM s g c 100000 0
        XDEL s 2-1 4-1
        XCLAIM s g c 0 2-1
        XAUTOCLAIM s g c 0 0
        XPENDING s g
        XINFO STREAM s
        XGROUP SETID s g 0
        XGROUP SETID s g $ ENTRIESREAD 5
        XGROUP DELCONSUMER s g d
        XGROUP DELCONSUMER s g d
        XGROUP DESTROY s g
        XGROUP DESTROY s g
        MULTI
        XREADGROUP GROUP h c STREAMS s >
        XADD s * a 7
        XREADGROUP GROUP h c BLOCK 0 STREAMS s >
        EXEC
    """,
    "reads": """
        SET k v
        GET k
        STRLEN k
        TTL k
        TYPE k
        EXISTS k
        SCAN 0
        KEYS *
        DBSIZE
        OBJECT ENCODING k
        GETRANGE k 0 -1
        DEBUG POPULATE 3
    """,
}

PAYLOAD = b"\x00\x01v\n\x00\x91\x08\xce\xb2\x198\x8a\xce"    # DUMP of the string "v"
FAR = 10**12    # from here an argument is a time


def commands(wire):
    """[(database, [argument, ...]), ...] of a log; MULTI and EXEC stay, SELECT goes."""
    result, at, db = [], 0, None
    while at < len(wire):
        assert wire[at:at + 1] == b"*", wire[at:at + 40]
        end = wire.index(b"\r\n", at)
        count, at = int(wire[at + 1:end]), end + 2
        words = []
        for _ in range(count):
            end = wire.index(b"\r\n", at)
            size = int(wire[at + 1:end])
            words.append(wire[end + 2:end + 2 + size])
            at = end + 2 + size + 2
        if words[0].upper() == b"SELECT":
            db = int(words[1])
        elif words[0].upper() in (b"MULTI", b"EXEC"):
            result.append((None, [words[0].upper()]))
        else:
            result.append((db, words))
    return result


def same_word(a, b):
    if a == b:
        return True
    if not (re.fullmatch(rb"\d{13,}(-\d+)?", a) and re.fullmatch(rb"\d{13,}(-\d+)?", b)):
        return False
    a, b = a.split(b"-")[0], b.split(b"-")[0]
    return min(int(a), int(b)) > FAR and abs(int(a) - int(b)) < 5000


def same(a, b):
    return a[0] == b[0] and len(a[1]) == len(b[1]) and all(map(same_word, a[1], b[1]))


def show(log):
    return "\n".join("    %s %s" % ("-" if db is None else db, b" ".join(words).decode("latin1")) for db, words in log)


def run(conn, text):
    for line in filter(None, map(str.strip, text.splitlines())):
        if line == "wait":
            time.sleep(0.01)
        else:
            conn.call(*[PAYLOAD if word == "PAYLOAD" else word.strip('"') for word in line.split(" ")])


@pytest.fixture(scope="module")
def logged(session_pair):
    """The oracle with an append-only file that is on disk before each reply."""
    import harness
    server = harness.Server(harness.oracle_path(), {
        "appendonly": "yes", "appendfsync": "always", "aof-use-rdb-preamble": "no", "auto-aof-rewrite-percentage": "0"})
    yield server
    server.cleanup()


@pytest.mark.cairn_only
@pytest.mark.parametrize("name", list(GROUPS))
def test_log_is_the_oracles(pair, logged, name):
    path = glob.glob(os.path.join(logged.directory, "appendonlydir", "*.incr.aof"))[0]
    with logged.conn() as oracle:
        oracle.call("DEBUG", "SET-ACTIVE-EXPIRE", "0")
        oracle.call("FLUSHALL")
        oracle.call("SELECT", "9")
        oracle.call("SET", "mark", "1")     # so that the group begins in another database in both logs
        oracle.call("SELECT", "0")
        begin = os.path.getsize(path)
        run(oracle, GROUPS[name])
    with open(path, "rb") as f:
        f.seek(begin)
        theirs = commands(f.read())
    with pair.ours.conn() as ours:
        try:
            ours.call("DEBUG", "SET-ACTIVE-EXPIRE", "0")
            assert ours.call("DEBUG", "EFFECTS", "START") == OK
            run(ours, GROUPS[name])
            mine = commands(ours.call("DEBUG", "EFFECTS", "READ").value)
        finally:
            ours.call("DEBUG", "EFFECTS", "STOP")
            ours.call("DEBUG", "SET-ACTIVE-EXPIRE", "1")
    assert len(mine) == len(theirs) and all(map(same, mine, theirs)), "ours:\n%s\noracle:\n%s" % (show(mine), show(theirs))
