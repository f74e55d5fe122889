"""The append-only file: what is written comes back, through restarts, kills, rewrites and redis-server itself."""
import os
import random
import re
import signal
import socket
import subprocess
import threading
import time

import pytest

from harness import Server, oracle_path, ours_path, wait_for
from resp import OK, Disconnected

AOF = {"appendonly": "yes", "save": '""', "auto-aof-rewrite-percentage": "0"}
CREATE = [
    "SET s:int 12345", "SET s:text hello EX 10000", "SET s:big %s" % ("x" * 40000), "APPEND s:app abc",
    "INCRBYFLOAT s:f 1.5",
    "SETBIT s:bits 100 1", "PFADD s:hll a b c d", "RPUSH l:small a b 1 -2", "LINSERT l:small BEFORE b x",
    "SADD set:int 1 2 3 -4", "SADD set:text a b 10", "ZADD z:small 1.5 a -inf b 3 c", "ZINCRBY z:small 0.1 a",
    "HSET h:small a 1 b 2 c 3", "HINCRBY h:small a 41", "XADD x:1 1-1 a b", "XADD x:1 2-1 c d e f", "XDEL x:1 1-1",
    "XGROUP CREATE x:1 g 0", "XREADGROUP GROUP g c1 STREAMS x:1 >", "XGROUP CREATECONSUMER x:1 g c2",
    "XADD x:empty 5-1 a b", "XDEL x:empty 5-1", "PEXPIRE h:small 5000000", "GEOADD geo 13.36 38.11 P",
    "SET gone 1", "DEL gone", "SET renamed 1", "RENAME renamed other", "EVALSHA_IS_NO_COMMAND x",
]


def fill(server, newer=False):
    with server.conn() as c:
        for line in CREATE:
            c.call(*line.split(" "))
        for i in range(300):
            c.call("RPUSH", "l:large", "element-%d" % i * 5)
            c.call("SADD", "set:large", "member-%d" % i)
            c.call("ZADD", "z:large", "%d.5" % i, "member-%d" % i)
            c.call("HSET", "h:large", "field-%d" % i, "value-%d" % i * 10)
            c.call("XADD", "x:large", "%d-0" % (i + 1), "n", str(i))
        if newer:
            c.call("HPEXPIRE", "h:large", 1000000, "FIELDS", 1, "field-7")
        c.call("SELECT", 3)
        c.call("SET", "in3", "3")
        c.call("MULTI")
        c.call("INCR", "m")
        c.call("INCR", "m")
        c.call("SELECT", 0)
        c.call("INCR", "m0")
        c.call("EXEC")


def digest(server):
    with server.conn() as c:
        return c.call("DEBUG", "DIGEST").value


READ = {"string": ["GET"], "list": ["LRANGE", 0, -1], "set": ["SMEMBERS"], "zset": ["ZRANGE", 0, -1, "WITHSCORES"],
        "hash": ["HGETALL"], "stream": ["XRANGE", "-", "+"]}


def groups(c, key):
    found = []
    for g in c.call("XINFO", "GROUPS", key).plain():
        g = dict(zip(g[::2], g[1::2]))
        pending = c.call("XPENDING", key, g[b"name"], "-", "+", 1000).plain()
        found.append((g[b"name"], g[b"last-delivered-id"], g[b"consumers"], [p[:2] + p[3:] for p in pending]))
    return found


def content(server):
    """Everything as replies, to compare servers whose digests are not the same."""
    out = {}
    with server.conn() as c:
        for db in (0, 3):
            c.call("SELECT", db)
            for key in c.call("KEYS", "*").plain():
                kind = c.call("TYPE", key).text
                value = c.call(READ[kind][0], key, *READ[kind][1:]).plain()
                if kind == "zset":
                    value = list(zip(value[::2], map(float, value[1::2])))
                if kind == "hash":
                    value = sorted(zip(value[::2], value[1::2]))
                elif kind == "set":
                    value = sorted(value)
                elif kind == "stream":
                    facts = c.call("XINFO", "STREAM", key).plain()
                    facts = dict(zip(facts[::2], facts[1::2]))
                    names = (b"last-generated-id", b"max-deleted-entry-id", b"entries-added")
                    value = (value, [facts[n] for n in names], groups(c, key))
                out[db, key] = (kind, value, c.call("PEXPIRETIME", key).plain())
    return out


