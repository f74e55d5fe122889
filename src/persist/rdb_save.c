/* Writing a data set. Runs in a forked child or, for SAVE, in the server itself; changes nothing. */
#include "persist/rdb_file.h"

#include "base/num.h"
#include "base/version.h"
#include "persist/rdb_format.h"
#include "store/store.h"

#include <stdio.h>
#include <string.h>

static void write_aux(struct rdb_writer *w, const char *name, struct slice value)
{
    rdb_write_byte(w, RDB_OP_AUX);
    rdb_write_string(w, slice_cstr(name));
    rdb_write_string(w, value);
}

static void write_aux_u64(struct rdb_writer *w, const char *name, uint64_t value)
{
    char text[NUM_I64_TEXT_MAX];
    write_aux(w, name, slice_of(text, (size_t)u64_to_text(text, value)));
}

static void write_header(struct rdb_writer *w, const struct rdb_save *save)
{
    char magic[RDB_MAGIC_SIZE + 1];
    snprintf(magic, sizeof(magic), "REDIS%04d", w->version);
    rdb_write(w, magic, RDB_MAGIC_SIZE);
    write_aux(w, "redis-ver", slice_cstr(CAIRN_REDIS_VERSION));
    write_aux_u64(w, "redis-bits", 64);
    write_aux_u64(w, "ctime", save->now_ms / 1000);
    write_aux_u64(w, "used-mem", save->memory_used);
    write_aux_u64(w, "aof-base", save->aof_base);
}

static void write_functions(struct rdb_writer *w, struct slice all)
{
    uint64_t len;
    for (; all.len > 0; all = slice_of(all.ptr + len, all.len - (size_t)len)) {
        memcpy(&len, all.ptr, sizeof(len));
        all = slice_of(all.ptr + sizeof(len), all.len - sizeof(len));
        rdb_write_byte(w, RDB_OP_FUNCTION2);
        rdb_write_string(w, slice_of(all.ptr, (size_t)len));
    }
}

struct walk {
    struct rdb_writer *w;
    const struct rdb_save *save;
    struct buf *refused;
    uint64_t keys, next_progress;
};

static void write_record(struct walk *walk, const struct record *r)
{
    struct rdb_writer *w = walk->w;
    const struct rdb_save *save = walk->save;
    uint8_t type = rdb_value_type(r, w->version);
    if (type == RDB_TYPE_NONE) {
        buf_append_slice(walk->refused, record_key(r));
        w->failed = true;
        return;
    }
    if (record_expire_ms(r) != 0) {
        rdb_write_byte(w, RDB_OP_EXPIRE_MS);
        rdb_write_u64(w, record_expire_ms(r));
    }
    if (save->clocks == RDB_CLOCKS_IDLE) {
        rdb_write_byte(w, RDB_OP_IDLE);
        rdb_write_len(w, save->idle_s(save->arg, record_clock(r)));
    } else if (save->clocks == RDB_CLOCKS_FREQUENCY) {
        rdb_write_byte(w, RDB_OP_FREQ);
        rdb_write_byte(w, save->frequency(save->arg, record_clock(r)));
    }
    rdb_write_byte(w, type);
    rdb_write_string(w, record_key(r));
    rdb_value_write(w, r, type);
}

static void visit(void *arg, struct record *r)
{
    struct walk *walk = arg;
    if (walk->w->failed) return;
    write_record(walk, r);
    if (++walk->keys < walk->next_progress) return;
    walk->next_progress = walk->keys + walk->save->progress_keys;
    if (!walk->save->progress(walk->save->arg, walk->keys)) walk->w->failed = true;
}

bool rdb_save_store(struct rdb_writer *w, const struct store *store, const struct rdb_save *save, struct buf *refused)
{
    struct walk walk = {.w = w, .save = save, .refused = refused, .next_progress = save->progress_keys};
    if (save->progress == NULL) walk.next_progress = UINT64_MAX;
    write_header(w, save);
    write_functions(w, save->functions);
    for (int db = 0; db < store_databases(store) && !w->failed; db++) {
        if (store_len(store, db) == 0) continue;
        rdb_write_byte(w, RDB_OP_SELECT_DB);
        rdb_write_len(w, (uint64_t)db);
        rdb_write_byte(w, RDB_OP_RESIZE_DB);
        rdb_write_len(w, store_len(store, db));
        rdb_write_len(w, store_volatile_len(store, db));
        store_each(store, db, visit, &walk);
    }
    rdb_write_byte(w, RDB_OP_EOF);
    rdb_write_u64(w, rdb_writer_crc(w));
    return rdb_writer_flush(w);
}
