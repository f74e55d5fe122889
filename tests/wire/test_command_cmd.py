"""COMMAND: what the table says of each command is what the oracle's says, but for what changed after 7.0."""
import pytest

from resp import error

SCRIPTS = r"""
# command arguments
COMMAND BAD
COMMAND BAD x
COMMAND COUNT x
COMMAND LIST BAD
COMMAND LIST FILTERBY
COMMAND LIST FILTERBY BAD x
COMMAND LIST FILTERBY MODULE nosuch
COMMAND LIST FILTERBY ACLCAT nosuch
COMMAND LIST FILTERBY PATTERN nosuch
COMMAND LIST FILTERBY PATTERN
COMMAND LIST FILTERBY PATTERN a b
% COMMAND LIST FILTERBY PATTERN get
% COMMAND LIST FILTERBY PATTERN client|getn*
COMMAND INFO nosuch
COMMAND INFO nosuch "client|nosuch" ""
COMMAND INFO "get|x"
COMMAND INFO "client|id|x"
COMMAND DOCS nosuch
COMMAND DOCS "client|nosuch"
COMMAND HELP
COMMAND HELP x

# getkeys
COMMAND GETKEYS
COMMAND GETKEYS GET k
COMMAND GETKEYS get k
COMMAND GETKEYS GET
COMMAND GETKEYS GET a b
COMMAND GETKEYS SET a b EX 10
COMMAND GETKEYS SET a b NX GET
COMMAND GETKEYS MSET a 1 b 2 c 3
COMMAND GETKEYS MSET a 1 b
COMMAND GETKEYS MGET a b c a
COMMAND GETKEYS DEL a b c
COMMAND GETKEYS RENAME a b
COMMAND GETKEYS COPY a b REPLACE
COMMAND GETKEYS LCS a b LEN
COMMAND GETKEYS OBJECT ENCODING k
COMMAND GETKEYS OBJECT HELP
COMMAND GETKEYS MEMORY USAGE k
COMMAND GETKEYS WATCH a b
COMMAND GETKEYS PING
COMMAND GETKEYS PING x
COMMAND GETKEYS NOSUCH a
COMMAND GETKEYS OBJECT NOSUCH k
COMMAND GETKEYS CLIENT ID x
COMMAND GETKEYS EXISTS
COMMAND GETKEYS SCAN 0 MATCH x
COMMAND GETKEYSANDFLAGS
COMMAND GETKEYSANDFLAGS GET k
COMMAND GETKEYSANDFLAGS SET k v
COMMAND GETKEYSANDFLAGS SET k v GET
COMMAND GETKEYSANDFLAGS SET k v NX EX 10 GET
COMMAND GETKEYSANDFLAGS MSET a 1 b 2
COMMAND GETKEYSANDFLAGS RENAME a b
COMMAND GETKEYSANDFLAGS COPY a b
COMMAND GETKEYSANDFLAGS GETDEL a
COMMAND GETKEYSANDFLAGS INCR a
COMMAND GETKEYSANDFLAGS PING x
COMMAND GETKEYSANDFLAGS NOSUCH x
COMMAND GETKEYSANDFLAGS LCS a b
COMMAND GETKEYSANDFLAGS APPEND a b
COMMAND GETKEYSANDFLAGS EXPIRE a 1
COMMAND GETKEYSANDFLAGS UNLINK a b
COMMAND GETKEYSANDFLAGS TOUCH a b

# getkeys list  [needs=blmove,blmpop,blpop,brpop,brpoplpush,linsert,lmove,lmpop,lpush,rpoplpush]
COMMAND GETKEYS LPUSH a 1
COMMAND GETKEYS BLPOP a b 0
COMMAND GETKEYSANDFLAGS LPUSH a 1
COMMAND GETKEYSANDFLAGS BLPOP a b 0
COMMAND GETKEYSANDFLAGS BRPOP a 0
COMMAND GETKEYSANDFLAGS LMOVE a b LEFT RIGHT
COMMAND GETKEYSANDFLAGS BLMOVE a b LEFT RIGHT 0
COMMAND GETKEYSANDFLAGS RPOPLPUSH a b
COMMAND GETKEYSANDFLAGS BRPOPLPUSH a b 0
COMMAND GETKEYSANDFLAGS LMPOP 2 a b LEFT
COMMAND GETKEYSANDFLAGS LMPOP 3 a b LEFT
COMMAND GETKEYSANDFLAGS LMPOP 4 a b LEFT
COMMAND GETKEYSANDFLAGS LMPOP 0 a LEFT
COMMAND GETKEYSANDFLAGS LMPOP -1 a LEFT
COMMAND GETKEYSANDFLAGS LMPOP x a LEFT
COMMAND GETKEYSANDFLAGS BLMPOP 0 2 a b LEFT COUNT 3
COMMAND GETKEYSANDFLAGS LINSERT a BEFORE b c

# getkeys sets  [needs=sadd,sdiff,sdiffstore,sintercard,smove,spop,sunionstore]
COMMAND GETKEYS SADD a m
COMMAND GETKEYS SMOVE a b m
COMMAND GETKEYSANDFLAGS SADD a m
COMMAND GETKEYSANDFLAGS SMOVE a b m
COMMAND GETKEYSANDFLAGS SDIFF a b
COMMAND GETKEYSANDFLAGS SDIFFSTORE d a
COMMAND GETKEYSANDFLAGS SUNIONSTORE d a b
COMMAND GETKEYSANDFLAGS SINTERCARD 1 a LIMIT 3
COMMAND GETKEYSANDFLAGS SINTERCARD 0 a
COMMAND GETKEYSANDFLAGS SPOP a

# getkeys hashes  [needs=hdel,hgetall,hmset,hrandfield,hset]
COMMAND GETKEYS HSET a f v
COMMAND GETKEYS HMSET a f
COMMAND GETKEYSANDFLAGS HSET a f v
COMMAND GETKEYSANDFLAGS HMSET a f
COMMAND GETKEYSANDFLAGS HGETALL a
COMMAND GETKEYSANDFLAGS HDEL a f g
COMMAND GETKEYSANDFLAGS HRANDFIELD a 1 WITHVALUES

# getkeys sorted sets  [needs=zadd,zdiffstore,zintercard,zunion,zinter,zdiff,zrangestore,bzpopmin,bzpopmax,bzmpop,zmpop]
COMMAND GETKEYS ZADD a 1 m
COMMAND GETKEYS ZUNIONSTORE d 2 a b
COMMAND GETKEYSANDFLAGS ZADD a 1 m
COMMAND GETKEYSANDFLAGS ZUNIONSTORE d 2 a b
COMMAND GETKEYSANDFLAGS ZUNIONSTORE d 0 a b
COMMAND GETKEYSANDFLAGS ZUNIONSTORE d x a b
COMMAND GETKEYSANDFLAGS ZUNIONSTORE d 5 a b
COMMAND GETKEYSANDFLAGS ZINTERSTORE d 1 a WEIGHTS 2
COMMAND GETKEYSANDFLAGS ZDIFFSTORE d 1 a
COMMAND GETKEYSANDFLAGS ZINTER 2 a b WEIGHTS 1 2
COMMAND GETKEYSANDFLAGS ZUNION 2 a b
COMMAND GETKEYSANDFLAGS ZDIFF 2 a b
COMMAND GETKEYSANDFLAGS ZINTERCARD 2 a b LIMIT 1
COMMAND GETKEYSANDFLAGS ZMPOP 1 a MIN
COMMAND GETKEYSANDFLAGS BZMPOP 0 1 a MIN
COMMAND GETKEYSANDFLAGS BZPOPMIN a b 0
COMMAND GETKEYSANDFLAGS BZPOPMAX a 0
COMMAND GETKEYSANDFLAGS ZRANGESTORE d s 0 -1

# getkeys bitmaps  [needs=bitfield,bitfield_ro,bitop,setbit]
COMMAND GETKEYS SETBIT a 1 1
COMMAND GETKEYS BITOP AND d a b
COMMAND GETKEYSANDFLAGS SETBIT a 1 1
COMMAND GETKEYSANDFLAGS BITOP AND d a b
COMMAND GETKEYSANDFLAGS BITOP AND d a
COMMAND GETKEYSANDFLAGS BITOP NOT d
COMMAND GETKEYSANDFLAGS BITFIELD a
COMMAND GETKEYSANDFLAGS BITFIELD a GET u8 1
COMMAND GETKEYSANDFLAGS BITFIELD a GET u8 1 SET u8 1 1
COMMAND GETKEYSANDFLAGS BITFIELD a OVERFLOW WRAP
COMMAND GETKEYSANDFLAGS BITFIELD a OVERFLOW SAT INCRBY u8 0 1
COMMAND GETKEYSANDFLAGS BITFIELD a GET u8 0 GET u8
COMMAND GETKEYSANDFLAGS BITFIELD a SET
COMMAND GETKEYSANDFLAGS BITFIELD a nonsense
COMMAND GETKEYSANDFLAGS BITFIELD_RO a GET u8 1

# getkeys hyperloglogs  [needs=pfadd,pfcount,pfdebug,pfmerge]
COMMAND GETKEYS PFADD a
COMMAND GETKEYS PFCOUNT a b
COMMAND GETKEYSANDFLAGS PFADD a
COMMAND GETKEYSANDFLAGS PFCOUNT a b
COMMAND GETKEYSANDFLAGS PFMERGE d
COMMAND GETKEYSANDFLAGS PFMERGE d a b
COMMAND GETKEYSANDFLAGS PFDEBUG x a

# getkeys geo  [needs=georadius,georadius_ro,georadiusbymember,geosearchstore]
COMMAND GETKEYS GEORADIUS a 1 1 1 m
COMMAND GETKEYS GEORADIUS a 1 1 1
COMMAND GETKEYSANDFLAGS GEORADIUS a 1 1 1 m
COMMAND GETKEYSANDFLAGS GEORADIUS a 1 1 1
COMMAND GETKEYSANDFLAGS GEORADIUS a 1 1 1 m STORE d
COMMAND GETKEYSANDFLAGS GEORADIUS a 1 1 1 m STOREDIST e
COMMAND GETKEYSANDFLAGS GEORADIUS a 1 1 1 m STORE
COMMAND GETKEYSANDFLAGS GEORADIUS a 1 1 1 m COUNT 1 ASC STORE store
COMMAND GETKEYSANDFLAGS GEORADIUSBYMEMBER a m 1 km STORE d
COMMAND GETKEYSANDFLAGS GEORADIUSBYMEMBER a m STORE d STORE
COMMAND GETKEYSANDFLAGS GEORADIUSBYMEMBER a m 1 m
COMMAND GETKEYSANDFLAGS GEORADIUS_RO a 1 1 1 m STORE d
COMMAND GETKEYSANDFLAGS GEOSEARCHSTORE d a FROMMEMBER x BYRADIUS 1 m

# getkeys streams  [needs=xadd,xgroup,xinfo,xread,xreadgroup]
COMMAND GETKEYS XADD a * f v
COMMAND GETKEYS XREAD STREAMS a b 0 0
COMMAND GETKEYSANDFLAGS XADD a * f v
COMMAND GETKEYSANDFLAGS XREAD STREAMS a b 0 0
COMMAND GETKEYSANDFLAGS XREAD STREAMS a b 0
COMMAND GETKEYSANDFLAGS XREAD COUNT 1 a b
COMMAND GETKEYSANDFLAGS XREAD BLOCK 1 COUNT 2 streams a 0
COMMAND GETKEYSANDFLAGS XREAD STREAMS streams 0
COMMAND GETKEYSANDFLAGS XREAD COUNT 1 STREAMS
COMMAND GETKEYSANDFLAGS XREADGROUP GROUP g c STREAMS a >
COMMAND GETKEYSANDFLAGS XREADGROUP GROUP streams streams NOACK COUNT 1 STREAMS a 0
COMMAND GETKEYSANDFLAGS XREADGROUP GROUP g c NOACK x STREAMS a b
COMMAND GETKEYSANDFLAGS XREADGROUP GROUP g STREAMS STREAMS a b 1 2
COMMAND GETKEYSANDFLAGS XGROUP CREATE a g $
COMMAND GETKEYSANDFLAGS XGROUP HELP
COMMAND GETKEYSANDFLAGS XGROUP NOSUCH a
COMMAND GETKEYSANDFLAGS XINFO STREAM a FULL
COMMAND GETKEYSANDFLAGS XINFO HELP

# getkeys sort  [needs=sort]
COMMAND GETKEYS SORT a
COMMAND GETKEYS SORT a BY b GET c STORE d
COMMAND GETKEYSANDFLAGS SORT a
COMMAND GETKEYSANDFLAGS SORT a BY b GET c STORE d
COMMAND GETKEYSANDFLAGS SORT a STORE d LIMIT 1 2 STORE e
COMMAND GETKEYSANDFLAGS SORT a LIMIT STORE d
COMMAND GETKEYSANDFLAGS SORT a LIMIT 0 STORE
COMMAND GETKEYSANDFLAGS SORT a GET STORE x
COMMAND GETKEYSANDFLAGS SORT a BY STORE STORE d
COMMAND GETKEYSANDFLAGS SORT a STORE
COMMAND GETKEYSANDFLAGS SORT a STORE d ASC ALPHA

# getkeys sort_ro  [needs=sort_ro]
COMMAND GETKEYS SORT_RO a BY b GET c
COMMAND GETKEYS SORT_RO a STORE d
COMMAND GETKEYSANDFLAGS SORT_RO a BY b GET c
COMMAND GETKEYSANDFLAGS SORT_RO a STORE d
"""

