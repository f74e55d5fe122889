/* The commands on geospatial indexes: their records. Handlers: geo_cmds.h. */
#include "cmd/geo_cmds.h"

#include "engine/command_keys.h"
#include "engine/command_meta.h"

#define GEO(name, run, arity, flags) COMMAND(GROUP_GEO, name, run, arity, flags, ACL_GEO)
#define READ (CMD_READONLY | CMD_PARTITION_SAFE)
#define WRITE (CMD_WRITE | CMD_PARTITION_SAFE)
#define GROW (WRITE | CMD_DENYOOM) /* may need more memory */

#define UNIT ARG("unit", ARG_ONEOF, CHILDREN(TOKEN("m", "M"), TOKEN("km", "KM"), TOKEN("ft", "FT"), TOKEN("mi", "MI")))
#define COUNT                                                                                                          \
    ARG("count", ARG_BLOCK, OPTIONAL,                                                                                  \
        CHILDREN(ARG("count", ARG_INTEGER, AFTER("COUNT")), TOKEN("any", "ANY", OPTIONAL)))
#define COUNT_ANY_6_2                                                                                                  \
    ARG("count", ARG_BLOCK, OPTIONAL,                                                                                  \
        CHILDREN(ARG("count", ARG_INTEGER, AFTER("COUNT")), TOKEN("any", "ANY", SINCE("6.2.0"), OPTIONAL)))
#define ORDER ARG("order", ARG_ONEOF, OPTIONAL, CHILDREN(TOKEN("asc", "ASC"), TOKEN("desc", "DESC")))
#define FROM                                                                                                           \
    ARG("from", ARG_ONEOF, OPTIONAL,                                                                                   \
        CHILDREN(ARG("member", ARG_STRING, AFTER("FROMMEMBER")),                                                       \
                 ARG("longitude_latitude", ARG_BLOCK, AFTER("FROMLONLAT"),                                             \
                     CHILDREN(ARG("longitude", ARG_DOUBLE), ARG("latitude", ARG_DOUBLE)))))
#define SHAPE                                                                                                          \
    ARG("by", ARG_ONEOF,                                                                                               \
        CHILDREN(ARG("circle", ARG_BLOCK, CHILDREN(ARG("radius", ARG_DOUBLE, AFTER("BYRADIUS")), UNIT)),               \
                 ARG("box", ARG_BLOCK,                                                                                 \
                     CHILDREN(ARG("width", ARG_DOUBLE, AFTER("BYBOX")), ARG("height", ARG_DOUBLE), UNIT)),             \
                 ARG("polygon", ARG_BLOCK, AFTER("BYPOLYGON"), SINCE("9.0.0"),                                         \
                     CHILDREN(ARG("num-vertices", ARG_INTEGER),                                                        \
                              ARG("vertex", ARG_BLOCK, MULTIPLE,                                                       \
                                  CHILDREN(ARG("longitude", ARG_DOUBLE), ARG("latitude", ARG_DOUBLE)))))))
#define WITHCOORD TOKEN("withcoord", "WITHCOORD", OPTIONAL)
#define WITHDIST TOKEN("withdist", "WITHDIST", OPTIONAL)
#define WITHHASH TOKEN("withhash", "WITHHASH", OPTIONAL)

/* STORE and STOREDIST may come several times; the last one counts, but all are told, so that none goes unchecked. */
static int radius_keys(const struct slice *argv, int argc, int options, struct key_ref *out, int max)
{
    int count = 1;
    if (max > 0) out[0] = (struct key_ref){1, KEY_RO | KEY_ACCESS};
    for (int i = options; i < argc - 1; i++) {
        if (slice_is(argv[i], "count")) {
            i++; /* its value is no option */
        } else if (slice_is(argv[i], "store") || slice_is(argv[i], "storedist")) {
            i++;
            if (count < max) out[count] = (struct key_ref){i, KEY_OW | KEY_UPDATE};
            count++;
        }
    }
    return count;
}

static int georadius_keys(const struct slice *argv, int argc, struct key_ref *out, int max)
{
    return radius_keys(argv, argc, 6, out, max);
}

