"""cairn-check-rdb and cairn-check-aof: reports and exit codes as Debian's redis-check-rdb and redis-check-aof have
them, on files that are whole, cut short or changed; and what only ours know: records with checksums."""
import os
import re
import shutil
import subprocess

import pytest

import harness
from harness import Server, wait_for

OUR_FOLDER = os.path.dirname(harness.ours_path())
POLYNOMIAL = 0x95ac9329ac4bc9b5
OURS = {"rdb": os.path.join(OUR_FOLDER, "cairn-check-rdb"), "aof": os.path.join(OUR_FOLDER, "cairn-check-aof")}
THEIRS = {"rdb": shutil.which("redis-check-rdb"), "aof": shutil.which("redis-check-aof")}
PING = b"*1\r\n$4\r\nPING\r\n"
MULTI, EXEC = b"*1\r\n$5\r\nMULTI\r\n", b"*1\r\n$4\r\nEXEC\r\n"

pytestmark = pytest.mark.skipif(not os.path.exists(OURS["aof"]) or None in THEIRS.values(),
                                reason="needs cairn-check-rdb beside the server, and redis-tools")


def run(tools, kind, folder, *args, answer=b""):
    """(exit status, report) of a tool."""
    done = subprocess.run([tools[kind], *args], cwd=folder, input=answer, capture_output=True, timeout=60)
    assert b"Sanitizer" not in done.stderr and b"runtime error" not in done.stderr, done.stderr.decode()
    return done.returncode, (done.stdout or done.stderr).decode("latin1")


def report(text):
    """What both tools have to say alike: without the source line of an error, and without the type that theirs names
    while no key is being read."""
    lines = []
    for line in text.splitlines():
        if "Terminating server" in line:
            continue
        if "Reading type" in line and not re.search("read-(key|object-value)", "".join(lines[-2:])):
            continue
        line = re.sub(r"type (\d+) \(.*\)", r"type \1", line)
        lines.append(re.sub(r"got: [0-9a-f]+$", "got:", line))
    return lines


def crc64(data):
    crc = 0
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (POLYNOMIAL if crc & 1 else 0)
    return crc


