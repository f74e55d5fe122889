/* The codec of strings. A value that is encoded as an integer is written as one, whatever its size. */
#include "persist/rdb_value_impl.h"
#include "value/string.h"

static uint8_t string_codec_type(const struct record *r, int version)
{
    (void)r, (void)version;
    return RDB_STRING;
}

static void string_codec_write(struct rdb_writer *w, const struct record *r, uint8_t type)
{
    char scratch[STRING_SCRATCH];
    int64_t v;
    (void)type;
    if (string_int(r, &v))
        rdb_write_i64(w, v);
    else
        rdb_write_string(w, string_view(r, scratch));
}

struct record *rdb_string_read(struct rdb_reader *r, uint8_t type, struct slice key, const struct rdb_load *load)
{
    (void)type, (void)load;
    struct slice text;
    struct blob *blob;
    if (!rdb_read_view_or_blob(r, &r->spare, RECORD_INLINE_MAX + 1, &text, &blob)) return NULL;
    struct record *made = blob != NULL ? string_new_blob(key, blob) : string_new(key, text);
    if (made == NULL) (void)rdb_fail(r, "out of memory for a string of %zu bytes", text.len);
    return made;
}

const struct rdb_codec rdb_string_codec = {.type = string_codec_type, .write = string_codec_write};
