r"""The little language in which most wire tests are written: commands that run against both servers.

A text holds several scripts; each begins with a line `# name`, optionally followed by settings:

    # set with expiry  [needs=lpush proto=2]

`needs=a,b` skips the script while the server under test does not know the commands; `newer` runs it nowhere but on
servers that are newer than the oracle; `proto=` limits it to one protocol. Then one command a line, written as in
redis-cli (quotes, \x00 escapes). What the server answers is compared with the oracle's answer byte for byte.

    {a|b|c}        alternatives: the line stands for all combinations. {|NX|XX} has an empty alternative.
    {NUM}          a named list of alternatives (see LISTS)
    <s+100>        the time of the start of the test plus 100 seconds; <ms-5> the same in milliseconds
    before: CMD    runs before each following line (to build a state), until `clear:`
    after: CMD     runs, compared, after each following line, until `clear:`
    sleep: MS
    close: b       closes connection b
    read: b        reads one more reply (or push) from connection b
    closed: b      connection b must be closed by the server

Marks before a command, in any number:

    b:             use connection b (any single letter; `a` is the usual one)
    ~100           integers may differ by 100 (negative ones may not)
    %              elements may come in any order
    .              not compared, only run
    -> text        after the command: the expected reply, for behaviour that the oracle does not have
"""
import itertools
import re
import time

import differences
from resp import Disconnected, Reply

LLONG_MAX = 2**63 - 1
LLONG_MIN = -2**63

LISTS = {
    # Texts that a number parser can get wrong, valid or not.
    "NUM": ["0", "-0", "1", "-1", "+1", "01", "00", '" 1"', '"1 "', '""', "1e3", "1.0", "0x10", "abc", "nan", "inf",
            "2147483647", "2147483648", "-2147483648", "-2147483649", "4294967295", "4294967296",
            "9223372036854775807", "9223372036854775808", "-9223372036854775808", "-9223372036854775809",
            "18446744073709551615", "18446744073709551616", "99999999999999999999999999", '"1\\x002"', '"\\n1"', "-",
            "+", "--1"],
    "FLOAT": ["0", "-0", "1", "-1.5", "+2", "3.0", "0.1", "1e3", "1.5e-5", "1e17", "1e22", "5e-324", "1.7e308", "inf",
              "-inf", "+inf", "infinity", "nan", "-nan", "NaN", '""', '" 1"', '"1 "', "abc", "1abc", "0x10", "0x1p3",
              "1e400", "1e5000", "-1e5000", ".5", "5.", "1e", "1,5", "--1", '"1\\x00"', "3.141592653589793238462643",
              "9223372036854775807", "-9223372036854775808", "123456789012345678901234567890"],
    "BYTES": ['""', '"\\x00"', '"\\r\\n"', '"a\\x00b"', '"\\xff\\xfe\\x80"', '" "', "'\"'", '"*3\\r\\n$3\\r\\n"', "{x}",
              '"%s%n"', "\u00e9\u4e2d"],
}

# The same for times to live: one millisecond would be over before it is looked at.
LISTS["TIME"] = ["90000" if text == "1" else text for text in LISTS["NUM"]]


class Step:
    __slots__ = ("kind", "conn", "args", "tolerance", "unordered", "compare", "line", "expected")

    def __init__(self, kind, line, conn="a", args=(), tolerance=0, unordered=False, compare=True, expected=None):
        self.kind, self.line, self.conn, self.args = kind, line, conn, args
        self.tolerance, self.unordered, self.compare, self.expected = tolerance, unordered, compare, expected


class Script:
    def __init__(self, name, settings):
        self.name = name
        self.needs = [n for n in settings.get("needs", "").split(",") if n]
        self.newer = "newer" in settings
        self.proto = int(settings["proto"]) if "proto" in settings else None
        self.lines = []


_ESCAPES = {"n": b"\n", "r": b"\r", "t": b"\t", "b": b"\b", "a": b"\a"}


def split_args(line):
    """Splits a command line into arguments by redis-cli's rules of quoting."""
    args, i, n = [], 0, len(line)
    while True:
        while i < n and line[i].isspace():
            i += 1
        if i >= n:
            return args
        current = bytearray()
        while i < n and not line[i].isspace():
            char = line[i]
            if char == '"':
                i += 1
                while line[i] != '"':
                    if line[i] == "\\":
                        i += 1
                        if line[i] == "x":
                            current.append(int(line[i + 1:i + 3], 16))
                            i += 2
                        else:
                            current += _ESCAPES.get(line[i], line[i].encode())
                    else:
                        current += line[i].encode()
                    i += 1
                i += 1
            elif char == "'":
                end = line.index("'", i + 1)
                current += line[i + 1:end].encode()
                i = end + 1
            else:
                current += char.encode()
                i += 1
        args.append(bytes(current))


def _expand(line):
    """All lines that the {a|b} and {NAME} groups of a line stand for."""
    parts, choices, last = [], [], 0
    for match in re.finditer(r"\{([^{}]*\|[^{}]*|[A-Z]+)\}", line):
        body = match.group(1)
        if "|" not in body and body not in LISTS:
            continue
        parts.append(line[last:match.start()])
        choices.append(LISTS[body] if body in LISTS else body.split("|"))
        last = match.end()
    parts.append(line[last:])
    for combination in itertools.product(*choices):
        yield "".join(a + b for a, b in itertools.zip_longest(parts, combination, fillvalue=""))


