/* Patterns of SORT: weight_*, object_*->field, #. */
#include "cmd/sort_pattern.h"

#include "value/hash.h"

_Static_assert((int)STRING_SCRATCH >= (int)NUM_I64_TEXT_MAX, "the scratch of a value serves strings and hashes");

/* The arrow counts only behind the star, and only with a field's name behind it. */
struct sort_pattern sort_pattern_parse(struct slice text)
{
    struct sort_pattern p = {.element = slice_eq(text, SLICE("#"))};
    const char *star = text.len > 0 ? memchr(text.ptr, '*', text.len) : NULL;
    p.constant = star == NULL;
    if (p.constant) return p;
    const char *end = text.ptr + text.len;
    p.before = slice_of(text.ptr, (size_t)(star - text.ptr));
    p.after = slice_of(star + 1, (size_t)(end - star - 1));
    const char *arrow = memmem(p.after.ptr, p.after.len, "->", 2);
    if (arrow != NULL && end - arrow > 2) {
        p.field = slice_of(arrow + 2, (size_t)(end - arrow - 2));
        p.after.len = (size_t)(arrow - p.after.ptr);
    }
    return p;
}

bool sort_pattern_find(struct ctx *ctx, const struct sort_pattern *pattern, struct slice element, struct buf *name,
                       struct sort_value *out)
{
    out->blob = NULL;
    if (pattern->element) {
        out->text = element;
        return true;
    }
    if (pattern->constant) return false;
    buf_clear(name);
    buf_append_slice(name, pattern->before);
    buf_append_slice(name, element);
    buf_append_slice(name, pattern->after);
    const struct record *r = ctx_find(ctx, ctx_key_of(ctx, buf_slice(name)), FOR_READ);
    if (r == NULL) return false;
    if (pattern->field.ptr != NULL)
        return record_type(r) == TYPE_HASH && hash_get(r, pattern->field, ctx->now_ms, out->scratch, &out->text);
    if (record_type(r) != TYPE_STRING) return false;
    out->blob = string_blob(r);
    out->text = string_view(r, out->scratch);
    return true;
}
