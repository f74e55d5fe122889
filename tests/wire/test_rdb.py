"""Snapshots: files that go from us to the oracle and back, what a load refuses and serves, the child, save points, and
the end of a server."""
import os
import random
import re
import shutil
import signal
import struct
import time

import pytest

import harness
from harness import Server, info, wait_for
from resp import Disconnected, bulk, integer

FILL = r"""
SET str {value}
SET int 12345
SET neg -7
SET big 123456789012345678
SET empty ""
SET nul "a\x00b"
SET later x PXAT 33177117420000
SETRANGE long 20000 z
RPUSH list a b c 1 2 3
LPUSH list2 {long} b
SADD intset 1 2 3 -4 70000
SADD set a b c
ZADD zset 1 a 2.5 b -inf c inf d
HSET hash f v g {long}
XADD stream 1-1 a b
XADD stream 2-1 a b c d
XGROUP CREATE stream grp 0
XREADGROUP GROUP grp me COUNT 1 STREAMS stream >
PFADD hll a b c d
"""


def fill(conn, rng):
    conn.call("SELECT", "0")
    for line in FILL.strip().splitlines():
        words = [w.replace("{value}", "v" * 50).replace("{long}", "long" * 40).replace('""', "").strip('"')
                 for w in line.split()]
        conn.call(*[w.encode().decode("unicode_escape").encode("latin1") for w in words])
    for i in range(300):
        conn.call("HSET", "bighash", "f%d" % i, rng.randbytes(rng.randrange(80)))
        conn.call("ZADD", "bigzset", repr(rng.uniform(-1e9, 1e9)), "m%d" % i)
        conn.call("SADD", "bigset", rng.randbytes(8))
        conn.call("RPUSH", "biglist", rng.randbytes(rng.randrange(200)))
        conn.call("SET", "k%d" % i, rng.randbytes(rng.randrange(100)))
    conn.call("SELECT", "9")
    conn.call("SET", "elsewhere", "1")
    conn.call("SELECT", "0")


def content(conn):
    """Everything, independent of order."""
    out = {}
    for db in (0, 9):
        conn.call("SELECT", str(db))
        for key in sorted(k.value for k in conn.call("KEYS", "*").value):
            kind = conn.call("TYPE", key).text
            read = {"string": ("GET", key), "list": ("LRANGE", key, "0", "-1"), "set": ("SMEMBERS", key),
                    "zset": ("ZRANGE", key, "0", "-1", "WITHSCORES"), "hash": ("HGETALL", key),
                    "stream": ("XRANGE", key, "-", "+")}[kind]
            value = repr(conn.call(*read)) if kind in ("string", "list", "stream") else None
            if kind == "zset":      # the text of a score is each server's own
                flat = [v.value for v in conn.call(*read).value]
                value = [(m, float(score)) for m, score in zip(flat[::2], flat[1::2])]
            if kind == "set":
                value = sorted(v.value for v in conn.call(*read).value)
            if kind == "hash":
                flat = [v.value for v in conn.call(*read).value]
                value = sorted(zip(flat[::2], flat[1::2]))
            if kind == "stream":
                value += repr(conn.call("XPENDING", key, "grp"))
            out[db, key] = (kind, value, conn.call("PEXPIRETIME", key).value)
    conn.call("SELECT", "0")
    return out


def copy_rdb(source, target):
    with open(os.path.join(source.directory, "dump.rdb"), "rb") as f:
        data = f.read()
    with open(os.path.join(target, "dump.rdb"), "wb") as f:
        f.write(data)


@pytest.mark.parametrize("compression", ["yes", "no"])
def test_files_of_each_load_in_the_other(start, tmp_path, compression):
    config = {"rdbcompression": compression}
    ours = start({**config, "rdb-target-version": "10"})
    oracle = start(config, oracle=True)
    rng = random.Random(5)
    with ours.conn() as a:
        fill(a, rng)
        want = content(a)
        assert a.call("SAVE").text == "OK"
    (tmp_path / "theirs").mkdir()
    copy_rdb(ours, tmp_path / "theirs")
    there = start({**config, "dir": str(tmp_path / "theirs")}, oracle=True)
    with there.conn() as b:
        assert content(b) == want
    rng = random.Random(6)
    with oracle.conn() as b:
        fill(b, rng)
        want = content(b)
        assert b.call("SAVE").text == "OK"
    (tmp_path / "ours").mkdir()
    copy_rdb(oracle, tmp_path / "ours")
    here = start({**config, "dir": str(tmp_path / "ours")})
    with here.conn() as a:
        assert content(a) == want


