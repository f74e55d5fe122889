"""Bit flips: one changed bit anywhere in an RDB file or an append-only file of 10 MB is found by the checker, which
reads with the server's own reader, and the report names a place at or before the end of what was changed."""
import os
import random
import re
import subprocess

import pytest

import harness

OUR_FOLDER = os.path.dirname(harness.ours_path())
MEGABYTES = 10
FLIPS = 60


def tool(name):
    path = os.path.join(OUR_FOLDER, name)
    if not os.path.exists(path):
        pytest.skip("no %s beside the server" % name)
    return path


def fill(conn):
    """10 MB of every type, in small and large forms; some of it in values that do not compress."""
    rng = random.Random(1)
    conn.call("DEBUG", "POPULATE", 60000, "key", 64)
    for i in range(40):
        noise = bytes(rng.randrange(256) for _ in range(3000))
        conn.many([("SET", "noise:%d" % i, noise * 20), ("RPUSH", "list:%d" % i, *[noise[j:j + 50] for j in range(0, 3000, 50)]),
                   ("SADD", "set:%d" % i, *range(i, i + 300)), ("HSET", "hash:%d" % i, *range(1000)),
                   ("ZADD", "zset:%d" % i, *range(400)), ("XADD", "stream:%d" % i, "*", "field", noise[:100])])


def flip_and_run(path, command, flips, seed):
    """Each flip is undone after its run. The runs' results: (offset, bit, exit status, report)."""
    rng = random.Random(seed)
    size = os.path.getsize(path)
    for number in range(flips):
        at, bit = rng.randrange(size), rng.randrange(8)
        if number < 16:
            at = number if number < 8 else size - number + 7
        with open(path, "r+b") as file:
            file.seek(at)
            byte = file.read(1)[0]
            file.seek(at)
            file.write(bytes([byte ^ 1 << bit]))
        ran = subprocess.run(command, capture_output=True, text=True, errors="replace")
        with open(path, "r+b") as file:
            file.seek(at)
            file.write(bytes([byte]))
        yield at, bit, ran.returncode, ran.stdout


def test_rdb(server, amount, seed):
    check = tool("cairn-check-rdb")
    ours = server("data")
    with ours.conn() as conn:
        fill(conn)
        assert conn.call("SAVE").text == "OK"
    path = os.path.join(ours.directory, "dump.rdb")
    assert subprocess.run([check, path], capture_output=True).returncode == 0
    for at, bit, status, text in flip_and_run(path, [check, path], round(FLIPS * amount), seed):
        found = re.search(r"RDB ERROR DETECTED ---\n\[offset (\d+)\]", text)
        assert status == 1 and found, "bit %d of byte %d is not found:\n%s" % (bit, at, text)


def test_aof(server, amount, seed):
    check = tool("cairn-check-aof")
    ours = server("data", {"appendonly": "yes", "appendfsync": "no"})
    with ours.conn() as conn:
        fill(conn)
        value = bytes(random.Random(2).randrange(256) for _ in range(100))
        for i in range(0, 60000, 500):
            conn.many([("SET", "more:%d" % (i + j), value) for j in range(500)])
    ours.stop()
    folder = os.path.join(ours.directory, "appendonlydir")
    if not os.path.isdir(folder):
        pytest.skip("no append-only file in this server yet")
    path = max((os.path.join(folder, name) for name in os.listdir(folder)), key=os.path.getsize)
    assert os.path.getsize(path) > MEGABYTES << 20
    assert subprocess.run([check, path], capture_output=True).returncode == 0
    with open(path, "rb") as file:
        if b"#CRC:" not in file.read(4096):
            pytest.skip("an append-only file without checksums")
    for at, bit, status, text in flip_and_run(path, [check, path], round(FLIPS * amount), seed):
        found = re.search(r"ok_up_to=(\d+)", text)
        assert status == 1 and found and int(found[1]) <= at, "bit %d of byte %d is not found:\n%s" % (bit, at, text)
