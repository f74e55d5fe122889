/* Measures the table: ns per operation and bytes per element. Built by hand, never part of the tests:
 *   cc -O2 -DNDEBUG -flto -std=gnu11 -D_GNU_SOURCE -Isrc tests/bench/bench_table.c src/ds/table*.c \
 *      src/base/{mem,mem_jemalloc,prng,hash}.c -ljemalloc -o bench_table && ./bench_table 1000000 4000000 */
#include "base/hash.h"
#include "base/mem.h"
#include "base/prng.h"
#include "ds/table.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

struct rec {
    char key[16];
    char rest[32];
};

static size_t hash_calls; /* of a bench only */

static uint64_t rec_hash(const void *arg, const void *r)
{
    hash_calls++;
    return hash_bytes(arg, ((const struct rec *)r)->key, 16);
}
static bool rec_equals(const void *r, const void *key)
{
    return memcmp(((const struct rec *)r)->key, key, 16) == 0;
}
static const struct table_type type = {rec_equals, rec_hash};

static double now_ns(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (double)ts.tv_sec * 1e9 + (double)ts.tv_nsec;
}
static void make_key(char out[17], uint64_t i)
{
    snprintf(out, 17, "key:%012llu", (unsigned long long)i);
}

static void memory(const struct hash_seed *seed)
{
    printf("memory: elements, bytes per element (table_mem), mean lines per hit, in the first line\n");
    struct table t;
    table_init(&t, &type, seed);
    size_t max = 4194304, count = 0;
    struct rec *recs = calloc(max, sizeof *recs);
    double low = 1e9, high = 0, sum = 0, worst_ns = 0;
    size_t step = 1000;
    int samples = 0;
    for (size_t i = 0; i < max; i++) {
        char key[17];
        make_key(key, i);
        memcpy(recs[i].key, key, 16);
        uint64_t h = rec_hash(seed, &recs[i]);
        double start = now_ns();
        table_insert(&t, h, &recs[i]);
        double took = now_ns() - start;
        if (took > worst_ns) worst_ns = took;
        if (++count < step) continue;
        step += step / 50;
        struct table_stats s;
        table_stats(&t, &s);
        double per = (double)s.mem / (double)count, lines = 0;
        for (int d = 0; d < 7; d++) lines += (double)s.by_probe[d] * (d + 1);
        if (++samples % 20 == 1)
            printf("  %8zu %.2f %.3f %.3f longest %u\n", count, per, lines / (double)count,
                   (double)s.by_probe[0] / (double)count, s.longest_probe);
        low = per < low ? per : low;
        high = per > high ? per : high;
        sum += per;
    }
    printf("  min %.2f avg %.2f max %.2f bytes per element; slowest insert %.1f us; hash calls per element %.2f\n", low,
           sum / samples, high, worst_ns / 1000, (double)hash_calls / (double)max - 1);
    table_deinit(&t);
    free(recs);
}

static uint64_t sink;

enum { BATCH = 16 };

static void speed(const struct hash_seed *seed, size_t n)
{
    struct prng p;
    struct table t;
    prng_init(&p, 42);
    table_init(&t, &type, seed);
    struct rec **recs = malloc(n * sizeof *recs);
    char(*keys)[17] = malloc(n * sizeof *keys), (*absent)[17] = malloc(n * sizeof *keys);
    for (size_t i = 0; i < n; i++) {
        recs[i] = mem_alloc(sizeof(struct rec));
        char key[17];
        make_key(key, i);
        memcpy(recs[i]->key, key, 16);
    }
    double start = now_ns();
    for (size_t i = 0; i < n; i++) table_insert(&t, hash_bytes(seed, recs[i]->key, 16), recs[i]);
    printf("%zu elements, ns per operation, hash of the key included\n", n);
    printf("  insert            %6.1f\n", (now_ns() - start) / (double)n);
    for (size_t i = n; i-- > 1;) {
        size_t j = prng_below(&p, i + 1);
        struct rec *r = recs[i];
        recs[i] = recs[j];
        recs[j] = r;
    }
    for (size_t i = 0; i < n; i++) {
        make_key(keys[i], prng_below(&p, n));
        make_key(absent[i], n + prng_below(&p, n));
    }
    for (int miss = 0; miss < 2; miss++) {
        char(*k)[17] = miss ? absent : keys;
        start = now_ns();
        for (size_t i = 0; i < n; i++) sink += (uintptr_t)table_find(&t, hash_bytes(seed, k[i], 16), k[i]);
        printf("  find %s         %6.1f\n", miss ? "miss" : "hit ", (now_ns() - start) / (double)n);
        start = now_ns();
        for (size_t i = 0; i + BATCH <= n; i += BATCH) {
            uint64_t h[BATCH];
            for (int j = 0; j < BATCH; j++) table_prefetch_bucket(&t, h[j] = hash_bytes(seed, k[i + j], 16));
            for (int j = 0; j < BATCH; j++) table_prefetch_record(&t, h[j]);
            for (int j = 0; j < BATCH; j++) sink += (uintptr_t)table_find(&t, h[j], k[i + j]);
        }
        printf("  find %s, batch  %6.1f\n", miss ? "miss" : "hit ", (now_ns() - start) / (double)n);
    }
    start = now_ns();
    for (size_t i = 0; i < n; i++) sink += (uintptr_t)table_random(&t, &p);
    printf("  random            %6.1f\n", (now_ns() - start) / (double)n);
    size_t calls = hash_calls;
    start = now_ns();
    for (size_t i = 0; i < n; i++) table_erase(&t, hash_bytes(seed, recs[i]->key, 16), recs[i]);
    printf("  erase, to nothing %6.1f  (hash calls %.2f)\n", (now_ns() - start) / (double)n,
           (double)(hash_calls - calls) / (double)n);
    for (size_t i = 0; i < n; i++) mem_free(recs[i]);
    free(recs);
    free(keys);
    free(absent);
}

int main(int argc, char **argv)
{
    struct hash_seed seed = {1, 2};
    if (argc < 2) memory(&seed);
    for (int i = 1; i < argc; i++) speed(&seed, strtoull(argv[i], NULL, 10));
    return sink == 1;
}
