/* Bytes from outside as a listpack: validation reads nothing behind them, and what it accepts can be walked both ways,
 * searched and changed without breaking. Also for blocks whose size and end are made right, so that more of them get
 * past the header; byte 0 says so. */
#include "base/mem.h"
#include "ds/listpack.h"

#include <stdlib.h>

enum { HEADER_SIZE = 6 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
    if (!holds) abort();
}

struct seen {
    size_t len;
    uint64_t bytes;
};

static bool see(void *arg, struct listpack_value value, size_t index)
{
    struct seen *s = arg;
    must(index == s->len);
    s->len++;
    if (value.is_number) return true;
    for (size_t i = 0; i < value.text.len; i++) s->bytes += (uint8_t)value.text.ptr[i]; /* all of it can be read */
    return true;
}

static size_t walk(const struct listpack *lp)
{
    char scratch[NUM_I64_TEXT_MAX];
    size_t len = 0, back = 0;
    uint32_t before = 0, first = listpack_first(lp);
    for (uint32_t pos = first; pos != 0; pos = listpack_next(lp, pos), len++) {
        struct slice text = listpack_text(lp, pos, scratch);
        must(listpack_prev(lp, pos) == before);
        must(listpack_equals(lp, pos, text));
        if (len < 100) {
            uint32_t found = listpack_find(lp, first, text, 0);
            must(found != 0 && found <= pos && listpack_seek(lp, (int64_t)len) == pos);
        }
        before = pos;
    }
    for (uint32_t pos = listpack_last(lp); pos != 0; pos = listpack_prev(lp, pos)) back++;
    must(len == back && len == listpack_len(lp));
    return len;
}

static void change(struct listpack *lp, size_t len, uint8_t choice)
{
    uint32_t pos = listpack_seek(lp, (int64_t)(choice % (len + 1)));
    if (pos != 0) lp = listpack_delete(lp, pos);
    if (pos != 0) len--;
    lp = listpack_append(listpack_prepend(lp, SLICE("first")), SLICE("-1234"));
    lp = listpack_replace(lp, listpack_seek(lp, choice % 2), SLICE("replaced"));
    listpack_check(lp);
    must(walk(lp) == len + 2);
    listpack_free(lp);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1) return 0;
    bool repair = data[0] & 1;
    uint8_t choice = data[0] >> 1;
    struct seen seen = {0, 0};
    size_t len = size - 1;
    uint8_t *bytes = malloc(len + (len == 0)); /* of its own, so that the sanitizer sees a read behind it */
    memcpy(bytes, data + 1, len);
    if (repair && len > HEADER_SIZE) {
        uint32_t size32 = (uint32_t)len;
        memcpy(bytes, &size32, sizeof size32);
        memset(bytes + 4, 0xff, 2);
        bytes[len - 1] = 0xff;
    }
    struct slice block = slice_of(bytes, len);
    bool shallow = listpack_validate(block, false, NULL, NULL);
    bool deep = listpack_validate(block, true, see, &seen);
    must(shallow || !deep);
    if (deep) {
        struct listpack *lp = listpack_from_bytes(block);
        listpack_check(lp);
        must(walk(lp) == seen.len);
        change(lp, seen.len, choice);
    }
    free(bytes);
    return 0;
}
