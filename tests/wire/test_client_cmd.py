"""CLIENT and its subcommands."""
import time

import pytest

from harness import info, wait_for
from resp import OK, Disconnected, encode, error, integer

SCRIPTS = r"""
# client names
CLIENT GETNAME
CLIENT SETNAME bob
CLIENT GETNAME
CLIENT SETNAME ""
CLIENT GETNAME
CLIENT SETNAME {"a b"|"a\nb"|"\x00"|"\x7f"|"\xff"|"!"|"~"|" "}
CLIENT GETNAME
CLIENT SETNAME
CLIENT SETNAME a b
CLIENT GETNAME x

# client arguments
CLIENT
CLIENT BAD
CLIENT BAD a b c
CLIENT "LI ST"
CLIENT ID
CLIENT ID x
CLIENT INFO x
CLIENT HELP
CLIENT HELP x
CLIENT NO-EVICT {on|off|ON|BAD|""}
CLIENT NO-EVICT
CLIENT REPLY {ON|BAD}
CLIENT REPLY
CLIENT REPLY ON OFF

# client getredir  [needs=client|getredir]
CLIENT GETREDIR
CLIENT GETREDIR x

# client list errors
CLIENT LIST TYPE
CLIENT LIST TYPE BAD
CLIENT LIST TYPE {replica|slave|master|pubsub}
CLIENT LIST ID
CLIENT LIST ID abc
CLIENT LIST ID 0
CLIENT LIST ID {NUM}
CLIENT LIST ID 1 abc
CLIENT LIST ID 999999999
CLIENT LIST ID 999999998 999999999
CLIENT LIST BAD
CLIENT LIST BAD x

# client kill errors
CLIENT KILL
CLIENT KILL 1.2.3.4:5
CLIENT KILL ""
CLIENT KILL ID
CLIENT KILL ID abc
CLIENT KILL ID 0
CLIENT KILL ID -1
CLIENT KILL ID 999999999
CLIENT KILL ADDR 1.2.3.4:5
CLIENT KILL LADDR 1.2.3.4:5
CLIENT KILL ADDR 1.2.3.4:5 ID
CLIENT KILL TYPE BAD
CLIENT KILL TYPE {master|replica|slave|pubsub}
CLIENT KILL USER nosuch
CLIENT KILL SKIPME maybe
CLIENT KILL SKIPME yes ID 999999999
CLIENT KILL BAD x
CLIENT KILL ID 1 BAD
CLIENT KILL ID 999999999 ADDR 1.2.3.4:5 TYPE normal USER default SKIPME no

# client unblock
CLIENT UNBLOCK 999999999
CLIENT UNBLOCK {NUM}
CLIENT UNBLOCK 999999999 {TIMEOUT|ERROR|timeout|BAD}
CLIENT UNBLOCK
CLIENT UNBLOCK 1 TIMEOUT x

# client pause errors
CLIENT PAUSE
CLIENT PAUSE abc
CLIENT PAUSE -1
CLIENT PAUSE 10 BAD
CLIENT PAUSE 10 WRITE x
CLIENT PAUSE 0 WRITE
CLIENT PAUSE 9223372036854775807
CLIENT UNPAUSE
CLIENT UNPAUSE x
CLIENT PAUSE 1 ALL
sleep: 5
PING
"""


def test_script(pair, script, script_proto):
    with pair.compare(script_proto) as comparison:
        comparison.run(script)


def rows(conn, *filters):
    """CLIENT LIST as a list of dicts."""
    reply = conn.call("CLIENT", "LIST", *filters)
    assert not reply.is_error, reply
    return [dict(field.split("=", 1) for field in line.split(" ")) for line in reply.text.splitlines()]


def own_id(conn):
    return conn.call("CLIENT", "ID").value


def test_ids_are_increasing(pair):
    with pair.ours.conn() as a, pair.ours.conn() as b:
        assert own_id(b) == own_id(a) + 1
        assert own_id(a) == own_id(a)


def test_list_format(pair, proto):
    """All the oracle's fields, in its order; new ones may stand between."""
    ours, oracle = pair.both(proto)
    replies = [c.call("CLIENT", "INFO") for c in (ours, oracle)]
    assert [r.kind for r in replies] == ["$", "$"] if proto == 2 else ["=", "="]
    names = [[f.split("=")[0] for f in r.text.removeprefix("txt:").rstrip("\n").split(" ")] for r in replies]
    assert [n for n in names[0] if n in names[1]] == names[1]
    assert replies[0].text.endswith("\n")
    row = dict(f.split("=", 1) for f in replies[0].text.removeprefix("txt:").rstrip("\n").split(" "))
    assert row["addr"] == ours.local_name() and row["laddr"] == "127.0.0.1:%d" % pair.ours.port
    assert row["id"] == str(own_id(ours)) and row["cmd"] == "client|info" and row["user"] == "default"
    assert row["resp"] == str(proto) and row["flags"] == "N" and row["db"] == "0" and row["multi"] == "-1"
    ours.close()
    oracle.close()


