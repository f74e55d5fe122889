/* Bytes from outside as a value of a payload or an RDB file: reading never goes beyond them, and what is accepted is a
 * whole value, can be written, and is read again as one of the same length. Byte 0 is the type, byte 1 says how the
 * bytes come and what the limits are. */
#include "base/mem.h"
#include "persist/rdb_format.h"
#include "persist/rdb_value.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { PIECEWISE = 1, SIZE_KNOWN = 2, VALKEY = 4, SMALL_LIMITS = 8, KEEP_DUE = 16 };

static const struct hash_seed seed = {1, 2};
static const struct value_limits usual = {&seed, 128, 64, 512, 128, 64, 128, 64, -2, 0, 4096, 100, 3000};
static const struct value_limits small = {&seed, 2, 8, 2, 2, 8, 2, 8, 2, 1, 64, 2, 3000};

static void must(bool holds)
{
    if (!holds) abort();
}

struct source {
    const uint8_t *at;
    size_t left;
};

static ssize_t fill(void *arg, void *ptr, size_t len)
{
    struct source *s = arg;
    size_t n = len < 13 ? len : 13;
    if (n > s->left) n = s->left;
    if (n > 0) memcpy(ptr, s->at, n);
    s->at += n;
    s->left -= n;
    return (ssize_t)n;
}

static struct record *read_value(const uint8_t *data, size_t size, uint8_t type, unsigned how)
{
    struct rdb_reader r;
    struct source source = {data, size};
    const struct rdb_load load = {.limits = how & SMALL_LIMITS ? &small : &usual, .now_ms = 1000000,
                                  .keep_due_fields = (how & KEEP_DUE) != 0};
    if (how & PIECEWISE)
        rdb_reader_init(&r, fill, &source);
    else
        rdb_reader_init_memory(&r, slice_of(data, size));
    if (how & SIZE_KNOWN) r.size = size;
    r.valkey = (how & VALKEY) != 0;
    struct record *made = rdb_value_read(&r, type, SLICE("key"), &load);
    must(!r.failed || (made == NULL && r.error.len > 0));
    rdb_reader_deinit(&r);
    if (made != NULL) record_check(made);
    return made;
}

static void write_again(const struct record *made, int version, unsigned how)
{
    struct rdb_writer w;
    uint8_t type = rdb_value_type(made, version);
    if (type == RDB_TYPE_NONE) return;
    rdb_writer_init_memory(&w, version);
    rdb_value_write(&w, made, type);
    struct record *again = read_value((const uint8_t *)w.pending.data, w.pending.len, type, how | KEEP_DUE);
    must(again != NULL && record_len(again) == record_len(made));
    record_free(again);
    rdb_writer_deinit(&w);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2) return 0;
    struct record *made = read_value(data + 2, size - 2, data[0], data[1]);
    if (made == NULL) return 0;
    write_again(made, 10, data[1] & SMALL_LIMITS);
    write_again(made, 12, 0);
    record_free(made);
    return 0;
}
