/* What stream commands leave in the log where they do not go there as they came. */
#include "cmd/stream_impl.h"

#include "base/mem.h"

void stream_effect_claim(struct ctx *ctx, struct slice key, const struct stream_group *g, struct stream_id id,
                         const struct stream_pending *p)
{
    struct number_word time, deliveries;
    char id_text[STREAM_ID_TEXT_MAX], last_text[STREAM_ID_TEXT_MAX];
    effect_words(ctx, SLICE("XCLAIM"), key, stream_group_name(g), stream_consumer_name(p->consumer), SLICE("0"),
                 stream_id_text(id_text, id), SLICE("TIME"), number_word(&time, p->delivered_ms), SLICE("RETRYCOUNT"),
                 number_word(&deliveries, p->deliveries), SLICE("FORCE"), SLICE("JUSTID"), SLICE("LASTID"),
                 stream_id_text(last_text, stream_group_last_id(g)));
}

void stream_effect_group_id(struct ctx *ctx, struct slice key, const struct stream_group *g)
{
    char id_text[STREAM_ID_TEXT_MAX], read_text[NUM_I64_TEXT_MAX];
    int len = i64_to_text(read_text, stream_group_entries_read(g));
    effect_words(ctx, SLICE("XGROUP"), SLICE("SETID"), key, stream_group_name(g),
                 stream_id_text(id_text, stream_group_last_id(g)), SLICE("ENTRIESREAD"),
                 slice_of(read_text, (size_t)len));
}

void stream_effect_consumer(struct ctx *ctx, struct slice key, const struct stream_group *g,
                            const struct stream_consumer *c)
{
    effect_words(ctx, SLICE("XGROUP"), SLICE("CREATECONSUMER"), key, stream_group_name(g), stream_consumer_name(c));
}

enum { WORDS_ON_STACK = 64 };

void stream_effect_trimmed(struct ctx *ctx, const struct stream_options *o, const struct record *r,
                           const struct stream_id *id)
{
    struct slice on_stack[WORDS_ON_STACK], *words = on_stack;
    struct number_word length;
    char id_text[STREAM_ID_TEXT_MAX], min_text[STREAM_ID_TEXT_MAX];
    if (!effects_wanted(ctx)) return;
    on_stack[0] = SLICE(""); /* the first word is never left out, which the compiler does not see */
    if (ctx->argc > WORDS_ON_STACK) words = mem_alloc((size_t)ctx->argc * sizeof(*words));
    int n = 0;
    for (int i = 0; i < ctx->argc; i++) {
        struct slice word = arg(ctx, i);
        if (o->approx_arg != 0) {
            if (o->limit_arg != 0 && (i == o->limit_arg || i == o->limit_arg - 1)) continue;
            if (i == o->approx_arg) word = SLICE("=");
            if (i == o->threshold_arg)
                word = o->trim.by == STREAM_TRIM_MAXLEN ? number_word(&length, stream_len(r))
                                                        : stream_id_text(min_text, stream_first_id(r));
        }
        if (id != NULL && i == o->id_arg) word = stream_id_text(id_text, *id);
        words[n++] = word;
    }
    effect_as(ctx, n, words);
    if (words != on_stack) mem_free(words);
}
