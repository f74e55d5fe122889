/* Memory through the C library, for sanitizer builds and systems without jemalloc: one atomic counter of usable
 * bytes. */
#include "base/mem.h"

#include "base/mem_impl.h"

#include <assert.h>
#include <malloc.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

static atomic_size_t mem_registry; /* usable bytes of all live allocations */

static void *counted(void *ptr)
{
    atomic_fetch_add_explicit(&mem_registry, malloc_usable_size(ptr), memory_order_relaxed);
    return ptr;
}

static void uncount(size_t usable)
{
    atomic_fetch_sub_explicit(&mem_registry, usable, memory_order_relaxed);
}

void *mem_try_alloc(size_t size)
{
    return counted(malloc(size == 0 ? 1 : size));
}

void *mem_alloc(size_t size)
{
    void *ptr = mem_try_alloc(size);
    if (unlikely(ptr == NULL)) mem_die(size);
    return ptr;
}

void *mem_zalloc(size_t size)
{
    void *ptr = counted(calloc(1, size == 0 ? 1 : size));
    if (unlikely(ptr == NULL)) mem_die(size);
    return ptr;
}

void *mem_alloc_aligned(size_t align, size_t size)
{
    void *ptr = NULL;
    if (posix_memalign(&ptr, align < sizeof(void *) ? sizeof(void *) : align, size == 0 ? 1 : size) != 0) mem_die(size);
    return counted(ptr);
}

void *mem_try_realloc(void *ptr, size_t size)
{
    size_t before = mem_usable(ptr);
    void *moved = realloc(ptr, size == 0 ? 1 : size);
    if (moved == NULL) return NULL;
    uncount(before);
    return counted(moved);
}

void *mem_realloc(void *ptr, size_t size)
{
    void *moved = mem_try_realloc(ptr, size);
    if (unlikely(moved == NULL)) mem_die(size);
    return moved;
}

void mem_free(void *ptr)
{
    uncount(mem_usable(ptr));
    free(ptr);
}

void mem_free_sized(void *ptr, size_t size)
{
    assert(ptr == NULL || size <= malloc_usable_size(ptr));
    (void)size;
    mem_free(ptr);
}

size_t mem_usable(const void *ptr)
{
    return malloc_usable_size((void *)ptr);
}

/* glibc's chunks are multiples of 16 with 8 bytes of header and at least 24 usable bytes. */
size_t mem_good_size(size_t size)
{
    if (size > SIZE_MAX - 32) return size;
    size_t usable = ((size + 8 + 15) & ~(size_t)15) - 8;
    return usable < 24 ? 24 : usable;
}

void mem_thread_init(void) {}

void mem_thread_exit(void) {}

size_t mem_used(void)
{
    return atomic_load_explicit(&mem_registry, memory_order_relaxed);
}

void mem_stats_read(struct mem_stats *out)
{
    *out = (struct mem_stats){.allocated = mem_used()};
}

const char *mem_allocator_name(void)
{
    return "libc";
}

void mem_purge(void)
{
    malloc_trim(0);
}

void mem_stats_text(void (*write)(void *arg, const char *text), void *arg)
{
    write(arg, "Stats not supported for the current allocator");
}
