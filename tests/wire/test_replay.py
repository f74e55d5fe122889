"""What the log says is what was done: random commands of every family, with transactions, clients that wait, expiring keys
and fields, and eviction, run on one server; then its log runs on another, whose table seeds and small forms are others,
and both must hold the same."""
import os
import time

import pytest

import families
from families import Generator
from harness import info, wait_for
from resp import encode
from test_effects import commands

OPS = int(os.environ.get("CAIRN_WIRE_RANDOM", "2500"))
SEEDS = int(os.environ.get("CAIRN_WIRE_SEEDS", "3"))
EXPIRING_HASHES = (22, 23, 24, 25)      # types of values in RDB files


class Waiters:
    """Connections that a blocking command keeps; what they are served is not looked at, but that it is one reply is."""

    def __init__(self, server, count):
        self.conns = [server.conn() for _ in range(count)]
        self.waiting = [False] * count

    def send(self, g):
        i = g.rng.randrange(len(self.conns))
        if self.waiting[i]:
            self.conns[i].close()
            self.conns[i] = g.server.conn()
        self.conns[i].send_raw(b"".join([b"SELECT %d\r\n" % g.one(0, 0, 1), encode(*g.blocking())]))
        self.conns[i].read()
        self.waiting[i] = True

    def close(self):
        for conn in self.conns:
            conn.close()


def later(word, now_ms):
    """A time that is past by now, or soon will be, as one that does not come during the test: a server that plays a log
    waits for the removal in it."""
    if len(word) == 13 and word.isdigit() and abs(int(word) - now_ms) < 60000:
        return b"%d" % (int(word) + 10**8)
    return word


def play(conn, log):
    """Runs a log as a replica would: no reply may be an error."""
    now_ms = int(time.time() * 1000)
    log = [(db, [later(w, now_ms) for w in words]) for db, words in log]
    selected = None
    for at in range(0, len(log), 500):
        requests, part = [], log[at:at + 500]
        for db, words in part:
            if db is not None and db != selected:
                requests.append([b"SELECT", b"%d" % db])
                selected = db
            requests.append(words)
        for words, reply in zip(requests, conn.many(requests)):
            errors = [r for r in reply.value if r.is_error] if words == [b"EXEC"] else [reply] if reply.is_error else []
            assert not errors, (words, errors)


def copy_by_payload(g, conn, done, expiring=False):
    """Now and then. (What is to expire soon within a payload has its time there, where later() does not see it.)"""
    if g.rng.random() > 0.03:
        return
    payload = conn.call("DUMP", g.k())
    if payload.value is not None and (expiring or payload.value[0] not in EXPIRING_HASHES):
        done.append([b"RESTORE", g.k(), g.one(b"0", b"50", b"1000000"), payload.value, *g.some(b"REPLACE", chance=0.8)])
        conn.call(*done[-1])


def limit_memory(g, conn):
    limit = int(info(conn, "memory")["used_memory"]) + g.rng.randrange(100, 20000)
    conn.call("CONFIG", "SET", "maxmemory", "%d" % limit,
              "maxmemory-policy", g.one("allkeys-random", "allkeys-lru", "volatile-ttl", "volatile-lfu"))


def difference(ours, theirs):
    return "\n".join("%r\n    done:   %r\n    logged: %r" % (k, ours.get(k), theirs.get(k))
                     for k in sorted(set(ours) | set(theirs)) if ours.get(k) != theirs.get(k))


