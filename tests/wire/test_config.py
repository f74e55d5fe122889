"""CONFIG GET, SET with rollback, REWRITE, RESETSTAT."""
import os

import pytest

from harness import info
from resp import OK

SCRIPTS = r"""
# config get
CONFIG GET hz
CONFIG GET HZ
CONFIG GET nosuch
CONFIG GET nosuch nosuch2
% CONFIG GET maxmemory maxmemory
% CONFIG GET "max*policy"
% CONFIG GET hz nosuch timeout
% CONFIG GET "[ht]z"
CONFIG GET ""
CONFIG GET
CONFIG
CONFIG BAD
CONFIG HELP
CONFIG GET save
CONFIG GET client-output-buffer-limit
CONFIG GET maxmemory-policy
CONFIG GET proto-max-bulk-len
CONFIG GET bind
CONFIG GET databases

# config get aliases
% CONFIG GET slave-read-only
% CONFIG GET replica-read-only
% CONFIG GET lua-time-limit
% CONFIG GET hash-max-ziplist-entries hash-max-listpack-entries

# config set values
before: CONFIG SET maxmemory 0
after: CONFIG GET maxmemory
CONFIG SET maxmemory {0|100|1k|1kb|1K|1KB|10mb|10M|1g|1gb|1GB|100b|1b}
CONFIG SET maxmemory {0|-0|1|-1|abc|1e3|1.0|0x10|nan|" 1"|"1 "|2147483648|4294967296|9223372036854775807|--1}
CONFIG SET maxmemory {10xx|1kbb|1.5gb|"10 mb"|9223372036854775807b|1tb}
CONFIG SET MAXMEMORY 5mb
clear:
CONFIG SET maxmemory 0
after: CONFIG GET hz
CONFIG SET hz {10|20|1|500|501|0|-1|abc|""|" 10"|010|+10|10.5|9223372036854775808}
clear:
CONFIG SET hz 10
after: CONFIG GET appendfsync
CONFIG SET appendfsync {no|always|ALWAYS|bad|""|everysec}
clear:
after: CONFIG GET lazyfree-lazy-expire
CONFIG SET lazyfree-lazy-expire {yes|no|YES|true|1|""|no}
clear:
after: CONFIG GET maxmemory-policy
CONFIG SET maxmemory-policy {allkeys-lru|volatile-ttl|ALLKEYS-LFU|bad|noeviction}
clear:
after: CONFIG GET timeout
CONFIG SET timeout {0|100|-1|2147483647|2147483648|abc|0}
clear:
after: CONFIG GET loglevel
CONFIG SET loglevel {debug|verbose|warning|bad|notice}
clear:
after: CONFIG GET notify-keyspace-events
CONFIG SET notify-keyspace-events {KEA|AKE|Kg$|g|K|KEx|bad|"K E"|""}
clear:
after: CONFIG GET slowlog-log-slower-than
CONFIG SET slowlog-log-slower-than {-1|0|10000|-9223372036854775808|9223372036854775807|abc|10000}

# config set save
before: CONFIG SET save ""
after: CONFIG GET save
CONFIG SET save {""|"10 20"|"10 20 30 40"|"10"|"abc"|"10 abc"|"0 1"|"1 0"|"-1 10"|"10 20 30"}
clear:
CONFIG SET save ""

# config set output limits
after: CONFIG GET client-output-buffer-limit
CONFIG SET client-output-buffer-limit "normal 1mb 512k 10"
CONFIG SET client-output-buffer-limit "slave 2mb 1mb 20"
CONFIG SET client-output-buffer-limit "replica 3mb 1mb 20 pubsub 1gb 1mb 5"
CONFIG SET client-output-buffer-limit "wrong 1mb 512k 10"
CONFIG SET client-output-buffer-limit "master 1mb 512k 10"
CONFIG SET client-output-buffer-limit "normal 1mb 512k"
CONFIG SET client-output-buffer-limit "normal 1mb 512k 10 pubsub"
CONFIG SET client-output-buffer-limit "normal 1x 512k 10"
CONFIG SET client-output-buffer-limit "normal 1mb 512k -10"
CONFIG SET client-output-buffer-limit "normal 1mb 512k abc"
CONFIG SET client-output-buffer-limit "normal 0 0 0"
CONFIG SET client-output-buffer-limit "slave 268435456 67108864 60 pubsub 33554432 8388608 60"

# config set several
CONFIG SET hz 11 timeout 5
% CONFIG GET hz timeout
CONFIG SET hz 12 timeout abc
% CONFIG GET hz timeout
CONFIG SET timeout abc hz 12
% CONFIG GET hz timeout
CONFIG SET hz 12 hz 13
CONFIG SET hz 12 HZ 13
CONFIG SET hz 12 nosuch 1
CONFIG SET nosuch 1 hz 12
CONFIG SET hz 12 databases 4
CONFIG SET hz 12 timeout
CONFIG SET hz
CONFIG SET
% CONFIG GET hz timeout
CONFIG SET maxmemory 5mb maxmemory-policy bad loglevel debug
% CONFIG GET maxmemory maxmemory-policy loglevel
CONFIG SET slave-read-only no replica-read-only yes
CONFIG SET hz 10 timeout 0

# config set refused
CONFIG SET nosuch x
CONFIG SET "" x
CONFIG SET databases 4
CONFIG SET unixsocket /tmp/x
CONFIG SET daemonize yes
CONFIG SET io-threads 2
CONFIG SET tcp-backlog 5
CONFIG SET port abc
CONFIG SET port -1
CONFIG SET port 65536
CONFIG SET maxclients 0
CONFIG SET maxclients abc
CONFIG SET proto-max-bulk-len 1
CONFIG SET proto-max-bulk-len 1048575
CONFIG SET client-query-buffer-limit 1
CONFIG SET client-query-buffer-limit 1048575
CONFIG SET hz* 10

# config resetstat and rewrite arguments
CONFIG RESETSTAT
CONFIG RESETSTAT x
CONFIG REWRITE x
"""

