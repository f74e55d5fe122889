/* HyperLogLogs in strings: the registers, their two forms, and the estimate.
 *
 * An element's hash names a register (its low 14 bits) and a value: the position of the lowest one in the other 50
 * bits. A register keeps the largest value it has seen. A value begins sparse and becomes dense when a register needs
 * more than 5 bits or the bytes exceed hll-sparse-max-bytes; it never goes back.
 *
 * Estimator: Otmar Ertl, "New cardinality estimation algorithms for HyperLogLog sketches", 2017, algorithm 6. In
 * doubles, step by step as there: another order of the same sums would give other estimates than Redis gives. */
#include "value/hyperloglog.h"

#include "value/hyperloglog_impl.h"
#include "value/string.h"

#include <assert.h>
#include <endian.h>
#include <math.h>

enum { INDEX_BITS = 14, VALUE_BITS = 64 - INDEX_BITS };
_Static_assert(1 << INDEX_BITS == HLL_REGISTERS, "the index names a register");

/* ---- elements ---- */

/* MurmurHash64A (Austin Appleby, public domain), the seed as Redis has it; the same on every byte order. */
static uint64_t element_hash(struct slice s)
{
    const uint64_t m = 0xc6a4a7935bd1e995ull;
    uint64_t h = 0xadc83b19ull ^ (s.len * m);
    const char *p = s.ptr, *end = p + (s.len & ~(size_t)7);
    for (; p != end; p += 8) {
        uint64_t k;
        memcpy(&k, p, sizeof(k));
        k = le64toh(k) * m;
        k ^= k >> 47;
        h = (h ^ k * m) * m;
    }
    if (s.len & 7) {
        uint64_t k = 0;
        memcpy(&k, p, s.len & 7);
        h = (h ^ le64toh(k)) * m;
    }
    h = (h ^ h >> 47) * m;
    return h ^ h >> 47;
}

static uint32_t element_place(struct slice element, unsigned *value)
{
    uint64_t hash = element_hash(element);
    uint64_t rest = hash >> INDEX_BITS | 1ull << VALUE_BITS; /* the last one, if there is no other */
    *value = (unsigned)__builtin_ctzll(rest) + 1;
    return (uint32_t)(hash & (HLL_REGISTERS - 1));
}

/* ---- the bytes ---- */

/* A view of the whole value. Integers are no HyperLogLogs, so nothing is ever printed to the scratch of a valid one. */
static struct slice view(const struct record *r)
{
    char scratch[STRING_SCRATCH];
    int64_t number;
    return string_int(r, &number) ? SLICE("") : string_view(r, scratch);
}

static const uint8_t *opcodes(struct slice s)
{
    return (const uint8_t *)s.ptr + HLL_HEADER;
}

enum status hll_check(const struct record *r)
{
    struct slice s = view(r);
    if (s.len < HLL_HEADER || memcmp(s.ptr, "HYLL", 4) != 0) return ST_NOT_HLL;
    uint8_t encoding = (uint8_t)s.ptr[HLL_ENCODING_AT];
    if (encoding == HLL_SPARSE) return ST_OK;
    return encoding == HLL_DENSE && s.len == HLL_DENSE_LEN ? ST_OK : ST_NOT_HLL;
}

bool hll_is_dense(const struct record *r)
{
    return view(r).ptr[HLL_ENCODING_AT] == HLL_DENSE;
}

struct record *hll_new(struct slice key)
{
    static const char empty[HLL_EMPTY_LEN] = {
        'H', 'Y', 'L', 'L', HLL_SPARSE, [HLL_HEADER - 1] = (char)HLL_STALE, [HLL_HEADER] = 0x7f, (char)0xff};
    struct record *r = string_new_text(key, SLICE(""));
    if (r == NULL) return NULL;
    struct record *written = string_write(r, 0, slice_of(empty, sizeof(empty)));
    if (written == NULL) record_free(r);
    return written;
}

