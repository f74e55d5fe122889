/* The commands on strings as arrays of bits: their records. Handlers: bitmap_cmds.h. */
#include "cmd/bitmap_cmds.h"

#include "engine/command_keys.h"
#include "engine/command_meta.h"

#define BITMAP(name, run, arity, flags) COMMAND(GROUP_BITMAP, name, run, arity, flags, ACL_BITMAP)
#define READ (CMD_READONLY | CMD_PARTITION_SAFE)
#define WRITE (CMD_WRITE | CMD_PARTITION_SAFE)
#define GROW (WRITE | CMD_DENYOOM) /* may need more memory */
#define REPEATED_OPTION .flags = ARG_OPTIONAL | ARG_MULTIPLE | ARG_MULTIPLE_TOKEN /* with its word each time */

#define INDEX_UNIT                                                                                                     \
    ARG("index_unit", ARG_ONEOF, SINCE("7.0.0"), OPTIONAL, CHILDREN(TOKEN("byte", "BYTE"), TOKEN("bit", "BIT")))

/* Reading alone changes nothing. What is no valid operation counts as a change. */
static int bitfield_keys(const struct slice *argv, int argc, struct key_ref *out, int max)
{
    uint32_t flags = KEY_RO | KEY_ACCESS;
    for (int i = 2; i < argc; i++) {
        int left = argc - i - 1;
        if (slice_is(argv[i], "get") && left >= 2) {
            i += 2;
        } else if (slice_is(argv[i], "overflow") && left >= 1) {
            i++;
        } else {
            flags = KEY_RW | KEY_ACCESS | KEY_UPDATE;
            break;
        }
    }
    if (max > 0) out[0] = (struct key_ref){1, flags};
    return 1;
}

/* clang-format off: a table, one command after the other in the order of their names */
const struct command bitmap_commands[] = {
    {BITMAP("bitcount", cmd_bitcount, -2, READ), ONE_KEY(KEY_RO | KEY_ACCESS),
     DOCS("2.6.0", "O(N) in the length of the part", "Counts the bits that are set in a string or a part of it."),
     HISTORY({"7.0.0", "`BYTE` and `BIT`."}),
     ARGS(KEY_ARG("key"),
          ARG("index", ARG_BLOCK, OPTIONAL, CHILDREN(ARG("start", ARG_INTEGER), ARG("end", ARG_INTEGER), INDEX_UNIT)))},
    {BITMAP("bitfield", cmd_bitfield, -2, GROW),
     ONE_KEY(KEY_RW | KEY_ACCESS | KEY_UPDATE | KEY_VARIABLE_FLAGS, NOTES("Only with `GET` alone it does not write")),
     .getkeys = bitfield_keys,
     DOCS("3.2.0", "O(1) for each operation", "Reads and changes integers of any width inside a string."),
     ARGS(KEY_ARG("key"),
          ARG("operation", ARG_ONEOF, OPTIONAL_MULTIPLE,
              CHILDREN(ARG("encoding_offset", ARG_BLOCK, AFTER("GET"),
                           CHILDREN(ARG("encoding", ARG_STRING), ARG("offset", ARG_INTEGER))),
                       ARG("write", ARG_BLOCK,
                           CHILDREN(ARG("wrap_sat_fail", ARG_ONEOF, AFTER("OVERFLOW"), OPTIONAL,
                                        CHILDREN(TOKEN("wrap", "WRAP"), TOKEN("sat", "SAT"), TOKEN("fail", "FAIL"))),
                                    ARG("write_operation", ARG_ONEOF,
                                        CHILDREN(ARG("encoding_offset_value", ARG_BLOCK, AFTER("SET"),
                                                     CHILDREN(ARG("encoding", ARG_STRING), ARG("offset", ARG_INTEGER),
                                                              ARG("value", ARG_INTEGER))),
                                                 ARG("encoding_offset_increment", ARG_BLOCK, AFTER("INCRBY"),
                                                     CHILDREN(ARG("encoding", ARG_STRING), ARG("offset", ARG_INTEGER),
                                                              ARG("increment", ARG_INTEGER))))))))))},
    {BITMAP("bitfield_ro", cmd_bitfield_ro, -2, READ | CMD_FAST), ONE_KEY(KEY_RO | KEY_ACCESS),
     DOCS("6.0.0", "O(1) for each operation", "Reads integers of any width inside a string."),
     ARGS(KEY_ARG("key"),
          ARG("encoding_offset", ARG_BLOCK, AFTER("GET"), REPEATED_OPTION,
              CHILDREN(ARG("encoding", ARG_STRING), ARG("offset", ARG_INTEGER))))},
    {BITMAP("bitop", cmd_bitop, -4, GROW), KEY_POSITIONS(2, -1, 1),
     KEY_SPECS(SPEC_RANGE(2, 0, 1, KEY_OW | KEY_UPDATE), SPEC_RANGE(3, -1, 1, KEY_RO | KEY_ACCESS)),
     DOCS("2.6.0", "O(N) in the length of the longest string", "Combines strings bit by bit and stores the result."),
     HISTORY({"8.2.0", "`DIFF`, `DIFF1`, `ANDOR` and `ONE`."}),
     ARGS(ARG("operation", ARG_ONEOF,
              CHILDREN(TOKEN("and", "AND"), TOKEN("or", "OR"), TOKEN("xor", "XOR"), TOKEN("not", "NOT"),
                       TOKEN("diff", "DIFF", SINCE("8.2.0")), TOKEN("diff1", "DIFF1", SINCE("8.2.0")),
                       TOKEN("andor", "ANDOR", SINCE("8.2.0")), TOKEN("one", "ONE", SINCE("8.2.0")))),
          KEY_ARG("destkey"), KEY_ARG("key", MULTIPLE, .key_spec = 1))},
    {BITMAP("bitpos", cmd_bitpos, -3, READ), ONE_KEY(KEY_RO | KEY_ACCESS),
     DOCS("2.8.7", "O(N) in the length of the part",
          "Finds the first bit that is set, or clear, in a string or a part of it."),
     HISTORY({"7.0.0", "`BYTE` and `BIT`."}),
     ARGS(KEY_ARG("key"), ARG("bit", ARG_INTEGER),
          ARG("index", ARG_BLOCK, OPTIONAL,
              CHILDREN(ARG("start", ARG_INTEGER),
                       ARG("end_index", ARG_BLOCK, OPTIONAL, CHILDREN(ARG("end", ARG_INTEGER), INDEX_UNIT)))))},
    {BITMAP("getbit", cmd_getbit, 3, READ | CMD_FAST), ONE_KEY(KEY_RO | KEY_ACCESS),
     DOCS("2.2.0", "O(1)", "Returns a bit of a string."), ARGS(KEY_ARG("key"), ARG("offset", ARG_INTEGER))},
    {BITMAP("setbit", cmd_setbit, 4, GROW), ONE_KEY(KEY_RW | KEY_ACCESS | KEY_UPDATE),
     DOCS("2.2.0", "O(1), besides padding", "Sets or clears a bit of a string and returns what it was."),
     ARGS(KEY_ARG("key"), ARG("offset", ARG_INTEGER), ARG("value", ARG_INTEGER))},
    {0}};
/* clang-format on */
