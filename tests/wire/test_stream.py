"""Streams without groups: IDs, adding, ranges, reading, deleting, trimming."""
import pytest

SCRIPTS = r"""
# xadd ids
before: DEL s
before: XADD s 5-5 a b
after: XRANGE s - +
after: XLEN s
XADD s {0-0|0|0-1|5|5-4|5-5|5-6|5-7|6|6-0|05-06|+6-1|6-+1} x y
XADD s {5-*|4-*|6-*|0-*|18446744073709551615-*|*-1|*-*|-*|6-**|6*} x y
XADD s {18446744073709551615|18446744073709551615-0|18446744073709551615-18446744073709551615} x y
XADD s {18446744073709551616|18446744073709551616-0|0-18446744073709551616|99999999999999999999999|1-2-3} x y
XADD s {""|-|+|abc|5-|-5|5-x|5-5-5|"6 "|6-\x00|0x6|6.0|(6|$|>} x y
XADD s {-0|--1|01|00|1e3|1.0|nan|inf|-1|9223372036854775808|-9223372036854775809|2147483648} x y

# xadd on a missing key
before: DEL s
after: XRANGE s - +
after: EXISTS s
XADD s {0-0|0|0-1|0-*|1|1-*|abc} x y
XADD s NOMKSTREAM {0-0|0-1|1|1-*|abc|*} x y
XADD s NOMKSTREAM
XADD s NOMKSTREAM NOMKSTREAM 1-1 x y
XADD s nomkstream 1-1 x

# the last id
XADD s 18446744073709551615-18446744073709551614 a b
XADD s 18446744073709551615-* a b
XADD s {*|18446744073709551615-*|1-1|0-0} a b
XRANGE s - +
XRANGE s {(|}18446744073709551615-18446744073709551615 +
XRANGE s - (18446744073709551615-18446744073709551615
XREVRANGE s + (18446744073709551615-18446744073709551615
XREAD STREAMS s 18446744073709551615-18446744073709551615
XREAD STREAMS s 18446744073709551615
XREAD STREAMS s $

# arity
XADD
XADD s
XADD s *
XADD s * a
XADD s * a b c
XADD s 1-1
XADD s 1-1 a
XADD s MAXLEN
XADD s MAXLEN 5
XADD s MAXLEN 5 *
XADD s MAXLEN 5 * a
XADD s MAXLEN ~
XADD s MAXLEN ~ 5
XADD s MAXLEN ~ * a b
XADD s LIMIT
XADD s LIMIT 5 1-1 a b
XLEN
XLEN a b
XDEL s
XTRIM s
XTRIM s MAXLEN
XRANGE s -
XREAD
XREAD STREAMS
XREAD STREAMS s
XREAD COUNT 1
XREAD COUNT 1 STREAMS
XREAD COUNT 1 STREAMS s
XSETID s

# fields and values
before: DEL s
after: XRANGE s - +
after: XREVRANGE s - +
after: XREVRANGE s + -
XADD s 1-1 {BYTES} {BYTES}
XADD s 1-1 {NUM} {NUM}
XADD s 1-1 a b a c a b
XADD s 1-1 f 12345 g -1 h 007 i 9223372036854775807 j 9223372036854775808

# same fields, other fields, in one node
XADD s 1-1 a 1 b 2
XADD s 1-2 a 3 b 4
XADD s 1-3 b 3 a 4
XADD s 1-4 a 3
XADD s 1-5 a 3 b 4 c 5
XADD s 2-0 12 x
XADD s 3-0 a 1 b 2
XRANGE s - +
XREVRANGE s + -
XDEL s 1-1 1-4 3-0
XRANGE s - +
XREVRANGE s + -
XADD s 3-0 a 1 b 2
XADD s 3-1 a 1 b 2
XINFO STREAM s FULL

# ranges
XADD s 1-1 a 1
XADD s 1-2 a 2
XADD s 2-1 a 3
XADD s 2-2 a 4
XADD s 9-0 a 5
XRANGE s {-|+|0|1|1-1|(1-1|(1|2|(2|9|(9|10} {-|+|0|1|(1|1-1|(1-2|2|(2|9|9-0|(9-0|10}
XREVRANGE s {+|-|9|(9|2-2|(2-2|2|0} {-|+|0|1|(1|1-1|(1-2|2|9}
XRANGE s - + COUNT {0|1|2|5|100|-1|NUM}
XREVRANGE s + - COUNT {0|1|2|5|100|-1}
XRANGE s - + COUNT 1 COUNT 2
XRANGE s - + COUNT
XRANGE s - + FOO 1
XRANGE s - + COUNT 1 FOO
XRANGE s {(-|(+|(|""|x|1-|-1|1-x|((1} {+|x}
XRANGE s - {(-|(+|(|""|x|(0|(0-0}
XRANGE s (18446744073709551615-18446744073709551615 (0-0
XRANGE missing - +
XRANGE missing - + COUNT 0
XREVRANGE missing + -
XRANGE missing x y
XLEN s
XLEN missing

# other types
SET str x
XADD str {*|0-0|1-1|x} a b
XADD str NOMKSTREAM * a b
XLEN str
XRANGE str - +
XRANGE str x y
XREVRANGE str + -
XREAD STREAMS str 0
XREAD STREAMS missing str 0 0
XDEL str 1-1
XDEL str x
XTRIM str MAXLEN 0
XTRIM str FOO 0
XSETID str 1-1
XSETID str x
XINFO STREAM str
XINFO STREAM str FULL
XADD s 1-1 a b
SET s x
GET s
GETSET s y

# xread
XADD s 1-1 a 1
XADD s 2-1 a 2
XADD s 3-1 a 3
XADD t 5-5 b 1
XREAD STREAMS {s|t|missing} {0|0-0|1|1-1|2-1|3-1|3|$|4|5-5}
XREAD STREAMS s t {0|2-1|$} {0|5-4|5-5|$}
XREAD COUNT {0|1|2|10|-1} STREAMS s t 0 0
XREAD COUNT {NUM} STREAMS s 0
XREAD COUNT 1 COUNT 2 STREAMS s 0
xread count 1 streams s 0
XREAD STREAMS s {>|-|*|(1|x|""|1-|18446744073709551616}
XREAD STREAMS s t 0
XREAD STREAMS s t u 0 0
XREAD FOO STREAMS s 0
XREAD COUNT STREAMS s 0
XREAD BLOCK {-1|-9223372036854775808|1.5|x|9223372036854775808|+1} COUNT 1 STREAMS s 0
XREAD BLOCK 10 STREAMS missing 0
XREAD BLOCK 10 STREAMS s $
XREAD GROUP g c STREAMS s 0
XREAD NOACK STREAMS s 0
XREAD STREAMS s s s 0 1 2
XREAD STREAMS streams 0
XREAD BLOCK 5
XREAD 1 2 3

# xdel
before: DEL s
before: XADD s 1-1 a 1
before: XADD s 2-1 a 2
before: XADD s 3-1 a 3
after: XRANGE s - +
after: XINFO STREAM s FULL
XDEL s {1-1|2-1|3-1|2|4-1|0-0}
XDEL s 1-1 1-1 2-1
XDEL s 1-1 2-1 3-1
XDEL s 1-1 x
XDEL s x 1-1
XDEL s -
XDEL s +
XDEL s *
XDEL missing 1-1
XDEL missing x

# emptied streams stay
XADD s 1-1 a 1
XDEL s 1-1
EXISTS s
TYPE s
XLEN s
XRANGE s - +
XREVRANGE s + -
XREAD STREAMS s 0
XREAD STREAMS s $
XINFO STREAM s
XADD s 1-1 a 1
XADD s 1-* a 1
XTRIM s MAXLEN 0
EXISTS s
OBJECT ENCODING s
COPY s t
XINFO STREAM t
RENAME t u
XINFO STREAM u

# xtrim
before: DEL s
before: XADD s 1-1 a 1
before: XADD s 2-1 a 2
before: XADD s 3-1 a 3
before: XADD s 4-1 a 4
after: XRANGE s - +
after: XINFO STREAM s FULL
XTRIM s MAXLEN {0|1|3|4|5|-1|NUM}
XTRIM s MAXLEN {=|~} {0|1|3|4|5|-1|x}
XTRIM s MAXLEN ~ 0 LIMIT {0|1|3|4|5|100|-1|x}
XTRIM s MAXLEN {|=} 0 LIMIT {0|1|-1|x}
XTRIM s MINID {0|1|1-1|1-2|3|3-1|4-1|4-2|9|-|+|x|-1}
XTRIM s MINID {=|~} {0|2|3-1|9|x}
XTRIM s MINID ~ 9 LIMIT {0|1|4|100}
XTRIM s {MAXLEN|MINID} 1 {MAXLEN|MINID} 1
XTRIM s MAXLEN ~
XTRIM s MAXLEN =
XTRIM s LIMIT 5
XTRIM s LIMIT 5 LIMIT 6
XTRIM s LIMIT 5 MAXLEN 1
XTRIM s LIMIT 5 MAXLEN ~ 1
XTRIM s LIMIT 5 MAXLEN ~ 1 LIMIT 1
XTRIM s MAXLEN 1 LIMIT
XTRIM s FOO 1
XTRIM s NOMKSTREAM MAXLEN 1
XTRIM missing MAXLEN 1
XTRIM missing FOO 1

# xadd with trimming
before: DEL s
before: XADD s 1-1 a 1
before: XADD s 2-1 a 2
before: XADD s 3-1 a 3
after: XRANGE s - +
XADD s MAXLEN {|=|~} {0|1|3|4|-1|x} 4-1 a 4
XADD s MINID {|=|~} {0|2|4-1|4-2|9|-|x} 4-1 a 4
XADD s MAXLEN {|=|~} 2 LIMIT {0|1|100|-1|x} 4-1 a 4
XADD s NOMKSTREAM MAXLEN 2 4-1 a 4
XADD s MAXLEN 2 NOMKSTREAM 4-1 a 4
XADD s MAXLEN 2 MINID 1 4-1 a 4
XADD s MAXLEN 2 MAXLEN 1 4-1 a 4
XADD s LIMIT 2 4-1 a 4
XADD s LIMIT 2 MAXLEN ~ 2 4-1 a 4
XADD s maxlen 2 3-1 a 4
XADD s maxlen 2 0-0 a 4

# xsetid
before: DEL s
before: XADD s 1-1 a 1
before: XADD s 5-1 a 2
before: XADD s 7-1 a 2
before: XDEL s 7-1
after: XINFO STREAM s
XSETID s {0-0|1-1|5-1|5-2|6-1|7-0|7-1|7-2|9|18446744073709551615-18446744073709551615|x|*|-|+|$}
XSETID s 9-1 ENTRIESADDED {0|1|2|3|100|-1|NUM}
XSETID s 9-1 ENTRIESADDED 5 MAXDELETEDID {0-0|1-1|5-1|7-1|9-1|9-2|x|-}
XSETID s 9-1 MAXDELETEDID {0-0|1-1|5-1|7-1|9-1|9-2|x}
XSETID s 9-1 MAXDELETEDID 8-1 ENTRIESADDED 3
XSETID s 9-1 ENTRIESADDED
XSETID s 9-1 MAXDELETEDID
XSETID s 9-1 FOO
XSETID s 9-1 FOO 1
XSETID missing 1-1
XSETID missing x

# xsetid of an empty stream
XGROUP CREATE s g $ MKSTREAM
XSETID s 5-1
XADD s 5-1 a b
XADD s 5-2 a b
XINFO STREAM s
DEL s
XGROUP CREATE s g $ MKSTREAM
XSETID s 0-0 ENTRIESADDED 0 MAXDELETEDID 0-0
XSETID s 200-0 ENTRIESADDED 7 MAXDELETEDID 100-0
XINFO STREAM s

# xinfo stream
XADD s 1-1 a 1
XADD s 2-1 a 2
XINFO STREAM s
XINFO STREAM s FULL
XINFO STREAM s FULL COUNT {0|1|2|-1|NUM}
XINFO STREAM s full count 1
XINFO STREAM s FOO
XINFO STREAM s FULL COUNT
XINFO STREAM s FULL FOO 1
XINFO STREAM s FULL COUNT 1 2
XINFO STREAM missing
XINFO STREAM missing FOO
XINFO FOO s
XINFO STREAM
XINFO HELP

# in transactions
MULTI
XADD s 1-1 a b
XADD s 1-* a b
XREAD STREAMS s 0
XREAD BLOCK 0 STREAMS s $
XLEN s
XADD s 1-1 a b
EXEC

# events  [proto=2 needs=psubscribe]
CONFIG SET notify-keyspace-events KEAm
b: PSUBSCRIBE __keyevent*
XADD s 1-1 a b
XADD s 2-1 a b
XADD s 3-1 a b
XADD s MAXLEN 2 4-1 a b
XADD s MAXLEN 2 x a b
XTRIM s MAXLEN 1
XTRIM s MAXLEN 1
XDEL s 4-1
XDEL s 4-1
XSETID s 9-1
XGROUP CREATE s g 0
XGROUP SETID s g 0
XGROUP CREATECONSUMER s g c
XGROUP CREATECONSUMER s g c
XGROUP DELCONSUMER s g c
XGROUP DELCONSUMER s g c
XGROUP DESTROY s g
XGROUP DESTROY s g
XGROUP CREATE new g 0 MKSTREAM
XADD s 10-1 a b
XREAD STREAMS s 0
XREAD STREAMS nothing 0
DEL s
CONFIG SET notify-keyspace-events ""

# blanks in IDs, times that never come  [newer]
XADD s " 6" a b -> -'ERR Invalid stream ID specified as stream command argument'
XADD s "1\x002" a b -> -'ERR Invalid stream ID specified as stream command argument'
XREAD BLOCK 9223372036854775807 STREAMS s 0 -> -'ERR timeout is out of range'

# references of deleted entries  [newer proto=2]
. XADD s 1-1 a 1
. XADD s 2-1 a 2
. XADD s 3-1 a 3
. XADD s 4-1 a 4
. XGROUP CREATE s g 0
. XGROUP CREATE s h 0
. XREADGROUP GROUP g c COUNT 3 STREAMS s >
. XREADGROUP GROUP h c COUNT 3 STREAMS s >
XACK s g 1-1 -> :1
XDELEX s ACKED IDS 2 1-1 9-9 -> *[:2, :-1]
XACK s h 1-1 -> :1
XDELEX s ACKED IDS 3 1-1 1-1 4-1 -> *[:1, :-1, :2]
XDELEX s KEEPREF IDS 1 2-1 -> *[:1]
XDELEX s DELREF IDS 2 2-1 3-1 -> *[:-1, :1]
XPENDING s g -> *[:0, null-bulk, null-bulk, null-array]
XPENDING s h -> *[:0, null-bulk, null-bulk, null-array]
XDELEX missing IDS 2 1-1 2-1 -> *[:-1, :-1]
XDELEX s IDS 0 1-1 -> -'ERR Number of IDs must be a positive integer'
XDELEX s KEEPREF IDS 2 1-1 -> -'ERR The `numids` parameter must match the number of arguments'
XDELEX s KEEPREF IDS 1 1-1 2-1 -> -'ERR The `numids` parameter must match the number of arguments'
XDELEX s KEEPREF FOO 1 1-1 -> -'ERR syntax error'

# acknowledging and deleting at once  [newer proto=2]
. XADD s 1-1 a 1
. XADD s 2-1 a 2
. XADD s 3-1 a 3
. XADD s 4-1 a 4
. XGROUP CREATE s g 0
. XGROUP CREATE s h 0
. XREADGROUP GROUP g c COUNT 3 STREAMS s >
. XREADGROUP GROUP h c COUNT 3 STREAMS s >
XACKDEL s g IDS 2 1-1 9-9 -> *[:1, :-1]
XLEN s -> :3
XACKDEL s g ACKED IDS 1 2-1 -> *[:2]
XLEN s -> :3
XACKDEL s h ACKED IDS 1 2-1 -> *[:1]
XLEN s -> :2
XACKDEL s g DELREF IDS 2 3-1 1-1 -> *[:1, :-1]
XPENDING s h -> *[:0, null-bulk, null-bulk, null-array]
XACKDEL s g IDS 1 4-1 -> *[:-1]
XACKDEL s nogroup IDS 1 4-1 -> *[:-1]
XACKDEL missing g IDS 2 4-1 5-1 -> *[:-1, :-1]
XLEN s -> :1

# trimming and references  [newer proto=2]
XADD s 1-1 a 1
XADD s 2-1 a 2
XADD s 3-1 a 3
XADD s 4-1 a 4
XGROUP CREATE s g 0
XREADGROUP GROUP g c COUNT 3 STREAMS s >
XACK s g 2-1 -> :1
XTRIM s MAXLEN 0 ACKED -> :1
XTRIM s MAXLEN ~ 0 ACKED -> :0
XLEN s -> :3
XTRIM s MINID 3 DELREF -> :1
XPENDING s g - + 10 d -> *[]
XADD s MAXLEN 1 DELREF 5-1 a 5 -> $'5-1'
XLEN s -> :1
XPENDING s g -> *[:0, null-bulk, null-bulk, null-array]
XADD s MAXLEN 1 KEEPREF ACKED 6-1 a 5 -> $'6-1'
XLEN s -> :2

# object and memory
XADD s 1-1 a b
OBJECT ENCODING s
OBJECT REFCOUNT s
TYPE s
SCAN 0 TYPE stream
DEL s
UNLINK s
"""




