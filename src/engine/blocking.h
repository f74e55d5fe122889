/* Commands that wait for keys.
 *
 * A handler that finds nothing to take calls ctx_block and returns without a reply. When one of its keys changes, and
 * after the unit (command, transaction, script) that changed it was committed, the waiting sessions of that key are
 * tried in the order in which they came: `serve` runs as the command of the waiting session, in a unit of its own, so
 * its effects follow those of the one that fed it. Time-outs are exact to the millisecond. */
#ifndef CAIRN_ENGINE_BLOCKING_H
#define CAIRN_ENGINE_BLOCKING_H

#include "engine/ctx.h"

struct blocking_kind {
    /* Tries to finish the command now that `key` changed: replies and returns true, or returns false without a reply to
     * wait on. ctx->argv are the command's own arguments (a copy). */
    bool (*serve)(struct ctx *ctx, struct store_key key);
    void (*timed_out)(struct ctx *ctx); /* replies what the command says when its time is over */
    bool wakes_on_delete;               /* also tried when the key is deleted or changes its type (XREADGROUP) */
};

/* False inside transactions and scripts: there the handler answers at once as if its time were over. */
bool ctx_may_block(const struct ctx *ctx);
/* timeout_ms: 0 waits for ever. Keys are argument positions. */
void ctx_block(struct ctx *ctx, const struct blocking_kind *kind, const int *key_args, int key_count,
               uint64_t timeout_ms);

enum unblock_how { UNBLOCK_TIMEOUT, UNBLOCK_ERROR };
bool session_unblock(struct session *s, enum unblock_how how); /* CLIENT UNBLOCK; false: it was not blocked */
size_t engine_blocked_sessions(const struct engine *e);
size_t engine_blocking_keys(const struct engine *e);

#endif
