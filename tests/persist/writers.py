"""Writers that load a server, and the record of what it acknowledged.

Each writer has keys of its own and one connection. Its steps 0, 1, 2, ... go round the kinds of STEPS, so that the
number of steps that a server has done says what all keys of the writer hold. Besides, the transactions of all writers
share a counter and a list: they tell the order in which the server ran them. After a restart the server's data must be
what each writer's first m steps make, with m not below what was acknowledged (as far as the mode promises), and the
shared list must be one that the order of transactions allows.
"""
import random
import socket
import threading
import time

from resp import Conn, Disconnected, encode

BATCH_MAX = 12
FIELD_BYTES = 20


def increment(w, i):
    return [("INCR", "n:%d" % w)]


def push(w, i):
    return [("RPUSH", "l:%d" % w, i)]


def field(w, i):
    return [("HSET", "h:%d" % w, i, "x" * FIELD_BYTES)]


def overwrite(w, i):
    return [("SET", "s:%d" % w, "%d:%s" % (i, "y" * (i % 300)))]


def transaction(w, i):
    return [("MULTI",), ("INCR", "t:count"), ("RPUSH", "t:list", "%d:%d" % (w, i)), ("SET", "t:%d" % w, i),
            ("ZADD", "z:%d" % w, i, i), ("EXEC",)]


STEPS = (increment, push, field, overwrite, transaction)


class Writer(threading.Thread):
    """Goes on from step `first` until the connection breaks. `sent` steps were sent, `acked` holds (time, steps)."""

    def __init__(self, address, number, first, seed):
        super().__init__(daemon=True)
        self.address, self.number, self.first, self.sent = address, number, first, first
        self.random = random.Random(seed)
        self.acked = [(0.0, first)]
        self.failure = None
        self.stopping = False

    def run(self):
        try:
            with Conn(self.address) as conn:
                done = self.first
                while not self.stopping:
                    count = self.random.randint(1, BATCH_MAX)
                    commands = [STEPS[i % len(STEPS)](self.number, i) for i in range(done, done + count)]
                    self.sent = done + count
                    conn.send_raw(b"".join(encode(*c) for step in commands for c in step))
                    for step in commands:
                        replies = [conn.read() for _ in step]
                        bad = [r for r in replies if r.is_error]
                        if bad:
                            self.failure = "step %d: %s" % (done, bad[0].text)
                            return
                        done += 1
                        self.acked.append((time.monotonic(), done))
        except (OSError, Disconnected, socket.timeout):
            pass

    def acked_before(self, moment):
        """Steps that were acknowledged at that time."""
        return max(steps for when, steps in self.acked if when <= moment)


def counts(m):
    """How many of each kind the first m steps hold."""
    return [m // len(STEPS) + (kind < m % len(STEPS)) for kind in range(len(STEPS))]


def last_of(m, kind):
    """The last step of a kind among the first m; None: there was none."""
    n = counts(m)[kind]
    return None if n == 0 else (n - 1) * len(STEPS) + kind


def text(reply):
    return None if reply.value is None else reply.text


def steps_done(conn, w):
    """m of a writer, and that all its keys are what m steps make."""
    n, length, fields, s, t, z = conn.many([
        ("GET", "n:%d" % w), ("LRANGE", "l:%d" % w, 0, -1), ("HKEYS", "h:%d" % w), ("GET", "s:%d" % w),
        ("GET", "t:%d" % w), ("ZRANGE", "z:%d" % w, 0, -1)])
    have = [int(text(n) or 0), len(length.value), len(fields.value), None, len(z.value)]
    last_s = None if s.value is None else int(s.text.split(":")[0])
    have[3] = 0 if last_s is None else last_s // len(STEPS) + 1
    m = sum(have)
    assert counts(m) == have, "writer %d: no prefix of its steps: %s" % (w, have)
    for kind, values in ((1, length.value), (2, fields.value), (4, z.value)):
        expected = {str(i) for i in range(kind, m, len(STEPS))}
        assert {v.text for v in values} == expected, "writer %d: kind %d" % (w, kind)
    if last_s is not None:
        assert s.text == overwrite(w, last_s)[0][2] and last_s == last_of(m, 3)
    last_t = last_of(m, 4)
    assert text(t) == (None if last_t is None else str(last_t)), "writer %d: half a transaction" % w
    return m


def check_transactions(conn, done):
    """The shared counter and list hold the transactions of the steps done, and no other; each writer's in order."""
    count, listed = conn.many([("GET", "t:count"), ("LRANGE", "t:list", 0, -1)])
    listed = [tuple(map(int, v.text.split(":"))) for v in listed.value]
    assert int(text(count) or 0) == len(listed), "half a transaction: count %s, list %d" % (text(count), len(listed))
    for w, m in enumerate(done):
        assert [i for who, i in listed if who == w] == list(range(4, m, len(STEPS))), "transactions of writer %d" % w
