/* The row of the type. */
#include "value/value_ops.h"

const struct value_ops list_ops = {.name = "list"};