def test_access_clocks_are_kept(start):
    server = start({"maxmemory-policy": "allkeys-lfu", "maxmemory": "1gb", "lfu-decay-time": "0"})
    with server.conn() as c:
        c.call("SET", "hot", "1")
        for _ in range(2000):
            c.call("GET", "hot")
        before = c.call("OBJECT", "FREQ", "hot").value
        assert before > 10
        assert c.call("DEBUG", "RELOAD").text == "OK"
        assert c.call("OBJECT", "FREQ", "hot").value == before
        c.call("CONFIG", "SET", "maxmemory-policy", "allkeys-lru")
        c.call("SET", "idle", "1")
        time.sleep(2.1)
        assert c.call("DEBUG", "RELOAD").text == "OK"
        assert c.call("OBJECT", "IDLETIME", "idle").value >= 2


def test_expired_keys_are_left_out(start, tmp_path):
    server = start()
    with server.conn() as c:
        c.call("DEBUG", "SET-ACTIVE-EXPIRE", "0")
        c.many([("SET", "gone", "1", "PX", "1"), ("SET", "there", "1", "PX", "100000"), ("SET", "ever", "1")])
        c.call("SAVE")
        time.sleep(0.02)
        c.call("DEBUG", "RELOAD", "NOSAVE")
        fields = info(c, "persistence")
        assert (fields["rdb_last_load_keys_loaded"], fields["rdb_last_load_keys_expired"]) == ("2", "1")


def test_save_and_reload_under_load(start):
    server = start()
    with server.conn() as c, server.conn() as w:
        c.call("DEBUG", "POPULATE", "50000")
        for i in range(20):
            assert c.call("BGSAVE").text == "Background saving started"
            w.many([("SET", "w%d:%d" % (i, k), "v" * 50) for k in range(500)])
            wait_for("the end of the child", lambda: info(c, "persistence")["rdb_bgsave_in_progress"] == "0")
            assert info(c, "persistence")["rdb_last_bgsave_status"] == "ok"
        digest = c.call("DEBUG", "DIGEST").text
        assert c.call("DEBUG", "RELOAD").text == "OK"
        assert c.call("DEBUG", "DIGEST").text == digest


def files(server):
    return sorted(n for n in os.listdir(server.directory) if n.endswith(".rdb"))


def child_of(server):
    with open("/proc/%d/task/%d/children" % (server.pid, server.pid)) as f:
        return [int(pid) for pid in f.read().split()]


def test_the_server_is_killed_while_a_child_saves(start):
    server = start()
    with server.conn() as c:
        c.many([("SET", "a", "1"), ("SAVE",), ("SET", "b", "2"), ("CONFIG", "SET", "rdb-key-save-delay", "300000")])
        c.call("BGSAVE")
        child = wait_for("a child", lambda: child_of(server))
    wait_for("its file", lambda: len(files(server)) == 2)
    server.process.kill()
    server.process.wait()
    wait_for("the end of the child", lambda: not os.path.exists("/proc/%d/fd/1" % child[0]))
    server.start()
    with server.conn() as c:
        assert c.call("KEYS", "*").value == [bulk("a")]


def test_what_a_killed_server_was_writing_goes(start):
    server = start()
    server.stop()
    fresh, old, mine = [os.path.join(server.directory, n) for n in ("temp-4194302.rdb", "temp-4194303.rdb", "temp-x.rdb")]
    for path in (fresh, old, mine):
        open(path, "w").close()
    os.utime(old, (time.time() - 100, time.time() - 100))
    os.utime(mine, (time.time() - 100, time.time() - 100))
    server.start()
    assert files(server) == [os.path.basename(fresh), os.path.basename(mine)]   # fresh: it might be another machine's


def test_a_killed_child_stops_writes(start):
    server = start({"save": "900 100"})
    with server.conn() as c:
        c.many([("SET", "a", "1"), ("SET", "b", "1"), ("CONFIG", "SET", "rdb-key-save-delay", "10000000")])
        c.call("BGSAVE")
        os.kill(wait_for("a child", lambda: child_of(server))[0], signal.SIGKILL)
        wait_for("its end", lambda: info(c, "persistence")["rdb_last_bgsave_status"] == "err")
        assert c.call("SET", "a", "2").text.startswith("MISCONF Redis is configured to save RDB snapshots")
        assert c.call("PING").text.startswith("MISCONF ")
        assert c.call("GET", "a").text == "1"
        c.many([("MULTI",), ("GET", "a"), ("EXEC",)])
        assert files(server) == []
        c.call("CONFIG", "SET", "rdb-key-save-delay", "0")
        assert c.call("SAVE").text == "OK"
        assert c.call("SET", "a", "2").text == "OK"
    assert "Background saving terminated by signal 9" in server.output()