@pytest.mark.cairn_only
@pytest.mark.parametrize("waiters,scarce", [(0, False), (3, False), (2, True)])
@pytest.mark.parametrize("seed", range(SEEDS))
def test_the_log_makes_the_same_data(start, seed, waiters, scarce):
    first = start()
    second = start({"hash-max-listpack-entries": 3, "zset-max-listpack-entries": 3, "set-max-intset-entries": 2,
                    "set-max-listpack-entries": 3, "list-max-listpack-size": 3, "stream-node-max-entries": 5})
    g = Generator(seed * 2 + 1000 + waiters, newer=True, chance=True)
    g.server = first
    done, wire, played = [], b"", 0
    with first.conn() as conn, first.conn() as other, first.conn() as admin, second.conn() as replica:
        assert not conn.call("DEBUG", "EFFECTS", "START").is_error
        replica.call("DEBUG", "SET-ACTIVE-EXPIRE", "0")
        waiting = Waiters(first, waiters) if waiters else None
        for _ in range(max(1, OPS // 250)):
            done.clear()
            for _ in range(250):
                if waiting and g.rng.random() < 0.1:
                    waiting.send(g)
                words = g.command()
                if g.rng.random() < 0.05:
                    words = [g.one(b"MULTI", b"EXEC", b"EXEC", b"DISCARD")]
                if words[0] == b"CONFIG" and words[2] == b"hll-sparse-max-bytes":   # the bytes of a HyperLogLog can be read as a string
                    continue
                done.append(words)
                g.one(conn, conn, other).call(*words)
                copy_by_payload(g, admin, done)
                if scarce and g.rng.random() < 0.02:
                    limit_memory(g, admin)
            for c in (conn, other):
                c.call("DISCARD")
            conn.call("CONFIG", "SET", "maxmemory", "0")
            time.sleep(0.15)        # what has a short time to live goes
            here = families.contents(conn)
            wire += conn.call("DEBUG", "EFFECTS", "READ").value
            log = commands(wire)
            log, played = log[played:], len(log)
            play(replica, log)
            there = families.contents(replica)
            text = "\n".join(" ".join(repr(w)[1:] for w in ws) for ws in done)
            logged = "\n".join("%s %s" % (db, " ".join(repr(w)[1:] for w in ws)) for db, ws in log)
            assert here == there, "%s\ndone:\n%s\nlog:\n%s" % (difference(here, there), text, logged)
            digests = [c.call("DEBUG", "DIGEST") for c in (conn, replica)]
            assert digests[0] == digests[1], "the digests differ\ndone:\n%s\nlog:\n%s" % (text, logged)
        if waiting:
            waiting.close()


@pytest.mark.cairn_only
@pytest.mark.parametrize("seed", range(SEEDS))
def test_the_file_makes_the_same_data(start, seed):
    """The same with the append-only file, which is read when the short times in it are long over."""
    server = start({"appendonly": "yes", "appendfsync": "no", "auto-aof-rewrite-percentage": "0", "aof-use-rdb-preamble": seed % 2 and "yes" or "no"})
    g = Generator(seed + 2000, newer=True, chance=True)
    g.server = server
    with server.conn() as conn, server.conn() as other, server.conn() as admin:
        waiting = Waiters(server, 2)
        for _ in range(max(1, OPS // 500)):
            done = []
            for _ in range(500):
                if g.rng.random() < 0.1:
                    waiting.send(g)
                done.append([g.one(b"MULTI", b"EXEC", b"EXEC", b"DISCARD")] if g.rng.random() < 0.05 else g.command())
                g.one(conn, conn, other).call(*done[-1])
                copy_by_payload(g, admin, done, expiring=True)
            for c in (conn, other):
                c.call("DISCARD")
            time.sleep(0.15)
            before, digest = families.contents(admin), admin.call("DEBUG", "DIGEST")
            assert not admin.call("DEBUG", "LOADAOF").is_error
            after = families.contents(admin)
            text = "\n".join(" ".join(repr(w)[1:] for w in words) for words in done)
            assert before == after, "%s\ndone:\n%s" % (difference(before, after).replace("logged:", "loaded:"), text)
            assert digest == admin.call("DEBUG", "DIGEST"), text
            if g.rng.random() < 0.5:
                admin.call("BGREWRITEAOF")
                wait_for("the rewriting", lambda: info(admin, "persistence")["aof_rewrite_in_progress"] == "0", 20)
        waiting.close()
