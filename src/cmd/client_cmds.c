/* CLIENT: connections named, described, filtered, closed, paused. */
#include "base/buf.h"
#include "cmd/client_name.h"
#include "cmd/cmd_impl.h"
#include "cmd/connection_cmds.h"
#include "engine/blocking.h"
#include "engine/command.h"
#include "engine/txn.h"

#include <inttypes.h>

/* --- about this connection --- */

/* Printable ASCII without the space: what can stand in a line of CLIENT LIST. */
static bool text_is_printable(struct slice text)
{
    for (size_t i = 0; i < text.len; i++)
        if (text.ptr[i] < '!' || text.ptr[i] > '~') return false;
    return true;
}

bool client_set_name_or_reply(struct ctx *ctx, struct slice name)
{
    if (!text_is_printable(name)) {
        reply_error(ctx->reply, SLICE("ERR Client names cannot contain spaces, newlines or special characters."));
        return false;
    }
    session_set_name(ctx->session, name);
    return true;
}

void cmd_client_setname(struct ctx *ctx)
{
    if (client_set_name_or_reply(ctx, arg(ctx, 2))) reply_ok(ctx->reply);
}

void cmd_client_getname(struct ctx *ctx)
{
    const char *name = session_name(ctx->session);
    if (name[0] == '\0')
        reply_null(ctx->reply);
    else
        reply_bulk_cstr(ctx->reply, name);
}

void cmd_client_setinfo(struct ctx *ctx)
{
    struct slice attribute = arg(ctx, 2), text = arg(ctx, 3);
    bool version = slice_is(attribute, "lib-ver");
    if (!version && !slice_is(attribute, "lib-name")) {
        reply_errorf(ctx->reply, "ERR Unrecognized option '%.*s'", (int)(attribute.len < 512 ? attribute.len : 512),
                     attribute.ptr);
    } else if (!text_is_printable(text)) {
        reply_errorf(ctx->reply, "ERR %s cannot contain spaces, newlines or special characters.",
                     version ? "lib-ver" : "lib-name");
    } else {
        session_set_lib(ctx->session, version, text);
        reply_ok(ctx->reply);
    }
}

void cmd_client_id(struct ctx *ctx)
{
    reply_int(ctx->reply, (int64_t)session_id(ctx->session));
}

/* ON or OFF at argument 2. */
static void flag_on_off(struct ctx *ctx, uint32_t flag)
{
    if (slice_is(arg(ctx, 2), "on")) {
        session_set_flags(ctx->session, flag, 0);
    } else if (slice_is(arg(ctx, 2), "off")) {
        session_set_flags(ctx->session, 0, flag);
    } else {
        reply_syntax(ctx);
        return;
    }
    reply_ok(ctx->reply);
}

void cmd_client_no_evict(struct ctx *ctx)
{
    flag_on_off(ctx, SESSION_NO_EVICT);
}

void cmd_client_no_touch(struct ctx *ctx)
{
    flag_on_off(ctx, SESSION_NO_TOUCH);
}

/* Only ON is answered. The engine mutes the reply while a mode lasts, so switching it off or on begins with this very
 * command. */
void cmd_client_reply(struct ctx *ctx)
{
    struct session *s = ctx->session;
    if (slice_is(arg(ctx, 2), "on")) {
        session_set_flags(s, 0, SESSION_REPLY_OFF | SESSION_REPLY_SKIP_NEXT | SESSION_REPLY_SKIP_THIS);
        ctx->reply->muted = false;
        reply_ok(ctx->reply);
    } else if (slice_is(arg(ctx, 2), "off")) {
        session_set_flags(s, SESSION_REPLY_OFF, 0);
        ctx->reply->muted = true;
    } else if (slice_is(arg(ctx, 2), "skip")) {
        if (!(session_flags(s) & SESSION_REPLY_OFF)) session_set_flags(s, SESSION_REPLY_SKIP_NEXT, 0);
    } else {
        reply_syntax(ctx);
    }
}

/* --- descriptions --- */

static void append_flags(struct buf *b, const struct session *s)
{
    uint32_t flags = session_flags(s);
    const struct {
        bool shown;
        char letter;
    } letters[] = {
        {(flags & SESSION_MONITOR) != 0, 'O'},
        {session_in_multi(s), 'x'},
        {session_blocked(s), 'b'},
        {txn_stale(s), 'd'},
        {(flags & SESSION_CLOSE_AFTER_REPLY) != 0, 'c'},
        {session_doomed(s), 'A'},
        {(flags & SESSION_UNIX_SOCKET) != 0, 'U'},
        {(flags & SESSION_NO_EVICT) != 0, 'e'},
        {(flags & SESSION_NO_TOUCH) != 0, 'T'},
    };
    size_t before = b->len;
    for (size_t i = 0; i < ARRAY_LEN(letters); i++)
        if (letters[i].shown) buf_append_char(b, letters[i].letter);
    if (b->len == before) buf_append_char(b, 'N');
}

