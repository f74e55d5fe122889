/* The commands on HyperLogLogs. What the registers are and how they are kept is value/hyperloglog's affair. */
#include "cmd/hyperloglog_cmds.h"

#include "base/buf.h"
#include "base/mem.h"
#include "cmd/cmd_impl.h"
#include "value/hyperloglog.h"
#include "value/string.h"

/* --- shared --- */

/* The HyperLogLog under the key of argument i, NULL when absent. False: it is something else; the error is replied. */
static bool find_hll(struct ctx *ctx, int i, enum access access, struct record **r)
{
    enum status st = ctx_find_type(ctx, ctx_key(ctx, i), access, TYPE_STRING, r);
    if (st == ST_OK && *r != NULL) st = hll_check(*r);
    if (st == ST_OK) return true;
    reply_status(ctx->reply, st);
    return false;
}

static struct record *create_hll(struct ctx *ctx, struct store_key key)
{
    struct record *r = key.name.len <= KEY_LEN_MAX ? hll_new(key.name) : NULL;
    if (r == NULL)
        reply_status(ctx->reply, ST_NO_MEMORY);
    else
        ctx_insert(ctx, key, r);
    return r;
}

/* --- PFADD --- */

void cmd_pfadd(struct ctx *ctx)
{
    struct store_key key = ctx_key(ctx, 1);
    struct record *r;
    if (!find_hll(ctx, 1, FOR_WRITE, &r)) return;
    bool created = r == NULL, changed = false;
    if (created && (r = create_hll(ctx, key)) == NULL) return;
    struct record_change before = ctx_change_begin(r);
    enum status st = hll_add(&r, ctx->argv + 2, ctx->argc - 2, ctx_limits(ctx), &changed);
    if (created || changed) {
        ctx_change_end(ctx, key, before, r);
        key_changed(ctx, key.name, EV_STRING, "pfadd");
    }
    if (st == ST_OK)
        reply_int(ctx->reply, created || changed);
    else
        reply_status(ctx->reply, st);
}

/* --- PFCOUNT --- */

static void count_one(struct ctx *ctx)
{
    struct store_key key = ctx_key(ctx, 1);
    struct record *r;
    uint64_t count;
    bool cached;
    if (!find_hll(ctx, 1, FOR_READ, &r)) return;
    if (r == NULL) {
        reply_int(ctx->reply, 0);
        return;
    }
    enum status st = hll_count(r, &count, &cached);
    if (st == ST_OK && !cached) {
        struct record_change before = ctx_change_begin(r);
        st = hll_cache(&r, count);
        ctx_change_end(ctx, key, before, r);
        key_touched(ctx, key.name); /* the value has other bytes now, replicas' too */
    }
    if (st == ST_OK)
        reply_int(ctx->reply, (int64_t)count);
    else
        reply_status(ctx->reply, st);
}

/* The union of all keys from argument 1 on. False: the error is replied. */
static bool unite(struct ctx *ctx, struct hll_union *u)
{
    hll_union_init(u);
    for (int i = 1; i < ctx->argc; i++) {
        struct record *r;
        if (!find_hll(ctx, i, FOR_READ, &r)) return false;
        enum status st = r == NULL ? ST_OK : hll_union_put(u, r);
        if (st != ST_OK) {
            reply_status(ctx->reply, st);
            return false;
        }
    }
    return true;
}

void cmd_pfcount(struct ctx *ctx)
{
    struct hll_union u;
    if (ctx->argc == 2)
        count_one(ctx);
    else if (unite(ctx, &u))
        reply_int(ctx->reply, (int64_t)hll_union_count(&u));
}

/* --- PFMERGE --- */

void cmd_pfmerge(struct ctx *ctx)
{
    struct store_key key = ctx_key(ctx, 1);
    struct hll_union u;
    if (!unite(ctx, &u)) return;
    struct record *r = ctx_find(ctx, key, FOR_WRITE);
    if (r == NULL && (r = create_hll(ctx, key)) == NULL) return;
    struct record_change before = ctx_change_begin(r);
    enum status st = hll_union_store(&u, &r, ctx_limits(ctx));
    ctx_change_end(ctx, key, before, r);
    key_changed(ctx, key.name, EV_STRING, "pfadd");
    reply_status(ctx->reply, st);
}

