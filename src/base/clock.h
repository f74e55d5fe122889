/* Time sources, read by shells (loop, mains) and passed down as values. */
#ifndef CAIRN_BASE_CLOCK_H
#define CAIRN_BASE_CLOCK_H

#include <stdint.h>

uint64_t clock_wall_us(void); /* Unix time in microseconds */
uint64_t clock_mono_us(void); /* monotonic, arbitrary start */
uint64_t clock_mono_ns(void);

static inline uint64_t clock_wall_ms(void)
{
    return clock_wall_us() / 1000;
}

#endif
