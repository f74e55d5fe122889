/* Transactions: MULTI, EXEC, DISCARD, WATCH. The handlers in cmd/ call these. */
#ifndef CAIRN_ENGINE_TXN_H
#define CAIRN_ENGINE_TXN_H

#include "engine/ctx.h"

struct command_entry;

void txn_begin(struct ctx *ctx);                    /* replies OK or the nesting error */
/* runs the queue as one unit and replies; EXECABORT; null when stale */
void txn_exec(struct ctx *ctx);
void txn_discard(struct session *s);                /* forgets queue and watches */
bool txn_open(const struct session *s);
bool txn_stale(const struct session *s);            /* a watched key changed: EXEC will do nothing */
void txn_break(struct session *s);                  /* the next EXEC aborts: a command could not be queued */
void txn_queue(struct ctx *ctx, const struct command_entry *entry); /* copies; replies QUEUED */
void txn_watch(struct ctx *ctx, struct store_key key);
void txn_unwatch(struct session *s);

#endif