# What COMMAND INFO says after 7.0.15 where it is not what 7.0.15 says. Ours may say either; the newer is meant to win.
ALL_OK = {"request_policy:all_nodes", "response_policy:all_succeeded"}
NEWER = {
    "acl|deluser": {"tips": ALL_OK},
    "acl|save": {"tips": ALL_OK},
    "acl|setuser": {"tips": ALL_OK},
    "blmove": {"flags": {"blocking", "denyoom", "write"}},
    "blpop": {"flags": {"blocking", "write"}},
    "brpop": {"flags": {"blocking", "write"}},
    "brpoplpush": {"flags": {"blocking", "denyoom", "write"}},
    "bzpopmax": {"flags": {"blocking", "fast", "write"}},
    "bzpopmin": {"flags": {"blocking", "fast", "write"}},
    "client|setname": {"tips": ALL_OK},
    "cluster|shards": {"flags": {"loading", "stale"}},
    "cluster|slots": {"flags": {"loading", "stale"}},
    "command|getkeys": {"arity": -3},
    "command|getkeysandflags": {"arity": -3},
    "config|resetstat": {"tips": ALL_OK},
    "config|rewrite": {"tips": ALL_OK},
    "latency|reset": {"tips": {"request_policy:all_nodes", "response_policy:agg_sum"}},
    "msetnx": {"tips": set()},
    "randomkey": {"tips": {"request_policy:all_shards", "response_policy:special", "nondeterministic_output"}},
    "scan": {"tips": {"nondeterministic_output", "request_policy:special", "response_policy:special"}},
    "sinterstore": {"key_flags": [{b"OW", b"update"}, {b"RO", b"access"}]},
    "wait": {"acl": {"@blocking", "@connection", "@slow"}, "flags": {"blocking"}},
    "zrank": {"arity": -3},
    "zrevrank": {"arity": -3},
}

