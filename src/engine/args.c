/* Copies of arguments: the slices first, then all bytes behind them. */
#include "engine/args.h"

#include "base/mem.h"

struct args *args_copy(int argc, const struct slice *argv)
{
    size_t bytes = sizeof(struct args) + (size_t)argc * sizeof(struct slice);
    for (int i = 0; i < argc; i++)
        bytes += argv[i].len;
    struct args *a = mem_alloc(bytes);
    a->argc = argc;
    a->bytes = bytes;
    char *p = (char *)&a->argv[argc];
    for (int i = 0; i < argc; i++) {
        if (argv[i].len > 0)
            memcpy(p, argv[i].ptr, argv[i].len);
        a->argv[i] = slice_of(p, argv[i].len);
        p += argv[i].len;
    }
    return a;
}

void args_free(struct args *owned_a)
{
    if (owned_a != NULL)
        mem_free_sized(owned_a, owned_a->bytes);
}
