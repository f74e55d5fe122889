/* Strings. The value lives in its record: as a 64-bit integer (canonical decimal text only), inline bytes, or a blob
 * (immutable large bytes, shared with output buffers and threads; changed in place only while nobody shares it).
 * Sizes are checked by the caller against proto-max-bulk-len before. Functions that return NULL ran out of memory for a
 * size that a client chose, and have left `owned_r` as it was; an owned blob is consumed in any case. Slices that come
 * in never point into r. */
#ifndef CAIRN_VALUE_STRING_H
#define CAIRN_VALUE_STRING_H

#include "base/blob.h"
#include "value/record.h"

enum { STRING_SCRATCH = 24, STRING_EMBSTR_MAX = 44 };
enum string_encoding { STRING_INT, STRING_EMBSTR, STRING_RAW }; /* names as Redis reports them */

/* New records, without expiry, clock 0. The value is encoded as an integer when its text is canonical. */
struct record *string_new(struct slice key, struct slice value) must_use;
struct record *string_new_int(struct slice key, int64_t value) must_use;
/* As string_new, but a text stays a text: what INCRBYFLOAT leaves reports "embstr" even when it looks like an
 * integer. */
struct record *string_new_text(struct slice key, struct slice value) must_use;
/* Small blobs are copied inline and released. */
struct record *string_new_blob(struct slice key, struct blob *owned_blob) must_use;

/* Give a string record a new value; key and clock stay, the expiry stays or goes. In place where the room allows.
 * string_put* also accept a record of another type: its object is freed (by the caller's wish: detach it before for
 * lazy freeing). */
struct record *string_put(struct record *owned_r, struct slice value, bool keep_expire) must_use;
struct record *string_put_text(struct record *owned_r, struct slice value, bool keep_expire) must_use;
struct record *string_put_int(struct record *owned_r, int64_t value, bool keep_expire) must_use;
struct record *string_put_blob(struct record *owned_r, struct blob *owned_blob, bool keep_expire) must_use;

/* Reads; r is a string record. */
struct slice string_view(const struct record *r, char scratch[STRING_SCRATCH]); /* integers are printed to scratch */
bool string_int(const struct record *r, int64_t *out);                          /* encoded as integer? */
struct blob *string_blob(const struct record *r);                               /* borrowed; NULL when not a blob */
size_t string_len(const struct record *r);                                      /* O(1) */
enum string_encoding string_encoding(const struct record *r);

/* Changes in place; the encoding is RAW afterwards, as Redis reports. */
struct record *string_append(struct record *owned_r, struct slice tail) must_use;
struct record *string_write(struct record *owned_r, size_t offset, struct slice bytes) must_use; /* pads with zeros */
/* Writable bytes of at least len (zero-padded growth), for bit operations. *bytes stays valid until the next change. */
struct record *string_edit(struct record *owned_r, size_t len, char **bytes) must_use;
/* The same for a value of exactly len bytes: grown with zeros, or cut off at the end. */
struct record *string_resize(struct record *owned_r, size_t len, char **bytes) must_use;

#endif
