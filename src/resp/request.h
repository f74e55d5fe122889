/* The request parser: bytes of a connection in, argument slices out.
 *
 * Contract. request_parse() takes from *input. It either gives a complete request (REQUEST_READY, *input advanced
 * behind it), or has taken ALL of *input (REQUEST_MORE: the part of an unfinished request is kept in the parser's
 * own memory, so the caller may reuse the input buffer), or refuses (REQUEST_ERROR: the connection must be closed
 * after the error reply). On the fast path (a request lies whole in *input) nothing is allocated and nothing copied:
 * argv points into the input and lies in the caller's argv space. Otherwise request->hold owns what argv points to;
 * the caller ends every READY request with request_release() after it has run. Several READY requests of one parser
 * may be outstanding at a time. Empty requests ("\r\n", "*0\r\n", "*-1\r\n") are skipped inside.
 *
 * A bulk of BULK_BIG bytes or more that is not yet whole goes straight into its final block: request_want() then names
 * the memory that the next bytes of the connection should be read into; request_fill() says how many arrived. Such an
 * argument can be taken over without a copy by request_take_blob(). */
#ifndef CAIRN_RESP_REQUEST_H
#define CAIRN_RESP_REQUEST_H

#include "base/blob.h"
#include "base/compiler.h"
#include "base/slice.h"

enum {
    BULK_BIG = 16 * 1024,           /* from here a bulk gets a block of its own */
    REQUEST_INLINE_MAX = 64 * 1024, /* longest inline command and longest header line, as in Redis */
    REQUEST_ARGS_MAX = INT32_MAX,   /* most arguments of one request, as in Redis 7 */
    REQUEST_UNAUTH_ARGS_MAX = 10,
    REQUEST_UNAUTH_BULK_MAX = 16 * 1024
};

struct request_limits {
    uint64_t bulk_max;  /* proto-max-bulk-len */
    bool authenticated; /* else the two UNAUTH limits apply */
};

struct request_hold; /* opaque: memory of a request that did not lie whole in the input */

struct request {
    int argc;
    struct slice *argv; /* argc elements */
    size_t wire_bytes;  /* length of the request on the wire */
    struct request_hold *hold;
};

struct request_parser {
    struct request_hold *partial; /* NULL between requests */
};

enum request_result { REQUEST_READY, REQUEST_MORE, REQUEST_ERROR };

void request_parser_init(struct request_parser *p);
void request_parser_deinit(struct request_parser *p);

/* argv_space: room for argv_room slices, used when the request has no more arguments than that.
 * On REQUEST_ERROR *error is the reply's text without "-" and CRLF ("ERR Protocol error: ..."; it may hold any byte
 * of the input), valid until the next call; later calls give the same error. */
enum request_result request_parse(struct request_parser *p, struct slice *input, const struct request_limits *limits,
                                  struct slice *argv_space, int argv_room, struct request *out, struct slice *error);

bool request_want(struct request_parser *p, char **ptr, size_t *room); /* true: read at most room bytes to ptr */
void request_fill(struct request_parser *p, size_t n);                 /* n bytes were read there; parse next */

/* The block of argument i, when it has one of its own, with a reference for the caller; else NULL. */
struct blob *request_take_blob(struct request *req, int i);
void request_release(struct request *req); /* frees hold; O(1) when NULL */

size_t request_parser_mem(const struct request_parser *p);  /* bytes held for an unfinished request */
size_t request_parser_used(const struct request_parser *p); /* bytes of the unfinished request received so far */

/* Splits a line into arguments with the inline command's quoting rules ("..." with escapes, '...'); false on
 * unbalanced quotes. Used for config lines too. The arguments are returned in *args and *count (mem_alloc'ed array of
 * mem_alloc'ed copies). */
bool request_split_line(struct slice line, struct slice **args, int *count);
void request_split_free(struct slice *args, int count);

#endif
