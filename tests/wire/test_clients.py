"""Clients that people use: redis-cli in all its modes, redis-benchmark, redis-py, ioredis."""
import fcntl
import json
import os
import pty
import re
import select
import shutil
import signal
import struct
import subprocess
import termios
import textwrap
import time

import pytest

from harness import ROOT, SLOW
from resp import OK, Conn, encode

needs_cli = pytest.mark.skipif(not shutil.which("redis-cli"), reason="no redis-cli here")
needs_benchmark = pytest.mark.skipif(not shutil.which("redis-benchmark"), reason="no redis-benchmark here")


@pytest.fixture
def cli(pair):
    def run(*args, input=None, timeout=20, check=True, text=True):
        done = subprocess.run(["redis-cli", "-p", str(pair.ours.port), *args], input=input, capture_output=True,
                              timeout=timeout * SLOW, text=text)
        assert not check or done.returncode == 0, done
        return done.stdout
    return run


@needs_cli
def test_cli_one_shot(cli):
    assert cli("SET", "k", "v") == "OK\n"
    assert cli("GET", "k") == "v\n"
    assert cli("-x", "SET", "binary", input="a b\nc") == "OK\n"
    assert cli("GET", "binary") == "a b\nc\n"
    assert cli("--no-raw", "GET", "k") == '"v"\n'
    assert cli("--no-raw", "INCR", "n") == "(integer) 1\n"
    assert cli("--no-raw", "GET", "missing") == "(nil)\n"
    assert cli("--csv", "MGET", "k", "missing") == '"v",NULL\n'
    assert cli("-r", "3", "INCR", "n") == "2\n3\n4\n"
    assert cli("-n", "3", "DBSIZE") == "0\n"
    assert "ERR unknown command 'nosuch'" in cli("nosuch", check=False)
    assert cli("-3", "--no-raw", "GET", "missing") == "(nil)\n"
    assert json.loads(cli("--json", "MGET", "k", "missing")) == ["v", None]
    assert json.loads(cli("--json", "CONFIG", "GET", "hz")) == {"hz": "10"}
    assert cli("INFO", "server").startswith("# Server")
    assert "redis_version" in cli("-3", "INFO", "server")


@needs_cli
def test_cli_reads_commands_from_stdin(cli):
    out = cli(input='SET a "x y"\nGET a\nMULTI\nINCR n\nEXEC\n')
    assert out.splitlines() == ["OK", "x y", "OK", "QUEUED", "1"]


@needs_cli
def test_cli_password_and_uri(start):
    server = start({"requirepass": "secret"})
    for args in (["-p", str(server.port), "-a", "secret", "--no-auth-warning"],
                 ["-p", str(server.port), "--user", "default", "--pass", "secret", "--no-auth-warning"],
                 ["-u", "redis://default:secret@127.0.0.1:%d/2" % server.port]):
        done = subprocess.run(["redis-cli", *args, "PING"], capture_output=True, text=True, timeout=20 * SLOW)
        assert done.stdout == "PONG\n", done


class Terminal:
    """redis-cli on a pseudo terminal."""

    def __init__(self, *args):
        self.shown = ""
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.environ.update(TERM="xterm", REDISCLI_HISTFILE="/dev/null", REDISCLI_RCFILE="/dev/null")
            fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 200, 0, 0))
            os.execvp("redis-cli", ["redis-cli", *args])

    def expect(self, text, seconds=10):
        """Waits until the text is shown, and returns what came before it."""
        deadline = time.monotonic() + seconds * SLOW
        while text not in self.shown:
            ready, _, _ = select.select([self.fd], [], [], max(0, deadline - time.monotonic()))
            assert ready, "no %r in %r" % (text, self.shown)
            try:
                self.shown += re.sub("\x1b\\[[0-9;?]*[A-Za-z]", "", os.read(self.fd, 4096).decode(errors="replace"))
            except OSError:
                raise AssertionError("redis-cli ended; it showed %r" % self.shown)
        before, _, self.shown = self.shown.partition(text)
        return before

    def type(self, line):
        os.write(self.fd, line.encode() + b"\r")

    def close(self):
        os.close(self.fd)
        os.waitpid(self.pid, 0)


