/* The one table of error texts; it is written in status.h. */
#include "base/status.h"

#include <assert.h>

struct slice status_text(enum status st)
{
#define STATUS_ROW(name, text) [name] = {text, sizeof(text) - 1},
    static const struct slice texts[ST_COUNT] = {STATUS_TABLE(STATUS_ROW)};
#undef STATUS_ROW
    assert((unsigned)st < ST_COUNT);
    return texts[st];
}
