/* Commands on single bits and whole bitmaps: SETBIT, GETBIT, BITCOUNT, BITPOS, BITOP. Fields of several bits are in
 * bitfield_cmds.c. The bits themselves are counted, searched and combined by ds/bits. */
#include "cmd/bitmap_cmds.h"

#include "base/mem.h"
#include "cmd/bit_impl.h"
#include "ds/bits.h"
#include "value/string.h"

/* --- shared --- */

bool bit_offset_arg(struct ctx *ctx, int i, unsigned width, uint64_t *out)
{
    struct slice text = arg(ctx, i);
    int64_t offset, unit = 1;
    if (width > 0 && text.len > 0 && text.ptr[0] == '#') {
        unit = width;
        text = slice_of(text.ptr + 1, text.len - 1);
    }
    if (slice_to_i64(text, &offset) != ST_OK || !i64_mul(offset, unit, &offset) || offset < 0 ||
        offset >> 3 >= *cmd_config(ctx)->bulk_max) {
        reply_error(ctx->reply, SLICE("ERR bit offset is not an integer or out of range"));
        return false;
    }
    *out = (uint64_t)offset;
    return true;
}

/* A new string of zeros. */
static struct record *zeros_new(struct slice key, size_t len, char **bytes)
{
    if (key.len > KEY_LEN_MAX) return NULL;
    struct record *r = string_new_text(key, SLICE(""));
    if (r == NULL) return NULL;
    struct record *grown = string_edit(r, len, bytes);
    if (grown == NULL) record_free(r);
    return grown;
}

char *bits_for_write(struct ctx *ctx, struct store_key key, struct record *r, size_t len, bool *grown)
{
    char *bytes = NULL;
    *grown = r == NULL || string_len(r) < len;
    if (r == NULL) {
        r = zeros_new(key.name, len, &bytes);
        if (r != NULL) ctx_insert(ctx, key, r);
    } else {
        struct record_change before = ctx_change_begin(r);
        r = string_edit(r, len, &bytes);
        if (r != NULL) ctx_change_end(ctx, key, before, r);
    }
    if (r != NULL) return bytes;
    reply_status(ctx->reply, ST_NO_MEMORY);
    return NULL;
}

/* The string under the key of argument 1 for reading, NULL when absent. False: the error is replied. */
static bool find_string(struct ctx *ctx, struct record **r)
{
    enum status st = ctx_find_type(ctx, ctx_key(ctx, 1), FOR_READ, TYPE_STRING, r);
    if (st == ST_OK) return true;
    reply_status(ctx->reply, st);
    return false;
}

/* --- single bits --- */

void cmd_setbit(struct ctx *ctx)
{
    uint64_t offset;
    int64_t bit;
    if (!bit_offset_arg(ctx, 2, 0, &offset)) return;
    if (slice_to_i64(arg(ctx, 3), &bit) != ST_OK || (bit & ~1) != 0) {
        reply_error(ctx->reply, SLICE("ERR bit is not an integer or out of range"));
        return;
    }
    struct store_key key = ctx_key(ctx, 1);
    struct record *r;
    enum status st = ctx_find_type(ctx, key, FOR_WRITE, TYPE_STRING, &r);
    if (st != ST_OK) {
        reply_status(ctx->reply, st);
        return;
    }
    bool grown;
    char *bytes = bits_for_write(ctx, key, r, (size_t)(offset >> 3) + 1, &grown);
    if (bytes == NULL) return;
    uint8_t *byte = (uint8_t *)bytes + (offset >> 3), mask = (uint8_t)(0x80u >> (offset & 7));
    bool old = *byte & mask;
    *byte = (uint8_t)(bit ? *byte | mask : *byte & ~mask);
    if (grown || old != (bool)bit) key_changed(ctx, key.name, EV_STRING, "setbit");
    reply_int(ctx->reply, old);
}

void cmd_getbit(struct ctx *ctx)
{
    uint64_t offset;
    struct record *r;
    if (!bit_offset_arg(ctx, 2, 0, &offset) || !find_string(ctx, &r)) return;
    char scratch[STRING_SCRATCH];
    struct slice s = r == NULL ? SLICE("") : string_view(r, scratch);
    size_t at = (size_t)(offset >> 3);
    reply_int(ctx->reply, at < s.len ? (uint8_t)s.ptr[at] >> (7 - (offset & 7)) & 1 : 0);
}

/* --- ranges --- */

/* start and end as given, in bytes or bits, negative ones from the end. */
struct bit_range {
    int64_t start, end;
    bool in_bits;
};

static bool unit_parse(struct ctx *ctx, int i, struct bit_range *range)
{
    if (i >= ctx->argc) return true;
    range->in_bits = slice_is(arg(ctx, i), "bit");
    if (range->in_bits || slice_is(arg(ctx, i), "byte")) return true;
    reply_syntax(ctx);
    return false;
}

