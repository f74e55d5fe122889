/* One node of a long list: a listpack with room on both sides, one large element, or either compressed.
 *
 *      block: | gap | header entry entry ... end | free |        room bytes in all
 *
 * A listpack alone is cheap to change at its end only; a node is cheap at both. Elements are prepended into the gap and
 * leave it behind when they go from the front, so that a queue, in whichever direction it runs, moves no bytes. What
 * works on listpacks elsewhere (insert, delete, split) gets it moved to the start of the block first.
 *
 * Room grows by doubling up to room_max, which leaves a filled node without slack. A block that is full only because
 * of its gap is slid, if that yields a quarter of its content for the pushes to come; else it grows beyond. */
#include "value/list_impl.h"

#include "base/mem.h"

#include <assert.h>
#include <liblzf/lzf.h>

enum {
    COMPRESS_MIN = 48,  /* smaller nodes stay as they are */
    COMPRESS_GAIN = 8,  /* bytes that compressing has to save at least */
    SHRINK_GAIN = 128,  /* room that is worth a reallocation */
};

static struct list_node *node_make(enum node_kind kind, void *block, size_t size, size_t count)
{
    struct list_node *n = mem_alloc(sizeof *n);
    *n = (struct list_node){.block = block, .size = size, .count = (uint32_t)count, .kind = (uint8_t)kind};
    return n;
}

struct list_node *node_new(size_t room, enum list_end filled_from)
{
    room = mem_good_size(room);
    assert(room >= LISTPACK_SIZE_EMPTY && room <= UINT32_MAX);
    char *block = mem_alloc(room);
    struct list_node *n = node_make(NODE_PACKED, block, LISTPACK_SIZE_EMPTY, 0);
    n->room = (uint32_t)room;
    n->gap = filled_from == LIST_HEAD ? n->room - LISTPACK_SIZE_EMPTY : 0;
    listpack_init(node_listpack(n));
    return n;
}

struct list_node *node_new_packed(struct listpack *owned_lp)
{
    struct list_node *n = node_make(NODE_PACKED, NULL, 0, listpack_len(owned_lp));
    node_close(n, owned_lp);
    return n;
}

struct list_node *node_new_plain(struct slice element)
{
    struct blob *blob = blob_new(element.len, element.len);
    if (element.len > 0) memcpy(blob_bytes_mut(blob), element.ptr, element.len);
    return node_new_blob(blob);
}

struct list_node *node_new_blob(struct blob *owned_element)
{
    return node_make(NODE_PLAIN, owned_element, blob_slice(owned_element).len, 1);
}

struct list_node *node_dup(const struct list_node *n)
{
    struct list_node *copy = node_make(n->kind, NULL, n->size, n->count);
    copy->lzf_size = n->lzf_size;
    copy->stubborn = n->stubborn;
    if (n->lzf_size != 0) {
        copy->block = mem_alloc(n->lzf_size);
        memcpy(copy->block, n->block, n->lzf_size);
    } else if (n->kind == NODE_PLAIN) {
        copy->block = blob_ref(n->block);
    } else {
        node_close(copy, listpack_dup(node_listpack(n)));
        copy->stubborn = n->stubborn;
    }
    return copy;
}

static void block_free(struct list_node *n)
{
    if (n->lzf_size == 0 && n->kind == NODE_PLAIN)
        blob_unref(n->block);
    else if (n->lzf_size == 0 && n->room != 0)
        mem_free_sized(n->block, n->room);
    else
        mem_free(n->block);
}

void node_free(struct list_node *owned_n)
{
    block_free(owned_n);
    mem_free_sized(owned_n, sizeof *owned_n);
}

/* ---- the listpack */

/* The content comes to stand `gap` bytes behind the start. */
static void node_slide(struct list_node *n, uint32_t gap)
{
    memmove((char *)n->block + gap, node_listpack(n), n->size);
    n->gap = gap;
}

struct listpack *node_open(struct list_node *n)
{
    assert(n->kind == NODE_PACKED && n->lzf_size == 0);
    if (n->gap > 0) node_slide(n, 0);
    n->stubborn = false;
    return node_listpack(n);
}

void node_close(struct list_node *n, struct listpack *lp)
{
    n->block = lp;
    n->gap = 0;
    n->room = (uint32_t)listpack_mem(lp);
    n->size = listpack_size(lp);
    n->count = (uint32_t)listpack_len(lp);
}

struct listpack *node_take_listpack(struct list_node *owned_n)
{
    node_decompress(owned_n);
    struct listpack *lp = listpack_shrink(node_open(owned_n));
    mem_free_sized(owned_n, sizeof *owned_n);
    return lp;
}

static void node_grow(struct list_node *n, size_t more, enum list_end end, size_t room_max)
{
    size_t need = n->size + more, room = 2 * (size_t)n->room;
    if (room > room_max) room = room_max;
    if (room < need + need / 4) room = need + need / 4;
    if (room > LISTPACK_SIZE_MAX + (size_t)64) room = need;
    room = mem_good_size(room);
    if (end == LIST_TAIL && n->gap == 0) {
        n->block = mem_realloc(n->block, room);
    } else {
        char *block = mem_alloc(room);
        uint32_t gap = end == LIST_HEAD ? (uint32_t)(room - n->size) : 0;
        memcpy(block + gap, node_listpack(n), n->size);
        mem_free_sized(n->block, n->room);
        n->block = block;
        n->gap = gap;
    }
    n->room = (uint32_t)room;
}