# Commands newer than the oracle, for those of them that we have.
HASH_WRITE = {"acl": {"@write", "@hash", "@fast"}, "flags": {"write", "fast"}, "keys": (1, 1, 1)}
HASH_READ = {"arity": -5, "acl": {"@read", "@hash", "@fast"}, "flags": {"readonly", "fast"}, "keys": (1, 1, 1)}
SET_CARD = {"arity": -3, "acl": {"@read", "@set", "@slow"}, "flags": {"readonly", "movablekeys"}, "keys": (0, 0, 0)}
STREAM_DEL = {"acl": {"@write", "@stream", "@fast"}, "flags": {"write", "fast"}, "keys": (1, 1, 1)}
ADDED = {
    "hexpire": dict(HASH_WRITE, arity=-6),
    "hexpireat": dict(HASH_WRITE, arity=-6),
    "hexpiretime": HASH_READ,
    "hgetdel": dict(HASH_WRITE, arity=-5),
    "hgetex": dict(HASH_WRITE, arity=-5),
    "hpersist": dict(HASH_WRITE, arity=-5),
    "hpexpire": dict(HASH_WRITE, arity=-6),
    "hpexpireat": dict(HASH_WRITE, arity=-6),
    "hpexpiretime": HASH_READ,
    "hpttl": dict(HASH_READ, tips={"nondeterministic_output"}),
    "hsetex": dict(HASH_WRITE, arity=-6, flags={"write", "denyoom", "fast"}),
    "httl": dict(HASH_READ, tips={"nondeterministic_output"}),
    "sdiffcard": SET_CARD,
    "sunioncard": SET_CARD,
    "xackdel": dict(STREAM_DEL, arity=-6),
    "xdelex": dict(STREAM_DEL, arity=-5),
    "client|no-touch": {"arity": 3, "flags": {"loading", "noscript", "stale"}, "acl": {"@connection", "@slow"}},
    "client|setinfo": {"arity": 4, "flags": {"loading", "noscript", "stale"}, "acl": {"@connection", "@slow"}},
    "msetex": {"arity": -4, "flags": {"write", "denyoom", "movablekeys"}, "acl": {"@write", "@string", "@slow"}},
    "delifeq": {"arity": 3, "acl": {"@write", "@string"}},
    "delex": {"arity": -2, "acl": {"@write", "@string", "@fast"}},
    "digest": {"arity": 2, "flags": {"readonly", "fast"}, "acl": {"@read", "@string", "@fast"}},
    "waitaof": {"arity": 4, "flags": {"blocking"}, "acl": {"@blocking", "@connection", "@slow"}},
}


