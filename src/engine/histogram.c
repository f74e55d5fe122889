/* Reading a latency histogram. */
#include "engine/histogram.h"

uint64_t histogram_cell_top_ns(uint32_t cell)
{
    uint32_t sub = 1u << HISTOGRAM_SUB_BITS;
    if (cell < sub)
        return ((uint64_t)cell + 1) * 64 - 1;
    uint32_t shift = (cell >> HISTOGRAM_SUB_BITS) - 1;
    uint64_t base = (uint64_t)(sub + (cell & (sub - 1)));
    return ((base + 1) << shift) * 64 - 1;
}

uint64_t histogram_percentile_ns(const struct histogram *h, double percent)
{
    if (h->count == 0)
        return 0;
    double want = (double)h->count * percent / 100.0;
    uint64_t need = (uint64_t)want;
    if ((double)need < want || need == 0)
        need++;
    uint64_t seen = 0;
    for (uint32_t i = 0; i < HISTOGRAM_CELLS; i++) {
        seen += h->cells[i];
        if (seen >= need) {
            uint64_t top = histogram_cell_top_ns(i);
            return top < h->max_ns ? top : h->max_ns;
        }
    }
    return h->max_ns;
}

uint64_t histogram_count_up_to_ns(const struct histogram *h, uint64_t ns)
{
    uint64_t n = 0;
    for (uint32_t i = 0; i < HISTOGRAM_CELLS && histogram_cell_top_ns(i) <= ns; i++)
        n += h->cells[i];
    return ns >= h->max_ns ? h->count : n;
}