def info(server, field):
    with server.conn() as c:
        text = c.call("INFO", "persistence").value
    return re.search(r"^%s:(.*?)\r?$" % field, text.decode(), re.M).group(1)


def kill(server):
    server.signal(signal.SIGKILL)
    server.wait_exit()


def rewrite(server):
    with server.conn() as c:
        before = int(info(server, "aof_rewrites"))
        c.call("BGREWRITEAOF")
        wait_for("the rewrite", lambda: int(info(server, "aof_rewrites")) > before and
                 info(server, "aof_rewrite_in_progress") == "0" and info(server, "aof_rewrite_scheduled") == "0", 20)
    assert info(server, "aof_last_bgrewrite_status") == "ok"


def folder(server):
    return os.path.join(server.directory, "appendonlydir")


def increment(server):
    return os.path.join(folder(server), sorted(f for f in os.listdir(folder(server)) if "incr" in f)[-1])


@pytest.fixture
def run():
    servers = []

    def start(config=None, binary=None, directory=None, **kw):
        s = Server(binary or ours_path(), {**AOF, **(config or {})}, directory=directory, **kw)
        servers.append(s)
        if not kw:
            wait_for("the load", lambda: not s.alive() or info(s, "loading") == "0", 20)
        return s

    yield start
    for s in servers:
        if s.alive():
            s.signal(signal.SIGKILL)
            s.wait_exit()
        assert not s.fatal_output()


@pytest.mark.parametrize("preamble", ["yes", "no"])
@pytest.mark.parametrize("checksum", ["yes", "no"])
@pytest.mark.parametrize("how", ["stop", "kill"])
def test_restart_keeps_everything(run, tmp_path, preamble, checksum, how):
    config = {"aof-use-rdb-preamble": preamble, "aof-checksum": checksum, "aof-timestamp-enabled": "yes"}
    s = run(config, directory=str(tmp_path))
    fill(s, newer=True)
    for rewritten in (False, True):
        if rewritten:
            rewrite(s)
            with s.conn() as c:
                c.call("SET", "after", "rewrite")
        before = digest(s)
        s.stop() if how == "stop" else kill(s)
        s = run(config, directory=str(tmp_path))
        assert digest(s) == before
        with s.conn() as c:
            assert c.call("DEBUG", "LOADAOF").value == b"OK"
        assert digest(s) == before


@pytest.mark.parametrize("binary", [oracle_path, ours_path])
def test_what_is_replayed_is_not_counted_again(run, tmp_path, binary):
    config = {"slowlog-log-slower-than": "0", "appendfsync": "always"}
    server = run(config, binary=binary(), directory=str(tmp_path))
    with server.conn() as c:
        c.many([("SET", "k", str(i)) for i in range(500)])
    server.stop()
    server = run(config, binary=binary(), directory=str(tmp_path))
    with server.conn() as c:
        assert c.call("GET", "k").value == b"499"
        text = c.call("INFO", "everything").text
        assert "cmdstat_get:calls=1," in text and "cmdstat_set:" not in text
        assert int(re.search(r"total_commands_processed:(\d+)", text).group(1)) < 50
        slow = [entry[3][0].lower() for entry in c.call("SLOWLOG", "GET", "-1").plain()]
        assert b"set" not in slow


@pytest.mark.parametrize("preamble", ["yes", "no"])
@pytest.mark.parametrize("timestamps", ["yes", "no"])
def test_files_go_to_redis_and_back(run, tmp_path, preamble, timestamps):
    config = {"aof-use-rdb-preamble": preamble, "aof-timestamp-enabled": timestamps}
    if preamble == "yes":
        ours_only = {"rdb-target-version": "10"}
    else:
        ours_only = {}
    s = run({**config, **ours_only}, directory=str(tmp_path))
    fill(s)
    for turn in range(2):
        rewrite(s)
        with s.conn() as c:
            c.call("RPUSH", "l:small", "from-cairn")
            c.call("MULTI")
            c.call("INCR", "t1")
            c.call("INCR", "t2")
            c.call("EXEC")
        before = content(s)
        s.stop()
        s = run(config, binary=oracle_path(), directory=str(tmp_path))
        assert content(s) == before
        with s.conn() as c:
            c.call("RPUSH", "l:small", "from-redis")
        before = content(s)
        if turn == 1:
            rewrite(s)
        s.stop()
        s = run({**config, **ours_only}, directory=str(tmp_path))
        assert content(s) == before