def test_a_child_that_crashes_leaves_the_pid_file(start, tmp_path):
    pidfile = tmp_path / "pid"
    server = start({"pidfile": str(pidfile)})
    with server.conn() as c:
        c.many([("SET", "a", "1"), ("SET", "b", "1"), ("CONFIG", "SET", "rdb-key-save-delay", "10000000"), ("BGSAVE",)])
        os.kill(wait_for("a child", lambda: child_of(server))[0], signal.SIGTERM)
        wait_for("its end", lambda: info(c, "persistence")["rdb_last_bgsave_status"] == "err")
        c.call("BGSAVE")
        child = wait_for("a child", lambda: child_of(server))[0]
        wait_for("its file", lambda: files(server))
        os.kill(child, signal.SIGSEGV)
        wait_for("its end", lambda: info(c, "persistence")["rdb_bgsave_in_progress"] == "0")
    # a sanitizer catches the signal, and exits
    assert re.search("Background saving (terminated by signal 11|error)", server.output())
    assert pidfile.read_text().strip() == str(server.pid)
    os.unlink(server.output_path)   # a crash was wanted


def test_who_starts_us_may_ignore_the_end_of_children(start):
    server = start()
    server.stop()
    ignored = signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    try:
        server.launch()
    finally:
        signal.signal(signal.SIGCHLD, ignored)
    with wait_for("a connection", lambda: connection(server)) as c:
        c.many([("SET", "a", "1"), ("BGSAVE",)])
        wait_for("the save", lambda: info(c, "persistence")["rdb_bgsave_in_progress"] == "0")
        assert info(c, "persistence")["rdb_last_bgsave_status"] == "ok"


def connection(server):
    try:
        return server.conn()
    except OSError:
        return None


@pytest.mark.slow
def test_the_log_says_how_far_a_save_is(start):
    server = start({"rdb-key-save-delay": "40000", "aof-use-rdb-preamble": "no"})
    with server.conn() as c:
        c.call("DEBUG", "POPULATE", "160")
        line = r": \d+% \(\d+ of 160 keys\), about \d+ seconds left"
        c.call("BGREWRITEAOF")
        wait_for("a line", lambda: re.search("M .* AOF rewrite" + line, server.output()), 10)
        assert c.call("SAVE").text == "OK"
        assert re.search("M .* RDB" + line, server.output())


def test_a_slow_fork_is_an_event(start):
    server = start({"latency-monitor-threshold": "1"})
    with server.conn() as c:
        c.call("DEBUG", "POPULATE", "300000", "key", "100")
        for _ in range(5):
            c.call("BGSAVE")
            wait_for("the save", lambda: info(c, "persistence")["rdb_bgsave_in_progress"] == "0")
        if int(info(c, "stats")["latest_fork_usec"]) >= 1000:
            assert len(c.call("LATENCY", "HISTORY", "fork").value) > 0


def test_points(start):
    server = start({"save": "1 3"})
    with server.conn() as c:
        c.many([("SET", "a", "1"), ("SET", "b", "1"), ("SET", "c", "1")])
        wait_for("a save", lambda: info(c, "persistence")["rdb_saves"] == "1", 8)
        assert info(c, "persistence")["rdb_changes_since_last_save"] == "0"
    assert "3 changes in 1 seconds. Saving..." in server.output()
    assert "Background saving terminated with success" in server.output()


def test_flushall_saves_an_empty_file(start):
    server = start({"save": "900 100"})
    with server.conn() as c:
        c.many([("SET", "a", "1"), ("SAVE",), ("FLUSHALL",)])
        assert info(c, "persistence")["rdb_changes_since_last_save"] == "0"
    server.process.kill()
    server.process.wait()
    server.start()
    with server.conn() as c:
        assert c.call("DBSIZE").value == 0
        c.many([("SET", "a", "1"), ("MULTI",), ("FLUSHALL",), ("SET", "b", "1"), ("EXEC",)])
    server.process.kill()
    server.process.wait()
    server.start()
    with server.conn() as c:
        assert c.call("KEYS", "*").value == [bulk("b")]     # no half of a transaction


