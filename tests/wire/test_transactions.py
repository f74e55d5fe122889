"""MULTI, EXEC, DISCARD, WATCH, UNWATCH."""
SCRIPTS = r"""
# exec
MULTI
SET k v
GET k
INCR n
INCR k
EXEC
GET k
EXEC
DISCARD
MULTI
EXEC
MULTI
DISCARD
MULTI
SET k w
DISCARD
GET k
MULTI x
EXEC x
DISCARD x
UNWATCH x
WATCH

# run-time errors do not abort
SET k abc
MULTI
INCR k
SET a 1
GET missing
EXPIRE a abc
MGET a missing
EXEC
GET a

# queue-time errors abort
MULTI
NOSUCH
SET k v
EXEC
EXISTS k
MULTI
SET k
EXEC
MULTI
SET k
DISCARD
MULTI
EXEC
MULTI
CLIENT NOSUCH
EXEC
MULTI
CONFIG GET
EXEC
MULTI
GET
PING
EXEC
PING

# nested multi and watch in multi
MULTI
MULTI
SET k v
EXEC
MULTI
WATCH k
SET k w
EXEC
GET k
MULTI
UNWATCH
EXEC
MULTI
EXEC x
EXEC
MULTI
DISCARD x
DISCARD

# commands not allowed
MULTI
SHUTDOWN NOSAVE
EXEC
MULTI
SET k v
RESET
GET k

# commands that are
MULTI
SELECT 1
SET k v
SELECT 0
GET k
PING x
ECHO y
DBSIZE
EXISTS k
CLIENT GETNAME
CLIENT SETNAME z
TYPE k
COMMAND COUNT x
TTL k
OBJECT ENCODING k
EXEC
DBSIZE
MULTI
AUTH x
PING
EXEC

# quit inside
MULTI
SET k v
QUIT
closed: a
b: GET k

# hello inside
MULTI
HELLO 3
GET missing
HELLO 2
GET missing
EXEC
GET missing

# flush inside
SET k v
MULTI
FLUSHALL
SET k w
DBSIZE
FLUSHDB
DBSIZE
SWAPDB 0 1
EXEC
DBSIZE

# watch untouched
SET k v
WATCH k
b: GET k
b: TTL k
MULTI
SET k w
EXEC
GET k

# watch touched
before: SET k v
before: b: DEL other
before: WATCH k
after: MULTI
after: PING
after: EXEC
b: SET k v
b: GET k
b: DEL k
b: SET other v
b: EXPIRE k 100
b: EXPIRE k 100 XX
b: PERSIST k
b: APPEND k ""
b: APPEND k x
b: SETRANGE k 0 ""
b: SETRANGE k 0 v
b: SETNX k x
b: MSETNX k x
b: RENAME k k
b: RENAME k other
b: RENAMENX k other
b: COPY k other
b: COPY other k
b: COPY other k REPLACE
b: MOVE k 3
b: TOUCH k
b: OBJECT ENCODING k
b: GETEX k
b: GETEX k EX 10
b: GETEX k PERSIST
b: GETDEL k
b: GETSET k v
b: FLUSHDB
b: FLUSHALL
b: SWAPDB 0 1
b: SWAPDB 1 2
b: EXPIRE k -1
b: PEXPIREAT k 1
b: UNLINK k
b: INCR k
b: SET k v NX
b: SET k v XX
b: SET k x GET
SET k x
DEL k
UNWATCH

# watch missing key
before: DEL k
before: b: DEL other
before: WATCH k
after: MULTI
after: PING
after: EXEC
b: GET k
b: DEL k
b: SET k v
b: SET k v XX
b: INCR k
b: FLUSHDB
b: FLUSHALL
b: EXPIRE k 100
b: RENAME other k
b: SETRANGE k 0 ""
b: APPEND k ""
b: APPEND k x

# flush and swap with missing keys
WATCH k
b: FLUSHALL
MULTI
PING
EXEC
WATCH k
b: SELECT 1
b: SET k v
b: SWAPDB 0 1
MULTI
PING
EXEC
SET k in-0
b: SWAPDB 0 1
WATCH k
b: SELECT 5
b: SWAPDB 0 5
MULTI
PING
EXEC

# watch and expiry
SET k v PX 30
WATCH k
sleep: 50
MULTI
PING
EXEC
SET k v PX 30
WATCH k
sleep: 50
GET k
MULTI
PING
EXEC
SET k v PX 30
sleep: 50
WATCH k
MULTI
PING
EXEC
SET k v PX 20
sleep: 40
WATCH k
b: GET k
b: DBSIZE
MULTI
PING
EXEC

# watch that was already expired then written
. DEBUG SET-ACTIVE-EXPIRE 0
SET k v PX 20
sleep: 40
WATCH k
b: SET k w
MULTI
PING
EXEC
SET k v PX 20
sleep: 40
WATCH k
b: FLUSHDB
MULTI
PING
EXEC
SET k v PX 20
sleep: 40
WATCH k
b: GET k
MULTI
PING
EXEC
SET k v PX 40
WATCH k
sleep: 60
MULTI
PING
EXEC
. DEBUG SET-ACTIVE-EXPIRE 1

# watch is about its database
SELECT 1
WATCH k
SELECT 0
b: SET k v
MULTI
PING
EXEC
SELECT 1
WATCH k
SELECT 0
b: SELECT 1
b: SET k v
MULTI
PING
EXEC
b: FLUSHDB
WATCH k
b: SELECT 0
b: SET k x
MULTI
PING
EXEC

# watch the same key several times
WATCH k k k
WATCH k
b: SET k v
MULTI
PING
EXEC
WATCH a b c
b: SET c v
MULTI
PING
EXEC

# what ends watching
WATCH k
MULTI
EXEC
b: SET k v
MULTI
PING
EXEC
WATCH k
MULTI
DISCARD
b: SET k w
MULTI
PING
EXEC
WATCH k
UNWATCH
b: SET k x
MULTI
PING
EXEC
WATCH k
RESET
b: SET k y
MULTI
PING
EXEC
WATCH k
EXEC
DISCARD
b: SET k z
MULTI
PING
EXEC

# touched watch and failed queueing
WATCH k
b: SET k v
MULTI
NOSUCH
EXEC
MULTI
PING
EXEC
WATCH k
b: SET k v
MULTI
PING
DISCARD
MULTI
PING
EXEC

# touched by its own transaction
WATCH k
MULTI
SET k v
GET k
EXEC
GET k

# resp3 types within  [proto=3]
MULTI
DEBUG PROTOCOL map
DEBUG PROTOCOL set
DEBUG PROTOCOL double
GET missing
EXEC
"""


