"""Random commands of every family over few keys that they share: wrong types, overwriting, the same key as source and
destination, and limits of the small forms that change meanwhile all happen often."""
import random

KEYS = [b"a", b"b", b"c", b"d"]
FAR = 4102444800        # seconds: what expires then does not expire during a test
MEMBERS = [b"", b"+1", b"007", b"-0", b"1.0", b"\xff", b"\x00", b"a\r\n", b"9223372036854775807", b"9223372036854775808",
           b"-9223372036854775808"]
NUMBERS = [b"0", b"1", b"-1", b"9223372036854775807", b"-9223372036854775808", b"4294967296", b"9223372036854775808", b"x", b""]
SCORES = [b"inf", b"-inf", b"0", b"-0", b"1e300", b"-1e300", b"1.5", b"nan", b"x", b"5e-324", b"9007199254740993"]
LONG = b"longer than the sixty-four bytes that an element of a small collection may have: "
SETTINGS = {
    b"hash-max-listpack-entries": (128, 4, 0), b"hash-max-listpack-value": (64, 5),
    b"set-max-intset-entries": (512, 4, 0), b"zset-max-listpack-entries": (128, 4, 0), b"zset-max-listpack-value": (64, 5),
    b"list-max-listpack-size": (-2, -1, 3, 128), b"list-compress-depth": (0, 1),
    b"stream-node-max-entries": (100, 3, 0), b"stream-node-max-bytes": (4096, 100, 0), b"hll-sparse-max-bytes": (3000, 100, 0),
}
NEWER_SETTINGS = {b"set-max-listpack-entries": (128, 4, 0), b"set-max-listpack-value": (64, 5)}

# Whose elements come in any order; where they are pairs, the pairs do.
UNORDERED = {b"SMEMBERS", b"SINTER", b"SUNION", b"SDIFF", b"HKEYS", b"HVALS", b"HGETALL", b"KEYS", b"SSCAN", b"HSCAN", b"ZSCAN",
             b"SORT", b"SORT_RO", b"GEORADIUS", b"GEORADIUSBYMEMBER", b"GEOSEARCH"}