/* The value's bytes for writing; NULL: no memory. */
static char *edit(struct record **r, size_t len)
{
    char *bytes;
    struct record *edited = string_resize(*r, len, &bytes);
    if (edited == NULL) return NULL;
    *r = edited;
    return bytes;
}

static enum status mark_stale(struct record **r)
{
    char *bytes = edit(r, string_len(*r));
    if (bytes == NULL) return ST_NO_MEMORY;
    bytes[HLL_HEADER - 1] |= (char)HLL_STALE;
    return ST_OK;
}

typedef void run_fn(void *arg, uint32_t first, struct sparse_op op);

/* Calls for each run of registers that are not 0. False: the opcodes do not cover the registers exactly. Inlined with
 * the function that it calls: a value has thousands of runs. */
static inline __attribute__((always_inline)) bool sparse_walk(struct slice s, run_fn *run, void *arg)
{
    const uint8_t *p = opcodes(s);
    size_t len = s.len - HLL_HEADER, at = 0;
    uint32_t first = 0;
    struct sparse_op op;
    for (; at < len; at += op.size, first += op.span) {
        if (!sparse_op_at(p, len, at, &op) || first + op.span > HLL_REGISTERS) return false;
        if (op.value != 0) run(arg, first, op);
    }
    return first == HLL_REGISTERS;
}

/* ---- becoming dense ---- */

static void run_to_packed(void *packed, uint32_t first, struct sparse_op op)
{
    for (uint32_t i = 0; i < op.span; i++) register_set(packed, first + i, op.value);
}

enum status hll_make_dense(struct record **r)
{
    struct slice s = view(*r);
    if (hll_is_dense(*r)) return ST_OK;
    struct blob *blob = blob_try_new(HLL_DENSE_LEN, HLL_DENSE_LEN);
    if (blob == NULL) return ST_NO_MEMORY;
    char *bytes = blob_bytes_mut(blob);
    memset(bytes, 0, HLL_DENSE_LEN);
    memcpy(bytes, s.ptr, HLL_HEADER);
    bytes[HLL_ENCODING_AT] = HLL_DENSE;
    if (!sparse_walk(s, run_to_packed, bytes + HLL_HEADER)) {
        blob_unref(blob);
        return ST_HLL_CORRUPT;
    }
    struct record *dense = string_put_blob(*r, blob, true);
    if (dense == NULL) return ST_NO_MEMORY;
    *r = dense;
    return ST_OK;
}

/* ---- adding ---- */

static enum status dense_set(struct record **r, uint32_t index, unsigned value, bool *changed)
{
    if (register_get(opcodes(view(*r)), index) >= value) return ST_OK;
    char *bytes = edit(r, HLL_DENSE_LEN);
    if (bytes == NULL) return ST_NO_MEMORY;
    register_set((uint8_t *)bytes + HLL_HEADER, index, value);
    bytes[HLL_HEADER - 1] |= (char)HLL_STALE;
    *changed = true;
    return ST_OK;
}

static enum status promote_and_set(struct record **r, uint32_t index, unsigned value, bool *changed)
{
    enum status st = hll_make_dense(r);
    return st == ST_OK ? dense_set(r, index, value, changed) : st;
}

static enum status sparse_apply(struct record **r, size_t old_len, const struct sparse_edit *e)
{
    size_t at = HLL_HEADER + e->at, tail = old_len - at - e->old_len, len = old_len - e->old_len + e->new_len;
    char *bytes = edit(r, len > old_len ? len : old_len);
    if (bytes == NULL) return ST_NO_MEMORY;
    if (e->new_len != e->old_len) memmove(bytes + at + e->new_len, bytes + at + e->old_len, tail);
    memcpy(bytes + at, e->bytes, e->new_len);
    bytes[HLL_HEADER - 1] |= (char)HLL_STALE;
    return len < old_len && edit(r, len) == NULL ? ST_NO_MEMORY : ST_OK;
}

