/* A borrowed run of bytes: the argument type of the whole server. It owns nothing and may hold any byte.
 * A slice is valid as long as what it points into; functions that take one borrow it until they return. */
#ifndef CAIRN_BASE_SLICE_H
#define CAIRN_BASE_SLICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct slice {
    const char *ptr;
    size_t len;
};

/* A slice over a string literal. */
#define SLICE(literal) ((struct slice){("" literal), sizeof(literal) - 1})

static inline struct slice slice_of(const void *ptr, size_t len)
{
    return (struct slice){(const char *)ptr, len};
}

static inline struct slice slice_cstr(const char *text)
{
    return (struct slice){text, strlen(text)};
}

static inline bool slice_eq(struct slice a, struct slice b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

/* Orders by bytes, then by length, as memcmp does: <0, 0, >0. */
int slice_cmp(struct slice a, struct slice b);

/* Equality that ignores the case of ASCII letters; `word` is usually a literal. */
bool slice_eq_nocase(struct slice a, struct slice b);

/* slice_is(arg, "px"): the keyword test of option parsing, ignoring ASCII case. */
#define slice_is(s, literal) slice_eq_nocase((s), SLICE(literal))

#endif
