/* Streams: entries of field-value pairs by ascending ID, and consumer groups that remember who was given what.
 *
 * Entries live in nodes: listpacks of up to stream-node-max-entries, byte for byte as RDB files hold them, under an
 * ordered tree by the ID of their first entry. A group has its pending entries (ID, consumer, when, how often) in one
 * tree that owns them, and each of its consumers a set of IDs.
 *
 * A stream may be empty: it stays until its key is deleted. The record never moves when the stream changes. Pointers to
 * groups and consumers are valid until they are removed, pointers to pending entries until the next one is added or
 * removed, what a reader gives until the stream's entries change. Slices that come in never point into the record. */
#ifndef CAIRN_VALUE_STREAM_H
#define CAIRN_VALUE_STREAM_H

#include "base/compiler.h"
#include "base/num.h"
#include "ds/idtree.h"
#include "value/limits.h"
#include "value/record.h"

struct stream;
struct stream_group;
struct stream_consumer;
struct listpack;

/* ---- IDs */

struct stream_id {
    uint64_t ms, seq;
};
#define STREAM_ID_MIN ((struct stream_id){0, 0})
#define STREAM_ID_MAX ((struct stream_id){UINT64_MAX, UINT64_MAX})
enum { STREAM_ID_TEXT_MAX = 2 * NUM_I64_TEXT_MAX + 1 };

static inline bool stream_id_less(struct stream_id a, struct stream_id b)
{
    return a.ms < b.ms || (a.ms == b.ms && a.seq < b.seq);
}
static inline bool stream_id_eq(struct stream_id a, struct stream_id b)
{
    return a.ms == b.ms && a.seq == b.seq;
}
static inline bool stream_id_is_zero(struct stream_id id)
{
    return id.ms == 0 && id.seq == 0;
}
bool stream_id_increment(struct stream_id *id); /* false: it was the greatest, and is unchanged */
bool stream_id_decrement(struct stream_id *id); /* false: it was 0-0 */
struct slice stream_id_text(char out[STREAM_ID_TEXT_MAX], struct stream_id id); /* "1526919030474-55" */

/* ---- the whole */

struct record *stream_new(struct slice key) must_use; /* empty. NULL: no memory for a long key */

uint64_t stream_len(const struct record *r);                  /* O(1), as all of these */
uint64_t stream_entries_added(const struct record *r);        /* ever, also those that are gone */
struct stream_id stream_last_id(const struct record *r);      /* the greatest ever given out */
struct stream_id stream_first_id(const struct record *r);     /* of the first entry; 0-0 when empty */
struct stream_id stream_max_deleted_id(const struct record *r); /* the greatest taken out of the middle; 0-0: none */
size_t stream_node_count(const struct record *r);
void stream_set_last_id(struct record *r, struct stream_id id);
void stream_set_entries_added(struct record *r, uint64_t n);
void stream_set_max_deleted_id(struct record *r, struct stream_id id);

/* ---- entries */

/* Adds an entry of `count` pairs (2 * count slices). The ID is greater than the last. False: too large for a node,
 * nothing done. Amortised O(size). */
bool stream_append(struct record *r, struct stream_id id, const struct slice *pairs, size_t count,
                   const struct value_limits *limits) must_use;
bool stream_delete(struct record *r, struct stream_id id); /* false: is not there. O(log n + entries of a node) */
bool stream_has(const struct record *r, struct stream_id id);

/* What deleting an entry does about groups that know it. */
enum stream_refs {
    STREAM_REFS_KEEP,  /* pending entries stay */
    STREAM_REFS_DROP,  /* they go, in all groups */
    STREAM_REFS_ACKED, /* an entry that a group still needs stays */
};
/* Not delivered to each group yet, or pending in one. O(groups * log n). */
bool stream_is_referenced(const struct record *r, struct stream_id id);
size_t stream_drop_refs(struct record *r, struct stream_id id); /* the number of groups where it was pending */

struct stream_trim {
    enum { STREAM_TRIM_NONE, STREAM_TRIM_MAXLEN, STREAM_TRIM_MINID } by;
    bool approx;             /* takes away whole nodes only */
    enum stream_refs refs;
    uint64_t max_len;
    struct stream_id min_id;
    uint64_t limit;          /* at most so many entries; 0: all */
};
uint64_t stream_trim(struct record *r, const struct stream_trim *how); /* returns the number of entries taken away */

/* ---- reading: entries from start to end, both included, or backwards */

struct stream_reader { /* private */
    const struct stream *stream;
    struct stream_id start, end, master;
    struct idtree_at at;
    const struct listpack *node; /* NULL: to be entered, or over */
    uint32_t entry;              /* position of the current entry, or of where to begin */
    uint32_t data, field;        /* of its next element; of the next field in the node's head */
    uint32_t left;               /* pairs not read yet */
    uint32_t head_count, head_fields, first_entry;
    bool backwards, in_entry, same_fields;
    const struct stream_group *group; /* whose news are read; or NULL */
    char field_text[NUM_I64_TEXT_MAX], value_text[NUM_I64_TEXT_MAX];
};
void stream_reader_init(struct stream_reader *it, const struct record *r, struct stream_id start, struct stream_id end,
                        bool backwards);
/* What the group was not given yet: forwards from behind its last ID. Goes on where remember() was told that it is, and
 * does not walk through the node again. */