def parse(text):
    """The scripts of a text."""
    scripts = []
    for raw in text.splitlines():
        line = raw.strip()
        if not line or line.startswith("//"):
            continue
        if line.startswith("# "):
            match = re.match(r"# ([^\[]*?)\s*(?:\[(.*)\])?$", line)
            settings = {}
            for word in (match.group(2) or "").split():
                key, _, value = word.partition("=")
                settings[key] = value
            scripts.append(Script(match.group(1), settings))
        else:
            scripts[-1].lines.append(line)
    names = [s.name for s in scripts]
    assert len(names) == len(set(names)), "two scripts of one name"
    return scripts


def _times(line, now_ms):
    def value(match):
        unit, offset = match.group(1), int(match.group(2) or 0)
        return str((now_ms // 1000 if unit == "s" else now_ms) + offset)
    return re.sub(r"<(s|ms)([+-]\d+)?>", value, line)


def _parse_step(line):
    expected = None
    if " -> " in line:
        line, _, expected = line.rpartition(" -> ")
    step = Step("command", line, expected=expected)
    rest = line
    while True:
        match = re.match(r"(?:([a-z]):\s+|~(\d+)\s+|([%.])\s+)", rest)
        if not match:
            break
        if match.group(1):
            step.conn = match.group(1)
        elif match.group(2):
            step.tolerance = int(match.group(2))
        elif match.group(3) == "%":
            step.unordered = True
        else:
            step.compare = False
        rest = rest[match.end():]
    step.args = split_args(rest)
    return step


def steps(script, now_ms=None):
    """The steps of a script, with alternatives expanded."""
    now_ms = int(time.time() * 1000) if now_ms is None else now_ms
    before, after = [], []
    for line in script.lines:
        word, _, rest = line.partition(":")
        rest = rest.strip()
        if word in ("sleep", "close", "read", "closed"):
            yield Step(word, line, conn=rest if word != "sleep" else "a", args=rest)
        elif word == "clear":
            before, after = [], []
        elif word in ("before", "after"):
            (before if word == "before" else after).append(_parse_step(_times(rest, now_ms)))
        else:
            for single in _expand(line):
                yield from before
                yield _parse_step(_times(single, now_ms))
                yield from after


def _sorted(reply):
    return Reply(reply.kind, sorted(reply.value, key=repr), reply.attributes) if isinstance(reply.value, list) else reply


def close_enough(a, b, tolerance):
    if a.kind != b.kind:
        return False
    if a.kind == ":":
        return a.value == b.value if min(a.value, b.value) < 0 else abs(a.value - b.value) <= tolerance
    if isinstance(a.value, list):
        return len(a.value) == len(b.value) and all(close_enough(x, y, tolerance) for x, y in zip(a.value, b.value))
    return a == b


class Mismatch(AssertionError):
    pass


def _first_difference(ours, theirs, path="reply"):
    """Where two replies first differ, for those too long to be compared by eye."""
    if isinstance(ours.value, list) and isinstance(theirs.value, list) and ours.kind == theirs.kind:
        for i, (a, b) in enumerate(zip(ours.value, theirs.value)):
            if a != b:
                return _first_difference(a, b, "%s[%d]" % (path, i))
        return "%s has %d elements, not %d" % (path, len(ours.value), len(theirs.value))
    return "%s: %r, not %r" % (path, ours, theirs)


class Comparison:
    """Runs steps against two servers over one set of named connections each, and collects what differs."""

    LIMIT = 12      # differing replies that are shown before the rest is not run

    def __init__(self, pair, proto):
        self.pair, self.proto = pair, proto
        self.conns = {}
        self.mismatches = []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for both in self.conns.values():
            for conn in both:
                conn.close()

    def _both(self, name):
        if name not in self.conns:
            self.conns[name] = [server.conn(self.proto) for server in (self.pair.ours, self.pair.oracle)]
        return self.conns[name]

    @staticmethod
    def _ask(conn, step):
        try:
            if step.kind == "command":
                return conn.call(*step.args), conn.raw
            if step.kind == "read":
                return conn.read(), conn.raw
            return Reply("closed", conn.closed()), b""
        except (Disconnected, ConnectionError, BrokenPipeError):
            return Reply("closed", True), b""
        except TimeoutError:
            return Reply("no reply", True), b""

    def step(self, step):
        if step.kind == "sleep":
            time.sleep(float(step.args) / 1000)
            return
        conns = self._both(step.conn)
        if step.kind == "close":
            for conn in self.conns.pop(step.conn):
                conn.close()
            return
        if step.expected is not None:
            ours, _ = self._ask(conns[0], step)
            if repr(ours) != step.expected:
                self.mismatches.append("%s\n    ours:     %r\n    expected: %s" % (step.line, ours, step.expected))
            return
        ours, raw_ours = self._ask(conns[0], step)
        theirs, raw_theirs = self._ask(conns[1], step)
        if not step.compare or (raw_ours == raw_theirs and ours == theirs):
            return
        if step.unordered and _sorted(ours) == _sorted(theirs):
            return
        if step.tolerance and close_enough(ours, theirs, step.tolerance):
            return
        if differences.intended(step.args, ours, theirs):
            return
        text = "%s\n    ours:   %r\n    oracle: %r" % (step.line, ours, theirs)
        if len(text) > 500:
            text = "%s\n    %s" % (step.line[:300], _first_difference(ours, theirs))
        self.mismatches.append(text)

    def run(self, script):
        for step in steps(script):
            self.step(step)
            if len(self.mismatches) >= self.LIMIT:
                self.mismatches.append("... and no further, after %d" % self.LIMIT)
                break
        self.check()

    def check(self):
        if self.mismatches:
            raise Mismatch("%d replies differ\n\n%s" % (len(self.mismatches), "\n".join(self.mismatches)))
