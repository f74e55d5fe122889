"""kill -9 under full write load: what was acknowledged is there after the restart."""
import os
import random
import signal
import subprocess
import time

import pytest

import harness
from harness import info
from writers import Writer, check_transactions, steps_done

WRITERS = 4
KILL_AFTER_S = (0.05, 0.7)
EVERYSEC_LOSS_S = 1.0
OUR_FOLDER = os.path.dirname(harness.ours_path())
CHECK_AOF = os.path.join(OUR_FOLDER, "cairn-check-aof")


def skip_without_aof(start):
    probe = start("probe", {"appendonly": "yes"})
    if not os.path.isdir(os.path.join(probe.directory, "appendonlydir")):
        pytest.skip("no append-only file in this server yet")


def start_again(server):
    """Returns when the data is loaded."""
    server.start()
    with server.conn() as conn:
        harness.wait_for("the load", lambda: info(conn, "persistence")["loading"] == "0", 60)


def disturb(server, rng):
    """Now and then a rewrite or a snapshot is under way when the server dies."""
    command = rng.choice([None, None, "BGREWRITEAOF", "BGSAVE"])
    if command is not None:
        with server.conn() as conn:
            conn.call(command)


def load_and_kill(server, rng, done):
    """One cycle: the writers, and the moment of the kill."""
    writers = [Writer(server.address, w, done[w], rng.random()) for w in range(WRITERS)]
    for writer in writers:
        writer.start()
    time.sleep(rng.uniform(*KILL_AFTER_S) * harness.SLOW / 2)
    disturb(server, rng)
    time.sleep(rng.uniform(*KILL_AFTER_S) * harness.SLOW / 2)
    killed = time.monotonic()
    server.signal(signal.SIGKILL)
    server.process.wait()
    for writer in writers:
        writer.stopping = True
        writer.join(20)
        assert not writer.failure, writer.failure
    return writers, killed


def verify(server, writers, killed, loss_s):
    """The steps of each writer that the restarted server has done."""
    with server.conn() as conn:
        done = [steps_done(conn, w) for w in range(WRITERS)]
        check_transactions(conn, done)
    for writer, m in zip(writers, done):
        promised = writer.acked_before(killed if loss_s == 0 else killed - loss_s)
        assert promised <= m <= writer.sent, "writer %d: %d acknowledged, %d sent, but %d there\n%s" % (
            writer.number, promised, writer.sent, m, server.tail())
    return done


def check_files(server):
    if os.path.exists(CHECK_AOF):
        manifest = os.path.join(server.directory, "appendonlydir", "appendonly.aof.manifest")
        ran = subprocess.run([CHECK_AOF, manifest], capture_output=True, text=True)
        assert ran.returncode == 0, ran.stdout


@pytest.mark.parametrize("policy,cycles", [("always", 6), ("everysec", 4)])
def test_kill_loop(policy, cycles, server, amount, seed):
    """20 times as many cycles by `make nightly`. everysec: kill -9 leaves the kernel what was written, so that what
    may be missing is what the server had not written yet."""
    skip_without_aof(server)
    rng = random.Random(seed)
    ours = server("data", {"appendonly": "yes", "appendfsync": policy})
    done, total = [0] * WRITERS, 0
    for _ in range(round(cycles * amount)):
        writers, killed = load_and_kill(ours, rng, done)
        start_again(ours)
        check_files(ours)
        done = verify(ours, writers, killed, 0 if policy == "always" else EVERYSEC_LOSS_S)
        total += sum(done)
        if sum(done) > 60000:
            with ours.conn() as conn:
                conn.call("FLUSHALL")
            done = [0] * WRITERS
    assert total > 0


def test_kill_during_snapshots(server, amount, seed):
    """Without an append-only file: what is there after a kill is a snapshot, whole, and the last one that SAVE
    acknowledged or a later one."""
    rng = random.Random(seed)
    ours = server("data")
    done = [0] * WRITERS
    for _ in range(round(6 * amount)):
        writers = [Writer(ours.address, w, done[w], rng.random()) for w in range(WRITERS)]
        for writer in writers:
            writer.start()
        with ours.conn() as conn:
            for _ in range(rng.randint(1, 4)):
                saved = [steps_done_now(w) for w in writers]
                assert conn.call("SAVE").text == "OK"
            conn.call("BGSAVE")
            time.sleep(rng.uniform(0, 0.05))
        ours.signal(signal.SIGKILL)
        ours.process.wait()
        for writer in writers:
            writer.join(20)
            assert not writer.failure, writer.failure
        start_again(ours)
        with ours.conn() as conn:
            done = [steps_done(conn, w) for w in range(WRITERS)]
            check_transactions(conn, done)
        for writer, m, before in zip(writers, done, saved):
            assert before <= m <= writer.sent
    assert sum(done) > 0


def steps_done_now(writer):
    return writer.acked[-1][1]
