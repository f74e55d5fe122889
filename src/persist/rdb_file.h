/* A whole data set in RDB's form: what stands in an RDB file, and in the base of an append-only file. */
#ifndef CAIRN_PERSIST_RDB_FILE_H
#define CAIRN_PERSIST_RDB_FILE_H

#include "persist/rdb_io.h"
#include "persist/rdb_value.h"

struct store;

/* What access clocks a file carries: the policy decides which of the two a clock means. */
enum rdb_clocks { RDB_CLOCKS_NONE, RDB_CLOCKS_IDLE, RDB_CLOCKS_FREQUENCY };

struct rdb_save {
    uint64_t now_ms;
    size_t memory_used; /* for the aux field */
    bool aof_base;
    struct slice functions; /* as in struct rdb_loaded */
    enum rdb_clocks clocks;
    uint64_t (*idle_s)(void *arg, uint32_t clock); /* of RDB_CLOCKS_IDLE */
    uint8_t (*frequency)(void *arg, uint32_t clock);
    /* Called behind every `progress_keys` keys with those done so far; may be NULL. False: stop (the writer counts as
     * failed). */
    bool (*progress)(void *arg, uint64_t keys);
    uint32_t progress_keys;
    void *arg;
};
/* Writes header, keys and end; then flushes. False: the writer failed, or (*refused) the version cannot hold a value,
 * whose key stands in *refused. */
must_use bool rdb_save_store(struct rdb_writer *w, const struct store *store, const struct rdb_save *save,
                             struct buf *refused);

/* What is being read: so that an error can say what it hit. */
enum rdb_doing {
    RDB_DOING_START,
    RDB_DOING_TYPE,
    RDB_DOING_AUX,
    RDB_DOING_EXPIRE,
    RDB_DOING_NUMBER,
    RDB_DOING_FUNCTION,
    RDB_DOING_MODULE,
    RDB_DOING_KEY,
    RDB_DOING_VALUE,
    RDB_DOING_CHECKSUM,
};

struct rdb_loaded {
    uint64_t keys, expired, empty; /* read into the store; left out for their time, or as empty collections */
    uint64_t volatile_keys;        /* with a time to expire, of all that were read */
    enum rdb_doing doing;
    int type;               /* of the key: set in KEY and VALUE */
    struct buf key;         /* set in VALUE */
    bool checksummed;       /* the file carries a checksum */
    bool aof_base;
    int repl_db;            /* database that the replication stream was in; -1: not told */
    char repl_id[41];       /* "" when not told */
    int64_t repl_offset;    /* -1: not told */
    uint64_t ctime_s;
    uint64_t memory_used;   /* of the writer */
    char version[32];       /* of the server that wrote it */
    char module[10];        /* the first that wrote data beside its keys, which is skipped; "" when none did */
    struct buf functions;   /* sources of libraries: length (8 bytes), bytes, ... */
};

struct rdb_load_file {
    struct rdb_load value;
    bool keep_expired;          /* a replica, or the base of an append-only file */
    bool allow_duplicates;      /* a key that is there already is replaced; else it is an error */
    enum rdb_clocks clocks;     /* that are of use here; others are skipped */
    uint32_t (*clock_of)(void *arg, enum rdb_clocks kind, uint64_t value);
    uint32_t (*clock_new)(void *arg);
    bool relaxed;               /* a version that is newer than any known one is tried */
    /* Behind every `progress_bytes` bytes; may be NULL. False: stop. */
    bool (*progress)(void *arg, uint64_t offset, const struct rdb_loaded *so_far);
    uint64_t progress_bytes;
    void (*key_read)(void *arg);                        /* behind each key; may be NULL */
    void (*skipped)(void *arg, struct slice empty_key); /* may be NULL */
    void (*aux)(void *arg, struct slice name, struct slice value); /* may be NULL */
    void (*database)(void *arg, uint64_t db);                      /* one is selected; may be NULL */
    void *arg;
};
/* Reads a whole file into the store, which is empty; store NULL: everything is read and checked, and dropped. False:
 * r->error says what is wrong and where; what was read so far is in the store. The caller checks that nothing
 * follows. */
must_use bool rdb_load_store(struct rdb_reader *r, struct store *store, const struct rdb_load_file *load,
                             struct rdb_loaded *out);
void rdb_loaded_deinit(struct rdb_loaded *out);

#endif
