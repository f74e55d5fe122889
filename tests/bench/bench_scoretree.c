/* Measures the scoretree: ns (CPU) per operation and bytes per element. Built by hand, never part of the tests:
 *   cc -O2 -DNDEBUG -flto -std=gnu11 -D_GNU_SOURCE -iquote src tests/bench/bench_scoretree.c src/ds/scoretree*.c \
 *      src/ds/table*.c src/base/{mem,mem_jemalloc,prng,hash,slice}.c -ljemalloc -o bench_scoretree
 *   ./bench_scoretree 1000000 10000000 */
#include "base/mem.h"
#include "base/prng.h"
#include "ds/scoretree.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { MEMBER_LEN = 15, RANGE = 100 };

static const struct hash_seed seed = {1, 2};
static double sink;

static double now_ns(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
    return (double)ts.tv_sec * 1e9 + (double)ts.tv_nsec;
}

static struct slice member_of(char buf[32], uint64_t i)
{
    snprintf(buf, 32, "member:%08llu", (unsigned long long)i);
    return slice_of(buf, MEMBER_LEN);
}

struct names { /* made beforehand: snprintf costs as much as an insert */
    char (*text)[16];
    uint64_t *number;
    size_t len;
};

static void names_init(struct names *names, struct prng *p, size_t n)
{
    *names = (struct names){malloc(n * sizeof *names->text), malloc(n * sizeof *names->number), n};
    for (size_t i = 0; i < n; i++) names->number[i] = i;
    for (size_t i = n; i-- > 1;) {
        size_t j = prng_below(p, i + 1);
        uint64_t t = names->number[i];
        names->number[i] = names->number[j];
        names->number[j] = t;
    }
    char buf[32];
    for (size_t i = 0; i < n; i++) memcpy(names->text[i], member_of(buf, names->number[i]).ptr, MEMBER_LEN);
}

static struct slice name(const struct names *names, size_t i)
{
    return slice_of(names->text[i], MEMBER_LEN);
}

static void report(const char *what, double start, size_t n)
{
    printf("  %-34s %8.1f\n", what, (now_ns() - start) / (double)n);
}

static void reads(struct scoretree *t, struct prng *p, const struct names *names)
{
    size_t n = names->len, rank;
    double score, start = now_ns();
    for (size_t i = 0; i < n; i++)
        if (scoretree_score(t, name(names, n - 1 - i), &score)) sink += score;
    report("score", start, n);
    start = now_ns();
    for (size_t i = 0; i < n; i++)
        if (scoretree_rank(t, name(names, i), false, &rank)) sink += (double)rank;
    report("rank", start, n);
    start = now_ns();
    for (size_t i = 0; i < n; i++) {
        struct scoretree_bound bound = scoretree_by_score((double)prng_below(p, n), false);
        sink += (double)scoretree_seek(t, &bound, NULL);
    }
    report("seek by score", start, n);
    struct scoretree_place place;
    struct scoretree_item item;
    start = now_ns();
    for (size_t i = 0; i < n / RANGE; i++) {
        scoretree_seek_rank(t, prng_below(p, n - RANGE), &place);
        for (int k = 0; k < RANGE && scoretree_next(&place, &item); k++) sink += item.score + item.member.ptr[0];
    }
    report("range of 100 by rank", start, n / RANGE);
    start = now_ns();
    for (size_t i = 0; i < n / RANGE; i++) {
        struct scoretree_bound bound = scoretree_by_score((double)prng_below(p, n - RANGE), false);
        scoretree_seek(t, &bound, &place);
        for (int k = 0; k < RANGE && scoretree_next(&place, &item); k++) sink += item.score + item.member.ptr[0];
    }
    report("range of 100 by score", start, n / RANGE);
    start = now_ns();
    scoretree_seek_rank(t, 0, &place);
    while (scoretree_next(&place, &item)) sink += item.score;
    report("walk", start, n);
}

static void bench(size_t n, bool equal_scores)
{
    struct scoretree t, copy;
    struct names names;
    struct prng p;
    prng_init(&p, 42);
    names_init(&names, &p, n);
    scoretree_init(&t, &seed);
    printf("%zu elements, %s\n", n, equal_scores ? "all scores equal" : "random scores");
    double start = now_ns(), worst = 0;
    for (size_t i = 0; i < n; i++)
        scoretree_insert(&t, name(&names, i), equal_scores ? 0 : (double)prng_below(&p, n), NULL);
    report("insert", start, n);
    printf("  bytes per element: %.2f, of these the index %.2f; height %u\n", (double)scoretree_mem(&t) / (double)n,
           (double)table_mem(&t.index) / (double)n, t.height);
    reads(&t, &p, &names);
    start = now_ns();
    for (size_t i = 0; i < n; i++) scoretree_insert(&t, name(&names, n - 1 - i), (double)prng_below(&p, n), NULL);
    report("update to a random score", start, n);
    start = now_ns();
    double score = 0;
    for (size_t i = 0; i < n; i++) {
        if (scoretree_score(&t, name(&names, i), &score)) scoretree_insert(&t, name(&names, i), score + 0.01, NULL);
    }
    report("score and small increment", start, n);
    printf("  bytes per element: %.2f\n", (double)scoretree_mem(&t) / (double)n);
    scoretree_init(&copy, &seed);
    start = now_ns();
    scoretree_dup(&copy, &t);
    report("dup (append)", start, n);
    printf("  bytes per element: %.2f\n", (double)scoretree_mem(&copy) / (double)n);
    start = now_ns();
    for (size_t i = 0; i < n / 2; i++) scoretree_remove(&t, name(&names, i));
    report("remove", start, n / 2);
    printf("  bytes per element: %.2f\n", (double)scoretree_mem(&t) / (double)scoretree_len(&t));
    start = now_ns();
    scoretree_remove_ranks(&t, n / 10, n / 4, NULL, NULL);
    report("remove a range", start, n / 4);
    start = now_ns();
    for (size_t i = 0; i < n / 4; i++) scoretree_pop(&t, i % 2 == 0, 1, NULL, NULL);
    report("pop", start, n / 4);
    scoretree_deinit(&t);
    start = now_ns();
    for (bool empty = false; !empty;) {
        double step = now_ns();
        empty = scoretree_drain(&copy, 1000);
        step = now_ns() - step;
        if (step > worst) worst = step;
    }
    report("drain by 1,000", start, n);
    printf("  slowest step %.1f us\n", worst / 1000);
    free(names.text);
    free(names.number);
}

static void ascending(size_t n)
{
    struct scoretree t;
    char buf[32];
    scoretree_init(&t, &seed);
    double start = now_ns();
    for (size_t i = 0; i < n; i++) scoretree_insert(&t, member_of(buf, i), (double)i, NULL);
    report("insert, ascending (with snprintf)", start, n);
    printf("  bytes per element: %.2f\n", (double)scoretree_mem(&t) / (double)n);
    scoretree_deinit(&t);
}

int main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        size_t n = strtoull(argv[i], NULL, 10);
        bench(n, false);
        bench(n, true);
        ascending(n);
    }
    return sink == 1;
}
