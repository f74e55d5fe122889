/* COMMAND: the command table as data. */
#include "base/glob.h"
#include "base/mem.h"
#include "engine/command_keys.h"
#include "engine/command_lookup.h"
#include "observe/observe_impl.h"
#include "observe/server_cmds.h"

#include <stdio.h>

static const struct command_index *index_of(const struct ctx *ctx)
{
    return engine_commands(ctx->engine);
}

static bool is_listed(const struct command_entry *entry)
{
    return entry->name.len > 0 && (entry->parent == NULL || entry->parent->name.len > 0);
}

static const struct command_entry *find_listed(const struct command_index *index, struct slice full_name)
{
    const struct command_entry *entry = command_index_find_full(index, full_name);
    return entry != NULL && is_listed(entry) ? entry : NULL;
}

static int64_t count_top(const struct command_index *index)
{
    int64_t n = 0;
    for (unsigned id = 0; id < command_index_count(index); id++) {
        const struct command_entry *entry = command_index_entry(index, id);
        n += entry->parent == NULL && is_listed(entry);
    }
    return n;
}

/* --- COMMAND INFO --- */

/* The words of the bits that are set, as a set of simple strings; those without a word are not told. */
static void reply_words(struct reply *reply, uint32_t bits, struct slice (*word)(unsigned index), const char *prefix)
{
    struct reply_mark mark = reply_defer(reply);
    int64_t n = 0;
    for (unsigned i = 0; i < 32; i++) {
        if (!(bits & 1u << i) || word(i).len == 0)
            continue;
        char text[64];
        int len = snprintf(text, sizeof(text), "%s%.*s", prefix, (int)word(i).len, word(i).ptr);
        reply_simple(reply, slice_of(text, (size_t)len));
        n++;
    }
    reply_defer_set(reply, mark, n);
}

static void reply_pair_int(struct reply *reply, const char *name, int64_t value)
{
    reply_bulk_cstr(reply, name);
    reply_int(reply, value);
}

static void reply_pair_text(struct reply *reply, const char *name, const char *text)
{
    reply_bulk_cstr(reply, name);
    reply_bulk_cstr(reply, text);
}

/* "type" and "spec" of one step of a key spec; the caller writes the spec's fields. */
static void reply_step(struct reply *reply, const char *step, const char *type, int64_t fields)
{
    reply_bulk_cstr(reply, step);
    reply_map(reply, 2);
    reply_pair_text(reply, "type", type);
    reply_bulk_cstr(reply, "spec");
    reply_map(reply, fields);
}

static void reply_key_spec(struct reply *reply, const struct key_spec *spec)
{
    reply_map(reply, spec->notes == NULL ? 3 : 4);
    if (spec->notes != NULL)
        reply_pair_text(reply, "notes", spec->notes);
    reply_bulk_cstr(reply, "flags");
    reply_words(reply, spec->flags, key_flag_word, "");
    switch (spec->begin) {
    case KEY_BEGIN_INDEX:
        reply_step(reply, "begin_search", "index", 1);
        reply_pair_int(reply, "index", spec->index);
        break;
    case KEY_BEGIN_KEYWORD:
        reply_step(reply, "begin_search", "keyword", 2);
        reply_pair_text(reply, "keyword", spec->keyword);
        reply_pair_int(reply, "startfrom", spec->start_from);
        break;
    default: reply_step(reply, "begin_search", "unknown", 0);
    }
    switch (spec->find) {
    case KEY_FIND_RANGE:
        reply_step(reply, "find_keys", "range", 3);
        reply_pair_int(reply, "lastkey", spec->range.last);
        reply_pair_int(reply, "keystep", spec->range.step);
        reply_pair_int(reply, "limit", spec->range.limit);
        break;
    case KEY_FIND_KEYNUM:
        reply_step(reply, "find_keys", "keynum", 3);
        reply_pair_int(reply, "keynumidx", spec->keynum.index);
        reply_pair_int(reply, "firstkey", spec->keynum.first);
        reply_pair_int(reply, "keystep", spec->keynum.step);
        break;
    default: reply_step(reply, "find_keys", "unknown", 0);
    }
}