# Values that belong to one process, or to where it runs.
LOCAL = {"port", "dir", "pidfile", "logfile", "maxclients", "unixsocket", "syslog-ident", "cluster-port", "proc-title-template",
         "supervised", "set-proc-title", "oom-score-adj-values", "io-threads-do-reads"}

# Names or defaults that newer versions changed.
CHANGED = {
    "io-threads-do-reads": "gone since Redis 8",
}

# Redis's own suite leaves these out of its sanity test.
NOT_SETTABLE = set("""rdbchecksum daemonize io-threads-do-reads tcp-backlog always-show-logo syslog-enabled cluster-enabled
    disable-thp aclfile unixsocket pidfile syslog-ident appendfilename appenddirname supervised syslog-facility databases
    io-threads logfile unixsocketperm replicaof slaveof requirepass server_cpulist bio_cpulist aof_rewrite_cpulist
    bgsave_cpulist set-proc-title cluster-config-file cluster-port oom-score-adj oom-score-adj-values
    enable-protected-configs enable-debug-command enable-module-command dbfilename dir socket-mark-id
    req-res-logfile client-default-resp server-cpulist bio-cpulist aof-rewrite-cpulist bgsave-cpulist""".split())


def test_script(pair, script, script_proto):
    with pair.compare(script_proto) as comparison:
        comparison.run(script)


def test_every_name_and_default(start):
    """Every directive of the oracle is there, with its default."""
    mine, theirs = ({k.decode(): v.decode() for k, v in start(oracle=oracle).conn().call("CONFIG", "GET", "*").pairs().items()}
                    for oracle in (False, True))
    theirs = {n: v for n, v in theirs.items() if not n.startswith("tls-")}
    missing = sorted(set(theirs) - set(mine) - set(CHANGED))
    assert not missing, missing
    wrong = ["%s: %r, oracle: %r" % (n, mine[n], theirs[n]) for n in sorted(theirs)
             if n in mine and mine[n] != theirs[n] and n not in LOCAL]
    assert not wrong, "\n".join(wrong)


