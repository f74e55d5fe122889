/* What the variants of the allocator share. */
#ifndef CAIRN_BASE_MEM_IMPL_H
#define CAIRN_BASE_MEM_IMPL_H

#include "base/mem.h"

/* Reports the size that could not be had on standard error and aborts. Allocates nothing. */
noreturn_fn void mem_die(size_t size);

#endif