class Generator:
    """`newer`: also commands that redis-server 7.0 lacks. `chance`: also those whose reply is a matter of chance. What is
    not defined is left out: ranges by text among members of different scores."""

    def __init__(self, seed, newer=False, chance=False, keys=KEYS):
        self.rng, self.newer, self.chance, self.keys = random.Random(seed), newer, chance, keys
        self.top = 1
        self.families = [self.strings, self.bits, self.lists, self.sets, self.hashes, self.zsets, self.zset_ranges, self.zset_algebra,
                         self.geo, self.streams, self.groups, self.generic, self.generic, self.loglogs]
        if newer:
            self.families += [self.fields, self.fields, self.newer_ones]
        if chance:
            self.families += [self.random_ones]
        self.mostly = None

    # --- words ---

    def k(self):
        return self.rng.choice(self.keys)

    def ks(self, most=4):
        return [self.k() for _ in range(self.rng.randrange(1, most))]

    def numbered(self, most=4):
        keys = self.ks(most)
        return [b"%d" % len(keys), *keys]

    def m(self):
        shape, n = self.rng.random(), self.rng.randrange(24)
        if shape < 0.01:
            return LONG + b"%d" % n
        if shape < 0.4:
            return b"%d" % (n - 8)
        if shape < 0.45:
            return self.rng.choice(MEMBERS)
        return b"m%d" % n

    def ms(self):
        return [self.m() for _ in range(self.rng.choice((1, 1, 1, 2, 3, 12)))]

    def n(self):
        return self.rng.choice(NUMBERS) if self.rng.random() < 0.1 else b"%d" % self.rng.randrange(-12, 25)

    def count(self):
        return self.rng.choice(NUMBERS) if self.rng.random() < 0.05 else b"%d" % self.rng.randrange(0, 8)

    def score(self):
        shape = self.rng.random()
        if shape < 0.05:
            return self.rng.choice(SCORES)
        return b"%d" % self.rng.randrange(10) if shape < 0.7 else b"%.3f" % self.rng.uniform(-5, 5)

    def value(self):
        shape = self.rng.random()
        if shape < 0.6:
            return self.m()
        if shape < 0.65:
            return self.score()
        return bytes(self.rng.choice(b"ab\x00\xff12") for _ in range(self.rng.choice((3, 20, 50, 200))))

    def ttl(self):
        return b"%d" % (FAR + self.rng.randrange(10**6)) if self.rng.random() < 0.9 else self.rng.choice((b"1", b"0", b"-1", b"x"))

    def some(self, *words, chance=0.3):
        return list(words) if self.rng.random() < chance else []

    def one(self, *choices):
        return self.rng.choice(choices)

    def pick(self, *choices):
        """One of the functions' results, or of the lists."""
        choice = self.rng.choice(choices)
        return choice() if callable(choice) else choice

    def end(self):
        return self.one(b"LEFT", b"RIGHT")

    # --- families ---

    def strings(self):
        k, n, v = self.k, self.n, self.value
        return self.pick(
            lambda: [b"SET", k(), v(), *self.one([], [], [b"NX"], [b"XX"], [b"GET"], [b"KEEPTTL"], [b"EXAT", self.ttl()])],
            lambda: [b"GET", k()], lambda: [b"MGET", *self.ks()], lambda: [b"MSET", k(), v(), k(), v()],
            lambda: [b"MSETNX", k(), v(), k(), v()], lambda: [b"APPEND", k(), v()], lambda: [b"STRLEN", k()],
            lambda: [b"SETRANGE", k(), b"%d" % self.rng.randrange(60), v()], lambda: [b"GETRANGE", k(), n(), n()],
            lambda: [self.one(b"INCR", b"DECR"), k()], lambda: [self.one(b"INCRBY", b"DECRBY"), k(), n()],
            lambda: [b"INCRBYFLOAT", k(), self.score()], lambda: [self.one(b"GETSET", b"SETNX"), k(), v()],
            lambda: [b"GETDEL", k()], lambda: [b"GETEX", k(), *self.one([], [b"PERSIST"], [b"EXAT", self.ttl()])],
            lambda: [b"LCS", k(), k(), *self.some(b"LEN")])

    def bits(self):
        k, n = self.k, self.n
        kind = lambda: self.one(b"u8", b"i8", b"u1", b"i64", b"u63", b"i5", b"u17")
        offset = lambda: self.one(b"%d", b"#%d") % self.rng.randrange(40)
        return self.pick(
            lambda: [b"SETBIT", k(), b"%d" % self.rng.randrange(600), self.one(b"0", b"1")],
            lambda: [b"GETBIT", k(), b"%d" % self.rng.randrange(600)],
            lambda: [b"BITCOUNT", k(), *self.some(n(), n(), *self.some(self.one(b"BIT", b"BYTE")))],
            lambda: [b"BITPOS", k(), self.one(b"0", b"1"), *self.some(n(), *self.some(n(), *self.some(self.one(b"BIT", b"BYTE"))))],
            lambda: [b"BITOP", self.one(b"AND", b"OR", b"XOR"), k(), *self.ks()], lambda: [b"BITOP", b"NOT", k(), k()],
            lambda: [b"BITFIELD", k(), b"OVERFLOW", self.one(b"WRAP", b"SAT", b"FAIL"), b"SET", kind(), offset(), self.one(b"1", b"-77", b"4294967296"), b"GET", kind(),
                     offset(), b"INCRBY", kind(), offset(), n()],
            lambda: [b"BITFIELD_RO", k(), b"GET", kind(), offset()])

    def loglogs(self):
        return self.pick(lambda: [b"PFADD", self.k(), *self.ms()], lambda: [b"PFCOUNT", *self.ks()],
                         lambda: [b"PFMERGE", self.k(), *self.ks()])

    def lists(self):
        k, n, m = self.k, self.n, self.m
        return self.pick(
            lambda: [self.one(b"LPUSH", b"RPUSH"), k(), *self.ms()], lambda: [self.one(b"LPUSH", b"RPUSH"), k(), *self.ms()],
            lambda: [self.one(b"LPUSHX", b"RPUSHX"), k(), *self.ms()],
            lambda: [self.one(b"LPOP", b"RPOP"), k(), *self.some(self.count())], lambda: [b"LLEN", k()],
            lambda: [b"LINDEX", k(), n()], lambda: [b"LRANGE", k(), n(), n()], lambda: [b"LSET", k(), n(), m()],
            lambda: [b"LINSERT", k(), self.one(b"BEFORE", b"AFTER"), m(), m()], lambda: [b"LREM", k(), n(), m()],
            lambda: [b"LTRIM", k(), n(), n()] if self.rng.random() < 0.4 else [b"LTRIM", k(), b"0", b"-2"],
            lambda: [b"LPOS", k(), m(), *self.some(b"RANK", n()), *self.some(b"COUNT", self.count()), *self.some(b"MAXLEN", self.count())],
            lambda: [b"LMOVE", k(), k(), self.end(), self.end()], lambda: [b"RPOPLPUSH", k(), k()],
            lambda: [b"LMPOP", *self.numbered(), self.end(), *self.some(b"COUNT", self.count())])

    def sets(self):
        k, m = self.k, self.m
        return self.pick(
            lambda: [b"SADD", k(), *self.ms()], lambda: [b"SADD", k(), *self.ms()], lambda: [b"SREM", k(), *self.ms()],
            lambda: [b"SMEMBERS", k()], lambda: [b"SISMEMBER", k(), m()], lambda: [b"SMISMEMBER", k(), *self.ms()],
            lambda: [b"SCARD", k()], lambda: [b"SMOVE", k(), k(), m()],
            lambda: [self.one(b"SINTER", b"SUNION", b"SDIFF"), *self.ks()],
            lambda: [self.one(b"SINTERSTORE", b"SUNIONSTORE", b"SDIFFSTORE"), k(), *self.ks()],
            lambda: [b"SINTERCARD", *self.numbered(), *self.some(b"LIMIT", self.count())],
            lambda: [b"SADD", k(), *(b"%d" % self.rng.randrange(-10**6, 10**6) for _ in range(5))])

    def hashes(self):
        k, m, v = self.k, self.m, self.value
        return self.pick(
            lambda: [b"HSET", k(), *(w for _ in range(self.rng.choice((1, 2, 8))) for w in (m(), v()))],
            lambda: [b"HSET", k(), m(), v()], lambda: [b"HMSET", k(), m(), v()], lambda: [b"HSETNX", k(), m(), v()],
            lambda: [b"HGET", k(), m()], lambda: [b"HMGET", k(), *self.ms()], lambda: [b"HDEL", k(), *self.ms()],
            lambda: [b"HGETALL", k()], lambda: [b"HKEYS", k()], lambda: [b"HVALS", k()], lambda: [b"HLEN", k()],
            lambda: [b"HEXISTS", k(), m()], lambda: [b"HSTRLEN", k(), m()], lambda: [b"HINCRBY", k(), m(), self.n()],
            lambda: [b"HINCRBYFLOAT", k(), m(), self.score()])

    def zsets(self):
        k, m = self.k, self.m
        pairs = lambda: [w for _ in range(self.rng.choice((1, 1, 2, 8))) for w in (self.score(), m())]
        return self.pick(
            lambda: [b"ZADD", k(), *self.some(self.one(b"NX", b"XX", b"GT", b"LT")), *self.some(b"CH"), *pairs()],
            lambda: [b"ZADD", k(), *pairs()], lambda: [b"ZADD", k(), *pairs()],
            lambda: [b"ZADD", k(), *self.some(self.one(b"NX", b"XX", b"GT", b"LT")), b"INCR", self.score(), m()],
            lambda: [b"ZINCRBY", k(), self.score(), m()], lambda: [b"ZREM", k(), *self.ms()], lambda: [b"ZCARD", k()],
            lambda: [b"ZSCORE", k(), m()], lambda: [b"ZMSCORE", k(), *self.ms()], lambda: [self.one(b"ZRANK", b"ZREVRANK"), k(), m()],
            lambda: [self.one(b"ZPOPMIN", b"ZPOPMAX"), k(), *self.some(self.count())],
            lambda: [b"ZMPOP", *self.numbered(), self.one(b"MIN", b"MAX"), *self.some(b"COUNT", self.count())],
            lambda: [b"ZREMRANGEBYRANK", k(), self.n(), self.n()],
            lambda: [b"ZREMRANGEBYSCORE", k(), self.bound(), self.bound()],
            lambda: [b"ZREMRANGEBYLEX", k(), *self.lexes()])

    def bound(self):
        return self.one(b"-inf", b"+inf", b"(" + self.score(), self.score(), self.score())

    def lexes(self):
        return self.one([b"-", b"+"], [b"+", b"-"], [b"-", b"x"])

    def zset_ranges(self):
        k = self.k
        by = self.one([], [b"BYSCORE"], [b"BYSCORE"], [b"BYLEX"])
        ends = self.lexes() if by == [b"BYLEX"] else [self.bound(), self.bound()] if by else [self.n(), self.n()]
        limit = self.some(b"LIMIT", self.n(), self.n()) if by else []
        return self.pick(
            lambda: [b"ZRANGE", k(), *ends, *by, *self.some(b"REV"), *limit, *([] if by == [b"BYLEX"] else self.some(b"WITHSCORES"))],
            lambda: [b"ZRANGESTORE", k(), k(), *ends, *by, *self.some(b"REV"), *limit],
            lambda: [self.one(b"ZRANGEBYSCORE", b"ZREVRANGEBYSCORE"), k(), self.bound(), self.bound(), *self.some(b"WITHSCORES"),
                     *self.some(b"LIMIT", self.n(), self.n())],
            lambda: [self.one(b"ZRANGEBYLEX", b"ZREVRANGEBYLEX"), k(), *self.lexes(), *self.some(b"LIMIT", self.n(), self.n())],
            lambda: [b"ZREVRANGE", k(), self.n(), self.n()], lambda: [b"ZCOUNT", k(), self.bound(), self.bound()],
            lambda: [b"ZLEXCOUNT", k(), *self.lexes()])

    def zset_algebra(self):
        keys = self.numbered()
        weights = self.some(b"WEIGHTS", *(self.score() for _ in keys[1:]))
        aggregate = self.some(b"AGGREGATE", self.one(b"SUM", b"MIN", b"MAX"))
        return self.pick(
            lambda: [self.one(b"ZUNION", b"ZINTER"), *keys, *weights, *aggregate, *self.some(b"WITHSCORES")],
            lambda: [self.one(b"ZUNIONSTORE", b"ZINTERSTORE"), self.k(), *keys, *weights, *aggregate],
            lambda: [b"ZDIFF", *keys, *self.some(b"WITHSCORES")], lambda: [b"ZDIFFSTORE", self.k(), *keys],
            lambda: [b"ZINTERCARD", *keys, *self.some(b"LIMIT", self.count())])

    def geo(self):
        k, m = self.k, self.m
        place = lambda: [b"%.4f" % self.rng.uniform(-181, 181) if self.rng.random() < 0.1 else b"%.4f" % self.rng.uniform(-2, 2),
                         b"%.4f" % self.rng.uniform(-2, 2)]
        unit = lambda: self.one(b"m", b"km", b"mi", b"ft")
        form = lambda: self.one([b"BYRADIUS", b"%d" % self.rng.randrange(300), b"km"], [b"BYBOX", b"200", b"%d" % self.rng.randrange(500), b"km"])
        centre = lambda: self.one([b"FROMMEMBER", m()], [b"FROMLONLAT", *place()], [b"FROMLONLAT", *place()])
        tail = lambda: [self.one(b"ASC", b"DESC"), *self.some(b"COUNT", self.count())]
        return self.pick(
            lambda: [b"GEOADD", k(), *self.some(self.one(b"NX", b"XX")), *self.some(b"CH"),
                     *(w for _ in range(self.rng.choice((1, 2, 6))) for w in (*place(), m()))],
            lambda: [b"GEOADD", k(), *(w for _ in range(4) for w in (*place(), m()))],
            lambda: [b"GEOHASH", k(), *self.ms()], lambda: [b"GEODIST", k(), m(), m(), *self.some(unit())],
            lambda: [b"GEOSEARCH", k(), *centre(), *form(), *tail(), *self.some(b"WITHHASH")],
            lambda: [b"GEOSEARCHSTORE", k(), k(), *centre(), *form(), *self.some(b"STOREDIST")],
            lambda: [b"GEORADIUS", k(), *place(), b"%d" % self.rng.randrange(300), unit(), *self.one(tail(), [self.one(b"STORE", b"STOREDIST"), k()])],
            lambda: [b"GEORADIUSBYMEMBER", k(), m(), b"%d" % self.rng.randrange(300), unit(), *self.one(tail(), [b"STORE", k()])])

    def id(self):
        if self.rng.random() < 0.03:
            return self.one(b"x", b"0", b"$", b"+", b"-", b"18446744073709551615-18446744073709551615")
        return b"%d-%d" % (self.rng.randrange(max(0, self.top - 12), self.top + 2), self.rng.randrange(3))

    def ids(self):
        return [self.id() for _ in range(self.rng.choice((1, 1, 2, 5)))]

    def group(self):
        return self.one(b"g", b"g", b"g", b"h")

    def streams(self):
        k = self.k
        self.top += self.one(0, 0, 1, 1, 3)
        trim = lambda: self.one([b"MAXLEN", b"%d" % self.rng.randrange(12)], [b"MINID", self.id()])
        return self.pick(
            lambda: [b"XADD", k(), *self.some(b"NOMKSTREAM", chance=0.1), *self.some(*trim(), chance=0.15),
                     self.one(b"%d-*" % self.top, b"%d-%d" % (self.top, self.rng.randrange(3))), self.m(), self.value(), *self.some(self.m(), self.value())],
            lambda: [b"XADD", k(), b"%d-*" % self.top, b"f", self.value()],
            lambda: [b"XADD", k(), b"%d-*" % self.top, b"f", self.value()],
            lambda: [b"XDEL", k(), *self.ids()], lambda: [b"XLEN", k()],
            lambda: [b"XRANGE", k(), self.one(b"-", self.id()), self.one(b"+", self.id()), *self.some(b"COUNT", self.n())],
            lambda: [b"XREVRANGE", k(), self.one(b"+", self.id()), self.one(b"-", self.id()), *self.some(b"COUNT", self.n())],
            lambda: [b"XTRIM", k(), *trim()] if self.rng.random() < 0.3 else [b"XLEN", k()],
            lambda: [b"XREAD", *self.some(b"COUNT", self.count()), b"STREAMS", k(), k(), self.id(), self.id()],
            lambda: [b"XSETID", k(), self.id()] if self.rng.random() < 0.3 else [b"XLEN", k()])

    def groups(self):
        k, g, c = self.k, self.group, lambda: self.one(b"x", b"y")
        read = lambda: [b"XREADGROUP", b"GROUP", g(), c(), *self.some(b"COUNT", self.count()), *self.some(b"NOACK"), b"STREAMS", k(),
                        self.one(b">", b">", self.id())]
        make = lambda: [b"XGROUP", b"CREATE", k(), g(), self.one(b"0", b"$", self.id()), *self.some(b"MKSTREAM", chance=0.7)]
        return self.pick(
            read, read, make, make, lambda: [b"XACK", k(), g(), *self.ids()], lambda: [b"XPENDING", k(), g()],
            lambda: [b"XCLAIM", k(), g(), c(), b"0", *self.ids(), *self.some(b"FORCE"), *self.some(b"JUSTID")],
            lambda: [b"XAUTOCLAIM", k(), g(), c(), b"0", self.one(b"-", self.id()), *self.some(b"COUNT", b"2")],
            lambda: [b"XGROUP", self.one(b"CREATECONSUMER", b"DELCONSUMER"), k(), g(), c()],
            lambda: [b"XGROUP", b"SETID", k(), g(), self.one(b"0", b"$", self.id())],
            lambda: [b"XGROUP", b"DESTROY", k(), g()] if self.rng.random() < 0.4 else read())

    def generic(self):
        k, r = self.k, self.rng
        def order():
            by = self.one([], [], [b"BY", b"w_*"], [b"BY", b"nosort"], [b"BY", b"a->*"])
            if self.chance or not by:
                by += [*self.some(b"LIMIT", self.n(), self.n()), *self.some(b"ALPHA", chance=0.7)]
            return [*by, *self.some(b"GET", self.one(b"#", b"*", b"a->*")), *self.some(self.one(b"ASC", b"DESC"))]
        settings = {**SETTINGS, **(NEWER_SETTINGS if self.newer else {})}
        def setting():
            name = r.choice(sorted(settings))
            return [b"CONFIG", b"SET", name, b"%d" % r.choice(settings[name])]
        return self.pick(
            lambda: [self.one(b"DEL", b"UNLINK"), *self.ks()], lambda: [self.one(b"EXISTS", b"TOUCH"), *self.ks()], lambda: [b"TYPE", k()],
            lambda: [self.one(b"RENAME", b"RENAMENX"), k(), k()], lambda: [b"COPY", k(), k(), *self.some(b"REPLACE")],
            lambda: [b"COPY", k(), k(), b"DB", b"1", *self.some(b"REPLACE")], lambda: [b"MOVE", k(), b"1"],
            lambda: [b"SWAPDB", b"0", b"1"], lambda: [b"EXPIREAT", k(), self.ttl()], lambda: [b"PERSIST", k()],
            lambda: [b"EXPIRETIME", k()], lambda: [b"DBSIZE"], lambda: [b"FLUSHDB"] if r.random() < 0.03 else [b"KEYS", b"*"],
            lambda: [b"SORT", k(), *order()], lambda: [b"SORT", k(), *order(), b"STORE", k()], setting, setting, setting)

    def fields(self):
        k = self.k
        which = lambda: (lambda names: [b"FIELDS", b"%d" % len(names), *names])(self.ms())
        pairs = lambda: (lambda names: [b"FVS", b"%d" % len(names), *(w for n in names for w in (n, self.value()))])(self.ms())
        when = lambda: self.one([b"EXAT", self.ttl()], [b"PX", b"%d" % self.rng.randrange(1, 60)], [b"EX", b"100000"], [])
        return self.pick(
            lambda: [b"HEXPIREAT", k(), self.ttl(), *self.some(self.one(b"NX", b"XX", b"GT", b"LT")), *which()],
            lambda: [b"HPEXPIRE", k(), b"%d" % self.rng.randrange(0, 50), *which()], lambda: [b"HPERSIST", k(), *which()],
            lambda: [self.one(b"HEXPIRETIME", b"HPEXPIRETIME", b"HTTL", b"HPTTL"), k(), *which()],
            lambda: [b"HGETDEL", k(), *which()], lambda: [b"HGETEX", k(), *self.one(when(), [b"PERSIST"]), *which()],
            lambda: [b"HSETEX", k(), *self.some(self.one(b"FNX", b"FXX")), *self.one(when(), [b"KEEPTTL"]),
                     b"FIELDS", *pairs()[1:]])

    def newer_ones(self):
        k = self.k
        return self.pick(
            lambda: [b"SDIFFCARD", *self.numbered()], lambda: [b"SUNIONCARD", *self.numbered()],
            lambda: [b"BITOP", self.one(b"DIFF", b"DIFF1", b"ANDOR", b"ONE"), k(), k(), k()],
            lambda: [b"XDELEX", k(), *self.some(self.one(b"KEEPREF", b"DELREF", b"ACKED")), b"IDS", b"1", self.id()],
            lambda: [b"XACKDEL", k(), self.group(), *self.some(self.one(b"KEEPREF", b"DELREF", b"ACKED")), b"IDS", b"1", self.id()],
            lambda: [b"XTRIM", k(), b"MAXLEN", b"4", self.one(b"KEEPREF", b"DELREF", b"ACKED")],
            lambda: [b"ZUNIONSTORE", k(), *self.numbered(), b"AGGREGATE", b"COUNT"],
            lambda: [b"LMOVEM", k(), k(), self.end(), self.end(), b"COUNT", self.count()],
            lambda: [b"ZRANGESTORE", k(), k(), b"0", b"-1", b"REV"], lambda: [b"PEXPIRE", k(), b"%d" % self.rng.randrange(1, 80)])

    def random_ones(self):
        k = self.k
        return self.pick(
            lambda: [b"SPOP", k(), *self.some(self.count())], lambda: [b"SPOP", k()], lambda: [b"SRANDMEMBER", k(), self.n()[:3]],
            lambda: [b"ZRANDMEMBER", k(), self.n()[:3]], lambda: [b"HRANDFIELD", k(), self.n()[:3], *self.some(b"WITHVALUES")],
            lambda: [b"RANDOMKEY"], lambda: [b"XADD", k(), b"*", b"f", self.value()], lambda: [b"XTRIM", k(), b"MAXLEN", b"~", b"3"],
            lambda: [b"EXPIRE", k(), b"1000"], lambda: [b"SETEX", k(), b"1000", self.value()],
            lambda: [b"BLMOVE", k(), k(), self.end(), self.end(), b"0.001"], lambda: [b"BLMPOP", b"0.001", *self.numbered(), self.end()],
            lambda: [self.one(b"BLPOP", b"BRPOP"), *self.ks(), b"0.001"], lambda: [self.one(b"BZPOPMIN", b"BZPOPMAX"), *self.ks(), b"0.001"],
            lambda: [b"BZMPOP", b"0.001", *self.numbered(), b"MIN"])

    def blocking(self):
        """A command that waits for ever if there is nothing to take."""
        k = self.k
        return self.pick(
            lambda: [b"BLMOVE", k(), k(), self.end(), self.end(), b"0"], lambda: [b"BRPOPLPUSH", k(), k(), b"0"],
            lambda: [b"BLMPOP", b"0", *self.numbered(), self.end(), *self.some(b"COUNT", b"2")],
            lambda: [self.one(b"BLPOP", b"BRPOP"), *self.ks(), b"0"], lambda: [self.one(b"BZPOPMIN", b"BZPOPMAX"), *self.ks(), b"0"],
            lambda: [b"BZMPOP", b"0", *self.numbered(), self.one(b"MIN", b"MAX"), *self.some(b"COUNT", b"2")],
            lambda: [b"XREAD", b"BLOCK", b"0", b"STREAMS", k(), b"$"],
            lambda: [b"XREADGROUP", b"GROUP", self.group(), b"x", b"BLOCK", b"0", *self.some(b"NOACK"), b"STREAMS", k(), b">"])

    def command(self):
        """For a while most commands are of two families, so that values of theirs grow."""
        if self.mostly is None or self.rng.random() < 0.02:
            self.mostly = [self.rng.choice(self.families), self.rng.choice(self.families)]
        return (self.rng.choice(self.mostly) if self.rng.random() < 0.6 else self.rng.choice(self.families))()