static void node_make_room(struct list_node *n, size_t more, enum list_end end, size_t room_max)
{
    size_t idle = n->room - n->size;
    if (idle < more || idle < n->size / 4) {
        node_grow(n, more, end, room_max);
        return;
    }
    size_t side = idle / 2 > more ? idle / 2 : more; /* for the end that asks */
    node_slide(n, (uint32_t)(end == LIST_HEAD ? side : idle - side));
}

void node_push(struct list_node *n, enum list_end end, const struct listpack_entry *e, size_t e_size, size_t room_max)
{
    assert(n->kind == NODE_PACKED && n->lzf_size == 0);
    if (end == LIST_HEAD) {
        if (unlikely(n->gap < e_size)) node_make_room(n, e_size, LIST_HEAD, room_max);
        (void)!listpack_put_first(node_listpack(n), e);
        n->gap -= (uint32_t)e_size;
    } else {
        if (unlikely(n->room - n->gap - n->size < e_size)) node_make_room(n, e_size, LIST_TAIL, room_max);
        listpack_put_last(node_listpack(n), e);
    }
    n->size += e_size;
    n->count++;
    n->stubborn = false;
}

void node_drop(struct list_node *n, enum list_end end, uint32_t count)
{
    assert(n->kind == NODE_PACKED && n->lzf_size == 0 && count < n->count);
    struct listpack *lp = node_listpack(n);
    if (end == LIST_HEAD) {
        lp = listpack_drop_first(lp, count);
        n->gap = (uint32_t)((char *)lp - (char *)n->block);
    } else {
        listpack_drop_last(lp, count);
    }
    n->size = listpack_size(lp);
    n->count -= count;
    n->stubborn = false;
}

void node_shrink(struct list_node *n)
{
    if (n->kind != NODE_PACKED || n->lzf_size != 0) return;
    size_t room = mem_good_size(n->size);
    if (n->room - room < SHRINK_GAIN || n->room <= room) return;
    if (n->gap > 0) node_slide(n, 0);
    n->block = mem_realloc(n->block, room);
    n->room = (uint32_t)room;
}

/* ---- compression */

void node_compress(struct list_node *n)
{
    if (n->lzf_size != 0 || n->stubborn || n->size < COMPRESS_MIN || n->size > UINT32_MAX) return;
    const void *raw = n->kind == NODE_PLAIN ? (const void *)blob_slice(n->block).ptr : node_listpack(n);
    void *out = mem_try_alloc(n->size);
    unsigned size = out == NULL ? 0 : lzf_compress(raw, (unsigned)n->size, out, (unsigned)n->size - COMPRESS_GAIN);
    if (size == 0) {
        mem_free(out);
        n->stubborn = true;
        return;
    }
    block_free(n);
    n->block = mem_realloc(out, size);
    n->lzf_size = size;
    n->gap = n->room = 0;
}

static void expand(const struct list_node *n, void *out)
{
    unsigned size = lzf_decompress(n->block, n->lzf_size, out, (unsigned)n->size);
    assert(size == n->size);
    (void)size;
}

void node_decompress(struct list_node *n)
{
    if (n->lzf_size == 0) return;
    void *block;
    if (n->kind == NODE_PLAIN) {
        block = blob_new(n->size, n->size);
        expand(n, blob_bytes_mut(block));
    } else {
        n->room = (uint32_t)mem_good_size(n->size);
        block = mem_alloc(n->room);
        expand(n, block);
    }
    mem_free(n->block);
    n->block = block;
    n->lzf_size = 0;
}

void node_view_open(struct node_view *view, const struct list_node *n)
{
    const void *raw = n->block;
    *view = (struct node_view){0};
    if (unlikely(n->lzf_size != 0)) {
        view->scratch = mem_alloc(n->size);
        expand(n, view->scratch);
        raw = view->scratch;
    }
    if (likely(n->kind == NODE_PACKED)) {
        view->lp = (const struct listpack *)((const char *)raw + n->gap);
        return;
    }
    view->blob = n->lzf_size != 0 ? NULL : n->block;
    view->element = view->blob != NULL ? blob_slice(view->blob) : slice_of(raw, n->size);
}

void node_view_close(struct node_view *view)
{
    mem_free(view->scratch);
}

/* ---- the rest */

size_t node_mem(const struct list_node *n)
{
    size_t own = mem_good_size(sizeof *n);
    if (n->lzf_size != 0) return own + mem_usable(n->block);
    return own + (n->kind == NODE_PLAIN ? blob_mem(n->block) : n->room);
}

void node_check(const struct list_node *n)
{
    struct node_view view;
    assert(n->count > 0 && n->kind <= NODE_PLAIN);
    assert(n->lzf_size == 0 || (n->gap == 0 && n->room == 0 && n->lzf_size + COMPRESS_GAIN <= n->size));
    node_view_open(&view, n);
    if (n->kind == NODE_PLAIN) {
        assert(n->count == 1 && n->size == view.element.len && n->gap == 0 && n->room == 0);
    } else {
        bool valid = listpack_validate(listpack_bytes(view.lp), true, NULL, NULL);
        assert(valid && listpack_size(view.lp) == n->size && listpack_len(view.lp) == n->count);
        assert(n->lzf_size != 0 || (n->gap + n->size <= n->room && n->room <= mem_usable(n->block)));
        (void)valid;
    }
    node_view_close(&view);
}
