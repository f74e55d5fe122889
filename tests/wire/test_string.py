"""Reading, measuring, appending, ranges and the commands of several keys."""
SCRIPTS = r"""
# get and strlen
GET k
STRLEN k
SET k hello
GET k
STRLEN k
GET
GET k k
STRLEN
STRLEN k k
get k
gEt k

# mget
MGET a
MSET a 1 b "" c "x y"
MGET a b c d a
MGET
MGET ""

# mset
MSET
MSET a
MSET a 1 b
MSET a 1 a 2
GET a
MSET "" empty "a\r\nb" "\x00"
MGET "" "a\r\nb"
SET t v EX 100
MSET t w
TTL t

# msetnx
MSETNX
MSETNX a
MSETNX a 1 b
MSETNX a 1 b 2
MSETNX b 3 c 4
EXISTS c
MGET a b c
MSETNX d 1 d 2
GET d
SET t v PX 20
sleep: 35
MSETNX t 1 u 2
MGET t u

# append
APPEND k a
APPEND k ""
APPEND k "bc\x00\r\n"
GET k
SET n 12
APPEND n 34
GET n
INCR n
OBJECT ENCODING n
APPEND e ""
EXISTS e
SET t v EX 100
APPEND t w
TTL t
APPEND
APPEND k
APPEND k a b

# setrange
SETRANGE k 0 ""
EXISTS k
SETRANGE k 3 ""
EXISTS k
SETRANGE k 0 abc
SETRANGE k 1 Z
GET k
SETRANGE k 6 end
GET k
SETRANGE k 0 ""
SETRANGE k 100 ""
STRLEN k
SET n 1234
SETRANGE n 1 9
GET n
OBJECT ENCODING n
SET t v EX 100
SETRANGE t 1 w
TTL t
SETRANGE
SETRANGE k 0
SETRANGE k 0 a b

# setrange offsets
before: DEL k
after: STRLEN k
SETRANGE k {0|1|-1|-0|+1|01|abc|""|1e3|" 1"|-9223372036854775808|9223372036854775807|9223372036854775808} x
SETRANGE k {536870911|536870912|536870910|4294967296|4294967295|2147483647} {""|xx}
SETRANGE k 536870912 x
before: SET k abc
SETRANGE k {536870911|536870912|4294967296|-1|9223372036854775807} xx

# getrange
SET k "Hello, World"
{GETRANGE|SUBSTR} k {0|1|4|-1|-3|-12|-13|-100|11|12|100|5} {0|1|4|-1|-3|-12|-13|-100|11|12|100|5}
{GETRANGE|SUBSTR} missing {0|-1} {0|-1}
SET empty ""
GETRANGE empty {0|-1|1} {0|-1|1}
SET n 123456
GETRANGE n {0|2|-2} {0|3|-1}
GETRANGE k {NUM} 3
GETRANGE k 3 {NUM}
GETRANGE k {-9223372036854775808|9223372036854775807|-4294967296|4294967295} {-9223372036854775808|9223372036854775807|-4294967296|4294967295}
GETRANGE
GETRANGE k
GETRANGE k 0
GETRANGE k 0 1 2
SUBSTR k 0
GETRANGE missing abc 1

# unknown and misspelt commands
FOO
FOO a b c
foo "a\r\nb" "c"
"" a
"GE T" k
"GET\x00" k
GETT k
"a'b" "c'd"
FOO 0123456789012345678901234567890123456789 0123456789012345678901234567890123456789 0123456789012345678901234567890123456789 0123456789012345678901234567890123456789
FOO a '' "\n" "\x00\x01\xff"
0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890 x
"""


def test_script(pair, script, script_proto):
    with pair.compare(script_proto) as comparison:
        comparison.run(script)


def test_sizes_round_trip(pair, proto):
    """Every size at which an encoding or a buffer may change, byte for byte."""
    sizes = [0, 1, 2, 3, 43, 44, 45, 63, 64, 65, 127, 128, 255, 256, 1023, 1024, 1025, 4095, 4096, 16383, 16384, 16385,
             32767, 32768, 65535, 65536, 1 << 17, (1 << 20) + 1]
    with pair.ours.conn(proto) as conn:
        for size in sizes:
            value = bytes(i * 7 & 0xFF for i in range(min(size, 997)))
            value = (value * (size // 997 + 1))[:size] if size else b""
            assert conn.call("SET", "k%d" % size, value).value == b"OK"
            assert conn.call("GET", "k%d" % size).value == value
            assert conn.call("STRLEN", "k%d" % size).value == size
            assert conn.call("GETRANGE", "k%d" % size, -3, -1).value == value[-3:]
            assert conn.call("APPEND", "k%d" % size, "tail").value == size + 4
            assert conn.call("GET", "k%d" % size).value == value + b"tail"
            assert conn.call("SET", "k%d" % size, "short", "GET").value == value + b"tail"
        assert conn.call("DBSIZE").value == len(sizes)


def test_long_keys(pair):
    """Keys of every size class behave like short ones."""
    ours, oracle = pair.both()
    for size in (15, 16, 31, 32, 100, 255, 256, 1000, 65535, 65536, 1 << 20):
        key = b"k" * size
        for command in (("SET", key, "1"), ("INCR", key), ("EXPIRE", key, "100"), ("APPEND", key, "x" * 100),
                        ("GET", key), ("PERSIST", key), ("RENAME", key, b"r" + key), ("EXISTS", key, b"r" + key),
                        ("RANDOMKEY",), ("KEYS", "*"), ("DEL", b"r" + key), ("DBSIZE",)):
            assert ours.call(*command) == oracle.call(*command), (size, command[0])
    ours.close()
    oracle.close()