@needs_cli
def test_cli_interactive(pair):
    prompt = "127.0.0.1:%d" % pair.ours.port
    terminal = Terminal("-p", str(pair.ours.port))
    try:
        terminal.expect(prompt + "> ")
        for line, answer, after in [
                ("SET greeting \"hello there\"", "OK", "> "), ("GET greeting", '"hello there"', "> "),
                ("INCR n", "(integer) 1", "> "), ("GET missing", "(nil)", "> "), ("SELECT 3", "OK", "[3]> "),
                ("DBSIZE", "(integer) 0", "[3]> "), ("MULTI", "OK", "[3](TX)> "), ("SET a 1", "QUEUED", "[3](TX)> "),
                ("EXEC", "1) OK", "[3]> "), ("MGET a b", '1) "1"', "[3]> "), ("HELLO 3", '"proto" => (integer) 3', "[3]> "),
                ("GET", "ERR wrong number of arguments for 'get' command", "[3]> "),
                ("HELP GET", "summary:", "[3]> "), ("NOSUCH", "ERR unknown command", "[3]> "),
                ("CLIENT LIST", "cmd=client|list", "[3]> ")]:
            terminal.type(line)
            terminal.expect(answer)
            terminal.expect("\n" + prompt + after)
        terminal.type("QUIT")
    finally:
        terminal.close()


@needs_cli
def test_cli_reconnects(start):
    server = start()
    terminal = Terminal("-p", str(server.port))
    try:
        terminal.expect("> ")
        terminal.type("SET k v")
        terminal.expect("OK\r\n127.0.0.1:%d> " % server.port)
        server.restart()
        terminal.type("PING")
        terminal.expect("not connected> ")
        terminal.type("PING")
        terminal.expect("PONG")
    finally:
        terminal.close()


@needs_cli
def test_cli_pipe(cli, ours):
    count = 50000
    data = b"".join(encode("SET", "key:%d" % i, "value:%d" % i) for i in range(count))
    out = cli("--pipe", input=data, text=False).decode()
    assert "errors: 0, replies: %d" % count in out
    assert ours.call("DBSIZE").value == count
    assert ours.call("GET", "key:49999").value == b"value:49999"
    out = cli("--pipe", input=b"SET inline yes\r\nNOSUCH\r\nINCR n\r\n", text=False, check=False).decode()
    assert "errors: 1, replies: 3" in out


@needs_cli
def test_cli_scan(cli, ours):
    ours.many([("SET", "key:%d" % i, "v") for i in range(1000)] + [("SET", "other", "v")])
    assert sorted(cli("--scan").split()) == sorted(["key:%d" % i for i in range(1000)] + ["other"])
    assert sorted(cli("--scan", "--pattern", "key:99?").split()) == ["key:99%d" % i for i in range(10)]
    assert cli("--scan", "--pattern", "nothing") == ""


@needs_cli
def test_cli_bigkeys_and_memkeys(cli, ours):
    ours.many([("SET", "small:%d" % i, "v") for i in range(100)] + [("SET", "huge", "x" * 100000)])
    out = cli("--bigkeys")
    assert "Sampled 101 keys in the keyspace!" in out
    assert re.search(r'Biggest string found .*huge\W+has 100000 bytes', out), out
    out = cli("--memkeys")
    assert "Sampled 101 keys" in out and "huge" in out


@needs_cli
def test_cli_stat(pair):
    terminal = Terminal("-p", str(pair.ours.port), "--stat", "-i", "0.1")
    try:
        terminal.expect("keys")
        for _ in range(3):
            line = terminal.expect("\r\n") or terminal.expect("\r\n")
        numbers = line.split()
        assert numbers[0] == "0" and re.match(r"\d+(\.\d+)?[BKMG]$", numbers[1]), line
    finally:
        os.kill(terminal.pid, signal.SIGTERM)
        terminal.close()


@needs_cli
def test_cli_latency(cli):
    assert re.match(r"\d+ \d+ \d+\.\d+ \d+", cli("--latency", "--raw", "-i", "1"))


@needs_cli
def test_cli_hotkeys(cli, ours):
    ours.call("CONFIG", "SET", "maxmemory-policy", "allkeys-lfu")
    try:
        ours.many([("SET", "k%d" % i, "v") for i in range(20)] + [("GET", "k3")] * 500)
        assert "k3" in cli("--hotkeys")
    finally:
        ours.call("CONFIG", "SET", "maxmemory-policy", "noeviction")


@needs_benchmark
@pytest.mark.parametrize("depth", [1, 16, 100])
def test_benchmark(pair, depth):
    done = subprocess.run(["redis-benchmark", "-p", str(pair.ours.port), "-t", "get,set,incr,mset,ping", "-n", "4000", "-c", "20",
                           "-P", str(depth), "-r", "1000", "-q"], capture_output=True, text=True, timeout=60 * SLOW)
    assert done.returncode == 0, done
    # 4000 requests in a pipeline may take less than the tool can tell: it then says "inf"
    assert len(re.findall(r"(?:[\d.]+|inf) requests per second", done.stdout)) == 6, done.stdout
    assert "rror" not in done.stdout + done.stderr