static uint64_t seconds_since(const struct ctx *ctx, uint64_t ms)
{
    return ctx->now_ms > ms ? (ctx->now_ms - ms) / 1000 : 0;
}

/* The request that runs now is part of its own connection's memory. */
static void add_running_request(const struct ctx *ctx, struct peer_info *info)
{
    if (ctx->request != NULL) info->qbuf += ctx->request->wire_bytes;
    for (int i = 0; i < ctx->argc; i++) info->argv_mem += ctx->argv[i].len;
}

/* One line of CLIENT LIST; what does not exist yet (subscriptions, redirection) has the value of nothing. */
static void append_session(const struct ctx *ctx, struct buf *b, const struct session *s)
{
    struct peer_info p;
    session_describe(s, &p);
    if (s == ctx->session) add_running_request(ctx, &p);
    buf_appendf(b, "id=%" PRIu64 " addr=%s laddr=%s fd=%d name=%s age=%" PRIu64 " idle=%" PRIu64 " flags=",
                session_id(s), p.addr, p.laddr, p.fd, session_name(s), seconds_since(ctx, session_created_ms(s)),
                seconds_since(ctx, session_last_active_ms(s)));
    append_flags(b, s);
    buf_appendf(b, " db=%d sub=0 psub=0 ssub=0 multi=%d qbuf=%zu qbuf-free=%zu argv-mem=%zu multi-mem=%zu",
                session_db(s), session_txn_len(s), p.qbuf, p.qbuf_free, p.argv_mem,
                session_in_multi(s) ? session_mem(s) : 0);
    buf_appendf(b, " rbs=%zu rbp=%zu obl=%zu oll=%zu omem=%zu tot-mem=%zu events=%s%s", p.out_buf, p.out_peak,
                p.out_bytes, p.out_chunks, p.out_mem, p.total_mem, p.readable ? "r" : "", p.writable ? "w" : "");
    buf_appendf(b, " cmd=%s user=%s redir=-1 resp=%d lib-name=%s lib-ver=%s\n", session_last_command(s),
                session_user(s), session_reply(s)->protocol, session_lib_name(s), session_lib_ver(s));
}

void cmd_client_info(struct ctx *ctx)
{
    struct buf line = BUF_INIT;
    append_session(ctx, &line, ctx->session);
    reply_verbatim(ctx->reply, "txt", buf_slice(&line));
    buf_deinit(&line);
}

/* --- filters --- */

enum client_type { CLIENT_NORMAL, CLIENT_MASTER, CLIENT_REPLICA, CLIENT_PUBSUB, CLIENT_ANY };

struct client_filter {
    enum client_type type;
    struct slice addr, laddr, user; /* ptr NULL: any */
    uint64_t id;                    /* 0: any */
    int64_t max_age_s;              /* 0: any; else only those that are at least so old */
    bool skip_me;
};

static bool client_type_or_reply(struct ctx *ctx, struct slice word, enum client_type *out)
{
    static const struct {
        const char *name;
        enum client_type type;
    } types[] = {{"normal", CLIENT_NORMAL},
                 {"slave", CLIENT_REPLICA},
                 {"replica", CLIENT_REPLICA},
                 {"pubsub", CLIENT_PUBSUB},
                 {"master", CLIENT_MASTER}};
    for (size_t i = 0; i < ARRAY_LEN(types); i++)
        if (slice_eq_nocase(word, slice_cstr(types[i].name))) {
            *out = types[i].type;
            return true;
        }
    reply_errorf(ctx->reply, "ERR Unknown client type '%.*s'", (int)(word.len < 512 ? word.len : 512), word.ptr);
    return false;
}

/* Until there are replicas and subscribers, all are normal. */
static enum client_type client_type_of(const struct session *s)
{
    (void)s;
    return CLIENT_NORMAL;
}

static bool addr_matches(const struct client_filter *f, const struct session *s)
{
    if (f->addr.ptr == NULL && f->laddr.ptr == NULL) return true;
    struct peer_info p;
    session_describe(s, &p);
    return (f->addr.ptr == NULL || slice_eq(f->addr, slice_cstr(p.addr))) &&
           (f->laddr.ptr == NULL || slice_eq(f->laddr, slice_cstr(p.laddr)));
}