/* An edit leaves *from at an opcode in front of itself, where a search for a higher index can begin. It joins what it
 * finds with the opcode before, so it must not be the one that the search began with. */
static bool find_from(struct slice s, struct sparse_start *from, uint32_t index, struct sparse_place *place)
{
    const struct sparse_start beginning = {0, 0};
    size_t len = s.len - HLL_HEADER;
    if (!sparse_find(opcodes(s), len, *from, index, place)) return false;
    bool lacks_prev = place->at == from->at && from->at > 0;
    return !lacks_prev || sparse_find(opcodes(s), len, beginning, index, place);
}

static struct sparse_start start_before(struct slice s, const struct sparse_place *place)
{
    struct sparse_op prev;
    if (place->prev == place->at || !sparse_op_at(opcodes(s), s.len - HLL_HEADER, place->prev, &prev))
        return (struct sparse_start){0, 0};
    return (struct sparse_start){place->prev, place->first - prev.span};
}

static enum status sparse_set(struct record **r, struct sparse_start *from, uint32_t index, unsigned value,
                              const struct value_limits *limits, bool *changed)
{
    struct slice s = view(*r);
    struct sparse_place place;
    struct sparse_edit e;
    if (value > SPARSE_VALUE_MAX) return promote_and_set(r, index, value, changed);
    if (!find_from(s, from, index, &place)) return ST_HLL_CORRUPT;
    if (place.op.value >= value) return ST_OK;
    sparse_edit_make(opcodes(s), s.len - HLL_HEADER, &place, index, value, &e);
    if (e.growth > 0 && (int64_t)s.len + e.growth > limits->hll_sparse_max_bytes)
        return promote_and_set(r, index, value, changed);
    *from = start_before(s, &place);
    *changed = true;
    return sparse_apply(r, s.len, &e);
}

enum status hll_add(struct record **r, const struct slice *elements, int count, const struct value_limits *limits,
                    bool *changed)
{
    enum status st = ST_OK;
    *changed = false;
    for (int i = 0; i < count && st == ST_OK; i++) {
        unsigned value;
        uint32_t index = element_place(elements[i], &value);
        struct sparse_start start = {0, 0};
        if (hll_is_dense(*r))
            st = dense_set(r, index, value, changed);
        else
            st = sparse_set(r, &start, index, value, limits, changed);
    }
    return st;
}

/* ---- counting ---- */

/* sigma and tau of the paper: series that are summed until they stand still. */
static double sigma(double x)
{
    if (x == 1.) return INFINITY;
    double y = 1, z = x, before;
    do {
        x *= x;
        before = z;
        z += x * y;
        y += y;
    } while (before != z);
    return z;
}

static double tau(double x)
{
    if (x == 0. || x == 1.) return 0.;
    double y = 1, z = 1 - x, before;
    do {
        x = sqrt(x);
        before = z;
        y *= 0.5;
        z -= pow(1 - x, 2) * y;
    } while (before != z);
    return z / 3;
}

static uint64_t estimate(const uint32_t histogram[REGISTER_MAX + 1])
{
    const double m = HLL_REGISTERS, alpha = 0.721347520444481703680; /* 1 / (2 ln 2) */
    double z = m * tau((m - histogram[VALUE_BITS + 1]) / m);
    for (int value = VALUE_BITS; value >= 1; value--) {
        z += histogram[value];
        z *= 0.5;
    }
    z += m * sigma(histogram[0] / m);
    return (uint64_t)llroundl(alpha * m * m / z);
}

static void run_to_histogram(void *histogram, uint32_t first, struct sparse_op op)
{
    uint32_t *counts = histogram;
    (void)first;
    counts[op.value] += op.span;
    counts[0] -= op.span;
}