@needs_benchmark
def test_benchmark_other_options(pair):
    for options in (["-d", "5000"], ["-k", "0", "-n", "300"], ["--threads", "2"], ["-3"], ["--csv"], ["-n", "1000", "set", "k", "v"],
                    ["-I", "-c", "20", "-t", "ping"]):
        process = subprocess.Popen(["redis-benchmark", "-p", str(pair.ours.port), "-n", "2000", "-t", "get,set", *options],
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        if "-I" in options:
            time.sleep(0.3)
            process.kill()
        out, err = process.communicate(timeout=60 * SLOW)
        assert "-I" in options or process.returncode == 0, (options, out, err)
        assert "rror" not in err, (options, err)


@pytest.fixture
def py(pair):
    redis = pytest.importorskip("redis")
    client = redis.Redis(port=pair.ours.port, decode_responses=True)
    yield client
    client.close()


def test_redis_py_basics(py):
    assert py.ping()
    assert py.set("k", "v") is True and py.get("k") == "v"
    assert py.set("k", "w", nx=True) is None
    assert py.set("k", "w", get=True) == "v"
    assert py.mset({"a": 1, "b": 2}) is True and py.mget("a", "b", "c") == ["1", "2", None]
    assert py.incr("n", 5) == 5 and py.incrbyfloat("f", 1.5) == 1.5
    assert py.expire("k", 100) is True and 99 <= py.ttl("k") <= 100
    assert py.expire("k", 10, gt=True) is False
    assert py.getex("k", persist=True) == "w" and py.ttl("k") == -1
    assert py.type("k") == "string" and py.exists("k", "a", "z") == 2
    assert py.rename("k", "k2") is True and py.copy("k2", "k3") is True
    assert sorted(py.keys("k*")) == ["k2", "k3"]
    assert py.object("encoding", "n") == "int"
    assert py.delete("a", "b", "z") == 2
    assert py.info("server")["redis_mode"] == "standalone"
    assert py.config_get("hz") == {"hz": "10"} and py.config_set("hz", 10) is True
    assert isinstance(py.client_id(), int) and py.client_list()[0]["db"] == "0"
    assert py.client_setname("me") is True and py.client_getname() == "me"
    assert py.echo("x") == "x" and abs(py.time()[0] - time.time()) < 5
    assert py.command_count() > 50 and py.command_getkeys("mset", "a", 1, "b", 2) == ["a", "b"]
    assert py.dbsize() == len(list(py.scan_iter()))


def test_redis_py_errors(py):
    import redis
    py.set("k", "text")
    with pytest.raises(redis.ResponseError, match="not an integer"):
        py.incr("k")
    with pytest.raises(redis.ResponseError, match="unknown command"):
        py.execute_command("NOSUCH")


def test_redis_py_pipeline_and_transaction(py):
    import redis
    with py.pipeline(transaction=False) as pipe:
        for i in range(1000):
            pipe.set("k%d" % i, i)
        pipe.get("k999")
        assert pipe.execute()[-1] == "999"
    with py.pipeline() as pipe:
        assert pipe.incr("n").incr("n").get("n").execute() == [1, 2, "2"]
    with py.pipeline() as pipe:
        pipe.watch("n")
        py.incr("n")
        pipe.multi()
        pipe.incr("n")
        with pytest.raises(redis.WatchError):
            pipe.execute()

    def add(pipe):
        value = int(pipe.get("n"))
        pipe.multi()
        pipe.set("n", value * 2)
    assert py.transaction(add, "n") == [True] and py.get("n") == "6"


def test_redis_py_scan_iter(py):
    with py.pipeline() as pipe:
        for i in range(2000):
            pipe.set("key:%d" % i, "v")
        pipe.execute()
    assert len(set(py.scan_iter(match="key:1*", count=100))) == 1111
    assert len(set(py.scan_iter(_type="string"))) == 2000


def test_redis_py_binary(pair):
    redis = pytest.importorskip("redis")
    client = redis.Redis(port=pair.ours.port)
    key, value = bytes(range(256)), bytes(range(255, -1, -1)) * 1000
    assert client.set(key, value) and client.get(key) == value and client.keys() == [key]
    client.close()


def test_redis_py_many_threads(pair):
    import threading
    redis = pytest.importorskip("redis")
    client = redis.Redis(port=pair.ours.port)
    threads = [threading.Thread(target=lambda: [client.incr("n") for _ in range(200)]) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert client.get("n") == b"1600"
    client.close()


@pytest.mark.needs("evalsha")
def test_redis_py_lock(py):
    """Its lock is freed by a script."""
    with py.lock("lock", timeout=5):
        assert py.get("lock")
    assert py.get("lock") is None


def test_redis_py_resp3(pair):
    redis = pytest.importorskip("redis")
    if int(redis.__version__.split(".")[0]) < 5:
        pytest.skip("redis-py %s has no RESP3" % redis.__version__)
    client = redis.Redis(port=pair.ours.port, protocol=3, decode_responses=True)
    assert client.set("k", "v") and client.get("k") == "v" and client.config_get("hz") == {"hz": "10"}
    client.close()


def test_redis_py_with_hiredis(pair):
    pytest.importorskip("hiredis")
    redis = pytest.importorskip("redis")
    client = redis.Redis(port=pair.ours.port)
    assert client.mset({"k%d" % i: "v" * i for i in range(1000)})
    assert [len(v) for v in client.mget(["k%d" % i for i in range(1000)])] == list(range(1000))
    client.close()


def ioredis():
    """The path that holds node_modules/ioredis; installs it below build/ once, where npm can."""
    if not shutil.which("node") or not shutil.which("npm"):
        pytest.skip("no node or npm here")
    home = os.path.join(ROOT, "build")
    os.makedirs(home, exist_ok=True)
    with open(os.path.join(home, ".npm.lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not os.path.isdir(os.path.join(home, "node_modules", "ioredis")):
            try:
                done = subprocess.run(["npm", "install", "--prefix", home, "--no-audit", "--no-fund", "--no-save", "ioredis@5"],
                                      capture_output=True, text=True, timeout=90)
            except subprocess.TimeoutExpired:
                pytest.skip("npm took too long")
            if done.returncode:
                pytest.skip("npm cannot install ioredis: " + done.stderr.strip()[-200:])
    return home


IOREDIS_SCRIPT = textwrap.dedent("""
    const Redis = require('ioredis');
    const assert = require('assert');
    (async () => {
        const r = new Redis({port: +process.argv[2], maxRetriesPerRequest: 1});
        assert.equal(await r.ping(), 'PONG');
        assert.equal(await r.set('k', 'v', 'EX', 100), 'OK');
        assert.equal(await r.get('k'), 'v');
        assert.ok(await r.ttl('k') > 90);
        assert.equal(await r.set('k', 'w', 'NX'), null);
        assert.deepEqual(await r.mget('k', 'missing'), ['v', null]);
        assert.equal(await r.incrby('n', 5), 5);
        const piped = await r.pipeline().set('a', 1).incr('a').get('a').exec();
        assert.deepEqual(piped, [[null, 'OK'], [null, 2], [null, '2']]);
        assert.deepEqual(await r.multi().incr('a').get('a').exec(), [[null, 3], [null, '3']]);
        await r.watch('a');
        const other = r.duplicate();
        await other.set('a', 'changed');
        assert.equal(await r.multi().get('a').exec(), null);
        await assert.rejects(r.incr('k'), /not an integer/);
        const many = r.pipeline();
        for (let i = 0; i < 5000; i++) many.set('key:' + i, 'x'.repeat(i % 100));
        await many.exec();
        let seen = new Set();
        for await (const keys of r.scanStream({match: 'key:*', count: 100})) keys.forEach(k => seen.add(k));
        assert.equal(seen.size, 5000);
        const b = Buffer.from([0, 255, 13, 10, 128]);
        await r.set(b, b);
        assert.ok(b.equals(await r.getBuffer(b)));
        assert.ok((await r.info('server')).includes('redis_version:'));
        assert.deepEqual(await r.config('GET', 'hz'), ['hz', '10']);
        await r.select(2);
        assert.equal(await r.dbsize(), 0);
        other.disconnect();
        assert.equal(await r.quit(), 'OK');
        console.log('ALL RIGHT');
    })().catch(e => { console.error(e); process.exit(1); });
""")


def test_ioredis(pair, tmp_path):
    home = ioredis()
    script = tmp_path / "check.js"
    script.write_text(IOREDIS_SCRIPT)
    done = subprocess.run(["node", str(script), str(pair.ours.port)], capture_output=True, text=True, timeout=60 * SLOW,
                          env=dict(os.environ, NODE_PATH=os.path.join(home, "node_modules")))
    assert done.stdout == "ALL RIGHT\n", done


def test_unix_socket_clients(start, tmp_path):
    path = str(tmp_path / "s.sock")
    start({"unixsocket": path})
    with Conn(path) as conn:
        assert conn.call("SET", "k", "v") == OK
    if shutil.which("redis-cli"):
        assert subprocess.run(["redis-cli", "-s", path, "GET", "k"], capture_output=True, text=True).stdout == "v\n"
    redis = pytest.importorskip("redis")
    client = redis.Redis(unix_socket_path=path)
    assert client.get("k") == b"v"
    client.close()
