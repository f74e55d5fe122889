/* Perfect hashing of command names by hash and displace (Belazzougui, Botelho, Dietzfelbinger, "Hash, displace, and
 * compress", 2009).
 *
 *     name --words--> a, b --hash--> h:  shift[h & bucket_mask] = d,  slot[(h >> 32 ^ d) & slot_mask]
 *
 * Words. A name of up to 16 bytes lies completely in two 64-bit words that are loaded without a loop and may overlap:
 * the first and last 8 bytes, or the first and last 4, or 3 single ones. Together with the length they determine the
 * name, so comparing them is comparing the name; upper case is folded in all 8 bytes of a word at once. Longer names
 * (old ones of geo, names that a user gave) have their middle mixed into the hash and compared behind that.
 *
 * Subcommands lie in the same table; the id of their container is part of what is hashed and compared.
 *
 * Building tries seeds until each bucket (largest first) finds a displacement that puts all its names into free slots.
 * With a quarter to half of the slots filled that takes a few seeds, together well under a millisecond; it is done at
 * start and for each rename-command.
 *
 * Rejected: a switch on length and letters made at build time (needs a generator, and renames need a second way), and
 * open addressing (as fast for hits at this load, but a miss or an unlucky hit costs more lines). */
#include "engine/command_lookup.h"

#include "base/mem.h"

#include <assert.h>
#include <stdlib.h>

enum {
    NO_PARENT = 0xFFFF, /* above every id */
    ENTRIES_MAX = 0x8000, /* so that a displacement fits 16 bits */
    SEEDS_MAX = 1000    /* one in three or better works; so many failures are two equal names */
};

#define SLOT_FREE UINT32_MAX /* no name is so long */

struct slot {
    uint64_t a, b;
    uint32_t len;
    uint32_t parent; /* id, or NO_PARENT */
    const struct command_entry *entry;
};

struct command_index {
    struct slot *slots;
    uint16_t *shift; /* displacement of each bucket */
    uint64_t seed;
    uint32_t slot_mask, bucket_mask;
    unsigned count;
    struct command_entry *entries;
    char **new_names; /* per entry: owned copy of a name that a rename gave, or NULL */
};

struct words {
    uint64_t a, b;
};

static inline uint64_t load64(const char *p)
{
    uint64_t v;
    memcpy(&v, p, sizeof v);
    return v;
}

static inline uint64_t load32(const char *p)
{
    uint32_t v;
    memcpy(&v, p, sizeof v);
    return v;
}

/* Lower case of the 8 bytes of a word; only A to Z change. A byte's top bit tells after an addition whether it was >= a
 * bound. */
static inline uint64_t fold(uint64_t v)
{
    const uint64_t ones = 0x0101010101010101u;
    uint64_t low = v & (0x7F * ones);
    uint64_t from_a = low + (0x80 - 'A') * ones;
    uint64_t behind_z = low + (0x7F - 'Z') * ones;
    uint64_t upper = from_a & ~behind_z & ~v & (0x80 * ones);
    return v | upper >> 2;
}

static inline struct words words_of(struct slice name)
{
    const char *p = name.ptr;
    size_t n = name.len;
    struct words w = {0, 0};
    if (n >= 8) {
        w.a = fold(load64(p));
        w.b = fold(load64(p + n - 8));
    } else if (n >= 4) {
        w.a = fold(load32(p) | load32(p + n - 4) << 32);
    } else if (n > 0) {
        w.a = fold((uint8_t)p[0] | (uint64_t)(uint8_t)p[n / 2] << 8 | (uint64_t)(uint8_t)p[n - 1] << 16);
    }
    return w;
}

