/* The table of types, in the order of enum value_type. */
#include "value/value_ops.h"

#include <assert.h>

static const struct value_ops *const rows[TYPE_COUNT] = {
    [TYPE_STRING] = &string_ops, [TYPE_LIST] = &list_ops, [TYPE_SET] = &set_ops,
    [TYPE_ZSET] = &zset_ops,     [TYPE_HASH] = &hash_ops, [TYPE_STREAM] = &stream_ops,
};

const struct value_ops *value_ops(enum value_type type)
{
    assert(type < TYPE_COUNT);
    return rows[type];
}

const char *value_type_name(enum value_type type)
{
    return value_ops(type)->name;
}
