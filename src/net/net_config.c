/* The directives of sockets and connections. */
#include "net/net_config.h"

#include "base/mem.h"
#include "base/num.h"
#include "engine/config.h"

#include <limits.h>
#include <string.h>

struct net_settings {
    struct config *config;
    struct output_limit limits[OUTPUT_CLASSES];
    char *bind_text; /* the addresses, each ended by NUL */
    const char *binds[BIND_ADDRESSES_MAX];
    int bind_count;
};

struct net_settings *net_settings_new(struct config *c)
{
    struct net_settings *s = mem_zalloc(sizeof(*s));
    s->config = c;
    return s;
}

void net_settings_free(struct net_settings *s)
{
    mem_free(s->bind_text);
    mem_free(s);
}

/* --- bind --- */

static bool set_bind(void *owner, const struct config_input *in, struct buf *value, struct buf *err)
{
    (void)owner;
    if (in->argc > BIND_ADDRESSES_MAX) {
        buf_append_slice(err, SLICE("Too many bind addresses specified."));
        return false;
    }
    for (int i = 0; i < in->argc; i++) {
        if (i > 0)
            buf_append_char(value, ' ');
        buf_append_slice(value, in->argv[i]);
    }
    return true;
}

static bool apply_bind(void *owner, struct buf *err)
{
    (void)err;
    struct net_settings *s = owner;
    mem_free(s->bind_text);
    s->bind_text = mem_strdup(*config_bind_str(s->config, "bind"));
    s->bind_count = 0;
    char *rest = NULL;
    for (char *word = strtok_r(s->bind_text, " ", &rest); word != NULL && s->bind_count < BIND_ADDRESSES_MAX;
         word = strtok_r(NULL, " ", &rest))
        s->binds[s->bind_count++] = word;
    return true;
}

const char *const *net_bind_addresses(const struct config *c, int *count)
{
    const struct net_settings *s = config_owner(c, "bind");
    *count = s->bind_count;
    return s->binds;
}

/* --- client-output-buffer-limit: four words per class --- */

static int class_named(struct slice name)
{
    if (slice_is(name, "normal")) return OUTPUT_NORMAL;
    if (slice_is(name, "slave") || slice_is(name, "replica")) return OUTPUT_REPLICA;
    if (slice_is(name, "pubsub")) return OUTPUT_PUBSUB;
    return -1;
}

static bool limit_read(const struct slice *argv, struct output_limit *out)
{
    int64_t seconds;
    if (slice_to_bytes(argv[0], &out->hard_bytes) != ST_OK || slice_to_bytes(argv[1], &out->soft_bytes) != ST_OK)
        return false;
    if (slice_to_i64(argv[2], &seconds) != ST_OK || seconds < 0)
        return false;
    out->soft_seconds = (uint64_t)seconds;
    return true;
}

static bool limits_read(int argc, const struct slice *argv, struct output_limit limits[OUTPUT_CLASSES],
                        const char **why)
{
    *why = "Wrong number of arguments in buffer limit configuration.";
    if (argc % 4 != 0)
        return false;
    for (int i = 0; i < argc; i += 4) {
        int cls = class_named(argv[i]);
        *why = "Invalid client class specified in buffer limit configuration.";
        if (cls < 0)
            return false;
        *why = "Error in hard, soft or soft_seconds setting in buffer limit configuration.";
        if (!limit_read(&argv[i + 1], &limits[cls]))
            return false;
    }
    return true;
}

/* Reads the canonical text. */
static void limits_of_text(struct slice text, struct output_limit limits[OUTPUT_CLASSES])
{
    struct slice words[4 * OUTPUT_CLASSES];
    int count = 0;
    size_t start = 0;
    for (size_t i = 0; i <= text.len && count < 4 * OUTPUT_CLASSES; i++) {
        if (i < text.len && text.ptr[i] != ' ')
            continue;
        if (i > start)
            words[count++] = slice_of(text.ptr + start, i - start);
        start = i + 1;
    }
    const char *why;
    (void)limits_read(count, words, limits, &why);
}

static void limits_print(const struct output_limit limits[OUTPUT_CLASSES], struct buf *out)
{
    static const char *const names[OUTPUT_CLASSES] = {"normal", "slave", "pubsub"};
    for (int i = 0; i < OUTPUT_CLASSES; i++)
        buf_appendf(out, "%s%s %llu %llu %llu", i > 0 ? " " : "", names[i], (unsigned long long)limits[i].hard_bytes,
                    (unsigned long long)limits[i].soft_bytes, (unsigned long long)limits[i].soft_seconds);
}

