/* What the handlers of stream commands share; only their files include this. */
#ifndef CAIRN_CMD_STREAM_IMPL_H
#define CAIRN_CMD_STREAM_IMPL_H

#include "cmd/cmd_impl.h"
#include "cmd/collection.h"
#include "value/stream.h"

/* ---- IDs in arguments: stream_args.c */

/* "5-3", "5" (then the sequence is missing_seq), and where special: "-" and "+". */
bool stream_id_parse(struct slice text, uint64_t missing_seq, bool special, struct stream_id *out);
/* An ID without special forms; replies the error itself. */
bool arg_stream_id(struct ctx *ctx, int i, uint64_t missing_seq, struct stream_id *out);
bool arg_stream_id_special(struct ctx *ctx, int i, uint64_t missing_seq, struct stream_id *out);
/* The ends of a range, "(" before an ID leaves it out; reply the error themselves. The error of an end that cannot be
 * left out comes after both were read, as arg_stream_range does it. */
bool arg_stream_range(struct ctx *ctx, int start_arg, int end_arg, struct stream_id *start, struct stream_id *end);
bool arg_stream_start(struct ctx *ctx, int i, struct stream_id *start);
/* IDs from argument `first` on. NULL: one is not valid, and the error is replied. To be freed by stream_ids_free. */
struct stream_ids {
    struct stream_id *ids;
    int count;
    struct stream_id few[8];
};
bool arg_stream_ids(struct ctx *ctx, int first, int count, struct stream_ids *out);
void stream_ids_free(struct stream_ids *ids);

/* ---- options of XADD and XTRIM: stream_args.c */

struct stream_options {
    struct stream_trim trim;
    int approx_arg, threshold_arg, limit_arg; /* 0: not given */
    bool no_mkstream;
    int id_arg; /* of XADD */
    enum { STREAM_ID_AUTO, STREAM_ID_AUTO_SEQ, STREAM_ID_GIVEN } id_kind;
    struct stream_id id;
};
/* Replies the error itself. */
bool stream_options_parse(struct ctx *ctx, bool is_xadd, struct stream_options *o);
/* KEEPREF, DELREF, ACKED. */
bool stream_refs_parse(struct slice word, enum stream_refs *out);

/* ---- replies: stream_cmds.c */

void reply_stream_id(struct reply *r, struct stream_id id);
/* [id, [field, value, ...]] of the entry that the reader stands on. */
void reply_stream_entry(struct reply *r, struct stream_reader *it, struct stream_id id, size_t pairs);
/* The array of up to count entries (0: all). */
size_t reply_stream_range(struct reply *r, const struct record *stream, struct stream_id start, struct stream_id end,
                          int64_t count, bool backwards);
/* The greatest live ID; 0-0 when empty. */
struct stream_id stream_top_id(const struct record *r);

/* ---- effects: stream_effects.c */

/* A claim, as the log gets it: XCLAIM key group consumer 0 id TIME ms RETRYCOUNT n FORCE JUSTID LASTID last. */
void stream_effect_claim(struct ctx *ctx, struct slice key, const struct stream_group *g, struct stream_id id,
                         const struct stream_pending *p);
/* XGROUP SETID key group id ENTRIESREAD n */
void stream_effect_group_id(struct ctx *ctx, struct slice key, const struct stream_group *g);
/* XGROUP CREATECONSUMER key group consumer */
void stream_effect_consumer(struct ctx *ctx, struct slice key, const struct stream_group *g,
                            const struct stream_consumer *c);
/* The command with its trimming made exact: "=" and the length or ID that it left, no LIMIT. `id`: XADD's; may be
 * NULL. */
void stream_effect_trimmed(struct ctx *ctx, const struct stream_options *o, const struct record *r,
                           const struct stream_id *id);

/* ---- groups: stream_group_cmds.c */

/* The group, and its stream. NULL: an error is replied; absent keys and groups with NOGROUP. */
struct stream_group *stream_group_fetch(struct ctx *ctx, int key_arg, int group_arg, struct record **r);
/* The consumer, made when it is not there (with its event; *created then), and seen now. */
struct stream_consumer *stream_consumer_fetch(struct ctx *ctx, struct slice key, struct stream_group *g,
                                              struct slice name, bool *created);

#endif
