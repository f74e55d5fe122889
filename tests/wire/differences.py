"""Where our answers are meant to differ from those of redis-server 7.0.15, each with the reason.

The tests consult `intended()` whenever two replies are not equal. An entry names the commands it is about (a regular
expression on the command line, case-insensitive), says why, and decides whether the two replies differ only in the
way that it allows. Whatever stands in no entry is a bug.
"""
import re

from resp import Reply


class Difference:
    def __init__(self, name, command, reason, same):
        self.name, self.command, self.reason, self.same = name, re.compile(command, re.I | re.S), reason, same


def _without_hello(reply):
    """The reply with version and id of every HELLO answer in it blanked."""
    if not isinstance(reply.value, list):
        return reply
    items = [_without_hello(r) for r in reply.value]
    if items and items[0] == Reply("$", b"server"):
        for i in range(0, len(items), 2):
            if items[i].value in (b"version", b"id"):
                items[i + 1] = Reply(items[i + 1].kind, None)
    return Reply(reply.kind, items)


def _hello(ours, theirs):
    return _without_hello(ours) == _without_hello(theirs)


def _both_integers(ours, theirs):
    return ours.kind == theirs.kind == ":"


def _same_shape_of_help(ours, theirs):
    """An array of simple strings under the same headline, ending in the HELP entry."""
    if ours.kind != theirs.kind or not isinstance(ours.value, list) or len(ours.value) < 3:
        return False
    return ours.value[0] == theirs.value[0] and ours.value[-2:] == theirs.value[-2:] and \
        all(line.kind == "+" for line in ours.value)


def _ours_is_error(*texts):
    return lambda ours, theirs: ours.is_error and any(re.fullmatch(t, ours.text) for t in texts)


def _shortest(ours, theirs):
    """Whether one text is the shortest of a double, and the other one all 17 digits of the same."""
    try:
        number = float(ours.text)
    except ValueError:
        return False
    if ours.text == "-0" and theirs.text == "0":
        return True     # a small sorted set of the oracle forgets the sign of zero, a large one does not; ours never do
    digits = re.sub(r"e.*|[-+.]", "", ours.text).strip("0")
    return theirs.text == "%.17g" % number and len(digits) <= len(re.sub(r"e.*|[-+.]", "", repr(number)).strip("0"))


def _same_scores(ours, theirs):
    if ours == theirs:
        return True
    if ours.kind != theirs.kind:
        return False
    if isinstance(ours.value, list):
        return len(ours.value) == len(theirs.value) and all(map(_same_scores, ours.value, theirs.value))
    return ours.kind in "$,+" and _shortest(ours, theirs)


def _same_positions(ours, theirs):
    """Decimals beyond those that a double has do not count."""
    if ours == theirs:
        return True
    if ours.kind != theirs.kind:
        return False
    if isinstance(ours.value, list):
        return len(ours.value) == len(theirs.value) and all(map(_same_positions, ours.value, theirs.value))
    try:
        return b"." in theirs.value and abs(float(ours.value) - float(theirs.value)) < 1e-14 * 180
    except (TypeError, ValueError):
        return False
def _near(a, b, most):
    return a.kind == b.kind == ":" and abs(a.value - b.value) <= most


def _stream_value(name, ours, theirs):
    if name == b"radix-tree-nodes":
        return ours.kind == theirs.kind == ":"
    if name in (b"lag", b"entries-read"):    # test_stream_random.py has a test of its own for them
        return ours.kind in (":", "$-1", "_")
    if name in (b"idle", b"seen-time"):
        return _near(ours, theirs, 5000)
    return _stream_facts(ours, theirs)


def _stream_facts(ours, theirs):
    """Equal but for times, the nodes of the tree, and the fields that 7.2 added."""
    if ours == theirs:
        return True
    if ours.kind != theirs.kind or not isinstance(ours.value, list):
        return _near(ours, theirs, 5000) and ours.value > 10**12 < theirs.value
    mine, other = list(ours.value), list(theirs.value)
    names = [x.value for x in mine[::2] if x.kind == "$"]
    for added in (b"inactive", b"active-time"):
        if len(mine) % 2 == 0 and added in names:
            at = 2 * [x.value for x in mine[::2]].index(added)
            del mine[at:at + 2]
    if len(mine) != len(other):
        return False
    if len(mine) == 4 and mine[2].kind == other[2].kind == ":":    # of XPENDING: ID, consumer, idle for, count
        return mine[:2] == other[:2] and mine[3] == other[3] and _near(mine[2], other[2], 5000)
    if len(mine) % 2 == 0 and mine[::2] == other[::2] and b"name" in names or b"length" in names:
        return all(_stream_value(a.value, b, c) for a, b, c in zip(mine[::2], mine[1::2], other[1::2]))
    return all(map(_stream_facts, mine, other))