def record(payload, durable=0):
    tail = b"%d %d" % (len(payload), durable)
    return b"#CRC:%d %016x %d\r\n" % (len(payload), crc64(payload + tail), durable) + payload


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Files of the oracle: dump.rdb, and a folder with a manifest, an RDB base and an increment."""
    folder = tmp_path_factory.mktemp("check")
    with Server(harness.oracle_path(), {"appendonly": "yes"}) as server, server.conn() as conn:
        for line in ("SET a 1", "SET b hello EX 100000", "RPUSH l a b c", "SADD s 1 2 3", "SADD t a b", "ZADD z 1 a",
                     "HSET h a b", "XADD x 1-1 a b", "SELECT 3", "SET n 5", "SAVE", "BGREWRITEAOF"):
            conn.call(*line.split())
        conn.call("SET", "packed", "bar" * 20)
        conn.call("SAVE")
        wait_for("the rewrite", lambda: harness.info(conn, "persistence")["aof_rewrite_in_progress"] == "0")
        for line in ("MULTI", "SET m1 1", "SET m2 2", "EXEC", "SET q 1"):
            conn.call(*line.split())
        shutil.copy(os.path.join(server.directory, "dump.rdb"), folder)
        shutil.copytree(os.path.join(server.directory, "appendonlydir"), folder / "aof")
    return folder


def manifest_of(folder):
    return os.path.join(folder, "appendonly.aof.manifest")


def increment_of(folder):
    return next(os.path.join(folder, name) for name in sorted(os.listdir(folder)) if name.endswith(".incr.aof"))


# ---- RDB ----

def test_rdb_good(files):
    assert run(OURS, "rdb", files, "dump.rdb") == run(THEIRS, "rdb", files, "dump.rdb")


def test_rdb_stats(files):
    status, text = run(OURS, "rdb", files, "--stats", "dump.rdb")
    assert status == 0 and "type set-intset: 1 keys" in text


def test_rdb_cut(files, tmp_path):
    """The same offset and key at every length, but where they name the part of a stream that was missing."""
    data = (files / "dump.rdb").read_bytes()
    for length in range(0, len(data), 5):
        (tmp_path / "t.rdb").write_bytes(data[:length])
        ours, theirs = (run(tools, "rdb", tmp_path, "t.rdb") for tools in (OURS, THEIRS))
        assert ours[0] == theirs[0] == 1, length
        if "Internal error" not in theirs[1] and "elements, but" not in ours[1]:
            assert report(ours[1]) == report(theirs[1]), length


def test_rdb_flipped(files, tmp_path):
    """Every changed byte is found; where they find it before the checksum, so do we, at the same key."""
    data = (files / "dump.rdb").read_bytes()
    for at in range(9, len(data), 2):
        changed = bytearray(data)
        changed[at] ^= 1 << at % 8
        (tmp_path / "t.rdb").write_bytes(changed)
        status, text = run(OURS, "rdb", tmp_path, "t.rdb")
        if changed[-8:] == bytes(8):
            continue
        assert status == 1 and re.search(r"\[offset \d+\] ", text.split("RDB ERROR DETECTED")[1]), (at, text)


def test_rdb_checksum_off_and_trailing(files, tmp_path):
    data = (files / "dump.rdb").read_bytes()
    (tmp_path / "t.rdb").write_bytes(data[:-8] + bytes(8))
    assert run(OURS, "rdb", tmp_path, "t.rdb") == run(THEIRS, "rdb", tmp_path, "t.rdb")
    (tmp_path / "t.rdb").write_bytes(data + b"more")
    status, text = run(OURS, "rdb", tmp_path, "t.rdb")
    assert status == 0 and "4 bytes behind the end" in text


@pytest.mark.parametrize("content", [b"", b"REDI", b"no such thing at all", b"REDIS0099abc", b"REDIS00x1abc"])
def test_rdb_wrong_header(content, tmp_path):
    (tmp_path / "t.rdb").write_bytes(content)
    ours, theirs = (run(tools, "rdb", tmp_path, "t.rdb") for tools in (OURS, THEIRS))
    assert ours[0] == theirs[0] == 1 and "RDB ERROR DETECTED" in ours[1]


@pytest.mark.parametrize("kind", ["rdb", "aof"])
def test_usage(kind, tmp_path):
    status, text = run(OURS, kind, tmp_path)
    assert (status, text) == (1, re.sub(r"\S*redis-", "cairn-", run(THEIRS, kind, tmp_path)[1]))
    assert run(OURS, kind, tmp_path, "--help")[0] == 0 and run(OURS, kind, tmp_path, "--version")[0] == 0
    assert run(OURS, kind, tmp_path, "missing")[0] == 1
    assert run(OURS, kind, tmp_path, "a", "b", "c")[0] == 1


# ---- AOF ----

def same_aof(path, folder, *args, answer=b""):
    """Runs both on the same file; compares reports, and what became of the file. The line number is left out: ours
    counts annotation lines too."""
    def contents():
        return {name: open(os.path.join(folder, name), "rb").read() for name in sorted(os.listdir(folder))}

    before, results = contents(), []
    for tools in (THEIRS, OURS):
        for name, data in before.items():
            with open(os.path.join(folder, name), "wb") as file:
                file.write(data)
        status, text = run(tools, "aof", folder, *args, path, answer=answer)
        results.append((status, re.sub(r"ok_up_to_line=\d+", "", "\n".join(report(text))), contents()))
    assert results[1] == results[0], (path, args)
    return results[1]


def test_aof_good(files):
    assert run(OURS, "aof", files, manifest_of("aof")) == run(THEIRS, "aof", files, manifest_of("aof"))
    increment = increment_of(files / "aof")
    assert run(OURS, "aof", files, increment) == run(THEIRS, "aof", files, increment)


def test_aof_cut_and_fixed(files, tmp_path):
    with open(increment_of(files / "aof"), "rb") as file:
        data = file.read()
    for length in range(0, len(data), 2):
        (tmp_path / "t.aof").write_bytes(data[:length])
        same_aof("t.aof", tmp_path)
        if length % 22 == 0:
            same_aof("t.aof", tmp_path, "--fix", answer=b"n\n")
            same_aof("t.aof", tmp_path, "--fix", answer=b"y\n")
            assert run(OURS, "aof", tmp_path, "t.aof")[0] == 0


def test_aof_flipped(files, tmp_path):
    with open(increment_of(files / "aof"), "rb") as file:
        data = file.read()
    for at in range(0, len(data), 7):
        changed = bytearray(data)
        changed[at] ^= 0x10
        (tmp_path / "t.aof").write_bytes(changed)
        same_aof("t.aof", tmp_path)


@pytest.mark.parametrize("content", [
    EXEC, MULTI, MULTI + MULTI, MULTI + EXEC + EXEC, MULTI.lower() + EXEC.lower(), b"*1\r\n$-1\r\n",
    b"*1\r\n$99999999\r\nab\r\n", b"*1\n$4\nPING\n", PING + b"xyz", b"#abc\r\n" + PING + b"#TS:abc\r\n",
    b"*1\r\n$4\r\n", b"*2\r\n", b"", PING[:-1], PING[:-2]])
def test_aof_forms(content, tmp_path):
    (tmp_path / "t.aof").write_bytes(content)
    same_aof("t.aof", tmp_path)


@pytest.mark.parametrize("until", ["50", "100", "150", "200", "250", "0", "-5", "5a"])
def test_aof_truncate_to_timestamp(until, tmp_path):
    (tmp_path / "t.aof").write_bytes(PING + b"#TS:100\r\n" + PING + b"#TS:200\r\n" + PING)
    same_aof("t.aof", tmp_path, "--truncate-to-timestamp", until)


def test_aof_nothing_before_the_time(tmp_path):
    (tmp_path / "t.aof").write_bytes(b"#TS:100\r\n" + PING)
    same_aof("t.aof", tmp_path, "--truncate-to-timestamp", "50")


def multi_part(folder, *parts):
    """A manifest with these (name, kind, bytes); returns its path."""
    lines = []
    for number, (name, kind, content) in enumerate(parts, 1):
        (folder / name).write_bytes(content)
        lines.append("file %s seq %d type %s\n" % (name, number, kind))
    (folder / "t.manifest").write_text("".join(lines))
    return "t.manifest"


@pytest.mark.parametrize("args", [(), ("--fix",), ("--truncate-to-timestamp", "100")])
@pytest.mark.parametrize("base,first,last", [
    (PING, PING, PING), (PING, PING, PING[:-3]), (PING, PING[:-3], PING), (PING[:-3], PING, PING), (b"", b"", b""),
    (PING, PING + b"#TS:150\r\n" + PING, PING), (PING, PING, b"#TS:90\r\n" + PING + b"#TS:150\r\n" + PING)])
def test_aof_parts(base, first, last, args, tmp_path):
    manifest = multi_part(tmp_path, ("b.aof", "b", base), ("1.aof", "i", first), ("2.aof", "i", last))
    same_aof(str(tmp_path / manifest), tmp_path, *args, answer=b"y\n")


def test_aof_damaged_base(files, tmp_path):
    data = (files / "dump.rdb").read_bytes()
    manifest = multi_part(tmp_path, ("b.rdb", "b", data[:-9]), ("1.aof", "i", PING))
    same_aof(manifest, tmp_path)
    status, text = run(OURS, "aof", tmp_path, "--fix", manifest)
    assert status == 1 and "RDB preamble of AOF file is not sane, aborting." in text


@pytest.mark.parametrize("line,why", [
    ("file a seq 1 type x", "Unknown AOF file type"), ("file /a/b seq 1 type b", "File can't be a path"),
    ("file x", "Invalid AOF manifest file format"), ("file missing.aof seq 1 type i", "Cannot open file")])
def test_aof_bad_manifest(line, why, tmp_path):
    (tmp_path / "t.manifest").write_text(line + "\n")
    for tools in (OURS, THEIRS):
        status, text = run(tools, "aof", tmp_path, "t.manifest")
        assert status == 1 and why in text and "Start checking Multi Part AOF" in text, (tools, text)


# ---- records with checksums ----

def test_records_good(tmp_path):
    (tmp_path / "t.aof").write_bytes(record(PING * 3) + record(MULTI + PING + EXEC) + PING)
    same_aof("t.aof", tmp_path)


def test_records_flipped(tmp_path):
    """Where a command was changed, the record is found; the place is that of its head."""
    first, second = record(PING * 2), record(b"*2\r\n$3\r\nGET\r\n$5\r\nvalue\r\n")
    data = first + second
    for at in range(len(first), len(data)):
        changed = bytearray(data)
        changed[at] ^= 1
        (tmp_path / "t.aof").write_bytes(changed)
        status, text = run(OURS, "aof", tmp_path, "t.aof")
        assert status == 1 and "ok_up_to=%d," % len(first) in text, (at, text)


def test_records_torn_and_fixed(tmp_path):
    first, second = record(PING), record(PING * 3)
    for length in range(len(first) + 1, len(first + second), 5):
        (tmp_path / "t.aof").write_bytes((first + second)[:length])
        assert run(OURS, "aof", tmp_path, "t.aof")[0] == 1
        assert run(OURS, "aof", tmp_path, "--fix", "--yes", "t.aof")[0] == 0
        assert (tmp_path / "t.aof").read_bytes() == first


@pytest.mark.parametrize("until,left", [("50", 0), ("150", 1), ("250", 2), ("350", 3)])
def test_record_cut_at_a_time(until, left, tmp_path):
    """A time within a record: what is left of the record gets a checksum of its own."""
    data = record(PING) + record(PING + b"".join(b"#TS:%d\r\n" % t + PING for t in (100, 200, 300)))
    (tmp_path / "t.aof").write_bytes(data)
    assert run(OURS, "aof", tmp_path, "--truncate-to-timestamp", until, "t.aof")[0] == 0
    status, text = run(OURS, "aof", tmp_path, "t.aof")
    assert status == 0 and "is valid" in text
    assert (tmp_path / "t.aof").read_bytes().count(b"PING") == 2 + left


def test_record_that_redis_cut(tmp_path):
    """It appended behind the first command of two: that is no damage, and not to be cut off."""
    ping = b"*2\r\n$4\r\nINCR\r\n$1\r\nn\r\n"
    (tmp_path / "t.aof").write_bytes(record(ping * 2)[:-len(ping)] + ping * 5)
    status, text = run(OURS, "aof", tmp_path, "--fix", "--yes", "t.aof")
    assert status == 0 and "is valid" in text
    assert (tmp_path / "t.aof").read_bytes().count(ping) == 6
