"""The tests' own tools: a difference must be seen, an intended one must not."""
import pytest

import differences
from resp import OK, Reply, array, bulk, integer
from script import LISTS, Mismatch, _expand, parse, split_args, steps


def test_quoting():
    assert split_args(r'''SET "a \x41\n" 'b "c"' "" d''') == [b"SET", b"a A\n", b'b "c"', b"", b"d"]


def test_alternatives():
    assert list(_expand("SET {a|b} {|NX}")) == ["SET a ", "SET a NX", "SET b ", "SET b NX"]
    assert len(list(_expand("INCRBY k {NUM}"))) == len(LISTS["NUM"])


def test_before_and_after():
    script, = parse("# one\nbefore: DEL k\nafter: GET k\nSET k {1|2}\nclear:\nPING\n")
    assert [s.line for s in steps(script)] == ["DEL k", "SET k 1", "GET k", "DEL k", "SET k 2", "GET k", "PING"]


def test_a_difference_is_seen(pair):
    with pair.ours.conn() as conn:
        conn.call("SET", "k", "1")
    with pair.compare() as comparison, pytest.raises(Mismatch, match="GET k"):
        comparison.run(parse("# x\nGET k\n")[0])


def test_wire_types_are_compared():
    assert Reply("$", b"1") != Reply("+", b"1") != integer(1)
    assert Reply("$-1", None) != Reply("_", None) != Reply("*-1", None)
    assert array(bulk("a")) != Reply("~", [bulk("a")])


def test_intended_differences_are_narrow():
    assert differences.intended([b"HELLO"], Reply("*", [bulk("server"), bulk("redis"), bulk("version"), bulk("7.4.0")]),
                                Reply("*", [bulk("server"), bulk("redis"), bulk("version"), bulk("7.0.15")]))
    assert not differences.intended([b"HELLO"], OK, Reply("*", []))
    assert not differences.intended([b"GET", b"k"], bulk("a"), bulk("b"))


def test_every_difference_has_a_reason():
    for difference in differences.INTENDED + differences.VOLATILE:
        assert difference.name and len(difference.reason) > 20
