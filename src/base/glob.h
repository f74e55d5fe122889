/* Redis's glob patterns: * ? [abc] [^abc] [a-z] \x. Work is bounded: a pattern of many stars cannot take exponential
 * time. */
#ifndef CAIRN_BASE_GLOB_H
#define CAIRN_BASE_GLOB_H

#include "base/slice.h"

bool glob_match(struct slice pattern, struct slice text, bool nocase);
bool glob_is_literal(struct slice pattern); /* no special character: equality is enough */

#endif
