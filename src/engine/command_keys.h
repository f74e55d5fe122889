/* Which arguments of a request are keys, and what the command does to them: for COMMAND GETKEYS, ACL, routing and
 * locks. */
#ifndef CAIRN_ENGINE_COMMAND_KEYS_H
#define CAIRN_ENGINE_COMMAND_KEYS_H

#include "base/compiler.h"
#include "engine/command.h"

struct command_index;

struct key_ref {
    int position;   /* in argv */
    uint32_t flags; /* enum key_flag: one of RO, RW, OW, RM, and what else is known; not those about the spec itself */
};

/* Failures; the texts are command_keys_error's. */
enum {
    KEYS_INVALID_ARGS = -1,   /* "ERR Invalid arguments specified for command" */
    KEYS_INVALID_ARITY = -2,  /* "ERR Invalid number of arguments specified for command" */
    KEYS_NO_KEYS = -3,        /* "ERR The command has no key arguments" */
    KEYS_INVALID_COMMAND = -4 /* "ERR Invalid command specified" */
};
struct slice command_keys_error(int failure);

/* True when the command can name keys at all. */
bool command_has_keys(const struct command *cmd);

/* The number of keys among argv, in the order of the specs; the first max of them are written to out. argc must pass
 * the command's arity. KEYS_INVALID_ARGS when the arguments contradict the specs (a count larger than what follows, a
 * missing keyword), but 0 for a command that may name none. Linear in the number of keys (and, for keywords, of
 * arguments). */
must_use int command_keys(const struct command *cmd, const struct slice *argv, int argc, struct key_ref *out, int max);

/* The same for a whole request of which nothing is checked yet, as COMMAND GETKEYS wants it: any of the failures
 * above. */
must_use int command_keys_of_request(const struct command_index *idx, const struct slice *argv, int argc,
                                     struct key_ref *out, int max);

#endif
