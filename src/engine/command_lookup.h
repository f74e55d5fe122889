/* The commands of one server: built once at start from the tables, then only read. Finding a name costs a few loads and
 * two multiplications: no loop over its bytes, no collision chain.
 *
 * Ids are dense: 0 .. count-1, each container directly before its subcommands; arrays of statistics are indexed by
 * them. Names are matched without regard to ASCII case. */
#ifndef CAIRN_ENGINE_COMMAND_LOOKUP_H
#define CAIRN_ENGINE_COMMAND_LOOKUP_H

#include "base/compiler.h"
#include "base/slice.h"
#include "engine/command.h"

struct command_index; /* opaque; owns its entries and the names that renames gave */

struct command_entry {
    const struct command *command;
    const struct command_entry *parent; /* the container; NULL at the top */
    /* what clients type now ("list" of "client|list"); length 0: renamed to "", gone */
    struct slice name;
    struct slice full_name;             /* as declared: "client|list" */
    uint32_t gates;                     /* filled by the engine when it has made the index */
    uint16_t id;
    uint16_t subcommand_count;          /* their ids follow this one's */
};

/* tables: arrays that end with a nameless command. A name that is declared twice is a bug of the tables: asserts. */
struct command_index *command_index_new(const struct command *const *tables, size_t table_count) must_use;
void command_index_free(struct command_index *idx);

unsigned command_index_count(const struct command_index *idx);
/* Entry of an id, for walking through all (those that are gone have no name) and, at start, for setting gates. */
struct command_entry *command_index_at(struct command_index *idx, unsigned id);
const struct command_entry *command_index_entry(const struct command_index *idx, unsigned id);

/* O(1); NULL: no such command. */
const struct command_entry *command_index_find(const struct command_index *idx, struct slice name);
const struct command_entry *command_index_find_sub(const struct command_index *idx,
                                                   const struct command_entry *container, struct slice name);
/* "get", "client|list". */
const struct command_entry *command_index_find_full(const struct command_index *idx, struct slice full_name);
/* By the declared top-level name, whatever it was renamed to (gone ones too). O(n): for replayed logs and rules, not
 * for requests. */
const struct command_entry *command_index_find_declared(const struct command_index *idx, struct slice name);

/* What a request runs: the command, or the subcommand that its second argument names. A container without a second
 * argument is returned itself (its arity then refuses it). NULL: unknown; *container is the command whose subcommand is
 * unknown, else NULL. */
const struct command_entry *command_index_resolve(const struct command_index *idx, const struct slice *argv, int argc,
                                                  const struct command_entry **container);

/* rename-command of the configuration, one line at a time, before the first request. The new name is copied; ""
 * removes. */
enum command_rename_result {
    COMMAND_RENAMED,
    COMMAND_RENAME_NO_SUCH, /* "No such command in rename-command" */
    COMMAND_RENAME_EXISTS   /* "Target command name already exists" */
};
must_use enum command_rename_result command_index_rename(struct command_index *idx, struct slice name,
                                                         struct slice new_name);

#endif