@pytest.mark.cairn_only
def test_newer_fields(ours):
    ours.call("CLIENT", "SETINFO", "LIB-NAME", "wire")
    ours.call("CLIENT", "SETINFO", "LIB-VER", "1.2")
    row = rows(ours, "ID", own_id(ours))[0]
    assert row["lib-name"] == "wire" and row["lib-ver"] == "1.2"


def test_list_shows_state(pair):
    with pair.ours.conn() as watcher, pair.ours.conn(3) as other:
        other.call("SELECT", "5")
        other.call("CLIENT", "SETNAME", "somebody")
        other.call("MULTI")
        other.call("SET", "k", "v")
        row = rows(watcher, "ID", other_id(watcher, "somebody"))[0]
        assert (row["db"], row["name"], row["multi"], row["resp"], row["cmd"]) == ("5", "somebody", "1", "3", "set")
        assert "x" in row["flags"]
        other.call("EXEC")
        row = rows(watcher, "ID", row["id"])[0]
        assert row["multi"] == "-1" and row["cmd"] == "exec" and row["flags"] == "N"
        assert int(row["age"]) >= 0 and int(row["idle"]) >= 0 and int(row["fd"]) > 2


def other_id(conn, name):
    return next(r["id"] for r in rows(conn) if r["name"] == name)


def test_list_filters(pair):
    with pair.ours.conn() as a, pair.ours.conn() as b:
        ids = {str(own_id(a)), str(own_id(b))}
        assert ids <= {r["id"] for r in rows(a)}
        assert ids <= {r["id"] for r in rows(a, "TYPE", "normal")}
        assert rows(a, "TYPE", "replica") == []
        assert {r["id"] for r in rows(a, "ID", *sorted(ids))} == ids
        assert [r["id"] for r in rows(a, "ID", own_id(b), "999999999")] == [str(own_id(b))]


def test_unix_socket_address(start, tmp_path):
    server = start({"unixsocket": str(tmp_path / "s")})
    from resp import Conn
    with Conn(str(tmp_path / "s")) as conn:
        row = rows(conn)[0]
        assert row["addr"] == str(tmp_path / "s") + ":0" and "U" in row["flags"]
        assert conn.call("CLIENT", "KILL", "ADDR", str(tmp_path / "s") + ":0", "SKIPME", "no").value == 1
        assert conn.closed()
    assert server.alive()


@pytest.mark.parametrize("form", ["old", "ID", "ADDR", "LADDR", "USER", "TYPE"])
def test_kill_another(pair, form):
    with pair.ours.conn() as me, pair.ours.conn() as victim:
        value = {"ID": own_id(victim), "ADDR": victim.local_name(), "LADDR": "127.0.0.1:%d" % pair.ours.port,
                 "USER": "default", "TYPE": "normal"}.get(form)
        if form == "old":
            assert me.call("CLIENT", "KILL", victim.local_name()) == OK
        else:
            reply = me.call("CLIENT", "KILL", form, value)
            assert reply.kind == ":" and reply.value >= 1
            if form in ("ID", "ADDR"):
                assert reply.value == 1
        assert victim.closed()
        assert me.call("PING").value == b"PONG", "SKIPME is yes by default"


def test_kill_self(pair):
    """The killer gets its answer, then is closed."""
    for arguments in (("ID", "own", "SKIPME", "no"), ("own",)):
        with pair.ours.conn() as me:
            names = {"own": own_id(me) if arguments[0] == "ID" else me.local_name()}
            reply = me.call("CLIENT", "KILL", *[names.get(a, a) for a in arguments])
            assert reply in (OK, integer(1))
            assert me.closed()
    with pair.ours.conn() as me:
        assert me.call("CLIENT", "KILL", "ID", own_id(me)) == integer(0)
        assert me.call("PING").value == b"PONG"
    with pair.ours.conn() as me:
        me.send("CLIENT", "KILL", "ID", own_id(me), "SKIPME", "no")
        me.send_raw(b"PING\r\n" * 50)
        assert me.read() == integer(1)
        with pytest.raises((Disconnected, ConnectionError)):
            for _ in range(51):
                me.read()


