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
    "wait": {"acl": {"@blocking", "@connection", "@slow"}, "flags": {"blocking"}},
    "zrank": {"arity": -3},
    "zrevrank": {"arity": -3},
}

# Commands newer than the oracle, for those of them that we have.
ADDED = {
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
        if expected is None:
            for field, value in ADDED.get(name, {}).items():
                if entry[field] != value if field in ("arity", "flags") else not value <= entry[field]:
                    wrong.append("%s %s: %s, documented: %s" % (name, field, entry[field], value))
            continue
        for field in ("arity", "flags", "keys", "acl", "tips", "specs"):
            if entry[field] not in (expected[field], NEWER.get(name, {}).get(field, expected[field])):
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


@pytest.mark.parametrize("names", [STRING, GENERIC, CONNECTION, SERVER, TRANSACTIONS], ids=[
    "string", "generic", "connection", "server", "transactions"])
def test_commands_that_must_exist(pair, names):
    with pair.ours.conn() as conn:
        known = every_command(conn)
        assert sorted(set(names.split()) - set(known)) == []


@pytest.mark.cairn_only
def test_new_commands_that_must_exist(pair):
    with pair.ours.conn() as conn:
        assert sorted(set(NEW.split()) - set(every_command(conn))) == []


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
    for category in ("string", "keyspace", "transaction", "read", "fast", "dangerous", "connection", "admin"):
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
    for container in ("client", "config", "object", "command", "memory"):
        alone = () if container == "command" else ((container,),)
        for args in alone + ((container, "nosuch"), (container, "nosuch", "a"), (container, "")):
            assert ours.call(*args) == oracle.call(*args), args
    assert ours.call("object", "nosuch") == error("ERR unknown subcommand 'nosuch'. Try OBJECT HELP.")
    ours.close()
    oracle.close()