static bool bound_parse(struct ctx *ctx, int i, int64_t *out)
{
    if (i >= ctx->argc) return true;
    enum status st = arg_i64(ctx, i, out);
    if (st == ST_OK) return true;
    reply_status(ctx->reply, st);
    return false;
}

/* The range in a string of len bytes, as its first and last bit. False: it is empty. */
static bool range_resolve(const struct bit_range *range, size_t len, uint64_t *first, uint64_t *last)
{
    int64_t total = (int64_t)(range->in_bits ? len * 8 : len), start = range->start, end = range->end;
    if (start < 0) start = start + total < 0 ? 0 : start + total;
    if (end < 0) end = end + total < 0 ? 0 : end + total;
    if (end >= total) end = total - 1;
    if (start > end) return false;
    *first = (uint64_t)(range->in_bits ? start : start * 8);
    *last = (uint64_t)(range->in_bits ? end : end * 8 + 7);
    return true;
}

void cmd_bitcount(struct ctx *ctx)
{
    struct bit_range range = {0, -1, false};
    if (ctx->argc == 3 || ctx->argc > 5) {
        reply_syntax(ctx);
        return;
    }
    if (!bound_parse(ctx, 2, &range.start) || !bound_parse(ctx, 3, &range.end) || !unit_parse(ctx, 4, &range)) return;
    struct record *r;
    if (!find_string(ctx, &r)) return;
    char scratch[STRING_SCRATCH];
    struct slice s = r == NULL ? SLICE("") : string_view(r, scratch);
    uint64_t first, last;
    /* Both in front of the string, and the wrong way round: nothing, and not the first byte. */
    bool backwards = range.start < 0 && range.end < 0 && range.start > range.end;
    if (backwards || !range_resolve(&range, s.len, &first, &last))
        reply_int(ctx->reply, 0);
    else
        reply_int(ctx->reply, (int64_t)bits_count_range(s, first, last));
}

void cmd_bitpos(struct ctx *ctx)
{
    struct bit_range range = {0, -1, false};
    int64_t bit = 0;
    if (!bound_parse(ctx, 2, &bit)) return;
    if (bit != 0 && bit != 1) {
        reply_error(ctx->reply, SLICE("ERR The bit argument must be 1 or 0."));
        return;
    }
    if (ctx->argc > 6) {
        reply_syntax(ctx);
        return;
    }
    if (!bound_parse(ctx, 3, &range.start) || !unit_parse(ctx, 5, &range) || !bound_parse(ctx, 4, &range.end)) return;
    struct record *r;
    if (!find_string(ctx, &r)) return;
    if (r == NULL) {
        reply_int(ctx->reply, bit ? -1 : 0);
        return;
    }
    char scratch[STRING_SCRATCH];
    struct slice s = string_view(r, scratch);
    uint64_t first, last;
    if (!range_resolve(&range, s.len, &first, &last)) {
        reply_int(ctx->reply, -1);
        return;
    }
    int64_t at = bits_find(s, first, last, bit);
    /* Without an end, zeros follow the string for ever. */
    if (at < 0 && bit == 0 && ctx->argc < 5) at = (int64_t)s.len * 8;
    reply_int(ctx->reply, at);
}

/* --- BITOP --- */

enum { SOURCES_ON_STACK = 16, ROOM_WASTE_MAX = 2 };

static const struct {
    struct slice name;
    enum bits_op op;
    int sources_min, sources_max; /* 0: any number */
} operations[] = {
    {{"and", 3}, BITS_AND, 1, 0},   {{"or", 2}, BITS_OR, 1, 0},       {{"xor", 3}, BITS_XOR, 1, 0},
    {{"not", 3}, BITS_NOT, 1, 1},   {{"diff", 4}, BITS_DIFF, 2, 0},   {{"diff1", 5}, BITS_DIFF1, 2, 0},
    {{"andor", 5}, BITS_ANDOR, 2, 0}, {{"one", 3}, BITS_ONE, 1, 0},
};

static bool operation_parse(struct ctx *ctx, enum bits_op *op)
{
    int sources = ctx->argc - 3;
    for (size_t i = 0; i < ARRAY_LEN(operations); i++) {
        if (!slice_eq_nocase(arg(ctx, 1), operations[i].name)) continue;
        *op = operations[i].op;
        if (*op == BITS_NOT && sources != 1) {
            reply_error(ctx->reply, SLICE("ERR BITOP NOT must be called with a single source key."));
            return false;
        }
        if (sources >= operations[i].sources_min) return true;
        reply_errorf(ctx->reply, "ERR BITOP %s must be called with at least two source keys.",
                     *op == BITS_DIFF ? "DIFF" : *op == BITS_DIFF1 ? "DIFF1" : "ANDOR");
        return false;
    }
    reply_syntax(ctx);
    return false;
}

