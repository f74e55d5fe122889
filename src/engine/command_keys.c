/* Key extraction from the key specifications of a command's record (https://redis.io/docs/reference/key-specs describes
 * their meaning).
 *
 * A spec is worked off in two steps: begin gives the argument to start from, find gives the range first..last, step. A
 * spec that contradicts the arguments makes all of them suspicious, so nothing is returned then. A command whose keys
 * no spec can describe brings a getkeys function; it then speaks for all of them. */
#include "engine/command_keys.h"

#include "base/num.h"
#include "engine/command_lookup.h"

#include <limits.h>

/* What is about the spec and not about the key that was found. */
#define SPEC_ONLY_FLAGS (KEY_NOT_KEY | KEY_INCOMPLETE | KEY_VARIABLE_FLAGS)

struct key_range {
    int first, last, step;
};

struct slice command_keys_error(int failure)
{
    switch (failure) {
    case KEYS_INVALID_ARITY: return SLICE("ERR Invalid number of arguments specified for command");
    case KEYS_NO_KEYS: return SLICE("ERR The command has no key arguments");
    case KEYS_INVALID_COMMAND: return SLICE("ERR Invalid command specified");
    default: return SLICE("ERR Invalid arguments specified for command");
    }
}

bool command_has_keys(const struct command *cmd)
{
    if (cmd->getkeys != NULL) return true;
    for (int i = 0; i < cmd->key_spec_count; i++)
        if (!(cmd->key_specs[i].flags & KEY_NOT_KEY)) return true;
    return false;
}

/* Position behind the keyword, or 0. A keyword in the last place has nothing behind it and is none. */
static int keyword_find(const struct key_spec *spec, const struct slice *argv, int argc)
{
    struct slice keyword = slice_cstr(spec->keyword);
    if (spec->start_from >= 0) {
        for (int i = spec->start_from; i < argc - 1; i++)
            if (slice_eq_nocase(argv[i], keyword)) return i + 1;
        return 0;
    }
    for (int i = argc + spec->start_from; i > 0; i--)
        if (slice_eq_nocase(argv[i], keyword)) return i + 1;
    return 0;
}

/* Where the keys of a spec lie; false: nowhere that makes sense. */
static bool spec_range(const struct key_spec *spec, const struct slice *argv, int argc, struct key_range *out)
{
    int start;
    switch (spec->begin) {
    case KEY_BEGIN_INDEX: start = spec->index; break;
    case KEY_BEGIN_KEYWORD: start = keyword_find(spec, argv, argc); break;
    default: return false;
    }
    if (start <= 0 || start >= argc) return false;

    if (spec->find == KEY_FIND_RANGE) {
        int last = spec->range.last;
        out->first = start;
        out->step = spec->range.step;
        if (last >= 0)
            out->last = start + last;
        else if (spec->range.limit > 1)
            out->last = start + (argc - start) / spec->range.limit + last;
        else
            out->last = argc + last;
    } else if (spec->find == KEY_FIND_KEYNUM) {
        int64_t n;
        int number = start + spec->keynum.index;
        if (number >= argc || slice_to_i64(argv[number], &n) != ST_OK || n < 1 || n > argc) return false;
        int64_t last = start + spec->keynum.first + (n - 1) * spec->keynum.step;
        if (last > INT_MAX) return false;
        out->first = start + spec->keynum.first;
        out->step = spec->keynum.step;
        out->last = (int)last;
    } else {
        return false;
    }
    return out->first < argc && out->last < argc && out->last >= out->first;
}

static int specs_keys(const struct command *cmd, const struct slice *argv, int argc, struct key_ref *out, int max)
{
    int count = 0;
    for (int i = 0; i < cmd->key_spec_count; i++) {
        const struct key_spec *spec = &cmd->key_specs[i];
        struct key_range range;
        if (spec->flags & KEY_NOT_KEY) continue;
        if (!spec_range(spec, argv, argc, &range)) return KEYS_INVALID_ARGS;
        for (int position = range.first; position <= range.last; position += range.step, count++)
            if (count < max) out[count] = (struct key_ref){position, spec->flags & ~SPEC_ONLY_FLAGS};
    }
    return count;
}

int command_keys(const struct command *cmd, const struct slice *argv, int argc, struct key_ref *out, int max)
{
    int count = cmd->getkeys != NULL ? cmd->getkeys(argv, argc, out, max) : specs_keys(cmd, argv, argc, out, max);
    if (count < 0 && cmd->flags & CMD_NO_MANDATORY_KEYS) return 0;
    return count;
}

int command_keys_of_request(const struct command_index *idx, const struct slice *argv, int argc,
                            struct key_ref *out, int max)
{
    const struct command_entry *container;
    const struct command_entry *entry = argc == 0 ? NULL : command_index_resolve(idx, argv, argc, &container);
    if (entry == NULL) return KEYS_INVALID_COMMAND;
    if (!command_has_keys(entry->command)) return KEYS_NO_KEYS;
    if (!command_arity_ok(entry->command, argc)) return KEYS_INVALID_ARITY;
    return command_keys(entry->command, argv, argc, out, max);
}