static void reply_tips(struct reply *reply, const char *const *tips)
{
    int64_t n = 0;
    while (tips != NULL && tips[n] != NULL)
        n++;
    reply_set(reply, n);
    for (int64_t i = 0; i < n; i++)
        reply_bulk_cstr(reply, tips[i]);
}

static void reply_info(struct reply *reply, const struct command_index *index, const struct command_entry *entry)
{
    const struct command *cmd = entry->command;
    reply_array(reply, 10);
    reply_bulk(reply, entry->full_name);
    reply_int(reply, cmd->arity);
    reply_words(reply, cmd->flags, command_flag_word, "");
    reply_int(reply, cmd->first_key);
    reply_int(reply, cmd->last_key);
    reply_int(reply, cmd->key_step);
    reply_words(reply, cmd->acl, acl_category_word, "@");
    reply_tips(reply, cmd->tips);
    reply_set(reply, cmd->key_spec_count);
    for (int i = 0; i < cmd->key_spec_count; i++)
        reply_key_spec(reply, &cmd->key_specs[i]);
    reply_set(reply, entry->subcommand_count);
    for (unsigned i = 1; i <= entry->subcommand_count; i++)
        reply_info(reply, index, command_index_entry(index, entry->id + i));
}

void cmd_command(struct ctx *ctx)
{
    const struct command_index *index = index_of(ctx);
    reply_array(ctx->reply, count_top(index));
    for (unsigned id = 0; id < command_index_count(index); id++) {
        const struct command_entry *entry = command_index_entry(index, id);
        if (entry->parent == NULL && is_listed(entry))
            reply_info(ctx->reply, index, entry);
    }
}

void cmd_command_info(struct ctx *ctx)
{
    if (ctx->argc == 2) {
        cmd_command(ctx);
        return;
    }
    reply_array(ctx->reply, ctx->argc - 2);
    for (int i = 2; i < ctx->argc; i++) {
        const struct command_entry *entry = find_listed(index_of(ctx), arg(ctx, i));
        if (entry == NULL)
            reply_null(ctx->reply);
        else
            reply_info(ctx->reply, index_of(ctx), entry);
    }
}

void cmd_command_count(struct ctx *ctx)
{
    reply_int(ctx->reply, count_top(index_of(ctx)));
}

/* --- COMMAND DOCS --- */

static struct slice doc_flag_word(unsigned index)
{
    switch (1u << index) {
    case DOC_DEPRECATED: return SLICE("deprecated");
    case DOC_SYSCMD: return SLICE("syscmd");
    default: return SLICE("");
    }
}

static struct slice arg_flag_word(unsigned index)
{
    switch (1u << index) {
    case ARG_OPTIONAL: return SLICE("optional");
    case ARG_MULTIPLE: return SLICE("multiple");
    case ARG_MULTIPLE_TOKEN: return SLICE("multiple_token");
    default: return SLICE("");
    }
}

static int64_t reply_optional(struct reply *reply, const char *name, const char *text)
{
    if (text == NULL)
        return 0;
    reply_pair_text(reply, name, text);
    return 1;
}

