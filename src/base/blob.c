/* One allocation: the header and the bytes behind it. */
#include "base/blob.h"

#include "base/mem.h"

#include <assert.h>
#include <stdatomic.h>

struct blob {
    atomic_uint refs;
    size_t len, cap;
    char bytes[];
};

static size_t blob_size(size_t cap)
{
    return cap > SIZE_MAX - sizeof(struct blob) ? SIZE_MAX : sizeof(struct blob) + cap;
}

static struct blob *blob_setup(struct blob *b, size_t len, size_t cap)
{
    assert(len <= cap);
    atomic_init(&b->refs, 1);
    b->len = len;
    b->cap = cap;
    return b;
}

struct blob *blob_new(size_t len, size_t cap)
{
    return blob_setup(mem_alloc(blob_size(cap)), len, cap);
}

struct blob *blob_try_new(size_t len, size_t cap)
{
    struct blob *b = mem_try_alloc(blob_size(cap));
    return b == NULL ? NULL : blob_setup(b, len, cap);
}

struct blob *blob_ref(struct blob *b)
{
    unsigned before = atomic_fetch_add_explicit(&b->refs, 1, memory_order_relaxed);
    assert(before > 0 && before < UINT32_MAX);
    (void)before;
    return b;
}

/* Release by each owner, acquire by the last: what others read of the bytes is over before they are freed. */
void blob_unref(struct blob *b)
{
    if (b == NULL) return;
    unsigned before = atomic_fetch_sub_explicit(&b->refs, 1, memory_order_acq_rel);
    assert(before > 0);
    if (before == 1) mem_free_sized(b, blob_size(b->cap));
}

bool blob_shared(const struct blob *b)
{
    return atomic_load_explicit(&((struct blob *)b)->refs, memory_order_acquire) > 1;
}

struct slice blob_slice(const struct blob *b)
{
    return slice_of(b->bytes, b->len);
}

char *blob_bytes_mut(struct blob *b)
{
    assert(!blob_shared(b));
    return b->bytes;
}

size_t blob_cap(const struct blob *b)
{
    return b->cap;
}

void blob_set_len(struct blob *b, size_t len)
{
    assert(!blob_shared(b));
    assert(len <= b->cap);
    b->len = len;
}

struct blob *blob_try_resize(struct blob *b, size_t cap)
{
    assert(!blob_shared(b));
    assert(b->len <= cap);
    struct blob *moved = mem_try_realloc(b, blob_size(cap));
    if (moved != NULL) moved->cap = cap;
    return moved;
}

size_t blob_mem(const struct blob *b)
{
    return mem_usable(b);
}
