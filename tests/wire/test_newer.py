"""Commands and options newer than the oracle: expectations from the documentation of Redis 8 and Valkey 9.

`-> reply` gives the expected reply; see script.py. Commands of one of the two families run only where COMMAND knows them.
"""
import pytest

SCRIPTS = r"""
# set ifeq  [newer]
SET k a IFEQ b -> null
EXISTS k -> :0
SET k a -> +'OK'
SET k b IFEQ a -> +'OK'
GET k -> $'b'
SET k c IFEQ a -> null
GET k -> $'b'
SET k c IFEQ "" -> null
SET k c ifeq b GET -> $'b'
GET k -> $'c'
SET k d IFEQ nope GET -> $'c'
GET k -> $'c'
SET k d GET IFEQ c -> $'c'
SET k e IFEQ d EX 100 -> +'OK'
TTL k -> :100
SET k f IFEQ e KEEPTTL -> +'OK'
TTL k -> :100
SET k g IFEQ f -> +'OK'
TTL k -> :-1
SET missing v IFEQ x GET -> null
EXISTS missing -> :0
SET n 10 -> +'OK'
SET n 11 IFEQ 10 -> +'OK'
SET n 12 IFEQ 011 -> null
INCR n -> :12

# set ifeq errors  [newer]
SET k v IFEQ -> -'ERR syntax error'
SET k v IFEQ a NX -> -'ERR syntax error'
SET k v NX IFEQ a -> -'ERR syntax error'
SET k v IFEQ a XX -> -'ERR syntax error'
SET k v XX IFEQ a -> -'ERR syntax error'
SET k v EX 10 IFEQ -> -'ERR syntax error'
SET k v IFEQ EX 10 -> -'ERR syntax error'
EXISTS k -> :0

# msetex  [newer]
MSETEX 1 a 1 -> :1
GET a -> $'1'
TTL a -> :-1
MSETEX 2 a 2 b 3 EX 100 -> :1
GET a -> $'2'
GET b -> $'3'
TTL a -> :100
TTL b -> :100
MSETEX 2 a 4 c 5 NX -> :0
GET a -> $'2'
EXISTS c -> :0
MSETEX 2 a 4 c 5 XX -> :0
GET a -> $'2'
MSETEX 2 a 4 b 5 XX KEEPTTL -> :1
TTL a -> :100
GET b -> $'5'
MSETEX 2 c 1 d 2 NX PX 100000 -> :1
TTL d -> :100
MSETEX 2 a 1 b 2 -> :1
TTL a -> :-1
MSETEX 1 e 1 EX 100 NX -> :1
MSETEX 1 f 1 ex 100 nx -> :1
TTL f -> :100
MSETEX 2 g 1 g 2 -> :1
GET g -> $'2'
MSETEX 1 EX NX -> :1
GET EX -> $'NX'
MSETEX 1 h v EXAT 33177117420 -> :1
EXPIRETIME h -> :33177117420
MSETEX 1 h v PXAT 33177117420123 -> :1
PEXPIRETIME h -> :33177117420123
MSETEX 1 h v PXAT 1 -> :1
EXISTS h -> :0

# msetex errors  [newer]
MSETEX -> -"ERR wrong number of arguments for 'msetex' command"
MSETEX 1 a -> -"ERR wrong number of arguments for 'msetex' command"
MSETEX 1 a 1 NX XX -> -'ERR syntax error'
MSETEX 1 a 1 EX 10 PX 10 -> -'ERR syntax error'
MSETEX 1 a 1 EX 10 KEEPTTL -> -'ERR syntax error'
MSETEX 1 a 1 BAD -> -'ERR syntax error'
MSETEX 1 a 1 EX -> -'ERR syntax error'
MSETEX 1 a 1 EX abc -> -'ERR value is not an integer or out of range'
MSETEX 1 a 1 EX 0 -> -"ERR invalid expire time in 'msetex' command"
MSETEX 1 a 1 PX -1 -> -"ERR invalid expire time in 'msetex' command"
MSETEX 1 a 1 EX 9223372036854775807 -> -"ERR invalid expire time in 'msetex' command"
EXISTS a -> :0

# delifeq  [needs=delifeq]
DELIFEQ k v -> :0
SET k v -> +'OK'
DELIFEQ k w -> :0
EXISTS k -> :1
DELIFEQ k v -> :1
EXISTS k -> :0
SET n 5 -> +'OK'
DELIFEQ n 05 -> :0
DELIFEQ n 5 -> :1
DELIFEQ k -> -"ERR wrong number of arguments for 'delifeq' command"

# set ifne, ifdeq and ifdne  [newer]
SET k a IFNE b -> +'OK'
SET k b IFNE a -> null
SET k b IFNE "" -> +'OK'
SET k hello IFNE x GET -> $'b'
SET k x IFDEQ 0000000000000000 -> null
SET k hello IFDEQ 9555E8555C62DCFD -> +'OK'
SET k hello IFDNE 9555e8555c62dcfd -> null
SET k world ifdne 0000000000000000 EX 100 -> +'OK'
TTL k -> :100
SET k hello IFDEQ 9555e8555c62dcfd GET -> $'world'
GET k -> $'world'
SET missing x IFDEQ 9555e8555c62dcfd -> null
SET missing x IFNE x -> +'OK'
DEL missing -> :1
SET missing x IFDNE 9555e8555c62dcfd GET -> null
GET missing -> $'x'
SET k x IFDEQ 123 -> -'ERR digest must be exactly 16 hexadecimal characters'
SET none x IFDEQ 123 -> null
SET k x IFNE -> -'ERR syntax error'
SET k x IFNE a IFEQ b -> -'ERR syntax error'
SET k x IFNE a NX -> -'ERR syntax error'
SET k x XX IFDEQ 9555e8555c62dcfd -> -'ERR syntax error'
GET k -> $'world'

# digest  [needs=digest]
DIGEST k -> null
SET k hello -> +'OK'
DIGEST k -> $'9555e8555c62dcfd'
SET k "" -> +'OK'
DIGEST k -> $'2d06800538d394c2'
SET k 123 -> +'OK'
DIGEST k -> $'404a763b3f4c8c9a'
SET k v8 -> +'OK'
DIGEST k -> $'0cc76dbb41381419'
SET k "Hello world" -> +'OK'
DIGEST k -> $'b6acb9d84a38ff74'
DIGEST -> -"ERR wrong number of arguments for 'digest' command"

# delex conditions  [needs=delex]
DELEX k FOO bar -> :0
SET k hello -> +'OK'
DELEX k FOO hello -> -'ERR Invalid condition. Use IFEQ, IFNE, IFDEQ, or IFDNE'
DELEX k IFDEQ 0123 -> -'ERR digest must be exactly 16 hexadecimal characters'
DELEX k IFDEQ zzzzzzzzzzzzzzzz -> :0
DELEX k IFDNE 9555E8555C62DCFD -> :0
DELEX k IFDEQ 9555E8555C62DCFD -> :1
SET k hello -> +'OK'
DELEX k ifdne zzzzzzzzzzzzzzzz -> :1
DELEX k IFEQ -> -"ERR wrong number of arguments for 'delex' command"
DELEX k IFEQ a b -> -"ERR wrong number of arguments for 'delex' command"

# delex  [needs=delex]
DELEX k -> :0
SET k v -> +'OK'
DELEX k IFEQ w -> :0
DELEX k IFNE v -> :0
DELEX k IFNE w -> :1
SET k v -> +'OK'
DELEX k IFEQ v -> :1
SET k v -> +'OK'
DELEX k -> :1
EXISTS k -> :0

# getkeys of msetex  [newer]
COMMAND GETKEYS MSETEX 2 a 1 b 2 EX 100 -> *[$'a', $'b']

# scan with a type that does not exist
SCAN 0 TYPE nosuchtype
"""


