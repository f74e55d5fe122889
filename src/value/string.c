/* Strings: three encodings inside the record.
 *
 *   INT     canonical decimal text of 64 bits, stored in 1, 2, 4 or 8 bytes: as many as the size class has for nothing
 *   INLINE  the bytes themselves, up to RECORD_INLINE_MAX
 *   BLOB    a pointer to a blob; more than RECORD_INLINE_MAX bytes when it is made, but it stays one when it gets
 * shorter
 *
 * A blob may be shared with output buffers, with copies of the key, with other threads: before a change in place a
 * shared one is copied. What grows in place gets room ahead (blob_room), so that a thousand APPENDs copy a few times
 * and not a thousand. */
#include "value/string.h"

#include "base/mem.h"
#include "base/num.h"
#include "value/record_impl.h"
#include "value/value_ops.h"

enum encoding { ENC_INT, ENC_INLINE, ENC_BLOB };
enum {
    INT_TEXT_MAX = 20,
    ROOM_STEP = 1024 * 1024, /* up to here room doubles, from here it grows by this or an eighth */
};
_Static_assert((int)STRING_SCRATCH >= (int)NUM_I64_TEXT_MAX, "an integer's text fits the scratch");

/* ---- integers ---- */

static inline size_t int_width(int64_t v)
{
    if (v == (int8_t)v) return 1;
    if (v == (int16_t)v) return 2;
    return v == (int32_t)v ? 4 : 8;
}

static inline int64_t int_load(const char *at, size_t width)
{
    int8_t a;
    int16_t b;
    int32_t c;
    int64_t d;
    switch (width) {
    case 1: memcpy(&a, at, 1); return a;
    case 2: memcpy(&b, at, 2); return b;
    case 4: memcpy(&c, at, 4); return c;
    default: memcpy(&d, at, 8); return d;
    }
}

static inline void int_store(char *at, size_t width, int64_t v)
{
    switch (width) {
    case 1: memcpy(at, &(int8_t){(int8_t)v}, 1); break;
    case 2: memcpy(at, &(int16_t){(int16_t)v}, 2); break;
    case 4: memcpy(at, &(int32_t){(int32_t)v}, 4); break;
    default: memcpy(at, &v, 8); break;
    }
}

/* The widest integer that costs no more than the narrowest that holds v, so that counting up stays in place. `base`:
 * the record's other bytes. */
static size_t int_width_for(size_t base, int64_t v)
{
    size_t room = mem_good_size(base + int_width(v)) - base;
    return room >= 8 ? 8 : room >= 4 ? 4 : room >= 2 ? 2 : 1;
}

static inline bool slice_is_int(struct slice value, int64_t *out)
{
    return value.len - 1 < INT_TEXT_MAX && (unsigned char)value.ptr[0] <= '9' && slice_to_i64(value, out) == ST_OK;
}

/* ---- what a record holds ---- */

static inline bool is_string(const struct record *r)
{
    return record_type(r) == TYPE_STRING;
}

static inline int64_t int_of(const struct record *r)
{
    return int_load(record_value_const(r), r->value_len);
}

/* What hangs off the value and has to go when the value is replaced: a blob, or nothing. */
static inline bool is_plain(const struct record *r)
{
    return is_string(r) && record_encoding(r) != ENC_BLOB;
}

struct slice string_view(const struct record *r, char scratch[STRING_SCRATCH])
{
    assert(is_string(r));
    switch (record_encoding(r)) {
    case ENC_INLINE: return slice_of(record_value_const(r), r->value_len);
    case ENC_INT: return slice_of(scratch, (size_t)i64_to_text(scratch, int_of(r)));
    default: return blob_slice(record_object(r));
    }
}

bool string_int(const struct record *r, int64_t *out)
{
    assert(is_string(r));
    if (record_encoding(r) != ENC_INT) return false;
    *out = int_of(r);
    return true;
}

struct blob *string_blob(const struct record *r)
{
    assert(is_string(r));
    return record_encoding(r) == ENC_BLOB ? record_object(r) : NULL;
}

