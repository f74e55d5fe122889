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

/* One effect of the change: an item's apply or a hook. The applies of all items come before the hooks, which may read
 * what the applies made; each function runs once for the same argument. */
struct step {
    bool (*fn)(void *arg, struct buf *err);
    void *arg;
    int change; /* index of the pair that is blamed */
};

struct steps {
    struct step *at;
    int count, cap;
};

static void step_add(struct steps *s, bool (*fn)(void *arg, struct buf *err), void *arg, int change)
{
    for (int i = 0; i < s->count; i++)
        if (s->at[i].fn == fn && s->at[i].arg == arg)
            return;
    if (s->count == s->cap) {
        s->cap = s->cap == 0 ? 8 : s->cap * 2;
        s->at = mem_realloc(s->at, (size_t)s->cap * sizeof(*s->at));
    }
    s->at[s->count++] = (struct step){fn, arg, change};
}

static void steps_plan(struct steps *s, const struct change *changes, int count)
{
    for (int i = 0; i < count; i++)
        if (changes[i].changed && changes[i].entry->item->apply != NULL)
            step_add(s, changes[i].entry->item->apply, changes[i].entry->owner, i);
    for (int i = 0; i < count; i++)
        for (const struct config_hook *h = changes[i].entry->hooks; changes[i].changed && h != NULL; h = h->next)
            step_add(s, h->fn, h->arg, i);
}

static void changes_restore(struct change *changes, int count)
{
    for (int i = count - 1; i >= 0; i--)
        change_restore(&changes[i]);
}

/* Stores all values or none. *at: the pair that is blamed. */
static bool changes_assign(struct change *changes, int count, int *at, struct buf *err)
{
    for (int i = 0; i < count; i++) {
        struct change *ch = &changes[i];
        change_remember(ch);
        enum config_assign result = config_assign(ch->entry, 1, &ch->value, false, err);
        ch->changed = result == CONFIG_CHANGED;
        if (result == CONFIG_REFUSED) {
            *at = i;
            changes_restore(changes, i + 1);
            return false;
        }
    }
    return true;
}

/* Makes the stored values effective, or goes back: values first, then every step that had run, the failed one too. */
static bool changes_apply(struct change *changes, int count, int *at, struct buf *err)
{
    struct steps steps = {.at = NULL};
    steps_plan(&steps, changes, count);
    int run = 0;
    bool ok = true;
    while (ok && run < steps.count) {
        *at = steps.at[run].change;
        ok = steps.at[run].fn(steps.at[run].arg, err);
        run++;
    }
    if (!ok) {
        struct buf ignored = BUF_INIT;
        changes_restore(changes, count);
        for (int i = 0; i < run; i++)
            (void)steps.at[i].fn(steps.at[i].arg, &ignored);
        buf_deinit(&ignored);
    }
    mem_free(steps.at);
    return ok;
}

static bool changes_run(struct change *changes, int count, int *at, struct buf *err)
{
    bool ok = changes_assign(changes, count, at, err) && changes_apply(changes, count, at, err);
    for (int i = 0; i < count; i++)
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