def test_each_accepts_its_own_value(pair):
    """CONFIG SET of what CONFIG GET says succeeds and changes nothing."""
    wrong = []
    with pair.ours.conn() as conn:
        for name, value in conn.call("CONFIG", "GET", "*").pairs().items():
            if name.decode() in NOT_SETTABLE or name.startswith(b"tls-"):
                continue
            reply = conn.call("CONFIG", "SET", name, value)
            again = conn.call("CONFIG", "GET", name).pairs().get(name)
            if reply != OK or again != value:
                wrong.append("%s %r: %r, then %r" % (name.decode(), value, reply, again))
    assert not wrong, "\n".join(wrong)


def test_config_get_type(pair, proto):
    with pair.ours.conn(proto) as conn:
        reply = conn.call("CONFIG", "GET", "hz")
        assert reply.kind == ("*" if proto == 2 else "%")
        assert conn.call("CONFIG", "GET", "nosuch").kind == reply.kind


def test_rollback_of_effects(pair):
    """A pair that fails when it takes effect (the port is busy) takes back those before it, their effects included."""
    answers = []
    for server, other in ((pair.ours, pair.oracle), (pair.oracle, pair.ours)):
        with server.conn() as conn:
            reply = conn.call("CONFIG", "SET", "maxclients", "500", "timeout", "7", "port", other.port)
            values = conn.call("CONFIG", "GET", "timeout").pairs(), conn.call("CONFIG", "GET", "port").pairs() == {
                b"port": b"%d" % server.port}
            with server.conn() as another:
                answers.append((reply, values, another.call("PING")))
    assert answers[0] == answers[1]


def test_port_changes_at_runtime(start):
    from harness import free_port
    from resp import Conn
    server = start()
    with server.conn() as conn:
        new = free_port()
        assert conn.call("CONFIG", "SET", "port", new) == OK
        assert conn.call("PING").value == b"PONG", "the old connection stays"
        with Conn(("127.0.0.1", new)) as other:
            assert other.call("CONFIG", "GET", "port").pairs() == {b"port": b"%d" % new}
        with pytest.raises(OSError):
            server.conn()
        assert conn.call("CONFIG", "SET", "port", server.port) == OK


def test_busy_port_is_refused_at_runtime(pair, start):
    server = start()
    ours = server.conn()
    reply = ours.call("CONFIG", "SET", "port", pair.oracle.port)
    with start(oracle=True).conn() as conn:
        assert reply == conn.call("CONFIG", "SET", "port", pair.oracle.port)
    assert ours.call("CONFIG", "GET", "port").pairs() == {b"port": b"%d" % server.port}
    with server.conn() as again:
        assert again.call("PING").value == b"PONG"
    ours.close()


def test_bind_changes_at_runtime(start):
    from resp import Conn
    server = start()
    with server.conn() as conn:
        assert conn.call("CONFIG", "SET", "bind", "127.0.0.1 127.0.0.2") == OK
        with Conn(("127.0.0.2", server.port)) as other:
            assert other.call("PING").value == b"PONG"
        assert conn.call("CONFIG", "GET", "bind").pairs() == {b"bind": b"127.0.0.1 127.0.0.2"}
        assert conn.call("CONFIG", "SET", "bind", "127.0.0.1") == OK
        with pytest.raises(OSError):
            Conn(("127.0.0.2", server.port))


def test_resetstat(pair):
    with pair.ours.conn() as conn:
        conn.many([("PING",)] * 50 + [("GET", "missing"), ("NOSUCH",)])
        assert int(info(conn, "stats")["total_commands_processed"]) > 50
        assert conn.call("CONFIG", "RESETSTAT") == OK
        fields = info(conn)
        assert int(fields["total_commands_processed"]) < 10
        assert fields["keyspace_misses"] == "0" and "cmdstat_ping" not in fields and "errorstat_ERR" not in fields


