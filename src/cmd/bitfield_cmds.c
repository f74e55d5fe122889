/* BITFIELD and BITFIELD_RO: integers of 1 to 64 bits at any bit of a string.
 *
 * The operations are checked one after the other as a whole before the key is looked at, and then done in a second pass
 * over the arguments, which needs no memory. */
#include "cmd/bit_impl.h"
#include "cmd/bitmap_cmds.h"
#include "ds/bits.h"
#include "value/string.h"

enum overflow { OVERFLOW_WRAP, OVERFLOW_SAT, OVERFLOW_FAIL };

struct field_op {
    enum { FIELD_GET, FIELD_SET, FIELD_INCRBY } kind;
    bool is_signed;
    unsigned width;
    uint64_t offset;
    int64_t value; /* SET, INCRBY */
    enum overflow overflow;
};

/* Where parsing stands: the next argument, and the OVERFLOW that was given last. */
struct field_parser {
    int at;
    enum overflow overflow;
};

static bool type_parse(struct ctx *ctx, int i, struct field_op *op)
{
    struct slice text = arg(ctx, i);
    int64_t width = 0;
    op->is_signed = text.len > 0 && text.ptr[0] == 'i';
    bool known = op->is_signed || (text.len > 0 && text.ptr[0] == 'u');
    if (!known || slice_to_i64(slice_of(text.ptr + 1, text.len - 1), &width) != ST_OK || width < 1 ||
        width > (op->is_signed ? 64 : 63)) {
        reply_error(ctx->reply, SLICE("ERR Invalid bitfield type. Use something like i16 u8. Note that u64 is not "
                                      "supported but i64 is."));
        return false;
    }
    op->width = (unsigned)width;
    return true;
}

static bool overflow_parse(struct ctx *ctx, int i, enum overflow *out)
{
    struct slice word = arg(ctx, i);
    if (slice_is(word, "wrap")) {
        *out = OVERFLOW_WRAP;
    } else if (slice_is(word, "sat")) {
        *out = OVERFLOW_SAT;
    } else if (slice_is(word, "fail")) {
        *out = OVERFLOW_FAIL;
    } else {
        reply_error(ctx->reply, SLICE("ERR Invalid OVERFLOW type specified"));
        return false;
    }
    return true;
}

enum parsed { PARSED_OP, PARSED_END, PARSED_ERROR };

/* The next operation; an error is replied. */
static enum parsed next_op(struct ctx *ctx, struct field_parser *p, struct field_op *op)
{
    while (p->at + 1 < ctx->argc && slice_is(arg(ctx, p->at), "overflow")) {
        if (!overflow_parse(ctx, p->at + 1, &p->overflow)) return PARSED_ERROR;
        p->at += 2;
    }
    if (p->at == ctx->argc) return PARSED_END;
    int left = ctx->argc - p->at - 1;
    struct slice word = arg(ctx, p->at);
    op->overflow = p->overflow;
    op->value = 0;
    if (slice_is(word, "get") && left >= 2) {
        op->kind = FIELD_GET;
    } else if (slice_is(word, "set") && left >= 3) {
        op->kind = FIELD_SET;
    } else if (slice_is(word, "incrby") && left >= 3) {
        op->kind = FIELD_INCRBY;
    } else {
        reply_syntax(ctx);
        return PARSED_ERROR;
    }
    if (!type_parse(ctx, p->at + 1, op) || !bit_offset_arg(ctx, p->at + 2, op->width, &op->offset)) return PARSED_ERROR;
    p->at += 3;
    if (op->kind == FIELD_GET) return PARSED_OP;
    enum status st = arg_i64(ctx, p->at++, &op->value);
    if (st == ST_OK) return PARSED_OP;
    reply_status(ctx->reply, st);
    return PARSED_ERROR;
}

/* --- doing it --- */

static int64_t sign_extend(uint64_t bits, unsigned width)
{
    unsigned unused = 64 - width;
    return (int64_t)(bits << unused) >> unused;
}

static __int128 field_value(const struct field_op *op, uint64_t bits)
{
    return op->is_signed ? (__int128)sign_extend(bits, op->width) : (__int128)bits;
}

