/* The registers at the time of a signal, per processor. */
#include "sys/crash_impl.h"

#include "base/compiler.h"

#if defined(__x86_64__)

static const struct crash_register registers[] = {
    {"RAX", REG_RAX}, {"RBX", REG_RBX}, {"RCX", REG_RCX}, {"RDX", REG_RDX}, {"RDI", REG_RDI}, {"RSI", REG_RSI},
    {"RBP", REG_RBP}, {"RSP", REG_RSP}, {"R8 ", REG_R8},  {"R9 ", REG_R9},  {"R10", REG_R10}, {"R11", REG_R11},
    {"R12", REG_R12}, {"R13", REG_R13}, {"R14", REG_R14}, {"R15", REG_R15}, {"RIP", REG_RIP}, {"EFL", REG_EFL},
    {"CSGSFS", REG_CSGSFS},
};

uintptr_t crash_register_value(const ucontext_t *context, int index)
{
    return (uintptr_t)context->uc_mcontext.gregs[index];
}

void *crash_program_counter(const ucontext_t *context)
{
    return (void *)context->uc_mcontext.gregs[REG_RIP];
}

#elif defined(__aarch64__)

enum { SP_INDEX = 31, PC_INDEX = 32 };

static const struct crash_register registers[] = {
    {"X0 ", 0}, {"X1 ", 1}, {"X2 ", 2}, {"X3 ", 3}, {"X4 ", 4}, {"X5 ", 5}, {"X6 ", 6}, {"X7 ", 7}, {"X8 ", 8},
    {"X16", 16}, {"X17", 17}, {"X18", 18}, {"X19", 19}, {"X20", 20}, {"X29", 29}, {"X30", 30},
    {"SP ", SP_INDEX}, {"PC ", PC_INDEX},
};

uintptr_t crash_register_value(const ucontext_t *context, int index)
{
    if (index == SP_INDEX) return (uintptr_t)context->uc_mcontext.sp;
    if (index == PC_INDEX) return (uintptr_t)context->uc_mcontext.pc;
    return (uintptr_t)context->uc_mcontext.regs[index];
}

void *crash_program_counter(const ucontext_t *context)
{
    return (void *)(uintptr_t)context->uc_mcontext.pc;
}

#else

static const struct crash_register registers[] = {{"", -1}};

uintptr_t crash_register_value(const ucontext_t *context, int index)
{
    (void)context;
    (void)index;
    return 0;
}

void *crash_program_counter(const ucontext_t *context)
{
    (void)context;
    return NULL;
}

#endif

const struct crash_register *crash_registers(size_t *count)
{
    *count = registers[0].index < 0 ? 0 : ARRAY_LEN(registers);
    return registers;
}