def test_script(pair, script, script_proto):
    with pair.compare(script_proto) as comparison:
        comparison.run(script)


def deep(reply):
    """A reply as hashable Python values: sets and arrays of strings become sets."""
    value = reply.value
    if not isinstance(value, list):
        return value
    if reply.kind == "%":
        return tuple((k.value, deep(v)) for k, v in zip(value[::2], value[1::2]))
    items = [deep(v) for v in value]
    return tuple(items)


def spec(reply):
    """A key specification, RESP2 or RESP3, as nested pairs; its flags as a set; without the notes, which are our own."""
    pairs = list(zip(reply.value[::2], reply.value[1::2]))
    return tuple((k.value, frozenset(f.value for f in v.value) if k.value == b"flags" else
                  spec(v) if isinstance(v.value, list) else v.value) for k, v in pairs if k.value != b"notes")


def key_flags(entry):
    return [set(dict(s)[b"flags"]) for s in entry["specs"]]


def describe(reply):
    """One element of COMMAND INFO as {field: value}."""
    name, arity, flags, first, last, step, acl, tips, specs, subs = reply.value
    def texts(r):
        return {v.text for v in r.value}
    return {"name": name.text, "arity": arity.value, "flags": texts(flags), "keys": (first.value, last.value, step.value),
            "acl": texts(acl), "tips": texts(tips), "specs": [spec(s) for s in specs.value],
            "subs": {s.value[0].text: s for s in subs.value}}


