/* The words in which command tables are written. Only table files include this.
 *
 *     {COMMAND(GROUP_STRING, "get", cmd_get, 2, CMD_READONLY | CMD_FAST, ACL_STRING), ONE_KEY(KEY_RO | KEY_ACCESS),
 *      DOCS("1.0.0", "O(1)", "Returns the string at a key."), ARGS(KEY_ARG("key"))},
 *
 * Optional parts: the keys (ONE_KEY, ALL_KEYS, KEY_AT, or KEY_POSITIONS with KEY_SPECS), TIPS, HISTORY, DEPRECATED,
 * ARGS. What else is known of an argument follows its type: ARG("count", ARG_INTEGER, AFTER("COUNT"), SINCE("2.8.0"),
 * OPTIONAL). */
#ifndef CAIRN_ENGINE_COMMAND_META_H
#define CAIRN_ENGINE_COMMAND_META_H

#include "engine/command.h"

/* Categories that follow from flags; a script that only reads is not @read, since it is no command on keys. */
#define ACL_OF_FLAGS(flags_, acl_)                                                                                     \
    (((flags_) & CMD_WRITE ? ACL_WRITE : 0u) | ((flags_) & CMD_FAST ? ACL_FAST : ACL_SLOW) |                           \
     ((flags_) & CMD_READONLY && !((acl_) & ACL_SCRIPTING) ? ACL_READ : 0u) |                                          \
     ((flags_) & CMD_ADMIN ? ACL_ADMIN | ACL_DANGEROUS : 0u) | ((flags_) & CMD_PUBSUB ? ACL_PUBSUB : 0u) |             \
     ((flags_) & CMD_BLOCKING ? ACL_BLOCKING : 0u))

#define COMMAND(group_, name_, run_, arity_, flags_, acl_)                                                             \
    .group = (group_), .name = (name_), .run = (run_), .arity = (arity_), .flags = (flags_),                           \
    .acl = (acl_) | ACL_OF_FLAGS(flags_, acl_)

/* A container answers nothing by itself; every one takes at least the subcommand's name. */
#define CONTAINER(group_, name_, subcommands_)                                                                         \
    COMMAND(group_, name_, NULL, -2, 0u, 0u), .subcommands = (subcommands_)

/* The argument that names a field or member: it is looked for ahead of its turn. */
#define ELEMENT_AT(index_) .element = (index_)
#define DOCS(since_, complexity_, summary_) .since = (since_), .complexity = (complexity_), .summary = (summary_)
#define DEPRECATED(since_, replaced_by_)                                                                               \
    .doc_flags = DOC_DEPRECATED, .deprecated_since = (since_), .replaced_by = (replaced_by_)
#define HISTORY(...) .history = (const struct command_change[]){__VA_ARGS__, {0}}
#define TIPS(...) .tips = (const char *const[]){__VA_ARGS__, NULL}

/* Keys: what COMMAND INFO calls first, last and step, and the specs, which must say the same. */
#define KEY_POSITIONS(first_, last_, step_) .first_key = (first_), .last_key = (last_), .key_step = (step_)
#define KEY_SPECS(...)                                                                                                 \
    .key_specs = (const struct key_spec[]){__VA_ARGS__},                                                               \
    .key_spec_count = sizeof((const struct key_spec[]){__VA_ARGS__}) / sizeof(struct key_spec)
#define SPEC_RANGE(index_, last_, step_, flags_, ...)                                                                  \
    {.begin = KEY_BEGIN_INDEX, .index = (index_), .find = KEY_FIND_RANGE, .range = {.last = (last_), .step = (step_)}, \
     .flags = (flags_), __VA_ARGS__}
#define SPEC_KEYNUM(index_, first_, step_, flags_, ...)                                                                \
    {.begin = KEY_BEGIN_INDEX, .index = (index_), .find = KEY_FIND_KEYNUM,                                             \
     .keynum = {.index = 0, .first = (first_), .step = (step_)}, .flags = (flags_), __VA_ARGS__}
#define SPEC_AFTER(keyword_, start_from_, last_, step_, limit_, flags_, ...)                                           \
    {.begin = KEY_BEGIN_KEYWORD, .keyword = (keyword_), .start_from = (start_from_), .find = KEY_FIND_RANGE,           \
     .range = {.last = (last_), .step = (step_), .limit = (limit_)}, .flags = (flags_), __VA_ARGS__}
#define SPEC_UNKNOWN(flags_, ...)                                                                                      \
    {.begin = KEY_BEGIN_UNKNOWN, .find = KEY_FIND_UNKNOWN, .flags = (flags_), __VA_ARGS__}

#define NOTES(text_) .notes = (text_)

#define KEY_AT(index_, flags_, ...)                                                                                    \
    KEY_POSITIONS(index_, index_, 1), KEY_SPECS(SPEC_RANGE(index_, 0, 1, flags_, __VA_ARGS__))
#define ONE_KEY(flags_, ...) KEY_AT(1, flags_, __VA_ARGS__)
#define ALL_KEYS(step_, flags_) KEY_POSITIONS(1, -1, step_), KEY_SPECS(SPEC_RANGE(1, -1, step_, flags_))

/* Arguments. AFTER: the word that stands before the value. */
#define ARG(name_, type_, ...) {.name = (name_), .type = (type_), __VA_ARGS__}
#define KEY_ARG(name_, ...) ARG(name_, ARG_KEY, __VA_ARGS__)
#define TOKEN(name_, token_, ...) ARG(name_, ARG_TOKEN, .token = (token_), __VA_ARGS__)
#define AFTER(token_) .token = (token_)
#define SINCE(version_) .since = (version_)
#define OPTIONAL .flags = ARG_OPTIONAL
#define MULTIPLE .flags = ARG_MULTIPLE
#define OPTIONAL_MULTIPLE .flags = ARG_OPTIONAL | ARG_MULTIPLE
#define CHILDREN(...) .children = (const struct command_arg[]){__VA_ARGS__, {0}}
#define ARGS(...) .args = (const struct command_arg[]){__VA_ARGS__, {0}}

#endif