# ---- the start

def damage(server, change):
    path = os.path.join(server.directory, "dump.rdb")
    with open(path, "rb") as f:
        data = bytearray(f.read())
    with open(path, "wb") as f:
        f.write(change(data))


def flip(data):
    data[len(data) // 2] ^= 4
    return data


@pytest.mark.parametrize("change, words", [
    (lambda d: d[:len(d) // 2], ["Short read or OOM loading DB. Unrecoverable error, aborting now."]),
    (flip, []),
    (lambda d: d[:9] + b"\xee" + d[9:], ["offset "]),
    (lambda d: b"XEDIS" + d[5:], ["Wrong signature trying to load DB from file", "offset 9 "]),
    (lambda d: b"REDIS9999" + d[9:], ["Can't handle RDB format version 9999"]),
    (lambda d: d[:-1] + bytes([d[-1] ^ 1]), ["RDB CRC error"]),
    (lambda d: d[:5], ["Short read"]),
    (lambda d: b"", ["Short read"]),
])
def test_damaged_files_are_refused_with_the_place(start, change, words):
    server = start()
    with server.conn() as c:
        c.call("DEBUG", "POPULATE", "1000")
        c.call("SAVE")
    server.stop()
    damage(server, change)
    with pytest.raises(harness.StartFailed) as failure:
        server.start()
    assert failure.value.code == 1
    last = failure.value.output.split("Server initialized")[-1]
    assert re.search(r"Internal error in RDB reading offset \d+ of dump.rdb -> ", last)
    assert "Fatal error loading the DB" in last
    for word in words:
        assert word in last


def test_the_key_of_a_damaged_value_is_named(start):
    server = start()
    with server.conn() as c:
        c.call("SET", "sound", "v")
        c.call("HSET", "damaged\n", "field", "1")
        c.call("SAVE")
    server.stop()
    damage(server, lambda d: d.replace(b"\x85field", b"\xfffield"))
    with pytest.raises(harness.StartFailed) as failure:
        server.start()
    last = failure.value.output.split("Server initialized")[-1]
    assert re.search(r"\[offset \d+\] Hash listpack integrity check failed. "
                     r'Reading key "damaged\\n", type 16, behind [01] keys', last)


def test_what_follows_a_file_is_told(start):
    server = start()
    with server.conn() as c:
        c.many([("SET", "a", "1"), ("SAVE",)])
    server.stop()
    damage(server, lambda d: d + b"more")
    server.start()
    with server.conn() as c:
        assert c.call("GET", "a").text == "1"
    assert "4 bytes follow the end" in server.output()


def test_loading_is_served(start):
    server = start()
    with server.conn() as c:
        c.call("DEBUG", "POPULATE", "2000", "key", "100")
        c.call("SAVE")
    server.stop()
    server.args = ["--key-load-delay", "2000", "--loading-process-events-interval-bytes", "1024"]
    server.launch()

    def loading():
        try:
            with server.conn() as c:
                return c.call("GET", "key:1").text.startswith("LOADING ") and info(c, "persistence")
        except OSError:
            return None
    fields = wait_for("an answer while data is loaded", loading)
    assert fields["loading"] == "1" and int(fields["loading_total_bytes"]) > 10000
    assert 0 <= int(fields["loading_loaded_bytes"]) <= int(fields["loading_total_bytes"])
    with server.conn() as c:
        assert c.call("PING").text.startswith("LOADING Redis is loading the dataset in memory")
        assert c.call("DEBUG", "RELOAD").text.startswith("LOADING ")
        assert c.call("CONFIG", "SET", "key-load-delay", "0").text == "OK"
        wait_for("the data", lambda: c.call("GET", "key:1").text.startswith("value:1"))
        assert info(c, "persistence")["rdb_last_load_keys_loaded"] == "2000"


@pytest.mark.parametrize("oracle", [False, True])
@pytest.mark.parametrize("how", ["signal", "command"])
def test_loading_can_be_ended(start, how, oracle, tmp_path):
    pidfile = tmp_path / "pid"
    server = start({"pidfile": str(pidfile)}, oracle=oracle)
    with server.conn() as c:
        c.call("DEBUG", "POPULATE", "2000", "key", "100")
        c.call("SAVE")
    size = os.path.getsize(os.path.join(server.directory, "dump.rdb"))
    server.stop()
    server.args = ["--key-load-delay", "5000", "--loading-process-events-interval-bytes", "1024", "--save", "1", "1"]
    server.start()
    assert pidfile.exists()
    if how == "signal":
        server.signal(signal.SIGTERM)
    else:
        with server.conn() as c:
            c.send("SHUTDOWN")
    assert server.wait_exit() == 0
    assert os.path.getsize(os.path.join(server.directory, "dump.rdb")) == size
    assert not pidfile.exists()


def test_loading_is_served_inside_of_a_value(start):
    """Of two large values each takes many turns."""
    server = start()
    with server.conn() as c:
        for key, command in (("l", "RPUSH"), ("h", "HSET")):
            for i in range(0, 40000, 2000):
                c.call(command, key, *["%d:%s" % (k, "x" * 30) for k in range(i, i + 2000)])
        c.call("SET", "s", "%0800000d" % 7)
        c.many([("CONFIG", "SET", "rdbcompression", "no"), ("SAVE",)])
        digest = c.call("DEBUG", "DIGEST").text
    server.stop()
    server.args = ["--key-load-delay", "10000", "--loading-process-events-interval-bytes", "1024"]
    server.launch()

    def cycles():
        try:
            with server.conn() as c:
                if info(c, "persistence")["loading"] == "1":
                    return None
                assert c.call("DEBUG", "DIGEST").text == digest
                return int(info(c, "stats")["eventloop_cycles"])
        except OSError:
            return None
    assert wait_for("the data", cycles, 30) > 1000
    server.stop()
    server.args = ["--loading-process-events-interval-bytes", "100000"]
    server.launch()
    assert wait_for("the data", cycles, 30)


# ---- the end

@pytest.mark.parametrize("save, words, kept", [("900 1", [], True), ("900 1", ["NOSAVE"], False), ('""', [], False),
                                               ('""', ["SAVE"], True), ("900 1", ["NOW"], True)])
def test_shutdown(start, save, words, kept):
    server = start({"save": save})
    with server.conn() as c:
        c.call("SET", "a", "1")
        c.send("SHUTDOWN", *words)
        assert server.wait_exit() == 0
    assert os.path.exists(os.path.join(server.directory, "dump.rdb")) == kept
    assert ("Saving the final RDB snapshot before exiting." in server.output()) == kept


@pytest.mark.parametrize("option, kept", [("default", True), ("nosave", False), ("now force", True)])
def test_sigterm(start, option, kept):
    server = start({"save": "900 1", "shutdown-on-sigterm": option})
    with server.conn() as c:
        c.call("SET", "a", "1")
    assert server.stop() == 0
    assert os.path.exists(os.path.join(server.directory, "dump.rdb")) == kept


def test_a_shutdown_that_cannot_save_is_refused(start):
    server = start({"save": "900 1"})
    os.mkdir(os.path.join(server.directory, "folder"))
    with server.conn() as c:
        c.many([("SET", "a", "1"), ("CONFIG", "SET", "dbfilename", "folder")])
        assert c.call("SHUTDOWN").text == "ERR Errors trying to SHUTDOWN. Check logs."
        server.signal(signal.SIGTERM)
        wait_for("the refusal", lambda: server.output().count("Errors trying to shut down the server") == 2)
        assert c.call("GET", "a").text == "1"
        assert "Error trying to save the DB, can't exit." in server.output()
        assert c.call("SAVE").text == "ERR"
        c.send("SHUTDOWN", "FORCE")
        assert server.wait_exit() == 0


@pytest.mark.parametrize("key, shown", [("", '""'), ("a\nb", '"a\\nb"')])
def test_a_key_that_keeps_a_file_from_being_written_is_named(start, key, shown):
    server = start({"rdb-target-version": "10"})
    with server.conn() as c:
        c.many([("HSET", key, "f", "v"), ("HPEXPIRE", key, "1000000", "FIELDS", "1", "f")])
        assert c.call("SAVE").text == "ERR"
    assert "key %s needs RDB version 12, but rdb-target-version is 10 (in %s)" % (shown, server.directory) \
        in server.output()


@pytest.mark.parametrize("config", [{"save": "900 1"}, {"appendonly": "yes"}])
@pytest.mark.parametrize("backend", ["epoll", "io_uring"])
def test_nothing_is_acknowledged_behind_a_shutdown(start, config, backend):
    """Commands that the loop has read already, of others and of the client itself."""
    server = start({**config, "io-backend": backend})
    connections = [server.conn() for _ in range(8)]
    for conn in connections:
        assert conn.call("PING").text == "PONG"
    with server.conn() as sleeper:
        sleeper.send("DEBUG", "SLEEP", "0.3")
        time.sleep(0.1)
        for i, conn in enumerate(connections):
            conn.send_raw((b"SHUTDOWN\r\n" if i == 3 else b"") + b"INCR k%d\r\n" % i)
    acknowledged = []
    for i, conn in enumerate(connections):
        try:
            acknowledged += [i] if conn.read().value == 1 else []
        except (OSError, Disconnected):
            pass
    assert server.wait_exit() == 0
    server.start()
    with server.conn() as c:
        assert [i for i in range(8) if c.call("GET", "k%d" % i).value == b"1"] == acknowledged


def test_a_child_is_ended_with_the_server(start):
    server = start()
    with server.conn() as c:
        c.many([("SET", "a", "1"), ("CONFIG", "SET", "rdb-key-save-delay", "10000000"), ("BGSAVE",)])
        child = wait_for("a child", lambda: child_of(server))[0]
        c.send("SHUTDOWN", "NOSAVE")
        assert server.wait_exit() == 0
    assert not os.path.exists("/proc/%d" % child)
    assert files(server) == []


# ---- INFO, the child's reports

def test_progress_is_reported(start):
    server = start({"save": '""'})
    with server.conn() as c:
        c.call("DEBUG", "POPULATE", "100", "k", "10")
        c.many([("CONFIG", "SET", "rdb-key-save-delay", "100000"), ("BGSAVE",)])
        fields = wait_for("progress", lambda: (lambda f: int(f["current_save_keys_processed"]) > 3 and f)(
            info(c, "persistence")), 8)
        assert fields["current_save_keys_total"] == "100"
        assert fields["rdb_bgsave_in_progress"] == "1"
        assert int(fields["current_cow_size"]) > 0
        assert 0 < float(fields["current_fork_perc"]) < 100
        assert c.call("BGSAVE", "CANCEL").text == "Background saving cancelled"
        fields = info(c, "persistence")
        assert (fields["rdb_bgsave_in_progress"], fields["current_save_keys_processed"]) == ("0", "0")
        assert fields["rdb_last_bgsave_status"] == "ok"
        assert info(c, "stats")["total_forks"] == "1"


SCRIPTS = """
SAVE x
BGSAVE x
BGSAVE SCHEDULE x
BGSAVE SCHEDULE SCHEDULE
LASTSAVE x
DEBUG RELOAD x
DEBUG SET-SKIP-CHECKSUM-VALIDATION
DEBUG SET-SKIP-CHECKSUM-VALIDATION 0
SAVE
"""


@pytest.mark.parametrize("line", SCRIPTS.strip().splitlines())
def test_same_replies(pair, proto, line):
    ours, oracle = pair.both(proto)
    with ours, oracle:
        assert repr(ours.call(*line.split())) == repr(oracle.call(*line.split()))
        assert ours.call("LASTSAVE").kind == oracle.call("LASTSAVE").kind


def test_reload_without_a_file(pair):
    ours, oracle = pair.both()
    with ours, oracle:
        for conn in (ours, oracle):
            name = conn.call("CONFIG", "GET", "dbfilename").value[1]
            conn.many([("SET", "a", "1"), ("CONFIG", "SET", "dbfilename", "nosuch.rdb")])
            assert conn.call("DEBUG", "RELOAD", "NOSAVE").text == "ERR Error trying to load the RDB dump"
            conn.call("CONFIG", "SET", "dbfilename", name)
            assert conn.call("DBSIZE").value == 0


def test_in_a_transaction_it_is_put_off(pair):
    ours, oracle = pair.both()
    with ours, oracle:
        for conn in (ours, oracle):
            before = int(info(conn, "persistence")["rdb_saves"])
            conn.many([("MULTI",), ("SET", "a", "1"), ("BGSAVE",), ("SET", "b", "1")])
            assert [r.text for r in conn.call("EXEC").value] == ["OK", "Background saving scheduled", "OK"]
            wait_for("the save", lambda: int(info(conn, "persistence")["rdb_saves"]) == before + 1)


@pytest.mark.parametrize("oracle", [False, True])
def test_a_child_that_is_told_to_end_is_no_failure(start, oracle):
    server = start({"save": "900 1", "rdb-key-save-delay": "10000000"}, oracle=oracle)
    with server.conn() as c:
        c.call("SET", "a", "1")
        c.call("BGSAVE")
        child = wait_for("a child", lambda: child_of(server))[0]
        wait_for("its file", lambda: files(server))
        c.call("CONFIG", "SET", "rdb-key-save-delay", "0")
        os.kill(child, signal.SIGUSR1)
        wait_for("its end", lambda: info(c, "persistence")["rdb_bgsave_in_progress"] == "0")
        assert info(c, "persistence")["rdb_last_bgsave_status"] == "ok"
        assert files(server) == []


def test_counters_are_reset(pair):
    ours, oracle = pair.both()
    with ours, oracle:
        for conn in (ours, oracle):
            conn.many([("SAVE",), ("BGREWRITEAOF",)])
            wait_for("the rewrite", lambda: info(conn, "persistence")["aof_rewrite_in_progress"] == "0")
            fields = info(conn, "persistence")
            assert fields["rdb_saves"] == fields["aof_rewrites"] == "1"
            conn.call("CONFIG", "RESETSTAT")
            fields = info(conn, "persistence")
            assert fields["rdb_saves"] == fields["aof_rewrites"] == "0"


def test_same_fields_of_info(pair):
    ours, oracle = pair.both()
    with ours, oracle:
        mine, theirs = list(info(ours, "persistence")), list(info(oracle, "persistence"))
        assert [f for f in mine if f in theirs] == theirs


def test_an_old_and_a_new_version(start):
    """A string in a file of version 1, and of Valkey's 80; version 13 only when asked for."""
    body = b"\xfe\x00\x00\x01a\x01b\xff"
    server = start()
    server.stop()
    path = os.path.join(server.directory, "dump.rdb")
    for head, tail in ((b"REDIS0001", b""), (b"VALKEY080", struct.pack("<Q", 0)), (b"REDIS0012", struct.pack("<Q", 0))):
        with open(path, "wb") as f:
            f.write(head + body + tail)
        server.start()
        with server.conn() as c:
            assert c.call("GET", "a").text == "b"
        server.stop()
    with open(path, "wb") as f:
        f.write(b"REDIS0013" + body + struct.pack("<Q", 0))
    with pytest.raises(harness.StartFailed):
        server.start()
    server.args = ["--rdb-version-check", "relaxed"]
    server.start()
    with server.conn() as c:
        assert c.call("GET", "a").text == "b"


@pytest.mark.parametrize("key, name", [("h", '"h"'), ("", '""'), ("a\nb", r'"a\nb"')])
def test_what_the_version_cannot_hold_is_named(start, key, name):
    server = start({"rdb-target-version": "11", "appendonly": "yes", "stop-writes-on-bgsave-error": "no"})
    with server.conn() as c:
        assert c.call("SAVE").text == "OK"
        before = files(server)
        c.call("HSET", key, "f", "v")
        c.call("HPEXPIRE", key, 1000000, "FIELDS", 1, "f")
        assert c.call("SAVE").is_error
        c.call("BGSAVE")
        wait_for("the child", lambda: info(c, "persistence")["rdb_last_bgsave_status"] == "err")
        c.call("BGREWRITEAOF")
        wait_for("the child", lambda: info(c, "persistence")["aof_last_bgrewrite_status"] == "err")
        told = "on disk: key %s needs RDB version 12, but rdb-target-version is 11" % name
        assert [line.count(told) for line in server.output().splitlines() if "Write error" in line] == [1, 1, 1]
        assert files(server) == before
        c.call("CONFIG", "SET", "rdb-target-version", 12)
        assert c.call("SAVE").text == "OK"


def file_of(body, magic=b"REDIS0011"):
    return magic + body + b"\xff" + bytes(8)


def start_with(start, data, oracle=False):
    server = start(oracle=oracle)
    server.stop()
    with open(os.path.join(server.directory, "dump.rdb"), "wb") as f:
        f.write(data)
    server.start()
    return server


@pytest.mark.parametrize("oracle", [True, False])
def test_odd_expiries_of_keys(start, oracle):
    """Seconds and milliseconds carry a sign; -1 ms is what servers mean by none."""
    body = b"".join(expiry + b"\0\1" + name + b"\1v" for expiry, name in (
        (b"\xfd" + struct.pack("<i", -5), b"a"), (b"\xfd" + struct.pack("<i", 5), b"b"),
        (b"\xfd" + struct.pack("<i", 2 ** 31 - 1), b"c"), (b"\xfc" + struct.pack("<q", -1), b"d"),
        (b"\xfc" + struct.pack("<q", -2), b"e"), (b"\xfc" + struct.pack("<q", 0), b"f"),
        (b"\xfc" + struct.pack("<q", 2 ** 63 - 1), b"g")))
    with start_with(start, file_of(body, b"REDIS0010"), oracle).conn() as c:
        assert [c.call("PEXPIRETIME", key).value for key in "abcdefg"] == [
            -2, -2, (2 ** 31 - 1) * 1000, -1, -2, -2, 2 ** 63 - 1]


def test_room_is_not_made_on_a_promise(start):
    """A file of a few bytes that announces 60 million keys in each database."""
    body = b"".join(b"\xfe" + bytes([db]) + b"\xfb\x80" + struct.pack(">I", 60000000) + b"\0" for db in range(16))
    server = start_with(start, file_of(body + b"\0\1a\1b"))
    with server.conn() as c:
        assert int(info(c, "memory")["used_memory"]) < 20000000


def test_data_of_a_module_is_told(start):
    """The oracle calls the type of this ID so when it refuses the file."""
    body = (b"\xf7\x81\x12\x34\x56\x78\x12\x34\x56\x78\2\2"    # ID; a number: behind the keys
            b"\5\5hello" b"\2\x40\xff" b"\1\7" + b"\3" + bytes(4) + b"\4" + bytes(8) + b"\0")
    server = start_with(start, file_of(b"\0\1a\1b" + body))
    with server.conn() as c:
        assert c.call("GET", "a").text == "b"
    assert "data of the module 'EjRWeBI0V'" in server.output()


def test_what_belongs_to_one_key_or_none(start):
    """Numbers of a slot are skipped; expiry, idle time and frequency are those of the next key alone."""
    first = b"\xfc" + struct.pack("<q", 2 ** 41) + b"\xf8\x40\x64" + b"\xf9\5" + b"\0\1a\1v"
    with start_with(start, file_of(b"\xf4\1\2\3" + first + b"\0\1b\1v", b"REDIS0012")).conn() as c:
        assert c.many([("PEXPIRETIME", key) for key in "ab"]) == [integer(2 ** 41), integer(-1)]
        c.call("SET", "b", "x")
    server = start({"maxmemory-policy": "allkeys-lru"})
    server.stop()
    with open(os.path.join(server.directory, "dump.rdb"), "wb") as f:
        f.write(file_of(first + b"\0\1b\1v"))
    server.start()
    with server.conn() as c:
        assert c.call("OBJECT", "IDLETIME", "a").value >= 100 and c.call("OBJECT", "IDLETIME", "b").value < 50


def test_field_expiries_of_valkey_that_are_far_away(start):
    fields = b"".join(b"\1" + name + b"\1v" + struct.pack("<q", expiry) for name, expiry in (
        (b"a", -1), (b"b", 2 ** 46 - 2), (b"c", 2 ** 46), (b"d", 2 ** 63 - 1)))
    with start_with(start, file_of(b"\x16\1h\4" + fields, b"VALKEY080")).conn() as c:
        assert c.call("HPEXPIRETIME", "h", "FIELDS", 4, *"abcd").plain() == [-1, 2 ** 46 - 2, 2 ** 46 - 1, 2 ** 46 - 1]


def test_functions_are_not_lost(start, tmp_path):
    oracle = start(oracle=True)
    sources = ["#!lua name=lib%d\nredis.register_function('f%d', function() return %d end)" % (i, i, i) for i in (1, 2)]
    with oracle.conn() as c:
        c.many([("FUNCTION", "LOAD", source) for source in sources] + [("SET", "a", "1"), ("SAVE",)])
        listed = repr(c.call("FUNCTION", "LIST", "WITHCODE"))
    for i in (1, 2):
        (tmp_path / str(i)).mkdir()
    copy_rdb(oracle, tmp_path / "1")
    server = start({"dir": str(tmp_path / "1"), "rdb-target-version": "10"})
    with server.conn() as c:
        assert c.call("DEBUG", "RELOAD").text == "OK"
        assert c.call("SAVE").text == "OK"
    shutil.copy(tmp_path / "1" / "dump.rdb", tmp_path / "2" / "dump.rdb")
    again = start({"dir": str(tmp_path / "2")}, oracle=True)
    with again.conn() as c:
        assert sorted(repr(c.call("FUNCTION", "LIST", "WITHCODE"))) == sorted(listed)
        assert c.call("FCALL", "f2", "0").value == 2
