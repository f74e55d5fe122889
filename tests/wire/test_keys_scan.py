"""KEYS with its patterns, SCAN with its options and its guarantee."""
import random

import pytest

SCRIPTS = r"""
# keys patterns
MSET hello 1 hallo 2 hxllo 3 hllo 4 heello 5 "h[llo" 6 "h*llo" 7 "h?llo" 8 "h\\llo" 9 "h-llo" 10 "h]llo" 11 "h^llo" 12 "" 13 "h\nllo" 14 "h\x00llo" 15 HELLO 16
% KEYS *
% KEYS ""
% KEYS h?llo
% KEYS h*llo
% KEYS h**llo
% KEYS h[ae]llo
% KEYS h[^e]llo
% KEYS h[a-e]llo
% KEYS h[e-a]llo
% KEYS h[^a-x]llo
% KEYS "h[a-"
% KEYS "h[a"
% KEYS "h["
% KEYS "h[]llo"
% KEYS "h[]]llo"
% KEYS "h[^]llo"
% KEYS "h[^]]llo"
% KEYS "h[\\]]llo"
% KEYS "h[\\^]llo"
% KEYS "h[\\-]llo"
% KEYS "h[*]llo"
% KEYS "h[?]llo"
% KEYS "h[[]llo"
% KEYS "h\\*llo"
% KEYS "h\\?llo"
% KEYS "h\\[llo"
% KEYS "h\\\\llo"
% KEYS "hell\\"
% KEYS "hello\\"
% KEYS "\\hello"
% KEYS h?
% KEYS h????
% KEYS ?????
% KEYS *o
% KEYS o*
% KEYS *l*l*
% KEYS *????*
% KEYS "h\x00llo"
% KEYS "h\nllo"
% KEYS [a-zA-Z]*
% KEYS [H]*
% KEYS h[a-]llo
% KEYS h[--]llo
% KEYS h[-a]llo
KEYS
KEYS a b

# scan arguments
SCAN
SCAN {NUM}
SCAN 0 {MATCH|COUNT|TYPE}
SCAN 0 COUNT {NUM}
SCAN 0 BAD
SCAN 0 BAD x
SCAN 0 MATCH * COUNT 10 TYPE string
SCAN 0 MATCH * MATCH a
SCAN 0 COUNT 1 COUNT abc
SCAN 0 COUNT 10 BAD
SCAN 0 TYPE {string|STRING|list|hash|zset|set|stream|nosuch|""}

# scan of few keys
MSET a 1 b 2 ab 3
% SCAN 0 MATCH a
% SCAN 0 MATCH nothing
% SCAN 0 TYPE list
SCAN 0 MATCH b TYPE string COUNT 1000
SCAN 0 TYPE STRING MATCH ab COUNT 100000
SCAN 18446744073709551615 MATCH nothing COUNT 1000
SELECT 1
SCAN 0
"""


def test_script(pair, script, script_proto):
    with pair.compare(script_proto) as comparison:
        comparison.run(script)


def scan_all(conn, *options, hook=None):
    """One full iteration: the elements (with repetitions) and the number of calls."""
    cursor, seen, calls = b"0", [], 0
    while True:
        reply = conn.call("SCAN", cursor, *options)
        assert reply.kind == "*" and reply.value[0].kind == "$" and reply.value[1].kind == "*", reply
        cursor = reply.value[0].value
        seen += [r.value for r in reply.value[1].value]
        calls += 1
        assert calls < 200000, "SCAN does not end"
        if hook:
            hook(calls)
        if cursor == b"0":
            return seen, calls


@pytest.mark.parametrize("count", [1, 3, 10, 100, 1000, 100000])
@pytest.mark.parametrize("keys", [0, 1, 2, 100, 1000])
def test_full_iteration(pair, keys, count):
    with pair.ours.conn() as conn:
        conn.many([("SET", "key:%d" % i, "v") for i in range(keys)])
        seen, calls = scan_all(conn, "COUNT", count)
        assert set(seen) == {b"key:%d" % i for i in range(keys)}
        assert len(seen) == keys, "elements twice though nothing changed"
        assert calls <= max(2, 4 * keys / count + 64), "too many calls for COUNT"


