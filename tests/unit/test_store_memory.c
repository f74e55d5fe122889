/* Bytes per item as the allocator counts them. It prints the numbers; it fails only on what would be a mistake of
 * another order. */
#include "store/store.h"

#include "base/mem.h"
#include "value/string.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

enum { ITEMS_FULL = 1000000, ITEMS_CHECKED = 100000 };

/* Sanitizers keep what is freed and are slow: a tenth is enough for them. */
static size_t items(void)
{
    return strcmp(mem_allocator_name(), "libc") == 0 ? ITEMS_CHECKED : ITEMS_FULL;
}

static void measure(const char *name, int partitions, size_t key_len, size_t value_len, uint64_t ttl_ms, double limit)
{
    const uint64_t now_ms = 1700000000000;
    const struct store_options options = {
        .databases = 16, .partitions = partitions, .seed = {1, 2}, .now_ms = now_ms};
    size_t before = mem_used(), n = items();
    struct store *store = store_new(&options);
    struct prng prng;
    prng_init(&prng, 1);
    store_unit_open(store);
    char key[64], value[1024];
    memset(value, 'v', sizeof value);
    for (size_t i = 0; i < n; i++) {
        snprintf(key, sizeof key, "%0*zu", (int)key_len, i);
        struct store_key k = store_key(store, slice_of(key, key_len));
        struct record *r = value_len == 0 ? string_new_int(k.name, (int64_t)i)
                                          : string_new(k.name, slice_of(value, value_len));
        if (ttl_ms != 0) r = record_set_expire(r, now_ms + 1 + prng_below(&prng, ttl_ms));
        store_insert(store, 0, k, r);
    }
    double per_item = (double)(mem_used() - before) / (double)n;
    struct store_stats stats;
    store_stats(store, 0, &stats);
    printf("%-36s %3d partitions %8.1f bytes per item (table %.1f, index %.1f)\n", name, partitions, per_item,
           (double)stats.table_bytes / (double)n, (double)stats.index_bytes / (double)n);
    assert_true(per_item < limit);
    store_unit_close(store);
    store_free(store);
}

static void bytes_per_item(void **state)
{
    mem_thread_init();
    for (int partitions = 1; partitions <= 64; partitions *= 8) {
        measure("16 B key, integer", partitions, 16, 0, 0, 64);
        measure("16 B key, 16 B value", partitions, 16, 16, 0, 80);
        measure("the same, TTL up to 1 s", partitions, 16, 16, 1000, 100);
        measure("the same, TTL up to 1 hour", partitions, 16, 16, 3600 * 1000, 100);
        measure("the same, TTL up to 30 days", partitions, 16, 16, 30ull * 86400 * 1000, 100);
        measure("16 B key, 64 B value", partitions, 16, 64, 0, 130);
        measure("32 B key, 100 B value", partitions, 32, 100, 0, 200);
    }
    mem_thread_exit();
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(bytes_per_item)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