static int georadiusbymember_keys(const struct slice *argv, int argc, struct key_ref *out, int max)
{
    return radius_keys(argv, argc, 5, out, max);
}

/* clang-format off: a table, one command after the other in the order of their names */
const struct command geo_commands[] = {
    {GEO("geoadd", cmd_geoadd, -5, GROW), ONE_KEY(KEY_RW | KEY_UPDATE),
     DOCS("3.2.0", "O(log N) for each member given", "Adds members with their positions to a geospatial index."),
     HISTORY({"6.2.0", "`CH`, `NX` and `XX`."}),
     ARGS(KEY_ARG("key"),
          ARG("condition", ARG_ONEOF, SINCE("6.2.0"), OPTIONAL, CHILDREN(TOKEN("nx", "NX"), TOKEN("xx", "XX"))),
          TOKEN("change", "CH", SINCE("6.2.0"), OPTIONAL),
          ARG("longitude_latitude_member", ARG_BLOCK, MULTIPLE,
              CHILDREN(ARG("longitude", ARG_DOUBLE), ARG("latitude", ARG_DOUBLE), ARG("member", ARG_STRING))))},
    {GEO("geodist", cmd_geodist, -4, READ), ONE_KEY(KEY_RO | KEY_ACCESS),
     DOCS("3.2.0", "O(1)", "Returns the distance of two members."),
     ARGS(KEY_ARG("key"), ARG("member1", ARG_STRING), ARG("member2", ARG_STRING),
          ARG("unit", ARG_ONEOF, OPTIONAL,
              CHILDREN(TOKEN("m", "M"), TOKEN("km", "KM"), TOKEN("ft", "FT"), TOKEN("mi", "MI"))))},
    {GEO("geohash", cmd_geohash, -2, READ), ONE_KEY(KEY_RO | KEY_ACCESS),
     DOCS("3.2.0", "O(N) in the number of members given", "Returns the positions of members as geohash strings."),
     ARGS(KEY_ARG("key"), ARG("member", ARG_STRING, MULTIPLE))},
    {GEO("geopos", cmd_geopos, -2, READ), ONE_KEY(KEY_RO | KEY_ACCESS),
     DOCS("3.2.0", "O(N) in the number of members given", "Returns the longitudes and latitudes of members."),
     ARGS(KEY_ARG("key"), ARG("member", ARG_STRING, MULTIPLE))},
    {GEO("georadius", cmd_georadius, -6, GROW | CMD_MOVABLEKEYS), KEY_POSITIONS(1, 1, 1),
     KEY_SPECS(SPEC_RANGE(1, 0, 1, KEY_RO | KEY_ACCESS), SPEC_AFTER("STORE", 6, 0, 1, 0, KEY_OW | KEY_UPDATE),
               SPEC_AFTER("STOREDIST", 6, 0, 1, 0, KEY_OW | KEY_UPDATE)),
     .getkeys = georadius_keys,
     DOCS("3.2.0", "O(N + log M), an index of M and N members in the box around the circle",
          "Finds the members within a distance from a position, and can store them."),
     HISTORY({"6.2.0", "`ANY` for `COUNT`."}, {"7.0.0", "Units in upper case."}),
     DEPRECATED("6.2.0", "`GEOSEARCH` and `GEOSEARCHSTORE` with the `BYRADIUS` argument"),
     ARGS(KEY_ARG("key"), ARG("longitude", ARG_DOUBLE), ARG("latitude", ARG_DOUBLE), ARG("radius", ARG_DOUBLE), UNIT,
          WITHCOORD, WITHDIST, WITHHASH, COUNT_ANY_6_2, ORDER, KEY_ARG("key", AFTER("STORE"), OPTIONAL, .key_spec = 1),
          KEY_ARG("key", AFTER("STOREDIST"), OPTIONAL, .key_spec = 2))},
    {GEO("georadius_ro", cmd_georadius_ro, -6, READ), ONE_KEY(KEY_RO | KEY_ACCESS),
     DOCS("3.2.10", "O(N + log M), an index of M and N members in the box around the circle",
          "Finds the members within a distance from a position."), HISTORY({"6.2.0", "`ANY` for `COUNT`."}),
     DEPRECATED("6.2.0", "`GEOSEARCH` with the `BYRADIUS` argument"),
     ARGS(KEY_ARG("key"), ARG("longitude", ARG_DOUBLE), ARG("latitude", ARG_DOUBLE), ARG("radius", ARG_DOUBLE), UNIT,
          WITHCOORD, WITHDIST, WITHHASH, COUNT_ANY_6_2, ORDER)},
    {GEO("georadiusbymember", cmd_georadiusbymember, -5, GROW | CMD_MOVABLEKEYS), KEY_POSITIONS(1, 1, 1),
     KEY_SPECS(SPEC_RANGE(1, 0, 1, KEY_RO | KEY_ACCESS), SPEC_AFTER("STORE", 5, 0, 1, 0, KEY_OW | KEY_UPDATE),
               SPEC_AFTER("STOREDIST", 5, 0, 1, 0, KEY_OW | KEY_UPDATE)),
     .getkeys = georadiusbymember_keys,
     DOCS("3.2.0", "O(N + log M), an index of M and N members in the box around the circle",
          "Finds the members within a distance from a member, and can store them."),
     HISTORY({"7.0.0", "Units in upper case."}),
     DEPRECATED("6.2.0", "`GEOSEARCH` and `GEOSEARCHSTORE` with the `BYRADIUS` and `FROMMEMBER` arguments"),
     ARGS(KEY_ARG("key"), ARG("member", ARG_STRING), ARG("radius", ARG_DOUBLE), UNIT, WITHCOORD, WITHDIST, WITHHASH,
          COUNT, ORDER, KEY_ARG("key", AFTER("STORE"), OPTIONAL, .key_spec = 1),
          KEY_ARG("key", AFTER("STOREDIST"), OPTIONAL, .key_spec = 2))},
    {GEO("georadiusbymember_ro", cmd_georadiusbymember_ro, -5, READ), ONE_KEY(KEY_RO | KEY_ACCESS),
     DOCS("3.2.10", "O(N + log M), an index of M and N members in the box around the circle",
          "Finds the members within a distance from a member."),
     DEPRECATED("6.2.0", "`GEOSEARCH` with the `BYRADIUS` and `FROMMEMBER` arguments"),
     ARGS(KEY_ARG("key"), ARG("member", ARG_STRING), ARG("radius", ARG_DOUBLE), UNIT, WITHCOORD, WITHDIST, WITHHASH,
          COUNT, ORDER)},
    {GEO("geosearch", cmd_geosearch, -7, READ), ONE_KEY(KEY_RO | KEY_ACCESS),
     DOCS("6.2.0", "O(N + log M), an index of M and N members in the box around the shape",
          "Finds the members inside a circle, a box or a polygon."),
     HISTORY({"7.0.0", "Units in upper case."}, {"9.0.0", "`BYPOLYGON`."}),
     ARGS(KEY_ARG("key"), FROM, SHAPE, ORDER, COUNT, WITHCOORD, WITHDIST, WITHHASH)},
    {GEO("geosearchstore", cmd_geosearchstore, -8, GROW), KEY_POSITIONS(1, 2, 1),
     KEY_SPECS(SPEC_RANGE(1, 0, 1, KEY_OW | KEY_UPDATE), SPEC_RANGE(2, 0, 1, KEY_RO | KEY_ACCESS)),
     DOCS("6.2.0", "O(N + log M), an index of M and N members in the box around the shape",
          "Stores the members inside a circle, a box or a polygon."),
     HISTORY({"7.0.0", "Units in upper case."}, {"9.0.0", "`BYPOLYGON`."}),
     ARGS(KEY_ARG("destination"), KEY_ARG("source", .key_spec = 1), FROM, SHAPE, ORDER, COUNT,
          TOKEN("storedist", "STOREDIST", OPTIONAL))},
    {0}};
/* clang-format on */
