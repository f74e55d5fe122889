"""redis-py and ioredis on every family of types: the same calls on both servers, and equal answers."""
import json
import os
import subprocess
import textwrap

import pytest

from harness import SLOW
from test_clients import ioredis

class kw(dict):
    """Keyword arguments of a call."""


# Method, arguments, keyword arguments, in this order on one connection. A set where the order is free: "~method".
CALLS = [
    # lists
    ("rpush", "l", "a", "b", "c", "b"), ("lpush", "l", "z"), ("lrange", "l", 0, -1), ("llen", "l"), ("lindex", "l", 1),
    ("linsert", "l", "BEFORE", "b", "x"), ("lset", "l", 0, "y"), ("lrem", "l", 1, "b"), ("lpos", "l", "b"),
    ("lpos", "l", "b", kw({"rank": -1, "count": 0})), ("ltrim", "l", 0, 3), ("lpop", "l"), ("lpop", "l", 2), ("rpop", "nokey"),
    ("rpoplpush", "l", "l2"), ("lmove", "l2", "l", "LEFT", "RIGHT"), ("blpop", "l", 1), ("brpop", ["nokey"], 0.05),
    ("rpush", "l3", 1, 2, 3), ("lmpop", 2, "l", "l3", kw({"direction": "LEFT", "count": 2})), ("blmpop", 0.05, 1, "nokey",
                                                                                        kw({"direction": "LEFT"})),
    ("blmove", "l3", "l4", 0.05), ("lpushx", "nokey", "v"), ("rpushx", "l4", "v"), ("lrange", "l4", 0, -1),
    # sets
    ("sadd", "s", "a", "b", "c"), ("sadd", "t", "b", "c", "d"), ("~smembers", "s"), ("sismember", "s", "a"),
    ("smismember", "s", ["a", "q"]), ("scard", "s"), ("~sinter", "s", "t"), ("~sunion", "s", "t"), ("~sdiff", "s", "t"),
    ("sinterstore", "i", "s", "t"), ("sunionstore", "u", "s", "t"), ("sdiffstore", "d", "s", "t"), ("sintercard", 2, ["s", "t"]),
    ("smove", "s", "t", "a"), ("srem", "t", "a", "q"), ("spop", "nokey"), ("srandmember", "d"), ("~srandmember", "s", 10),
    ("~sscan", "s"), ("sadd", "n", 1, 2, 3), ("~smembers", "n"),
    # hashes
    ("hset", "h", "f", "v"), ("hset", "h", kw({"mapping": {"a": 1, "b": "2.5"}})), ("hget", "h", "f"), ("hgetall", "h"),
    ("hmget", "h", ["f", "q"]), ("hincrby", "h", "a", 5), ("hincrbyfloat", "h", "b", 0.25), ("hexists", "h", "f"),
    ("hlen", "h"), ("~hkeys", "h"), ("~hvals", "h"), ("hstrlen", "h", "f"), ("hsetnx", "h", "f", "w"), ("hdel", "h", "f", "q"),
    ("hscan", "h"), ("hrandfield", "nokey"), ("~hrandfield", "h", 5), ("hget", "h", "q"),
    # sorted sets
    ("zadd", "z", {"a": 1, "b": 2.5, "c": 3}), ("zadd", "z", {"a": 0}, kw({"gt": True})), ("zadd", "z", {"d": 9}, kw({"ch": True})),
    ("zincrby", "z", 2, "a"), ("zadd", "z", {"a": 1}, kw({"incr": True})), ("zscore", "z", "a"), ("zmscore", "z", ["a", "q"]),
    ("zrank", "z", "b"), ("zrevrank", "z", "b"), ("zcard", "z"), ("zcount", "z", "(2", "+inf"), ("zrange", "z", 0, -1),
    ("zrange", "z", 0, -1, kw({"withscores": True, "desc": True})), ("zrangebyscore", "z", "-inf", 5, kw({"withscores": True})),
    ("zrangebylex", "z", "-", "+"), ("zrevrangebyscore", "z", 10, 0, kw({"start": 0, "num": 2})), ("zlexcount", "z", "-", "+"),
    ("zadd", "y", {"b": 10, "x": 1}), ("zunion", ["z", "y"], kw({"withscores": True})), ("zinter", ["z", "y"]),
    ("zdiff", ["z", "y"], kw({"withscores": True})), ("zunionstore", "o", {"z": 2, "y": 3}), ("zinterstore", "o", ["z", "y"]),
    ("zdiffstore", "o", ["z", "y"]), ("zintercard", 2, ["z", "y"]), ("zrangestore", "o", "z", 0, 1), ("zpopmin", "z"),
    ("zpopmax", "z", 2), ("bzpopmin", "y", 1), ("bzpopmax", "nokey", 0.05), ("zmpop", 2, ["nokey", "y"], kw({"min": True})),
    ("bzmpop", 0.05, 1, ["nokey"], kw({"min": True})), ("zadd", "z", {"p": 1, "q": 2, "r": 3}), ("zremrangebyrank", "z", 0, 0),
    ("zremrangebyscore", "z", 2, 2), ("zrem", "z", "r", "nothing"), ("zrandmember", "nokey"), ("zscan", "o"),
    # bitmaps
    ("setbit", "bits", 7, 1), ("getbit", "bits", 7), ("bitcount", "bits"), ("bitpos", "bits", 1), ("bitop", "NOT", "inv", "bits"),
    ("get", "inv"),
    # HyperLogLogs
    ("pfadd", "hll", "a", "b", "c"), ("pfadd", "hll2", "c", "d"), ("pfcount", "hll"), ("pfcount", "hll", "hll2"),
    ("pfmerge", "hll3", "hll", "hll2"), ("pfcount", "hll3"),
    # geo
    ("geoadd", "g", (13.361389, 38.115556, "Palermo", 15.087269, 37.502669, "Catania")),
    ("geodist", "g", "Palermo", "Catania", "km"), ("geohash", "g", "Palermo", "nobody"), ("geopos", "g", "nobody"),
    ("geosearch", "g", kw({"longitude": 15, "latitude": 37, "radius": 200, "unit": "km", "withdist": True, "sort": "ASC"})),
    ("geosearchstore", "gs", "g", kw({"longitude": 15, "latitude": 37, "width": 400, "height": 400, "unit": "km"})),
    ("georadius", "g", 15, 37, 200, kw({"unit": "km", "sort": "DESC"})), ("georadiusbymember", "g", "Palermo", 300, kw({"unit": "km"})),
    # streams
    ("xadd", "x", {"f": "v"}, kw({"id": "1-1"})), ("xadd", "x", {"f": "w", "g": "1"}, kw({"id": "2-0"})), ("xlen", "x"), ("xrange", "x"),
    ("xrevrange", "x", kw({"count": 1})), ("xread", {"x": "0"}), ("xread", {"x": "$"}, kw({"block": 20})),
    ("xgroup_create", "x", "grp", "0"), ("xgroup_createconsumer", "x", "grp", "c2"),
    ("xreadgroup", "grp", "c", {"x": ">"}, kw({"count": 1})), ("xpending", "x", "grp"), ("xack", "x", "grp", "1-1"),
    ("xreadgroup", "grp", "c", {"x": ">"}), ("xclaim", "x", "grp", "c2", 0, ["2-0"], kw({"justid": True})),
    ("xautoclaim", "x", "grp", "c", 0, kw({"justid": True})), ("xtrim", "x", kw({"maxlen": 1, "approximate": False})), ("xdel", "x", "2-0"),
    ("xgroup_delconsumer", "x", "grp", "c2"), ("xgroup_setid", "x", "grp", "2-0"), ("xgroup_destroy", "x", "grp"),
    ("xadd", "x", {"f": "v"}, kw({"id": "9-9", "nomkstream": True})), ("xrange", "x"),
    # SORT, and what all keys share
    ("rpush", "nums", 3, 1, 2), ("sort", "nums"), ("sort", "nums", kw({"desc": True, "start": 0, "num": 2})),
    ("sort", "nums", kw({"store": "sorted"})), ("lrange", "sorted", 0, -1), ("sort_ro", "nums"), ("type", "x"), ("type", "h"),
    ("object", "encoding", "n"), ("copy", "h", "h9"), ("hgetall", "h9"), ("rename", "h9", "h8"), ("expire", "h8", 100),
    ("delete", "h8", "nums", "x"), ("exists", "h8"), ("~keys", "*"),
    # what goes wrong
    ("lpush", "h", "v"), ("hset", "l4", "f", "v"), ("zadd", "s", {"a": 1}), ("xadd", "s", {"f": "v"}), ("incr", "s"),
]

