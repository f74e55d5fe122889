/* Error counters by code: a short array searched from the front, since a server sees a handful of codes. */
#include "engine/errorstats.h"

#include "base/mem.h"

void errorstats_add(struct errorstats *es, struct slice text)
{
    size_t len = 0;
    while (len < text.len && text.ptr[len] != ' ' && len < ERRORSTATS_CODE_MAX - 1)
        len++;
    if (es->entries == NULL)
        es->entries = mem_zalloc(sizeof(*es->entries) * ERRORSTATS_MAX);
    for (int i = 0; i < es->count; i++)
        if (slice_eq(slice_of(es->entries[i].code, es->entries[i].len), slice_of(text.ptr, len))) {
            es->entries[i].n++;
            return;
        }
    if (es->count == ERRORSTATS_MAX)
        return;
    struct errorstat *entry = &es->entries[es->count++];
    entry->len = (uint8_t)len;
    memcpy(entry->code, text.ptr, len);
    entry->n = 1;
}

void errorstats_reset(struct errorstats *es)
{
    if (es->entries != NULL)
        memset(es->entries, 0, sizeof(*es->entries) * ERRORSTATS_MAX);
    es->count = 0;
}

void errorstats_deinit(struct errorstats *es)
{
    mem_free(es->entries);
    es->entries = NULL;
    es->count = 0;
}
