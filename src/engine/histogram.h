/* A latency histogram with bounded relative error: values in microseconds, 16 linear steps per power of two (error
 * below 6.25 %), up to about 68 s; larger ones count in the last cell. Adding is a few instructions. */
#ifndef CAIRN_ENGINE_HISTOGRAM_H
#define CAIRN_ENGINE_HISTOGRAM_H

#include <stdint.h>

enum { HISTOGRAM_SUB_BITS = 4, HISTOGRAM_CELLS = (37 - HISTOGRAM_SUB_BITS) << HISTOGRAM_SUB_BITS };

struct histogram {
    uint64_t count;
    uint64_t max_ns;
    uint32_t cells[HISTOGRAM_CELLS];
};

/* cells are in units of 1.024 us / 16 so that small latencies are told apart */
static inline uint32_t histogram_cell(uint64_t ns)
{
    uint64_t v = ns >> 6;
    if (v < (1u << HISTOGRAM_SUB_BITS))
        return (uint32_t)v;
    uint32_t high = 63 - (uint32_t)__builtin_clzll(v);
    uint32_t cell = ((high - HISTOGRAM_SUB_BITS + 1) << HISTOGRAM_SUB_BITS) +
                    (uint32_t)((v >> (high - HISTOGRAM_SUB_BITS)) & ((1u << HISTOGRAM_SUB_BITS) - 1));
    return cell < HISTOGRAM_CELLS ? cell : HISTOGRAM_CELLS - 1;
}

static inline void histogram_add(struct histogram *h, uint64_t ns)
{
    h->count++;
    if (ns > h->max_ns)
        h->max_ns = ns;
    h->cells[histogram_cell(ns)]++;
}

uint64_t histogram_cell_top_ns(uint32_t cell);                        /* the largest value that counts in a cell */
uint64_t histogram_percentile_ns(const struct histogram *h, double percent);
uint64_t histogram_count_up_to_ns(const struct histogram *h, uint64_t ns); /* values <= ns, to the cell's precision */

#endif
