/* Bytes from outside as a HyperLogLog: whatever they are, it is refused, or counted, merged, changed and made dense
 * without a read or write outside of it. The first two bytes choose what is done; byte 0 also whether the head is made
 * right, so that more inputs get past it. */
#include "base/mem.h"
#include "value/hyperloglog.h"
#include "value/string.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { HEADER = 16, ENCODING_AT = 4, STALE_AT = 15 };

static void must(bool holds)
{
    if (!holds) abort();
}

static struct record *record_of(const uint8_t *data, size_t size, bool repair, bool sparse)
{
    char *bytes = malloc(size + 1);
    memcpy(bytes, data, size);
    if (repair && size >= HEADER) {
        memcpy(bytes, "HYLL", 4);
        bytes[ENCODING_AT] = sparse;
        bytes[STALE_AT] |= (char)0x80;
    }
    struct record *r = string_write(string_new_text(SLICE("k"), SLICE("")), 0, slice_of(bytes, size));
    free(bytes);
    return r;
}

/* What both forms count and unite is the same. */
static void compare_dense(struct record *r)
{
    static struct hll_union a, b;
    uint64_t before, after;
    bool cached;
    struct record *copy = record_dup(r, SLICE("copy"));
    hll_union_init(&a);
    hll_union_init(&b);
    if (hll_union_put(&a, r) == ST_OK) {
        must(hll_make_dense(&copy) == ST_OK && hll_union_put(&b, copy) == ST_OK);
        must(memcmp(a.registers, b.registers, HLL_REGISTERS) == 0);
        must(hll_count(r, &before, &cached) == ST_OK && hll_count(copy, &after, &cached) == ST_OK && before == after);
        must(cached || before == hll_union_count(&a));
    }
    record_free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2) return 0;
    struct value_limits limits = {.hll_sparse_max_bytes = (int64_t)data[1] * 20};
    static struct hll_union u;
    struct buf text = BUF_INIT;
    bool changed;
    struct record *r = record_of(data + 2, size - 2, data[0] & 1, data[0] & 2);
    if (hll_check(r) == ST_OK) {
        compare_dense(r);
        hll_union_init(&u);
        bool whole = hll_union_put(&u, r) == ST_OK;
        if (!hll_is_dense(r)) (void)(hll_decode(r, &text) == ST_OK);
        for (unsigned i = 0; i < (data[0] >> 2 & 15u); i++) {
            unsigned char name[2] = {(unsigned char)i, data[1]};
            struct slice element = slice_of(name, sizeof(name));
            enum status st = hll_add(&r, &element, 1, &limits, &changed);
            must(!whole || st == ST_OK);
            if (whole) must(hll_union_put(&u, r) == ST_OK);
        }
        if (whole) must(hll_union_store(&u, &r, &limits) == ST_OK);
        compare_dense(r);
        must(!whole || hll_make_dense(&r) == ST_OK);
        record_check(r);
    }
    record_free(r);
    buf_deinit(&text);
    return 0;
}