def test_single_file_of_old_is_moved(run, tmp_path):
    text = b"*2\r\n$6\r\nSELECT\r\n$1\r\n0\r\n*3\r\n$3\r\nSET\r\n$1\r\na\r\n$1\r\n1\r\n*2\r\n$4\r\nINCR\r\n$1\r\na\r\n"
    (tmp_path / "appendonly.aof").write_bytes(text)
    s = run(directory=str(tmp_path))
    with s.conn() as c:
        assert c.call("GET", "a").value == b"2"
        c.call("INCR", "a")
    assert "Successfully migrated an old-style AOF file (appendonly.aof) into the AOF directory" in s.output()
    assert not (tmp_path / "appendonly.aof").exists()
    s.stop()
    s = run(directory=str(tmp_path))
    with s.conn() as c:
        assert c.call("GET", "a").value == b"3"
    rewrite(s)
    wait_for("the old base to go", lambda: not os.path.exists(os.path.join(folder(s), "appendonly.aof")))
    kill(s)
    s = run(directory=str(tmp_path))
    with s.conn() as c:
        assert c.call("GET", "a").value == b"3"


def test_single_file_with_preamble(run, tmp_path):
    s = run({"appendonly": "no"}, directory=str(tmp_path))
    with s.conn() as c:
        c.call("SET", "a", "1")
        c.call("SAVE")
    s.stop()
    rdb = (tmp_path / "dump.rdb").read_bytes()
    (tmp_path / "appendonly.aof").write_bytes(rdb + b"*2\r\n$4\r\nINCR\r\n$1\r\na\r\n")
    s = run(directory=str(tmp_path))
    with s.conn() as c:
        assert c.call("GET", "a").value == b"2"


def test_loadaof_without_a_file_keeps_the_data(run, tmp_path):
    s = run({"appendonly": "no"}, directory=str(tmp_path))
    with s.conn() as c:
        c.call("SET", "a", "1")
        assert c.call("DEBUG", "LOADAOF").text == "ERR Error trying to load the AOF files, check server logs."
        assert c.call("GET", "a").value == b"1"


def test_loadaof_of_a_damaged_file_ends_the_server(run, tmp_path):
    """Half of the data must not go on: the next rewrite would put it in the place of the files."""
    s = run({"save": "3600 1000000"}, directory=str(tmp_path))
    with s.conn() as c:
        c.call("SET", "a", "1")
        path, = (os.path.join(folder(s), name) for name in os.listdir(folder(s)) if ".base." in name)
        with open(path, "r+b") as f:
            f.write(b"X")
        with pytest.raises(Disconnected):
            c.call("DEBUG", "LOADAOF")
    assert s.wait_exit() == 1
    with open(path, "r+b") as f:
        f.write(b"R")
    s = run(directory=str(tmp_path))
    with s.conn() as c:
        assert c.call("GET", "a").value == b"1"


def write_load(server, stop, acked, key, window=20):
    """Writes SET key n in a pipeline; acked[key] is the last n that was acknowledged."""
    try:
        with socket.create_connection(server.address) as s:
            s.settimeout(5)
            n, got, data = 0, 0, b""
            while not stop.is_set():
                out = []
                while n - got < window:
                    n += 1
                    out.append(b"SET %s %d\r\n" % (key.encode(), n))
                s.sendall(b"".join(out))
                data += s.recv(65536)
                got += data.count(b"+OK\r\n")
                data = data[data.rfind(b"\n") + 1:]
                acked[key] = got
    except OSError:
        pass