def every_command(conn):
    commands = {}
    for reply in conn.call("COMMAND").value:
        entry = describe(reply)
        commands[entry["name"]] = entry
        for sub in entry["subs"].values():
            described = describe(sub)
            commands[described["name"]] = described
    return commands


def test_each_command_field_by_field(pair, proto):
    ours, oracle = pair.both(proto)
    mine, theirs = every_command(ours), every_command(oracle)
    ours.close()
    oracle.close()
    wrong = []
    for name, entry in sorted(mine.items()):
        expected = theirs.get(name)
        changed = NEWER.get(name, {})
        if expected is None:
            for field, value in ADDED.get(name, {}).items():
                if not value <= entry[field] if field in ("acl", "tips") else entry[field] != value:
                    wrong.append("%s %s: %s, documented: %s" % (name, field, entry[field], value))
            continue
        if "key_flags" in changed and key_flags(entry) == changed["key_flags"]:
            expected["specs"] = entry["specs"]
        for field in ("arity", "flags", "keys", "acl", "tips", "specs"):
            if entry[field] not in (expected[field], changed.get(field, expected[field])):
                wrong.append("%s %s: %s, oracle: %s" % (name, field, entry[field], expected[field]))
    assert not wrong, "\n".join(wrong)


def test_wire_types_of_info(pair, proto):
    """Types as the oracle's: flags are simple strings, in RESP3 in sets."""
    ours, oracle = pair.both(proto)

    def kinds(reply, depth=0):
        if isinstance(reply.value, list):
            return (reply.kind, tuple(sorted({repr(kinds(v, depth + 1)) for v in reply.value})) if depth > 1 else
                    tuple(kinds(v, depth + 1) for v in reply.value))
        return reply.kind
    for name in ("get", "set", "mset", "client|id", "ping", "nosuch"):
        mine, theirs = (c.call("COMMAND", "INFO", name) for c in (ours, oracle))
        assert kinds(mine) == kinds(theirs), name
    ours.close()
    oracle.close()


STRING = ("append decr decrby get getdel getex getrange getset incr incrby incrbyfloat lcs mget mset msetnx psetex set "
          "setex setnx setrange strlen substr")
