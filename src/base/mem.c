/* The parts of memory handling that do not depend on the allocator. */
#include "base/mem.h"

#include "base/mem_impl.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void mem_die(size_t size)
{
    char text[96];
    int len = snprintf(text, sizeof text, "Out of memory: an allocation of %zu bytes failed\n", size);
    /* A failed write leaves nothing better to do than the abort that follows. */
    if (len > 0 && write(STDERR_FILENO, text, (size_t)len) < 0) abort();
    abort();
}

void *mem_dup(const void *ptr, size_t len)
{
    char *copy = mem_alloc(len + 1);
    if (len > 0) memcpy(copy, ptr, len);
    copy[len] = '\0';
    return copy;
}

char *mem_strdup(const char *text)
{
    return mem_dup(text, strlen(text));
}
