/* Time sources, read by shells (loop, mains) and passed down as values. */
#ifndef CAIRN_BASE_CLOCK_H
#define CAIRN_BASE_CLOCK_H

#include <stdint.h>

uint64_t clock_wall_us(void); /* Unix time in microseconds */
uint64_t clock_mono_us(void); /* monotonic, arbitrary start */
uint64_t clock_mono_ns(void);

/* The processor's tick counter: the cheapest stop-watch. Its unit is calibrated by the user against clock_mono_us. */
static inline uint64_t clock_ticks(void)
{
#if defined(__x86_64__)
    return __builtin_ia32_rdtsc();
#elif defined(__aarch64__)
    uint64_t v;
    __asm__ volatile("mrs %0, cntvct_el0" : "=r"(v));
    return v;
#else
    return clock_mono_ns();
#endif
}

static inline uint64_t clock_wall_ms(void)
{
    return clock_wall_us() / 1000;
}

#endif
