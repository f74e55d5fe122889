/* The commands that sort: their records. Handlers: sort_cmds.h. */
#include "cmd/sort_cmds.h"

#include "engine/command_keys.h"
#include "engine/command_meta.h"

#define SORT(name, run, arity, flags)                                                                                  \
    COMMAND(GROUP_GENERIC, name, run, arity, flags, ACL_SET | ACL_SORTEDSET | ACL_LIST | ACL_DANGEROUS)
#define REPEATED_OPTION .flags = ARG_OPTIONAL | ARG_MULTIPLE | ARG_MULTIPLE_TOKEN /* with its word each time */

#define BY ARG("pattern", ARG_PATTERN, AFTER("BY"), OPTIONAL, .key_spec = 1)
#define LIMIT                                                                                                          \
    ARG("offset_count", ARG_BLOCK, AFTER("LIMIT"), OPTIONAL,                                                           \
        CHILDREN(ARG("offset", ARG_INTEGER), ARG("count", ARG_INTEGER)))
#define GET ARG("pattern", ARG_PATTERN, AFTER("GET"), REPEATED_OPTION, .key_spec = 1)
#define ORDER ARG("order", ARG_ONEOF, OPTIONAL, CHILDREN(TOKEN("asc", "ASC"), TOKEN("desc", "DESC")))
#define ALPHA TOKEN("sorting", "ALPHA", OPTIONAL)

/* Of several STORE the last one counts. The words of the other options are no destinations. */
static int sort_keys(const struct slice *argv, int argc, struct key_ref *out, int max)
{
    int store = 0;
    for (int i = 2; i < argc; i++) {
        if (slice_is(argv[i], "limit"))
            i += 2;
        else if (slice_is(argv[i], "get") || slice_is(argv[i], "by"))
            i++;
        else if (slice_is(argv[i], "store") && i + 1 < argc)
            store = ++i;
    }
    if (max > 0) out[0] = (struct key_ref){1, KEY_RO | KEY_ACCESS};
    if (store == 0) return 1;
    if (max > 1) out[1] = (struct key_ref){store, KEY_OW | KEY_UPDATE};
    return 2;
}

static int sort_ro_keys(const struct slice *argv, int argc, struct key_ref *out, int max)
{
    (void)argv;
    (void)argc;
    if (max > 0) out[0] = (struct key_ref){1, KEY_RO | KEY_ACCESS};
    return 1;
}

/* clang-format off: a table, one command after the other in the order of their names */
const struct command sort_commands[] = {
    {SORT("sort", cmd_sort, -2, CMD_WRITE | CMD_DENYOOM | CMD_MOVABLEKEYS), KEY_POSITIONS(1, 1, 1),
     KEY_SPECS(SPEC_RANGE(1, 0, 1, KEY_RO | KEY_ACCESS),
               SPEC_UNKNOWN(KEY_RO | KEY_ACCESS, NOTES("Keys of `BY` and `GET` are named by the elements")),
               SPEC_UNKNOWN(KEY_OW | KEY_UPDATE,
                            NOTES("The destination of `STORE`, which can stand anywhere behind the key"))),
     .getkeys = sort_keys,
     DOCS("1.0.0", "O(N + M log M), N elements of which M are returned",
          "Sorts the elements of a list, a set or a sorted set, and can store the result."),
     ARGS(KEY_ARG("key"), BY, LIMIT, GET, ORDER, ALPHA,
          KEY_ARG("destination", AFTER("STORE"), OPTIONAL, .key_spec = 2))},
    {SORT("sort_ro", cmd_sort_ro, -2, CMD_READONLY | CMD_MOVABLEKEYS), KEY_POSITIONS(1, 1, 1),
     KEY_SPECS(SPEC_RANGE(1, 0, 1, KEY_RO | KEY_ACCESS),
               SPEC_UNKNOWN(KEY_RO | KEY_ACCESS, NOTES("Keys of `BY` and `GET` are named by the elements"))),
     .getkeys = sort_ro_keys,
     DOCS("7.0.0", "O(N + M log M), N elements of which M are returned",
          "Sorts the elements of a list, a set or a sorted set."), ARGS(KEY_ARG("key"), BY, LIMIT, GET, ORDER, ALPHA)},
    {0}};
/* clang-format on */