def test_options_together(pair):
    with pair.ours.conn() as conn:
        conn.many([("SET", "key:%d" % i, "v") for i in range(1000)])
        seen, _ = scan_all(conn, "MATCH", "key:1?", "COUNT", 37)
        assert sorted(seen) == [b"key:1%d" % i for i in range(10)]
        seen, _ = scan_all(conn, "TYPE", "string", "MATCH", "*9", "COUNT", 50)
        assert len(set(seen)) == 100
        seen, _ = scan_all(conn, "TYPE", "list")
        assert seen == []


def test_growing(pair):
    """What is there from start to end is returned, while the table grows a hundredfold."""
    with pair.ours.conn() as conn:
        stable = {b"stable:%d" % i for i in range(300)}
        conn.many([("SET", k, "v") for k in stable])
        added = 0

        def grow(_):
            nonlocal added
            if added < 40000:
                conn.many([("SET", "new:%d" % i, "v") for i in range(added, added + 2000)])
                added += 2000
        seen, _ = scan_all(conn, "COUNT", 7, hook=grow)
        assert stable <= set(seen)


def test_shrinking(pair):
    with pair.ours.conn() as conn:
        stable = {b"stable:%d" % i for i in range(300)}
        conn.many([("SET", k, "v") for k in stable])
        conn.many([("SET", "old:%d" % i, "v") for i in range(40000)])
        removed = 0

        def shrink(_):
            nonlocal removed
            if removed < 40000:
                conn.many([("DEL", "old:%d" % i) for i in range(removed, removed + 4000)])
                removed += 4000
        seen, _ = scan_all(conn, "COUNT", 20, hook=shrink)
        assert stable <= set(seen)


def test_random_changes(pair):
    rng = random.Random(3)
    with pair.ours.conn() as conn:
        for _ in range(5):
            conn.call("FLUSHALL")
            stable = {b"stable:%d" % rng.randrange(10**9) for _ in range(rng.randrange(1, 500))}
            conn.many([("SET", k, "v") for k in stable])

            def change(_):
                conn.many([("SET", "x:%d" % rng.randrange(3000), "v") for _ in range(rng.randrange(100))] +
                          [("DEL", "x:%d" % rng.randrange(3000)) for _ in range(rng.randrange(100))])
            seen, _ = scan_all(conn, "COUNT", rng.choice((1, 5, 10, 50)), hook=change)
            assert stable <= set(seen)


def test_expired_keys_are_not_returned(pair):
    with pair.ours.conn() as conn:
        conn.call("DEBUG", "SET-ACTIVE-EXPIRE", "0")
        conn.many([("SET", "gone:%d" % i, "v", "PX", "1") for i in range(100)] + [("SET", "stay", "v")])
        conn.call("DEBUG", "SLEEP", "0.01")
        seen, _ = scan_all(conn)
        conn.call("DEBUG", "SET-ACTIVE-EXPIRE", "1")
        assert set(seen) == {b"stay"}  # perhaps twice: the table shrinks while the walk goes on


def test_cursor_of_another_time(pair):
    """Any 64-bit number is a cursor: whatever it means, the reply is well formed."""
    rng = random.Random(5)
    with pair.ours.conn() as conn:
        conn.many([("SET", "key:%d" % i, "v") for i in range(500)])
        for cursor in [1, 2**32, 2**63, 2**64 - 1] + [rng.getrandbits(64) for _ in range(200)]:
            reply = conn.call("SCAN", cursor, "COUNT", 5)
            assert reply.kind == "*" and reply.value[0].value.isdigit(), (cursor, reply)
