/* The command tables: that they are consistent, that names are found (compared with a plain search), and where keys are
 * seen. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/mem.h"
#include "cmd/bitmap_cmds.h"
#include "cmd/connection_cmds.h"
#include "cmd/generic_cmds.h"
#include "cmd/geo_cmds.h"
#include "cmd/hash_cmds.h"
#include "cmd/hyperloglog_cmds.h"
#include "cmd/list_cmds.h"
#include "cmd/set_cmds.h"
#include "cmd/sort_cmds.h"
#include "cmd/stream_cmds.h"
#include "cmd/string_cmds.h"
#include "cmd/transaction_cmds.h"
#include "cmd/zset_cmds.h"
#include "engine/command_keys.h"
#include "engine/command_lookup.h"
#include "engine/command_meta.h"
#include "observe/server_cmds.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

static const struct command *const tables[] = {
    string_commands, bitmap_commands, list_commands,    set_commands,  hash_commands,       zset_commands,
    geo_commands,    hyperloglog_commands, stream_commands, generic_commands, sort_commands, connection_commands,
    transaction_commands, server_commands};

static struct command_index *index_new(void)
{
    return command_index_new(tables, ARRAY_LEN(tables));
}

/* ---- the plain search that the index is compared with ---- */

static bool same_name(struct slice a, struct slice b)
{
    return a.len == b.len && a.len > 0 && strncasecmp(a.ptr, b.ptr, a.len) == 0 && memchr(a.ptr, 0, a.len) == NULL;
}

static const struct command_entry *plain_find(const struct command_index *idx, const struct command_entry *parent,
                                              struct slice name)
{
    for (unsigned i = 0; i < command_index_count(idx); i++) {
        const struct command_entry *entry = command_index_entry(idx, i);
        if (entry->parent == parent && same_name(entry->name, name)) return entry;
    }
    return NULL;
}

/* Looks for a copy that ends where its memory ends, so that the sanitizers see a read behind it. */
static const struct command_entry *find_copy(const struct command_index *idx, const struct command_entry *parent,
                                             const char *name, size_t len)
{
    char *copy = malloc(len == 0 ? 1 : len);
    memcpy(copy, name, len);
    struct slice s = slice_of(copy, len);
    const struct command_entry *entry =
        parent == NULL ? command_index_find(idx, s) : command_index_find_sub(idx, parent, s);
    assert_ptr_equal(entry, plain_find(idx, parent, s));
    free(copy);
    return entry;
}

/* ---- the tables ---- */

static void check_args(const struct command *cmd, const struct command_arg *args)
{
    assert_non_null(args[0].name);
    for (const struct command_arg *a = args; a->name != NULL; a++) {
        assert_in_range(a->type, 0, ARG_TYPE_COUNT - 1);
        bool inner = a->type == ARG_ONEOF || a->type == ARG_BLOCK;
        assert_int_equal(inner, a->children != NULL);
        if (a->type == ARG_TOKEN) assert_non_null(a->token);
        if (a->type == ARG_KEY) assert_in_range(a->key_spec, 0, cmd->key_spec_count - 1);
        if (inner) check_args(cmd, a->children);
    }
}

