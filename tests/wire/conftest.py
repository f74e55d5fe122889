"""Fixtures of the wire tests. `pair` is the usual one: the server under test and the oracle, both long-running."""
import os
import re
import socket

import pytest

import harness
from harness import Server, info
from resp import Disconnected
from script import Comparison

socket.setdefaulttimeout(60 * harness.SLOW)     # a test that waits for ever is worse than one that fails


def pytest_configure(config):
    config.addinivalue_line("markers", "cairn_only: behaviour newer than the oracle; skipped when it is under test")
    config.addinivalue_line("markers", "needs(*commands): skipped while the server under test lacks a command")
    config.addinivalue_line("markers", "slow: takes more than a second or two")


class Pair:
    """The two servers that a session compares. A server that died is replaced, so that one crash fails one test."""

    def __init__(self):
        self.ours = Server(harness.ours_path())
        self.oracle = Server(harness.oracle_path())
        self._identify()

    def _identify(self):
        with self.ours.conn() as conn:
            fields = info(conn, "server")
            self.is_oracle = "cairn_version" not in fields and fields.get("server_name") != "cairn"
            listed = conn.call("COMMAND")
            self.commands = {c.value[0].text for c in listed.value} if isinstance(listed.value, list) else set()

    def both(self, proto=2):
        """A connection to each: (ours, oracle)."""
        return self.ours.conn(proto), self.oracle.conn(proto)

    def compare(self, proto=2):
        return Comparison(self, proto)

    def knows(self, command):
        """Whether the server under test has a command ('client|no-touch' names a subcommand)."""
        if "|" not in command:
            return command.lower() in self.commands
        with self.ours.conn() as conn:
            reply = conn.call("COMMAND", "INFO", command.lower())
            return isinstance(reply.value, list) and bool(reply.value) and isinstance(reply.value[0].value, list)

    def clean(self):
        for server in (self.ours, self.oracle):
            if not server.alive():
                server.start()
            with server.conn() as conn:
                conn.many([("CLIENT", "UNPAUSE"), ("FLUSHALL",), ("CONFIG", "RESETSTAT")])


@pytest.fixture(scope="session")
def session_pair():
    for path in (harness.ours_path(), harness.oracle_path()):
        if not os.access(path, os.X_OK):
            pytest.exit("cannot run %s: build it with make, or set CAIRN_SERVER / CAIRN_WIRE_ORACLE" % path, 2)
    pair = Pair()
    yield pair
    pair.ours.cleanup()
    pair.oracle.cleanup()


def _fail_on_fatal(item_name, server):
    lines = server.fatal_output()
    died = "" if server.alive() else "the server exited with %s\n" % server.process.returncode
    if lines or died:
        pytest.fail("%s: %s%s\n--- log ---\n%s" % (item_name, died, "\n".join(lines), server.tail(80)), pytrace=False)


@pytest.fixture
def pair(session_pair, request):
    session_pair.clean()
    _skip_unless(request, session_pair)
    yield session_pair
    _fail_on_fatal(request.node.name, session_pair.ours)


def _skip_unless(request, pair):
    if request.node.get_closest_marker("cairn_only") and pair.is_oracle:
        pytest.skip("newer than the oracle")
    for marker in request.node.iter_markers("needs"):
        for command in marker.args:
            if not pair.knows(command):
                pytest.skip("needs " + command.upper())


@pytest.fixture
def ours(pair):
    """A RESP2 connection to the server under test."""
    with pair.ours.conn() as conn:
        yield conn


@pytest.fixture
def ours3(pair):
    with pair.ours.conn(3) as conn:
        yield conn


@pytest.fixture(params=[2, 3], ids=["resp2", "resp3"])
def proto(request):
    return request.param


@pytest.fixture
def start(request, session_pair):
    """start(config, args, ...): a fresh server under test; `oracle=True` starts the oracle instead."""
    started = []
    _skip_unless(request, session_pair)

    def go(config=None, oracle=False, **kwargs):
        server = Server(harness.oracle_path() if oracle else harness.ours_path(), config, wait=False, **kwargs)
        started.append((server, oracle))
        server.start()
        return server

    yield go
    problems = []
    for server, oracle in started:
        server.stop()
        if not oracle:
            problems += server.fatal_output()
        if not oracle and (request.node.rep_call.failed if hasattr(request.node, "rep_call") else False):
            print("--- log of the server under test ---\n" + server.tail())
        server.cleanup()
    if problems:
        pytest.fail("\n".join(problems), pytrace=False)


@pytest.hookimpl(tryfirst=True, hookwrapper=True)
def pytest_runtest_makereport(item, call):
    outcome = yield
    report = outcome.get_result()
    setattr(item, "rep_" + report.when, report)
    if report.when == "call" and report.failed and "session_pair" in item.fixturenames:
        pair = item.funcargs.get("session_pair")
        if pair is not None:
            report.sections.append(("log of the server under test", pair.ours.tail()))


def pytest_generate_tests(metafunc):
    """A test that takes `script` runs once for each script of its module's SCRIPTS and each protocol."""
    if "script" in metafunc.fixturenames:
        from script import parse
        cases = []
        for script in parse(metafunc.module.SCRIPTS):
            for proto in ([script.proto] if script.proto else [2, 3]):
                marks = [pytest.mark.needs(*script.needs)] if script.needs else []
                if script.newer:
                    marks.append(pytest.mark.cairn_only)
                name = re.sub(r"[^\w]+", "-", script.name)
                cases.append(pytest.param(script, proto, id="%s-resp%d" % (name, proto), marks=marks))
        metafunc.parametrize("script,script_proto", cases)