NEED = ("lpush", "sadd", "hset", "zadd", "setbit", "pfadd", "geoadd", "xadd", "sort", "blpop", "bzpopmin", "xautoclaim")


def told(client, call):
    """What a call returns or raises, in a form that can be compared."""
    name, *args = call
    options = args.pop() if args and isinstance(args[-1], kw) else {}
    try:
        value = getattr(client, name.lstrip("~"))(*args, **options)
    except Exception as error:  # pylint: disable=broad-except
        return type(error).__name__ + ": " + str(error)
    if name.startswith("~"):
        return repr(sorted(value[1] if isinstance(value, tuple) else value, key=repr))
    return repr(value)


@pytest.mark.needs(*NEED)
def test_redis_py_calls(pair):
    redis = pytest.importorskip("redis")
    ours, oracle = (redis.Redis(port=server.port, decode_responses=False) for server in (pair.ours, pair.oracle))
    different = []
    for call in CALLS:
        got, wanted = told(ours, call), told(oracle, call)
        if got != wanted:
            different.append("%r: %s, not %s" % (call, got, wanted))
    ours.close()
    oracle.close()
    assert not different, "\n".join(different)


@pytest.mark.needs(*NEED)
def test_redis_py_calls_are_right(pair):
    """The table itself: no call may fail before the last ones, which are meant to."""
    redis = pytest.importorskip("redis")
    client = redis.Redis(port=pair.oracle.port)
    failed = ["%r: %s" % (call, answer) for call, answer in ((c, told(client, c)) for c in CALLS[:-5])
              if answer.split(":")[0].endswith("Error")]
    client.close()
    assert not failed, "\n".join(failed)