static void check_command(const struct command *cmd, const struct command *container)
{
    assert_non_null(cmd->since);
    assert_non_null(cmd->summary);
    assert_int_not_equal(cmd->arity, 0);
    assert_int_equal(cmd->run == NULL, cmd->subcommands != NULL && strcmp(cmd->name, "command") != 0);
    for (const char *p = cmd->name; *p != '\0'; p++) assert_true(islower(*p) || strchr("-_|.", *p) != NULL);
    if (container != NULL) {
        size_t n = strlen(container->name);
        assert_memory_equal(cmd->name, container->name, n);
        assert_int_equal(cmd->name[n], '|');
        assert_int_equal(cmd->group, container->group);
    }
    assert_int_not_equal(cmd->flags & (CMD_WRITE | CMD_READONLY), CMD_WRITE | CMD_READONLY);
    uint32_t speed = cmd->acl & (ACL_FAST | ACL_SLOW);
    assert_int_equal(speed, cmd->flags & CMD_FAST ? ACL_FAST : ACL_SLOW);
    assert_int_equal(!(cmd->doc_flags & DOC_DEPRECATED), cmd->deprecated_since == NULL);

    if (cmd->flags & CMD_BLOCKING) assert_false(cmd->flags & CMD_PARTITION_SAFE);

    int first = 0, last = 0;
    bool movable = false;
    for (int i = 0; i < cmd->key_spec_count; i++) {
        const struct key_spec *spec = &cmd->key_specs[i];
        int access = spec->flags & (KEY_RO | KEY_RW | KEY_OW | KEY_RM);
        assert_true(access != 0 && (access & (access - 1)) == 0);
        if (spec->begin != KEY_BEGIN_INDEX || spec->find != KEY_FIND_RANGE) {
            movable = true;
            continue;
        }
        if (first == 0) first = spec->index;
        last = spec->range.last < 0 ? spec->range.last : spec->index + spec->range.last;
        assert_int_equal(cmd->key_step, spec->range.step);
        if (cmd->getkeys == NULL) assert_true(cmd->arity < 0 ? -cmd->arity > spec->index : cmd->arity > spec->index);
    }
    assert_int_equal((cmd->flags & CMD_MOVABLEKEYS) != 0, movable);
    assert_int_equal(cmd->first_key, first);
    assert_int_equal(cmd->last_key, last);
    if (cmd->args != NULL) check_args(cmd, cmd->args);
    for (const struct command *sub = cmd->subcommands; sub != NULL && sub->name != NULL; sub++) {
        check_command(sub, cmd);
        if (sub > cmd->subcommands) assert_true(strcmp(sub[-1].name, sub->name) < 0);
    }
}

static void tables_are_consistent(void **state)
{
    (void)state;
    for (size_t t = 0; t < ARRAY_LEN(tables); t++) {
        for (const struct command *cmd = tables[t]; cmd->name != NULL; cmd++) {
            check_command(cmd, NULL);
            if (cmd > tables[t]) assert_true(strcmp(cmd[-1].name, cmd->name) < 0);
        }
    }
}

static void words_of_the_bits(void **state)
{
    (void)state;
    assert_true(slice_eq(command_flag_word(CMD_NO_ASYNC_LOADING_INDEX), SLICE("no_async_loading")));
    assert_int_equal(command_flag_word(CMD_PARTITION_SAFE_INDEX).len, 0);
    assert_int_equal(command_flag_word(CMD_FLAG_COUNT).len, 0);
    assert_int_equal(ACL_CATEGORY_COUNT, 21);
    assert_true(slice_eq(acl_category_word(ACL_CATEGORY_COUNT - 1), SLICE("scripting")));
    assert_true(slice_eq(key_flag_word(KEY_RO_INDEX), SLICE("RO")));
    assert_true(slice_eq(arg_type_word(ARG_UNIX_TIME), SLICE("unix-time")));
    assert_true(slice_eq(command_group_word(GROUP_SORTED_SET), SLICE("sorted-set")));
}