void stream_reader_init_news(struct stream_reader *it, const struct record *r, const struct stream_group *g);
void stream_reader_remember(const struct stream_reader *it, struct stream_group *g); /* the current entry was given */
/* The next entry: its ID and number of pairs. */
bool stream_reader_next(struct stream_reader *it, struct stream_id *id, size_t *pairs);
/* The next pair of that entry: views, valid until the next call. To be called at most `pairs` times. */
void stream_reader_pair(struct stream_reader *it, struct slice *field, struct slice *value);

/* ---- groups: in the order of their names */

enum { STREAM_ENTRIES_READ_UNKNOWN = -1 };

size_t stream_group_count(const struct record *r);
struct stream_group *stream_group_at(const struct record *r, size_t i);
struct stream_group *stream_group_find(const struct record *r, struct slice name); /* O(log groups) */
/* NULL: there is one of this name. */
struct stream_group *stream_group_create(struct record *r, struct slice name, struct stream_id last_id,
                                         int64_t entries_read);
void stream_group_remove(struct record *r, struct stream_group *owned_g);
struct slice stream_group_name(const struct stream_group *g);
struct stream_id stream_group_last_id(const struct stream_group *g); /* of what was delivered */
int64_t stream_group_entries_read(const struct stream_group *g);     /* or STREAM_ENTRIES_READ_UNKNOWN */
void stream_group_set(struct stream_group *g, struct stream_id last_id, int64_t entries_read);
/* An entry was delivered as a new one: last_id and the counter follow. */
void stream_group_advance(const struct record *r, struct stream_group *g, struct stream_id id);
bool stream_group_lag(const struct record *r, const struct stream_group *g, uint64_t *lag); /* false: unknown */
/* How many entries were ever added up to and with this ID; STREAM_ENTRIES_READ_UNKNOWN if deletions hide it. */
int64_t stream_entries_up_to(const struct record *r, struct stream_id id);

/* ---- consumers: in the order of their names */

enum { STREAM_NEVER_ACTIVE = -1 };

size_t stream_consumer_count(const struct stream_group *g);
struct stream_consumer *stream_consumer_at(const struct stream_group *g, size_t i);
struct stream_consumer *stream_consumer_find(const struct stream_group *g, struct slice name);
/* NULL: there is one of this name. Seen at seen_ms, never active. */
struct stream_consumer *stream_consumer_create(struct stream_group *g, struct slice name, uint64_t seen_ms);
size_t stream_consumer_remove(struct stream_group *g, struct stream_consumer *owned_c); /* pending entries dropped */
struct slice stream_consumer_name(const struct stream_consumer *c);
uint64_t stream_consumer_seen_ms(const struct stream_consumer *c);  /* its last attempt */
int64_t stream_consumer_active_ms(const struct stream_consumer *c); /* its last success, or STREAM_NEVER_ACTIVE */
void stream_consumer_seen(struct stream_consumer *c, uint64_t now_ms);
void stream_consumer_active(struct stream_consumer *c, int64_t now_ms);

/* ---- pending entries */

struct stream_pending {
    uint64_t delivered_ms;
    uint64_t deliveries;
    struct stream_consumer *consumer; /* changed by stream_pending_give only */
};
size_t stream_group_pending(const struct stream_group *g);
size_t stream_consumer_pending(const struct stream_consumer *c);
struct stream_pending *stream_pending_find(const struct stream_group *g, struct stream_id id);
/* The pending entry of this ID as the consumer's, added when it was not there (times and count 0 then). */
struct stream_pending *stream_pending_give(struct stream_group *g, struct stream_id id, struct stream_consumer *c);
bool stream_pending_remove(struct stream_group *g, struct stream_id id); /* acknowledged; false: was not pending */

/* Pending entries of a group (consumer NULL) or of one of its consumers, from an ID on, ascending. */
struct stream_pending_at { /* private; not valid behind a change */
    const struct stream_group *group;
    const struct stream_consumer *consumer;
    struct idtree_at at;
};
struct stream_pending_at stream_pending_from(const struct stream_group *g, const struct stream_consumer *c,
                                             struct stream_id id);
bool stream_pending_next(struct stream_pending_at *at, struct stream_id *id, struct stream_pending **pending);
bool stream_pending_last(const struct stream_group *g, struct stream_id *id); /* the greatest; false: none */

/* ---- saving and loading. Saving: the nodes as they are, then lengths and IDs, groups, consumers and pending entries
 * by the verbs above. Loading: a new stream, its nodes in ascending order, stream_load_end, then groups. */

struct stream_node_at { /* private */
    struct idtree_at at;
    const struct stream *stream;
};
struct stream_node_at stream_nodes(const struct record *r);
/* The node's ID and its bytes (a view); false: there are no more. */
bool stream_node_next(struct stream_node_at *at, struct stream_id *id, struct slice *bytes);

/* Whether the bytes are a node: a whole listpack, a head that counts right, IDs that ascend. Never reads beyond them.
 * *entries: the live ones. */
bool stream_node_validate(struct stream_id id, struct slice bytes, uint64_t *entries);
/* A node without a live entry, which Redis's XTRIM MINID can leave behind, is left out. False: not valid, or not behind
 * the nodes that are there; nothing done. */
bool stream_load_node(struct record *r, struct stream_id id, struct slice bytes) must_use;
/* The facts that do not follow from the nodes. False: they contradict them. */
bool stream_load_end(struct record *r, struct stream_id last_id, uint64_t entries_added,
                     struct stream_id max_deleted_id) must_use;

#endif
