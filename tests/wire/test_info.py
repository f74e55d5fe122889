"""INFO: its sections, and every field of the oracle."""
import pytest

from harness import info

# Fields that describe parts that do not exist yet or that only other builds print.
OPTIONAL_PREFIXES = ("cmdstat_", "latency_percentiles_usec_", "errorstat_", "db", "allocator_", "module_", "active_defrag",
                     "mem_clients", "io_thread")

SECTIONS = ["server", "clients", "memory", "persistence", "stats", "replication", "cpu", "errorstats", "cluster", "keyspace"]


def sections(conn, *names):
    """INFO as {section: {field: value}}."""
    result, current = {}, None
    for line in conn.call("INFO", *names).text.removeprefix("txt:").splitlines():
        if line.startswith("# "):
            current = result.setdefault(line[2:].lower(), {})
        elif line:
            name, _, value = line.partition(":")
            current[name] = value
    return result


def test_every_section_and_field(pair):
    ours, oracle = pair.both()
    for conn in (ours, oracle):
        conn.call("SET", "k", "v")
        conn.call("NOSUCH")
    mine, theirs = sections(ours), sections(oracle)
    missing = sorted(set(theirs) - set(mine) - {"modules"})
    for name in theirs:
        for field in theirs[name]:
            if field not in mine.get(name, {}) and not field.startswith(OPTIONAL_PREFIXES):
                missing.append("%s:%s" % (name, field))
    assert not missing, "INFO lacks " + ", ".join(missing)
    order = [s for s in mine if s in theirs]
    assert order == [s for s in theirs if s in mine], "order of the sections"
    ours.close()
    oracle.close()


def test_everything_has_no_less_than_default(ours):
    for wider in ("all", "everything"):
        default, wide = sections(ours), sections(ours, wider)
        assert set(default) <= set(wide)
        assert "commandstats" in wide


@pytest.mark.parametrize("names", [("server",), ("SERVER",), ("server", "clients"), ("keyspace", "server"), ("default",),
                                   ("nosuch",), ("nosuch", "cpu"), ("server", "server"), ("commandstats",), ("",)])
def test_section_choice(pair, names):
    """The sections named, in the oracle's order."""
    ours, oracle = pair.both()
    mine, theirs = (list(sections(c, *names)) for c in (ours, oracle))
    if names == ("default",):
        theirs = [s for s in theirs if s in mine]
        mine = [s for s in mine if s in theirs]
    assert mine == theirs
    ours.close()
    oracle.close()


def test_format(pair, proto):
    """Bulk string in RESP2, verbatim in RESP3; CRLF line ends; a blank line between sections."""
    with pair.ours.conn(proto) as conn:
        reply = conn.call("INFO", "server", "clients")
        assert reply.kind == ("$" if proto == 2 else "=")
        text = reply.value.removeprefix(b"txt:")
        assert text.startswith(b"# Server\r\n") and b"\r\n\r\n# Clients\r\n" in text and text.endswith(b"\r\n")
        assert b"\n" not in text.replace(b"\r\n", b"")


def test_numbers_are_true(pair):
    with pair.ours.conn() as conn, pair.ours.conn():
        conn.many([("SET", "a", "1"), ("SET", "b", "1", "EX", "1000"), ("GET", "a"), ("GET", "missing"), ("NOSUCH",),
                   ("INCR", "a", "b"), ("SELECT", "3"), ("SET", "c", "1")])
        fields = info(conn)
        assert fields["db0"].startswith("keys=2,expires=1,avg_ttl=") and fields["db3"].startswith("keys=1,expires=0,avg_ttl=0")
        assert "db1" not in fields
        assert fields["keyspace_hits"] == "1" and fields["keyspace_misses"] == "1"
        assert fields["errorstat_ERR"] == "count=2"
        assert fields["process_id"] == str(pair.ours.pid) and fields["tcp_port"] == str(pair.ours.port)
        assert int(fields["connected_clients"]) >= 2 and fields["blocked_clients"] == "0"
        assert int(fields["used_memory"]) > 0 and int(fields["used_memory_rss"]) > 0
        assert fields["role"] == "master" and fields["redis_mode"] == "standalone" and fields["loading"] == "0"
        assert len(fields["run_id"]) == 40 and len(fields["master_replid"]) == 40
        assert fields["cluster_enabled"] == "0" and fields["maxmemory_policy"] == "noeviction"
        assert fields["maxclients"] == "10000" and int(fields["total_connections_received"]) > 0
        assert float(fields["used_cpu_user"]) >= 0


def test_commandstats(pair):
    """Calls, rejected and failed calls count as the oracle counts them."""
    stats = []
    for conn in pair.both():
        conn.call("CONFIG", "RESETSTAT")
        conn.many([("SET", "k", "v"), ("SET", "k"), ("INCR", "k"), ("INCR", "k"), ("GET", "k"), ("CLIENT", "ID"),
                   ("CLIENT", "NOSUCH"), ("CLIENT", "KILL"), ("NOSUCH",), ("GETEX", "k", "EX", "0"), ("MULTI",), ("INCR", "k"),
                   ("SET", "x"), ("EXEC",), ("EXEC",)])
        found = sections(conn, "commandstats")["commandstats"]
        parsed = {}
        for name, value in found.items():
            fields = dict(f.split("=") for f in value.split(","))
            assert list(fields) == ["calls", "usec", "usec_per_call", "rejected_calls", "failed_calls"]
            parsed[name] = (fields["calls"], fields["rejected_calls"], fields["failed_calls"])
        stats.append((parsed, sections(conn, "errorstats")))
        conn.close()
    assert stats[0] == stats[1]


def test_expired_counts(pair):
    with pair.ours.conn() as conn:
        conn.call("CONFIG", "RESETSTAT")
        conn.many([("SET", "k%d" % i, "v", "PX", "1") for i in range(20)])
        from harness import wait_for
        wait_for("20 keys to expire", lambda: info(conn, "stats")["expired_keys"] == "20", 2)


@pytest.mark.cairn_only
def test_own_names(ours):
    fields = info(ours, "server")
    assert fields["server_name"] == "cairn" and fields["cairn_version"]
    assert tuple(map(int, fields["redis_version"].split("."))) >= (7, 4, 0)