size_t string_len(const struct record *r)
{
    char scratch[STRING_SCRATCH];
    return string_view(r, scratch).len;
}

enum string_encoding string_encoding(const struct record *r)
{
    assert(is_string(r));
    if (record_encoding(r) == ENC_INT) return STRING_INT;
    bool is_short = record_encoding(r) == ENC_INLINE && r->value_len <= STRING_EMBSTR_MAX;
    return is_short && !(r->flags & RECORD_RAW) ? STRING_EMBSTR : STRING_RAW;
}

/* ---- new records ---- */

struct record *string_new_int(struct slice key, int64_t value)
{
    size_t prefix = key.len >= RECORD_KEY_LONG ? sizeof(uint32_t) : 0;
    size_t width = int_width_for(RECORD_HEADER + prefix + key.len, value);
    struct record *r = record_new(key, TYPE_STRING, ENC_INT, width);
    if (likely(r != NULL)) int_store(record_value(r), width, value);
    return r;
}

static struct record *new_blob(struct slice key, struct blob *owned_blob)
{
    struct record *r = record_new_object(key, TYPE_STRING, ENC_BLOB, owned_blob);
    if (unlikely(r == NULL)) blob_unref(owned_blob);
    return r;
}

static struct blob *blob_of(struct slice bytes)
{
    struct blob *blob = blob_try_new(bytes.len, bytes.len);
    if (likely(blob != NULL)) memcpy(blob_bytes_mut(blob), bytes.ptr, bytes.len);
    return blob;
}

struct record *string_new_text(struct slice key, struct slice value)
{
    if (unlikely(value.len > RECORD_INLINE_MAX)) {
        struct blob *blob = blob_of(value);
        return blob != NULL ? new_blob(key, blob) : NULL;
    }
    struct record *r = record_new(key, TYPE_STRING, ENC_INLINE, value.len);
    if (likely(r != NULL) && value.len > 0) memcpy(record_value(r), value.ptr, value.len);
    return r;
}

struct record *string_new(struct slice key, struct slice value)
{
    int64_t number;
    return slice_is_int(value, &number) ? string_new_int(key, number) : string_new_text(key, value);
}

struct record *string_new_blob(struct slice key, struct blob *owned_blob)
{
    struct slice bytes = blob_slice(owned_blob);
    if (bytes.len > RECORD_INLINE_MAX) return new_blob(key, owned_blob);
    struct record *r = string_new(key, bytes);
    blob_unref(owned_blob);
    return r;
}

/* ---- new values ---- */

/* Room for a value of another encoding and length; what hung off the old one is freed. NULL: out of memory, all is as
 * it was. */
static struct record *replace_value(struct record *owned_r, enum encoding encoding, size_t value_len, bool keep_expire)
{
    if (likely(is_plain(owned_r))) return record_reshape(owned_r, TYPE_STRING, encoding, value_len, 0, keep_expire);
    /* The old value may go only when the new shape stands, and then its pointer is overwritten: a record without key
     * keeps it. */
    union {
        struct record head;
        char bytes[RECORD_HEADER + RECORD_POINTER];
    } old = {.head = {.tag = owned_r->tag, .value_len = RECORD_POINTER}};
    record_set_object(&old.head, record_object(owned_r));
    struct record *r = record_reshape(owned_r, TYPE_STRING, encoding, value_len, 0, keep_expire);
    if (likely(r != NULL)) record_free_value(&old.head);
    return r;
}

static struct record *put_blob(struct record *owned_r, struct blob *owned_blob, bool keep_expire)
{
    struct record *r = replace_value(owned_r, ENC_BLOB, RECORD_POINTER, keep_expire);
    if (likely(r != NULL)) {
        record_set_object(r, owned_blob);
    } else {
        blob_unref(owned_blob);
    }
    return r;
}