/* --- PFDEBUG --- */

/* True: it is dense now; else the error is replied. */
static bool debug_to_dense(struct ctx *ctx, struct store_key key, struct record **r)
{
    if (hll_is_dense(*r)) return true;
    struct record_change before = ctx_change_begin(*r);
    enum status st = hll_make_dense(r);
    ctx_change_end(ctx, key, before, *r);
    if (st == ST_OK)
        key_touched(ctx, key.name);
    else
        reply_status(ctx->reply, st);
    return st == ST_OK;
}

static void debug_getreg(struct ctx *ctx, struct store_key key, struct record *r)
{
    uint8_t registers[HLL_REGISTERS];
    if (!debug_to_dense(ctx, key, &r)) return;
    hll_registers(r, registers);
    reply_array(ctx->reply, HLL_REGISTERS);
    for (int i = 0; i < HLL_REGISTERS; i++) reply_int(ctx->reply, registers[i]);
}

static void debug_decode(struct ctx *ctx, const struct record *r)
{
    if (hll_is_dense(r)) {
        reply_error(ctx->reply, SLICE("ERR HLL encoding is not sparse"));
        return;
    }
    struct buf text = BUF_INIT;
    enum status st = hll_decode(r, &text);
    if (st == ST_OK)
        reply_bulk(ctx->reply, buf_slice(&text));
    else
        reply_status(ctx->reply, st);
    buf_deinit(&text);
}

void cmd_pfdebug(struct ctx *ctx)
{
    struct slice word = arg(ctx, 1);
    struct store_key key = ctx_key(ctx, 2);
    struct record *r = ctx_find(ctx, key, FOR_WRITE);
    if (r == NULL) {
        reply_error(ctx->reply, SLICE("ERR The specified key does not exist"));
        return;
    }
    if (!find_hll(ctx, 2, FOR_WRITE, &r)) return;
    if (slice_is(word, "getreg")) {
        debug_getreg(ctx, key, r);
    } else if (slice_is(word, "decode")) {
        debug_decode(ctx, r);
    } else if (slice_is(word, "encoding")) {
        reply_simple(ctx->reply, hll_is_dense(r) ? SLICE("dense") : SLICE("sparse"));
    } else if (slice_is(word, "todense")) {
        bool was_dense = hll_is_dense(r);
        if (debug_to_dense(ctx, key, &r)) reply_int(ctx->reply, !was_dense);
    } else {
        reply_errorf(ctx->reply, "ERR Unknown PFDEBUG subcommand '%.*s'", (int)word.len, word.ptr);
    }
}

/* --- PFSELFTEST --- */

enum { SELFTEST_ELEMENTS = 200000, SELFTEST_ERROR_PERCENT = 4 }; /* the standard error is 0.81 percent */

void cmd_pfselftest(struct ctx *ctx)
{
    struct record *r = hll_new(SLICE(""));
    for (uint64_t i = 0, next = 100; r != NULL && i <= SELFTEST_ELEMENTS; i++) {
        struct slice element = slice_of(&i, sizeof(i));
        uint64_t count;
        bool changed, cached;
        enum status st = hll_add(&r, &element, 1, ctx_limits(ctx), &changed);
        if (i != next) continue;
        next *= 2;
        if (st == ST_OK) st = hll_count(r, &count, &cached);
        uint64_t off = st != ST_OK ? i : count > i ? count - i : i - count;
        if (off * 100 > i * SELFTEST_ERROR_PERCENT + 500) {
            reply_errorf(ctx->reply, "TESTFAILED Too big error. card:%llu, relerr:%llu%%", (unsigned long long)i,
                         (unsigned long long)(off * 100 / i));
            record_free(r);
            return;
        }
    }
    record_free(r);
    reply_ok(ctx->reply);
}
