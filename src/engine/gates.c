/* The gates between look-up and execution: a table in Redis's order. Which gates concern a command follows from its
 * flags, once; which are armed changes with configuration and state. A request meets only gates that are in both
 * masks. */
#include "engine/engine_impl.h"
#include "engine/session_impl.h"
#include "engine/txn.h"

#include "base/mem.h"

#include <ctype.h>
#include <stdio.h>

struct gate_call {
    struct engine *e;
    struct session *s;
    struct ctx *ctx;
    const struct command_entry *entry;
};

static enum gate_verdict refuse(struct gate_call *c, struct slice text)
{
    engine_reject(c->e, c->s, c->entry, text);
    return GATE_REJECTED;
}

/* EXEC counts as everything that it is going to run. */
static uint32_t effective_flags(const struct gate_call *c)
{
    uint32_t flags = c->entry->command->flags;
    return flags & CMD_RUNS_QUEUE ? flags | c->s->txn.flags : flags;
}

static bool session_is_local(const struct session *s)
{
    struct peer_info info;
    if (s->flags & (SESSION_UNIX_SOCKET | SESSION_INTERNAL))
        return true;
    session_describe(s, &info);
    return strncmp(info.addr, "127.", 4) == 0 || strncmp(info.addr, "[::1]", 5) == 0;
}

/* enable-<command>-command: no, yes, local. */
static enum gate_verdict gate_protected(struct gate_call *c)
{
    struct slice name = c->entry->parent == NULL ? c->entry->full_name : c->entry->parent->full_name;
    struct buf option = BUF_INIT, value = BUF_INIT;
    buf_appendf(&option, "enable-%.*s-command", (int)name.len, name.ptr);
    bool known = config_value(c->e->config, buf_slice(&option), &value);
    bool allowed = known && (slice_is(buf_slice(&value), "yes") ||
                             (slice_is(buf_slice(&value), "local") && session_is_local(c->s)));
    if (!allowed) {
        buf_clear(&value);
        buf_append(&value, "ERR ", 4);
        for (size_t i = 0; i < name.len; i++)
            buf_append_char(&value, (char)toupper((unsigned char)name.ptr[i]));
        buf_appendf(
            &value,
            " command not allowed. If the %s option is set to \"local\", you can run it from a local connection, "
            "otherwise you need to set this option in the configuration file, and then restart the server.",
            buf_cstr(&option));
        refuse(c, buf_slice(&value));
    }
    buf_deinit(&option);
    buf_deinit(&value);
    return allowed ? GATE_PASS : GATE_REJECTED;
}

static enum gate_verdict gate_auth(struct gate_call *c)
{
    return refuse(c, status_text(ST_NOAUTH));
}

static enum gate_verdict gate_no_multi(struct gate_call *c)
{
    return refuse(c, SLICE("ERR Command not allowed inside a transaction"));
}

/* A queue takes memory, whatever it is of. */
static bool takes_memory(const struct gate_call *c)
{
    bool queued = c->s->txn.open && !(c->entry->command->flags & CMD_UNQUEUED);
    return queued || (effective_flags(c) & CMD_DENYOOM) != 0;
}

static enum gate_verdict gate_memory(struct gate_call *c)
{
    if (evict_for_memory(c->e) || !takes_memory(c))
        return GATE_PASS;
    return refuse(c, status_text(ST_OOM));
}

static enum gate_verdict gate_disk(struct gate_call *c)
{
    if (!(effective_flags(c) & (CMD_WRITE | CMD_TELLS_DISK_ERROR)))
        return GATE_PASS;
    return refuse(c, slice_cstr(c->e->disk_error));
}

static enum gate_verdict gate_loading(struct gate_call *c)
{
    return refuse(c, status_text(ST_LOADING));
}

static enum gate_verdict gate_pause(struct gate_call *c)
{
    struct engine *e = c->e;
    if (c->s->flags & SESSION_INTERNAL)
        return GATE_PASS;
    if (e->pause != PAUSE_ALL && !(effective_flags(c) & (CMD_WRITE | CMD_MAY_REPLICATE)))
        return GATE_PASS;
    if (!c->s->postponed) {
        c->s->postponed = true;
        list_push_back(&e->postponed, &c->s->postponed_link);
    }
    return GATE_POSTPONED;
}

static enum gate_verdict gate_queue(struct gate_call *c)
{
    txn_queue(c->ctx, c->entry);
    return GATE_TAKEN;
}

static const struct {
    enum gate gate;
    enum gate_verdict (*check)(struct gate_call *c);
} gate_table[] = {
    {GATE_PROTECTED, gate_protected}, {GATE_AUTH, gate_auth},       {GATE_NO_MULTI, gate_no_multi},
    {GATE_MEMORY, gate_memory},       {GATE_DISK, gate_disk},       {GATE_LOADING, gate_loading},
    {GATE_PAUSE, gate_pause},         {GATE_QUEUE, gate_queue},
};

uint32_t gates_of_command(const struct command *cmd)
{
    uint32_t f = cmd->flags, gates = GATE_ACL | GATE_CLUSTER | GATE_MEMORY | GATE_SUBSCRIBER;
    gates |= f & CMD_PROTECTED ? GATE_PROTECTED : 0;
    gates |= f & CMD_NO_AUTH ? 0 : GATE_AUTH;
    gates |= f & CMD_NO_MULTI ? GATE_NO_MULTI : 0;
    gates |= f & (CMD_WRITE | CMD_RUNS_QUEUE | CMD_TELLS_DISK_ERROR) ? GATE_DISK : 0;
    gates |= f & (CMD_WRITE | CMD_RUNS_QUEUE) ? GATE_REPLICAS | GATE_READONLY : 0;
    gates |= f & CMD_STALE ? 0 : GATE_STALE;
    gates |= f & CMD_LOADING ? 0 : GATE_LOADING;
    gates |= f & CMD_ALLOW_BUSY ? 0 : GATE_BUSY;
    gates |= f & CMD_UNQUEUED ? 0 : GATE_QUEUE;
    gates |= GATE_PAUSE;
    return gates;
}

enum gate_verdict gates_check(struct engine *e, struct session *s, struct ctx *ctx, const struct command_entry *entry,
                              uint32_t gates)
{
    struct gate_call call = {e, s, ctx, entry};
    if (s->flags & SESSION_INTERNAL)
        gates &= s->armed;
    for (size_t i = 0; i < ARRAY_LEN(gate_table); i++)
        if (gates & gate_table[i].gate) {
            enum gate_verdict verdict = gate_table[i].check(&call);
            if (verdict != GATE_PASS)
                return verdict;
        }
    return GATE_PASS;
}

void engine_set_loading(struct engine *e, bool on)
{
    e->loading = on;
    engine_arm(e, GATE_LOADING, on);
}

bool engine_loading(const struct engine *e)
{
    return e->loading;
}

void engine_set_disk_error(struct engine *e, const char *text)
{
    snprintf(e->disk_error, sizeof(e->disk_error), "%s", text == NULL ? "" : text);
    engine_arm(e, GATE_DISK, text != NULL);
}

void engine_arm(struct engine *e, enum gate gate, bool on)
{
    e->armed = on ? e->armed | (uint32_t)gate : e->armed & ~(uint32_t)gate;
}