def reset_settings(conn, newer):
    for settings in (SETTINGS, NEWER_SETTINGS if newer else {}):
        for name, values in settings.items():
            conn.call("CONFIG", "SET", name, b"%d" % values[0])


def contents(conn, databases=(0, 1), newer=True):
    """All that can be read of the data, in an order of its own: {(database, key): (type, expiry, value)}."""
    result = {}
    for db in databases:
        conn.call("SELECT", str(db))
        for key in sorted(k.value for k in conn.call("KEYS", "*").value):
            kind = conn.call("TYPE", key).text
            result[db, key] = (kind, conn.call("PEXPIRETIME", key).value, CONTENT[kind](conn, key, newer))
    conn.call("SELECT", "0")
    return result


def _pairs(flat):
    return list(zip(flat[::2], flat[1::2]))


def _hash(conn, key, newer):
    value = sorted(_pairs([v.value for v in conn.call("HGETALL", key).value]))
    assert conn.call("HLEN", key).value == len(value)
    times = [v.value for v in conn.call("HPEXPIRETIME", key, "FIELDS", str(len(value)), *(f for f, _ in value)).value] \
        if newer and value else []
    return value, times


def _stream(conn, key, _):
    info = [v.value for v in conn.call("XINFO", "STREAM", key).value]
    facts = dict(_pairs(info))
    groups = []
    for g in conn.call("XINFO", "GROUPS", key).value:
        g = dict(_pairs([v.value for v in g.value]))
        groups.append((g[b"name"], g[b"last-delivered-id"],
                       [[p.value for p in e.value[:2]] + [e.value[3].value] for e in conn.call("XPENDING", key, g[b"name"], "-", "+", "10000").value]))
    return ([(e.value[0].value, [v.value for v in e.value[1].value]) for e in conn.call("XRANGE", key, "-", "+").value],
            [facts[n] for n in (b"length", b"last-generated-id", b"max-deleted-entry-id", b"entries-added")], groups)


CONTENT = {
    "string": lambda conn, key, _: conn.call("GET", key).value,
    "list": lambda conn, key, _: [v.value for v in conn.call("LRANGE", key, "0", "-1").value],
    "set": lambda conn, key, _: sorted(v.value for v in conn.call("SMEMBERS", key).value),
    "zset": lambda conn, key, _: [(m, float(s)) for m, s in _pairs([v.value for v in conn.call("ZRANGE", key, "0", "-1", "WITHSCORES").value])],
    "hash": _hash,
    "stream": _stream,
}