struct record *string_put_int(struct record *owned_r, int64_t value, bool keep_expire)
{
    struct record *r = owned_r;
    /* The path of INCR: the width is there already. */
    bool fits = is_string(r) && record_encoding(r) == ENC_INT && int_width(value) <= r->value_len;
    if (!fits || (!keep_expire && (r->flags & RECORD_HAS_EXPIRE))) {
        size_t expire_size = keep_expire ? record_expire_size(r->flags) : 0;
        size_t width = int_width_for(RECORD_HEADER + expire_size + record_key_size(r), value);
        r = replace_value(r, ENC_INT, width, keep_expire);
        if (unlikely(r == NULL)) return NULL;
    }
    int_store(record_value(r), r->value_len, value);
    return r;
}

struct record *string_put_text(struct record *owned_r, struct slice value, bool keep_expire)
{
    if (unlikely(value.len > RECORD_INLINE_MAX)) {
        struct blob *blob = blob_of(value);
        return blob != NULL ? put_blob(owned_r, blob, keep_expire) : NULL;
    }
    struct record *r = replace_value(owned_r, ENC_INLINE, value.len, keep_expire);
    if (likely(r != NULL) && value.len > 0) memcpy(record_value(r), value.ptr, value.len);
    return r;
}

struct record *string_put(struct record *owned_r, struct slice value, bool keep_expire)
{
    int64_t number;
    return slice_is_int(value, &number) ? string_put_int(owned_r, number, keep_expire)
                                        : string_put_text(owned_r, value, keep_expire);
}

struct record *string_put_blob(struct record *owned_r, struct blob *owned_blob, bool keep_expire)
{
    struct slice bytes = blob_slice(owned_blob);
    if (bytes.len > RECORD_INLINE_MAX) return put_blob(owned_r, owned_blob, keep_expire);
    struct record *r = string_put(owned_r, bytes, keep_expire);
    blob_unref(owned_blob);
    return r;
}

/* ---- changes in place ---- */

/* Capacity for a value that grows from old_len to len: a jump to more than twice gets what it asked for, a value that
 * creeps up gets room ahead. */
static size_t blob_room(size_t old_len, size_t len)
{
    if (len / 2 > old_len) return len;
    if (len < ROOM_STEP) return 2 * len;
    size_t ahead = len / 8 > ROOM_STEP ? len / 8 : ROOM_STEP;
    return len < SIZE_MAX - ahead ? len + ahead : len;
}

/* An unshared blob of len >= the old length in place of the record's, the bytes behind the old length unset. */
static bool blob_extend(struct record *r, size_t len)
{
    struct blob *blob = record_object(r);
    struct slice old = blob_slice(blob);
    if (blob_shared(blob)) {
        size_t cap = len > old.len ? blob_room(old.len, len) : len;
        struct blob *copy = blob_try_new(len, cap);
        if (copy == NULL && cap > len) copy = blob_try_new(len, len);
        if (copy == NULL) return false;
        memcpy(blob_bytes_mut(copy), old.ptr, old.len);
        blob_unref(blob);
        blob = copy;
    } else if (len > blob_cap(blob)) {
        struct blob *larger = blob_try_resize(blob, blob_room(old.len, len));
        if (larger == NULL) larger = blob_try_resize(blob, len);
        if (larger == NULL) return false;
        blob = larger;
    }
    if (len > old.len) blob_set_len(blob, len);
    record_set_object(r, blob);
    return true;
}

/* A value of len >= the old length as bytes that can be written, those behind the old length unset. NULL: out of
 * memory. */
static struct record *extend(struct record *owned_r, size_t len, char **bytes)
{
    struct record *r = owned_r;
    assert(is_string(r));
    if (record_encoding(r) != ENC_BLOB) {
        char scratch[STRING_SCRATCH];
        struct slice old = string_view(r, scratch);
        if (len <= RECORD_INLINE_MAX) {
            bool is_int = record_encoding(r) == ENC_INT;
            r = record_reshape(r, TYPE_STRING, ENC_INLINE, len, is_int ? 0 : old.len, true);
            if (unlikely(r == NULL)) return NULL;
            *bytes = record_value(r);
            if (is_int) memcpy(*bytes, old.ptr, old.len);
        } else {
            struct blob *blob = blob_try_new(len, blob_room(old.len, len));
            if (blob == NULL) return NULL;
            *bytes = blob_bytes_mut(blob);
            if (old.len > 0) memcpy(*bytes, old.ptr, old.len);
            r = put_blob(r, blob, true);
            if (unlikely(r == NULL)) return NULL;
        }
    } else {
        if (!blob_extend(r, len)) return NULL;
        *bytes = blob_bytes_mut(record_object(r));
    }
    r->flags |= RECORD_RAW;
    return r;
}

