/* The reply parser, for the client's side: what a server sends, RESP2 and RESP3, item by item or as trees.
 *
 * A reply is a tree; the reader yields its nodes in the order of the wire, each when it is whole: a scalar with its
 * value, an aggregate with its number of elements (which follow). It takes all of its input when it needs more, keeps
 * what is unfinished itself, and reserves nothing for sizes that are only announced. A push and an attribute are
 * nodes like any other: the caller looks at item.type of the top level. Streamed strings and aggregates ("$?", ";",
 * ".") are refused: no server sends them. */
#ifndef CAIRN_RESP_REPLY_READER_H
#define CAIRN_RESP_REPLY_READER_H

#include "base/buf.h"
#include "base/compiler.h"
#include "base/slice.h"

enum {
    READER_DEPTH_MAX = 32,          /* aggregates in aggregates */
    READER_LINE_MAX = 1024 * 1024,  /* longest line: a status, an error, a number, a length */
    READER_BULK_MAX = INT32_MAX,    /* longest bulk */
    READER_ELEMENTS_MAX = INT32_MAX /* most elements of one aggregate; a map's pair counts twice */
};

enum reply_type { /* the byte on the wire */
    REPLY_SIMPLE = '+',
    REPLY_ERROR = '-',
    REPLY_INT = ':',
    REPLY_BULK = '$',
    REPLY_ARRAY = '*',
    REPLY_NULL = '_',
    REPLY_BOOL = '#',
    REPLY_DOUBLE = ',',
    REPLY_BIG_NUMBER = '(',
    REPLY_BULK_ERROR = '!',
    REPLY_VERBATIM = '=',
    REPLY_MAP = '%',
    REPLY_SET = '~',
    REPLY_ATTRIBUTE = '|',
    REPLY_PUSH = '>'
};

struct reply_item {
    enum reply_type type;
    bool null;         /* "$-1", "*-1" (type tells which), "_" */
    uint8_t depth;     /* aggregates around it: 0 for a reply's own node */
    bool last;         /* the reply is complete with this item. Never so for an attribute: what it describes follows */
    int64_t integer;   /* : the value; # 0 or 1; aggregates: elements to follow (a map of 2 pairs: 4) */
    double number;     /* , */
    struct slice text; /* + - $ ! = ( and , # : as sent; valid until the next call, and no longer than the input */
    char ext[3];       /* = "txt", "mkd" */
};

struct reply_level {
    int64_t left; /* elements still to come */
    bool attribute;
};

struct reply_reader {
    struct buf kept;      /* the unfinished item's bytes */
    size_t bulk_left;     /* of a bulk whose head has been read: bytes still to come, with its CRLF; 0 when none */
    bool drop_kept;       /* kept was given out with the last item */
    struct reply_item bulk; /* the head of the bulk being read */
    const char *error;    /* set when the stream was refused */
    int depth;
    struct reply_level levels[READER_DEPTH_MAX];
};

enum reader_result { READER_ITEM, READER_MORE, READER_ERROR };

void reply_reader_init(struct reply_reader *r);
void reply_reader_deinit(struct reply_reader *r);
/* READER_ITEM: *item is filled, *input stands behind it. READER_MORE: all of *input was taken. READER_ERROR: r->error
 * says why; the stream is lost. */
enum reader_result reply_reader_next(struct reply_reader *r, struct slice *input, struct reply_item *item);
size_t reply_reader_mem(const struct reply_reader *r);

/* A reply as a tree, with its own copies. */
struct reply_node {
    enum reply_type type;
    bool null;
    char ext[4];               /* of a verbatim, NUL-terminated */
    int64_t integer;           /* as in reply_item; for aggregates the number of items */
    double number;
    struct slice text;         /* a NUL stands behind it */
    struct reply_node *items;  /* aggregates: integer of them; a map's are key, value, key, value */
    struct reply_node *attribute; /* the attribute sent before this node, or NULL */
};

struct reply_tree_level {
    struct reply_node *node;      /* the aggregate being filled; NULL at level 0 */
    int64_t filled, room;         /* of node->items */
    struct reply_node *attribute; /* complete; waits for the next node of this level */
};

struct reply_tree { /* a reader that builds */
    struct reply_reader reader;
    struct reply_node *root; /* under construction */
    int depth;
    struct reply_tree_level levels[READER_DEPTH_MAX + 1];
};

void reply_tree_init(struct reply_tree *t);
void reply_tree_deinit(struct reply_tree *t);
/* READER_ITEM: *out is a whole reply, the caller's to free. Errors: t->reader.error. */
enum reader_result reply_tree_next(struct reply_tree *t, struct slice *input, struct reply_node **out);
void reply_node_free(struct reply_node *node); /* NULL is allowed */

#endif