/* What clients, ACL rules and cluster routing rely on, written out. */
static void facts_as_clients_know_them(void **state)
{
    static const struct {
        const char *name;
        int arity;
        uint32_t flags, acl; /* besides CMD_PARTITION_SAFE */
        int first, last, step;
    } facts[] = {
        {"get", 2, CMD_READONLY | CMD_FAST, ACL_READ | ACL_STRING | ACL_FAST, 1, 1, 1},
        {"set", -3, CMD_WRITE | CMD_DENYOOM, ACL_WRITE | ACL_STRING | ACL_SLOW, 1, 1, 1},
        {"mset", -3, CMD_WRITE | CMD_DENYOOM, ACL_WRITE | ACL_STRING | ACL_SLOW, 1, -1, 2},
        {"msetex", -4, CMD_WRITE | CMD_DENYOOM | CMD_MOVABLEKEYS, ACL_WRITE | ACL_STRING | ACL_SLOW, 0, 0, 0},
        {"lcs", -3, CMD_READONLY, ACL_READ | ACL_STRING | ACL_SLOW, 1, 2, 1},
        {"del", -2, CMD_WRITE, ACL_KEYSPACE | ACL_WRITE | ACL_SLOW, 1, -1, 1},
        {"rename", 3, CMD_WRITE, ACL_KEYSPACE | ACL_WRITE | ACL_SLOW, 1, 2, 1},
        {"keys", 2, CMD_READONLY, ACL_KEYSPACE | ACL_READ | ACL_SLOW | ACL_DANGEROUS, 0, 0, 0},
        {"object|freq", 3, CMD_READONLY, ACL_KEYSPACE | ACL_READ | ACL_SLOW, 2, 2, 1},
        {"hello", -1, CMD_NOSCRIPT | CMD_LOADING | CMD_STALE | CMD_FAST | CMD_NO_AUTH | CMD_ALLOW_BUSY,
         ACL_FAST | ACL_CONNECTION, 0, 0, 0},
        {"client", -2, 0, ACL_SLOW, 0, 0, 0},
        {"client|kill", -3, CMD_ADMIN | CMD_NOSCRIPT | CMD_LOADING | CMD_STALE,
         ACL_ADMIN | ACL_SLOW | ACL_DANGEROUS | ACL_CONNECTION, 0, 0, 0},
        {"exec", 1, CMD_NOSCRIPT | CMD_LOADING | CMD_STALE | CMD_SKIP_SLOWLOG | CMD_UNQUEUED | CMD_RUNS_QUEUE,
         ACL_SLOW | ACL_TRANSACTION, 0, 0, 0},
        {"watch", -2, CMD_NOSCRIPT | CMD_LOADING | CMD_STALE | CMD_FAST | CMD_ALLOW_BUSY | CMD_UNQUEUED,
         ACL_FAST | ACL_TRANSACTION, 1, -1, 1},
        {"command", -1, CMD_LOADING | CMD_STALE, ACL_SLOW | ACL_CONNECTION, 0, 0, 0},
        {"command|getkeys", -3, CMD_LOADING | CMD_STALE, ACL_SLOW | ACL_CONNECTION, 0, 0, 0},
        {"config|set", -4, CMD_ADMIN | CMD_NOSCRIPT | CMD_LOADING | CMD_STALE, ACL_ADMIN | ACL_SLOW | ACL_DANGEROUS, 0,
         0, 0},
        {"role", 1, CMD_NOSCRIPT | CMD_LOADING | CMD_STALE | CMD_FAST, ACL_ADMIN | ACL_FAST | ACL_DANGEROUS, 0, 0, 0},
        {"swapdb", 3, CMD_WRITE | CMD_FAST, ACL_KEYSPACE | ACL_WRITE | ACL_FAST | ACL_DANGEROUS, 0, 0, 0},
        {"memory|usage", -3, CMD_READONLY, ACL_READ | ACL_SLOW, 2, 2, 1},
    };
    (void)state;
    struct command_index *idx = index_new();
    for (size_t i = 0; i < ARRAY_LEN(facts); i++) {
        const struct command_entry *entry = command_index_find_full(idx, slice_cstr(facts[i].name));
        assert_non_null(entry);
        const struct command *cmd = entry->command;
        assert_string_equal(cmd->name, facts[i].name);
        assert_int_equal(cmd->arity, facts[i].arity);
        assert_int_equal(cmd->flags & ~CMD_PARTITION_SAFE, facts[i].flags);
        assert_int_equal(cmd->acl, facts[i].acl);
        assert_int_equal(cmd->first_key, facts[i].first);
        assert_int_equal(cmd->last_key, facts[i].last);
        assert_int_equal(cmd->key_step, facts[i].step);
    }
    command_index_free(idx);
}

static void arity(void **state)
{
    (void)state;
    struct command get = {.name = "get", .arity = 2}, ping = {.name = "ping", .arity = -1};
    assert_false(command_arity_ok(&get, 1));
    assert_true(command_arity_ok(&get, 2));
    assert_false(command_arity_ok(&get, 3));
    assert_true(command_arity_ok(&ping, 1));
    assert_true(command_arity_ok(&ping, 1000000));
}

