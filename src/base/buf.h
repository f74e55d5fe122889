/* A growable run of bytes that its user owns: text building, private input buffers, captured replies.
 * Growth doubles up to 1 MB and then adds 1 MB steps (mem_good_size rounds up). data is NULL while cap is 0. */
#ifndef CAIRN_BASE_BUF_H
#define CAIRN_BASE_BUF_H

#include "base/compiler.h"
#include "base/slice.h"

#include <stdarg.h>

struct buf {
    char *data;
    size_t len, cap;
};

#define BUF_INIT ((struct buf){NULL, 0, 0})

void buf_deinit(struct buf *b);                       /* frees; b is empty and usable again */
void buf_reserve(struct buf *b, size_t extra);        /* room for `extra` more bytes behind len */
void buf_append(struct buf *b, const void *ptr, size_t len);
void buf_append_slice(struct buf *b, struct slice s);
void buf_append_char(struct buf *b, char c);
void buf_append_i64(struct buf *b, int64_t v);
void buf_appendf(struct buf *b, const char *fmt, ...) printf_like(2, 3);
void buf_vappendf(struct buf *b, const char *fmt, va_list ap);
/* "quoted", with \n \r \t \a \b \\ \" and \xHH, as Redis prints text */
void buf_append_repr(struct buf *b, struct slice s);
void buf_consume(struct buf *b, size_t n);            /* drops n bytes at the front */
void buf_clear(struct buf *b);                        /* len = 0, keeps the memory */
void buf_shrink(struct buf *b);                       /* gives back what len does not need */
char *buf_cstr(struct buf *b);                        /* view with a NUL behind len (not counted) */
static inline struct slice buf_slice(const struct buf *b)
{
    return slice_of(b->data, b->len);
}

#endif
