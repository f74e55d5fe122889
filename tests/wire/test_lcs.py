"""LCS with all its options, and against a plain reference on random strings."""
import random

SCRIPTS = r"""
# lcs
MSET a ohmytext b mynewtext e "" x abc y xyz
LCS a b
LCS a b LEN
LCS a b IDX
LCS a b IDX WITHMATCHLEN
LCS a b IDX MINMATCHLEN {0|1|2|4|5|-1|100}
LCS a b IDX MINMATCHLEN 4 WITHMATCHLEN
LCS a b WITHMATCHLEN
LCS a b MINMATCHLEN 2
LCS a b LEN IDX
LCS a b idx len
LCS a a
LCS a a IDX WITHMATCHLEN
LCS {a|e|missing|x} {b|e|missing2|y} {|LEN|IDX|IDX WITHMATCHLEN}

# lcs errors
MSET a ohmytext b mynewtext
LCS
LCS a
LCS a b BAD
LCS a b MINMATCHLEN
LCS a b IDX MINMATCHLEN
LCS a b IDX MINMATCHLEN {NUM}
LCS a b LEN LEN
LCS a b IDX IDX
LCS a b WITHMATCHLEN WITHMATCHLEN IDX
LCS a b IDX MINMATCHLEN 1 MINMATCHLEN 3

# lcs of strings that would take too much memory
SETRANGE k 423324 1
LCS k k
LCS k k LEN
LCS k missing

# lcs of numbers and binary
MSET a 123456 b 135 c "\x00\x01\xff\x00" d "\x01\x00\x00"
LCS a b
LCS a b IDX
LCS c d
LCS c d IDX WITHMATCHLEN
"""


def test_script(pair, script, script_proto):
    with pair.compare(script_proto) as comparison:
        comparison.run(script)


def test_random_strings(pair):
    rng = random.Random(11)
    ours, oracle = pair.both()
    for _ in range(60):
        letters = "ab" if rng.random() < 0.5 else "abcdefgh"
        a, b = ("".join(rng.choice(letters) for _ in range(rng.randrange(60))) for _ in "ab")
        for conn in (ours, oracle):
            conn.call("MSET", "a", a, "b", b)
        for options in ((), ("LEN",), ("IDX",), ("IDX", "WITHMATCHLEN", "MINMATCHLEN", rng.randrange(4))):
            assert ours.call("LCS", "a", "b", *options) == oracle.call("LCS", "a", "b", *options), (a, b, options)
    ours.close()
    oracle.close()


def test_too_large(pair):
    """A table beyond proto-max-bulk-len is refused, where only the length is asked for, too: it bounds the time."""
    ours, oracle = pair.both()
    for conn in (ours, oracle):
        conn.call("CONFIG", "SET", "proto-max-bulk-len", "4mb")
        conn.call("SETRANGE", "b", 999, "y")
    for size in (1020, 1046, 1047, 70000):
        for conn in (ours, oracle):
            conn.call("DEL", "a")
            conn.call("SETRANGE", "a", size - 1, "x")
        for options in (("LEN",), ("IDX",), ()):
            assert ours.call("LCS", "a", "b", *options) == oracle.call("LCS", "a", "b", *options), size
    for conn in (ours, oracle):
        conn.call("CONFIG", "SET", "proto-max-bulk-len", "512mb")
    ours.close()
    oracle.close()