/* ---- lookup ---- */

static void every_name_in_any_case(void **state)
{
    (void)state;
    struct command_index *idx = index_new();
    unsigned count = command_index_count(idx);
    assert_true(count > 100);
    for (unsigned id = 0; id < count; id++) {
        const struct command_entry *entry = command_index_entry(idx, id);
        char text[64];
        size_t n = entry->name.len;
        assert_int_equal(entry->id, id);
        assert_true(n < sizeof text);
        assert_ptr_equal(find_copy(idx, entry->parent, entry->name.ptr, n), entry);
        for (size_t i = 0; i < n; i++) text[i] = (char)toupper(entry->name.ptr[i]);
        assert_ptr_equal(find_copy(idx, entry->parent, text, n), entry);
        for (size_t i = 0; i < n; i += 2) text[i] = entry->name.ptr[i];
        assert_ptr_equal(find_copy(idx, entry->parent, text, n), entry);
        assert_ptr_equal(command_index_find_full(idx, entry->full_name), entry);
        for (unsigned sub = 1; sub <= entry->subcommand_count; sub++)
            assert_ptr_equal(command_index_entry(idx, id + sub)->parent, entry);
    }
    command_index_free(idx);
}

/* Each bit of each name flipped, each name longer and shorter by a byte: only another case may be found. */
static void near_misses(void **state)
{
    (void)state;
    struct command_index *idx = index_new();
    for (unsigned id = 0; id < command_index_count(idx); id++) {
        const struct command_entry *entry = command_index_entry(idx, id);
        char text[64];
        size_t n = entry->name.len;
        memcpy(text, entry->name.ptr, n);
        for (size_t i = 0; i < n; i++) {
            for (int bit = 0; bit < 8; bit++) {
                text[i] ^= (char)(1 << bit);
                find_copy(idx, entry->parent, text, n);
                text[i] ^= (char)(1 << bit);
            }
        }
        find_copy(idx, entry->parent, text, n - 1);
        find_copy(idx, entry->parent, text + 1, n - 1);
        for (int c = 0; c < 256; c++) {
            text[n] = (char)c;
            find_copy(idx, entry->parent, text, n + 1);
        }
        if (entry->parent != NULL) assert_null(find_copy(idx, entry, text, n));
    }
    assert_null(find_copy(idx, NULL, "", 0));
    assert_null(find_copy(idx, NULL, "client|list", 11));
    assert_null(command_index_find(idx, slice_of(NULL, 0)));
    command_index_free(idx);
}

static void random_words(void **state)
{
    (void)state;
    struct command_index *idx = index_new();
    uint32_t seed = 1;
    for (int round = 0; round < 20000; round++) {
        char text[24];
        size_t n = 0;
        seed = seed * 1664525 + 1013904223;
        size_t want = 1 + (seed >> 24) % 20;
        while (n < want) {
            seed = seed * 1664525 + 1013904223;
            text[n++] = "setgincrSETGINCR-_|\0"[(seed >> 16) % 20];
        }
        find_copy(idx, NULL, text, n);
    }
    command_index_free(idx);
}

static void other_notations(void **state)
{
    (void)state;
    struct command_index *idx = index_new();
    assert_null(command_index_find_full(idx, SLICE("client|")));
    assert_null(command_index_find_full(idx, SLICE("|list")));
    assert_null(command_index_find_full(idx, SLICE("nosuch|list")));
    assert_null(command_index_find_full(idx, SLICE("client|list|x")));
    assert_null(command_index_find_full(idx, SLICE("")));
    assert_string_equal(command_index_find_full(idx, SLICE("CLIENT|List"))->command->name, "client|list");

    const struct command_entry *container = NULL;
    struct slice argv[] = {SLICE("CONFIG"), SLICE("Get"), SLICE("*")};
    assert_string_equal(command_index_resolve(idx, argv, 3, &container)->command->name, "config|get");
    assert_string_equal(command_index_resolve(idx, argv, 1, &container)->command->name, "config");
    assert_null(container);
    argv[1] = SLICE("nosuch");
    assert_null(command_index_resolve(idx, argv, 2, &container));
    assert_string_equal(container->command->name, "config");
    argv[0] = SLICE("nosuch");
    assert_null(command_index_resolve(idx, argv, 2, &container));
    assert_null(container);
    argv[0] = SLICE("get");
    assert_string_equal(command_index_resolve(idx, argv, 2, &container)->command->name, "get");
    command_index_free(idx);
}

