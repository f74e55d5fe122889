/* What SORT's BY and GET name: a key, or a field of a hash, with the element in the place of the first '*'. Only the
 * files of cmd/ include this. */
#ifndef CAIRN_CMD_SORT_PATTERN_H
#define CAIRN_CMD_SORT_PATTERN_H

#include "base/buf.h"
#include "cmd/cmd_impl.h"
#include "value/string.h"

struct sort_pattern {
    struct slice before, after; /* of the element, in the key's name */
    struct slice field;         /* ptr NULL: the key is a string */
    bool element;               /* "#": the element itself */
    bool constant;              /* no '*': names nothing */
};
struct sort_pattern sort_pattern_parse(struct slice text);

struct sort_value {
    struct slice text;  /* view of the data set or of scratch: valid until the data set changes */
    struct blob *blob;  /* the same bytes, of a large string; else NULL */
    char scratch[STRING_SCRATCH];
};
/* The value for an element; name is memory for the key's name, used again and again. False: there is none. */
bool sort_pattern_find(struct ctx *ctx, const struct sort_pattern *pattern, struct slice element, struct buf *name,
                       struct sort_value *out);

#endif
