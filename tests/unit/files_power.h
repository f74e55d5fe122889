/* Files that remember what was done to them, so that a test can cut the power behind each operation: the real files
 * below serve, and a journal of writes, truncations, fsyncs, renames, unlinks and syncs of folders says what a disk may
 * hold after a cut. The journal is shared with forked children.
 *
 * What is legal (POSIX and no more): bytes are safe up to the last fsync of their file; of what was written since, any
 * sectors (512 B or 4 KiB) may have made it, and the size may be any between; names are safe when their folder was
 * synced, and changes of names since come true in their order up to some point, or any of them. */
#ifndef CAIRN_TEST_FILES_POWER_H
#define CAIRN_TEST_FILES_POWER_H

#include "sys/files.h"

struct power_journal; /* shared memory */

struct files_power {
    struct files files; /* pass &p.files */
    const struct files *under;
    struct power_journal *journal;
    const char *root; /* borrowed; what is outside of it is not recorded */
    struct power_fd *fds; /* of this process, by descriptor: threads that use different ones share nothing */
    unsigned fsync_delay_us; /* an fsync takes so long, so that other threads do something meanwhile */
};

/* The folder exists, is empty, and is the working directory. */
void files_power_init(struct files_power *p, const struct files *under, const char *root);
void files_power_deinit(struct files_power *p);

size_t files_power_operations(const struct files_power *p);
/* Something that the test remembers at this point: what was promised from here on. */
void files_power_mark(struct files_power *p, int64_t value);
/* The last mark among the first `operations`; before: when there was none. */
int64_t files_power_marked(const struct files_power *p, size_t operations, int64_t before);
const char *files_power_describe(const struct files_power *p, size_t operation, char out[128]);

enum power_names { POWER_NAMES_SYNCED, POWER_NAMES_ALL, POWER_NAMES_SOME, POWER_NAMES_ANY };
enum power_bytes {
    POWER_BYTES_SYNCED,  /* nothing but what was synced */
    POWER_BYTES_ALL,
    POWER_BYTES_TORN,    /* the size ends anywhere at a sector's end */
    POWER_BYTES_HOLES    /* sectors came in any order: some are still what they were, or zeros */
};
struct power_cut {
    size_t operations; /* that were done */
    enum power_names names;
    enum power_bytes bytes;
    int sector;
    uint64_t seed;
};
/* Makes what a disk may hold after the cut, in an empty folder. */
void files_power_image(const struct files_power *p, const struct power_cut *cut, const char *folder);

#endif