static void renames(void **state)
{
    (void)state;
    struct command_index *idx = index_new();
    const struct command_entry *config = command_index_find(idx, SLICE("config"));
    struct slice hidden = SLICE("b840fc02d524045429941cc15f59e41cb7be6c52");
    assert_int_equal(command_index_rename(idx, SLICE("CONFIG"), hidden), COMMAND_RENAMED);
    assert_null(command_index_find(idx, SLICE("config")));
    assert_ptr_equal(command_index_find(idx, hidden), config);
    assert_ptr_equal(command_index_find(idx, SLICE("B840FC02D524045429941CC15F59E41CB7BE6C52")), config);
    assert_null(command_index_find(idx, SLICE("b840fc02d524045429941cc15f59e41cb7be6c53")));
    assert_null(command_index_find(idx, SLICE("b840fc02d524045429941cc15e59e41cb7be6c52"))); /* differs in the middle */
    assert_true(slice_eq(config->full_name, SLICE("config")));
    assert_ptr_equal(command_index_find_declared(idx, SLICE("Config")), config);
    struct slice argv[] = {hidden, SLICE("get"), SLICE("x")};
    const struct command_entry *container;
    assert_string_equal(command_index_resolve(idx, argv, 3, &container)->command->name, "config|get");

    assert_int_equal(command_index_rename(idx, SLICE("config"), SLICE("x")), COMMAND_RENAME_NO_SUCH);
    assert_int_equal(command_index_rename(idx, SLICE("get"), SLICE("SET")), COMMAND_RENAME_EXISTS);
    assert_int_equal(command_index_rename(idx, SLICE("get"), SLICE("GET")), COMMAND_RENAMED);
    assert_int_equal(command_index_rename(idx, SLICE("get"), SLICE("old")), COMMAND_RENAMED);
    assert_int_equal(command_index_rename(idx, SLICE("set"), SLICE("get")), COMMAND_RENAMED);
    assert_string_equal(command_index_find(idx, SLICE("get"))->command->name, "set");
    assert_string_equal(command_index_find(idx, SLICE("OLD"))->command->name, "get");

    assert_int_equal(command_index_rename(idx, SLICE("flushall"), SLICE("")), COMMAND_RENAMED);
    assert_int_equal(command_index_rename(idx, SLICE("flushdb"), SLICE("")), COMMAND_RENAMED);
    assert_null(command_index_find(idx, SLICE("flushall")));
    assert_non_null(command_index_find_declared(idx, SLICE("flushall")));
    command_index_free(idx);
}

/* More names than any server has, of all lengths, many alike at both ends. */
static void many_names(void **state)
{
    (void)state;
    enum { MANY = 3000, LONGEST = 48 };
    struct command *table = calloc(MANY + 1, sizeof *table);
    char *names = calloc(MANY, LONGEST);
    for (int i = 0; i < MANY; i++) {
        table[i].name = names + i * LONGEST;
        if (i % 3 == 0) snprintf(names + i * LONGEST, LONGEST, "n%d", i);
        if (i % 3 == 1) snprintf(names + i * LONGEST, LONGEST, "command.with%dthe.same.ends", i);
        if (i % 3 == 2) snprintf(names + i * LONGEST, LONGEST, "%.*s%d", i % 30, "abcdefghijklmnopqrstuvwxyz_-.x", i);
    }
    const struct command *one_table[] = {table};
    struct command_index *idx = command_index_new(one_table, 1);
    assert_int_equal(command_index_count(idx), MANY);
    for (int i = 0; i < MANY; i++) {
        const struct command_entry *entry = command_index_find(idx, slice_cstr(table[i].name));
        assert_non_null(entry);
        assert_int_equal(entry->id, i);
    }
    command_index_free(idx);
    free(names);
    free(table);
}