IOREDIS_CALLS = textwrap.dedent("""
    const Redis = require('ioredis');
    const calls = [
        ['rpush', 'l', 'a', 'b', 'c'], ['lrange', 'l', 0, -1], ['lpop', 'l', 2], ['lpos', 'l', 'c'], ['blpop', 'l', 1],
        ['lmpop', 1, 'nokey', 'LEFT'], ['blmove', 'nokey', 'x', 'LEFT', 'LEFT', 0.05],
        ['sadd', 's', 1, 2, 3], ['smembers', 's'], ['smismember', 's', 1, 9], ['sinter', 's', 's'], ['sunionstore', 'u', 's', 's'],
        ['hset', 'h', 'f', 'v', 'g', '1'], ['hset', 'h', {x: 1, y: 2}], ['hgetall', 'h'], ['hgetall', 'nokey'], ['hmget', 'h', 'f', 'q'],
        ['hincrby', 'h', 'g', 4], ['hscan', 'h', 0], ['hrandfield', 'nokey'],
        ['zadd', 'z', 1, 'a', 2.5, 'b', 3, 'c'], ['zrange', 'z', 0, -1, 'WITHSCORES'], ['zscore', 'z', 'b'], ['zrank', 'z', 'c'],
        ['zrangebyscore', 'z', '(1', '+inf', 'WITHSCORES', 'LIMIT', 0, 1], ['zpopmin', 'z', 2], ['bzpopmax', 'z', 1], ['zmscore', 'z', 'a'],
        ['zunionstore', 'zu', 2, 'z', 's'], ['zrange', 'zu', 0, -1, 'WITHSCORES'], ['zscan', 'zu', 0],
        ['setbit', 'b', 9, 1], ['bitcount', 'b'], ['bitfield', 'b', 'SET', 'u8', 0, 255, 'GET', 'i4', 4],
        ['pfadd', 'p', 1, 2, 3], ['pfcount', 'p'], ['geoadd', 'g', 13.361389, 38.115556, 'P'], ['geosearch', 'g', 'FROMLONLAT', 13, 38,
        'BYRADIUS', 100, 'km', 'ASC', 'WITHHASH'],
        ['xadd', 'x', '1-1', 'f', 'v'], ['xrange', 'x', '-', '+'], ['xread', 'COUNT', 2, 'STREAMS', 'x', '0'], ['xread', 'BLOCK', 20,
        'STREAMS', 'x', '$'], ['xgroup', 'CREATE', 'x', 'g', '0'], ['xreadgroup', 'GROUP', 'g', 'c', 'STREAMS', 'x', '>'],
        ['xpending', 'x', 'g'], ['xinfo', 'GROUPS', 'x'], ['xack', 'x', 'g', '1-1'], ['sort', 's', 'DESC'], ['type', 'x'],
        ['lpush', 'h', 'v'], ['zadd', 'z2', 'nan', 'm'], ['hincrby', 'h', 'f', 1],
    ];
    (async () => {
        const r = new Redis({port: +process.argv[2], maxRetriesPerRequest: 1});
        const out = [];
        for (const [name, ...args] of calls) {
            let answer;
            try { answer = await r[name](...args); } catch (e) { answer = 'error: ' + e.message; }
            if (['smembers', 'sinter'].includes(name)) answer.sort();
            out.push([name, answer]);
        }
        await r.quit();
        console.log(JSON.stringify(out));
    })().catch(e => { console.error(e); process.exit(1); });
""")


@pytest.mark.needs(*NEED)
def test_ioredis_calls(pair, tmp_path):
    home = ioredis()
    script = tmp_path / "calls.js"
    script.write_text(IOREDIS_CALLS)

    def run(server):
        done = subprocess.run(["node", str(script), str(server.port)], capture_output=True, text=True, timeout=60 * SLOW,
                              env=dict(os.environ, NODE_PATH=os.path.join(home, "node_modules")))
        assert done.returncode == 0, done
        return json.loads(done.stdout)
    for got, wanted in zip(run(pair.ours), run(pair.oracle)):
        assert got == wanted