GENERIC = ("copy del exists expire expireat expiretime keys move object object|encoding object|freq object|help "
           "object|idletime object|refcount persist pexpire pexpireat pexpiretime pttl randomkey rename renamenx scan touch "
           "ttl type unlink")
CONNECTION = ("auth client client|getname client|help client|id client|info client|kill client|list "
              "client|no-evict client|pause client|reply client|setname client|unblock client|unpause echo hello ping quit "
              "reset select")
SERVER = ("command command|count command|docs command|getkeys command|getkeysandflags command|help command|info "
          "command|list config config|get config|help config|resetstat config|rewrite config|set dbsize debug flushall "
          "flushdb info lolwut memory memory|help memory|usage shutdown swapdb time")
TRANSACTIONS = "discard exec multi unwatch watch"
NEW = "client|no-touch client|setinfo msetex"

# Families, each with the command that says that the family is there.
FAMILIES = {
    "blmpop": "blmove blmpop blpop brpop brpoplpush lindex linsert llen lmove lmpop lpop lpos lpush lpushx lrange lrem "
              "lset ltrim rpop rpoplpush rpush rpushx",
    "sinterstore": "sadd scard sdiff sdiffstore sinter sintercard sinterstore sismember smembers smismember smove spop "
                   "srandmember srem sscan sunion sunionstore",
    "hset": "hdel hexists hget hgetall hincrby hincrbyfloat hkeys hlen hmget hmset hrandfield hscan hset hsetnx "
            "hstrlen hvals",
    "bzmpop": "bzmpop bzpopmax bzpopmin zadd zcard zcount zdiff zdiffstore zincrby zinter zintercard zinterstore "
              "zlexcount zmpop zmscore zpopmax zpopmin zrandmember zrange zrangebylex zrangebyscore zrangestore zrank "
              "zrem zremrangebylex zremrangebyrank zremrangebyscore zrevrange zrevrangebylex zrevrangebyscore zrevrank "
              "zscan zscore zunion zunionstore",
    "bitfield": "bitcount bitfield bitfield_ro bitop bitpos getbit setbit",
    "pfselftest": "pfadd pfcount pfdebug pfmerge pfselftest",
    "geosearchstore": "geoadd geodist geohash geopos georadius georadius_ro georadiusbymember georadiusbymember_ro "
                      "geosearch geosearchstore",
    "xautoclaim": "xack xadd xautoclaim xclaim xdel xgroup xgroup|create xgroup|createconsumer xgroup|delconsumer "
                  "xgroup|destroy xgroup|help xgroup|setid xinfo xinfo|consumers xinfo|groups xinfo|help xinfo|stream "
                  "xlen xpending xrange xread xreadgroup xrevrange xsetid xtrim",
    "sort_ro": "sort sort_ro",
}
NEW_OF_FAMILIES = {
    "hsetex": "hexpire hexpireat hexpiretime hgetdel hgetex hpersist hpexpire hpexpireat hpexpiretime hpttl hsetex "
              "httl",
    "sunioncard": "sdiffcard sunioncard",
    "xackdel": "xackdel xdelex",
    "digest": "delex delifeq digest",
}


def family(names, *marks):
    return [pytest.param(text, marks=[pytest.mark.needs(name), *marks], id=name) for name, text in names.items()]


@pytest.mark.parametrize("names", [STRING, GENERIC, CONNECTION, SERVER, TRANSACTIONS] + family(FAMILIES), ids=[
    "string", "generic", "connection", "server", "transactions"] + list(FAMILIES))
def test_commands_that_must_exist(pair, names):
    with pair.ours.conn() as conn:
        known = every_command(conn)
        assert sorted(set(names.split()) - set(known)) == []


@pytest.mark.cairn_only
@pytest.mark.parametrize("names", [pytest.param(NEW, id="various")] + family(NEW_OF_FAMILIES))
def test_new_commands_that_must_exist(pair, names):
    with pair.ours.conn() as conn:
        assert sorted(set(names.split()) - set(every_command(conn))) == []


def test_count_list_and_command_agree(ours):
    count = ours.call("COMMAND", "COUNT").value
    top = ours.call("COMMAND").value
    assert len(top) == count
    listed = [r.text for r in ours.call("COMMAND", "LIST").value]
    assert len(listed) == len(set(listed))
    every = every_command(ours)
    assert set(listed) in (set(every), {n for n in every if "|" not in n})
    assert len(ours.call("COMMAND", "INFO").value) == count