static bool filter_matches(const struct ctx *ctx, const struct client_filter *f, const struct session *s)
{
    if (session_doomed(s) || (f->skip_me && s == ctx->session)) return false;
    if (f->type != CLIENT_ANY && f->type != client_type_of(s)) return false;
    if (f->id != 0 && f->id != session_id(s)) return false;
    if (f->user.ptr != NULL && !slice_eq(f->user, slice_cstr(session_user(s)))) return false;
    if (f->max_age_s != 0 && seconds_since(ctx, session_created_ms(s)) < (uint64_t)f->max_age_s) return false;
    return addr_matches(f, s);
}

static void reply_client_list(struct ctx *ctx, const struct client_filter *f)
{
    struct buf lines = BUF_INIT;
    for (struct session *s = NULL; (s = session_next(ctx->engine, s)) != NULL;)
        if (filter_matches(ctx, f, s)) append_session(ctx, &lines, s);
    reply_verbatim(ctx->reply, "txt", buf_slice(&lines));
    buf_deinit(&lines);
}

static void reply_clients_by_id(struct ctx *ctx)
{
    struct buf lines = BUF_INIT;
    for (int i = 3; i < ctx->argc; i++) {
        int64_t id;
        if (arg_i64(ctx, i, &id) != ST_OK) {
            reply_error(ctx->reply, SLICE("ERR Invalid client ID"));
            buf_deinit(&lines);
            return;
        }
        struct session *s = id > 0 ? session_by_id(ctx->engine, (uint64_t)id) : NULL;
        if (s != NULL && !session_doomed(s)) append_session(ctx, &lines, s);
    }
    reply_verbatim(ctx->reply, "txt", buf_slice(&lines));
    buf_deinit(&lines);
}

/* CLIENT LIST [TYPE type | ID id ...] */
void cmd_client_list(struct ctx *ctx)
{
    struct client_filter f = {.type = CLIENT_ANY};
    if (ctx->argc == 4 && slice_is(arg(ctx, 2), "type")) {
        if (!client_type_or_reply(ctx, arg(ctx, 3), &f.type)) return;
    } else if (ctx->argc > 3 && slice_is(arg(ctx, 2), "id")) {
        reply_clients_by_id(ctx);
        return;
    } else if (ctx->argc != 2) {
        reply_syntax(ctx);
        return;
    }
    reply_client_list(ctx, &f);
}

/* --- CLIENT KILL --- */

static bool kill_filter_parse(struct ctx *ctx, struct client_filter *f)
{
    for (int i = 2; i < ctx->argc; i += 2) {
        struct slice word = arg(ctx, i);
        if (i + 1 >= ctx->argc) {
            reply_syntax(ctx);
            return false;
        }
        struct slice value = arg(ctx, i + 1);
        int64_t number;
        if (slice_is(word, "id")) {
            if (slice_to_i64(value, &number) != ST_OK || number <= 0) {
                reply_error(ctx->reply, SLICE("ERR client-id should be greater than 0"));
                return false;
            }
            f->id = (uint64_t)number;
        } else if (slice_is(word, "type")) {
            if (!client_type_or_reply(ctx, value, &f->type)) return false;
        } else if (slice_is(word, "addr")) {
            f->addr = value;
        } else if (slice_is(word, "laddr")) {
            f->laddr = value;
        } else if (slice_is(word, "user")) {
            if (!slice_eq(value, SLICE("default"))) {
                reply_errorf(ctx->reply, "ERR No such user '%.*s'", (int)(value.len < 512 ? value.len : 512),
                             value.ptr);
                return false;
            }
            f->user = value;
        } else if (slice_is(word, "maxage")) {
            if (slice_to_i64(value, &number) != ST_OK) {
                reply_error(ctx->reply, SLICE("ERR maxage is not an integer or out of range"));
                return false;
            }
            if (number <= 0) {
                reply_error(ctx->reply, SLICE("ERR maxage should be greater than 0"));
                return false;
            }
            f->max_age_s = number;
        } else if (slice_is(word, "skipme") && (slice_is(value, "yes") || slice_is(value, "no"))) {
            f->skip_me = slice_is(value, "yes");
        } else {
            reply_syntax(ctx);
            return false;
        }
    }
    return true;
}

/* The one that asks is closed when its reply has gone out. */
static int64_t kill_matching(struct ctx *ctx, const struct client_filter *f)
{
    int64_t killed = 0;
    for (struct session *s = NULL; (s = session_next(ctx->engine, s)) != NULL;) {
        if (!filter_matches(ctx, f, s)) continue;
        if (s == ctx->session)
            session_set_flags(s, SESSION_CLOSE_AFTER_REPLY, 0);
        else
            session_doom(s);
        killed++;
    }
    return killed;
}

