/* cairn-server: the command line. */
#include "base/mem.h"
#include "base/version.h"
#include "server/server.h"
#include "sys/process.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char usage_text[] =
    "Usage: cairn-server [/path/to/cairn.conf] [options] [-]\n"
    "       cairn-server - (read the configuration from standard input)\n"
    "       cairn-server -v | --version\n"
    "       cairn-server -h | --help\n"
    "\n"
    "An option is any directive of the configuration file with two dashes in front; redis.conf files are accepted as "
    "they are.\n"
    "\n"
    "Examples:\n"
    "       cairn-server                          (defaults: port 6379, protected mode)\n"
    "       cairn-server /etc/cairn/cairn.conf\n"
    "       cairn-server --port 7777 --loglevel verbose\n"
    "       cairn-server /etc/cairn/cairn.conf --maxmemory 2gb --maxmemory-policy allkeys-lru\n"
    "       echo 'maxmemory 128mb' | cairn-server -\n"
    "\n"
    "Then talk to it with any Redis client: redis-cli -p 7777 ping\n";

static int print_version(void)
{
    printf("Redis server v=%s sha=%s:%s malloc=%s bits=%d build=cairn-%s\n", CAIRN_REDIS_VERSION, CAIRN_GIT_SHA1,
           strcmp(CAIRN_GIT_DIRTY, "1") == 0 ? "1" : "0", mem_allocator_name(), (int)sizeof(void *) * 8, CAIRN_VERSION);
    return 0;
}

static bool word_is(const char *word, const char *a, const char *b)
{
    return strcmp(word, a) == 0 || strcmp(word, b) == 0;
}

int main(int argc, char **argv)
{
    mem_thread_init();
    if (argc == 2 && word_is(argv[1], "-v", "--version"))
        return print_version();
    if (argc == 2 && word_is(argv[1], "-h", "--help")) {
        fputs(usage_text, stdout);
        return 0;
    }
    process_title_init(argc, argv);
    const char *path = NULL;
    int first = 1;
    if (argc > 1 && (argv[1][0] != '-' || argv[1][1] == '\0')) {
        path = argv[1];
        first = 2;
    } else if (argc > 1 && strcmp(argv[argc - 1], "-") == 0) {
        path = "-";
        argc--;
    }
    struct buf err = BUF_INIT;
    struct server *s = server_new(argv[0], path, argc - first, argv + first, &err);
    if (s == NULL) {
        fprintf(stderr, "%s\n", buf_cstr(&err));
        buf_deinit(&err);
        return 1;
    }
    buf_deinit(&err);
    int code = server_run(s);
    server_free(s);
    return code;
}