def test_kill_inside_multi(pair):
    with pair.ours.conn() as me, pair.ours.conn() as victim:
        me.call("MULTI")
        me.call("CLIENT", "KILL", "ID", own_id(victim))
        me.call("SET", "k", "v")
        assert [r.value for r in me.call("EXEC").value] == [1, b"OK"]
        assert victim.closed()
    with pair.ours.conn() as me:
        my_id = own_id(me)
        me.call("MULTI")
        me.call("CLIENT", "KILL", "ID", my_id, "SKIPME", "no")
        me.call("SET", "after", "v")
        me.send("EXEC")
        assert me.closed()
    with pair.ours.conn() as me:
        assert me.call("GET", "after").value == b"v", "the rest of the transaction still ran"


@pytest.mark.cairn_only
def test_kill_maxage(pair):
    with pair.ours.conn() as old:
        time.sleep(2.1)
        with pair.ours.conn() as me:
            assert me.call("CLIENT", "KILL", "MAXAGE", "1").value == 1
            assert old.closed()
            assert me.call("CLIENT", "KILL", "MAXAGE", "abc").is_error


def test_reply_modes(pair):
    """CLIENT REPLY OFF, SKIP and ON: compared with the oracle by what arrives in all."""
    plan = [("CLIENT", "REPLY", "OFF"), ("PING",), ("SET", "k", "v"), ("NOSUCH",), ("CLIENT", "REPLY", "ON"), ("GET", "k"),
            ("CLIENT", "REPLY", "SKIP"), ("PING", "skipped"), ("PING", "seen"), ("CLIENT", "REPLY", "SKIP"),
            ("CLIENT", "REPLY", "OFF"), ("PING", "no"), ("CLIENT", "REPLY", "SKIP"), ("PING", "no"), ("PING", "no"),
            ("CLIENT", "REPLY", "ON"), ("CLIENT", "REPLY", "SKIP"), ("CLIENT", "REPLY", "ON"), ("PING", "last"),
            ("PING", "end")]
    got = []
    for conn in pair.both():
        conn.send_raw(b"".join(encode(*c) for c in plan))
        replies = []
        while not replies or replies[-1].value != b"end":
            replies.append(conn.read())
        assert conn.silent()
        got.append(replies)
        conn.close()
    assert got[0] == got[1]


def test_pause_write(pair):
    """PAUSE WRITE holds back writes until its time or UNPAUSE, and lets reads pass."""
    with pair.ours.conn() as admin, pair.ours.conn() as reader, pair.ours.conn() as writer:
        admin.call("SET", "k", "v")
        assert admin.call("CLIENT", "PAUSE", "10000", "WRITE") == OK
        writer.send("SET", "k", "w")
        assert writer.silent(0.15)
        assert reader.call("GET", "k").value == b"v"
        assert admin.call("CLIENT", "UNPAUSE") == OK
        assert writer.read() == OK


@pytest.mark.parametrize("mode", ["ALL", None])
def test_pause_all(pair, mode):
    """PAUSE ALL holds back everything, UNPAUSE included; arrival order is kept per connection."""
    with pair.ours.conn() as admin, pair.ours.conn() as reader:
        admin.call("SET", "k", "v")
        assert admin.call("CLIENT", "PAUSE", "400", *([mode] if mode else [])) == OK
        reader.send("GET", "k")
        reader.send("SET", "k", "w")
        reader.send("GET", "k")
        assert reader.silent(0.15)
        assert [reader.read().value for _ in range(3)] == [b"v", b"OK", b"w"]


def test_pause_ends_by_itself(pair):
    with pair.ours.conn() as admin, pair.ours.conn() as writer:
        admin.call("CLIENT", "PAUSE", "150", "WRITE")
        begin = time.monotonic()
        assert writer.call("SET", "k", "v") == OK
        assert 0.1 < time.monotonic() - begin < 2


def test_pause_keeps_multi_and_expiry(pair):
    """During WRITE: EXEC with a write waits, EXEC of reads does not; keys do not expire actively."""
    with pair.ours.conn() as admin, pair.ours.conn() as a, pair.ours.conn() as b:
        for conn, command in ((a, ("SET", "k", "v")), (b, ("GET", "k"))):
            conn.call("MULTI")
            conn.call(*command)
        admin.call("SET", "fleeting", "v", "PX", "30")
        admin.call("CLIENT", "PAUSE", "10000", "WRITE")
        a.send("EXEC")
        b.send("EXEC")
        assert not b.silent(0.3) and a.silent(0.2)
        assert admin.call("GET", "fleeting").value is None
        assert admin.call("DBSIZE").value == 1, "an expired key is deleted only after the pause"
        admin.call("CLIENT", "UNPAUSE")
        assert a.read().value == [OK]
        wait_for("the expired key to go", lambda: admin.call("DBSIZE").value == 1 and
                 admin.call("EXISTS", "k").value == 1)


