/* Small commands about the server: TIME, ROLE, SHUTDOWN, LOLWUT. */
#include "base/version.h"
#include "observe/observe_impl.h"
#include "observe/server_cmds.h"

void cmd_time(struct ctx *ctx)
{
    uint64_t us = engine_wall_us(ctx->engine);
    reply_array(ctx->reply, 2);
    reply_bulk_int(ctx->reply, (int64_t)(us / 1000000));
    reply_bulk_int(ctx->reply, (int64_t)(us % 1000000));
}

void cmd_role(struct ctx *ctx)
{
    reply_array(ctx->reply, 3);
    reply_bulk_cstr(ctx->reply, "master");
    reply_int(ctx->reply, 0);
    reply_array(ctx->reply, 0);
}

static void shutdown_abort(struct ctx *ctx)
{
    const struct engine_host *host = engine_host(ctx->engine);
    if (host->shutdown_abort != NULL && host->shutdown_abort(host->arg))
        reply_ok(ctx->reply);
    else
        reply_error(ctx->reply, SLICE("ERR No shutdown in progress."));
}

/* SHUTDOWN [NOSAVE|SAVE] [NOW] [FORCE] [ABORT]. There is no reply: the connection closes. */
void cmd_shutdown(struct ctx *ctx)
{
    static const struct {
        const char *word;
        uint32_t flag;
    } words[] = {{"save", SHUTDOWN_SAVE},
                 {"nosave", SHUTDOWN_NOSAVE},
                 {"now", SHUTDOWN_NOW},
                 {"force", SHUTDOWN_FORCE}};
    uint32_t flags = 0;
    bool abort = false;
    for (int i = 1; i < ctx->argc; i++) {
        uint32_t flag = 0;
        for (size_t k = 0; k < ARRAY_LEN(words); k++)
            if (slice_eq_nocase(arg(ctx, i), slice_cstr(words[k].word)))
                flag = words[k].flag;
        if (flag == 0 && !slice_is(arg(ctx, i), "abort")) {
            reply_syntax(ctx);
            return;
        }
        abort |= flag == 0;
        flags |= flag;
    }
    if ((abort && flags != 0) || ((flags & SHUTDOWN_SAVE) && (flags & SHUTDOWN_NOSAVE))) {
        reply_syntax(ctx);
        return;
    }
    if (abort) {
        shutdown_abort(ctx);
        return;
    }
    const struct engine_host *host = engine_host(ctx->engine);
    if (host->shutdown == NULL || !host->shutdown(host->arg, flags))
        reply_error(ctx->reply, SLICE("ERR Errors trying to SHUTDOWN. Check logs."));
}

/* --- LOLWUT: a cairn, stones piled by chance, each narrower than the one that carries it --- */

enum { LOLWUT_COLUMNS = 40, LOLWUT_COLUMNS_MAX = 200, LOLWUT_STONES = 6, LOLWUT_STONES_MAX = 40 };

static void spaces(struct buf *out, int n)
{
    for (int i = 0; i < n; i++)
        buf_append_char(out, ' ');
}

static void stone_draw(struct buf *out, int indent, int width, bool top)
{
    spaces(out, indent);
    buf_append_char(out, top ? '.' : '(');
    for (int i = 0; i < width - 2; i++)
        buf_append_char(out, top ? '-' : '_');
    buf_append_char(out, top ? '.' : ')');
    buf_append_char(out, '\n');
}

static void cairn_draw(struct buf *out, struct prng *prng, int columns, int stones)
{
    int widths[LOLWUT_STONES_MAX], shifts[LOLWUT_STONES_MAX];
    int width = columns, left = 0;
    for (int i = 0; i < stones; i++) {
        int less = 2 + (int)prng_below(prng, 5);
        int next = width - less < 3 ? 3 : width - less;
        left += (int)prng_below(prng, (uint64_t)(width - next) + 1);
        widths[i] = width = next;
        shifts[i] = left;
    }
    for (int i = stones - 1; i >= 0; i--) {
        stone_draw(out, shifts[i], widths[i], true);
        stone_draw(out, shifts[i], widths[i], false);
    }
}

/* LOLWUT [VERSION n] [columns] [stones] */
void cmd_lolwut(struct ctx *ctx)
{
    int first = ctx->argc > 1 && slice_is(arg(ctx, 1), "version") && ctx->argc > 2 ? 2 : ctx->argc;
    int64_t numbers[3] = {0, LOLWUT_COLUMNS, LOLWUT_STONES};
    for (int i = first; i < ctx->argc && i < first + 3; i++)
        if (arg_i64(ctx, i, &numbers[i - first]) != ST_OK) {
            reply_status(ctx->reply, ST_NOT_INT);
            return;
        }
    int64_t columns = numbers[1] < 4 ? 4 : numbers[1] > LOLWUT_COLUMNS_MAX ? LOLWUT_COLUMNS_MAX : numbers[1];
    int64_t stones = numbers[2] < 1 ? 1 : numbers[2] > LOLWUT_STONES_MAX ? LOLWUT_STONES_MAX : numbers[2];
    struct buf out = BUF_INIT;
    cairn_draw(&out, engine_prng(ctx->engine), (int)columns, (int)stones);
    buf_append_slice(&out,
                     SLICE("\nA cairn marks the way for those who come after.\nRedis ver. " CAIRN_REDIS_VERSION "\n"));
    reply_verbatim(ctx->reply, "txt", buf_slice(&out));
    buf_deinit(&out);
}
