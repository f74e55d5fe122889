/* Memory. mem_* dies with a report when memory is out; mem_try_* returns NULL and is for sizes that a client chose.
 * Accounting costs nothing per call: with jemalloc the allocator's own per-thread counters are read on demand
 * (mem_jemalloc.c); sanitizer builds use the C library's allocator and count (mem_libc.c).
 * Every thread that allocates calls mem_thread_init() when it starts and mem_thread_exit() before it ends. */
#ifndef CAIRN_BASE_MEM_H
#define CAIRN_BASE_MEM_H

#include "base/compiler.h"

#include <stddef.h>
#include <stdint.h>

void *mem_alloc(size_t size) must_use;                    /* size 0 gives a unique pointer */
void *mem_zalloc(size_t size) must_use;                   /* zeroed */
void *mem_alloc_aligned(size_t align, size_t size) must_use; /* align: power of two; freed by mem_free */
void *mem_realloc(void *ptr, size_t size) must_use;
void mem_free(void *ptr);                                 /* NULL is allowed */
void mem_free_sized(void *ptr, size_t size);              /* size: what was asked for; saves the allocator a look-up */

void *mem_try_alloc(size_t size) must_use;
void *mem_try_realloc(void *ptr, size_t size) must_use;   /* NULL: ptr is unchanged */

char *mem_strdup(const char *text) must_use;
void *mem_dup(const void *ptr, size_t len) must_use;      /* a copy with a NUL behind it */

/* Bytes really reserved for ptr; NULL gives 0. To use more than was asked for, ask for mem_good_size() at the start. */
size_t mem_usable(const void *ptr);
size_t mem_good_size(size_t size);                        /* what an allocation of `size` would reserve */

void mem_thread_init(void);
void mem_thread_exit(void);
/* Bytes held by the process, all threads; cheap, not exact to the byte while other threads allocate. */
size_t mem_used(void);

struct mem_stats {
    size_t allocated, active, resident, retained, muzzy; /* as the allocator sees them; 0 where it can't say */
};
void mem_stats_read(struct mem_stats *out);               /* slow: refreshes the allocator's statistics */
const char *mem_allocator_name(void);                     /* "jemalloc-5.3.0", "libc" */
void mem_purge(void);                                     /* gives free pages back to the system */
/* The allocator's own report; `write` is called with each piece of text. */
void mem_stats_text(void (*write)(void *arg, const char *text), void *arg);

#endif
