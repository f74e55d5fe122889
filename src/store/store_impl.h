/* Inside of the store, for store*.c only. */
#ifndef CAIRN_STORE_STORE_IMPL_H
#define CAIRN_STORE_STORE_IMPL_H

#include "ds/table.h"
#include "ds/wheel.h"
#include "store/store.h"

#include <assert.h>

enum {
    PARTITIONS_MAX = 256,
    CURSOR_PARTITION_SHIFT = TABLE_CURSOR_BITS,
};

/* A share of a database's keys, with all that belongs to them: what one lock will cover when there are several
 * workers. */
struct partition {
    struct table table;
    struct wheel wheel;           /* time index: see store_expire.c */
    size_t volatile_len;          /* records with an expiry */
    unsigned __int128 expire_sum; /* of their expiries, for the mean */
    size_t parts_len;             /* records with elements that have expiries of their own */
    size_t indexed_len;           /* records with either: those with a record_due_ms */
    bool sweeping;                /* the index is being rid of stale entries */
    bool lenient;                 /* the sweep keeps duplicates: it was interrupted */
    bool phase;                   /* what record_mark says of records whose index entry is known to be good */
    /* What store_find found last: commands on one queue or counter come in rows. Forgotten when the record goes. */
    struct record *last;          /* NULL: nothing */
    uint64_t last_hash;
};

/* One database. It is allocated by the first insert, and it is all that a detached database needs to live on. */
struct keyspace {
    struct hash_seed seed; /* the tables' hash function reads it here, at an address that stays */
    int partitions;
    int turn;              /* partition with which the next expiry step goes on */
    struct partition parts[];
};

struct store {
    struct hash_seed seed;
    int databases, partitions;
    int units;               /* open ones; writes need one */
    uint64_t now_ms;         /* of the last step, where new wheels begin */
    uint64_t next_due_ms;    /* lower bound for all indexes */
    int turn;                /* database with which the next expiry or housekeeping step goes on */
    bool expiring;           /* within store_expire_step */
    struct keyspace *dbs[];  /* NULL: empty and untouched */
};

/* The tables use the upper 48 bits of the hash, so the low ones choose the partition. */
static inline struct partition *keyspace_part(struct keyspace *ks, uint64_t hash)
{
    return ks->parts + (hash & (unsigned)(ks->partitions - 1));
}

static inline struct keyspace *store_keyspace(const struct store *store, int db)
{
    assert(db >= 0 && db < store->databases);
    return store->dbs[db];
}

#define for_partitions(p, ks) for (struct partition *p = (ks)->parts; p < (ks)->parts + (ks)->partitions; p++)

void keyspace_free(struct keyspace *owned_ks);

/* Expiries of a record, 0: none. */
struct expiries {
    uint64_t whole_ms; /* its own */
    uint64_t parts_ms; /* the first of its elements' */
};
static inline struct expiries record_expiries(const struct record *r)
{
    return (struct expiries){record_expire_ms(r), record_parts_expire_ms(r)};
}

/* store_expire.c: keeps counts and index of a partition in step with a record whose expiries were `old` (none if the
 * record is new) and are `new` (none if the record goes). */
void index_note(struct store *store, struct partition *p, uint64_t hash, struct record *r, struct expiries old,
                struct expiries new);
void partition_check_index(const struct partition *p);

#endif