/* ---- keys ---- */

/* Splits at blanks and asks as COMMAND GETKEYSANDFLAGS does; the answer as text: "a:RO,access b:OW" or a failure's. */
static const char *keys_text(struct command_index *idx, const char *line, char out[512])
{
    char copy[256];
    struct slice argv[32];
    struct key_ref keys[16];
    int argc = 0;
    size_t at = 0;
    snprintf(copy, sizeof copy, "%s", line);
    for (char *save, *word = strtok_r(copy, " ", &save); word != NULL; word = strtok_r(NULL, " ", &save))
        argv[argc++] = slice_cstr(word);
    int n = command_keys_of_request(idx, argv, argc, keys, ARRAY_LEN(keys));
    out[0] = '\0';
    if (n < 0) {
        snprintf(out, 512, "%s", command_keys_error(n).ptr);
        return out;
    }
    assert_int_equal(command_keys_of_request(idx, argv, argc, NULL, 0), n);
    for (int i = 0; i < n; i++) {
        struct slice key = argv[keys[i].position];
        at += (size_t)snprintf(out + at, 512 - at, "%s%.*s", i == 0 ? "" : " ", (int)key.len, key.ptr);
        char sep = ':';
        for (unsigned bit = 0; bit < KEY_FLAG_COUNT; bit++) {
            if (!(keys[i].flags >> bit & 1)) continue;
            at += (size_t)snprintf(out + at, 512 - at, "%c%s", sep, key_flag_word(bit).ptr);
            sep = ',';
        }
    }
    return out;
}

static void keys_of_requests(void **state)
{
    static const char *const cases[][2] = {
        {"get a", "a:RO,access"},
        {"GET", "ERR Invalid number of arguments specified for command"},
        {"set a b", "a:OW,update"},
        {"set a b EX 10 get", "a:RW,access,update"},
        {"set a b IFEQ c", "a:RW,access,update"},
        {"set a get px 1", "a:OW,update"},
        {"mget a b c", "a:RO,access b:RO,access c:RO,access"},
        {"mset a 1 b 2", "a:OW,update b:OW,update"},
        {"mset a 1 b", "a:OW,update b:OW,update"},
        {"msetex 2 a 1 b 2 EX 10", "a:OW,update b:OW,update"},
        {"msetex 3 a 1 b 2", "ERR Invalid arguments specified for command"},
        {"msetex 0 a 1 b 2", "ERR Invalid arguments specified for command"},
        {"msetex -1 a 1 b 2", "ERR Invalid arguments specified for command"},
        {"msetex x a 1 b 2", "ERR Invalid arguments specified for command"},
        {"msetex 4611686018427387904 a 1", "ERR Invalid arguments specified for command"},
        {"msetex 18446744073709551617 a 1", "ERR Invalid arguments specified for command"},
        {"copy a b REPLACE", "a:RO,access b:OW,update"},
        {"copy a", "ERR Invalid number of arguments specified for command"},
        {"rename a b", "a:RW,access,delete b:OW,update"},
        {"lcs a b LEN", "a:RO,access b:RO,access"},
        {"del a b", "a:RM,delete b:RM,delete"},
        {"watch a b", "a:RO b:RO"},
        {"object encoding a", "a:RO"},
        {"memory usage a", "a:RO"},
        {"object help", "ERR The command has no key arguments"},
        {"client list", "ERR The command has no key arguments"},
        {"config", "ERR The command has no key arguments"},
        {"ping", "ERR The command has no key arguments"},
        {"client nosuch", "ERR Invalid command specified"},
        {"nosuch a", "ERR Invalid command specified"},
        {"client|list", "ERR Invalid command specified"},
        {"", "ERR Invalid command specified"},
    };
    (void)state;
    struct command_index *idx = index_new();
    char out[512];
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) assert_string_equal(keys_text(idx, cases[i][0], out), cases[i][1]);
    command_index_free(idx);
}