static inline uint64_t mix(uint64_t x, uint64_t y)
{
    unsigned __int128 product = (unsigned __int128)x * y;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

/* The bytes that words_of() does not see, of a name longer than 16. */
static uint64_t middle_hash(struct slice name)
{
    uint64_t h = name.len;
    for (size_t i = 8; i < name.len - 8; i += 8) h = mix(h ^ fold(load64(name.ptr + i)), 0x9E3779B97F4A7C15u);
    return h;
}

static bool middle_equal(struct slice x, struct slice y)
{
    for (size_t i = 8; i < x.len - 8; i += 8)
        if (fold(load64(x.ptr + i)) != fold(load64(y.ptr + i))) return false;
    return true;
}

static inline uint64_t name_hash(uint64_t seed, struct words w, struct slice name, uint32_t parent)
{
    uint64_t h = mix(w.a ^ seed, w.b ^ 0x8EBC6AF09C88C6E3u);
    if (unlikely(name.len > 16)) h ^= middle_hash(name);
    return mix(h ^ (uint64_t)parent << 32 ^ name.len, 0xD6E8FEB86659FD93u);
}

static inline bool slot_holds(const struct slot *slot, struct words w, struct slice name, uint32_t parent)
{
    if (slot->a != w.a || slot->b != w.b || slot->len != name.len || slot->parent != parent) return false;
    return likely(name.len <= 16) || middle_equal(slot->entry->name, name);
}

static inline const struct command_entry *find(const struct command_index *idx, struct slice name, uint32_t parent)
{
    struct words w = words_of(name);
    uint64_t h = name_hash(idx->seed, w, name, parent);
    const struct slot *slot = &idx->slots[((uint32_t)(h >> 32) ^ idx->shift[h & idx->bucket_mask]) & idx->slot_mask];
    return slot_holds(slot, w, name, parent) ? slot->entry : NULL;
}

static uint32_t parent_id(const struct command_entry *entry)
{
    return entry->parent == NULL ? NO_PARENT : entry->parent->id;
}

/* ---- building ---- */

struct item {
    const struct command_entry *entry;
    uint64_t hash;
    uint32_t bucket, bucket_size;
};

static int item_order(const void *x, const void *y)
{
    const struct item *a = x, *b = y;
    if (a->bucket_size != b->bucket_size) return a->bucket_size > b->bucket_size ? -1 : 1;
    return (a->bucket > b->bucket) - (a->bucket < b->bucket);
}

static struct slot *item_slot(struct command_index *idx, const struct item *item, uint32_t shift)
{
    return &idx->slots[((uint32_t)(item->hash >> 32) ^ shift) & idx->slot_mask];
}

/* Puts the items of one bucket into free slots; false: no displacement does that. */
static bool bucket_place(struct command_index *idx, const struct item *items, unsigned n)
{
    for (uint32_t shift = 0; shift <= idx->slot_mask; shift++) {
        unsigned placed = 0;
        for (; placed < n; placed++) {
            const struct command_entry *entry = items[placed].entry;
            struct slot *slot = item_slot(idx, &items[placed], shift);
            if (slot->len != SLOT_FREE) break;
            struct words w = words_of(entry->name);
            *slot = (struct slot){w.a, w.b, (uint32_t)entry->name.len, parent_id(entry), entry};
        }
        if (placed == n) {
            idx->shift[items[0].bucket] = (uint16_t)shift;
            return true;
        }
        while (placed > 0) item_slot(idx, &items[--placed], shift)->len = SLOT_FREE;
    }
    return false;
}

static bool seed_try(struct command_index *idx, struct item *items, uint64_t seed)
{
    unsigned n = 0;
    idx->seed = seed;
    for (uint32_t i = 0; i <= idx->slot_mask; i++) idx->slots[i].len = SLOT_FREE;
    memset(idx->shift, 0, (idx->bucket_mask + 1) * sizeof *idx->shift);
    for (unsigned i = 0; i < idx->count; i++) {
        const struct command_entry *entry = &idx->entries[i];
        if (entry->name.len == 0) continue;
        uint64_t hash = name_hash(seed, words_of(entry->name), entry->name, parent_id(entry));
        uint32_t bucket = hash & idx->bucket_mask;
        items[n++] = (struct item){entry, hash, bucket, 0};
        idx->shift[bucket]++; /* counts for now */
    }
    for (unsigned i = 0; i < n; i++) items[i].bucket_size = idx->shift[items[i].bucket];
    qsort(items, n, sizeof *items, item_order);
    for (unsigned i = 0; i < n; i += items[i].bucket_size)
        if (!bucket_place(idx, &items[i], items[i].bucket_size)) return false;
    return true;
}

static void index_hash(struct command_index *idx)
{
    struct item *items = mem_alloc(idx->count * sizeof *items);
    bool done = false;
    for (uint64_t attempt = 1; !done && attempt <= SEEDS_MAX; attempt++)
        done = seed_try(idx, items, mix(attempt, 0xA0761D6478BD642Fu));
    mem_free(items);
    assert(done && "a command is declared twice");
    if (!done) abort();
}

static unsigned table_count(const struct command *table)
{
    unsigned n = 0;
    while (table[n].name != NULL) n++;
    return n;
}

static struct command_entry *entry_add(struct command_index *idx, const struct command *cmd,
                                       struct command_entry *parent)
{
    struct command_entry *entry = &idx->entries[idx->count];
    struct slice full = slice_cstr(cmd->name);
    size_t skip = parent == NULL ? 0 : parent->full_name.len + 1;
    assert(parent == NULL || (full.len > skip && full.ptr[skip - 1] == '|'));
    *entry = (struct command_entry){.command = cmd, .parent = parent, .id = (uint16_t)idx->count, .full_name = full,
                                    .name = slice_of(full.ptr + skip, full.len - skip)};
    idx->count++;
    return entry;
}

struct command_index *command_index_new(const struct command *const *tables, size_t n)
{
    unsigned total = 0;
    for (size_t t = 0; t < n; t++) {
        for (const struct command *cmd = tables[t]; cmd->name != NULL; cmd++)
            total += 1 + (cmd->subcommands == NULL ? 0 : table_count(cmd->subcommands));
    }
    assert(total <= ENTRIES_MAX);

    struct command_index *idx = mem_zalloc(sizeof *idx);
    idx->entries = mem_alloc(total * sizeof *idx->entries);
    idx->new_names = mem_zalloc(total * sizeof *idx->new_names);
    for (size_t t = 0; t < n; t++) {
        for (const struct command *cmd = tables[t]; cmd->name != NULL; cmd++) {
            struct command_entry *entry = entry_add(idx, cmd, NULL);
            if (cmd->subcommands == NULL) continue;
            for (const struct command *sub = cmd->subcommands; sub->name != NULL; sub++, entry->subcommand_count++)
                entry_add(idx, sub, entry);
        }
    }
    assert(idx->count == total);

    uint32_t slots = 8;
    while (slots < 2 * total) slots *= 2;
    idx->slot_mask = slots - 1;
    idx->bucket_mask = slots / 2 - 1;
    idx->slots = mem_alloc_aligned(64, slots * sizeof *idx->slots);
    idx->shift = mem_alloc(slots / 2 * sizeof *idx->shift);
    index_hash(idx);
    return idx;
}

void command_index_free(struct command_index *idx)
{
    if (idx == NULL) return;
    for (unsigned i = 0; i < idx->count; i++) mem_free(idx->new_names[i]);
    mem_free(idx->new_names);
    mem_free(idx->entries);
    mem_free(idx->slots);
    mem_free(idx->shift);
    mem_free(idx);
}

enum command_rename_result command_index_rename(struct command_index *idx, struct slice name, struct slice new_name)
{
    const struct command_entry *found = command_index_find(idx, name);
    if (found == NULL) return COMMAND_RENAME_NO_SUCH;
    const struct command_entry *other = command_index_find(idx, new_name);
    if (other != NULL && other != found) return COMMAND_RENAME_EXISTS;
    unsigned id = found->id;
    mem_free(idx->new_names[id]);
    idx->new_names[id] = new_name.len == 0 ? NULL : mem_dup(new_name.ptr, new_name.len);
    idx->entries[id].name = slice_of(idx->new_names[id], new_name.len);
    index_hash(idx);
    return COMMAND_RENAMED;
}

/* ---- asking ---- */

unsigned command_index_count(const struct command_index *idx)
{
    return idx->count;
}

struct command_entry *command_index_at(struct command_index *idx, unsigned id)
{
    assert(id < idx->count);
    return &idx->entries[id];
}

const struct command_entry *command_index_entry(const struct command_index *idx, unsigned id)
{
    assert(id < idx->count);
    return &idx->entries[id];
}

const struct command_entry *command_index_find(const struct command_index *idx, struct slice name)
{
    return find(idx, name, NO_PARENT);
}

const struct command_entry *command_index_find_sub(const struct command_index *idx,
                                                   const struct command_entry *container, struct slice name)
{
    return find(idx, name, container->id);
}

const struct command_entry *command_index_find_full(const struct command_index *idx, struct slice full_name)
{
    const char *bar = full_name.len == 0 ? NULL : memchr(full_name.ptr, '|', full_name.len);
    if (bar == NULL) return command_index_find(idx, full_name);
    size_t first = (size_t)(bar - full_name.ptr);
    const struct command_entry *container = command_index_find(idx, slice_of(full_name.ptr, first));
    if (container == NULL) return NULL;
    return command_index_find_sub(idx, container, slice_of(bar + 1, full_name.len - first - 1));
}

const struct command_entry *command_index_find_declared(const struct command_index *idx, struct slice name)
{
    struct words w = words_of(name);
    for (unsigned i = 0; i < idx->count; i++) {
        const struct command_entry *entry = &idx->entries[i];
        if (entry->parent != NULL || entry->full_name.len != name.len) continue;
        struct words own = words_of(entry->full_name);
        if (own.a == w.a && own.b == w.b && (name.len <= 16 || middle_equal(entry->full_name, name))) return entry;
    }
    return NULL;
}

const struct command_entry *command_index_resolve(const struct command_index *idx, const struct slice *argv, int argc,
                                                  const struct command_entry **container)
{
    const struct command_entry *entry = find(idx, argv[0], NO_PARENT);
    *container = NULL;
    if (likely(entry == NULL || entry->subcommand_count == 0 || argc < 2)) return entry;
    const struct command_entry *sub = find(idx, argv[1], entry->id);
    if (sub == NULL) *container = entry;
    return sub;
}