def test_list_filters(pair):
    ours, oracle = pair.both()
    for category in ("string", "keyspace", "transaction", "read", "fast", "dangerous", "connection", "admin", "list",
                     "set", "hash", "sortedset", "bitmap", "hyperloglog", "geo", "stream", "blocking", "write", "slow"):
        mine, theirs = ({r.text for r in c.call("COMMAND", "LIST", "FILTERBY", "ACLCAT", category).value}
                        for c in (ours, oracle))
        known = set(every_command(ours))
        changed = set(NEWER) | set(ADDED)
        assert mine - changed - (known - set(every_command(oracle))) == (theirs & known) - changed
    for pattern in ("get*", "*EX", "client|*", "?et", "[sg]et"):
        mine, theirs = ({r.text for r in c.call("COMMAND", "LIST", "FILTERBY", "PATTERN", pattern).value}
                        for c in (ours, oracle))
        known = set(every_command(ours))
        assert mine - (known - set(every_command(oracle))) == theirs & known
    ours.close()
    oracle.close()


DOC_KEYS = {"summary": "$", "since": "$", "group": "$", "complexity": "$"}


def test_docs_shape(pair, proto):
    """A map by name; summary, since, group, complexity, arguments in the oracle's types; facts equal, sentences ours."""
    ours, oracle = pair.both(proto)
    for names in (("get",), ("set", "copy"), ("client|kill",), ("GET", "nosuch")):
        mine, theirs = (c.call("COMMAND", "DOCS", *names) for c in (ours, oracle))
        assert mine.kind == theirs.kind == ("*" if proto == 2 else "%")
        assert [r.text for r in mine.value[::2]] == [r.text for r in theirs.value[::2]]
        for a, b in zip(mine.value[1::2], theirs.value[1::2]):
            assert a.kind == b.kind
            fields_a, fields_b = ({k.text: v for k, v in zip(r.value[::2], r.value[1::2])} for r in (a, b))
            for field, kind in DOC_KEYS.items():
                if field in fields_b:
                    assert fields_a[field].kind == kind, field
            assert fields_a["since"] == fields_b["since"] and fields_a["group"] == fields_b["group"]
    ours.close()
    oracle.close()


# Arguments that are told in another way since 7.2, or became optional with a newer alternative.
NEWER_ARGUMENTS = {"bitop", "command|getkeys", "command|getkeysandflags", "geosearch", "geosearchstore", "pfmerge"}


def is_newer(version):
    return tuple(map(int, version.split("."))) > (7, 0, 15)


def fields_of(doc):
    return {k.text: v for k, v in zip(doc.value[::2], doc.value[1::2])}


def old_arguments(reply):
    """Argument trees as nested tuples, without the arguments that are newer than the oracle."""
    args = []
    for item in reply.value:
        fields = fields_of(item)
        if "since" in fields and is_newer(fields["since"].text):
            continue
        plain = {k: v.value for k, v in fields.items() if k not in ("arguments", "flags", "display_text")}
        flags = sorted(f.text for f in fields["flags"].value) if "flags" in fields else []
        children = old_arguments(fields["arguments"]) if "arguments" in fields else ()
        args.append((tuple(sorted(plain.items())), tuple(flags), children))
    return tuple(args)


def facts_of_docs(reply):
    """{name: facts} of a reply to COMMAND DOCS, subcommands too; what is newer than the oracle is left out."""
    facts = {}
    for name, doc in zip(reply.value[::2], reply.value[1::2]):
        fields = fields_of(doc)
        fact = {k: fields[k].value for k in ("since", "group", "deprecated_since", "replaced_by") if k in fields}
        fact["doc_flags"] = {f.text for f in fields["doc_flags"].value} if "doc_flags" in fields else set()
        history = fields["history"].value if "history" in fields else []
        fact["history"] = [h.value[0].text for h in history if not is_newer(h.value[0].text)]
        fact["arguments"] = old_arguments(fields["arguments"]) if "arguments" in fields else ()
        if name.text in NEWER_ARGUMENTS:
            del fact["arguments"]
        facts[name.text] = fact
        if "subcommands" in fields:
            facts.update(facts_of_docs(fields["subcommands"]))
    return facts


def test_docs_fact_by_fact(pair, proto):
    ours, oracle = pair.both(proto)
    mine, theirs = (facts_of_docs(c.call("COMMAND", "DOCS")) for c in (ours, oracle))
    ours.close()
    oracle.close()
    wrong = ["%s %s: %s, oracle: %s" % (name, field, fact, theirs[name].get(field))
             for name in sorted(set(mine) & set(theirs)) for field, fact in mine[name].items()
             if fact != theirs[name].get(field)]
    assert not wrong, "\n".join(wrong)


