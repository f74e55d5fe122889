/* Lists: moving an element from one to another, and popping from the first of several. */
#include "base/mem.h"
#include "cmd/list_cmds.h"
#include "cmd/list_cmds_impl.h"

#include "base/blob.h"

bool arg_list_end(struct ctx *ctx, int i, enum list_end *out)
{
    struct slice word = arg(ctx, i);
    if (slice_is(word, "left")) {
        *out = LIST_HEAD;
    } else if (slice_is(word, "right")) {
        *out = LIST_TAIL;
    } else {
        reply_syntax(ctx);
        return false;
    }
    return true;
}

/* ---- one element, moved */

/* The element stays readable while its list changes: a copy, or a reference to a large one. */
struct kept {
    struct slice text;
    struct blob *blob; /* NULL: it is none */
    void *longer; /* than scratch */
    char scratch[256];
};

static void kept_take(struct kept *k, const struct list_run *run)
{
    const struct listpack_value *v = run->values;
    k->blob = run->blob != NULL ? blob_ref(run->blob) : NULL;
    k->longer = NULL;
    if (v->is_number) {
        k->text = slice_of(k->scratch, (size_t)i64_to_text(k->scratch, v->number));
        return;
    }
    k->text = v->text;
    if (k->blob != NULL) return;
    char *to = k->scratch;
    if (v->text.len > sizeof k->scratch) to = k->longer = mem_alloc(v->text.len);
    if (v->text.len > 0) memcpy(to, v->text.ptr, v->text.len);
    k->text.ptr = to;
}

static void kept_drop(struct kept *k)
{
    blob_unref(k->blob);
    mem_free(k->longer);
}

bool list_move(struct ctx *ctx, struct store_key src_key, struct record *src, enum list_end from,
               struct store_key dst_key, struct record *dst, enum list_end to)
{
    struct listpack_value value;
    struct kept kept;
    struct list_run run = list_peek(src, from, &value);
    kept_take(&kept, &run);
    if (dst == NULL) {
        dst = collection_create(ctx, dst_key, list_new);
        if (unlikely(dst == NULL)) {
            kept_drop(&kept);
            return false;
        }
    }
    reply_run(ctx->reply, &run);
    if (dst == src) list_drop(src, from, 1, ctx_limits(ctx));
    if (kept.blob != NULL)
        list_push_blob(dst, to, kept.blob, ctx_limits(ctx));
    else
        list_push(dst, to, kept.text, ctx_limits(ctx));
    mem_free(kept.longer);
    key_changed(ctx, dst_key.name, EV_LIST, to == LIST_HEAD ? "lpush" : "rpush");
    if (dst != src)
        list_popped(ctx, src_key, src, from, 1);
    else
        key_changed(ctx, src_key.name, EV_LIST, from == LIST_HEAD ? "lpop" : "rpop");
    return true;
}

static void move(struct ctx *ctx, enum list_end from, enum list_end to)
{
    struct record *src, *dst;
    struct store_key src_key = ctx_key(ctx, 1), dst_key = ctx_key(ctx, 2);
    if (!collection_find(ctx, src_key, FOR_WRITE, TYPE_LIST, &src)) return;
    if (src == NULL) {
        reply_null(ctx->reply);
        return;
    }
    if (!collection_find(ctx, dst_key, FOR_WRITE, TYPE_LIST, &dst)) return;
    (void)list_move(ctx, src_key, src, from, dst_key, dst, to);
}

void cmd_lmove(struct ctx *ctx)
{
    enum list_end from, to;
    if (arg_list_end(ctx, 3, &from) && arg_list_end(ctx, 4, &to)) move(ctx, from, to);
}

void cmd_rpoplpush(struct ctx *ctx)
{
    move(ctx, LIST_TAIL, LIST_HEAD);
}

/* ---- LMPOP */

bool mpop_args_parse(struct ctx *ctx, int numkeys_arg, struct mpop_args *out)
{
    int64_t keys;
    if (!arg_count(ctx, numkeys_arg, 1, INT64_MAX, "ERR numkeys should be greater than 0", &keys)) return false;
    if (keys >= ctx->argc - numkeys_arg - 1) {
        reply_syntax(ctx);
        return false;
    }
    *out = (struct mpop_args){.first_key = numkeys_arg + 1, .keys = (int)keys, .count = -1};
    int i = out->first_key + out->keys;
    if (!arg_list_end(ctx, i, &out->end)) return false;
    while (++i < ctx->argc) {
        if (out->count >= 0 || i + 1 >= ctx->argc || !slice_is(arg(ctx, i), "count")) {
            reply_syntax(ctx);
            return false;
        }
        if (!arg_count(ctx, ++i, 1, INT64_MAX, "ERR count should be greater than 0", &out->count)) return false;
    }
    if (out->count < 0) out->count = 1;
    return true;
}

void mpop_take(struct ctx *ctx, struct store_key key, struct record *r, enum list_end end, int64_t count)
{
    struct number_word word;
    size_t n = (uint64_t)count < list_len(r) ? (size_t)count : list_len(r);
    reply_array(ctx->reply, 2);
    reply_bulk(ctx->reply, key.name);
    reply_array(ctx->reply, (int64_t)n);
    reply_elements(ctx, r, end, n);
    list_popped(ctx, key, r, end, n);
    effect_words(ctx, end == LIST_HEAD ? SLICE("LPOP") : SLICE("RPOP"), key.name, number_word(&word, n));
}

bool mpop_try(struct ctx *ctx, const struct mpop_args *args)
{
    for (int i = 0; i < args->keys; i++) {
        struct record *r;
        struct store_key key = ctx_key(ctx, args->first_key + i);
        if (!collection_find(ctx, key, FOR_WRITE, TYPE_LIST, &r)) return true;
        if (r == NULL) continue;
        mpop_take(ctx, key, r, args->end, args->count);
        return true;
    }
    return false;
}

void cmd_lmpop(struct ctx *ctx)
{
    struct mpop_args args;
    if (mpop_args_parse(ctx, 1, &args) && !mpop_try(ctx, &args)) reply_null_array(ctx->reply);
}
