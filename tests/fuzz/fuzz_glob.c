/* Glob patterns from any bytes: the first byte says where the pattern ends and whether case counts. Checked is what
 * must hold for every pattern: a star in front never spoils a match, a second one changes nothing, and a literal
 * matches itself and nothing else. */
#include "base/glob.h"

#include <stdlib.h>

enum { INPUT_MAX = 4096 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
    if (!holds) abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1 || size > INPUT_MAX) return 0;
    bool nocase = data[0] & 1;
    size_t split = (size - 1) * (data[0] >> 1) / 127;
    /* Copies of their own, so that the sanitizer sees a read behind either. */
    char *pattern = malloc(split + 2), *text = malloc(size - split);
    memcpy(pattern + 1, data + 1, split);
    memcpy(text, data + 1 + split, size - 1 - split);
    pattern[0] = '*';
    struct slice p = slice_of(pattern + 1, split), t = slice_of(text, size - 1 - split);
    bool matched = glob_match(p, t, nocase);
    bool floating = glob_match(slice_of(pattern, split + 1), t, nocase);
    must(floating || !matched);
    if (split > 0 && p.ptr[0] == '*') must(floating == matched);
    if (glob_is_literal(p)) {
        must(glob_match(p, p, nocase));
        must(matched == (nocase ? slice_eq_nocase(p, t) : slice_eq(p, t)));
    }
    free(pattern);
    free(text);
    return 0;
}
