"""A RESP2/RESP3 client that keeps what ordinary clients throw away: the wire type of each reply, and its bytes.

A reply is a `Reply(kind, value)`. `kind` is the type byte of the wire ('+', '-', ':', '$', '*', '_', ',', '#', '(',
'!', '=', '%', '~', '>'); RESP2's two nulls are the kinds '$-1' and '*-1'. Aggregates hold Replies; a map holds a flat
list of keys and values in wire order. Attributes ('|') are put in `attributes` of the reply that follows them.
"""
import socket
import time


class Disconnected(Exception):
    """The server closed the connection where a reply was expected."""


class ProtocolError(Exception):
    """What the server sent is not RESP."""


class Reply:
    __slots__ = ("kind", "value", "attributes")

    def __init__(self, kind, value, attributes=None):
        self.kind = kind
        self.value = value
        self.attributes = attributes

    def __eq__(self, other):
        return isinstance(other, Reply) and (self.kind, self.value, self.attributes) == (
            other.kind, other.value, other.attributes)

    def __hash__(self):
        return hash((self.kind, repr(self.value)))

    def __repr__(self):
        if self.kind in ("$-1", "*-1", "_"):
            return {"$-1": "null-bulk", "*-1": "null-array", "_": "null"}[self.kind]
        if isinstance(self.value, list):
            text = "%s[%s]" % (self.kind, ", ".join(map(repr, self.value)))
        elif isinstance(self.value, bytes):
            shown = self.value if len(self.value) <= 400 else self.value[:400] + b"... (%d bytes)" % len(self.value)
            text = self.kind + repr(shown)[1:]
        else:
            text = self.kind + str(self.value)
        return "|%r %s" % (self.attributes, text) if self.attributes else text

    @property
    def is_error(self):
        return self.kind in "-!"

    @property
    def text(self):
        """The bytes of a string, error or number as text."""
        return self.value.decode("utf-8", "backslashreplace") if isinstance(self.value, bytes) else str(self.value)

    def plain(self):
        """The reply without its wire types: int, bytes, None, list, dict; an error stays a Reply."""
        if self.kind in ("$-1", "*-1", "_"):
            return None
        if self.kind == "%":
            flat = [v.plain() for v in self.value]
            return dict(zip(map(_hashable, flat[::2]), flat[1::2]))
        if isinstance(self.value, list):
            return [v.plain() for v in self.value]
        return self if self.is_error else self.value

    def pairs(self):
        """A map, or RESP2's flat array in place of one, as a dict."""
        flat = [v.plain() for v in self.value]
        return dict(zip(map(_hashable, flat[::2]), flat[1::2]))


def _hashable(value):
    return tuple(value) if isinstance(value, list) else value


OK = Reply("+", b"OK")
QUEUED = Reply("+", b"QUEUED")
NULL_BULK = Reply("$-1", None)
NULL_ARRAY = Reply("*-1", None)
NULL3 = Reply("_", None)


def integer(n):
    return Reply(":", n)


def bulk(data):
    return Reply("$", data.encode() if isinstance(data, str) else data)


def error(text):
    return Reply("-", text.encode())


def array(*items):
    return Reply("*", list(items))


def null(proto):
    """The null of a missing string in this protocol version."""
    return NULL3 if proto == 3 else NULL_BULK


def encode(*args):
    """A request as clients send it: an array of bulk strings."""
    out = [b"*%d\r\n" % len(args)]
    for arg in args:
        data = to_bytes(arg)
        out += (b"$%d\r\n" % len(data), data, b"\r\n")
    return b"".join(out)


def to_bytes(arg):
    if isinstance(arg, (bytes, bytearray, memoryview)):
        return bytes(arg)
    return arg.encode() if isinstance(arg, str) else str(arg).encode()