static bool set_output_limits(void *owner, const struct config_input *in, struct buf *value, struct buf *err)
{
    (void)owner;
    struct output_limit limits[OUTPUT_CLASSES] = {{0, 0, 0}};
    const char *why;
    limits_of_text(in->current, limits);
    if (!limits_read(in->argc, in->argv, limits, &why)) {
        buf_append(err, why, strlen(why));
        return false;
    }
    limits_print(limits, value);
    return true;
}

static bool apply_output_limits(void *owner, struct buf *err)
{
    (void)err;
    struct net_settings *s = owner;
    limits_of_text(slice_cstr(*config_bind_str(s->config, "client-output-buffer-limit")), s->limits);
    return true;
}

static void bytes_print(struct buf *out, uint64_t v)
{
    if (v != 0 && v % (1 << 30) == 0)
        buf_appendf(out, " %llugb", (unsigned long long)(v >> 30));
    else if (v != 0 && v % (1 << 20) == 0)
        buf_appendf(out, " %llumb", (unsigned long long)(v >> 20));
    else if (v != 0 && v % (1 << 10) == 0)
        buf_appendf(out, " %llukb", (unsigned long long)(v >> 10));
    else
        buf_appendf(out, " %llu", (unsigned long long)v);
}

static void rewrite_output_limits(const struct config_output *out, struct buf *lines)
{
    static const char *const names[OUTPUT_CLASSES] = {"normal", "replica", "pubsub"};
    struct output_limit now[OUTPUT_CLASSES] = {{0, 0, 0}}, fallback[OUTPUT_CLASSES] = {{0, 0, 0}};
    limits_of_text(out->value, now);
    limits_of_text(out->fallback, fallback);
    for (int i = 0; i < OUTPUT_CLASSES; i++) {
        if (memcmp(&now[i], &fallback[i], sizeof(now[i])) == 0 && !out->force)
            continue;
        buf_appendf(lines, "%s %s", out->name, names[i]);
        bytes_print(lines, now[i].hard_bytes);
        bytes_print(lines, now[i].soft_bytes);
        buf_appendf(lines, " %llu\n", (unsigned long long)now[i].soft_seconds);
    }
}

const struct output_limit *net_output_limit(const struct config *c, enum output_class cls)
{
    const struct net_settings *s = config_owner(c, "bind");
    return &s->limits[cls];
}

/* --- the table --- */

static const struct config_enum io_backends[] = {{"auto", IO_BACKEND_AUTO},
                                                 {"epoll", IO_BACKEND_EPOLL},
                                                 {"io_uring", IO_BACKEND_URING},
                                                 {NULL, 0}};
static const struct config_enum tls_auth[] = {{"no", 0}, {"yes", 1}, {"optional", 2}, {NULL, 0}};
static const struct config_enum tls_users[] = {{"off", 0}, {"CN", 1}, {"URI", 2}, {NULL, 0}};

enum { NEW_FIXED = CONFIG_IMMUTABLE | CONFIG_HIDDEN, TLS = CONFIG_INERT, TLS_FILE = CONFIG_INERT | CONFIG_VOLATILE };

