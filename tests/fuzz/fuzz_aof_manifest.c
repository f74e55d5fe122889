/* Any bytes as the manifest of an append-only file: refused with a reason, or taken; what was taken is written so that
 * it is taken again as the same. */
#include "persist/aof_manifest.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct aof_manifest m, again;
    struct buf err = BUF_INIT, text = BUF_INIT, text2 = BUF_INIT;
    int line = -1;
    if (!aof_manifest_parse(&m, slice_of((const char *)data, size), &line, &err)) {
        if (err.len == 0 || line < 0) abort();
    } else {
        aof_manifest_format(&m, &text);
        if (text.len > 0) {
            if (!aof_manifest_parse(&again, buf_slice(&text), &line, &err)) abort();
            aof_manifest_format(&again, &text2);
            if (!slice_eq(buf_slice(&text), buf_slice(&text2))) abort();
            aof_manifest_deinit(&again);
        }
        (void)aof_manifest_add_base(&m, "x", true);
        (void)aof_manifest_add_increment(&m, "x");
        aof_manifest_increments_to_history(&m, 1);
        if (m.increment_count != 1) abort();
        aof_manifest_forget_history(&m);
    }
    aof_manifest_deinit(&m);
    buf_deinit(&err);
    buf_deinit(&text);
    buf_deinit(&text2);
    return 0;
}
