/* Immutable large bytes that the store, output buffers and threads share: the only reference-counted thing here.
 * A blob is written by its only owner before it is shared (blob_bytes_mut asserts that); the count is atomic. */
#ifndef CAIRN_BASE_BLOB_H
#define CAIRN_BASE_BLOB_H

#include "base/compiler.h"
#include "base/slice.h"

struct blob; /* opaque */

/* uninitialised bytes; cap >= len; dies when out of memory */
struct blob *blob_new(size_t len, size_t cap) must_use;
struct blob *blob_try_new(size_t len, size_t cap) must_use; /* NULL when out of memory: for sizes a client chose */
struct blob *blob_ref(struct blob *b);
void blob_unref(struct blob *b);                            /* frees at zero; NULL is allowed */
bool blob_shared(const struct blob *b);                     /* count > 1 */
struct slice blob_slice(const struct blob *b);
char *blob_bytes_mut(struct blob *b);                       /* only while not shared */
size_t blob_cap(const struct blob *b);
void blob_set_len(struct blob *b, size_t len);              /* only while not shared; len <= cap */
/* Grows or shrinks the room of an unshared blob; NULL when out of memory (b is unchanged). */
struct blob *blob_try_resize(struct blob *b, size_t cap) must_use;
size_t blob_mem(const struct blob *b);                      /* bytes reserved */

#endif
