/* XXH3 as libxxhash computes it. */
#include "base/xxh3.h"

#include <xxhash.h>

uint64_t xxh3(struct slice s)
{
    return XXH3_64bits(s.ptr, s.len);
}

void xxh3_hex(struct slice s, char hex[XXH3_HEX_LEN])
{
    uint64_t digest = xxh3(s);
    for (int i = XXH3_HEX_LEN; i-- > 0; digest >>= 4) hex[i] = "0123456789abcdef"[digest & 15];
}
