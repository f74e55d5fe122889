/* XXH3, 64 bits: the digest of strings that DIGEST and its like tell to users. Not keyed, so not for tables. */
#ifndef CAIRN_BASE_XXH3_H
#define CAIRN_BASE_XXH3_H

#include "base/slice.h"

enum { XXH3_HEX_LEN = 16 };

uint64_t xxh3(struct slice s);
void xxh3_hex(struct slice s, char hex[XXH3_HEX_LEN]); /* lower case, no NUL */

#endif
