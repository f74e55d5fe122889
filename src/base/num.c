/* Numbers and their texts.
 *
 * Doubles are printed by three roads, each exact where it is taken:
 *   integers up to 2^62       as integers;
 *   up to 15 digits, plain    m / 10^k with m < 10^15 and k <= 22: both are exact doubles, so the division rounds as
 *                             reading does, and no other decimal of at most 15 digits reads as the same double;
 *   the rest                  the C library, with rising precision until the text reads back as the same double.
 * Reading takes the second road backwards. The process never leaves the "C" locale for numbers: strtod relies on it. */
#include "base/num.h"

#include "base/mem.h"

#include <assert.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { DIGITS_EXACT = 15,
       POW10_EXACT = 22,
       DIGITS_MAX = 17 };

static const double pow10_exact[POW10_EXACT + 1] = {1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11,
                                                    1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};

static const char digit_pairs[201] =
    "0001020304050607080910111213141516171819202122232425262728293031323334353637383940414243444546474849"
    "5051525354555657585960616263646566676869707172737475767778798081828384858687888990919293949596979899";

/* ---- integers */

/* Digits without sign or leading zeros ("0" itself is allowed); false on anything else and on overflow. */
static bool parse_digits(const char *p, size_t len, uint64_t *out)
{
    if (len == 0 || len > 20) return false;
    unsigned first = (unsigned char)p[0] - '0';
    if (first > 9 || (first == 0 && len > 1)) return false;
    uint64_t v = first;
    size_t safe = len < 19 ? len : 19; /* 19 digits cannot overflow */
    for (size_t i = 1; i < safe; i++) {
        unsigned digit = (unsigned char)p[i] - '0';
        if (digit > 9) return false;
        v = v * 10 + digit;
    }
    if (len == 20) {
        unsigned digit = (unsigned char)p[19] - '0';
        if (digit > 9) return false;
        if (__builtin_mul_overflow(v, 10, &v) || __builtin_add_overflow(v, digit, &v)) return false;
    }
    *out = v;
    return true;
}

enum status slice_to_i64(struct slice text, int64_t *out)
{
    uint64_t v;
    if (text.len > 0 && text.ptr[0] == '-') {
        if (!parse_digits(text.ptr + 1, text.len - 1, &v)) return ST_NOT_INT;
        if (v == 0 || v > (uint64_t)INT64_MAX + 1) return ST_NOT_INT;
        *out = (int64_t)(0 - v);
        return ST_OK;
    }
    if (!parse_digits(text.ptr, text.len, &v) || v > INT64_MAX) return ST_NOT_INT;
    *out = (int64_t)v;
    return ST_OK;
}

enum status slice_to_u64(struct slice text, uint64_t *out)
{
    return parse_digits(text.ptr, text.len, out) ? ST_OK : ST_NOT_INT;
}

static const struct byte_unit {
    struct slice name;
    uint64_t factor;
} byte_units[] = {
    {{"", 0}, 1},
    {{"b", 1}, 1},
    {{"k", 1}, 1000},
    {{"kb", 2}, 1024},
    {{"m", 1}, 1000000},
    {{"mb", 2}, 1024 * 1024},
    {{"g", 1}, 1000000000},
    {{"gb", 2}, 1024 * 1024 * 1024},
};

enum status slice_to_bytes(struct slice text, uint64_t *out)
{
    size_t digits = 0;
    uint64_t v = 0;
    for (; digits < text.len && text.ptr[digits] >= '0' && text.ptr[digits] <= '9'; digits++) {
        uint64_t digit = (uint64_t)(text.ptr[digits] - '0');
        if (__builtin_mul_overflow(v, 10, &v) || __builtin_add_overflow(v, digit, &v)) return ST_NOT_INT;
    }
    if (digits == 0) return ST_NOT_INT;
    struct slice unit = slice_of(text.ptr + digits, text.len - digits);
    for (size_t i = 0; i < ARRAY_LEN(byte_units); i++) {
        if (!slice_eq_nocase(unit, byte_units[i].name)) continue;
        return __builtin_mul_overflow(v, byte_units[i].factor, out) ? ST_NOT_INT : ST_OK;
    }
    return ST_NOT_INT;
}

static int digit_count(uint64_t v)
{
    int count = 1;
    for (; v >= 10000; v /= 10000) count += 4;
    return count + (v >= 10) + (v >= 100) + (v >= 1000);
}

static int write_digits(char *out, uint64_t v)
{
    int len = digit_count(v), at = len;
    while (v >= 100) {
        unsigned pair = (unsigned)(v % 100) * 2;
        v /= 100;
        at -= 2;
        memcpy(out + at, digit_pairs + pair, 2);
    }
    if (v >= 10) {
        memcpy(out, digit_pairs + v * 2, 2);
    } else {
        out[0] = (char)('0' + v);
    }
    return len;
}

int u64_to_text(char out[NUM_I64_TEXT_MAX], uint64_t v)
{
    return write_digits(out, v);
}

