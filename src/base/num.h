/* Numbers and their texts, as the protocol wants them: strict, locale-free, checked.
 * slice_to_i64 accepts exactly what the server would print back: optional '-', no '+', no spaces, no leading zeros,
 * no "-0". */
#ifndef CAIRN_BASE_NUM_H
#define CAIRN_BASE_NUM_H

#include "base/compiler.h"
#include "base/slice.h"
#include "base/status.h"

enum { NUM_I64_TEXT_MAX = 21, NUM_DOUBLE_TEXT_MAX = 32, NUM_LONG_DOUBLE_TEXT_MAX = 5 * 1024 };

must_use enum status slice_to_i64(struct slice text, int64_t *out);         /* ST_OK, ST_NOT_INT */
must_use enum status slice_to_u64(struct slice text, uint64_t *out);        /* ST_OK, ST_NOT_INT */
/* A double: decimal or exponent or hex or inf/infinity (any case); no spaces, no trailing text, NaN refused, empty
 * refused. */
must_use enum status slice_to_double(struct slice text, double *out);       /* ST_OK, ST_NOT_FLOAT */
must_use enum status slice_to_long_double(struct slice text, long double *out);
/* "1kb" 1024, "1k" 1000, "1mb", "1m", "1gb", "1g", "12b", "12"; case is ignored; negative and overflow refused. */
must_use enum status slice_to_bytes(struct slice text, uint64_t *out);      /* ST_OK, ST_NOT_INT */

int i64_to_text(char out[NUM_I64_TEXT_MAX], int64_t v);                     /* length, no NUL */
int u64_to_text(char out[NUM_I64_TEXT_MAX], uint64_t v);
/* Shortest decimal text that reads back as the same double ("0.1", "1e+20", "1.5e-7", "inf", "-inf", "nan", "-0";
 * integers up to 2^62 as plain digits): RESP3 doubles and scores. Returns the length; out is NUL-terminated. */
int double_to_text(char out[NUM_DOUBLE_TEXT_MAX], double v);
/* %.17Lf with the trailing zeros (and point) removed; never an exponent: INCRBYFLOAT, HINCRBYFLOAT. "-0" becomes
 * "0". */
int long_double_to_text(char out[NUM_LONG_DOUBLE_TEXT_MAX], long double v);
/* "1.50M" as INFO's *_human fields print: B, K, M, G, T, P with two decimals ("0B"). */
int bytes_to_human(char out[32], uint64_t bytes);

static inline bool i64_add(int64_t a, int64_t b, int64_t *out) /* false on overflow */
{
    return !__builtin_add_overflow(a, b, out);
}
static inline bool i64_mul(int64_t a, int64_t b, int64_t *out)
{
    return !__builtin_mul_overflow(a, b, out);
}

#endif