/* CLIENT KILL addr:port, or filters. */
void cmd_client_kill(struct ctx *ctx)
{
    struct client_filter f = {.type = CLIENT_ANY, .skip_me = ctx->argc > 3};
    if (ctx->argc > 3) {
        if (kill_filter_parse(ctx, &f)) reply_int(ctx->reply, kill_matching(ctx, &f));
        return;
    }
    f.addr = arg(ctx, 2);
    if (kill_matching(ctx, &f) == 0)
        reply_error(ctx->reply, SLICE("ERR No such client"));
    else
        reply_ok(ctx->reply);
}

/* --- waiting --- */

/* More arguments than the subcommand takes, in the words that it has always had. */
static void reply_subcommand_arity(struct ctx *ctx)
{
    struct slice name = arg(ctx, 1);
    reply_errorf(ctx->reply, "ERR unknown subcommand or wrong number of arguments for '%.*s'. Try CLIENT HELP.",
                 (int)(name.len < 128 ? name.len : 128), name.ptr);
}

void cmd_client_pause(struct ctx *ctx)
{
    int64_t ms, until;
    bool all = true;
    if (ctx->argc > 4) {
        reply_subcommand_arity(ctx);
        return;
    }
    if (ctx->argc == 4) {
        all = slice_is(arg(ctx, 3), "all");
        if (!all && !slice_is(arg(ctx, 3), "write")) {
            reply_error(ctx->reply, SLICE("ERR CLIENT PAUSE mode must be WRITE or ALL"));
            return;
        }
    }
    enum status st = arg_i64(ctx, 2, &ms) != ST_OK ? ST_NOT_INTEGER_TIMEOUT : ms < 0 ? ST_TIMEOUT_NEGATIVE : ST_OK;
    /* An end that no clock reaches is no pause: nobody could ever end it. */
    if (st == ST_OK && i64_add(ms, (int64_t)ctx->now_ms, &until)) engine_pause(ctx->engine, (uint64_t)until, all);
    reply_status(ctx->reply, st);
}

void cmd_client_unpause(struct ctx *ctx)
{
    engine_unpause(ctx->engine);
    reply_ok(ctx->reply);
}

void cmd_client_unblock(struct ctx *ctx)
{
    enum unblock_how how = UNBLOCK_TIMEOUT;
    int64_t id;
    if (ctx->argc > 4) {
        reply_subcommand_arity(ctx);
        return;
    }
    if (ctx->argc == 4) {
        if (slice_is(arg(ctx, 3), "error")) {
            how = UNBLOCK_ERROR;
        } else if (!slice_is(arg(ctx, 3), "timeout")) {
            reply_error(ctx->reply, SLICE("ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR"));
            return;
        }
    }
    enum status st = arg_i64(ctx, 2, &id);
    if (st != ST_OK) {
        reply_status(ctx->reply, st);
        return;
    }
    struct session *s = id > 0 ? session_by_id(ctx->engine, (uint64_t)id) : NULL;
    reply_int(ctx->reply, s != NULL && session_unblock(s, how));
}

void cmd_client_help(struct ctx *ctx)
{
    static const char *const lines[] = {
        "GETNAME",
        "    Tells the name of this connection.",
        "ID",
        "    Tells the id of this connection.",
        "INFO",
        "    Describes this connection, as LIST does.",
        "KILL <ip:port>",
        "    Closes the connection that comes from this address.",
        "KILL <filter> <value> [<filter> <value> ...]",
        "    Closes the connections that match all filters. Filters are:",
        "    * ADDR (<ip:port>|<unixsocket>:0): the client's address",
        "    * LADDR (<ip:port>|<unixsocket>:0): the server's address",
        "    * ID <client-id>: the connection's id",
        "    * MAXAGE <seconds>: connected for at least so long",
        "    * TYPE (NORMAL|MASTER|REPLICA|PUBSUB): what the connection is for",
        "    * USER <username>: whom it is authenticated as",
        "    * SKIPME (YES|NO): spares this connection (default: yes)",
        "LIST [TYPE (NORMAL|MASTER|REPLICA|PUBSUB)|ID <client-id> [<client-id> ...]]",
        "    Describes connections, one a line.",
        "NO-EVICT (ON|OFF)",
        "    Protects this connection from eviction.",
        "NO-TOUCH (ON|OFF)",
        "    Keeps this connection's commands from changing access times.",
        "PAUSE <timeout> [WRITE|ALL]",
        "    Suspends the commands of all clients, or those that write, for so many milliseconds.",
        "REPLY (ON|OFF|SKIP)",
        "    Sends replies, sends none, or sends none to the next command.",
        "SETINFO (LIB-NAME|LIB-VER) <text>",
        "    Stores the name or the version of the client's library.",
        "SETNAME <name>",
        "    Names this connection.",
        "UNBLOCK <client-id> [TIMEOUT|ERROR]",
        "    Ends the wait of a client in a blocking command.",
        "UNPAUSE",
        "    Ends a pause.",
        NULL,
    };
    reply_help(ctx, lines);
}
