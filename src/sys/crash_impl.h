/* What the crash report asks of the processor and of the executable. */
#ifndef CAIRN_SYS_CRASH_IMPL_H
#define CAIRN_SYS_CRASH_IMPL_H

#include <stddef.h>
#include <stdint.h>
#include <ucontext.h>

struct crash_register {
    const char *name;
    int index;
};

const struct crash_register *crash_registers(size_t *count); /* count 0: this processor is not known */
uintptr_t crash_register_value(const ucontext_t *context, int index);
void *crash_program_counter(const ucontext_t *context); /* NULL: not known */

/* One line per address: the function, the distance from its start, the address. */
void crash_print_frames(int fd, void *const *frames, int count);

#endif
