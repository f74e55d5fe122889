"""PING, ECHO, QUIT, RESET, HELLO, AUTH and what a connection keeps from one command to the next."""
import pytest

from resp import OK, error

NOAUTH = error("NOAUTH Authentication required.")

SCRIPTS = r"""
# ping and echo
PING
PING hello
PING ""
PING "\x00\r\n"
PING a b
ECHO hello
ECHO ""
ECHO
ECHO a b
ping
pInG x

# quit
SET k v
QUIT
closed: a
b: QUIT now please
closed: b

# reset
SELECT 3
CLIENT SETNAME bob
MULTI
SET k v
RESET
CLIENT GETNAME
GET k
DBSIZE
EXEC
RESET now
WATCH k
b: SET k x
RESET
MULTI
EXEC
CLIENT REPLY ON
RESET

# reset returns to resp2  [proto=3]
HELLO 3
RESET
GET missing
HELLO 3
GET missing

# hello
HELLO
HELLO 2
GET missing
HELLO 3
GET missing
HELLO
HELLO {NUM}
HELLO 2 SETNAME bob
CLIENT GETNAME
HELLO 3 SETNAME "a b"
HELLO 2 setname alice
CLIENT GETNAME
HELLO 2 SETNAME ""
CLIENT GETNAME
HELLO 2 SETNAME
HELLO 2 AUTH
HELLO 2 AUTH default
HELLO 2 AUTH default anything
HELLO 2 AUTH nobody x
HELLO 2 AUTH default x SETNAME fred
CLIENT GETNAME
HELLO 3 AUTH nobody x SETNAME ned
CLIENT GETNAME
HELLO 2 BAD
HELLO 2 SETNAME x BAD
HELLO 3 SETNAME carol AUTH default ""
HELLO AUTH default x
HELLO 4
HELLO 1
GET missing

# auth without a password set
AUTH x
AUTH default x
AUTH default ""
AUTH nobody x
AUTH
AUTH a b c
AUTH ""

# multi is kept by a connection only
MULTI
b: EXEC
b: PING
EXEC

# resp3 types  [proto=3]
DEBUG PROTOCOL {string|integer|double|bignum|null|array|set|map|attrib|verbatim|true|false|bad}
DEBUG PROTOCOL push
read: a

# resp3 types seen from resp2  [proto=2]
DEBUG PROTOCOL {string|integer|double|bignum|null|array|set|map|verbatim|true|false|bad}
DEBUG PROTOCOL
DEBUG PROTOCOL string extra
"""


def test_script(pair, script, script_proto):
    with pair.compare(script_proto) as comparison:
        comparison.run(script)


HELLO_FIELDS = [b"server", b"version", b"proto", b"id", b"mode", b"role", b"modules"]


def test_hello_reply(ours):
    """A map in RESP3, a flat array in RESP2; proto and id are integers (pitfall 3)."""
    for asked, kind in ((2, "*"), (3, "%"), (2, "*")):
        reply = ours.call("HELLO", asked)
        assert reply.kind == kind
        fields = reply.pairs()
        assert list(fields) == HELLO_FIELDS
        assert fields[b"server"] == b"redis" and fields[b"proto"] == asked
        assert fields[b"id"] == ours.call("CLIENT", "ID").value
        assert fields[b"mode"] == b"standalone" and fields[b"role"] == b"master" and fields[b"modules"] == []
    assert ours.call("HELLO").pairs()[b"proto"] == 2


@pytest.mark.cairn_only
def test_version_is_new_enough(ours):
    """Clients gate features on it (pitfall 4)."""
    version = ours.call("HELLO").pairs()[b"version"].decode()
    assert tuple(map(int, version.split("."))) >= (7, 4, 0)


class Password:
    """Both servers with a password set while a test runs."""

    def __init__(self, pair, password):
        self.pair, self.password = pair, password

    def __enter__(self):
        for server in (self.pair.ours, self.pair.oracle):
            with server.conn() as conn:
                assert conn.call("CONFIG", "SET", "requirepass", self.password) == OK
        return self

    def __exit__(self, *_):
        for server in (self.pair.ours, self.pair.oracle):
            with server.conn() as conn:
                conn.call("AUTH", self.password)
                assert conn.call("CONFIG", "SET", "requirepass", "") == OK


BEFORE_AUTH = [
    ("PING",), ("GET", "k"), ("SET", "k", "v"), ("NOSUCH",), ("CLIENT", "ID"), ("COMMAND",), ("MULTI",), ("EXEC",),
    ("INFO",), ("HELLO", "3"), ("HELLO",), ("HELLO", "9"), ("HELLO", "3", "AUTH", "default", "wrong"),
    ("HELLO", "3", "SETNAME", "x"), ("AUTH", "wrong"), ("AUTH", "default", "wrong"), ("AUTH", "nobody", "secret"),
    ("AUTH",), ("AUTH", "a", "b", "c"), ("RESET",), ("DEBUG", "SLEEP", "0"), ("SHUTDOWN",), ("GET",), ("WATCH", "k"),
    ("CONFIG", "GET", "requirepass"), ("ECHO", "x"), ("SELECT", "1"), ("CLIENT", "SETNAME", "x"),
]


def test_before_authentication(pair):
    with Password(pair, "secret"):
        ours, oracle = pair.both()
        for command in BEFORE_AUTH:
            theirs, mine = oracle.call(*command), ours.call(*command)
            assert mine == theirs, command
        for conn in (ours, oracle):
            assert conn.call("AUTH", "secret") == OK
            assert conn.call("PING").value == b"PONG"
            assert conn.call("AUTH", "wrong").is_error
            assert conn.call("PING").value == b"PONG", "a failed AUTH keeps the user that was"
            assert conn.call("RESET").value == b"RESET"
            assert conn.call("PING") == NOAUTH, "RESET forgets the user"
            assert conn.call("QUIT") == OK
            assert conn.closed()


def test_hello_auth(pair):
    with Password(pair, "secret"):
        for text in ("secret", "wrong"):
            ours, oracle = pair.both()
            a, b = (c.call("HELLO", "3", "AUTH", "default", text, "SETNAME", "bob") for c in (ours, oracle))
            assert a.kind == b.kind == ("%" if text == "secret" else "-")
            assert ours.call("CLIENT", "GETNAME") == oracle.call("CLIENT", "GETNAME")
            assert ours.call("GET", "missing") == oracle.call("GET", "missing"), "protocol after HELLO AUTH"
            ours.close()
            oracle.close()


def test_password_set_later(pair):
    """Connections that were in before stay authenticated; the password may hold any bytes."""
    ours, oracle = pair.both()
    with Password(pair, b"p\x01\xff ss"):
        for conn in (ours, oracle):
            assert conn.call("PING").value == b"PONG"
        for server in (pair.ours, pair.oracle):
            with server.conn() as conn:
                assert conn.call("PING") == NOAUTH
                assert conn.call("AUTH", b"p\x01\xff s").is_error
                assert conn.call("AUTH", "default", b"p\x01\xff ss") == OK
    ours.close()
    oracle.close()


def test_requirepass_in_file(start):
    server = start({"requirepass": '"a b"'})
    with server.conn() as conn:
        assert conn.call("PING") == NOAUTH
        assert conn.call("AUTH", "a b") == OK
        assert conn.call("CONFIG", "GET", "requirepass").pairs() == {b"requirepass": b"a b"}
