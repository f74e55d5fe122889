"""Fixtures of the persistence rigs; servers and connections are those of tests/wire."""
import os
import sys

import pytest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "wire"))

import harness      # noqa: E402


def pytest_configure(config):
    config.addinivalue_line("markers", "needs_aof: skipped while the server keeps no append-only file")


@pytest.fixture(scope="session")
def amount():
    """How much of the long form is run: 1 in `make test`, 20 by `make nightly`."""
    return float(os.environ.get("CAIRN_PERSIST_AMOUNT", "1"))


@pytest.fixture(scope="session")
def seed():
    value = int(os.environ.get("CAIRN_PERSIST_SEED", "0")) or int.from_bytes(os.urandom(4), "little")
    print("seed: CAIRN_PERSIST_SEED=%d" % value)
    return value


@pytest.fixture
def server(tmp_path):
    """Starts servers in folders of the test's own: server(name, config)."""
    started = []

    def start(name, config=None, binary=None, wait=True):
        folder = tmp_path / name
        folder.mkdir(exist_ok=True)
        made = harness.Server(binary or harness.ours_path(), config, directory=str(folder), wait=wait)
        started.append(made)
        return made

    yield start
    fatal = []
    for one in started:
        fatal += one.fatal_output()
        one.cleanup()
    assert not fatal, fatal
