/* Files whose n-th operation fails. Wraps another instance; closing is neither counted nor failed, so that nothing
 * leaks. */
#ifndef CAIRN_TEST_FILES_FAULTY_H
#define CAIRN_TEST_FILES_FAULTY_H

#include "sys/files.h"

enum fault_mode {
    FAULT_NONE,
    FAULT_ONCE,   /* the operation fails with `err`; a write puts half of its bytes out before */
    FAULT_CRASH,  /* it and all after it fail: the process has died there */
    FAULT_SHORT   /* every write and read moves at most 3 bytes; nothing fails */
};

struct files_faulty {
    struct files files; /* pass &f.files */
    struct files under;
    enum fault_mode mode;
    int fail_at;        /* counted from 1 */
    int err;
    int count;          /* operations so far */
    bool failed;
};

void files_faulty_init(struct files_faulty *f, const struct files *under, enum fault_mode mode, int fail_at, int err);

#endif
