/* Commands of a connection about itself: PING, ECHO, SELECT, AUTH, HELLO, RESET, QUIT. CLIENT is in client_cmds.c. */
#include "cmd/connection_cmds.h"

#include "base/buf.h"
#include "base/sha.h"
#include "base/version.h"
#include "cmd/client_name.h"
#include "cmd/cmd_impl.h"
#include "engine/config.h"

void cmd_ping(struct ctx *ctx)
{
    if (ctx->argc > 2)
        reply_wrong_arity(ctx);
    else if (ctx->argc == 2)
        reply_bulk(ctx->reply, arg(ctx, 1));
    else
        reply_simple(ctx->reply, SLICE("PONG"));
}

void cmd_echo(struct ctx *ctx)
{
    reply_bulk(ctx->reply, arg(ctx, 1));
}

void cmd_select(struct ctx *ctx)
{
    int db;
    if (!arg_db(ctx, 1, &db)) return;
    session_select(ctx->session, db);
    reply_ok(ctx->reply);
}

void cmd_quit(struct ctx *ctx)
{
    reply_ok(ctx->reply);
    session_set_flags(ctx->session, SESSION_CLOSE_AFTER_REPLY, 0);
}

void cmd_reset(struct ctx *ctx)
{
    session_reset(ctx->session);
    reply_simple(ctx->reply, SLICE("RESET"));
}

/* --- authentication: until there are other users, only `default`, whose password is requirepass --- */

/* The password, which may hold any byte; empty: none is needed. The caller frees it. */
static struct buf password_of_default(struct ctx *ctx)
{
    struct buf password = BUF_INIT;
    (void)config_value(engine_config(ctx->engine), SLICE("requirepass"), &password);
    return password;
}

static bool password_needed(struct ctx *ctx)
{
    struct buf password = password_of_default(ctx);
    bool needed = password.len > 0;
    buf_deinit(&password);
    return needed;
}

/* Takes the same time for all passwords of a length: digests are compared, to their end. */
static bool secret_eq(struct slice a, struct slice b)
{
    struct slice in[2] = {a, b};
    unsigned char out[2][SHA256_SIZE];
    for (int i = 0; i < 2; i++) {
        struct sha256 sha;
        sha256_init(&sha);
        sha256_update(&sha, in[i].ptr, in[i].len);
        sha256_final(&sha, out[i]);
    }
    unsigned differ = 0;
    for (int i = 0; i < SHA256_SIZE; i++) differ |= (unsigned)(out[0][i] ^ out[1][i]);
    return differ == 0;
}

static bool authenticate_or_reply(struct ctx *ctx, struct slice user, struct slice password)
{
    struct buf wanted = password_of_default(ctx);
    bool right = wanted.len == 0 || secret_eq(password, buf_slice(&wanted));
    buf_deinit(&wanted);
    if (!right || !slice_eq(user, SLICE("default"))) {
        reply_status(ctx->reply, ST_WRONGPASS);
        return false;
    }
    session_authenticate(ctx->session, "default");
    return true;
}

void cmd_auth(struct ctx *ctx)
{
    if (ctx->argc > 3) {
        reply_syntax(ctx);
        return;
    }
    if (ctx->argc == 2 && !password_needed(ctx)) {
        reply_error(ctx->reply,
                    SLICE("ERR AUTH <password> called without any password configured for the default user. "
                          "Are you sure your configuration is correct?"));
        return;
    }
    struct slice user = ctx->argc == 3 ? arg(ctx, 1) : SLICE("default");
    if (authenticate_or_reply(ctx, user, arg(ctx, ctx->argc - 1))) reply_ok(ctx->reply);
}

/* HELLO [protover [AUTH user password] [SETNAME name]]: options take effect in their order, up to the first that
 * fails. */
static bool hello_options(struct ctx *ctx)
{
    for (int i = 2; i < ctx->argc; i++) {
        struct slice word = arg(ctx, i);
        int left = ctx->argc - i - 1;
        if (slice_is(word, "auth") && left >= 2) {
            if (!authenticate_or_reply(ctx, arg(ctx, i + 1), arg(ctx, i + 2))) return false;
            i += 2;
        } else if (slice_is(word, "setname") && left >= 1) {
            if (!client_set_name_or_reply(ctx, arg(ctx, ++i))) return false;
        } else {
            reply_errorf(ctx->reply, "ERR Syntax error in HELLO option '%.*s'", (int)(word.len < 512 ? word.len : 512),
                         word.ptr);
            return false;
        }
    }
    return true;
}

static void reply_hello(struct ctx *ctx)
{
    struct reply *r = ctx->reply;
    reply_map(r, 7);
    reply_bulk(r, SLICE("server"));
    reply_bulk(r, SLICE("redis"));
    reply_bulk(r, SLICE("version"));
    reply_bulk(r, SLICE(CAIRN_REDIS_VERSION));
    reply_bulk(r, SLICE("proto"));
    reply_int(r, r->protocol);
    reply_bulk(r, SLICE("id"));
    reply_int(r, (int64_t)session_id(ctx->session));
    reply_bulk(r, SLICE("mode"));
    reply_bulk(r, SLICE("standalone"));
    reply_bulk(r, SLICE("role"));
    reply_bulk(r, SLICE("master"));
    reply_bulk(r, SLICE("modules"));
    reply_array(r, 0);
}

void cmd_hello(struct ctx *ctx)
{
    int64_t protocol = ctx->reply->protocol;
    if (ctx->argc >= 2 && arg_i64(ctx, 1, &protocol) != ST_OK) {
        reply_error(ctx->reply, SLICE("ERR Protocol version is not an integer or out of range"));
        return;
    }
    if (protocol < 2 || protocol > 3) {
        reply_status(ctx->reply, ST_NOPROTO);
        return;
    }
    if (!hello_options(ctx)) return;
    if (!session_authenticated(ctx->session)) {
        reply_error(ctx->reply,
                    SLICE("NOAUTH HELLO must be called with the client already authenticated, otherwise the HELLO "
                          "AUTH <user> <pass> option can be used to authenticate the client and select the RESP "
                          "protocol version at the same time"));
        return;
    }
    ctx->reply->protocol = (uint8_t)protocol;
    reply_hello(ctx);
}
