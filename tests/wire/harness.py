"""Starts and stops servers for the wire tests: the one under test ("ours") and the oracle it is compared with.

Environment:
  CAIRN_SERVER        the server under test (default build/cairn-server of this checkout)
  CAIRN_WIRE_ORACLE   the oracle (default redis-server)
  CAIRN_WIRE_PORTS    "first-last": the ports to use (default 20000-31999, below those of outgoing connections)
  CAIRN_WIRE_SLOW     factor on every waiting time, for sanitizer builds and loaded machines (default 1)
"""
import os
import random
import shutil
import signal
import socket
import subprocess
import tempfile
import time

from resp import Conn, Disconnected

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SLOW = float(os.environ.get("CAIRN_WIRE_SLOW", "1"))

# Any of these in a server's output is a failure of the test that ran.
FATAL_OUTPUT = ("Sanitizer", "runtime error:", "BUG REPORT START", "ASSERTION FAILED")

DEFAULT_CONFIG = {
    "bind": "127.0.0.1",
    "save": '""',
    "logfile": '""',
    "enable-debug-command": "yes",
    "enable-protected-configs": "yes",
}


def ours_path():
    path = os.environ.get("CAIRN_SERVER", os.path.join(ROOT, "build", "cairn-server"))
    return os.path.abspath(shutil.which(path) or path)


def sanitized():
    """Whether the server under test was built with a sanitizer: its memory and its crashes are not as in a release."""
    try:
        with open(ours_path(), "rb") as f:
            data = f.read()
    except OSError:
        return False
    return b"__asan_init" in data or b"__tsan_init" in data


def oracle_path():
    name = os.environ.get("CAIRN_WIRE_ORACLE", "redis-server")
    return shutil.which(name) or name


def _is_free(port, family=socket.AF_INET, host="127.0.0.1"):
    with socket.socket(family) as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            s.bind((host, port))
            return True
        except OSError:
            return False


def free_port():
    """A port that nobody listens on. Each xdist worker has a part of the range for itself."""
    first, last = map(int, os.environ.get("CAIRN_WIRE_PORTS", "20000-31999").split("-"))
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0")[2:])
    part = (last - first + 1) // int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    ports = list(range(first + worker * part, first + (worker + 1) * part))
    random.shuffle(ports)
    for port in ports:
        if _is_free(port):
            return port
    raise RuntimeError("no free port")


def wait_for(what, condition, seconds=5.0, every=0.005):
    """Polls until condition() is true and returns its value; fails the test after the time."""
    deadline = time.monotonic() + seconds * SLOW
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError("not within %.1f s: %s" % (seconds * SLOW, what))
        time.sleep(every)


class StartFailed(Exception):
    """The server exited before it answered. `output` is what it printed, `code` its exit status."""

    def __init__(self, output, code):
        super().__init__("server exited with %s:\n%s" % (code, output))
        self.output = output
        self.code = code


class Server:
    """A server process with a directory of its own. Usable as a context manager.

    config: dict or text, added to DEFAULT_CONFIG (`None` as a value drops a line). args: further command line. stdin:
    text of a configuration read by `-`. files: name -> text, put in the directory beforehand. `bare` starts the
    binary with `args` alone, without a configuration file.
    """

    def __init__(self, binary, config=None, args=(), stdin=None, files=None, bare=False, port=None, wait=True,
                 directory=None):
        self.binary = binary
        self.args = list(args)
        self.stdin = stdin
        self.bare = bare
        self.process = None
        self.port = free_port() if port is None else port
        self.directory = directory or tempfile.mkdtemp(prefix="wire-")
        self.own_directory = directory is None
        self.config_path = os.path.join(self.directory, "redis.conf")
        self.output_path = os.path.join(self.directory, "output.log")
        self.scanned = 0
        for name, text in (files or {}).items():
            with open(os.path.join(self.directory, name), "w") as f:
                f.write(text)
        if not bare:
            with open(self.config_path, "w") as f:
                f.write(self._config_text(config))
        if wait:
            self.start()

    def _config_text(self, config):
        if isinstance(config, str):
            return "port %d\n%s" % (self.port, config)
        values = {**DEFAULT_CONFIG, "port": self.port, "dir": self.directory, **(config or {})}
        return "".join("%s %s\n" % (k, v) for k, v in values.items() if v is not None)

    @property
    def address(self):
        return ("127.0.0.1", self.port)

    @property
    def pid(self):
        return self.process.pid

    def launch(self):
        """Starts the process and returns at once."""
        command = [self.binary] + ([] if self.bare else [self.config_path]) + self.args
        with open(self.output_path, "ab") as output:
            self.process = subprocess.Popen(command, cwd=self.directory, stdout=output, stderr=subprocess.STDOUT,
                                            stdin=subprocess.PIPE if self.stdin is not None else subprocess.DEVNULL)
        if self.stdin is not None:
            self.process.stdin.write(self.stdin.encode())
            self.process.stdin.close()

    def start(self):
        self.launch()
        deadline = time.monotonic() + 20 * SLOW
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                raise StartFailed(self.output(), self.process.returncode)
            try:
                with Conn(self.address, timeout=2 * SLOW) as conn:
                    conn.send_raw(b"PING\r\n")
                    if conn.read().kind in "+-":
                        return
            except (OSError, Disconnected):
                time.sleep(0.01)
        raise StartFailed("no answer to PING\n" + self.output(), None)

    def conn(self, proto=2, timeout=20.0):
        return Conn(self.address, proto, timeout * SLOW)

    def output(self):
        try:
            with open(self.output_path, errors="backslashreplace") as f:
                return f.read()
        except FileNotFoundError:
            return ""

    def tail(self, lines=15):
        return "\n".join(line[:200] for line in self.output().splitlines()[-lines:])

    def fatal_output(self):
        """Lines since the last call that mean a crash or a sanitizer's finding."""
        text = self.output()
        new, self.scanned = text[self.scanned:], len(text)
        return [line for line in new.splitlines() if any(word in line for word in FATAL_OUTPUT)]

    def alive(self):
        return self.process is not None and self.process.poll() is None

    def wait_exit(self, seconds=10.0):
        return self.process.wait(seconds * SLOW)

    def signal(self, number):
        self.process.send_signal(number)

    def stop(self):
        """SIGTERM, then SIGKILL. Returns the exit status."""
        if self.alive():
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(10 * SLOW)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        return self.process.returncode if self.process else None

    def restart(self):
        self.stop()
        self.start()

    def cleanup(self):
        self.stop()
        if self.own_directory:
            shutil.rmtree(self.directory, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.cleanup()


def run_to_exit(binary, args=(), stdin=None, files=None, seconds=5.0):
    """Runs a server that is expected to refuse to start. Returns (exit status or None if it went on, output)."""
    server = Server(binary, args=args, stdin=stdin, files=files, bare=True, wait=False)
    try:
        server.launch()
        try:
            code = server.wait_exit(seconds)
        except subprocess.TimeoutExpired:
            code = None
        return code, server.output()
    finally:
        if server.alive():
            server.process.kill()
            server.process.wait()
        server.cleanup()


def info(conn, section="everything"):
    """INFO as a dict of strings."""
    fields = {}
    for line in conn.call("INFO", section).text.splitlines():
        if line and not line.startswith("#"):
            name, _, value = line.partition(":")
            fields[name] = value
    return fields


def rss_kb(pid):
    with open("/proc/%d/status" % pid) as f:
        return next(int(line.split()[1]) for line in f if line.startswith("VmRSS"))