def test_script(pair, script, script_proto):
    with pair.compare(script_proto) as comparison:
        comparison.run(script)


def test_execabort_text(ours):
    ours.call("MULTI")
    ours.call("NOSUCH")
    assert ours.call("EXEC").text == "EXECABORT Transaction discarded because of previous errors."


def test_long_transaction(pair, proto):
    """Ten thousand queued commands, in one write and in small pieces."""
    with pair.ours.conn(proto) as conn:
        replies = conn.many([("MULTI",)] + [("INCR", "n")] * 10000 + [("EXEC",)])
        assert [r.value for r in replies[1:10001]] == [b"QUEUED"] * 10000
        assert [r.value for r in replies[-1].value] == list(range(1, 10001))
        conn.call("MULTI")
        for i in range(300):
            assert conn.call("APPEND", "s", "x" * i).value == b"QUEUED"
        assert conn.call("EXEC").value[-1].value == sum(range(300))


def test_large_arguments_are_queued(pair):
    """What is queued outlives the buffer that it came in."""
    with pair.ours.conn() as conn:
        values = [bytes([65 + i]) * (1 << (i + 5)) for i in range(16)]
        conn.call("MULTI")
        for i, value in enumerate(values):
            assert conn.call("SET", "k%d" % i, value).value == b"QUEUED"
        assert all(r.value == b"OK" for r in conn.call("EXEC").value)
        assert [conn.call("GET", "k%d" % i).value for i in range(16)] == values


def test_disconnect_with_queue_and_watch(pair):
    with pair.ours.conn() as conn:
        for i in range(200):
            with pair.ours.conn() as other:
                other.call("WATCH", *["w%d" % j for j in range(20)])
                other.call("MULTI")
                other.call("SET", "k", "v")
            conn.call("SET", "w%d" % (i % 20), "v")
        assert conn.call("EXISTS", "k").value == 0


def test_one_exec_is_atomic(pair):
    """Another connection never sees a transaction half done."""
    import threading
    stop = threading.Event()
    wrong = []

    def reader():
        with pair.ours.conn() as conn:
            while not stop.is_set():
                a, b = conn.call("MGET", "a", "b").value
                if a != b:
                    wrong.append((a, b))
    thread = threading.Thread(target=reader)
    with pair.ours.conn() as conn:
        conn.call("MSET", "a", "0", "b", "0")
        thread.start()
        for i in range(400):
            conn.many([("MULTI",), ("SET", "a", i), ("SET", "b", i), ("EXEC",)])
        stop.set()
    thread.join()
    assert not wrong


def test_nothing_is_queued_without_memory(start):
    """A queue takes memory whatever it is of; what ends the transaction is heard."""
    def said(server):
        answers = []
        with server.conn() as conn, server.conn() as other:
            for command in (("GET", "k"), ("PING",), ("UNWATCH",), ("SET", "k", "w"), ("DEL", "k"), ("RESET",),
                            ("DISCARD",)):
                conn.call("MULTI")
                conn.call("GET", "k")
                other.call("CONFIG", "SET", "maxmemory", 1)
                answers += [conn.call(*command), conn.call("EXEC"), conn.call("DISCARD"), conn.call("GET", "k")]
                other.call("CONFIG", "SET", "maxmemory", 0)
        return answers
    mine = said(start())
    assert mine == said(start(oracle=True))
    assert mine[0].text.startswith("OOM ")
