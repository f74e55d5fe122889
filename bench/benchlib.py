"""What the scripts of bench/ share: two servers under one configuration, a RESP client, loading, and CPU time.

A Server is started with a configuration that both sides understand, pinned to one core, in a folder of its own that is
removed at the end. Its CPU time is what the scheduler charged to all of its threads (schedstat, nanoseconds); forked
children are not counted and none is made (save "").
"""
import argparse
import atexit
import os
import resource
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
OURS = os.path.join(ROOT, "build", "cairn-server")
PEER = "/usr/bin/redis-server"
PAGE = os.sysconf("SC_PAGE_SIZE")
START_SECONDS_MAX = 10
LOAD_BATCH = 500  # replies of one batch must fit the socket buffers: the loader reads them one batch later


class BenchError(Exception):
    """A reason to stop that the user can act on; main() prints it without a traceback."""


class ReplyError(Exception):
    """An error reply."""


class Connection:
    """A blocking RESP2 client: call() for one command, send()/read() for a pipeline."""

    def __init__(self, port, timeout=60):
        self.sock = socket.create_connection(("127.0.0.1", port), timeout=timeout)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.file = self.sock.makefile("rb", 1 << 16)

    def close(self):
        self.file.close()
        self.sock.close()

    def call(self, *args):
        self.sock.sendall(encode(*args))
        return self.read()

    def read(self):
        line = self.file.readline()
        if not line.endswith(b"\r\n"):
            raise BenchError("the server closed the connection")
        kind, rest = line[:1], line[1:-2]
        if kind == b"+":
            return rest.decode()
        if kind == b"-":
            raise ReplyError(rest.decode())
        if kind == b":":
            return int(rest)
        if kind == b"$":
            if rest == b"-1":
                return None
            return self.file.read(int(rest) + 2)[:-2]
        if kind == b"*":
            return None if rest == b"-1" else [self.read() for _ in range(int(rest))]
        raise BenchError("unexpected reply: %r" % line)


def encode(*args):
    """One command as RESP."""
    parts = [b"*%d\r\n" % len(args)]
    for arg in args:
        arg = arg if isinstance(arg, bytes) else str(arg).encode()
        parts.append(b"$%d\r\n%s\r\n" % (len(arg), arg))
    return b"".join(parts)


def load(port, commands, total, lines=1):
    """Sends an iterable of encoded commands, pipelined; every reply must have so many lines and be no error."""
    with socket.create_connection(("127.0.0.1", port), timeout=120) as sock:
        sent = received = 0
        batch = []

        def receive(until):
            nonlocal received
            while received < until:
                data = sock.recv(1 << 16)
                if not data:
                    raise BenchError("the server closed the connection while data was loaded")
                if data.startswith(b"-") or b"\n-" in data:
                    raise BenchError("error reply while data was loaded: %r" % data[data.index(b"-"):][:200])
                received += data.count(b"\n")

        for command in commands:
            batch.append(command)
            if len(batch) == LOAD_BATCH:
                sock.sendall(b"".join(batch))
                receive(sent * lines)
                sent += len(batch)
                batch = []
        if batch:
            sock.sendall(b"".join(batch))
            sent += len(batch)
        receive(sent * lines)
    if sent != total:
        raise BenchError("%d commands were loaded, not %d" % (sent, total))


def set_commands(key_format, count, value):
    """SETs of keys key_format % 0 .. count-1 with one value."""
    head = b"*3\r\n$3\r\nSET\r\n$%d\r\n%s\r\n$%d\r\n" % (len(key_format % 0), key_format, len(value))
    tail = value + b"\r\n"
    return (head % i + tail for i in range(count))