int i64_to_text(char out[NUM_I64_TEXT_MAX], int64_t v)
{
    if (v >= 0) return write_digits(out, (uint64_t)v);
    out[0] = '-';
    return 1 + write_digits(out + 1, 0 - (uint64_t)v);
}

/* ---- reading floating point */

/* "-12.75": at most 15 digits, no exponent. false: the text wants the slow road (it may still be a number). */
static bool parse_short_decimal(struct slice text, double *out)
{
    size_t i = 0;
    bool negative = false;
    if (text.len > 0 && (text.ptr[0] == '-' || text.ptr[0] == '+')) negative = text.ptr[i++] == '-';
    int digits = 0, fraction = 0;
    bool point = false;
    int64_t mantissa = 0;
    for (; i < text.len; i++) {
        unsigned digit = (unsigned char)text.ptr[i] - '0';
        if (digit <= 9) {
            if (++digits > DIGITS_EXACT) return false;
            mantissa = mantissa * 10 + digit;
            fraction += point;
        } else if (text.ptr[i] == '.' && !point) {
            point = true;
        } else {
            return false;
        }
    }
    if (digits == 0) return false;
    double v = (double)mantissa / pow10_exact[fraction];
    *out = negative ? -v : v;
    return true;
}

static bool is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

enum status slice_to_double(struct slice text, double *out)
{
    if (parse_short_decimal(text, out)) return ST_OK;
    if (text.len == 0 || is_space(text.ptr[0])) return ST_NOT_FLOAT;
    char local[256], *copy = local;
    if (text.len >= sizeof local) {
        copy = mem_try_alloc(text.len + 1);
        if (copy == NULL) return ST_NOT_FLOAT;
    }
    memcpy(copy, text.ptr, text.len);
    copy[text.len] = '\0';
    char *end;
    errno = 0;
    double v = strtod(copy, &end);
    /* A NUL byte inside ends the number early and is refused with the rest. Numbers too small even for a denormal are
     * refused like those too large; denormals, of which strtod complains too, are not. */
    bool whole = (size_t)(end - copy) == text.len;
    bool lost = errno == ERANGE && (isinf(v) || v == 0);
    if (copy != local) mem_free(copy);
    if (!whole || lost || isnan(v)) return ST_NOT_FLOAT;
    *out = v;
    return ST_OK;
}

enum status slice_to_long_double(struct slice text, long double *out)
{
    if (text.len == 0 || text.len >= NUM_LONG_DOUBLE_TEXT_MAX || is_space(text.ptr[0])) return ST_NOT_FLOAT;
    char copy[NUM_LONG_DOUBLE_TEXT_MAX];
    memcpy(copy, text.ptr, text.len);
    copy[text.len] = '\0';
    char *end;
    errno = 0;
    long double v = strtold(copy, &end);
    if ((size_t)(end - copy) != text.len || isnan(v)) return ST_NOT_FLOAT;
    if (errno == ERANGE && (isinf(v) || v == 0)) return ST_NOT_FLOAT;
    *out = v;
    return ST_OK;
}

/* ---- writing floating point */

/* A finite positive number as digits d1 d2 ... dn times 10^scale (an integer times a power), without trailing zeros. */
struct decimal {
    char digits[NUM_I64_TEXT_MAX];
    int count;
    int scale;
};

static bool decimal_short(struct decimal *d, double v)
{
    for (int k = 0; k <= POW10_EXACT; k++) {
        double scaled = v * pow10_exact[k];
        if (scaled >= 1e15) return false;
        uint64_t mantissa = (uint64_t)(scaled + 0.5);
        if (mantissa == 0 || mantissa >= (uint64_t)1e15 || (double)mantissa / pow10_exact[k] != v) continue;
        d->count = write_digits(d->digits, mantissa);
        d->scale = -k;
        return true;
    }
    return false;
}

/* The same by exact integers of 128 bits, for numbers of everyday size: v is m * 2^-s, and a decimal c * 10^-k stands
 * for it when c * 2^s lies between (m - 1/2) * 10^k and (m + 1/2) * 10^k. Ties, and powers of two (below which the
 * doubles lie closer), are left to decimal_slow. */
static bool decimal_exact(struct decimal *d, double v)
{
    if (!(v >= 1e-5 && v < 1e15)) return false;
    int exponent;
    uint64_t m = (uint64_t)ldexp(frexp(v, &exponent), 53);
    int s = 53 - exponent;
    if (m == 1ull << 52) return false;
    int first = 0; /* exponent of the first digit; where v is off a power of ten by less than it shows, any of two */
    while (first < 14 && v >= pow10_exact[first + 1]) first++;
    while (first <= 0 && first > -5 && v * pow10_exact[-first] < 1) first--;
    for (int digits = DIGITS_EXACT; digits <= DIGITS_MAX; digits++) {
        int k = digits - 1 - first;
        unsigned __int128 power = (unsigned __int128)(uint64_t)pow10_exact[k / 2] * (uint64_t)pow10_exact[k - k / 2];
        unsigned __int128 exact = power * (2 * m), half = (unsigned __int128)1 << s; /* of 10^-k, as 2^-(s + 1) */
        uint64_t c = (uint64_t)((exact + half) >> (s + 1));
        unsigned __int128 back = (unsigned __int128)c << (s + 1), off = back > exact ? back - exact : exact - back;
        if (off == half) return false;
        if (off > power || (off == power && m % 2 != 0)) continue;
        d->count = write_digits(d->digits, c);
        d->scale = -k;
        while (d->count > 1 && d->digits[d->count - 1] == '0') d->count--, d->scale++;
        return true;
    }
    return false;
}

