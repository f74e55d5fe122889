/* Measures the time wheel: ns per insert and delivery, bytes per entry. Built by hand, never part of the tests:
 *   cc -O2 -DNDEBUG -std=gnu11 -D_GNU_SOURCE -Isrc tests/bench/bench_wheel.c src/ds/wheel.c \
 *      src/base/{mem,mem_jemalloc,prng}.c -ljemalloc -o bench_wheel && ./bench_wheel */
#include "base/prng.h"
#include "ds/wheel.h"

#include <stdio.h>
#include <time.h>

static double now_ns(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (double)ts.tv_sec * 1e9 + (double)ts.tv_nsec;
}

static void due(void *arg, uint64_t hash, uint64_t due_ms)
{
    (void)hash;
    (void)due_ms;
    ++*(size_t *)arg;
}

static void run(const char *name, size_t n, uint64_t ttl_min, uint64_t ttl_max)
{
    struct wheel w;
    struct prng p;
    const uint64_t start = 1700000000000;
    size_t delivered = 0;
    prng_init(&p, 1);
    wheel_init(&w, start);
    double t0 = now_ns();
    for (size_t i = 0; i < n; i++)
        wheel_insert(&w, prng_u64(&p), start + ttl_min + prng_below(&p, ttl_max - ttl_min));
    double t1 = now_ns();
    double mem = (double)wheel_mem(&w);
    for (uint64_t now = start; delivered < n; now += ttl_max / 20000 + 1)
        while (!wheel_advance(&w, now, 10000, due, &delivered)) {}
    double t2 = now_ns();
    printf("%-22s %8zu entries: insert %5.1f ns, delivery %5.1f ns each, %5.2f bytes per entry\n",
           name, n, (t1 - t0) / (double)n, (t2 - t1) / (double)n, mem / (double)n);
    wheel_deinit(&w);
}

int main(void)
{
    const uint64_t s = 1000, hour = 3600 * s, day = 24 * hour;
    run("1 s", 1000000, 1, s);
    run("10 s", 1000000, 1, 10 * s);
    run("1 h", 1000000, 1, hour);
    run("1 h", 10000, 1, hour);
    run("1 h", 1000, 1, hour);
    run("exactly an hour", 1000000, hour, hour + 1);
    run("30 days", 1000000, 1, 30 * day);
    run("3 years", 1000000, 1, 1000 * day);
    return 0;
}