/* The same for families whose tables may still be empty: what is not there is passed over. */
static void keys_of_collections(void **state)
{
    static const char *const cases[][2] = {
        {"blpop a b 0", "a:RW,access,delete b:RW,access,delete"},
        {"blmove a b left right 0", "a:RW,access,delete b:RW,insert"},
        {"lmpop 2 a b left", "a:RW,access,delete b:RW,access,delete"},
        {"lmpop 4 a b left", "ERR Invalid arguments specified for command"},
        {"blmpop 0 1 a left", "a:RW,access,delete"},
        {"sinterstore d a b", "d:OW,update a:RO,access b:RO,access"},
        {"sunioncard 2 a b limit 1", "a:RO,access b:RO,access"},
        {"hsetex a fields 1 f v", "a:RW,update"},
        {"zunionstore d 2 a b weights 1 2", "d:OW,update a:RO,access b:RO,access"},
        {"zrangestore d s 0 -1", "d:OW,update s:RO,access"},
        {"bitop and d a b", "d:OW,update a:RO,access b:RO,access"},
        {"bitfield a", "a:RO,access"},
        {"bitfield a get u8 0 get u8 1", "a:RO,access"},
        {"bitfield a overflow sat get u8 0", "a:RO,access"},
        {"bitfield a get u8 0 set u8 0 1", "a:RW,access,update"},
        {"bitfield a get u8", "a:RW,access,update"},
        {"pfcount a b", "a:RW,access b:RW,access"},
        {"pfmerge d", "d:RW,access,insert"},
        {"pfmerge d a", "d:RW,access,insert a:RO,access"},
        {"georadius a 1 1 1 m", "a:RO,access"},
        {"georadius a 1 1 1 m count 1 store store", "a:RO,access store:OW,update"},
        {"georadius a 1 1 1 m store d storedist e", "a:RO,access d:OW,update e:OW,update"},
        {"georadius a 1 1 1 m store", "a:RO,access"},
        {"georadiusbymember a store 1 m storedist d", "a:RO,access d:OW,update"},
        {"xread streams a b 0 0", "a:RO,access b:RO,access"},
        {"xread count 1 a b", "ERR Invalid arguments specified for command"},
        {"xread block 0 streams", "ERR Invalid arguments specified for command"},
        {"xread count streams streams a 0", "a:RO,access"},
        {"xreadgroup group streams streams streams a >", "a:RO,access"},
        {"xreadgroup count 1 group g streams noack streams a b > >", "a:RO,access b:RO,access"},
        {"xgroup create a g $", "a:RW,insert"},
        {"sort a", "a:RO,access"},
        {"sort a by store get store limit 0 store store d", "a:RO,access d:OW,update"},
        {"sort a store d store e", "a:RO,access e:OW,update"},
        {"sort a store", "a:RO,access"},
        {"sort_ro a by b get c", "a:RO,access"},
        {"delex a", "a:RM,delete"},
        {"delex a ifeq v", "a:RW,delete"},
    };
    (void)state;
    struct command_index *idx = index_new();
    char out[512];
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct slice name = slice_of(cases[i][0], strcspn(cases[i][0], " "));
        if (command_index_find(idx, name) != NULL) assert_string_equal(keys_text(idx, cases[i][0], out), cases[i][1]);
    }
    command_index_free(idx);
}

/* Every getkeys function, with every way to stop in the middle of its words: what it names lies in argv, and it counts
 * the same whether there is room or not. */
static void getkeys_of_any_words(void **state)
{
    static const char *const words[] = {"store", "storedist", "count",   "get", "by",       "limit", "streams", "group",
                                        "block", "noack",     "u8",      "a",   "overflow", "set",   "incrby",  "1"};
    (void)state;
    uint32_t seed = 7;
    for (size_t t = 0; t < ARRAY_LEN(tables); t++) {
        for (const struct command *cmd = tables[t]; cmd->name != NULL; cmd++) {
            if (cmd->getkeys == NULL) continue;
            for (int round = 0; round < 3000; round++) {
                struct slice argv[20];
                struct key_ref keys[20];
                int argc = cmd->arity > 0 ? cmd->arity : -cmd->arity + round % 12;
                argv[0] = slice_cstr(cmd->name);
                for (int i = 1; i < argc; i++) {
                    seed = seed * 1664525 + 1013904223;
                    argv[i] = slice_cstr(words[seed >> 28]);
                }
                int n = command_keys(cmd, argv, argc, keys, ARRAY_LEN(keys));
                assert_in_range(n + 1, 0, ARRAY_LEN(keys) + 1);
                assert_int_equal(command_keys(cmd, argv, argc, NULL, 0), n);
                for (int i = 0; i < n; i++) assert_in_range(keys[i].position, 1, argc - 1);
            }
        }
    }
}

