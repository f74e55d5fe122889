/* Bytes from outside as an RDB file: loading ends with the data or with an error that has a place; what was accepted
 * is sound, and is read again as the same number of keys when it is written. The checksum is not looked at, or no
 * changed input would get past it. Bit 0 of the last byte: the store is left out, as the checker does. */
#include "persist/rdb_file.h"
#include "store/store.h"

#include <stdlib.h>

enum { DATABASES = 16, NOW_MS = 1700000000 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct hash_seed seed = {1, 2};

static void must(bool holds)
{
    if (!holds) abort();
}

static uint32_t clock_new(void *arg)
{
    (void)arg;
    return 0;
}

static struct store *empty_store(void)
{
    const struct store_options options = {.databases = DATABASES, .partitions = 1, .seed = seed, .now_ms = NOW_MS};
    return store_new(&options);
}

static bool load(struct slice bytes, struct store *store, struct rdb_loaded *found)
{
    const struct value_limits limits = {.seed = &seed,
                                        .hash_listpack_entries = 8,
                                        .hash_listpack_value = 16,
                                        .set_intset_entries = 8,
                                        .set_listpack_entries = 8,
                                        .set_listpack_value = 16,
                                        .zset_listpack_entries = 8,
                                        .zset_listpack_value = 16,
                                        .list_listpack_size = -1,
                                        .stream_node_max_bytes = 4096,
                                        .stream_node_max_entries = 4,
                                        .hll_sparse_max_bytes = 3000};
    const struct rdb_load_file how = {.value = {.limits = &limits, .now_ms = NOW_MS, .keep_due_fields = true},
                                      .keep_expired = true,
                                      .clock_new = clock_new};
    struct rdb_reader r;
    rdb_reader_init_memory(&r, bytes);
    r.checksum = false;
    bool ok = rdb_load_store(&r, store, &how, found);
    must(ok == !r.failed);
    must(ok || (r.error.len > 0 && r.error_at <= bytes.len));
    rdb_reader_deinit(&r);
    return ok;
}

static void load_again(const struct store *store, uint64_t keys)
{
    struct rdb_writer w;
    struct rdb_loaded found;
    struct buf refused = BUF_INIT;
    const struct rdb_save save = {.now_ms = NOW_MS};
    struct store *copy = empty_store();
    rdb_writer_init_memory(&w, 12);
    must(rdb_save_store(&w, store, &save, &refused));
    must(load(buf_slice(&w.pending), copy, &found) && found.keys == keys);
    rdb_loaded_deinit(&found);
    store_check(copy);
    store_free(copy);
    rdb_writer_deinit(&w);
    buf_deinit(&refused);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct rdb_loaded found;
    if (size == 0) return 0;
    bool drop = (data[size - 1] & 1) != 0;
    struct store *store = drop ? NULL : empty_store();
    bool ok = load(slice_of(data, size - 1), store, &found);
    if (store != NULL) store_check(store);
    if (store != NULL && ok) load_again(store, found.keys);
    rdb_loaded_deinit(&found);
    if (store != NULL) store_free(store);
    return 0;
}
