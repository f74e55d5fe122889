/* Writing and reading RDB's elements: bytes, lengths, strings, numbers; with checksum, limits and places in errors. */
#ifndef CAIRN_PERSIST_RDB_IO_H
#define CAIRN_PERSIST_RDB_IO_H

#include "base/blob.h"
#include "base/buf.h"
#include "base/compiler.h"
#include "base/slice.h"

#include <sys/types.h>

/* ---- writer: gathers bytes and hands them to a sink. After a failure (the sink said false, and keeps the reason)
 * everything that follows is dropped: callers look once, at the end. ---- */
struct rdb_writer {
    bool (*sink)(void *arg, const void *ptr, size_t len);
    void *arg;
    int version;       /* that is written: values take a form that it knows */
    bool compress;     /* LZF for strings of more than 20 bytes, where it makes them shorter */
    bool checksum;
    bool failed;
    uint64_t crc;          /* of what was handed on */
    uint64_t written;      /* bytes put in, pending ones included */
    struct buf pending;    /* not handed on yet */
    struct buf scratch;    /* of compression */
};

void rdb_writer_init(struct rdb_writer *w, int version, bool (*sink)(void *arg, const void *ptr, size_t len),
                     void *arg);
/* Writes into memory: the bytes are w->pending. */
void rdb_writer_init_memory(struct rdb_writer *w, int version);
void rdb_writer_deinit(struct rdb_writer *w);
must_use bool rdb_writer_flush(struct rdb_writer *w); /* false: failed, now or before */
uint64_t rdb_writer_crc(const struct rdb_writer *w);  /* of everything put in; 0 when checksum is off */

void rdb_write(struct rdb_writer *w, const void *ptr, size_t len);
void rdb_write_byte(struct rdb_writer *w, uint8_t byte);
void rdb_write_len(struct rdb_writer *w, uint64_t len);
void rdb_write_string(struct rdb_writer *w, struct slice text); /* as an integer or compressed where that is shorter */
void rdb_write_i64(struct rdb_writer *w, int64_t v);            /* as a string: its digits, or packed */
void rdb_write_u16(struct rdb_writer *w, uint16_t v);           /* these little endian */
void rdb_write_u32(struct rdb_writer *w, uint32_t v);
void rdb_write_u64(struct rdb_writer *w, uint64_t v);
void rdb_write_double(struct rdb_writer *w, double v);          /* 8 bytes */

enum { RDB_AHEAD = 16 };

/* ---- reader: from a source that fills a window, or from memory. The first failure is kept with its place, and every
 * later read fails too. No length is believed: what is announced is never allocated before it is known to be there, in
 * steps. ---- */
struct rdb_reader {
    /* Bytes read, 0 at the end, -1 with errno. NULL: the window is all there is. */
    ssize_t (*fill)(void *arg, void *ptr, size_t len);
    void *arg;
    int version;   /* of the file or payload */
    bool valkey;   /* its magic or version is Valkey's: some type bytes mean something else */
    bool checksum;
    bool failed, at_end; /* at_end: the source ended inside of an element */
    uint64_t size;       /* of the whole source, where it is known (a file's); 0: it is not */
    int error_errno;     /* of a source that failed; else 0 */
    const char *at, *end; /* of the window */
    struct buf window;    /* empty when reading from memory */
    uint64_t base;        /* offset of the window's end in the file */
    uint64_t crc;         /* of all that was consumed before `crc_from` */
    const char *crc_from;
    struct buf scratch;   /* of decompression */
    struct buf spare;     /* for the user: of rdb_read_view */
    struct buf ahead[RDB_AHEAD][2]; /* for readers of elements: what was read and is not in its collection yet */
    struct buf error;     /* "bad length 5 of an intset" */
    uint64_t error_at;    /* its offset */
};

void rdb_reader_init(struct rdb_reader *r, ssize_t (*fill)(void *arg, void *ptr, size_t len), void *arg);
void rdb_reader_init_memory(struct rdb_reader *r, struct slice bytes); /* borrowed */
void rdb_reader_deinit(struct rdb_reader *r);
uint64_t rdb_reader_offset(const struct rdb_reader *r); /* of the next byte */
uint64_t rdb_reader_crc(struct rdb_reader *r);          /* of all consumed so far; 0 when checksum is off */
/* Keeps the failure; the first one counts. Returns false, for `return rdb_fail(...)`. */
bool rdb_fail(struct rdb_reader *r, const char *fmt, ...) printf_like(2, 3);

must_use bool rdb_read(struct rdb_reader *r, void *out, size_t len);
must_use bool rdb_read_byte(struct rdb_reader *r, uint8_t *out);
must_use bool rdb_read_len(struct rdb_reader *r, uint64_t *out); /* of something: a special string form is refused */
/* A number of elements, which take at least `element_size` bytes each: refused when the source is known to be
 * shorter. */
must_use bool rdb_read_count(struct rdb_reader *r, size_t element_size, uint64_t *out);
/* For how many of `count` elements, of at least `element_size` bytes, room may be made before they are there. */
size_t rdb_expected(const struct rdb_reader *r, size_t element_size, uint64_t count);
must_use bool rdb_read_string(struct rdb_reader *r, struct buf *out); /* replaces what is in out */
/* As a view of the window where it stands there in one piece, else of *spare; valid until the next read. */
must_use bool rdb_read_view(struct rdb_reader *r, struct buf *spare, struct slice *out);
/* The same, but a string of `large` bytes or more comes into its final block: *blob is the caller's then, else NULL. */
must_use bool rdb_read_view_or_blob(struct rdb_reader *r, struct buf *spare, size_t large, struct slice *out,
                                    struct blob **blob);
must_use bool rdb_skip_string(struct rdb_reader *r);
must_use bool rdb_read_u16(struct rdb_reader *r, uint16_t *out);
must_use bool rdb_read_u32(struct rdb_reader *r, uint32_t *out);
must_use bool rdb_read_u64(struct rdb_reader *r, uint64_t *out);
must_use bool rdb_read_double(struct rdb_reader *r, double *out);
must_use bool rdb_read_text_double(struct rdb_reader *r, double *out); /* the old form: length byte and digits */

#endif