struct bitop {
    enum bits_op op;
    struct store_key to;
    int count;
    size_t len;            /* of the longest source */
    bool reads_target;     /* the target is a source other than the first */
    struct slice *sources; /* views */
    char (*scratch)[STRING_SCRATCH];
};

static bool sources_find(struct ctx *ctx, struct bitop *b)
{
    /* What has expired goes now, and not while other records are in hand. */
    for (int i = 2; i < ctx->argc; i++) (void)ctx_find(ctx, ctx_key(ctx, i), FOR_PEEK);
    for (int i = 0; i < b->count; i++) {
        struct record *r;
        struct store_key key = ctx_key(ctx, i + 3);
        enum status st = ctx_find_type(ctx, key, FOR_READ, TYPE_STRING, &r);
        if (st != ST_OK) {
            reply_status(ctx->reply, st);
            return false;
        }
        b->sources[i] = r == NULL ? SLICE("") : string_view(r, b->scratch[i]);
        if (b->sources[i].len > b->len) b->len = b->sources[i].len;
        if (i > 0 && slice_eq(key.name, b->to.name)) b->reads_target = true;
    }
    return true;
}

/* The old value's block as the result's, when it has the right size and only we hold it. False: it has not. */
static bool combine_in_place(struct ctx *ctx, const struct bitop *b)
{
    struct record *r = ctx_find(ctx, b->to, FOR_PEEK);
    if (r == NULL || record_type(r) != TYPE_STRING || b->len <= RECORD_INLINE_MAX || b->reads_target) return false;
    struct blob *blob = string_blob(r);
    if (blob == NULL || blob_shared(blob) || blob_cap(blob) < b->len || blob_cap(blob) / ROOM_WASTE_MAX > b->len)
        return false;
    if (b->sources[0].ptr == blob_slice(blob).ptr && !bits_in_place(b->op)) return false;
    char *bytes;
    struct record_change before = ctx_change_begin(r);
    r = string_resize(r, b->len, &bytes);
    if (r == NULL) return false;
    ctx_change_end(ctx, b->to, before, r);
    bits_combine(b->op, bytes, b->len, b->sources, (size_t)b->count);
    if (record_expire_ms(r) != 0) (void)ctx_set_expire(ctx, b->to, r, 0);
    return true;
}

static struct record *combine_new(const struct bitop *b)
{
    if (b->len <= RECORD_INLINE_MAX) {
        char *bytes;
        struct record *r = zeros_new(b->to.name, b->len, &bytes);
        if (r != NULL) bits_combine(b->op, bytes, b->len, b->sources, (size_t)b->count);
        return r;
    }
    struct blob *blob = b->to.name.len <= KEY_LEN_MAX ? blob_try_new(b->len, b->len) : NULL;
    if (blob == NULL) return NULL;
    bits_combine(b->op, blob_bytes_mut(blob), b->len, b->sources, (size_t)b->count);
    return string_new_blob(b->to.name, blob);
}

static void bitop_run(struct ctx *ctx, struct bitop *b)
{
    if (!sources_find(ctx, b)) return;
    if (b->len == 0) {
        if (ctx_delete(ctx, b->to, *cmd_config(ctx)->lazy_server_del != 0))
            key_changed(ctx, b->to.name, EV_GENERIC, "del");
        reply_int(ctx->reply, 0);
        return;
    }
    if (!combine_in_place(ctx, b)) {
        struct record *r = combine_new(b);
        if (r == NULL) {
            reply_status(ctx->reply, ST_NO_MEMORY);
            return;
        }
        (void)ctx_overwrite(ctx, b->to, r);
    }
    key_changed(ctx, b->to.name, EV_STRING, "set");
    reply_int(ctx->reply, (int64_t)b->len);
}

void cmd_bitop(struct ctx *ctx)
{
    struct slice sources[SOURCES_ON_STACK];
    char scratch[SOURCES_ON_STACK][STRING_SCRATCH];
    struct bitop b = {.count = ctx->argc - 3, .sources = sources, .scratch = scratch};
    if (!operation_parse(ctx, &b.op)) return;
    b.to = ctx_key(ctx, 2);
    if (b.count > SOURCES_ON_STACK) {
        b.sources = mem_alloc((size_t)b.count * sizeof(*b.sources));
        b.scratch = mem_alloc((size_t)b.count * sizeof(*b.scratch));
    }
    bitop_run(ctx, &b);
    if (b.count > SOURCES_ON_STACK) {
        mem_free(b.sources);
        mem_free(b.scratch);
    }
}
