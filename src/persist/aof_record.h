/* Records of an append-only file: what was written at one go, with a checksum before it.
 *
 *   #CRC:<length> <checksum> <durable>\r\n
 *   <length bytes: commands, and annotation lines of other kinds>
 *
 * checksum: CRC-64 of the bytes and then of the text "<length> <durable>", 16 hex digits. durable: so many bytes of
 * this file were known to be on disk when the record was written. A record that is broken although a later one tells
 * that it was on disk has rotted; one at the end of which that is not told may have been torn by a power cut.
 *
 * Lines that begin with '#' are skipped by Redis from 7.0 on, so that it reads these files, and bytes without a record
 * around them are what Redis appended. Other annotations:
 *
 *   #TS:<Unix seconds>      what follows was written then or later (aof-timestamp-enabled)
 *   #OFF:<offset>           where in the log what follows stands: at the head of each increment */
#ifndef CAIRN_PERSIST_AOF_RECORD_H
#define CAIRN_PERSIST_AOF_RECORD_H

#include "base/compiler.h"
#include "base/slice.h"

enum {
    AOF_RECORD_HEAD_MAX = 80,       /* a head with its line end */
    AOF_ANNOTATION_LINE_MAX = 1024  /* as in Redis */
};

struct aof_record {
    uint64_t len, crc, durable;
};

/* The head of a record of these bytes; its length. */
int aof_record_head(char out[AOF_RECORD_HEAD_MAX], struct slice bytes, uint64_t durable);

enum aof_line { AOF_LINE_OTHER, AOF_LINE_RECORD, AOF_LINE_TIME, AOF_LINE_OFFSET, AOF_LINE_BAD };
/* What an annotation line says (without its line end). BAD: it begins as one of ours does, and is not whole. number: of
 * TIME and OFFSET. */
enum aof_line aof_line_parse(struct slice line, struct aof_record *record, uint64_t *number);
bool aof_record_matches(const struct aof_record *record, struct slice bytes);
/* Whether a record that does not match was shortened by Redis, which cuts a torn tail behind the last whole command,
 * and then went on behind it: what follows the head are whole commands, one of which (or another record) stands where
 * the record should end, and not a head of ours. `rest` is all behind the head, or so much that the record and
 * AOF_RECORD_LOOK_BEHIND bytes more are there. whole_end: also when the file ends with a whole command before that,
 * which a power cut makes, too. */
enum { AOF_RECORD_LOOK_BEHIND = 4 * 1024 * 1024 };
bool aof_record_was_shortened(const struct aof_record *record, struct slice rest, bool whole_end);

enum aof_take { AOF_TAKE_READY, AOF_TAKE_MORE, AOF_TAKE_BAD };
/* Takes one command in RESP form from the front of `in`: *argv grows as needed (mem_alloc), *used bytes were taken, or
 * so many at least are missing (0: unknown). BAD: *used says where. */
struct aof_args {
    struct slice *argv; /* owned */
    int count, cap;     /* count: used in argv by all commands so far */
};
enum aof_take aof_command_take(struct slice in, struct aof_args *args, int *argc, uint64_t *used, uint64_t *missing);

#endif
