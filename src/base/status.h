/* Errors that a user can cause. Every function that can fail for such a reason returns one and must be checked.
 * The reply text of each stands in one table (status.c); texts with a variable part are formatted by the caller through
 * reply_errorf (resp/reply.h). */
#ifndef CAIRN_BASE_STATUS_H
#define CAIRN_BASE_STATUS_H

#include "base/compiler.h"
#include "base/slice.h"

/* X(name, reply text without '-' and CRLF) */
#define STATUS_TABLE(X)                                                                                                \
    X(ST_OK, "OK")                                                                                                     \
    X(ST_SYNTAX, "ERR syntax error")                                                                                   \
    X(ST_WRONG_TYPE, "WRONGTYPE Operation against a key holding the wrong kind of value")                              \
    X(ST_NOT_INT, "ERR value is not an integer or out of range")                                                       \
    X(ST_RANGE, "ERR value is out of range")                                                                           \
    X(ST_RANGE_POSITIVE, "ERR value is out of range, must be positive")                                                \
    X(ST_NOT_FLOAT, "ERR value is not a valid float")                                                                  \
    X(ST_MIN_MAX_NOT_FLOAT, "ERR min or max is not a float")                                                           \
    X(ST_OVERFLOW, "ERR increment or decrement would overflow")                                                        \
    X(ST_DECR_OVERFLOW, "ERR decrement would overflow")                                                                \
    X(ST_NAN_INF, "ERR increment would produce NaN or Infinity")                                                       \
    X(ST_NO_SUCH_KEY, "ERR no such key")                                                                               \
    X(ST_OFFSET_RANGE, "ERR offset is out of range")                                                                   \
    X(ST_INDEX_RANGE, "ERR index out of range")                                                                        \
    X(ST_DB_RANGE, "ERR DB index is out of range")                                                                     \
    X(ST_DB_INVALID, "ERR invalid DB index")                                                                           \
    X(ST_SAME_OBJECT, "ERR source and destination objects are the same")                                               \
    X(ST_STRING_TOO_LONG, "ERR string exceeds maximum allowed size (proto-max-bulk-len)")                              \
    X(ST_HLL_CORRUPT, "INVALIDOBJ Corrupted HLL object detected")                                                      \
    X(ST_NOT_HLL, "WRONGTYPE Key is not a valid HyperLogLog string value.")                                            \
    X(ST_INVALID_CURSOR, "ERR invalid cursor")                                                                         \
    X(ST_NOT_INTEGER_TIMEOUT, "ERR timeout is not an integer or out of range")                                         \
    X(ST_TIMEOUT_NOT_FLOAT, "ERR timeout is not a float or out of range")                                              \
    X(ST_TIMEOUT_NEGATIVE, "ERR timeout is negative")                                                                  \
    X(ST_TIMEOUT_RANGE, "ERR timeout is out of range")                                                                 \
    X(ST_NOAUTH, "NOAUTH Authentication required.")                                                                    \
    X(ST_WRONGPASS, "WRONGPASS invalid username-password pair or user is disabled.")                                   \
    X(ST_OOM, "OOM command not allowed when used memory > 'maxmemory'.")                                               \
    X(ST_NO_MEMORY, "ERR out of memory for this request")                                                              \
    X(ST_READONLY, "READONLY You can't write against a read only replica.")                                            \
    X(ST_LOADING, "LOADING Redis is loading the dataset in memory")                                                    \
    X(ST_MASTERDOWN, "MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.")               \
    X(ST_MISCONF,                                                                                                      \
      "MISCONF Redis is configured to save RDB snapshots, but it's currently unable to persist to disk. "              \
      "Commands that may modify the data set are disabled, because this instance is configured to report "             \
      "errors during writes if RDB snapshotting fails (stop-writes-on-bgsave-error option). Please check "             \
      "the Redis logs for details about the RDB error.")                                                               \
    X(ST_NOREPLICAS, "NOREPLICAS Not enough good replicas to write.")                                                  \
    X(ST_BUSY_SCRIPT, "BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.")        \
    X(ST_EXECABORT, "EXECABORT Transaction discarded because of previous errors.")                                     \
    X(ST_EXEC_WITHOUT_MULTI, "ERR EXEC without MULTI")                                                                 \
    X(ST_DISCARD_WITHOUT_MULTI, "ERR DISCARD without MULTI")                                                           \
    X(ST_MULTI_NESTED, "ERR MULTI calls can not be nested")                                                            \
    X(ST_WATCH_IN_MULTI, "ERR WATCH inside MULTI is not allowed")                                                      \
    X(ST_NOPROTO, "NOPROTO unsupported protocol version")                                                              \
    X(ST_UNBLOCKED, "UNBLOCKED client unblocked via CLIENT UNBLOCK")

enum status {
#define STATUS_ENUM(name, text) name,
    STATUS_TABLE(STATUS_ENUM)
#undef STATUS_ENUM
        ST_COUNT
};

/* The reply text of a status: "ERR syntax error". A view of constant memory. */
struct slice status_text(enum status st);

#endif
