/* The longest common subsequence of two byte strings, by dynamic programming. */
#ifndef CAIRN_CMD_LCS_H
#define CAIRN_CMD_LCS_H

#include "base/compiler.h"
#include "base/slice.h"

/* Only its length: O(a.len * b.len) time, two rows of b.len numbers. False: no memory. Lengths below UINT32_MAX. */
bool lcs_length(struct slice a, struct slice b, uint32_t *len) must_use;

/* A run of bytes that both have, at a_start in a and b_start in b. */
struct lcs_run {
    uint32_t a_start, b_start, len;
};

/* The subsequence itself as its runs, from the last to the first; which one of several equally long ones, and where
 * runs are cut, is as Redis has it. Takes a whole table: O(a.len * b.len) memory. False: no memory. */
struct lcs {
    uint32_t len;
    struct lcs_run *runs;
    size_t run_count;
};
bool lcs_find(struct slice a, struct slice b, struct lcs *out) must_use;
void lcs_deinit(struct lcs *l);

#endif