static void reply_arguments(struct reply *reply, const struct command_arg *args)
{
    int64_t n = 0;
    while (args[n].name != NULL)
        n++;
    reply_array(reply, n);
    for (const struct command_arg *a = args; a->name != NULL; a++) {
        struct reply_mark mark = reply_defer(reply);
        int64_t pairs = 2;
        reply_pair_text(reply, "name", a->name);
        reply_bulk_cstr(reply, "type");
        reply_bulk(reply, arg_type_word(a->type));
        if (a->type == ARG_KEY || a->key_spec > 0) {
            reply_pair_int(reply, "key_spec_index", a->key_spec);
            pairs++;
        }
        pairs += reply_optional(reply, "token", a->token);
        pairs += reply_optional(reply, "summary", a->summary);
        pairs += reply_optional(reply, "since", a->since);
        pairs += reply_optional(reply, "deprecated_since", a->deprecated_since);
        if (a->flags != 0) {
            reply_bulk_cstr(reply, "flags");
            reply_words(reply, a->flags, arg_flag_word, "");
            pairs++;
        }
        if (a->children != NULL) {
            reply_bulk_cstr(reply, "arguments");
            reply_arguments(reply, a->children);
            pairs++;
        }
        reply_defer_map(reply, mark, pairs);
    }
}

static void reply_history(struct reply *reply, const struct command_change *history)
{
    int64_t n = 0;
    while (history[n].version != NULL)
        n++;
    reply_set(reply, n);
    for (int64_t i = 0; i < n; i++) {
        reply_array(reply, 2);
        reply_bulk_cstr(reply, history[i].version);
        reply_bulk_cstr(reply, history[i].text);
    }
}

static void reply_docs(struct reply *reply, const struct command_index *index, const struct command_entry *entry)
{
    const struct command *cmd = entry->command;
    reply_bulk(reply, entry->full_name);
    struct reply_mark mark = reply_defer(reply);
    int64_t pairs = reply_optional(reply, "summary", cmd->summary);
    pairs += reply_optional(reply, "since", cmd->since);
    reply_bulk_cstr(reply, "group");
    reply_bulk(reply, command_group_word(cmd->group));
    pairs++;
    pairs += reply_optional(reply, "complexity", cmd->complexity);
    if (cmd->doc_flags != 0) {
        reply_bulk_cstr(reply, "doc_flags");
        reply_words(reply, cmd->doc_flags, doc_flag_word, "");
        pairs++;
    }
    pairs += reply_optional(reply, "deprecated_since", cmd->deprecated_since);
    pairs += reply_optional(reply, "replaced_by", cmd->replaced_by);
    if (cmd->history != NULL) {
        reply_bulk_cstr(reply, "history");
        reply_history(reply, cmd->history);
        pairs++;
    }
    if (cmd->args != NULL) {
        reply_bulk_cstr(reply, "arguments");
        reply_arguments(reply, cmd->args);
        pairs++;
    }
    if (entry->subcommand_count > 0) {
        reply_bulk_cstr(reply, "subcommands");
        reply_map(reply, entry->subcommand_count);
        for (unsigned i = 1; i <= entry->subcommand_count; i++)
            reply_docs(reply, index, command_index_entry(index, entry->id + i));
        pairs++;
    }
    reply_defer_map(reply, mark, pairs);
}

void cmd_command_docs(struct ctx *ctx)
{
    const struct command_index *index = index_of(ctx);
    struct reply_mark mark = reply_defer(ctx->reply);
    int64_t n = 0;
    for (unsigned id = 0; ctx->argc == 2 && id < command_index_count(index); id++) {
        const struct command_entry *entry = command_index_entry(index, id);
        if (entry->parent != NULL || !is_listed(entry))
            continue;
        reply_docs(ctx->reply, index, entry);
        n++;
    }
    for (int i = 2; i < ctx->argc; i++) {
        const struct command_entry *entry = find_listed(index, arg(ctx, i));
        if (entry == NULL)
            continue;
        reply_docs(ctx->reply, index, entry);
        n++;
    }
    reply_defer_map(ctx->reply, mark, n);
}

/* --- COMMAND LIST --- */

enum list_filter { LIST_ALL, LIST_CATEGORY, LIST_PATTERN, LIST_NOTHING };

