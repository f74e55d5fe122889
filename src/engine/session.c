/* Sessions: creation, state, and what CLIENT commands ask of them. */
#include "engine/session_impl.h"

#include "base/mem.h"
#include "engine/engine_impl.h"
#include "engine/txn.h"

#include <assert.h>

static void on_reply_error(void *arg, struct slice text)
{
    struct session *s = arg;
    struct engine *e = s->engine;
    e->stats.error_replies++;
    e->call_errors++;
    errorstats_add(&e->errors, text);
}

static void arm(struct session *s, uint32_t gates, bool on)
{
    s->armed = on ? s->armed | gates : s->armed & ~gates;
}

static void authentication_start(struct session *s)
{
    bool open =
        (s->flags & SESSION_INTERNAL) || s->engine->cfg_requirepass == NULL || (*s->engine->cfg_requirepass)[0] == '\0';
    mem_free(s->user);
    s->user = NULL;
    if (open) {
        session_authenticate(s, "default");
    } else {
        s->flags &= ~(uint32_t)SESSION_AUTHENTICATED;
        arm(s, GATE_AUTH, true);
    }
}

struct session *session_open(struct engine *e, const struct session_peer_ops *ops, void *peer, struct reply *reply,
                             uint32_t flags)
{
    struct session *s = mem_zalloc(sizeof(*s));
    s->engine = e;
    s->ops = ops;
    s->peer = peer;
    s->reply = reply;
    s->flags = flags;
    s->created_ms = s->last_active_ms = e->now_ms;
    list_init(&s->watches);
    list_init(&s->postponed_link);
    list_init(&s->link);
    if (!(flags & SESSION_INTERNAL)) {
        s->id = ++e->next_session_id;
        list_push_back(&e->sessions, &s->link);
        e->session_count++;
    }
    reply->on_error = on_reply_error;
    reply->on_error_arg = s;
    authentication_start(s);
    return s;
}

void session_close(struct session *s)
{
    struct engine *e = s->engine;
    assert(e->current != s);
    blocking_forget(s);
    txn_discard(s);
    list_remove(&s->postponed_link);
    list_remove(&s->link);
    if (!(s->flags & SESSION_INTERNAL))
        e->session_count--;
    mem_free(s->txn.queue);
    mem_free(s->name);
    mem_free(s->lib_name);
    mem_free(s->lib_ver);
    mem_free(s->user);
    mem_free(s);
}

void session_reset(struct session *s)
{
    txn_discard(s);
    s->db = 0;
    s->flags &= ~(uint32_t)(SESSION_REPLY_OFF | SESSION_REPLY_SKIP_NEXT | SESSION_REPLY_SKIP_THIS | SESSION_MONITOR |
                            SESSION_NO_TOUCH | SESSION_NO_EVICT);
    s->reply->muted = false;
    s->reply->protocol = 2;
    session_set_name(s, slice_of(NULL, 0));
    authentication_start(s);
}

void session_authenticate(struct session *s, const char *user)
{
    mem_free(s->user);
    s->user = mem_strdup(user);
    s->flags |= SESSION_AUTHENTICATED;
    arm(s, GATE_AUTH, false);
}

void session_deauthenticate(struct session *s)
{
    authentication_start(s);
}

void session_set_name(struct session *s, struct slice name)
{
    mem_free(s->name);
    s->name = name.len == 0 ? NULL : mem_dup(name.ptr, name.len);
}

void session_set_lib(struct session *s, bool version, struct slice text)
{
    char **at = version ? &s->lib_ver : &s->lib_name;
    mem_free(*at);
    *at = text.len == 0 ? NULL : mem_dup(text.ptr, text.len);
}

static const char *text_or_empty(const char *text)
{
    return text == NULL ? "" : text;
}

const char *session_name(const struct session *s)
{
    return text_or_empty(s->name);
}

const char *session_lib_name(const struct session *s)
{
    return text_or_empty(s->lib_name);
}

const char *session_lib_ver(const struct session *s)
{
    return text_or_empty(s->lib_ver);
}

const char *session_user(const struct session *s)
{
    return s->user == NULL ? "default" : s->user;
}

uint64_t session_id(const struct session *s)
{
    return s->id;
}

int session_db(const struct session *s)
{
    return s->db;
}

void session_select(struct session *s, int db)
{
    assert(db >= 0 && db < store_databases(s->engine->store));
    s->db = db;
}

uint32_t session_flags(const struct session *s)
{
    return s->flags;
}

void session_set_flags(struct session *s, uint32_t set, uint32_t clear)
{
    s->flags = (s->flags & ~clear) | set;
}

bool session_doomed(const struct session *s)
{
    return s->doomed;
}

bool session_output_full(const struct session *s)
{
    return s->reply->muted || (s->ops != NULL && s->ops->output_full != NULL && s->ops->output_full(s->peer));
}

bool session_blocked(const struct session *s)
{
    return s->blocked || s->postponed;
}

bool session_authenticated(const struct session *s)
{
    return (s->flags & SESSION_AUTHENTICATED) != 0;
}

struct reply *session_reply(const struct session *s)
{
    return s->reply;
}

void session_doom(struct session *s)
{
    if (s->doomed)
        return;
    s->doomed = true;
    if (s->ops != NULL && s->ops->wake != NULL)
        s->ops->wake(s->peer);
}

void session_touch(struct session *s, uint64_t now_ms)
{
    s->last_active_ms = now_ms;
}

uint64_t session_last_active_ms(const struct session *s)
{
    return s->last_active_ms;
}

bool session_in_multi(const struct session *s)
{
    return s->txn.open;
}

size_t session_mem(const struct session *s)
{
    size_t bytes =
        mem_usable(s) + s->txn.bytes + (size_t)s->txn.cap * sizeof(*s->txn.queue) + (size_t)s->watch_count * 64;
    return bytes + mem_usable(s->name) + mem_usable(s->lib_name) + mem_usable(s->lib_ver) + mem_usable(s->user);
}

int session_txn_len(const struct session *s)
{
    return s->txn.open ? s->txn.count : -1;
}

int session_watch_count(const struct session *s)
{
    return s->watch_count;
}

uint64_t session_created_ms(const struct session *s)
{
    return s->created_ms;
}

uint64_t session_commands(const struct session *s)
{
    return s->commands;
}

const char *session_last_command(const struct session *s)
{
    return s->last_command == NULL ? "NULL" : s->last_command->name;
}

void session_describe(const struct session *s, struct peer_info *out)
{
    *out = (struct peer_info){.fd = -1};
    if (s->ops != NULL && s->ops->describe != NULL)
        s->ops->describe(s->peer, out);
}

struct session *session_next(struct engine *e, struct session *after)
{
    struct list_link *link = after == NULL ? e->sessions.next : after->link.next;
    return link == &e->sessions ? NULL : list_entry(link, struct session, link);
}

struct session *session_by_id(struct engine *e, uint64_t id)
{
    list_for(link, &e->sessions) {
        struct session *s = list_entry(link, struct session, link);
        if (s->id == id)
            return s;
    }
    return NULL;
}

size_t session_count(const struct engine *e)
{
    return e->session_count;
}