/* Forms that no command of these tables has yet. */
static const struct command forms[] = {
    {.name = "eval", .arity = -3, .flags = CMD_NO_MANDATORY_KEYS | CMD_MOVABLEKEYS,
     KEY_SPECS(SPEC_KEYNUM(2, 1, 1, KEY_RW | KEY_ACCESS))},
    {.name = "migrate", .arity = -4, KEY_SPECS(SPEC_AFTER("KEYS", -2, -1, 1, 0, KEY_RW))},
    {.name = "unknown", .arity = -1, KEY_SPECS(SPEC_UNKNOWN(KEY_RO))},
    {.name = "publish", .arity = 2, KEY_SPECS(SPEC_RANGE(1, 0, 1, KEY_RO | KEY_NOT_KEY))},
    {.name = "xread", .arity = -4, KEY_SPECS(SPEC_AFTER("STREAMS", 1, -1, 1, 2, KEY_RO | KEY_ACCESS))},
    {.name = "zunionstore", .arity = -4,
     KEY_SPECS(SPEC_RANGE(1, 0, 1, KEY_OW | KEY_UPDATE), SPEC_KEYNUM(2, 1, 1, KEY_RO | KEY_ACCESS))},
    {0}};

static void keys_of_other_forms(void **state)
{
    static const char *const cases[][2] = {
        {"eval x 2 a b c", "a:RW,access b:RW,access"},
        {"eval x 0", ""},
        {"eval x 5 a", ""},
        {"eval x nonsense", ""},
        {"migrate h 1 x KEYS a b", "a:RW b:RW"},
        {"migrate h 1 KEYS KEYS a", "a:RW"}, /* from the end backwards */
        {"migrate h 1 x y", "ERR Invalid arguments specified for command"},
        {"xread COUNT 1 streams a b 0 0", "a:RO,access b:RO,access"},
        {"xread streams a b 0", "a:RO,access"},
        {"xread streams streams 0 0", "streams:RO,access"},
        {"xread block 0 a b", "ERR Invalid arguments specified for command"},
        {"xread block 0 streams", "ERR Invalid arguments specified for command"},
        {"xread block 0 x streams a", "ERR Invalid arguments specified for command"},
        {"zunionstore d 2 a b", "d:OW,update a:RO,access b:RO,access"},
        {"zunionstore d 3 a b", "ERR Invalid arguments specified for command"},
        {"unknown a", "ERR Invalid arguments specified for command"},
        {"publish c", "ERR The command has no key arguments"},
    };
    (void)state;
    const struct command *one_table[] = {forms};
    struct command_index *idx = command_index_new(one_table, 1);
    char out[512];
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) assert_string_equal(keys_text(idx, cases[i][0], out), cases[i][1]);
    command_index_free(idx);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tables_are_consistent), cmocka_unit_test(words_of_the_bits),
        cmocka_unit_test(facts_as_clients_know_them), cmocka_unit_test(arity),
        cmocka_unit_test(every_name_in_any_case), cmocka_unit_test(near_misses),
        cmocka_unit_test(random_words), cmocka_unit_test(other_notations),
        cmocka_unit_test(renames), cmocka_unit_test(many_names),
        cmocka_unit_test(keys_of_requests), cmocka_unit_test(keys_of_collections),
        cmocka_unit_test(getkeys_of_any_words), cmocka_unit_test(keys_of_other_forms),
    };
    mem_thread_init();
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    mem_thread_exit();
    return failed;
}