@pytest.mark.parametrize("policy", ["always", "everysec"])
def test_kill_under_load(run, tmp_path, policy):
    config = {"appendfsync": policy}
    s = run(config, directory=str(tmp_path))
    for cycle in range(3):
        stop, acked = threading.Event(), {}
        threads = [threading.Thread(target=write_load, args=(s, stop, acked, "k%d" % i)) for i in range(8)]
        for t in threads:
            t.start()
        time.sleep(0.3)
        if cycle == 1:
            with s.conn() as c:
                c.call("BGREWRITEAOF")
            time.sleep(0.05)
        kill(s)
        stop.set()
        for t in threads:
            t.join()
        assert acked
        s = run(config, directory=str(tmp_path))
        with s.conn() as c:
            for key, n in acked.items():
                value = int(c.call("GET", key).value or 0)
                assert value >= n or (policy == "everysec" and value > 0)
            c.call("FLUSHALL")


def test_rewrite_under_load(run, tmp_path):
    s = run({"aof-use-rdb-preamble": "no", "rdb-key-save-delay": "100"}, directory=str(tmp_path))
    fill(s)
    with s.conn() as c:
        c.call("DEBUG", "POPULATE", 5000)
        c.call("BGREWRITEAOF")
        for i in range(2000):
            c.call("INCR", "counter")
            c.call("LPUSH", "log", i)
        wait_for("the rewrite", lambda: info(s, "aof_rewrite_in_progress") == "0", 20)
        for i in range(10):
            c.call("INCR", "counter")
    before = digest(s)
    kill(s)
    s = run(directory=str(tmp_path))
    assert digest(s) == before
    assert len(os.listdir(folder(s))) == 3


def test_on_and_off_at_run_time(run, tmp_path):
    s = run({"appendonly": "no"}, directory=str(tmp_path))
    fill(s)
    with s.conn() as c:
        c.call("CONFIG", "SET", "appendonly", "yes")
        wait_for("the first base", lambda: info(s, "aof_rewrite_in_progress") == "0")
        c.call("SET", "while-on", "1")
        before = digest(s)
        c.call("CONFIG", "SET", "appendonly", "no")
        assert info(s, "aof_enabled") == "0"
        c.call("SET", "while-off", "1")
    kill(s)
    s = run(directory=str(tmp_path))
    assert digest(s) == before
    with s.conn() as c:
        for _ in range(20):
            c.call("CONFIG", "SET", "appendonly", "no")
            c.call("CONFIG", "SET", "appendonly", "yes")
        wait_for("the base", lambda: info(s, "aof_rewrite_in_progress") == info(s, "aof_rewrite_scheduled") == "0")
        c.call("SET", "last", "1")
    before = digest(s)
    kill(s)
    s = run(directory=str(tmp_path))
    assert digest(s) == before


def refused(run, tmp_path, config=None):
    s = run(config, directory=str(tmp_path), wait=False)
    s.launch()
    assert s.wait_exit() == 1
    out = s.output()
    os.unlink(s.output_path)
    return out


def small_file(run, tmp_path, n=50, config=None):
    s = run({"appendfsync": "always", **(config or {})}, directory=str(tmp_path))
    with s.conn() as c:
        for i in range(n):
            c.call("SET", "key:%d" % i, "value:%d" % i)
    s.stop()
    return increment(s)


def test_torn_tail_is_cut(run, tmp_path):
    path = small_file(run, tmp_path)
    whole = open(path, "rb").read()
    for cut in (1, 10, 47, 60, 100):
        if whole[-cut:].startswith(b"#CRC"):
            cut += 1
        open(path, "wb").write(whole[:-cut])
        assert "Unexpected end of file reading the append only file" in refused(run, tmp_path,
                                                                                {"aof-load-truncated": "no"})
        s = run(directory=str(tmp_path))
        assert "Truncating the AOF appendonly.aof.1.incr.aof at offset" in s.output()
        with s.conn() as c:
            n = c.call("DBSIZE").value
            assert 48 <= int(n) <= 50
        s.stop()


def test_half_transaction_is_reverted(run, tmp_path):
    path = small_file(run, tmp_path, config={"aof-checksum": "no"})
    with open(path, "ab") as f:
        f.write(b"*1\r\n$5\r\nMULTI\r\n*3\r\n$3\r\nSET\r\n$1\r\nx\r\n$1\r\n1\r\n")
    s = run(directory=str(tmp_path))
    assert "Revert incomplete MULTI/EXEC transaction in AOF file" in s.output()
    with s.conn() as c:
        assert c.call("EXISTS", "x").value == 0