static enum list_filter list_filter_parse(struct ctx *ctx, uint32_t *category)
{
    struct slice what = arg(ctx, 4);
    *category = 0;
    if (slice_is(arg(ctx, 3), "pattern"))
        return LIST_PATTERN;
    if (slice_is(arg(ctx, 3), "module"))
        return LIST_NOTHING; /* there are no modules */
    if (!slice_is(arg(ctx, 3), "aclcat"))
        return LIST_ALL;
    for (unsigned i = 0; i < ACL_CATEGORY_COUNT; i++)
        if (slice_eq_nocase(acl_category_word(i), what))
            *category = 1u << i;
    return *category == 0 ? LIST_NOTHING : LIST_CATEGORY;
}

/* COMMAND LIST [FILTERBY MODULE name|ACLCAT category|PATTERN pattern]. A filter looks at subcommands too. */
void cmd_command_list(struct ctx *ctx)
{
    uint32_t category = 0;
    enum list_filter filter = LIST_ALL;
    if (ctx->argc == 5 && slice_is(arg(ctx, 2), "filterby"))
        filter = list_filter_parse(ctx, &category);
    if (ctx->argc != 2 && filter == LIST_ALL) {
        reply_syntax(ctx);
        return;
    }
    struct reply_mark mark = reply_defer(ctx->reply);
    int64_t n = 0;
    for (unsigned id = 0; id < command_index_count(index_of(ctx)) && filter != LIST_NOTHING; id++) {
        const struct command_entry *entry = command_index_entry(index_of(ctx), id);
        if (!is_listed(entry) || (filter == LIST_CATEGORY && !(entry->command->acl & category)) ||
            (filter == LIST_PATTERN && !glob_match(arg(ctx, 4), entry->full_name, true)))
            continue;
        reply_bulk(ctx->reply, entry->full_name);
        n++;
    }
    reply_defer_array(ctx->reply, mark, n);
}

/* --- COMMAND GETKEYS --- */

enum { KEYS_ON_STACK = 64 };

static void reply_keys(struct ctx *ctx, bool with_flags)
{
    struct key_ref few[KEYS_ON_STACK], *keys = few;
    const struct slice *argv = ctx->argv + 2;
    int argc = ctx->argc - 2;
    int n = command_keys_of_request(index_of(ctx), argv, argc, few, KEYS_ON_STACK);
    if (n < 0) {
        reply_error(ctx->reply, command_keys_error(n));
        return;
    }
    if (n > KEYS_ON_STACK) {
        keys = mem_alloc((size_t)n * sizeof(*keys));
        n = command_keys_of_request(index_of(ctx), argv, argc, keys, n);
    }
    reply_array(ctx->reply, n);
    for (int i = 0; i < n; i++) {
        if (with_flags)
            reply_array(ctx->reply, 2);
        reply_bulk(ctx->reply, argv[keys[i].position]);
        if (with_flags)
            reply_words(ctx->reply, keys[i].flags, key_flag_word, "");
    }
    if (keys != few)
        mem_free(keys);
}

void cmd_command_getkeys(struct ctx *ctx)
{
    reply_keys(ctx, false);
}

void cmd_command_getkeysandflags(struct ctx *ctx)
{
    reply_keys(ctx, true);
}

void cmd_command_help(struct ctx *ctx)
{
    static const char *const lines[] = {"(no subcommand)",
                                        "    Describes all commands.",
                                        "COUNT",
                                        "    Number of commands.",
                                        "DOCS [<command> ...]",
                                        "    Documents commands, or all: summary, arguments, history.",
                                        "GETKEYS <command with arguments>",
                                        "    The keys of a command.",
                                        "GETKEYSANDFLAGS <command with arguments>",
                                        "    The keys of a command, and what happens to each.",
                                        "INFO [<command> ...]",
                                        "    Describes commands, or all: arity, flags, keys, ACL categories.",
                                        "LIST [FILTERBY MODULE <name>|ACLCAT <category>|PATTERN <pattern>]",
                                        "    Names of commands, or of those that pass a filter.",
                                        NULL};
    reply_help(ctx, lines);
}