def test_script(pair, script, script_proto):
    with pair.compare(script_proto) as comparison:
        comparison.run(script)


def append(conn, key, count, fields=1, first=1):
    conn.many([("XADD", key, "%d-0" % i, *[w for f in range(fields) for w in ("f%d" % f, "%d" % (i * f))])
               for i in range(first, first + count)])


@pytest.mark.parametrize("entries, size", [("1", "0"), ("2", "4096"), ("100", "100"), ("0", "0"), ("0", "500"),
                                           ("100", "4096")])
def test_nodes_are_cut_as_redis_does(pair, entries, size):
    """The number of nodes, and what approximate trimming leaves."""
    nodes, left = [], []
    for server in (pair.ours, pair.oracle):
        with server.conn() as conn:
            conn.call("CONFIG", "SET", "stream-node-max-entries", entries)
            conn.call("CONFIG", "SET", "stream-node-max-bytes", size)
            for i in range(400):
                conn.call("XADD", "s", "%d-%d" % (1 + i * i, i), *["a", "b" * (i % 50)] * (1 + i % 3))
                if i % 7 == 0:
                    conn.call("XDEL", "s", "%d-%d" % (1 + (i // 2) ** 2, i // 2))
                if i % 20 == 0:
                    nodes.append(conn.call("XINFO", "STREAM", "s").value[3].value)
            for by in ("300", "299", "150", "10", "0"):
                left.append([conn.call("XTRIM", "s", "MAXLEN", "~", by), conn.call("XLEN", "s"),
                             conn.call("XRANGE", "s", "-", "+", "COUNT", "2")])
            conn.call("XTRIM", "s", "MAXLEN", "~", "0", "LIMIT", "0")
            left.append(conn.call("XLEN", "s"))
            conn.call("CONFIG", "SET", "stream-node-max-entries", "100")
            conn.call("CONFIG", "SET", "stream-node-max-bytes", "4096")
    half = len(nodes) // 2
    assert nodes[:half] == nodes[half:]
    half = len(left) // 2
    assert left[:half] == left[half:]


def test_large_entries(pair, proto):
    a, b = pair.both(proto)
    with a, b:
        replies = []
        for conn in (a, b):
            got = [conn.call("XADD", "s", "1-1", "big", "x" * 100000, "y" * 5000, "z"),
                   conn.call("XADD", "s", "1-2", "small", "x"),
                   conn.call("XADD", "s", "1-3", *[w for i in range(3000) for w in ("field%d" % i, "%d" % i)]),
                   conn.call("XADD", "s", "1-4", *[w for i in range(3000) for w in ("field%d" % i, "%d" % (i * 7))]),
                   conn.call("XDEL", "s", "1-1"), conn.call("XRANGE", "s", "-", "+"), conn.call("XREVRANGE", "s", "+", "-"),
                   conn.call("XREAD", "STREAMS", "s", "1-2"), conn.call("XINFO", "STREAM", "s").value[3]]
            replies.append(got)
        assert replies[0] == replies[1]


def test_ids_are_of_the_clock(pair):
    with pair.ours.conn() as conn:
        seconds, us = (int(x.value) for x in conn.call("TIME").value)
        now = seconds * 1000 + us // 1000
        ids = [conn.call("XADD", "s", "*", "a", "b").value for _ in range(1000)]
        parsed = [tuple(map(int, i.split(b"-"))) for i in ids]
        assert parsed == sorted(set(parsed)) and 0 <= parsed[0][0] - now < 1000
        conn.call("MULTI")
        for _ in range(3):
            conn.call("XADD", "t", "*", "a", "b")
        first, *rest = (tuple(map(int, x.value.split(b"-"))) for x in conn.call("EXEC").value)
        assert rest == [(first[0], first[1] + 1), (first[0], first[1] + 2)]


def test_a_clock_behind_the_last_id(pair):
    with pair.ours.conn() as conn:
        conn.call("XADD", "s", "99999999999999-5", "a", "b")
        assert conn.call("XADD", "s", "*", "a", "b").value == b"99999999999999-6"
        conn.call("XSETID", "s", "99999999999999-18446744073709551615")
        assert conn.call("XADD", "s", "*", "a", "b").value == b"100000000000000-0"


# 7.4: "+" is the last entry.
@pytest.mark.cairn_only
def test_xread_plus(pair, proto):
    with pair.ours.conn(proto) as conn:
        def ids(*words):
            reply = conn.call(*words)
            return reply.value and [e.value[0].value for e in (reply.value[1] if proto == 3 else reply.value[0].value[1]).value]
        assert ids("XREAD", "STREAMS", "s", "+") is None
        append(conn, "s", 300)
        assert ids("XREAD", "STREAMS", "s", "+") == [b"300-0"]
        assert ids("XREAD", "COUNT", "10", "STREAMS", "s", "+") == [b"300-0"]
        conn.call("XDEL", "s", "300-0")
        assert ids("XREAD", "STREAMS", "s", "+") == [b"299-0"]
        conn.call("XTRIM", "s", "MAXLEN", "0")
        assert ids("XREAD", "STREAMS", "s", "+") is None
        assert conn.call("XREADGROUP", "GROUP", "g", "c", "STREAMS", "s", "+").is_error


# What DUMP of 7.0.15 has for a node is compared in the unit test; here the size that users see.
@pytest.mark.cairn_only
def test_memory_of_entries(pair):
    used = []
    for server in (pair.ours, pair.oracle):
        with server.conn() as conn:
            append(conn, "s", 20000, 3)
            used.append(conn.call("MEMORY", "USAGE", "s", "SAMPLES", "0").value)
            conn.call("DEL", "s")
    assert used[0] <= used[1]