class Server:
    """One running server. `name` is the role in the tables: 'redis' or 'cairn'."""

    def __init__(self, name, program, port=0, core=None, config=(), args=(), wrapper=()):
        if shutil.which(program) is None:
            hint = "apt-get install redis-server" if program == PEER else "run make"
            raise BenchError("%s is not there: %s" % (os.path.relpath(program, ROOT), hint))
        self.name = name
        self.program = program
        self.port = port or free_port()
        if port and not port_is_free(port):
            raise BenchError("port %d is in use" % port)
        self.dir = tempfile.mkdtemp(prefix="cairn-bench-")
        self.config = ["bind 127.0.0.1", "port %d" % self.port, "dir %s" % self.dir, 'save ""', "appendonly no",
                       "daemonize no", "enable-debug-command local", "loglevel notice", "logfile %s/log" % self.dir, *config]
        conf = os.path.join(self.dir, "bench.conf")
        with open(conf, "w", encoding="ascii") as out:
            out.write("\n".join(self.config) + "\n")

        def pin():
            if core is not None:
                os.sched_setaffinity(0, {core})
            hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))

        with open(os.path.join(self.dir, "stdout"), "wb") as out:
            self.process = subprocess.Popen([*wrapper, program, conf, *args], stdin=subprocess.DEVNULL, stdout=out,
                                            stderr=subprocess.STDOUT, preexec_fn=pin)  # pylint: disable=W1509
        self.pid = self.process.pid
        atexit.register(self.stop)
        self.control = self.wait_until_up(START_SECONDS_MAX * (10 if wrapper else 1))

    def wait_until_up(self, seconds):
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                break
            try:
                connection = Connection(self.port)
            except OSError:
                time.sleep(0.02)
                continue
            try:
                if connection.call("PING") == "PONG":
                    return connection
            except (ReplyError, BenchError, OSError):
                pass
            connection.close()
            time.sleep(0.02)
        said = self.log_tail()
        self.stop()
        raise BenchError("%s does not answer. Its last lines:\n%s" % (os.path.basename(self.program), said))

    def log_tail(self):
        lines = []
        for name in ("stdout", "log"):
            path = os.path.join(self.dir, name)
            if os.path.exists(path):
                with open(path, encoding="utf-8", errors="replace") as log:
                    lines += log.read().splitlines()[-15:]
        return "\n".join("    " + line for line in lines)

    def stop(self):
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        shutil.rmtree(self.dir, ignore_errors=True)
        atexit.unregister(self.stop)

    def call(self, *args):
        try:
            return self.control.call(*args)
        except OSError as err:
            raise BenchError("%s: %s\n%s" % (self.name, err, self.log_tail())) from err

    def info(self, *sections):
        """INFO as a dictionary of strings."""
        text = self.call("INFO", *sections).decode()
        return dict(line.split(":", 1) for line in text.splitlines() if ":" in line and not line.startswith("#"))

    def has_command(self, name):
        reply = self.call("COMMAND", "INFO", name)
        return bool(reply) and reply[0] is not None

    def cpu_ns(self):
        """On-CPU time and time spent waiting for a core of all threads, in nanoseconds."""
        on_cpu = waited = 0
        for task in os.listdir("/proc/%d/task" % self.pid):
            try:
                with open("/proc/%d/task/%s/schedstat" % (self.pid, task), encoding="ascii") as stat:
                    fields = stat.read().split()
            except FileNotFoundError:  # a thread that ended meanwhile
                continue
            on_cpu += int(fields[0])
            waited += int(fields[1])
        return on_cpu, waited

    def rss_bytes(self):
        with open("/proc/%d/statm" % self.pid, encoding="ascii") as statm:
            return int(statm.read().split()[1]) * PAGE

    def settled_memory(self, seconds=5):
        """used_memory and RSS once used_memory stands still (tables move, buffers shrink), or after `seconds`."""
        last, still = -1, 0
        deadline = time.monotonic() + seconds
        while still < 3 and time.monotonic() < deadline:
            now = int(self.info("memory")["used_memory"])
            still = still + 1 if abs(now - last) <= 4096 else 0
            last = now
            time.sleep(0.15)
        return last, self.rss_bytes()

    def describe(self):
        """What the server says of itself, for the heading of the results."""
        fields = self.info()
        if "cairn_version" in fields:
            title = "cairn-server " + fields["cairn_version"]
        else:
            title = "redis-server " + fields.get("redis_version", "?")
        return {"title": title, "allocator": fields.get("mem_allocator", "?"),
                "poll": fields.get("multiplexing_api", "?")}

    def uses_uring(self):
        return "uring" in self.describe()["poll"].lower()


def free_port():
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


def port_is_free(port):
    with socket.socket() as sock:
        return sock.connect_ex(("127.0.0.1", port)) != 0


def pin_self(core):
    """This process, and the load generators it starts, stay on the client's core."""
    os.sched_setaffinity(0, {core})


def raise_open_files(wanted):
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    if hard != resource.RLIM_INFINITY and hard < wanted:
        raise BenchError("the limit of open files is %d, %d are needed (ulimit -Hn)" % (hard, wanted))


def common_options(parser):
    """Options that every script takes."""
    parser.add_argument("--server", default=os.environ.get("SERVER", OURS),
                        help="our side (default: build/cairn-server, or the environment's SERVER)")
    parser.add_argument("--server-args", default="", help="more arguments for our side, e.g. '--io-backend io_uring'")
    parser.add_argument("--peer", default=PEER, help="the server to compare with (default: %(default)s)")
    parser.add_argument("--port", type=int, default=0, help="first of two ports to use (default: any that are free)")
    parser.add_argument("--server-core", type=int, default=default_cores()[0], metavar="N")
    parser.add_argument("--client-core", type=int, default=default_cores()[1], metavar="N")
    return parser


def default_cores():
    cores = sorted(os.sched_getaffinity(0))
    return cores[0], cores[1 if len(cores) > 1 else 0]


def start_pair(options, config=()):
    """The peer and our side, under the same configuration: [redis, cairn]."""
    return [start_one(options, name, config) for name in ("redis", "cairn")]


def start_one(options, name, config=(), wrapper=()):
    ours = name == "cairn"
    return Server(name, options.server if ours else options.peer, options.port and options.port + (1 if ours else 0),
                  options.server_core, config, options.server_args.split() if ours else (), wrapper)


def markdown_table(header, rows, right=()):
    """A Markdown table whose columns are also aligned as plain text. `right`: indexes of columns set to the right."""
    cells = [[str(c) for c in row] for row in [header, *rows]]
    widths = [max(len(row[i]) for row in cells) for i in range(len(header))]

    def line(row):
        return "| " + " | ".join(c.rjust(w) if i in right else c.ljust(w) for i, (c, w) in
                                 enumerate(zip(row, widths))) + " |"

    rule = "|" + "|".join("-" * (w + 1) + (":" if i in right else "-") for i, w in enumerate(widths)) + "|"
    return "\n".join([line(cells[0]), rule, *[line(row) for row in cells[1:]]])


def percentile(values, part):
    """The value below which `part` (0..1) of the values lie."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(part * len(ordered)))]


def parser_for(doc):
    return common_options(argparse.ArgumentParser(
        description=doc, formatter_class=argparse.RawDescriptionHelpFormatter))


def run_main(main):
    """Runs main(); ends with its status. SIGTERM is an exit, so that the servers are stopped."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        sys.exit(main())
    except BenchError as err:
        print("%s: %s" % (os.path.basename(sys.argv[0]), err), file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)
