/* Glob patterns as KEYS, SCAN, PSUBSCRIBE, CONFIG GET and ACL use them.
 *
 * A pattern is a row of units, each of which takes one byte of text (a letter, `?`, a class, an escape), and stars
 * between them. Only the last star seen is ever tried again: if the units behind it fit at one place, a longer match
 * for an earlier star can't help. So the work is at most |pattern| * |text| steps.
 *
 * Corners that users' patterns may rely on, as Redis has them:
 *   a class that is not closed ends with the pattern;   `[]` matches nothing, `[^]` everything;
 *   a range takes whatever byte follows the `-`, even `]` (`[a-]` is open), and its ends may be reversed;
 *   an escape in a class takes part in no range and always regards case;
 *   a backslash at the pattern's end stands for itself;
 *   without regard to case, the ends of a range are put in order before they are made lower case;
 *   bytes above 127 sort below the others in a range. */
#include "base/glob.h"

#include <string.h>

static inline int fold(char c, bool nocase)
{
    int v = (signed char)c;
    return nocase && v >= 'A' && v <= 'Z' ? v + ('a' - 'A') : v;
}

static inline bool same(char a, char b, bool nocase)
{
    return fold(a, nocase) == fold(b, nocase);
}

static bool in_range(char first, char last, char c, bool nocase)
{
    bool reversed = (signed char)first > (signed char)last;
    int low = fold(reversed ? last : first, nocase), high = fold(reversed ? first : last, nocase);
    int v = fold(c, nocase);
    return v >= low && v <= high;
}

/* p stands behind '['; returns where the class ends (behind its ']' or at end). */
static const char *match_class(const char *p, const char *end, char c, bool nocase, bool *matched)
{
    bool negated = p < end && *p == '^', found = false;
    if (negated) p++;
    while (p < end && *p != ']') {
        if (*p == '\\' && end - p >= 2) {
            found |= p[1] == c;
            p += 2;
        } else if (end - p >= 3 && p[1] == '-') {
            found |= in_range(p[0], p[2], c, nocase);
            p += 3;
        } else {
            found |= same(*p, c, nocase);
            p++;
        }
    }
    *matched = found != negated;
    return p < end ? p + 1 : p;
}

/* The unit at p (not a star) against one byte; returns where the unit ends. */
static const char *match_unit(const char *p, const char *end, char c, bool nocase, bool *matched)
{
    switch (*p) {
    case '?': *matched = true; return p + 1;
    case '[': return match_class(p + 1, end, c, nocase, matched);
    case '\\':
        if (end - p >= 2) p++;
        break;
    }
    *matched = same(*p, c, nocase);
    return p + 1;
}

bool glob_match(struct slice pattern, struct slice text, bool nocase)
{
    const char *p = pattern.ptr, *p_end = p + pattern.len;
    const char *t = text.ptr, *t_end = t + text.len;
    const char *star = NULL, *star_text = NULL; /* behind the last star, and the text it has not taken yet */
    while (t < t_end) {
        if (p < p_end && *p == '*') {
            do p++;
            while (p < p_end && *p == '*');
            if (p == p_end) return true;
            star = p;
            star_text = t;
            continue;
        }
        bool matched = false;
        if (p < p_end) p = match_unit(p, p_end, *t, nocase, &matched);
        if (matched) {
            t++;
        } else if (star != NULL) {
            p = star;
            t = ++star_text;
        } else {
            return false;
        }
    }
    while (p < p_end && *p == '*') p++;
    return p == p_end;
}

bool glob_is_literal(struct slice pattern)
{
    for (size_t i = 0; i < pattern.len; i++) {
        if (strchr("*?[\\", pattern.ptr[i]) != NULL && pattern.ptr[i] != '\0') return false;
    }
    return true;
}