const struct config_item net_config_items[] = {
    /* listening */
    {CONFIG_ITEM_SPECIAL("bind", CONFIG_MULTI_ARG, "* -::*", set_bind), .apply = apply_bind},
    {CONFIG_ITEM_INT("port", 0, "6379", 0, 65535)},
    {CONFIG_ITEM_STRING("unixsocket", CONFIG_IMMUTABLE, "")},
    {.name = "unixsocketperm", .type = CONFIG_OCTAL, .flags = CONFIG_IMMUTABLE, .fallback = "0", .min = 0, .max = 0777},
    {CONFIG_ITEM_STRING("unixsocketgroup", NEW_FIXED, "")},
    {CONFIG_ITEM_INT("tcp-backlog", CONFIG_IMMUTABLE, "511", 0, INT_MAX)},
    {CONFIG_ITEM_INT("socket-mark-id", CONFIG_IMMUTABLE, "0", 0, UINT_MAX)},
    {CONFIG_ITEM_STRING("bind-source-addr", CONFIG_INERT, "")},
    {CONFIG_ITEM_INT("max-new-connections-per-cycle", 0, "10", 1, 1000)},
    {CONFIG_ITEM_BOOL("protected-mode", 0, "yes")},
    {CONFIG_ITEM_BOOL("mptcp", NEW_FIXED | CONFIG_INERT, "no")},
    /* connections */
    {CONFIG_ITEM_INT("tcp-keepalive", 0, "300", 0, INT_MAX)},
    {CONFIG_ITEM_INT("timeout", 0, "0", 0, INT_MAX)},
    {CONFIG_ITEM_INT("maxclients", 0, "10000", 1, UINT_MAX)},
    {CONFIG_ITEM_BYTES("client-query-buffer-limit", 0, "1gb", 1024 * 1024, LONG_MAX)},
    {CONFIG_ITEM_SPECIAL("client-output-buffer-limit", CONFIG_MULTI_ARG,
                         "normal 0 0 0 replica 256mb 64mb 60 pubsub 32mb 8mb 60", set_output_limits),
     .apply = apply_output_limits, .rewrite = rewrite_output_limits},
    {.name = "maxmemory-clients", .type = CONFIG_PERCENT_OR_BYTES, .fallback = "0"},
    /* threads */
    {CONFIG_ITEM_INT("io-threads", CONFIG_IMMUTABLE | CONFIG_INERT, "1", 1, 128)},
    {CONFIG_ITEM_BOOL("io-threads-do-reads", CONFIG_IMMUTABLE | CONFIG_INERT, "no")},
    {CONFIG_ITEM_INT("events-per-io-thread", CONFIG_HIDDEN | CONFIG_INERT, "2", 0, INT_MAX)},
    {CONFIG_ITEM_INT("prefetch-batch-max-size", CONFIG_INERT, "16", 0, 128)},
    {CONFIG_ITEM_ENUM("io-backend", NEW_FIXED, "auto", io_backends)},
    /* TLS */
    {CONFIG_ITEM_INT("tls-port", TLS, "0", 0, 65535)},
    {CONFIG_ITEM_INT("max-new-tls-connections-per-cycle", TLS, "1", 1, 1000)},
    {CONFIG_ITEM_INT("tls-session-cache-size", TLS, "20480", 0, INT_MAX)},
    {CONFIG_ITEM_INT("tls-session-cache-timeout", TLS, "300", 0, INT_MAX)},
    {CONFIG_ITEM_BOOL("tls-cluster", TLS, "no")},
    {CONFIG_ITEM_BOOL("tls-replication", TLS, "no")},
    {CONFIG_ITEM_ENUM("tls-auth-clients", TLS, "yes", tls_auth)},
    {CONFIG_ITEM_ENUM("tls-auth-clients-user", TLS, "off", tls_users)},
    {CONFIG_ITEM_BOOL("tls-prefer-server-ciphers", TLS, "no")},
    {CONFIG_ITEM_BOOL("tls-session-caching", TLS, "yes")},
    {CONFIG_ITEM_STRING("tls-cert-file", TLS_FILE, "")},
    {CONFIG_ITEM_STRING("tls-key-file", TLS_FILE, "")},
    {CONFIG_ITEM_STRING("tls-key-file-pass", TLS | CONFIG_SENSITIVE, "")},
    {CONFIG_ITEM_STRING("tls-client-cert-file", TLS_FILE, "")},
    {CONFIG_ITEM_STRING("tls-client-key-file", TLS_FILE, "")},
    {CONFIG_ITEM_STRING("tls-client-key-file-pass", TLS | CONFIG_SENSITIVE, "")},
    {CONFIG_ITEM_STRING("tls-dh-params-file", TLS_FILE, "")},
    {CONFIG_ITEM_STRING("tls-ca-cert-file", TLS_FILE, "")},
    {CONFIG_ITEM_STRING("tls-ca-cert-dir", TLS_FILE, "")},
    {CONFIG_ITEM_STRING("tls-protocols", TLS, "")},
    {CONFIG_ITEM_STRING("tls-ciphers", TLS, "")},
    {CONFIG_ITEM_STRING("tls-ciphersuites", TLS, "")},
};
const int net_config_item_count = (int)ARRAY_LEN(net_config_items);
