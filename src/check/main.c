/* cairn-check-rdb and cairn-check-aof: one program, which looks at the name that it was called by. */
#include "base/clock.h"
#include "base/mem.h"
#include "base/num.h"
#include "base/version.h"
#include "check/check.h"
#include "sys/files.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char rdb_usage[] = "Usage: %s <rdb-file-name>\n";
static const char rdb_help[] =
    "       %s --stats <rdb-file-name> (with keys and bytes of each type)\n"
    "       %s -v | --version\n"
    "       %s -h | --help\n"
    "\n"
    "Reads an RDB file as the server would, every value included, and says what is in it or where it is damaged.\n"
    "Exit status: 0 the file is sound, 1 it is not or cannot be read.\n";

static const char aof_usage[] = "Usage: %s [--fix|--truncate-to-timestamp $timestamp] <file.manifest|file.aof>\n";
static const char aof_help[] =
    "       %s -v | --version\n"
    "       %s -h | --help\n"
    "\n"
    "Reads an append-only file, or all files of one by its manifest, and says whether and where they are damaged.\n"
    "  --fix                        cuts off what cannot be read at the end of the last file, after a question\n"
    "  --yes                        with --fix: does not ask\n"
    "  --truncate-to-timestamp TS   cuts off what was written after that Unix time (needs aof-timestamp-enabled)\n"
    "Exit status: 0 the files are sound (now), 1 they are not or cannot be read.\n";

static bool word_is(const char *word, const char *a, const char *b)
{
    return strcmp(word, a) == 0 || strcmp(word, b) == 0;
}

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash == NULL ? path : slash + 1;
}

static int usage(FILE *out, const char *text, const char *name)
{
    fprintf(out, text, name);
    return 1;
}

/* --help and --version; false: neither was asked for. */
static bool told(int argc, char **argv, const char *name, const char *how, const char *more)
{
    if (argc != 2) return false;
    if (word_is(argv[1], "-h", "--help")) {
        printf(how, name);
        printf(more, name, name, name);
        return true;
    }
    if (word_is(argv[1], "-v", "--version")) {
        printf("%s %s (cairn %s)\n", name, CAIRN_REDIS_VERSION, CAIRN_VERSION);
        return true;
    }
    return false;
}

static int rdb_main(struct check *c, const char *name, int argc, char **argv)
{
    if (told(argc, argv, name, rdb_usage, rdb_help)) return 0;
    int at = 1;
    if (argc > at && strcmp(argv[at], "--stats") == 0) {
        c->stats = true;
        at++;
    }
    if (argc != at + 1) return usage(stderr, rdb_usage, name);
    return check_rdb_file(c, argv[at]) ? 0 : 1;
}

static bool take_timestamp(const char *text, int64_t *out)
{
    if (slice_to_i64(slice_cstr(text), out) == ST_OK) return true;
    printf("Invalid timestamp, aborting...\n");
    return false;
}

static int aof_main(struct check *c, const char *name, int argc, char **argv)
{
    struct check_aof_options options = {0};
    int at = 1;
    if (told(argc, argv, name, aof_usage, aof_help)) return 0;
    for (; at < argc - 1; at++) {
        if (strcmp(argv[at], "--fix") == 0 && !options.truncate) {
            options.fix = true;
        } else if (word_is(argv[at], "-y", "--yes")) {
            options.yes = true;
        } else if (strcmp(argv[at], "--truncate-to-timestamp") == 0 && !options.fix && at + 2 < argc) {
            if (!take_timestamp(argv[++at], &options.timestamp)) return 1;
            options.truncate = options.timestamp != 0;
        } else {
            return usage(stdout, aof_usage, name);
        }
    }
    if (at != argc - 1) return usage(stdout, aof_usage, name);
    return check_aof_file(c, argv[at], &options) ? 0 : 1;
}

int main(int argc, char **argv)
{
    mem_thread_init();
    const char *name = argc > 0 ? base_name(argv[0]) : "cairn-check-rdb";
    struct check c = {.files = &files_posix,
                      .out = stdout,
                      .in = stdin,
                      .terminal = isatty(STDERR_FILENO) && isatty(STDOUT_FILENO) ? stderr : NULL,
                      .now_ms = clock_wall_ms(),
                      .seed = {clock_wall_us(), clock_mono_ns()}};
    setvbuf(stdout, NULL, _IOLBF, 0);
    return strstr(name, "check-aof") != NULL ? aof_main(&c, name, argc, argv) : rdb_main(&c, name, argc, argv);
}
