/* The commands on strings: their records. Handlers: string_cmds.h. */
#include "cmd/string_cmds.h"

#include "engine/command_keys.h"
#include "engine/command_meta.h"

#define STRING(name, run, arity, flags) COMMAND(GROUP_STRING, name, run, arity, flags, ACL_STRING)
#define READ (CMD_READONLY | CMD_PARTITION_SAFE)
#define WRITE (CMD_WRITE | CMD_PARTITION_SAFE)
#define GROW (WRITE | CMD_DENYOOM) /* may need more memory */

/* SET reads the old value only when it is asked to return it or to compare with it. */
static int set_keys(const struct slice *argv, int argc, struct key_ref *out, int max)
{
    uint32_t flags = KEY_OW | KEY_UPDATE;
    for (int i = 3; i < argc; i++) {
        bool compares = slice_is(argv[i], "ifeq") || slice_is(argv[i], "ifne") || slice_is(argv[i], "ifdeq") ||
                        slice_is(argv[i], "ifdne");
        if (compares || slice_is(argv[i], "get")) flags = KEY_RW | KEY_ACCESS | KEY_UPDATE;
        if (compares || slice_is(argv[i], "ex") || slice_is(argv[i], "px") || slice_is(argv[i], "exat") ||
            slice_is(argv[i], "pxat"))
            i++; /* its value is no option */
    }
    if (max > 0) out[0] = (struct key_ref){1, flags};
    return 1;
}

/* Without a condition the value is not looked at. */
static int delex_keys(const struct slice *argv, int argc, struct key_ref *out, int max)
{
    (void)argv;
    if (max > 0) out[0] = (struct key_ref){1, (argc > 2 ? KEY_RW : KEY_RM) | KEY_DELETE};
    return 1;
}

