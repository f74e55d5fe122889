/* Arguments that outlive their request: the one way to keep them. One allocation. */
#ifndef CAIRN_ENGINE_ARGS_H
#define CAIRN_ENGINE_ARGS_H

#include "base/compiler.h"
#include "base/slice.h"

struct args {
    int argc;
    size_t bytes;         /* of the whole allocation */
    struct slice argv[];  /* into this allocation */
};

struct args *args_copy(int argc, const struct slice *argv) must_use;
void args_free(struct args *owned_a);

#endif