enum status hll_count(const struct record *r, uint64_t *count, bool *cached)
{
    struct slice s = view(r);
    uint32_t histogram[REGISTER_MAX + 1] = {HLL_REGISTERS};
    *cached = !((uint8_t)s.ptr[HLL_HEADER - 1] & HLL_STALE);
    if (*cached) {
        memcpy(count, s.ptr + HLL_CACHE_AT, sizeof(*count));
        *count = le64toh(*count);
        return ST_OK;
    }
    if (hll_is_dense(r)) {
        uint8_t registers[HLL_REGISTERS];
        hll_registers(r, registers);
        registers_histogram(histogram, registers, HLL_REGISTERS);
    } else if (!sparse_walk(s, run_to_histogram, histogram)) {
        return ST_HLL_CORRUPT;
    }
    *count = estimate(histogram);
    return ST_OK;
}

enum status hll_cache(struct record **r, uint64_t count)
{
    char *bytes = edit(r, string_len(*r));
    if (bytes == NULL) return ST_NO_MEMORY;
    count = htole64(count);
    memcpy(bytes + HLL_CACHE_AT, &count, sizeof(count));
    return ST_OK;
}

/* ---- unions ---- */

void hll_union_init(struct hll_union *u)
{
    memset(u, 0, sizeof(*u));
}

static void run_to_max(void *registers, uint32_t first, struct sparse_op op)
{
    uint8_t *max = (uint8_t *)registers + first;
    for (uint32_t i = 0; i < op.span; i++)
        if (max[i] < op.value) max[i] = op.value;
}

enum status hll_union_put(struct hll_union *u, const struct record *r)
{
    struct slice s = view(r);
    if (hll_is_dense(r)) {
        u->dense = true;
        registers_max(u->registers, opcodes(s), HLL_REGISTERS);
        return ST_OK;
    }
    return sparse_walk(s, run_to_max, u->registers) ? ST_OK : ST_HLL_CORRUPT;
}

uint64_t hll_union_count(const struct hll_union *u)
{
    uint32_t histogram[REGISTER_MAX + 1];
    registers_histogram(histogram, u->registers, HLL_REGISTERS);
    return estimate(histogram);
}

enum status hll_union_store(const struct hll_union *u, struct record **r, const struct value_limits *limits)
{
    enum status st = u->dense ? hll_make_dense(r) : ST_OK;
    struct sparse_start start = {0, 0};
    for (uint32_t i = 0; i < HLL_REGISTERS && st == ST_OK && !hll_is_dense(*r); i++) {
        bool changed;
        if (u->registers[i] != 0) st = sparse_set(r, &start, i, u->registers[i], limits, &changed);
    }
    if (st != ST_OK) return st;
    if (hll_is_dense(*r)) { /* from the beginning, or by now: the union has all that r had */
        char *bytes = edit(r, HLL_DENSE_LEN);
        if (bytes == NULL) return ST_NO_MEMORY;
        registers_pack((uint8_t *)bytes + HLL_HEADER, u->registers, HLL_REGISTERS);
    }
    return mark_stale(r);
}

/* ---- for PFDEBUG ---- */

void hll_registers(const struct record *r, uint8_t registers[HLL_REGISTERS])
{
    assert(hll_is_dense(r));
    memset(registers, 0, HLL_REGISTERS);
    registers_max(registers, opcodes(view(r)), HLL_REGISTERS);
}

enum status hll_decode(const struct record *r, struct buf *text)
{
    struct slice s = view(r);
    const uint8_t *p = opcodes(s);
    size_t len = s.len - HLL_HEADER, at = 0;
    struct sparse_op op;
    for (; at < len; at += op.size) {
        if (!sparse_op_at(p, len, at, &op)) return ST_HLL_CORRUPT;
        if (op.value != 0)
            buf_appendf(text, "v:%u,%u ", op.value, op.span);
        else
            buf_appendf(text, "%c:%u ", op.size == 1 ? 'z' : 'Z', op.span);
    }
    if (text->len > 0) text->len--;
    return ST_OK;
}