/* clang-format off: a table, one command after the other in the order of their names */
const struct command string_commands[] = {
    {STRING("append", cmd_append, 3, GROW | CMD_FAST), ONE_KEY(KEY_RW | KEY_INSERT),
     DOCS("2.0.0", "O(1) amortised; O(M) in the length of what is added",
          "Adds bytes to the end of a string, creating it when absent."),
     ARGS(KEY_ARG("key"), ARG("value", ARG_STRING))},
    {STRING("decr", cmd_decr, 2, GROW | CMD_FAST), ONE_KEY(KEY_RW | KEY_ACCESS | KEY_UPDATE),
     DOCS("1.0.0", "O(1)", "Subtracts one from the integer at a key."), ARGS(KEY_ARG("key"))},
    {STRING("decrby", cmd_decrby, 3, GROW | CMD_FAST), ONE_KEY(KEY_RW | KEY_ACCESS | KEY_UPDATE),
     DOCS("1.0.0", "O(1)", "Subtracts a number from the integer at a key."),
     ARGS(KEY_ARG("key"), ARG("decrement", ARG_INTEGER))},
    {STRING("delex", cmd_delex, -2, WRITE | CMD_FAST),
     ONE_KEY(KEY_RW | KEY_DELETE | KEY_VARIABLE_FLAGS, NOTES("Only with a condition does it read the value")),
     .getkeys = delex_keys,
     DOCS("8.4.0", "O(N) in the length of the string; O(1) without a condition",
          "Deletes a key, if asked to only when its string, or the digest of it, is or is not the given one."),
     ARGS(KEY_ARG("key"),
          ARG("condition", ARG_ONEOF, OPTIONAL,
              CHILDREN(ARG("ifeq-value", ARG_STRING, AFTER("IFEQ")), ARG("ifne-value", ARG_STRING, AFTER("IFNE")),
                       ARG("ifdeq-digest", ARG_STRING, AFTER("IFDEQ")),
                       ARG("ifdne-digest", ARG_STRING, AFTER("IFDNE")))))},
    {STRING("delifeq", cmd_delifeq, 3, WRITE), ONE_KEY(KEY_RW | KEY_ACCESS | KEY_DELETE),
     DOCS("9.0.0", "O(N) in the length of the string", "Deletes a key that holds exactly the given string."),
     ARGS(KEY_ARG("key"), ARG("value", ARG_STRING))},
    {STRING("digest", cmd_digest, 2, READ | CMD_FAST), ONE_KEY(KEY_RO | KEY_ACCESS),
     DOCS("8.4.0", "O(N) in the length of the string", "Returns the XXH3 digest of the string at a key."),
     ARGS(KEY_ARG("key"))},
    {STRING("get", cmd_get, 2, READ | CMD_FAST), ONE_KEY(KEY_RO | KEY_ACCESS),
     DOCS("1.0.0", "O(1)", "Returns the string at a key."), ARGS(KEY_ARG("key"))},
    {STRING("getdel", cmd_getdel, 2, WRITE | CMD_FAST), ONE_KEY(KEY_RW | KEY_ACCESS | KEY_DELETE),
     DOCS("6.2.0", "O(1)", "Returns the string at a key and deletes the key."), ARGS(KEY_ARG("key"))},
    {STRING("getex", cmd_getex, -2, WRITE | CMD_FAST),
     ONE_KEY(KEY_RW | KEY_ACCESS | KEY_UPDATE,
             NOTES("The options change the expiry, a plain call only reads")),
     DOCS("6.2.0", "O(1)", "Returns the string at a key and can change its expiry."),
     ARGS(KEY_ARG("key"),
          ARG("expiration", ARG_ONEOF, OPTIONAL,
              CHILDREN(ARG("seconds", ARG_INTEGER, AFTER("EX")), ARG("milliseconds", ARG_INTEGER, AFTER("PX")),
                       ARG("unix-time-seconds", ARG_UNIX_TIME, AFTER("EXAT")),
                       ARG("unix-time-milliseconds", ARG_UNIX_TIME, AFTER("PXAT")), TOKEN("persist", "PERSIST"))))},
    {STRING("getrange", cmd_getrange, 4, READ), ONE_KEY(KEY_RO | KEY_ACCESS),
     DOCS("2.4.0", "O(N) in the length of the part", "Returns the part of a string between two offsets."),
     ARGS(KEY_ARG("key"), ARG("start", ARG_INTEGER), ARG("end", ARG_INTEGER))},
    {STRING("getset", cmd_getset, 3, GROW | CMD_FAST), ONE_KEY(KEY_RW | KEY_ACCESS | KEY_UPDATE),
     DOCS("1.0.0", "O(1)", "Stores a string and returns the one it replaces."),
     DEPRECATED("6.2.0", "`SET` with the `!GET` argument"), ARGS(KEY_ARG("key"), ARG("value", ARG_STRING))},
    {STRING("incr", cmd_incr, 2, GROW | CMD_FAST), ONE_KEY(KEY_RW | KEY_ACCESS | KEY_UPDATE),
     DOCS("1.0.0", "O(1)", "Adds one to the integer at a key."), ARGS(KEY_ARG("key"))},
    {STRING("incrby", cmd_incrby, 3, GROW | CMD_FAST), ONE_KEY(KEY_RW | KEY_ACCESS | KEY_UPDATE),
     DOCS("1.0.0", "O(1)", "Adds a number to the integer at a key."),
     ARGS(KEY_ARG("key"), ARG("increment", ARG_INTEGER))},
    {STRING("incrbyfloat", cmd_incrbyfloat, 3, GROW | CMD_FAST), ONE_KEY(KEY_RW | KEY_ACCESS | KEY_UPDATE),
     DOCS("2.6.0", "O(1)", "Adds a floating-point number to the number at a key."),
     ARGS(KEY_ARG("key"), ARG("increment", ARG_DOUBLE))},
    {STRING("lcs", cmd_lcs, -3, READ), KEY_POSITIONS(1, 2, 1), KEY_SPECS(SPEC_RANGE(1, 1, 1, KEY_RO | KEY_ACCESS)),
     DOCS("7.0.0", "O(N*M), the lengths of the two strings", "Finds the longest common subsequence of two strings."),
     ARGS(KEY_ARG("key1"), KEY_ARG("key2"), TOKEN("len", "LEN", OPTIONAL), TOKEN("idx", "IDX", OPTIONAL),
          ARG("len", ARG_INTEGER, AFTER("MINMATCHLEN"), OPTIONAL), TOKEN("withmatchlen", "WITHMATCHLEN", OPTIONAL))},
    {STRING("mget", cmd_mget, -2, READ | CMD_FAST), ALL_KEYS(1, KEY_RO | KEY_ACCESS),
     DOCS("1.0.0", "O(N) in the number of keys", "Returns the strings at several keys."),
     TIPS("request_policy:multi_shard"), ARGS(KEY_ARG("key", MULTIPLE))},
    {STRING("mset", cmd_mset, -3, GROW), ALL_KEYS(2, KEY_OW | KEY_UPDATE),
     DOCS("1.0.1", "O(N) in the number of keys", "Stores strings at several keys."),
     TIPS("request_policy:multi_shard", "response_policy:all_succeeded"),
     ARGS(ARG("key_value", ARG_BLOCK, MULTIPLE, CHILDREN(KEY_ARG("key"), ARG("value", ARG_STRING))))},
    {STRING("msetex", cmd_msetex, -4, GROW | CMD_MOVABLEKEYS), KEY_SPECS(SPEC_KEYNUM(1, 1, 2, KEY_OW | KEY_UPDATE)),
     DOCS("8.4.0", "O(N) in the number of keys",
          "Stores strings at several keys with one expiry and one condition for all."),
     ARGS(ARG("numkeys", ARG_INTEGER),
          ARG("data", ARG_BLOCK, MULTIPLE, CHILDREN(KEY_ARG("key"), ARG("value", ARG_STRING))),
          ARG("condition", ARG_ONEOF, OPTIONAL, CHILDREN(TOKEN("nx", "NX"), TOKEN("xx", "XX"))),
          ARG("expiration", ARG_ONEOF, OPTIONAL,
              CHILDREN(ARG("seconds", ARG_INTEGER, AFTER("EX")), ARG("milliseconds", ARG_INTEGER, AFTER("PX")),
                       ARG("unix-time-seconds", ARG_UNIX_TIME, AFTER("EXAT")),
                       ARG("unix-time-milliseconds", ARG_UNIX_TIME, AFTER("PXAT")), TOKEN("keepttl", "KEEPTTL"))))},
    {STRING("msetnx", cmd_msetnx, -3, GROW), ALL_KEYS(2, KEY_OW | KEY_INSERT),
     DOCS("1.0.1", "O(N) in the number of keys", "Stores strings at several keys, provided that none of them exists."),
     ARGS(ARG("key_value", ARG_BLOCK, MULTIPLE, CHILDREN(KEY_ARG("key"), ARG("value", ARG_STRING))))},
    {STRING("psetex", cmd_psetex, 4, GROW), ONE_KEY(KEY_OW | KEY_UPDATE),
     DOCS("2.6.0", "O(1)", "Stores a string that expires after so many milliseconds."),
     ARGS(KEY_ARG("key"), ARG("milliseconds", ARG_INTEGER), ARG("value", ARG_STRING))},
    {STRING("set", cmd_set, -3, GROW),
     ONE_KEY(KEY_RW | KEY_ACCESS | KEY_UPDATE | KEY_VARIABLE_FLAGS,
             NOTES("Only with `GET`, `IFEQ` and their like does it read the value")),
     .getkeys = set_keys, DOCS("1.0.0", "O(1)", "Stores a string at a key, whatever was there before."),
     HISTORY({"2.6.12", "`EX`, `PX`, `NX` and `XX`."}, {"6.0.0", "`KEEPTTL`."},
             {"6.2.0", "`GET`, `EXAT` and `PXAT`."}, {"7.0.0", "`NX` together with `GET`."}, {"8.1.0", "`IFEQ`."},
             {"8.4.0", "`IFNE`, `IFDEQ` and `IFDNE`."}),
     ARGS(KEY_ARG("key"), ARG("value", ARG_STRING),
          ARG("condition", ARG_ONEOF, SINCE("2.6.12"), OPTIONAL,
              CHILDREN(TOKEN("nx", "NX"), TOKEN("xx", "XX"),
                       ARG("comparison-value", ARG_STRING, AFTER("IFEQ"), SINCE("8.1.0")),
                       ARG("ifne-value", ARG_STRING, AFTER("IFNE"), SINCE("8.4.0")),
                       ARG("ifdeq-digest", ARG_STRING, AFTER("IFDEQ"), SINCE("8.4.0")),
                       ARG("ifdne-digest", ARG_STRING, AFTER("IFDNE"), SINCE("8.4.0")))),
          TOKEN("get", "GET", SINCE("6.2.0"), OPTIONAL),
          ARG("expiration", ARG_ONEOF, OPTIONAL,
              CHILDREN(ARG("seconds", ARG_INTEGER, AFTER("EX"), SINCE("2.6.12")),
                       ARG("milliseconds", ARG_INTEGER, AFTER("PX"), SINCE("2.6.12")),
                       ARG("unix-time-seconds", ARG_UNIX_TIME, AFTER("EXAT"), SINCE("6.2.0")),
                       ARG("unix-time-milliseconds", ARG_UNIX_TIME, AFTER("PXAT"), SINCE("6.2.0")),
                       TOKEN("keepttl", "KEEPTTL", SINCE("6.0.0")))))},
    {STRING("setex", cmd_setex, 4, GROW), ONE_KEY(KEY_OW | KEY_UPDATE),
     DOCS("2.0.0", "O(1)", "Stores a string that expires after so many seconds."),
     ARGS(KEY_ARG("key"), ARG("seconds", ARG_INTEGER), ARG("value", ARG_STRING))},
    {STRING("setnx", cmd_setnx, 3, GROW | CMD_FAST), ONE_KEY(KEY_OW | KEY_INSERT),
     DOCS("1.0.0", "O(1)", "Stores a string at a key that does not exist yet."),
     ARGS(KEY_ARG("key"), ARG("value", ARG_STRING))},
    {STRING("setrange", cmd_setrange, 4, GROW), ONE_KEY(KEY_RW | KEY_UPDATE),
     DOCS("2.2.0", "O(M) in the length of the new part, besides padding",
          "Overwrites part of a string from an offset on."),
     ARGS(KEY_ARG("key"), ARG("offset", ARG_INTEGER), ARG("value", ARG_STRING))},
    {STRING("strlen", cmd_strlen, 2, READ | CMD_FAST), ONE_KEY(KEY_RO),
     DOCS("2.2.0", "O(1)", "Returns the length of a string."), ARGS(KEY_ARG("key"))},
    {STRING("substr", cmd_substr, 4, READ), ONE_KEY(KEY_RO | KEY_ACCESS),
     DOCS("1.0.0", "O(N) in the length of the part", "Returns the part of a string between two offsets."),
     DEPRECATED("2.0.0", "`GETRANGE`"), ARGS(KEY_ARG("key"), ARG("start", ARG_INTEGER), ARG("end", ARG_INTEGER))},
    {0}};
/* clang-format on */