def test_script(pair, script, script_proto):
    with pair.compare(script_proto) as comparison:
        if script.newer or script.needs:
            _nulls_of(script, script_proto)
        comparison.run(script)


def _nulls_of(script, proto):
    """`null` in an expectation is the null of the protocol."""
    if proto == 2:
        script.lines = [line[:-4] + "null-bulk" if line.endswith("-> null") else line for line in script.lines]
    else:
        script.lines = [line[:-9] + "null" if line.endswith("-> null-bulk") else line for line in script.lines]


@pytest.mark.cairn_only
@pytest.mark.parametrize("numkeys", ["0", "-1", "abc", "", "2", "3", "9223372036854775807", "1.5", "+1"])
def test_msetex_bad_counts(pair, numkeys):
    """One error, nothing written."""
    with pair.ours.conn() as conn:
        reply = conn.call("MSETEX", numkeys, "a", "1")
        assert reply.is_error and conn.silent(0.02)
        assert conn.call("DBSIZE").value == 0


@pytest.mark.cairn_only
@pytest.mark.needs("digest")
def test_digest(pair):
    with pair.ours.conn() as conn:
        assert conn.call("DIGEST", "missing").value is None
        conn.call("SET", "k", "v")
        digest = conn.call("DIGEST", "k")
        assert len(digest.value) == 16 and int(digest.value, 16) >= 0
        assert conn.call("SET", "k", "w", "IFDEQ", digest.value).value == b"OK"
        assert conn.call("SET", "k", "x", "IFDEQ", digest.value).value is None
