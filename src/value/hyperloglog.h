/* HyperLogLogs: estimates of how many different elements were seen, in at most 12 KB. They are strings in a format of
 * their own, byte for byte that of Redis, so anything may have been done to them: every function takes strings that
 * hold garbage.
 *
 * Functions that change a record may move it, and leave its address in *r whatever they return. Their statuses: ST_OK,
 * ST_HLL_CORRUPT, ST_NO_MEMORY. */
#ifndef CAIRN_VALUE_HYPERLOGLOG_H
#define CAIRN_VALUE_HYPERLOGLOG_H

#include "base/buf.h"
#include "base/compiler.h"
#include "base/status.h"
#include "value/limits.h"
#include "value/record.h"

enum { HLL_REGISTERS = 16384 };

/* Whether a string record is a HyperLogLog as far as its head tells: ST_OK, ST_NOT_HLL. All else asks for that. */
must_use enum status hll_check(const struct record *r);
bool hll_is_dense(const struct record *r);

/* One that has seen nothing, not counted yet. NULL: no memory for a long key. */
struct record *hll_new(struct slice key) must_use;
/* *changed: a register grew. */
must_use enum status hll_add(struct record **r, const struct slice *elements, int count,
                             const struct value_limits *limits, bool *changed);
/* The estimate. *cached: it stood in the value; otherwise hll_cache puts it there. */
must_use enum status hll_count(const struct record *r, uint64_t *count, bool *cached);
must_use enum status hll_cache(struct record **r, uint64_t count);

/* Unions: registers, one byte each, that take the maximum of all that is put into them. */
struct hll_union {
    bool dense; /* one of them was dense */
    uint8_t registers[HLL_REGISTERS];
};
void hll_union_init(struct hll_union *u);
must_use enum status hll_union_put(struct hll_union *u, const struct record *r);
uint64_t hll_union_count(const struct hll_union *u);
/* r, which was put into u before, becomes the union. */
must_use enum status hll_union_store(const struct hll_union *u, struct record **r, const struct value_limits *limits);

/* For PFDEBUG. */
must_use enum status hll_make_dense(struct record **r);
must_use enum status hll_decode(const struct record *r, struct buf *text); /* the opcodes of a sparse one */
/* The registers of a dense one. */
void hll_registers(const struct record *r, uint8_t registers[HLL_REGISTERS]);

#endif