def getkeys_cases():
    """Where the oracle is too old, or where its key specifications miss the keys that the command uses."""
    cases = [
        ("HSETEX k FIELDS 1 f v", "k", ("RW", "update")),
        ("HGETDEL k FIELDS 1 f", "k", ("RW", "access", "delete")),
        ("HTTL k FIELDS 1 f", "k", ("RO", "access")),
        ("SUNIONCARD 2 a b LIMIT 1", "a b", ("RO", "access")),
        ("SDIFFCARD 1 a", "a", ("RO", "access")),
        ("XACKDEL k g IDS 1 1-1", "k", ("RW", "delete")),
        ("DELEX k", "k", ("RM", "delete")),
        ("DELEX k IFEQ v", "k", ("RW", "delete")),
        ("DIGEST k", "k", ("RO", "access")),
        ("ZRANK k m WITHSCORE", "k", ("RO", "access")),
        ("XREAD COUNT streams STREAMS a b 0 0", "a b", ("RO", "access")),
        ("XREADGROUP COUNT 1 GROUP g streams STREAMS a >", "a", ("RO", "access")),
    ]
    return [pytest.param(line, keys, flags, id=line.split()[0].lower() + str(i),
                         marks=[pytest.mark.cairn_only, pytest.mark.needs(line.split()[0].lower())])
            for i, (line, keys, flags) in enumerate(cases)]


@pytest.mark.parametrize("line,keys,flags", getkeys_cases())
def test_getkeys_beyond_the_oracle(ours, line, keys, flags):
    reply = ours.call("COMMAND", "GETKEYSANDFLAGS", *line.split())
    told = [(k.value[0].text, {f.text for f in k.value[1].value}) for k in reply.value]
    assert told == [(key, set(flags)) for key in keys.split()]


@pytest.mark.cairn_only
@pytest.mark.needs("georadius")
def test_getkeys_tells_every_destination(ours):
    reply = ours.call("COMMAND", "GETKEYS", "GEORADIUS", "a", "1", "1", "1", "m", "STORE", "d", "STORE", "e")
    assert [k.text for k in reply.value] == ["a", "d", "e"]


def test_docs_of_all(ours):
    reply = ours.call("COMMAND", "DOCS")
    assert len(reply.value) == 2 * ours.call("COMMAND", "COUNT").value
    for name, doc in zip(reply.value[::2], reply.value[1::2]):
        fields = {k.text for k in doc.value[::2]}
        assert {"summary", "since", "group"} <= fields, name
    assert ours.call("COMMAND", "DOCS", "nosuch").value == []


def test_arity_is_enforced(pair):
    """Each command with fewer arguments than its arity asks for gives the oracle's error."""
    ours, oracle = pair.both()
    theirs = every_command(oracle)
    for name, entry in every_command(ours).items():
        if name not in theirs or theirs[name]["arity"] != entry["arity"]:
            continue
        words = name.split("|")
        short = abs(entry["arity"]) - 1
        if short >= len(words) and name not in ("shutdown", "reset", "quit", "monitor", "sync", "psync"):
            args = words + ["x"] * (short - len(words))
            assert ours.call(*args) == oracle.call(*args), args
            assert ours.call(*args).text.startswith("ERR wrong number of arguments for '%s' command" % name) or \
                ours.call(*args) == oracle.call(*args)
        if entry["arity"] > 0 and name not in ("shutdown", "reset", "quit", "monitor", "sync"):
            args = words + ["x"] * (entry["arity"] - len(words) + 1)
            assert ours.call(*args) == oracle.call(*args), args
    ours.close()
    oracle.close()


def test_unknown_subcommand(pair):
    ours, oracle = pair.both()
    for container in ("client", "config", "object", "command", "memory", "xgroup", "xinfo"):
        if not pair.knows(container):
            continue
        alone = () if container == "command" else ((container,),)
        for args in alone + ((container, "nosuch"), (container, "nosuch", "a"), (container, "")):
            assert ours.call(*args) == oracle.call(*args), args
    assert ours.call("object", "nosuch") == error("ERR unknown subcommand 'nosuch'. Try OBJECT HELP.")
    ours.close()
    oracle.close()
