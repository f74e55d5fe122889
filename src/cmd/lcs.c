/* Longest common subsequence.
 *
 * len(i, j) is the length for the first i bytes of a and the first j of b: 0 at the borders, one more than len(i-1,
 * j-1) where the bytes are equal, else the larger of its two neighbours. The way back from (a.len, b.len) takes equal
 * bytes diagonally, and otherwise goes up only if that is strictly better than going left: this decides which of
 * several solutions is found. */
#include "cmd/lcs.h"

#include "base/mem.h"

bool lcs_length(struct slice a, struct slice b, uint32_t *len)
{
    if (b.len > a.len) {
        struct slice t = a;
        a = b;
        b = t;
    }
    uint32_t *row = mem_try_alloc((b.len + 1) * sizeof(*row));
    if (row == NULL) return false;
    memset(row, 0, (b.len + 1) * sizeof(*row));
    for (size_t i = 0; i < a.len; i++) {
        uint32_t diagonal = 0; /* len(i, j) of the row before */
        for (size_t j = 0; j < b.len; j++) {
            uint32_t up = row[j + 1];
            if (a.ptr[i] == b.ptr[j])
                row[j + 1] = diagonal + 1;
            else if (row[j] > up)
                row[j + 1] = row[j];
            diagonal = up;
        }
    }
    *len = row[b.len];
    mem_free(row);
    return true;
}

static uint32_t *table_fill(struct slice a, struct slice b)
{
    size_t width = b.len + 1, cells;
    if (__builtin_mul_overflow(a.len + 1, width, &cells) || cells > SIZE_MAX / sizeof(uint32_t)) return NULL;
    uint32_t *table = mem_try_alloc(cells * sizeof(*table));
    if (table == NULL) return NULL;
    memset(table, 0, width * sizeof(*table));
    for (size_t i = 1; i <= a.len; i++) {
        const uint32_t *up = table + (i - 1) * width;
        uint32_t *row = table + i * width;
        row[0] = 0;
        for (size_t j = 1; j <= b.len; j++) {
            if (a.ptr[i - 1] == b.ptr[j - 1])
                row[j] = up[j - 1] + 1;
            else
                row[j] = up[j] > row[j - 1] ? up[j] : row[j - 1];
        }
    }
    return table;
}

/* The byte pair (i, j) belongs to the subsequence: it goes in front of the run that is being built, or begins another
 * one. */
static void run_extend(struct lcs *l, size_t *room, uint32_t i, uint32_t j)
{
    struct lcs_run *last = l->run_count > 0 ? &l->runs[l->run_count - 1] : NULL;
    if (last != NULL && last->a_start == i + 1 && last->b_start == j + 1) {
        last->a_start = i;
        last->b_start = j;
        last->len++;
        return;
    }
    if (l->run_count == *room) {
        *room = *room == 0 ? 16 : *room * 2;
        l->runs = mem_realloc(l->runs, *room * sizeof(*l->runs));
    }
    l->runs[l->run_count++] = (struct lcs_run){i, j, 1};
}

bool lcs_find(struct slice a, struct slice b, struct lcs *out)
{
    *out = (struct lcs){0};
    uint32_t *table = table_fill(a, b);
    if (table == NULL) return false;
    size_t width = b.len + 1, i = a.len, j = b.len, room = 0;
    out->len = table[i * width + j];
    while (i > 0 && j > 0) {
        if (a.ptr[i - 1] == b.ptr[j - 1]) {
            i--, j--;
            run_extend(out, &room, (uint32_t)i, (uint32_t)j);
        } else if (table[(i - 1) * width + j] > table[i * width + j - 1]) {
            i--;
        } else {
            j--;
        }
    }
    mem_free(table);
    return true;
}

void lcs_deinit(struct lcs *l)
{
    mem_free(l->runs);
    *l = (struct lcs){0};
}