struct record *string_edit(struct record *owned_r, size_t len, char **bytes)
{
    size_t old_len = string_len(owned_r);
    if (len < old_len) len = old_len;
    struct record *r = extend(owned_r, len, bytes);
    if (likely(r != NULL) && len > old_len) memset(*bytes + old_len, 0, len - old_len);
    return r;
}

struct record *string_resize(struct record *owned_r, size_t len, char **bytes)
{
    struct record *r = string_edit(owned_r, len, bytes);
    if (unlikely(r == NULL) || string_len(r) == len) return r;
    if (record_encoding(r) == ENC_BLOB) {
        blob_set_len(record_object(r), len);
        return r;
    }
    struct record *cut = record_reshape(r, TYPE_STRING, ENC_INLINE, len, len, true);
    if (unlikely(cut == NULL)) return NULL;
    cut->flags |= RECORD_RAW;
    *bytes = record_value(cut);
    return cut;
}

struct record *string_write(struct record *owned_r, size_t offset, struct slice bytes)
{
    if (bytes.len == 0) return owned_r;
    size_t old_len = string_len(owned_r), end = offset + bytes.len;
    assert(end > offset);
    char *to;
    struct record *r = extend(owned_r, end > old_len ? end : old_len, &to);
    if (unlikely(r == NULL)) return NULL;
    if (offset > old_len) memset(to + old_len, 0, offset - old_len);
    memcpy(to + offset, bytes.ptr, bytes.len);
    return r;
}

struct record *string_append(struct record *owned_r, struct slice tail)
{
    size_t old_len = string_len(owned_r);
    char *to;
    struct record *r = extend(owned_r, old_len + tail.len, &to);
    if (likely(r != NULL) && tail.len > 0) memcpy(to + old_len, tail.ptr, tail.len);
    return r;
}

/* ---- the row of the type ---- */

static void string_ops_free(struct record *r)
{
    if (record_encoding(r) == ENC_BLOB) blob_unref(record_object(r));
}

static void string_ops_own(struct record *copy)
{
    if (record_encoding(copy) == ENC_BLOB) blob_ref(record_object(copy));
}

static size_t string_ops_mem(const struct record *r, size_t samples)
{
    (void)samples;
    return record_encoding(r) == ENC_BLOB ? blob_mem(record_object(r)) : 0;
}

static size_t string_ops_free_effort(const struct record *r)
{
    (void)r;
    return 1;
}

static const char *string_ops_encoding_name(const struct record *r)
{
    static const char *const names[] = {[STRING_INT] = "int", [STRING_EMBSTR] = "embstr", [STRING_RAW] = "raw"};
    return names[string_encoding(r)];
}

static void string_ops_check(const struct record *r)
{
    assert(record_encoding(r) <= ENC_BLOB);
    if (record_encoding(r) == ENC_INT) {
        assert(r->value_len == 1 || r->value_len == 2 || r->value_len == 4 || r->value_len == 8);
        assert(!(r->flags & RECORD_RAW));
    }
    if (record_encoding(r) == ENC_BLOB) assert(blob_slice(record_object(r)).len <= blob_cap(record_object(r)));
}

const struct value_ops string_ops = {
    .name = "string",
    .free = string_ops_free,
    .own = string_ops_own,
    .mem = string_ops_mem,
    .free_effort = string_ops_free_effort,
    .encoding_name = string_ops_encoding_name,
    .check = string_ops_check,
};
