/* CONFIG SET: all or nothing.
 *
 * All pairs are assigned, then all are applied. A failure anywhere puts the old values back, in reverse order, and
 * applies again what had been applied. */
#include "engine/config_impl.h"

#include "base/mem.h"
#include "base/status.h"

#include <string.h>

static void say(struct buf *err, const char *text)
{
    buf_append(err, text, strlen(text));
}

struct change {
    struct config_entry *entry;
    const char *shown; /* as registered: name or alias */
    struct slice name, value;
    int64_t old_number;
    char *old_text;
    size_t old_len;
    bool changed;
};

static void change_refused(struct slice name, struct slice reason, struct buf *err)
{
    say(err, "ERR CONFIG SET failed (possibly related to argument '");
    buf_append_slice(err, name);
    say(err, "') - ");
    buf_append_slice(err, reason);
}

static const char *forbidden(const struct change *changes, int at, bool allow_protected)
{
    uint32_t flags = changes[at].entry->item->flags;
    if (flags & CONFIG_IMMUTABLE)
        return "can't set immutable config";
    if ((flags & CONFIG_PROTECTED) && !allow_protected)
        return "can't set protected config";
    for (int i = 0; i < at; i++)
        if (slice_eq_nocase(changes[i].name, changes[at].name))
            return "duplicate parameter";
    return NULL;
}

/* A value that lives outside (dir) is remembered as get shows it. */
static void change_remember(struct change *ch)
{
    struct buf shown = BUF_INIT;
    if (ch->entry->item->get != NULL)
        config_print(ch->entry, &shown);
    else
        buf_append(&shown, ch->entry->text, ch->entry->text_len);
    ch->old_number = ch->entry->number;
    ch->old_text = mem_dup(shown.data, shown.len);
    ch->old_len = shown.len;
    buf_deinit(&shown);
}

static void change_restore(struct change *ch)
{
    struct slice old = slice_of(ch->old_text, ch->old_len);
    struct buf ignored = BUF_INIT;
    ch->entry->number = ch->old_number;
    if (ch->entry->item->get != NULL)
        (void)config_assign(ch->entry, 1, &old, false, &ignored);
    else
        config_text_store(ch->entry, old);
    buf_deinit(&ignored);
}

static bool hook_ran_before(const struct change *changes, int at, const struct config_hook *hook)
{
    for (int i = 0; i < at; i++) {
        if (!changes[i].changed)
            continue;
        for (const struct config_hook *h = changes[i].entry->hooks; h != NULL; h = h->next)
            if (h->fn == hook->fn && h->arg == hook->arg)
                return true;
    }
    return false;
}

static bool apply_ran_before(const struct change *changes, int at)
{
    const struct config_entry *entry = changes[at].entry;
    for (int i = 0; i < at; i++)
        if (changes[i].changed && changes[i].entry->item->apply == entry->item->apply &&
            changes[i].entry->owner == entry->owner)
            return true;
    return false;
}

/* Applies the changes [0, count); *done says how far it came. */
static bool changes_apply(const struct change *changes, int count, int *done, struct buf *err)
{
    for (int i = 0; i < count; i++) {
        const struct config_entry *entry = changes[i].entry;
        *done = i;
        if (!changes[i].changed)
            continue;
        if (entry->item->apply != NULL && !apply_ran_before(changes, i) && !entry->item->apply(entry->owner, err))
            return false;
        for (const struct config_hook *h = entry->hooks; h != NULL; h = h->next)
            if (!hook_ran_before(changes, i, h) && !h->fn(h->arg, err))
                return false;
    }
    return true;
}

static bool changes_run(struct change *changes, int count, int *at, struct buf *err)
{
    int assigned = 0;
    bool ok = true, assigning = true;
    for (; ok && assigned < count; assigned++) {
        struct change *ch = &changes[assigned];
        *at = assigned;
        change_remember(ch);
        enum config_assign result = config_assign(ch->entry, 1, &ch->value, false, err);
        ok = result != CONFIG_REFUSED;
        ch->changed = result == CONFIG_CHANGED;
    }
    if (ok) {
        assigning = false;
        ok = changes_apply(changes, count, at, err);
    }
    if (!ok) {
        for (int i = assigned - 1; i >= 0; i--)
            change_restore(&changes[i]);
        struct buf ignored = BUF_INIT;
        int done;
        if (!assigning)
            (void)changes_apply(changes, *at + 1, &done, &ignored);
        buf_deinit(&ignored);
    }
    for (int i = 0; i < assigned; i++)
        mem_free(changes[i].old_text);
    return ok;
}

/* Looks the names up. False: err holds the whole error. */
static bool pairs_resolve(const struct config *c, const struct slice *pairs, struct change *changes, int count,
                          bool allow_protected, bool loading, struct buf *err)
{
    for (int i = 0; i < count; i++) {
        struct slice name = pairs[2 * i];
        const struct config_name *found = config_find(c, name);
        if (found == NULL || !config_is_value(found)) {
            say(err, "ERR Unknown option or number of arguments for CONFIG SET - '");
            buf_append_slice(err, name);
            buf_append_char(err, '\'');
            return false;
        }
        if (loading && (found->entry->item->flags & CONFIG_DENY_LOADING)) {
            buf_append_slice(err, status_text(ST_LOADING));
            return false;
        }
        changes[i] = (struct change){
            .entry = found->entry, .shown = found->name, .name = name, .value = pairs[2 * i + 1]};
        const char *reason = forbidden(changes, i, allow_protected);
        if (reason != NULL) {
            change_refused(name, slice_cstr(reason), err);
            return false;
        }
    }
    return true;
}

bool config_set(struct config *c, const struct slice *pairs, int count, bool allow_protected, bool loading,
                struct buf *err)
{
    int n = count / 2, at = 0;
    struct change *changes = mem_zalloc((size_t)n * sizeof(*changes) + 1);
    struct buf why = BUF_INIT;
    bool ok = pairs_resolve(c, pairs, changes, n, allow_protected, loading, err);
    if (ok) {
        ok = changes_run(changes, n, &at, &why);
        if (!ok)
            change_refused(slice_cstr(changes[at].shown), buf_slice(&why), err);
    }
    buf_deinit(&why);
    mem_free(changes);
    return ok;
}

bool config_set_internal(struct config *c, const char *name, struct slice value, struct buf *err)
{
    struct change ch = {.entry = config_entry_named(c, name), .name = slice_cstr(name), .value = value};
    int at;
    return changes_run(&ch, 1, &at, err);
}