/* Brings v into the field's range. False: it is outside, and the operation is not to be done. */
static bool field_limit(const struct field_op *op, __int128 *v)
{
    __int128 max = ((__int128)1 << (op->is_signed ? op->width - 1 : op->width)) - 1, min = op->is_signed ? -max - 1 : 0;
    if (*v >= min && *v <= max) return true;
    if (op->overflow == OVERFLOW_FAIL) return false;
    if (op->overflow == OVERFLOW_SAT)
        *v = *v < min ? min : max;
    else
        *v = field_value(op, (uint64_t)*v << (64 - op->width) >> (64 - op->width));
    return true;
}

static void reply_field(struct ctx *ctx, const struct field_op *op, uint64_t bits)
{
    reply_int(ctx->reply, (int64_t)field_value(op, bits));
}

/* Does one operation on bytes that are long enough. True: the bits changed, or could have in a value that grew. */
static bool field_run(struct ctx *ctx, const struct field_op *op, struct slice s, char *bytes, bool grown)
{
    uint64_t old = bits_load(s, op->offset, op->width);
    if (op->kind == FIELD_GET) {
        reply_field(ctx, op, old);
        return false;
    }
    /* An unsigned SET takes the 64 bits of its argument as they are. */
    __int128 v = op->kind == FIELD_INCRBY ? field_value(op, old) + op->value
                 : op->is_signed          ? (__int128)op->value
                                          : (__int128)(uint64_t)op->value;
    if (!field_limit(op, &v)) {
        reply_null(ctx->reply);
        return false;
    }
    bits_store(bytes, op->offset, op->width, (uint64_t)v);
    uint64_t now = bits_load(s, op->offset, op->width);
    reply_field(ctx, op, op->kind == FIELD_SET ? old : now);
    return grown || now != old;
}

static void fields_run(struct ctx *ctx, int count, struct slice s, char *bytes, bool grown, struct slice key)
{
    struct field_parser p = {2, OVERFLOW_WRAP};
    struct field_op op;
    bool changed = false;
    reply_array(ctx->reply, count);
    while (next_op(ctx, &p, &op) == PARSED_OP) changed |= field_run(ctx, &op, s, bytes, grown);
    if (changed)
        key_changed(ctx, key, EV_STRING, "setbit");
    else if (grown) /* for nothing, as the operation failed; but the log must know of the longer value */
        effect_verbatim(ctx);
}

static void bitfield(struct ctx *ctx, bool read_only)
{
    struct field_parser p = {2, OVERFLOW_WRAP};
    struct field_op op;
    enum parsed parsed;
    int count = 0;
    bool writes = false;
    uint64_t end = 0; /* behind the last bit that is written */
    while ((parsed = next_op(ctx, &p, &op)) == PARSED_OP) {
        count++;
        if (op.kind == FIELD_GET) continue;
        writes = true;
        if (op.offset + op.width > end) end = op.offset + op.width;
    }
    if (parsed == PARSED_ERROR) return;
    if (writes && read_only) {
        reply_error(ctx->reply, SLICE("ERR BITFIELD_RO only supports the GET subcommand"));
        return;
    }
    struct store_key key = ctx_key(ctx, 1);
    struct record *r;
    enum status st = ctx_find_type(ctx, key, writes ? FOR_WRITE : FOR_READ, TYPE_STRING, &r);
    if (st != ST_OK) {
        reply_status(ctx->reply, st);
        return;
    }
    if (writes) {
        size_t len = (size_t)((end + 7) >> 3), old_len = r == NULL ? 0 : string_len(r);
        bool grown;
        char *bytes = bits_for_write(ctx, key, r, len, &grown);
        if (len < old_len) len = old_len;
        if (bytes != NULL) fields_run(ctx, count, slice_of(bytes, len), bytes, grown, key.name);
        return;
    }
    char scratch[STRING_SCRATCH];
    fields_run(ctx, count, r == NULL ? SLICE("") : string_view(r, scratch), NULL, false, key.name);
}

void cmd_bitfield(struct ctx *ctx)
{
    bitfield(ctx, false);
}

void cmd_bitfield_ro(struct ctx *ctx)
{
    bitfield(ctx, true);
}