# Values that differ between any two servers, of any make.
VOLATILE = [
    Difference("stream-times", r"(xinfo|xpending)\b", "times; XINFO has the fields of 7.2 (inactive, active-time), and the lag "
               "as 7.4 has it, right after trimming, too; another tree has other nodes", _stream_facts),
    Difference("client-id", r"client id$", "each server counts its own connections", _both_integers),
    Difference("used-memory", r"memory usage ", "the layout of memory is ours; the number is checked for its size "
               "elsewhere", _both_integers),
]

INTENDED = [
    Difference("hello", r"(hello|exec)\b", "HELLO reports version 7.4.0 (and an id of its own)", _hello),
    Difference("help", r"\S+ help$", "help texts are our own sentences, and list what we have", _same_shape_of_help),
    Difference("scan-unknown-type", r"scan .* type ", "Redis 8 refuses a type name that it does not know, 7.0 finds no "
               "key of it", _ours_is_error(r"ERR unknown type name '.*'")),
    Difference("scan-cursor-nul", r"(scan|[hsz]scan \S+) [0-9]+\x00", "a cursor is a number as a whole, not up to the first NUL byte",
               _ours_is_error(r"ERR invalid cursor")),
    Difference("loglevel-nothing", r"config set loglevel ", "7.2 added the log level nothing, which the error lists",
               lambda ours, theirs: ours.text.replace(", nothing", "") == theirs.text),
    Difference("getkeys-no-keys", r"command getkeys(andflags)? \S+$", "the arity of COMMAND GETKEYS became -3 in 7.2, so "
               "a command without arguments gets past it",
               _ours_is_error(r"ERR The command has no key arguments",
                              r"ERR Invalid number of arguments specified for command",
                              r"ERR Invalid command specified")),
    Difference("getkeys-pfmerge-alone", r"command getkeys(andflags)? pfmerge \S+$", "PFMERGE without sources is allowed, "
               "and its destination is a key",
               lambda ours, theirs: len(ours.value) == 1 and
               theirs.text == "ERR Invalid arguments specified for command"),
    Difference("timeout-range", r"b(l|r|z)", "7.0 lets a time-out of more milliseconds than 64 bits hold become negative",
               lambda ours, theirs: ours.text == "ERR timeout is out of range" and theirs.text == "ERR timeout is negative"),
    Difference("lpos-rank", r"lpos .* rank -9223372036854775808", "7.2 refuses the one rank that cannot be negated",
               _ours_is_error("ERR value is out of range, value must between -9223372036854775807 and 9223372036854775807")),
    Difference("score-text", r"(b?z|exec\b)", "7.2 and later print scores in their shortest form", _same_scores),
    Difference("bits-of-nothing", r"bit(count|pos) (missing|l) ", "Redis 8 checks the arguments of BITCOUNT and BITPOS "
               "before it looks for the key", _ours_is_error(r"ERR syntax error",
                                                             r"ERR value is not an integer or out of range")),
    Difference("bitfield-offset", r"bitfield .* #\d{19}", "a number of fields that overflows as a number of bits is out of "
               "range, and not what is left of it", _ours_is_error(r"ERR bit offset is not an integer or out of range")),
    Difference("geo-position-text", r"(geo(pos|search|radius)|exec\b)", "newer Redis prints positions in the shortest form "
               "that gives the same double, 7.0 always with 17 decimals", _same_positions),
    Difference("xread-plus", r"xread .*\+", "7.4 takes + for the last entry",
               lambda ours, theirs: theirs.text == "ERR Invalid stream ID specified as stream command argument"),
    Difference("double-text", r"debug protocol double", "7.2 and later print doubles in their shortest form",
               lambda ours, theirs: ours.text.rstrip("0") == theirs.text.rstrip("0")),
]

# COMMAND INFO is compared field by field; these fields of these commands changed after 7.0.15.
# What they became is in the file of test_command_cmd.py.


def intended(args, ours, theirs):
    line = b" ".join(args).decode("utf-8", "backslashreplace")
    return any(d.command.match(line) and d.same(ours, theirs) for d in VOLATILE + INTENDED)


__all__ = ["intended", "INTENDED", "VOLATILE", "Difference", "Reply"]