def test_pause_longer_wins(pair):
    """A second, shorter pause does not shorten the first."""
    with pair.ours.conn() as admin, pair.ours.conn() as writer:
        admin.call("CLIENT", "PAUSE", "10000", "WRITE")
        admin.call("CLIENT", "PAUSE", "10", "WRITE")
        writer.send("SET", "k", "v")
        assert writer.silent(0.2)
        admin.call("CLIENT", "UNPAUSE")
        assert writer.read() == OK


def test_client_that_leaves_while_paused(pair):
    with pair.ours.conn() as admin, pair.ours.conn() as writer:
        name = writer.local_name()
        admin.call("CLIENT", "PAUSE", "10000", "WRITE")
        writer.send("SET", "k", "v")
        wait_for("a postponed client", lambda: any(r["addr"] == name and "b" in r["flags"] for r in rows(admin)))
        writer.close()
        wait_for("the closed client to leave", lambda: all(r["addr"] != name for r in rows(admin)))
        admin.call("CLIENT", "UNPAUSE")
        assert admin.call("GET", "k").value in (None, b"v")


@pytest.mark.cairn_only
def test_setinfo(ours):
    assert ours.call("CLIENT", "SETINFO", "LIB-NAME", "redis-py") == OK
    assert ours.call("CLIENT", "SETINFO", "lib-ver", "4.3.4") == OK
    assert ours.call("CLIENT", "SETINFO", "LIB-NAME", "a b") == error(
        "ERR lib-name cannot contain spaces, newlines or special characters.")
    assert ours.call("CLIENT", "SETINFO", "LIB-VER", "a\nb") == error(
        "ERR lib-ver cannot contain spaces, newlines or special characters.")
    assert ours.call("CLIENT", "SETINFO", "BAD", "x") == error("ERR Unrecognized option 'BAD'")
    assert ours.call("CLIENT", "SETINFO", "LIB-NAME").text.startswith("ERR wrong number of arguments")
    assert ours.call("CLIENT", "SETINFO", "LIB-NAME", "") == OK


@pytest.mark.cairn_only
def test_no_touch(pair):
    with pair.ours.conn() as a, pair.ours.conn() as b:
        a.call("SET", "k", "v")
        assert b.call("CLIENT", "NO-TOUCH", "on") == OK
        time.sleep(2.1)
        b.call("GET", "k")
        assert a.call("OBJECT", "IDLETIME", "k").value >= 1
        assert "T" in rows(a, "ID", own_id(b))[0]["flags"]
        b.call("TOUCH", "k")
        assert a.call("OBJECT", "IDLETIME", "k").value <= 1, "TOUCH is not affected"
        assert b.call("CLIENT", "NO-TOUCH", "off") == OK
        assert b.call("CLIENT", "NO-TOUCH", "maybe") == error("ERR syntax error")


def test_no_evict_flag(pair):
    with pair.ours.conn() as conn:
        conn.call("CLIENT", "NO-EVICT", "ON")
        assert "e" in rows(conn, "ID", own_id(conn))[0]["flags"]
        conn.call("CLIENT", "NO-EVICT", "OFF")
        assert "e" not in rows(conn, "ID", own_id(conn))[0]["flags"]


def test_maxmemory_clients(pair):
    """The client that holds the most is closed when all of them hold too much; NO-EVICT saves it."""
    with pair.ours.conn() as conn, pair.ours.conn() as greedy, pair.ours.conn() as saved:
        before = int(info(conn, "stats")["evicted_clients"])
        saved.call("CLIENT", "NO-EVICT", "ON")
        for c in (greedy, saved):
            c.call("MULTI")
            for _ in range(4):
                c.call("SET", "k", "x" * (1 << 20))
        conn.call("CONFIG", "SET", "maxmemory-clients", "5mb")
        wait_for("the greedy one to go", lambda: int(info(conn, "stats")["evicted_clients"]) == before + 1)
        with pytest.raises(Disconnected):
            greedy.call("EXEC")
        assert len(saved.call("EXEC").value) == 4
        conn.call("CONFIG", "SET", "maxmemory-clients", "0")
