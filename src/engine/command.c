/* The words that COMMAND INFO, COMMAND DOCS and ACL rules use for the bits of a command's record. */
#include "engine/command.h"

#include "base/compiler.h"

#define WORD(name, word) word,

static struct slice word_at(const char *const *words, unsigned count, unsigned index)
{
    if (index >= count || words[index] == NULL) return SLICE("");
    return slice_cstr(words[index]);
}

struct slice command_flag_word(unsigned index)
{
    static const char *const words[] = {CMD_FLAG_TABLE(WORD)};
    return word_at(words, ARRAY_LEN(words), index);
}

struct slice acl_category_word(unsigned index)
{
    static const char *const words[] = {ACL_CATEGORY_TABLE(WORD)};
    return word_at(words, ARRAY_LEN(words), index);
}

struct slice key_flag_word(unsigned index)
{
    static const char *const words[] = {KEY_FLAG_TABLE(WORD)};
    return word_at(words, ARRAY_LEN(words), index);
}

struct slice arg_type_word(unsigned type)
{
    static const char *const words[] = {ARG_TYPE_TABLE(WORD)};
    return word_at(words, ARRAY_LEN(words), type);
}

struct slice command_group_word(unsigned group)
{
    static const char *const words[] = {COMMAND_GROUP_TABLE(WORD)};
    return word_at(words, ARRAY_LEN(words), group);
}
