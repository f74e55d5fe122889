/* Sets and chance: SPOP and SRANDMEMBER. What was popped is logged by name. */
#include "base/buf.h"
#include "base/mem.h"
#include "cmd/collection.h"
#include "cmd/set_cmds.h"
#include "value/set.h"

enum {
    EFFECT_MEMBERS_MAX = 1024,    /* of one SREM in the log */
    /* Members of one reply with repetitions; more of the shortest ones would fill tens of gigabytes. */
    DRAWS_MAX = INT32_MAX,
};

static void reply_member(void *arg, struct slice member)
{
    reply_bulk(arg, member);
}

/* --- SRANDMEMBER --- */

static void random_members(struct ctx *ctx)
{
    struct record *r;
    int64_t count;
    if (arg_i64(ctx, 2, &count) != ST_OK) {
        reply_status(ctx->reply, ST_NOT_INT);
        return;
    }
    if (count == INT64_MIN) {
        reply_errorf(ctx->reply, "ERR value is out of range, value must between %lld and %lld", -(long long)INT64_MAX,
                     (long long)INT64_MAX);
        return;
    }
    if (!collection_find(ctx, ctx_key(ctx, 1), FOR_READ, TYPE_SET, &r)) return;
    if (r == NULL || count == 0) {
        reply_array(ctx->reply, 0);
    } else if (count < -(int64_t)DRAWS_MAX) {
        reply_status(ctx->reply, ST_RANGE);
    } else if (count < 0) {
        reply_array(ctx->reply, -count);
        set_draw(r, (size_t)-count, engine_prng(ctx->engine), reply_member, ctx->reply);
    } else {
        reply_array(ctx->reply, (uint64_t)count < set_len(r) ? count : (int64_t)set_len(r));
        set_sample(r, (size_t)count, engine_prng(ctx->engine), reply_member, ctx->reply);
    }
}

void cmd_srandmember(struct ctx *ctx)
{
    struct record *r;
    char scratch[NUM_I64_TEXT_MAX];
    if (ctx->argc == 3) {
        random_members(ctx);
    } else if (ctx->argc > 3) {
        reply_syntax(ctx);
    } else if (collection_find(ctx, ctx_key(ctx, 1), FOR_READ, TYPE_SET, &r)) {
        if (r == NULL)
            reply_null(ctx->reply);
        else
            reply_bulk(ctx->reply, set_random(r, engine_prng(ctx->engine), scratch));
    }
}

/* --- SPOP --- */

struct popping {
    struct ctx *ctx;
    struct slice key;
    struct slice *words; /* SREM key member...; NULL: the log gets a DEL */
    size_t *ends;        /* of the members in text */
    struct buf text;
    size_t count;
};

static void popping_flush(struct popping *p)
{
    if (p->count == 0) return;
    p->words[0] = SLICE("SREM");
    p->words[1] = p->key;
    for (size_t i = 0, at = 0; i < p->count; at = p->ends[i++])
        p->words[2 + i] = slice_of(p->text.data + at, p->ends[i] - at);
    effect_as(p->ctx, (int)p->count + 2, p->words);
    buf_clear(&p->text);
    p->count = 0;
}

static void popped(void *arg, struct slice member)
{
    struct popping *p = arg;
    reply_bulk(p->ctx->reply, member);
    if (p->words == NULL) return;
    buf_append_slice(&p->text, member);
    p->ends[p->count++] = p->text.len;
    if (p->count == EFFECT_MEMBERS_MAX) popping_flush(p);
}

/* All of them: the key goes at once, its memory perhaps later. */
static void pop_everything(struct ctx *ctx, struct store_key key, struct record *r)
{
    struct set_iter it;
    struct slice member;
    set_iter_init(&it, r);
    while (set_iter_next(&it, &member)) reply_bulk(ctx->reply, member);
    key_event(ctx, ctx->db, key.name, EV_SET, "spop");
    ctx_delete(ctx, key, *cmd_config(ctx)->lazy_server_del != 0);
    key_changed(ctx, key.name, EV_GENERIC, "del");
    effect_words(ctx, SLICE("DEL"), key.name);
}

static void pop_some(struct ctx *ctx, struct store_key key, struct record *r, size_t count)
{
    struct popping p = {.ctx = ctx, .key = key.name, .text = BUF_INIT};
    size_t room = count < EFFECT_MEMBERS_MAX ? count : EFFECT_MEMBERS_MAX;
    p.words = mem_alloc((room + 2) * sizeof(*p.words));
    p.ends = mem_alloc(room * sizeof(*p.ends));
    set_pop(r, count, engine_prng(ctx->engine), popped, &p);
    popping_flush(&p);
    mem_free(p.words);
    mem_free(p.ends);
    buf_deinit(&p.text);
    key_changed(ctx, key.name, EV_SET, "spop");
}

static void pop_members(struct ctx *ctx)
{
    struct store_key key = ctx_key(ctx, 1);
    struct record *r;
    int64_t count;
    if (!arg_count(ctx, 2, 0, INT64_MAX, "ERR value is out of range, must be positive", &count)) return;
    if (!collection_find(ctx, key, FOR_WRITE, TYPE_SET, &r)) return;
    if (r == NULL || count == 0) {
        reply_set(ctx->reply, 0);
    } else if ((uint64_t)count >= set_len(r)) {
        reply_set(ctx->reply, (int64_t)set_len(r));
        pop_everything(ctx, key, r);
    } else {
        reply_set(ctx->reply, count);
        pop_some(ctx, key, r, (size_t)count);
    }
}

static void popped_one(void *arg, struct slice member)
{
    struct ctx *ctx = arg;
    reply_bulk(ctx->reply, member);
    effect_words(ctx, SLICE("SREM"), ctx->argv[1], member);
}

void cmd_spop(struct ctx *ctx)
{
    if (ctx->argc == 3) {
        pop_members(ctx);
        return;
    }
    if (ctx->argc > 3) {
        reply_syntax(ctx);
        return;
    }
    struct store_key key = ctx_key(ctx, 1);
    struct record *r;
    if (!collection_find(ctx, key, FOR_WRITE, TYPE_SET, &r)) return;
    if (r == NULL) {
        reply_null(ctx->reply);
        return;
    }
    set_pop(r, 1, engine_prng(ctx->engine), popped_one, ctx);
    key_changed(ctx, key.name, EV_SET, "spop");
    (void)collection_drop_if_empty(ctx, key, r);
}