static void decimal_slow(struct decimal *d, double v)
{
    char text[DIGITS_MAX + 16];
    /* Denormals have fewer digits to offer than 15, which all others have. */
    int precision = v < 2.2250738585072014e-308 ? 1 : DIGITS_EXACT;
    for (;; precision++) {
        int len = snprintf(text, sizeof text, "%.*e", precision - 1, v);
        assert(len > 0 && len < (int)sizeof text);
        if (precision == DIGITS_MAX || strtod(text, NULL) == v) break;
    }
    d->digits[0] = text[0];
    d->count = 1;
    const char *p = text + 1;
    if (*p == '.') {
        for (p++; *p != 'e'; p++) d->digits[d->count++] = *p;
    }
    d->scale = (int)strtol(p + 1, NULL, 10) - (d->count - 1);
    while (d->count > 1 && d->digits[d->count - 1] == '0') d->count--, d->scale++;
}

/* As Redis prints scores since 7.2, an exponent is used where a whole number would need more than 7 zeros behind its
 * digits, and where a fraction has 7 decimal places or more and its first digit is 4 or more places from the units. */
static int decimal_text(char *out, const struct decimal *d)
{
    int exponent = d->scale + d->count - 1; /* of the first digit */
    int distance = exponent < 0 ? -exponent : exponent;
    char *p = out;
    if (d->scale >= 0 && distance < d->count + 7) {
        p = mempcpy(p, d->digits, (size_t)d->count);
        p = (char *)memset(p, '0', (size_t)d->scale) + d->scale;
    } else if (d->scale < 0 && (d->scale > -7 || distance < 4)) {
        if (exponent < 0) {
            p = mempcpy(p, "0.", 2);
            int zeros = -exponent - 1;
            p = (char *)memset(p, '0', (size_t)zeros) + zeros;
            p = mempcpy(p, d->digits, (size_t)d->count);
        } else {
            p = mempcpy(p, d->digits, (size_t)exponent + 1);
            *p++ = '.';
            p = mempcpy(p, d->digits + exponent + 1, (size_t)-d->scale);
        }
    } else {
        *p++ = d->digits[0];
        if (d->count > 1) {
            *p++ = '.';
            p = mempcpy(p, d->digits + 1, (size_t)d->count - 1);
        }
        *p++ = 'e';
        *p++ = exponent < 0 ? '-' : '+';
        p += write_digits(p, (uint64_t)distance);
    }
    return (int)(p - out);
}

static int literal_text(char *out, const char *text)
{
    size_t len = strlen(text);
    memcpy(out, text, len + 1);
    return (int)len;
}

int double_to_text(char out[NUM_DOUBLE_TEXT_MAX], double v)
{
    if (isnan(v)) return literal_text(out, "nan");
    if (isinf(v)) return literal_text(out, v > 0 ? "inf" : "-inf");
    if (v == 0) return literal_text(out, signbit(v) ? "-0" : "0");
    int len = 0;
    if (v >= -0x1p62 && v <= 0x1p62 && v == (double)(int64_t)v) {
        len = i64_to_text(out, (int64_t)v);
    } else {
        struct decimal d;
        if (v < 0) out[len++] = '-';
        if (!decimal_short(&d, fabs(v)) && !decimal_exact(&d, fabs(v))) decimal_slow(&d, fabs(v));
        len += decimal_text(out + len, &d);
    }
    assert(len < NUM_DOUBLE_TEXT_MAX);
    out[len] = '\0';
    return len;
}

int long_double_to_text(char out[NUM_LONG_DOUBLE_TEXT_MAX], long double v)
{
    if (isnan(v)) return literal_text(out, "nan");
    if (isinf(v)) return literal_text(out, v > 0 ? "inf" : "-inf");
    int len = snprintf(out, NUM_LONG_DOUBLE_TEXT_MAX, "%.17Lf", v);
    assert(len > 18 && len < NUM_LONG_DOUBLE_TEXT_MAX);
    while (out[len - 1] == '0') len--;
    if (out[len - 1] == '.') len--;
    out[len] = '\0';
    if (len == 2 && out[0] == '-' && out[1] == '0') return literal_text(out, "0");
    return len;
}

int bytes_to_human(char out[32], uint64_t bytes)
{
    static const char units[] = "KMGTP";
    if (bytes < 1024) return snprintf(out, 32, "%uB", (unsigned)bytes);
    double v = (double)bytes / 1024;
    size_t unit = 0;
    for (; v >= 1024 && unit < sizeof units - 2; unit++) v /= 1024;
    return snprintf(out, 32, "%.2f%c", v, units[unit]);
}
