"""Clients that do not mean well, several kinds at a time: the server stays up, answers the others, and forgets them.
One kind at a time is in test_protocol.py."""
import random
import socket
import time

import pytest

from harness import SLOW, info, sanitized, wait_for
from resp import encode

MB = 1024 * 1024
WORDS = [b"GET", b"SET", b"MULTI", b"EXEC", b"WATCH", b"HELLO", b"CLIENT", b"COMMAND", b"APPEND", b"*3\r\n", b"$3\r\n",
         b"*-1\r\n", b"$-1\r\n", b"\r\n", b"\n", b"\x00", b"*1000000\r\n", b"$0\r\n\r\n", b"\"", b"'", b"+OK\r\n",
         b"$99999999\r\n", b"key ", b"3 "]


def used_memory(conn):
    return int(info(conn, "memory")["used_memory"])


def back_to(conn, before, slack=MB):
    if not sanitized():
        wait_for("memory back", lambda: used_memory(conn) < before + slack)


def alone(conn):
    return info(conn, "clients")["connected_clients"] == "1"


def connect(server):
    s = socket.create_connection(server.address)
    s.setblocking(False)
    return s


def push(s, data):
    """Sends what the server takes; False: it has closed the connection."""
    try:
        s.send(data)
    except BlockingIOError:
        pass
    except OSError:
        return False
    return True


def drain(s):
    """Takes what is there; False: the server has closed the connection."""
    try:
        while True:
            if not s.recv(1 << 16):
                return False
    except BlockingIOError:
        return True
    except OSError:
        return False


def in_time(conn):
    begin = time.monotonic()
    assert conn.call("PING").value == b"PONG"
    assert time.monotonic() - begin < 1 * SLOW


def test_a_pipeline_over_the_output_limit_gets_nothing(start):
    """Although the socket would take it all, and with small replies between the large ones."""
    server = start({"client-output-buffer-limit": "normal 100000 0 0"})
    with server.conn() as conn, server.conn() as sleeper, server.conn() as other:
        conn.call("SET", "k", "x" * 10000)
        sleeper.send("DEBUG", "SLEEP", "0.5")
        time.sleep(0.1)
        other.send_raw((encode("SET", "n", "1") + encode("GET", "n") + encode("GET", "k")) * 15)
        assert conn.call("PING").value == b"PONG"
        assert other.closed() and other.rest() == b""
        reading = server.conn()
        reading.send_raw((encode("GET", "n") + encode("GET", "k")) * 9)
        assert [len(reading.read().value) for _ in range(18)] == [1, 10000] * 9
        reading.close()


def test_silent_halting_and_deaf(start):
    """Three kinds at once, a hundred of each; then all of them go, some with a reset."""
    server = start({"client-output-buffer-limit": "normal 1mb 0 0"})
    rnd = random.Random(1)
    with server.conn() as conn:
        conn.call("SET", "k", "x" * 100000)
        before = used_memory(conn)
        whole = encode("SET", "half", "v" * 50000)
        socks = []
        for _ in range(100):
            silent, halting, deaf = (connect(server) for _ in range(3))
            push(halting, whole[:rnd.randrange(1, len(whole))])
            for _ in range(5):
                push(deaf, encode("GET", "k") * 20)
            in_time(conn)
            socks += [silent, halting, deaf]
        assert conn.call("EXISTS", "half").value == 0
        if not sanitized():
            assert used_memory(conn) < before + 160 * MB
        for i, s in enumerate(socks):
            if i % 2:
                s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")
            s.close()
        wait_for("the others gone", lambda: alone(conn))
        back_to(conn, before)


def test_pipeline_against_a_backlog(pair):
    """10 000 SETs behind 100 KB of replies that are not being read: all are run, all are answered, in order."""
    with pair.ours.conn() as conn:
        conn.call("SET", "big", "x" * 100000)
        s = socket.create_connection(pair.ours.address)
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        s.settimeout(20 * SLOW)
        s.sendall(encode("GETRANGE", "big", "0", "99999"))
        s.sendall(b"".join(encode("SET", "k%d" % i, str(i)) for i in range(10000)) + encode("ECHO", "end"))
        wait_for("the last one", lambda: conn.call("GET", "k9999").value == b"9999")
        expected = b"$100000\r\n" + b"x" * 100000 + b"\r\n" + b"+OK\r\n" * 10000 + b"$3\r\nend\r\n"
        got = bytearray()
        while len(got) < len(expected):
            data = s.recv(5000)
            assert data
            got += data
        assert got == expected
        s.close()


@pytest.mark.parametrize("text", [b"*0\r\n", b"\n", b"\r\n*-1\r\n"])
def test_empty_commands_starve_nobody(pair, text):
    with pair.ours.conn() as conn:
        s = connect(pair.ours)
        data = text * 50000
        for _ in range(20):
            push(s, data)
            in_time(conn)
        s.close()


def garbage(rnd):
    """From noise to what is nearly a command."""
    kind = rnd.randrange(4)
    if kind == 0:
        return rnd.randbytes(rnd.randrange(1, 2000))
    if kind == 1:
        return b"".join(rnd.choice(WORDS) for _ in range(rnd.randrange(1, 60)))
    if kind == 2:
        name = rnd.choice(["SET", "APPEND"])
        text = bytearray(b"".join(encode(name, "k", "v" * rnd.randrange(100)) for _ in range(20)))
        for _ in range(rnd.randrange(1, 4)):
            text[rnd.randrange(len(text))] = rnd.randrange(256)
        return bytes(text)
    return encode(*[rnd.choice(WORDS) + rnd.randbytes(rnd.randrange(20)) for _ in range(rnd.randrange(1, 8))])


@pytest.mark.parametrize("seed", [1, 2])
def test_garbage(start, seed):
    server = start()
    rnd = random.Random(seed)
    with server.conn() as conn:
        before = used_memory(conn)
        socks = [connect(server) for _ in range(30)]
        rounds = 0
        end = time.monotonic() + 2
        while time.monotonic() < end:
            for i, s in enumerate(socks):
                data = garbage(rnd)
                alive = all(push(s, data[at:at + 700]) for at in range(0, len(data), 700)) and drain(s)
                if not alive or rnd.randrange(50) == 0:
                    s.close()
                    socks[i] = connect(server)
            in_time(conn)
            rounds += 1
        assert rounds > 5
        for s in socks:
            s.close()
        wait_for("the others gone", lambda: alone(conn))
        conn.call("FLUSHALL")
        back_to(conn, before)
