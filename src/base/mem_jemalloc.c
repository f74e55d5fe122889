/* Memory through jemalloc, linked without a prefix, so that libraries share it.
 *
 * Accounting: jemalloc keeps two counters per thread, bytes ever allocated and ever freed, whether we read them or not.
 * Each thread enters the addresses of its pair into mem_registry; the sum of all differences is what the process holds,
 * for one may free what another allocated. A thread that ends leaves its difference in `settled`.
 * Invariant: every pair in the registry belongs to a running thread (the lock is held across reading and leaving).
 * Threads that never register are not counted; neither are those beyond MEM_THREADS_MAX.
 * Rejected: stats.allocated, which needs an epoch refresh over all arenas for each reading. */
#include "base/mem.h"

#include "base/mem_impl.h"

#include <jemalloc/jemalloc.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum { MEM_THREADS_MAX = 512 }; /* workers, background threads and those of libraries; far above what is configured */

struct thread_counters {
    const uint64_t *allocated, *freed;
    pthread_t thread;
};

static struct {
    pthread_mutex_t lock;
    bool fork_handlers;
    int count;
    int64_t settled; /* bytes that ended threads allocated less those they freed */
    struct thread_counters threads[MEM_THREADS_MAX];
} mem_registry = {.lock = PTHREAD_MUTEX_INITIALIZER};

void *mem_alloc(size_t size)
{
    void *ptr = malloc(size);
    if (unlikely(ptr == NULL)) mem_die(size);
    return ptr;
}

void *mem_zalloc(size_t size)
{
    void *ptr = calloc(1, size);
    if (unlikely(ptr == NULL)) mem_die(size);
    return ptr;
}

void *mem_alloc_aligned(size_t align, size_t size)
{
    void *ptr = mallocx(size == 0 ? 1 : size, MALLOCX_ALIGN(align));
    if (unlikely(ptr == NULL)) mem_die(size);
    return ptr;
}

void *mem_try_alloc(size_t size)
{
    return malloc(size);
}

void *mem_try_realloc(void *ptr, size_t size)
{
    return realloc(ptr, size == 0 ? 1 : size);
}

void *mem_realloc(void *ptr, size_t size)
{
    void *moved = mem_try_realloc(ptr, size);
    if (unlikely(moved == NULL)) mem_die(size);
    return moved;
}

void mem_free(void *ptr)
{
    free(ptr);
}

void mem_free_sized(void *ptr, size_t size)
{
    if (ptr != NULL) sdallocx(ptr, size == 0 ? 1 : size, 0);
}

size_t mem_usable(const void *ptr)
{
    return ptr == NULL ? 0 : sallocx(ptr, 0);
}

size_t mem_good_size(size_t size)
{
    size_t good = nallocx(size == 0 ? 1 : size, 0);
    return good == 0 ? size : good; /* 0: larger than any size class, the allocation itself will fail */
}

static int64_t counters_held(const struct thread_counters *c)
{
    return (int64_t)(__atomic_load_n(c->allocated, __ATOMIC_RELAXED) - __atomic_load_n(c->freed, __ATOMIC_RELAXED));
}

static int registry_find(pthread_t thread)
{
    for (int i = 0; i < mem_registry.count; i++) {
        if (pthread_equal(mem_registry.threads[i].thread, thread)) return i;
    }
    return -1;
}

static void registry_settle(int i)
{
    mem_registry.settled += counters_held(&mem_registry.threads[i]);
    mem_registry.threads[i] = mem_registry.threads[--mem_registry.count];
}

static void fork_prepare(void)
{
    pthread_mutex_lock(&mem_registry.lock);
}

static void fork_parent(void)
{
    pthread_mutex_unlock(&mem_registry.lock);
}

/* Only the forking thread lives on in the child. */
static void fork_child(void)
{
    for (int i = mem_registry.count - 1; i >= 0; i--) {
        if (!pthread_equal(mem_registry.threads[i].thread, pthread_self())) registry_settle(i);
    }
    pthread_mutex_unlock(&mem_registry.lock);
}

void mem_thread_init(void)
{
    struct thread_counters c = {.thread = pthread_self()};
    size_t len = sizeof c.allocated;
    if (mallctl("thread.allocatedp", &c.allocated, &len, NULL, 0) != 0) return;
    if (mallctl("thread.deallocatedp", &c.freed, &len, NULL, 0) != 0) return;
    pthread_mutex_lock(&mem_registry.lock);
    bool first = !mem_registry.fork_handlers;
    mem_registry.fork_handlers = true;
    if (mem_registry.count < MEM_THREADS_MAX && registry_find(c.thread) < 0) {
        mem_registry.threads[mem_registry.count++] = c;
    }
    pthread_mutex_unlock(&mem_registry.lock);
    if (first) pthread_atfork(fork_prepare, fork_parent, fork_child);
}

void mem_thread_exit(void)
{
    pthread_mutex_lock(&mem_registry.lock);
    int i = registry_find(pthread_self());
    if (i >= 0) registry_settle(i);
    pthread_mutex_unlock(&mem_registry.lock);
}

size_t mem_used(void)
{
    pthread_mutex_lock(&mem_registry.lock);
    int64_t held = mem_registry.settled;
    for (int i = 0; i < mem_registry.count; i++) held += counters_held(&mem_registry.threads[i]);
    pthread_mutex_unlock(&mem_registry.lock);
    return held < 0 ? 0 : (size_t)held;
}

static size_t stat_read(const char *name)
{
    size_t value = 0, len = sizeof value;
    return mallctl(name, &value, &len, NULL, 0) == 0 ? value : 0;
}

#define STRINGIFY(x) #x
#define EXPAND(x)    STRINGIFY(x)
#define ALL_ARENAS   EXPAND(MALLCTL_ARENAS_ALL)
#define VERSION EXPAND(JEMALLOC_VERSION_MAJOR) "." EXPAND(JEMALLOC_VERSION_MINOR) "." EXPAND(JEMALLOC_VERSION_BUGFIX)

void mem_stats_read(struct mem_stats *out)
{
    uint64_t epoch = 1;
    mallctl("epoch", NULL, NULL, &epoch, sizeof epoch);
    *out = (struct mem_stats){
        .allocated = stat_read("stats.allocated"),
        .active = stat_read("stats.active"),
        .resident = stat_read("stats.resident"),
        .retained = stat_read("stats.retained"),
        .muzzy = stat_read("stats.arenas." ALL_ARENAS ".pmuzzy") * stat_read("arenas.page"),
    };
}

const char *mem_allocator_name(void)
{
    return "jemalloc-" VERSION;
}

void mem_purge(void)
{
    mallctl("thread.tcache.flush", NULL, NULL, NULL, 0);
    mallctl("arena." ALL_ARENAS ".purge", NULL, NULL, NULL, 0);
}

void mem_stats_text(void (*write)(void *arg, const char *text), void *arg)
{
    malloc_stats_print(write, arg, NULL);
}