def test_every_flipped_bit_is_found(run, tmp_path):
    path = small_file(run, tmp_path)
    whole = open(path, "rb").read()
    rng = random.Random(4)
    os.unlink(os.path.join(str(tmp_path), "output.log"))
    for _ in range(25):
        at = rng.randrange(len(whole) - 60)
        bad = bytearray(whole)
        bad[at] ^= 1 << rng.randrange(8)
        open(path, "wb").write(bad)
        s = run(directory=str(tmp_path), wait=False)
        s.launch()
        wait_for("start or end", lambda: not s.alive() or "Ready to accept" in s.output())
        s.stop()
        out = s.output()
        os.unlink(s.output_path)
        offsets = [int(n) for n in re.findall(r"at offset (\d+)", out)]
        assert offsets and any(abs(at - n) < 200 for n in offsets), (at, out)
    open(path, "wb").write(whole)


def test_wrong_format_and_unknown_command(run, tmp_path):
    path = small_file(run, tmp_path, config={"aof-checksum": "no"})
    whole = open(path, "rb").read()
    open(path, "wb").write(whole + b"!!!")
    assert "Bad file format reading the append only file" in refused(run, tmp_path)
    open(path, "wb").write(whole + b"*2\r\n$3\r\nbla\r\n$1\r\nx\r\n")
    assert "Unknown command 'bla' reading the append only file" in refused(run, tmp_path)


def test_always_holds_replies_until_disk(run, tmp_path):
    s = run({"appendfsync": "always"}, directory=str(tmp_path))
    with s.conn() as a, s.conn() as b:
        for i in range(50):
            a.send("SET", "k", i)
            b.send("GET", "k")
            b.read()
            a.read()
            assert (b"%d" % i) in open(increment(s), "rb").read()[-60:]


def kill_child(server):
    for line in subprocess.run(["pgrep", "-P", str(server.pid)], capture_output=True, text=True).stdout.split():
        os.kill(int(line), signal.SIGKILL)


def test_limit_after_failures(run, tmp_path):
    s = run({"rdb-key-save-delay": "100000", "auto-aof-rewrite-percentage": "1", "auto-aof-rewrite-min-size": "1"},
            directory=str(tmp_path))
    with s.conn() as c:
        for i in range(100):
            c.call("SET", "k%d" % i, "x" * 100)
        for _ in range(3):
            wait_for("a child", lambda: info(s, "aof_rewrite_in_progress") == "1")
            kill_child(s)
            wait_for("its end", lambda: info(s, "aof_rewrite_in_progress") == "0" or True)
            time.sleep(0.2)
        wait_for("the limit", lambda: "triggered the limit" in s.output())
        assert info(s, "aof_last_bgrewrite_status") == "err"
        c.call("CONFIG", "SET", "rdb-key-save-delay", 0)
        rewrite(s)
    assert not [f for f in os.listdir(s.directory) if f.startswith("temp-")]


@pytest.mark.cairn_only
def test_what_got_more_time_is_not_lost(start):
    """A time to live in the log may be over when the log is read, though the key lived on."""
    server = start({**AOF, "appendfsync": "always"})
    keys = {"list": "LRANGE list 0 -1", "set": "GET set", "getex": "GET getex", "setex": "GET setex", "copy": "GET copy",
            "hash": "HGETALL hash", "twin": "HGETALL twin"}
    with server.conn() as c:
        for line in ("RPUSH list a", "PEXPIRE list 80", "RPUSH list b", "PERSIST list",
                     "SET set v PX 80", "APPEND set x", "PERSIST set",
                     "SET getex v", "GETEX getex PX 80", "APPEND getex x", "PERSIST getex",
                     "SETEX setex 1 v", "PEXPIRE setex 80", "APPEND setex x", "PERSIST setex",
                     "HSET hash a 1 b 2", "HPEXPIRE hash 80 FIELDS 2 a b"):
            assert not c(line).is_error
        assert c.call("RESTORE", "copy", "80", c.call("DUMP", "set").value) == OK
        assert c.call("RESTORE", "twin", "0", c.call("DUMP", "hash").value) == OK
        for line in ("APPEND copy y", "PERSIST copy", "HPERSIST hash FIELDS 1 a", "HPERSIST twin FIELDS 1 b"):
            assert not c(line).is_error
        time.sleep(0.1)
        wait_for("no field has a time to live", lambda: c("HLEN hash").value == c("HLEN twin").value == 1)
        before = {key: c(line).plain() for key, line in keys.items()}
    server.restart()
    with server.conn() as c:
        assert {key: c(line).plain() for key, line in keys.items()} == before