REWRITTEN = """# a comment at the top
port %d

# about memory
maxmemory 100mb
   # an indented comment
maxmemory-policy allkeys-lru
hz 20
save 900 1
save 300 10
include extra.conf
client-output-buffer-limit normal 1mb 512kb 10
rename-command DEBUG ""
"""


def test_rewrite_keeps_the_file(start):
    """Comments and order stay; changed lines change; new ones are added below; a restart has the same values."""
    results = []
    for oracle in (False, True):
        server = start(oracle=oracle, port=None, files={"extra.conf": "timeout 33\n"})
        server.stop()
        with open(server.config_path, "w") as f:
            f.write(REWRITTEN % server.port)
        server.start()
        with server.conn() as conn:
            assert conn.call("CONFIG", "SET", "maxmemory", "200mb", "hz", "10", "save", "60 5", "slowlog-max-len", "99",
                             "timeout", "44", "requirepass", 'a "b" \x01') == OK
            assert conn.call("CONFIG", "REWRITE") == OK
        with open(server.config_path) as f:
            text = f.read()
        server.restart()
        with server.conn() as conn:
            assert conn.call("AUTH", 'a "b" \x01') == OK
            values = {n: conn.call("CONFIG", "GET", n).pairs()[n.encode()] for n in (
                "maxmemory", "hz", "save", "slowlog-max-len", "timeout", "requirepass", "maxmemory-policy",
                "client-output-buffer-limit")}
        results.append((text.replace(str(server.port), "PORT"), values))
    (mine, my_values), (theirs, their_values) = results
    assert my_values == their_values
    for line in ("# a comment at the top", "# about memory", "# an indented comment", "include extra.conf"):
        assert line in map(str.strip, mine.splitlines()), mine

    def known(text):
        return [line for line in text.splitlines() if line.split(" ")[0] in (
            "port", "maxmemory", "maxmemory-policy", "hz", "save", "slowlog-max-len", "timeout", "requirepass",
            "client-output-buffer-limit", "#")]
    assert sorted(known(mine)) == sorted(known(theirs)), mine


def test_rewrite_twice_is_stable(start):
    server = start()
    with server.conn() as conn:
        conn.call("CONFIG", "SET", "maxmemory", "5mb")
        assert conn.call("CONFIG", "REWRITE") == OK
        with open(server.config_path) as f:
            first = f.read()
        assert conn.call("CONFIG", "REWRITE") == OK
        with open(server.config_path) as f:
            assert f.read().strip() == first.strip()
        conn.call("CONFIG", "SET", "maxmemory", "0")
        assert conn.call("CONFIG", "REWRITE") == OK
    server.restart()
    with server.conn() as conn:
        assert conn.call("CONFIG", "GET", "maxmemory").pairs() == {b"maxmemory": b"0"}


def test_rewrite_of_everything(start):
    """After DEBUG CONFIG-REWRITE-FORCE-ALL and a restart every value is what it was."""
    server = start()
    with server.conn() as conn:
        before = conn.call("CONFIG", "GET", "*").pairs()
        assert conn.call("DEBUG", "CONFIG-REWRITE-FORCE-ALL") == OK
    server.restart()
    with server.conn() as conn:
        after = conn.call("CONFIG", "GET", "*").pairs()
    assert {k: v for k, v in after.items() if before[k] != v} == {}


def test_rewrite_without_a_file(start):
    import harness
    from harness import Server, free_port
    from resp import Conn
    for path in (harness.ours_path(), harness.oracle_path()):
        port = free_port()
        with Server(path, bare=True, port=port, args=["--port", str(port), "--save", "", "--bind", "127.0.0.1"]) as server:
            with Conn(server.address) as conn:
                assert conn.call("CONFIG", "REWRITE").text == "ERR The server is running without a config file"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_rewrite_unwritable(start):
    server = start()
    os.chmod(server.directory, 0o500)
    try:
        with server.conn() as conn:
            assert conn.call("CONFIG", "REWRITE").text.startswith("ERR Rewriting config file: ")
    finally:
        os.chmod(server.directory, 0o700)