class Conn:
    """One connection. `raw` holds the bytes of the last reply that was read."""

    def __init__(self, address, proto=2, timeout=20.0):
        if isinstance(address, str):
            self.sock = socket.socket(socket.AF_UNIX)
            self.sock.settimeout(timeout)
            self.sock.connect(address)
        else:
            self.sock = socket.create_connection(address, timeout=timeout)
            self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buffer = bytearray()
        self.pos = 0
        self.raw = b""
        if proto == 3:
            reply = self.call("HELLO", "3")
            if reply.is_error:
                raise ProtocolError("HELLO 3: %r" % reply)

    def close(self):
        self.sock.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def local_name(self):
        """ip:port of our end, as CLIENT LIST prints it."""
        return "%s:%d" % self.sock.getsockname()[:2]

    def send(self, *args):
        self.sock.sendall(encode(*args))

    def send_raw(self, data):
        self.sock.sendall(data)

    def call(self, *args):
        self.send(*args)
        return self.read()

    def __call__(self, line):
        """One command written as in redis-cli."""
        from script import split_args
        return self.call(*split_args(line))

    def many(self, commands):
        """A pipeline: all commands in one write, then all replies."""
        self.send_raw(b"".join(encode(*c) for c in commands))
        return [self.read() for _ in commands]

    def read(self, timeout=None):
        if timeout is not None:
            before = self.sock.gettimeout()
            self.sock.settimeout(timeout)
        try:
            if self.pos:
                del self.buffer[:self.pos]
                self.pos = 0
            reply = self._parse()
            self.raw = bytes(self.buffer[:self.pos])
            return reply
        finally:
            if timeout is not None:
                self.sock.settimeout(before)

    def silent(self, seconds=0.05):
        """Whether nothing arrives for so long."""
        if len(self.buffer) > self.pos:
            return False
        before = self.sock.gettimeout()
        self.sock.settimeout(seconds)
        try:
            self._fill()
            return False
        except (TimeoutError, socket.timeout):
            return True
        except Disconnected:
            return False
        finally:
            self.sock.settimeout(before)

    def closed(self, timeout=5.0):
        """Whether the server closes within the time. What it sent before stays in the buffer as `rest()`."""
        deadline = time.monotonic() + timeout
        while True:
            left = deadline - time.monotonic()
            if left <= 0:
                return False
            self.sock.settimeout(left)
            try:
                self._fill()
            except (Disconnected, ConnectionError):
                return True
            except (TimeoutError, socket.timeout):
                return False

    def rest(self):
        """Bytes received and not yet read as replies."""
        return bytes(self.buffer[self.pos:])

    def _fill(self):
        try:
            data = self.sock.recv(1 << 18)
        except ConnectionResetError:
            data = b""
        if not data:
            raise Disconnected("connection closed by the server")
        self.buffer += data

    def _line(self):
        start = self.pos
        while True:
            end = self.buffer.find(b"\r\n", start)
            if end >= 0:
                line = bytes(self.buffer[self.pos:end])
                self.pos = end + 2
                return line
            start = max(self.pos, len(self.buffer) - 1)
            self._fill()

    def _exactly(self, count):
        while len(self.buffer) - self.pos < count + 2:
            self._fill()
        data = bytes(self.buffer[self.pos:self.pos + count])
        if self.buffer[self.pos + count:self.pos + count + 2] != b"\r\n":
            raise ProtocolError("bulk string without CRLF at its end: %r" % data[:100])
        self.pos += count + 2
        return data

    def _parse(self):
        line = self._line()
        kind, body = chr(line[0]) if line else "", line[1:]
        if kind in "+-,(" and kind:
            return Reply(kind, body)
        if kind == ":":
            return Reply(kind, int(body))
        if kind == "#":
            return Reply(kind, {b"t": True, b"f": False}[body])
        if kind == "_":
            return Reply(kind, None)
        if kind in "$!=" and kind:
            return Reply("$-1", None) if body == b"-1" else Reply(kind, self._exactly(int(body)))
        if kind in "*~>" and kind:
            return Reply("*-1", None) if body == b"-1" else Reply(kind, [self._parse() for _ in range(int(body))])
        if kind == "%":
            return Reply(kind, [self._parse() for _ in range(2 * int(body))])
        if kind == "|":
            attributes = [self._parse() for _ in range(2 * int(body))]
            reply = self._parse()
            return Reply(reply.kind, reply.value, attributes)
        raise ProtocolError("not RESP: %r" % line[:200])