@pytest.mark.cairn_only
@pytest.mark.parametrize("entries", [1000, 10])
def test_many_due_fields_are_gone_for_the_log(start, entries):
    """What a command that writes does not see any more, it must not find when the file is read."""
    server = start({**AOF, "appendfsync": "always", "hash-max-listpack-entries": entries})
    fields = ["f%d" % i for i in range(400)]
    with server.conn() as c:
        c.call("DEBUG", "SET-ACTIVE-EXPIRE", "0")
        for key in ("h", "i"):
            c.call("HSET", key, "live", "1", *[w for f in fields for w in (f, "7")])
            c.call("HPEXPIRE", key, "20", "FIELDS", len(fields), *fields)
        time.sleep(0.05)
        c.call("SADD", "s", "f1", "live")
        for line in ("SORT s BY h->* STORE sorted", "HINCRBY h f0 5", "HSETNX h f1 9", "HINCRBYFLOAT h f2 1.5",
                     "HSETEX h FNX FIELDS 1 f3 x", "HSETEX h KEEPTTL FIELDS 1 f4 x", "COPY i copy", "HSETNX i f5 x"):
            assert not c(line).is_error, line
        keys = {"h": "HGETALL h", "i": "HGETALL i", "copy": "HGETALL copy", "sorted": "LRANGE sorted 0 -1"}
        before = {key: c(line).plain() for key, line in keys.items()}
    server.restart()
    with server.conn() as c:
        for key, line in keys.items():
            assert sorted(c(line).plain()) == sorted(before[key])


@pytest.mark.cairn_only
def test_what_is_loaded_is_not_logged(start):
    server = start(AOF)
    with server.conn() as c:
        c.call("DEBUG", "EFFECTS", "START")
        c.many([["MULTI"], ["RPUSH", "l", *range(300)], ["SET", "k", "v"], ["EXEC"]])
        c.call("DEBUG", "EFFECTS", "READ")
        assert c.call("DEBUG", "LOADAOF") == OK
        assert b"RPUSH" not in c.call("DEBUG", "EFFECTS", "READ").value
        assert c.call("LLEN", "l").value == 300


def test_a_file_of_history_does_not_lend_its_name(run, tmp_path):
    """Only history tells of increment 1: the next one must not be called so, or it is deleted with the history."""
    s = run({"aof-disable-auto-gc": "yes"}, directory=str(tmp_path))
    with s.conn() as c:
        c.call("SET", "a", 1)
        assert c.call("CONFIG", "SET", "appendonly", "no").value == b"OK"
        rewrite(s)
    s.stop()
    s = run({"aof-disable-auto-gc": "yes"}, directory=str(tmp_path))
    with s.conn() as c:
        c.call("SET", "b", 2)
        assert c.call("CONFIG", "SET", "aof-disable-auto-gc", "no").value == b"OK"
        c.call("SET", "c", 3)
    kill(s)
    s = run(directory=str(tmp_path))
    with s.conn() as c:
        assert c.call("MGET", "a", "b", "c").plain() == [b"1", b"2", b"3"]


def test_history_that_is_in_use_is_kept(run, tmp_path):
    """A manifest that names a file twice, by a hand or by Redis: what is loaded is not deleted."""
    s = run(directory=str(tmp_path))
    with s.conn() as c:
        c.call("SET", "a", 1)
    s.stop()
    manifest = os.path.join(folder(s), "appendonly.aof.manifest")
    with open(manifest) as f:
        text = f.read()
    with open(manifest, "w") as f:
        f.write(text + "file appendonly.aof.1.incr.aof seq 1 type h\nfile appendonly.aof.1.base.rdb seq 1 type h\n")
    for value in (b"1", b"1"):
        s = run(directory=str(tmp_path))
        with s.conn() as c:
            assert c.call("GET", "a").value == value
        s.stop()


def test_databases_that_are_missing(run, tmp_path):
    """Keys of a database that the configuration no longer has must not come into another one."""
    s = run({"aof-use-rdb-preamble": "no"}, directory=str(tmp_path))
    with s.conn() as c:
        c.call("SET", "k", "zero")
        c.call("SELECT", 10)
        c.call("SET", "k", "ten")
    s.stop()
    text = refused(run, tmp_path, {"databases": "4"})
    assert re.search("SELECT.* at offset [0-9]+", text), text


def pipeline_into_one_record(s, n):
    with socket.create_connection(("127.0.0.1", s.port)) as sock:
        sock.sendall(b"*2\r\n$4\r\nINCR\r\n$1\r\nn\r\n" * n)
        got = b""
        while got.count(b"\n") < n:
            got += sock.recv(65536)


@pytest.mark.parametrize("cut", [3, 600])
@pytest.mark.parametrize("appended", [1, 15, 300])
def test_redis_goes_on_behind_a_torn_record(run, tmp_path, cut, appended):
    """It cuts the tail behind the last whole command, in the middle of our record, and appends: nothing of that is
    ours to cut off again."""
    s = run({"appendfsync": "always", "rdb-target-version": "10"}, directory=str(tmp_path))
    pipeline_into_one_record(s, 100)
    kill(s)
    path = increment(s)
    with open(path, "r+b") as f:
        f.truncate(os.path.getsize(path) - cut)
    s = run(binary=oracle_path(), directory=str(tmp_path))
    with s.conn() as c:
        for _ in range(appended):
            last = int(c.call("INCR", "n").value)
    s.stop()
    for more in range(3):
        s = run({"appendfsync": "always", "rdb-target-version": "10"}, directory=str(tmp_path))
        with s.conn() as c:
            assert int(c.call("GET", "n").value) == last + more
            c.call("INCR", "n")
        kill(s) if more else s.stop()


def test_functions_outlive_a_rewrite_without_preamble(run, tmp_path):
    """They cannot be run yet, and must not be lost by that."""
    s = run(binary=oracle_path(), directory=str(tmp_path))
    with s.conn() as c:
        c.call("FUNCTION", "LOAD", "#!lua name=mylib\nredis.register_function('f', function() return 1 end)")
        rewrite(s)
    s.stop()
    s = run({"aof-use-rdb-preamble": "no", "rdb-target-version": "10"}, directory=str(tmp_path))
    rewrite(s)
    s.stop()
    s = run(binary=oracle_path(), directory=str(tmp_path))
    with s.conn() as c:
        assert b"mylib" in str(c.call("FUNCTION", "LIST").plain()).encode()


def test_pending_of_deleted_entries_in_commands(run, tmp_path):
    """A base of commands keeps what is pending though its entry is gone, for us and for redis-server."""
    config = {"aof-use-rdb-preamble": "no"}
    s = run(config, directory=str(tmp_path))
    with s.conn() as c:
        for key, n in ((b"some", 5), (b"all", 200), (b"trimmed", 10)):
            for i in range(n):
                c.call("XADD", key, "%d-1" % (i + 1), "a", i)
            c.call("XGROUP", "CREATE", key, "g", "0")
            c.call("XGROUP", "CREATE", key, "g2", "0")
            c.call("XREADGROUP", "GROUP", "g", "c1", "COUNT", 3, "STREAMS", key, ">")
            c.call("XREADGROUP", "GROUP", "g", "c2", "STREAMS", key, ">")
            c.call("XREADGROUP", "GROUP", "g2", "c1", "COUNT", 2, "STREAMS", key, ">")
        c.call("XDEL", "some", "1-1", "3-1", "5-1")
        c.call("XTRIM", "all", "MAXLEN", 0)
        c.call("XTRIM", "trimmed", "MAXLEN", 4)
    rewrite(s)
    before, was = digest(s), content(s)
    s.stop()
    s = run(config, directory=str(tmp_path))
    assert digest(s) == before
    assert content(s) == was
    s.stop()
    s = run(binary=oracle_path(), directory=str(tmp_path))
    assert content(s) == was
